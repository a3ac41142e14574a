r"""LSTMCell: one time step of long short-term memory.

Beside the state h that it shows, it keeps a cell c that is only ever multiplied by a gate and added to. Three gates,
numbers from 0 to 1, decide for every unit: i what is written, f what is kept, o what is shown; g is what there is to
write.

$$ a = x W^\top + b_{ih} + h U^\top + b_{hh}, \qquad a = [\,a_i \; a_f \; a_g \; a_o\,] $$
$$ i = \sigma(a_i), \qquad f = \sigma(a_f), \qquad g = \tanh(a_g), \qquad o = \sigma(a_o) $$
$$ c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh c' $$

with $\sigma(a) = 1 / (1 + e^{-a})$, and $\odot$ for the product element by element.

Backward. Given are dh' and dc', the gradients from all that reads h' and c' later on. h' is a product of o and tanh c':

$$ do = dh' \odot \tanh c', \qquad d(\tanh c') = dh' \odot o $$

c' has one reader more, h', by way of the tanh with its slope $1 - \tanh^2$. The gradients of both readers add up:

$$ \bar{dc} = dc' + dh' \odot o \odot (1 - \tanh^2 c') $$

c' is a sum of two products, and the derivative of a product for one factor is the other:

$$ df = \bar{dc} \odot c, \qquad dc = \bar{dc} \odot f, \qquad di = \bar{dc} \odot g, \qquad dg = \bar{dc} \odot i $$

Through the gates, with $\sigma' = \sigma (1 - \sigma)$ (see sigmoid.py):

$$ da_i = di \odot i \odot (1 - i), \qquad da_f = df \odot f \odot (1 - f) $$
$$ da_g = dg \odot (1 - g \odot g), \qquad da_o = do \odot o \odot (1 - o) $$

and with these side by side, $da = [\,da_i \; da_f \; da_g \; da_o\,]$, as in linear.py:

$$ dx = da\,W, \quad dW = da^\top x, \quad dh = da\,U, \quad dU = da^\top h, \quad
   db_{ih} = db_{hh} = \text{column sums of } da $$

Through time. $dc = \bar{dc} \odot f$: on its way back along the cells a gradient is multiplied by forget gates and by
nothing else, no matrix and no slope of a tanh. Where f stays near 1 it arrives, over hundreds of steps; at f = 1/2,
which is what a forget bias of 0 gives, it halves at every step. So `unit_forget_bias` starts that bias at 1.

Shapes: x (N, D), h, c, c_new, tanh_c, y, i, f, g, o (N, H), a (N, 4H), w (4H, D), u (4H, H), b_ih, b_hh (4H,), the
parameters `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, their rows in the order i, f, g, o.

Source: Hochreiter and Schmidhuber 1997, Neural Computation 9(8); the forget gate: Gers, Schmidhuber and Cummins 2000,
Neural Computation 12(10); its bias of 1: Jozefowicz, Zaremba and Sutskever 2015, ICML.

Try it:
1. Set `weight_ih` and `weight_hh` of an `LSTMCell(1, 1)` to 0 and take 50 steps from c = 1 with x = 0: 1.6e-7 is left
   of c. With `bias_ih.writable()[1] = 5` it is 0.71, and with 0 there, 9e-16.
2. Couple two gates, what is forgotten being written: in `forward`, `1 - sigma(a_f)` for i. The gradient check fails,
   for all but c.
3. Mend that. f now stands in c' twice, so $df = \bar{dc} \odot (c - g)$, and $di = 0$, for $a_i$ is no longer read:
   every row passes. A fourth of the weights now does nothing.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.cell import Cell, affine, check_step, sigma
from minidl.tensor import Function, Tensor


class LSTMCellFunction(Function):
    def forward(self, x, h, c, w, u, b_ih=None, b_hh=None):
        xp = xp_of(x)
        a = affine(x, w, b_ih) + affine(h, u, b_hh)  # (N, D) @ (D, 4H) + (N, H) @ (H, 4H) -> (N, 4H)
        a_i, a_f, a_g, a_o = xp.split(a, 4, axis=1)  # each (N, H)
        i, f, g, o = sigma(a_i), sigma(a_f), xp.tanh(a_g), sigma(a_o)
        c_new = f * c + i * g
        tanh_c = xp.tanh(c_new)
        self.save(x, h, c, w, u, i, f, g, o, tanh_c)
        return o * tanh_c, c_new

    def backward(self, dh_new, dc_new):
        x, h, c, w, u, i, f, g, o, tanh_c = self.saved
        do = dh_new * tanh_c
        dc_bar = dc_new + dh_new * o * (1 - tanh_c * tanh_c)
        di, df, dg, dc = dc_bar * g, dc_bar * c, dc_bar * i, dc_bar * f
        da = xp_of(x).concatenate(
            [di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=1
        )  # (N, 4H)
        dx = da @ w if self.needs_grad[0] else None  # (N, 4H) @ (4H, D) -> (N, D)
        dh = da @ u if self.needs_grad[1] else None  # (N, 4H) @ (4H, H) -> (N, H)
        db = da.sum(axis=0)
        return dx, dh, dc, da.T @ x, da.T @ h, db, db


def lstm_cell(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""(h', c'), each (N, H), after the input x (N, D) in state h, c (N, H). The rows of the weights are those of the
    gates i, f, g, o in turn. ShapeError or DTypeError where sizes or dtypes do not fit.

    >>> x, h, c = Tensor([[0.0]]), Tensor([[0.0]]), Tensor([[5.0]])
    >>> w = Tensor([[0.0]] * 4)
    >>> h, c = lstm_cell(x, h, c, w, w, bias_ih=Tensor([-100.0, 100.0, 0.0, -100.0]))
    >>> c.numpy(), h.numpy()                    # nothing written (i = 0), all kept (f = 1), nothing shown (o = 0)
    (array([[5.]], dtype=float32), array([[0.]], dtype=float32))
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    check_step("lstm_cell", 4, x, {"h": h, "c": c}, weights)
    return LSTMCellFunction()(x, h, c, *weights.values())


class LSTMCell(Cell):
    r"""One step of an LSTM: `h, c = cell(x, (h, c))`. Without a state both start at zeros.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LSTMCell` | the layer | `nn.LSTMCell` | `LSTMCell` (weights transposed; y, [h, c]) |
    | `unit_forget_bias` | start the forget gate's part of `bias_ih` at 1, not 0 (if there is one) | none | the same |

    | cost | formula |
    |---|---|
    | parameters | $4 (H D + H H + 2 H)$ |
    | multiply-adds | $4 N H (D + H)$ |
    | bytes kept | $4 N (D + 7 H)$ |

    >>> from minidl import Tensor, nn
    >>> cell, state = nn.LSTMCell(input_size=3, hidden_size=2), None
    >>> for t in range(5):
    ...     state = cell(Tensor([[1.0, 2.0, 3.0]]), state)
    >>> h, c = state
    >>> h.shape, c.shape
    ((1, 2), (1, 2))
    """

    gates = 4

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, unit_forget_bias: bool = True):
        self.unit_forget_bias = check.option("LSTMCell", "unit_forget_bias", unit_forget_bias, (True, False))
        super().__init__(input_size, hidden_size, bias)
        if bias and unit_forget_bias:
            H = self.hidden_size
            self.bias_ih.writable()[H : 2 * H] = 1

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self.two_states(state, x)
        return lstm_cell(x, h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, unit_forget_bias={self.unit_forget_bias}"


def illustrate(ax: Any) -> None:
    r"""What the gates i and f make of a memory c that starts at 1, while the cell is shown the signal (dashed) and
    $g = \tanh(x)$. It can keep what it has, let it fade, be written anew at each step, or add up all that comes."""
    settings = {"kept": (0, 1), "fades": (0, 0.9), "written": (1, 0), "added up": (0.2, 1)}  # (i, f)
    i, f = np.clip(np.array(list(settings.values())).T, 1e-6, 1 - 1e-6)
    b = np.concatenate((np.log(i / (1 - i)), np.log(f / (1 - f)), np.zeros(8)))  # rows i, f, g, o of four units
    w, u = np.repeat([[0.0], [0.0], [1.0], [0.0]], 4, axis=0), np.zeros((16, 4))
    x = np.sin(np.arange(45) / 3)
    h, c = Tensor(np.zeros((1, 4))), Tensor(np.ones((1, 4)))
    memory = [c.numpy()[0]]
    for x_t in x:
        h, c = lstm_cell(Tensor(np.array([[x_t]])), h, c, Tensor(w), Tensor(u), Tensor(b))
        memory.append(c.numpy()[0])
    ax.plot(np.arange(1, 46), x, "--", lw=1, color="C4")
    ax.plot(np.array(memory))
    for name, value, gates in zip(settings, memory[-1], settings.values(), strict=True):
        ax.text(45.5, value, "{}: i = {:g}, f = {:g}".format(name, *gates), va="center")
    ax.set(xlabel="step", ylabel="c")
