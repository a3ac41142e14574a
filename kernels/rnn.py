r"""The time loop of the simple recurrent network, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        a = x[t] w' + b + (k * h[t]) u'                         (N, D) @ (D, H), (N, H) @ (H, H)
        for n, j with m[n, t]:                                  a real step; at any other h stays
            h[t+1] = tanh(a)

    for t = T-1 ... 0:
        dh += dy[t]
        for n, j with m[n, t]:                                  at any other da = 0, and dh goes through
            da = dh (1 - h[t+1]^2)
            dh = 0
        dh += k * (da u);  dx[t] = da w                         (N, H) @ (H, H), (N, H) @ (H, D)
        dw += da' x[t];  du += da' (k * h[t]);  db += sum of da

How the CPU does the products, and why it does them in the loop: recurrent.py. The GPU does those with x, and the
gradients of the weights, for all steps at once.

Shapes: T steps, N sequences, H units. x, dx (N, T, D); w (H, D); u (H, H); b (H,); da (T, N, H); h (T+1, N, H) from the
initial state on; dy (N, T, H); m (N, T) bool; k (N, H), what the recurrent dropout leaves of h, else 1; dh (N, H).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import COMPILES, borrowed, njit
from minidl.kernels.gemm import NO_JUMP, aligned, driver, pack
from minidl.kernels.recurrent import (
    by_time_ref,
    clear,
    copy,
    multiply,
    see,
    shards_of,
    steps_for,
    weights_grad,
    weights_ref,
)
from minidl.scalar import tanh
from minidl.threads import share


# ---- reference ----
def rnn_ref(xp: Any, x: Any, w: Any, u: Any, b: Any, h0: Any, m: Any, k: Any) -> Any:
    (N, T, _), H = x.shape, u.shape[1]
    h = xp.empty((T + 1, N, H), x.dtype)
    h[0] = h0
    a = by_time_ref(xp, x, m) @ w.T + b
    for t in range(T):
        h[t + 1] = xp.where(m[:, t, None], xp.tanh(a[t] + (k * h[t]) @ u.T), h[t])
    return h


def rnn_grad_ref(xp: Any, dy: Any, dh: Any, x: Any, w: Any, u: Any, h: Any, m: Any, k: Any, need_dx: bool) -> tuple:
    da = xp.empty((dy.shape[1], *dh.shape), dy.dtype)
    for t in reversed(range(len(da))):
        real = m[:, t, None]
        dh = dh + dy[:, t]
        da[t] = xp.where(real, dh * (1 - h[t + 1] * h[t + 1]), 0)
        dh = xp.where(real, 0, dh) + k * (da[t] @ u)
    return *weights_ref(xp, da, da, x, h, m, k, w if need_dx else None), da.sum(axis=(0, 1)), dh


# ---- CPU ----
@njit
def rnn_cpu(shard, shards, driver, jumps, x, into, b, m, k, h):
    x, b, m, k, h = borrowed((x, b, m, k, h))
    N, T, D = x.shape
    H = len(b)
    start, end = shard * N // shards, (shard + 1) * N // shards
    s = np.empty((end - start, H + D), x.dtype)
    for t in range(T):
        for n in range(start, end):
            see(s[n - start], k[n], h[t, n], x[n, t])
        multiply(driver, jumps, s, into, h[t + 1, start:end], 0)
        for n in range(start, end):
            new = h[t + 1, n]
            if m[n, t]:
                for j in range(H):
                    new[j] = tanh(new[j] + b[j])
            else:
                copy(new, h[t, n])


@njit
def rnn_grad_cpu(shard, shards, driver, jumps, dy, dh, x, out_w, out_u, h, m, k, dx, dw, du, db):
    dy, dh, x, h, m, k, dx, dw, du, db = borrowed((dy, dh, x, h, m, k, dx, dw, du, db))
    (N, T, D), H = x.shape, h.shape[2]
    start, end = shard * N // shards, (shard + 1) * N // shards
    rows, dbs, one = end - start, db[shard], x.dtype.type(1)
    steps = steps_for(T, rows)
    p = np.zeros((rows, H), x.dtype)  # the product da u of the step after this one
    da = aligned(steps * rows * H, x).reshape(steps * rows, H)
    s = aligned(steps * rows * (H + D), x).reshape(steps * rows, H + D)
    for t in range(T - 1, -1, -1):
        first = t % steps * rows
        now = da[first : first + rows]
        for n in range(start, end):
            dhn, pn, kn, dyn, hn, d = dh[n], p[n - start], k[n], dy[n, t], h[t + 1, n], now[n - start]
            for j in range(H):
                dhn[j] += kn[j] * pn[j] + dyn[j]
            if m[n, t]:
                for j in range(H):
                    d[j] = dhn[j] * (one - hn[j] * hn[j])
                    dhn[j] = 0
            else:
                clear(d)
            for j in range(H):
                dbs[j] += d[j]
        multiply(driver, jumps, now, out_u, p, 0)
        if dx.size:
            multiply(driver, jumps, now, out_w, dx[start:end, t], 0)
        if first == 0:
            width, done = out_u.shape[2], min(steps, T - t)
            weights_grad(driver, jumps, width, t, done, start, end, da, da, x, h, m, k, s, dw[shard], du[shard])
    for n in range(start, end):
        dhn, pn, kn = dh[n], p[n - start], k[n]
        for j in range(H):
            dhn[j] += kn[j] * pn[j]


# ---- GPU: one step, one thread a unit (i is the index of the thread) ----
RNN_GPU = ("T a, T p, T h, bool m", "T h1", "h1 = m ? tanh(a + p) : h;", "minidl_rnn")

RNN_GRAD_GPU = (
    "T h1, bool m, T dh",
    "T da, T dh1",
    """
    da = m ? dh * (1 - h1 * h1) : T(0);
    dh1 = m ? T(0) : dh;
    """,
    "minidl_rnn_grad",
)


# ---- what layers call ----
def rnn(x: Any, w: Any, u: Any, b: Any, h0: Any, m: Any, k: Any) -> Any:
    r"""h of all steps.

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True, False]])
    >>> rnn(np.ones((1, 2, 1)), one, 0 * one, np.zeros(1), zero, m, one).ravel().round(2)  # the second step is masked
    array([0.  , 0.76, 0.76])
    """
    xp = xp_of(x)
    if REFERENCE or not (COMPILES or on_gpu(x)):
        return rnn_ref(xp, x, w, u, b, h0, m, k)
    (N, T, _), H = x.shape, u.shape[1]
    h = xp.empty((T + 1, N, H), x.dtype)
    h[0] = h0
    if on_gpu(x):
        a, step = by_time_ref(xp, x, m) @ w.T + b, elementwise(*RNN_GPU)
        for t in range(T):
            step(a[t], (k * h[t]) @ u.T, h[t], m[:, t, None], h[t + 1])
        return h
    into = pack(np.concatenate((u, w), axis=1).T)  # (H + D, H)
    share(rnn_cpu, shards_of(x, u), driver(x.dtype), NO_JUMP, np.ascontiguousarray(x), into, b, m, k, h)
    return h


def rnn_grad(dy: Any, dh: Any, x: Any, w: Any, u: Any, h: Any, m: Any, k: Any, need_dx: bool) -> tuple:
    r"""dx (None if nobody needs it), dw, du, db, and dh of the initial state, from dy of all steps and dh of the final
    state."""
    xp = xp_of(dy)
    if REFERENCE or not (COMPILES or on_gpu(dy)):
        return rnn_grad_ref(xp, dy, dh, x, w, u, h, m, k, need_dx)
    dh = xp.array(dh, order="C")
    if on_gpu(dy):
        N, T, H = dy.shape
        da, step = xp.empty((T, N, H), dy.dtype), elementwise(*RNN_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[:, t]
            step(h[t + 1], m[:, t, None], dh, da[t], dh)
            dh += k * (da[t] @ u)
        return *weights_ref(xp, da, da, x, h, m, k, w if need_dx else None), da.sum(axis=(0, 1)), dh
    x, dy = np.ascontiguousarray(x), np.ascontiguousarray(dy)
    dx = np.empty(x.shape if need_dx else (0, 0, 0), x.dtype)
    shards = shards_of(x, u)
    sums = [np.zeros((shards, *v.shape), x.dtype) for v in (w, u, w[:, 0])]
    share(rnn_grad_cpu, shards, driver(x.dtype), NO_JUMP, dy, dh, x, pack(w), pack(u), h, m, k, dx, *sums)
    return dx if need_dx else None, *(v.sum(axis=0) for v in sums), dh
