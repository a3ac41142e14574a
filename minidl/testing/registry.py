r"""The one registry of layers that the tests iterate.

A place in it is a short function that builds a layer and its inputs out of choices:

    @register(nn.Dropout, batch=False)
    def _(pick):
        return nn.Dropout(p=pick("p", 0.5, 0.0, 0.9)), [normal(2, pick("D", 3, 1))]

`pick(name, *values)` returns one of the values. Who iterates decides which: `cases(layer)` gives the first value of
everything, and then every other value of every option, one at a time; hypothesis draws all of them at once
(`minidl.testing.strategies.layers`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from minidl import random

Pick = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    r"""What the registry knows of one layer (or function)."""

    build: Callable[[Pick], tuple[Callable, list]]
    promises: dict[str, bool]  # the optional rungs of `check_layer` that hold for it


@dataclass(frozen=True)
class Case:
    r"""One layer with one choice of its options. `build()` makes it, and its inputs, the same every time."""

    layer: Callable
    picked: dict[str, Any] = field(default_factory=dict)  # options that differ from the first value
    seed: int = 0

    def build(self, seed: int | None = None) -> tuple[Callable, list]:
        r"""(the module or function, its inputs), with weights and inputs drawn from the seed."""
        return seeded(
            lambda: PLACES[self.layer].build(lambda name, *values: self.picked.get(name, values[0])),
            self.seed if seed is None else seed,
        )

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.picked.items())
        return f"{self.layer.__name__}({options})"


PLACES: dict[Callable, Place] = {}


def register(layer: Callable, *, batch: bool = True, empty: bool = True, rank: bool = True) -> Callable:
    r"""Give `layer` (a Module class, or a function of tensors) its place.

    batch: each example is treated by itself; empty: a batch of no examples is fine; rank: an input with one axis more
    is an error. ValueError if the layer has a place.
    """

    def place(build: Callable[[Pick], tuple[Callable, list]]) -> Callable:
        if layer in PLACES:
            raise ValueError(f"register: {layer.__name__} has a place in the registry already")
        PLACES[layer] = Place(build, {"batch": batch, "empty": empty, "rank": rank})
        return build

    return place


def cases(layer: Callable) -> Iterator[Case]:
    r"""The layer with all first values, then with every other value of every option, one at a time. An option that is
    only asked for under some value of another one is varied there.

    >>> from minidl import nn
    >>> [str(case) for case in cases(nn.Linear)][:3]
    ['Linear()', 'Linear(in_features=1)', 'Linear(in_features=5)']
    """
    for picked in choices(PLACES[layer].build):
        yield Case(layer, picked)


def choices(build: Callable[[Pick], Any]) -> Iterator[dict[str, Any]]:
    r"""What `cases` varies of a function of `pick`: the options that differ from their first values.

    >>> list(choices(lambda pick: (pick("a", 1, 2), pick("b", "x", "y", "z"))))
    [{}, {'a': 2}, {'b': 'y'}, {'b': 'z'}]
    """
    seen: set[tuple[str, int]] = set()
    waiting: list[dict[str, Any]] = [{}]
    while waiting:
        picked = waiting.pop(0)

        def pick(name: str, *values: Any, picked: dict[str, Any] = picked) -> Any:
            for k in range(1, len(values)):
                if (name, k) not in seen and name not in picked:
                    seen.add((name, k))
                    waiting.append({**picked, name: values[k]})
            return picked.get(name, values[0])

        seeded(lambda pick=pick: build(pick), 0)
        yield picked


def seeded(build: Callable[[], Any], seed: int) -> Any:
    r"""build(), with minidl's generator started from the seed, and put back afterwards."""
    before = random.get_state()
    random.manual_seed(seed)
    try:
        return build()
    finally:
        random.set_state(before)
