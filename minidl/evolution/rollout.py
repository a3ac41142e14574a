r"""Roll-outs: networks that act in an environment, one of them to look at (`play`) or all of a population (`rollout`).

    state = reset                               or a given start
    until done, max_steps at most:
        inputs = observe(state)
        outputs = one update of all nodes of the network, from what they said a step ago
        state, reward = step(state, outputs)

One synchronous update an action: what a network sees reaches an output one action later for every hidden node on the
way, and links that close a cycle are its memory. A feed-forward network has this delay, too.

`rollout` is one compiled loop for each environment, kept on disk, with the environment's functions inside. `play` is
the same in plain Python, bit for bit.

The random numbers of an episode belong to (seed, generation, index of the network).

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 4.2, who ran their networks so.

Try it:
1. Time 1,000 steps of the regulator of `survives`: `play` takes 35 ms, `rollout` 0.5; the last states are equal.
2. Put a linear hidden node into each of its six links, which by itself changes nothing: the poles stand still, for all
   of the 1,000 steps, though the network sees what was 0.02 s ago. Put in two: they fall after 10.
3. Let it start from `start`, all 0 but the long pole: at 1 and at 4 degrees they stand, at 10 they fall after 29 steps.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import check
from minidl.backend import REFERENCE
from minidl.evolution.environment import Environment, python
from minidl.evolution.genome import Genome
from minidl.evolution.nets import Nets, Network
from minidl.evolution.pool import Pool
from minidl.evolution.stream import Stream
from minidl.jit import njit
from minidl.kernels.network import step as update
from minidl.scalar import absorb

LARGEST = 2**64 - 1  # word of a stream


def play(
    network: Network,
    env: Environment,
    *,
    seed: int = 0,
    generation: int = 0,
    index: int = 0,
    start: Any = None,
    max_steps: int | None = None,
) -> dict[str, Any]:
    r"""One episode of one network, in plain Python, with all that happened on the way.

    | key | |
    |---|---|
    | `fitness`, `steps` | the sum of the rewards, a float; how many actions it took, T |
    | `state` | (n_state,), the last one |
    | `states` | (T + 1, n_state), the first one included |
    | `inputs`, `outputs`, `rewards` | (T, n_inputs), (T, n_outputs), (T,) |

    | option | meaning |
    |---|---|
    | `play` | a dict, as above |
    | `network`, `env` | a `Network`, which forgets what it remembered, and an `Environment` |
    | `seed`, `generation`, `index` | what the random numbers of `reset` belong to |
    | `start`, `max_steps` | in place of `reset`, and of the environment's |

    >>> from minidl.evolution import Genome, double_pole
    >>> idle = Genome.from_edges([], n_inputs=6, n_outputs=1, bias=0.5)
    >>> episode = play(idle.network(), double_pole())
    >>> episode["fitness"], episode["steps"], episode["states"].shape
    (22.0, 23, (24, 6))
    """
    if not isinstance(network, Network):
        raise check.DTypeError(f"play: network must be a Network, got {type(network).__name__}")
    _fits("play", network, env)
    words = _words("play", seed=seed, generation=generation, index=index)
    if start is not None:
        check.rank("play", "start", np.asarray(start), "(n_state,)")
        start = _start("play", env, start, 1)[0]
    return _play(network, env, words, start, _limit("play", env, max_steps))


def _play(network: Network, env: Environment, words: tuple, start: Any, max_steps: int) -> dict[str, Any]:
    reset, observe, step = python(env.reset), python(env.observe), python(env.step)
    state, inputs = np.zeros(env.n_state), np.zeros(env.n_inputs)
    states, seen, done, rewards, fitness = [], [], [], [], 0.0
    over = False
    network.reset()
    with np.errstate(all="ignore"):  # as compiled: hashes overflow, and a division by 0 is inf
        if start is None:
            reset(state, np.array([Stream(*words).state], np.uint64))
        else:
            state[:] = start
        states.append(state.copy())
        while not over and len(rewards) < max_steps:
            observe(state, inputs)
            outputs = network.step(inputs)
            reward, over = step(state, outputs)
            fitness += reward
            states.append(state.copy()), seen.append(inputs.copy()), done.append(outputs), rewards.append(reward)
    network.reset()
    return {
        **{"fitness": float(fitness), "steps": len(rewards), "state": state, "states": np.array(states)},
        **{"inputs": np.array(seen), "outputs": np.array(done), "rewards": np.array(rewards, np.float64)},
    }


def rollout(
    nets: Nets | Network,
    env: Environment,
    *,
    seed: int = 0,
    generation: int = 0,
    first: int = 0,
    start: Any = None,
    max_steps: int | None = None,
) -> dict[str, np.ndarray]:
    r"""One episode of each of P networks: a dict of fitness (P,), steps (P,) and the last state (P, n_state).

    | option | meaning |
    |---|---|
    | `rollout` | a dict of arrays |
    | `nets` | `Nets`, or one `Network` (P = 1) |
    | `env` | an `Environment` |
    | `seed`, `generation` | what the random numbers of `reset` belong to, besides the network's index |
    | `first` | the index of the first network, where these are a part of a population |
    | `start` | in place of `reset`: a state (n_state,), or (P, n_state); for one network (E, n_state): E episodes |
    | `max_steps` | in place of the environment's |

    ValueError or TypeError for networks and an environment of other sizes, for functions that do not compile, and for
    arguments that are no such things.

    >>> from minidl.evolution import Genome, Pool, Nets, double_pole
    >>> genomes = [Genome.from_edges([(2, 7, w)], n_inputs=6, n_outputs=1, bias=0.5) for w in (-0.1, 0, 0.1)]
    >>> rollout(Nets(Pool.from_genomes(genomes)), double_pole())["fitness"]
    array([14., 22., 15.])
    """
    _fits("rollout", nets, env)
    nets = nets if isinstance(nets, Nets) else nets.nets
    words = _words("rollout", seed=seed, generation=generation, first=first)
    start = _start("rollout", env, start, len(nets))
    max_steps = _limit("rollout", env, max_steps)
    E = max(len(nets), len(start))
    check.integer("rollout", "first", first, high=LARGEST + 1 - E)
    if REFERENCE:
        episodes = [
            _play(nets[e % len(nets)], env, (seed, generation, first + e), start[e] if len(start) else None, max_steps)
            for e in range(E)
        ]
        return {name: np.array([episode[name] for episode in episodes]) for name in ("fitness", "steps", "state")}
    fitness, steps, state = np.zeros(E), np.zeros(E, np.int64), np.zeros((E, env.n_state))
    try:
        with np.errstate(all="ignore"):  # for machines on which the loop is not compiled
            make_rollout(env)(nets.csr, np.array(words, np.uint64), max_steps, start, fitness, steps, state)
    except Exception as error:
        if not type(error).__module__.startswith("numba"):  # the environment's own
            raise
        raise ValueError(
            f"rollout: environment {env.name!r} does not compile; its functions, and those that they call, must be "
            f"under minidl.jit.njit, and use what Numba knows: {error}"
        ) from error
    return {"fitness": fitness, "steps": steps, "state": state}


def make_rollout(env: Environment) -> Callable:
    r"""The compiled loop of an environment: `episodes(net, words, max_steps, start, fitness, steps, state)`.

    net is a `CSR` of P networks; words are seed, generation and index of the first one; start is (0 or E, n_state). The
    results of E episodes go into fitness (E,), steps (E,) and state (E, n_state). Nothing is checked.

    >>> from minidl.evolution import double_pole
    >>> make_rollout(double_pole()) is make_rollout(double_pole())
    True
    """
    if not isinstance(env, Environment):
        raise check.DTypeError(f"make_rollout: env must be an Environment, got {type(env).__name__}")
    return _compiled(env.reset, env.observe, env.step, env.n_inputs, env.n_outputs)


@functools.cache
def _compiled(reset: Callable, observe: Callable, step: Callable, n_inputs: int, n_outputs: int) -> Callable:
    @njit
    def episodes(net, words, max_steps, start, fitness, steps, state):
        P = len(net.output)
        key = absorb(absorb(np.uint64(0), words[0]), words[1])
        largest = 0
        for p in range(P):
            largest = max(largest, net.first_node[p + 1] - net.first_node[p])
        old, new = np.zeros(largest), np.zeros(largest)
        inputs, outputs, stream = np.zeros(n_inputs), np.zeros(n_outputs), np.zeros(1, np.uint64)
        for e in range(len(fitness)):
            p = e if P > 1 else 0
            old[:] = 0.0
            if len(start):
                state[e] = start[e]
            else:
                stream[0] = absorb(key, words[2] + np.uint64(e))
                reset(state[e], stream)
            over, total, n = False, 0.0, 0
            while not over and n < max_steps:
                observe(state[e], inputs)
                update(net, p, inputs, old, new)
                for o in range(n_outputs):
                    outputs[o] = new[net.output[p, o]]
                old, new = new, old
                reward, over = step(state[e], outputs)
                total += reward
                n += 1
            fitness[e], steps[e] = total, n

    return episodes


# ---- arguments ----
def _fits(who: str, nets: Any, env: Any) -> None:
    if not isinstance(env, Environment):
        raise check.DTypeError(f"{who}: env must be an Environment, got {type(env).__name__}")
    if not isinstance(nets, Nets | Network):
        raise check.DTypeError(f"{who}: nets must be Nets or a Network, got {type(nets).__name__}")
    for name in ("n_inputs", "n_outputs"):
        if getattr(nets, name) != getattr(env, name):
            raise ValueError(
                f"{who}: environment {env.name!r} has {name}={getattr(env, name)}, "
                f"the network has {name}={getattr(nets, name)}"
            )


def _words(who: str, **words: Any) -> tuple[int, ...]:
    return tuple(check.integer(who, name, word, low=0, high=LARGEST) for name, word in words.items())


def _limit(who: str, env: Environment, max_steps: int | None) -> int:
    return env.max_steps if max_steps is None else check.size(who, "max_steps", max_steps)


def _start(who: str, env: Environment, start: Any, P: int) -> np.ndarray:
    """(0 or E, n_state) numbers of float64."""
    if start is None:
        return np.zeros((0, env.n_state))
    try:
        rows = np.array(start, np.float64)
    except (TypeError, ValueError):
        raise check.DTypeError(f"{who}: start must be an array of numbers, got {start!r}") from None
    rows = np.repeat(rows[None], P, axis=0) if rows.ndim == 1 else rows
    check.rank(who, "start", rows, "(P, n_state)")
    check.axis_size(who, "start", rows, 1, env.n_state, "n_state")
    if len(rows) != P and (P != 1 or not len(rows)):
        raise check.ShapeError(f"{who}: start must have one row for each of {P} networks, got {len(rows)}")
    return np.ascontiguousarray(rows)


def illustrate(ax: Any) -> None:
    r"""One call of `rollout` with 625 networks: for how long each holds two poles up, 400 steps at most. They are one
    linear regulator, but for how strongly it minds the long pole (across) and the short one (up); the dot is the one in
    the doctest of `survives`. Both poles stand in a wedge: who minds one pole more must mind the other more."""
    from minidl.evolution.double_pole import double_pole  # noqa: PLC0415  (which imports this file)

    gains = np.linspace(0, 2, 25)
    weights = [(-0.75, -0.46, -1.6 * a, -1.62 * a, 1.03 * b, 0.34 * b) for b in gains for a in gains]
    genomes = [Genome.from_edges([(i, 7, w) for i, w in enumerate(ws)], 6, 1, bias=0.5) for ws in weights]
    steps = rollout(Nets(Pool.from_genomes(genomes)), double_pole(), max_steps=400)["steps"]
    image = ax.pcolormesh(gains, gains, steps.reshape(25, 25), rasterized=True)
    ax.plot(1, 1, "o", color="C1")
    ax.set(xlabel="gain of the long pole", ylabel="gain of the short pole", aspect="equal")
    ax.figure.colorbar(image, label="steps")
