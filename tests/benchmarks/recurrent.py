"""`python -m tests.benchmarks.recurrent`: a training pass of the recurrent layers beside torch's (which it needs).

Forward and backward into input and weights, float32, one thread, CPU time. The two take turns, and who goes first
changes; what is printed are medians and their ratio.
"""

import statistics
import time

import numpy as np

import minidl
from minidl import Tensor, nn

KINDS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.SimpleRNN}
SIZES = [(32, 50, 64, 128, 1), (128, 28, 32, 128, 1), (1, 100, 32, 32, 10)]  # N, T, D, H, passes in one measurement


def passes(torch, kind, N, T, D, H):
    """A training pass of minidl's layer and one of torch's, on the same numbers."""
    theirs = getattr(torch.nn, kind)(D, H, batch_first=True)
    ours = KINDS[kind](D, H, return_sequences=True)
    ours.load_state_dict({name: weight.numpy() for name, weight in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(N, T, features)).astype("float32") for features in (D, H))
    x_ours, dy_ours = Tensor(x, requires_grad=True), Tensor(dy)
    x_theirs, dy_theirs = torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def our_pass():
        ours.zero_grad()
        x_ours.grad = None
        ours(x_ours).backward(dy_ours)

    def their_pass():
        theirs.zero_grad()
        x_theirs.grad = None
        theirs(x_theirs)[0].backward(dy_theirs)

    our_pass()
    their_pass()
    np.testing.assert_allclose(x_ours.grad, x_theirs.grad.numpy(), atol=1e-4)
    np.testing.assert_allclose(ours.weight_hh_l0.grad, theirs.weight_hh_l0.grad.numpy(), rtol=1e-3, atol=1e-3)
    return our_pass, their_pass


def cpu_seconds(pair, repeats, rounds=60):
    spent = [[], []]
    for i in range(rounds):
        for k in (0, 1) if i % 2 else (1, 0):
            start = time.process_time()
            for _ in range(repeats):
                pair[k]()
            spent[k].append((time.process_time() - start) / repeats)
    return [statistics.median(times) for times in spent]


def main():
    import torch  # noqa: PLC0415  (not needed by the tests, which import all files)

    torch.set_num_threads(1)
    minidl.manual_seed(0)
    print(f"torch {torch.__version__}, NumPy {np.__version__}")
    for kind in KINDS:
        for N, T, D, H, repeats in SIZES:
            ours, theirs = cpu_seconds(passes(torch, kind, N, T, D, H), repeats)
            size = f"N={N} T={T} D={D} H={H}"
            print(f"{kind:4} {size:22} {ours * 1e3:7.2f} ms, torch {theirs * 1e3:7.2f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
