"""Dropout, Dropout2d, GaussianNoise: statistics, modes, masks, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import Tensor, nn
from minidl.backend import to_numpy
from minidl.testing import check_layer, strategies

SHAPES = {"Dropout": (2, 3, 4, 5), "Dropout2d": (2, 3, 4, 5), "GaussianNoise": (2, 3)}
MAKE = {
    "Dropout": lambda v=0.5: nn.Dropout(v),
    "Dropout2d": lambda v=0.5: nn.Dropout2d(v),
    "GaussianNoise": lambda v=0.5: nn.GaussianNoise(v),
}


def normal(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", MAKE)
def test_ladder(name, value):
    rungs = {"empty": True, "rank": name == "Dropout2d"}
    assert check_layer(lambda: MAKE[name](value), normal(*SHAPES[name]), **rungs).passed


# ---- modes ----
@pytest.mark.parametrize("name", MAKE)
def test_evaluation_is_the_identity(name):
    x = Tensor(normal(*SHAPES[name]), requires_grad=True)
    state = minidl.random.get_state()
    y = MAKE[name]().eval()(x)
    assert np.array_equal(y.numpy(), x.numpy())
    assert minidl.random.get_state() == state, "evaluation drew a random number"
    g = normal(*SHAPES[name], seed=1)
    (y * 1.0).backward(g)
    assert np.array_equal(to_numpy(x.grad), g)


@pytest.mark.parametrize("training, on", [(None, None), (True, True), (False, False)])
@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("name", MAKE)
def test_the_training_option(name, mode, training, on):
    x = Tensor(normal(*SHAPES[name]))
    changed = not np.array_equal(MAKE[name]().train(mode)(x, training=training).numpy(), x.numpy())
    assert changed == (mode if on is None else on)


def test_monte_carlo_dropout_spreads_around_the_prediction():
    layer = nn.Dropout(0.2).eval()
    x = Tensor(np.ones((4, 50)))
    w = Tensor(normal(50, 1))
    samples = np.array([(layer(x, training=True) @ w).numpy()[0, 0] for _ in range(2000)])
    variance = (w.numpy() ** 2).sum() * 0.2 / 0.8  # of a sum of independent w * m, with Var(m) = p / (1 - p)
    assert abs(samples.mean() - w.numpy().sum()) < 5 * (variance / 2000) ** 0.5
    assert abs(samples.var() / variance - 1) < 5 * (2 / 2000) ** 0.5


# ---- statistics ----
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_values_are_dropped_at_the_rate_p_and_the_mean_stays(p):
    n = 100_000
    y = nn.Dropout(p)(Tensor(np.ones(n))).numpy()
    sigma = (p * (1 - p) / n) ** 0.5
    assert abs((y == 0).mean() - p) < 5 * sigma
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-15)
    assert abs(y.mean() - 1) < 5 * sigma / (1 - p)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_channels_are_dropped_as_a_whole_at_the_rate_p(p):
    N, C = 200, 50
    y = nn.Dropout2d(p)(Tensor(np.ones((N, C, 2, 3)))).numpy()
    assert (y == y[:, :, :1, :1]).all()
    dropped = (y[:, :, 0, 0] == 0).mean()
    assert abs(dropped - p) < 5 * (p * (1 - p) / (N * C)) ** 0.5
    assert len({tuple(row) for row in y[:, :, 0, 0]}) > 100  # every image has a mask of its own


def test_neighbours_are_dropped_independently():
    dropped = nn.Dropout(0.5)(Tensor(np.ones((200, 200)))).numpy() == 0
    for a, b in ((dropped[1:], dropped[:-1]), (dropped[:, 1:], dropped[:, :-1])):
        assert abs((a & b).mean() - 0.25) < 5 * (0.25 * 0.75 / a.size) ** 0.5


def test_noise_has_the_asked_standard_deviation():
    n = 100_000
    x = normal(n)
    noise = nn.GaussianNoise(0.3)(Tensor(x)).numpy() - x
    assert abs(noise.mean()) < 5 * 0.3 / n**0.5
    assert abs(noise.std() / 0.3 - 1) < 5 / (2 * n) ** 0.5
    assert abs((abs(noise) < 0.3).mean() - 0.6827) < 5 * (0.6827 * 0.3173 / n) ** 0.5  # it is normal


# ---- the mask ----
@given(st.lists(st.integers(0, 4), max_size=3), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.data())
@settings(max_examples=40)
def test_the_backward_mask_is_the_forward_mask(shape, p, data):
    x = Tensor(data.draw(strategies.arrays(tuple(shape))) + 10, requires_grad=True)
    y = nn.dropout(x, p)
    g = normal(*shape, seed=1, dtype=x.dtype) + 10
    (y * 1).backward(g)
    kept = y.numpy() != 0
    scale = x.dtype.type(1 / (1 - p)) if p < 1 else x.dtype.type(0)
    assert y.dtype == x.dtype and to_numpy(x.grad).dtype == x.dtype
    assert np.array_equal(y.numpy(), np.where(kept, x.numpy() * scale, 0))
    assert np.array_equal(to_numpy(x.grad), np.where(kept, g * scale, 0))


@pytest.mark.parametrize("name", MAKE)
def test_same_seed_same_result_and_another_call_another(name):
    x = Tensor(normal(*SHAPES[name]))
    layer = MAKE[name]()
    minidl.manual_seed(3)
    first, second = layer(x).numpy(), layer(x).numpy()
    minidl.manual_seed(3)
    assert np.array_equal(layer(x).numpy(), first)
    assert not np.array_equal(first, second)


def test_the_mask_does_not_depend_on_the_dtype():
    x = normal(100)
    minidl.manual_seed(3)
    wide = nn.dropout(Tensor(x)).numpy() == 0
    minidl.manual_seed(3)
    assert np.array_equal(nn.dropout(Tensor(x.astype("float32"))).numpy() == 0, wide)


@pytest.mark.parametrize("form", [nn.dropout, nn.dropout2d])
def test_the_ends_of_p(form):
    x = Tensor(normal(2, 3, 4, 5), requires_grad=True)
    assert np.array_equal(form(x, 0.0).numpy(), x.numpy())
    y = form(x, 1.0)
    y.backward(normal(2, 3, 4, 5, seed=1))
    assert not y.numpy().any() and not to_numpy(x.grad).any()


def test_nobody_elses_seed_matters():
    x = Tensor(np.ones(50))
    minidl.manual_seed(1)
    first = nn.dropout(x).numpy()
    minidl.manual_seed(1)
    np.random.seed(5)  # noqa: NPY002  (what a user's other library may do)
    assert np.array_equal(nn.dropout(x).numpy(), first)


# ---- what is refused ----
BAD = {
    "p above 1": (lambda: nn.Dropout(1.5), ValueError, "Dropout: p must be <= 1, got 1.5"),
    "p below 0": (lambda: nn.Dropout2d(-0.1), ValueError, "Dropout2d: p must be >= 0, got -0.1"),
    "p nan": (lambda: nn.Dropout(float("nan")), ValueError, "p must be a finite number"),
    "p a word": (lambda: nn.Dropout("half"), TypeError, "p must be a number, got 'half'"),
    "p a bool": (lambda: nn.Dropout(True), TypeError, "p must be a number"),
    "functional p": (lambda: nn.dropout(Tensor([1.0]), p=2), ValueError, "dropout: p must be <= 1"),
    "training a word": (lambda: nn.Dropout()(Tensor([1.0]), training="yes"), ValueError, "training must be one of"),
    "training a number": (lambda: nn.GaussianNoise(1)(Tensor([1.0]), training=1), ValueError, "training must be one"),
    "integers": (lambda: nn.Dropout()(Tensor([1, 2])), TypeError, "dropout: x must hold floats"),
    "integers in evaluation": (lambda: nn.Dropout().eval()(Tensor([1, 2])), TypeError, "floats"),
    "a list": (lambda: nn.Dropout()([1.0]), TypeError, "dropout: x must be a Tensor, got list"),
    "2d: rank": (lambda: nn.Dropout2d()(Tensor(normal(2, 3))), ValueError, r"\(N, C, H, W\), got \(2, 3\)"),
    "std below 0": (lambda: nn.GaussianNoise(-1), ValueError, "GaussianNoise: std must be >= 0, got -1"),
    "std inf": (lambda: nn.GaussianNoise(float("inf")), ValueError, "std must be a finite number"),
    "noise on integers": (lambda: nn.gaussian_noise(Tensor([1]), 1.0), TypeError, "gaussian_noise: x must hold floats"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
