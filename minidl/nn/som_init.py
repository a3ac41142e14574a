r"""Where the weights of a self-organising map start, as a function of its data.

| init | first weights |
|---|---|
| `random` | uniform between the smallest and the largest value of each feature |
| `sample` | rows of the data, drawn without repetition while there are enough of them |
| `pca` | the plane through the mean, along the two directions in which the data vary most, two deviations each way |

The last one needs no luck and gives a map that is unfolded already (Kohonen 2001, "Self-Organizing Maps", section
3.7): the longer side of the grid lies along the first direction.
"""

import numpy as np

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
