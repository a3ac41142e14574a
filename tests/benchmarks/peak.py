r"""The peak that rows full of matrix products are measured against: that of the matrix kernel itself (kernels/gemm.py).

One thread, float32, on numbers that lie in the nearest caches: 96 x 256 times 256 x 64. The fastest of many
tries, since what a core can do is asked, not how busy it is.
"""

import time

import numpy as np

from minidl import backend, jit
from minidl.kernels import gemm
from tests.benchmarks.peers import normal


def flops_per_second(tries=60, calls=200) -> float | None:
    """None where the kernel is not compiled."""
    if backend.REFERENCE or not jit.COMPILES:
        return None
    (M, K, N), fastest = (96, 256, 64), np.inf
    a, b, c = normal(M, K), normal(K, N), np.empty((M, N), "float32")
    arguments = 0, 1, gemm.driver(c.dtype), gemm.NO_JUMP, gemm.width(c.dtype), a, b, c
    gemm.as_it_lies_cpu(*arguments)
    for _ in range(tries):
        start = time.process_time()
        for _ in range(calls):
            gemm.as_it_lies_cpu(*arguments)
        fastest = min(fastest, (time.process_time() - start) / calls)
    return 2 * M * K * N / fastest
