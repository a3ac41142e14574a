r"""From whatever a user has (list, array, tensor, on any device) to a NumPy array on the host: for data that are looked
at rather than differentiated, such as targets, weights and pictures."""

from typing import Any

import numpy as np

from minidl import backend, check
from minidl.tensor import Tensor


def host(who: str, name: str, value: Any, kinds: str = "biuf") -> np.ndarray:
    r"""`value` as a NumPy array on the host whose dtype is of one of these kinds; itself where it is one.

    ShapeError for lists of different lengths, DTypeError for another dtype.

    >>> host("plot_images", "images", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    value = value._data if isinstance(value, Tensor) else value
    try:
        array = backend.to_numpy(value) if backend.is_array(value) else np.asarray(value)
    except ValueError as error:  # a list of lists of different lengths
        raise check.ShapeError(f"{who}: {name} must be a regular array: {error}") from error
    if array.dtype.kind not in kinds:
        raise check.DTypeError(f"{who}: {name} must hold numbers, got dtype {array.dtype}")
    return array
