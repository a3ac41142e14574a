r"""Breeder: evolution by taste. You look at the pictures and say who may have children.

There is no fitness. Whatever you choose are the parents of all of the next generation: of one parent come mutations, of
several also crossovers. What is worth choosing is often nothing you would have asked for at the start. Secretan et al.
2011, Evolutionary Computation 19 (Picbreeder).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.breeding import Plan, breed
from minidl.evolution.config import NEATConfig
from minidl.evolution.cppn import CPPN
from minidl.evolution.genome import Genome
from minidl.evolution.population import NEAT

WHO = "Breeder"


class Breeder:
    r"""A population of CPPNs, bred by hand.

    config: of networks with 2 or 3 inputs and 1 or 3 outputs, see `CPPN.image`, that are feed-forward. seed: an integer
    >= 0; None: drawn from `minidl.random`; the same seed and the same choices give the same pictures. genomes: to start
    from, as many as config.population_size; None: all inputs linked to all outputs.

    `breeder[i]` is a `Genome`; `generation` is counted from 0; `parents` (P, 2) are the positions of every genome's
    parents in the generation before, -1 at the start.

    >>> config = NEATConfig(3, 1, population_size=8, activations=("sine", "gaussian"), add_node=0.5)
    >>> breeder = Breeder(config, seed=0)
    >>> breeder.images(16).shape
    (8, 16, 16)
    >>> breeder.choose([2, 5])
    >>> breeder
    Breeder(8 genomes of generation 1)
    >>> breeder.generation, sorted({int(parent) for parent in breeder.parents.ravel()})
    (1, [2, 5])
    """

    def __init__(self, config: NEATConfig, seed: int | None = None, genomes: Iterable[Genome] | None = None):
        start = NEAT(config, seed, genomes)  # which checks them
        if not config.feed_forward:
            raise ValueError(f"{WHO}: config must have feed_forward=True; a picture takes no time")
        self.config, self.seed, self.pool, self.innovations = config, start.seed, start.pool, start.innovations
        self.generation = 0
        self.parents = np.full((len(self.pool), 2), -1, np.int32)

    def __len__(self) -> int:
        return len(self.pool)

    def __getitem__(self, i: int) -> Genome:
        return self.pool[i]

    def __repr__(self) -> str:
        return f"{WHO}({len(self)} genomes of generation {self.generation})"

    def images(self, size: int = 64, **options: Any) -> np.ndarray:
        r"""The pictures of all genomes, (P, size, size) or, in colour, (P, size, size, 3). options: of `CPPN.image`.

        `minidl.plot.plot_images` shows them.
        """
        return np.stack([CPPN(genome).image(size, size, **options) for genome in self.pool])

    def choose(self, parents: Iterable[int]) -> None:
        r"""Replace all genomes by children of these, and of no others. ValueError or TypeError for what is no list of
        different positions, and nothing changes.
        """
        who = f"{WHO}.choose"
        if not isinstance(parents, Iterable):
            raise check.DTypeError(f"{who}: parents must be a list of positions, got {parents!r}")
        members = [check.integer(who, "a parent", i, low=0, high=len(self) - 1) for i in parents]
        if not members or len(set(members)) < len(members):
            raise ValueError(f"{who}: parents must be one at least, and different ones, got {members}")
        plan = Plan(  # they are one species, all equally fit, and none is copied
            members=np.array(members, np.int32),
            first=np.array([0, len(members)], np.int32),
            offspring=np.array([len(self)], np.int32),
            elite=np.array([False]),
            fitness=np.zeros(len(self)),
        )
        self.pool, self.parents = breed(self.pool, plan, self.config, self.innovations, self.seed, self.generation + 1)
        self.generation += 1
