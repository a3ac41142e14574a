r"""im2col and col2im: every window of an image as one column of a matrix, and back.

A convolution (or a pooling) looks at the image through a window of KH x KW pixels, OH x OW times. im2col writes what
each of those windows sees into one column, so that sliding a filter over the image becomes a matrix product:

    for c, kh, kw:                                  the row of the matrix: which value of the window
        for n, oh, ow:                              the column: which window
            h = oh*SH - PT + kh*DH                  SH, SW stride; PT, PL padding at the top and left; DH, DW dilation
            w = ow*SW - PL + kw*DW
            col[c, kh, kw, n, oh, ow] = x[n, c, h, w]     0 outside of the image

col2im is its transpose (its adjoint, which is what back-propagation needs): every column is added back to the pixels
that it was read from.

    x[n, c, h, w] = sum over kh, kw, oh, ow that look at (h, w) of col[c, kh, kw, n, oh, ow]

Transposed convolutions go this way, and convolutions on a GPU; on the CPU those go without the matrix (conv.py).

Both walk kh, kw in rising order, on every target, so the sums are equal bit for bit. All sizes and options are checked
by the layers: nothing is checked here. On the CPU one iteration of the outer loops owns a plane of what it writes; on
the GPU one thread owns one element.

Shapes: x (N, C, H, W); col (C, KH, KW, N, OH, OW). geometry = (KH, KW, SH, SW, PT, PL, DH, DW).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit


# ---- reference ----
def _views(geometry: tuple, OH: int, OW: int) -> list:
    """For every kh, kw: what all windows see there, as an index into the padded image (N, C, height, width)."""
    KH, KW, SH, SW, _, _, DH, DW = geometry
    rows = [slice(kh * DH, kh * DH + (OH - 1) * SH + 1, SH) for kh in range(KH)]
    columns = [slice(kw * DW, kw * DW + (OW - 1) * SW + 1, SW) for kw in range(KW)]
    return [(kh, kw, (..., h, w)) for kh, h in enumerate(rows) for kw, w in enumerate(columns)]


def _padded_shape(geometry: tuple, H: int, W: int, OH: int, OW: int) -> tuple:
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    return max(PT + H, (OH - 1) * SH + (KH - 1) * DH + 1), max(PL + W, (OW - 1) * SW + (KW - 1) * DW + 1)


def im2col_ref(xp: Any, x: Any, geometry: tuple, OH: int, OW: int) -> Any:
    KH, KW, _, _, PT, PL, _, _ = geometry
    N, C, H, W = x.shape
    padded = xp.zeros((N, C, *_padded_shape(geometry, H, W, OH, OW)), x.dtype)
    padded[:, :, PT : PT + H, PL : PL + W] = x
    col = xp.empty((C, KH, KW, N, OH, OW), x.dtype)
    for kh, kw, view in _views(geometry, OH, OW):
        col[:, kh, kw] = padded[view].swapaxes(0, 1)
    return col


def col2im_ref(xp: Any, col: Any, geometry: tuple, H: int, W: int) -> Any:
    C, _, _, N, OH, OW = col.shape
    PT, PL = geometry[4:6]
    padded = xp.zeros((N, C, *_padded_shape(geometry, H, W, OH, OW)), col.dtype)
    for kh, kw, view in _views(geometry, OH, OW):
        padded[view] += col[:, kh, kw].swapaxes(0, 1)
    return padded[:, :, PT : PT + H, PL : PL + W]


# ---- CPU ----
@njit
def im2col_cpu(x, col, SH, SW, PT, PL, DH, DW):
    C, KH, KW, N, OH, OW = col.shape
    H, W = x.shape[2:]
    for c in range(C):
        for kh in range(KH):
            for kw in range(KW):
                # the columns first <= ow < last look inside of the image
                first = max(0, -((kw * DW - PL) // SW))
                last = max(first, min(OW, (W - 1 + PL - kw * DW) // SW + 1))
                for n in range(N):
                    plane = x[n, c]
                    for oh in range(OH):
                        out = col[c, kh, kw, n, oh]
                        h = oh * SH - PT + kh * DH
                        if h < 0 or h >= H:
                            out[:] = 0
                            continue
                        out[:first] = 0
                        out[last:] = 0
                        row = plane[h, max(0, first * SW - PL + kw * DW) :]
                        if SW == 1:  # a step that the compiler knows becomes vector instructions
                            for j in range(last - first):
                                out[first + j] = row[j]
                        else:
                            for j in range(last - first):
                                out[first + j] = row[j * SW]


@njit
def col2im_cpu(col, x, SH, SW, PT, PL, DH, DW):
    C, KH, KW, N, OH, OW = col.shape
    H, W = x.shape[2:]
    for n in range(N):
        for c in range(C):
            plane = x[n, c]
            plane[:] = 0
            for kh in range(KH):
                for kw in range(KW):
                    first = max(0, -((kw * DW - PL) // SW))
                    last = max(first, min(OW, (W - 1 + PL - kw * DW) // SW + 1))
                    for oh in range(OH):
                        h = oh * SH - PT + kh * DH
                        if h < 0 or h >= H:
                            continue
                        row = plane[h, max(0, first * SW - PL + kw * DW) :]
                        out = col[c, kh, kw, n, oh, first:]
                        if SW == 1:
                            for j in range(last - first):
                                row[j] += out[j]
                        else:
                            for j in range(last - first):
                                row[j * SW] += out[j]


# ---- GPU ----
_SIZES = "int64 C, int64 H, int64 W, int64 KH, int64 KW, int64 N, int64 OH, int64 OW"
_GEOMETRY = "int64 SH, int64 SW, int64 PT, int64 PL, int64 DH, int64 DW"

IM2COL_GPU = (
    f"raw T x, {_SIZES}, {_GEOMETRY}",
    "T col",
    """
    long long ow = i % OW, oh = i / OW % OH, n = i / (OW * OH) % N;
    long long r = i / (OW * OH * N), kw = r % KW, kh = r / KW % KH, c = r / (KW * KH);
    long long h = oh * SH - PT + kh * DH;
    long long w = ow * SW - PL + kw * DW;
    col = (0 <= h && h < H && 0 <= w && w < W) ? x[((n * C + c) * H + h) * W + w] : T(0);
    """,
    "minidl_im2col",
)

COL2IM_GPU = (
    f"raw T col, {_SIZES}, {_GEOMETRY}",
    "T x",
    """
    long long w = i % W, h = i / W % H, c = i / (W * H) % C, n = i / (W * H * C);
    T sum = 0;
    for (long long kh = 0; kh < KH; ++kh) {
        long long oh = h + PT - kh * DH;                  // = oh * SH, if a window looks at h
        if (oh < 0 || oh % SH != 0 || oh / SH >= OH) continue;
        for (long long kw = 0; kw < KW; ++kw) {
            long long ow = w + PL - kw * DW;
            if (ow < 0 || ow % SW != 0 || ow / SW >= OW) continue;
            sum += col[((((c * KH + kh) * KW + kw) * N + n) * OH + oh / SH) * OW + ow / SW];
        }
    }
    x = sum;
    """,
    "minidl_col2im",
)


# ---- what layers call ----
def im2col(x: Any, geometry: tuple, OH: int, OW: int) -> Any:
    r"""The windows of x (N, C, H, W) as a matrix, unflattened: (C, KH, KW, N, OH, OW).

    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> col = im2col(x, (2, 2, 1, 1, 0, 0, 1, 1), 2, 2)
    >>> col[0, :, :, 0, 0, 0]                       # the first window: the upper left corner of x
    array([[0., 1.],
           [3., 4.]])
    """
    if REFERENCE:
        return im2col_ref(xp_of(x), x, geometry, OH, OW)
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    N, C, H, W = x.shape
    col = xp_of(x).empty((C, KH, KW, N, OH, OW), x.dtype)
    if on_gpu(x):
        x = xp_of(x).ascontiguousarray(x)
        elementwise(*IM2COL_GPU)(x, C, H, W, KH, KW, N, OH, OW, SH, SW, PT, PL, DH, DW, col)
    else:
        im2col_cpu(np.ascontiguousarray(x), col, SH, SW, PT, PL, DH, DW)
    return col


def col2im(col: Any, geometry: tuple, H: int, W: int) -> Any:
    r"""Add every column of col (C, KH, KW, N, OH, OW) back to the pixels that it came from: x (N, C, H, W).

    >>> geometry = (2, 2, 1, 1, 0, 0, 1, 1)
    >>> col2im(np.ones((1, 2, 2, 1, 2, 2)), geometry, 3, 3)[0, 0]     # how many windows look at each pixel
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if REFERENCE:
        return col2im_ref(xp_of(col), col, geometry, H, W)
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    C, _, _, N, OH, OW = col.shape
    x = xp_of(col).empty((N, C, H, W), col.dtype)
    if on_gpu(col):
        col = xp_of(col).ascontiguousarray(col)
        elementwise(*COL2IM_GPU)(col, C, H, W, KH, KW, N, OH, OW, SH, SW, PT, PL, DH, DW, x)
    else:
        col2im_cpu(np.ascontiguousarray(col), x, SH, SW, PT, PL, DH, DW)
    return x
