r"""Weights against imbalance: a class that is rare is given more weight in the loss.

With n rows and $n_k$ of them in class k of K, the weights

$$ w_k = \frac{n}{K\, n_k} $$

make every class weigh the same, $w_k n_k = n / K$, and leave the weights' mean over the rows at 1.
King and Zeng 2001, Political Analysis 9(2), section 4.2; the formula is scikit-learn's "balanced".
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import check
from minidl.train.rows import Rows, spread


def compute_class_weight(class_weight: Mapping | str | None, *, classes: Any, y: Any) -> np.ndarray:
    r"""The weight of each class in `classes`, float64, in their order.

    class_weight: "balanced" for the formula above; a dict from class to weight, where a missing class weighs 1; None
    for weights of 1. y: the labels (N,). Names and meaning are scikit-learn's.

    Raises ValueError for labels of y, or keys of the dict, that are not among the classes, for "balanced" with a class
    that y does not have, and for a weight that is negative or not finite.

    >>> compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2]).round(3)
    array([0.667, 1.   , 2.   ])
    """
    who = "compute_class_weight"
    classes, y = np.asarray(classes), np.asarray(y)
    if classes.ndim != 1 or len(np.unique(classes)) != len(classes) or len(classes) == 0:
        raise ValueError(f"{who}: classes must be a list of different labels, got {classes.tolist()}")
    if y.ndim != 1 or y.size == 0:
        raise check.ShapeError(f"{who}: y must have shape (N,) and rows, got {y.shape}")
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(f"{who}: y has the labels {unknown.tolist()[:5]}, which are not among the classes")
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, Mapping):
        strangers = [label for label in class_weight if label not in classes.tolist()]
        if strangers:
            raise ValueError(f"{who}: class_weight names {strangers}, which are not among the classes")
        return np.array([weight_of(who, class_weight, label) for label in classes.tolist()])
    check.option(who, "class_weight", class_weight, ("balanced",))
    counts = (y[:, None] == classes).sum(axis=0)
    if not counts.all():
        raise ValueError(f"{who}: 'balanced' needs rows of every class, class {classes[counts.argmin()]} has none")
    return len(y) / (len(classes) * counts)


def weight_of(who: str, class_weight: Mapping, label: Any) -> float:
    r"""The weight of one class, 1 where the dict has none."""
    return check.number(who, f"class_weight[{label!r}]", class_weight.get(label, 1.0), low=0)


def weights_of_rows(who: str, class_weight: Mapping | str, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    r"""The weight of every label in y, an array of y's shape: labels that are integers, for instance (N,) or (N, T),
    or 0.0 and 1.0 of shape (N,) or (..., 1). Where `counts` is False stands no label: the weight is 0, and "balanced"
    does not count it."""
    labels = y[counts]
    columns = y.dtype.kind == "f" and (y.ndim == 1 or y.shape[-1] == 1) and bool((labels == np.floor(labels)).all())
    if y.dtype.kind not in "iub" and not columns:
        raise ValueError(
            f"{who}: class_weight needs y to hold labels (integers), got dtype {y.dtype} of shape {y.shape}"
        )
    labels = labels.astype(np.int64)
    if labels.min() < 0:
        raise ValueError(f"{who}: class_weight needs labels >= 0 in y, got {labels.min()}")
    classes, class_of = np.unique(labels, return_inverse=True)
    if isinstance(class_weight, Mapping):
        for label in class_weight:
            check.integer(who, "a class in class_weight", label, low=0)
            weight_of(who, class_weight, label)
        weights = np.array([class_weight.get(label, 1.0) for label in classes.tolist()], dtype=np.float64)
    else:
        check.option(who, "class_weight", class_weight, ("balanced",))
        weights = compute_class_weight(class_weight, classes=classes, y=labels)
    result = np.zeros(y.shape)
    result[counts] = weights[class_of]
    return result


def class_weighted(who: str, rows: Rows, class_weight: Any) -> Rows:
    r"""The rows with the weights of their classes, times the weights that they have. Labels of weight 0 (padding) are
    not looked at."""
    if not isinstance(class_weight, Mapping | str):
        raise check.DTypeError(f"{who}: class_weight must be a dict or 'balanced', got {class_weight!r}")
    given = spread(rows.weight, rows.y)
    weight = given * weights_of_rows(who, class_weight, rows.y, given > 0)
    if not weight.any():
        raise ValueError(f"{who}: class_weight={class_weight!r} leaves every row with weight 0")
    return Rows(rows.x, rows.y, weight)
