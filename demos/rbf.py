r"""rbf: prototypes that answer to what is near them, and to nothing else

An RBF network compares its input with prototypes: points like those that it learned from, found by k-means in each
class (`RBFNet.fit_prototypes`). A unit answers 1 on its prototype and fades to 0 within a few widths; the output weighs
the answers (`fit_output`, least squares, no gradient). Two things follow that a network of half-spaces has not:

- A prediction has a reason: "because it is most like this prototype". The program says so of one iris flower.
- It knows when it has not seen anything like it: far from all prototypes every unit is silent. An MLP of the same size
  (as many hidden units, as many numbers) gives its class a probability of 0.99 there, and has no way to know better.

The 2-d data are two half moons. Left, the regions in which one prototype answers most (its responsibility) and the
border between the classes; right, what both networks say on a map that is much wider than the data.

What this does not show: that far is easy to tell in many dimensions, where all points are far from each other and the
widths decide; nor that the RBF network predicts better: on iris both are within the noise of ten splits.

To read first of what it prints (seed 0): `test accuracy: iris (10 splits) RBF 0.962, MLP 0.960; moons RBF 1.000, MLP
0.990`.

Source: Broomhead and Lowe 1988, Complex Systems 2. Moody and Darken 1989, Neural Computation 1.

Picture: Four of the program's six panels. Above, the RBF network's score over two half moons with the border between
the classes, and its strongest activation on a wider map: nothing but the moons is lit. Below, walking away from the
data: the activation is 0 from a distance of 2 on, the MLP's probability stays at 1; and how sure the MLP is on the same
wide map: everywhere, but on the line of its border.

Try it:
1. Give the moons 4 prototypes instead of 16 (in `main`, for both networks), with `--quick`: the RBF network falls from
   1.000 to 0.925, the MLP from 0.990 to 0.980. Half-spaces reach far, prototypes do not.
2. Put `noise=0.3`, with `--quick`: the moons overlap, 0.940 and 0.920 of the new points are right.
3. Put `nn.Tanh()` in the place of the MLP's ReLU, with `--quick`: far from the data it is 0.986 sure instead of 0.999.
   Its units are bounded now, but none of them goes to 0.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl.functional as F
from demos import common
from minidl import Tensor, fit, nn, no_grad, optim
from minidl.datasets import load_iris, make_moons, train_test_split

COLOURS = np.array(["tab:blue", "tab:orange", "tab:green"])


# %% the two networks, with the same number of parameters: K prototypes and betas, or K rows of weights and biases
def rbf_net(x, y, K, classes):
    return nn.RBFNet(x.shape[1], K, classes).fit_prototypes(x, y).fit_output(x, y)


def mlp(x, y, K, classes, epochs):
    model = nn.Sequential(nn.Linear(x.shape[1], K), nn.ReLU(), nn.Linear(K, classes))
    fit(model, x, y, optimizer=optim.Adam(model.parameters(), lr=1e-2), epochs=epochs, verbose=False)
    return model


def scores(model, x):
    with no_grad():
        return model(Tensor(np.asarray(x, np.float32))).numpy()


def confidence(model, x):
    r"""The probability of the class that an MLP says."""
    return F.softmax(Tensor(scores(model, x))).numpy().max(axis=1)


def accuracy(model, x, y):
    return float((scores(model, x).argmax(axis=1) == y).mean())


# %% iris, in cm: several splits, and one flower explained
def iris(n_splits, bar):
    data = load_iris()
    found = {"RBF": [], "MLP": []}
    for seed in range(n_splits):
        x, x_test, y, y_test = train_test_split(data.x, data.y, test_size=50, stratify=data.y, seed=seed)
        net = rbf_net(x, y, 9, 3)
        found["RBF"].append(accuracy(net, x_test, y_test))
        found["MLP"].append(accuracy(mlp(x, y, 9, 3, epochs=60), x_test, y_test))
        bar.update()
    return {name: float(np.mean(row)) for name, row in found.items()}, explained(net, x_test, data.names)


def explained(net, x, names):
    r"""One of the flowers x, the one that is most like two classes: its prediction, and its nearest prototypes."""
    activations, classes = scores(net.rbf, x), np.repeat(np.arange(3), 3)  # in the order of fit_prototypes
    by_class = activations.reshape(-1, 3, 3).max(axis=2)
    n = np.sort(by_class, axis=1)[:, 1].argmax()
    activations, centers = activations[n], net.rbf.centers.numpy()
    order = activations.argsort()[::-1]
    guess = int(scores(net, x[n : n + 1]).argmax())
    print(f"a flower of {centimetres(x[n])} is {names[guess]}, and most like")
    for k in order[:3]:
        print(f"    prototype {k}, {names[classes[k]]:10}  {centimetres(centers[k])}  activation {activations[k]:.2f}")
    return {"flower": x[n], "activations": activations, "centers": centers, "classes": classes, "guess": guess}


def centimetres(row):
    return " ".join(f"{v:.1f}" for v in row) + " cm"


# %% a map of the plane
def plane(reach, n=200):
    a, b = np.meshgrid(np.linspace(0.5 - reach, 0.5 + reach, n), np.linspace(0.25 - reach, 0.25 + reach, n))
    return np.stack([a.ravel(), b.ravel()], axis=1), (a, b)


def draw(net, perceptron, data, told, names, path):
    x, y = data
    figure, axes = plt.subplots(2, 3, figsize=(16, 9.5), layout="constrained")
    extent = lambda reach: (0.5 - reach, 0.5 + reach, 0.25 - reach, 0.25 + reach)  # noqa: E731

    points, (a, b) = plane(2)
    centers, owner = net.rbf.centers.numpy(), scores(net.rbf, points).argmax(axis=1)
    ax = axes[0, 0]
    ax.imshow(owner.reshape(a.shape), origin="lower", extent=extent(2), cmap="tab20", alpha=0.45, interpolation="none")
    ax.scatter(*x.T, c=COLOURS[y], s=6)
    for k, (center, beta) in enumerate(zip(centers, net.rbf.betas.numpy(), strict=True)):
        ax.add_patch(plt.Circle(center, (2 * beta) ** -0.5, fill=False, color="k", lw=0.8))
        ax.annotate(str(k), center, ha="center", va="center", fontsize=11, weight="bold")
    ax.set_title("prototypes, their widths, and where each answers most")

    ax = axes[0, 1]
    margin = scores(net, points) @ [-1, 1]
    limit = abs(margin).max()
    shown = ax.contourf(a, b, margin.reshape(a.shape), 21, cmap="PuOr_r", vmin=-limit, vmax=limit)
    ax.contour(a, b, margin.reshape(a.shape), [0], colors="k")
    ax.scatter(*x.T, c=COLOURS[y], s=6)
    figure.colorbar(shown, ax=ax, label="score of class 1 - score of class 0")
    ax.set_title("RBF network: the border between the classes")

    wide, (a, b) = plane(6)
    maps = {
        "RBF network: the strongest activation": (axes[0, 2], scores(net.rbf, wide).max(axis=1)),
        "MLP of the same size: how sure it is": (axes[1, 2], confidence(perceptron, wide)),
    }
    for title, (ax, values) in maps.items():
        shown = ax.imshow(values.reshape(a.shape), origin="lower", extent=extent(6), vmin=0, vmax=1, cmap="viridis")
        figure.colorbar(shown, ax=ax)
        ax.set_title(title)

    ax = axes[1, 1]
    distance, ways = np.linspace(0, 18, 100), np.linspace(0, 2 * np.pi, 36, endpoint=False)
    rays = [0.5, 0.25] + distance[:, None, None] * np.stack([np.cos(ways), np.sin(ways)], axis=1)  # (100, 36, 2)
    rays = rays.reshape(-1, 2)
    ax.plot(distance, scores(net.rbf, rays).max(axis=1).reshape(100, 36).max(axis=1), label="RBF: strongest activation")
    ax.plot(distance, confidence(perceptron, rays).reshape(100, 36).mean(axis=1), label="MLP: mean probability")
    ax.set(title="knows when it has not seen it", xlabel="distance from the middle of the data", ylim=(0, 1.05))
    ax.legend()

    ax = axes[1, 0]
    order = told["activations"].argsort()
    classes = told["classes"][order]
    ax.barh(range(9), told["activations"][order], color=COLOURS[classes])
    labels = [f"{names[k]}\n{centimetres(told['centers'][i])}" for i, k in zip(order, classes, strict=True)]
    ax.set_yticks(range(9), labels, fontsize=7)
    ax.set(xlabel="activation of the prototype", xlim=(0, 1))
    ax.set_title(f"iris: why {centimetres(told['flower'])} is {names[told['guess']]}")
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    n_splits, epochs = (3, 60) if args.quick else (10, 100)
    with tqdm(total=n_splits, desc="iris splits", ascii=True, leave=False) as bar:
        found, told = iris(n_splits, bar)
    x, y = make_moons(600, noise=0.15, seed=args.seed)
    x, x_test, y, y_test = train_test_split(x, y, test_size=200, stratify=y)
    net, perceptron = rbf_net(x, y, 16, 2), mlp(x, y, 16, 2, epochs)
    ways = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    far = np.stack([0.5 + 18 * np.cos(ways), 0.25 + 18 * np.sin(ways)], axis=1)
    results = {
        **{f"iris {name}": value for name, value in found.items()},
        **{"moons RBF": accuracy(net, x_test, y_test), "moons MLP": accuracy(perceptron, x_test, y_test)},
        **{"far RBF": float(scores(net.rbf, far).max()), "far MLP": float(confidence(perceptron, far).mean())},
        "told": told,
    }
    draw(net, perceptron, (x, y), told, load_iris().names, args.out / "rbf.png")
    print(
        f"far from the data: strongest RBF activation {results['far RBF']:.0e}, the MLP says {results['far MLP']:.3f}"
    )
    print(
        f"test accuracy: iris ({n_splits} splits) RBF {results['iris RBF']:.3f}, MLP {results['iris MLP']:.3f}; "
        f"moons RBF {results['moons RBF']:.3f}, MLP {results['moons MLP']:.3f}"
    )
    return results


if __name__ == "__main__":
    main()
