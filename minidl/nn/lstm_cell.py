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

$$ da_i = di \odot i \odot (1 - i), \qquad da_f = df \odot f \odot (1 - f), \qquad
   da_g = dg \odot (1 - g \odot g), \qquad da_o = do \odot o \odot (1 - o) $$

and with these side by side, $da = [\,da_i \; da_f \; da_g \; da_o\,]$, as in linear.py:

$$ dx = da\,W, \qquad dW = da^\top x, \qquad dh = da\,U, \qquad dU = da^\top h, \qquad
   db_{ih} = db_{hh} = \text{column sums of } da $$

Through time. $dc = \bar{dc} \odot f$: on its way back along the cells a gradient is multiplied by forget gates and by
nothing else, no matrix and no slope of a tanh. Where f stays near 1 it arrives, over hundreds of steps; at f = 1/2,
which is what a forget bias of 0 gives, it halves at every step. So `unit_forget_bias` starts that bias at 1.

Shapes: x (N, D); h, c, h', c', i, f, g, o (N, H); a (N, 4H); W (4H, D), U (4H, H), $b_{ih}$ and $b_{hh}$ (4H,) are
`weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, their rows in the order i, f, g, o. Hochreiter and Schmidhuber 1997,
Neural Computation 9(8). Gers, Schmidhuber and Cummins 2000, Neural Computation 12(10) (the forget gate). Jozefowicz,
Zaremba and Sutskever 2015, ICML (its bias of 1).
"""

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

    | option | meaning |
    |---|---|
    | `bias` | whether there are biases |
    | `unit_forget_bias` | whether the forget gate's part of `bias_ih` starts at 1 and not at 0 (if there are biases) |

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
