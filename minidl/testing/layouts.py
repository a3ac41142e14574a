r"""The layouts that an array can come in: the same numbers, differently placed in memory.

Whoever reads memory as if it were in C order gets other numbers from them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend


def _sliced(x: Any) -> Any:
    """Every other entry along each axis of an array that holds a bad number everywhere else."""
    xp = backend.xp_of(x)
    large = xp.full(tuple(2 * n + 1 for n in x.shape), np.nan if x.dtype.kind == "f" else -(10**9), x.dtype)
    view = large[(..., *(slice(1, None, 2) for _ in x.shape))]  # with ... also a 0-d result is a view
    view[...] = x
    return view


def _channels_last(x: Any) -> Any:
    """Axis 1 innermost in memory, as convolutions leave their images."""
    xp = backend.xp_of(x)
    return xp.moveaxis(xp.moveaxis(x, 1, -1).copy(), -1, 1) if x.ndim > 1 else x.copy()


def _reversed(x: Any) -> Any:
    back = (..., *(slice(None, None, -1) for _ in x.shape))
    return x[back].copy()[back]


def _read_only(x: Any) -> Any:
    x = x.copy()
    if not backend.on_gpu(x):
        x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.T.copy().T,
    "channels last": _channels_last,
    "sliced": _sliced,
    "reversed": _reversed,
    "read-only": _read_only,
}
