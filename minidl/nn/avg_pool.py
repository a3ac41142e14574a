r"""AvgPool: the mean of every window.

It is the sum of the window (sum_pool.py) divided by a count R:

$$ y_{n,c,oh,ow} = \frac{1}{R_{oh,ow}} \sum_{kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh,\; ow \cdot S_W - P_L + kw} $$

What is counted, at the edge, is a matter of taste. The default is torch's: pixels of the image and of the padding, but
not what hangs over the end of the padding (`ceil_mode`). `count_include_pad=False` counts pixels of the image only, and
so does padding="same" (Keras' rule). `divisor_override` is R itself, everywhere.

Backward. R does not depend on x, so dx is that of the sum, with dy / R for dy:

$$ dx_{nchw} = \sum_{oh,ow} \frac{dy_{n,c,oh,ow}}{R_{oh,ow}} \; [\,\text{window } (oh, ow) \text{ sees } (h, w)\,] $$

Shapes: x (N, C, H, W), y (N, C, OH, OW), R (OH, OW); in one dimension x (N, C, L), y (N, C, OL).

Source: LeCun et al. 1998, Proc. IEEE 86(11) (the subsampling of LeNet-5).

Try it:
1. In `backward`, forget to divide dy by `count`: the gradient check fails for x in every row but that of windows of one
   pixel, whose count is 1.
2. `avg_pool2d(x, 3, stride=1, padding=1)` of 4 x 4 ones: 4/9 in the corners, 6/9 along the edges, 1 inside; with
   `count_include_pad=False`, or `padding="same"`, 1 everywhere.
3. `conv2d` with C filters of four weights 1/4, `stride=2` and `groups=C` gives the numbers of `avg_pool2d(x, 2)`: a
   convolution that does not mix maps and does not learn.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import channels_last, xp_of
from minidl.kernels import sum_pool
from minidl.nn.geometry import Windows
from minidl.nn.pool import Pool, along_line, pool_windows
from minidl.tensor import Function, Tensor


class AvgPoolFunction(Function):
    def __init__(self, windows: Windows, count: np.ndarray):
        self.windows, self.count = windows, count

    def forward(self, x):
        count = xp_of(x).asarray(self.count, dtype=x.dtype)
        self.save(count)
        self.size, self.last = x.shape[2:], channels_last(x)
        y = sum_pool.sum_windows(x, self.windows.geometry[:6], *self.windows.outputs)
        y /= count
        return y

    def backward(self, dy):
        (count,) = self.saved
        return sum_pool.sum_windows_grad(dy / count, self.windows.geometry[:6], *self.size, self.last)


def counts(n: int, k: int, s: int, pads: tuple[int, int], outputs: int, include_pad: bool) -> np.ndarray:
    r"""How many pixels (with or without padding) every window of one axis holds.

    >>> counts(6, k=3, s=2, pads=(1, 1), outputs=4, include_pad=True)        # the last one hangs over the padding
    array([3, 3, 3, 2])
    >>> counts(6, k=3, s=2, pads=(1, 1), outputs=4, include_pad=False)
    array([2, 3, 3, 1])
    """
    before, after = pads if include_pad else (0, 0)
    start = np.arange(outputs) * s - pads[0]
    return np.minimum(start + k, n + after) - np.maximum(start, -before)


def windows_and_counts(
    who: str, x: Tensor, n_axes: int, options: tuple, include_pad: bool, divisor: int | None
) -> tuple[Windows, np.ndarray]:
    r"""The windows of x, and R, the count of each."""
    kernel_size, stride, padding, ceil_mode = options
    check.option(who, "count_include_pad", include_pad, (True, False))
    windows = pool_windows(who, x, n_axes, kernel_size, stride, padding, ceil_mode=ceil_mode)
    if divisor is not None:
        return windows, np.array(check.size(who, "divisor_override", divisor))
    include_pad = include_pad and padding != "same"
    axes = zip(x.shape[2:], windows.kernel, windows.stride, windows.pads, windows.outputs, strict=True)
    per_axis = [counts(*axis, include_pad) for axis in axes]
    return windows, per_axis[0] if n_axes == 1 else np.outer(*per_axis)


def avg_pool2d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    r"""The mean of every window of x (N, C, H, W). ValueError or TypeError where sizes or options do not fit.

    >>> avg_pool2d(Tensor([[[[1.0, 5.0, 2.0], [3.0, 4.0, 6.0]]]]), (2, 2), stride=1)
    Tensor([[[[3.25, 4.25]]]])
    """
    options = kernel_size, stride, padding, ceil_mode
    windows, count = windows_and_counts("avg_pool2d", x, 2, options, count_include_pad, divisor_override)
    return AvgPoolFunction(windows, count)(x)


def avg_pool1d(
    x: Tensor,
    kernel_size: int | tuple,
    stride: int | tuple | None = None,
    padding: int | tuple | str = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    r"""The mean of every window of x (N, C, L). ValueError or TypeError where sizes or options do not fit.

    >>> avg_pool1d(Tensor([[[1.0, 5.0, 2.0, 3.0]]]), 2)
    Tensor([[[3. , 2.5]]])
    """
    options = kernel_size, stride, padding, ceil_mode
    windows, count = windows_and_counts("avg_pool1d", x, 1, options, count_include_pad, None)
    return along_line(AvgPoolFunction(windows.under_height_1(), count), x)


class AvgPool2d(Pool):
    r"""The mean of every window of an image.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `AvgPool2d` | the layer | `nn.AvgPool2d` | `AveragePooling2D` (channels last) |
    | `kernel_size` | size of the window, int or pair | `kernel_size` | `pool_size` |
    | `stride` | step of the window; None: its size, so that windows lie side by side | `stride` | `strides` |
    | `padding` | zeros added at each side, at most half a window; or "same" or "valid" | numbers only | names only |
    | `ceil_mode` | whether a last window may hang over the edge | `ceil_mode` | none |
    | `count_include_pad` | whether the zeros of the padding count ("same": they never do) | the same | none (False) |
    | `divisor_override` | what to divide by, instead of the number of pixels | `divisor_override` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $(8 + 4) OH \cdot OW$ |

    R is kept as int64 and as float32.

    >>> from minidl import Tensor, nn
    >>> nn.AvgPool2d(2)(Tensor([[[[1.0, 5.0, 2.0, 2.0], [3.0, 4.0, 6.0, 0.0]]]]))
    Tensor([[[[3.25, 2.5 ]]]])
    """

    n_axes = 2

    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple | str = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = check.option("AvgPool2d", "count_include_pad", count_include_pad, (True, False))
        if divisor_override is not None:
            divisor_override = check.size("AvgPool2d", "divisor_override", divisor_override)
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        options = self.kernel_size, self.stride, self.padding, self.ceil_mode
        return avg_pool2d(x, *options, self.count_include_pad, self.divisor_override)


class AvgPool1d(Pool):
    r"""The mean of every window of a line.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `AvgPool1d` | the layer | `nn.AvgPool1d` | `AveragePooling1D` (channels last) |
    | `kernel_size`, `stride`, `padding` | as AvgPool2d's, for one axis | the same | `pool_size`, `strides`, `padding` |
    | `ceil_mode`, `count_include_pad` | as in AvgPool2d | the same | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $(8 + 4) OL$ |

    >>> from minidl import Tensor, nn
    >>> nn.AvgPool1d(3, stride=2)(Tensor([[[1.0, 5.0, 3.0, 3.0, 6.0]]]))
    Tensor([[[3., 4.]]])
    """

    n_axes = 1

    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple | str = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = check.option("AvgPool1d", "count_include_pad", count_include_pad, (True, False))

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


def illustrate(ax: Any) -> None:
    r"""A wave that becomes faster and faster (thin), and two ways to a sixth of its places. Above: to keep every sixth
    place. What is too fast for that comes back as slow waves that are not there (aliasing). Below: the means y of six
    places. They follow the slow waves, and go to 0, the average, where there are fast ones."""
    place = np.arange(192)
    x = np.cos(np.pi * 0.0011 * place**2)
    y = avg_pool1d(Tensor(x[None, None]), 6).numpy()[0, 0]
    ax.axis("off")
    for bottom, name, at, kept in ((0.62, "every sixth", place[::6], x[::6]), (0.1, "y", place[::6] + 2.5, y)):
        panel = ax.inset_axes([0.08, bottom, 0.92, 0.38])
        panel.plot(place, x, "C0", lw=0.7, alpha=0.7)
        panel.plot(at, kept, "C1.-")
        panel.set(ylabel=name, yticks=[-1, 0, 1])
    panel.set_xlabel("place $l$")
