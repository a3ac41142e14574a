r"""Crossover of arrays of genes: a child of two genomes, lined up by the innovation numbers of their links.

    i, j = 0, 0                                     genomes a, b; their links stand in the order of their numbers
    while links are left:
        n = the smaller of a[i].innovation, b[j].innovation
        child gets a[i], b[j] or neither
        i, j go on where they stood at n

The same for nodes and their ids. A child that only has links which its first parent has is done by then, and has the
nodes of that one; of others, links that close a cycle (where none may be) or are there twice, and nodes that no link
mentions, are left out in the end. Nothing is checked here. None of it is for a GPU: see breed.py.
"""

from minidl.jit import njit
from minidl.kernels.genes import LAST, below, leads, linked, place_ends
from minidl.scalar import random

MULTIPOINT, AVERAGE, SINGLE_POINT = range(3)
FITS, NODES_FULL, LINKS_FULL = range(3)  # what a loop says that fills rows


# ---- reference: minidl/evolution/crossover.py ----


# ---- CPU ----
@njit
def join_nodes(old, first, second, of_both, nodes, size):
    """The nodes of two genomes (the first one's where both have it), or of the first. False if they do not fit."""
    a, b, i, j, n = old.nodes[first], old.nodes[second], 0, 0, 0
    n_a, n_b = old.n_nodes[first], old.n_nodes[second] if of_both else 0
    while i < n_a or j < n_b:
        id_a = a[i]["id"] if i < n_a else LAST
        id_b = b[j]["id"] if j < n_b else LAST
        if n == len(nodes):
            return False
        if id_a <= id_b:
            nodes[n] = a[i]
        else:
            nodes[n] = b[j]
        i += id_a <= id_b
        j += id_b <= id_a
        n += 1
    size[0] = n
    return True


@njit
def join_links(old, first, second, links, kind, of_both, config, stream):
    """Write those links of two genomes that this kind of crossover chooses. Their number, or -1 if they do not fit; and
    whether some are only in the one genome, others only in the other."""
    a, b, i, j, n = old.links[first], old.links[second], 0, 0, 0
    n_a, n_b = old.n_links[first], old.n_links[second]
    of_a = of_b = False
    point = -1
    if kind == SINGLE_POINT and n_a:
        point = a[below(stream, n_a)]["innovation"]
    while i < n_a or j < n_b:
        number_a = a[i]["innovation"] if i < n_a else LAST
        number_b = b[j]["innovation"] if j < n_b else LAST
        number = min(number_a, number_b)
        in_a, in_b = number_a == number, number_b == number
        if kind == SINGLE_POINT:
            from_b = number > point
            wanted = in_b if from_b else in_a
        else:
            wanted = in_a or of_both
            from_b = not in_a or (in_b and kind == MULTIPOINT and random(stream) < 0.5)
        if wanted:
            if n == len(links):
                return -1, False
            off = (in_a and not a[i]["enabled"]) or (in_b and not b[j]["enabled"])
            if from_b:
                links[n] = b[j]
            else:
                links[n] = a[i]
            if kind == AVERAGE and in_a and in_b:
                links[n]["weight"] = (a[i]["weight"] + b[j]["weight"]) * 0.5
            links[n]["enabled"] = not off or random(stream) >= config.disable_inherited
            of_a, of_b = of_a or not in_b, of_b or not in_a
            n += 1
        i += in_a
        j += in_b
    return n, of_a and of_b


@njit
def sift(nodes, links, size, mixed, config, scratch):
    """Leave out links (of genomes mixed) that do not go with those before them, then hidden nodes without a link."""
    mark, ends = scratch
    n = 0
    for k in range(size[1]):
        links[n] = links[k]
        place_ends(nodes, size[0], links, n, ends)
        source, target = ends[n]
        clashes = mixed and linked(ends, n, source, target)
        if mixed and config.feed_forward and not clashes:
            clashes = leads(ends, n, target, source, mark)
        n += not clashes
    size[1] = n
    mark[:] = False
    for k in range(n):
        mark[ends[k, 0]] = mark[ends[k, 1]] = True
    n = config.fixed
    for k in range(config.fixed, size[0]):
        if mark[k]:
            nodes[n] = nodes[k]
            n += 1
    size[0] = n


@njit
def cross(old, mother, father, fitness, nodes, links, size, config, stream, scratch):
    """Write the child of two genomes; FITS, or what is full."""
    first, second = mother, father  # the first: the fitter one; of two alike fit the smaller one; else the mother
    alike = fitness[father] == fitness[mother]
    shorter = old.n_links[father] < old.n_links[mother]
    if fitness[father] > fitness[mother] or (alike and shorter):
        first, second = father, mother
    draw = random(stream) * (config.multipoint + config.multipoint_average + config.single_point)
    kind = MULTIPOINT
    if draw >= config.multipoint:
        kind = AVERAGE if draw < config.multipoint + config.multipoint_average else SINGLE_POINT
    of_both = alike and config.links_of_both
    as_first = kind != SINGLE_POINT and not of_both  # the child has the structure of the first
    if not join_nodes(old, first, second, not as_first, nodes, size):
        return NODES_FULL
    if kind == SINGLE_POINT:  # left of the point, right of it
        first, second = (father, mother) if shorter else (mother, father)
    size[1], mixed = join_links(old, first, second, links, kind, of_both, config, stream)
    if size[1] < 0:
        return LINKS_FULL
    if not as_first:
        sift(nodes, links, size, mixed, config, scratch)
    return FITS
