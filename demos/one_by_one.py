r"""one_by_one: what a 1x1 convolution is good for

A 1x1 convolution looks at one pixel at a time and mixes its channels: a Linear layer for every pixel. It can make fewer
maps, or more, or carry a shortcut past a layer that changes the number of maps; and two of them with a ReLU between are
a small network at every pixel, which can see what a single, linear one cannot: how channels interact (Lin, Chen and
Yan 2013, Network in Network).

The task is XOR across channels: a pixel is 1 where exactly one of its two channels a, b is positive. A linear function
of a and b is right for half of the pixels, whatever its weights: turn both signs around, and its answer changes, the
target does not. With four ReLUs there is |a - b| - |a + b|, which is positive exactly where the signs differ.

To read first of what it prints (seed 0): `XOR across channels, pixels right: one 1x1 0.512, two 1x1 and a ReLU 0.999`.

Source: Lin, Chen and Yan 2013, arXiv 1312.4400. Szegedy et al. 2014, arXiv 1409.4842 (the bottleneck).

Picture: Five maps of 8 x 8 pixels: the two channels of random numbers, where exactly one of them is positive, what a
single 1x1 convolution says (everywhere the same, near 1/2), and what two of them with a ReLU between say: the pattern
of the third map, but for a few pale pixels at its borders.

Try it:
1. Give the small network 4 maps instead of 16 (twice, in `wide` and `narrow`). Four ReLUs are just enough, and with
   seed 0 it finds them: 1.000. With `--seed 1` it does not: 0.740.
2. Leave out the `nn.ReLU()`: 0.501. Two 1x1 convolutions in a row are one.
3. In `multiplications`, narrow the bottleneck less, to 64 maps in place of 16: the program counts 49.8 million
   multiplications in place of 12.4, of 120.4 without one.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import trange

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, nn, no_grad, optim


# %% the same numbers three ways
def three_ways():
    r"""A 1x1 convolution, the Linear layer of every pixel, and the sum written as einsum: largest difference."""
    x = Tensor(minidl.generator().normal(size=(4, 16, 7, 5)).astype(np.float32))
    layer = nn.Conv2d(16, 8, kernel_size=1)
    a = layer(x).numpy()
    rows = x.permute(0, 2, 3, 1)  # (N, H, W, C): channels last, as Linear wants them
    b = F.linear(rows, layer.weight.reshape(8, 16), layer.bias).permute(0, 3, 1, 2).numpy()
    c = (minidl.einsum("nchw,oc->nohw", x, layer.weight.reshape(8, 16)) + layer.bias.reshape(1, 8, 1, 1)).numpy()
    return max(np.abs(a - b).max(), np.abs(a - c).max())


# %% fewer maps, more maps, and a shortcut
def shapes():
    x = Tensor(np.zeros((1, 64, 14, 14), np.float32))
    block = nn.Residual(
        branch=nn.Sequential(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1)),
        shortcut=nn.Conv2d(64, 128, kernel_size=1),  # or 64 maps could not be added to 128
    )
    return {
        "fewer maps": nn.Conv2d(64, 16, 1)(x).shape,
        "more maps": nn.Conv2d(64, 256, 1)(x).shape,
        "residual, 64 -> 128 maps": block(x).shape,
    }


def multiplications():
    r"""A 5x5 layer from 192 to 32 maps of 28x28, directly and through a bottleneck of 16 (Szegedy et al. 2014)."""
    direct = nn.Sequential(nn.Conv2d(192, 32, 5, padding=2))
    narrow = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2))
    return [nn.summary(net, (1, 192, 28, 28)).multiply_adds for net in (direct, narrow)]


# %% a network at every pixel
def data(n):
    x = minidl.generator().uniform(-1, 1, size=(n, 2, 8, 8)).astype(np.float32)
    return x, ((x[:, 0] > 0) != (x[:, 1] > 0))[:, None].astype(np.float32)


def train(model, steps):
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in trange(steps, ascii=True, leave=False):
        x, y = data(16)
        loss = F.binary_cross_entropy_with_logits(model(Tensor(x)), Tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = data(100)
    with no_grad():
        return ((model(Tensor(x)).numpy() > 0) == (y > 0.5)).mean()


# %%
def draw(models, accuracies, path):
    x, y = data(1)
    panels = {"channel 1": x[0, 0], "channel 2": x[0, 1], "exactly one is positive": y[0, 0]}
    with no_grad():
        for name, model in models.items():
            panels[f"{name}: {accuracies[name]:.3f}"] = F.sigmoid(model(Tensor(x))).numpy()[0, 0]
    figure, axes = plt.subplots(1, len(panels), figsize=(15, 3.4))
    for ax, (title, image) in zip(axes, panels.items(), strict=True):
        low = -1 if title.startswith("channel") else 0
        ax.imshow(image, cmap="PuOr", vmin=low, vmax=1)
        ax.set(title=title, xticks=[], yticks=[])
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    difference = three_ways()
    print(f"1x1 convolution, Linear of every pixel, einsum: largest difference {difference:.1e}")
    for name, shape in shapes().items():
        print(f"{name:25} (1, 64, 14, 14) -> {shape}")
    direct, bottleneck = multiplications()
    print(f"5x5, 192 -> 32 maps: {direct / 1e6:.1f} M multiplications; through 16 maps {bottleneck / 1e6:.1f} M")
    wide, narrow = nn.Conv2d(2, 16, 1, bias=False), nn.Conv2d(16, 1, 1, bias=False)
    models = {
        "one 1x1": nn.Conv2d(2, 1, 1, bias=False),
        "two 1x1 and a ReLU": nn.Sequential(wide, nn.ReLU(), narrow),
    }
    steps = 300 if args.quick else 1000
    accuracies = {name: float(train(model, steps)) for name, model in models.items()}
    draw(models, accuracies, args.out / "one_by_one.png")
    print("XOR across channels, pixels right: " + ", ".join(f"{name} {a:.3f}" for name, a in accuracies.items()))
    return {"difference": difference, "multiplications": (direct, bottleneck), **accuracies}


if __name__ == "__main__":
    main()
