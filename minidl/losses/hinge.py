r"""hinge_loss: the loss of the support vector machine.

The target t is -1 or +1, the output x a score whose sign is the answer. Being right is not enough, it must be right by
a margin of 1; further off than that, nothing is to be gained any more:

$$ l = \max(0,\; 1 - t x), \qquad dx = -t\,dl \text{ where } t x < 1, \text{ else } 0 $$

At the corner, t x = 1, the gradient is 0, one of its subgradients.

Shapes: input and target of one shape, and so the losses. Cortes and Vapnik 1995, Machine Learning 20.
"""

from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.losses.arguments import fixed_target
from minidl.losses.reduce import reduce
from minidl.tensor import Function, Tensor


class HingeFunction(Function):
    def forward(self, x, t):
        t = t.astype(x.dtype)
        short = 1 - t * x  # of the margin
        self.save(short, t)
        return xp_of(x).maximum(short, 0)

    def backward(self, dl):
        short, t = self.saved
        return -t * (short > 0) * dl, None


def hinge_loss(input: Tensor, target: Any, *, reduction: str = "mean", sample_weight: Any = None) -> Tensor:
    r"""$\max(0, 1 - t x)$ for targets t of -1 and +1. ValueError for other targets.

    >>> hinge_loss(Tensor([2.0, 0.5, -1.0]), [1, 1, 1], reduction="none")
    Tensor([0. , 0.5, 2. ])
    """
    target = fixed_target("hinge_loss", input, target)
    check.same_shape("hinge_loss", "input", input, "target", target)
    wrong = (target != 1) & (target != -1)
    if wrong.any():
        raise ValueError(f"hinge_loss: target must be -1 or +1, got {target[wrong].ravel()[0].item()!r}; 2 * t - 1?")
    return reduce("hinge_loss", HingeFunction()(input, target), reduction, sample_weight)
