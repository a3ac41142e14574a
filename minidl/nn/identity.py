r"""Identity: y = x, dx = dy; a place for a layer where none is wanted."""

from minidl.nn.module import Module
from minidl.tensor import Tensor


class Identity(Module):
    r"""Gives back its input.

    >>> from minidl import Tensor, nn
    >>> nn.Identity()(Tensor([1.0, 2.0])).numpy()
    array([1., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return x
