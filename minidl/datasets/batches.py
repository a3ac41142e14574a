r"""A few rows at a time: what a training loop asks for."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import check
from minidl.datasets.clouds import generator
from minidl.datasets.rows import count_rows


def batches(
    *arrays: Any,
    batch_size: int,
    shuffle: bool = False,
    seed: int | np.random.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[tuple]:
    r"""Tuples of `batch_size` rows of every array, the same rows of each: `for xb, yb in batches(x, y, batch_size=32)`.

    Every row comes once; the last batch holds what is left, or is left out with drop_last=True.
    shuffle: mix the rows first. It needs a seed: an integer, for the same order every time, or a NumPy Generator that
    you keep, for another order every epoch. Batches of a plain pass are views where the arrays give views, those of a
    shuffled one are copies. All arguments are checked at the call, before the first batch is asked for.

    Raises TypeError for something that is no array, ValueError for arrays of unequal length or without rows,
    batch_size < 1, shuffle=True without a seed, or drop_last with fewer rows than one batch.

    >>> x, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> [yb.tolist() for xb, yb in batches(x, y, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    >>> rng = np.random.default_rng(0)
    >>> for epoch in range(2):
    ...     for xb, yb in batches(x, y, batch_size=2, shuffle=True, seed=rng):
    ...         assert (xb[:, 0] == 2 * yb).all()
    """
    n = count_rows("batches", arrays)
    batch_size = check.size("batches", "batch_size", batch_size)
    if drop_last and n < batch_size:
        raise ValueError(f"batches: drop_last leaves nothing of {n} rows with batch_size={batch_size}")
    rng = seed if seed is None or isinstance(seed, np.random.Generator) else generator("batches", seed)
    if shuffle and rng is None:
        raise ValueError("batches: shuffle=True needs seed=, an integer or a NumPy Generator, got None")
    order = rng.permutation(n) if shuffle else None
    stop = n - n % batch_size if drop_last else n
    picks = (slice(i, i + batch_size) for i in range(0, stop, batch_size))
    if shuffle:
        picks = (order[rows] for rows in picks)
    return (tuple(array[rows] for array in arrays) for rows in picks)
