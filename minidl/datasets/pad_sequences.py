r"""Sequences of different lengths as one array: padded to one length, with a mask that says which steps are real."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import backend, check
from minidl.host import host
from minidl.tensor import Tensor

# the side at which a sequence is filled up or cut -> the steps t of T that hold n real ones at the other side
SIDES = {"pre": lambda T, n: slice(T - n, T), "post": lambda T, n: slice(0, n)}

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


def pad_sequences(
    sequences: Iterable,
    maxlen: int | None = None,
    dtype: Any = None,
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> np.ndarray:
    r"""N sequences, each (T_n,) or of rows (T_n, D), as one array (N, T) or (N, T, D). Keras' options and defaults.

    | option | meaning |
    |---|---|
    | `maxlen` | T; None: the length of the longest |
    | `padding` | where shorter ones are filled up: "pre" before their first step, "post" after their last |
    | `truncating` | where longer ones are cut: "pre" loses their first steps, "post" their last |
    | `value` | what they are filled up with |
    | `dtype` | None: int32 for integers (int64 where they need it), float32 for floats, float64 for arrays of it |

    In one thing this is not Keras, whose dtype is int32 whatever comes, so that [0.5, 0.7] becomes [0, 0]: nothing is
    cut here. The dtype follows data and value (a value of 0.5 among integers makes floats), and one that is given has
    to hold both. A sequence may be empty; `sequence_mask` tells its padding from data.

    Raises TypeError for data or a value that are no numbers; ValueError for no sequences, rows of different sizes, an
    unknown side, maxlen < 1, and numbers that do not fit the dtype.

    >>> pad_sequences([[1, 2, 3], [4], []])
    array([[1, 2, 3],
           [0, 0, 4],
           [0, 0, 0]], dtype=int32)
    >>> pad_sequences([[0.5, 1.5, 2.5], [3.5]], maxlen=2, padding="post", value=-1)
    array([[ 1.5,  2.5],
           [ 3.5, -1. ]], dtype=float32)
    """
    who = "pad_sequences"
    check.option(who, "padding", padding, SIDES)
    check.option(who, "truncating", truncating, SIDES)
    maxlen = None if maxlen is None else check.size(who, "maxlen", maxlen)
    if not isinstance(sequences, Iterable):
        raise check.DTypeError(f"{who}: sequences must be a list of sequences, got {type(sequences).__name__}")
    given = list(sequences)
    arrays = [host(who, f"sequences[{i}]", s) for i, s in enumerate(given)]
    row = _row_shape(who, arrays)
    value = host(who, "value", value)
    if value.ndim:
        raise check.DTypeError(f"{who}: value must be one number, got shape {value.shape}")
    dtype = _dtype_of(given, arrays, value) if dtype is None else _dtype(who, dtype)

    T = max(map(len, arrays)) if maxlen is None else maxlen
    shape = (len(arrays), T, *row)
    check.room(who, "the result", shape)
    padded = np.full(shape, _cast(who, "value", value, dtype))
    for n, sequence in enumerate(arrays):
        if len(sequence):
            kept = sequence[SIDES[truncating](len(sequence), min(len(sequence), T))]
            padded[n, SIDES[padding](T, len(kept))] = _cast(who, f"sequences[{n}]", kept, dtype)
    return padded


def sequence_mask(lengths: Any, maxlen: int | None = None, padding: str = "pre") -> np.ndarray:
    r"""Which steps of padded sequences of these lengths (N,) are real: bool (N, T), for `layer(x, mask=mask)`.

    maxlen and padding: as in `pad_sequences`; a length above maxlen counts as maxlen. Raises ValueError for negative
    lengths and TypeError for lengths that are no integers.

    >>> sequences = [[1, 2, 3], [4], []]
    >>> sequence_mask([len(s) for s in sequences])
    array([[ True,  True,  True],
           [False, False,  True],
           [False, False, False]])
    """
    who = "sequence_mask"
    check.option(who, "padding", padding, SIDES)
    lengths = host(who, "lengths", lengths)
    check.rank(who, "lengths", lengths, "(N)")
    if len(lengths) == 0:
        raise check.ShapeError(f"{who}: lengths must not be empty")
    check.indices(who, "lengths", lengths, check.LIMIT)
    T = int(lengths.max()) if maxlen is None else check.size(who, "maxlen", maxlen)
    check.room(who, "the mask", (len(lengths), T))
    t, lengths = np.arange(T), lengths[:, None].astype(np.int64)
    return t < lengths if padding == "post" else t >= T - lengths  # (T,) with (N, 1) -> (N, T)


def _row_shape(who: str, arrays: list[np.ndarray]) -> tuple[int, ...]:
    """The shape of one step, the same in all sequences; an empty list (0,) fits any."""
    if not arrays:
        raise check.ShapeError(f"{who}: sequences must hold at least one sequence")
    row, first = (), None
    for i, array in enumerate(arrays):
        if array.ndim == 0:
            raise check.ShapeError(f"{who}: sequences[{i}] must be a sequence, got one number, {array.item()!r}")
        if array.shape == (0,):
            continue
        if first is None:
            row, first = array.shape[1:], i
        if array.shape[1:] != row:
            raise check.ShapeError(
                f"{who}: the steps of all sequences must have one shape, got {row} in sequences[{first}] and "
                f"{array.shape[1:]} in sequences[{i}]"
            )
    return row


def _dtype_of(given: list, arrays: list[np.ndarray], value: np.ndarray) -> np.dtype:
    """The dtype for these sequences (as given, and as arrays) and this value; empty ones have no say."""
    filled = [(s, a) for s, a in zip(given, arrays, strict=True) if a.size]
    if any(a.dtype == np.float64 and (backend.is_array(s) or isinstance(s, Tensor)) for s, a in filled):
        return np.dtype(np.float64)
    if any(a.dtype.kind == "f" for _, a in filled) or not np.isfinite(value) or value != np.floor(value):
        return np.dtype(np.float32)
    numbers = [value, *(a for _, a in filled)]
    return np.dtype(np.int32 if all(_fits(a, np.dtype(np.int32)).all() for a in numbers) else np.int64)


def _dtype(who: str, dtype: Any) -> np.dtype:
    """The dtype of this name, or of this type of NumPy's or Python's."""
    named = np.dtype(dtype).name if isinstance(dtype, type | np.dtype) else dtype
    return np.dtype(check.option(who, "dtype", named, DTYPES))


def _fits(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Which numbers an integer dtype holds exactly, or are not too large for a float one."""
    if dtype.kind == "f":
        return ~(np.abs(array) > np.finfo(dtype).max) | np.isinf(array)
    low, above = (0, 2) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max) + 1)
    if array.dtype.kind == "b":
        return np.ones_like(array)
    fits = (array >= low) & (array < above)
    return fits & (array == np.floor(array)) if array.dtype.kind == "f" else fits


def _cast(who: str, name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    fits = _fits(array, dtype)
    if not fits.all():
        raise ValueError(f"{who}: {name} holds {array[~fits].flat[0].item()!r}, which does not fit into dtype {dtype}")
    return array.astype(dtype)
