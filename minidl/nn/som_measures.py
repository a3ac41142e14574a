r"""What can be asked of a map once it has learned: who wins, how well it fits, what the units stand for.

**Quantisation error**: the mean distance of a row from its winner; how well the units cover the data. **Topographic
error**: the share of rows whose two nearest units do not touch; how well the grid follows the data (Kiviluoto 1996).
Touching depends on the topology: the 8 units around one, or the 6 of a hexagonal grid (som_grid.py), so errors of
two topologies cannot be compared. One error is bought with the other: without a grid, k-means has a smaller first one.

**U-matrix**: the mean distance of each unit's weights from those of the units that touch it. Clusters are its basins,
and the ridges between them their borders (Ultsch and Siemon 1990).

**Classes.** `fit_labels` counts how many rows of each class every unit wins, $n_{kc}$. A unit's vote is the class that
it has won most often; a unit that has won nothing has no vote, and on a map with about as many units as rows many a
new row falls on such a unit. Averaging the counts of the units around, with a Gaussian $g$ on the grid, mends that:

$$ \hat c_k = \text{arg max}_c \sum_{k'} g(k, k')\, n_{k'c}, \qquad g = e^{-d^2 / 2 \sigma^2} $$

because units that touch stand for similar rows. What it cannot mend: a frequent class outweighs a rare one next to it,
units at an edge have fewer neighbours, ties go to the first class, and the sums are no calibrated probabilities.
"""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.host import host
from minidl.kernels import som as kernel
from minidl.nn import som_grid
from minidl.nn.module import Buffer, Module

NO_LABEL = -1


class Measures(Module):
    r"""The questions; `SOM` (som.py) is the map that is asked. x is an array, a list or a tensor (N, in_features) of
    finite numbers, and answers are NumPy arrays, in the order of the rows of x or of the grid."""

    rows: int
    cols: int
    in_features: int
    topology: str
    toroidal: bool
    distance: str
    num_classes: int | None
    weights: Buffer  # (rows, cols, in_features)
    label_counts: Buffer | None  # (rows, cols, num_classes)

    # ---- distances ----
    def transform(self, x: Any) -> np.ndarray:
        r"""The distance of every row from every unit: (N, rows, cols)."""
        return self._distances("transform", x).reshape(-1, self.rows, self.cols)

    def winner(self, x: Any) -> np.ndarray:
        r"""Row and column of the nearest unit, the first of equally near ones: integers (N, 2)."""
        k = self._distances("winner", x).argmin(axis=1)
        return np.stack(np.divmod(k, self.cols), axis=1)

    def outlier_scores(self, x: Any) -> np.ndarray:
        r"""The distance of every row from its winner (N,): large where the map has seen nothing like it."""
        return self._distances("outlier_scores", x).min(axis=1)

    def quantization_error(self, x: Any) -> float:
        r"""The mean distance of a row from its winner."""
        return float(self._distances("quantization_error", x).min(axis=1).mean(dtype=np.float64))

    def topographic_error(self, x: Any) -> float:
        r"""The share of rows whose two nearest units are no neighbours. ValueError for a map of one unit."""
        if self.rows * self.cols == 1:
            raise ValueError("SOM.topographic_error: a map of one unit has no second nearest one")
        y = self._distances("topographic_error", x)
        first = y.argmin(axis=1)
        y[np.arange(len(y)), first] = np.inf
        touch = som_grid.neighbours(self.rows, self.cols, self.topology, self.toroidal)
        return float(1 - touch[first, y.argmin(axis=1)].mean())

    # ---- pictures of the map ----
    def places(self) -> np.ndarray:
        r"""Where the units sit, x to the right and y downwards: (rows, cols, 2)."""
        return som_grid.places(self.rows, self.cols, self.topology)

    def grid_distances(self) -> np.ndarray:
        r"""The distance of any two units on the grid: (K, K) for K = rows cols."""
        return np.sqrt(som_grid.squared_distances(self.rows, self.cols, self.topology, self.toroidal))

    def u_matrix(self) -> np.ndarray:
        r"""The mean distance of each unit's weights from its neighbours': (rows, cols); 0 for a map of one unit."""
        w = backend.to_numpy(self._fitted("u_matrix"))
        y = kernel.distances(w, w.T, kernel.METRICS[self.distance]).astype(np.float64)
        touch = som_grid.neighbours(self.rows, self.cols, self.topology, self.toroidal)
        return ((y * touch).sum(axis=1) / np.maximum(touch.sum(axis=1), 1)).reshape(self.rows, self.cols)

    def hit_map(self, x: Any) -> np.ndarray:
        r"""How many rows each unit wins: integers (rows, cols)."""
        k = self._distances("hit_map", x).argmin(axis=1)
        return np.bincount(k, minlength=self.rows * self.cols).reshape(self.rows, self.cols)

    # ---- classes ----
    def labels_map(self, x: Any, y: Any) -> np.ndarray:
        r"""The class in 0, 1, ... that each unit wins most often, the first of equals; -1 where it wins no row:
        (rows, cols). y: integers (N,)."""
        counts = self._label_counts("labels_map", x, y, None)
        return _most(counts).reshape(self.rows, self.cols)

    def fit_labels(self, x: Any, y: Any) -> None:
        r"""Count, for `predict`, how often each unit wins a row of each class. y: integers (N,) below num_classes."""
        self._need_classes("fit_labels")
        counts = self._label_counts("fit_labels", x, y, self.num_classes)
        self.label_counts.data = counts.reshape(self.label_counts.shape)

    def predict(self, x: Any, sigma: float = 0.8) -> np.ndarray:
        r"""The class of every row (N,): the one most frequent around its winner, by a Gaussian of width sigma on the
        grid. sigma=0: the vote of the winner alone. -1 where no class has been counted within reach."""
        self._need_classes("predict")
        sigma = check.number("SOM.predict", "sigma", sigma, low=0, high=som_grid.WIDTHS[1])
        counts = self.label_counts.numpy().reshape(-1, self.num_classes)
        if not counts.any():
            raise ValueError("SOM.predict: no class has been counted; call fit_labels(x, y) first")
        if sigma >= som_grid.WIDTHS[0]:
            d2 = som_grid.squared_distances(self.rows, self.cols, self.topology, self.toroidal)
            counts = som_grid.NEIGHBOURHOODS["gaussian"](d2, sigma) @ counts  # (K, K) @ (K, C) -> (K, C)
        return _most(counts)[self._distances("predict", x).argmin(axis=1)]

    # ---- arguments ----
    def _distances(self, method: str, x: Any) -> np.ndarray:
        """(N, K), on the host."""
        w = self._fitted(method)
        y = kernel.distances(self._rows(method, x), w.T, kernel.METRICS[self.distance])
        return backend.to_numpy(y)

    def _fitted(self, method: str) -> Any:
        """The weights (K, D), or a ValueError where there are none yet."""
        w = self.weights._data.reshape(-1, self.in_features)
        if backend.xp_of(w).isnan(w).any():
            raise ValueError(f"SOM.{method}: the map has no weights yet; call fit(x) first")
        return w

    def _rows(self, method: str, x: Any) -> Any:
        """x (N, D), N >= 1, finite, where the weights live and in their dtype."""
        who = f"SOM.{method}"
        x = host(who, "x", x)
        check.rank(who, "x", x, "(N, D)")
        check.axis_size(who, "x", x, 1, self.in_features, "in_features")
        if len(x) == 0:
            raise check.ShapeError(f"{who}: x must have at least one row, got shape {x.shape}")
        with np.errstate(over="ignore"):
            converted = x.astype(self.weights.dtype)
        if not np.isfinite(converted).all():
            bad = x[~np.isfinite(converted)][0]
            raise ValueError(f"{who}: x must hold finite numbers (of {self.weights.dtype}), got {bad}")
        return backend.to_backend(converted, self.weights.backend)

    def _label_counts(self, method: str, x: Any, y: Any, num_classes: int | None) -> np.ndarray:
        """n_kc as integers (K, C)."""
        who = f"SOM.{method}"
        k = self._distances(method, x).argmin(axis=1)
        y = host(who, "y", y)
        check.indices(who, "y", y, check.LIMIT if num_classes is None else num_classes)
        if y.shape != k.shape:
            raise check.ShapeError(f"{who}: y must have shape {k.shape}, one class a row of x, got {y.shape}")
        C = int(y.max()) + 1 if num_classes is None else num_classes
        K = self.rows * self.cols
        check.room(who, "counts (units, classes)", (K, C))
        return np.bincount(k * C + y.astype(np.int64), minlength=K * C).reshape(K, C)

    def _need_classes(self, method: str) -> None:
        if self.num_classes is None:
            raise ValueError(f"SOM.{method}: the map counts no classes; make it with num_classes=")


def _most(counts: np.ndarray) -> np.ndarray:
    """The class with the largest count in each row; NO_LABEL where all are 0."""
    return np.where(counts.any(axis=1), counts.argmax(axis=1), NO_LABEL)
