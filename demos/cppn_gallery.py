r"""cppn_gallery: pictures that are functions of places, and how to breed them

A CPPN is a network that is asked what the picture looks like at x, y, at a distance r from the middle. Three of them by
hand show where patterns come from (Stanley 2007): a Gaussian of x is symmetric; a sine of x repeats; a sine of x and x²
is the same thing again and again, each time a bit different. The others are random: 15 mutations each, away from a
network without hidden nodes. As a picture is a function it has no resolution: one of them is drawn at three.

Then you breed. Every round is a picture, with numbers to choose parents by; all of the next round are their children:

    python -m demos cppn_gallery                            look at cppn_gallery_0.png: say 3 and 7 are nice
    python -m demos cppn_gallery --parents 3,7              look at cppn_gallery_1.png, which has their children
    python -m demos cppn_gallery --parents 3,7 12 0,4       and so on: the same seed gives the same pictures

Nobody is asked where there are no --parents: a fixed rule then takes the two pictures that have the most of both,
contrast along their rows and symmetry between left and right.

What this does not show: what people find this way. The rule is a fitness, which breeding by taste is precisely without,
and it likes the same things every time (Secretan et al. 2011 tell of what people came upon).

To read first of what it prints (seed 0): `what the rule likes most, by round: 0.202, 0.194, 0.216, 0.236, 0.286,
0.286`.

Source: Stanley 2007, Genetic Programming and Evolvable Machines 8. Secretan et al. 2011, Evolutionary Computation
19(3).

Picture: Part of the program's first picture: 20 random CPPNs with three outputs, hue, saturation and brightness, as a
table of four rows. Bent stripes, rings, something like a beetle, something like a planet; many are nearly symmetric
between left and right, though nobody asked for it.

Try it:
1. Breed by hand: `--quick --parents 3,7 12 0,4` makes four rounds of pictures. The rule, which is not asked, likes
   their best less and less: 0.206, 0.169, 0.155, 0.134. Where it is asked it is 0.206, 0.198, 0.256 after two rounds.
2. Put `MUTATIONS = 0`, with `--quick`: networks without hidden nodes. All pictures are one wide wave, bent around the
   middle, and none of 20 grey ones is symmetric by more than 0.95, where 6 were.
3. Put `("gaussian", "linear")` for the five `activations`, with `--quick`: no more repeated stripes, but spots, ovals
   and lines; 6 of 20 grey ones are symmetric, as before.
"""

# %%
import argparse

import matplotlib.pyplot as plt
import numpy as np

from demos import common
from minidl import plot
from minidl.evolution import CPPN, NEAT, Breeder, Genome, NEATConfig, Stream, mutate

P = 20
MUTATIONS = 15
SIZES = (27, 81, 243)  # thirds: every pixel's middle is one of the next, too
SETTINGS = {
    **{"population_size": P, "activations": ("signed_sigmoid", "gaussian", "sine", "cosine", "linear")},
    **{"output_activation": "sine", "initial_weight": 3.0, "weight_power": 1.0},
    **{"add_node": 0.5, "add_link": 0.5, "mutate_activation": 0.2},
}


# %% by hand: x is node 0, y node 1, the bias node 2, the picture node 3
def by_hand():
    grey = {"n_inputs": 2, "n_outputs": 1, "output_activation": "linear"}
    stripes = [(0, 4, 15), (4, 3, 0.5), (2, 3, 0.5)]  # (1 + sin(15 x)) / 2
    drift = [(0, 5, 1), (5, 4, 6)]  # 6 x² inside of the sine
    return {
        "a Gaussian of x": Genome.from_edges([(0, 4, 1), (4, 3, 1)], activations={4: "gaussian"}, **grey),
        "a sine of x": Genome.from_edges(stripes, activations={4: "sine"}, **grey),
        "a sine of x and x²": Genome.from_edges(stripes + drift, activations={4: "sine", 5: "square"}, **grey),
    }


# %% random, each from a start of its own
def random_genomes(config, seed):
    run = NEAT(config, seed)
    genomes = [*run.pool]
    for child, genome in enumerate(genomes):
        stream = Stream(seed, 1, child)
        for _ in range(MUTATIONS):
            mutate(genome, config, run.innovations, stream)
    return genomes


# %% what the rule likes
def brightness(images):
    return images if images.ndim == 3 else images.mean(axis=-1)


def symmetry(images):
    r"""The correlation of each picture with its mirror image: 1 is symmetric, 0 nothing of the kind."""
    light = brightness(images) - brightness(images).mean(axis=(1, 2), keepdims=True)  # (P, H, W)
    variance = (light * light).sum(axis=(1, 2))
    return (light * light[:, :, ::-1]).sum(axis=(1, 2)) / np.maximum(variance, 1e-12)


def rule(images):
    return brightness(images).std(axis=2).mean(axis=1) * symmetry(images)


# %% breeding
def breed(breeder, choices, rounds, size, out):
    chosen = []
    for _ in range(rounds + 1):
        images = breeder.images(size, space="hsv")
        liked = rule(images)
        last = breeder.generation == rounds
        parents = [] if last else choices[breeder.generation] if choices else sorted(liked.argsort()[-2:].tolist())
        draw_round(breeder, images, parents, chosen, out / f"cppn_gallery_{breeder.generation}.png")
        chosen.append({"parents": parents, "rule": liked.max()})
        if not last:
            breeder.choose(parents)
    return chosen, images


def draw_round(breeder, images, parents, chosen, path):
    figure, axes = plt.subplots(4, 5, figsize=(11, 9.4), layout="constrained")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=True)):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=i in parents, color="black", linewidth=5)
        ax.text(0.04, 0.95, str(i), transform=ax.transAxes, va="top", bbox={"facecolor": "white", "linewidth": 0})
    before = f"children of {numbers(chosen[-1]['parents'])}" if chosen else "at random"
    after = f"; framed: the parents of the next, {numbers(parents)}" if parents else ""
    figure.suptitle(f"round {breeder.generation}: {before}{after}")
    common.save(figure, path)
    plt.close(figure)


def numbers(parents):
    return ", ".join(map(str, parents))


def indices(text):
    r"""The numbers of parents, "3,7", as argparse's `type`."""
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) < P for part in parts) or len(set(parts)) < len(parts):
        raise argparse.ArgumentTypeError(f"must be different numbers below {P} with commas between, got {text}")
    return [int(part) for part in parts]


# %%
def draw(grey, colour, path):
    figure = plt.figure(figsize=(18, 12), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.7))
    axes = top.subplots(1, 7, width_ratios=(1,) * 6 + (2.4,))
    for ax, (name, genome) in zip(axes, by_hand().items(), strict=False):
        ax.imshow(CPPN(genome).image(128, 128, limits=(0, 1)), cmap="gray", vmin=0, vmax=1)
        ax.set_title(f"by hand: {name}", fontsize=10)
    images = np.stack([CPPN(genome).image(64, 64, space="hsv") for genome in colour])
    favourite = colour[rule(images).argmax()]
    drawn = [CPPN(favourite).image(size, size, space="hsv") for size in SIZES]
    for ax, image, size in zip(axes[3:], drawn, SIZES, strict=False):
        ax.imshow(image, interpolation="nearest")
        ax.set_title(f"one picture at {size} x {size}", fontsize=10)
    for ax in axes[:6]:
        ax.set(xticks=[], yticks=[])
    plot.plot_genome(favourite, names=["x", "y", "r", "hue", "sat.", "light"], ax=axes[6])
    axes[6].set_title("its network", fontsize=10)
    left, right = bottom.subplots(1, 2)
    plot.plot_images(grey, ax=left, vmin=0, vmax=1).set_title(f"{len(grey)} random networks with one output")
    plot.plot_images(np.moveaxis(images, -1, 1), ax=right).set_title(
        f"{len(colour)} random networks with three outputs: hue, saturation, brightness"
    )
    common.save(figure, path)
    plt.close(figure)
    return max(abs(fine[1::3, 1::3] - coarse).max() for coarse, fine in zip(drawn, drawn[1:], strict=False))


def main(argv=None):
    parents = {"nargs": "+", "type": indices, "metavar": "I,J", "help": "the parents of each round, such as 3,7 12"}
    args = common.options(__doc__.splitlines()[0], argv, parents=parents)
    config = {outputs: NEATConfig(3, outputs, **SETTINGS) for outputs in (1, 3)}
    genomes = {outputs: random_genomes(config[outputs], args.seed) for outputs in (1, 3)}
    size = 32 if args.quick else 96
    grey = np.stack([CPPN(genome).image(size, size) for genome in genomes[1]])
    difference = draw(grey, genomes[3], args.out / "cppn_gallery.png")
    breeder = Breeder(config[3], args.seed, genomes[3])
    rounds = len(args.parents) if args.parents else 2 if args.quick else 5
    chosen, images = breed(breeder, args.parents, rounds, size, args.out)
    result = {
        "by hand": {name: symmetry(CPPN(g).image(64, 64)[None])[0] for name, g in by_hand().items()},
        "symmetric": int((symmetry(grey) > 0.95).sum()),
        "difference": difference,
        "parents": [one["parents"] for one in chosen[:-1]],
        "rule": [one["rule"] for one in chosen],
        "images": images,
    }
    print(f"symmetric, by more than 0.95: {result['symmetric']} of {P} random grey pictures")
    print(f"one picture at {SIZES}: where they have a pixel in common, they differ by {difference:g}")
    print("what the rule likes most, by round: " + ", ".join(f"{liked:.3f}" for liked in result["rule"]))
    return result


if __name__ == "__main__":
    main()
