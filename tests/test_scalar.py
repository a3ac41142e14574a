"""`exponential` of minidl/scalar.py: units in the last place, the ends of its range, and one number as many."""

import numpy as np
import pytest

from minidl.jit import njit
from minidl.scalar import exponential

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
