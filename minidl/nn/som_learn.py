r"""One pass of a self-organising map over its rows: a step of the rule after each, or one step to the weighted means.

| mode | after each | |
|---|---|---|
| "online" | row x with the winner b | $w_k \leftarrow w_k + \eta\, h(b, k)\, (x - w_k)$ |
| "batch" | pass | $w_k \leftarrow \sum_n h(b(n), k)\, x_n \,/\, \sum_n h(b(n), k)$ |

Where both come from is told in som.py; h and its shrinking width are in som_grid.py.

Shapes: rows (N, D), w (K, D) for K units.
"""

from typing import Any

import numpy as np

from minidl import backend
from minidl.kernels import som as kernel
from minidl.kernels.scatter import scatter_add
from minidl.nn import som_grid
from minidl.random import generator


def one_pass(som: Any, rows: Any, steps: int, total_steps: int | None, mode: str) -> None:
    r"""Change the weights of `som`, and count the steps. None as total_steps: the widths and rates are at their last
    values. FloatingPointError, and nothing changed, where weights overflow."""
    xp, first = backend.xp_of(rows), som.step.item()
    t = np.arange(first, first + steps)
    t, T = (np.ones(steps), 1) if total_steps is None else (t, total_steps)
    sigma = som_grid.planned(som.decay, som.sigma, som.sigma_end, t, T)
    w = som.weights._data.reshape(-1, som.in_features)
    with np.errstate(all="ignore"):  # what is not finite is looked for here
        if mode == "online":
            eta = som_grid.planned(som.decay, som.learning_rate, som.learning_rate_end, t, T)
            order = generator().permutation(steps)
            tables = som_grid.tables(som.rows, som.cols, som.topology, som.toroidal)
            numbers = (xp.asarray(a.astype(rows.dtype)) for a in (eta, sigma, *tables))
            kinds = kernel.METRICS[som.distance], kernel.NEIGHBOURHOODS[som.neighbourhood]
            w = kernel.online(rows[xp.asarray(order)], w.T, *numbers, *kinds).T  # w (D, K) there
        else:
            w = means(som, rows, w, sigma[0])
    if not xp.isfinite(w).all():
        raise FloatingPointError("SOM: the weights overflow; a smaller learning_rate or sigma may help")
    som.weights.data = w.reshape(som.weights.shape)
    som.step.data = np.int64(first + steps)


def means(som: Any, rows: Any, w: Any, sigma: float) -> Any:
    r"""A step of batch training. A unit with no row in its neighbourhood stays."""
    K, xp = len(w), backend.xp_of(rows)
    d2 = som_grid.squared_distances(som.rows, som.cols, som.topology, som.toroidal)
    h = xp.asarray(som_grid.NEIGHBOURHOODS[som.neighbourhood](d2, sigma).astype(rows.dtype))
    winners = kernel.distances(rows, w.T, kernel.METRICS[som.distance]).argmin(axis=1)
    sums, counts = scatter_add(winners, rows, K), xp.bincount(winners, minlength=K).astype(rows.dtype)
    total = (h @ counts)[:, None]  # (K, K) @ (K,)
    result = h @ sums / xp.where(total > 0, total, 1)  # (K, K) @ (K, D) -> (K, D)
    return xp.where(total > 0, result, w)
