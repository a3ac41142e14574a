r"""plot_curves: how the numbers of a training went."""

from typing import Any

from minidl import check
from minidl.plot.canvas import axes

LOSS, METRICS = "#0072B2", ("#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # Okabe and Ito's palette


def plot_curves(history: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""Loss (left axis) and metrics (right axis) over the epochs, counted from 1; validation is dashed.

    history: what `fit` returns, or its dict of lists. kwargs: for `Axes.plot`. Returns the Axes of the loss.
    Raises TypeError for something else and ValueError for one without epochs or with lists of different lengths.

    >>> ax = plot_curves({"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, 1.2, 0.9]})
    >>> ax.get_xlabel(), [line.get_label() for line in ax.get_lines()]
    ('epoch', ['loss', 'val_loss'])
    """
    who = "plot_curves"
    curves = getattr(history, "history", history)
    if not isinstance(curves, dict):
        raise check.DTypeError(f"{who}: history must be a History or a dict of lists, got {type(history).__name__}")
    lengths = {name: len(values) for name, values in curves.items()}
    if not lengths or min(lengths.values()) == 0 or len(set(lengths.values())) > 1:
        raise ValueError(f"{who}: history must have one number an epoch for each name, got lengths {lengths}")
    epochs = [epoch + 1 for epoch in getattr(history, "epoch", range(max(lengths.values())))]
    metrics = [name for name in curves if name.removeprefix("val_") != "loss"]
    bases = list(dict.fromkeys(name.removeprefix("val_") for name in metrics))
    ax = axes(ax)
    right = ax.twinx() if metrics and len(metrics) < len(curves) else ax
    for name, values in curves.items():
        base = name.removeprefix("val_")
        style = {
            "color": LOSS if base == "loss" else METRICS[bases.index(base) % len(METRICS)],
            "linestyle": "--" if name.startswith("val_") else "-",
            "marker": "o" if len(epochs) == 1 else None,  # a line through one point is invisible
            "label": name,
        }
        (ax if base == "loss" else right).plot(epochs, values, **{**style, **kwargs})
    ax.set_xlabel("epoch")
    ax.set_title("training")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(epochs) == 1:
        ax.set_xticks(epochs)
    ax.set_ylabel(", ".join(bases) if right is ax and metrics else "loss")
    lines = ax.get_lines()
    if right is not ax:
        right.set_ylabel(", ".join(bases))
        lines = [*lines, *right.get_lines()]
    # above the picture, where it hides no curve
    ax.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=min(len(lines), 4), frameon=False)
    return ax
