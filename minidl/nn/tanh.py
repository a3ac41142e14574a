r"""Tanh: any number becomes one between -1 and 1; a sigmoid that is symmetric about 0.

$$ y = \tanh x = 2 \sigma(2x) - 1, \qquad dx = dy\,(1 - y^2) $$

Backward. $y = \sinh x / \cosh x$, so $y' = (\cosh^2 x - \sinh^2 x) / \cosh^2 x = 1 - y^2$.
Forward and backward are those of `tanh` in ops/bounded.py; this is the layer around it.

Shapes: x, y any. LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", section 4.4.
"""

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def tanh(x: Tensor) -> Tensor:
    r"""tanh x.

    >>> tanh(Tensor([0.0, -1000.0])).numpy()
    array([ 0., -1.], dtype=float32)
    """
    check.floats("tanh", "x", x)
    return ops.tanh(x)


class Tanh(Module):
    r"""tanh x, element by element.

    >>> from minidl import Tensor, nn
    >>> nn.Tanh()(Tensor([0.0, 1000.0])).numpy()
    array([0., 1.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)
