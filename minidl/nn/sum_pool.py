r"""SumPool: the sum of every window.

$$ y_{n,c,oh,ow} = \sum_{kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh,\; ow \cdot S_W - P_L + kw} $$

Pixels outside of the image count 0. It says how much of something there is, where the maximum says whether there is
any.

Backward. Every pixel has slope 1 in every window that sees it:

$$ dx_{nchw} = \sum_{oh,ow} dy_{n,c,oh,ow} \; [\,\text{window } (oh, ow) \text{ sees } (h, w)\,] $$

Shapes: x (N, C, H, W), y (N, C, OH, OW); in one dimension x (N, C, L), y (N, C, OL).

Source: Scherer, Mueller and Behnke 2010, ICANN (sums against maxima); Boureau, Ponce and LeCun 2010, ICML (Lp pooling,
here with p = 1).

Try it:
1. `sum_pool2d(x, 3, stride=1).sum().backward()` for x of 5 x 5 pixels: `x.grad` says how many windows see a pixel, from
   1 in the corners to 9 in the middle.
2. Nothing is lost where windows lie side by side: `sum_pool2d(x, 2).sum()` is `x.sum()`, for even sizes. With sizes of
   5 x 5, the last row and column are in no window.
3. Scatter 49 ones over 64 x 64 zeros. The mean of y grows with the window, 0.19, 0.77, 3.06 and 12.25 for 4, 8, 16 and
   32 pixels; that of `max_pool2d`, about 0.17, 0.53, 0.95 and 1, soon says no more than yes.
"""

from typing import Any

import numpy as np

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SumPool2d` | the layer | `nn.LPPool2d(1, ...)` | none: `AveragePooling2D` times pixels |
    | `kernel_size` | size of the window, int or pair | `kernel_size` | `pool_size` |
    | `stride` | step of the window; None: its size, so that windows lie side by side | `stride` | `strides` |
    | `padding` | zeros added at each side, at most half a window; or "same" or "valid" | none | "same", "valid" |
    | `ceil_mode` | whether a last window may hang over the edge | there it gives its mean times KH KW | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> nn.SumPool2d(2)(Tensor([[[[1.0, 5.0, 2.0, 2.5], [3.0, 4.0, 6.0, 0.0]]]]))
    Tensor([[[[13. , 10.5]]]])
    """

    n_axes = 2

    def forward(self, x: Tensor) -> Tensor:
        return sum_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


class SumPool1d(Pool):
    r"""The sum of every window of a line.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SumPool1d` | the layer | `nn.LPPool1d(1, ...)` | none: `AveragePooling1D` times places |
    | `kernel_size`, `stride` | as in SumPool2d, one number each | the same | `pool_size`, `strides` |
    | `padding` | as in SumPool2d, one number | none | "same", "valid" |
    | `ceil_mode` | as in SumPool2d | as in `LPPool2d` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> nn.SumPool1d(3, stride=2)(Tensor([[[1.0, 5.0, 2.0, 3.0, 4.0]]]))
    Tensor([[[8., 9.]]])
    """

    n_axes = 1

    def forward(self, x: Tensor) -> Tensor:
        return sum_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)


def illustrate(ax: Any) -> None:
    r"""Some pixels of an image x are 1 (marked), all others 0, and windows of 16 x 16 pixels cut it up. The sum y
    counts what is in each window; the maximum would be 1 in all of them."""
    from minidl.plot.canvas import ink  # noqa: PLC0415  (only who draws needs it)

    rng = np.random.default_rng(0)
    x = np.zeros((1, 1, 64, 64))
    x[0, 0, np.clip(rng.normal(32, 14, size=60).astype(int), 0, 63), rng.integers(64, size=60)] = 1
    y = sum_pool2d(Tensor(x), 16).numpy()[0, 0]
    ax.axis("off")
    image, sums = ax.inset_axes([0, 0.1, 0.48, 0.9]), ax.inset_axes([0.52, 0.1, 0.48, 0.9])
    image.plot(*x[0, 0].nonzero()[::-1], "C0s", ms=3)
    image.set(xlim=(-0.5, 63.5), ylim=(63.5, -0.5), aspect="equal", xlabel="x")
    image.vlines([15.5, 31.5, 47.5], -0.5, 63.5, "C3")
    image.hlines([15.5, 31.5, 47.5], -0.5, 63.5, "C3")
    tiles = sums.imshow(y, vmin=0)
    for (oh, ow), v in np.ndenumerate(y):
        sums.text(ow, oh, f"{v:.0f}", size=14, ha="center", va="center", color=ink(tiles.to_rgba(v)))
    sums.set_xlabel("y")
    for panel in (image, sums):
        panel.set(xticks=[], yticks=[])
