r"""The places of recurrent layers and cells in the registry (see registered_layers.py)."""

from minidl import nn
from minidl.testing.registry import register
from minidl.testing.values import distinct, normal


class Stated(nn.Module):
    r"""A layer whose state comes as plain inputs: `Stated(layer)(x, h, c)` is `layer(x, (h, c))`."""

    def __init__(self, layer: nn.Module):
        self.layer = layer

    def forward(self, x, *state):
        return with_state(self.layer, x, *state)


def with_state(layer, x, *state):
    r"""layer(x), layer(x, h) or layer(x, (h, c)), by the number of states."""
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
