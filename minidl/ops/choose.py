r"""Choices between two numbers, element by element: maximum, minimum, where.

y is one of its inputs, a copy with slope 1, so dy goes to the one that was chosen and the other gets 0:

$$ da = dy \cdot [\text{a was chosen}], \qquad db = dy \cdot [\text{b was chosen}] $$

maximum and minimum of equal numbers choose a; a NaN is always chosen (a's, if both are).

Try it:
1. Take the gradients of `maximum(a, b)` for a = [1, 2], b = [1, 5]: a gets [1, 0], b [0, 1].
2. Take the gradient of `where(x > 0, x.sqrt(), 0.0)` for x = [0, 4]: NaN and 0.25. sqrt was computed at 0 too, and 0
   from above times its infinite slope is NaN.
3. Keep 0 away from sqrt with `where(x > 0, where(x > 0, x, 1.0).sqrt(), 0.0)`: the gradient is [0, 0.25].
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.ops.arithmetic import matched, xp_of_either
from minidl.tensor import Function, Tensor


class Maximum(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        self.save((a >= b) | (a != a))  # a != a: a is NaN
        return xp_of_either(a, b).maximum(a, b)

    def backward(self, dy):
        (first,) = self.saved
        return dy * first, dy * ~first


class Minimum(Maximum):
    def forward(self, a, b):
        a, b = matched(a, b)
        self.save((a <= b) | (a != a))
        return xp_of_either(a, b).minimum(a, b)


class Where(Function):
    def forward(self, condition, a, b):
        xp = xp_of(condition)
        self.save(condition)
        if not hasattr(a, "dtype") and not hasattr(b, "dtype"):
            a = xp.asarray(a, np.float32 if float in (type(a), type(b)) else None)
        a, b = matched(a, b)
        return xp.where(condition, a, b)

    def backward(self, dy):
        (condition,) = self.saved
        return None, dy * condition, dy * ~condition


def maximum(a: Any, b: Any) -> Tensor:
    r"""The larger of a and b; where they are equal it is a that gets the gradient. NaN wins.

    >>> maximum(Tensor([1.0, 5.0]), Tensor([3.0, 2.0]))
    Tensor([3., 5.])
    """
    return Maximum()(a, b)


def minimum(a: Any, b: Any) -> Tensor:
    r"""The smaller of a and b; where they are equal it is a that gets the gradient. NaN wins.

    >>> minimum(Tensor([1.0, 5.0]), 3)
    Tensor([1., 3.])
    """
    return Minimum()(a, b)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    r"""a where the condition (bools) holds, b elsewhere; all three broadcast.

    >>> x = Tensor([-1.0, 2.0])
    >>> where(x > 0, x, 0)
    Tensor([0., 2.])
    """
    if not hasattr(condition, "dtype") or condition.dtype != np.bool_:
        got = getattr(condition, "dtype", type(condition).__name__)
        raise check.DTypeError(f"where: condition must be a tensor or array of bools, got {got}; compare first")
    if a is None or b is None:
        raise check.DTypeError("where: a and b must be tensors, arrays or numbers, got None")
    return Where()(condition, a, b)
