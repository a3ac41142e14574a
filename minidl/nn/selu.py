r"""SELU: an ELU whose two constants keep a signal at mean 0 and variance 1 from layer to layer.

$$ y = \lambda \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}, \qquad
   dx = \lambda\,dy \begin{cases} 1 & x > 0 \\ \alpha e^x & x \le 0 \end{cases} $$

Let x be normal with mean 0 and variance 1 (what weights of variance 1/D make of many inputs of that kind). Then with
$E_k = \mathrm{E}[e^{kx};\ x \le 0] = e^{k^2/2}\,\Phi(-k)$

$$ \mathrm{E}[y] = \lambda \left( \tfrac{1}{\sqrt{2\pi}} + \alpha (E_1 - \tfrac12) \right) = 0, \qquad
   \mathrm{E}[y^2] = \lambda^2 \left( \tfrac12 + \alpha^2 (E_2 - 2 E_1 + \tfrac12) \right) = 1 $$

The first equation gives $\alpha$, the second $\lambda$. At x = 0 the slope is taken to be $\lambda \alpha$.

Shapes: x, y any. Klambauer, Unterthiner, Mayr and Hochreiter 2017, arXiv 1706.02515, equations 2 and 14.
"""

import math

from minidl import check
from minidl.nn.elu import ELUFunction
from minidl.nn.module import Module
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

    >>> from minidl import Tensor, nn
    >>> nn.SELU()(Tensor([-1000.0, 1.0])).numpy().round(4)
    array([-1.7581,  1.0507], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return selu(x)
