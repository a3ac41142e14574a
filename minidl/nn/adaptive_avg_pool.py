r"""AdaptiveAvgPool2d: means over as many windows as are wanted, however large the image is.

An axis of n pixels is cut into O windows that cover it evenly (torch's rule): window o reaches from $\lfloor o\,n / O
\rfloor$ to $\lceil (o+1)\,n / O \rceil$, so that windows differ by one pixel at most, and two neighbours share a
pixel where their border, $o\,n / O$, is no whole number. With O = 1 that is the global average, with O = n the image
itself.

The mean over a window of rows and columns is the mean over its rows of the means over its columns: a separable linear
map $y = A\,x\,B^\top$ (separable.py, where the backward is derived) with

$$ A_{oh,h} = 1 / \text{size of window } oh \text{ where it holds row } h \text{, else } 0 $$

and B likewise.

Shapes: x (N, C, H, W), y (N, C, OH, OW).

Source: He et al. 2014, arXiv 1406.4729 (spatial pyramid pooling).

Try it:
1. Average a line of 10 pixels over 4 windows, `adaptive_avg_pool2d(x, (1, 4))`, and call `sum().backward()`: a pixel
   has a gradient of 1/3, but the two that stand in two windows, 2 and 7, have 2/3.
2. More windows than pixels are allowed: 1, 2 over 5 windows gives 1, 1, 1.5, 2, 2.
3. `Sequential(Conv2d(1, 8, 3), AdaptiveAvgPool2d(4), Flatten(), Linear(128, 10))` takes images of 8 x 8, 12 x 12 and
   20 x 31 pixels. With `AvgPool2d(2)` in its place, only the sizes with 4 x 4 windows: the others are a ShapeError.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.nn.global_pool import global_avg_pool2d
from minidl.nn.module import Module
from minidl.nn.separable import SeparableFunction
from minidl.tensor import Tensor


def averages(n: int, outputs: int) -> np.ndarray:
    r"""The matrix that averages n pixels over `outputs` windows.

    >>> averages(3, 2)
    array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5]])
    """
    o = np.arange(outputs)[:, None]
    start, end = o * n // outputs, -(-(o + 1) * n // outputs)
    pixel = np.arange(n)
    return ((start <= pixel) & (pixel < end)) / (end - start)


def adaptive_avg_pool2d(x: Tensor, output_size: int | tuple) -> Tensor:
    r"""Means of x (N, C, H, W) over output_size windows: one number for both axes or two; None keeps an axis as it is.
    ValueError or TypeError where sizes do not fit.

    >>> adaptive_avg_pool2d(Tensor([[[[1.0, 2.0, 4.0]]]]), (1, 2))
    Tensor([[[[1.5, 3. ]]]])
    """
    check.rank("adaptive_avg_pool2d", "x", x, "(N, C, H, W)")
    check.floats("adaptive_avg_pool2d", "x", x)
    if 0 in x.shape[2:]:
        raise check.ShapeError(f"adaptive_avg_pool2d: x must have a pixel or more along every axis, got {x.shape[2:]}")
    outputs = output_sizes("adaptive_avg_pool2d", output_size)
    OH, OW = (n if o is None else o for n, o in zip(x.shape[2:], outputs, strict=True))
    check.elements("adaptive_avg_pool2d", "y", (*x.shape[:2], OH, OW))
    if (OH, OW) == (1, 1):
        return global_avg_pool2d(x, keepdims=True)
    return SeparableFunction(averages(x.shape[2], OH), averages(x.shape[3], OW))(x)


def output_sizes(who: str, output_size: int | tuple | None) -> tuple[int | None, int | None]:
    r"""The option as a pair of sizes, None being the size that comes in."""
    pair = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    clean = iter(check.ints(who, "output_size", [1 if o is None else o for o in pair], 2))
    return tuple(None if o is None else size for o, size in zip(pair, clean, strict=True))


class AdaptiveAvgPool2d(Module):
    r"""Means over a given number of windows: (N, C, H, W) -> (N, C, OH, OW).

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `AdaptiveAvgPool2d` | the layer | `nn.AdaptiveAvgPool2d` | `AdaptiveAveragePooling2D` |
    | `output_size` | OH and OW, int or pair; None keeps an axis as it is | `output_size` | `output_size` (no None) |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $N C \cdot OH \cdot W (H + OW)$ |
    | bytes kept | $(8 + 4) (OH \cdot H + OW \cdot W)$ |
    | both, for one window | 0: it is GlobalAvgPool2d |

    A and B are kept as float64 and as float32.

    >>> from minidl import Tensor, nn
    >>> nn.AdaptiveAvgPool2d((1, 2))(Tensor([[[[1.0, 2.0, 4.0]]]]))
    Tensor([[[[1.5, 3. ]]]])
    """

    def __init__(self, output_size: int | tuple):
        self.output_size = output_sizes("AdaptiveAvgPool2d", output_size)

    def forward(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, self.output_size)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        (N, C, H, W), (OH, OW) = input_shape, output_shape[2:]
        return 0 if (OH, OW) == (1, 1) else N * C * OH * W * (H + OW)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


def illustrate(ax: Any) -> None:
    r"""A line x of 10 pixels, averaged over 4 windows. Above: the matrix, a row a window; it holds 1/3 (bright) and 0.
    The windows overlap at the pixels 2 and 7. Below: x (dots), and its means y, each as wide as its window."""
    x = np.array([1, 2, 4, 7, 9, 8, 6, 2, 1, 3], "float32")
    y = adaptive_avg_pool2d(Tensor(x[None, None, None]), (1, 4)).numpy().ravel()
    windows = averages(10, 4)
    ax.axis("off")
    above, below = ax.inset_axes([0.08, 0.62, 0.92, 0.36]), ax.inset_axes([0.08, 0.13, 0.92, 0.45])
    above.imshow(windows, aspect="auto")
    above.set(xticks=[], yticks=range(4), ylabel="window o")
    below.plot(x, "C0o")
    for o, window in enumerate(windows):
        (seen,) = window.nonzero()
        below.plot([seen[0] - 0.45, seen[-1] + 0.45], [y[o], y[o]], "C1", lw=3)
    below.set(xticks=range(10), xlim=(-0.5, 9.5), xlabel="pixel", ylabel="x, y")
