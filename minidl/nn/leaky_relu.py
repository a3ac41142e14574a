r"""LeakyReLU: a ReLU that lets a little of the negative values through, so that no unit is ever without gradient.

$$ y = \begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ a\,dy & x \le 0 \end{cases} $$

At x = 0 the slope is taken to be a.

Shapes: x, y any. Maas, Hannun and Ng 2013, ICML workshop.
"""

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
