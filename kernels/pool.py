r"""Max pooling: the largest value of every window of an image, where it stood, and its gradient.

    for n, c, oh, ow:                                   one window of one plane
        for kh, kw:                                     what it sees
            h = oh*SH - PT + kh*DH                      SH, SW stride; PT, PL padding at the top and left;
            w = ow*SW - PL + kw*DW                      DH, DW dilation
            y[n, c, oh, ow] = max of x[n, c, h, w]      pixels outside of the image are skipped

The winner is the place h*W + w that the maximum came from: the first one in the order kh, kw where several are equal,
and the first NaN where there is one (a NaN beats every number). A window that sees no pixel at all (wide dilation can
do that) has the maximum -inf and the winner -1. Backward, a pixel adds up dy of the windows that it won:

    for n, c, h, w:
        for oh, ow with winner[n, c, oh, ow] == h*W + w:
            dx[n, c, h, w] += dy[n, c, oh, ow]

All targets add in the same order, oh, ow rising, so the results are equal bit for bit. All sizes and options are
checked by the layers: nothing is checked here. On the CPU one iteration of the outer loop owns a plane of what it
writes; on the GPU one thread owns one element.

Shapes: x (N, C, H, W); y and winner (N, C, OH, OW). geometry = (KH, KW, SH, SW, PT, PL, DH, DW).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit


# ---- reference ----
def _padded(xp: Any, x: Any, geometry: tuple, OH: int, OW: int, fill: float) -> Any:
    """x (..., H, W) with `fill` around it, as far as the windows reach."""
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    H, W = x.shape[-2:]
    height = max(PT + H, (OH - 1) * SH + (KH - 1) * DH + 1)
    width = max(PL + W, (OW - 1) * SW + (KW - 1) * DW + 1)
    padded = xp.full((*x.shape[:-2], height, width), fill, x.dtype)
    padded[..., PT : PT + H, PL : PL + W] = x
    return padded


def _views(geometry: tuple, OH: int, OW: int) -> list:
    """For every kh, kw: what all windows see there, as an index into the padded image."""
    KH, KW, SH, SW, _, _, DH, DW = geometry
    rows = [slice(kh * DH, kh * DH + (OH - 1) * SH + 1, SH) for kh in range(KH)]
    columns = [slice(kw * DW, kw * DW + (OW - 1) * SW + 1, SW) for kw in range(KW)]
    return [(..., h, w) for h in rows for w in columns]


def max_ref(xp: Any, x: Any, geometry: tuple, OH: int, OW: int) -> tuple:
    N, C, H, W = x.shape
    place = _padded(xp, xp.arange(H * W).reshape(H, W), geometry, OH, OW, -1)
    x = _padded(xp, x, geometry, OH, OW, -xp.inf)
    y = xp.full((N, C, OH, OW), -xp.inf, x.dtype)
    winner = xp.full((N, C, OH, OW), -1, np.int64)
    for view in _views(geometry, OH, OW):
        v = x[view]
        wins = (v > y) | ((v != v) & (y == y)) | (winner < 0)
        y = xp.where(wins, v, y)
        winner = xp.where(wins, place[view], winner)
    return y, winner


def max_grad_ref(xp: Any, dy: Any, winner: Any, geometry: tuple, H: int, W: int) -> Any:
    OH, OW = dy.shape[2:]
    PT, PL = geometry[4:6]
    place = _padded(xp, xp.arange(H * W).reshape(H, W), geometry, OH, OW, -1)
    dx = xp.zeros((*dy.shape[:2], *place.shape), dy.dtype)
    for view in reversed(_views(geometry, OH, OW)):  # for one pixel kh, kw fall where oh, ow rise
        dx[view] += xp.where((winner == place[view]) & (winner >= 0), dy, dy.dtype.type(0))
    return dx[:, :, PT : PT + H, PL : PL + W]


# ---- CPU ----
@njit
def max_cpu(x, y, winner, KH, KW, SH, SW, PT, PL, DH, DW):
    N, C, OH, OW = y.shape
    H, W = x.shape[2:]
    for n in range(N):
        for c in range(C):
            plane = x[n, c]
            for oh in range(OH):
                for ow in range(OW):
                    best, place = x.dtype.type(-np.inf), -1
                    for kh in range(KH):
                        h = oh * SH - PT + kh * DH
                        if h < 0 or h >= H:
                            continue
                        for kw in range(KW):
                            w = ow * SW - PL + kw * DW
                            if w < 0 or w >= W:
                                continue
                            v = plane[h, w]
                            # `|`, `&` and these two lines compile without a branch that no processor could foresee
                            wins = (v > best) | ((v != v) & (best == best)) | (place < 0)
                            best = v if wins else best
                            place = h * W + w if wins else place
                    y[n, c, oh, ow] = best
                    winner[n, c, oh, ow] = place


@njit
def max_grad_cpu(dy, winner, dx):
    for plane in range(len(dx)):
        dx[plane] = 0
        for window in range(dy.shape[1]):
            place = winner[plane, window]
            if place >= 0:
                dx[plane, place] += dy[plane, window]


# ---- GPU ----
_SIZES = "int64 H, int64 W, int64 OH, int64 OW, int64 KH, int64 KW, int64 SH, int64 SW, int64 PT, int64 PL"

MAX_GPU = (
    f"raw T x, {_SIZES}, int64 DH, int64 DW",
    "T y, int64 winner",
    """
    long long ow = i % OW, oh = i / OW % OH, plane = i / (OW * OH);
    T best = -1 / T(0);
    long long place = -1;
    for (long long kh = 0; kh < KH; ++kh) {
        long long h = oh * SH - PT + kh * DH;
        if (h < 0 || h >= H) continue;
        for (long long kw = 0; kw < KW; ++kw) {
            long long w = ow * SW - PL + kw * DW;
            if (w < 0 || w >= W) continue;
            T v = x[(plane * H + h) * W + w];
            if (v > best || (v != v && best == best) || place < 0) { best = v; place = h * W + w; }
        }
    }
    y = best;
    winner = place;
    """,
    "minidl_max_pool",
)

MAX_GRAD_GPU = (
    f"raw T dy, raw int64 winner, {_SIZES}, int64 DH, int64 DW",
    "T dx",
    """
    long long w = i % W, h = i / W % H, plane = i / (W * H);
    // the windows that may look at h start at oh*SH - PT, from h - (KH-1)*DH to h
    long long top = h + PT - (KH - 1) * DH, left = w + PL - (KW - 1) * DW;
    T sum = 0;
    for (long long oh = top > 0 ? (top + SH - 1) / SH : 0; oh < OH && oh * SH <= h + PT; ++oh)
        for (long long ow = left > 0 ? (left + SW - 1) / SW : 0; ow < OW && ow * SW <= w + PL; ++ow) {
            long long window = (plane * OH + oh) * OW + ow;
            if (winner[window] == h * W + w) sum += dy[window];
        }
    dx = sum;
    """,
    "minidl_max_pool_grad",
)


# ---- what layers call ----
def max_windows(x: Any, geometry: tuple, OH: int, OW: int) -> tuple:
    r"""The maximum of every window of x (N, C, H, W), and its winner h*W + w: both (N, C, OH, OW).

    >>> x = np.array([[[[1.0, 5.0, 2.0], [3.0, 4.0, 5.0]]]])
    >>> y, winner = max_windows(x, (2, 2, 1, 1, 0, 0, 1, 1), 1, 2)
    >>> y.ravel(), winner.ravel()
    (array([5., 5.]), array([1, 1]))
    """
    if REFERENCE:
        return max_ref(xp_of(x), x, geometry, OH, OW)
    xp = xp_of(x)
    N, C, H, W = x.shape
    y = xp.empty((N, C, OH, OW), x.dtype)
    winner = xp.empty((N, C, OH, OW), np.int64)
    x = xp.ascontiguousarray(x)
    if on_gpu(x):
        elementwise(*MAX_GPU)(x, H, W, OH, OW, *geometry, y, winner)
    else:
        max_cpu(x, y, winner, *geometry)
    return y, winner


def max_windows_grad(dy: Any, winner: Any, geometry: tuple, H: int, W: int) -> Any:
    r"""Give dy of every window to its winner: dx (N, C, H, W).

    >>> dy, winner = np.array([[[[10.0, 20.0]]]]), np.array([[[[1, 1]]]])
    >>> max_windows_grad(dy, winner, (2, 2, 1, 1, 0, 0, 1, 1), 2, 3)[0, 0]
    array([[ 0., 30.,  0.],
           [ 0.,  0.,  0.]])
    """
    if REFERENCE:
        return max_grad_ref(xp_of(dy), dy, winner, geometry, H, W)
    xp = xp_of(dy)
    N, C, OH, OW = dy.shape
    dx = xp.empty((N, C, H, W), dy.dtype)
    dy = xp.ascontiguousarray(dy)
    if on_gpu(dy):
        elementwise(*MAX_GRAD_GPU)(dy, winner, H, W, OH, OW, *geometry, dx)
    else:
        max_grad_cpu(dy.reshape(N * C, OH * OW), winner.reshape(N * C, OH * OW), dx.reshape(N * C, H * W))
    return dx
