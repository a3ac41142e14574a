r"""Two half circles, each reaching into the other: no straight line divides them."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import class_sizes, finish, generator, n_rows


def make_moons(n_samples: int = 100, *, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Two interleaving half circles of radius 1.

    With $t$ evenly spaced from 0 to $\pi$: class 0 is $(\cos t, \sin t)$, the upper half; class 1 is
    $(1 - \cos t, \tfrac12 - \sin t)$, the lower half, moved right and up. noise: the standard deviation of the
    Gaussian noise added to both coordinates; from about 0.2 on the classes overlap.

    Returns x float32 (n_samples, 2) and y int64 (n_samples,), rows mixed, classes equal to within one.
    Raises ValueError for n_samples < 1, noise < 0 or seed < 0. After scikit-learn's function of this name.

    >>> x, y = make_moons(200, noise=0.1)
    >>> x.shape, np.bincount(y).tolist()
    ((200, 2), [100, 100])
    """
    n = n_rows("make_moons", n_samples)
    noise = check.number("make_moons", "noise", noise, low=0)
    rng = generator("make_moons", seed)
    upper, lower = (np.linspace(0, np.pi, m) for m in class_sizes(n, 2))
    clouds = [
        np.stack([np.cos(upper), np.sin(upper)], axis=1),
        np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
    ]
    return finish(rng, clouds, noise)
