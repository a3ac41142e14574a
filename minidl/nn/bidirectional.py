r"""Bidirectional: two recurrent layers, one reading from the start and one from the end, so that every step knows both.

A recurrent layer f knows at step t what came before. A second one, f', with weights of its own reads the same sequence
from its end and knows what comes after:

$$ h_t = f(x_t, h_{t-1}), \qquad h'_t = f'(x_t, h'_{t+1}), \qquad y_t = \text{merge}(h_t, h'_t) $$

The backward layer gives its outputs in the order in which it reads, $h'_T, \dots, h'_1$. They are turned round in time
before they are merged; without that, step t of the one would meet step T+1-t of the other.

| `merge_mode` | $y_t$ | features of y | $dh_t$, $dh'_t$ |
|---|---|---|---|
| `"concat"` | $h_t$, and behind it $h'_t$ | 2H | the halves of $dy_t$ |
| `"sum"` | $h_t + h'_t$ | H | $dy_t$, $dy_t$ |
| `"mul"` | $h_t \odot h'_t$ | H | $dy_t \odot h'_t$, $dy_t \odot h_t$ |
| `"ave"` | $(h_t + h'_t) / 2$ | H | $dy_t / 2$, $dy_t / 2$ |
| `None` | the pair $h_t$, $h'_t$ | H each | given |

Backward. The two layers share only their input, so $dx = dx_f + dx_{f'}$, and each goes its own way: $dh_t$ reaches
$x_1 \dots x_t$, $dh'_t$ reaches $x_t \dots x_T$.

Without `return_sequences` y is made of the two last outputs, $h_T$ and $h'_1$: each has read the whole sequence. (The
backward output at the last step, $h'_T$, has seen only $x_T$.)

Shapes: x (N, T, D), y (N, T, 2H) for "concat", else (N, T, H); without `return_sequences` there is no T. h and h_back
(N, T, H).

Source: Schuster and Paliwal 1997, IEEE Transactions on Signal Processing 45(11). Names and meanings of the options are
Keras'.

Try it:
1. Leave out `ops.flip(h_back, 1)`: the picture in the middle is mirrored from top to bottom, and torch's numbers are
   missed, but every row of the gradient check passes. It tells whether backward belongs to forward, not whether forward
   is what it should be.
2. Give both layers one set of weights, `backward_layer.load_state_dict(forward_layer.state_dict())`, with
   `merge_mode="sum"`: the y of x read from its end is y from its end, bit by bit.
3. Take the gradient of `y[:, -1, H:].sum()` in x, with `return_sequences`: it is 0 but at the last step. Without
   `return_sequences`, that of `y[:, H:].sum()` reaches all steps: it is $h'_1$, no longer $h'_T$.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.mask import time_mask
from minidl.nn.module import Module
from minidl.nn.module_list import check_module
from minidl.nn.recurrent import Recurrent, check_states, check_steps
from minidl.nn.simple_rnn import SimpleRNN
from minidl.tensor import Tensor, _wrap

MERGE_MODES = {
    "concat": lambda h, h_back: ops.cat([h, h_back], -1),
    "sum": lambda h, h_back: h + h_back,
    "mul": lambda h, h_back: h * h_back,
    "ave": lambda h, h_back: (h + h_back) / 2,
    None: lambda h, h_back: (h, h_back),
}


class Bidirectional(Module):
    r"""`layer` (a SimpleRNN, LSTM or GRU) in both directions.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Bidirectional` | the wrapper | `bidirectional=True` of `nn.LSTM` | the same; takes a `backward_layer` too |
    | `layer` | becomes `forward_layer`; `backward_layer` has the same options, new weights | none | the same |
    | `merge_mode` | "concat" (2H features), "sum", "mul", "ave" (H), or None for a pair | always "concat" | the same |

    | cost | formula |
    |---|---|
    | parameters | twice those of `layer` |
    | multiply-adds | twice those of `layer` |
    | bytes kept | twice those of `layer`, but x once; "mul" keeps both outputs |

    Called as `layer(x, mask=None, initial_state=None)`. With `return_state` the result is y (or the pair), then the
    states of the forward layer, then those of the backward layer; `initial_state` is a list in that order. The mask
    goes to both layers: the backward one passes over right padding before it starts, so the real steps come out as if
    each sequence were alone. At masked steps the outputs of both layers are 0 (one layer by itself repeats its last
    output), as in Keras and in torch's packed sequences.

    A `layer` with `go_backwards=True` is the one that starts at the end, and the other one reads from the start; y then
    stands in the order in which `layer` reads, as it would without Bidirectional.

    >>> from minidl import Tensor, nn
    >>> x = Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> nn.Bidirectional(nn.LSTM(2, 4, return_sequences=True))(x).shape
    (1, 3, 8)
    >>> y, *states = nn.Bidirectional(nn.LSTM(2, 4, return_state=True), merge_mode="sum")(x)
    >>> y.shape, len(states)                                       # h and c of the one, h and c of the other
    ((1, 4), 4)
    """

    takes_mask = True

    def __init__(self, layer: Recurrent, merge_mode: str | None = "concat"):
        if not isinstance(check_module("Bidirectional", "layer", layer), Recurrent):
            raise check.DTypeError(f"Bidirectional: layer must be a SimpleRNN, LSTM or GRU, got {type(layer).__name__}")
        self.merge_mode = check.option("Bidirectional", "merge_mode", merge_mode, MERGE_MODES)
        self.forward_layer = layer
        back = type(layer)(**{**layer.options(), "go_backwards": not layer.go_backwards})
        weight = layer.weight_hh_l0
        self.backward_layer = back.to(weight.dtype.name).to(weight.backend).train(layer.training)

    layer = property(lambda self: self.forward_layer, doc="The layer that it was made with.")

    def forward(self, x: Tensor, mask: Any = None, initial_state: Any = None) -> Any:
        check_steps("Bidirectional", x, self.layer.input_size)
        given, given_back = self._halves(x, initial_state)
        h, h_back = self.forward_layer(x, mask, given), self.backward_layer(x, mask, given_back)
        states = []
        if self.layer.return_state:
            (h, *states), (h_back, *states_back) = h, h_back
            states += states_back
        if self.layer.return_sequences:
            h_back = ops.flip(h_back, 1)  # from the order of reading to that of the other layer
            if mask is not None:
                m = time_mask("Bidirectional", mask, x)[..., None]
                real = _wrap(m[:, ::-1] if self.layer.go_backwards else m)
                h, h_back = ops.where(real, h, 0.0), ops.where(real, h_back, 0.0)
        y = MERGE_MODES[self.merge_mode](h, h_back)
        return (*(y if self.merge_mode is None else [y]), *states) if states else y

    def _halves(self, x: Tensor, given: Any) -> tuple[list[Tensor] | None, list[Tensor] | None]:
        """initial_state of the forward and of the backward layer."""
        if given is None:
            return None, None
        n = self.layer.states
        count = len(given) if isinstance(given, tuple | list) else 1
        if count != 2 * n:
            own = "h" if n == 1 else "h and c"
            raise check.ShapeError(
                f"Bidirectional: initial_state must be a list of {2 * n}: {own} of the forward layer, then {own} of "
                f"the backward layer; got {count}"
            )
        states = check_states("Bidirectional", given, 2 * n, (x.shape[0], self.layer.hidden_size), x)
        return states[:n], states[n:]

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return self.forward_layer.compute_mask(x, mask)

    def extra_repr(self) -> str:
        return f"merge_mode={self.merge_mode!r}"


def illustrate(ax: Any) -> None:
    r"""Which steps of x each step of y has seen: the size of the gradient, where there is one at all. The forward layer
    (left) knows what came before, the backward layer (middle) what comes after, and y (right), with the features of
    both, knows all; what is near, best."""
    rng, T, H = np.random.default_rng(0), 12, 8
    layer = Bidirectional(SimpleRNN(1, H, return_sequences=True)).to("float64")
    for p in layer.parameters():
        p.data = rng.normal(0, 0.4, p.shape)
    x = np.tile(rng.normal(size=(1, T, 1)), (T, 1, 1))  # one sequence for every step of y
    ax.axis("off")
    panels = ("$h_t$", range(H)), ("$h'_t$", range(H, 2 * H)), ("$y_t$", range(2 * H))
    for number, (name, features) in enumerate(panels):
        steps, dy = Tensor(x, requires_grad=True), np.zeros((T, T, 2 * H))
        dy[np.arange(T), np.arange(T)] = np.isin(np.arange(2 * H), features)
        layer(steps).backward(dy)
        seen = np.abs(steps.grad[..., 0])
        a = ax.inset_axes([0.07 + 0.32 * number, 0.06, 0.29, 0.94])
        a.imshow(np.where(seen > 0, seen, np.nan), cmap="viridis", extent=(0.5, T + 0.5, T + 0.5, 0.5), aspect="auto")
        a.set(xlabel=f"step of x, seen by {name}", xticks=(1, 6, 12), yticks=() if number else (1, 6, 12))
        a.set(ylabel="" if number else "t")
