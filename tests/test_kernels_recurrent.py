"""The time loops of SimpleRNN, LSTM and GRU: compiled, they are their reference up to rounding.

That the reference is right is known from the layers, which run on it too (tests/test_reference_mode.py).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import backend
from minidl.kernels import gru, lstm, recurrent, rnn

pytestmark = pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: nothing else runs")


def inputs(draw, gates):
    """(x, w, u, h0, m, k, a function that draws more numbers)"""
    T, N, D = draw(st.integers(1, 5)), draw(st.sampled_from([0, 1, 2, 4, 13, 67])), draw(st.sampled_from([1, 3, 33]))
    H, dtype = draw(st.sampled_from([1, 2, 3, 8, 40])), draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def numbers(*shape):
        return rng.normal(size=shape).astype(dtype)

    m = rng.random((N, T)) < draw(st.sampled_from([0, 0.7, 1]))
    k = (2 * (rng.random((N, H)) < 0.5) if draw(st.booleans()) else np.ones((N, H))).astype(dtype)
    w = numbers(gates * H, D) / np.sqrt(D).astype(dtype)
    u = numbers(gates * H, H) / np.sqrt(H).astype(dtype)
    return numbers(N, T, D), w, u, numbers(N, H), m, k, numbers


# the arguments of forward and of backward, which has some of forward's results among them
@st.composite
def rnn_forward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 1)
    return x, w, u, numbers(len(u)), h0, m, k


@st.composite
def rnn_backward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 1)
    h = rnn.rnn_ref(np, x, w, u, numbers(len(u)), h0, m, k)
    return numbers(*x.shape[:2], len(u)), numbers(*h0.shape), x, w, u, h, m, k, draw(st.booleans())


@st.composite
def lstm_forward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 4)
    return x, w, u, numbers(len(u)), h0, numbers(*h0.shape), m, k


@st.composite
def lstm_backward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 4)
    gates, h, c, q = lstm.lstm_ref(np, x, w, u, numbers(len(u)), h0, numbers(*h0.shape), m, k)
    dy, dh, dc = numbers(*x.shape[:2], h0.shape[1]), numbers(*h0.shape), numbers(*h0.shape)
    return dy, dh, dc, x, w, u, gates, h, c, q, m, k, draw(st.booleans())


@st.composite
def gru_forward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 3)
    return x, w, u, numbers(len(u)), numbers(len(u)), h0, m, k, True


@st.composite
def gru_backward(draw):
    x, w, u, h0, m, k, numbers = inputs(draw, 3)
    gates, h, q = gru.gru_ref(np, x, w, u, numbers(len(u)), numbers(len(u)), h0, m, k, True)
    dy, dh = numbers(*x.shape[:2], h0.shape[1]), numbers(*h0.shape)
    return dy, dh, x, w, u, gates, h, q, m, k, True, draw(st.booleans())


KERNELS = {
    "rnn": (rnn.rnn, rnn.rnn_ref, rnn_forward),
    "rnn_grad": (rnn.rnn_grad, rnn.rnn_grad_ref, rnn_backward),
    "lstm": (lstm.lstm, lstm.lstm_ref, lstm_forward),
    "lstm_grad": (lstm.lstm_grad, lstm.lstm_grad_ref, lstm_backward),
    "gru": (gru.gru, gru.gru_ref, gru_forward),
    "gru_grad": (gru.gru_grad, gru.gru_grad_ref, gru_backward),
}
# which results say nothing at a masked step, and so may be anything there
ANYTHING = {"lstm": (0, 3), "gru": (0, 2)}


def assert_close(ours, theirs, terms=0):
    """Up to the rounding of a few sums and tanh, and of sums of so many terms that may cancel out, in units in the last
    place of the largest number (or of 1)."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if b is None:
            assert a is None
            continue
        assert a.dtype == b.dtype and a.shape == b.shape
        bound = (20 + terms) * np.finfo(b.dtype).eps * max(1, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a, b, rtol=0, atol=bound)


def copied(args):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in args]


@pytest.mark.parametrize("name", KERNELS)
@given(data=st.data())
def test_compiled_is_the_reference(name, data):
    called, reference, arguments = KERNELS[name]
    args = data.draw(arguments())
    given_, m = copied(args), next(a for a in args if isinstance(a, np.ndarray) and a.dtype == bool)
    ours, wanted = called(*given_), reference(np, *args)
    ours, wanted = (list(y) if isinstance(y, tuple) else [y] for y in (ours, wanted))
    for i in ANYTHING.get(name, ()):
        ours[i], wanted[i] = (np.where(m.T[..., None], y[i], 0) for y in (ours, wanted))
    assert_close(ours, wanted, terms=m.size if "grad" in name else 0)  # dw is a sum over all steps of all sequences
    for k, (a, b) in enumerate(zip(given_, args, strict=True)):
        assert np.array_equal(a, b), f"argument {k} was written to"


def large(name, dtype="float32"):
    """Arguments for which there are several shards and chunks, the last ones cut off; padding holds NaN."""
    gates, grad = {"rnn": 1, "lstm": 4, "gru": 3}[name], f"{name}_grad"
    N, T, D, H = 70, 19, 24, 160 // gates
    rng = np.random.default_rng(3)

    def numbers(*shape):
        return rng.normal(size=shape).astype(dtype)

    w, u, b = (numbers(gates * H, n) / np.sqrt(n).astype(dtype) for n in (D, H, 1))
    m, k, states = (
        rng.random((N, T)) < 0.9,
        np.ones((N, H), dtype),
        [numbers(N, H) for _ in range(1 + (name == "lstm"))],
    )
    x = np.where(m[..., None], numbers(N, T, D), np.array(np.nan, dtype))
    last = (True,) if name == "gru" else ()
    forward = (x, w, u, *[b[:, 0]] * (1 + len(last)), *states, m, k, *last)
    saved = KERNELS[name][1](np, *forward)
    saved = list(saved) if isinstance(saved, tuple) else [saved]
    return forward, (numbers(N, T, H), *[numbers(N, H) for _ in states], x, w, u, *saved, m, k, *last, True), grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_one_thread_and_two_give_the_same_bits(name, dtype):
    forward, backward, grad = large(name, dtype)
    shards = recurrent.shards_of(forward[0], forward[2])
    assert shards > 1 and 19 % recurrent.steps_for(19, -(-70 // shards))
    before = minidl.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            minidl.set_num_threads(threads)
            y = KERNELS[name][0](*forward)
            results.append([*(y if isinstance(y, tuple) else (y,)), *KERNELS[grad][0](*backward)])
    finally:
        minidl.set_num_threads(before)
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        if k in ANYTHING.get(name, ()):  # not even written
            a, b = (np.where(forward[-2 - (name == "gru")].T[..., None], y, 0) for y in (a, b))
        assert np.isfinite(a).all() and np.array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_several_shards_and_chunks_are_the_reference(name, dtype):
    _, backward, grad = large(name, dtype)
    wanted = KERNELS[grad][1](np, *backward)
    for a, b in zip(KERNELS[grad][0](*backward), wanted, strict=True):  # sums of 1330 terms
        np.testing.assert_allclose(a, b, rtol=0, atol=60 * np.finfo(dtype).eps * np.abs(b).max())
