r"""Restore: a run from the arrays and notes of a checkpoint, after everything in them has been looked at.

Damage is noticed by the digest of the file before any of this. Here the contents are proved: what a file says that fits
nothing must not reach a compiled loop, which checks no bounds.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import KINDS, LARGEST, LINK, NODE
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import LINK_BETWEEN, NODE_IN, Innovations
from minidl.evolution.pool import Pool, no_cycle
from minidl.evolution.population import NEAT
from minidl.evolution.scores import LARGEST as LARGEST_FITNESS
from minidl.evolution.species import Species
from minidl.history import History
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS

WHO = "checkpoint"
FORMAT = 1
NUMBERS = ("seed", "generation", "record_generation", "evaluations", "n_species")  # attributes that are integers >= 0
RANGES = {  # of the fields of a record; numbers of nodes and links go up to LARGEST
    "kind": (0, len(KINDS) - 1),
    "activation": (0, len(ACTIVATIONS) - 1),
    "aggregation": (0, len(AGGREGATIONS) - 1),
    "weight": (-np.finfo(np.float64).max, np.finfo(np.float64).max),
    "enabled": (False, True),
    "recurrent": (False, True),
}


def restored(arrays: dict[str, np.ndarray], notes: dict[str, Any]) -> NEAT:
    r"""The run that the arrays and notes of a checkpoint describe. ValueError, TypeError, LookupError or AttributeError
    where they describe none.

    >>> restored({}, {"format": 0})
    Traceback (most recent call last):
    ValueError: it has format 0; this program knows 1
    """
    if notes["format"] != FORMAT:
        raise ValueError(f"it has format {notes['format']!r}; this program knows {FORMAT}")
    run = NEAT.__new__(NEAT)
    run.config = NEATConfig.from_dict(notes["config"])
    for name in NUMBERS:
        setattr(run, name, check.integer(WHO, name, notes[name], low=0, high=2**64 - 1))
    run.threshold = check.number(WHO, "threshold", notes["threshold"], low=0)
    run.solved = check.option(WHO, "solved", notes["solved"], (True, False))
    run.changes = [tuple(tuple(x) if isinstance(x, list) else x for x in change) for change in notes["changes"]]
    run.pool = _pool(arrays, run.config)
    run.innovations = _innovations(arrays, run.pool, notes["next"])
    _species(run, arrays)
    _past(run, arrays, notes)
    return run


def _array(arrays: dict[str, np.ndarray], name: str, dtype: Any, *shape: int | None) -> np.ndarray:
    """The array of this name, which must have this dtype and shape (None: any size)."""
    array = arrays.get(name)
    wanted = f"{np.dtype(dtype)} of shape {shape}"
    if array is None:
        raise ValueError(f"{name} is missing")
    fits = len(array.shape) == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ValueError(f"{name} must be {wanted}, got {array.dtype} of shape {array.shape}")
    return array


def _records(arrays: dict[str, np.ndarray], kind: str, dtype: np.dtype) -> list[np.ndarray]:
    """The records of every genome, each field within its range."""
    sizes = _array(arrays, f"n_{kind}", np.int32, None)
    check.within(WHO, f"n_{kind}", sizes, 0, LARGEST)
    fields = {name: _array(arrays, f"{kind}.{name}", dtype[name], int(sizes.sum())) for name in dtype.names}
    flat = np.zeros(sizes.sum(), dtype)
    for name, field in fields.items():
        check.within(WHO, f"{kind}.{name}", field, *RANGES.get(name, (0, LARGEST)))
        flat[name] = field
    return np.split(flat, np.cumsum(sizes)[:-1])


def _pool(arrays: dict[str, np.ndarray], config: NEATConfig) -> Pool:
    records = zip(_records(arrays, "nodes", NODE), _records(arrays, "links", LINK), strict=True)
    pool = Pool.from_genomes([Genome.from_arrays(nodes, links, config.bias) for nodes, links in records])
    if (pool.n_inputs, pool.n_outputs) != (config.n_inputs, config.n_outputs):
        raise ValueError(f"its genomes have {pool.n_inputs} inputs and {pool.n_outputs} outputs, its config has not")
    no_cycle(WHO, pool, config)
    return pool


def _innovations(arrays: dict[str, np.ndarray], pool: Pool, next_numbers: list) -> Innovations:
    """The book; its numbers and those of the genomes are below the next free ones."""
    next_link, next_node = next_numbers
    book = _array(arrays, "book", np.int32, None, 4)
    check.within(WHO, "book", book, 0, LARGEST)
    links, nodes = [flat(pool.links["innovation"], pool.n_links)], [flat(pool.nodes["id"], pool.n_nodes)]
    for kind, known in ((LINK_BETWEEN, links), (NODE_IN, nodes)):
        known.append(book[book[:, 0] == kind, 3])
    for name, number, known in (("link", next_link, links), ("node", next_node, nodes)):
        low = int(np.concatenate(known).max(initial=-1)) + 1
        check.integer(WHO, f"next {name}", number, low=low, high=LARGEST)
    return Innovations(next_link, next_node, book)


def _species(run: NEAT, arrays: dict[str, np.ndarray]) -> None:
    numbers = _array(arrays, "species", np.int64, None, 3)
    best = _array(arrays, "species.best", np.float64, len(numbers))
    run.species = [Species(*row[:2], top, row[2]) for row, top in zip(numbers.tolist(), best.tolist(), strict=True)]
    run.species_of = _array(arrays, "species_of", np.int64, len(run.pool))
    check.indices(WHO, "species_of", run.species_of, len(run.species))
    if len(np.unique(run.species_of)) != len(run.species):
        raise ValueError("one of its species has no genomes")


def _past(run: NEAT, arrays: dict[str, np.ndarray], notes: dict[str, Any]) -> None:
    """What is there of every generation; the last of them may have no fitness yet."""
    sizes = _array(arrays, "sizes", np.int64, run.generation + 1)
    check.within(WHO, "sizes", sizes, 1, LARGEST)
    if sizes[-1] != len(run.pool):
        raise ValueError(f"sizes must end with {len(run.pool)} genomes, got {sizes[-1]}")
    ends = np.cumsum(sizes)
    run.parents = np.split(_array(arrays, "parents", np.int32, ends[-1], 2), ends[:-1])
    fitnesses = _array(arrays, "fitnesses", np.float64, None)
    if len(fitnesses) not in (ends[-1], ends[-1] - sizes[-1]):
        raise ValueError(f"fitnesses must be {ends[-1]} numbers, or {sizes[-1]} less, got {len(fitnesses)}")
    check.within(WHO, "fitnesses", fitnesses, -LARGEST_FITNESS, LARGEST_FITNESS)
    evaluated = len(fitnesses) == ends[-1]
    done = run.generation + evaluated
    run.fitnesses = np.split(fitnesses, ends[:-1])[:done]
    run.fitness = run.fitnesses[-1] if evaluated else None
    run.history = History()
    run.champion = Genome.from_json(notes["champion"]) if done else None
    run.history.epoch = list(range(done))
    for name in notes["history"]:
        run.history.history[name] = _array(arrays, f"history.{name}", np.float64, done).tolist()
    rows = _array(arrays, "species_sizes", np.int64, None, 3)
    check.indices(WHO, "generations of species_sizes", rows[:, 0], done)
    run.species_sizes = [{} for _ in range(done)]
    for g, id, size in rows.tolist():
        run.species_sizes[g][id] = size


def flat(table: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    r"""Rows of a table one behind the other, each as long as its size says.

    >>> flat(np.array([[1, 2], [3, 4]]), np.array([1, 2]))
    array([1, 3, 4])
    """
    return table[np.arange(table.shape[1]) < sizes[:, None]]
