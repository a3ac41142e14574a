r"""The places of minidl's layers in the registry, one short function each (see registry.py).

The first value of a `pick` is the plain case; the others are the corners: one pixel, one channel, odd sizes, strides
larger than the kernel, every option.
"""

from minidl import nn
from minidl.nn.gelu import APPROXIMATIONS
from minidl.nn.radial import RADIAL
from minidl.testing.registry import register
from minidl.testing.values import distinct, integers, normal, positive


# ---- linear ----
@register(nn.Linear, rank=False)
def _(pick):
    D, F = pick("in_features", 3, 1, 5), pick("out_features", 2, 1)
    leading = pick("leading", (4,), (1,), (2, 3))
    return nn.Linear(D, F, bias=pick("bias", True, False)), [distinct(*leading, D)]


# ---- prototypes ----
def radial(pick):
    r"""Every radial function, and normalised those that can be."""
    name = pick("radial", *RADIAL)
    return {"radial": name, "normalised": RADIAL[name].log is not None and pick("normalised", False, True)}


@register(nn.RBF)
def _(pick):
    D, K = pick("in_features", 3, 1, 40), pick("num_prototypes", 5, 1)  # 40: by matrix products
    layer = nn.RBF(D, K, **radial(pick), beta=pick("beta", None, 0.3))
    x = distinct(4, D)
    layer.log_betas.data = layer.log_betas.numpy() + normal(K).astype("float32") / 4
    return layer, [x]


@register(nn.RBFNet)
def _(pick):
    D, K, F = pick("in_features", 3, 1), pick("num_prototypes", 4, 1), pick("out_features", 2, 1)
    return nn.RBFNet(D, K, F, **radial(pick)), [distinct(4, D)]


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


for layer, shapes in (
    (nn.BatchNorm1d, [(4, 3), (3, 1, 2), (2, 1)]),
    (nn.BatchNorm2d, [(2, 3, 2, 2), (1, 1, 2, 1), (1, 1, 10, 10)]),
):

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
    layer = nn.Embedding(V, D, padding_idx=padding, mask_zero=pick("mask_zero", False, True))
    return layer, [ids + 1 if padding == 0 else ids]


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


# ---- time steps ----
@register(nn.Masking, rank=False)
def _(pick):
    # no step is masked here: at that point the output jumps, and has no slope that finite differences could find
    return nn.Masking(pick("value", 0.0, 0.5)), [distinct(2, *pick("steps", (3, 2), (1, 1), (2, 3, 2)))]


@register(nn.RepeatVector)
def _(pick):
    return nn.RepeatVector(pick("n", 3, 1)), [distinct(2, pick("D", 3, 1))]


@register(nn.TimeDistributed, rank=False)
def _(pick):
    modules = {"linear": lambda: nn.Linear(3, 2), "norm": lambda: nn.LayerNorm(3), "ReLU": nn.ReLU}
    module = modules[pick("module", *modules)]()
    return nn.TimeDistributed(module), [distinct(2, *pick("steps", (4,), (1,), (3, 2)), 3)]
