r"""The places of convolutions, poolings and resizing in the registry (see registered_layers.py)."""

from minidl import nn
from minidl.nn.conv2d import PADDING_MODES
from minidl.nn.upsample import MODES
from minidl.testing.registry import register
from minidl.testing.values import distinct


def window(kernel, stride, padding, dilation, outputs, unseen):
    r"""Pixels along an axis on which such a window has so many places and (where the stride leaves room) one pixel that
    no place sees."""
    reach = dilation * (kernel - 1) + 1
    return max(1, reach + (outputs - 1) * stride + min(unseen, stride - 1) - 2 * padding)


KERNELS = ((2, 3), (1, 1), (3, 2), (1, 3))
STRIDES, DILATIONS = ((1, 1), (2, 1), (1, 4)), ((1, 1), (2, 1))


def channels(pick):
    r"""groups, in_channels and out_channels, which the groups divide."""
    G = pick("groups", 1, 2)
    return G, G * pick("in_channels / groups", 2, 1), G * pick("out_channels / groups", 2, 1)


for layer, n in ((nn.Conv1d, 1), (nn.Conv2d, 2)):

    @register(layer)
    def _(pick, layer=layer, n=n):
        G, C, F = channels(pick)
        kernel = pick("kernel_size", *KERNELS)[-n:]
        stride, dilation = pick("stride", *STRIDES)[-n:], pick("dilation", *DILATIONS)[:n]
        mode = pick("padding_mode", *PADDING_MODES)
        padding = pick("padding", (1, 1), (0, 0), (2, 1), "same", "valid")
        padding = padding if isinstance(padding, str) else padding[:n]
        ints = (0,) * n if isinstance(padding, str) else padding
        places = pick("outputs", 2, 1, 3), pick("unseen", 0, 1)
        sizes = [window(*axis, *places) for axis in zip(kernel, stride, ints, dilation, strict=True)]
        if mode != "zeros":  # a mirror needs more pixels than it shows
            sizes = [max(size, 5) for size in sizes]
        made = layer(C, F, kernel, stride, padding, dilation, G, pick("bias", True, False), mode)
        return made, [distinct(pick("N", 2, 1), C, *sizes)]


@register(nn.ConvTranspose2d)
def _(pick):
    G, C, F = channels(pick)
    kernel, stride, dilation = pick("kernel_size", *KERNELS), pick("stride", *STRIDES), pick("dilation", *DILATIONS)
    some = pick("padding", False, True)
    padding = [min(1, d * (k - 1) // 2) if some else 0 for k, d in zip(kernel, dilation, strict=True)]
    added = [1 if max(s, d) > 1 else 0 for s, d in zip(stride, dilation, strict=True)]
    layer = nn.ConvTranspose2d(
        C,
        F,
        kernel,
        stride,
        tuple(padding),
        output_padding=tuple(added) if any(added) and pick("output_padding", False, True) else 0,
        groups=G,
        bias=pick("bias", True, False),
        dilation=dilation,
    )
    return layer, [distinct(pick("N", 2, 1), C, *pick("sizes", (2, 3), (1, 1)))]


# ---- pooling and resizing ----
def pooling(pick, n, dilated):
    r"""kernel_size, stride, padding, dilation and ceil_mode of a pooling of n axes, and the sizes of its image."""
    kernel, stride = pick("kernel_size", *KERNELS)[-n:], pick("stride", None, *STRIDES)
    stride = stride and stride[-n:]
    padding = pick("padding", "half", "none", "same", "valid")
    dilation = pick("dilation", *DILATIONS)[:n] if dilated else (1,) * n
    if padding in ("none", "half"):
        padding = tuple(k // 2 if padding == "half" else 0 for k in kernel)
    ints = (0,) * n if isinstance(padding, str) else padding
    ceil_mode = pick("ceil_mode", False, True)  # which needs pixels that are not seen without it
    places = pick("outputs", 2, 1, 3), 1 if ceil_mode else pick("unseen", 0, 1)
    sizes = [window(*axis, *places) for axis in zip(kernel, stride or kernel, ints, dilation, strict=True)]
    # on an image smaller than the dilation a window may see padding only: its maximum is -inf
    sizes = [max(size, d) for size, d in zip(sizes, dilation, strict=True)]
    return kernel, stride, padding, dilation, ceil_mode, sizes


for layer, n in ((nn.MaxPool1d, 1), (nn.MaxPool2d, 2)):

    @register(layer)
    def _(pick, layer=layer, n=n):
        *options, ceil_mode, sizes = pooling(pick, n, dilated=True)
        made = layer(*options, ceil_mode=ceil_mode)
        return made, [distinct(pick("N", 2, 1), pick("C", 2, 1), *sizes)]


for layer, n in ((nn.SumPool1d, 1), (nn.SumPool2d, 2)):

    @register(layer)
    def _(pick, layer=layer, n=n):
        *options, _, ceil_mode, sizes = pooling(pick, n, dilated=False)
        made = layer(*options, ceil_mode=ceil_mode)
        return made, [distinct(pick("N", 2, 1), pick("C", 2, 1), *sizes)]


for layer, n in ((nn.AvgPool1d, 1), (nn.AvgPool2d, 2)):

    @register(layer)
    def _(pick, layer=layer, n=n):
        *options, _, ceil_mode, sizes = pooling(pick, n, dilated=False)
        more = {"divisor_override": pick("divisor_override", None, 3)} if n == 2 else {}
        include = pick("count_include_pad", True, False)
        return layer(*options, ceil_mode, include, **more), [distinct(pick("N", 2, 1), pick("C", 2, 1), *sizes)]


for layer in (nn.GlobalAvgPool2d, nn.GlobalMaxPool2d):

    @register(layer)
    def _(pick, layer=layer):
        return layer(keepdims=pick("keepdims", False, True)), [distinct(*pick("shape", (2, 3, 2, 3), (1, 1, 1, 1)))]


@register(nn.AdaptiveAvgPool2d)
def _(pick):
    layer = nn.AdaptiveAvgPool2d(pick("output_size", 2, 1, (1, 3), (None, 2), 5))
    return layer, [distinct(2, pick("C", 2, 1), *pick("sizes", (3, 4), (1, 1), (5, 2)))]


@register(nn.Upsample)
def _(pick):
    by = pick("by", "factor", "size")
    layer = nn.Upsample(
        size=pick("size", (3, 5), 1) if by == "size" else None,
        scale_factor=pick("scale_factor", 2, (1.5, 3), 0.5) if by == "factor" else None,
        mode=(mode := pick("mode", *MODES)),
        align_corners=pick("align_corners", None, False, True) if mode == "bilinear" else None,
    )
    return layer, [distinct(pick("N", 2, 1), 2, *pick("sizes", (2, 3), (4, 2)))]
