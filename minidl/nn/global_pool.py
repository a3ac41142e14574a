r"""Global pooling: one number for each map, its mean or its largest value.

$$ \text{average: } y_{nc} = \frac{1}{HW} \sum_{hw} x_{nchw}, \qquad \text{maximum: } y_{nc} = \max_{hw} x_{nchw} $$

It makes a classifier independent of the size of its images, and of where in them something is: the mean tells how much
of it there is, the maximum whether there is any.

Backward. The mean has slope 1/HW in every pixel, the maximum slope 1 in the winner and 0 elsewhere (the first one, row
by row, where several are equal; a NaN wins):

$$ dx_{nchw} = \frac{dy_{nc}}{HW}, \qquad dx_{nchw} = dy_{nc} \; [\,\text{winner}_{nc} = (h, w)\,] $$

Shapes: x (N, C, H, W), y (N, C), or (N, C, 1, 1) with keepdims.

Source: Lin, Chen and Yan 2013, arXiv 1312.4400, section 3.2.

Try it:
1. Make digits of 8 x 8 pixels 16 x 16 and 32 x 32 by `Upsample(scale_factor=2)`, "nearest", once and twice: both
   poolings give the same numbers for all three sizes, bit for bit (a digit's pixels are k/16: no sum is rounded).
2. In `GlobalAvgPool2dFunction.backward`, leave `/ (H * W)` out: the gradient check fails in every row of
   GlobalAvgPool2d but that of an image of one pixel.
3. Put `Conv2d(1, 8, 3, padding=1, padding_mode="circular")`, `ReLU()` and `GlobalAvgPool2d()` in a row, and
   `np.roll` digits by two rows and three columns: the answers differ by 1e-7. With `padding_mode="zeros"`
   they differ by some hundredths; with `AvgPool2d(4)` in place of the global pooling, by some tenths.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import channels_last, xp_of
from minidl.kernels import pool
from minidl.kernels.planes import empty
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class GlobalAvgPool2dFunction(Function):
    def forward(self, x):
        self.save()
        self.shape, self.last = x.shape, channels_last(x)
        # where channels are neighbours in memory they are added side by side, column by column
        return x.mean(axis=2).mean(axis=2) if self.last else x.mean(axis=(2, 3))

    def backward(self, dy):
        N, C, H, W = self.shape
        dx = empty(xp_of(dy), self.shape, dy.dtype, self.last)
        dx[:] = (dy / (H * W))[:, :, None, None]
        return dx


class GlobalMaxPool2dFunction(Function):
    """A max pooling with one window, as large as the image; its winners are the places h*W + w."""

    def forward(self, x):
        N, C, H, W = self.shape = x.shape
        self.last = channels_last(x)
        if self.last:
            y, winner = pool.max_windows(x, (H, W, 1, 1, 0, 0, 1, 1), 1, 1)
        else:
            x = x.reshape(N, C, H * W)
            winner = x.argmax(axis=2).reshape(N, C, 1, 1)  # the first NaN, else the first of the largest
            y = xp_of(x).take_along_axis(x, winner[..., 0], axis=2)
        self.save(winner)
        return y.reshape(N, C)

    def backward(self, dy):
        (winner,) = self.saved
        N, C, H, W = self.shape
        return pool.max_windows_grad(dy[:, :, None, None], winner, (H, W, 1, 1, 0, 0, 1, 1), H, W, self.last)


def _global_pool(who: str, function: Function, x: Tensor, keepdims: bool) -> Tensor:
    check.rank(who, "x", x, "(N, C, H, W)")
    check.floats(who, "x", x)
    check.option(who, "keepdims", keepdims, (False, True))
    N, C, H, W = x.shape
    if H * W == 0:
        raise check.ShapeError(f"{who}: x must have a pixel or more along every axis, got {(H, W)}")
    y = function(x)
    return y.reshape(N, C, 1, 1) if keepdims else y


def global_avg_pool2d(x: Tensor, keepdims: bool = False) -> Tensor:
    r"""The mean of every map of x (N, C, H, W).

    >>> global_avg_pool2d(Tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    Tensor([[3.]])
    """
    return _global_pool("global_avg_pool2d", GlobalAvgPool2dFunction(), x, keepdims)


def global_max_pool2d(x: Tensor, keepdims: bool = False) -> Tensor:
    r"""The largest value of every map of x (N, C, H, W).

    >>> global_max_pool2d(Tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    Tensor([[6.]])
    """
    return _global_pool("global_max_pool2d", GlobalMaxPool2dFunction(), x, keepdims)


class GlobalAvgPool2d(Module):
    r"""The mean of every map: (N, C, H, W) -> (N, C), or (N, C, 1, 1) with keepdims.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GlobalAvgPool2d` | the layer | `nn.AdaptiveAvgPool2d(1)` | `GlobalAveragePooling2D` |
    | `keepdims` | whether the two axes of the image stay, with size 1 | none (they stay) | `keepdims` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> nn.GlobalAvgPool2d()(Tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    Tensor([[3.]])
    """

    def __init__(self, keepdims: bool = False):
        self.keepdims = check.option("GlobalAvgPool2d", "keepdims", keepdims, (False, True))

    def forward(self, x: Tensor) -> Tensor:
        return global_avg_pool2d(x, self.keepdims)

    def extra_repr(self) -> str:
        return f"keepdims={self.keepdims}"


class GlobalMaxPool2d(Module):
    r"""The largest value of every map: (N, C, H, W) -> (N, C), or (N, C, 1, 1) with keepdims.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GlobalMaxPool2d` | the layer | `nn.AdaptiveMaxPool2d(1)` | `GlobalMaxPooling2D` |
    | `keepdims` | whether the two axes of the image stay, with size 1 | none (they stay) | `keepdims` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 N C$ |

    >>> from minidl import Tensor, nn
    >>> nn.GlobalMaxPool2d()(Tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    Tensor([[6.]])
    """

    def __init__(self, keepdims: bool = False):
        self.keepdims = check.option("GlobalMaxPool2d", "keepdims", keepdims, (False, True))

    def forward(self, x: Tensor) -> Tensor:
        return global_max_pool2d(x, self.keepdims)

    def extra_repr(self) -> str:
        return f"keepdims={self.keepdims}"


def illustrate(ax: Any) -> None:
    r"""Three of the images of 33 x 33 pixels that show a disc, and what both poolings make of such images. The maximum
    says that there is something, from the first pixel on; the mean grows with the area of the disc. Where the disc lies
    in its image matters to neither."""
    rng = np.random.default_rng(0)
    radius = np.linspace(0, 15, 61)
    centre = rng.integers(15, 18, size=(2, 61, 1, 1))
    place = np.arange(33)
    x = (place[:, None] - centre[0]) ** 2 + (place - centre[1]) ** 2 < radius[:, None, None] ** 2
    for name, pool_ in (("maximum", global_max_pool2d), ("mean", global_avg_pool2d)):
        y = pool_(Tensor(x[:, None].astype("float32"))).numpy()[:, 0]
        ax.plot(radius, y)
        ax.annotate(name, (radius[50], y[50]), (0, -14), textcoords="offset points")
    for k in (12, 28, 44):
        image = ax.inset_axes([radius[k] - 1.5, 0.55, 3, 0.35], transform=ax.transData)
        image.imshow(x[k], interpolation="none")
        image.set(xticks=[], yticks=[])
    ax.set(xlabel="radius of the disc (pixels)", ylabel="y")
