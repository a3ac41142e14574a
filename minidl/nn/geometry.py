r"""Where the windows of a convolution or a pooling lie: sizes, padding, and what of it is allowed.

An axis of n pixels, padded by P at the start and Q at the end, has room for

$$ O = \lfloor (n + P + Q - D (K - 1) - 1) / S \rfloor + 1 $$

windows of K pixels that lie D apart (dilation), S being the step from one window to the next (stride). `ceil_mode`
rounds up instead: the last window may hang over the end, but one that would start in the padding at the end is dropped.

padding="same" keeps O = ceil(n / S): the total padding $\max((O-1)S + D(K-1) + 1 - n, 0)$ is cut in two, the smaller
half first. This is Keras' rule, and torch's where torch has one (S = 1). "valid" is no padding.
"""

from typing import Any, NamedTuple

from minidl import check


class Windows(NamedTuple):
    r"""The windows of one or two axes: every field has an entry for each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def geometry(self) -> tuple[int, ...]:
        r"""What the kernels read: (KH, KW, SH, SW, PT, PL, DH, DW)."""
        return (*self.kernel, *self.stride, *(start for start, _ in self.pads), *self.dilation)

    def under_height_1(self) -> "Windows":
        r"""Those of one axis, as the windows of an image that is one pixel high."""
        k, s, p, d, o = self
        return Windows((1, *k), (1, *s), ((0, 0), *p), (1, *d), (1, *o))


def windows_of(
    who: str,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...] | str,
    dilation: tuple[int, ...],
    ceil_mode: bool = False,
) -> Windows:
    r"""The windows of axes of these sizes, for options in their clean form. ShapeError where not one window fits.

    >>> windows_of("conv2d", (8, 8), (3, 2), stride=(1, 1), padding="same", dilation=(1, 1)).pads
    ((1, 1), (0, 1))
    >>> windows_of("max_pool1d", (4,), (2,), (3,), padding=(1,), dilation=(1,), ceil_mode=True).outputs    # not 3
    (2,)
    """
    if min(sizes) < 1:
        raise check.ShapeError(f"{who}: x must have a pixel or more along every axis, got {tuple(sizes)}")
    pads = pads_of(padding, sizes, kernel, stride, dilation)
    outputs = []
    for n, k, s, (p, q), d in zip(sizes, kernel, stride, pads, dilation, strict=True):
        reach = d * (k - 1) + 1
        o = (n + p + q - reach + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (o - 1) * s >= n + p:
            o -= 1
        if o < 1:
            raise check.ShapeError(
                f"{who}: kernel_size {k} with dilation {d} covers {reach} pixels, more than the padded input of "
                f"{n} + {p + q}; use a smaller kernel or more padding"
            )
        outputs.append(o)
    return Windows(kernel, stride, pads, dilation, tuple(outputs))


def pads_of(padding: tuple | str, sizes: tuple, kernel: tuple, stride: tuple, dilation: tuple) -> tuple:
    r"""The padding option as (start, end) for each axis.

    >>> pads_of("same", sizes=(5,), kernel=(4,), stride=(1,), dilation=(1,))
    ((1, 2),)
    """
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding != "same":
        return tuple((p, p) for p in padding)
    pads = []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def check_padding(who: str, padding: Any, n_axes: int) -> Any:
    r"""The padding option in its clean form: "same", "valid" or one integer >= 0 for each axis."""
    if isinstance(padding, str):
        return check.option(who, "padding", padding, ("same", "valid"))
    return check.ints(who, "padding", padding, n_axes, low=0)
