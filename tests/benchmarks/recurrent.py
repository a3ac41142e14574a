r"""`python -m tests.benchmarks recurrent`: recurrent layers over whole sequences, forward and backward into input and
weights.

torch has the GRU whose reset gate acts after the product with the state, mygrad the one where it acts before it. nn.GRU
is both, so there is a row for each.
"""

import numpy as np

from minidl import Tensor, nn
from tests.benchmarks import peers, plain
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row

PLAIN = {"LSTM": plain.lstm, "GRU": plain.gru}
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def sequence(kind, N, T, D, H):
    x, dy = normal(N, T, D), normal(N, T, H)

    def make(module):
        if module is nn:
            return getattr(nn, "SimpleRNN" if kind == "RNN" else kind)(D, H, return_sequences=True)
        return getattr(module, kind)(D, H, batch_first=True)

    sides = peers.layer(make, x, dy)
    if kind in PLAIN:
        weights = peers.state(make).values()
        sides["numpy"] = lambda: lambda: PLAIN[kind](x, *weights, dy)
    return sides


def flops(kind, N, T, D, H):
    return 3 * 2 * N * T * GATES[kind] * H * (D + H)


def gru_before(N, T, D, H):
    """y, dx and dU of the candidate; mygrad has no layout in common with the others, so each gate is cut out."""
    x, dy = normal(N, T, D), normal(N, T, H)

    def make(module):
        return module.GRU(D, H, return_sequences=True, reset_after=False)

    def ours():
        once = peers.minidl_pass(make, Tensor(x), Tensor(dy))
        return lambda: once()[:4]  # y, dx, dW, dU

    def mygrad():
        mg = peers.mygrad()
        w, u, b, _ = peers.state(make).values()
        gates = [(w[i], u[i], b[i]) for i in (slice(k * H, (k + 1) * H) for k in (1, 0, 2))]  # z, r, candidate
        leaves = [mg.tensor(a.T.copy()) for gate in gates for a in gate]
        by_time, d = mg.tensor(x.swapaxes(0, 1).copy()), dy.swapaxes(0, 1).copy()

        def once():
            y = mg.nnet.gru(by_time, *leaves)[1:]
            y.backward(d)
            dw, du = ([leaves[i + k].grad.T for k in (3, 0, 6)] for i in (0, 1))
            return [y.data.swapaxes(0, 1), by_time.grad.swapaxes(0, 1), np.concatenate(dw), np.concatenate(du)]

        return once

    return {"minidl": ours, "mygrad": mygrad}


SIZES = {
    "N32 T50": {"N": 32, "T": 50, "D": 64, "H": 128},
    "N128 T28": {"N": 128, "T": 28, "D": 32, "H": 128},
    "N1 T100": {"N": 1, "T": 100, "D": 32, "H": 32},
}
TINY = {"N": 2, "T": 3, "D": 4, "H": 5}
GOALS = {"LSTM N32 T50": 0.95, "GRU N32 T50": 0.60}


def row(kind, name, kept=""):
    size, tiny = {"kind": kind, **SIZES[name]}, {"kind": kind, **TINY}
    kept = kept or ("small" if SIZES[name]["N"] == 1 else "")
    goal = GOALS.get(f"{kind} {name}", 1.15)
    return Row(f"{kind} {name}", sequence, size, tiny, kind=kept, goal=goal, bound=5e-5, flops=flops)


ROWS = [row(kind, name) for kind in ("LSTM", "GRU") for name in SIZES]
ROWS += [row("RNN", name, kept="extra") for name in SIZES]
ROWS += [Row("GRU, reset before, N32 T50", gru_before, SIZES["N32 T50"], TINY, kind="extra", bound=5e-5)]
