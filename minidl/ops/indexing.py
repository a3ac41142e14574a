r"""Indexing: `x[...]`, gather, index_select.

All of them pick: every y is some x, $y_m = x_{p(m)}$, and where x was picked more than once its gradients add up:

$$ dx_j = \sum_{m:\, p(m) = j} dy_m $$

Slices and integers pick nothing twice: dy is written to where it came from, and the rest of dx is 0. Arrays of indices
may repeat themselves; then dx is the scatter-add of kernels/scatter.py, whose order of summation is fixed.
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
        index = self.index[: -1 if self.index[-1] is Ellipsis else None]
        n = len(self.shape) if Ellipsis in [i for i in index if not backend.is_array(i)] else axes_used(index)
        V, D = (check.elements("x[...]", "x", part) for part in (self.shape[:n], self.shape[n:]))
        positions = xp.arange(V).reshape(self.shape[:n])[index].reshape(-1)
        return scatter_add(positions, dy.reshape(positions.size, D), V).reshape(self.shape)


class Gather(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x, index):
        self.shape = x.shape
        self.save(index)
        return x[along(x.shape, index, self.axis)]

    def backward(self, dy):
        (index,) = self.saved
        xp, n = xp_of(dy), check.elements("gather", "x", self.shape)
        positions = xp.arange(n).reshape(self.shape)[along(self.shape, index, self.axis)]
        return scatter_add(positions.reshape(-1), dy.reshape(-1, 1), n).reshape(self.shape), None


class IndexSelect(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x, index):
        self.shape = x.shape
        self.save(index)
        return x.take(index, axis=self.axis)

    def backward(self, dy):
        (index,) = self.saved
        dy = xp_of(dy).moveaxis(dy, self.axis, 0)  # (M, the other axes)
        n, others = self.shape[self.axis], dy.shape[1:]
        dx = scatter_add(index, dy.reshape(len(index), check.elements("index_select", "x", others)), n)
        return xp_of(dy).moveaxis(dx.reshape(n, *others), 0, self.axis), None


def along(shape: tuple, index: Any, axis: int) -> tuple:
    r"""The index tuple with which x[i0, i1, ...] takes `index` along one axis and every other axis in step."""
    xp = xp_of(index)
    steps = [xp.arange(n).reshape([-1 if i == k else 1 for i in range(len(shape))]) for k, n in enumerate(index.shape)]
    steps[axis] = index
    return tuple(steps)


def axes_used(index: tuple) -> int:
    r"""How many axes of x these items take (None takes none)."""
    return len([i for i in index if i is not None and i is not Ellipsis])


def clean(who: str, x: Tensor, index: Any) -> tuple:
    r"""An index as a tuple of slices, None, Ellipsis, Python ints, and arrays of integers in range, where x lives;
    a boolean array becomes the integers of its True places. With an Ellipsis, so that the result is always a view or
    an array, never a NumPy scalar. IndexRangeError, ShapeError or DTypeError for anything else."""
    items: list[Any] = []
    for item in index if type(index) is tuple else (index,):
        if item is None or item is Ellipsis or isinstance(item, slice):
            items.append(item)
        elif isinstance(item, int | np.integer) and not isinstance(item, bool):
            items.append(int(item))
        else:
            items.extend(_index_arrays(who, x, item))
    ellipses = [k for k, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise check.ShapeError(f"{who}: an index can have only one '...', got {len(ellipses)}")
    if not ellipses:
        items.append(Ellipsis)
    if axes_used(items) > x.ndim:
        raise check.ShapeError(f"{who}: {axes_used(items)} indices are too many for x of shape {x.shape}")
    for k, item in enumerate(items):
        if type(item) is int or backend.is_array(item):
            first = axes_used(items[:k]) if Ellipsis not in _plain(items[:k]) else x.ndim - axes_used(items[k:])
            items[k] = _in_range(who, item, first, x.shape[first])
    return tuple(items)


def _plain(items: list) -> list:
    return [item for item in items if not backend.is_array(item)]


def _index_arrays(who: str, x: Tensor, item: Any) -> tuple:
    array = item._data if isinstance(item, Tensor) else item if backend.is_array(item) else np.asarray(item)
    if array.size == 0 and not hasattr(item, "dtype"):
        array = array.astype(np.int64)  # an empty list
    array = backend.to_backend(array, x.backend)
    if array.dtype.kind == "b":
        return xp_of(array).nonzero(array) if array.ndim else (None, backend.xp_of(array).flatnonzero(array))
    if array.dtype.kind not in "iu":
        raise check.DTypeError(
            f"{who}: an index must be an integer, a slice, None, '...', or an array of integers or bools, got {item!r}"
        )
    return (array.astype(np.int64),)


def _in_range(who: str, item: Any, axis: int, n: int) -> Any:
    """Counted from 0. CuPy would wrap an index that is out of range, and a kernel has no bounds check."""
    if type(item) is int:
        low = high = item
    elif item.size:
        low, high = int(item.min()), int(item.max())
    else:
        return item
    if low < -n or high >= n:
        raise check.IndexRangeError(
            f"{who}: index {low if low < -n else high} is out of range for axis {axis} of size {n}"
        )
    return item if type(item) is int or low >= 0 else xp_of(item).where(item < 0, item + n, item)


def getitem(x: Tensor, index: Any) -> Tensor:
    r"""x[index] as in NumPy: slices, integers, None, ..., and arrays, lists or tensors of integers or bools. Without
    arrays the result is a view, which shares the memory of x.

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x[:, 0], x[[1, 1]], x[x > 2]
    (Tensor([1., 3.]), Tensor([[3., 4.],
            [3., 4.]]), Tensor([3., 4.]))
    """
    return GetItem(clean("x[...]", x, index))(x)


def gather(x: Tensor, axis: int, index: Any) -> Tensor:
    r"""Along one axis take the element that `index` says, for each place of its own: with axis=1,
    $y_{ij} = x_{i,\,index_{ij}}$. index: integers >= 0, as many axes as x, not longer than x on the other axes; y has its
    shape. As in torch.

    >>> gather(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[0, 0], [1, 0]])
    Tensor([[1., 1.],
            [4., 3.]])
    """
    axis = check.axis("gather", axis, x.ndim)
    index = _positions("gather", x, index, x.shape[axis])
    fits = index.ndim == x.ndim and all(
        m <= n or k == axis for k, (m, n) in enumerate(zip(index.shape, x.shape, strict=True))
    )
    if not fits:
        raise check.ShapeError(
            f"gather: index of shape {index.shape} must have the axes of x of shape {x.shape} and not be longer "
            f"along any but axis {axis}"
        )
    return Gather(axis)(x, index)


def index_select(x: Tensor, axis: int, index: Any) -> Tensor:
    r"""The slices of x along one axis that `index` (M,) lists, integers >= 0; they may repeat.

    >>> index_select(Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 1, [2, 0, 2])
    Tensor([[3., 1., 3.],
            [6., 4., 6.]])
    """
    axis = check.axis("index_select", axis, x.ndim)
    index = _positions("index_select", x, index, x.shape[axis])
    check.rank("index_select", "index", index, "(M)")
    return IndexSelect(axis)(x, index)


def _positions(who: str, x: Tensor, index: Any, n: int) -> Any:
    array = index._data if isinstance(index, Tensor) else index if backend.is_array(index) else np.asarray(index)
    if array.dtype.kind not in "iu":
        raise check.DTypeError(f"{who}: index must hold integers, got dtype {array.dtype}")
    array = backend.to_backend(array, x.backend).astype(np.int64)
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < n:
        raise check.IndexRangeError(
            f"{who}: index must be in 0 ... {n - 1}, got {int(array.min())} ... {int(array.max())}"
        )
    return array
