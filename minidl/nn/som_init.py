r"""Where the weights of a self-organising map start, as a function of its data.

| init | first weights |
|---|---|
| `random` | uniform between the smallest and the largest value of each feature |
| `sample` | rows of the data, drawn without repetition while there are enough of them |
| `pca` | the plane through the mean, along the two directions in which the data vary most, two deviations each way |

The last one needs no luck and gives a map that is unfolded already: the longer side of the grid lies along the first
direction.

Source: Kohonen 2001, "Self-Organizing Maps", section 3.7.

Try it:
1. Ask a map of 8 x 8 that has learned nothing how well it fits iris (standardised): the quantisation error is 1.10 with
   random weights, 0.24 with rows, 0.49 with pca; the topographic error 0.95, 0.89 and 0.0.
2. Train it for 20 epochs with a narrow neighbourhood, sigma=1 and sigma_end=0.5, which can unfold little. Seeds 0, 1, 2
   leave a topographic error of 0.06, 0.01, 0.03 from random weights, 0.11, 0.02, 0.04 from rows, and 0.03, 0.03, 0.0
   from pca.
3. Turn the rows round: `pca(x[::-1], 3, 3)` gives the same weights but for rounding, as it asks for no order and no
   luck.
"""

from typing import Any

import numpy as np

from minidl import random
from minidl.random import generator


def uniform(x: np.ndarray, rows: int, cols: int) -> np.ndarray:
    return generator().uniform(x.min(axis=0), x.max(axis=0), (rows, cols, x.shape[1]))


def sample(x: np.ndarray, rows: int, cols: int) -> np.ndarray:
    n = rows * cols
    return x[generator().choice(len(x), n, replace=len(x) < n)].reshape(rows, cols, -1)


def pca(x: np.ndarray, rows: int, cols: int) -> np.ndarray:
    mean = x.mean(axis=0)
    variances, directions = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))  # rising; directions (D, D) in columns
    axes = np.zeros((2, x.shape[1]))
    for a, k in zip(axes, range(x.shape[1] - 1, -1, -1), strict=False):  # one feature: the second axis stays 0
        v = directions[:, k]
        a[:] = v * np.sqrt(max(variances[k], 0)) * np.sign(v[abs(v).argmax()])  # the sign is fixed, as eigh's is not
    along_rows, along_cols = axes if rows > cols else axes[::-1]
    i, j = (np.linspace(-2, 2, n) if n > 1 else np.zeros(1) for n in (rows, cols))
    return mean + i[:, None, None] * along_rows + j[:, None] * along_cols


# name -> function of the data (N, D) in float64, rows and cols, that gives weights (rows, cols, D)
INITS = {"random": uniform, "sample": sample, "pca": pca}


def illustrate(ax: Any) -> None:
    r"""The first weights of a map of 5 x 9 units, drawn as a net through neighbours, among the rows (dots) that it is
    going to learn. From random weights or rows the map has to unfold, and may keep a twist; along the two main
    directions of the data it is unfolded from the start."""
    ax.axis("off")
    x = np.random.default_rng(0).normal(size=(100, 2)) @ [[1.5, 0.7], [-0.2, 0.4]]
    before = random.get_state()
    random.manual_seed(0)
    for k, (name, init) in enumerate(INITS.items()):
        w = init(x, 5, 9)
        part = ax.inset_axes([0.35 * k, 0.2, 0.3, 0.6])
        part.plot(*x.T, ".", color="C1", markersize=2)
        for lines in (w, w.swapaxes(0, 1)):
            part.plot(lines[..., 0].T, lines[..., 1].T, "C0", linewidth=0.8)
        part.set(xticks=[], yticks=[], xlabel=name)
    random.set_state(before)
