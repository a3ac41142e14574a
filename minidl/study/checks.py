r"""What a page proves when it is made: every gradient, and how fast the kernels are beside their reference."""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minidl import backend, jit
from minidl.nn.module import Module
from minidl.study.example import Example, input_names
from minidl.study.page import Gradient, Speed
from minidl.testing.gradcheck import errors
from minidl.testing.subject import Subject, call, leaf

TOLERANCE = 1e-6  # of gradcheck
ENTRIES = 200_000  # numbers of the first input that speed is measured on, about
SIDES = 8
TURNS = 5
LONGEST = 0.5  # seconds that one way may take in all


def gradients(what: Callable, examples: Iterable[Example]) -> list[Gradient]:
    r"""The gradient check of every example of a layer or function: a row for each input and parameter that asks for a
    gradient, none where the result is no number to differentiate."""
    rows = []
    for example in examples:
        layer, inputs = Subject(example.build, TOLERANCE).fresh()
        parameters = layer.named_parameters() if isinstance(layer, Module) else ()
        named = [(name, p) for name, p in parameters if p.requires_grad]
        xs = [leaf(x, True) for x in inputs]
        names = input_names(getattr(layer, "forward", what), len(xs))
        labels = [name for name, x in zip(names, xs, strict=True) if x.requires_grad]
        # the registry puts some layers into a wrapper
        labels += [name if type(layer) is what else name.removeprefix("layer.") for name, _ in named]
        tensors = [x for x in xs if x.requires_grad] + [p for _, p in named]
        if not tensors:
            continue

        def function(*xs: Any, layer: Callable = layer) -> tuple:
            if isinstance(layer, Module):
                layer.reset_states()  # a stateful one goes on from the last call
            return tuple(call(layer, list(xs)))

        if not function(*xs):
            continue
        found = errors(function, xs, [p for _, p in named]).values()
        for label, tensor, worst in zip(labels, tensors, found, strict=True):
            passed = bool(worst.error <= TOLERANCE)
            rows.append(Gradient(example.label, label, tuple(tensor.shape), float(worst.error), passed))
    return rows


@contextlib.contextmanager
def reference() -> Iterator[None]:
    r"""Within it all kernels run their reference formulas."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("minidl.kernels.") and m]
    switched = [m for m in modules if getattr(m, "REFERENCE", None) is False]
    for m in switched:
        m.REFERENCE = True
    try:
        yield
    finally:
        for m in switched:
            m.REFERENCE = False


def speed(example: Example) -> Speed | None:
    r"""Forward and backward of the example with many more rows, by the kernels and by their references in turns; the
    fastest of a few turns each. None where nothing is compiled, or the example does not take more rows."""
    if not jit.COMPILES or backend.REFERENCE:
        return None
    try:
        step, shape = _repeated(example)
        step()
    except (ValueError, TypeError):
        return None
    times: dict[str, list[float]] = {"kernel": [], "reference": []}
    for _ in range(TURNS):
        times["kernel"].append(_seconds(step))
        with reference():
            times["reference"].append(_seconds(step))
        if sum(times["kernel"]) > LONGEST or sum(times["reference"]) > LONGEST:
            break
    return Speed(f"x {shape}, float32", min(times["kernel"]), min(times["reference"]))


def _repeated(example: Example) -> tuple[Callable[[], None], tuple]:
    """A step forward and backward, on the example's inputs repeated: its images to 8 times the height and width, its
    sequences to 8 times the length, as far as the layer takes that, and then many of them."""
    layer, inputs = Subject(example.build, TOLERANCE).fresh("float32")
    options = layer.keywords if isinstance(layer, functools.partial) else {}  # of a loss: labels, weights
    arrays = {name: x for name, x in options.items() if isinstance(x, np.ndarray)}
    shape = inputs[0].shape
    for axes in ((2, 3), (2,), (1,), ()):  # of (N, C, H, W), (N, C, L), (N, T, D), others
        if len(shape) <= max(axes, default=0) or (axes == (2,) and len(shape) != 3):
            continue
        larger = [_tiled(x, axes, SIDES) if x.shape == shape else x for x in inputs]
        times = max(1, ENTRIES // max(1, larger[0].size))
        xs = [leaf(_tiled(x, (0,), times), True) for x in larger]
        more = {name: _tiled(x, (0,), times) for name, x in arrays.items()}
        many = functools.partial(layer.func, **{**options, **more}) if options else layer
        try:
            outputs = call(many, xs)
            break
        except (ValueError, TypeError):
            if not axes:
                raise
    rng = np.random.default_rng(0)
    ups = [rng.normal(size=y.shape).astype(y.dtype) for y in outputs]

    def step() -> None:
        for y, g in zip(call(many, xs), ups, strict=True):
            if y.requires_grad:
                y.backward(g, retain_graph=True)

    return step, xs[0].shape


def _tiled(x: np.ndarray, axes: tuple[int, ...], times: int) -> np.ndarray:
    return np.tile(x, [times if axis in axes else 1 for axis in range(x.ndim)])


def _seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
