r"""Direct convolution: products of pixels and filters, taken straight from the image.

    for n:                                          the image, with its zeros around it (image.py): room (HP, WP, C)
        for oh:                                     one product: a row of pixels times all filters,
            y[n, oh] = A B + b                      (OW, KH*KW*C) (KH*KW*C, F) -> (OW, F)

Row ow of A is what the window number ow sees: KH pieces of memory, each of KW * C numbers that lie side by side, and
the next row of A is the same, SW * C numbers further on. So A is not made. To the tile (tile.py) it is a step of SW * C
numbers from row to row, and a table of KH jumps: from one row of the image to the next. B is the weights in the order
kh, kw, c, packed in panels once. y comes out with its channels side by side.

With dilation, or in groups, the numbers of a window are in KH * KW pieces of C/G numbers: as many jumps, the same code.

    dW:  for n, kh:                                 dW[:, kh] += dy[n]^T A[kh],     (F, L) (L, KW*C) -> (F, KW*C)

L counts the pixels of y, in OH jumps of OW. Here the image is B, as it lies: the row of B for the window ow begins SW*C
numbers after the one before. dy is A, which may lie in any way. Each shard of images has sums of
its own.

    dx:  for n, oh, kh, kw:                         seen += dy[n, oh] W[:, kh, kw]          (OW, F) (F, C) -> (OW, C)

The KH * KW products of a row of y go to where its windows look: `seen` is the row oh*SH + kh*DH of the room, from pixel
kw*DW on, and a step of SW * C numbers from one row of the product to the next. It makes no difference what the stride
is. Where there are few channels, most of a vector would be empty. There one product for each kh goes to a block,

            for n, oh, kh:                          block = dy[n, oh] W[:, kh],     (OW, F) (F, KW*C) -> (OW, KW*C)
                for ow:                             add its row to the KW * C numbers that the window has seen

This is the formula of col2im, dcol = W^T dy, but a few rows of dcol at a time, which never leave the nearest cache.
"""

import math
from typing import Any

import numpy as np

from minidl.jit import HAS_NUMBA, njit
from minidl.kernels import gemm
from minidl.kernels.image import Sizes, image_in, in_memory, own, room_for
from minidl.threads import shards_for, share

if HAS_NUMBA:
    from minidl.kernels.gemm import product


# ---- CPU ----
@njit
def forward_cpu(shard, shards, driver, x, steps, s, a_k, panels, bias, jumps, y):
    size, Q = x.itemsize, len(jumps)
    _, _, K, width = panels.shape
    room = room_for(x, steps, s)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        image = image_in(room, x, steps, n, s)
        for oh in range(s.OH):
            out = y[(n * s.OH + oh) * s.OW * s.F :]
            if len(bias):
                for ow in range(s.OW):
                    pixel = out[ow * s.F :]
                    for f in range(s.F):
                        pixel[f] = bias[f]
            for g in range(s.G):
                product(
                    *(driver, s.OW, s.FG, Q, K // Q),
                    image + (oh * s.SH * s.WP * s.C + g * s.CG) * size,
                    *(s.SW * s.C * size, a_k, jumps.ctypes.data),
                    panels.ctypes.data + g * panels.strides[0],
                    *(panels.strides[1], K // Q * width * size, width * size),
                    *(out.ctypes.data + g * s.FG * size, s.F * size, len(bias)),
                )


@njit
def dx_cpu(shard, shards, driver, dy, steps, s, panels, no_jump, dx):
    s_n, s_f, s_h, s_w = steps
    _, _, parts, _, _, width = panels.shape
    size, run = dy.itemsize, s.KW * s.CG // parts
    in_place, unpadded = parts == s.KW, s.HP == s.H and s.WP == s.W
    once = unpadded and s.KH * s.KW * s.SH * s.SW == 1  # no number is written twice, and none is left out
    add = 1 if in_place and not once else 0
    room = gemm.aligned(0 if unpadded else s.HP * s.WP * s.C, dy)
    block = gemm.aligned(0 if in_place else s.OW * run, dy)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        image = dx[n * s.H * s.W * s.C : (n + 1) * s.H * s.W * s.C] if unpadded else room
        if not once:
            image[:] = 0
        for oh in range(s.OH):
            for kh in range(s.KH):
                for part in range(parts):
                    for g in range(s.G):
                        row = image[((oh * s.SH + kh * s.DH) * s.WP + part * s.DW) * s.C + g * s.CG :]
                        out, step = (row, s.SW * s.C) if in_place else (block, run)
                        product(
                            *(driver, s.OW, run, 1, s.FG),
                            dy.ctypes.data + (n * s_n + oh * s_h + g * s.FG * s_f) * size,
                            *(s_w * size, s_f * size, no_jump.ctypes.data),
                            panels[g, kh, part].ctypes.data,
                            *(panels.strides[3], 0, width * size),
                            *(out.ctypes.data, step * size, add),
                        )
                        if not in_place:
                            add_block(block, row, s)
        if not unpadded:
            for h in range(s.H):
                row, inside = dx[(n * s.H + h) * s.W * s.C :], room[((s.PT + h) * s.WP + s.PL) * s.C :]
                for i in range(s.W * s.C):
                    row[i] = inside[i]


@njit
def add_block(block, row, s):
    """Add the rows of block (OW, KW, C/G) to what the windows have seen."""
    runs, run = (1, s.KW * s.C) if s.DW == 1 and s.G == 1 else (s.KW, s.CG)
    for ow in range(s.OW):
        for kw in range(runs):
            pixel, add = row[(ow * s.SW + kw * s.DW) * s.C :], block[(ow * s.KW + kw) * s.CG :]
            for c in range(run):
                pixel[c] += add[c]


@njit
def dw_cpu(shard, shards, driver, dy, dy_steps, x, steps, s, jumps, width, parts):
    s_n, s_f, s_h, s_w = dy_steps
    size, part = dy.itemsize, parts[shard]
    room = room_for(x, steps, s)
    runs, run = (1, s.KW * s.C) if s.DW == 1 and s.G == 1 else (s.KW, s.CG)
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        image = image_in(room, x, steps, n, s)
        for g in range(s.G):
            for kh in range(s.KH):
                for kw in range(runs):
                    product(
                        *(driver, s.FG, run, s.OH, s.OW),
                        dy.ctypes.data + (n * s_n + g * s.FG * s_f) * size,
                        *(s_f * size, s_w * size, jumps.ctypes.data),
                        image + ((kh * s.DH * s.WP + kw * s.DW) * s.C + g * s.CG) * size,
                        *(width * size, s.SH * s.WP * s.C * size, s.SW * s.C * size),
                        part.ctypes.data + ((g * s.FG * s.KH + kh) * s.KW + kw) * s.CG * size,
                        *(s.KH * s.KW * s.CG * size, 1),
                    )


# ---- what conv.py calls ----
def panels_of(b: Any) -> Any:
    """b (..., K, N) in panels (..., P, K, width), as the product wants them (gemm.py)."""
    *batch, K, N = b.shape
    width = gemm.width(b.dtype)
    shape = *batch, -(-N // width), K, width
    panels = gemm.aligned(math.prod(shape), np.empty(0, b.dtype)).reshape(shape)
    for p in range(panels.shape[-3]):
        columns = b[..., p * width : (p + 1) * width]
        panels[..., p, :, : columns.shape[-1]] = columns
    return panels


def shards_of(s: Sizes) -> int:
    return max(1, min(s.N, shards_for(s.N * s.OH * s.OW * s.F * s.CG * s.KH * s.KW / 60)))


def forward(x: Any, w: Any, b: Any, s: Sizes, y: Any) -> None:
    r"""Fill y, a line of numbers in the order N, OH, OW, F."""
    jumps = np.arange(s.KH) * s.DH * s.WP
    if s.DW > 1 or s.G > 1:
        jumps = (jumps[:, None] + np.arange(s.KW) * s.DW).reshape(-1)
    weights = w.reshape(s.G, s.FG, s.CG, s.KH * s.KW).transpose(0, 3, 2, 1).reshape(s.G, s.KH * s.KW * s.CG, s.FG)
    bias = np.empty(0, x.dtype) if b is None else own(b)
    share(
        *(forward_cpu, shards_of(s), gemm.driver(x.dtype), *in_memory(x), s, x.itemsize, panels_of(weights)),
        *(bias, jumps * s.C * x.itemsize, y),
    )


def dx(dy: Any, w: Any, s: Sizes, dx: Any) -> None:
    r"""Fill dx, a line of numbers in the order N, H, W, C."""
    weights = w.reshape(s.G, s.FG, s.CG, s.KH, s.KW).transpose(0, 3, 4, 1, 2)  # (G, KH, KW, F/G, C/G)
    if 2 * s.CG < gemm.width(dy.dtype):
        weights = weights.swapaxes(2, 3).reshape(s.G, s.KH, 1, s.FG, s.KW * s.CG)
    share(*(dx_cpu, shards_of(s), gemm.driver(dy.dtype), *in_memory(dy), s, panels_of(weights), gemm.NO_JUMP, dx))


def dw(dy: Any, x: Any, s: Sizes) -> Any:
    r"""dW (F, C/G, KH, KW)."""
    n = s.F * s.KH * s.KW * s.CG
    shards = min(shards_of(s), max(4, 2**19 // n))  # few, if dW is large: each of them needs as much room
    parts = np.zeros((shards, n), x.dtype)
    (dy, dy_steps), jumps = in_memory(dy), np.arange(s.OH)
    share(
        *(dw_cpu, shards, gemm.driver(x.dtype), dy, dy_steps, *in_memory(x), s),
        *(jumps * dy_steps[2] * x.itemsize, gemm.width(x.dtype), parts),
    )
    dw = parts.sum(axis=0).reshape(s.F, s.KH, s.KW, s.CG)
    return np.ascontiguousarray(dw.transpose(0, 3, 1, 2))
