"""Every registered layer and loss on the strict stand-in for CuPy: the numbers of NumPy, forward and backward.

Whatever mixes the two libraries, calls what CuPy does not have or leans on a NumPy scalar fails here, on a machine
without a GPU. `pytest --backend stand-in` runs the whole suite so, `pytest --backend cupy` on a real GPU.
"""

import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl import Tensor, losses, nn
from minidl.testing.registry import PLACES, cases
from minidl.testing.subject import Subject
from tests.gpu import standin
from tests.gpu.compile import COMPILER

pytestmark = pytest.mark.skipif(COMPILER is None and minidl.current() != "cupy", reason="no C++ compiler")
CASES = [case for layer in PLACES for case in cases(layer)]

# every step rounds a tanh, by two libraries, and what is added up later may cancel: there the bound is an absolute one
RECURRENT = {nn.SimpleRNN, nn.LSTM, nn.GRU, nn.Bidirectional, nn.Seq2Seq}
OTHER_SUMS = {nn.Conv1d, nn.Conv2d}  # on the CPU straight from the image: other sums than the products there
OTHER_SUMS |= {
    nn.BatchNorm1d,
    nn.BatchNorm2d,
}  # from a value of the channel on; of two values, dx is nothing but rounding


def close(ours, theirs, atol):
    """Equal up to rounding: where a kernel runs its GPU body, an exp or a sum may be rounded otherwise."""
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if ours.dtype == np.float32 else 1e-12, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_numbers_of_numpy(case, dtype):
    subject = Subject(case.build, 1e-6)
    before = minidl.current()
    minidl.use("numpy")
    wanted = subject.run(dtype)
    minidl.use(before)
    with standin.installed() as cupy:
        result = subject.run(dtype)
        layer, inputs = subject.fresh(dtype)
        assert all(isinstance(x, cupy.ndarray) for x in inputs)
    for ours, theirs in zip(sum(result, []), sum(wanted, []), strict=True):
        close(ours, theirs, 1e-6 if case.layer in RECURRENT | OTHER_SUMS and dtype == "float32" else 1e-12)


def test_a_model_moves_there_and_back():
    minidl.use("numpy")
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    x, labels = np.random.default_rng(0).normal(size=(2, 1, 4, 4)).astype("float32"), np.array([0, 2])
    wanted = losses.cross_entropy(model(Tensor(x)), labels)
    with standin.installed() as cupy:
        model.to("cupy")
        assert all(isinstance(p.data, cupy.ndarray) for p in model.parameters())
        there = losses.cross_entropy(model(Tensor(x)), labels)
        there.backward()
        assert isinstance(there.data, cupy.ndarray) and there.item() == pytest.approx(wanted.item(), rel=1e-5)
        assert all(isinstance(p.grad, cupy.ndarray) for p in model.parameters())
        with pytest.raises(TypeError, match="NumPy and CuPy"):
            model(backend_tensor(x))
        model.to("numpy")
    assert model(Tensor(x)).backend == minidl.current() == "numpy"


def backend_tensor(x):
    minidl.use("numpy")
    try:
        return Tensor(x)
    finally:
        minidl.use("cupy")


# ---- the stand-in itself: what it must not let pass ----
X = np.arange(6.0).reshape(2, 3)
REFUSED = {
    "numpy array + cupy array": lambda x, cp: np.ones(3) + x,
    "cupy array + numpy array": lambda x, cp: x + np.ones(3),
    "in place": lambda x, cp: x.__iadd__(np.ones(3)),
    "a list": lambda x, cp: x + [1.0, 2.0, 3.0],
    "comparison": lambda x, cp: x == np.ones(3),
    "a function of NumPy": lambda x, cp: np.sum(x),
    "a ufunc of NumPy": lambda x, cp: np.exp(x),
    "conversion": lambda x, cp: np.asarray(x),
    "a NumPy index": lambda x, cp: x[np.array([0, 1])],
    "a NumPy value": lambda x, cp: x.__setitem__(0, np.ones(3)),
    "ufunc of both": lambda x, cp: cp.maximum(x, np.ones(3)),
    "function of both": lambda x, cp: cp.concatenate([x, np.ones((1, 3))]),
    "an option that only NumPy has": lambda x, cp: x.max(axis=0, initial=0.0),
    "an option of a function that only NumPy has": lambda x, cp: cp.sum(x, axis=0, where=x > 1),
    "errstate": lambda x, cp: cp.errstate(all="ignore"),
    "maximum.reduce": lambda x, cp: cp.maximum.reduce(x),
    "a place twice": lambda x, cp: x.__setitem__(cp.asarray([0, 0]), 1.0),
    "an index outside": lambda x, cp: x[cp.asarray([0, 2])],
    "hash": lambda x, cp: {x: 1},
    "a kernel on NumPy": lambda x, cp: cp.ElementwiseKernel("T x", "T y", "y = x;", "planted")(X),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_stand_in_refuses(what):
    x = standin.asarray(X)
    with pytest.raises((TypeError, AttributeError, ValueError, IndexError)):
        REFUSED[what](x, standin)


def test_the_stand_in_keeps_arrays():
    x = standin.asarray(X)
    for y in (x.sum(), x[0, 0], x.max(axis=0)[1], standin.mean(x), x.sum() * 2, -x[0, 0], standin.exp(1.0), x @ x.T):
        assert isinstance(y, standin.ndarray)
    assert isinstance(x.sum().item(), float) and float(x[1, 2]) == 5.0
    assert np.array_equal((np.float32(2) * x).get(), 2 * X) and np.isnan(standin.empty(3).get()).all()
    assert x.T.base is x and x[1:].reshape(3, 1).base is x and (x + 0).base is None
    assert standin.asarray(x) is x and standin.asarray(X)._a is not X


def test_names_are_those_of_cupy():
    program = (
        "import cupy, runpy; names = runpy.run_path('tests/gpu/names.py')\nprint(*names['lines'](cupy), sep=chr(10))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if "No module named 'cupy'" in done.stderr:
        pytest.skip("CuPy is not installed")
    assert done.stdout.split("\n")[:-1] == (standin.FILE.read_text().split("\n")[1:-1])
