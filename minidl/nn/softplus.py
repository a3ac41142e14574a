r"""Softplus: a smooth ReLU, always positive; what turns any number into, say, a standard deviation.

$$ y = \frac1\beta \ln(1 + e^{\beta x}), \qquad dx = dy\,\frac{e^{\beta x}}{1 + e^{\beta x}} = dy\,\sigma(\beta x) $$

With $z = \beta x$, $\ln(1 + e^z) = \max(z, 0) + \ln(1 + e^{-|z|})$ cannot overflow. Where z is above the threshold, y
is x itself and its slope 1: for 20 the difference is below $e^{-20} / \beta = 2.1 \cdot 10^{-9} / \beta$.

Shapes: x, y any. Dugas, Bengio, Bélisle, Nadeau and Garcia 2000, NIPS 13.
"""

from minidl import check
from minidl.backend import xp_of
from minidl.kernels.logistic import logistic
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class SoftplusFunction(Function):
    def __init__(self, beta: float, threshold: float):
        self.beta, self.threshold = beta, threshold

    def forward(self, x):
        xp = xp_of(x)
        z = self.beta * x
        self.save(z)
        y = (xp.maximum(z, 0) + xp.log1p(xp.exp(-abs(z)))) / self.beta
        return xp.where(z > self.threshold, x, y)

    def backward(self, dy):
        (z,) = self.saved
        return xp_of(z).where(z > self.threshold, dy, dy * logistic(z))


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    r"""$\ln(1 + e^{\beta x}) / \beta$, and x itself where $\beta x$ is above the threshold.

    >>> softplus(Tensor([-1000.0, 1000.0])).numpy()
    array([   0., 1000.], dtype=float32)
    """
    check.floats("softplus", "x", x)
    beta = check.number("softplus", "beta", beta, above=0)
    return SoftplusFunction(beta, check.number("softplus", "threshold", threshold))(x)


class Softplus(Module):
    r"""$\ln(1 + e^{\beta x}) / \beta$, element by element.

    | option | meaning |
    |---|---|
    | `beta` | how sharp the bend is (> 0); large: nearly ReLU |
    | `threshold` | the $\beta x$ above which y = x |

    >>> from minidl import Tensor, nn
    >>> nn.Softplus()(Tensor([-1000.0, 0.0, 1000.0])).numpy().round(4)
    array([0.000e+00, 6.931e-01, 1.000e+03], dtype=float32)
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta = check.number("Softplus", "beta", beta, above=0)
        self.threshold = check.number("Softplus", "threshold", threshold)

    def forward(self, x: Tensor) -> Tensor:
        return softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"
