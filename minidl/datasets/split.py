r"""Keep some rows back: a model is judged on rows that it has not learned from."""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.datasets.clouds import generator
from minidl.datasets.rows import count_rows, host

WHO = "train_test_split"


def train_test_split(
    *arrays: Any, test_size: float | int = 0.25, stratify: Any = None, shuffle: bool = True, seed: int = 0
) -> list:
    r"""Divide the rows of all arrays in the same way: `x_train, x_test, y_train, y_test = train_test_split(x, y)`.

    test_size: an integer counts test rows, a float in (0, 1) is the fraction of them, rounded up. The rest is for
    training; neither part may be empty.
    stratify: labels (N,), most often y: each class then gets its share of the test rows, $n_k m / n$ of m, rounded by
    the largest remainder: all are rounded down, and the rows still missing go to the classes that lost most (on a
    tie to the first). So the parts have exactly the sizes asked for and the classes are off by less than one row.
    shuffle=False: the last rows are the test rows, in their order, as views where the arrays give views.

    Raises TypeError for something that is no array and ValueError for arrays of unequal length or without rows,
    a test_size out of range, stratify with shuffle=False, a class of fewer than 2 rows, or a part with fewer rows than
    there are classes. Names and meaning as in scikit-learn; the seed is 0 unless given, so a split is repeatable.

    >>> from minidl.datasets import load_digits
    >>> x, y = load_digits()
    >>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=500, stratify=y)
    >>> x_train.shape, x_test.shape, np.bincount(y_test).tolist()
    ((1297, 1, 8, 8), (500, 1, 8, 8), [50, 51, 49, 51, 50, 51, 50, 50, 48, 50])
    """
    n = count_rows(WHO, arrays)
    n_test = _n_test(n, test_size)
    rng = generator(WHO, seed)
    if not check.option(WHO, "shuffle", shuffle, (True, False)):
        if stratify is not None:
            raise ValueError(f"{WHO}: stratify needs shuffle=True, got shuffle=False")
        return [part for array in arrays for part in (array[: n - n_test], array[n - n_test :])]
    if stratify is None:
        order = rng.permutation(n)
        train, test = order[n_test:], order[:n_test]
    else:
        train, test = _stratified(rng, np.asarray(host(stratify)), n, n_test)
    return [part for array in arrays for part in (array[train], array[test])]


def _n_test(n: int, test_size: float | int) -> int:
    if n < 2:
        raise ValueError(f"{WHO}: needs at least 2 rows to divide, got {n}")
    if not isinstance(test_size, float | np.floating):
        return check.integer(WHO, "test_size", test_size, low=1, high=n - 1)
    if not 0 < test_size < 1:
        raise ValueError(f"{WHO}: test_size must be in (0, 1) or an integer, got {test_size}")
    n_test = math.ceil(float(test_size) * n)
    if n_test == n:
        raise ValueError(f"{WHO}: test_size={test_size} of {n} rows leaves none for training")
    return n_test


def _stratified(rng: np.random.Generator, labels: np.ndarray, n: int, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Row numbers for training and for testing, each mixed, with every class's share in both."""
    if labels.shape != (n,):
        raise check.ShapeError(f"{WHO}: stratify must have shape ({n},), got {labels.shape}")
    if labels.dtype.kind not in "biufSU":
        raise check.DTypeError(f"{WHO}: stratify must hold numbers or strings, got dtype {labels.dtype}")
    classes, class_of_row, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        lonely = classes[counts.argmin()]
        raise ValueError(f"{WHO}: stratify needs at least 2 rows a class, class {lonely} has {counts.min()}")
    if min(n_test, n - n_test) < len(classes):
        raise ValueError(f"{WHO}: {n - n_test} + {n_test} rows cannot both hold each of {len(classes)} classes")
    shares, remainders = np.divmod(counts * n_test, n)
    shares[np.argsort(-remainders, kind="stable")[: n_test - shares.sum()]] += 1
    order = rng.permutation(n)
    train, test = [], []
    for k, share in enumerate(shares):
        rows = order[class_of_row[order] == k]
        test.append(rows[:share])
        train.append(rows[share:])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))
