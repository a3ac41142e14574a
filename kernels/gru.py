r"""The time loop of the GRU, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        a = x[t] w' + b_ih;  p = (k * h[t]) u' + b_hh           (N, D) @ (D, 3H), (N, H) @ (H, 3H)
        r, z = sigma(a_r + p_r), sigma(a_z + p_z);  q[t] = p_n
        n = tanh(a_n + r q[t])
        for s, j with m[s, t]:                                  a real step; at any other h stays
            h[t+1] = (1 - z) n + z h[t]

    for t = T-1 ... 0:
        dh += dy[t]
        for s, j with m[s, t]:                                  at any other da = dp = 0, and dh goes through
            da_n = dh (1 - z) (1 - n^2);  da_z = dh (h[t] - n) z (1 - z);  da_r = da_n q[t] r (1 - r)
            dp_r = da_r;  dp_z = da_z;  dp_n = da_n r
            dh = dh z
        dh += k * (dp u);  dx[t] = da w                         (N, 3H) @ (3H, H), (N, 3H) @ (3H, D)
        dw += da' x[t];  du += dp' (k * h[t]);  db_ih += sum of da;  db_hh += sum of dp

How the CPU does the products, and why it does them in the loop: recurrent.py. The gates r and z need only the sum of
both products, which is one product; a_n and p_n are two. In the loop back da and dp, alike but for n, are one array
with the columns da_n, r, z, dp_n: of the first 3H of them come dx and dw, of the last 3H dh and du. The GPU does the
products with x, and the gradients of the weights, for all steps at once.

That is the form in which r acts after the product (reset_after=True). In the older one it acts before: q = k * h and
n = tanh(a_n + (r q) u_n' + b_n), a second product in each step that has to wait for r. That form is there to be studied
and compared, so it runs on its reference everywhere: a kernel would not earn its place.

Shapes: T steps, N sequences (the index s, since n is the candidate), H units. x, dx (N, T, D); w (3H, D); u (3H, H);
b_ih, b_hh (3H,); gates, da, dp (T, N, 3H) with the columns r, z, n; h (T+1, N, H) from the initial state on; q (T, N,
H); dy (N, T, H); m (N, T) bool; k (N, H), what the recurrent dropout leaves of h, else 1; dh (N, H).
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
def gru_ref(
    xp: Any, x: Any, w: Any, u: Any, b_ih: Any, b_hh: Any, h0: Any, m: Any, k: Any, reset_after: bool
) -> tuple[Any, Any, Any]:
    (N, T, _), H = x.shape, u.shape[1]
    gates, q, h = (xp.empty((steps, N, columns), x.dtype) for steps, columns in ((T, 3 * H), (T, H), (T + 1, H)))
    h[0] = h0
    a = by_time_ref(xp, x, m) @ w.T + b_ih
    for t in range(T):
        kh = k * h[t]
        p_rz = kh @ u[: 2 * H].T + b_hh[: 2 * H]
        rz = 0.5 * xp.tanh(0.5 * (a[t, :, : 2 * H] + p_rz)) + 0.5
        r, z = rz[:, :H], rz[:, H:]
        if reset_after:
            q[t] = kh @ u[2 * H :].T + b_hh[2 * H :]
            n = xp.tanh(a[t, :, 2 * H :] + r * q[t])
        else:
            q[t] = kh
            n = xp.tanh(a[t, :, 2 * H :] + (r * q[t]) @ u[2 * H :].T + b_hh[2 * H :])
        gates[t] = xp.concatenate((r, z, n), axis=1)
        h[t + 1] = xp.where(m[:, t, None], (1 - z) * n + z * h[t], h[t])
    return gates, h, q


def gru_grad_ref(
    xp: Any,
    dy: Any,
    dh: Any,
    x: Any,
    w: Any,
    u: Any,
    gates: Any,
    h: Any,
    q: Any,
    m: Any,
    k: Any,
    reset_after: bool,
    need_dx: bool,
) -> tuple:
    T, N, H = q.shape
    da, dp = xp.empty_like(gates), xp.empty_like(gates)
    for t in reversed(range(T)):
        r, z, n = _parts(gates[t])
        real = m[:, t, None]
        dh = dh + dy[:, t]
        da_n = xp.where(real, dh * (1 - z) * (1 - n * n), 0)
        da_z = xp.where(real, dh * (h[t] - n) * z * (1 - z), 0)
        drq = da_n if reset_after else da_n @ u[2 * H :]  # the gradient of r q
        da_r = xp.where(real, drq * q[t] * r * (1 - r), 0)
        da[t] = xp.concatenate((da_r, da_z, da_n), axis=1)
        dp[t] = xp.concatenate((da_r, da_z, drq * r), axis=1) if reset_after else da[t]
        through = dp[t] @ u if reset_after else da[t, :, : 2 * H] @ u[: 2 * H] + drq * r
        dh = xp.where(real, dh * z, dh) + k * through
    dx, dw, du = weights_ref(xp, da, dp, x, h, m, k, w if need_dx else None)
    if not reset_after:
        rq = (gates[..., :H] * q).reshape(T * N, H)
        du[2 * H :] = da[..., 2 * H :].reshape(T * N, H).T @ rq  # (H, TN) @ (TN, H) -> (H, H)
    return dx, dw, du, da.sum(axis=(0, 1)), dp.sum(axis=(0, 1)), dh


# ---- CPU ----
@njit
def gru_step(gate, q, b_rz, b_an, b_pn, h_old, h_new):
    """A real step of one sequence. gate and q come as the sums of the products, and become the gates and p_n."""
    H = len(q)
    one = q.dtype.type(1)
    r, z, n = gate[:H], gate[H : 2 * H], gate[2 * H :]
    for j in range(2 * H):  # r and z
        gate[j] = sigmoid(gate[j] + b_rz[j])
    for j in range(H):
        q[j] += b_pn[j]
    for j in range(H):
        n[j] = tanh(n[j] + b_an[j] + r[j] * q[j])
    for j in range(H):
        h_new[j] = (one - z[j]) * n[j] + z[j] * h_old[j]


@njit
def gru_cpu(shard, shards, driver, jumps, x, into_rz, x_into_n, h_into_n, b_rz, b_an, b_pn, m, k, gates, h, q):
    x, m, k, gates, h, q = borrowed((x, m, k, gates, h, q))
    T, N, H = q.shape
    start, end = shard * N // shards, (shard + 1) * N // shards
    s = np.empty((end - start, H + x.shape[2]), x.dtype)
    for t in range(T):
        for i in range(start, end):
            see(s[i - start], k[i], h[t, i], x[i, t])
        gate = gates[t, start:end]
        multiply(driver, jumps, s, into_rz, gate[:, : 2 * H], 0)
        multiply(driver, jumps, s[:, H:], x_into_n, gate[:, 2 * H :], 0)
        multiply(driver, jumps, s[:, :H], h_into_n, q[t, start:end], 0)
        for i in range(start, end):
            if m[i, t]:
                gru_step(gates[t, i], q[t, i], b_rz, b_an, b_pn, h[t, i], h[t + 1, i])
            else:
                copy(h[t + 1, i], h[t, i])


@njit
def gru_step_grad(dh, gate, h, q, d):
    """A real step back of one sequence: d, with the columns da_n, r, z, dp_n; and of dh what goes past the products."""
    H = len(dh)
    one = d.dtype.type(1)
    r, z, n = gate[:H], gate[H : 2 * H], gate[2 * H :]
    dn, dr, dz, dpn = d[:H], d[H : 2 * H], d[2 * H : 3 * H], d[3 * H :]
    for j in range(H):
        dn[j] = dh[j] * (one - z[j]) * (one - n[j] * n[j])
    for j in range(H):
        dz[j] = dh[j] * (h[j] - n[j]) * z[j] * (one - z[j])
        dh[j] *= z[j]
    for j in range(H):
        dr[j] = dn[j] * q[j] * r[j] * (one - r[j])
        dpn[j] = dn[j] * r[j]


@njit
def gru_grad_cpu(shard, shards, driver, jumps, dy, dh, x, out_w, out_u, gates, h, q, m, k, dx, dw, du, db):
    dy, dh, x, gates, h, q = borrowed((dy, dh, x, gates, h, q))
    m, k, dx, dw, du, db = borrowed((m, k, dx, dw, du, db))
    T, N, H = q.shape
    start, end = shard * N // shards, (shard + 1) * N // shards
    rows, dbs = end - start, db[shard]
    steps = steps_for(T, rows)
    p = np.zeros((rows, H), x.dtype)  # the product dp u of the step after this one
    d = aligned(steps * rows * 4 * H, x).reshape(steps * rows, 4 * H)
    s = aligned(steps * rows * (H + x.shape[2]), x).reshape(steps * rows, H + x.shape[2])
    for t in range(T - 1, -1, -1):
        first = t % steps * rows
        now = d[first : first + rows]
        for i in range(start, end):
            dhi, pi, ki, dyi, di = dh[i], p[i - start], k[i], dy[i, t], now[i - start]
            for j in range(H):
                dhi[j] += ki[j] * pi[j] + dyi[j]
            if i + 1 < end:
                fetch(gates[t, i + 1]), fetch(h[t, i + 1]), fetch(q[t, i + 1]), fetch(dy[i + 1, t])
            if m[i, t]:
                gru_step_grad(dhi, gates[t, i], h[t, i], q[t, i], di)
            else:
                clear(di)
            for j in range(4 * H):
                dbs[j] += di[j]
        multiply(driver, jumps, now[:, H:], out_u, p, 0)
        if dx.size:
            multiply(driver, jumps, now[:, : 3 * H], out_w, dx[start:end, t], 0)
        if first == 0:
            width, done = out_u.shape[2], min(steps, T - t)
            da, dp = d[:, : 3 * H], d[:, H:]
            weights_grad(driver, jumps, width, t, done, start, end, da, dp, x, h, m, k, s, dw[shard], du[shard])
    for i in range(start, end):
        dhi, pi, ki = dh[i], p[i - start], k[i]
        for j in range(H):
            dhi[j] += ki[j] * pi[j]


# ---- GPU: one step, one thread a unit (i is the index of the thread) ----
GRU_GPU = (
    "T ar, T az, T an, T pr, T pz, T pn, T h, bool m",
    "T gr, T gz, T gn, T q, T h1",
    """
    const T half = 0.5;
    gr = half * tanh(half * (ar + pr)) + half;
    gz = half * tanh(half * (az + pz)) + half;
    q = pn;
    gn = tanh(an + gr * q);
    h1 = m ? (1 - gz) * gn + gz * h : h;
    """,
    "minidl_gru",
)

GRU_GRAD_GPU = (
    "T gr, T gz, T gn, T h, T q, bool m, T dh",
    "T dar, T daz, T dan, T dpr, T dpz, T dpn, T dh1",
    """
    dan = m ? dh * (1 - gz) * (1 - gn * gn) : T(0);
    dpz = daz = m ? dh * (h - gn) * gz * (1 - gz) : T(0);
    dpr = dar = m ? dan * q * gr * (1 - gr) : T(0);
    dpn = m ? dan * gr : T(0);
    dh1 = m ? dh * gz : dh;
    """,
    "minidl_gru_grad",
)


# ---- what layers call ----
def gru(
    x: Any, w: Any, u: Any, b_ih: Any, b_hh: Any, h0: Any, m: Any, k: Any, reset_after: bool
) -> tuple[Any, Any, Any]:
    r"""gates, h and q of all steps (gates and q are anything at a masked one).

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True, False]])
    >>> w = np.array([[0.0], [0.0], [9.0]])                        # z = 1/2, n = 1
    >>> gru(np.ones((1, 2, 1)), w, 0 * w, w[:, 0] * 0, w[:, 0] * 0, zero, m, one, True)[1].ravel().round(2)
    array([0. , 0.5, 0.5])
    """
    xp = xp_of(x)
    (N, T, _), H = x.shape, u.shape[1]
    if REFERENCE or not reset_after or not (COMPILES or on_gpu(x)):
        return gru_ref(xp, x, w, u, b_ih, b_hh, h0, m, k, reset_after)
    h, q = xp.empty((T + 1, N, H), x.dtype), xp.empty((T, N, H), x.dtype)
    h[0] = h0
    if on_gpu(x):
        a, step = by_time_ref(xp, x, m) @ w.T + b_ih, elementwise(*GRU_GPU)
        for t in range(T):
            p = (k * h[t]) @ u.T + b_hh
            step(*_parts(a[t]), *_parts(p), h[t], m[:, t, None], *_parts(a[t]), q[t], h[t + 1])
        return a, h, q
    x, gates, rz, n = np.ascontiguousarray(x), np.empty((T, N, 3 * H), x.dtype), slice(2 * H), slice(2 * H, None)
    panels = pack(np.concatenate((u[rz], w[rz]), axis=1).T), pack(w[n].T), pack(u[n].T)
    biases = b_ih[rz] + b_hh[rz], b_ih[n], b_hh[n]
    share(gru_cpu, shards_of(x, u), driver(x.dtype), NO_JUMP, x, *panels, *biases, m, k, gates, h, q)
    return gates, h, q


def gru_grad(
    dy: Any,
    dh: Any,
    x: Any,
    w: Any,
    u: Any,
    gates: Any,
    h: Any,
    q: Any,
    m: Any,
    k: Any,
    reset_after: bool,
    need_dx: bool,
) -> tuple:
    r"""dx (None if nobody needs it), dw, du, db_ih, db_hh, and dh of the initial state, from dy of all steps and dh of
    the final state."""
    xp = xp_of(dy)
    if REFERENCE or not reset_after or not (COMPILES or on_gpu(dy)):
        return gru_grad_ref(xp, dy, dh, x, w, u, gates, h, q, m, k, reset_after, need_dx)
    T, N, H = q.shape
    dh = xp.array(dh, order="C")
    if on_gpu(dy):
        da, dp, step = xp.empty_like(gates), xp.empty_like(gates), elementwise(*GRU_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[:, t]
            step(*_parts(gates[t]), h[t], q[t], m[:, t, None], dh, *_parts(da[t]), *_parts(dp[t]), dh)
            dh += k * (dp[t] @ u)
        return (
            *weights_ref(xp, da, dp, x, h, m, k, w if need_dx else None),
            da.sum(axis=(0, 1)),
            dp.sum(axis=(0, 1)),
            dh,
        )
    x, dy = np.ascontiguousarray(x), np.ascontiguousarray(dy)
    dx = np.empty(x.shape if need_dx else (0, 0, 0), x.dtype)
    shards = shards_of(x, u)
    sums = [np.zeros((shards, *shape), x.dtype) for shape in (w.shape, u.shape, (4 * H,))]
    w_nrz = np.concatenate((w[2 * H :], w[: 2 * H]))  # in the order of the first 3H columns of d
    arrays = dy, dh, x, pack(w_nrz), pack(u), gates, h, q, m, k, dx, *sums
    share(gru_grad_cpu, shards, driver(x.dtype), NO_JUMP, *arrays)
    dw, du, db = (v.sum(axis=0) for v in sums)
    dw, db_ih = (np.concatenate((v[H : 3 * H], v[:H])) for v in (dw, db))  # and back
    return dx if need_dx else None, dw, du, db_ih, db[H:], dh


def _parts(z: Any) -> tuple:
    """The columns r, z, n."""
    H = z.shape[1] // 3
    return tuple(z[:, j * H : (j + 1) * H] for j in range(3))
