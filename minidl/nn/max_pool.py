r"""MaxPool: the largest value of every window.

$$ y_{n,c,oh,ow} = \max_{kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh \cdot D_H,\; ow \cdot S_W - P_L + kw \cdot D_W} $$

The padding is $-\infty$: it never wins, also where all pixels are negative. A NaN in a window is its maximum.

Backward. Where one pixel is the largest, y follows that pixel and no other: $\partial y / \partial x$ is 1 for the
winner and 0 for the rest. So with the winner of every window noted in the forward pass,

$$ dx_{nchw} = \sum_{oh,ow} dy_{n,c,oh,ow} \; [\,\text{winner}_{n,c,oh,ow} = (h, w)\,] $$

a sum because windows may overlap. Where several pixels are equal the maximum has no derivative, and the first of them
in the order kh, kw (row by row) gets it all: one of the slopes that are right on one side.

Shapes: x (N, C, H, W), y (N, C, OH, OW); in one dimension x (N, C, L), y (N, C, OL).
Weng, Ahuja and Huang 1992, IJCNN (Cresceptron); Riesenhuber and Poggio 1999, Nature Neuroscience 2(11).
"""

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

    | option | meaning |
    |---|---|
    | `kernel_size` | size of the window, int or pair |
    | `stride` | step of the window; None: its size, so that windows lie side by side |
    | `padding` | pixels added at each side, at most half a window; or "same" or "valid" |
    | `dilation` | distance of the pixels in a window |
    | `ceil_mode` | whether a last window may hang over the edge |

    >>> from minidl import Tensor, nn
    >>> nn.MaxPool2d(2)(Tensor([[[[1.0, 5.0, 2.0, 2.5], [3.0, 4.0, 6.0, 0.0]]]]))
    Tensor([[[[5., 6.]]]])
    """

    n_axes = 2

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(MaxPool):
    r"""The largest value of every window of a line. The options are those of MaxPool2d, for one axis.

    >>> from minidl import Tensor, nn
    >>> nn.MaxPool1d(3, stride=2)(Tensor([[[1.0, 5.0, 2.0, 3.0, 4.0]]]))
    Tensor([[[5., 4.]]])
    """

    n_axes = 1

    def forward(self, x: Tensor) -> Tensor:
        return max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
