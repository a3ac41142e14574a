r"""Dropout without a mask: whether a number is kept is computed where it is asked for, forward and again backward.

    for i:                                              every number, by its place in C order
        h = i ^ key1                                    all in 32 bits, products modulo 2^32
        h = (h ^ h >> 16) * 0x85EBCA6B ^ key2
        h = (h ^ h >> 13) * 0xC2B2AE35
        h = (h ^ h >> 16) * 0x9E3779B1
        y[i] = x[i] * (scale if (h ^ h >> 16) >= (unsigned int)threshold else 0)

A counter i becomes a random number by a hash: every bit of it flips half the bits of h. So there is no order in which
the numbers must be drawn, any thread and any vector unit can begin anywhere, and a mask that takes as much memory as
half of x (and as long to fetch) is not there at all. Multiplications carry information up, shifts take it down, and xor
with the high half mixes both; the first two constants are those of MurmurHash3 (Appleby 2011), the third is 2^32 over
the golden ratio. With two products only, masks of equal key1 are alike, and more so at distances of 2^10 to 2^12.

The keys, 64 random bits, come from the host's generator, two of them a call. Of i the last 32 bits are hashed; the bits
above change key2, so that a longer array begins no second round. The probability of being dropped is threshold / 2^32.

i counts in C order, whatever the order in memory: of channels-last images (N, H * W, C) it is (n C + c) H W + hw. So
the same keys give the same mask in both, and on a GPU.

On the CPU every array is (N, L, C), of which (1, 1, size) is one in C order. Shards own blocks of BLOCK numbers, or
rows of C. Shapes: x, y any.
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, channels_last, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.kernels.image import new_image
from minidl.threads import shards_for, share

FACTORS = 0x85EBCA6B, 0xC2B2AE35, 0x9E3779B1
BITS = 0xFFFFFFFF
BLOCK = 2**14  # a power of 2: the bits of i above the last 32 are the same in all of a block
TIME = 0.5  # nanoseconds for each number


# ---- reference ----
def hash_ref(xp: Any, i: Any, key1: int, key2: int) -> Any:
    """The hash of counters i (uint64), as uint32."""
    h = (i & BITS).astype(np.uint32) ^ np.uint32(key1)
    high = (i >> 32).astype(np.uint32) * np.uint32(FACTORS[2])
    for shift, factor, key in zip((16, 13, 16), FACTORS, (high ^ np.uint32(key2), 0, 0), strict=True):
        h = (h ^ (h >> shift)) * np.uint32(factor) ^ key
    return h ^ (h >> 16)


def dropped_ref(xp: Any, x: Any, key1: int, key2: int, p: float) -> Any:
    threshold, scale = _odds(p)
    h = hash_ref(xp, xp.arange(x.size, dtype=np.uint64), key1, key2).reshape(x.shape)
    return x * xp.where(h >= threshold, x.dtype.type(scale), x.dtype.type(0))


def _odds(p: float) -> tuple[int, float]:
    return min(round(p * 2**32), BITS), 1 / (1 - p) if p < 1 else 0.0


# ---- CPU ----
@njit
def times(a, b):
    return np.uint32((np.uint64(a) * np.uint64(b)) & np.uint64(BITS))


@njit
def hashed(i, key1, key2):
    U = np.uint32
    h = U(i ^ key1)
    h = U(times(U(h ^ U(h >> U(16))), U(FACTORS[0])) ^ key2)
    h = times(U(h ^ U(h >> U(13))), U(FACTORS[1]))
    h = times(U(h ^ U(h >> U(16))), U(FACTORS[2]))
    return U(h ^ U(h >> U(16)))


@njit
def drop_cpu(shard, shards, x, key1, key2, threshold, scale, y):
    N, L, C = x.shape
    U = np.uint32
    zero = x.dtype.type(0)
    blocks = -(-C // BLOCK)
    pieces = N * L * blocks
    for piece in range(shard * pieces // shards, (shard + 1) * pieces // shards):
        row, c = piece // blocks, piece % blocks * BLOCK
        n, l = row // L, row % L
        v, out = x[n, l, c : c + BLOCK], y[n, l, c : c + BLOCK]
        o = (n * C + c) * L + l
        key = U(key2 ^ times(U(o >> 32), U(FACTORS[2])))
        for j in range(len(v)):
            out[j] = v[j] * (scale if hashed(U((o + j * L) & BITS), key1, key) >= threshold else zero)


# ---- GPU ----
DROP_GPU = (
    "raw T x, int64 key1, int64 key2, int64 threshold, T scale",
    "T y",
    """
    unsigned int h = (unsigned int)i ^ (unsigned int)key1;
    unsigned int high = (unsigned int)((unsigned long long)i >> 32) * 0x9E3779B1u;
    h = ((h ^ h >> 16) * 0x85EBCA6Bu) ^ high ^ (unsigned int)key2;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    h = (h ^ h >> 16) * 0x9E3779B1u;
    y = x[i] * ((h ^ h >> 16) >= threshold ? scale : T(0));
    """,
    "minidl_dropout",
)


# ---- what layers call ----
def dropped(x: Any, key1: int, key2: int, p: float) -> Any:
    r"""x / (1 - p) where the hash keeps it, else 0, lying in memory as x does.

    >>> dropped(np.ones(8), 1, 2, 0.5)
    array([2., 0., 2., 2., 0., 0., 0., 2.])
    """
    xp = xp_of(x)
    if REFERENCE:
        return dropped_ref(xp, x, key1, key2, p)
    threshold, scale = _odds(p)
    if on_gpu(x):
        y = xp.empty(x.shape, x.dtype)
        elementwise(*DROP_GPU)(xp.ascontiguousarray(x), key1, key2, threshold, scale, y)
        return y
    last = x.ndim == 4 and channels_last(x) and x.size <= BITS
    shape = (len(x), x.shape[2] * x.shape[3], x.shape[1]) if last else (1, 1, x.size)
    y = new_image(x.shape, x.dtype) if last else np.empty(x.shape, x.dtype)
    out = (y.transpose(0, 2, 3, 1) if last else y).reshape(shape)
    v = np.ascontiguousarray(x.transpose(0, 2, 3, 1) if last else x).reshape(shape)
    options = *map(np.uint32, (key1, key2, threshold)), x.dtype.type(scale)
    share(drop_cpu, shards_for(TIME * x.size), v, *options, out)
    return y
