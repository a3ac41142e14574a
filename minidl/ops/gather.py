r"""gather and index_select: picking along one axis.

$$ \text{gather:} \; y_{ij} = x_{i,\,k_{ij}}, \qquad \text{index\_select:} \; y_{ij} = x_{i,\,k_j} \qquad (axis = 1) $$

Every y is some x, and the gradients of an x that was picked more than once add up,
$dx_{im} = \sum_{j:\, k_{ij} = m} dy_{ij}$: the scatter-add of kernels/scatter.py.

Try it:
1. Write cross-entropy with it: `-(x - x.logsumexp(1, keepdims=True)).gather(1, labels).mean()` for x (3, 4) and labels
   (3, 1). Loss and gradient are those of `functional.cross_entropy`, the gradient to 2e-17.
2. Take the gradient of `x.index_select(1, [0, 0, 2]).sum()` for x (1, 3): [2, 0, 1].
3. Pick 1000 rows of w (10000, 64) with `index_select`, forward and backward: 0.5 ms. As a product with one-hot rows
   (1000, 10000) it is 86 ms.
"""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.backend import xp_of
from minidl.kernels.scatter import scatter_add
from minidl.ops.convert import tensor_only
from minidl.ops.indexing import as_index
from minidl.tensor import Function, Tensor


class Gather(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x, index):
        self.shape = x.shape
        self.save(index)
        return x[along(x.shape, index, self.axis)]

    def backward(self, dy):
        (index,) = self.saved
        xp, n = xp_of(dy), check.elements("gather", "x", self.shape)
        positions = xp.arange(n).reshape(self.shape)[along(self.shape, index, self.axis)]
        return scatter_add(positions.reshape(-1), dy.reshape(-1, 1), n).reshape(self.shape), None


class IndexSelect(Function):
    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x, index):
        self.shape = x.shape
        self.save(index)
        return x.take(index, axis=self.axis)

    def backward(self, dy):
        (index,) = self.saved
        dy = xp_of(dy).moveaxis(dy, self.axis, 0)  # (M, the other axes)
        n, others = self.shape[self.axis], dy.shape[1:]
        dx = scatter_add(index, dy.reshape(len(index), check.elements("index_select", "x", others)), n)
        return xp_of(dy).moveaxis(dx.reshape(n, *others), 0, self.axis), None


def along(shape: tuple, index: Any, axis: int) -> tuple:
    r"""The index tuple with which x[i0, i1, ...] takes `index` along one axis and every other axis in step."""
    xp = xp_of(index)
    steps = [xp.arange(n).reshape([-1 if i == k else 1 for i in range(len(shape))]) for k, n in enumerate(index.shape)]
    steps[axis] = index
    return tuple(steps)


def gather(x: Tensor, axis: int, index: Any) -> Tensor:
    r"""Along one axis take the element that `index` says, for each place of its own: with axis=1,
    $y_{ij} = x_{i,\,index_{ij}}$. index: integers >= 0, as many axes as x, not longer than x on the other axes; y has
    its shape. As in torch.

    >>> gather(Tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[0, 0], [1, 0]])
    Tensor([[1., 1.],
            [4., 3.]])
    """
    tensor_only("gather", x)
    axis = check.axis("gather", axis, x.ndim)
    index = _positions("gather", x, index, x.shape[axis])
    longer = [k for k, (m, n) in enumerate(zip(index.shape, x.shape, strict=False)) if m > n and k != axis]
    if index.ndim != x.ndim or longer:
        raise check.ShapeError(
            f"gather: index of shape {index.shape} must have the axes of x of shape {x.shape} and not be longer "
            f"along any but axis {axis}"
        )
    return Gather(axis)(x, index)


def index_select(x: Tensor, axis: int, index: Any) -> Tensor:
    r"""The slices of x along one axis that `index` (M,) lists, integers >= 0; they may repeat.

    >>> index_select(Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 1, [2, 0, 2])
    Tensor([[3., 1., 3.],
            [6., 4., 6.]])
    """
    tensor_only("index_select", x)
    axis = check.axis("index_select", axis, x.ndim)
    index = _positions("index_select", x, index, x.shape[axis])
    check.rank("index_select", "index", index, "(M)")
    return IndexSelect(axis)(x, index)


def _positions(who: str, x: Tensor, index: Any, n: int) -> Any:
    array = as_index(index)
    if array.dtype.kind not in "iu":
        raise check.DTypeError(f"{who}: index must hold integers, got dtype {array.dtype}")
    array = backend.to_backend(array.astype(np.int64), x.backend)
    for bad in (int(array.min()), int(array.max())) if array.size else ():
        if not 0 <= bad < n:
            raise check.IndexRangeError(f"{who}: index must be in 0 ... {n - 1}, got {bad}")
    return array
