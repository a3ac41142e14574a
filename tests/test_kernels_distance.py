"""Squared distances: the definition, both ways to them, and what must not cancel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend
from minidl.kernels import distance


def one(c):
    return np.ones(len(c), c.dtype)


def direct(x, c):
    return distance.direct(x, c, one(c))


def by_product(x, c):
    return distance.by_product(x, c, one(c))


WAYS = [distance.squared_distances, direct, by_product]
pytestmark = pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: the ways are one")


@st.composite
def points(draw, sizes=(1, 3, 64, 70)):
    r"""x (N, D) and c (K, D) somewhere, near each other or not; some of x are among c."""
    N, K, D = draw(st.integers(0, 6)), draw(st.integers(1, 6)), draw(st.sampled_from(sizes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    at, apart = draw(st.sampled_from([0, 10.0, 1e4])), draw(st.sampled_from([1.0, 1e-2, 100.0]))
    x, c = (at + apart * rng.normal(size=(rows, D)) for rows in (N, K))
    c[rng.random(K) < 0.3] *= -1  # on the other side: the mean of c is far from all
    same = rng.random(N) < 0.3
    x[same] = c[rng.integers(0, K, N)[same]]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return x.astype(dtype), c.astype(dtype)


@st.composite
def scaled_points(draw):
    x, c = draw(points())
    return x, c, np.random.default_rng(len(x)).uniform(0.5, 2, len(c)).astype(x.dtype)


@st.composite
def gradients(draw):
    x, c = draw(points())
    dy = np.random.default_rng(len(x)).normal(size=(len(x), len(c)))
    return dy.astype(x.dtype), x, c


def exact(x, c):
    return ((x[:, None].astype(np.longdouble) - c) ** 2).sum(axis=2)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@given(points())
def test_the_distances_and_their_bound(way, given_):
    x, c = given_
    y, wanted = way(x, c), exact(x, c)
    assert y.dtype == x.dtype and y.shape == (len(x), len(c))
    assert (np.abs(y - wanted) <= 16 * (x.shape[1] + 3) * np.finfo(x.dtype).eps * wanted).all()
    assert (y >= 0).all() and (y[wanted == 0] == 0).all()


@given(scaled_points())
def test_the_loop_is_the_reference_bit_for_bit(given_):
    x, c, scale = given_
    wanted = distance.squared_distances_ref(np, x, c, scale)
    assert np.array_equal(wanted, distance.squared_distances_ref(np, x, c, one(c)) * scale)
    assert np.array_equal(distance.direct(x, c, scale), wanted)
    wide = np.asfortranarray(np.repeat(x, 2, axis=0))[::2]
    wide.flags.writeable = False
    assert np.array_equal(distance.direct(wide, c[::-1], scale[::-1])[:, ::-1], wanted)


@given(scaled_points())
def test_the_scale_of_each_prototype_multiplies_its_distances(given_):
    x, c, scale = given_
    for way in (distance.squared_distances, distance.by_product):
        np.testing.assert_array_equal(way(x, c, scale), way(x, c, one(c)) * scale)


@given(gradients())
def test_the_gradient_is_the_reference_bit_for_bit(given_):
    dy, x, c = given_
    assert np.array_equal(distance.grad_direct(dy, x, c), distance.squared_distances_grad_ref(np, dy, x, c))
    assert np.array_equal(distance.grad_direct(dy.T, c, x), distance.squared_distances_grad_ref(np, dy.T, c, x))


@given(gradients())
def test_the_gradient_by_matrix_products_and_its_bound(given_):
    dy, x, c = given_
    scale = np.random.default_rng(1).uniform(0.5, 2, len(c)).astype(x.dtype)
    y = distance.squared_distances(x, c, scale)
    dx, dc, dscale = distance.grad_by_product(dy.copy(), y, x, c, scale)
    differences = x[:, None].astype(np.longdouble) - c
    dq = dy.astype(np.longdouble) * scale
    terms = 2 * dq[:, :, None] * differences
    lengths = 2 * np.abs(dq) * np.sqrt((differences**2).sum(axis=2))  # of the terms
    eps = np.finfo(x.dtype).eps
    bound = (16 * (x.shape[1] + 3) + len(x) + 5) * eps * (np.abs(dy) * exact(x, c)).sum(axis=0)
    assert dscale.dtype == x.dtype and (np.abs(dscale - (dy * exact(x, c)).sum(axis=0)) <= bound).all()
    for found, axis, sign in zip((dx, dc), (1, 0), (1, -1), strict=True):
        bound = 6 * (max(dy.shape) + 6) * eps * lengths.sum(axis=axis)
        assert found.dtype == x.dtype
        assert (np.abs(found - sign * terms.sum(axis=axis)) <= bound[:, None]).all()


@given(gradients())
def test_the_gradient_of_the_reference_is_its_definition(given_):
    dy, x, c = given_
    terms = 2 * dy[:, :, None].astype(np.longdouble) * (x[:, None].astype(np.longdouble) - c)
    bound = (len(c) + 3) * np.finfo(x.dtype).eps * np.abs(terms).sum(axis=1)
    assert (np.abs(distance.squared_distances_grad_ref(np, dy, x, c) - terms.sum(axis=1)) <= bound).all()


@pytest.mark.parametrize("D", [2, 16, 64, 200])
def test_far_from_the_origin_nothing_cancels(D):
    rng = np.random.default_rng(0)
    x = (1e4 + rng.normal(size=(50, D))).astype("float32")
    c = np.concatenate([x[:5], (1e4 + rng.normal(size=(10, D))).astype("float32")])
    wanted = exact(x, c)
    naive = (x * x).sum(axis=1)[:, None] - 2 * x @ c.T + (c * c).sum(axis=1)
    assert np.abs(naive - wanted).max() > 1  # what it is about
    for way in WAYS:
        y = way(x, c)
        np.testing.assert_allclose(y, wanted.astype(float), rtol=1e-5)
        assert (np.diag(y[:5, :5]) == 0).all()


def test_two_clusters_on_both_sides_of_their_mean():
    # no shift helps: every row is as far from the mean of c as the clusters are apart, and close to its own prototypes
    rng = np.random.default_rng(0)
    side = np.where(np.arange(20) % 2, 1e4, -1e4)[:, None]
    x, c = ((side + rng.normal(size=(20, 64))).astype("float32") for _ in "xc")
    np.testing.assert_allclose(by_product(x, c), exact(x, c).astype(float), rtol=1e-5)


@pytest.mark.parametrize("D", [3, 64])
def test_nan_stays_in_its_row(D):
    x, c = np.random.default_rng(0).normal(size=(2, 4, D))
    x[1, 0] = np.nan
    y = distance.squared_distances(x, c)
    assert np.isnan(y[1]).all() and np.isfinite(y[[0, 2, 3]]).all()
    y = distance.squared_distances(c, x[1:2])
    assert np.isnan(y).all()
