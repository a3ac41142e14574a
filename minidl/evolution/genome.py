r"""Genome: a network as a list of nodes and a list of links, each link with its historical marking.

A *node* has a number, a kind (input, bias, output or hidden), an activation and an aggregation. A *link* leads from one
node to another and has a weight; a link that is not enabled is kept, but not used. Its `innovation`, the historical
marking, is the number that it got when it came up for the first time in the population: links of two genomes with the
same number are the same invention, whatever their weights have become, and can be lined up without any analysis of the
two networks. That is the idea on which NEAT rests.

Nodes stand in the order of their numbers: inputs 0 .. I-1, then the bias (if there is one), the outputs, and hidden
nodes in the order of their invention. Links stand in the order of their innovation numbers, and there is at most one
from a node to another.

In a population the same data are two arrays of records, `NODE` and `LINK` (genes.py); the compiled loops
(`kernels/breed.py`, `kernels/network.py`) read those.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.2 and figure 2.

Try it:
1. Make two genomes of the edges (0, 2, 1.0) and (1, 2, -1.0), one of them in the other order. Their networks say the
   same; but number 0 is not the same link, so `distance` is 0.8, and half of the children by `crossover` have one link.
2. Add an edge (2, 2, 0.5), from the output to itself: `has_cycle()` is True, `depth` and `network()([1.0])` are errors
   that say why, and `network()([1.0], steps=3)` is an answer.
3. Print `run.champion.to_json()` after an evolution, misspell "sigmoid" in it or let a link lead to 0, and read it with
   `from_json`: it says what is wrong, and makes no genome.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import check
from minidl.evolution import genes
from minidl.evolution.genes import BIAS, HIDDEN, INPUT, KINDS, LINK, NODE, OUTPUT, Link, Node
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.plot.genome import plot_genome

if TYPE_CHECKING:
    from minidl.evolution.nets import Network

WHO = "Genome"


class Genome:
    r"""Nodes, links, and a fitness (None: unknown). Two genomes are equal if all but their fitness is.

    | option | meaning | neat-python |
    |---|---|---|
    | `Genome` | | `DefaultGenome` |
    | `nodes`, `links` | lists of `Node` and `Link`, by their numbers | `nodes`, `connections`: dicts |
    | `bias` | the value of the bias node; 0: there is none | every node has a bias of its own |

    >>> Genome.from_edges([(0, 3, 0.5), (1, 4, -1.0), (4, 3, 2.0), (2, 3, 0.1, False)], n_inputs=2, n_outputs=1)
    Genome: 2 inputs, bias 1, 1 output, 1 hidden node, 4 links
      3 output   sigmoid
      4 hidden   sigmoid
      0: 0 -> 3  +0.50
      1: 1 -> 4  -1.00
      2: 4 -> 3  +2.00
      3: 2 -> 3  +0.10  off
    """

    def __init__(self, nodes: Iterable[Node], links: Iterable[Link], bias: float = 1.0):
        self.nodes = list(nodes)
        self.links = list(links)
        self.bias = bias
        self.fitness: float | None = None

    @classmethod
    def from_edges(
        cls,
        edges: Iterable[tuple],
        n_inputs: int,
        n_outputs: int,
        bias: float = 1.0,
        activations: Mapping[int, str] | None = None,
        aggregations: Mapping[int, str] | None = None,
        output_activation: str = "sigmoid",
    ) -> "Genome":
        r"""A genome by hand, of edges (source, target, weight) or (source, target, weight, enabled).

        | option | meaning |
        |---|---|
        | `edges` | in the order of their innovation numbers |
        | `n_inputs`, `n_outputs` | inputs are nodes 0 .. n_inputs-1, then comes the bias, then the outputs |
        | `bias` | 0: there is no such node; every other number that an edge mentions is a hidden node |
        | `activations`, `aggregations` | node -> name; the others have "sigmoid" and "sum" |
        | `output_activation` | of outputs that are not in `activations` |

        ValueError or TypeError for what is no edge, a link into an input or the bias, a link that is there twice, a
        weight that is not finite, a name that is none, and a name for a node that has no activation.

        >>> Genome.from_edges([(0, 1, 0.5), (1, 0, 0.5)], n_inputs=1, n_outputs=1, bias=0)
        Traceback (most recent call last):
        ValueError: Genome.from_edges: link 1 -> 0 leads into an input; nothing does
        """
        who = f"{WHO}.from_edges"
        n_inputs = check.integer(who, "n_inputs", n_inputs, low=1, high=genes.WIDEST)
        n_outputs = check.integer(who, "n_outputs", n_outputs, low=1, high=genes.WIDEST)
        bias = check.number(who, "bias", bias)
        check.option(who, "output_activation", output_activation, ACTIVATIONS)
        if not isinstance(edges, Iterable):
            raise check.DTypeError(f"{who}: edges must be a list of (source, target, weight), got {edges!r}")
        kinds = [INPUT] * n_inputs + [BIAS] * (bias != 0) + [OUTPUT] * n_outputs
        links = [genes.edge(who, number, edge) for number, edge in enumerate(edges)]
        hidden = sorted({end for link in links for end in (link.source, link.target) if end >= len(kinds)})
        genome = cls(
            [Node(id, kind) for id, kind in [*enumerate(kinds), *((id, HIDDEN) for id in hidden)]], links, bias
        )
        genes.sound(who, genome.nodes, links, bias)
        functional = {node.id: node for node in genome.nodes if node.kind in (OUTPUT, HIDDEN)}
        for node in functional.values():
            node.activation = ACTIVATIONS.index(output_activation if node.kind == OUTPUT else "sigmoid")
        tables = [("activation", activations, ACTIVATIONS), ("aggregation", aggregations, AGGREGATIONS)]
        for what, table, names in tables:
            if not isinstance(table, Mapping | None):
                raise check.DTypeError(f"{who}: {what}s must be a dict, node -> name, got {table!r}")
            for id, name in (table or {}).items():
                if id not in functional:
                    raise ValueError(f"{who}: {what}s names node {id!r}, which is neither an output nor a hidden node")
                setattr(functional[id], what, names.index(check.option(who, f"{what}s[{id}]", name, names)))
        ways: dict[int, list[int]] = {}
        for link in links if genome.has_cycle() else ():
            link.recurrent = link.source in genes.reached(ways, link.target)
            ways.setdefault(link.source, []).append(link.target)
        return genome

    @property
    def n_inputs(self) -> int:
        r"""The number of input nodes, the bias not counted."""
        return sum(node.kind == INPUT for node in self.nodes)

    @property
    def n_outputs(self) -> int:
        r"""The number of output nodes."""
        return sum(node.kind == OUTPUT for node in self.nodes)

    @property
    def depth(self) -> int:
        r"""Enabled links on the longest way to an output. ValueError if they make a cycle.

        >>> Genome.from_edges([(0, 2, 1.0), (0, 3, 1.0), (3, 2, 1.0)], n_inputs=1, n_outputs=1).depth
        2
        """
        depth = self._depth_of_nodes([link for link in self.links if link.enabled])
        if depth is None:
            raise ValueError(f"{WHO}: its enabled links make a cycle, so it has no depth")
        return max(depth[node.id] for node in self.nodes if node.kind == OUTPUT)

    def has_cycle(self) -> bool:
        r"""Whether its links, on or off, make a cycle; no genome does in a run with feed_forward=True.

        >>> Genome.from_edges([(2, 2, 1.0, False)], n_inputs=1, n_outputs=1).has_cycle()
        True
        """
        return self._depth_of_nodes(self.links) is None

    def _depth_of_nodes(self, links: list[Link]) -> dict[int, int] | None:
        """Node -> links on the longest way to it; None if there is no longest one."""
        ways, depth = genes.ways_of(links), {node.id: 0 for node in self.nodes}
        missing = Counter(link.target for link in links)  # links into a node whose source has no depth yet
        ready = [id for id in depth if not missing[id]]
        for source in ready:  # which grows
            for target in ways.get(source, ()):
                depth[target] = max(depth[target], depth[source] + 1)
                missing[target] -= 1
                if not missing[target]:
                    ready.append(target)
        return depth if len(ready) == len(depth) else None

    def leads(self, start: int, goal: int) -> bool:
        r"""Whether a way of links, on or off, leads from node `start` to node `goal`; a node leads to itself.

        >>> Genome.from_edges([(0, 2, 1.0, False)], n_inputs=1, n_outputs=1).leads(0, 2)
        True
        """
        return goal in genes.reached(genes.ways_of(self.links), start)

    def network(self) -> "Network":
        r"""The network that can be called."""
        from minidl.evolution.nets import Network  # noqa: PLC0415  (which imports this file)

        return Network(self)

    def copy(self) -> "Genome":
        r"""A genome with copies of all nodes and links, and no fitness yet."""
        return Genome([replace(node) for node in self.nodes], [replace(link) for link in self.links], self.bias)

    def to_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        r"""The nodes as an array of NODE records, the links as one of LINK records."""
        nodes = [(n.id, n.kind, n.activation, n.aggregation) for n in self.nodes]
        links = [(k.innovation, k.source, k.target, k.weight, k.enabled, k.recurrent) for k in self.links]
        return np.array(nodes, NODE), np.array(links, LINK)

    @classmethod
    def from_arrays(cls, nodes: np.ndarray, links: np.ndarray, bias: float = 1.0) -> "Genome":
        r"""The genome that these arrays of records describe."""
        return cls([Node(*row) for row in nodes.tolist()], [Link(*row) for row in links.tolist()], bias)

    def to_json(self) -> str:
        r"""All of it as JSON, with names for kinds, activations and aggregations.

        >>> genome = Genome.from_edges([(0, 2, 0.1)], n_inputs=1, n_outputs=1)
        >>> Genome.from_json(genome.to_json()) == genome
        True
        """
        nodes = [
            {"id": n.id, "kind": KINDS[n.kind]}
            | {"activation": ACTIVATIONS[n.activation], "aggregation": AGGREGATIONS[n.aggregation]}
            for n in self.nodes
        ]
        links = [asdict(link) for link in self.links]
        return json.dumps({"bias": self.bias, "fitness": self.fitness, "nodes": nodes, "links": links})

    @classmethod
    def from_json(cls, text: str) -> "Genome":
        r"""The genome that a JSON text describes. ValueError or TypeError for a text that describes none."""
        who = f"{WHO}.from_json"
        if not isinstance(text, str):
            raise check.DTypeError(f"{who}: text must be a string of JSON, got {type(text).__name__}")
        try:
            table = json.loads(text, object_pairs_hook=genes.once)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{who}: this is not sound JSON: {error}") from error
        bias, fitness, nodes, links = genes.fields(who, table, ("bias", "fitness", "nodes", "links"))
        if not isinstance(nodes, list) or not isinstance(links, list):
            raise check.DTypeError(f"{who}: nodes and links must be lists")
        nodes, links = [genes.node(who, row) for row in nodes], [genes.link(who, row) for row in links]
        genome = cls(nodes, links, check.number(who, "bias", bias))
        genes.sound(who, nodes, links, genome.bias)
        genome.fitness = None if fitness is None else check.number(who, "fitness", fitness)
        return genome

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Genome):
            return NotImplemented
        return (self.nodes, self.links, self.bias) == (other.nodes, other.links, other.bias)

    def __repr__(self) -> str:
        hidden = sum(node.kind == HIDDEN for node in self.nodes)
        counts = [
            (self.n_inputs, "input"),
            (self.n_outputs, "output"),
            (hidden, "hidden node"),
            (len(self.links), "link"),
        ]
        words = [genes.counted(n, what) for n, what in counts]
        words[1:1] = [f"bias {self.bias:g}"] if self.bias else []
        lines = [f"{WHO}: {', '.join(words)}"]
        for n in self.nodes:
            if n.kind in (OUTPUT, HIDDEN):
                how = AGGREGATIONS[n.aggregation]
                how = ACTIVATIONS[n.activation] + ("" if how == "sum" else f" of the {how}")
                lines.append(f"  {n.id} {KINDS[n.kind]}   {how}")
        for k in self.links:
            marks = "" if k.enabled else "  off"
            marks += "  recurrent" if k.recurrent else ""
            lines.append(f"  {k.innovation}: {k.source} -> {k.target}  {k.weight:+.2f}{marks}")
        return "\n".join(lines)


def illustrate(ax: Any) -> None:
    r"""A genome by hand. The inputs and the bias are on the left, the output is on the right; a node shows the curve of
    its activation. Links are purple where their weight is positive, orange where it is negative, thick where it is
    large; a dotted one is off. The arc leads back, from a node to itself: with it this network has a memory."""
    edges = [(0, 3, 2.0), (1, 3, 1.0, False), (1, 4, 1.5), (4, 3, -3.0), (0, 5, 1.0), (4, 5, -1.0), (5, 3, 2.5)]
    edges += [(5, 5, 0.5), (2, 4, -0.5)]
    genome = Genome.from_edges(edges, n_inputs=2, n_outputs=1, activations={4: "gaussian", 5: "sine"})
    plot_genome(genome, ax=ax, names=["x", "y", "answer"], clim=(-3, 3)).set_title("")
