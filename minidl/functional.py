r"""The functional forms of all layers and losses, named as in torch.nn.functional."""

from minidl.nn.conv2d import conv2d
from minidl.nn.linear import linear

__all__ = ["conv2d", "linear"]
