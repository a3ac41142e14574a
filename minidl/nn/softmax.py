r"""Softmax and LogSoftmax: scores of K classes become probabilities, or their logarithms.

$$ y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}, \qquad \log y_k = x_k - \ln \sum_j e^{x_j} $$

along one axis. Adding a number to all x of a row changes nothing, so their maximum is taken off first: the largest
exponential is then 1, and none can overflow.

Backward of softmax. $\partial y_j / \partial x_k = y_j ([j = k] - y_k)$, so

$$ dx_k = \sum_j dy_j\,y_j ([j = k] - y_k) = y_k \Big( dy_k - \sum_j dy_j\,y_j \Big) $$

Backward of log-softmax, l. $\partial l_j / \partial x_k = [j = k] - y_k$ with $y = e^l$, so

$$ dx_k = dl_k - y_k \sum_j dl_j $$

Shapes: x, y, l any. Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs".
"""

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
