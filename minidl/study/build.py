r"""From a topic to its page: what the file says, and what a run of it shows.

>>> from minidl.study.find import find
>>> page = build(find("Linear"))
>>> page.example, page.letters
('Linear(3, 2, bias=True) on x (4, 3)', {'E': 12, 'N': 4, 'D': 3, 'F': 2})
>>> [(cost.name, cost.value, cost.measured) for cost in page.costs]
[('parameters', 8, 8), ('multiply-adds', 24, 24), ('bytes kept', 48, 48)]
"""

import ast
import base64
import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import losses, nn
from minidl.plot.graph import plot_graph
from minidl.study import blocks, checks, costs, golden, picture, source, trace
from minidl.study.errors import StudyError, during
from minidl.study.example import examples, input_names
from minidl.study.find import ROOT, Topic, related
from minidl.study.page import Cost, Kernel, Page, Table
from minidl.tensor import Tensor
from minidl.testing.subject import Subject, call, leaves

PARTS = ("layer", "loss", "optimiser")  # kinds whose pages are about one class or function, and need all parts
# evolution files without a picture: settings, bookkeeping, data
PLAIN = ("config", "presets", "evaluate", "report", "latest", "scores", "stream", "genes")


def build(topic: Topic) -> Page:
    r"""The page of a topic. StudyError if its file lacks a part that a page needs."""
    text = source.read(topic.path)
    doc, segments = source.split(text)
    illustrate = getattr(topic.module, "illustrate", None)
    _complete(topic, doc, illustrate)
    sections = source.sections(doc)
    body, _ = source.tables(sections["text"], "option", "argument", "cost")
    page = Page(
        name=topic.name if topic.kind != "kernel" else f"kernels/{topic.path.name}",
        kind=topic.kind,
        slug=topic.slug,
        summary=sections["summary"].split(": ", 1)[-1],
        file=topic.file,
        text=body,
        source=[dataclasses.replace(s, note=source.tables(s.note, "option", "argument", "cost")[0]) for s in segments],
        docstring=source.docstring(text),
        shapes=sections.get("Shapes", ""),
        sources=[p for p in sections.get("Source", "").split("\n\n") if p],
        tries=source.items(sections.get("Try it", "")),
    )
    if illustrate:
        with during("illustrate(ax) fails", topic.path):
            page.picture = picture.draw(illustrate, "picture")
        page.caption = " ".join(inspect.getdoc(illustrate).split())
    if topic.kind in PARTS:
        page.options = options(topic)
    elif topic.kind == "evolution":  # of all that the file has
        page.options = [t for s in segments for t in source.tables(s.note, "option", "argument")[1]]
    called = imported(text)
    if topic.kind in ("layer", "loss"):
        with during(f"what {topic.name} does cannot be shown", topic.path):
            called = ran(topic, page)
    elif topic.kind == "optimiser":
        page.costs = list(state_costs(topic))
    elif topic.slug == "tensor":
        page.graph = expression()
    elif topic.kind == "demo":
        demo_picture(topic, page, sections.get("Picture", ""))
    if topic.kind == "kernel":
        page.source, own = blocks.cut(page.source)
        page.kernels = [Kernel(topic.path.stem, topic.file, "", own, [])] if own else []
    else:
        page.kernels = [blocks.kernel(name, functions) for name, functions in called.items()]
    if topic.kind in PARTS:
        page.peer = golden.peer(topic)
        if page.peer is None:
            page.no_peer = (
                "torch has none of these, or its numbers are not kept."
                if golden.FOLDER.exists()
                else "torch's numbers come with the repository (tests/golden), not with the installed package."
            )
    page.related = related(topic, called)
    return page


def _complete(topic: Topic, doc: str, illustrate: Any) -> None:
    """StudyError that names all the parts that are missing."""
    missing = []
    if not doc:
        missing.append("a docstring of the file: the idea, the equations, the backward")
    if topic.object and not topic.object.__doc__:
        missing.append(f"a docstring of {topic.name}: its options, and a doctest that makes one and calls it")
    if not illustrate and (topic.kind in PARTS or topic.kind == "evolution" and topic.path.stem not in PLAIN):
        missing.append("an illustration: a function `illustrate(ax)` at the end of the file that draws what it does")
    elif illustrate and not inspect.getdoc(illustrate):
        missing.append("a docstring of illustrate(ax): the caption of the picture")
    if missing:
        parts = "\n".join(f"  - {part}" for part in missing)
        raise StudyError(
            f"study: {topic.path.name} lacks\n{parts}\nminidl/nn/linear.py is a short file that has all of it"
        )


def options(topic: Topic) -> list[Table]:
    r"""The tables of options in the docstrings of a class (or function) and its file; and of its bases, where they name
    parameters that no table before them does.

    >>> from minidl.study.find import find
    >>> [table.rows[0][0] for table in options(find("GRU"))]
    ['`GRU`', '`input_size`']
    """
    kinds = inspect.getmro(topic.object) if inspect.isclass(topic.object) else (topic.object,)
    docs = [doc for kind in kinds if kind is not object for doc in (kind.__doc__, inspect.getmodule(kind).__doc__)]
    docs += [losses.reduce.__doc__] * (topic.kind == "loss")
    found: list[Table] = []
    lacking = {topic.name, *inspect.signature(topic.object).parameters}
    for doc in docs:
        for table in source.tables(inspect.cleandoc(doc or ""), "option", "argument")[1]:
            named = {name for row in table.rows for name in re.findall(r"`\*{0,2}(\w+)`", row[0])}
            if named & lacking:
                found.append(table)
                lacking -= named
    return found


def imported(text: str) -> dict[str, list[str]]:
    r"""The kernel files that a file imports, and what of them.

    >>> imported("from minidl.kernels.optim import adam\nfrom minidl.kernels import som as kernel")
    {'optim': ['adam'], 'som': []}
    """
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "minidl.kernels":
            found |= {alias.name: [] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minidl.kernels."):
            found.setdefault(node.module.rpartition(".")[2], []).extend(alias.name for alias in node.names)
    return found


def ran(topic: Topic, page: Page) -> dict[str, list[str]]:
    r"""Fill in what runs of a layer or loss show. Returns the kernel functions that it calls."""
    all_examples = list(examples(topic))
    first = all_examples[0]
    with during(f"forward and backward of {first.label} in float32", topic.path):
        run = trace.run(Subject(first.build, checks.TOLERANCE), topic.path)
    names = input_names(getattr(run.layer, "forward", topic.object), len(run.inputs))
    on = ", ".join(f"{name} {tuple(x.shape)}" for name, x in zip(names, run.inputs, strict=True))
    layer = inner(topic, run.layer)
    page.example = f"{' '.join(repr(layer).split()) if layer else topic.name} on {on}"
    page.trace = run.trace
    found = {"x": [run.inputs[0].shape], "y": [y.shape for y in run.outputs[:1]]}
    for row in run.trace:
        if row.file == topic.path.name:
            found.setdefault(row.name, []).append(row.shape)
    letters, page.disagreements = costs.bind(page.shapes, found)
    page.letters = {"E": int(run.inputs[0].size), **letters}
    page.costs = list(layer_costs(topic, run, page.letters))
    page.graph = graph(topic, run, names)
    with during(f"the gradient check of {topic.name}, in float64", topic.path):
        page.gradients = checks.gradients(topic.object, all_examples)
    if run.called:
        page.speed = checks.speed(first)
    return {**run.called, **{name: names for chooser in run.called for name, names in chosen(chooser, run).items()}}


def chosen(chooser: str, run: trace.Run) -> dict[str, list[str]]:
    r"""The kernels that did the work for a file that has no loop of its own, as conv.py has none."""
    handed = run.handed.get(chooser, {})
    if "@njit" in (blocks.KERNELS / f"{chooser}.py").read_text(encoding="utf-8"):
        return {}
    return {name: names for name, names in handed.items() if blocks.kernel(name, []).blocks}


def inner(topic: Topic, layer: Any) -> nn.Module | None:
    r"""The layer itself, where the registry has a wrapper around it; None for a function."""
    if not isinstance(layer, nn.Module):
        return None
    return next((m for m in layer.modules() if type(m) is topic.object), layer)


def layer_costs(topic: Topic, run: trace.Run, letters: dict[str, int]) -> Iterator[Cost]:
    r"""The cost table of the docstring, evaluated, beside what was measured."""
    layer = inner(topic, run.layer)
    measured = {"bytes kept": run.kept}
    if layer:
        measured["parameters"] = sum(p.size for p in layer.parameters())
        measured["multiply-adds"] = run.multiply_adds
    for table in source.tables(inspect.getdoc(topic.object), "cost")[1]:
        for name, formula in table.rows:
            yield _cost(name, formula, letters, measured.get(name))


def state_costs(topic: Topic) -> Iterator[Cost]:
    r"""What an optimiser keeps between steps, for P weights in float32."""
    rows = [row for table in source.tables(inspect.getdoc(topic.object), "cost")[1] for row in table.rows]
    if not rows:
        return
    w = nn.Parameter(np.ones((5, 7), np.float32))
    optimizer = topic.object([w])
    w.grad = w._data + 0
    optimizer.step()
    arrays = [x for state in optimizer.state for x in state.values() if isinstance(x, np.ndarray)]
    for name, formula in rows:
        yield _cost(name, formula, {"P": w.size}, sum(x.nbytes for x in arrays) if name == "bytes of state" else None)


def _cost(name: str, formula: str, letters: dict[str, int], measured: int | None) -> Cost:
    if not (formula.startswith("$") and formula.endswith("$")):
        return Cost(name, formula, None, measured)
    return Cost(name, formula, costs.evaluate(formula.strip("$"), letters), measured)


def graph(topic: Topic, run: trace.Run, names: list[str]) -> str:
    r"""The computation graph of another call of the layer, as SVG; "" where it is too large to be drawn."""
    xs = [x.requires_grad_(x.dtype.kind == "f") for x in leaves(run.inputs)]
    named = dict(zip(names, xs, strict=True))
    if layer := inner(topic, run.layer):
        named |= dict(layer.named_parameters())
    outputs = call(run.layer, xs)
    try:
        return drawn(outputs[0], named) if outputs else ""
    except ValueError:
        return ""


def expression() -> str:
    r"""The graph of a small expression, as SVG."""
    w, x, b = (Tensor(value, requires_grad=True) for value in (-2.0, 1.5, 0.5))
    return drawn((w * x + b).tanh(), {"w": w, "x": x, "b": b})


def drawn(y: Tensor, names: dict[str, Tensor]) -> str:
    r"""The graph of y as SVG; the page says what it shows, so it has no title."""
    return picture.draw(lambda ax: plot_graph(y, names=names, ax=ax).set_title(""), "graph", tight=True)


def demo_picture(topic: Topic, page: Page, caption: str) -> None:
    r"""The picture that a full run of the demo made, which lies beside it."""
    file = ROOT / "demos" / "pictures" / f"{topic.path.stem}.png"
    if file.exists():
        data = base64.b64encode(file.read_bytes()).decode()
        page.picture = f'<img src="data:image/png;base64,{data}" alt="">'
    page.caption = " ".join(caption.split())
