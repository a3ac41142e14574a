r"""Callbacks that come with minidl: stopping early, saving the best weights, a log file, schedules. How to write one
says callback.py; the names of the options are Keras'.
"""

import csv
import os
from typing import Any

from minidl import check, io
from minidl.optim import ReduceLROnPlateau
from minidl.train.callback import Better, Callback


class EarlyStopping(Callback):
    r"""Stop when a number has not got better for `patience` epochs.

    | option | meaning |
    |---|---|
    | `monitor` | which number |
    | `min_delta` | getting better by less does not count |
    | `patience` | how many epochs without getting better are borne; 0 and 1 stop at the first |
    | `mode` | what better is: "min", "max", or "auto" by the name |
    | `baseline` | the number to beat at first |
    | `restore_best_weights` | whether the model ends with the weights of the best epoch, stopped early or not |

    After training, `best`, `best_epoch` and `stopped_epoch` (None if it ran to the end) say what happened.

    >>> from minidl import fit, nn
    >>> stop = EarlyStopping("loss", min_delta=100.0, patience=2)     # nothing gets better by that much
    >>> history = fit(nn.Linear(1, 2), [[0.0], [1.0]], [0, 1], epochs=9, callbacks=[stop], verbose=False)
    >>> len(history), stop.best_epoch, stop.stopped_epoch
    (3, 0, 2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
    ):
        self.monitor = monitor
        self.min_delta = check.number("EarlyStopping", "min_delta", min_delta, low=0)
        self.patience = check.integer("EarlyStopping", "patience", patience, low=0)
        self.better = Better("EarlyStopping", monitor, mode, self.min_delta)
        self.baseline = None if baseline is None else check.number("EarlyStopping", "baseline", baseline)
        self.restore_best_weights = check.option(
            "EarlyStopping", "restore_best_weights", restore_best_weights, (True, False)
        )

    def on_train_begin(self) -> None:
        self.check_monitor(self.monitor)
        self.best = self.better.worst
        self.best_epoch = self.stopped_epoch = self.best_weights = None
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        value = logs[self.monitor]
        if self.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.state_dict()
            if self.baseline is None or self.better(value, self.baseline):
                self.wait = 0
                return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self) -> None:
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)


class ModelCheckpoint(Callback):
    r"""Save the weights (`minidl.save`) after every epoch, or after those that are the best so far.

    path: may hold the epoch, from 1, and numbers: "run-{epoch:02d}-{val_loss:.2f}.safetensors".
    monitor, mode: what the best epoch is, for save_best_only; as in `EarlyStopping`.

    >>> import os, tempfile
    >>> from minidl import fit, nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep = ModelCheckpoint(f"{folder}/run-{{epoch:02d}}.safetensors")
    ...     history = fit(nn.Linear(1, 2), [[0.0], [1.0]], [0, 1], epochs=2, callbacks=[keep], verbose=False)
    ...     sorted(os.listdir(folder))
    ['run-01.safetensors', 'run-02.safetensors']
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        monitor: str = "val_loss",
        mode: str = "auto",
        save_best_only: bool = False,
    ):
        self.path = io.path_of("ModelCheckpoint", path)
        self.monitor = monitor
        self.save_best_only = check.option("ModelCheckpoint", "save_best_only", save_best_only, (True, False))
        self.better = Better("ModelCheckpoint", monitor, mode)

    def on_train_begin(self) -> None:
        io.need_folder("ModelCheckpoint", self._path(0, dict.fromkeys(self.names, 0.0)))
        if self.save_best_only:
            self.check_monitor(self.monitor)
        self.best = self.better.worst

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.save_best_only:
            if not self.better(logs[self.monitor], self.best):
                return
            self.best = logs[self.monitor]
        io.save(self.model.state_dict(), self._path(epoch, logs))

    def _path(self, epoch: int, logs: dict[str, float]) -> str:
        try:
            return self.path.format(epoch=epoch + 1, **logs)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"ModelCheckpoint: path {self.path!r} cannot be filled in from epoch and {', '.join(self.names)}: "
                f"{error!r}"
            ) from error


class CSVLogger(Callback):
    r"""Write the numbers of every epoch to a CSV file, one line an epoch, at once.

    append: go on in a file that is there, which must have the same columns, instead of writing a new one.

    >>> import tempfile
    >>> from minidl import fit, nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = CSVLogger(f"{folder}/log.csv")
    ...     history = fit(nn.Linear(1, 2), [[0.0], [1.0]], [0, 1], epochs=2, callbacks=[log], verbose=False)
    ...     with open(log.path) as file:
    ...         [line.split(",")[0] for line in file]
    ['epoch', '0', '1']
    """

    def __init__(self, path: str | os.PathLike, *, append: bool = False):
        self.path = io.path_of("CSVLogger", path)
        self.append = check.option("CSVLogger", "append", append, (True, False))

    def on_train_begin(self) -> None:
        io.need_folder("CSVLogger", self.path)
        self.columns = ["epoch", *self.names]
        self.started = self.append and os.path.exists(self.path)
        if self.started:
            with open(self.path, newline="") as file:
                found = next(csv.reader(file), [])
            if found != self.columns:
                raise ValueError(f"CSVLogger: {self.path!r} has the columns {found}, this training has {self.columns}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        with open(self.path, "a" if self.started else "w", newline="") as file:
            writer = csv.writer(file)
            if not self.started:
                writer.writerow(self.columns)
            writer.writerow([epoch, *(logs[name] for name in self.names)])
        self.started = True


class Schedule(Callback):
    r"""Step a schedule of `minidl.optim` after every epoch; ReduceLROnPlateau is given the number `monitor`.

    >>> from minidl import fit, nn, optim
    >>> model = nn.Linear(1, 2)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.8)
    >>> halve = Schedule(optim.StepLR(optimizer, 1, gamma=0.5))
    >>> history = fit(model, [[0.0], [1.0]], [0, 1], optimizer=optimizer, epochs=2, callbacks=[halve], verbose=False)
    >>> optimizer.param_groups[0]["lr"]
    0.2
    """

    def __init__(self, schedule: Any, *, monitor: str = "val_loss"):
        if not callable(getattr(schedule, "step", None)):
            raise check.DTypeError(f"Schedule: schedule must have a step(), got {type(schedule).__name__}")
        self.schedule, self.monitor = schedule, monitor
        after = getattr(schedule, "after", None)  # what follows a warm-up
        self.watches = isinstance(schedule, ReduceLROnPlateau) or isinstance(after, ReduceLROnPlateau)

    def on_train_begin(self) -> None:
        if self.watches:
            self.check_monitor(self.monitor)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.watches:
            self.schedule.step(logs[self.monitor])
        else:
            self.schedule.step()
