"""The fitness of a population: its forms are one, what fails is named, and nothing is half done."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.evolution import NEAT, NEATConfig, Scores, Stream, evaluate, evolve
from minidl.evolution.rollout import rollout
from tests import evolution
from tests.evolution import WALK, OddError, dictionary, dictionary_batch, noisy, plain, same, xor, xor_batch

CONFIG = NEATConfig(2, 1, population_size=10, add_node=0.3, add_link=0.3)


def grown(seed, generations=3):
    run = evolve(CONFIG, fitness_batch=xor_batch, generations=generations, seed=seed, verbose=False)
    run.breed()
    return run


NETS = grown(0).nets()


def equal(a, b):
    for one, other in zip(a, b, strict=True):
        assert one is other is None or (one.dtype == other.dtype and one.tolist() == other.tolist())


# ---- forms ----
@given(st.integers(0, 2**64 - 1))
def test_one_by_one_is_all_at_once(seed):
    nets = grown(seed).nets()
    for one, batch in ((xor, xor_batch), (dictionary, dictionary_batch)):
        scores = evaluate(nets, fitness=one)
        equal(scores, evaluate(nets, fitness_batch=batch))
        assert isinstance(scores, Scores) and scores.fitness.dtype == np.float64 and not scores.failed.any()
    assert scores.behaviour.shape == (10, 4) and scores.solved.dtype == bool


def test_a_rollout():
    nets = NEAT(NEATConfig(1, 1, population_size=7), seed=0).nets()
    scores = evaluate(nets, rollout=WALK, seed=3, generation=5)
    equal([scores.fitness], [rollout(nets, WALK, seed=3, generation=5)["fitness"]])
    assert scores.solved is None and len(set(scores.fitness)) > 1


@pytest.mark.parametrize("number", [2, np.float32(0.1), np.int8(2), np.array(0.5), np.float64(1e300)])
def test_what_is_a_number(number):
    assert evaluate(NETS, fitness=lambda net: number).fitness.tolist() == [float(number)] * 10
    assert evaluate(NETS, fitness_batch=lambda nets: [number] * 10).fitness.tolist() == [float(number)] * 10


@given(st.integers(0, 2**64 - 1), st.integers(0, 10**6))
def test_every_genome_has_its_own_random_numbers(seed, generation):
    seeds = []
    evaluate(NETS, fitness=lambda net: seeds.append(net.seed) or 0.0, seed=seed, generation=generation)
    assert seeds == [Stream(seed, generation, i, 1).state for i in range(10)]
    assert len(set(seeds)) == 10


def test_results_are_copies():
    numbers = {"fitness": np.arange(10.0), "behaviour": np.zeros((10, 2)), "solved": np.zeros(10, bool)}
    scores = evaluate(NETS, fitness_batch=lambda nets: numbers)
    for mine, theirs in zip(numbers.values(), scores, strict=False):
        assert not np.shares_memory(mine, theirs)


@given(first=st.integers(0, 9), size=st.integers(1, 10))
def test_a_part_of_the_networks_says_the_same(first, size):
    part, x = NETS[first : first + size], evolution.CASES
    assert len(part) == min(size, 10 - first)
    assert part(x).tolist() == NETS(x)[first : first + size].tolist() == [net(x).tolist() for net in part]


@pytest.mark.parametrize("wrong", [slice(3, 3), slice(None, None, 2), slice(20, 30)])
def test_what_is_no_part(wrong):
    with pytest.raises(ValueError, match="Nets: a slice must be one network or more in a row, got slice"):
        NETS[wrong]


# ---- what fails ----
NUMBER = st.floats(-1e300, 1e300)
WRONG = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1e301, "None": None, "word": "good", "list": [1.0, 2.0]}
WRONG |= {"bool": True, "complex": 1j, "raises": OddError(1, "reason"), "dict": {"fitness": np.nan}}


@given(st.lists(NUMBER | st.sampled_from(sorted(WRONG)), min_size=10, max_size=10))
def test_who_fails_counts_as_the_worst_of_the_others(values):
    calls = iter(values)

    def fitness(net):
        value = next(calls)
        value = WRONG[value] if isinstance(value, str) else value
        if isinstance(value, Exception):
            raise value
        return {"fitness": value, "behaviour": [value, 0.0], "solved": True} if isinstance(value, float) else value

    good = [value for value in values if not isinstance(value, str)]
    if not good:
        with pytest.raises(ValueError, match="evaluate: genome 0 has no fitness: "):
            evaluate(NETS, fitness=fitness, on_error="worst")
        return
    scores = evaluate(NETS, fitness=fitness, on_error="worst")
    wanted = [min(good) if isinstance(value, str) else value for value in values]
    assert scores.fitness.tolist() == scores.behaviour[:, 0].tolist() == wanted
    assert scores.failed.tolist() == [isinstance(value, str) for value in values] == (~scores.solved).tolist()


@pytest.mark.parametrize("name", sorted(WRONG))
@pytest.mark.parametrize("form", ["fitness", "fitness_batch"])
def test_who_fails_is_named(name, form):
    values, calls = [1.0] * 10, []
    values[7] = WRONG[name]

    def fitness(net):
        calls.append(values[len(calls)])
        if isinstance(calls[-1], Exception):
            raise calls[-1]
        return calls[-1]

    if form == "fitness":
        with pytest.raises(ValueError, match="evaluate: genome 7 has no fitness: ") as caught:
            evaluate(NETS, fitness=fitness)
        assert len(calls) == 8  # and no more time is spent
        if name == "raises":
            assert caught.value.__cause__ is WRONG[name] and "OddError: number 1: reason" in str(caught.value)
    elif isinstance(WRONG[name], float):
        message = f"genome 7 has no fitness: .*fitness must be finite.*got {re.escape(str(WRONG[name]))}"
        with pytest.raises(ValueError, match=message):
            evaluate(NETS, fitness_batch=lambda nets: values)
        scores = evaluate(NETS, fitness_batch=lambda nets: [2.0, *values[1:]], on_error="worst")
        assert scores.fitness.tolist() == [2.0] + [1.0] * 9 and scores.failed.nonzero()[0].tolist() == [7]


def test_a_behaviour_that_is_not_finite():
    behaviour = np.arange(20.0).reshape(10, 2)
    behaviour[3, 1] = np.nan
    result = {"fitness": np.arange(10.0)[::-1], "behaviour": behaviour}
    with pytest.raises(ValueError, match="genome 3 has no fitness: .*behaviour must be finite.*got nan"):
        evaluate(NETS, fitness_batch=lambda nets: result)
    scores = evaluate(NETS, fitness_batch=lambda nets: result, on_error="worst")
    assert scores.fitness[3] == 0.0 and scores.behaviour[3].tolist() == [18.0, 19.0]  # those of genome 9
    assert scores.failed.sum() == 1


BAD = {
    "no form": ({}, ValueError, "give one of fitness, fitness_batch, rollout, got none"),
    "two forms": ({"fitness": xor, "fitness_batch": xor_batch}, ValueError, "got fitness and fitness_batch"),
    "no function": ({"fitness": 3.0}, TypeError, "fitness must be a function, got float"),
    "no batch function": ({"fitness_batch": np.zeros(10)}, TypeError, "fitness_batch must be a function, got ndarray"),
    "no environment": ({"rollout": xor}, TypeError, "rollout must be an Environment, got function"),
    "policy": ({"fitness": xor, "on_error": "ignore"}, ValueError, "on_error must be one of 'raise', 'worst'"),
    "seed": ({"fitness": xor, "seed": -1}, ValueError, "seed must be >= 0, got -1"),
    "large seed": ({"fitness": xor, "seed": 2**64}, ValueError, "seed must be <= 18446744073709551615"),
    "generation": ({"fitness": xor, "generation": 1.5}, TypeError, "generation must be an integer, got 1.5"),
    "executor": ({"fitness": xor, "executor": 4}, TypeError, r"executor must have a submit\(\), got int"),
    "nets": ({"fitness": xor, "nets": [1, 2]}, TypeError, "nets must be Nets, got list"),
    "too few": ({"fitness_batch": lambda nets: np.zeros(9)}, ValueError, r"fitness .* got shape \(9,\) for 10 of them"),
    "one number": ({"fitness_batch": lambda nets: 1.0}, ValueError, r"fitness .* got shape \(\) for 10 of them"),
    "a column": ({"fitness_batch": lambda nets: nets(np.zeros((1, 2)))[:, 0]}, ValueError, r"got shape \(10, 1\)"),
    "words": ({"fitness_batch": lambda nets: ["good"] * 10}, ValueError, "fitness must be a number, got 'good'"),
    "empty dict": ({"fitness_batch": lambda nets: {}}, ValueError, r"a result must hold 'fitness', got \[\]"),
    "unknown name": (
        {"fitness": lambda net: {"fitness": 1.0, "behavior": 1.0}},
        ValueError,
        "genome 0 has no fitness: ValueError: a result may hold 'fitness', 'behaviour', 'solved', got 'behavior'",
    ),
    "solved": ({"fitness": lambda net: {"fitness": 1.0, "solved": 1}}, ValueError, "solved must be True or False"),
    "batch raises": ({"fitness_batch": evolution.batch_raises}, ValueError, "fitness_batch failed: OddError: number 1"),
    "other shapes": (
        {"fitness": lambda net: {"fitness": 1.0, "behaviour": np.zeros(1 + (net.seed == Stream(0, 0, 4, 1).state))}},
        ValueError,
        r"evaluate: .* got .*'behaviour': \(1,\).* for genome 0 and .*'behaviour': \(2,\).* for genome 4",
    ),
}


@pytest.mark.parametrize("on_error", ["raise", "worst"])
@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_and_results(name, on_error):
    options, kind, message = BAD[name]
    options = {"nets": NETS, "on_error": on_error} | options
    with pytest.raises(kind, match=message) as caught:
        evaluate(options.pop("nets"), **options)
    assert str(caught.value).startswith("evaluate: ")


@pytest.mark.parametrize("bad", [{"fitness": evolution.raises}, {"fitness_batch": evolution.batch_raises}])
def test_a_run_whose_fitness_failed_goes_on_unharmed(bad):
    whole = evolve(CONFIG, fitness=noisy, generations=6, seed=4, verbose=False)
    run = evolve(CONFIG, fitness=noisy, generations=3, seed=4, verbose=False)
    with pytest.raises(ValueError, match="OddError"):
        evolve(run, **bad, generations=3, verbose=False)
    harmed = plain(vars(run))
    with pytest.raises(ValueError, match="OddError"):
        evolve(run, **bad, generations=3, verbose=False)
    assert plain(vars(run)) == harmed
    same(evolve(run, fitness=noisy, generations=3, verbose=False), whole)
