r"""History: what `fit` returns, the numbers of every epoch."""

from collections.abc import Mapping
from typing import Any

from minidl import check


class History:
    r"""`history.history` is a dict of lists, one number an epoch: "loss", the metrics, and the same with "val_" in
    front where there was validation. `history.epoch` lists the epochs, counted from 0. As in Keras.

    >>> history = History()
    >>> history.append(0, {"loss": 2.0, "val_loss": 2.5})
    >>> history.append(1, {"loss": 1.0, "val_loss": 1.5})
    >>> history.history["loss"]
    [2.0, 1.0]
    >>> history
    History(2 epochs: loss 2 -> 1, val_loss 2.5 -> 1.5)
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def append(self, epoch: int, logs: Mapping[str, float]) -> None:
        r"""Add the numbers of one epoch, a later one than the last; the names must be those of the epochs before."""
        epoch = check.integer("History.append", "epoch", epoch, low=self.epoch[-1] + 1 if self.epoch else 0)
        if self.epoch and set(logs) != set(self.history):
            raise ValueError(f"History.append: logs must have the names {list(self.history)}, got {list(logs)}")
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        r"""The curves of all numbers over the epochs: `minidl.plot.plot_curves`. Returns the Axes."""
        from minidl.plot import plot_curves  # noqa: PLC0415  (a picture is not needed for training)

        return plot_curves(self, ax=ax, **kwargs)

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        spans = [f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.history.items()]
        return f"History({len(self)} epochs{': ' if spans else ''}{', '.join(spans)})"
