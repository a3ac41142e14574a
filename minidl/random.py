r"""The one source of random numbers.

Everything random in minidl (initial weights, dropout masks, shuffles) is drawn from `generator()`, on the host, with
NumPy: so a run on the GPU uses the same numbers as a run on the CPU, nothing depends on the number of threads, and
nobody else's `np.random.seed` changes it. `manual_seed(0)` starts it afresh.

>>> manual_seed(0)
>>> a = generator().random(2)
>>> manual_seed(0)
>>> bool((generator().random(2) == a).all())
True
"""

from typing import Any

import numpy as np

from minidl import backend, check

_generator = np.random.Generator(np.random.PCG64())


def generator() -> np.random.Generator:
    r"""The generator that minidl draws from.

    >>> generator().permutation(5).shape
    (5,)
    """
    return _generator


def manual_seed(seed: int) -> None:
    r"""Start the generator afresh from `seed`, an integer >= 0.

    >>> manual_seed(0)
    >>> first = generator().random()
    >>> manual_seed(0)
    >>> generator().random() == first
    True
    """
    _generator.bit_generator.state = np.random.PCG64(check.integer("manual_seed", "seed", seed, low=0)).state


def get_state() -> dict:
    r"""The generator's state: a dict of strings and integers (for checkpoints)."""
    return _generator.bit_generator.state


def set_state(state: dict) -> None:
    r"""Put the generator into a state that `get_state` returned."""
    _generator.bit_generator.state = state


def keep_mask(shape: tuple[int, ...], p: float, like: Any) -> Any:
    r"""A dropout mask where `like` lives and in its dtype: 0 with probability p, else 1 / (1 - p)."""
    scale = 1.0 / (1.0 - p) if p < 1 else 0.0
    kept = _generator.random(shape, dtype=np.float32) >= p
    return backend.xp_of(like).asarray(kept) * like.dtype.type(scale)
