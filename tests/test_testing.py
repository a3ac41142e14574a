"""minidl.testing: every planted error is found, and what is right passes."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import Function, Tensor, nn
from minidl.testing import GradientError, check_layer, gradcheck, numerical_gradient
from minidl.testing import registry as registry_module
from minidl.testing.ladder import RUNGS
from minidl.testing.layouts import LAYOUTS
from minidl.testing.registry import Case, cases, register, seeded
from minidl.testing.strategies import arrays, geometries, layers, shapes
from minidl.testing.values import distinct

X = np.random.default_rng(0).normal(size=(3, 3))
W = np.random.default_rng(1).normal(size=(3, 3))


def operation(forward, backward):
    """forward(x, w) and backward(x, w, dy) as a function of tensors."""

    class Planted(Function):
        def forward(self, x, w):
            self.save(x, w)
            return forward(x, w)

        def backward(self, dy):
            return backward(*self.saved, dy)

    return lambda x, w: Planted()(x, w)


@pytest.mark.parametrize("place", [0, 1])
def test_a_gradient_of_nan_is_found_in_any_place(place):
    def backward(x, w, dy):
        grads = [dy, dy]
        grads[place] = dy * np.nan
        return tuple(grads)

    with pytest.raises(GradientError, match=f"input {place} .* relative error nan"):
        gradcheck(operation(lambda x, w: x + w, backward), [X, W])


def matmul(x, w):
    return x @ w.T


def square(x, w):
    return x * x + w


PLANTED = {
    "sign": (square, lambda x, w, dy: (-2 * x * dy, dy), "input 0"),
    "factor": (square, lambda x, w, dy: (x * dy, dy), "input 0"),
    "transposed weight": (matmul, lambda x, w, dy: (dy @ w.T, dy.T @ x), "input 0"),
    "right for ones only": (square, lambda x, w, dy: (2 * x, dy), "input 0"),
    "mean of the upstream": (square, lambda x, w, dy: (2 * x * dy.mean(), dy), "input 0"),
    "forgotten input": (square, lambda x, w, dy: (2 * x * dy, None), "input 1"),
    "swapped": (matmul, lambda x, w, dy: (dy.T @ x, dy @ w), "input"),
    "not a number": (square, lambda x, w, dy: (2 * x * dy * np.nan, dy), "input 0"),
    "one in a million": (square, lambda x, w, dy: (2 * x * dy * (1 + 1e-5), dy), "input 0"),
}


@pytest.mark.parametrize("error", PLANTED)
def test_gradcheck_finds(error):
    forward, backward, where = PLANTED[error]
    with pytest.raises(GradientError, match=where):
        gradcheck(operation(forward, backward), [X, W])


def test_gradcheck_passes_what_is_right():
    assert gradcheck(operation(matmul, lambda x, w, dy: (dy @ w, dy.T @ x)), [X, W]) < 1e-7
    assert gradcheck(operation(square, lambda x, w, dy: (2 * x * dy, dy)), [X, W]) < 1e-7


def test_gradcheck_finds_a_sum_over_a_broadcast_axis_that_is_missing():
    def row(x, b, dy):
        return dy, dy[0]  # of the right shape, but only the first of three

    with pytest.raises(GradientError, match=r"input 1 at \[\d\]"):
        gradcheck(operation(lambda x, b: x + b, row), [X, X[0]])


def test_the_report_names_the_worst_entry_and_both_values():
    def wrong_at_one(x, w, dy):
        dx = 2 * x * dy
        dx[1, 2] += 5
        return dx, dy

    with pytest.raises(GradientError) as caught:
        gradcheck(operation(square, wrong_at_one), [X, W])
    ours, numerical = (float(v) for v in _numbers(str(caught.value)))
    assert "input 0 at [1, 2]" in str(caught.value) and ours - numerical == pytest.approx(5, abs=1e-5)


def _numbers(message):
    return message.split("backward gives ")[1].split(", finite")[0], message.split("give ")[1].split(";")[0]


@pytest.mark.parametrize("size", [257, 10_000])
def test_one_wrong_entry_of_a_large_input_is_found(size):
    x = np.random.default_rng(0).normal(size=size)

    def wrong_at_one(x, w, dy):
        dx = 2 * x * dy
        dx[100] *= 1.01
        return dx, dy.sum()

    right = operation(square, lambda x, w, dy: (2 * x * dy, dy.sum()))
    assert gradcheck(right, [x, np.array(1.0)]) < 1e-6
    with pytest.raises(GradientError, match="input 0 along random direction"):
        gradcheck(operation(square, wrong_at_one), [x, np.array(1.0)])


def test_gradcheck_looks_at_parameters_and_at_every_output():
    layer = nn.Linear(3, 2).to("float64")
    assert gradcheck(lambda x: (layer(x), layer(x) * 2), [X], layer.parameters()) < 1e-7
    with pytest.raises(GradientError, match="parameter 0"):
        gradcheck(lambda x: x @ layer.weight.detach().transpose(0, 1), [X], [layer.weight])
    wrong = operation(square, lambda x, w, dy: (-2 * x * dy, dy))
    with pytest.raises(GradientError):
        gradcheck(lambda x, w: (x * w, wrong(x, w)), [X, W])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((abs, X), r"inputs must be a list of them, as in \[x\]"),
        ((None, [X]), "function must be a function or a layer, got None"),
        ((abs, [X], [X]), "parameters must hold tensors, got ndarray"),
    ],
)
def test_gradcheck_says_what_it_wants(arguments, message):
    with pytest.raises(TypeError, match=message):
        gradcheck(*arguments)


def test_check_layer_and_numerical_gradient_say_what_they_want():
    with pytest.raises(TypeError, match=r"check_layer: an input must be its shape, .* got \[\(2, 3\)\]"):
        check_layer(nn.ReLU, [(2, 3)])
    with pytest.raises(TypeError, match="check_layer: factory must be a class or a function, got None"):
        check_layer(None, (2, 3))
    with pytest.raises(TypeError, match="numerical_gradient: array must be a float64 array, got list"):
        numerical_gradient(lambda: 1.0, [1.0, 2.0])


def test_gradcheck_refuses_what_it_cannot_judge():
    with pytest.raises(TypeError, match="input 0 must be float64"):
        gradcheck(lambda x: x * 2, [X.astype("float32")])
    with pytest.raises(ValueError, match="nothing to check"):
        gradcheck(lambda ids: ids, [np.arange(3)])
    with pytest.raises(ValueError, match="another result every time"):
        gradcheck(lambda x: x * minidl.random.generator().random(), [X])
    with pytest.raises(ValueError, match="no float tensor"):
        gradcheck(lambda x: 3, [X])
    with pytest.raises(ValueError, match="NaN or infinity"):
        gradcheck(lambda x: x * np.inf, [X])
    with pytest.raises(GradientError, match="changed its input 0"):
        gradcheck(lambda x: _doubled(x) * 2, [Tensor(X, requires_grad=True)])


def _doubled(x):
    result = x * 1
    if minidl.grad_enabled():
        x._data *= 2
    return result


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 1, 2)])
def test_gradcheck_of_small_and_empty_shapes(shape):
    x = np.random.default_rng(0).normal(size=shape)
    assert gradcheck(lambda x: x * x, [x]) < 1e-7


def test_gradcheck_does_not_count_an_older_gradient():
    x = Tensor(np.ones(3), requires_grad=True)
    (x * 5).sum().backward()
    gradcheck(lambda x: x * 2, [x])


def test_a_function_of_any_number_of_tensors_is_no_factory():
    assert check_layer(lambda *xs: xs[0] * xs[1], (2,), (2,)).passed


def test_numerical_gradient_leaves_its_array_as_it_was():
    x = X.copy()
    assert np.allclose(numerical_gradient(lambda: np.sin(x).sum(), x), np.cos(X), atol=1e-8)
    assert np.array_equal(x, X)


# ---- check_layer ----
class Scale(nn.Module):
    """A right layer, with one thing spoilt."""

    def __init__(self, spoilt=""):
        self.spoilt = spoilt
        self.factor = nn.Parameter(minidl.random.generator().normal(size=3).astype("float32"))
        self.unused = nn.Parameter([1.0]) if spoilt == "trained" else None

    def forward(self, x):
        if self.spoilt == "rank":
            return x * self.factor
        if x.ndim != 2:
            raise ValueError(f"Scale: x must have shape (N, 3), got {x.shape}")
        if self.spoilt == "batch":
            x = x - x.mean()
        if self.spoilt == "empty" and len(x) == 0:
            x = minidl.ops.cat([x, Tensor(np.ones((1, 3)))], axis=0) if hasattr(minidl.ops, "cat") else x[:, :0].sum()
        if self.spoilt == "eval" and not self.training:
            raise RuntimeError("no eval")
        if self.spoilt == "state_dict":
            return Multiply(self.spoilt)(x, self.factor) * _hidden(self)
        return Multiply(self.spoilt)(x, self.factor)


def _hidden(module):
    vars(module).setdefault("hidden", float(module.factor.numpy()[0]))  # state that is not in the state_dict
    return module.hidden if module.hidden == float(module.factor.numpy()[0]) else 7.0


class Multiply(Function):
    def __init__(self, spoilt):
        self.spoilt = spoilt

    def forward(self, x, w):
        if self.spoilt == "unchanged":
            x = x.astype(x.dtype) if not x.flags.writeable else x
            x *= 1.5
            x /= 1.25
        self.save(x, w)
        if self.spoilt == "repeatable":
            return x * w * float(np.random.default_rng().random())
        if self.spoilt == "layouts" and not x.flags.c_contiguous:
            return x * w[::-1]
        y = x * w
        return y.astype("float64") if self.spoilt == "float32" else y

    def backward(self, dy):
        x, w = self.saved
        if self.spoilt == "frozen" and not self.needs_grad[0]:
            return None, 2 * x * dy
        if self.spoilt == "warning":
            dy = dy + 0 * np.log(np.zeros(1, dy.dtype))
        return (-1 if self.spoilt == "gradients" else 1) * w * dy, x * dy


def rungs_that_fail(spoilt):
    with pytest.raises(AssertionError) as caught:
        check_layer(lambda: Scale(spoilt), (4, 3), batch=True, empty=True, rank=True)
    return [line.split()[0] for line in str(caught.value).splitlines()[1:] if line.split()[1] == "FAILED"]


@pytest.mark.parametrize("spoilt", [*(r for r in RUNGS if r != "state_dict"), "batch", "empty", "rank"])
def test_each_rung_finds_its_fault(spoilt):
    if minidl.current() != "numpy":
        pytest.skip("the planted faults are written for NumPy arrays")
    assert spoilt in rungs_that_fail(spoilt)


def test_a_warning_fails():
    assert "gradients" in rungs_that_fail("warning")


def test_state_outside_of_the_state_dict_is_found():
    class Hidden(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([1.0, 2.0, 3.0])
            self.secret = Tensor(minidl.random.generator().normal(size=3).astype("float32"))  # neither kind

        def forward(self, x):
            return x * self.weight * self.secret

    with pytest.raises(AssertionError, match="state_dict +FAILED"):
        check_layer(Hidden, (2, 3))


def test_a_right_layer_passes_and_prints_a_table():
    report = check_layer(Scale, (4, 3), batch=True, empty=True, rank=True)
    assert report.passed and [row.rung for row in report.rows] == [*RUNGS, "batch", "empty", "rank"]
    assert str(report).splitlines()[0] == "Scale" and "gradients   ok      worst relative error" in str(report)


def test_plain_functions_and_integer_inputs():
    assert check_layer(minidl.ops.exp, (2, 3)).passed
    assert check_layer(lambda x, ids: x[ids], (5, 2), np.array([0, 3, 3])).passed
    assert check_layer(lambda x, w: (x * w, x + w), (2, 3), (3,)).passed


def test_check_layer_leaves_the_generator_alone():
    minidl.manual_seed(3)
    wanted = minidl.random.generator().random()
    minidl.manual_seed(3)
    check_layer(lambda: nn.Linear(2, 2), (1, 2))
    assert minidl.random.generator().random() == wanted


def test_check_layer_keeps_the_callers_warnings_filter():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = list(warnings.filters)
        check_layer(lambda: nn.Linear(2, 2), (1, 2))
        assert warnings.filters == before


# ---- registry, values, strategies ----
def test_cases_vary_one_option_at_a_time(monkeypatch):
    monkeypatch.setattr(registry_module, "PLACES", {})

    def thing():
        pass

    @register(thing)
    def _(pick):
        mode = pick("mode", "a", "b")
        return thing, [(mode, pick("size", 1, 2, 3), pick("only of b", 0, 1) if mode == "b" else None)]

    found = [case.build()[1][0] for case in cases(thing)]
    assert found == [("a", 1, None), ("b", 1, 0), ("a", 2, None), ("a", 3, None), ("b", 1, 1)]
    with pytest.raises(ValueError, match="has a place"):
        register(thing)(lambda pick: None)


def test_a_case_is_built_the_same_every_time():
    case = Case(nn.Linear, {"in_features": 1}, seed=5)
    (a, x), (b, y), (c, z) = case.build(), case.build(), case.build(6)
    assert np.array_equal(a.weight.numpy(), b.weight.numpy()) and np.array_equal(x, y)
    assert not np.array_equal(a.weight.numpy(), c.weight.numpy()) and not np.array_equal(x, z)
    assert str(case) == "Linear(in_features=1)"


@given(shapes(max_dims=3), st.integers(0, 1000))
def test_distinct_values_are_distinct(shape, seed):
    x = np.sort(seeded(lambda: distinct(*shape), seed).ravel())
    assert x.size < 2 or np.diff(x).min() > 0.005
    assert not x.size or np.abs(x).min() > 0.001


@given(geometries(), st.integers(1, 2))
def test_geometries_fit(g, axes):
    for n, k, s, (before, after), d, o in zip(*g, strict=True):
        assert n >= 1 and o == (n + before + after - d * (k - 1) - 1) // s + 1 >= 1


@given(arrays())
def test_arrays_have_the_layout_that_was_asked_for(x):
    assert x.dtype in (np.float32, np.float64) and np.isfinite(x).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_keep_the_values(layout):
    for shape in [(), (0, 2), (3,), (2, 3, 4)]:
        x = np.random.default_rng(0).normal(size=shape)
        y = LAYOUTS[layout](x)
        assert np.array_equal(x, y) and y.shape == x.shape and not np.shares_memory(x, y)
    assert not LAYOUTS["read-only"](x).flags.writeable
    assert layout == "read-only" or not y.flags.c_contiguous


@given(layers(nn.Linear))
def test_hypothesis_draws_registered_layers(case):
    layer, (x,) = case.build()
    assert layer(Tensor(x.astype("float32"))).shape[-1] == layer.out_features


def test_hypothesis_is_needed_only_for_the_strategies():
    program = """
import sys
sys.modules["hypothesis"] = None
import minidl.testing
try:
    import minidl.testing.strategies
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 'pip install "minidl[test]"' in done.stdout
