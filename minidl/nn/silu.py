r"""SiLU (also called swish): x times its own sigmoid; like a ReLU with a soft and slightly sunken knee.

$$ y = x\,\sigma(x), \qquad dx = dy \left( \sigma + x\,\sigma' \right) = dy\,\sigma \left( 1 + x (1 - \sigma) \right) $$

with $\sigma' = \sigma (1 - \sigma)$.

Shapes: x, y any. Elfwing, Uchibe and Doya 2017, arXiv 1702.03118; Ramachandran, Zoph and Le 2017, arXiv 1710.05941.
"""

from minidl import check
from minidl.kernels.logistic import logistic
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class SiLUFunction(Function):
    def forward(self, x):
        s = logistic(x)
        self.save(x, s)
        return x * s

    def backward(self, dy):
        x, s = self.saved
        return dy * s * (1 + x * (1 - s))


def silu(x: Tensor) -> Tensor:
    r"""$x\,\sigma(x)$.

    >>> silu(Tensor([0.0, 1000.0])).numpy()
    array([   0., 1000.], dtype=float32)
    """
    check.floats("silu", "x", x)
    return SiLUFunction()(x)


class SiLU(Module):
    r"""$x\,\sigma(x)$, element by element.

    >>> from minidl import Tensor, nn
    >>> nn.SiLU()(Tensor([-1000.0, 0.0, 1000.0])).numpy() + 0.0
    array([   0.,    0., 1000.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return silu(x)
