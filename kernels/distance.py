r"""Squared Euclidean distances of all rows of one array from all rows of another, and their gradient.

    for n, k:
        for d:                                              D rising
            y[n, k] += (x[n, d] - c[k, d])^2

Backward, dx is a sum over the prototypes, and dc is the same with x and c in each other's place:

    for n, d:
        for k:
            dx[n, d] += 2 dy[n, k] (x[n, d] - c[k, d])

There is a faster way to the distances where D is large, through a matrix product (BLAS):

    |x - c|^2 = |x|^2 - 2 x c' + |c|^2

but it cancels. With S = |x|^2 + |c|^2 and the machine's eps, the squares and the product (2 |x| |c| <= S) may each be
wrong by D eps S / 2, and y by (D + 2) eps S, however small y is: in float32 two points at 10^4 that are 1 apart may
come out as 0, or below. Two measures make it safe:

- Both are shifted first, by the mean of c. The distances stay as they are, and S becomes small where it can.
- Where even so y < S / 16, the loop above takes the pair again, as it came. Elsewhere the error is at most
  16 (D + 2) eps y, and with the rounding of the shift (|x| + |c| <= 6 |x - c| there: 6 eps y) below 16 (D + 3) eps y.

So a result is never negative, and the distance of equal points is exactly 0, on either way. The gradient stays with the
loop: x (sum of dy) - dy c cancels for the near pairs, and those are the ones that matter.

Shapes: N rows, K prototypes, D features; x (N, D), c (K, D), y and dy (N, K), dx (N, D). For vector units the loops
on the CPU read transposed arrays; on the GPU one thread owns one element of the result. For few D the loop is faster
(PRODUCT below).
"""

from typing import Any

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit

PRODUCT = (
    32  # the D from which on the matrix product is faster: 1000 x 100 pairs take 0.23 ms by the loop and 0.14 by it
)


# ---- reference ----
def squared_distances_ref(xp: Any, x: Any, c: Any) -> Any:
    y = xp.zeros((len(x), len(c)), x.dtype)
    for d in range(x.shape[1]):
        y += (x[:, d, None] - c[:, d]) ** 2
    return y


def squared_distances_grad_ref(xp: Any, dy: Any, x: Any, c: Any) -> Any:
    dx = xp.zeros(x.shape, x.dtype)
    for k in range(len(c)):
        dx += dy[:, k, None] * (x - c[k])
    return 2 * dx


# ---- CPU ----
@njit
def direct_cpu(x, ct, y):
    N, D = x.shape
    for n in range(N):
        row = y[n]
        row[:] = 0
        for d in range(D):
            xd, column = x[n, d], ct[d]
            for k in range(row.size):
                t = xd - column[k]
                row[k] += t * t


@njit
def near_cpu(product, x, c, xx, cc, y):
    """The identity, from product = -2 x c' and the squared lengths xx, cc of the shifted rows; x and c are not shifted,
    which would have rounded the differences that are wanted here."""
    N, K = y.shape
    for n in range(N):
        row = y[n]
        for k in range(K):
            row[k] = product[n, k] + (xx[n] + cc[k])
        near = 0
        for k in range(K):
            near += not row[k] * 16 >= xx[n] + cc[k]  # in this form a NaN is taken again too
        if near == 0:
            continue
        for k in range(K):
            if not row[k] * 16 >= xx[n] + cc[k]:
                total = xx[n] * 0
                for d in range(x.shape[1]):
                    t = x[n, d] - c[k, d]
                    total += t * t
                row[k] = total


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
def squared_distances(x: Any, c: Any) -> Any:
    r"""|x_n - c_k|^2 of all rows x (N, D) and c (K, D): (N, K).

    >>> import numpy as np
    >>> squared_distances(np.array([[1e8, 0.0], [1e8, 3.0]]), np.array([[1e8, 3.0], [1e8 + 4, 0.0]]))
    array([[ 9., 16.],
           [ 0., 25.]])
    """
    if REFERENCE:
        return squared_distances_ref(xp_of(x), x, c)
    return direct(x, c) if x.shape[1] < PRODUCT else by_product(x, c)


def direct(x: Any, c: Any) -> Any:
    xp = xp_of(x)
    y = xp.empty((len(x), len(c)), x.dtype)
    x = xp.ascontiguousarray(x)
    if on_gpu(x):
        elementwise(*DIRECT_GPU)(x, xp.ascontiguousarray(c), len(c), x.shape[1], y)
    else:
        direct_cpu(x, xp.ascontiguousarray(c.T), y)
    return y


def by_product(x: Any, c: Any) -> Any:
    xp = xp_of(x)
    x, c = xp.ascontiguousarray(x), xp.ascontiguousarray(c)
    shift = c.mean(axis=0)
    xs, cs = x - shift, c - shift
    xx, cc = (xs * xs).sum(axis=1), (cs * cs).sum(axis=1)
    product = xs @ (-2 * cs.T)  # (N, D) @ (D, K) -> (N, K)
    y = xp.empty_like(product)
    if on_gpu(x):
        elementwise(*NEAR_GPU)(product, x, c, xx, cc, *c.shape, y)
    else:
        near_cpu(product, x, c, xx, cc, y)
    return y


def squared_distances_grad(dy: Any, x: Any, c: Any) -> Any:
    r"""dx (N, D) for dy (N, K); dc is squared_distances_grad(dy.T, c, x).

    >>> import numpy as np
    >>> squared_distances_grad(np.array([[1.0, 10.0]]), np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [2.0, -3.0]]))
    array([[ 2., 60.]])
    """
    xp = xp_of(x)
    if REFERENCE:
        return squared_distances_grad_ref(xp, dy, x, c)
    c = xp.ascontiguousarray(c)
    if on_gpu(x):
        dx = xp.empty(x.shape, x.dtype)
        elementwise(*GRAD_GPU)(xp.ascontiguousarray(dy), xp.ascontiguousarray(x), c, *c.shape, dx)
        return dx
    dxt = xp.empty(x.shape[::-1], x.dtype)
    grad_cpu(xp.ascontiguousarray(dy.T), xp.ascontiguousarray(x.T), c, dxt)
    dxt *= 2
    return dxt.T
