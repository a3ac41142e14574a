r"""The largest and smallest elements: max, min, and where they stand: argmax, argmin.

$$ y = \max_i x_i = x_{i^*}, \qquad dx_i = dy \cdot [i = i^*] $$

y is a copy of the one element $i^*$, which gets the whole gradient. Of several equal ones it is the first (in reading
order, if several axes are reduced). NaN counts as the largest and as the smallest, as in NumPy: it is never lost.

The reduced axes are brought together at the end and read as one: x becomes a matrix (R, n) with a row for every y.

Try it:
1. Take the gradient of `max` for [3, 1, 3]: [1, 0, 0], the first of the two. That of `logsumexp`, the smooth maximum,
   is softmax: [0.09, 0.24, 0.67] for [1, 2, 3], and nearly [0, 0, 1] for [10, 20, 30].
2. Check `max` of [1, 1] with `gradcheck`: it fails. To the right of a tie the slope is another one than to the left.
3. Take `max` of [1, NaN, 5]: NaN. `argmin` says 1, where the NaN stands.
"""

from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.ops.reduce import Axis, count, nonempty
from minidl.tensor import Function, Tensor, no_grad


class Max(Function):
    pick = "argmax"

    def __init__(self, axes: tuple, keepdims: bool):
        self.axes, self.keepdims = tuple(sorted(axes)), keepdims

    def forward(self, x):
        self.shape = x.shape
        self.order = [a for a in range(x.ndim) if a not in self.axes] + list(self.axes)
        rows = x.transpose(self.order).reshape(-1, count(x.shape, self.axes))  # (R, n)
        best = getattr(xp_of(x), self.pick)(rows, axis=1)  # (R,)
        self.save(best)
        y = rows[xp_of(x).arange(len(rows)), best]
        return y.reshape(reduced(x.shape, self.axes, self.keepdims))

    def backward(self, dy):
        (best,) = self.saved
        xp = xp_of(dy)
        dx = xp.zeros((best.size, count(self.shape, self.axes)), dy.dtype)  # (R, n)
        dx[xp.arange(best.size), best] = dy.reshape(-1)
        dx = dx.reshape([self.shape[a] for a in self.order])
        return dx.transpose(sorted(range(len(self.order)), key=self.order.__getitem__))


class Min(Max):
    pick = "argmin"


class Arg(Function):
    def __init__(self, pick: str, axis: int | None, keepdims: bool):
        self.pick, self.axis, self.keepdims = pick, axis, keepdims

    def forward(self, x):
        y = getattr(xp_of(x), self.pick)(x, axis=self.axis)
        axes = tuple(range(x.ndim)) if self.axis is None else (self.axis,)
        return y.reshape(reduced(x.shape, axes, self.keepdims))


def reduced(shape: tuple, axes: tuple, keepdims: bool) -> tuple:
    r"""The shape that is left when these axes are reduced.

    >>> reduced((2, 3, 4), (1,), keepdims=False), reduced((2, 3, 4), (1,), keepdims=True)
    ((2, 4), (2, 1, 4))
    """
    sizes = [1 if i in axes else n for i, n in enumerate(shape)]
    return tuple(n for i, n in enumerate(sizes) if keepdims or i not in axes)


def max(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""The largest element over `axis` (its place: argmax). Of equal ones the first gets the gradient; NaN is the
    largest of all. ShapeError where there is none.

    >>> max(Tensor([[1.0, 5.0], [7.0, 2.0]]), axis=1)
    Tensor([5., 7.])
    """
    check.tensor("max", "x", x)
    axes = check.axes("max", axis, x.ndim)
    nonempty("max", x, axes)
    return Max(axes, keepdims)(x)


def min(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""The smallest element over `axis` (its place: argmin). Of equal ones the first gets the gradient; NaN is the
    smallest of all. ShapeError where there is none.

    >>> min(Tensor([[1.0, 5.0], [7.0, 2.0]]), axis=1)
    Tensor([1., 2.])
    """
    check.tensor("min", "x", x)
    axes = check.axes("min", axis, x.ndim)
    nonempty("min", x, axes)
    return Min(axes, keepdims)(x)


def _arg(who: str, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    check.tensor(who, "x", x)
    axis = None if axis is None else check.axis(who, axis, x.ndim)
    nonempty(who, x, check.axes(who, axis, x.ndim))
    with no_grad():
        return Arg(who, axis, keepdims)(x)


def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    r"""The place of the (first) largest element along `axis`, or in x read as one row. Integers, without gradient.

    >>> argmax(Tensor([[1.0, 5.0], [7.0, 2.0]]), axis=1)
    Tensor([1, 0])
    """
    return _arg("argmax", x, axis, keepdims)


def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    r"""The place of the (first) smallest element along `axis`, or in x read as one row. Integers, without gradient.

    >>> argmin(Tensor([[1.0, 5.0], [7.0, 2.0]]))
    Tensor(0)
    """
    return _arg("argmin", x, axis, keepdims)
