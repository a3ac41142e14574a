r"""pooling: max, average or sum? It depends on the question

A pooling layer puts one number in the place of a window of a feature map. The maximum says *whether* the feature is
there, the average says *how much* of it there is (and the sum is the average times the size of the window). So each is
right for one kind of question (Boureau, Ponce and LeCun 2010, ICML):

presence   is there a plus sign anywhere in the noise? One strong answer must not be diluted by 575 weak ones: maximum.
density    are there many plus signs, or few? There is one everywhere, so the maximum is the same: average or sum.

The same small network, one 3x3 convolution and a *global* pooling over the whole map, is trained with each of them, for
the same time. Sum and average can say the same things, the sum 576 times louder: they differ only in how they learn.

To read first of what it prints (seed 0): `density test accuracy: global max 0.827, global average 0.965, global sum
0.937`.

Source: Boureau, Ponce and LeCun 2010, ICML.

Picture: A noisy image of 24 x 24 pixels with three plus signs; the feature map of a filter that looks for them, with
three bright pixels; and the map pooled in windows of 2 x 2. The maximum keeps the three at full strength among a raised
background; average and sum look the same, only their scales differ by four.

Try it:
1. Put `noise=0.05` in both tasks, with `--quick`: all three find the plus sign, 1.000. In an average of 576 pixels it
   is small, but there is nothing else in it. The maximum still cannot count, 0.854.
2. Put `noise=0.7` in both, with `--quick`: now nobody finds one plus sign, the maximum is right for 0.629; but whether
   there are many the average still says, for 0.912.
3. Put `SIZE = 8`, and ask for more than 2 of 0 to 4 plus signs (in `density`), with `--quick`: the average of 64 pixels
   finds a single plus sign in 0.946 of the images, that of 576 found it in 0.681.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, fit, nn, no_grad, optim
from minidl.train import evaluate

SIZE = 24
PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32)


# %% the two questions
def images(counts, noise):
    r"""Images of noise with so many plus signs, at random places where they do not overlap."""
    rng = minidl.generator()
    x = rng.normal(0, noise, size=(len(counts), 1, SIZE, SIZE)).astype(np.float32)
    cells = [(h, w) for h in range(0, SIZE - 3, 4) for w in range(0, SIZE - 3, 4)]  # a grid of 4x4 pixels a sign
    for image, count in zip(x[:, 0], counts, strict=True):
        for cell in rng.choice(len(cells), size=count, replace=False):
            h, w = np.array(cells[cell]) + rng.integers(0, 2, size=2)
            image[h : h + 3, w : w + 3] += PLUS
    return x


def presence(n):
    r"""Is there a plus sign?"""
    y = minidl.generator().integers(0, 2, size=n)
    return images(y, noise=0.35), y


def density(n):
    r"""Are there more than 17 plus signs? (2 to 32 of them)"""
    counts = minidl.generator().integers(2, 33, size=n)
    return images(counts, noise=0.35), (counts > 17).astype(np.int64)


TASKS = {"presence": presence, "density": density}
POOLS = {
    "max": nn.GlobalMaxPool2d,
    "average": nn.GlobalAvgPool2d,
    "sum": lambda: nn.Sequential(nn.SumPool2d(SIZE), nn.Flatten()),
}


# %% one network, three ways to pool
def network(pool):
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        POOLS[pool](),
        nn.Linear(8, 2),
    )


def accuracy(pool, train_set, test_set, epochs):
    model = network(pool)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    fit(model, *train_set, optimizer=optimizer, epochs=epochs, batch_size=32, verbose=False)
    return evaluate(model, *test_set, metrics=["accuracy"])["accuracy"]


# %% the same feature map, pooled three ways
def draw(path):
    image = images([3], noise=0.15)
    with no_grad():
        feature = F.relu(F.conv2d(Tensor(image), Tensor((PLUS - 5 / 9)[None, None]), padding=1))
    panels = {
        "image": Tensor(image),
        "feature map: where is a plus?": feature,
        "max 2x2": F.max_pool2d(feature, 2),
        "average 2x2": F.avg_pool2d(feature, 2),
        "sum 2x2": F.sum_pool2d(feature, 2),
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(17, 3.6))
    for ax, (title, x) in zip(axes, panels.items(), strict=True):
        shown = ax.imshow(x.numpy()[0, 0], cmap="viridis")
        ax.set(title=f"{title}\n{x.shape[2]}x{x.shape[3]}", xticks=[], yticks=[])
        figure.colorbar(shown, ax=ax, shrink=0.75)
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    draw(args.out / "pooling.png")
    n, epochs = (1000, 6) if args.quick else (2000, 12)
    results = {}
    with tqdm(total=len(TASKS) * len(POOLS), desc="networks", ascii=True, leave=False) as bar:
        for task, data in TASKS.items():
            train_set, test_set = data(n), data(1000)
            results[task] = {}
            for pool in POOLS:
                results[task][pool] = accuracy(pool, train_set, test_set, epochs)
                bar.update()
    for task, row in results.items():
        print(f"{task:9} test accuracy: " + ", ".join(f"global {pool} {a:.3f}" for pool, a in row.items()))
    return results


if __name__ == "__main__":
    main()
