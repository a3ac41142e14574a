r"""TimeDistributed: one layer for every time step, with the same weights at all of them.

$$ y_{nt} = f(x_{nt}) $$

The steps are put among the examples, (N, T, ...) becomes (N T, ...), f sees one large batch, and its output is taken
apart again. So f has the parameters it has, however long the sequence is.

Backward. Both moves only rename the elements: dy (N, T, ...) goes into f as (N T, ...), and what comes back for x is
taken apart. f adds up the gradients of its weights over all its rows, that is over examples and steps.

Shapes: x (N, T, ...), y (N, T, ...) with the axes after T that f makes: a Conv2d makes (N, T, F, OH, OW) of frames
(N, T, C, H, W), a Linear (N, T, F) of (N, T, D), for which it needs no TimeDistributed. Chollet et al. 2015, Keras.
"""

from minidl import check, ops
from minidl.nn.module import Module
from minidl.nn.module_list import check_module
from minidl.tensor import Tensor


class TimeDistributed(Module):
    r"""`module` at every step of x (N, T, ...). The mask of x is that of the output; the module itself sees none.

    Steps count like examples in everything: a BatchNorm inside takes its statistics over N T rows, padding included,
    and a Dropout draws for each of them. Raises TypeError where the module does not return one tensor, and ShapeError
    where x has no time axis or the module does not keep the rows apart.

    >>> from minidl import Tensor, nn
    >>> import numpy as np
    >>> frames = Tensor(np.zeros((2, 5, 1, 8, 8), "float32"))                      # 2 films of 5 frames
    >>> eyes = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
    >>> nn.TimeDistributed(eyes)(frames).shape
    (2, 5, 144)
    """

    def __init__(self, module: Module):
        self.module = check_module("TimeDistributed", "module", module)

    def forward(self, x: Tensor) -> Tensor:
        check.tensor("TimeDistributed", "x", x)
        if len(x.shape) < 2:
            raise check.ShapeError(f"TimeDistributed: x must have shape (N, T, ...), got {x.shape}")
        N, T, *rest = x.shape
        y = self.module(ops.reshape(x, (N * T, *rest)))
        kind = type(self.module).__name__
        if not isinstance(y, Tensor):
            raise check.DTypeError(f"TimeDistributed: {kind} must return one tensor, got {type(y).__name__}")
        if y.shape[:1] != (N * T,):
            raise check.ShapeError(
                f"TimeDistributed: {kind} must return a row for each of N T = {N * T}, got shape {y.shape}"
            )
        return ops.reshape(y, (N, T, *y.shape[1:]))
