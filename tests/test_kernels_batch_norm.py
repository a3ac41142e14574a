"""Batch norm: compiled and reference against float64 formulas, in both memory layouts, for any number of threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn, threads
from minidl.backend import channels_last, current
from minidl.kernels import batch_norm as kernel
from minidl.tensor import _wrap

pytestmark = pytest.mark.skipif(current() != "numpy", reason="these are kernels of the CPU")
ROUNDING = {"float32": 2e-6, "float64": 1e-13}


def as_channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def inputs(shape, dtype, seed=0, constant=False):
    rng = np.random.default_rng(seed)
    C = shape[1]
    x, dy = 2 * rng.normal(size=shape) + 3, rng.normal(size=shape)
    w, b, mean, var = rng.normal(size=C), rng.normal(size=C), rng.normal(size=C), rng.uniform(0.5, 2, C)
    given = (mean, var) if constant else (None, None)
    return [v if v is None else v.astype(dtype) for v in (x, dy, w, b, *given)]


def passes(x, dy, w, b, mean, var, eps=1e-5):
    constant = mean is not None
    y, mean, var, r = kernel.normalised(x, w, b, eps, mean, var)
    return y, mean, var, r, *kernel.normalised_grad(dy, x, mean, r, w, constant)


def by_formula(x, dy, w, b, mean, var, eps=1e-5):
    """In float64, with the means taken off in two readings and the gradient as the module's text derives it."""
    constant = mean is not None
    x, dy, w, b = (np.asarray(v, "float64") for v in (x, dy, w, b))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes) if mean is None else mean.astype("float64")
    var = ((x - mean.reshape(shape)) ** 2).mean(axis=axes) if var is None else var.astype("float64")
    r = 1 / np.sqrt(var + eps)
    xhat = (x - mean.reshape(shape)) * r.reshape(shape)
    y = w.reshape(shape) * xhat + b.reshape(shape)
    dw, db, n = (dy * xhat).sum(axis=axes), dy.sum(axis=axes), x.size // x.shape[1]
    dx = dy if constant else dy - xhat * (dw / n).reshape(shape) - (db / n).reshape(shape)
    return y, mean, var, r, dx * (w * r).reshape(shape), dw, db


def check(got, wanted, dtype, x, dy, w):
    for name, a, b in zip(("y", "mean", "var", "r", "dx", "dw", "db"), got, wanted, strict=True):
        assert a.dtype == dtype and a.shape == b.shape, name
        # the terms of y and dx are w r (x - mean) and w r dy, those of a sum many; a unit of x is r units of xhat
        steep, unsure = (abs(w) * wanted[3]).max(initial=1), abs(x).max(initial=1) * wanted[3].max(initial=1)
        terms = {"y": steep * abs(x).max(initial=1), "dx": steep * unsure * abs(dy).max(initial=1)}
        terms |= dict.fromkeys(("dw", "db"), steep * unsure * abs(dy).sum() / dy.shape[1])
        scale = max(terms.get(name, 1), abs(b).max(initial=0))
        assert abs(a - b).max(initial=0) <= ROUNDING[dtype] * scale, name


shapes = st.one_of(
    st.tuples(st.integers(2, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(2, 130)),
    st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 13), st.integers(2, 13)),
)


@given(shapes, st.sampled_from(list(ROUNDING)), st.booleans(), st.booleans(), st.integers(0, 99))
def test_compiled_and_reference_are_the_formula(shape, dtype, constant, last, seed):
    given = inputs(shape, dtype, seed, constant)
    if last and len(shape) == 4:
        given[:2] = map(as_channels_last, given[:2])
    before = [None if v is None else v.copy() for v in given]
    got = passes(*given)
    check(got, by_formula(*given), dtype, *given[:3])
    if last and channels_last(given[0]):
        assert channels_last(got[0]) and channels_last(got[4])
    else:
        assert got[0].flags.c_contiguous and got[4].flags.c_contiguous
    assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True) if a is not None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "REFERENCE", True)
        check(passes(*given), by_formula(*given), dtype, *given[:3])


@pytest.mark.parametrize("layout", ["planes", "rows", "vectors", "small planes"])
@pytest.mark.parametrize("dtype", ROUNDING)
def test_one_thread_or_several_the_same_bits(layout, dtype):
    shape = {"vectors": (5000, 96), "small planes": (800, 24, 5, 5)}.get(layout, (24, 12, 41, 40))
    given = inputs(shape, dtype)
    if layout == "rows":
        given[:2] = map(as_channels_last, given[:2])
    results, n = [], threads.get_num_threads()
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(passes(*given))
    finally:
        threads.set_num_threads(n)
    assert threads.shards_for(kernel.TIME * given[0].size) > 2
    check(results[0], by_formula(*given), dtype, *given[:3])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("last", [False, True])
def test_far_from_0_and_with_a_first_value_far_out(last):
    x, dy, w, b, *_ = inputs((64, 3, 24, 24), "float32")
    x[:, 0] += 1000
    x[0, 1, 0, 0] = -1e5
    if last:
        x, dy = as_channels_last(x), as_channels_last(dy)
    got, wanted = passes(x, dy, w, b, None, None), by_formula(x, dy, w, b, None, None)
    np.testing.assert_allclose(got[2], wanted[2], rtol=1e-6)
    # the mean as a float32, and what the values left of it: 1e-7 of their size, the standard deviation
    assert (abs(got[1] - wanted[1]) <= np.spacing(got[1]) + 1e-7 * wanted[2] ** 0.5).all()
    # y moves as far as the mean, a float32, is rounded: half a unit of 1000, in standard deviations (2)
    np.testing.assert_allclose(got[0][:, 0], wanted[0][:, 0], atol=abs(w[0]) * np.spacing(np.float32(1000)) / 2)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_nan_and_an_infinity_spoil_their_channel_alone(value, last):
    x, dy, w, b, *_ = inputs((4, 3, 12, 12), "float32")
    x[2, 1, 5, 3] = value
    if last:
        x, dy = as_channels_last(x), as_channels_last(dy)
    with np.errstate(invalid="ignore"):  # NumPy says so, compiled code does not
        got = passes(x, dy, w, b, None, None)
    for v in (got[0], got[4]):
        assert np.isnan(v[:, 1]).all() and np.isfinite(v[:, [0, 2]]).all()
    with np.errstate(invalid="ignore"):
        got = passes(x, dy, w, b, np.zeros(3, "f"), np.ones(3, "f"))  # constants: an infinity stays where it is
    assert np.isfinite(got[4]).all() and (np.isfinite(got[0]) == np.isfinite(x)).all()


def test_a_gradient_of_the_other_layout():
    given = inputs((3, 5, 6, 7), "float64")
    wanted = passes(*given)
    for x_last, dy_last in ((True, False), (False, True)):
        x = as_channels_last(given[0]) if x_last else given[0]
        dy = as_channels_last(given[1]) if dy_last else given[1]
        check(passes(x, dy, *given[2:]), wanted, "float64", x, dy, given[2])


def test_layers_keep_the_layout():
    x = _wrap(as_channels_last(inputs((3, 5, 6, 7), "float32")[0]))
    x.requires_grad_()
    layer = nn.BatchNorm2d(5)
    y = layer(x)
    y.backward(Tensor(np.ones(y.shape, "float32")))
    assert channels_last(y._data)
