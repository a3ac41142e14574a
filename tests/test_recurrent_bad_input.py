r"""What recurrent layers say to mistakes: who complains, about which argument; and nothing is different afterwards."""

import numpy as np
import pytest

import minidl
import minidl.functional as F
from minidl import Tensor, nn
from tests.recurrent import KINDS, NAMES, call, made, normal

f4 = "float32"
BIG, NAN = 2**39, float("nan")

OPTIONS = {  # options, error, what the message says after "LSTM: "
    "input_size 0": ({"input_size": 0}, ValueError, "input_size must be >= 1, got 0"),
    "input_size None": ({"input_size": None}, TypeError, "input_size must be an integer, got None"),
    "hidden_size -1": ({"hidden_size": -1}, ValueError, "hidden_size must be >= 1, got -1"),
    "hidden_size 2.0": ({"hidden_size": 2.0}, TypeError, r"hidden_size must be an integer, got 2\.0"),
    "hidden_size '2'": ({"hidden_size": "2"}, TypeError, "hidden_size must be an integer, got '2'"),
    "input_size True": ({"input_size": True}, TypeError, "input_size must be an integer, got True"),
    "too large a W": (
        {"input_size": BIG, "hidden_size": BIG},
        ValueError,
        "weight_ih .*input_size.* that is more than",
    ),
    "too large a U": (
        {"input_size": 1, "hidden_size": 2**22},
        ValueError,
        "weight_hh .*hidden_size.* that is more than",
    ),
    "bias 1": ({"bias": 1}, ValueError, "bias must be one of True, False, got 1"),
    "return_sequences 'yes'": ({"return_sequences": "yes"}, ValueError, "return_sequences must be one of .* got 'yes'"),
    "return_state None": ({"return_state": None}, ValueError, "return_state must be one of True, False, got None"),
    "go_backwards 0": ({"go_backwards": 0}, ValueError, "go_backwards must be one of True, False, got 0"),
    "stateful 2": ({"stateful": 2}, ValueError, "stateful must be one of True, False, got 2"),
    "dropout 1.5": ({"dropout": 1.5}, ValueError, r"dropout must be <= 1, got 1\.5"),
    "dropout -0.1": ({"dropout": -0.1}, ValueError, r"dropout must be >= 0, got -0\.1"),
    "dropout NaN": ({"dropout": NAN}, ValueError, "dropout must be a finite number, got nan"),
    "dropout True": ({"dropout": True}, TypeError, "dropout must be a number, got True"),
    "recurrent_dropout 2": ({"recurrent_dropout": 2}, ValueError, "recurrent_dropout must be <= 1, got 2"),
    "recurrent_dropout 'a'": ({"recurrent_dropout": "a"}, TypeError, "recurrent_dropout must be a number, got 'a'"),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("case", OPTIONS)
def test_options(kind, case):
    (cls, own), (options, error, message) = KINDS[kind], OPTIONS[case]
    before = minidl.random.get_state()
    with pytest.raises(error, match=f"^{cls.__name__}: {message}"):
        cls(**{"input_size": 3, "hidden_size": 2, **own, **options})
    assert minidl.random.get_state() == before


@pytest.mark.parametrize(("cls", "option"), [(nn.LSTM, "unit_forget_bias"), (nn.GRU, "reset_after")])
@pytest.mark.parametrize("value", [1, 0, None, "after"])
def test_options_of_one_layer(cls, option, value):
    before = minidl.random.get_state()
    with pytest.raises(ValueError, match=f"^{cls.__name__}: {option} must be one of True, False, got {value!r}"):
        cls(3, 2, **{option: value})
    assert minidl.random.get_state() == before


def test_options_are_given_by_name():
    for cls, _ in KINDS.values():
        with pytest.raises(TypeError, match="positional"):
            cls(3, 2, True)


# ---- a call ----
def x(*shape, dtype=f4):
    return Tensor(np.ones(shape or (2, 3, 3), dtype))


def mask(value=True, shape=(2, 3), dtype=bool):
    return {"mask": np.full(shape, value, dtype)}


def state(shape=(2, 2), dtype=f4, extra=0):
    r"""initial_state: as many states as the layer wants, and `extra`."""
    return lambda n: {"initial_state": [Tensor(np.zeros(shape, dtype))] * (n + extra)}


SHAPE, DTYPE = minidl.check.ShapeError, minidl.check.DTypeError
CALLS = {  # x, the other arguments, error, what the message says after "LSTM: "
    "x a list": ([[[1.0, 2.0, 3.0]]], {}, DTYPE, "x must be a Tensor, got list"),
    "x None": (None, {}, DTYPE, "x must be a Tensor, got NoneType"),
    "x (N, D)": (
        x(2, 3),
        {},
        SHAPE,
        r"x must have shape \(N, T, D\), got \(2, 3\); return_sequences=True in the layer",
    ),
    "x (N, T, D, 1)": (x(2, 3, 3, 1), {}, SHAPE, r"x must have shape \(N, T, D\), got \(2, 3, 3, 1\)"),
    "x (D,)": (x(3), {}, SHAPE, r"x must have shape \(N, T, D\), got \(3,\)"),
    "D = 4": (x(2, 3, 4), {}, SHAPE, r"expected axis -1 of x to be input_size=3, got shape \(2, 3, 4\)"),
    "T = 0": (x(2, 0, 3), {}, SHAPE, r"x must have at least one time step, got shape \(2, 0, 3\)"),
    "x of integers": (x(dtype="int64"), {}, DTYPE, "x must hold floats, got dtype int64"),
    "x float64": (x(dtype="float64"), {}, DTYPE, r"x and weight.* must have one dtype, got float64 .*to\('float64'\)"),
    "a mask (N, T + 1)": (x(), mask(shape=(2, 4)), SHAPE, r"mask must have shape \(N, T\) = \(2, 3\), got \(2, 4\)"),
    "a mask (T, N)": (x(), mask(shape=(3, 2)), SHAPE, r"mask must have shape \(N, T\) = \(2, 3\), got \(3, 2\)"),
    "a mask (N, T, 1)": (x(), mask(shape=(2, 3, 1)), SHAPE, r"mask must have shape .*, got \(2, 3, 1\)"),
    "a mask (N,)": (x(), mask(shape=(2,)), SHAPE, r"mask must have shape .*, got \(2,\)"),
    "a mask True": (x(), {"mask": True}, SHAPE, r"mask must have shape .*, got \(\)"),
    "a mask of floats": (x(), mask(dtype=f4), DTYPE, "mask must hold bools .* got dtype float32"),
    "a mask with 2": (x(), mask(2, dtype="int64"), ValueError, r"mask must be in \[0, 1\], got 2"),
    "a mask with -1": (x(), mask(-1, dtype="int8"), ValueError, r"mask must be in \[0, 1\], got -1"),
    "a ragged mask": (x(), {"mask": [[True], [True, False]]}, SHAPE, "mask: .*regular"),
    "a mask of strings": (x(), {"mask": [["a"] * 3] * 2}, DTYPE, "mask: .*got dtype <U1"),
    "lengths for a mask": (x(), {"mask": [3, 1]}, SHAPE, r"mask must have shape .*, got \(2,\)"),
    "a state (N, D)": (x(), state((2, 3)), SHAPE, r"initial_state.* must have shape \(N, H\) = \(2, 2\), got \(2, 3\)"),
    "a state of another batch": (x(), state((3, 2)), SHAPE, r"initial_state.* \(N, H\) = \(2, 2\), got \(3, 2\)"),
    "a state (1, N, H)": (x(), state((1, 2, 2)), SHAPE, r"initial_state.* \(N, H\) = \(2, 2\), got \(1, 2, 2\)"),
    "a state that would broadcast": (x(), state((1, 2)), SHAPE, r"initial_state.* \(N, H\) = \(2, 2\), got \(1, 2\)"),
    "a float64 state": (x(), state(dtype="float64"), DTYPE, "x and initial_state.* one dtype, got float32 and float64"),
    "a state of integers": (x(), state(dtype="int64"), DTYPE, "initial_state.* must hold floats, got dtype int64"),
    "one state too many": (x(), state(extra=1), SHAPE, "initial_state must be (one tensor, h|a pair.*), got"),
    "one state too few": (x(), state(extra=-1), SHAPE, "initial_state must be (one tensor, h|a pair.*), got"),
    "a state of None": (
        x(),
        lambda n: {"initial_state": [None] * n},
        DTYPE,
        "initial_state.* must be a Tensor, got None",
    ),
    "a state 0.0": (x(), lambda n: {"initial_state": [0.0] * n}, DTYPE, "initial_state.* must be a Tensor, got float"),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("case", CALLS)
def test_calls(kind, case):
    bad, more, error, message = CALLS[case]
    layer = made(kind, stateful=True, dropout=0.5, recurrent_dropout=0.5).to(f4)
    layer(x())
    before = everything(layer)
    with pytest.raises(error, match=f"^{type(layer).__name__}: {message}"):
        layer(bad, **(more(layer.states) if callable(more) else more))
    np.testing.assert_equal(everything(layer), before)
    assert layer(x()).shape == (2, 2)


def everything(layer):
    r"""What a call could change, and what one without mistakes does change."""
    weights, kept = layer.state_dict(), [s.numpy() for s in layer._kept]
    return weights, kept, layer.options(), layer.training, minidl.random.get_state()


def test_everything_sees_a_call():
    layer = made("LSTM", stateful=True, recurrent_dropout=0.5)
    layer(Tensor(normal(2, 3, 3)))
    before = everything(layer)
    layer(Tensor(normal(2, 3, 3)))
    for i in (1, 4):
        with pytest.raises(AssertionError):
            np.testing.assert_equal(everything(layer)[i], before[i])


def test_a_single_tensor_is_no_state_of_an_lstm():
    with pytest.raises(SHAPE, match=r"^LSTM: initial_state must be a pair, \(h, c\), got 1"):
        made("LSTM")(Tensor(normal(2, 3, 3)), initial_state=Tensor(normal(2, 2)))


@pytest.mark.parametrize("kind", NAMES)
def test_arrays_are_as_good_as_tensors(kind):
    layer = made(kind, return_state=True)
    for ours, wanted in zip(layer(normal(2, 4, 3)), call(layer, Tensor(normal(2, 4, 3))), strict=True):
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


# ---- the functional forms ----
FUNCTIONS = {"rnn": (F.rnn, 1), "lstm": (F.lstm, 4), "gru": (F.gru, 3)}


def ones(*shape, dtype=f4):
    return lambda g: Tensor(np.ones((shape[0] * g, *shape[1:]), dtype))  # the first axis: per gate


WRONG = {  # what is different from good arguments, error, what the message says after "lstm: "
    "weight_hh not square": (
        {"weight_hh": ones(2, 3)},
        SHAPE,
        r"expected axis 0 of weight_hh to be .*hidden_size=\d+, got shape \(\d, 3\)",
    ),
    "weight_hh (H,)": ({"weight_hh": ones(2)}, SHAPE, r"weight_hh must have shape \(GH, H\), got"),
    "weight_hh None": ({"weight_hh": None}, DTYPE, "weight_hh must be a Tensor, got NoneType"),
    "weight_hh float64": ({"weight_hh": ones(2, 2, dtype="float64")}, DTYPE, "x and weight_hh must have one dtype"),
    "weight_ih of another H": ({"weight_ih": ones(5, 3)}, SHAPE, "expected axis 0 of weight_ih to be .*hidden_size="),
    "weight_ih of another D": ({"weight_ih": ones(2, 4)}, SHAPE, "expected axis -1 of x to be input_size=4"),
    "bias_ih (GH, 1)": ({"bias_ih": ones(2, 1)}, SHAPE, r"bias_ih must have shape \(GH,\), got \(\d, 1\)"),
    "bias_hh too short": ({"bias_hh": ones(1)}, SHAPE, "expected axis 0 of bias_hh to be .*hidden_size="),
    "bias_hh float64": ({"bias_hh": ones(2, dtype="float64")}, DTYPE, "x and bias_hh must have one dtype"),
    "h0 (N, D)": ({"h0": x(2, 3)}, SHAPE, r"h0 must have shape \(N, H\) = \(2, 2\), got \(2, 3\)"),
    "h0 float64": ({"h0": x(2, 2, dtype="float64")}, DTYPE, "x and h0 must have one dtype, got float32 and float64"),
    "T = 0": ({"x": x(2, 0, 3)}, SHAPE, r"x must have at least one time step, got shape \(2, 0, 3\)"),
    "x (N, D)": ({"x": x(2, 3)}, SHAPE, r"x must have shape \(N, T, D\), got \(2, 3\)"),
    "a mask (N, T + 1)": (mask(shape=(2, 4)), SHAPE, r"mask must have shape \(N, T\) = \(2, 3\), got \(2, 4\)"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("case", WRONG)
def test_functions(name, case):
    (function, g), (different, error, message) = FUNCTIONS[name], WRONG[case]
    good = {"x": x(), "weight_ih": ones(2, 3), "weight_hh": ones(2, 2), "bias_ih": ones(2), "bias_hh": ones(2)}
    filled = lambda d: {k: v(g) if callable(v) else v for k, v in d.items()}  # noqa: E731
    function(**filled(good))
    with pytest.raises(error, match=f"^{name}: {message}"):
        function(**filled({**good, **different}))


def test_functions_with_arguments_of_their_own():
    w, u = Tensor(np.ones((8, 3), f4)), Tensor(np.ones((8, 2), f4))
    with pytest.raises(SHAPE, match=r"^lstm: c0 must have shape \(N, H\) = \(2, 2\), got \(2, 3\)"):
        F.lstm(x(), w, u, c0=x(2, 3))
    with pytest.raises(ValueError, match=r"^gru: reset_after must be one of True, False, got 1"):
        F.gru(x(), w[:6], u[:6], reset_after=1)
