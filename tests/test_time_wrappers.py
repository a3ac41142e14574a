r"""Masking, RepeatVector, TimeDistributed, Embedding(mask_zero): step by step against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn, ops
from minidl.backend import to_numpy
from minidl.testing import check_layer, gradcheck

NAN = math.nan
seeds = st.integers(0, 2**32 - 1)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ---- Masking ----
@given(
    steps=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    rest=st.sampled_from([(1,), (3,), (2, 2)]),
    value=st.sampled_from([0.0, -1.0, 0.5, NAN]),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=seeds,
)
def test_a_step_is_masked_if_all_its_numbers_are_the_value(steps, rest, value, dtype, seed):
    rng = np.random.default_rng(seed)
    other = 7.0
    x = np.where(rng.random((*steps, *rest)) < 0.8, value, other).astype(dtype)  # often all, often all but one
    layer = nn.Masking(value)
    xt = Tensor(x, requires_grad=True)
    y, mask, g = layer(xt), to_numpy(layer.compute_mask(xt)), rng.normal(size=x.shape).astype(dtype)
    y.backward(g)
    assert mask.shape == steps and mask.dtype == bool and y.dtype == dtype and xt.grad.dtype == dtype
    for place in np.ndindex(*steps):
        real = bool((x[place] == other).any())
        assert mask[place] == real
        expected, slope = (x[place], g[place]) if real else (np.zeros(rest), np.zeros(rest))
        assert np.array_equal(y.numpy()[place], expected, equal_nan=True)
        assert np.array_equal(to_numpy(xt.grad)[place], slope)


def test_what_is_masked_lets_nothing_through_not_even_infinite_gradients():
    x = Tensor([[[NAN, NAN], [NAN, 1.0]]], requires_grad=True)
    nn.Masking(NAN)(x).backward(np.full((1, 2, 2), np.inf, "float32"))
    assert to_numpy(x.grad).tolist() == [[[0, 0], [np.inf, np.inf]]]


def test_masking_has_its_gradient_where_the_steps_are_real():
    x = normal(2, 3, 2)
    x[0, 1] = 0.25
    real = Tensor(x[:, [0, 2]], requires_grad=True)
    padding = Tensor(x[:, 1:2])  # both examples, the first of them masked

    gradcheck(lambda real: nn.Masking(0.25)(ops.cat([real, padding], 1)), [real])


def test_masking_keeps_the_mask_that_is_there():
    x = np.array([[[0.0], [1.0], [2.0]]])
    assert to_numpy(nn.Masking().compute_mask(Tensor(x), [[1, 1, 0]])).tolist() == [[False, True, False]]


# ---- RepeatVector ----
@given(N=st.integers(1, 3), D=st.integers(1, 4), n=st.integers(1, 5), seed=seeds)
def test_every_step_is_the_vector_and_its_gradient_their_sum(N, D, n, seed):
    x, g = normal(N, D, seed=seed), normal(N, n, D, seed=seed + 1)
    xt = Tensor(x, requires_grad=True)
    y = nn.RepeatVector(n)(xt)
    y.backward(g)
    assert y.shape == (N, n, D) and all(np.array_equal(y.numpy()[:, t], x) for t in range(n))
    np.testing.assert_allclose(to_numpy(xt.grad), sum(g[:, t] for t in range(n)), rtol=1e-12, atol=1e-14)


def test_repeated_steps_are_all_real():
    assert nn.RepeatVector(3).compute_mask(Tensor([[1.0]]), [[True]]) is None


# ---- TimeDistributed ----
INNER = {  # a module, and the shape of one step
    "Linear": (lambda: nn.Linear(3, 2), (3,)),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 2), (2, 4, 3)),
    "Flatten": (nn.Flatten, (2, 3)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), (3,)),
    "itself": (lambda: nn.TimeDistributed(nn.Linear(3, 2)), (4, 3)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (3,)),
    "GroupNorm": (lambda: nn.GroupNorm(1, 2), (2, 3)),
}


@pytest.mark.parametrize("name", INNER)
def test_the_ladder(name):
    make, step = INNER[name]
    alone = name != "BatchNorm1d"
    assert check_layer(lambda: nn.TimeDistributed(make()), (2, 3, *step), batch=alone, empty=alone).passed


@pytest.mark.parametrize("name", [name for name in INNER if name != "BatchNorm1d"])
@given(N=st.integers(1, 3), T=st.integers(1, 4), seed=seeds)
def test_it_is_the_module_at_every_step(name, N, T, seed):
    make, step = INNER[name]
    module = make().to("float64")
    x = normal(N, T, *step, seed=seed)
    xt = Tensor(x, requires_grad=True)
    y = nn.TimeDistributed(module)(xt)
    g = normal(*y.shape, seed=seed + 1)
    y.backward(g)
    ours = [to_numpy(p.grad) for p in module.parameters()]
    module.zero_grad()
    for t in range(T):  # in a loop, gradients adding up
        now = Tensor(x[:, t], requires_grad=True)
        out = module(now)
        out.backward(g[:, t])
        np.testing.assert_allclose(y.numpy()[:, t], out.numpy(), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(to_numpy(xt.grad)[:, t], to_numpy(now.grad), rtol=1e-11, atol=1e-12)
    for a, b in zip(ours, module.parameters(), strict=True):
        np.testing.assert_allclose(a, to_numpy(b.grad), rtol=1e-11, atol=1e-12)


def test_with_a_linear_it_is_reshape_apply_reshape_and_the_linear_itself():
    layer = nn.TimeDistributed(nn.Linear(3, 2))
    for T in (1, 5, 50):
        x = Tensor(normal(4, T, 3).astype("float32"))
        y = layer(x)
        assert np.array_equal(y.numpy(), layer.module(x.reshape(4 * T, 3)).reshape(4, T, 2).numpy())
        np.testing.assert_allclose(y.numpy(), layer.module(x).numpy(), rtol=1e-5, atol=1e-6)
        assert nn.summary(layer, (1, T, 3)).trainable == 3 * 2 + 2  # whatever T is
    assert list(layer.state_dict()) == ["module.weight", "module.bias"]


def test_batch_norm_inside_sees_all_steps_of_all_examples():
    x = normal(4, 5, 3).astype("float32")
    layer = nn.TimeDistributed(nn.BatchNorm1d(3, momentum=1.0))
    layer(Tensor(x))
    np.testing.assert_allclose(layer.module.running_mean.numpy(), x.reshape(20, 3).mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.module.running_var.numpy(), x.reshape(20, 3).var(axis=0, ddof=1), rtol=1e-5)


def test_ids_in_steps_of_numbers_out():
    table = nn.Embedding(5, 2)
    ids = np.array([[1, 2, 0], [4, 4, 3]])
    assert np.array_equal(nn.TimeDistributed(table)(Tensor(ids)).numpy(), table.weight.numpy()[ids])


def test_modes_reach_the_module_and_the_mask_goes_on():
    layer = nn.TimeDistributed(nn.Dropout(0.5)).eval()
    x = normal(2, 3, 4).astype("float32")
    assert not layer.module.training and np.array_equal(layer(Tensor(x)).numpy(), x)
    mask = np.array([[True, False, True]] * 2)
    assert layer.compute_mask(Tensor(x), mask) is mask and not layer.takes_mask


# ---- Embedding(mask_zero=True) ----
@given(N=st.integers(0, 3), T=st.integers(0, 4), padding_idx=st.sampled_from([None, 0, 2]), seed=seeds)
def test_the_mask_of_ids_is_where_they_are_not_zero(N, T, padding_idx, seed):
    ids = np.random.default_rng(seed).integers(0, 3, (N, T))
    layer = nn.Embedding(3, 2, padding_idx, mask_zero=True)
    mask = to_numpy(layer.compute_mask(Tensor(ids)))
    assert mask.dtype == bool and np.array_equal(mask, ids > 0)
    given_mask = np.random.default_rng(seed + 1).random((N, T)) < 0.5
    assert np.array_equal(to_numpy(layer.compute_mask(Tensor(ids), given_mask)), (ids > 0) & given_mask)
    assert nn.Embedding(3, 2, padding_idx).compute_mask(Tensor(ids)) is None


def test_row_zero_is_an_ordinary_row_unless_it_is_the_padding_row():
    ids = Tensor([[0, 1]])
    plain, padded = nn.Embedding(3, 2, mask_zero=True), nn.Embedding(3, 2, 0, mask_zero=True)
    for layer in (plain, padded):
        layer(ids).backward(np.full((1, 2, 2), 2.0, "float32"))
    assert plain.weight.numpy()[0].all() and (to_numpy(plain.weight.grad)[0] == 2).all()
    assert not padded.weight.numpy()[0].any() and not to_numpy(padded.weight.grad)[0].any()
    assert repr(plain) == "Embedding(3, 2, padding_idx=None, mask_zero=True)"


# ---- what is refused ----
class Two(nn.Module):
    def forward(self, x):
        return x, x


X = Tensor(np.ones((2, 3, 4), "float32"))
BAD = {
    "Masking: no features": (lambda: nn.Masking()(X[:, :, 0]), ValueError, r"\(N, T, \.\.\.\) .* got \(2, 3\)"),
    "Masking: no features, its mask": (lambda: nn.Masking().compute_mask(X[:, :, 0]), ValueError, r"got \(2, 3\)"),
    "Masking: ids": (lambda: nn.Masking()(Tensor([[[1]]])), TypeError, "x must hold floats, got dtype int64"),
    "Masking: a word": (lambda: nn.Masking("0"), TypeError, "value must be a number, got '0'"),
    "Masking: True": (lambda: nn.Masking(True), TypeError, "value must be a number, got True"),
    "Masking: infinite": (lambda: nn.Masking(math.inf), ValueError, "value must be a finite number, got inf"),
    "Masking: too large": (lambda: nn.Masking(1e39), ValueError, "value must be <= 3.4"),
    "Masking: mask": (lambda: nn.Masking().compute_mask(X, [[1]]), ValueError, r"Masking: mask must have shape"),
    "RepeatVector: 0": (lambda: nn.RepeatVector(0), ValueError, "n must be >= 1, got 0"),
    "RepeatVector: half": (lambda: nn.RepeatVector(1.5), TypeError, "n must be an integer, got 1.5"),
    "RepeatVector: a sequence": (
        lambda: nn.RepeatVector(2)(X),
        ValueError,
        r"x must have shape \(N, D\), got \(2, 3, 4",
    ),
    "RepeatVector: ids": (lambda: nn.RepeatVector(2)(Tensor([[1]])), TypeError, "x must hold floats"),
    "RepeatVector: too many": (lambda: nn.RepeatVector(2**40)(X[0]), ValueError, "RepeatVector: the output .* would"),
    "TimeDistributed: a class": (lambda: nn.TimeDistributed(nn.ReLU), TypeError, r"got the class; write ReLU\("),
    "TimeDistributed: a function": (
        lambda: nn.TimeDistributed(nn.relu),
        TypeError,
        "module must be a module, got func",
    ),
    "TimeDistributed: no steps": (
        lambda: nn.TimeDistributed(nn.ReLU())(X[0, 0]),
        ValueError,
        r"TimeDistributed: x must have shape \(N, T, \.\.\.\), got \(4,\)",
    ),
    "TimeDistributed: a list": (
        lambda: nn.TimeDistributed(nn.ReLU())([[1.0]]),
        TypeError,
        "x must be a Tensor, got list",
    ),
    "TimeDistributed: two outputs": (
        lambda: nn.TimeDistributed(Two())(X),
        TypeError,
        "TimeDistributed: Two must return one tensor, got tuple",
    ),
    "TimeDistributed: rows mixed": (
        lambda: nn.TimeDistributed(nn.Flatten(0))(X),
        ValueError,
        r"Flatten must return a row for each of N T = 6, got shape \(24,\)",
    ),
    "TimeDistributed: inside": (lambda: nn.TimeDistributed(nn.Linear(3, 2))(X), ValueError, "in_features=3"),
    "Embedding: mask_zero": (
        lambda: nn.Embedding(3, 2, mask_zero=1),
        ValueError,
        "mask_zero must be one of True, False",
    ),
    "Embedding: ids (N,)": (
        lambda: nn.Embedding(3, 2, mask_zero=True).compute_mask(Tensor([1])),
        ValueError,
        r"ids \(for mask_zero\) must have shape \(N, T\), got \(1,\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error(name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        call()
