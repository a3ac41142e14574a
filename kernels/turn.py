r"""A matrix turned: b[n, m] = a[m, n], by vectors.

A loop would read (or write) one number and leap to the next one, which lies in another line of the cache. `turn` takes
as many rows as a vector has places, 16 x 16 numbers, say, as 16 vectors. Transpose a matrix of 2 x 2 blocks, and the
two blocks beside the diagonal change places. So neighbouring vectors exchange every second number, then pairs of
vectors two numbers at a time, then four, then eight; and what they hold in the end are the 16 columns.

    a0 a1 a2 a3      a0 b0 a2 b2      a0 b0 c0 d0
    b0 b1 b2 b3  ->  a1 b1 a3 b3  ->  a1 b1 c1 d1
    c0 c1 c2 c3      c0 d0 c2 d2      a2 b2 c2 d2
    d0 d1 d2 d3      c1 d1 c3 d3      a3 b3 c3 d3

What is cut off at the edges is masked: neither read nor written. The reference is `a.T`.
"""

from typing import Any

from minidl.jit import HAS_NUMBA, njit

if HAS_NUMBA:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.tile import BYTES, I32, I64, VOID, Vectors


if HAS_NUMBA:

    def turn_function(module: Any, size: int) -> Any:
        name = f"minidl_turn_{size}"
        if name in module.globals:
            return module.globals[name]
        function = ir.Function(module, ir.FunctionType(VOID, [I64] * 6), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        a, a_m, rows, b, b_n, columns = function.args
        x = ir.IRBuilder(function.append_basic_block("start"))
        v = Vectors(x, size)
        lanes, mask = v.lanes, ir.VectorType(I32, v.lanes)

        def place(address: Any, step: Any, i: int, n: Any, room: Any) -> Any:
            """Of vector i; room for `room` numbers, for none if there is no such vector."""
            v.keep(x.select(x.icmp_signed("<", I64(i), n), room, I64(0)))
            return x.add(address, x.mul(step, I64(i)))

        block = [v.load(place(a, a_m, i, rows, columns), True) for i in range(lanes)]
        half = 1
        while half < lanes:
            upper = [j if not j & half else lanes + j - half for j in range(lanes)]
            lower = [j + half if not j & half else lanes + j for j in range(lanes)]
            for i in range(lanes):
                if not i & half:
                    pair = block[i], block[i + half]
                    block[i], block[i + half] = (
                        x.shuffle_vector(*pair, ir.Constant(mask, part)) for part in (upper, lower)
                    )
            half *= 2
        for i in range(lanes):
            v.store(block[i], place(b, b_n, i, columns, rows), True)
        x.ret_void()
        return function

    @intrinsic(prefer_literal=True)
    def turn(typing_context, size, a, a_m, rows, b, b_n, columns):
        """b[n, m] = a[m, n] for numbers of `size` bytes (a constant), up to as many rows and columns as a vector has
        places. Addresses, and steps in bytes."""

        def write(context, x, signature, arguments):
            x.call(turn_function(x.module, size.literal_value), arguments[1:])
            return context.get_dummy_value()

        return types.void(size, *[types.int64] * 6), write


@njit
def turn_all(size, a, a_m, M, b, b_n, N):
    """b[n, m] = a[m, n] for numbers of `size` bytes: addresses, and steps from row to row in bytes."""
    lanes = BYTES // size
    for n in range(0, N, lanes):
        for m in range(0, M, lanes):
            rows, columns = min(lanes, M - m), min(lanes, N - n)
            if size == 4:
                turn(4, a + m * a_m + n * size, a_m, rows, b + n * b_n + m * size, b_n, columns)
            else:
                turn(8, a + m * a_m + n * size, a_m, rows, b + n * b_n + m * size, b_n, columns)


@njit
def turn_into(b, a):
    """b = a', two matrices, the rows of which lie in one piece each."""
    turn_all(a.itemsize, a.ctypes.data, a.strides[0], a.shape[0], b.ctypes.data, b.strides[0], a.shape[1])
