r"""The time loop of the GRU, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        p = (k * h[t]) u' + b                                   (N, H) @ (H, 3H): BLAS
        r, z = sigma(a_r + p_r), sigma(a_z + p_z);  q[t] = p_n
        n = tanh(a_n + r q[t])
        for s, j with m[t, s]:                                  a real step; at any other h stays
            h[t+1] = (1 - z) n + z h[t]

    for t = T-1 ... 0:
        dh += dy[t]
        for s, j with m[t, s]:                                  at any other da = dp = 0, and dh goes through
            da_n = dh (1 - z) (1 - n^2);  da_z = dh (h[t] - n) z (1 - z);  da_r = da_n q[t] r (1 - r)
            dp_r = da_r;  dp_z = da_z;  dp_n = da_n r
            dh = dh z
        dh += k * (dp[t] u)                                     (N, 3H) @ (3H, H): BLAS

That is the form in which r acts after the product (reset_after=True). In the older one it acts before: q = k * h and
n = tanh(a_n + (r q) u_n' + b_n), a second product in each step that has to wait for r. That form is there to be studied
and compared, so it runs on its reference everywhere: a kernel would not earn its place.

What depends on no other step (the products with the input, the gradients of all weights) is not here: the layer does it
for all steps at once. The products stay with BLAS, but for a few sequences of few units the call costs more than the
work: there the CPU runs the whole loop, products too, in one go. sigma(a) = 1/2 + 1/2 tanh(a / 2).

Shapes: T steps, N sequences (the index s, since n is the candidate), H units. a, gates, da, dp (T, N, 3H) with the
columns r, z, n; u (3H, H); b (3H,); h (T+1, N, H) from the initial state on; q, dy (T, N, H); m (T, N) bool; k (N, H),
what the recurrent dropout leaves of h, else 1; dh (N, H).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.scalar import sigmoid, tanh

SMALL = 128  # N H up to which the loop is compiled as a whole


# ---- reference ----
def gru_ref(xp: Any, a: Any, u: Any, b: Any, h0: Any, m: Any, k: Any, reset_after: bool) -> tuple[Any, Any, Any]:
    T, N, H = *m.shape, u.shape[1]
    gates, q, h = xp.empty_like(a), xp.empty((T, N, H), a.dtype), xp.empty((T + 1, N, H), a.dtype)
    h[0] = h0
    for t in range(T):
        kh = k * h[t]
        p_rz = kh @ u[: 2 * H].T + b[: 2 * H]
        rz = 0.5 * xp.tanh(0.5 * (a[t, :, : 2 * H] + p_rz)) + 0.5
        r, z = rz[:, :H], rz[:, H:]
        if reset_after:
            q[t] = kh @ u[2 * H :].T + b[2 * H :]
            n = xp.tanh(a[t, :, 2 * H :] + r * q[t])
        else:
            q[t] = kh
            n = xp.tanh(a[t, :, 2 * H :] + (r * q[t]) @ u[2 * H :].T + b[2 * H :])
        gates[t] = xp.concatenate((r, z, n), axis=1)
        h[t + 1] = xp.where(m[t][:, None], (1 - z) * n + z * h[t], h[t])
    return gates, h, q


def gru_grad_ref(
    xp: Any, dy: Any, dh: Any, u: Any, gates: Any, h: Any, q: Any, m: Any, k: Any, reset_after: bool
) -> tuple[Any, Any, Any]:
    T, N, H = q.shape
    da, dp = xp.empty_like(gates), xp.empty_like(gates)
    for t in reversed(range(T)):
        r, z, n = _parts(gates[t])
        real = m[t][:, None]
        dh = dh + dy[t]
        da_n = xp.where(real, dh * (1 - z) * (1 - n * n), 0)
        da_z = xp.where(real, dh * (h[t] - n) * z * (1 - z), 0)
        drq = da_n if reset_after else da_n @ u[2 * H :]  # the gradient of r q
        da_r = xp.where(real, drq * q[t] * r * (1 - r), 0)
        da[t] = xp.concatenate((da_r, da_z, da_n), axis=1)
        dp[t] = xp.concatenate((da_r, da_z, drq * r), axis=1) if reset_after else da[t]
        through = dp[t] @ u if reset_after else da[t, :, : 2 * H] @ u[: 2 * H] + drq * r
        dh = xp.where(real, dh * z, dh) + k * through
    return da, dp, dh


# ---- CPU ----
@njit
def gru_step_cpu(t, a, p, b, h, q, m):
    """One step but for its product p, still without b. a[t] becomes the gates."""
    N, H = h.shape[1:]
    one = a.dtype.type(1)
    for s in range(N):
        gate, ps, qs, h_old, h_new = a[t, s], p[s], q[t, s], h[t, s], h[t + 1, s]
        r, z, n = gate[:H], gate[H : 2 * H], gate[2 * H :]
        p_n, b_n = ps[2 * H :], b[2 * H :]
        for j in range(2 * H):  # r and z
            gate[j] = sigmoid(gate[j] + (ps[j] + b[j]))
        for j in range(H):
            qs[j] = p_n[j] + b_n[j]
            n[j] = tanh(n[j] + r[j] * qs[j])
        if m[t, s]:
            for j in range(H):
                h_new[j] = (one - z[j]) * n[j] + z[j] * h_old[j]
        else:
            h_new[:] = h_old


@njit
def gru_cpu(a, p, ut, b, h, q, m, k):
    """Few units: all steps, with their products."""
    T, N, H = q.shape
    for t in range(T):
        p[:] = 0
        for s in range(N):
            ps = p[s]
            for l in range(H):
                hl, row = k[s, l] * h[t, s, l], ut[l]
                for j in range(3 * H):
                    ps[j] += hl * row[j]
        gru_step_cpu(t, a, p, b, h, q, m)


@njit
def gru_step_grad_cpu(t, dy, dh, p, gates, h, q, m, k, da, dp):
    """One step back for everything but the product: p is the product of the step after this one."""
    N, H = dh.shape
    one = da.dtype.type(1)
    for s in range(N):
        dhs, ps, ks, dys, qs, hs = dh[s], p[s], k[s], dy[t, s], q[t, s], h[t, s]
        for j in range(H):
            dhs[j] += ks[j] * ps[j] + dys[j]
        d, e = da[t, s], dp[t, s]
        if not m[t, s]:
            d[:] = 0
            e[:] = 0
            continue
        gate = gates[t, s]
        r, z, n = gate[:H], gate[H : 2 * H], gate[2 * H :]
        dr, dz, dn, e_n = d[:H], d[H : 2 * H], d[2 * H :], e[2 * H :]
        for j in range(H):
            dn[j] = dhs[j] * (one - z[j]) * (one - n[j] * n[j])
            dz[j] = dhs[j] * (hs[j] - n[j]) * z[j] * (one - z[j])
        for j in range(H):
            dr[j] = dn[j] * qs[j] * r[j] * (one - r[j])
            e_n[j] = dn[j] * r[j]
            dhs[j] *= z[j]
        e[: 2 * H] = d[: 2 * H]


@njit
def gru_grad_cpu(dy, dh, p, u, gates, h, q, m, k, da, dp):
    """Few units: everything but the last product's way into dh."""
    T, N, H = q.shape
    for t in range(T - 1, -1, -1):
        gru_step_grad_cpu(t, dy, dh, p, gates, h, q, m, k, da, dp)
        for s in range(N):
            e, ps = dp[t, s], p[s]
            ps[:] = 0
            for j in range(H):  # the three columns of unit j
                r, z, n = e[j], e[H + j], e[2 * H + j]
                ur, uz, un = u[j], u[H + j], u[2 * H + j]
                for l in range(H):
                    ps[l] += r * ur[l] + z * uz[l] + n * un[l]


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
def gru(a: Any, u: Any, b: Any, h0: Any, m: Any, k: Any, reset_after: bool) -> tuple[Any, Any, Any]:
    r"""gates, h and q of all steps. The array a may become the gates.

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True], [False]])
    >>> a = np.array([[[0.0, 0.0, 9.0]], [[0.0, 0.0, 9.0]]])       # z = 1/2, n = 1
    >>> gru(a, np.zeros((3, 1)), np.zeros(3), zero, m, one, True)[1].ravel().round(2)     # the second step is masked
    array([0. , 0.5, 0.5])
    """
    xp = xp_of(a)
    T, N, H = *m.shape, u.shape[1]
    if REFERENCE or not reset_after:
        return gru_ref(xp, a, u, b, h0, m, k, reset_after)
    h, q = xp.empty((T + 1, N, H), a.dtype), xp.empty((T, N, H), a.dtype)
    h[0] = h0
    if on_gpu(a):
        step = elementwise(*GRU_GPU)
        for t in range(T):
            p = (k * h[t]) @ u.T + b
            step(*_parts(a[t]), *_parts(p), h[t], m[t][:, None], *_parts(a[t]), q[t], h[t + 1])
        return a, h, q
    p, ut = np.empty((N, 3 * H), a.dtype), np.ascontiguousarray(u.T)
    if N * H <= SMALL:
        gru_cpu(a, p, ut, b, h, q, m, k)
    else:
        for t in range(T):
            np.dot(k * h[t], ut, out=p)
            gru_step_cpu(t, a, p, b, h, q, m)
    return a, h, q


def gru_grad(
    dy: Any, dh: Any, u: Any, gates: Any, h: Any, q: Any, m: Any, k: Any, reset_after: bool
) -> tuple[Any, Any, Any]:
    r"""da and dp of all steps, and dh of the initial state, from dy of all steps and dh of the final state."""
    xp = xp_of(dy)
    if REFERENCE or not reset_after:
        return gru_grad_ref(xp, dy, dh, u, gates, h, q, m, k, reset_after)
    T, N, H = q.shape
    da, dp, p = xp.empty_like(gates), xp.empty_like(gates), xp.zeros(dh.shape, dh.dtype)
    dh, dy = xp.array(dh, order="C"), xp.ascontiguousarray(dy)
    if on_gpu(dy):
        step = elementwise(*GRU_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[t]
            step(*_parts(gates[t]), h[t], q[t], m[t][:, None], dh, *_parts(da[t]), *_parts(dp[t]), dh)
            dh += k * (dp[t] @ u)
        return da, dp, dh
    if N * H <= SMALL:
        gru_grad_cpu(dy, dh, p, u, gates, h, q, m, k, da, dp)
    else:
        for t in reversed(range(T)):
            gru_step_grad_cpu(t, dy, dh, p, gates, h, q, m, k, da, dp)
            np.dot(dp[t], u, out=p)
    return da, dp, dh + k * p


def _parts(z: Any) -> tuple:
    """The columns r, z, n."""
    H = z.shape[1] // 3
    return tuple(z[:, j * H : (j + 1) * H] for j in range(3))
