r"""som_colors: random colours sort themselves, and a GIF shows how

Every unit of the map starts as a random colour. A colour comes; the unit most like it wins, and the winner and the
units around it become a little more like it. Nothing else happens, and in the end the map is a palette: from unit to
unit the colour changes little, and all the colours that came have their place.

The film shows the order of events. At first the neighbourhood is wide and the steps are large: all units run together
after the colours that come. As both shrink, the colours part and grow stronger. A cube of colours has three dimensions
and the map has two, so it folds; where the U-matrix is bright, the colour changes fastest.

`--topology rectangular` has square cells. With `--toroidal` the right edge is glued to the left and the top to the
bottom: follow a colour over the edge.

To read first of what it prints (seed 0): `from unit to unit the colour changes by 0.654 before, 0.098 after;
quantisation error 0.109`.

Source: Kohonen 1982, Biological Cybernetics 43.

Picture: The upper half of the picture: the 16 x 16 units before the training, hexagons of random colours, and after 40
epochs, when each colour runs over into the next: violet and blue at the upper left, green at the upper right, red at
the lower right, magenta and pale pink below.

Try it:
1. With `--topology rectangular` the cells are squares: from unit to unit the colour changes by 0.113, a little more
   than between hexagons (0.098), and the colours that came are met as well as before, 0.108.
2. With `--toroidal` the colours have to fit together over the edges too: from unit to unit they change by 0.128 in
   place of 0.098. In exchange no unit stands at an edge, and the colours that came are met a little better, 0.098
   instead of 0.109.
3. With `--epochs 5` the neighbourhood shrinks just as far, but in an eighth of the steps: the map is smoother, 0.088,
   and further from the colours, 0.132.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
from demos import common
from minidl import Tensor, nn, plot
from minidl.nn.som_grid import TOPOLOGIES

ROWS, COLS = 16, 16  # not more units than a GIF has colours


# %% the map, and colours to learn
def random_colors(*shape):
    return minidl.generator().random((*shape, 3), dtype=np.float32)


def random_map(topology, toroidal):
    som = nn.SOM(ROWS, COLS, in_features=3, topology=topology, toroidal=toroidal)
    som.weights.data = Tensor(random_colors(ROWS, COLS)).data
    return som


def contrast(som):
    r"""How much the colour changes from a unit to those that touch it, on average."""
    return float(som.u_matrix().mean())


# %% an epoch, a frame
def training(som, x, epochs):
    r"""Trains while it is gone through; gives the number of epochs done."""
    yield 0
    for epoch in tqdm(range(epochs), desc="epochs", ascii=True, leave=False):
        som.partial_fit(x, total_steps=epochs * len(x))
        yield epoch + 1


def draw_colors(ax, som, title):
    plot.plot_units(som, som.weights, ax=ax).set_title(title)


# %%
def draw(som, start, path):
    figure, axes = plt.subplots(2, 2, figsize=(14, 12), layout="constrained")
    plot.plot_units(som, start, ax=axes[0, 0]).set_title("before: every unit is a random colour")
    draw_colors(axes[0, 1], som, "after")
    plot.plot_u_matrix(som, ax=axes[1, 0])
    plot.plot_component_planes(som, names=["red", "green", "blue"], ax=axes[1, 1])
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        topology={"choices": list(TOPOLOGIES), "default": "hexagonal", "help": "of the map (default hexagonal)"},
        toroidal={"action": "store_true", "help": "glue opposite edges"},
        epochs={"type": common.positive, "default": 40, "help": "passes over the colours, and frames (default 40)"},
    )
    epochs = min(args.epochs, 8) if args.quick else args.epochs
    som = random_map(args.topology, args.toroidal)
    start, before = som.weights.numpy(), contrast(som)
    x = random_colors(1000)
    name = f"som_colors_{args.topology}" + "_toroidal" * args.toroidal
    film = args.out / f"{name}.gif"
    plot.animate_training(
        training(som, x, epochs),
        lambda ax, epoch: draw_colors(ax, som, f"after {epoch} of {epochs} epochs"),
        film,
    )
    print(f"film: {film}")
    draw(som, start, args.out / f"{name}.png")
    result = {"before": before, "after": contrast(som), "error": som.quantization_error(x)}
    print(
        f"from unit to unit the colour changes by {before:.3f} before, {result['after']:.3f} after; "
        f"quantisation error {result['error']:.3f}"
    )
    return result


if __name__ == "__main__":
    main()
