r"""The adding problem: remember two numbers that are far apart, and add them (S. Hochreiter, J. Schmidhuber 1997)."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import generator, n_rows


def make_adding_problem(n_samples: int = 100, length: int = 100, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Sequences of numbers, two of which are marked; the target is their sum.

    $$ x_{nt} = (v_{nt}, m_{nt}), \qquad y_n = \sum_t m_{nt} v_{nt} $$

    with values $v \sim U(0, 1)$ and markers m that are 1 at two steps and 0 elsewhere: at one step of the first half,
    $t < \lfloor T/2 \rfloor$, and one of the second, each of them drawn evenly. Everything between is noise that a
    network has to let pass, while it keeps the first number.

    Who has learned nothing but the mean says 1, and has a mean squared error of $\mathrm{var}(y) = 2/12 = 1/6$ (0.167):
    what stays there has not solved the problem, whatever its curve looks like. Below 0.01 it is solved.

    Returns x float32 (n_samples, length, 2) and y float32 (n_samples, 1).
    Raises ValueError for n_samples < 1, length < 2 or seed < 0. Hochreiter and Schmidhuber 1997, Neural Computation 9,
    experiment 4 (there with values from -1 to 1, and lengths that vary).

    >>> x, y = make_adding_problem(1000, 50)
    >>> x.shape, y.shape, bool(np.allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), y[:, 0]))
    ((1000, 50, 2), (1000, 1), True)
    >>> round(float(((y - 1) ** 2).mean()), 2)
    0.17
    """
    who = "make_adding_problem"
    N = n_rows(who, n_samples)
    T = check.integer(who, "length", length, low=2, high=check.LIMIT)
    rng = generator(who, seed)
    check.room(who, "x", (N, T, 2))
    x = np.zeros((N, T, 2), np.float32)
    x[:, :, 0] = rng.random((N, T), dtype=np.float32)
    n, half = np.arange(N), T // 2
    first, second = rng.integers(0, half, N), rng.integers(half, T, N)
    x[n, first, 1] = x[n, second, 1] = 1
    return x, x[n, first, :1] + x[n, second, :1]
