r"""Where nodes lie: grids, rings, and positions of your own.

The nodes of a grid lie in the middle of n equal cells, at $(2 i + 1 - n) / n$ for $i = 0 \dots n - 1$; so a grid three
times as fine has nodes at the same places, to the bit, and others between them: it samples the same function.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.host import host


def grid(*shape: int) -> np.ndarray:
    r"""The positions of a grid of shape[0] x shape[1] x ... nodes in [-1, 1], row by row, as (x, y, z ...): the last
    axis of the shape is x, as in a picture of rows and columns. Returns (n, D).

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
