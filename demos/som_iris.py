r"""som_iris: a map of 150 flowers, and what each place on it stands for

A self-organising map lays 64 units out on a grid so that flowers which measure alike win units which lie side by side.
It is not told the species. Then 100 flowers of known species are put onto the map, and of 50 others the species is
asked, in three ways:

vote        the species that the flower's unit has won most often. 100 flowers on 64 units: many a new flower wins a
            unit that none of them has won, and gets no answer, which counts as wrong.
next unit   the vote of the nearest unit, in measurements, that has one.
average     the counts of the units around, weighted by a Gaussian of their distance on the grid (`som.predict`).

Averaging is far better than the vote, but because of the units without a flower alone: `next unit`, which only fills
those, comes within 0.01 of it. What averaging does not do:

- Units at an edge have fewer neighbours to average over (a torus has no edge, but flowers do not lie on one).
- A tie goes to the species of the smaller number, and a frequent species outvotes a rare one beside it.
- The shares of the sums are no probabilities. The last panel: between 0.3 and 1.5 sigma hardly changes how many
  answers are right, and yet the mean share of the winning species falls from above the accuracy to far below it.

To read first of what it prints (seed 0): `test accuracy: vote 0.776, next unit 0.918, average 0.926`.

Source: Kohonen 1982, Biological Cybernetics 43. Fisher 1936, Annals of Eugenics 7 (the flowers).

Picture: Four of the program's six panels, all of the 8 x 8 map. Above, the U-matrix: a bright row of units far from
each other, where hardly a flower lies, parts the setosas above from the rest; beside it the four weights of the units.
Below, the species of each unit by vote, with 20 units that have none, and by averaging over the units around, where
none is empty.

Try it:
1. With a map of 16 x 16 units (in `main`) and `--quick`, 26.8 of 50 flowers win a unit without a vote, and the vote is
   right for 0.435. `next unit` and `average` do not mind: 0.935 and 0.930.
2. With 4 x 4 units 1.0 of 50 get no vote, and all three are much alike: 0.875, 0.885, 0.885. The map is too coarse now
   for the two species that overlap.
3. Train for 2 epochs in place of 50, with `--quick`: the average is right for 0.940, with 50 for 0.925. The map is soon
   good enough for three species.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
from demos import common
from minidl import nn, plot
from minidl.datasets import load_iris, train_test_split

SIGMAS = np.array([0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0])
FEATURES = ["sepal length", "sepal width", "petal length", "petal width"]
SPECIES = ["setosa", "versicolor", "virginica"]


# %% 100 flowers to learn from and 50 to ask about, as deviations from the mean of the first
def split(seed):
    x, y = load_iris()
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=50, stratify=y, seed=seed)
    mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
    return (x_train - mean) / deviation, (x_test - mean) / deviation, y_train, y_test


# %% three ways to ask
def next_unit(som, x):
    r"""The vote of the nearest unit that has won a flower."""
    counts = som.label_counts.numpy()  # (rows, cols, species)
    distances = np.where(counts.any(axis=-1), som.transform(x), np.inf)  # (N, rows, cols)
    nearest = distances.reshape(len(x), -1).argmin(axis=1)
    return counts.reshape(-1, len(SPECIES)).argmax(axis=1)[nearest]


def shares(som, x, sigma):
    r"""The sums that `som.predict(x, sigma)` takes the largest of, as parts of 1: (N, species)."""
    counts = som.label_counts.numpy().reshape(-1, len(SPECIES))
    g = np.exp(-(som.grid_distances() ** 2) / (2 * sigma**2))
    sums = (g @ counts)[np.ravel_multi_index(som.winner(x).T, (som.rows, som.cols))]  # (K, K) @ (K, C), rows of it
    return sums / sums.sum(axis=1, keepdims=True)


def ask(som, x, y):
    vote = som.predict(x, sigma=0)
    ways = {"vote": vote, "next unit": next_unit(som, x), "average": som.predict(x)}
    sums = [shares(som, x, sigma) for sigma in SIGMAS]
    return {
        **{way: (guesses == y).mean() for way, guesses in ways.items()},
        "no answer": (vote < 0).sum(),
        "by sigma": [(s.argmax(axis=1) == y).mean() for s in sums],
        "share": [s.max(axis=1).mean() for s in sums],
    }


# %%
def draw(som, x, y, results, path):
    figure, axes = plt.subplots(2, 3, figsize=(17, 11), layout="constrained")
    plot.plot_u_matrix(som, ax=axes[0, 0])
    plot.plot_hits(som, x, ax=axes[0, 0], facecolors="white").set_title("U-matrix; white: flowers on each unit")
    plot.plot_component_planes(som, names=FEATURES, ax=axes[0, 1]).set_title("weights, in deviations from the mean")
    plot.plot_labels_map(som, x, y, names=SPECIES, ax=axes[1, 0]).set_title("vote: species by the flowers won")
    units = som.weights.numpy().reshape(-1, 4)  # every unit is its own winner
    plot.plot_labels_map(som, units, som.predict(units), names=SPECIES, ax=axes[1, 1])
    axes[1, 1].set_title("average: species by the units around")
    ways = ["vote", "next unit", "average"]
    axes[0, 2].boxplot([results[way] for way in ways], tick_labels=ways)
    axes[0, 2].set(title=f"{len(results['vote'])} splits", ylabel="test accuracy")
    ax = axes[1, 2]
    ax.plot(SIGMAS, np.mean(results["by sigma"], axis=0), "o-", color="#0072B2", label="accuracy of the average")
    ax.plot(SIGMAS, np.mean(results["share"], axis=0), "s--", color="#D55E00", label="mean share of the winner")
    ax.set(title="the shares are no probabilities", xlabel="sigma of the average, on the grid", ylim=(0, 1.02))
    ax.legend()
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    rows = []
    for seed in tqdm(range(args.seed, args.seed + (4 if args.quick else 10)), desc="splits", ascii=True, leave=False):
        minidl.manual_seed(seed)
        x_train, x_test, y_train, y_test = split(seed)
        som = nn.SOM(8, 8, in_features=4, num_classes=3)
        som.fit(x_train, epochs=50, verbose=False)
        som.fit_labels(x_train, y_train)
        rows.append(ask(som, x_test, y_test) | {"topographic error": som.topographic_error(x_train)})
    results = {name: [row[name] for row in rows] for name in rows[0]}
    draw(som, x_train, y_train, results, args.out / "som_iris.png")
    mean = {name: np.mean(values, axis=0) for name, values in results.items()}
    print(f"of 50 flowers {mean['no answer']:.1f} get no vote; topographic error {mean['topographic error']:.3f}")
    print("test accuracy: " + ", ".join(f"{way} {mean[way]:.3f}" for way in ("vote", "next unit", "average")))
    return mean


if __name__ == "__main__":
    main()
