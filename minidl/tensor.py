r"""The engine: arrays that remember how they were made, and hand gradients back along that way.

A `Function` is one differentiable operation. Calling it on tensors runs its `forward` on their arrays and returns a new
`Tensor` that knows its maker. The makers form a graph that points from every result to its inputs:

    a, b  ->  Mul  ->  c = a * b  ->  Sum  ->  y

`y.backward()` walks that graph once (see `graph.py`), from the result to the inputs. With
$dv = \partial L / \partial v$ for every variable v, each Function turns the gradients of its outputs into the gradients
of its inputs (its `backward`, the chain rule for this one operation), and where a variable was used more than once its
gradients add up:

$$ dx = \sum_{v \text{ computed from } x} \frac{\partial v}{\partial x}^{\!\top} dv $$

Nodes point only backwards, never at their results: without a cycle, the graph is freed with its last tensor.

Source: Linnainmaa 1976, BIT 16; Rumelhart, Hinton and Williams 1986, Nature 323.

Try it:
1. Let `Cube` below return `2 * x**2 * dy`: `gradcheck(lambda x: Cube()(x), [np.array([1.0, 2.0])])` says so.
2. Add 1 to a tensor 100,000 times, and call `backward()`: 0.3 seconds, and no recursion. A node takes 440 bytes.
3. After `y = (x * x).sum()` write `x[0] = 5` under `no_grad()`: `y.backward()` is an error. With `x + x` it is none.
"""

import operator
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl import backend, diagnose, graph, writes
from minidl.check import DTypeError, ShapeError
from minidl.modes import detect_anomaly, grad_enabled, no_grad, state

__all__ = ["Function", "Tensor", "detect_anomaly", "grad_enabled", "no_grad"]

Array = Any  # numpy.ndarray or cupy.ndarray

_ndarray = np.ndarray
_new = object.__new__
_weak = weakref.ref


class Function:
    r"""One differentiable operation, and one node of the graph.

    A subclass gives `forward(self, *arrays)`, which returns an array (or a tuple of them), and
    `backward(self, *grads)`, which takes one gradient for each output and returns one for each input (None where there
    is none). What backward needs is kept with `self.save(...)` and read back as `self.saved`; options are given to
    `__init__`. Broadcasting is undone by the engine: a backward may return a gradient of the broadcast shape.

    >>> class Cube(Function):
    ...     def forward(self, x):
    ...         self.save(x)
    ...         return x**3
    ...     def backward(self, dy):
    ...         (x,) = self.saved
    ...         return 3 * x**2 * dy
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> Cube()(x).sum().backward()
    >>> x.grad
    array([ 3., 12.], dtype=float32)
    """

    __slots__ = (
        "needs_grad",  # per input: does anybody want its gradient? A backward may skip the others
        "saved",  # what backward needs
        "_order",  # its age, by the clock
        "__dict__",  # the options of a subclass, and rarely:
    )
    # per input, where its gradient goes: (a node, its output's number; a leaf, None; or None, a constant), shape, dtype
    _edges: Any = None
    _n_outputs = 1
    _outputs: list | None = None  # (shape, dtype, xp) of each output, where there are several
    _hooks: tuple = ()  # (number of an output, what to call with its gradient, or the tensor that wants to keep it)
    _where = ""  # the line that called it, under detect_anomaly

    def forward(self, *arrays: Any) -> Any:
        raise NotImplementedError

    def backward(self, *grads: Array) -> Any:
        raise NotImplementedError

    def save(self, *arrays: Any) -> None:
        r"""Keep these for backward; changing one of the arrays in place before then is an error."""
        self.saved = arrays

    def __call__(self, *inputs: Any) -> Any:
        if self._edges is not None:
            raise RuntimeError(
                f"{diagnose.name(self)}: a Function is one node of a graph; make a new one for each call"
            )
        arrays, edges, needs, grad_on, node = [], [], [], state.grad, None
        for x in inputs:
            if isinstance(x, Tensor):
                array = x._data
                arrays.append(array)
                if grad_on and x.requires_grad:
                    if x._node is None:
                        edges.append((x, None, array.shape, array.dtype))
                    else:
                        edges.append((x._node, x._index, array.shape, array.dtype))
                    needs.append(True)
                    node = self
                    continue
                constant = _weak(array) if grad_on else None  # for replay.py; keeps nothing alive
            else:
                constant = array = x if type(x) is float or type(x) is int else _constant(x, self)
                arrays.append(array)
                if hasattr(array, "shape"):
                    constant = _weak(array)
            edges.append((None, constant, None, None))
            needs.append(False)
        self._edges, self.needs_grad, self.saved = edges, needs, ()
        try:
            result = self.forward(*arrays)
        except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise diagnose.explained(error, self, arrays) from error
        if state.anomaly:
            diagnose.watch_forward(self, arrays, result)
        if node is not None:
            self._order = next(writes.clock)
        if type(result) is not tuple:
            return _wrap(result, node)
        self._n_outputs = len(result)
        self._outputs = [(y.shape, y.dtype, backend.xp_of(y)) for y in result]
        return tuple(_wrap(y, node if y.dtype.kind == "f" else None, i) for i, y in enumerate(result))


class Tensor:
    r"""An array with a gradient.

    `Tensor(data)` copies its data (so changing your array later changes nothing here) to the current backend. Python
    numbers become float32, int64 or bool; float32 and float64 arrays keep their type. Raises TypeError for data that
    are not real numbers.

    >>> w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (w * w).sum()
    >>> y.backward()
    >>> w.grad
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("_data", "grad", "requires_grad", "_node", "_index", "_hooks", "__weakref__")
    __array_ufunc__ = None  # numpy_array * tensor is left to Tensor.__rmul__
    __array_priority__ = 1000

    def __init__(self, data: Any, requires_grad: bool = False):
        if isinstance(data, list | tuple) and any(isinstance(item, Tensor) for item in data):
            raise DTypeError("Tensor: got a list of tensors; join them with minidl.stack or minidl.cat")
        self._data = backend.array(_raw(data))
        self.grad: Array | None = None
        self._node: Function | None = None
        self._index = 0
        self._hooks: tuple = ()
        self.requires_grad = False
        self.requires_grad_(requires_grad)

    # ---- what it holds ----
    @property
    def data(self) -> Array:
        r"""The array, to read (on NumPy it refuses writing). To change values: `x[...] = v`, `x -= v` under `no_grad`,
        or assign `x.data = v`; all of them are noticed by a backward that still needs the old values."""
        if type(self._data) is not _ndarray:
            return self._data
        view = self._data.view()
        view.flags.writeable = False
        return view

    @data.setter
    def data(self, value: Any) -> None:
        shape = value.shape if hasattr(value, "shape") else np.shape(value)
        if shape != self.shape:
            raise ShapeError(f"Tensor.data: expected shape {self.shape}, got {shape}")
        with no_grad():
            self[...] = value

    def writable(self) -> Array:
        r"""The array itself, to be changed in place; counts as one write."""
        writes.note(self._data)
        return self._data

    shape = property(operator.attrgetter("_data.shape"), doc="Sizes of the axes.")
    dtype = property(operator.attrgetter("_data.dtype"), doc="Type of one element.")
    ndim = property(operator.attrgetter("_data.ndim"), doc="Number of axes.")
    size = property(operator.attrgetter("_data.size"), doc="Number of elements.")
    backend = property(lambda self: "cupy" if backend.on_gpu(self._data) else "numpy", doc='"numpy" or "cupy".')
    is_leaf = property(lambda self: self._node is None, doc="Made by the user, not by an operation.")

    def numpy(self) -> np.ndarray:
        r"""A copy as a NumPy array on the host."""
        return np.array(backend.to_numpy(self._data))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if backend.on_gpu(self._data):
            raise DTypeError("a CuPy tensor does not turn into a NumPy array by itself; call .numpy()")
        return np.array(self._data, dtype=dtype)

    def item(self) -> float | int | bool:
        r"""The only element as a Python number. ValueError if there is not exactly one."""
        if self.size != 1:
            raise ShapeError(f"item: needs a tensor with one element, got shape {self.shape}")
        return self._data.item()

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form else repr(self)  # f"{loss:.3f}"

    def __repr__(self) -> str:
        kind = type(self).__name__
        body = np.array2string(backend.to_numpy(self._data), separator=", ", prefix=f"{kind}(")
        dtype = "" if self.dtype in (np.float32, np.int64, np.bool_) else f", dtype={self.dtype}"
        leaf = ", requires_grad=True" if self.requires_grad else ""
        return f"{kind}({body}{dtype}{f', made by {diagnose.name(self._node)}' if self._node else leaf})"

    # ---- gradients ----
    def requires_grad_(self, flag: bool = True) -> "Tensor":
        r"""Ask for a gradient (or no longer), in place. TypeError for integers, RuntimeError for a computed tensor."""
        if flag is not True and flag is not False:
            raise DTypeError(f"requires_grad: must be True or False, got {flag!r}")
        if flag and self.dtype.kind != "f":
            raise DTypeError(f"requires_grad: only float tensors have gradients, got dtype {self.dtype}")
        if self._node is not None and not flag:
            raise RuntimeError("requires_grad_: this tensor is the result of an operation; use detach()")
        self.requires_grad = flag
        return self

    def detach(self) -> "Tensor":
        r"""The same values (and memory), cut off from the graph."""
        return _wrap(self._data)

    def register_hook(self, hook: Callable[[Array], Array | None]) -> None:
        r"""Call `hook(gradient)` when the whole gradient of this tensor is known; what it returns, if anything,
        takes the gradient's place."""
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require a gradient")
        if not callable(hook):
            raise DTypeError(f"register_hook: hook must be a function, got {hook!r}")
        if self._node is None:
            self._hooks += (hook,)
        else:
            self._node._hooks += ((self._index, hook),)

    def retain_grad(self) -> None:
        r"""Keep `.grad` of this computed tensor too (otherwise only leaves have one)."""
        if self._node is not None:
            self._node._hooks += ((self._index, weakref.ref(self)),)  # weak: a graph does not hold its results

    def backward(self, grad: Any = None, *, retain_graph: bool = False, create_graph: bool = False) -> None:
        r"""Add $\partial L / \partial x$ to the `.grad` of every leaf x that asked for it.

        grad: the gradient of L with respect to this tensor, of its shape; may be left out (1) for a single number.
        The graph is freed on the way unless retain_graph is true. If anything fails, no `.grad` has changed.
        """
        if create_graph:
            raise NotImplementedError(
                "backward: minidl differentiates once, by design (backwards are plain array code); "
                "create_graph=True cannot be had. For a second derivative use finite differences of the gradient"
            )
        if not self.requires_grad:
            raise RuntimeError("backward: this tensor does not require a gradient: no input had requires_grad=True")
        if grad is None:
            if self.size != 1:
                raise ShapeError(f"backward: pass grad= for a result of shape {self.shape}; only one number has 1")
            grad = backend.xp_of(self._data).array(1, self.dtype).reshape(self.shape)  # faster than ones()
        else:
            raw = _raw(grad)
            fits = backend.is_array(raw) and raw.dtype == self.dtype  # no copy then: nobody writes to a gradient
            grad = backend.to_backend(raw if fits else backend.array(raw), self.backend)
            if grad.shape != self.shape:
                raise ShapeError(f"backward: grad must have shape {self.shape}, got {grad.shape}")
            grad = grad.astype(self.dtype, copy=False)

        leaves = graph.gradients(self, grad, retain_graph)
        totals = [graph.total(entry) for entry in leaves]
        for (leaf, _), total in zip(leaves, totals, strict=True):
            leaf.grad = total


def _raw(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x


def _constant(x: Any, function: Function) -> Any:
    """An operand that is no tensor: None ("absent") as it is, an array as a copy (so that its owner may change it), a
    number as a Python number (so that it never widens a dtype)."""
    if x is None or type(x) is bool:
        return x
    if backend.is_array(x) and (x.dtype.kind in "iub" or x.dtype.str[1:] in ("f4", "f8")):
        return backend.xp_of(x).array(x, x.dtype.newbyteorder("="))
    if isinstance(x, float | np.floating):
        return float(x)
    if isinstance(x, int | np.integer):
        return int(x)
    if isinstance(x, np.bool_):
        return bool(x)
    got = f"an array of dtype {x.dtype}" if backend.is_array(x) else type(x).__name__
    raise DTypeError(f"{diagnose.name(function)}: operands must be tensors, arrays or numbers, got {got}")


def _wrap(array: Any, node: Function | None = None, index: int = 0) -> Tensor:
    """A tensor around an array of our own, without a copy."""
    tensor = _new(Tensor)
    tensor._data = array if type(array) is _ndarray else _as_array(array)
    tensor.grad = None
    tensor._hooks = ()
    tensor._node = node
    tensor._index = index
    tensor.requires_grad = node is not None
    return tensor


def _as_array(array: Any) -> Array:
    if isinstance(array, np.generic):  # NumPy's 0-d results are scalars
        return np.asarray(array)
    if not backend.is_array(array):
        raise DTypeError(f"forward must return an array or a tuple of arrays, got {type(array).__name__}")
    return array
