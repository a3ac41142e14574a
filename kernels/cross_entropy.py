r"""Cross entropy of rows of logits with class numbers, and its gradient, in one pass over the rows.

    for i:                                                          every row, M of them
        m = max over k of x[i, k]
        for k:
            e[k] = exp(x[i, k] - m)
        s = sum over k of e[k]                                      at least 1
        with u[k] = log(s) - (x[i, k] - m)                          -log of the probability of k
        l[i] = c[i] * ((1 - epsilon) w[t] u[t] + epsilon / K * (sum over k of w[k] u[k]))            with t = t[i]
        for k:
            dx[i, k] = c[i] * (a e[k] / s - epsilon / K * w[k] - ((1 - epsilon) w[t] for k = t))
                                                                    with a = (1 - epsilon) w[t] + epsilon / K * sum(w)

Rows with t = -1 have no loss and no gradient; c[i] is what the loss of a row counts. The gradient of the sum of l is
known as soon as a row is. So it is written at once, while the row is in the processor's nearest memory, and the
exponentials are made of vector instructions (minidl/scalar.py) and only once. Backward it is there, and is multiplied
by what the loss itself counts, which is 1 most often.

A maximum is not an associative operation to a compiler that must think of NaN, so it makes no vector of its loop. Eight
maxima of every eighth number are asked for in so many words. Sums of exponentials are added up in x's own type along
PART of a row, and in float64 from part to part.

Shards own rows. Shapes: x, dx (M, K); t, l (M,); c (M,), or (1,) for all rows; w (K,), or (0,) where all weights are 1.
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, on_gpu, xp_of
from minidl.jit import njit
from minidl.scalar import exponential
from minidl.threads import shards_for, share

PART = 4096
TIME = 0.8  # nanoseconds for each logit


# ---- reference ----
def losses_ref(xp: Any, x: Any, t: Any, w: Any, epsilon: float, c: Any) -> tuple:
    M, K = x.shape
    w = w if len(w) else xp.ones(K, x.dtype)
    x = x - x.max(axis=1, keepdims=True)
    e = xp.exp(x)
    s = e.sum(axis=1, keepdims=True)
    u = xp.log(s) - x
    counts = t >= 0
    at_t = xp.arange(M), xp.where(counts, t, 0)
    w_t, spread = (1 - epsilon) * w[at_t[1]], epsilon / K * w
    l = w_t * u[at_t]
    if epsilon:
        l += u @ spread
    dx = (w_t + spread.sum())[:, None] * (e / s) - spread
    dx[at_t] -= w_t
    return xp.where(counts, c * l, 0), xp.where(counts[:, None], c[:, None] * dx, 0)


# ---- CPU ----
@njit
def largest(v):
    a = b = c = d = e = f = g = h = v[0]
    n = len(v) // 8 * 8
    for o in range(0, n, 8):
        u = v[o : o + 8]
        a = u[0] if u[0] > a else a
        b = u[1] if u[1] > b else b
        c = u[2] if u[2] > c else c
        d = u[3] if u[3] > d else d
        e = u[4] if u[4] > e else e
        f = u[5] if u[5] > f else f
        g = u[6] if u[6] > g else g
        h = u[7] if u[7] > h else h
    a, b, c, d = max(a, e), max(b, f), max(c, g), max(d, h)
    a = max(max(a, b), max(c, d))
    for j in range(n, len(v)):
        a = v[j] if v[j] > a else a
    return a


@njit(fastmath={"contract", "reassoc"})
def part_of_sum(v, m, e):
    S = m - m  # 0, in its type
    for j in range(len(v)):
        e[j] = exponential(v[j] - m)
        S += e[j]
    return S


@njit(fastmath={"contract", "reassoc"})
def weighted_sum(v, m, w):
    S = 0.0
    if len(w):
        for j in range(len(v)):
            S += w[j] * (v[j] - m)
    else:
        for j in range(len(v)):
            S += v[j] - m
    return S


@njit(fastmath={"contract"})
def losses_cpu(shard, shards, x, t, w, epsilon, c, l, dx):
    M, K = x.shape
    T = x.dtype.type
    gradient = len(dx) == M
    W = float(K)
    if len(w):
        W = 0.0
        for j in range(K):
            W += w[j]
    row = np.empty(K, x.dtype)
    for i in range(shard * M // shards, (shard + 1) * M // shards):
        v, e = x[i], dx[i] if gradient else row
        if t[i] < 0:
            l[i] = 0
            e[:] = 0
            continue
        m, s = largest(v), 0.0
        for o in range(0, K, PART):
            s += part_of_sum(v[o : o + PART], m, e[o : o + PART])
        log_s, c_i = np.log(s), np.float64(c[i if len(c) > 1 else 0])
        w_t = (1 - epsilon) * (w[t[i]] if len(w) else 1.0)
        loss = w_t * (log_s - (np.float64(v[t[i]]) - m))
        if epsilon:
            loss += epsilon / K * (W * log_s - weighted_sum(v, np.float64(m), w))
        l[i] = c_i * loss
        if gradient:
            a, b = T(c_i * (w_t + epsilon / K * W) / s), T(c_i * epsilon / K)
            if epsilon and len(w):
                for j in range(K):
                    e[j] = a * e[j] - b * w[j]
            else:
                for j in range(K):
                    e[j] = a * e[j] - b
            e[t[i]] -= T(c_i * w_t)


# ---- GPU: the reference ----


# ---- what layers call ----
def losses(x: Any, t: Any, w: Any, epsilon: float, c: Any, gradient: bool = True) -> tuple:
    r"""The losses times c, a number or (M,), and the gradient of their sum (or None).

    >>> l, dx = losses(np.array([[0.0, 1.0]]), np.array([1]), np.array([]), 0.0, 10)
    >>> l.round(3), dx.round(3)
    (array([3.133]), array([[ 2.689, -2.689]]))
    """
    xp = xp_of(x)
    c = xp.asarray(c, x.dtype).reshape(-1)
    if REFERENCE or on_gpu(x):
        return losses_ref(xp, x, t, w, epsilon, c)
    l, dx = np.empty(len(x), x.dtype), np.empty(x.shape if gradient else (0, 0), x.dtype)
    share(losses_cpu, shards_for(TIME * x.size), np.ascontiguousarray(x), t, w, epsilon, c, l, dx)
    return l, dx
