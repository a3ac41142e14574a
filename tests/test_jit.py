"""The compile cache: hit when it is whole, the same results when it is damaged, foreign, full or forbidden. Then tanh
and sigmoid, against NumPy in a wider type."""

import errno
import importlib.util
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import jit, scalar

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled here")

SOURCE = """
from minidl.jit import njit

@njit
def total(x):
    s = x[0] * {factor}
    for v in x[1:]:
        s += v
    return s
"""
X = np.array([1.0, 2.0, 4.0])


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """kernel(): the function as a new process would see it, with nothing in memory and its cache in tmp_path."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "kernel.py"
    path.write_text(SOURCE.format(factor=1))

    def load():
        spec = importlib.util.spec_from_file_location("kernel_in_a_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.total

    load.path = path
    load.files = lambda: sorted((tmp_path / "cache").rglob("*.nb?"))
    return load


def hits(function):
    return sum(function.stats.cache_hits.values())


def test_a_compiled_kernel_is_kept(kernel):
    first = kernel()
    assert first(X) == 7 and hits(first) == 0 and len(kernel.files()) == 1
    again = kernel()
    assert again(X) == 7 and hits(again) == 1
    assert again(X.astype("float32")) == 7 and hits(again) == 1 and len(kernel.files()) == 2


DAMAGE = {
    "empty": lambda content: b"",
    "ten bytes": lambda content: content[:10],
    "half": lambda content: content[: len(content) // 2],
    "last byte missing": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"not a cache file",
    **{f"bit at {part}": lambda content, part=part: flipped(content, part) for part in (0, 0.01, 0.3, 0.6, 0.999)},
}


def flipped(content, part):
    at = int(part * len(content))
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_compiled_again(kernel, damage):
    kernel()(X)
    (file,) = kernel.files()
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        repaired = kernel()
        assert repaired(X) == 7 and hits(repaired) == 0
    whole = kernel()
    assert whole(X) == 7 and hits(whole) == 1


def test_a_file_of_other_types_is_not_taken(kernel):
    function = kernel()
    function(X), function(X.astype("float32"))
    one, other = kernel.files()
    one.write_bytes(other.read_bytes())  # whole, but the code of the other type
    fresh = kernel()
    assert fresh(X) == 7 and fresh(X.astype("float32")) == 7 and hits(fresh) == 1


def test_a_file_of_an_older_source_is_not_taken(kernel):
    kernel()(X)
    old = kernel.files()[0].read_bytes()
    kernel.path.write_text(SOURCE.format(factor=10))  # the same bytecode with another constant
    os.utime(kernel.path, (1, 1))
    assert kernel()(X) == 16
    kernel.files()[0].write_bytes(old)  # as if the process had died before it wrote the new one
    assert kernel()(X) == 16


def test_kernels_that_check_their_indices_are_kept_apart(kernel, monkeypatch):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 0)
    kernel()(X)
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    checked = kernel()
    assert checked(X) == 7 and hits(checked) == 0 and len(kernel.files()) == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written(kernel, monkeypatch, code):
    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(jit._CheckedFile, "_open_for_write", refuse)
    assert kernel()(X) == 7 and kernel.files() == []


def test_no_folder_at_all(kernel, monkeypatch):
    def nowhere(*arguments):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(jit._CheckedCache, "__init__", nowhere)
    assert kernel()(X) == 7 and kernel.files() == []


def test_a_function_typed_in_at_a_prompt():
    scope = {"njit": jit.njit}
    exec("@njit\ndef twice(x):\n    return 2 * x", scope)  # its file does not exist
    assert scope["twice"](4) == 8


def test_nan_and_division_by_zero_are_numpys(kernel):
    kernel.path.write_text("from minidl.jit import njit\n@njit\ndef total(a, b):\n    return a / b\n")
    with np.errstate(all="ignore"):
        assert kernel()(1.0, 0.0) == np.inf and np.isnan(kernel()(0.0, 0.0)) and np.isnan(kernel()(np.nan, 1.0))


# ---- functions that call others ----
CALLER = """
from minidl.jit import njit
from other import factor

def make(function):
    @njit
    def times(x):
        return x * factor() + function()
    return times
"""
OTHER = """
from minidl.jit import njit
OFFSET = {offset}

@njit
def factor():
    return {factor}

def constant(value):
    @njit
    def offset():
        return value
    return offset

@njit
def offset():
    return OFFSET
"""


@pytest.fixture
def process(tmp_path):
    """process(program): what a new process prints that can import caller and other."""
    (tmp_path / "caller.py").write_text(CALLER)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.getcwd()])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # two edits within one second and of one length look alike to Python

    def run(program):
        program = f"import other; from caller import make; {program}"
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def test_a_closure_over_compiled_functions_is_kept_until_a_file_of_theirs_changes(process, tmp_path):
    program = "f = make(other.offset); print(f(10), sum(f.stats.cache_hits.values()))"
    for factor, offset, answer in [(2, 1, "21"), (3, 1, "31"), (3, 5, "35")]:
        (tmp_path / "other.py").write_text(OTHER.format(factor=factor, offset=offset))
        assert process(program) == [answer, "0"]
        assert process(program) == [answer, "1"]
    assert len(list((tmp_path / "cache").rglob("caller*.nbc"))) == 1  # the new ones took the place of the old ones


def test_closures_over_different_functions_are_kept_apart(process, tmp_path):
    (tmp_path / "other.py").write_text(OTHER.format(factor=2, offset=1))
    functions = "other.offset, other.constant(4), other.constant(6)"
    program = f"print(*[(f(10), sum(f.stats.cache_hits.values())) for f in map(make, ({functions}))], sep='')"
    assert process(program) == ["(21,", "0)(24,", "0)(26,", "0)"]
    assert process(program) == ["(21,", "1)(24,", "1)(26,", "1)"]


def test_a_closure_over_a_function_from_a_prompt_is_compiled_each_time(process, tmp_path):
    (tmp_path / "other.py").write_text(OTHER.format(factor=2, offset=1))
    for offset in (1, 7):
        program = f"f = make(other.njit(lambda: {offset})); print(f(10), sum(f.stats.cache_hits.values()))"
        assert process(program) == [str(20 + offset), "0"]
    assert not list((tmp_path / "cache").rglob("caller*.nbc"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes_the_same():
    program = """
import multiprocessing, numpy as np
from minidl.kernels import window
x = np.arange(50.0).reshape(1, 2, 5, 5)
def columns():
    return window.im2col(x, (3, 3, 1, 1, 1, 1, 1, 1), 5, 5).sum()
def child(queue):
    queue.put(columns())
if __name__ == "__main__":
    before = columns()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(before == queue.get(timeout=60), columns() == before)
    process.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_processes_that_compile_at_once_do_not_take_each_others_code(tmp_path):
    (tmp_path / "kernel.py").write_text(SOURCE.format(factor=1))
    program = "import sys, numpy as np, kernel; print(kernel.total(np.array([1, 2, 4], sys.argv[1])))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.getcwd()])
    types = ("float32", "float64")
    running = [
        subprocess.Popen([sys.executable, "-c", program, t], env=environment, stdout=subprocess.PIPE, text=True)
        for t in types
    ]
    assert [float(p.communicate(timeout=120)[0]) for p in running] == [7, 7]
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == len(types)


# ---- tanh and sigmoid ----
def applied(function, x):
    """function of every number of x; what Numba returns to Python is a float, from which the way back is exact."""
    y = np.array([function(v) for v in x])
    assert np.array_equal(y, y.astype(x.dtype), equal_nan=True)
    return y.astype(x.dtype)


def over_the_whole_range(dtype):
    rng, smallest = np.random.default_rng(0), float(np.finfo(dtype).smallest_subnormal)
    size = 10.0 ** rng.uniform(np.log10(smallest), 2, 5000)
    x = np.concatenate([rng.uniform(-25, 25, 5000), rng.choice([-1, 1], 5000) * size])
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_is_numpys(dtype):
    x = over_the_whole_range(dtype)
    wanted = np.tanh(x.astype(np.longdouble))
    error = np.abs(applied(scalar.tanh, x) - wanted) / np.spacing(np.abs(wanted.astype(dtype)))
    # a thirty-second of a number below 32 times the smallest normal one has fewer digits
    tiny = np.abs(x) < 32 * np.finfo(dtype).tiny
    assert 100 < tiny.sum() < 3000
    assert error[~tiny].max() <= 8 and error[tiny].max() <= 16


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_is_numpys_to_the_last_place_of_1(dtype):
    x = over_the_whole_range(dtype)
    wanted = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    assert np.abs(applied(scalar.sigmoid, x) - wanted).max() <= 2 * np.finfo(dtype).eps


@pytest.mark.parametrize(("dtype", "width"), [(np.float32, 32), (np.float64, 64)])
def test_what_is_special(dtype, width):
    @given(st.floats(width=width))
    def holds(x):
        x = dtype(x)
        t, s = scalar.tanh(x), scalar.sigmoid(x)
        if np.isnan(x):
            assert np.isnan(t) and np.isnan(s)
        else:
            assert -1 <= t <= 1 and 0 <= s <= 1
            assert scalar.tanh(-x) == -t and np.signbit(t) == np.signbit(x)
            assert abs(scalar.sigmoid(-x) - (1 - s)) <= 2 * np.finfo(dtype).eps

    holds()
    assert [scalar.tanh(dtype(x)) for x in (0, np.inf, -np.inf, 20, -20, np.finfo(dtype).max)] == [0, 1, -1, 1, -1, 1]
    assert [scalar.sigmoid(dtype(x)) for x in (0, np.inf, -np.inf)] == [0.5, 1, 0]
    assert np.signbit(scalar.tanh(dtype(-0.0)))
    assert np.isnan([scalar.tanh(dtype(np.nan)), scalar.sigmoid(dtype(np.nan))]).all()


INTRINSIC = """
from numba import types
from numba.extending import intrinsic

@intrinsic
def constant(typing_context):
    def write(context, builder, signature, arguments):
        return context.get_constant(types.int64, {value})
    return types.int64(), write
"""


def test_an_edit_of_an_intrinsic_function_is_noticed(process, tmp_path):
    """Called by its name, and through its module."""
    (tmp_path / "user.py").write_text(
        "import vector\nfrom minidl.jit import njit\nfrom vector import constant\n"
        "@njit\ndef by_name():\n    return constant()\n@njit\ndef by_module():\n    return vector.constant()\n"
    )
    (tmp_path / "other.py").write_text(OTHER.format(factor=2, offset=1))
    program = "import user; print(*[(f(), sum(f.stats.cache_hits.values())) for f in (user.by_name, user.by_module)])"
    for value in (1, 2):
        (tmp_path / "vector.py").write_text(INTRINSIC.format(value=value))
        assert process(program) == [f"({value},", "0)", f"({value},", "0)"]
        assert process(program) == [f"({value},", "1)", f"({value},", "1)"]


def test_borrowed_arrays_are_the_same_arrays():
    rows, flags = np.zeros((3, 4), "float32"), np.array([True, False, True])
    before = sys.getrefcount(rows)
    for _ in range(3):
        write_rows(rows, flags)
    after = sys.getrefcount(rows)
    assert rows.tolist() == [[3] * 4, [0] * 4, [3] * 4] and after == before


@jit.njit
def write_rows(rows, flags):
    rows, flags = jit.borrowed((rows, flags))
    for n in range(len(rows)):
        row = rows[n]
        if flags[n]:
            for j in range(len(row)):
                row[j] += 1
