r"""minidl: the deep-learning framework that people read.

>>> import minidl
>>> x = minidl.Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
array([2., 4., 6.], dtype=float32)

| name | what lives there |
|---|---|
| `minidl.Tensor`, `minidl.Function` | the engine (tensor.py) |
| `minidl.exp`, `minidl.cat`, `minidl.einsum` ... | the primitive operations (ops/) |
| `minidl.nn` | the layers, one a file |
| `minidl.functional` | layers and losses as functions |
| `minidl.losses`, `minidl.optim`, `minidl.init` | losses, optimisers and schedules, initial weights |
| `minidl.fit`, `minidl.evaluate`, `minidl.predict`, `minidl.train` | training |
| `minidl.datasets`, `minidl.plot` | data, pictures |
| `minidl.save`, `minidl.load`, `minidl.save_checkpoint`, `minidl.load_checkpoint` | weights, whole runs |
| `minidl.load_torch_recurrent`, `minidl.load_keras_recurrent` | weights of other frameworks' recurrent layers |
| `minidl.use`, `minidl.manual_seed` | NumPy or CuPy; random numbers |
| `minidl.set_num_threads` | how many cores a kernel may use |
| `minidl.use_winograd` | whether 3x3 convolutions may take fewer multiplications |
| `minidl.testing` | gradient checks, for your own layers too |
"""

from pathlib import Path

# Where git has no symbolic links (Windows, often), the link minidl/kernels is a text file: look beside minidl/ then.
if (Path(__file__).parent / "kernels").is_file():
    __path__.append(str(Path(__file__).parent.parent))

# ruff: noqa: E402
from minidl import datasets, functional, init, losses, nn, ops, optim, plot, random, testing, train
from minidl.backend import current, use
from minidl.check import DTypeError, IndexRangeError, ShapeError
from minidl.interop import load_keras_recurrent, load_torch_recurrent
from minidl.io import load, save
from minidl.kernels.winograd import use_winograd
from minidl.ops import *  # noqa: F403  (minidl.exp, minidl.cat, ... as in torch; the list is ops.__all__)
from minidl.random import generator, manual_seed
from minidl.tensor import Function, Tensor, detect_anomaly, grad_enabled, no_grad
from minidl.threads import get_num_threads, set_num_threads
from minidl.train import evaluate, fit, load_checkpoint, predict, save_checkpoint

__all__ = [
    *ops.__all__,
    "DTypeError",
    "Function",
    "IndexRangeError",
    "ShapeError",
    "Tensor",
    "current",
    "datasets",
    "detect_anomaly",
    "evaluate",
    "fit",
    "functional",
    "generator",
    "get_num_threads",
    "grad_enabled",
    "init",
    "load",
    "load_checkpoint",
    "load_keras_recurrent",
    "load_torch_recurrent",
    "losses",
    "manual_seed",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "plot",
    "predict",
    "random",
    "save",
    "save_checkpoint",
    "set_num_threads",
    "testing",
    "train",
    "use",
    "use_winograd",
]
