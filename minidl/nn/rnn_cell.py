r"""RNNCell: one time step of the simplest recurrent network.

A layer with a memory: out of the input x of this moment and its own state h of the moment before, it makes the new
state h', which is also its output. The same weights serve at every step.

$$ a = x W^\top + b_{ih} + h U^\top + b_{hh}, \qquad h' = \tanh a $$

Backward. With $dh' = \partial L / \partial h'$ given, $\tanh' = 1 - \tanh^2$, and $\odot$ for the product element by
element:

$$ da = dh' \odot (1 - h' \odot h') $$

a is linear in all that it is made of, as in linear.py:

$$ dx = da\,W, \qquad dW = da^\top x, \qquad dh = da\,U, \qquad dU = da^\top h, \qquad
   db_{ih} = db_{hh} = \text{column sums of } da $$

Through time. In a loop over the steps t the new state $h_t$ is the h of step t+1. It then has two readers: that step,
and whatever else looks at $h_t$ (its gradient from there is $dy_t$). Gradients of several readers add up:

$$ dh_t = dy_t + \left( dh_{t+1} \odot (1 - h_{t+1} \odot h_{t+1}) \right) U $$

which is back-propagation through time; in a loop of cells the engine does that sum. On its way over k steps a gradient
is multiplied k times by U and by slopes of at most 1, so it vanishes (or, for a large U, explodes) exponentially with
k: what lies far back is hardly learned from. lstm_cell.py is the answer to that.

Only the sum of the two biases counts here. There are two because torch has two, and because gru_cell.py needs both.

Shapes: x (N, D); h, h', a (N, H); W (H, D), U (H, H), $b_{ih}$ and $b_{hh}$ (H,) are `weight_ih`, `weight_hh`,
`bias_ih`, `bias_hh`. Elman 1990, Cognitive Science 14. Werbos 1990, Proceedings of the IEEE 78 (through time). Bengio,
Simard and Frasconi 1994, IEEE Transactions on Neural Networks 5(2) (why it vanishes).
"""

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
