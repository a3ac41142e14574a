r"""Shapes: the same numbers in another arrangement.

No number is computed, so back-propagation only undoes the move: reshape goes back to the old shape, permute takes the
inverse permutation, flip is its own inverse. expand repeats x along axes of size 1 (a view, no copy); every repetition
is a use of x, so its gradients add up, as in any broadcasting. squeeze, unsqueeze and flatten are reshapes.

$$ y_{p(i)} = x_i \text{ with p one to one:} \quad dx_i = dy_{p(i)}, \qquad
   y_{ij} = x_i \text{ (expand):} \quad dx_i = \sum_j dy_{ij} $$

Try it:
1. Compare `x.reshape(3, 2)` with `x.T` for x = [[0, 1, 2], [3, 4, 5]]: [[0, 1], [2, 3], [4, 5]] and [[0, 3], [1, 4],
   [2, 5]]. Both are (3, 2); a reshape where a transpose is meant gives wrong results without an error.
2. Permute the axes of a (1000, 1000): 3 us, only the strides change. A reshape of the result takes 700 us, for now the
   numbers must be moved.
3. Expand x (2, 1) to (2, 1000), sum up and call backward: both gradients are 1000. y takes no memory of its own.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.tensor import Function, Tensor


class Reshape(Function):
    def __init__(self, shape: tuple):
        self.new = shape

    def forward(self, x):
        self.old = x.shape
        return x.reshape(self.new)

    def backward(self, dy):
        return dy.reshape(self.old)


class Permute(Function):
    def __init__(self, axes: tuple):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, dy):
        return dy.transpose(tuple(np.argsort(self.axes)))


class Expand(Function):
    def __init__(self, shape: tuple):
        self.shape = shape

    def forward(self, x):
        return xp_of(x).broadcast_to(x, self.shape)

    def backward(self, dy):
        return dy  # the engine adds up what was repeated


class Flip(Function):
    def __init__(self, axes: tuple):
        self.axes = axes

    def forward(self, x):
        return xp_of(x).flip(x, self.axes)

    def backward(self, dy):
        return xp_of(dy).flip(dy, self.axes)


def _sizes(who: str, sizes: tuple) -> tuple[int, ...]:
    """Sizes given one by one or as one tuple; -1 is left for the caller to fill in."""
    if len(sizes) == 1 and isinstance(sizes[0], Iterable):
        sizes = tuple(sizes[0])
    return tuple(check.integer(who, "shape", n, low=-1, high=check.LIMIT) for n in sizes)


def reshape(x: Tensor, *shape: Any) -> Tensor:
    r"""The elements of x, in their order, in another shape; one size may be -1, and is what is left over.
    ShapeError where the number of elements does not fit.

    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), 2, -1)
    Tensor([[1., 2.],
            [3., 4.]])
    """
    check.tensor("reshape", "x", x)
    shape = wanted = _sizes("reshape", shape)
    if shape.count(-1) == 1:
        rest = check.elements("reshape", "shape", (n for n in shape if n != -1))
        shape = tuple((x.size // rest if rest else 0) if n == -1 else n for n in shape)
    if -1 in shape or check.elements("reshape", "shape", shape) != x.size:
        raise check.ShapeError(f"reshape: shape {wanted} does not fit the {x.size} elements of x of shape {x.shape}")
    return Reshape(shape)(x)


def flatten(x: Tensor, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    r"""The axes from start_axis to end_axis as one.

    >>> flatten(Tensor([[[1.0, 2.0], [3.0, 4.0]]]), start_axis=1)
    Tensor([[1., 2., 3., 4.]])
    """
    check.tensor("flatten", "x", x)
    if x.ndim == 0:
        return Reshape((1,))(x)
    start = check.axis("flatten", start_axis, x.ndim, "start_axis")
    end = check.axis("flatten", end_axis, x.ndim, "end_axis")
    if start > end:
        raise ValueError(f"flatten: start_axis must not come after end_axis, got {start_axis} and {end_axis}")
    middle = check.elements("flatten", "x", x.shape[start : end + 1])
    return Reshape((*x.shape[:start], middle, *x.shape[end + 1 :]))(x)


def permute(x: Tensor, *axes: Any) -> Tensor:
    r"""The axes of x in another order: axis i of the result is axis axes[i] of x.

    >>> permute(Tensor([[[1.0, 2.0, 3.0]]]), 2, 0, 1).shape
    (3, 1, 1)
    """
    check.tensor("permute", "x", x)
    axes = check.axes("permute", axes[0] if len(axes) == 1 else axes, x.ndim, "axes")
    if len(axes) != x.ndim:
        raise check.ShapeError(f"permute: axes must name every axis of x of shape {x.shape} once, got {axes}")
    return Permute(axes)(x)


def transpose(x: Tensor, axis0: int, axis1: int) -> Tensor:
    r"""x with two axes swapped, as in torch; permute takes any order, and `x.T` reverses all.

    >>> transpose(Tensor([[1.0, 2.0], [3.0, 4.0]]), 0, 1)
    Tensor([[1., 3.],
            [2., 4.]])
    """
    check.tensor("transpose", "x", x)
    axes = list(range(x.ndim))
    i, j = check.axis("transpose", axis0, x.ndim, "axis0"), check.axis("transpose", axis1, x.ndim, "axis1")
    axes[i], axes[j] = j, i
    return Permute(tuple(axes))(x)


def squeeze(x: Tensor, axis: int | Iterable[int] | None = None) -> Tensor:
    r"""x without the given axes (None: all) of size 1. ShapeError for an axis of another size.

    >>> squeeze(Tensor([[[1.0, 2.0]]]), axis=0).shape
    (1, 2)
    """
    check.tensor("squeeze", "x", x)
    if axis is None:
        return Reshape(tuple(n for n in x.shape if n != 1))(x)
    axes = check.axes("squeeze", axis, x.ndim)
    for a in axes:
        check.axis_size("squeeze", "x", x, a, 1, "size")
    return Reshape(tuple(n for i, n in enumerate(x.shape) if i not in axes))(x)


def unsqueeze(x: Tensor, axis: int) -> Tensor:
    r"""x with one more axis, of size 1, at `axis` of the result.

    >>> unsqueeze(Tensor([1.0, 2.0]), -1)
    Tensor([[1.],
            [2.]])
    """
    check.tensor("unsqueeze", "x", x)
    axis = check.axis("unsqueeze", axis, x.ndim + 1)
    return Reshape((*x.shape[:axis], 1, *x.shape[axis:]))(x)


def expand(x: Tensor, *shape: Any) -> Tensor:
    r"""x repeated along axes of size 1 (and along new leading axes) to this shape; -1 keeps a size. A view that must
    not be written to. ShapeError where x does not broadcast to it.

    >>> expand(Tensor([[1.0], [2.0]]), -1, 2)
    Tensor([[1., 1.],
            [2., 2.]])
    """
    check.tensor("expand", "x", x)
    shape = wanted = _sizes("expand", shape)
    new = len(shape) - x.ndim
    if new >= 0 and -1 not in shape[:new]:
        shape = shape[:new] + tuple(m if n == -1 else n for n, m in zip(shape[new:], x.shape, strict=True))
        check.elements("expand", "shape", shape)
        if all(m in (1, n) for n, m in zip(shape[new:], x.shape, strict=True)):
            return Expand(shape)(x)
    raise check.ShapeError(f"expand: x of shape {x.shape} cannot be repeated to shape {wanted}")


def flip(x: Tensor, axis: int | Iterable[int] | None = None) -> Tensor:
    r"""x in reversed order along the given axes (None: all).

    >>> flip(Tensor([1.0, 2.0, 3.0]), 0)
    Tensor([3., 2., 1.])
    """
    check.tensor("flip", "x", x)
    return Flip(check.axes("flip", axis, x.ndim))(x)
