"""Every layer and loss in the other modes of running, each in a process of its own, gives the numbers of this one.

reference formulas (MINIDL_KERNELS=reference), no Numba at all, kernels as plain Python (NUMBA_DISABLE_JIT=1) and
kernels that check every index (NUMBA_BOUNDSCHECK=1).
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl.kernels
from minidl import backend, jit
from tests import modes

pytestmark = pytest.mark.skipif(backend.current() != "numpy", reason="these are modes of the CPU")

WITHOUT_NUMBA = """
import runpy, sys
sys.modules["numba"] = None  # as on a machine where Numba has no wheel
runpy.run_module("tests.modes", run_name="__main__")
"""
MODULE = ["-m", "tests.modes"]
MODES = {
    "reference": ({"MINIDL_KERNELS": "reference"}, MODULE),
    "no Numba": ({}, ["-c", WITHOUT_NUMBA]),
    "plain Python": ({"NUMBA_DISABLE_JIT": "1"}, MODULE),
    "checked indices": ({"NUMBA_BOUNDSCHECK": "1"}, MODULE),
}
# layers whose reference rounds an exp, a tanh or a sum otherwise than the compiled kernel, and how much:
# |a - b| / (1 + |b|)
ROUNDED = {"GELU", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "Seq2Seq", "RBF", "RBFNet"}
ROUNDED |= {"BatchNorm1d", "BatchNorm2d", "cross_entropy"}  # sums, in another order
ROUNDED |= {"Sigmoid", "SiLU", "Softplus", "binary_cross_entropy_with_logits"}  # the sigmoid of kernels/logistic.py
ROUNDED |= {"Conv1d", "Conv2d", "large Linear"}  # products of BLAS there, sums by tiles here
ROUNDING = {"float32": 1e-5, "float64": 1e-13}


@pytest.fixture(scope="module")
def here():
    return modes.results()


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_gives_the_same_numbers(mode, here, tmp_path):
    environment, arguments = MODES[mode]
    file = tmp_path / "results.npz"
    command = [sys.executable, "-W", "error", *arguments, str(file)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(file) as there:
        assert sorted(there) == sorted(here)
        for name in there:
            a, b = there[name], here[name]
            assert a.dtype == b.dtype and a.shape == b.shape, name
            if name.split("(")[0] in ROUNDED:
                rounding = ROUNDING[str(a.dtype)]
                np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding, err_msg=name)
            else:
                assert np.array_equal(a, b, equal_nan=True), f"{name} differs by {np.abs(a - b).max()}"


# files of functions that the loops of other files call (and conv, which chooses among other files)
SHARED = {"activation", "genes", "crossover", "mutate", "image", "conv"}
SHARED |= {"planes", "points", "recurrent", "sandwich", "tile", "turn"}
SHARED |= {"optim"}  # its loops are for optimisers; test_kernels_optim.py runs each of them


@pytest.mark.skipif(not jit.HAS_NUMBA, reason="no Numba")
@pytest.mark.parametrize(
    "path",
    [p for p in sorted(Path(minidl.kernels.__path__[0]).glob("*.py")) if p.stem not in SHARED],
    ids=lambda path: path.stem,
)
def test_the_registered_layers_reach_every_kernel(path, here):
    module = vars(importlib.import_module(f"minidl.kernels.{path.stem}"))
    compiled = {name: kernel for name, kernel in module.items() if name.endswith("_cpu")}
    assert compiled, f"{path.name} has no function that ends with _cpu"
    if backend.REFERENCE or os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled here")
    unreached = [name for name, kernel in compiled.items() if not kernel.signatures]
    assert not unreached, f"no registered layer runs {unreached}"
