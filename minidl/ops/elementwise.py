r"""Functions of one variable, element by element: $y_i = f(x_i)$, so $dx_i = f'(x_i)\,dy_i$.

| y | $f'$ | at the kink |
|---|---|---|
| exp x | y | |
| log x | 1 / x | |
| log1p x = log(1 + x) | 1 / (1 + x) | |
| sqrt x | 1 / (2 y) | |
| abs x | sign x | 0 at 0 |
| sin x | cos x | |
| cos x | -sin x | |
| tanh x | $1 - y^2$ | |
| sigmoid x = 1 / (1 + exp(-x)) | $y (1 - y)$ | |
| relu x = max(x, 0) | 1 where x > 0, else 0 | 0 at 0 |
| clip(x, min, max) | 1 where min <= x <= max, else 0 | 1 at both borders |

Integers become float32, but stay integers in abs, relu and clip. Outside of a function's domain the rules are NumPy's:
log 0 = -inf and log(-1) = nan, with NumPy's warning.
"""

from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.ops.arithmetic import as_float
from minidl.tensor import Function, Tensor


class Exp(Function):
    def forward(self, x):
        y = xp_of(x).exp(as_float(x))
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return dy * y


class Log(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).log(as_float(x))

    def backward(self, dy):
        (x,) = self.saved
        return dy / x


class Log1p(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).log1p(as_float(x))

    def backward(self, dy):
        (x,) = self.saved
        return dy / (1 + x)


class Sqrt(Function):
    def forward(self, x):
        y = xp_of(x).sqrt(as_float(x))
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return dy / (2 * y)


class Abs(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).abs(x)

    def backward(self, dy):
        (x,) = self.saved
        return dy * xp_of(x).sign(x)


class Sin(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).sin(as_float(x))

    def backward(self, dy):
        (x,) = self.saved
        return dy * xp_of(x).cos(x)


class Cos(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).cos(as_float(x))

    def backward(self, dy):
        (x,) = self.saved
        return -dy * xp_of(x).sin(x)


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
        xp, x = xp_of(x), as_float(x)
        e = xp.exp(-xp.abs(x))  # never above 1: exp(-x) itself overflows for x << 0
        y = xp.where(x >= 0, 1, e) / (1 + e)  # for x < 0: 1 / (1 + 1/e) = e / (1 + e)
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return dy * y * (1 - y)


class Relu(Function):
    def forward(self, x):
        self.save(x)
        return xp_of(x).maximum(x, 0)

    def backward(self, dy):
        (x,) = self.saved
        return dy * (x > 0)


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


def exp(x: Tensor) -> Tensor:
    r"""$e^x$

    >>> exp(Tensor([0.0, 1.0]))
    Tensor([1.      , 2.718282])
    """
    return Exp()(x)


def log(x: Tensor) -> Tensor:
    r"""The natural logarithm.

    >>> log(Tensor([1.0, 2.0]))
    Tensor([0.       , 0.6931472])
    """
    return Log()(x)


def log1p(x: Tensor) -> Tensor:
    r"""log(1 + x), exact for small x.

    >>> log1p(Tensor([1e-12]))
    Tensor([1.e-12])
    """
    return Log1p()(x)


def sqrt(x: Tensor) -> Tensor:
    r"""The square root; its slope at 0 is inf.

    >>> sqrt(Tensor([4.0, 9.0]))
    Tensor([2., 3.])
    """
    return Sqrt()(x)


def abs(x: Tensor) -> Tensor:
    r"""|x|; the gradient at 0 is 0.

    >>> abs(Tensor([-2.0, 3.0]))
    Tensor([2., 3.])
    """
    return Abs()(x)


def sin(x: Tensor) -> Tensor:
    r"""The sine of x in radians.

    >>> sin(Tensor([0.0, 1.0]))
    Tensor([0.      , 0.841471])
    """
    return Sin()(x)


def cos(x: Tensor) -> Tensor:
    r"""The cosine of x in radians.

    >>> cos(Tensor([0.0, 1.0]))
    Tensor([1.       , 0.5403023])
    """
    return Cos()(x)


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

    def bound(name: str, value: Any) -> Any:
        if value is None:
            return None
        return (check.number if x.dtype.kind == "f" else check.integer)("clip", name, value)

    min, max = bound("min", min), bound("max", max)
    if min is not None and max is not None and min > max:
        raise ValueError(f"clip: min must be <= max, got min={min} and max={max}")
    return Clip(min, max)(x)
