r"""plot_graph: the computation graph of a tensor, with values and gradients."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import backend, check, diagnose
from minidl.plot.boxes import GREY, Box, draw, placed
from minidl.plot.curves import LOSS, METRICS
from minidl.replay import CHANGED, FREED, Step, Variable, key_of, replay, structure
from minidl.tensor import Tensor

SYMBOLS = {"Add": "+", "Sub": "\N{MINUS SIGN}", "Mul": "\N{MULTIPLICATION SIGN}", "Div": "/", "Pow": "^", "MatMul": "@"}
COLOURS = {"leaf": METRICS[1], "constant": GREY, "computed": LOSS}
SMALL = 4  # as many numbers are written out
PROBLEMS = {
    FREED: "freed by backward(): values need retain_graph=True there, or a picture before",
    CHANGED: "an array was written to after its use: what needs it is unknown",
}


def plot_graph(
    tensor: Tensor,
    *,
    names: dict[str, Tensor] | Iterable | None = None,
    max_nodes: int = 60,
    ax: Any = None,
    **kwargs: Any,
) -> Any:
    r"""How `tensor` was computed, from left to right: a box a tensor, a rounded one a Function, a line a use.

    In a box: name and value (up to four numbers; else the shape), and below the gradient of `tensor` with respect to it
    (of its sum, where it is not one number); of more than four numbers their norm |grad| $= \sqrt{\sum_i g_i^2}$.
    Green: leaves, whose gradients backward() writes; blue: computed; grey: no gradient. The inputs of a Function enter
    it in their order from the top.

    Values and gradients are those of the forward pass, of all tensors, also of those that Python has dropped, and
    nothing is changed by looking (see minidl/replay.py). A value that cannot be had again (random numbers that were
    drawn in a forward) is left out. backward() frees its graph: draw before it, or call it with retain_graph=True.

    names: {name: tensor}, or pairs such as `model.named_parameters()`; tensors that are not in the graph do not matter.
    max_nodes: the most boxes, tensors and Functions together. kwargs: for the `FancyArrowPatch` of a line.
    Raises TypeError for something else than tensors, and ValueError for a larger graph.

    >>> x, w = Tensor(1.5, requires_grad=True), Tensor(-2.0, requires_grad=True)
    >>> ax = plot_graph((w * x + 1).tanh(), names={"x": x, "w": w})
    >>> ax.get_title(), [text.get_text() for text in ax.texts[:2]]
    ('6 tensors, 3 Functions', ['w = -2', 'grad 0.106'])
    """
    who = "plot_graph"
    check.instance(who, "tensor", tensor, Tensor)
    named = _named(who, names)
    max_nodes = check.integer(who, "max_nodes", max_nodes, low=1)
    found, steps = structure(tensor)
    if len(found) + len(steps) > max_nodes:
        raise ValueError(
            f"{who}: the graph has {len(found)} tensors and {len(steps)} Functions, {len(found) + len(steps)} boxes; "
            f"that is more than max_nodes={max_nodes}; draw a part of it, or give a larger max_nodes"
        )
    variables, steps, problem = replay(tensor, tuple(named.values()))
    labels = {key_of(t): name for name, t in named.items()}
    boxes = [Box(v, _words(labels.get(v.key, ""), v, problem), COLOURS[v.kind]) for v in variables]
    uses: list[tuple] = []
    for step in steps:
        name = diagnose.name(step.function)
        boxes.append(Box(step, SYMBOLS.get(name, name), METRICS[0], rounded=True))
        uses += [(v, step) for v in step.inputs if v is not None] + [(step, v) for v in step.outputs.values()]
        if not step.function._edges:
            uses.append((stub := object(), step))
            boxes.append(Box(stub, "freed", GREY))
    ax = draw(ax, boxes, placed(boxes, uses), kwargs)
    ax.set_title(_title(tensor, variables, steps, problem), fontsize=10)
    return ax


def _named(who: str, names: Any) -> dict[str, Tensor]:
    if names is not None and not isinstance(names, Iterable):
        raise check.DTypeError(f"{who}: names must be a dict of tensors, got {type(names).__name__}")
    try:
        named = dict(names or {})
    except (TypeError, ValueError):
        raise check.DTypeError(f"{who}: names must be a dict of tensors, or pairs of name and tensor") from None
    for name, value in named.items():
        check.instance(who, f"names[{name!r}]", value, Tensor)
    return {str(name): value for name, value in named.items()}


# ---- what is written ----
def _words(name: str, v: Variable, problem: str) -> str:
    """What stands in the box of a tensor."""
    if v.value is not None and getattr(v.value, "size", 1) <= SMALL:
        text = f"{name} = " * bool(name) + _numbers(v.value)
    else:
        text = f"{name} {'' if v.shape is None else v.shape}".strip() or "?"
    if v.kind == "constant":
        return text
    if v.grad is None:
        return text if problem else f"{text}\nno grad"
    if v.grad.size <= SMALL:
        return f"{text}\ngrad {_numbers(v.grad)}"
    return f"{text}\n|grad| {np.linalg.norm(backend.to_numpy(v.grad).ravel()):.4g}"


def _numbers(value: Any, digits: int = 4) -> str:
    """Of a number (4 digits), an array or a list of lists (3 digits)."""
    value = backend.to_numpy(value).tolist() if hasattr(value, "shape") else value
    if isinstance(value, list):
        return f"[{', '.join(_numbers(v, digits=3) for v in value)}]"
    return f"{value + 0.0:.{digits}g}" if isinstance(value, float) else str(value)  # + 0.0: no -0


def _title(tensor: Tensor, variables: list[Variable], steps: list[Step], problem: str) -> str:
    if not steps:
        return "1 tensor: a leaf" if tensor.requires_grad else "1 tensor; no operation was recorded"
    title = f"{len(variables)} tensor{'s' * (len(variables) > 1)}, {len(steps)} Function{'s' * (len(steps) > 1)}"
    title += "; gradients of the result's sum" * (tensor.size != 1)
    unknown = sum(v.value is None for v in variables)
    if problem:
        return f"{title}\n{PROBLEMS[problem]}"
    return f"{title}\n{unknown} of the values cannot be computed again" if unknown else title
