r"""TimeDistributed: one layer for every time step, with the same weights at all of them.

$$ y_{nt} = f(x_{nt}) $$

The steps are put among the examples, (N, T, ...) becomes (N T, ...), f sees one large batch, and its output is taken
apart again. So f has the parameters it has, however long the sequence is.

Backward. Both moves only rename the elements: dy (N, T, ...) goes into f as (N T, ...), and what comes back for x is
taken apart. f adds up the gradients of its weights over all its rows, that is over examples and steps.

Shapes: x (N, T, D), y (N, T, F) with a Linear, which does the same without TimeDistributed. A Conv2d makes frames
(N, T, F, OH, OW) of frames (N, T, C, H, W).

Source: Chollet et al. 2015, Keras.

Try it:
1. Compare `TimeDistributed(linear)` with `linear` itself on x (2, 7, 3): the results are equal, bit by bit.
2. Wrap `Dropout(0.5)`: it drops other features at each step. The `dropout` of an LSTM drops the same ones at all steps.
3. Wrap `LSTM(3, 4)`, and give it x (2, 5, 7, 3), 2 texts of 5 sentences of 7 words: y is (2, 5, 4), a vector for each
   sentence, for another LSTM to read.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.nn.conv2d import Conv2d
from minidl.nn.module import Module
from minidl.nn.module_list import check_module
from minidl.tensor import Tensor


class TimeDistributed(Module):
    r"""`module` at every step of x (N, T, ...). The mask of x is that of the output; the module itself sees none.

    Steps count like examples in everything: a BatchNorm inside takes its statistics over N T rows, padding included,
    and a Dropout draws for each of them. Raises TypeError where the module does not return one tensor, and ShapeError
    where x has no time axis or the module does not keep the rows apart.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `TimeDistributed` | the wrapper | none: `flatten(0, 1)`, `unflatten` | `TimeDistributed` |
    | `module` | what sees every step | none | `layer` |

    | cost | formula |
    |---|---|
    | parameters | those of `module` |
    | multiply-adds | those of `module` on N T rows |
    | bytes kept | those of `module` on N T rows |

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


def illustrate(ax: Any) -> None:
    r"""A film of six frames (above), and each of them after one and the same Conv2d (below), whose kernel answers to
    edges from left to right, dark to light (orange) and light to dark (purple). The weights know nothing of time, and
    what moves is found wherever it is."""
    T, way = 6, np.linspace(0, 1, 6)[:, None, None]
    far = np.hypot(np.arange(24)[:, None] - 4 - 15 * way, np.arange(16) - 4 - 7 * way)  # from a disc that moves
    x = 1 / (1 + np.exp(2 * (far - 4)))  # (T, 24, 16)
    layer = TimeDistributed(Conv2d(1, 1, 3, bias=False)).to("float64")
    layer.module.weight.data = np.array([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    y = layer(Tensor(x[None, :, None])).numpy()[0, :, 0]  # (1, T, 1, 24, 16) -> (T, 22, 14)
    ax.axis("off")
    for t in range(T):
        above, below = (ax.inset_axes([0.05 + 0.16 * t, bottom, 0.14, 0.44]) for bottom in (0.54, 0.06))
        above.imshow(x[t], cmap="viridis", aspect="auto")
        below.imshow(y[t], cmap="PuOr_r", vmin=-4, vmax=4, aspect="auto")
        above.set(xticks=[], yticks=[], ylabel="" if t else "x")
        below.set(xticks=[], yticks=[], ylabel="" if t else "y", xlabel=f"t = {t}")
