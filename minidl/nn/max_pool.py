r"""MaxPool: the largest value of every window.

$$ y_{n,c,oh,ow} = \max_{kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh \cdot D_H,\; ow \cdot S_W - P_L + kw \cdot D_W} $$

There are $OH = \lfloor (H + P_T + P_B - D_H (KH - 1) - 1) / S_H \rfloor + 1$ rows of windows, and OW columns likewise;
`ceil_mode` rounds up (geometry.py). The padding is $-\infty$: it never wins, also where all pixels are negative. A NaN
in a window is its maximum.

Backward. Where one pixel is the largest, y follows that pixel and no other: $\partial y / \partial x$ is 1 for the
winner and 0 for the rest. So with the winner of every window noted in the forward pass,

$$ dx_{nchw} = \sum_{oh,ow} dy_{n,c,oh,ow} \; [\,\text{winner}_{n,c,oh,ow} = (h, w)\,] $$

a sum because windows may overlap. Where several pixels are equal the maximum has no derivative, and the first of them
in the order kh, kw (row by row) gets it all: one of the slopes that are right on one side.

Shapes: x (N, C, H, W), y (N, C, OH, OW); in one dimension x (N, C, L), y (N, C, OL).

Source: Weng, Ahuja and Huang 1992, IJCNN (Cresceptron); Riesenhuber and Poggio 1999, Nature Neuroscience 2(11).

Try it:
1. Let x be zeros, as a relu may leave them, and `max_pool2d(x, 2).sum().backward()`: the first pixel of every window
   gets a gradient of 1, the other three get 0.
2. How still does a pooling hold? Pad the digits by 4 pixels, take the relu of `Conv2d(1, 8, 3, padding=1)` (seed 0),
   and shift the digits by one column: the maps change by 42 % of their norm. After `max_pool2d` with 2 the results
   change by 32 %, with 4 by 26 %; after `avg_pool2d` by 24 and 11 %. Keeping every fourth row and column: 41 %.
3. Look at `y._node.saved`, the winners, of a map of 64 x 64 pixels. With `kernel_size=15` they are 16 bytes. With 16
   there are 256 places and a number for "none", more than a byte can tell apart: 16 int64, 128 bytes.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import channels_last
from minidl.kernels import pool
from minidl.nn.geometry import Windows
from minidl.nn.pool import Pool, along_line, pool_windows
from minidl.tensor import Function, Tensor


class MaxPoolFunction(Function):
    def __init__(self, windows: Windows):
        self.windows = windows

    def forward(self, x):
        y, winner = pool.max_windows(x, self.windows.geometry, *self.windows.outputs)
        self.save(winner)
        self.size, self.last = x.shape[2:], channels_last(x)
        return y

    def backward(self, dy):
        (winner,) = self.saved
        return pool.max_windows_grad(dy, winner, self.windows.geometry, *self.size, self.last)


def max_pool2d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    dilation: int | tuple = 1,
    ceil_mode: bool = False,
) -> Tensor:
    r"""The largest value of every window of x (N, C, H, W). ValueError or TypeError where sizes or options do not fit.

    >>> max_pool2d(Tensor([[[[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]]]), (2, 2), stride=1)
    Tensor([[[[5., 6.]]]])
    """
    windows = pool_windows("max_pool2d", x, 2, kernel_size, stride, padding, dilation, ceil_mode)
    return MaxPoolFunction(windows)(x)


def max_pool1d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    dilation: int | tuple = 1,
    ceil_mode: bool = False,
) -> Tensor:
    r"""The largest value of every window of x (N, C, L). ValueError or TypeError where sizes or options do not fit.

    >>> max_pool1d(Tensor([[[1.0, 5.0, 2.0, 3.0]]]), 2)
    Tensor([[[5., 3.]]])
    """
    windows = pool_windows("max_pool1d", x, 1, kernel_size, stride, padding, dilation, ceil_mode)
    return along_line(MaxPoolFunction(windows.under_height_1()), x)


class MaxPool(Pool):
    r"""What MaxPool1d and MaxPool2d share: a dilation."""

    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple | str = 0,
        dilation: int | tuple = 1,
        *,
        ceil_mode: bool = False,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = check.ints(type(self).__name__, "dilation", dilation, self.n_axes)


class MaxPool2d(MaxPool):
    r"""The largest value of every window of an image.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `MaxPool2d` | the layer | `nn.MaxPool2d` | `MaxPooling2D` (channels last) |
    | `kernel_size` | size of the window, int or pair | `kernel_size` | `pool_size` |
    | `stride` | step of the window; None: its size, so that windows lie side by side | `stride` | `strides` |
    | `padding` | pixels added at each side, at most half a window; or "same" or "valid" | numbers only | names only |
    | `dilation` | distance of the pixels in a window | `dilation` | none |
    | `ceil_mode` | whether a last window may hang over the edge | `ceil_mode` | none ("same" is near) |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $N C \cdot OH \cdot OW$ |
    | bytes kept, windows of more than 255 pixels | $8 N C \cdot OH \cdot OW$ |

    >>> from minidl import Tensor, nn
    >>> nn.MaxPool2d(2)(Tensor([[[[1.0, 5.0, 2.0, 2.5], [3.0, 4.0, 6.0, 0.0]]]]))
    Tensor([[[[5., 6.]]]])
    """

    n_axes = 2

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(MaxPool):
    r"""The largest value of every window of a line.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `MaxPool1d` | the layer | `nn.MaxPool1d` | `MaxPooling1D` (channels last) |
    | `kernel_size`, `stride`, `padding` | as MaxPool2d's, for one axis | the same | `pool_size`, `strides`, `padding` |
    | `dilation`, `ceil_mode` | as in MaxPool2d | the same | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $N C \cdot OL$ |
    | bytes kept, windows of more than 255 places | $8 N C \cdot OL$ |

    >>> from minidl import Tensor, nn
    >>> nn.MaxPool1d(3, stride=2)(Tensor([[[1.0, 5.0, 2.0, 3.0, 4.0]]]))
    Tensor([[[5., 4.]]])
    """

    n_axes = 1

    def forward(self, x: Tensor) -> Tensor:
        return max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


def illustrate(ax: Any) -> None:
    r"""An image x, cut by windows of 2 x 2 pixels; y, the largest number of each; gradients dy that come back; and dx,
    where each dy goes to the pixel that won its window. The other pixels get 0: they had no say."""
    from minidl.plot.canvas import ink  # noqa: PLC0415  (only who draws needs it)

    rng = np.random.default_rng(0)
    x = Tensor(rng.permutation(24).reshape(1, 1, 4, 6).astype("float32"), requires_grad=True)
    y = max_pool2d(x, 2)
    dy = rng.permutation(np.array([-4, -3, -1, 1, 2, 4], "float32")).reshape(y.shape)
    y.backward(dy)
    ax.axis("off")
    arrays = {"x": x.numpy(), "y": y.numpy(), "dx": x.grad, "dy": dy}
    places = (0, 0.59, 0.6, 0.41), (0.66, 0.59, 0.34, 0.41), (0, 0.06, 0.6, 0.41), (0.66, 0.06, 0.34, 0.41)
    for (name, array), place in zip(arrays.items(), places, strict=True):
        panel, signed = ax.inset_axes(place), name[0] == "d"
        image = panel.imshow(array[0, 0], "PuOr" if signed else "viridis", vmin=-5 * signed, vmax=5 if signed else 23)
        for (h, w), v in np.ndenumerate(array[0, 0]):
            panel.text(w, h, f"{v:.0f}", color=ink(image.to_rgba(v)), ha="center", va="center")
        if "x" in name:
            panel.vlines([1.5, 3.5], -0.5, 3.5, "C3", lw=3)
            panel.hlines(1.5, -0.5, 5.5, "C3", lw=3)
        panel.set(xticks=[], yticks=[], xlabel=name)
