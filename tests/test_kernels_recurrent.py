"""The time loops of SimpleRNN, LSTM and GRU: compiled, whole and step by step, they are their reference up to rounding.

That the reference is right is known from the layers, which run on it too (tests/test_reference_mode.py).
"""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend
from minidl.kernels import gru, lstm, rnn

pytestmark = pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: nothing else runs")


def inputs(draw, gates):
    """(a, u, h0, m, k, a function that draws more numbers)"""
    T, N, H = draw(st.integers(1, 5)), draw(st.integers(0, 4)), draw(st.sampled_from([1, 2, 3, 8, 40]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def numbers(*shape):
        return rng.normal(size=shape).astype(dtype)

    m = rng.random((T, N)) < draw(st.sampled_from([0, 0.7, 1]))
    k = (2 * (rng.random((N, H)) < 0.5) if draw(st.booleans()) else np.ones((N, H))).astype(dtype)
    u = numbers(gates * H, H) / np.sqrt(H).astype(dtype)
    return numbers(T, N, gates * H), u, numbers(N, H), m, k, numbers


# the arguments of forward and of backward, which has some of forward's results among them
@st.composite
def rnn_forward(draw):
    *arguments, _ = inputs(draw, 1)
    return tuple(arguments)


@st.composite
def rnn_backward(draw):
    a, u, h0, m, k, numbers = inputs(draw, 1)
    return numbers(*a.shape), numbers(*h0.shape), u, rnn.rnn_ref(np, a, u, h0, m, k), m, k


@st.composite
def lstm_forward(draw):
    a, u, h0, m, k, numbers = inputs(draw, 4)
    return a, u, h0, numbers(*h0.shape), m, k


@st.composite
def lstm_backward(draw):
    a, u, h0, m, k, numbers = inputs(draw, 4)
    gates, _, c, q = lstm.lstm_ref(np, a, u, h0, numbers(*h0.shape), m, k)
    return numbers(*q.shape), numbers(*h0.shape), numbers(*h0.shape), u, gates, c, q, m, k


@st.composite
def gru_forward(draw):
    a, u, h0, m, k, numbers = inputs(draw, 3)
    return a, u, numbers(len(u)), h0, m, k, True


@st.composite
def gru_backward(draw):
    a, u, h0, m, k, numbers = inputs(draw, 3)
    gates, h, q = gru.gru_ref(np, a, u, numbers(len(u)), h0, m, k, True)
    return numbers(*q.shape), numbers(*h0.shape), u, gates, h, q, m, k, True


KERNELS = {
    "rnn": (rnn, rnn.rnn, rnn.rnn_ref, rnn_forward),
    "rnn_grad": (rnn, rnn.rnn_grad, rnn.rnn_grad_ref, rnn_backward),
    "lstm": (lstm, lstm.lstm, lstm.lstm_ref, lstm_forward),
    "lstm_grad": (lstm, lstm.lstm_grad, lstm.lstm_grad_ref, lstm_backward),
    "gru": (gru, gru.gru, gru.gru_ref, gru_forward),
    "gru_grad": (gru, gru.gru_grad, gru.gru_grad_ref, gru_backward),
}


def assert_close(ours, theirs):
    """Up to the rounding of a few sums and tanh, in units in the last place of the largest number (or of 1)."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        bound = 20 * np.finfo(b.dtype).eps * max(1, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a, b, rtol=0, atol=bound)


@pytest.mark.parametrize("small", [0, 10**9], ids=["step by step", "as a whole"])
@pytest.mark.parametrize("name", KERNELS)
@given(data=st.data())
def test_compiled_is_the_reference(name, small, data):
    module, called, reference, arguments = KERNELS[name]
    args = data.draw(arguments())
    wanted = reference(np, *args)
    given_ = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    with mock.patch.object(module, "SMALL", small):
        ours = called(*given_)
    ours, wanted = (list(y) if isinstance(y, tuple) else [y] for y in (ours, wanted))
    if name == "lstm":  # q of a masked step is read by nobody
        m = args[4][..., None]
        ours[3], wanted[3] = np.where(m, ours[3], 0), np.where(m, wanted[3], 0)
    assert_close(ours, wanted)
    for k, (a, b) in enumerate(zip(given_, args, strict=True)):
        assert name in ("lstm", "gru") and k == 0 or np.array_equal(a, b), f"argument {k} was written to"


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_what_decides_is_how_many_numbers_a_state_has(name):
    module, gates = KERNELS[name][0], {"rnn": 1, "lstm": 4, "gru": 3}[name]
    for N, whole in ((module.SMALL, True), (module.SMALL + 1, False)):
        a, u, h, m = np.zeros((1, N, gates)), np.zeros((gates, 1)), np.zeros((N, 1)), np.ones((1, N), bool)
        more = {"rnn": (h, m, h), "lstm": (h, h, m, h), "gru": (np.zeros(gates), h, m, h, True)}[name]
        with mock.patch.object(module, f"{name}_cpu") as loop:
            KERNELS[name][1](a, u, *more)
        assert loop.called == whole
