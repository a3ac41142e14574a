r"""Species: how many children each may have.

A new structure is seldom good at once; it needs some generations until its weights fit. So genomes compete with those
like them, in species, and species share the next generation out among themselves by *explicit fitness sharing*: the
fitness $f_p$ of a genome counts divided by the number of genomes in its species,

$$ f'_p = \frac{f_p}{n_s}, \qquad \text{children of s} \;=\; P \; \frac{\sum_{p \in s} f'_p}{\sum_p f'_p} $$

so a species is worth the *mean* fitness of its members, however many they are, and none can take the population over.

Where the paper is silent: negative fitnesses are shifted up until the lowest is 0; the numbers of children are rounded
so that they add up to P (the largest remainders are rounded up); the species of the best genome has one child at least.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.3.

Try it:
1. Eight genomes of fitness 1 and two of fitness 4, two species: `offspring` gives them 2 and 8 children. Put `.sum()`
   for the mean (leave out `/ sizes`): 5 and 5; the majority is paid for its numbers.
2. Take 10 off all these fitnesses: 0 and 10, since the lowest counts as 0. Only differences matter where a fitness is
   negative; give one that is not, and its ratios count.
3. In generation 15, with `improved=12` for the first species and 0 for the second: 9 and 1. Stagnant, the better one
   has but the one child of the best genome. The exclusive or of `demos/neat_xor.py` (100 seeds) takes 5,750 evaluations
   with `stagnation=1000`, and 5,480 with 15: no more than chance (standard errors 300).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.evolution.config import NEATConfig


@dataclass
class Species:
    r"""One species: its number, the generation that it was founded in, the best fitness that it has had, and when.

    | option | meaning | neat-python |
    |---|---|---|
    | `Species` | one species; its members are in `NEAT.species_of` | `Species` |
    | `id` | counted from 0 in a run, never used again | `key` |
    | `founded` | generation | `created` |
    | `best` | the best fitness that a member has had | `max(fitness_history)` |
    | `improved` | the generation of that | `last_improved` |

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

    | option | meaning | neat-python |
    |---|---|---|
    | `shares` | (S,) | adjusted fitness, in `DefaultReproduction` |
    | `fitness` | (P,) | `genome.fitness` |
    | `species` | (P,) the position in `groups` of every genome's species | `SpeciesSet` |
    | `groups` | S `Species` | `SpeciesSet.species` |
    | `config` | `stagnation`: generations without a better best | `max_stagnation` |
    | | `stagnation_factor`: what a stagnant species is then worth | 0, but for `species_elitism` of them |
    | | `obliterate`: every so many generations the worst old one goes | none |
    | `generation` | now | `generation` |

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

    | option | meaning | neat-python |
    |---|---|---|
    | `offspring` | (S,) integers | `compute_spawn`, whose sum may differ from `pop_size` |
    | `fitness` ... `generation` | as for `shares` | |
    | `refocus` | only the two species with the best champions have children (delta coding) | none |

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


def illustrate(ax: Any) -> None:
    r"""Thirty genomes in three species, by fitness (dots), and how many children each species has (bars): a share by
    its mean fitness (the line through the dots), and, dashed, what it would have by its sum. The large species on the
    left shrinks, though together it has the most fitness; the small new one in the middle is given room."""
    rng = np.random.default_rng(0)
    species = np.repeat([0, 1, 2], [20, 4, 6])
    fitness = np.array([3.0, 5.0, 2.0])[species] + rng.uniform(-1, 1, 30)
    children = offspring(fitness, species, [Species(s, 0) for s in range(3)], NEATConfig(1, 1, population_size=30), 0)
    by_sum = apportion(np.bincount(species, weights=fitness), 30)
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    for s in range(3):
        own = fitness[species == s]
        ax.plot(s - 0.25 + 0.15 * rng.uniform(-1, 1, len(own)), own, "o", color=f"C{s}", markersize=4)
        ax.plot([s - 0.42, s - 0.08], [own.mean()] * 2, color=f"C{s}")
        right.bar(s + 0.2, children[s], width=0.3, color=f"C{s}", alpha=0.6)
        right.plot([s, s + 0.4], [by_sum[s]] * 2, linestyle="dashed", color=f"C{s}")
        right.text(s + 0.2, max(children[s], by_sum[s]) + 0.5, f"{(species == s).sum()} to {children[s]}", ha="center")
    ax.set(ylabel="fitness", ylim=(0, 7), xticks=range(3), xticklabels=["species 0", "species 1", "species 2"])
    right.set(ylabel="children", ylim=(0, 23))
