r"""vanishing_gradient: how much of the gradient is left, t steps back, in a new RNN, LSTM and GRU

To learn that the answer depends on an input k steps ago, a recurrent network needs the gradient of the loss for its
state at that time, dL/dh_{T-k}. It is dL/dh_T times k Jacobian matrices, one for each step, and a product of many of
them tends to 0 or to infinity like a power (Hochreiter 1991; Bengio, Simard and Frasconi 1994). This program measures
it, at initialisation: T = 100 steps of N(0, 1) inputs through a cell, the gradient of a random linear function of h_T,
and its norm at every step, by `retain_grad` on the states of a loop that the reader can follow. The state of an LSTM is
the pair (h, c), so its norm is that of both gradients together.

What to see:

- The tanh RNN loses a factor at every step: U is orthogonal and takes nothing, tanh' <= 1 takes it all.
- An LSTM with forget bias 1 (f = 0.73) has 200 times more of it left, 50 steps back. With bias 3 (f = 0.95) a fifth of
  the gradient arrives.
- **An untrained LSTM with forget bias 0, or a GRU, loses it faster than the plain RNN.** Its gates stand at 1/2, so
  what goes along the cell is halved at every step, and what goes around by h hardly makes up for it. Gates alone do not
  keep a gradient. Open gates do: opened by a bias from the start, or by training, which a tanh RNN has no means for.

What it does not show. This is the network before training; where nothing arrives from far away, learning can still
begin at shorter lags and work its way back: the GRU, which vanishes here, learns the `adding_problem` fastest of all.
And "how many times more than the RNN" has no one answer. The right-hand picture repeats the measurement with 1 to 64
input features: the more noise comes in, the nearer the RNN's tanh are to saturation, and the ratio goes from 1/100 to
40,000. With few inputs the plain RNN keeps *more*. First weights matter as much: with those of each gate drawn for
itself (here the recurrent ones are one orthogonal matrix for all four, as in Keras, and each gate's part is half as
large) an LSTM with bias 1 keeps 20 times more at D = 16. All in float64, whose range is wide enough.

To read first of what it prints (seed 0): `gradient left 50 steps back, LSTM over RNN: forget bias 1 201 times, forget
bias 0 3.5e-05 times`.

Source: Hochreiter 1991, diploma thesis, TU München. Bengio, Simard and Frasconi 1994, IEEE Transactions on Neural
Networks 5(2).

Picture: The left one of two panels: how much of the gradient is left, lag by lag, on a logarithmic scale. All but one
are straight lines downwards: LSTM with forget bias 0 (1e-22 of it at lag 99), GRU, tanh RNN, LSTM with bias 1 (2e-9).
That of the LSTM with bias 3 stays level.

Try it:
1. Put `FEATURES` at 1, with `--quick`: the tanh RNN has 0.0044 of its gradient left after 50 steps, a hundred times as
   much as the LSTM with bias 1 (4e-5). With little input tanh is hardly curved, and U is orthogonal.
2. Put `HIDDEN` at 8, with `--quick`: what 16 features bring into 8 units drives the RNN's tanh into saturation, and it
   has 2e-13 left; the LSTM with bias 1 has a million times more.
3. Put `lstm(5)` for the forget bias of 3, with `--quick`: 0.22 of the gradient is left after 50 steps, as with 3, and
   after 99 it is 1.8: a gate at 0.993 forgets nothing, and what goes around by h adds up.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
from demos import common
from minidl import Tensor, backend, nn

STEPS, HIDDEN, BATCH, FEATURES = 100, 64, 8, 16
WIDTHS = (1, 2, 4, 8, 16, 32, 64)


# %% the cells
def lstm(forget_bias):
    def make(features):
        cell = nn.LSTMCell(features, HIDDEN)
        cell.bias_ih.writable()[HIDDEN : 2 * HIDDEN] = forget_bias
        return cell

    return make


CELLS = {
    "tanh RNN": lambda features: nn.RNNCell(features, HIDDEN),
    "GRU": lambda features: nn.GRUCell(features, HIDDEN),
    "LSTM, forget bias 0": lstm(0),
    "LSTM, forget bias 1": lstm(1),
    "LSTM, forget bias 3": lstm(3),
}


# %% the measurement
def gradient_norms(cell, x, direction):
    r"""||dL/dstate_t|| of every sequence in x (N, T, D), for L = h_T . direction: (lag 0 to T-1, N)."""
    states, state = [], None
    for t in range(x.shape[1]):
        state = cell(Tensor(x[:, t]), state)
        states.append(state if isinstance(state, tuple) else (state,))  # (h, c) or (h,)
        for part in states[-1]:
            part.retain_grad()
    (states[-1][0] * direction).sum().backward()
    squares = [
        sum(np.square(backend.to_numpy(part.grad)).sum(axis=1) for part in parts if part.grad is not None)
        for parts in reversed(states)  # c_T has no gradient: L looks at h_T alone
    ]
    return np.sqrt(squares)


def decay(make, features, seeds):
    r"""What is left of the norm at every lag, as a share of lag 0: geometric mean over sequences and seeds."""
    logs = []
    for seed in seeds:
        minidl.manual_seed(seed)
        rng = minidl.generator()
        cell = make(features).to("float64")
        norms = gradient_norms(cell, rng.normal(size=(BATCH, STEPS, features)), rng.normal(size=(BATCH, HIDDEN)))
        logs.append(np.log(norms / norms[0]))
    return np.exp(np.mean(logs, axis=(0, 2)))


# %%
def draw(curves, ratios, path):
    figure, axes = plt.subplots(1, 2, figsize=(14, 5.4), layout="constrained")
    for name, curve in curves.items():
        axes[0].semilogy(
            np.arange(STEPS), curve, label=name, linestyle="--" if name == "tanh RNN" else "-", linewidth=2
        )
    axes[0].axvline(50, color="0.7", linewidth=1, zorder=0)
    axes[0].set(
        title=f"the gradient on its way back, at initialisation ($D$ = {FEATURES}, $H$ = {HIDDEN})",
        xlabel="lag $k$ (time steps back from the end)",
        ylabel=r"$\|dL/dh_{T-k}\|\;/\;\|dL/dh_T\|$ (LSTM: $h$ and $c$)",
    )
    axes[0].legend()
    axes[1].loglog(list(ratios), list(ratios.values()), "o-", color="tab:red")
    axes[1].axhline(1, color="0.4", linestyle=":")
    axes[1].text(1, 1.3, "as much as the RNN", color="0.4")
    axes[1].set(
        title="LSTM (forget bias 1) over tanh RNN, lag 50: it depends on the input",
        xlabel="input features $D$ (each N(0, 1))",
        ylabel="times more gradient left than in the RNN",
        xticks=list(ratios),
        xticklabels=[str(features) for features in ratios],
    )
    axes[1].minorticks_off()
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    seeds = range(args.seed, args.seed + (2 if args.quick else 5))
    curves, ratios = {}, {}
    with tqdm(total=len(CELLS) + len(WIDTHS), desc="measurements", ascii=True, leave=False) as bar:
        for name, make in CELLS.items():
            curves[name] = decay(make, FEATURES, seeds)
            bar.update()
        for features in WIDTHS:
            gated, plain = (decay(CELLS[name], features, seeds)[50] for name in ("LSTM, forget bias 1", "tanh RNN"))
            ratios[features] = gated / plain
            bar.update()
    print(f"{'left of the gradient at lag':28}" + "".join(f"{lag:>10}" for lag in (10, 25, 50, 99)))
    for name, curve in curves.items():
        print(f"{name:28}" + "".join(f"{curve[lag]:10.1e}" for lag in (10, 25, 50, 99)))
    print("LSTM (bias 1) / RNN at lag 50, by input features: ", ", ".join(f"{d}: {r:.2g}" for d, r in ratios.items()))
    draw(curves, ratios, args.out / "vanishing_gradient.png")
    lag50 = {name: float(curve[50]) for name, curve in curves.items()}
    rnn = lag50["tanh RNN"]
    print(
        f"gradient left 50 steps back, LSTM over RNN: forget bias 1 {lag50['LSTM, forget bias 1'] / rnn:.0f} times, "
        f"forget bias 0 {lag50['LSTM, forget bias 0'] / rnn:.1e} times"
    )
    return {"lag 50": lag50, "ratios": ratios}


if __name__ == "__main__":
    main()
