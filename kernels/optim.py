r"""The steps of the optimisers: one pass over a parameter, in place of a chain of array operations.

    for i in shard:                         a part of the parameter, seen as one row of n numbers
        m[i] = b1*m[i] + (1 - b1)*g[i]          (Adam; the others alike)
        v[i] = b2*v[i] + (1 - b2)*g[i]*g[i]
        w[i] = w[i] - a*m[i] / (sqrt(v[i])*r + eps)

Written with whole arrays, Adam's step is 14 operations: each reads one or two arrays and writes one, fresh memory most
of the time, which makes 33 arrays that go through the processor. The loop reads w, g, m, v and writes w, m, v: 7. As a
step has little to compute, that is what it costs. Only the division and the root are slow enough to count beside it:
hence one division for each i; what is the same for all i is divided in front.

Every number of the loop is computed as in the reference, in the same order: the results are equal bit for bit. There is
no body for the GPU, where CuPy runs the reference.

Shapes: all arrays have the shape of the parameter w; g is its gradient, which stays as it is, and the others, which
change along with w, are what the method remembers. The formulas are derived in minidl/optim/, one file a method.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import REFERENCE, xp_of
from minidl.jit import njit
from minidl.threads import shards_for, share


# ---- reference ----
def sgd_ref(w: Any, g: Any, v: Any, lr: float, momentum: float, decay: float, nesterov: bool) -> None:
    if decay:
        g = g + decay * w
    if momentum:
        v *= momentum
        v += g
        g = g + momentum * v if nesterov else v
    w -= lr * g


def adagrad_ref(w: Any, g: Any, s: Any, lr: float, decay: float, eps: float) -> None:
    if decay:
        g = g + decay * w
    s += g * g
    w -= lr * g / (xp_of(w).sqrt(s) + eps)


def rmsprop_ref(w: Any, g: Any, s: Any, m: Any, v: Any, lr: float, a: float, b: float, momentum: float,
                decay: float, eps: float) -> None:  # fmt: skip
    xp, variance = xp_of(w), s
    if decay:
        g = g + decay * w
    s *= a
    s += b * g * g
    if m is not None:
        m *= a
        m += b * g
        variance = xp.maximum(s - m * m, 0)
    d = g / (xp.sqrt(variance) + eps)
    if v is not None:
        v *= momentum
        v += d
        d = v
    w -= lr * d


def adam_ref(w: Any, g: Any, m: Any, v: Any, a: float, r: float, b1: float, c1: float, b2: float, c2: float,
             decay: float, keep: float, eps: float) -> None:  # fmt: skip
    if decay:
        g = g + decay * w
    m *= b1
    m += c1 * g
    v *= b2
    v += c2 * g * g
    w *= keep
    w -= a * m / (xp_of(w).sqrt(v) * r + eps)


# ---- CPU ----
@njit
def _part(shard, shards, row):
    return row[shard * row.size // shards : (shard + 1) * row.size // shards]


@njit
def sgd_cpu(shard, shards, w, g, v, lr, momentum, decay, nesterov):
    T = w.dtype.type
    w, g, v = _part(shard, shards, w), _part(shard, shards, g), _part(shard, shards, v)
    lr, momentum, decay = T(lr), T(momentum), T(decay)
    for i in range(w.size):
        d = g[i]
        if decay != T(0):
            d = d + decay * w[i]
        if momentum != T(0):
            v[i] = momentum * v[i] + d
            d = d + momentum * v[i] if nesterov else v[i]
        w[i] = w[i] - lr * d


@njit
def adagrad_cpu(shard, shards, w, g, s, lr, decay, eps):
    T = w.dtype.type
    w, g, s = _part(shard, shards, w), _part(shard, shards, g), _part(shard, shards, s)
    lr, decay, eps = T(lr), T(decay), T(eps)
    for i in range(w.size):
        d = g[i]
        if decay != T(0):
            d = d + decay * w[i]
        s[i] = s[i] + d * d
        w[i] = w[i] - lr * d / (np.sqrt(s[i]) + eps)


@njit
def rmsprop_cpu(shard, shards, w, g, s, m, v, lr, a, b, momentum, decay, eps):
    T = w.dtype.type
    w, g = _part(shard, shards, w), _part(shard, shards, g)
    s, m, v = _part(shard, shards, s), _part(shard, shards, m), _part(shard, shards, v)
    lr, a, b, momentum, decay, eps = T(lr), T(a), T(b), T(momentum), T(decay), T(eps)
    centered = m.size > 0
    for i in range(w.size):
        d = g[i]
        if decay != T(0):
            d = d + decay * w[i]
        s[i] = a * s[i] + b * d * d
        variance = s[i]
        if centered:
            m[i] = a * m[i] + b * d
            variance = s[i] - m[i] * m[i]
            if variance < T(0):
                variance = T(0)
        d = d / (np.sqrt(variance) + eps)
        if momentum != T(0):
            v[i] = momentum * v[i] + d
            d = v[i]
        w[i] = w[i] - lr * d


@njit
def adam_cpu(shard, shards, w, g, m, v, a, r, b1, c1, b2, c2, decay, keep, eps):
    T = w.dtype.type
    w, g = _part(shard, shards, w), _part(shard, shards, g)
    m, v = _part(shard, shards, m), _part(shard, shards, v)
    a, r, b1, c1, b2, c2, decay, keep, eps = T(a), T(r), T(b1), T(c1), T(b2), T(c2), T(decay), T(keep), T(eps)
    for i in range(w.size):
        d = g[i]
        if decay != T(0):
            d = d + decay * w[i]
        m[i] = b1 * m[i] + c1 * d
        v[i] = b2 * v[i] + c2 * d * d
        w[i] = keep * w[i] - a * m[i] / (np.sqrt(v[i]) * r + eps)


# ---- what optimisers call ----
FEW = 1000  # numbers for which two operations of NumPy take less time than to call a compiled loop
_NOTHING = {np.dtype(name): np.empty(0, name) for name in ("float32", "float64")}


def sgd(w: Any, g: Any, v: Any, lr: float, momentum: float, decay: float, nesterov: bool) -> None:
    r"""One step of SGD; v is None for momentum = 0.

    >>> w = np.array([1.0, 2.0])
    >>> sgd(w, np.array([1.0, -1.0]), None, 0.5, 0.0, 0.0, False)
    >>> w
    array([0.5, 2.5])
    """
    if v is None and not decay and w.size < FEW:
        w -= lr * g
    else:
        _step(sgd_cpu, sgd_ref, w, g, (v,), (lr, momentum, decay, nesterov))


def adagrad(w: Any, g: Any, s: Any, lr: float, decay: float, eps: float) -> None:
    r"""One step of Adagrad.

    >>> w = np.array([1.0, 2.0])
    >>> adagrad(w, np.array([3.0, -4.0]), np.zeros(2), 0.5, 0.0, 0.0)
    >>> w
    array([0.5, 2.5])
    """
    _step(adagrad_cpu, adagrad_ref, w, g, (s,), (lr, decay, eps))


def rmsprop(w: Any, g: Any, s: Any, m: Any, v: Any, lr: float, a: float, momentum: float, decay: float,
            eps: float) -> None:  # fmt: skip
    r"""One step of RMSprop; m is None where it is not centered, v for momentum = 0.

    >>> w = np.array([1.0, 2.0])
    >>> rmsprop(w, np.array([3.0, -4.0]), np.zeros(2), None, None, 0.5, 0.75, 0.0, 0.0, 0.0)
    >>> w  # by 0.5 g / sqrt(0.25 g^2)
    array([0., 3.])
    """
    _step(rmsprop_cpu, rmsprop_ref, w, g, (s, m, v), (lr, a, 1 - a, momentum, decay, eps))


def adam(w: Any, g: Any, m: Any, v: Any, t: int, lr: float, betas: tuple, decay: float, keep: float,
         eps: float) -> None:  # fmt: skip
    r"""Step t = 1, 2, ... of Adam. decay: of w, in the gradient; keep: the part of w that AdamW's own decay leaves.

    >>> w = np.array([1.0, 2.0])
    >>> adam(w, np.array([3.0, -4.0]), np.zeros(2), np.zeros(2), 1, 0.5, (0.9, 0.75), 0.0, 1.0, 0.0)
    >>> w
    array([0.5, 2.5])
    """
    b1, b2 = betas
    a, r = lr / (1 - b1**t), 1 / math.sqrt(1 - b2**t)  # lr m_hat / sqrt(v_hat) = a m / (sqrt(v) r)
    _step(adam_cpu, adam_ref, w, g, (m, v), (a, r, b1, 1 - b1, b2, 1 - b2, decay, keep, eps))


def _step(cpu: Callable, ref: Callable, w: Any, g: Any, memory: tuple, options: tuple) -> None:
    """The compiled loop, for arrays of one shape and dtype of which those that change are rows in memory; else ref."""
    shape, dtype = w.shape, w.dtype
    fits = not REFERENCE and type(w) is np.ndarray and w.flags.c_contiguous and g.shape == shape and g.dtype == dtype
    rows = [w.ravel(), g.ravel()] if fits else []
    for a in memory:
        fits = fits and (a is None or (a.flags.c_contiguous and a.shape == shape and a.dtype == dtype))
        rows.append(_NOTHING[dtype] if a is None else a.ravel())
    if fits:
        share(cpu, shards_for(0.5 * w.size), *rows, *options)
    else:
        ref(w, g, *memory, *options)
