"""Convolutions on the CPU: every way is the reference's sums, in any layout, on any number of threads and callers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.jit import COMPILES
from minidl.kernels import conv, depthwise, direct, one_channel
from minidl.kernels.image import put_inside, sizes_of, turned

DTYPES = [np.float32, np.float64]
EPS = {np.float32: 4e-6, np.float64: 1e-14}  # a rounding is 6e-8 and 1.1e-16; sums of up to some hundred numbers
ALL = (True, True, True)

compiled = pytest.mark.skipif(not COMPILES or conv.REFERENCE, reason="the reference runs anyway")


def image(rng, shape, dtype, last):
    """Random numbers; with channels side by side in memory, or as usual."""
    if last:
        N, C, H, W = shape
        return rng.normal(size=(N, H, W, C)).astype(dtype).transpose(0, 3, 1, 2)
    return rng.normal(size=shape).astype(dtype)


def problem(seed, N, groups, channels, filters, axes, dtype=np.float32, x_last=False, dy_last=False):
    """axes: (n, K, S, P, Q, D) of H and of W, with padding P before and Q after."""
    rng = np.random.default_rng(seed)
    (H, KH, SH, PT, PB, DH), (W, KW, SW, PL, PR, DW) = axes
    OH, OW = (H + PT + PB - DH * (KH - 1) - 1) // SH + 1, (W + PL + PR - DW * (KW - 1) - 1) // SW + 1
    x = image(rng, (N, groups * channels, H, W), dtype, x_last)
    w = rng.normal(size=(groups * filters, channels, KH, KW)).astype(dtype)
    b = rng.normal(size=groups * filters).astype(dtype)
    dy = image(rng, (N, groups * filters, OH, OW), dtype, dy_last)
    return x, w, b, dy, (KH, KW, SH, SW, PT, PL, DH, DW), groups


def run(x, w, b, dy, geometry, groups, needs=ALL):
    return conv.conv(x, w, b, geometry, groups, *dy.shape[2:]), *conv.conv_grad(dy, x, w, geometry, groups, needs)


def reference(x, w, b, dy, geometry, groups):
    y = conv.conv_ref(np, x, w, b, geometry, groups, *dy.shape[2:])
    return y, *conv.conv_grad_ref(np, dy, x, w, geometry, groups, ALL)


def agree(ours, wanted, x, w, dy):
    """Each up to the roundings of as many numbers as it is a sum of."""
    dtype = x.dtype.type
    places = dy.shape[0] * dy.shape[2] * dy.shape[3]
    for result, expected, terms in zip(ours, wanted, (w[0].size, w.size, places, places), strict=True):
        assert result.dtype == dtype and result.shape == expected.shape
        bound = EPS[dtype] * max(1, terms) ** 0.5
        assert np.abs(result - expected).max(initial=0) <= bound * max(1, np.abs(expected).max(initial=0))


@st.composite
def axes(draw):
    k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 3))
    p, q = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    least = max(1, d * (k - 1) + 1 - p - q)
    return draw(st.integers(least, least + 7)), k, s, p, q, d


GROUPS = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 20)),  # groups, channels and filters of each
    st.tuples(st.just(1), st.integers(15, 40), st.integers(15, 70)),  # several vectors of both
    st.tuples(st.integers(1, 40), st.just(1), st.just(1)),  # depthwise
    st.tuples(st.just(1), st.just(1), st.integers(1, 40)),  # one channel
)


@given(
    st.integers(0, 99), st.integers(0, 3), GROUPS, st.tuples(axes(), axes()), st.sampled_from(DTYPES),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_every_way_is_the_reference(seed, N, sizes, axes, dtype, x_last, dy_last):
    x, w, b, dy, *options = problem(seed, N, *sizes, axes, dtype, x_last, dy_last)
    before = [a.copy() for a in (x, w, b, dy)]
    wanted = reference(x, w, b, dy, *options)
    agree(run(x, w, b, dy, *options), wanted, x, w, dy)
    assert all(np.array_equal(a, old) for a, old in zip((x, w, b, dy), before, strict=True))
    without_b = conv.conv(x, w, None, *options, *dy.shape[2:])
    assert np.allclose(without_b + b[:, None, None], wanted[0], rtol=0, atol=1e-3 if dtype == np.float32 else 1e-10)


WAYS = {
    "direct": problem(0, 5, 1, 20, 24, ((9, 3, 1, 1, 1, 1), (8, 3, 1, 1, 1, 1))),
    "dilated": problem(1, 5, 1, 20, 24, ((9, 3, 1, 2, 2, 2), (8, 3, 1, 2, 2, 2))),
    "strided": problem(2, 5, 1, 20, 24, ((9, 3, 2, 1, 1, 1), (8, 3, 3, 1, 1, 1))),
    "grouped": problem(3, 5, 2, 20, 24, ((9, 3, 1, 1, 1, 1), (8, 3, 1, 1, 1, 1))),
    "1x1": problem(4, 5, 1, 20, 24, ((9, 1, 1, 0, 0, 1), (8, 1, 1, 0, 0, 1))),
    "depthwise": problem(5, 5, 40, 1, 1, ((9, 3, 1, 1, 1, 1), (8, 3, 1, 1, 1, 1))),
    "depthwise, strided": problem(6, 5, 40, 1, 1, ((9, 3, 2, 1, 1, 1), (8, 3, 3, 1, 1, 1))),
    "one channel": problem(7, 5, 1, 1, 6, ((9, 3, 2, 1, 1, 2), (8, 3, 1, 1, 1, 2))),
    "one channel, one filter": problem(9, 5, 1, 1, 1, ((9, 3, 2, 1, 1, 2), (8, 3, 1, 1, 1, 2))),  # narrow vectors
    "one row": problem(8, 5, 1, 20, 24, ((1, 1, 1, 0, 0, 1), (50, 3, 1, 1, 1, 1))),
}
ways = pytest.mark.parametrize("way", WAYS)


@compiled
@ways
def test_where_the_numbers_lie_changes_no_bit(way):
    x, w, b, dy, *options = WAYS[way]
    wanted = run(x, w, b, dy, *options)
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    every_second = np.repeat(x, 2, axis=3)[..., ::2]
    read_only = x.copy()
    read_only.flags.writeable = False
    for same in (last, every_second, read_only, np.asfortranarray(x)):
        assert np.array_equal(same, x)
        for mine, expected in zip(run(same, w, b, dy, *options), wanted, strict=True):
            assert np.array_equal(mine, expected)
    for same in (np.ascontiguousarray(dy.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2), np.asfortranarray(dy)):
        for mine, expected in zip(run(x, np.asfortranarray(w), b, same, *options)[1:3], wanted[1:3], strict=True):
            assert np.array_equal(mine, expected)


@compiled
def test_a_kernel_is_compiled_once_for_each_dtype():
    for way in WAYS.values():
        for dtype in DTYPES:
            arrays = [a.astype(dtype) for a in way[:4]]
            run(*arrays, *way[4:])
            for a in arrays:
                a.flags.writeable = False
            run(*arrays, *way[4:])
            run(*(np.asfortranarray(a) for a in arrays), *way[4:])
    for module in (direct, depthwise, one_channel):
        for name, kernel in vars(module).items():
            if name.endswith("_cpu") and kernel.__module__ == module.__name__:
                assert len(kernel.signatures) == 2, f"{module.__name__}.{name}"


@compiled
@ways
def test_what_comes_back_has_its_channels_side_by_side(way):
    y, dx, dw, db = run(*WAYS[way])
    if "one channel" not in way:
        assert y.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dx.transpose(0, 2, 3, 1).flags.c_contiguous and dw.flags.c_contiguous and db.flags.c_contiguous


@compiled
@ways
def test_one_thread_and_two_give_the_same_bits(way, monkeypatch):
    monkeypatch.setattr(direct, "shards_of", lambda s: 3)  # as for larger sizes
    before = minidl.get_num_threads()
    try:
        minidl.set_num_threads(1)
        one = run(*WAYS[way])
        minidl.set_num_threads(2)
        for _ in range(5):
            assert all(np.array_equal(a, b) for a, b in zip(run(*WAYS[way]), one, strict=True))
    finally:
        minidl.set_num_threads(before)
    agree(one, reference(*WAYS[way]), WAYS[way][0], WAYS[way][1], WAYS[way][3])


@compiled
def test_several_shards_of_a_large_problem():
    arguments = problem(0, 16, 1, 16, 16, ((30, 3, 1, 1, 1, 1), (30, 3, 1, 1, 1, 1)))
    s = sizes_of(arguments[0].shape, arguments[1].shape, *arguments[4:], 30, 30)
    assert 2 <= direct.shards_of(s) <= 16
    agree(run(*arguments), reference(*arguments), arguments[0], arguments[1], arguments[3])


@ways
def test_callers_in_several_threads_do_not_disturb_each_other(way):
    wanted = run(*WAYS[way])
    with ThreadPoolExecutor(4) as pool:
        for results in [f.result() for f in [pool.submit(run, *WAYS[way]) for _ in range(12)]]:
            assert all(np.array_equal(a, b) for a, b in zip(results, wanted, strict=True))


@ways
def test_only_what_is_needed(way):
    x, w, _, dy, *options = WAYS[way]
    every = conv.conv_grad(dy, x, w, *options, ALL)
    for i in range(3):
        needs = tuple(j == i for j in range(3))
        some = conv.conv_grad(dy, x, w, *options, needs)
        assert [a is None for a in some] == [not n for n in needs] and np.array_equal(some[i], every[i])


@compiled
@ways
def test_a_nan_and_an_infinity_reach_the_windows_that_see_them_and_no_others(way):
    x, w, b, dy, *options = WAYS[way]
    for value in (np.nan, np.inf):
        hurt = x.copy()
        hurt[1, 0, min(x.shape[2] - 1, 5), 4] = value
        y, wanted = (
            conv.conv(hurt, w, b, *options, *dy.shape[2:]),
            conv.conv_ref(np, hurt, w, b, *options, *dy.shape[2:]),
        )
        assert not np.isfinite(wanted).all()
        assert np.array_equal(np.isnan(y), np.isnan(wanted)) and np.array_equal(np.isinf(y), np.isinf(wanted))


def test_which_way_is_taken(monkeypatch):
    taken = []
    for module in (direct, depthwise, one_channel):
        for name in ("forward", "dx", "dw"):
            if hasattr(module, name):
                call = getattr(module, name)
                label = f"{module.__name__.split('.')[-1]}.{name}"
                monkeypatch.setattr(module, name, lambda *a, f=call, n=label: (taken.append(n), f(*a))[1])
    expected = {
        "direct": ["direct.forward", "direct.dx", "direct.dw"],
        "strided": ["direct.forward", "direct.dx", "direct.dw"],
        "depthwise": ["depthwise.forward", "depthwise.forward", "depthwise.dw"],
        "depthwise, strided": ["depthwise.forward", "depthwise.forward", "depthwise.dw"],
        "one channel, one filter": ["one_channel.forward", "one_channel.dx", "one_channel.dw"],
    }
    for way, calls in expected.items():
        run(*WAYS[way])
        assert taken == (calls if COMPILES and not conv.REFERENCE else [])
        taken.clear()
    monkeypatch.setattr(conv, "REFERENCE", True)
    for way in WAYS:
        assert all(np.array_equal(a, b) for a, b in zip(run(*WAYS[way]), reference(*WAYS[way]), strict=True))
    assert taken == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("C", "W"), [(1, 1), (3, 40), (16, 16), (17, 33), (40, 5)])
@compiled
def test_an_image_in_its_room(C, W, dtype):
    x = np.random.default_rng(0).normal(size=(2, C, 3, W)).astype(dtype)
    s = sizes_of(x.shape, (1, C, 2, 2), (2, 2, 1, 1, 1, 2, 1, 1), 1, 4, W + 3)
    room = np.zeros(s.HP * s.WP * C, dtype)
    put_inside(x.reshape(-1), (C * 3 * W, 3 * W, W, 1), 1, s, room)
    wanted = np.zeros((s.HP, s.WP, C), dtype)
    wanted[1:4, 2 : 2 + W] = x[1].transpose(1, 2, 0)
    assert np.array_equal(room.reshape(wanted.shape), wanted)


def test_turned_twice_is_the_same_convolution():
    s = sizes_of((2, 3, 9, 8), (4, 3, 3, 2), (3, 2, 1, 1, 1, 0, 2, 1), 1, 7, 7)
    assert turned(turned(s)) == s
