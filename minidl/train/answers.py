r"""What a model's output means as an answer, which depends on the loss: where its classes are, what is a yes, which
targets it ignores. Metrics read answers, so they are asked here, with the same options as the loss."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import check
from minidl.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    nll_loss,
)
from minidl.losses.cross_entropy import IGNORED
from minidl.train.rows import Rows, spread

# Losses of one output for two classes: the output above which the answer is yes, and the labels of no and yes.
THRESHOLDS = {
    binary_cross_entropy: (0.5, 0, 1),
    binary_cross_entropy_with_logits: (0.0, 0, 1),
    hinge_loss: (0.0, -1, 1),
}


def labels(loss: Callable, output: np.ndarray, target: np.ndarray, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Classes wanted and classes given: the highest output along the axis of the classes, or for losses of one output
    the side of its threshold. Targets that are rows of K numbers (one-hot) count as their highest; ignored ones, and
    those of weight 0, are left out."""
    axis = option_of(loss, "class_axis", 1)
    if plain(loss) in THRESHOLDS:
        cut, no, yes = THRESHOLDS[plain(loss)]
        given = np.where(output > cut, yes, no)
    elif output.ndim < 2 or output.shape[axis] == 1:
        given = np.where(output > 0.5, 1, 0)
    else:
        target = target.argmax(axis=axis) if target.shape == output.shape else target
        given = output.argmax(axis=axis)
    _one_each(target, given.shape)
    counts = _counts(target, weight)
    return target.ravel()[counts], given.ravel()[counts]


def scores(loss: Callable, output: np.ndarray, target: np.ndarray, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Classes wanted (N,) and a score for each class (N, K). Logits become probabilities: those of different rows can
    be compared."""
    axis = option_of(loss, "class_axis", 1)
    if plain(loss) is cross_entropy:
        e = np.exp(output - output.max(axis=axis, keepdims=True))
        output = e / e.sum(axis=axis, keepdims=True)
    one_hot = output.ndim > 1 and output.shape[axis] > 1 and target.shape == output.shape
    target = target.argmax(axis=axis) if one_hot else target
    if output.ndim > 1:
        output = np.moveaxis(output, axis, -1)
        _one_each(target, output.shape[:-1])
        output = output.reshape(target.size, -1)
    counts = _counts(target, weight)
    return target.ravel()[counts], output[counts]


def _one_each(target: np.ndarray, shape: tuple[int, ...]) -> None:
    """ShapeError unless the answers, of this shape, are as many as the targets."""
    if math.prod(shape) != target.size:
        raise check.ShapeError(
            f"metrics: there must be one answer for each target of {target.shape}, got answers of shape {shape}; if "
            "axis 1 of the output is not that of the classes, metrics read it from "
            "loss=functools.partial(F.cross_entropy, class_axis=...)"
        )


def _counts(target: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return (target.ravel() != IGNORED) & (spread(weight, target).ravel() > 0)


def plain(loss: Callable) -> Callable:
    """The function behind a functools.partial that sets its options."""
    return getattr(loss, "func", loss)


def option_of(loss: Callable, name: str, default: Any) -> Any:
    """What a functools.partial sets this option of a loss to."""
    return getattr(loss, "keywords", {}).get(name, default)


# what a metric reads -> how it is made of the loss function, the model's output, the target and its weights
READS = {"labels": labels, "scores": scores, "outputs": lambda loss, output, target, weight: (target, output)}


def without_ignored(who: str, rows: Rows, loss: Callable) -> Rows:
    r"""The rows, with weight 0 for targets that the loss ignores: they must not count in a mean over batches either."""
    if plain(loss) not in (cross_entropy, nll_loss) or rows.y.dtype.kind not in "iu":
        return rows
    counts = rows.y != option_of(loss, "ignore_index", IGNORED)
    if counts.all():
        return rows
    weight = counts * spread(rows.weight, rows.y)
    if not weight.any():
        raise ValueError(f"{who}: y has no target that is not ignored (or of weight 0)")
    return Rows(rows.x, rows.y, weight)
