r"""RepeatVector: one vector, shown at every time step: from an encoder's summary to the sequence that a decoder reads.

$$ y_{ntd} = x_{nd}, \qquad t = 1 \dots n\_steps $$

Backward. $x_{nd}$ stands in y once for every step, with slope 1, so its gradient is the sum over the steps:

$$ dx_{nd} = \sum_t dy_{ntd} $$

Shapes: x (N, D), y, dy (N, n, D).

Source: Cho et al. 2014, arXiv 1406.1078, where the summary is shown to the decoder at each step.

Try it:
1. In `backward`, return `dy[:, 0]`: the gradient check fails in every row but that of n = 1.
2. In `forward`, return `xp_of(x).broadcast_to(x[:, None], (len(x), self.n, x.shape[1]))`, which needs no memory, since
   all steps of y are the memory of x: every row passes, but `y[0, 0, 0] = 5` under `no_grad` is now an error.
3. `Sequential(LSTM(2, 8), RepeatVector(5), LSTM(8, 8, return_sequences=True))` makes (3, 5, 8) of (3, 4, 2). Without
   RepeatVector the second LSTM says that it wants (N, T, D), and got (3, 8).
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.module import Module
from minidl.nn.simple_rnn import rnn
from minidl.tensor import Function, Tensor


class RepeatVectorFunction(Function):
    def __init__(self, n: int):
        self.n = n

    def forward(self, x):
        return xp_of(x).repeat(x[:, None], self.n, axis=1)  # (N, D) -> (N, 1, D) -> (N, n, D)

    def backward(self, dy):
        return dy.sum(axis=1)


class RepeatVector(Module):
    r"""The rows of x (N, D), n times each as the steps of a sequence (N, n, D). All steps are real: no mask goes on.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `RepeatVector` | the layer | none: `x[:, None].expand(-1, n, -1)` | `RepeatVector` |
    | `n` | how many steps | none | the same |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> nn.RepeatVector(3)(Tensor([[1.0, 2.0]])).numpy()
    array([[[1., 2.],
            [1., 2.],
            [1., 2.]]], dtype=float32)
    """

    def __init__(self, n: int):
        self.n = check.size("RepeatVector", "n", n)

    def forward(self, x: Tensor) -> Tensor:
        check.floats("RepeatVector", "x", x)
        check.rank("RepeatVector", "x", x, "(N, D)")
        N, D = x.shape
        check.room("RepeatVector", "the output", (N, self.n, D))
        return RepeatVectorFunction(self.n)(x)

    def compute_mask(self, x: Any, mask: Any = None) -> None:
        return None

    def extra_repr(self) -> str:
        return f"{self.n}"


def illustrate(ax: Any) -> None:
    r"""A vector x of five numbers; the sequence y, which is x at every step; and what a SimpleRNN of two units makes of
    it, with weights that turn its state: its input never changes, and yet it writes a sequence."""
    rng, n = np.random.default_rng(0), 40
    x = Tensor(rng.normal(size=(1, 5)))
    y = RepeatVector(n)(x)
    u = 1.3 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    h, _ = rnn(y, Tensor(0.1 * rng.normal(size=(2, 5))), Tensor(u))
    ax.axis("off")
    for left, width, image, name in ((0.05, 0.03, x.numpy(), "x"), (0.17, 0.8, y.numpy()[0], "y")):
        a = ax.inset_axes([left, 0.55, width, 0.42])
        a.imshow(image.T, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
        a.set(xticks=[], yticks=[], ylabel=name)
    a = ax.inset_axes([0.17, 0.05, 0.8, 0.42])
    a.plot(h.numpy()[0], ".-")
    a.set(xlabel="t", ylabel="h", xlim=(-0.5, n - 0.5))
