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

What is random comes from the child's own `Stream`; `kernels/breed.py` has the same for arrays of genes.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.2 and figure 4.

Try it:
1. Cross the parents of the example below 10,000 times, with `Stream(0)` to `Stream(9999)`: by `multipoint` the weight
   of link 0 is 0.5 or 2.5 (mean 1.51), by `multipoint_average` always 1.5. With fitness (1.0, 2.0) the father is the
   fitter one, and no child has link 1.
2. Switch the father's link off and do it again: it is off in 75 % of the children, though it is on in the mother. With
   `disable_inherited=1.0` the exclusive or of `demos/neat_xor.py` (100 seeds) takes 9,300 evaluations instead of 5,480.
3. The same exclusive or without crossover, `mutate_only=1.0`: 9,210 evaluations on average. By `single_point` alone it
   takes 5,040 (standard error 240), so how genomes are crossed matters less than that they are.
"""

from dataclasses import replace
from typing import Any

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import HIDDEN, INPUT, OUTPUT, Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.stream import Stream
from minidl.plot.genome import WEIGHTS, plot_genome


def crossover(
    mother: Genome, father: Genome, fitness: tuple[float, float], config: NEATConfig, stream: Stream
) -> Genome:
    r"""A child of two genomes with these fitnesses, by a kind of crossover drawn with the shares in `config`.

    | option | meaning | neat-python |
    |---|---|---|
    | `crossover` | a new genome | `configure_crossover`, which changes the child it is called for |
    | `mother`, `father` | in any order | `genome1`, `genome2` |
    | `fitness` | of mother and father | their `fitness` |
    | `config` | `multipoint`, `multipoint_average`, `single_point`: shares of the kinds | multipoint only |
    | | `equal_fitness`, `disable_inherited`, `feed_forward` | the first is the fitter; 0.75; none |
    | `stream` | the child's random numbers | the module `random` |

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


def illustrate(ax: Any) -> None:
    r"""The parents of the paper's figure 4, alike fit, and a child of them: a column for each innovation number, in the
    cell the two nodes that the link joins. All the mother's weights are positive (purple), all the father's negative
    (orange), so the child's colours tell where it has them from: 1 to 5 match, and come from either; the others have no
    partner. Cells in outline, and dotted links, are off."""
    ax.axis("off")
    nodes = [*(Node(id, INPUT) for id in (0, 1, 2)), Node(3, OUTPUT), Node(4, HIDDEN), Node(5, HIDDEN)]
    ends = [(0, 3), (1, 3), (2, 3), (1, 4), (4, 3), (4, 5), (5, 3), (0, 4), (2, 4), (0, 5)]  # of links 1 to 10
    parents = []
    for weight, numbers, off in ((1.0, (1, 2, 3, 4, 5, 8), (2,)), (-1.0, (1, 2, 3, 4, 5, 6, 7, 9, 10), (2, 5))):
        links = [Link(n, *ends[n - 1], weight, enabled=n not in off) for n in numbers]
        parents.append(Genome(nodes if weight < 0 else nodes[:-1], links, bias=0.0))
    child = crossover(*parents, (1.0, 1.0), NEATConfig(3, 1, bias=0.0), Stream(6))
    table = ax.inset_axes([0.1, 0.5, 0.9, 0.38], xlim=(0.4, 10.6), ylim=(2.6, -0.6), xticks=range(1, 11))
    table.set_yticks(range(3), ["mother", "father", "child"])
    table.tick_params(length=0, labeltop=True, labelbottom=False)
    table.set_title("innovation number", fontsize="medium")
    table.spines[:].set_visible(False)
    for row, genome in enumerate((*parents, child)):
        for link in genome.links:
            colour = WEIGHTS[2 if link.weight > 0 else 0]
            style = {"boxstyle": "square,pad=0.4", "edgecolor": colour, "facecolor": "none"}
            style |= {"facecolor": colour, "alpha": 0.45} if link.enabled else {"linestyle": ":"}
            text = f"{link.source}\N{RIGHTWARDS ARROW}{link.target}"
            table.text(link.innovation, row, text, ha="center", va="center", bbox=style)
        panel = ax.inset_axes([0.02 + row * 0.34, 0.0, 0.3, 0.5])
        plot_genome(genome, ax=panel, colorbar=False, clim=(-1, 1)).set_title("")
        for text in panel.texts:
            text.set_fontsize(7)
