r"""RepeatVector: one vector, shown at every time step: from an encoder's summary to the sequence that a decoder reads.

$$ y_{ntd} = x_{nd}, \qquad t = 1 \dots n\_steps $$

Backward. $x_{nd}$ stands in y once for every step, with slope 1, so its gradient is the sum over the steps:

$$ dx_{nd} = \sum_t dy_{ntd} $$

Shapes: x (N, D), y (N, n, D). Cho et al. 2014, arXiv 1406.1078, where the summary is shown to the decoder at each step.
"""

from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


class RepeatVectorFunction(Function):
    def __init__(self, n: int):
        self.n = n

    def forward(self, x):
        return xp_of(x).repeat(x[:, None], self.n, axis=1)  # (N, D) -> (N, 1, D) -> (N, n, D)

    def backward(self, dy):
        return dy.sum(axis=1)


class RepeatVector(Module):
    r"""The rows of x (N, D), n times each as the steps of a sequence (N, n, D). All steps are real: no mask goes on.

    >>> from minidl import Tensor, nn
    >>> nn.RepeatVector(3)(Tensor([[1.0, 2.0]])).numpy()
    array([[[1., 2.],
            [1., 2.],
            [1., 2.]]], dtype=float32)
    """

    def __init__(self, n: int):
        self.n = check.size("RepeatVector", "n", n)

    def forward(self, x: Tensor) -> Tensor:
        check.floats("RepeatVector", "x", x)
        check.rank("RepeatVector", "x", x, "(N, D)")
        N, D = x.shape
        check.room("RepeatVector", "the output", (N, self.n, D))
        return RepeatVectorFunction(self.n)(x)

    def compute_mask(self, x: Any, mask: Any = None) -> None:
        return None

    def extra_repr(self) -> str:
        return f"{self.n}"
