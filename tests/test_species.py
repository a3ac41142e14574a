"""Species: the distance of two genomes, who belongs where, and how many children everybody has."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.evolution import Genome, NEATConfig, Species, apportion, compatibility, distance, offspring, shares
from minidl.evolution.genome import LINK, OUTPUT, Link, Node
from minidl.kernels import species as kernel

BASE = NEATConfig(1, 1, distance_n="one")


def genome(numbers, weights):
    links = [Link(n, 0, 1, w) for n, w in zip(numbers, weights, strict=True)]
    return Genome([Node(0, 0), Node(1, OUTPUT)], links)


@st.composite
def genomes(draw, largest=30):
    numbers = sorted(draw(st.sets(st.integers(0, largest), max_size=largest)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return genome(numbers, rng.uniform(-8, 8, len(numbers)).tolist())


def configs():
    number = st.floats(0, 10, allow_nan=False)
    kinds = st.sampled_from(["one", "size"])
    return st.builds(
        lambda a, b, c, n: dataclasses.replace(BASE, c1=a, c2=b, c3=c, distance_n=n), number, number, number, kinds
    )


def options(config):
    return config.c1, config.c2, config.c3, config.distance_n == "size"


# ---- distance ----
def test_distance_by_hand():
    # 1 2 3 4 5 . . 8        figure 4 of the paper: disjoint 6 7 (of b) and 8 (of a), excess 9 10
    # 1 2 3 4 5 6 7 . 9 10
    a = genome([1, 2, 3, 4, 5, 8], [1.0] * 6)
    b = genome([1, 2, 3, 4, 5, 6, 7, 9, 10], [1.5] * 9)
    config = dataclasses.replace(BASE, c1=1.0, c2=10.0, c3=100.0)
    assert distance(a, b, config) == 2 * 1.0 + 3 * 10.0 + 0.5 * 100.0


def test_distance_by_size_needs_twenty_links():
    by_size = dataclasses.replace(BASE, distance_n="size")
    small, large = genome(range(19), [0.0] * 19), genome(range(20), [0.0] * 20)
    none = genome([], [])
    assert distance(small, none, by_size) == 19.0
    assert distance(large, none, by_size) == distance(none, large, by_size) == 1.0
    assert distance(large, none, BASE) == 20.0


@given(genomes(), genomes(), configs())
def test_distance_is_a_symmetric_measure_of_unlikeness(a, b, config):
    assert distance(a, a, config) == 0.0
    assert distance(a, b, config) == distance(b, a, config) >= 0.0
    for c in ("c1", "c2", "c3"):
        more = dataclasses.replace(config, **{c: getattr(config, c) + 1.0})
        assert distance(a, b, more) >= distance(a, b, config)


@given(genomes(), genomes(), configs())
def test_the_kernel_measures_the_same_distance(a, b, config):
    ours, theirs = a.to_arrays()[1], b.to_arrays()[1]
    assert kernel.distance(ours, len(ours), theirs, len(theirs), *options(config)) == distance(a, b, config)


# ---- who belongs where ----
def padded(group):
    links = np.zeros((len(group), max([1, *(len(g.links) for g in group)])), LINK)
    links["innovation"] = 7  # padding that must not be read
    for row, one in zip(links, group, strict=True):
        row[: len(one.links)] = one.to_arrays()[1]
    return links, np.array([len(g.links) for g in group], np.int32)


@given(st.lists(genomes(8), max_size=8), st.lists(genomes(8), max_size=3), configs(), st.floats(0, 20))
def test_the_kernel_sorts_into_the_same_species(group, known, config, threshold):
    species, founders = kernel.speciate(*padded(group), *padded(known), options(config), threshold)
    assert (species.tolist(), founders.tolist()) == compatibility.speciate(group, known, config, threshold)


def test_a_genome_joins_the_first_species_that_is_near_not_the_nearest():
    near, nearer, one = genome([0], [0.0]), genome([0], [1.0]), genome([0], [1.1])
    assert compatibility.speciate([one], [near, nearer], BASE, threshold=3.0) == ([0], [])


def test_a_threshold_of_0_makes_every_genome_a_species():
    group = [genome([0], [1.0])] * 3
    assert compatibility.speciate(group, [], BASE, threshold=0.0)[0] == [0, 1, 2]


# ---- children ----
worths = st.lists(st.floats(0, 1e300) | st.just(0.0), min_size=1, max_size=12)


@given(worths, st.integers(1, 500))
def test_apportioned_parts_add_up_and_are_fair(worth, total):
    worth = np.array(worth)
    parts = apportion(worth, total)
    assert parts.sum() == total
    assert (parts >= 0).all()
    if worth.max() > 0:
        scaled = worth / worth.max()
        assert (np.abs(parts - scaled / scaled.sum() * total) < 1 + 1e-9).all()
    else:
        assert np.ptp(parts) <= 1


@st.composite
def populations(draw):
    S = draw(st.integers(1, 6))
    P = draw(st.integers(S, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    species = rng.permutation(np.concatenate([np.arange(S), rng.integers(0, S, P - S)]))
    number = st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 5e-324]) | st.floats(-100, 100)
    fitness = np.array(draw(st.lists(number, min_size=P, max_size=P)))
    groups = [Species(s, draw(st.integers(0, 30))) for s in range(S)]
    changes = {"stagnation": draw(st.integers(1, 40)), "stagnation_factor": draw(st.sampled_from([0.0, 0.01, 1.0]))}
    config = dataclasses.replace(BASE, population_size=P, obliterate=draw(st.sampled_from([0, 5])), **changes)
    return fitness, species, groups, config, draw(st.integers(30, 60))


@given(populations(), st.booleans())
def test_children_always_add_up_to_the_population(population, refocus):
    fitness, species, _, config, _ = population
    children = offspring(*population, refocus)
    assert children.sum() == config.population_size
    assert (children >= 0).all()
    assert children[species[fitness.argmax()]] >= 1  # the best genome's species lives
    if refocus:
        assert (children > 0).sum() <= 2


def test_a_refocus_spares_the_species_of_the_best_genome_among_equals():
    groups, config = [Species(s, 0) for s in range(3)], dataclasses.replace(BASE, population_size=10)
    assert offspring(np.ones(3), np.array([2, 0, 1]), groups, config, 9, refocus=True).tolist() == [5, 0, 5]


@given(populations())
def test_a_species_is_worth_the_mean_of_its_members(population):
    fitness, species, groups, config, generation = population
    config = dataclasses.replace(config, stagnation_factor=1.0, obliterate=0)
    lowest = min(0.0, fitness.min())
    means = [math.fsum(fitness[species == s] - lowest) / (species == s).sum() for s in range(len(groups))]
    assert np.allclose(shares(fitness, species, groups, config, generation), means, rtol=1e-12)


def test_size_does_not_pay():
    crowd = np.zeros(10, int)
    crowd[-1] = 1  # nine of one species, one of the other, all equally fit
    config = dataclasses.replace(BASE, population_size=10)
    assert offspring(np.ones(10), crowd, [Species(0, 0), Species(1, 0)], config, 1).tolist() == [5, 5]


def test_stagnant_species_do_not_breed():
    groups = [Species(0, 0, 4.0, improved=0), Species(1, 0, 3.0, improved=0), Species(2, 0, 1.0, improved=9)]
    config = dataclasses.replace(BASE, population_size=10, stagnation=15)
    fitness, species = np.array([4.0, 3.0, 1.0]), np.array([0, 1, 2])
    assert shares(fitness, species, groups, config, generation=14).tolist() == [4.0, 3.0, 1.0]
    assert shares(fitness, species, groups, config, generation=15).tolist() == [0.0, 0.0, 1.0]
    assert offspring(fitness, species, groups, config, generation=15).tolist() == [1, 0, 9]  # the best is not lost
    spared = dataclasses.replace(config, stagnation_factor=0.01)
    assert shares(fitness, species, groups, spared, generation=15).tolist() == [0.04, 0.03, 1.0]


def test_the_worst_old_species_is_obliterated():
    groups = [Species(0, 0), Species(1, 0), Species(2, 20)]
    config = dataclasses.replace(BASE, obliterate=30, stagnation=1000)
    fitness, species = np.array([4.0, 3.0, 1.0]), np.array([0, 1, 2])
    assert shares(fitness, species, groups, config, generation=30).tolist() == [4.0, 0.0, 1.0]
    assert shares(fitness, species, groups, config, generation=31).tolist() == [4.0, 3.0, 1.0]


@pytest.mark.parametrize("worth", [[1.0], [0.0, 0.0, 0.0], [5e-324, 5e-324]])
def test_degenerate_worths(worth):
    assert apportion(np.array(worth), 7).sum() == 7
