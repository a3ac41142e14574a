r"""Flatten: several axes of the input as one; what stands between the maps of a convolution and a Linear layer.

No number changes, so $dx$ is $dy$ in the shape of x. The operation is `flatten` in ops/shape.py; this is the layer
around it.

Shapes: x (N, C, H, W), y (N, C H W), unless other axes are named.

Source: LeCun et al. 1998, Proc. IEEE 86(11), section II.B (layers S4, C5 and F6 of LeNet-5).

Try it:
1. Leave Flatten out: `Linear(400, 120)` on maps of (1, 16, 5, 5) is a ShapeError that asks for it.
2. Flatten and `Linear(400, 120)` are a convolution with filters as large as the maps: `conv2d` with the weights in the
   shape (120, 16, 5, 5) gives the same numbers, as (N, 120, 1, 1).
3. `Flatten()` of maps copies nothing: `np.shares_memory(x.data, y.data)`. After `x.permute(0, 2, 3, 1)` it has to copy,
   since the numbers of a row no longer lie one after the other.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Flatten(Module):
    r"""The axes from `start_dim` to `end_dim` as one; by default all but the batch.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Flatten` | the layer | `nn.Flatten` | `Flatten` (channels come last) |
    | `start_dim` | first of the axes that are joined | `start_dim` | none (1) |
    | `end_dim` | last of them | `end_dim` | none (-1) |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

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


def illustrate(ax: Any) -> None:
    r"""Above: two maps of 2 x 3 pixels. Below: what Flatten makes of them: row by row, and map after map. A pixel keeps
    its number and its colour."""
    from minidl.plot.canvas import ink  # noqa: PLC0415  (only who draws needs it)

    x = Tensor(np.arange(12.0).reshape(1, 2, 2, 3))
    y = Flatten()(x)
    ax.axis("off")
    arrays = {"x[0, 0]": x.numpy()[0, 0], "x[0, 1]": x.numpy()[0, 1], "y": y.numpy()}
    places = (0.1, 0.45, 0.35, 0.55), (0.55, 0.45, 0.35, 0.55), (0, 0.08, 1, 0.2)
    for (name, array), place in zip(arrays.items(), places, strict=True):
        panel = ax.inset_axes(place)
        image = panel.imshow(array, vmin=0, vmax=11)
        for (h, w), v in np.ndenumerate(array):
            panel.text(w, h, f"{v:.0f}", color=ink(image.to_rgba(v)), ha="center", va="center")
        panel.set(xticks=[], yticks=[], xlabel=name)
