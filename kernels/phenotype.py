r"""From genomes to networks: which links lead into a node, and in which order the nodes are evaluated.

    for p:                                          every genome
        the inputs and the bias get the places 0, 1, ...
        repeat:                                     the other nodes in turns, in the order of their numbers
            a node gets the next place once every node from which a link leads to it has one
        until a turn gives none
        what has none by then lies on a cycle, or behind one: it gets the last places, by its number
        for every node by place, every enabled link into it by innovation number:
            write the place of its source, and its weight

The lists of a whole population lie one behind the other (compressed sparse rows): node k of genome p is number
first_node[p] + k, and the links into node i have the numbers first_link[i] ... first_link[i + 1] - 1.

Genomes are proved here, and not by who calls, because it is in this walk that a missing node shows: see PROBLEMS. There
is no GPU kernel: the walk is all branches, and a population lives on the host.

Shapes: nodes (P, n), links (P, l) records as in `minidl/evolution/genome.py`, of which n_nodes, n_links (P,) count.
N, L: nodes and enabled links of all genomes together. O outputs.
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE
from minidl.jit import njit

PROBLEMS = {
    1: "must have its nodes in the order inputs, bias, outputs, hidden ones, as many of the first three as all others",
    2: "has a link from or to a node that it does not have",
    3: "has a link into an input or the bias",
}


# ---- reference ----
def phenotypes_ref(nodes: Any, links: Any, n_nodes: Any, n_links: Any, kinds: Any) -> tuple:
    first_node, activation, aggregation, first_link, source, weight, output, cyclic = [0], [], [], [0], [], [], [], []
    fixed = sum(kind < 2 for kind in kinds)
    for p in range(len(nodes)):
        rows, genes = nodes[p, : n_nodes[p]].tolist(), links[p, : n_links[p]].tolist()
        if [kind for _, kind, *_ in rows] != [*kinds] + [3] * (len(rows) - len(kinds)):
            raise ValueError(_words(p, 1))
        ids = [id for id, *_ in rows]
        into = {id: [] for id in ids}  # the sources and weights of the enabled links into each node
        for _, start, end, w, enabled, _ in genes:
            if enabled and (start not in ids or end not in ids):
                raise ValueError(_words(p, 2))
            if enabled and end in ids[:fixed]:
                raise ValueError(_words(p, 3))
            if enabled:
                into[end].append((start, w))
        order, waiting, turn = ids[:fixed], ids[fixed:], None
        while waiting and waiting != turn:
            turn, waiting = waiting, []
            for id in turn:
                (order if all(start in order for start, _ in into[id]) else waiting).append(id)
        cyclic.append(bool(waiting))
        order += waiting
        for id in order:
            _, _, f, g = rows[ids.index(id)]
            activation.append(f)
            aggregation.append(g)
            source += [order.index(start) for start, _ in into[id]]
            weight += [w for _, w in into[id]]
            first_link.append(len(source))
        first_node.append(len(activation))
        output.append([order.index(id) for id in ids[fixed : len(kinds)]])
    return (
        np.array(first_node, np.int32),
        *(np.array(codes, np.int8) for codes in (activation, aggregation)),
        *(np.array(numbers, np.int32) for numbers in (first_link, source)),
        np.array(weight, np.float64),
        np.array(output, np.int32).reshape(len(nodes), len(kinds) - fixed),
        np.array(cyclic, np.bool_),
    )


def _words(p: int, problem: int) -> str:
    return f"genome {p} {PROBLEMS[problem]}"


# ---- CPU ----
@njit
def place_of(id, row, table):
    """Where the number of a node stands in `table`, open addressing by its last bits; or the free place for it."""
    last = len(table) - 1
    h = id & last
    while table[h] >= 0 and row[table[h]]["id"] != id:
        h = (h + 1) & last
    return h


@njit
def phenotypes_cpu(
    nodes, links, n_nodes, n_links, kinds, fixed,
    first_node, activation, aggregation, first_link, source, weight, output, cyclic,
):  # fmt: skip
    """Returns the number of the first genome with a problem, and that problem; 0 for none."""
    slots = nodes.shape[1]
    size = 4
    while size < 2 * slots:
        size *= 2
    table = np.empty(size, np.int32)  # number of a node -> its position in the row of nodes
    begin = np.empty(slots + 2, np.int32)  # the links into node k are those from begin[k] to begin[k + 1]:
    start, strength = np.empty(links.shape[1], np.int32), np.empty(links.shape[1])  # position of the source, weight
    ends = np.empty((links.shape[1], 2), np.int32)  # of every link: the positions of its two nodes; -1: it is off
    order, place, waiting = np.empty(slots, np.int32), np.empty(slots, np.int32), np.empty(slots, np.int32)
    N = L = 0
    first_node[0] = first_link[0] = 0
    for p in range(len(n_nodes)):
        row, genes, n = nodes[p], links[p], n_nodes[p]
        if n < len(kinds):
            return p, 1
        table[:] = -1
        begin[: n + 2] = 0
        for k in range(n):
            if row[k]["kind"] != (kinds[k] if k < len(kinds) else 3):
                return p, 1
            table[place_of(row[k]["id"], row, table)] = k

        # the links sorted by target: count them, add up the counts, and lay each where those before it end
        for j in range(n_links[p]):
            gene = genes[j]
            ends[j, 0] = -1
            if gene["enabled"]:
                a, b = table[place_of(gene["source"], row, table)], table[place_of(gene["target"], row, table)]
                if a < 0 or b < 0:
                    return p, 2
                if b < fixed:
                    return p, 3
                ends[j, 0], ends[j, 1] = a, b
                begin[b + 2] += 1
        for k in range(n):
            begin[k + 2] += begin[k + 1]
        for j in range(n_links[p]):
            if ends[j, 0] >= 0:
                c = begin[ends[j, 1] + 1]
                start[c], strength[c] = ends[j, 0], genes[j]["weight"]
                begin[ends[j, 1] + 1] = c + 1

        # the turns
        done, left, before = fixed, n - fixed, -1
        for k in range(n):
            order[k], place[k] = k, k if k < fixed else -1
        for k in range(left):
            waiting[k] = fixed + k
        while done > before:
            before, turn, left = done, left, 0
            for i in range(turn):
                k = waiting[i]
                ready = True
                for c in range(begin[k], begin[k + 1]):
                    if place[start[c]] < 0:
                        ready = False
                        break
                if ready:
                    order[done], place[k] = k, done
                    done += 1
                else:
                    waiting[left] = k
                    left += 1
        cyclic[p] = left > 0
        for i in range(left):
            order[done + i], place[waiting[i]] = waiting[i], done + i

        for i in range(n):
            k = order[i]
            activation[N + i], aggregation[N + i] = row[k]["activation"], row[k]["aggregation"]
            for c in range(begin[k], begin[k + 1]):
                source[L], weight[L] = place[start[c]], strength[c]
                L += 1
            first_link[N + i + 1] = L
        for o in range(output.shape[1]):
            output[p, o] = place[fixed + o]
        N += n
        first_node[p + 1] = N
    return 0, 0


# ---- what Nets calls ----
def phenotypes(nodes: np.ndarray, links: np.ndarray, n_nodes: Any, n_links: Any, kinds: np.ndarray) -> tuple:
    r"""first_node (P+1,), activation, aggregation (N,), first_link (N+1,), source, weight (L,), output (P, O) and
    cyclic (P,) of these genomes. kinds int8: those of the inputs, the bias and the outputs, which all genomes share.

    ValueError for a genome that is no network.

    >>> from minidl.evolution import Genome
    >>> nodes, links = Genome.from_edges([(0, 2, 5.0), (0, 1, 7.0), (2, 1, 9.0)], 1, 1, bias=0).to_arrays()
    >>> *_, source, weight, output, cyclic = phenotypes(nodes[None], links[None], [3], [3], np.int8([0, 2]))
    >>> source, weight, output                              # first node 2, with one link, then node 1, with two
    (array([0, 0, 1], dtype=int32), array([5., 7., 9.]), array([[2]], dtype=int32))
    """
    n_nodes, n_links = np.asarray(n_nodes, np.int32), np.asarray(n_links, np.int32)
    if REFERENCE:
        return phenotypes_ref(nodes, links, n_nodes, n_links, kinds)
    P, N, L = len(nodes), int(n_nodes.sum()), int(n_links.sum())
    fixed = int((kinds < 2).sum())
    first_node, first_link = np.empty(P + 1, np.int32), np.empty(N + 1, np.int32)
    activation, aggregation = np.empty((2, N), np.int8)
    source, weight = np.empty(L, np.int32), np.empty(L)
    output, cyclic = np.empty((P, len(kinds) - fixed), np.int32), np.empty(P, np.bool_)
    arrays = first_node, activation, aggregation, first_link, source, weight, output, cyclic
    p, problem = phenotypes_cpu(nodes, links, n_nodes, n_links, kinds, fixed, *arrays)
    if problem:
        raise ValueError(_words(p, problem))
    enabled = first_link[-1]
    return *arrays[:4], source[:enabled], weight[:enabled], output, cyclic
