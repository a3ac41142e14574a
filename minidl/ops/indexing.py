r"""Indexing: `x[...]`.

An index picks: every y is some x, $y_m = x_{p(m)}$, and where x was picked more than once its gradients add up:

$$ dx_j = \sum_{m:\, p(m) = j} dy_m $$

Slices and integers pick nothing twice: dy is written to where it came from, and the rest of dx is 0. Arrays of indices
may repeat themselves; then dx is the scatter-add of kernels/scatter.py, whose order of summation is fixed.

Try it:
1. Take the gradient of `x[[0, 0, 2]].sum()` for three numbers: [2, 0, 1]. NumPy's `dx[[0, 0, 2]] += 1` makes it
   [1, 0, 1]: of equal indices it keeps one.
2. Write to `v = x[:2]`, and to `w = x[[0, 1]]`: the first changes x, since a slice is a view; the second does not.
3. Take the gradient of `x[0].sum()` for x (1000, 1000): 4 MB, nearly all of them zeros. Many single rows of a large x
   are better picked at once.
"""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.backend import xp_of
from minidl.kernels.scatter import scatter_add
from minidl.tensor import Function, Tensor


class GetItem(Function):
    def __init__(self, index: tuple):
        self.index = index  # clean

    def forward(self, x):
        self.shape = x.shape
        return x[self.index]

    def backward(self, dy):
        xp = xp_of(dy)
        if not any(backend.is_array(i) for i in self.index):
            dx = xp.zeros(self.shape, dy.dtype)
            dx[self.index] = dy
            return dx
        # Number the cells that the index looks at, over the leading axes alone: picked by the same index, the numbers
        # say where each y came from. All D elements behind a cell travel together.
        index, n = self.index, len(self.shape)
        if index[-1] is Ellipsis:
            index = index[:-1]
            n = sum(map(axes_used, index))
        V, D = (check.elements("x[...]", "x", part) for part in (self.shape[:n], self.shape[n:]))
        positions = xp.arange(V).reshape(self.shape[:n])[index].reshape(-1)
        return scatter_add(positions, dy.reshape(positions.size, D), V).reshape(self.shape)


def axes_used(item: Any) -> int:
    r"""How many axes of x an item of an index stands for."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if getattr(item, "dtype", None) == np.bool_ else 1


def clean(who: str, x: Tensor, index: Any) -> tuple:
    r"""An index as a tuple of slices, None, one Ellipsis (so that a result is never a bare NumPy scalar), Python ints,
    and integer arrays where x lives, all in range; a boolean array becomes the integers of its True places.
    IndexRangeError, ShapeError or DTypeError for anything else."""
    items = [_item(who, x, item) for item in (index if type(index) is tuple else (index,))]
    dots = [item is Ellipsis for item in items].count(True)
    used = sum(map(axes_used, items))
    if dots > 1:
        raise check.ShapeError(f"{who}: an index can have only one '...', got {dots}")
    if len(items) > 32:
        raise check.ShapeError(f"{who}: an index can have at most 32 parts, got {len(items)}")
    if used > x.ndim:
        raise check.ShapeError(f"{who}: an index of {used} axes is too much for x of shape {x.shape}")
    result: list[Any] = []
    axis = 0
    for item in items if dots else (*items, Ellipsis):
        n = x.ndim - used if item is Ellipsis else axes_used(item)
        sizes = x.shape[axis : axis + n]
        if item is None or item is Ellipsis:
            result.append(item)
        elif type(item) is slice:
            try:
                item.indices(sizes[0])
            except (TypeError, ValueError) as error:
                raise type(error)(f"{who}: {error}, got {item}") from None
            result.append(item)
        elif type(item) is not int and item.dtype.kind == "b":
            if item.shape != sizes:
                raise check.ShapeError(f"{who}: a mask of shape {item.shape} does not fit axes {sizes} of x {x.shape}")
            result.extend(item.nonzero())
        else:
            _check_range(who, item, axis, sizes[0])
            result.append(item)
        axis += n
    return tuple(result)


def _item(who: str, x: Tensor, item: Any) -> Any:
    """A Python int, an array of int64 or bool where x lives, or (as it is) a slice, None or Ellipsis."""
    if item is None or item is Ellipsis or type(item) is slice:
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    array = as_index(item)
    if array.dtype.kind in "iu":
        if array.ndim == 0:
            return int(array)
        return backend.to_backend(array.astype(np.int64), x.backend)
    if array.dtype.kind == "b" and array.ndim:
        return backend.to_backend(array, x.backend)
    raise check.DTypeError(
        f"{who}: an index must be an int, a slice, None, '...' or an array of ints or bools, got {item!r}"
    )


def as_index(index: Any) -> Any:
    r"""The array of a tensor, an array or a list of indices."""
    if isinstance(index, Tensor):
        return index._data
    if backend.is_array(index):
        return index
    try:
        return np.asarray(index) if np.size(index) else np.zeros(np.shape(index), np.int64)  # []: no integers
    except ValueError:
        raise check.ShapeError(f"an index must be a regular array of integers or bools, got {index!r}") from None


def _check_range(who: str, item: Any, axis: int, n: int) -> None:
    """An int or an array of them in -n ... n-1. CuPy would wrap an index that is out of range, silently."""
    if type(item) is int:
        low = high = item
    elif item.size:
        low, high = int(item.min()), int(item.max())
    else:
        return
    if low < -n or high >= n:
        bad = low if low < -n else high
        raise check.IndexRangeError(f"{who}: index {bad} is out of range for axis {axis} of size {n}")


def getitem(x: Tensor, index: Any) -> Tensor:
    r"""x[index] as in NumPy: slices, integers, None, ..., and arrays, lists or tensors of integers or bools. Without
    arrays the result is a view, which shares the memory of x.

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x[:, 0], x[[1, 1]], x[x > 2]
    (Tensor([1., 3.]), Tensor([[3., 4.],
            [3., 4.]]), Tensor([3., 4.]))
    """
    return GetItem(clean("x[...]", x, index))(x)
