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

from minidl.backend import xp_of
from minidl.tensor import Function


class SeparableFunction(Function):
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns  # A and B, on the host

    def forward(self, x):
        A, B = (xp_of(x).asarray(m, dtype=x.dtype) for m in (self.rows, self.columns))
        self.save(A, B)
        return A @ x @ B.T  # (OH, H) @ (N, C, H, W) @ (W, OW) -> (N, C, OH, OW)

    def backward(self, dy):
        A, B = self.saved
        return A.T @ dy @ B  # (H, OH) @ (N, C, OH, OW) @ (OW, W) -> (N, C, H, W)
