r"""Two poles on one cart, balanced by pushing the cart: the task on which NEAT was measured.

The long pole falls slowly, the short one fast; a force F on the cart must keep both up, and the cart on its track.
Wieland's equations (1991, IJCNN) for the position x of the cart and the angles $\theta_i$ of the poles from the upright
(i = 1: the long one, i = 2: the short one):

$$ \ddot x = \frac{F + f_1 + f_2}{M + \tilde m_1 + \tilde m_2}, \qquad
   \ddot\theta_i = -\frac{3}{4 l_i} (\ddot x \cos\theta_i + g \sin\theta_i + q_i) $$

$$ f_i = m_i l_i \dot\theta_i^2 \sin\theta_i + \tfrac34 m_i \cos\theta_i (q_i + g \sin\theta_i), \qquad
   \tilde m_i = m_i (1 - \tfrac34 \cos^2\theta_i), \qquad q_i = \frac{\mu \dot\theta_i}{m_i l_i} $$

| letter | meaning | value |
|---|---|---|
| M | mass of the cart | 1 kg |
| $m_1, m_2$ | masses of the poles | 0.1, 0.01 kg |
| $l_1, l_2$ | *half* the lengths of the poles | 0.5, 0.05 m |
| $\mu$ | friction of the joints | 0.000002 |
| g | gravity, downwards | -9.8 m/s² |
| F | force, for an output o of the network | 20 (o - 1/2) N |

The network acts every 0.02 s; in between the equations are integrated by two steps of Runge and Kutta's method (4th
order, h = 0.01 s). The poles have fallen where |x| > 2.4 m or an angle is above 36 degrees (0.628329 rad). An episode
starts with the long pole at 0.07 rad and all else 0 (so does the authors' program; the paper says 1 degree).

*With velocities* the network sees x / 4.8, ẋ / 2, $\theta_1$ / 0.52, $\dot\theta_1$ / 2, $\theta_2$ / 0.52,
$\dot\theta_2$ / 2; its fitness is the number of steps for which the poles stood, and 100,000 of them are a solution.

*Without velocities* it sees x / 4.8, $\theta_1$ / 0.52, $\theta_2$ / 0.52 only, and must remember. If the poles stood
for t of 1000 steps, fitness is $0.1 t / 1000 + 0.9 f$, where $f = 0$ for t < 100, else
$f = 0.75 / \sum (|x| + |\dot x| + |\theta_1| + |\dot\theta_1|)$ over the last 100 of them (Gruau, Whitley and Pyeatt
1996), which is 0 for networks that merely swing to and fro.

The published experiments give the network a constant 0.5 as another input: that is the bias node (`bias=0.5`).

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 4.2; Wieland 1991, IJCNN, for the equations.

Try it:
1. Multiply the six weights of the regulator in `survives` by 0.7 or by 3: it stands for 100,000 steps all the same. By
   0.5: the poles fall after 45 steps, by 0.3: after 29; without any force after 23. Its `generalisation` is 509.
2. Set one of the weights to 0. Without x nothing falls in 1,000 steps; without its speed it is over after 551; without
   the long pole's angle or speed after 84 and 48, without the short pole's after 10 and 6: the fast pole comes first.
3. `evolve(NEATConfig.preset("paper_2002_small", 6, 1, bias=0.5), rollout=double_pole(), until=100_000)` with the seeds
   0 to 4: solved after 13,377, 1,514, 1,433, 398 and 2,645 evaluations, three times without a hidden node.
"""

import functools
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.environment import Environment
from minidl.evolution.genome import Genome
from minidl.evolution.nets import Network
from minidl.evolution.rollout import play, rollout
from minidl.jit import njit
from minidl.plot.tasks import plot_double_pole
from minidl.scalar import sine

__all__ = ["double_pole", "generalisation", "survives"]

CART = 1.0
MASSES = (0.1, 0.01)
HALF_LENGTHS = (0.5, 0.05)
FRICTION = 0.000002
GRAVITY = -9.8
H = 0.01
TRACK = 2.4
ANGLE = 0.628329
LONG = 100_000  # steps that are a solution
SHORT = 1000  # steps without velocities, and from each start of the generalisation test
CALM = 100  # the last so many of them make f
# places in the state: x, dx, theta_1, dtheta_1, theta_2, dtheta_2; and, where f is wanted, t and the CALM sums
T, SUMS = 6, 7
HALF_PI = 1.5707963267948966


# ---- motion ----
@njit
def pole(i, theta, omega):
    """cos, g sin + q, f and the effective mass of pole i."""
    m, l = MASSES[i], HALF_LENGTHS[i]
    sin, cos = sine(theta), sine(HALF_PI - abs(theta))  # in this form cos is even to the last bit
    pull = GRAVITY * sin + FRICTION * omega / (m * l)
    return cos, pull, m * l * omega * omega * sin + 0.75 * m * cos * pull, m * (1 - 0.75 * cos * cos)


@njit
def slope(s, force):
    """The derivatives of s = (x, dx, theta_1, dtheta_1, theta_2, dtheta_2)."""
    cos_1, pull_1, f_1, m_1 = pole(0, s[2], s[3])
    cos_2, pull_2, f_2, m_2 = pole(1, s[4], s[5])
    a = (force + f_1 + f_2) / (CART + m_1 + m_2)
    alpha_1 = -0.75 / HALF_LENGTHS[0] * (a * cos_1 + pull_1)
    alpha_2 = -0.75 / HALF_LENGTHS[1] * (a * cos_2 + pull_2)
    return s[1], a, s[3], alpha_1, s[5], alpha_2


@njit
def along(s, h, k):
    """s + h k"""
    return s[0] + h * k[0], s[1] + h * k[1], s[2] + h * k[2], s[3] + h * k[3], s[4] + h * k[4], s[5] + h * k[5]


@njit
def runge_kutta(s, force, h):
    """s after h seconds: s + h/6 (k1 + 2 k2 + 2 k3 + k4)."""
    k1 = slope(s, force)
    k2 = slope(along(s, h / 2, k1), force)
    k3 = slope(along(s, h / 2, k2), force)
    k4 = slope(along(s, h, k3), force)
    return along(s, h / 6, along(along(k1, 2.0, along(k2, 1.0, k3)), 1.0, k4))


@njit
def move(state, outputs):
    """One action. Returns whether the poles stand."""
    force = 20 * (outputs[0] - 0.5)
    s = state[0], state[1], state[2], state[3], state[4], state[5]
    s = runge_kutta(runge_kutta(s, force, H), force, H)
    state[0], state[1], state[2], state[3], state[4], state[5] = s
    return abs(s[0]) <= TRACK and abs(s[2]) <= ANGLE and abs(s[4]) <= ANGLE


# ---- the two tasks ----
@njit
def reset(state, stream):
    state[:] = 0.0
    state[2] = 0.07


@njit
def observe_all(state, inputs):
    for i in range(0, 6, 2):
        inputs[i] = state[i] / (4.8 if i == 0 else 0.52)
        inputs[i + 1] = state[i + 1] / 2


@njit
def observe_positions(state, inputs):
    inputs[0] = state[0] / 4.8
    inputs[1] = state[2] / 0.52
    inputs[2] = state[4] / 0.52


@njit
def step(state, outputs):
    """The reward is 1 as long as the poles stand."""
    stand = move(state, outputs)
    return (1.0 if stand else 0.0), not stand


@njit
def step_calm(state, outputs):
    """The reward comes at the end: Gruau's fitness."""
    stand = move(state, outputs)
    t = int(state[T])
    if stand:
        state[SUMS + t % CALM] = abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])
        t += 1
        state[T] = t
    if stand and t < SHORT:
        return 0.0, False
    f = 0.0
    if t >= CALM:
        total = 0.0
        for i in range(CALM):
            total += state[SUMS + i]
        f = 0.75 / total
    return 0.1 * t / SHORT + 0.9 * f, True


@functools.lru_cache(typed=True)  # 1 is not True
def double_pole(velocities: bool = True) -> Environment:
    r"""Double pole balancing, with velocities (6 inputs) or without (3 inputs); one output, from 0 to 1.

    | option | meaning |
    |---|---|
    | `double_pole` | an `Environment` |
    | `velocities` | whether the network sees how fast things move |

    A network without links says 1/2, which is no force. The poles stand for a moment:

    >>> from minidl.evolution import Genome, play
    >>> idle = Genome.from_edges([], n_inputs=6, n_outputs=1).network()
    >>> play(idle, double_pole())["fitness"]
    22.0
    """
    check.option("double_pole", "velocities", velocities, (True, False))
    if velocities:
        return Environment("double_pole", reset, observe_all, step, 6, 6, 1, LONG)
    return Environment("double_pole_calm", reset, observe_positions, step_calm, SUMS + CALM, 3, 1, SHORT)


# ---- tests of a solution ----
def survives(network: Network, steps: int = LONG) -> bool:
    r"""Whether the network, with velocities or without, holds both poles up for so many steps.

    | option | meaning |
    |---|---|
    | `survives` | True or False |
    | `network`, `steps` | a `Network` of 6 or 3 inputs; 0.02 s each |

    A linear regulator does, here with six weights (of x, its speed, ...) and a sigmoid to keep the force in bounds:

    >>> from minidl.evolution import Genome
    >>> weights = -0.75, -0.46, -1.6, -1.62, 1.03, 0.34
    >>> regulator = Genome.from_edges([(i, 7, w) for i, w in enumerate(weights)], n_inputs=6, n_outputs=1, bias=0.5)
    >>> survives(regulator.network())
    True
    """
    steps = check.size("survives", "steps", steps)
    return bool(rollout(network, _standing("survives", network), max_steps=steps)["fitness"][0] == steps)


def generalisation(network: Network) -> int:
    r"""From how many of 625 starts the network, with velocities or without, holds both poles up for 1000 steps.

    | option | meaning |
    |---|---|
    | `generalisation` | 0 to 625 |
    | `network` | a `Network` of 6 or 3 inputs |

    The starts are all combinations of 0.05, 0.25, 0.5, 0.75 and 0.95 of the way through the ranges x in +-2.16 m, its
    speed in +-1.35 m/s, the long pole's angle in +-3.6 degrees, and its speed in +-8.6 degrees/s; the short pole is
    upright and still (Gruau, Whitley and Pyeatt 1996). 200 are wanted of a solution without velocities.

    >>> from minidl.evolution import Genome
    >>> generalisation(Genome.from_edges([], n_inputs=3, n_outputs=1).network())
    5
    """
    result = rollout(network, _standing("generalisation", network), start=starts(), max_steps=SHORT)
    return int((result["fitness"] == SHORT).sum())


def starts() -> np.ndarray:
    """The 625 states (625, 6) of the generalisation test."""
    ranges = 2.16, 1.35, np.deg2rad(3.6), np.deg2rad(8.6)
    way = 2 * np.array([0.05, 0.25, 0.5, 0.75, 0.95]) - 1
    states = np.zeros((len(way) ** 4, 6))
    states[:, :4] = np.stack(np.meshgrid(*(way * r for r in ranges), indexing="ij"), axis=-1).reshape(-1, 4)
    return states


def _standing(who: str, network: Network) -> Environment:
    """The task of standing, for a network that sees velocities or does not."""
    if not isinstance(network, Network):
        raise check.DTypeError(f"{who}: network must be a Network, got {type(network).__name__}")
    check.option(who, "the number of the network's inputs", network.n_inputs, (6, 3))
    observe = observe_all if network.n_inputs == 6 else observe_positions
    return Environment("standing", reset, observe, step, 6, network.n_inputs, 1, LONG)


def illustrate(ax: Any) -> None:
    r"""The regulator of `survives` on its way: the cart at the start, after 0.3 seconds and after 1.2, and below both
    angles over time (blue: the long pole, orange: the short one). To catch a pole that leans to the right the cart has
    to go to the right, under it. Dashed: half the gain is not enough, and the short pole falls."""
    ax.axis("off")
    curves = ax.inset_axes([0.08, 0.14, 0.9, 0.5], xlabel="seconds", ylabel="degrees", ylim=(-15, 36))
    for gain, style in ((1.0, "-"), (0.5, "--")):
        weights = [gain * w for w in (-0.75, -0.46, -1.6, -1.62, 1.03, 0.34)]
        regulator = Genome.from_edges([(i, 7, w) for i, w in enumerate(weights)], n_inputs=6, n_outputs=1, bias=0.5)
        states = play(regulator.network(), double_pole(), max_steps=150)["states"]
        for column, colour in ((4, "C1"), (2, "C0")):
            curves.plot(0.02 * np.arange(len(states)), np.rad2deg(states[:, column]), style, color=colour)
        if gain == 1.0:
            for k, t in enumerate((0, 15, 60)):
                panel = ax.inset_axes([0.02 + 0.33 * k, 0.66, 0.31, 0.34])
                plot_double_pole(states[t], ax=panel)
                panel.set(title="", xlabel=f"{0.02 * t:.1f} s", xticks=[], xlim=(-1.2, 1.2))
