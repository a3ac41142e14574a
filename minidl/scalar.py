r"""Functions of one number that a compiled loop can call without leaving the processor's vector unit, as it must for
those of C; and the random numbers that compiled loops draw.

Only +, -, * and / are used, which every processor rounds alike: the same input gives the same bits everywhere, compiled
or not, one number or many.

Random numbers come from SplitMix64 (Steele, Lea and Flood 2014): a counter goes up in steps of a constant, and each
number is a hash of it, called `mix` here. A stream is an array of one such counter. Where it starts is itself a hash, of
words that say whom it is for (seed, generation, child), so it matters in no way who draws first, or on which thread.
`minidl.evolution.Stream` draws the same numbers in plain Python.
"""

import numpy as np

from minidl.jit import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / the golden ratio: the step of the counter
FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
FACTOR_2 = np.uint64(0x94D049BB133111EB)


@njit
def tanh(x):
    r"""The hyperbolic tangent, of float32 or float64, to a few units in the last place.

    Near 0 Lambert's continued fraction converges at once: $\tanh y = y / (1 + y^2 / (3 + y^2 / (5 + \dots)))$, here cut
    off after 7 levels and written as a quotient of polynomials. Five doublings, $\tanh 2y = 2t / (1 + t^2)$, lead
    from y = x / 32 to x; each of them shrinks the relative error that it is given. Beyond 20 the result is 1.

    >>> import numpy as np
    >>> round(float(tanh(np.float64(0.5))), 12), float(np.tanh(0.5).round(12))
    (0.46211715726, 0.46211715726)
    """
    T = type(x)
    x = -T(20) if x < -20 else x  # in this form a NaN stays
    x = T(20) if x > 20 else x
    y = x * T(1 / 32)
    r = y * y
    t = y * (T(135135) + r * (T(17325) + r * (T(378) + r)))
    t /= T(135135) + r * (T(62370) + r * (T(3150) + r * T(28)))
    for _ in range(5):
        t = T(2) * t / (T(1) + t * t)
    return t


@njit
def sigmoid(x):
    r"""$\sigma(x) = 1 / (1 + e^{-x}) = \frac12 + \frac12 \tanh \frac x2$, to about one unit in the last place of 1.

    >>> import numpy as np
    >>> round(float(sigmoid(np.float64(0))), 12)
    0.5
    """
    half = type(x)(0.5)
    return half * tanh(half * x) + half


@njit
def mix(z):
    r"""A hash of 64 bits: every bit of the result depends on every bit of z.

    >>> int(mix(np.uint64(1)))
    6238072747940578789
    """
    z = (z ^ (z >> np.uint64(30))) * FACTOR_1
    z = (z ^ (z >> np.uint64(27))) * FACTOR_2
    return z ^ (z >> np.uint64(31))


@njit
def absorb(key, word):
    r"""The key of a stream that belongs to what `key` belongs to, and to `word`, an integer.

    >>> int(absorb(np.uint64(0), np.uint64(1)))
    10451216379200822465
    """
    return mix((key ^ word) + GOLDEN)


@njit
def random(stream):
    r"""The next number of a stream (an array of one uint64), from [0, 1).

    >>> stream = np.array([1], np.uint64)
    >>> round(float(random(stream)), 6), round(float(random(stream)), 6)
    (0.566561, 0.745839)
    """
    stream[0] += GOLDEN
    return (mix(stream[0]) >> np.uint64(11)) * 2.0**-53
