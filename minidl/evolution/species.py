r"""Species: how many children each may have.

A new structure is seldom good at once; it needs some generations until its weights fit. So genomes compete with those
like them, in species, and species share the next generation out among themselves by *explicit fitness sharing*: the
fitness $f_p$ of a genome counts divided by the number of genomes in its species,

$$ f'_p = \frac{f_p}{n_s}, \qquad \text{children of s} \;=\; P \; \frac{\sum_{p \in s} f'_p}{\sum_p f'_p} $$

so a species is worth the *mean* fitness of its members, however many they are, and none can take the population over
(Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.3).

Where the paper is silent: negative fitnesses are shifted up until the lowest is 0; the numbers of children are rounded
so that they add up to P (the largest remainders are rounded up); the species of the best genome has one child at least.
"""

from dataclasses import dataclass

import numpy as np

from minidl.evolution.config import NEATConfig


@dataclass
class Species:
    r"""One species: its number, the generation that it was founded in, the best fitness that it has had, and when.

    >>> Species(id=4, founded=7)
    Species(id=4, founded=7, best=-inf, improved=7)
    """

    id: int
    founded: int
    best: float = -np.inf
    improved: int = -1

    def __post_init__(self) -> None:
        self.improved = max(self.improved, self.founded)


def shares(
    fitness: np.ndarray, species: np.ndarray, groups: list[Species], config: NEATConfig, generation: int
) -> np.ndarray:
    r"""What every species is worth: the mean fitness of its members, less where it is stagnant.

    `species` is the position in `groups` of every genome's species. Stagnant is a species whose best fitness has not
    risen for `config.stagnation` generations.

    >>> groups = [Species(0, 0), Species(1, 0)]
    >>> shares(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]), groups, NEATConfig(1, 1), generation=0)
    array([2., 5.])
    """
    sizes = np.bincount(species, minlength=len(groups))
    shifted = fitness - min(0.0, fitness.min())
    worth = np.bincount(species, weights=shifted, minlength=len(groups)) / sizes
    for s, group in enumerate(groups):
        if generation - group.improved >= config.stagnation:
            worth[s] *= config.stagnation_factor
    if config.obliterate and generation % config.obliterate == 0:
        old = [s for s, group in enumerate(groups) if generation - group.founded > 20]
        if old:
            worth[min(old, key=lambda s: fitness[species == s].max())] = 0.0
    return worth


def apportion(worth: np.ndarray, total: int) -> np.ndarray:
    r"""Integers in proportion to `worth`, numbers >= 0, that add up to `total`: all are rounded down, and those that
    lost most by it get one more. Equal ones if nothing is worth anything.

    >>> apportion(np.array([1.0, 1.0, 4.0]), 10)
    array([2, 2, 6])
    >>> apportion(np.array([0.0, 0.0]), 3)
    array([2, 1])
    """
    largest = worth.max()
    parts = worth / largest if largest > 0 else np.ones(len(worth))  # no overflow in the sum
    exact = parts / parts.sum() * total
    counts = exact.astype(np.int64)
    missing = total - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts


def offspring(
    fitness: np.ndarray,
    species: np.ndarray,
    groups: list[Species],
    config: NEATConfig,
    generation: int,
    refocus: bool = False,
) -> np.ndarray:
    r"""The number of children of every species; they add up to the population size.

    refocus: only the two species with the best champions have children, half the population each (delta coding).

    >>> groups = [Species(0, 0), Species(1, 0)]
    >>> config = NEATConfig(1, 1, population_size=10)
    >>> offspring(np.array([1.0, 1.0, 4.0]), np.array([0, 0, 1]), groups, config, generation=0)
    array([2, 8])
    """
    best = species[fitness.argmax()]
    if refocus:
        champions = np.full(len(groups), -np.inf)
        np.maximum.at(champions, species, fitness)
        champions[best] = np.inf  # before others that are as good
        worth = np.zeros(len(groups))
        worth[np.argsort(-champions, kind="stable")[:2]] = 1.0
    else:
        worth = shares(fitness, species, groups, config, generation)
    counts = apportion(worth, config.population_size)
    if counts[best] == 0:
        counts[counts.argmax()] -= 1
        counts[best] = 1
    return counts
