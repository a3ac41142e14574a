r"""Writes `cupy_names.txt`: every function and method that CuPy has and NumPy has too, with its parameters.

Run it with a Python that has CuPy (no GPU is needed for it): `python tests/gpu/names.py`. What the stand-in offers is
this list and nothing else, so that no layer uses a function, or an option of it, that only NumPy has.
"""

import inspect
import re
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "cupy_names.txt"


def parameters(function) -> str | None:
    r"""The names of its parameters, as "a axis out"; from the docstring where it is compiled code."""
    try:
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        names = [stars.get(p.kind, "") + p.name for p in inspect.signature(function).parameters.values()]
    except (ValueError, TypeError):
        found = re.match(r"[\w.]+\((.*?)\)(\s|$)", function.__doc__ or "")
        if not found:
            return None
        names = [p.split("=")[0].split()[-1] for p in found[1].split(",") if p.strip()]
    return " ".join(n for n in names if n != "self")


def lines(cupy) -> list[str]:
    r"""One line a name: kind, name, parameters."""
    found = []
    for name in sorted(set(dir(cupy)) & set(dir(np))):
        thing = getattr(cupy, name)
        if name.startswith("_"):
            continue
        if isinstance(thing, cupy.ufunc):
            found.append(f"ufunc {name}")
        elif callable(thing) and not inspect.isclass(thing) and (names := parameters(thing)) is not None:
            found.append(f"function {name} {names}".strip())
        elif isinstance(thing, float | type(None)) or (inspect.isclass(thing) and issubclass(thing, np.generic)):
            found.append(f"constant {name}")
    for name in sorted(set(dir(cupy.ndarray)) & set(dir(np.ndarray))):
        thing = getattr(cupy.ndarray, name)
        if name.startswith("_"):
            continue
        if not callable(thing):
            found.append(f"attribute {name}")
        elif (names := parameters(thing)) is not None:
            found.append(f"method {name} {names}".strip())
    return found


if __name__ == "__main__":
    import cupy

    FILE.write_text("\n".join([f"version {cupy.__version__}", *lines(cupy)]) + "\n")
