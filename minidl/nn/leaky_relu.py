r"""LeakyReLU: a ReLU that lets a little of the negative values through, so that no unit is ever without gradient.

$$ y = \begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ a\,dy & x \le 0 \end{cases} $$

At x = 0 the slope is taken to be a.

Shapes: x and y have any one shape, of E numbers.

Source: Maas, Hannun and Ng 2013, ICML workshop.

Try it:
1. In `backward`, return `gate(x, dy)`: the gradient check still passes with negative_slope=0, which is a ReLU, and for
   x of shape (1,), whose number is positive. It fails in all other rows, by 0.005 to 0.16.
2. Set negative_slope to 1 and to -1: y is x itself, and y is |x|.
3. Start the unit of the picture at b = -2 instead of -3: now one of the 200 x reaches it, and the ReLU learns too.
   After 150 steps its loss is below $10^{-16}$; with a = 0.3 it is 0.014: such a unit is not 0 where the target is.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.kernels.gate import gate
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class LeakyReLUFunction(Function):
    def __init__(self, a: float):
        self.a = a

    def forward(self, x):
        self.save(x)
        return gate(x, x, self.a)  # x where x > 0, else a x

    def backward(self, dy):
        (x,) = self.saved
        return gate(x, dy, self.a)


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    r"""x where it is positive, else negative_slope * x.

    >>> leaky_relu(Tensor([-4.0, 2.0]), 0.25).numpy()
    array([-1.,  2.], dtype=float32)
    """
    check.floats("leaky_relu", "x", x)
    return LeakyReLUFunction(check.number("leaky_relu", "negative_slope", negative_slope))(x)


class LeakyReLU(Module):
    r"""x where it is positive, else `negative_slope` times x.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LeakyReLU` | the layer | `nn.LeakyReLU` | `LeakyReLU` |
    | `negative_slope` | a | `negative_slope` | `negative_slope` (0.3 unless given, here and in torch 0.01) |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.LeakyReLU(0.5)(Tensor([-1.0, 2.0])).numpy()
    array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = check.number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


def illustrate(ax: Any) -> None:
    r"""Left: y, and the slope that `backward` gives, for a = 0.2. Right: a unit y = f(w x + b) learns a ramp by
    gradient descent from b = -3, where w x + b is negative for all 200 x: how its loss falls, for several a. With a =
    0, a ReLU, no gradient arrives and nothing is learned; with the others it wakes up, the sooner the larger a."""
    ax.axis("off")
    curve, course = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.36), (0.52, 0.36)))
    x = Tensor(np.linspace(-2, 2, 81), requires_grad=True)
    y = leaky_relu(x, 0.2)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    curve.text(1.3, 1.65, "y", ha="right")
    curve.text(1.1, 0.85, "slope", va="top")
    curve.set(xlabel="x")
    x = Tensor(np.random.default_rng(0).normal(size=200))
    wanted = Tensor(np.maximum(x.numpy() + 0.5, 0))
    for a in (0, 0.01, 0.1, 0.3):
        weights, losses = Tensor(np.array([1.0, -3.0]), requires_grad=True), []
        for _ in range(150):
            loss = ((leaky_relu(weights[0] * x + weights[1], a) - wanted) ** 2).mean()
            loss.backward()
            weights.data, weights.grad = weights.numpy() - 0.4 * weights.grad, None
            losses.append(loss.item())
        course.semilogy(losses)
        course.text(152, losses[-1], f"a = {a}", va="center")
    course.set(xlabel="steps", ylabel="loss")
