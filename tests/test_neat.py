"""A population and its generations: what is kept, what is counted, and that the same seed is the same run."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.evolution import NEAT, Genome, NEATConfig, compatibility, evolve
from minidl.evolution.genome import HIDDEN

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])
SMALL = NEATConfig(2, 1, population_size=30, add_node=0.2, add_link=0.3)


def errors(nets):
    return np.abs(nets(X)[:, :, 0] - Y).sum(axis=1)


def fitness(nets):
    return (4 - errors(nets)) ** 2


def same(a, b):
    assert [*a.pool] == [*b.pool]
    assert a.champion == b.champion
    assert a.history.history == b.history.history
    assert a.species == b.species
    for x, y in ((a.species_of, b.species_of), *zip(a.fitnesses, b.fitnesses, strict=True)):
        assert np.array_equal(x, y)
    for x, y in zip(a.parents, b.parents, strict=True):
        assert np.array_equal(x, y)


# ---- the run ----
def test_xor_is_solved():
    for seed in range(5):
        run = evolve(NEATConfig(2, 1), fitness_batch=xor, generations=200, seed=seed, verbose=False)
        assert run.solved
        assert ((run.champion.network()(X)[:, 0] > 0.5) == Y).all()
        assert any(node.kind == HIDDEN for node in run.champion.nodes)  # none without can


def xor(nets):
    outputs = nets(X)[:, :, 0]
    return {"fitness": (4 - np.abs(outputs - Y).sum(axis=1)) ** 2, "solved": ((outputs > 0.5) == Y).all(axis=1)}


def test_the_three_ways_to_say_it_are_one_run():
    one = evolve(
        SMALL, fitness=lambda net: (4 - np.abs(net(X)[:, 0] - Y).sum()) ** 2, generations=8, seed=3, verbose=False
    )
    all_at_once = evolve(SMALL, fitness_batch=fitness, generations=8, seed=3, verbose=False)
    by_hand = NEAT(SMALL, seed=3)
    for generation in range(8):
        by_hand.record(fitness(by_hand.nets()))
        if generation < 7:
            by_hand.breed()
    same(one, all_at_once)
    same(one, by_hand)


def test_going_on_is_the_same_as_never_stopping():
    whole = evolve(SMALL, fitness_batch=fitness, generations=12, seed=1, verbose=False)
    parts = evolve(SMALL, fitness_batch=fitness, generations=5, seed=1, verbose=False)
    parts = evolve(parts, fitness_batch=fitness, generations=7, verbose=False)
    same(whole, parts)


def test_seeds_matter_and_the_default_is_drawn_from_minidl():
    runs = [evolve(SMALL, fitness_batch=fitness, generations=2, verbose=False) for _ in range(2)]
    assert runs[0].seed != runs[1].seed
    assert [*runs[0].pool] != [*runs[1].pool]
    assert evolve(SMALL, fitness_batch=fitness, generations=2, seed=5, verbose=False).seed == 5


CONFIGS = st.fixed_dictionaries(
    {
        "population_size": st.integers(4, 25),
        "compatibility_threshold": st.sampled_from([0.0, 0.5, 3.0, 1e9]),
        "species_target": st.sampled_from([0, 1, 4]),
        "representative": st.sampled_from(["champion", "random"]),
        "elitism": st.sampled_from([0, 5]),
        "stagnation": st.integers(1, 3),
        "delta_coding": st.sampled_from([0, 2]),
        "obliterate": st.sampled_from([0, 3]),
        "survival": st.floats(0, 1),
        "interspecies": st.sampled_from([0.0, 1.0]),
        "distance_n": st.sampled_from(["one", "size"]),
    }
)


@settings(max_examples=25)
@given(CONFIGS, st.integers(0, 2**32))
def test_what_holds_in_every_generation(changes, seed):
    config = dataclasses.replace(SMALL, **changes)
    P = config.population_size
    run = NEAT(config, seed=seed)
    rng = np.random.default_rng(seed)
    best = -np.inf
    for generation in range(6):
        assert len(run.pool) == P
        assert np.array_equal(np.unique(run.species_of), np.arange(len(run.species)))  # every species has a member
        fitness = rng.choice([0.0, -1.0, 1.0, 2.5], P) + rng.integers(0, 2) * rng.normal(size=P)
        run.record(fitness)
        assert run.champion.fitness == max(best, fitness.max())
        best = run.champion.fitness
        assert sum(run.species_sizes[-1].values()) == P
        top = [run.pool[int(i)] for i in np.flatnonzero(fitness == fitness.max())]
        run.breed()
        assert run.generation == generation + 1
        assert any(genome in top for genome in run.pool)  # the best genome is never lost
        assert run.parents[-1].shape == (P, 2)
        assert ((0 <= run.parents[-1]) & (run.parents[-1] < P)).all()
    row = {name: values[-1] for name, values in run.history.history.items()}
    assert row["worst"] <= row["q10"] <= row["q25"] <= row["median"] <= row["q75"] <= row["q90"] <= row["best"]
    assert np.allclose(row["median"], np.median(run.fitnesses[-1]))
    assert np.allclose(row["q10"], np.quantile(run.fitnesses[-1], 0.1))
    assert row["evaluations"] == 6 * P


def test_evaluations_are_counted_to_the_first_that_solves_it():
    run = NEAT(dataclasses.replace(SMALL, population_size=10), seed=0)
    run.record(np.arange(10.0))
    run.breed()
    solved = np.zeros(10, bool)
    solved[[3, 6]] = True
    winner = run.pool[3]
    run.record(np.arange(10.0), solved)
    assert (run.evaluations, run.solved) == (14, True)
    assert run.champion == winner  # though others are fitter
    assert run.champion.fitness == 3.0


def test_the_threshold_moves_towards_the_number_of_species_asked_for():
    config = dataclasses.replace(SMALL, species_target=6, population_size=60, compatibility_threshold=0.6)
    run = evolve(config, fitness_batch=fitness, generations=60, seed=0, verbose=False)
    assert 3 <= np.mean(run.history.history["species"][-20:]) <= 10
    fixed = evolve(
        dataclasses.replace(config, species_target=0), fitness_batch=fitness, generations=60, seed=0, verbose=False
    )
    assert set(fixed.history.history["threshold"]) == {0.6}


def test_the_threshold_does_not_fall_below_a_step():
    alike = dataclasses.replace(SMALL, initial_weight=0.0, weight_mutation=0.0, add_node=0.0, add_link=0.0)
    config = dataclasses.replace(alike, species_target=2, compatibility_threshold=1.0, threshold_step=0.3)
    run = evolve(config, fitness_batch=fitness, generations=6, seed=0, verbose=False)
    assert np.allclose(run.history.history["threshold"], [0.7, 0.4, 0.3, 0.3, 0.3, 0.3])


@pytest.mark.parametrize("representative", ["champion", "random"])
def test_whom_newcomers_are_compared_with(representative):
    config = dataclasses.replace(SMALL, compatibility_threshold=0.6, representative=representative)
    run, rng, agree = NEAT(config, seed=0), np.random.default_rng(0), []
    for _ in range(8):
        fitness = rng.permutation(30)
        run.record(fitness)
        ids, groups = (
            [s.id for s in run.species],
            [np.flatnonzero(run.species_of == s) for s in range(len(run.species))],
        )
        champions = [run.pool[int(members[fitness[members].argmax()])] for members in groups]
        run.breed()
        nearest = compatibility.speciate([*run.pool], champions, config, 0.6)[0]
        wanted = [ids[s] if s < len(ids) else None for s in nearest]
        agree.append(wanted == [id if (id := run.species[s].id) in ids else None for s in run.species_of])
    assert all(agree) == (representative == "champion")


def test_delta_coding_leaves_two_species():
    config = dataclasses.replace(SMALL, compatibility_threshold=0.05, delta_coding=3, stagnation=100)
    run = NEAT(config, seed=0)
    parents = []
    for _ in range(12):
        run.record(np.ones(30))  # no record ever after the first
        before = run.species_of
        run.breed()
        parents.append(len(set(before[run.parents[-1][:, 0]].tolist())))
    assert [n <= 2 for n in parents[:9]] == [False] * 4 + [True] + [False] * 3 + [True]


def test_a_record_puts_delta_coding_off():
    config = dataclasses.replace(SMALL, compatibility_threshold=0.05, delta_coding=3)
    run = NEAT(config, seed=0)
    for generation in range(12):
        run.record(np.full(30, float(generation)))
        before = run.species_of
        run.breed()
        assert len(set(before[run.parents[-1][:, 0]].tolist())) > 2


def test_a_refocus_starts_the_count_of_stagnation_again():
    config = dataclasses.replace(SMALL, compatibility_threshold=0.5, delta_coding=3, stagnation=100)
    run = NEAT(config, seed=0)
    for _ in range(5):
        run.record(np.ones(30))
        assert all(group.improved == group.founded for group in run.species)
        old = {id(group) for group in run.species}
        run.breed()
    kept = [group.improved for group in run.species if id(group) in old]
    assert kept and set(kept) == {4}


def test_a_species_improves_with_a_better_best_only():
    run = NEAT(dataclasses.replace(SMALL, compatibility_threshold=1e9), seed=0)
    seen = []
    for best in (1.0, 1.0, 0.5, 1.5, 1.5, 1.25):
        run.record([0.0] * 29 + [best])
        (group,) = run.species
        seen.append((group.best, group.improved))
        run.breed()
    assert seen == [(1.0, 0)] * 3 + [(1.5, 3)] * 3


@pytest.mark.parametrize(("survival", "n"), [(0.0, 1), (0.019, 2), (0.05, 6), (0.1, 11)])
def test_the_best_of_a_species_breed(survival, n):
    config = NEATConfig(2, 1, population_size=100, compatibility_threshold=1e9, survival=survival)
    run = NEAT(config, seed=0)
    fitness = np.random.default_rng(0).permutation(100)
    run.record(fitness)
    run.breed()
    # one of 11 is in no couple with probability (10/11)^99 < 1e-4, and the seed is fixed
    assert set(fitness[run.parents[-1].ravel()].tolist()) == set(range(100 - n, 100))


def test_champions_of_large_species_are_copied():
    groups = {0.0: 5, 50.0: 6, 100.0: 1}  # weight: how many genomes have it, and are a species by it
    genomes = [Genome.from_edges([(0, 3, w), (1, 3, k / 100)], 2, 1) for w, n in groups.items() for k in range(n)]
    config = NEATConfig(2, 1, population_size=12, c3=1.0, compatibility_threshold=10.0, weight_cap=200.0, elitism=5)
    config = dataclasses.replace(config, weight_mutation=1.0, mutate_only=1.0, add_node=0.0, add_link=0.0)
    run = NEAT(config, seed=0, genomes=genomes)
    run.record([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7])
    assert [*run.species_sizes[0].values()] == [5, 6, 1]
    run.breed()
    copied = [p for p, genome in enumerate(genomes) if genome in [*run.pool]]
    assert copied == [10, 11]  # the best of 6, and the best of all, though it is alone; not the best of 5


def test_until():
    run = evolve(SMALL, fitness_batch=fitness, until=5.0, generations=50, seed=0, verbose=False)
    assert run.solved
    assert run.champion.fitness >= 5.0
    assert run.history.history["best"][-2:][0] < 5.0 or len(run.history) == 1
    run = evolve(SMALL, fitness_batch=fitness, until=lambda run: run.generation == 4, seed=0, verbose=False)
    assert (run.solved, len(run.history)) == (True, 5)


def test_until_counts_beside_what_the_fitness_calls_solved():
    def never(nets):
        return {"fitness": fitness(nets), "solved": np.zeros(len(nets), bool)}

    ours = evolve(SMALL, fitness_batch=never, until=5.0, generations=50, seed=0, verbose=False)
    same(ours, evolve(SMALL, fitness_batch=fitness, until=5.0, generations=50, seed=0, verbose=False))
    assert ours.solved and len(ours.history) < 50


def test_a_run_that_stopped_goes_on_to_a_higher_aim():
    run = evolve(SMALL, fitness_batch=fitness, until=5.0, generations=50, seed=0, verbose=False)
    evolve(run, fitness_batch=fitness, until=1e9, generations=3, verbose=False)
    assert (run.solved, len(run.history)) == (False, run.generation + 1) and run.generation >= 3


def test_a_stopped_run_is_saved_as_solved(tmp_path):
    for until in (5.0, lambda run: run.generation == 2):
        run = evolve(SMALL, fitness_batch=fitness, until=until, seed=0, checkpoint=tmp_path / str(until), verbose=False)
        assert run.solved and NEAT.load(tmp_path / str(until)).solved


def test_callbacks_see_every_generation():
    seen = []
    evolve(
        SMALL,
        fitness_batch=fitness,
        generations=3,
        seed=0,
        callbacks=[lambda run: seen.append(run.generation)],
        verbose=False,
    )
    assert seen == [0, 1, 2]


# ---- bad input ----
LONE = Genome.from_edges([(0, 3, 1.0), (1, 3, 1.0)], n_inputs=2, n_outputs=1)
LOOP = Genome.from_edges([(0, 3, 1.0), (4, 3, 1.0), (3, 4, 1.0)], n_inputs=2, n_outputs=1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda run: NEAT({"n_inputs": 2}), "config must be a NEATConfig, got dict"),
        (lambda run: NEAT(SMALL, seed=-1), "seed must be"),
        (lambda run: NEAT(SMALL, seed=0.5), "seed must be"),
        (lambda run: NEAT(SMALL, genomes=[LONE]), "population_size=30 genomes, got 1"),
        (lambda run: NEAT(dataclasses.replace(SMALL, n_inputs=3), genomes=[LONE] * 30), "the inputs, outputs and bias"),
        (lambda run: NEAT(dataclasses.replace(SMALL, bias=0.5), genomes=[LONE] * 30), "the inputs, outputs and bias"),
        (lambda run: NEAT(SMALL, genomes=[LONE] * 29 + [LOOP]), "genome 29 has a cycle"),
        (lambda run: run.record(np.ones(29)), r"one value for every genome, got shape \(29,\) for 30"),
        (lambda run: run.record(1.0), "shape"),
        (lambda run: run.record([np.nan] + [1.0] * 29), "genome 0 .* got nan"),
        (lambda run: run.record([1.0] * 29 + [np.inf]), "genome 29 .* got inf"),
        (lambda run: run.record([-1e301] + [1.0] * 29), "genome 0"),
        (lambda run: run.record(["a"] * 30), "fitness"),
        (lambda run: run.breed(), "call record"),
        (lambda run: evolve(SMALL, generations=1, verbose=False), "give one of"),
        (lambda run: evolve(SMALL, fitness=abs, fitness_batch=abs, verbose=False), "give one of"),
        (lambda run: evolve(run, fitness=abs, seed=1, verbose=False), "seed belongs to a new run"),
        (lambda run: evolve(SMALL, fitness=abs, generations=-1, verbose=False), "generations must be"),
        (lambda run: evolve(SMALL, fitness=abs, until="best", verbose=False), "until must be"),
        (lambda run: evolve(SMALL, fitness=abs, until=np.nan, verbose=False), "until must be"),
        (lambda run: evolve({}, fitness=abs, verbose=False), "config must be a NEATConfig"),
        (lambda run: evolve(run, fitness=abs, callbacks=print), "evolve: callbacks must be a list of functions, got"),
        (
            lambda run: evolve(run, fitness=abs, callbacks=[3]),
            r"evolve: callbacks must be a list of functions, got \[3",
        ),
        (lambda run: evolve(run, fitness=abs, checkpoint=3), "evolve: checkpoint: path must be a path, got 3"),
        (lambda run: run.record(np.ones(30), [True]), "NEAT.record: solved must be one value for every genome, got"),
        (lambda run: run.record(np.ones(30), np.ones(30)), "NEAT.record: solved must be True or False"),
        (lambda run: run.record(["1"] * 30), "NEAT.record: fitness must be a number, got '1'"),
    ],
)
def test_bad_input_is_an_error_and_changes_nothing(call, words):
    run = NEAT(SMALL, seed=0)
    with pytest.raises((ValueError, TypeError), match=words):
        call(run)
    same(run, NEAT(SMALL, seed=0))
    run.record(np.ones(30))
    with pytest.raises(ValueError, match="has a fitness already"):
        run.record(np.ones(30))
