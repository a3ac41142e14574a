r"""Recurrent: what `SimpleRNN`, `LSTM` and `GRU` have in common. Their equations stand in their own files.

A recurrent layer reads a sequence x (N, T, D) step by step and keeps a state s of H numbers for each sequence (the LSTM
keeps two, h and c; h is what it shows):

$$ s_t = f(x_t, s_{t-1}), \qquad y_t = h_t $$

| option | meaning | torch | Keras |
|---|---|---|---|
| `input_size` | D | the same | from the first input |
| `hidden_size` | H | the same | `units` |
| `bias` | two vectors, $b_{ih}$ and $b_{hh}$ (only the GRU needs both) | the same | `use_bias`: one, but for the GRU |
| `return_sequences` | y of all steps (N, T, H), for a next recurrent layer; else the last (N, H) | always | the same |
| `return_state` | a tuple: y, and after the last step h (LSTM: h, c), each (N, H) | always: y, (h, c) | the same |
| `go_backwards` | read the sequence from its end; outputs stay in the order of reading | none | the same |
| `stateful` | row n starts where row n of the last call ended, until `reset_states()` | none: hand it over | the same |
| `dropout` | drop inputs, the same ones at all steps of a call | none: between layers | the same |
| `recurrent_dropout` | drop units of $h_{t-1}$ on their way into the products, all steps alike | none | the same |
| `mask`, of a call | (N, T) bools. A False step keeps the state and the last output (0 at first) | packing | the same |
| `initial_state`, of a call | s before the first step instead of 0: h, or (h, c), with gradients | `hx` | the same |

No gradients go from one call of a stateful layer to the one before.

Dropping other units at every step would wipe out what the state carries; one mask for all steps lets the untouched
units carry it, and only the products see the mask, never the state itself (Gal and Ghahramani 2016, arXiv 1512.05287).

A stateful layer in `fit` wants `shuffle=False`, a batch size that divides the number of rows (also of those for
validation, which go on from the state after training), and a callback that calls `model.reset_states()` where new
sequences begin.

Weights: `weight_ih_l0` (GH, D), `weight_hh_l0` (GH, H), `bias_ih_l0`, `bias_hh_l0` (GH,) for G gates: torch's names and
layouts. They start as in Keras: Glorot uniform, orthogonal, and zeros.
"""

import inspect
from typing import Any

from minidl import backend, check, ops, random
from minidl.nn.cell import check_state, check_weights, count_formula, first_weights, zeros
from minidl.nn.dropout import SharedDropoutFunction
from minidl.nn.mask import time_mask
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor, _wrap


class Recurrent(Module):
    r"""The base of the recurrent layers. A subclass has `gates` (G), `states` (the number of its states) and
    `sequence(x, states, m, k)`, which returns h of all steps and the final states."""

    gates = 1
    states = 1
    takes_mask = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        stateful: bool,
        dropout: float,
        recurrent_dropout: float,
    ):
        who = type(self).__name__
        self.input_size = D = check.size(who, "input_size", input_size)
        self.hidden_size = H = check.size(who, "hidden_size", hidden_size)
        self.bias = check.option(who, "bias", bias, (True, False))
        self.return_sequences = check.option(who, "return_sequences", return_sequences, (True, False))
        self.return_state = check.option(who, "return_state", return_state, (True, False))
        self.go_backwards = check.option(who, "go_backwards", go_backwards, (True, False))
        self.stateful = check.option(who, "stateful", stateful, (True, False))
        self.dropout = check.number(who, "dropout", dropout, low=0, high=1)
        self.recurrent_dropout = check.number(who, "recurrent_dropout", recurrent_dropout, low=0, high=1)
        weights = first_weights(who, self.gates, D, H, bias)
        self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0 = weights
        self._kept: list[Tensor] | None = None  # the state after the last call, if stateful

    def sequence(self, x: Tensor, states: list[Tensor], m: Any, k: Any) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def weights(self) -> tuple[Parameter | None, ...]:
        r"""weight_ih, weight_hh, bias_ih, bias_hh."""
        return self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0

    def forward(self, x: Tensor, mask: Any = None, initial_state: Any = None) -> Any:
        who = type(self).__name__
        x = check_steps(who, x, self.input_size)
        check.one_dtype(who, x, self.weight_hh_l0, None)
        m = None if mask is None else time_mask(who, mask, x)
        states = self._initial(who, x, initial_state)
        N, D = x.shape[0], self.input_size
        if self.go_backwards:
            x = ops.flip(x, 1)
            m = None if m is None else m[:, ::-1]
        if self.training and self.dropout:
            x = x if m is None else ops.where(_wrap(m[..., None]), x, 0.0)  # padding may hold infinity
            x = SharedDropoutFunction(self.dropout, (N, 1, D))(x)
        k = None
        if self.training and self.recurrent_dropout:
            k = random.keep_mask((N, self.hidden_size), self.recurrent_dropout, x._data)
        y, *final = self.sequence(x, states, m, k)
        if not self.return_sequences:
            y = final[0]
        if m is not None:
            started = m.cumsum(axis=1) > 0  # before the first real step there is no output to repeat
            y = ops.where(_wrap(started[..., None] if self.return_sequences else started[:, -1:]), y, 0.0)
        if self.stateful:
            self._kept = [_wrap(s._data.copy()) for s in final]  # copies: results may be changed in place
        return (y, *final) if self.return_state else y

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        if mask is None or not self.return_sequences:
            return None
        m = mask._data if isinstance(mask, Tensor) else backend.array(mask)
        return m[:, ::-1] if self.go_backwards else m

    def reset_states(self) -> None:
        r"""Start the next call of a stateful layer from 0 again."""
        self._kept = None

    def _initial(self, who: str, x: Tensor, given: Any) -> list[Tensor]:
        shape = (x.shape[0], self.hidden_size)
        if given is not None:
            return check_states(who, given, self.states, shape, x)
        if self._kept is not None:
            if self._kept[0].shape != shape:
                raise check.ShapeError(
                    f"{who}: stateful, and the last call had a batch of {len(self._kept[0])}, this one has {len(x)}; "
                    "keep the batch size, or call reset_states()"
                )
            return [s.to(x.backend).to(x.dtype.name) for s in self._kept]
        return [zeros(shape, x) for _ in range(self.states)]

    def options(self) -> dict[str, Any]:
        r"""What it was made with: `type(layer)(**layer.options())` makes another of its kind."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        N, T, D = input_shape
        return N * T * self.gates * self.hidden_size * (D + self.hidden_size)

    def parameter_formula(self) -> str:
        return count_formula(self.gates, self.input_size, self.hidden_size, self.bias)

    def extra_repr(self) -> str:
        options = list(inspect.signature(type(self)).parameters.values())[2:]
        changed = [(p.name, getattr(self, p.name)) for p in options if getattr(self, p.name) != p.default]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *(f"{name}={value!r}" for name, value in changed)])


# ---- arguments ----
def check_steps(who: str, x: Any, D: int) -> Tensor:
    r"""x as a tensor, or a ShapeError unless it is (N, T, D) with T >= 1."""
    check.floats(who, "x", x)
    if len(x.shape) == 2:
        raise check.ShapeError(
            f"{who}: x must have shape (N, T, D), got {x.shape}; return_sequences=True in the layer below? "
            "A series of single numbers (N, T) needs an axis more, x[:, :, None]"
        )
    check.rank(who, "x", x, "(N, T, D)")
    check.axis_size(who, "x", x, -1, D, "input_size")
    if x.shape[1] == 0:
        raise check.ShapeError(f"{who}: x must have at least one time step, got shape {x.shape}")
    return x if isinstance(x, Tensor) else Tensor(x)


def check_states(who: str, given: Any, n: int, shape: tuple[int, int], x: Tensor) -> list[Tensor]:
    r"""initial_state as a list of n tensors (N, H) of the dtype of x, or a ShapeError or DTypeError."""
    states = list(given) if isinstance(given, tuple | list) else [given]
    if len(states) != n:
        wanted = "one tensor, h" if n == 1 else "a pair, (h, c)"
        raise check.ShapeError(f"{who}: initial_state must be {wanted}, got {len(states)}")
    names = [f"initial_state[{i}]" for i in range(n)] if n > 1 else ["initial_state"]
    return [check_state(who, name, s, shape, x) for name, s in zip(names, states, strict=True)]


def start_states(who: str, x: Tensor, H: int, **given: Any) -> list[Tensor]:
    r"""The states of the given names, each (N, H) and of the dtype of x; zeros for None."""
    shape = (x.shape[0], H)
    return [zeros(shape, x) if s is None else check_state(who, name, s, shape, x) for name, s in given.items()]


def check_call(who: str, gates: int, x: Any, weights: dict[str, Any]) -> Tensor:
    r"""x as a tensor, or a ShapeError or DTypeError unless the weights fit together, and to x and the gates."""
    check_weights(who, gates, weights)
    x = check_steps(who, x, weights["weight_ih"].shape[1])
    check.one_dtype(who, x, **weights)
    return x


def masks(x: Any, m: Any, k: Any, H: int) -> tuple[Any, Any]:
    r"""The mask (N, T), and what dropout leaves of h (N, H): all True and all 1 where there is none."""
    xp = backend.xp_of(x)
    m = xp.ones(x.shape[:2], bool) if m is None else xp.ascontiguousarray(m)
    return m, xp.ones((x.shape[0], H), x.dtype) if k is None else k


def biases(x: Any, u: Any, *given: Any) -> list[Any]:
    r"""The biases, one number for each row of u; zeros for None."""
    return [backend.xp_of(x).zeros(len(u), x.dtype) if b is None else b for b in given]
