r"""stateful: a long sequence in short windows, with and without the state between them

A long sequence is read in windows of 10 steps. A stateless layer starts every window with a state of zeros; a stateful
one starts it with the state in which the last window ended, so that two windows of 10 are one sequence of 20 (the
program prints how exactly). Then `reset_states()` has to say where a new sequence begins, the rows of a batch must keep
their places from window to window, and nothing may be shuffled. The two networks below differ in nothing but resets:

stateless   .R=========R=========R=========R=========R=========   (R: reset, =: a step)
stateful    .R=================================================

first    Is the first of 20 numbers +1 or -1? (The others are noise.) The second window does not show it.
sine     The next value of a sine. One value s_t does not say whether it is rising or falling; the best guess is
         cos(w) s_t with w = 2 pi / period, and it is wrong by sin(w) / sqrt(2) (root mean square): 0.2185 for 20 steps.
         So much the stateless network must be wrong at the first step of each window, however well it is trained.

The state is carried as a number: no gradient goes from a window into the one before it (truncated back-propagation
through time). So a layer learns to keep something only from what a loss *within the window* asks for. Here the first
window asks for the same answer. `first, late` asks only in the second one: nothing teaches the layer to keep it, and it
is luck whether the little that an untrained layer still holds is enough to start from (seed 0: yes; seeds 1, 2: no).

To read first of what it prints (seed 0): `first: accuracy in the first and second window: stateless 1.000 0.511;
stateful 1.000 1.000`.

Source: Williams and Peng 1990, Neural Computation 2 (truncated back-propagation through time).

Picture: Two of three panels. Left, the sign of the first number: both networks know it in the first window; at step 10,
where the second begins, the stateless one falls to guessing. The one that is asked only in the second window knows it
from step 3 on. Right, the error of forecasting a sine: the stateless network has a peak at the first step of every
window, up to the dotted line that one value alone cannot get below; the stateful one has it only once.

Try it:
1. Run `--seed 1`: asked only in the second window, the network guesses there now, 0.479, and everything else is as
   before. It was luck with seed 0.
2. Put `PERIOD = 60`: from one value alone the next is better known, as the sine moves less, and the floor is 0.0739.
   The stateless network stands at 0.0755, the stateful one at 0.0036.
3. Leave out `start == 0 or`, so that states are never reset: the program stops with an error when a batch of another
   size comes, `the last call had a batch of 32, this one has 1000`. Had the sizes been the same, sequences would have
   begun with the state of strangers.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import trange

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, nn, no_grad, optim
from minidl.datasets import make_sines

T = 10  # steps of a window
PERIOD = 20
WAYS = {"stateless": False, "stateful": True}  # is the state carried from window to window?


# %% the two tasks: x and the target of every step, both (N, steps, 1)
def first(n):
    rng = minidl.generator()
    x = rng.normal(0, 0.5, size=(n, 2 * T, 1)).astype(np.float32)
    x[:, 0] = rng.choice([-1, 1], size=(n, 1))
    return x, np.repeat((x[:, :1] > 0).astype(np.float32), 2 * T, axis=1)


def sine(n):
    return make_sines(n, 10 * T, period=(PERIOD, PERIOD), seed=int(minidl.generator().integers(2**31)))


# %% one window after the other
def windows(model, x, carry):
    r"""Steps and outputs of each window. States are reset before the first one; without `carry`, before each."""
    for start in range(0, x.shape[1], T):
        if start == 0 or not carry:
            model[0].reset_states()
        steps = slice(start, start + T)
        yield steps, model(Tensor(x[:, steps]))


def outputs(model, x, carry):
    with no_grad():
        return np.concatenate([y.numpy() for _, y in windows(model, x, carry)], axis=1)


def train(data, loss, carry, passes, asked=0):
    r"""A network after `passes` batches, with a step of the optimiser after each window from number `asked` on."""
    model = nn.Sequential(nn.LSTM(1, 32, return_sequences=True, stateful=True), nn.Linear(32, 1))
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    for _ in trange(passes, desc=f"{data.__name__}, {'stateful' if carry else 'stateless'}", ascii=True, leave=False):
        x, target = data(32)
        for steps, y in windows(model, x, carry):
            if steps.start < asked * T:
                continue
            optimizer.zero_grad()
            loss(y, Tensor(target[:, steps])).backward()
            optim.clip_grad_norm(model.parameters(), 1.0)
            optimizer.step()
    return model


# %% two windows are one sequence
def difference(model, x):
    whole = nn.LSTM(1, 32, return_sequences=True)
    whole.load_state_dict(model[0].state_dict())
    with no_grad():
        at_once = model[1](whole(Tensor(x))).numpy()
    return float(np.abs(at_once - outputs(model, x, carry=True)).max())


# %%
def draw(right, errors, series, path):
    figure, axes = plt.subplots(1, 3, figsize=(17, 4.5), layout="constrained")
    for way, colour in (("stateless", "tab:red"), ("stateful", "tab:green")):
        axes[0].plot(right[way], color=colour, label=way)
        axes[1].plot(series[way], color=colour, label=f"{way}: its forecast")
        axes[2].plot(errors[way], color=colour, label=way)
    axes[0].plot(right["late"], color="tab:blue", label="stateful, asked only in the second window")
    axes[1].plot(series["truth"], "k:", label="what comes")
    axes[2].axhline(floor(), color="0.5", ls=":", label="sin(w) / sqrt(2)")
    axes[0].set(title="first: which sign had the first number?", ylabel="test accuracy", ylim=(0.4, 1.02))
    axes[1].set(title="sine: one series", ylabel="next value", ylim=(-1.2, 1.9))
    axes[2].set(title="sine: error over all series", ylabel="root mean square error")
    for ax in axes:
        for start in range(0, int(ax.dataLim.x1) + 1, T):
            ax.axvline(start - 0.5, color="0.85", lw=1, zorder=0, label=None if start else "a window begins")
        ax.set(xlabel="step t")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(fontsize="small")
    common.save(figure, path)
    plt.close(figure)


def floor():
    return float(np.sin(2 * np.pi / PERIOD) / np.sqrt(2))


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    passes = 150 if args.quick else 300
    x, target = first(1000)
    values, following = sine(200)
    right, errors, series, results = {}, {}, {"truth": following[0, : 5 * T, 0]}, {}
    for way, carry in WAYS.items():
        model = train(first, F.binary_cross_entropy_with_logits, carry, passes)
        right[way] = ((outputs(model, x, carry) > 0) == target).mean(axis=(0, 2))  # at each step
        forecaster = train(sine, F.mse_loss, carry, passes // 3)
        guesses = outputs(forecaster, values, carry)
        errors[way] = np.sqrt(((guesses - following) ** 2).mean(axis=(0, 2)))
        series[way] = guesses[0, : 5 * T, 0]
        results[way] = {
            "windows": tuple(right[way][T - 1 :: T].tolist()),  # at the end of each
            "sine": float(np.sqrt((errors[way][T::T] ** 2).mean())),  # at the start of all but the first
        }
    late = train(first, F.binary_cross_entropy_with_logits, True, passes, asked=1)
    right["late"] = ((outputs(late, x, True) > 0) == target).mean(axis=(0, 2))
    results |= {"late": float(right["late"][-1]), "difference": difference(model, x), "floor": floor()}

    draw(right, errors, series, args.out / "stateful.png")
    print(f"two windows with the state carried and one sequence of {2 * T}: they differ by {results['difference']:.1e}")
    for way in WAYS:
        print(f"sine, first step of a window, {way}: error {results[way]['sine']:.4f} (one value alone: {floor():.4f})")
    print(f"first, late: asked only in the second window, stateful: accuracy {results['late']:.3f}")
    print(
        "first: accuracy in the first and second window: "
        + "; ".join(f"{way} {' '.join(f'{a:.3f}' for a in results[way]['windows'])}" for way in WAYS)
    )
    return results


if __name__ == "__main__":
    main()
