r"""Batch norm: the sums over every channel, and what becomes of every number of it.

    for c:                                                      every channel, all of its n, l
        mean[c], var[c] = those of x[n, c, l]
        r[c] = 1 / sqrt(var[c] + eps)
        for n, l:
            y[n, c, l] = a * (x[n, c, l] - mean[c]) + bias[c]               with a = weight[c] * r[c]
    for c:
        db[c] = sum of dy[n, c, l]
        dw[c] = sum of dy[n, c, l] * (x[n, c, l] - mean[c]), times r[c]
        for n, l:
            dx[n, c, l] = a * dy[n, c, l] + g * (x[n, c, l] - mean[c]) + k  with g = -a r[c] dw[c] / n, k = -a db[c] / n

(g = k = 0 where mean and var are constants.) Such loops wait for memory. What counts is how often x is read, which is
twice forward and twice backward. Mean and variance take one reading: with S and Q, the sums of x - x0 and of its
square, mean = x0 + S / n and var = Q / n - (S / n)^2. Digits are lost in that difference where x0 lies far out; but x0
is one of the n values, therefore (x0 - mean)^2 <= n var: of the 16 digits of a sum in float64 at most log10(n).

An image lies in memory in one of two ways. As planes, (N, C, L): a loop runs along a plane, with the numbers of its
channel in registers; and since the planes of one channel are done before the next one begins, their second reading
may find them in the processor's cache. As rows, (N * L, C): a loop runs over channels, with as many sums at once. A row
of few channels makes too short a loop, so several are taken as one, W numbers wide, where the numbers of a channel are
repeated. (So are planes of few places.) There the sums of BLOCK rows are in x's own type, and those of blocks in
float64; x0 is the middle one of three values, so that a single one far out does no harm.

Shards own channels, or rows; where they add up rows, each has sums of its own.

Shapes: x, y, dy, dx (N, C), (N, C, L) or (N, C, H, W); everything else (C,).
"""

import math
from typing import Any

import numpy as np

from minidl.backend import REFERENCE, channels_last, on_gpu, xp_of
from minidl.jit import njit
from minidl.kernels.image import new_image
from minidl.threads import shards_for, share

WIDE = 256  # numbers in a row that are worth a loop
FEW = 100  # numbers in a plane that are not
BLOCK = 16
TIME = 0.4  # nanoseconds for each number, in any of the passes


# ---- reference ----
def normalised_ref(xp: Any, x: Any, w: Any, b: Any, eps: float, mean: Any = None, var: Any = None) -> tuple:
    shape = x.shape
    x = x.reshape(*shape[:2], math.prod(shape[2:]))  # (N, C, L)
    mean = x.mean(axis=(0, 2), dtype="float64").astype(x.dtype) if mean is None else mean
    x = x - mean[:, None]
    var = (x * x).mean(axis=(0, 2), dtype="float64").astype(x.dtype) if var is None else var
    r = 1 / xp.sqrt(var + x.dtype.type(eps))
    return ((w * r)[:, None] * x + b[:, None]).reshape(shape), mean, var, r


def normalised_grad_ref(xp: Any, dy: Any, x: Any, mean: Any, r: Any, w: Any, constant: bool) -> tuple:
    shape = x.shape
    dy, x = (v.reshape(*shape[:2], math.prod(shape[2:])) for v in (dy, x))
    x = x - mean[:, None]
    db = dy.sum(axis=(0, 2), dtype="float64").astype(x.dtype)
    dw = (dy * x).sum(axis=(0, 2), dtype="float64").astype(x.dtype) * r
    n, a = len(x) * x.shape[2], w * r
    dx = a[:, None] * dy
    if not constant:
        dx += (-a * r * dw / n)[:, None] * x + (-a * db / n)[:, None]
    return dx.reshape(shape), dw, db


# ---- CPU: one channel ----
@njit
def moments_of(x0, S, Q, n):
    """Mean and variance of n numbers, from the sums of what they differ by from x0, and of its squares."""
    S, Q = S / n, Q / n
    var = Q - S * S
    return x0 + S, 0.0 if var < 0 else var  # in this form a NaN stays


@njit
def factors_of(S, Q, n, r, w, constant):
    """dw, db, and the a, g, k of dx."""
    a, dw = w * r, Q * r
    if constant:
        return dw, S, a, 0.0, 0.0
    return dw, S, a, -a * r * dw / n, -a * S / n


# ---- CPU: planes (N, C, L) ----
@njit(fastmath={"contract", "reassoc"})
def plane_sums(u, x, p, m):
    S, Q = 0.0, 0.0
    for j in range(len(u)):
        d = u[j] - p  # p and m are float64, and so is d
        S += d
        Q += d * (x[j] - m)
    return S, Q


@njit(fastmath={"contract"})
def planes_cpu(shard, shards, x, w, b, eps, constant, mean, var, r, y):
    N, C, L = x.shape
    T = x.dtype.type
    for c in range(shard * C // shards, (shard + 1) * C // shards):
        if not constant:
            first, S, Q = np.float64(x[0, c, 0]), 0.0, 0.0
            for n in range(N):
                s, q = plane_sums(x[n, c], x[n, c], first, first)
                S, Q = S + s, Q + q
            mean[c], var[c] = moments_of(first, S, Q, N * L)
        r[c] = 1 / np.sqrt(var[c] + eps)
        m, a_c, b_c = mean[c], T(w[c] * r[c]), b[c]
        for n in range(N):
            v, out = x[n, c], y[n, c]
            for j in range(len(v)):
                out[j] = a_c * (v[j] - m) + b_c


@njit(fastmath={"contract"})
def planes_grad_cpu(shard, shards, dy, x, mean, r, w, constant, dw, db, dx):
    N, C, L = x.shape
    T = x.dtype.type
    for c in range(shard * C // shards, (shard + 1) * C // shards):
        m, S, Q = mean[c], 0.0, 0.0
        for n in range(N):
            s, q = plane_sums(dy[n, c], x[n, c], 0.0, np.float64(m))
            S, Q = S + s, Q + q
        dw[c], db[c], a, g, k = factors_of(S, Q, N * L, r[c], w[c], constant)
        a, g, k = T(a), T(g), T(k)
        for n in range(N):
            d, v, out = dy[n, c], x[n, c], dx[n, c]
            if constant:
                for j in range(len(v)):
                    out[j] = a * d[j]
            else:
                for j in range(len(v)):
                    out[j] = a * d[j] + g * (v[j] - m) + k


# ---- CPU: rows of W numbers; that of channel c stands at every w with w // inner % C == c ----
@njit(fastmath={"contract"})
def row_sums_cpu(shard, shards, u, x, p, m, S, Q, s, q):
    W = len(p)
    rows = -(-len(x) // W)
    S, Q, s, q = S[shard], Q[shard], s[shard], q[shard]
    S[:] = 0
    Q[:] = 0
    begin, end = shard * rows // shards, (shard + 1) * rows // shards
    for block in range(begin, end, BLOCK):
        s[:] = 0
        q[:] = 0
        for row in range(block, min(block + BLOCK, end)):
            a, b = u[row * W : (row + 1) * W], x[row * W : (row + 1) * W]
            for j in range(len(a)):
                d = a[j] - p[j]
                s[j] += d
                q[j] += d * (b[j] - m[j])
        for j in range(W):
            S[j] += s[j]
            Q[j] += q[j]


@njit
def row_numbers_cpu(p, S, Q, n, inner, w, b, eps, constant, mean, var, r, wide):
    """From the sums of all shards to mean, var and r, and to the mean, a and b of a row."""
    C, W = len(w), wide.shape[1]
    for c in range(C):
        if not constant:
            s, q = channel_sum(S, c, C, inner), channel_sum(Q, c, C, inner)
            mean[c], var[c] = moments_of(np.float64(p[c]), s, q, n)
        r[c] = 1 / np.sqrt(var[c] + eps)
        for o in range(c * inner, W, C * inner):
            for j in range(o, o + inner):
                wide[0, j], wide[1, j], wide[2, j] = mean[c], w[c] * r[c], b[c]


@njit
def row_factors_cpu(S, Q, n, inner, r, w, constant, dw, db, wide):
    """From the sums of all shards to dw and db, and to the a, g and k of a row."""
    C, W = len(w), wide.shape[1]
    for c in range(C):
        s, q = channel_sum(S, c, C, inner), channel_sum(Q, c, C, inner)
        dw[c], db[c], a, g, k = factors_of(s, q, n, r[c], w[c], constant)
        for o in range(c * inner, W, C * inner):
            for j in range(o, o + inner):
                wide[0, j], wide[1, j], wide[2, j] = a, g, k


@njit
def channel_sum(S, c, C, inner):
    total = 0.0
    for shard in range(len(S)):
        for o in range(c * inner, S.shape[1], C * inner):
            for j in range(o, o + inner):
                total += S[shard, j]
    return total


@njit(fastmath={"contract"})
def scale_rows_cpu(shard, shards, x, wide, y):
    m, a, b, W = wide[0], wide[1], wide[2], wide.shape[1]
    rows = -(-len(x) // W)
    for row in range(shard * rows // shards, (shard + 1) * rows // shards):
        v, out = x[row * W : (row + 1) * W], y[row * W : (row + 1) * W]
        for j in range(len(v)):
            out[j] = a[j] * (v[j] - m[j]) + b[j]


@njit(fastmath={"contract"})
def combine_rows_cpu(shard, shards, dy, x, m, wide, constant, dx):
    a, g, k, W = wide[0], wide[1], wide[2], wide.shape[1]
    rows = -(-len(x) // W)
    for row in range(shard * rows // shards, (shard + 1) * rows // shards):
        d, v, out = dy[row * W : (row + 1) * W], x[row * W : (row + 1) * W], dx[row * W : (row + 1) * W]
        if constant:
            for j in range(len(d)):
                out[j] = a[j] * d[j]
        else:
            for j in range(len(d)):
                out[j] = a[j] * d[j] + g[j] * (v[j] - m[j]) + k[j]


# ---- GPU: the reference ----


# ---- what layers call ----
def normalised(x: Any, w: Any, b: Any, eps: float, mean: Any = None, var: Any = None) -> tuple:
    r"""y, lying in memory as x does, and the mean, var and r of every channel; mean and var may be given.

    >>> y, mean, var, r = normalised(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([10.0]), eps=0.0)
    >>> y.ravel(), mean, var, r
    (array([ 8., 12.]), array([2.]), array([1.]), array([1.]))
    """
    if REFERENCE or on_gpu(x) or not x.size:
        return normalised_ref(xp_of(x), x, w, b, eps, mean, var)
    (x, out), n, inner, repeats, y = _laid_out(x)
    C, shards, constant = len(w), shards_for(TIME * x.size), mean is not None
    mean, var, r = (mean, var, np.empty_like(mean)) if constant else np.empty((3, C), x.dtype)
    if not repeats:
        share(planes_cpu, min(shards, C), x, w, b, eps, constant, mean, var, r, out)
        return y, mean, var, r
    p, S, Q = w, *np.empty((2, 0, 0))
    if not constant:
        p = _typical(x, C * inner)[::inner].copy()
        S, Q = _row_sums(x, x, *[_repeated(p, inner, repeats)] * 2, shards)
    wide = np.empty((3, C * inner * repeats), x.dtype)
    row_numbers_cpu(p, S, Q, n, inner, w, b, eps, constant, mean, var, r, wide)
    share(scale_rows_cpu, shards, x, wide, out)
    return y, mean, var, r


def normalised_grad(dy: Any, x: Any, mean: Any, r: Any, w: Any, constant: bool) -> tuple:
    r"""dx, lying in memory as x does, dw and db; constant: whether mean and var were given.

    >>> dy, x, two, one = np.array([[4.0], [8.0]]), np.array([[1.0], [3.0]]), np.array([2.0]), np.array([1.0])
    >>> dx, dw, db = normalised_grad(dy, x, two, one, two, True)
    >>> dx.ravel(), dw, db
    (array([ 8., 16.]), array([4.]), array([12.]))
    """
    if REFERENCE or on_gpu(x) or not x.size:
        return normalised_grad_ref(xp_of(x), dy, x, mean, r, w, constant)
    (dy, x, out), n, inner, repeats, dx = _laid_out(dy, x)
    C, shards = len(w), shards_for(TIME * x.size)
    dw, db = np.empty((2, C), x.dtype)
    if not repeats:
        share(planes_grad_cpu, min(shards, C), dy, x, mean, r, w, constant, dw, db, out)
        return dx, dw, db
    m = _repeated(mean, inner, repeats)
    S, Q = _row_sums(dy, x, np.zeros_like(m), m, shards)
    wide = np.empty((3, len(m)), x.dtype)
    row_factors_cpu(S, Q, n, inner, r, w, constant, dw, db, wide)
    share(combine_rows_cpu, shards, dy, x, m, wide, constant, out)
    return dx, dw, db


def _row_sums(u: Any, x: Any, p: Any, m: Any, shards: int) -> tuple:
    S, Q = np.empty((2, shards, len(p)))
    s, q = np.empty((2, shards, len(p)), x.dtype)
    share(row_sums_cpu, shards, u, x, p, m, S, Q, s, q)
    return S, Q


def _typical(x: Any, W: int) -> Any:
    """The middle one, at every place of a row of W, of the values of the first, the middle and the last row."""
    a, b, c = (x[row * W : (row + 1) * W] for row in (0, len(x) // W // 2, len(x) // W - 1))
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _repeated(v: Any, inner: int, repeats: int) -> Any:
    return np.broadcast_to(v[None, :, None], (repeats, len(v), inner)).reshape(-1)


def _laid_out(*arrays: Any) -> tuple:
    """The arrays, and room for a result, as planes (N, C, L), or as rows in one line; how many numbers a channel has;
    how many of them are side by side; how often a row repeats its channels (0: planes); the result in its shape."""
    x = arrays[-1]
    N, C, *places = x.shape
    last = x.ndim == 4 and channels_last(x)
    inner = 1 if last else math.prod(places)
    repeats = -(-WIDE // (C * inner)) if inner < FEW else 0
    y = new_image(x.shape, x.dtype) if last else np.empty(x.shape, x.dtype)
    arrays = [v.transpose(0, 2, 3, 1) if last else v for v in (*arrays, y)]
    arrays = [np.ascontiguousarray(v).reshape(-1 if repeats else (N, C, inner)) for v in arrays]
    return arrays, x.size // C, inner, repeats, y
