r"""LayerNorm: every row with mean 0 and variance 1, measured over its own features.

Like batch norm with the roles turned: the statistics of a row come from its D features, so they need no other row, and
training and evaluation are the same.

$$ \mu_n = \frac1D \sum_d x_{nd}, \qquad r_n = \Big(\frac1D \sum_d (x_{nd} - \mu_n)^2 + \epsilon\Big)^{-1/2}, \qquad
   \hat x = (x - \mu)\, r, \qquad y_{nd} = \gamma_d \hat x_{nd} + \beta_d $$

Backward. As derived in batch_norm.py, with sums over d in the place of sums over the batch. Here $\gamma$ differs from
term to term of those sums, so it stays inside of $d\hat x = \gamma\,dy$:

$$ dx = r \left( d\hat x - \frac1D \sum_d d\hat x_d - \hat x\,\frac1D \sum_d d\hat x_d\,\hat x_d \right), \qquad
   d\gamma = \sum_n dy\,\hat x, \qquad d\beta = \sum_n dy $$

Shapes: x and y (N, D), where D are the numbers of normalized_shape, the last axes, and N those of the others; w and b
(D,); r (N, 1); E numbers in x.

Source: Ba, Kiros and Hinton 2016, arXiv 1607.06450, equations 3 and 4.

Try it:
1. In `backward`, leave out the term with $\hat x$: the gradient check fails for x, in every row but that of D = 1
   (where dx is 0 anyway), and for weight and bias in none.
2. Give LayerNorm(2) any rows: y is 1 and -1, or -1 and 1. Of two numbers it leaves which one is larger, and no more.
3. Multiply 1000 normal rows of 8 by 0.1, 0.01 and 0.001: the standard deviation of y is 0.999, 0.93 and 0.28, since x
   has become as small as the root of $\epsilon$, 0.003. Multiply by 1000, and y changes by 0.0002 at most.
"""

import math
from typing import Any

import numpy as np

from minidl import check, init
from minidl.backend import xp_of
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class LayerNormFunction(Function):
    def __init__(self, normalized_shape: tuple[int, ...], eps: float):
        self.normalized_shape, self.eps = normalized_shape, eps

    def forward(self, x, w, b):
        self.shape = x.shape
        x = x.reshape(-1, math.prod(self.normalized_shape))  # (N, D)
        xhat = x - x.mean(axis=1, keepdims=True)
        r = 1 / xp_of(x).sqrt((xhat * xhat).mean(axis=1, keepdims=True) + self.eps)  # (N, 1)
        xhat *= r
        self.save(xhat, r, w)
        y = xhat if w is None else xhat * w.reshape(-1)
        y = y if b is None else y + b.reshape(-1)
        return y.reshape(self.shape)

    def backward(self, dy):
        xhat, r, w = self.saved
        dy = dy.reshape(xhat.shape)
        dxhat = dy if w is None else dy * w.reshape(-1)
        dx = dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)
        dw = (dy * xhat).sum(axis=0).reshape(self.normalized_shape)
        db = dy.sum(axis=0).reshape(self.normalized_shape)
        return (dx * r).reshape(self.shape), dw, db


def layer_norm(
    x: Tensor,
    normalized_shape: int | tuple,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    r"""Normalise the last axes of x, which must be `normalized_shape`. ShapeError where sizes do not fit.

    >>> layer_norm(Tensor([[1.0, 3.0], [10.0, 30.0]]), 2).numpy().round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """
    check.floats("layer_norm", "x", x)
    shape = _sizes("layer_norm", normalized_shape)
    eps = check.number("layer_norm", "eps", eps, above=0)
    if tuple(x.shape[-len(shape) :]) != shape:
        raise check.ShapeError(f"layer_norm: x must end in normalized_shape={shape}, got shape {x.shape}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is None:
            continue
        check.tensor("layer_norm", name, value)
        if tuple(value.shape) != shape:
            raise check.ShapeError(f"layer_norm: {name} must have shape normalized_shape={shape}, got {value.shape}")
    check.one_dtype("layer_norm", x, weight, bias)
    return LayerNormFunction(shape, eps)(x, weight, bias)


class LayerNorm(Module):
    r"""Layer normalisation over the last axes.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LayerNorm` | the layer | `nn.LayerNorm` | `LayerNormalization` |
    | `normalized_shape` | the sizes of the last axes of x, an int for one | `normalized_shape` | `axis`, which axes |
    | `eps` | $\epsilon$, added to the variance | `eps` | `epsilon` (0.001 unless given) |
    | `elementwise_affine` | whether there is $\gamma$ (`weight`, from 1) | `elementwise_affine` | `scale` |
    | `bias` | and beside it $\beta$ (`bias`, from 0) | `bias` | `center` |

    | cost | formula |
    |---|---|
    | parameters | $2 D$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E + 4 N$ |

    >>> from minidl import Tensor, nn
    >>> nn.LayerNorm(2)(Tensor([[1.0, 3.0]])).numpy().round(3)
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self, normalized_shape: int | tuple, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True
    ):
        self.normalized_shape = _sizes("LayerNorm", normalized_shape)
        self.eps = check.number("LayerNorm", "eps", eps, above=0)
        self.elementwise_affine = check.option("LayerNorm", "elementwise_affine", elementwise_affine, (True, False))
        check.option("LayerNorm", "bias", bias, (True, False))
        self.weight = Parameter(init.ones(self.normalized_shape)) if elementwise_affine else None
        self.bias = Parameter(init.zeros(self.normalized_shape)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


def _sizes(who: str, normalized_shape: int | tuple) -> tuple[int, ...]:
    values = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    if not values:
        raise ValueError(f"{who}: normalized_shape must name at least one axis, got {normalized_shape!r}")
    return check.ints(who, "normalized_shape", values, len(values))


def illustrate(ax: Any) -> None:
    r"""Left: the gradient of a single y (row 3, feature 2) with respect to all x: it looks at its own row only. Right:
    one curve of 40 features, at four sizes and four heights (four rows of x), and y: the four have become one, drawn
    below in one colour over the other. How large a row is and where it lies is forgotten; its form stays."""
    ax.axis("off")
    seen, rows, same = (ax.inset_axes(box) for box in ([0, 0, 0.3, 1], [0.44, 0.56, 0.56, 0.44], [0.44, 0, 0.56, 0.4]))
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(8, 5)), requires_grad=True)
    layer_norm(x, 5)[3, 2].backward()
    seen.imshow(x.grad, cmap="PuOr", vmin=-1, vmax=1, aspect="auto", interpolation="none")
    seen.set(xlabel="feature", ylabel="row of the batch")
    x = Tensor(rng.normal(size=40).cumsum() * np.array([[1], [0.5], [0.2], [2]]) + [[0], [8], [14], [-4]])
    rows.plot(x.numpy().T)
    rows.set(ylabel="x", xticklabels=[])
    for y, width in zip(layer_norm(x, 40).numpy(), (8, 5.5, 3.5, 1.5), strict=True):
        same.plot(y, linewidth=width)
    same.set(xlabel="feature", ylabel="y")
