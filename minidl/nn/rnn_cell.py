r"""RNNCell: one time step of the simplest recurrent network.

A layer with a memory: out of the input x of this moment and its own state h of the moment before, it makes the new
state h', which is also its output. The same weights serve at every step.

$$ a = x W^\top + b_{ih} + h U^\top + b_{hh}, \qquad h' = \tanh a $$

Backward. With $dh' = \partial L / \partial h'$ given, $\tanh' = 1 - \tanh^2$, and $\odot$ for the product element by
element:

$$ da = dh' \odot (1 - h' \odot h') $$

a is linear in all that it is made of, as in linear.py:

$$ dx = da\,W, \quad dW = da^\top x, \quad dh = da\,U, \quad dU = da^\top h, \quad
   db_{ih} = db_{hh} = \text{column sums of } da $$

Through time. In a loop over the steps t the new state $h_t$ is the h of step t+1. It then has two readers: that step,
and whatever else looks at $h_t$ (its gradient from there is $dy_t$). Gradients of several readers add up:

$$ dh_t = dy_t + \left( dh_{t+1} \odot (1 - h_{t+1} \odot h_{t+1}) \right) U $$

which is back-propagation through time; in a loop of cells the engine does that sum. On its way over k steps a gradient
is multiplied k times by U and by slopes of at most 1, so it vanishes (or, for a large U, explodes) exponentially with
k: what lies far back is hardly learned from. lstm_cell.py is the answer to that.

Only the sum of the two biases counts here. There are two because torch has two, and because gru_cell.py needs both.

Shapes: x (N, D), h, h_new, y, a (N, H), w (H, D), u (H, H), b_ih, b_hh (H,), the parameters `weight_ih`, `weight_hh`,
`bias_ih`, `bias_hh`.

Source: Elman 1990, Cognitive Science 14; through time: Werbos 1990, Proceedings of the IEEE 78; why it vanishes:
Bengio, Simard and Frasconi 1994, IEEE Transactions on Neural Networks 5(2).

Try it:
1. In `backward`, leave out `* (1 - h_new * h_new)`: the gradient check fails in every row but one, that of `weight_hh`
   where the state starts at 0: times 0, every slope is right.
2. Give `SimpleRNN(8, 32)` the weights of `RNNCell(8, 32)` (its names end in `_l0`), and both x (16, 100, 8): the layer
   and a loop of the cell differ by rounding, 4e-7, but the loop takes some twenty times as long.
3. In the picture, let U stretch by 0.9: both states spiral into 0. After 29 steps the large one is 0.03 away from it.
"""

from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.nn.cell import Cell, affine, check_step
from minidl.tensor import Function, Tensor


class RNNCellFunction(Function):
    def forward(self, x, h, w, u, b_ih=None, b_hh=None):
        a = affine(x, w, b_ih) + affine(h, u, b_hh)  # (N, D) @ (D, H) + (N, H) @ (H, H) -> (N, H)
        h_new = xp_of(a).tanh(a)
        self.save(x, h, w, u, h_new)
        return h_new

    def backward(self, dh_new):
        x, h, w, u, h_new = self.saved
        da = dh_new * (1 - h_new * h_new)  # (N, H)
        dx = da @ w if self.needs_grad[0] else None  # (N, H) @ (H, D) -> (N, D)
        dh = da @ u if self.needs_grad[1] else None  # (N, H) @ (H, H) -> (N, H)
        db = da.sum(axis=0)
        return dx, dh, da.T @ x, da.T @ h, db, db


def rnn_cell(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
) -> Tensor:
    r"""The state h' (N, H) after the input x (N, D) in state h (N, H). ShapeError or DTypeError where they do not fit.

    >>> x, h = Tensor([[1.0]]), Tensor([[0.5]])
    >>> rnn_cell(x, h, Tensor([[2.0]]), Tensor([[-4.0]])).numpy()              # tanh(2 * 1 - 4 * 0.5)
    array([[0.]], dtype=float32)
    """
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    check_step("rnn_cell", 1, x, {"h": h}, weights)
    return RNNCellFunction()(x, h, *weights.values())


class RNNCell(Cell):
    r"""One step of a recurrent network: `h = cell(x, h)`. Without a state it starts at zeros.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `RNNCell` | the layer | `nn.RNNCell` | `SimpleRNNCell` (weights transposed; a state is a list) |

    | cost | formula |
    |---|---|
    | parameters | $H D + H H + 2 H$ |
    | multiply-adds | $N H (D + H)$ |
    | bytes kept | $4 N (D + 2 H)$ |

    >>> from minidl import Tensor, nn
    >>> cell, h = nn.RNNCell(input_size=3, hidden_size=2), None
    >>> for t in range(5):
    ...     h = cell(Tensor([[1.0, 2.0, 3.0]]), h)
    >>> h.shape
    (1, 2)
    """

    gates = 1

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        h = self.one_state(state, x)
        return rnn_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)


def illustrate(ax: Any) -> None:
    r"""What one step does to every state of two units, with x = 0: an arrow from h half the way to h'. Here U turns by
    0.5 and stretches by 1.3, and tanh squeezes, the more the farther out. A small state (blue) is driven outwards and a
    large one (orange) inwards, and both end on a ring: the cell swings by itself."""
    side = np.linspace(-1, 1, 9)
    h = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    u = 1.3 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])

    def step(h):
        return rnn_cell(Tensor(np.zeros((len(h), 1))), Tensor(h), Tensor(np.zeros((2, 1))), Tensor(u)).numpy()

    ax.quiver(*h.T, *(step(h) - h).T, angles="xy", scale_units="xy", scale=2, width=0.003, color="C4")
    for start, color in (((0.05, 0), "C0"), ((1.0, 1.0), "C1")):
        way = [np.array([start])]
        while len(way) < 30:
            way.append(step(way[-1]))
        ax.plot(*np.concatenate(way).T, ".-", color=color, lw=1)
    ax.set(xlabel="$h_0$", ylabel="$h_1$", aspect="equal")
