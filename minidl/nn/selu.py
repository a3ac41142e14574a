r"""SELU: an ELU whose two constants keep a signal at mean 0 and variance 1 from layer to layer.

$$ y = \lambda \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}, \qquad
   dx = \lambda\,dy \begin{cases} 1 & x > 0 \\ \alpha e^x & x \le 0 \end{cases} $$

Let x be normal with mean 0 and variance 1 (what weights of variance 1/D make of many inputs of that kind). Then with
$E_k = \mathrm{E}[e^{kx};\ x \le 0] = e^{k^2/2}\,\Phi(-k)$

$$ \mathrm{E}[y] = \lambda \left( \tfrac{1}{\sqrt{2\pi}} + \alpha (E_1 - \tfrac12) \right) = 0, \qquad
   \mathrm{E}[y^2] = \lambda^2 \left( \tfrac12 + \alpha^2 (E_2 - 2 E_1 + \tfrac12) \right) = 1 $$

The first equation gives $\alpha$, the second $\lambda$. At x = 0 the slope is taken to be $\lambda \alpha$.

Shapes: x and y have any one shape, of E numbers.

Source: Klambauer, Unterthiner, Mayr and Hochreiter 2017, arXiv 1706.02515, equations 2 and 14.

Try it:
1. Put 50 pairs of Linear(64, 64), with weights from `init.lecun_normal` and biases of 0, and SELU() in a row, and 200
   normal rows through them: standard deviation 0.9 to 1.0 at the end. With ELU 0.03 to 0.05, with ReLU 0.00000001.
2. The same for rows of mean 1 and standard deviation 3: after 1, 5, 10 and 20 layers the standard deviation is about
   2.5, 1.4, 1.1 and 1.0; the mean is 0.7 after the first, and within 0.1 of 0 after 10.
3. Number 1 with weights and biases as Linear starts them: 0.15, and all rows have become one. The units vary by
   0.000002 over the rows; what is left comes from the biases.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.nn.elu import ELUFunction, elu
from minidl.nn.module import Module
from minidl.nn.relu import relu
from minidl.tensor import Tensor

_E1 = math.exp(0.5) * math.erfc(math.sqrt(0.5)) / 2
_E2 = math.exp(2.0) * math.erfc(math.sqrt(2.0)) / 2
ALPHA = 1 / math.sqrt(2 * math.pi) / (0.5 - _E1)  # 1.67326...
LAMBDA = (0.5 + ALPHA**2 * (_E2 - 2 * _E1 + 0.5)) ** -0.5  # 1.05070...


def selu(x: Tensor) -> Tensor:
    r"""$\lambda\,\mathrm{ELU}_\alpha(x)$ with the constants above.

    >>> selu(Tensor([-1000.0, 2.0])).numpy().round(4)
    array([-1.7581,  2.1014], dtype=float32)
    """
    check.floats("selu", "x", x)
    return ELUFunction(ALPHA, LAMBDA)(x)


class SELU(Module):
    r"""The self-normalising ELU. Wants inputs of mean 0 and variance 1 and weights from `init.lecun_normal`.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SELU` | the layer | `nn.SELU` | `Activation("selu")` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.SELU()(Tensor([-1000.0, 1.0])).numpy().round(4)
    array([-1.7581,  1.0507], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return selu(x)


def illustrate(ax: Any) -> None:
    r"""Left: y, and the slope that `backward` gives. Right: how large a signal is (root of its mean square) before and
    after one layer with weights of variance 1/D. The staircase is a signal on its way through 20 layers: wherever it
    starts, SELU leads it to 1, where its curve crosses the diagonal. ELU and ReLU cross it at 0 only: every layer makes
    the signal smaller."""
    ax.axis("off")
    curve, sizes = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.36), (0.52, 0.48)))
    x = Tensor(np.linspace(-4, 2, 121), requires_grad=True)
    y = selu(x)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    curve.text(1.1, 1.5, "y", ha="right")
    curve.text(-0.7, 1.4, "slope", ha="right")
    curve.set(xlabel="x")
    normal = np.random.default_rng(0).normal(size=1000)
    normal /= np.sqrt((normal**2).mean())

    def after(f, size):
        return np.sqrt((f(Tensor(size * normal)).numpy() ** 2).mean())

    before = np.linspace(0, 2.5, 26)
    for c, (name, f) in enumerate((("SELU", selu), ("ELU", elu), ("ReLU", relu))):
        sizes.plot(before, [after(f, size) for size in before], f"C{c}")
        sizes.text(2.55, after(f, 2.5), name, va="top" if f is relu else "bottom")
    sizes.plot(before, before, ":C4")
    for size in (2.5, 0.3):
        for _ in range(20):
            out = after(selu, size)
            sizes.plot([size, size, out], [size, out, out], "C3", linewidth=1)
            size = out
    sizes.set(xlabel="size before", ylabel="size after")
