r"""Softmax and LogSoftmax: scores of K classes become probabilities, or their logarithms.

$$ y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}, \qquad \log y_k = x_k - \ln \sum_j e^{x_j} $$

along one axis. Adding a number to all x of a row changes nothing, so their maximum is taken off first: the largest
exponential is then 1, and none can overflow.

Backward of softmax. $\partial y_j / \partial x_k = y_j ([j = k] - y_k)$, so

$$ dx_k = \sum_j dy_j\,y_j ([j = k] - y_k) = y_k \Big( dy_k - \sum_j dy_j\,y_j \Big) $$

Backward of log-softmax, l. $\partial l_j / \partial x_k = [j = k] - y_k$ with $y = e^l$, so

$$ dx_k = dl_k - y_k \sum_j dl_j $$

Shapes: x, y and l have any one shape, of E numbers.

Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs".

Try it:
1. In `SoftmaxFunction.backward` return `dy * y * (1 - y)`, the sigmoid's: the gradient check fails in all rows but that
   of shape (1, 1, 1), since every x of a row moves every y of it.
2. In `forward`, do not take off the maximum, and give softmax the scores 0 and 1000 in float32: an overflow warning,
   and y = 0 and NaN instead of 0 and 1.
3. Compute `softmax` and then the logarithm of the scores 0 and 1000: $-\infty$ and 0. `log_softmax` gives -1000 and 0.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class SoftmaxFunction(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        y = xp_of(x).exp(x - x.max(axis=self.axis, keepdims=True))
        y /= y.sum(axis=self.axis, keepdims=True)
        self.save(y)
        return y

    def backward(self, dy):
        (y,) = self.saved
        return y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))


class LogSoftmaxFunction(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        xp = xp_of(x)
        l = x - x.max(axis=self.axis, keepdims=True)
        l -= xp.log(xp.exp(l).sum(axis=self.axis, keepdims=True))
        self.save(l)
        return l

    def backward(self, dl):
        (l,) = self.saved
        return dl - xp_of(l).exp(l) * dl.sum(axis=self.axis, keepdims=True)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    r"""Probabilities along an axis (torch calls it dim). ValueError if x has no such axis, or nothing along it.

    >>> softmax(Tensor([0.0, 0.0, 1000.0])).numpy()
    array([0., 0., 1.], dtype=float32)
    """
    return SoftmaxFunction(_axis("softmax", x, axis))(x)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    r"""Logarithms of probabilities along an axis (torch calls it dim). Raises as softmax.

    >>> log_softmax(Tensor([0.0, 1000.0])).numpy()
    array([-1000.,     0.], dtype=float32)
    """
    return LogSoftmaxFunction(_axis("log_softmax", x, axis))(x)


def _axis(who: str, x: Tensor, axis: int) -> int:
    check.floats(who, "x", x)
    axis = check.axis(who, axis, x.ndim)
    if x.shape[axis] == 0:
        raise check.ShapeError(f"{who}: axis {axis} of x has no values, got shape {x.shape}")
    return axis


class Softmax(Module):
    r"""Probabilities along `axis`. For training use cross_entropy on the scores themselves, which is more exact.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Softmax` | the layer | `nn.Softmax` | `Softmax` |
    | `axis` | where the classes are: their sum is 1 along it | `dim` (no default) | `axis` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.Softmax()(Tensor([[1.0, 1.0], [0.0, 1000.0]])).numpy()
    array([[0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """

    def __init__(self, axis: int = -1):
        self.axis = check.integer("Softmax", "axis", axis)

    def forward(self, x: Tensor) -> Tensor:
        return softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    r"""Logarithms of probabilities along `axis`.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LogSoftmax` | the layer | `nn.LogSoftmax` | `Activation("log_softmax")` |
    | `axis` | where the classes are | `dim` (no default) | `axis` of `activations.log_softmax` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.LogSoftmax()(Tensor([[0.0, 1000.0]])).numpy()
    array([[-1000.,     0.]], dtype=float32)
    """

    def __init__(self, axis: int = -1):
        self.axis = check.integer("LogSoftmax", "axis", axis)

    def forward(self, x: Tensor) -> Tensor:
        return log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


def illustrate(ax: Any) -> None:
    r"""Left: the probabilities of five classes with the scores 2, 1, 0, -1 and -2, divided by a temperature first.
    Cold, the largest score takes all; hot, all are equal. Right: the slope of every y with respect to every x, as
    `backward` gives it, at temperature 1. A score moves its own probability up and all others down, those most that are
    large; a row adds up to 0."""
    ax.axis("off")
    curves, slopes = (ax.inset_axes([left, 0, width, 1]) for left, width in ((0, 0.42), (0.52, 0.33)))
    scores = np.array([2.0, 1.0, 0.0, -1.0, -2.0])
    temperature = np.geomspace(0.1, 30, 80)
    y = softmax(Tensor(scores / temperature[:, None])).numpy()
    curves.semilogx(temperature, y)
    names = [f"{s:g}" for s in scores]
    curves.legend(names, title="score")
    curves.set(xlabel="temperature", ylabel="y")
    x = Tensor(np.tile(scores, (5, 1)), requires_grad=True)  # a row for each y
    softmax(x).backward(np.eye(5))
    image = slopes.imshow(x.grad, cmap="PuOr", vmin=-0.25, vmax=0.25, interpolation="none")
    ax.figure.colorbar(image, cax=ax.inset_axes([0.88, 0.2, 0.02, 0.6]), label="slope")
    slopes.set(xticks=range(5), yticks=range(5), xticklabels=names, yticklabels=names, xlabel="x", ylabel="y")
