r"""Mutation of a genome in arrays: a node more, a link more, other weights, switches and functions.

    for k < n links:                                weights
        w[k] = uniform, or w[k] + uniform, or w[k]; no larger than the cap
    one link of all:                                a node splits it
    one pair of nodes of all:                       a link joins them
    one link, one node:                             is switched; gets another function

What is new goes to its place in the order of ids and innovation numbers. Nothing is checked here; one node and three
links must find room. None of it is for a GPU: see breed.py.

Shapes: nodes (Cn,) and links (Cl,) of records, of which size[0] and size[1] count; inventions = (book, slots, counter),
see genes.py; stream (1,) uint64.
"""

from minidl.jit import njit
from minidl.kernels.genes import (
    HIDDEN,
    LINK_BETWEEN,
    NODE_IN,
    below,
    leads,
    linked,
    number_of,
    place_ends,
    place_of,
    uniform,
)
from minidl.scalar import random

TRIES = 20


# ---- reference: minidl/evolution/mutation.py ----


# ---- CPU ----
@njit
def insert_link(links, size, innovation, source, target, weight, recurrent):
    k = size[1]
    while k > 0 and links[k - 1]["innovation"] > innovation:
        links[k] = links[k - 1]
        k -= 1
    link = links[k]
    link["innovation"], link["source"], link["target"], link["weight"] = innovation, source, target, weight
    link["enabled"], link["recurrent"] = True, recurrent
    size[1] += 1


@njit
def add_node(nodes, links, size, config, inventions, stream):
    book, slots, counter = inventions
    for _ in range(TRIES if size[1] else 0):
        old = links[below(stream, size[1])]
        if old["enabled"] and old["source"] != config.bias:
            break
    else:
        return
    split, source, target, weight = old["innovation"], old["source"], old["target"], old["weight"]
    recurrent, n = old["recurrent"], size[0]
    old["enabled"] = False
    times = 0
    while True:
        id = number_of(book, slots, counter, NODE_IN, split, times)
        place = place_of(nodes, n, id)
        if place == n or nodes[place]["id"] != id:
            break
        times += 1
    for k in range(n, place, -1):
        nodes[k] = nodes[k - 1]
    node = nodes[place]
    node["id"], node["kind"] = id, HIDDEN
    node["activation"] = config.activations[below(stream, len(config.activations))]
    node["aggregation"] = config.aggregations[below(stream, len(config.aggregations))]
    size[0] += 1
    insert_link(links, size, number_of(book, slots, counter, LINK_BETWEEN, source, id), source, id, 1.0, False)
    insert_link(links, size, number_of(book, slots, counter, LINK_BETWEEN, id, target), id, target, weight, recurrent)


@njit
def add_link(nodes, links, size, config, inventions, stream, scratch):
    book, slots, counter = inventions
    reached, ends = scratch
    recurrent = random(stream) < config.recurrent_link
    for k in range(size[1]):
        place_ends(nodes, size[0], links, k, ends)
    for _ in range(TRIES):
        i = below(stream, size[0])
        j = config.sensors + below(stream, size[0] - config.sensors)
        if not linked(ends, size[1], i, j) and leads(ends, size[1], j, i, reached) == recurrent:
            source, target = nodes[i]["id"], nodes[j]["id"]
            weight = uniform(stream, config.initial_weight)
            number = number_of(book, slots, counter, LINK_BETWEEN, source, target)
            insert_link(links, size, number, source, target, weight, recurrent)
            return


@njit
def mutate_weights(links, n, config, stream):
    severe = config.original_style and random(stream) < 0.5
    for k in range(n):
        replaced, kept = 0.0, 0.0
        if not config.original_style:
            replaced = config.weight_replace
        elif severe:
            replaced, kept = 0.2, 0.1
        elif n >= 10 and 5 * k >= 4 * n:
            replaced, kept = 0.2, 0.3
        weight = links[k]["weight"]
        draw = random(stream)
        if draw < replaced:
            weight = uniform(stream, config.weight_power)
        elif draw >= replaced + kept:
            weight += uniform(stream, config.weight_power)
        weight = -config.weight_cap if weight < -config.weight_cap else weight
        links[k]["weight"] = config.weight_cap if weight > config.weight_cap else weight


@njit
def toggle(links, n, stream):
    if n == 0:
        return
    chosen = links[below(stream, n)]
    if not chosen["enabled"]:
        chosen["enabled"] = True
        return
    beside = -1  # itself
    for k in range(n):
        beside += links[k]["enabled"] and links[k]["source"] == chosen["source"]
    chosen["enabled"] = beside == 0


@njit
def reenable(links, n):
    for k in range(n):
        if not links[k]["enabled"]:
            links[k]["enabled"] = True
            return


@njit
def mutate_function(codes, choices, stream):
    """codes: of the hidden nodes of a genome."""
    if len(codes) == 0:
        return
    node = below(stream, len(codes))
    others = 0
    for code in choices:
        others += code != codes[node]
    if others == 0:
        return
    skip = below(stream, others)
    for code in choices:
        if code != codes[node]:
            if skip == 0:
                codes[node] = code
                return
            skip -= 1


@njit
def mutate(nodes, links, size, config, inventions, stream, scratch):
    if random(stream) < config.add_node:
        add_node(nodes, links, size, config, inventions, stream)
        if config.exclusive:
            return
    if random(stream) < config.add_link:
        add_link(nodes, links, size, config, inventions, stream, scratch)
        if config.exclusive:
            return
    if random(stream) < config.weight_mutation:
        mutate_weights(links, size[1], config, stream)
    if random(stream) < config.toggle:
        toggle(links, size[1], stream)
    if random(stream) < config.reenable:
        reenable(links, size[1])
    hidden = nodes[config.fixed : size[0]]
    if random(stream) < config.mutate_activation:
        mutate_function(hidden["activation"], config.activations, stream)
    if random(stream) < config.mutate_aggregation:
        mutate_function(hidden["aggregation"], config.aggregations, stream)
