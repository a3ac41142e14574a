r"""GaussianNoise: random numbers added to the input while training, so that a network learns to look past them.

$$ y = x + \sigma \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1) \text{ for every value} $$

Backward. The noise does not depend on x: $dx = dy$, which is what the addition itself hands back.

Shapes: x, y any. Noise on the inputs acts like a penalty on the size of the gradient: Bishop 1995, "Training with
noise is equivalent to Tikhonov regularization", Neural Computation 7(1).
"""

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.module import Module
from minidl.random import generator
from minidl.tensor import Function, Tensor


class GaussianNoiseFunction(Function):
    def __init__(self, std: float):
        self.std = std

    def forward(self, x):
        # drawn on the host and in one precision: the same seed gives the same noise everywhere
        noise = generator().standard_normal(x.shape, dtype=np.float32)
        return x + self.std * xp_of(x).asarray(noise.astype(x.dtype))

    def backward(self, dy):
        return dy


def gaussian_noise(x: Tensor, std: float, training: bool = True) -> Tensor:
    r"""x plus normal noise of standard deviation `std` if `training`, else x itself.

    >>> gaussian_noise(Tensor([1.0, 2.0]), std=0.5, training=False).numpy()
    array([1., 2.], dtype=float32)
    """
    check.floats("gaussian_noise", "x", x)
    std = check.number("gaussian_noise", "std", std, low=0)
    return GaussianNoiseFunction(std)(x) if check.option("gaussian_noise", "training", training, (True, False)) else x


class GaussianNoise(Module):
    r"""Noise of standard deviation `std` while training. `layer(x, training=None)` takes `training` as Dropout does:
    None for the mode of the module, True to stay on at prediction, False for off.

    >>> from minidl import Tensor, nn
    >>> nn.GaussianNoise(0.1).eval()(Tensor([1.0, 2.0])).numpy()
    array([1., 2.], dtype=float32)
    """

    def __init__(self, std: float):
        self.std = check.number("GaussianNoise", "std", std, low=0)

    def forward(self, x: Tensor, training: bool | None = None) -> Tensor:
        return gaussian_noise(x, self.std, self.training if training is None else training)

    def extra_repr(self) -> str:
        return f"std={self.std}"
