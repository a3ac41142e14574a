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

Integers become float32, but stay integers in abs. Outside of a function's domain the rules are NumPy's:
log 0 = -inf and log(-1) = nan, with NumPy's warning.

Try it:
1. Compute log(1 + x) for x = 1e-8 in float32: 0, for 1 + x is 1 there. `log1p` gives 1e-8.
2. Take the gradient of sqrt at 0: infinite, with a warning; then that of abs: 0. Both have no slope there; only the
   second has one on either side.
3. Chain 50 sines from 0.5: y is 0.218, and the gradient 0.080, the product of 50 cosines.
"""

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
