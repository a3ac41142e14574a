r"""Identity: y = x, dx = dy; a place for a layer where none is wanted.

In a model that can have a layer or do without, it takes the place of the layer, and all paths of parameters stay the
same. It is no node of the graph: x itself comes back.

Backward. There is none of its own: $y = x$, so $dx = dy$.

Shapes: x and y have any one shape, of E numbers.

Source: the layer of this name in torch and in Keras.

Try it:
1. `nn.Identity()(x) is x`: True.
2. `nn.Residual(nn.Identity())(x)` is 2 x, and its gradient 2 dy: x goes both ways.
3. Take Identity for both Tanh in Sequential(Linear(8, 32), Tanh(), Linear(32, 32), Tanh(), Linear(32, 4)), and fit a
   linear map from x to y by least squares, for 50 normal rows: with Identity it fits to 7 digits, with Tanh 9 to 18 %
   of y are left over. The 1476 parameters do no more than 36 could.
"""

from typing import Any

import numpy as np

from minidl.nn.linear import linear
from minidl.nn.module import Module
from minidl.nn.tanh import Tanh
from minidl.tensor import Tensor


class Identity(Module):
    r"""Gives back its input.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Identity` | the layer | `nn.Identity` (takes, and ignores, any arguments) | `Identity` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> nn.Identity()(Tensor([1.0, 2.0])).numpy()
    array([1., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        return x


def illustrate(ax: Any) -> None:
    r"""Three random networks with one input, each with Identity or with tanh between its three linear layers. With
    Identity, y is a straight line, whatever the weights are: without something that bends, three layers can do no more
    than one."""
    ax.axis("off")
    straight, bent = (ax.inset_axes([left, 0, 0.44, 1]) for left in (0, 0.56))
    x = Tensor(np.linspace(-3, 3, 61)[:, None])
    for panel, name, f in ((straight, "Identity", Identity()), (bent, "tanh", Tanh())):
        rng = np.random.default_rng(0)
        for _ in range(3):
            h = x
            for fan_in, fan_out in ((1, 16), (16, 16), (16, 1)):
                h = f(h) if fan_in > 1 else h
                h = linear(h, *(Tensor(rng.normal(size=s) / fan_in**0.5) for s in ((fan_out, fan_in), (fan_out,))))
            panel.plot(x.numpy(), h.numpy())
        panel.set(xlabel="x", ylabel="y", title=name)
