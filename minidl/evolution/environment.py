r"""Environment: a task in which a network acts, step by step: three small functions and their sizes.

    reset(state, stream)            fill the state: n_state float64 numbers; `random(stream)` draws from [0, 1)
    observe(state, inputs)          fill the network's inputs from the state
    step(state, outputs)            change the state as the network's outputs say; returns (reward, done)

An episode resets the state; then, until `done` or for `max_steps` steps: observe, *one* update of the network, act. Its
fitness is the sum of the rewards, floats. `done` is a bool.

The functions are compiled (`minidl.jit.njit`) and then run without Python in between, for a whole population
(`rollout`); the same functions also run as plain Python (`play`), where they can be watched. So they may use what Numba
knows: numbers, loops, tuples, elements of arrays, other functions under `njit`, constants of their module. What an
environment remembers must be in its state.

To get the same numbers on every machine, compiled or not, use + - * /, square roots and the functions of
`minidl.scalar`: the last bit of `math.sin(x)`, and even of `x**2`, depends on whose it is.

Source: Sutton and Barto 1998, Reinforcement Learning, chapter 3, for states, actions, rewards and episodes.

Try it:
1. Let `step` of the walk below write to state[3]: it says so when the environment is made, as step failed with an
   IndexError; compiled, it would have written to somebody else's memory. The same where `reset` leaves a number unset.
2. Return `-1, False` instead of `-1.0, False`: it wants a float and a bool, as compiled code has one type for a number.
3. Leave `@njit` out: `play` works as before, `rollout` is a ValueError that says what does not compile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.stream import Stream

WHO = "Environment"


@dataclass(frozen=True)
class Environment:
    r"""The functions and sizes of a task; they are tried once, in plain Python, when it is made.

    | option | meaning |
    |---|---|
    | `Environment` | frozen: all that changes is in its state |
    | `name` | for error messages |
    | `reset`, `observe`, `step` | as above |
    | `n_state`, `n_inputs`, `n_outputs` | numbers in a state, and of the network |
    | `max_steps` | of an episode |

    TypeError for what is no function or no integer; ValueError for a size below 1, and for functions that fail for a
    state, inputs and outputs of these sizes, leave a number of them unset, or return something else.

    A walk on a line, from a random place, where a step costs 1 and the goal is 0:

    >>> from minidl.jit import njit
    >>> from minidl.scalar import random
    >>> @njit
    ... def reset(state, stream):
    ...     state[0] = 2 * random(stream) - 1
    >>> @njit
    ... def observe(state, inputs):
    ...     inputs[0] = state[0]
    >>> @njit
    ... def step(state, outputs):
    ...     state[0] += 0.1 * (outputs[0] - 0.5)
    ...     return -1.0, abs(state[0]) < 0.05
    >>> walk = Environment("walk", reset, observe, step, n_state=1, n_inputs=1, n_outputs=1, max_steps=200)
    >>> walk
    Environment(name='walk', n_state=1, n_inputs=1, n_outputs=1, max_steps=200)
    """

    name: str
    reset: Callable = field(repr=False)
    observe: Callable = field(repr=False)
    step: Callable = field(repr=False)
    n_state: int
    n_inputs: int
    n_outputs: int
    max_steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise check.DTypeError(f"{WHO}: name must be a string, got {self.name!r}")
        for name in ("reset", "observe", "step"):
            if not callable(getattr(self, name)):
                raise check.DTypeError(f"{WHO}: {name} must be a function, got {getattr(self, name)!r}")
        for name in ("n_state", "n_inputs", "n_outputs", "max_steps"):
            object.__setattr__(self, name, check.size(WHO, name, getattr(self, name)))
        _try(self)


def python(function: Callable) -> Callable:
    r"""The function that `njit` compiled, as it was written.

    >>> from minidl.scalar import tanh
    >>> python(tanh).__name__
    'tanh'
    """
    return getattr(function, "py_func", function)


def _try(env: Environment) -> None:
    """ValueError unless a step of an episode works: in Python an index out of range is an error, compiled it is not."""
    who = f"{WHO} {env.name!r}"
    state, inputs = np.full(env.n_state, np.nan), np.full(env.n_inputs, np.nan)
    outputs = np.full(env.n_outputs, 0.5)
    _call(who, "reset", env.reset, state, np.array([Stream(0).state], np.uint64))
    _filled(who, "reset", "state", state)
    _call(who, "observe", env.observe, state, inputs)
    _filled(who, "observe", "inputs", inputs)
    result = _call(who, "step", env.step, state, outputs)
    if not (
        isinstance(result, tuple)
        and len(result) == 2
        and isinstance(result[0], float | np.floating)
        and isinstance(result[1], bool | np.bool_)
    ):
        raise ValueError(f"{who}: step must return (reward, done), a float and a bool, got {result!r}")


def _call(who: str, name: str, function: Callable, *arguments: np.ndarray) -> Any:
    sizes = ", ".join(str(len(array)) for array in arguments)
    try:
        with np.errstate(all="ignore"):
            return python(function)(*arguments)
    except Exception as error:
        raise ValueError(
            f"{who}: {name} failed for arrays of {sizes} numbers: {type(error).__name__}: {error}"
        ) from error


def _filled(who: str, name: str, what: str, array: np.ndarray) -> None:
    if np.isnan(array).any():
        raise ValueError(f"{who}: {name} left {what}[{np.isnan(array).argmax()}] of {len(array)} unset, or NaN")


def illustrate(ax: Any) -> None:
    r"""A task of ten lines: a weight on a spring, which a network sees (its place and speed) and pushes. The reward of
    a step is minus the distance from 0, the fitness is the sum of 120 of them. What a network does comes round as what
    it sees next: pushing against the speed brings the weight to rest, pushing with it makes it swing more."""
    from minidl.evolution.genome import Genome  # noqa: PLC0415  (these import this file)
    from minidl.evolution.rollout import play  # noqa: PLC0415

    def reset(state: np.ndarray, stream: np.ndarray) -> None:
        state[0], state[1] = 1.0, 0.0

    def observe(state: np.ndarray, inputs: np.ndarray) -> None:
        inputs[:] = state

    def step(state: np.ndarray, outputs: np.ndarray) -> tuple[float, bool]:
        state[1] += 0.1 * (outputs[0] - state[0])
        state[0] += 0.1 * state[1]
        return -abs(state[0]), False

    spring = Environment("spring", reset, observe, step, n_state=2, n_inputs=2, n_outputs=1, max_steps=120)
    for name, gain in (("does nothing", 0.0), ("pushes against the speed", -0.4), ("pushes with it", 0.1)):
        genome = Genome.from_edges([(1, 2, gain)], 2, 1, bias=0, output_activation="linear")
        episode = play(genome.network(), spring)
        ax.plot(episode["states"][:, 0], label=f"{name}:\nfitness {episode['fitness']:.0f}")
    ax.set(xlabel="step", ylabel="place")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
