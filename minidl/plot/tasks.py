r"""Pictures of what evolved networks are set to do: two poles on a cart, a robot in a maze."""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.plot.canvas import axes, finite
from minidl.plot.curves import LOSS, METRICS

TRACK = 2.4  # half its length, in metres
LENGTHS = (1.0, 0.1)  # of the poles
CART = (0.4, 0.16)  # wide, tall


def plot_double_pole(state: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""Two poles on a cart, to scale, in metres; it is grey beyond the ends of the track.

    state: x, its speed, the angle of the long pole in radians, its speed, the angle of the short pole, its speed; what
    follows is not looked at. Positive angles lean to the right. kwargs: for `Axes.plot`, the poles. For a moving
    picture: `animate_training(states, lambda ax, state: plot_double_pole(state, ax=ax), "poles.gif", fps=50)`, with the
    states (T, 6) of an episode.
    Raises ValueError for fewer than six numbers, a NaN and infinities.

    >>> plot_double_pole([0.5, 0, 0.07, 0, -0.3, 0]).get_title()
    'x = 0.50 m, poles at 4.0 and -17.2 degrees'
    """
    who = "plot_double_pole"
    state = finite(who, "state", state)
    if state.ndim != 1 or len(state) < 6:
        raise check.ShapeError(f"{who}: state must have shape (6,), or more, got {state.shape}")
    from matplotlib import rcParams  # noqa: PLC0415  (only who draws needs Matplotlib)
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    x, angles = float(state[0]), [float(state[2]), float(state[4])]
    ax = axes(ax, 7.0, 2.6)
    wide, tall = CART
    ink = rcParams["text.color"]
    ax.axhline(0, color=ink, linewidth=1)
    for side in (-1, 1):
        ax.axvspan(side * TRACK, side * (TRACK + 1), color=ink, alpha=0.1, linewidth=0)
    ax.add_patch(Rectangle((x - wide / 2, 0), wide, tall, facecolor="0.55", edgecolor=ink))
    for angle, length, colour, width in zip(angles, LENGTHS, (LOSS, METRICS[0]), (5, 4), strict=True):
        tip = x + length * math.sin(angle), tall + length * math.cos(angle)
        style = {"color": colour, "linewidth": width, "solid_capstyle": "round"}
        ax.plot((x, tip[0]), (tall, tip[1]), **{**style, **kwargs})
    ax.plot(x, tall, "o", color="0.2", markersize=4)
    ax.set(xlim=(-TRACK - 0.8, TRACK + 0.8), ylim=(-0.15, 1.35), aspect="equal", xlabel="x in metres", yticks=[])
    ax.spines[:].set_visible(False)
    long, short = np.rad2deg(angles)
    ax.set_title(f"x = {x:.2f} m, poles at {long:.1f} and {short:.1f} degrees")
    return ax


def plot_maze(
    plan: Any, *, ends: Any = None, generations: Any = None, path: Any = None, ax: Any = None, **kwargs: Any
) -> Any:
    r"""A maze with its start (circle) and goal (star), where robots have ended, and the way that one of them took.

    plan: with `.walls` (W, 4), x and y of both ends, and `.start` and `.goal`, (x, y), such as FLOOR_PLANS["medium"].
    ends (N, 2): a dot each; generations (N,): its colour. path (T, 2): a line. kwargs: for `Axes.scatter`, the dots.
    Raises TypeError for what is no plan, ValueError for other shapes, a NaN and infinities.

    >>> from minidl.evolution import FLOOR_PLANS
    >>> plot_maze(FLOOR_PLANS["hard"], ends=[[30, 30], [50, 80]]).get_title()
    'where 2 robots ended'
    """
    who = "plot_maze"
    if not all(hasattr(plan, name) for name in ("walls", "start", "goal")):
        raise check.DTypeError(f"{who}: plan must have walls, start and goal, got {type(plan).__name__}")
    walls = pairs(who, "walls", plan.walls, 4)
    start, goal = (pairs(who, name, [getattr(plan, name)], 2)[0] for name in ("start", "goal"))
    ends = None if ends is None else pairs(who, "ends", ends, 2)
    path = None if path is None else pairs(who, "path", path, 2)
    if generations is not None:
        generations = finite(who, "generations", generations)
        if ends is None or generations.shape != (len(ends),):
            wanted = "ends beside it" if ends is None else f"shape ({len(ends)},), one number an end"
            raise check.ShapeError(f"{who}: generations must have {wanted}, got {generations.shape}")

    from matplotlib import rcParams  # noqa: PLC0415  (only who draws needs Matplotlib)

    corners = walls.reshape(-1, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    wide, tall = np.maximum(high - low, 1e-9)
    inch = 6.0 / max(wide, tall)
    ax = axes(ax, max(wide * inch, 2.0) + 1.2 * (generations is not None), max(tall * inch, 2.0) + 0.8)
    if ends is not None:
        style = {"s": 10, "linewidths": 0, "zorder": 2}
        style |= {"color": LOSS} if generations is None else {"c": generations, "cmap": "viridis"}
        dots = ax.scatter(*ends.T, **{**style, **kwargs})
        if generations is not None:
            ax.figure.colorbar(dots, ax=ax, shrink=0.8, label="generation")
    if path is not None:
        ax.plot(*path.T, color=METRICS[0], linewidth=1.5, zorder=3)
    ink = rcParams["text.color"]
    for wall in walls:
        ax.plot(wall[::2], wall[1::2], color=ink, linewidth=2, solid_capstyle="round", zorder=4)
    ax.plot(*start, "o", markersize=10, markerfacecolor=METRICS[3], markeredgecolor=ink, zorder=5)
    ax.plot(*goal, "*", markersize=15, markerfacecolor=METRICS[4], markeredgecolor=ink, zorder=5)
    ax.set_aspect("equal")
    ax.margins(0.03)
    ax.set_axis_off()
    ended = "a maze" if ends is None else f"where {len(ends)} robot{'s' * (len(ends) != 1)} ended"
    ax.set_title(ended)
    return ax


def pairs(who: str, name: str, values: Any, columns: int) -> np.ndarray:
    values = finite(who, name, values)
    if values.ndim != 2 or values.shape[1] != columns:
        raise check.ShapeError(f"{who}: {name} must have shape (N, {columns}), got {values.shape}")
    return values
