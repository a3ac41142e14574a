r"""Random arrays that layers can be checked on: float64, or integers, drawn from minidl's generator.

A finite difference steps $10^{-6}$ to both sides, so an input must not lie that close to a kink (ReLU at 0) or to a tie
(the maximum of two equal numbers): `distinct` keeps away from both.
"""

import math

import numpy as np

from minidl.random import generator


def normal(*shape: int) -> np.ndarray:
    r"""Normal numbers."""
    return generator().normal(size=shape)


def distinct(*shape: int) -> np.ndarray:
    r"""Numbers of both signs, any two of them at least 0.005 apart, none closer to 0 than 0.001.

    >>> x = np.sort(distinct(4, 5).ravel())
    >>> bool(np.diff(x).min() > 0.005 and np.abs(x).min() > 0.001)
    True
    """
    n = math.prod(shape)
    step = max(0.01, 4 / max(n, 1))
    places = generator().permutation(n) - n // 2 + 0.4  # ..., -0.6, 0.4, 1.4, ...
    return (step * (places + generator().uniform(-0.2, 0.2, n))).reshape(shape)


def positive(*shape: int) -> np.ndarray:
    r"""Numbers from 0.5 to 2."""
    return generator().uniform(0.5, 2.0, shape)


def probabilities(*shape: int) -> np.ndarray:
    r"""Numbers from 0.05 to 0.95."""
    return generator().uniform(0.05, 0.95, shape)


def distribution(*shape: int) -> np.ndarray:
    r"""Positive numbers whose sum over axis 1 (the classes) is 1."""
    p = positive(*shape)
    return p / p.sum(axis=1, keepdims=True)


def integers(*shape: int, high: int) -> np.ndarray:
    r"""Integers from 0 to high - 1, as indices and labels are."""
    return generator().integers(0, high, shape)
