r"""Masking: where a sequence is padded, said by the data themselves.

A step of x (N, T, ...) is padding if every one of its numbers is the value v. It then becomes 0, and False in the mask
that `Sequential` hands on to the layers that take one:

$$ m_{nt} = \big[\,x_{ntd} \ne v \text{ for some } d\,\big], \qquad y_{ntd} = m_{nt}\, x_{ntd} $$

Backward. m changes only where a whole step becomes v or stops being it, and is taken as constant:

$$ dx_{ntd} = m_{nt}\, dy_{ntd} $$

v may be NaN, the natural mark of a missing measurement. NaN equals nothing, not even itself, and NaN times 0 is NaN, so
this one is asked for by `isnan`, and what is masked is replaced, not multiplied.

Shapes: x and y (N, T, ...), most often (N, T, D); the mask (N, T), True at the real steps. Chollet et al. 2015, Keras.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.mask import both, input_known
from minidl.nn.module import Module
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
