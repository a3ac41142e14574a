r"""Round Gaussian clouds, one a class: the easiest data there is, for clustering and for linear models."""

from typing import Any

import numpy as np

from minidl import check
from minidl.datasets.clouds import class_sizes, finish, generator, n_rows


def make_blobs(
    n_samples: int = 100,
    n_features: int = 2,
    *,
    centers: Any = 3,
    cluster_std: float = 1.0,
    center_box: tuple[float, float] = (-10.0, 10.0),
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""K Gaussian clouds in D dimensions: $x = c_y + \sigma \varepsilon$ with $\varepsilon \sim N(0, I)$.

    centers: how many, drawn evenly from `center_box` in every coordinate; or the centres themselves, an array (K, D),
    which then says what D is (n_features is not looked at). cluster_std: $\sigma$, for all clouds and directions.

    Returns x float32 (n_samples, D) and y int64 (n_samples,), rows mixed, classes equal to within one.
    Raises ValueError for n_samples or n_features < 1, centers outside 1 ... n_samples or not of shape (K, D) or not
    finite, cluster_std < 0, a center_box whose ends are not in order, seed < 0; TypeError for centers that are no
    numbers. After scikit-learn's function of this name.

    >>> x, y = make_blobs(90, centers=[[0, 0], [5, 0], [0, 5]], cluster_std=0.1)
    >>> [x[y == k].mean(axis=0).round().astype(int).tolist() for k in range(3)]
    [[0, 0], [5, 0], [0, 5]]
    """
    n = n_rows("make_blobs", n_samples)
    n_features = check.size("make_blobs", "n_features", n_features)
    cluster_std = check.number("make_blobs", "cluster_std", cluster_std, low=0)
    rng = generator("make_blobs", seed)
    if isinstance(centers, int | np.integer):
        k = check.integer("make_blobs", "centers", centers, low=1, high=n)
        check.elements("make_blobs", "x", (n, n_features))
        centers = rng.uniform(*_ends(center_box), (k, n_features))
    else:
        given = centers
        try:
            centers = np.asarray(given).astype(np.float64, casting="same_kind")
        except (TypeError, ValueError):
            raise check.DTypeError(
                f"make_blobs: centers must be a number of classes or an array (K, D), got {given!r}"
            ) from None
        check.rank("make_blobs", "centers", centers, "(K, D)")
        if centers.size == 0 or not np.isfinite(centers).all():
            raise ValueError(f"make_blobs: centers must be finite numbers, at least one, got {centers.tolist()}")
    check.elements("make_blobs", "x", (n, centers.shape[1]))
    clouds = [np.repeat(c[None], m, axis=0) for c, m in zip(centers, class_sizes(n, len(centers)), strict=True)]
    return finish(rng, clouds, cluster_std)


def _ends(center_box: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = center_box
    except (TypeError, ValueError):
        raise ValueError(f"make_blobs: center_box must be (low, high), got {center_box!r}") from None
    low, high = (check.number("make_blobs", "center_box", end) for end in (low, high))
    if low >= high:
        raise ValueError(f"make_blobs: center_box must be (low, high) with low < high, got {center_box!r}")
    return low, high
