r"""Breeding: a generation of children, from arrays of genes.

    for s:                                          species
        for k < offspring[s]:                       children, one after the other
            mother, father                          of the members of s that breed, best first
            copy of the mother, or crossover        crossover.py
            mutate                                  mutate.py

Every child draws from a stream of its own, keyed by (seed, generation + 1, child), and inventions are numbered in the
order of the children. Where a child does not fit into the arrays the loop stops, and starts again with longer ones: the
streams say the same again. Nothing is checked here.

Shapes: nodes (P, Cn) and links (P, Cl) of records, n_nodes, n_links (P,); members (M,), first (S+1,), offspring and
elite (S,), fitness (P,); book (N, 4).
"""

import numpy as np

from minidl.jit import njit
from minidl.kernels.crossover import FITS, LINKS_FULL, NODES_FULL, cross
from minidl.kernels.genes import Genes, Settings, below, fill
from minidl.kernels.mutate import mutate
from minidl.scalar import absorb, random

# ---- reference: minidl/evolution/breeding.py ----


# ---- CPU ----
@njit
def copy(old, p, nodes, links, size):
    """FITS, or what is full."""
    if old.n_nodes[p] > len(nodes):
        return NODES_FULL
    if old.n_links[p] > len(links):
        return LINKS_FULL
    for k in range(old.n_nodes[p]):
        nodes[k] = old.nodes[p, k]
    for k in range(old.n_links[p]):
        links[k] = old.links[p, k]
    size[0], size[1] = old.n_nodes[p], old.n_links[p]
    return FITS


@njit
def stranger(members, first, s, stream):
    """The best member of a random other species; -1 if there is none."""
    others = 0
    for t in range(len(first) - 1):
        others += t != s and first[t] < first[t + 1]
    if others == 0:
        return -1
    skip = below(stream, others)
    for t in range(len(first) - 1):
        if t != s and first[t] < first[t + 1]:
            if skip == 0:
                return members[first[t]]
            skip -= 1
    return -1


@njit
def breed_cpu(old, new, parents, plan, config, inventions, seed, generation, scratch):
    """FITS, or what is full."""
    members, first, offspring, elite, fitness = plan
    stream, size = np.empty(1, np.uint64), np.empty(2, np.int64)
    generation_key = absorb(absorb(np.uint64(0), seed), generation)
    child = 0
    for s in range(len(offspring)):
        start, n = first[s], first[s + 1] - first[s]
        for k in range(offspring[s]):
            stream[0] = absorb(generation_key, np.uint64(child))
            nodes, links = new.nodes[child], new.links[child]
            exact = k == 0 and elite[s]
            mother = members[start] if exact else members[start + below(stream, n)]
            father = mother
            if not exact and random(stream) >= config.mutate_only:
                father = -1
                if random(stream) < config.interspecies:
                    father = stranger(members, first, s, stream)
                if father < 0:
                    father = members[start + below(stream, n)]
            if father == mother:
                full = copy(old, mother, nodes, links, size)
            else:
                full = cross(old, mother, father, fitness, nodes, links, size, config, stream, scratch)
            if full:
                return full
            if not exact and (father == mother or random(stream) >= config.mate_only):
                if size[0] + 1 > len(nodes):
                    return NODES_FULL
                if size[1] + 3 > len(links):
                    return LINKS_FULL
                mutate(nodes, links, size, config, inventions, stream, scratch)
            new.n_nodes[child], new.n_links[child] = size
            parents[child, 0], parents[child, 1] = mother, father
            child += 1
    return FITS


# ---- GPU ----
# None: hundreds of tiny genomes, a branch at every gene, and numbers that are given in the order of the children.


# ---- what minidl.evolution calls ----
def breed(old: Genes, plan: tuple, config: Settings, state: tuple, seed: int, generation: int) -> tuple:
    r"""The children's `Genes`, their parents (P, 2), and the state (next link, next node, book) after it.

    `plan` is a `minidl.evolution.breeding.Plan`; see there.
    """
    P = int(plan.offspring.sum())
    next_link, next_node, book = state
    room = len(book) + 4 * P  # a child makes four inventions at most: a node, its two links, and a link
    slots = np.empty(1 << (2 * room).bit_length(), np.int32)
    rows = np.empty((room, 4), np.int32)
    sizes = np.empty(P, np.int32), np.empty(P, np.int32)
    parents = np.empty((P, 2), np.int32)
    Cn, Cl = old.nodes.shape[1], old.links.shape[1]
    with np.errstate(over="ignore"):  # uncompiled (NUMBA_DISABLE_JIT=1), the hash of a scalar would warn
        while True:
            new = Genes(np.zeros((P, Cn), old.nodes.dtype), np.zeros((P, Cl), old.links.dtype), *sizes)
            counter = np.array([next_link, next_node, len(book)])
            slots[:] = -1
            rows[: len(book)] = book
            fill(rows, slots, len(book))
            inventions = rows, slots, counter
            scratch = np.empty(Cn, np.bool_), np.empty((Cl, 2), np.int32)
            keys = np.uint64(seed), np.uint64(generation + 1)
            full = breed_cpu(old, new, parents, plan, config, inventions, *keys, scratch)
            if full == FITS:
                return new, parents, (int(counter[0]), int(counter[1]), rows[: counter[2]].copy())
            Cn, Cl = Cn * (2 if full == NODES_FULL else 1), Cl * (2 if full == LINKS_FULL else 1)
