r"""Quadtrees over the picture that a CPPN paints: where it has detail.

The picture of a node, its *anchor*, is what the CPPN says of the links to (or from) all places of the square
[-1, 1] x [-1, 1]. A quadtree finds the bands in it:

1. *Division*. The square is cut into four, and these again, down to `initial_depth` (2^d x 2^d cells), then further,
   down to `max_depth`, wherever the values at the middles of a cell's four parts have a variance above
   `division_threshold`.
2. *Pruning and extraction*. From the top: a part whose leaves have a variance of at least `variance_threshold` is
   looked into. A part that is uniform stands for one node at its middle, if it lies in a band: with w its value and
   l, r, t, b those of the places one part to the left, right, above and below, if

   $$ \max(\min(|w - t|, |w - b|), \min(|w - l|, |w - r|)) > \text{band threshold} $$

   The link to that node has the weight $w \cdot w_{\max}$.

The trees of many anchors are divided together, a level at a time, so that the CPPN is asked a few times about many
places. Risi and Stanley 2012, Artificial Life 18, section 3.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
SIDES = np.array([[0.0, -1.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]])  # above, below, left, right


class Trees(NamedTuple):
    """Settings of the search in one picture; the names are those of the arguments."""

    division_threshold: float
    variance_threshold: float
    band_threshold: float
    initial_depth: int
    max_depth: int


class Level(NamedTuple):
    """All cells of one level that were divided, of all trees: n of them, of width 2 * half."""

    half: float
    anchor: np.ndarray  # (n,) whose tree
    middles: np.ndarray  # (n, 4, 2) of the parts
    w: np.ndarray  # (n, 4) there
    below: np.ndarray  # (n,) the cell of the next level that the first part is, the others follow; -1: not divided


def search(net: Any, anchors: np.ndarray, trees: Trees, outgoing: bool) -> tuple[list, list, list]:
    """The links that the pictures of all anchors (A, 2) show: number of the anchor, place (x, y), value of the CPPN."""

    def picture(anchor: np.ndarray, places: np.ndarray) -> np.ndarray:
        ends = [anchors[anchor], places] if outgoing else [places, anchors[anchor]]
        return np.nan_to_num(np.clip(net(np.concatenate(ends, axis=1))[:, 0], -1, 1), nan=0.0)

    levels = divide(picture, len(anchors), trees)
    found = extract(levels, trees.variance_threshold)
    anchor, places, w, steps = (np.concatenate(column) for column in zip(*found, strict=True))
    around = places[:, None] + SIDES * steps[:, None, None]  # (n, 4, 2)
    values = picture(np.repeat(anchor, 4), around.reshape(-1, 2)).reshape(-1, 4)
    jumps = np.abs(w[:, None] - values)
    band = np.maximum(jumps[:, :2].min(axis=1), jumps[:, 2:].min(axis=1)) > trees.band_threshold
    return anchor[band].tolist(), places[band].tolist(), w[band].tolist()


def divide(picture: Callable, A: int, trees: Trees) -> list[Level]:
    """The trees of A anchors, level by level from the root."""
    levels = []
    anchor, middle, half = np.arange(A), np.zeros((A, 2)), 1.0
    for depth in range(1, trees.max_depth + 1):
        middles = middle[:, None] + CORNERS * (half / 2)
        w = picture(np.repeat(anchor, 4), middles.reshape(-1, 2)).reshape(-1, 4)
        further = (depth < trees.initial_depth) | (w.var(axis=1) > trees.division_threshold)
        further &= depth < trees.max_depth
        levels.append(Level(half, anchor, middles, w, np.where(further, 4 * np.cumsum(further) - 4, -1)))
        anchor, middle, half = np.repeat(anchor[further], 4), middles[further].reshape(-1, 2), half / 2
        if not len(anchor):
            break
    return levels


def extract(levels: list[Level], variance_threshold: float) -> list[tuple]:
    """By level: anchor, place, value and width of the parts that are uniform and not inside of another one."""
    uniform, totals = [], None
    for level in reversed(levels):  # the variance of a part's leaves, from those of its own parts
        count, mean, squares = np.ones(level.w.shape), level.w.copy(), np.zeros(level.w.shape)
        divided = level.below >= 0
        if divided.any():
            children = level.below[divided, None] + np.arange(4)
            count[divided], mean[divided], squares[divided] = (total[children] for total in totals)
        uniform.insert(0, squares / count < variance_threshold)
        n = count.sum(axis=1)
        middle = (count * mean).sum(axis=1) / n
        totals = n, middle, (squares + count * (mean - middle[:, None]) ** 2).sum(axis=1)
    found = []
    cells = np.arange(len(levels[0].anchor))
    for level, flat in zip(levels, uniform, strict=True):
        row, part = np.nonzero(flat[cells])
        row = cells[row]
        found.append((level.anchor[row], level.middles[row, part], level.w[row, part], np.full(len(row), level.half)))
        row, part = np.nonzero(~flat[cells])
        cells = level.below[cells[row]] + part
    return found
