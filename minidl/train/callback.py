r"""Callback: what is told of every epoch and step of a training. The names of the hooks and of the options are Keras'.

`fit` calls each hook of each callback, in their order. Before the first it sets on each of them `model`, `optimizer`,
`history` (with the epochs so far, the one that just ended too) and `names` (what there will be to monitor, such as
"loss" and "val_loss"). Setting `model.stop_training = True` ends the training after the epoch.

>>> class Shout(Callback):
...     def on_epoch_end(self, epoch, logs):
...         print(f"{epoch}: {logs['loss']:.1f}!")
>>> Shout().on_epoch_end(0, {"loss": 0.25})
0: 0.2!
"""

import math
from typing import Any

from minidl import check

MODES = {
    "auto": "max for accuracy, top_k_accuracy, precision, recall, f1 and roc_auc, else min",
    "min": "lower is better",
    "max": "higher is better",
}
HIGHER = ("accuracy", "precision", "recall", "f1", "roc_auc")


class Callback:
    r"""The base class: hooks that do nothing. `epoch` and `batch` count from 0; logs are the numbers so far.

    >>> from minidl import fit, nn
    >>> class Stop(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.model.stop_training = epoch == 2
    >>> len(fit(nn.Linear(1, 2), [[0.0], [1.0]], [0, 1], epochs=9, callbacks=[Stop()], verbose=False))
    3
    """

    model: Any = None
    optimizer: Any = None
    history: Any = None
    names: tuple[str, ...] = ()

    def on_train_begin(self) -> None:
        r"""Before the first epoch."""

    def on_train_end(self) -> None:
        r"""After the last epoch; not when an error ends the training."""

    def on_epoch_begin(self, epoch: int) -> None:
        r"""Before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        r"""After an epoch and its validation; logs: all its numbers."""

    def on_train_batch_begin(self, batch: int) -> None:
        r"""Before a step."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        r"""After a step; logs: the mean loss of the epoch so far."""

    def check_monitor(self, monitor: str) -> None:
        r"""ValueError, with the names that there are, unless `monitor` is one of them."""
        if monitor not in self.names:
            hint = "; numbers of a validation need validation_split or validation_data" if monitor[:4] == "val_" else ""
            raise ValueError(
                f"{type(self).__name__}: monitor must be one of {', '.join(map(repr, self.names))}, got "
                f"{monitor!r}{hint}"
            )


class Better:
    r"""Whether a number is better than another by more than `delta`; a NaN never is.

    >>> Better("EarlyStopping", "val_accuracy", "auto")(0.9, 0.8), Better("EarlyStopping", "loss", "auto")(0.9, 0.8)
    (True, False)
    """

    def __init__(self, who: str, monitor: str, mode: str, delta: float = 0.0):
        if not isinstance(monitor, str):
            raise check.DTypeError(f"{who}: monitor must be a name, got {monitor!r}")
        check.option(who, "mode", mode, MODES)
        higher = monitor.removeprefix("val_") in HIGHER or monitor.endswith("_accuracy")
        self.sign = 1 if mode == "max" or (mode == "auto" and higher) else -1
        self.delta = delta
        self.worst = -self.sign * math.inf

    def __call__(self, value: float, than: float) -> bool:
        return self.sign * (value - than) > self.delta
