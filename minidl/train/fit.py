r"""fit: the training loop. Take some rows, ask the model, measure the loss, go a step down its gradient; repeat.

Written out, without what surrounds it here (validation, metrics, callbacks, the progress bar), it is this:

    for epoch in range(epochs):
        for xb, yb in batches(x, y, batch_size=32, shuffle=True, seed=rng):
            optimizer.zero_grad()
            loss = cross_entropy(model(Tensor(xb)), yb)
            loss.backward()
            optimizer.step()

That loop is as good as `fit`, and the right thing whenever something else is wanted. Names and meaning of the options
are Keras', with one exception: a weighted mean is divided by the sum of the weights (as in torch, and in every loss of
minidl), where Keras divides by the number of rows.
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl import backend, check, random
from minidl.history import History
from minidl.nn.module import Buffer, Module
from minidl.nn.recurrent import Recurrent
from minidl.optim import OPTIMIZERS, Adam, Optimizer, clip_grad_norm
from minidl.progress import bar
from minidl.train.answers import without_ignored
from minidl.train.callback import Callback
from minidl.train.checkpoint import Checkpoint
from minidl.train.class_weight import class_weighted
from minidl.train.evaluate import (
    Tally,
    check_model,
    evaluated,
    in_mode,
    loss_of,
    loss_value,
    metrics_of,
    output_of,
    weight_of,
)
from minidl.train.rows import Place, Rows, batches_of, divided, place_of, rows_of

WHO = "fit"


def fit(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: str | Callable = "cross_entropy",
    optimizer: Optimizer | str | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    validation_split: float = 0.0,
    validation_data: tuple | None = None,
    class_weight: Mapping | str | None = None,
    sample_weight: Any = None,
    callbacks: Iterable[Callback] = (),
    shuffle: bool = True,
    metrics: Iterable | Mapping = (),
    clip_norm: float | None = None,
    initial_epoch: int = 0,
    verbose: bool = True,
) -> History:
    r"""Train the model on rows x (N, ...) with targets y (N, ...), and return the `History` of its numbers.

    | option | meaning |
    |---|---|
    | `loss` | a name from `minidl.losses.LOSSES`, or a function of prediction and target (and sample_weight=) |
    | `optimizer` | made for the model's parameters, or a name from `minidl.optim.OPTIMIZERS`; None: Adam(lr=1e-3) |
    | `epochs`, `initial_epoch` | go through the data until this epoch, from that one (a run that goes on) |
    | `validation_split` | this share of the rows, the **last** ones, taken before shuffling, is kept for validation |
    | `validation_data` | (x, y) or (x, y, sample_weight) for validation |
    | `class_weight` | dict from class to weight (1 where missing), or "balanced": $n / (K n_k)$ on the training rows |
    | `sample_weight` | weights (N,), or of y's first axes, as a mask (N, T); multiplied with those of the classes |
    | `callbacks` | see `minidl.train.callbacks`; a `Checkpoint` comes after all others |
    | `shuffle` | another order of the rows in every epoch, drawn from `minidl.random` |
    | `metrics` | names from `minidl.train.METRICS`, functions of truth and output, or a dict from name to either |
    | `clip_norm` | scale the gradient of each step down to this norm if it is longer |
    | `verbose` | a progress bar, one line an epoch |

    x, y and weights are NumPy or CuPy arrays, tensors or lists; floats are converted to the model's float type. The
    numbers of an epoch are means over its rows, collected while the model changes (those with "val_" come after it);
    class weights do not count in validation, and metrics are not weighted, but that what has weight 0 is left out of
    those by name. A batch with a total weight of 0 is passed over. Every part of the model ends in the mode (training
    or not) that it had, whatever happens.

    An answer at each step of padded sequences, y (N, T): `sample_weight=sequence_mask(lengths)` makes losses, metrics
    and "balanced" count the real steps alone. Layers have their classes at the end, (N, T, K), where `cross_entropy`
    (like torch's) wants them as axis 1; `loss=functools.partial(F.cross_entropy, class_axis=-1)` tells it, and metrics
    (a lambda would tell the loss alone).

    Raises ValueError or TypeError for arguments that do not fit, before the first step; what only shows at a batch (a
    label out of range, a shape that a layer refuses) is raised there. FloatingPointError, naming epoch and batch, where
    the loss or a gradient is not finite; the model then is as after the last good step. Warns (UserWarning) where
    validation_split would take the last classes of a y that is sorted.

    >>> from minidl import nn
    >>> x = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> y = [0, 0, 1, 1]
    >>> history = fit(nn.Linear(2, 2), x, y, epochs=200, optimizer=None, metrics=["accuracy"], verbose=False)
    >>> len(history), history.history["loss"][-1] < history.history["loss"][0]
    (200, True)
    """
    check_model(WHO, model)
    function, named = loss_of(WHO, loss), metrics_of(WHO, metrics)
    batch_size = check.size(WHO, "batch_size", batch_size)
    epochs = check.integer(WHO, "epochs", epochs, low=0)
    initial_epoch = check.integer(WHO, "initial_epoch", initial_epoch, low=0)
    for name, flag in (("shuffle", shuffle), ("verbose", verbose)):
        check.option(WHO, name, flag, (True, False))
    if clip_norm is not None:
        clip_norm = check.number(WHO, "clip_norm", clip_norm, above=0)
    rows = rows_of(WHO, x, y, sample_weight)
    rows, validation = divided(WHO, rows, validation_split, validation_data)
    rows = without_ignored(WHO, rows, function)
    validation = without_ignored(WHO, validation, function) if validation else None
    if class_weight is not None:
        rows = class_weighted(WHO, rows, class_weight)
    optimizer = _optimizer(model, optimizer)

    history = History()
    names = ("loss", *named, *(f"val_{name}" for name in ("loss", *named) if validation))
    callbacks = _callbacks(callbacks)
    for callback in callbacks:
        callback.model, callback.optimizer, callback.history, callback.names = model, optimizer, history, names
    run = _Run(model, function, optimizer, callbacks, clip_norm, place_of(model))

    model.stop_training = False
    with in_mode(model, training=True):
        run.tell("on_train_begin")
        for epoch in range(initial_epoch, epochs):
            run.tell("on_epoch_begin", epoch)
            order = random.generator().permutation(len(rows.x)) if shuffle else None
            with bar(f"epoch {epoch + 1}/{epochs}", math.ceil(len(rows.x) / batch_size), verbose) as line:
                logs = run.epoch(epoch, rows, batch_size, order, Tally(function, named), line)
                if validation:
                    numbers = evaluated(model, validation, function, named, batch_size)
                    logs |= {f"val_{name}": value for name, value in numbers.items()}
                line.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in logs.items()), refresh=False)
            history.append(epoch, logs)
            run.tell("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
        run.tell("on_train_end")
    return history


class _Run:
    """What stays the same from step to step."""

    def __init__(
        self,
        model: Module,
        loss: Callable,
        optimizer: Optimizer,
        callbacks: list[Callback],
        clip_norm: float | None,
        place: Place,
    ):
        self.model, self.loss, self.optimizer, self.callbacks = model, loss, optimizer, callbacks
        self.clip_norm, self.place = clip_norm, place
        self.parameters = list(model.parameters())
        self.buffers = [tensor for _, tensor in model._named_tensors(Buffer)]

    def tell(self, hook: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)

    def epoch(
        self, epoch: int, rows: Rows, batch_size: int, order: np.ndarray | None, tally: Tally, line: Any
    ) -> dict[str, float]:
        for i, batch in enumerate(batches_of(rows, batch_size, order)):
            self.tell("on_train_batch_begin", i)
            if weight_of(batch) > 0:
                value, prediction = self.step(batch, f"epoch {epoch + 1}, batch {i + 1}")
                tally.add(value, prediction, batch)
            line.update()
            line.set_postfix_str(f"loss {tally.mean_loss():.4f}", refresh=False)
            self.tell("on_train_batch_end", i, {"loss": tally.mean_loss()})
        return tally.results()

    def step(self, batch: Rows, where: str) -> tuple[float, Any]:
        self.optimizer.zero_grad()
        with self.undone_on_error(), np.errstate(all="ignore"):  # what is not finite is looked for here
            prediction = output_of(WHO, self.model, self.place.tensor(batch.x))
            loss = loss_value(self.loss, prediction, batch, self.place)
            value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(f"{WHO}: the loss is {value} in {where}; {_HINT}")
            loss.backward()
            grads = [p.grad for p in self.parameters if p.grad is not None]
            if not all(backend.xp_of(grad).isfinite(grad).all() for grad in grads):
                raise FloatingPointError(f"{WHO}: a gradient is not finite in {where}; {_HINT}")
        if self.clip_norm is not None:
            clip_grad_norm(self.parameters, self.clip_norm)
        self.optimizer.step()
        return value, prediction.detach()

    @contextlib.contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """A forward pass changes running means, and the states of stateful layers; one that fails must not."""
        before = [buffer.numpy() for buffer in self.buffers]
        kept = [(layer, layer._kept) for layer in self.model.modules() if isinstance(layer, Recurrent)]
        try:
            yield
        except BaseException:
            for buffer, old in zip(self.buffers, before, strict=True):
                buffer.data = old
            for layer, states in kept:
                layer._kept = states
            self.optimizer.zero_grad()
            raise


_HINT = (
    "the model is as after the last good step. A smaller lr or clip_norm may help; minidl.detect_anomaly() names the "
    "operation"
)


def _optimizer(model: Module, optimizer: Any) -> Optimizer:
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    if not trained:
        raise ValueError(f"{WHO}: model has no parameters to train (all frozen?)")
    if optimizer is None:
        return Adam(model.parameters(), lr=1e-3)
    if isinstance(optimizer, str):
        return OPTIMIZERS[check.option(WHO, "optimizer", optimizer, OPTIMIZERS)](model.parameters())
    if not isinstance(optimizer, Optimizer):
        raise check.DTypeError(f"{WHO}: optimizer must be an Optimizer or a name, got {optimizer!r}")
    if not any(id(p) in trained for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(f"{WHO}: optimizer has none of the model's parameters; make it from model.parameters()")
    return optimizer


def _callbacks(callbacks: Any) -> list[Callback]:
    callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, Callback):
            hint = "; a schedule goes into train.Schedule(...)" if hasattr(callback, "step") else ""
            raise check.DTypeError(f"{WHO}: callbacks must be Callback objects, got {callback!r}{hint}")
    return sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint))
