r"""cppn_target: pictures that are wanted, and how near evolution comes to them

A CPPN (see `cppn_gallery`) is to show a given picture. Three are wanted, of 32 x 32 pixels. One is a face, drawn here.
The others have been made by CPPNs, found without any aim by 15 random mutations: they can be shown without any error,
by networks that are known, and all that can be missing is a way there.

Fitness is the share of a picture that is explained: 1 - mean squared error / variance. 0 is one even grey, 1 the
picture. The way leads along whatever lessens the error at once, and there it ends. The outline of the face is most of
its variance, and what shows it has no place for eyes. Stripes of nearly the right direction and width explain
nothing, so of the second bred picture there is nothing to begin with. Of all 20 grey pictures in the gallery (one run
each) 10 are explained to 0.97 or more after 400 generations, and two to 0.34 or less.

Woolley and Stanley (2011, GECCO) had NEAT look for pictures that people had bred on Picbreeder. It mostly failed,
although each had been found before, by people who were not looking for it. This is that experiment in the small.

At the end the champion of each run is trained by back-propagation (`GenomeModule`, Adam): its weights have not been at
their best. So is, for comparison, an ordinary network of one layer of tanh units, with as many weights.

What this does not show: that no other settings would do better, or how Picbreeder's own pictures would fare. Nor is
"explained" what people see in a picture: a face without eyes has most of it.

To read first of what it prints (seed 0): `bred, hard: explained evolved 0.288 (0.252 to 0.324), trained 0.437 (0.434 to
0.440), layer 0.321 (0.276 to 0.366)`.

Source: Woolley and Stanley 2011, GECCO.

Picture: A row for each picture that is wanted: the face, a bred picture that is easy, one that is hard. From left to
right: what is wanted, the best after 10, 100 and 400 generations with the share that is explained, and then trained.
The face becomes a bright oval with a ring in it and no eyes (0.69, trained 0.83); the easy one is matched (0.98); of
the hard one's stripes and ring there is one bent dark line (0.32).

Try it:
1. Run `--quick`, one run of 100 generations: 0.652 of the face, 0.959 of the easy picture, 0.252 of the hard one. Two
   runs of 400 generations, the default, end little higher on average: 0.671, 0.980 and 0.288.
2. Put `STEPS = 100`, with `--quick`: what evolution found is 0.715, 0.989 and 0.315 after so few steps of Adam, the
   ordinary network 0.429, 0.497 and 0.038. Evolved weights are a start.
3. Give the ordinary network 50 hidden units (`hidden = 50` in `attempt`), with `--quick`: it explains 0.992 of the easy
   picture and 0.951 of the hard one, but 0.648 of the face. With enough weights the gradient alone gets at what was
   hard to find.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from demos.cppn_gallery import SETTINGS, random_genomes
from minidl import Tensor, nn, no_grad, optim
from minidl.evolution import CPPN, GenomeModule, NEATConfig, evolve

SIZE = 32
BRED = {"bred, easy": 6, "bred, hard": 4}  # of the random grey pictures of cppn_gallery
STEPS = 1000
side = (2.0 * np.arange(SIZE) + 1 - SIZE) / SIZE  # as in CPPN.image
X, Y = np.meshgrid(side, side)
PLACES = np.stack([X.ravel(), Y.ravel(), np.hypot(X, Y).ravel()], axis=1)


# %% what is wanted: from -1, black, to 1, white
def face():
    picture = np.where((X / 0.75) ** 2 + (Y / 0.9) ** 2 < 1, 1.0, -1.0)
    for eye in (-0.3, 0.3):
        picture[((X - eye) / 0.17) ** 2 + ((Y + 0.2) / 0.2) ** 2 < 1] = -1
    picture[(abs(X) < 0.06) & (abs(Y - 0.15) < 0.12)] = -1  # nose
    picture[(abs(X) < 0.35) & (abs(Y - 0.5) < 0.08)] = -1  # mouth
    return picture


def bred():
    genomes = random_genomes(NEATConfig(3, 1, **SETTINGS), seed=0)
    return {name: genomes[i] for name, i in BRED.items()}


def shown(genome, size=SIZE):
    return 2 * CPPN(genome).image(size, size, limits=(-1, 1)) - 1


# %% the way there
def explained(outputs, target):
    r"""Of pictures (P, pixels)."""
    return 1 - ((outputs - target.ravel()) ** 2).mean(axis=1) / target.var()


def search(target, seed, generations):
    smaller = {"add_node": 0.1, "add_link": 0.15, "mutate_activation": 0.05, "initial_weight": 1.0, "weight_power": 0.3}
    species = {"population_size": 300, "species_target": 10, "threshold_step": 0.1}
    config = NEATConfig(3, 1, **{**SETTINGS, **smaller, **species})
    shots = {}

    def keep(run):
        if run.generation in (10, 100):
            shots[run.generation] = run.champion

    run = evolve(
        config,
        fitness_batch=lambda nets: explained(nets(PLACES)[:, :, 0], target),
        **{"generations": generations, "seed": seed, "callbacks": [keep], "verbose": False},
    )
    return run, shots | {run.generation: run.champion}


def train(model, target):
    r"""Adam on all pixels; returns the picture then."""
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x, wanted = Tensor(PLACES.astype(np.float32)), Tensor(target.reshape(-1, 1).astype(np.float32))
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.mse_loss(model(x), wanted).backward()
        optimizer.step()
    with no_grad():
        return model(x).numpy().reshape(target.shape).astype(np.float64)


def attempt(target, seed, generations):
    run, shots = search(target, seed, generations)
    module = GenomeModule(run.champion)
    minidl.manual_seed(seed)
    hidden = round((module.weight.size - 1) / 5)  # of a layer: three weights, a bias, a weight of the output
    layer = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 1), nn.Tanh())
    pictures = {
        "evolved": shown(run.champion),
        "trained": train(module, target),
        "layer": train(layer, target),
    }
    scores = {name: float(explained(picture.reshape(1, -1), target)[0]) for name, picture in pictures.items()}
    return {"run": run, "shots": shots, "tuned": module.genome(), "pictures": pictures, "scores": scores}


# %%
def draw(targets, found, path):
    grey = {"cmap": "gray", "vmin": -1, "vmax": 1}
    figure, axes = plt.subplots(len(targets), 9, figsize=(23, 2.9 * len(targets)), layout="constrained")
    for row, (name, target) in zip(axes, targets.items(), strict=True):
        best = max(found[name], key=lambda one: one["scores"]["evolved"])
        scores, trained = best["scores"], best["pictures"]["trained"]
        panels = [(f"wanted: {name}", target, grey)]
        panels += [(f"generation {g}: {one.fitness:.3f}", shown(one), grey) for g, one in best["shots"].items()]
        panels += [
            (f"then trained: {scores['trained']:.3f}", trained, grey),
            ("what is wrong with that", trained - target, {**grey, "cmap": "PuOr"}),
            (f"the same at {8 * SIZE} x {8 * SIZE}", shown(best["tuned"], 8 * SIZE), grey),
            (f"ordinary network: {scores['layer']:.3f}", best["pictures"]["layer"], grey),
        ]
        for ax, (title, picture, options) in zip(row, panels, strict=False):
            ax.imshow(picture, **options)
            ax.set_title(title, fontsize=10)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        for one in found[name]:
            row[-1].plot(one["run"].history.history["best"], color="#0072B2")
        row[-1].set(xlabel="generation", ylim=(0, 1.02))
        row[-1].set_title(f"explained; {len(found[name])} runs", fontsize=10)
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    runs = {"type": common.positive, "help": "runs for each picture (default 2)"}
    args = common.options(__doc__.splitlines()[0], argv, runs=runs)
    n_runs, generations = args.runs or (1 if args.quick else 2), 101 if args.quick else 401
    makers = bred()
    targets = {"face": face(), **{name: shown(genome) for name, genome in makers.items()}}
    found = {name: [] for name in targets}
    with tqdm(total=n_runs * len(targets), desc="runs", ascii=True, leave=False) as bar:
        for name, target in targets.items():
            for seed in range(args.seed, args.seed + n_runs):
                found[name].append(attempt(target, seed, generations))
                bar.update()
    draw(targets, found, args.out / "cppn_target.png")
    result = {}
    for name, tries in found.items():
        result[name] = {arm: np.array([one["scores"][arm] for one in tries]) for arm in tries[0]["scores"]}
        print(f"{name}: explained " + ", ".join(f"{arm} {mean(row)}" for arm, row in result[name].items()))
        result[name]["links"] = [on(one["run"].champion) for one in tries]
        result[name]["curves"] = [one["run"].history.history["best"] for one in tries]
        made = f"; that which made it has {on(makers[name])}" if name in makers else ""
        print(f"    links of the champions: {', '.join(map(str, result[name]['links']))}{made}")
    return result


def mean(row):
    return f"{row.mean():.3f} ({row.min():.3f} to {row.max():.3f})"


def on(genome):
    return sum(link.enabled for link in genome.links)


if __name__ == "__main__":
    main()
