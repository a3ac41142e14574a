r"""norm: the length of a vector.

$$ \lVert x \rVert_1 = \sum_i |x_i|, \qquad \lVert x \rVert_2 = \sqrt{\textstyle\sum_i x_i^2}, \qquad
   \lVert x \rVert_\infty = \max_i |x_i| $$

The first and the last are made of abs, sum and max. For the second, with $y = \lVert x \rVert_2$:

$$ dx_i = \frac{2 x_i}{2 \sqrt{\sum_j x_j^2}} \, dy = \frac{x_i}{y} \, dy $$

At x = 0 it has a kink, like |x|; the gradient there is 0.

Try it:
1. Write it as `(x * x).sum().sqrt()`: at x = 0 the gradient is NaN, 0 times infinity. `norm` gives 0.
2. Take the gradients of the three norms at (3, -4): (1, -1), (0.6, -0.8) and (0, -1). The second one has length 1
   everywhere but at 0: a step along it changes the norm by the step's own length.
3. Take the norm of (1e30, 1e30) in float32: infinite, for the squares do not fit, with a warning. In float64 it is
   1.4e30.
"""

import math

from minidl import check
from minidl.backend import xp_of
from minidl.ops.arithmetic import as_float
from minidl.ops.elementwise import abs
from minidl.ops.extremes import max
from minidl.ops.reduce import Axis, kept, sum
from minidl.tensor import Function, Tensor


class Norm2(Function):
    def __init__(self, axes: tuple, keepdims: bool):
        self.axes, self.keepdims = axes, keepdims

    def forward(self, x):
        x = as_float(x)
        y = xp_of(x).sqrt((x * x).sum(axis=self.axes, keepdims=self.keepdims))
        self.save(x, y)
        return y

    def backward(self, dy):
        x, y = self.saved
        scale = dy / xp_of(dy).where(y == 0, 1, y)  # where y = 0, x is 0
        return x * kept(scale, x.shape, self.axes)


NORMS = {
    1: lambda x, axis, keepdims: sum(abs(x), axis, keepdims),
    2: lambda x, axis, keepdims: Norm2(check.axes("norm", axis, x.ndim), keepdims)(x),
    math.inf: lambda x, axis, keepdims: max(abs(x), axis, keepdims),
}


def norm(x: Tensor, p: float = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""The p-norm over `axis` (None: of all elements as one vector), p = 1, 2 or inf.

    >>> x = Tensor([3.0, -4.0])
    >>> norm(x), norm(x, p=1), norm(x, p=float("inf"))
    (Tensor(5.), Tensor(7.), Tensor(4.))
    """
    check.tensor("norm", "x", x)
    if not isinstance(p, int | float) or p not in NORMS:
        raise ValueError(f"norm: p must be 1, 2 or inf, got {p!r}")
    return NORMS[p](x, axis, keepdims)
