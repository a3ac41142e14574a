r"""Sine waves of unknown period and phase: the first thing to forecast."""

import numpy as np

from minidl import check
from minidl.datasets.clouds import generator, n_rows


def make_sines(
    n_samples: int = 100,
    n_steps: int = 50,
    *,
    period: tuple[float, float] = (10.0, 30.0),
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Sequences for forecasting: y is x one step later.

    $s_{nt} = \sin(2\pi t / P_n + \varphi_n) + \text{noise} \cdot \varepsilon_{nt}$, with the period $P_n$ (in steps)
    even in `period` and the phase $\varphi_n$ even in $[0, 2\pi)$. Of the T + 1 steps, x holds the first T and y the
    last T: `y[:, -1]` is the value that follows the sequence, `y` the one that follows each step. Without noise
    $s_{t+1} = 2\cos(2\pi/P)\,s_t - s_{t-1}$, so two steps determine the rest once the period is known.

    Returns x and y, both float32 (n_samples, n_steps, 1): (N, T, D) with D = 1.
    Raises ValueError for n_samples or n_steps < 1, a period < 2 (which no sampling shows) or not in order, noise < 0
    or seed < 0.

    >>> x, y = make_sines(32, 20)
    >>> x.shape, y.shape, bool((x[:, 1:] == y[:, :-1]).all())
    ((32, 20, 1), (32, 20, 1), True)
    """
    n = n_rows("make_sines", n_samples)
    n_steps = check.size("make_sines", "n_steps", n_steps)
    noise = check.number("make_sines", "noise", noise, low=0)
    rng = generator("make_sines", seed)
    try:
        shortest, longest = period
    except (TypeError, ValueError):
        raise ValueError(f"make_sines: period must be (shortest, longest), got {period!r}") from None
    shortest, longest = (check.number("make_sines", "period", p, low=2) for p in (shortest, longest))
    if shortest > longest:
        raise ValueError(f"make_sines: period must be (shortest, longest), got {period!r}")
    check.elements("make_sines", "x", (n, n_steps + 1))

    t = np.arange(n_steps + 1)
    periods = rng.uniform(shortest, longest, (n, 1))
    phases = rng.uniform(0, 2 * np.pi, (n, 1))
    series = np.sin(2 * np.pi * t / periods + phases)  # (T+1,) / (N, 1) + (N, 1) -> (N, T+1)
    series = (series + noise * rng.standard_normal(series.shape)).astype(np.float32)[:, :, None]
    return series[:, :-1].copy(), series[:, 1:].copy()
