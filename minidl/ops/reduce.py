r"""Reductions: many numbers become one. sum, mean, var, std, logsumexp, and cumsum, with NumPy's `axis` and `keepdims`.

`axis` is one axis, a tuple of them, or None for all. With n the number of elements that are reduced to one y, and c
the `correction` of var and std:

$$ \begin{split}
y &= \textstyle\sum_i x_i : & dx_i &= dy \\
y &= \tfrac{1}{n} \textstyle\sum_i x_i : & dx_i &= dy / n \\
y &= \tfrac{1}{n - c} \textstyle\sum_i (x_i - \bar x)^2 : & dx_i &= \tfrac{2}{n - c} (x_i - \bar x)\, dy \\
y &= \sqrt{\mathrm{var}} : & dx_i &= \tfrac{1}{n - c} (x_i - \bar x) / y \; dy \\
y &= \log \textstyle\sum_i e^{x_i} : & dx_i &= e^{x_i - y}\, dy \\
y_j &= \textstyle\sum_{i \le j} x_i : & dx_i &= \textstyle\sum_{j \ge i} dy_j
\end{split} $$

In var, $x_i$ also moves the mean: that adds $\sum_j 2 (x_j - \bar x) \cdot (-1/n)$, which is 0, because deviations from
the mean add up to 0. Where std is 0 its slope is not defined, and its gradient here is 0.

logsumexp takes the largest x out first, $y = m + \log \sum_i e^{x_i - m}$, so that nothing overflows.

Try it:
1. Compute the variance of 10000, 10001, 10002 in float32 as mean of squares minus square of the mean (times 3/2): 0.
   `var` gives 1: it takes the mean away before squaring.
2. Compute `exp(x).sum().log()` for two numbers 1000: infinite, with a warning. `logsumexp` gives 1000.69.
3. Take the gradient of `var` for [1, 2, 4]: [-1.33, -0.33, 1.67], which adds up to 0. A shift of all x changes nothing.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.ops.arithmetic import as_float
from minidl.tensor import Function, Tensor

Axis = int | Iterable[int] | None


def count(shape: tuple, axes: tuple) -> int:
    r"""How many elements are reduced to one.

    >>> count((2, 3, 4), (0, 2))
    8
    """
    return check.elements("reduction", "axis", (shape[a] for a in axes))


def nonempty(who: str, x: Tensor, axes: tuple) -> None:
    r"""ShapeError where nothing is left to reduce."""
    if count(x.shape, axes) == 0:
        raise check.ShapeError(f"{who}: there is nothing along axis {axes} of x of shape {x.shape}")


def kept(array: Any, shape: tuple, axes: tuple) -> Any:
    r"""A reduced array with its reduced axes back, of size 1: ready to broadcast against x of this shape."""
    return array.reshape([1 if i in axes else n for i, n in enumerate(shape)])


class Sum(Function):
    def __init__(self, axes: tuple, keepdims: bool):
        self.axes, self.keepdims = axes, keepdims

    def forward(self, x):
        self.shape = x.shape
        return x.sum(axis=self.axes, keepdims=self.keepdims)

    def backward(self, dy):
        return xp_of(dy).broadcast_to(kept(dy, self.shape, self.axes), self.shape)


class Mean(Sum):
    def forward(self, x):
        self.shape = x.shape
        return as_float(x).mean(axis=self.axes, keepdims=self.keepdims)

    def backward(self, dy):
        return super().backward(dy / count(self.shape, self.axes))


class Var(Function):
    def __init__(self, axes: tuple, keepdims: bool, divisor: int):
        self.axes, self.keepdims, self.divisor = axes, keepdims, divisor  # divisor = n - c

    def forward(self, x):
        x = as_float(x)
        deviation = x - x.mean(axis=self.axes, keepdims=True)
        self.save(deviation)
        return (deviation * deviation).sum(axis=self.axes, keepdims=self.keepdims) / self.divisor

    def backward(self, dy):
        (deviation,) = self.saved
        return kept(dy, deviation.shape, self.axes) * (2 / self.divisor) * deviation


class Std(Var):
    def forward(self, x):
        y = xp_of(x).sqrt(super().forward(x))
        self.save(*self.saved, y)
        return y

    def backward(self, dy):
        deviation, y = self.saved
        slope = dy / xp_of(dy).where(y == 0, 1, y) / self.divisor  # where y = 0 all deviations are 0
        return kept(slope, deviation.shape, self.axes) * deviation


class LogSumExp(Function):
    def __init__(self, axes: tuple, keepdims: bool):
        self.axes, self.keepdims = axes, keepdims

    def forward(self, x):
        xp, x = xp_of(x), as_float(x)
        m = x.max(axis=self.axes, keepdims=True)
        largest = np.finfo(x.dtype).max
        # a row of -inf gives exp(-inf) = 0, and +inf - +inf is avoided
        e = xp.exp(xp.minimum(x - xp.clip(m, -largest, largest), 0))
        s = e.sum(axis=self.axes, keepdims=True)
        s = xp.where(s == 0, 1, s)
        self.save(e, s)
        y = m + xp.log(s)
        return y if self.keepdims else y.squeeze(self.axes)

    def backward(self, dy):
        e, s = self.saved
        return kept(dy, e.shape, self.axes) * (e / s)  # softmax(x)


class CumSum(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        return x.cumsum(axis=self.axis)

    def backward(self, dy):
        xp = xp_of(dy)
        return xp.flip(xp.flip(dy, self.axis).cumsum(axis=self.axis), self.axis)


def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""The sum over `axis`.

    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    check.tensor("sum", "x", x)
    return Sum(check.axes("sum", axis, x.ndim), keepdims)(x)


def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""The mean over `axis`. ShapeError where there is nothing to average.

    >>> mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1, keepdims=True)
    Tensor([[1.5],
            [3.5]])
    """
    check.tensor("mean", "x", x)
    axes = check.axes("mean", axis, x.ndim)
    nonempty("mean", x, axes)
    return Mean(axes, keepdims)(x)


def _divisor(who: str, x: Tensor, axes: tuple, correction: int) -> int:
    n = count(x.shape, axes)
    if n - check.integer(who, "correction", correction, low=0) < 1:
        raise check.ShapeError(
            f"{who}: needs more than correction={correction} elements along axis {axes}, got x of shape {x.shape}"
        )
    return n - correction


def var(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: int = 1) -> Tensor:
    r"""The variance over `axis`: squared deviations from the mean, added up and divided by n - correction. The default
    1 is torch's (the estimate for a sample); 0 is NumPy's default (all there is). ShapeError unless n > correction.

    >>> var(Tensor([1.0, 2.0, 3.0])), var(Tensor([1.0, 2.0, 3.0]), correction=0)
    (Tensor(1.), Tensor(0.6666667))
    """
    check.tensor("var", "x", x)
    axes = check.axes("var", axis, x.ndim)
    return Var(axes, keepdims, _divisor("var", x, axes, correction))(x)


def std(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: int = 1) -> Tensor:
    r"""The standard deviation: the root of `var`, with the same default correction=1. Its gradient is 0 where it is 0.

    >>> std(Tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]), axis=1)
    Tensor([1., 2.])
    """
    check.tensor("std", "x", x)
    axes = check.axes("std", axis, x.ndim)
    return Std(axes, keepdims, _divisor("std", x, axes, correction))(x)


def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    r"""$\log \sum e^x$ over `axis`, without overflow; -inf where all x are -inf (and the gradient 0).

    >>> logsumexp(Tensor([1000.0, 1000.0]))
    Tensor(1000.6932)
    """
    check.tensor("logsumexp", "x", x)
    axes = check.axes("logsumexp", axis, x.ndim)
    nonempty("logsumexp", x, axes)
    return LogSumExp(axes, keepdims)(x)


def cumsum(x: Tensor, axis: int) -> Tensor:
    r"""Running sums along `axis`.

    >>> cumsum(Tensor([1.0, 2.0, 3.0]), axis=0)
    Tensor([1., 3., 6.])
    """
    check.tensor("cumsum", "x", x)
    return CumSum(check.axis("cumsum", axis, x.ndim))(x)
