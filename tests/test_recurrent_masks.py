r"""Masks and the recurrent layers: padding is as if it were not there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import Tensor, nn
from tests.recurrent import NAMES, call, close, given_state, made, masks, normal
from tests.recurrent import values_and_gradients as both

FULL = {"return_sequences": True, "return_state": True}


def padded(sequences, T, side, fill):
    r"""The sequences (T_n, D) as one array (N, T, D), and its mask."""
    x, m = np.full((len(sequences), T, sequences[0].shape[1]), fill), np.zeros((len(sequences), T), bool)
    for n, s in enumerate(sequences):
        place = slice(0, len(s)) if side == "right" else slice(T - len(s), T)
        x[n, place], m[n, place] = s, True
    return x, m


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("side", ["right", "left"])
@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    more=st.integers(1, 2),
    H=st.sampled_from([1, 3, 50]),
    fill=st.sampled_from([0.0, np.nan, np.inf, -1e300]),
    go_backwards=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_a_padded_batch_is_each_sequence_alone(kind, side, lengths, more, H, fill, go_backwards, seed):
    N, T, D = len(lengths), max(lengths) + more, 2
    layer = made(kind, D, H, seed, go_backwards=go_backwards, **FULL)
    sequences, states = [normal(n, D, seed=(seed, n)) for n in lengths], given_state(kind, N, H, seed)
    x, m = padded(sequences, T, side, fill)
    upstream = [normal(N, T, H, seed=seed), *given_state(kind, N, H, seed + 1)]
    read = m[:, ::-1] if go_backwards else m  # outputs stand in the order of reading
    upstream[0] *= read[..., None]
    (y, *final), (dx, *ds, dw) = split(both(lambda x, *s: call(layer, x, m, s), [x, *states], layer, upstream), states)

    total = [np.zeros_like(g) for g in dw]
    for n in range(N):
        if not lengths[n]:  # nothing was read
            assert not y[n].any()
            close([s[n] for s in final + ds], [s[n] for s in states] + [g[n] for g in upstream[1:]], bound=0)
            continue
        given = [upstream[0][n : n + 1, read[n]], *(g[n : n + 1] for g in upstream[1:])]
        arrays = [sequences[n][None], *(s[n : n + 1] for s in states)]
        alone = both(lambda x, *s: call(layer, x, None, s), arrays, layer, given)
        (y_n, *final_n), (dx_n, *ds_n, dw_n) = split(alone, states)
        close([y[n, read[n]], *(s[n] for s in final)], [y_n[0], *(s[0] for s in final_n)])
        close([dx[n, m[n]], *(g[n] for g in ds)], [dx_n[0], *(g[0] for g in ds_n)])
        total = [a + b for a, b in zip(total, dw_n, strict=True)]
    close(dw, total)
    np.testing.assert_array_equal(dx[~m], 0.0)


def split(result, states):
    r"""(results, gradients): the gradients as x, each state, and a list of those of the parameters."""
    results, gradients = result
    return results, (*gradients[: 1 + len(states)], gradients[1 + len(states) :])


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}, {"recurrent_dropout": 0.5, "go_backwards": True}])
@pytest.mark.parametrize("fill", [np.nan, np.inf, 1e308])
@pytest.mark.parametrize("H", [2, 60])
def test_what_the_padding_holds_does_not_matter(kind, options, fill, H):
    layer, m = made(kind, 3, H, **FULL, **options), masks("holes", 4, 6)
    x = normal(4, 6, 3)
    results = []
    for value in (0.0, fill):
        minidl.manual_seed(1)
        results += both(lambda x: layer(x, m), [np.where(m[..., None], x, value)], layer)
    close(results[2], results[0], bound=0)
    close(results[3], results[1], bound=0)
    np.testing.assert_array_equal(results[3][0][~m], 0.0)


@pytest.mark.parametrize("kind", NAMES)
def test_a_nan_at_a_real_step_is_not_hidden(kind):
    x, m = normal(1, 3, 3), np.array([[True, True, False]])
    x[0, 1, 0] = np.nan
    y = made(kind, return_sequences=True)(Tensor(x), m).numpy()
    np.testing.assert_array_equal(np.isnan(y[0]).all(axis=-1), [False, True, True])


@pytest.mark.parametrize("kind", NAMES)
def test_a_masked_step_repeats_the_output_and_before_the_first_real_step_it_is_zero(kind):
    m = np.array([[0, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], bool)
    layer, states = made(kind, **FULL), given_state(kind, 3, 2)
    y, *final = (a.numpy() for a in call(layer, Tensor(normal(3, 6, 3)), m, [Tensor(s) for s in states]))
    assert not y[0, :2].any() and not y[2].any()
    assert y[0, 2].all()
    np.testing.assert_array_equal(y[0, 3], y[0, 2])
    np.testing.assert_array_equal(y[0, 5], y[0, 4])
    assert (y[0, 4] != y[0, 3]).all() and (np.diff(y[1], axis=0) != 0).all()
    np.testing.assert_array_equal(y[:2, -1], final[0][:2])
    for s, start in zip(final, states, strict=True):
        np.testing.assert_array_equal(s[2], start[2])  # nothing read: the state stays
    layer = made(kind)
    last = call(layer, Tensor(normal(3, 6, 3)), m, [Tensor(s) for s in states])[0].numpy()
    np.testing.assert_array_equal(last, y[:, -1])


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("form", ["bool", "tensor", "int", "list"])
def test_masks_come_in_several_forms(kind, form):
    layer, x, m = made(kind, **FULL), Tensor(normal(4, 5, 3)), masks("holes", 4, 5)
    given = {"bool": m, "tensor": Tensor(m), "int": m.astype("int8"), "list": m.tolist()}[form]
    for a, b in zip(layer(x, mask=given), layer(x, m), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    found = layer.compute_mask(x, given)
    np.testing.assert_array_equal(Tensor(found).numpy(), m)


@pytest.mark.parametrize("kind", NAMES)
def test_a_mask_of_ones_is_no_mask(kind):
    layer, x = made(kind, **FULL), normal(4, 5, 3)
    ones = both(lambda x: layer(x, np.ones((4, 5), bool)), [x], layer)
    without = both(layer, [x], layer)
    close(ones[0] + ones[1], without[0] + without[1], bound=0)


@pytest.mark.parametrize("kind", NAMES)
def test_compute_mask(kind):
    x, m = Tensor(normal(2, 4, 3)), masks("right", 2, 4, seed=4)
    assert not m.all()
    assert made(kind, return_sequences=True).compute_mask(x) is None
    assert made(kind).compute_mask(x, m) is None  # no time steps are left
    for back, wanted in ((False, m), (True, m[:, ::-1])):
        found = made(kind, return_sequences=True, go_backwards=back).compute_mask(x, m)
        np.testing.assert_array_equal(Tensor(found).numpy(), wanted)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("back", [(False, False), (True, False), (True, True)])
def test_a_stack_hands_its_mask_on(kind, back):
    lower = made(kind, 3, 4, 1, return_sequences=True, go_backwards=back[0])
    upper = made(kind, 4, 2, 2, go_backwards=back[1])
    head = nn.Linear(2, 3).to("float64")
    model, x, m = nn.Sequential(lower, nn.Dropout(0.0), upper, head), normal(3, 5, 3), masks("right", 3, 5, seed=3)
    assert not m.all()
    ours = both(lambda x: model(x, mask=m), [x], model)
    between = m[:, ::-1] if back[0] else m
    wanted = both(lambda x: head(upper(lower(x, mask=m), mask=between)), [x], model)
    close(ours[0] + ours[1], wanted[0] + wanted[1], bound=0)
    np.testing.assert_array_equal(ours[1][0][~m], 0.0)
    assert model.compute_mask(Tensor(x), m) is None


@pytest.mark.parametrize("kind", NAMES)
def test_return_sequences_forgotten_in_a_stack(kind):
    model = nn.Sequential(made(kind, 3, 4), made(kind, 4, 2))
    with pytest.raises(ValueError, match=rf"{kind.split()[0]}: x must .*\(3, 4\).*return_sequences=True") as error:
        model(Tensor(normal(3, 5, 3)))
    assert isinstance(error.value, minidl.check.ShapeError)
