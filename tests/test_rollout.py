"""Roll-outs: compiled = plain Python, whose random numbers, what a network remembers, and controllers made by hand."""

import copy
import functools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import REFERENCE
from minidl.evolution import (
    Environment,
    Genome,
    Nets,
    Pool,
    Stream,
    double_pole,
    generalisation,
    make_rollout,
    maze,
    play,
    rollout,
    survives,
)
from minidl.evolution import rollout as exported
from minidl.evolution.environment import python
from minidl.jit import HAS_NUMBA, njit
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.scalar import random

module = sys.modules["minidl.evolution.rollout"]  # in the package its function has that name


# ---- a task of a few lines: a random number in the state, one more input that is 1 in the first step only ----
@njit
def begin(state, stream):
    state[0], state[1], state[2] = random(stream), random(stream), 0.0


@njit
def look(state, inputs):
    inputs[0] = state[0]
    inputs[1] = 1.0 if state[2] == 0 else 0.0


@njit
def act(state, outputs):
    state[2] += 1
    state[0] = state[0] * 0.5 + outputs[0]
    return outputs[1] + state[1], state[2] > 10 * state[1] + 1


TASK = Environment("task", begin, look, act, 3, 2, 2, 8)


def genome(rng, n_inputs, n_outputs, hidden, bias=1.0):
    """Any network, with cycles, all activations and aggregations."""
    fixed = n_inputs + (bias != 0)
    ends = [*range(fixed, fixed + n_outputs + hidden)]
    pairs = {(int(rng.integers(fixed + n_outputs + hidden)), int(rng.choice(ends))) for _ in range(4 * len(ends))}
    pairs |= {(ends[0], end) for end in ends}  # every node is mentioned
    edges = [(*pair, float(rng.normal()), bool(rng.random() < 0.9)) for pair in sorted(pairs)]
    words = ({end: str(rng.choice(names)) for end in ends} for names in (ACTIVATIONS, AGGREGATIONS))
    return Genome.from_edges(edges, n_inputs, n_outputs, bias, *words)


ENVIRONMENTS = {
    "task": lambda: TASK,
    "double pole": double_pole,
    "double pole, no velocities": lambda: double_pole(velocities=False),
    "maze": maze,
    "hard maze": lambda: maze("hard"),
}


def population(seed, env, size=4):
    rng = np.random.default_rng(seed)
    bias = float(rng.choice([0.0, 0.5]))
    return [genome(rng, env.n_inputs, env.n_outputs, int(rng.integers(5)), bias) for _ in range(size)]


def nets(genomes):
    return Nets(Pool.from_genomes(genomes))


def same(a, b):
    """The same bits; a NaN is a NaN."""
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in ("fitness", "steps", "state"))


def row(result, i):
    return {name: array[i] for name, array in result.items()}


# ---- compiled = Python ----
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_compiled_is_python_bit_for_bit(name):
    env = ENVIRONMENTS[name]()

    @given(st.integers(0, 10**6), st.integers(0, 2**64 - 1), st.integers(0, 100), st.integers(1, 60))
    def holds(networks, seed, generation, max_steps):
        genomes = population(networks, env, size=2)
        together = rollout(nets(genomes), env, seed=seed, generation=generation, max_steps=max_steps)
        for i, one in enumerate(genomes):
            words = {"seed": seed, "generation": generation, "index": i, "max_steps": max_steps}
            assert same(row(together, i), play(one.network(), env, **words))

    holds()


@given(st.integers(0, 10**6), st.integers(0, 2**64 - 4), st.integers(0, 3))
def test_alone_is_together(networks, seed, first):
    genomes = population(networks, TASK)
    together = rollout(nets(genomes), TASK, seed=seed, generation=3)
    part = rollout(nets(genomes[first:]), TASK, seed=seed, generation=3, first=first)
    alone = rollout(genomes[first].network(), TASK, seed=seed, generation=3, first=first)
    assert same(row(together, slice(first, None)), part) and same(row(together, slice(first, first + 1)), alone)


@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from(sorted(ENVIRONMENTS)))
def test_a_given_start(networks, episodes, name):
    env = ENVIRONMENTS[name]()
    genomes, rng = population(networks, env, size=3), np.random.default_rng(networks)
    starts = rng.uniform(-1, 1, size=(episodes, env.n_state))
    starts[:, 6:] = 0  # a time, or what is left of one
    if "maze" in name:
        starts[:, 0] += 35
        starts[:, 1] += 30
        starts[:, 5] = 390
    before, network = starts.copy(), genomes[0].network()
    several = rollout(network, env, start=starts, max_steps=30)
    for e in range(episodes):
        assert same(row(several, e), play(network, env, start=starts[e], max_steps=30))
    one_for_all = rollout(nets(genomes), env, start=starts[0], max_steps=30)
    one_for_each = rollout(nets(genomes), env, start=starts[[0, 0, 0]], max_steps=30)
    assert same(one_for_all, one_for_each) and same(row(one_for_all, 0), row(several, 0))
    assert make_rollout(env) is make_rollout(env)
    assert (starts == before).all() and len(several["fitness"]) == episodes


def test_the_reference_is_the_same(monkeypatch):
    def both():
        genomes = population(1, TASK)
        return [
            rollout(nets(genomes), TASK, seed=5, generation=6, first=7),
            rollout(genomes[1].network(), TASK, start=np.eye(3), max_steps=3),
        ]

    before = both()
    monkeypatch.setattr(module, "REFERENCE", True)
    monkeypatch.setattr(module, "make_rollout", None)
    assert all(map(same, before, both()))


def results():
    """All digits of a few episodes."""
    digits = []
    for name in ("task", "double pole, no velocities"):
        env = ENVIRONMENTS[name]()
        result = rollout(nets(population(len(name), env)), env, seed=3, generation=1, max_steps=12)
        digits += [float(x).hex() for x in (*result["fitness"], *result["steps"], *result["state"][:, :6].ravel())]
    return digits


MODES = {
    "reference": ({"MINIDL_KERNELS": "reference"}, ""),
    "no Numba": ({}, "sys.modules['numba'] = None"),
    "plain Python": ({"NUMBA_DISABLE_JIT": "1"}, ""),
    "checked indices": ({"NUMBA_BOUNDSCHECK": "1"}, ""),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_gives_the_same_numbers(mode):
    environment, line = MODES[mode]
    program = f"import sys; {line}\nfrom tests import test_rollout\nprint(*test_rollout.results())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == results()


# ---- what belongs to whom ----
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 1000))
def test_random_numbers_belong_to_seed_generation_and_index(seed, generation, first):
    idle = Genome.from_edges([], 2, 2, output_activation="linear")
    result = rollout(nets([idle] * 3), TASK, seed=seed, generation=generation, first=first, max_steps=1)
    for i in range(3):
        stream = Stream(seed, generation, first + i)
        assert result["state"][i, 0] == 0.5 * stream.random()
        assert result["fitness"][i] == stream.random()


def test_what_a_network_sees_needs_one_action_for_every_node_on_the_way():
    """The second input is 1 in the first step; here the second output is the reward."""
    start = np.zeros(3)
    for hidden in range(5):
        way = [1, *range(5, 5 + hidden), 4]
        chain = Genome.from_edges(
            [(a, b, 2.0) for a, b in zip(way, way[1:], strict=False)],
            *(2, 2, 1.0),
            activations=dict.fromkeys(way[1:], "linear"),
        )
        env = Environment("long", begin, look, lambda state, outputs: act_for_long(state, outputs), 3, 2, 2, 8)
        rewards = play(chain.network(), env, start=start)["rewards"]
        assert rewards.tolist() == [2.0 ** (hidden + 1) if t == hidden else 0.0 for t in range(8)]


def act_for_long(state, outputs):
    state[2] += 1
    return outputs[1] + 0.0, False


def test_an_episode_begins_with_nothing_remembered():
    """A node that feeds itself counts; episodes and networks after one another all begin at 0."""
    counter = Genome.from_edges([(4, 4, 1.0), (2, 4, 1.0)], 2, 2, activations={4: "linear"})
    start = np.array([[0.0, 0.7, 0.0]] * 3)  # 8 steps
    for result in (rollout(counter.network(), TASK, start=start), rollout(nets([counter] * 3), TASK, start=start)):
        np.testing.assert_allclose(result["fitness"], 8 * 0.7 + sum(range(1, 9)))
    network = counter.network()
    network.step(np.zeros(2))
    for _ in range(2):
        assert play(network, TASK, start=start[0])["fitness"] == result["fitness"][0]


def test_play_keeps_what_happened():
    env = double_pole()
    episode = play(population(3, env)[0].network(), env)
    T = episode["steps"]
    assert episode["states"].shape == (T + 1, 6) and episode["inputs"].shape == (T, 6)
    assert episode["outputs"].shape == (T, 1) and episode["rewards"].tolist() == [1.0] * (T - 1) + [0.0]
    assert (episode["states"][-1] == episode["state"]).all() and episode["fitness"] == T - 1
    inputs = np.zeros(6)
    for t in range(T):
        state = episode["states"][t].copy()
        env.observe(state, inputs)
        env.step(state, episode["outputs"][t])
        assert (inputs == episode["inputs"][t]).all() and (state == episode["states"][t + 1]).all()


@pytest.mark.parametrize("weight", [1e300, -1e300])
def test_numbers_beyond_all_bounds(weight):
    """They fall; they do not hang or warn."""
    wild = Genome.from_edges([(6, 7, weight), (7, 7, 1e300)], 6, 1, bias=0.5, output_activation="linear")
    result = rollout(wild.network(), double_pole())
    assert result["fitness"] < 5 and same(row(result, 0), play(wild.network(), double_pole()))
    lost = Genome.from_edges([(0, 11, weight), (11, 11, weight), (11, 12, 1.0)], 10, 2, output_activation="linear")
    result = rollout(lost.network(), maze())
    assert result["steps"] == 400 and same(row(result, 0), play(lost.network(), maze()))


def test_an_environment_can_be_copied_and_sent():
    for env in (TASK, double_pole(), double_pole(False), maze("hard")):
        for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
            genomes = population(2, env)
            assert same(rollout(nets(genomes), env, seed=1), rollout(nets(genomes), twin, seed=1))
    assert make_rollout(double_pole()) is make_rollout(double_pole())


MEMORY = {}


@njit
def act_on_memory(state, outputs):
    MEMORY["x"] = 1
    return 1.0, False


@njit
def act_in_anger(state, outputs):
    if state[2] == 1:
        raise KeyError("too far")
    return act(state, outputs)


@pytest.mark.skipif(REFERENCE or python(act) is act, reason="nothing is compiled")
@pytest.mark.parametrize("step", [act_for_long, act_on_memory])
def test_functions_that_cannot_be_compiled(step):
    env = Environment("mine", begin, look, step, 3, 2, 2, 8)
    with pytest.raises(ValueError, match="rollout: environment 'mine' does not compile; .* under minidl.jit.njit"):
        rollout(TWO, env)
    assert play(IDLE, env)["steps"] == 8  # that is plain Python


def test_what_an_environment_raises_is_passed_on():
    env = Environment("angry", begin, look, act_in_anger, 3, 2, 2, 8)
    for run in (lambda: rollout(TWO, env, start=np.zeros(3)), lambda: play(IDLE, env, start=np.array([0, 1.0, 0]))):
        with pytest.raises(KeyError, match="too far"):
            run()


# ---- controllers made by hand ----
@functools.cache
def gains():
    """sigmoid(4.9 k s), which is 1/2 + 4.9 k s / 4 near the upright, keeps both poles up: the linear regulator of the
    motion, linearised by differences."""
    env = double_pole()

    def moved(s, o):
        state = np.array(s)
        env.step(state, np.array([0.5 + o]))
        return state

    eps = 1e-6
    a = np.stack([(moved(e, 0) - moved(-e, 0)) / (2 * eps) for e in eps * np.eye(6)], axis=1)
    b = ((moved(np.zeros(6), eps) - moved(np.zeros(6), -eps)) / (2 * eps))[:, None]
    q, r = np.diag([1.0, 0.1, 1, 0.1, 1, 0.1]), 10.0
    p = q
    for _ in range(3000):  # Riccati's equation
        k = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)
        p = q + a.T @ p @ (a - b @ k)
    return -k[0] * 4 / 4.9


SCALE = np.array([4.8, 2, 0.52, 2, 0.52, 2])


def with_velocities():
    edges = [(i, 7, float(w)) for i, w in enumerate(gains() * SCALE)]
    return Genome.from_edges(edges, 6, 1, bias=0.5)


def without_velocities():
    """Speed is the difference to what a hidden node heard an action ago, by the 0.02 s between."""
    places, speeds = gains()[::2] * SCALE[::2], gains()[1::2] * SCALE[::2] / 0.02
    edges = []
    for i in range(3):
        edges += [(i, 4, float(places[i] + speeds[i])), (i, 5 + i, 1.0), (5 + i, 4, float(-speeds[i]))]
    linear = dict.fromkeys((5, 6, 7), "linear")
    return Genome.from_edges(edges, 3, 1, bias=0.5, activations=linear)


@pytest.mark.skipif(not HAS_NUMBA, reason="a long time in plain Python")
@pytest.mark.parametrize("velocities", [True, False])
def test_a_linear_regulator_holds_the_poles(velocities):
    network = (with_velocities() if velocities else without_velocities()).network()
    assert survives(network) and survives(network, steps=1000)
    assert generalisation(network) > 400
    result = rollout(network, double_pole(velocities))
    if velocities:
        assert (result["fitness"], result["steps"]) == (100_000, 100_000)
    else:
        assert result["steps"] == 1000 and result["fitness"] > 0.5  # it comes to rest


def test_who_does_nothing_survives_nothing():
    idle = Genome.from_edges([], 6, 1, bias=0.5, output_activation="linear")  # 0 and not 1/2: -10 N
    assert not survives(idle.network()) and survives(idle.network(), steps=1)
    pushed = Genome.from_edges([(2, 7, 2.0)], 6, 1, bias=0.5)
    steps = int(rollout(pushed.network(), double_pole())["fitness"][0])
    assert survives(pushed.network(), steps) and not survives(pushed.network(), steps + 1)


@given(st.integers(0, 10**6))
def test_generalisation_counts_starts(networks):
    env = double_pole()
    network = population(networks, env, size=1)[0].network()
    network_without = population(networks, double_pole(False), size=1)[0].network()
    starts = sys.modules["minidl.evolution.double_pole"].starts()
    stood = rollout(network, env, start=starts, max_steps=1000)["fitness"] == 1000
    assert generalisation(network) == stood.sum() and isinstance(generalisation(network_without), int)
    assert survives(network, 20) == (rollout(network, env, max_steps=20)["fitness"][0] == 20)


# ---- bad input ----
IDLE = Genome.from_edges([], 2, 2).network()
TWO = nets([Genome.from_edges([], 2, 2)] * 2)
BAD = {
    "no networks": (lambda: rollout([IDLE], TASK), "rollout: nets must be Nets or a Network, got list"),
    "no environment": (lambda: rollout(TWO, "double_pole"), "rollout: env must be an Environment, got str"),
    "inputs": (
        lambda: rollout(TWO, double_pole()),
        "environment 'double_pole' has n_inputs=6, the network has n_inputs=2",
    ),
    "outputs": (
        lambda: play(Genome.from_edges([], 2, 1).network(), TASK),
        "has n_outputs=2, the network has n_outputs=1",
    ),
    "seed": (lambda: rollout(TWO, TASK, seed=-1), "rollout: seed must be >= 0, got -1"),
    "large seed": (lambda: rollout(TWO, TASK, seed=2**64), "rollout: seed must be <="),
    "generation": (lambda: rollout(TWO, TASK, generation=0.5), "rollout: generation must be an integer, got 0.5"),
    "large first": (lambda: rollout(TWO, TASK, first=2**64 - 1), "rollout: first must be <= 18446744073709551614, got"),
    "first": (lambda: rollout(TWO, TASK, first=None), "rollout: first must be an integer, got None"),
    "index": (lambda: play(IDLE, TASK, index=-3), "play: index must be >= 0, got -3"),
    "max_steps": (lambda: rollout(TWO, TASK, max_steps=0), "rollout: max_steps must be >= 1, got 0"),
    "short start": (lambda: rollout(TWO, TASK, start=[0, 0]), "expected axis 1 of start to be n_state=3"),
    "flat start": (lambda: rollout(TWO, TASK, start=3.0), r"start must have shape \(P, n_state\), got \(\)"),
    "starts": (
        lambda: rollout(TWO, TASK, start=np.zeros((3, 3))),
        "start must have one row for each of 2 networks, got 3",
    ),
    "no starts": (
        lambda: rollout(IDLE, TASK, start=np.zeros((0, 3))),
        "start must have one row for each of 1 networks, got 0",
    ),
    "words": (lambda: rollout(TWO, TASK, start="abc"), "rollout: start must be an array of numbers, got 'abc'"),
    "starts to play": (lambda: play(IDLE, TASK, start=np.zeros((2, 3))), r"play: start must have shape \(n_state,\)"),
    "nets to play": (lambda: play(TWO, TASK), "play: network must be a Network, got Nets"),
    "task of survives": (lambda: survives(IDLE), "survives: .* inputs must be one of 6, 3, got 2"),
    "steps": (lambda: survives(with_velocities().network(), steps=0), "survives: steps must be >= 1, got 0"),
    "task of generalisation": (lambda: generalisation(IDLE), "generalisation: .* inputs must be one of 6, 3, got 2"),
    "no network": (lambda: generalisation("net"), "generalisation: network must be a Network, got str"),
    "no environment to compile": (lambda: make_rollout(3), "make_rollout: env must be an Environment, got int"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, words = BAD[case]
    with pytest.raises((ValueError, TypeError), match=words):
        call()
    assert exported is module.rollout
