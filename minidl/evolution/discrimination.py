r"""Visual discrimination: tell the larger of two boxes from the smaller one, wherever they are. The task of HyperNEAT.

On a field of 11 x 11 pixels there are two boxes, of 1 x 1 and of 3 x 3 pixels that are 1. A substrate of two such
sheets, linked by 14,641 weights from a CPPN, shall be most active at the middle of the larger box. There are 75
trials: the small box in every second row and column (1, 3, 5, 7, 9), the large one 5 cells further to the right,
down, or both, beginning again at the other side and pushed back to where all of it is inside. With d the distance, in
cells, of the most active cell (the first one of several) from the middle of the large box:

$$ \mathrm{fitness} = 10 + \sum_{75} \max(0, 30 - d^2) $$

A network is *solved* at 95 % of the maximum, 2260. The activation of the cells plays no part: it rises, and so does not
move the maximum.

**Scaling**: the same CPPN can be asked for the weights of a finer field, of 33 x 33 (1.2 million links), 55 x 55 (9.2
million) and so on, any odd multiple of 11. Boxes are 3 or 5 times as large there, and d is still measured in the cells
of the 11 x 11 field. (A pixel is $(11 / n)^2$ there, so that a box excites as much; that, too, moves no maximum.)

Weights are added up cell by cell, always in one order, so that the result is the same on every machine.

Source: Stanley,
D'Ambrosio and Gauci 2009, Artificial Life 15, section 5; the numbers are those of the authors' program.

Try it:
1. Take the CPPN of the doctest, near in x times near in y: 2,260, at 33 and 55 cells, too. Leave out y, so that whole
   columns are linked: 785, and on average the answer is 5.3 cells off. One that says the same everywhere has 258.
2. Make it narrower: the weights 1.0 of the delta inputs 3.0. Each cell is linked to itself alone (121 links), nothing
   is added up, and it has 1,390: of several cells that are alike active the first one counts.
3. Turn its sign: 165, as the answer is where no box is near.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.evolution.genome import Genome
from minidl.evolution.hyperneat import Rule, express, networks
from minidl.evolution.substrate import Substrate

WHO = "discrimination"
FIELD = 11
MAXIMUM = 10 + 75 * 30
SOLVED = 0.95 * MAXIMUM


class Trials(NamedTuple):
    r"""The trials on a field of n x n cells, numbered row n + column; a box of 1 pixel on the coarsest has b = n / 11.

    | field | |
    |---|---|
    | `small` | (25, b²) the cells of the small box, wherever it may be |
    | `large` | (45, 9 b²) those of the large one |
    | `pairs` | (75, 2) the trials: rows in `small` and in `large` |
    | `middles` | (75, 2) row and column of the middle of the large box |
    """

    small: np.ndarray
    large: np.ndarray
    pairs: np.ndarray
    middles: np.ndarray


@functools.lru_cache(typed=True)
def trials(resolution: int = FIELD) -> Trials:
    r"""The 75 trials. ValueError unless resolution is an odd multiple of 11.

    >>> [int(cell) for cell in trials().small[1]], trials().middles[3:6].tolist()  # the box in row 1, column 3
    ([14], [[1, 8], [6, 3], [6, 8]])
    """
    n = check.size(WHO, "resolution", resolution)
    b = n // FIELD
    if n % FIELD or b % 2 == 0:
        raise ValueError(f"{WHO}: resolution must be an odd multiple of {FIELD}, got {n}")
    places = [(row, col) for row in range(1, FIELD, 2) for col in range(1, FIELD, 2)]
    moved = [(row + down, col + right) for row, col in places for down, right in ((0, 5), (5, 0), (5, 5))]
    middles = np.clip(np.array(moved) % FIELD, 1, FIELD - 2)
    found, large = np.unique(middles, axis=0, return_inverse=True)
    return Trials(
        np.array([_box(b * row, b * col, b, n) for row, col in places]),
        np.array([_box(b * (row - 1), b * (col - 1), 3 * b, n) for row, col in found]),
        np.stack([np.repeat(np.arange(len(places)), 3), large.ravel()], axis=1),
        b * middles + b // 2,
    )


def _box(row: int, col: int, side: int, n: int) -> np.ndarray:
    return ((row + np.arange(side))[:, None] * n + col + np.arange(side)).ravel()


def distances(
    nets: Any, resolution: int = FIELD, delta: bool = True, *, threshold: float = 0.2, max_weight: float = 3.0
) -> np.ndarray:
    r"""The squared distances d² (P, 75) of the answers from the truth, for every network and trial; arguments as below.

    >>> from minidl.evolution import Genome
    >>> edges = [(4, 7, 1.0), (5, 8, 1.0), (7, 6, 1.0), (8, 6, 1.0)]  # near in x times near in y
    >>> kinds = {7: "gaussian", 8: "gaussian", 6: "linear"}
    >>> near = Genome.from_edges(edges, 6, 1, bias=0, activations=kinds, aggregations={6: "product"})
    >>> distances([near]).shape, float(distances([near]).max())
    ((1, 75), 0.0)
    """
    n = check.size(WHO, "resolution", resolution)
    sheet, task = Substrate.sandwich((n, n)), trials(n)
    rule = Rule(WHO, threshold, max_weight, delta, leo=False)
    nets = networks(WHO, nets, rule, sheet)
    most = np.full((len(nets), len(task.pairs)), -np.inf)
    best = np.zeros(most.shape, np.int64)
    for p, targets, w in rule.strips(nets, sheet, 0):  # w (n^2, T)
        small, large = (w[cells].sum(axis=1)[rows] for cells, rows in zip(task[:2], task.pairs.T, strict=True))
        active = small + large  # (75, T)
        winner = active.argmax(axis=1)
        top = active[np.arange(len(winner)), winner]
        better = top > most[p]
        most[p, better], best[p, better] = top[better], winner[better] + targets.start
    rows, cols = task.middles.T
    return ((best // n - rows) ** 2 + (best % n - cols) ** 2) / (n / FIELD) ** 2


def discrimination(
    nets: Any, resolution: int = FIELD, delta: bool = True, *, threshold: float = 0.2, max_weight: float = 3.0
) -> dict[str, np.ndarray]:
    r"""A `fitness_batch`: "fitness" (P,) and "solved" (P,) of CPPNs.

    | option | meaning |
    |---|---|
    | `discrimination` | a dict |
    | `nets` | a `Nets`, or a list of networks or genomes, of inputs x1, y1, x2, y2 and one output |
    | `resolution` | cells of a side of the field: an odd multiple of 11 |
    | `delta` | whether x1 - x2 and y1 - y2 are inputs, too |
    | `threshold`, `max_weight` | as in `express` |

    For other arguments: `evolve(config, fitness_batch=functools.partial(discrimination, delta=False))`.

    Raises ValueError for a resolution that is no odd multiple of 11, and CPPNs with other numbers of inputs or outputs.

    >>> from minidl.evolution import Genome
    >>> edges = [(4, 7, 1.0), (5, 8, 1.0), (7, 6, 1.0), (8, 6, 1.0)]  # near in x times near in y
    >>> kinds = {7: "gaussian", 8: "gaussian", 6: "linear"}
    >>> near = Genome.from_edges(edges, 6, 1, bias=0, activations=kinds, aggregations={6: "product"})
    >>> discrimination([near])
    {'fitness': array([2260.]), 'solved': array([ True])}
    """
    d2 = distances(nets, resolution, delta, threshold=threshold, max_weight=max_weight)
    fitness = 10 + np.maximum(0, 30 - d2).sum(axis=1)
    return {"fitness": fitness, "solved": fitness >= SOLVED}


def illustrate(ax: Any) -> None:
    r"""One trial: a field with a small and a large box (left), and how active the cells of the answer are for two
    CPPNs: near in x and in y (middle), and near in x only (right). The cross is the middle of the large box, which
    should be the most active cell; the orange ring is the one that is. To be near in x only is not enough."""
    task = trials()
    small, large = task.pairs[20]
    field = np.zeros(FIELD * FIELD)
    field[task.small[small]] = field[task.large[large]] = 1
    edges = [(4, 7, 1.0), (5, 8, 1.0), (7, 6, 1.0), (8, 6, 1.0)]
    ax.axis("off")
    for k, name in enumerate(("the boxes", "near in x and y", "near in x only")):
        panel = ax.inset_axes([0.34 * k, 0.1, 0.31, 0.8], xticks=[], yticks=[], title=name)
        active = field
        if k:
            some = edges if k == 1 else [edge for edge in edges if 8 not in edge]
            used = {n: "gaussian" for n in (7, 8) if any(n in edge for edge in some)} | {6: "linear"}
            near = Genome.from_edges(some, 6, 1, bias=0, activations=used, aggregations={6: "product"})
            (weights,) = express(near, Substrate.sandwich((FIELD, FIELD)), delta=True)
            active = field @ weights
            row, col = divmod(active.argmax(), FIELD)
            panel.plot(col, row, "o", color="C1", markersize=16, markerfacecolor="none", markeredgewidth=2)
        panel.imshow(active.reshape(FIELD, FIELD))
        panel.plot(*task.middles[20][::-1], "x", color="C3", markeredgewidth=2)
