r"""The primitive differentiable operations. Each is a function here, and a method of Tensor where its first argument is
a tensor: `minidl.ops.add(a, b)`, `a.add(b)`, `a + b`."""

from minidl.ops.arithmetic import Add, Div, Mul, Neg, Pow, Sub, add, div, mul, neg, pow, sub
from minidl.tensor import Tensor

METHODS = (add, sub, mul, div, pow, neg)

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
    "__neg__": neg,
}

for _function in METHODS:
    setattr(Tensor, _function.__name__, _function)
for _name, _function in OPERATORS.items():
    setattr(Tensor, _name, _function)
