r"""Sum pooling: the sum of every window of an image, and its gradient. (An average is a sum and a division.)

    for n, c, oh, ow:                                   one window of one plane
        for kh, kw:                                     what it sees
            h = oh*SH - PT + kh                         SH, SW stride; PT, PL padding at the top and left
            w = ow*SW - PL + kw
            y[n, c, oh, ow] += x[n, c, h, w]            pixels outside of the image are skipped

Backward, a pixel adds up dy of the windows that see it:

    for n, c, h, w:
        for oh, ow that look at (h, w):
            dx[n, c, h, w] += dy[n, c, oh, ow]

All targets add in the same order (forward kh, kw rising, backward oh, ow rising), so the results are equal bit for bit.
All sizes and options are checked by the layers: nothing is checked here.

On the CPU the loops over the places of a window are the outer ones and the loop over neighbours is the innermost, so
that 8 or 16 sums grow in one step. Who the neighbours are depends on how the image lies in memory, and is told in
planes.py; the answer lies in memory as x does. A shard is some planes, or some rows of windows. On the GPU one thread
owns one element.

Shapes: x (N, C, H, W); y (N, C, OH, OW). geometry = (KH, KW, SH, SW, PT, PL).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, channels_last, elementwise, on_gpu, xp_of
from minidl.jit import borrowed, njit
from minidl.kernels.planes import MANY, apart, buffers, copy_rows, empty, one_stride, padded, planes, together, views
from minidl.threads import shards_for, share


# ---- reference ----
def sum_ref(xp: Any, x: Any, geometry: tuple, OH: int, OW: int) -> Any:
    x, y = padded(xp, x, (*geometry, 1, 1), OH, OW, 0), xp.zeros((*x.shape[:2], OH, OW), x.dtype)
    for view in views((*geometry, 1, 1), OH, OW):
        y += x[view]
    return y


def sum_grad_ref(xp: Any, dy: Any, geometry: tuple, H: int, W: int) -> Any:
    N, C, OH, OW = dy.shape
    PT, PL = geometry[4:]
    dx = padded(xp, xp.zeros((N, C, H, W), dy.dtype), (*geometry, 1, 1), OH, OW, 0)
    for view in reversed(views((*geometry, 1, 1), OH, OW)):  # for one pixel kh, kw fall where oh, ow rise
        dx[view] += dy
    return dx[:, :, PT : PT + H, PL : PL + W]


# ---- CPU ----
@njit
def _add(x, y):
    for j in range(len(y)):
        y[j] += x[j]


@njit
def sum_cpu(shard, shards, x, y, Q, KH, KW, SH, SW, PT, PL):
    """x (P, H, W*Q); y (P, OH, OW*Q)"""
    x, y = borrowed((x, y))
    P, OH, OW = len(x), y.shape[1], y.shape[2] // Q
    rows, phases = buffers(x, OH, OW, Q, 0, KH, KW, SH, SW, 1, 1)
    pitch = (OW + (KW - 1) // SW) * Q
    wide = pitch > OW * Q
    sums, run = np.empty((int(wide), OH, pitch), x.dtype), (OH - 1) * pitch + OW * Q
    for p in range(shard * P // shards, (shard + 1) * P // shards):
        apart(x[p], rows, phases, Q, PT, PL)
        lines = (sums[0] if wide else y[p]).reshape(-1)[:run]
        lines[:] = 0
        for kh in range(KH):
            for kw in range(KW):
                _add(phases[kw % SW, kh % SH, kh // SH * pitch + kw // SW * Q :], lines)
        if wide:
            copy_rows(sums[0], y[p])


@njit
def sum_channels_cpu(shard, shards, x, y, Q, KH, KW, SH, SW, PT, PL):
    """The same for images whose channels are last, and many."""
    P, H = x.shape[:2]
    OH, W, OW = y.shape[1], x.shape[2] // Q, y.shape[2] // Q
    for r in range(shard * P * OH // shards, (shard + 1) * P * OH // shards):
        p, oh = r // OH, r % OH
        y[p, oh] = 0
        sums = y[p, oh].reshape(OW, Q)
        for h in range(max(0, oh * SH - PT), min(H, oh * SH - PT + KH)):
            row = x[p, h].reshape(W, Q)
            for ow in range(OW):
                for w in range(max(0, ow * SW - PL), min(W, ow * SW - PL + KW)):
                    _add(row[w], sums[ow])


@njit
def sum_grad_cpu(shard, shards, dy, dx, Q, KH, KW, SH, SW, PT, PL):
    """dy (P, OH, OW*Q); dx (P, H, W*Q)"""
    dy, dx = borrowed((dy, dx))
    P, OH, OW = len(dx), dy.shape[1], dy.shape[2] // Q
    rows, phases = buffers(dx, OH, OW, Q, 0, KH, KW, SH, SW, 1, 1)
    pitch = (OW + (KW - 1) // SW) * Q
    wide = pitch > OW * Q
    slopes, run = np.zeros((int(wide), OH, pitch), dx.dtype), (OH - 1) * pitch + OW * Q
    for p in range(shard * P // shards, (shard + 1) * P // shards):
        if wide:
            copy_rows(dy[p], slopes[0])
        lines = (slopes[0] if wide else dy[p]).reshape(-1)[:run]
        phases[:] = 0
        for kh in range(KH - 1, -1, -1):  # for one pixel kh, kw fall where oh, ow rise
            for kw in range(KW - 1, -1, -1):
                start = kh // SH * pitch + kw // SW * Q
                _add(lines, phases[kw % SW, kh % SH, start : start + run])
        together(phases, rows, dx[p], Q, PT, PL)


@njit
def sum_grad_channels_cpu(shard, shards, dy, dx, Q, KH, KW, SH, SW, PT, PL):
    """The same for images whose channels are last, and many."""
    P, H = dx.shape[:2]
    OH, W, OW = dy.shape[1], dx.shape[2] // Q, dy.shape[2] // Q
    for p in range(shard * P // shards, (shard + 1) * P // shards):
        dx[p] = 0
        for oh in range(OH):
            slopes = dy[p, oh].reshape(OW, Q)
            for h in range(max(0, oh * SH - PT), min(H, oh * SH - PT + KH)):
                row = dx[p, h].reshape(W, Q)
                for ow in range(OW):
                    for w in range(max(0, ow * SW - PL), min(W, ow * SW - PL + KW)):
                        _add(slopes[ow], row[w])


# ---- GPU ----
_SIZES = "int64 H, int64 W, int64 OH, int64 OW, int64 KH, int64 KW, int64 SH, int64 SW, int64 PT, int64 PL"

SUM_GPU = (
    f"raw T x, {_SIZES}",
    "T y",
    """
    long long ow = i % OW, oh = i / OW % OH, plane = i / (OW * OH);
    T sum = 0;
    for (long long kh = 0; kh < KH; ++kh) {
        long long h = oh * SH - PT + kh;
        if (h < 0 || h >= H) continue;
        for (long long kw = 0; kw < KW; ++kw) {
            long long w = ow * SW - PL + kw;
            if (0 <= w && w < W) sum += x[(plane * H + h) * W + w];
        }
    }
    y = sum;
    """,
    "minidl_sum_pool",
)

SUM_GRAD_GPU = (
    f"raw T dy, {_SIZES}",
    "T dx",
    """
    long long w = i % W, h = i / W % H, plane = i / (W * H);
    // the windows that look at h start at oh*SH - PT, from h - (KH-1) to h
    long long top = h + PT - (KH - 1), left = w + PL - (KW - 1);
    T sum = 0;
    for (long long oh = top > 0 ? (top + SH - 1) / SH : 0; oh < OH && oh * SH <= h + PT; ++oh)
        for (long long ow = left > 0 ? (left + SW - 1) / SW : 0; ow < OW && ow * SW <= w + PL; ++ow)
            sum += dy[(plane * OH + oh) * OW + ow];
    dx = sum;
    """,
    "minidl_sum_pool_grad",
)


# ---- what layers call ----
def sum_windows(x: Any, geometry: tuple, OH: int, OW: int) -> Any:
    r"""The sum of every window of x (N, C, H, W): (N, C, OH, OW).

    >>> sum_windows(np.array([[[[1.0, 5.0, 2.0], [3.0, 4.0, 5.0]]]]), (2, 2, 1, 1, 0, 0), 1, 2).ravel()
    array([13., 16.])
    """
    xp, last = xp_of(x), channels_last(x)
    if REFERENCE:
        return sum_ref(xp, x, geometry, OH, OW)
    N, C, H, W = x.shape
    y = empty(xp, (N, C, OH, OW), x.dtype, last)
    if on_gpu(x):
        elementwise(*SUM_GPU)(xp.ascontiguousarray(x), H, W, OH, OW, *geometry, y)
    else:
        geometry = one_stride(geometry, OH, OW)
        kernel, Q = (sum_channels_cpu if last and C >= MANY else sum_cpu), C if last else 1
        shards = shards_for(0.3 * y.size * geometry[0] * geometry[1])
        if kernel is sum_cpu:
            shards = min(shards, max(1, N * C // Q))  # planes
        share(kernel, shards, planes(x, last), planes(y, last), Q, *geometry)
    return y


def sum_windows_grad(dy: Any, geometry: tuple, H: int, W: int, last: bool = False) -> Any:
    r"""Give dy of every window to all pixels that it sees: dx (N, C, H, W), with channels last in memory or not.

    >>> sum_windows_grad(np.array([[[[10.0, 20.0]]]]), (2, 2, 1, 1, 0, 0), 2, 3)[0, 0]
    array([[10., 30., 20.],
           [10., 30., 20.]])
    """
    xp = xp_of(dy)
    if REFERENCE:
        return sum_grad_ref(xp, dy, geometry, H, W)
    N, C, OH, OW = dy.shape
    dx = empty(xp, (N, C, H, W), dy.dtype, last)
    if on_gpu(dy):
        elementwise(*SUM_GRAD_GPU)(xp.ascontiguousarray(dy), H, W, OH, OW, *geometry, dx)
    else:
        geometry = one_stride(geometry, OH, OW)
        kernel, Q = (sum_grad_channels_cpu if last and C >= MANY else sum_grad_cpu), C if last else 1
        shards = shards_for(0.3 * dy.size * geometry[0] * geometry[1] + 0.2 * dx.size)
        if kernel is sum_grad_cpu:
            shards = min(shards, max(1, N * C // Q))  # planes
        share(kernel, shards, planes(dy, last), planes(dx, last), Q, *geometry)
    return dx
