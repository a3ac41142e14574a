r"""characters: a network learns minidl's own source, character by character, and then writes some

The text is the source of all layers, minidl/nn/*.py in alphabetical order. The model reads it a character at a time
and says how probable each character is to come next:

    id --Embedding--> 32 numbers --LSTM--> 128 --LSTM--> 128 --Linear--> one logit a character

Its loss, in bits (log2), is what a character would cost to be sent with these probabilities: bits per character (bpc),
measured on every tenth file, which it does not learn from. With all characters equally likely it is log2(V).

Training. The text is cut into 16 long streams, and a batch is the next 50 characters of each. The layers are stateful:
a window starts with the state in which the one before ended, so the model reads its streams from end to end, though a
gradient goes back through 50 steps only (truncated back-propagation through time).

Writing. A character is drawn from the probabilities and read as the next input. The temperature tau divides the logits,
p ~ exp(z / tau): below 1 the likely becomes likelier (and soon repeats itself), above 1 everything gets possible.

To compare: a bigram model (how often does b follow a?), and LZMA (by how many bits do the held-out files lengthen a
compressed archive of the others?). LZMA copies long passages word by word, and layers have much in common: after four
passes over the text the network is far below the bigrams and still above LZMA. And a low bpc is not understanding: what
it writes looks like a layer, since it has learned how layers are spelled and indented, and not what they compute.

To read first of what it prints (seed 0): `bits per character, held-out files: LSTM 1.900, all equal 6.615, bigrams
3.864, LZMA 1.519`.

Source: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks".

Picture: Above, bits per character over training: grey of the text that is learned, green of the held-out files, which
end at 1.9, between the bigrams (dashed, 3.9) and LZMA (dotted, 1.5). Below, what the network writes when given the
first two lines of a class: at temperature 0.5 mostly code with the names that layers have, at 1.0 more words that do
not exist. (The text is the source as it was then; it grows, and the figures move with it.)

Try it:
1. Run `--quick`, one pass over the text: 2.885 bits per character, a whole bit more than after four passes. What it
   writes has indented lines and few words that exist.
2. Put `(0.1, 2.0)` for the two temperatures, with `--quick`: at 0.1 it writes `self.self.sor([[[[[1.0]]]))` and then
   spaces without end, the likeliest character again and again; at 2.0 there are no words left.
3. Put 16 for the 128 units of both LSTMs, with `--quick`: 4.158 bits, worse than counting pairs of characters (3.864).
"""

# %%
import lzma
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minidl
import minidl.functional as F
from demos import common
from minidl import Tensor, nn, no_grad, optim

STREAMS, T = 16, 50
PROMPT = "class Swish(Module):\n    def forward(self, x: Tensor) -> Tensor:\n"


# %% the text, and what costs nothing
def texts():
    r"""The text to learn, and every tenth file, which is held out."""
    files = [p.read_text(encoding="utf-8") for p in sorted((Path(minidl.__file__).parent / "nn").glob("*.py"))]
    return "".join(f for i, f in enumerate(files) if i % 10 != 5), "".join(files[5::10])


def bigram_bpc(ids, held_out, V):
    counts = np.full((V, V), 0.05)  # a little for pairs that never came
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log2(p[held_out[:-1], held_out[1:]]).mean())


def lzma_bpc(text, held_out):
    alone, both = (len(lzma.compress(t.encode(), preset=9)) for t in (text, text + held_out))
    return 8 * (both - alone) / len(held_out)


# %% the model
def network(V):
    return nn.Sequential(
        nn.Embedding(V, 32),  # ids (N, T) -> (N, T, 32)
        nn.LSTM(32, 128, return_sequences=True, stateful=True),
        nn.LSTM(128, 128, return_sequences=True, stateful=True),
        nn.Linear(128, V),  # -> (N, T, V)
    )


def start_again(model):
    for layer in model[1:3]:
        layer.reset_states()


def streams(ids, n):
    r"""Inputs (n, L), and targets: the same one character later."""
    L = (len(ids) - 1) // n
    return ids[: n * L].reshape(n, L), ids[1 : n * L + 1].reshape(n, L)


def bits(model, ids, targets):
    r"""The loss in bits per character; cross_entropy wants the classes in axis 1."""
    return F.cross_entropy(model(Tensor(ids)).transpose(1, 2), targets) / np.log(2)


def bpc(model, held_out):
    start_again(model)
    with no_grad():
        return bits(model, *streams(held_out, 8)).item()


# %% stateful training
def train(model, ids, held_out, epochs):
    r"""bpc of every step; steps and held-out bpc after every epoch."""
    x, y = streams(ids, STREAMS)
    windows = range(0, x.shape[1] - T + 1, T)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    schedule = optim.CosineAnnealingLR(optimizer, epochs * len(windows))
    losses, tests = [], []
    with tqdm(total=epochs * len(windows), desc="windows", ascii=True, leave=False) as bar:
        for _ in range(epochs):
            start_again(model)  # the streams begin anew
            for t in windows:
                loss = bits(model, x[:, t : t + T], y[:, t : t + T])
                optimizer.zero_grad()
                loss.backward()
                optim.clip_grad_norm(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
                bar.update()
                bar.set_postfix_str(f"{losses[-1]:.2f} bits", refresh=False)
            tests.append((len(losses), bpc(model, held_out)))
    return losses, tests


# %% writing
def write(model, alphabet, prompt, length, temperature):
    start_again(model)
    written = list(prompt)
    ids = np.array([[alphabet.index(c) for c in prompt]])
    with no_grad():
        for _ in range(length):
            logits = model(Tensor(ids)).numpy()[0, -1]  # the state stands where the last call ended
            p = F.softmax(Tensor(logits.astype(np.float64) / temperature)).numpy()
            ids = minidl.generator().choice(len(alphabet), size=(1, 1), p=p)
            written.append(alphabet[ids.item()])
    return "".join(written)


# %%
def draw(losses, tests, levels, samples, path):
    figure, axes = plt.subplots(1, 2, figsize=(16, 6), layout="constrained", width_ratios=[2, 3])
    axes[0].plot(np.arange(1, len(losses) + 1), losses, color="0.75", lw=0.7, label="LSTM, the text it learns from")
    axes[0].plot(*zip(*tests, strict=True), "o-", color="tab:green", label="LSTM, held-out files")
    for (name, level), style in zip(levels.items(), ("-.", "--", ":"), strict=True):
        axes[0].axhline(level, color="tab:red", ls=style, label=name)
    axes[0].set(xlabel="training step", ylabel="bits per character", ylim=(0, 7))
    axes[0].legend(loc="lower left", fontsize="small")
    for i, (tau, sample) in enumerate(samples.items()):
        lines = [
            part for line in sample.splitlines() for part in textwrap.wrap(line, 88, drop_whitespace=False) or [""]
        ]
        text = "\n".join([f"---- temperature {tau} " + 60 * "-", *lines[:16]])
        axes[1].text(0, 1 - i / 2, text, va="top", family="monospace", fontsize=8.5, parse_math=False)
    axes[1].axis("off")
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        epochs={"type": common.positive, "default": 4, "help": "passes over the text (default 4)"},
    )
    text, held_out_text = texts()
    alphabet = sorted(set(text + held_out_text))
    ids, held_out = (np.array([alphabet.index(c) for c in t]) for t in (text, held_out_text))
    V = len(alphabet)
    print(f"text to learn: {len(text):,} characters, {V} different ones; held out: {len(held_out_text):,}")
    model = network(V)
    losses, tests = train(model, ids, held_out, 1 if args.quick else args.epochs)

    samples = {tau: write(model, alphabet, PROMPT, 200 if args.quick else 700, tau) for tau in (0.5, 1.0)}
    for tau, sample in samples.items():
        print(f"---- temperature {tau}\n{sample}\n----")
    levels = {
        "all equal": float(np.log2(V)),
        "bigrams": bigram_bpc(ids, held_out, V),
        "LZMA": lzma_bpc(text, held_out_text),
    }
    draw(losses, tests, levels, samples, args.out / "characters.png")
    results = {"LSTM": tests[-1][1]} | levels
    print("bits per character, held-out files: " + ", ".join(f"{name} {level:.3f}" for name, level in results.items()))
    return results | {"samples": samples}


if __name__ == "__main__":
    main()
