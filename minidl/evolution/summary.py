r"""What is written down of every generation: one row of `NEAT.history`."""

from typing import Any

import numpy as np

QUANTILES = {"worst": 0.0, "q10": 0.1, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "best": 1.0}
LEVELS = np.array([*QUANTILES.values()])


def summary(fitness: np.ndarray) -> dict[str, float]:
    r"""Quantiles of the fitness, interpolated as `np.quantile` does it (which takes longer than a generation of XOR).

    >>> summary(np.array([4.0, 0.0, 3.0]))["median"]
    3.0
    """
    P = len(fitness)
    return dict(zip(QUANTILES, np.interp(LEVELS * (P - 1), np.arange(P), np.sort(fitness)).tolist(), strict=True))


def row_of(run: Any) -> dict[str, float]:
    r"""The row of the generation that `run`, a `NEAT`, has just recorded.

    >>> from minidl.evolution import NEAT, NEATConfig
    >>> run = NEAT(NEATConfig(2, 1, population_size=3), seed=0)
    >>> run.record([1.0, 2.0, 6.0])
    >>> row_of(run)["mean"], row_of(run)["links"], row_of(run)["evaluations"]
    (3.0, 3.0, 3)
    """
    return {
        **summary(run.fitness),
        "mean": float(run.fitness.mean()),
        "species": len(run.species),
        "threshold": run.threshold,
        "nodes": float(run.pool.n_nodes.mean()),
        "links": float(run.pool.n_links.mean()),
        "champion_nodes": len(run.champion.nodes),
        "champion_links": len(run.champion.links),
        "evaluations": run.evaluations,
    }
