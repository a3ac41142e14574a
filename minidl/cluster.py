r"""KMeans: K prototypes, each the mean of the rows that are nearer to it than to any other.

Wanted are centres $c_k$ that make the *inertia* small, the sum of all squared distances to the nearest centre:

$$ J = \sum_n \min_k \|x_n - c_k\|^2 $$

Lloyd's algorithm takes turns: give every row to its nearest centre (which lowers J, the centres being what they are),
then move every centre to the mean of its rows (which lowers J, the rows belonging to whom they do). J falls until
nothing changes any more, at a minimum that depends on the start; hence several starts, and the best result is kept.

The starts are those of k-means++: the first centre is a row drawn at random, and each next one a row drawn with a
probability in proportion to its squared distance to the nearest centre so far (of $2 + \ln K$ draws the one that lowers
J most). A row that is a centre already is never drawn again.

A centre that loses all its rows is put onto the row that is farthest from its own centre.

Shapes: x (N, D), centres (K, D), labels (N,). Lloyd 1982, IEEE Transactions on Information Theory 28; Arthur and
Vassilvitskii 2007, SODA.
"""

import math
from typing import Any

import numpy as np

from minidl import check, random
from minidl.host import host
from minidl.kernels.distance import squared_distances
from minidl.kernels.scatter import scatter_add

__all__ = ["KMeans"]

WHO = "KMeans"


class KMeans:
    r"""K-means with the names of scikit-learn (but `seed` for its random_state); it runs on the host, in float64.

    | option | meaning |
    |---|---|
    | `n_clusters` | K; not more than x has distinct rows |
    | `init` | "k-means++", or centres (K, D) to start from (then there is one start) |
    | `n_init` | how many starts; the result with the smallest inertia is kept |
    | `max_iter` | rounds of one start at most |
    | `tol` | stop when the centres moved less: their squared shifts add up to this, times the mean variance of x |
    | `seed` | None: drawn from `minidl.random`; an integer, for the same result every time; or a NumPy Generator |

    | after `fit` | |
    |---|---|
    | `cluster_centers_` | (K, D), in the dtype of x |
    | `labels_` | (N,), the centre of each row |
    | `inertia_` | J |
    | `n_iter_` | rounds that the best start took |

    ValueError or TypeError for options out of range, x that is not (N, D), with N >= 1 rows of finite numbers, and more
    clusters than distinct rows.

    >>> x = np.array([[0.0, 0.0], [0.0, 2.0], [9.0, 9.0], [9.0, 7.0]])
    >>> k_means = KMeans(2, seed=0).fit(x)
    >>> sorted(k_means.cluster_centers_.tolist()), k_means.inertia_
    ([[0.0, 1.0], [9.0, 8.0]], 4.0)
    >>> bool(k_means.predict([[8.0, 8.0]])[0] == k_means.labels_[2])
    True
    """

    def __init__(
        self,
        n_clusters: int,
        *,
        init: Any = "k-means++",
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-4,
        seed: int | np.random.Generator | None = None,
    ):
        self.n_clusters = check.size(WHO, "n_clusters", n_clusters)
        self.init = check.option(WHO, "init", init, ("k-means++",)) if isinstance(init, str) else _rows("init", init)
        if not isinstance(init, str):
            check.axis_size(WHO, "init", self.init, 0, self.n_clusters, "n_clusters")
        self.n_init = check.size(WHO, "n_init", n_init)
        self.max_iter = check.size(WHO, "max_iter", max_iter)
        self.tol = check.number(WHO, "tol", tol, low=0)
        self.seed = seed
        generator(WHO, seed)

    def fit(self, x: Any) -> "KMeans":
        r"""Find the centres of x (N, D); returns itself."""
        rows = _rows("x", x)
        if not isinstance(self.init, str):
            check.axis_size(WHO, "x", rows, 1, self.init.shape[1], "the features of init")
        rng = generator(WHO, self.seed)
        x64 = rows.astype(np.float64)
        tol = self.tol * x64.var(axis=0).mean()
        best = None
        for _ in range(self.n_init if isinstance(self.init, str) else 1):
            start = plus_plus(x64, self.n_clusters, rng) if isinstance(self.init, str) else self.init.astype(np.float64)
            centers, n_iter = lloyd(x64, start, self.max_iter, tol)
            centers = centers.astype(rows.dtype if rows.dtype.kind == "f" else np.float64)
            labels, nearest = _nearest(x64, centers)  # of the centres that the caller gets
            if best is None or nearest.sum() < best[2]:
                best = centers, labels, float(nearest.sum()), n_iter
        self.cluster_centers_, self.labels_, self.inertia_, self.n_iter_ = best
        return self

    def predict(self, x: Any) -> np.ndarray:
        r"""The nearest centre of each row of x (N, D). ValueError before `fit`."""
        return self._squared_distances(x).argmin(axis=1)

    def transform(self, x: Any) -> np.ndarray:
        r"""The distances of all rows of x (N, D) from all centres: (N, K). ValueError before `fit`."""
        return np.sqrt(self._squared_distances(x))

    def _squared_distances(self, x: Any) -> np.ndarray:
        if not hasattr(self, "cluster_centers_"):
            raise ValueError(f"{WHO}: there are no centres yet; call fit(x) first")
        rows = _rows("x", x)
        check.axis_size(WHO, "x", rows, 1, self.cluster_centers_.shape[1], "the features of fit")
        return squared_distances(rows.astype(np.float64), self.cluster_centers_.astype(np.float64))


def plus_plus(x: np.ndarray, K: int, rng: np.random.Generator) -> np.ndarray:
    r"""K rows of x (N, D) to start from. ValueError if it has fewer distinct ones.

    >>> plus_plus(np.array([[1.0], [1.0], [3.0]]), 2, np.random.default_rng(0)).sum()
    np.float64(4.0)
    """
    centers = x[rng.integers(len(x), size=1)]
    nearest = squared_distances(x, centers)[:, 0]  # to the nearest centre so far
    for k in range(1, K):
        if not nearest.any():
            raise _too_many(K, k)
        drawn = rng.choice(len(x), size=2 + int(math.log(K)), p=nearest / nearest.sum())
        after = np.minimum(nearest[:, None], squared_distances(x, x[drawn]))  # (N, draws)
        best = after.sum(axis=0).argmin()
        centers = np.concatenate([centers, x[drawn[best], None]])
        nearest = after[:, best]
    return centers


def lloyd(x: np.ndarray, centers: np.ndarray, max_iter: int, tol: float) -> tuple[np.ndarray, int]:
    r"""The centres where Lloyd's algorithm comes to rest from these, and after how many rounds.

    >>> lloyd(np.array([[0.0], [2.0], [9.0]]), np.array([[0.0], [2.0]]), 100, 0.0)
    (array([[1.],
           [9.]]), 3)
    """
    labels, n_iter = np.full(len(x), -1), 0
    while n_iter < max_iter:
        n_iter += 1
        before, (labels, nearest) = labels, _nearest(x, centers)
        moved = _means(x, labels, nearest, len(centers))
        shift = ((moved - centers) ** 2).sum()
        centers = moved
        if np.array_equal(labels, before) or shift <= tol:
            break
    return centers, n_iter


def spread(x: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    r"""$\sigma_k$ (K,): the mean distance of the rows of each cluster from their centre.

    A cluster of one row (or of equal ones) has none of its own: it gets the mean of the others, or, where no cluster
    has one, the smallest distance of two centres (or 1, where there are no two).

    >>> spread(np.array([[0.0], [2.0], [9.0]]), np.array([0, 0, 1]), np.array([[1.0], [9.0]]))
    array([1., 1.])
    """
    K = len(centers)
    distance = np.sqrt(((x.astype(np.float64) - centers[labels]) ** 2).sum(axis=1))
    sigma = np.bincount(labels, distance, K) / np.maximum(np.bincount(labels, minlength=K), 1)
    if sigma.any():
        return np.where(sigma > 0, sigma, sigma[sigma > 0].mean())
    between = np.sqrt(squared_distances(centers, centers)).astype(np.float64)
    between = between[between > 0].reshape(-1)
    return np.full(K, between.min() if between.size else 1.0)


def generator(who: str, seed: Any) -> np.random.Generator:
    r"""minidl's generator for None, a fresh one for an integer, and a Generator itself."""
    if seed is None:
        return random.generator()
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.Generator(np.random.PCG64(check.integer(who, "seed", seed, low=0)))


def _nearest(x: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of each row, and its squared distance."""
    distances = squared_distances(x, centers.astype(np.float64))
    labels = distances.argmin(axis=1)
    return labels, distances[np.arange(len(x)), labels]


def _means(x: np.ndarray, labels: np.ndarray, nearest: np.ndarray, K: int) -> np.ndarray:
    """The mean of each cluster; one without rows is given one first (in labels and nearest)."""
    counts = np.bincount(labels, minlength=K)
    for k in np.flatnonzero(counts == 0):
        far = np.where(counts[labels] > 1, nearest, 0).argmax()  # a cluster of one row keeps it
        if nearest[far] == 0:
            raise _too_many(K, len(np.unique(x, axis=0)))
        counts[labels[far]] -= 1
        counts[k] += 1
        labels[far], nearest[far] = k, 0
    return scatter_add(labels, x, K) / counts[:, None]


def _rows(name: str, value: Any) -> np.ndarray:
    rows = host(WHO, name, value)
    check.rank(WHO, name, rows, "(N, D)")
    if rows.size == 0:
        raise check.ShapeError(f"{WHO}: {name} is empty, got shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError(f"{WHO}: {name} must hold finite numbers, got a NaN or an infinity")
    return rows


def _too_many(K: int, distinct: int) -> ValueError:
    return ValueError(f"{WHO}: n_clusters={K} is more than the {distinct} distinct rows of x")
