r"""Images as planes of rows, and rows taken apart by the stride: what pooling by maximum and by sum share.

**Planes.** Both memory layouts of an image are P planes of H rows, of W pixels with Q numbers each: P = N*C and Q = 1
in N, C, H, W memory, P = N and Q = C where channels are last. With many channels a loop over windows has its inner loop
there: Q neighbours, 8 or 16 of them in one step of the processor.

**Phases.** With few there are other neighbours to look for. Windows step along a row with stride SW, so one place kw of
all windows of a row sees every SW-th pixel, which no vector register loads at once. A plane is therefore first taken
apart into its SW phases:

    row     a b c d e f g                           SW = 2
    phases  a c e g                                 phase s holds the pixels i*SW + s
            b d f .

They stay in the cache. What place kw of the windows ow, ow+1, ... sees is now one run of neighbours,

    w = ow*SW - PL + kw*DW = (ow + shift)*SW + s    shift, s = quotient and rest of (kw*DW - PL) / SW

and the inner loop is one over windows. On the way back a gradient is added up in phases, and put together at the end.
"""

from typing import Any

import numpy as np

from minidl.jit import njit

MANY = 16  # channels from which on the inner loop is one over channels


@njit
def windows_at(k, n, O, S, P, D):  # noqa: E741
    """The windows first ... last-1 of O along an axis of n pixels whose place k, the pixel o*S - P + k*D, is one."""
    first = max(0, -((k * D - P) // S))
    return first, max(first, min(O, (n - 1 + P - k * D) // S + 1))


@njit
def apart(plane, phases, Q):
    """phases[s, h, i*Q + q] = plane[h, (i*SW + s)*Q + q]"""
    SW = len(phases)
    if plane.shape[1] // Q % SW == 0:  # then the plane is as well one long row
        plane, phases = plane.reshape(1, -1), phases.reshape(SW, 1, -1)
    W = plane.shape[1] // Q
    for h in range(len(plane)):
        if SW == 2 and Q == 1:  # the common case, which the compiler makes vectors of
            row, even, odd = plane[h], phases[0, h], phases[1, h]
            for i in range(W // 2):
                even[i] = row[2 * i]
                odd[i] = row[2 * i + 1]
            if W % 2:
                even[W // 2] = row[W - 1]
        else:
            for s in range(SW):
                for q in range(Q):
                    row, phase = plane[h, s * Q + q :: SW * Q], phases[s, h, q::Q]
                    for i in range(len(row)):
                        phase[i] = row[i]


@njit
def together(phases, plane, Q):
    """plane[h, (i*SW + s)*Q + q] = phases[s, h, i*Q + q]"""
    SW = len(phases)
    if plane.shape[1] // Q % SW == 0:  # then the plane is as well one long row
        plane, phases = plane.reshape(1, -1), phases.reshape(SW, 1, -1)
    W = plane.shape[1] // Q
    for h in range(len(plane)):
        if SW == 2 and Q == 1:
            row, even, odd = plane[h], phases[0, h], phases[1, h]
            for i in range(W // 2):
                row[2 * i] = even[i]
                row[2 * i + 1] = odd[i]
            if W % 2:
                row[W - 1] = even[W // 2]
        else:
            for s in range(SW):
                for q in range(Q):
                    row, phase = plane[h, s * Q + q :: SW * Q], phases[s, h, q::Q]
                    for i in range(len(row)):
                        row[i] = phase[i]


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


def one_stride(geometry: tuple, OW: int) -> tuple:
    r"""The geometry, with SW = 1 for a single window: as many phases as its stride could be a lot of memory.

    >>> one_stride((2, 2, 3, 3, 0, 0), 1), one_stride((2, 2, 3, 3, 0, 0), 2)
    ((2, 2, 3, 1, 0, 0), (2, 2, 3, 3, 0, 0))
    """
    return (*geometry[:3], 1, *geometry[4:]) if OW == 1 else geometry


def empty(xp: Any, shape: tuple, dtype: Any, last: bool) -> Any:
    r"""A new image (N, C, H, W), with channels last in memory or not.

    >>> empty(np, (2, 3, 4, 5), np.float32, True).strides
    (240, 4, 60, 12)
    """
    N, C, H, W = shape
    return xp.empty((N, H, W, C), dtype).transpose(0, 3, 1, 2) if last else xp.empty(shape, dtype)
