"""Max and sum of windows: the definition by loops, reference == Numba bit for bit, and what is special about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend, threads
from minidl.kernels import pool, sum_pool

from .test_kernels_window import DTYPES, LAYOUTS, geometries, identical, images


def seen(geometry, oh, ow, H, W):
    """The pixels that one window sees, in window order."""
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    for kh in range(KH):
        for kw in range(KW):
            h, w = oh * SH - PT + kh * DH, ow * SW - PL + kw * DW
            if 0 <= h < H and 0 <= w < W:
                yield h, w


def naive_max(x, geometry, OH, OW):
    N, C, H, W = x.shape
    y = np.full((N, C, OH, OW), -np.inf, x.dtype)
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    winner = np.full((N, C, OH, OW), KH * KW, np.uint8)
    for n, c, oh, ow in np.ndindex(y.shape):
        pixels = list(seen(geometry, oh, ow, H, W))
        numbers = [(h - oh * SH + PT) // DH * KW + (w - ow * SW + PL) // DW for h, w in pixels]
        values = [(x[n, c, h, w], k) for (h, w), k in zip(pixels, numbers, strict=True)]
        nans = [pair for pair in values if np.isnan(pair[0])]
        if values:
            highest = nans[0] if nans else next(p for p in values if p[0] == max(v for v, _ in values))
            y[n, c, oh, ow], winner[n, c, oh, ow] = highest
    return y, winner


def naive_max_grad(dy, winner, geometry, H, W):
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    dx = np.zeros((*dy.shape[:2], H, W), dy.dtype)
    for n, c, oh, ow in np.ndindex(dy.shape):
        if winner[n, c, oh, ow] < KH * KW:
            kh, kw = divmod(int(winner[n, c, oh, ow]), KW)
            dx[n, c, oh * SH - PT + kh * DH, ow * SW - PL + kw * DW] += dy[n, c, oh, ow]
    return dx


def naive_sum(x, geometry, OH, OW):
    N, C, H, W = x.shape
    y = np.zeros((N, C, OH, OW), x.dtype)
    for n, c, oh, ow in np.ndindex(y.shape):
        for h, w in seen(geometry, oh, ow, H, W):
            y[n, c, oh, ow] += x[n, c, h, w]
    return y


def naive_sum_grad(dy, geometry, H, W):
    dx = np.zeros((*dy.shape[:2], H, W), dy.dtype)
    for n, c, oh, ow in np.ndindex(dy.shape):
        for h, w in seen(geometry, oh, ow, H, W):
            dx[n, c, h, w] += dy[n, c, oh, ow]
    return dx


def levels(shape, dtype, seed):
    """Few different values, so that windows have ties, and a few NaN and infinities."""
    rng = np.random.default_rng(seed)
    return rng.choice(
        np.array([-2, -1, -0.5, 0, 1, np.nan, -np.inf, np.inf], dtype), size=shape, p=[0.18] * 5 + [0.03, 0.05, 0.02]
    )


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def both_kernels(run):
    """run with the loops over rows of windows, and with those over channels, each on an image of either layout."""
    for many in (0, 99):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool, "MANY", many)
            patch.setattr(sum_pool, "MANY", many)
            yield run(np.ascontiguousarray)
            yield run(channels_last)


CHANNELS = st.sampled_from([1, 2, 17])


@given(
    geometries(),
    st.integers(0, 2),
    CHANNELS,
    st.sampled_from([levels, images]),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
def test_max_is_its_definition_on_every_target(geometry, N, C, values, dtype, seed):
    H, W, OH, OW, geometry = geometry
    x = values((N, C, H, W), dtype, seed)
    y, winner = naive_max(x, geometry, OH, OW)
    for result in (
        pool.max_ref(np, x, geometry, OH, OW),
        *both_kernels(lambda arrange: pool.max_windows(arrange(x), geometry, OH, OW)),
    ):
        assert identical(result[0], y)
        assert identical(result[1], winner)
    dy = images(y.shape, dtype, seed + 1)
    wanted = naive_max_grad(dy, winner, geometry, H, W)
    assert identical(pool.max_grad_ref(np, dy, winner, geometry, H, W), wanted)
    for last in (False, True):
        assert identical(pool.max_windows_grad(dy, winner, geometry, H, W, last), wanted)
        dx = pool.max_windows_grad(channels_last(dy), channels_last(winner), geometry, H, W, last)
        assert identical(dx, wanted)


@given(geometries(), st.integers(0, 2), CHANNELS, st.sampled_from(DTYPES), st.integers(0, 99))
def test_sum_is_its_definition_on_every_target(geometry, N, C, dtype, seed):
    H, W, OH, OW, (KH, KW, SH, SW, PT, PL, DH, DW) = geometry
    full, geometry = (KH, KW, SH, SW, PT, PL, 1, 1), (KH, KW, SH, SW, PT, PL)
    x = images((N, C, H, W), dtype, seed)
    wanted = naive_sum(x, full, OH, OW)
    for result in (
        sum_pool.sum_ref(np, x, geometry, OH, OW),
        *both_kernels(lambda arrange: sum_pool.sum_windows(arrange(x), geometry, OH, OW)),
    ):
        assert identical(result, wanted)
    dy = images(wanted.shape, dtype, seed + 1)
    wanted = naive_sum_grad(dy, full, H, W)
    for result in (
        sum_pool.sum_grad_ref(np, dy, geometry, H, W),
        *both_kernels(lambda arrange: sum_pool.sum_windows_grad(arrange(dy), geometry, H, W, False)),
        *both_kernels(lambda arrange: sum_pool.sum_windows_grad(arrange(dy), geometry, H, W, True)),
    ):
        assert identical(result, wanted)


@pytest.mark.parametrize("C", [3, 16])
@pytest.mark.parametrize("last", [False, True])
def test_the_answer_lies_in_memory_as_the_image_does(C, last):
    x = (channels_last if last else np.array)(images((2, C, 6, 6), np.float32, 0))
    geometry = (2, 2, 2, 2, 0, 0, 1, 1)
    y, winner = pool.max_windows(x, geometry, 3, 3)
    s = sum_pool.sum_windows(x, geometry[:6], 3, 3)
    grads = (
        pool.max_windows_grad(y, winner, geometry, 6, 6, last),
        sum_pool.sum_windows_grad(s, geometry[:6], 6, 6, last),
    )
    for image in (y, winner, s, *grads):
        assert backend.REFERENCE or backend.channels_last(image) == last


def test_a_winner_is_a_byte_where_that_is_enough():
    x = images((1, 1, 16, 16), np.float32, 0)
    for side, dtype in ((15, np.uint8), (16, np.int64)):
        geometry = (side, side, 1, 1, 0, 0, 1, 1)
        x[0, 0, side - 1, side - 1] = side  # the last place
        y, winner = pool.max_windows(x, geometry, 1, 1)
        assert winner.dtype == dtype and winner.item() == side * side - 1 and y.item() == side
        dx = pool.max_windows_grad(np.array([[[[3.0]]]]), winner, geometry, 16, 16)
        assert dx[0, 0, side - 1, side - 1] == 3 and dx.sum() == 3


@pytest.mark.parametrize("last", [False, True])
def test_one_thread_and_two_give_the_same_bits(last):
    x = (channels_last if last else np.array)(images((8, 16, 80, 80), np.float32, 0))
    dy = (channels_last if last else np.array)(images((8, 16, 40, 40), np.float32, 1))
    geometry = (3, 3, 2, 2, 1, 1, 1, 1)

    def everything():
        y, winner = pool.max_windows(x, geometry, 40, 40)
        yield from (y, winner, pool.max_windows_grad(dy, winner, geometry, 80, 80, last))
        yield sum_pool.sum_windows(x, geometry[:6], 40, 40)
        yield sum_pool.sum_windows_grad(dy, geometry[:6], 80, 80, last)

    before = threads.get_num_threads()
    results = []
    try:
        for n in (1, 2):
            threads.set_num_threads(n)
            results.append(list(everything()))
    finally:
        threads.set_num_threads(before)
    y, winner = pool.max_ref(np, x, geometry, 40, 40)
    dx = pool.max_grad_ref(np, dy, winner, geometry, 80, 80)
    sums = sum_pool.sum_ref(np, x, geometry[:6], 40, 40), sum_pool.sum_grad_ref(np, dy, geometry[:6], 80, 80)
    assert all(identical(a, b) for a, b in zip(*results, strict=True))
    assert all(identical(a, b) for a, b in zip(results[0], (y, winner, dx, *sums), strict=True))


@given(geometries(), st.integers(0, 99))
def test_the_gradient_of_a_sum_is_its_adjoint(geometry, seed):
    H, W, OH, OW, geometry = geometry
    geometry = geometry[:6]
    x, c = images((2, 3, H, W), np.float64, seed), images((2, 3, OH, OW), np.float64, seed + 1)
    left = (sum_pool.sum_windows(x, geometry, OH, OW) * c).sum()
    right = (x * sum_pool.sum_windows_grad(c, geometry, H, W)).sum()
    assert left == pytest.approx(right, rel=1e-12, abs=1e-12)


def test_the_first_of_equal_values_wins():
    x = np.array([[[[1.0, 3.0, 3.0], [3.0, 0.0, 3.0]]]])
    y, winner = pool.max_windows(x, (2, 3, 1, 1, 0, 0, 1, 1), 1, 1)
    assert y.item() == 3 and winner.item() == 1


def test_padding_never_wins():
    x = np.array([[[[-5.0]]]])
    y, winner = pool.max_windows(x, (3, 3, 1, 1, 1, 1, 1, 1), 1, 1)
    assert y.item() == -5 and winner.item() == 4
    y, winner = pool.max_windows(np.array([[[[-np.inf]]]]), (3, 3, 1, 1, 1, 1, 1, 1), 1, 1)
    assert y.item() == -np.inf and winner.item() == 4  # an infinite pixel is still a pixel


def test_a_window_that_sees_nothing_has_no_winner():
    geometry = (2, 1, 1, 1, 2, 0, 4, 1)  # pixels -2 and 2 of a column of one
    y, winner = pool.max_windows(np.array([[[[7.0]]]]), geometry, 1, 1)
    assert y.item() == -np.inf and winner.item() == 2
    assert pool.max_windows_grad(np.array([[[[3.0]]]]), winner, geometry, 1, 1).item() == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_and_read_only_inputs(layout):
    geometry = (3, 2, 2, 1, 1, 0, 1, 1)
    x, dy = images((2, 3, 5, 5), np.float32, 0), images((2, 3, 3, 3), np.float32, 1)
    x, dy = LAYOUTS[layout](x), LAYOUTS[layout](dy)
    x.flags.writeable = dy.flags.writeable = False
    before = x.copy(), dy.copy()
    y, winner = naive_max(x, geometry, 3, 3)
    assert identical(pool.max_windows(x, geometry, 3, 3)[0], y)
    assert identical(pool.max_windows_grad(dy, winner, geometry, 5, 5), naive_max_grad(dy, winner, geometry, 5, 5))
    assert identical(sum_pool.sum_windows(x, geometry[:6], 3, 3), naive_sum(x, geometry, 3, 3))
    assert identical(sum_pool.sum_windows_grad(dy, geometry[:6], 5, 5), naive_sum_grad(dy, geometry, 5, 5))
    assert identical(x, before[0]) and identical(dy, before[1])


def test_reference_switch(monkeypatch):
    x, geometry = images((2, 1, 5, 6), np.float32, 0), (3, 2, 2, 1, 1, 1, 1, 2)

    def everything():
        y, winner = pool.max_windows(x, geometry, 3, 6)
        s = sum_pool.sum_windows(x, geometry[:6], 3, 7)
        yield from (y, winner, s)
        yield pool.max_windows_grad(y, winner, geometry, 5, 6)
        yield sum_pool.sum_windows_grad(s, geometry[:6], 5, 6)

    compiled = list(everything())
    for module in (pool, sum_pool):
        monkeypatch.setattr(module, "REFERENCE", True)
        for name in [name for name in vars(module) if name.endswith("_cpu")]:
            monkeypatch.setattr(module, name, None)
    assert all(identical(a, b) for a, b in zip(compiled, everything(), strict=True))


@pytest.mark.parametrize("last", [False, True])
def test_the_stride_of_a_single_window_takes_no_memory(last):
    x = (channels_last if last else np.array)(images((1, 3, 2, 2), np.float32, 0))
    geometry = (2, 2, 10**9, 10**9, 0, 0, 1, 1)
    y, winner = pool.max_windows(x, geometry, 1, 1)
    assert identical(y[..., 0, 0], x.max(axis=(2, 3)))
    assert identical(pool.max_windows_grad(y, winner, geometry, 2, 2, last), np.where(x == y, y, np.float32(0)))
    s = sum_pool.sum_windows(x, geometry[:6], 1, 1)
    assert identical(s, naive_sum(x, geometry, 1, 1))
    assert identical(sum_pool.sum_windows_grad(s, geometry[:6], 2, 2, last), np.broadcast_to(s, x.shape))


@pytest.mark.parametrize("last", [False, True])
def test_wide_dilation_takes_no_memory(last):
    x, far = (channels_last if last else np.array)(images((1, 3, 2, 2), np.float32, 0)), 10**6
    if not backend.REFERENCE:
        y, winner = pool.max_windows(x, (3, 3, 1, 1, far, far, far, far), 2, 2)
        assert identical(y, x) and (winner == 4).all()
