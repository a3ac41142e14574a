r"""Writing into a tensor: `x[index] = v`, `x += v`, `x -= v`, `x *= v`, `x /= v`.

The graph keeps arrays, not copies, so overwriting one that a backward still needs must never pass unseen: every write
goes through `Tensor.writable()`, which counts it, and such a backward is an error that says so.

A write itself is never recorded. So where gradients are being recorded and one of the two tensors wants them,
`x[index] = v` and an `x += v` on a leaf are errors; and `y += v` on a computed y simply means `y = y + v`.

Try it:
1. Write a step of training without `no_grad()`, `w -= 0.1`: RuntimeError, and w is what it was.
2. Say `z = y; y += 1` for a computed y: z keeps its value, y is a new tensor. Under `no_grad()` and for a leaf both
   names show the new value.
3. Say `w *= 0` under `no_grad()` between `y = (w * w).sum()` and `y.backward()`: the error names Mul, and the shape.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend, check
from minidl.ops import arithmetic
from minidl.ops.indexing import clean
from minidl.tensor import Tensor, grad_enabled


def _value(who: str, x: Tensor, v: Any, shape: tuple) -> Any:
    """v as something that can be written into this shape of x."""
    v = v._data if isinstance(v, Tensor) else v.item() if isinstance(v, np.generic) else v
    array = v if backend.is_array(v) else np.asarray(v)
    if array.dtype.kind not in "fiub" or "biuf".index(array.dtype.kind) > "biuf".index(x.dtype.kind):
        raise check.DTypeError(f"{who}: cannot write {v!r} into a tensor of dtype {x.dtype}")
    sizes = array.shape[::-1]
    if len(sizes) > len(shape) or any(n not in (1, m) for n, m in zip(sizes, shape[::-1], strict=False)):
        raise check.ShapeError(f"{who}: v of shape {array.shape} does not fit shape {shape}")
    return v if isinstance(v, bool | int | float) else backend.to_backend(array, x.backend)


def _refuse_if_recorded(who: str, x: Tensor, v: Any) -> None:
    if grad_enabled() and (x.requires_grad or (isinstance(v, Tensor) and v.requires_grad)):
        raise RuntimeError(
            f"{who}: writing into a tensor is not recorded, so its gradient would be wrong; write under no_grad(), "
            "or compute a new tensor (where, cat, x + v)"
        )


def setitem(x: Tensor, index: Any, v: Any) -> None:
    r"""x[index] = v, in place. RuntimeError where a gradient should flow through it.

    >>> x = Tensor([1.0, 2.0, 3.0])
    >>> x[1:] = 0
    >>> x
    Tensor([1., 0., 0.])
    """
    _refuse_if_recorded("x[...] = v", x, v)
    index = clean("x[...] = v", x, index)
    v = _value("x[...] = v", x, v, x._data[index].shape)
    x.writable()[index] = v


def _in_place(symbol: str, write: Callable, compute: Callable) -> Callable:
    def update(x: Tensor, v: Any) -> Tensor:
        who = f"x {symbol} v"
        if grad_enabled() and not x.is_leaf:
            return compute(x, v)
        _refuse_if_recorded(who, x, v)
        if symbol == "/=" and x.dtype.kind != "f":
            raise check.DTypeError(f"{who}: x must hold floats, got dtype {x.dtype}")
        v = _value(who, x, v, x.shape)
        write(x.writable(), v)
        return x

    return update


iadd = _in_place("+=", operator.iadd, arithmetic.add)
isub = _in_place("-=", operator.isub, arithmetic.sub)
imul = _in_place("*=", operator.imul, arithmetic.mul)
itruediv = _in_place("/=", operator.itruediv, arithmetic.div)
