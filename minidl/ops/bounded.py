r"""Functions of one variable that keep it within bounds: tanh, sigmoid, relu, clip. $dx_i = f'(x_i)\,dy_i$ with

| y | $f'$ | at the kink |
|---|---|---|
| tanh x | $1 - y^2$ | |
| sigmoid x = 1 / (1 + exp(-x)) | $y (1 - y)$ | |
| relu x = max(x, 0) | 1 where x > 0, else 0 | 0 at 0 |
| clip(x, min, max) | 1 where min <= x <= max, else 0 | 1 at both borders |

For the sigmoid write $y = 1/v$ with $v = 1 + e^{-x}$: $y' = e^{-x} / v^2 = y \cdot (v - 1) / v = y (1 - y)$.
NaN stays NaN in all of them. Integers become float32 in tanh and sigmoid, and stay integers in relu and clip.

Try it:
1. Take the gradient of sigmoid at -20, 0 and 20 in float32: 2e-9, 0.25 and exactly 0, for y = 1 after rounding. A unit
   that is saturated on that side learns nothing at all.
2. Chain 20 sigmoids from 0.5: the gradient at the start is 1e-13. Of 20 tanhs it is 0.11. Slopes of at most 1/4
   vanish; slopes near 1 do so slowly.
3. Compute 1 / (1 + exp(-x)) with NumPy at x = -100 in float32: 0, and a warning of overflow. `sigmoid` gives 3.8e-44,
   without one.
"""

from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.kernels.gate import gate
from minidl.kernels.logistic import logistic
from minidl.ops.arithmetic import as_float
from minidl.tensor import Function, Tensor


class Tanh(Function):
    def forward(self, x):
        y = xp_of(x).tanh(as_float(x))
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return dy * (1 - y * y)


class Sigmoid(Function):
    def forward(self, x):
        y = logistic(as_float(x))
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return dy * y * (1 - y)


class Relu(Function):
    def forward(self, x):
        y = xp_of(x).maximum(x, 0)
        self.save(y)  # positive where x is; and the layer above often keeps it too
        return y

    def backward(self, dy):
        (y,) = self.saved
        return gate(y, dy)  # dy where y > 0, else 0


class Clip(Function):
    def __init__(self, low: float | None, high: float | None):
        self.low, self.high = low, high

    def forward(self, x):
        self.save(x)
        return xp_of(x).clip(x, self.low, self.high)

    def backward(self, dy):
        (x,) = self.saved
        if self.low is not None:
            dy = dy * (x >= self.low)
        if self.high is not None:
            dy = dy * (x <= self.high)
        return dy


def tanh(x: Tensor) -> Tensor:
    r"""The hyperbolic tangent, between -1 and 1.

    >>> tanh(Tensor([0.0, 1.0]))
    Tensor([0.       , 0.7615942])
    """
    return Tanh()(x)


def sigmoid(x: Tensor) -> Tensor:
    r"""1 / (1 + exp(-x)), between 0 and 1, without overflow for any x.

    >>> sigmoid(Tensor([-1000.0, 0.0, 1000.0]))
    Tensor([0. , 0.5, 1. ])
    """
    return Sigmoid()(x)


def relu(x: Tensor) -> Tensor:
    r"""max(x, 0); the gradient at 0 is 0, a NaN stays one.

    >>> relu(Tensor([-2.0, 3.0]))
    Tensor([0., 3.])
    """
    return Relu()(x)


def clip(x: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    r"""x, but not below min and not above max (numbers; None is no limit). The gradient passes where x lies between
    them or on a border. ValueError if min > max.

    >>> clip(Tensor([-2.0, 0.5, 3.0]), 0, 1)
    Tensor([0. , 0.5, 1. ])
    """
    check.tensor("clip", "x", x)

    def bound(name: str, value: Any) -> Any:
        if value is None:
            return None
        return (check.number if x.dtype.kind == "f" else check.integer)("clip", name, value)

    min, max = bound("min", min), bound("max", max)
    if min is not None and max is not None and min > max:
        raise ValueError(f"clip: min must be <= max, got min={min} and max={max}")
    return Clip(min, max)(x)
