r"""Losses, fit and evaluate over the steps of padded sequences: means over the real ones, whatever the rest holds."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim
from minidl.backend import to_numpy
from minidl.datasets import pad_sequences, sequence_mask
from minidl.train import accuracy, evaluate, fit, predict, roc_auc, top_k_accuracy

STEPS = functools.partial(F.cross_entropy, class_axis=-1)
seeds = st.integers(0, 2**32 - 1)


def surprise(z, y):
    r"""-log softmax at y, in plain Python."""
    return math.log(sum(math.exp(v) for v in z)) - z[y]


def shuffled_padding(a, mask, seed, low=-5, high=5):
    r"""The same array with other numbers at the padding."""
    other = np.random.default_rng(seed).integers(low, high, a.shape).astype(a.dtype)
    return np.where(mask.reshape(mask.shape + (1,) * (a.ndim - 2)), a, other)


# ---- losses ----
@given(
    N=st.integers(1, 3),
    T=st.integers(1, 4),
    K=st.integers(1, 4),
    name=st.sampled_from(["labels", "one-hot"]),
    seed=seeds,
)
def test_classes_may_be_the_last_axis(N, T, K, name, seed):
    rng = np.random.default_rng(seed)
    z, y, g = rng.normal(size=(N, T, K)), rng.integers(0, K, (N, T)), rng.normal(size=(N, T))
    losses, grads = [], []
    for axis in (1, -1):
        x = Tensor(np.moveaxis(z, -1, axis), requires_grad=True)
        target = y if name == "labels" else np.moveaxis(np.eye(K)[y], -1, axis)
        loss = F.cross_entropy(x, target, class_axis=axis, reduction="none")
        loss.backward(g)
        losses.append(loss.numpy())
        grads.append(np.moveaxis(to_numpy(x.grad), axis, -1))
        again = F.nll_loss(
            F.log_softmax(Tensor(z)).transpose(1, 2) if axis == 1 else F.log_softmax(Tensor(z)), y, class_axis=axis
        )
        assert again.item() == pytest.approx(loss.numpy().mean(), rel=1e-10, abs=1e-12)
    assert np.array_equal(losses[0], losses[1]) and np.array_equal(grads[0], grads[1])
    for place in np.ndindex(N, T):
        assert losses[0][place] == pytest.approx(surprise(z[place], y[place]), rel=1e-10, abs=1e-12)


LOSSES = {  # loss, output of N rows of T steps, target
    "mse_loss": (F.mse_loss, (2,), lambda rng, N, T: rng.normal(size=(N, T, 2))),
    "huber_loss": (F.huber_loss, (), lambda rng, N, T: rng.normal(size=(N, T))),
    "bce": (F.binary_cross_entropy_with_logits, (1,), lambda rng, N, T: rng.integers(0, 2, (N, T, 1)).astype(float)),
    "cross_entropy": (STEPS, (3,), lambda rng, N, T: rng.integers(0, 3, (N, T))),
}


@pytest.mark.parametrize("name", LOSSES)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any), seed=seeds)
def test_a_mask_of_bools_gives_the_mean_over_the_real_steps(name, lengths, seed):
    loss, rest, target = LOSSES[name]
    rng = np.random.default_rng(seed)
    mask = sequence_mask(lengths, 6)
    z, y = rng.normal(size=(*mask.shape, *rest)), target(rng, *mask.shape)
    x = Tensor(z, requires_grad=True)
    value = loss(x, y, sample_weight=mask)
    value.backward()
    real = Tensor(z[mask][:, None], requires_grad=True)  # every real step as a sequence of one
    wanted = loss(real, y[mask][:, None])
    wanted.backward()
    assert value.item() == pytest.approx(wanted.item(), rel=1e-12)
    dx = to_numpy(x.grad)
    np.testing.assert_allclose(dx[mask], to_numpy(real.grad)[:, 0], rtol=1e-12, atol=1e-15)
    assert not dx[~mask].any()
    other = loss(Tensor(shuffled_padding(z, mask, seed)), shuffled_padding(y, mask, seed, 0, 2), sample_weight=mask)
    assert other.item() == value.item()


# ---- fit and evaluate ----
class Tagger(nn.Module):
    r"""Logits (N, T, K) of x (N, T, D), step by step."""

    def __init__(self, D=4, K=3):
        self.layer = nn.Linear(D, K)

    def forward(self, x):
        return self.layer(x)


def data(seed=0, N=11, K=3):
    r"""Padded sequences, their labels, the mask."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 8, N)
    x = pad_sequences([rng.normal(size=(n, 4)).astype(np.float32) for n in lengths])
    y = pad_sequences([rng.integers(0, K, n) for n in lengths])
    return x, y, sequence_mask(lengths)


def by_hand(model, x, y, w):
    z = predict(model, x).astype(np.float64)
    places = [p for p in np.ndindex(y.shape) if w[p] > 0]
    return sum(w[p] * surprise(z[p], y[p]) for p in places) / sum(w[p] for p in places)


def still(model):
    return optim.SGD(model.parameters(), lr=0.0)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_fit_and_evaluate_average_over_the_real_steps(batch_size):
    x, y, mask = data()
    model = Tagger()
    wanted = by_hand(model, x, y, mask)
    options = {"loss": STEPS, "batch_size": batch_size, "metrics": ["accuracy"]}
    right = accuracy(y[mask], predict(model, x).argmax(axis=-1)[mask])
    for padding in (y, np.where(mask, y, 1), np.where(mask, y, 2)):
        numbers = evaluate(model, x, padding, sample_weight=mask, **options)
        assert numbers["loss"] == pytest.approx(wanted, rel=1e-6) and numbers["accuracy"] == right
        history = fit(
            model, x, padding, sample_weight=mask, optimizer=still(model), validation_data=(x, padding, mask), **options
        ).history
        assert history["loss"][0] == pytest.approx(wanted, rel=1e-6)
        assert history["val_loss"][0] == pytest.approx(wanted, rel=1e-6)
        assert history["accuracy"][0] == history["val_accuracy"][0] == right


@pytest.mark.parametrize("class_weight", [{2: 5.0}, {0: 0.0, 1: 2.0}, "balanced"], ids=str)
@pytest.mark.parametrize("padding", [0, 2, -100])
def test_class_weights_of_steps_times_the_mask(class_weight, padding):
    x, y, mask = data()
    counts = np.bincount(y[mask], minlength=3)  # of the real steps
    of_class = (
        counts.sum() / (3 * counts) if class_weight == "balanced" else [class_weight.get(k, 1.0) for k in range(3)]
    )
    sample = mask * np.random.default_rng(1).uniform(0.5, 2, mask.shape)
    w = sample * np.take(of_class, np.where(mask, y, 0))
    model = Tagger()
    given_y = np.where(mask, y, padding)  # a label, or -100
    history = fit(
        *(model, x, given_y),
        loss=STEPS,
        sample_weight=sample,
        class_weight=class_weight,
        optimizer=still(model),
        batch_size=4,
    )
    assert history.history["loss"][0] == pytest.approx(by_hand(model, x, y, w), rel=1e-6)


@pytest.mark.parametrize("ignored", [-100, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_ignored_steps_count_like_masked_ones(ignored, batch_size):
    x, y, mask = data()
    x, y, mask = np.concatenate([x, x[:1]]), np.concatenate([y, y[:1]]), np.concatenate([mask, mask[:1] & False])
    loss = STEPS if ignored == -100 else functools.partial(F.cross_entropy, class_axis=-1, ignore_index=3)
    ignoring = np.where(mask, y, ignored)  # and nothing counts in the last row, a batch by itself
    model, options = Tagger(), {"loss": loss, "batch_size": batch_size, "metrics": ["accuracy"]}
    numbers = evaluate(model, x, ignoring, **options)
    assert numbers == evaluate(model, x, np.where(mask, y, 0), sample_weight=mask, **options)
    assert numbers["loss"] == pytest.approx(by_hand(model, x, y, mask), rel=1e-6)
    for class_weight in (None, "balanced"):
        one, two = Tagger(), Tagger()
        two.load_state_dict(one.state_dict())
        fit(one, x, ignoring, class_weight=class_weight, shuffle=False, **options)
        fit(two, x, np.where(mask, y, 0), sample_weight=mask, class_weight=class_weight, shuffle=False, **options)
        assert all(np.array_equal(v, two.state_dict()[k]) for k, v in one.state_dict().items())


def test_metrics_of_steps_know_where_the_classes_are():
    x, y, mask = data(K=7, N=20)
    x, y, mask = x[:, :7], y[:, :7], mask[:, :7]
    assert x.shape[1] == 7  # T = K: shapes alone could not tell
    model = Tagger(K=7)
    z = predict(model, x).astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    metrics = {"accuracy": accuracy, "two": functools.partial(top_k_accuracy, k=2), "area": roc_auc}
    numbers = evaluate(model, x, y, loss=STEPS, sample_weight=mask, metrics=metrics)
    assert numbers["accuracy"] == (z.argmax(axis=-1) == y)[mask].mean()
    assert numbers["two"] == (z.argsort(axis=-1)[..., -2:] == y[..., None]).any(axis=-1)[mask].mean()
    assert numbers["area"] == pytest.approx(roc_auc(y[mask], p[mask]), rel=1e-5)
    one_hot = np.eye(7)[y]
    numbers = evaluate(model, x, one_hot, loss=STEPS, metrics=["accuracy"])
    assert numbers["accuracy"] == (z.argmax(axis=-1) == y).mean()


def test_rows_without_weight_count_in_no_metric():
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(20, 4)).astype("float32"), rng.integers(0, 3, 20), rng.integers(0, 2, 20)
    model = Tagger()
    numbers = evaluate(model, x, y, sample_weight=w, metrics=["accuracy", "roc_auc"])
    kept = evaluate(model, x[w > 0], y[w > 0], metrics=["accuracy", "roc_auc"])
    assert numbers["accuracy"] == kept["accuracy"] and numbers["roc_auc"] == pytest.approx(kept["roc_auc"], rel=1e-12)


def test_answers_of_yes_and_no_at_each_step():
    x, y, mask = data(K=2)
    model = Tagger(K=1)
    z = predict(model, x).astype(np.float64)
    losses, w = np.log1p(np.exp(z)) - y[..., None] * z, (mask * np.where(y == 1, 4, 1))[..., None]
    wanted = (losses * w).sum() / w.sum()
    for target in (y[..., None], y[..., None].astype(float)):
        history = fit(
            *(model, x, target), loss="binary_cross_entropy_with_logits", sample_weight=mask, class_weight={1: 4},
            optimizer=still(model), batch_size=4, metrics=["accuracy"],
        )  # fmt: skip
        assert history.history["loss"][0] == pytest.approx(wanted, rel=1e-5)
        assert history.history["accuracy"][0] == ((z[..., 0] > 0) == y)[mask].mean()


def test_a_tagger_with_an_embedding_learns_and_its_padding_is_untouched():
    minidl.manual_seed(0)
    rng = np.random.default_rng(0)
    sentences = [rng.integers(1, 6, n) for n in rng.integers(1, 8, 40)]
    x, y = pad_sequences(sentences), pad_sequences([s % 3 for s in sentences])
    mask = sequence_mask([len(s) for s in sentences])
    model = nn.Sequential(nn.Embedding(6, 8, mask_zero=True), nn.Linear(8, 3))
    row = model[0].weight.numpy()[0]
    adam = optim.Adam(model.parameters(), lr=0.05)
    history = fit(model, x, y, loss=STEPS, sample_weight=mask, optimizer=adam, epochs=30, metrics=["accuracy"])
    assert history.history["accuracy"][-1] == 1.0
    assert np.array_equal(model[0].weight.numpy()[0], row)  # a real row, but no real step ever asked for it


# ---- what is refused ----
X, Y, M = data()
BAD = {
    "no class_axis": (
        {"loss": "cross_entropy"},
        ValueError,
        "if the last axis of the input holds the classes, .* class_axis=-1",
    ),
    "weights of another T": ({"sample_weight": M[:, 1:]}, ValueError, r"shape \(11,\) or \(11, 6\), got \(11, 5\)"),
    "nothing real": ({"sample_weight": M & False}, ValueError, "sample_weight must not be 0 everywhere"),
    "all ignored": ({"y": np.full_like(Y, -100)}, ValueError, "fit: y has no target that is not ignored"),
    "ignored or masked": (
        {"y": np.where(M, -100, Y), "sample_weight": M},
        ValueError,
        "fit: y has no target that is not ignored",
    ),
    "labels below 0": ({"y": np.where(M, -3, Y), "class_weight": {1: 2}}, ValueError, "labels >= 0 in y, got -3"),
    "floats": ({"y": Y + 0.5, "class_weight": {1: 2}}, ValueError, "class_weight needs y to hold labels"),
    "0 for all": ({"class_weight": dict.fromkeys(range(3), 0)}, ValueError, "leaves every row with weight 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error(name):
    options, kind, words = BAD[name]
    model = Tagger()
    before = model.state_dict()
    with pytest.raises(kind, match=words):
        fit(model, **{"x": X, "y": Y, "loss": STEPS, **options})
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_a_class_axis_that_only_the_loss_knows(metric):
    with pytest.raises(ValueError, match=r"metrics: .* one answer for each target .*partial\(.*, class_axis=\.\.\.\)"):
        fit(Tagger(), X, Y, loss=lambda output, target: STEPS(output, target), metrics=[metric])
