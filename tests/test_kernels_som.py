"""The kernels of the map: each against a definition in plain Python, and reference == Numba bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend
from minidl.kernels import som

METRICS, KINDS = som.METRICS.values(), som.NEIGHBOURHOODS.values()


@st.composite
def problems(draw):
    """x, w and the metric"""
    N, D, K = draw(st.integers(0, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    # small integers: units at the same distance, and at 0; zero vectors, which have no angle
    numbers = rng.integers(-1, 2, (N + K, D)) if draw(st.booleans()) else rng.normal(size=(N + K, D))
    return (
        numbers[:N].astype(dtype),
        np.ascontiguousarray(numbers[N:].T.astype(dtype)),
        draw(st.sampled_from([*METRICS])),
    )


@st.composite
def trainings(draw):
    """x, w, eta, sigma, v, u, metric, kind: some steps on a grid that is hexagonal, or rectangular, or a torus"""
    R, C, D, T = (draw(st.integers(1, high)) for high in (4, 4, 3, 6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x, w = rng.normal(size=(T, D)).astype(dtype), rng.normal(size=(D, R * C)).astype(dtype)
    eta, sigma = rng.uniform(0.01, 1, T).astype(dtype), rng.uniform(0.3, 3, T).astype(dtype)
    displaced = np.array(draw(st.sampled_from([[[0.0]], [[-0.5], [0.0], [0.5]]])))
    v, u = np.arange(R) ** 2.0, (np.arange(1 - C, C) + displaced) ** 2
    if draw(st.booleans()):
        v = np.minimum(v, v[::-1] + 1)  # any table will do
    return (
        x,
        w,
        eta,
        sigma,
        v.astype(dtype),
        u.astype(dtype),
        draw(st.sampled_from([*METRICS])),
        draw(st.sampled_from([*KINDS])),
    )


def distance(a, b, metric):
    if metric == som.METRICS["euclidean"]:
        return math.dist(a, b)
    if metric == som.METRICS["manhattan"]:
        return sum(abs(p - q) for p, q in zip(a, b, strict=True))
    size = math.hypot(*a) * math.hypot(*b)
    return max(0.0, 1 - sum(p * q for p, q in zip(a, b, strict=True)) / size) if size else 1.0


@given(problems())
def test_distances_are_their_definition(problem):
    x, w, metric = problem
    y = som.distances(x, w, metric)
    assert y.dtype == x.dtype
    wanted = [[distance(a, b, metric) for b in w.T.astype(float)] for a in x.astype(float)]
    np.testing.assert_allclose(y, np.reshape(wanted, y.shape), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, som.distances_ref(np, x, w, metric))


@given(problems())
def test_layouts(problem):
    x, w, metric = problem
    wide = np.asfortranarray(np.repeat(x, 2, axis=0))[::2]
    wide.flags.writeable = False
    np.testing.assert_array_equal(som.distances(wide, w.T.copy().T, metric), som.distances(x, w, metric))


@given(trainings())
def test_steps_are_those_of_the_reference(training):
    w = training[1].copy()
    moved = som.online(*training)
    assert moved.dtype == w.dtype and np.array_equal(training[1], w)  # which stays as it is
    np.testing.assert_array_equal(moved, som.online_ref(np, *training))


@given(trainings())
def test_steps_are_their_definition(training):
    x, w, eta, sigma, v, u, metric, kind = (np.float64(a) if isinstance(a, np.ndarray) else a for a in training)
    R, C = len(v), (u.shape[1] + 1) // 2
    wanted = w.T.copy()
    for t, row in enumerate(x):
        r, c = divmod(min(range(R * C), key=lambda k: distance(row, wanted[k], metric)), C)
        for k in range(R * C):
            i, j = divmod(k, C)
            d2, s = v[abs(i - r)] + u[i % 2 - r % 2 + 1 if len(u) == 3 else 0, j - c + C - 1], sigma[t]
            h = {
                "gaussian": math.exp(-d2 / (2 * s * s)),
                "mexican_hat": (1 - d2 / s**2) * math.exp(-d2 / (2 * s * s)),
                "bubble": float(d2 <= s * s),
                "triangle": max(0.0, 1 - math.sqrt(d2) / s),
            }
            h = next(h[name] for name, number in som.NEIGHBOURHOODS.items() if number == kind)
            wanted[k] += eta[t] * h * (row - wanted[k])
    np.testing.assert_allclose(som.online(x, w, eta, sigma, v, u, metric, kind).T, wanted, rtol=1e-9, atol=1e-9)


def test_more_steps_than_fit_into_one_table(monkeypatch):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(7, 2)), rng.normal(size=(2, 4))
    eta, sigma, v, u = np.linspace(0.9, 0.1, 7), np.linspace(2, 1, 7), np.arange(2.0) ** 2, np.ones((3, 3))
    whole = som.online(x, w, eta, sigma, v, u, 0, 0)
    monkeypatch.setattr(som, "STEPS", 3)
    np.testing.assert_array_equal(som.online(x, w, eta, sigma, v, u, 0, 0), whole)


@pytest.mark.parametrize("metric", METRICS)
def test_of_equally_near_units_the_first_wins(metric):
    w = np.array([[5.0, 1.0, 1.0, 1.0], [-3.0, 1.0, 1.0, 1.0]])  # units 1, 2 and 3 are one
    v, u = np.zeros(1), np.array([9.0, 4.0, 1.0, 0.0, 1.0, 4.0, 9.0]) * np.ones((3, 1))
    alone = som.online(np.array([[1.0, 2.0]]), w, np.ones(1), np.full(1, 0.5), v, u, metric, 2)  # a bubble of one unit
    np.testing.assert_array_equal(alone, [[5.0, 1.0, 1.0, 1.0], [-3.0, 2.0, 1.0, 1.0]])


@pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: no kernel is compiled")
def test_the_compiled_kernels_are_used(monkeypatch):
    used = []
    for name in ("distances_cpu", "online_cpu"):
        monkeypatch.setattr(som, name, lambda *a, name=name: used.append(name))
    one, table = np.ones((1, 1)), np.zeros((3, 1))
    som.distances(one, one, 0)
    som.online(one, one, one[0], one[0], np.zeros(1), table, 0, 0)
    assert used == ["distances_cpu", "online_cpu"]
