r"""The layers, one a file."""

from minidl.nn.conv2d import Conv2d, conv2d
from minidl.nn.linear import Linear, linear
from minidl.nn.module import Buffer, Module, Parameter

__all__ = ["Buffer", "Conv2d", "Linear", "Module", "Parameter", "conv2d", "linear"]
