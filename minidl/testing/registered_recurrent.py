r"""The places of recurrent layers and cells in the registry (see registered_layers.py)."""

import functools
import inspect

import numpy as np

from minidl import nn
from minidl.nn.bidirectional import MERGE_MODES
from minidl.nn.seq2seq import LAYERS
from minidl.testing.registry import register
from minidl.testing.values import distinct, integers, normal


class Stated(nn.Module):
    r"""A layer whose state comes as plain inputs: `Stated(layer)(x, h, c)` is `layer(x, (h, c))`."""

    def __init__(self, layer: nn.Module):
        self.layer = layer

    def forward(self, x, *state):
        return with_state(self.layer, x, *state)


def with_state(layer, x, *state):
    r"""layer(x), layer(x, h) or layer(x, (h, c)), by the number of states."""
    if getattr(layer, "takes_mask", False):
        return layer(x, initial_state=list(state) or None)
    return layer(x, *([state] if len(state) > 1 else state))


def with_biases(layer):
    r"""The layer with biases other than the zeros that they start at, so that it matters where they go."""
    for name, parameter in layer.named_parameters():
        if "bias" in name:
            parameter.data = normal(*parameter.shape)
    return layer


for layer, states, option in (
    (nn.RNNCell, 1, None),
    (nn.LSTMCell, 2, "unit_forget_bias"),
    (nn.GRUCell, 1, "reset_after"),
):

    @register(layer)
    def _(pick, layer=layer, states=states, option=option):
        N, D, H = pick("N", 2, 1), pick("input_size", 3, 1), pick("hidden_size", 2, 1)
        more = {option: pick(option, True, False)} if option else {}
        cell = with_biases(layer(D, H, bias=pick("bias", True, False), **more))
        given = [distinct(N, H) for _ in range(states)] if pick("state", "given", "zeros") == "given" else []
        return Stated(cell), [distinct(N, D), *given]


MASKS = {  # (N, T) -> which steps are real
    "all": lambda N, T: np.ones((N, T), bool),
    "padded": lambda N, T: np.arange(T) <= (np.arange(N) % T)[:, None],  # 1, 2, ... T, 1, ... steps
    "holes": lambda N, T: np.arange(N * T).reshape(N, T) % 3 == 1,
    "nothing": lambda N, T: np.zeros((N, T), bool),
}


class Masked(nn.Module):
    r"""A layer whose mask and state come as plain inputs. What a stateful one keeps is forgotten before each call."""

    def __init__(self, layer: nn.Module):
        self.layer = layer

    def forward(self, x, mask, *state):
        self.layer.reset_states()
        return self.layer(x, mask=mask, initial_state=list(state) or None)


def recurrent(pick, layer):
    r"""A layer that derives from `Recurrent`, ours or a reader's, with every value of every option that it has."""
    has = inspect.signature(layer).parameters
    flags = {name: p.default for name, p in has.items() if isinstance(p.default, bool) and name != "stateful"}
    options = {name: pick(name, first, not first) for name, first in flags.items()}
    mask = pick("mask", None, *MASKS)
    dropouts = [name for name in ("dropout", "recurrent_dropout") if name in has]
    if mask and "stateful" in has:
        options["stateful"] = pick("stateful", False, True)
    for name in dropouts if mask else ():
        options[name] = pick(name, 0.0, 0.5)
    # a sequence drops other units alone than in a batch; and kernels compile their loop as a whole up to N H = 128
    N = 1 if any(options.get(name) for name in dropouts) else pick("N", 2, 1, 65)
    T, D, H = pick("T", 3, 1, 2), pick("input_size", 3, 1), pick("hidden_size", 2, 1)
    made = with_biases(layer(D, H, **options))
    given = [distinct(N, H) for _ in range(layer.states)] if pick("state", "given", "zeros") == "given" else []
    if mask:
        return Masked(made), [distinct(N, T, D), MASKS[mask](N, T), *given]
    return Stated(made), [distinct(N, T, D), *given]


for layer in (nn.SimpleRNN, nn.LSTM, nn.GRU):
    register(layer)(functools.partial(recurrent, layer=layer))


@register(nn.Bidirectional)
def _(pick):
    N, T, D, H = 2, pick("T", 3, 1), 2, 2
    kind = pick("layer", nn.LSTM, nn.GRU, nn.SimpleRNN)
    options = {
        name: pick(name, *values)
        for name, values in (
            ("return_sequences", (True, False)),
            ("return_state", (False, True)),
            ("go_backwards", (False, True)),
        )
    }
    bidirectional = nn.Bidirectional(kind(D, H, **options), pick("merge_mode", *MERGE_MODES))
    given = [distinct(N, H) for _ in range(2 * kind.states)] if pick("state", "given", "zeros") == "given" else []
    return Stated(with_biases(bidirectional)), [distinct(N, T, D), *given]


@register(nn.Seq2Seq)
def _(pick):
    N, V, K, H = 2, pick("source_size", 4, 3), pick("target_size", 3, 5), pick("hidden_size", 3, 2)
    model = nn.Seq2Seq(
        V, K, H, embedding_dim=pick("embedding_dim", None, 2), layer=pick("layer", *LAYERS), start=pick("start", 0, 2)
    )
    return model, [integers(N, pick("S", 3, 1), high=V), integers(N, pick("T", 2, 1), high=K)]
