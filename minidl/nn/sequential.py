r"""Sequential: layers one after the other, each taking what the one before it gives.

$$ y = f_n(\dots f_2(f_1(x))) $$

Backward. Nothing to do: the chain rule goes through the layers in reverse order by itself.

Shapes: x whatever the first layer takes, y what the last one gives.

Source: Ivakhnenko and Lapa 1965, "Cybernetic Predicting Devices" (the first deep networks, layer by layer).

Try it:
1. Put one layer in twice: with `a = nn.Linear(2, 2)`, `nn.Sequential(a, nn.Tanh(), a)` has 2 parameters, under four
   names in its state_dict ("0.weight" ... "2.bias"), and the gradients of both places add up.
2. Cut it: `model[:2]` and `model[2:]` share the layers of `model`, and `model[2:](model[:2](x))` is `model(x)`, bit for
   bit.
3. Write `nn.Sequential([nn.Linear(2, 3)])`, as in Keras: a TypeError that says how to pass the layers.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.nn.linear import Linear
from minidl.nn.mask import time_mask, with_mask
from minidl.nn.module import Module
from minidl.nn.module_list import ModuleList
from minidl.nn.tanh import Tanh
from minidl.tensor import Tensor


class Sequential(ModuleList):
    r"""Layers in a row. Layer i is named "i"; `model[i]` is a layer, and `model[:i]` a Sequential of the same layers.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Sequential` | the model | `nn.Sequential` | `Sequential` (shapes from the first input) |
    | `layers` | in the order of the forward pass | the same | a list; `add` |

    | cost | formula |
    |---|---|
    | parameters | those of its layers |
    | multiply-adds | those of its layers |
    | bytes kept | those of its layers |

    A mask of the real time steps (given with x, or made by an `Embedding(mask_zero=True)` or a `Masking` layer) goes
    along, from each layer's `compute_mask` to the next layer that takes one.

    >>> from minidl import Tensor, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> model(Tensor([[1.0, 2.0]])).shape, model[:2](Tensor([[1.0, 2.0]])).shape
    ((1, 1), (1, 3))
    """

    def __init__(self, *layers: Module):
        if len(layers) == 1 and isinstance(layers[0], list | tuple):
            raise check.DTypeError("Sequential: got a list; pass the layers one by one, as in Sequential(*layers)")
        self.extend(layers)

    takes_mask = True

    def forward(self, x: Any, mask: Any = None) -> Any:
        mask = None if mask is None else time_mask("Sequential", mask, x)
        for layer in self:
            y = layer(x) if mask is None else with_mask(layer, x, mask)
            x, mask = y, layer.compute_mask(x, mask)
        return x

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        for layer in self:
            x, mask = None, layer.compute_mask(x, mask)  # only the first layer is asked about an x that we have
        return mask

    def __getitem__(self, index: int | slice) -> Any:
        part = super().__getitem__(index)
        return Sequential(*part) if isinstance(index, slice) else part


def illustrate(ax: Any) -> None:
    r"""What flows through `Sequential(Linear(2, 2), Tanh(), Linear(2, 1))`, trained to tell dots and crosses apart, as
    in XOR, which no straight line can. The first layer has learned to lay the plane almost onto a line, with the two
    clouds of dots in its middle; tanh folds that around a corner; and there one line is enough: the last layer's output
    (over the number of the row) is near 1 or near -1."""
    ax.axis("off")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2)) * 0.25 + np.tile([[1, 1], [-1, 1], [-1, -1], [1, -1]], (15, 1))
    t = np.tile([[1.0], [-1.0]], (30, 1))
    model = Sequential(Linear(2, 2), Tanh(), Linear(2, 1)).to("float64")
    for p in model.parameters():
        p.data = rng.normal(size=p.shape)
    for _ in range(120):
        model.zero_grad()
        ((model(Tensor(x)) - t) ** 2).mean().backward()
        for p in model.parameters():
            p.data = p.data - 0.5 * p.grad
    for k, name in enumerate(("x", "after Linear(2, 2)", "after Tanh()", "after Linear(2, 1)")):
        y = model[:k](Tensor(x)).numpy()
        part = ax.inset_axes([0.27 * k, 0.1, 0.19, 0.8])
        for style, rows in (("C0.", slice(0, None, 2)), ("C1x", slice(1, None, 2))):
            part.plot(*(y[rows].T if k < 3 else (np.arange(60)[rows], y[rows, 0])), style, markersize=4)
        part.locator_params(nbins=3)
        part.set(xlabel=name)
