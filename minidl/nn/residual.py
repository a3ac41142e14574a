r"""Residual: a branch learns only what is to be added to its input.

$$ y = f(x) + s(x) $$

where the shortcut s is the identity, or a layer (such as a 1x1 convolution) that brings x to the shape of f(x).

Backward. x is used twice, and its gradients add up: $dx = dx_f + dx_s$. Through an identity shortcut dy comes back
unchanged, however little the branch lets through: that is what makes very deep networks trainable.

Shapes: x any; f(x), s(x) and y of one shape.

Source: He, Zhang, Ren and Sun 2015, arXiv 1512.03385, equations 1 and 2.

Try it:
1. Train 40 blocks of `Linear(32, 32)` and `Tanh()` between two Linear layers on `make_moons(200, noise=0.1)`, 100 steps
   of Adam: plain they stay at the loss 0.693 (guessing); with each in a Residual the loss is 0.0002.
2. Write `x.detach()` for x in the shortcut: forward is the same, but the gradient of x lacks dy, and `check_layer` says
   so. Nothing else fails: with one block, the weights still get the right gradients.
3. Set all weights of all branches to 0: 40 blocks together are the identity, exactly. A deep model can so be built
   that begins as a shallow one.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.nn.linear import Linear
from minidl.nn.mask import with_mask
from minidl.nn.module import Module
from minidl.nn.module_list import check_module
from minidl.nn.sequential import Sequential
from minidl.nn.tanh import Tanh
from minidl.tensor import Tensor


class Residual(Module):
    r"""branch(x) + shortcut(x); shortcut=None is the identity. ShapeError where the two shapes differ.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Residual` | the block | none: `x + branch(x)` in a forward | none: `Add` of two branches |
    | `branch` | f, a module | none | none |
    | `shortcut` | s, a module; None: the identity | none | none |

    | cost | formula |
    |---|---|
    | parameters | those of its layers |
    | multiply-adds | those of its layers |
    | bytes kept | those of its layers |

    >>> from minidl import Tensor, nn
    >>> layer = nn.Residual(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    >>> layer(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 3)
    """

    def __init__(self, branch: Module, shortcut: Module | None = None):
        self.branch = check_module("Residual", "branch", branch)
        self.shortcut = None if shortcut is None else check_module("Residual", "shortcut", shortcut)

    takes_mask = True  # for what is in the branches

    def forward(self, x: Tensor, mask: Any = None) -> Tensor:
        y = with_mask(self.branch, x, mask)
        s = x if self.shortcut is None else with_mask(self.shortcut, x, mask)
        if y.shape != s.shape:
            hint = "; a 1x1 convolution or a Linear as shortcut can change it" if self.shortcut is None else ""
            raise check.ShapeError(f"Residual: branch(x) has shape {y.shape}, but the shortcut {s.shape}{hint}")
        return y + s

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return self.branch.compute_mask(x, mask)


def illustrate(ax: Any) -> None:
    r"""A random gradient is sent back through 40 new blocks of `Linear(32, 32)` and `Tanh()`, from the last to the
    first. Plain, each block takes away almost half of it, and the first layers learn nothing: theirs is ten orders of
    magnitude smaller. In a Residual each, it comes through the shortcuts, and what the branches add
    makes it grow, here nine times in all."""
    rng = np.random.default_rng(0)
    numbers = lambda *shape: rng.uniform(-1, 1, shape) / np.sqrt(32)  # noqa: E731  (as Linear starts)
    branches = [Sequential(Linear(32, 32), Tanh()).to("float64") for _ in range(40)]
    for branch in branches:
        branch[0].load_state_dict({"weight": numbers(32, 32), "bias": numbers(32)})
    for color, blocks, name in (("C1", branches, "plain"), ("C0", map(Residual, branches), "Residual")):
        steps = [Tensor(rng.normal(size=(64, 32)), requires_grad=True)]
        for block in blocks:
            steps.append(block(steps[-1]))
            steps[-1].retain_grad()
        steps[-1].backward(rng.normal(size=(64, 32)))
        ax.semilogy(range(41), [np.sqrt((h.grad**2).mean()) for h in steps], color + ".-")
        ax.annotate(name, (12, np.sqrt((steps[12].grad ** 2).mean())), (0, 10), textcoords="offset points", ha="right")
    ax.set(xlabel="block", ylabel="size of the gradient behind it", ylim=(1e-12, 1e3))
