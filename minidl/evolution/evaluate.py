r"""Evaluate: how fit every genome of a population is, worked out here or on many machines.

A fitness comes in one of three forms:

| argument | called with | returns |
|---|---|---|
| `fitness` | a `Network` | a number: more is better |
| `fitness_batch` | `Nets`, the whole population | (P,) numbers |
| `rollout` | | an `Environment`: how well every network acts in it |

The first two may return a dict in place of the numbers: "fitness"; "behaviour", an array (of one shape for all genomes)
that says what the network does, for a search for novelty; "solved", whether this one is good enough.

With `executor`, anything that has the `submit` of `concurrent.futures.Executor`, the population is cut into chunks,
which are evaluated wherever the executor does it: in processes, or on other machines (Dask: `client.get_executor()`). A
chunk travels as a few arrays and the fitness function, which must be importable over there: defined at the top of a
module. What comes back is put where it belongs by its index. The random numbers of a fitness function start from
`net.seed`, a hash of (seed, generation, index). So it matters in no way who evaluates which genome, and when: the same
seed is the same run.

Source: Quinlan 2009, PEP 3148, for executors.

Try it:
1. Let a fitness sleep for 0.01 seconds: 150 genomes take 1.9 seconds here, 0.9 with a `ProcessPoolExecutor(2)` that has
   started (1.3 with its start), and the fitnesses are the same numbers. A lambda does not travel: it says why.
2. Return infinity where `net.seed` is odd, with `on_error="worst"`: 84 of 150 have `failed`, and the lowest fitness of
   the others.
3. Return `{"fitnes": 1.0}`: it says what a result may hold. Return "behaviour", too: `Scores.behaviour` is (150, ...).
"""

import pickle
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from minidl import check
from minidl.evolution.environment import Environment
from minidl.evolution.nets import Nets
from minidl.evolution.rollout import rollout as act
from minidl.evolution.scores import Scores, columns_of, joined, unusable
from minidl.evolution.stream import Stream

WHO = "evaluate"
CHUNKS = 64  # enough to keep some dozens of workers busy to the end, few enough for their overhead not to matter


def evaluate(
    nets: Nets,
    *,
    fitness: Callable | None = None,
    fitness_batch: Callable | None = None,
    rollout: Any = None,
    executor: Any = None,
    on_error: str = "raise",
    seed: int = 0,
    generation: int = 0,
) -> Scores:
    r"""The `Scores` of all networks, by exactly one of fitness, fitness_batch and rollout.

    | option | meaning | neat-python |
    |---|---|---|
    | `evaluate` | a `Scores` | the fitness function sets `genome.fitness` |
    | `nets` | the networks of a population | `genomes` |
    | `fitness`, `fitness_batch`, `rollout` | one of them, see above | `fitness_function` |
    | `executor` | has `submit`; None: all is done here | `ParallelEvaluator`: processes |
    | `on_error` | "raise", or "worst": a genome that fails counts as the worst of the others | none |
    | `seed`, `generation` | whom the random numbers belong to | none |

    A genome *fails* if its fitness raises, or returns what is no finite number. "worst" gives it the fitness and the
    behaviour of the worst genome that does not fail, takes it for unsolved, and marks it in `Scores.failed`. An error
    in any case: all genomes fail; a `fitness_batch` or a rollout raises, which blames no genome; a worker dies.

    With an executor `fitness_batch` is called with the `Nets` of one chunk at a time, so genomes that compete with each
    other must be evaluated without.

    Raises ValueError for a genome that fails, with its index and what came (what it raised is the cause), for results
    of different shapes, and for arguments that contradict each other; TypeError for arguments of the wrong kind;
    RuntimeError where the executor loses a chunk (the cause says why). Nothing has changed then: the same population
    can be evaluated again.

    >>> from minidl.evolution import NEAT, NEATConfig
    >>> run = NEAT(NEATConfig(2, 1, population_size=3), seed=0)
    >>> nets = run.nets()
    >>> one_by_one = evaluate(nets, fitness=lambda net: net([1.0, 0.0])[0])
    >>> together = evaluate(nets, fitness_batch=lambda nets: nets([[1.0, 0.0]])[:, 0, 0])
    >>> bool((one_by_one.fitness == together.fitness).all())
    True
    >>> evaluate(nets, fitness=lambda net: 1 / 0)
    Traceback (most recent call last):
    ValueError: evaluate: genome 0 has no fitness: ZeroDivisionError: division by zero
    """
    if not isinstance(nets, Nets):
        raise check.DTypeError(f"{WHO}: nets must be Nets, got {type(nets).__name__}")
    form, function = _form(fitness=fitness, fitness_batch=fitness_batch, rollout=rollout)
    check.option(WHO, "on_error", on_error, ("raise", "worst"))
    seed = check.integer(WHO, "seed", seed, low=0, high=2**64 - 1)
    generation = check.integer(WHO, "generation", generation, low=0)
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise check.DTypeError(f"{WHO}: executor must have a submit(), got {type(executor).__name__}")
    stop = on_error == "raise" or form != "fitness"
    if executor is None:
        parts = FORMS[form](function, nets, seed, generation, 0, stop)
    else:
        parts = _spread(executor, form, function, nets, seed, generation, stop)
    lost = {i: part for i, part in enumerate(parts) if isinstance(part, Exception)}
    if lost and form != "fitness":
        error = lost[min(lost)]
        raise ValueError(f"{WHO}: {form} failed: {_text(error)}") from error
    sound = [part for part in parts if not isinstance(part, Exception)]
    columns = joined([sound[0] if i in lost else part for i, part in enumerate(parts)]) if sound else {}
    errors = unusable(columns) | lost
    if errors and (on_error == "raise" or len(errors) == len(nets)):
        i = min(errors)
        raise ValueError(f"{WHO}: genome {i} has no fitness: {_text(errors[i])}") from errors[i]
    return Scores.of(columns, list(errors))


def _form(**forms: Any) -> tuple[str, Any]:
    """The form that was given, and what was given there."""
    given = {name: value for name, value in forms.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"{WHO}: give one of {', '.join(forms)}, got {' and '.join(given) or 'none'}")
    ((form, function),) = given.items()
    if not (isinstance(function, Environment) if form == "rollout" else callable(function)):
        wanted = "an Environment" if form == "rollout" else "a function"
        raise check.DTypeError(f"{WHO}: {form} must be {wanted}, got {type(function).__name__}")
    return form, function


# ---- the forms: (function, nets, seed, generation, index of the first net, stop at an error) -> parts ----
# A part is the columns of some genomes, by name, or the exception that came in their place.
def _each(fitness: Callable, nets: Nets, seed: int, generation: int, first: int, stop: bool) -> list[Any]:
    """A part for every genome."""
    parts: list[Any] = []
    for i in range(len(nets)):
        net = nets[i]
        net.seed = Stream(seed, generation, first + i, 1).state
        try:
            result = fitness(net)
            fields = result if isinstance(result, Mapping) else {"fitness": result}
            part = columns_of({name: [value] for name, value in fields.items()}, 1)
            parts.append(unusable(part).get(0, part))
        except Exception as error:
            parts.append(error)
        if stop and isinstance(parts[-1], Exception):
            break
    return parts


def _whole(fitness_batch: Callable, nets: Nets, *_: Any) -> list[Any]:
    """One part."""
    try:
        return [columns_of(fitness_batch(nets), len(nets))]
    except Exception as error:
        return [error]


def _episodes(env: Environment, nets: Nets, seed: int, generation: int, first: int, stop: bool) -> list[Any]:
    """One part."""
    return _whole(lambda nets: act(nets, env, seed=seed, generation=generation, first=first)["fitness"], nets)


FORMS = {"fitness": _each, "fitness_batch": _whole, "rollout": _episodes}


# ---- elsewhere ----
def _spread(executor: Any, form: str, function: Any, nets: Nets, seed: int, generation: int, stop: bool) -> list[Any]:
    """The parts of the whole population in their order, made wherever the executor does it."""
    size = -(-len(nets) // CHUNKS)
    futures, parts, back = [], [], 0
    try:
        for first in range(0, len(nets), size):
            chunk = nets[first : first + size]
            futures.append(executor.submit(_work, form, function, chunk, seed, generation, first, stop))
        for future in futures:
            parts += future.result()
            if stop and isinstance(parts[-1], Exception):
                break
            back += size
    except Exception as error:
        unsent = isinstance(error, pickle.PicklingError | AttributeError)  # what pickle raises for a local function
        hint = f"; is {form} defined at the top of a module, where others can import it?" if unsent else ""
        lost = f"genomes {back} to {back + size - 1}"
        raise RuntimeError(f"{WHO}: the executor lost {lost}: {_text(error)}{hint}") from error
    finally:
        for future in futures:
            future.cancel()  # those that nobody waits for any more
    return parts


def _work(form: str, *arguments: Any) -> list[Any]:
    """What a worker does. Its exceptions are made fit to be sent back."""
    return [_portable(part) if isinstance(part, Exception) else part for part in FORMS[form](*arguments)]


def _portable(error: Exception) -> Exception:
    """The exception, or one that says the same where it cannot be pickled; with its traceback as a note."""
    note = "".join(traceback.format_exception(error))
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class may raise
        error = RuntimeError(_text(error))
    error.add_note(note)
    return error


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
