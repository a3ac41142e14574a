r"""HyperNEAT: a network whose weights are a function of where its nodes lie; what evolves is that function, a CPPN.

For every pair of nodes that a substrate may link, at $p_1$ and $p_2$, the CPPN is asked once:

$$ o = \mathrm{cppn}(p_1, p_2 [, p_1 - p_2]), \qquad w = \begin{cases} 0 & |o| \le t \\
   \operatorname{sign}(o) \, \dfrac{\min(|o|, 1) - t}{1 - t} \, w_{\max} & \text{else} \end{cases} $$

with t = `threshold` (0.2) and $w_{\max}$ = `max_weight` (3): a link that the CPPN wants weak is none. A genome of a
dozen numbers so describes a network of any size, and a regularity of the task becomes one of the weights.

- `delta` gives the CPPN the difference $p_1 - p_2$ as well, so that it need not invent it to see what is near.
- `leo`, the link expression output: a second output decides alone whether there is a link (it is > 0); t is 0 then.
  `leo_genomes` starts an evolution with links between near nodes only.
- A CPPN with as many (pairs of) outputs as the substrate has connections gives each connection its own: first all the
  weights, then all the expressions.

Where the CPPN gives no number (NaN) there is no link.

Source: Stanley, D'Ambrosio and Gauci 2009, Artificial Life 15; LEO: Verbancsics and Stanley 2011, GECCO.

Try it:
1. `express` the genome `near` of the doctest of `discrimination` on `Substrate.sandwich((11, 11))`, with `delta=True`:
   of 14,641 links there are 2,077 with `threshold=0.2`, 961 with 0.5, and all of them with 0.
2. Express it for (33, 33) as well: 1.2 million weights, among them the 14,641 of before, to the bit.
3. Visual discrimination (`discrimination`, `NEATConfig.preset("hyperneat_2009", 6, 1)`, seeds 0 to 4): all are solved,
   on average in generation 25. With `delta=False` and 4 inputs, in generation 54: what is near must be invented.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.cppn import network_of
from minidl.evolution.genome import Genome
from minidl.evolution.nets import Nets
from minidl.evolution.positions import grid
from minidl.evolution.substrate import Substrate
from minidl.evolution.substrate_network import activate, inputs
from minidl.kernels.network import ACTIVATIONS

GROUP = 8  # networks that are asked together


@dataclass(frozen=True)
class Rule:
    """How outputs of a CPPN become weights, with the arguments of `express` checked."""

    who: str
    threshold: float
    max_weight: float
    delta: bool
    leo: bool

    def __post_init__(self) -> None:
        check.number(self.who, "threshold", self.threshold, low=0)
        if self.threshold >= 1:
            raise ValueError(f"{self.who}: threshold must be < 1, got {self.threshold}")
        check.number(self.who, "max_weight", self.max_weight, above=0, high=1e100)
        check.option(self.who, "delta", self.delta, (False, True))
        check.option(self.who, "leo", self.leo, (False, True))

    def fits(self, substrate: Substrate, net: Any) -> None:
        if not isinstance(substrate, Substrate):
            raise check.DTypeError(f"{self.who}: substrate must be a Substrate, got {type(substrate).__name__}")
        D, C, kinds = substrate.dimensions, len(substrate.connections), 1 + self.leo
        if net.n_inputs != (2 + self.delta) * D:
            deltas = f" and {D} differences" if self.delta else ""
            raise check.ShapeError(
                f"{self.who}: wanted a CPPN of {(2 + self.delta) * D} inputs, twice {D} coordinates{deltas}, "
                f"got {net.n_inputs}"
            )
        if net.n_outputs not in (kinds, kinds * C):
            wanted = f"{kinds} or {kinds * C}" if C > 1 else kinds
            raise check.ShapeError(
                f"{self.who}: wanted a CPPN of {wanted} outputs with leo={self.leo} and {C} connections, "
                f"got {net.n_outputs}"
            )

    def weights(self, outputs: np.ndarray, connection: int) -> np.ndarray:
        """(n, O) -> (n,)"""
        group = outputs.shape[1] // (1 + self.leo)  # 1, or one a connection
        column = min(connection, group - 1)
        o, t = outputs[:, column], 0.0 if self.leo else self.threshold
        w = np.minimum(np.abs(o), 1.0)
        w -= t
        w = np.fmax(w, 0.0, out=w)  # of 0 and NaN it takes the 0
        w *= self.max_weight / (1.0 - t)
        if self.leo:
            w *= outputs[:, group + column] > 0
        return np.copysign(w, o, out=w)

    def strips(self, nets: Any, substrate: Substrate, connection: int) -> Iterator[tuple]:
        """(p, targets, weights (S, T)) of every network, for one slice of the target sheet after the other."""
        for targets, places in substrate.pairs(connection, delta=self.delta):
            S, T, I = places.shape
            for p, outputs in answers(nets, places.reshape(S * T, I)):
                yield p, targets, self.weights(outputs, connection).reshape(S, T)


def answers(nets: Any, places: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(p, outputs (n, O)) of every network at these places (n, I)."""
    if not isinstance(nets, Nets):
        yield from ((p, net(places)) for p, net in enumerate(nets))
        return
    for first in range(0, len(nets), GROUP):
        yield from enumerate(nets[first : first + GROUP](places), start=first)


def express(
    cppn: Any,
    substrate: Substrate,
    *,
    threshold: float = 0.2,
    max_weight: float = 3.0,
    delta: bool = False,
    leo: bool = False,
    max_gib: float = 4.0,
) -> list[np.ndarray]:
    r"""The weights (S, T) of each connection of the substrate, from S nodes to T nodes.

    | option | meaning |
    |---|---|
    | `express` | the weights |
    | `cppn` | a `Genome` or its network: 2 D inputs (delta: 3 D), the coordinates of source, target, and differences |
    | `substrate` | a `Substrate` |
    | `threshold`, `max_weight` | t and $w_{\max}$, see above |
    | `delta` | whether the CPPN is given differences, too |
    | `leo` | whether an output of its own says which links there are |
    | `max_gib` | room that the weights may take |

    Raises ValueError or TypeError for one that does not fit, arguments out of range, and a substrate whose
    weights would take more than max_gib GiB.

    >>> from minidl.evolution import Genome
    >>> genome = Genome.from_edges([(0, 2, 1.0)], n_inputs=2, n_outputs=1, bias=0, output_activation="linear")
    >>> substrate = Substrate({"in": [[-0.6], [0.1], [1.0]], "out": [[0.0]]})
    >>> express(genome, substrate)[0].round(6)  # o = x of the source
    array([[-1.5],
           [ 0. ],
           [ 3. ]])
    """
    who = "express"
    net, rule = network_of(who, cppn), Rule(who, threshold, max_weight, delta, leo)
    rule.fits(substrate, net)
    max_gib = check.number(who, "max_gib", max_gib, above=0)
    gib = substrate.n_links * 8 / 2**30
    if gib > max_gib:
        raise ValueError(
            f"{who}: the weights of {substrate.n_links} links would take {gib:.1f} GiB, more than max_gib={max_gib:g}"
        )
    weights = [np.empty(shape) for shape in substrate.shapes]
    for connection, whole in enumerate(weights):
        for _, targets, w in rule.strips([net], substrate, connection):
            whole[:, targets] = w
    return weights


def hyperneat(
    nets: Sequence[Any],
    substrate: Substrate,
    x: Any,
    *,
    threshold: float = 0.2,
    max_weight: float = 3.0,
    delta: bool = False,
    leo: bool = False,
    activation: str = "sigmoid",
) -> np.ndarray:
    r"""What the substrate's network of every CPPN makes of x (B, n_inputs): (P, B, n_outputs). For a `fitness_batch`.

    | option | meaning |
    |---|---|
    | `hyperneat` | outputs of all networks |
    | `nets` | a `Nets`, or a list of networks or genomes: CPPNs |
    | `substrate`, `x` | whose first sheet takes x (B, n_inputs) |
    | `threshold`, `max_weight`, `delta`, `leo` | as in `express` |
    | `activation` | of all nodes of the substrate but the inputs |

    The numbers are those of `SubstrateNetwork(substrate,
    express(net, substrate))(x)` up to rounding, but the places are gathered once for all of them, and weights are not
    kept: of a large substrate a strip at a time is held.

    >>> from minidl.evolution import Genome
    >>> genome = Genome.from_edges([(0, 2, 1.0)], n_inputs=2, n_outputs=1, bias=0, output_activation="linear")
    >>> substrate = Substrate({"in": [[-0.6], [0.1], [1.0]], "out": [[0.0]]})
    >>> hyperneat([genome], substrate, [[1.0, 1.0, 1.0]], activation="linear").round(6)
    array([[[1.5]]])
    """
    rule = Rule("hyperneat", threshold, max_weight, delta, leo)
    nets = networks("hyperneat", nets, rule, substrate)
    check.option("hyperneat", "activation", activation, ACTIVATIONS)
    x = inputs("hyperneat", x, substrate)
    check.rank("hyperneat", "x", x, "(B, n_inputs)")
    strips = [functools.partial(rule.strips, nets, substrate, c) for c in range(len(substrate.connections))]
    return activate(substrate, np.broadcast_to(x, (len(nets), *x.shape)), strips, activation)


def networks(who: str, nets: Any, rule: Rule, substrate: Substrate) -> Any:
    """A `Nets` as it is, or one network a genome, proved to fit."""
    if isinstance(nets, Nets):
        rule.fits(substrate, nets)
        return nets
    if not isinstance(nets, tuple | list):
        raise check.DTypeError(f"{who}: nets must be a Nets or a list of genomes, got {type(nets).__name__}")
    found = [network_of(who, net) for net in nets]
    for net in found:
        rule.fits(substrate, net)
    return found


def illustrate(ax: Any) -> None:
    r"""What one CPPN, near minus not so near, makes of a field of 11 x 11 cells and of one of 33 x 33: the weights of
    the links from one cell (the one with the dot) to all others, orange negative, purple positive, white where there is
    none. Another cell has the same pattern around it, and the finer field the same with more detail."""
    edges = [(4, 7, 1.0), (5, 8, 1.0), (7, 9, 1.0), (8, 9, 1.0), (9, 6, 2.0)]  # 2 g(x1 - x2) g(y1 - y2)
    edges += [(4, 10, 0.5), (5, 11, 0.5), (10, 12, 1.0), (11, 12, 1.0), (12, 6, -1.0)]  # less another, twice as wide
    kinds = {**dict.fromkeys((7, 8, 10, 11), "gaussian"), **dict.fromkeys((6, 9, 12), "linear")}
    cppn = Genome.from_edges(edges, 6, 1, 0.0, kinds, aggregations={9: "product", 12: "product"})
    ax.axis("off")
    for k, (n, row, col) in enumerate(((11, 5, 5), (11, 8, 2), (33, 25, 7))):
        cells = grid(n, n)
        (weights,) = express(cppn, Substrate({"cell": cells[[row * n + col]], "field": cells}), delta=True)
        panel = ax.inset_axes([0.335 * k, 0.1, 0.3, 0.8], xticks=[], yticks=[])
        image = panel.imshow(weights.reshape(n, n), cmap="PuOr", vmin=-3, vmax=3)
        panel.plot(col, row, "o", color="C1")
        panel.set_title(f"{n} x {n}")
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.6)
