r"""The cells of a self-organising map: one a unit, around the place where it sits (minidl/nn/som_grid.py).

They are squares, or regular hexagons with a corner at the top, whose sides touch exactly where units are neighbours.
Row 0 is at the top. Of a torus' glued edges both sides are shown, and the title says that it is one.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.nn.som import SOM
from minidl.plot.canvas import axes

# topology -> the corners of the cell around (0, 0), where the next unit of the row is at (1, 0)
CORNERS = {
    "rectangular": np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2,
    "hexagonal": np.array([[math.sin(a), math.cos(a)] for a in np.arange(6) * math.pi / 3]) / math.sqrt(3),
}


def check_map(who: str, som: Any) -> None:
    if not isinstance(som, SOM):
        raise check.DTypeError(f"{who}: som must be a minidl.nn.SOM, got {type(som).__name__}")


def weights_of(who: str, som: Any) -> np.ndarray:
    r"""The weights (rows, cols, D) of a map that has some."""
    check_map(who, som)
    weights = som.weights.numpy()
    if np.isnan(weights).any():
        raise ValueError(f"{who}: the map has no weights yet; call fit(x) first")
    return weights


def polygons(som: SOM, size: Any = 1.0) -> np.ndarray:
    r"""The corners of every cell: (K, 4 or 6, 2) for K = rows cols. size: of its side, one number or (K,) of them."""
    size = np.broadcast_to(size, som.rows * som.cols)
    return som.places().reshape(-1, 1, 2) + size[:, None, None] * CORNERS[som.topology]


def draw_cells(ax: Any, corners: np.ndarray, options: dict) -> Any:
    r"""Add the polygons to `ax`, which shows all of them; returns Matplotlib's collection."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415  (only who draws needs Matplotlib)

    return ax.add_collection(PolyCollection(corners, **options))


def map_axes(som: SOM, ax: Any, bar: bool = False) -> Any:
    r"""`ax`, or a new one, with the rows and columns of the map. bar: leave room for a colour bar."""
    low, high = polygons(som).min(axis=(0, 1)), polygons(som).max(axis=(0, 1))
    wide, tall = high - low
    inch = 5.5 / max(wide, tall)
    ax = axes(ax, max(wide * inch, 2.0) + 0.7 + 1.2 * bar, max(tall * inch, 1.5) + 0.9)
    ax.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), xlabel="column", ylabel="row")
    ax.set_aspect("equal")
    rows, cols = (range(0, n, -(-n // 12)) for n in (som.rows, som.cols))  # a dozen numbers are enough
    ax.set_xticks(cols, list(cols))
    ax.set_yticks(som.places()[list(rows), 0, 1], list(rows))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def titled(ax: Any, som: SOM, title: str) -> Any:
    ax.set_title(title + " (a torus)" * som.toroidal)
    return ax
