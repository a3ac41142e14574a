r"""What the recurrent cells have in common: weights, first values, and checks, which the recurrent layers make too.

A cell computes one time step, $(x, h) \to h'$, for G gates of H hidden units each: one row of `weight_ih` (GH, D) and
`weight_hh` (GH, H) for each unit of each gate, gate after gate. How many gates there are and what they do is told in
rnn_cell.py (G = 1), lstm_cell.py (G = 4) and gru_cell.py (G = 3). Parameters:

$$ G\,(H D + H H + 2 H) $$

`weight_ih` starts glorot_uniform, `weight_hh` orthogonal (it multiplies the state at every step and at first neither
stretches nor shrinks it), both as in Keras and over all gates at once; biases start at 0.
"""

from typing import Any

from minidl import check, init
from minidl.backend import xp_of
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor, _wrap


def sigma(a: Any) -> Any:
    r"""$\sigma(a) = 1 / (1 + e^{-a}) = (1 + \tanh(a/2)) / 2$; the second form never overflows."""
    return (1 + xp_of(a).tanh(a / 2)) / 2


def affine(x: Any, w: Any, b: Any) -> Any:
    r"""$x W^\top + b$ of arrays, where b may be None."""
    y = x @ w.T
    return y if b is None else y + b


def count_formula(gates: int, D: int, H: int, bias: bool) -> str:
    r"""How the number of parameters comes about, for `summary`.

    >>> count_formula(4, 16, 32, True)
    '4 (H D + H H + 2 H), D=16, H=32'
    """
    return f"{f'{gates} ' if gates > 1 else ''}(H D + H H{' + 2 H' if bias else ''}), D={D}, H={H}"


def first_weights(who: str, gates: int, D: int, H: int, bias: bool) -> tuple[Parameter | None, ...]:
    r"""`weight_ih`, `weight_hh`, `bias_ih` and `bias_hh` as they start. ValueError where they would be too large."""
    GH = gates * H
    check.elements(who, "weight_ih (gates * hidden_size, input_size)", (GH, D))
    check.elements(who, "weight_hh (gates * hidden_size, hidden_size)", (GH, H))
    w, u = Parameter(init.glorot_uniform((GH, D))), Parameter(init.orthogonal((GH, H)))
    return w, u, *(Parameter(init.zeros(GH)) if bias else None for _ in range(2))


def zeros(shape: tuple[int, int], x: Any) -> Tensor:
    r"""A state of zeros, where x lives and of its dtype."""
    return _wrap(xp_of(x._data if isinstance(x, Tensor) else x).zeros(shape, x.dtype))


def check_weights(who: str, gates: int, weights: dict[str, Any]) -> None:
    r"""ShapeError unless the weights (`weight_ih`, `weight_hh`, and `bias_ih`, `bias_hh` or None) fit together."""
    u, w = weights["weight_hh"], weights["weight_ih"]
    check.rank(who, "weight_hh", u, "(GH, H)")
    H, rows = u.shape[1], f"{gates} * hidden_size" if gates > 1 else "hidden_size"
    check.axis_size(who, "weight_hh", u, 0, gates * H, rows)
    check.rank(who, "weight_ih", w, "(GH, D)")
    check.axis_size(who, "weight_ih", w, 0, gates * H, rows)
    for name in ("bias_ih", "bias_hh"):
        if weights[name] is not None:
            check.rank(who, name, weights[name], "(GH,)")
            check.axis_size(who, name, weights[name], 0, gates * H, rows)


def check_state(who: str, name: str, s: Any, shape: tuple[int, int], x: Any) -> Tensor:
    r"""The state s as a tensor, or a ShapeError or DTypeError unless it has this shape (N, H), and the dtype of x."""
    check.floats(who, name, s)
    if tuple(s.shape) != shape:
        raise check.ShapeError(f"{who}: {name} must have shape (N, H) = {shape}, got {tuple(s.shape)}")
    if s.dtype != x.dtype:
        raise check.DTypeError(f"{who}: x and {name} must have one dtype, got {x.dtype} and {s.dtype}")
    return s if isinstance(s, Tensor) else Tensor(s)


def check_step(who: str, gates: int, x: Any, states: dict[str, Any], weights: dict[str, Any]) -> None:
    r"""ShapeError or DTypeError unless x (N, D), every state (N, H) and the weights fit together."""
    check_weights(who, gates, weights)
    check.rank(who, "x", x, "(N, D)")
    check.axis_size(who, "x", x, 1, weights["weight_ih"].shape[1], "input_size")
    check.one_dtype(who, x, **weights)
    for name, s in states.items():
        check_state(who, name, s, (x.shape[0], weights["weight_hh"].shape[1]), x)


class Cell(Module):
    r"""Sizes and parameters of a cell; a subclass says how many gates it has, and computes.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `input_size` | D | the same | from the first input |
    | `hidden_size` | H | the same | `units` |
    | `bias` | whether there are biases, $b_{ih}$ and $b_{hh}$ | the same | `use_bias`: one vector, but for the GRU |
    """

    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        who, G = type(self).__name__, self.gates
        D = self.input_size = check.size(who, "input_size", input_size)
        H = self.hidden_size = check.size(who, "hidden_size", hidden_size)
        self.bias = check.option(who, "bias", bias, (True, False))
        self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh = first_weights(who, G, D, H, bias)

    def zero_state(self, x: Any) -> Tensor:
        r"""The state (N, H) before the first step of an input x (N, D): zeros, where x lives and of its dtype."""
        who = type(self).__name__
        check.floats(who, "x", x)
        check.rank(who, "x", x, "(N, D)")
        return zeros((x.shape[0], self.hidden_size), x)

    def one_state(self, state: Any, x: Any) -> Any:
        r"""The state h of a cell that has only this one; zeros for None."""
        if isinstance(state, tuple | list):
            who = type(self).__name__
            raise check.DTypeError(f"{who}: state must be one Tensor h (N, H), got {_kind(state)}")
        return self.zero_state(x) if state is None else state

    def two_states(self, state: Any, x: Any) -> tuple[Any, Any]:
        r"""The states h and c of a cell that has both; zeros for None."""
        if state is None:
            return self.zero_state(x), self.zero_state(x)
        if not isinstance(state, tuple | list) or len(state) != 2:
            who = type(self).__name__
            raise check.DTypeError(f"{who}: state must be a pair (h, c) of Tensors (N, H), got {_kind(state)}")
        return tuple(state)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        G, D, H = self.gates, self.input_size, self.hidden_size
        return input_shape[0] * G * H * (D + H)

    def parameter_formula(self) -> str:
        return count_formula(self.gates, self.input_size, self.hidden_size, self.bias)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias}"


def _kind(state: Any) -> str:
    name = type(state).__name__
    return f"a {name} of {len(state)}" if isinstance(state, tuple | list) else name
