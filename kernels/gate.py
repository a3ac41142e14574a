r"""Gate: numbers that go through where others are positive, and are times a elsewhere.

    for i:
        y[i] = v[i] if x[i] > 0 else a * v[i]

With v = x this is a leaky ReLU; with v = dy, the gradient of one, and with a = 0 that of a ReLU. To choose a number is
one instruction to a vector unit, which computes both. In array code it takes a pass over memory for the comparison, one
for the product and one for the choice, and the last one jumps at every number.

Shards own stretches of the numbers, in the order in which x lies in memory. Shapes: x, v, y any.
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, channels_last, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.kernels.image import new_image
from minidl.threads import shards_for, share

TIME = 0.4  # nanoseconds for each number


# ---- reference ----
def gate_ref(xp: Any, x: Any, v: Any, a: float) -> Any:
    return xp.where(x > 0, v, a * v)


# ---- CPU ----
@njit
def gate_cpu(shard, shards, x, v, a, y):
    begin, end = shard * len(x) // shards, (shard + 1) * len(x) // shards
    x, v, y = x[begin:end], v[begin:end], y[begin:end]
    for i in range(len(x)):
        low = a * v[i]
        y[i] = v[i] if x[i] > 0 else low


# ---- GPU ----
GATE_GPU = ("T x, T v, T a", "T y", "y = x > 0 ? v : a * v;", "minidl_gate")


# ---- what layers call ----
def gate(x: Any, v: Any, a: float = 0.0) -> Any:
    r"""v where x > 0, else a * v, lying in memory as x does.

    >>> gate(np.array([-1.0, 0.0, 2.0]), np.array([10.0, 20.0, 30.0]), 0.5)
    array([ 5., 10., 30.])
    """
    if REFERENCE:
        return gate_ref(xp_of(x), x, v, a)
    if on_gpu(x):
        return elementwise(*GATE_GPU)(x, v, a)
    last = x.ndim == 4 and channels_last(x)
    y = new_image(x.shape, v.dtype) if last else np.empty(x.shape, v.dtype)
    x, v, out = (np.ascontiguousarray(u.transpose(0, 2, 3, 1) if last else u).reshape(-1) for u in (x, v, y))
    share(gate_cpu, shards_for(TIME * x.size), x, v, v.dtype.type(a), out)
    return y
