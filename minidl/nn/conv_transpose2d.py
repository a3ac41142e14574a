r"""ConvTranspose2d: the transpose of a convolution, which makes images larger.

A convolution reads a window of its input for every pixel of its output. Turned around, every pixel of the input
*writes* a window of the output: the filters, weighted by the pixel's value, and where windows overlap they add up.

$$ y_{n,f,\;h S_H - P_H + kh D_H,\; w S_W - P_W + kw D_W} \mathrel{+}= \sum_c W_{c,f,kh,kw}\, x_{n,c,h,w} $$

and $b_f$ is added everywhere. In matrices, with one column a pixel of x: $col = W^\top x$, $y = \mathrm{col2im}(col) +
b$. That is the formula of dx in conv2d.py: the convolution with the same W, stride, padding and dilation reads (N, F,
OH, OW) and gives (N, C, H, W), and this layer is its adjoint, $\langle \mathrm{conv}(y), x \rangle = \langle y,
\mathrm{conv}^\top(x) \rangle$. It is no inverse: sizes come back, values do not.

Backward. im2col is the adjoint of col2im, and the rest is linear as in Linear:

$$ dcol = \mathrm{im2col}(dy), \quad dx = W\,dcol, \quad dW = x\,dcol^\top, \quad db_f = \sum_{n,oh,ow} dy_{nf,oh,ow} $$

Sizes: $OH = (H - 1) S - 2P + D(K - 1) + A + 1$. With a stride above 1 a convolution maps several input sizes to one
output size; output_padding A says which of them is wanted back (A rows more at the bottom, A columns at the right).
With kernels that are no multiple of the stride, pixels get unequal numbers of contributions ("checkerboards").

Shapes: x (N, C, H, W), w (C, F/G, KH, KW), b (F,), y (N, F, OH, OW).

Source: Zeiler, Krishnan, Taylor and Fergus 2010, CVPR; Dumoulin and Visin 2016, arXiv 1603.07285, section 4.

Try it:
1. Give `conv_transpose2d` an image of ones and filters of ones, with a stride of 2. 3 x 3 pixels: away from the edge y
   is a pattern of 1, 2 and 4. 4 x 4: 4 everywhere; 5 x 5: 4, 6 and 9; 6 x 6: 9 everywhere.
2. It is the adjoint, but no inverse. Send random y (1, 3, 13, 13) through `Conv2d(3, 5, 3, stride=2, padding=1,
   bias=False)` and back through `conv_transpose2d` with its weight, its stride and its padding: the shape comes back,
   the values do not (a correlation of 0.55). But `(conv(y) * x).sum()` and `(y * convT(x)).sum()` agree to rounding.
3. That convolution makes 7 x 7 pixels of 13 x 13 and of 14 x 14. Of 7 x 7, this layer makes 13 x 13, or 14 x 14 with
   `output_padding=1`; and 2 is a ValueError, as 15 x 15 pixels would have given 8 x 8.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.backend import xp_of
from minidl.kernels import window
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class ConvTranspose2dFunction(Function):
    def __init__(self, geometry: tuple, output_size: tuple, groups: int):
        self.geometry, self.output_size, self.groups = geometry, output_size, groups

    def forward(self, x, w, b=None):
        G, (N, C, H, W), (_, FG, KH, KW) = self.groups, x.shape, w.shape
        x = x.swapaxes(0, 1).reshape(G, C // G, N * H * W)
        w = w.reshape(G, C // G, FG * KH * KW)
        self.save(x, w)
        self.shapes = (C, N, H, W), (C, FG, KH, KW)
        col = w.swapaxes(1, 2) @ x  # (G, FKK/G, C/G) @ (G, C/G, NL) -> (G, FKK/G, NL)
        y = window.col2im(col.reshape(G * FG, KH, KW, N, H, W), self.geometry, *self.output_size)
        if b is not None:
            y += b[:, None, None]
        return y

    def backward(self, dy):
        x, w = self.saved
        (C, N, H, W), w_shape = self.shapes
        dcol = window.im2col(dy, self.geometry, H, W).reshape(self.groups, w.shape[2], N * H * W)
        dw = dx = None
        if self.needs_grad[0]:
            dx = (w @ dcol).reshape(C, N, H, W).swapaxes(0, 1)  # (G, C/G, FKK/G) @ (G, FKK/G, NL) -> (G, C/G, NL)
            dx = xp_of(dx).ascontiguousarray(dx)
        if self.needs_grad[1]:
            dw = (x @ dcol.swapaxes(1, 2)).reshape(w_shape)  # (G, C/G, NL) @ (G, NL, FKK/G) -> (G, C/G, FKK/G)
        return dx, dw, dy.sum(axis=(0, 2, 3))


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple = 1,
    padding: int | tuple = 0,
    output_padding: int | tuple = 0,
    groups: int = 1,
    dilation: int | tuple = 1,
) -> Tensor:
    r"""The transposed convolution above, as a function. ValueError or TypeError where sizes or options do not fit.

    >>> import minidl
    >>> x, w = minidl.Tensor([[[[1.0, 10.0]]]]), minidl.Tensor([[[[1.0, 2.0, 3.0]]]])
    >>> conv_transpose2d(x, w, stride=(1, 2)).numpy().ravel()           # 1 2 3, and 10 20 30 two places on
    array([ 1.,  2., 13., 20., 30.], dtype=float32)
    """
    who = "conv_transpose2d"
    stride, padding, output_padding, dilation = check_options(who, stride, padding, output_padding, dilation)
    check.size(who, "groups", groups)
    check.rank(who, "x", x, "(N, C, H, W)")
    check.rank(who, "weight", weight, "(C, F/G, KH, KW)")
    check.one_dtype(who, x, weight, bias)
    if 0 in weight.shape or 0 in x.shape[2:]:
        shapes = f"{tuple(weight.shape)} and {tuple(x.shape)}"
        raise check.ShapeError(f"{who}: weight and the images of x must not be empty, got shapes {shapes}")
    check.axis_size(who, "x", x, 1, weight.shape[0], "in_channels")
    if weight.shape[0] % groups:
        raise ValueError(f"{who}: groups must divide in_channels={weight.shape[0]}, got {groups}")
    F = weight.shape[1] * groups
    if bias is not None:
        check.rank(who, "bias", bias, "(F,)")
        check.axis_size(who, "bias", bias, 0, F, "out_channels")
    kernel = weight.shape[2:]
    outputs = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + a + 1
        for n, k, s, p, a, d in zip(x.shape[2:], kernel, stride, padding, output_padding, dilation, strict=True)
    )
    if min(outputs) < 1:
        raise check.ShapeError(
            f"{who}: padding {padding} cuts everything off: the result of x {tuple(x.shape)} would have size {outputs}"
        )
    check.elements(who, "the window matrix (N, F, KH, KW, H, W)", (x.shape[0], F, *kernel, *x.shape[2:]))
    check.elements(who, "y", (x.shape[0], F, *outputs))
    geometry = (*kernel, *stride, *padding, *dilation)
    return ConvTranspose2dFunction(geometry, outputs, groups)(x, weight, bias)


def check_options(
    who: str, stride: int | tuple, padding: int | tuple, output_padding: int | tuple, dilation: int | tuple
) -> tuple:
    r"""The four options as pairs. output_padding must be smaller than the stride or the dilation (torch's rule): beyond
    that its rows see no window, or another size of x is meant."""
    stride = check.ints(who, "stride", stride, 2)
    padding = check.ints(who, "padding", padding, 2, low=0)
    output_padding = check.ints(who, "output_padding", output_padding, 2, low=0)
    dilation = check.ints(who, "dilation", dilation, 2)
    for s, a, d in zip(stride, output_padding, dilation, strict=True):
        if a >= max(s, d):
            raise ValueError(f"{who}: output_padding must be smaller than stride {s} or dilation {d}, got {a}")
    return stride, padding, output_padding, dilation


class ConvTranspose2d(Module):
    r"""A layer of transposed convolution: C maps become F maps of a larger size.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `ConvTranspose2d` | the layer | `nn.ConvTranspose2d` | `Conv2DTranspose` (channels last; weights (KH, KW, F, C)) |
    | `in_channels`, `out_channels` | C, F | the same | from the first input, `filters` |
    | `kernel_size` | KH and KW, int or pair | `kernel_size` | `kernel_size` |
    | `stride` | distance of the windows that are written: how much larger the image gets | `stride` | `strides` |
    | `padding` | pixels cut off at each side | `padding` | "valid", "same" |
    | `output_padding` | rows and columns added at the bottom and right, for the other sizes | the same | the same |
    | `groups` | number of independent parts | `groups` | none |
    | `bias` | whether each map adds a learned number | `bias` | `use_bias` |
    | `dilation` | distance of the pixels in a window | `dilation` | `dilation_rate` |

    | cost | formula |
    |---|---|
    | parameters | $C \cdot F/G \cdot KH \cdot KW + F$ |
    | multiply-adds | $N C H W \cdot F/G \cdot KH \cdot KW$ |
    | bytes kept | $4 N C H W$ |

    Weights and biases start uniform in $\pm 1/\sqrt{K}$ with $K = F/G \cdot KH \cdot KW$ (torch's rule).

    >>> from minidl import Tensor, nn
    >>> layer = nn.ConvTranspose2d(16, 8, kernel_size=4, stride=2, padding=1)
    >>> layer(Tensor([[[[0.0] * 7] * 7] * 16])).shape                   # twice as large
    (1, 8, 14, 14)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        output_padding: int | tuple = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple = 1,
    ):
        who = "ConvTranspose2d"
        self.in_channels = check.size(who, "in_channels", in_channels)
        self.out_channels = check.size(who, "out_channels", out_channels)
        self.kernel_size = check.ints(who, "kernel_size", kernel_size, 2)
        self.stride, self.padding, self.output_padding, self.dilation = check_options(
            who, stride, padding, output_padding, dilation
        )
        self.groups = check.size(who, "groups", groups)
        check.option(who, "bias", bias, (True, False))
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{who}: groups must divide {name}={channels}, got {groups}")
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        check.elements(who, "weight", shape)
        bound = check.elements(who, "a filter", shape[1:]) ** -0.5
        self.weight = Parameter(init.uniform(shape, -bound, bound))
        self.bias = Parameter(init.uniform((out_channels,), -bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        who = "ConvTranspose2d"
        return check.elements(who, "x", input_shape) * check.elements(who, "a filter", self.weight.shape[1:])

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, output_padding={self.output_padding}, groups={self.groups}, "
            f"bias={self.bias is not None}, dilation={self.dilation}"
        )


def illustrate(ax: Any) -> None:
    r"""Every pixel of a line x writes the filter, times its value; a colour a pixel, stacked where they overlap. Above:
    with 3 weights and a stride of 2, every second place is written twice: stripes, though x is smooth. Below: with 4
    weights, a multiple of the stride, all places but the ends are written twice."""
    x = np.array([1.0, 1.2, 1.3, 1.2, 1.0])
    ax.axis("off")
    for K, bottom in ((3, 0.58), (4, 0.08)):
        panel = ax.inset_axes([0.08, bottom, 0.92, 0.4])
        height = np.zeros(2 * (len(x) - 1) + K)
        for i in range(len(x)):
            pixel = Tensor((x * (np.arange(len(x)) == i))[None, None, None])
            y = conv_transpose2d(pixel, Tensor(np.ones((1, 1, 1, K))), stride=(1, 2)).numpy().ravel()
            (ow,) = y.nonzero()
            panel.bar(ow, y[ow], 0.9, height[ow], color=f"C{i}")
            height += y
        panel.set(xticks=range(len(height)), ylim=(0, 2.7), xlim=(-0.6, 11.6), ylabel=f"y, K = {K}")
    panel.set_xlabel("place $ow$")
