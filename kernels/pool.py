r"""Max pooling: the largest value of every window of an image, where it stood, and its gradient.

    for n, c, oh, ow:                                   one window of one map
        for kh, kw:                                     what it sees
            h = oh*SH - PT + kh*DH                      SH, SW stride; PT, PL padding at the top and left;
            w = ow*SW - PL + kw*DW                      DH, DW dilation
            y[n, c, oh, ow] = max of x[n, c, h, w]      pixels outside of the image are skipped

The winner is the number kh*KW + kw of the place that the maximum came from: the first one in the order kh, kw where
several are equal, and the first NaN where there is one (a NaN beats every number). A window that sees no pixel at all
(wide dilation can do that) has the maximum -inf and the winner KH*KW. Winners are bytes where KH*KW <= 255 (else
int64): the memory that is read and written is what a pooling costs. Backward, a pixel adds up dy of the windows that it
won:

    for n, c, oh, ow:
        h, w = where the place winner[n, c, oh, ow] of this window lies
        dx[n, c, h, w] += dy[n, c, oh, ow]

All targets add in the same order, oh, ow rising, so the results are equal bit for bit. All sizes and options are
checked by the layers: nothing is checked here.

On the CPU the loops over places are the outer ones and the loop over neighbours is the innermost, so that 8 or 16
windows are compared in one step, without a branch (who wins can't be foreseen, and a branch that goes the other way
than foreseen costs as much as 50 comparisons). Who the neighbours are depends on how the image lies in memory, and is
told in planes.py; the answer lies in memory as x does. A shard is some planes, or some rows of windows. On the GPU one
thread owns one element.

Shapes: x (N, C, H, W); y and winner (N, C, OH, OW). geometry = (KH, KW, SH, SW, PT, PL, DH, DW).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, channels_last, elementwise, on_gpu, xp_of
from minidl.jit import borrowed, njit
from minidl.kernels.planes import MANY, apart, buffers, empty, one_stride, padded, planes, views, windows_at
from minidl.threads import shards_for, share


# ---- reference ----
def max_ref(xp: Any, x: Any, geometry: tuple, OH: int, OW: int) -> tuple:
    N, C, H, W = x.shape
    inside = padded(xp, xp.ones((H, W), bool), geometry, OH, OW, False)
    x = padded(xp, x, geometry, OH, OW, -xp.inf)
    seen = views(geometry, OH, OW)
    y = xp.full((N, C, OH, OW), -xp.inf, x.dtype)
    winner = xp.full((N, C, OH, OW), len(seen), _number(geometry))
    for k, view in enumerate(seen):
        v = x[view]
        wins = ((v > y) | ((v != v) & (y == y)) | (winner == len(seen))) & inside[view]
        y = xp.where(wins, v, y)
        winner = xp.where(wins, winner.dtype.type(k), winner)
    return y, winner


def max_grad_ref(xp: Any, dy: Any, winner: Any, geometry: tuple, H: int, W: int) -> Any:
    N, C, OH, OW = dy.shape
    PT, PL = geometry[4:6]
    dx = padded(xp, xp.zeros((N, C, H, W), dy.dtype), geometry, OH, OW, 0)
    seen = views(geometry, OH, OW)
    for k in reversed(range(len(seen))):  # for one pixel kh, kw fall where oh, ow rise
        dx[seen[k]] += xp.where(winner == k, dy, dy.dtype.type(0))
    return dx[:, :, PT : PT + H, PL : PL + W]


# ---- CPU ----
@njit
def _first(first, H, W, Q, KH, KW, SH, SW, PT, PL, DH, DW):
    """For all windows of a plane (OH, OW*Q): the first place that sees a pixel (none: KH*KW)."""
    first[:] = KH * KW
    for kh in range(KH - 1, -1, -1):
        top, bottom = windows_at(kh, H, len(first), SH, PT, DH)
        for kw in range(KW - 1, -1, -1):
            left, right = windows_at(kw, W, first.shape[1] // Q, SW, PL, DW)
            first[top:bottom, left * Q : right * Q] = kh * KW + kw


@njit
def _begin(y, winner, first):
    for j in range(len(y)):
        y[j] = -np.inf
        winner[j] = first[j]


@njit
def _larger(x, y, winner, k):
    """One place k of a line of windows: where x is larger than y, it takes over."""
    for j in range(len(y)):
        wins = (not x[j] <= y[j]) & (y[j] == y[j])  # a NaN is larger than a number
        y[j] = x[j] if wins else y[j]
        winner[j] = k if wins else winner[j]


@njit
def max_cpu(shard, shards, x, y, winner, first, Q, KH, KW, SH, SW, PT, PL, DH, DW):
    """x (P, H, W*Q); y and winner (P, OH, OW*Q); first (OH, WP*Q): the first place of a window that sees a pixel"""
    x, y, winner, first = borrowed((x, y, winner, first))
    P, OH, OW, pitch = len(x), y.shape[1], y.shape[2] // Q, first.shape[1]
    rows, phases = buffers(x, OH, OW, Q, -np.inf, KH, KW, SH, SW, DH, DW)
    wide = pitch > OW * Q
    bests, places = np.empty((int(wide), OH, pitch), x.dtype), np.empty((int(wide), OH, pitch), first.dtype)
    run = (OH - 1) * pitch + OW * Q
    for p in range(shard * P // shards, (shard + 1) * P // shards):
        apart(x[p], rows, phases, Q, PT, PL)
        best, place = (bests[0], places[0]) if wide else (y[p], winner[p])
        best, place = best.reshape(-1), place.reshape(-1)
        _begin(best, place, first.reshape(-1))
        for k in range(KH * KW):
            h, w = k // KW * DH, k % KW * DW
            _larger(phases[w % SW, h % SH, h // SH * pitch + w // SW * Q :], best[:run], place, winner.dtype.type(k))
        if wide:
            for oh in range(OH):
                for j in range(OW * Q):
                    y[p, oh, j] = bests[0, oh, j]
                    winner[p, oh, j] = places[0, oh, j]


@njit
def max_channels_cpu(shard, shards, x, y, winner, first, Q, KH, KW, SH, SW, PT, PL, DH, DW):
    """The same for images whose channels are last, and many."""
    P, H = x.shape[:2]
    OH, W, OW = y.shape[1], x.shape[2] // Q, y.shape[2] // Q
    for r in range(shard * P * OH // shards, (shard + 1) * P * OH // shards):
        p, oh = r // OH, r % OH
        _begin(y[p, oh], winner[p, oh], first[oh])
        best, place = y[p, oh].reshape(OW, Q), winner[p, oh].reshape(OW, Q)
        for kh in range(KH):
            h = oh * SH - PT + kh * DH
            if 0 <= h < H:
                row = x[p, h].reshape(W, Q)
                for kw in range(KW):
                    k = winner.dtype.type(kh * KW + kw)
                    left, right = windows_at(kw, W, OW, SW, PL, DW)
                    for ow in range(left, right):
                        _larger(row[ow * SW - PL + kw * DW], best[ow], place[ow], k)


@njit
def max_grad_cpu(shard, shards, dy, winner, dx, Q, KH, KW, SH, SW, PT, PL, DH, DW):
    """dy and winner (P, OH, OW*Q); dx (P, H, W*Q)"""
    P, H = dx.shape[:2]
    OH, W, OW = dy.shape[1], dx.shape[2] // Q, dy.shape[2] // Q
    places, starts = np.empty(KH * KW, np.int64), np.empty(OW * Q, np.int64)  # in the memory of a plane
    for k in range(KH * KW):
        places[k] = (k // KW * DH * W + k % KW * DW) * Q
    for j in range(OW * Q):
        starts[j] = (j // Q * SW - PL) * Q + j % Q
    for p in range(shard * P // shards, (shard + 1) * P // shards):
        plane = dx[p].reshape(-1)
        plane[:] = 0
        for oh in range(OH):
            top, slope, won = (oh * SH - PT) * W * Q, dy[p, oh], winner[p, oh]
            for j in range(OW * Q):
                k = won[j]
                if k < KH * KW:
                    plane[np.uintp(top + starts[j] + places[k])] += slope[j]


# ---- GPU ----
_SIZES = "int64 H, int64 W, int64 OH, int64 OW, int64 KH, int64 KW, int64 SH, int64 SW, int64 PT, int64 PL"

MAX_GPU = (
    f"raw T x, {_SIZES}, int64 DH, int64 DW",
    "T y, I winner",
    """
    long long ow = i % OW, oh = i / OW % OH, plane = i / (OW * OH);
    T best = -1 / T(0);
    long long place = KH * KW;
    for (long long kh = 0; kh < KH; ++kh) {
        long long h = oh * SH - PT + kh * DH;
        if (h < 0 || h >= H) continue;
        for (long long kw = 0; kw < KW; ++kw) {
            long long w = ow * SW - PL + kw * DW;
            if (w < 0 || w >= W) continue;
            T v = x[(plane * H + h) * W + w];
            if (v > best || (v != v && best == best) || place == KH * KW) { best = v; place = kh * KW + kw; }
        }
    }
    y = best;
    winner = place;
    """,
    "minidl_max_pool",
)

MAX_GRAD_GPU = (
    f"raw T dy, raw I winner, {_SIZES}, int64 DH, int64 DW",
    "T dx",
    """
    long long w = i % W, h = i / W % H, plane = i / (W * H);
    // the windows that may look at h start at oh*SH - PT, from h - (KH-1)*DH to h
    long long top = h + PT - (KH - 1) * DH, left = w + PL - (KW - 1) * DW;
    T sum = 0;
    for (long long oh = top > 0 ? (top + SH - 1) / SH : 0; oh < OH && oh * SH <= h + PT; ++oh)
        for (long long ow = left > 0 ? (left + SW - 1) / SW : 0; ow < OW && ow * SW <= w + PL; ++ow) {
            long long window = (plane * OH + oh) * OW + ow, place = winner[window];
            if (oh * SH - PT + place / KW * DH == h && ow * SW - PL + place % KW * DW == w) sum += dy[window];
        }
    dx = sum;
    """,
    "minidl_max_pool_grad",
)


# ---- what layers call ----
def _number(geometry: tuple) -> type:
    """The type of a winner."""
    return np.uint8 if geometry[0] * geometry[1] <= 255 else np.int64


def max_windows(x: Any, geometry: tuple, OH: int, OW: int) -> tuple:
    r"""The maximum of every window of x (N, C, H, W), and its winner kh*KW + kw: both (N, C, OH, OW).

    >>> x = np.array([[[[1.0, 5.0, 2.0], [3.0, 4.0, 5.0]]]])
    >>> y, winner = max_windows(x, (2, 2, 1, 1, 0, 0, 1, 1), 1, 2)
    >>> y.ravel(), winner.ravel()
    (array([5., 5.]), array([1, 0], dtype=uint8))
    """
    xp, last = xp_of(x), channels_last(x)
    if REFERENCE:
        return max_ref(xp, x, geometry, OH, OW)
    N, C, H, W = x.shape
    y, winner = (empty(xp, (N, C, OH, OW), dtype, last) for dtype in (x.dtype, _number(geometry)))
    if on_gpu(x):
        elementwise(*MAX_GPU)(xp.ascontiguousarray(x), H, W, OH, OW, *geometry, y, winner)
    else:
        geometry = one_stride(geometry, OH, OW)
        KH, KW, _, SW, _, _, DH, DW = geometry
        far = (KH - 1) * DH > 2 * H or (KW - 1) * DW > 2 * W  # a plane in its padding could be a lot of memory
        kernel, Q = (max_channels_cpu if far or (last and C >= MANY) else max_cpu), C if last else 1
        WP = OW if kernel is max_channels_cpu else OW + (KW - 1) * DW // SW
        first = np.empty((OH, WP * Q), winner.dtype)
        _first(first, H, W, Q, *geometry)
        shards = shards_for(0.5 * y.size * KH * KW)
        if kernel is max_cpu:
            shards = min(shards, max(1, N * C // Q))  # planes
        share(kernel, shards, *(planes(a, last) for a in (x, y, winner)), first, Q, *geometry)
    return y, winner


def max_windows_grad(dy: Any, winner: Any, geometry: tuple, H: int, W: int, last: bool = False) -> Any:
    r"""Give dy of every window to its winner: dx (N, C, H, W), with channels last in memory or not.

    >>> dy, winner = np.array([[[[10.0, 20.0]]]]), np.array([[[[1, 0]]]])
    >>> max_windows_grad(dy, winner, (2, 2, 1, 1, 0, 0, 1, 1), 2, 3)[0, 0]
    array([[ 0., 30.,  0.],
           [ 0.,  0.,  0.]])
    """
    xp = xp_of(dy)
    if REFERENCE:
        return max_grad_ref(xp, dy, winner, geometry, H, W)
    N, C, OH, OW = dy.shape
    dx = empty(xp, (N, C, H, W), dy.dtype, last)
    if on_gpu(dy):
        elementwise(*MAX_GRAD_GPU)(xp.ascontiguousarray(dy), winner, H, W, OH, OW, *geometry, dx)
    else:
        shards = shards_for(dy.size + 0.2 * dx.size)
        share(max_grad_cpu, shards, *(planes(a, last) for a in (dy, winner, dx)), C if last else 1, *geometry)
    return dx
