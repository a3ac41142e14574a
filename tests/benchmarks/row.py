r"""A row of the table: what is done, at which size, by whom.

To add one, write a function of its sizes that returns the sides by name, and a `Row` in the list ROWS of a group's
file:

    def relu(N, D):
        x, dy = normal(N, D), normal(N, D)
        return layer(lambda nn: nn.ReLU(), x, dy) | {"numpy": lambda: lambda: [x.clip(0), dy * (x > 0)]}

    ROWS = [Row("ReLU 64x256", relu, {"N": 64, "D": 256}, tiny={"N": 2, "D": 3})]

A side is a function that builds a pass (peers.py has the usual ones), so that what a row does not need is never made.
A pass returns its results in the same order on every side: outputs, then gradients. Sides are known by their names:

minidl, minidl ...   ours; the second line is for a variant, as images that come channels-last
torch, torch ...     torch as it comes, and variants of it: the best of all these lines is "best torch"
numpy                the plain formulas in NumPy, which also judge where there is no torch
anything else        another framework: mygrad, MiniSom, neat-python
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.benchmarks import harness


@dataclass(frozen=True)
class Row:
    name: str
    sides: Callable[..., dict[str, Callable]]
    size: dict
    tiny: dict  # the same, so small that a test can build and run all rows
    kind: str = ""  # "small": overhead is all there is to it, a mean of its own; "extra": in no mean
    goal: float = 1.15  # the ratio to torch that is wanted at most
    bound: float = 2e-5  # of the error
    flops: Callable[..., float] | None = None  # how many a pass takes at least, from its sizes
    check: Callable | None = None  # instead of the comparison: check(ours, name, theirs) raises AssertionError


def build(row: Row, size: dict) -> tuple[dict[str, Callable], dict[str, str]]:
    """(The passes of the sides, who could not come and why)."""
    passes, missing = {}, {}
    for name, side in row.sides(**size).items():
        try:
            passes[name] = side()
        except ModuleNotFoundError as reason:
            missing[name] = str(reason)
    return passes, missing


def numbers(results) -> list[np.ndarray]:
    """Results of any side as arrays."""
    return [_array(result) for result in results]


def _array(x) -> np.ndarray:
    if getattr(x, "is_sparse", False):  # torch
        x = x.to_dense()
    x = x.detach() if hasattr(x, "detach") else x
    x = x.numpy() if hasattr(x, "numpy") else getattr(x, "data", x)  # tensors of torch and minidl; of mygrad
    return np.array(x)


def check(row: Row, passes: dict[str, Callable]) -> dict[str, float]:
    """Name -> error of that side against the judge (torch, else NumPy). All results of the first pass are compared, and
    the first one of three more, so that steps that go on from each other are looked at too."""
    found = {name: [numbers(once()), *(numbers(once()[:1]) for _ in range(3))] for name, once in passes.items()}
    judge = next((name for name in ("torch", "numpy") if name in found), next(reversed(found)))
    errors = {}
    for name, results in found.items():
        if row.check:
            row.check(results[0], name)
        elif name != judge:
            errors[name] = max(map(harness.error, results, found[judge]))
            assert errors[name] <= row.bound, f"{row.name}: {name} differs from {judge} by {errors[name]:.1e}"
    return errors


def measure(row: Row, rounds: int, threads: int = 1) -> dict:
    """Everything about a row, as it goes into --json."""
    passes, missing = build(row, row.size)
    errors = check(row, passes)
    times = harness.turns(passes, rounds, threads)
    found = {"name": row.name, "kind": row.kind, "goal": row.goal, "size": row.size, "threads": threads}
    found |= {"errors": errors, "missing": missing, "measurable": times is not None}
    if times is None:
        return found
    ours = {name: t for name, t in times.items() if name.partition(" ")[0] == "minidl"}
    best = min(ours, key=lambda name: np.median(ours[name]))
    found["times"] = {name: harness.summary(t) for name, t in times.items()}
    found["best"] = best
    found["ratios"] = {name: harness.ratio(times["minidl"], t) for name, t in times.items() if name != "minidl"}
    found["best ratios"] = {name: harness.ratio(times[best], t) for name, t in times.items() if name not in ours}
    found["flops"] = row.flops(**row.size) if row.flops else None
    return found
