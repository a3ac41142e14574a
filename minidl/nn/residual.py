r"""Residual: a branch learns only what is to be added to its input.

$$ y = f(x) + s(x) $$

where the shortcut s is the identity, or a layer (such as a 1x1 convolution) that brings x to the shape of f(x).

Backward. x is used twice, and its gradients add up: $dx = dx_f + dx_s$. Through an identity shortcut dy comes back
unchanged, however little the branch lets through: that is what makes very deep networks trainable.

Shapes: x any, f(x), s(x) and y of one shape. He, Zhang, Ren and Sun 2015, arXiv 1512.03385, equations 1 and 2.
"""

from typing import Any

from minidl import check
from minidl.nn.mask import with_mask
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

    takes_mask = True  # for what is in the branches

    def forward(self, x: Tensor, mask: Any = None) -> Tensor:
        y = with_mask(self.branch, x, mask)
        s = x if self.shortcut is None else with_mask(self.shortcut, x, mask)
        if y.shape != s.shape:
            hint = "; a 1x1 convolution or a Linear as shortcut can change it" if self.shortcut is None else ""
            raise check.ShapeError(f"Residual: branch(x) has shape {y.shape}, but the shortcut {s.shape}{hint}")
        return y + s

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return self.branch.compute_mask(x, mask)
