"""The initialisers: shapes, moments, orthogonality, seeds and bad input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import Tensor, init
from minidl.init import INITIALISERS

SHAPES = [(300, 200), (64, 48, 3, 3), (100, 30, 7)]

# name -> the variance for fan_in, fan_out; and whether it is uniform
VARIANCES = {
    "lecun_uniform": (lambda i, o: 1 / i, True),
    "lecun_normal": (lambda i, o: 1 / i, False),
    "glorot_uniform": (lambda i, o: 2 / (i + o), True),
    "glorot_normal": (lambda i, o: 2 / (i + o), False),
    "he_uniform": (lambda i, o: 2 / i, True),
    "he_normal": (lambda i, o: 2 / i, False),
    "uniform": (lambda i, o: 1 / 12, True),
    "normal": (lambda i, o: 1.0, False),
}


def values(array):
    return Tensor(array).numpy().astype("float64")


def assert_moments(w, mean, variance, uniform):
    """Mean and variance within 5 standard errors; the fourth moment tells uniform (1.8) from normal (3)."""
    n, d = w.size, w - mean
    kurtosis = 1.8 if uniform else 3.0
    assert abs(w.mean() - mean) < 5 * math.sqrt(variance / n)
    assert abs((d**2).mean() - variance) < 5 * variance * math.sqrt((kurtosis - 1) / n)
    # the standard error of the fourth moment over its value: sqrt((E d^8 / (E d^4)^2 - 1) / n)
    eighth = 25 / 9 if uniform else 105 / 9
    assert abs((d**4).mean() / (kurtosis * variance**2) - 1) < 5 * math.sqrt((eighth - 1) / n)


def test_every_initialiser_is_tested():
    assert set(INITIALISERS) == {*VARIANCES, "zeros", "ones", "orthogonal"}
    assert all(INITIALISERS[name] is getattr(init, name) for name in INITIALISERS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", VARIANCES)
def test_moments(name, shape):
    variance, uniform = VARIANCES[name]
    pixels = math.prod(shape[2:])
    w = values(INITIALISERS[name](shape))
    assert_moments(w, 0.5 if name == "uniform" else 0, variance(shape[1] * pixels, shape[0] * pixels), uniform)


def test_range_and_moments_of_the_options():
    w = values(init.uniform((200, 100), -3, -1, dtype="float64"))
    assert -3 <= w.min() < -2.99 and -1.01 < w.max() <= -1
    assert_moments(w, -2, 4 / 12, True)
    assert_moments(values(init.normal((200, 100), 5, 0.1)), 5, 0.01, False)
    assert (values(init.uniform((4,), 2, 2)) == 2).all() and (values(init.normal((4,), 3, 0)) == 3).all()


@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "lecun_uniform"])
def test_uniform_ones_keep_their_bounds(name):
    a = math.sqrt(3 * VARIANCES[name][0](50, 100))
    w = values(INITIALISERS[name]((100, 50), dtype="float64"))
    assert abs(w).max() <= a and abs(w).max() > 0.99 * a


@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple),
    gain=st.sampled_from([1.0, 0.5, 2.0]),
    seed=st.integers(0, 99),
)
def test_orthogonal(shape, gain, seed):
    minidl.manual_seed(seed)
    w = values(init.orthogonal(shape, gain, dtype="float64"))
    assert w.shape == shape
    m = w.reshape(shape[0], -1)
    small = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(small, gain**2 * np.eye(len(small)), atol=1e-13)


def test_orthogonal_prefers_no_direction():
    """Uniform over all orthogonal matrices, every entry has mean 0 and variance 1 / n; QR without the fixed signs
    has a diagonal that is never positive, or never negative."""
    q = np.stack([values(init.orthogonal((3, 3), dtype="float64")) for _ in range(2000)])
    assert abs(q.mean(axis=0)).max() < 5 * math.sqrt(1 / 3 / 2000)
    assert abs((q**2).mean(axis=0) - 1 / 3).max() < 5 * math.sqrt(4 / 45 / 2000)


def test_signal_survives_20_layers():
    x = np.random.default_rng(0).normal(size=(500, 256))
    tanh_like = relu = x
    for _ in range(20):
        tanh_like = tanh_like @ values(init.lecun_normal((256, 256))).T
        relu = np.maximum(relu @ values(init.he_normal((256, 256))).T, 0)
    assert 0.2 < tanh_like.std() < 5
    assert 0.2 < math.sqrt((relu**2).mean()) < 5


@given(
    name=st.sampled_from(list(INITIALISERS)),
    shape=st.lists(st.integers(2, 5), min_size=2, max_size=4),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_shape_dtype_and_seed(name, shape, dtype):
    draws = []
    for _ in range(2):
        minidl.manual_seed(3)
        draws.append(INITIALISERS[name](shape, dtype=dtype))
    assert draws[0].shape == tuple(shape) and draws[0].dtype == dtype
    assert INITIALISERS[name](shape).dtype == "float32"
    assert np.array_equal(values(draws[0]), values(draws[1]))
    if name not in ("zeros", "ones"):
        assert not np.array_equal(values(draws[1]), values(INITIALISERS[name](shape, dtype=dtype)))


def test_float32_and_float64_are_the_same_numbers():
    minidl.manual_seed(1)
    a = init.he_normal((4, 5), dtype="float64")
    minidl.manual_seed(1)
    assert np.array_equal(values(init.he_normal((4, 5))), values(a).astype("float32"))


def test_shapes_without_fans():
    assert init.zeros(3).shape == (3,) and init.ones(()).shape == () and init.normal((0, 2)).shape == (0, 2)
    assert values(init.zeros((2, 3))).sum() == 0 and values(init.ones((2, 3))).sum() == 6


def test_the_use_in_the_docstring():
    w = Tensor(init.zeros((4, 3)), requires_grad=True)
    w.data = init.he_normal(w.shape)
    assert w.requires_grad and w.numpy().std() > 0


NAN = math.nan
BAD = [
    (init.zeros, ((2.5, 3),), {}, TypeError, "zeros: shape must be an integer, got 2.5"),
    (init.zeros, ((2, -1),), {}, ValueError, "zeros: shape must be >= 0, got -1"),
    (init.zeros, ("23",), {}, TypeError, "zeros: shape must be an integer, got '23'"),
    (init.zeros, (None,), {}, TypeError, "zeros: shape must be an integer, got None"),
    (init.ones, ((True, 2),), {}, TypeError, "ones: shape must be an integer, got True"),
    (init.zeros, ((2**21, 2**21),), {}, ValueError, "zeros: shape .* would hold 4398046511104 elements"),
    (init.he_normal, ((2**40, 2**40, 2**40),), {}, ValueError, "he_normal: shape .* would hold"),
    (init.normal, ((2**64, 2),), {}, ValueError, "normal: shape must be <= "),
    (init.zeros, ((2, 3),), {"dtype": "float16"}, ValueError, "zeros: dtype must be one of 'float32', 'float64'"),
    (init.normal, ((2, 3),), {"dtype": int}, ValueError, "normal: dtype must be one of"),
    (init.uniform, ((2, 3), 1, 0), {}, ValueError, "uniform: low must be <= high, got low=1 and high=0"),
    (init.uniform, ((2, 3), NAN, 1), {}, ValueError, "uniform: low must be a finite number, got nan"),
    (init.uniform, ((2, 3), 0, math.inf), {}, ValueError, "uniform: high must be a finite number, got inf"),
    (init.uniform, ((2, 3), -1e300, 1e300), {}, ValueError, "uniform: low must be >= "),
    (init.uniform, ((2, 3), -1e308, 1e308), {"dtype": "float64"}, ValueError, "uniform: low must be >= "),
    (init.normal, ((2, 3), 0, -1), {}, ValueError, "normal: std must be >= 0, got -1"),
    (init.normal, ((2, 3), 0, 1e38), {}, ValueError, "normal: std must be <= "),
    (init.normal, ((2, 3), "0"), {}, TypeError, "normal: mean must be a number, got '0'"),
    (init.he_normal, ((3,),), {}, ValueError, r"he_normal: shape must be \(F, D\) or .*got \(3,\)"),
    (init.he_uniform, (3,), {}, ValueError, r"he_uniform: shape must be \(F, D\)"),
    (init.glorot_uniform, ((0, 3),), {}, ValueError, r"glorot_uniform: .* with sizes >= 1, got \(0, 3\)"),
    (init.lecun_normal, ((3, 0),), {}, ValueError, r"lecun_normal: .* with sizes >= 1, got \(3, 0\)"),
    (init.orthogonal, ((3,),), {}, ValueError, r"orthogonal: shape must be \(F, D\)"),
    (init.orthogonal, ((3, 3), NAN), {}, ValueError, "orthogonal: gain must be a finite number, got nan"),
]


@pytest.mark.parametrize("function, arguments, options, error, message", BAD, ids=[b[4] for b in BAD])
def test_bad_input_draws_nothing(function, arguments, options, error, message):
    before = minidl.random.get_state()
    with pytest.raises(error, match=message):
        function(*arguments, **options)
    assert minidl.random.get_state() == before
