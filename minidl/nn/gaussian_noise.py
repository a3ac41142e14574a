r"""GaussianNoise: random numbers added to the input while training, so that a network learns to look past them.

$$ y = x + \sigma \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1) \text{ for every value} $$

Backward. The noise does not depend on x: $dx = dy$, which is what the addition itself hands back.

Noise on the inputs acts like a penalty on the size of the gradient: what a small change of x changes costs something.

Shapes: x and y have any one shape, of E numbers.

Source: Bishop 1995, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7(1).

Try it:
1. Let GaussianNoise(std) and Linear(1, 1) learn y = 2 x from 1000 normal x, with SGD at lr=0.05: the weight is 2.00
   without noise, 1.59 for std=0.5, 0.98 for 1 and 0.38 for 2 (mean of the last 100 of 300 steps). That is the penalty:
   $2 / (1 + \sigma^2)$, or 2, 1.6, 1 and 0.4.
2. Put 100,000 zeros through GaussianNoise(0.1): mean 0.0004, standard deviation 0.0996.
3. Call it with training=False, or after `eval()`: the very same tensor comes back.
"""

from typing import Any

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GaussianNoise` | the layer | none | `GaussianNoise` |
    | `std` | $\sigma$ | none | `stddev` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

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


def illustrate(ax: Any) -> None:
    r"""The same model, 40 fixed tanh units and a linear one on top, fitted by least squares to twelve points (large
    dots). Left: to the points themselves. It goes through all of them, and far astray in between. Right: to 300 noisy
    copies of each (small dots), as training with GaussianNoise(0.3) sees them: a curve that does not care about small
    changes of x."""
    ax.axis("off")
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(-2, 2, 12))
    y = np.sin(1.5 * x) + 0.3 * rng.normal(size=12)
    w, b = 2 * rng.normal(size=40), 2 * rng.normal(size=40)
    side = np.linspace(-2.3, 2.3, 150)
    for left, copies, std in ((0, 1, 0), (0.54, 300, 0.3)):
        noisy = gaussian_noise(Tensor(np.repeat(x, copies)), std).numpy()
        top = np.linalg.lstsq(np.tanh(np.outer(noisy, w) + b), np.repeat(y, copies), rcond=None)[0]
        panel = ax.inset_axes([left, 0, 0.46, 1])
        panel.plot(noisy[::20], np.repeat(y, copies)[::20], ".", color="C4", markersize=3)
        panel.plot(side, np.tanh(np.outer(side, w) + b) @ top)
        panel.plot(x, y, "C1o")
        panel.set(xlabel="x", ylabel="y", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), title=f"std = {std}")
