r"""What max, average and sum pooling share: the options, the windows, and one axis as an image of height 1.

A pooling looks at every map by itself through windows (geometry.py) and keeps one number of each. Its stride is the
kernel size unless said otherwise, so that windows lie side by side; a smaller stride makes them overlap.
"""

from minidl import check
from minidl.nn.geometry import Windows, check_padding, windows_of
from minidl.nn.module import Module
from minidl.tensor import Function, Tensor


def pool_windows(
    who: str,
    x: Tensor,
    n_axes: int,
    kernel_size: int | tuple,
    stride: int | tuple | None,
    padding: int | tuple | str,
    dilation: int | tuple = 1,
    ceil_mode: bool = False,
) -> Windows:
    r"""The windows of a pooling of x, (N, C, L) or (N, C, H, W), after all checks of x and the options."""
    options = pool_options(who, n_axes, kernel_size, stride, padding, dilation, ceil_mode)
    check.rank(who, "x", x, "(N, C, L)" if n_axes == 1 else "(N, C, H, W)")
    check.floats(who, "x", x)
    windows = windows_of(who, x.shape[2:], *options)
    looks = (*x.shape[:2], *windows.outputs, *windows.kernel)
    check.elements(who, "all windows (N, C, O, K)" if n_axes == 1 else "all windows (N, C, OH, OW, KH, KW)", looks)
    return windows


def pool_options(
    who: str,
    n_axes: int,
    kernel_size: int | tuple,
    stride: int | tuple | None,
    padding: int | tuple | str,
    dilation: int | tuple,
    ceil_mode: bool,
) -> tuple:
    r"""(kernel_size, stride, padding, dilation, ceil_mode) in their clean form. A padding of more than half of a window
    is a ValueError, as in torch: some windows would see nothing else."""
    kernel = check.ints(who, "kernel_size", kernel_size, n_axes)
    stride = kernel if stride is None else check.ints(who, "stride", stride, n_axes)
    padding = check_padding(who, padding, n_axes)
    dilation = check.ints(who, "dilation", dilation, n_axes)
    check.option(who, "ceil_mode", ceil_mode, (False, True))
    if not isinstance(padding, str):
        for p, k in zip(padding, kernel, strict=True):
            if p > k // 2:
                raise ValueError(f"{who}: padding must be at most half of kernel_size {k}, got {p}")
    return kernel, stride, padding, dilation, ceil_mode


def along_line(function: Function, x: Tensor) -> Tensor:
    r"""`function`, which pools images, on lines (N, C, L): as images of height 1."""
    N, C, L = x.shape
    y = function(x.reshape(N, C, 1, L))
    return y.reshape(N, C, y.shape[3])


class Pool(Module):
    r"""The base of the pooling layers: it keeps the options."""

    n_axes: int

    def __init__(
        self,
        kernel_size: int | tuple,
        stride: int | tuple | None = None,
        padding: int | tuple | str = 0,
        ceil_mode: bool = False,
    ):
        options = pool_options(type(self).__name__, self.n_axes, kernel_size, stride, padding, 1, ceil_mode)
        self.kernel_size, self.stride, self.padding, _, self.ceil_mode = options

    def extra_repr(self) -> str:
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "count_include_pad", "divisor_override")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names if hasattr(self, name))
