r"""Squared errors: mse_loss, and the half squared error of the textbooks.

With the output o of a model and the target t, element by element:

$$ l = (o - t)^2, \qquad do = 2\,(o - t)\,dl, \qquad dt = -do $$

`half_squared_error` adds up over all outputs of an example, and its 1/2 cancels the 2:

$$ E_n = \tfrac12 \sum_k (t_{nk} - o_{nk})^2, \qquad do_{nk} = (o_{nk} - t_{nk})\,dE_n $$

It is the error that the delta rule goes down: the gradient is the difference itself. Minus it, up to a constant, is
the log-likelihood of a normal distribution around o with variance 1. Its mean is over examples, while mse_loss takes it
over all numbers: for K outputs $\mathrm{mse} = \frac{2}{K} E$.

Shapes: o and t have one shape, any, with E numbers in all, and so have d and the losses l. In half_squared_error d is
(N, K), and there is one loss an example, (N,).

Source: Rumelhart, Hinton and Williams 1986, Nature 323, equation 3.

Try it:
1. In `SquaredErrorFunction.backward`, leave out the 2: every row of the gradient check fails, and says that backward
   gives half of what finite differences give. (Training would not show it: it is the same as half the learning rate.)
2. Let one number go downhill on the five targets 1, 2, 3, 4, 10 (200 steps of 0.1): it ends at 4, their mean. Move the
   last target to 1000, and it ends at 202, with no other target near; l1_loss stays at 3 both times.
3. `mse_loss(Tensor([[1.0], [2.0], [3.0]]), [1.0, 2.0, 3.0])` is a ShapeError. Take `check.same_shape` out of `pair`
   (arguments.py), and the same line gives 4.0 where every answer was right: it compared each with each.
"""

from typing import Any

import numpy as np

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `mse_loss` | the loss | `mse_loss` | `MeanSquaredError` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> mse_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
    2.0
    """
    target = pair("mse_loss", input, target)
    c = coefficients("mse_loss", input, input.shape, reduction, sample_weight)
    return SquaredErrorFunction(c, reduction != "none")(input, target)


def half_squared_error(input: Tensor, target: Any, *, reduction: str = "mean", sample_weight: Any = None) -> Tensor:
    r"""$\frac12 \sum (t - o)^2$ over the outputs of each example.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `half_squared_error` | the loss | none: `mse_loss` times K / 2 | none: `MeanSquaredError` times K / 2 |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> half_squared_error(Tensor([[0.0, 3.0], [1.0, 1.0]]), [[0.0, 1.0], [1.0, 0.0]], reduction="none")
    Tensor([2. , 0.5])
    """
    target = pair("half_squared_error", input, target)
    if input.ndim == 0:
        raise check.ShapeError("half_squared_error: input must have shape (N, ...), got ()")
    return reduce("half_squared_error", HalfSquaredErrorFunction()(input, target), reduction, sample_weight)


def illustrate(ax: Any) -> None:
    r"""Left: both losses for the target 0, and dashed their slopes: the farther off, the harder the pull, without a
    limit; the half makes the slope the difference itself. Right: one prediction o for the five targets (dots). Their
    mean loss is smallest at the mean, 4, where the pulls cancel: the one wild target, 10, has drawn it away from the
    other four."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.45, 1.0]), ax.inset_axes([0.57, 0.0, 0.43, 1.0])
    o = np.linspace(-2, 2, 81)[:, None]
    for color, loss, name in (("C0", mse_loss, "mse_loss"), ("C1", half_squared_error, "half_squared_error")):
        x = Tensor(o, requires_grad=True)
        l = loss(x, 0 * o, reduction="none")
        l.sum().backward()
        left.plot(o, l.numpy(), color, label=name)
        left.plot(o, x.grad, color, linestyle="dashed")
    left.legend(loc="lower right")
    left.set(xlabel="o, for t = 0", ylabel="l, and dashed: do")
    t = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    o = np.linspace(0, 11, 111)
    l = mse_loss(Tensor(np.repeat(o[:, None], 5, axis=1)), np.tile(t, (111, 1)), reduction="none").numpy().mean(axis=1)
    right.plot(o, l, "C0")
    right.plot(t, 0 * t, "C2o", clip_on=False)
    right.plot(o[l.argmin()], l.min(), "C0o")
    right.annotate("the mean", (o[l.argmin()], l.min()), (3, l.min() + 20), arrowprops={"arrowstyle": "->"})
    right.set(xlabel="o", ylabel="mean loss", ylim=(0, 60))
