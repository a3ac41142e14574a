r"""First values of weights: drawn at random, and of the right size.

    layer.weight.data = init.he_normal(layer.weight.shape)

**The right size.** Let a layer add up $y = \sum_{i=1}^{n} w_i x_i$ over its n = fan_in inputs, with independent
weights of mean 0 and variance v. The w do not depend on the x, so the variances of the products add up:

$$ \mathrm{Var}(y) = n\, v\, \mathrm{E}[x^2] $$

A signal that goes through L such layers is multiplied by $(n v)^L$, which is soon 0 or infinite unless n v is about 1.
That one equation gives the three families:

- LeCun, v = 1 / fan_in: then $\mathrm{Var}(y) = \mathrm{E}[x^2]$. For layers that are nearly linear (tanh, SELU).
- Glorot, v = 2 / (fan_in + fan_out): the gradient goes back through the same weights, $dx = W^\top dy$, and adds up
  over fan_out outputs, so it wants v = 1 / fan_out. This is the compromise: one over the mean of the two fans.
- He, v = 2 / fan_in: ReLU sets one half of a symmetric y to 0, $\mathrm{E}[\mathrm{relu}(y)^2] = \mathrm{Var}(y) / 2$,
  and the 2 makes up for it.

Each comes as a normal distribution with standard deviation $\sqrt v$, and as a uniform one on $[-a, a]$: a uniform
variable has variance $(2a)^2 / 12 = a^2 / 3$, so $a = \sqrt{3 v}$. The normal ones are not truncated (Keras cuts
them off at two standard deviations).

**Fans.** A weight (F, D) joins D inputs with F outputs. In a convolution (F, C/G, KH, KW) every output adds up
C/G * KH * KW numbers, and every input goes to F * KH * KW of them (in G groups, F/G; torch and Keras leave that out,
and so do we).

Everything is drawn on the host from `minidl.random.generator()`, so that one seed gives the same weights on every
backend.

Source: LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", section 4.6. Glorot and Bengio 2010, AISTATS,
equation 16. He, Zhang, Ren and Sun 2015, ICCV, equation 10. Saxe, McClelland and Ganguli 2013, arXiv 1312.6120
(orthogonal).

Try it:
1. Draw the picture without f, just $Wx$: after 40 layers the units of `lecun_normal` have a standard deviation of 0.94,
   those of `he_normal` one of a million, $\sqrt{2}^{40}$, and those of `orthogonal` have 0.996, as they began.
2. With relu, `orthogonal` ends at 6e-7, where `lecun_normal` does: turning takes nothing, but relu takes half. With
   `gain=2**0.5` it ends at 0.66.
3. Train 20 pairs of `Linear(64, 64)` and `ReLU()` and a last `Linear(64, 10)` on `load_digits(flat=True)`: `fit` with
   Adam, batches of 64, 10 epochs. As `Linear` draws its weights (variance 1 / 3D) the loss stays at 2.303 = ln 10.
   With `he_normal` and biases of 0 in all layers it falls to 0.07.
"""

import math
from typing import Any

import numpy as np

from minidl import backend, check
from minidl.random import generator, get_state, manual_seed, set_state

Array = Any  # numpy.ndarray or cupy.ndarray

DTYPES = ("float32", "float64")


def zeros(shape: Any, dtype: str = "float32") -> Array:
    r"""All 0.

    >>> zeros((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    return _finished(np.zeros(_checked("zeros", shape, dtype)), dtype)


def ones(shape: Any, dtype: str = "float32") -> Array:
    r"""All 1.

    >>> ones(3)
    array([1., 1., 1.], dtype=float32)
    """
    return _finished(np.ones(_checked("ones", shape, dtype)), dtype)


def uniform(shape: Any, low: float = 0.0, high: float = 1.0, dtype: str = "float32") -> Array:
    r"""Uniform between low and high: mean (low + high) / 2, variance (high - low)² / 12.

    shape: an integer or several. Raises ValueError for low > high and for a shape that is no list of sizes >= 0.

    >>> w = uniform((1000,), -0.5, 0.5)
    >>> w.dtype.name, bool((abs(w) <= 0.5).all())
    ('float32', True)
    """
    shape = _checked("uniform", shape, dtype)
    low = _value("uniform", "low", low, dtype)
    high = _value("uniform", "high", high, dtype)
    if low > high:
        raise ValueError(f"uniform: low must be <= high, got low={low:g} and high={high:g}")
    return _finished(generator().uniform(low, high, shape), dtype)


def normal(shape: Any, mean: float = 0.0, std: float = 1.0, dtype: str = "float32") -> Array:
    r"""Normal with this mean and standard deviation (std >= 0).

    >>> w = normal((100, 100), mean=5.0, std=2.0)
    >>> round(float(w.mean()), 1), round(float(w.std()), 1)
    (5.0, 2.0)
    """
    shape = _checked("normal", shape, dtype)
    mean = _value("normal", "mean", mean, dtype)
    std = _value("normal", "std", std, dtype, low=0)
    return _finished(generator().normal(mean, std, shape), dtype)


def lecun_uniform(shape: Any, dtype: str = "float32") -> Array:
    r"""Uniform with variance 1 / fan_in: $a = \sqrt{3 / \mathrm{fan\_in}}$.

    >>> w = lecun_uniform((100, 75))
    >>> bool(0.19 < abs(w).max() <= 0.2)                            # sqrt(3 / 75) = 0.2
    True
    """
    return _uniform_of_variance("lecun_uniform", shape, lambda fan_in, fan_out: 1 / fan_in, dtype)


def lecun_normal(shape: Any, dtype: str = "float32") -> Array:
    r"""Normal with variance 1 / fan_in.

    >>> w = lecun_normal((400, 100))
    >>> round(float(w.std()), 2)                                   # sqrt(1 / 100)
    0.1
    """
    return _normal_of_variance("lecun_normal", shape, lambda fan_in, fan_out: 1 / fan_in, dtype)


def glorot_uniform(shape: Any, dtype: str = "float32") -> Array:
    r"""Uniform with variance 2 / (fan_in + fan_out): $a = \sqrt{6 / (\mathrm{fan\_in} + \mathrm{fan\_out})}$.

    >>> w = glorot_uniform((90, 60))
    >>> bool(0.19 < abs(w).max() <= 0.2)                            # sqrt(6 / 150) = 0.2
    True
    """
    return _uniform_of_variance("glorot_uniform", shape, lambda fan_in, fan_out: 2 / (fan_in + fan_out), dtype)


def glorot_normal(shape: Any, dtype: str = "float32") -> Array:
    r"""Normal with variance 2 / (fan_in + fan_out).

    >>> w = glorot_normal((150, 50))
    >>> round(float(w.std()), 2)                                   # sqrt(2 / 200)
    0.1
    """
    return _normal_of_variance("glorot_normal", shape, lambda fan_in, fan_out: 2 / (fan_in + fan_out), dtype)


def he_uniform(shape: Any, dtype: str = "float32") -> Array:
    r"""Uniform with variance 2 / fan_in: $a = \sqrt{6 / \mathrm{fan\_in}}$.

    >>> w = he_uniform((100, 150))
    >>> bool(0.19 < abs(w).max() <= 0.2)                            # sqrt(6 / 150) = 0.2
    True
    """
    return _uniform_of_variance("he_uniform", shape, lambda fan_in, fan_out: 2 / fan_in, dtype)


def he_normal(shape: Any, dtype: str = "float32") -> Array:
    r"""Normal with variance 2 / fan_in.

    >>> he_normal((16, 3, 5, 5)).shape
    (16, 3, 5, 5)
    """
    return _normal_of_variance("he_normal", shape, lambda fan_in, fan_out: 2 / fan_in, dtype)


def orthogonal(shape: Any, gain: float = 1.0, dtype: str = "float32") -> Array:
    r"""gain times a random matrix with orthonormal columns, or orthonormal rows where there are more columns.

    Such a matrix changes no length ($\|Qx\| = \|x\|$), so a signal neither grows nor shrinks, however many of them it
    goes through. A matrix of independent normals points in no preferred direction, and the Q of its decomposition
    A = QR does not either, if the signs are fixed: QR leaves open the sign of each column of Q with its row of R; we
    take the one with $R_{jj} > 0$. A shape of more than two axes counts as (F, all others).

    >>> q = orthogonal((3, 3), dtype="float64")
    >>> bool(abs(q @ q.T - np.eye(3)).max() < 1e-14)
    True
    """
    shape = _checked("orthogonal", shape, dtype)
    fans("orthogonal", shape)
    gain = _value("orthogonal", "gain", gain, dtype)
    rows, columns = shape[0], math.prod(shape[1:])
    a = generator().normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(a)
    q *= np.where(np.diag(r) < 0, -1, 1)
    if rows < columns:
        q = q.T
    return _finished(gain * q.reshape(shape), dtype)


# name -> function(shape, dtype=...)
INITIALISERS = {
    "zeros": zeros,
    "ones": ones,
    "uniform": uniform,
    "normal": normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "orthogonal": orthogonal,
}


def fans(who: str, shape: tuple[int, ...]) -> tuple[int, int]:
    r"""fan_in and fan_out of a weight (F, D) or (F, C/G, KH, KW). ShapeError below two axes or with an axis of size 0.

    >>> fans("he_normal", (16, 3, 5, 5))
    (75, 400)
    """
    if len(shape) < 2 or 0 in shape:
        raise check.ShapeError(f"{who}: shape must be (F, D) or (F, C/G, KH, KW) with sizes >= 1, got {shape}")
    pixels = math.prod(shape[2:])
    return shape[1] * pixels, shape[0] * pixels


def _uniform_of_variance(who: str, shape: Any, variance: Any, dtype: str) -> Array:
    shape = _checked(who, shape, dtype)
    a = math.sqrt(3 * variance(*fans(who, shape)))
    return _finished(generator().uniform(-a, a, shape), dtype)


def _normal_of_variance(who: str, shape: Any, variance: Any, dtype: str) -> Array:
    shape = _checked(who, shape, dtype)
    return _finished(generator().normal(0, math.sqrt(variance(*fans(who, shape))), shape), dtype)


def _checked(who: str, shape: Any, dtype: str) -> tuple[int, ...]:
    """The shape as a tuple, of an array that there is memory for. Also checks dtype: all checks come before the first
    random number."""
    check.option(who, "dtype", dtype, DTYPES)
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    sizes = check.ints(who, "shape", sizes, len(sizes), low=0)
    check.room(who, "shape", sizes)
    return sizes


def _value(who: str, name: str, value: Any, dtype: str, low: float | None = None) -> float:
    """A number that leaves room in the dtype for a difference of two of it, and for many standard deviations."""
    limit = float(np.finfo(dtype).max) / 64
    return check.number(who, name, value, -limit if low is None else low, limit)


def _finished(array: np.ndarray, dtype: str) -> Array:
    return backend.to_backend(array.astype(dtype), backend.current())


def illustrate(ax: Any) -> None:
    r"""200 rows of normal numbers go through 40 layers of 100 units, tanh(Wx) or relu(Wx); the standard deviation of
    the units, layer by layer. With weights a little too small nothing is left of the signal in the end. With relu and
    weights too large it grows without bound, and only `he_normal` keeps it. tanh keeps in bounds what grows, and lets
    `lecun_normal` fall slowly, since it bends: it is not quite linear."""
    before = get_state()
    ax.axis("off")
    for i, (name, f) in enumerate({"tanh": np.tanh, "relu": lambda y: np.maximum(y, 0)}.items()):
        panel = ax.inset_axes([0.56 * i, 0, 0.44, 1])
        for text, draw in (
            ("std 0.05", lambda: normal((100, 100), std=0.05)),
            ("std 0.2", lambda: normal((100, 100), std=0.2)),
            ("lecun_normal", lambda: lecun_normal((100, 100))),
            ("he_normal", lambda: he_normal((100, 100))),
        ):
            manual_seed(0)
            x, sizes = np.random.default_rng(0).normal(size=(200, 100)), []
            for _ in range(40):
                x = f(x @ backend.to_numpy(draw()).T)
                sizes.append(x.std())
            panel.plot(range(1, 41), sizes, label=text)
        panel.set(yscale="log", ylim=(1e-6, 1e6), xlabel="layer", ylabel=f"standard deviation, {name}")
        if i == 0:
            panel.legend()
    set_state(before)
