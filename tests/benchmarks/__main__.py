"""What minidl costs, in CPU time of one thread, beside what it is measured against.

`python -m tests.benchmarks GROUP` runs one of the other files here (evolution, rbf, recurrent, som); without a group:

import      CPU seconds of `import minidl` in a fresh process
first step  CPU seconds until the first training step of the lenet demo's model is done, import included: with an empty
            compile cache (cold) and with a full one (warm)
operation   microseconds of one recorded multiplication, forward and backward, beyond NumPy's own three
step        a training step against the same step in plain NumPy (tests/numpy_lenet.py), interleaved: ratio of medians
"""

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import minidl
from minidl import Tensor
from tests import numpy_lenet

FIRST_STEP = """
import time
import numpy as np
import minidl
import minidl.functional as F
from demos.lenet import lenet
from minidl import Tensor, optim
model = lenet()
optimizer = optim.Adam(model.parameters())
F.cross_entropy(model(Tensor(np.ones((64, 1, 8, 8), np.float32))), Tensor(np.zeros(64, np.int64))).backward()
optimizer.step()
print(time.process_time())
"""


def fresh_process(code, repeats=5, **environment):
    runs = []
    for _ in range(repeats):
        result = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
        )
        runs.append(float(result.stdout))
    return statistics.median(runs)


def engine(n=1000, repeats=60):
    x = Tensor([1.0, 2.0], requires_grad=True)
    a = np.ones(2, np.float32)
    costs = []
    for _ in range(repeats):
        start = time.process_time()
        y = x
        for _ in range(n):
            y = y * 0.999
        y.backward(np.ones(2))
        middle = time.process_time()
        for _ in range(n):
            a * 0.999  # forward  # noqa: B018
            a * 0.999  # the one gradient that is asked for  # noqa: B018
        costs.append((middle - start - (time.process_time() - middle)) / n * 1e6)
    return statistics.median(costs)


def main():
    print(f"import      {fresh_process('import time, minidl; print(time.process_time())'):.2f} s")
    with tempfile.TemporaryDirectory() as cache:
        print(f"first step  {fresh_process(FIRST_STEP, 1, NUMBA_CACHE_DIR=cache):.1f} s cold")
        print(f"first step  {fresh_process(FIRST_STEP, 3, NUMBA_CACHE_DIR=cache):.2f} s warm")
    print(f"operation   {engine():.2f} us")
    for size in (8, 28):
        ours, plain = numpy_lenet.compare(size)
        print(
            f"step        {size}x{size}, batch 64: {ours * 1e3:.2f} ms, "
            f"plain NumPy {plain * 1e3:.2f} ms, ratio {ours / plain:.2f}"
        )


if __name__ == "__main__":
    minidl.manual_seed(0)
    if len(sys.argv) > 1:
        importlib.import_module(f"tests.benchmarks.{sys.argv[1]}").main()
    else:
        main()
