"""The gate of ReLU and LeakyReLU: compiled and reference, layouts, threads, and what is not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import nn, threads
from minidl.backend import REFERENCE, channels_last, current
from minidl.kernels import gate as kernel
from minidl.tensor import _wrap

pytestmark = pytest.mark.skipif(current() != "numpy", reason="these are kernels of the CPU")
VALUES = [-2.0, -1.0, -0.0, 0.0, 0.5, 3.0, np.nan, np.inf, -np.inf]


def as_channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@given(
    st.lists(st.integers(0, 6), max_size=4).map(tuple),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([0.0, 0.25, -1.5]),
    st.integers(0, 99),
)
def test_compiled_and_reference_are_the_definition(shape, dtype, a, seed):
    rng = np.random.default_rng(seed)
    x, v = (rng.choice(VALUES, size=shape).astype(dtype).reshape(shape) for _ in range(2))
    pairs = zip(x.ravel().tolist(), v.ravel().tolist(), strict=True)
    wanted = np.array([v if x > 0 else a * v for x, v in pairs], dtype).reshape(shape)
    with np.errstate(invalid="ignore"):  # 0 * inf, of which compiled code says nothing
        results = kernel.gate(x, v, a), kernel.gate_ref(np, x, v, a)
    for y in results:
        assert y.dtype == dtype and y.shape == shape and np.array_equal(y, wanted, equal_nan=True)
    if len(shape) == 4:
        for pair in ((as_channels_last(x), as_channels_last(v)), (as_channels_last(x), v), (x, as_channels_last(v))):
            with np.errstate(invalid="ignore"):
                y = kernel.gate(*pair, a)
            assert np.array_equal(y, wanted, equal_nan=True)
            assert REFERENCE or channels_last(y) == channels_last(pair[0])


def test_one_thread_or_several_the_same_bits():
    x, v = np.random.default_rng(0).normal(size=(2, 1_000_003)).astype("float32")
    n = threads.get_num_threads()
    assert threads.shards_for(kernel.TIME * x.size) > 2
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            assert np.array_equal(kernel.gate(x, v, 0.1), kernel.gate_ref(np, x, v, np.float32(0.1)))
    finally:
        threads.set_num_threads(n)


@pytest.mark.parametrize("layer", [nn.ReLU, nn.LeakyReLU])
def test_channels_last_in_and_out(layer):
    x = _wrap(as_channels_last(np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")))
    x.requires_grad_()
    y = layer()(x)
    y.backward(np.random.default_rng(1).normal(size=y.shape).astype("float32"))
    assert REFERENCE or channels_last(y._data)
