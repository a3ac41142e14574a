r"""The radial functions of RBF units: what a unit answers at the scaled squared distance $s = \beta \|x - c\|^2$.

| name | $\varphi(s)$ | $\varphi'(s)$ | $\ln \varphi$ | $(\ln \varphi)'$ |
|---|---|---|---|---|
| "gaussian" | $e^{-s}$ | $-\varphi$ | $-s$ | $-1$ |
| "multiquadric" | $\sqrt{1 + s}$ | $1 / (2 \varphi)$ | $\frac12 \ln (1 + s)$ | $1 / (2 (1 + s))$ |
| "inverse_multiquadric" | $1 / \sqrt{1 + s}$ | $-\varphi / (2 (1 + s))$ | $-\frac12 \ln (1 + s)$ | $-1 / (2 (1 + s))$ |
| "thin_plate" | $\frac12 s \ln s$ | $\frac12 (\ln s + 1)$ | | |

The thin plate is $r^2 \ln r$ with $r = \sqrt s$, and goes to 0 at s = 0. Its slope there is infinite, but is only ever
multiplied by s or by x - c, which go to 0 faster: so any finite number in its place gives the right gradients, all 0.

Source: Micchelli 1986, Constructive Approximation 2 (the first three can interpolate any data, with a prototype on each
row; thin plates only with a linear function added); Duchon 1977 (thin plates).

Try it:
1. Give "gaussian" the slope `lambda s, phi: phi`: the gradient check of RBF fails in each row with a plain gaussian (5
   of 9), with the opposite sign; the normalised row passes, as it uses the slope of the logarithm.
2. Add "cauchy", with the value $\varphi = 1 / (1 + s)$ and the slope $-\varphi^2$, the logarithm $-\ln(1 + s)$ and its
   slope $-1 / (1 + s)$: `RBF(2, 3, radial="cauchy")` works at once, and the gradient check has a tenth row.
3. In `_log`, return `xp.log(s)`: a row that sits on a prototype of a thin plate becomes NaN, 0 times minus infinity.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.backend import xp_of


class Radial(NamedTuple):
    r"""A function of s >= 0: its value, its slope from (s, value), and the same of its logarithm, if it has one."""

    value: Callable
    slope: Callable
    log: Callable | None
    log_slope: Callable | None


def _log(s: Any) -> Any:
    """ln s; at 0 a number that is multiplied by 0."""
    xp = xp_of(s)
    return xp.log(xp.maximum(s, np.finfo(s.dtype).tiny))


def _bell(s: Any) -> Any:
    e = -s
    return xp_of(e).exp(e, out=e)


RADIAL = {
    "gaussian": Radial(
        value=_bell,
        slope=lambda s, phi: -phi,
        log=lambda s: -s,
        log_slope=lambda s: -1,
    ),
    "multiquadric": Radial(
        value=lambda s: xp_of(s).sqrt(1 + s),
        slope=lambda s, phi: 0.5 / phi,
        log=lambda s: 0.5 * xp_of(s).log1p(s),
        log_slope=lambda s: 0.5 / (1 + s),
    ),
    "inverse_multiquadric": Radial(
        value=lambda s: 1 / xp_of(s).sqrt(1 + s),
        slope=lambda s, phi: -0.5 * phi / (1 + s),
        log=lambda s: -0.5 * xp_of(s).log1p(s),
        log_slope=lambda s: -0.5 / (1 + s),
    ),
    "thin_plate": Radial(
        value=lambda s: 0.5 * s * _log(s),
        slope=lambda s, phi: 0.5 * (_log(s) + 1),
        log=None,
        log_slope=None,
    ),
}


def radial_of(who: str, radial: str, normalised: bool) -> Radial:
    r"""The functions of that name. ValueError for another one, or where they cannot be normalised.

    >>> radial_of("RBF", "thin_plate", normalised=True)
    Traceback (most recent call last):
    ...
    ValueError: RBF: normalised=True needs a radial function that is positive, got 'thin_plate'
    """
    functions = RADIAL[check.option(who, "radial", radial, RADIAL)]
    if check.option(who, "normalised", normalised, (True, False)) and functions.log is None:
        raise ValueError(f"{who}: normalised=True needs a radial function that is positive, got {radial!r}")
    return functions


def illustrate(ax: Any) -> None:
    r"""What a unit with $\beta = 1$ answers at the distance r from its prototype, and dashed the slope in s that
    backward multiplies with. The bell is nothing beyond r = 3, and so is its slope: a far row neither sees the unit
    nor moves it. The inverse multiquadric has a long tail; the other two grow, and are heard everywhere."""
    r = np.linspace(0, 4, 121)
    for color, (name, functions) in zip(("C0", "C1", "C2", "C3"), RADIAL.items(), strict=True):
        phi = functions.value(r * r)
        ax.plot(r, phi, color, label=name)
        ax.plot(r, functions.slope(r * r, phi), color, linestyle="dashed")
    ax.legend(loc="upper left")
    ax.set(xlabel=r"$r = \sqrt{s}$", ylabel=r"$\varphi(s)$, and dashed: $\varphi'(s)$", ylim=(-1.2, 4))
