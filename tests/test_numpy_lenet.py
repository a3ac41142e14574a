"""The same network in minidl and in plain NumPy, step by step. (Which is faster says tests/benchmarks.)"""

import numpy as np
import pytest

from tests.numpy_lenet import SIZES, pair


@pytest.mark.parametrize("size", SIZES)
def test_both_learn_the_same(size):
    step, plain_step, weights, plain_weights = pair(size)
    losses = [(step(), plain_step()) for _ in range(5)]
    ours, theirs = np.array(losses).T
    assert theirs[-1] < theirs[0] - 0.05  # something was learnt
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for w, wanted in zip(weights(), plain_weights(), strict=True):
        np.testing.assert_allclose(w, wanted, rtol=1e-5, atol=1e-5)
