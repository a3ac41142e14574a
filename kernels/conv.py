r"""Convolution: y, and the gradients dx, dW and db. What it computes, and which way.

    for n, f, oh, ow:                                                       every number of y is a sum
        y[n, f, oh, ow] = b[f] + sum over c, kh, kw of                      c: the C/G channels of f's group
            w[f, c, kh, kw] * x[n, c, oh*SH - PT + kh*DH, ow*SW - PL + kw*DW]       x is 0 outside of the image

The reference writes every window of x as a column of a matrix (window.py), and the sum is a matrix product; a GPU goes
the same way. But that matrix is KH * KW times as large as x, and a processor spends more time on writing and reading it
than on the sums. On the CPU nothing is copied but, once, each image into a room with its zeros around it (image.py),
and the sums are taken from there:

| file | way | for |
|---|---|---|
| [direct.py](direct.py) | products of pixels and filters | all but these: |
| [depthwise.py](depthwise.py) | sums by channel | one channel and one filter a group |
| [one_channel.py](one_channel.py) | products of filters and pixels | one channel |
| [winograd.py](winograd.py) | a quarter of the products | 3x3 pixels, float32, 16 or more channels |

dx of a convolution with stride 1 is a convolution, too: of dy, with every filter turned by 180 degrees, and with
channels and filters in each other's places. The pixel h = oh - P + kh*D has given w[kh] * x[h] to y[oh], so it gets
back dx[h] = sum over kh of w[kh] * dy[h + P - kh*D]. Count from the other end, kh = K-1 - k, and the formula of y is
there again: dy[h - P' + k*D], with the padding P' = (K-1)*D - P. So winograd.py and depthwise.py know one way for both.

An image (N, C, H, W) may have its channels or its pixels side by side in memory: both orders are read as they are.
What comes back has its channels side by side, the better order for all that follows; but y of one_channel.py has not.

The sums of one number of y and of dx run in one order, whatever the number of threads. dW is added up in shards of
images, which depend on sizes alone.

Shapes: x, dx (N, C, H, W), w, dw (F, C/G, KH, KW), b, db (F,), y, dy (N, F, OH, OW).
geometry = (KH, KW, SH, SW, PT, PL, DH, DW).
"""

from typing import Any

import numpy as np

from minidl.backend import REFERENCE, on_gpu, xp_of
from minidl.jit import COMPILES
from minidl.kernels import depthwise, direct, one_channel, window, winograd
from minidl.kernels.image import Sizes, line_of, new_image, sizes_of, turned


# ---- reference; GPU ----
def conv_ref(xp: Any, x: Any, w: Any, b: Any, geometry: tuple, groups: int, OH: int, OW: int) -> Any:
    G, N, F, CKK = groups, len(x), len(w), w[0].size
    col = window.im2col(x, geometry, OH, OW).reshape(G, CKK, N * OH * OW)
    y = w.reshape(G, F // G, CKK) @ col  # (G, F/G, CKK/G) @ (G, CKK/G, NL) -> (G, F/G, NL)
    if b is not None:
        y += b.reshape(G, F // G, 1)
    return xp.ascontiguousarray(y.reshape(F, N, OH, OW).swapaxes(0, 1))


def conv_grad_ref(xp: Any, dy: Any, x: Any, w: Any, geometry: tuple, groups: int, needs: tuple) -> tuple:
    G, (N, F, OH, OW), (C, H, W), CKK = groups, dy.shape, x.shape[1:], w[0].size
    dx = dw = None
    db = dy.sum(axis=(0, 2, 3)) if needs[2] else None
    dy = dy.swapaxes(0, 1).reshape(G, F // G, N * OH * OW)
    if needs[0]:
        dcol = w.reshape(G, F // G, CKK).swapaxes(1, 2) @ dy  # (G, CKK/G, F/G) @ (G, F/G, NL) -> (G, CKK/G, NL)
        dx = window.col2im(dcol.reshape(C, *geometry[:2], N, OH, OW), geometry, H, W)
    if needs[1]:
        col = window.im2col(x, geometry, OH, OW).reshape(G, CKK, N * OH * OW)
        dw = (dy @ col.swapaxes(1, 2)).reshape(w.shape)  # (G, F/G, NL) @ (G, NL, CKK/G) -> (G, F/G, CKK/G)
    return dx, dw, db


# ---- CPU: y and dx are lines of numbers, in memory order N, H, W, C ----
def forward(x: Any, w: Any, b: Any, s: Sizes, y: Any) -> None:
    by_channel = s.CG == s.FG == 1
    way = winograd if winograd.applies(x.dtype, s) else depthwise if by_channel else direct
    way.forward(x, w, b, s, y)


def input_gradient(dy: Any, w: Any, s: Sizes, dx: Any) -> None:
    by_channel = s.CG == s.FG == 1
    if by_channel and s.SH * s.SW > 1:  # with zeros between the rows and columns of dy, the stride is 1
        wide = new_image((s.N, s.F, (s.OH - 1) * s.SH + 1, (s.OW - 1) * s.SW + 1), dy.dtype)
        wide[:] = 0
        wide[:, :, :: s.SH, :: s.SW] = dy
        dy, s = wide, s._replace(OH=wide.shape[2], OW=wide.shape[3], SH=1, SW=1)
    t = turned(s)
    if s.SH * s.SW > 1 or min(t.PT, t.PL) < 0 or not (by_channel or winograd.applies(dy.dtype, t)):
        direct.dx(dy, w, s, dx)
        return
    w = w.reshape(s.G, s.FG, s.CG, s.KH, s.KW)[..., ::-1, ::-1].swapaxes(1, 2)
    forward(dy, w.reshape(s.C, s.FG, s.KH, s.KW), None, t, dx)


def weight_gradient(dy: Any, x: Any, s: Sizes) -> Any:
    if winograd.applies(x.dtype, s):
        return winograd.dw(dy, x, s)
    if one_channel.applies(x.dtype, s):
        return one_channel.dw(dy, x, s)
    return depthwise.dw(dy, x, s) if s.CG == s.FG == 1 else direct.dw(dy, x, s)


def bias_gradient(dy: Any) -> Any:
    """The sums of every image, then their sum: sums of fewer numbers are more exact."""
    last = dy.transpose(0, 2, 3, 1)
    if not last.flags.c_contiguous:
        return dy.sum(axis=(0, 2, 3))
    N, OH, OW, F = last.shape
    return (np.ones(OH * OW, dy.dtype) @ last.reshape(N, OH * OW, F)).sum(axis=0)  # (L,) @ (N, L, F) -> (N, F)


# ---- what layers call ----
def conv(x: Any, w: Any, b: Any, geometry: tuple, groups: int, OH: int, OW: int) -> Any:
    r"""y of the formula above; b may be None.

    >>> x, w = np.array([[[[1.0, 2.0, 4.0]]]]), np.array([[[[-1.0, 1.0]]]])
    >>> conv(x, w, None, (1, 2, 1, 1, 0, 0, 1, 1), 1, 1, 2)
    array([[[[1., 2.]]]])
    """
    if REFERENCE or not COMPILES or on_gpu(x):
        return conv_ref(xp_of(x), x, w, b, geometry, groups, OH, OW)
    s = sizes_of(x.shape, w.shape, geometry, groups, OH, OW)
    if one_channel.applies(x.dtype, s):
        return one_channel.forward(x, w, b, s).reshape(s.N, s.F, OH, OW)
    y = new_image((s.N, s.F, OH, OW), x.dtype)
    forward(x, w, b, s, line_of(y))
    return y


def conv_grad(dy: Any, x: Any, w: Any, geometry: tuple, groups: int, needs: tuple) -> tuple:
    r"""dx, dw and db, each of them None unless its number in `needs` is True.

    >>> x, w = np.array([[[[1.0, 2.0, 4.0]]]]), np.array([[[[-1.0, 1.0]]]])
    >>> conv_grad(np.ones((1, 1, 1, 2)), x, w, (1, 2, 1, 1, 0, 0, 1, 1), 1, (True, True, True))
    (array([[[[-1.,  0.,  1.]]]]), array([[[[3., 6.]]]]), array([2.]))
    """
    if REFERENCE or not COMPILES or on_gpu(x):
        return conv_grad_ref(xp_of(x), dy, x, w, geometry, groups, needs)
    dx = dw = None
    s = sizes_of(x.shape, w.shape, geometry, groups, *dy.shape[2:])
    if needs[0]:
        dx = new_image(x.shape, x.dtype)
        gradient = one_channel.dx if s.C == s.SW == 1 else input_gradient
        gradient(dy, w, s, line_of(dx))
    if needs[1]:
        dw = weight_gradient(dy, x, s)
    return dx, dw, bias_gradient(dy) if needs[2] else None
