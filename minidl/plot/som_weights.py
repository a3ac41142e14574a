r"""Pictures of the weights of a self-organising map: a map a feature, or an image a unit."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.nn.som import SOM
from minidl.plot.canvas import axes
from minidl.plot.cells import draw_cells, polygons, titled, weights_of
from minidl.plot.grid import draw_tiles


def plot_component_planes(som: SOM, *, names: Sequence | None = None, ax: Any = None, **kwargs: Any) -> Any:
    r"""A map a feature, with the weight that each unit has for it. Features that go together look alike.

    Each plane has a scale of its own, written above it: its smallest weight and its largest.
    names: of the features. kwargs: for `PolyCollection`. Raises ValueError for a map without weights, and for another
    number of names.

    >>> from minidl.nn import SOM
    >>> som = SOM(6, 6, 2).partial_fit(np.random.default_rng(0).normal(size=(200, 2)))
    >>> plot_component_planes(som, names=["width", "height"]).get_title()
    '2 component planes'
    """
    who = "plot_component_planes"
    weights = weights_of(who, som)
    D = som.in_features
    names = [f"feature {d}" for d in range(D)] if names is None else list(names)
    if len(names) != D:
        raise ValueError(f"{who}: names must have {D} entries, got {len(names)}")
    low, high = weights.min(axis=(0, 1)), weights.max(axis=(0, 1))  # (D,)
    shares = (weights - low) / np.where(high > low, high - low, 1)  # (rows, cols, D) in [0, 1]

    plane = polygons(som)
    plane = plane - plane.min(axis=(0, 1))  # from (0, 0)
    side = plane.max()
    wide, tall = plane.max(axis=(0, 1)) + (0.12 * side, 0.25 * side)  # room between planes, and for two lines of text
    columns = math.ceil(math.sqrt(D))
    rows = -(-D // columns)
    corners = np.array([(d % columns * wide, d // columns * tall) for d in range(D)])
    inch = min(2.4, 12 / max(columns, rows)) / side
    ax = axes(ax, columns * wide * inch + 1.2, rows * tall * inch + 0.5)
    options = {"array": shares.transpose(2, 0, 1).ravel(), "cmap": "viridis", "clim": (0, 1), "edgecolors": "face"}
    cells = draw_cells(ax, np.concatenate([plane + corner for corner in corners]), {**options, **kwargs})
    for (left, top), name, a, b in zip(corners, names, low, high, strict=True):
        ax.text(left, top - 0.02 * side, f"{name}\n{a:.3g} to {b:.3g}", va="bottom", fontsize=9 if D <= 16 else 6)
    ax.set(xlim=(0, columns * wide), ylim=(rows * tall - 0.25 * side, -0.25 * side))
    ax.set_aspect("equal")
    ax.set_axis_off()
    bar = ax.figure.colorbar(cells, ax=ax, shrink=0.8, ticks=(0, 1))
    bar.set_ticklabels(("smallest", "largest"))
    return titled(ax, som, f"{D} component plane{'s' * (D > 1)}")


def plot_prototypes(som: SOM, shape: Sequence, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""Each unit's weights as an image, where the unit sits: what it has come to stand for.

    shape: of an image, (H, W) or (1, H, W) in grey on one scale, or (3, H, W) in colour with weights in [0, 1].
    kwargs: for `Axes.imshow`. Raises ValueError for a map without weights, a shape of another number of features,
    and colours outside [0, 1].

    >>> from minidl.nn import SOM
    >>> som = SOM(3, 5, in_features=64).partial_fit(np.random.default_rng(0).random((100, 64)))
    >>> plot_prototypes(som, (8, 8)).get_title()
    '3 x 5 prototypes of 8 x 8'
    """
    who = "plot_prototypes"
    weights = weights_of(who, som)
    shape = check.ints(who, "shape", shape, 3 if isinstance(shape, Sequence) and len(shape) == 3 else 2)
    C, H, W = (1, *shape)[-3:]
    if C not in (1, 3) or C * H * W != som.in_features:
        wanted = f"(H, W), (1, H, W) or (3, H, W) for in_features={som.in_features}"
        raise check.ShapeError(f"{who}: shape must be {wanted}, got {shape}")
    images = weights.reshape(-1, C, H, W)
    if C == 3:
        check.within(who, "the weights of som", images, 0, 1)
    images = images.transpose(0, 2, 3, 1) if C == 3 else images[:, 0]
    ax = draw_tiles(images, som.cols, ax, {"cmap": "gray", **kwargs}, displaced=som.topology == "hexagonal")
    return titled(ax, som, f"{som.rows} x {som.cols} prototypes of {H} x {W}")
