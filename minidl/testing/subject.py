r"""The layer on the ladder: built afresh for every rung, run forward and backward, its results compared."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import backend
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor, _wrap
from minidl.testing.registry import seeded


class Result(NamedTuple):
    r"""One forward and backward: outputs, and gradients of the inputs and parameters (None where there is none)."""

    outputs: list[np.ndarray]
    inputs: list[np.ndarray | None]
    parameters: list[np.ndarray | None]


class Subject:
    r"""The layer on the ladder: made afresh for every rung."""

    def __init__(self, build: Callable[[int], tuple[Callable, list]], tolerance: float):
        self.build, self.tolerance = build, tolerance

    def fresh(self, dtype: str = "float64", seed: int = 0) -> tuple[Callable, list[Any]]:
        layer, inputs = self.build(seed)
        if isinstance(layer, Module):
            layer.to(dtype)
        return layer, [_as_array(x, dtype) for x in inputs]

    def run(
        self,
        dtype: str = "float64",
        inputs: list | None = None,
        arrange: Callable = lambda array: array,
        need_inputs: bool = True,
        need_parameters: bool = True,
    ) -> Result:
        r"""Forward, and backward from a random gradient."""
        layer, own = self.fresh(dtype)
        parameters = parameters_of(layer)
        for p in parameters:
            p.requires_grad_(need_parameters)
        xs = [leaf(arrange(x), need_inputs) for x in (own if inputs is None else inputs)]
        before = [x.numpy() for x in xs if isinstance(x, Tensor)]
        outputs = call(layer, xs)
        rng = np.random.default_rng(1)
        # drawn in float64 and rounded through float32, so that both dtypes are given the same
        ups = [rng.normal(size=y.shape).astype("float32").astype(y.dtype) for y in outputs]
        ups = [arrange(backend.to_backend(g, y.backend)) for g, y in zip(ups, outputs, strict=True)]
        copies = [backend.to_numpy(g).copy() for g in ups]
        if any(y.requires_grad for y in outputs):
            _Upstream(ups)(*outputs).backward()
        for old, x in zip(before, (x for x in xs if isinstance(x, Tensor)), strict=True):
            assert np.array_equal(old, x.numpy(), equal_nan=old.dtype.kind == "f"), "an input was written to"
        for old, g in zip(copies, ups, strict=True):
            assert np.array_equal(old, backend.to_numpy(g)), "the gradient from above was written to"
        return Result(
            [y.numpy() for y in outputs],
            [_grad(x) for x in xs if isinstance(x, Tensor)],
            [_grad(p) for p in parameters],
        )


class _Upstream(Function):
    """Hands given arrays, in the layout that they have, to the backward of its inputs."""

    def __init__(self, grads: list):
        self.grads = grads

    def forward(self, *ys):
        return backend.xp_of(ys[0]).zeros((), ys[0].dtype)

    def backward(self, dy):
        return tuple(self.grads)


def call(layer: Callable, xs: list) -> list[Tensor]:
    r"""The float outputs of layer(*xs); what is random in it is drawn from the same seed every time."""
    result = seeded(lambda: layer(*xs), 7)
    results = result if isinstance(result, tuple | list) else [result]
    assert all(isinstance(y, Tensor) for y in results), f"the result holds {type(results[0]).__name__}, not tensors"
    return [y for y in results if y.dtype.kind == "f"]


# ---- small parts ----
def is_float(x: Any) -> bool:
    return x.dtype.kind == "f"


def _as_array(x: Any, dtype: str) -> Any:
    """An input as an array of the current backend; a float one in this dtype."""
    array = backend.array(x._data if isinstance(x, Tensor) else np.asarray(x))
    return array.astype(dtype) if is_float(array) else array


def leaf(x: Any, need: bool) -> Tensor:
    leaf = _wrap(x)  # not Tensor(x), which would copy it into C order
    return leaf.requires_grad_(need and is_float(x))


def leaves(inputs: list) -> list[Tensor]:
    return [leaf(x, False) for x in inputs]


def parameters_of(layer: Callable) -> list[Tensor]:
    return list(layer.parameters()) if isinstance(layer, Module) else []


def _grad(x: Tensor) -> np.ndarray | None:
    return None if x.grad is None else backend.to_numpy(x.grad)


def _pairs(a: Result, b: Result) -> Iterator[tuple[str, Any, Any]]:
    for kind, ours, theirs in zip(("output", "gradient of input", "gradient of parameter"), a, b, strict=True):
        for i, pair in enumerate(itertools.zip_longest(ours, theirs)):
            yield f"{kind} {i}", *pair


def distance(a: Result, b: Result, tolerance: float) -> float:
    """The largest |a - b| / max(1, |b|) of all results; AssertionError above the tolerance."""
    return max(close(name, ours, theirs, tolerance) for name, ours, theirs in _pairs(a, b))


def close(name: str, a: np.ndarray | None, b: np.ndarray | None, tolerance: float) -> float:
    assert (a is None) == (b is None), f"{name}: once there is one, once there is none"
    if a is None:
        return 0.0
    assert a.shape == b.shape, f"{name} has shape {a.shape}, not {b.shape}"
    if np.array_equal(a, b):
        return 0.0
    error = np.abs(a.astype("float64") - b) / np.maximum(1.0, np.abs(b))
    worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    assert error[worst] <= tolerance, f"{name} at {[int(i) for i in worst]} is {a[worst]:.9g}, not {b[worst]:.9g}"
    return float(error[worst])
