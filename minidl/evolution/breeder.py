r"""Breeder: evolution by taste. You look at the pictures and say who may have children.

There is no fitness. Whatever you choose are the parents of all of the next generation: of one parent come mutations, of
several also crossovers. What is worth choosing is often nothing you would have asked for at the start.

Source: Secretan et al. 2011, Evolutionary Computation 19 (Picbreeder).

Try it:
1. Choose picture 0 of the first row below, with 100 genomes: its children differ from it by 0.19 a pixel on average
   (pixels are from 0 to 1), those of its own generation by 0.40. With `weight_power=0.1` it is 0.13, with 2.5 0.35.
2. Choose picture 0 ten times: of 4 links and no hidden node there have become 15 to 17 links and 3 or 4 nodes.
3. Choose two, and look at `parents`: 41 of 100 children have both for parents, the others one of the two, as a father
   is drawn like the mother and may be the same.
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

    | option | meaning |
    |---|---|
    | `Breeder` | the same seed and the same choices give the same pictures |
    | `config` | of feed-forward networks with 2 or 3 inputs and 1 or 3 outputs, see `CPPN.image` |
    | `seed` | an integer >= 0; None: drawn from `minidl.random` |
    | `genomes` | to start from, as many as config.population_size; None: all inputs linked to all outputs |

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


def illustrate(ax: Any) -> None:
    r"""Three generations of eight pictures. The two with an orange frame are chosen: all pictures of the row below are
    their children, which look like one of them or like something between the two, and each a bit different. What is
    chosen next decides what there is to choose from after that."""
    settings = {"activations": ("sine", "gaussian", "linear"), "output_activation": "sine", "initial_weight": 3.0}
    config = NEATConfig(3, 1, population_size=8, add_node=0.4, add_link=0.4, weight_power=0.5, **settings)
    breeder = Breeder(config, seed=2)
    wall = np.full((3 * 46, 8 * 46), np.nan)  # of pictures with gaps between them
    for row, chosen in enumerate(((0, 4), (1, 2), ())):
        for col, image in enumerate(breeder.images(40)):
            top, left = 46 * row + 3, 46 * col + 3
            wall[top : top + 40, left : left + 40] = image
            if col in chosen:
                x, y = left + np.array([-1.5, 40.5, 40.5, -1.5, -1.5]), top + np.array([-1.5, -1.5, 40.5, 40.5, -1.5])
                ax.plot(x, y, color="C1", linewidth=3)
        if chosen:
            breeder.choose(chosen)
    ax.imshow(wall, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.set(xticks=[], yticks=23 + 46 * np.arange(3), yticklabels=["0", "1", "2"], ylabel="generation")
    ax.spines[:].set_visible(False)
