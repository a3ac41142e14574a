"""KMeans: scikit-learn's numbers, its own definition, empty clusters, too many of them, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import Tensor
from minidl.cluster import KMeans, lloyd, plus_plus, spread
from minidl.datasets import load_digits, load_iris, make_blobs

# scikit-learn 1.9.1: KMeans(K, init=x[rows], n_init=1).fit(x.astype(float)): rows, inertia_, n_iter_, cluster sizes
SKLEARN = {
    "iris": (load_iris().x, [0, 50, 100], 78.8514396442595, 4, [50, 62, 38]),
    "digits": (
        load_digits(flat=True).x,
        list(range(10)),
        4561.950718775775,
        14,
        [179, 120, 89, 178, 163, 370, 181, 199, 164, 154],
    ),
}
IRIS_CENTERS = [
    [5.0060000038, 3.4280000067, 1.4619999957, 0.2460000049],
    [5.9016128971, 2.748387106, 4.3935483733, 1.4338709577],
    [6.8499999799, 3.0736841967, 5.7421052456, 2.0710526077],
]
DIGITS_SUMS = [
    *(19.830307263, 19.655208333, 19.40238764, 19.549157303, 19.479294479),
    *(19.478716216, 19.470649171, 18.889761307, 20.594893293, 19.152597403),
]


@pytest.mark.parametrize("name", SKLEARN)
def test_from_the_same_start_it_is_scikit_learn(name):
    x, rows, inertia, n_iter, sizes = SKLEARN[name]
    x = x.astype(float)
    k_means = KMeans(len(rows), init=x[rows]).fit(x)
    assert k_means.inertia_ == pytest.approx(inertia, rel=1e-12) and k_means.n_iter_ == n_iter
    assert np.bincount(k_means.labels_).tolist() == sizes
    centers = k_means.cluster_centers_
    wanted = (centers, IRIS_CENTERS) if name == "iris" else (centers.sum(axis=1), DIGITS_SUMS)
    np.testing.assert_allclose(*wanted, rtol=0, atol=1e-8)


def test_restarts_find_what_scikit_learn_finds_in_ten():
    assert KMeans(3, seed=0).fit(load_iris().x).inertia_ == pytest.approx(78.8514396442595, rel=1e-6)
    x = load_digits(flat=True).x
    best = KMeans(10, seed=0).fit(x).inertia_
    assert best == pytest.approx(4551.519, rel=2e-3)  # scikit-learn's best of 10 random starts
    assert best <= KMeans(10, n_init=1, seed=0).fit(x).inertia_


@given(st.data())
def test_the_result_is_a_minimum_of_its_definition(data):
    N, D = data.draw(st.integers(1, 20)), data.draw(st.sampled_from([1, 2, 40]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.integers(0, 3, (N, D)).astype(data.draw(st.sampled_from(["float32", "float64"])))  # many rows are equal
    K = data.draw(st.integers(1, len(np.unique(x, axis=0))))
    k_means = KMeans(K, n_init=2, seed=0, tol=0.0).fit(x)
    labels, centers = k_means.labels_, k_means.cluster_centers_
    assert centers.shape == (K, D) and centers.dtype == x.dtype
    assert np.bincount(labels, minlength=K).min() >= 1  # no cluster is empty
    squares = ((x[:, None].astype(float) - centers) ** 2).sum(axis=2)
    np.testing.assert_allclose(squares[np.arange(N), labels], squares.min(axis=1), atol=1e-6)
    assert k_means.inertia_ == pytest.approx(squares.min(axis=1).sum(), abs=1e-6)
    for k in range(K):
        np.testing.assert_allclose(centers[k], x[labels == k].mean(axis=0), atol=1e-6)
    assert np.array_equal(k_means.predict(x), labels)
    np.testing.assert_allclose(k_means.transform(x), np.sqrt(squares), atol=1e-6)


def test_a_cluster_that_loses_its_rows_gets_the_farthest_one():
    x = np.array([[0.0], [1.0], [10.0], [11.0], [50.0]])
    centers, _ = lloyd(x, np.array([[5.0], [1000.0], [2000.0]]), 100, 0.0)
    assert sorted(centers.ravel()) == [0.5, 10.5, 50.0]


def test_the_start_never_draws_a_row_twice():
    x = np.repeat(np.arange(5.0), 20)[:, None]
    for seed in range(20):
        assert sorted(plus_plus(x, 5, np.random.default_rng(seed)).ravel()) == [0, 1, 2, 3, 4]


def test_the_same_seed_the_same_bits():
    x, _ = make_blobs(200, 3, centers=6)
    fits = [KMeans(6, n_init=2, seed=seed).fit(x).cluster_centers_ for seed in (3, 3, 4)]
    assert np.array_equal(fits[0], fits[1]) and not np.array_equal(fits[0], fits[2])
    drawn = []
    for _ in range(2):
        minidl.manual_seed(5)
        drawn.append(KMeans(6, n_init=2).fit(x).cluster_centers_)
    assert np.array_equal(*drawn)
    assert np.array_equal(KMeans(6, n_init=2, seed=3).fit(Tensor(x)).cluster_centers_, fits[0])


def test_the_spread_of_clusters():
    x, labels = np.array([[0.0], [2.0], [9.0], [9.0], [20.0], [26.0]]), np.array([0, 0, 1, 1, 2, 2])
    assert spread(x, labels, np.array([[1.0], [9.0], [23.0]])).tolist() == [1, 2, 3]  # the second has none: the mean
    assert spread(x[[0, 2]], np.array([0, 1]), x[[0, 2]]).tolist() == [9, 9]  # none has one
    assert spread(x[:1], np.array([0]), x[:1]).tolist() == [1]


X = np.arange(8.0).reshape(4, 2)
BAD = {
    "no clusters": (lambda: KMeans(0), "n_clusters must be >= 1, got 0"),
    "half a cluster": (lambda: KMeans(1.5), "n_clusters must be an integer, got 1.5"),
    "an unknown start": (lambda: KMeans(2, init="forgy"), r"init must be one of 'k-means\+\+', got 'forgy'"),
    "centres of another number": (
        lambda: KMeans(3, init=X[:2]),
        r"axis 0 of init to be n_clusters=3, got shape \(2, 2\)",
    ),
    "centres of other features": (
        lambda: KMeans(2, init=X[:2]).fit(X[:, :1]),
        "axis 1 of x to be the features of init=2",
    ),
    "a negative tol": (lambda: KMeans(2, tol=-1), "tol must be >= 0, got -1"),
    "a negative seed": (lambda: KMeans(2, seed=-1), "seed must be >= 0, got -1"),
    "one axis": (lambda: KMeans(2).fit(X[0]), r"x must have shape \(N, D\), got \(2,\)"),
    "no rows": (lambda: KMeans(2).fit(X[:0]), r"x is empty, got shape \(0, 2\)"),
    "NaN": (lambda: KMeans(2).fit(X * np.nan), "x must hold finite numbers"),
    "words": (lambda: KMeans(2).fit([["a", "b"]]), "x must hold numbers"),
    "too many clusters": (lambda: KMeans(5).fit(X), "n_clusters=5 is more than the 4 distinct rows of x"),
    "equal rows": (lambda: KMeans(2).fit(np.ones((9, 2))), "n_clusters=2 is more than the 1 distinct rows of x"),
    "equal rows, a given start": (
        lambda: KMeans(2, init=X[:2]).fit(np.ones((9, 2))),
        "n_clusters=2 is more than the 1 distinct rows of x",
    ),
    "predict before fit": (lambda: KMeans(2).predict(X), r"no centres yet; call fit\(x\) first"),
    "transform before fit": (lambda: KMeans(2).transform(X), r"no centres yet; call fit\(x\) first"),
    "predict other features": (lambda: KMeans(2).fit(X).predict(X[:, :1]), "axis 1 of x to be the features of fit=2"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what):
    call, message = BAD[what]
    with pytest.raises((ValueError, TypeError), match=f"KMeans: .*{message}"):
        call()
