r"""The time loop of the LSTM, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        p = (k * h[t]) u'                                       (N, H) @ (H, 4H): BLAS
        i, f, g, o = sigma(a_i + p_i), sigma(a_f + p_f), tanh(a_g + p_g), sigma(a_o + p_o)
        for n, j with m[t, n]:                                  a real step; at any other h and c stay
            c[t+1] = f c[t] + i g
            q[t] = tanh(c[t+1]);  h[t+1] = o q[t]

    for t = T-1 ... 0:
        dh += dy[t]
        for n, j with m[t, n]:                                  at any other da = 0, and dh and dc go through
            dc += dh o (1 - q[t]^2)
            da_i = dc g i (1 - i);  da_f = dc c[t] f (1 - f);  da_g = dc i (1 - g^2);  da_o = dh q[t] o (1 - o)
            dc = dc f;  dh = 0
        dh += k * (da[t] u)                                     (N, 4H) @ (4H, H): BLAS

What depends on no other step (the products with the input, the gradients of all weights) is not here: the layer does it
for all steps at once. sigma(a) is computed as 1/2 + 1/2 tanh(a / 2), which cannot overflow. The products stay with
BLAS, but for a few sequences of few units the call costs more than the work: there the CPU runs the whole loop,
products too, in one go.

Shapes: T steps, N sequences, H units. a, gates, da (T, N, 4H) with the columns i, f, g, o; u (4H, H); h, c (T+1, N, H)
from the initial state on; q, dy (T, N, H); m (T, N) bool; k (N, H), what the recurrent dropout leaves of h, else 1;
dh, dc (N, H).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.scalar import sigmoid, tanh

SMALL = 128  # N H up to which the loop is compiled as a whole


# ---- reference ----
def sigma(xp: Any, a: Any) -> Any:
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def lstm_ref(xp: Any, a: Any, u: Any, h0: Any, c0: Any, m: Any, k: Any) -> tuple:
    T, N, H = *m.shape, u.shape[1]
    gates, q = xp.empty_like(a), xp.empty((T, N, H), a.dtype)
    h, c = xp.empty((T + 1, N, H), a.dtype), xp.empty((T + 1, N, H), a.dtype)
    h[0], c[0] = h0, c0
    for t in range(T):
        i, f, g, o = _parts(a[t] + (k * h[t]) @ u.T)
        i, f, g, o = sigma(xp, i), sigma(xp, f), xp.tanh(g), sigma(xp, o)
        gates[t] = xp.concatenate((i, f, g, o), axis=1)
        real = m[t][:, None]
        c[t + 1] = xp.where(real, f * c[t] + i * g, c[t])
        q[t] = xp.tanh(c[t + 1])
        h[t + 1] = xp.where(real, o * q[t], h[t])
    return gates, h, c, q


def lstm_grad_ref(
    xp: Any, dy: Any, dh: Any, dc: Any, u: Any, gates: Any, c: Any, q: Any, m: Any, k: Any
) -> tuple[Any, Any, Any]:
    da = xp.empty_like(gates)
    for t in reversed(range(len(m))):
        i, f, g, o = _parts(gates[t])
        real = m[t][:, None]
        dh = dh + dy[t]
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
    return da, dh, dc


# ---- CPU ----
@njit
def lstm_step_cpu(t, a, p, h, c, q, m):
    """One step but for its product p. a[t] becomes the gates."""
    N, H = h.shape[1:]
    for n in range(N):
        gate, pn = a[t, n], p[n]
        h_old, h_new, c_old, c_new, qn = h[t, n], h[t + 1, n], c[t, n], c[t + 1, n], q[t, n]
        i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
        for j in range(4 * H):
            gate[j] += pn[j]
        for j in range(2 * H):  # i and f
            gate[j] = sigmoid(gate[j])
        for j in range(H):
            g[j] = tanh(g[j])
        for j in range(H):
            o[j] = sigmoid(o[j])
        if m[t, n]:
            for j in range(H):
                c_new[j] = f[j] * c_old[j] + i[j] * g[j]
            for j in range(H):
                qn[j] = tanh(c_new[j])
                h_new[j] = o[j] * qn[j]
        else:
            c_new[:] = c_old
            qn[:] = 0
            h_new[:] = h_old


@njit
def lstm_cpu(a, p, ut, h, c, q, m, k):
    """Few units: all steps, with their products."""
    T, N, H = q.shape
    for t in range(T):
        p[:] = 0
        for n in range(N):
            pn = p[n]
            for l in range(H):
                hl, row = k[n, l] * h[t, n, l], ut[l]
                for j in range(4 * H):
                    pn[j] += hl * row[j]
        lstm_step_cpu(t, a, p, h, c, q, m)


@njit
def lstm_step_grad_cpu(t, dy, dh, dc, p, gates, c, q, m, k, da):
    """One step back for everything but the product: p is the product of the step after this one."""
    N, H = dh.shape
    one = da.dtype.type(1)
    for n in range(N):
        dhn, dcn, pn, kn, dyn, qn, cn = dh[n], dc[n], p[n], k[n], dy[t, n], q[t, n], c[t, n]
        for j in range(H):
            dhn[j] += kn[j] * pn[j] + dyn[j]
        d = da[t, n]
        if not m[t, n]:
            d[:] = 0
            continue
        gate = gates[t, n]
        i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
        di, df, dg, do = d[:H], d[H : 2 * H], d[2 * H : 3 * H], d[3 * H :]
        for j in range(H):
            do[j] = dhn[j] * qn[j] * o[j] * (one - o[j])
            dcn[j] += dhn[j] * o[j] * (one - qn[j] * qn[j])
        for j in range(H):
            di[j] = dcn[j] * g[j] * i[j] * (one - i[j])
            dg[j] = dcn[j] * i[j] * (one - g[j] * g[j])
        for j in range(H):
            df[j] = dcn[j] * cn[j] * f[j] * (one - f[j])
            dcn[j] *= f[j]
            dhn[j] = 0


@njit
def lstm_grad_cpu(dy, dh, dc, p, u, gates, c, q, m, k, da):
    """Few units: everything but the last product's way into dh."""
    T, N, H = q.shape
    for t in range(T - 1, -1, -1):
        lstm_step_grad_cpu(t, dy, dh, dc, p, gates, c, q, m, k, da)
        for n in range(N):
            d, pn = da[t, n], p[n]
            pn[:] = 0
            for j in range(H):  # the four gates of unit j
                i, f, g, o = d[j], d[H + j], d[2 * H + j], d[3 * H + j]
                ui, uf, ug, uo = u[j], u[H + j], u[2 * H + j], u[3 * H + j]
                for l in range(H):
                    pn[l] += i * ui[l] + f * uf[l] + g * ug[l] + o * uo[l]


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
def lstm(a: Any, u: Any, h0: Any, c0: Any, m: Any, k: Any) -> tuple:
    r"""gates, h, c and q of all steps. The array a may become the gates.

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True], [False]])
    >>> _, h, c, _ = lstm(np.full((2, 1, 4), 9.0), np.zeros((4, 1)), zero, zero, m, one)
    >>> c.ravel().round(2), h.ravel().round(2)                     # the second step is masked
    (array([0., 1., 1.]), array([0.  , 0.76, 0.76]))
    """
    xp = xp_of(a)
    T, N, H = *m.shape, u.shape[1]
    if REFERENCE:
        return lstm_ref(xp, a, u, h0, c0, m, k)
    h, c, q = xp.empty((T + 1, N, H), a.dtype), xp.empty((T + 1, N, H), a.dtype), xp.empty((T, N, H), a.dtype)
    h[0], c[0] = h0, c0
    if on_gpu(a):
        step = elementwise(*LSTM_GPU)
        for t in range(T):
            sums = a[t] + (k * h[t]) @ u.T
            step(*_parts(sums), c[t], h[t], m[t][:, None], *_parts(a[t]), c[t + 1], q[t], h[t + 1])
        return a, h, c, q
    p, ut = np.empty((N, 4 * H), a.dtype), np.ascontiguousarray(u.T)
    if N * H <= SMALL:
        lstm_cpu(a, p, ut, h, c, q, m, k)
    else:
        for t in range(T):
            np.dot(k * h[t], ut, out=p)
            lstm_step_cpu(t, a, p, h, c, q, m)
    return a, h, c, q


def lstm_grad(dy: Any, dh: Any, dc: Any, u: Any, gates: Any, c: Any, q: Any, m: Any, k: Any) -> tuple[Any, Any, Any]:
    r"""da, and dh and dc of the initial state, from dy of all steps and dh, dc of the final state."""
    xp = xp_of(dy)
    T, N, H = q.shape
    if REFERENCE:
        return lstm_grad_ref(xp, dy, dh, dc, u, gates, c, q, m, k)
    da, p = xp.empty_like(gates), xp.zeros(dh.shape, dh.dtype)
    dh, dc, dy = xp.array(dh, order="C"), xp.array(dc, order="C"), xp.ascontiguousarray(dy)
    if on_gpu(dy):
        step = elementwise(*LSTM_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[t]
            step(*_parts(gates[t]), c[t], q[t], m[t][:, None], dh, dc, *_parts(da[t]), dh, dc)
            dh += k * (da[t] @ u)
        return da, dh, dc
    if N * H <= SMALL:
        lstm_grad_cpu(dy, dh, dc, p, u, gates, c, q, m, k, da)
    else:
        for t in reversed(range(T)):
            lstm_step_grad_cpu(t, dy, dh, dc, p, gates, c, q, m, k, da)
            np.dot(da[t], u, out=p)
    return da, dh + k * p, dc


def _parts(gates: Any) -> tuple:
    """The columns i, f, g, o."""
    H = gates.shape[1] // 4
    return tuple(gates[:, j * H : (j + 1) * H] for j in range(4))
