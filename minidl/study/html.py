r"""A study page, and the index of all of them, as HTML: one file each, which loads nothing and runs nothing.

The templates hold the order and the words, `style.css` the looks; here is what they need to have worked out.
"""

import functools
import html
import itertools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.lexers import CudaLexer, PythonLexer
from pygments.token import String

from minidl.study import markup
from minidl.study.page import Gradient, Kernel, Page, Segment, Traced

# id -> title, and what has to be there for it
SECTIONS = {
    "idea": ("The idea", lambda p: p.text),
    "shapes": ("Shapes", lambda p: p.shapes),
    "options": ("Options", lambda p: p.options),
    "source": ("Source with notes", lambda p: p.source),
    "trace": ("Shape trace", lambda p: p.trace),
    "graph": ("Computation graph", lambda p: p.graph),
    "gradients": ("Gradient check", lambda p: p.gradients),
    "kernels": ("Kernels", lambda p: [k for k in p.kernels if k.blocks or p.kind != "kernel"]),
    "costs": ("Costs", lambda p: p.costs),
    "peer": ("Beside torch", lambda p: p.peer or p.no_peer),
    "speed": ("Speed", lambda p: p.speed),
    "papers": ("Papers", lambda p: p.sources),
    "try": ("Try it", lambda p: p.tries),
}
KINDS = {  # the order and the headings of the index
    "layer": "Layers",
    "loss": "Losses",
    "optimiser": "Optimisers and schedules",
    "evolution": "Evolution",
    "engine": "The engine",
    "kernel": "Kernels",
    "demo": "Demos",
}
WIDE = ("source", "kernels")  # take the whole width of a wide screen
FEW = 12  # rows of a table that need not be folded away


def render(page: Page, known: dict[str, str]) -> str:
    r"""The page as HTML. `known`: slug -> name of the pages beside it, {} where it stands alone and links to none.

    Raises FormulaError for a formula that cannot be shown.
    """
    sections = {name: title for name, (title, needs) in SECTIONS.items() if needs(page)}
    if page.kind == "kernel" and "kernels" in sections:
        sections["kernels"] = "The code"
    narrow = list(itertools.takewhile(lambda name: name not in WIDE, sections))
    names = {"page": page, "known": known, "sections": sections, "lines": lines(page), "narrow": narrow}
    return _templates().get_template("page.html").render(names).lstrip()


def render_index(pages: list[tuple[Page, str]]) -> str:
    r"""The index of a site: pages, each with the file of its thumbnail ("" where it has none)."""
    kinds = {title: [entry for entry in pages if entry[0].kind == kind] for kind, title in KINDS.items()}
    return _templates().get_template("index.html").render(kinds={title: k for title, k in kinds.items() if k})


@functools.cache
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    loader = FileSystemLoader(folder)
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    made.filters |= {
        "markup": lambda text: Markup(markup.to_html(text)),
        "inline": lambda text: Markup(markup.inline(text)),
        "plain": plain,
        "code": code,
        "figure": figure,
        "natural": natural,
        "table": lambda table: Markup(markup.table(table.header, table.rows)),
        "shape": lambda shape: f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})",
        "error": lambda number: "0" if number == 0 else f"{number:.0e}".replace("e-0", "e-"),
        "count": lambda number: "" if number is None else f"{number:,}",
        "seconds": seconds,
        "summary": summary,
        "worst": worst,
        "by_line": by_line,
        "by_tensor": by_tensor,
        "called": called,
    }
    made.globals |= {"style": Markup((folder / "style.css").read_text(encoding="utf-8")), "anchor": anchor, "few": FEW}
    made.globals |= {"side_by_side": side_by_side, "WIDE": WIDE}
    return made


def lines(page: Page) -> dict[tuple[str, int], str]:
    r"""The lines of code that stand on the page: (file as a trace names it, number) -> text."""
    files = [(Path(page.file).name, page.source), *((k.file, b.segments) for k in page.kernels for b in k.blocks)]
    segments = [(file, segment) for file, all_of_it in files for segment in all_of_it]
    return {(file, n): line for file, s in segments for n, line in zip(s.numbers, s.code.split("\n"), strict=False)}


def plain(text: str) -> str:
    r"""A text in markup without it: for a title or a label.

    >>> plain("The `Linear` layer, $x < 1$.")
    'The Linear layer, x<1.'
    """
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup.inline(text))).split())


def summary(page: Page) -> str:
    r"""The sentence below the title, without the title."""
    text = page.summary.removeprefix(f"{page.name}: ").removeprefix(f"{page.name.removesuffix('.py')}: ")
    return text[0].upper() + text[1:] if re.match(r"([a-z]{2,}|a)\b(?!\()", text) else text  # x stays x


def anchor(page: Page, file: str) -> str:
    r"""What the ids of a file's lines begin with.

    >>> page = Page("LSTM", "layer", "LSTM", "", "minidl/nn/lstm.py", "", [])
    >>> anchor(page, "lstm.py"), anchor(page, "kernels/lstm.py")
    ('L', 'kernels-lstm-L')
    """
    return "L" if file == Path(page.file).name else re.sub(r"\W+", "-", file.removesuffix(".py")).strip("-") + "-L"


class Source(PythonLexer):
    r"""Python, in which strings of several statements, the bodies of GPU kernels, are CUDA."""

    def get_tokens_unprocessed(self, text, stack=("root",)):
        tokens = super().get_tokens_unprocessed(text, stack)
        for string, run in itertools.groupby(tokens, lambda token: token[1] in String):
            run = list(run)
            body = "".join(value for _, _, value in run)
            if string and ";\n" in body:
                quotes = re.match(r'\w*(["\x27])\1\1', body)
                first, last = (quotes.end(), len(body) - 3) if quotes else (0, len(body))
                yield run[0][0], String, body[:first]
                for place, kind, value in CudaLexer().get_tokens_unprocessed(body[first:last]):
                    yield run[0][0] + first + place, kind, value
                yield run[0][0] + last, String, body[last:]
            else:
                yield from run


def code(segment: Segment, start: str) -> Markup:
    r"""A segment's lines, each with its number, which is a link to itself. A long line wraps below its own indent."""
    lines = markup.highlighted(segment.code, Source()).split("\n")
    made = ""
    for n, line, raw in zip(segment.numbers, lines, segment.code.split("\n"), strict=True):
        indent = len(raw) - len(raw.lstrip())
        made += f'<span class="i{indent}"><a id="{start}{n}" href="#{start}{n}" tabindex="-1">{n}</a>{line}\n</span>'
    return Markup(f'<pre class="lines"><code>{made}</code></pre>')


def figure(picture: str, caption: str) -> Markup:
    r"""An SVG or an image with its name: the id of its caption."""
    return Markup(re.sub(r"^<(svg|img)", rf'<\1 role="img" aria-labelledby="{caption}"', picture.strip()))


def natural(picture: str) -> Markup:
    r"""A graph so large that its text has 9 points, whatever the width of its box."""
    size = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) .*?font(?:-size)?: ([\d.]+)px', picture, re.DOTALL)
    width = size and f'<svg width="{9 / float(size[2]) * float(size[1]):.0f}pt"'
    return Markup(str(picture).replace("<svg", width, 1) if width else picture)


def seconds(time: float) -> str:
    r"""
    >>> seconds(0.00123), seconds(4.5e-5), seconds(2.5)
    ('1.2 ms', '45 µs', '2.5 s')
    """
    unit, scale = ("s", 1) if time >= 1 else ("ms", 1e3) if time >= 1e-3 else ("µs", 1e6)
    number = time * scale
    return f"{number:.{0 if number >= 10 else 1}f} {unit}"


def worst(rows: list[Gradient]) -> Gradient:
    r"""The row of the largest error; one that failed before all that passed."""
    return max(rows, key=lambda row: (not row.passed, row.error))


def by_line(trace: list[Traced]) -> list[tuple[str, str, list[list[Traced]]]]:
    r"""A trace in pieces, in the order in which they ran: (phase, function, for each line what it made)."""
    return [
        (phase, function, [list(made) for _, made in itertools.groupby(rows, lambda row: row.line)])
        for (phase, function), rows in itertools.groupby(trace, lambda row: (row.phase, row.function))
    ]


def by_tensor(rows: list[Gradient]) -> list[tuple[str, list[Gradient]]]:
    r"""The rows of each tensor, over all cases."""
    return [(name, [row for row in rows if row.tensor == name]) for name in dict.fromkeys(row.tensor for row in rows)]


def side_by_side(kernel: Kernel) -> tuple[list, list]:
    r"""The blocks that say the same thing in several ways, which go into columns, and those that don't."""
    beside = [b for b in kernel.blocks if b.title.split(":")[0].strip() in ("reference", "CPU", "GPU")]
    return (beside, [b for b in kernel.blocks if b not in beside]) if len(beside) > 1 else ([], kernel.blocks)


def called(kernel: Kernel) -> list[tuple[str, int]]:
    r"""The functions that the layer calls, and the lines where they begin."""
    segments = [segment for block in kernel.blocks for segment in block.segments]
    found = {segment.name: segment.numbers[0] for segment in segments if segment.name in kernel.called}
    return [(name, found[name]) for name in kernel.called if name in found]
