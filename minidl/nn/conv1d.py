r"""Conv1d: the same small filter at every place of a line: a signal, or a sequence.

$$ y_{n,f,o} = b_f + \sum_{c,k} W_{f,c,k} \; x_{n,\,c,\;o \cdot S - P + k \cdot D} $$

with stride S, zero padding P and dilation D. A line is an image that is one pixel high, so forward and backward are
those of conv2d.py with H = KH = OH = 1; the axis of size 1 comes and goes without a copy.

Shapes: x (N, C, L), w (F, C/G, K), b (F,), y (N, F, OL). Channels come before places; a sequence (N, T, D), as the
recurrent layers take it, is turned by `x.permute(0, 2, 1)`. Waibel et al. 1989, IEEE ASSP 37(3) (time-delay networks).
"""

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
    r"""A layer of F filters of K places over C channels. The options are those of Conv2d, for one axis.

    >>> from minidl import Tensor, nn
    >>> layer = nn.Conv1d(2, 8, kernel_size=3, padding="same")
    >>> layer(Tensor([[[0.0] * 100] * 2])).shape
    (1, 8, 100)
    """

    n_axes, axes, function = 1, "L", staticmethod(conv1d)
