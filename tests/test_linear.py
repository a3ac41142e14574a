"""Linear against its definition, and bad input."""

import numpy as np
import pytest

import minidl.functional as F
from minidl import Tensor, nn


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_its_definition(leading, bias):
    layer = nn.Linear(3, 2, bias=bias).to("float64")
    x = np.random.default_rng(0).normal(size=(*leading, 3))
    y = layer(Tensor(x)).numpy()
    w, b = layer.weight.numpy(), layer.bias.numpy() if bias else np.zeros(2)
    assert y.shape == (*leading, 2)
    for place in np.ndindex(leading):
        for f in range(2):
            assert y[*place, f] == pytest.approx(sum(x[*place, d] * w[f, d] for d in range(3)) + b[f], rel=1e-12)


def test_the_first_weights_are_uniform_within_their_bound():
    weights = nn.Linear(100, 500).weight.numpy()
    bound = 100**-0.5
    assert np.abs(weights).max() <= bound
    assert weights.std() == pytest.approx(bound / 3**0.5, rel=0.02)


X, W, B = Tensor(np.ones((4, 3), np.float32)), Tensor(np.ones((2, 3), np.float32)), Tensor(np.ones(2, np.float32))

BAD = {
    "no features": (lambda: nn.Linear(0, 2), ValueError, "in_features must be >= 1, got 0"),
    "negative outputs": (lambda: nn.Linear(3, -2), ValueError, "out_features must be >= 1, got -2"),
    "a float size": (lambda: nn.Linear(3.0, 2), TypeError, "in_features must be an integer, got 3.0"),
    "a size that overflows": (lambda: nn.Linear(2**30, 2**30), ValueError, "elements"),
    "wrong features": (lambda: nn.Linear(5, 2)(X), ValueError, r"in_features=5, got shape \(4, 3\); add Flatten"),
    "a 0-d input": (lambda: F.linear(Tensor(1.0), W), ValueError, r"got shape \(\)"),
    "integers": (lambda: F.linear(Tensor([[1, 2, 3]]), W), TypeError, "x must hold floats, got dtype int64"),
    "another dtype": (lambda: F.linear(X.to("float64"), W), TypeError, "x and weight must have one dtype, got float64"),
    "a bias of another dtype": (lambda: F.linear(X, W, B.to("float64")), TypeError, "x and bias must have one dtype"),
    "a weight of three axes": (lambda: F.linear(X, Tensor(np.ones((2, 3, 1), np.float32))), ValueError, "weight"),
    "a bias that is too long": (lambda: F.linear(X, W, Tensor(np.ones(3, np.float32))), ValueError, "out_features=2"),
    "a list": (lambda: nn.Linear(3, 2)([[1.0, 2.0, 3.0]]), TypeError, "x must be a Tensor, got list"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()


def test_a_number_is_no_row_for_a_weight_that_is_no_matrix():
    with pytest.raises(ValueError, match=r"linear: weight must have shape \(F, D\), got \(2,\)"):
        F.linear(Tensor(1.0), Tensor([1.0, 2.0]), Tensor([1.0, 2.0]))
