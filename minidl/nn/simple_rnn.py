r"""SimpleRNN: the simplest recurrent layer. Its new state is a tanh of the input and of its old state.

$$ a_t = x_t W^\top + b_{ih} + h_{t-1} U^\top + b_{hh}, \qquad h_t = \tanh(a_t) $$

`rnn_cell.py` is one such step by itself.

Backward: back-propagation through time. $h_t$ is seen by the loss directly ($dy_t$, the gradient from above) and
through step t+1. So from the last step to the first, with dh the sum of what has arrived (at t = T: the gradient of the
returned state), and $\tanh' = 1 - \tanh^2$ (element by element; the product with U is one of matrices):

$$ dh \mathrel{+}= dy_t, \qquad da_t = dh\,(1 - h_t^2), \qquad dh \leftarrow da_t\,U $$

From step to step dh goes through U and through slopes of at most 1. If U cannot make a vector longer, as the orthogonal
one at the start cannot, then what arrives from k steps away has shrunk k times (it vanishes); if U has grown enough to
outweigh the slopes, it can grow k times (it explodes). The LSTM and the GRU each give it a way past U.

The weights are the same at every step, so their gradients add up over all of them:

$$ dW = \sum_t da_t^\top x_t, \qquad dU = \sum_t da_t^\top h_{t-1}, \qquad db_{ih} = db_{hh} = \sum_{t,n} da_t, \qquad
dx_t = da_t W $$

The loops over t, forward and back, with all these sums, are those of kernels/rnn.py, which begins with them as plain
array code. With recurrent dropout h stands in the products as $k\,h_{t-1}$, with one k for all steps, and so
$dh \leftarrow k\,(da_t\,U)$. At a masked step h is copied, so dh goes through unchanged and da = 0.

Shapes: x (N, T, D), w (H, D), u (H, H), b_ih, b_hh (H,), h0, dh (N, H), h (T+1, N, H) with the first state in front,
dy (N, T, H), m (N, T), k (N, H); y (N, H), of all steps (N, T, H).

Source: Elman 1990, Cognitive Science 14; through time: Werbos 1990, Proceedings of the IEEE 78.

Try it:
1. Make `weight_hh_l0` of a `SimpleRNN(1, 32)` 3 times as large, and let x be 0 for 100 steps. Start two sequences
   from random states that differ by 1e-6 in one unit: in the end some unit differs by 1.96 (a tanh can by 2).
   With the weights as they start, which make no vector longer, the difference has shrunk, to some 4e-8 in float64
   (in float32 rounding leaves 2e-7).
2. Read 20 steps in two calls of 10 with `stateful=True`: the outputs are those of one call, bit by bit, but the `grad`
   of the first ten inputs is None: through a call's end no gradient goes.
3. Let `backward` return `dx, du, dw, db, db, dh`: "RNN.backward returned a gradient of shape (2, 2) for an input of
   shape (2, 3)", says the engine. Only where D = H does it take the gradient check to see the slip.
"""

from typing import Any

import numpy as np

from minidl.kernels import rnn as kernel
from minidl.nn.mask import time_mask
from minidl.nn.recurrent import Recurrent, biases, check_call, masks, start_states
from minidl.tensor import Function, Tensor


class RNNFunction(Function):
    def __init__(self, m: Any, k: Any):
        self.m, self.k = m, k  # the mask (N, T), what dropout leaves of h (N, H); or None

    def forward(self, x, w, u, b_ih, b_hh, h0):
        m, k = masks(x, self.m, self.k, u.shape[1])
        b_ih, b_hh = biases(x, u, b_ih, b_hh)
        h = kernel.rnn(x, w, u, b_ih + b_hh, h0, m, k)
        self.save(x, w, u, h, m, k)
        return h[1:].swapaxes(0, 1), h[-1].copy()

    def backward(self, dy, dh):
        # from the last step to the first: da, dh and dx = da w; dw, du and db are sums over all steps
        dx, dw, du, db, dh = kernel.rnn_grad(dy, dh, *self.saved, self.needs_grad[0])
        return dx, dw, du, db, db, dh


def rnn(
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    h0: Tensor | None = None,
    mask: Any = None,
) -> tuple[Tensor, Tensor]:
    r"""h of all steps (N, T, H), and h (N, H) after the last one. h0 is 0 where it is not given.

    Raises ValueError and TypeError for shapes and dtypes that do not fit, and for T = 0.

    >>> y, h = rnn(Tensor([[[1.0], [1.0]]]), Tensor([[1.0]]), Tensor([[-1.0]]))
    >>> y.numpy().round(4)                                         # tanh(1), tanh(1 - tanh(1))
    array([[[0.7616],
            [0.234 ]]], dtype=float32)
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    x = check_call("rnn", 1, x, weights)
    states = start_states("rnn", x, weight_hh.shape[1], h0=h0)
    m = None if mask is None else time_mask("rnn", mask, x)
    return RNNFunction(m, None)(x, *weights.values(), *states)


class SimpleRNN(Recurrent):
    r"""A layer of `hidden_size` units with tanh. The options, which all recurrent layers share, stand in recurrent.py.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SimpleRNN` | the layer | `nn.RNN` with `batch_first=True` | `SimpleRNN` (weights transposed) |

    | cost | formula |
    |---|---|
    | parameters | $H D + H H + 2 H$ |
    | multiply-adds | $N T H (D + H)$ |
    | bytes kept | $4 N (T D + T H + 2 H) + N T$ |

    >>> from minidl import Tensor, nn
    >>> x = Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> nn.SimpleRNN(2, 4)(x).shape, nn.SimpleRNN(2, 4, return_sequences=True)(x).shape
    ((1, 4), (1, 3, 4))
    >>> y, h = nn.SimpleRNN(2, 4, return_sequences=True, return_state=True)(x)
    >>> bool((y.numpy()[:, -1] == h.numpy()).all())
    True
    """

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

    def sequence(self, x: Tensor, states: list[Tensor], m: Any, k: Any) -> tuple[Tensor, ...]:
        return RNNFunction(m, k)(x, *self.weights(), *states)


def illustrate(ax: Any) -> None:
    r"""The size of the gradient that reaches the input k steps before the last one, for an orthogonal U times 0.9, 1
    and 1.1. Without input (lines) all slopes are 1, and each step multiplies the gradient by that number: it vanishes,
    stays or explodes, straight lines on this scale. With input (dashed) the slopes of the tanh pull all three down."""
    rng, k = np.random.default_rng(0), np.arange(50)
    u, x = np.linalg.qr(rng.normal(size=(16, 16)))[0], 0.4 * rng.normal(size=(1, 50, 16))
    for number, radius in enumerate((0.9, 1.0, 1.1)):
        for scale, style in ((0, "-"), (1, "--")):
            signal = Tensor(scale * x, requires_grad=True)
            _, h = rnn(signal, Tensor(np.eye(16)), Tensor(radius * u))
            h.sum().backward()
            size = np.linalg.norm(signal.grad[0, ::-1], axis=-1)
            ax.semilogy(k, size / size[0], style, color=f"C{number}")
            ax.text(49.5, size[-1] / size[0], f"{radius:g}", va="center")
    ax.set(xlabel="k, steps back", ylabel="size of the gradient")
