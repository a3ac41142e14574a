r"""A layer on a small input: from the registry that the tests iterate, or from the doctest of a reader's own class."""

import contextlib
import copy
import doctest
import functools
import inspect
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from minidl.nn.module import Module
from minidl.nn.recurrent import Recurrent
from minidl.study.errors import StudyError, during
from minidl.study.find import Topic
from minidl.tensor import Tensor
from minidl.testing.registered_recurrent import recurrent
from minidl.testing.registry import PLACES, cases, choices, seeded
from minidl.testing.values import distinct


@dataclass(frozen=True)
class Example:
    r"""One choice of a layer's options. `build(seed)` makes it, and inputs for it."""

    label: str
    build: Callable[[int], tuple[Callable, list]]


def examples(topic: Topic) -> Iterator[Example]:
    r"""The layer as it mostly is, and then with every other value of every option.

    >>> from minidl.study.find import find
    >>> [example.label for example in examples(find("Dropout"))][:2]
    ['Dropout()', 'Dropout(p=0.0)']
    """
    if topic.object in PLACES:
        for case in cases(topic.object):
            yield Example(str(case), lambda seed=0, case=case: case.build(seed))
    else:
        yield from from_doctest(topic.object, topic.module)
        if issubclass(topic.object, Recurrent):  # with masks, states and dropout, as ours
            yield from from_builder(topic.object, functools.partial(recurrent, layer=topic.object))


def from_builder(kind: type[Module], build: Callable) -> Iterator[Example]:
    r"""An example for everything that a builder of the registry varies."""
    for picked in choices(build):

        def make(seed: int = 0, picked: dict = picked) -> tuple[Module, list]:
            return seeded(lambda: build(lambda name, *values: picked.get(name, values[0])), seed)

        yield Example(f"{kind.__name__}({', '.join(f'{option}={value!r}' for option, value in picked.items())})", make)


def from_doctest(kind: type[Module], module: ModuleType) -> Iterator[Example]:
    r"""The first layer of this class that its doctest makes and calls; and then, where that runs, the same with each
    option that is True or False turned round. StudyError if the doctest calls none."""
    arguments, given, options = first_call(kind, module)
    named = list(tensors(given, input_names(kind.forward, len(given) + 1)[1:]))
    named += tensors(options.values(), options)
    shapes = [x.shape if x.dtype.kind == "f" else x.numpy() for _, x in named]
    plain = not options and all(isinstance(x, Tensor) for x in given)

    def build(arguments: dict, seed: int = 0) -> tuple[Module, list]:
        def make() -> tuple[Module, list]:
            bound = inspect.signature(kind).bind_partial()
            bound.arguments.update(copy.deepcopy(arguments))
            layer = kind(*bound.args, **bound.kwargs)
            layer = layer if plain else Called(layer, given, options, [name for name, _ in named])
            return layer, [distinct(*x) if isinstance(x, tuple) else x for x in shapes]

        return seeded(make, seed)

    yield Example(f"{kind.__name__}()", lambda seed=0: build(arguments, seed))
    for name, value in arguments.items():
        if isinstance(value, bool):
            other = {**arguments, name: not value}
            try:
                layer, xs = build(other)
                layer.to("float64")(*(Tensor(x) for x in xs))
            except (ValueError, TypeError):
                continue  # an option that asks for other inputs, or for another option
            yield Example(f"{kind.__name__}({name}={not value})", lambda seed=0, other=other: build(other, seed))


class Called(Module):
    r"""A layer, called with all that its doctest gives it: `given` and `options`, in which other tensors stand in for
    the tensors."""

    def __init__(self, layer: Module, given: tuple, options: dict[str, Any], names: list[str]):
        def forward(*xs: Tensor) -> Any:
            rest = iter(xs)
            return layer(*filled(given, rest), **filled(options, rest))

        forward.__signature__ = inspect.Signature(
            [inspect.Parameter(re.sub(r"\W", "_", name), inspect.Parameter.POSITIONAL_ONLY) for name in names]
        )
        self.layer, self.forward = layer, forward


def tensors(values: Iterable, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
    r"""The tensors among the values, and in lists, tuples and dicts among them, with their names: (name, tensor)."""
    for name, x in zip(names, values, strict=True):
        if isinstance(x, Tensor):
            yield name, x
        elif isinstance(x, dict):
            yield from tensors(x.values(), [f"{name}_{key}" for key in x])
        elif isinstance(x, list | tuple):
            yield from tensors(x, [f"{name}_{i}" for i in range(len(x))])


def filled(x: Any, rest: Iterator[Tensor]) -> Any:
    r"""x with the next of `rest` in place of each of its tensors."""
    if isinstance(x, dict):
        return {name: filled(v, rest) for name, v in x.items()}
    if isinstance(x, list | tuple):
        return type(x)([filled(v, rest) for v in x])
    return next(rest) if isinstance(x, Tensor) else x


def first_call(kind: type[Module], module: ModuleType) -> tuple[dict[str, Any], tuple, dict[str, Any]]:
    r"""The arguments of the constructor, and those, by place and by name, of the first call of a layer in its class's
    doctest, which sees what is in the module."""
    made: dict[int, dict] = {}
    calls: list[tuple[dict, tuple, dict]] = []
    init, call = kind.__init__, kind.__call__
    signature = inspect.signature(kind)

    def spy_init(self: Module, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if type(self) is kind:
            made[id(self)] = dict(bound.arguments)
        init(self, *args, **kwargs)

    def spy_call(self: Module, *args: Any, **kwargs: Any) -> Any:
        if id(self) in made:
            calls.append((made[id(self)], args, kwargs))
        return call(self, *args, **kwargs)

    names = dict(vars(module))
    with (
        mock.patch.object(kind, "__init__", spy_init),
        mock.patch.object(kind, "__call__", spy_call),
        contextlib.redirect_stdout(io.StringIO()),
        during(f"the doctest of {kind.__name__} fails", Path(module.__file__)),
    ):
        for part in doctest.DocTestParser().get_examples(inspect.getdoc(kind) or ""):
            if not part.options.get(doctest.SKIP):
                # an error that the doctest shows is none
                with contextlib.suppress(Exception) if part.exc_msg else contextlib.nullcontext():
                    exec(compile(part.source, f"<doctest of {kind.__name__}>", "single"), names)  # noqa: S102
    if not calls:
        raise StudyError(
            f"study: the docstring of {kind.__name__} needs a doctest that makes a layer and calls it, as in\n"
            f"    >>> {kind.__name__}(2, 4)(Tensor([[1.0, 2.0]])).shape"
        )
    return calls[0]


def input_names(function: Callable, count: int) -> list[str]:
    r"""What a function calls its first arguments; those of `*xs` are numbered.

    >>> input_names(lambda x, *state, option=True: x, 3)
    ['x', 'state 0', 'state 1']
    """
    names = []
    for p in inspect.signature(function).parameters.values():
        if p.kind == p.VAR_POSITIONAL:
            names += [f"{p.name} {i}" for i in range(count)]
        elif p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD):
            names.append(p.name)
    return names[:count]
