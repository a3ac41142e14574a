r"""Sigmoid: any number becomes one between 0 and 1, such as a probability.

$$ y = \sigma(x) = \frac{1}{1 + e^{-x}}, \qquad dx = dy\,y (1 - y) $$

Backward. Write $y = 1/v$ with $v = 1 + e^{-x}$: $y' = e^{-x} / v^2 = \frac1v \cdot \frac{v - 1}{v} = y (1 - y)$.
Forward and backward are those of `sigmoid` in ops/bounded.py; this is the layer around it.

Shapes: x, y any. Rumelhart, Hinton and Williams 1986, Nature 323.
"""

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def sigmoid(x: Tensor) -> Tensor:
    r"""$1 / (1 + e^{-x})$.

    >>> sigmoid(Tensor([0.0, 1000.0])).numpy()
    array([0.5, 1. ], dtype=float32)
    """
    check.floats("sigmoid", "x", x)
    return ops.sigmoid(x)


class Sigmoid(Module):
    r"""$1 / (1 + e^{-x})$, element by element.

    >>> from minidl import Tensor, nn
    >>> nn.Sigmoid()(Tensor([0.0, 1000.0])).numpy()
    array([0.5, 1. ], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(x)
