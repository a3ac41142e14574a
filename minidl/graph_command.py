r"""`minidl graph`: the computation graph of an expression, as a picture.

minidl graph "tanh(w * x + b)" w=-2 x=1.5 b=0.5       graph.png, with all values and gradients
minidl graph "mse_loss(x @ w, [[1.0]])" x=[[1,2]] w=[[3],[4]] --out loss.svg

The expression is one of Python's; it may use the names given, and the functions of `minidl.functional` and
`minidl.ops`.
"""

import argparse
import ast
import difflib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minidl import functional, ops
from minidl.plot import plot_graph
from minidl.tensor import Tensor


class _Unusable(ValueError):
    """What was typed cannot be drawn; the message says why."""


def add_parser(commands: Any) -> None:
    r"""Add `graph` to the subcommands of an argparse parser."""
    parser = commands.add_parser("graph", help="draw the computation graph of an expression, with values and gradients")
    parser.add_argument("expression", help='such as "tanh(w * x + b)"; -- goes before one that begins with -')
    parser.add_argument("values", nargs="*", metavar="NAME=VALUE", help="a number, or lists of them: w=-2 x=[1,2,3]")
    parser.add_argument("--out", default="graph.png", metavar="FILE", help="where it goes (default: graph.png)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    r"""Do what the command line asks for; returns the exit status."""
    out = Path(arguments.out)
    try:
        names = dict(map(_named, arguments.values))
        result = evaluated(arguments.expression, names)
        save(plot_graph(result, names=names).figure, out)
    except _Unusable as error:
        print(f"minidl graph: {error}", file=sys.stderr)
        return 2
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        print(f"minidl graph: {arguments.expression}: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0


def _named(text: str) -> tuple[str, Tensor]:
    """The name and the tensor of "name=value"."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise _Unusable(f"{text!r} is no NAME=VALUE, such as w=-2 or x=[1,2,3]")
    try:
        return name, Tensor(np.array(ast.literal_eval(value.strip()), np.float32), requires_grad=True)
    except (SyntaxError, TypeError, ValueError, OverflowError):
        raise _Unusable(f"{text!r}: the value must be a number or a list of numbers, such as [1,2,3]") from None


def evaluated(expression: str, names: dict[str, Tensor]) -> Tensor:
    r"""The tensor that the expression gives. ValueError for a mistake in it, a name that nobody knows, and for what is
    no tensor.

    >>> evaluated("relu(x) * 2", {"x": Tensor([-1.0, 3.0])})
    Tensor([0., 6.])
    """
    try:
        tree = ast.parse(expression.strip(), "expression", "eval")
    except SyntaxError as error:
        mark = " " * max((error.offset or 1) - 1, 0) + "^"
        raise _Unusable(f"{error.msg}\n  {expression.strip()}\n  {mark}") from None
    functions = {name: getattr(house, name) for house in (ops, functional) for name in house.__all__}
    known = functions | names
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in used if isinstance(node.ctx, ast.Store)}  # as y is in [y for y in ...]
    for node in used:
        if node.id not in known and node.id not in bound:
            near = difflib.get_close_matches(node.id, known, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"known are {', '.join(names) or 'no names'}"
            raise _Unusable(f"nobody has said what {node.id!r} is; {hint} Or give it a value: {node.id}=1.5")
    result = eval(compile(tree, "expression", "eval"), {"__builtins__": {}} | known)  # noqa: S307  (the user's own words)
    if not isinstance(result, Tensor):
        raise _Unusable(f"{expression.strip()} gives no tensor, but {type(result).__name__}")
    return result


def save(figure: Any, path: Path) -> None:
    r"""Write the figure. ValueError (with the reason) where that cannot be done."""
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:  # ValueError: an ending that Matplotlib does not know
        raise _Unusable(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None
