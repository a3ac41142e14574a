r"""check_layer: the whole ladder for a layer of your own, in one line.

>>> from minidl import nn
>>> report = check_layer(lambda: nn.Linear(3, 2), (4, 3), batch=True)
>>> report.passed
True

Each rung tests one promise that every layer of minidl keeps:

| rung | promise |
|---|---|
| gradients | backward is the derivative of forward (finite differences in float64) |
| float32 | float32 in, float32 out, and the numbers of float64 up to rounding; gradients too |
| repeatable | the same seed gives the same bits |
| unchanged | neither the inputs nor the gradient from above are written to |
| layouts | transposed, sliced, reversed and read-only arrays give the same numbers |
| frozen | what does not ask for a gradient gets none, and changes no other |
| trained | every parameter gets a gradient |
| state_dict | weights put into another one of its kind make it equal |
| eval | it runs in evaluation mode too |
| batch (on request) | each example is treated by itself |
| empty (on request) | a batch of no examples gives no results, and gradients of zero |
| rank (on request) | an input with one axis too many is a ValueError or TypeError |

A RuntimeWarning on any of them is an error.
"""

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import backend
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor, _wrap, no_grad
from minidl.testing.gradcheck import gradcheck
from minidl.testing.registry import Case, seeded
from minidl.testing.values import distinct


class Row(NamedTuple):
    r"""One rung: its name, whether it held, and a figure or what went wrong."""

    rung: str
    passed: bool
    note: str


class Report:
    r"""What `check_layer` found; print it for a table."""

    def __init__(self, name: str, rows: list[Row]):
        self.name, self.rows = name, rows

    @property
    def passed(self) -> bool:
        r"""Whether every rung held."""
        return all(row.passed for row in self.rows)

    def __str__(self) -> str:
        lines = [f"{r.rung:<12}{'ok    ' if r.passed else 'FAILED'}  {r.note}".rstrip() for r in self.rows]
        return "\n".join([self.name, *(f"  {line}" for line in lines)])

    __repr__ = __str__


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
        parameters = _parameters(layer)
        for p in parameters:
            p.requires_grad_(need_parameters)
        xs = [_leaf(arrange(x), need_inputs) for x in (own if inputs is None else inputs)]
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


# ---- the rungs: each returns a figure (or a note), and raises where its promise is broken ----
def gradients(s: Subject) -> str:
    layer, inputs = s.fresh()
    parameters = _parameters(layer)

    def function(*xs: Any) -> tuple:
        return tuple(call(layer, list(xs)))

    leaves = [_leaf(x, True) for x in inputs]
    if not parameters and not any(isinstance(x, Tensor) and x.requires_grad for x in leaves):
        return "nothing to differentiate"
    return f"worst relative error {gradcheck(function, leaves, parameters, tolerance=s.tolerance):.1e}"


def float32(s: Subject) -> str:
    inputs = [x.astype("float32") if _is_float(x) else x for x in s.fresh()[1]]
    narrow = s.run("float32", inputs)
    wide = s.run("float64", [x.astype("float64") if _is_float(x) else x for x in inputs])
    for kind, results in narrow._asdict().items():
        for a in results:
            assert a is None or a.dtype == np.float32, f"float32 in, but {kind} has {a.dtype}"
    for a in wide.outputs:
        assert a.dtype == np.float64, f"float64 in, but the output has {a.dtype}"
    return f"distance from float64 {_distance(narrow, wide, 1e-4):.1e}"


def repeatable(s: Subject) -> str:
    _distance(s.run(), s.run(), 0.0)
    return ""


def unchanged(s: Subject) -> str:
    s.run()  # compares before and after by itself
    return ""


def layouts(s: Subject) -> str:
    plain = s.run()
    for name, arrange in LAYOUTS.items():
        try:
            _distance(s.run(arrange=arrange), plain, 1e-9)
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error
    return ", ".join(LAYOUTS)


def frozen(s: Subject) -> str:
    plain = s.run()
    fixed_inputs, fixed_parameters = s.run(need_inputs=False), s.run(need_parameters=False)
    assert all(g is None for g in fixed_inputs.inputs), "an input that asks for no gradient got one"
    assert all(g is None for g in fixed_parameters.parameters), "a parameter that asks for no gradient got one"
    _distance(fixed_inputs, plain._replace(inputs=fixed_inputs.inputs), 1e-12)
    _distance(fixed_parameters, plain._replace(parameters=fixed_parameters.parameters), 1e-12)
    layer, inputs = s.fresh()
    xs = [_leaf(x, True) for x in inputs]
    with no_grad():
        made = [y for y in call(layer, xs) if not any(y is x for x in xs)]  # some layers return their very input
    assert not any(y.requires_grad for y in made), "the result requires a gradient under no_grad"
    return ""


def trained(s: Subject) -> str:
    layer, _ = s.fresh()
    names = [n for n, _ in layer.named_parameters()] if isinstance(layer, Module) else []
    for name, g in zip(names, s.run().parameters, strict=True):
        assert g is not None, f"{name} gets no gradient"
        assert np.isfinite(g).all(), f"the gradient of {name} is not finite"
    return f"{len(names)} parameters"


def state_dict(s: Subject) -> str:
    layer, inputs = s.fresh()
    if not isinstance(layer, Module):
        return "not a module"
    other, _ = s.fresh(seed=1)
    state = layer.state_dict()
    other.load_state_dict(state)
    for name, value in other.state_dict().items():
        assert np.array_equal(value, state[name]), f"{name} is not what was loaded"
    for a, b in zip(call(layer, _leaves(inputs)), call(other, _leaves(inputs)), strict=True):
        assert np.array_equal(a.numpy(), b.numpy(), equal_nan=True), "with the same state it computes something else"
    return f"{len(state)} entries"


def evaluation(s: Subject) -> str:
    layer, inputs = s.fresh("float32")
    if not isinstance(layer, Module):
        return "not a module"
    for y in call(layer.eval(), _leaves(inputs)):
        assert y.dtype == np.float32, f"float32 in, but the output has {y.dtype}"
    return ""


def batch(s: Subject) -> str:
    layer, inputs = s.fresh()
    whole = call(layer, _leaves(inputs))
    for i in range(len(inputs[0])):
        alone = call(s.fresh()[0], _leaves([x[i : i + 1] for x in inputs]))
        for a, b in zip(alone, whole, strict=True):
            _close(f"example {i}", a.numpy(), b.numpy()[i : i + 1], 1e-9)
    return ""


def empty(s: Subject) -> str:
    result = s.run(inputs=[x[:0] for x in s.fresh()[1]])
    for y in result.outputs:
        assert y.shape[:1] == (0,), f"a batch of no examples gives {y.shape}"
    for g in result.parameters:
        assert g is None or not g.any(), "a batch of no examples gives a gradient other than 0"
    return ""


def rank(s: Subject) -> str:
    layer, inputs = s.fresh()
    try:
        call(layer, _leaves([inputs[0][None], *inputs[1:]]))
    except (ValueError, TypeError) as error:
        return str(error)
    raise AssertionError(f"an input of shape {(1, *inputs[0].shape)} is no error")


RUNGS: dict[str, Callable[[Subject], str]] = {
    "gradients": gradients,
    "float32": float32,
    "repeatable": repeatable,
    "unchanged": unchanged,
    "layouts": layouts,
    "frozen": frozen,
    "trained": trained,
    "state_dict": state_dict,
    "eval": evaluation,
}
ON_REQUEST = {"batch": batch, "empty": empty, "rank": rank}


def check_layer(
    factory: Callable | Case,
    *inputs: Any,
    batch: bool = False,
    empty: bool = False,
    rank: bool = False,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Report:
    r"""Put a layer on every rung of the ladder.

    factory: a Module class or a function without arguments that makes a module; or a plain function of tensors.
    inputs: for each input its shape (it is filled with distinct numbers away from 0, see `values.distinct`) or an
        array (float64, or integers for labels and indices).
    batch, empty, rank: the rungs on request. tolerance: of the gradients, relative.
    Returns a report that prints as a table. Raises AssertionError, with that table, if a rung does not hold.

    >>> import minidl
    >>> print(check_layer(minidl.ops.exp, (2, 3)))     # doctest: +ELLIPSIS
    exp
      gradients   ok      worst relative error ...
    """
    if isinstance(factory, Case):
        name, build = str(factory), factory.build
    else:
        name = getattr(factory, "__name__", type(factory).__name__)
        make = factory if _takes_nothing(factory) else lambda: factory

        def build(seed_now: int) -> tuple[Callable, list]:
            return seeded(lambda: (make(), [distinct(*x) if isinstance(x, tuple) else x for x in inputs]), seed_now)

    subject = Subject(lambda k: build(seed + k), tolerance)
    wanted = {"batch": batch, "empty": empty, "rank": rank}
    rungs = {**RUNGS, **{name: ON_REQUEST[name] for name, on in wanted.items() if on}}
    report = Report(name, [_tried(name, rung, subject) for name, rung in rungs.items()])
    if not report.passed:
        raise AssertionError(f"check_layer: {report}")
    return report


def _tried(name: str, rung: Callable[[Subject], str], subject: Subject) -> Row:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return Row(name, True, rung(subject))
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            return Row(name, False, f"{kind}{error}")


# ---- small parts ----
def _sliced(x: Any) -> Any:
    """Every other entry along each axis of an array that holds a bad number everywhere else."""
    xp = backend.xp_of(x)
    large = xp.full(tuple(2 * n + 1 for n in x.shape), np.nan if x.dtype.kind == "f" else -(10**9), x.dtype)
    view = large[(..., *(slice(1, None, 2) for _ in x.shape))]  # with ... also a 0-d result is a view
    view[...] = x
    return view


def _reversed(x: Any) -> Any:
    back = (..., *(slice(None, None, -1) for _ in x.shape))
    return x[back].copy()[back]


def _read_only(x: Any) -> Any:
    x = x.copy()
    if not backend.on_gpu(x):
        x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.T.copy().T,
    "sliced": _sliced,
    "reversed": _reversed,
    "read-only": _read_only,
}


def _takes_nothing(factory: Callable) -> bool:
    if inspect.isclass(factory):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(factory).parameters.values()
    return not any(p.kind == p.VAR_POSITIONAL or (p.kind in kinds and p.default is p.empty) for p in parameters)


def _is_float(x: Any) -> bool:
    return x.dtype.kind == "f"


def _as_array(x: Any, dtype: str) -> Any:
    """An input as an array of the current backend; a float one in this dtype."""
    array = backend.array(x._data if isinstance(x, Tensor) else np.asarray(x))
    return array.astype(dtype) if _is_float(array) else array


def _leaf(x: Any, need: bool) -> Tensor:
    leaf = _wrap(x)  # not Tensor(x), which would copy it into C order
    return leaf.requires_grad_(need and _is_float(x))


def _leaves(inputs: list) -> list[Tensor]:
    return [_leaf(x, False) for x in inputs]


def _parameters(layer: Callable) -> list[Tensor]:
    return list(layer.parameters()) if isinstance(layer, Module) else []


def _grad(x: Tensor) -> np.ndarray | None:
    return None if x.grad is None else backend.to_numpy(x.grad)


def _pairs(a: Result, b: Result) -> Iterator[tuple[str, Any, Any]]:
    for kind, ours, theirs in zip(("output", "gradient of input", "gradient of parameter"), a, b, strict=True):
        for i, pair in enumerate(itertools.zip_longest(ours, theirs)):
            yield f"{kind} {i}", *pair


def _distance(a: Result, b: Result, tolerance: float) -> float:
    """The largest |a - b| / max(1, |b|) of all results; AssertionError above the tolerance."""
    return max(_close(name, ours, theirs, tolerance) for name, ours, theirs in _pairs(a, b))


def _close(name: str, a: np.ndarray | None, b: np.ndarray | None, tolerance: float) -> float:
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
