r"""animate_training: a training as a moving picture."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from minidl import check


def animate_training(epochs: Iterable, draw: Callable[[Any, Any], Any], path: str | Path, *, fps: float = 10) -> None:
    r"""Write a GIF with a frame after each step of `epochs`, something that trains a model while it is gone through.

    draw(ax, item): draws into an empty Axes what the model is now; item is what `epochs` gave.
    path: "name.gif". fps: frames a second, 1 to 50. Nothing is written if training or drawing fails.
    Raises ValueError for another ending of the name and for no epochs, TypeError for draw that cannot be called.

    >>> import tempfile
    >>> import numpy as np
    >>> from minidl import nn, plot
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> som = nn.SOM(5, 5, 2)
    >>> def epochs():
    ...     for epoch in range(3):
    ...         yield som.partial_fit(x, total_steps=300)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animate_training(epochs(), lambda ax, som: plot.plot_u_matrix(som, ax=ax), f"{folder}/u_matrix.gif")
    ...     [path.name for path in Path(folder).iterdir()]
    ['u_matrix.gif']
    """
    who = "animate_training"
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{who}: path must end in .gif, got {path.name!r}")
    if not callable(draw):
        raise check.DTypeError(f"{who}: draw must be a function of an Axes and an item, got {type(draw).__name__}")
    fps = check.number(who, "fps", fps, low=1, high=50)
    from matplotlib import animation, pyplot  # noqa: PLC0415  (only who draws needs Matplotlib)

    figure, frames = pyplot.figure(figsize=(6, 5.5), layout="constrained"), 0
    writer = animation.PillowWriter(fps)
    try:
        writer.setup(figure, path, dpi=80)
        for item in epochs:
            figure.clear()  # with the colour bars
            draw(figure.add_subplot(), item)
            writer.grab_frame()
            frames += 1
        if not frames:
            raise ValueError(f"{who}: epochs must have at least one item, got none")
        writer.finish()
    finally:
        pyplot.close(figure)
