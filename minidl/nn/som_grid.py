r"""Where the units of a self-organising map sit, and who is whose neighbour.

A map has `rows` x `cols` units. Seen from above, the unit (i, j) is at the place (x to the right, y downwards):

| topology | x | y | units around one inside |
|---|---|---|---|
| `rectangular` | j | i | 8, at the distances 1 and $\sqrt 2$ |
| `hexagonal` | j, in odd rows $j + \frac12$ | $\frac{\sqrt 3}{2} i$ | 6, all at the distance 1 |

`toroidal`: the right edge is glued to the left one and the bottom to the top, so that no unit sits at an edge; the
distance is the shortest way round. (A hexagonal map closes only over an even number of rows.)

How far a unit follows the winner is a function of their squared distance $d^2$ on the grid and of a width $\sigma$:

| neighbourhood | h | reaches |
|---|---|---|
| `gaussian` | $e^{-d^2 / 2 \sigma^2}$ | everywhere |
| `mexican_hat` | $(1 - d^2 / \sigma^2)\, e^{-d^2 / 2 \sigma^2}$ | pushes away beyond $\sigma$ |
| `bubble` | 1 where $d \le \sigma$ | to $\sigma$ |
| `triangle` | $\max(0, 1 - d / \sigma)$ | to $\sigma$ |

Both $\sigma$ and the learning rate $\eta$ fall while the map learns, from a first value a to a last one b, over the
share p = t / T of the steps that is done:

| decay | value |
|---|---|
| `exponential` | $a (b / a)^p$ |
| `linear` | $a + (b - a) p$ |
| `inverse` | $a / (1 + (a / b - 1) p)$ |

Source: Kohonen 1982, Biological Cybernetics 43; Kohonen 2001, "Self-Organizing Maps", sections 3.2, 3.8
and 3.9 (neighbourhoods, decay); Ritter, Martinetz and Schulten 1992 (the exponential decay).

Try it:
1. `neighbours(4, 4, "rectangular", toroidal=False).sum(axis=1)[0]`: the unit in the corner has 3, on a hexagonal map 2.
   With toroidal=True it has 8 and 6, as every other unit.
2. In the doctest of `SOM`, try all three decays: the quantisation error is 0.431, 0.428 and 0.419, hardly a difference.
3. Set neighbourhood="mexican_hat" there: a FloatingPointError. Over a map of 8 x 8, with sigma 2, its h adds up to -8.0
   on average (the Gaussian's to 16.3): units are pushed away more than they are drawn.
"""

from typing import Any, NamedTuple

import numpy as np


class Topology(NamedTuple):
    r"""The distance of two rows; how far odd rows are displaced; up to which distance units are neighbours."""

    height: float
    displaced: float
    reach: float


TOPOLOGIES = {
    "rectangular": Topology(1.0, 0.0, 2**0.5),
    "hexagonal": Topology(0.75**0.5, 0.5, 1.0),
}

# what sigma may be: below the first no unit but the winner moves, beyond the last all move alike
WIDTHS = (1e-3, 1e9)

# name -> h of the squared distance on the grid and the width (the compiled loop in kernels/som.py says the same)
NEIGHBOURHOODS = {
    "gaussian": lambda d2, sigma: np.exp(-d2 / (2 * sigma**2)),
    "bubble": lambda d2, sigma: (d2 <= sigma**2).astype(float),
    "mexican_hat": lambda d2, sigma: (1 - d2 / sigma**2) * np.exp(-d2 / (2 * sigma**2)),
    "triangle": lambda d2, sigma: np.maximum(1 - np.sqrt(d2) / sigma, 0),
}

# name -> value after the share p of all steps, from a to b
DECAYS = {
    "exponential": lambda a, b, p: a * (b / a) ** p,
    "linear": lambda a, b, p: a + (b - a) * p,
    "inverse": lambda a, b, p: a / (1 + (a / b - 1) * p),
}


def places(rows: int, cols: int, topology: str) -> np.ndarray:
    r"""x and y of every unit: (rows, cols, 2).

    >>> places(2, 2, "hexagonal").round(2).tolist()
    [[[0.0, 0.0], [1.0, 0.0]], [[0.5, 0.87], [1.5, 0.87]]]
    """
    kind = TOPOLOGIES[topology]
    i, j = np.mgrid[:rows, :cols]
    return np.stack([j + kind.displaced * (i % 2), kind.height * i], axis=-1)


def tables(rows: int, cols: int, topology: str, toroidal: bool) -> tuple[np.ndarray, np.ndarray]:
    r"""v (rows,) and u (S, 2 cols - 1), whose sum is the squared distance of two units: v[|i - r|] for their rows, and
    u[s, j - c + cols - 1] for their columns. Where odd rows are displaced S = 3, and s = i % 2 - r % 2 + 1 says by how
    much row i is displaced against row r; else S = 1.

    >>> v, u = tables(3, 2, "hexagonal", toroidal=False)
    >>> v.round(2).tolist(), u.tolist()
    ([0.0, 0.75, 3.0], [[2.25, 0.25, 0.25], [1.0, 0.0, 1.0], [0.25, 0.25, 2.25]])
    """
    kind = TOPOLOGIES[topology]
    down = np.arange(rows)
    displaced = kind.displaced * np.array([-1, 0, 1]) if kind.displaced else np.zeros(1)
    across = np.arange(1 - cols, cols) + displaced[:, None]
    if toroidal:
        down = np.minimum(down, rows - down)
        across = np.abs([across - cols, across, across + cols]).min(axis=0)
    return (kind.height * down) ** 2, across**2


def squared_distances(rows: int, cols: int, topology: str, toroidal: bool) -> np.ndarray:
    r"""The squared distance of any two units on the grid: (K, K) with K = rows cols, in the order of the rows.

    >>> squared_distances(1, 3, "rectangular", toroidal=True).tolist()
    [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    v, u = tables(rows, cols, topology, toroidal)
    i, j = (index.ravel() for index in np.indices((rows, cols)))
    s = i[:, None] % 2 - i % 2 + 1 if len(u) == 3 else 0
    return v[abs(i[:, None] - i)] + u[s, j[:, None] - j + cols - 1]


def neighbours(rows: int, cols: int, topology: str, toroidal: bool) -> np.ndarray:
    r"""Which units touch: bools (K, K). No unit is its own neighbour.

    >>> neighbours(3, 3, "rectangular", toroidal=False).sum(axis=1).tolist()
    [3, 5, 3, 5, 8, 5, 3, 5, 3]
    """
    d2 = squared_distances(rows, cols, topology, toroidal)
    return (d2 <= TOPOLOGIES[topology].reach ** 2 + 1e-9) & ~np.eye(rows * cols, dtype=bool)


def planned(decay: str, first: float, last: float, t: Any, T: int) -> np.ndarray:
    r"""A value that falls over T steps, at the steps t; from T on it stays at the last one.

    >>> planned("linear", 4.0, 2.0, np.array([0, 5, 10, 99]), 10).tolist()
    [4.0, 3.0, 2.0, 2.0]
    """
    return DECAYS[decay](first, last, np.minimum(np.asarray(t) / T, 1.0))


def illustrate(ax: Any) -> None:
    r"""Left: how far a unit at the distance d from the winner follows it. Right: the same for all units of a hexagonal
    map of 10 x 12 whose edges are glued (toroidal), with the winner in the upper left corner: the neighbourhood goes on
    at the three other corners."""
    left, right = ax.inset_axes([0.0, 0.0, 0.42, 1.0]), ax.inset_axes([0.53, 0.0, 0.4, 1.0])
    ax.axis("off")
    d = np.linspace(0, 6, 121)
    for name, h in NEIGHBOURHOODS.items():
        left.plot(d, h(d**2, 2.0), label=name)
    left.legend(loc="upper left", bbox_to_anchor=(0.38, 1.02))
    left.set(xlabel=r"d, for $\sigma = 2$", ylabel="h")
    rows, cols = 10, 12
    h = NEIGHBOURHOODS["gaussian"](squared_distances(rows, cols, "hexagonal", toroidal=True)[0], 2.0)
    x, y = places(rows, cols, "hexagonal").reshape(-1, 2).T
    image = right.scatter(x, y, c=h, marker="h", s=100, linewidths=0)
    right.invert_yaxis()
    right.set(xlabel="x", ylabel="y", aspect="equal")
    ax.figure.colorbar(image, cax=ax.inset_axes([0.96, 0.2, 0.02, 0.6]), label="h")
