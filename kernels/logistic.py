r"""Logistic: the sigmoid of many numbers, $\sigma(x) = 1 / (1 + e^{-x})$.

    for i:
        e = exponential(-|x[i]|)                    never above 1: e^-x itself overflows for x << 0
        y[i] = (1 if x[i] >= 0 else e) / (1 + e)

since for x < 0, with $e = e^x$, $\sigma = 1 / (1 + 1 / e) = e / (1 + e)$. So it is exact on both sides, down to the
smallest number that there is, and a NaN stays one.

In array code this is seven passes over memory. Here it is one, and all of it, with the exponential that
`minidl/scalar.py` makes of + - * /, stays in vector registers. There is no body for the GPU, where CuPy runs the
reference.

Shards own stretches of the numbers, in the order in which x lies in memory. Shapes: x, y any.
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, on_gpu, xp_of
from minidl.jit import njit
from minidl.scalar import exponential
from minidl.threads import shards_for, share

TIME = 1.0  # nanoseconds for each number


# ---- reference ----
def logistic_ref(xp: Any, x: Any) -> Any:
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


# ---- CPU ----
@njit
def logistic_cpu(shard, shards, x, y):
    begin, end = shard * len(x) // shards, (shard + 1) * len(x) // shards
    x, y = x[begin:end], y[begin:end]
    one = x.dtype.type(1)
    for i in range(len(x)):
        e = exponential(-abs(x[i]))
        y[i] = (one if x[i] >= 0 else e) / (one + e)


# ---- what layers call ----
def logistic(x: Any) -> Any:
    r"""$1 / (1 + e^{-x})$ of an array of floats, in the layout of x where that lies in one piece.

    >>> logistic(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    if REFERENCE or on_gpu(x):
        return logistic_ref(xp_of(x), x)
    y = np.empty_like(x)
    if y.strides != x.strides:  # a part of an array, one turned round, or one repeated
        x, y = x.copy(), np.empty(x.shape, x.dtype)
    share(logistic_cpu, shards_for(TIME * x.size), x.ravel("K"), y.ravel("K"))  # as they lie in memory
    return y
