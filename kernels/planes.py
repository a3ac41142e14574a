r"""Images as planes of rows, and rows taken apart by the stride: what pooling by maximum and by sum share.

**Planes.** Both memory layouts of an image are P planes of H rows, of W pixels with Q numbers each: P = N*C and Q = 1
in N, C, H, W memory, P = N and Q = C where channels are last. With many channels a loop over windows has its inner loop
there: Q neighbours, 8 or 16 of them in one step of the processor.

**Phases.** With few there are other neighbours to look for. Windows step along a row with stride SW, so one place kw of
all windows of a row sees every SW-th pixel, which no vector register loads at once; and rows of few windows don't fill
one. A plane is therefore first laid into its padding (`rows`), and taken apart into SW*SH phases, here SW = 2, SH = 1:

    row     a b c d e f g h                         one long row: padding makes all rows equally long
    phases  a c e g                                 phase s holds the pixels i*SW + s
            b d f h

They stay in the cache. A phase has HP rows of WP pixels. What place kh, kw of the window oh, ow sees is

    phase[oh + kh*DH // SH, ow + kw*DW // SW]       of the phase kw*DW % SW, kh*DH % SH

so what one place of all windows of a plane sees is one run of memory, as soon as the windows, too, lie WP apart from
row to row (where WP > OW, in an array of the kernel; what is computed after the OW-th belongs to no window). The inner
loop is one over all windows, and pixels outside of the image need no condition: the padding is there, of numbers that
change nothing. On the way back a gradient is added up in phases, and put together at the end.
"""

from typing import Any

import numpy as np

from minidl.jit import borrowed, njit

MANY = 16  # channels from which on the inner loop is one over channels


# ---- reference ----
def padded(xp: Any, x: Any, geometry: tuple, OH: int, OW: int, fill: float) -> Any:
    """x (..., H, W) with `fill` around it, as far as the windows reach."""
    KH, KW, SH, SW, PT, PL, DH, DW = geometry
    H, W = x.shape[-2:]
    height = max(PT + H, (OH - 1) * SH + (KH - 1) * DH + 1)
    width = max(PL + W, (OW - 1) * SW + (KW - 1) * DW + 1)
    wide = xp.full((*x.shape[:-2], height, width), fill, x.dtype)
    wide[..., PT : PT + H, PL : PL + W] = x
    return wide


def views(geometry: tuple, OH: int, OW: int) -> list:
    """For every kh, kw: what all windows see there, as an index into the padded image."""
    KH, KW, SH, SW, _, _, DH, DW = geometry
    rows = [slice(kh * DH, kh * DH + (OH - 1) * SH + 1, SH) for kh in range(KH)]
    columns = [slice(kw * DW, kw * DW + (OW - 1) * SW + 1, SW) for kw in range(KW)]
    return [(..., h, w) for h in rows for w in columns]


# ---- CPU ----
@njit
def windows_at(k, n, O, S, P, D):  # noqa: E741
    """The windows first ... last-1 of O along an axis of n pixels whose place k, the pixel o*S - P + k*D, is one."""
    first = max(0, -((k * D - P) // S))
    return first, max(first, min(O, (n - 1 + P - k * D) // S + 1))


@njit
def buffers(like, OH, OW, Q, fill, KH, KW, SH, SW, DH, DW):
    """rows (SH, HP, WP*SW*Q), full of `fill`; phases (SW, SH, HP*WP*Q), the same memory where SW = 1"""
    HP, WP = OH + (KH - 1) * DH // SH, OW + (KW - 1) * DW // SW
    rows = np.empty((SH, HP, WP * SW * Q), like.dtype)
    rows[:] = fill
    return rows, rows.reshape(1, SH, -1) if SW == 1 else np.empty((SW, SH, HP * WP * Q), like.dtype)


@njit
def copy(x, y):
    for j in range(min(len(x), len(y))):
        y[j] = x[j]


@njit
def copy_rows(x, y):
    x, y = borrowed((x, y))
    for h in range(len(y)):
        copy(x[h], y[h])


@njit
def apart(plane, rows, phases, Q, PT, PL):
    """phases[w % SW, h % SH] at h // SH, w // SW = plane[h - PT, w - PL]"""
    plane, rows, phases = borrowed((plane, rows, phases))
    (SH, HP, _), SW = rows.shape, len(phases)
    for h in range(PT, min(PT + len(plane), SH * HP)):
        copy(plane[h - PT], rows[h % SH, h // SH, PL * Q :])
    row, phases = rows.reshape(-1), phases.reshape(SW, -1)
    if SW == 2 and Q == 1:  # the common case, which the compiler makes vectors of
        even, odd = phases[0], phases[1]
        for i in range(len(even)):
            even[i] = row[2 * i]
            odd[i] = row[2 * i + 1]
    elif SW > 1:
        for s in range(SW):
            for q in range(Q):
                copy(row[s * Q + q :: SW * Q], phases[s, q::Q])


@njit
def together(phases, rows, plane, Q, PT, PL):
    """plane[h - PT, w - PL] = phases[w % SW, h % SH] at h // SH, w // SW, or 0 where no window looks"""
    plane, rows, phases = borrowed((plane, rows, phases))
    (SH, HP, _), SW = rows.shape, len(phases)
    row, phases = rows.reshape(-1), phases.reshape(SW, -1)
    if SW == 2 and Q == 1:
        even, odd = phases[0], phases[1]
        for i in range(len(even)):
            row[2 * i] = even[i]
            row[2 * i + 1] = odd[i]
    elif SW > 1:
        for s in range(SW):
            for q in range(Q):
                copy(phases[s, q::Q], row[s * Q + q :: SW * Q])
    if SH * HP < PT + len(plane) or rows.shape[2] < PL * Q + plane.shape[1]:
        plane[:] = 0
    for h in range(PT, min(PT + len(plane), SH * HP)):
        copy(rows[h % SH, h // SH, PL * Q :], plane[h - PT])


def planes(x: Any, last: bool) -> np.ndarray:
    r"""x (N, C, H, W) as planes (P, H, W*Q), channels last or not; a copy unless it lies that way.

    >>> x = np.zeros((2, 3, 4, 5))
    >>> planes(x, False).shape, planes(x, True).shape
    ((6, 4, 5), (2, 4, 15))
    """
    N, C, H, W = x.shape
    if last:
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(N, H, W * C)
    return np.ascontiguousarray(x).reshape(N * C, H, W)


def one_stride(geometry: tuple, OH: int, OW: int) -> tuple:
    r"""The geometry, with stride 1 for a single window: as many phases as its stride could be a lot of memory.

    >>> one_stride((2, 2, 3, 3, 0, 0), 2, 1), one_stride((2, 2, 3, 3, 0, 0), 2, 2)
    ((2, 2, 3, 1, 0, 0), (2, 2, 3, 3, 0, 0))
    """
    KH, KW, SH, SW, *rest = geometry
    return (KH, KW, 1 if OH == 1 else SH, 1 if OW == 1 else SW, *rest)


def empty(xp: Any, shape: tuple, dtype: Any, last: bool) -> Any:
    r"""A new image (N, C, H, W), with channels last in memory or not.

    >>> empty(np, (2, 3, 4, 5), np.float32, True).strides
    (240, 4, 60, 12)
    """
    N, C, H, W = shape
    return xp.empty((N, H, W, C), dtype).transpose(0, 3, 1, 2) if last else xp.empty(shape, dtype)
