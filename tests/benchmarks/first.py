r"""`python -m tests.benchmarks first`: what the first use costs, each in a fresh process, in CPU seconds.

import      `import minidl`
first step  until the first training step of LeNet-5 is done, import included: with an empty compile cache (cold) and
            with a full one (cached)
kernels     the longest compilations, with an empty cache, while every row of the table is run once
operation   microseconds of one recorded multiplication, forward and backward, beyond NumPy's own three
memory      what a training step of LeNet, batch 128, adds to the peak of the process after its imports
step        a training step against the same step in plain NumPy (tests/numpy_lenet.py), interleaved: ratio of medians
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from minidl import Tensor, jit
from tests import numpy_lenet
from tests.benchmarks import steps

FIRST_STEP = """
import time
import numpy as np
import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim
from tests.benchmarks.steps import lenet5
model = lenet5(nn)
optimizer = optim.Adam(model.parameters())
F.cross_entropy(model(Tensor(np.ones((64, 1, 28, 28), np.float32))), Tensor(np.zeros(64, np.int64))).backward()
optimizer.step()
print(time.process_time())
"""


def fresh(code: str, **environment: str):
    """What `code` prints, as JSON, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def median(code: str, repeats: int, **environment: str) -> float:
    return statistics.median(fresh(code, **environment) for _ in range(repeats))


def compilations() -> list:
    """[seconds, kernel, its argument types] of each kernel that is compiled while every row runs once (for a fresh
    process). What it calls is compiled with it and counts for both."""
    import numba  # noqa: PLC0415  (not where Numba has no wheel)
    from numba.core import ccallback, event  # noqa: PLC0415

    from tests.benchmarks.__main__ import rows  # noqa: PLC0415

    begun, found = [], []

    def end(function, types):
        seconds = time.process_time() - begun.pop()
        if function.__module__.startswith("minidl"):  # others are parts of Numba
            found.append([seconds, f"{function.__module__}.{function.__name__}", str(types)])

    class Watch(event.Listener):  # of functions
        def on_start(self, _):
            begun.append(time.process_time())

        def on_end(self, compiled):
            end(compiled.data["dispatcher"].py_func, compiled.data["args"])

    class Timed(ccallback.CFunc):  # of what is called by its address
        def _compile_uncached(self):
            begun.append(time.process_time())
            result = super()._compile_uncached()
            end(self._pyfunc, self._sig.args)
            return result

    jit.CFunc = Timed
    event.register("numba:compile", Watch())
    numba.njit(lambda: 0)()  # starts the compiler
    for row in rows():
        for side in ("minidl", "minidl channels_last"):
            row.sides(**row.size).get(side, lambda: lambda: None)()()
    return sorted(found, reverse=True)


def operation(n=1000, repeats=60) -> float:
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


def lenet_memory(side: str) -> float:
    """MiB that three training steps add to this (fresh) process, at their peak. (Linux only.)"""
    if side == "torch":
        import torch  # noqa: F401, PLC0415
    before = memory("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak so far is forgotten: what an import needs for a moment does not count
    once = steps.lenet(128)[side]()
    for _ in range(3):
        once()
    return memory("VmHWM") - before


def memory(kind: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most so far. (ru_maxrss would begin with what the parent had.)"""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind)) / 1024


def more() -> dict:
    """Measure and print all of it."""
    found = {"import s": median("import time, minidl; print(time.process_time())", 5)}
    print(f"import      {found['import s']:.2f} s (goal 0.60)")
    with tempfile.TemporaryDirectory() as cache:
        found["first step cold s"] = median(FIRST_STEP, 1, NUMBA_CACHE_DIR=cache)
        found["first step cached s"] = median(FIRST_STEP, 3, NUMBA_CACHE_DIR=cache)
    print(f"first step  {found['first step cold s']:.1f} s cold (goal 15)")
    print(f"first step  {found['first step cached s']:.2f} s cached (goal 1)")
    if jit.COMPILES:
        with tempfile.TemporaryDirectory() as cache:
            code = "import json; from tests.benchmarks import first; print(json.dumps(first.compilations()))"
            found["kernels s"] = kernels = fresh(code, NUMBA_CACHE_DIR=cache)
        print(f"kernels     {sum(s for s, *_ in kernels):.1f} s cold for {len(kernels)}, the longest (goal 3):")
        for seconds, name, _ in kernels[:8]:
            print(f"            {seconds:.2f} s {name}")
    found["operation us"] = operation()
    print(f"operation   {found['operation us']:.2f} us")
    for side in ("minidl", "torch") if sys.platform == "linux" else ():
        if side == "minidl" or importlib.util.find_spec("torch"):
            code = f"from tests.benchmarks import first; print(first.lenet_memory({side!r}))"
            fresh(code)  # fills the compile cache
            found[f"memory {side} MiB"] = median(code, 3)
            print(f"memory      {found[f'memory {side} MiB']:.1f} MiB {side}")
    for size in numpy_lenet.SIZES:
        ours, plain = numpy_lenet.compare(size)
        found[f"step {size} ms"] = [ours * 1e3, plain * 1e3]
        print(
            f"step        {size}x{size}, batch 64: {ours * 1e3:.2f} ms, "
            f"plain NumPy {plain * 1e3:.2f} ms, ratio {ours / plain:.2f}"
        )
    return found
