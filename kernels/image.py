r"""Images as the convolutions on the CPU read them: in memory order H, W, C, with their zeros around them.

    for h, w, c:                                                one image n of x (N, C, H, W)
        room[PT + h, PL + w, c] = x[n, c, h, w]                 room (HP, WP, C), of zeros

So all that a filter sees in one row of its window is one piece of memory: KW * C numbers, side by side. And no loop
has to ask whether it is still inside of the image.

Where x has the order N, C, H, W in memory, the image is turned on its way. A loop would read (or write) one number and
leap to the next one, which lies in another line of the cache; turn.py does it by vectors.
"""

from typing import Any, NamedTuple

import numpy as np

from minidl.jit import njit
from minidl.kernels.gemm import aligned
from minidl.kernels.turn import turn_all
from minidl.threads import shards_for, share


class Sizes(NamedTuple):
    r"""All numbers of one convolution: CG and FG are channels and filters of a group, (HP, WP) is the size of an image
    with its zeros."""

    N: int
    C: int
    H: int
    W: int
    F: int
    OH: int
    OW: int
    G: int
    CG: int
    FG: int
    KH: int
    KW: int
    SH: int
    SW: int
    PT: int
    PL: int
    DH: int
    DW: int
    HP: int
    WP: int


def sizes_of(x: tuple, w: tuple, geometry: tuple, groups: int, OH: int, OW: int) -> Sizes:
    r"""From the shapes of x (N, C, H, W) and w (F, C/G, KH, KW)."""
    (N, C, H, W), (F, CG, KH, KW), (_, _, SH, SW, PT, PL, DH, DW) = x, w, geometry
    if (KH, KW, SH, SW, PT, PL, OH, OW) == (1, 1, 1, 1, 0, 0, H, W):
        H, W, OH, OW = 1, H * W, 1, H * W  # no pixel is seen beside another one: an image is one long row
    HP, WP = max(PT + H, (OH - 1) * SH + (KH - 1) * DH + 1), max(PL + W, (OW - 1) * SW + (KW - 1) * DW + 1)
    return Sizes(N, C, H, W, F, OH, OW, groups, CG, F // groups, KH, KW, SH, SW, PT, PL, DH, DW, HP, WP)


def one_row(x: tuple) -> Sizes:
    r"""Of images (N, C, H, W) that are read as they are: one row of H W pixels each, without zeros around it."""
    N, C, H, W = x
    return sizes_of(x, (1, C, 1, 1), (1, 1, 1, 1, 0, 0, 1, 1), 1, H, W)


def turned(s: Sizes) -> Sizes:
    r"""Of the convolution of dy that gives dx, where the stride is 1."""
    PT, PL = (s.KH - 1) * s.DH - s.PT, (s.KW - 1) * s.DW - s.PL
    HP, WP = max(PT + s.OH, s.H + (s.KH - 1) * s.DH), max(PL + s.OW, s.W + (s.KW - 1) * s.DW)
    new = {"H": s.OH, "W": s.OW, "OH": s.H, "OW": s.W, "C": s.F, "F": s.C, "CG": s.FG, "FG": s.CG}
    return s._replace(PT=PT, PL=PL, HP=HP, WP=WP, **new)


_LAST = np.empty((2, 2, 2, 2)).transpose(0, 3, 1, 2)  # its second axis is the innermost in memory


def new_image(shape: tuple, dtype: Any) -> Any:
    r"""An array of shape (N, C, H, W), of unknown numbers, with its channels side by side in memory.

    >>> new_image((2, 3, 4, 5), np.float32).transpose(0, 2, 3, 1).flags.c_contiguous
    True
    """
    return np.empty_like(_LAST, dtype, shape=shape)


def line_of(image: Any) -> Any:
    r"""The memory of a `new_image`, as one line of numbers in the order N, H, W, C."""
    return image.transpose(0, 2, 3, 1).reshape(-1)


def own(x: Any) -> Any:
    r"""x, or a copy, C-contiguous and to be written to: Numba takes other arrays for other types, and would compile
    its kernels again."""
    x = np.ascontiguousarray(x)
    return x if x.flags.writeable else x.copy()


def in_memory(x: Any) -> tuple:
    r"""x (N, C, H, W) as one line of numbers, and the steps along its axes; not copied if it has one of the two orders.

    >>> in_memory(np.zeros((2, 3, 4, 5)))[1], in_memory(np.zeros((2, 4, 5, 3)).transpose(0, 3, 1, 2))[1]
    ((60, 20, 5, 1), (60, 1, 15, 3))
    """
    N, C, H, W = x.shape
    last = x.transpose(0, 2, 3, 1)
    if last.flags.c_contiguous:
        return own(last).reshape(-1), (H * W * C, 1, W * C, C)
    return own(x).reshape(-1), (C * H * W, H * W, W, 1)


@njit
def put_inside(x, steps, n, s, room):
    """Image n of x into its place in `room`."""
    s_n, s_c, s_h, s_w = steps
    for h in range(s.H):
        row, source = room[((s.PT + h) * s.WP + s.PL) * s.C :], x[n * s_n + h * s_h :]
        if s_c == 1:
            for i in range(s.W * s.C):
                row[i] = source[i]
            continue
        size = x.itemsize
        turn_all(size, source.ctypes.data, s_c * size, s.C, row.ctypes.data, s.C * size, s.W)


@njit
def room_for(x, steps, s):
    """Where `image_in` may put an image of x, with its zeros; of no size if it needs none."""
    as_it_lies = steps[1] == 1 and s.HP == s.H and s.WP == s.W
    room = aligned(0 if as_it_lies else s.HP * s.WP * s.C, x)
    room[:] = 0
    return room


@njit
def image_in(room, x, steps, n, s):
    """The address of image n of x with its zeros, channels side by side."""
    if len(room) == 0:
        return x.ctypes.data + n * steps[0] * x.itemsize
    put_inside(x, steps, n, s, room)
    return room.ctypes.data + 0


@njit
def as_last_cpu(shard, shards, x, steps, s, y):
    for n in range(shard * s.N // shards, (shard + 1) * s.N // shards):
        put_inside(x, steps, n, s, y[n * s.H * s.W * s.C :])


def as_last(x: Any) -> Any:
    r"""x (N, C, H, W) as an array (N, H, W, C): the same numbers if they lie so, or a copy.

    >>> as_last(np.arange(8.0).reshape(1, 2, 2, 2))[0, 0]
    array([[0., 4.],
           [1., 5.]])
    """
    last = x.transpose(0, 2, 3, 1)
    if last.flags.c_contiguous and last.flags.writeable:
        return last
    y = np.empty(last.shape, x.dtype)
    share(as_last_cpu, max(1, min(len(x), shards_for(x.size / 4))), *in_memory(x), one_row(x.shape), y.reshape(-1))
    return y
