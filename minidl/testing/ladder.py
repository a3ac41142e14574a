r"""The rungs of the ladder that `check_layer` puts a layer on (their promises are listed in layer.py).

Each returns a figure or a note, and raises AssertionError where its promise is broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.nn.module import Module
from minidl.tensor import Tensor, no_grad
from minidl.testing.gradcheck import gradcheck
from minidl.testing.layouts import LAYOUTS
from minidl.testing.subject import Subject, call, close, distance, is_float, leaf, leaves, parameters_of


def gradients(s: Subject) -> str:
    layer, inputs = s.fresh()
    parameters = parameters_of(layer)

    def function(*xs: Any) -> tuple:
        return tuple(call(layer, list(xs)))

    leaves = [leaf(x, True) for x in inputs]
    if not parameters and not any(isinstance(x, Tensor) and x.requires_grad for x in leaves):
        return "nothing to differentiate"
    return f"worst relative error {gradcheck(function, leaves, parameters, tolerance=s.tolerance):.1e}"


def float32(s: Subject) -> str:
    inputs = [x.astype("float32") if is_float(x) else x for x in s.fresh()[1]]
    narrow = s.run("float32", inputs)
    wide = s.run("float64", [x.astype("float64") if is_float(x) else x for x in inputs])
    for kind, results in narrow._asdict().items():
        for a in results:
            assert a is None or a.dtype == np.float32, f"float32 in, but {kind} has {a.dtype}"
    for a in wide.outputs:
        assert a.dtype == np.float64, f"float64 in, but the output has {a.dtype}"
    return f"distance from float64 {distance(narrow, wide, 1e-4):.1e}"


def repeatable(s: Subject) -> str:
    distance(s.run(), s.run(), 0.0)
    return ""


def unchanged(s: Subject) -> str:
    s.run()  # compares before and after by itself
    return ""


def layouts(s: Subject) -> str:
    plain = s.run()
    for name, arrange in LAYOUTS.items():
        try:
            distance(s.run(arrange=arrange), plain, 1e-9)
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error
    return ", ".join(LAYOUTS)


def frozen(s: Subject) -> str:
    plain = s.run()
    fixed_inputs, fixed_parameters = s.run(need_inputs=False), s.run(need_parameters=False)
    assert all(g is None for g in fixed_inputs.inputs), "an input that asks for no gradient got one"
    assert all(g is None for g in fixed_parameters.parameters), "a parameter that asks for no gradient got one"
    distance(fixed_inputs, plain._replace(inputs=fixed_inputs.inputs), 1e-12)
    distance(fixed_parameters, plain._replace(parameters=fixed_parameters.parameters), 1e-12)
    layer, inputs = s.fresh()
    xs = [leaf(x, True) for x in inputs]
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
    for a, b in zip(call(layer, leaves(inputs)), call(other, leaves(inputs)), strict=True):
        assert np.array_equal(a.numpy(), b.numpy(), equal_nan=True), "with the same state it computes something else"
    return f"{len(state)} entries"


def evaluation(s: Subject) -> str:
    layer, inputs = s.fresh("float32")
    if not isinstance(layer, Module):
        return "not a module"
    for y in call(layer.eval(), leaves(inputs)):
        assert y.dtype == np.float32, f"float32 in, but the output has {y.dtype}"
    return ""


def batch(s: Subject) -> str:
    layer, inputs = s.fresh()
    whole = call(layer, leaves(inputs))
    for i in range(len(inputs[0])):
        alone = call(s.fresh()[0], leaves([x[i : i + 1] for x in inputs]))
        for a, b in zip(alone, whole, strict=True):
            close(f"example {i}", a.numpy(), b.numpy()[i : i + 1], 1e-9)
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
        call(layer, leaves([inputs[0][None], *inputs[1:]]))
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
