r"""Upsample: an image with more pixels (or fewer), by repeating pixels or by drawing lines between them.

Pixel o of the new axis lies at the place u of the old one. With r = n / O, or 1 / scale_factor where that was given:

| mode | place u of pixel o | value |
|---|---|---|
| nearest | $r\,o$ | $x_i$ |
| bilinear, align_corners=False: edges line up | $\max(r\,(o + 1/2) - 1/2,\; 0)$ | $(1 - t)\, x_i + t\, x_{i+1}$ |
| bilinear, align_corners=True: corner pixels line up | $o\,(n - 1) / (O - 1)$ | $(1 - t)\, x_i + t\, x_{i+1}$ |

with $i = \lfloor u \rfloor$ and $t = u - i$; beyond the last pixel there is only the last pixel. These are torch's
rules, to the float32 in which it works out r and u for "nearest".

Rows and columns are treated one after the other. Bilinear is a separable linear map $y = A\,x\,B^\top$ (separable.py,
where the backward is derived) with one row of A for each new row, which holds the weights $1 - t$ and t. Nearest is one
too, with a single 1 in each row of A; its forward only looks pixels up, its backward is the same $dx = A^\top dy\,B$: a
pixel gets the sum of the dy of its copies.

Shapes: x (N, C, H, W), y (N, C, OH, OW).

Source: Odena, Dumoulin and Olah 2016, Distill, doi 10.23915/distill.00003 (resizing, and then a convolution, in place
of a transposed convolution).

Try it:
1. Six pixels of the line 0, 1, 2: bilinear gives 0, 0.25, 0.75, 1.25, 1.75, 2, with `align_corners=True` 0, 0.4, 0.8,
   1.2, 1.6, 2, and nearest 0, 0, 1, 1, 2, 2.
2. Halve digits with `scale_factor=0.5` and double them again, both nearest: the root of the mean square error is 0.32,
   as three pixels of four are never looked at. Halved by `avg_pool2d(x, 2)`: 0.22.
3. Four pixels to eight, `sum().backward()`: nearest and bilinear give each pixel a gradient of 2. With
   `align_corners=True` it is 1.71 for the outer pixels and 2.29 for the inner ones.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import channels_last, xp_of
from minidl.nn.module import Module
from minidl.nn.separable import SeparableFunction, separable
from minidl.tensor import Function, Tensor

MODES = ("nearest", "bilinear")


class NearestFunction(Function):
    def __init__(self, rows: np.ndarray, columns: np.ndarray):
        self.rows, self.columns = rows, columns  # the old place of every new row and column

    def forward(self, x):
        xp = xp_of(x)
        rows, columns = xp.asarray(self.rows), xp.asarray(self.columns)
        self.save(rows, columns)
        self.size = x.shape[2:]
        if not channels_last(x):
            return x.take(rows, axis=2).take(columns, axis=3)
        return x.transpose(0, 2, 3, 1).take(rows, axis=1).take(columns, axis=2).transpose(0, 3, 1, 2)

    def backward(self, dy):
        xp = xp_of(dy)
        A, B = (
            (places[:, None] == xp.arange(n)).astype(dy.dtype) for places, n in zip(self.saved, self.size, strict=True)
        )
        return separable(A.T, dy, B.T)  # (H, OH) @ (N, C, OH, OW) @ (OW, W) -> (N, C, H, W)


def nearest(n: int, outputs: int, scale: float | None) -> np.ndarray:
    r"""The old place of each of `outputs` new pixels of an axis of n.

    >>> nearest(2, 5, None)
    array([0, 0, 0, 1, 1])
    """
    o = np.arange(outputs)
    if outputs == n:
        return o
    r = np.float32(1 / scale) if scale else np.float32(n) / np.float32(outputs)
    return np.minimum(np.floor(o.astype(np.float32) * r).astype(np.int64), n - 1)


def lines(n: int, outputs: int, scale: float | None, align_corners: bool) -> np.ndarray:
    r"""The matrix that draws lines through n pixels and reads them at `outputs` places.

    >>> lines(2, 4, None, align_corners=False)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    o = np.arange(outputs)
    if outputs == n:
        u = o
    elif align_corners:
        u = o * (n - 1) / max(outputs - 1, 1)
    else:
        u = np.maximum((o + 0.5) * (1 / scale if scale else n / outputs) - 0.5, 0)
    i = np.minimum(np.floor(u).astype(np.int64), n - 1)
    t = np.minimum(u - i, 1)
    weights = np.zeros((outputs, n))
    weights[o, i] = 1 - t
    weights[o, np.minimum(i + 1, n - 1)] += t
    return weights


def interpolate(
    x: Tensor,
    size: int | tuple | None = None,
    scale_factor: float | tuple | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    r"""x (N, C, H, W) with another number of pixels: `size`, or H times scale_factor, rounded down; one number for both
    axes or two. ValueError or TypeError where sizes or options do not fit.

    >>> interpolate(Tensor([[[[1.0, 3.0]]]]), size=(1, 4), mode="bilinear")
    Tensor([[[[1. , 1.5, 2.5, 3. ]]]])
    """
    size, scales, align = _options("interpolate", size, scale_factor, mode, align_corners)
    check.rank("interpolate", "x", x, "(N, C, H, W)")
    check.floats("interpolate", "x", x)
    sizes = x.shape[2:]
    if 0 in sizes:
        raise check.ShapeError(f"interpolate: x must have a pixel or more along every axis, got {sizes}")
    if size is None:
        size = tuple(int(n * f) for n, f in zip(sizes, scales, strict=True))
        if min(size) < 1:
            raise check.ShapeError(f"interpolate: scale_factor {scales} leaves no pixel of {sizes}")
    check.elements("interpolate", "y", (*x.shape[:2], *size))
    axes = list(zip(sizes, size, scales, strict=True))
    if mode == "nearest":
        return NearestFunction(*(nearest(*axis) for axis in axes))(x)
    return SeparableFunction(*(lines(*axis, align) for axis in axes))(x)


def _options(who: str, size: Any, scale_factor: Any, mode: Any, align_corners: Any) -> tuple:
    """(size or None, a pair of scales or of None, align_corners) in their clean form."""
    check.option(who, "mode", mode, MODES)
    check.option(who, "align_corners", align_corners, (None, False, True))
    if mode == "nearest" and align_corners is not None:
        raise ValueError(f"{who}: align_corners is for mode='bilinear', got {align_corners} with mode='nearest'")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{who}: needs either size or scale_factor, got size={size!r}, scale_factor={scale_factor!r}")
    if scale_factor is None:
        return check.ints(who, "size", size, 2), (None, None), bool(align_corners)
    pair = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor, scale_factor)
    if len(pair) != 2:
        raise ValueError(f"{who}: scale_factor must be one number or 2 of them, got {scale_factor!r}")
    return None, tuple(check.number(who, "scale_factor", f, above=0) for f in pair), bool(align_corners)


class Upsample(Module):
    r"""Images with another number of pixels: (N, C, H, W) -> (N, C, OH, OW).

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Upsample` | the layer | `nn.Upsample` | `UpSampling2D` (channels last) |
    | `size` | the new height and width, int or pair; or else | `size` | `Resizing(height, width)` |
    | `scale_factor` | by how much they grow, number or pair | `scale_factor` | `size` (integers) |
    | `mode` | "nearest" repeats pixels, "bilinear" draws lines between them | `mode` (has more) | `interpolation` |
    | `align_corners` | bilinear: what lines up, edges of images (False, None) or corner pixels | the same | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | multiply-adds, bilinear | $N C \cdot OH \cdot W (H + OW)$ |
    | bytes kept | $8 (OH + OW)$ |
    | bytes kept, bilinear | $(8 + 4) (OH \cdot H + OW \cdot W)$ |

    Nearest keeps the old place of each new row and column, as int64; bilinear A and B, as float64 and as float32.

    >>> from minidl import Tensor, nn
    >>> nn.Upsample(scale_factor=2)(Tensor([[[[1.0, 3.0]]]]))
    Tensor([[[[1., 1., 3., 3.],
              [1., 1., 3., 3.]]]])
    """

    def __init__(
        self,
        size: int | tuple | None = None,
        scale_factor: float | tuple | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ):
        _options("Upsample", size, scale_factor, mode, align_corners)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        (N, C, H, W), (OH, OW) = input_shape, output_shape[2:]
        return N * C * OH * W * (H + OW) if self.mode == "bilinear" else 0

    def extra_repr(self) -> str:
        chosen = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{chosen}, mode={self.mode!r}, align_corners={self.align_corners}"


def illustrate(ax: Any) -> None:
    r"""Four pixels x (bars, as wide as they are) become twelve (dots). "nearest" repeats each of them. "bilinear" draws
    lines from middle to middle, and goes on level at both ends. With `align_corners`, the first and the last dot are
    the first and the last pixel: the lines are stretched over the whole width."""
    x = np.array([1.0, 3.0, 2.0, 4.0])
    place = (np.arange(12) + 0.5) / 3 - 0.5  # the middles of the new pixels
    ax.axis("off")
    for i, (mode, align) in enumerate((("nearest", None), ("bilinear", None), ("bilinear", True))):
        y = interpolate(Tensor(x[None, None, None]), size=(1, 12), mode=mode, align_corners=align)
        panel = ax.inset_axes([0.05 + 0.33 * i, 0.12, 0.29, 0.88])
        panel.bar(range(4), x, 0.98, color="C4", alpha=0.5)
        panel.plot(place, y.numpy().ravel(), "C1o")
        panel.set(xticks=range(4), yticks=range(5), ylim=(0, 4.3), xlabel=mode + (", align_corners" if align else ""))
