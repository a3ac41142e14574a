"""The sigmoid of many numbers: compiled and reference, layouts, threads, and what is not finite."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import threads
from minidl.backend import REFERENCE, current
from minidl.kernels import logistic as kernel

pytestmark = pytest.mark.skipif(current() != "numpy", reason="these are kernels of the CPU")


def sigmoid(x):
    """By exact sums of Python's floats, to a few units in the last place."""
    e = math.exp(-abs(x))
    return (1 if x >= 0 else e) / (1 + e)


def views(x):
    """x in other layouts, and parts of it."""
    yield x
    yield np.asfortranarray(x)
    yield np.moveaxis(x, 0, -1)
    if x.ndim:
        yield x[::-1]
        yield x[::2]
        yield np.repeat(x, 2, axis=-1)[..., ::2]
        yield np.broadcast_to(x, (3, *x.shape))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.sampled_from(["float32", "float64"]), st.integers(0, 99))
def test_the_formula_in_any_layout(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.normal(size=shape) * rng.choice([0.01, 1, 10, 100]), dtype)
    for view in views(x):
        before = view.copy()
        wanted = np.array([sigmoid(v) for v in view.ravel().tolist()], dtype).reshape(view.shape)
        for y in (kernel.logistic(view), kernel.logistic_ref(np, view)):
            assert y.dtype == dtype and y.shape == view.shape
            np.testing.assert_allclose(
                y, wanted, rtol=4 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).smallest_subnormal
            )
        assert np.array_equal(view, before)


def test_a_number_and_none():
    assert kernel.logistic(np.zeros((), "float32")).shape == () and kernel.logistic(np.zeros((), "float32")) == 0.5
    assert kernel.logistic(np.zeros((2, 0))).shape == (2, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_ends(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -0.0], dtype)
    y = kernel.logistic(x)
    assert np.isnan(y[0]) and y[1:].tolist() == [1, 0, 1, 0, 0.5]
    smallest = np.finfo(dtype).smallest_subnormal
    assert kernel.logistic(np.log(np.array([2 * smallest]))) > 0  # not cut off where e^-x has no number


@pytest.mark.skipif(REFERENCE, reason="array code keeps the layout as NumPy does")
def test_the_layout_stays():
    x = np.zeros((2, 3, 4, 5), "float32").transpose(0, 3, 1, 2)
    assert kernel.logistic(x).strides == x.strides


def test_one_thread_or_several_the_same_bits():
    x = np.random.default_rng(0).normal(size=1_000_003).astype("float32")
    n = threads.get_num_threads()
    assert threads.shards_for(kernel.TIME * x.size) > 2
    try:
        results = []
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(kernel.logistic(x))
    finally:
        threads.set_num_threads(n)
    assert all(np.array_equal(results[0], y) for y in results)
    np.testing.assert_allclose(results[0], kernel.logistic_ref(np, x), rtol=5e-7)
