r"""`njit`: Numba's compiler with the settings that every kernel here needs.

- `error_model="numpy"`: a division by zero gives inf as in NumPy; the default raises, and its test keeps loops from
  being vectorised.
- a NaN stays a NaN: a kernel may allow what changes only the rounding (`fastmath={"contract"}` for a * b + c in one
  step, `"reassoc"` for sums in another order, without which no sum is vectorised), never what assumes numbers.
- `nogil`: a kernel runs beside the interpreter, and so beside others of its kind (minidl/threads.py).
- lazy and cached: nothing is compiled at import, and each kernel only once per machine.

Numba's own cache is an index and numbered data files, all pickled. A process that dies while it writes them, a disk
that flips a bit, or two processes that compile at once would make later runs fail or, worse, run damaged or foreign
machine code. `_CheckedFile` therefore keeps every compiled version of a kernel in one file of its own, named after and
sealed with what it belongs to (source, types, processor, Numba's version), behind a SHA-256 of it all. A file that does
not match, or a folder that cannot be written, counts as no cache.

Numba notices no edits in another file, and takes a function that calls another one through its closure for a new one
in every process. Here the source files of all compiled functions that a kernel calls are part of the seal; so are
`minidl/scalar.py`, constants included, and this file.

On a machine where Numba has no wheel `njit` returns the function as it is, and kernels run on their reference.

Source: Lam, Pitrou and Seibert 2015, "Numba: a LLVM-based Python JIT compiler".

Try it:
1. Add a comment to `minidl/scalar.py`: the first call of an LSTM takes 4.3 s in the next process, for all that calls
   the file is compiled again, and 0.4 s in the one after.
2. Flip a bit in `kernels/__pycache__/lstm.lstm_cpu...nbc`: the next process compiles that kernel anew (1.9 s instead of
   0.8 on a busy machine), without a word, and the one after has it again.
3. Compile `lambda x: x != x` with `njit` and with `njit(fastmath=True)`, and call both with NaN: True and False. Who
   may assume that there is no NaN finds none.
"""

import functools
import hashlib
import os
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

try:
    import numba
    import numba.extending
    from numba.core.caching import FunctionCache, IndexDataCacheFile
    from numba.core.ccallback import CFunc
    from numba.core.dispatcher import Dispatcher
    from numba.core.serialize import dumps
    from numba.extending import _Intrinsic

    HAS_NUMBA = True
    COMPILES = not numba.config.DISABLE_JIT  # else kernels run as plain Python, and vector code not at all
except ImportError:
    HAS_NUMBA = COMPILES = False

_SEAL = hashlib.sha256()
for _path in (__file__, os.path.join(os.path.dirname(__file__), "scalar.py")):
    with open(_path, "rb") as _file:
        _SEAL.update(_file.read())
_SEAL = _SEAL.hexdigest()

_by_address: list[Any] = []


def njit(function: Callable | None = None, *, fastmath: set[str] | None = None) -> Callable:
    r"""Compile `function` at its first call, and keep the result on disk.

    >>> @njit
    ... def add(a, b):
    ...     return a + b
    >>> add(1, 2)
    3
    """
    if function is None:
        return functools.partial(njit, fastmath=fastmath)
    if not HAS_NUMBA:
        return function
    dispatcher = numba.njit(function, error_model="numpy", nogil=True, fastmath=fastmath or False)
    # A disabled JIT (NUMBA_DISABLE_JIT=1) returns the function itself, and a function typed in at a prompt
    # has no file to stand beside: neither has anything to cache.
    if dispatcher is not function and os.path.exists(function.__code__.co_filename):
        try:
            dispatcher._cache = _CheckedCache(function)
        except RuntimeError:  # no folder to write to: compile in every process
            pass
    return dispatcher


def address_of(function: Callable, *types: Any) -> int:
    r"""The address of `function`, compiled for arguments of these types and no result, and kept on disk as above.

    A kernel that many others use is compiled once this way, and they call it by its address; as a function they would
    each compile it again.
    """
    compiled = CFunc(function, (types, numba.types.void), {}, {"error_model": "numpy", "nogil": True})
    try:
        compiled._cache = _CheckedCache(function)
    except RuntimeError:
        pass
    compiled.compile()
    _by_address.append(compiled)  # its code lives as long as it does
    return compiled.address


def borrowed(arrays: tuple) -> tuple:
    r"""The arrays of a kernel's caller, for the kernel to slice: `x, y = borrowed((x, y))` are the same arrays.

    Compiled code counts who refers to the memory of an array. So every slice of it costs two atomic additions, which in
    a loop over short rows take longer than the arithmetic. But who calls a kernel holds its arrays until it returns: in
    there nobody needs to count. Never for an array that the kernel itself has made: it would be freed at once.

    >>> borrowed((1, 2))
    (1, 2)
    """
    return arrays


if HAS_NUMBA and COMPILES:

    @numba.extending.intrinsic
    def _uncounted(typing_context, arrays):  # noqa: ANN001, ANN202
        def write(context, x, signature, arguments):  # noqa: ANN001, ANN202
            views = []
            for i, kind in enumerate(arrays):
                view = context.make_array(kind)(context, x, x.extract_value(arguments[0], i))
                view.meminfo, view.parent = view.meminfo.type(None), view.parent.type(None)
                views.append(view._getvalue())
            return context.make_tuple(x, arrays, views)

        return arrays(arrays), write

    numba.extending.overload(borrowed)(lambda arrays: lambda arrays: _uncounted(arrays))


if HAS_NUMBA:

    class _CheckedFile(IndexDataCacheFile):
        def save(self, key: Any, data: Any) -> None:
            payload = self._dump((self._belongs_to(key), self._dump(data)))
            with self._open_for_write(self._path(key)) as file:  # a temporary file, renamed when it is complete
                file.write(hashlib.sha256(payload).digest() + payload)

        def load(self, key: Any) -> Any:
            try:
                with open(self._path(key), "rb") as file:
                    seal, payload = file.read(32), file.read()
            except OSError:
                return None
            if hashlib.sha256(payload).digest() != seal:
                return None
            owner, data = pickle.loads(payload)
            return pickle.loads(data) if owner == self._belongs_to(key) else None

        def flush(self) -> None:
            pass  # there is no index to empty: a new version takes the place of the old one

        def _belongs_to(self, key: Any) -> tuple:
            return self._version, self._source_stamp, _SEAL, repr(key)

        def _path(self, key: Any) -> str:
            # kernels that check their indices (NUMBA_BOUNDSCHECK=1) are others, though Numba's key is the same
            digest = hashlib.sha256(f"{key[:3]!r} {numba.config.BOUNDSCHECK}".encode()).hexdigest()
            return self._data_path(self._index_name.replace(".nbi", f".{digest[:16]}.nbc"))

    class _CheckedCache(FunctionCache):
        def __init__(self, function: Callable):
            super().__init__(function)
            stamp = self._impl.locator.get_source_stamp()
            self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, stamp)

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except OSError:  # a full disk, say; or a function that it calls comes from no file
                pass

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except OSError:
                return None

        def _index_key(self, sig: Any, codegen: Any) -> tuple:
            """Types, processor, which functions take part, and the digests of their sources: all of it is the seal, the
            first three name the file."""
            found = {}
            _callees(self._py_func, found)
            names, sources = zip(*found.values(), strict=True)
            return sig, codegen.magic_tuple(), names, sources

    def _callees(function: Callable, found: dict) -> None:
        """found[f] = (what f is called, digest of its source), for f = `function` and whatever compiled or
        intrinsic functions it calls; a closure's values are part of its name."""
        code = function.__code__
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        values = dumps([x for x in cells if not isinstance(x, Dispatcher)])
        with open(code.co_filename, "rb") as file:
            source = hashlib.sha256(file.read()).hexdigest()
        name = function.__module__, function.__qualname__, hashlib.sha256(values).hexdigest()
        found[function] = name, (code.co_firstlineno, source)
        used = cells + [function.__globals__.get(name) for name in code.co_names]
        used += [vars(x).get(name) for x in used if isinstance(x, ModuleType) for name in code.co_names]
        for x in used:
            callee = x.py_func if isinstance(x, Dispatcher) else x._defn if isinstance(x, _Intrinsic) else None
            if callee is not None and callee not in found:
                _callees(callee, found)
