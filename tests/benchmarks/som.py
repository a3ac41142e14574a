"""`python -m tests.benchmarks som`: the self-organising map beside MiniSom; the row's steps are Gaussian.

Then, if MiniSom is installed, what the maps are worth:

digits   12 x 12 units; first weights, order of the rows, number of steps and schedule (MiniSom's "asymptotic_decay" to
         a third, which is "inverse" here) are the same for both, so in float64, which MiniSom computes in, the maps are
         the same too; in float32 now and then another of two equally near units wins, and the map goes its own way.
         Then minidl's defaults. Mean of 5 seeds: both errors, and the rank correlation of the distances on the grid
         with those of the weights
iris     8 x 8 units, 10 stratified splits: accuracy of the winner's vote and of the averaged labels
"""

import importlib.util

import numpy as np

import minidl
from minidl import datasets, nn
from minidl.nn.som_init import INITS
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row

SEEDS, EPOCHS = 5, 11


def som(N, units, D):
    """N online steps."""
    x = normal(N, D)

    def ours():
        map_ = nn.SOM(units, units, D, sigma=units / 2)
        return lambda: [map_.partial_fit(x, total_steps=N * 1000)][:0]

    def theirs():
        from minisom import MiniSom  # noqa: PLC0415

        map_ = MiniSom(units, units, D, sigma=units / 2, random_seed=0)
        return lambda: [map_.train(x, N, random_order=True)][:0]

    return {"minidl": ours, "MiniSom": theirs}


def nothing(results, name):
    """The rows come in another order on either side; that equal orders give equal maps says `more`."""


SIZE, TINY = {"N": 2000, "units": 20, "D": 64}, {"N": 5, "units": 3, "D": 2}
ROWS = [Row("SOM 20x20x64, 2000 online steps", som, SIZE, TINY, kind="extra", check=nothing)]


def ranks(a):
    order = np.argsort(a, kind="stable")
    return np.interp(a, a[order], np.arange(len(a)))  # equal ones get one rank


def correlation(weights, grid):
    """Spearman's, of the distances of all pairs."""
    w = weights.reshape(len(grid), -1)
    pairs = np.triu_indices(len(w), 1)
    distances = np.sqrt(((w[:, None] - w) ** 2).sum(axis=2))
    return np.corrcoef(ranks(distances[pairs]), ranks(grid[pairs]))[0, 1]


def digits(MiniSom):
    x = datasets.load_digits(flat=True).x
    schedule = {
        "sigma": 5.0,
        "sigma_end": 5 / 3,
        "learning_rate": 0.5,
        "learning_rate_end": 0.5 / 3,
        "decay": "inverse",
    }
    kinds = {"float64": schedule, "float32": schedule, "defaults": {}}
    found = {name: [] for name in ("MiniSom", *kinds)}
    for seed in range(SEEDS):
        for name, options in kinds.items():
            minidl.manual_seed(seed)
            som = nn.SOM(12, 12, 64, **options).to("float64" if name == "float64" else "float32")
            som.fit(x, epochs=EPOCHS, verbose=False)
            found[name].append((som, som.weights.numpy()))
        minidl.manual_seed(seed)  # the same draws once more, for the other
        theirs = MiniSom(12, 12, 64, sigma=5, learning_rate=0.5)
        theirs._weights = INITS["random"](x.astype("float64"), 12, 12)
        order = np.concatenate([minidl.generator().permutation(len(x)) for _ in range(EPOCHS)])
        theirs.train(x[order].astype("float64"), len(order))
        found["MiniSom"].append((theirs, theirs.get_weights()))
    grid = nn.SOM(12, 12, 64).grid_distances()
    apart = max(abs(ours[1] - theirs[1]).max() for ours, theirs in zip(found["float64"], found["MiniSom"], strict=True))
    print(f"digits  weights in float64 and MiniSom's differ by {apart:.0e} at most")
    for name, maps in found.items():
        figures = [(m.quantization_error(x), m.topographic_error(x), correlation(w, grid)) for m, w in maps]
        q, t, r = np.mean(figures, axis=0)
        print(f"digits  {name:<8} quantisation {q:.4f}, topographic {t:.4f}, rank correlation {r:.3f}")


def iris(splits=10):
    data = datasets.load_iris()
    votes, averages, without = [], [], []
    for seed in range(splits):
        minidl.manual_seed(seed)
        x, x_test, y, y_test = datasets.train_test_split(data.x, data.y, test_size=50, stratify=data.y, seed=seed)
        mean, std = x.mean(axis=0), x.std(axis=0)
        x, x_test = (x - mean) / std, (x_test - mean) / std
        som = nn.SOM(8, 8, 4, num_classes=3)
        som.fit(x, epochs=100, verbose=False)
        som.fit_labels(x, y)
        vote = som.predict(x_test, sigma=0)
        votes.append((vote == y_test).mean())
        without.append((vote == -1).sum())
        averages.append((som.predict(x_test) == y_test).mean())
    print(
        f"iris    vote {np.mean(votes):.3f} ({np.mean(without):.1f} of 50 rows fall on units without one), "
        f"averaged {np.mean(averages):.3f}"
    )


def more():
    if importlib.util.find_spec("minisom"):
        from minisom import MiniSom  # noqa: PLC0415

        digits(MiniSom)
    iris()
