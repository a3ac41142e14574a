r"""The progress bar of everything that trains."""

import math
import sys
from typing import Any


def bar(description: str, total: int, verbose: bool, done: int = 0) -> Any:
    r"""A line of ASCII that counts from `done` to `total`, to be used in a `with`; where nobody watches (a log file)
    only its last state is written. verbose=False: nothing is.

    >>> with bar("training", 3, verbose=False) as line:
    ...     line.update()
    """
    from tqdm import tqdm  # noqa: PLC0415  (40 ms that an import of minidl need not wait)

    return tqdm(
        total=total,
        initial=done,
        desc=description,
        ascii=True,
        disable=not verbose,
        mininterval=0.1 if sys.stderr.isatty() else math.inf,
        delay=1e-9,
    )
