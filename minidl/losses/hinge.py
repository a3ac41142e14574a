r"""hinge_loss: the loss of the support vector machine.

The target t is -1 or +1, the output x a score whose sign is the answer. Being right is not enough, it must be right by
a margin of 1; further off than that, nothing is to be gained any more:

$$ l = \max(0,\; 1 - t x), \qquad dx = -t\,dl \text{ where } t x < 1, \text{ else } 0 $$

At the corner, t x = 1, the gradient is 0, one of its subgradients.

Shapes: x and t have one shape, any, with E numbers in all, and so have `short` and the losses l.

Source: Cortes and Vapnik 1995, Machine Learning 20.

Try it:
1. Train the line of the picture on the ringed points alone (with reduction="sum", divided by 50 as before): its
   weights come out as 1.14, 1.16 and 0.05, the same as from all 50.
2. Put binary_cross_entropy_with_logits in its place, with targets 0 and 1: every point has a gradient, and without the
   far ones the weights shrink from (1.39, 1.60) to (0.58, 0.62).
3. Give it the targets 0 and 1: a ValueError, with the remedy 2 t - 1. Without that check a target of 0 would have the
   loss 1 and no gradient, whatever the score: half of the examples would teach nothing.
"""

from typing import Any

import numpy as np

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `hinge_loss` | the loss | none (`hinge_embedding_loss` is another) | `Hinge` (takes 0 and 1 too) |
    | `target` | -1 or +1 | none | `y_true` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 E$ |

    >>> hinge_loss(Tensor([2.0, 0.5, -1.0]), [1, 1, 1], reduction="none")
    Tensor([0. , 0.5, 2. ])
    """
    target = fixed_target("hinge_loss", input, target)
    check.same_shape("hinge_loss", "input", input, "target", target)
    wrong = (target != 1) & (target != -1)
    if wrong.any():
        raise ValueError(f"hinge_loss: target must be -1 or +1, got {target[wrong].ravel()[0].item()!r}; 2 * t - 1?")
    return reduce("hinge_loss", HingeFunction()(input, target), reduction, sample_weight)


def illustrate(ax: Any) -> None:
    r"""Left: the loss of a score x, and dashed its slope: from a margin of 1 on the right side, both are 0. Right: a
    line trained with it (and a little weight decay). Only the ringed points, on the margin (dashed) or beyond it, have
    a gradient: they are the support vectors. All others could be taken away, and the line would stay where it is."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.4, 1.0]), ax.inset_axes([0.52, 0.0, 0.48, 1.0])
    z = np.linspace(-3, 3, 121)
    for color, t in (("C0", 1), ("C1", -1)):
        x = Tensor(z, requires_grad=True)
        l = hinge_loss(x, np.full(121, t), reduction="none")
        l.sum().backward()
        left.plot(z, l.numpy(), color, label=f"t = {t:+}")
        left.plot(z, x.grad, color, linestyle="dashed")
    left.legend()
    left.set(xlabel="x", ylabel="l, and dashed: dx")

    rng, t = np.random.default_rng(0), np.repeat([1, -1], 25)
    points = np.c_[rng.normal(size=(50, 2)) + 1.4 * t[:, None], np.ones(50)]  # the last column is for the bias
    w = Tensor(np.zeros((3, 1)), requires_grad=True)
    pull = np.zeros(50)  # of each point, over the last steps
    for step in range(300):
        w.grad = None
        x = Tensor(points) @ w
        x.retain_grad()
        hinge_loss(x, t[:, None]).backward()
        w.data = w.data - 50 / (step + 50) * (w.grad + 0.02 * w.data * [[1], [1], [0]])
        pull += abs(x.grad[:, 0]) * (step >= 200)
    for color, sign in (("C0", 1), ("C1", -1)):
        right.plot(*points[t == sign, :2].T, color + "o", markersize=4)
    right.plot(*points[pull > 0, :2].T, "o", color="C2", fillstyle="none", markersize=9)
    a, b, c = w.numpy().ravel()
    side = np.array([-4.0, 4.0])
    for level in (-1, 0, 1):
        right.plot(side, (level - c - a * side) / b, "C2", linestyle="dashed" if level else "solid")
    right.set(xlabel="feature 0", ylabel="feature 1", xlim=(-4, 4), ylim=(-4, 4))
