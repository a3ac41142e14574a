r"""The time loop of the LSTM, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        a = x[t] w' + b + (k * h[t]) u'                         (N, D) @ (D, 4H), (N, H) @ (H, 4H)
        i, f, g, o = sigma(a_i), sigma(a_f), tanh(a_g), sigma(a_o)
        for n, j with m[n, t]:                                  a real step; at any other h and c stay
            c[t+1] = f c[t] + i g
            q[t] = tanh(c[t+1]);  h[t+1] = o q[t]

    for t = T-1 ... 0:
        dh += dy[t]
        for n, j with m[n, t]:                                  at any other da = 0, and dh and dc go through
            dc += dh o (1 - q[t]^2)
            da_i = dc g i (1 - i);  da_f = dc c[t] f (1 - f);  da_g = dc i (1 - g^2);  da_o = dh q[t] o (1 - o)
            dc = dc f;  dh = 0
        dh += k * (da u);  dx[t] = da w                         (N, 4H) @ (4H, H), (N, 4H) @ (4H, D)
        dw += da' x[t];  du += da' (k * h[t]);  db += sum of da

How the CPU does the products, and why it does them in the loop: recurrent.py. The GPU does those with x, and the
gradients of the weights, for all steps at once.

Shapes: T steps, N sequences, H units. x, dx (N, T, D); w (4H, D); u (4H, H); b (4H,); a, gates, da (T, N, 4H) with the
columns i, f, g, o; h, c (T+1, N, H) from the initial state on; q (T, N, H); dy (N, T, H); m (N, T) bool; k (N, H), what
the recurrent dropout leaves of h, else 1; dh, dc (N, H).
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
    fetch,
    multiply,
    see,
    shards_of,
    steps_for,
    weights_grad,
    weights_ref,
)
from minidl.scalar import sigmoid, tanh
from minidl.threads import share


# ---- reference ----
def sigma(xp: Any, a: Any) -> Any:
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def lstm_ref(xp: Any, x: Any, w: Any, u: Any, b: Any, h0: Any, c0: Any, m: Any, k: Any) -> tuple:
    (N, T, _), H = x.shape, u.shape[1]
    gates, q = xp.empty((T, N, 4 * H), x.dtype), xp.empty((T, N, H), x.dtype)
    h, c = xp.empty((T + 1, N, H), x.dtype), xp.empty((T + 1, N, H), x.dtype)
    h[0], c[0] = h0, c0
    a = by_time_ref(xp, x, m) @ w.T + b
    for t in range(T):
        i, f, g, o = _parts(a[t] + (k * h[t]) @ u.T)
        i, f, g, o = sigma(xp, i), sigma(xp, f), xp.tanh(g), sigma(xp, o)
        gates[t] = xp.concatenate((i, f, g, o), axis=1)
        real = m[:, t, None]
        c[t + 1] = xp.where(real, f * c[t] + i * g, c[t])
        q[t] = xp.tanh(c[t + 1])
        h[t + 1] = xp.where(real, o * q[t], h[t])
    return gates, h, c, q


def lstm_grad_ref(
    xp: Any,
    dy: Any,
    dh: Any,
    dc: Any,
    x: Any,
    w: Any,
    u: Any,
    gates: Any,
    h: Any,
    c: Any,
    q: Any,
    m: Any,
    k: Any,
    need_dx: bool,
) -> tuple:
    da = xp.empty_like(gates)
    for t in reversed(range(len(q))):
        i, f, g, o = _parts(gates[t])
        real = m[:, t, None]
        dh = dh + dy[:, t]
        through = dc + dh * o * (1 - q[t] * q[t])
        parts = (
            through * g * i * (1 - i),
            through * c[t] * f * (1 - f),
            through * i * (1 - g * g),
            dh * q[t] * o * (1 - o),
        )
        da[t] = xp.where(real, xp.concatenate(parts, axis=1), 0)
        dc = xp.where(real, through * f, dc)
        dh = xp.where(real, 0, dh) + k * (da[t] @ u)
    return *weights_ref(xp, da, da, x, h, m, k, w if need_dx else None), da.sum(axis=(0, 1)), dh, dc


# ---- CPU ----
@njit
def lstm_step(gate, b, c_old, c_new, q, h):
    """A real step of one sequence. gate comes as the sum of the products, and becomes the gates."""
    H = len(h)
    i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
    b_g, b_o = b[2 * H : 3 * H], b[3 * H :]
    for j in range(2 * H):  # i and f
        gate[j] = sigmoid(gate[j] + b[j])
    for j in range(H):
        g[j] = tanh(g[j] + b_g[j])
    for j in range(H):
        o[j] = sigmoid(o[j] + b_o[j])
    for j in range(H):
        c_new[j] = f[j] * c_old[j] + i[j] * g[j]
    for j in range(H):
        q[j] = tanh(c_new[j])
        h[j] = o[j] * q[j]


@njit
def lstm_cpu(shard, shards, driver, jumps, x, into, b, m, k, a, h, c, q):
    x, b, m, k, a, h, c, q = borrowed((x, b, m, k, a, h, c, q))
    T, N, H = q.shape
    start, end = shard * N // shards, (shard + 1) * N // shards
    s = np.empty((end - start, H + x.shape[2]), x.dtype)
    for t in range(T):
        for n in range(start, end):
            see(s[n - start], k[n], h[t, n], x[n, t])
        multiply(driver, jumps, s, into, a[t, start:end], 0)
        for n in range(start, end):
            if m[n, t]:
                lstm_step(a[t, n], b, c[t, n], c[t + 1, n], q[t, n], h[t + 1, n])
            else:
                copy(c[t + 1, n], c[t, n])
                copy(h[t + 1, n], h[t, n])


@njit
def lstm_step_grad(dh, dc, gate, c, q, d):
    """A real step back of one sequence: d is da, and dc becomes that of the step before."""
    H = len(dh)
    one = d.dtype.type(1)
    i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
    di, df, dg, do = d[:H], d[H : 2 * H], d[2 * H : 3 * H], d[3 * H :]
    for j in range(H):
        do[j] = dh[j] * q[j] * o[j] * (one - o[j])
        dc[j] += dh[j] * o[j] * (one - q[j] * q[j])
    for j in range(H):
        di[j] = dc[j] * g[j] * i[j] * (one - i[j])
        dg[j] = dc[j] * i[j] * (one - g[j] * g[j])
    for j in range(H):
        df[j] = dc[j] * c[j] * f[j] * (one - f[j])
        dc[j] *= f[j]


@njit
def lstm_grad_cpu(shard, shards, driver, jumps, dy, dh, dc, x, out_w, out_u, gates, h, c, q, m, k, dx, dw, du, db):
    dy, dh, dc, x, gates, h = borrowed((dy, dh, dc, x, gates, h))
    c, q, m, k, dx, dw, du, db = borrowed((c, q, m, k, dx, dw, du, db))
    T, N, H = q.shape
    start, end = shard * N // shards, (shard + 1) * N // shards
    rows = end - start
    p = np.zeros((rows, H), x.dtype)  # the product da u of the step after this one
    steps = steps_for(T, rows)
    da = aligned(steps * rows * 4 * H, x).reshape(steps * rows, 4 * H)
    s = aligned(steps * rows * (H + x.shape[2]), x).reshape(steps * rows, H + x.shape[2])
    for t in range(T - 1, -1, -1):
        first = t % steps * rows
        for n in range(start, end):
            dhn, pn, kn, dyn, d = dh[n], p[n - start], k[n], dy[n, t], da[first + n - start]
            for j in range(H):
                dhn[j] += kn[j] * pn[j] + dyn[j]
            if n + 1 < end:
                fetch(gates[t, n + 1]), fetch(c[t, n + 1]), fetch(q[t, n + 1]), fetch(dy[n + 1, t])
            if m[n, t]:
                lstm_step_grad(dhn, dc[n], gates[t, n], c[t, n], q[t, n], d)
                clear(dhn)
            else:
                clear(d)
            dbs = db[shard]
            for j in range(4 * H):
                dbs[j] += d[j]
        now = da[first : first + rows]
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
LSTM_GPU = (
    "T ai, T af, T ag, T ao, T c, T h, bool m",
    "T gi, T gf, T gg, T go, T c1, T q, T h1",
    """
    const T half = 0.5;
    gi = half * tanh(half * ai) + half;
    gf = half * tanh(half * af) + half;
    gg = tanh(ag);
    go = half * tanh(half * ao) + half;
    c1 = m ? gf * c + gi * gg : c;
    q = tanh(c1);
    h1 = m ? go * q : h;
    """,
    "minidl_lstm",
)

LSTM_GRAD_GPU = (
    "T gi, T gf, T gg, T go, T c, T q, bool m, T dh, T dc",
    "T di, T df, T dg, T d_o, T dh1, T dc1",
    """
    T sum = dc + dh * go * (1 - q * q);
    di = m ? sum * gg * gi * (1 - gi) : T(0);
    df = m ? sum * c * gf * (1 - gf) : T(0);
    dg = m ? sum * gi * (1 - gg * gg) : T(0);
    d_o = m ? dh * q * go * (1 - go) : T(0);
    dc1 = m ? sum * gf : dc;
    dh1 = m ? T(0) : dh;
    """,
    "minidl_lstm_grad",
)


# ---- what layers call ----
def lstm(x: Any, w: Any, u: Any, b: Any, h0: Any, c0: Any, m: Any, k: Any) -> tuple:
    r"""gates, h, c and q of all steps (gates and q are anything at a masked one).

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True, False]])
    >>> _, h, c, _ = lstm(np.ones((1, 2, 1)), np.full((4, 1), 9.0), np.zeros((4, 1)), np.zeros(4), zero, zero, m, one)
    >>> c.ravel().round(2), h.ravel().round(2)                     # the second step is masked
    (array([0., 1., 1.]), array([0.  , 0.76, 0.76]))
    """
    xp = xp_of(x)
    (N, T, _), H = x.shape, u.shape[1]
    if REFERENCE or not (COMPILES or on_gpu(x)):
        return lstm_ref(xp, x, w, u, b, h0, c0, m, k)
    h, c, q = xp.empty((T + 1, N, H), x.dtype), xp.empty((T + 1, N, H), x.dtype), xp.empty((T, N, H), x.dtype)
    h[0], c[0] = h0, c0
    if on_gpu(x):
        a = by_time_ref(xp, x, m) @ w.T + b
        step = elementwise(*LSTM_GPU)
        for t in range(T):
            sums = a[t] + (k * h[t]) @ u.T
            step(*_parts(sums), c[t], h[t], m[:, t, None], *_parts(a[t]), c[t + 1], q[t], h[t + 1])
        return a, h, c, q
    x = np.ascontiguousarray(x)
    a = np.empty((T, N, 4 * H), x.dtype)
    into = pack(np.concatenate((u, w), axis=1).T)  # (H + D, 4H)
    share(lstm_cpu, shards_of(x, u), driver(x.dtype), NO_JUMP, x, into, b, m, k, a, h, c, q)
    return a, h, c, q


def lstm_grad(
    dy: Any, dh: Any, dc: Any, x: Any, w: Any, u: Any, gates: Any, h: Any, c: Any, q: Any, m: Any, k: Any, need_dx: bool
) -> tuple:
    r"""dx (None if nobody needs it), dw, du, db, and dh and dc of the initial state, from dy of all steps and dh and dc
    of the final state."""
    xp = xp_of(dy)
    T, N, H = q.shape
    if REFERENCE or not (COMPILES or on_gpu(x)):
        return lstm_grad_ref(xp, dy, dh, dc, x, w, u, gates, h, c, q, m, k, need_dx)
    dh, dc = xp.array(dh, order="C"), xp.array(dc, order="C")
    if on_gpu(dy):
        da, step = xp.empty_like(gates), elementwise(*LSTM_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[:, t]
            step(*_parts(gates[t]), c[t], q[t], m[:, t, None], dh, dc, *_parts(da[t]), dh, dc)
            dh += k * (da[t] @ u)
        return *weights_ref(xp, da, da, x, h, m, k, w if need_dx else None), da.sum(axis=(0, 1)), dh, dc
    x, dy = np.ascontiguousarray(x), np.ascontiguousarray(dy)
    dx = np.empty(x.shape if need_dx else (0, 0, 0), x.dtype)
    shards = shards_of(x, u)
    sums = [np.zeros((shards, *v.shape), x.dtype) for v in (w, u, w[:, 0])]
    arrays = dy, dh, dc, x, pack(w), pack(u), gates, h, c, q, m, k, dx, *sums
    share(lstm_grad_cpu, shards, driver(x.dtype), NO_JUMP, *arrays)
    return dx if need_dx else None, *(v.sum(axis=0) for v in sums), dh, dc


def _parts(gates: Any) -> tuple:
    """The columns i, f, g, o."""
    H = gates.shape[1] // 4
    return tuple(gates[:, j * H : (j + 1) * H] for j in range(4))
