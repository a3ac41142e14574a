"""The hash behind dropout: the same bits on every target and in both memory layouts, and as random as it should be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import Tensor, nn, threads
from minidl.backend import REFERENCE, channels_last, current
from minidl.jit import COMPILES
from minidl.kernels import dropout as kernel
from minidl.tensor import _wrap

on_cpu = pytest.mark.skipif(current() != "numpy", reason="these are kernels of the CPU")
keys = st.integers(0, 2**32 - 1)


def by_integers(i, key1, key2):
    """The formula of the module's text with Python's integers, which have no last bit."""
    bits = 2**32
    h = i % bits ^ key1
    h = (h ^ h >> 16) * 0x85EBCA6B % bits ^ key2 ^ (i >> 32) * 0x9E3779B1 % bits
    h = (h ^ h >> 13) * 0xC2B2AE35 % bits
    h = (h ^ h >> 16) * 0x9E3779B1 % bits
    return h ^ h >> 16


def hashes(n, key1, key2, start=0):
    return kernel.hash_ref(np, np.arange(start, start + n, dtype=np.uint64), key1, key2)


def as_channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


# ---- the bits ----
@given(st.one_of(st.integers(0, 2**40), st.integers(2**32 - 3, 2**32 + 3)), keys, keys)
def test_the_hash_is_its_formula(i, key1, key2):
    wanted = by_integers(i, key1, key2)
    assert kernel.hash_ref(np, np.array([i], np.uint64), key1, key2)[0] == wanted
    U = np.uint32
    key = U(key2 ^ int(kernel.times(U(i >> 32), U(kernel.FACTORS[2]))))
    assert kernel.hashed(U(i & kernel.BITS), U(key1), key) == wanted


@on_cpu
@given(
    st.one_of(
        st.lists(st.integers(0, 5), max_size=3).map(tuple),
        st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 5), st.integers(1, 5)),
        st.tuples(st.integers(kernel.BLOCK - 2, 2 * kernel.BLOCK + 2)),
    ),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([1e-12, 0.25, 0.5, 0.999, 1.0]),
    keys,
    keys,
)
def test_compiled_and_reference_in_both_layouts(shape, dtype, p, key1, key2):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    before = x.copy()
    wanted = kernel.dropped_ref(np, x, key1, key2, p)
    y = kernel.dropped(x, key1, key2, p)
    assert y.dtype == dtype and np.array_equal(y, wanted) and np.array_equal(x, before)
    if len(shape) == 4:
        last = kernel.dropped(as_channels_last(x), key1, key2, p)
        assert np.array_equal(last, wanted)
        assert REFERENCE or channels_last(last) == channels_last(as_channels_last(x))
        assert np.array_equal(
            kernel.dropped(x.transpose(3, 1, 0, 2), key1, key2, p),
            kernel.dropped(np.ascontiguousarray(x.transpose(3, 1, 0, 2)), key1, key2, p),
        )


@on_cpu
@pytest.mark.skipif(not COMPILES, reason="takes long")
@pytest.mark.parametrize("last", [False, True])
def test_one_thread_or_several_the_same_bits(last):
    x = np.random.default_rng(0).normal(size=(16, 32, 33, 34)).astype("float32")
    wanted = kernel.dropped_ref(np, x, 123, 456, 0.3)
    n = threads.get_num_threads()
    assert threads.shards_for(kernel.TIME * x.size) > 2
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            assert np.array_equal(kernel.dropped(as_channels_last(x) if last else x, 123, 456, 0.3), wanted)
    finally:
        threads.set_num_threads(n)


@on_cpu
def test_not_a_number_stays():
    x = np.full(1000, np.nan, "float32")
    assert np.isnan(kernel.dropped(x, 1, 2, 0.5)).all()


# ---- the randomness: z is a sum of so many independent things that it is normal with deviation 1
def z_of(kept, others, p):
    """How far the products of two masks lie from what independence says, in standard deviations."""
    return ((kept - (1 - p)) * (others - (1 - p))).sum() / (math.sqrt(len(kept)) * p * (1 - p))


def assert_normal(z):
    z = np.array(z)
    n = len(z)
    assert abs(z.mean()) < 4.5 / n**0.5
    assert abs(z.std() - 1) < 4.5 / (2 * n) ** 0.5
    assert abs(z).max() < 5.5  # once in 26 million


RUNS, N = 500, 2**14


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_rates_and_lags(p):
    rng = np.random.default_rng(0)
    lags = (1, 2, 3, 4, 7, 8, 16, 28, 32, 64, 256, 1024, 2048, 4096)  # neighbours; rows, channels and powers of two
    rates, pairs = [], {lag: [] for lag in lags}
    for key1, key2 in rng.integers(0, 2**32, (RUNS, 2)).tolist():
        kept = hashes(N, key1, key2) >= round(p * 2**32)
        rates.append((kept.sum() - N * (1 - p)) / math.sqrt(N * p * (1 - p)))
        for lag in lags:
            pairs[lag].append(z_of(kept[lag:], kept[:-lag], p))
    assert_normal(rates)
    for lag in lags:
        assert_normal(pairs[lag])


@pytest.mark.parametrize("other", ["keys", "key1", "key2", "one bit of key1", "one bit of key2", "2^32 further"])
def test_two_calls_are_independent(other):
    rng, p, z = np.random.default_rng(1), 0.5, []
    for key1, key2, new1, new2 in rng.integers(0, 2**32, (RUNS, 4)).tolist():
        changed = {
            "keys": (new1, new2),
            "key1": (new1, key2),
            "key2": (key1, new2),
            "one bit of key1": (key1 ^ 1 << new1 % 32, key2),
            "one bit of key2": (key1, key2 ^ 1 << new1 % 32),
            "2^32 further": (key1, key2, 2**32),
        }[other]
        z.append(z_of(hashes(N, key1, key2) >= 2**31, hashes(N, *changed) >= 2**31, p))
    if other == "one bit of key1":  # it only changes places in pairs, so that every product is there twice
        assert abs(np.array(z)).max() < 5.5 * 2**0.5
    else:
        assert_normal(z)


def test_one_number_under_many_keys():
    """Of 2^16 keys, in 256 bins of the top bits of the hash: chi-squared of 255 degrees of freedom."""
    rng = np.random.default_rng(2)
    for i in (0, 1, 2**20, 2**33 + 7):
        h = np.array([by_integers(i, *pair) for pair in rng.integers(0, 2**32, (2**14, 2)).tolist()], np.uint64)
        counts = np.bincount((h >> np.uint64(24)).astype(int), minlength=256)
        chi = ((counts - 64) ** 2 / 64).sum()
        assert abs(chi - 255) < 5 * math.sqrt(2 * 255)


# ---- the layer ----
def test_layers_and_calls_have_masks_of_their_own():
    x = Tensor(np.ones(N, "float32"))
    a, b = nn.Dropout(0.5), nn.Dropout(0.5)
    masks = [(layer(x).numpy() > 0) for layer in (a, b, a, b)]
    for j in range(4):
        for k in range(j):
            assert abs(z_of(masks[j], masks[k], 0.5)) < 5.5


@on_cpu
def test_channels_last_images_have_the_same_mask():
    x = np.random.default_rng(0).normal(size=(3, 5, 6, 7)).astype("float32")
    results = []
    for order in (x, as_channels_last(x)):
        minidl.manual_seed(4)
        tensor = _wrap(order)
        tensor.requires_grad_()
        y = nn.Dropout(0.4)(tensor)
        y.backward(x)
        results.append((y.numpy(), Tensor(tensor.grad).numpy()))
    assert np.array_equal(results[0][0], results[1][0]) and np.array_equal(results[0][1], results[1][1])
    assert np.array_equal(results[0][0], results[0][1])


def test_nothing_is_kept_for_the_way_back():
    x = Tensor(np.ones(10), requires_grad=True)
    node = nn.Dropout(0.5)(x)._node
    assert node.saved == ()


@on_cpu
def test_numbers_beyond_the_32_bits_of_the_hash():
    n, shards = 2**33, 2**20  # of an array in name only, all of whose numbers are one; the last one of a shard is seen
    memory = np.ones(1, "float32"), np.zeros(1, "float32")
    x, y = (np.lib.stride_tricks.as_strided(v, (1, n, 1), (0, 0, 0)) for v in memory)
    for shard in [*range(2**19 - 20, 2**19 + 20), 2**20 - 1]:
        kernel.drop_cpu(shard, shards, x, np.uint32(5), np.uint32(6), np.uint32(2**31), np.float32(2), y)
        i = (shard + 1) * (n // shards) - 1
        assert (memory[1][0] > 0) == (by_integers(i, 5, 6) >= 2**31)
