r"""train_test_split and batches: every row once, all arrays alike, exact sizes."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import datasets as D

seeds = st.integers(0, 2**32)


class DeviceArray:
    r"""Like an array on a GPU: rows can be picked and copied to the host with get(); NumPy may not touch it."""

    def __init__(self, array):
        self.inner, self.shape = array, array.shape

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, rows):
        assert isinstance(rows, slice) or (isinstance(rows, np.ndarray) and rows.dtype == np.int64)
        return DeviceArray(self.inner[rows])

    def __array__(self, *args, **kwargs):
        raise TypeError("implicit conversion to NumPy")

    def get(self):
        return self.inner


def rows_of(n):
    r"""x (n, 2) and y (n,) that tell from every row which one it was."""
    return np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n)


def test_split_of_the_digits_has_the_sizes_of_the_main_job():
    x, y = D.load_digits()
    x_train, x_test, y_train, y_test = D.train_test_split(x, y, test_size=500, stratify=y, seed=3)
    assert x_train.shape == (1297, 1, 8, 8) and x_test.shape == (500, 1, 8, 8)
    assert x_train.dtype == np.float32 and y_test.dtype == np.int64
    quotas = [Fraction(int(c) * 500, 1797) for c in np.bincount(y)]
    assert all(abs(int(c) - q) < 1 for c, q in zip(np.bincount(y_test), quotas, strict=True))


@pytest.mark.parametrize(
    ("n", "test_size", "n_test"),
    [(10, 0.25, 3), (8, 0.25, 2), (100, 0.001, 1), (3, 0.5, 2), (1797, 500, 500), (2, 1, 1), (5, np.int32(4), 4)],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_test_size_counts_or_is_rounded_up(n, test_size, n_test, shuffle):
    train, test = D.train_test_split(np.arange(n), test_size=test_size, shuffle=shuffle)
    assert (len(train), len(test)) == (n - n_test, n_test)


@given(n=st.integers(2, 60), data=st.data(), seed=seeds)
def test_split_keeps_every_row_once_and_together(n, data, seed):
    x, y = rows_of(n)
    n_test = data.draw(st.integers(1, n - 1))
    x_train, x_test, y_train, y_test = D.train_test_split(x, y, test_size=n_test, seed=seed)
    assert len(y_test) == n_test and sorted([*y_train, *y_test]) == list(range(n))
    assert np.array_equal(x_train, x[y_train]) and np.array_equal(x_test, x[y_test])
    assert np.array_equal(y_test, D.train_test_split(y, test_size=n_test, seed=seed)[1])


def test_split_mixes_and_the_seed_decides():
    y = np.arange(100)
    train, test = D.train_test_split(y)
    assert len(test) == 25 and not np.array_equal(np.sort(train), train)
    assert not np.array_equal(test, D.train_test_split(y, seed=1)[1])
    train, test = D.train_test_split(y, shuffle=False)
    assert np.array_equal(train, y[:75]) and np.array_equal(test, y[75:])


@given(counts=st.lists(st.integers(2, 30), min_size=1, max_size=6), data=st.data(), seed=seeds)
def test_stratified_shares_are_the_largest_remainder(counts, data, seed):
    n, k = sum(counts), len(counts)
    n_test = data.draw(st.integers(k, n - k))
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(k), counts))
    rows = np.arange(n)
    train, test, y_train, y_test = D.train_test_split(rows, labels, test_size=n_test, stratify=labels, seed=seed)
    assert sorted([*train, *test]) == list(range(n)) and np.array_equal(y_test, labels[test])

    quotas = [Fraction(c * n_test, n) for c in counts]  # the definition, in fractions
    shares = [math.floor(q) for q in quotas]
    for c in sorted(range(k), key=lambda c: shares[c] - quotas[c])[: n_test - sum(shares)]:
        shares[c] += 1
    assert np.bincount(y_test, minlength=k).tolist() == shares
    assert np.array_equal(test, D.train_test_split(rows, test_size=n_test, stratify=labels, seed=seed)[1])


def test_stratified_rows_are_mixed_and_labels_may_be_words():
    labels = np.repeat(["cat", "dog"], 100)
    train, test = D.train_test_split(labels, test_size=0.5, stratify=labels)
    for part in (train, test):
        assert sorted(part) == ["cat"] * 50 + ["dog"] * 50 and (part[:-1] > part[1:]).sum() > 5


def test_splits_and_batches_of_device_arrays():
    x, y = rows_of(10)
    labels = DeviceArray(y % 2)
    for options in ({}, {"shuffle": False}, {"stratify": labels}):
        x_train, x_test, y_train, y_test = D.train_test_split(DeviceArray(x), DeviceArray(y), test_size=4, **options)
        assert isinstance(x_test, DeviceArray) and np.array_equal(x_test.inner, x[y_test.inner])
        assert sorted([*y_train.inner, *y_test.inner]) == list(range(10))
    for options in ({}, {"shuffle": True, "seed": 0}):
        got = list(D.batches(DeviceArray(x), DeviceArray(y), batch_size=4, **options))
        assert sorted(np.concatenate([yb.inner for _, yb in got])) == list(range(10))


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60), shuffle=st.booleans(), drop=st.booleans(), seed=seeds)
def test_batches_hold_every_row_once_and_together(n, batch_size, shuffle, drop, seed):
    x, y = rows_of(n)
    if drop and n < batch_size:
        with pytest.raises(ValueError, match="drop_last leaves nothing"):
            D.batches(x, y, batch_size=batch_size, drop_last=True)
        return
    got = list(D.batches(x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, drop_last=drop))
    lengths = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0 and not drop)
    assert [len(yb) for _, yb in got] == lengths
    seen = np.concatenate([yb for _, yb in got])
    assert len(set(seen)) == len(seen) == sum(lengths)
    if not shuffle:
        assert np.array_equal(seen, y[: sum(lengths)])
    assert all(isinstance(batch, tuple) and np.array_equal(batch[0], x[batch[1]]) for batch in got)


def test_batches_seed_repeats_and_a_generator_moves_on():
    y = np.arange(100)

    def epoch(seed):
        return np.concatenate([yb for (yb,) in D.batches(y, batch_size=7, shuffle=True, seed=seed)])

    assert np.array_equal(epoch(5), epoch(5)) and not np.array_equal(epoch(5), epoch(6))
    assert not np.array_equal(epoch(5), y)
    rng = np.random.default_rng(0)
    first, second = epoch(rng), epoch(rng)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, epoch(np.random.default_rng(0)))


# ---- bad input: the message names the function, the argument and the value ----

x5, y5 = rows_of(5)
BAD = {
    "split nothing": (lambda: D.train_test_split(), TypeError, "train_test_split: expected at least one array"),
    "split list": (lambda: D.train_test_split([1, 2]), TypeError, "argument 0 must be an array, got list"),
    "split 0-d": (lambda: D.train_test_split(np.array(1)), ValueError, "argument 0 must have rows, got a 0-d"),
    "split unequal": (lambda: D.train_test_split(x5, y5[:4]), ValueError, r"same number of rows, got \[5, 4\]"),
    "split no rows": (lambda: D.train_test_split(x5[:0]), ValueError, r"no rows, got shape \(0, 2\)"),
    "split one row": (lambda: D.train_test_split(x5[:1]), ValueError, "at least 2 rows to divide, got 1"),
    "split 0": (lambda: D.train_test_split(x5, test_size=0), ValueError, "test_size must be >= 1, got 0"),
    "split 5 of 5": (lambda: D.train_test_split(x5, test_size=5), ValueError, "test_size must be <= 4, got 5"),
    "split 1.0": (lambda: D.train_test_split(x5, test_size=1.0), ValueError, r"in \(0, 1\) or an integer, got 1.0"),
    "split nan": (lambda: D.train_test_split(x5, test_size=math.nan), ValueError, "test_size .* got nan"),
    "split 0.9": (lambda: D.train_test_split(x5, test_size=0.9), ValueError, "test_size=0.9 of 5 rows leaves none"),
    "split None": (lambda: D.train_test_split(x5, test_size=None), TypeError, "test_size must be an integer, got None"),
    "split seed": (
        lambda: D.train_test_split(x5, shuffle=False, seed="a"),
        TypeError,
        "seed must be an integer, got 'a'",
    ),
    "stratify order": (
        lambda: D.train_test_split(x5, stratify=y5, shuffle=False),
        ValueError,
        "stratify needs shuffle=True, got shuffle=False",
    ),
    "stratify shape": (lambda: D.train_test_split(x5, stratify=y5[:4]), ValueError, r"shape \(5,\), got \(4,\)"),
    "stratify rank": (lambda: D.train_test_split(x5, stratify=x5), ValueError, r"shape \(5,\), got \(5, 2\)"),
    "stratify object": (lambda: D.train_test_split(x5, stratify=[1, 1, None, 2, 2]), TypeError, "got dtype object"),
    "stratify lonely": (lambda: D.train_test_split(x5, stratify=[0, 0, 0, 7, 0]), ValueError, "class 7 has 1"),
    "stratify few": (
        lambda: D.train_test_split(x5, test_size=1, stratify=[0, 0, 0, 1, 1]),
        ValueError,
        r"4 \+ 1 rows cannot both hold each of 2 classes",
    ),
    "stratify few left": (
        lambda: D.train_test_split(x5, test_size=4, stratify=[0, 0, 0, 1, 1]),
        ValueError,
        r"1 \+ 4 rows cannot both hold each of 2 classes",
    ),
    "batches nothing": (lambda: D.batches(batch_size=2), TypeError, "batches: expected at least one array"),
    "batches unequal": (lambda: D.batches(x5, y5[1:], batch_size=2), ValueError, r"rows, got \[5, 4\]"),
    "batches no rows": (lambda: D.batches(x5[:0], batch_size=2), ValueError, "batches: the arrays have no rows"),
    "batches None": (lambda: D.batches(x5, None, batch_size=2), TypeError, "argument 1 must be an array, got NoneType"),
    "batches 0": (lambda: D.batches(x5, batch_size=0), ValueError, "batches: batch_size must be >= 1, got 0"),
    "batches 1.5": (lambda: D.batches(x5, batch_size=1.5), TypeError, "batch_size must be an integer, got 1.5"),
    "batches no seed": (lambda: D.batches(x5, batch_size=2, shuffle=True), ValueError, "shuffle=True needs seed="),
    "batches seed": (
        lambda: D.batches(x5, batch_size=2, shuffle=True, seed=-3),
        ValueError,
        "seed must be >= 0, got -3",
    ),
    "batches drop": (
        lambda: D.batches(x5, batch_size=6, drop_last=True),
        ValueError,
        "drop_last leaves nothing of 5 rows with batch_size=6",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
