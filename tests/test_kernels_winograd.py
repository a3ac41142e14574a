"""Winograd's convolution: the algebra is exact, the compiled kernels round little, and no thread changes a bit."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import backend
from minidl.jit import COMPILES, njit
from minidl.kernels import conv, points, winograd
from minidl.kernels.image import sizes_of, turned
from tests.test_kernels_gemm import OTHER_PROCESSORS

compiled = pytest.mark.skipif(backend.REFERENCE or not COMPILES, reason="no vector code without a compiler")
sizes, pads = st.integers(1, 13), st.tuples(*[st.integers(1, 4)] * 4)
channels = st.sampled_from((16, 32, 48))
dilations = st.one_of(st.just((1, 1)), st.tuples(st.integers(1, 4), st.integers(1, 4)))


def problem(seed, N, H, W, pads, C, F, dtype, last=False, DH=1, DW=1):
    """x, w, b, dy and the sizes; pads: zeros above and below x, left and right of it."""
    rng, (PT, PB, PL, PR) = np.random.default_rng(seed), pads
    PB, PR = PB + 2 * (DH - 1), PR + 2 * (DW - 1)
    OH, OW = H + PT + PB - 2 * DH, W + PL + PR - 2 * DW
    x, w, b, dy = (rng.normal(size=shape).astype(dtype) for shape in ((N, C, H, W), (F, C, 3, 3), F, (N, F, OH, OW)))
    if last:
        x, dy = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (x, dy))
    return x, w, b, dy, sizes_of(x.shape, w.shape, (3, 3, 1, 1, PT, PL, DH, DW), 1, OH, OW)


def reference(x, w, b, dy, s):
    dx = winograd.forward_ref(np, dy, w[:, :, ::-1, ::-1].swapaxes(0, 1), None, turned(s))
    return winograd.forward_ref(np, x, w, b, s), dx, winograd.dw_ref(np, dy, x, s)


def kernels(x, w, b, dy, s):
    y, dx = np.empty((s.N, s.OH, s.OW, s.F), x.dtype), np.empty((s.N, s.H, s.W, s.C), x.dtype)
    winograd.forward(x, w, b, s, y.reshape(-1))
    winograd.forward(dy, w[:, :, ::-1, ::-1].swapaxes(0, 1), None, turned(s), dx.reshape(-1))
    return y.transpose(0, 3, 1, 2), dx.transpose(0, 3, 1, 2), winograd.dw(dy, x, s)


def direct(x, w, b, dy, s):
    """y, dx, dw by a matrix of windows."""
    options = (3, 3, 1, 1, s.PT, s.PL, s.DH, s.DW), 1
    return conv.conv_ref(np, x, w, b, *options, s.OH, s.OW), *conv.conv_grad_ref(np, dy, x, w, *options, (1, 1, 0))[:2]


# ---- the algebra ----
@given(st.data(), st.integers(2, 5), st.integers(2, 5))
def test_matrices(data, outputs, taps):
    some = data.draw(st.permutations((0, 1, -1, 2, -2, 0.5, -0.5, 3, -3)))[: outputs + taps - 2]
    A_T, G, B_T = points.matrices(tuple(some), taps)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    d, g = rng.normal(size=outputs + taps - 1), rng.normal(size=taps)
    y = A_T @ ((G @ g) * (B_T @ d))
    np.testing.assert_allclose(y, np.correlate(d, g, "valid"), rtol=0, atol=1e-9 * abs(B_T).max())


@given(st.integers(0, 99), st.integers(1, 2), sizes, sizes, pads, st.integers(1, 3), st.integers(1, 3), dilations)
def test_reference_and_direct_sums(seed, N, H, W, pads, C, F, dilation):
    arguments = problem(seed, N, H, W, pads, C, F, np.float64, False, *dilation)
    for a, e in zip(reference(*arguments), direct(*arguments), strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=1e-11)


# ---- the kernels ----
@compiled
@given(st.integers(0, 99), st.integers(1, 3), sizes, sizes, pads, channels, channels, st.booleans(), dilations)
def test_kernels_and_reference(seed, N, H, W, pads, C, F, last, dilation):
    *arrays, s = problem(seed, N, H, W, pads, C, F, np.float32, last, *dilation)
    before = [a.copy() for a in arrays]
    results = kernels(*arrays, s)
    assert all(a.dtype == np.float32 for a in results)
    for a, e in zip(results, reference(*(a.astype(np.float64) for a in arrays), s), strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=1e-5 * (9 * 48) ** 0.5)  # sums of so many terms
    np.testing.assert_equal(arrays, before)


@compiled
@pytest.mark.parametrize("N, size, C, F", ((8, 32, 64, 64), (16, 8, 128, 128), (2, 14, 256, 256), (16, 28, 16, 32)))
def test_the_error_is_small(N, size, C, F):
    *arrays, s = problem(0, N, size, size, (1, 1, 1, 1), C, F, np.float32)
    exact = direct(*(a.astype(np.float64) for a in arrays), s)
    for a, e in zip(kernels(*arrays, s), exact, strict=True):
        assert abs(a - e).max() <= 4e-6 * abs(e).max()


@compiled
def test_one_and_two_threads_and_both_layouts_give_the_same_bits():
    *one, s = problem(1, 16, 30, 31, (1, 1, 1, 1), 64, 32, np.float32)
    *other, _ = problem(1, 16, 30, 31, (1, 1, 1, 1), 64, 32, np.float32, last=True)
    assert winograd.shards_of(s) > 2
    before = minidl.get_num_threads()
    try:
        minidl.set_num_threads(1)
        expected = kernels(*one, s)
        minidl.set_num_threads(2)
        for _ in range(3):
            for a, b, e in zip(kernels(*one, s), kernels(*other, s), expected, strict=True):
                np.testing.assert_array_equal(a, e)
                np.testing.assert_array_equal(b, e)
    finally:
        minidl.set_num_threads(before)


@compiled
def test_arrays_that_are_read_only_or_lie_otherwise_and_no_bias():
    x, w, b, dy, s = problem(2, 2, 9, 9, (1, 1, 1, 1), 16, 16, np.float32)
    expected = kernels(x, w, 0 * b, dy, s)
    other = [np.asfortranarray(x), np.asfortranarray(w), None, dy.copy(), s]
    other[0].flags.writeable = other[1].flags.writeable = other[3].flags.writeable = False
    for a, e in zip(kernels(*other), expected, strict=True):
        np.testing.assert_array_equal(a, e)


@compiled
@pytest.mark.parametrize("bad", (np.nan, np.inf))
def test_what_is_not_finite_stays_in_its_tiles(bad):
    x, w, b, _, s = problem(3, 2, 12, 12, (1, 1, 1, 1), 16, 16, np.float32)
    x[1, 3, 5, 5] = bad  # one tile alone looks at it: rows 4 to 7, from pixels 3 to 8
    y = np.empty((2, 12, 12, 16), np.float32)
    winograd.forward(x, w, b, s, y.reshape(-1))
    reached = np.zeros(y.shape, bool)
    reached[1, 4:8, 4:8] = True
    assert not np.isfinite(y[1, 4:7, 4:7]).any()  # those whose window sees it
    assert np.isfinite(y[~reached]).all()


# ---- the transform ----
if COMPILES:
    from minidl.kernels.sandwich import sandwich
    from minidl.kernels.tile import BYTES

    FACTORS = np.array([[0.0, 2, -1], [1, 0, 0.5], [-3, 1, 0], [0, 0, 1]]), np.array([[1.0, 1, 0, 0], [0, -1, 2, 5]])
    by_steps = sandwich(*FACTORS, read="steps", write="steps")
    by_table = sandwich(*FACTORS, read="table", write="table", plus=True)

    @njit
    def transform_cpu(x, y, bias, table, x_table, y_table):
        if table:
            by_table(x_table.ctypes.data, 0, y_table.ctypes.data, 0, bias.ctypes.data)
        else:
            by_steps(x.ctypes.data, x.strides[0], y.ctypes.data, y.strides[0], 0)


@compiled
@pytest.mark.parametrize("table", (False, True))
def test_sandwich(table):
    rng = np.random.default_rng(4)
    lanes, P = BYTES // 4, FACTORS[1] @ FACTORS[0]
    x, bias = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((9, lanes), lanes))
    y = np.full((5, lanes), 7, np.float32)
    expected = np.einsum("ik,jl,klv->ijv", P, P, x.reshape(3, 3, lanes)).reshape(4, lanes) + table * bias
    order = rng.permutation(9) if table else np.arange(9)
    memory, x_table = x[order], np.empty(9, np.int64)
    x_table[order] = memory.ctypes.data + memory.strides[0] * np.arange(9)
    transform_cpu(memory, y, bias, table, x_table, y.ctypes.data + y.strides[0] * np.arange(4))
    np.testing.assert_array_equal(y[:4], expected)
    np.testing.assert_array_equal(y[4], 7)


# ---- the switch ----
FITTING = sizes_of((2, 16, 8, 9), (48, 16, 3, 3), (3, 3, 1, 1, 1, 1, 1, 1), 1, 8, 9)
OTHER = {"N": (0,), "C": (1, 8, 17), "F": (15, 40), "OH": (7,), "OW": (1,), "G": (2,), "SH": (2,), "SW": (3,)}
OTHER |= {"KH": (2,), "KW": (5,), "DH": (2,), "DW": (3,)}  # less than 8 places in a grid


@given(st.data())
def test_applies_and_use_winograd(data):
    assert winograd.applies(np.float32, FITTING)
    assert not winograd.applies(np.float64, FITTING)
    name = data.draw(st.sampled_from(sorted(OTHER)))
    assert not winograd.applies(np.float32, FITTING._replace(**{name: data.draw(st.sampled_from(OTHER[name]))}))
    try:
        minidl.use_winograd(False)
        assert not winograd.applies(np.float32, FITTING)
    finally:
        minidl.use_winograd(True)
    assert winograd.applies(np.float32, FITTING)
    assert winograd.applies(np.float32, FITTING._replace(OH=16, DH=2))
    many = FITTING._replace(C=256)
    assert winograd.applies(np.float32, many._replace(F=144 * 2))  # 144 places, 512 weights for each
    assert not winograd.applies(np.float32, many._replace(F=144 * 2 + 16))
    with pytest.raises(TypeError, match="use_winograd: on must be True or False, got 1"):
        minidl.use_winograd(1)


@compiled
def test_which_way_a_convolution_takes(monkeypatch):
    taken = []
    for name in ("forward", "dw"):
        call = getattr(winograd, name)
        monkeypatch.setattr(winograd, name, lambda *a, f=call, n=name: (taken.append(n), f(*a))[1])
    geometry = (3, 3, 1, 1, 1, 1, 1, 1), 1
    for dtype, on in ((np.float32, True), (np.float32, False), (np.float64, True)):
        x, w, b, dy, s = problem(5, 2, 9, 10, (1, 1, 1, 1), 16, 32, dtype)
        try:
            minidl.use_winograd(on)
            results = conv.conv(x, w, b, *geometry, 9, 10), *conv.conv_grad(dy, x, w, *geometry, (1, 1, 1))[:2]
        finally:
            minidl.use_winograd(True)
        assert taken == (["forward", "forward", "dw"] if dtype == np.float32 and on else [])
        taken.clear()
        for a, e in zip(results, direct(x, w, b, dy, s), strict=True):
            np.testing.assert_allclose(a, e, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-11)


# ---- other processors ----
ON_ANOTHER = """
import sys
import pytest
from minidl.kernels import winograd
assert winograd.LANES == int(sys.argv[1])
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "kernels_and or sandwich", *sys.argv[2:]]))
"""


@compiled
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of features of x86 processors")
@pytest.mark.parametrize("processor", OTHER_PROCESSORS)
def test_vectors_of_other_processors(processor, tmp_path):
    name, features, n_bytes = OTHER_PROCESSORS[processor]
    environment = os.environ | {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    run = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER, str(n_bytes // 4), __file__], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
