r"""NEAT: evolution of networks that grow.

Three ideas. *Historical markings* number every invention, so that genomes of different structure can be lined up link
by link, compared and crossed (`genome.py`, `crossover.py`). *Species* keep a new structure among its like until its
weights have had time to fit (`compatibility.py`, `species.py`). *Minimal start*: no hidden nodes at first; structure is
only added (`mutation.py`), and only what pays stays.

One generation:

    nets = run.nets()         the networks of all genomes
    run.record(fitness)       who is the best; sort every species; note it all in the history
    run.breed()               share out the children, breed them (breeding.py), sort them into species

Everything random is drawn from streams that belong to (seed, generation, child): the same seed gives the same run, bit
for bit, whoever evaluates the genomes and in whatever order.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10.

Try it:
1. Record `rng.random(150)` as the fitness of 100 generations: genomes grow all the same, from 3 links to 22, of which
   14 are on. Growth by itself proves nothing: the exclusive or of `demos/neat_xor.py` takes 11.
2. That exclusive or, 100 seeds: 5,480 evaluations with 150 genomes, 3,960 with `population_size=50`, 12,340 with 1,000
   (30 seeds). With `elitism=1000`, so that only the best genome of all is copied: 4,050; elites cost it something here.
3. Run it twice for 20 generations with seed 0, and once with seed 1: the first two end with 150 equal genomes, of the
   third none is in their place.
"""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check, random
from minidl.backend import REFERENCE
from minidl.evolution import compatibility
from minidl.evolution.breeding import Plan, breed
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import counted
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import Innovations
from minidl.evolution.nets import Nets
from minidl.evolution.pool import Pool, no_cycle
from minidl.evolution.scores import columns_of, unusable
from minidl.evolution.species import Species, offspring
from minidl.evolution.stream import Stream
from minidl.evolution.summary import row_of
from minidl.history import History
from minidl.kernels import species as kernel
from minidl.plot.evolution import plot_species


class NEAT:
    r"""A population, and what has become of it. `evolve` makes one and lets it run.

    | option | meaning | neat-python |
    |---|---|---|
    | `NEAT` | one run | `Population` |
    | `config` | a `NEATConfig` | `Config`, from a file |
    | `seed` | an integer >= 0; None: drawn from `minidl.random` | `seed`; the module `random` |
    | `genomes` | to start from; None: all inputs linked to all outputs | `initial_state`; `initial_connection` |

    | attribute | |
    |---|---|
    | `pool` | the genomes of this generation: `pool[i]` is a `Genome` |
    | `fitness` | (P,) once they are evaluated, else None |
    | `generation` | counted from 0 |
    | `champion` | the best `Genome` ever, or the first that solved it, with its `.fitness`; None before a record |
    | `solved` | whether this generation has somebody good enough |
    | `species` | list of `Species`; `species_of` (P,): the position there of every genome's |
    | `history` | a `History`, one row a generation: quantiles of the fitness, species, threshold, sizes, evaluations |
    | `fitnesses`, `parents` | of every generation: (P,), and (P, 2) positions in the one before |
    | `species_sizes` | of every generation: {species id: size} |
    | `changes` | of settings, by `load`: (generation, name, old, new) |

    >>> run = NEAT(NEATConfig(2, 1, population_size=20), seed=0)
    >>> for _ in range(3):
    ...     y = run.nets()([[0.0, 1.0], [1.0, 1.0]])  # (P, 2, 1)
    ...     run.record(y[:, 0, 0] - y[:, 1, 0])
    ...     run.breed()
    >>> run
    NEAT(generation 3, 20 genomes, 1 species, best fitness 0.9985)
    """

    def __init__(self, config: NEATConfig, seed: int | None = None, genomes: Iterable[Genome] | None = None):
        if not isinstance(config, NEATConfig):
            raise check.DTypeError(f"NEAT: config must be a NEATConfig, got {type(config).__name__}")
        self.config = config
        if seed is None:
            seed = int(random.generator().integers(2**63))
        self.seed = check.integer("NEAT", "seed", seed, low=0, high=2**64 - 1)
        self.pool = Pool.initial(config, self.seed) if genomes is None else _started(config, list(genomes))
        self.innovations = Innovations.after(self.pool)
        self.generation = 0
        self.fitness: np.ndarray | None = None
        self.champion: Genome | None = None
        self.record_generation = 0  # of the last better champion, or of the last refocus on two species
        self.evaluations = 0
        self.solved = False
        self.history = History()
        self.fitnesses: list[np.ndarray] = []
        self.parents: list[np.ndarray] = [np.full((config.population_size, 2), -1, np.int32)]
        self.species_sizes: list[dict[int, int]] = []
        self.threshold = config.compatibility_threshold
        self.species: list[Species] = []
        self.species_of = np.zeros(0, np.int32)
        self.n_species = 0  # that there have ever been
        self.changes: list[tuple[int, str, Any, Any]] = []
        self._speciate(self.pool.take(np.zeros(0, np.int64)))

    def nets(self) -> Nets:
        r"""The networks of all genomes."""
        return Nets(self.pool)

    def record(self, fitness: Any, solved: Any = None) -> None:
        r"""Take down the fitness (P,) of this generation: more is better, any finite numbers up to 1e300 in size.

        `solved` (P,) of bool: the first genome that is True ends the count of evaluations, and becomes the champion.

        ValueError or TypeError for other shapes and kinds, and where there is a fitness already; nothing changes then.
        """
        fitness, solved = self._checked(fitness, solved)
        self.fitness = fitness
        first = np.flatnonzero(solved)[:1]
        best = first[0] if first.size else fitness.argmax()
        self.solved = bool(first.size)
        self.evaluations += int(first[0]) + 1 if first.size else len(fitness)
        if self.champion is None or first.size or fitness[best] > self.champion.fitness:
            self.champion = self.pool[best]
            self.champion.fitness = float(fitness[best])
            self.record_generation = self.generation
        tops = np.full(len(self.species), -np.inf)
        np.maximum.at(tops, self.species_of, fitness)
        for top, group in zip(tops.tolist(), self.species, strict=True):
            if top > group.best:
                group.best, group.improved = top, self.generation
        sizes = np.bincount(self.species_of, minlength=len(self.species)).tolist()
        self.species_sizes.append({s.id: n for s, n in zip(self.species, sizes, strict=True)})
        self.fitnesses.append(fitness)
        self.history.append(self.generation, row_of(self))

    def breed(self) -> None:
        r"""Replace the population by its children. ValueError before `record`."""
        if self.fitness is None:
            raise ValueError("NEAT.breed: this generation has no fitness yet; call record(fitness) first")
        config = self.config
        refocus = bool(config.delta_coding) and self.generation - self.record_generation > config.delta_coding
        children = offspring(self.fitness, self.species_of, self.species, config, self.generation, refocus)
        if refocus:
            self.record_generation = self.generation
            for s in np.flatnonzero(children):
                self.species[s].improved = self.generation
        members = np.lexsort((-self.fitness, self.species_of))  # by species, best first
        sizes = np.bincount(self.species_of)
        starts = np.cumsum(sizes) - sizes
        breeding = np.minimum((config.survival * sizes).astype(np.int64) + 1, sizes)
        rank = np.arange(len(members)) - np.repeat(starts, sizes)  # within the species
        elite = sizes > config.elitism
        elite[self.species_of[self.fitness.argmax()]] = True  # the best genome is never lost
        plan = Plan(
            members=members[rank < np.repeat(breeding, sizes)].astype(np.int32),
            first=np.concatenate([[0], np.cumsum(breeding)]).astype(np.int32),
            offspring=children.astype(np.int32),
            elite=elite,
            fitness=self.fitness,
        )
        represented = starts  # by the champions
        if config.representative == "random":
            stream = Stream(self.seed, self.generation, 2**32)  # behind those of the children
            represented = starts + [stream.below(n) for n in sizes.tolist()]
        representatives = self.pool.take(members[represented])
        self.pool, parents = breed(self.pool, plan, config, self.innovations, self.seed, self.generation)
        self.parents.append(parents)
        self.generation += 1
        self.fitness = None
        self._speciate(representatives)

    def save(self, path: str | os.PathLike) -> None:
        r"""Write all of the run to a file, whole or not at all, from which `load` goes on, bit for bit.

        After `record`, no evaluation is lost. Raises TypeError for what is no path, OSError where the disk refuses.
        """
        from minidl.evolution import checkpoint  # noqa: PLC0415  (which imports this file)

        checkpoint.save(self, path)

    def save_in(self, folder: str | os.PathLike) -> None:
        r"""Save as "generation-000012.safetensors" in a folder, which is made; the last three of these stay.

        ValueError where there is a later generation already: of another run, or of this one before it went back.
        """
        from minidl.evolution import checkpoint  # noqa: PLC0415  (which imports this file)

        checkpoint.save_in(self, folder)

    @classmethod
    def load(cls, path: str | os.PathLike, config: NEATConfig | None = None) -> "NEAT":
        r"""The run that `save` wrote to a file, or the newest in a folder that is sound; a warning tells of those that
        are not.

        config: other settings to go on with, which `changes` notes; inputs, outputs and whether there is a bias must
        stay. Raises ValueError, naming the file and what is wrong with it, where it is damaged or no such file, and for
        a config that does not fit.

        >>> import tempfile
        >>> run = NEAT(NEATConfig(1, 1, population_size=2), seed=0)
        >>> run.record([1.0, 3.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run.save(f"{folder}/run.safetensors")
        ...     again = NEAT.load(f"{folder}/run.safetensors", config=NEATConfig(1, 1, population_size=5))
        >>> again, again.changes
        (NEAT(generation 0, 2 genomes, 1 species, best fitness 3), [(0, 'population_size', 2, 5)])
        """
        from minidl.evolution import checkpoint  # noqa: PLC0415  (which imports this file)

        return checkpoint.load(path, config)

    def _speciate(self, representatives: Pool) -> None:
        config = self.config
        if REFERENCE:
            found = compatibility.speciate([*self.pool], [*representatives], config, self.threshold)
            species, founders = np.array(found[0]), found[1]
        else:
            species, founders = kernel.speciate(
                self.pool.links,
                self.pool.n_links,
                representatives.links,
                representatives.n_links,
                (config.c1, config.c2, config.c3, config.distance_n == "size"),
                self.threshold,
            )
        groups = self.species + [Species(self.n_species + k, self.generation) for k in range(len(founders))]
        self.n_species += len(founders)
        alive = np.bincount(species, minlength=len(groups)) > 0  # a species without members is gone
        self.species = [group for group, lives in zip(groups, alive.tolist(), strict=True) if lives]
        self.species_of = np.cumsum(alive)[species] - 1
        if config.species_target:
            step = np.sign(len(self.species) - config.species_target) * config.threshold_step
            self.threshold = max(float(self.threshold + step), config.threshold_step)

    def _checked(self, fitness: Any, solved: Any) -> tuple[np.ndarray, np.ndarray]:
        if self.fitness is not None:
            raise ValueError("NEAT.record: this generation has a fitness already; call breed() first")
        P = len(self.pool)
        try:
            columns = columns_of({"fitness": fitness, "solved": np.zeros(P, bool) if solved is None else solved}, P)
        except (ValueError, TypeError) as error:
            raise type(error)(f"NEAT.record: {error}") from None
        for i, error in unusable(columns).items():
            raise ValueError(f"NEAT.record: genome {i} has no fitness: {error}")
        return columns["fitness"], columns["solved"]

    def __repr__(self) -> str:
        best = f", best fitness {self.champion.fitness:.4g}" if self.champion else ""
        genomes = counted(len(self.pool), "genome")
        return f"NEAT(generation {self.generation}, {genomes}, {len(self.species)} species{best})"


def _started(config: NEATConfig, genomes: list[Genome]) -> Pool:
    if len(genomes) != config.population_size:
        raise ValueError(f"NEAT: genomes must be population_size={config.population_size} genomes, got {len(genomes)}")
    pool = Pool.from_genomes(genomes)
    if (pool.n_inputs, pool.n_outputs, pool.bias) != (config.n_inputs, config.n_outputs, config.bias):
        raise ValueError(
            f"NEAT: genomes must have the inputs, outputs and bias of config, {config.n_inputs}, {config.n_outputs} "
            f"and {config.bias}, got {pool.n_inputs}, {pool.n_outputs} and {pool.bias}"
        )
    no_cycle("NEAT", pool, config)
    return pool


def illustrate(ax: Any) -> None:
    r"""Forty generations on exclusive or, by species: the height of a band is how many of the 100 genomes belong to it.
    All begin as one species. As structure is added new ones split off and take genomes from the others while they are
    good; who has not got better for 15 generations dies out, as species 0 does in generation 33. The threshold moves
    so that there should be five species."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    run = NEAT(NEATConfig(2, 1, population_size=100, species_target=5), seed=3)
    for generation in range(40):
        if generation:
            run.breed()
        run.record((4 - abs(run.nets()(x)[..., 0] - [0, 1, 1, 0]).sum(axis=1)) ** 2)
    plot_species(run, ax=ax).set_title("")
