r"""Where a tensor lives and in which float type: `x.to("cupy")`, `x.to("float64")`.

y = x in other bytes; so $dx = dy$, brought back to where x lives and to its type.

Try it:
1. Convert 1/3 from float32 to float64, and take 1/3 away: 1e-8 is left. What was rounded away does not come back.
2. Add 1e-8 to 1: in float32 it is gone, in float64 it is there.
3. Take the gradient of `(y * y).sum()` for `y = x.to("float64")`: x.grad is float32, as x is.
"""

from minidl import backend, check
from minidl.tensor import Function, Tensor

FLOATS = ("float32", "float64")
PLACES = (*backend.BACKENDS, *FLOATS)


def converted(array, where: str):
    r"""The array on that backend or in that type; itself if it is so already."""
    if where in FLOATS:
        return array.astype(where, copy=False)
    return backend.to_backend(array, where)


def tensor_only(who: str, x: Tensor) -> None:
    r"""DTypeError unless x is a Tensor: an array does not say where it lives."""
    if not isinstance(x, Tensor):
        raise check.DTypeError(f"{who}: x must be a Tensor, got {type(x).__name__}")


class To(Function):
    def __init__(self, where: str, home: str):
        self.where, self.home = where, home

    def forward(self, x):
        return converted(x, self.where)

    def backward(self, dy):
        return backend.to_backend(dy, self.home)  # the engine restores the dtype


def to(x: Tensor, where: str) -> Tensor:
    r"""x on another backend ("numpy" or "cupy") or in another float type ("float32" or "float64"); x itself where
    nothing changes. ValueError for another word, RuntimeError (with the reason) where there is no GPU.

    >>> to(Tensor([1.0, 2.0]), "float64").dtype
    dtype('float64')
    """
    check.option("to", "where", where, PLACES)
    tensor_only("to", x)
    if where in (x.backend, x.dtype.name):
        return x
    return To(where, x.backend)(x)


def to_(x: Tensor, where: str) -> Tensor:
    r"""The same in place: moves or converts the values of x and their gradient, for a model's parameters. Integers
    keep their type. RuntimeError for a computed tensor.

    >>> x = Tensor([1.0, 2.0])
    >>> to_(x, "float64") is x, x.dtype
    (True, dtype('float64'))
    """
    check.option("to_", "where", where, PLACES)
    tensor_only("to_", x)
    if not x.is_leaf:
        raise RuntimeError("to_: this tensor is the result of an operation; use to()")
    if where in backend.BACKENDS or x.dtype.kind == "f":
        x._data = converted(x._data, where)
        if x.grad is not None:
            x.grad = converted(x.grad, where)
    return x
