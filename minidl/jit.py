r"""`njit`: Numba's compiler with the settings that every kernel here needs.

- `error_model="numpy"`: a division by zero gives inf as in NumPy; the default raises, and its test keeps loops from
  being vectorised.
- no fastmath: a NaN stays a NaN.
- lazy and cached: nothing is compiled at import, and each kernel only once per machine.

Numba's cache is two pickled files a kernel. A process that dies while it writes them, or a disk that flips a bit,
would make every later run fail or, worse, run damaged machine code. `_CheckedCache` therefore keeps a SHA-256 in front
of each file, and treats a file that does not match, or a folder that cannot be written, as if there were no cache.

On a machine where Numba has no wheel `njit` returns the function as it is, and kernels run on their reference.
"""

import hashlib
import os
import pickle
from collections.abc import Callable
from typing import Any

try:
    import numba
    from numba.core.caching import FunctionCache, IndexDataCacheFile

    HAS_NUMBA = True
except ImportError:
    HAS_NUMBA = False


def njit(function: Callable) -> Callable:
    r"""Compile `function` at its first call, and keep the result on disk.

    >>> @njit
    ... def add(a, b):
    ...     return a + b
    >>> add(1, 2)
    3
    """
    if not HAS_NUMBA:
        return function
    dispatcher = numba.njit(function, error_model="numpy")
    # A disabled JIT (NUMBA_DISABLE_JIT=1) returns the function itself, and a function typed in at a prompt
    # has no file to stand beside: neither has anything to cache.
    if dispatcher is not function and os.path.exists(function.__code__.co_filename):
        try:
            dispatcher._cache = _CheckedCache(function)
        except RuntimeError:  # no folder to write to: compile in every process
            pass
    return dispatcher


if HAS_NUMBA:

    class _CheckedFile(IndexDataCacheFile):
        def _load_index(self) -> dict:
            try:
                with open(self._index_path, "rb") as file:
                    version, stamp, overloads = pickle.loads(_unsealed(file.read()))
            except (OSError, ValueError):
                return {}
            fresh = version == self._version and stamp == self._source_stamp
            return overloads if fresh else {}

        def _save_index(self, overloads: dict) -> None:
            self._write(self._index_path, (self._version, self._source_stamp, overloads))

        def _load_data(self, name: str) -> Any:
            with open(self._data_path(name), "rb") as file:
                try:
                    return pickle.loads(_unsealed(file.read()))
                except ValueError as damage:
                    raise OSError(str(damage)) from damage  # what Numba takes for "not in the cache"

        def _save_data(self, name: str, data: Any) -> None:
            self._write(self._data_path(name), data)

        def _write(self, path: str, content: Any) -> None:
            payload = self._dump(content)
            with self._open_for_write(path) as file:
                file.write(hashlib.sha256(payload).digest() + payload)

    class _CheckedCache(FunctionCache):
        def __init__(self, function: Callable):
            super().__init__(function)
            old = self._cache_file
            self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, old._source_stamp)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except OSError:
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except OSError:
                pass


def _unsealed(content: bytes) -> bytes:
    seal, payload = content[:32], content[32:]
    if hashlib.sha256(payload).digest() != seal:
        raise ValueError("a cache file is damaged")
    return payload
