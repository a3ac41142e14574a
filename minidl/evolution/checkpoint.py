r"""Checkpoints of an evolution: a run in one file, so that it can go on as if it had never stopped.

In it is all that the next generation depends on: genomes with their markings, the book of inventions, species, fitness,
champion, configuration, seed and generation; and what has been: history, fitnesses, parents and sizes of species of all
generations. There is no state of a random generator, as numbers belong to (seed, generation, child). So 10 generations
and 10 more in another process are 20, bit for bit.

The file is a safetensors file as `minidl.save` writes it, whole or not at all and with a digest: nothing is pickled.
Genomes lie one behind the other, an array for every field of a record ("links.weight"); "n_links" says how many links
each has. What is no array stands in the metadata as JSON.

A run may go on with other settings; `run.changes` lists what was changed when.
"""

import dataclasses
import json
import os

import numpy as np

from minidl import check, io
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import LINK, NODE
from minidl.evolution.latest import KEEP, NAME, checkpoints, damage, latest
from minidl.evolution.pool import Pool, no_cycle
from minidl.evolution.population import NEAT
from minidl.evolution.restore import FORMAT, NUMBERS, flat, restored

SAVE, LOAD = "NEAT.save", "NEAT.load"
KEY = "minidl.evolution"


def save(run: NEAT, path: str | os.PathLike) -> None:
    r"""Write everything that `run` is; best after `record`, so that no evaluation is lost: see `NEAT.save`."""
    nodes = {f"nodes.{name}": flat(run.pool.nodes[name], run.pool.n_nodes) for name in NODE.names}
    links = {f"links.{name}": flat(run.pool.links[name], run.pool.n_links) for name in LINK.names}
    sizes = [(g, id, size) for g, by_id in enumerate(run.species_sizes) for id, size in by_id.items()]
    arrays = {
        **nodes,
        **links,
        "n_nodes": run.pool.n_nodes,
        "n_links": run.pool.n_links,
        "book": run.innovations.book,
        "species": np.array([(s.id, s.founded, s.improved) for s in run.species], np.int64),
        "species.best": np.array([s.best for s in run.species]),
        "species_of": run.species_of.astype(np.int64),
        "species_sizes": np.array(sizes, np.int64).reshape(-1, 3),
        "sizes": np.array([len(pairs) for pairs in run.parents], np.int64),
        "parents": np.concatenate(run.parents),
        "fitnesses": np.concatenate([*run.fitnesses, np.zeros(0)]),
        **{f"history.{name}": np.array(values) for name, values in run.history.history.items()},
    }
    notes = {
        "format": FORMAT,
        "versions": {"numpy": np.__version__},
        "config": dataclasses.asdict(run.config),
        **{name: getattr(run, name) for name in NUMBERS},
        "next": [run.innovations.next_link, run.innovations.next_node],
        "threshold": run.threshold,
        "solved": run.solved,
        "champion": run.champion and run.champion.to_json(),
        "history": list(run.history.history),
        "changes": run.changes,
    }
    io.write(SAVE, path, arrays, {KEY: json.dumps(notes)})


def save_in(run: NEAT, folder: str | os.PathLike) -> None:
    r"""Save as "generation-000012.safetensors" in `folder`, which is made; the last KEEP of these stay.

    ValueError where there is a later generation, as another run has left it, or this one, which went on from before.
    """
    folder = io.path_of(SAVE, folder)
    os.makedirs(folder, exist_ok=True)
    later = [path for number, path in checkpoints(folder).items() if number > run.generation and not damage(path)]
    if later:
        raise ValueError(
            f"{SAVE}: this is generation {run.generation}, but {folder!r} has {os.path.basename(later[-1])}; "
            "go on from there with NEAT.load(folder), or take another folder"
        )
    save(run, os.path.join(folder, NAME.format(run.generation)))
    done = [path for number, path in checkpoints(folder).items() if number <= run.generation]
    for path in done[:-KEEP]:
        os.unlink(path)


def load(path: str | os.PathLike, config: NEATConfig | None = None) -> NEAT:
    r"""The run in a file, or the newest in a folder, going on with `config` if it is given: see `NEAT.load`."""
    path = io.path_of(LOAD, path)
    if config is not None and not isinstance(config, NEATConfig):
        raise check.DTypeError(f"{LOAD}: config must be a NEATConfig, got {type(config).__name__}")
    path = latest(path) if os.path.isdir(path) else path
    arrays, metadata = io.read(LOAD, path)
    try:
        if KEY not in metadata or io.DIGEST not in metadata:
            raise ValueError("it is no checkpoint of an evolution")
        run = restored(arrays, json.loads(metadata[KEY]))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{LOAD}: {path!r} does not fit: {error}") from error
    if config is not None:
        _change(run, config)
    return run


# ---- other settings ----
def _change(run: NEAT, config: NEATConfig) -> None:
    """Go on with another config, and note what has changed. ValueError for what cannot."""
    changes = []
    for field in dataclasses.fields(config):
        old, new = getattr(run.config, field.name), getattr(config, field.name)
        if old != new:
            changes.append((run.generation, field.name, old, new))
    for _, name, old, new in changes:
        if name in ("n_inputs", "n_outputs") or (name == "bias" and 0 in (old, new)):
            raise ValueError(f"{LOAD}: {name}={new} does not fit this run, whose genomes have {old}")
        if name == "population_size" and run.fitness is None:
            raise ValueError(f"{LOAD}: {name}={new} does not fit this run: its {old} genomes are not evaluated yet")
        if name == "compatibility_threshold":
            run.threshold = new
    no_cycle(LOAD, run.pool, config)
    pool = run.pool
    run.pool = Pool(pool.nodes, pool.links, pool.n_nodes, pool.n_links, pool.n_inputs, pool.n_outputs, config.bias)
    run.config = config
    run.changes += changes
