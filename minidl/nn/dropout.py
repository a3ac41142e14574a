r"""Dropout: every value is set to 0 with probability p, at random, and the others make up for it.

$$ y = m\,x, \qquad m = \begin{cases} 0 & \text{with probability } p \\ 1 / (1 - p) & \text{else} \end{cases} $$

The mean of m is 1, so y has the mean of x, and evaluation needs no change at all: there y = x. A network that cannot
rely on any one of its units learns more robust features. Dropout2d draws one m for a whole channel of an image:
neighbouring pixels are so alike that dropping single ones takes little away (Tompson et al. 2015).

Backward, with the mask of the forward pass:

$$ dx = m\,dy $$

Staying on at prediction (`training=True`, Keras' option) gives a sample of the network's predictions; their spread over
many calls says how unsure it is: Monte-Carlo dropout (Gal and Ghahramani 2016).

Shapes: x and y have any one shape, of E numbers; in Dropout2d x, y (N, C, H, W) and m (N, C, 1, 1).

Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, JMLR 15; Dropout2d: Tompson, Goroshin, Jain,
LeCun and Bregler 2015, CVPR; Monte-Carlo dropout: Gal and Ghahramani 2016, ICML.

Try it:
1. Put 100,000 ones through Dropout(p) with p = 0.1, 0.5 and 0.9: the mean of y is 1, as that of x, to about 0.001,
   0.003 and 0.01; the variance is 0.11, 1.0 and 9.0, that of m: p / (1 - p).
2. Call `manual_seed(0)` before Dropout(0.5), and again before Dropout(0.6), on 10,000 ones: 5039 and 4031 are kept, and
   all of the 4031 are among the 5039. A hash is compared with p, and the hash is the same.
3. Fit sin(3 x) on [-1, 1] with two hidden layers of 64 tanh units and Dropout(0.1) after each, and predict 200 times
   with dropout on. The predictions spread by 0.09 at x = 0, and by no more than 0.10 at x = 3, where they are wrong by
   0.35: this spread need not grow where there were no data.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.kernels.dropout import dropped
from minidl.nn.module import Module
from minidl.random import generator, keep_mask
from minidl.tensor import Function, Tensor


class DropoutFunction(Function):
    r"""An m for every number: a hash of its place and of two keys, computed in both passes and stored in none."""

    def __init__(self, p: float):
        self.p = p
        self.keys = divmod(generator().bit_generator.random_raw(), 2**32)

    def forward(self, x):
        return dropped(x, *self.keys, self.p)

    def backward(self, dy):
        return dropped(dy, *self.keys, self.p)


class SharedDropoutFunction(Function):
    r"""An m for many numbers: a mask of a shape that broadcasts."""

    def __init__(self, p: float, shape: tuple[int, ...]):
        self.p, self.shape = p, shape

    def forward(self, x):
        m = keep_mask(self.shape, self.p, x)
        self.save(m)
        return x * m

    def backward(self, dy):
        (m,) = self.saved
        return dy * m


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    r"""x with every value dropped with probability p (0 ... 1) if `training`, else x itself.

    >>> import minidl
    >>> minidl.manual_seed(0)
    >>> sorted(set(dropout(Tensor([1.0] * 100), p=0.5).numpy().tolist()))
    [0.0, 2.0]
    """
    check.floats("dropout", "x", x)
    p = _probability("dropout", p, training)
    return DropoutFunction(p)(x) if p else x


def dropout2d(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    r"""x (N, C, H, W) with every channel of every image dropped with probability p if `training`, else x itself.

    >>> y = dropout2d(Tensor([[[[1.0, 1.0]], [[1.0, 1.0]]]]), p=0.5).numpy()
    >>> bool((y[..., 0] == y[..., 1]).all())
    True
    """
    check.floats("dropout2d", "x", x)
    check.rank("dropout2d", "x", x, "(N, C, H, W)")
    p = _probability("dropout2d", p, training)
    return SharedDropoutFunction(p, (*x.shape[:2], 1, 1))(x) if p else x


def _probability(who: str, p: float, training: bool) -> float:
    p = check.number(who, "p", p, low=0, high=1)
    return p if check.option(who, "training", training, (True, False)) else 0.0


class Dropout(Module):
    r"""Dropout with probability p. Called as `layer(x, training=None)`.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Dropout` | the layer | `nn.Dropout` | `Dropout` |
    | `p` | how likely a number (in Dropout2d a channel) is dropped, 0 to 1 | `p` | `rate` |

    | argument | meaning | torch | Keras |
    |---|---|---|---|
    | `training=None` | as the module is: on after `train()`, off after `eval()` | always so | `training=None` |
    | `training=True` | on, also in evaluation: Monte-Carlo dropout | none | `training=True` |
    | `training=False` | off | none | `training=False` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $0$ |

    >>> from minidl import Tensor, nn
    >>> layer = nn.Dropout(p=0.9).eval()
    >>> layer(Tensor([1.0, 2.0])).numpy()
    array([1., 2.], dtype=float32)
    >>> bool((layer(Tensor([1.0] * 100), training=True).numpy() == 0).any())
    True

    In a model that is evaluated, the dropout layers alone are switched on:

    >>> model = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout()).eval()
    >>> for part in model.modules():
    ...     if isinstance(part, nn.Dropout):
    ...         part.training = True
    >>> bool((model(Tensor([[1.0]])).numpy() == model(Tensor([[1.0]])).numpy()).all())
    False
    """

    def __init__(self, p: float = 0.5):
        self.p = check.number(type(self).__name__, "p", p, low=0, high=1)

    def forward(self, x: Tensor, training: bool | None = None) -> Tensor:
        return dropout(x, self.p, self.training if training is None else training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Dropout):
    r"""Dropout of whole channels of images (N, C, H, W); called as Dropout.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Dropout2d` | the layer | `nn.Dropout2d` | `SpatialDropout2D` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 N C$ |

    >>> from minidl import Tensor, nn
    >>> y = nn.Dropout2d(p=0.5)(Tensor([[[[1.0, 1.0]], [[1.0, 1.0]]]])).numpy()
    >>> bool((y[..., 0] == y[..., 1]).all())                  # a channel is dropped or kept as a whole
    True
    """

    def forward(self, x: Tensor, training: bool | None = None) -> Tensor:
        return dropout2d(x, self.p, self.training if training is None else training)


def illustrate(ax: Any) -> None:
    r"""Left: four channels of an image, x, and what Dropout(0.5) and Dropout2d(0.5) make of them. Single pixels that
    are 0 hide little of a wave, a channel that is 0 hides it; what is left is twice as large. Right: a sum of 60
    numbers, as a unit of the next layer sees it, over 4000 calls, for three p: the larger p, the more it varies, and
    always about the sum that evaluation has (the dotted line)."""
    ax.axis("off")
    rng, places = np.random.default_rng(0), np.arange(16) / 4
    waves = [1 + np.sin(k * places + k * k + (3 - k) * places[:, None]) for k in range(4)]  # 0 to 2
    x = Tensor(np.array(waves)[None])
    for row, (name, y) in enumerate((("x", x), ("Dropout", dropout(x)), ("Dropout2d", dropout2d(x)))):
        panel = ax.inset_axes([0, 0.68 - 0.34 * row, 0.52, 0.3])
        gaps = np.pad(y.numpy()[0], ((0, 0), (0, 0), (0, 2)), constant_values=np.nan)
        panel.imshow(np.concatenate(gaps, axis=1), vmin=0, vmax=4, interpolation="none")
        panel.set(xticks=[], yticks=[], ylabel=name)
    sums = ax.inset_axes([0.62, 0, 0.38, 1])
    row, w = rng.normal(size=60), rng.normal(size=60) / 60**0.5
    for p in (0.1, 0.5, 0.8):
        y = dropout(Tensor(np.tile(row, (4000, 1))), p).numpy() @ w
        sums.hist(y, bins=np.linspace(-5, 5, 51), histtype="step", density=True, label=f"p = {p}")
    sums.axvline(row @ w, linestyle=":", color="C3")
    sums.set(xlabel="sum", yticks=[])
    sums.legend()
