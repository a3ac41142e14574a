r"""Where nodes lie: grids, rings, and positions of your own.

The nodes of a grid lie in the middle of n equal cells, at $(2 i + 1 - n) / n$ for $i = 0 \dots n - 1$; so a grid three
times as fine has nodes at the same places, to the bit, and others between them: it samples the same function.

Source: Stanley, D'Ambrosio and Gauci 2009, Artificial Life 15, section 4, for sheets of nodes; where in its cell a node
lies is our choice.

Try it:
1. `express` one CPPN on the sandwiches of (11, 11) and of (33, 33): where both nodes of a link are on both grids, the
   weights are the same 14,641 numbers, to the bit.
2. Compare with `np.linspace(-1, 1, n)`, whose ends lie on the border: of its 11 places 3 are among its 33; of those of
   `grid(11)` all are among those of `grid(33)`.
3. `Substrate.circular([4, 8])` puts `ring(4, 0.5)` inside of `ring(8)`: every second outer node is in line with an
   inner one, so a CPPN that knows the angle can find out which.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.host import host


def grid(*shape: int) -> np.ndarray:
    r"""The positions of a grid of shape[0] x shape[1] x ... nodes in [-1, 1], row by row, as (x, y, z ...): the last
    axis of the shape is x, as in a picture of rows and columns. Returns (n, D).

    | option | meaning |
    |---|---|
    | `grid` | (n, D) |
    | `shape` | how many along each axis: `grid(3)`, `grid(11, 11)`, `grid(2, 3, 3)` |

    >>> grid(2, 2)
    array([[-0.5, -0.5],
           [ 0.5, -0.5],
           [-0.5,  0.5],
           [ 0.5,  0.5]])
    """
    shape = check.ints("grid", "shape", shape, n=len(shape))
    if not shape:
        raise ValueError("grid: shape must have at least one axis")
    check.room("grid", "positions", (math.prod(shape), len(shape)))
    sides = [(2.0 * np.arange(n) + 1 - n) / n for n in shape]
    axes = np.meshgrid(*sides, indexing="ij")
    return np.stack([axis.ravel() for axis in reversed(axes)], axis=1)


def ring(n: int, radius: float = 1.0) -> np.ndarray:
    r"""n positions on a circle around (0, 0), counter-clockwise from (radius, 0). Returns (n, 2).

    | option | meaning |
    |---|---|
    | `ring` | (n, 2) |
    | `n`, `radius` | how many, and how far from the middle |

    >>> ring(4).round(6) + 0.0
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]])
    """
    n = check.size("ring", "n", n)
    radius = check.number("ring", "radius", radius, above=0)
    check.room("ring", "positions", (n, 2))
    angle = 2 * np.pi * np.arange(n) / n
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def positions(who: str, name: str, places: Any) -> np.ndarray:
    r"""`places` as an array (n, D) of float64. ValueError or TypeError unless they are n >= 1 different finite ones.

    >>> positions("Substrate", "inputs", [[0, 1], [0, 1]])
    Traceback (most recent call last):
    ...
    ValueError: Substrate: inputs has two nodes at one place, [0. 1.]
    """
    places = host(who, name, places).astype(np.float64)
    if places.ndim != 2 or not places.size:
        raise check.ShapeError(f"{who}: {name} must have shape (n, D) with n, D >= 1, got {places.shape}")
    if not np.isfinite(places).all():
        raise ValueError(f"{who}: {name} must be finite, got {places[~np.isfinite(places)][0]}")
    found, counts = np.unique(places, axis=0, return_counts=True)
    if len(found) < len(places):
        raise ValueError(f"{who}: {name} has two nodes at one place, {found[counts.argmax()]}")
    return places


def illustrate(ax: Any) -> None:
    r"""Left: the nodes of `grid(3, 3)` (orange) and those of `grid(9, 9)` (blue): each lies in the middle of its cell,
    so the coarse grid's are the fine one's, too. Right: `ring(8)` and, inside, `ring(4, 0.5)`."""
    ax.axis("off")
    panels = [ax.inset_axes([left, 0.1, 0.4, 0.88], aspect="equal") for left in (0.03, 0.58)]
    for cells, width in ((9, 0.4), (3, 1.2)):
        for edge in np.linspace(-1, 1, cells + 1):
            panels[0].plot([edge, edge], [-1, 1], color="C4", linewidth=width)
            panels[0].plot([-1, 1], [edge, edge], color="C4", linewidth=width)
    panels[0].plot(*grid(9, 9).T, "o", markersize=4)
    panels[0].plot(*grid(3, 3).T, "o", markersize=8, markerfacecolor="none", markeredgewidth=2)
    for n, radius in ((8, 1.0), (4, 0.5)):
        panels[1].plot(*ring(n, radius).T, "o", markersize=6)
        panels[1].plot(*ring(100, radius).T, color="C4", linewidth=0.8)
    for panel in panels:
        panel.set(xlabel="x", ylabel="y", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
