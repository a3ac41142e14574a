r"""Archive: what has been behaved like, so that what is new can be told from what is not.

Novelty search asks of a genome not how good it is, but how different from all others; where the way to a goal leads
away from it first, that finds what a fitness cannot. A genome's *behaviour* is a list of numbers that says what it
did (where the robot ended up). Its novelty is the mean distance to the k behaviours nearest to it, of the others of
its generation and of the archive:

$$ \rho(b) = \frac1k \sum_{i=1}^k \|b - \mu_i\| $$

After a generation, those with a novelty above the threshold go into the archive, which never forgets. With
`adaptive=True` the threshold then rises by 20 % if these were more than four, and falls by 5 % whenever 2,500
evaluations went by without one.

The archive of a run is no part of it. It must see every generation once, in the process that calls `evolve`, and is
saved beside the run's checkpoints, by generation, so that the two fit together:

    save = lambda run: minidl.save(archive.state_dict(), f"archive-{run.generation}.safetensors")
    run = evolve(config, fitness_batch=novelty, checkpoint="runs", callbacks=[save])

    run = NEAT.load("runs")                 # later, to go on
    archive.load_state_dict(minidl.load(f"archive-{run.generation}.safetensors"))
    run = evolve(run, fitness_batch=novelty, checkpoint="runs", callbacks=[save])

With an executor: `novelty = lambda nets: archive.update(evaluate(nets, fitness=f, executor=executor).behaviour)`, where
f returns a dict with "behaviour".

Source: Lehman and Stanley 2011, Evolutionary Computation 19, section 3.

Try it:
1. The search of the picture below keeps 271 of 3,000 behaviours, and comes 3.8 away from its start; where the 20 are
   taken at random, 1.6. With `threshold=0.05` it keeps 2,954 and comes 4.3 away, with 1.0 it keeps 8, and 2.2: an
   archive that is too coarse lets a search go where it has been.
2. The hard maze of `demos/neat_maze.py`, 150 generations, 10 seeds: 6 are solved by novelty, 1 by nearness to the goal.
   With novelty robots ended in 76 of 100 squares of 20 x 20, with nearness in 54.
3. Take `Archive(threshold=1e9)`: only the first most novel behaviour is ever kept. After 2,500 evaluations without a
   new one the threshold has fallen to 9.5e8.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.host import host
from minidl.kernels.distance import PRODUCT, squared_distances

WHO = "Archive"
BLOCK = 2**22  # distances that are looked at together
LARGEST = 1e100  # squares are added up
MANY, RISE = 4, 1.2
PATIENCE, FALL = 2500, 0.95


class Archive:
    r"""Behaviours that were new when they were seen.

    | option | meaning |
    |---|---|
    | `Archive` | `behaviours` (M, D) are those kept; `len(archive)` is M |
    | `k` | neighbours that count |
    | `threshold` | the novelty that is enough, in the units of a behaviour |
    | `adaptive` | whether the threshold moves, as above |

    Raises ValueError or TypeError for behaviours that are not (P, D), with P >= 1 and always the same D, of numbers
    up to 1e100 in size.

    >>> archive = Archive(k=1, threshold=2.0)
    >>> archive.update([[0.0], [1.0], [9.0]])
    array([1., 1., 8.])
    >>> archive
    Archive(k=1, threshold=2, len=1)
    >>> archive.behaviours, archive.novelty([[8.0]])
    (array([[9.]]), array([1.]))

    Evolution of what behaves unlike the others, in what it says of two cases:

    >>> from minidl.evolution import NEATConfig, evolve
    >>> archive = Archive(k=5, threshold=0.2)
    >>> def novelty(nets):
    ...     return archive.update(nets([[0.0, 1.0], [1.0, 1.0]])[..., 0])  # (P, 2)
    >>> run = evolve(NEATConfig(2, 1, population_size=20), fitness_batch=novelty, generations=5, seed=0, verbose=False)
    >>> len(archive) > 1
    True
    """

    def __init__(self, k: int = 15, threshold: float = 1.0, *, adaptive: bool = True):
        self.k = check.size(WHO, "k", k)
        self.threshold = check.number(WHO, "threshold", threshold, above=0)
        self.adaptive = check.option(WHO, "adaptive", adaptive, (True, False))
        self.behaviours = np.empty((0, 0))
        self.waited = 0  # evaluations since the last that was new

    def __len__(self) -> int:
        return len(self.behaviours)

    def __repr__(self) -> str:
        return f"{WHO}(k={self.k}, threshold={self.threshold:g}, len={len(self)})"

    def novelty(self, behaviours: Any) -> np.ndarray:
        r"""The novelty (P,) of each row of behaviours (P, D) among the others and those kept.

        Where there are fewer than k to compare with, all of them count; of the only behaviour there is it is 0.
        """
        rows = self._rows("novelty", behaviours)
        known = np.concatenate([rows, self.behaviours]) if len(self) else rows
        k = min(self.k, len(known) - 1)
        scores = np.zeros(len(rows))
        step = max(1, BLOCK // len(known))
        for first in range(0, len(rows) if k else 0, step):
            part = slice(first, min(first + step, len(rows)))
            d2 = _squared_distances(rows[part], known)
            d2[np.arange(part.stop - first), np.arange(first, part.stop)] = np.inf  # nobody is their own neighbour
            nearest = np.sort(np.partition(d2, k - 1, axis=1)[:, :k], axis=1)  # sorted: one order of summation
            scores[part] = np.sqrt(nearest).mean(axis=1)
        return scores

    def update(self, behaviours: Any) -> np.ndarray:
        r"""The novelty (P,) of a generation's behaviours (P, D); then keeps those that are new, of the first generation
        at least the one that is most so.
        """
        rows, scores = self._rows("update", behaviours), self.novelty(behaviours)
        new = scores > self.threshold
        if not len(self):
            new[scores.argmax()] = True
        self.behaviours = np.concatenate([self.behaviours.reshape(len(self), rows.shape[1]), rows[new]])
        self.waited = 0 if new.any() else self.waited + len(rows)
        if self.adaptive and new.sum() > MANY:
            self.threshold *= RISE
        elif self.adaptive and self.waited >= PATIENCE:
            self.threshold *= FALL
            self.waited = 0
        return scores

    def state_dict(self) -> dict[str, np.ndarray]:
        r"""All that changes, as arrays (for `minidl.save`).

        >>> archive = Archive()
        >>> scores = archive.update([[0.0], [9.0]])
        >>> again = Archive()
        >>> again.load_state_dict(archive.state_dict())
        >>> bool((again.novelty([[4.0]]) == archive.novelty([[4.0]])).all())
        True
        """
        return {
            "behaviours": self.behaviours.copy(),
            "threshold": np.array(self.threshold),
            "waited": np.array(self.waited),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        r"""Go back to a state that `state_dict` returned. ValueError or TypeError for another, and nothing changes."""
        who = f"{WHO}.load_state_dict"
        if not isinstance(state, dict) or state.keys() != self.state_dict().keys():
            raise ValueError(f"{who}: wanted {', '.join(self.state_dict())}, got {state!r}")
        behaviours = _finite(who, state["behaviours"])
        threshold = check.number(who, "threshold", state["threshold"], above=0)
        self.waited = check.integer(who, "waited", np.asarray(state["waited"])[()], low=0)
        self.behaviours, self.threshold = behaviours, threshold

    def _rows(self, method: str, behaviours: Any) -> np.ndarray:
        who = f"{WHO}.{method}"
        rows = _finite(who, behaviours)
        if not rows.size:
            raise check.ShapeError(f"{who}: behaviours must have shape (P, D) with P, D >= 1, got {rows.shape}")
        if len(self):
            check.axis_size(who, "behaviours", rows, 1, self.behaviours.shape[1], "the D of those kept")
        return rows


def _finite(who: str, behaviours: Any) -> np.ndarray:
    rows = host(who, "behaviours", behaviours).astype(np.float64)
    check.rank(who, "behaviours", rows, "(P, D)")
    check.within(who, "behaviours", rows, -LARGEST, LARGEST)
    return rows


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Some features at a time, so few that a loop does it, and not BLAS, which adds up differently elsewhere."""
    few = PRODUCT - 1
    return sum(squared_distances(x[:, d : d + few], y[:, d : d + few]) for d in range(0, x.shape[1], few))


def illustrate(ax: Any) -> None:
    r"""A search for novelty in the plane, from the middle on: of 100 behaviours the 20 most novel have the next 100
    children, each a small step away, for 30 generations. Dots are what the archive keeps (threshold 0.3), coloured by
    generation, crosses the last generation. It goes outwards in all directions; nothing draws it back to where it has
    been."""
    rng = np.random.default_rng(0)
    archive, points, kept = Archive(k=15, threshold=0.3, adaptive=False), np.zeros((1, 2)), []
    for generation in range(30):
        children = points[rng.integers(len(points), size=100)] + rng.normal(0, 0.1, (100, 2))
        points = children[np.argsort(-archive.update(children))[:20]]
        kept += [generation] * (len(archive) - len(kept))
    ax.plot(*children.T, "x", color="C1", markersize=3)
    dots = ax.scatter(*archive.behaviours.T, c=kept, vmin=-8, s=12, rasterized=True)
    ax.figure.colorbar(dots, label="generation", ticks=(0, 10, 20, 29)).ax.set_ylim(0, 29)
    ax.set(xlabel="behaviour 1", ylabel="behaviour 2", aspect="equal")
