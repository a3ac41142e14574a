r"""ELU: x where it is positive, else a curve that bends smoothly down to $-\alpha$.

$$ y = \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ \alpha e^x\,dy & x \le 0 \end{cases} $$

For $\alpha = 1$ both sides have slope 1 at 0; for another $\alpha$ the slope at x = 0 is taken to be $\alpha$. The
negative side is computed from min(x, 0), so that a large x cannot overflow where its exponential is not wanted, and
with expm1, which keeps the digits of $e^x - 1$ near 0.

Shapes: x and y have any one shape, of E numbers.

Source: Clevert, Unterthiner and Hochreiter 2015, arXiv 1511.07289, equations 15 and 16.

Try it:
1. Put 100,000 normal numbers through ELU and ReLU: the mean of y is 0.16 and 0.40. That is the paper's aim: outputs
   whose mean is nearer to 0 are better inputs for the next layer.
2. In `backward`, forget $\alpha$: the gradient check fails for alpha=0.3 alone, and SELU, made of the same Function,
   fails wherever x has negative numbers.
3. In `forward`, write $e^x - 1$ for expm1: for x = -0.00000001 in float32, y is 0, and not x.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.leaky_relu import leaky_relu
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class ELUFunction(Function):
    def __init__(self, alpha: float, scale: float = 1.0):
        self.alpha, self.scale = alpha, scale  # scale: for SELU

    def forward(self, x):
        xp = xp_of(x)
        self.save(x)
        return self.scale * xp.where(x > 0, x, self.alpha * xp.expm1(xp.minimum(x, 0)))

    def backward(self, dy):
        (x,) = self.saved
        xp = xp_of(x)
        return self.scale * dy * xp.where(x > 0, 1, self.alpha * xp.exp(xp.minimum(x, 0)))


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    r"""x where it is positive, else $\alpha (e^x - 1)$.

    >>> elu(Tensor([-1000.0, 0.0, 3.0]), alpha=2.0).numpy()
    array([-2.,  0.,  3.], dtype=float32)
    """
    check.floats("elu", "x", x)
    return ELUFunction(check.number("elu", "alpha", alpha))(x)


class ELU(Module):
    r"""x where it is positive, else $\alpha (e^x - 1)$.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `ELU` | the layer | `nn.ELU` | `ELU` |
    | `alpha` | $\alpha$: y is above $-\alpha$ | `alpha` | `alpha` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.ELU(alpha=2.0)(Tensor([-1000.0, 0.0, 3.0])).numpy()
    array([-2.,  0.,  3.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = check.number("ELU", "alpha", alpha)

    def forward(self, x: Tensor) -> Tensor:
        return elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


def illustrate(ax: Any) -> None:
    r"""Left: y and (dashed) the slope that `backward` gives, for three $\alpha$; only $\alpha = 1$ has no jump in the
    slope. Right: a noisy x over time, through ELU and through a line of slope 0.3 as a LeakyReLU has it. Where x is far
    below 0, ELU is flat and says no more than "absent", while the line hands on the noise."""
    ax.axis("off")
    curves, signals = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.38), (0.5, 0.5)))
    for c, alpha in enumerate((0.5, 1.0, 2.0)):
        x = Tensor(np.linspace(-6, 2, 161), requires_grad=True)
        y = elu(x, alpha)
        y.sum().backward()
        curves.plot(x.numpy(), y.numpy(), f"C{c}", x.numpy(), x.grad, f"C{c}--")
        curves.text(-5.9, y.numpy()[0] + 0.08, rf"$\alpha$ = {alpha}")
    curves.set(xlabel="x")
    t = np.arange(120)
    x = Tensor(2 * np.cos(t / 19) - 1.5 + 0.4 * np.random.default_rng(0).normal(size=120))
    for c, y in (("C4", x), ("C3", leaky_relu(x, 0.3)), ("C1", elu(x))):
        signals.plot(t, y.numpy(), c, linewidth=1)
    signals.text(92, -3, "x")
    signals.text(60, -0.45, "LeakyReLU", ha="center")
    signals.text(60, -1.5, "ELU", ha="center")
    signals.set(xlabel="t")
