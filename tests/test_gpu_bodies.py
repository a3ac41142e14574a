"""The GPU kernels without a GPU: every body, compiled as C++, gives the bits of its reference
(or its numbers up to rounding, where an exp is involved).

They are called as layers call them, through the function beside them in its kernel file, on arrays of the stand-in for
CuPy (on a real GPU with --backend cupy). So the order of the arguments is tested too, and outputs start as NaN.
"""

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl.kernels
from minidl import backend
from minidl.kernels import pool
from minidl.testing.strategies import geometries, shapes
from tests import test_kernels_distance as distances
from tests import test_kernels_network as networks
from tests import test_kernels_recurrent as loops
from tests import test_kernels_som as maps
from tests.gpu import standin
from tests.gpu.compile import COMPILER, ElementwiseKernel

pytestmark = [
    pytest.mark.skipif(COMPILER is None and backend.current() != "cupy", reason="no C++ compiler (c++, g++, clang++)"),
    pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: no kernel runs its GPU body"),
]
FOLDER = Path(minidl.kernels.__path__[0])


def random(draw, *shape, ties=False):
    """Numbers of a drawn dtype; with ties many are equal, and some are NaN or infinite."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    x = rng.normal(size=shape)
    if ties:
        x = rng.choice([0.0, 1.0, -1.0, np.nan, -np.inf, np.inf], size=shape, p=[0.4, 0.2, 0.2, 0.1, 0.05, 0.05])
    return x.astype(dtype)


def images(draw, dilated=True):
    """(N, C, a geometry as kernels take it, image sizes, output sizes)"""
    g = draw(geometries())
    padding = tuple(before for before, _ in g.padding)
    geometry = (*g.kernel, *g.stride, *padding, *(g.dilation if dilated else ()))
    if not dilated:
        sizes = zip(g.outputs, g.kernel, g.stride, g.padding, strict=True)
        g = g._replace(sizes=tuple(max(1, (o - 1) * s + k - sum(p)) for o, k, s, p in sizes))
    return draw(st.integers(1, 2)), draw(st.integers(1, 3)), geometry, g.sizes, g.outputs


@st.composite
def im2col(draw):
    N, C, geometry, sizes, outputs = images(draw)
    return random(draw, N, C, *sizes), geometry, *outputs


@st.composite
def col2im(draw):
    N, C, geometry, sizes, outputs = images(draw)
    return random(draw, C, *geometry[:2], N, *outputs), geometry, *sizes


@st.composite
def max_windows(draw):
    N, C, geometry, sizes, outputs = images(draw)
    return random(draw, N, C, *sizes, ties=draw(st.booleans())), geometry, *outputs


@st.composite
def max_windows_grad(draw):
    N, C, geometry, sizes, outputs = images(draw)
    _, winner = pool.max_ref(np, random(draw, N, C, *sizes, ties=draw(st.booleans())), geometry, *outputs)
    return random(draw, N, C, *outputs), winner, geometry, *sizes


@st.composite
def sum_windows(draw):
    N, C, geometry, sizes, outputs = images(draw, dilated=False)
    return random(draw, N, C, *sizes), geometry, *outputs


@st.composite
def sum_windows_grad(draw):
    N, C, geometry, sizes, outputs = images(draw, dilated=False)
    return random(draw, N, C, *outputs), geometry, *sizes


@st.composite
def scatter_add(draw):
    V, M = draw(st.integers(1, 6)), draw(st.integers(0, 12))
    kind = draw(st.sampled_from(["int32", "int64"]))
    positions = np.random.default_rng(draw(st.integers(0, 99))).integers(0, V, M, kind)
    return positions, random(draw, M, draw(st.integers(1, 3))), V


@st.composite
def erfc(draw):
    return (random(draw, *draw(shapes())),)


@st.composite
def dropped(draw):
    key = st.integers(0, 2**32 - 1)
    return random(draw, *draw(shapes())), draw(key), draw(key), draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@st.composite
def gate(draw):
    x = random(draw, *draw(shapes()), ties=draw(st.booleans()))
    v = np.random.default_rng(draw(st.integers(0, 9))).normal(size=x.shape).astype(x.dtype)
    return x, v, draw(st.sampled_from([0.0, 0.25, -1.0]))


# kernel file, name of the body -> the function that layers call, its reference, a strategy for their arguments
PARITY = {
    ("window", "IM2COL_GPU"): ("im2col", "im2col_ref", im2col),
    ("window", "COL2IM_GPU"): ("col2im", "col2im_ref", col2im),
    ("pool", "MAX_GPU"): ("max_windows", "max_ref", max_windows),
    ("pool", "MAX_GRAD_GPU"): ("max_windows_grad", "max_grad_ref", max_windows_grad),
    ("sum_pool", "SUM_GPU"): ("sum_windows", "sum_ref", sum_windows),
    ("sum_pool", "SUM_GRAD_GPU"): ("sum_windows_grad", "sum_grad_ref", sum_windows_grad),
    ("scatter", "SCATTER_ADD_GPU"): ("scatter_add", "scatter_add_ref", scatter_add),
    ("erf", "ERFC_GPU"): ("erfc", "erfc_ref", erfc),
    ("dropout", "DROP_GPU"): ("dropped", "dropped_ref", dropped),
    ("gate", "GATE_GPU"): ("gate", "gate_ref", gate),
    ("distance", "DIRECT_GPU"): ("direct", "squared_distances_ref", distances.scaled_points),
    ("distance", "NEAR_GPU"): ("by_product", "squared_distances_ref", distances.scaled_points),
    ("distance", "GRAD_GPU"): ("grad_direct", "squared_distances_grad_ref", distances.gradients),
    ("som", "SOM_DISTANCES_GPU"): ("distances", "distances_ref", maps.problems),
    ("som", "SOM_STEP_GPU"): ("online", "online_ref", maps.trainings),
    ("network", "NETWORK_GPU"): ("forward", "forward_ref", networks.problems),
    ("rnn", "RNN_GPU"): ("rnn", "rnn_ref", loops.rnn_forward),
    ("rnn", "RNN_GRAD_GPU"): ("rnn_grad", "rnn_grad_ref", loops.rnn_backward),
    ("lstm", "LSTM_GPU"): ("lstm", "lstm_ref", loops.lstm_forward),
    ("lstm", "LSTM_GRAD_GPU"): ("lstm_grad", "lstm_grad_ref", loops.lstm_backward),
    ("gru", "GRU_GPU"): ("gru", "gru_ref", loops.gru_forward),
    ("gru", "GRU_GRAD_GPU"): ("gru_grad", "gru_grad_ref", loops.gru_backward),
}
# where an exp or its like is rounded, by two libraries: units in the last place. The reference of erfc computes
# 1 - erf(x) up to x = 1.5, where a few units of the 1 are 1 / erfc(1.5) = 30 times as many of the difference.
# The matrix product of by_product has the bound of its docstring, for up to 70 features.
ROUNDED = {"ERFC_GPU": 4 * 30, "NEAR_GPU": 16 * (70 + 3)}
# bodies that run with others
WITH = {"SOM_STEP_GPU": ["SOM_DISTANCES_GPU"]}
# time loops: a step starts from what the one before it has rounded, and sums cancel (see test_kernels_recurrent.py)
LOOPS = {"rnn", "lstm", "gru"}


def kernel_file(name):
    return vars(importlib.import_module(f"minidl.kernels.{name}"))


def test_every_body_has_a_parity_test():
    found = {
        (path.stem, name) for path in FOLDER.glob("*.py") for name in kernel_file(path.stem) if name.endswith("_GPU")
    }
    assert found == set(PARITY)


@pytest.mark.parametrize("where", PARITY, ids=".".join)
@given(data=st.data())
def test_a_body_is_its_reference(where, data):
    functions = kernel_file(where[0])
    called, reference, arguments = PARITY[where]
    args = data.draw(arguments())
    wanted = functions[reference](np, *args)
    with standin.installed() as cupy:
        standin.ran.clear()
        results = functions[called](*(cupy.asarray(a) if isinstance(a, np.ndarray) else a for a in args))
        results = results if isinstance(results, tuple) else (results,)
        results = [None if y is None else cupy.asnumpy(y) for y in results]
        if cupy is standin:
            assert standin.ran == {functions[name][3] for name in (where[1], *WITH.get(where[1], ()))}
    for ours, theirs in zip(results, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        if theirs is None:
            assert ours is None
            continue
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        if where[0] in LOOPS:
            loops.assert_close([ours], [theirs])
        elif where[1] in ROUNDED:
            np.testing.assert_allclose(ours, theirs, rtol=ROUNDED[where[1]] * np.finfo(ours.dtype).eps, atol=0)
        else:
            assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


# ---- the harness itself: what it must not let pass ----
def test_a_kernel_runs_and_broadcasts():
    kernel = ElementwiseKernel("T x, raw T table, T scale", "T y", "y = x * scale + table[i % 2];", "planted")
    y = kernel(np.ones((3, 2), "f"), np.array([1.0, 2.0], "f"), 10)
    assert y.dtype == np.float32 and np.array_equal(y, [[11, 12]] * 3)


@pytest.mark.parametrize("index", ["i - 1", "i + 1", "-5", "i + (1LL << 40)"])
def test_an_index_outside_is_caught(index):
    kernel = ElementwiseKernel("raw T x", "T y", f"y = x[{index}];", "planted")
    with pytest.raises(IndexError, match=r"planted: x\[-?\d+\] is outside"):
        kernel(np.ones(4), np.empty(4))


def test_a_write_outside_is_caught():
    kernel = ElementwiseKernel("T x", "raw T y", "y[i + 1] = x;", "planted")
    with pytest.raises(IndexError, match=r"y\[4\]"):
        kernel(np.ones(4), np.empty(4))


@pytest.mark.parametrize("body", ["x = 1; y = 0;", "y = INFINITY;", "y = undefined;", "y = x"])
def test_what_nvrtc_refuses_does_not_compile(body):
    with pytest.raises(RuntimeError, match="does not compile"):
        ElementwiseKernel("T x", "T y", body, "planted")(np.ones(3))


def test_types_must_agree():
    kernel = ElementwiseKernel("T x, int64 k, raw int64 ids", "T y", "y = x + k + ids[0];", "planted")
    ids = np.zeros(1, np.int64)
    assert kernel(np.ones(2, "f"), 2, ids).dtype == np.float32
    for args in [
        (np.ones(2, "f"), 2, ids.astype("int32")),  # a fixed type
        (np.ones(2, "f"), 2, ids, np.ones(2)),  # T is two things
        (np.ones(2, "f"), None, ids),
        (np.ones(2, "f"), 2, 3),  # a raw parameter is an array
        (np.ones(2, "f"), 2),
    ]:
        with pytest.raises(TypeError):
            kernel(*args)
    with pytest.raises(ValueError, match="reserved"):
        ElementwiseKernel("T n", "T y", "", "planted")


def test_an_output_that_is_not_written_shows():
    y = ElementwiseKernel("T x", "T y", "if (x > 1) y = x;", "planted")(np.array([1.0, 2.0]))
    assert np.isnan(y[0]) and y[1] == 2
