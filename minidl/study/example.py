r"""A layer on a small input: from the registry that the tests iterate, or from the doctest of a reader's own class."""

import contextlib
import copy
import doctest
import inspect
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.nn.module import Module
from minidl.study.find import StudyError, Topic
from minidl.tensor import Tensor
from minidl.testing.registry import PLACES, cases, seeded
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
        yield from from_doctest(topic.object)


def from_doctest(kind: type[Module]) -> Iterator[Example]:
    r"""The first layer of this class that its doctest makes and calls; and then, where that runs, the same with each
    option that is True or False turned round. StudyError if the doctest calls none."""
    arguments, inputs = first_call(kind)
    shapes = [x.shape if x.dtype.kind == "f" else x for x in inputs]

    def build(arguments: dict, seed: int = 0) -> tuple[Module, list]:
        def make() -> tuple[Module, list]:
            bound = inspect.signature(kind).bind_partial()
            bound.arguments.update(copy.deepcopy(arguments))
            layer = kind(*bound.args, **bound.kwargs)
            return layer, [distinct(*x) if isinstance(x, tuple) else x for x in shapes]

        return seeded(make, seed)

    yield Example(f"{kind.__name__}()", lambda seed=0: build(arguments, seed))
    for name, value in arguments.items():
        if isinstance(value, bool):
            other = {**arguments, name: not value}
            layer, xs = build(other)
            try:
                layer.to("float64")(*(Tensor(x) for x in xs))
            except (ValueError, TypeError):
                continue  # an option that asks for other inputs
            yield Example(f"{kind.__name__}({name}={not value})", lambda seed=0, other=other: build(other, seed))


def first_call(kind: type[Module]) -> tuple[dict[str, Any], list[np.ndarray]]:
    r"""The arguments of the constructor, and the inputs, of the first call of a layer in its class's doctest."""
    made: dict[int, dict] = {}
    calls: list[tuple[dict, list]] = []
    init, call = kind.__init__, kind.__call__
    signature = inspect.signature(kind)

    def spy_init(self: Module, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if type(self) is kind:
            made[id(self)] = dict(bound.arguments)
        init(self, *args, **kwargs)

    def spy_call(self: Module, *args: Any, **kwargs: Any) -> Any:
        if id(self) in made and not kwargs and all(isinstance(x, Tensor) for x in args):
            calls.append((made[id(self)], [x.numpy() for x in args]))
        return call(self, *args, **kwargs)

    parts = doctest.DocTestParser().get_examples(inspect.getdoc(kind) or "")
    names = dict(vars(inspect.getmodule(kind)))
    kind.__init__, kind.__call__ = spy_init, spy_call
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for part in parts:
                exec(compile(part.source, f"<doctest of {kind.__name__}>", "single"), names)  # noqa: S102
    except Exception as error:
        raise StudyError(f"study: the doctest of {kind.__name__} fails: {type(error).__name__}: {error}") from error
    finally:
        kind.__init__, kind.__call__ = init, call
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
        elif p.kind != p.KEYWORD_ONLY:
            names.append(p.name)
    return names[:count]
