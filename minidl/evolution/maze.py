r"""A robot in a maze: the task on which the search for novelty was shown.

The robot is a disc of radius 8 in a plane with straight walls. What it senses, 10 numbers:

- six rangefinders, at -90, -45, 0, 45, 90 and 180 degrees to its heading (left is positive): how far the next wall is,
  seen from its centre, at most 100, divided by 100;
- four sensors for the goal, of which one is 1 and the others 0: the goal lies in the quarter around the front, the
  left, the back or the right, walls or not.

What it does, two outputs o from 0 to 1: each step its turning speed changes by $o_1 - 1/2$ degrees a step and its speed
by $o_2 - 1/2$ units a step. Both stay in +-3. Then it turns, and moves along its heading, unless a wall would be nearer
to its centre than its radius: then it stays where it is.

An episode is over after 400 steps, or when the goal is nearer than 5 units: solved. Then comes the one reward, $b - d$,
with d the distance to the goal and b that of the farthest end of a wall: the fitness of a search by objective. A search
for novelty looks at where the robot has ended: `rollout(...)["state"][:, :2]`.

Sensors, outputs, steps and the goal's radius follow the paper. The two floor plans, "medium" and "hard" as there, are
our own, and so are the numbers of the robot's motion: results are not those of the paper. In the hard plan the goal is
right behind a wall, in front of which a search by objective gathers; the way around leads farther away than the start.

Source: Lehman and Stanley 2011, Evolutionary Computation 19.

Try it:
1. Roll out 2,000 networks without hidden nodes and with weights N(0, 1): one reaches the goal of the medium maze, none
   comes nearer than 43 units to that of the hard one. 97 of 100 end more than 20 units from where they began.
2. Evolve for the fitness, `rollout=maze("medium")`, with "solved" as in `demos/neat_maze.py` and the seeds 0 to 3: the
   goal is reached in the generations 9, 30, 12 and 20, each time by a network without hidden nodes.
3. Make a `FloorPlan` of four walls, 200 x 200, from (30, 30) to (170, 170) with heading 45, and give the robot one
   link, from the bias to the speed, of weight 8: it is there after 67 steps. In "hard" such a robot ends right below
   the goal, at (30, 121.5) before the wall, and has a fitness of 193.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.evolution.environment import Environment
from minidl.evolution.genome import Genome
from minidl.evolution.rollout import play
from minidl.jit import njit
from minidl.plot.tasks import plot_maze
from minidl.scalar import sine

__all__ = ["FLOOR_PLANS", "FloorPlan", "maze"]

RADIUS = 8.0
RANGE = 100.0
STEPS = 400
NEAR = 5.0
LIMIT = 3.0  # of speed, in units a step, and of turning, in degrees a step
DEGREE = 0.017453292519943295
HALF_PI = 1.5707963267948966
DIAGONAL = 0.7071067811865476
# cosine and sine of the rangefinders' angles to the heading
RAYS = ((0.0, -1.0), (DIAGONAL, -DIAGONAL), (1.0, 0.0), (DIAGONAL, DIAGONAL), (0.0, 1.0), (-1.0, 0.0))
X, Y, HEADING, SPEED, TURNING, TIME = range(6)  # places in the state; the heading is in radians


class FloorPlan(NamedTuple):
    r"""A maze: where its walls are, and where the robot starts and should go.

    | field | |
    |---|---|
    | `walls` | (W, 4): x and y of one end, x and y of the other |
    | `start`, `goal` | (x, y) |
    | `heading` | at the start, in degrees; 0 is along x, 90 along y |

    >>> FLOOR_PLANS["medium"].goal
    (248.0, 25.0)
    """

    walls: np.ndarray
    start: tuple[float, float]
    goal: tuple[float, float]
    heading: float = 0.0


def _plan(width: float, height: float, walls: list, *rest: Any) -> FloorPlan:
    """A rectangle with walls in it."""
    box = [(0, 0, width, 0), (width, 0, width, height), (width, height, 0, height), (0, height, 0, 0)]
    return FloorPlan(np.array(box + walls, np.float64), *rest)


# what a robot meets on its way: over one wall and under the next; in the hard plan there is one in front of the goal
FLOOR_PLANS = {
    "medium": _plan(
        *(280, 140),
        [(70, 0, 70, 105), (140, 140, 140, 35), (210, 0, 210, 105)],
        *((35.0, 30.0), (248.0, 25.0), 90.0),
    ),
    "hard": _plan(
        *(200, 200),
        [(0, 130, 165, 130), (70, 0, 70, 90), (120, 130, 120, 40), (100, 200, 100, 165)],
        *((30.0, 30.0), (30.0, 165.0), 90.0),
    ),
}


# ---- geometry ----
@njit
def cosine(x):
    return sine(x + HALF_PI)


@njit
def clamped(x, limit):
    x = -limit if x < -limit else x
    return limit if x > limit else x


@njit
def hit(x, y, dx, dy, wall):
    """How far from (x, y) the ray in the direction (dx, dy), of length 1, meets the wall; RANGE if it does not.

    (x, y) + t (dx, dy) = a + u (b - a), for t >= 0 and 0 <= u <= 1; with the cross product p x q = p_x q_y - p_y q_x,
    t = (a - (x, y)) x (b - a) / ((dx, dy) x (b - a)) and u = (a - (x, y)) x (dx, dy) / ((dx, dy) x (b - a)).
    """
    ax, ay, bx, by = wall[0] - x, wall[1] - y, wall[2] - wall[0], wall[3] - wall[1]
    cross = dx * by - dy * bx
    if cross == 0:  # parallel
        return RANGE
    t = (ax * by - ay * bx) / cross
    u = (ax * dy - ay * dx) / cross
    return t if t >= 0 and 0 <= u <= 1 else RANGE


@njit
def squared_distance(x, y, wall):
    """The square of the distance of (x, y) to the nearest point of the wall."""
    ax, ay, bx, by = x - wall[0], y - wall[1], wall[2] - wall[0], wall[3] - wall[1]
    u = (ax * bx + ay * by) / (bx * bx + by * by)
    u = min(max(u, 0.0), 1.0)
    px, py = ax - u * bx, ay - u * by
    return px * px + py * py


# ---- the task ----
@functools.cache
def _named(name: str) -> Environment:
    return _environment(f"maze_{name}", FLOOR_PLANS[name])


def maze(plan: str | FloorPlan = "medium") -> Environment:
    r"""The environment of a floor plan. 10 inputs, 2 outputs from 0 to 1.

    | option | meaning |
    |---|---|
    | `maze` | an `Environment` |
    | `plan` | "medium", "hard", or a `FloorPlan` of your own |

    ValueError or TypeError for another name, walls that are not (W, 4) finite numbers or have no length, a start that
    touches a wall, and a goal or heading that are no finite numbers.

    A network that does nothing stays where it is:

    >>> from minidl.evolution import Genome, play
    >>> idle = Genome.from_edges([], n_inputs=10, n_outputs=2).network()
    >>> episode = play(idle, maze("hard"))
    >>> episode["steps"], episode["state"][:2]
    (400, array([30., 30.]))
    """
    if isinstance(plan, FloorPlan):
        return _environment("maze", _checked(plan))
    return _named(check.option("maze", "plan", plan, FLOOR_PLANS))


def _environment(name: str, plan: FloorPlan) -> Environment:
    walls, heading = plan.walls, plan.heading * DEGREE
    start_x, start_y = plan.start
    goal_x, goal_y = plan.goal
    ends = walls.reshape(-1, 2)
    farthest = float(np.sqrt(((ends - plan.goal) ** 2).sum(axis=1).max()))

    @njit
    def reset(state, stream):
        state[:] = 0.0
        state[X], state[Y], state[HEADING] = start_x, start_y, heading

    @njit
    def observe(state, inputs):
        x, y = state[X], state[Y]
        cos, sin = cosine(state[HEADING]), sine(state[HEADING])
        for i in range(len(RAYS)):
            c, s = RAYS[i]
            nearest = RANGE
            for w in range(len(walls)):
                nearest = min(nearest, hit(x, y, cos * c - sin * s, sin * c + cos * s, walls[w]))
            inputs[i] = nearest / RANGE
        front = cos * (goal_x - x) + sin * (goal_y - y)
        left = cos * (goal_y - y) - sin * (goal_x - x)
        inputs[6] = front > abs(left)
        inputs[7] = left >= abs(front)
        inputs[8] = -front > abs(left)
        inputs[9] = -left >= abs(front) and left < 0

    @njit
    def step(state, outputs):
        state[TURNING] = clamped(state[TURNING] + (outputs[0] - 0.5), LIMIT)
        state[SPEED] = clamped(state[SPEED] + (outputs[1] - 0.5), LIMIT)
        state[HEADING] += state[TURNING] * DEGREE
        x = state[X] + state[SPEED] * cosine(state[HEADING])
        y = state[Y] + state[SPEED] * sine(state[HEADING])
        free = True
        for w in range(len(walls)):
            free = free and squared_distance(x, y, walls[w]) >= RADIUS * RADIUS
        if free:
            state[X], state[Y] = x, y
        state[TIME] += 1
        dx, dy = goal_x - state[X], goal_y - state[Y]
        distance = np.sqrt(dx * dx + dy * dy)
        if distance >= NEAR and state[TIME] < STEPS:
            return 0.0, False
        return farthest - distance, True

    return Environment(name, reset, observe, step, 6, 10, 2, STEPS)


def _checked(plan: FloorPlan) -> FloorPlan:
    who = "maze"
    try:
        walls = np.array(plan.walls, np.float64, order="C")
    except (TypeError, ValueError):
        raise check.DTypeError(f"{who}: walls must be an array of numbers, got {plan.walls!r}") from None
    check.rank(who, "walls", walls, "(W, 4)")
    check.axis_size(who, "walls", walls, 1, 4, "x and y of both ends")
    if not len(walls) or not np.isfinite(walls).all():
        raise ValueError(f"{who}: walls must be finite numbers, of at least one wall, got {plan.walls!r}")
    if (walls[:, :2] == walls[:, 2:]).all(axis=1).any():
        raise ValueError(f"{who}: wall {(walls[:, :2] == walls[:, 2:]).all(axis=1).argmax()} has no length")
    start, goal = (_point(who, name, getattr(plan, name)) for name in ("start", "goal"))
    for w, wall in enumerate(walls):
        if squared_distance(*start, wall) < RADIUS * RADIUS:
            raise ValueError(f"{who}: the start {start} is nearer to wall {w} than the robot's radius {RADIUS:g}")
    return FloorPlan(walls, start, goal, check.number(who, "heading", plan.heading))


def _point(who: str, name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 2:
        raise check.DTypeError(f"{who}: {name} must be (x, y), got {value!r}")
    return check.number(who, name, value[0]), check.number(who, name, value[1])


def illustrate(ax: Any) -> None:
    r"""The medium maze, and the way of one robot from the circle to the star (orange): a network without hidden nodes,
    one of 2,000 with random weights, which turns away from walls before it meets them. The blue lines are what it
    senses at three of its 241 steps: how far the next wall is in six directions, as far as 100 units."""
    turning = [0.1, -1.1, 0.7, -0.2, 0.8, -0.8, 0.0, 0.7, -1.7, -0.1, 0.2]
    speed = [2.2, 0.4, 0.2, 2.4, 0.1, -0.9, 0.4, 0.2, 0.5, -0.9, -0.2]
    edges = [(i, o, w) for o, weights in ((11, turning), (12, speed)) for i, w in enumerate(weights)]
    episode = play(Genome.from_edges(edges, n_inputs=10, n_outputs=2).network(), maze("medium"))
    states = episode["states"]
    plot_maze(FLOOR_PLANS["medium"], path=states[:, :2], ax=ax).set_title("")
    for t in (5, 90, 170):
        x, y, heading = states[t, :3]
        for (cos, sin), distance in zip(RAYS, RANGE * episode["inputs"][t, :6], strict=True):
            angle = heading + np.arctan2(sin, cos)
            ax.plot([x, x + distance * np.cos(angle)], [y, y + distance * np.sin(angle)], color="C0", linewidth=0.8)
