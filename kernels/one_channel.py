r"""Convolution of images with one channel: filters by pixels.

The first layer of a network for grey images has one channel and a few filters. To direct.py that is a product whose
rows have KW numbers and whose columns are 6 filters, say: most of a vector is empty. What lies side by side in such an
image are pixels, and many. So the factors change places, rows are filters, and columns are the pixels of a row:

    y:   for n, oh:         y[n, :, oh, :] = b + W A,         (F, KH*KW) (KH*KW, OW) -> (F, OW)
    dx:  for n, oh:         block = W^T dy[n, :, oh, :],      (KH*KW, F) (F, OW) -> (KH*KW, OW)
            for kh, kw:         add its row to the OW pixels that the windows have seen at this place

The row kh, kw of A is the piece of the image that begins at this place of the first window: pixels of neighbouring
windows are neighbours. (So the stride along a row must be 1.)

    dW:  for n, kh, kw:     part[kh, kw, f, ow] += sum over oh of dy[n, f, oh, ow] * x[n, oh*SH + kh*DH, ow + kw*DW]

A weight is one number, a sum over all pixels. Here every column ow has a sum of its own (the tile "by channel", see
tile.py), and they are added up at the very end. y lies in memory as planes of pixels, N, F, OH, OW.
"""

from typing import Any

import numpy as np

from minidl.jit import HAS_NUMBA, njit
from minidl.kernels import direct, gemm
from minidl.kernels.image import Sizes, in_memory, own, put_inside
from minidl.threads import share

if HAS_NUMBA:
    from minidl.kernels.gemm import product


# ---- CPU ----
@njit
def forward_cpu(shard, shards, driver, x, steps, s, w, width, bias, jumps, y):
    size, L = x.itemsize, s.OH * s.OW
    room = np.zeros(s.HP * s.WP, x.dtype)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        put_inside(x, steps, n, s, room)
        for f in range(len(bias)):
            y[(n * s.F + f) * L : (n * s.F + f + 1) * L] = bias[f]
        for oh in range(s.OH):
            product(
                *(driver, s.F, s.OW, s.KH, s.KW),
                *(w.ctypes.data + 0, s.KH * s.KW * size, size, jumps.ctypes.data),
                *(room.ctypes.data + oh * s.SH * s.WP * size, width * size, s.DH * s.WP * size, s.DW * size),
                *(y.ctypes.data + (n * s.F * L + oh * s.OW) * size, L * size, len(bias)),
            )


@njit
def dx_cpu(shard, shards, driver, dy, s, w, width, no_jump, dx):
    size, L = dy.itemsize, s.OH * s.OW
    room = np.empty(s.HP * s.WP, dy.dtype)
    block = np.empty(s.KH * s.KW * s.OW, dy.dtype)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        room[:] = 0
        for oh in range(s.OH):
            product(
                *(driver, s.KH * s.KW, s.OW, 1, s.F),
                *(w.ctypes.data + 0, size, s.KH * s.KW * size, no_jump.ctypes.data),
                *(dy.ctypes.data + (n * s.F * L + oh * s.OW) * size, width * size, 0, L * size),
                *(block.ctypes.data + 0, s.OW * size, 0),
            )
            for kh in range(s.KH):
                for kw in range(s.KW):
                    row, add = room[(oh * s.SH + kh * s.DH) * s.WP + kw * s.DW :], block[(kh * s.KW + kw) * s.OW :]
                    for ow in range(s.OW):
                        row[ow] += add[ow]
        for h in range(s.H):
            row, inside = dx[(n * s.H + h) * s.W :], room[(s.PT + h) * s.WP + s.PL :]
            for w_ in range(s.W):
                row[w_] = inside[w_]


@njit
def dw_cpu(shard, shards, driver, dy, x, steps, s, width, no_jump, parts):
    size, L, part = x.itemsize, s.OH * s.OW, parts[shard]
    room = np.zeros(s.HP * s.WP, x.dtype)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        put_inside(x, steps, n, s, room)
        for kh in range(s.KH):
            for kw in range(s.KW):
                product(
                    *(driver, s.F, s.OW, 1, s.OH),
                    *(dy.ctypes.data + n * s.F * L * size, L * size, s.OW * size, no_jump.ctypes.data),
                    room.ctypes.data + (kh * s.DH * s.WP + kw * s.DW) * size,
                    *(width * size, 0, s.SH * s.WP * size),
                    *(part.ctypes.data + (kh * s.KW + kw) * s.F * s.OW * size, s.OW * size, 1),
                )


# ---- what conv.py calls ----
def applies(dtype: Any, s: Sizes) -> bool:
    r"""Whether the filters, as columns, would fill less than one vector."""
    return s.C == s.SW == 1 and 2 * s.F < gemm.width(dtype)


def forward(x: Any, w: Any, b: Any, s: Sizes) -> Any:
    r"""y (N, F, OH, OW), C-contiguous."""
    y = np.empty((s.N, s.F, s.OH, s.OW), x.dtype)
    jumps = np.arange(s.KH) * s.KW * x.itemsize
    bias = np.empty(0, x.dtype) if b is None else own(b)
    share(
        *(forward_cpu, direct.shards_of(s), gemm.driver(x.dtype), *in_memory(x), s),
        *(own(w).reshape(-1), gemm.width(x.dtype), bias, jumps, y.reshape(-1)),
    )
    return y


def dx(dy: Any, w: Any, s: Sizes, dx: Any) -> None:
    r"""Fill dx, a line of numbers."""
    share(
        *(dx_cpu, direct.shards_of(s), gemm.driver(dy.dtype), own(dy).reshape(-1), s),
        *(own(w).reshape(-1), gemm.width(dy.dtype), gemm.NO_JUMP, dx),
    )


def dw(dy: Any, x: Any, s: Sizes) -> Any:
    r"""dW (F, 1, KH, KW)."""
    shards = direct.shards_of(s)
    parts = np.zeros((shards, s.KH * s.KW * s.F * s.OW), x.dtype)
    share(
        *(dw_cpu, shards, gemm.driver(x.dtype, True), own(dy).reshape(-1), *in_memory(x), s),
        *(gemm.width(x.dtype), gemm.NO_JUMP, parts),
    )
    dw = parts.reshape(shards, s.KH, s.KW, s.F, s.OW).sum(axis=(0, 4))
    return np.ascontiguousarray(dw.transpose(2, 0, 1))[:, None]
