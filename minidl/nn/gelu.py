r"""GELU: x times the probability that a normal random number is below x; a ReLU that makes up its mind gradually.

With the distribution function $\Phi$ of the normal distribution and its density $\varphi$,

$$ y = x\,\Phi(x), \qquad \Phi(x) = \tfrac12 \mathrm{erfc}(-x / \sqrt2), \qquad
   \varphi(x) = \Phi'(x) = \tfrac{1}{\sqrt{2\pi}}\,e^{-x^2/2} $$

$$ dx = dy\,(\Phi(x) + x\,\varphi(x)) $$

erfc is in kernels/erf.py. approximate="tanh" needs only a sigmoid, $\tfrac12 (1 + \tanh u) = \sigma(2u)$:

$$ y = x\,\sigma(s), \qquad s = 2 \sqrt{2/\pi}\,(x + 0.044715\,x^3), \qquad s' = 2 \sqrt{2/\pi}\,(1 + 0.134145\,x^2) $$

$$ dx = dy\,\sigma\,(1 + x (1 - \sigma)\,s') $$

Both saturate, $\varphi$ to 0 and $\sigma$ to 0 or 1, long before |x| = 40, where x is cut off for them: so no power
of x overflows.

Shapes: x and y have any one shape, of E numbers.

Source: Hendrycks and Gimpel 2016, arXiv 1606.08415.

Try it:
1. Compute y on `np.linspace(-6, 6, 120001)`: it is smallest, -0.16997, at x = -0.7518, where the slope is 0. The slope
   itself reaches 1.1289 at $x = \sqrt2$ and -0.1289 at $-\sqrt2$: GELU is not monotonic.
2. On the same numbers, y of x less y of -x is x, to 15 digits: $x\,\Phi(x) + x\,\Phi(-x) = x$. SiLU has the same.
3. Take the clip out of `GELUFunction.backward`, and give it x = -1e20 in float32: an overflow warning (which the tests
   take for an error), although dx is right.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.kernels.erf import erfc
from minidl.kernels.logistic import logistic
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class GELUFunction(Function):
    def forward(self, x):
        Phi = erfc(x * -math.sqrt(0.5)) / 2
        self.save(x, Phi)
        return x * Phi

    def backward(self, dy):
        x, Phi = self.saved
        xp = xp_of(x)
        phi = xp.exp(xp.clip(x, -40, 40) ** 2 / -2) / math.sqrt(2 * math.pi)
        return dy * (Phi + x * phi)


class GELUTanhFunction(Function):
    def forward(self, x):
        z = xp_of(x).clip(x, -40, 40)
        sigma = logistic(2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
        self.save(x, z, sigma)
        return x * sigma

    def backward(self, dy):
        x, z, sigma = self.saved
        ds = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)
        return dy * sigma * (1 + x * (1 - sigma) * ds)


APPROXIMATIONS = {"none": GELUFunction, "tanh": GELUTanhFunction}


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    r"""$x\,\Phi(x)$, exactly or with approximate="tanh". ValueError for another word.

    >>> (gelu(Tensor([-1000.0, 0.0, 1000.0])) + 0.0).numpy()
    array([   0.,    0., 1000.], dtype=float32)
    """
    check.floats("gelu", "x", x)
    return APPROXIMATIONS[check.option("gelu", "approximate", approximate, APPROXIMATIONS)]()(x)


class GELU(Module):
    r"""$x\,\Phi(x)$, element by element.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GELU` | the layer | `nn.GELU` | `Activation("gelu")` |
    | `approximate` | "none", or "tanh": a sigmoid for $\Phi$, 0.0005 off at most | the same | False or True |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.GELU()(Tensor([-1.0, 0.0, 1.0])).numpy().round(4)
    array([-0.1587,  0.    ,  0.8413], dtype=float32)
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = check.option("GELU", "approximate", approximate, APPROXIMATIONS)

    def forward(self, x: Tensor) -> Tensor:
        return gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


def illustrate(ax: Any) -> None:
    r"""Left: the dots are x let through or set to 0 by chance, let through with probability $\Phi(x)$; y is their mean
    at every x. Dashed: the slope that `backward` gives. y is smallest at the cross, left of it the slope is negative.
    Right: by how much approximate="tanh" is off."""
    ax.axis("off")
    curve, error = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.54), (0.69, 0.31)))
    x = Tensor(np.linspace(-3.5, 2.5, 121), requires_grad=True)
    y = gelu(x)
    y.sum().backward()
    open_gates = np.random.default_rng(0).normal(size=121) < x.numpy()
    curve.plot(x.numpy(), x.numpy() * open_gates, ".", color="C4", markersize=4)
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    lowest = y.numpy().argmin()
    curve.plot(x.numpy()[lowest], y.numpy()[lowest], "C3X")
    curve.text(2.2, 1.75, "y", ha="left", va="top")
    curve.text(0.3, 0.95, "slope", ha="right")
    curve.set(xlabel="x")
    error.plot(x.numpy(), 1e4 * (gelu(x, "tanh") - y).numpy(), "C2")
    error.set(xlabel="x", ylabel="tanh form less y, times $10^4$")
