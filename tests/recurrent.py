r"""What the tests of the recurrent layers share: the layers, masks, and the slow loop that judges them."""

import numpy as np

import minidl
import minidl.functional as F
from minidl import Tensor, nn

KINDS = {
    "SimpleRNN": (nn.SimpleRNN, {}),
    "LSTM": (nn.LSTM, {}),
    "GRU": (nn.GRU, {}),
    "GRU before": (nn.GRU, {"reset_after": False}),
}
NAMES = list(KINDS)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def made(kind, D=3, H=2, seed=0, **options):
    r"""A layer in float64 with random weights and biases."""
    cls, own = KINDS[kind]
    layer = cls(D, H, **own, **options).to("float64")
    for i, parameter in enumerate(layer.parameters()):
        parameter.data = normal(*parameter.shape, seed=(seed, i)) / np.sqrt(max(D, H))
    return layer


def given_state(kind, N, H, seed=5):
    r"""Random numbers (N, H) for each state that the layer has."""
    return [normal(N, H, seed=(seed, i)) for i in range(KINDS[kind][0].states)]


def masks(pattern, N, T, seed=0):
    r"""A mask (N, T): None, or a bool array. "one row" has a sequence without any real step."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, T + 1, size=(N, 1))
    m = {
        "none": None,
        "right": np.arange(T) < lengths,
        "left": np.arange(T) >= T - lengths,
        "holes": rng.random((N, T)) < 0.6,
        "one row": np.ones((N, T), bool),
    }[pattern]
    if pattern == "one row":
        m[:1] = False
    return m


PATTERNS = ("none", "right", "left", "holes", "one row")


def several(result):
    return result if isinstance(result, tuple) else (result,)


def step(layer, x, states):
    r"""The states after one step of the layer's cell."""
    if isinstance(layer, nn.LSTM):
        return F.lstm_cell(x, *states, *layer.weights())
    if isinstance(layer, nn.GRU):
        return (F.gru_cell(x, *states, *layer.weights(), layer.reset_after),)
    return (F.rnn_cell(x, *states, *layer.weights()),)


def looped(layer, x, mask, states):
    r"""(y, *states) as the layer must give them: its cell, step by step, under autograd.

    A masked step keeps the states and repeats the output, which is 0 before the first real step.
    """
    (N, T, _), H = x.shape, layer.hidden_size
    out = Tensor(np.zeros((N, H)))
    states = [Tensor(np.zeros((N, H))) for _ in range(layer.states)] if states is None else list(states)
    outputs = []
    for t in reversed(range(T)) if layer.go_backwards else range(T):
        new = step(layer, x[:, t], states)
        if mask is None:
            states, out = new, new[0]
        else:
            real = Tensor(mask[:, t, None])
            states = [minidl.where(real, a, b) for a, b in zip(new, states, strict=True)]
            out = minidl.where(real, new[0], out)
        outputs.append(out)
    return (minidl.stack(outputs, 1) if layer.return_sequences else out, *states)


def call(layer, x, mask=None, states=()):
    r"""The layer's results as a tuple; the states one by one."""
    state = None if not states else list(states) if len(states) > 1 else states[0]
    return several(layer(x, mask=mask, initial_state=state))


def values_and_gradients(function, arrays, layer, upstream=None):
    r"""Results of function(*tensors), and the gradients of all arrays and parameters, from random upstream gradients
    into all results at once (or the given ones)."""
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    results = several(function(*leaves))
    rng = np.random.default_rng(77)
    upstream = [rng.normal(size=y.shape) for y in results] if upstream is None else upstream
    layer.zero_grad()
    total = sum((y * Tensor(g.astype(y.dtype))).sum() for y, g in zip(results, upstream, strict=True))
    total.backward()
    return [y.numpy() for y in results], [Tensor(leaf.grad).numpy() for leaf in (*leaves, *layer.parameters())]


def close(ours, wanted, bound=1e-12):
    r"""Every array equals its counterpart to `bound`, relative to the largest number in it (or 1)."""
    for a, b in zip(ours, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=bound * max(1, abs(b).max(initial=0)))
