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

Shapes: x (N, T, D), w (3H, D), u (3H, H), b_ih, b_hh (3H,), h0, dh (N, H), gates (T, N, 3H), h (T+1, N, H) with the
first state in front, q (T, N, H), dy (N, T, H), m (N, T), k (N, H); y (N, H), of all steps (N, T, H).

Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8 (reset_after=False).

Try it:
1. `minidl.manual_seed(0)`, `layer = GRU(1, 32)`, x (1, 100, 1) of normal numbers, and `layer(x).sum().backward()`:
   the gradient of the first step is about 3e-20 times that of the last one. Let z start near 1, with
   `layer.bias_ih_l0.writable()[32:64] = 5` before the call: 0.4 to 0.75 times, as x comes out.
2. Give `GRU(3, 32)` and `GRU(3, 32, reset_after=False)` the same weights, and 20 steps of normal numbers: the results
   differ by up to 0.02. Open the reset gates of both (`bias_ih_l0.writable()[:32] = 30`): the same but for rounding.
3. Let `backward` return $db_{ih}$ for both biases: the gradient check fails for `bias_hh_l0` in nearly every row, but
   not with `reset_after=False`.
"""

from typing import Any

import numpy as np

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GRU` | the layer | `nn.GRU` with `batch_first=True` | `GRU` (weights transposed, gates z, r, n) |
    | `reset_after` | whether r acts after the product with U (True), or before it | none: always after | the same |

    | cost | formula |
    |---|---|
    | parameters | $3 (H D + H H + 2 H)$ |
    | multiply-adds | $3 N T H (D + H)$ |
    | bytes kept | $4 N (T D + 5 T H + 2 H) + N T$ |

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


def illustrate(ax: Any) -> None:
    r"""Four units of one layer, weights set by hand; the candidate n of each is the noisy signal (thin). Above, z is
    fixed: the nearer to 1, the longer the unit remembers, and the smoother and later it follows. Below, z is moved by a
    second column of x: at the dots it drops from 1 to 0, the unit takes the signal, and holds it until the next one."""
    t = np.arange(80)
    signal = np.where(t // 20 % 2, 0.8, -0.8) + 0.3 * np.random.default_rng(0).normal(size=80)
    take = np.isin(t, (6, 25, 52, 70))
    z = np.array([0.5, 0.9, 0.97])
    w, b = np.zeros((12, 2)), np.zeros(12)  # rows: four of r, four of z, four of n
    w[8:, 0], w[7, 1], b[4:8] = 1, -40, (*np.log(z / (1 - z)), 20)
    x = np.stack((signal, take), axis=-1)[None]  # (1, T, 2)
    y, _ = gru(Tensor(x), Tensor(w), Tensor(np.zeros((12, 4))), Tensor(b), Tensor(0 * b))
    h = y.numpy()[0]
    ax.axis("off")
    for bottom, units in ((0.53, (0, 1, 2)), (0, (3,))):
        a = ax.inset_axes([0.07, bottom, 0.85, 0.47])
        a.plot(t, np.tanh(signal), "C4", lw=0.7)
        for unit in units:
            a.step(t, h[:, unit], f"C{unit}", where="mid", lw=2)
            a.text(80, h[-1, unit], "" if bottom == 0 else f"z = {z[unit]:g}", va="center")
        a.set(ylabel="h", xlim=(0, 80), xticks=[])
    a.plot(t[take], np.tanh(signal[take]), "oC1")
    a.set(xlabel="t", xticks=range(0, 81, 20))
