r"""The self-organising map: how far every row is from every unit, and the rule that moves units towards a row.

    for n, k:                                       every row, every unit
        for d:
            y[n, k] += (x[n, d] - w[d, k])^2        or |x - w|, or what the cosine needs; then a square root

    for t = 0 ... T-1:                              one step needs the one before it
        b = the first unit k with the smallest distance to x[t]
        for d, k:
            w[d, k] += h[k] (x[t, d] - w[d, k])     h[k] = eta[t] * neighbourhood(sigma[t], places of b and k)

The square of the distance of two places (i, j) and (r, c) on the grid is v[|i - r|] + u[s, j - c], where s says how far
row i is displaced against row r (hexagonal grids: 0, 1, 2 for -1/2, 0, 1/2; else S = 1 and s = 0). So tables v and u
say everything about a topology, and the exponential of such a sum is a product: a map of R x C units takes
R + S (2C - 1) exponentials a step and not R C of them. They are computed for many steps at once, before the loop.

The numbers of a row lie apart, those of one feature together (w is (D, K)): both loops run along k, which is what the
processor's vector unit wants. All targets add in the same order and none calls an exponential, so they agree bit for
bit. Nothing is checked here. One iteration of the loop over k owns a unit.

Shapes: x (N, D) or (T, D), w (D, K) with K = R C, y (N, K); eta, sigma (T,); v (R,), u (S, 2C - 1), and of their
exponentials ev (T, R), eu (T, S, 2C - 1).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit

METRICS = {"euclidean": 0, "cosine": 1, "manhattan": 2}
NEIGHBOURHOODS = {"gaussian": 0, "mexican_hat": 1, "bubble": 2, "triangle": 3}
STEPS = 512  # whose exponentials are computed at once
# Below exp(-30) = 1e-13 a neighbourhood counts as 0. Farther out it would be among the subnormal numbers, with which a
# processor takes a hundred times as long.
SMALLEST = -30


# ---- reference ----
def distances_ref(xp: Any, x: Any, w: Any, metric: int) -> Any:
    y, squares, lengths = (xp.zeros((len(x), w.shape[1]), x.dtype) for _ in range(3))
    for d in range(len(w)):  # one after the other, as the kernels add
        a, b = x[:, d : d + 1], w[d]
        if metric == 1:
            y += a * b
            squares += b * b
            lengths += a * a
        else:
            y += abs(a - b) if metric == 2 else (a - b) * (a - b)
    if metric == 0:
        return xp.sqrt(y)
    if metric == 2:
        return y
    size = xp.sqrt(squares) * xp.sqrt(lengths)
    # the angle to a zero vector is called a right one
    return xp.maximum(1 - y / xp.where(size > 0, size, 1), 0) if len(w) else xp.ones_like(y)


def neighbourhood_ref(xp: Any, kind: int, d2: Any, e: Any, sigma: Any) -> Any:
    """The neighbourhood at places whose squared distance from the winner is d2, with e = exp(-d2 / (2 sigma^2))."""
    if kind == 0:
        return e
    if kind == 1:
        return (1 - d2 / (sigma * sigma)) * e
    if kind == 2:
        return (d2 <= sigma * sigma).astype(e.dtype)
    return xp.maximum(1 - xp.sqrt(d2) / sigma, 0)


def online_ref(xp: Any, x: Any, w: Any, eta: Any, sigma: Any, v: Any, u: Any, metric: int, kind: int) -> Any:
    R, C = len(v), (u.shape[1] + 1) // 2
    w = w.copy()
    i, j = xp.arange(R)[:, None], xp.arange(C)
    for t in range(len(x)):
        r, c = divmod(int(distances_ref(xp, x[t : t + 1], w, metric).argmin()), C)
        s = i % 2 - r % 2 + 1 if len(u) == 3 else 0
        ev, eu = exponentials(xp, v, u, sigma[t : t + 1])
        d2 = v[abs(i - r)] + u[s, j - c + C - 1]  # (R, C)
        e = ev[0][abs(i - r)] * eu[0][s, j - c + C - 1]
        h = eta[t] * neighbourhood_ref(xp, kind, d2, e, sigma[t]).ravel()
        w += h * (x[t][:, None] - w)  # (K,) * (D, K)
    return w


def exponentials(xp: Any, v: Any, u: Any, sigma: Any) -> tuple[Any, Any]:
    """exp(-v / (2 sigma^2)) and exp(-u / (2 sigma^2)) for every sigma; 0 where that is of no account."""
    scale = -1 / (2 * sigma * sigma)
    powers = scale[:, None] * v, scale[:, None, None] * u
    return tuple(xp.where(p > SMALLEST, xp.exp(p), 0) for p in powers)


# ---- CPU ----
@njit
def distances_cpu(x, w, y, squares, metric):
    D, K = w.shape
    one, zero = x.dtype.type(1), x.dtype.type(0)
    squares[:] = 0
    if metric == 1:
        for d in range(D):
            wd = w[d]
            for k in range(K):
                squares[k] += wd[k] * wd[k]
    for n in range(len(x)):
        yn = y[n]
        yn[:] = 0
        length = zero
        for d in range(D):
            xd, wd = x[n, d], w[d]
            if metric == 0:
                for k in range(K):
                    yn[k] += (xd - wd[k]) * (xd - wd[k])
            elif metric == 1:
                length += xd * xd
                for k in range(K):
                    yn[k] += xd * wd[k]
            else:
                for k in range(K):
                    yn[k] += abs(xd - wd[k])
        if metric == 0:
            for k in range(K):
                yn[k] = np.sqrt(yn[k])
        elif metric == 1:
            length = np.sqrt(length)
            for k in range(K):
                size = np.sqrt(squares[k]) * length
                yn[k] = max(one - yn[k] / (size if size > 0 else one), zero)


@njit
def online_cpu(x, w, eta, sigma, v, u, ev, eu, metric, kind, y, squares, h):
    D, K = w.shape
    R, C = len(v), (u.shape[1] + 1) // 2
    one, zero = x.dtype.type(1), x.dtype.type(0)
    near = y[0]
    distances_cpu(x[:1], w, y, squares, metric)
    for t in range(len(x)):
        b = 0
        for k in range(K):
            if near[k] < near[b]:
                b = k
        r, c = b // C, b % C
        rate, width = eta[t], sigma[t]
        for i in range(R):
            s = i % 2 - r % 2 + 1 if len(u) == 3 else 0
            vi, e = v[abs(i - r)], ev[t, abs(i - r)]
            ui, f, hi = u[s, C - 1 - c :], eu[t, s, C - 1 - c :], h[i * C : i * C + C]
            for j in range(C):  # the Gaussian, in any case: outside of the choice it is compiled to the faster code
                hi[j] = rate * (e * f[j])
            if kind == 1:
                for j in range(C):
                    hi[j] = rate * ((one - (vi + ui[j]) / (width * width)) * (e * f[j]))
            elif kind == 2:
                for j in range(C):
                    hi[j] = rate if vi + ui[j] <= width * width else zero
            elif kind == 3:
                for j in range(C):
                    hi[j] = rate * max(one - np.sqrt(vi + ui[j]) / width, zero)
        if metric == 0 and t + 1 < len(x):  # each number of w is fetched once for both: the step and the next distances
            near[:] = 0
            for d in range(0, D, 2):  # and those of h for two features
                x0, x1, next0, next1 = x[t, d], x[t, d + 1], x[t + 1, d], x[t + 1, d + 1]
                for k in range(K):
                    w0 = w[d, k] + h[k] * (x0 - w[d, k])
                    w1 = w[d + 1, k] + h[k] * (x1 - w[d + 1, k])
                    w[d, k] = w0
                    w[d + 1, k] = w1
                    near[k] = near[k] + (next0 - w0) * (next0 - w0) + (next1 - w1) * (next1 - w1)
            for k in range(K):
                near[k] = np.sqrt(near[k])
            continue
        for d in range(D):
            xd, wd = x[t, d], w[d]
            for k in range(K):
                wd[k] += h[k] * (xd - wd[k])
        distances_cpu(x[t + 1 : t + 2], w, y, squares, metric)


# ---- GPU: the distances, one thread a row and unit; a step of the rule, one thread a number of w ----
SOM_DISTANCES_GPU = (
    "raw T x, raw T w, int64 D, int64 K, int64 metric",
    "T y",
    """
    long long k = i % K, row = i / K;
    T sum = 0, squares = 0, length = 0;
    for (long long d = 0; d < D; ++d) {
        T a = x[row * D + d], b = w[d * K + k];
        if (metric == 0) sum += (a - b) * (a - b);
        else if (metric == 2) sum += a < b ? b - a : a - b;
        else { sum += a * b; squares += b * b; length += a * a; }
    }
    if (metric == 0) sum = sqrt(sum);
    if (metric == 1) {
        T size = sqrt(squares) * sqrt(length);
        sum = max(T(1) - sum / (size > 0 ? size : T(1)), T(0));
    }
    y = sum;
    """,
    "minidl_som_distances",
)

SOM_STEP_GPU = (
    "raw T x, raw int64 winner, raw T eta, raw T sigma, raw T v, raw T u, raw T ev, raw T eu, int64 t, "
    "int64 R, int64 C, int64 S, int64 kind, int64 D, T w",
    "T moved",
    """
    long long k = i % (R * C), d = i / (R * C), r = winner[0] / C, c = winner[0] % C;
    long long shift = S == 3 ? k / C % 2 - r % 2 + 1 : 0;
    long long row = k / C < r ? r - k / C : k / C - r, column = k % C - c + C - 1;
    T d2 = v[row] + u[shift * (2 * C - 1) + column];
    T e = ev[t * R + row] * eu[(t * S + shift) * (2 * C - 1) + column], s2 = sigma[t] * sigma[t], h = e;
    if (kind == 1) h = (T(1) - d2 / s2) * e;
    if (kind == 2) h = d2 <= s2 ? T(1) : T(0);
    if (kind == 3) h = max(T(1) - sqrt(d2) / sigma[t], T(0));
    h *= eta[t];
    moved = w + h * (x[t * D + d] - w);
    """,
    "minidl_som_step",
)


# ---- what layers call ----
def distances(x: Any, w: Any, metric: int) -> Any:
    r"""y (N, K): how far every row x (N, D) is from every unit w (D, K).

    >>> distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0], [4.0]]), METRICS["euclidean"])
    array([[5.],
           [0.]])
    """
    xp = xp_of(x)
    if REFERENCE:
        return distances_ref(xp, x, w, metric)
    x, w = xp.ascontiguousarray(x), xp.ascontiguousarray(w)
    y = xp.empty((len(x), w.shape[1]), x.dtype)
    if on_gpu(x):
        elementwise(*SOM_DISTANCES_GPU)(x, w, *w.shape, metric, y)
    else:
        distances_cpu(x, w, y, np.empty(w.shape[1], x.dtype), metric)
    return y


def online(x: Any, w: Any, eta: Any, sigma: Any, v: Any, u: Any, metric: int, kind: int) -> Any:
    r"""w (D, K) after a step for each row of x (T, D), one after the other.

    >>> v, u = np.array([0.0]), np.array([[1.0, 0.0, 1.0]])                # a row of two units
    >>> rate, sigma = np.array([0.5]), np.array([0.5])
    >>> online(np.array([[4.0]]), np.array([[0.0, 3.0]]), rate, sigma, v, u, 0, NEIGHBOURHOODS["bubble"])
    array([[0. , 3.5]])
    """
    xp = xp_of(x)
    if REFERENCE:
        return online_ref(xp, x, w, eta, sigma, v, u, metric, kind)
    features = len(w)
    if features % 2 and not on_gpu(x):  # the CPU takes them in pairs: one more, of zeros, changes nothing
        x, w = np.pad(x, ((0, 0), (0, 1))), np.pad(w, ((0, 1), (0, 0)))
    x, w = xp.ascontiguousarray(x), xp.array(w, order="C")
    (D, K), R, C = w.shape, len(v), (u.shape[1] + 1) // 2
    y, squares, h = xp.empty((1, K), x.dtype), xp.empty(K, x.dtype), xp.empty(K, x.dtype)
    for start in range(0, len(x), STEPS):
        part = slice(start, start + STEPS)
        xs, etas, sigmas = x[part], eta[part], sigma[part]
        ev, eu = exponentials(xp, v, u, sigmas)
        if not on_gpu(x):
            online_cpu(xs, w, etas, sigmas, v, u, ev, eu, metric, kind, y, squares, h)
            continue
        near, step = elementwise(*SOM_DISTANCES_GPU), elementwise(*SOM_STEP_GPU)
        for t in range(len(xs)):  # the winner stays on the GPU: no step waits for it here
            near(xs[t : t + 1], w, D, K, metric, y)
            step(xs, y.argmin(axis=1), etas, sigmas, v, u, ev, eu, t, R, C, len(u), kind, D, w, w)
    return w[:features]
