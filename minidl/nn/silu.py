r"""SiLU (also called swish): x times its own sigmoid; like a ReLU with a soft and slightly sunken knee.

$$ y = x\,\sigma(x), \qquad dx = dy \left( \sigma + x\,\sigma' \right) = dy\,\sigma \left( 1 + x (1 - \sigma) \right) $$

with $\sigma' = \sigma (1 - \sigma)$.

Shapes: x and y have any one shape, of E numbers.

Source: Elfwing, Uchibe and Doya 2017, arXiv 1702.03118; Ramachandran, Zoph and Le 2017, arXiv 1710.05941.

Try it:
1. Compute y on `np.linspace(-6, 6, 120001)`: it is smallest, -0.2785, at x = -1.2785, where the slope is 0. The slope
   is 1.0998 at most, at x = 2.3994.
2. In `backward`, return `dy * s`, as if the gate $\sigma$ did not depend on x: the gradient check fails in every row,
   by 0.03 to 0.49.
3. In the picture, take `silu(10 * h) / 10` in the place of `silu(h)`: ReLU's facets are back, with soft edges.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.kernels.logistic import logistic
from minidl.nn.module import Module
from minidl.nn.relu import relu
from minidl.tensor import Function, Tensor


class SiLUFunction(Function):
    def forward(self, x):
        s = logistic(x)
        self.save(x, s)
        return x * s

    def backward(self, dy):
        x, s = self.saved
        return dy * s * (1 + x * (1 - s))


def silu(x: Tensor) -> Tensor:
    r"""$x\,\sigma(x)$.

    >>> silu(Tensor([0.0, 1000.0])).numpy()
    array([   0., 1000.], dtype=float32)
    """
    check.floats("silu", "x", x)
    return SiLUFunction()(x)


class SiLU(Module):
    r"""$x\,\sigma(x)$, element by element.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SiLU` | the layer | `nn.SiLU` | `Activation("silu")` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.SiLU()(Tensor([-1000.0, 0.0, 1000.0])).numpy() + 0.0
    array([   0.,    0., 1000.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return silu(x)


def illustrate(ax: Any) -> None:
    r"""Left: y, and the slope that `backward` gives: negative left of the cross, where y is smallest, and above 1 on
    the right. Beside it, a random network of four layers with two inputs, with ReLU and with SiLU: the gradient of its
    output with respect to $x_0$, all over the plane of its inputs. ReLUs leave facets with one gradient each, and jumps
    in between; with SiLU it changes smoothly."""
    ax.axis("off")
    curve, folded, smooth = (
        ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.34), (0.45, 0.26), (0.74, 0.26))
    )
    x = Tensor(np.linspace(-5, 3, 121), requires_grad=True)
    y = silu(x)
    y.sum().backward()
    curve.plot(x.numpy(), y.numpy(), x.numpy(), x.grad, "--")
    lowest = y.numpy().argmin()
    curve.plot(x.numpy()[lowest], y.numpy()[lowest], "C3X")
    curve.text(2.0, 2.1, "y", ha="right")
    curve.text(-0.3, 0.7, "slope", ha="right")
    curve.set(xlabel="x")
    side = np.linspace(-2, 2, 81)
    for panel, name, f in ((folded, "ReLU", relu), (smooth, "SiLU", silu)):
        rng = np.random.default_rng(0)
        h = x = Tensor(np.stack(np.meshgrid(side, side), axis=-1), requires_grad=True)  # (81, 81, 2)
        for fan_in in (2, 24, 24, 24):
            w, b = rng.normal(size=(fan_in, 24)) * (2 / fan_in) ** 0.5, rng.normal(size=24) / 2
            h = f(h @ Tensor(w) + Tensor(b))
        h.backward(np.broadcast_to(rng.normal(size=24), h.shape))
        slope = x.grad[..., 0] / (2 * x.grad[..., 0].std())
        panel.imshow(slope, cmap="PuOr", vmin=-1, vmax=1, origin="lower", interpolation="none")
        panel.set(xticks=[], yticks=[], xlabel="$x_0$", title=name)
    folded.set(ylabel="$x_1$")
