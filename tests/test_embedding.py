"""Embedding: rows by id, the sum of the gradients of equal ids, the padding row, ids out of range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.backend import to_numpy
from minidl.testing import check_layer, gradcheck

INTEGERS = ("int8", "uint8", "int16", "int32", "int64", "uint64")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("padding_idx", [None, 0, 2, -1])
@pytest.mark.parametrize("shape", [(4, 3), (5,), (2, 1, 3)])
def test_ladder(shape, padding_idx):
    ids = np.random.default_rng(0).integers(0, 5, shape)

    # the weights of the padding row have no gradient, by design, so finite differences must not look at it
    ids = np.where(ids == (padding_idx or 0) % 5, 1, ids) if padding_idx is not None else ids
    report = check_layer(lambda: nn.Embedding(5, 3, padding_idx=padding_idx), ids, batch=True, empty=True)
    assert report.passed


@given(
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(INTEGERS),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_rows_and_their_gradients(shape, V, D, dtype, padded, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, V, shape).astype(dtype)
    padding_idx = int(rng.integers(0, V)) if padded else None
    layer = nn.Embedding(V, D, padding_idx=padding_idx).to("float64")
    w = layer.weight.numpy()
    y = layer(Tensor(ids))
    assert y.shape == (*shape, D)
    g = rng.normal(size=y.shape)
    y.backward(g)
    expected = np.zeros((V, D))
    for place in np.ndindex(*shape):
        assert np.array_equal(y.numpy()[place], w[ids[place]])
        if ids[place] != padding_idx:
            expected[ids[place]] += g[place]
    np.testing.assert_allclose(to_numpy(layer.weight.grad), expected, rtol=0, atol=1e-13)


def test_it_is_a_linear_layer_on_one_hot_rows():
    ids = np.array([3, 0, 3, 3, 1])
    table, linear = nn.Embedding(4, 2).to("float64"), nn.Linear(4, 2, bias=False).to("float64")
    linear.weight.data = table.weight.numpy().T
    g = normal(5, 2)
    table(Tensor(ids)).backward(g)
    y = linear(Tensor(np.eye(4)[ids]))
    y.backward(g)
    np.testing.assert_allclose(y.numpy(), table(Tensor(ids)).numpy(), atol=1e-15)
    np.testing.assert_allclose(to_numpy(table.weight.grad), to_numpy(linear.weight.grad).T, atol=1e-14)


def test_gradient_by_finite_differences_with_repeated_ids():
    layer = nn.Embedding(4, 2).to("float64")
    gradcheck(layer, [Tensor([[0, 3, 3], [3, 1, 0]])], layer.parameters())


@pytest.mark.parametrize("padding_idx, row", [(0, 0), (2, 2), (-1, 4), (-5, 0)])
def test_the_padding_row_starts_at_zero_and_stays(padding_idx, row):
    layer = nn.Embedding(5, 3, padding_idx=padding_idx)
    assert layer.padding_idx == row
    w = layer.weight.numpy()
    assert not w[row].any() and np.delete(w, row, axis=0).all()
    layer(Tensor([row, row, (row + 1) % 5])).backward(np.full((3, 3), 2.0))
    dw = to_numpy(layer.weight.grad)
    assert not dw[row].any() and (dw[(row + 1) % 5] == 2).all()


def test_the_padding_row_may_be_given_values_which_it_then_has():
    layer = nn.Embedding(3, 2, padding_idx=1)
    layer.weight.data = np.arange(6.0).reshape(3, 2)
    assert layer(Tensor([1])).numpy().tolist() == [[2.0, 3.0]]


def test_weights_start_standard_normal():
    w = nn.Embedding(1000, 100).weight.numpy()
    n = w.size
    assert abs(w.mean()) < 5 / n**0.5 and abs(w.std() - 1) < 5 / (2 * n) ** 0.5


def test_ids_changed_in_place_before_backward_are_noticed():
    layer = nn.Embedding(3, 2)
    ids = Tensor([0, 1])
    y = layer(ids).sum()
    ids.writable()[...] = 2
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_float32_stays_float32():
    layer = nn.Embedding(3, 2)
    layer(Tensor([0, 1])).sum().backward()
    assert layer(Tensor([0])).dtype == np.float32 and layer.weight.grad.dtype == np.float32


BAD = {
    "an id too large": (lambda: nn.Embedding(3, 2)(Tensor([0, 3])), ValueError, r"ids must be in 0 \.\.\. 2, got 3"),
    "a negative id": (lambda: nn.Embedding(3, 2)(Tensor([[-1]])), ValueError, "got -1"),
    "a huge id": (
        lambda: nn.Embedding(3, 2)(Tensor(np.array([2**63], "uint64"))),
        ValueError,
        "got 9223372036854775808",
    ),
    "floats as ids": (
        lambda: nn.Embedding(3, 2)(Tensor([1.0])),
        TypeError,
        "ids must hold integers, got dtype float32",
    ),
    "bools as ids": (lambda: nn.Embedding(3, 2)(Tensor([True])), TypeError, "ids must hold integers, got dtype bool"),
    "a list of ids": (lambda: nn.Embedding(3, 2)([1]), TypeError, "ids must be a Tensor, got list"),
    "no rows": (lambda: nn.Embedding(0, 2), ValueError, "num_embeddings must be >= 1, got 0"),
    "no columns": (lambda: nn.Embedding(3, -2), ValueError, "embedding_dim must be >= 1, got -2"),
    "half a row": (lambda: nn.Embedding(2.5, 2), TypeError, "num_embeddings must be an integer, got 2.5"),
    "too many": (lambda: nn.Embedding(2**30, 2**30), ValueError, "elements"),
    "padding_idx too large": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx must be <= 2, got 3"),
    "padding_idx too small": (lambda: nn.Embedding(3, 2, padding_idx=-4), ValueError, "padding_idx must be >= -3"),
    "padding_idx a float": (lambda: nn.Embedding(3, 2, padding_idx=1.0), TypeError, "padding_idx must be an integer"),
    "a weight of rank 1": (
        lambda: nn.embedding(Tensor([0]), Tensor([1.0])),
        ValueError,
        r"weight must have shape \(V, D\)",
    ),
    "an integer weight": (lambda: nn.embedding(Tensor([0]), Tensor([[1]])), TypeError, "weight must hold floats"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
