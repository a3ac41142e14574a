r"""What the recurrent layers keep: states from call to call, and what dropout leaves of them within a call."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from tests.recurrent import NAMES, call, close, given_state, made, masks, normal
from tests.recurrent import values_and_gradients as both

FULL = {"return_sequences": True, "return_state": True}


# ---- dropout ----
def scaled(layer, x_scale, h_scale):
    r"""The layer, without dropout, with its weights for x and for h multiplied."""
    twin = type(layer)(**{**layer.options(), "dropout": 0.0, "recurrent_dropout": 0.0}).to("float64")
    twin.load_state_dict(layer.state_dict())
    twin.weight_ih_l0.data = layer.weight_ih_l0.numpy() * x_scale
    twin.weight_hh_l0.data = layer.weight_hh_l0.numpy() * h_scale
    return twin


def unconnected(kind, H, **options):
    r"""A layer whose unit j sees of the input only x_j and of the state only h_j."""
    layer = made(kind, H, H, **FULL, **options)
    for weight in (layer.weight_ih_l0, layer.weight_hh_l0):
        weight.data = np.tile(np.eye(H), (layer.gates, 1)) * (0.5 + abs(weight.numpy()))
    return layer


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("N", [15, 200])  # N H on both sides of what the kernels call small
def test_one_mask_for_all_steps(kind, which, N):
    # Unit by unit the layer is a network of its own, which has lost its input (or its own h) for the whole sequence or
    # not at all; what is left stands in for the rest. A mask that changed from step to step would give neither of
    # these two, and nor would one that touches the state itself.
    T, H, p = 6, 8, 0.3
    layer = unconnected(kind, H, **{which: p})
    x, states = Tensor(normal(N, T, H)), [Tensor(s) for s in given_state(kind, N, H)]
    found = call(layer, x, None, states)
    if which == "dropout":
        lost, left = scaled(layer, 0, 1), scaled(layer, 1 / (1 - p), 1)
    else:
        lost, left = scaled(layer, 1, 0), scaled(layer, 1, 1 / (1 - p))
    is_lost = same(found, call(lost, x, None, states))
    is_left = same(found, call(left, x, None, states))
    np.testing.assert_array_equal(is_lost, ~is_left)
    assert abs(is_lost.mean() - p) < 5 * np.sqrt(p * (1 - p) / is_lost.size)  # so that the expectation is kept
    assert (is_lost != is_lost[:1]).any()  # each sequence has units of its own
    again = same(call(layer, x, None, states), call(lost, x, None, states))
    assert (again != is_lost).any()  # and each call


def same(results, others):
    r"""(N, H): whether this unit of this sequence has the same outputs at all steps, and the same final states."""
    (y, *states), (y2, *states2) = [[a.numpy() for a in r] for r in (results, others)]
    equal = (abs(y - y2) < 1e-13).all(axis=1)
    for s, s2 in zip(states, states2, strict=True):
        equal &= abs(s - s2) < 1e-13
    return equal


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("H", [3, 60])
@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
def test_dropout_has_an_effect_in_training_and_none_in_evaluation(kind, which, H):
    layer, x = made(kind, 3, H, **FULL, **{which: 0.5}), Tensor(normal(4, 5, 3))
    wanted = call(scaled(layer, 1, 1), x)
    for ours, plain in zip(call(layer, x), wanted, strict=True):
        assert (ours.numpy()[:, -1] != plain.numpy()[:, -1]).any()
    before = minidl.random.get_state()
    close([a.numpy() for a in call(layer.eval(), x)], [a.numpy() for a in wanted], bound=0)
    assert minidl.random.get_state() == before  # evaluation draws nothing


@pytest.mark.parametrize("kind", NAMES)
def test_recurrent_dropout_acts_on_h_alone(kind):
    layer, x = made(kind, **FULL, recurrent_dropout=0.999), normal(4, 5, 3)
    y = layer(Tensor(x))[0].numpy()
    plain = scaled(layer, 1, 1)(Tensor(x))[0].numpy()
    np.testing.assert_array_equal(y[:, 0], plain[:, 0])  # h before the first step is 0
    assert (y[:, 1:] != plain[:, 1:]).any(axis=(1, 2)).all()
    start = [Tensor(s) for s in given_state(kind, 4, 2)]
    first, plain = (call(one, Tensor(x), None, start)[0].numpy()[:, 0] for one in (layer, scaled(layer, 1, 1)))
    assert (first != plain).any()  # a given state is dropped as well


@pytest.mark.parametrize("kind", NAMES)
def test_a_rate_of_one_drops_everything(kind):
    x, start = Tensor(normal(4, 5, 3)), [Tensor(s) for s in given_state(kind, 4, 2)]
    for which, scales in (("dropout", (0, 1)), ("recurrent_dropout", (1, 0))):
        layer = made(kind, **FULL, **{which: 1.0})
        ours, wanted = call(layer, x, None, start), call(scaled(layer, *scales), x, None, start)
        close([a.numpy() for a in ours], [a.numpy() for a in wanted])


@pytest.mark.parametrize("kind", NAMES)
def test_gradients_go_where_the_values_went(kind):
    layer = unconnected(kind, 6, dropout=0.5)
    minidl.manual_seed(2)
    _, (dx, *_) = both(lambda x: layer(x), [normal(3, 4, 6)], layer)
    zero = dx == 0
    np.testing.assert_array_equal(zero, np.repeat(zero[:, :1], 4, axis=1))
    assert zero.any() and not zero.all()


# ---- stateful ----
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("pattern", ["none", "holes", "one row"])
@pytest.mark.parametrize("H", [2, 60])
def test_two_halves_with_a_state_are_one_long_run(kind, pattern, H):
    x, m = normal(3, 7, 3), masks(pattern, 3, 7)
    layer = made(kind, 3, H, stateful=True, **FULL)
    wanted = [a.numpy() for a in layer(Tensor(x), m)]
    layer.reset_states()
    halves = [layer(Tensor(x[:, part]), None if m is None else m[:, part]) for part in (slice(0, 4), slice(4, 7))]
    if m is not None:  # the state is kept, the output is not: in each call it is 0 before the first real step
        wanted[0][:, 4:] *= (m[:, 4:].cumsum(axis=1) > 0)[..., None]
    y = np.concatenate([half[0].numpy() for half in halves], axis=1)
    close([y, *(s.numpy() for s in halves[1][1:])], wanted)


@pytest.mark.parametrize("kind", NAMES)
def test_reset_states_starts_from_zero(kind):
    layer, x = made(kind, stateful=True), Tensor(normal(3, 4, 3))
    first, second = layer(x).numpy(), layer(x).numpy()
    assert (first != second).all()
    layer.reset_states()
    np.testing.assert_array_equal(layer(x).numpy(), first)
    nn.Sequential(layer).reset_states()
    np.testing.assert_array_equal(layer(x).numpy(), first)
    plain = made(kind)
    np.testing.assert_array_equal(plain(x).numpy(), plain(x).numpy())  # stateful=False keeps nothing
    assert set(layer.state_dict()) == set(plain.state_dict())


@pytest.mark.parametrize("kind", NAMES)
def test_no_gradient_goes_into_the_call_before(kind):
    layer = made(kind, stateful=True)
    first, second = (Tensor(normal(3, 4, 3, seed=i), requires_grad=True) for i in range(2))
    layer(first).sum().backward()
    first.grad = None
    layer.zero_grad()
    state = [s.numpy() for s in layer._kept]
    layer(second).sum().backward()  # and no "freed by an earlier backward()"
    assert first.grad is None
    by_hand = made(kind)
    call(by_hand, Tensor(second.numpy()), None, [Tensor(s) for s in state])[0].sum().backward()
    for a, b in zip(layer.parameters(), by_hand.parameters(), strict=True):
        np.testing.assert_array_equal(Tensor(a.grad).numpy(), Tensor(b.grad).numpy())


@pytest.mark.parametrize("kind", NAMES)
def test_a_given_state_comes_before_the_kept_one(kind):
    layer, x = made(kind, stateful=True), normal(3, 4, 3)
    layer(Tensor(x))
    start = [Tensor(s) for s in given_state(kind, 3, 2)]
    for a, b in zip(call(layer, Tensor(x), None, start), call(made(kind), Tensor(x), None, start), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    smaller = [s[:2] for s in start]
    call(layer, Tensor(x[:2]), None, smaller)  # a new batch size is no mistake with a state of its own
    assert layer(Tensor(x[:2])).shape == (2, 2)


@pytest.mark.parametrize("kind", NAMES)
def test_another_batch_size_is_an_error_that_changes_nothing(kind):
    layer, twin, x = made(kind, stateful=True), made(kind, stateful=True), Tensor(normal(3, 4, 3))
    layer(x), twin(x)
    with pytest.raises(ValueError, match=r"stateful.* 3, this one has 2; .*reset_states\(\)"):
        layer(Tensor(normal(2, 4, 3)))
    np.testing.assert_array_equal(layer(x).numpy(), twin(x).numpy())
    layer.reset_states()
    assert layer(Tensor(normal(2, 4, 3))).shape == (2, 2)


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_done_to_the_results_does_not_reach_the_kept_state(kind):
    layer, twin = (made(kind, stateful=True, return_state=True) for _ in range(2))
    x = Tensor(normal(3, 4, 3))
    for result in layer(x):
        with minidl.no_grad():
            result[...] = 9.0
    twin(x)
    for a, b in zip(layer(x), twin(x), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("kind", NAMES)
def test_the_kept_state_follows_the_dtype(kind):
    layer, x = made(kind, stateful=True), normal(3, 4, 3)
    layer(Tensor(x))
    layer.to("float32")
    y = layer(Tensor(x.astype("float32")))
    assert y.dtype == np.float32
    twin = made(kind, stateful=True)
    twin(Tensor(x))
    np.testing.assert_allclose(y.numpy(), twin(Tensor(x)).numpy(), rtol=0, atol=1e-6)
    layer.to("float64")
    assert layer(Tensor(x)).dtype == np.float64


@pytest.mark.parametrize("kind", NAMES)
def test_a_state_is_one_tensor_or_a_list_of_as_many_as_there_are(kind):
    layer, x = made(kind, **FULL), Tensor(normal(3, 4, 3))
    start = [Tensor(s) for s in given_state(kind, 3, 2)]
    forms = [tuple(start), list(start), [s.numpy() for s in start]] + ([start[0]] if len(start) == 1 else [])
    for form in forms[1:]:
        for a, b in zip(layer(x, None, form), layer(x, initial_state=forms[0]), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
