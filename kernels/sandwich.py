r"""P X P^T, for a small constant matrix P and a vector full of matrices X, as vector instructions.

Winograd's convolution (winograd.py) turns every tile of an image, X, into P X P^T: first all of its columns, then all
of its rows, times P. P is 6 x 6 or smaller and never changes, and most of its numbers are 0 or 1. A loop over its rows
and columns would multiply by zeros, and look each number up; here the loop runs when the kernel is compiled, and what
it leaves behind is a line of instructions for each number that is not 0:

    a row (2, 0, -1, 1) of P                    y = 2 x_0 - x_2 + x_3               3 instructions

One X has nothing in it that could fill a vector. But an image with its channels side by side in memory is a stack of
images, and all of them are treated alike: in place of a number of X stands a vector, of 16 channels with AVX-512, and
an instruction works on 16 matrices at a time.

P may be given as a product of factors that have more zeros than itself: they are applied one after the other.

Where the vectors lie is said in one of two ways, for X and for Y = P X P^T each; number k of an n x n matrix is the one
in row k // n and column k % n:

    "steps"     number k is at           base + k * step                    base, step: bytes
    "table"     number k is at      table[k] + step                         base: address of a table of int64 addresses

A table is for pixels, because some of a tile may lie outside of the image: their addresses are those of zeros.
"""

from typing import Any

import numpy as np

from minidl.jit import HAS_NUMBA

if HAS_NUMBA:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.tile import FUSE, I64, Vectors

SIZE = 4  # bytes of a number: float32


def combination(v: Any, row: Any, vectors: Any) -> Any:
    """Writes the sum of row[i] * vectors[i] with the writer of `v`, and returns where it is."""
    x, total = v.x, None
    ones_first = sorted(zip(row, vectors, strict=True), key=lambda term: term[0] != 1)
    for number, vector in ones_first:
        if number == 0:
            continue
        factor = ir.Constant(v.type, [float(np.float32(number))] * v.lanes)
        if total is None:
            total = vector if number == 1 else x.fmul(factor, vector)
        elif number == 1:
            total = x.fadd(total, vector)
        else:
            total = x.fadd(total, x.fmul(factor, vector, flags=FUSE), flags=FUSE)
    return total


def sandwich(*factors: Any, read: str, write: str, plus: bool = False) -> Any:
    r"""For compiled functions: transform(x, x_step, y, y_step, bias), Y = P X P^T with P = factors[-1] ... factors[0].

    With `plus` the vector at the address `bias` is added to every number of Y. All arguments are int64."""
    n = factors[0].shape[1]

    def place(x: Any, how: str, base: Any, step: Any, k: int) -> Any:
        if how == "steps":
            return x.add(base, x.mul(step, I64(k)))
        return x.add(x.load(x.inttoptr(x.add(base, I64(8 * k)), I64.as_pointer())), step)

    def times_columns(v: Any, rows: list) -> list:
        """P X, turned: its columns."""
        columns = list(zip(*rows, strict=True))
        for factor in factors:
            columns = [[combination(v, row, column) for row in factor] for column in columns]
        return columns

    def code(context, builder, signature, arguments):
        x, x_step, y, y_step, bias = arguments
        v = Vectors(builder, SIZE)
        rows = [[v.load(place(builder, read, x, x_step, n * i + j), False) for j in range(n)] for i in range(n)]
        rows = times_columns(v, times_columns(v, rows))  # turned twice
        more = v.load(bias, False) if plus else None
        for k, vector in enumerate(vector for row in rows for vector in row):
            v.store(builder.fadd(vector, more) if plus else vector, place(builder, write, y, y_step, k), False)
        return context.get_dummy_value()

    @intrinsic
    def transform(typing_context, x, x_step, y, y_step, bias):
        return types.void(*[types.int64] * 5), code

    return transform
