r"""GRU: a recurrent layer with one state and two gates, an LSTM made simpler.

With $a_t = x_t W^\top + b_{ih}$ and $p_t = h_{t-1} U^\top + b_{hh}$, three blocks of H columns each (r, z, n), and the
logistic $\sigma(a) = 1 / (1 + e^{-a})$:

$$ r = \sigma(a_r + p_r), \quad z = \sigma(a_z + p_z), \quad n = \tanh(a_n + r\,p_n), \qquad
   h_t = (1 - z)\,n + z\,h_{t-1} $$

The update gate z says how much of the old state stays, the reset gate r how much of it the candidate n gets to see.
(Products with W and U are those of matrices, all others go element by element.) Here r acts after the product with U,
as in cuDNN, torch and Keras. In the older form (`reset_after=False`) it acts before:

$$ n = \tanh(a_n + (r\,h_{t-1})\,U_n^\top + b_{hn}) $$

`gru_cell.py` is one such step by itself.

Backward: back-propagation through time. $h_t$ is seen by the loss directly ($dy_t$, the gradient from above) and by
step t+1, in two ways: through $p_{t+1}$, and directly, times $z_{t+1}$. So from the last step to the first, with dh the
sum of what has arrived (at t = T: the gradient of the returned state), and all gates those of step t:

$$ dh \mathrel{+}= dy_t, \qquad da_n = dh\,(1-z)(1-n^2), \qquad da_z = dh\,(h_{t-1} - n)\,z(1-z) $$

(with $\sigma' = \sigma (1 - \sigma)$ and $\tanh' = 1 - \tanh^2$; $h_{t-1} - n$ is the slope of $h_t$ along z). In the
argument of the tanh stands the product $r\,p_n$, and the derivative for one factor is the other:

$$ da_r = da_n\,p_n\,r(1-r), \qquad dp = [\,da_r \;\; da_z \;\; da_n\,r\,], \qquad dh \leftarrow dh\,z + dp\,U $$

So a and p get different gradients in the block n, and with them the two biases, the only layer of the three where
having two of them matters. In the older form r h has the gradient $e = da_n U_n$, and

$$ da_r = e\,h_{t-1}\,r(1-r), \qquad dp = da, \qquad dh \leftarrow dh\,z + [\,da_r \;\; da_z\,]\,U_{rz} + e\,r $$

Look at $dh\,z$: no matrix and no slope. While the update gates are near 1 a gradient arrives unharmed from far away, as
it does along the memory of an LSTM.

The weights are the same at every step, so their gradients add up over all of them:

$$ dW = \sum_t da_t^\top x_t, \quad dU = \sum_t dp_t^\top h_{t-1}, \quad db_{ih} = \sum_{t,n} da_t, \quad
   db_{hh} = \sum_{t,n} dp_t, \quad dx_t = da_t W $$

but for the older form's $dU_n = \sum_t da_n^\top (r\,h_{t-1})$. The loops over t, forward and back, with all these
sums, are those of kernels/gru.py, which begins with them as plain array code. With recurrent dropout h stands in the
products as $k\,h_{t-1}$, with one k for all steps, and their part of dh gets the same factor; not so $z\,h_{t-1}$,
which carries the state. At a masked step h is copied, so dh goes through unchanged and da = dp = 0.

Shapes: x (N, T, D), W (3H, D), U (3H, H), b (3H,), h (N, H), y (N, T, H); inside time comes first. Cho et al. 2014,
arXiv 1406.1078, equations 5 to 8 (reset_after=False).
"""

from typing import Any

from minidl import check
from minidl.kernels import gru as kernel
from minidl.nn.mask import time_mask
from minidl.nn.recurrent import Recurrent, biases, check_call, masks, start_states
from minidl.tensor import Function, Tensor


class GRUFunction(Function):
    def __init__(self, m: Any, k: Any, reset_after: bool):
        self.m, self.k = m, k  # the mask (N, T), what dropout leaves of h (N, H); or None
        self.reset_after = reset_after

    def forward(self, x, w, u, b_ih, b_hh, h0):
        m, k = masks(x, self.m, self.k, u.shape[1])
        b_ih, b_hh = biases(x, u, b_ih, b_hh)
        gates, h, q = kernel.gru(x, w, u, b_ih, b_hh, h0, m, k, self.reset_after)  # q: what r multiplies, p_n or k h
        self.save(x, w, u, gates, h, q, m, k)
        return h[1:].swapaxes(0, 1), h[-1].copy()

    def backward(self, dy, dh):
        # from the last step to the first: da, dp, dh and dx = da w; dw, du and db are sums over all steps
        return kernel.gru_grad(dy, dh, *self.saved, self.reset_after, self.needs_grad[0])


def gru(
    x: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    h0: Tensor | None = None,
    mask: Any = None,
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    r"""h of all steps (N, T, H), and h (N, H) after the last one. h0 is 0 where it is not given.

    Raises ValueError and TypeError for shapes and dtypes that do not fit, and for T = 0.

    >>> w = Tensor([[0.0], [0.0], [1.0]])                          # one unit: only the candidate sees x
    >>> y, h = gru(Tensor([[[1.0], [1.0]]]), w, Tensor([[0.0]] * 3))
    >>> h.numpy().round(4)                                         # h <- h/2 + tanh(1)/2, twice
    array([[0.5712]], dtype=float32)
    """
    check.option("gru", "reset_after", reset_after, (True, False))
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    x = check_call("gru", 3, x, weights)
    states = start_states("gru", x, weight_hh.shape[1], h0=h0)
    m = None if mask is None else time_mask("gru", mask, x)
    return GRUFunction(m, None, reset_after)(x, *weights.values(), *states)


class GRU(Recurrent):
    r"""A layer of `hidden_size` GRU units. The options that all recurrent layers share stand in recurrent.py.

    | option | meaning |
    |---|---|
    | `reset_after` | whether the gate r acts after the product with U (True, as in torch) or before it |

    >>> from minidl import Tensor, nn
    >>> x = Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> nn.GRU(2, 4)(x).shape, nn.GRU(2, 4, return_sequences=True)(x).shape
    ((1, 4), (1, 3, 4))
    >>> y, h = nn.GRU(2, 4, return_sequences=True, return_state=True)(x)
    >>> bool((y.numpy()[:, -1] == h.numpy()).all())
    True
    """

    gates = 3

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
        reset_after: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ):
        self.reset_after = check.option("GRU", "reset_after", reset_after, (True, False))
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
        return GRUFunction(m, k, self.reset_after)(x, *self.weights(), *states)
