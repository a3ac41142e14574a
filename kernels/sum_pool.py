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
All sizes and options are checked by the layers: nothing is checked here. On the CPU one iteration of the outer loops
owns a plane of what it writes; on the GPU one thread owns one element.

Shapes: x (N, C, H, W); y (N, C, OH, OW). geometry = (KH, KW, SH, SW, PT, PL).
"""

from typing import Any

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit


# ---- reference ----
def _views(geometry: tuple, OH: int, OW: int) -> list:
    """For every kh, kw: what all windows see there, as an index into the padded image."""
    KH, KW, SH, SW, _, _ = geometry
    rows = [slice(kh, kh + (OH - 1) * SH + 1, SH) for kh in range(KH)]
    columns = [slice(kw, kw + (OW - 1) * SW + 1, SW) for kw in range(KW)]
    return [(..., h, w) for h in rows for w in columns]


def _padded_shape(geometry: tuple, H: int, W: int, OH: int, OW: int) -> tuple:
    KH, KW, SH, SW, PT, PL = geometry
    return max(PT + H, (OH - 1) * SH + KH), max(PL + W, (OW - 1) * SW + KW)


def sum_ref(xp: Any, x: Any, geometry: tuple, OH: int, OW: int) -> Any:
    N, C, H, W = x.shape
    PT, PL = geometry[4:]
    padded = xp.zeros((N, C, *_padded_shape(geometry, H, W, OH, OW)), x.dtype)
    padded[:, :, PT : PT + H, PL : PL + W] = x
    y = xp.zeros((N, C, OH, OW), x.dtype)
    for view in _views(geometry, OH, OW):
        y += padded[view]
    return y


def sum_grad_ref(xp: Any, dy: Any, geometry: tuple, H: int, W: int) -> Any:
    N, C, OH, OW = dy.shape
    PT, PL = geometry[4:]
    padded = xp.zeros((N, C, *_padded_shape(geometry, H, W, OH, OW)), dy.dtype)
    for view in reversed(_views(geometry, OH, OW)):  # for one pixel kh, kw fall where oh, ow rise
        padded[view] += dy
    return padded[:, :, PT : PT + H, PL : PL + W]


# ---- CPU ----
@njit
def sum_cpu(x, y, KH, KW, SH, SW, PT, PL):
    N, C, OH, OW = y.shape
    H, W = x.shape[2:]
    for n in range(N):
        for c in range(C):
            plane = x[n, c]
            for oh in range(OH):
                out = y[n, c, oh]
                out[:] = 0
                for kh in range(KH):
                    h = oh * SH - PT + kh
                    if h < 0 or h >= H:
                        continue
                    for kw in range(KW):
                        # the outputs first <= ow < last see a pixel here
                        first = max(0, -((kw - PL) // SW))
                        last = max(first, min(OW, (W - 1 + PL - kw) // SW + 1))
                        row = plane[h, max(0, first * SW - PL + kw) :]
                        for j in range(last - first):
                            out[first + j] += row[j * SW]


@njit
def sum_grad_cpu(dy, dx, KH, KW, SH, SW, PT, PL):
    N, C, OH, OW = dy.shape
    H, W = dx.shape[2:]
    for n in range(N):
        for c in range(C):
            plane = dx[n, c]
            plane[:] = 0
            for oh in range(OH):
                for kh in range(KH):
                    h = oh * SH - PT + kh
                    if h < 0 or h >= H:
                        continue
                    for kw in range(KW - 1, -1, -1):  # for one pixel kw falls where ow rises
                        first = max(0, -((kw - PL) // SW))
                        last = max(first, min(OW, (W - 1 + PL - kw) // SW + 1))
                        row = plane[h, max(0, first * SW - PL + kw) :]
                        out = dy[n, c, oh, first:]
                        for j in range(last - first):
                            row[j * SW] += out[j]


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

    >>> import numpy as np
    >>> sum_windows(np.array([[[[1.0, 5.0, 2.0], [3.0, 4.0, 5.0]]]]), (2, 2, 1, 1, 0, 0), 1, 2).ravel()
    array([13., 16.])
    """
    if REFERENCE:
        return sum_ref(xp_of(x), x, geometry, OH, OW)
    xp = xp_of(x)
    N, C, H, W = x.shape
    y = xp.empty((N, C, OH, OW), x.dtype)
    x = xp.ascontiguousarray(x)
    if on_gpu(x):
        elementwise(*SUM_GPU)(x, H, W, OH, OW, *geometry, y)
    else:
        sum_cpu(x, y, *geometry)
    return y


def sum_windows_grad(dy: Any, geometry: tuple, H: int, W: int) -> Any:
    r"""Give dy of every window to all pixels that it sees: dx (N, C, H, W).

    >>> import numpy as np
    >>> sum_windows_grad(np.array([[[[10.0, 20.0]]]]), (2, 2, 1, 1, 0, 0), 2, 3)[0, 0]
    array([[10., 30., 20.],
           [10., 30., 20.]])
    """
    if REFERENCE:
        return sum_grad_ref(xp_of(dy), dy, geometry, H, W)
    xp = xp_of(dy)
    N, C, OH, OW = dy.shape
    dx = xp.empty((N, C, H, W), dy.dtype)
    dy = xp.ascontiguousarray(dy)
    if on_gpu(dy):
        elementwise(*SUM_GRAD_GPU)(dy, H, W, OH, OW, *geometry, dx)
    else:
        sum_grad_cpu(dy, dx, *geometry)
    return dx
