r"""Crossover: a child of two genomes, lined up by the historical markings of their links.

    mother   0: 0 -> 3   1: 1 -> 3   2: 2 -> 3   3: 1 -> 4   4: 4 -> 3
    father   0: 0 -> 3   1: 1 -> 3   2: 2 -> 3                           5: 0 -> 5   6: 5 -> 3
             matching links: the same invention in both          the others are disjoint or excess

*Multipoint*: of every two matching links the child has either one, by the toss of a coin. *Multipoint average*: it has
the mean of their weights. The links without a partner come from the fitter parent (and also from the other one if they
are alike fit and `config.equal_fitness` is "both"). *Single point*: left of a random point, the links of the parent
with fewer of them, right of it those of the other.

A link that is on wherever the parents have it is on; one that is off in either is off in the child with probability
0.75 (`config.disable_inherited`). Links of two parents may not go together: one that is a second link between the same
two nodes, or closes a cycle where none is allowed, is left out. The child has the inputs, bias and outputs, and those
hidden nodes that its links mention.

Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.2 and figure 4. What is random comes from the
child's own `Stream`; `kernels/breed.py` has the same for arrays of genes.
"""

from dataclasses import replace

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import HIDDEN, Link
from minidl.evolution.genome import Genome
from minidl.evolution.stream import Stream


def crossover(
    mother: Genome, father: Genome, fitness: tuple[float, float], config: NEATConfig, stream: Stream
) -> Genome:
    r"""A child of two genomes with these fitnesses, by a kind of crossover drawn with the shares in `config`.

    Neither of the two is changed. TypeError for arguments of other classes.

    >>> mother = Genome.from_edges([(0, 2, 0.5), (1, 2, 0.0)], n_inputs=1, n_outputs=1)
    >>> father = Genome.from_edges([(0, 2, 2.5)], n_inputs=1, n_outputs=1)
    >>> config = NEATConfig(1, 1, multipoint=0.0, multipoint_average=1.0)
    >>> crossover(mother, father, (2.0, 1.0), config, Stream(0))
    Genome: 1 input, bias 1, 1 output, 0 hidden nodes, 2 links
      2 output   sigmoid
      0: 0 -> 2  +1.50
      1: 1 -> 2  +0.00
    """
    for name, value, kind in (("mother", mother, Genome), ("father", father, Genome), ("fitness", fitness, tuple)):
        check.instance("crossover", name, value, kind)
    check.instance("crossover", "config", config, NEATConfig)
    check.instance("crossover", "stream", stream, Stream)
    # the first of two parents: the fitter one; of parents alike fit the smaller one; else the mother
    first, second = mother, father
    if (-fitness[1], len(father.links)) < (-fitness[0], len(mother.links)):
        first, second = father, mother
    draw = stream.random() * (config.multipoint + config.multipoint_average + config.single_point)
    if draw < config.multipoint + config.multipoint_average:
        of_both = fitness[0] == fitness[1] and config.equal_fitness == "both"
        links = multipoint(first, second, of_both, draw >= config.multipoint, config, stream)
    else:
        links = single_point(mother, father, config, stream)
    child = Genome([], [], first.bias)
    for link in links:
        if _goes_with(child, link, config):
            child.links.append(link)
    mentioned = {end for link in child.links for end in (link.source, link.target)}
    nodes = {node.id: node for node in [*second.nodes, *first.nodes]}  # where both have it, that of the first
    child.nodes = [replace(nodes[id]) for id in sorted(nodes) if nodes[id].kind != HIDDEN or id in mentioned]
    return child


def multipoint(
    first: Genome, second: Genome, of_both: bool, average: bool, config: NEATConfig, stream: Stream
) -> list[Link]:
    r"""Copies of all links of the first genome, the matching ones mixed with those of the second; and, if `of_both`, of
    those that only the second has.
    """
    ours, theirs = ({link.innovation: link for link in genome.links} for genome in (first, second))
    links = []
    for number in sorted(ours | theirs if of_both else ours):
        a, b = ours.get(number), theirs.get(number)
        link = replace(a or b)
        if a and b and average:
            link.weight = (a.weight + b.weight) * 0.5
        elif a and b and stream.random() < 0.5:
            link = replace(b)
        link.enabled = _on(a, b, config, stream)
        links.append(link)
    return links


def single_point(mother: Genome, father: Genome, config: NEATConfig, stream: Stream) -> list[Link]:
    r"""Copies of the links of the genome with fewer of them, up to a random one, and of the later ones of the other."""
    left, right = (father, mother) if len(father.links) < len(mother.links) else (mother, father)
    ours, theirs = ({link.innovation: link for link in genome.links} for genome in (left, right))
    point = left.links[stream.below(len(left.links))].innovation if left.links else -1
    numbers = sorted([n for n in ours if n <= point] + [n for n in theirs if n > point])
    links = [replace(ours[n] if n <= point else theirs[n]) for n in numbers]
    for link in links:
        link.enabled = _on(ours.get(link.innovation), theirs.get(link.innovation), config, stream)
    return links


def _on(a: Link | None, b: Link | None, config: NEATConfig, stream: Stream) -> bool:
    """Whether a link that the parents have as a and b (None: has it not) is on in the child."""
    if (a is None or a.enabled) and (b is None or b.enabled):
        return True
    return stream.random() >= config.disable_inherited


def _goes_with(child: Genome, link: Link, config: NEATConfig) -> bool:
    """Whether the child can have this link beside those that it has."""
    if any((link.source, link.target) == (other.source, other.target) for other in child.links):
        return False
    return not (config.feed_forward and child.leads(link.target, link.source))
