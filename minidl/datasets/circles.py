r"""A circle inside a circle: what a radial basis function sees at once and a line never."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import class_sizes, finish, generator, n_rows


def make_circles(
    n_samples: int = 100, *, noise: float = 0.0, factor: float = 0.8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Two circles around the origin: class 0 with radius 1, class 1 with radius `factor`, 0 <= factor < 1.

    The points are evenly spaced on each; noise is the standard deviation of the Gaussian noise added to both
    coordinates. Returns x float32 (n_samples, 2) and y int64 (n_samples,), rows mixed, classes equal to within one.
    Raises ValueError for n_samples < 1, noise < 0, seed < 0 or a factor outside [0, 1). After scikit-learn's function
    of this name.

    >>> x, y = make_circles(100, factor=0.5)
    >>> radius = np.hypot(x[:, 0], x[:, 1])
    >>> np.unique(radius[y == 0].round(6)).tolist(), np.unique(radius[y == 1].round(6)).tolist()
    ([1.0], [0.5])
    """
    n = n_rows("make_circles", n_samples)
    noise = check.number("make_circles", "noise", noise, low=0)
    factor = check.number("make_circles", "factor", factor, low=0)
    if factor >= 1:
        raise ValueError(f"make_circles: factor must be < 1, got {factor}")
    rng = generator("make_circles", seed)
    clouds = []
    for radius, m in zip((1.0, factor), class_sizes(n, 2), strict=True):
        angle = np.linspace(0, 2 * np.pi, m, endpoint=False)
        clouds.append(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return finish(rng, clouds, noise)
