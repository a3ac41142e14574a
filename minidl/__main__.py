r"""The `minidl` command (also `python -m minidl`).

minidl doctor        what is installed, whether there is a GPU, and if not, why
minidl study LSTM    a page that explains a layer beside its source (study/command.py)
minidl graph "x * w" x=2 w=3    a picture of a computation, with values and gradients (graph_command.py)
"""

import argparse
import importlib.metadata
import os
import platform
import sys

import numpy as np
import threadpoolctl

from minidl import backend, graph_command, jit
from minidl.study import command as study
from minidl.threads import get_num_threads


def doctor() -> list[tuple[str, str]]:
    r"""What this installation is made of: a list of (name, finding).

    >>> [name for name, _ in doctor()][:3]
    ['minidl', 'python', 'numpy']
    """
    blas = [f"{lib['internal_api']}, {lib['num_threads']} thread" for lib in threadpoolctl.threadpool_info()]
    reason = backend.why_no_gpu()
    kernels = "plain reference formulas" if backend.REFERENCE else "compiled by Numba"
    if not jit.HAS_NUMBA:
        kernels += " (Numba has no wheel here)"
    elif backend.REFERENCE:
        kernels += " (MINIDL_KERNELS=reference)"
    return [
        ("minidl", version("minidl")),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("numpy", np.__version__),
        ("numba", version("numba")),
        ("matplotlib", version("matplotlib")),
        ("safetensors", version("safetensors")),
        ("kernels", kernels),
        (
            "threads",
            f"{get_num_threads()} for kernels, on {os.cpu_count()} cores; NumPy's BLAS is held at one thread "
            f"({'; '.join(blas) or 'not found'})",
        ),
        ("gpu", "yes, " + gpu_name() if reason is None else f"no: {reason}"),
        ("backend", f'{backend.current()} (change it with minidl.use("cupy") or MINIDL_BACKEND=cupy)'),
    ]


def version(package: str) -> str:
    r"""The installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def gpu_name() -> str:
    r"""The name of the first GPU, and CuPy's version."""
    cupy = backend.module("cupy")
    return f"{cupy.cuda.runtime.getDeviceProperties(0)['name'].decode()}, CuPy {cupy.__version__}"


def print_doctor(arguments: argparse.Namespace) -> int:
    r"""`minidl doctor`; returns the exit status."""
    for name, finding in doctor():
        print(f"{name:12} {finding}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    r"""Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="minidl", description="The deep-learning framework that people read.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="print versions, threads, and whether there is a GPU").set_defaults(
        run=print_doctor
    )
    study.add_parser(commands)
    graph_command.add_parser(commands)
    chosen = parser.parse_args(arguments)
    return chosen.run(chosen)


if __name__ == "__main__":
    sys.exit(main())
