r"""minidl: the deep-learning framework that people read."""

from minidl.backend import current, use
from minidl.random import manual_seed
from minidl.tensor import Function, Tensor, detect_anomaly, grad_enabled, no_grad

__all__ = [
    "Function",
    "Tensor",
    "current",
    "detect_anomaly",
    "grad_enabled",
    "manual_seed",
    "no_grad",
    "use",
]

import minidl.ops  # noqa: E402  (hangs the operators on Tensor)
