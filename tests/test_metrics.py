"""Metrics against their definitions, written out row by row, and against numbers that scikit-learn 1.9.1 gave."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, train


# ---- the definitions, counted row by row ----
def counts(y_true, y_pred, k):
    pairs = list(zip(y_true, y_pred, strict=True))
    return (
        sum(t == k and p == k for t, p in pairs),
        sum(t != k and p == k for t, p in pairs),
        sum(t == k and p != k for t, p in pairs),
    )


def quotient(a, b):
    return a / b if b else 0.0


FROM_COUNTS = {
    "precision": lambda tp, fp, fn: quotient(tp, tp + fp),
    "recall": lambda tp, fp, fn: quotient(tp, tp + fn),
    "f1": lambda tp, fp, fn: quotient(2 * tp, 2 * tp + fp + fn),
}


def naive(name, y_true, y_pred, average):
    classes = sorted(set(y_true) | set(y_pred))
    each = [counts(y_true, y_pred, k) for k in classes]
    values = [FROM_COUNTS[name](*c) for c in each]
    if average is None:
        return values
    if average == "binary":
        return FROM_COUNTS[name](*counts(y_true, y_pred, 1))
    if average == "micro":
        return FROM_COUNTS[name](*map(sum, zip(*each, strict=True)))
    if average == "macro":
        return sum(values) / len(values)
    return sum(v * y_true.count(k) for k, v in zip(classes, values, strict=True)) / len(y_true)


def naive_auc(positive, score):
    pairs = [
        (a > b) + (a == b) / 2
        for a, p in zip(score, positive, strict=True)
        for b, q in zip(score, positive, strict=True)
        if p and not q
    ]
    return sum(pairs) / len(pairs)


labels = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, 3), min_size=n, max_size=n), st.lists(st.integers(-1, 3), min_size=n, max_size=n)
    )
)


@given(labels)
def test_accuracy(pair):
    y_true, y_pred = pair
    assert train.accuracy(y_true, y_pred) == sum(t == p for t, p in zip(*pair, strict=True)) / len(y_true)


@given(labels)
def test_confusion_matrix(pair):
    y_true, y_pred = pair
    classes = sorted(set(y_true) | set(y_pred))
    wanted = [[sum(t == a and p == b for t, p in zip(y_true, y_pred, strict=True)) for b in classes] for a in classes]
    assert train.confusion_matrix(y_true, y_pred).tolist() == wanted


@given(labels, st.permutations([-1, 0, 1, 2, 3, 4]), st.integers(1, 6))
def test_confusion_matrix_of_some_classes(pair, order, n):
    y_true, y_pred = pair
    wanted = [
        [sum(t == a and p == b for t, p in zip(y_true, y_pred, strict=True)) for b in order[:n]] for a in order[:n]
    ]
    assert train.confusion_matrix(y_true, y_pred, labels=order[:n]).tolist() == wanted


@pytest.mark.parametrize("name", FROM_COUNTS)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@given(pair=labels)
def test_precision_recall_f1(name, average, pair):
    assert np.allclose(getattr(train, name)(*pair, average=average), naive(name, *pair, average), rtol=1e-12)


@pytest.mark.parametrize("name", FROM_COUNTS)
@given(
    bits=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=20),
    negative=st.sampled_from([0, -1, 2]),
)
def test_binary_average(name, bits, negative):
    y_true, y_pred = ([1 if b else negative for b in side] for side in zip(*bits, strict=True))
    assert math.isclose(
        getattr(train, name)(y_true, y_pred, average="binary"), naive(name, y_true, y_pred, "binary"), rel_tol=1e-12
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=25))
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(rows):
    positive, score = zip(*rows, strict=True)
    if len(set(positive)) == 1:
        with pytest.raises(ValueError, match="two classes"):
            train.roc_auc(positive, score)
    else:
        assert math.isclose(train.roc_auc(positive, score), naive_auc(positive, score), rel_tol=1e-12)


@given(st.integers(3, 5), st.integers(0, 2**32), st.integers(1, 6))
def test_roc_auc_of_many_classes(K, seed, levels):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(4 * K) % K)
    score = rng.integers(0, levels, size=(len(y), K)) / levels
    wanted = np.mean([naive_auc((y == k).tolist(), score[:, k].tolist()) for k in range(K)])
    assert math.isclose(train.roc_auc(y, score), wanted, rel_tol=1e-12)


def test_roc_auc_of_a_million_ties_is_a_half():
    assert train.roc_auc(np.arange(10**6) % 2, np.ones(10**6)) == 0.5


def test_roc_auc_does_not_look_at_the_scale():
    y, score = [0, 1, 1, 0, 1], np.array([0.1, 0.4, 0.35, 0.36, 0.8])
    assert train.roc_auc(y, score) == train.roc_auc(y, np.exp(1000 * score - 900)) == 5 / 6
    assert train.roc_auc(y, -score) == pytest.approx(1 / 6, rel=1e-12)
    assert train.roc_auc(y, np.stack([-score, score], axis=1)) == 5 / 6


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 2**32))
def test_top_k(K, k, seed):
    rng = np.random.default_rng(seed)
    y, score = rng.integers(0, K, size=12), rng.permuted(np.tile(np.arange(K) * 1.5, (12, 1)), axis=1)
    wanted = sum(sum(s > row[t] for s in row) < k for t, row in zip(y, score, strict=True)) / 12
    assert train.top_k_accuracy(y, score, k) == wanted


def test_top_k_between_equals_takes_the_higher_class():
    assert train.top_k_accuracy([0], [[1.0, 1.0, 1.0]], k=2) == 0
    assert train.top_k_accuracy([2], [[1.0, 1.0, 1.0]], k=1) == 1


# ---- scikit-learn's numbers for one example ----
Y_TRUE = [0, 0, 0, 1, 1, 2, 2, 2, 2, 4]
Y_PRED = [0, 0, 1, 1, 2, 2, 2, 2, 0, 3]
SCIKIT_LEARN = {
    ("precision", "macro"): 0.3833333333333333,
    ("precision", "micro"): 0.6,
    ("precision", "weighted"): 0.6,
    ("precision", None): [0.6666666666666666, 0.5, 0.75, 0.0, 0.0],
    ("recall", "macro"): 0.3833333333333333,
    ("recall", "micro"): 0.6,
    ("recall", "weighted"): 0.6,
    ("recall", None): [0.6666666666666666, 0.5, 0.75, 0.0, 0.0],
    ("f1", "macro"): 0.3833333333333333,
    ("f1", "micro"): 0.6,
    ("f1", "weighted"): 0.6,
    ("f1", None): [0.6666666666666666, 0.5, 0.75, 0.0, 0.0],
}


@pytest.mark.parametrize(("name", "average"), SCIKIT_LEARN)
def test_scikit_learn_gives_the_same(name, average):
    assert np.allclose(getattr(train, name)(Y_TRUE, Y_PRED, average=average), SCIKIT_LEARN[name, average], rtol=1e-12)


def test_labels_may_be_strings_booleans_tensors_or_whole_floats():
    assert train.accuracy(["a", "b"], ["a", "c"]) == 0.5
    assert train.f1(["a", "b"], ["a", "c"], average=None).tolist() == [1, 0, 0]
    assert train.accuracy(np.array([True, False]), np.array([True, True])) == 0.5
    assert train.accuracy(Tensor([1, 2, 3]), np.array([1.0, 2.0, 4.0])) == pytest.approx(2 / 3)


def test_images_of_labels_count_pixel_by_pixel():
    y_true, y_pred = np.array([[0, 1], [1, 1]]), np.array([[0, 0], [1, 1]])
    assert train.accuracy(y_true, y_pred) == 0.75
    assert train.confusion_matrix(y_true, y_pred).tolist() == [[1, 0], [1, 2]]


# ---- class weights ----
def test_balanced_class_weights():
    """scikit-learn 1.9.1: compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2])"""
    weights = train.compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2])
    assert np.allclose(weights, [6 / 9, 6 / 6, 6 / 3], rtol=1e-12)


@given(st.lists(st.integers(0, 4), min_size=1))
def test_balanced_classes_weigh_the_same_and_one_on_average(y):
    classes = sorted(set(y))
    weights = train.compute_class_weight("balanced", classes=classes, y=y)
    totals = [w * y.count(k) for k, w in zip(classes, weights, strict=True)]
    assert np.allclose(totals, len(y) / len(classes), rtol=1e-12)


def test_class_weights_from_a_dict_and_from_none():
    assert train.compute_class_weight({2: 5.0}, classes=[2, 0], y=[0, 2]).tolist() == [5, 1]
    assert train.compute_class_weight({"b": 3}, classes=["a", "b"], y=["a"]).tolist() == [1, 3]
    assert train.compute_class_weight(None, classes=[2, 0], y=[0, 2]).tolist() == [1, 1]


# ---- bad arguments ----
BAD = {
    "shapes": (lambda: train.accuracy([1, 2], [1]), ValueError, r"accuracy: y_true \(2,\) and y_pred \(1,\)"),
    "no rows": (lambda: train.accuracy([], []), ValueError, "accuracy: y_true must have rows"),
    "one number": (lambda: train.accuracy(1, 1), ValueError, r"accuracy: y_true must have rows, got shape \(\)"),
    "ragged": (lambda: train.f1([[1], [1, 2]], [1, 2]), ValueError, "f1: y_true must be a regular array"),
    "objects": (lambda: train.accuracy([None], [1]), TypeError, "accuracy: y_true must hold numbers, got dtype object"),
    "scores as labels": (lambda: train.f1([0, 1], [0.2, 0.7]), ValueError, "f1: y_pred must hold labels"),
    "NaN labels": (lambda: train.accuracy([math.nan], [1]), ValueError, "accuracy: y_true must hold labels"),
    "strings against numbers": (lambda: train.accuracy(["a"], [1]), TypeError, "accuracy: y_true has dtype"),
    "average": (lambda: train.recall([0], [0], average="mean"), ValueError, "recall: average must be one of .*'mean'"),
    "binary of three": (
        lambda: train.precision([0, 1, 2], [0, 1, 2], average="binary"),
        ValueError,
        r"precision: average='binary' is for two classes.*\[0, 1, 2\]",
    ),
    "binary without 1": (lambda: train.f1([0, 2], [0, 2], average="binary"), ValueError, r"f1: .* got \[0, 2\]"),
    "labels twice": (
        lambda: train.confusion_matrix([0], [0], labels=[1, 1]),
        ValueError,
        r"confusion_matrix: labels must be a list of different classes, got \[1, 1\]",
    ),
    "no labels": (lambda: train.confusion_matrix([0], [0], labels=[]), ValueError, "confusion_matrix: labels"),
    "k": (lambda: train.top_k_accuracy([0], [[1.0, 2.0]], k=0), ValueError, "top_k_accuracy: k must be >= 1, got 0"),
    "k of half": (lambda: train.top_k_accuracy([0], [[1.0, 2.0]], k=1.5), TypeError, "k must be an integer, got 1.5"),
    "label out of range": (
        lambda: train.top_k_accuracy([2], [[1.0, 2.0]]),
        ValueError,
        "y_true must be in 0 ... 1, got 2",
    ),
    "rank": (lambda: train.top_k_accuracy([0], [1.0]), ValueError, r"y_score must have shape \(N, K\), got \(1,\)"),
    "rows": (lambda: train.top_k_accuracy([0, 1], [[1.0, 2.0]]), ValueError, "axis 0 of y_score"),
    "NaN score": (
        lambda: train.roc_auc([0, 1], [math.nan, 1]),
        ValueError,
        "roc_auc: y_score must hold finite numbers",
    ),
    "one class": (
        lambda: train.roc_auc([1, 1], [0.0, 1.0]),
        ValueError,
        r"roc_auc: y_true must hold two classes.*\[1\]",
    ),
    "a class missing": (lambda: train.roc_auc([0, 1], np.eye(3)[:2]), ValueError, "roc_auc: needs rows of class 2"),
    "auc rows": (lambda: train.roc_auc([0, 1, 1], [0.0, 1.0]), ValueError, "axis 0 of y_score to be rows of y_true=3"),
    "class_weight": (
        lambda: train.compute_class_weight("even", classes=[0], y=[0]),
        ValueError,
        "compute_class_weight: class_weight must be one of 'balanced', got 'even'",
    ),
    "unknown label": (
        lambda: train.compute_class_weight(None, classes=[0], y=[0, 7]),
        ValueError,
        r"y has the labels \[7\]",
    ),
    "absent class": (
        lambda: train.compute_class_weight("balanced", classes=[0, 1], y=[0]),
        ValueError,
        "class 1 has none",
    ),
    "stranger": (
        lambda: train.compute_class_weight({9: 1}, classes=[0], y=[0]),
        ValueError,
        r"class_weight names \[9\]",
    ),
    "negative": (
        lambda: train.compute_class_weight({0: -1}, classes=[0], y=[0]),
        ValueError,
        r"class_weight\[0\] must be >= 0, got -1",
    ),
    "classes twice": (
        lambda: train.compute_class_weight(None, classes=[0, 0], y=[0]),
        ValueError,
        r"classes .* \[0, 0\]",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()
