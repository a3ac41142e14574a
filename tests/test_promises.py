"""Promises about whole runs: memory, determinism across processes and threads."""

import gc
import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim
from tests.gpu import standin

TRAINING = """
import hashlib
import numpy as np
import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim

minidl.use({backend!r})
minidl.manual_seed(7)
model = nn.Sequential(
    nn.Conv2d(1, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
    nn.Conv2d(8, 16, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16 * 6 * 6, 256), nn.GELU(),
    nn.Dropout(0.5), nn.Linear(256, 10),
)
optimizer = optim.Adam(model.parameters(), lr=1e-3)
x = minidl.generator().normal(size=(64, 1, 28, 28)).astype(np.float32)
y = minidl.generator().integers(0, 10, size=64)
for _ in range(4):
    loss = F.cross_entropy(model(Tensor(x)), Tensor(y))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
digest = hashlib.sha256()
for value in model.state_dict().values():
    digest.update(value.tobytes())
print(digest.hexdigest())
"""


def run(code, **environment):
    if sys.modules.get("cupy") is standin:
        pytest.skip("the stand-in for CuPy is in this process only")
    code = code.format(backend=minidl.current())
    result = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.skipif("minidl.current() != 'numpy'", reason="threads are those of the CPU")
def test_same_seed_same_bits_for_one_and_two_threads():
    variables = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    one = run(TRAINING, **dict.fromkeys(variables, "1"))
    two = run(TRAINING, **dict.fromkeys(variables, "2"))
    assert len(one) == 64 and one == two


def test_same_seed_same_bits_in_another_process():
    assert run(TRAINING, PYTHONHASHSEED="1") == run(TRAINING, PYTHONHASHSEED="2")


def small_training(seed, results):
    generator = np.random.default_rng(seed)
    weights = [generator.normal(size=shape).astype(np.float32) for shape in ((16, 8), (16,), (3, 16), (3,))]
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    x = Tensor(generator.normal(size=(32, 8)).astype(np.float32))
    y = Tensor(generator.integers(0, 3, size=32))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(50):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    results[seed] = b"".join(value.tobytes() for value in model.state_dict().values())


def test_four_python_threads_give_the_serial_result():
    serial, threaded = {}, {}
    for seed in range(4):
        small_training(seed, serial)
    threads = [threading.Thread(target=small_training, args=(seed, threaded)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert serial == threaded


def growth(function, before=lambda: None):
    """Bytes more after function() than before it, and at its peak; the garbage collector is off."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before()
        start = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        function()
        now, peak = tracemalloc.get_traced_memory()
        return now - start, peak - start
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.skipif("minidl.current() != 'numpy'", reason="measures the host's memory")
def test_graphs_are_freed_without_the_collector():
    def graphs():
        x = Tensor(np.ones((256, 1024), np.float32), requires_grad=True)  # 1 MB
        for _ in range(50):
            y = x
            for _ in range(10):
                y = (y * 1.01).tanh()
            y.sum().backward()

    _, peak = growth(graphs)
    assert peak < 60e6  # one graph is about 20 MB: fifty of them, kept, were 1,000


@pytest.mark.skipif("minidl.current() != 'numpy'", reason="measures the host's memory")
def test_training_does_not_leak():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    optimizer = optim.Adam(model.parameters())
    x, y = Tensor(np.ones((4, 1, 8, 8), np.float32)), Tensor(np.zeros(4, np.int64))

    def steps(n):
        for _ in range(n):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # before that, the caches of small objects in NumPy and Python fill, with about 250 KB
    kept, _ = growth(lambda: steps(400), before=lambda: steps(1000))
    assert kept < 20e3  # promised: 200 KB
