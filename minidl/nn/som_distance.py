r"""How far a row x is from the unit k of a map, whose weights are $w_k$:

| distance | y | its gradient in x |
|---|---|---|
| `euclidean` | $\sqrt{\sum_d (x_d - w_{kd})^2}$ | $(x - w_k) / y_k$ |
| `cosine` | $1 - \hat x \cdot \hat w_k$, with $\hat v = v / \|v\|$ | $(\hat x\, (1 - y_k) - \hat w_k) / \|x\|$ |
| `manhattan` | $\sum_d |x_d - w_{kd}|$ | $\mathrm{sign}(x - w_k)$ |

Backward. Row n touches the distances to all units, so dx adds up over them: $dx_n = \sum_k dy_{nk}\,
\partial y_{nk} / \partial x_n$. For the first two that is a matrix product; with $c_{nk} = dy_{nk} / y_{nk}$ the
Euclidean one becomes $dx_n = x_n \sum_k c_{nk} - \sum_k c_{nk} w_k$. Where a distance is 0 the root has no slope, and
it counts as 0 (so does the angle of a zero vector, whose cosine distance is 1 from everything).

The weights get no gradient: a map learns by a rule of its own (som.py).

Shapes: x (N, D), w (K, D), y (N, K).
"""

from typing import Any

from minidl.backend import xp_of
from minidl.kernels import som as kernel
from minidl.tensor import Function


def _euclidean(xp: Any, dy: Any, x: Any, w: Any, y: Any) -> Any:
    c = xp.where(y > 0, dy / xp.where(y > 0, y, 1), 0)
    middle = w.mean(axis=0)  # differences of numbers near 0 round less
    return (x - middle) * c.sum(axis=1, keepdims=True) - c @ (w - middle)  # (N, D) - (N, K) @ (K, D)


def _cosine(xp: Any, dy: Any, x: Any, w: Any, y: Any) -> Any:
    x_size, w_size = (xp.sqrt((v * v).sum(axis=1, keepdims=True)) for v in (x, w))
    x_size, w_size = (xp.where(size > 0, size, xp.inf) for size in (x_size, w_size))  # v / inf = 0
    slope = x / x_size * (dy * (1 - y)).sum(axis=1, keepdims=True) - dy @ (w / w_size)
    return slope / x_size


def _manhattan(xp: Any, dy: Any, x: Any, w: Any, y: Any) -> Any:
    columns = [(dy * xp.sign(x[:, d : d + 1] - w[:, d])).sum(axis=1) for d in range(x.shape[1])]
    return xp.stack(columns, axis=1)


# name -> gradient in x (the distances themselves are computed in kernels/som.py)
DISTANCES = {"euclidean": _euclidean, "cosine": _cosine, "manhattan": _manhattan}


class SOMDistanceFunction(Function):
    def __init__(self, distance: str):
        self.distance = distance

    def forward(self, x, w):
        y = kernel.distances(x, w.T, kernel.METRICS[self.distance])  # (N, D), (D, K) -> (N, K)
        self.save(x, w, y)
        return y

    def backward(self, dy):
        x, w, y = self.saved
        return DISTANCES[self.distance](xp_of(x), dy, x, w, y), None
