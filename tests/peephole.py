r"""PeepholeLSTM: an LSTM whose gates see the memory itself, also while the output gate hides it.

With $a_t = x_t W^\top + b_{ih} + h_{t-1} U^\top + b_{hh}$, four blocks of H columns $a_i, a_f, a_g, a_o$, one weight p
for each gate of each unit (the peepholes), and $\sigma(a) = 1 / (1 + e^{-a})$:

$$ i = \sigma(a_i + p_i\,c_{t-1}), \quad f = \sigma(a_f + p_f\,c_{t-1}), \quad g = \tanh(a_g), \quad
   o = \sigma(a_o + p_o\,c_{t-1}) $$
$$ c_t = f\,c_{t-1} + i\,g, \qquad q_t = \tanh(c_t), \qquad h_t = o\,q_t $$

(Products with W and U are those of matrices, all others go element by element.)

Backward: back-propagation through time, as in lstm.py. From the last step to the first, with dh and dc the sums of what
has arrived:

$$ dh \mathrel{+}= dy_t, \qquad dc \mathrel{+}= dh\,o\,(1 - q_t^2) $$
$$ da_i = dc\,g\,i(1-i), \quad da_f = dc\,c_{t-1}\,f(1-f), \quad da_g = dc\,i\,(1-g^2), \quad da_o = dh\,q_t\,o(1-o) $$

$c_{t-1}$ has three readers more, the gates, where it stands times p. So three terms more come to its gradient:

$$ dc \leftarrow dc\,f + da_i\,p_i + da_f\,p_f + da_o\,p_o, \qquad dh \leftarrow da_t\,U $$

and p, the same at every step, gets a sum over all of them, like W, U and b:

$$ dp_i = \sum_{t,n} da_i\,c_{t-1}, \qquad dp_f = \sum_{t,n} da_f\,c_{t-1}, \qquad dp_o = \sum_{t,n} da_o\,c_{t-1} $$

With recurrent dropout h stands in the products as $k\,h_{t-1}$, and so $dh \leftarrow k\,(da_t\,U)$. At a masked step h
and c are copied: dh and dc go through unchanged, and da = 0.

Shapes: x (N, T, D), w (4H, D), u (4H, H), b_ih, b_hh (4H,), p (3, H) for i, f, o, h0, c0, dh, dc (N, H), gates (T, N,
4H), h, c (T+1, N, H) with the first state in front, q (T, N, H), dy (N, T, H), m (N, T), k (N, H); y (N, H), of all
steps (N, T, H).

Source: Gers and Schmidhuber 2000, IJCNN, where the output gate looks at $c_t$.

Try it:
1. Set `weight_ch_l0` to 0: the results are those of `nn.LSTM` with the same other weights.
2. Leave out `da_f * p[1]` in `backward`: `check_layer` says that the gradients are wrong.
3. Do that, and start p at zeros: `check_layer` says nothing, for what is missing is 0. So p starts at other numbers.
"""

from typing import Any

import numpy as np

from minidl import init
from minidl.backend import xp_of
from minidl.nn.module import Parameter
from minidl.nn.recurrent import Recurrent, biases, masks
from minidl.tensor import Function, Tensor


class PeepholeLSTMFunction(Function):
    def __init__(self, m: Any, k: Any):
        self.m, self.k = m, k  # the mask (N, T), what dropout leaves of h (N, H); or None

    def forward(self, x, w, u, b_ih, b_hh, p, h0, c0):
        xp, (N, T, _), H = xp_of(x), x.shape, u.shape[1]
        m, k = masks(x, self.m, self.k, H)
        b_ih, b_hh = biases(x, u, b_ih, b_hh)
        gates, q = xp.empty((T, N, 4 * H), x.dtype), xp.empty((T, N, H), x.dtype)
        h, c = xp.empty((T + 1, N, H), x.dtype), xp.empty((T + 1, N, H), x.dtype)
        h[0], c[0] = h0, c0
        for t in range(T):
            real = m[:, t, None]
            x_t = xp.where(real, x[:, t], 0)  # padding may hold infinity
            a = x_t @ w.T + (k * h[t]) @ u.T + b_ih + b_hh  # (N, D) @ (D, 4H) + (N, H) @ (H, 4H) -> (N, 4H)
            a_i, a_f, a_g, a_o = xp.split(a, 4, axis=1)  # each (N, H)
            i, f, o = (sigma(xp, s + v * c[t]) for s, v in zip((a_i, a_f, a_o), p, strict=True))
            g = xp.tanh(a_g)
            gates[t] = xp.concatenate((i, f, g, o), axis=1)
            c[t + 1] = xp.where(real, f * c[t] + i * g, c[t])
            q[t] = xp.tanh(c[t + 1])
            h[t + 1] = xp.where(real, o * q[t], h[t])
        self.save(x, w, u, p, gates, h, c, q, m, k)
        return h[1:].swapaxes(0, 1), h[-1].copy(), c[-1].copy()

    def backward(self, dy, dh, dc):
        x, w, u, p, gates, h, c, q, m, k = self.saved
        xp = xp_of(x)
        dx, dw, du, dp, db = (xp.zeros_like(v) for v in (x, w, u, p, w[:, 0]))
        for t in reversed(range(len(q))):
            real = m[:, t, None]
            i, f, g, o = xp.split(gates[t], 4, axis=1)
            dh = dh + dy[:, t]
            dc_bar = dc + dh * o * (1 - q[t] * q[t])
            da_i = xp.where(real, dc_bar * g * i * (1 - i), 0)
            da_f = xp.where(real, dc_bar * c[t] * f * (1 - f), 0)
            da_g = xp.where(real, dc_bar * i * (1 - g * g), 0)
            da_o = xp.where(real, dh * q[t] * o * (1 - o), 0)
            da = xp.concatenate((da_i, da_f, da_g, da_o), axis=1)  # (N, 4H)
            dc = xp.where(real, dc_bar * f + da_i * p[0] + da_f * p[1] + da_o * p[2], dc)
            dh = xp.where(real, 0, dh) + k * (da @ u)  # (N, 4H) @ (4H, H) -> (N, H)
            dx[:, t] = da @ w  # (N, 4H) @ (4H, D) -> (N, D)
            dw += da.T @ xp.where(real, x[:, t], 0)
            du += da.T @ (k * h[t])
            dp += xp.stack([(d * c[t]).sum(axis=0) for d in (da_i, da_f, da_o)])
            db += da.sum(axis=0)
        return dx, dw, du, db, db, dp, dh, dc


def sigma(xp: Any, a: Any) -> Any:
    r"""$1 / (1 + e^{-a})$ in a form that never overflows."""
    return 0.5 * xp.tanh(0.5 * a) + 0.5


class PeepholeLSTM(Recurrent):
    r"""A layer of `hidden_size` LSTM units with peepholes. The options that all recurrent layers share stand in
    recurrent.py.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `PeepholeLSTM` | the layer | none | none |

    | cost | formula |
    |---|---|
    | parameters | $4 (H D + H H + 2 H) + 3 H$ |
    | multiply-adds | $4 N T H (D + H)$ |
    | bytes kept | $4 N (T D + 7 T H + 3 H) + N T$ |

    >>> from minidl import Tensor
    >>> layer = PeepholeLSTM(2, 4, return_sequences=True)
    >>> layer(Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])).shape
    (1, 3, 4)
    >>> layer.weight_ch_l0.shape
    (3, 4)
    """

    gates = 4
    states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ):
        super().__init__(
            input_size,
            hidden_size,
            bias=bias,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
        )
        self.weight_ch_l0 = Parameter(init.uniform((3, hidden_size), -1, 1))

    def sequence(self, x: Tensor, states: list[Tensor], m: Any, k: Any) -> tuple[Tensor, ...]:
        return PeepholeLSTMFunction(m, k)(x, *self.weights(), self.weight_ch_l0, *states)

    def parameter_formula(self) -> str:
        return super().parameter_formula().replace(",", " + 3 H,", 1)


def illustrate(ax: Any) -> None:
    r"""One unit that keeps time by itself. x is 1 at all steps, and nothing comes back from h. The input gate lets a
    little in, the memory c grows, and once it is above 1/2 the forget gate, which looks at it through a negative
    peephole, lets it go. Without the peephole (dashed) c grows on."""
    w, b, zero = np.array([[0.0], [0.0], [1.0], [0.0]]), np.array([-3.0, 200.0, 0.0, 0.0]), np.zeros((1, 1))
    for p_f, style in ((-400.0, "-"), (0.0, "--")):
        function, p = PeepholeLSTMFunction(None, None), np.array([[0.0], [p_f], [0.0]])
        function(*(Tensor(v) for v in (np.ones((1, 50, 1)), w, np.zeros((4, 1)), b, 0 * b, p, zero, zero)))
        c = function.saved[6][:, 0, 0]
        ax.plot(c, style)
        ax.text(50, c[-1], f" $p_f$ = {p_f:g}", va="center")
    ax.set(xlabel="t", ylabel="c")
