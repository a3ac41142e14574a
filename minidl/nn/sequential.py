r"""Sequential: layers one after the other, each taking what the one before it gives.

$$ y = f_n(\dots f_2(f_1(x))) $$

Backward. Nothing to do: the chain rule goes through the layers in reverse order by itself.
"""

from typing import Any

from minidl import check
from minidl.nn.mask import time_mask, with_mask
from minidl.nn.module import Module
from minidl.nn.module_list import ModuleList


class Sequential(ModuleList):
    r"""Layers in a row. Layer i is named "i"; `model[i]` is a layer, and `model[:i]` a Sequential of the same layers.

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
