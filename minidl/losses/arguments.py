r"""The arguments that losses share, checked before anything is computed."""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.tensor import Tensor


def float_input(who: str, input: Any) -> None:
    r"""TypeError unless input is a tensor of floats."""
    if not isinstance(input, Tensor):
        raise check.DTypeError(f"{who}: input must be a Tensor, got {type(input).__name__}")
    check.floats(who, "input", input)


def array_like(input: Tensor, data: Any) -> Any:
    r"""`data` (a tensor, an array or a list of numbers) as an array of the backend on which input lives."""
    return backend.to_backend(data._data if isinstance(data, Tensor) else backend.array(data), input.backend)


def weights_like(who: str, name: str, input: Tensor, data: Any) -> Any:
    r"""`data` as float64 weights where input lives; ValueError unless all are >= 0 and finite in the input's dtype."""
    weights = array_like(input, data).astype(np.float64)
    check.within(who, name, weights, 0, float(np.finfo(input.dtype).max))
    return weights


def pair(who: str, input: Any, target: Any) -> Any:
    r"""The target of a loss that compares number with number: itself if it is a tensor (it may want a gradient), else
    an array where input lives.

    Nothing is broadcast: (N,) against (N, 1) would silently become N² differences. Raises ShapeError for different
    shapes, and TypeError for an input that holds no floats.
    """
    float_input(who, input)
    if not isinstance(target, Tensor):
        target = array_like(input, target)
    check.same_shape(who, "input", input, "target", target)
    return target


def fixed_target(who: str, input: Any, target: Any) -> Any:
    r"""The target, as an array, of a loss that has no gradient for it; ValueError if it wants one."""
    if isinstance(target, Tensor) and target.requires_grad:
        raise ValueError(f"{who}: target must not require a gradient, this loss has none for it; use target.detach()")
    float_input(who, input)
    return array_like(input, target)
