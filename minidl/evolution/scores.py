r"""Scores: what an evaluation of a population comes to, and what may stand in a result.

Source: our own.

Try it:
1. `columns_of({"fitness": [1, 2], "solved": [True, False]}, 2)`: arrays by name. Ask for 3 genomes: a ShapeError. Write
   `[1, 0]` for solved: a DTypeError, as 1 is not True.
2. `Scores.of({"fitness": np.array([5.0, np.nan, 3.0, np.inf])}, [1, 3])`: 5, 3, 3, 3; who failed is the worst.
3. Add "behaviour" 0 to 3 there, a row each: rows 1 and 3 become 2. To have failed is nothing new to be.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl import check

LARGEST = 1e300  # fitnesses are added up
KINDS = {"fitness": "iuf", "behaviour": "iuf", "solved": "b"}  # what a result may hold, and in which kinds of dtype


class Scores(NamedTuple):
    r"""What `evaluate` returns.

    | field | |
    |---|---|
    | `fitness` | (P,) float64 |
    | `behaviour` | (P, ...) float64; None if the fitness says nothing about it |
    | `solved` | (P,) bool; None if the fitness says nothing about it |
    | `failed` | (P,) bool: which genomes got the worst fitness because they had none of their own |

    >>> scores = Scores(np.array([1.0, 3.0]), None, None, np.array([False, False]))
    >>> float(scores.fitness.max()), int(scores.failed.sum())
    (3.0, 0)
    """

    fitness: np.ndarray
    behaviour: np.ndarray | None
    solved: np.ndarray | None
    failed: np.ndarray

    @classmethod
    def of(cls, columns: dict[str, np.ndarray], failed: list[int]) -> "Scores":
        r"""The scores of these columns; who failed gets the row of the worst of the others, the first of several."""
        mask = np.zeros(len(columns["fitness"]), bool)
        mask[failed] = True
        worst = np.flatnonzero(~mask)[columns["fitness"][~mask].argmin()]
        for column in columns.values():
            column[mask] = column[worst]
        if "solved" in columns:
            columns["solved"][mask] = False
        return cls(columns["fitness"], columns.get("behaviour"), columns.get("solved"), mask)


def columns_of(result: Any, n: int) -> dict[str, np.ndarray]:
    r"""A result for n genomes, one array or a dict of such, as arrays with n rows, by name.

    >>> columns_of([1, 2], 2)
    {'fitness': array([1., 2.])}
    """
    fields = result if isinstance(result, Mapping) else {"fitness": result}
    if unknown := [name for name in fields if name not in KINDS]:
        raise ValueError(f"a result may hold {', '.join(map(repr, KINDS))}, got {unknown[0]!r}")
    if "fitness" not in fields:
        raise ValueError(f"a result must hold 'fitness', got {list(fields)}")
    columns = {}
    for name, value in fields.items():
        column = np.asarray(value)
        if column.shape[:1] != (n,) or (column.ndim > 1 and name != "behaviour"):
            what = "numbers" if name == "behaviour" else "one value"
            raise check.ShapeError(f"{name} must be {what} for every genome, got shape {column.shape} for {n} of them")
        if column.dtype.kind not in KINDS[name]:
            wanted = "True or False" if name == "solved" else "a number"
            raise check.DTypeError(f"{name} must be {wanted}, got {column.ravel().tolist()[0]!r}")
        columns[name] = column if name == "solved" else column.astype(np.float64)
    return columns


def unusable(columns: dict[str, np.ndarray]) -> dict[int, Exception]:
    r"""An error by position for every genome whose numbers are not finite, or too large to be added up.

    >>> unusable({"fitness": np.array([1.0, np.nan])})
    {1: ValueError('fitness must be finite and at most 1e+300 in size, got nan')}
    """
    errors: dict[int, Exception] = {}
    for name in ("behaviour", "fitness"):
        if name in columns:
            rows = columns[name].reshape(len(columns[name]), -1)
            good = np.abs(rows) <= LARGEST
            for i in np.flatnonzero(~good.all(axis=1)).tolist():
                bad = rows[i][~good[i]][0].item()
                errors[i] = ValueError(f"{name} must be finite and at most {LARGEST:g} in size, got {bad}")
    return errors


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    r"""The columns of all parts, one part after the other. ShapeError where they have different fields or shapes.

    >>> joined([{"fitness": np.array([1.0])}, {"fitness": np.array([2.0, 3.0])}])
    {'fitness': array([1., 2., 3.])}
    """
    layouts = [{name: column.shape[1:] for name, column in part.items()} for part in parts]
    for i, layout in enumerate(layouts):
        if layout != layouts[0]:
            genome = sum(len(part["fitness"]) for part in parts[:i])
            raise check.ShapeError(
                "evaluate: all genomes must have the same fields in the same shapes, "
                f"got {layouts[0]} for genome 0 and {layout} for genome {genome}"
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in layouts[0]}
