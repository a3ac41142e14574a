"""scatter_add: the definition by a loop, reference == Numba bit for bit, and the adjoint identity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend, threads
from minidl.kernels import scatter


@st.composite
def problems(draw):
    V, M, D = draw(st.integers(0, 5)), draw(st.integers(0, 12)), draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    positions = rng.integers(0, V, M) if V else np.zeros(0, np.int64)
    rows = rng.normal(size=(len(positions), D)) * 10.0 ** rng.integers(-4, 5, (len(positions), 1))  # order matters
    return positions, rows.astype(draw(st.sampled_from([np.float32, np.float64]))), V


def naive(positions, rows, V):
    out = np.zeros((V, rows.shape[1]), rows.dtype)
    for m in range(len(positions)):
        for d in range(rows.shape[1]):
            out[positions[m], d] += rows[m, d]
    return out


@given(problems())
def test_scatter_add_is_its_definition_on_every_target(problem):
    positions, rows, V = problem
    expected = naive(positions, rows, V)
    for out in (scatter.scatter_add(positions, rows, V), scatter.scatter_add_ref(np, positions, rows, V)):
        assert out.dtype == rows.dtype
        np.testing.assert_array_equal(out, expected)


@given(problems())
def test_layouts_and_small_integers(problem):
    positions, rows, V = problem
    expected = naive(positions, rows, V)
    wide = np.asfortranarray(np.repeat(rows, 2, axis=0))[::2]
    wide.flags.writeable = False
    np.testing.assert_array_equal(scatter.scatter_add(positions.astype(np.int32), wide, V), expected)


@given(problems())
def test_scatter_add_is_the_adjoint_of_picking(problem):
    positions, rows, V = problem
    table = np.random.default_rng(1).normal(size=(V, rows.shape[1]))
    picked = (table[positions] * rows).sum()
    added = (table * scatter.scatter_add(positions, rows.astype(np.float64), V)).sum()
    np.testing.assert_allclose(added, picked, rtol=1e-9, atol=1e-6)


def test_nan_and_infinity_stay_in_their_row():
    out = scatter.scatter_add(np.array([0, 2, 2]), np.array([[np.nan], [np.inf], [1.0]]), 4)
    np.testing.assert_array_equal(out, [[np.nan], [0], [np.inf], [0]])


def test_one_thread_and_two_give_the_same_bits():
    rng = np.random.default_rng(0)
    V, D = 100_001, 33  # enough zeros for several shards, whose borders are within rows
    positions, rows = rng.integers(0, V, 5000), rng.normal(size=(5000, D)).astype("f")
    before = threads.get_num_threads()
    results = []
    try:
        for n in (1, 2):
            threads.set_num_threads(n)
            np.empty((V, D), "f").fill(np.nan)  # most likely the memory that comes next
            results.append(scatter.scatter_add(positions, rows, V))
    finally:
        threads.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], scatter.scatter_add_ref(np, positions, rows, V))


@pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: no kernel is compiled")
def test_the_compiled_kernel_is_used(monkeypatch):
    used = []
    monkeypatch.setattr(scatter, "scatter_add_cpu", lambda *a: used.append(a))
    scatter.scatter_add(np.array([0]), np.ones((1, 1)), 1)
    assert used
