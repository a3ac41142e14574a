r"""Values for the parameters and buffers of a module, from a dict of names: all of them are taken over, or none."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl import backend, check
from minidl.tensor import Tensor


class Mismatch(NamedTuple):
    r"""What `load_state_dict(strict=False)` did not find or did not use."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def take_over(who: str, own: dict[str, Tensor], state: Mapping[str, Any], strict: bool) -> Mismatch:
    r"""Give the tensors `own` the values that `state` has under their names, in the dtype of each.

    Raises as `Module.load_state_dict` says; everything is checked before the first value is changed.

    >>> weight = Tensor([1.0, 2.0])
    >>> take_over("load", {"weight": weight}, {"weight": np.array([3.0, 4.0]), "bias": np.zeros(2)}, strict=False)
    Mismatch(missing_keys=[], unexpected_keys=['bias'])
    >>> weight
    Tensor([3., 4.])
    """
    if not isinstance(state, Mapping):
        raise check.DTypeError(f"{who}: state must be a dict of arrays, got {type(state).__name__}")
    mismatch = Mismatch([n for n in own if n not in state], [n for n in state if n not in own])
    if strict and (mismatch.missing_keys or mismatch.unexpected_keys):
        raise ValueError(
            f"{who}: missing keys {mismatch.missing_keys}, unexpected keys {mismatch.unexpected_keys}; "
            "strict=False takes what fits"
        )
    values = {name: _fitting(who, name, state[name], own[name]) for name in own if name in state}
    first: dict[int, str] = {}  # the first name of each tensor
    for name, value in values.items():
        other = first.setdefault(id(own[name]), name)
        if not np.array_equal(values[other], value, equal_nan=True):
            raise ValueError(f"{who}: {other} and {name} are one tensor here, and came with different values")
    for name, value in values.items():
        own[name].data = value
    return mismatch


def _fitting(who: str, name: str, value: Any, own: Tensor) -> np.ndarray:
    """`value` on the host and in the dtype of the tensor `own` whose values it shall become."""
    if not hasattr(value, "__array__"):
        raise check.DTypeError(f"{who}: {name} must be an array or a tensor, got {type(value).__name__}")
    value = value.numpy() if isinstance(value, Tensor) else value
    value = backend.to_numpy(value) if backend.is_array(value) else np.asarray(value)
    if value.shape != own.shape:
        raise check.ShapeError(f"{who}: {name} must have shape {own.shape}, got {value.shape}")
    if not np.can_cast(value.dtype, own.dtype, casting="same_kind"):
        raise check.DTypeError(f"{who}: {name} must fit into {own.dtype}, got dtype {value.dtype}")
    with np.errstate(over="ignore"):
        fitting = value.astype(own.dtype)
    if own.dtype.kind == "f" and (np.isinf(fitting) & ~np.isinf(value)).any():
        raise ValueError(f"{who}: {name} has values that are too large for {own.dtype}")
    return fitting
