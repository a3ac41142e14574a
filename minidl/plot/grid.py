r"""Many small pictures in one: filters, feature maps, images. All tiles lie in one image, with a gap between them, so
that one Axes holds them whatever their number."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.plot.canvas import axes, finite

GAP = "#8c8c8c"  # what shows between tiles: a grey that no colour map here has


def plot_filters(weights: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""The filters of a convolution: weights (F, C, KH, KW), or (F, KH, KW), or (KH, KW).

    With one channel they stand in a grid; with more, row f shows filter f, and column c its kernel for channel c.
    Orange is negative, white 0, purple positive, on one scale for all. kwargs: for `Axes.imshow`.

    >>> plot_filters(np.random.default_rng(0).normal(size=(6, 1, 5, 5))).get_title()
    '6 filters of 5 x 5'
    """
    who = "plot_filters"
    weights = finite(who, "weights", weights)
    if not 2 <= weights.ndim <= 4:
        raise check.ShapeError(f"{who}: weights must have shape (F, C, KH, KW), got {weights.shape}")
    weights = weights[None] if weights.ndim == 2 else weights
    weights = weights[:, None] if weights.ndim == 3 else weights
    F, C, KH, KW = weights.shape
    largest = float(abs(weights).max()) or 1.0
    if C == 1:
        tiles, columns, names = weights[:, 0], _columns(F), ("", "")
    else:
        tiles, columns, names = weights.reshape(F * C, KH, KW), C, ("input channel", "filter")
    options = {"cmap": "PuOr", "vmin": -largest, "vmax": largest, **kwargs}
    ax = draw_tiles(tiles, columns, ax, options, "weight")
    ax.set_title(f"{F} filter{'s' * (F > 1)} of {f'{C} x ' if C > 1 else ''}{KH} x {KW}")
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    return ax


def plot_feature_maps(maps: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""What a layer made of one image: maps (C, H, W), or (1, C, H, W), on one scale. kwargs: for `Axes.imshow`.

    >>> plot_feature_maps(np.random.default_rng(0).random(size=(6, 12, 12))).get_title()
    '6 feature maps of 12 x 12'
    """
    who = "plot_feature_maps"
    maps = finite(who, "maps", maps)
    if maps.ndim == 4 and len(maps) == 1:
        maps = maps[0]
    if maps.ndim != 3:
        raise check.ShapeError(f"{who}: maps must have shape (C, H, W), for one image, got {maps.shape}")
    C, H, W = maps.shape
    ax = draw_tiles(maps, _columns(C), ax, {"cmap": "viridis", **kwargs}, "activation")
    ax.set_title(f"{C} feature map{'s' * (C > 1)} of {H} x {W}")
    return ax


def plot_images(images: Any, *, titles: Sequence | None = None, ax: Any = None, **kwargs: Any) -> Any:
    r"""Images in a grid: (N, H, W) or (N, 1, H, W) in grey, or (N, 3, H, W) or (N, H, W, 3) in colour with values in
    [0, 1] (or integers in 0 ... 255). Grey ones have one scale, from the smallest value to the largest.

    titles: N of them. kwargs: for `Axes.imshow`.

    >>> plot_images(np.zeros((3, 8, 8)), titles=["a", "b", "c"]).get_title()
    '3 images of 8 x 8'
    """
    who = "plot_images"
    images = finite(who, "images", images)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim == 4 and images.shape[1] == 3:
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 3 and not (images.ndim == 4 and images.shape[3] == 3):
        raise check.ShapeError(
            f"{who}: images must have shape (N, H, W), (N, 1 or 3, H, W) or (N, H, W, 3), got {images.shape}"
        )
    if titles is not None and len(titles := list(titles)) != len(images):
        raise ValueError(f"{who}: titles must have {len(images)} entries, got {len(titles)}")
    if images.ndim == 4:
        images = images / 255 if images.dtype.kind in "iu" else images
        check.within(who, "images", images, 0, 1)
    N, H, W = images.shape[:3]
    ax = draw_tiles(images, _columns(N), ax, {"cmap": "gray", **kwargs}, None, titles)
    ax.set_title(f"{N} image{'s' * (N > 1)} of {H} x {W}")
    return ax


def _columns(n: int) -> int:
    return math.ceil(math.sqrt(n)) if n > 4 else n


def draw_tiles(
    tiles: np.ndarray,
    columns: int,
    ax: Any,
    options: dict,
    scale: str | None = None,
    titles: list | None = None,
    displaced: bool = False,
    marks: list | None = None,
) -> Any:
    """The tiles (n, H, W) or (n, H, W, 3), row by row, in one image; scale: what to write at the colour bar;
    displaced: every other row stands half a tile to the right; marks: (row, column) of a dot in every tile."""
    n, H, W = tiles.shape[:3]
    rows = -(-n // columns)
    gap = max(1, round(max(H, W) / 12))
    head = max(gap, round(0.25 * H)) if titles else gap  # the space above a tile
    tall, wide = H + head, W + gap
    half = wide // 2 if displaced else 0
    size = rows * tall + gap, columns * wide + gap + half
    sheet = np.ones((*size, 3)) if tiles.ndim == 4 else np.full(size, np.nan)  # NaN: what is behind shows
    places = [(k // columns * tall + head, k % columns * wide + gap + k // columns % 2 * half) for k in range(n)]
    for tile, (top, left) in zip(tiles, places, strict=True):
        sheet[top : top + H, left : left + W] = tile
    ax = axes(ax, *_inches(*sheet.shape[:2], scale is not None))
    ax.set_facecolor(GAP if scale else "white")
    image = ax.imshow(sheet, **{"interpolation": "nearest", **options})
    for title, (top, left) in zip(titles or (), places, strict=False):
        ax.text(left + W / 2 - 0.5, top - 0.7, str(title), ha="center", va="bottom", fontsize=8)
    for (row, column), (top, left) in zip(marks or (), places, strict=False):
        ax.plot(left + column, top + row, "o", color="black", markerfacecolor="white", markersize=4)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    if scale:
        ax.figure.colorbar(image, ax=ax, shrink=0.8, label=scale)
    return ax


def _inches(height: int, width: int, bar: bool) -> tuple[float, float]:
    """A figure of this shape with a longer side of 6 inches, and room for the title and the colour bar."""
    inch = 6.0 / max(height, width)
    return max(width * inch, 2.0) + 1.5 * bar, max(height * inch, 1.0) + 0.7
