r"""pad_sequences, sequence_mask, the adding problem: every element against its definition, no number cut silently."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor
from minidl.datasets import make_adding_problem, pad_sequences, sequence_mask

SIDES = ("pre", "post")
sides = st.sampled_from(SIDES)


def by_hand(sequence, T, padding, truncating, value):
    r"""Step by step, as lists."""
    steps = list(sequence)
    while len(steps) > T:
        steps.pop(0 if truncating == "pre" else -1)
    while len(steps) < T:
        steps.insert(0 if padding == "pre" else len(steps), value)
    return steps


# ---- pad_sequences ----
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    maxlen=st.none() | st.integers(1, 8),
    row=st.sampled_from([(), (1,), (3,), (2, 2)]),
    padding=sides,
    truncating=sides,
    dtype=st.sampled_from(["int64", "float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_step_is_where_it_belongs(lengths, maxlen, row, padding, truncating, dtype, seed):
    rng = np.random.default_rng(seed)
    sequences = [(100 * rng.normal(size=(n, *row))).astype(dtype) for n in lengths]
    kept = [s.copy() for s in sequences]
    padded = pad_sequences(sequences, maxlen, padding=padding, truncating=truncating, value=-7)
    T = max(lengths) if maxlen is None else maxlen
    filled = any(s.size for s in sequences)
    assert padded.shape == (len(lengths), T, *row)
    assert padded.dtype == ({"int64": "int32"}.get(dtype, dtype) if filled else "int32")
    fill = np.full(row, -7)
    for ours, sequence in zip(padded, sequences, strict=True):
        expected = by_hand(sequence, T, padding, truncating, fill)
        assert np.array_equal(ours, np.array(expected, padded.dtype).reshape(ours.shape))
    assert all(np.array_equal(a, b) for a, b in zip(sequences, kept, strict=True))


def test_the_examples_of_the_documentation_of_keras():
    s = [[1], [2, 3], [4, 5, 6]]
    assert pad_sequences(s).tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6]]
    assert pad_sequences(s, value=-1).tolist() == [[-1, -1, 1], [-1, 2, 3], [4, 5, 6]]
    assert pad_sequences(s, padding="post").tolist() == [[1, 0, 0], [2, 3, 0], [4, 5, 6]]
    assert pad_sequences(s, maxlen=2).tolist() == [[0, 1], [2, 3], [5, 6]]
    assert pad_sequences(s).dtype == np.int32


f64 = np.array([0.5, 1 / 3])
DTYPES = {  # sequences, value -> dtype
    "integers": ([[1], [2, 3]], 0.0, "int32"),
    "bools": ([[True], [False, True]], 0.0, "int32"),
    "a bool as the value": ([[1]], True, "int32"),
    "integers of 33 bits": ([[1], [2**31]], 0, "int64"),
    "negative ones": ([[-(2**31)]], 0, "int32"),
    "a value of 33 bits": ([[1]], -(2**31) - 1, "int64"),
    "floats": ([[0.5, 0.7], [1]], 0.0, "float32"),
    "whole floats": ([[1.0, 2.0]], 0.0, "float32"),
    "integers, and half as the value": ([[1], [2, 3]], 0.5, "float32"),
    "integers, and NaN": ([[1], [2, 3]], math.nan, "float32"),
    "integers, and infinity": ([[1], [2, 3]], math.inf, "float32"),
    "float32 arrays": ([np.ones(2, "float32")], 0.0, "float32"),
    "a float64 array": ([np.ones(2, "float32"), f64], 0.0, "float64"),
    "a float64 tensor": ([Tensor(f64), [1]], 0.0, "float64"),
    "rows": ([[[0.5, 1], [2, 3]], []], 0.0, "float32"),
    "nothing": ([[], []], 0.0, "int32"),
    "an empty float64 array": ([np.zeros(0), [1]], 0.0, "int32"),
}


@pytest.mark.parametrize("name", DTYPES)
def test_the_dtype_follows_data_and_value(name):
    sequences, value, dtype = DTYPES[name]
    padded = pad_sequences(sequences, 3, value=value)
    assert padded.dtype == dtype
    for ours, sequence in zip(padded, sequences, strict=True):
        data = sequence.numpy() if isinstance(sequence, Tensor) else np.array(sequence)
        assert np.array_equal(ours[3 - len(data) :], data.astype(dtype).reshape(ours[3 - len(data) :].shape))
        assert np.array_equal(ours[: 3 - len(data)], np.full_like(ours[: 3 - len(data)], value), equal_nan=True)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", np.float64, float, "bool", bool, np.dtype("f4")])
def test_a_dtype_that_holds_the_numbers_is_taken(dtype):
    padded = pad_sequences([[1.0], [0.0, 1.0]], dtype=dtype)
    assert padded.dtype == dtype and padded.tolist() == [[0, 1], [0, 1]]


def test_one_array_of_equal_sequences_and_a_generator():
    x = np.arange(6).reshape(2, 3)
    assert np.array_equal(pad_sequences(x, 4)[:, 1:], x)
    assert np.array_equal(pad_sequences(Tensor(x), 2), x[:, 1:])
    assert pad_sequences(range(n) for n in (1, 2)).tolist() == [[0, 0], [0, 1]]


def test_all_empty_is_no_steps_at_all():
    assert pad_sequences([[], []]).shape == (2, 0) and pad_sequences([np.zeros((0, 3))]).shape == (1, 0, 3)
    assert sequence_mask([0, 0]).shape == (2, 0)


# ---- sequence_mask ----
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), maxlen=st.none() | st.integers(1, 8), padding=sides)
def test_the_mask_says_what_the_padding_did(lengths, maxlen, padding):
    sequences = [[1] * n for n in lengths]
    mask = sequence_mask(lengths, maxlen, padding)
    assert mask.dtype == bool
    assert np.array_equal(mask, pad_sequences(sequences, maxlen, padding=padding) == 1)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64"])
def test_the_mask_of_lengths_of_any_integer_type(dtype):
    lengths = np.array([100, 0, 3], dtype)
    for padding in SIDES:
        mask = sequence_mask(lengths, 300, padding)
        assert mask.sum(axis=1).tolist() == [100, 0, 3]


def test_both_have_one_default_side():
    assert np.array_equal(sequence_mask([1, 2]), pad_sequences([[1], [1, 1]]) == 1)
    assert np.array_equal(sequence_mask([1, 2]), sequence_mask([1, 2], padding="pre"))


# ---- the adding problem ----
@given(n=st.integers(1, 30), length=st.integers(2, 40), seed=st.integers(0, 2**32))
def test_two_markers_one_in_each_half_and_their_sum(n, length, seed):
    x, y = make_adding_problem(n, length, seed=seed)
    assert x.dtype == y.dtype == np.float32 and x.shape == (n, length, 2) and y.shape == (n, 1)
    values, markers = x[:, :, 0], x[:, :, 1]
    assert set(np.unique(markers)) <= {0, 1} and values.min() >= 0 and values.max() < 1
    half = length // 2
    assert (markers[:, :half].sum(axis=1) == 1).all() and (markers[:, half:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y[:, 0], (values.astype("float64") * markers).sum(axis=1), rtol=1e-6)


def test_markers_and_values_are_drawn_evenly():
    x, y = make_adding_problem(20_000, 10)
    values, markers = x[:, :, 0].astype("float64"), x[:, :, 1].astype("float64")
    assert np.abs(markers.mean(axis=0) - 1 / 5).max() < 5 * math.sqrt(0.2 * 0.8 / 20_000)
    assert np.abs(values.mean(axis=0) - 1 / 2).max() < 5 * math.sqrt(1 / 12 / 20_000)
    # of z = y - 1, a sum of two uniform numbers less their mean: E z^2 = 1/6, E z^4 = 1/15
    error = ((y.astype("float64") - 1) ** 2).mean()
    assert abs(error - 1 / 6) < 5 * math.sqrt((1 / 15 - 1 / 36) / 20_000)


def test_the_seed_decides():
    (x, y), (again_x, again_y) = (make_adding_problem(5, seed=3) for _ in range(2))
    assert np.array_equal(x, again_x) and np.array_equal(y, again_y)
    assert not np.array_equal(x, make_adding_problem(5, seed=4)[0])


# ---- what is refused ----
BAD = {
    "rows of two sizes": (
        lambda: pad_sequences([[[1, 2]], [], [[1, 2, 3]]]),
        ValueError,
        r"one shape, got \(2,\) in sequences\[0\] and \(3,\) in sequences\[2\]",
    ),
    "a ragged sequence": (lambda: pad_sequences([[[1, 2], [3]]]), ValueError, r"sequences\[0\] must be a regular"),
    "numbers and rows": (lambda: pad_sequences([[1], [[1]]]), ValueError, r"got \(\) in sequences\[0\] and \(1,\)"),
    "one sequence": (
        lambda: pad_sequences([1, 2]),
        ValueError,
        r"sequences\[0\] must be a sequence, got one number, 1",
    ),
    "no sequences": (lambda: pad_sequences([]), ValueError, "sequences must hold at least one sequence"),
    "a number": (lambda: pad_sequences(3), TypeError, "sequences must be a list of sequences, got int"),
    "words": (lambda: pad_sequences([["a"]]), TypeError, r"sequences\[0\] must hold numbers"),
    "maxlen negative": (lambda: pad_sequences([[1]], -1), ValueError, "maxlen must be >= 1, got -1"),
    "maxlen 0": (lambda: pad_sequences([[1]], 0), ValueError, "maxlen must be >= 1, got 0"),
    "maxlen half": (lambda: pad_sequences([[1]], 1.5), TypeError, "maxlen must be an integer, got 1.5"),
    "maxlen huge": (lambda: pad_sequences([[1], [2]], 2**40), ValueError, "the result .* would hold"),
    "padding": (lambda: pad_sequences([[1]], padding="left"), ValueError, "padding must be one of 'pre', 'post', got"),
    "truncating": (
        lambda: pad_sequences([[1]], truncating=None),
        ValueError,
        "truncating must be one of 'pre', 'post'",
    ),
    "dtype": (lambda: pad_sequences([[1]], dtype="S1"), ValueError, "dtype must be one of 'bool', .* got 'S1'"),
    "dtype unknown": (lambda: pad_sequences([[1]], dtype="int31"), ValueError, "dtype must be .* got 'int31'"),
    "dtype complex": (lambda: pad_sequences([[1]], dtype=complex), ValueError, "dtype must be .* got 'complex128'"),
    "two values": (
        lambda: pad_sequences([[1]], value=[1, 2]),
        TypeError,
        r"value must be one number, got shape \(2,\)",
    ),
    "a word as the value": (lambda: pad_sequences([[1]], value="a"), TypeError, "value must hold numbers"),
    "floats as int32": (
        lambda: pad_sequences([[1.0], [0.5, 0.7]], dtype="int32"),
        ValueError,
        r"sequences\[1\] holds 0.5, which does not fit into dtype int32",
    ),
    "NaN as int32": (lambda: pad_sequences([[math.nan]], dtype="int32"), ValueError, "holds nan, which does not fit"),
    "256 as uint8": (lambda: pad_sequences([[255, 256]], dtype="uint8"), ValueError, "holds 256, which does not fit"),
    "-1 as uint8": (lambda: pad_sequences([[0]], 2, dtype="uint8", value=-1), ValueError, "value holds -1, which does"),
    "2^63 as int64": (
        lambda: pad_sequences([[2.0**63]], dtype="int64"),
        ValueError,
        "holds 9.22.*e.18, which does not",
    ),
    "2^63": (lambda: pad_sequences([np.array([2**63], "uint64")]), ValueError, "does not fit into dtype int64"),
    "half as an integer value": (lambda: pad_sequences([[1]], dtype=int, value=0.5), ValueError, "value holds 0.5"),
    "2 as a bool": (
        lambda: pad_sequences([[2]], dtype=bool),
        ValueError,
        "holds 2, which does not fit into dtype bool",
    ),
    "1e39": (lambda: pad_sequences([[1e39]]), ValueError, "holds 1e.39, which does not fit into dtype float32"),
    "lengths negative": (lambda: sequence_mask([2, -1]), ValueError, "lengths must be in 0 .*, got -1"),
    "lengths half": (lambda: sequence_mask([1.5]), TypeError, "lengths must hold integers, got dtype float64"),
    "lengths none": (lambda: sequence_mask([]), ValueError, "lengths must not be empty"),
    "lengths of rank 2": (lambda: sequence_mask([[1]]), ValueError, r"lengths must have shape \(N\), got \(1, 1\)"),
    "lengths huge": (lambda: sequence_mask([2**41]), ValueError, "lengths must be in 0"),
    "mask: maxlen": (lambda: sequence_mask([1], -3), ValueError, "sequence_mask: maxlen must be >= 1, got -3"),
    "mask: padding": (lambda: sequence_mask([1], padding="right"), ValueError, "padding must be one of 'pre', 'post'"),
    "adding: rows": (lambda: make_adding_problem(0), ValueError, "make_adding_problem: n_samples must be >= 1, got 0"),
    "adding: length": (lambda: make_adding_problem(5, 1), ValueError, "length must be >= 2, got 1"),
    "adding: half a length": (lambda: make_adding_problem(5, 2.5), TypeError, "length must be an integer, got 2.5"),
    "adding: size": (lambda: make_adding_problem(2**30, 2**30), ValueError, "make_adding_problem: x .* would hold"),
    "adding: seed": (lambda: make_adding_problem(seed=-1), ValueError, "seed must be >= 0, got -1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_clear_error(name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        call()
