r"""evolve: the loop of a run. Evaluate, take down, breed, until somebody is good enough."""

from collections.abc import Callable, Iterable
from typing import Any

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.evaluate import evaluate
from minidl.evolution.population import NEAT
from minidl.io import path_of
from minidl.progress import bar

WHO = "evolve"


def evolve(
    config: NEATConfig | NEAT,
    *,
    fitness: Callable | None = None,
    fitness_batch: Callable | None = None,
    rollout: Any = None,
    generations: int = 100,
    until: float | Callable[[NEAT], bool] | None = None,
    seed: int | None = None,
    executor: Any = None,
    on_error: str = "raise",
    checkpoint: Any = None,
    callbacks: Iterable[Callable[[NEAT], Any]] = (),
    verbose: bool = True,
) -> NEAT:
    r"""Evolve networks, at most `generations` of them, and return the run: `.champion`, `.history`, `.pool`, ...

    The fitness comes in one of three forms:

    | argument | |
    |---|---|
    | `fitness` | `f(net) -> float`, one `Network` at a time |
    | `fitness_batch` | `f(nets) -> (P,)`, all at once: `nets(x)` has shape (P, B, outputs) |
    | `rollout` | an `Environment`, in which every network acts for an episode, compiled |

    The first two may return a dict with "fitness", and also "solved" (a bool, or (P,)) and "behaviour".

    | argument | meaning |
    |---|---|
    | `config` | a `NEATConfig`, or a run to go on with |
    | `until` | stop at this fitness, or when `until(run)` is true after an evaluation; "solved" stops in any case |
    | `seed` | an integer, for the same run every time; None: drawn from `minidl.random` |
    | `executor` | what has `submit` as in concurrent.futures: processes, Dask, MPI, Ray; the same run, bit for bit |
    | `on_error` | a NaN or an exception in a fitness: "raise", or "worst": it counts as the worst of its generation |
    | `checkpoint` | a folder to save the run in after every evaluation; `NEAT.load` reads it |
    | `callbacks` | functions that are called with the run after every evaluation |
    | `verbose` | a progress bar |

    After an evaluation the run stops, so `run.fitness` belongs to `run.pool`; called again, it breeds and goes on.
    Raises ValueError and TypeError for bad arguments, and what `evaluate` raises; the run can still go on then.

    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> def or_gate(net):
    ...     return 4.0 - np.abs(net(x)[:, 0] - [0.0, 1.0, 1.0, 1.0]).sum()
    >>> run = evolve(NEATConfig(2, 1, population_size=50), fitness=or_gate, until=3.8, seed=0, verbose=False)
    >>> run.champion.network()(x)[:, 0].round()
    array([0., 1., 1., 1.])
    """
    generations = check.integer(WHO, "generations", generations, low=0)
    if until is not None and not callable(until):
        until = check.number(WHO, "until", until)
    if not isinstance(callbacks, Iterable) or not all(map(callable, callbacks := [*callbacks])):
        raise check.DTypeError(f"{WHO}: callbacks must be a list of functions, got {callbacks!r}")
    if checkpoint is not None:
        checkpoint = path_of(f"{WHO}: checkpoint", checkpoint)
    if isinstance(config, NEAT):
        if seed is not None:
            raise ValueError(f"{WHO}: seed belongs to a new run; the one that goes on has seed {config.seed}")
        run = config
    else:
        run = NEAT(config, seed)
    forms = {"fitness": fitness, "fitness_batch": fitness_batch, "rollout": rollout}
    with bar("evolving", generations, verbose) as line:
        for _ in range(generations):
            if run.fitness is not None:
                run.breed()
            scores = evaluate(
                run.nets(), **forms, executor=executor, on_error=on_error, seed=run.seed, generation=run.generation
            )
            solved = scores.solved
            if until is not None and not callable(until):
                reached = scores.fitness >= until
                solved = reached if solved is None else solved | reached
            run.record(scores.fitness, solved)
            if callable(until) and until(run):
                run.solved = True
            if checkpoint is not None:
                run.save_in(checkpoint)
            for callback in callbacks:
                callback(run)
            line.set_postfix(best=f"{run.champion.fitness:.4g}", species=len(run.species), refresh=False)
            line.update()
            if run.solved:
                break
    return run
