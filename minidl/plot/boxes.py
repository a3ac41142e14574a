r"""Boxes with text, joined by lines, from left to right: where they stand, and how they are drawn. One unit of the
picture is one inch at full size."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from minidl.plot.canvas import axes
from minidl.plot.layout import arranged

SIZE = 9  # of the text, in points
LINE = 1.25 * SIZE / 72  # the height of one, in inches
GREY = "#8c8c8c"  # can be seen on white and on black


class Box:
    r"""text (lines of it) about `what`, in a box of this colour, which is round at its ends or not."""

    def __init__(self, what: Any, text: str, colour: str, rounded: bool = False):
        from matplotlib.textpath import TextPath  # noqa: PLC0415  (only who draws needs Matplotlib)

        self.what, self.lines, self.colour, self.rounded = what, text.split("\n"), colour, rounded
        self.wide = max(TextPath((0, 0), line, size=SIZE).get_extents().x1 for line in self.lines) / 72 + 0.26
        self.tall = len(self.lines) * LINE + (0.2 if rounded else 0.12)
        self.x = self.y = 0.0


def placed(boxes: list[Box], joined: list[tuple]) -> list[np.ndarray]:
    r"""Give every box its place. joined: (from, to) of every line, by what the boxes are about; what has several lines
    into it gets them in their order from the top. Returns the points (n, 2) that each line goes through."""
    ids = {id(box.what): number for number, box in enumerate(boxes)}
    links = [SimpleNamespace(source=ids[id(a)], target=ids[id(b)]) for a, b in joined]
    for target in range(len(boxes)):
        into = [link for link in links if link.target == target]
        for number, link in enumerate(into):
            link.port, link.share = (len(into) - 1) / 2 - number, 0.5 - (number + 0.5) / len(into)
    column = dict.fromkeys(range(len(boxes)), 0)
    for _ in boxes:  # the longest path from a leaf: as many rounds as it is long
        for link in links:
            column[link.target] = max(column[link.target], column[link.source] + 1)
    for leaf in column.keys() - {link.target for link in links}:  # beside the first that reads it
        column[leaf] = min((column[link.target] - 1 for link in links if link.source == leaf), default=0)
    places, ways = arranged([SimpleNamespace(id=number) for number in ids.values()], links, column)

    last = max(column.values())
    widths = [max(box.wide for number, box in enumerate(boxes) if column[number] == c) for c in range(last + 1)]
    centres = np.cumsum(widths) - np.array(widths) / 2 + 0.32 * np.arange(last + 1)
    grid = sorted({x for x, _ in places.values()})  # of the columns, in the units of `arranged`
    tall = max(box.tall for box in boxes) + 0.12
    for number, box in enumerate(boxes):
        box.x, box.y = centres[column[number]], places[number][1] * tall
    lines = []
    for link, way in zip(links, ways, strict=True):
        a, b = boxes[link.source], boxes[link.target]
        points = [(a.x + a.wide / 2, a.y)]
        for x, y in way[1:-1]:  # straight through a column that it passes
            c = int(np.searchsorted(grid, x - 1e-9))
            points += [(centres[c] + side * widths[c] / 2, y * tall) for side in (-1, 1)]
        lines.append(np.array([*points, (b.x - b.wide / 2, b.y + 0.8 * b.tall * link.share)]))
    return lines


def draw(ax: Any, boxes: list[Box], ways: list[np.ndarray], kwargs: dict) -> Any:
    r"""Draw them into `ax`, or a new one, which is returned. kwargs: for the `FancyArrowPatch` of a line."""
    from matplotlib.colors import to_rgba  # noqa: PLC0415  (only who draws needs Matplotlib)
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch  # noqa: PLC0415
    from matplotlib.path import Path  # noqa: PLC0415

    corners = [(box.x + side * box.wide / 2, box.y + side * box.tall / 2) for box in boxes for side in (-1, 1)]
    everywhere = np.concatenate([corners, *ways])
    low, high = everywhere.min(axis=0) - 0.1, everywhere.max(axis=0) + 0.1
    ax, room, inch = _room(ax, high - low)
    sides = (low + high) / 2 + np.array([[-0.5], [0.5]]) * room / inch
    for way in ways:
        vertices = [way[0]]
        for a, b in zip(way, way[1:], strict=False):
            middle = (a[0] + b[0]) / 2
            vertices += [(middle, a[1]), (middle, b[1]), b]
        path = Path(vertices, [Path.MOVETO, *[Path.CURVE4] * (len(vertices) - 1)])
        style = {"arrowstyle": "-|>", "mutation_scale": SIZE * inch, "color": GREY, "linewidth": inch}
        ax.add_patch(FancyArrowPatch(path=path, **{"shrinkA": 0, "shrinkB": 0, **style, **kwargs}))
    for box in boxes:
        corner = box.x - box.wide / 2, box.y - box.tall / 2
        style = {"facecolor": to_rgba(box.colour, 0.15), "edgecolor": box.colour, "linewidth": inch}
        shape = f"round,pad=0,rounding_size={box.tall / 2 if box.rounded else 0.04:.3f}"
        ax.add_patch(FancyBboxPatch(corner, box.wide, box.tall, boxstyle=shape, **style))
        # one text a line: in an SVG only a line of its own is centred whatever the reader's font
        for number, line in enumerate(box.lines):
            y = box.y + ((len(box.lines) - 1) / 2 - number) * LINE
            ax.text(box.x, y, line, ha="center", va="center_baseline", fontsize=SIZE * inch)
    ax.set(xlim=sides[:, 0], ylim=sides[:, 1], aspect="equal")
    ax.set_axis_off()
    return ax


def _room(ax: Any, size: np.ndarray) -> tuple[Any, np.ndarray, float]:
    """Axes for a picture of this size, how many inches they have, and how large an inch of the picture is in them."""
    if ax is not None:
        box = ax.get_window_extent()
        room = np.array([box.width, box.height]) / ax.figure.dpi
        return ax, room, min(1.2, *(room / size))
    inch = min(1.0, *((24, 14) / size))
    room = np.maximum(size * inch, (6.5, 0.5))
    return axes(None, room[0] + 0.1, room[1] + 0.5), room, inch
