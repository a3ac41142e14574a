r"""Conv2d: the same small filter at every place of an image.

Filter f slides over the image and takes, at every place, the weighted sum of what it sees (no flip: a correlation, as
in every framework):

$$ y_{n,f,oh,ow} = b_f + \sum_{c,kh,kw} W_{f,c,kh,kw} \; x_{n,\,c,\;oh \cdot S_H - P_T + kh \cdot D_H,\;
   ow \cdot S_W - P_L + kw \cdot D_W} $$

with stride S, zero padding P and dilation D (x is 0 outside of the image). Each axis gives

$$ O = \lfloor (H + P_T + P_B - D (K - 1) - 1) / S \rfloor + 1 $$

outputs. Write every window as one column of a matrix col (`im2col`, kernels/window.py), every filter as one row of W,
and the sums over c, kh, kw become one matrix product: $y = W\,col + b$.

Backward. y is linear in each of W, col and b, as in Linear:

$$ dW = dy\,col^\top, \qquad dcol = W^\top dy, \qquad db_f = \sum_{n,oh,ow} dy_{n,f,oh,ow} $$

A pixel x stands in as many columns as there are windows that see it, and its gradient is the sum over them:
$dx = \mathrm{col2im}(dcol)$, the adjoint of im2col.

Groups: with G groups, filters and channels are cut into G equal parts, and each part is a convolution of its own
(G = C is the depthwise convolution): the same products with a leading axis G. A 1x1 kernel needs no windows at all:
see conv1x1.py.

padding="same" keeps O = ceil(H / S): the total padding $\max((O-1)S + D(K-1) + 1 - H, 0)$ is cut in two, the smaller
half first (at the top and left); this is Keras' rule, and torch's where torch has one (S = 1). "valid" is 0.

Shapes: x (N, C, H, W), w (F, C/G, KH, KW), b (F,), y (N, F, OH, OW). LeCun et al. 1989, Neural Computation 1(4).
"""

from typing import Any

from minidl import check, init
from minidl.backend import xp_of
from minidl.kernels import window
from minidl.nn.conv1x1 import conv1x1
from minidl.nn.module import Module, Parameter
from minidl.ops import pad
from minidl.tensor import Function, Tensor

# padding_mode -> the mode of ops.pad that widens the image before the convolution (zeros cost no copy: im2col adds them)
PADDING_MODES = {"zeros": None, "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class Conv2dFunction(Function):
    def __init__(self, stride: tuple, pads: tuple, dilation: tuple, groups: int):
        self.stride, self.pads, self.dilation, self.groups = stride, pads, dilation, groups

    def forward(self, x, w, b=None):
        G, (N, C, H, W), (F, _, KH, KW) = self.groups, x.shape, w.shape
        (PT, PB), (PL, PR) = self.pads
        OH = outputs(H, KH, self.stride[0], PT + PB, self.dilation[0])
        OW = outputs(W, KW, self.stride[1], PL + PR, self.dilation[1])
        self.geometry = (KH, KW, *self.stride, PT, PL, *self.dilation)
        col = window.im2col(x, self.geometry, OH, OW).reshape(G, C // G * KH * KW, N * OH * OW)
        self.save(col, w)
        self.shapes = (N, C, H, W), (F, N, OH, OW)
        y = w.reshape(G, F // G, -1) @ col  # (G, F/G, CKK/G) @ (G, CKK/G, NL) -> (G, F/G, NL)
        if b is not None:
            y += b.reshape(G, F // G, 1)
        return xp_of(y).ascontiguousarray(y.reshape(F, N, OH, OW).transpose(1, 0, 2, 3))

    def backward(self, dy):
        col, w = self.saved
        (N, C, H, W), (F, _, OH, OW) = self.shapes
        G, KH, KW = self.groups, *w.shape[2:]
        db = dy.sum(axis=(0, 2, 3))
        dy = dy.transpose(1, 0, 2, 3).reshape(G, F // G, N * OH * OW)
        dw = (dy @ col.swapaxes(1, 2)).reshape(w.shape)  # (G, F/G, NL) @ (G, NL, CKK/G) -> (G, F/G, CKK/G)
        dx = None
        if self.needs_grad[0]:
            dcol = w.reshape(G, F // G, -1).swapaxes(1, 2) @ dy  # (G, CKK/G, F/G) @ (G, F/G, NL) -> (G, CKK/G, NL)
            dx = window.col2im(dcol.reshape(C, KH, KW, N, OH, OW), self.geometry, H, W)
        return dx, dw, db


def outputs(n: int, k: int, s: int, p: int, d: int) -> int:
    r"""How many places a kernel of k pixels has on an axis of n pixels: $\lfloor (n + p - d(k-1) - 1) / s \rfloor + 1$,
    where p is the padding of both ends together.

    >>> outputs(28, k=5, s=1, p=0, d=1)
    24
    """
    return (n + p - d * (k - 1) - 1) // s + 1


def pads_of(who: str, padding: Any, sizes: tuple, kernel: tuple, stride: tuple, dilation: tuple) -> tuple:
    r"""The padding option as ((top, bottom), (left, right)), or one pair less for one axis; ValueError where the kernel
    does not fit into the padded input.

    >>> pads_of("conv2d", "same", sizes=(8, 8), kernel=(3, 2), stride=(1, 1), dilation=(1, 1))
    ((1, 1), (0, 1))
    """
    if isinstance(padding, str):
        check.option(who, "padding", padding, ("same", "valid"))
        pads = []
        for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) if padding == "same" else 0
            pads.append((total // 2, total - total // 2))
    else:
        pads = [(p, p) for p in check.ints(who, "padding", padding, len(sizes), low=0)]
    for n, k, p, d in zip(sizes, kernel, pads, dilation, strict=True):
        if d * (k - 1) + 1 > n + sum(p):
            raise check.ShapeError(
                f"{who}: kernel_size {k} (dilation {d}) covers {d * (k - 1) + 1} pixels, more than the padded input "
                f"of {n} + {sum(p)}; use a smaller kernel or more padding"
            )
    return tuple(pads)


def check_conv(who: str, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, axes: str) -> None:
    r"""The checks that convolutions of one and of two axes share."""
    check.rank(who, "x", x, f"(N, C, {axes})")
    check.rank(who, "weight", weight, f"(F, C/G, K{axes.replace(', ', ', K')})")
    check.floats(who, "x", x)
    if weight.shape[0] % groups:
        raise ValueError(f"{who}: groups must divide out_channels={weight.shape[0]}, got {groups}")
    check.axis_size(who, "x", x, 1, weight.shape[1] * groups, "in_channels")
    if bias is not None:
        check.rank(who, "bias", bias, "(F,)")
        check.axis_size(who, "bias", bias, 0, weight.shape[0], "out_channels")


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
    stride = check.ints("conv2d", "stride", stride, 2)
    dilation = check.ints("conv2d", "dilation", dilation, 2)
    groups = check.size("conv2d", "groups", groups)
    check_conv("conv2d", x, weight, bias, groups, "H, W")
    kernel = weight.shape[2:]
    pads = pads_of("conv2d", padding, x.shape[2:], kernel, stride, dilation)
    if kernel == (1, 1) and stride == (1, 1) and groups == 1 and pads == ((0, 0), (0, 0)):
        return conv1x1(x, weight, bias)
    sizes = zip(x.shape[2:], kernel, stride, pads, dilation, strict=True)
    columns = x.shape[0] * weight.shape[1] * groups
    for n, k, s, p, d in sizes:
        columns *= k * outputs(n, k, s, sum(p), d)
    check.elements("conv2d", "the window matrix", (columns,))
    return Conv2dFunction(stride, pads, dilation, groups)(x, weight, bias)


class Conv2d(Module):
    r"""A layer of F filters of KH x KW pixels over C channels.

    | option | meaning |
    |---|---|
    | `stride` | step of the window, int or pair |
    | `padding` | pixels added at each side, int or pair, or "same" or "valid" |
    | `dilation` | distance of the pixels that a filter looks at |
    | `groups` | number of independent parts; `groups=in_channels` is depthwise |
    | `bias` | whether each filter adds a learned number |
    | `padding_mode` | what the padding is: "zeros", "reflect" (mirror), "replicate" (edge), "circular" (wrap around) |

    Weights and biases start uniform in $\pm 1/\sqrt{K}$ with $K = C/G \cdot KH \cdot KW$.

    >>> from minidl import Tensor, nn
    >>> layer = nn.Conv2d(1, 6, kernel_size=5, padding=2)
    >>> layer(Tensor([[[[0.0] * 28] * 28]])).shape
    (1, 6, 28, 28)
    """

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
        self.in_channels = check.size("Conv2d", "in_channels", in_channels)
        self.out_channels = check.size("Conv2d", "out_channels", out_channels)
        self.kernel_size = check.ints("Conv2d", "kernel_size", kernel_size, 2)
        self.stride = check.ints("Conv2d", "stride", stride, 2)
        self.dilation = check.ints("Conv2d", "dilation", dilation, 2)
        self.groups = check.size("Conv2d", "groups", groups)
        self.padding_mode = check.option("Conv2d", "padding_mode", padding_mode, PADDING_MODES)
        if isinstance(padding, str):
            self.padding = check.option("Conv2d", "padding", padding, ("same", "valid"))
        else:
            self.padding = check.ints("Conv2d", "padding", padding, 2, low=0)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"Conv2d: groups must divide {name}={channels}, got {groups}")
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        bound = check.elements("Conv2d", "a filter", shape[1:]) ** -0.5
        self.weight = Parameter(init.uniform(shape, -bound, bound))
        self.bias = Parameter(init.uniform((out_channels,), -bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            check.rank("Conv2d", "x", x, "(N, C, H, W)")
            (PT, PB), (PL, PR) = pads_of(
                "Conv2d", padding, x.shape[2:], self.kernel_size, self.stride, self.dilation
            )
            x, padding = pad(x, (PL, PR, PT, PB), mode=PADDING_MODES[self.padding_mode]), 0
        return conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        N, _, OH, OW = output_shape
        return N * OH * OW * check.elements("Conv2d", "weight", self.weight.shape)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}, dilation={self.dilation}, groups={self.groups}, "
            f"bias={self.bias is not None}, padding_mode={self.padding_mode!r}"
        )
