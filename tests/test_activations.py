"""The activations: their definitions, gradients, far-out inputs, kinks and errors; and erfc, which GELU stands on."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.backend import to_numpy, xp_of
from minidl.kernels import erf
from minidl.nn.selu import ALPHA, LAMBDA
from minidl.testing import check_layer, strategies, values

SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # as the paper prints them


def softplus(x, beta=1.0, threshold=20.0):
    return x if beta * x > threshold else math.log1p(math.exp(beta * x)) / beta


def gelu_tanh(x):
    return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x, alpha=1.0):
    return x if x > 0 else alpha * math.expm1(x)


# name: (layer, its definition for one number)
POINTWISE = {
    "ReLU": (nn.ReLU, lambda x: max(x, 0)),
    "LeakyReLU": (nn.LeakyReLU, lambda x: max(x, 0) + 0.01 * min(x, 0)),
    "LeakyReLU(0.3)": (lambda: nn.LeakyReLU(0.3), lambda x: max(x, 0) + 0.3 * min(x, 0)),
    "LeakyReLU(0)": (lambda: nn.LeakyReLU(0), lambda x: max(x, 0)),
    "LeakyReLU(-1)": (lambda: nn.LeakyReLU(-1), abs),
    "PReLU": (nn.PReLU, lambda x: max(x, 0) + 0.25 * min(x, 0)),
    "PReLU(init=-0.5)": (lambda: nn.PReLU(init=-0.5), lambda x: max(x, 0) - 0.5 * min(x, 0)),
    "ELU": (nn.ELU, elu),
    "ELU(1.7)": (lambda: nn.ELU(1.7), lambda x: elu(x, 1.7)),
    "SELU": (nn.SELU, lambda x: SCALE * elu(x, SELU_ALPHA)),
    "GELU": (nn.GELU, lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2)))),
    "GELU(tanh)": (lambda: nn.GELU(approximate="tanh"), gelu_tanh),
    "SiLU": (nn.SiLU, lambda x: x / (1 + math.exp(-x))),
    "Softplus": (nn.Softplus, softplus),
    "Softplus(3)": (lambda: nn.Softplus(beta=3), lambda x: softplus(x, beta=3)),
    "Softplus(2, 1)": (lambda: nn.Softplus(2, threshold=1), lambda x: softplus(x, 2, 1)),
    "Sigmoid": (nn.Sigmoid, lambda x: 1 / (1 + math.exp(-x))),
    "Tanh": (nn.Tanh, math.tanh),
}
ROWS = {"Softmax": nn.Softmax, "LogSoftmax": nn.LogSoftmax}
ALL = {**{name: make for name, (make, _) in POINTWISE.items()}, **ROWS}


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2), (1, 1)])
@pytest.mark.parametrize("name", ALL)
def test_ladder(name, shape):
    x = values.distinct(*shape)
    if name == "Softplus(2, 1)":
        x = np.where(abs(2 * x - 1) < 0.01, 0.1, x)  # not at the threshold, where its slope jumps
    assert check_layer(ALL[name], x, batch=True, empty=True).passed


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("name", ROWS)
def test_ladder_of_every_axis(name, axis):
    assert check_layer(lambda: ROWS[name](axis), values.normal(3, 1, 4)).passed


def test_ladder_of_a_slope_for_each_channel():
    for shape in ((4, 3), (2, 3, 2), (2, 3, 2, 2)):
        assert check_layer(lambda: nn.PReLU(3), shape, batch=True, empty=True).passed


@given(st.sampled_from(sorted(POINTWISE)), st.data())
@settings(max_examples=150)
def test_definition(name, data):
    make, definition = POINTWISE[name]
    x = data.draw(strategies.arrays()) * 3
    layer = make().to(x.dtype.name)
    y = layer(Tensor(x)).numpy()
    assert y.dtype == x.dtype and y.shape == x.shape
    expected = np.vectorize(definition, otypes=["float64"])(x.astype("float64")) if x.size else x
    rtol, atol = (1e-13, 1e-14) if x.dtype == np.float64 else (3e-6, 2e-6)
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=atol)


@given(strategies.shapes(min_dims=1, min_side=1), st.data())
@settings(max_examples=60)
def test_softmax_definition(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = data.draw(strategies.arrays(shape, dtype="float64")) * 5
    e = np.exp(x)
    expected = e / e.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(nn.softmax(Tensor(x), axis).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(nn.log_softmax(Tensor(x), axis).numpy(), np.log(expected), rtol=0, atol=1e-12)


# ---- far out: neither a warning (an error here) nor a number that is not the limit ----
FAR = np.array([-1e4, -1e3, -89.0, -50.0, 0.0, 50.0, 89.0, 1e3, 1e4])
LEFT = {"ELU": -1, "ELU(1.7)": -1.7, "SELU": -SCALE * SELU_ALPHA, "Tanh": -1}  # y at -infinity, where it is not 0 ...
LEFT_SLOPE = {"LeakyReLU": 0.01, "LeakyReLU(0.3)": 0.3, "LeakyReLU(-1)": -1, "PReLU": 0.25, "PReLU(init=-0.5)": -0.5}
RIGHT = {"Sigmoid": 1, "Tanh": 1}  # ... and at +infinity, where it is not x
RIGHT_SLOPE = {"Sigmoid": 0, "Tanh": 0, "SELU": SCALE}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", POINTWISE)
def test_far_inputs(name, dtype):
    x = Tensor(FAR.astype(dtype), requires_grad=True)
    y = POINTWISE[name][0]().to(dtype)(x)
    g = np.random.default_rng(0).normal(size=FAR.shape).astype(dtype)
    y.backward(g)
    y, slope = y.numpy(), to_numpy(x.grad) / g
    assert np.isfinite(y).all() and np.isfinite(slope).all()
    np.testing.assert_allclose(y[:2], LEFT.get(name, FAR[:2] * LEFT_SLOPE.get(name, 0)), rtol=1e-6, atol=1e-20)
    np.testing.assert_allclose(slope[:2], LEFT_SLOPE.get(name, 0), rtol=1e-6, atol=1e-20)
    np.testing.assert_allclose(y[-3:], RIGHT.get(name, FAR[-3:] * RIGHT_SLOPE.get(name, 1)), rtol=1e-6)
    np.testing.assert_allclose(slope[-3:], RIGHT_SLOPE.get(name, 1), rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize("name", POINTWISE)
def test_no_power_of_a_huge_input_overflows(name):
    x = Tensor(np.array([-1e30, 1e30], "float32"), requires_grad=True)
    y = POINTWISE[name][0]()(x)
    y.backward(np.array([0.5, 2.0], "float32"))
    assert np.isfinite(y.numpy()).all() and np.isfinite(to_numpy(x.grad)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_of_far_inputs(dtype):
    x = Tensor(np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [88.0, 89.0, 90.0]], dtype), requires_grad=True)
    y, l = nn.softmax(x).numpy(), nn.log_softmax(x)
    np.testing.assert_allclose(y[:2], [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    np.testing.assert_allclose(l.numpy()[0], [0, -2e4, -1e4])
    np.testing.assert_allclose(y[2], np.exp(l.numpy()[2]), rtol=1e-5)
    l.backward(np.random.default_rng(0).normal(size=(3, 3)).astype(dtype))
    np.testing.assert_allclose(to_numpy(x.grad).sum(axis=1), 0, atol=1e-6)


def test_log_softmax_keeps_the_digits_that_the_logarithm_of_softmax_loses():
    assert nn.log_softmax(Tensor(np.array([0.0, 800.0]))).numpy().tolist() == [-800.0, 0.0]
    assert nn.softmax(Tensor(np.array([0.0, 800.0]))).numpy()[0] == 0
    tiny = nn.log_softmax(Tensor(np.array([0.0, 40.0]))).numpy()[1]
    assert tiny == 0 or abs(tiny + math.exp(-40)) < 1e-17


@pytest.mark.parametrize("name", ALL)
def test_a_nan_stays_one(name):
    y = ALL[name]().to("float64")(Tensor(np.array([[1.0, np.nan], [2.0, -1.0]]))).numpy()
    assert np.isnan(y[0, 1]) and not np.isnan(y[1]).any()


# ---- kinks, as the docstrings say ----
KINKS = {
    "ReLU": 0.0,
    "LeakyReLU": 0.01,
    "PReLU": 0.25,
    "ELU": 1.0,
    "ELU(1.7)": 1.7,
    "SELU": SCALE * SELU_ALPHA,
    "GELU": 0.5,
    "GELU(tanh)": 0.5,
    "SiLU": 0.5,
    "Softplus": 0.5,
    "Sigmoid": 0.25,
    "Tanh": 1.0,
}


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("name", KINKS)
def test_slope_at_zero(name, zero):
    x = Tensor(np.array([zero]), requires_grad=True)
    POINTWISE[name][0]().to("float64")(x).backward(np.array([-3.0]))
    np.testing.assert_allclose(to_numpy(x.grad), [-3 * KINKS[name]], rtol=1e-12)


# ---- a behaviour of their own ----
def grid():
    return np.linspace(-6, 6, 241)


def apply(layer, x):
    return layer.to("float64")(Tensor(x)).numpy()


def test_softmax_rows_are_probabilities_and_shifts_do_not_matter():
    x = values.normal(5, 7)
    y = nn.softmax(Tensor(x)).numpy()
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    assert (y > 0).all()
    np.testing.assert_allclose(nn.softmax(Tensor(x + 100)).numpy(), y, rtol=1e-12)


def test_softmax_of_two_is_a_sigmoid():
    x = grid()
    two = nn.softmax(Tensor(np.stack([x, 0 * x], axis=1))).numpy()[:, 0]
    np.testing.assert_allclose(two, apply(nn.Sigmoid(), x), rtol=1e-13)


def test_the_derivative_of_softplus_is_the_sigmoid():
    x = Tensor(grid(), requires_grad=True)
    nn.softplus(x).sum().backward()
    np.testing.assert_allclose(to_numpy(x.grad), apply(nn.Sigmoid(), grid()), rtol=1e-13)


def test_softplus_is_x_above_its_threshold_and_not_below():
    x = Tensor(np.array([0.5, 0.51]), requires_grad=True)
    y = nn.softplus(x, beta=2.0, threshold=1.0)
    y.sum().backward()
    sigma = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(y.numpy(), [math.log1p(math.e) / 2, 0.51], rtol=1e-14)
    np.testing.assert_allclose(to_numpy(x.grad), [sigma, 1.0], rtol=1e-14)


def test_softplus_minus_its_mirror_is_x():
    x = grid()
    np.testing.assert_allclose(apply(nn.Softplus(), x) - apply(nn.Softplus(), -x), x, atol=1e-14)


@pytest.mark.parametrize("layer", [nn.GELU(), nn.GELU("tanh"), nn.SiLU()])
def test_x_times_a_distribution(layer):
    x = grid()
    np.testing.assert_allclose(apply(layer, x) - apply(layer, -x), x, atol=1e-14)  # F(x) + F(-x) = 1


def test_the_tanh_form_of_gelu_is_close():
    difference = abs(apply(nn.GELU(), grid()) - apply(nn.GELU("tanh"), grid())).max()
    assert 1e-5 < difference < 5e-4


def test_gelu_keeps_its_digits_in_the_left_tail():
    x = np.array([-5.0, -10.0, -20.0, -35.0])
    expected = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x]
    np.testing.assert_allclose(apply(nn.GELU(), x), expected, rtol=1e-12)


def test_selu_constants_are_the_fixed_point():
    assert abs(LAMBDA - SCALE) < 1e-14 and abs(ALPHA - SELU_ALPHA) < 1e-14


def test_selu_keeps_mean_and_variance_through_many_layers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 300))
    for _ in range(20):
        w = rng.normal(size=(300, 300)) / 300**0.5
        x = apply(nn.SELU(), x @ w)
    assert abs(x.mean()) < 0.1 and abs(x.var() - 1) < 0.15


def test_prelu_learns_one_slope_a_channel():
    layer = nn.PReLU(3, init=0.5)
    assert layer.weight.numpy().tolist() == [0.5] * 3 and list(layer.state_dict()) == ["weight"]
    layer.weight.data = [0.1, 0.2, 0.3]
    x = Tensor(np.full((2, 3, 2), -1.0, "float32"))
    assert layer(x).numpy()[1, :, 1].tolist() == [np.float32(v) for v in (-0.1, -0.2, -0.3)]
    layer(x).backward(np.arange(12, dtype="float32").reshape(2, 3, 2))
    assert to_numpy(layer.weight.grad).tolist() == [-(0 + 1 + 6 + 7), -(2 + 3 + 8 + 9), -(4 + 5 + 10 + 11)]


def test_prelu_is_leaky_relu_with_the_same_slope():
    x = values.distinct(3, 4)
    assert np.array_equal(apply(nn.PReLU(), x), apply(nn.LeakyReLU(0.25), x))


def test_functional_forms():
    x = Tensor(values.distinct(3, 4))
    pairs = [
        (nn.relu(x), nn.ReLU()),
        (nn.leaky_relu(x, 0.2), nn.LeakyReLU(0.2)),
        (nn.elu(x, 0.5), nn.ELU(0.5)),
        (nn.selu(x), nn.SELU()),
        (nn.gelu(x, "tanh"), nn.GELU("tanh")),
        (nn.silu(x), nn.SiLU()),
        (nn.softplus(x, 2.0, 1.0), nn.Softplus(2.0, 1.0)),
        (nn.sigmoid(x), nn.Sigmoid()),
        (nn.tanh(x), nn.Tanh()),
        (nn.softmax(x, 0), nn.Softmax(0)),
        (nn.log_softmax(x, 0), nn.LogSoftmax(0)),
        (nn.prelu(x, Tensor(np.array([0.25]))), nn.PReLU()),
    ]
    for y, layer in pairs:
        assert np.array_equal(y.numpy(), layer.to("float64")(x).numpy())


# ---- erfc ----
EVERYWHERE = np.concatenate(
    [np.linspace(-7, 7, 4001), np.linspace(-1e-3, 1e-3, 101), np.linspace(1.4, 1.6, 101), np.linspace(6, 26, 501)]
)


def erfc_both(x):
    return {"kernel": erf.erfc(x), "reference": erf.erfc_ref(xp_of(x), x)}


@pytest.mark.parametrize("form", ["kernel", "reference"])
def test_erfc_is_exact_to_rounding(form):
    ours = to_numpy(erfc_both(Tensor(EVERYWHERE).data)[form])
    np.testing.assert_allclose(1 - ours, [math.erf(x) for x in EVERYWHERE], rtol=0, atol=1e-15)
    np.testing.assert_allclose(ours, [math.erfc(x) for x in EVERYWHERE], rtol=3e-14, atol=0)


@pytest.mark.parametrize("form", ["kernel", "reference"])
def test_erfc_in_float32_and_far_out(form):
    x = EVERYWHERE.astype("float32")
    ours = to_numpy(erfc_both(Tensor(x).data)[form])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, [math.erfc(v) for v in x.astype("float64")], rtol=0, atol=5e-7)
    for dtype in ("float32", "float64"):
        far = to_numpy(erfc_both(Tensor(np.array([-1e4, -0.0, 0.0, 1e4, np.nan], dtype)).data)[form])
        np.testing.assert_array_equal(far, [2, 1, 1, 0, np.nan])


@given(strategies.arrays())
def test_erfc_of_any_shape_and_layout(x):
    both = erfc_both(Tensor(x).data)
    assert both["kernel"].shape == both["reference"].shape == x.shape
    np.testing.assert_allclose(to_numpy(both["kernel"]), to_numpy(both["reference"]), rtol=1e-4, atol=1e-6)
    same = erf.erfc(x) if isinstance(Tensor(x).data, np.ndarray) else None  # the layout as drawn: Tensor copies
    assert same is None or np.array_equal(same, to_numpy(both["kernel"]))


# ---- what is refused ----
BAD = {
    "relu of integers": (lambda: nn.ReLU()(Tensor([1, 2])), TypeError, "relu: x must hold floats"),
    "relu of a list": (lambda: nn.ReLU()([1.0]), TypeError, "relu: x must be a Tensor, got list"),
    "sigmoid of bools": (lambda: nn.sigmoid(Tensor([True])), TypeError, "sigmoid: x must hold floats"),
    "tanh of a number": (lambda: nn.tanh(1.0), TypeError, "tanh: x must be a Tensor, got float"),
    "gelu of integers": (lambda: nn.gelu(Tensor([1])), TypeError, "gelu: x"),
    "silu of integers": (lambda: nn.silu(Tensor([1])), TypeError, "silu: x"),
    "selu of integers": (lambda: nn.selu(Tensor([1])), TypeError, "selu: x"),
    "softmax of integers": (lambda: nn.softmax(Tensor([1])), TypeError, "softmax: x"),
    "slope nan": (lambda: nn.LeakyReLU(float("nan")), ValueError, "LeakyReLU: negative_slope must be a finite"),
    "slope a word": (lambda: nn.leaky_relu(Tensor([1.0]), "a"), TypeError, "negative_slope must be a number, got 'a'"),
    "alpha inf": (lambda: nn.ELU(float("inf")), ValueError, "ELU: alpha must be a finite number"),
    "approximate": (lambda: nn.GELU("erf"), ValueError, "approximate must be one of 'none', 'tanh', got 'erf'"),
    "approximate None": (lambda: nn.gelu(Tensor([1.0]), None), ValueError, "approximate must be one of"),
    "beta 0": (lambda: nn.Softplus(beta=0), ValueError, "Softplus: beta must be > 0, got 0"),
    "threshold": (lambda: nn.Softplus(threshold="20"), TypeError, "threshold must be a number"),
    "no parameters": (lambda: nn.PReLU(0), ValueError, "PReLU: num_parameters must be >= 1, got 0"),
    "init nan": (lambda: nn.PReLU(init=float("nan")), ValueError, "PReLU: init must be a finite number"),
    "channels": (lambda: nn.PReLU(3)(Tensor([[1.0, 2.0]])), ValueError, "num_parameters=3, got shape"),
    "no channels": (lambda: nn.PReLU(3)(Tensor([1.0, 2.0, 3.0])), ValueError, "axis 1 of x"),
    "a weight of rank 0": (lambda: nn.prelu(Tensor([1.0]), Tensor(0.5)), ValueError, r"weight must have shape \(C,\)"),
    "axis too large": (lambda: nn.Softmax(2)(Tensor([[1.0]])), ValueError, "softmax: axis must be <= 1, got 2"),
    "axis too small": (lambda: nn.LogSoftmax(-3)(Tensor([[1.0]])), ValueError, "log_softmax: axis must be >= -2"),
    "axis a float": (lambda: nn.Softmax(1.0), TypeError, "Softmax: axis must be an integer, got 1.0"),
    "axis None": (lambda: nn.LogSoftmax(None), TypeError, "LogSoftmax: axis must be an integer, got None"),
    "no axis": (lambda: nn.softmax(Tensor(1.0)), ValueError, "0-d"),
    "nothing along the axis": (lambda: nn.softmax(Tensor(np.zeros((2, 0)))), ValueError, "axis 1 of x has no values"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
