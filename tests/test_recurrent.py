r"""The recurrent layers against their cells in a loop and against finite differences; what goes in, what comes out.

Masks are in test_recurrent_masks.py, dropout and kept states in test_recurrent_state.py, first values and tables in
test_recurrent_init.py, mistakes in test_recurrent_bad_input.py, torch's numbers in test_golden.py.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
import minidl.functional as F
from minidl import Tensor
from minidl.testing import gradcheck
from tests.recurrent import NAMES, PATTERNS, call, close, given_state, looped, made, masks, normal
from tests.recurrent import values_and_gradients as both


@pytest.mark.parametrize("kind", NAMES)
@given(
    N=st.integers(0, 4),
    T=st.integers(1, 5),
    D=st.integers(1, 4),
    H=st.sampled_from([1, 2, 3, 40, 64]),  # N H on both sides of what the kernels call small
    pattern=st.sampled_from(PATTERNS),
    with_state=st.booleans(),
    bias=st.booleans(),
    go_backwards=st.booleans(),
    return_sequences=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=100)
def test_it_is_its_cell_in_a_loop(kind, N, T, D, H, pattern, with_state, seed, **options):
    layer = made(kind, D, H, seed, return_state=True, **options)
    arrays = [normal(N, T, D, seed=seed), *(given_state(kind, N, H, seed) if with_state else [])]
    m = masks(pattern, N, T, seed)
    ours, our_gradients = both(lambda x, *s: call(layer, x, m, s), arrays, layer)
    wanted, gradients = both(lambda x, *s: looped(layer, x, m, s or None), arrays, layer)
    close(ours, wanted)
    close(our_gradients, gradients)


OPTIONS = [  # each pair of values of two options occurs
    {"bias": True, "go_backwards": False, "return_sequences": True, "return_state": True, "state": True},
    {"bias": False, "go_backwards": True, "return_sequences": True, "return_state": False, "state": True},
    {"bias": True, "go_backwards": True, "return_sequences": False, "return_state": True, "state": False},
    {"bias": False, "go_backwards": False, "return_sequences": False, "return_state": False, "state": True},
    {"bias": True, "go_backwards": False, "return_sequences": True, "return_state": False, "state": False},
    {"bias": False, "go_backwards": True, "return_sequences": False, "return_state": True, "state": False},
]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_gradcheck_of_every_option_and_mask_pattern(kind, pattern):
    N, T, D, H = 3, 4, 2, 3
    m, worst = masks(pattern, N, T, seed=1), 0.0
    for i, options in enumerate(OPTIONS):
        options = dict(options)
        state = given_state(kind, N, H) if options.pop("state") else []
        layer = made(kind, D, H, i, **options)
        run = lambda x, *s, layer=layer: call(layer, x, m, s)  # noqa: E731
        worst = max(worst, gradcheck(run, [normal(N, T, D, seed=i), *state], list(layer.parameters())))
    assert worst <= 1e-6


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_gradcheck_with_dropout(kind, rates):
    layer = made(kind, 3, 4, dropout=rates[0], recurrent_dropout=rates[1], return_sequences=True, return_state=True)

    def run(x, *s):
        minidl.manual_seed(3)  # the same units each time
        return call(layer, x, masks("holes", 2, 4), s)

    worst = gradcheck(run, [normal(2, 4, 3), *given_state(kind, 2, 4)], list(layer.parameters()))
    assert worst <= 1e-6


@pytest.mark.parametrize("kind", NAMES)
def test_gradcheck_of_many_units(kind):
    layer = made(kind, 2, 50, return_sequences=True, return_state=True, recurrent_dropout=0.5)

    def run(x):
        minidl.manual_seed(3)
        return layer(x, masks("right", 3, 3))

    worst = gradcheck(run, [normal(3, 3, 2)], list(layer.parameters()))
    assert worst <= 1e-6


# ---- what comes out ----
@pytest.mark.parametrize("kind", NAMES)
def test_return_sequences_and_return_state(kind):
    N, T, D, H = 4, 5, 3, 2
    x, results = Tensor(normal(N, T, D)), {}
    for pair in itertools.product([False, True], repeat=2):
        layer = made(kind, D, H, return_sequences=pair[0], return_state=pair[1])
        results[pair] = layer(x)
        assert isinstance(results[pair], tuple) == pair[1]
    y, h, *rest = results[True, True]
    assert y.shape == (N, T, H)
    assert [s.shape for s in (h, *rest)] == [(N, H)] * layer.states
    np.testing.assert_array_equal(y.numpy()[:, -1], h.numpy())
    np.testing.assert_array_equal(results[True, False].numpy(), y.numpy())
    np.testing.assert_array_equal(results[False, False].numpy(), h.numpy())
    for ours, wanted in zip(results[False, True], (h, h, *rest), strict=True):
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


@pytest.mark.parametrize("kind", NAMES)
def test_going_backwards_is_going_forwards_through_the_reversed_sequence(kind):
    x, options = normal(2, 5, 3), {"return_sequences": True, "return_state": True}
    back, forth = made(kind, go_backwards=True, **options), made(kind, **options)
    for ours, wanted in zip(back(Tensor(x)), forth(Tensor(x[:, ::-1].copy())), strict=True):
        np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


# ---- what goes in ----
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(0, 3, 2, 2), (2, 1, 3, 2), (2, 3, 3, 1), (2, 3, 1, 2), (1, 1, 1, 1), (5, 2, 2, 60)])
def test_sizes_and_dtypes(kind, dtype, sizes):
    N, T, D, H = sizes
    layer = made(kind, D, H, return_sequences=True, return_state=True, dropout=0.1, recurrent_dropout=0.1).to(dtype)
    arrays = [a.astype(dtype) for a in (normal(N, T, D), *given_state(kind, N, H))]
    results, gradients = both(lambda x, *s: call(layer, x, masks("right", N, T), s), arrays, layer)
    assert [y.shape for y in results] == [(N, T, H)] + [(N, H)] * layer.states
    assert {a.dtype for a in (*results, *gradients)} == {np.dtype(dtype)}
    assert all(np.isfinite(a).all() for a in (*results, *gradients))


@pytest.mark.parametrize("kind", NAMES)
def test_float32_is_float64_rounded(kind):
    layer, x = made(kind, 4, 20, return_sequences=True), normal(3, 12, 4)
    wanted, wanted_gradients = both(layer, [x], layer)
    layer.to("float32")
    ours, gradients = both(layer, [x.astype("float32")], layer)
    for a, b in zip(ours + gradients, wanted + wanted_gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * max(1, abs(b).max()))


@pytest.mark.parametrize("kind", NAMES)
def test_layouts_do_not_matter_and_inputs_stay_as_they_are(kind):
    layer = made(kind, return_sequences=True, return_state=True, go_backwards=True)
    x, states, m = normal(4, 5, 3), given_state(kind, 4, 2), masks("holes", 4, 5)
    wanted = call(layer, Tensor(x), m, [Tensor(s) for s in states])
    odd = minidl.permute(Tensor(x.transpose(2, 0, 1).copy()), (1, 2, 0))
    odd_states = [Tensor(s.T.copy()).T for s in states]
    odd_mask = np.asfortranarray(np.repeat(m, 2, axis=1))[:, ::2]
    for ours, b in zip(call(layer, odd, odd_mask, odd_states), wanted, strict=True):
        np.testing.assert_array_equal(ours.numpy(), b.numpy())
    np.testing.assert_array_equal(odd.numpy(), x)
    np.testing.assert_array_equal(odd_mask, m)
    for s, before in zip(odd_states, states, strict=True):
        np.testing.assert_array_equal(s.numpy(), before)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("H", [2, 60])
def test_backward_changes_nothing_that_it_was_given(kind, H):
    layer, x, g = made(kind, 3, H, return_sequences=True), normal(3, 4, 3), normal(3, 4, H)
    _, once = both(layer, [x], layer, [g])
    layer.zero_grad()
    leaf, upstream = Tensor(x, requires_grad=True), Tensor(g)
    y = layer(leaf)
    y.backward(upstream, retain_graph=True)
    y.backward(upstream)
    np.testing.assert_array_equal(upstream.numpy(), g)
    close([Tensor(p.grad).numpy() for p in (leaf, *layer.parameters())], [2 * a for a in once])
    layer.zero_grad()
    layer(Tensor(x)).backward(g)  # an x that wants no gradient
    close([Tensor(p.grad).numpy() for p in layer.parameters()], once[1:])


@pytest.mark.parametrize("kind", NAMES)
def test_an_output_that_was_overwritten_is_an_error_and_no_wrong_gradient(kind):
    y = made(kind, return_sequences=True)(Tensor(normal(3, 4, 3)))
    with minidl.no_grad():
        y[:, 1] = 2.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


# ---- the functional forms ----
FUNCTIONS = {"SimpleRNN": F.rnn, "LSTM": F.lstm, "GRU": F.gru}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("with_state", [True, False])
def test_functions_are_the_layers(kind, bias, with_state):
    layer, m = made(kind, bias=bias, return_sequences=True, return_state=True), np.ones((3, 4), bool)
    states = given_state(kind, 3, 2) if with_state else []
    function = FUNCTIONS[kind.split()[0]]
    own = {"reset_after": layer.reset_after} if kind.startswith("GRU") else {}
    ours = both(lambda x, *s: function(x, *layer.weights(), *s, mask=m, **own), [normal(3, 4, 3), *states], layer)
    wanted = both(lambda x, *s: call(layer, x, None, s), [normal(3, 4, 3), *states], layer)
    close(ours[0] + ours[1], wanted[0] + wanted[1], bound=0)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("absent", ["bias_ih", "bias_hh"])
def test_one_of_the_two_biases_may_be_absent(kind, absent):
    layer, function = made(kind), FUNCTIONS[kind.split()[0]]
    own = {"reset_after": layer.reset_after} if kind.startswith("GRU") else {}
    getattr(layer, f"{absent}_l0").data = np.zeros(layer.gates * 2)
    one = {name: getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    wanted = function(Tensor(normal(3, 4, 3)), **one, **own)
    ours = function(Tensor(normal(3, 4, 3)), **{**one, absent: None}, **own)
    close([y.numpy() for y in ours], [y.numpy() for y in wanted])
    sum((y * y).sum() for y in ours).backward()
    left = {"bias_ih": layer.bias_hh_l0, "bias_hh": layer.bias_ih_l0}[absent]
    gradient = Tensor(left.grad).numpy()
    layer.zero_grad()
    sum((y * y).sum() for y in wanted).backward()
    close([gradient], [Tensor(left.grad).numpy()])


def test_lstm_with_one_of_its_states():
    layer, x, s, zero = made("LSTM"), Tensor(normal(3, 4, 3)), Tensor(normal(3, 2)), Tensor(np.zeros((3, 2)))
    for one, two in (({"h0": s}, (s, zero)), ({"c0": s}, (zero, s))):
        for ours, wanted in zip(F.lstm(x, *layer.weights(), **one), F.lstm(x, *layer.weights(), *two), strict=True):
            np.testing.assert_array_equal(ours.numpy(), wanted.numpy())
