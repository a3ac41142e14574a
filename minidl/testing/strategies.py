r"""Hypothesis strategies: arrays in every layout, convolution geometries, and every registered layer with its options.

Arrays are filled from one drawn seed, so that hypothesis searches over shapes and options and not over millions of
digits. Geometries are valid by construction. Needs hypothesis: `pip install "minidl[test]"`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.testing.layouts import LAYOUTS
from minidl.testing.registry import PLACES, Case, seeded

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError('minidl.testing.strategies needs hypothesis: pip install "minidl[test]"') from error

DTYPES = ("float32", "float64")


def shapes(min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 5) -> st.SearchStrategy[tuple]:
    r"""Shapes, also 0-d and with empty axes."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def arrays(
    draw: Callable,
    shape: tuple | st.SearchStrategy[tuple] | None = None,
    dtype: str | None = None,
    layout: str | None = None,
) -> np.ndarray:
    r"""NumPy arrays of normal numbers: C order, transposed, channels last, sliced, reversed or read-only; of
    float32 or float64.

    >>> from hypothesis import find
    >>> find(arrays((2, 3), dtype="float64", layout="sliced"), lambda x: True).flags.c_contiguous
    False
    """
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    dtype = dtype or draw(st.sampled_from(DTYPES))
    layout = layout or draw(st.sampled_from(["plain", *LAYOUTS]))
    x = np.asarray(np.random.default_rng(draw(st.integers(0, 2**32))).normal(size=shape), dtype)
    return x if layout == "plain" else LAYOUTS[layout](x)


class Geometry(NamedTuple):
    r"""A window that slides over an image: for each axis the sizes of image, kernel, stride, padding (before, after),
    dilation and output."""

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    outputs: tuple[int, ...]


@st.composite
def geometries(draw: Callable, axes: int = 2, most: int = 4, symmetric: bool = False) -> Geometry:
    r"""Geometries whose window fits: images of one pixel, strides larger than the kernel, rows that no window sees.

    axes: 1 or 2 axes of the image; most: the largest number of outputs along one; symmetric: the same padding before
    and after.
    """
    rows = []
    for _ in range(axes):
        k, s, d = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
        o = draw(st.integers(1, most))
        covered = d * (k - 1) + 1 + (o - 1) * s + draw(st.integers(0, s - 1))  # pixels, padding included
        before = draw(st.integers(0, (covered - 1) // 2))
        after = before if symmetric else draw(st.integers(0, covered - 1 - before))
        rows.append((covered - before - after, k, s, (before, after), d, o))
    return Geometry(*zip(*rows, strict=True))


@st.composite
def layers(draw: Callable, layer: Callable | None = None) -> Case:
    r"""A registered layer (or the given one), every option drawn; `check_layer(case)` takes it."""
    layer = layer or draw(st.sampled_from(sorted(PLACES, key=lambda place: place.__name__)))
    picked: dict[str, Any] = {}

    def pick(name: str, *values: Any) -> Any:
        if name not in picked:
            picked[name] = values[draw(st.integers(0, len(values) - 1))]
        return picked[name]

    seed = draw(st.integers(0, 2**32 - 2))
    seeded(lambda: PLACES[layer].build(pick), seed)
    return Case(layer, picked, seed)
