r"""Checks of the options that optimisers share: `check(who, name, value)` returns the value in its clean form."""

from typing import Any

from minidl import check


def not_negative(who: str, name: str, value: Any) -> float:
    r"""A finite number >= 0."""
    return check.number(who, name, value, low=0)


def decay_rate(who: str, name: str, value: Any) -> float:
    r"""The part of a running average that is kept at each step: 0 <= value < 1.

    >>> decay_rate("SGD", "momentum", 1.0)
    Traceback (most recent call last):
    ...
    ValueError: SGD: momentum must be < 1, got 1.0
    """
    rate = check.number(who, name, value, low=0)
    if rate >= 1:
        raise ValueError(f"{who}: {name} must be < 1, got {value!r}")
    return rate


def decay_rates(who: str, name: str, value: Any) -> tuple[float, float]:
    r"""Two decay rates: Adam's betas."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise check.DTypeError(f"{who}: {name} must be two numbers, got {value!r}")
    return decay_rate(who, f"{name}[0]", value[0]), decay_rate(who, f"{name}[1]", value[1])


def flag(who: str, name: str, value: Any) -> bool:
    r"""True or False."""
    return check.option(who, name, value, (True, False))
