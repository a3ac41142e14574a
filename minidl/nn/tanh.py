r"""Tanh: any number becomes one between -1 and 1; a sigmoid that is symmetric about 0.

$$ y = \tanh x = 2 \sigma(2x) - 1, \qquad dx = dy\,(1 - y^2) $$

Backward. $y = \sinh x / \cosh x$, so $y' = (\cosh^2 x - \sinh^2 x) / \cosh^2 x = 1 - y^2$.
Forward and backward are those of `tanh` in ops/bounded.py; this is the layer around it.

Shapes: x and y have any one shape, of E numbers.

Source: LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", section 4.4.

Try it:
1. Compute `tanh(x)` and `2 * sigmoid(2 * x) - 1` for 10,001 x from -8 to 8 in float32: they differ by 0.0000002 at
   most.
2. Let x grow in float32: from x = 10 at the latest y is exactly 1, and dx exactly 0. A unit that has come so far stays
   there.
3. In the picture, count the steps that gradient descent needs until both weights are right to 0.01: 3 with tanh, 32
   with sigmoids.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


def tanh(x: Tensor) -> Tensor:
    r"""tanh x.

    >>> tanh(Tensor([0.0, -1000.0])).numpy()
    array([ 0., -1.], dtype=float32)
    """
    check.floats("tanh", "x", x)
    return ops.tanh(x)


class Tanh(Module):
    r"""tanh x, element by element.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Tanh` | the layer | `nn.Tanh` | `Activation("tanh")` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.Tanh()(Tensor([0.0, 1000.0])).numpy()
    array([0., 1.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)


def illustrate(ax: Any) -> None:
    r"""Left: y, and the slope that `backward` gives. Right: the loss of a linear unit, over its two weights. Its inputs
    come from tanh, or from sigmoids that know just as much, $(1 + \tanh x) / 2$; the line is 20 steps of gradient
    descent. Outputs of mean 0 make a round bowl, and the way down is short. Those of sigmoids are all positive, so that
    both weights want to grow or to shrink together: a long valley, in which descent takes many small steps."""
    ax.axis("off")
    curve, *bowls = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.24), (0.34, 0.3), (0.71, 0.3)))
    x = Tensor(np.linspace(-3, 3, 121), requires_grad=True)
    y = tanh(x)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    curve.text(1.9, 0.8, "y")
    curve.text(-1.1, 0.6, "slope", ha="right")
    curve.set(xlabel="x")
    side, best = np.linspace(-2.5, 2.5, 31), np.array([1.0, -1.0])
    x = Tensor(np.random.default_rng(0).normal(size=(200, 2)))
    for panel, name, h in zip(bowls, ("tanh", "sigmoid"), (tanh(x), ops.sigmoid(2 * x)), strict=True):
        H = (h.T @ h).numpy() / 100  # the loss mean((h w - h best)^2) has this curvature
        ways = np.stack(np.meshgrid(side, side), axis=-1) - best
        panel.contour(side, side, np.sqrt(np.einsum("...i,ij,...j", ways, H, ways)), levels=6, colors="C0")
        w = Tensor(np.array([-2.0, 0.5]), requires_grad=True)
        path = [w.numpy()]
        for _ in range(20):
            w.grad = None
            ((h @ (w - Tensor(best))) ** 2).mean().backward()
            w.data = w.numpy() - 1 / np.linalg.norm(H, 2) * w.grad
            path.append(w.numpy())
        panel.plot(*np.transpose(path), "C1o-", markersize=3)
        panel.plot(*best, "C3X")
        panel.set(xlabel="$w_0$", title=name, aspect="equal")
    bowls[0].set(ylabel="$w_1$")
