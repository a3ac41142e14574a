r"""The places of minidl's layers in the registry, one short function each (see registry.py).

The first value of a `pick` is the plain case; the others are the corners: one pixel, one channel, odd sizes, strides
larger than the kernel, every option.
"""

from minidl import nn
from minidl.nn.conv2d import PADDING_MODES
from minidl.nn.gelu import APPROXIMATIONS
from minidl.nn.upsample import MODES
from minidl.testing.registry import register
from minidl.testing.values import distinct, integers, normal, positive


def window(kernel, stride, padding, dilation, outputs, unseen):
    r"""Pixels along an axis on which such a window has so many places and (where the stride leaves room) one pixel that
    no place sees."""
    reach = dilation * (kernel - 1) + 1
    return max(1, reach + (outputs - 1) * stride + min(unseen, stride - 1) - 2 * padding)


# ---- linear and convolution ----
@register(nn.Linear, rank=False)
def _(pick):
    D, F = pick("in_features", 3, 1, 5), pick("out_features", 2, 1)
    leading = pick("leading", (4,), (1,), (2, 3))
    return nn.Linear(D, F, bias=pick("bias", True, False)), [distinct(*leading, D)]


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


# ---- activations ----
def anywhere(pick):
    r"""An input of any shape."""
    return distinct(*pick("shape", (2, 3), (1,), (2, 3, 2, 2)))


for layer in (nn.Identity, nn.ReLU, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Tanh):
    register(layer, rank=False)(lambda pick, layer=layer: (layer(), [anywhere(pick)]))


@register(nn.LeakyReLU, rank=False)
def _(pick):
    return nn.LeakyReLU(pick("negative_slope", 0.01, 0.3, 0.0)), [anywhere(pick)]


@register(nn.ELU, rank=False)
def _(pick):
    return nn.ELU(pick("alpha", 1.0, 0.3)), [anywhere(pick)]


@register(nn.GELU, rank=False)
def _(pick):
    return nn.GELU(approximate=pick("approximate", *APPROXIMATIONS)), [anywhere(pick)]


@register(nn.Softplus, rank=False)
def _(pick):
    return nn.Softplus(pick("beta", 1.0, 3.0), pick("threshold", 20.0, 2.0)), [anywhere(pick)]


@register(nn.PReLU, rank=False)
def _(pick):
    C = pick("num_parameters", 1, 3)
    return nn.PReLU(C, init=pick("init", 0.25, -0.5)), [distinct(2, 3, *pick("places", (), (2, 2)))]


for layer in (nn.Softmax, nn.LogSoftmax):

    @register(layer, rank=False)
    def _(pick, layer=layer):
        axis = pick("axis", -1, 1, -2)
        return layer(axis), [distinct(*pick("shape", (2, 3, 4), (1, 1, 1), (2, 3, 1, 2)))]


# ---- normalisation ----
def normalised(pick, layer, shape):
    r"""A layer with running statistics, in training or (with statistics of its own) in evaluation."""
    if not pick("training", True, False):
        layer.eval()
        if layer.running_mean is not None:
            layer.running_mean.data, layer.running_var.data = normal(shape[1]), positive(shape[1])
    return layer, [distinct(*shape)]


for layer, shapes in ((nn.BatchNorm1d, [(4, 3), (3, 1, 2), (2, 1)]), (nn.BatchNorm2d, [(2, 3, 2, 2), (1, 1, 2, 1)])):

    @register(layer, batch=False, empty=False)
    def _(pick, layer=layer, shapes=shapes):
        shape = pick("shape", *shapes)
        made = layer(
            shape[1],
            eps=pick("eps", 1e-5, 0.1),
            momentum=pick("momentum", 0.1, None),
            affine=pick("affine", True, False),
            track_running_stats=pick("track_running_stats", True, False),
        )
        return normalised(pick, made, shape)


@register(nn.LayerNorm, rank=False)
def _(pick):
    sizes = pick("normalized_shape", (4,), (1,), (2, 3))
    layer = nn.LayerNorm(
        sizes,
        eps=pick("eps", 1e-5, 0.1),
        elementwise_affine=pick("elementwise_affine", True, False),
        bias=pick("bias", True, False),
    )
    return layer, [distinct(2, *pick("places", (), (3,)), *sizes)]


@register(nn.GroupNorm, rank=False)
def _(pick):
    G, per_group = pick("num_groups", 2, 1), pick("num_channels / num_groups", 2, 1)
    C = G * per_group
    layer = nn.GroupNorm(G, C, eps=pick("eps", 1e-5, 0.1), affine=pick("affine", True, False))
    return layer, [distinct(2, C, *pick("places", (3,), (2, 2)))]


# ---- noise ----
for layer in (nn.Dropout, nn.Dropout2d):

    @register(layer, batch=False, rank=False)
    def _(pick, layer=layer):
        made = layer(pick("p", 0.5, 0.0, 0.9, 1.0))
        return made.train(pick("training", True, False)), [distinct(2, 3, 2, 2)]


@register(nn.GaussianNoise, batch=False, rank=False)
def _(pick):
    layer = nn.GaussianNoise(pick("std", 0.1, 0.0))
    return layer.train(pick("training", True, False)), [anywhere(pick)]


# ---- indices, shapes, containers ----
@register(nn.Embedding, rank=False)
def _(pick):
    V, D, padding = pick("num_embeddings", 5, 2), pick("embedding_dim", 3, 1), pick("padding_idx", None, 0, -1)
    # the row of padding_idx gets no gradient, although it has one: the finite differences must not see it
    ids = integers(*pick("shape", (2, 4), (1,), (2, 1, 3)), high=V if padding is None else V - 1)
    return nn.Embedding(V, D, padding_idx=padding), [ids + 1 if padding == 0 else ids]


@register(nn.Flatten, rank=False)
def _(pick):
    return nn.Flatten(pick("start_dim", 1, 2), pick("end_dim", -1, 2)), [distinct(2, 3, 2, pick("last", 2, 1))]


@register(nn.Sequential, rank=False)
def _(pick):
    layers = [nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)]
    return nn.Sequential(*layers[: pick("length", 3, 1)]), [distinct(4, 3)]


class _Listed(nn.Module):
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@register(nn.ModuleList, rank=False)
def _(pick):
    layers = [nn.Linear(3, 3), nn.Linear(3, 2)]
    return _Listed(nn.ModuleList(layers[: pick("length", 2, 1)])), [distinct(4, 3)]


@register(nn.Residual, rank=False)
def _(pick):
    F = pick("out_features", 3, 2)
    return nn.Residual(nn.Linear(3, F), None if F == 3 else nn.Linear(3, F)), [distinct(4, 3)]


@register(nn.Concat, rank=False)
def _(pick):
    branches = [nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)]
    return nn.Concat(*branches[: pick("branches", 3, 1)], axis=pick("axis", 1, -1)), [distinct(4, 2, 3)]
