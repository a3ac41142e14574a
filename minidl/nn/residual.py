r"""Residual: a branch learns only what is to be added to its input.

$$ y = f(x) + s(x) $$

where the shortcut s is the identity, or a layer (such as a 1x1 convolution) that brings x to the shape of f(x).

Backward. x is used twice, and its gradients add up: $dx = dx_f + dx_s$. Through an identity shortcut dy comes back
unchanged, however little the branch lets through: that is what makes very deep networks trainable.

Shapes: x any, f(x), s(x) and y of one shape. He, Zhang, Ren and Sun 2015, arXiv 1512.03385, equations 1 and 2.
"""

from minidl import check
from minidl.nn.module import Module
from minidl.nn.module_list import check_module
from minidl.tensor import Tensor


class Residual(Module):
    r"""branch(x) + shortcut(x); shortcut=None is the identity. ShapeError where the two shapes differ.

    >>> from minidl import Tensor, nn
    >>> layer = nn.Residual(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    >>> layer(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 3)
    """

    def __init__(self, branch: Module, shortcut: Module | None = None):
        self.branch = check_module("Residual", "branch", branch)
        self.shortcut = None if shortcut is None else check_module("Residual", "shortcut", shortcut)

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        s = x if self.shortcut is None else self.shortcut(x)
        if y.shape != s.shape:
            hint = "; a 1x1 convolution or a Linear as shortcut can change it" if self.shortcut is None else ""
            raise check.ShapeError(f"Residual: branch(x) has shape {y.shape}, but the shortcut {s.shape}{hint}")
        return y + s
