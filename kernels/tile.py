r"""The innermost loop of every product here: a tile of C, in registers, as vector instructions.

    acc[r][v] = 0, or what C holds                              ROWS x 2 vectors of columns
    for q in 0 ... Q-1:
        for k in 0 ... K-1:
            for r, v:
                acc[r][v] += A[r, q, k] * B[q, k, v]            one number of A, one vector of B
    C[r, v] = acc[r][v]

Why a tile. A core with AVX-512 multiplies and adds two vectors of 16 numbers in every cycle, and it fetches two vectors
from its nearest cache in that time. A loop that fetches both factors of every multiplication cannot keep it busy, let
alone one that writes the sum back each time. Here the 24 sums stay in registers for the whole loop; each k takes 2
vectors of B and 12 single numbers of A, and makes 24 multiplications of those 14 loads. So the arithmetic sets the
pace: 98 % of what the core can do at best, where a loop over rows and columns reaches a few percent.

A processor also needs some cycles for each multiplication and addition, 4 of them, say, and has room for two at a time:
it is kept busy only if 8 or more sums wait for nothing but their turn. 24 do.

How large a tile fits depends on the processor, which is asked (or NUMBA_CPU_FEATURES, where it is set):

| processor | bytes of a vector | vector registers | tile |
|---|---|---|---|
| AVX-512 | 64 | 32 | 12 rows x 2 vectors (24 sums, 2 of B, 1 of A) |
| AVX2 | 32 | 16 | 6 x 2 |
| any other | 16 | 16 or more | 6 x 2 |

Compilers do not find this by themselves (they would vectorise the loop over k, or give up). So it is written in
LLVM's own language, through Numba's `intrinsic`: a function of Python that is run once, when a kernel is compiled, and
puts down the instructions one by one. Below, `x` is what writes them: `x.fadd(a, b)` adds nothing, it writes down an
addition.

The same tile works by channel (kernels/depthwise.py): A[r, q, k] is then a vector too, as wide as the columns, and
every column is a sum of its own, acc[r][v] += A[r, q, k, v] * B[q, k, v].

There is one function for each number of rows up to ROWS, and for each kind of columns that are left: two vectors; two
of which the last is cut off; one. What is cut off is masked: it is neither read nor written.
"""

from typing import Any

from minidl.jit import HAS_NUMBA

if HAS_NUMBA:
    import numba
    from llvmlite import binding, ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    _features = (numba.config.CPU_FEATURES or binding.get_host_cpu_features().flatten()).split(",")
    BYTES, ROWS = (64, 12) if "+avx512f" in _features else (32, 6) if "+avx2" in _features else (16, 6)

    VOID, I1, I32, I64 = ir.VoidType(), ir.IntType(1), ir.IntType(32), ir.IntType(64)
    NUMBER = {4: ir.FloatType(), 8: ir.DoubleType()}
    KINDS = ((2, False), (2, True), (1, True))  # how many vectors of columns; whether the last one is masked
    FUSE = ("contract",)  # a * b + c may be one instruction, rounded once


class Vectors:
    r"""Writes loads and stores of vectors of numbers of `size` bytes into the function that `x` is writing."""

    def __init__(self, x: Any, size: int):
        self.x, self.size, self.lanes = x, size, BYTES // size
        self.number = NUMBER[size]
        self.type = ir.VectorType(self.number, self.lanes)
        self.zero = ir.Constant(self.type, [0.0] * self.lanes)
        self.mask = None

    def spread(self, scalar: Any) -> Any:
        r"""A vector full of this number."""
        vector = ir.VectorType(scalar.type, self.lanes)
        first = self.x.insert_element(ir.Constant(vector, ir.Undefined), scalar, I32(0))
        return self.x.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes))

    def keep(self, n: Any) -> None:
        r"""Masked loads and stores are for the first n places from here on."""
        places = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        self.mask = self.x.icmp_signed("<", places, self.spread(n))

    def load(self, address: Any, masked: bool) -> Any:
        pointer = self.x.inttoptr(address, self.type.as_pointer())
        if not masked:
            return self.x.load(pointer, align=self.size)
        return self.x.call(self._masked("load"), [pointer, I32(self.size), self.mask, self.zero])

    def store(self, vector: Any, address: Any, masked: bool) -> None:
        pointer = self.x.inttoptr(address, self.type.as_pointer())
        if masked:
            self.x.call(self._masked("store"), [vector, pointer, I32(self.size), self.mask])
        else:
            self.x.store(vector, pointer, align=self.size)

    def load_number(self, address: Any) -> Any:
        return self.x.load(self.x.inttoptr(address, self.number.as_pointer()), align=self.size)

    def _masked(self, verb: str) -> Any:
        mask, pointer = ir.VectorType(I1, self.lanes), self.type.as_pointer()
        name = f"llvm.masked.{verb}.v{self.lanes}f{8 * self.size}.p0"
        if verb == "load":
            kind = ir.FunctionType(self.type, [pointer, I32, mask, self.type])
        else:
            kind = ir.FunctionType(VOID, [self.type, pointer, I32, mask])
        return cgutils.get_or_insert_function(self.x.module, kind, name)


def tile_function(module: Any, size: int, rows: int, n_vectors: int, masked: bool, by_channel: bool) -> Any:
    r"""The tile above for so many rows and vectors, written into `module` unless it is there."""
    name = f"minidl_tile_{size}_{rows}_{n_vectors}{'_masked' if masked else ''}{'_by_channel' if by_channel else ''}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * 13), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    a, a_m, a_k, jumps, Q, K, b, b_q, b_k, c, c_m, left, add = function.args
    start, read_c, jump, inner, jumped, end = (
        function.append_basic_block(block) for block in ("start", "read_c", "jump", "sum", "jumped", "end")
    )
    x = ir.IRBuilder(start)
    v = Vectors(x, size)
    is_masked = [masked and i == n_vectors - 1 for i in range(n_vectors)]
    tile = [(r, i) for r in range(rows) for i in range(n_vectors)]

    def place(row: Any, i: int) -> Any:
        return x.add(row, I64(i * BYTES))

    v.keep(left)
    c_rows = [x.add(c, x.mul(c_m, I64(r))) for r in range(rows)]
    x.cbranch(x.icmp_signed("!=", add, I64(0)), read_c, jump)

    x.position_at_end(read_c)
    old = [v.load(place(c_rows[r], i), is_masked[i]) for r, i in tile]
    x.branch(jump)

    x.position_at_end(jump)  # for q: a and b of this jump
    q, sums = x.phi(I64), [x.phi(v.type) for _ in tile]
    a_q = x.add(a, x.load(x.inttoptr(x.add(jumps, x.mul(q, I64(8))), I64.as_pointer())))
    b_q_now = x.add(b, x.mul(q, b_q))
    x.branch(inner)

    x.position_at_end(inner)  # for k
    k, a_now, b_now = x.phi(I64), x.phi(I64), x.phi(I64)
    acc = [x.phi(v.type) for _ in tile]
    b_vectors = [v.load(place(b_now, i), is_masked[i]) for i in range(n_vectors)]
    new = []
    for r in range(rows):
        a_row = x.add(a_now, x.mul(a_m, I64(r)))
        a_r = None if by_channel else v.spread(v.load_number(a_row))
        for i in range(n_vectors):
            if by_channel:
                a_r = v.load(place(a_row, i), is_masked[i])
            new.append(x.fadd(acc[len(new)], x.fmul(a_r, b_vectors[i], flags=FUSE), flags=FUSE))
    k_next = x.add(k, I64(1))
    for variable, first, later in (
        (k, I64(0), k_next),
        (a_now, a_q, x.add(a_now, a_k)),
        (b_now, b_q_now, x.add(b_now, b_k)),
        *zip(acc, sums, new, strict=True),
    ):
        variable.add_incoming(first, jump)
        variable.add_incoming(later, inner)
    x.cbranch(x.icmp_signed("<", k_next, K), inner, jumped)

    x.position_at_end(jumped)
    q_next = x.add(q, I64(1))
    for variable, zero, first, later in (
        (q, I64(0), I64(0), q_next),
        *((s, v.zero, o, n) for s, o, n in zip(sums, old, new, strict=True)),
    ):
        variable.add_incoming(zero, start)
        variable.add_incoming(first, read_c)
        variable.add_incoming(later, jumped)
    x.cbranch(x.icmp_signed("<", q_next, Q), jump, end)

    x.position_at_end(end)
    for (r, i), value in zip(tile, new, strict=True):
        v.store(value, place(c_rows[r], i), is_masked[i])
    x.ret_void()
    return function


if HAS_NUMBA:

    @intrinsic(prefer_literal=True)
    def tile(typing_context, size, by_channel, rows, a, a_m, a_k, jumps, Q, K, b, b_q, b_k, c, c_m, left, add):
        """To be called in a compiled function: the tile for numbers of `size` bytes (a constant), for so many rows
        (1 ... ROWS) and `left` columns: all if there are two vectors of them or more. For the others see gemm.py."""
        lanes, n_bytes = BYTES // size.literal_value, size.literal_value

        def write(context, x, signature, arguments):
            _, _, rows, *rest, left, add = arguments
            two, one = x.icmp_signed(">=", left, I64(2 * lanes)), x.icmp_signed("<=", left, I64(lanes))
            kind = x.select(two, I64(0), x.select(one, I64(2), I64(1)))
            done = x.append_basic_block("tile_done")
            switch = x.switch(x.add(x.mul(kind, I64(ROWS + 1)), rows), done)
            for number, (n_vectors, masked) in enumerate(KINDS):
                for r in range(1, ROWS + 1):
                    block = x.append_basic_block("tile")
                    switch.add_case(I64(number * (ROWS + 1) + r), block)
                    x.position_at_end(block)
                    in_last = x.sub(left, I64(lanes)) if number == 1 else left
                    function = tile_function(x.module, n_bytes, r, n_vectors, masked, by_channel.literal_value)
                    x.call(function, [*rest, in_last, add])
                    x.branch(done)
            x.position_at_end(done)
            return context.get_dummy_value()

        return types.void(size, by_channel, *[types.int64] * 14), write
