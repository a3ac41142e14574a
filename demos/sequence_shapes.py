r"""sequence_shapes: 1 to N, N to 1, N to N, and N to N with a delay: what goes in, what comes out

A recurrent layer makes N hidden states of N inputs. What a network does with sequences is a matter of which inputs it
is given and which states are asked. Four ways, each with a small task of its own, and the tensors written down:

1 to N      a picture of a digit -> the letters of its name. The picture becomes the first state (h, c); from then on
            the decoder reads the letter before (in training the right one, in the test the one it wrote itself).
N to 1      a sentence of words -> one answer. Of 20 symbols, which one stood at the last mark? Only the last h is
            asked (`return_sequences=False`).
N to N      an answer at every step. A ball bounces in a box; from its places up to now, where will it be next? All h
            are asked (`return_sequences=True`), and one Linear for all steps.
delay       N to N, where the answers begin when the questions have ended: 14 days of demand are read, then the next 14
            written. While it reads nothing is asked of it (the loss has a weight of 0 there); while it writes it reads
            zeros and a flag "now".

Each is measured against what needs no network: always the same word, the most frequent answer, the ball that stays
where it is, last week again (no forecast can be better than the noise, 0.3^2 = 0.09). The picture shows inputs (blue),
hidden states (grey) and outputs (orange), and an example of each from the test set.

What it does not show. The tasks are made for this page, and small: a few seconds of training each. "N" in the names is
the length of a sequence (T in the shapes), not the batch.

To read first of what it prints (seed 0): `N to N with delay: mean squared error 0.1580, last week again 0.2824`.

Source: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks" (the ways to use one).

Picture: Four rows, one for each way. Left, its diagram: inputs blue, hidden states grey, outputs orange, with the
shapes beside them. Right, an example from the test set: a digit 2 and its word, written letter by letter; the symbol B
at the last mark; a ball whose next places (crosses) lie on its course; and the demand of 28 days, of which the last 14
are written.

Try it:
1. Put `LATCH` at 60, with `--quick`: sentences of 60 symbols, with more marks to forget; the last one is still found in
   all 500, 1.0000.
2. Take the noise out of `demand` (0.3 to 0.0), with `--quick`: the error falls from 0.159 to 0.0011, while last week
   again has 0.109, all of it growth. Most of the error was noise that no forecast could know.
3. Make the balls four times as fast, `rng.uniform(-0.8, 0.8`, with `--quick`: the error is 0.0084 in place of 0.0019,
   and that of staying where it is 0.172 in place of 0.013. More walls are met in 40 steps.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, nn, no_grad, optim, predict
from minidl.datasets import load_digits, train_test_split

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = "." + "".join(sorted(set("".join(NAMES))))  # the dot begins and ends a word
LONGEST = 6  # letters of a word with its dot
WORDS = np.array([[LETTERS.index(a) for a in name.ljust(LONGEST, ".")] for name in NAMES])


# %% the loop that all four share
def train(model, loss_of_a_batch, steps, bar):
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = loss_of_a_batch()
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
        bar.update()


# %% 1 to N: a picture becomes a state, the state becomes a word
class Speller(nn.Module):
    def __init__(self, hidden=48):
        self.h, self.c = nn.Linear(64, hidden), nn.Linear(64, hidden)
        self.letters = nn.Embedding(len(LETTERS), 16)
        self.lstm = nn.LSTM(16, hidden, return_sequences=True, return_state=True)
        self.out = nn.Linear(hidden, len(LETTERS))

    def state(self, image):
        return self.h(image).tanh(), self.c(image)  # (N, 64) -> (N, H), (N, H)

    def forward(self, before, state):
        y, *state = self.lstm(self.letters(before), initial_state=state)  # (N, T) -> (N, T, 16) -> (N, T, H)
        return self.out(y), state  # (N, T, letters)


def one_to_n(steps, rng, bar):
    x, y = load_digits(flat=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=400, stratify=y, seed=0)
    model = Speller()

    def loss():
        rows = rng.integers(0, len(x), 64)
        words = WORDS[y[rows]]
        before = np.pad(words[:, :-1], ((0, 0), (1, 0)))  # the dot, then all letters but the last
        logits, _ = model(before, model.state(Tensor(x[rows])))
        return F.cross_entropy(logits.reshape(-1, len(LETTERS)), words.ravel())

    train(model, loss, steps, bar)
    with no_grad():
        state, letter, written = model.state(Tensor(x_test)), np.zeros((len(x_test), 1), int), []
        for _ in range(LONGEST):
            logits, state = model(letter, state)
            letter = logits.numpy().argmax(axis=2)
            written.append(letter)
    written = np.concatenate(written, axis=1)
    words = WORDS[y_test]

    def show(ax):
        ax.imshow(x_test[0].reshape(8, 8), cmap="gray_r", extent=(0, 1, 0, 1))
        target, said = ("".join(LETTERS[i] for i in word) for word in (words[0], written[0]))
        ax.text(1.25, 0.5, f"target:  {target}\nwritten: {said}", va="center", family="monospace", fontsize=12)
        ax.set(xlim=(-0.2, 4), ylim=(-0.1, 1.1), title="a test digit and its word (a dot is the end)")
        ax.axis("off")

    exact, one_word = (written == words).all(axis=1).mean(), (y_test == np.bincount(y).argmax()).mean()
    return {"whole words right": float(exact), "always one word": float(one_word)}, show


# %% N to 1: the symbol at the last mark
SYMBOLS, LATCH = 6, 20


def marked(n, rng):
    r"""x (n, 20, 7): a symbol of 6 as a one-hot vector, and 1 at marked steps; y (n,): the symbol at the last mark."""
    symbols, marks = rng.integers(0, SYMBOLS, (n, LATCH)), rng.random((n, LATCH)) < 0.12
    marks[:, 0] = True
    last = LATCH - 1 - marks[:, ::-1].argmax(axis=1)
    x = np.concatenate([np.eye(SYMBOLS)[symbols], marks[..., None]], axis=2).astype(np.float32)
    return x, symbols[np.arange(n), last]


def n_to_one(steps, rng, bar):
    model = nn.Sequential(nn.LSTM(SYMBOLS + 1, 32), nn.Linear(32, SYMBOLS))  # (N, T, 7) -> (N, 32) -> (N, 6)

    def loss():
        x, y = marked(64, rng)
        return F.cross_entropy(model(Tensor(x)), y)

    train(model, loss, steps, bar)
    x, y = marked(500, rng)
    guess = predict(model, x).argmax(axis=1)

    def show(ax):
        symbols, marks = x[0, :, :SYMBOLS].argmax(axis=1), x[0, :, SYMBOLS] > 0
        for t in range(LATCH):
            box = {"facecolor": "tab:red" if marks[t] else "white", "alpha": 0.5, "edgecolor": "0.7"}
            ax.text(t, 0, "ABCDEF"[symbols[t]], ha="center", va="center", bbox=box, family="monospace")
        said = f"target: {'ABCDEF'[y[0]]}   answered: {'ABCDEF'[guess[0]]}"
        ax.text(-0.3, -0.4, said, family="monospace", fontsize=12)
        ax.set(xlim=(-1, LATCH), ylim=(-0.8, 0.5), title="a test sequence, marked steps red")
        ax.axis("off")

    return {"right": float((guess == y).mean()), "most frequent symbol": float(np.bincount(y).max() / len(y))}, show


# %% N to N: where will the ball be at the next step?
FRAMES = 40


def ball(n, rng):
    r"""Places (n, 41, 2) of balls in the box [-1, 1]^2 which keep their speed and bounce off the walls."""
    start, speed = rng.uniform(-1, 1, (n, 1, 2)), rng.uniform(-0.2, 0.2, (n, 1, 2))
    far = start + speed * np.arange(FRAMES + 1)[:, None]
    return (np.abs((far - 1) % 4 - 2) - 1).astype(np.float32)  # folded back into the box


def n_to_n(steps, rng, bar):
    lstm = nn.LSTM(2, 64, return_sequences=True)
    model = nn.Sequential(lstm, nn.Linear(64, 2))  # (N, T, 2) -> (N, T, 64) -> (N, T, 2)

    def loss():
        places = ball(64, rng)
        return F.mse_loss(model(Tensor(places[:, :-1])), places[:, 1:])

    train(model, loss, steps, bar)
    places = ball(300, rng)
    guess = predict(model, places[:, :-1])

    def show(ax):
        ax.plot(*places[0].T, "o-", color="0.7", markersize=3, label="input and target")
        ax.plot(*guess[0, 1:].T, "x", color="tab:orange", label="said one step before")
        ax.set(title="a test ball", xlabel="$x_1$ (half widths of the box)", ylabel="$x_2$ (half heights)")
        ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

    error = float(np.square(guess - places[:, 1:]).mean())
    stays = float(np.square(places[:, :-1] - places[:, 1:]).mean())
    return {"mean squared error": error, "stays where it is": stays}, show


# %% N to N with a delay: read 14 days, then write the next 14
DAYS = 14


def demand(n, rng):
    r"""Demand of 28 days (n, 28): a wave of 7 days with a height and a peak of its own, growth, and noise."""
    height, peak = rng.uniform(0.5, 1.5, (n, 1)), rng.uniform(0, 7, (n, 1))
    growth, day = rng.uniform(-0.05, 0.05, (n, 1)), np.arange(2 * DAYS)
    wave = height * np.cos(2 * np.pi * (day - peak) / 7)
    return (wave + growth * day + rng.normal(0, 0.3, (n, 2 * DAYS))).astype(np.float32)


def delayed(n, rng):
    r"""x (n, 28, 2): demand for 14 days and then zeros, and the flag; y (n, 28, 1): nothing, then the demand."""
    series = demand(n, rng)
    x, y = np.zeros((n, 2 * DAYS, 2), np.float32), np.zeros((n, 2 * DAYS, 1), np.float32)
    x[:, :DAYS, 0], x[:, DAYS:, 1], y[:, DAYS:, 0] = series[:, :DAYS], 1, series[:, DAYS:]
    return x, y


def n_delay_n(steps, rng, bar):
    lstm = nn.LSTM(2, 64, return_sequences=True)
    model = nn.Sequential(lstm, nn.Linear(64, 1))  # (N, 28, 2) -> (N, 28, 64) -> (N, 28, 1)
    asked = np.repeat(np.array([[0.0, 1.0]], np.float32), DAYS, axis=1)  # (1, 28): 0 while reading

    def loss():
        x, y = delayed(64, rng)
        return F.mse_loss(model(Tensor(x)), y, sample_weight=np.repeat(asked, len(x), axis=0))

    train(model, loss, steps, bar)
    x, y = delayed(300, rng)
    target, guess = y[:, DAYS:, 0], predict(model, x)[:, DAYS:, 0]
    last_week = np.tile(x[:, DAYS - 7 : DAYS, 0], 2)

    def show(ax):
        day = np.arange(2 * DAYS)
        ax.plot(day[:DAYS], x[0, :DAYS, 0], "o-", color="tab:blue", markersize=3, label="input")
        ax.plot(day[DAYS:], target[0], "o-", color="0.7", markersize=3, label="target")
        ax.plot(day[DAYS:], guess[0], "x-", color="tab:orange", label="written")
        ax.axvline(DAYS - 0.5, color="0.5", linestyle=":")
        ax.set(title="a test series", xlabel="day", ylabel="demand (noise has 0.3)")
        ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))

    error, naive = (float(np.square(g - target).mean()) for g in (guess, last_week))
    return {"mean squared error": error, "last week again": naive}, show


# %% the picture: who is given something, and who is asked
COLUMNS = 6
DIAGRAMS = {  # columns with an input, columns with an output, and the shapes of inputs, states, outputs
    "1 to N": ([], range(6), ["picture (N, 64)", "h (N, 6, 48)", "y (N, 6, 16)"]),
    "N to 1": (range(6), [5], ["x (N, 20, 7)", "h (N, 32), the last", "y (N, 6)"]),
    "N to N": (range(6), range(6), ["x (N, 40, 2)", "h (N, 40, 64)", "y (N, 40, 2)"]),
    "N to N with delay": (range(3), range(3, 6), ["x (N, 28, 2)", "h (N, 28, 64)", "y (N, 28, 1)"]),
}


def diagram(ax, name):
    given, asked, shapes = DIAGRAMS[name]

    def box(x, y, color):
        ax.add_patch(plt.Rectangle((x - 0.3, y - 0.2), 0.6, 0.4, facecolor=color, edgecolor="0.2"))

    def arrow(start, end, style="-"):
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.2", "linestyle": style})

    for t in range(COLUMNS):
        box(t, 1, "0.8")
        if t:
            arrow((t - 0.7, 1), (t - 0.3, 1))
        if t in given:
            box(t, 0, "tab:blue")
            arrow((t, 0.2), (t, 0.8))
        if t in asked:
            box(t, 2, "tab:orange")
            arrow((t, 1.2), (t, 1.8))
        if not given and t:
            arrow((t - 0.7, 1.9), (t - 0.2, 1.2), ":")  # what was written is read
    if not given:
        box(-1, 0, "tab:blue")
        arrow((-0.7, 0.2), (-0.3, 0.8))
    for y, shape in enumerate(shapes):
        ax.text(COLUMNS - 0.5, y, shape, va="center", fontsize=11)
    ax.set(xlim=(-1.5, COLUMNS + 2.2), ylim=(-0.4, 2.4), title=name)
    ax.axis("off")


TASKS = {"1 to N": one_to_n, "N to 1": n_to_one, "N to N": n_to_n, "N to N with delay": n_delay_n}


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    steps, rng, result = 250 if args.quick else 500, minidl.generator(), {}
    figure, axes = plt.subplots(4, 2, figsize=(13, 13), layout="constrained", width_ratios=(1.2, 1))
    with tqdm(total=steps * len(TASKS), desc="training steps", ascii=True, leave=False) as bar:
        for (name, task), row in zip(TASKS.items(), axes, strict=True):
            result[name], show = task(steps, rng, bar)
            diagram(row[0], name)
            show(row[1])
    common.save(figure, args.out / "sequence_shapes.png")
    plt.close(figure)
    figures = {name: ", ".join(f"{what} {value:.4f}" for what, value in row.items()) for name, row in result.items()}
    print("; ".join(f"{name}: {text}" for name, text in figures.items()))
    return result


if __name__ == "__main__":
    main()
