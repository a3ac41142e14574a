"""im2col and col2im: the definition by loops, reference == Numba bit for bit, and the adjoint identity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.kernels import window

DTYPES = [np.float32, np.float64]


@st.composite
def geometries(draw):
    """(H, OH, (K, S, P, D)) of both axes, where at least one window fits: valid by construction."""
    axes = []
    for _ in range(2):
        k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
        p, q = draw(st.integers(0, 4)), draw(st.integers(0, 4))  # padding before and after
        reach = d * (k - 1) + 1
        n = draw(st.integers(max(1, reach - p - q), max(1, reach - p - q) + 6))
        axes.append((n, (n + p + q - reach) // s + 1, (k, s, p, d)))
    (H, OH, a), (W, OW, b) = axes
    return H, W, OH, OW, tuple(v for pair in zip(a, b, strict=True) for v in pair)


def images(shape, dtype, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def naive_im2col(x, geometry, OH, OW):
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    N, C, H, W = x.shape
    col = np.zeros((C, KH, KW, N, OH, OW), x.dtype)
    for c, kh, kw, n, oh, ow in np.ndindex(col.shape):
        h, w = oh * SH - PT + kh * DH, ow * SW - PL + kw * DW
        if 0 <= h < H and 0 <= w < W:
            col[c, kh, kw, n, oh, ow] = x[n, c, h, w]
    return col


def naive_col2im(col, geometry, H, W):
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    C, _, _, N, OH, OW = col.shape
    x = np.zeros((N, C, H, W), col.dtype)
    for c, kh, kw, n, oh, ow in np.ndindex(col.shape):  # kh, kw rising, as in the kernels
        h, w = oh * SH - PT + kh * DH, ow * SW - PL + kw * DW
        if 0 <= h < H and 0 <= w < W:
            x[n, c, h, w] += col[c, kh, kw, n, oh, ow]
    return x


def identical(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


@given(geometries(), st.integers(0, 2), st.integers(1, 2), st.sampled_from(DTYPES), st.integers(0, 99))
def test_im2col_is_its_definition_on_every_target(geometry, N, C, dtype, seed):
    H, W, OH, OW, geometry = geometry
    x = images((N, C, H, W), dtype, seed)
    wanted = naive_im2col(x, geometry, OH, OW)
    assert identical(window.im2col_ref(np, x, geometry, OH, OW), wanted)
    col = np.full(wanted.shape, np.nan, dtype)
    window.im2col_cpu(x, col, *geometry[2:])
    assert identical(col, wanted)
    assert identical(window.im2col(x, geometry, OH, OW), wanted)


@given(geometries(), st.integers(0, 2), st.integers(1, 2), st.sampled_from(DTYPES), st.integers(0, 99))
def test_col2im_is_its_definition_on_every_target(geometry, N, C, dtype, seed):
    H, W, OH, OW, geometry = geometry
    col = images((C, *geometry[:2], N, OH, OW), dtype, seed)
    wanted = naive_col2im(col, geometry, H, W)
    assert identical(window.col2im_ref(np, col, geometry, H, W), wanted)
    x = np.full(wanted.shape, np.nan, dtype)
    window.col2im_cpu(col, x, *geometry[2:])
    assert identical(x, wanted)
    assert identical(window.col2im(col, geometry, H, W), wanted)


@given(geometries(), st.integers(0, 99))
def test_col2im_is_the_adjoint_of_im2col(geometry, seed):
    H, W, OH, OW, geometry = geometry
    x = images((2, 3, H, W), np.float64, seed)
    c = images((3, *geometry[:2], 2, OH, OW), np.float64, seed + 1)
    left = (window.im2col(x, geometry, OH, OW) * c).sum()
    right = (x * window.col2im(c, geometry, H, W)).sum()
    assert left == pytest.approx(right, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_stay_in_their_places(dtype):
    x = np.array([[[[np.nan, 1.0, -np.inf], [2.0, 3.0, 4.0]]]], dtype)
    geometry = (2, 2, 1, 1, 1, 1, 1, 1)
    assert identical(window.im2col(x, geometry, 3, 4), naive_im2col(x, geometry, 3, 4))


LAYOUTS = {
    "contiguous": lambda a: a,
    "reversed": lambda a: a[..., ::-1, ::-1],
    "transposed": lambda a: a.swapaxes(-1, -2),
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "Fortran": np.asfortranarray,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_and_read_only_inputs(layout):
    geometry = (2, 2, 1, 1, 1, 0, 1, 1)
    x = LAYOUTS[layout](images((2, 3, 5, 5), np.float32, 0))
    col = LAYOUTS[layout](images((3, 2, 2, 2, 5, 5), np.float32, 1))
    x.flags.writeable = col.flags.writeable = False
    before = x.copy(), col.copy()
    assert identical(window.im2col(x, geometry, 5, 4), naive_im2col(x, geometry, 5, 4))
    assert identical(window.col2im(col, geometry, 5, 6), naive_col2im(col, geometry, 5, 6))
    assert identical(x, before[0]) and identical(col, before[1])


def test_reference_switch(monkeypatch):
    x = images((2, 1, 5, 6), np.float32, 0)
    geometry = (3, 2, 2, 1, 1, 1, 1, 2)
    col = window.im2col(x, geometry, 3, 6)
    back = window.col2im(col, geometry, 5, 6)
    monkeypatch.setattr(window, "REFERENCE", True)
    monkeypatch.setattr(window, "im2col_cpu", None)
    monkeypatch.setattr(window, "col2im_cpu", None)
    assert identical(window.im2col(x, geometry, 3, 6), col)
    assert identical(window.col2im(col, geometry, 5, 6), back)
