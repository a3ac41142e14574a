"""Cross entropy of rows: compiled and reference against float64 formulas, threads, and what is not a number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, losses, threads
from minidl.backend import current
from minidl.kernels import cross_entropy as kernel

pytestmark = pytest.mark.skipif(current() != "numpy", reason="these are kernels of the CPU")
ROUNDING = {"float32": 1e-6, "float64": 1e-14}


def inputs(M, K, dtype, seed=0, weighted=False, each=True, spread=3.0):
    rng = np.random.default_rng(seed)
    x, t = (spread * rng.normal(size=(M, K))).astype(dtype), rng.integers(-1, K, M)
    w = rng.uniform(0, 2, K if weighted else 0).astype(dtype)
    return x, t, w, rng.normal(size=M if each else 1).astype(dtype)


def by_formula(x, t, w, epsilon, c):
    """One row at a time, in Python's float64."""
    M, K = x.shape
    w = w.astype(float) if len(w) else np.ones(K)
    l, dx = np.zeros(M), np.zeros((M, K))
    for i, row in enumerate(x.astype(float)):
        if t[i] < 0:
            continue
        log_p = row - row.max() - math.log(math.fsum(np.exp(row - row.max())))
        q = w * ((1 - epsilon) * (np.arange(K) == t[i]) + epsilon / K)
        l[i] = -math.fsum(q * log_p)
        dx[i] = math.fsum(q) * np.exp(log_p) - q
    c = np.broadcast_to(c, M).astype(float)
    return c * l, c[:, None] * dx


def check(got, wanted, dtype, x, c):
    size = abs(c).max(initial=1)
    for a, b, scale in zip(got, wanted, (size * abs(x).max(initial=1) * 4, size * 4), strict=True):
        assert a.dtype == dtype and a.shape == b.shape
        assert abs(a - b).max(initial=0) <= ROUNDING[dtype] * scale


@given(
    st.integers(0, 20),
    st.one_of(st.integers(1, 40), st.integers(1000, 1100)),
    st.sampled_from(list(ROUNDING)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.integers(0, 99),
)
def test_compiled_and_reference_are_the_formula(M, K, dtype, weighted, each, epsilon, seed):
    x, t, w, c = inputs(M, K, dtype, seed, weighted, each)
    before = x.copy(), t.copy(), w.copy(), c.copy()
    wanted = by_formula(x, t, w, epsilon, c)
    check(kernel.losses(x, t, w, epsilon, c), wanted, dtype, x, c)
    alone = kernel.losses(x, t, w, epsilon, c, gradient=False)[0]
    assert np.array_equal(alone, kernel.losses(x, t, w, epsilon, c)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "REFERENCE", True)
        check(kernel.losses(x, t, w, epsilon, c), wanted, dtype, x, c)
    assert all(np.array_equal(a, b) for a, b in zip((x, t, w, c), before, strict=True))


@pytest.mark.parametrize("dtype", ROUNDING)
def test_rows_longer_than_a_part(dtype):
    x, t, w, c = inputs(3, 2 * kernel.PART + 5, dtype, weighted=True)
    check(kernel.losses(x, t, w, 0.1, c), by_formula(x, t, w, 0.1, c), dtype, x, c)


def test_one_thread_or_several_the_same_bits():
    x, t, w, c = inputs(3001, 200, "float32", weighted=True)
    assert threads.shards_for(kernel.TIME * x.size) > 2
    results, n = [], threads.get_num_threads()
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(kernel.losses(x, t, w, 0.1, c))
    finally:
        threads.set_num_threads(n)
    check(results[0], by_formula(x, t, w, 0.1, c), "float32", x, c)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("place", [0, 3, 9, 16])
@pytest.mark.parametrize("dtype", ROUNDING)
def test_not_a_number_spoils_its_row_alone(dtype, place):
    x, t, w, _ = inputs(4, 17, dtype)
    t[:] = [1, 2, 3, -1]
    x[2, place] = x[3, place] = np.nan
    l, dx = kernel.losses(x, t, w, 0.0, 1.0)
    assert np.isnan(l[2]) and np.isnan(dx[2]).all()
    assert np.isfinite(l[[0, 1, 3]]).all() and np.isfinite(dx[[0, 1, 3]]).all()


@pytest.mark.parametrize("dtype", ROUNDING)
def test_infinite_logits(dtype):
    x = np.zeros((3, 11), dtype)
    x[0, 4], x[1, 4], x[2, 4] = -np.inf, -np.inf, 1e30
    l, dx = kernel.losses(x, np.array([0, 4, 4]), x[0, :0], 0.0, 1.0)
    np.testing.assert_allclose(l, [math.log(10), np.inf, 0], rtol=1e-6)
    assert dx[0, 4] == 0 and dx[1, 4] == -1 and (dx[2] == 0).all()


def test_every_eighth_maximum():
    for K in range(1, 34):
        for place in range(K):
            row = np.linspace(-1, 1, K)
            row[place] = 5.0
            assert kernel.largest(row) == 5.0


# ---- the loss around it ----
def test_the_gradient_is_that_of_any_upstream_and_of_a_second_backward():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
    for reduction, upstream in (("mean", np.float64(2.5)), ("mean", np.float64(1)), ("none", rng.normal(size=5))):
        c = np.full(5, 1 / 5) if reduction == "mean" else np.ones(5)
        wanted = by_formula(x, t, x[0, :0], 0.0, c * upstream)[1]
        tensor = Tensor(x, requires_grad=True)
        loss = losses.cross_entropy(tensor, t, reduction=reduction)
        for times in (1, 2):
            loss.backward(upstream, retain_graph=True)
            np.testing.assert_allclose(Tensor(tensor.grad).numpy(), times * wanted, rtol=1e-12, atol=1e-14)


def test_logits_with_places_in_either_memory_layout():
    rng = np.random.default_rng(0)
    x, t, up = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5)), rng.normal(size=(2, 4, 5))
    rows = np.moveaxis(x, 1, -1).reshape(-1, 3)
    l, dx = by_formula(rows, t.ravel(), x[0, :0, 0, 0], 0.0, up.ravel())
    for order in ("C", "channels last"):
        tensor = Tensor(x, requires_grad=True)
        if order != "C":
            tensor._data = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        loss = losses.cross_entropy(tensor, t, reduction="none")
        loss.backward(up)
        np.testing.assert_allclose(loss.numpy().ravel() * up.ravel(), l, rtol=1e-12)
        np.testing.assert_allclose(np.moveaxis(Tensor(tensor.grad).numpy(), 1, -1).reshape(-1, 3), dx, atol=1e-14)
