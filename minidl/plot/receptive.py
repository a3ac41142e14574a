r"""plot_receptive: the weights between two sheets of nodes, seen from single nodes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.plot.canvas import finite
from minidl.plot.grid import draw_tiles


def plot_receptive(
    weights: Any, shape: Sequence[int], *, cells: Sequence[int] | None = None, ax: Any = None, **kwargs: Any
) -> Any:
    r"""The weights with which single source nodes reach a sheet of targets: an image a source, as in HyperNEAT papers.

    weights: (S, T), from S sources to T targets, as `express` returns them. shape: of the target sheet, (H, W) with
    H W = T. cells: the sources to show; None: nine of them evenly from the first to the last, or all if there are
    fewer. Where the source sheet is as large as the target sheet, a dot marks the source's own place.
    Orange is negative, white 0, purple positive, on one scale. kwargs: for `Axes.imshow`. To see what *reaches* single
    targets, give `weights.T`. Raises ValueError for other shapes, and a cell that is none.

    >>> from minidl.evolution import Substrate
    >>> x, y = Substrate.sandwich((5, 5)).sheets["inputs"].T
    >>> weights = np.exp(-4 * np.hypot(x[:, None] - x, y[:, None] - y))  # (25, 25): near nodes are linked
    >>> plot_receptive(weights, (5, 5), cells=[0, 12]).get_title()
    'weights from 2 of 25 nodes to 5 x 5'
    """
    who = "plot_receptive"
    weights = finite(who, "weights", weights)
    H, W = check.ints(who, "shape", shape, 2)
    if weights.ndim != 2 or weights.shape[1] != H * W:
        raise check.ShapeError(f"{who}: weights must have shape (S, {H * W}) for shape {H, W}, got {weights.shape}")
    S = len(weights)
    if cells is None:
        cells = np.unique(np.linspace(0, S - 1, 9).round().astype(int)).tolist()
    cells = [check.integer(who, "a cell", cell, low=0, high=S - 1) for cell in cells]
    if not cells:
        raise ValueError(f"{who}: cells must have at least one entry, got none")
    largest = float(abs(weights[cells]).max()) or 1.0
    alike = S == H * W
    columns = int(np.ceil(np.sqrt(len(cells))))
    ax = draw_tiles(
        weights[cells].reshape(-1, H, W),
        columns,
        ax,
        {"cmap": "PuOr", "vmin": -largest, "vmax": largest, **kwargs},
        "weight",
        [f"{divmod(cell, W)}" if alike else f"node {cell}" for cell in cells],
        marks=[divmod(cell, W) for cell in cells] if alike else None,
    )
    ax.set_title(f"weights from {len(cells)} of {S} nodes to {H} x {W}")
    return ax
