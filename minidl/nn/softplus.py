r"""Softplus: a smooth ReLU, always positive; what turns any number into, say, a standard deviation.

$$ y = \frac1\beta \ln(1 + e^{\beta x}), \qquad dx = dy\,\frac{e^{\beta x}}{1 + e^{\beta x}} = dy\,\sigma(\beta x) $$

With $z = \beta x$, $\ln(1 + e^z) = \max(z, 0) + \ln(1 + e^{-|z|})$ cannot overflow. Where z is above the threshold, y
is x itself and its slope 1: for 20 the difference is below $e^{-20} / \beta = 2.1 \cdot 10^{-9} / \beta$.

Shapes: x and y have any one shape, of E numbers.

Source: Dugas, Bengio, Bélisle, Nadeau and Garcia 2000, NIPS 13.

Try it:
1. In `forward`, compute `xp.log(1 + xp.exp(z)) / self.beta` instead, in float32: at x = 100 there is an overflow
   warning, and only the threshold saves y. At x = -10 y is 0.04 % too large, and at -20 it is 0 and not
   $2.1 \cdot 10^{-9}$: 1 and so small a number add up to 1.
2. Set threshold=1: y falls from 1.313 to 1 as x passes 1. The gradient check sees nothing of it, unless a number of x
   lies at the jump.
3. Take relu(x) from y: what is left is the same for x and -x, $\ln 2 = 0.693$ at 0 and 0.0067 at 5. With beta=10 it is
   0.069 at 0.
"""

from typing import Any

import numpy as np

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Softplus` | the layer | `nn.Softplus` | `Activation("softplus")` |
    | `beta` | how sharp the bend is (> 0); large: nearly ReLU | `beta` | none: 1 |
    | `threshold` | the $\beta x$ above which y = x | `threshold` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

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


def illustrate(ax: Any) -> None:
    r"""Left: y for three $\beta$, and (dashed) the slope that `backward` gives, which is the sigmoid of $\beta x$; the
    larger $\beta$, the closer to ReLU. Right: numbers drawn with the standard deviation softplus(x), and a band that
    wide. Any x makes a standard deviation: y is positive, and changes gently."""
    ax.axis("off")
    curves, spread = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.44), (0.56, 0.44)))
    for c, beta in enumerate((1, 2, 8)):
        x = Tensor(np.linspace(-2, 2, 81), requires_grad=True)
        y = softplus(x, beta)
        y.sum().backward()
        curves.plot(x.numpy(), y.numpy(), f"C{c}", label=rf"$\beta$ = {beta}")
        curves.plot(x.numpy(), x.grad, f"C{c}--")
    curves.set(xlabel="x")
    curves.legend()
    x = np.linspace(-6, 6, 120)
    std = softplus(Tensor(x)).numpy()
    spread.fill_between(x, -std, std, color="C4", alpha=0.3, linewidth=0)
    spread.plot(x, std * np.random.default_rng(0).normal(size=120), ".", markersize=4)
    spread.set(xlabel="x", ylabel="normal numbers, times y")
