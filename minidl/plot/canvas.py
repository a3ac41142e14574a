r"""What all pictures share: data on the host, and a place to draw."""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.tensor import Tensor


def host(who: str, name: str, data: Any) -> np.ndarray:
    r"""An array, tensor or list as a NumPy array of finite numbers."""
    data = data._data if isinstance(data, Tensor) else data
    try:
        array = backend.to_numpy(data) if backend.is_array(data) else np.asarray(data)
    except ValueError as error:  # a list of lists of different lengths
        raise check.ShapeError(f"{who}: {name} must be a regular array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise check.DTypeError(f"{who}: {name} must hold numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise check.ShapeError(f"{who}: {name} is empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{who}: {name} must hold finite numbers, got a NaN or an infinity")
    return array


def axes(ax: Any, width: float = 6.0, height: float = 4.0) -> Any:
    r"""`ax`, or the Axes of a new figure of that many inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot  # noqa: PLC0415  (only who draws needs Matplotlib)

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]
