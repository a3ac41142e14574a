r"""Conv2d: the same small filter at every place of an image.

Filter f slides over the image and takes, at every place, the weighted sum of what it sees (no flip: a correlation, as
in every framework):

$$ y_{n,f,oh,ow} = b_f + \sum_{c,kh,kw} W_{f,c,kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh \cdot D_H,\;
   ow \cdot S_W - P_L + kw \cdot D_W} $$

with stride S, zero padding P and dilation D (x is 0 outside of the image). There are $OH = \lfloor (H + P_T + P_B -
D_H (KH - 1) - 1) / S_H \rfloor + 1$ rows of places, and OW columns likewise (geometry.py).

Write every window as one column of a matrix col (im2col, kernels/window.py), every filter as one row of W, and the sums
over c, kh, kw become one matrix product: $y = W\,col + b$.

Backward. y is linear in each of W, col and b, as in Linear:

$$ dW = dy\,col^\top, \qquad dcol = W^\top dy, \qquad db_f = \sum_{n,oh,ow} dy_{n,f,oh,ow} $$

A pixel x stands in as many columns as there are windows that see it, and its gradient is the sum over them:
$dx = \mathrm{col2im}(dcol)$, the adjoint of im2col.

kernels/conv.py has these products. On the CPU it takes the same sums straight from the image: col is KH * KW times as
large as x, and need not exist. So x and W are all that is kept for the way back.

Groups: with G groups, filters and channels are cut into G equal parts, and each part is a convolution of its own
(G = C is the depthwise convolution): the same products with a leading axis G. A convolution along one axis is one over
an image that is one pixel high: see conv1d.py.

The 1x1 convolution is a Linear layer over the channels of every pixel: there are no neighbours and no windows, col is
x, and what is left is $y_{nfl} = \sum_c W_{fc}\, x_{ncl} + b_f$, where l counts pixels. It mixes maps without looking
around, so it makes fewer maps, or more (Lin, Chen and Yan 2013; the bottlenecks of Szegedy et al. 2014 and He et al.
2015).

Shapes: x (N, C, H, W), w (F, C/G, KH, KW), b (F,), y (N, F, OH, OW).

Source: LeCun et al. 1989, Neural Computation 1(4).

Try it:
1. In `forward`, give the kernel `w[:, :, ::-1, ::-1].copy()`: now it is the convolution of mathematics, which flips its
   filters. But `backward` does not know: the gradient check fails for x and `weight` in every row but that of the 1x1
   filter, and never for `bias`.
2. What does a pixel see? Put three `Conv2d(1, 1, 3, padding="same", dilation=d)` with weights of 1 in a row, call
   `backward()` on a number in the middle of the result, and count the entries of `x.grad` that are not 0. d = 1, 1, 1
   sees 49 pixels of 7 x 7; d = 1, 2, 4 all 225 of 15 x 15 with the same 30 parameters; d = 2, 2, 2 only 49 of 13 x 13.
3. `np.roll` digits by one column: `Conv2d(1, 4, 3, padding=1, padding_mode="circular")` gives the same numbers, rolled,
   bit for bit. With "zeros" three columns of y differ, next to the cut. With `stride=2` it is 95 % of all numbers.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.kernels import conv
from minidl.nn.geometry import Windows, check_padding, pads_of, windows_of
from minidl.nn.module import Module, Parameter
from minidl.ops import pad
from minidl.tensor import Function, Tensor

# padding_mode -> the mode of ops.pad that widens the image before the convolution (zeros are added by the kernel)
PADDING_MODES = {"zeros": None, "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class Conv2dFunction(Function):
    def __init__(self, windows: Windows, groups: int):
        self.windows, self.groups = windows, groups

    def forward(self, x, w, b=None):
        self.save(x, w)
        return conv.conv(x, w, b, self.windows.geometry, self.groups, *self.windows.outputs)

    def backward(self, dy):
        x, w = self.saved
        return conv.conv_grad(dy, x, w, self.windows.geometry, self.groups, self.needs_grad)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, windows: Windows, groups: int) -> Tensor:
    r"""The convolution of x (N, C, H, W), checked before."""
    columns = (x.shape[0], x.shape[1], *windows.kernel, *windows.outputs)
    check.elements("convolution", "the window matrix (N, C, KH, KW, OH, OW)", columns)
    return Conv2dFunction(windows, groups)(x, weight, bias)


def check_conv(who: str, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, axes: str) -> None:
    r"""What holds for convolutions of one and of two axes: ranks, dtypes, channels and groups."""
    check.rank(who, "x", x, f"(N, C, {axes})")
    check.rank(who, "weight", weight, f"(F, C/G, K{axes.replace(', ', ', K')})")
    check.one_dtype(who, x, weight, bias)
    check.size(who, "groups", groups)
    if 0 in weight.shape:
        raise check.ShapeError(f"{who}: weight must not be empty, got shape {tuple(weight.shape)}")
    if weight.shape[0] % groups:
        raise ValueError(f"{who}: groups must divide out_channels={weight.shape[0]}, got {groups}")
    hint = f"channels come first: (N, C, {axes})"
    check.axis_size(who, "x", x, 1, weight.shape[1] * groups, "in_channels", hint)
    if bias is not None:
        check.rank(who, "bias", bias, "(F,)")
        check.axis_size(who, "bias", bias, 0, weight.shape[0], "out_channels")


def conv_options(who: str, n_axes: int, stride: Any, padding: Any, dilation: Any) -> tuple:
    r"""stride, padding and dilation in their clean form."""
    stride = check.ints(who, "stride", stride, n_axes)
    return stride, check_padding(who, padding, n_axes), check.ints(who, "dilation", dilation, n_axes)


def conv2d(
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
    >>> x, w = minidl.Tensor([[[[1.0, 2.0, 4.0]]]]), minidl.Tensor([[[[-1.0, 1.0]]]])
    >>> conv2d(x, w).numpy().ravel()                # differences of neighbours
    array([1., 2.], dtype=float32)
    """
    check_conv("conv2d", x, weight, bias, groups, "H, W")
    options = conv_options("conv2d", 2, stride, padding, dilation)
    windows = windows_of("conv2d", x.shape[2:], weight.shape[2:], *options)
    return convolve(x, weight, bias, windows, groups)


class Conv(Module):
    r"""What Conv1d and Conv2d share: their options, their weights and their padding modes."""

    n_axes: int  # of one image
    axes: str  # their names
    function = None  # the functional form

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple | str = 0,
        dilation: int | tuple = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ):
        who = type(self).__name__
        self.in_channels = check.size(who, "in_channels", in_channels)
        self.out_channels = check.size(who, "out_channels", out_channels)
        self.kernel_size = check.ints(who, "kernel_size", kernel_size, self.n_axes)
        self.stride, self.padding, self.dilation = conv_options(who, self.n_axes, stride, padding, dilation)
        self.groups = check.size(who, "groups", groups)
        self.padding_mode = check.option(who, "padding_mode", padding_mode, PADDING_MODES)
        check.option(who, "bias", bias, (True, False))
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{who}: groups must divide {name}={channels}, got {groups}")
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        check.elements(who, "weight", shape)
        bound = check.elements(who, "a filter", shape[1:]) ** -0.5
        self.weight = Parameter(init.uniform(shape, -bound, bound))
        self.bias = Parameter(init.uniform((out_channels,), -bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        padding, who = self.padding, type(self).__name__
        if self.padding_mode != "zeros":
            check.rank(who, "x", x, f"(N, C, {self.axes})")
            pads = pads_of(padding, x.shape[2:], self.kernel_size, self.stride, self.dilation)
            widths = [p for start_end in reversed(pads) for p in start_end]  # the last axis first
            x, padding = pad(x, tuple(widths), mode=PADDING_MODES[self.padding_mode]), 0
        return type(self).function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        who = type(self).__name__
        return check.elements(who, "y", output_shape) * check.elements(who, "a filter", self.weight.shape[1:])

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}, dilation={self.dilation}, groups={self.groups}, "
            f"bias={self.bias is not None}, padding_mode={self.padding_mode!r}"
        )


class Conv2d(Conv):
    r"""A layer of F filters of KH x KW pixels over C channels.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Conv2d` | the layer | `nn.Conv2d` | `Conv2D` (channels last; weights (KH, KW, C/G, F)) |
    | `in_channels`, `out_channels` | C, F | the same | from the first input, `filters` |
    | `kernel_size` | KH and KW, int or pair | `kernel_size` | `kernel_size` |
    | `stride` | step of the window, int or pair | `stride` | `strides` |
    | `padding` | pixels added at each side, int or pair; or "same" or "valid" | "same" if stride = 1 | no numbers |
    | `dilation` | distance of the pixels that a filter looks at | `dilation` | `dilation_rate` |
    | `groups` | number of independent parts; `groups=in_channels` is depthwise | `groups` | `groups` |
    | `bias` | whether each filter adds a learned number | `bias` | `use_bias` |
    | `padding_mode` | "zeros", "reflect" (mirror), "replicate" (edge), "circular" (wrap around) | the same | zeros |

    | cost | formula |
    |---|---|
    | parameters | $F \cdot C/G \cdot KH \cdot KW + F$ |
    | multiply-adds | $N F \cdot OH \cdot OW \cdot C/G \cdot KH \cdot KW$ |
    | bytes kept | $4 N C H W$ |

    Weights and biases start uniform in $\pm 1/\sqrt{K}$ with $K = C/G \cdot KH \cdot KW$.

    Filters of 3 x 3 pixels, with a stride of 1, over 16 or more channels of float32 images on the CPU mostly take
    Winograd's algorithm: a quarter of the multiplications, errors of a few 1e-6 of the largest number, and where one
    pixel is NaN or infinite a NaN in all 4 x 4 outputs of a tile that looks at it. Sums as they stand above are taken
    after `minidl.use_winograd(False)`.

    >>> from minidl import Tensor, nn
    >>> layer = nn.Conv2d(1, 6, kernel_size=5, padding=2)
    >>> layer(Tensor([[[[0.0] * 28] * 28]])).shape
    (1, 6, 28, 28)
    """

    n_axes, axes, function = 2, "H, W", staticmethod(conv2d)


def illustrate(ax: Any) -> None:
    r"""A handwritten 0, and what a filter W makes of it that takes the column at its right (purple, 1) minus the column
    at its left (brown, -1): y is purple where ink begins, orange where it ends, and pale along lines that go across.
    The marked number of a map is a sum over the nine pixels of x that have its mark: neighbours, or, with a dilation
    of 2, every other one."""
    pixels = "005d9100 00dfaf50 03f20b80 04c00880 05800980 04b01c70 02e5ac00 006da000"  # datasets.load_digits().x[0]
    x = np.array([[int(p, 17) / 16 for p in row] for row in pixels.split()])[None, None]
    w = np.array([[-1.0, 0.0, 1.0]] * 3)[None, None]
    ax.axis("off")
    places = (0, 0.1, 0.48, 0.9), (0.51, 0.4, 0.12, 0.3), (0.67, 0.6, 0.3, 0.4), (0.67, 0.1, 0.3, 0.4)
    panels = [ax.inset_axes(place) for place in places]
    panels[0].imshow(x[0, 0], cmap="viridis")
    panels[1].imshow(w[0, 0], cmap="PuOr", vmin=-1, vmax=1)
    for panel, d, mark in ((panels[2], 1, "o"), (panels[3], 2, "s")):
        y = conv2d(Tensor(x), Tensor(w), padding="same", dilation=d).numpy()
        panel.imshow(y[0, 0], cmap="PuOr", vmin=-3, vmax=3)
        look = {"ls": "", "marker": mark, "ms": 5 + 5 * d, "mfc": "none", "mec": "#ff2d55", "mew": 2}
        panel.plot(3, 3, **look | {"mec": "#222222"})
        panels[0].plot(*np.meshgrid(3 + d * np.arange(-1, 2), 3 + d * np.arange(-1, 2)), **look)
    for panel, label in zip(panels, ("x", "W", "y", "y, dilation = 2"), strict=True):
        panel.set(xticks=[], yticks=[], xlabel=label)
