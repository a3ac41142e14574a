r"""check_layer: the whole ladder for a layer of your own, in one line.

>>> from minidl import nn
>>> report = check_layer(lambda: nn.Linear(3, 2), (4, 3), batch=True)
>>> report.passed
True

Each rung tests one promise that every layer of minidl keeps:

| rung | promise |
|---|---|
| gradients | backward is the derivative of forward (finite differences in float64) |
| float32 | float32 in, float32 out, and the numbers of float64 up to rounding; gradients too |
| repeatable | the same seed gives the same bits |
| unchanged | neither the inputs nor the gradient from above are written to |
| layouts | transposed, channels-last, sliced, reversed and read-only arrays give the same numbers |
| frozen | what does not ask for a gradient gets none, and changes no other |
| trained | every parameter gets a gradient |
| state_dict | weights put into another one of its kind make it equal |
| eval | it runs in evaluation mode too |
| batch (on request) | each example is treated by itself |
| empty (on request) | a batch of no examples gives no results, and gradients of zero |
| rank (on request) | an input with one axis too many is a ValueError or TypeError |

A RuntimeWarning on any of them is an error.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl import check
from minidl.testing.ladder import ON_REQUEST, RUNGS
from minidl.testing.registry import Case, seeded
from minidl.testing.subject import Subject
from minidl.testing.values import distinct


class Row(NamedTuple):
    r"""One rung: its name, whether it held, and a figure or what went wrong."""

    rung: str
    passed: bool
    note: str


class Report:
    r"""What `check_layer` found; print it for a table."""

    def __init__(self, name: str, rows: list[Row]):
        self.name, self.rows = name, rows

    @property
    def passed(self) -> bool:
        r"""Whether every rung held."""
        return all(row.passed for row in self.rows)

    def __str__(self) -> str:
        lines = [f"{r.rung:<12}{'ok    ' if r.passed else 'FAILED'}  {r.note}".rstrip() for r in self.rows]
        return "\n".join([self.name, *(f"  {line}" for line in lines)])

    __repr__ = __str__


def check_layer(
    factory: Callable | Case,
    *inputs: Any,
    batch: bool = False,
    empty: bool = False,
    rank: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Report:
    r"""Put a layer on every rung of the ladder.

    factory: a Module class or a function without arguments that makes a module; or a plain function of tensors.
    inputs: for each input its shape (it is filled with distinct numbers away from 0, see `values.distinct`) or an
        array (float64, or integers for labels and indices).
    batch, empty, rank: the rungs on request. tolerance: of the gradients, relative.
    Returns a report that prints as a table. Raises AssertionError, with that table, if a rung does not hold.

    >>> import minidl
    >>> print(check_layer(minidl.ops.exp, (2, 3)))     # doctest: +ELLIPSIS
    exp
      gradients   ok      worst relative error ...
    """
    if not isinstance(factory, Case) and not callable(factory):
        raise check.DTypeError(f"check_layer: factory must be a class or a function, got {factory!r}")
    for x in inputs:
        if isinstance(x, list | str) or x is None:
            raise check.DTypeError(f"check_layer: an input must be its shape, as in (4, 3), or an array, got {x!r}")
    if isinstance(factory, Case):
        name, build = str(factory), factory.build
    else:
        name = getattr(factory, "__name__", type(factory).__name__)
        make = factory if _takes_nothing(factory) else lambda: factory

        def build(seed_now: int) -> tuple[Callable, list]:
            return seeded(lambda: (make(), [distinct(*x) if isinstance(x, tuple) else x for x in inputs]), seed_now)

    subject = Subject(lambda k: build(seed + k), tolerance)
    wanted = {"batch": batch, "empty": empty, "rank": rank}
    rungs = {**RUNGS, **{name: ON_REQUEST[name] for name, on in wanted.items() if on}}
    report = Report(name, [_tried(name, rung, subject) for name, rung in rungs.items()])
    if not report.passed:
        raise AssertionError(f"check_layer: {report}")
    return report


def _tried(name: str, rung: Callable[[Subject], str], subject: Subject) -> Row:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return Row(name, True, rung(subject))
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            return Row(name, False, f"{kind}{error}")


def _takes_nothing(factory: Callable) -> bool:
    if inspect.isclass(factory):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(factory).parameters.values()
    return not any(p.kind == p.VAR_POSITIONAL or (p.kind in kinds and p.default is p.empty) for p in parameters)
