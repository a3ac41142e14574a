"""Functions of minidl/scalar.py for many numbers: units in the last place, the ends of the range, and one as many."""

import numpy as np
import pytest

from minidl.jit import njit
from minidl.scalar import exponential, sigmoid, tanh

ENDS = {"float32": (-103.97, 88.72), "float64": (-745.1, 709.78)}  # where e^x is a number


@njit
def many(x, y):
    for i in range(len(x)):
        y[i] = exponential(x[i])


def of(x):
    y = np.full_like(x, 7)
    many(x, y)
    return y


@pytest.mark.parametrize("dtype", ENDS)
def test_units_in_the_last_place(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(*ENDS[dtype], 3000), rng.normal(size=1000), rng.normal(size=500) * 1e-6])
    x = x.astype(dtype)
    wanted = np.exp(x.astype(np.longdouble))
    unit = np.spacing(wanted.astype(dtype))
    # an error of the power series, and of one rounding for each of the last few steps, of which most are half a unit
    assert (abs(of(x) - wanted) <= 1.5 * unit).all()
    assert of(x).dtype == dtype


@pytest.mark.parametrize("dtype", ENDS)
def test_what_is_too_small_or_too_large_for_a_number(dtype):
    low, high = ENDS[dtype]
    x = np.array([-np.inf, -1e30, low - 0.5, low, -0.0, 0, high], dtype)
    assert of(x)[:3].tolist() == [0, 0, 0] and of(x)[3] > 0 and of(x)[4:6].tolist() == [1, 1]
    assert 0.99 * np.finfo(dtype).max < of(x)[6] < np.inf
    with np.errstate(over="ignore"):  # what compiled code never says
        assert of(np.array([high + 0.5, 1e30, np.inf], dtype)).tolist() == [np.inf] * 3
    assert np.isnan(of(np.array([np.nan, -np.nan], dtype))).all()


@pytest.mark.parametrize("dtype", ENDS)
def test_one_number_is_as_many(dtype):
    x = np.random.default_rng(1).normal(size=67).astype(dtype)
    assert [exponential(v) for v in x] == of(x).tolist()


@njit
def tanhs(x, y, z):
    for i in range(len(x)):
        y[i] = tanh(x[i])
        z[i] = sigmoid(x[i])


def both(x):
    y, z = np.full_like(x, 7), np.full_like(x, 7)
    tanhs(x, y, z)
    return y, z


@pytest.mark.parametrize("dtype", ENDS)
def test_tanh_and_sigmoid_are_close_everywhere(dtype):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(size=20_000), rng.uniform(-20, 20, 20_000), rng.normal(size=5000) * 1e-4])
    x = x.astype(dtype)
    y, z = both(x)
    exact = x.astype(np.longdouble)
    epsilon = np.finfo(dtype).eps
    # the roundings of a quotient of polynomials, or of five doublings
    assert (abs(y / np.tanh(exact) - 1) <= 4 * epsilon).all() and (abs(y) <= 1).all()
    assert (abs(z * (1 + np.exp(-exact)) - 1) <= 2 * epsilon).all()  # those of e^-x, of a sum and of a quotient
    assert y.dtype == z.dtype == dtype and np.array_equal(both(-x)[0], -y)


@pytest.mark.parametrize("dtype", ENDS)
def test_tanh_and_sigmoid_at_the_ends(dtype):
    tiny = 64 * np.finfo(dtype).smallest_normal
    y, z = both(np.array([-np.inf, -1e30, -0.0, 0, tiny, 1e30, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(y, np.array([-1, -1, -0.0, 0, tiny, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(z, [0, 0, 0.5, 0.5, 0.5, 1, 1, np.nan])
    assert np.signbit(y[2]) and not np.signbit(y[3])
