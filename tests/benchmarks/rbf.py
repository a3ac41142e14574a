"""`python -m tests.benchmarks.rbf`: forward and backward of an RBF layer beside torch's cdist (which it needs).

1000 rows, 100 prototypes, 16 features; gradients of rows, prototypes and betas. float32, one thread, CPU time; the two
take turns (tests/benchmarks/recurrent.py), and what is printed are medians and their ratio. The other sizes show where
the matrix product takes over from the loop (kernels/distance.py).
"""

import numpy as np

from minidl import Tensor
from minidl.nn import rbf
from tests.benchmarks.recurrent import cpu_seconds

SIZES = [(1000, 100, 16), (1000, 100, 2), (1000, 100, 64), (1000, 100, 784), (64, 100, 64)]  # N, K, D


def passes(torch, N, K, D):
    """A pass of minidl's layer and one of torch's formula, on the same numbers."""
    rng = np.random.default_rng(0)
    arrays = [a.astype("float32") for a in (rng.normal(size=(N, D)), rng.normal(size=(K, D)), np.full(K, 0.5 / D))]
    ours, theirs = (
        [Tensor(a, requires_grad=True) for a in arrays],
        [torch.tensor(a, requires_grad=True) for a in arrays],
    )
    dy = rng.normal(size=(N, K)).astype("float32")
    dy_ours, dy_theirs = Tensor(dy), torch.tensor(dy)

    def our_pass():
        for t in ours:
            t.grad = None
        rbf(*ours).backward(dy_ours)

    def their_pass():
        for t in theirs:
            t.grad = None
        x, c, beta = theirs
        torch.exp(-beta * torch.cdist(x, c) ** 2).backward(dy_theirs)

    our_pass()
    their_pass()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-3, atol=1e-3)
    return our_pass, their_pass


def main():
    import torch  # noqa: PLC0415  (not needed by the tests, which import all files)

    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, NumPy {np.__version__}")
    for N, K, D in SIZES:
        ours, theirs = cpu_seconds(passes(torch, N, K, D), repeats=5)
        print(f"RBF {N} x {K} x {D}: {ours * 1e3:.2f} ms, torch {theirs * 1e3:.2f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
