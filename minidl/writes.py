r"""Writes: which array was changed in place, and when.

The graph keeps arrays, not copies of them; so one that is changed between forward and backward would give a wrong
gradient, silently. Operations and writes are therefore numbered by one clock, and a backward asks whether what it kept
was written to after it was made. Most of the time nothing at all was, and that takes one comparison with `last`.

What counts is the array that owns the memory: a write to a view changes the array that it looks at, and its other
views.

Source: Paszke et al. 2017, "Automatic differentiation in PyTorch": there each array counts its own versions.

Try it:
1. Let `note` do nothing. With `y = w * w` at w = 3, and then `w -= 1` under `no_grad()`, `y.backward()` gives 4, the
   slope at another place than where y was computed. With `note` it is an error.
2. Write to a view, `w.detach()[:2][0] = 9`, after `y = (w * w).sum()`: `y.backward()` is the same error.
3. Write past the engine, `w._data[0] = 9`: no error, and w.grad is 18 where it should be 2. So nobody does; `w.data`
   refuses to be written to.
"""

import itertools
import threading
from typing import Any

from minidl import backend

clock = itertools.count(1)  # numbers operations and writes, in the order in which they happen
last = 0  # number of the latest write anywhere
_latest: dict[int, int] = {}  # id of the array that owns the memory -> number of the latest write to it
_writing = threading.Lock()


def note(*arrays: Any) -> None:
    r"""Count a write to each of these arrays.

    >>> import numpy as np
    >>> x, now = np.zeros((2, 3)), next(clock)
    >>> note(x[0])
    >>> since(x.T, now), since(np.zeros(3), now)
    (True, False)
    """
    global last
    with _writing:
        for array in arrays:
            owner = array if array.base is None else _owner(array)
            last = _latest[id(owner)] = next(clock)


def since(array: Any, number: int) -> bool:
    r"""Whether the memory of `array` was written to after this number of the clock."""
    return _latest.get(id(_owner(array)), 0) > number


def _owner(array: Any) -> Any:
    """The array that owns the memory that `array` looks at."""
    while backend.is_array(array.base):
        array = array.base
    return array
