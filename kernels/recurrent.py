r"""What the time loops of SimpleRNN, LSTM and GRU share: their products, and the gradients of their weights.

On the CPU a whole sequence is one compiled call. The batch is cut into shards of sequences, and a shard goes its way
from the first step to the last, and back, by itself: no thread waits for another one at every step.

    forward    for t = 0 ... T-1:
                   a = [k * h[t] | x[t]] [u | w]'               one product of gemm.py
                   from a to h[t+1]                             the file of the layer
    backward   for t = T-1 ... 0:
                   from dh to da                                the file of the layer
                   dh += k * (da u);  dx[t] = da w              two products
                   after each chunk of steps:
                       dw += da' x;  du += da' (k * h)          two products

Why chunks. da of all steps is the largest array there would be, and it would be written to memory, and read again for
each of dw, du and the sum db. A chunk of it (128 rows) stays in the nearest caches until all of that is done, and then
the next one takes its place. What a step back reads of the way forward comes from far away, and is asked for one row
ahead (`fetch`).

The weights lie in panels (gemm.py), made once per call.

Each shard has sums of its own for dw, du and db, which are added up in the order of the shards. How many shards there
are depends on the sizes alone, and so do all results.

Shapes: x, dx (N, T, D); w, dw (G, D); u, du (G, H); h (T+1, N, H) from the initial state on; m (N, T) bool; k (N, H);
da (T, N, G) with the G = H, 3H or 4H columns of the gates, in a chunk (steps * rows, G).
"""

from typing import Any

from minidl.jit import COMPILES, njit
from minidl.threads import shards_for

ROWS = 16  # sequences that a shard has at least; two shards of 16 take 5 % longer than one of 32, but two threads
CHUNK = 128  # rows of da, one for each step of each sequence


# ---- reference ----
def by_time_ref(xp: Any, x: Any, m: Any) -> Any:
    """x as (T, N, D), with 0 at masked steps: padding may hold anything, even NaN."""
    return xp.where(m[..., None], x, 0).swapaxes(0, 1)


def weights_ref(xp: Any, da: Any, dp: Any, x: Any, h: Any, m: Any, k: Any, w: Any) -> tuple[Any, Any, Any]:
    """dx (unless w is None), dw and du. da is the gradient of x w', dp that of (k h) u'; only the GRU has two."""
    (T, N, G), D, H = da.shape, x.shape[2], h.shape[2]
    x = by_time_ref(xp, x, m).reshape(T * N, D)
    da, dp, kh = da.reshape(T * N, G), dp.reshape(T * N, G), (k * h[:-1]).reshape(T * N, H)
    dx = None if w is None else (da @ w).reshape(T, N, D).swapaxes(0, 1)  # (TN, G) @ (G, D)
    return dx, da.T @ x, dp.T @ kh  # (G, TN) @ (TN, D), (G, TN) @ (TN, H)


# ---- CPU ----
if COMPILES:
    from llvmlite import ir
    from numba import types
    from numba.core.cgutils import get_or_insert_function
    from numba.extending import intrinsic

    from minidl.kernels.gemm import product

    @intrinsic
    def prefetch(typing_context, address):
        """Tells the processor that the line of the cache at this address will be read soon."""

        def write(context, x, signature, arguments):
            pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
            function = get_or_insert_function(x.module, kind, "llvm.prefetch.p0")
            x.call(function, [x.inttoptr(arguments[0], pointer), number(0), number(3), number(1)])  # to read, to keep
            return context.get_dummy_value()

        return types.void(types.int64), write


@njit
def copy(y, x):
    """y = x, two rows. (y[:] = x, ready for any shapes and for memory that overlaps, takes a second to compile.)"""
    for j in range(len(y)):
        y[j] = x[j]


@njit
def clear(y):
    for j in range(len(y)):
        y[j] = 0


@njit
def fetch(row):
    """Begin to bring a row to the nearest cache, while there is something else to do."""
    for i in range(0, row.size * row.itemsize, 64):
        prefetch(row.ctypes.data + i)


@njit
def multiply(driver, jumps, x, panels, y, add):
    """y = x times what stands in the panels, or y += that."""
    product(
        driver,
        *(len(x), y.shape[1], 1, x.shape[1]),
        *(x.ctypes.data, x.strides[0], x.strides[1], jumps.ctypes.data),
        *(panels.ctypes.data, panels.strides[0], 0, panels.strides[1]),
        *(y.ctypes.data, y.strides[0], add),
    )


@njit
def add_outer(driver, jumps, width, d, s, g):
    """g += d' s."""
    product(
        driver,
        *(g.shape[0], g.shape[1], 1, len(d)),
        *(d.ctypes.data, d.strides[1], d.strides[0], jumps.ctypes.data),
        *(s.ctypes.data, width * s.strides[1], 0, s.strides[0]),
        *(g.ctypes.data, g.strides[0], 1),
    )


@njit
def steps_for(T, rows):
    """How many steps a chunk has."""
    return min(T, max(1, CHUNK // max(1, rows)))


@njit
def see(s, k, h, x):
    """s = [k h | x], what a step of one sequence sees."""
    H = len(h)
    sh, sx = s[:H], s[H:]
    for j in range(H):
        sh[j] = k[j] * h[j]
    for j in range(len(x)):
        sx[j] = x[j]


@njit
def weights_grad(driver, jumps, width, t, steps, start, end, da, dp, x, h, m, k, s, dw, du):
    """What the steps from t on add to dw and du."""
    H, row = h.shape[2], 0
    for i in range(t, t + steps):
        for n in range(start, end):
            if m[n, i]:
                see(s[row], k[n], h[i, n], x[n, i])
            else:
                clear(s[row])
            row += 1
    if row:  # a sum of no terms is not for the tile
        add_outer(driver, jumps, width, da[:row], s[:row, H:], dw)
        add_outer(driver, jumps, width, dp[:row], s[:row, :H], du)


# ---- what the kernels call ----
def shards_of(x: Any, u: Any) -> int:
    """How many shards there are for this input."""
    (N, T, D), (G, H) = x.shape, u.shape
    return min(shards_for(N * T * G * (D + H) / 80), max(1, N // ROWS))
