r"""Compatibility: how unlike two genomes are, and who belongs to which species.

Two genomes are lined up by their historical markings. A link that both have *matches*; one that only one of them has is
*disjoint* where its number lies within the range of the other's numbers, and *excess* beyond it. With E excess and D
disjoint links, and the mean $\overline W$ of the differences of the weights of matching links,

$$ \delta = \frac{c_1 E}{N} + \frac{c_2 D}{N} + c_3 \overline W $$

(Stanley and Miikkulainen 2002, Evolutionary Computation 10, equation 1). In the paper N is the number of links of the
larger genome, and may be 1 where both have fewer than 20; the authors' program (NEAT C++ 1.2.1) takes 1 always.
`config.distance_n` is "size" or "one".

A genome joins the first species whose representative is nearer than the threshold, and founds one if there is none
(section 3.3). These are the references; a population is sorted by `kernels/species.py`, with the same result.
"""

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genome import Genome


def distance(a: Genome, b: Genome, config: NEATConfig) -> float:
    r"""The compatibility distance of two genomes. TypeError for arguments of other classes.

    >>> a = Genome.from_edges([(0, 2, 0.5), (1, 2, 1.0)], n_inputs=1, n_outputs=1)
    >>> b = Genome.from_edges([(0, 2, 1.0)], n_inputs=1, n_outputs=1)
    >>> distance(a, b, NEATConfig(1, 1))  # one excess link, and 0.4 * 0.5
    1.2
    """
    for name, value, kind in (("a", a, Genome), ("b", b, Genome), ("config", config, NEATConfig)):
        check.instance("distance", name, value, kind)
    ours = {link.innovation: link for link in a.links}
    theirs = {link.innovation: link for link in b.links}
    matching = [number for number in ours if number in theirs]
    within = min(max(ours, default=-1), max(theirs, default=-1))  # beyond it links are excess
    alone = [number for number in (*ours, *theirs) if (number in ours) != (number in theirs)]
    disjoint = sum(number <= within for number in alone)
    excess = len(alone) - disjoint
    larger = max(len(ours), len(theirs))
    N = larger if config.distance_n == "size" and larger >= 20 else 1
    difference = 0.0
    for number in matching:  # one by one in their order: `sum` rounds in another way
        difference += abs(ours[number].weight - theirs[number].weight)
    mean = difference / len(matching) if matching else 0.0
    return (config.c1 * excess + config.c2 * disjoint) / N + config.c3 * mean


def speciate(
    genomes: list[Genome], representatives: list[Genome], config: NEATConfig, threshold: float
) -> tuple[list[int], list[int]]:
    r"""The species of every genome, by position: those of the representatives, then new ones; and who founded these.

    >>> a = Genome.from_edges([(0, 2, 0.5)], n_inputs=1, n_outputs=1)
    >>> b = Genome.from_edges([(0, 2, 9.5)], n_inputs=1, n_outputs=1)
    >>> speciate([a, b, a], [b], NEATConfig(1, 1), threshold=3.0)
    ([1, 0, 1], [0])
    """
    founders: list[int] = []
    species = []
    for p, genome in enumerate(genomes):
        known = representatives + [genomes[f] for f in founders]
        near = [s for s, other in enumerate(known) if distance(genome, other, config) < threshold]
        if not near:
            founders.append(p)
        species.append(near[0] if near else len(known))
    return species, founders
