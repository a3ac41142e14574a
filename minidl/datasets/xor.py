r"""Exclusive or: the smallest problem that one layer of weights cannot solve (M. Minsky and S. Papert 1969)."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import class_sizes, finish, generator, n_rows

POINTS = ((0, 0), (0, 1), (1, 0), (1, 1))


def make_xor(n_samples: int | None = None, *, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""The truth table of exclusive or, or a cloud of points labelled by it.

    n_samples=None: the four points $(a, b) \in \{0, 1\}^2$ with $y = a \oplus b$, in the order of the table.
    Otherwise points of the unit square, evenly from its four quadrants, with
    $y = [x_0 \ge \tfrac12] \oplus [x_1 \ge \tfrac12]$, to which Gaussian noise of standard deviation `noise` is added.

    Returns x float32 (n_samples, 2) and y int64 (n_samples,); a cloud has its rows mixed and its classes equal to
    within one. Raises ValueError for n_samples < 1, noise < 0, noise without n_samples, or seed < 0.

    >>> x, y = make_xor()
    >>> for (a, b), label in zip(x, y):
    ...     print(f"{a:g} xor {b:g} = {label}")
    0 xor 0 = 0
    0 xor 1 = 1
    1 xor 0 = 1
    1 xor 1 = 0
    """
    noise = check.number("make_xor", "noise", noise, low=0)
    rng = generator("make_xor", seed)
    if n_samples is None:
        if noise > 0:
            raise ValueError(f"make_xor: the four exact points take no noise, got noise={noise}; give n_samples too?")
        return np.array(POINTS, np.float32), np.array([a ^ b for a, b in POINTS], np.int64)
    n = n_rows("make_xor", n_samples)
    clouds = []
    for label, m in enumerate(class_sizes(n, 2)):
        corners = [point for point in POINTS if point[0] ^ point[1] == label]
        corner = np.array(corners, np.float32)[np.arange(m) % 2]  # (m, 2): the quadrants of this class in turn
        clouds.append((corner + rng.random((m, 2), dtype=np.float32)) / 2)
    return finish(rng, clouds, noise)
