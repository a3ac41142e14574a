r"""The recurrent cells: against scalar loops of their equations, through several steps, and what the gates can do.

(The ladder of every option is climbed in test_layers.py; torch's numbers are in test_golden.py.)
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl.functional as F
from minidl import Tensor, nn, no_grad
from minidl.testing import gradcheck

CELLS = {
    "RNNCell": (nn.RNNCell, {}),
    "LSTMCell": (nn.LSTMCell, {}),
    "GRUCell": (nn.GRUCell, {}),
    "GRUCell before": (nn.GRUCell, {"reset_after": False}),
}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def made(name, D=3, H=2, bias=True, seed=0):
    r"""A cell in float64 whose weights and biases are all random."""
    cls, options = CELLS[name]
    cell = cls(D, H, bias=bias, **options).to("float64")
    for k, parameter in enumerate(cell.parameters()):
        parameter.data = normal(*parameter.shape, seed=(seed, k))
    return cell


def states(name, N, H, seed=1):
    h, c = normal(N, H, seed=(seed, 0)), normal(N, H, seed=(seed, 1))
    return (h, c) if name == "LSTMCell" else h


def tensors(state, requires_grad=False):
    if isinstance(state, tuple):
        return tuple(Tensor(s, requires_grad) for s in state)
    return Tensor(state, requires_grad)


# ---- the equations, number by number ----
def logistic(a):
    return 1 / (1 + math.exp(-a))


def naive(name, cell, x, state):
    r"""The new states by scalar loops. Unit j of gate q has row q H + j of the weights."""
    w, u = cell.weight_ih.numpy(), cell.weight_hh.numpy()
    H, D = cell.hidden_size, cell.input_size
    zeros = [0.0] * len(w)
    b_ih = zeros if cell.bias_ih is None else cell.bias_ih.numpy()
    b_hh = zeros if cell.bias_hh is None else cell.bias_hh.numpy()

    def from_x(row, n):
        return b_ih[row] + sum(w[row, d] * x[n, d] for d in range(D))

    def from_h(row, h):
        return b_hh[row] + sum(u[row, k] * h[k] for k in range(H))

    hs = state[0] if name == "LSTMCell" else state
    h_new, c_new = np.empty_like(hs), np.empty_like(hs)
    for n in range(len(x)):
        h = hs[n]
        for j in range(H):
            if name == "RNNCell":
                h_new[n, j] = math.tanh(from_x(j, n) + from_h(j, h))
            elif name == "LSTMCell":
                i, f, g, o = (from_x(q * H + j, n) + from_h(q * H + j, h) for q in range(4))
                c_new[n, j] = logistic(f) * state[1][n, j] + logistic(i) * math.tanh(g)
                h_new[n, j] = logistic(o) * math.tanh(c_new[n, j])
            else:
                rs = [logistic(from_x(k, n) + from_h(k, h)) for k in range(H)]
                z = logistic(from_x(H + j, n) + from_h(H + j, h))
                if name == "GRUCell":
                    a = from_x(2 * H + j, n) + rs[j] * from_h(2 * H + j, h)
                else:
                    a = from_x(2 * H + j, n) + from_h(2 * H + j, [r * one for r, one in zip(rs, h, strict=True)])
                h_new[n, j] = (1 - z) * math.tanh(a) + z * h[j]
    return (h_new, c_new) if name == "LSTMCell" else (h_new,)


def several(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", CELLS)
@given(
    N=st.integers(0, 3), D=st.integers(1, 4), H=st.integers(1, 4), bias=st.booleans(), seed=st.integers(0, 2**32 - 1)
)
@settings(max_examples=25)
def test_it_computes_its_equations(name, N, D, H, bias, seed):
    cell, x, state = made(name, D, H, bias, seed), normal(N, D, seed=(seed, 9)), states(name, N, H, seed)
    found = several(cell(Tensor(x), tensors(state)))
    for ours, wanted in zip(found, naive(name, cell, x, state), strict=True):
        assert ours.shape == (N, H)
        np.testing.assert_allclose(ours.numpy(), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_without_a_state_it_starts_at_zeros(name):
    cell, x = made(name), Tensor(normal(4, 3))
    zeros = tensors(tuple(np.zeros((4, 2)) for _ in range(2)) if name == "LSTMCell" else np.zeros((4, 2)))
    for ours, wanted in zip(several(cell(x)), several(cell(x, zeros)), strict=True):
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("only", ["bias_ih", "bias_hh"])
def test_one_of_the_two_biases_may_be_absent(name, only):
    cell = made(name)
    function = {"RNN": F.rnn_cell, "LSTM": F.lstm_cell, "GRU": F.gru_cell}[name.split("Cell")[0]]
    x, state, options = Tensor(normal(2, 3)), several(tensors(states(name, 2, 2))), CELLS[name][1]
    weights = {key: getattr(cell, key) if key == only or "weight" in key else None for key in NAMES}
    with no_grad():
        for key in set(NAMES) - {only, "weight_ih", "weight_hh"}:
            getattr(cell, key).data = np.zeros(cell.gates * 2)
    found = function(x, *state, **weights, **options)
    for ours, wanted in zip(several(found), several(cell(x, state if len(state) > 1 else state[0])), strict=True):
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


# ---- through several steps ----
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_through_three_steps(name, bias):
    cell, N = made(name, bias=bias), 2
    n_states = 2 if name == "LSTMCell" else 1

    def run(x, *state):
        state, seen = state if n_states == 2 else state[0], []
        for t in range(3):
            state = cell(x[:, t], state)
            seen.append(several(state)[0])  # h is looked at after every step
        return tuple(seen) + several(state)

    error = gradcheck(run, [normal(N, 3, 3), *several(states(name, N, 2))], list(cell.parameters()))
    assert error < 1e-7


@pytest.mark.parametrize("name", CELLS)
def test_float32_stays_float32(name):
    cell = made(name)
    x, state = normal(4, 3), states(name, 4, 2)
    wide = several(cell(Tensor(x), tensors(state)))
    cell.to("float32")
    x32 = Tensor(x.astype("float32"), requires_grad=True)
    given = tuple(Tensor(s.astype("float32"), requires_grad=True) for s in several(state))
    narrow = several(cell(x32, given if len(given) > 1 else given[0]))
    zeros = several(cell(x32))
    for y, y64, y0 in zip(narrow, wide, zeros, strict=True):
        assert y.dtype == y0.dtype == "float32" and y64.dtype == "float64"
        np.testing.assert_allclose(y.numpy(), y64.numpy(), rtol=0, atol=1e-6)
    sum((y * Tensor(normal(4, 2, seed=5).astype("float32"))).sum() for y in narrow).backward()
    for tensor in (x32, *given, *cell.parameters()):
        assert tensor.grad.dtype == "float32"


@pytest.mark.parametrize("name", CELLS)
def test_huge_inputs_saturate_and_do_not_overflow(name):
    for size in (1e3, -1e30):
        cell = made(name).to("float32")
        x = Tensor(np.full((2, 3), size, "float32"), requires_grad=True)
        outputs = several(cell(x))
        sum((y * Tensor(normal(2, 2).astype("float32"))).sum() for y in outputs).backward()
        for y in outputs:
            assert (abs(y.numpy()) <= 1).all()
        assert not Tensor(x.grad).numpy().any()  # every gate is at an end, where it is flat


# ---- first values ----
@pytest.mark.parametrize("name", CELLS)
def test_first_values(name):
    D, H = 40, 30
    cell = CELLS[name][0](D, H, **CELLS[name][1])
    G = cell.gates
    assert {key: value.shape for key, value in cell.state_dict().items()} == {
        **{"weight_ih": (G * H, D), "weight_hh": (G * H, H)},
        **{"bias_ih": (G * H,), "bias_hh": (G * H,)},
    }
    bound = math.sqrt(6 / (D + G * H))
    assert 0.95 * bound < abs(cell.weight_ih.numpy()).max() <= bound
    u = cell.weight_hh.numpy()
    np.testing.assert_allclose(u.T @ u, np.eye(H), rtol=0, atol=1e-5)
    assert not cell.bias_hh.numpy().any()
    if name != "LSTMCell":
        assert not cell.bias_ih.numpy().any()


def test_the_forget_gate_starts_open():
    i, f, g, o = np.split(nn.LSTMCell(3, 5).bias_ih.numpy(), 4)
    assert (f == 1).all() and not i.any() and not g.any() and not o.any()
    assert not nn.LSTMCell(3, 5, unit_forget_bias=False).bias_ih.numpy().any()
    assert nn.LSTMCell(3, 5, bias=False).bias_ih is None
    # with no input it keeps 1 / (1 + 1/e) of the cell, without the option a half
    x, h, c = Tensor([[0.0]]), Tensor([[0.0]]), Tensor([[1.0]])
    kept = [nn.LSTMCell(1, 1, unit_forget_bias=flag)(x, (h, c))[1].item() for flag in (True, False)]
    np.testing.assert_allclose(kept, [math.e / (1 + math.e), 0.5], rtol=0, atol=1e-6)


# ---- what gates can do ----
def with_gate(cell, gate, value):
    r"""The cell with one gate held at 0 (value -1000) or 1 (value 1000), whatever comes."""
    H = cell.hidden_size
    rows = slice(gate * H, (gate + 1) * H)
    for parameter, number in ((cell.weight_ih, 0), (cell.weight_hh, 0), (cell.bias_ih, value), (cell.bias_hh, 0)):
        array = parameter.numpy()
        array[rows] = number
        parameter.data = array
    return cell


def test_an_lstm_cell_keeps_forgets_and_hides():
    x, (h, c) = Tensor(normal(4, 3)), tensors(states("LSTMCell", 4, 2))
    keeping = with_gate(with_gate(made("LSTMCell"), 0, -1000), 1, 1000)  # i = 0, f = 1
    np.testing.assert_array_equal(keeping(x, (h, c))[1].numpy(), c.numpy())
    forgetting = with_gate(made("LSTMCell"), 1, -1000)  # f = 0
    other = Tensor(normal(4, 2, seed=8))
    np.testing.assert_array_equal(forgetting(x, (h, c))[1].numpy(), forgetting(x, (h, other))[1].numpy())
    hiding = with_gate(made("LSTMCell"), 3, -1000)  # o = 0
    assert not hiding(x, (h, c))[0].numpy().any()


@pytest.mark.parametrize("name", ["GRUCell", "GRUCell before"])
def test_a_gru_cell_keeps_and_renews(name):
    x, h = Tensor(normal(4, 3)), tensors(states(name, 4, 2))
    np.testing.assert_array_equal(with_gate(made(name), 1, 1000)(x, h).numpy(), h.numpy())  # z = 1
    renewing = with_gate(with_gate(made(name), 1, -1000), 0, -1000)  # z = 0, r = 0: h is not seen
    a, b = renewing(x, h).numpy(), renewing(x, tensors(states(name, 4, 2, seed=8))).numpy()
    np.testing.assert_array_equal(a, b)


def test_both_forms_of_a_gru_agree_where_nothing_is_reset():
    after, before = made("GRUCell"), made("GRUCell before")
    results = {}
    for reset in (1000, None):  # r = 1, and r as it comes
        for cell in (after, before):
            if reset:
                cell = with_gate(cell, 0, reset)
            else:
                cell.load_state_dict(made("GRUCell").state_dict())
            cell.zero_grad()
            x, h = Tensor(normal(4, 3), requires_grad=True), tensors(states("GRUCell", 4, 2), requires_grad=True)
            y = cell(x, h)
            y.backward(normal(4, 2, seed=6))
            grads = [Tensor(t.grad).numpy() for t in (x, h, *cell.parameters())]
            results[reset, cell is after] = [y.numpy(), *grads]
    for a, b in zip(results[1000, True], results[1000, False], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    assert abs(results[None, True][0] - results[None, False][0]).max() > 1e-2


def test_where_the_two_biases_of_a_gru_act():
    r"""Moving a number from one bias to the other changes nothing, but for n with reset_after."""
    x, h, H = Tensor(normal(4, 3)), tensors(states("GRUCell", 4, 2)), 2
    for name, free in (("GRUCell", 2 * H), ("GRUCell before", 3 * H), ("RNNCell", H)):
        for row in range(len(made(name).bias_ih)):
            cell = made(name)
            y = cell(x, h).numpy()
            for parameter, number in ((cell.bias_ih, 0.5), (cell.bias_hh, -0.5)):
                array = parameter.numpy()
                array[row] += number
                parameter.data = array
            moved = abs(cell(x, h).numpy() - y).max()
            assert moved < 1e-14 if row < free else moved > 1e-3, (name, row)


# ---- bad input ----
X, H2 = Tensor(np.ones((4, 3), "float32")), Tensor(np.ones((4, 2), "float32"))
WIDE = Tensor(np.ones((4, 2)))


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell"])
@pytest.mark.parametrize(
    ("x", "state", "error", "message"),
    [
        (X[0], None, ValueError, r"x must have shape \(N, D\), got \(3,\)"),
        (X.reshape(2, 2, 3), H2, ValueError, r"x must have shape \(N, D\), got \(2, 2, 3\)"),
        (X[:, :2], H2, ValueError, r"axis 1 of x to be input_size=3, got shape \(4, 2\)"),
        (X > 0, None, TypeError, "x must hold floats, got dtype bool"),
        (X.numpy().tolist(), None, TypeError, "x must be a Tensor, got list"),
        (X.to("float64"), None, TypeError, "x and weight_ih must have one dtype, got float64 and float32"),
        (X, H2[:3], ValueError, r"h must have shape \(N, H\) = \(4, 2\), got \(3, 2\)"),
        (X, X, ValueError, r"h must have shape \(N, H\) = \(4, 2\), got \(4, 3\)"),
        (X, H2[0], ValueError, r"h must have shape \(N, H\) = \(4, 2\), got \(2,\)"),
        (X, H2.reshape(1, 4, 2), ValueError, r"h must have shape \(N, H\) = \(4, 2\), got \(1, 4, 2\)"),
        (X, WIDE, TypeError, "x and h must have one dtype, got float32 and float64"),
        (X, H2 > 0, TypeError, "h must hold floats, got dtype bool"),
        (X, 0.0, TypeError, "h must be a Tensor, got float"),
        (X, (H2, H2), TypeError, r": state must be one Tensor h \(N, H\), got a tuple of 2"),
        (X, [H2], TypeError, r": state must be one Tensor h \(N, H\), got a list of 1"),
    ],
)
def test_what_a_cell_with_one_state_refuses(name, x, state, error, message):
    with pytest.raises(error, match=rf"(?i)^{name[:3]}_?Cell.*{message}"):
        getattr(nn, name)(3, 2)(x, state)


@pytest.mark.parametrize(
    ("x", "state", "error", "message"),
    [
        (X[:, :2], None, ValueError, r"lstm_cell: .*input_size=3"),
        (X.reshape(2, 2, 3), None, ValueError, r"LSTMCell: x must have shape \(N, D\)"),
        (X, H2, TypeError, r"LSTMCell: state must be a pair \(h, c\) of Tensors \(N, H\), got Tensor"),
        (X[:2], H2[:2], TypeError, r"LSTMCell: state must be a pair .* got Tensor"),  # which has two rows
        (X, (H2,), TypeError, r"LSTMCell: state must be a pair .* got a tuple of 1"),
        (X, [H2, H2, H2], TypeError, r"LSTMCell: state must be a pair .* got a list of 3"),
        (X, (H2, None), TypeError, "lstm_cell: c must be a Tensor, got NoneType"),
        (X, (H2, X), ValueError, r"lstm_cell: c must have shape \(N, H\) = \(4, 2\), got \(4, 3\)"),
        (X, (H2[:1], H2), ValueError, r"lstm_cell: h must have shape \(N, H\) = \(4, 2\), got \(1, 2\)"),
        (X, (H2, WIDE), TypeError, "lstm_cell: x and c must have one dtype, got float32 and float64"),
    ],
)
def test_what_an_lstm_cell_refuses(x, state, error, message):
    with pytest.raises(error, match=message):
        nn.LSTMCell(3, 2)(x, state)


def arguments(gates):
    shapes = {
        "weight_ih": (2 * gates, 3),
        "weight_hh": (2 * gates, 2),
        "bias_ih": (2 * gates,),
        "bias_hh": (2 * gates,),
    }
    return {"x": X, "h": H2, **{name: Tensor(np.ones(shape, "float32")) for name, shape in shapes.items()}}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight_ih", np.ones((5, 3), "float32"), r"axis 0 of weight_ih to be 3 \* hidden_size=6, got shape \(5, 3\)"),
        ("weight_ih", np.ones(6, "float32"), r"weight_ih must have shape \(GH, D\), got \(6,\)"),
        ("weight_hh", np.ones((6, 3), "float32"), r"axis 0 of weight_hh to be 3 \* hidden_size=9, got shape \(6, 3\)"),
        ("weight_hh", np.ones((6, 2, 1), "float32"), r"weight_hh must have shape \(GH, H\)"),
        ("bias_ih", np.ones(5, "float32"), r"axis 0 of bias_ih to be 3 \* hidden_size=6, got shape \(5,\)"),
        ("bias_hh", np.ones((1, 6), "float32"), r"bias_hh must have shape \(GH,\), got \(1, 6\)"),
        ("weight_hh", np.ones((6, 2)), "x and weight_hh must have one dtype"),
        ("bias_hh", np.ones(6), "x and bias_hh must have one dtype"),
        ("bias_ih", np.ones(6, int), "bias_ih must hold floats"),
        ("weight_ih", None, "weight_ih must be a Tensor, got NoneType"),
        ("reset_after", 1, "reset_after must be one of True, False, got 1"),
    ],
)
def test_what_the_function_refuses(name, value, message):
    value = Tensor(value) if isinstance(value, np.ndarray) else value
    with pytest.raises((ValueError, TypeError), match=f"^gru_cell: .*{message}"):
        F.gru_cell(**{**arguments(3), name: value})


@pytest.mark.parametrize("cls", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 0}, "input_size must be >= 1, got 0"),
        ({"hidden_size": -1}, "hidden_size must be >= 1, got -1"),
        ({"hidden_size": 2.0}, "hidden_size must be an integer, got 2.0"),
        ({"hidden_size": 2**30}, "hidden_size"),
        ({"bias": 1}, "bias must be one of True, False, got 1"),
    ],
)
def test_what_the_constructor_refuses(cls, options, message):
    with pytest.raises((ValueError, TypeError), match=f"^{cls.__name__}: .*{message}"):
        cls(**{"input_size": 3, "hidden_size": 2, **options})


def test_options_of_one_cell_alone():
    for cls, option in ((nn.LSTMCell, "unit_forget_bias"), (nn.GRUCell, "reset_after")):
        with pytest.raises(ValueError, match=f"^{cls.__name__}: {option} must be one of True, False, got None"):
            cls(3, 2, **{option: None})


# ---- what it says of itself ----
@pytest.mark.parametrize(
    ("cell", "text", "parameters", "work"),
    [
        (lambda: nn.RNNCell(3, 2), "RNNCell(3, 2, bias=True)", 2 * 3 + 2 * 2 + 4, 5 * 2 * 5),
        (lambda: nn.LSTMCell(16, 32), "LSTMCell(16, 32, bias=True, unit_forget_bias=True)", 6400, 5 * 128 * 48),
        (lambda: nn.GRUCell(16, 32), "GRUCell(16, 32, bias=True, reset_after=True)", 4800, 5 * 96 * 48),
        (lambda: nn.GRUCell(3, 2, False, False), "GRUCell(3, 2, bias=False, reset_after=False)", 30, 5 * 6 * 5),
    ],
)
def test_its_repr_parameters_and_work(cell, text, parameters, work):
    cell = cell()
    assert repr(cell) == text
    assert sum(p.size for p in cell.parameters()) == parameters
    assert nn.summary(cell, (5, cell.input_size)).multiply_adds == work
