"""Every layer and loss, with every value of every option, on every rung of the ladder.

HYPOTHESIS_PROFILE=deep draws all options at once, some hundred times a layer.
"""

import functools
import inspect

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, losses, nn
from minidl.testing import check_layer
from minidl.testing.registry import PLACES, cases
from minidl.testing.strategies import layers
from minidl.testing.subject import call

LAYERS = [getattr(nn, name) for name in nn.__all__ if inspect.isclass(getattr(nn, name))]
LAYERS = [layer for layer in LAYERS if issubclass(layer, nn.Module) and layer is not nn.Module]
CASES = [case for layer in PLACES for case in cases(layer)]
# the deep profile draws as many examples a layer as it says, the others a handful
DRAWN = hypothesis.settings.default.max_examples if hypothesis.settings.default.max_examples > 100 else 4

# options that no case varies, and why
FIXED = {}


def test_every_layer_and_loss_has_a_place():
    missing = {layer.__name__ for layer in [*LAYERS, *losses.LOSSES.values()] if layer not in PLACES}
    assert not missing, f"give them a place in minidl/testing/registered_layers.py: {missing}"


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_option_of_a_layer_is_varied(layer, monkeypatch):
    signature = inspect.signature(layer)
    seen = {name: set() for name in signature.parameters}
    original = layer.__init__

    @functools.wraps(original)  # the registry looks at its signature
    def spy(self, *args, **options):
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            seen[name].add(repr(value))
        original(self, *args, **options)

    if signature.parameters:
        monkeypatch.setattr(layer, "__init__", spy)
    for case in cases(layer):
        case.build()
    never = {name for name, values in seen.items() if len(values) < 2 and (layer.__name__, name) not in FIXED}
    assert not never, f"{layer.__name__}: the registry never varies {never}"


@pytest.mark.parametrize("loss", losses.LOSSES.values(), ids=losses.LOSSES)
def test_every_option_of_a_loss_is_varied(loss):
    seen = {}
    for case in cases(loss):
        call, inputs = case.build()
        bound = inspect.signature(loss).bind(*inputs, **call.keywords)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            seen.setdefault(name, set()).add(repr(value))
    never = {name for name in inspect.signature(loss).parameters if len(seen[name]) < 2}
    assert not never, f"{loss.__name__}: the registry never varies {never}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_ladder(case):
    check_layer(case, **PLACES[case.layer].promises)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_gradient_asked_for_alone_is_the_same(case):
    def gradients(asked=None):
        layer, inputs = case.build()
        leaves = [Tensor(x) for x in inputs]
        parameters = list(layer.to("float64").parameters()) if isinstance(layer, nn.Module) else []
        floats = [t for t in [*leaves, *parameters] if t.dtype.kind == "f"]
        for k, t in enumerate(floats):
            t.requires_grad_(asked in (None, k))
        rng = np.random.default_rng(1)
        # each output times a random gradient of its own, added up
        sum((y * Tensor(rng.normal(size=y.shape))).sum() for y in call(layer, leaves)).backward()
        return [None if t.grad is None else Tensor(t.grad).numpy() for t in floats]

    for k, wanted in enumerate(gradients()):
        found = gradients(k)
        np.testing.assert_array_equal(found.pop(k), wanted)
        assert found == [None] * len(found)


@pytest.mark.parametrize("layer", PLACES, ids=lambda layer: layer.__name__)
@hypothesis.settings(max_examples=DRAWN, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(data=st.data())
def test_the_ladder_with_all_options_drawn(layer, data):
    check_layer(data.draw(layers(layer)), **PLACES[layer].promises)
