r"""Compatibility: how unlike two genomes are, and who belongs to which species.

Two genomes are lined up by their historical markings. A link that both have *matches*; one that only one of them has is
*disjoint* where its number lies within the range of the other's numbers, and *excess* beyond it. With E excess and D
disjoint links, and the mean $\overline W$ of the differences of the weights of matching links,

$$ \delta = \frac{c_1 E}{N} + \frac{c_2 D}{N} + c_3 \overline W $$

In the paper N is the number of links of the
larger genome, and may be 1 where both have fewer than 20; the authors' program (NEAT C++ 1.2.1) takes 1 always.
`config.distance_n` is "size" or "one".

A genome joins the first species whose representative is nearer than the threshold, and founds one if there is none.
These are the references; a population is sorted by `kernels/species.py`, with the same result.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, equation 1 and section 3.3.

Try it:
1. The exclusive or of `demos/neat_xor.py`, 100 seeds, with `compatibility_threshold=1e6`, so that there is one species:
   none is solved in 45,000 evaluations, and no champion has a hidden node. A new node costs fitness at first, and who
   has one dies out. With the usual 3.0 there are 18 species on average, and all are solved after 5,480.
2. `c3=3.0` instead of 0.4: a genome whose weights differ by one each is as far away as one with three links more, so
   there are 140 species of 150 genomes, nearly everybody breeds alone, and it takes 16,200 evaluations.
3. `distance` of a genome of 19 links and one with the first 15 of them is 4.0; of 20 and 16 links it is 0.2: from 20
   links on N is their number. A threshold that fits small genomes puts all large ones into one species.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import Innovations
from minidl.evolution.mutation import mutate
from minidl.evolution.stream import Stream


def distance(a: Genome, b: Genome, config: NEATConfig) -> float:
    r"""The compatibility distance of two genomes. TypeError for arguments of other classes.

    | option | meaning | neat-python |
    |---|---|---|
    | `distance` | $\delta$ | `DefaultGenome.distance`: also counts nodes that differ, and their functions |
    | `a`, `b` | the genomes, in any order | `self`, `other` |
    | `config` | `c1` and `c2`: of excess and of disjoint links | `compatibility_disjoint_coefficient`, for both |
    | | `c3`: of the difference of weights | `compatibility_weight_coefficient` |
    | | `distance_n`: N is "one", or "size" from 20 links on | always the size |

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


def illustrate(ax: Any) -> None:
    r"""The distances of 15 genomes from each other: five children each of three genomes, which have one ancestor 16
    mutations ago. Families stand out as dark squares: what is new in a genome matches in all of its children. The
    numbers are the species into which `speciate` sorts them, with a threshold of 3."""
    config = NEATConfig(2, 1, add_node=0.15, add_link=0.3, distance_n="one")
    book = Innovations(next_link=3, next_node=4)
    first = Genome.from_edges([(0, 3, 1.0), (1, 3, 1.0), (2, 3, 1.0)], n_inputs=2, n_outputs=1)

    def mutant(genome: Genome, times: int, number: int) -> Genome:
        genome, stream = genome.copy(), Stream(number, 0)
        for _ in range(times):
            mutate(genome, config, book, stream)
        return genome

    parents = [mutant(first, 16, number) for number in range(3)]
    genomes = [mutant(parent, 1, 10 * k + i) for k, parent in enumerate(parents) for i in range(1, 6)]
    species, _ = speciate(genomes, [], config, threshold=3.0)
    image = ax.imshow(np.array([[distance(a, b, config) for b in genomes] for a in genomes]))
    ax.set_xticks(range(15), species)
    ax.set_yticks(range(15), species)
    ax.set(xlabel="genomes, and their species", ylabel="genomes, and their species")
    ax.figure.colorbar(image, label=r"$\delta$")
