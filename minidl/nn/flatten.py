r"""Flatten: several axes of the input as one; what stands between the maps of a convolution and a Linear layer.

No number changes, so $dx$ is $dy$ in the shape of x. The operation is `flatten` in ops/shape.py; this is the layer
around it.

Shapes: x (N, C, H, W), y (N, C H W), unless other axes are named.
"""

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Flatten(Module):
    r"""The axes from `start_dim` to `end_dim` as one; by default all but the batch.

    >>> from minidl import Tensor, nn
    >>> nn.Flatten()(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).shape
    (1, 4)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim = check.integer("Flatten", "start_dim", start_dim)
        self.end_dim = check.integer("Flatten", "end_dim", end_dim)

    def forward(self, x: Tensor) -> Tensor:
        return ops.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
