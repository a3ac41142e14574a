r"""Intertwined spirals: the classic hard case for small networks (K. Lang and M. Witbrock 1988, two spirals)."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import class_sizes, finish, generator, n_rows


def make_spirals(
    n_samples: int = 100, *, n_classes: int = 2, turns: float = 1.0, noise: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    r"""K spiral arms of radius 1, one a class.

    Arm k of K is $r\,(\cos\theta, \sin\theta)$ with $\theta = 2\pi\,(\text{turns} \cdot r + k / K)$ and r evenly spaced
    in (0, 1]; r = 0, which belongs to all arms, is left out. turns: how often an arm goes round (Lang and Witbrock:
    3). noise: the standard deviation of the Gaussian noise added to both coordinates; neighbouring arms are
    $1 / (K \cdot \text{turns})$ apart.

    Returns x float32 (n_samples, 2) and y int64 (n_samples,), rows mixed, classes equal to within one.
    Raises ValueError for n_samples < 1, n_classes < 2, turns <= 0, noise < 0 or seed < 0.

    >>> x, y = make_spirals(300, n_classes=3, noise=0.02)
    >>> x.shape, np.bincount(y).tolist()
    ((300, 2), [100, 100, 100])
    """
    n = n_rows("make_spirals", n_samples)
    n_classes = check.integer("make_spirals", "n_classes", n_classes, low=2, high=n)
    turns = check.number("make_spirals", "turns", turns, above=0)
    noise = check.number("make_spirals", "noise", noise, low=0)
    rng = generator("make_spirals", seed)
    clouds = []
    for k, m in enumerate(class_sizes(n, n_classes)):
        r = np.arange(1, m + 1) / m
        theta = 2 * np.pi * (turns * r + k / n_classes)
        clouds.append(np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1))
    return finish(rng, clouds, noise)
