r"""Errors of the engine that say which operation failed, on what, and where it was called."""

import traceback
from pathlib import Path
from typing import Any

from minidl import backend
from minidl.check import DTypeError, IndexRangeError, ShapeError

_HERE = str(Path(__file__).parent)


def name(function: Any) -> str:
    return type(function).__name__.removesuffix("Function")


def explained(error: Exception, function: Any, arrays: list) -> Exception:
    if type(error).__module__ != "builtins":  # minidl's own, and those of the libraries, speak for themselves
        return error
    if isinstance(error, AttributeError):
        needs = f"{name(function)}: needs at least one tensor or array, got {', '.join(map(repr, arrays))}"
        return error if any(hasattr(a, "shape") for a in arrays) else DTypeError(needs)
    kinds = {backend.on_gpu(a) for a in arrays if hasattr(a, "shape")}
    if len(kinds) == 2:
        return DTypeError(f"{name(function)}: got both NumPy and CuPy inputs; move one with .to(...)")
    shapes = ", ".join(str(tuple(a.shape)) if hasattr(a, "shape") else repr(a) for a in arrays)
    kind = {TypeError: DTypeError, IndexError: IndexRangeError}.get(type(error), ShapeError)
    return kind(f"{name(function)}: {error}; the inputs were {shapes}")


def _finite(arrays: Any) -> bool:
    return all(bool(backend.xp_of(a).isfinite(a).all()) for a in arrays if hasattr(a, "dtype") and a.dtype.kind == "f")


def watch_forward(function: Any, arrays: list, result: Any) -> None:
    frames = [f for f in traceback.extract_stack() if not f.filename.startswith(_HERE)]
    if frames:
        function._where = f'called at {frames[-1].filename}:{frames[-1].lineno}, "{frames[-1].line}"'
    if _finite(arrays) and not _finite(result if type(result) is tuple else (result,)):
        raise FloatingPointError(f"{name(function)} made a NaN or an infinity in its forward pass; {function._where}")


def watch_backward(node: Any, grads: list, results: tuple) -> None:
    if _finite(grads) and not _finite(results):
        where = node._where or "called before detect_anomaly() began"
        raise FloatingPointError(f"{name(node)} made a NaN or an infinity in its backward pass; {where}")
