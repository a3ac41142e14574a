r"""The data files that travel with the package, each held to its SHA-256.

They were written once by `tests/golden/make_datasets.py`. They are read through `importlib.resources`, so that a
wheel and an editable install find them alike, and without pickle.
"""

import hashlib
import io
from importlib import resources

import numpy as np

SHA256 = {
    "digits.npz": "f10b077e7e3037d11006b85b6b71a63e15b2bf746d91c4e4122e42d304e5e54b",
    "iris.npz": "47446607e2833dbc8f1c502d5a2f762d061dd9b960b09ea2992ec249673f9a71",
    "wine.npz": "59164b70a620af684aaa957bf4841f9908821402a5ffb3eb68a8dea3f271e6ee",
    "karate_club.npz": "d3a8cc058ac0737d1b38cff183ebc431c80993234db8fa238827b679d1cc6af8",
}


def read(name: str) -> dict[str, np.ndarray]:
    r"""The arrays of one embedded file. ValueError if its bytes are not the ones that were shipped."""
    content = (resources.files("minidl.datasets") / "data" / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise ValueError(f"datasets: {name} is damaged, its SHA-256 is {digest}, not {SHA256[name]}; install again?")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def verify() -> tuple[str, ...]:
    r"""Check every embedded file against its SHA-256 and return their names.

    The loaders check the file that they read; this checks all, for a test or a doubt.
    Raises ValueError naming the first damaged file, FileNotFoundError naming a missing one.

    >>> verify()
    ('digits.npz', 'iris.npz', 'wine.npz', 'karate_club.npz')
    """
    for name in SHA256:
        read(name)
    return tuple(SHA256)
