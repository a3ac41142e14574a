"""Double pole against mechanics derived anew, mazes against plain geometry, and what is no environment."""

import importlib
import math
import types

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minidl.evolution import FLOOR_PLANS, Environment, FloorPlan, double_pole, maze
from minidl.evolution.environment import python
from minidl.evolution.stream import Stream
from minidl.jit import njit

# the files; in the package their functions have these names
poles, mazes = (importlib.import_module(f"minidl.evolution.{name}") for name in ("double_pole", "maze"))


def plain(function, **constants):
    """The function as it was written, and so all of minidl that it calls; with other values of its constants."""
    function = python(function)
    known = dict(function.__globals__)
    for name in function.__code__.co_names:
        callee = python(known.get(name))
        if isinstance(callee, types.FunctionType) and callee.__module__.startswith(
            ("minidl.evolution", "minidl.scalar")
        ):
            known[name] = plain(callee, **constants)
    known.update(constants)
    return types.FunctionType(function.__code__, known, function.__name__, None, function.__closure__)


def episode(env, act, start=None):
    """fitness, and all states; act(t) are the outputs of step t."""
    state = np.zeros(env.n_state)
    env.reset(state, np.array([Stream(0).state], np.uint64))
    if start is not None:
        state[: len(start)] = start
    states, total = [state.copy()], 0.0
    for t in range(env.max_steps):
        reward, done = env.step(state, np.asarray(act(t), np.float64))
        total += reward
        states.append(state.copy())
        if done:
            break
    return total, np.array(states)


# ---- double pole: Lagrange's equations, in place of Wieland's ----
M, MASS, HALF, MU, G = 1.0, (0.1, 0.01), (0.5, 0.05), 2e-6, 9.8


def energy(s):
    """Of a cart and two rods of uniform mass, whose centres are at x + l sin theta, l cos theta."""
    dx = s[1]
    total = M * dx**2 / 2
    for m, l, theta, omega in zip(MASS, HALF, s[2::2], s[3::2], strict=True):
        vx, vy = dx + l * math.cos(theta) * omega, -l * math.sin(theta) * omega
        inertia = m * (2 * l) ** 2 / 12
        total += m * (vx**2 + vy**2) / 2 + inertia * omega**2 / 2 + m * G * l * math.cos(theta)
    return total


def lagrange(s, force):
    """d/dt (dL/dq') - dL/dq = what pushes, for q = x, theta_1, theta_2: three linear equations for q''."""
    a, b = np.zeros((3, 3)), np.array([force, 0.0, 0.0])
    a[0, 0] = M + sum(MASS)
    for i, (m, l, theta, omega) in enumerate(zip(MASS, HALF, s[2::2], s[3::2], strict=True), start=1):
        a[0, i] = a[i, 0] = m * l * math.cos(theta)
        a[i, i] = m * l**2 + m * (2 * l) ** 2 / 12
        b[0] += m * l * omega**2 * math.sin(theta)
        b[i] = m * G * l * math.sin(theta) - MU * omega
    x, theta_1, theta_2 = np.linalg.solve(a, b)
    return np.array([s[1], x, s[3], theta_1, s[5], theta_2])


numbers = st.floats(-2, 2, allow_subnormal=False)
states = st.tuples(numbers, numbers, *[st.floats(-1, 1, allow_subnormal=False), st.floats(-8, 8)] * 2)


@given(states, st.floats(-10, 10))
def test_wielands_equations_are_those_of_lagrange(s, force):
    np.testing.assert_allclose(poles.slope(s, force), lagrange(s, force), rtol=1e-11, atol=1e-10)


@given(states, st.floats(0, 1))
def test_an_action_is_20_milliseconds_of_motion(s, output):
    for velocities in (True, False):
        env = double_pole(velocities)
        state = np.zeros(env.n_state)
        state[:6] = s
        env.step(state, np.array([output]))
        exact, h = np.array(s), 0.02 / 50
        for _ in range(50):
            middle = exact + h / 2 * lagrange(exact, 20 * (output - 0.5))
            exact = exact + h * lagrange(middle, 20 * (output - 0.5))
        np.testing.assert_allclose(state[:6], exact, rtol=2e-4, atol=2e-4)


def test_an_action_is_two_steps_of_a_method_of_fourth_order():
    """Its error against thousands of small steps of another method shrinks with the fourth power of h."""
    start = np.array([0.3, -0.5, 0.07, 0.4, -0.1, 1.1])
    exact, h = start.copy(), 0.02 / 4000
    for _ in range(4000):
        exact = exact + h * lagrange(exact + h / 2 * lagrange(exact, 4.0), 4.0)
    error, results = [], []
    for n in (2, 4, 8):
        s = tuple(start)
        for _ in range(n):
            s = poles.runge_kutta(s, 4.0, 0.02 / n)
        results.append(s)
        error.append(abs(np.array(s) - exact).max())
    assert error[0] < 1e-5 and error[0] > 12 * error[1] > 12**2 * error[2] > 0
    double_pole().step(start, np.array([0.7]))
    np.testing.assert_allclose(start, results[0], rtol=0, atol=1e-14)  # 20 (0.7 - 0.5) is not exactly 4


def test_without_friction_and_force_energy_stays():
    """The error of Runge and Kutta's method shrinks at least with the fourth power of h."""
    advance = plain(poles.runge_kutta, FRICTION=0.0)
    drift = []
    for h in (0.01, 0.005, 0.0025):
        s = start = (0.0, 0.5, 0.07, 0.0, 0.2, -0.5)
        for _ in range(round(1 / h)):
            s = advance(s, 0.0, h)
        drift.append(abs(energy(s) - energy(start)))
    assert max(abs(v) for v in s[2::2]) > 1  # the poles swing through
    assert drift[0] < 1e-3 and drift[0] > 14 * drift[1] > 14**2 * drift[2] > 0


def test_friction_takes_energy():
    s = start = (0.0, 0.5, 0.07, 0.0, 0.2, -0.5)
    for _ in range(1000):
        s = plain(poles.runge_kutta, FRICTION=1e-3)(s, 0.0, 0.001)
    assert energy(s) < energy(start) - 1e-4


@given(states, st.integers(0, 64))
def test_mirrored_states_and_actions_have_mirrored_motion(s, o):
    left, right = np.array(s), -np.array(s)
    for _ in range(10):
        results = [double_pole().step(*side) for side in ((left, np.array([o / 64])), (right, np.array([1 - o / 64])))]
        assert (left == -right).all() and results[0] == results[1]


def test_the_start_and_what_is_seen():
    state, all_of_it, positions = np.full(107, np.nan), np.zeros(6), np.zeros(3)
    for env in (double_pole(), double_pole(velocities=False)):
        env.reset(state[: env.n_state], np.zeros(1, np.uint64))
        assert state[:6].tolist() == [0, 0, 0.07, 0, 0, 0] and not state[6 : env.n_state].any()
    state[:6] = 2.4, -1, 0.52, 3, -0.26, 4
    double_pole().observe(state[:6], all_of_it)
    assert all_of_it.tolist() == [0.5, -0.5, 1, 1.5, -0.5, 2]
    double_pole(velocities=False).observe(state, positions)
    assert positions.tolist() == [0.5, 1, -0.5]
    assert [double_pole().max_steps, double_pole(False).max_steps] == [100_000, 1000]


@pytest.mark.parametrize(("place", "limit"), [(0, 2.4), (2, 0.628329), (4, 0.628329)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_where_it_has_fallen(place, limit, sign):
    ends = {True: [], False: []}
    for part in np.linspace(0.96, 1.01, 1001):  # a short pole moves by 3 % in one action
        state = np.zeros(6)
        state[place] = sign * limit * part
        reward, done = double_pole().step(state, np.array([0.5]))
        assert reward == 1 - done
        ends[done].append(abs(state[place]))
    assert limit - 2e-4 < max(ends[False]) <= limit < min(ends[True]) < limit + 2e-4


@pytest.mark.parametrize("output", [0, 0.4, 0.5, 0.6, 1])
def test_whoever_pushes_without_looking_drops_the_poles_at_once(output):
    fitness, history = episode(double_pole(), lambda t: [output])
    assert fitness == len(history) - 2 < 60
    assert episode(double_pole(False), lambda t: [output])[0] == pytest.approx(0.1 * fitness / 1000, rel=1e-12)


@pytest.mark.parametrize("speed", [0.1, 0.5, 1.195, 1.5])
def test_gruaus_fitness_of_a_cart_that_rolls_with_upright_poles(speed):
    """With upright poles that do not turn, and no force, the cart keeps its speed until the track ends."""
    t = min(1000, int(2.4 / (0.02 * speed)))
    fitness, history = episode(double_pole(False), lambda t: [0.5], start=[0, speed, 0, 0, 0, 0])
    assert len(history) - 1 == (1000 if speed == 0.1 else t + 1)
    last = np.arange(t - 99, t + 1) * 0.02 * speed + speed
    wanted = 0.1 * t / 1000 + (0.9 * 0.75 / last.sum() if t >= 100 else 0)
    assert fitness == pytest.approx(wanted, rel=1e-9)
    assert (t < 100) == (speed == 1.5)


def test_the_625_starts():
    starts = poles.starts()
    assert starts.shape == (625, 6) and len(np.unique(starts, axis=0)) == 625 and not starts[:, 4:].any()
    limits = np.array([2.16, 1.35, np.pi * 3.6 / 180, np.pi * 8.6 / 180])
    np.testing.assert_allclose(starts[:, :4].max(axis=0), 0.9 * limits)
    np.testing.assert_allclose(starts.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.unique(starts[:, 0] / 2.16).round(9), [-0.9, -0.5, 0, 0.5, 0.9])


# ---- maze ----
DEGREES = (-90, -45, 0, 45, 90, 180)
PLANS = sorted(FLOOR_PLANS)


def seen(env, x, y, degrees):
    inputs = np.full(10, np.nan)
    env.observe(np.array([x, y, np.deg2rad(degrees), 0, 0, 0]), inputs)
    return inputs


def naive_range(walls, x, y, degrees):
    """The nearest of all points that a ray shares with walls, by two linear equations each."""
    direction = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    distances = [100.0]
    for wall in walls:
        a, b = wall[:2], wall[2:]
        t, u = np.linalg.solve(np.stack([direction, a - b], axis=1), a - [x, y])
        if t >= 0 and 0 <= u <= 1:
            distances.append(t)
    return min(distances) / 100


def clearance(walls, x, y):
    """The distance to the nearest of many points of all walls."""
    u = np.linspace(0, 1, 2001)[:, None, None]
    points = (1 - u) * walls[:, :2] + u * walls[:, 2:]
    return np.hypot(points[..., 0] - x, points[..., 1] - y).min()


def crosses(p, q, wall):
    """Whether two segments cross: each has the ends of the other on two sides."""

    def side(a, b, c):
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    a, b = wall[:2], wall[2:]
    return side(p, q, a) * side(p, q, b) < 0 and side(a, b, p) * side(a, b, q) < 0


@given(st.sampled_from(PLANS), st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(-720, 720))
def test_rangefinders_see_the_nearest_wall(name, x, y, degrees):
    walls = FLOOR_PLANS[name].walls
    x, y = x * walls[:, 0].max(), y * walls[:, 1].max()
    assume(clearance(walls, x, y) > 1)
    degrees += 0.123  # no ray along a wall
    wanted = [naive_range(walls, x, y, degrees + d) for d in DEGREES]
    np.testing.assert_allclose(seen(maze(name), x, y, degrees)[:6], wanted, rtol=1e-7, atol=1e-9)


coordinates = st.floats(-100, 100)


@given(st.tuples(*[coordinates] * 4), coordinates, coordinates)
def test_the_distance_to_a_wall_is_that_of_its_nearest_point(wall, x, y):
    wall = np.array(wall)
    length = math.dist(wall[:2], wall[2:])
    assume(length > 1e-3)
    wanted = clearance(wall[None], x, y)  # of 2001 points, which are that much too far away at most
    assert -1e-9 <= wanted - math.sqrt(mazes.squared_distance(x, y, wall)) <= length / 4000 + 1e-9


@pytest.mark.parametrize("name", PLANS)
def test_one_sensor_says_where_the_goal_is_even_right_there(name):
    inputs = seen(maze(name), *FLOOR_PLANS[name].goal, 0)
    assert sorted(inputs[6:]) == [0, 0, 0, 1]


@given(st.sampled_from(PLANS), st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(-180, 180))
def test_sensors_turn_with_the_heading(name, x, y, degrees):
    plan = FLOOR_PLANS[name]
    x, y = x * plan.walls[:, 0].max(), y * plan.walls[:, 1].max()
    assume(clearance(plan.walls, x, y) > 1)
    now, turned = (seen(maze(name), x, y, degrees + d) for d in (0, 90))
    for i, j in ((4, 2), (2, 0), (5, 4)):  # what was on the left is ahead, what was ahead is on the right, ...
        assert (
            turned[j] == pytest.approx(now[i], abs=1e-6) or abs(turned[j] - now[i]) > 0.01
        )  # past a corner, by a hair
    for inputs in (now, turned):
        assert sorted(inputs[6:]) == [0, 0, 0, 1]
    angle = (math.degrees(math.atan2(plan.goal[1] - y, plan.goal[0] - x)) - degrees + 45) % 360
    if abs(angle % 90 - 45) < 44.99:
        assert now[6 + int(angle // 90)] == 1
        assert np.roll(now[6:], -1).tolist() == turned[6:].tolist()


@given(st.floats(-180, 180), st.floats(-50, 50), st.floats(-50, 50), st.floats(-180, 180))
def test_a_world_that_is_turned_and_moved_looks_the_same(turn, right, up, degrees):
    def moved(points):
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        return points @ np.array([[c, s], [-s, c]]) + [right, up]

    def ends(plan):
        return moved(plan.walls.reshape(-1, 2)).reshape(-1, 4)

    plan = FLOOR_PLANS["hard"]
    start, goal = moved(np.array([plan.start, plan.goal]))
    inputs = np.zeros(10)
    state = np.array([*start, math.radians(degrees + turn + 0.321), 0, 0, 0])
    plain_maze(ends(plan), start, goal).observe(state, inputs)
    before = seen(maze("hard"), *plan.start, degrees + 0.321)
    assert (abs(before[:6] - inputs[:6]) < 1e-9).sum() >= 5  # one may pass a corner by a hair
    assert before[6:].tolist() == inputs[6:].tolist()


def plain_maze(walls, start, goal):
    """The environment, never compiled: a new one would take a second each time."""
    env = maze(FloorPlan(walls, tuple(start), tuple(goal)))
    return types.SimpleNamespace(observe=plain(env.observe), reset=plain(env.reset), step=plain(env.step))


@given(st.sampled_from(PLANS), st.lists(st.tuples(*[st.floats(0, 1)] * 2, st.integers(1, 60)), min_size=1, max_size=20))
def test_no_robot_comes_through_a_wall(name, orders):
    plan, outputs = FLOOR_PLANS[name], [o[:2] for o in orders for _ in range(o[2])]
    fitness, history = episode(maze(name), lambda t: outputs[t % len(outputs)])
    places = history[:, :2]
    for p, q in zip(places, places[1:], strict=False):
        assert math.dist(p, q) <= 3 + 1e-9
        assert not any(crosses(p, q, wall) for wall in plan.walls)
    for p in places[:: max(1, len(places) // 10)]:
        assert clearance(plan.walls, *p) >= 8 - 1e-6
    ends = plan.walls.reshape(-1, 2)
    farthest = max(math.dist(end, plan.goal) for end in ends)
    assert fitness == pytest.approx(farthest - math.dist(places[-1], plan.goal), abs=1e-9)
    assert fitness > 0


def test_how_it_moves():
    def states(act):
        return episode(maze("hard"), act)[1]

    still = states(lambda t: (0.5, 0.5))
    assert len(still) == 401 and (still[:, :5] == still[0, :5]).all() and still[-1, 5] == 400
    ahead = states(lambda t: (0.5, 1.0))
    np.testing.assert_allclose(ahead[:9, 3], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3, 3])
    np.testing.assert_allclose(ahead[:9, 1] - 30, np.cumsum(ahead[:9, 3]), atol=1e-12)
    np.testing.assert_allclose(ahead[:, 0], 30, atol=1e-9)
    assert 119 <= ahead[-1, 1] <= 122  # the wall at 130, less the radius, less what one step would have been
    assert states(lambda t: (0.5, 0.0))[20, 1] < 30
    left = states(lambda t: (1.0, 0.5))
    np.testing.assert_allclose(np.rad2deg(left[:9, 2]), 90 + np.cumsum([0, 0.5, 1, 1.5, 2, 2.5, 3, 3, 3]))


def test_who_is_near_the_goal_has_solved_it():
    plan = FLOOR_PLANS["hard"]
    fitness, history = episode(maze("hard"), lambda t: (0.5, 0.75), start=[plan.goal[0], plan.goal[1] - 6])
    assert len(history) == 4  # 0.25, 0.5 and 0.75 further: nearer than 5
    assert fitness == pytest.approx(max(math.dist(e, plan.goal) for e in plan.walls.reshape(-1, 2)) - 4.5)


@pytest.mark.parametrize(("name", "at_most"), [("medium", 600), ("hard", 700)])
def test_the_goal_can_be_reached(name, at_most):
    """A way over a grid of 5 units for a disc of radius 8; and how far from the goal it must lead."""
    plan = FLOOR_PLANS[name]
    size = plan.walls.reshape(-1, 2).max(axis=0)
    free = {
        (i, j)
        for i in range(int(size[0] // 5))
        for j in range(int(size[1] // 5))
        if clearance(plan.walls, 5 * i, 5 * j) >= 8.5
    }
    start, goal = (tuple(int(v // 5) for v in p) for p in (plan.start, plan.goal))
    way, front = {start: 0}, [start]
    for i, j in front:
        for near in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
            if near in free and near not in way:
                way[near] = way[(i, j)] + 5
                front.append(near)
    assert way[goal] < at_most  # of the 1200 units that 400 steps can make
    if name == "hard":  # what can be reached without going farther away than the start, 135, is a trap
        trap, front = {start}, [start]
        for i, j in front:
            for near in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if near in free and near not in trap and math.dist(near, goal) * 5 < 140:
                    trap.add(near)
                    front.append(near)
        assert goal not in trap and min(math.dist(p, goal) for p in trap) * 5 < 50


# ---- bad input ----
@njit
def reset(state, stream):
    state[0] = 0.0


@njit
def observe(state, inputs):
    inputs[0] = state[0]


@njit
def step(state, outputs):
    state[0] += outputs[0]
    return 1.0, state[0] > 3


def broken(name):
    """A function that does not do what it should."""

    def too_far(a, b):
        a[1], b[0] = 0.0, 0.0

    def idle(a, b):
        pass

    def only_a_number(a, b):
        return 1.0

    def no_flag(a, b):
        return 1.0, None

    def stray(a, b):
        raise KeyError("x")

    return locals()[name]


GOOD = {"reset": reset, "observe": observe, "step": step, "n_state": 1, "n_inputs": 1, "n_outputs": 1, "max_steps": 9}
MADE = {
    "name": ({"name": 3}, "Environment: name must be a string, got 3"),
    "no function": ({"reset": None}, "Environment: reset must be a function, got None"),
    "word for a function": ({"step": "step"}, "step must be a function"),
    "no state": ({"n_state": 0}, "n_state must be >= 1, got 0"),
    "half an input": ({"n_inputs": 1.5}, "n_inputs must be an integer"),
    "no steps": ({"max_steps": -1}, "max_steps must be >= 1, got -1"),
    "outside the state": (
        {"reset": broken("too_far")},
        r"Environment 'task': reset failed for arrays of 1, 1 numbers: IndexError",
    ),
    "outside the inputs": ({"observe": broken("too_far")}, "observe failed for arrays of 1, 1 numbers: IndexError"),
    "reset sets nothing": ({"reset": broken("idle")}, r"reset left state\[0\] of 1 unset"),
    "too few inputs": ({"n_inputs": 2}, r"observe left inputs\[1\] of 2 unset"),
    "an exception": ({"step": broken("stray")}, "step failed for arrays of 1, 1 numbers: KeyError: 'x'"),
    "no flag": ({"step": broken("only_a_number")}, r"step must return \(reward, done\), a float and a bool, got 1.0"),
    "None for a flag": ({"step": broken("no_flag")}, r"step must return .* got \(1.0, None\)"),
    "arguments": ({"reset": lambda state: None}, "reset failed .* TypeError"),
}
BOX = FLOOR_PLANS["hard"].walls
CALLED = {
    "velocities": (
        lambda: (double_pole(velocities=True), double_pole(velocities=1)),  # 1 == True, but is not it
        "double_pole: velocities must be one of True, False, got 1",
    ),
    "plan": (lambda: maze("easy"), "maze: plan must be one of 'medium', 'hard', got 'easy'"),
    "list": (lambda: maze([[0, 0, 1, 1]]), "maze: plan must be one of"),
    "words": (lambda: maze(FloorPlan("ab", (0, 0), (1, 1))), "maze: walls must be an array of numbers, got 'ab'"),
    "three numbers": (lambda: maze(FloorPlan(BOX[:, :3], (30, 30), (1, 1))), "maze: expected axis 1 of walls to be"),
    "one wall": (lambda: maze(FloorPlan(BOX[0], (30, 30), (1, 1))), r"maze: walls must have shape \(W, 4\)"),
    "no walls": (lambda: maze(FloorPlan(BOX[:0], (30, 30), (1, 1))), "walls must be finite numbers, of at least one"),
    "NaN": (lambda: maze(FloorPlan(BOX * np.nan, (30, 30), (1, 1))), "walls must be finite numbers"),
    "a point": (lambda: maze(FloorPlan([*BOX, [9, 9, 9, 9]], (30, 30), (1, 1))), "maze: wall 8 has no length"),
    "start in a wall": (lambda: maze(FloorPlan(BOX, (30, 5), (1, 1))), r"the start \(30.0, 5.0\) is nearer to wall 0"),
    "start": (lambda: maze(FloorPlan(BOX, 30, (1, 1))), r"maze: start must be \(x, y\), got 30"),
    "goal": (lambda: maze(FloorPlan(BOX, (30, 30), (1, math.inf))), "maze: goal must be a finite number, got inf"),
    "heading": (lambda: maze(FloorPlan(BOX, (30, 30), (1, 1), "up")), "maze: heading must be a number, got 'up'"),
}


@pytest.mark.parametrize("case", MADE)
def test_what_is_no_environment(case):
    changes, words = MADE[case]
    with pytest.raises((ValueError, TypeError), match=words):
        Environment(**{"name": "task", **GOOD, **changes})


@pytest.mark.parametrize("case", CALLED)
def test_bad_input(case):
    call, words = CALLED[case]
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@given(st.integers(1, 5), st.integers(1, 1000))
def test_sizes_are_kept(n, max_steps):
    def fill(state, stream):
        state[:] = 1.0

    def see(state, inputs):
        inputs[:] = state

    env = Environment("task", fill, see, step, np.int64(n), n, n, max_steps)
    assert (env.n_state, env.n_inputs, env.n_outputs, env.max_steps) == (n, n, n, max_steps)
    assert type(env.n_state) is int
    with pytest.raises(AttributeError):
        env.n_state = 3
