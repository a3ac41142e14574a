r"""evolve: the loop of a run. Evaluate, take down, breed, until somebody is good enough.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, sections 3 and 4.

Try it:
1. `xor` of `demos/neat_xor.py`, seed 0, but without "solved" in what it returns, and with `until=15.5`: the run ends in
   generation 40, after 6,057 evaluations, at 15.98. With "solved" it ended in generation 33, at 11.26: all four on the
   right side of 1/2 is less than nearly exact.
2. Write the fitness for one network, `fitness=`, and for all of them, `fitness_batch=`: the same genomes after 20
   generations, in 0.34 and in 0.05 seconds. `executor=ThreadPoolExecutor(2)`: the same again.
3. Return NaN where the fitness is above 9.5: the run stops, and says that it is genome 67's. With `on_error="worst"` it
   goes on; such genomes have no children, and the best of 50 generations has 9.45.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.evaluate import evaluate
from minidl.evolution.population import NEAT
from minidl.io import path_of
from minidl.plot.evolution import plot_fitness
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

    | option | meaning | neat-python |
    |---|---|---|
    | `evolve` | the whole run | `Population.run` |
    | `config` | a `NEATConfig`, or a run to go on with | `Config` |
    | `fitness`, `fitness_batch`, `rollout` | one of them, see above | `fitness_function(genomes, config)` |
    | `generations` | at most so many | `n` |
    | `until` | a fitness to stop at, or `until(run)` is true; "solved" stops in any case | `fitness_threshold` |
    | `seed` | an integer, for the same run every time; None: drawn from `minidl.random` | `seed` |
    | `executor` | what has `submit`: processes, Dask, MPI, Ray; the same run, bit for bit | `ParallelEvaluator` |
    | `on_error` | "raise", or "worst": a NaN or an exception is the worst of its generation | none: it raises |
    | `checkpoint` | a folder to save the run in after every evaluation; `NEAT.load` reads it | `Checkpointer` |
    | `callbacks` | functions that are called with the run after every evaluation | `add_reporter` |
    | `verbose` | a progress bar | `StdOutReporter` |

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


def illustrate(ax: Any) -> None:
    r"""The fitness of a population on exclusive or: the best genome, the median, and the bands in which half and 80 %
    of all lie. At 9 three of the four cases are right, which is as far as a network without a hidden node gets; there
    the best stays for 35 generations, until one has a hidden node and weights that fit. That ends the run."""
    x, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 0.0])

    def xor(nets: Any) -> dict:
        answers = nets(x)[..., 0]  # (P, 4)
        return {"fitness": (4 - abs(answers - y).sum(axis=1)) ** 2, "solved": ((answers > 0.5) == y).all(axis=1)}

    run = evolve(NEATConfig(2, 1), fitness_batch=xor, seed=3, verbose=False)
    plot_fitness(run, ax=ax).set_title("")
