r"""Forward and backward of every registered layer and loss, as numbers: what each mode of running must agree on.

`python -m tests.modes FILE.npz` writes them in the mode that its environment asks for (see test_reference_mode.py).
"""

import sys

import numpy as np

from minidl.testing.registry import PLACES, cases
from minidl.testing.subject import Subject


def results() -> dict[str, np.ndarray]:
    r"""case, dtype, number of the result -> array."""
    found = {}
    for case in (case for layer in PLACES for case in cases(layer)):
        for dtype in ("float32", "float64"):
            result = Subject(case.build, 0.0).run(dtype)
            found |= {f"{case} {dtype} {i}": a for i, a in enumerate(sum(result, [])) if a is not None}
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
