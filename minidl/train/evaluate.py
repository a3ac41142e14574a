r"""evaluate and predict: a trained model on data, a batch at a time, without gradients and in evaluation mode.

A mean over batches is not the mean over rows when the last batch is smaller: each batch's loss counts with its number
of rows (or their weights), and metrics are computed once, from all rows, not averaged over batches: the F1 or the AUC
of two halves says nothing about that of the whole. What has weight 0 (padding) counts in neither.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl import check
from minidl.losses import LOSSES
from minidl.nn.module import Module
from minidl.tensor import Tensor, no_grad
from minidl.train.answers import READS, plain, without_ignored
from minidl.train.metrics import METRICS
from minidl.train.rows import Rows, batches_of, numbers, place_of, rows_of


def evaluate(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: str | Callable = "cross_entropy",
    batch_size: int = 32,
    metrics: Iterable | Mapping = (),
    sample_weight: Any = None,
) -> dict[str, float]:
    r"""The loss and the metrics of the model on rows x with targets y: {"loss": ..., "accuracy": ...}.

    loss, metrics, sample_weight: as in `fit`. The model is in evaluation mode meanwhile, and back in its own after.
    Raises ValueError and TypeError as `fit` does.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Linear(2, 2)
    >>> model.weight.data = [[1.0, 0.0], [0.0, 1.0]]
    >>> model.bias.data = [0.0, 0.0]
    >>> evaluate(model, [[5.0, 1.0], [1.0, 5.0], [5.0, 1.0]], [0, 1, 1], metrics=["accuracy"])
    {'loss': 1.35..., 'accuracy': 0.66...}
    """
    who = "evaluate"
    check_model(who, model)
    function, named = loss_of(who, loss), metrics_of(who, metrics)
    batch_size = check.size(who, "batch_size", batch_size)
    rows = without_ignored(who, rows_of(who, x, y, sample_weight), function)
    return evaluated(model, rows, function, named, batch_size)


def predict(model: Module, x: Any, *, batch_size: int = 32) -> np.ndarray:
    r"""The model's outputs for rows x, as one NumPy array. The model is in evaluation mode meanwhile.

    >>> from minidl import nn
    >>> predict(nn.Linear(3, 2), np.zeros((100, 3))).shape
    (100, 2)
    """
    who = "predict"
    check_model(who, model)
    batch_size = check.size(who, "batch_size", batch_size)
    x = numbers(who, "x", x)
    place = place_of(model)
    with in_mode(model, training=False), no_grad():
        return np.concatenate(
            [output_of(who, model, place.tensor(b.x)).numpy() for b in batches_of(Rows(x, x, None), batch_size)]
        )


def evaluated(
    model: Module, rows: Rows, loss: Callable, metrics: dict[str, tuple], batch_size: int
) -> dict[str, float]:
    r"""`evaluate` after its checks."""
    place = place_of(model)
    tally = Tally(loss, metrics)
    with in_mode(model, training=False), no_grad():
        for batch in batches_of(rows, batch_size):
            prediction = output_of("evaluate", model, place.tensor(batch.x))
            if weight_of(batch) > 0:
                tally.add(loss_value(loss, prediction, batch, place).item(), prediction, batch)
    return tally.results()


class Tally:
    r"""Collects batches and gives the numbers over all their rows."""

    def __init__(self, loss: Callable, metrics: dict[str, tuple]):
        self.loss, self.metrics = loss, metrics
        self.total = self.weight = 0.0
        self.seen: dict[str, list] = {kind: [] for _, kind in metrics.values()}

    def add(self, loss: float, prediction: Tensor, batch: Rows) -> None:
        r"""One batch: its mean loss and what the model said."""
        weight = weight_of(batch)
        self.total += loss * weight
        self.weight += weight
        if self.seen:
            output = prediction.numpy()
            for kind, pairs in self.seen.items():
                pairs.append(READS[kind](self.loss, output, batch.y, batch.weight))

    def mean_loss(self) -> float:
        return self.total / self.weight if self.weight else float("nan")

    def results(self) -> dict[str, float]:
        r"""The mean loss and all metrics."""
        whole = {kind: map(np.concatenate, zip(*pairs, strict=True)) for kind, pairs in self.seen.items()}
        whole = {kind: tuple(arrays) for kind, arrays in whole.items()}
        return {"loss": self.mean_loss()} | {
            name: float(metric(*whole[kind])) for name, (metric, kind) in self.metrics.items()
        }


def loss_of(who: str, loss: Any) -> Callable:
    r"""The loss function of this name, or `loss` itself if it is a function."""
    if callable(loss):
        return loss
    return LOSSES[check.option(who, "loss", loss, LOSSES)]


def metrics_of(who: str, metrics: Any) -> dict[str, tuple]:
    r"""Name -> (function, what it reads), from names and functions, or a dict from name to either."""
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise check.DTypeError(f"{who}: metrics must be a list of names and functions, got {metrics!r}")
    if not isinstance(metrics, Mapping):
        metrics = {m if isinstance(m, str) else getattr(m, "__name__", repr(m)): m for m in metrics}
    known = {function: kind for function, kind in METRICS.values()}
    named = {}
    for name, metric in metrics.items():
        if callable(metric):
            named[name] = (metric, known.get(plain(metric), "outputs"))
        else:
            named[name] = METRICS[check.option(who, "metrics", metric, METRICS)]
        if name == "loss" or name.startswith("val_"):
            raise ValueError(f"{who}: a metric cannot be called {name!r}")
    return named


def loss_value(loss: Callable, prediction: Tensor, batch: Rows, place: Any) -> Tensor:
    r"""The mean loss of a batch, weighted if it has weights."""
    target = place.tensor(batch.y)
    return loss(prediction, target) if batch.weight is None else loss(prediction, target, sample_weight=batch.weight)


def weight_of(batch: Rows) -> float:
    r"""What a batch counts: its rows, or the sum of their weights."""
    return float(len(batch.x) if batch.weight is None else batch.weight.sum())


def output_of(who: str, model: Module, x: Tensor) -> Tensor:
    r"""The model's output for a batch, checked to be one tensor with a row for each row of x."""
    output = model(x)
    if not isinstance(output, Tensor):
        raise check.DTypeError(f"{who}: the model must return one tensor, got {type(output).__name__}")
    if output.ndim == 0 or len(output) != len(x):
        raise check.ShapeError(f"{who}: the model must return a row for each of {len(x)}, got shape {output.shape}")
    return output


def check_model(who: str, model: Any) -> None:
    if not isinstance(model, Module):
        raise check.DTypeError(f"{who}: model must be a Module, got {type(model).__name__}")


@contextlib.contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    r"""Inside, the whole model trains or does not; afterwards every part is in the mode it had."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
