r"""A strict stand-in for `cupy` over NumPy: what runs on it, and says nothing wrong, will run on CuPy.

Put into `sys.modules["cupy"]` it makes `minidl.use("cupy")` work on a machine without a GPU. It is CuPy where CuPy is
stricter than NumPy, and a little stricter than CuPy where CuPy is silent:

- arrays of the two libraries do not mix, and none turns into the other by itself (TypeError);
- a reduction to one number, and x[0, 0], is a 0-d array, no scalar;
- only functions, methods and options that CuPy has (cupy_names.txt, made from CuPy itself by names.py);
- `empty` is full of NaN; an assignment through indices that name a place twice is an error (its result is not defined);
- an index array that runs out of its axis is an error (CuPy wraps it round);
- an ElementwiseKernel runs its real body, compiled as C++ (compile.py).
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minidl import backend
from tests.gpu import compile as bodies

FILE = Path(__file__).parent / "cupy_names.txt"
_LINES = [line.split() for line in FILE.read_text().splitlines()]
_TABLE = {kind: {n: p for k, n, *p in _LINES if k == kind} for kind in ("function", "ufunc", "constant", "method")}
_FROM_HOST = ("array", "asarray", "asanyarray")
_AT = ("add", "subtract", "maximum", "minimum")
__version__ = f"{_LINES[0][1]} (stand-in)"
ran: set[str] = set()  # names of the kernels that ran here


@contextlib.contextmanager
def installed() -> Iterator[Any]:
    r"""Inside this block arrays are made on `cupy`: the real one where the suite runs on it, else this stand-in."""
    before, name = sys.modules.get("cupy"), backend.current()
    if name != "cupy":
        sys.modules["cupy"] = sys.modules[__name__]
        backend.elementwise.cache_clear()
        backend.use("cupy")
    try:
        yield sys.modules["cupy"]
    finally:
        if name != "cupy":
            backend.use(name)
            backend.elementwise.cache_clear()
            sys.modules.pop("cupy") if before is None else sys.modules.__setitem__("cupy", before)


def __getattr__(name: str) -> Any:
    if name in _TABLE["ufunc"]:
        return ufunc(name)
    if name in _TABLE["function"]:
        return _checked(getattr(np, name), name, _TABLE["function"][name], name in _FROM_HOST)
    if name in _TABLE["constant"]:
        return getattr(np, name)
    raise AttributeError(f"the stand-in for cupy has no {name!r}: CuPy has none, or names.py does not list it")


class ndarray:
    r"""An array "on the GPU"."""

    __slots__ = ("_a", "base", "__weakref__")
    __array_ufunc__ = None  # numpy_array + this is left to __radd__, which refuses
    __hash__ = None

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed; use .get()")

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"numpy.{function.__name__} was called on a CuPy array; call the one of xp_of(x)")

    def get(self) -> np.ndarray:
        return self._a.copy()

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    T = property(lambda self: _wrap(self._a.T, self))
    mT = property(lambda self: _wrap(self._a.mT, self))
    flags = property(lambda self: _Flags(self))

    def __getitem__(self, index):
        return _wrap(self._a[_index(index)], self)

    def __setitem__(self, index, value):
        index = _index(index)
        _refuse_duplicates(self._a, index)
        self._a[index] = _unwrap(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self._a)

    def __bool__(self):
        return bool(self._a)

    def __int__(self):
        return int(self._a)

    def __float__(self):
        return float(self._a)

    def __index__(self):
        return self._a.__index__()

    def __repr__(self):
        return repr(self._a)

    def __copy__(self):
        return _wrap(self._a.copy())

    def __deepcopy__(self, memo):
        return _wrap(self._a.copy())


class _Flags:
    def __init__(self, x: ndarray):
        self.c_contiguous, self.f_contiguous = x._a.flags.c_contiguous, x._a.flags.f_contiguous
        self.owndata = x.base is None


class ufunc:
    r"""An elementwise function, with the few methods that CuPy's have."""

    def __init__(self, name: str):
        self.name, self._f = name, getattr(np, name)
        self._call = _checked(self._f, name, ["*args", "out", "dtype", "casting", "where"])

    def __call__(self, *args, **kwargs):
        if any(isinstance(a, list | tuple) for a in args):
            raise TypeError(f"cupy.{self.name}: expected arrays or numbers, got a list")
        return self._call(*args, **kwargs)

    def __getattr__(self, method: str):
        have = {"add": ("reduce", "accumulate"), "multiply": ("reduce", "accumulate")}.get(self.name, ())
        if method == "outer" or method in have:
            return _checked(getattr(self._f, method), f"{self.name}.{method}", ["*args", "axis", "dtype", "out"])
        raise AttributeError(f"cupy.{self.name} has no {method}")

    def at(self, x, index, value=None):
        if self.name not in _AT:
            raise NotImplementedError(f"cupy.{self.name}.at")
        if not isinstance(x, ndarray):
            raise TypeError(f"cupy.{self.name}.at: expected a CuPy array, got {type(x).__name__}")
        self._f.at(x._a, _index(index), _unwrap(value))


class ElementwiseKernel:
    r"""CuPy's, run by its body as C++."""

    def __init__(self, in_params, out_params, operation, name="kernel"):
        self._kernel = bodies.ElementwiseKernel(in_params, out_params, operation, name)

    def __call__(self, *args, size=None):
        for a in args:
            if isinstance(a, np.ndarray):
                raise TypeError(f"{self._kernel.name}: Unsupported type {type(a)}")
        ran.add(self._kernel.name)
        return _same_or_wrapped(self._kernel(*(_unwrap(a) for a in args), size=size), args)


def asnumpy(x) -> np.ndarray:
    return x.get() if isinstance(x, ndarray) else np.asarray(x)


def is_available() -> bool:
    return True


def empty(shape, dtype=float, order="C"):
    return _wrap(bodies.poisoned(shape, np.dtype(dtype)))


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    return empty(prototype.shape if shape is None else shape, prototype.dtype if dtype is None else dtype)


# ---- between the two ----
def _wrap(result, *parents):
    """What NumPy returned, as CuPy would: arrays (also of one number) as ours, the rest as it is."""
    if isinstance(result, tuple | list):
        return type(result)(_wrap(r, *parents) for r in result)
    if not isinstance(result, np.ndarray | np.generic):
        return result
    x = ndarray.__new__(ndarray)
    a = np.asarray(result)
    x.base = None
    if a.base is not None:  # a view: of one of the parents, or of something that nobody sees
        roots = [p if p.base is None else p.base for p in parents]
        x.base = next((r for r in roots if np.may_share_memory(a, r._a)), None)
        if x.base is None:
            a = a.copy(order="K")
    x._a = a
    return x


def _unwrap(x, from_host: bool = False):
    if isinstance(x, ndarray):
        return x._a
    if isinstance(x, np.ndarray) and not from_host:
        raise TypeError(f"Unsupported type {type(x)}: NumPy and CuPy arrays do not mix")
    if isinstance(x, tuple | list):
        return type(x)(_unwrap(item, from_host) for item in x)
    return x


def _arrays_in(args):
    for x in args:
        if isinstance(x, ndarray):
            yield x
        elif isinstance(x, tuple | list):
            yield from _arrays_in(x)


def _same_or_wrapped(result, args):
    """The very array that was given as out=, or a new one."""
    for x in _arrays_in(args):
        if x._a is result:
            return x
    return _wrap(result, *_arrays_in(args))


def _checked(function, name: str, parameters: list[str], from_host: bool = False):
    """`function` of NumPy, called only with what CuPy's takes."""
    known = {p.strip("*") for p in parameters}
    starred = any(p.startswith("*") and not p.startswith("**") for p in parameters)
    any_keyword = any(p.startswith("**") for p in parameters)

    def call(*args, **kwargs):
        unknown = [] if any_keyword else sorted(set(kwargs) - known)
        if unknown or (len(args) > len(parameters) and not starred):
            raise TypeError(f"cupy.{name} takes {parameters}; got {len(args)} arguments and {sorted(kwargs)}")
        given = [*args, *kwargs.values()]
        with np.errstate(all="ignore"):
            result = function(
                *(_unwrap(a, from_host) for a in args), **{k: _unwrap(v, from_host) for k, v in kwargs.items()}
            )
        if from_host and any(result is a for a in given):
            result = result.copy()  # np.asarray returns what is on the host already; a transfer never does
        return _same_or_wrapped(result, given)

    return call


def _index(index):
    return tuple(_unwrap(i) for i in index) if isinstance(index, tuple) else _unwrap(index)


def _refuse_duplicates(a: np.ndarray, index) -> None:
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(p) for p in parts if isinstance(p, np.ndarray | list)]
    if any(p.dtype.kind in "iu" and p.size > 1 for p in arrays):
        places = np.arange(a.size).reshape(a.shape)[index]
        if np.unique(places).size != places.size:
            raise ValueError("an assignment through indices names a place twice: CuPy does not say which value stays")


def _operator(name: str):
    def operator(self, other):
        if isinstance(other, list | tuple):
            raise TypeError(f"Unsupported type {type(other)}")
        other = _unwrap(other)
        with np.errstate(all="ignore"):
            result = getattr(self._a, name)(other)
        return result if result is NotImplemented else self if result is self._a else _wrap(result)

    return operator


for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    for _prefix in ("", "r", "i"):
        setattr(ndarray, f"__{_prefix}{_name}__", _operator(f"__{_prefix}{_name}__"))
for _name in "eq ne lt le gt ge".split():
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in "neg pos abs invert".split():
    setattr(ndarray, f"__{_name}__", lambda self, _name=_name: _wrap(getattr(self._a, f"__{_name}__")()))
for _name, _parameters in _TABLE["method"].items():
    if _name not in vars(ndarray):
        setattr(ndarray, _name, _checked(getattr(np.ndarray, _name), _name, ["self", *_parameters]))
