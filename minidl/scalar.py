r"""Functions of one number that a compiled loop can call without leaving the processor's vector unit, as it must for
those of C; and the random numbers that compiled loops draw.

Only +, -, * and / are used, which every processor rounds alike: the same input gives the same bits everywhere, compiled
or not, one number or many. (`exponential` and `sigmoid`, and `tanh` of a float32, let a processor that can do it round
a * b + c once instead of twice.)

Random numbers come from SplitMix64 (Steele, Lea and Flood 2014): a counter goes up in steps of a constant, and each
number is a hash of it, called `mix` here. A stream is an array of one such counter. Where it starts is itself a hash,
of words that say whom it is for (seed, generation, child), so it matters in no way who draws first, or on which thread.
`minidl.evolution.Stream` draws the same numbers in plain Python.
"""

import math

import numpy as np

from minidl.jit import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / the golden ratio: the step of the counter
FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
FACTOR_2 = np.uint64(0x94D049BB133111EB)

NEXT = 1.5 * 2.0**52  # a number near which the integers are all there is: x + NEXT is rounded to one
PI_1, PI_2, PI_3 = (float.fromhex(part) for part in ("0x1.921fb54p+1", "0x1.10b461p-29", "0x1.a62633145c06ep-57"))
NEXT_32 = np.float32(1.5 * 2.0**23)  # the same for float32
LN2_1, LN2_2 = (float.fromhex(part) for part in ("0x1.62e42fefap-1", "0x1.cf79abc9e3b39p-40"))  # log 2, in two parts
LN2_1_32, LN2_2_32 = np.float32(float.fromhex("0x1.62e4p-1")), np.float32(float.fromhex("0x1.7f7d1cp-20"))
TANH_P = tuple(np.float32(c) for c in (0.13786949, 0.004010486, 3.1629203e-05, 5.088639e-08))
TANH_Q = tuple(np.float32(c) for c in (0.47120282, 0.02774477, 0.0004210886, 1.6204268e-06, 7.397404e-10))
SINE = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(11))  # sin r = r - r^3 / 3! + r^5 / 5! - ...


@njit
def tanh(x):
    r"""The hyperbolic tangent, of float32 or float64, to a few units in the last place, and never beyond 1.

    For float64: near 0 Lambert's continued fraction converges at once, $\tanh y = y / (1 + y^2 / (3 + \dots))$, here
    cut off after 7 levels and written as a quotient of polynomials. Five doublings, $\tanh 2y = 2t / (1 + t^2)$, lead
    from y = x / 32 to x; each of them shrinks the relative error that it is given. Beyond 20 the result is 1.

    For float32 one such quotient, of degree 9 over 10, does for the whole way to 9.02, from where on the result is 1:
    with the coefficients for which the largest relative error is least. It is 1e-9, nothing beside the rounding.

    >>> import numpy as np
    >>> round(float(tanh(np.float64(0.5))), 12), float(np.tanh(0.5).round(12))
    (0.46211715726, 0.46211715726)
    >>> round(float(tanh(np.float32(0.5))), 6)
    0.462117
    """
    T = type(x)
    if T(1) + T(1e-9) == T(1):  # the compiler knows the answer, and drops the other branch
        return T(_tanh_32(np.float32(x)))
    x = -T(20) if x < -20 else x  # in this form a NaN stays
    x = T(20) if x > 20 else x
    y = x * T(1 / 32)
    r = y * y
    t = y * (T(135135) + r * (T(17325) + r * (T(378) + r)))
    t /= T(135135) + r * (T(62370) + r * (T(3150) + r * T(28)))
    for _ in range(5):
        t = T(2) * t / (T(1) + t * t)
    return t


@njit(fastmath={"contract"})
def _tanh_32(x):
    F, (p1, p2, p3, p4), (q1, q2, q3, q4, q5) = np.float32, TANH_P, TANH_Q
    x = F(-9.02) if x < F(-9.02) else x
    x = F(9.02) if x > F(9.02) else x
    r = x * x
    t = x * (F(1) + r * (p1 + r * (p2 + r * (p3 + r * p4))))
    t /= F(1) + r * (q1 + r * (q2 + r * (q3 + r * (q4 + r * q5))))
    t = F(-1) if t < F(-1) else t
    return F(1) if t > F(1) else t


@njit
def sigmoid(x):
    r"""$\sigma(x) = 1 / (1 + e^{-x})$, of float32 or float64, to about one unit in the last place.

    >>> import numpy as np
    >>> round(float(sigmoid(np.float64(0))), 12)
    0.5
    """
    one = type(x)(1)
    return one / (one + exponential(-x))


@njit
def exp(x):
    r"""$e^x$ of a float64, with a relative error below 4e-14. Beyond +-64 the result is that of +-64: 6e27 and 2e-28.

    For $|y| \le 1$ the quotient of two polynomials, $e^y = (p + q) / (p - q)$ with p even and q odd (Pade 1892, here
    of degree 7 over 7), is exact to a few units in the last place. With y = x / 64 six squarings lead to $e^x$, and
    each of them doubles the relative error.

    >>> import numpy as np
    >>> round(float(exp(np.float64(1))), 12), float(np.exp(1.0).round(12))
    (2.718281828459, 2.718281828459)
    """
    x = -64.0 if x < -64 else x  # in this form a NaN stays
    x = 64.0 if x > 64 else x
    y = x * (1 / 64)
    r = y * y
    p = 17297280.0 + r * (1995840.0 + r * (25200.0 + r * 56.0))
    q = y * (8648640.0 + r * (277200.0 + r * (1512.0 + r)))
    e = (p + q) / (p - q)
    for _ in range(6):
        e = e * e
    return e


@njit(fastmath={"contract"})
def exponential(x):
    r"""$e^x$ of any float32 or float64, to about one unit in the last place; 0 where it is too small for a number, inf
    where it is too large. The one for loops over many numbers: a third of a nanosecond for each float32.

    With k the integer next to $x / \ln 2$ and $r = x - k \ln 2$, $e^x = 2^k e^r$. There $|r| \le 0.35$, and 8 or 14
    terms of the power series of $e^r$ are enough. $\ln 2$ is a sum of two numbers, and k times the first one is exact
    (Cody and Waite 1980). $2^k$ is made of bits, as two factors: $2^{-149}$ as one would have none.

    >>> import numpy as np
    >>> [round(float(exponential(x)), 6) for x in (np.float32(-1), np.float64(1), np.float32(-np.inf))]
    [0.367879, 2.718282, 0.0]
    """
    T = type(x)
    if T(1) + T(1e-9) == T(1):  # the compiler knows the answer, and drops the other branch
        return T(_exponential_32(np.float32(x)))
    return T(_exponential_64(np.float64(x)))


@njit(fastmath={"contract"})
def _exponential_32(x):
    F, I = np.float32, np.int32
    x = F(-104) if x < F(-104) else x  # in this form a NaN stays
    x = F(89) if x > F(89) else x
    z = x * F(1 / math.log(2)) + NEXT_32
    k = z - NEXT_32
    r = (x - k * LN2_1_32) - k * LN2_2_32
    p = F(1 / 120) + r * (F(1 / 720) + r * F(1 / 5040))
    p = F(1 / 2) + r * (F(1 / 6) + r * (F(1 / 24) + r * p))
    p = F(1) + r * (F(1) + r * p)
    k = I(np.float32(z).view(np.int32) - np.float32(NEXT_32).view(np.int32))  # the last bits of z are k's
    half = I(k >> I(1))
    a = I(I(half + I(127)) << I(23))  # the bits of 2^half
    b = I(I(I(k - half) + I(127)) << I(23))
    return p * np.int32(a).view(np.float32) * np.int32(b).view(np.float32)


@njit(fastmath={"contract"})
def _exponential_64(x):
    I = np.int64
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    z = x * (1 / math.log(2)) + NEXT
    k = z - NEXT
    r = (x - k * LN2_1) - k * LN2_2
    p = 1 / 39916800 + r * (1 / 479001600 + r * (1 / 6227020800))
    p = 1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * p))
    p = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * p))
    p = 1 / 2 + r * (1 / 6 + r * (1 / 24 + r * p))
    p = 1 + r * (1 + r * p)
    k = I(np.float64(z).view(np.int64) - np.float64(NEXT).view(np.int64))
    half = I(k >> I(1))
    a = I((half + I(1023)) << I(52))
    b = I((k - half + I(1023)) << I(52))
    return p * np.int64(a).view(np.float64) * np.int64(b).view(np.float64)


@njit
def sine(x):
    r"""$\sin x$ of a float64, to about one unit in the last place of 1 for $|x| \le 10^8$.

    With k the integer next to $x / \pi$, $\sin x = (-1)^k \sin(x - k \pi)$, where the power series up to $r^{21}$ is
    exact. $\pi$ is a sum of three numbers, and k times each of the first two (of 27 bits) is exact (Cody and Waite
    1980). Beyond $10^{15}$ neighbouring numbers lie farther apart than the period: the result means nothing there, and
    stays in [-1, 1]. NaN for an infinite x.

    >>> import numpy as np
    >>> round(float(sine(np.float64(1))), 12), float(np.sin(1.0).round(12))
    (0.841470984808, 0.841470984808)
    """
    k = (x * (1 / np.pi) + NEXT) - NEXT
    r = ((x - k * PI_1) - k * PI_2) - k * PI_3
    r = -1.6 if r < -1.6 else r
    r = 1.6 if r > 1.6 else r
    odd = k - 2.0 * ((k * 0.5 + NEXT) - NEXT)  # 0 for an even k; 1 or -1
    q = r * r
    s = SINE[9] + q * SINE[10]
    s = SINE[7] + q * (SINE[8] + q * s)
    s = SINE[5] + q * (SINE[6] + q * s)
    s = SINE[3] + q * (SINE[4] + q * s)
    s = SINE[1] + q * (SINE[2] + q * s)
    return (1.0 - 2.0 * odd * odd) * (r + r * q * s)


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
    (0.566562, 0.745782)
    """
    stream[0] += GOLDEN
    return (mix(stream[0]) >> np.uint64(11)) * 2.0**-53
