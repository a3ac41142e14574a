"""Runs on disk: one that goes on is the one that never stopped; damage is noticed; a killed one leaves a whole file."""

import csv
import dataclasses
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from minidl import io
from minidl.evolution import NEAT, Genome, NEATConfig, evolve, history_to_csv, latest, species_to_csv
from minidl.evolution.checkpoint import KEY
from tests.evolution import noisy, plain, same, xor_batch

KILLS = int(os.environ.get("MINIDL_KILLS", "25"))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = {**os.environ, "PYTHONPATH": ROOT, "OPENBLAS_NUM_THREADS": "1"}
CONFIG = NEATConfig(2, 1, population_size=20, add_node=0.3, add_link=0.3)


def grown(config=CONFIG, generations=3, seed=0):
    return evolve(config, fitness_batch=xor_batch, generations=generations, seed=seed, verbose=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


# ---- going on ----
CONFIGS = st.builds(
    NEATConfig,
    n_inputs=st.just(2),
    n_outputs=st.just(1),
    population_size=st.integers(4, 30),
    bias=st.sampled_from([0.0, 1.0]),
    add_node=st.just(0.4),
    add_link=st.just(0.4),
    toggle=st.sampled_from([0.0, 0.3]),
    compatibility_threshold=st.sampled_from([0.5, 3.0]),
    species_target=st.sampled_from([0, 4]),
    innovation_scope=st.sampled_from(["generation", "run"]),
    representative=st.sampled_from(["champion", "random"]),
    delta_coding=st.sampled_from([0, 1]),
    stagnation=st.integers(1, 3),
)


@given(
    config=CONFIGS, seed=st.integers(0, 2**64 - 1), first=st.integers(0, 5), then=st.integers(0, 5), bred=st.booleans()
)
def test_going_on_is_not_having_stopped(config, seed, first, then, bred, folder):
    options = {"fitness_batch": xor_batch, "verbose": False}
    whole = evolve(config, generations=first + then, seed=seed, **options)
    run = evolve(config, generations=first, seed=seed, **options)
    if bred and run.fitness is not None:
        run.breed()
    run.save(folder / "run")
    again = NEAT.load(folder / "run")
    same(again, run)
    evolve(again, generations=then, **options)
    evolve(run, generations=then, **options)
    same(again, run)
    same(again, whole) if then or not bred else None


def test_what_is_loaded_belongs_to_the_run_alone(folder):
    grown().save(folder / "run")
    run = NEAT.load(folder / "run")
    for x in (run.fitness, run.species_of, run.innovations.book, run.pool.nodes, run.pool.links, *run.parents):
        assert x.flags.writeable
    assert type(run.champion) is Genome and run.champion.fitness == max(map(max, run.fitnesses))


SCRIPT = """
import sys
from minidl.evolution import NEAT, NEATConfig, evolve
from tests.evolution import noisy

generations, before, after = int(sys.argv[1]), sys.argv[2], sys.argv[3]
config = NEATConfig(2, 1, population_size=50, add_node=0.3, add_link=0.3, innovation_scope="run", species_target=5)
start, seed = (config, 7) if before == "-" else (NEAT.load(before), None)
evolve(start, fitness=noisy, generations=generations, seed=seed, verbose=False).save(after)
"""


def digest(path):
    """SHA-256 of every array and number in the file (that it is right is tested with those of all checkpoints)."""
    return io.read("test", path)[1][io.DIGEST]


def test_ten_generations_and_ten_in_two_processes_are_twenty_in_one(tmp_path):
    one, half, two = (str(tmp_path / name) for name in ("one", "half", "two"))
    for arguments in (("20", "-", one), ("10", "-", half), ("10", half, two)):
        subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT, *arguments], check=True, env=ENVIRONMENT, cwd=ROOT)
    assert digest(one) == digest(two) != digest(half)


# ---- with other settings ----
def test_a_changed_config_is_noted(folder):
    run = grown()
    run.save(folder / "run")
    config = dataclasses.replace(CONFIG, add_node=0.1, activations=("tanh", "sine"), compatibility_threshold=1.0)
    again = NEAT.load(folder / "run", config)
    changes = [(2, "activations", ("sigmoid",), ("tanh", "sine")), (2, "add_node", 0.3, 0.1)]
    changes += [(2, "compatibility_threshold", 3.0, 1.0)]
    assert again.config == config and again.changes == changes and again.threshold == 1.0
    evolve(again, fitness_batch=xor_batch, generations=1, verbose=False)
    again.save(folder / "run")
    third = NEAT.load(folder / "run", CONFIG)
    same(NEAT.load(folder / "run", config), again)  # nothing has changed
    assert third.changes[:3] == changes and [name for g, name, *_ in third.changes if g == 3] == [c[1] for c in changes]


@given(before=st.integers(1, 30), after=st.integers(1, 30), bias=st.floats(0.1, 10))
def test_a_population_may_grow_and_shrink(before, after, bias, folder):
    run = grown(dataclasses.replace(CONFIG, population_size=before))
    run.save(folder / "run")
    config = dataclasses.replace(CONFIG, population_size=after, bias=bias)
    again = NEAT.load(folder / "run", config)
    evolve(again, fitness_batch=xor_batch, generations=3, verbose=False)
    assert [len(x) for x in again.fitnesses] == [before] * 3 + [after] * 3 == [len(x) for x in again.parents]
    assert {genome.bias for genome in again.pool} == {bias}
    again.save(folder / "again")
    same(NEAT.load(folder / "again"), again)


def cyclic():
    return NEAT(
        NEATConfig(1, 1, population_size=1, feed_forward=False),
        genomes=[Genome.from_edges([(0, 2, 1.0), (2, 2, 1.0)], n_inputs=1, n_outputs=1)],
    )


UNFIT = {
    "inputs": (grown, NEATConfig(3, 1, population_size=20), "n_inputs=3 does not fit this run, whose genomes have 2"),
    "outputs": (grown, NEATConfig(2, 2, population_size=20), "n_outputs=2 does not fit this run, whose genomes have 1"),
    "no bias": (grown, NEATConfig(2, 1, bias=0), "bias=0.0 does not fit this run, whose genomes have 1.0"),
    "a bias": (lambda: grown(NEATConfig(2, 1, bias=0)), NEATConfig(2, 1), "bias=1.0 does not fit .* have 0.0"),
    "size": (lambda: NEAT(CONFIG, seed=0), NEATConfig(2, 1), "population_size=150 does not fit .* 20 .* not evaluated"),
    "cycle": (cyclic, NEATConfig(1, 1, population_size=1), "genome 0 has a cycle, .*feed_forward=True does not allow"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_config_that_does_not_fit(name, folder):
    make, config, message = UNFIT[name]
    run = make()
    run.save(folder / "run")
    with pytest.raises(ValueError, match=f"NEAT.load: {message}"):
        NEAT.load(folder / "run", config)
    same(NEAT.load(folder / "run"), run)


# ---- folders ----
def test_the_last_three_stay(tmp_path):
    whole = grown(generations=5)
    run = evolve(CONFIG, fitness_batch=xor_batch, generations=4, seed=0, checkpoint=tmp_path / "a/b", verbose=False)
    assert sorted(os.listdir(tmp_path / "a/b")) == [f"generation-00000{i}.safetensors" for i in (1, 2, 3)]
    same(NEAT.load(tmp_path / "a/b"), run)
    again = NEAT.load(tmp_path / "a/b")
    same(evolve(again, fitness_batch=xor_batch, generations=1, checkpoint=tmp_path / "a/b", verbose=False), whole)
    assert sorted(os.listdir(tmp_path / "a/b")) == [f"generation-00000{i}.safetensors" for i in (2, 3, 4)]


def test_a_damaged_one_is_passed_over_and_replaced(tmp_path):
    whole = evolve(CONFIG, fitness_batch=xor_batch, generations=4, seed=0, checkpoint=tmp_path, verbose=False)
    for i in (2, 3):
        os.truncate(tmp_path / f"generation-00000{i}.safetensors", 1000)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.warns(UserWarning, match="latest: .*damaged.*generation-00000") as warned:
        assert latest(tmp_path) == str(tmp_path / "generation-000001.safetensors")
    assert len(warned) == 2
    with pytest.warns(UserWarning, match="damaged"):
        run = NEAT.load(tmp_path)
    same(evolve(run, fitness_batch=xor_batch, generations=2, checkpoint=tmp_path, verbose=False), whole)
    same(NEAT.load(tmp_path), whole)
    for i in (1, 2, 3):
        os.truncate(tmp_path / f"generation-00000{i}.safetensors", i)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="latest: all checkpoints in .* are damaged"):
        NEAT.load(tmp_path)


def test_damaged_ones_of_later_generations_do_not_count(tmp_path):
    for i in (7, 8, 9):
        (tmp_path / f"generation-00000{i}.safetensors").write_bytes(b"damaged")
    for generation in range(4):
        grown(generations=generation + 1).save_in(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [f"generation-00000{i}.safetensors" for i in (1, 2, 3, 7, 8, 9)]


@given(damaged=st.sets(st.integers(0, 2)), cut=st.integers(0, 3000))
def test_the_newest_that_is_sound(damaged, cut, tmp_path_factory, small):
    folder = tmp_path_factory.mktemp("some")
    content = small.read_bytes()
    for i in range(3):
        path = folder / f"generation-00000{i}.safetensors"
        path.write_bytes(content[:cut] if i in damaged else content)
    sound = [i for i in range(3) if i not in damaged]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if sound:
            assert latest(folder) == str(folder / f"generation-00000{sound[-1]}.safetensors")
        else:
            with pytest.raises(ValueError, match="latest: all checkpoints in .* are damaged"):
                latest(folder)
    assert len(caught) == 2 - max(sound, default=-1)


def test_the_checkpoints_of_another_run_are_left_alone(tmp_path):
    grown().save_in(tmp_path)
    before = digest(tmp_path / "generation-000002.safetensors")
    other = grown(generations=1, seed=5)
    with pytest.raises(ValueError, match="NEAT.save: this is generation 0, but .* has generation-000002.safetensors"):
        other.save_in(tmp_path)
    assert os.listdir(tmp_path) == ["generation-000002.safetensors"]
    assert digest(tmp_path / "generation-000002.safetensors") == before


# ---- damage ----
@pytest.fixture(scope="module")
def small(folder):
    path = folder / "small"
    run = NEAT(NEATConfig(1, 1, population_size=2), seed=0)
    run.record([1.0, 2.0])
    run.save(path)
    return path


def test_every_flipped_bit_is_noticed(small, tmp_path):
    content = small.read_bytes()
    places = range(len(content))
    if KILLS <= 25:
        digest_at = content.index(io.DIGEST.encode())
        places = [*random.Random(1).sample(places, 80), *range(digest_at, digest_at + len(io.DIGEST))]
    for i, bit in itertools.product(places, range(8)):
        (tmp_path / "b").write_bytes(content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :])
        with pytest.raises(ValueError, match="NEAT.load: .*b' "):
            NEAT.load(tmp_path / "b")


def test_every_truncation_is_noticed(small, tmp_path):
    (tmp_path / "b").write_bytes(small.read_bytes())
    for n in reversed(range(small.stat().st_size)):
        os.truncate(tmp_path / "b", n)
        with pytest.raises(ValueError, match="NEAT.load: .*b' is not a sound"):
            NEAT.load(tmp_path / "b")


def note(name, value):
    return lambda notes, arrays: notes.update({name: value})


def entry(name, place, value):
    def change(notes, arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    return change


def array(name, value):
    return lambda notes, arrays: arrays.update({name: value})


FORGED = {
    "no format": lambda notes, arrays: notes.pop("format"),
    "later format": note("format", 2),
    "no config": note("config", None),
    "config": lambda notes, arrays: notes["config"].update(add_node=7),
    "unknown setting": lambda notes, arrays: notes["config"].update(ad_node=0.5),
    "inputs": lambda notes, arrays: notes["config"].update(n_inputs=3),
    "bias": lambda notes, arrays: notes["config"].update(bias=0.0),
    "seed": note("seed", -1),
    "generation": note("generation", 7),
    "evaluations": note("evaluations", "many"),
    "threshold": note("threshold", float("nan")),
    "solved": note("solved", 3),
    "changes": note("changes", 5),
    "next": note("next", [1, 2, 3]),
    "next link": note("next", [0, 100]),
    "next node": note("next", [100, 2]),
    "champion": note("champion", None),
    "champion of words": note("champion", '{"nodes": 3}'),
    "history": note("history", ["best", "worst", "luck"]),
    "no nodes": lambda notes, arrays: arrays.pop("nodes.id"),
    "wrong type": lambda notes, arrays: arrays.update({"nodes.id": arrays["nodes.id"].astype(np.int64)}),
    "node": entry("nodes.id", 2, 9),
    "negative node": entry("nodes.id", 0, -1),
    "kind": entry("nodes.kind", 2, 4),
    "activation": entry("nodes.activation", 2, 100),
    "aggregation": entry("nodes.aggregation", 2, -1),
    "link to nowhere": entry("links.target", 0, 77),
    "link into an input": entry("links.target", 0, 0),
    "cycle": entry("links.source", 0, 2),
    "weight": entry("links.weight", 0, np.nan),
    "innovations that fall": entry("links.innovation", 0, 9),
    "too many nodes": entry("n_nodes", 0, 2**31 - 1),
    "negative number of links": entry("n_links", 0, -2),
    "no genomes": array("n_nodes", np.zeros(0, np.int32)),
    "book": array("book", np.zeros((2, 3), np.int32)),
    "number in the book": entry("book", (0, 3), 2**31 - 2),
    "negative number in the book": entry("book", (0, 1), -5),
    "species of no number": entry("species_of", 0, 1),
    "species without genomes": lambda notes, arrays: arrays.update(
        {"species": np.zeros((2, 3), np.int64), "species.best": np.zeros(2)}
    ),
    "sizes": entry("sizes", 0, 3),
    "more genomes than there are": lambda notes, arrays: arrays.update(
        {"sizes": np.array([3]), "parents": np.zeros((3, 2), np.int32), "fitnesses": np.zeros(3)}
    ),
    "parents": array("parents", np.zeros((3, 2), np.int32)),
    "fitnesses": array("fitnesses", np.zeros(1)),
    "fitness": entry("fitnesses", 0, np.inf),
    "sizes of species": entry("species_sizes", (0, 0), -1),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_checkpoint(name, small, tmp_path):
    """The file with changed contents and a digest that is right: made by somebody who means it."""
    arrays, metadata = io.read("test", small)
    notes = json.loads(metadata[KEY])
    FORGED[name](notes, arrays)
    io.write("test", tmp_path / "forged", arrays, {KEY: json.dumps(notes)})
    words = {"more genomes than there are": "sizes must end with 2 genomes, got 3"}.get(name, "")
    with pytest.raises(ValueError, match=f"NEAT.load: .*forged' does not fit: {words}"):
        NEAT.load(tmp_path / "forged")


def test_an_unforged_copy_is_sound(small, tmp_path):
    arrays, metadata = io.read("test", small)
    io.write("test", tmp_path / "copy", arrays, {KEY: json.dumps(json.loads(metadata[KEY]))})
    same(NEAT.load(tmp_path / "copy"), NEAT.load(small))


def test_a_checkpoint_without_a_digest_is_not_believed(small, tmp_path):
    arrays, metadata = io.read("test", small)
    safetensors.numpy.save_file(arrays, tmp_path / "bare", {KEY: metadata[KEY]})
    with pytest.raises(ValueError, match="NEAT.load: .*bare' does not fit: it is no checkpoint"):
        NEAT.load(tmp_path / "bare")


def test_deep_json(tmp_path):
    io.write("test", tmp_path / "deep", {}, {KEY: "[" * 100_000 + "]" * 100_000})
    with pytest.raises(ValueError, match="NEAT.load: .*deep' does not fit"):
        NEAT.load(tmp_path / "deep")


def weights(path):
    io.save({"a": np.zeros(3)}, path)
    return NEAT.load(path)


BAD = {
    "weights": (weights, ValueError, "NEAT.load: .*does not fit: it is no checkpoint of an evolution"),
    "no file": (lambda path: NEAT.load(path / "nothing"), FileNotFoundError, "nothing"),
    "empty folder": (lambda path: NEAT.load(path.parent), FileNotFoundError, "latest: there is no checkpoint"),
    "no path": (lambda path: NEAT.load(3), TypeError, "NEAT.load: path must be a path, got 3"),
    "no config": (lambda path: NEAT.load(path, {"add_node": 0.1}), TypeError, "config must be a NEATConfig, got dict"),
    "no path to save": (lambda path: grown().save(None), TypeError, "NEAT.save: path must be a path, got None"),
    "no folder to save in": (lambda path: grown().save_in(3), TypeError, "NEAT.save: path must be a path, got 3"),
    "no such folder": (lambda path: grown().save(path / "a"), FileNotFoundError, "NEAT.save: there is no such folder"),
    "latest": (lambda path: latest(3), TypeError, "latest: path must be a path, got 3"),
    "no run": (lambda path: history_to_csv([], path), TypeError, "history_to_csv: run must be a NEAT, got list"),
    "no run either": (lambda path: species_to_csv(3, path), TypeError, "species_to_csv: run must be a NEAT, got int"),
    "csv": (lambda path: history_to_csv(grown(), 3), TypeError, "history_to_csv: path must be a path, got 3"),
    "csv folder": (lambda path: species_to_csv(grown(), path / "a"), FileNotFoundError, "species_to_csv: there is no"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name, tmp_path):
    function, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        function(tmp_path / "run")


# ---- killed while writing ----
WRITER = """
import os
import sys
from minidl.evolution import NEAT, NEATConfig, evolve
from tests.evolution import noisy

def write():
    print(os.getpid(), flush=True)
    start = NEAT.load(sys.argv[1]) if os.path.isdir(sys.argv[1]) else NEATConfig(2, 1, population_size=20)
    say = lambda run: print(run.generation, flush=True)
    seed = None if isinstance(start, NEAT) else 3
    options = {"generations": 10**6, "checkpoint": sys.argv[1], "callbacks": [say], "verbose": False}
    evolve(start, fitness=noisy, seed=seed, **options)

for line in sys.stdin:  # another child for each line: a fork is quicker than an import
    child = os.fork()
    if child == 0:
        write()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork and kill -9 are POSIX")
def test_a_run_that_is_killed_again_and_again_is_the_run_that_never_was(tmp_path):
    """A run says its generation when its file is written: the newest is then that one, or the next, and it is sound."""
    folder, chance, died_writing = tmp_path / "run", random.Random(), 0
    command = [sys.executable, "-c", WRITER, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env=ENVIRONMENT, cwd=ROOT) as parent:
        for number in itertools.count(1):
            parent.stdin.write("go\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            said = [int(parent.stdout.readline())]
            time.sleep(chance.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            said += map(int, itertools.takewhile(str.isdigit, map(str.strip, parent.stdout)))
            run = NEAT.load(folder)
            assert run.generation in (said[-1], said[-1] + 1)
            left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
            died_writing += len(left)
            for name in left:
                os.unlink(folder / name)
            if number >= KILLS and died_writing:
                break
            assert number < 40 * KILLS  # on a quick disk few moments are moments of writing, but not none
        parent.stdin.close()
    whole = evolve(
        NEATConfig(2, 1, population_size=20), fitness=noisy, generations=run.generation + 1, seed=3, verbose=False
    )
    same(run, whole)


# ---- tables ----
@given(fitnesses=st.lists(st.lists(st.floats(-1e300, 1e300), min_size=5, max_size=5), max_size=4))
def test_a_csv_has_every_digit(fitnesses, folder):
    run = NEAT(NEATConfig(2, 1, population_size=5, compatibility_threshold=0.3), seed=0)
    for fitness in fitnesses:
        run.record(fitness)
        run.breed()
    history_to_csv(run, folder / "history.csv")
    species_to_csv(run, folder / "species.csv")
    with open(folder / "history.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [int(row.pop("generation")) for row in rows] == run.history.epoch
    for name, values in run.history.history.items():
        assert [repr(float(row[name])) for row in rows] == [repr(value) for value in values]
    with open(folder / "species.csv", newline="") as file:
        rows = [*map(tuple, csv.reader(file))]
    wanted = [(g, id, n) for g, sizes in enumerate(run.species_sizes) for id, n in sizes.items()]
    assert rows == [("generation", "species", "size"), *(tuple(map(str, row)) for row in wanted)]
    assert plain(sum(n for *_, n in wanted)) == 5 * len(fitnesses)
