r"""Masking: where a sequence is padded, said by the data themselves.

A step of x (N, T, ...) is padding if every one of its numbers is the value v. It then becomes 0, and False in the mask
that `Sequential` hands on to the layers that take one:

$$ m_{nt} = \big[\,x_{ntd} \ne v \text{ for some } d\,\big], \qquad y_{ntd} = m_{nt}\, x_{ntd} $$

Backward. m changes only where a whole step becomes v or stops being it, and is taken as constant:

$$ dx_{ntd} = m_{nt}\, dy_{ntd} $$

v may be NaN, the natural mark of a missing measurement. NaN equals nothing, not even itself, and NaN times 0 is NaN, so
this one is asked for by `isnan`, and what is masked is replaced, not multiplied.

Shapes: x and y (N, T, D), or with more axes behind T; m (N, T, 1), the mask itself (N, T), True at the real steps.

Source: Chollet et al. 2015, Keras.

Try it:
1. In `forward`, return `m * x`: for `Masking(float("nan"))` the padding in y is NaN and no longer 0.
2. In `real_steps`, ask for `.all(`: the gradient check passes, since no step of its examples holds the value, but the
   doctest below fails, for its step (-1, 2) is taken for padding. What no example shows, no check sees.
3. Pad 4 steps to 7 with -1: `Sequential(Masking(-1.0), LSTM(3, 4))` returns, bit by bit, what the LSTM returns for the
   4 alone. The LSTM without Masking returns something else, by 0.3 to 0.5.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.mask import both, input_known
from minidl.nn.module import Module
from minidl.nn.simple_rnn import rnn
from minidl.tensor import Function, Tensor


class MaskingFunction(Function):
    def __init__(self, value: float):
        self.value = value

    def forward(self, x):
        m = real_steps(x, self.value)
        self.save(m)
        return xp_of(x).where(m, x, 0)

    def backward(self, dy):
        (m,) = self.saved
        return xp_of(dy).where(m, dy, 0)


def real_steps(x: Any, value: float) -> Any:
    r"""Whether a step of x (N, T, ...) has a number other than value, for every step: (N, T, 1, ...)."""
    differs = ~xp_of(x).isnan(x) if math.isnan(value) else x != value
    return differs.any(axis=tuple(range(2, x.ndim)), keepdims=True)


class Masking(Module):
    r"""Masks the steps of x (N, T, ...) at which all numbers equal `value`, compared in the dtype of x; NaN is a value.

    A mask that x has already is kept: what is real then is real for both. ShapeError for an x of fewer than 3 axes.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Masking` | the layer | none | `Masking` |
    | `value` | v, which fills the steps that are padding | none | `mask_value` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $N T$ |

    >>> from minidl import Tensor, nn
    >>> layer = nn.Masking(-1.0)
    >>> x = Tensor([[[-1.0, -1.0], [-1.0, 2.0]]])
    >>> layer(x).numpy(), layer.compute_mask(x)
    (array([[[ 0.,  0.],
            [-1.,  2.]]], dtype=float32), array([[False,  True]]))
    """

    def __init__(self, value: float = 0.0):
        if not (isinstance(value, float | np.floating) and math.isnan(value)):
            largest = float(np.finfo(np.float32).max)
            value = check.number("Masking", "value", value, low=-largest, high=largest)
        self.value = float(value)

    def forward(self, x: Tensor) -> Tensor:
        _steps(x)
        return MaskingFunction(self.value)(x)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        _steps(input_known("Masking", x))
        array = x._data if isinstance(x, Tensor) else x
        return both("Masking", real_steps(array, self.value).reshape(x.shape[:2]), mask, x)

    def extra_repr(self) -> str:
        return f"value={self.value}"


def _steps(x: Any) -> None:
    check.floats("Masking", "x", x)
    if len(x.shape) < 3:
        raise check.ShapeError(f"Masking: x must have shape (N, T, ...) with numbers at each step, got {x.shape}")


def illustrate(ax: Any) -> None:
    r"""Sequences of different lengths, padded with v = -1 (dark): x, the mask that Masking makes of it (light: real),
    and the state h of a SimpleRNN that reads it. With the mask (lines) each state stays at what it was after its last
    real step; without it (dashed) padding is read like data, and wipes the state out."""
    rng, lengths = np.random.default_rng(0), np.array([20, 12, 7])
    x = np.where(np.arange(20) < lengths[:, None], rng.uniform(0, 1, (3, 20)), -1.0)[..., None]  # (N, T, 1)
    layer = Masking(-1.0)
    m = layer.compute_mask(x)
    ax.axis("off")
    for bottom, image in ((0.82, x[..., 0]), (0.6, m)):
        a = ax.inset_axes([0.07, bottom, 0.9, 0.16])
        a.imshow(image, cmap="viridis", aspect="auto")
        a.set(xticks=[], yticks=[0, 1, 2], ylabel="mask" if image is m else "x")
    a = ax.inset_axes([0.07, 0.04, 0.9, 0.5])
    w, u = Tensor(np.array([[1.0]])), Tensor(np.array([[0.8]]))
    for values, mask, style in ((layer(Tensor(x)), m, "-"), (Tensor(x), None, "--")):
        h = rnn(values, w, u, mask=mask)[0].numpy()[..., 0]
        for n in (0, 1, 2):
            a.plot(h[n], style, color=f"C{n}")
    a.set(xlabel="t", ylabel="h", xlim=(-0.5, 19.5), xticks=range(0, 20, 5))
