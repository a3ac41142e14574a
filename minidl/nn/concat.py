r"""Concat: several branches look at one input, and their outputs are put side by side.

$$ y = [f_1(x), f_2(x), \dots, f_n(x)] $$

along one axis, most often the channels: the inception block.

Backward. dy is cut where y was joined, each branch gets its part, and x, used n times, the sum of what they return.

Shapes: x any; the outputs of the branches agree on all axes but `axis`. Szegedy et al. 2014, arXiv 1409.4842, figure 2.
"""

from typing import Any

from minidl import check, ops
from minidl.nn.mask import with_mask
from minidl.nn.module import Module
from minidl.nn.module_list import ModuleList
from minidl.tensor import Tensor


class Concat(ModuleList):
    r"""The outputs of all branches, joined along `axis`. ShapeError where they differ on another axis.

    >>> from minidl import Tensor, nn
    >>> layer = nn.Concat(nn.Linear(3, 2), nn.Identity())
    >>> layer(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 5)
    """

    def __init__(self, *branches: Module, axis: int = 1):
        if not branches:
            raise ValueError("Concat: needs at least one branch")
        self.axis = check.integer("Concat", "axis", axis)
        self.extend(branches)

    takes_mask = True  # for what is in the branches

    def forward(self, x: Tensor, mask: Any = None) -> Tensor:
        outputs = [with_mask(branch, x, mask) for branch in self]
        axis = check.axis("Concat", self.axis, outputs[0].ndim)
        for i, y in enumerate(outputs):
            if _without(y.shape, axis) != _without(outputs[0].shape, axis):
                raise check.ShapeError(
                    f"Concat: branch {i} gives shape {y.shape}, which does not fit {outputs[0].shape} of branch 0 "
                    f"on the axes other than {axis}"
                )
        return ops.cat(outputs, axis)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        r"""The mask of branch 0: what is joined along the features of (N, T, D) has the steps of each branch."""
        return self[0].compute_mask(x, mask)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


def _without(shape: tuple, axis: int) -> tuple:
    return shape[:axis] + shape[axis + 1 :]
