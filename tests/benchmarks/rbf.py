r"""`python -m tests.benchmarks rbf`: forward and backward of an RBF layer beside torch's cdist, and beside the form
$\|x\|^2 - 2 x c^\top + \|c\|^2$, which is mostly a matrix product.

Gradients of rows, prototypes and betas. Rows beyond the first two show where the product takes over from the loop
(kernels/distance.py).
"""

import numpy as np

import minidl.functional as F
from tests.benchmarks import peers, plain
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row


def cdist(torch, x, c, beta):
    return torch.exp(-beta * torch.cdist(x, c) ** 2)


def product(torch, x, c, beta):
    return torch.exp(-beta * ((x * x).sum(1, keepdim=True) - 2 * (x @ c.T) + (c * c).sum(1)))


def rbf(N, K, D):
    arrays, dy = (normal(N, D), normal(K, D), np.full(K, 0.5 / D, "float32")), normal(N, K)
    sides = peers.function(F.rbf, cdist, arrays, dy)
    sides["torch product"] = lambda: peers.torch_function(product, arrays, dy)
    if N * K * D < 1e7:  # else the differences do not fit in memory
        sides["numpy"] = lambda: lambda: plain.rbf(*arrays, dy)
    return sides


def row(N, K, D, kind=""):
    return Row(f"RBF {N}x{K}x{D}", rbf, {"N": N, "K": K, "D": D}, {"N": 3, "K": 2, "D": 4}, kind=kind, bound=1e-4)


ROWS = [row(1000, 100, 16), row(4096, 512, 64)]
ROWS += [row(N, 100, D, "extra") for N, D in ((1000, 2), (1000, 64), (1000, 784), (64, 64))]
