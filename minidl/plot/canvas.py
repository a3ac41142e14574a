r"""What all pictures share: data on the host, and a place to draw."""

from typing import Any

import numpy as np

from minidl import check
from minidl.host import host


def finite(who: str, name: str, data: Any) -> np.ndarray:
    r"""An array, tensor or list as a NumPy array of finite numbers, at least one."""
    array = host(who, name, data)
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


def ink(colour: Any) -> str:
    r"""Black or white: what can be read on a colour (red, green, blue) in [0, 1]."""
    luminance = np.power(colour[:3], 2.2) @ (0.2126, 0.7152, 0.0722)
    return "black" if luminance > 0.18 else "white"  # where the contrasts to black and to white are equal
