r"""clip_grad_norm: gradients that are too long are shortened, all by one factor.

All gradients together are one long vector g with the norm $\|g\|_p = (\sum_i |g_i|^p)^{1/p}$ (for $p = \infty$ the
largest entry). Where the loss has a cliff one step along g would lead far away; shortened, it keeps its direction:

$$ g \leftarrow g \cdot \min\Big(1, \frac{c}{\|g\|_p + 10^{-6}}\Big) $$

Pascanu, Mikolov and Bengio 2013, ICML, algorithm 1. The $10^{-6}$ is torch's.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.tensor import Tensor


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> float:
    r"""Shorten the gradients of `parameters` to a common norm of at most max_norm; returns the norm before.

    norm_type: p > 0, or infinity. Parameters without a gradient are skipped. A norm that is infinite or NaN is
    returned, and the gradients stay as they are (torch turns them into NaN and 0): look at it before the step.

    >>> w = Tensor([0.0, 0.0], requires_grad=True)
    >>> (w * Tensor([3.0, 4.0])).sum().backward()
    >>> clip_grad_norm([w], max_norm=1.0)
    5.0
    >>> w.grad.round(4)
    array([0.6, 0.8], dtype=float32)
    """
    who = "clip_grad_norm"
    max_norm = check.number(who, "max_norm", max_norm, low=0)
    p = math.inf if norm_type == math.inf else check.number(who, "norm_type", norm_type, above=0)
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise check.DTypeError(f"{who}: parameters must hold tensors, got {type(parameter).__name__}")
    parameters = [parameter for parameter in parameters if parameter.grad is not None]
    norm = _norm([_norm_of_array(parameter.grad, p) for parameter in parameters], p)
    factor = max_norm / (norm + 1e-6)
    if factor < 1 and math.isfinite(norm):
        for parameter in parameters:
            parameter.grad = parameter.grad * factor
    return norm


def _norm_of_array(g: Any, p: float) -> float:
    if g.size == 0:
        return 0.0
    largest = abs(g).max().item()
    if p == math.inf or largest == 0 or not math.isfinite(largest):
        return largest
    # relative to the largest, so that no power is too large or too small for a float
    return largest * ((abs(g).astype(np.float64) / largest) ** p).sum().item() ** (1 / p)


def _norm(norms: list[float], p: float) -> float:
    """The norm of a vector whose parts have these norms."""
    return _norm_of_array(np.array(norms), p)
