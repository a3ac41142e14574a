r"""Networks of NEAT: what every node of every network says, for every row of the input.

    for p:                                          every network
        for k, after the inputs and the bias:       its nodes, in an order in which sources come first
            z[k] = sum of weight[c] * v[source[c]] over the links c into k        or product, maximum, minimum, mean
            v[k] = activation of k (z[k])

That is the feed-forward way. The other one is a number of steps: in each of them all nodes at once look at what their
sources said in the step before, and at the beginning all but the inputs and the bias say 0. A node without links
aggregates to 0. A NaN among the inputs of a node makes it NaN, save where the activation is "step", which says 0.

All networks lie in the arrays of one `CSR` (compressed sparse rows), made by `phenotype.py`: the nodes of network p are
those from first_node[p] to first_node[p + 1], inputs first, then the bias (unless `bias` is 0); the links into node i
are those from first_link[i] to first_link[i + 1]; source counts the nodes of one network from 0.

Compiled loops that step networks by themselves (`minidl/evolution/rollout.py`) call

    step(net, p, x, old, new)                       net: a CSR; x (I,) the inputs
    new[net.output[p, o]]                           what output o says then

with old, new float64 arrays of at least first_node[p + 1] - first_node[p] numbers, zeros at first, that change places
after every step. With one array for both, step(net, p, x, v, v) is a feed-forward evaluation, without any memory.

Only + - * / are used, in one order, also for exp and sine: reference and CPU, batch and single rows agree bit for bit;
so does a GPU that fuses no multiplication with an addition. Nothing is checked here.

Shapes: x (1 or P, B, I), the same rows for all networks or rows for each; y (P, B, O). All numbers are float64.
"""

from typing import Any, NamedTuple

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit
from minidl.kernels.activation import ACTIVATE_C, ACTIVATIONS, activate_ref, activate_row, activated

AGGREGATIONS = ("sum", "product", "maximum", "minimum", "mean")
START = (0.0, 1.0, -np.inf, np.inf, 0.0)  # of a node with links, before the first of them is taken up
BLOCK = 256  # rows of x at a time: what all nodes of a network say to them stays in the cache
LANES = 8  # numbers that a compiled loop takes at once; of fewer it would take one at a time
ROOM = 2**24  # numbers: what all nodes say to the rows that a GPU takes at a time


class CSR(NamedTuple):
    r"""Networks as flat arrays: see the head of `kernels/network.py`."""

    first_node: Any  # (P + 1,) int32
    activation: Any  # (N,) int8, positions in ACTIVATIONS
    aggregation: Any  # (N,) int8, positions in AGGREGATIONS
    first_link: Any  # (N + 1,) int32
    source: Any  # (L,) int32
    weight: Any  # (L,) float64
    output: Any  # (P, O) int32, nodes of one network
    cyclic: Any  # (P,) bool: no order of its nodes has all sources first
    n_inputs: int
    bias: float


# ---- reference ----
def aggregate_ref(xp: Any, name: str, terms: list, z: Any) -> Any:
    """terms: weight times what the source says, for every link; z: zeros."""
    for number, term in enumerate(terms):
        if name == "product":
            z = z * term if number else 1.0 * term
        elif name == "maximum":
            z = xp.where((term > z) | (term != term), term, z) if number else term
        elif name == "minimum":
            z = xp.where((term < z) | (term != term), term, z) if number else term
        else:
            z = z + term
    return z / len(terms) if name == "mean" and terms else z


@np.errstate(all="ignore")  # compiled loops do not warn
def forward_ref(xp: Any, net: CSR, x: Any, steps: int) -> Any:
    P, B, fixed = len(net.output), x.shape[1], net.n_inputs + (net.bias != 0)
    y = xp.empty((P, B, net.output.shape[1]))
    for p in range(P):
        rows = x[p if len(x) > 1 else 0]
        first, last = net.first_node[p], net.first_node[p + 1]
        zero = xp.zeros(B)
        new = [rows[:, i] for i in range(net.n_inputs)] + [zero + net.bias] * (net.bias != 0)
        new += [zero] * int(last - first - fixed)
        for _ in range(steps or 1):
            old = list(new) if steps else new
            for k in range(fixed, last - first):
                links = range(net.first_link[first + k], net.first_link[first + k + 1])
                terms = [float(net.weight[c]) * old[net.source[c]] for c in links]
                z = aggregate_ref(xp, AGGREGATIONS[net.aggregation[first + k]], terms, zero)
                new[k] = activate_ref(xp, ACTIVATIONS[net.activation[first + k]], z)
        for o, k in enumerate(net.output[p]):
            y[p, :, o] = new[k]
    return y


# ---- CPU ----
@njit
def step(net, p, x, old, new):
    """One step of network p: all its nodes look at `old` and speak in `new` (see the head of this file)."""
    first, last = net.first_node[p], net.first_node[p + 1]
    fixed = net.n_inputs
    for i in range(fixed):
        old[i] = x[i]
    if net.bias != 0:
        old[fixed] = net.bias
        fixed += 1
    for k in range(fixed, last - first):
        begin, end = net.first_link[first + k], net.first_link[first + k + 1]
        how = net.aggregation[first + k]
        z = START[how]
        for c in range(begin, end):
            term = net.weight[c] * old[net.source[c]]
            if how == 0 or how == 4:
                z += term
            elif how == 1:
                z *= term
            elif (term > z if how == 2 else term < z) or term != term:
                z = term
        if how == 4:
            z /= end - begin
        new[k] = activated(net.activation[first + k], z if begin < end else 0.0)


@njit
def forward_cpu(net, x, steps, y):
    B, I, fixed, largest = x.shape[1], net.n_inputs, net.n_inputs + (net.bias != 0), 0
    for p in range(len(net.output)):
        largest = max(largest, net.first_node[p + 1] - net.first_node[p])
    width = min(BLOCK, max(LANES, (B + LANES - 1) // LANES * LANES))  # rows of x at a time
    v = np.zeros((2, largest, width))
    if net.bias != 0:
        v[:, I] = net.bias
    for start in range(0, B, width):
        n = min(width, B - start)
        m = (n + LANES - 1) // LANES * LANES
        for p in range(len(net.output)):
            first, size = net.first_node[p], net.first_node[p + 1] - net.first_node[p]
            if p == 0 or len(x) > 1:
                rows = x[p if len(x) > 1 else 0, start : start + n]
                for i in range(I):
                    for j in range(n):
                        v[0, i, j] = v[1, i, j] = rows[j, i]
            if steps:
                v[0, fixed:size, :m] = 0
            old = new = v[0]
            for t in range(max(steps, 1)):
                if steps:
                    old, new = v[t % 2], v[1 - t % 2]
                for k in range(fixed, size):
                    begin, end = net.first_link[first + k], net.first_link[first + k + 1]
                    how = net.aggregation[first + k]
                    z = START[how] if begin < end else 0.0
                    for j in range(m):
                        new[k, j] = z
                    for c in range(begin, end):
                        s, w = net.source[c], net.weight[c]
                        if how == 0 or how == 4:
                            for j in range(m):
                                new[k, j] += w * old[s, j]
                        elif how == 1:
                            for j in range(m):
                                new[k, j] *= w * old[s, j]
                        elif how == 2:
                            for j in range(m):
                                z = w * old[s, j]
                                new[k, j] = z if z > new[k, j] or z != z else new[k, j]
                        else:
                            for j in range(m):
                                z = w * old[s, j]
                                new[k, j] = z if z < new[k, j] or z != z else new[k, j]
                    if how == 4 and begin < end:
                        for j in range(m):
                            new[k, j] /= end - begin
                    activate_row(net.activation[first + k], new, k, m)
            for o in range(net.output.shape[1]):
                k = net.output[p, o]
                for j in range(n):
                    y[p, start + j, o] = new[k, j]


# ---- GPU: one thread a network and row of x; what its nodes say lies in v, together for neighbouring threads ----
NETWORK_GPU = (
    "raw float64 x, int64 shared, raw int32 first_node, raw int8 activation, raw int8 aggregation, "
    "raw int32 first_link, raw int32 source, raw float64 weight, raw int32 output, int64 inputs, float64 bias, "
    "int64 steps, int64 B, int64 O, int64 start, int64 rows, int64 threads, int64 largest",
    "raw float64 v, raw float64 y",
    ACTIVATE_C
    + """
    long long p = i / rows, b = start + i % rows, first = first_node[p], size = first_node[p + 1] - first;
    long long fixed = inputs + (bias != 0), old = i, now = i;  // where the two copies of what the nodes say begin
    if (steps) old += largest * threads;
    for (long long k = 0; k < size; ++k) {
        double said = k < inputs ? x[((shared ? 0 : p) * B + b) * inputs + k] : k < fixed ? bias : 0;
        v[now + k * threads] = said;
        if (steps) v[old + k * threads] = said;
    }
    for (long long t = 0; t < (steps ? steps : 1); ++t) {
        if (t) { long long swap = old; old = now; now = swap; }
        for (long long k = fixed; k < size; ++k) {
            long long begin = first_link[first + k], end = first_link[first + k + 1];
            int how = aggregation[first + k];
            double z = how == 1 ? 1 : 0;
            for (long long c = begin; c < end; ++c) {
                double term = weight[c] * v[old + source[c] * threads];
                if (how == 1) z = z * term;
                else if (how == 2) z = c == begin || term > z || term != term ? term : z;
                else if (how == 3) z = c == begin || term < z || term != term ? term : z;
                else z = z + term;
            }
            if (how == 4 && begin < end) z = z / (end - begin);
            if (begin == end) z = 0;
            v[now + k * threads] = activate(activation[first + k], z);
        }
    }
    for (long long o = 0; o < O; ++o) y[(p * B + b) * O + o] = v[now + output[p * O + o] * threads];
    """,
    "minidl_network",
)


# ---- what Nets calls ----
def forward(net: CSR, x: Any, steps: int) -> Any:
    r"""y (P, B, O), what the outputs say to x (1 or P, B, I) float64: after this number of steps, or feed-forward (0).

    >>> one = np.int32([0, 2]), np.int8([0, 5]), np.int8([0, 0]), np.int32([0, 0, 1]), np.int32([0]), np.array([3.0])
    >>> net = CSR(*one, output=np.int32([[1]]), cyclic=np.array([False]), n_inputs=1, bias=0.0)
    >>> forward(net, np.array([[[1.0], [2.0]]]), 0)
    array([[[3.],
            [6.]]])
    """
    xp = xp_of(x)
    if REFERENCE:
        return forward_ref(xp, net, x, steps)
    P, B, O = len(net.output), x.shape[1], net.output.shape[1]
    x, y = xp.ascontiguousarray(x), xp.empty((P, B, O))
    if not on_gpu(x):
        with np.errstate(all="ignore"):  # with NUMBA_DISABLE_JIT=1 it would warn
            forward_cpu(net, x, steps, y)
        return y
    arrays, largest = [xp.asarray(a) for a in net[:7]], int(np.diff(net.first_node).max(initial=0))
    rows = max(1, ROOM // max(1, 2 * largest * P))
    for start in range(0, max(1, B), rows):
        rows = min(rows, B - start)
        v = xp.empty((2 if steps else 1, largest, P * rows))
        sizes = net.n_inputs, net.bias, steps, B, O, start, rows, P * rows, largest
        elementwise(*NETWORK_GPU)(x, int(len(x) == 1), *arrays, *sizes, v, y, size=P * rows)
    return y
