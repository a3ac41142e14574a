r"""Mutation: how a child comes to differ from its parents.

Weights change often; structure grows seldom, and by the smallest steps there are: a link more, or a node in the middle
of a link. A new node changes what the network computes as little as possible: the link into it has weight 1, the link
out of it the weight of the old one, which is switched off (with a linear activation nothing changes at all).

Which link is drawn, by how much a weight moves: all that is random comes from the child's own `Stream`. Every function
changes the genome that it is given. `kernels/breed.py` has the same operators for arrays of genes.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, sections 3.2 and 4.1; where the paper is silent,
what the authors' own program does (NEAT C++ 1.2.1).

Try it:
1. Run `demos/neat_xor.py`'s exclusive or with `NEATConfig(2, 1)`, 100 seeds, at most 300 generations: all are solved,
   after 5,480 evaluations on average. With `add_link=0` none is. Nodes are still added (6.5 hidden ones in the end),
   but each has one source only, so the output's sum is a function of the first input plus one of the second.
2. The same with `add_node=0.3`, ten times as often: 88 are solved, with 13 hidden nodes and not 2.7: structure grows
   faster than its weights can follow. With `weight_power=0.5`, small steps: 96, after twice as many evaluations.
3. Split the one link (weight 3) of `Genome.from_edges([(0, 1, 3.0)], 1, 1, bias=0)` with `add_node`: for x from -1 to 1
   its output moves by up to 0.94, as the new sigmoid is never negative; with `activations=("linear",)` by 0.
"""

from bisect import insort
from typing import Any

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import BIAS, HIDDEN, INPUT, Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import Innovations
from minidl.evolution.stream import Stream
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.plot.genome import plot_genome

TRIES = 20  # to find a place for a new node or link


def mutate(genome: Genome, config: NEATConfig, innovations: Innovations, stream: Stream) -> None:
    r"""Change a genome by all operators, each with its probability.

    | option | meaning | neat-python |
    |---|---|---|
    | `mutate` | all operators | `DefaultGenome.mutate`, which also deletes nodes and links |
    | `genome` | the child, which is changed | `self` |
    | `config` | probabilities and sizes, below | `config` |
    | `innovations` | who numbers new links and nodes | `innovation_tracker` |
    | `stream` | the child's random numbers | the module `random` |

    | setting | operator | neat-python |
    |---|---|---|
    | `add_node`, `add_link` | the functions of these names | `node_add_prob`, `conn_add_prob` |
    | `exclusive` | at most one of them | `single_structural_mutation` |
    | `weight_mutation`, `weight_power`, ... | `mutate_weights` | `weight_mutate_rate`, of each weight; Gaussian steps |
    | `toggle`, `reenable` | the functions of these names | `enabled_mutate_rate`, of each link |
    | `mutate_activation`, `mutate_aggregation` | `mutate_function` | `activation_mutate_rate`, ...: of each node |

    With `config.exclusive` a genome gets a node, or else a link, or else what does not change the structure: selection
    judges one of them at a time. TypeError for arguments of other classes.

    >>> genome = Genome.from_edges([(0, 2, 0.5)], n_inputs=1, n_outputs=1)
    >>> mutate(genome, NEATConfig(1, 1, add_node=1.0, exclusive=True), Innovations(next_link=1, next_node=3), Stream(0))
    >>> genome
    Genome: 1 input, bias 1, 1 output, 1 hidden node, 3 links
      2 output   sigmoid
      3 hidden   sigmoid
      0: 0 -> 2  +0.50  off
      1: 0 -> 3  +1.00
      2: 3 -> 2  +0.50
    """
    check.instance("mutate", "genome", genome, Genome)
    check.instance("mutate", "config", config, NEATConfig)
    check.instance("mutate", "innovations", innovations, Innovations)
    check.instance("mutate", "stream", stream, Stream)
    if stream.random() < config.add_node:
        add_node(genome, config, innovations, stream)
        if config.exclusive:
            return
    if stream.random() < config.add_link:
        add_link(genome, config, innovations, stream)
        if config.exclusive:
            return
    if stream.random() < config.weight_mutation:
        mutate_weights(genome, config, stream)
    if stream.random() < config.toggle:
        toggle(genome, stream)
    if stream.random() < config.reenable:
        reenable(genome)
    if stream.random() < config.mutate_activation:
        mutate_function(genome, "activation", [ACTIVATIONS.index(name) for name in config.activations], stream)
    if stream.random() < config.mutate_aggregation:
        mutate_function(genome, "aggregation", [AGGREGATIONS.index(name) for name in config.aggregations], stream)


def mutate_weights(genome: Genome, config: NEATConfig, stream: Stream) -> None:
    r"""Move every weight by a number uniform in $\pm$ `weight_power`, or replace it by such a number, or keep it; and
    cut it off at $\pm$ `weight_cap`.

    | weight_style | whose weights | replaced | kept |
    |---|---|---|---|
    | paper | all | `weight_replace` | 0 |
    | original | of one genome in two, all | 0.2 | 0.1 |
    | | of the others, the newest fifth of the links, where there are 10 or more | 0.2 | 0.3 |
    | | and the older ones | 0 | 0 |

    >>> genome = Genome.from_edges([(0, 2, 7.0)], n_inputs=1, n_outputs=1)
    >>> mutate_weights(genome, NEATConfig(1, 1, weight_replace=0.0, weight_cap=8.0), Stream(1))
    >>> round(genome.links[0].weight, 3)
    8.0
    """
    severe = config.weight_style == "original" and stream.random() < 0.5
    n = len(genome.links)
    for k, link in enumerate(genome.links):
        replaced, kept = 0.0, 0.0
        if config.weight_style == "paper":
            replaced = config.weight_replace
        elif severe:
            replaced, kept = 0.2, 0.1
        elif n >= 10 and 5 * k >= 4 * n:
            replaced, kept = 0.2, 0.3
        draw = stream.random()
        if draw < replaced:
            link.weight = stream.uniform(config.weight_power)
        elif draw >= replaced + kept:
            link.weight += stream.uniform(config.weight_power)
        link.weight = min(max(link.weight, -config.weight_cap), config.weight_cap)


def add_node(genome: Genome, config: NEATConfig, innovations: Innovations, stream: Stream) -> None:
    r"""Split a random link that is on and does not leave the bias: source -> target becomes source -> new -> target."""
    bias = {node.id for node in genome.nodes if node.kind == BIAS}
    for _ in range(TRIES if genome.links else 0):
        old = genome.links[stream.below(len(genome.links))]
        if old.enabled and old.source not in bias:
            break
    else:
        return
    ids, times = {node.id for node in genome.nodes}, 0
    while (id := innovations.node(old.innovation, times)) in ids:  # it was split before, and switched on again
        times += 1
    activation = ACTIVATIONS.index(config.activations[stream.below(len(config.activations))])
    aggregation = AGGREGATIONS.index(config.aggregations[stream.below(len(config.aggregations))])
    old.enabled = False
    insort(genome.nodes, Node(id, HIDDEN, activation, aggregation), key=lambda node: node.id)
    _insert(genome, Link(innovations.link(old.source, id), old.source, id, 1.0))
    _insert(genome, Link(innovations.link(id, old.target), id, old.target, old.weight, recurrent=old.recurrent))


def add_link(genome: Genome, config: NEATConfig, innovations: Innovations, stream: Stream) -> None:
    r"""Link two random nodes that are not linked yet, if `TRIES` draws find such a pair.

    A share `config.recurrent_link` of the genomes gets a link that closes a cycle (from a node to itself, too), the
    others get one that does not. Links that are off count: they may be switched on again.
    """
    recurrent = stream.random() < config.recurrent_link
    targets = [node.id for node in genome.nodes if node.kind not in (INPUT, BIAS)]
    pairs = {(link.source, link.target) for link in genome.links}
    for _ in range(TRIES):
        source = genome.nodes[stream.below(len(genome.nodes))].id
        target = targets[stream.below(len(targets))]
        if (source, target) not in pairs and genome.leads(target, source) == recurrent:
            weight = stream.uniform(config.initial_weight)
            _insert(genome, Link(innovations.link(source, target), source, target, weight, recurrent=recurrent))
            return


def toggle(genome: Genome, stream: Stream) -> None:
    r"""Switch a random link on or off; off only if another one that is on leaves the same node: none is cut off."""
    if not genome.links:
        return
    link = genome.links[stream.below(len(genome.links))]
    on_beside = sum(other.enabled and other.source == link.source for other in genome.links) - link.enabled
    link.enabled = not link.enabled or on_beside == 0


def reenable(genome: Genome) -> None:
    r"""Switch on the oldest link that is off."""
    for link in genome.links:
        if not link.enabled:
            link.enabled = True
            return


def mutate_function(genome: Genome, what: str, codes: list[int], stream: Stream) -> None:
    r"""Give a random hidden node another activation or aggregation (`what`) out of `codes`."""
    hidden = [node for node in genome.nodes if node.kind == HIDDEN]
    if not hidden:
        return
    node = hidden[stream.below(len(hidden))]
    others = [code for code in codes if code != getattr(node, what)]
    if others:
        setattr(node, what, others[stream.below(len(others))])


def _insert(genome: Genome, link: Link) -> None:
    insort(genome.links, link, key=lambda link: link.innovation)


def illustrate(ax: Any) -> None:
    r"""One genome, and a copy of it after each operator. Orange links are negative, purple ones positive, dotted ones
    off; the curve in a node is its activation. A new node sits in a link, which it replaces; a new link joins what was
    not linked; new weights change no structure; `toggle` has switched a link off; and `mutate_function` has made a
    Gaussian node of a sigmoid one."""
    ax.axis("off")
    parent = Genome.from_edges([(0, 2, 1.0), (1, 2, -2.0), (0, 3, 2.5), (3, 2, 3.0)], n_inputs=2, n_outputs=1, bias=0)
    config = NEATConfig(2, 1, bias=0.0)
    book = Innovations(next_link=4, next_node=4)
    operators = {
        "before": lambda genome, stream: None,
        "add_node": lambda genome, stream: add_node(genome, config, book, stream),
        "add_link": lambda genome, stream: add_link(genome, config, book, stream),
        "mutate_weights": lambda genome, stream: mutate_weights(genome, config, stream),
        "toggle": toggle,
        "mutate_function": lambda genome, stream: mutate_function(
            genome, "activation", [ACTIVATIONS.index("gaussian")], stream
        ),
    }
    for k, (name, operator) in enumerate(operators.items()):
        genome = parent.copy()
        operator(genome, Stream(10))
        panel = ax.inset_axes([k % 3 / 3, 0.52 - k // 3 * 0.52, 0.33, 0.4])
        plot_genome(genome, ax=panel, colorbar=False, clim=(-4, 4)).set_title(name)
