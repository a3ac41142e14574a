r"""Sigmoid: any number becomes one between 0 and 1, such as a probability.

$$ y = \sigma(x) = \frac{1}{1 + e^{-x}}, \qquad dx = dy\,y (1 - y) $$

Backward. Write $y = 1/v$ with $v = 1 + e^{-x}$: $y' = e^{-x} / v^2 = \frac1v \cdot \frac{v - 1}{v} = y (1 - y)$.
Forward and backward are those of `sigmoid` in ops/bounded.py; this is the layer around it.

Shapes: x and y have any one shape, of E numbers.

Source: Rumelhart, Hinton and Williams 1986, Nature 323.

Try it:
1. In `Sigmoid.backward` (ops/bounded.py) return `dy * y`: the gradient check fails in every row, by 0.09 to 0.85.
2. Apply the sigmoid ten times, beginning at x = 0, and call `backward()`: the gradient of x is 0.00000039. Each sigmoid
   multiplies it by 0.25 at most. Ten times tanh, at the same place, gives exactly 1.
3. Compute `1 / (1 + np.exp(-x))` for x = -1000 in float32: 0, with an overflow warning. `logistic` gives the 0 without
   one. From x = 16.7 on, y is 1 in float32 and dx is 0.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def sigmoid(x: Tensor) -> Tensor:
    r"""$1 / (1 + e^{-x})$.

    >>> sigmoid(Tensor([0.0, 1000.0])).numpy()
    array([0.5, 1. ], dtype=float32)
    """
    check.floats("sigmoid", "x", x)
    return ops.sigmoid(x)


class Sigmoid(Module):
    r"""$1 / (1 + e^{-x})$, element by element.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Sigmoid` | the layer | `nn.Sigmoid` | `Activation("sigmoid")` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.Sigmoid()(Tensor([0.0, 1000.0])).numpy()
    array([0.5, 1. ], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(x)


def illustrate(ax: Any) -> None:
    r"""Left: y, and the slope that `backward` gives: 0.25 at most. Right: how large the gradient still is (root of its
    mean square) on its way down through 12 layers with random weights of variance 1/D. Through sigmoids it shrinks to
    about a quarter at every layer, so the first layers of a deep network hardly learn; tanh loses little."""
    ax.axis("off")
    curve, way = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.4), (0.55, 0.37)))
    x = Tensor(np.linspace(-6, 6, 121), requires_grad=True)
    y = sigmoid(x)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    curve.text(2, 0.95, "y", ha="right")
    curve.text(1.5, 0.22, "slope")
    curve.set(xlabel="x")
    for name, f in (("sigmoid", sigmoid), ("tanh", ops.tanh)):
        rng = np.random.default_rng(0)
        layers = [Tensor(rng.normal(size=(200, 64)), requires_grad=True)]
        for _ in range(12):
            layers.append(f(layers[-1] @ Tensor(rng.normal(size=(64, 64)) / 8)))
            layers[-1].retain_grad()
        layers[-1].backward(rng.normal(size=(200, 64)))
        sizes = [np.sqrt((h.grad**2).mean()) for h in layers]
        way.semilogy(sizes, "o-", markersize=4)
        way.text(-0.4, sizes[0], name, va="center")
    way.set(xlabel="layer (0: the input)", ylabel="size of the gradient")
    way.invert_xaxis()
