r"""ES-HyperNEAT, evolvable substrates: the CPPN says not only how nodes are linked, but also where there are any.

The weights that a CPPN gives to all links of one node are a picture over the square [-1, 1] x [-1, 1]. Where that
picture has detail, it holds information, and there nodes belong: `quadtree.py` finds them, and the weights of the links
to them.

Nodes are looked for along the links *from* every input, then `iteration_level` times along those from the hidden
nodes found last, then along those *to* every output. What does not lie on a way from an input to an output is left
out.

Where the pseudo-code of the paper explores an earlier node again it would find the same links; here each is explored
once. The pseudo-code, place by place, is in tests/test_es_hyperneat.py, and gives the same links.

Source: Risi and Stanley 2012, Artificial Life 18, section 3 and appendix.

Try it:
1. In the doctest below let `iteration_level` be 1: the same 8 hidden nodes, but 48 links, as hidden ones are linked
   with each other now. 2 finds no more: no new node was found to look from.
2. Let `band_threshold` be 0.1: 16 nodes, as less steep places count; 1.0: none. Let `variance_threshold` be 0.3: 4, as
   a cell counts as uniform sooner, and has one node.
3. Let `max_depth` be 5: still 8. Values from 0 to 1 have a variance of 1/4 at most, and `division_threshold` is 0.5: of
   such a CPPN no cell is divided below `initial_depth`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.evolution.cppn import network_of
from minidl.evolution.genes import HIDDEN, INPUT, OUTPUT, Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.positions import positions
from minidl.evolution.quadtree import Trees, search
from minidl.kernels.network import ACTIVATIONS

WHO = "es_hyperneat"
BLOCK = 2**20  # cells that are looked at together, at most


class Evolved(NamedTuple):
    r"""What `es_hyperneat` found.

    | field | |
    |---|---|
    | `inputs`, `outputs`, `hidden` | positions (I, 2), (O, 2), (H, 2) |
    | `links` | (L, 2): from node, to node; inputs are numbered first, then outputs, then hidden nodes |
    | `weights` | (L,) |

    >>> found = Evolved(np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2)), np.array([[0, 2], [2, 1]]), np.ones(2))
    >>> found.genome(activation="linear").network()([0.5])
    array([0.5])
    """

    inputs: np.ndarray
    outputs: np.ndarray
    hidden: np.ndarray
    links: np.ndarray
    weights: np.ndarray

    def genome(self, *, activation: str = "sigmoid") -> Genome:
        r"""The network as a genome, of nodes with this activation; it has no bias. `.network()` runs it: if links make
        a cycle, which they may, with a number of steps.
        """
        code = ACTIVATIONS.index(check.option("Evolved.genome", "activation", activation, ACTIVATIONS))
        counts = ((INPUT, len(self.inputs)), (OUTPUT, len(self.outputs)), (HIDDEN, len(self.hidden)))
        kinds = [kind for kind, count in counts for _ in range(count)]
        nodes = [Node(i, kind, 0 if kind == INPUT else code) for i, kind in enumerate(kinds)]
        ends = zip(self.links.tolist(), self.weights.tolist(), strict=True)
        return Genome(nodes, [Link(i, s, t, w) for i, ((s, t), w) in enumerate(ends)], bias=0.0)


def es_hyperneat(
    cppn: Any,
    inputs: Any,
    outputs: Any,
    *,
    division_threshold: float = 0.5,
    variance_threshold: float = 0.03,
    band_threshold: float = 0.3,
    initial_depth: int = 2,
    max_depth: int = 3,
    iteration_level: int = 1,
    max_weight: float = 3.0,
) -> Evolved:
    r"""Positions and links of the network that a CPPN describes between inputs and outputs.

    | option | meaning |
    |---|---|
    | `es_hyperneat` | an `Evolved` |
    | `cppn` | a `Genome` or its network, of inputs x1, y1, x2, y2 |
    | `inputs`, `outputs` | positions (I, 2) and (O, 2) in the plane |
    | `division_threshold` | cells whose parts have a higher variance are divided further |
    | `variance_threshold` | parts with at least this variance are looked into, others may be a node |
    | `band_threshold` | how much a place must differ from those around it |
    | `initial_depth`, `max_depth` | levels of division: at any rate, and at most |
    | `iteration_level` | how often links from hidden nodes are looked for |
    | `max_weight` | of a link where the CPPN says 1 |

    Raises ValueError or TypeError for a CPPN of other than 4 inputs and 1 output, positions that are not finite or
    meet, and arguments out of range (thresholds above 0; 1 <= initial_depth <= max_depth <= 10).

    >>> from minidl.evolution import Genome
    >>> edges = [(0, 5, 1.0), (2, 5, -1.0), (5, 4, 1.0)]  # near on the axis x: two columns of nodes, apart
    >>> near = Genome.from_edges(edges, 4, 1, bias=0, activations={5: "gaussian"}, output_activation="linear")
    >>> found = es_hyperneat(near, [[-0.25, -1.0], [0.25, -1.0]], [[-0.25, 1.0], [0.25, 1.0]], iteration_level=0)
    >>> found.hidden[:3].tolist(), len(found.hidden), len(found.links)
    ([[-0.25, -0.75], [-0.25, -0.25], [-0.25, 0.25]], 8, 16)
    """
    net = network_of(WHO, cppn)
    if (net.n_inputs, net.n_outputs) != (4, 1):
        raise check.ShapeError(
            f"{WHO}: wanted a CPPN of 4 inputs (x1, y1, x2, y2) and 1 output, got {net.n_inputs} and {net.n_outputs}"
        )
    inputs, outputs = positions(WHO, "inputs", inputs), positions(WHO, "outputs", outputs)
    for name, places in (("inputs", inputs), ("outputs", outputs)):
        check.axis_size(WHO, name, places, 1, 2, "the coordinates x and y")
    thresholds = {"division_threshold": division_threshold, "variance_threshold": variance_threshold}
    thresholds["band_threshold"] = band_threshold
    max_depth = check.integer(WHO, "max_depth", max_depth, low=1, high=10)
    trees = Trees(
        *(check.number(WHO, name, value, above=0) for name, value in thresholds.items()),
        check.integer(WHO, "initial_depth", initial_depth, low=1, high=max_depth),
        max_depth,
    )
    max_weight = check.number(WHO, "max_weight", max_weight, above=0)

    nodes: dict[tuple[float, float], int] = {}  # hidden ones by place
    links: dict[tuple[int, int], float] = {}
    I, O = len(inputs), len(outputs)
    step = max(1, BLOCK // 4**max_depth)

    def explore(anchors: np.ndarray, numbers: Sequence[int], outgoing: bool) -> None:
        for first in range(0, len(anchors), step):
            for i, place, w in zip(*search(net, anchors[first : first + step], trees, outgoing), strict=True):
                here, there = numbers[first + i], nodes.setdefault(tuple(place), I + O + len(nodes))
                links[(here, there) if outgoing else (there, here)] = w * max_weight

    explore(inputs, range(I), True)
    explored = 0
    for _ in range(check.integer(WHO, "iteration_level", iteration_level, low=0)):
        frontier = list(nodes)[explored:]
        explored = len(nodes)
        if frontier:
            explore(np.array(frontier), [nodes[place] for place in frontier], True)
    explore(outputs, range(I, I + O), False)
    return _on_a_way(inputs, outputs, list(nodes), links)


def _on_a_way(inputs: np.ndarray, outputs: np.ndarray, hidden: list, links: dict) -> Evolved:
    """Without what no input reaches, or what reaches no output; nodes by place, links by their nodes."""
    I, O = len(inputs), len(outputs)
    forth = _reached(range(I), links)
    back = _reached(range(I, I + O), [(t, s) for s, t in links])
    kept = {(s, t): w for (s, t), w in links.items() if s in forth and t in back}
    used = {node for link in kept for node in link if node >= I + O}
    order = sorted(used, key=lambda node: hidden[node - I - O])
    number = {node: node for node in range(I + O)} | {node: I + O + i for i, node in enumerate(order)}
    rows = sorted((number[s], number[t], w) for (s, t), w in kept.items())
    places = np.array([hidden[node - I - O] for node in order]).reshape(-1, 2)
    ends = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return Evolved(inputs, outputs, places, ends, np.array([w for *_, w in rows]))


def _reached(start: Iterable[int], links: Iterable[tuple[int, int]]) -> set[int]:
    after: dict[int, list[int]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
    reached = set(start)
    waiting = list(reached)
    while waiting:
        new = set(after.get(waiting.pop(), [])) - reached
        reached |= new
        waiting += new
    return reached


def illustrate(ax: Any) -> None:
    r"""Left: what a CPPN says of the links from one input (the orange dot) to all places of the square: a ring around
    it. Pale dots are the nodes that the quadtree finds in that picture: along the ring, none in the even parts. Right:
    the network (inputs blue, outputs orange). Around every input, output and hidden node there is such a ring, and only
    nodes on a way from the inputs to the outputs have stayed."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415  (only who draws needs Matplotlib)

    edges = [(0, 6, 1.0), (2, 6, -1.0), (1, 7, 1.0), (3, 7, -1.0), (6, 8, 1.0), (7, 8, 1.0), (4, 8, -1.2), (8, 5, 1.0)]
    kinds = {6: "square", 7: "square", 8: "gaussian", 5: "linear"}
    ring = Genome.from_edges(edges, n_inputs=4, n_outputs=1, activations=kinds)  # g((x1 - x2)^2 + (y1 - y2)^2 - 1.2)
    inputs, outputs = np.array([[-0.6, -1.0], [0.6, -1.0]]), np.array([[-0.6, 1.0], [0.6, 1.0]])
    found = es_hyperneat(ring, inputs, outputs, division_threshold=0.03, initial_depth=3)
    places = np.concatenate([found.inputs, found.outputs, found.hidden])
    ax.axis("off")
    left, right = (ax.inset_axes([x, 0.12, 0.4, 0.86], aspect="equal", xlabel="x", ylabel="y") for x in (0.03, 0.59))
    side = np.linspace(-1, 1, 65)
    ends = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    picture = ring.network()(np.concatenate([np.broadcast_to(inputs[0], ends.shape), ends], axis=1))
    left.pcolormesh(side, side, picture.reshape(65, 65), rasterized=True)
    _, nodes, _ = search(ring.network(), inputs[:1], Trees(0.03, 0.03, 0.3, 3, 3), outgoing=True)
    left.plot(*np.transpose(nodes), "o", color="#f0f0f0", markersize=3)
    left.plot(*inputs[0], "o", color="C1", clip_on=False)
    right.add_collection(LineCollection(places[found.links], colors="C4", linewidths=0.5))
    for sheet, colour in ((found.hidden, "C2"), (inputs, "C0"), (outputs, "C1")):
        right.plot(*sheet.T, "o", color=colour, markersize=5)
    for panel in (left, right):
        panel.set(xlim=(-1, 1), ylim=(-1.05, 1.05), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
