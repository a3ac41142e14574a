r"""The switch between NumPy (CPU) and CuPy (GPU).

The two libraries have the same functions, so one line of code serves both once it knows which of them its array
belongs to. That is asked of the array itself, each time, and stored nowhere:

    xp = xp_of(x)               # numpy or cupy
    y = xp.exp(x)               # runs where x lives

`use("cupy")` (or the environment variable `MINIDL_BACKEND=cupy`) decides only where *new* arrays are made. CuPy is
not imported before it is asked for, and importing it proves nothing: only `cupy.is_available()` says that there is a
GPU.

Kernels (the hot loops in `minidl.kernels`) come in three forms: a plain reference, Numba for the CPU, and the body of
a `cupy.ElementwiseKernel`. `MINIDL_KERNELS=reference` runs every one of them on its reference.

Source: the array module of Chainer (Tokui et al. 2015), from which CuPy comes: `xp = chainer.get_array_module(x)`.

Try it:
1. Train an LSTM (50 steps, batch 16, 32 units) with `MINIDL_KERNELS=reference`: a pass, forward and backward, takes
   7 ms instead of 0.5. A 3 x 3 convolution, mostly one matrix product, takes 1.4 ms instead of 1.1.
2. Ask for `use("cupy")` where there is no GPU: RuntimeError says what to install, or to look at the driver.
3. Multiply float32 matrices (300, 1000) and (1000, 300), then again under `threadpoolctl.threadpool_limits(2)`: some
   numbers differ, by up to 5e-5. That is why NumPy's BLAS is held at one thread.
"""

import functools
import importlib.util
import os
import sys
from typing import Any

import numpy as np
import threadpoolctl

from minidl.check import DTypeError, ShapeError
from minidl.jit import HAS_NUMBA
from minidl.memory import keep_memory

BACKENDS = ("numpy", "cupy")

# True: every kernel runs on its plain formulas, slower and with the same numbers.
REFERENCE = os.environ.get("MINIDL_KERNELS", "") == "reference" or not HAS_NUMBA

_ON_HOST = (np.ndarray, np.generic)

_current = "numpy"


def why_no_gpu() -> str | None:
    r"""Why CuPy cannot be used here and what to do about it, or None if it can.

    >>> reason = why_no_gpu()
    >>> reason is None or "pip install" in reason or "driver" in reason
    True
    """
    if "cupy" not in sys.modules and importlib.util.find_spec("cupy") is None:
        return 'CuPy is not installed; pip install "minidl[cuda13]" (driver 580 or newer) or "minidl[cuda12]" (older)'
    import cupy  # noqa: PLC0415  (imported only when a GPU is asked for)

    if not cupy.is_available():
        return "CuPy is installed, but it finds no usable NVIDIA GPU; check the driver with nvidia-smi"
    return None


def module(name: str) -> Any:
    r"""The array library called `name`: `numpy` or `cupy`.

    Raises ValueError for another name, and RuntimeError (with the reason) where there is no GPU.

    >>> module("numpy").__name__
    'numpy'
    """
    if name == "numpy":
        return np
    if name != "cupy":
        raise ValueError(f"backend: expected one of {BACKENDS}, got {name!r}")
    if reason := why_no_gpu():
        raise RuntimeError(f"backend 'cupy' is not available: {reason}")
    import cupy  # noqa: PLC0415

    return cupy


def use(name: str) -> None:
    r"""Make new tensors and parameters on `name`, "numpy" or "cupy". Existing ones stay where they are.

    >>> use("numpy")
    >>> current()
    'numpy'
    """
    global _current
    module(name)
    _current = name


def current() -> str:
    r"""Where new arrays are made: "numpy" or "cupy".

    >>> current() in BACKENDS
    True
    """
    return _current


def is_array(x: Any) -> bool:
    r"""Whether `x` is an array of one of the two libraries (a Tensor is not)."""
    return isinstance(x, np.ndarray) or ("cupy" in sys.modules and isinstance(x, sys.modules["cupy"].ndarray))


def on_gpu(array: Any) -> bool:
    r"""Whether `array` lives on a GPU."""
    return not isinstance(array, _ON_HOST)


def xp_of(array: Any) -> Any:
    r"""The library that `array` belongs to: the module `numpy` or the module `cupy`.

    >>> xp_of(np.zeros(3)).__name__
    'numpy'
    """
    if isinstance(array, _ON_HOST):
        return np
    if not is_array(array):
        raise TypeError(f"expected an array, got {array!r}")
    return sys.modules["cupy"]


def channels_last(x: Any) -> bool:
    r"""Whether the memory of `x` (N, C, H, W) has the order N, H, W, C: a pixel's channels side by side.

    The shape of an image is always (N, C, H, W); which of its axes is the innermost in memory its strides say, and
    a kernel goes along with what it finds. Convolutions on the CPU make channels-last images.

    >>> channels_last(np.zeros((1, 2, 3, 3))), channels_last(np.zeros((1, 3, 3, 2)).transpose(0, 3, 1, 2))
    (False, True)
    """
    return not x.flags.c_contiguous and x.transpose(0, 2, 3, 1).flags.c_contiguous


def to_numpy(array: Any) -> np.ndarray:
    r"""`array` on the host; itself if it is there already."""
    return sys.modules["cupy"].asnumpy(array) if on_gpu(array) else array


def to_backend(array: Any, name: str) -> Any:
    r"""`array` on the backend `name`; itself if it is there already."""
    if name == "numpy":
        return to_numpy(array)
    return module(name).asarray(array)


def array(data: Any) -> Any:
    r"""A fresh array made of `data`, on the current backend (a CuPy array stays where it is).

    Python numbers become float32, int64 or bool. TypeError for data that are not real numbers.

    >>> array([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    if is_array(data):
        result = data
    else:
        try:
            result = np.asarray(data)
        except ValueError as error:
            raise ShapeError(f"data must be a regular array of numbers: {error}") from error
        if result.dtype == np.float64 and not isinstance(data, np.float64):
            result = result.astype(np.float32)
    if result.dtype.kind not in "fiub" or (result.dtype.kind == "f" and result.dtype.itemsize not in (4, 8)):
        raise DTypeError(f"data must be float32, float64, integers or bools, got dtype {result.dtype}")
    if on_gpu(result):
        return result.copy()
    # a copy in C order and in this machine's byte order
    return to_backend(np.array(result, dtype=result.dtype.newbyteorder("="), order="C"), _current)


@functools.cache
def elementwise(in_params: str, out_params: str, body: str, name: str) -> Any:
    r"""The compiled `cupy.ElementwiseKernel` with this body, built once."""
    return module("cupy").ElementwiseKernel(in_params, out_params, body, name)


# A matrix product on two threads adds up in another order than on one. So that the same seed gives the same bits on
# every machine, NumPy's BLAS is held at one thread, for the whole process.
threadpoolctl.threadpool_limits(1, user_api="blas")

keep_memory()

if os.environ.get("MINIDL_BACKEND"):
    use(os.environ["MINIDL_BACKEND"])
