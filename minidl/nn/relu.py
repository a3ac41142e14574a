r"""ReLU: negative values become 0.

$$ y = \max(x, 0), \qquad dx = dy\,[x > 0] $$

y follows x where x is positive (slope 1) and stands still elsewhere (slope 0); at x = 0, the kink, the slope is taken
to be 0. Forward and backward are those of `relu` in ops/bounded.py; this is the layer around it.

Shapes: x, y any. Nair and Hinton 2010, ICML.
"""

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def relu(x: Tensor) -> Tensor:
    r"""max(x, 0).

    >>> relu(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """
    check.floats("relu", "x", x)
    return ops.relu(x)


class ReLU(Module):
    r"""max(x, 0), element by element.

    >>> from minidl import Tensor, nn
    >>> nn.ReLU()(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return relu(x)
