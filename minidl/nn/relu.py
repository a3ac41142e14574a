r"""ReLU: negative values become 0.

$$ y = \max(x, 0), \qquad dx = dy\,[x > 0] $$

y follows x where x is positive (slope 1) and stands still elsewhere (slope 0); at x = 0, the kink, the slope is taken
to be 0. Forward and backward are those of `relu` in ops/bounded.py; this is the layer around it.

Shapes: x and y have any one shape, of E numbers.

Source: Nair and Hinton 2010, ICML.

Try it:
1. In `Relu.backward` (ops/bounded.py) return dy as it is: the gradient check of ReLU fails, with an error of 1 where
   many inputs are negative, and passes for x of shape (1,), whose only number is positive: such an input tests nothing.
2. Put 20 pairs of `Linear(64, 64)` and `ReLU()` in a row, and 200 random rows through them: the units of the last one
   vary by 0.00000005 (standard deviation over the rows). With `init.he_normal` and biases of 0, by 0.1 to 0.5.
3. Set the bias of a `Linear(10, 50)` in front of a ReLU to -20: y is 0 for all of 1000 normal rows, the gradients of
   weight and bias are exactly 0, and no number of training steps changes them.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def relu(x: Tensor) -> Tensor:
    r"""max(x, 0).

    >>> relu(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """
    check.floats("relu", "x", x)
    return ops.relu(x)


class ReLU(Module):
    r"""max(x, 0), element by element.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `ReLU` | the layer | `nn.ReLU` | `ReLU` (also has `max_value`, `negative_slope` and `threshold`) |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.ReLU()(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return relu(x)


def illustrate(ax: Any) -> None:
    r"""y, and the slope that `backward` gives. Beside them 24 units of a ReLU layer (rows; bright: large y) over their
    input x, after 100 steps of training at two learning rates. A unit is at work on one side of its kink only. Rows
    that are dark for all x are dead, without a gradient: 4 at the low rate, 9 at the high one: its steps go too far."""
    ax.axis("off")
    curve, low, high = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.4), (0.53, 0.21), (0.79, 0.21)))
    x = Tensor(np.linspace(-2, 2, 81), requires_grad=True)
    y = relu(x)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    curve.text(1.3, 1.65, "y", ha="right")
    curve.text(1.1, 0.85, "slope", va="top")
    curve.set(xlabel="x")
    for panel, rate in ((low, 0.1), (high, 0.25)):
        rng = np.random.default_rng(0)
        w, b, v = weights = [Tensor(rng.uniform(-0.7, 0.7, s), requires_grad=True) for s in ((1, 24), (24,), (24, 1))]
        column, wanted = Tensor(x.numpy()[:, None]), Tensor(np.sin(2 * x.numpy()[:, None]))
        for _ in range(100):
            h = relu(column @ w + b)
            ((h @ v - wanted) ** 2).mean().backward()
            for p in weights:
                p.data, p.grad = p.numpy() - rate * p.grad, None
        panel.imshow(h.numpy().T, extent=(-2, 2, 0, 24), aspect="auto", vmin=0, vmax=1.5, interpolation="none")
        panel.set(xlabel="x", yticks=[], title=f"rate {rate}")
    low.set(ylabel="units")
