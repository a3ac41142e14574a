r"""forget_bias: one number decides whether an LSTM can learn to remember

The first input is one of four symbols, then come 50 steps of noise, then the question: which symbol was it?

An LSTM's cell goes from step to step as c' = f c + i g. In a new network all gates but f stand near 1/2, and f is
sigma(bias): 0.50 with a bias of 0, and 0.73 with a bias of 1. The gradient comes back along the cell with a factor f at
every step, and around by h with at most i o = 1/4 more, in the few directions which U_g leaves as they are. After 50
steps the best of it is

    bias 0: (0.50 + 0.25)^50 = 6e-7        bias 1: (0.73 + 0.25)^50 = 0.4

so with a bias of 0 the answer knows nothing of the symbol, and the error finds no way back to the step at which it
could be written down. Keras and this library start this one bias at 1 (Gers, Schmidhuber and Cummins 2000; Jozefowicz,
Zaremba and Sutskever 2015).

What it does not show. The bias alone is not enough. For that 1/4 each gate needs an orthogonal matrix of its own, see
`network`. As the layer draws them (one orthogonal matrix for all four gates, as in Keras, each part half as large) it
is (0.73 + 0.125)^50 = 4e-4, and bias 1 stays at guessing for 600 steps too. And luck has its part: about one run in
three finds an answer that tells only some of the symbols apart, and stays there (the thin lines below 98 %); a latch
that has shut upon one bit cannot hold the second. So look at all the seeds and not at one. Nor is a bias of 1 right for
every length: f = 0.73 is short, and for longer waits the bias should grow about as log T (Tallec and Ollivier 2018).
Last: a network with bias 0 is not unable to remember, with the right weights it would. It cannot *learn* to, in this
time.

To read first of what it prints (seed 0): `median of 5: forget bias 1 is at 98 % after 70 steps, forget bias 0 at 26%
after 600 (guessing: 25%)`.

Source: Gers, Schmidhuber and Cummins 2000, Neural Computation 12(10). Jozefowicz, Zaremba and Sutskever 2015, ICML.

Picture: Accuracy over 600 training steps; thin lines are five seeds, thick ones their median. Forget bias 1 (blue): the
median is at 100 % after 70 steps, two of the five seeds stay near 50 %. Forget bias 0 (red): all five stay at guessing,
25 %.

Try it:
1. Put `NOISE` at 5, with `--quick`: over five steps (0.50 + 0.25)^5 = 0.24 of the gradient comes back, and forget bias
   0 is at 98 % after 30 to 40 steps too.
2. Leave out the line of `network` that draws orthogonal matrices, with `--quick`: forget bias 1 stays at guessing for
   all three seeds, as the text says.
3. Put `NOISE` at 150, with `--quick`: 0.98^150 = 0.05 is left with forget bias 1, and after 100 steps of training all
   three seeds are still at guessing, 0.23 to 0.30.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, init, nn, no_grad, optim

SYMBOLS, NOISE, HIDDEN, BATCH = 4, 50, 32, 32
EVERY = 10  # steps of training between two looks at the test sequences


# %% the task
def sequences(n, rng):
    r"""x (n, 1 + NOISE, SYMBOLS + 1): the symbol as a one-hot vector, later on N(0, 1) in the last feature; and the
    symbols (n,)."""
    symbol = rng.integers(0, SYMBOLS, size=n)
    x = np.zeros((n, 1 + NOISE, SYMBOLS + 1), np.float32)
    x[:, 0, :SYMBOLS] = np.eye(SYMBOLS)[symbol]
    x[:, 1:, SYMBOLS] = rng.normal(size=(n, NOISE))
    return Tensor(x), symbol


# %% the network: an LSTM reads, its last h is asked
def network(forget_bias):
    lstm = nn.LSTM(SYMBOLS + 1, HIDDEN, unit_forget_bias=forget_bias == 1)
    lstm.weight_hh_l0.data = np.concatenate([init.orthogonal((HIDDEN, HIDDEN)) for _ in range(lstm.gates)])
    return nn.Sequential(lstm, nn.Linear(HIDDEN, SYMBOLS))


def accuracy(model, x, symbol):
    with no_grad():
        return float((model(x).numpy().argmax(axis=1) == symbol).mean())


def train(forget_bias, seed, steps, test_set, bar):
    r"""Accuracy on the test sequences before training and after every 10 steps; every batch is a new one."""
    minidl.manual_seed(seed)
    rng = minidl.generator()
    model = network(forget_bias)
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    curve = [accuracy(model, *test_set)]
    for step in range(1, steps + 1):
        x, symbol = sequences(BATCH, rng)
        loss = F.cross_entropy(model(x), symbol)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
        if step % EVERY == 0:
            curve.append(accuracy(model, *test_set))
        bar.update()
    return curve


def first_above(curve, level=0.98):
    r"""The number of training steps after which the curve is first at this level; infinity where it never is."""
    return next((EVERY * i for i, a in enumerate(curve) if a >= level), np.inf)


# %%
def draw(curves, path):
    figure, ax = plt.subplots(figsize=(9, 5))
    for (bias, runs), color in zip(curves.items(), ("tab:red", "tab:blue"), strict=True):
        steps = EVERY * np.arange(len(runs[0]))
        ax.plot(steps, 100 * np.transpose(runs), color=color, alpha=0.3, linewidth=1)
        ax.plot(steps, 100 * np.median(runs, axis=0), color=color, linewidth=2.5, label=f"forget bias {bias}: median")
    ax.axhline(100 / SYMBOLS, color="0.4", linestyle=":", label="guessing")
    ax.axhline(98, color="0.4", linestyle="--", linewidth=1, label="98 %")
    ax.set(
        title=f"which of {SYMBOLS} symbols was it, {NOISE} steps of noise ago? ({len(runs)} seeds, thin lines)",
        xlabel="training steps (batches of 32 sequences)",
        ylabel="accuracy on test sequences (%)",
        ylim=(0, 102),
    )
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.74))
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        steps={"type": common.positive, "default": 600, "help": "training steps of each network (default 600)"},
    )
    steps, runs = (min(args.steps, 100), 3) if args.quick else (args.steps, 5)
    test_set = sequences(400, minidl.generator())
    curves = {}
    with tqdm(total=2 * runs * steps, desc="training steps", ascii=True, leave=False) as bar:
        for bias in (0, 1):
            curves[bias] = [train(bias, args.seed + run, steps, test_set, bar) for run in range(runs)]
    result = {}
    for bias, of_bias in curves.items():
        reached, last = [first_above(curve) for curve in of_bias], [curve[-1] for curve in of_bias]
        print(f"forget bias {bias}: steps to 98 %:", *reached, " accuracy at the end:", *(f"{a:.3f}" for a in last))
        result[bias] = {"steps": float(np.median(reached)), "accuracy": float(np.median(last)), "curves": of_bias}
    draw(curves, args.out / "forget_bias.png")
    print(
        f"median of {runs}: forget bias 1 is at 98 % after {result[1]['steps']:.0f} steps, "
        f"forget bias 0 at {result[0]['accuracy']:.0%} after {steps} (guessing: {1 / SYMBOLS:.0%})"
    )
    return result


if __name__ == "__main__":
    main()
