r"""bidirectional: an answer that lies in the future, and the four ways to merge two directions

The input is a sequence of random bits, and the target at each step is the bit three steps later: y_t = x_{t+3}. What a
layer that reads from the start knows at step t is x_0 ... x_t, and the bits are independent, so it knows nothing of
x_{t+3}, whatever its size: 50 % is the best it can do. A second layer that reads from the end has met x_{t+3} three
steps before, and needs only a short memory. `Bidirectional` runs both and merges their outputs a_t and b_t:

concat    (a_t, b_t), 2H features: nothing is lost, and the layer above has twice the weights
sum       a_t + b_t        ave    (a_t + b_t) / 2        mul    a_t b_t, which is the odd one: each scales the other

(The last three steps have no answer; their weight in the loss is 0.) The picture shows on which x_s the output at t
depends: the forward layer on the past, s <= t, the two together on everything. That is also the honest
limit: a bidirectional layer needs the whole sequence before it can say anything. It can label a sentence, but it cannot
forecast, and a forecast in which it shines has usually seen the answer.

To read first of what it prints (seed 0): `test accuracy: forward only 0.498, concat 1.000, sum 1.000, mul 1.000, ave
1.000`.

Source: Schuster and Paliwal 1997, IEEE Transactions on Signal Processing 45.

Picture: Two of three panels: how much the output at step t (rows) depends on the input at step s (columns). Left, the
forward layer: bright on the diagonal, some below it, black above: nothing of the future. (Its scale ends at 0.001: it
has learned that nothing helps.) Right, both directions together: bright along s = t + 3, three steps to the right of
the dotted diagonal, where the answer is.

Try it:
1. Put `AHEAD` at 0, with `--quick`: the answer is the bit that was just read, and the forward layer is at 1.000 like
   all others.
2. Put `AHEAD` at 8, with `--quick`: guessing for the forward layer (0.507), and 0.72 to 0.75 for the four others: a bit
   has to be kept for eight steps now, which 150 steps of training are too few for.
3. Put `H` at 2, with `--quick`: two units in each direction have to hold three bits, and manage 0.69 to 0.75.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, nn, no_grad, optim
from minidl.nn.bidirectional import MERGE_MODES

T, AHEAD, H = 20, 3, 16
MODES = [mode for mode in MERGE_MODES if mode is not None]


# %% random bits, and the bit three steps later
def data(n):
    r"""x (N, T, 1) of -1 and +1; the target (N, T, 1) of 0 and 1; which steps have one (N, T, 1)."""
    x = minidl.generator().choice([-1.0, 1.0], size=(n, T, 1)).astype(np.float32)
    target = np.roll(x > 0, -AHEAD, axis=1).astype(np.float32)
    known = np.broadcast_to(np.arange(T)[:, None] < T - AHEAD, x.shape)
    return x, target, known.astype(np.float32)


# %% five networks
def network(mode):
    layer = nn.LSTM(1, H, return_sequences=True)
    if mode == "forward only":
        return nn.Sequential(layer, nn.Linear(H, 1))
    return nn.Sequential(nn.Bidirectional(layer, merge_mode=mode), nn.Linear(2 * H if mode == "concat" else H, 1))


def train(model, steps, test_set, bar):
    r"""Test accuracy every 10 steps."""
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    x_test, target_test, known_test = test_set
    curve = []
    for step in range(1, steps + 1):
        x, target, known = data(32)
        loss = F.binary_cross_entropy_with_logits(model(Tensor(x)), Tensor(target), sample_weight=known)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bar.update()
        if step % 10 == 0:
            with no_grad():
                right = (model(Tensor(x_test)).numpy() > 0) == (target_test > 0)
            curve.append(float(right[known_test > 0].mean()))
    return curve


# %% on which inputs an output depends
def dependence(model):
    r"""mean |dy_t / dx_s| over 100 sequences, (T, T): row t, column s; one backward a row."""
    x = Tensor(data(100)[0], requires_grad=True)
    rows = []
    for t in range(T):
        x.grad = None
        model(x)[:, t].sum().backward()
        rows.append(np.abs(minidl.backend.to_numpy(x.grad)).mean(axis=(0, 2)))
    return np.array(rows)


# %%
def draw(curves, pictures, path):
    figure, axes = plt.subplots(1, 3, figsize=(17, 4.8), layout="constrained")
    for name, curve in curves.items():
        axes[0].plot(10 * np.arange(1, len(curve) + 1), curve, label=name)
    axes[0].axhline(0.5, color="0.6", ls=":")
    axes[0].set(title=f"the bit {AHEAD} steps later", xlabel="training step", ylabel="test accuracy", ylim=(0.4, 1.02))
    axes[0].legend()
    for ax, (name, picture) in zip(axes[1:], pictures.items(), strict=True):
        shown = ax.imshow(picture, cmap="magma")
        ax.set(
            title=f"{name}: what the answer depends on",
            xlabel="input step s",
            ylabel="output step t",
            xticks=range(0, T, 3),
            yticks=range(0, T, 3),
        )
        figure.colorbar(shown, ax=ax, label="mean |dy_t / dx_s|")
        ax.plot([0, T - 1], [0, T - 1], "w:", lw=1, label="s = t")
        ax.legend()
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    steps = 150 if args.quick else 300
    names = ["forward only", *MODES]
    test_set = data(500)
    models, curves = {}, {}
    with tqdm(total=len(names) * steps, desc="steps", ascii=True, leave=False) as bar:
        for name in names:
            models[name] = network(name)
            curves[name] = train(models[name], steps, test_set, bar)
    pictures = {name: dependence(models[name]) for name in ("forward only", "concat")}
    draw(curves, pictures, args.out / "bidirectional.png")
    results = {name: curve[-1] for name, curve in curves.items()}
    print("test accuracy: " + ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in results.items()))
    return results | {"dependence": pictures}


if __name__ == "__main__":
    main()
