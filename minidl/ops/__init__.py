r"""The primitive differentiable operations. Each is a function here, and a method of Tensor where its first argument is
a tensor: `minidl.ops.add(a, b)`, `a.add(b)`, `a + b`."""

from minidl.ops.arithmetic import add, div, mul, neg, pow, sub
from minidl.ops.bounded import clip, relu, sigmoid, tanh
from minidl.ops.choose import maximum, minimum, where
from minidl.ops.compare import eq, ge, gt, le, lt, ne, or_unlike
from minidl.ops.convert import to, to_
from minidl.ops.einsum import einsum
from minidl.ops.elementwise import abs, cos, exp, log, log1p, sin, sqrt
from minidl.ops.extremes import argmax, argmin, max, min
from minidl.ops.gather import gather, index_select
from minidl.ops.indexing import getitem
from minidl.ops.inplace import iadd, imul, isub, itruediv, setitem
from minidl.ops.join import cat, chunk, split, stack
from minidl.ops.matmul import matmul, outer
from minidl.ops.norm import norm
from minidl.ops.pad import pad
from minidl.ops.reduce import cumsum, logsumexp, mean, std, sum, var
from minidl.ops.shape import expand, flatten, flip, permute, reshape, squeeze, transpose, unsqueeze
from minidl.tensor import Tensor

METHODS = (
    *(add, sub, mul, div, pow, neg, matmul, outer, eq, ne, lt, le, gt, ge, maximum, minimum),
    *(exp, log, log1p, sqrt, abs, sin, cos, tanh, sigmoid, relu, clip),
    *(sum, mean, var, std, max, min, argmax, argmin, logsumexp, cumsum, norm),
    *(reshape, flatten, permute, transpose, squeeze, unsqueeze, expand, flip, pad, split, chunk),
    *(gather, index_select, to, to_),
)
FUNCTIONS = (where, cat, stack, einsum)

OPERATORS = {
    "__add__": add,
    "__radd__": add,
    "__mul__": mul,
    "__rmul__": mul,
    "__sub__": sub,
    "__rsub__": lambda a, b: sub(b, a),
    "__truediv__": div,
    "__rtruediv__": lambda a, b: div(b, a),
    "__pow__": pow,
    "__rpow__": lambda a, b: pow(b, a),
    "__matmul__": matmul,
    "__rmatmul__": lambda a, b: matmul(b, a),
    "__neg__": neg,
    "__abs__": abs,
    "__eq__": or_unlike(eq),
    "__ne__": or_unlike(ne),
    "__lt__": lt,
    "__le__": le,
    "__gt__": gt,
    "__ge__": ge,
    "__getitem__": getitem,
    "__setitem__": setitem,
    "__iadd__": iadd,
    "__isub__": isub,
    "__imul__": imul,
    "__itruediv__": itruediv,
    "T": property(lambda x: permute(x, range(x.ndim)[::-1]), doc="x with its axes in reversed order."),
}

for _function in METHODS:
    setattr(Tensor, _function.__name__, _function)
for _name, _function in OPERATORS.items():
    setattr(Tensor, _name, _function)

__all__ = [_function.__name__ for _function in (*METHODS, *FUNCTIONS)]
