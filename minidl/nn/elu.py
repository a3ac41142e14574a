r"""ELU: x where it is positive, else a curve that bends smoothly down to $-\alpha$.

$$ y = \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ \alpha e^x\,dy & x \le 0 \end{cases} $$

For $\alpha = 1$ both sides have slope 1 at 0; for another $\alpha$ the slope at x = 0 is taken to be $\alpha$. The
negative side is computed from min(x, 0), so that a large x cannot overflow where its exponential is not wanted, and
with expm1, which keeps the digits of $e^x - 1$ near 0.

Shapes: x, y any. Clevert, Unterthiner and Hochreiter 2015, arXiv 1511.07289, equations 15 and 16.
"""

from minidl import check
from minidl.backend import xp_of
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class ELUFunction(Function):
    def __init__(self, alpha: float, scale: float = 1.0):
        self.alpha, self.scale = alpha, scale  # scale: for SELU

    def forward(self, x):
        xp = xp_of(x)
        self.save(x)
        return self.scale * xp.where(x > 0, x, self.alpha * xp.expm1(xp.minimum(x, 0)))

    def backward(self, dy):
        (x,) = self.saved
        xp = xp_of(x)
        return self.scale * dy * xp.where(x > 0, 1, self.alpha * xp.exp(xp.minimum(x, 0)))


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    r"""x where it is positive, else $\alpha (e^x - 1)$.

    >>> elu(Tensor([-1000.0, 0.0, 3.0]), alpha=2.0).numpy()
    array([-2.,  0.,  3.], dtype=float32)
    """
    check.floats("elu", "x", x)
    return ELUFunction(check.number("elu", "alpha", alpha))(x)


class ELU(Module):
    r"""x where it is positive, else $\alpha (e^x - 1)$.

    >>> from minidl import Tensor, nn
    >>> nn.ELU(alpha=2.0)(Tensor([-1000.0, 0.0, 3.0])).numpy()
    array([-2.,  0.,  3.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = check.number("ELU", "alpha", alpha)

    def forward(self, x: Tensor) -> Tensor:
        return elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"
