r"""Pictures of a self-organising map, a cell a unit: what you know of each, the U-matrix, hits, classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.nn.som import SOM
from minidl.plot.canvas import finite, ink
from minidl.plot.cells import check_map, draw_cells, map_axes, polygons, titled

EMPTY = "#eeeeee"  # a unit that wins nothing


def plot_units(som: SOM, values: Any, *, label: str = "", ax: Any = None, **kwargs: Any) -> Any:
    r"""Whatever you know of each unit: numbers (rows, cols), or colours (rows, cols, 3) in [0, 1].

    label: what to write at the colour bar of numbers. kwargs: for Matplotlib's `PolyCollection`, such as `cmap=`,
    `clim=(0, 1)`, `edgecolors=`. Raises TypeError for som that is no SOM, and ValueError for values that are not finite
    or have another shape, and colours outside [0, 1].

    >>> from minidl.nn import SOM
    >>> som = SOM(3, 4, in_features=2, topology="hexagonal")
    >>> plot_units(som, np.arange(12).reshape(3, 4)).get_title()
    'a map of 3 x 4 units'
    """
    who = "plot_units"
    check_map(who, som)
    values = finite(who, "values", values)
    grid = (som.rows, som.cols)
    if values.shape not in (grid, (*grid, 3)):
        raise check.ShapeError(f"{who}: values must have shape {grid} or {(*grid, 3)}, got {values.shape}")
    if values.ndim == 3:
        check.within(who, "values", values, 0, 1)
        options = {"facecolors": values.reshape(-1, 3)}
    else:
        options = {"array": values.ravel(), "cmap": "viridis"}
    ax = map_axes(som, ax, bar=values.ndim == 2)
    cells = draw_cells(ax, polygons(som), {**options, "edgecolors": "face", **kwargs})
    if values.ndim == 2:
        ax.figure.colorbar(cells, ax=ax, shrink=0.8, label=label)
    return titled(ax, som, f"a map of {som.rows} x {som.cols} units")


def plot_u_matrix(som: SOM, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""The U-matrix: a unit's colour is the mean distance of its weights from those of the units that touch it.

    Dark basins are clusters, bright ridges the borders between them. One cell is one unit, as in all pictures of maps,
    so that they can be laid over each other. (The other custom, with cells of their own between units, shows which of
    a unit's sides is the steep one, on a grid twice as fine that no other picture has.)
    kwargs: for `PolyCollection`. Raises ValueError for a map without weights.

    >>> from minidl.nn import SOM
    >>> som = SOM(6, 6, 2).partial_fit(np.random.default_rng(0).normal(size=(200, 2)))
    >>> plot_u_matrix(som).get_title()
    'U-matrix'
    """
    check_map("plot_u_matrix", som)
    ax = plot_units(som, som.u_matrix(), label="mean distance to the units around", ax=ax, **kwargs)
    return titled(ax, som, "U-matrix")


def plot_hits(som: SOM, x: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""How many rows of x (N, D) each unit wins: the area drawn in its cell; the largest nearly fills it.

    Also over another picture: `plot_hits(som, x, ax=plot_u_matrix(som), facecolors="white")`.
    kwargs: for `PolyCollection`. Raises what `som.hit_map(x)` raises.

    >>> from minidl.nn import SOM
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> plot_hits(SOM(6, 6, 2).partial_fit(x), x).get_title().startswith("200 rows; most on one unit: ")
    True
    """
    check_map("plot_hits", som)
    hits = som.hit_map(x).ravel()
    ax = map_axes(som, ax)
    side = 0.9 * np.sqrt(hits / hits.max())  # the area is its square; what is behind the largest shows a little
    draw_cells(ax, polygons(som), {"facecolors": "none", "edgecolors": "0.75", "linewidths": 0.5})
    draw_cells(ax, polygons(som, side)[hits > 0], {"facecolors": "#0072B2", "edgecolors": "none", **kwargs})
    return titled(ax, som, f"{hits.sum()} rows; most on one unit: {hits.max()}; units without: {(hits == 0).sum()}")


def plot_labels_map(som: SOM, x: Any, y: Any, *, names: Sequence | None = None, ax: Any = None, **kwargs: Any) -> Any:
    r"""The class that each unit wins most often, of rows x (N, D) with classes y (N,) in 0, 1, ...; grey: it wins none.

    names: of the classes, for a legend. kwargs: for `PolyCollection`. Raises what `som.labels_map(x, y)` raises, and
    ValueError for fewer names than classes.

    >>> from minidl.nn import SOM
    >>> som = SOM(2, 2, 1).partial_fit([[0.0], [1.0]])
    >>> plot_labels_map(som, [[0.0], [1.0]], [0, 1], names=["low", "high"]).get_title()
    'the class of each unit'
    """
    who = "plot_labels_map"
    check_map(who, som)
    labels = som.labels_map(x, y).ravel()
    names = None if names is None else list(names)
    if names is not None and len(names) <= labels.max():
        raise ValueError(f"{who}: names must have {labels.max() + 1} entries or more, got {len(names)}")
    import matplotlib as mpl  # noqa: PLC0415  (only who draws needs Matplotlib)
    from matplotlib.patches import Patch  # noqa: PLC0415

    palette = [mpl.colors.to_hex(colour) for colour in mpl.colormaps["tab10"].colors]
    colours = [palette[k % 10] if k >= 0 else EMPTY for k in labels]  # the numbers tell more than ten classes apart
    ax = map_axes(som, ax)
    draw_cells(ax, polygons(som), {"facecolors": colours, "edgecolors": "white", "linewidths": 0.5, **kwargs})
    size = 10 if max(som.rows, som.cols) <= 15 else 6
    for (left, top), k, colour in zip(som.places().reshape(-1, 2), labels, colours, strict=True):
        if k >= 0:
            ax.text(left, top, str(k), ha="center", va="center", fontsize=size, color=ink(mpl.colors.to_rgb(colour)))
    if names is not None:
        seen = [k for k in np.unique(labels) if k >= 0]
        patches = [Patch(color=palette[k % 10], label=f"{k} {names[k]}") for k in seen]
        ax.legend(
            handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=min(len(seen), 4), frameon=False
        )
    return titled(ax, som, "the class of each unit")
