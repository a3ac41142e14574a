r"""Dropout: every value is set to 0 with probability p, at random, and the others make up for it.

$$ y = m\,x, \qquad m = \begin{cases} 0 & \text{with probability } p \\ 1 / (1 - p) & \text{else} \end{cases} $$

The mean of m is 1, so y has the mean of x, and evaluation needs no change at all: there y = x. A network that cannot
rely on any one of its units learns more robust features. Dropout2d draws one m for a whole channel of an image:
neighbouring pixels are so alike that dropping single ones takes little away (Tompson et al. 2015).

Backward, with the mask of the forward pass:

$$ dx = m\,dy $$

Staying on at prediction (`training=True`, Keras' option) gives a sample of the network's predictions; their spread over
many calls says how unsure it is: Monte-Carlo dropout (Gal and Ghahramani 2016).

Shapes: x, y, m any; in Dropout2d x, y (N, C, H, W) and m (N, C, 1, 1). Srivastava, Hinton, Krizhevsky, Sutskever and
Salakhutdinov 2014, JMLR 15.
"""

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

    | `training` | meaning |
    |---|---|
    | None | as the module is: on after `train()`, off after `eval()` |
    | True | on, also in evaluation: Monte-Carlo dropout |
    | False | off |

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

    >>> from minidl import Tensor, nn
    >>> y = nn.Dropout2d(p=0.5)(Tensor([[[[1.0, 1.0]], [[1.0, 1.0]]]])).numpy()
    >>> bool((y[..., 0] == y[..., 1]).all())                  # a channel is dropped or kept as a whole
    True
    """

    def forward(self, x: Tensor, training: bool | None = None) -> Tensor:
        return dropout2d(x, self.p, self.training if training is None else training)
