r"""What the loops of breeding share: the form of their arguments, and how things are found.

*Nodes* stand in the order of their ids, so one is found by halving the row. A *place* is a position in the row; in a
genome of the population inputs, bias and outputs have their ids for places.

*Ways*: whether links lead from one node to another.

    reached = {start}
    until nothing changes:
        for every link: if its source is reached, its target is

*Inventions*: a link is told by its two nodes, a node by the link that it split and how many did so before. The book of
them has rows (kind, a, b, number) and is searched through a hash table with open addressing: slots (a power of two, at
least twice as long as the book) hold the numbers of its rows, or -1, and where a slot is taken the next one is tried.
counter: the next number of a link, the next number of a node, and the rows of the book.

size: how many nodes and links of a row count. Nothing is checked here. None of it is for a GPU: see breed.py.
"""

from typing import Any, NamedTuple

import numpy as np

from minidl.jit import njit
from minidl.scalar import absorb, random

LINK_BETWEEN, NODE_IN = 0, 1  # kinds of inventions, and the places of their next numbers in counter
HIDDEN = 3  # kind of node
LAST = 2**31 - 1  # behind every id and innovation number


class Genes(NamedTuple):
    r"""The arrays of a pool."""

    nodes: Any
    links: Any
    n_nodes: Any
    n_links: Any


class Settings(NamedTuple):
    r"""The numbers of a config that breeding needs; and the places of nodes that all genomes have."""

    sensors: int  # inputs and bias come first, in a genome
    fixed: int  # then the outputs; then hidden nodes
    bias: int  # place of the bias, or -1
    feed_forward: bool
    activations: Any  # (int8 codes,)
    aggregations: Any
    initial_weight: float
    weight_mutation: float
    original_style: bool
    weight_replace: float
    weight_power: float
    weight_cap: float
    add_node: float
    add_link: float
    recurrent_link: float
    exclusive: bool
    toggle: float
    reenable: float
    mutate_activation: float
    mutate_aggregation: float
    mutate_only: float
    mate_only: float
    interspecies: float
    multipoint: float
    multipoint_average: float
    single_point: float
    links_of_both: bool
    disable_inherited: float


# ---- reference: minidl/evolution: Stream, Genome.leads, Innovations ----


# ---- CPU ----
@njit
def below(stream, n):
    return int(random(stream) * n)


@njit
def uniform(stream, size):
    return size * (2.0 * random(stream) - 1.0)


@njit
def place_of(nodes, n, id):
    """The place of a node, or where it belongs."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if nodes[middle]["id"] < id:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def slot_of(book, slots, kind, a, b):
    """The slot with this invention, or the empty one where it belongs."""
    last = len(slots) - 1
    slot = np.int64(absorb(absorb(np.uint64(kind), np.uint64(a)), np.uint64(b)) & np.uint64(last))
    while slots[slot] >= 0:
        row = book[slots[slot]]
        if row[0] == kind and row[1] == a and row[2] == b:
            break
        slot = (slot + 1) & last
    return slot


@njit
def number_of(book, slots, counter, kind, a, b):
    """The number of this invention; a new one gets the next."""
    slot = slot_of(book, slots, kind, a, b)
    if slots[slot] < 0:
        row = book[counter[2]]
        row[0], row[1], row[2], row[3] = kind, a, b, counter[kind]
        slots[slot] = counter[2]
        counter[kind] += 1
        counter[2] += 1
    return book[slots[slot], 3]


@njit
def fill(book, slots, n):
    """Enter the first n rows of a book into its empty slots; of two about the same invention the first counts."""
    for row in range(n):
        slot = slot_of(book, slots, book[row, 0], book[row, 1], book[row, 2])
        if slots[slot] < 0:
            slots[slot] = row


@njit
def place_ends(nodes, n, links, k, ends):
    """Note the places of the two nodes of link k."""
    ends[k, 0], ends[k, 1] = place_of(nodes, n, links[k]["source"]), place_of(nodes, n, links[k]["target"])


@njit
def leads(ends, n, start, goal, reached):
    """Whether n links lead from one place to another."""
    reached[:] = False
    reached[start] = more = True
    while more:
        more = False
        for k in range(n):
            if reached[ends[k, 0]] and not reached[ends[k, 1]]:
                reached[ends[k, 1]] = more = True
    return reached[goal]


@njit
def linked(ends, n, start, goal):
    """Whether one of n links does."""
    for k in range(n):
        if ends[k, 0] == start and ends[k, 1] == goal:
            return True
    return False
