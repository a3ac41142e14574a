r"""Linear: every output is a weighted sum of every input.

$$ y_{nf} = \sum_d x_{nd} W_{fd} + b_f, \qquad y = x W^\top + b $$

Backward. The loss sees x, W and b only through y. With $dy = \partial L / \partial y$ given, the chain rule adds up,
for each variable, over every y that it touches. $x_{nd}$ touches row n of y, with slope $W_{fd}$:

$$ dx_{nd} = \sum_f dy_{nf} W_{fd}, \qquad dW_{fd} = \sum_n dy_{nf} x_{nd}, \qquad db_f = \sum_n dy_{nf} $$

which is $dx = dy\,W$, $dW = dy^\top x$ and the column sums of dy.

Shapes: x (N, D), w (F, D), b (F,), y (N, F); more leading axes count as N.

Source: Rumelhart, Hinton and Williams 1986, Nature 323.

Try it:
1. In `backward`, return `dy.mean(axis=0)` as db, a slip that is easily made: the gradient check fails for `bias`, but
   where x has a single row, `leading=(1,)`: there the mean is the sum. All other rows pass.
2. Put ten pairs of `Linear(64, 64)` and `Tanh()` in a row, and 200 random rows through them: the units of the last one
   vary by 0.002 (standard deviation over the rows), so they hardly see x. With `bound = 1` they vary by 0.87, between
   -1 and 1. With $\sqrt{3 / D}$, which keeps the variance of the sums, by 0.18.
3. Give x of shape (2, 3, D): y has shape (2, 3, F), and dw is the sum over all six rows.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.kernels.gemm import matmul
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class LinearFunction(Function):
    def forward(self, x, w, b=None):
        self.save(x, w)
        y = matmul(x, w.T)  # (..., D) @ (D, F) -> (..., F)
        if b is not None:
            y += b
        return y

    def backward(self, dy):
        x, w = self.saved
        dx = matmul(dy, w) if self.needs_grad[0] else None  # (..., F) @ (F, D) -> (..., D)
        dy = dy.reshape(-1, w.shape[0])
        dw = matmul(dy.T, x.reshape(-1, w.shape[1]))  # (F, N) @ (N, D) -> (F, D)
        return dx, dw, dy.sum(axis=0)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""$x W^\top + b$ over the last axis of x. ShapeError where the sizes do not fit.

    >>> linear(Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0], [0.0, 1.0]]), Tensor([0.0, 10.0])).numpy()
    array([[11., 12.]], dtype=float32)
    """
    if not _fits(x, weight, bias):
        check.rank("linear", "weight", weight, "(F, D)")
        check.axis_size("linear", "x", x, -1, weight.shape[1], "in_features", hint="add Flatten()?")
        check.one_dtype("linear", x, weight, bias)
        if bias is not None:
            check.rank("linear", "bias", bias, "(F,)")
            check.axis_size("linear", "bias", bias, 0, weight.shape[0], "out_features")
    return LinearFunction()(x, weight, bias)


def _fits(x: Any, weight: Any, bias: Any) -> bool:
    """Whether none of the checks would object, at one glance: for a small layer they take longer than all the rest."""
    if not (isinstance(x, Tensor) and isinstance(weight, Tensor) and (bias is None or isinstance(bias, Tensor))):
        return False
    x, w, b = x._data, weight._data, weight._data if bias is None else bias._data
    sizes = len(w.shape) == 2 and x.shape[-1:] == w.shape[1:] and (bias is None or b.shape == w.shape[:1])
    return sizes and x.dtype == w.dtype == b.dtype and w.dtype.kind == "f"


class Linear(Module):
    r"""A fully connected layer. Weights and biases start uniform in $\pm 1/\sqrt{D}$.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Linear` | the layer | `nn.Linear` | `Dense` (weights are transposed there) |
    | `in_features` | D | `in_features` | from the first input |
    | `out_features` | F | `out_features` | `units` |
    | `bias` | whether b is added | `bias` | `use_bias` |

    | cost | formula |
    |---|---|
    | parameters | $F D + F$ |
    | multiply-adds | $N F D$ |
    | bytes kept | $4 N D$ |

    >>> from minidl import Tensor, nn
    >>> layer = nn.Linear(3, 2)
    >>> layer(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        self.in_features = check.size("Linear", "in_features", in_features)
        self.out_features = check.size("Linear", "out_features", out_features)
        check.option("Linear", "bias", bias, (True, False))
        bound = in_features**-0.5
        self.weight = Parameter(init.uniform((out_features, in_features), -bound, bound))
        self.bias = Parameter(init.uniform((out_features,), -bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        rows = check.elements("Linear", "x", input_shape) // self.in_features
        return rows * self.in_features * self.out_features

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


def illustrate(ax: Any) -> None:
    r"""One unit with two inputs: y is a plane over them, $w$ points where it rises fastest, and b shifts it. The dashed
    line, at a right angle to $w$, is where y = 0: what one unit can tell apart lies on its two sides."""
    w, b = np.array([1.0, 0.5]), -0.4
    side = np.linspace(-2, 2, 41)
    x = np.stack(np.meshgrid(side, side), axis=-1)  # (41, 41, D)
    y = linear(Tensor(x), Tensor(w[None]), Tensor(np.array([b]))).numpy()[..., 0]
    image = ax.contourf(side, side, y, levels=12, cmap="PuOr")
    ax.contour(side, side, y, levels=[0], linestyles="dashed", colors="C2")
    ax.annotate("", w, (0, 0), arrowprops={"arrowstyle": "->", "color": "#222222"})  # on a fill that is always light
    ax.text(*1.1 * w, "w", color="#222222")
    ax.figure.colorbar(image, label="y")
    ax.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal")
