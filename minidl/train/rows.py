r"""Rows: the data of `fit`, `evaluate` and `predict`, checked once, and their way to the model batch by batch."""

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import backend, check
from minidl.host import host
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Rows(NamedTuple):
    r"""Inputs, targets and weights on the host, with the same number of rows; weight may be None."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None

    def part(self, start: int, stop: int) -> "Rows":
        r"""The rows from start to stop."""
        return Rows(*(a if a is None else a[start:stop] for a in self))


def numbers(who: str, name: str, value: Any) -> np.ndarray:
    r"""On the host, and with rows: an array of numbers of shape (N, ...), N >= 1."""
    array = host(who, name, value)
    if array.ndim == 0 or len(array) == 0:
        raise check.ShapeError(f"{who}: {name} must have rows, got shape {array.shape}")
    return array


def rows_of(who: str, x: Any, y: Any, weight: Any, prefix: str = "") -> Rows:
    r"""The three checked: equal lengths, and weights that are finite, not negative and not all 0."""
    x, y = numbers(who, f"{prefix}x", x), numbers(who, f"{prefix}y", y)
    if len(x) != len(y):
        raise check.ShapeError(f"{who}: {prefix}x has {len(x)} rows and {prefix}y has {len(y)}")
    if weight is None:
        return Rows(x, y, None)
    name = f"{prefix}sample_weight"
    weight = numbers(who, name, weight)
    if weight.shape != y.shape[: weight.ndim]:
        shapes = " or ".join(str(y.shape[:n]) for n in range(1, y.ndim + 1))
        raise check.ShapeError(f"{who}: {name} must have shape {shapes}, got {weight.shape}")
    if not np.isfinite(weight).all() or weight.min() < 0:
        bad = weight[~np.isfinite(weight) | (weight < 0)].flat[0]
        raise ValueError(f"{who}: {name} must hold finite numbers >= 0, got {bad.item()!r}")
    if not weight.any():
        raise ValueError(f"{who}: {name} must not be 0 everywhere")
    return Rows(x, y, weight.astype(np.float64))


def spread(weight: np.ndarray | None, y: np.ndarray) -> np.ndarray:
    r"""Weights of the first axes of y, for each entry of y; 1 if there are none.

    >>> spread(np.array([1.0, 0.0]), np.zeros((2, 3)))
    array([[1., 1., 1.],
           [0., 0., 0.]])
    """
    weight = np.ones(len(y)) if weight is None else weight
    return np.broadcast_to(weight.reshape(weight.shape + (1,) * (y.ndim - weight.ndim)), y.shape)


def divided(who: str, rows: Rows, split: Any, data: Any) -> tuple[Rows, Rows | None]:
    r"""The rows for training and for validation: the last ones (a share `split` of all), or `data`, or None."""
    split = check.number(who, "validation_split", split, low=0)
    if split >= 1:
        raise ValueError(f"{who}: validation_split must be < 1, got {split}")
    if data is not None:
        if split:
            raise ValueError(f"{who}: give validation_split={split} or validation_data, not both")
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise check.DTypeError(f"{who}: validation_data must be (x, y) or (x, y, sample_weight), got {type(data)}")
        validation = rows_of(who, data[0], data[1], data[2] if len(data) == 3 else None, prefix="validation ")
        if validation.x.ndim != rows.x.ndim:
            raise check.ShapeError(
                f"{who}: validation x must have the axes of x {rows.x.shape}, got shape {validation.x.shape}"
            )
        return rows, validation
    if not split:
        return rows, None
    n = len(rows.x)
    cut = math.floor(n * (1 - split))
    if cut in (0, n):
        raise ValueError(
            f"{who}: validation_split={split} of {n} rows leaves {cut} rows for training and {n - cut} for validation"
        )
    if rows.y.dtype.kind in "iu" and rows.y.ndim == 1:
        steps = np.diff(rows.y)
        if steps.any() and ((steps >= 0).all() or (steps <= 0).all()):
            warnings.warn(
                f"{who}: y is sorted by class, and validation_split takes the last rows: some classes would only be "
                "in one part. Shuffle the rows first, or use train_test_split and validation_data",
                UserWarning,
                stacklevel=3,
            )
    training, validation = rows.part(0, cut), rows.part(cut, n)
    for name, part in (("training", training), ("validation", validation)):
        if part.weight is not None and not part.weight.any():
            raise ValueError(f"{who}: sample_weight is 0 for all rows for {name}")
    return training, validation


def batches_of(rows: Rows, batch_size: int, order: np.ndarray | None = None) -> Iterator[Rows]:
    r"""The rows, `batch_size` at a time, in the given order or their own."""
    n = len(rows.x)
    for start in range(0, n, batch_size):
        pick = slice(start, start + batch_size) if order is None else order[start : start + batch_size]
        yield Rows(*(a if a is None else a[pick] for a in rows))


class Place(NamedTuple):
    r"""Where a model computes, and in which float type."""

    backend: str
    dtype: Any

    def tensor(self, array: np.ndarray) -> Tensor:
        r"""A copy of the array there; floats in that type, integers as they are."""
        return Tensor(array.astype(self.dtype if array.dtype.kind == "f" else array.dtype)).to(self.backend)


def place_of(model: Module) -> Place:
    r"""The place of the model's first parameter; a model without parameters computes in float32 on the backend in use.

    >>> from minidl import nn
    >>> place_of(nn.Linear(2, 1))
    Place(backend='numpy', dtype=dtype('float32'))
    """
    for parameter in model.parameters():
        return Place(parameter.backend, parameter.dtype)
    return Place(backend.current(), np.dtype(np.float32))
