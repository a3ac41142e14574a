"""fit, evaluate, predict and callbacks: against a loop written by hand, and numbers worked out from the rows."""

import csv
import functools
import math
import os
import warnings

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, optim, random
from minidl.losses import binary_cross_entropy_with_logits, cross_entropy
from minidl.train import (
    METRICS,
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    Schedule,
    accuracy,
    evaluate,
    fit,
    predict,
    roc_auc,
    top_k_accuracy,
)
from minidl.train.callback import Better

fit = functools.partial(fit, verbose=False)


def data(n=22, K=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)).astype(np.float32), rng.integers(0, K, size=n)


def state(model):
    return {name: value.copy() for name, value in model.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


class Net(nn.Module):
    """A layer, with a buffer that every forward pass in training changes, and a record of what it was shown."""

    def __init__(self, K=3):
        self.layer = nn.Linear(4, K)
        self.mean = nn.Buffer([0.0])
        self.shown = []

    def forward(self, x):
        self.shown.append((self.training, x.numpy()))
        if self.training:
            self.mean.data = self.mean.numpy() * 0.9 + x.numpy().mean(keepdims=True)[0, :1] * 0.1
        return self.layer(x)


# ---- fit is the bare loop ----
@pytest.mark.parametrize("shuffle", [False, True])
def test_fit_is_the_loop_written_out_bit_for_bit(shuffle):
    x, y = data()
    ours, loop = Net(), Net()
    loop.load_state_dict(ours.state_dict())
    minidl.manual_seed(5)
    history = fit(ours, x, y, optimizer=optim.Adam(ours.parameters(), lr=0.1), epochs=3, batch_size=8, shuffle=shuffle)
    minidl.manual_seed(5)
    optimizer = optim.Adam(loop.parameters(), lr=0.1)
    for epoch in range(3):
        order = random.generator().permutation(22) if shuffle else np.arange(22)
        total = 0.0
        for rows in (order[:8], order[8:16], order[16:]):
            optimizer.zero_grad()
            loss = cross_entropy(loop(Tensor(x[rows])), Tensor(y[rows]))
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        assert history.history["loss"][epoch] == pytest.approx(total / 22, rel=1e-12)
    assert equal(state(ours), state(loop))
    assert history.epoch == [0, 1, 2]


def test_the_default_optimizer_is_adam_and_names_are_taken():
    x, y = data()
    models = [nn.Linear(4, 3) for _ in range(3)]
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    fit(models[0], x, y, shuffle=False)
    fit(models[1], x, y, shuffle=False, optimizer=optim.Adam(models[1].parameters(), lr=1e-3))
    fit(models[2], x, y, shuffle=False, optimizer="Adam")
    assert equal(state(models[0]), state(models[1])) and equal(state(models[0]), state(models[2]))


def test_it_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)  # no line divides these
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    history = fit(model, x, y, optimizer=optim.Adam(model.parameters(), lr=0.03), epochs=60, metrics=["accuracy"])
    assert history.history["accuracy"][-1] > 0.95
    assert evaluate(model, x, y, metrics=["accuracy"])["accuracy"] > 0.95


def test_clip_norm_bounds_the_step():
    x, y = data()
    model = nn.Linear(4, 3)
    before = state(model)
    fit(model, 1000 * x, y, batch_size=22, optimizer=optim.SGD(model.parameters(), lr=1.0), clip_norm=0.01)
    moved = math.sqrt(sum(((state(model)[k] - before[k]) ** 2).sum() for k in before))
    assert moved == pytest.approx(0.01, rel=1e-3)


# ---- what the numbers are ----
def reference(model, x, y, w=None):
    """The weighted mean loss over all rows at once, in float64."""
    z = x.astype(np.float64) @ model.layer.weight.numpy().T.astype(np.float64) + model.layer.bias.numpy()
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
    w = np.ones(len(y)) if w is None else w
    return (w * losses).sum() / w.sum()


@pytest.mark.parametrize("batch_size", [1, 5, 22, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_means_over_rows_not_over_batches(batch_size, weighted):
    x, y = data()
    w = np.random.default_rng(1).random(22) * 3 if weighted else None
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=0.0)  # stands still: every batch sees the same model
    history = fit(model, x, y, sample_weight=w, optimizer=optimizer, batch_size=batch_size)
    assert history.history["loss"][0] == pytest.approx(reference(model, x, y, w), rel=1e-5)
    numbers = evaluate(model, x, y, sample_weight=w, batch_size=batch_size, metrics=["accuracy", "f1"])
    assert numbers["loss"] == pytest.approx(reference(model, x, y, w), rel=1e-5)
    answers = predict(model, x, batch_size=batch_size).argmax(axis=1)
    assert numbers["accuracy"] == accuracy(y, answers)
    assert numbers["f1"] == METRICS["f1"][0](y, answers)  # of all rows, not a mean of batches


def test_class_weights_are_sample_weights():
    x, y = data()
    sample = np.random.default_rng(2).random(22) + 0.5
    by_hand = {
        "balanced": 22 / (len(set(y)) * np.bincount(y)[y]),
        "a dict": np.where(y == 1, 5.0, 1.0),  # a class that is missing weighs 1
    }
    for name, class_weight in (("balanced", "balanced"), ("a dict", {1: 5.0})):
        models = Net(), Net()
        models[1].load_state_dict(models[0].state_dict())
        for model, options in zip(
            models,
            ({"class_weight": class_weight, "sample_weight": sample}, {"sample_weight": sample * by_hand[name]}),
            strict=True,
        ):
            fit(model, x, y, shuffle=False, epochs=2, batch_size=8, **options)
        for key, value in state(models[0]).items():
            assert np.allclose(value, state(models[1])[key], rtol=1e-5, atol=1e-6)


def test_balanced_is_counted_on_the_training_rows_and_not_used_in_validation():
    x, y = data(20)
    y = np.array([0] * 8 + [1] * 2 + [0, 1] * 5)
    model = Net(2)
    still = optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, x, y, optimizer=still, class_weight="balanced", validation_split=0.5)
    w = np.array([10 / (2 * 8)] * 8 + [10 / (2 * 2)] * 2)
    assert history.history["loss"][0] == pytest.approx(reference(model, x[:10], y[:10], w), rel=1e-5)
    assert history.history["val_loss"][0] == pytest.approx(reference(model, x[10:], y[10:]), rel=1e-5)


def test_weights_of_time_steps():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5, 4)).astype(np.float32), rng.integers(0, 3, size=(6, 5))
    w = rng.random((6, 5))

    class Steps(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            return self.layer(x).permute(0, 2, 1)  # (N, T, K) -> (N, K, T)

    model = Steps()
    flat = reference(model, x.reshape(30, 4), y.ravel(), w.ravel() * np.where(y.ravel() == 2, 3, 1))
    still = optim.SGD(model.parameters(), lr=0.0)
    history = fit(
        model, x, y, sample_weight=w, class_weight={2: 3}, optimizer=still, batch_size=4, metrics=["accuracy"]
    )
    assert history.history["loss"][0] == pytest.approx(flat, rel=1e-5)
    assert history.history["accuracy"][0] == accuracy(y, predict(model, x).argmax(axis=1))


def test_class_weights_for_targets_of_one_column():
    x, y = data(K=2)
    model = nn.Linear(4, 1)
    still = optim.SGD(model.parameters(), lr=0.0)
    target = y[:, None].astype(np.float64)
    history = fit(
        model, x, target, loss="binary_cross_entropy_with_logits", class_weight={1: 4}, optimizer=still, batch_size=7
    )
    z = predict(model, x).astype(np.float64)
    losses, w = np.log1p(np.exp(z)) - target * z, np.where(target == 1, 4, 1)
    assert history.history["loss"][0] == pytest.approx((w * losses).sum() / w.sum(), rel=1e-5)


def test_a_batch_without_weight_is_passed_over():
    x, y = data(12)
    w = np.array([0.0] * 4 + [1.0] * 8)
    model = Net()
    before = state(model)
    fit(model, x[:5], y[:5], sample_weight=w[:5], shuffle=False, batch_size=4, optimizer="SGD")
    assert len(model.shown) == 1 and not equal(before, state(model))
    still = optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, x, y, sample_weight=w, shuffle=False, batch_size=4, optimizer=still)
    assert history.history["loss"][0] == pytest.approx(reference(model, x[4:], y[4:]), rel=1e-5)


# ---- validation ----
def test_validation_takes_the_last_rows_before_shuffling():
    x = np.arange(10, dtype=np.float32)[:, None].repeat(4, axis=1)
    model = Net()
    fit(model, x, np.array([0, 1] * 5), validation_split=0.25, batch_size=10)  # Keras: rows 7, 8, 9
    assert [mode for mode, _ in model.shown] == [True, False]
    assert sorted(model.shown[0][1][:, 0]) == list(range(7))
    assert model.shown[1][1][:, 0].tolist() == [7, 8, 9]


def test_validation_data_with_weights():
    x, y = data()
    w = np.random.default_rng(1).random(9)
    model = Net()
    history = fit(model, x[:13], y[:13], validation_data=(x[13:], y[13:], w), metrics=["accuracy"], batch_size=4)
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history.history["val_loss"][0] == pytest.approx(reference(model, x[13:], y[13:], w), rel=1e-5)


@pytest.mark.parametrize("y", [[0, 0, 0, 1, 1, 1], [2, 2, 1, 1, 0, 0]])
def test_a_sorted_y_is_warned_of(y):
    with pytest.warns(UserWarning, match="y is sorted by class") as found:
        fit(Net(), np.zeros((6, 4)), y, validation_split=0.3)
    assert found[0].filename == __file__  # it points at the line that called fit


@pytest.mark.parametrize("y", [[0, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
def test_other_labels_are_not_warned_of(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(Net(), np.zeros((6, 4)), y, validation_split=0.3)


# ---- metrics by name ----
def test_metrics_know_what_each_loss_means():
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(40, 1)), rng.integers(0, 2, size=(40, 1))

    class Same(nn.Module):
        def forward(self, x):
            return x

    def number(loss, x, y, metric="accuracy"):
        return evaluate(Same(), x, y, loss=loss, metrics=[metric])[metric if isinstance(metric, str) else "roc_auc"]

    right = ((z > 0) == (t == 1)).mean()
    p = 1 / (1 + np.exp(-z))
    assert number("binary_cross_entropy_with_logits", z, t.astype(float)) == right
    assert number(functools.partial(binary_cross_entropy_with_logits, pos_weight=2.0), z, t.astype(float)) == right
    assert number("binary_cross_entropy", p, t.astype(float)) == right
    assert number("hinge_loss", z, 2.0 * t - 1) == right
    assert number("mse_loss", p, t.astype(float)) == right
    two = np.concatenate([-z, z], axis=1)
    assert number("cross_entropy", two, t[:, 0]) == right
    assert number("half_squared_error", two, np.eye(2)[t[:, 0]]) == right
    for metric in ("roc_auc", roc_auc):
        assert number("cross_entropy", two, t[:, 0], metric) == pytest.approx(roc_auc(t[:, 0], z[:, 0]), rel=1e-6)
        assert number("binary_cross_entropy_with_logits", z, t.astype(float), metric) == roc_auc(t[:, 0], z[:, 0])


def test_roc_auc_of_logits_compares_probabilities():
    y = np.array([0, 1, 2, 0, 1, 2])
    logits = np.random.default_rng(3).normal(size=(6, 3)) + np.arange(6)[:, None] * 10  # rows on other levels
    model = nn.Linear(3, 3).to("float64")
    model.weight.data, model.bias.data = np.eye(3), np.zeros(3)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    wanted = roc_auc(y, e / e.sum(axis=1, keepdims=True))
    assert evaluate(model, logits, y, metrics=["roc_auc"])["roc_auc"] == pytest.approx(wanted, rel=1e-12)


def test_ignored_labels_count_in_no_metric():
    x, y = data()
    y = np.where(np.arange(22) % 3 == 0, -100, y)
    model = Net()
    numbers = evaluate(model, x, y, metrics=["accuracy", "roc_auc"])
    kept = evaluate(model, x[y >= 0], y[y >= 0], metrics=["accuracy", "roc_auc"])
    assert numbers["accuracy"] == kept["accuracy"] and numbers["roc_auc"] == kept["roc_auc"]


def test_metrics_may_be_functions_and_have_names():
    x, y = data()

    def largest(truth, output):
        return abs(output).max()

    metrics = {"top2": functools.partial(top_k_accuracy, k=2), "biggest": largest, "right": accuracy}
    model = Net()
    numbers = evaluate(model, x, y, metrics=metrics, batch_size=5)
    output = predict(model, x)
    assert numbers["top2"] == top_k_accuracy(y, output, 2)
    assert numbers["biggest"] == abs(output).max()
    assert numbers["right"] == accuracy(y, output.argmax(axis=1))
    assert list(evaluate(model, x, y, metrics=[largest])) == ["loss", "largest"]


# ---- predict, modes and types ----
def test_predict_is_in_evaluation_mode_without_a_graph():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    x, _ = data()
    assert np.array_equal(predict(model, x, batch_size=5), predict(model, x, batch_size=22))
    assert model.training and model[1].training


def test_every_part_ends_in_the_mode_that_it_had():
    x, y = data()
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.1))
    model[1].eval()
    fit(model, x, y)
    evaluate(model, x, y)
    predict(model, x)
    assert [m.training for m in model.modules()] == [True, True, False]


class Bomb(Callback):
    def __init__(self, hook, error):
        def explode(*arguments):
            raise error

        setattr(self, hook, explode)


HOOKS = [
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no")])
def test_an_error_in_a_callback_leaves_the_model_usable(hook, error, capfd):
    x, y = data()
    model = Net().eval()
    with pytest.raises(type(error)):
        minidl.train.fit(model, x, y, callbacks=[Bomb(hook, error)], verbose=True)
    assert [m.training for m in model.modules()] == [False, False]
    fit(model, x, y)


def test_hooks_come_in_keras_order():
    calls = []

    class Recorder(Callback):
        def __getattribute__(self, name):
            if name in HOOKS:
                return lambda *arguments: calls.append((name, *arguments))
            return super().__getattribute__(name)

    x, y = data(10)
    model = Net()
    recorder = Recorder()
    fit(model, x, y, batch_size=6, epochs=3, initial_epoch=2, callbacks=recorder, validation_split=0.2)
    assert [c[0] for c in calls] == [
        "on_train_begin",
        "on_epoch_begin",
        *["on_train_batch_begin", "on_train_batch_end"] * 2,
        "on_epoch_end",
        "on_train_end",
    ]
    assert calls[1][1] == calls[-2][1] == 2
    assert [c[1] for c in calls[2:6]] == [0, 0, 1, 1]
    assert list(calls[-2][2]) == ["loss", "val_loss"]
    assert calls[5][2]["loss"] == calls[-2][2]["loss"]
    assert recorder.model is model and recorder.names == ("loss", "val_loss")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_take_the_type_of_the_model(dtype):
    x, y = data()
    model = Net().to(dtype)
    for wide in (x, x.astype(np.float64)):
        fit(model, wide, y)
        assert predict(model, wide).dtype == dtype
        assert model.shown[-1][1].dtype == dtype


def test_the_callers_arrays_are_never_written_to():
    x, y = data()
    old_x, old_y = x.copy(), y.copy()

    class Writer(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            x.writable()[...] = 0
            return y.detach()

    predict(Writer(4, 3), x)
    evaluate(Writer(4, 3), x, y)
    x.flags.writeable = y.flags.writeable = False
    fit(Net(), x, y, shuffle=False)
    assert np.array_equal(x, old_x) and np.array_equal(y, old_y)


def test_tensors_and_lists_are_taken():
    x, y = data()
    models = [nn.Linear(4, 3) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    fit(models[0], Tensor(x), Tensor(y), shuffle=False)
    fit(models[1], x.tolist(), y.tolist(), shuffle=False)
    assert equal(state(models[0]), state(models[1]))


# ---- the line that it prints ----
def test_one_line_of_ascii_an_epoch(capfd):
    x, y = data()
    minidl.train.fit(Net(), x, y, epochs=3, metrics=["accuracy"], validation_split=0.2, batch_size=4)
    out, err = capfd.readouterr()
    assert out == "" and err.isascii()
    lines = err.strip().split("\n")
    assert len(lines) == 3 and err.count("\r") == 3  # no terminal here: only the last state of each line
    for i, line in enumerate(lines):
        assert f"epoch {i + 1}/3" in line and "5/5" in line
        assert all(name in line for name in (" loss ", " accuracy ", "val_loss ", "val_accuracy "))


def test_silence(capfd):
    x, y = data()
    fit(Net(), x, y, epochs=2)
    assert capfd.readouterr() == ("", "")


# ---- what is not finite ----
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite(where):
    x, y = data()
    bad = x.copy()
    bad[13] = np.nan if where == "loss" else 0  # row 13: batch 2 of 3

    def root(prediction, target):  # at 0 its slope is infinite
        return (prediction * prediction).sum(axis=1).sqrt().mean()

    good, model = Net(), Net()
    if where == "gradient":
        model.layer.bias.data = np.zeros(3)
        model.layer.bias.requires_grad_(False)
    good.load_state_dict(model.state_dict())
    good.layer.bias.requires_grad_(where == "loss")
    loss = "cross_entropy" if where == "loss" else root
    options = {"loss": loss, "shuffle": False, "batch_size": 8, "optimizer": "SGD"}
    fit(good, bad[:8], y[:8], **options)
    with pytest.raises(FloatingPointError, match=f"fit: .*{where}.* in epoch 1, batch 2"):
        fit(model, bad, y, **options)
    assert equal(state(model), state(good))
    assert all(p.grad is None for p in model.parameters())


def test_a_batch_that_fails_changes_no_state_of_a_stateful_layer():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3, 2)).astype("float32"), rng.normal(size=(4, 5)).astype("float32")
    model = nn.LSTM(2, 5, stateful=True)
    options = {"loss": "mse_loss", "batch_size": 2, "shuffle": False, "verbose": False}
    fit(model, x[:2], y[:2], **options)
    h, c = (s.numpy() for s in model._kept)
    y[:2] = np.inf
    with pytest.raises(FloatingPointError):
        fit(model, x, y, **options)
    assert all(np.array_equal(a, s.numpy()) for a, s in zip((h, c), model._kept, strict=True))
    nn.Sequential(model).reset_states()
    assert model._kept is None


def test_a_forward_that_fails_changes_no_running_mean():
    class Fails(Net):
        def forward(self, x):
            y = super().forward(x)
            raise RuntimeError("later")
            return y

    x, y = data()
    model = Fails()
    before = state(model)
    with pytest.raises(RuntimeError, match="later"):
        fit(model, x, y)
    assert equal(state(model), before)


# ---- callbacks ----
def run_stopper(stopper, values, monitor="loss"):
    """Feeds a callback one number an epoch; the epochs that it let pass, and the weights at the end."""
    model = nn.Linear(1, 1)
    stopper.model, stopper.names = model, (monitor,)
    model.stop_training = False
    stopper.on_train_begin()
    for epoch, value in enumerate(values):
        model.bias.data = [float(epoch)]
        stopper.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            break
    stopper.on_train_end()
    return epoch, model.bias.item()


STOPS = [  # options, numbers, epoch at which it stops, epoch whose weights are best (as Keras 3 does it)
    ({"patience": 0}, [5, 4, 4, 3], 2, 1),
    ({"patience": 1}, [5, 4, 4, 3], 2, 1),
    ({"patience": 2}, [5, 4, 4, 4, 3], 3, 1),
    ({"patience": 2}, [5, 4, 4, 3, 3, 3, 1], 5, 3),
    ({"patience": 1, "min_delta": 1.5}, [5, 4, 3], 1, 0),
    ({"patience": 1, "mode": "max"}, [1, 2, 2, 3], 2, 1),
    ({"patience": 2, "baseline": 2.0}, [5, 4, 3, 1], 1, 1),
    ({"patience": 3, "baseline": 2.0}, [5, 4, 1, 1, 1, 1], 5, 2),
    ({"patience": 5}, [5, 4, 6, 7], 3, 1),
    ({"patience": 0}, [5], 0, 0),
    ({"patience": 1}, [math.nan, math.nan], 1, 1),
]


@pytest.mark.parametrize(("options", "values", "stop", "best"), STOPS)
def test_early_stopping(options, values, stop, best):
    assert run_stopper(EarlyStopping("loss", **options, restore_best_weights=True), values) == (stop, best)
    assert run_stopper(EarlyStopping("loss", **options), values) == (stop, stop)


def test_early_stopping_knows_that_accuracy_goes_up():
    stopper = EarlyStopping("val_accuracy", restore_best_weights=True, patience=1)
    assert run_stopper(stopper, [0.5, 0.7, 0.6], "val_accuracy") == (2, 1)
    assert (stopper.best, stopper.best_epoch, stopper.stopped_epoch) == (0.7, 1, 2)
    assert not Better("x", "val_loss", "auto")(0.7, 0.6)
    assert Better("x", "top_k_accuracy", "auto")(0.7, 0.6)


def test_fit_stops_early_and_the_model_has_the_best_weights():
    x, y = data()
    model = Net()
    stopper = EarlyStopping(patience=2, restore_best_weights=True)
    history = fit(
        model,
        x,
        y,
        epochs=200,
        callbacks=[stopper],
        optimizer=optim.SGD(model.parameters(), lr=3.0),
        validation_split=0.4,
    )
    assert len(history) < 200
    losses = history.history["val_loss"]
    assert stopper.best_epoch == int(np.argmin(losses)) == len(losses) - 3
    cut = math.floor(22 * 0.6)
    assert evaluate(model, x[cut:], y[cut:])["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_model_checkpoint_files(tmp_path):
    x, y = data()
    model = Net()
    saver = ModelCheckpoint(tmp_path / "run-{epoch:02d}-{val_loss:.2f}.safetensors")
    history = fit(model, x, y, epochs=2, validation_split=0.3, callbacks=[saver])
    names = [f"run-{i + 1:02d}-{history.history['val_loss'][i]:.2f}.safetensors" for i in range(2)]
    assert sorted(os.listdir(tmp_path)) == names
    assert equal(minidl.io.load(tmp_path / names[1]), state(model))


def test_model_checkpoint_of_the_best(tmp_path):
    path = tmp_path / "best"
    saver = ModelCheckpoint(path, monitor="loss", save_best_only=True)
    saver.model, saver.names = nn.Linear(1, 1), ("loss",)
    saver.on_train_begin()
    kept = []
    for epoch, value in enumerate([3, 2, 4, 1]):
        saver.model.bias.data = [float(epoch)]
        saver.on_epoch_end(epoch, {"loss": value})
        kept.append(minidl.io.load(path)["bias"].item())
    assert kept == [0, 1, 1, 3]


def test_csv_logger(tmp_path):
    x, y = data()
    path = tmp_path / "log.csv"
    first = fit(Net(), x, y, epochs=2, metrics=["accuracy"], callbacks=[CSVLogger(path)])
    again = fit(Net(), x, y, epochs=3, initial_epoch=2, metrics=["accuracy"], callbacks=[CSVLogger(path, append=True)])
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["loss"]) for row in rows] == first.history["loss"] + again.history["loss"]
    with pytest.raises(ValueError, match="CSVLogger: .*log.csv.* has the columns"):
        fit(Net(), x, y, callbacks=[CSVLogger(path, append=True)])
    fit(Net(), x, y, callbacks=[CSVLogger(path)])
    assert path.read_text().startswith("epoch,loss\n") and path.read_text().count("\n") == 2


def test_schedules_step_once_an_epoch():
    x, y = data()
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    seen = []

    class Watch(Callback):
        def on_epoch_begin(self, epoch):
            seen.append(optimizer.param_groups[0]["lr"])

    schedule = optim.StepLR(optimizer, step_size=2, gamma=0.5)
    fit(model, x, y, optimizer=optimizer, epochs=5, callbacks=[Schedule(schedule), Watch()])
    assert seen == [1, 1, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("warm", [False, True])
def test_a_plateau_schedule_is_given_its_number(warm):
    x, y = data()
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    given = []
    plateau = optim.ReduceLROnPlateau(optimizer)
    plateau.step = given.append
    schedule = optim.LinearWarmup(optimizer, 1, after=plateau) if warm else plateau
    history = fit(
        model,
        x,
        y,
        optimizer=optimizer,
        epochs=3,
        validation_split=0.3,
        callbacks=[Schedule(schedule, monitor="val_loss")],
    )
    assert given == history.history["val_loss"]


# ---- history ----
def test_history_plots_itself():
    x, y = data()
    history = fit(Net(), x, y, epochs=2, metrics=["accuracy"])
    ax = history.plot()
    assert [line.get_label() for line in ax.get_lines()] == ["loss"]
    assert ax.get_lines()[0].get_ydata().tolist() == history.history["loss"]
    import matplotlib.pyplot as plt  # noqa: PLC0415

    plt.close("all")


def test_no_epochs_is_an_empty_history():
    x, y = data()
    model = Net()
    before = state(model)
    assert fit(model, x, y, epochs=0).history == {}
    assert fit(model, x, y, epochs=3, initial_epoch=3).epoch == []
    assert equal(state(model), before)
    assert repr(History()) == "History(0 epochs)"


# ---- bad arguments: what is said, and that nothing has changed ----
X, Y = data()


def frozen():
    return nn.Linear(4, 3).requires_grad_(False)


FIT = {
    "no model": ({"model": "net"}, TypeError, "model must be a Module, got str"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, ValueError, r"x must have rows, got shape \(0, 4\)"),
    "one number": ({"x": 3.0}, ValueError, r"x must have rows, got shape \(\)"),
    "lengths": ({"y": Y[:5]}, ValueError, "x has 22 rows and y has 5"),
    "objects": ({"x": np.array([None] * 22)}, TypeError, "x must hold numbers, got dtype object"),
    "strings": ({"y": np.array(["a"] * 22)}, TypeError, "y must hold numbers, got dtype <U1"),
    "complex": ({"x": X.astype(complex)}, TypeError, "x must hold numbers, got dtype complex128"),
    "ragged": ({"x": [[1.0], [1.0, 2.0]]}, ValueError, "x must be a regular array"),
    "features": ({"x": X[:, :3]}, ValueError, "expected axis -1 of x to be in_features=4"),
    "label out of range": ({"y": Y + 1}, ValueError, "cross_entropy: .* got 3"),
    "float labels": ({"y": Y / 1.0}, TypeError, "cross_entropy: target must hold class numbers"),
    "weights: length": (
        {"sample_weight": np.ones(5)},
        ValueError,
        r"sample_weight must have shape \(22,\), got \(5,\)",
    ),
    "weights: rank": ({"sample_weight": np.ones((22, 1))}, ValueError, r"sample_weight .* got \(22, 1\)"),
    "weights: negative": ({"sample_weight": np.linspace(-1, 1, 22)}, ValueError, "sample_weight .* >= 0, got -1.0"),
    "weights: negative at the end": ({"sample_weight": np.linspace(1, -1, 22)}, ValueError, ">= 0, got -0.0476"),
    "weights: NaN": ({"sample_weight": np.full(22, np.nan)}, ValueError, "sample_weight must hold finite .* got nan"),
    "weights: infinite": ({"sample_weight": np.full(22, np.inf)}, ValueError, "sample_weight must .* got inf"),
    "weights: zero": ({"sample_weight": np.zeros(22)}, ValueError, "sample_weight must not be 0 everywhere"),
    "weights: strings": ({"sample_weight": ["a"] * 22}, TypeError, "sample_weight must hold numbers"),
    "class_weight: list": ({"class_weight": [1, 2]}, TypeError, r"class_weight must be a dict .* got \[1, 2\]"),
    "class_weight: word": ({"class_weight": "even"}, ValueError, "class_weight must be one of 'balanced', got 'even'"),
    "class_weight: negative": ({"class_weight": {0: -1}}, ValueError, r"class_weight\[0\] must be >= 0, got -1"),
    "class_weight: NaN": ({"class_weight": {0: math.nan}}, ValueError, r"class_weight\[0\] .* finite number, got nan"),
    "class_weight: key": ({"class_weight": {"a": 1}}, TypeError, "a class in class_weight must be an integer, got 'a'"),
    "class_weight: negative key": (
        {"class_weight": {-1: 1}},
        ValueError,
        "a class in class_weight must be >= 0, got -1",
    ),
    "class_weight: labels": ({"y": Y - 1, "class_weight": {0: 2}}, ValueError, "labels >= 0 in y, got -1"),
    "class_weight: floats": ({"y": Y + 0.5, "class_weight": {0: 2}}, ValueError, "class_weight needs y to hold labels"),
    "class_weight: one-hot": ({"y": np.eye(3)[Y], "class_weight": {0: 2}}, ValueError, "class_weight needs y to hold"),
    "class_weight: all 0": ({"class_weight": {0: 0, 1: 0, 2: 0}}, ValueError, "leaves every row with weight 0"),
    "loss": ({"loss": "crossentropy"}, ValueError, "loss must be one of .*'cross_entropy'.* got 'crossentropy'"),
    "loss: number": ({"loss": 3}, ValueError, "loss must be one of .* got 3"),
    "metric": ({"metrics": ["acc"]}, ValueError, "metrics must be one of 'accuracy'.* got 'acc'"),
    "metrics: a word": ({"metrics": "accuracy"}, TypeError, "metrics must be a list .* got 'accuracy'"),
    "metrics: number": ({"metrics": 3}, TypeError, "metrics must be a list .* got 3"),
    "metric: called loss": ({"metrics": {"loss": accuracy}}, ValueError, "a metric cannot be called 'loss'"),
    "optimizer": ({"optimizer": "adam"}, ValueError, "optimizer must be one of .*'Adam'.* got 'adam'"),
    "optimizer: number": ({"optimizer": 0.1}, TypeError, "optimizer must be an Optimizer or a name, got 0.1"),
    "optimizer: of another": (
        {"optimizer": optim.SGD(nn.Linear(4, 3).parameters(), lr=0.1)},
        ValueError,
        "optimizer has none of the model's parameters",
    ),
    "frozen": ({"model": frozen()}, ValueError, "model has no parameters to train"),
    "epochs": ({"epochs": -1}, ValueError, "epochs must be >= 0, got -1"),
    "epochs: half": ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
    "initial_epoch": ({"initial_epoch": -2}, ValueError, "initial_epoch must be >= 0, got -2"),
    "batch_size": ({"batch_size": 0}, ValueError, "batch_size must be >= 1, got 0"),
    "batch_size: none": ({"batch_size": None}, TypeError, "batch_size must be an integer, got None"),
    "split: 1": ({"validation_split": 1.0}, ValueError, "validation_split must be < 1, got 1.0"),
    "split: negative": ({"validation_split": -0.1}, ValueError, "validation_split must be >= 0, got -0.1"),
    "split: NaN": ({"validation_split": math.nan}, ValueError, "validation_split must be a finite number, got nan"),
    "split: no training": ({"validation_split": 0.99}, ValueError, "validation_split=0.99 of 22 rows leaves 0 rows"),
    "split: all weights there": (
        {"validation_split": 0.5, "sample_weight": np.repeat([0.0, 1.0], 11)},
        ValueError,
        "sample_weight is 0 for all rows for training",
    ),
    "both validations": (
        {"validation_split": 0.5, "validation_data": (X, Y)},
        ValueError,
        "validation_split=0.5 or validation_data, not both",
    ),
    "validation: not a pair": ({"validation_data": X}, TypeError, r"validation_data must be \(x, y\)"),
    "validation: lengths": ({"validation_data": (X, Y[:3])}, ValueError, "validation x has 22 rows .* y has 3"),
    "validation: weights": (
        {"validation_data": (X, Y, np.ones(3))},
        ValueError,
        r"validation sample_weight must have shape \(22,\), got \(3,\)",
    ),
    "callbacks": (
        {"callbacks": [print]},
        TypeError,
        "callbacks must be Callback objects, got <built-in function print>",
    ),
    "callbacks: none": ({"callbacks": None}, TypeError, "callbacks must be Callback objects, got None"),
    "shuffle": ({"shuffle": "yes"}, ValueError, "shuffle must be one of True, False, got 'yes'"),
    "clip_norm": ({"clip_norm": 0}, ValueError, "clip_norm must be > 0, got 0"),
    "clip_norm: NaN": ({"clip_norm": math.nan}, ValueError, "clip_norm must be a finite number, got nan"),
    "monitor": (
        {"callbacks": [EarlyStopping()], "metrics": ["accuracy"]},
        ValueError,
        "EarlyStopping: monitor must be one of 'loss', 'accuracy', got 'val_loss'; .* validation_split",
    ),
    "monitor: checkpoint": (
        {"callbacks": [ModelCheckpoint("w", save_best_only=True)]},
        ValueError,
        "ModelCheckpoint: monitor must be one of 'loss', got 'val_loss'",
    ),
    "callbacks: a schedule": (
        {"callbacks": [optim.StepLR(optim.SGD([nn.Parameter([1.0])]), 1)]},
        TypeError,
        r"callbacks must be .* a schedule goes into train.Schedule\(...\)",
    ),
    **{
        f"no folder: {callback.__name__}": (
            {"callbacks": [callback("nowhere/file")]},
            FileNotFoundError,
            f"{callback.__name__}: there is no such folder: .*nowhere",
        )
        for callback in (ModelCheckpoint, CSVLogger, Checkpoint)
    },
    "path": ({"callbacks": [ModelCheckpoint("{val_loss}")]}, ValueError, "ModelCheckpoint: path '{val_loss}' cannot"),
    "path: brace": ({"callbacks": [ModelCheckpoint("{epoch")]}, ValueError, "ModelCheckpoint: path '{epoch' cannot"),
    "not a tensor": ({"model": type("Two", (Net,), {"forward": lambda s, x: (x, x)})()}, TypeError, "got tuple"),
    "too few rows": (
        {"model": type("Sum", (Net,), {"forward": lambda s, x: x[:1]})()},
        ValueError,
        r"got shape \(1, 4\)",
    ),
}


@pytest.mark.parametrize("name", FIT)
def test_bad_arguments_of_fit(name):
    options, kind, message = FIT[name]
    options = {"model": nn.Linear(4, 3), "x": X, "y": Y, **options}
    model = options.pop("model")
    parts = isinstance(model, nn.Module)
    if "optimizer" not in options and parts and any(p.requires_grad for p in model.parameters()):
        options["optimizer"] = optim.Adam(model.parameters())
        fit(model, X, Y, optimizer=options["optimizer"]) if type(model) is nn.Linear else None
    optimizer = options.get("optimizer")
    before = state(model) if parts else None
    memory = optimizer.state_dict() if isinstance(optimizer, optim.Optimizer) else None
    with pytest.raises(kind, match=message):
        fit(model, batch_size=options.pop("batch_size", 22), **options)
    if parts:
        assert equal(state(model), before)
    if memory is not None:
        assert str(optimizer.state_dict()) == str(memory)


CALLBACKS = {
    "patience": (lambda: EarlyStopping(patience=-1), ValueError, "EarlyStopping: patience must be >= 0, got -1"),
    "min_delta": (lambda: EarlyStopping(min_delta=-0.1), ValueError, "EarlyStopping: min_delta must be >= 0, got -0.1"),
    "mode": (lambda: EarlyStopping(mode="up"), ValueError, "EarlyStopping: mode must be one of .* got 'up'"),
    "monitor": (lambda: EarlyStopping(3), TypeError, "EarlyStopping: monitor must be a name, got 3"),
    "baseline": (lambda: EarlyStopping(baseline=math.nan), ValueError, "EarlyStopping: baseline must be a finite"),
    "checkpoint": (lambda: ModelCheckpoint("w", mode="lower"), ValueError, "ModelCheckpoint: mode must be .* 'lower'"),
    "path": (lambda: ModelCheckpoint(3), TypeError, "ModelCheckpoint: path must be a path, got 3"),
    "log": (lambda: CSVLogger(None), TypeError, "CSVLogger: path must be a path, got None"),
    "schedule": (lambda: Schedule(0.1), TypeError, r"Schedule: schedule must have a step\(\), got float"),
    "history": (lambda: History().append(-1, {}), ValueError, "History.append: epoch must be >= 0, got -1"),
    "evaluate: model": (lambda: evaluate(None, X, Y), TypeError, "evaluate: model must be a Module, got NoneType"),
    "evaluate: rows": (lambda: evaluate(Net(), X, Y[:2]), ValueError, "evaluate: x has 22 rows and y has 2"),
    "evaluate: loss": (lambda: evaluate(Net(), X, Y, loss="mse"), ValueError, "evaluate: loss must be one of .*'mse'"),
    "evaluate: size": (lambda: evaluate(Net(), X, Y, batch_size=0), ValueError, "evaluate: batch_size must be >= 1"),
    "predict: model": (lambda: predict(print, X), TypeError, "predict: model must be a Module, got builtin_function"),
    "predict: rows": (lambda: predict(Net(), X[:0]), ValueError, r"predict: x must have rows, got shape \(0, 4\)"),
    "predict: size": (lambda: predict(Net(), X, batch_size=-5), ValueError, "predict: batch_size must be >= 1, got -5"),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_bad_arguments_of_callbacks_evaluate_and_predict(name):
    call, kind, message = CALLBACKS[name]
    with pytest.raises(kind, match=message):
        call()
