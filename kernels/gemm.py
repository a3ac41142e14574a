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
does not look, because there are no arrays. Q and K must be 1 or more.

Shapes: a (M, K), b (K, N), c (M, N). Goto and van de Geijn 2008, ACM Transactions on Mathematical Software 34(3).
"""

import functools
from typing import Any

import numpy as np

from minidl.backend import REFERENCE, on_gpu, xp_of
from minidl.jit import COMPILES, HAS_NUMBA, address_of, njit
from minidl.threads import shards_for, share

NO_JUMP = np.zeros(1, np.int64)  # the table of jumps of a plain product

BLOCK = 256  # terms of a sum that are done at a time


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
def matmul_cpu(shard, shards, driver, a, panels, jumps, c):
    (M, N), K = c.shape, panels.shape[1]
    m, end = shard * M // shards, (shard + 1) * M // shards
    a_0, b_0, c_0 = a.ctypes.data + m * a.strides[0], panels.ctypes.data, c.ctypes.data + m * c.strides[0]
    for k in range(0, K, BLOCK):  # so that what a column of tiles reads of A stays in the nearest cache
        product(
            *(driver, end - m, N, 1, min(BLOCK, K - k)),
            *(a_0 + k * a.strides[1], a.strides[0], a.strides[1], jumps.ctypes.data),
            *(b_0 + k * panels.strides[1], panels.strides[0], 0, panels.strides[1]),
            *(c_0, c.strides[0], k > 0),
        )


# ---- what layers call ----
def pack(b: Any) -> Any:
    r"""b (K, N) in panels (P, K, width), the last one filled up with zeros.

    >>> pack(np.ones((2, 3), np.float32)).sum()
    np.float32(6.0)
    """
    return pack_cpu(b, width(b.dtype))


def matmul(a: Any, b: Any) -> Any:
    r"""a (M, K) times b (K, N), both float32 or both float64, in any layout.

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[13., 16.]])
    """
    (M, K), N = a.shape, b.shape[1]
    if REFERENCE or not COMPILES or on_gpu(a) or K == 0:
        return matmul_ref(xp_of(a), a, b)
    c = np.empty((M, N), a.dtype)
    share(matmul_cpu, shards_for(M * N * K / 80), driver(a.dtype), a, pack(b), NO_JUMP, c)
    return c
