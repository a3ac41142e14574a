r"""Arithmetic: add, sub, mul, div, pow, neg, with NumPy's broadcasting.

Each backward is one line of calculus; that a broadcast input gets the *sum* of its gradients is the engine's business.

$$ \begin{split}
y = a + b &: & da &= dy, & db &= dy \\
y = a - b &: & da &= dy, & db &= -dy \\
y = a b &: & da &= b\,dy, & db &= a\,dy \\
y = a / b &: & da &= dy / b, & db &= -y\,dy / b \\
y = a^b &: & da &= b\,a^{b-1}\,dy, & db &= y \ln a \; dy \\
y = -a &: & da &= -dy
\end{split} $$

A Python number takes the dtype of the tensor beside it, and so does an integer or boolean tensor beside a float one:
nothing widens float32 to float64 by accident. Integers that must become floats (3 / 2, 2 * 0.5) become float32.

Try it:
1. Multiply a (2, 3) by b (3,), sum up and call `backward()`: b.grad has the shape (3,), each entry the sum of a column
   of a. b was used once for every row.
2. Take the gradient of `x / x` at 3: it is 0, a sum of 1/3 (x above) and -1/3 (x below).
3. Take the gradient of `x ** 0` at 0: it is 0, for the function is 1 everywhere. That of `x ** 0.5` is infinite there,
   with NumPy's warning.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.tensor import Function, Tensor


def as_float(x: Any) -> Any:
    r"""An array of floats as it is, another one as float32."""
    return x if x.dtype.kind == "f" else x.astype(np.float32)


def matched(a: Any, b: Any) -> tuple:
    r"""Both operands (arrays or numbers, one of them an array) in the float type of the one that has one."""
    if type(b) is float:
        return as_float(a), b
    if type(a) is float:
        return a, as_float(b)
    if type(a) is type(b) and a.dtype != b.dtype:
        if b.dtype.kind != "f":
            b = b.astype(a.dtype) if a.dtype.kind == "f" else b
        elif a.dtype.kind != "f":
            a = a.astype(b.dtype)
    return a, b


def one_type(arrays: Iterable) -> list:
    r"""Any number of arrays in the float type that they have (the widest, if they differ)."""
    arrays = list(arrays)
    floats = {a.dtype for a in arrays if a.dtype.kind == "f"}
    widest = np.result_type(*floats) if floats else None
    return [a.astype(widest, copy=False) for a in arrays] if floats else arrays


def xp_of_either(a: Any, b: Any) -> Any:
    r"""The library of two operands, one of which may be a number."""
    return xp_of(a if hasattr(a, "dtype") else b)


class Add(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        return a + b

    def backward(self, dy):
        return dy, dy


class Sub(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        return a - b

    def backward(self, dy):
        return dy, -dy if self.needs_grad[1] else None


class Mul(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        self.save(a, b)
        return a * b

    def backward(self, dy):
        a, b = self.saved
        return dy * b if self.needs_grad[0] else None, dy * a if self.needs_grad[1] else None


class Div(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        y = a / b
        if y.dtype.char == "d" and not any(getattr(v, "dtype", "") == y.dtype for v in (a, b)):
            y = y.astype(np.float32)  # of integers
        self.save(b, y)
        return y

    def backward(self, dy):
        b, y = self.saved
        da = dy / b
        return da, -y * da if self.needs_grad[1] else None


class Pow(Function):
    def forward(self, a, b):
        a, b = matched(a, b)
        y = a**b
        self.save(a, b, y)
        return y

    def backward(self, dy):
        a, b, y = self.saved
        xp = xp_of(dy)
        da = db = None
        if self.needs_grad[0]:
            # where b = 0 the function is the constant 1, also at a = 0, where a**(b - 1) is not defined
            if type(b) in (int, float, bool):
                da = dy * (b * a ** (b - 1)) if b else xp.zeros_like(dy)
            else:
                da = dy * b * a ** xp.where(b == 0, 0, b - 1)
        if self.needs_grad[1]:
            # a**b is 0 for every b > 0 where a = 0: no slope
            a = xp.asarray(a, dy.dtype)
            db = dy * y * xp.log(xp.where(a == 0, 1, a))
        return da, db


class Neg(Function):
    def forward(self, a):
        return -a

    def backward(self, dy):
        return -dy


def add(a: Any, b: Any) -> Tensor:
    r"""a + b

    >>> add(Tensor([1.0, 2.0]), 1)
    Tensor([2., 3.])
    """
    return Add()(a, b)


def sub(a: Any, b: Any) -> Tensor:
    r"""a - b

    >>> sub(Tensor([1.0, 2.0]), Tensor([[1.0], [2.0]]))
    Tensor([[ 0.,  1.],
            [-1.,  0.]])
    """
    return Sub()(a, b)


def mul(a: Any, b: Any) -> Tensor:
    r"""a * b, element by element.

    >>> mul(Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))
    Tensor([3., 8.])
    """
    return Mul()(a, b)


def div(a: Any, b: Any) -> Tensor:
    r"""a / b; integers give float32.

    >>> div(Tensor([3, 4]), 2)
    Tensor([1.5, 2. ])
    """
    return Div()(a, b)


def pow(a: Any, b: Any) -> Tensor:
    r"""a ** b. The gradient of b needs a >= 0, and is 0 where a = 0.

    >>> pow(Tensor([2.0, 3.0]), 2)
    Tensor([4., 9.])
    """
    return Pow()(a, b)


def neg(a: Any) -> Tensor:
    r"""-a

    >>> neg(Tensor([2.0, -3.0]))
    Tensor([-2.,  3.])
    """
    return Neg()(a)
