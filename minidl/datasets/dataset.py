r"""Dataset: what a loader returns."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    r"""Inputs, labels, and where they come from. Unpacks as the pair that training wants: `x, y = load_iris()`.

    x: float32, one row a sample; y: int64 (N,), the class of each row; names: what class 0, 1, ... is called;
    features: what each input is called, with its unit; description, licence, source: text, made to be printed.
    The arrays are new ones at every call, yours to change.

    >>> from minidl.datasets import load_iris
    >>> iris = load_iris()
    >>> iris
    Dataset(x: (150, 4) float32, y: (150,) int64, 3 classes)
    >>> iris.names[iris.y[149]], iris.features[0]
    ('virginica', 'sepal length (cm)')
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    features: tuple[str, ...]
    description: str
    licence: str
    source: str

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.x
        yield self.y

    def __repr__(self) -> str:
        x, y = self.x, self.y
        return f"Dataset(x: {x.shape} {x.dtype}, y: {y.shape} {y.dtype}, {len(self.names)} classes)"
