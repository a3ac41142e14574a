r"""Breeding: a generation of children, from a plan of who may breed and how many children every species has.

    for every species, for every child that it has:
        the first one, if the species has an elite: a copy of its best member
        mother: a random breeding member
        father: another one, or (rarely) the best of another species; none for a share of the children
        child:  crossover of the two, or a copy of the mother
        mutated, unless it is one of the children of two parents that are not

Child c of generation g draws from `Stream(seed, g, c)` and from nothing else (generation 0 is the one that nobody
bred), and new links and nodes are numbered in the order of the children.

`breed` runs the compiled loop of `kernels/breed.py`; `breed_reference`, here, is the same in plain words, on `Genome`
objects. The two give the same genes, bit for bit.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, sections 3.2 to 3.4 and 4.1; where the paper is
silent, NEAT C++ 1.2.1.

Try it:
1. Breed one species of 150, of whom 30 may: 104 children have two parents with `mutate_only=0.25` (a mother may draw
   herself as the father), 147 with 0, none with 1. Call it with `generation=1`: all others, but the elite's copy.
2. Time `breed_reference` for these 150 children, and `breed_compiled`: 8 ms and 1.6 ms; the genomes are equal.
3. The exclusive or of `demos/neat_xor.py`, 100 seeds, with `survival=1.0` (all breed) takes 6,530 evaluations, with
   0.05 (of most species the best alone) 7,280, with the usual 0.2 5,480 (standard errors 300 to 500).
"""

from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.backend import REFERENCE
from minidl.evolution.config import NEATConfig
from minidl.evolution.crossover import crossover
from minidl.evolution.genes import LARGEST
from minidl.evolution.innovation import Innovations
from minidl.evolution.mutation import mutate
from minidl.evolution.pool import Pool
from minidl.evolution.stream import Stream
from minidl.kernels import breed as kernel
from minidl.kernels.genes import Genes, Settings
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS

WHO = "breed"


class Plan(NamedTuple):
    r"""Who may breed, for S species of a pool of P genomes.

    | option | meaning | neat-python |
    |---|---|---|
    | `Plan` | what `breed` is told | none: `DefaultReproduction.reproduce` does all |
    | `members` | int32: those who may breed, species after species, the best first | `survival_threshold` |
    | `first` | (S+1,) int32: those of species s are members[first[s] : first[s+1]] | |
    | `offspring` | (S,) int32: children | `spawn_amounts` |
    | `elite` | (S,) bool: whether the first child is a copy of the best | `elitism`: how many are copied |
    | `fitness` | (P,) float64 | `genome.fitness` |

    >>> plan = Plan(np.array([2, 0, 1]), np.array([0, 2, 3]), np.array([1, 4]), np.array([True, False]), np.zeros(3))
    >>> plan.members[plan.first[1] : plan.first[2]]
    array([1])
    """

    members: np.ndarray
    first: np.ndarray
    offspring: np.ndarray
    elite: np.ndarray
    fitness: np.ndarray


def breed(
    pool: Pool, plan: Plan, config: NEATConfig, innovations: Innovations, seed: int, generation: int
) -> tuple[Pool, np.ndarray]:
    r"""The children of `pool`, which is generation `generation`, and their parents (P, 2) int32: indices of mother and
    father, the same twice where there is one parent. New inventions are written into `innovations`.

    | option | meaning | neat-python |
    |---|---|---|
    | `breed` | children and parents | `DefaultReproduction.reproduce` |
    | `pool`, `plan` | the parents' generation, and who of them may | `species` |
    | `config` | `mutate_only`: children with one parent | none: all have two, often the same one |
    | | `mate_only`: of the others, those that are not mutated | none |
    | | `interspecies`: fathers that are the best of another species | none |
    | `innovations` | the book of numbers | `innovation_tracker` |
    | `seed`, `generation` | whose random numbers, besides the child's position | the module `random` |

    With `config.feed_forward` no genome of `pool` may have a cycle. ValueError for a plan that does not fit the pool,
    for a seed or generation out of range, and where the numbers of inventions might not do; TypeError for arguments of
    other classes.

    >>> config = NEATConfig(2, 1, population_size=4)
    >>> pool = Pool.initial(config, seed=0)
    >>> best_first, one_species = np.array([3, 1]), np.array([0, 2])
    >>> plan = Plan(best_first, one_species, np.array([4]), np.array([True]), np.array([0.0, 3.0, 1.0, 4.0]))
    >>> children, parents = breed(pool, plan, config, Innovations.after(pool), seed=0, generation=0)
    >>> len(children), parents.shape, children[0] == pool[3], parents[0].tolist()
    (4, (4, 2), True, [3, 3])
    """
    arguments = ("pool", pool, Pool), ("plan", plan, Plan), ("config", config, NEATConfig)
    for name, value, kind in (*arguments, ("innovations", innovations, Innovations)):
        check.instance(WHO, name, value, kind)
    plan = checked(plan, len(pool))
    seed = check.integer(WHO, "seed", seed, low=0, high=2**64 - 1)
    generation = check.integer(WHO, "generation", generation, low=0, high=2**63 - 1)
    for what, number, most in (("link", innovations.next_link, 3), ("node", innovations.next_node, 1)):
        if number + most * int(plan.offspring.sum()) > LARGEST:
            raise ValueError(f"{WHO}: {what}s have numbers up to {LARGEST}, and the next would be {number}")
    if config.innovation_scope == "generation":
        innovations.forget()
    if REFERENCE:
        return breed_reference(pool, plan, config, innovations, seed, generation)
    return breed_compiled(pool, plan, config, innovations, seed, generation)


def breed_reference(
    pool: Pool, plan: Plan, config: NEATConfig, innovations: Innovations, seed: int, generation: int
) -> tuple[Pool, np.ndarray]:
    r"""What `breed` does, on `Genome` objects; it checks nothing."""
    children, parents = [], []
    for s in range(len(plan.offspring)):
        members = plan.members[plan.first[s] : plan.first[s + 1]].tolist()
        # the best members of the other species
        others = [
            plan.members[plan.first[t]]
            for t in range(len(plan.offspring))
            if t != s and plan.first[t] < plan.first[t + 1]
        ]
        for k in range(plan.offspring[s]):
            stream = Stream(seed, generation + 1, len(children))
            if k == 0 and plan.elite[s]:
                children.append(pool[members[0]])
                parents.append((members[0], members[0]))
                continue
            mother = father = members[stream.below(len(members))]
            if stream.random() >= config.mutate_only:
                abroad = stream.random() < config.interspecies and others
                father = others[stream.below(len(others))] if abroad else members[stream.below(len(members))]
            child = pool[mother]
            if father != mother:
                child = crossover(child, pool[father], (plan.fitness[mother], plan.fitness[father]), config, stream)
            if father == mother or stream.random() >= config.mate_only:
                mutate(child, config, innovations, stream)
            children.append(child)
            parents.append((mother, father))
    return Pool.packed(children), np.array(parents, np.int32)


def breed_compiled(
    pool: Pool, plan: Plan, config: NEATConfig, innovations: Innovations, seed: int, generation: int
) -> tuple[Pool, np.ndarray]:
    r"""What `breed` does, by the compiled loop; it checks nothing."""
    genes = Genes(pool.nodes, pool.links, pool.n_nodes, pool.n_links)
    state = innovations.next_link, innovations.next_node, innovations.book
    children, parents, state = kernel.breed(genes, plan, _settings(config, pool), state, seed, generation)
    innovations.next_link, innovations.next_node, innovations.book = state
    return Pool(*children, pool.n_inputs, pool.n_outputs, pool.bias), parents


def _settings(config: NEATConfig, pool: Pool) -> Settings:
    """The config in the form that the compiled loop has it."""
    sensors = pool.n_inputs + (pool.bias != 0)
    own = {
        "sensors": sensors,
        "fixed": sensors + pool.n_outputs,
        "bias": pool.n_inputs if pool.bias else -1,
        "activations": np.array([ACTIVATIONS.index(name) for name in config.activations], np.int8),
        "aggregations": np.array([AGGREGATIONS.index(name) for name in config.aggregations], np.int8),
        "original_style": config.weight_style == "original",
        "links_of_both": config.equal_fitness == "both",
    }
    return Settings(**{name: own[name] if name in own else getattr(config, name) for name in Settings._fields})


def checked(plan: Plan, P: int) -> Plan:
    r"""The plan as the arrays that the kernel reads, whose indices are all there."""
    kinds = np.int32, np.int32, np.int32, np.bool_, np.float64
    plan = Plan(*(np.ascontiguousarray(array, kind) for array, kind in zip(plan, kinds, strict=True)))
    members, first, offspring, elite, fitness = plan
    S = len(offspring)
    if len(first) != S + 1 or len(elite) != S or len(fitness) != P:
        raise check.ShapeError(
            f"{WHO}: for {S} species and {P} genomes plan must have first ({S + 1},), elite ({S},) and fitness ({P},), "
            f"got {first.shape}, {elite.shape} and {fitness.shape}"
        )
    sizes = np.diff(first)
    if first[0] != 0 or first[-1] != len(members) or (sizes < 0).any():
        raise ValueError(f"{WHO}: plan.first must rise from 0 to the {len(members)} members, got {first}")
    if members.size and not 0 <= members.min() <= members.max() < P:
        raise ValueError(f"{WHO}: plan.members must be in 0 ... {P - 1}, got {members}")
    if not np.isfinite(fitness).all():
        raise ValueError(f"{WHO}: plan.fitness must be finite numbers, got {fitness}")
    if (offspring < 0).any() or not offspring.sum():
        raise ValueError(f"{WHO}: plan.offspring must be counts of children, and not all 0, got {offspring}")
    if ((sizes == 0) & (offspring > 0)).any():
        raise ValueError(f"{WHO}: a species without members has no children; plan has offspring {offspring} of {sizes}")
    return plan


def illustrate(ax: Any) -> None:
    r"""Sixty children of a pool of 60, in three species (bands), and who their parents are: dots are mothers, crosses
    fathers where there are two. Only the best third of a species breeds. The first child of each has its best genome
    alone for a parent: it is the copy of the elite. One father comes from another species: the best there."""
    config = NEATConfig(2, 1, population_size=60, interspecies=0.05)
    pool = Pool.initial(config, seed=0)
    first = np.array([0, 8, 14, 20])
    members = np.concatenate([np.arange(8), 24 + np.arange(6), 42 + np.arange(6)])  # of 24, 18 and 18
    children = np.array([20, 30, 10])
    plan = Plan(members, first, children, np.ones(3, bool), -np.arange(60.0))
    _, parents = breed(pool, plan, config, Innovations.after(pool), seed=0, generation=0)
    for s, (low, high) in enumerate(((0, 24), (24, 42), (42, 60))):
        ax.axhspan(low - 0.5, high - 0.5, color=f"C{s}", alpha=0.15, linewidth=0)
        born = np.arange(60)[children[:s].sum() : children[: s + 1].sum()]
        ax.plot(born, parents[born, 0], "o", color=f"C{s}", markersize=4)
        two = born[parents[born, 0] != parents[born, 1]]
        ax.plot(two, parents[two, 1], "x", color=f"C{s}", markersize=4)
        ax.annotate(f"species {s}", (60, (low + high) / 2), va="center")
    ax.set(xlabel="child", ylabel="parent, by species, best first", xlim=(-1, 70), ylim=(59.5, -0.5))
