r"""The activations of the nodes of NEAT: functions of one number, of numbers in a row, of arrays, and in C.

    for j:                                          the first m numbers of row k
        v[k, j] = f(v[k, j])

Which f is asked once, outside of the loop. Only + - * / are used, in one order, also for exp and sine (see
`minidl/scalar.py`): all four forms agree bit for bit.

With z for what a node has aggregated, and a NaN where z is one, save that "step" says 0 to it:

    sigmoid     1 / (1 + exp(-4.9 z))               linear      z
    tanh        tanh z                              absolute    |z|
    gaussian    exp(-(2.5 z)^2)                     relu        0 for z < 0, else z
    sine        sin z                               step        1 for z > 0, else 0
    cosine      sin(z + pi / 2)                     square      z^2
    signed_sigmoid, signed_gaussian                 2 f - 1

The sigmoid is that of Stanley and Miikkulainen 2002 (Evolutionary Computation 10), the others are among those of
Stanley 2007 (Genetic Programming and Evolvable Machines 8). The loops over nodes are in `network.py`.
"""

import math
from typing import Any

from minidl.jit import njit
from minidl.scalar import NEXT, PI_1, PI_2, PI_3, SINE, exp, sine, tanh

ACTIVATIONS = (
    "sigmoid", "tanh", "gaussian", "sine", "cosine", "linear", "absolute", "relu", "step", "square",
    "signed_sigmoid", "signed_gaussian",
)  # fmt: skip
HALF_PI = math.pi / 2


# ---- reference ----
def exp_ref(xp: Any, x: Any) -> Any:
    x = xp.where(x < -64, -64.0, x)
    y = xp.where(x > 64, 64.0, x) * (1 / 64)
    r = y * y
    p = 17297280.0 + r * (1995840.0 + r * (25200.0 + r * 56.0))
    q = y * (8648640.0 + r * (277200.0 + r * (1512.0 + r)))
    e = (p + q) / (p - q)
    for _ in range(6):
        e = e * e
    return e


def tanh_ref(xp: Any, x: Any) -> Any:
    x = xp.where(x < -20, -20.0, x)
    y = xp.where(x > 20, 20.0, x) * (1 / 32)
    r = y * y
    t = y * (135135.0 + r * (17325.0 + r * (378.0 + r)))
    t = t / (135135.0 + r * (62370.0 + r * (3150.0 + r * 28.0)))
    for _ in range(5):
        t = 2.0 * t / (1.0 + t * t)
    return t


def sine_ref(xp: Any, x: Any) -> Any:
    k = (x * (1 / math.pi) + NEXT) - NEXT
    r = x
    for part in ("0x1.921fb54p+1", "0x1.10b461p-29", "0x1.a62633145c06ep-57"):  # of pi
        r = r - k * float.fromhex(part)
    r = xp.where(r < -1.6, -1.6, r)
    r = xp.where(r > 1.6, 1.6, r)
    q, s = r * r, xp.zeros_like(r)
    for n in range(10, 0, -1):
        s = (-1.0) ** n / math.factorial(2 * n + 1) + q * s
    odd = k - 2.0 * ((k * 0.5 + NEXT) - NEXT)
    return (1.0 - 2.0 * odd * odd) * (r + r * q * s)


def activate_ref(xp: Any, name: str, z: Any) -> Any:
    if name.startswith("signed_"):
        return 2.0 * activate_ref(xp, name.removeprefix("signed_"), z) - 1.0
    return {
        "sigmoid": lambda: 1.0 / (1.0 + exp_ref(xp, -4.9 * z)),
        "tanh": lambda: tanh_ref(xp, z),
        "gaussian": lambda: exp_ref(xp, -((2.5 * z) * (2.5 * z))),
        "sine": lambda: sine_ref(xp, z),
        "cosine": lambda: sine_ref(xp, z + HALF_PI),
        "linear": lambda: z,
        "absolute": lambda: abs(z),
        "relu": lambda: xp.where(z < 0, 0.0, z),
        "step": lambda: (z > 0).astype(z.dtype),
        "square": lambda: z * z,
    }[name]()


# ---- CPU ----
@njit
def activated(kind, z):
    """Activation number `kind` of one number."""
    if kind == 0:
        return 1.0 / (1.0 + exp(-4.9 * z))
    if kind == 1:
        return tanh(z)
    if kind == 2:
        return exp(-((2.5 * z) * (2.5 * z)))
    if kind == 3:
        return sine(z)
    if kind == 4:
        return sine(z + HALF_PI)
    if kind == 5:
        return z
    if kind == 6:
        return abs(z)
    if kind == 7:
        return 0.0 if z < 0 else z
    if kind == 8:
        return 1.0 if z > 0 else 0.0
    if kind == 9:
        return z * z
    if kind == 10:
        return 2.0 * (1.0 / (1.0 + exp(-4.9 * z))) - 1.0
    return 2.0 * exp(-((2.5 * z) * (2.5 * z))) - 1.0


@njit
def activate_row(kind, v, k, m):
    """Activation number `kind` of m numbers in row k; the choice is made outside of the loops, which become vectors."""
    if kind == 0:
        for j in range(m):
            v[k, j] = 1.0 / (1.0 + exp(-4.9 * v[k, j]))
    elif kind == 1:
        for j in range(m):
            v[k, j] = tanh(v[k, j])
    elif kind == 2:
        for j in range(m):
            v[k, j] = exp(-((2.5 * v[k, j]) * (2.5 * v[k, j])))
    elif kind == 3:
        for j in range(m):
            v[k, j] = sine(v[k, j])
    elif kind == 4:
        for j in range(m):
            v[k, j] = sine(v[k, j] + HALF_PI)
    elif kind == 6:
        for j in range(m):
            v[k, j] = abs(v[k, j])
    elif kind == 7:
        for j in range(m):
            v[k, j] = 0.0 if v[k, j] < 0 else v[k, j]
    elif kind == 8:
        for j in range(m):
            v[k, j] = 1.0 if v[k, j] > 0 else 0.0
    elif kind == 9:
        for j in range(m):
            v[k, j] = v[k, j] * v[k, j]
    elif kind == 10:
        for j in range(m):
            v[k, j] = 2.0 * (1.0 / (1.0 + exp(-4.9 * v[k, j]))) - 1.0
    elif kind == 11:
        for j in range(m):
            v[k, j] = 2.0 * exp(-((2.5 * v[k, j]) * (2.5 * v[k, j]))) - 1.0


# ---- GPU: activate(kind, z) for the bodies of kernels ----
ACTIVATE_C = """
    const double series[] = {SERIES};
    auto exponential = [](double a) {
        a = a < -64 ? -64 : a;
        a = a > 64 ? 64 : a;
        double t = a * (1.0 / 64), r = t * t;
        double p = 17297280.0 + r * (1995840.0 + r * (25200.0 + r * 56.0));
        double q = t * (8648640.0 + r * (277200.0 + r * (1512.0 + r)));
        double e = (p + q) / (p - q);
        for (int k = 0; k < 6; ++k) e = e * e;
        return e;
    };
    auto hyperbolic = [](double a) {
        a = a < -20 ? -20 : a;
        a = a > 20 ? 20 : a;
        double h = a * (1.0 / 32), r = h * h;
        double t = h * (135135.0 + r * (17325.0 + r * (378.0 + r)));
        t = t / (135135.0 + r * (62370.0 + r * (3150.0 + r * 28.0)));
        for (int k = 0; k < 5; ++k) t = 2.0 * t / (1.0 + t * t);
        return t;
    };
    auto wave = [&](double a) {
        double k = (a * (1 / PI) + NEXT) - NEXT, r = ((a - k * PI_1) - k * PI_2) - k * PI_3;
        r = r < -1.6 ? -1.6 : r;
        r = r > 1.6 ? 1.6 : r;
        double odd = k - 2.0 * ((k * 0.5 + NEXT) - NEXT), q = r * r, s = series[10];
        for (int k = 9; k > 0; --k) s = series[k] + q * s;
        return (1.0 - 2.0 * odd * odd) * (r + r * q * s);
    };
    auto activate = [&](int kind, double z) {
        double a = z;  // "linear"
        if (kind == 0 || kind == 10) a = 1.0 / (1.0 + exponential(-4.9 * z));
        else if (kind == 1) a = hyperbolic(z);
        else if (kind == 2 || kind == 11) a = exponential(-((2.5 * z) * (2.5 * z)));
        else if (kind == 3) a = wave(z);
        else if (kind == 4) a = wave(z + HALF_PI);
        else if (kind == 6) a = z < 0 ? -z : z;
        else if (kind == 7) a = z < 0 ? 0 : z;
        else if (kind == 8) a = z > 0 ? 1 : 0;
        else if (kind == 9) a = z * z;
        return kind >= 10 ? 2.0 * a - 1.0 : a;
    };
    """
_NUMBERS = {"SERIES": ", ".join(map(repr, SINE)), "HALF_PI": HALF_PI, "NEXT": NEXT}
_NUMBERS |= {"PI_1": PI_1, "PI_2": PI_2, "PI_3": PI_3, "PI": math.pi}
for _name, _value in _NUMBERS.items():
    ACTIVATE_C = ACTIVATE_C.replace(_name, str(_value))
