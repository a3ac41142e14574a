r"""What a genome is made of: nodes and links, as objects and as records of arrays, and when a list of them is sound.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, figure 2.

Try it:
1. Look at `LINK.itemsize`, 32, and `NODE.itemsize`, 8. Without `align=True` they are 22 and 7: less, but numbers that
   begin anywhere in memory are slower to read.
2. `Genome.from_edges` with an edge twice, one into an input, or a weight "a": each is an error that names the edge. A
   `Node(1, OUTPUT, 99)` is one as soon as its network is asked for: no activation has that number.
3. Set `node.activation = ACTIVATIONS.index("cosine")`, which is 4: nodes hold numbers, as arrays can; texts have names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import check
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS

INPUT, BIAS, OUTPUT, HIDDEN = range(4)
KINDS = ("input", "bias", "output", "hidden")
LARGEST = 2**31 - 2  # number of a node or link
WIDEST = 2**20  # inputs, outputs

NODE = np.dtype(
    [("id", np.int32), ("kind", np.int8), ("activation", np.int8), ("aggregation", np.int8)],
    align=True,
)
LINK = np.dtype(
    [("innovation", np.int32), ("source", np.int32), ("target", np.int32), ("weight", np.float64)]
    + [("enabled", np.bool_), ("recurrent", np.bool_)],
    align=True,
)


@dataclass
class Node:
    r"""One node.

    | option | meaning | neat-python |
    |---|---|---|
    | `Node` | | `DefaultNodeGene` |
    | `id` | its number | `key`; those of inputs are negative there |
    | `kind` | a position in KINDS | by the number |
    | `activation`, `aggregation` | positions in ACTIVATIONS and AGGREGATIONS | the same, by name |

    >>> Node(3, OUTPUT)
    Node(id=3, kind=2, activation=0, aggregation=0)
    """

    id: int
    kind: int
    activation: int = 0
    aggregation: int = 0


@dataclass
class Link:
    r"""One link.

    | option | meaning | neat-python |
    |---|---|---|
    | `Link` | | `DefaultConnectionGene` |
    | `innovation` | its historical marking | `innovation` |
    | `source`, `target` | numbers of nodes | `key`, the two together |
    | `weight`, `enabled` | a link that is off is kept, but not used | `weight`, `enabled` |
    | `recurrent` | whether it closed a cycle when it was added | none |

    >>> Link(innovation=0, source=0, target=3, weight=0.5)
    Link(innovation=0, source=0, target=3, weight=0.5, enabled=True, recurrent=False)
    """

    innovation: int
    source: int
    target: int
    weight: float
    enabled: bool = True
    recurrent: bool = False


def edge(who: str, number: int, values: Any) -> Link:
    r"""The link that `values`, (source, target, weight) or (source, target, weight, enabled), describes.

    >>> edge("Genome", 0, (0, 3, 0.5))
    Link(innovation=0, source=0, target=3, weight=0.5, enabled=True, recurrent=False)
    """
    if not isinstance(values, tuple | list) or len(values) not in (3, 4):
        raise ValueError(f"{who}: edge {number} must be (source, target, weight) or with enabled, got {values!r}")
    row = dict(zip(("source", "target", "weight", "enabled"), values, strict=False))
    return link(f"{who}: edge {number}", {"innovation": number, "enabled": True, "recurrent": False} | row)


def link(who: str, row: Any) -> Link:
    r"""The link with these values by name, each of them checked."""
    names = ("innovation", "source", "target", "weight", "enabled", "recurrent")
    innovation, source, target, weight, enabled, recurrent = fields(who, row, names)
    for name, value in (("enabled", enabled), ("recurrent", recurrent)):
        if not isinstance(value, bool | np.bool_):
            raise check.DTypeError(f"{who}: {name} must be True or False, got {value!r}")
    ends = [
        check.integer(who, name, value, low=0, high=LARGEST)
        for name, value in (("innovation", innovation), ("source", source), ("target", target))
    ]
    return Link(*ends, check.number(who, "weight", weight), bool(enabled), bool(recurrent))


def node(who: str, row: Any) -> Node:
    r"""The node with these values by name: kind, activation and aggregation are names."""
    id, kind, activation, aggregation = fields(who, row, ("id", "kind", "activation", "aggregation"))
    return Node(
        check.integer(who, "id", id, low=0, high=LARGEST),
        KINDS.index(check.option(who, "kind", kind, KINDS)),
        ACTIVATIONS.index(check.option(who, "activation", activation, ACTIVATIONS)),
        AGGREGATIONS.index(check.option(who, "aggregation", aggregation, AGGREGATIONS)),
    )


def fields(who: str, row: Any, names: tuple[str, ...]) -> list:
    r"""The values of `row`, a table with these names and no others."""
    if not isinstance(row, dict) or set(row) != set(names):
        raise ValueError(f"{who}: expected a table of {', '.join(names)}, got {row!r:.200}")
    return [row[name] for name in names]


def counted(n: int, what: str) -> str:
    r"""A number of things, in words.

    >>> counted(1, "input"), counted(2, "output")
    ('1 input', '2 outputs')
    """
    return f"{n} {what}{'' if n == 1 else 's'}"


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    r"""The table of these names and values. ValueError for a name that is there twice: which one counts?"""
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name in table:
            raise ValueError(f"{name[:100]!r} stands there twice")
        table[name] = value
    return table


def ways_of(links: Iterable[Link]) -> dict[int, list[int]]:
    r"""Node -> the targets of the links that leave it, on or off."""
    ways: dict[int, list[int]] = {}
    for link in links:
        ways.setdefault(link.source, []).append(link.target)
    return ways


def reached(ways: dict[int, list[int]], start: int) -> set[int]:
    r"""The nodes to which ways lead from `start`, itself among them.

    >>> reached({0: [3], 3: [4, 5], 1: [5]}, 0)
    {0, 3, 4, 5}
    """
    found, waiting = {start}, [start]
    while waiting:
        new = set(ways.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def sound(who: str, nodes: Iterable[Node], links: Iterable[Link], bias: float) -> None:
    r"""ValueError unless these nodes and links, each of them sound by itself, are a genome.

    >>> sound("Genome", [Node(0, INPUT), Node(1, OUTPUT)], [Link(0, 0, 2, 1.0)], bias=0.0)
    Traceback (most recent call last):
    ValueError: Genome: link 0 -> 2 mentions node 2, which there is not
    """
    kinds = [node.kind for node in nodes]
    ids = [node.id for node in nodes]
    fixed = len(ids) - kinds.count(HIDDEN)
    if kinds != sorted(kinds) or ids[:fixed] != list(range(fixed)) or INPUT not in kinds or OUTPUT not in kinds:
        raise ValueError(f"{who}: nodes must be inputs 0 ..., then the bias, then outputs, then hidden nodes")
    if kinds.count(BIAS) != (bias != 0):
        raise ValueError(f"{who}: bias={bias:g}, but there are {kinds.count(BIAS)} bias nodes (none is wanted for 0)")
    _rising(who, "node", ids)
    _rising(who, "link", [link.innovation for link in links])
    kind_of, pairs = dict(zip(ids, kinds, strict=True)), set()
    for link in links:
        name = f"link {link.source} -> {link.target}"
        for end in (link.source, link.target):
            if end not in kind_of:
                raise ValueError(f"{who}: {name} mentions node {end}, which there is not")
        if kind_of[link.target] in (INPUT, BIAS):
            raise ValueError(f"{who}: {name} leads into an input; nothing does")
        if (link.source, link.target) in pairs:
            raise ValueError(f"{who}: {name} is there twice")
        pairs.add((link.source, link.target))
    unlinked = set(ids[fixed:]) - {end for pair in pairs for end in pair}
    if unlinked:
        raise ValueError(f"{who}: hidden node {min(unlinked)} has no link; it can be left out")


def _rising(who: str, what: str, numbers: list[int]) -> None:
    for before, after in zip(numbers, numbers[1:], strict=False):
        if before >= after:
            raise ValueError(f"{who}: {what}s must stand in the order of their numbers, got {after} after {before}")
