r"""Bidirectional: two cells in loops, the one turned round by hand, as judge; which way time goes; torch's numbers."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, cat, nn
from minidl.backend import to_numpy
from minidl.nn import bidirectional
from minidl.nn.bidirectional import MERGE_MODES
from minidl.testing import gradcheck
from tests.recurrent import NAMES, PATTERNS, close, given_state, looped, made, masks, normal, several
from tests.recurrent import values_and_gradients as both

# what the modes are, once more: with it a mode that is added has to be said here, too
MERGED = {
    "concat": lambda a, b: [cat([a, b], -1)],
    "sum": lambda a, b: [a + b],
    "mul": lambda a, b: [a * b],
    "ave": lambda a, b: [0.5 * a + 0.5 * b],
    None: lambda a, b: [a, b],
}
SEQUENCES = {"return_sequences": True}


def made_both(kind, merge_mode="concat", D=3, H=2, seed=0, **options):
    r"""A Bidirectional in float64, other random weights in each direction."""
    layer = nn.Bidirectional(made(kind, D, H, seed, **options), merge_mode)
    assert layer.backward_layer.weight_hh_l0.dtype == "float64"
    for i, parameter in enumerate(layer.backward_layer.parameters()):
        parameter.data = normal(*parameter.shape, seed=(seed, i, 1)) / np.sqrt(max(D, H))
    return layer


def call(layer, x, mask=None, states=()):
    return several(layer(x, mask=mask, initial_state=list(states) or None))


def two_states(kind, N, H, seed=5):
    return [*given_state(kind, N, H, seed), *given_state(kind, N, H, seed + 1)]


def turned(x):
    return x[:, ::-1]


def by_hand(layer, x, mask=None, states=()):
    r"""Each direction step by step through its cell, the layer that starts at the end on data turned by hand."""
    n, results, ends = layer.forward_layer.states, [], []
    for part, own in ((layer.forward_layer, states[:n]), (layer.backward_layer, states[n:])):
        back = part is layer.backward_layer
        back ^= layer.forward_layer.go_backwards
        xs, m = (turned(x), None if mask is None else mask[:, ::-1]) if back else (x, mask)
        straight = type(part)(**{**part.options(), "go_backwards": False})
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            setattr(straight, name, getattr(part, name))
        y, *end = looped(straight, xs, m, list(own) or None)
        if part is layer.backward_layer and part.return_sequences:
            y = turned(y)
        if mask is not None and part.return_sequences:  # a masked step gives 0
            real = turned(mask) if layer.forward_layer.go_backwards else mask
            y = y * Tensor(real[..., None].astype("float64"))
        results.append(y)
        ends += end if part.return_state else []
    return (*MERGED[layer.merge_mode](*results), *ends)


# ---- what it computes ----
@pytest.mark.parametrize("kind", NAMES)
def test_every_mode_with_every_option_is_two_cells_in_loops(kind):
    N, T, D, H = 2, 3, 3, 2
    flags = [False, True]
    for mode, sequences, state, pattern, with_state in itertools.product(
        MERGE_MODES, flags, flags, ("none", "right"), flags
    ):
        layer = made_both(kind, mode, D, H, return_sequences=sequences, return_state=state)
        arrays = [normal(N, T, D), *(two_states(kind, N, H) if with_state else [])]
        m = masks(pattern, N, T, seed=2)
        ours = both(lambda x, *s: call(layer, x, m, s), arrays, layer)  # noqa: B023
        wanted = both(lambda x, *s: by_hand(layer, x, m, s), arrays, layer)  # noqa: B023
        close(ours[0] + ours[1], wanted[0] + wanted[1])


@pytest.mark.parametrize("kind", NAMES)
@given(
    N=st.integers(1, 4),
    T=st.integers(1, 5),
    D=st.integers(1, 3),
    H=st.sampled_from([1, 2, 33]),
    merge_mode=st.sampled_from([*MERGE_MODES]),
    pattern=st.sampled_from(PATTERNS),
    with_state=st.booleans(),
    bias=st.booleans(),
    go_backwards=st.booleans(),
    return_sequences=st.booleans(),
    return_state=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40)
def test_it_is_two_cells_in_loops(kind, N, T, D, H, merge_mode, pattern, with_state, seed, **options):
    layer = made_both(kind, merge_mode, D, H, seed, **options)
    arrays = [normal(N, T, D, seed=seed), *(two_states(kind, N, H, seed) if with_state else [])]
    m = masks(pattern, N, T, seed)
    ours = both(lambda x, *s: call(layer, x, m, s), arrays, layer)
    wanted = both(lambda x, *s: by_hand(layer, x, m, s), arrays, layer)
    close(ours[0] + ours[1], wanted[0] + wanted[1])


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("merge_mode", MERGE_MODES)
def test_gradcheck(kind, merge_mode, record_property):
    worst = 0.0
    patterns = itertools.cycle(PATTERNS)
    for sequences, with_state in itertools.product([True, False], repeat=2):
        layer = made_both(kind, merge_mode, 2, 2, return_sequences=sequences, return_state=True)
        inputs = [normal(2, 3, 2), *(two_states(kind, 2, 2) if with_state else [])]
        m = masks(next(patterns), 2, 3)
        run = lambda x, *s, layer=layer, m=m: call(layer, x, m, s)  # noqa: E731
        worst = max(worst, gradcheck(run, inputs, list(layer.parameters())))
    record_property("worst_relative_error", worst)
    assert worst <= 1e-6


def test_the_table_of_the_docstring_and_the_dict_have_the_same_modes():
    rows = re.findall(r"^\| `(\S+)` \| \$?.*", bidirectional.__doc__, re.MULTILINE)
    assert [None if row == "None" else row.strip('"') for row in rows if row != "merge_mode"] == [*MERGE_MODES]
    assert MERGED.keys() == MERGE_MODES.keys()


# ---- which way time goes ----
@pytest.mark.parametrize("kind", NAMES)
@given(T=st.integers(1, 5), pattern=st.sampled_from(PATTERNS), seed=st.integers(0, 2**31))
@settings(max_examples=15)
def test_reversing_the_input_swaps_the_two_directions(kind, T, pattern, seed):
    H, options = 2, {**SEQUENCES, "return_state": True}
    layer = made_both(kind, None, seed=seed, **options)
    other = made_both(kind, None, seed=seed + 1, **options)
    other.forward_layer.load_state_dict(layer.backward_layer.state_dict())
    other.backward_layer.load_state_dict(layer.forward_layer.state_dict())
    x, m, states = normal(3, T, 3, seed=seed), masks(pattern, 3, T, seed), two_states(kind, 3, H, seed)
    n = len(states) // 2
    a, b, *ends = both(lambda x, *s: call(layer, x, m, s), [x, *states], layer)[0]
    m = None if m is None else m[:, ::-1]
    swapped = [*states[n:], *states[:n]]
    a2, b2, *ends2 = both(lambda x, *s: call(other, x, m, s), [turned(x), *swapped], other)[0]
    close([turned(b2), turned(a2), *ends2[n:], *ends2[:n]], [a, b, *ends])


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("t", [0, 2, 4])
def test_a_step_seen_alone_shows_from_there_on_in_one_half_and_up_to_there_in_the_other(kind, t):
    layer = made_both(kind, bias=False, **SEQUENCES)
    x = np.zeros((1, 5, 3))
    x[:, t] = normal(1, 3)
    y = layer(Tensor(x)).numpy()[0]  # without biases, a layer that has seen nothing but zeros is at 0
    steps = np.arange(5)
    assert (y[:, :2].any(axis=1) == (steps >= t)).all()
    assert (y[:, 2:].any(axis=1) == (steps <= t)).all()


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("t", [0, 1, 4])
def test_the_gradients_of_the_halves_do_not_overlap(kind, t):
    layer, g = made_both(kind, **SEQUENCES), Tensor(normal(2, 2, seed=9))
    steps = np.arange(5)
    halves = (
        (slice(0, 2), layer.forward_layer, layer.backward_layer, steps <= t),
        (slice(2, 4), layer.backward_layer, layer.forward_layer, steps >= t),
    )
    for half, own, other, reached in halves:
        layer.zero_grad()
        x = Tensor(normal(2, 5, 3), requires_grad=True)
        (layer(x)[:, t, half] * g).sum().backward()
        assert (to_numpy(x.grad).any(axis=(0, 2)) == reached).all()
        grads = [p.grad for p in other.parameters()]
        assert not any(to_numpy(d).any() for d in grads if d is not None)
        # a single step starts at h = 0, so U gets no gradient; everything else does
        for name, p in own.named_parameters():
            assert to_numpy(p.grad).any() == (name != "weight_hh_l0" or reached.sum() > 1), name


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("merge_mode", MERGE_MODES)
def test_without_sequences_each_half_has_read_all_steps(kind, merge_mode):
    long, short = made_both(kind, merge_mode, **SEQUENCES, return_state=True), made_both(kind, merge_mode)
    x = Tensor(normal(2, 4, 3))
    a, b, *states = made_both(kind, None, **SEQUENCES, return_state=True)(x)
    ends = MERGED[merge_mode](a[:, -1], b[:, 0])
    close([y.numpy() for y in several(short(x))], [y.numpy() for y in ends], bound=0)
    n = len(states) // 2
    close([states[0].numpy(), states[n].numpy()], [a.numpy()[:, -1], b.numpy()[:, 0]], bound=0)
    close([s.numpy() for s in long(x)[-2 * n :]], [s.numpy() for s in states], bound=0)


@pytest.mark.parametrize("kind", NAMES)
def test_a_layer_that_goes_backwards_gives_its_order_to_both(kind):
    plain, m = made_both(kind, None, **SEQUENCES), masks("right", 3, 4, seed=2)
    back = made_both(kind, None, **SEQUENCES, go_backwards=True)
    back.forward_layer.load_state_dict(plain.backward_layer.state_dict())
    back.backward_layer.load_state_dict(plain.forward_layer.state_dict())
    assert not back.backward_layer.go_backwards
    x = Tensor(normal(3, 4, 3))
    a, b = plain(x, m)
    a2, b2 = back(x, m)
    close([a2.numpy(), b2.numpy()], [turned(b.numpy()), turned(a.numpy())])
    assert np.array_equal(to_numpy(back.compute_mask(x, m)), m[:, ::-1])
    assert np.array_equal(to_numpy(plain.compute_mask(x, m)), m)


# ---- masks ----
@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("merge_mode", MERGE_MODES)
@pytest.mark.parametrize("sequences", [True, False])
def test_a_padded_batch_is_each_sequence_alone(kind, side, merge_mode, sequences):
    lengths, T, D, H = [3, 5, 1, 4], 5, 3, 2
    layer = made_both(kind, merge_mode, D, H, return_sequences=sequences, return_state=True)
    x, states = normal(4, T, D), two_states(kind, 4, H)
    real = [slice(0, n) if side == "right" else slice(T - n, T) for n in lengths]
    m = np.zeros((4, T), bool)
    for row, steps in zip(m, real, strict=True):
        row[steps] = True
    x[~m] = np.nan  # padding may hold anything
    shapes = [y.shape for y in call(layer, Tensor(x), m, [Tensor(s) for s in states])]
    ups = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    ys, (dx, *others) = both(lambda x, *s: call(layer, x, m, s), [x, *states], layer, ups)
    assert not dx[~m].any()
    ds, dw = others[: len(states)], others[len(states) :]
    sums = [np.zeros_like(d) for d in dw]
    for i, steps in enumerate(real):
        at = [(slice(i, i + 1), steps) if y.ndim == 3 else (slice(i, i + 1),) for y in ys]
        own = [x[i : i + 1, steps], *(s[i : i + 1] for s in states)]
        own_ups = [g[place] for g, place in zip(ups, at, strict=True)]
        alone, grads = both(lambda x, *s: call(layer, x, None, s), own, layer, own_ups)
        close([y[place] for y, place in zip(ys, at, strict=True)], alone)
        close([dx[i : i + 1, steps], *(d[i : i + 1] for d in ds)], grads[: 1 + len(states)])
        sums = [total + d for total, d in zip(sums, grads[1 + len(states) :], strict=True)]
    close(dw, sums)


def test_a_sequential_hands_the_mask_through_two_of_them():
    table = nn.Embedding(7, 3, mask_zero=True)
    model = nn.Sequential(
        table, nn.Bidirectional(nn.GRU(3, 2, **SEQUENCES)), nn.Bidirectional(nn.LSTM(4, 3), "ave"), nn.Linear(3, 2)
    ).to("float64")
    batch = model(Tensor([[3, 1, 4, 0, 0], [1, 5, 2, 6, 5]])).numpy()
    alone = [model(Tensor([row])).numpy()[0] for row in ([3, 1, 4], [1, 5, 2, 6, 5])]
    close(batch, alone)
    assert model.compute_mask(Tensor([[1, 0]])) is None
    part = model[:2]
    assert to_numpy(part.compute_mask(Tensor([[1, 0]]))).tolist() == [[True, False]]


# ---- kept states ----
@pytest.mark.parametrize("kind", NAMES)
def test_a_stateful_one_goes_on_in_both_directions(kind):
    kept = made_both(kind, **SEQUENCES, stateful=True)
    plain = made_both(kind, **SEQUENCES, return_state=True)
    x1, x2 = Tensor(normal(2, 3, 3)), Tensor(normal(2, 4, 3, seed=1))
    y1, *states = plain(x1)
    y2 = plain(x2, None, [s.detach() for s in states])[0]
    close([kept(x1).numpy(), kept(x2).numpy()], [y1.numpy(), y2.numpy()], bound=0)
    kept.reset_states()
    close([kept(x1).numpy()], [y1.numpy()], bound=0)
    with pytest.raises(ValueError, match="batch of 2, this one has 3"):
        kept(Tensor(normal(3, 3, 3)))
    wrong = [Tensor(normal(2, 2)) for _ in states[1:]] + [Tensor(normal(2, 5))]
    with pytest.raises(ValueError, match="initial_state"):
        kept(x2, None, wrong)
    close([kept(x2).numpy()], [y2.numpy()], bound=0)  # what was refused has left the states alone


# ---- how it is made ----
@pytest.mark.parametrize("kind", NAMES)
def test_the_backward_layer_has_the_options_of_the_layer_and_weights_of_its_own(kind):
    layer = made(kind, 3, 2, return_state=True, stateful=True, dropout=0.25, recurrent_dropout=0.5).to("float32").eval()
    model = nn.Bidirectional(layer)
    back = model.backward_layer
    assert model.forward_layer is layer and model.layer is layer and type(back) is type(layer)
    assert back.options() == {**layer.options(), "go_backwards": True}
    assert not back.training and back.weight_ih_l0.dtype == "float32"
    assert not np.array_equal(back.weight_ih_l0.numpy(), layer.weight_ih_l0.numpy())
    names = [name for name, _ in layer.named_parameters()]
    assert [n for n, _ in model.named_parameters()] == [
        f"{side}_layer.{n}" for side in ("forward", "backward") for n in names
    ]
    assert list(model.state_dict()) == [n for n, _ in model.named_parameters()]


def test_dropout_is_drawn_for_each_direction():
    model = made_both("LSTM", None, 50, 2, dropout=0.5, **SEQUENCES)
    x = Tensor(np.ones((1, 1, 50)), requires_grad=True)
    dropped = []
    for k in range(2):
        x.grad = None
        a = model(x)[k]
        a.backward(normal(*a.shape))
        dropped.append(to_numpy(x.grad)[0, 0] == 0)
    assert 10 < dropped[0].sum() < 40 and (dropped[0] != dropped[1]).any()
    model.eval()
    assert np.array_equal(model(x)[0].numpy(), model(x)[0].numpy())


def test_what_it_says_of_itself():
    model = nn.Sequential(nn.Bidirectional(nn.LSTM(3, 2, **SEQUENCES), "sum"), nn.Linear(2, 1))
    assert repr(model[0]).startswith("Bidirectional(merge_mode='sum'\n  (forward_layer): LSTM(")
    rows = nn.summary(model, (2, 5, 3)).rows
    assert [(r.path, r.kind, r.output_shape, r.parameters, r.multiply_adds) for r in rows[:2]] == [
        ("0.forward_layer", "LSTM", (2, 5, 2), 4 * (3 * 2 + 2 * 2 + 2 + 2), 2 * 5 * 4 * 2 * (3 + 2)),
        ("0.backward_layer", "LSTM", (2, 5, 2), 4 * (3 * 2 + 2 * 2 + 2 + 2), 2 * 5 * 4 * 2 * (3 + 2)),
    ]


# ---- torch ----
with np.load(Path(__file__).parent / "golden" / "bidirectional.npz") as _file:
    NUMBERS, PLACES, LENGTHS = _file["numbers"], json.loads(str(_file["places"])), _file["lengths"]


def stored(prefix):
    r"""The arrays whose keys start so, by the rest of their keys."""
    return {
        key.removeprefix(prefix): NUMBERS[at : at + int(np.prod(shape))].reshape(shape)
        for key, (at, shape) in PLACES.items()
        if key.startswith(prefix)
    }


def ours(key):
    r"""torch's name of a parameter -> ours."""
    reverse = key.endswith("_reverse")
    return f"{'backward' if reverse else 'forward'}_layer.{key.removesuffix('_reverse')}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_the_numbers_of_torch(name, packed, dtype):
    row = stored(f"{name}/{'packed' if packed else 'whole'}/")
    weights = {ours(k.removeprefix("weight/")): v for k, v in row.items() if k.startswith("weight/")}
    grads = {ours(k.removeprefix("grad/")): v for k, v in row.items() if k.startswith(("grad/weight", "grad/bias"))}
    layer = nn.Bidirectional(getattr(nn, name)(2, 3, return_sequences=True, return_state=True))
    layer.to(dtype).load_state_dict(weights)
    n = layer.forward_layer.states
    m = np.arange(4) < LENGTHS[:, None] if packed else None
    # torch has a state of both directions in one array (2, N, H)
    states = [row[f"first/{i}"][d] for d in range(2) for i in range(n)]
    wanted = [row["result/0"], *(row[f"result/{1 + i}"][d] for d in range(2) for i in range(n))]
    ups = [row["up/0"], *(row[f"up/{1 + i}"][d] for d in range(2) for i in range(n))]
    arrays = [a.astype(dtype) for a in (row["x"], *states)]
    results, gradients = both(lambda x, *s: call(layer, x, m, s), arrays, layer, [g.astype(dtype) for g in ups])
    wanted_gradients = [row["grad/x"], *(row[f"grad/first/{i}"][d] for d in range(2) for i in range(n))]
    wanted_gradients += [grads[k] for k, _ in layer.named_parameters()]
    bound = {"float32": 1e-6, "float64": 1e-12}[dtype]
    for a, b in zip([*results, *gradients], [*wanted, *wanted_gradients], strict=True):
        assert a.shape == b.shape and a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=bound * max(1, abs(b).max()))


# ---- mistakes ----
X = Tensor(np.ones((2, 3, 4), "float32"))
S = Tensor(np.ones((2, 5), "float32"))


def wrapped(kind=nn.LSTM, **options):
    return nn.Bidirectional(kind(4, 5, **options))


BAD = {
    "no such mode": (lambda: nn.Bidirectional(nn.GRU(4, 5), "average"), ValueError, "merge_mode must be one of 'con"),
    "a mode of capitals": (lambda: nn.Bidirectional(nn.GRU(4, 5), "Sum"), ValueError, "got 'Sum'"),
    "False for None": (lambda: nn.Bidirectional(nn.GRU(4, 5), False), ValueError, "got False"),
    "a class": (lambda: nn.Bidirectional(nn.LSTM), TypeError, r"got the class; write LSTM\(\.\.\.\)"),
    "another layer": (
        lambda: nn.Bidirectional(nn.Linear(4, 5)),
        TypeError,
        "must be a SimpleRNN, LSTM or GRU, got Lin",
    ),
    "a cell": (lambda: nn.Bidirectional(nn.LSTMCell(4, 5)), TypeError, "got LSTMCell"),
    "itself": (lambda: nn.Bidirectional(wrapped()), TypeError, "got Bidirectional"),
    "a Sequential": (lambda: nn.Bidirectional(nn.Sequential(nn.LSTM(4, 5))), TypeError, "got Sequential"),
    "no layer": (lambda: nn.Bidirectional(None), TypeError, "layer must be a module, got NoneType"),
    "a list as x": (lambda: wrapped()([[[1.0] * 4]]), TypeError, "Bidirectional: x must be a Tensor, got list"),
    "x of two axes": (lambda: wrapped()(X[:, 0]), ValueError, r"Bidirectional: x must have shape \(N, T, D\)"),
    "no steps": (lambda: wrapped()(X[:, :0]), ValueError, "at least one time step"),
    "other features": (lambda: wrapped()(X[:, :, :3]), ValueError, "input_size=4"),
    "integers": (lambda: wrapped()(X > 0), TypeError, "x must hold floats"),
    "float64 into float32": (lambda: wrapped()(X.to("float64")), TypeError, "one dtype, got float64 and float32"),
    "a mask of other steps": (
        lambda: wrapped()(X, [[1, 1]] * 2),
        ValueError,
        r"mask must have shape \(N, T\) = \(2, 3\)",
    ),
    "a mask of floats": (lambda: wrapped()(X, np.ones((2, 3))), TypeError, "mask must hold bools"),
    "states of one direction": (
        lambda: wrapped()(X, None, [S, S]),
        ValueError,
        "must be a list of 4: h and c of the f",
    ),
    "one state": (lambda: wrapped()(X, None, S), ValueError, "list of 4.* got 1"),
    "a pair of pairs": (lambda: wrapped()(X, None, [(S, S), (S, S)]), ValueError, "list of 4.* got 2"),
    "five states": (lambda: wrapped()(X, None, [S] * 5), ValueError, "got 5"),
    "a GRU's of an LSTM": (lambda: wrapped(nn.GRU)(X, None, [S] * 4), ValueError, "list of 2: h of the forward layer"),
    "no states": (lambda: wrapped(nn.GRU)(X, None, []), ValueError, "list of 2.* got 0"),
    "a state of 2H": (
        lambda: wrapped(nn.GRU)(X, None, [S, Tensor(np.ones((2, 10), "float32"))]),
        ValueError,
        r"initial_state\[1\] must have shape \(N, H\) = \(2, 5\), got \(2, 10\)",
    ),
    "a state as a list": (
        lambda: wrapped(nn.GRU)(X, None, [S, [1.0]]),
        TypeError,
        r"initial_state\[1\] must be a Tensor",
    ),
    "a state in float64": (lambda: wrapped(nn.GRU)(X, None, [S, S.to("float64")]), TypeError, "one dtype"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_said(name):
    function, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        function()
