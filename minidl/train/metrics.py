r"""Metrics: how good predictions are, as numbers for people (a loss is a number for the optimiser).

Everything about labels follows from one table, the confusion matrix $C_{tp}$: how many rows of class t were taken for
class p. For one class k, its true positives are $C_{kk}$, and

$$ \text{precision}_k = \frac{C_{kk}}{\sum_t C_{tk}}, \qquad \text{recall}_k = \frac{C_{kk}}{\sum_p C_{kp}}, \qquad
   F_{1,k} = \frac{2\,C_{kk}}{\sum_t C_{tk} + \sum_p C_{kp}} $$

(of those called k, how many are; of those that are, how many were called so; the harmonic mean of the two). A quotient
0 / 0 is 0. `AVERAGES` says how the classes' numbers become one.

A score instead of a label can be ranked. ROC AUC is the probability that a random positive row has a higher score than
a random negative one, a tie counting one half: with $R_i$ the rank of row i among all n = n₁ + n₀ (ties share the mean
of their ranks),

$$ \mathrm{AUC} = \frac{\sum_{i \text{ positive}} R_i - n_1 (n_1 + 1) / 2}{n_1\, n_0} $$

Definitions and names are scikit-learn's; the default average is "macro" here. Fawcett 2006, Pattern Recognition
Letters 27, for all of them; Mann and Whitney 1947 for the ranks.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.host import host

AVERAGES = {
    "macro": "the mean over the classes",
    "weighted": "the mean over the classes, each weighted by its number of rows in y_true",
    "micro": "true positives and totals added up over the classes first",
    "binary": "class 1 alone, for two classes",
    None: "an array, one number for each class that occurs",
}


def accuracy(y_true: Any, y_pred: Any) -> float:
    r"""The share of labels that are right.

    >>> accuracy([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    y_true, y_pred = _labels("accuracy", y_true, y_pred)
    return float((y_true == y_pred).mean())


def top_k_accuracy(y_true: Any, y_score: Any, k: int = 5) -> float:
    r"""The share of rows whose label is among the k highest of its scores: y_true (N,) in 0 ... K-1, y_score (N, K).
    Between equal scores the class with the higher number goes first.

    >>> top_k_accuracy([0, 1, 2], [[0.5, 0.3, 0.2], [0.6, 0.1, 0.3], [0.1, 0.4, 0.5]], k=2)
    0.6666666666666666
    """
    who = "top_k_accuracy"
    y_true, y_score = _array(who, "y_true", y_true), _scores(who, y_score)
    check.rank(who, "y_score", y_score, "(N, K)")
    _rows(who, y_true, y_score)
    check.indices(who, "y_true", y_true, y_score.shape[1])
    k = check.integer(who, "k", k, low=1)
    best = np.argsort(y_score, axis=1, kind="stable")[:, ::-1][:, :k]
    return float((best == y_true[:, None]).any(axis=1).mean())


def confusion_matrix(y_true: Any, y_pred: Any, *, labels: Any = None) -> np.ndarray:
    r"""How many rows of class t (row t) were taken for class p (column p), integers (K, K).

    labels: the classes in the order of rows and columns; the sorted ones that occur unless given. Rows of y with other
    labels are left out.

    >>> confusion_matrix([0, 1, 2, 2], [0, 1, 1, 2])
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 1, 1]])
    """
    who = "confusion_matrix"
    y_true, y_pred = _labels(who, y_true, y_pred)
    found, codes = np.unique(np.concatenate([y_true.ravel(), y_pred.ravel()]), return_inverse=True)
    table = np.zeros((len(found), len(found)), np.int64)
    np.add.at(table, tuple(codes.reshape(2, -1)), 1)
    if labels is None:
        return table
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or len(np.unique(labels)) != labels.size:
        raise ValueError(f"{who}: labels must be a list of different classes, got {labels.tolist()}")
    place = {label: i for i, label in enumerate(found.tolist())}
    wider = np.pad(table, (0, 1))  # one more row and column, of zeros, for classes that do not occur
    rows = [place.get(label, len(found)) for label in labels.tolist()]
    return wider[np.ix_(rows, rows)]


def precision(y_true: Any, y_pred: Any, *, average: str | None = "macro") -> Any:
    r"""Of the rows called k, the share that is k; averaged as `AVERAGES` says.

    >>> precision([0, 1, 2, 2], [0, 1, 1, 2], average=None)
    array([1. , 0.5, 1. ])
    """
    return _averaged("precision", y_true, y_pred, average, lambda hits, true, pred: (hits, pred))


def recall(y_true: Any, y_pred: Any, *, average: str | None = "macro") -> Any:
    r"""Of the rows that are k, the share that was called k; averaged as `AVERAGES` says.

    >>> recall([0, 1, 2, 2], [0, 1, 1, 2], average=None)
    array([1. , 1. , 0.5])
    """
    return _averaged("recall", y_true, y_pred, average, lambda hits, true, pred: (hits, true))


def f1(y_true: Any, y_pred: Any, *, average: str | None = "macro") -> Any:
    r"""The harmonic mean of precision and recall; averaged as `AVERAGES` says.

    >>> f1([0, 1, 2, 2], [0, 1, 1, 2], average="micro")
    0.75
    """
    return _averaged("f1", y_true, y_pred, average, lambda hits, true, pred: (2 * hits, true + pred))


def roc_auc(y_true: Any, y_score: Any) -> float:
    r"""The area under the ROC curve, 0.5 for guessing.

    Two classes: y_true (N,) of two labels, y_score (N,), higher for the higher label (on any scale), or (N, 2), of
    which the second column is taken.
    K classes: y_true (N,) in 0 ... K-1, y_score (N, K) of probabilities: the mean over the classes of the AUC of that
    class against the rest. Raises ValueError where a class has no rows, or no others.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    who = "roc_auc"
    y_true, y_score = _array(who, "y_true", y_true), _scores(who, y_score)
    _rows(who, y_true, y_score)
    if y_score.ndim == 2 and y_score.shape[1] <= 2:
        y_score = y_score[:, -1]
    if y_score.ndim == 1:
        classes = np.unique(y_true).tolist()
        if len(classes) != 2:
            raise ValueError(f"{who}: y_true must hold two classes for y_score (N,), got {classes[:5]}")
        return _area(who, y_true == classes[1], y_score, classes[1])
    check.rank(who, "y_score", y_score, "(N, K)")
    check.indices(who, "y_true", y_true, y_score.shape[1])
    return float(np.mean([_area(who, y_true == k, y_score[:, k], k) for k in range(y_score.shape[1])]))


# name in fit(metrics=...) -> (function of truth and prediction, what it reads)
METRICS = {
    "accuracy": (accuracy, "labels"),
    "precision": (precision, "labels"),
    "recall": (recall, "labels"),
    "f1": (f1, "labels"),
    "top_k_accuracy": (top_k_accuracy, "scores"),
    "roc_auc": (roc_auc, "scores"),
}


def _averaged(who: str, y_true: Any, y_pred: Any, average: str | None, parts: Any) -> Any:
    check.option(who, "average", average, AVERAGES)
    y_true, y_pred = _labels(who, y_true, y_pred)
    table = confusion_matrix(y_true, y_pred)
    hits, true, pred = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    if average == "binary":
        classes = np.unique(np.concatenate([y_true.ravel(), y_pred.ravel()])).tolist()
        if len(classes) > 2 or (len(classes) == 2 and 1 not in classes):
            raise ValueError(f"{who}: average='binary' is for two classes, 1 and another, got {classes[:5]}")
        if 1 not in classes:
            return 0.0
        k = classes.index(1)
        hits, true, pred = hits[k], true[k], pred[k]
    if average == "micro":
        hits, true, pred = hits.sum(), true.sum(), pred.sum()
    above, below = parts(hits, true, pred)
    values = above / np.maximum(below, 1)  # below is 0 only where above is
    if average == "weighted":
        return float((values * true).sum() / true.sum())
    return values if average is None else float(values.mean())


def _area(who: str, positive: np.ndarray, score: np.ndarray, label: Any) -> float:
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if n1 == 0 or n0 == 0:
        raise ValueError(f"{who}: needs rows of class {label} and others, got {n1} and {n0}")
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    ranks = (last - (counts - 1) / 2)[place]  # equal scores at ranks last - count + 1 ... last: their mean
    return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def _array(who: str, name: str, value: Any) -> np.ndarray:
    array = host(who, name, value, "biufSU")  # classes may have names
    if array.ndim == 0 or array.size == 0:
        raise check.ShapeError(f"{who}: {name} must have rows, got shape {array.shape}")
    return array


def _scores(who: str, value: Any) -> np.ndarray:
    array = _array(who, "y_score", value)
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise ValueError(f"{who}: y_score must hold finite numbers, got dtype {array.dtype} or a NaN")
    return array


def _rows(who: str, y_true: np.ndarray, y_score: np.ndarray) -> None:
    check.rank(who, "y_true", y_true, "(N)")
    check.axis_size(who, "y_score", y_score, 0, len(y_true), "rows of y_true")


def _labels(who: str, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_pred = _array(who, "y_true", y_true), _array(who, "y_pred", y_pred)
    check.same_shape(who, "y_true", y_true, "y_pred", y_pred)
    for name, labels in (("y_true", y_true), ("y_pred", y_pred)):
        if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
            raise ValueError(f"{who}: {name} must hold labels, got numbers between them (scores?); use argmax first")
    if (y_true.dtype.kind in "SU") != (y_pred.dtype.kind in "SU"):
        raise check.DTypeError(f"{who}: y_true has dtype {y_true.dtype} and y_pred has {y_pred.dtype}")
    return y_true, y_pred
