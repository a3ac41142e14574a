r"""erfc: the complementary error function, the area under the bell curve to the right of a point.

    erfc(x) = 2 / sqrt(pi) * integral from x to infinity of exp(-t*t) dt = 1 - erf(x)

The distribution function of the normal distribution is erfc(-x / sqrt(2)) / 2, and unlike (1 + erf(x / sqrt(2))) / 2 it
keeps all its digits in the left tail. NumPy has neither function; C has both.

The reference computes them from two classical expansions (Abramowitz and Stegun 1964):

    |x| < 1.5:  erf(x)  = 2 / sqrt(pi) * exp(-x*x) * sum over n of 2^n x^(2n+1) / (1 * 3 * 5 ... (2n+1))       (7.1.6)
    x >= 1.5:   erfc(x) = exp(-x*x) / sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ...))))         (7.1.14)

All terms of the sum are of one sign, so nothing cancels; 40 of them are exact to rounding at 1.5, and so are 100 steps
of the fraction. For x < 0: erfc(x) = 2 - erfc(-x). exp(-x*x) needs care: x*x is rounded, and an error of one part in
10^16 of x*x = 600 is one of 6 * 10^-14 of its exponential. With x = s + (x - s), where s is x rounded to 1/32 (so
that s*s is exact), it is exp(-s*s) * exp(-(x - s) * (x + s)).

Shapes: x and the result any.
"""

import math
from typing import Any

import numpy as np

from minidl.backend import REFERENCE, elementwise, on_gpu, xp_of
from minidl.jit import njit


# ---- reference ----
def erfc_ref(xp: Any, x: Any) -> Any:
    z = xp.minimum(abs(x), 30.0)  # erfc(30) is 0 in float64
    s = xp.rint(z * 32) / 32
    bell = xp.exp(-s * s) * xp.exp(-(z - s) * (z + s))
    small = xp.minimum(z, 1.5)
    term = total = small
    for n in range(1, 40):
        term = term * (2 * small * small / (2 * n + 1))
        total = total + term
    large = xp.maximum(z, 1.5)
    fraction = large
    for n in range(100, 0, -1):
        fraction = large + n / 2 / fraction
    right = xp.where(z < 1.5, 1 - 2 / math.sqrt(math.pi) * bell * total, bell / math.sqrt(math.pi) / fraction)
    return xp.where(x < 0, 2 - right, right)


# ---- CPU ----
@njit
def erfc_cpu(x, y):
    for i in range(x.size):
        y[i] = math.erfc(x[i])


# ---- GPU ----
ERFC_GPU = ("T x", "T y", "y = erfc(x);", "minidl_erfc")


# ---- what layers call ----
def erfc(x: Any) -> Any:
    r"""erfc of every entry of a float array.

    >>> erfc(np.array([-1.0, 0.0, 1.0]))
    array([1.84270079, 1.        , 0.15729921])
    """
    xp = xp_of(x)
    if REFERENCE:
        return erfc_ref(xp, x)
    y = xp.empty(x.shape, x.dtype)
    if on_gpu(x):
        elementwise(*ERFC_GPU)(x, y)
    else:
        erfc_cpu(np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y
