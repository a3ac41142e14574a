"""For the tests of evolution: fitness functions, where workers can import them quickly; when two runs are the same."""

import dataclasses
import os

import numpy as np

from minidl.evolution.environment import Environment
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import Innovations
from minidl.evolution.pool import Pool
from minidl.evolution.stream import Stream
from minidl.history import History
from minidl.jit import njit
from minidl.scalar import random as draw

CASES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
WANTED = np.array([0.0, 1.0, 1.0, 0.0])


def xor(net):
    return 4.0 - np.abs(net(CASES)[:, 0] - WANTED).sum()


def xor_batch(nets):
    return 4.0 - np.abs(nets(CASES)[:, :, 0] - WANTED).sum(axis=1)


def noisy(net):
    """Random numbers of the genome's own; as wide as the difference between two genomes."""
    return xor(net) + Stream(net.seed).random()


def dictionary(net):
    y = net(CASES)[:, 0]
    return {"fitness": xor(net), "behaviour": y, "solved": bool((y.round() == WANTED).all())}


def dictionary_batch(nets):
    y = nets(CASES)[:, :, 0]
    return {"fitness": xor_batch(nets), "behaviour": y, "solved": (y.round() == WANTED).all(axis=1)}


def unlucky(net):
    """About one genome in five has none."""
    number = Stream(net.seed).below(10)
    if number == 0:
        raise OddError(number, "reason")
    return np.nan if number == 1 else xor(net)


def raises(net):
    raise OddError(1, "reason")


def batch_raises(nets):
    raise OddError(1, "reason")


def deadly(net):
    os._exit(3)


# ---- a walk on a line, towards 0 from a random place ----
@njit
def reset(state, stream):
    state[0] = 2 * draw(stream) - 1


@njit
def observe(state, inputs):
    inputs[0] = state[0]


@njit
def step(state, outputs):
    state[0] += 0.1 * (outputs[0] - 0.5)
    return -abs(state[0]), abs(state[0]) < 0.01


WALK = Environment("walk", reset, observe, step, n_state=1, n_inputs=1, n_outputs=1, max_steps=20)


class OddError(Exception):
    """Cannot be pickled: its constructor wants more than its message."""

    def __init__(self, number, reason):
        super().__init__(f"number {number}: {reason}")


def plain(x):
    """All that x is made of, as lists and dicts that can be compared: every number with all its bits."""
    if isinstance(x, np.ndarray):
        return x.tolist()
    if isinstance(x, Genome):
        return x.to_json()
    if isinstance(x, Pool):
        return [x.n_inputs, x.n_outputs, x.bias, [plain(genome) for genome in x]]
    if isinstance(x, Innovations | History):
        return plain(vars(x))
    if dataclasses.is_dataclass(x):
        return repr(x)
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [plain(value) for value in x]
    assert x is None or isinstance(x, int | float | str | np.number), type(x)
    return x


def same(a, b):
    """All attributes; private ones are worked out from the others."""
    ours, theirs = ({k: plain(v) for k, v in vars(run).items() if k[0] != "_"} for run in (a, b))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value == theirs[name], name
