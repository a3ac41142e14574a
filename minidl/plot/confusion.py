r"""plot_confusion_matrix: which classes are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.plot.canvas import axes, finite, ink


def plot_confusion_matrix(matrix: Any, *, classes: Sequence | None = None, ax: Any = None, **kwargs: Any) -> Any:
    r"""The matrix (K, K) of `minidl.train.confusion_matrix`, with its counts; rows are the true classes.

    A cell's colour is its share of its row, so that a rare class is as visible as a common one.
    classes: K names. kwargs: for `Axes.imshow`. Raises ValueError for a matrix that is not square or has negative
    entries, and for another number of names.

    >>> ax = plot_confusion_matrix([[9, 1], [2, 8]], classes=["cat", "dog"])
    >>> ax.get_ylabel(), [text.get_text() for text in ax.texts]
    ('true class', ['9', '1', '2', '8'])
    """
    who = "plot_confusion_matrix"
    matrix = finite(who, "matrix", matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise check.ShapeError(f"{who}: matrix must have shape (K, K), got {matrix.shape}")
    if matrix.min() < 0:
        raise ValueError(f"{who}: matrix must hold counts >= 0, got {matrix.min()}")
    K = len(matrix)
    classes = list(range(K)) if classes is None else list(classes)
    if len(classes) != K:
        raise ValueError(f"{who}: classes must have {K} names, got {len(classes)}")
    side = min(max(3.5, 1.2 + 0.5 * K), 14.0)
    ax = axes(ax, side + 0.8, side)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-300)
    image = ax.imshow(shares, **{"cmap": "viridis", "vmin": 0, "vmax": 1, **kwargs})
    for i, j in np.ndindex(matrix.shape):
        colour = ink(image.to_rgba(shares[i, j]))
        ax.text(j, i, f"{matrix[i, j]:g}", ha="center", va="center", color=colour, fontsize=9 if K <= 12 else 6)
    longest = max(len(str(name)) for name in classes)
    ax.set_xticks(range(K), classes, rotation=90 if longest * K > 60 else 0)
    ax.set_yticks(range(K), classes)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.set_title("confusion matrix")
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="share of the true class")
    return ax
