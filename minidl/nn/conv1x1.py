r"""The 1x1 convolution: a Linear layer over the channels of every pixel.

With a kernel of one pixel there are no neighbours and no windows; what is left of the convolution is

$$ y_{nfl} = \sum_c W_{fc}\, x_{ncl} + b_f, \qquad y_n = W x_n + b $$

for every image n, where l counts its pixels: a matrix product over channels. It mixes maps without looking around, so
it makes fewer maps, or more (Lin, Chen and Yan 2013; the bottlenecks of Szegedy et al. 2014 and He et al. 2015).

Backward, as in Linear with one row per pixel:

$$ dx_n = W^\top dy_n, \qquad dW = \sum_n dy_n\, x_n^\top, \qquad db_f = \sum_{n,l} dy_{nfl} $$

Shapes: x (N, C, H, W), w (F, C, 1, 1), b (F,), y (N, F, H, W).
"""

from minidl.backend import xp_of
from minidl.tensor import Function, Tensor


class Conv1x1Function(Function):
    def forward(self, x, w, b=None):
        self.save(x, w)
        (N, C, H, W), F = x.shape, len(w)
        y = w.reshape(F, C) @ x.reshape(N, C, H * W)  # (F, C) @ (N, C, L) -> (N, F, L)
        if b is not None:
            y += b[:, None]
        return y.reshape(N, F, H, W)

    def backward(self, dy):
        x, w = self.saved
        (N, C, H, W), F = x.shape, len(w)
        dy, x = dy.reshape(N, F, H * W), x.reshape(N, C, H * W)
        dx = dw = None
        if self.needs_grad[0]:
            dx = (w.reshape(F, C).T @ dy).reshape(N, C, H, W)  # (C, F) @ (N, F, L) -> (N, C, L)
        if self.needs_grad[1]:
            # (N, F, L) . (N, C, L) over N and L -> (F, C)
            dw = xp_of(dy).tensordot(dy, x, axes=((0, 2), (0, 2))).reshape(w.shape)
        return dx, dw, dy.sum(axis=(0, 2))


def conv1x1(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""The 1x1 convolution of x (N, C, H, W) with weight (F, C, 1, 1): what `conv2d` calls for such a kernel with
    stride 1, no padding and one group (and after its checks)."""
    return Conv1x1Function()(x, weight, bias)
