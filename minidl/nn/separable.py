r"""A separable linear map of images: one small matrix for the rows, one for the columns.

$$ y_{nc} = A\, x_{nc}\, B^\top, \qquad y_{n,c,oh,ow} = \sum_{h,w} A_{oh,h}\, B_{ow,w}\, x_{nchw} $$

Making images larger (upsample.py) and averaging them down to a given size (adaptive_avg_pool.py) are of this kind: what
happens to the rows does not depend on the column.

Backward. y is linear in x with slope $A_{oh,h} B_{ow,w}$, so

$$ dx_{nchw} = \sum_{oh,ow} A_{oh,h}\, B_{ow,w}\, dy_{n,c,oh,ow}, \qquad dx_{nc} = A^\top dy_{nc}\, B $$

Every output row touches every input row in the product, most of them with a 0; but 0 times infinity is NaN, so an
infinite pixel spreads along its row and column.

Shapes: x (N, C, H, W), A (OH, H), B (OW, W), y (N, C, OH, OW).
"""

from typing import Any

from minidl.backend import channels_last, xp_of
from minidl.tensor import Function


class SeparableFunction(Function):
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns  # A and B, on the host

    def forward(self, x):
        A, B = (xp_of(x).asarray(m, dtype=x.dtype) for m in (self.rows, self.columns))
        self.save(A, B)
        return separable(A, x, B)

    def backward(self, dy):
        A, B = self.saved
        return separable(A.T, dy, B.T)


def separable(A: Any, x: Any, B: Any) -> Any:
    r"""$A x B^\top$ for arrays: of every map of x (N, C, H, W), which may have its channels last in memory."""
    if not channels_last(x):
        return A @ x @ B.T  # (OH, H) @ (N, C, H, W) @ (W, OW) -> (N, C, OH, OW)
    N, C, H, W = x.shape
    y = A @ x.transpose(0, 2, 3, 1).reshape(N, H, W * C)  # (OH, H) @ (N, H, WC) -> (N, OH, WC)
    y = B @ y.reshape(N, len(A), W, C)  # (OW, W) @ (N, OH, W, C) -> (N, OH, OW, C)
    return y.transpose(0, 3, 1, 2)
