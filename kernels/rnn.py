r"""The time loop of the simple recurrent network, and its way back.

    for t = 0 ... T-1:                                          one step needs the one before it
        p = (k * h[t]) u'                                       (N, H) @ (H, H): BLAS
        for n, j with m[t, n]:                                  a real step; at any other h stays
            h[t+1] = tanh(a[t] + p)

    for t = T-1 ... 0:
        dh += dy[t]
        for n, j with m[t, n]:                                  at any other da = 0, and dh goes through
            da = dh (1 - h[t+1]^2)
            dh = 0
        dh += k * (da[t] u)                                     (N, H) @ (H, H): BLAS

What depends on no other step (the products with the input, the gradients of all weights) is not here: the layer does it
for all steps at once. The products stay with BLAS, but for a few sequences of few units the call costs more than the
work: there the CPU runs the whole loop, products too, in one go.

Shapes: T steps, N sequences, H units. a, da, dy (T, N, H); u (H, H); h (T+1, N, H) from the initial state on; m (T, N)
bool; k (N, H), what the recurrent dropout leaves of h, else 1; dh (N, H).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.scalar import tanh

SMALL = 128  # N H up to which the loop is compiled as a whole


# ---- reference ----
def rnn_ref(xp: Any, a: Any, u: Any, h0: Any, m: Any, k: Any) -> Any:
    T, N, H = a.shape
    h = xp.empty((T + 1, N, H), a.dtype)
    h[0] = h0
    for t in range(T):
        h[t + 1] = xp.where(m[t][:, None], xp.tanh(a[t] + (k * h[t]) @ u.T), h[t])
    return h


def rnn_grad_ref(xp: Any, dy: Any, dh: Any, u: Any, h: Any, m: Any, k: Any) -> tuple[Any, Any]:
    da = xp.empty(dy.shape, dy.dtype)
    for t in reversed(range(len(m))):
        real = m[t][:, None]
        dh = dh + dy[t]
        da[t] = xp.where(real, dh * (1 - h[t + 1] * h[t + 1]), 0)
        dh = xp.where(real, 0, dh) + k * (da[t] @ u)
    return da, dh


# ---- CPU ----
@njit
def rnn_step_cpu(t, a, p, h, m):
    """One step but for its product p."""
    N, H = h.shape[1:]
    for n in range(N):
        an, pn, h_old, h_new = a[t, n], p[n], h[t, n], h[t + 1, n]
        if m[t, n]:
            for j in range(H):
                h_new[j] = tanh(an[j] + pn[j])
        else:
            h_new[:] = h_old


@njit
def rnn_cpu(a, p, ut, h, m, k):
    """Few units: all steps, with their products."""
    T, N, H = a.shape
    for t in range(T):
        p[:] = 0
        for n in range(N):
            pn = p[n]
            for l in range(H):
                hl, row = k[n, l] * h[t, n, l], ut[l]
                for j in range(H):
                    pn[j] += hl * row[j]
        rnn_step_cpu(t, a, p, h, m)


@njit
def rnn_step_grad_cpu(t, dy, dh, p, h, m, k, da):
    """One step back for everything but the product: p is the product of the step after this one."""
    N, H = dh.shape
    one = da.dtype.type(1)
    for n in range(N):
        dhn, pn, kn, dyn, hn, dan = dh[n], p[n], k[n], dy[t, n], h[t + 1, n], da[t, n]
        for j in range(H):
            dhn[j] += kn[j] * pn[j] + dyn[j]
        if m[t, n]:
            for j in range(H):
                dan[j] = dhn[j] * (one - hn[j] * hn[j])
                dhn[j] = 0
        else:
            dan[:] = 0


@njit
def rnn_grad_cpu(dy, dh, p, u, h, m, k, da):
    """Few units: everything but the last product's way into dh."""
    T, N, H = da.shape
    for t in range(T - 1, -1, -1):
        rnn_step_grad_cpu(t, dy, dh, p, h, m, k, da)
        for n in range(N):
            dan, pn = da[t, n], p[n]
            pn[:] = 0
            for j in range(H):
                dj, row = dan[j], u[j]
                for l in range(H):
                    pn[l] += dj * row[l]


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
def rnn(a: Any, u: Any, h0: Any, m: Any, k: Any) -> Any:
    r"""h of all steps.

    >>> zero, one, m = np.zeros((1, 1)), np.ones((1, 1)), np.array([[True], [False]])
    >>> rnn(np.ones((2, 1, 1)), np.zeros((1, 1)), zero, m, one).ravel().round(2)          # the second step is masked
    array([0.  , 0.76, 0.76])
    """
    xp = xp_of(a)
    if REFERENCE:
        return rnn_ref(xp, a, u, h0, m, k)
    T, N, H = a.shape
    h = xp.empty((T + 1, N, H), a.dtype)
    h[0] = h0
    if on_gpu(a):
        step = elementwise(*RNN_GPU)
        for t in range(T):
            step(a[t], (k * h[t]) @ u.T, h[t], m[t][:, None], h[t + 1])
        return h
    p, ut = np.empty((N, H), a.dtype), np.ascontiguousarray(u.T)
    if N * H <= SMALL:
        rnn_cpu(a, p, ut, h, m, k)
    else:
        for t in range(T):
            np.dot(k * h[t], ut, out=p)
            rnn_step_cpu(t, a, p, h, m)
    return h


def rnn_grad(dy: Any, dh: Any, u: Any, h: Any, m: Any, k: Any) -> tuple[Any, Any]:
    r"""da, and dh of the initial state, from dy of all steps and dh of the final state."""
    xp = xp_of(dy)
    if REFERENCE:
        return rnn_grad_ref(xp, dy, dh, u, h, m, k)
    T, N, H = dy.shape
    da, p = xp.empty((T, N, H), dy.dtype), xp.zeros(dh.shape, dh.dtype)
    dh, dy = xp.array(dh, order="C"), xp.ascontiguousarray(dy)
    if on_gpu(dy):
        step = elementwise(*RNN_GRAD_GPU)
        for t in reversed(range(T)):
            dh = dh + dy[t]
            step(h[t + 1], m[t][:, None], dh, da[t], dh)
            dh += k * (da[t] @ u)
        return da, dh
    if N * H <= SMALL:
        rnn_grad_cpu(dy, dh, p, u, h, m, k, da)
    else:
        for t in reversed(range(T)):
            rnn_step_grad_cpu(t, dy, dh, p, h, m, k, da)
            np.dot(da[t], u, out=p)
    return da, dh + k * p
