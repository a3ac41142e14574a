r"""Conv1d: the same small filter at every place of a line: a signal, or a sequence.

$$ y_{n,f,o} = b_f + \sum_{c,k} W_{f,c,k} \; x_{n,\,c,\;o \cdot S - P + k \cdot D} $$

with stride S, zero padding P and dilation D. A line is an image that is one pixel high, so forward and backward are
those of conv2d.py with H = KH = OH = 1; the axis of size 1 comes and goes without a copy.

Shapes: x (N, C, L), weight (F, C/G, K), bias (F,), y (N, F, OL). Channels come before places; a sequence
(N, T, D), as the recurrent layers take it, is turned by `x.permute(0, 2, 1)`.

Source: Waibel et al. 1989, IEEE ASSP 37(3) (time-delay networks).

Try it:
1. A filter of K weights 1/K is a moving average. On a million random normal numbers its y has a standard deviation of
   0.500, 0.250 and 0.125 for K = 4, 16 and 64: $1/\sqrt{K}$.
2. The filter $(1, -2 \cos \omega, 1)$ does not hear one wave: of $\sin(\omega l)$ it makes 0 (6e-8 in float32). With
   $\omega = 2\pi / 8$ a wave of 16 steps keeps 0.43 of its height, one of 4 steps grows to 1.41.
3. Ten `Conv1d(1, 1, 2, dilation=d)` in a row have 30 parameters. Count the entries of `x.grad` that are not 0 after a
   `backward()` from the last number of y: 11 with d = 1, but 1024 with d = 1, 2, 4, ..., 512.
"""

from typing import Any

import numpy as np

from minidl.nn.conv2d import Conv, check_conv, conv_options, convolve
from minidl.nn.geometry import windows_of
from minidl.tensor import Tensor


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple = 1,
    padding: int | tuple | str = 0,
    dilation: int | tuple = 1,
    groups: int = 1,
) -> Tensor:
    r"""The convolution above, as a function. ValueError or TypeError where sizes or options do not fit.

    >>> import minidl
    >>> x, w = minidl.Tensor([[[1.0, 2.0, 4.0]]]), minidl.Tensor([[[-1.0, 1.0]]])
    >>> conv1d(x, w).numpy().ravel()                # differences of neighbours
    array([1., 2.], dtype=float32)
    """
    check_conv("conv1d", x, weight, bias, groups, "L")
    options = conv_options("conv1d", 1, stride, padding, dilation)
    windows = windows_of("conv1d", x.shape[2:], weight.shape[2:], *options)
    (N, C, L), (F, CG, K), (OL,) = x.shape, weight.shape, windows.outputs
    image, filters = x.reshape(N, C, 1, L), weight.reshape(F, CG, 1, K)
    return convolve(image, filters, bias, windows.under_height_1(), groups).reshape(N, F, OL)


class Conv1d(Conv):
    r"""A layer of F filters of K places over C channels.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Conv1d` | the layer | `nn.Conv1d` | `Conv1D` (channels last; weights (K, C/G, F)) |
    | `in_channels`, `out_channels` | C, F | the same | from the first input, `filters` |
    | `kernel_size`, `stride`, `dilation` | as in Conv2d, one number each | the same | `strides`, `dilation_rate` |
    | `padding` | as in Conv2d, one number | "same" if stride = 1 | no numbers; also "causal" |
    | `groups`, `bias` | as in Conv2d | the same | `groups`, `use_bias` |
    | `padding_mode` | as in Conv2d | the same | zeros |

    | cost | formula |
    |---|---|
    | parameters | $F \cdot C/G \cdot K + F$ |
    | multiply-adds | $N F \cdot OL \cdot C/G \cdot K$ |
    | bytes kept | $4 N C L$ |

    >>> from minidl import Tensor, nn
    >>> layer = nn.Conv1d(2, 8, kernel_size=3, padding="same")
    >>> layer(Tensor([[[0.0] * 100] * 2])).shape
    (1, 8, 100)
    """

    n_axes, axes, function = 1, "L", staticmethod(conv1d)


def illustrate(ax: Any) -> None:
    r"""A noisy signal x with two steps, and two filters on it, their weights drawn at the left. Nine weights of 1/9 are
    a moving average: less noise, and ramps for steps. Seven weights of -1/7 and then seven of 1/7 are the mean that
    comes minus the mean that was: about 0, but for a hill where x rises and a valley where it falls."""
    rng = np.random.default_rng(0)
    x = np.repeat([0.0, 1.0, 0.3], [40, 60, 50]) + 0.1 * rng.normal(size=150)
    filters = np.full(9, 1 / 9), np.repeat([-1 / 7, 1 / 7], 7)
    ax.plot(x + 3, "C0")
    ax.text(151, x[-1] + 3, "x", va="center")
    for base, w, label in ((1.5, filters[0], "mean"), (0, filters[1], "change")):
        y = conv1d(Tensor(x[None, None]), Tensor(w[None, None]), padding="same").numpy()[0, 0]
        ax.plot(y + base, "C1")
        ax.plot(np.arange(len(w)) - 25, 3 * w + base, "C2o", ms=3)
        ax.text(151, y[-1] + base, label, va="center")
    ax.set(xlabel="place $l$", xlim=(-28, 168), xticks=range(0, 151, 50), yticks=[])
