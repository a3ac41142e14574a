r"""Depthwise convolution: every channel has one filter of its own, and is seen by no other one.

There is no sum over channels, so no product of matrices; what is left are KH * KW multiplications for a number of y:

    y[n, c, oh, ow] = b[c] + sum over kh, kw of w[c, kh, kw] * x[n, c, oh*SH + kh*DH, ow*SW + kw*DW]
    dW[c, kh, kw] = sum over n, oh, ow of dy[n, c, oh, ow] * x[n, c, oh*SH + kh*DH, ow*SW + kw*DW]

With channels side by side in memory, a vector holds 16 of them, and all do the same. That is the tile "by channel"
(tile.py), where every column has a sum of its own: its rows are pixels for y, and the places kw for dW. So the loops
are those of direct.py. dx is a depthwise convolution of dy with the filters turned (conv.py).
"""

from typing import Any

import numpy as np

from minidl.jit import HAS_NUMBA, njit
from minidl.kernels import direct, gemm
from minidl.kernels.image import Sizes, image_in, in_memory, own, room_for
from minidl.threads import share

if HAS_NUMBA:
    from minidl.kernels.gemm import product


# ---- CPU ----
@njit
def dw_cpu(shard, shards, driver, dy, dy_steps, dy_sizes, x, steps, s, jumps, width, parts):
    size = x.itemsize
    room, dy_room, part = room_for(x, steps, s), room_for(dy, dy_steps, dy_sizes), parts[shard]
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        image, dy_image = image_in(room, x, steps, n, s), image_in(dy_room, dy, dy_steps, n, dy_sizes)
        for kh in range(s.KH):
            product(
                *(driver, s.KW, s.C, s.OH, s.OW),
                *(image + kh * s.DH * s.WP * s.C * size, s.DW * s.C * size, s.SW * s.C * size, jumps.ctypes.data),
                *(dy_image, width * size, s.OW * s.C * size, s.C * size),
                *(part.ctypes.data + kh * s.KW * s.C * size, s.C * size, 1),
            )


# ---- what conv.py calls ----
def forward(x: Any, w: Any, b: Any, s: Sizes, y: Any) -> None:
    r"""Fill y, a line of numbers in the order N, OH, OW, C."""
    panels = direct.panels_of(w.reshape(1, s.C, s.KH * s.KW).transpose(0, 2, 1))
    jumps = np.arange(s.KH) * s.DH * s.WP * s.C * x.itemsize
    bias = np.empty(0, x.dtype) if b is None else own(b)
    share(
        *(direct.forward_cpu, direct.shards_of(s), gemm.driver(x.dtype, True), *in_memory(x)),
        *(s._replace(G=1, FG=s.F), s.DW * s.C * x.itemsize, panels, bias, jumps, y),
    )


def dw(dy: Any, x: Any, s: Sizes) -> Any:
    r"""dW (C, 1, KH, KW)."""
    shards = direct.shards_of(s)
    parts = np.zeros((shards, s.KH * s.KW * s.C), x.dtype)
    jumps = np.arange(s.OH) * s.SH * s.WP * s.C * x.itemsize
    dy_sizes = s._replace(H=s.OH, W=s.OW, HP=s.OH, WP=s.OW, PT=0, PL=0)
    share(
        *(dw_cpu, shards, gemm.driver(x.dtype, True), *in_memory(dy), dy_sizes, *in_memory(x), s),
        *(jumps, gemm.width(x.dtype), parts),
    )
    return np.ascontiguousarray(parts.sum(axis=0).reshape(s.KH, s.KW, s.C, 1).transpose(2, 3, 0, 1))
