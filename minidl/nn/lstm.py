r"""LSTM: a recurrent layer with a memory c that is added to, and gates that say what goes in, what stays, what shows.

With $a_t = x_t W^\top + b_{ih} + h_{t-1} U^\top + b_{hh}$, four blocks of H columns $a_i, a_f, a_g, a_o$, and the
logistic $\sigma(a) = 1 / (1 + e^{-a})$:

$$ i = \sigma(a_i), \quad f = \sigma(a_f), \quad g = \tanh(a_g), \quad o = \sigma(a_o) $$
$$ c_t = f\,c_{t-1} + i\,g, \qquad q_t = \tanh(c_t), \qquad h_t = o\,q_t $$

The input gate i says how much of the candidate g goes in, the forget gate f how much of the old memory stays, the
output gate o how much of it shows. (Products with W and U are those of matrices, all others go element by element.)
`lstm_cell.py` is one such step by itself.

Backward: back-propagation through time. $h_t$ is seen by the loss directly ($dy_t$, the gradient from above) and
through step t+1; $c_t$ through $h_t$ and through step t+1. So from the last step to the first, with dh and dc the sums
of what has arrived (at t = T: the gradients of the returned states):

$$ dh \mathrel{+}= dy_t, \qquad dc \mathrel{+}= dh\,o\,(1 - q_t^2) $$
$$ da_i = dc\,g\,i(1-i), \quad da_f = dc\,c_{t-1}\,f(1-f), \quad da_g = dc\,i\,(1-g^2), \quad da_o = dh\,q_t\,o(1-o) $$
$$ dc \leftarrow dc\,f, \qquad dh \leftarrow da_t\,U $$

(with $\sigma' = \sigma (1 - \sigma)$ and $\tanh' = 1 - \tanh^2$). Look at the way of dc: from step to step it is only
multiplied by f. While the forget gates are near 1 a gradient arrives unharmed from hundreds of steps away, where in a
SimpleRNN it goes through U and tanh' each time. But only then: with forget gates at 1/2, where zero biases put them,
it halves at every step. Hence `unit_forget_bias`, which starts $b_f$ at 1, so $f \approx 0.73$ (Gers et al. 2000;
Jozefowicz et al. 2015).

The weights are the same at every step, so their gradients add up over all of them:

$$ dW = \sum_t da_t^\top x_t, \qquad dU = \sum_t da_t^\top h_{t-1}, \qquad db_{ih} = db_{hh} = \sum_{t,n} da_t, \qquad
dx_t = da_t W $$

The loops over t, forward and back, with all these sums, are those of kernels/lstm.py, which begins with them as plain
array code. With recurrent dropout h stands in the products as $k\,h_{t-1}$, with one k for all steps, and so
$dh \leftarrow k\,(da_t\,U)$. At a masked step h and c are copied: dh and dc go through unchanged, and da = 0.

How such a file is built, yours too:

1. This docstring, raw (`r`, or the t of `\tanh` becomes a tab): a name and a sentence; formulas between dollars;
   paragraphs that begin `Shapes: ` (names, each list followed by its tuple), `Source: ` and `Try it:`.
2. A Function, where the operation is a new one. `forward` gets arrays, keeps what it will need again with `self.save`,
   and returns arrays; `backward` gets the gradient of each output, and returns that of each input, in their order. What
   they are given they never write to: `dh = dh + dy[:, t]`, not `dh += dy[:, t]`. A loop over t in both, in array code
   like the reference in kernels/lstm.py, does as well as the kernel, only slower (`xp = xp_of(x)`, from
   `minidl.backend`, is NumPy or CuPy, as x is). `masks` and `biases` put True, 1 and 0 where nothing was given. Then
   the functional form, if you want one.
3. The Module. Its docstring has tables of its options and costs, and a doctest that calls it: the first call is what
   the page runs and checks. A recurrent one derives from `Recurrent`, which makes the weights for `gates` blocks of
   rows, hands them over as `self.weights()`, and checks it with masks, states and dropout. It names its options one by
   one, and its `sequence` returns h of all steps and the last states. One weight more is one attribute more, after
   `super().__init__`, such as `self.weight_ch_l0 = Parameter(init.uniform((3, hidden_size), -1, 1))`, with
   `from minidl import init` and `from minidl.nn.module import Parameter`.
4. `illustrate(ax)`, the picture, with its caption for a docstring.

Shapes: x (N, T, D), w (4H, D), u (4H, H), b_ih, b_hh (4H,), h0, c0, dh, dc (N, H), gates (T, N, 4H), h, c (T+1, N, H)
with the first state in front, q (T, N, H), dy (N, T, H), m (N, T), k (N, H); y (N, H), of all steps (N, T, H).

Source: Hochreiter and Schmidhuber 1997, Neural Computation 9(8); the forget gate: Gers, Schmidhuber and Cummins 2000,
Neural Computation 12(10).

Try it:
1. `minidl.manual_seed(0)`, `layer = LSTM(1, 32)`, x (1, 100, 1) of normal numbers, and `layer(x).sum().backward()`:
   the gradient of the first step is about 5e-9 times that of the last one; with `unit_forget_bias=False`, 5e-23 times.
   With $b_f = 5$ (`layer.bias_ih_l0.writable()[32:64] = 5`) it is not small at all: 1.5 to 60 times that of the last
   one, as x comes out.
2. Let `backward` return `dh, dh` in the end: the gradient check fails for $c_0$ (`state 1`), and for nothing else.
3. Write `PeepholeLSTM` in a file of your own (Gers and Schmidhuber 2000): every gate but g also sees the memory of its
   unit, $i = \sigma(a_i + p_i\,c_{t-1})$, and so do f and o with $p_f$ and $p_o$ (theirs lets o see $c_t$ already);
   derive what this adds to dc, and dp. `minidl.testing.check_layer(lambda: PeepholeLSTM(3, 2), (4, 5, 3))` tells
   whether it is right, if p starts at other numbers than 0, and `minidl study path/to/file.py:PeepholeLSTM` makes its
   page.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.kernels import lstm as kernel
from minidl.nn.mask import time_mask
from minidl.nn.recurrent import Recurrent, biases, check_call, masks, start_states
from minidl.tensor import Function, Tensor


class LSTMFunction(Function):
    def __init__(self, m: Any, k: Any):
        self.m, self.k = m, k  # the mask (N, T), what dropout leaves of h (N, H); or None

    def forward(self, x, w, u, b_ih, b_hh, h0, c0):
        m, k = masks(x, self.m, self.k, u.shape[1])
        b_ih, b_hh = biases(x, u, b_ih, b_hh)
        gates, h, c, q = kernel.lstm(x, w, u, b_ih + b_hh, h0, c0, m, k)
        self.save(x, w, u, gates, h, c, q, m, k)
        return h[1:].swapaxes(0, 1), h[-1].copy(), c[-1].copy()

    def backward(self, dy, dh, dc):
        # from the last step to the first: da, dh, dc and dx = da w; dw, du and db are sums over all steps
        dx, dw, du, db, dh, dc = kernel.lstm_grad(dy, dh, dc, *self.saved, self.needs_grad[0])
        return dx, dw, du, db, db, dh, dc


def lstm(
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    mask: Any = None,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""h of all steps (N, T, H), and h and c (N, H) after the last one. h0 and c0 are 0 where they are not given.

    Raises ValueError and TypeError for shapes and dtypes that do not fit, and for T = 0.

    >>> w = Tensor([[0.0], [0.0], [1.0], [0.0]])                   # one unit: only the candidate sees x
    >>> y, h, c = lstm(Tensor([[[1.0], [1.0]]]), w, Tensor([[0.0]] * 4))
    >>> c.numpy().round(4)                                         # c <- c/2 + tanh(1)/2, twice
    array([[0.5712]], dtype=float32)
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    x = check_call("lstm", 4, x, weights)
    states = start_states("lstm", x, weight_hh.shape[1], h0=h0, c0=c0)
    m = None if mask is None else time_mask("lstm", mask, x)
    return LSTMFunction(m, None)(x, *weights.values(), *states)


class LSTM(Recurrent):
    r"""A layer of `hidden_size` LSTM units. The options that all recurrent layers share stand in recurrent.py.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LSTM` | the layer | `nn.LSTM` with `batch_first=True`; it can stack layers | `LSTM` (weights transposed) |
    | `unit_forget_bias` | start the forget gate's bias ($b_{ih}$) at 1; all other biases start at 0 | none | the same |

    | cost | formula |
    |---|---|
    | parameters | $4 (H D + H H + 2 H)$ |
    | multiply-adds | $4 N T H (D + H)$ |
    | bytes kept | $4 N (T D + 7 T H + 3 H) + N T$ |

    >>> from minidl import Tensor, nn
    >>> x = Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> nn.LSTM(2, 4)(x).shape, nn.LSTM(2, 4, return_sequences=True)(x).shape
    ((1, 4), (1, 3, 4))
    >>> y, h, c = nn.LSTM(2, 4, return_sequences=True, return_state=True)(x)
    >>> bool((y.numpy()[:, -1] == h.numpy()).all()), c.shape
    (True, (1, 4))
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
        unit_forget_bias: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ):
        self.unit_forget_bias = check.option("LSTM", "unit_forget_bias", unit_forget_bias, (True, False))
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
        if bias and unit_forget_bias:
            self.bias_ih_l0.writable()[hidden_size : 2 * hidden_size] = 1

    def sequence(self, x: Tensor, states: list[Tensor], m: Any, k: Any) -> tuple[Tensor, ...]:
        return LSTMFunction(m, k)(x, *self.weights(), *states)


def illustrate(ax: Any) -> None:
    r"""One unit with weights set by hand. Its x has three columns: a signal, and the two pulses write and read. Each
    write closes the forget gate f and opens the input gate i for one step: the memory c takes the tanh of what the
    signal is just then (the dots), and holds it while the signal goes on. Only where read opens the output gate o does
    h show it."""
    t = np.arange(60)
    signal = np.sin(0.28 * t) + 0.3 * np.random.default_rng(0).normal(size=60)
    write, read = np.isin(t, (5, 40)), np.isin(t // 6, (3, 5, 8))
    x = np.stack((signal, write, read), axis=-1)[None]  # (1, T, 3)
    w, b = np.array([[0, 20, 0], [0, -20, 0], [1, 0, 0], [0, 0, 20]]), np.array([-10, 10, 0, -10])  # rows i, f, g, o
    function, zero = LSTMFunction(None, None), np.zeros((1, 1))
    function(*(Tensor(v.astype(float)) for v in (x, w, np.zeros((4, 1)), b, 0 * b, zero, zero)))
    gates, h, c = (v[:, 0] for v in function.saved[3:6])  # (T, 4), (T+1, 1), (T+1, 1)
    ax.axis("off")
    top, middle, bottom = (ax.inset_axes([0.07, y, 0.9, 0.28]) for y in (0.72, 0.37, 0))
    top.plot(t, signal)
    top.plot(t[write], signal[write], "oC1")
    for row, (column, color) in enumerate(((3, "C2"), (1, "C0"), (0, "C1"))):
        middle.fill_between(t, row, row + 0.8 * gates[:, column], step="mid", color=color)
    bottom.step(t, c[1:], "C1", where="mid", lw=2)
    bottom.step(t, h[1:], "C2", where="mid")
    bottom.text(60, c[-1, 0], "c", va="center")
    bottom.text(60, h[-1, 0], "h", va="center")
    top.set(xlim=(-1, 60), xticks=[], ylabel="signal")
    middle.set(xlim=(-1, 60), xticks=[], yticks=(0.4, 1.4, 2.4), yticklabels=("o", "f", "i"), ylabel="gates")
    bottom.set(xlim=(-1, 60), xlabel="t", ylabel="c and h")
