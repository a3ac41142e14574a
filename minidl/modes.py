r"""Modes: what the engine does beside computing. Each thread has its own.

| block | what changes inside |
|---|---|
| `no_grad()` | nothing is recorded |
| `detect_anomaly()` | the first NaN or infinity is an error |
"""

import contextlib
import threading
from typing import Any


class _State(threading.local):
    grad = True  # record operations?
    anomaly = False  # look for NaN and infinity after each?

    def __init__(self) -> None:
        self.before: list[bool] = []  # what the blocks that are open found, to be restored


state = _State()


class no_grad(contextlib.ContextDecorator):
    r"""Inside this block (or a function decorated with it) nothing is recorded; in this thread only.

    >>> from minidl import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """

    flag, value = "grad", False

    def __enter__(self) -> None:
        state.before.append(getattr(state, self.flag))
        setattr(state, self.flag, self.value)

    def __exit__(self, *error: Any) -> None:
        setattr(state, self.flag, state.before.pop())


class detect_anomaly(no_grad):
    r"""Inside this block the first operation that makes a NaN or an infinity, forward or backward, is an error
    (FloatingPointError) that names it and the line that called it. Slow: for hunting only.

    >>> from minidl import Tensor
    >>> x = Tensor([-1.0], requires_grad=True)
    >>> import numpy as np
    >>> with detect_anomaly(), np.errstate(invalid="ignore"):
    ...     y = x.log()
    Traceback (most recent call last):
    ...
    FloatingPointError: Log made a NaN or an infinity in its forward pass; ...
    """

    flag, value = "anomaly", True


def grad_enabled() -> bool:
    r"""Whether operations are being recorded in this thread.

    >>> with no_grad():
    ...     grad_enabled()
    False
    """
    return state.grad
