"""The register tile and the product that it makes up: every number of rows, every kind of columns, every layout."""

import os
import platform
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import backend
from minidl.jit import COMPILES, njit
from minidl.kernels import gemm

pytestmark = pytest.mark.skipif(backend.REFERENCE or not COMPILES, reason="no vector code without a compiler")
DTYPES = (np.float32, np.float64)


def close(c, exact, terms, dtype):
    """Each of K rounded additions may be off by half a unit of the sum of the absolute values."""
    np.testing.assert_array_less(abs(c - exact), terms * np.finfo(dtype).eps + np.finfo(dtype).tiny)


@st.composite
def strided(draw, rng, shape, dtype):
    """Random numbers in an array of this shape whose rows and columns lie in any order, with gaps, or backwards."""
    steps = [draw(st.sampled_from((1, 1, 2, 3, -1))) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    big = rng.normal(size=[max(1, shape[axis]) * abs(steps[axis]) for axis in order]).astype(dtype)
    view = big.transpose(np.argsort(order))
    return view[tuple(slice(None, None, s) for s in steps)][tuple(slice(0, n) for n in shape)]


@given(st.data(), st.integers(0, 40), st.integers(0, 70), st.integers(1, 600), st.sampled_from(DTYPES))
def test_by_tiles(data, M, N, K, dtype):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a, b = data.draw(strided(rng, (M, K), dtype)), data.draw(strided(rng, (K, N), dtype))
    c = gemm.by_tiles(a, b)
    assert c.dtype == dtype and c.shape == (M, N)
    wide_a, wide_b = a.astype(np.longdouble), b.astype(np.longdouble)
    close(c, wide_a @ wide_b, (K + 1) * (abs(wide_a) @ abs(wide_b)), dtype)


@given(st.data(), st.sampled_from(DTYPES))
def test_matmul_takes_every_way(data, dtype):
    """Small and large, few rows and many, one row, none; b as it lies, turned, and with gaps; leading axes."""
    lead = data.draw(st.sampled_from([(0,), (1,), (2,), (90,), (200,), (), (3, 30), (2, 0)]))
    K, N = data.draw(st.sampled_from([(0, 3), (1, 1), (40, 30), (300, 40), (700, 500)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a = rng.normal(size=(*lead, K)).astype(dtype)
    b = data.draw(st.sampled_from([lambda b: b, lambda b: b.T.copy().T, lambda b: b.repeat(2, axis=1)[:, ::2]]))(
        rng.normal(size=(K, N)).astype(dtype)
    )
    c = gemm.matmul(a, b)
    assert c.dtype == dtype and c.shape == (*lead, N)
    wide_a, wide_b = a.astype(np.longdouble), b.astype(np.longdouble)
    close(c, wide_a @ wide_b, (K + 1) * (abs(wide_a) @ abs(wide_b)), dtype)


@njit
def product_cpu(driver, M, N, Q, K, a, a_m, a_k, jumps, b, b_n, b_q, b_k, c, c_m, add):
    gemm.product(
        *(driver, M, N, Q, K, a.ctypes.data, a_m, a_k, jumps.ctypes.data),
        *(b.ctypes.data, b_n, b_q, b_k, c.ctypes.data, c_m, add),
    )


@given(st.data(), st.integers(1, 30), st.integers(1, 70), st.integers(1, 4), st.integers(1, 6), st.booleans())
def test_windows_by_jumps(data, M, N, Q, K, add):
    """A reads windows that overlap and jump about in one line of numbers; B lies in rows that are not packed; what
    stands beside the tile stays as it is."""
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a_m, a_k = data.draw(st.integers(0, 3)), data.draw(st.integers(-2, 3))
    line = rng.normal(size=200).astype(dtype)
    jumps = rng.integers(20, 60, Q)
    b, c = rng.normal(size=(Q, K, N + 3)).astype(dtype), rng.normal(size=(M, N + 5)).astype(dtype)
    before, s = c.copy(), dtype.itemsize
    product_cpu(
        *(gemm.driver(dtype), M, N, Q, K, line, a_m * s, a_k * s, jumps * s),
        *(b, gemm.width(dtype) * s, b.strides[0], b.strides[1], c, c.strides[0], int(add)),
    )
    at = np.arange(M)[:, None, None] * a_m + jumps[:, None] + np.arange(K) * a_k
    wide_a, wide_b = line[at].astype(np.longdouble).reshape(M, Q * K), b[..., :N].reshape(Q * K, N)
    exact, terms = wide_a @ wide_b, abs(wide_a) @ abs(wide_b)
    if add:
        exact, terms = exact + before[:, :N], terms + abs(before[:, :N])
    close(c[:, :N], exact, (Q * K + 1) * terms, dtype)
    np.testing.assert_array_equal(c[:, N:], before[:, N:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("N", [1, 3, 15, 16, 17, 31, 32, 33, 64])
def test_every_tile(dtype, N):
    """Integers, whose sums are exact in any order: every number of rows, every kind of columns."""
    rng = np.random.default_rng(N)
    for M in range(1, 30):
        a, b = (rng.integers(-9, 10, shape).astype(dtype) for shape in ((M, 11), (11, N)))
        np.testing.assert_array_equal(gemm.by_tiles(a, b), a @ b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_stay_in_their_row_and_column(dtype):
    a, b = np.ones((13, 5), dtype), np.ones((5, 40), dtype)
    a[3, 2], b[1, 33] = np.nan, np.inf
    c = gemm.by_tiles(a, b)
    assert np.isnan(c[3]).all() and (np.delete(c[:, 33], 3) == np.inf).all()
    assert (np.delete(np.delete(c, 3, 0), 33, 1) == 5).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_bits_on_one_thread_and_two_and_from_many_callers(dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype(dtype) for shape in ((301, 200), (200, 303)))
    before = minidl.get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            minidl.set_num_threads(n)
            results.append(gemm.by_tiles(a, b))
            callers = [threading.Thread(target=lambda: results.append(gemm.by_tiles(a, b))) for _ in range(4)]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
    finally:
        minidl.set_num_threads(before)
    assert len(results) == 15 and all((c == results[0]).all() for c in results)


CHILD = """
import sys
import numpy as np
from numba.core.ccallback import CFunc
compiled = []
CFunc._compile_uncached = (lambda whole: lambda self: compiled.append(self) or whole(self))(CFunc._compile_uncached)
from minidl.kernels import gemm
assert (gemm.by_tiles(np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)) == 4).all()
print(len(compiled))
"""


def test_the_driver_is_compiled_once_a_machine(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["1"], ["0"]]


OTHER_PROCESSORS = {
    "AVX2": ("haswell", "+avx2,+avx,+fma,+sse4.2,+sse4.1,+ssse3,+sse3,+sse2", 32),
    "SSE2 alone": ("x86-64", "+sse2", 16),
}
ON_ANOTHER = """
import sys
import pytest
from minidl.kernels import tile
assert tile.BYTES == int(sys.argv[1])
chosen = ["-k", "every_tile or jumps or infinity", "tests/test_kernels_gemm.py"]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *chosen]))
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of features of x86 processors")
@pytest.mark.parametrize("processor", OTHER_PROCESSORS)
def test_tiles_of_other_processors(processor, tmp_path):
    name, features, n_bytes = OTHER_PROCESSORS[processor]
    environment = os.environ | {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    run = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER, str(n_bytes)], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("size", [3, 64, 300])  # BLAS at once, by tiles, in shards
def test_a_product_of_two_matrices_owns_its_memory(size):
    a, b = np.random.default_rng(0).normal(size=(2, size, size)).astype("float32")
    for product in (gemm.matmul(a, b), gemm.matmul(a.T, b), gemm.matmul(a, b.T)):
        assert product.base is None  # so that a gradient becomes .grad without a copy
