r"""AdaptiveAvgPool2d: means over as many windows as are wanted, however large the image is.

An axis of n pixels is cut into O windows that cover it evenly (torch's rule): window o reaches from $\lfloor o\,n / O
\rfloor$ to $\lceil (o+1)\,n / O \rceil$, so that windows differ by at most a pixel or two, and overlap by one where O
does not divide n. With O = 1 that is the global average, with O = n the image itself.

The mean over a window of rows and columns is the mean over its rows of the means over its columns: a separable linear
map $y = A\,x\,B^\top$ (separable.py, where the backward is derived) with

$$ A_{oh,h} = 1 / \text{size of window } oh \text{ where it holds row } h \text{, else } 0 $$

and B likewise. Shapes: x (N, C, H, W), y (N, C, OH, OW). He et al. 2014, arXiv 1406.4729 (spatial pyramid pooling).
"""

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

    >>> from minidl import Tensor, nn
    >>> nn.AdaptiveAvgPool2d((1, 2))(Tensor([[[[1.0, 2.0, 4.0]]]]))
    Tensor([[[[1.5, 3. ]]]])
    """

    def __init__(self, output_size: int | tuple):
        self.output_size = output_sizes("AdaptiveAvgPool2d", output_size)

    def forward(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
