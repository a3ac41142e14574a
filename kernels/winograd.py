r"""Winograd's convolution of 3 x 3 pixels: 36 multiplications in place of 144.

Read points.py first: in one dimension 4 outputs of 3 taps take 6 multiplications, not 12, y = A^T [(G g) * (B^T d)].
An image is treated so along both of its axes. F(4 x 4, 3 x 3) makes a tile of 4 x 4 outputs from the 6 x 6 pixels that
they see, by way of 6 x 6 points:

    V = B^T d B             for each tile t (of each image) and channel c: pixels d (6, 6)
    U = G g G^T             for each channel c and filter f: weights g (3, 3)
    M_tf = sum over c of V_tc * U_cf                    number by number: at each of the 36 points a matrix product,
                                                        (tiles, C) times (C, F)
    Y = A^T M A             for each tile t and filter f: outputs (4, 4)

What is before and after the products is done once for a channel, and once for a filter; the products run over all pairs
of both, and there lies the work. So the 36 instead of 144 multiplications are nearly what one gains: with 64 channels
the transforms take a third of the time. It pays from 16 channels on, and where there are enough tiles for the time that
U takes: see `applies`.

Blocks. V is 36/16 times as large as x, and M as y: from memory and back, that would cost what was gained. Therefore
BLOCK tiles are transformed, multiplied and transformed back before the next ones are looked at, and V and M of all of
them fit in the second cache of a core. The transforms work on a vector of channels at a time (sandwich.py), the
products are those of gemm.py, and U lies in panels for them. A tile at the border looks at pixels outside of the image:
in its table of addresses they have that of some zeros (and outputs that do not exist, that of a place nobody reads).
Channels must lie side by side; an image that has its pixels so is turned before its tiles are read (image.py).

Dilation. With dilation D an output sees only pixels that are D apart: the image is D x D grids, each a picture of its
own, and each of its tiles is what it would be without dilation. Only the addresses in its table are others.

Backward. dX is a convolution of dY, with the filters upside down and channels and filters exchanged, from the pixel
2 - PT on: the same again. Y is linear in U, and U in g, so step by step

    Z = A dY A^T            for each tile t and filter f
    dg = G^T [sum over t of V_tc * Z_tf] G              at each of the 36 points a product, (C, tiles) times (tiles, F)

Rounding. Measured against float64, for 16 to 256 channels: y, dX and dW are off by at most 4e-6 of their largest number
(direct sums in float32: by 2e-6; with the points 0, 1, -1, 2, -2: by 1.2e-5); with 512 channels by 6e-6. For float64
the direct sums are always taken, and with `use_winograd(False)` for float32 too. One thing is different: a pixel that
is NaN or infinite makes NaN of all 4 x 4 outputs of each tile that looks at it, not only of those whose filter does.

Shapes: x (N, C, H, W), y and dy (N, F, OH, OW), w (F, C, 3, 3), TH x TW tiles an image. PT and PL are the rows of zeros
above x and the columns left of it (if negative, rows and columns of x that nobody looks at); for more see image.Sizes.
Lavin and Gray 2016, CVPR, arXiv 1509.09308.
"""

from typing import Any

import numpy as np

from minidl.jit import HAS_NUMBA, njit
from minidl.kernels import gemm
from minidl.kernels.gemm import aligned
from minidl.kernels.image import Sizes, as_last, image_in, in_memory, one_row, room_for
from minidl.kernels.points import A_T, B_T, UNFOLD, G, fold
from minidl.threads import shards_for, share

BLOCK = 48  # tiles at a time: V and M of 64 channels and 64 filters take 0.9 MiB


@njit
def tiles_along(n, D):
    """How many tiles n outputs take: those of each of the D grids of pixels that see each other."""
    return D * -(-n // (4 * D))


@njit
def first_of(tile, D):
    """The first output of this tile, of which the others are D apart."""
    return tile % D + tile // D * 4 * D


# ---- reference ----
def tiles_of(xp: Any, x: Any, top: int, left: int, size: int, s: Sizes) -> Any:
    """The tiles of x (N, C, H, W), `size` pixels high and wide: (N, C, TH, TW, size, size)."""
    H, W = x.shape[2:]
    TH, TW, pixels = xp.arange(tiles_along(s.OH, s.DH)), xp.arange(tiles_along(s.OW, s.DW)), xp.arange(size)
    h = (first_of(TH[:, None], s.DH) - top + s.DH * pixels)[:, None, :, None]
    w = (first_of(TW[:, None], s.DW) - left + s.DW * pixels)[:, None, :]
    inside = (0 <= h) & (h < H) & (0 <= w) & (w < W)
    return xp.where(inside, x[:, :, h.clip(0, H - 1), w.clip(0, W - 1)], x.dtype.type(0))


def sandwiched(xp: Any, P: Any, X: Any) -> Any:
    """P X P^T, for the last two axes of X."""
    P = xp.asarray(P, X.dtype)
    return P @ X @ P.T


def forward_ref(xp: Any, x: Any, w: Any, b: Any, s: Sizes) -> Any:
    V = sandwiched(xp, B_T, tiles_of(xp, x, s.PT, s.PL, 6, s))
    U = sandwiched(xp, G, w)
    M = xp.einsum("nchwij,fcij->nfhwij", V, U)
    y = sandwiched(xp, A_T, M).reshape(s.N, s.F, -1, s.DH, M.shape[3] // s.DW, s.DW, 4, 4)
    y = y.transpose(0, 1, 2, 6, 3, 4, 7, 5)  # (N, F, tiles of a grid, 4, DH, tiles of a grid, 4, DW)
    y = y.reshape(s.N, s.F, 4 * M.shape[2], 4 * M.shape[3])[:, :, : s.OH, : s.OW]
    return y if b is None else y + b[:, None, None]


def dw_ref(xp: Any, dy: Any, x: Any, s: Sizes) -> Any:
    V = sandwiched(xp, B_T, tiles_of(xp, x, s.PT, s.PL, 6, s))
    Z = sandwiched(xp, A_T.T, tiles_of(xp, dy, 0, 0, 4, s))
    return sandwiched(xp, G.T, xp.einsum("nfhwij,nchwij->fcij", Z, V))


# ---- CPU ----
if HAS_NUMBA:
    from minidl.kernels.gemm import product
    from minidl.kernels.sandwich import sandwich
    from minidl.kernels.tile import BYTES
    from minidl.kernels.turn import turn

    LANES = BYTES // 4  # channels in a vector
    WIDTH = 2 * LANES  # columns in a panel of the product

    image_to_points = sandwich(fold(B_T), UNFOLD, read="table", write="steps")
    grad_to_points = sandwich(fold(A_T.T), UNFOLD, read="table", write="steps")
    weight_to_points = sandwich(fold(G), UNFOLD, read="steps", write="steps")
    points_to_image = sandwich(UNFOLD.T, fold(A_T.T).T, read="steps", write="table", plus=True)
    points_to_weight = sandwich(UNFOLD.T, fold(G).T, read="steps", write="steps")


@njit
def places(table, size, image, top, left, H, W, C, DH, DW, outside):
    """table[i, j]: the address of pixel (top + i*DH, left + j*DW) of this image (H, W, C), or `outside`."""
    for i in range(size):
        h = top + i * DH
        row, inside = image + 4 * C * (h * W + left), 0 <= h < H
        for j in range(size):
            table[size * i + j] = row + 4 * C * j * DW if inside and 0 <= left + j * DW < W else outside.ctypes.data


@njit
def weights_cpu(shard, shards, w, w_c, w_f, upside_down, F, u):
    """U (36, panels, C, WIDTH) of the weights at address w + c*w_c + f*w_f, nine side by side."""
    C = u.shape[2]
    g = np.empty((9, LANES), np.float32)
    for c in range(shard * C // shards, (shard + 1) * C // shards):
        for f in range(0, F, LANES):
            for i in range(0, 9, LANES):  # the first weights of all LANES filters come together, the second ones ...
                first, step = (8 - i, -g.strides[0]) if upside_down else (i, g.strides[0])
                turn(4, w + c * w_c + f * w_f + 4 * i, w_f, LANES, g[first].ctypes.data, step, min(LANES, 9 - i))
            panel = u[0, f // WIDTH, c, f % WIDTH :]
            weight_to_points(g.ctypes.data, g.strides[0], panel.ctypes.data, u.strides[0], 0)


@njit
def forward_cpu(shard, shards, driver, x, steps, flat, s, u, b, y, no_jump):
    C, F, TH, TW = s.C, s.F, tiles_along(s.OH, s.DH), tiles_along(s.OW, s.DW)
    begin, end = shard * s.N * TH * TW // shards, (shard + 1) * s.N * TH * TW // shards
    v_step, m_step = 4 * (BLOCK * C + 16), 4 * (BLOCK * F + 16)  # no power of two apart, see gemm.py
    v, m = aligned(9 * v_step, x), aligned(9 * m_step, x)
    table, zeros, nowhere = np.empty(36, np.int64), np.zeros(C, np.float32), np.empty(F, np.float32)
    room, image, last_n = room_for(x, steps, flat), 0, -1
    for start in range(begin, end, BLOCK):
        tiles = min(BLOCK, end - start)
        for t in range(tiles):
            n, tile = divmod(start + t, TH * TW)
            if n != last_n:
                image, last_n = image_in(room, x, steps, n, flat), n
            h, w = first_of(tile // TW, s.DH), first_of(tile % TW, s.DW)
            places(table, 6, image, h - s.PT, w - s.PL, s.H, s.W, C, s.DH, s.DW, zeros)
            for c in range(0, C, LANES):
                image_to_points(table.ctypes.data, 4 * c, v.ctypes.data + 4 * (t * C + c), v_step, 0)
        for i in range(36):
            product(
                *(driver, tiles, F, 1, C, v.ctypes.data + i * v_step, 4 * C, 4, no_jump.ctypes.data),
                *(u[i].ctypes.data, u.strides[1], 0, u.strides[2], m.ctypes.data + i * m_step, 4 * F, 0),
            )
        for t in range(tiles):
            n, tile = divmod(start + t, TH * TW)
            h, w = first_of(tile // TW, s.DH), first_of(tile % TW, s.DW)
            out = y.ctypes.data + 4 * n * s.OH * s.OW * F
            places(table, 4, out, h, w, s.OH, s.OW, F, s.DH, s.DW, nowhere)
            for f in range(0, F, LANES):
                m_tf = m.ctypes.data + 4 * (t * F + f)
                points_to_image(m_tf, m_step, table.ctypes.data, 4 * f, b.ctypes.data + 4 * f)


@njit
def dw_cpu(shard, shards, driver, x, steps, flat, dy, dy_steps, dy_flat, s, sums, no_jump):
    """sums[shard] (36, C F): the sum of V_tc * Z_tf over the tiles of this shard, Z = A dY A^T."""
    C, F, TH, TW = s.C, s.F, tiles_along(s.OH, s.DH), tiles_along(s.OW, s.DW)
    begin, end = shard * s.N * TH * TW // shards, (shard + 1) * s.N * TH * TW // shards
    v_step, z_step = 4 * (BLOCK * C + 16), 4 * (BLOCK * F + 16)
    v, z = aligned(9 * v_step, x), aligned(9 * z_step, x)
    table, zeros = np.empty(36, np.int64), np.zeros(max(C, F), np.float32)
    room, dy_room, image, dy_image, last_n = room_for(x, steps, flat), room_for(dy, dy_steps, dy_flat), 0, 0, -1
    for start in range(begin, end, BLOCK):
        tiles = min(BLOCK, end - start)
        for t in range(tiles):
            n, tile = divmod(start + t, TH * TW)
            if n != last_n:
                image, dy_image = image_in(room, x, steps, n, flat), image_in(dy_room, dy, dy_steps, n, dy_flat)
                last_n = n
            h, w = first_of(tile // TW, s.DH), first_of(tile % TW, s.DW)
            places(table, 6, image, h - s.PT, w - s.PL, s.H, s.W, C, s.DH, s.DW, zeros)
            for c in range(0, C, LANES):
                image_to_points(table.ctypes.data, 4 * c, v.ctypes.data + 4 * (t * C + c), v_step, 0)
            places(table, 4, dy_image, h, w, s.OH, s.OW, F, s.DH, s.DW, zeros)
            for f in range(0, F, LANES):
                grad_to_points(table.ctypes.data, 4 * f, z.ctypes.data + 4 * (t * F + f), z_step, 0)
        for i in range(36):
            product(  # V is read by its columns: channels are the rows of A, tiles what is summed over
                *(driver, C, F, 1, tiles, v.ctypes.data + i * v_step, 4, 4 * C, no_jump.ctypes.data),
                *(z.ctypes.data + i * z_step, 4 * WIDTH, 0, 4 * F, sums[shard, i].ctypes.data, 4 * F, start > begin),
            )


@njit
def sum_cpu(shard, shards, sums, dw):
    """dw (F, C, 3, 3) = G^T [sum over shards] G, for the channels of this shard."""
    F, C = dw.shape[:2]
    begin, end = shard * C // shards, (shard + 1) * C // shards
    for k in range(1, len(sums)):
        for i in range(36):
            total, part = sums[0, i, begin * F : end * F], sums[k, i, begin * F : end * F]
            for j in range(len(total)):
                total[j] += part[j]
    g = np.empty((9, LANES), np.float32)
    for c in range(begin, end):
        for f in range(0, F, LANES):
            total = sums[0, 0, c * F + f :]
            points_to_weight(total.ctypes.data, sums.strides[1], g.ctypes.data, g.strides[0], 0)
            for i in range(0, 9, LANES):
                to = dw[f, c].ctypes.data + 4 * i
                turn(4, g[i].ctypes.data, g.strides[0], min(LANES, 9 - i), to, dw.strides[0], LANES)


# ---- what layers call ----
_on = True


def use_winograd(on: bool) -> None:
    r"""Whether convolutions of 3 x 3 pixels may take Winograd's way, which they do from the start.

    Only float32 on the CPU ever does (see above for where, and how it rounds), and is about twice as fast then. It
    holds for all threads. TypeError for anything but True and False.

    >>> use_winograd(False)
    >>> use_winograd(True)
    """
    global _on
    if not isinstance(on, bool):
        raise TypeError(f"use_winograd: on must be True or False, got {on!r}")
    _on = on


def applies(dtype: Any, s: Sizes) -> bool:
    r"""Whether a convolution of these sizes is one for the functions below."""
    three_by_three = (s.KH, s.KW, s.SH, s.SW, s.G) == (3, 3, 1, 1, 1)
    vectors, large = s.C % 16 == s.F % 16 == 0, min(s.OH // s.DH, s.OW // s.DW) >= 8
    enough = 512 * s.N * s.OH * s.OW >= s.C * s.F  # few places and many weights: U would take the time
    return _on and dtype == np.float32 and three_by_three and vectors and large and enough


def shards_of(s: Sizes) -> int:
    tiles = s.N * tiles_along(s.OH, s.DH) * tiles_along(s.OW, s.DW)
    return min(-(-tiles // BLOCK), shards_for(tiles * (0.45 * s.C * s.F + 5 * (s.C + s.F))))


def images(x: Any, shards: int) -> tuple:
    """x, its steps and the sizes of an image as a row of pixels, as `room_for` and `image_in` want them.

    Where an image has its pixels side by side, each shard turns those that it reads; few images are turned before."""
    if len(x) < shards:
        x = as_last(x).transpose(0, 3, 1, 2)
    return *in_memory(x), one_row(x.shape)


def forward(x: Any, w: Any, b: Any, s: Sizes, y: Any) -> None:
    r"""Fill y, a line of numbers in the order N, OH, OW, F."""
    upside_down = w.strides[3] < 0
    w = w[:, :, ::-1, ::-1] if upside_down else w
    w = w if w.strides[2:] == (12, 4) else np.ascontiguousarray(w)
    u = aligned(36 * -(-s.F // WIDTH) * s.C * WIDTH, y).reshape(36, -1, s.C, WIDTH)
    share(weights_cpu, shards_for(17 * s.C * s.F), w.ctypes.data, w.strides[1], w.strides[0], upside_down, s.F, u)
    b, shards = np.zeros(s.F, x.dtype) if b is None else b.copy(), shards_of(s)
    share(forward_cpu, shards, gemm.driver(x.dtype), *images(x, shards), s, u, b, y, gemm.NO_JUMP)


def dw(dy: Any, x: Any, s: Sizes) -> Any:
    r"""dW (F, C, 3, 3)."""
    shards = min(shards_of(s), 8, max(1, s.N * s.OH * s.OW // 2048))  # few: each has a sum of its own, 4 times dW
    sums = np.empty((shards, 36, s.C * s.F), x.dtype)
    both = *images(x, shards), *images(dy, shards)
    share(dw_cpu, shards, gemm.driver(x.dtype), *both, s, sums, gemm.NO_JUMP)
    dw = np.empty((s.F, s.C, 3, 3), x.dtype)
    share(sum_cpu, min(s.C, shards_for(s.C * s.F * (20 + 3 * shards))), sums, dw)
    return dw
