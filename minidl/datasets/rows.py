r"""What splitting and batching share: arrays that have the same number of rows."""

from typing import Any

from minidl import check


def count_rows(who: str, arrays: tuple) -> int:
    r"""The number of rows of all the arrays, N >= 1. TypeError for no arrays or none at all, ShapeError for unequal.

    An array is what has a `shape` and takes slices and arrays of integers as index: NumPy's or CuPy's.
    """
    if not arrays:
        raise TypeError(f"{who}: expected at least one array, got none")
    for i, array in enumerate(arrays):
        if not hasattr(array, "shape"):
            raise check.DTypeError(f"{who}: argument {i} must be an array, got {type(array).__name__}")
        if len(array.shape) == 0:
            raise check.ShapeError(f"{who}: argument {i} must have rows, got a 0-d array")
    lengths = [array.shape[0] for array in arrays]
    if len(set(lengths)) > 1:
        raise check.ShapeError(f"{who}: the arrays must have the same number of rows, got {lengths}")
    if lengths[0] == 0:
        raise check.ShapeError(f"{who}: the arrays have no rows, got shape {tuple(arrays[0].shape)}")
    return lengths[0]


def host(labels: Any) -> Any:
    r"""The labels where NumPy can count them: a CuPy array is copied from the GPU."""
    return labels.get() if hasattr(labels, "get") else labels
