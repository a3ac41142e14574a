r"""What the makers of labelled points share: a generator of their own, fair class sizes, and the last steps."""

import numpy as np

from minidl import check


def generator(who: str, seed: int) -> np.random.Generator:
    r"""A fresh generator: the same seed gives the same data everywhere, whatever was drawn before."""
    return np.random.Generator(np.random.PCG64(check.integer(who, "seed", seed, low=0)))


def n_rows(who: str, n_samples: int) -> int:
    r"""The number of rows to make: 1 or more, and not more than there is memory for.

    >>> n_rows("make_moons", 100)
    100
    """
    n = check.size(who, "n_samples", n_samples)
    check.room(who, "n_samples", (n, 2))
    return n


def class_sizes(n: int, n_classes: int) -> list[int]:
    r"""n rows shared out among the classes as evenly as can be; the first ones get what is left over.

    >>> class_sizes(10, 3)
    [4, 3, 3]
    """
    return [n // n_classes + (k < n % n_classes) for k in range(n_classes)]


def finish(rng: np.random.Generator, clouds: list[np.ndarray], noise: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Label each cloud of points by its place in the list, add Gaussian noise, and mix the rows.

    clouds: one array (N_k, D) a class. Returns x float32 (N, D) and y int64 (N,).
    """
    x = np.concatenate(clouds)
    y = np.repeat(np.arange(len(clouds), dtype=np.int64), [len(cloud) for cloud in clouds])
    x = x + noise * rng.standard_normal(x.shape)
    order = rng.permutation(len(x))
    return x[order].astype(np.float32), y[order]
