r"""Concat: several branches look at one input, and their outputs are put side by side.

$$ y = [f_1(x), f_2(x), \dots, f_n(x)] $$

along one axis, most often the channels: the inception block.

Backward. dy is cut where y was joined, each branch gets its part, and x, used n times, the sum of what they return.

Shapes: x any; the outputs of the branches agree on all axes but `axis`.

Source: Szegedy et al. 2014, arXiv 1409.4842, figure 2.

Try it:
1. Put three `Identity()` side by side, and send back ones: dx is 3 everywhere, the sum over the branches.
2. Join `Conv2d(3, 4, 3)` and `Conv2d(3, 4, 5)` on an image of 8 x 8: a ShapeError, one gives 6 x 6 and the other 4 x 4.
   With padding=1 and padding=2 both give 8 x 8, and y has 8 channels.
3. Join two `Linear(3, 2)` with axis=0, on four rows: y is (8, 2), twice as many rows, each half by a layer of its own.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.conv1d import Conv1d
from minidl.nn.identity import Identity
from minidl.nn.mask import with_mask
from minidl.nn.module import Module
from minidl.nn.module_list import ModuleList
from minidl.tensor import Tensor


class Concat(ModuleList):
    r"""The outputs of all branches, joined along `axis`. ShapeError where they differ on another axis.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Concat` | the layer | none: `torch.cat` in a forward | `Concatenate`, of outputs, not of layers |
    | `branches` | modules that all get x | none | none |
    | `axis` | along which their outputs are joined | `dim` of `cat` | `axis`, -1 if not given |

    | cost | formula |
    |---|---|
    | parameters | those of its branches |
    | multiply-adds | those of its branches |
    | bytes kept | those of its branches |

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


def illustrate(ax: Any) -> None:
    r"""One signal (below), three branches, five channels: `Concat(Identity(), Conv1d(1, 2, 3), Conv1d(1, 2, 21))`, both
    convolutions with padding="same", and their weights set to a mean and to a difference of the two halves of what they
    see. The narrow ones find the single spike and each edge; the wide ones see past the noise."""
    layer = Concat(Identity(), Conv1d(1, 2, 3, padding="same"), Conv1d(1, 2, 21, padding="same"))
    rng, t = np.random.default_rng(0), np.arange(160)
    x = 1.0 * (t > 50) - 0.7 * (t > 110) + 1.5 * (t == 25) + rng.normal(0, 0.12, 160)
    names = ["x, by Identity"]
    for branch in layer[1:]:
        K = branch.weight.shape[-1]
        branch.weight.data = np.stack([np.ones((1, K)), np.sign(np.arange(K) - K // 2)[None]]) / K
        branch.bias.data = np.zeros(2)
        names += [f"mean of {K}", f"difference, {K}"]
    y = layer(Tensor(x[None, None].astype("float32"))).numpy()[0]  # (C, T)
    for c in range(5):
        ax.plot(t, y[c] + 2 * c, f"C{(c + 1) // 2}")
        ax.text(162, 2 * c, names[c], va="center")
    ax.set(xlabel="t", ylabel="channel of y", yticks=2 * np.arange(5), yticklabels=range(5))
