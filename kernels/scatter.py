r"""scatter_add: rows added up at their positions, the adjoint of picking rows.

Who picks rows 3, 0, 3 of a table (an embedding, an index, a gather) uses row 3 twice, so in back-propagation both
gradients are added to row 3:

    for m in 0 ... M-1:
        out[positions[m]] += rows[m]

Run in parallel, this loop would let two threads add to one row at once, in an order that chance decides. So the GPU
turns it round: every row of out collects its own contributions. A stable sort brings those of one target together,
into one run, without changing their order:

    order = positions sorted (stable), starts[v] = where the run of v begins in it
    out[v, d] = sum over k = starts[v] ... starts[v+1]-1 of rows[order[k], d]

Within a run m rises as in the loop above, so both ways add the same numbers in the same order, bit for bit.

On the CPU the loop runs as it stands, in one thread. Most of the time goes into the zeros of the rows to which nothing
is added (an embedding of 20,000 words, of which a batch holds a few), and writing those is shared out.

Shapes: positions (M,) integers in 0 ... V-1, checked by the caller; rows (M, D); out (V, D).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.threads import shards_for, share


def runs(xp: Any, positions: Any, V: int) -> tuple:
    r"""`order` and `starts` as above.

    >>> runs(np, np.array([3, 0, 3]), 4)
    (array([1, 0, 2]), array([0, 1, 1, 1, 3]))
    """
    order = xp.argsort(positions, kind="stable")
    return order, xp.searchsorted(positions[order], xp.arange(V + 1))


# ---- reference ----
def scatter_add_ref(xp: Any, positions: Any, rows: Any, V: int) -> Any:
    order, starts = runs(xp, positions, V)
    lengths = starts[1:] - starts[:-1]
    out = xp.zeros((V, rows.shape[1]), rows.dtype)
    for k in range(int(lengths.max()) if V else 0):
        v = xp.flatnonzero(lengths > k)  # the targets whose run has a k-th row
        out[v] += rows[order[starts[v] + k]]
    return out


# ---- CPU ----
@njit
def zero_cpu(shard, shards, out):
    out[shard * len(out) // shards : (shard + 1) * len(out) // shards] = 0


@njit
def scatter_add_cpu(positions, rows, out):
    for m in range(positions.size):
        v = positions[m]
        for d in range(rows.shape[1]):
            out[v, d] += rows[m, d]


# ---- GPU ----
SCATTER_ADD_GPU = (
    "raw T rows, raw int64 order, raw int64 starts, int64 D",
    "T out",
    """
    long long v = i / D, d = i % D;
    T sum = 0;
    for (long long k = starts[v]; k < starts[v + 1]; ++k) sum += rows[order[k] * D + d];
    out = sum;
    """,
    "minidl_scatter_add",
)


# ---- what layers call ----
def scatter_add(positions: Any, rows: Any, V: int) -> Any:
    r"""out (V, D): for each target the sum of the rows (M, D) whose position it is, 0 where there is none.

    >>> scatter_add(np.array([3, 0, 3]), np.array([[1.0], [2.0], [4.0]]), 4)
    array([[2.],
           [0.],
           [0.],
           [5.]])
    """
    xp, D = xp_of(rows), rows.shape[1]
    positions = positions.astype(np.int64)
    if REFERENCE:
        return scatter_add_ref(xp, positions, rows, V)
    out = xp.empty((V, D), rows.dtype)
    rows = xp.ascontiguousarray(rows)
    if on_gpu(rows):
        elementwise(*SCATTER_ADD_GPU)(rows, *runs(xp, positions, V), D, out)
    else:
        share(zero_cpu, shards_for(0.14 * out.size), out.reshape(-1))
        scatter_add_cpu(positions, rows, out)
    return out
