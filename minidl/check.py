r"""The one door for arguments: every check that a layer makes before a kernel or a formula sees its input.

A Numba kernel has no bounds check, and CuPy wraps an index that is out of range: what has not been proved here is
read from somewhere else in memory, silently. So sizes, options, labels and indices are checked in Python, first, and
a message says who complains, about which argument, what came and what was wanted:

>>> size("Conv2d", "stride", 0)
Traceback (most recent call last):
...
ValueError: Conv2d: stride must be >= 1, got 0

Every function returns the argument in its clean form, so that a layer reads `self.stride = check.ints(...)`.

Try it:
1. Let `indices` return at once, and call `cross_entropy` with logits (2, 3) and labels [0, 3], forward and backward.
   The loss is a number like any other, the gradient of the second row adds up to 0.5 instead of 0, and one such process
   was aborted in the end: "corrupted size vs. prev_size". The kernel had written beside its array.
2. Give `Linear(128, 2)` an x of shape (32, 8, 4), and then do the same in plain NumPy, `x @ w.T`: compare what the two
   messages tell you.
3. Write `Conv2d(1, 1, 3, stride=True)`: TypeError. A bool is an int in Python, and one here would hide a mistake.
"""

import functools
import math
import operator
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")  # NumPy has one object of each
LIMIT = 2**40  # more elements than any machine here holds; a product of sizes above it is a mistake, not a wish


class ShapeError(ValueError):
    r"""An array of the wrong rank or size."""


class DTypeError(TypeError):
    r"""An array or number of the wrong type."""


class IndexRangeError(IndexError, ValueError):
    r"""An index outside its axis."""


def integer(who: str, name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    r"""`value` as a Python int with low <= value <= high. TypeError if it is no integer, ValueError if out of range.

    >>> integer("Softmax", "axis", -1, low=-2, high=1)
    -1
    """
    if isinstance(value, bool | np.bool_):
        raise DTypeError(f"{who}: {name} must be an integer, got {value!r}")
    try:
        value = operator.index(value)
    except TypeError:
        raise DTypeError(f"{who}: {name} must be an integer, got {value!r}") from None
    if low is not None and value < low:
        raise ValueError(f"{who}: {name} must be >= {low}, got {value}")
    if high is not None and value > high:
        raise ValueError(f"{who}: {name} must be <= {high}, got {value}")
    return value


def size(who: str, name: str, value: Any) -> int:
    r"""A size: an integer from 1 to 2^40."""
    return integer(who, name, value, low=1, high=LIMIT)


def ints(who: str, name: str, value: Any, n: int, low: int = 1) -> tuple[int, ...]:
    r"""One integer for all of n axes, or n of them, each >= low.

    >>> ints("Conv2d", "stride", 2, n=2), ints("Conv2d", "padding", (1, 0), n=2, low=0)
    ((2, 2), (1, 0))
    """
    if _several(value):
        values = tuple(value)
        if len(values) != n:
            raise ValueError(f"{who}: {name} must be one integer or {n} of them, got {value!r}")
    else:
        values = (value,) * n
    return tuple(integer(who, name, v, low=low, high=LIMIT) for v in values)


def _several(value: Any) -> bool:
    """Whether this is a list of values, and not one of them (or something that only happens to be iterable)."""
    return isinstance(value, tuple | list | range) or (isinstance(value, np.ndarray) and value.ndim == 1)


def number(
    who: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, above: float | None = None
) -> float:
    r"""`value` as a finite Python float with low <= value <= high (and value > above).

    >>> number("Dropout", "p", 0.5, low=0, high=1)
    0.5
    >>> number("SGD", "lr", float("nan"), above=0)
    Traceback (most recent call last):
    ...
    ValueError: SGD: lr must be a finite number, got nan
    """
    if isinstance(value, bool | np.bool_ | str):
        raise DTypeError(f"{who}: {name} must be a number, got {value!r}")
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{who}: {name} must be a number, got {value!r}") from None
    except OverflowError:  # an int of more than 300 digits
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"{who}: {name} must be a finite number, got {value!r}")
    if above is not None and result <= above:
        raise ValueError(f"{who}: {name} must be > {above:g}, got {value!r}")
    if result < low:
        raise ValueError(f"{who}: {name} must be >= {low:g}, got {value!r}")
    if result > high:
        raise ValueError(f"{who}: {name} must be <= {high:g}, got {value!r}")
    return result


def instance(who: str, name: str, value: Any, kind: type) -> None:
    r"""TypeError if `value` is no `kind`.

    >>> instance("mutate", "stream", 3, list)
    Traceback (most recent call last):
    minidl.check.DTypeError: mutate: stream must be of class list, got int
    """
    if not isinstance(value, kind):
        raise DTypeError(f"{who}: {name} must be of class {kind.__name__}, got {type(value).__name__}")


def option(who: str, name: str, value: Any, choices: Collection) -> Any:
    r"""`value` if it is one of `choices` (a dict's keys, most often).

    >>> option("mse_loss", "reduction", "avg", {"mean": 0, "sum": 0, "none": 0})
    Traceback (most recent call last):
    ...
    ValueError: mse_loss: reduction must be one of 'mean', 'sum', 'none', got 'avg'
    """
    if type(value) is str and value in choices:
        return value
    for choice in choices:
        if value is choice or (type(value) is type(choice) and value == choice):
            return value
    raise ValueError(f"{who}: {name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def tensor(who: str, name: str, array: Any) -> None:
    r"""TypeError unless this is a Tensor (or an array): something with axes and a dtype.

    >>> tensor("sum", "x", [1.0, 2.0])
    Traceback (most recent call last):
    ...
    minidl.check.DTypeError: sum: x must be a Tensor, got list
    """
    if not isinstance(getattr(array, "dtype", None), np.dtype) or isinstance(array, np.generic):
        raise DTypeError(f"{who}: {name} must be a Tensor, got {type(array).__name__}")


def floats(who: str, name: str, array: Any) -> None:
    r"""TypeError unless the array (or Tensor) holds floating-point numbers.

    >>> floats("relu", "x", [1.0, 2.0])
    Traceback (most recent call last):
    ...
    minidl.check.DTypeError: relu: x must be a Tensor, got list
    """
    dtype = getattr(array, "dtype", None)
    if (dtype is FLOAT32 or dtype is FLOAT64) and not isinstance(array, np.generic):
        return  # as nearly always
    tensor(who, name, array)
    if array.dtype.kind != "f":
        raise DTypeError(f"{who}: {name} must hold floats, got dtype {array.dtype}; convert it to float32")
    if array.dtype.itemsize not in (4, 8):
        raise DTypeError(f"{who}: {name} must be float32 or float64, got dtype {array.dtype}")


def one_dtype(who: str, x: Any, weight: Any = None, bias: Any = None, **others: Any) -> None:
    r"""DTypeError unless x, weight, bias and the others (of those that are not None) hold floats of one dtype."""
    floats(who, "x", x)
    for name, array in {"weight": weight, "bias": bias, **others}.items():
        if array is None:
            continue
        floats(who, name, array)
        if array.dtype != x.dtype:
            raise DTypeError(
                f"{who}: x and {name} must have one dtype, got {x.dtype} and {array.dtype}; "
                f"convert the input to {array.dtype} or the model with .to('{x.dtype}')"
            )


def rank(who: str, name: str, array: Any, wanted: str) -> None:
    r"""ShapeError unless the array has as many axes as `wanted` has letters, as in "(N, C, H, W)"."""
    tensor(who, name, array)
    if len(array.shape) != _letters(wanted):
        raise ShapeError(f"{who}: {name} must have shape {wanted}, got {tuple(array.shape)}")


@functools.cache
def _letters(shape: str) -> int:
    return sum(bool(letter.strip(" ()")) for letter in shape.split(","))


def axis_size(who: str, name: str, array: Any, axis: int, wanted: int, label: str, hint: str = "") -> None:
    r"""ShapeError unless `array.shape[axis] == wanted`, where `label` says what that number is.

    >>> axis_size("Linear", "x", np.zeros((32, 8, 4)), -1, 128, "in_features", hint="add Flatten()?")
    Traceback (most recent call last):
    ...
    minidl.check.ShapeError: Linear: expected axis -1 of x to be in_features=128, got shape (32, 8, 4); add Flatten()?
    """
    tensor(who, name, array)
    shape = tuple(array.shape)
    if not -len(shape) <= axis < len(shape) or shape[axis] != wanted:
        hint = f"; {hint}" if hint else ""
        raise ShapeError(f"{who}: expected axis {axis} of {name} to be {label}={wanted}, got shape {shape}{hint}")


def same_shape(who: str, name_a: str, a: Any, name_b: str, b: Any) -> None:
    r"""ShapeError unless both arrays have one shape."""
    if a.shape != b.shape and tuple(a.shape) != tuple(b.shape):
        raise ShapeError(f"{who}: {name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have the same shape")


def axis(who: str, value: Any, ndim: int, name: str = "axis") -> int:
    r"""An axis of an array with `ndim` axes, counted from 0.

    >>> axis("sum", -1, 3)
    2
    """
    if ndim == 0:
        raise ShapeError(f"{who}: {name} {value!r} was given for a 0-d array")
    return integer(who, name, value, low=-ndim, high=ndim - 1) % ndim


def axes(who: str, value: Any, ndim: int, name: str = "axis") -> tuple[int, ...]:
    r"""Axes counted from 0: all of them for None, one for an int, else each of a tuple without repeats.

    >>> axes("sum", None, 3), axes("sum", (0, -1), 3)
    ((0, 1, 2), (0, 2))
    """
    if value is None:
        return tuple(range(ndim))
    values = tuple(axis(who, v, ndim, name) for v in (value if _several(value) else (value,)))
    if len(set(values)) != len(values):
        raise ValueError(f"{who}: {name} names an axis twice: {value!r}")
    return values


def indices(who: str, name: str, array: Any, high: int) -> None:
    r"""ValueError unless every entry of the integer array is in 0 ... high-1. One pass, before any kernel.

    >>> indices("Embedding", "ids", np.array([1, 7]), 5)
    Traceback (most recent call last):
    ...
    ValueError: Embedding: ids must be in 0 ... 4, got 7
    """
    tensor(who, name, array)
    if array.dtype.kind not in "iu":
        raise DTypeError(f"{who}: {name} must hold integers, got dtype {array.dtype}")
    if array.size == 0:
        return
    lowest, highest = int(array.min()), int(array.max())
    if lowest < 0 or highest >= high:
        bad = lowest if lowest < 0 else highest
        raise ValueError(f"{who}: {name} must be in 0 ... {high - 1}, got {bad}")


def within(who: str, name: str, array: Any, low: float, high: float) -> None:
    r"""ValueError unless every entry of the array is in [low, high]; a NaN is not.

    >>> within("binary_cross_entropy", "target", np.array([0.5, 1.5]), 0, 1)
    Traceback (most recent call last):
    ...
    ValueError: binary_cross_entropy: target must be in [0, 1], got 1.5
    """
    inside = (array >= low) & (array <= high)
    if not inside.all():
        raise ValueError(f"{who}: {name} must be in [{low:g}, {high:g}], got {array[~inside].ravel()[0].item()!r}")


def elements(who: str, name: str, shape: Iterable[int]) -> int:
    r"""The number of elements of an array of this shape, multiplied as Python ints; ValueError above 2^40.

    >>> elements("Linear", "weight", (10, 3))
    30
    """
    shape = tuple(shape)
    n = math.prod(shape)
    if n > LIMIT:
        raise ValueError(f"{who}: {name} of shape {shape} would hold {n} elements; that is more than {LIMIT}")
    return n


def room(who: str, name: str, shape: tuple[int, ...]) -> None:
    r"""ValueError unless this machine gives out the memory for float64 numbers of this shape."""
    elements(who, name, shape)
    try:
        np.empty(shape)  # asks for it, and touches none of it
    except MemoryError:
        raise ValueError(f"{who}: {name} {shape} is too large for the memory of this machine") from None
