r"""A matrix product, tile by tile; and the same tiles for sums that are products in disguise.

    for n in steps of two vectors:                              columns of C, with a panel of B
        for m in steps of up to ROWS:                           rows of C
            C[m ... , n ...] (+)= sum over q, k of A[m ... , q, k] * B[q, k, n ...]         tile.py

Where the numbers lie, only addresses and strides say, in bytes. So one kernel serves for a plain product (Q = 1), for
its transposes (other strides), and for a convolution, which is a product too: pixels by filters, summed over the places
of a window. Neighbouring windows overlap in memory; to the tile that is just a stride shorter than a row.

    A[m, q, k] at  a + m*a_m + jumps[q] + k*a_k                 jumps: a table, Q offsets
    B[q, k, n] at  b + (n // width)*b_n + q*b_q + k*b_k + (n % width)*itemsize
    C[m, n]    at  c + m*c_m + n*itemsize

Why panels. The tile walks down B, `width` = two vectors at a time. If the rows of B are a power of two of bytes long,
all those pieces compete for the same few places of the cache, and they lie on as many pages of memory. `pack` copies
the `width` columns of a panel to one piece of memory, once; every tile of rows then reads it as a stream.

The driver (the two loops above) is compiled once for each dtype, and kernels call it by its address: compiled into each
of them, it would cost a second each time. Nothing is checked here, as in all kernels; but here even NUMBA_BOUNDSCHECK=1
does not look, because there are no arrays. Q and K must be 1 or more. And an address keeps no array alive: one that a
kernel has made is freed after it is mentioned for the last time, even in the arguments of a call. So it is mentioned in
a loop, which keeps it to the end, or goes to another function as an array, and its address is taken there.

Shapes: a (M, K), b (K, N), c (M, N). Goto and van de Geijn 2008, ACM Transactions on Mathematical Software 34(3).
"""

import functools
from typing import Any

import numpy as np

from minidl.backend import REFERENCE, on_gpu
from minidl.jit import COMPILES, HAS_NUMBA, address_of, njit
from minidl.kernels.turn import turn_into
from minidl.threads import shards_for, share

NO_JUMP = np.zeros(1, np.int64)  # the table of jumps of a plain product

BLOCK = 256  # terms of a sum that are done at a time
SMALL = 2**16  # multiplications that take less time than a choice
FEW = 128  # rows
CACHED = 2**18  # numbers of a factor that stays in the second cache


# ---- reference ----
def matmul_ref(xp: Any, a: Any, b: Any) -> Any:
    return a @ b


# ---- CPU ----
if HAS_NUMBA:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.tile import BYTES, I64, ROWS, VOID, tile

    @intrinsic
    def product(typing_context, driver, M, N, Q, K, a, a_m, a_k, jumps, b, b_n, b_q, b_k, c, c_m, add):
        """The driver at this address, to be called in a compiled function."""

        def write(context, x, signature, arguments):
            function = ir.FunctionType(VOID, [I64] * 15)
            x.call(x.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
            return context.get_dummy_value()

        return types.void(*[types.int64] * 16), write


def driver_for(size: int, by_channel: bool) -> Any:
    """The two loops, for numbers of `size` bytes. By channel, A[m, q, k] has a number for each column, side by side."""
    width = 2 * BYTES // size

    def gemm(M, N, Q, K, a, a_m, a_k, jumps, b, b_n, b_q, b_k, c, c_m, add):
        for n in range(0, N, width):
            m, tiles = 0, -(-M // ROWS)
            while tiles:
                rows = -(-(M - m) // tiles)  # 14 rows are 7 and 7; the sums of 2 by themselves would keep nobody busy
                a_0, c_0 = a + m * a_m, c + m * c_m
                tile(size, by_channel, rows, a_0, a_m, a_k, jumps, Q, K, b, b_q, b_k, c_0, c_m, N - n, add)
                m += rows
                tiles -= 1
            b += b_n
            c += width * size
            if by_channel:
                a += width * size

    return gemm


def width(dtype: Any) -> int:
    r"""How many columns a panel has: two vectors."""
    return 2 * BYTES // np.dtype(dtype).itemsize


@functools.cache
def driver(dtype: Any, by_channel: bool = False) -> int:
    r"""The address of the driver for float32 or float64 numbers, compiled at the first call; `by_channel`: of the one
    whose columns are sums of their own, C[m, n] (+)= sum over q, k of A[m, q, k, n] * B[q, k, n]."""
    return address_of(driver_for(np.dtype(dtype).itemsize, by_channel), *[types.int64] * 15)


@njit
def aligned(n, like):
    """n numbers, the first of which begins a line of the cache: a vector that lies in two lines takes two loads, and
    the products of tiles that have their panel in the nearest cache take 7 % longer."""
    numbers = np.empty(n + 64 // like.itemsize, like.dtype)
    start = -numbers.ctypes.data % 64 // like.itemsize
    return numbers[start : start + n]


@njit
def pack_cpu(b, width):
    K, N = b.shape
    P = -(-N // width)
    panels = aligned(P * K * width, b).reshape(P, K, width)
    for p in range(P):
        left = min(width, N - p * width)
        for k in range(K):
            row, panel = b[k, p * width : p * width + left], panels[p, k]
            for n in range(left):
                panel[n] = row[n]
            for n in range(left, width):
                panel[n] = 0
    return panels


@njit
def in_blocks(driver, M, N, K, a, a_m, a_k, no_jump, b, b_n, b_k, c, c_m):
    """A product in blocks of the sum, so that what a column of tiles reads of A stays in the nearest cache."""
    for k in range(0, K, BLOCK):
        product(
            *(driver, M, N, 1, min(BLOCK, K - k), a + k * a_k, a_m, a_k, no_jump.ctypes.data),
            *(b + k * b_k, b_n, 0, b_k, c, c_m, k > 0),
        )


@njit
def as_it_lies_cpu(shard, shards, driver, no_jump, width, a, b, c):
    (M, N), K, size = c.shape, len(b), c.itemsize
    panels = -(-N // width)
    n, end = shard * panels // shards * width, min(N, (shard + 1) * panels // shards * width)
    in_blocks(
        *(driver, M, end - n, K, a.ctypes.data, a.strides[0], a.strides[1], no_jump),
        *(b.ctypes.data + n * size, width * size, b.strides[0], c.ctypes.data + n * size, c.strides[0]),
    )


@njit
def turned_cpu(shard, shards, driver, no_jump, a, bt, c):
    """c = (bt a')', where a', the smaller one of the two factors, goes into panels."""
    (M, N), K, size = c.shape, a.shape[1], c.itemsize
    n, end = shard * N // shards, (shard + 1) * N // shards
    block = aligned((end - n) * M, c).reshape(end - n, M)
    in_blocks(
        *(driver, end - n, M, K, bt.ctypes.data + n * bt.strides[0], bt.strides[0], bt.strides[1], no_jump),
        *(a.ctypes.data, a.strides[0], a.strides[1], block.ctypes.data, M * size),
    )
    turn_into(c[:, n:end], block)


@njit
def pack_turned_cpu(a, width):
    """Panels of a'."""
    M, K = a.shape
    panels = aligned(-(-M // width) * K * width, a).reshape(-(-M // width), K, width)
    for p in range(len(panels)):
        turn_into(panels[p], a[p * width : (p + 1) * width])
    return panels


# ---- what layers call ----
def pack(b: Any) -> Any:
    r"""b (K, N) in panels (P, K, width), the last one filled up with zeros.

    >>> pack(np.ones((2, 3), np.float32)).sum()
    np.float32(6.0)
    """
    return pack_cpu(b, width(b.dtype))


def by_tiles(a: Any, b: Any) -> Any:
    r"""a (M, K) times b (K, N) on the CPU, both float32 or both float64; K >= 1.

    If the rows of b lie in one piece each, so that vectors can be read from them, nothing is copied. If its columns
    do, as in $x W^\top$, the product is done as $(b^\top a^\top)^\top$, and a goes into panels.

    >>> by_tiles(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[13., 16.]])
    """
    (M, K), N = a.shape, b.shape[1]
    c, shards = np.empty((M, N), a.dtype), min(N, shards_for(M * N * K / 80))
    if b.strides[1] == b.itemsize:
        share(as_it_lies_cpu, shards, driver(a.dtype), NO_JUMP, width(a.dtype), a, b, c)
    else:
        panels = pack_turned_cpu(np.ascontiguousarray(a), width(a.dtype))
        share(turned_cpu, shards, driver(a.dtype), NO_JUMP, panels, b.T, c)
    return c


def matmul(a: Any, b: Any) -> Any:
    r"""a (..., K) times b (K, N), as `a @ b`.

    A processor's BLAS is as fast as the tile, except where a has only a few rows, a batch, say: it then copies more
    than it computes. So few rows go by tiles, and many in shards of rows to BLAS.

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[13., 16.]])
    """
    (K, N), work = b.shape, a.size * b.shape[1]
    if work < SMALL or REFERENCE or on_gpu(a):
        return a @ b
    M, rows = a.size // K, a.reshape(-1, K)
    if COMPILES and 1 < M <= FEW and (M * K if b.strides[0] == b.itemsize else K * N) <= CACHED:
        c = by_tiles(rows, b)
    else:
        c = np.empty((M, N), a.dtype)
        share(blas_rows, min(M, shards_for(work / 80 / 8)), rows, b, c)  # few shards: each of them copies b
    return c if a.ndim == 2 else c.reshape(*a.shape[:-1], N)  # c itself may become a .grad without a copy


def blas_rows(shard: int, shards: int, a: Any, b: Any, c: Any) -> None:
    r"""A kernel, too: BLAS keeps no lock of the interpreter."""
    m, end = shard * len(a) // shards, (shard + 1) * len(a) // shards
    np.matmul(a[m:end], b, out=c[m:end])
