r"""Comparisons, element by element: `a < b` and the like give tensors of bools. They are steps, flat almost everywhere:
nothing is recorded, and no gradient flows through them:

$$ y = [a < b], \qquad da = db = 0 $$

Try it:
1. Call `(x > 1).sum().backward()` for an x that wants a gradient: RuntimeError, nothing was recorded.
2. Use a comparison as a mask, `((x > 1) * x).sum()` for x = [0.3, 2]: the gradient is [0, 1]. It flows through the
   factor x, not through the mask.
3. Compare 0.1 + 0.2 with 0.3: False in float64, True in float32, by luck. NaN equals nothing, not even itself.
"""

import operator
from collections.abc import Callable
from typing import Any

from minidl.ops.arithmetic import matched
from minidl.tensor import Function, Tensor, no_grad


class Compare(Function):
    def __init__(self, compare: Callable):
        self.compare = compare

    def forward(self, a, b):
        return self.compare(*matched(a, b))


def eq(a: Any, b: Any) -> Tensor:
    r"""a == b

    >>> Tensor([1, 2, 3]) == Tensor([1, 0, 3])
    Tensor([ True, False,  True])
    """
    with no_grad():
        return Compare(operator.eq)(a, b)


def ne(a: Any, b: Any) -> Tensor:
    r"""a != b

    >>> Tensor([1, 2, 3]) != Tensor([1, 0, 3])
    Tensor([False,  True, False])
    """
    with no_grad():
        return Compare(operator.ne)(a, b)


def lt(a: Any, b: Any) -> Tensor:
    r"""a < b

    >>> Tensor([1.0, 2.0, 3.0]) < 2
    Tensor([ True, False, False])
    """
    with no_grad():
        return Compare(operator.lt)(a, b)


def le(a: Any, b: Any) -> Tensor:
    r"""a <= b

    >>> Tensor([1.0, 2.0, 3.0]) <= 2
    Tensor([ True,  True, False])
    """
    with no_grad():
        return Compare(operator.le)(a, b)


def gt(a: Any, b: Any) -> Tensor:
    r"""a > b

    >>> Tensor([1.0, 2.0, 3.0]) > 2
    Tensor([False, False,  True])
    """
    with no_grad():
        return Compare(operator.gt)(a, b)


def ge(a: Any, b: Any) -> Tensor:
    r"""a >= b

    >>> Tensor([1.0, 2.0, 3.0]) >= 2
    Tensor([False,  True,  True])
    """
    with no_grad():
        return Compare(operator.ge)(a, b)


def or_unlike(compare: Callable) -> Callable:
    r"""The operator `==` or `!=`: beside something that is no number at all (None, a string) Python's own answer."""

    def operate(a: Tensor, b: Any) -> Any:
        comparable = isinstance(b, Tensor | int | float) or hasattr(b, "dtype")
        return compare(a, b) if comparable else NotImplemented

    return operate
