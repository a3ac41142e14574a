r"""Memory: what a training step frees, the next one uses again.

Every operation makes a new array, and frees others. Memory that is new to the process comes from the system page by
page, each one filled with zeros at its first touch; on many machines that takes longer than what an operation does with
it. The C library (glibc, on Linux) asks the system anew for large pieces, and gives back what lies free at the end of
its heap once it is more than 128 KiB or a few MiB; the next step pays for it again. So it is told here, for the
whole process, to keep up to KEEP bytes, and to ask the system directly only for pieces above LARGE bytes.

Other C libraries are left as they are, and so is one that the user has told something else (by MALLOC_TRIM_THRESHOLD_
and the like, or GLIBC_TUNABLES).
"""

import ctypes
import os
import sys

KEEP, LARGE = 2**28, 2**25
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_memory() -> bool:
    r"""Ask the C library to keep freed memory; whether it can.

    >>> keep_memory() in (True, False)
    True
    """
    told = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if told or sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEEP) and mallopt(_MMAP_THRESHOLD, LARGE))
