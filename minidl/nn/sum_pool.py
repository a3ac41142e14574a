r"""SumPool: the sum of every window.

$$ y_{n,c,oh,ow} = \sum_{kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh,\; ow \cdot S_W - P_L + kw} $$

Pixels outside of the image count 0. It says how much of something there is, where the maximum says whether there is
any.

Backward. Every pixel has slope 1 in every window that sees it:

$$ dx_{nchw} = \sum_{oh,ow} dy_{n,c,oh,ow} \; [\,\text{window } (oh, ow) \text{ sees } (h, w)\,] $$

Shapes: x (N, C, H, W), y (N, C, OH, OW); in one dimension x (N, C, L), y (N, C, OL).
Scherer, Mueller and Behnke 2010, ICANN (sums against maxima). Lp pooling of Boureau, Ponce and LeCun 2010 with p = 1.
"""

from minidl.backend import channels_last
from minidl.kernels import sum_pool
from minidl.nn.geometry import Windows
from minidl.nn.pool import Pool, along_line, pool_windows
from minidl.tensor import Function, Tensor


class SumPoolFunction(Function):
    def __init__(self, windows: Windows):
        self.windows = windows

    def forward(self, x):
        self.save()
        self.size, self.last = x.shape[2:], channels_last(x)
        return sum_pool.sum_windows(x, self.windows.geometry[:6], *self.windows.outputs)

    def backward(self, dy):
        return sum_pool.sum_windows_grad(dy, self.windows.geometry[:6], *self.size, self.last)


def sum_pool2d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    ceil_mode: bool = False,
) -> Tensor:
    r"""The sum of every window of x (N, C, H, W). ValueError or TypeError where sizes or options do not fit.

    >>> sum_pool2d(Tensor([[[[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]]]), (2, 2), stride=1)
    Tensor([[[[13., 17.]]]])
    """
    windows = pool_windows("sum_pool2d", x, 2, kernel_size, stride, padding, ceil_mode=ceil_mode)
    return SumPoolFunction(windows)(x)


def sum_pool1d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    ceil_mode: bool = False,
) -> Tensor:
    r"""The sum of every window of x (N, C, L). ValueError or TypeError where sizes or options do not fit.

    >>> sum_pool1d(Tensor([[[1.0, 5.0, 2.0, 3.0]]]), 2)
    Tensor([[[6., 5.]]])
    """
    windows = pool_windows("sum_pool1d", x, 1, kernel_size, stride, padding, ceil_mode=ceil_mode)
    return along_line(SumPoolFunction(windows.under_height_1()), x)


class SumPool2d(Pool):
    r"""The sum of every window of an image.

    | option | meaning |
    |---|---|
    | `kernel_size` | size of the window, int or pair |
    | `stride` | step of the window; None: its size, so that windows lie side by side |
    | `padding` | zeros added at each side, at most half a window; or "same" or "valid" |
    | `ceil_mode` | whether a last window may hang over the edge |

    >>> from minidl import Tensor, nn
    >>> nn.SumPool2d(2)(Tensor([[[[1.0, 5.0, 2.0, 2.5], [3.0, 4.0, 6.0, 0.0]]]]))
    Tensor([[[[13. , 10.5]]]])
    """

    n_axes = 2

    def forward(self, x: Tensor) -> Tensor:
        return sum_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


class SumPool1d(Pool):
    r"""The sum of every window of a line. The options are those of SumPool2d, for one axis.

    >>> from minidl import Tensor, nn
    >>> nn.SumPool1d(3, stride=2)(Tensor([[[1.0, 5.0, 2.0, 3.0, 4.0]]]))
    Tensor([[[8., 9.]]])
    """

    n_axes = 1

    def forward(self, x: Tensor) -> Tensor:
        return sum_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)
