r"""Squared Euclidean distances of all rows of one array from all rows of another, scaled, and their gradient.

    for n, k:
        for d:                                              D rising
            q += (x[n, d] - c[k, d])^2
        y[n, k] = scale[k] q

Backward, with dq = dy * scale: dx is a sum over the prototypes, dc is the same with x and c in each other's place, and
dscale a sum over the rows:

    for n, k:
        dscale[k] += dy[n, k] y[n, k] / scale[k]
    for n, d:
        for k:
            dx[n, d] += 2 dq[n, k] (x[n, d] - c[k, d])

There is a faster way to the distances where D is large, through a matrix product (BLAS):

    |x - c|^2 = |x|^2 - 2 x c' + |c|^2

but it cancels. With S = |x|^2 + |c|^2 and the machine's eps, the squares and the product (2 |x| |c| <= S) may each be
wrong by D eps S / 2, and q by (D + 2) eps S, however small q is: in float32 two points at 10^4 that are 1 apart may
come out as 0, or below. Two measures make it safe:

- Both are shifted first, by the mean of c. The distances stay as they are, and S becomes small where it can.
- Where even so q < S / 16, the loop above takes the pair again, as it came. Elsewhere the error is at most
  16 (D + 2) eps q, and with the rounding of the shift (|x| + |c| <= 6 |x - c| there: 6 eps q) below 16 (D + 3) eps q.

So a result is never negative, and the distance of equal points is exactly 0, on either way. The gradient is taken apart
alike. With g = dq, but 0 for the near pairs, and the shifted x and c,

    dx = 2 (x * (sum of g over k) - g c),       dc = 2 (c * (sum of g over n) - g' x)

are off by 6 times the rounding of the loop at most; the near pairs are added by the loop.

Shapes: N rows, K prototypes, D features; x (N, D), c (K, D), scale (K,), y and dy (N, K), dx (N, D). For vector units
the loops on the CPU read transposed arrays; on the GPU one thread owns one element of the result. For few D the loop is
faster (PRODUCT below).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit

# the longest distance: an infinite one, at which a radial function has the slope 0, would make 0 inf = NaN of dscale
LARGEST = {char: np.finfo(char).max for char in "fd"}
PRODUCT = 16  # the D from which on matrix products are faster (1000 x 100 pairs, one thread, float32)


# ---- reference ----
def squared_distances_ref(xp: Any, x: Any, c: Any, scale: Any) -> Any:
    y = xp.zeros((len(x), len(c)), x.dtype)
    with np.errstate(over="ignore"):  # as the kernels, which say nothing of it
        for d in range(x.shape[1]):
            y += (x[:, d, None] - c[:, d]) ** 2
        return xp.minimum(y * scale, LARGEST[x.dtype.char])


def squared_distances_grad_ref(xp: Any, dq: Any, x: Any, c: Any) -> Any:
    dx = xp.zeros(x.shape, x.dtype)
    for k in range(len(c)):
        dx += dq[:, k, None] * (x - c[k])
    return 2 * dx


# ---- CPU ----
@njit
def direct_cpu(x, ct, scale, largest, y):
    N, D = x.shape
    for n in range(N):
        row = y[n]
        row[:] = 0
        for d in range(D):
            xd, column = x[n, d], ct[d]
            for k in range(row.size):
                t = xd - column[k]
                row[k] += t * t
        for k in range(row.size):
            t = row[k] * scale[k]
            row[k] = largest if t > largest else t


@njit
def near_cpu(y, x, c, xx, cc, scale, largest):
    """The identity: y comes as -2 x c', xx and cc are squared lengths, all of shifted rows. x and c are not shifted:
    that would have rounded the differences that are wanted here."""
    N, K = y.shape
    for n in range(N):
        row = y[n]
        for k in range(K):
            row[k] += xx[n] + cc[k]
        near = 0
        for k in range(K):
            near += not row[k] * 16 >= xx[n] + cc[k]  # in this form a NaN is taken again too
        if near:
            for k in range(K):
                if not row[k] * 16 >= xx[n] + cc[k]:
                    total = xx[n] * 0
                    for d in range(x.shape[1]):
                        t = x[n, d] - c[k, d]
                        total += t * t
                    row[k] = total
        for k in range(K):
            t = row[k] * scale[k]
            row[k] = largest if t > largest else t


@njit
def near_grad_cpu(g, y, scale, twice, x, c, xx, cc, dx, dc, sums):
    """g comes as dy: added up to sums of dy y, it becomes 2 dq; the near pairs go into dx and dc, and it becomes 0."""
    N, K = g.shape
    for n in range(N):
        gn, row = g[n], y[n]
        for k in range(K):
            sums[k] += gn[k] * row[k]
            gn[k] *= twice[k]
        near = 0
        for k in range(K):
            near += row[k] * 16 < scale[k] * (xx[n] + cc[k])
        if near == 0:
            continue
        for k in range(K):
            if row[k] * 16 < scale[k] * (xx[n] + cc[k]):
                for d in range(x.shape[1]):
                    t = gn[k] * (x[n, d] - c[k, d])
                    dx[n, d] += t
                    dc[k, d] -= t
                gn[k] = 0


@njit
def grad_cpu(dyt, xt, c, dxt):
    """Four prototypes at a time: dx is read and written a quarter as often, and added to in the same order."""
    D, N = xt.shape
    K = len(c)
    dxt[:] = 0
    for k in range(0, K - 3, 4):
        g0, g1, g2, g3 = dyt[k], dyt[k + 1], dyt[k + 2], dyt[k + 3]
        for d in range(D):
            x, dx = xt[d], dxt[d]
            c0, c1, c2, c3 = c[k, d], c[k + 1, d], c[k + 2, d], c[k + 3, d]
            for n in range(N):
                t = dx[n] + g0[n] * (x[n] - c0)
                t += g1[n] * (x[n] - c1)
                t += g2[n] * (x[n] - c2)
                dx[n] = t + g3[n] * (x[n] - c3)
    for k in range(K - K % 4, K):
        for d in range(D):
            x, dx = xt[d], dxt[d]
            for n in range(N):
                dx[n] += dyt[k, n] * (x[n] - c[k, d])


# ---- GPU ----
DIRECT_GPU = (
    "raw T x, raw T c, int64 K, int64 D",
    "T y",
    """
    long long n = i / K, k = i % K;
    T total = 0;
    for (long long d = 0; d < D; ++d) {
        T t = x[n * D + d] - c[k * D + d];
        total += t * t;
    }
    y = total;
    """,
    "minidl_squared_distances",
)

NEAR_GPU = (
    "T product, raw T x, raw T c, raw T xx, raw T cc, int64 K, int64 D",
    "T y",
    """
    long long n = i / K, k = i % K;
    T S = xx[n] + cc[k], total = product + S;
    if (!(total * 16 >= S)) {
        total = 0;
        for (long long d = 0; d < D; ++d) {
            T t = x[n * D + d] - c[k * D + d];
            total += t * t;
        }
    }
    y = total;
    """,
    "minidl_squared_distances_near",
)

GRAD_GPU = (
    "raw T dy, T x, raw T c, int64 K, int64 D",
    "T dx",
    """
    long long n = i / D, d = i % D;
    T total = 0;
    for (long long k = 0; k < K; ++k) total += dy[n * K + k] * (x - c[k * D + d]);
    dx = 2 * total;
    """,
    "minidl_squared_distances_grad",
)


# ---- what layers call ----
def squared_distances(x: Any, c: Any, scale: Any = None) -> Any:
    r"""|x_n - c_k|^2 of all rows x (N, D) and c (K, D), times scale_k where there is a scale (K,): (N, K).

    What would be infinite is the largest number of the dtype.

    >>> import numpy as np
    >>> squared_distances(np.array([[1e8, 0.0], [1e8, 3.0]]), np.array([[1e8, 3.0], [1e8 + 4, 0.0]]))
    array([[ 9., 16.],
           [ 0., 25.]])
    """
    xp = xp_of(x)
    scale = xp.ones(len(c), x.dtype) if scale is None else scale
    if REFERENCE:
        return squared_distances_ref(xp, x, c, scale)
    return direct(x, c, scale) if x.shape[1] < PRODUCT else by_product(x, c, scale)


def direct(x: Any, c: Any, scale: Any) -> Any:
    xp = xp_of(x)
    y = xp.empty((len(x), len(c)), x.dtype)
    x = xp.ascontiguousarray(x)
    if on_gpu(x):
        elementwise(*DIRECT_GPU)(x, xp.ascontiguousarray(c), len(c), x.shape[1], y)
        y *= scale
        xp.minimum(y, LARGEST[x.dtype.char], out=y)
    else:
        direct_cpu(x, xp.ascontiguousarray(c.T), scale, LARGEST[x.dtype.char], y)
    return y


def by_product(x: Any, c: Any, scale: Any) -> Any:
    xp = xp_of(x)
    x, c = xp.ascontiguousarray(x), xp.ascontiguousarray(c)
    xs, cs, xx, cc = _shifted(x, c)
    y = xs @ (-2 * cs.T)  # (N, D) @ (D, K) -> (N, K)
    if on_gpu(x):
        elementwise(*NEAR_GPU)(y, x, c, xx, cc, *c.shape, y)
        y *= scale
        xp.minimum(y, LARGEST[x.dtype.char], out=y)
    else:
        near_cpu(y, x, c, xx, cc, scale, LARGEST[x.dtype.char])
    return y


def _shifted(x: Any, c: Any) -> tuple[Any, Any, Any, Any]:
    """x and c with the mean of c as the origin, and their squared lengths."""
    xp = xp_of(x)
    shift = c.mean(axis=0)
    x, c = x - shift, c - shift
    return x, c, xp.einsum("nd,nd->n", x, x), xp.einsum("kd,kd->k", c, c)


def squared_distances_grad(dy: Any, y: Any, x: Any, c: Any, scale: Any) -> tuple[Any, Any, Any]:
    r"""dx (N, D), dc (K, D) and dscale (K,), for y = squared_distances(x, c, scale) and a dy (N, K) that may be written
    to.

    >>> import numpy as np
    >>> x, c, dy = np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [2.0, -3.0]]), np.array([[1.0, 10.0]])
    >>> dx, dc, dscale = squared_distances_grad(dy, squared_distances(x, c), x, c, np.ones(2))
    >>> dx, dc + 0.0, dscale
    (array([[ 2., 60.]]), array([[ -2.,   0.],
           [  0., -60.]]), array([ 1., 90.]))
    """
    if not REFERENCE and not on_gpu(x) and x.shape[1] >= PRODUCT:
        return grad_by_product(dy, y, x, c, scale)
    dscale = (dy * y).sum(axis=0) / scale
    dq = dy * scale
    return grad_direct(dq, x, c), grad_direct(dq.T, c, x), dscale


def grad_direct(dq: Any, x: Any, c: Any) -> Any:
    """dx; and dc for dq.T, with x and c in each other's place."""
    xp = xp_of(x)
    if REFERENCE:
        return squared_distances_grad_ref(xp, dq, x, c)
    c = xp.ascontiguousarray(c)
    if on_gpu(x):
        dx = xp.empty(x.shape, x.dtype)
        elementwise(*GRAD_GPU)(xp.ascontiguousarray(dq), xp.ascontiguousarray(x), c, *c.shape, dx)
        return dx
    dxt = xp.empty(x.shape[::-1], x.dtype)
    grad_cpu(xp.ascontiguousarray(dq.T), xp.ascontiguousarray(x.T), c, dxt)
    dxt *= 2
    return dxt.T


def grad_by_product(dy: Any, y: Any, x: Any, c: Any, scale: Any) -> tuple[Any, Any, Any]:
    xp = xp_of(x)
    x, c, g = xp.ascontiguousarray(x), xp.ascontiguousarray(c), xp.ascontiguousarray(dy)
    xs, cs, xx, cc = _shifted(x, c)
    dx, dc, sums = xp.zeros_like(x), xp.zeros_like(c), xp.zeros_like(scale)
    near_grad_cpu(g, y, scale, 2 * scale, x, c, xx, cc, dx, dc, sums)
    dx += (g @ xp.ones(len(c), x.dtype))[:, None] * xs
    dx -= g @ cs  # (N, K) @ (K, D) -> (N, D)
    dc += (xp.ones(len(x), x.dtype) @ g)[:, None] * cs
    dc -= g.T @ xs  # (K, N) @ (N, D) -> (K, D)
    return dx, dc, sums / scale
