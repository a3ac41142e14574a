r"""What a dataclass of settings is made of: fields that know their limits and meaning, their check, and texts of them.

Every field's metadata hold `doc`, one line; `low` and `high` for a number or `choices` for a name; and `paper`, the
value that the paper gives (None: it says nothing).
"""

import dataclasses
import json
import tomllib
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.genes import once

LONGEST = 20_000  # characters of a config; all settings with their meanings are 5,000, and tomllib takes n^2 time


def size(low: int, high: int, doc: str) -> Any:
    r"""A field without a default: an integer from low to high."""
    return dataclasses.field(metadata={"low": low, "high": high, "doc": doc})


def number(default: float, low: float, high: float, doc: str, paper: float | None = None) -> Any:
    r"""A field of a number from low to high."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "doc": doc, "paper": paper})


def share(default: float, doc: str, paper: float | None = None) -> Any:
    r"""A field of a number from 0 to 1."""
    return number(default, 0.0, 1.0, doc, paper)


def choice(default: Any, choices: tuple[str, ...], doc: str, paper: Any = None) -> Any:
    r"""A field of one of the choices, or of a tuple of them."""
    return dataclasses.field(default=default, metadata={"choices": choices, "doc": doc, "paper": paper})


def switch(default: bool, doc: str, paper: bool | None = None) -> Any:
    r"""A field that is True or False."""
    return dataclasses.field(default=default, metadata={"doc": doc, "paper": paper})


def checked(who: str, field: dataclasses.Field, value: Any) -> Any:
    r"""The value of a field in its clean form. TypeError for another kind, ValueError out of range."""
    limits, kind = field.metadata, field.type
    if kind is bool:
        if not isinstance(value, bool | np.bool_):
            raise check.DTypeError(f"{who}: {field.name} must be True or False, got {value!r}")
        return bool(value)
    if kind is str:
        return check.option(who, field.name, value, limits["choices"])
    if kind is int:
        return check.integer(who, field.name, value, low=limits["low"], high=limits["high"])
    if kind is float:
        return check.number(who, field.name, value, low=limits["low"], high=limits["high"])
    if not isinstance(value, tuple | list) or not value:
        raise check.DTypeError(f"{who}: {field.name} must be a tuple of names, got {value!r}")
    names = tuple(check.option(who, field.name, name, limits["choices"]) for name in value)
    if len(set(names)) < len(names):
        raise ValueError(f"{who}: {field.name} has a name twice: {value!r}")
    return names


def parsed(who: str, text: Any, kind: str) -> dict[str, Any]:
    r"""The settings by name in a text of JSON or TOML; numbers, names, truth values, lists of them, not deeper."""
    if not isinstance(text, str):
        raise check.DTypeError(f"{who}: text must be a string of {kind}, got {type(text).__name__}")
    if len(text) > LONGEST:
        raise ValueError(f"{who}: a config has at most {LONGEST} characters of {kind}, got {len(text)}")
    try:
        table = tomllib.loads(text) if kind == "TOML" else json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{who}: this is not sound {kind}: {error}") from error
    if not isinstance(table, dict):
        raise ValueError(f"{who}: the {kind} must be a table of settings, got {type(table).__name__}")
    for name, value in table.items():
        if any(isinstance(item, dict | list) for item in (value if isinstance(value, list) else [value])):
            raise ValueError(f"{who}: {name[:100]!r} holds a table or a list of lists; all settings stand at the top")
    return table


def shown(value: Any) -> str:
    r"""A value as the tables have it.

    >>> shown(("sine", "linear")), shown(0.5), shown(None)
    ('sine, linear', '0.5', 'silent')
    """
    return "silent" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)


def described(settings: type) -> str:
    r"""A table of all fields of a class: name, default, range, the paper's value and meaning."""
    rows = [("setting", "default", "range", "paper", "meaning"), ("---",) * 5]
    lists = []
    for field in dataclasses.fields(settings):
        limits = field.metadata
        span = shown(limits["choices"]) if "choices" in limits else "True, False"
        if "low" in limits:
            low, high = (n if isinstance(n, int) else f"{n:g}" for n in (limits["low"], limits["high"]))
            span = f"{low} to {high}"
        if len(span) > 20:
            lists.append(f"{field.name}: of {span}")
            span = "below"
        default = "none" if field.default is dataclasses.MISSING else shown(field.default)
        rows.append((field.name, default, span, shown(limits.get("paper")), limits["doc"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*(f"| {line} |" for line in lines), "", *lists])
