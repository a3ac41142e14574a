r"""DRAFT one channel"""

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


# ---- what conv.py calls ----
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
