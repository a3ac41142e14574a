r"""Squared errors: mse_loss, and the half squared error of the textbooks.

With the output o of a model and the target t, element by element:

$$ l = (o - t)^2, \qquad do = 2\,(o - t)\,dl, \qquad dt = -do $$

`half_squared_error` adds up over all outputs of an example, and its 1/2 cancels the 2:

$$ E_n = \tfrac12 \sum_k (t_{nk} - o_{nk})^2, \qquad do_{nk} = (o_{nk} - t_{nk})\,dE_n $$

It is the error that the delta rule goes down: the gradient is the difference itself. Minus it, up to a constant, is
the log-likelihood of a normal distribution around o with variance 1. Its mean is over examples, while mse_loss takes it
over all numbers: for K outputs $\mathrm{mse} = \frac{2}{K} E$.

Shapes: input and target of one shape (N, ...); the losses have that shape, half_squared_error's have shape (N,).
Rumelhart, Hinton and Williams 1986, Nature 323, equation 3.
"""

from typing import Any

from minidl import check
from minidl.losses.arguments import pair
from minidl.losses.reduce import coefficients, reduce
from minidl.tensor import Function, Tensor


class SquaredErrorFunction(Function):
    r"""The losses l times c, a number or an array of their shape; and of these the sum, if `total`."""

    def __init__(self, c: Any, total: bool):
        self.c, self.total = c, total

    def forward(self, o, t):
        d = o - t.astype(o.dtype, copy=False)
        self.save(d)
        l = d * d * self.c
        return l.sum() if self.total else l

    def backward(self, dl):
        (d,) = self.saved
        do = d * (2 * self.c * dl)
        return do, -do if self.needs_grad[1] else None


class HalfSquaredErrorFunction(Function):
    def forward(self, o, t):
        d = (o - t.astype(o.dtype)).reshape(len(o), -1)  # (N, K)
        self.save(d)
        self.shape = o.shape
        return 0.5 * (d * d).sum(axis=1)

    def backward(self, dE):
        (d,) = self.saved
        do = (d * dE[:, None]).reshape(self.shape)
        return do, -do


def mse_loss(input: Tensor, target: Any, *, reduction: str = "mean", sample_weight: Any = None) -> Tensor:
    r"""$(o - t)^2$.

    >>> mse_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
    2.0
    """
    target = pair("mse_loss", input, target)
    c = coefficients("mse_loss", input, input.shape, reduction, sample_weight)
    return SquaredErrorFunction(c, reduction != "none")(input, target)


def half_squared_error(input: Tensor, target: Any, *, reduction: str = "mean", sample_weight: Any = None) -> Tensor:
    r"""$\frac12 \sum (t - o)^2$ over the outputs of each example.

    >>> half_squared_error(Tensor([[0.0, 3.0], [1.0, 1.0]]), [[0.0, 1.0], [1.0, 0.0]], reduction="none")
    Tensor([2. , 0.5])
    """
    target = pair("half_squared_error", input, target)
    if input.ndim == 0:
        raise check.ShapeError("half_squared_error: input must have shape (N, ...), got ()")
    return reduce("half_squared_error", HalfSquaredErrorFunction()(input, target), reduction, sample_weight)
