"""RBF and RBFNet: tabulated values, gradients, initial prototypes, far away, the two stages, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
import minidl.functional as F
from minidl import Tensor, fit, nn, no_grad, optim
from minidl.backend import to_numpy
from minidl.datasets import load_digits, load_iris, train_test_split
from minidl.nn.radial import RADIAL
from minidl.testing import gradcheck

# phi(s) and phi'(s) at s = 0, 1 and 3, by hand
TABLE = {
    "gaussian": [(1, -1), (math.exp(-1), -math.exp(-1)), (math.exp(-3), -math.exp(-3))],
    "multiquadric": [(1, 0.5), (math.sqrt(2), 0.5 / math.sqrt(2)), (2, 0.25)],
    "inverse_multiquadric": [(1, -0.5), (1 / math.sqrt(2), -(2**-2.5)), (0.5, -0.0625)],
    "thin_plate": [(0, None), (0, 0.5), (1.5 * math.log(3), 0.5 * math.log(3) + 0.5)],
}
POSITIVE = [name for name in RADIAL if RADIAL[name].log is not None]
OPTIONS = [(name, False) for name in RADIAL] + [(name, True) for name in POSITIVE]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def naive(x, c, betas, radial, normalised):
    """The definition, number by number."""
    y = np.zeros((len(x), len(c)))
    for n in range(len(x)):
        for k in range(len(c)):
            r = math.sqrt(betas[k]) * math.dist(x[n], c[k])
            y[n, k] = {
                "gaussian": math.exp(-r * r),
                "multiquadric": math.hypot(1, r),
                "inverse_multiquadric": 1 / math.hypot(1, r),
                "thin_plate": r * r * math.log(r) if r else 0.0,
            }[radial]
    return y / y.sum(axis=1, keepdims=True) if normalised else y


@pytest.mark.parametrize("radial", RADIAL)
def test_the_table_of_radial_functions(radial):
    s = np.array([0.0, 1.0, 3.0])
    f = RADIAL[radial]
    phi = f.value(s.copy())
    slope = f.slope(s, phi)
    for k, (value, wanted) in enumerate(TABLE[radial]):
        assert phi[k] == pytest.approx(value, abs=1e-15)
        assert wanted is None or slope[k] == pytest.approx(wanted)
    assert np.isfinite(slope).all()
    if f.log is not None:
        np.testing.assert_allclose(f.log(s), np.log(phi), atol=1e-15)
        np.testing.assert_allclose(f.log_slope(s) + 0 * s, slope / phi)


@given(st.sampled_from(OPTIONS), st.integers(0, 4), st.integers(1, 5), st.sampled_from([1, 2, 40]), st.integers(0, 99))
def test_the_definition(option, N, K, D, seed):
    x, c = normal(N, D, seed=seed), normal(K, D, seed=seed + 1)
    betas = np.random.default_rng(seed).uniform(0.1, 2, K) / D
    y = nn.rbf(Tensor(x), Tensor(c), Tensor(betas), *option)
    np.testing.assert_allclose(y.numpy(), naive(x, c, betas, *option), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("radial", "normalised"), OPTIONS)
@pytest.mark.parametrize("D", [2, 40])
def test_gradients(radial, normalised, D):
    leaves = [Tensor(a, requires_grad=True) for a in (normal(5, D), normal(4, D, seed=1), normal(4, seed=2) ** 2 + 0.1)]
    worst = gradcheck(lambda x, c, b: F.rbf(x, c, b, radial=radial, normalised=normalised), leaves)
    assert worst <= 1e-6
    layer = nn.RBF(D, 4, radial=radial, normalised=normalised, beta=0.2).to("float64")
    assert gradcheck(layer, [leaves[0]], list(layer.parameters())) <= 1e-6


@pytest.mark.parametrize(("radial", "normalised"), OPTIONS)
def test_on_a_prototype_the_gradient_is_finite_and_right(radial, normalised):
    c = normal(3, 2)
    x = c[:1].copy()
    leaves = [Tensor(a, requires_grad=True) for a in (x, c, np.full(3, 0.7))]
    g = normal(1, 3, seed=1)
    nn.rbf(*leaves, radial, normalised).backward(g)
    h = 1e-5
    for k, leaf in enumerate(leaves):
        found = to_numpy(leaf.grad)
        for place in np.ndindex(*leaf.shape):
            ends = []
            for step in (h, -h):
                moved = [t.numpy() for t in leaves]
                moved[k][place] += step
                ends.append((naive(*moved, radial, normalised) * g).sum())
            assert found[place] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-4)


def test_far_away_nothing_answers_and_normalised_the_nearest_does():
    centers, betas = Tensor([[0.0, 0.0], [1.0, 0.0]]), Tensor([1.0, 1.0])
    x = Tensor([[1e6, 0.0], [-1e6, 0.0]], requires_grad=True)
    assert (nn.rbf(x, centers, betas).numpy() == 0).all()
    p = nn.rbf(x, centers, betas, normalised=True)
    assert p.numpy().tolist() == [[0, 1], [1, 0]]
    p.backward(normal(2, 2))
    assert np.isfinite(to_numpy(x.grad)).all()
    beyond = Tensor([[1e30, 0.0]])  # whose square is infinite
    assert nn.rbf(beyond, centers, betas).numpy().tolist() == [[0, 0]]
    assert nn.rbf(beyond, centers, betas, normalised=True).numpy().tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("radial", ["gaussian", "inverse_multiquadric"])
@pytest.mark.parametrize("D", [2, 20])  # the loop, the matrix product
def test_the_betas_of_units_that_are_silent_get_no_gradient(radial, D):
    centers = Tensor(normal(3, D).astype("float32"))
    for far in (1e6, 1e30):  # the square of the second is infinite
        betas = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        nn.rbf(Tensor(np.full((2, D), far, "float32")), centers, betas, radial).backward(normal(2, 3))
        assert np.abs(to_numpy(betas.grad)).max() < 1e-5


def test_units_far_from_the_origin_see_small_differences():
    rng = np.random.default_rng(0)
    x = (1e4 + rng.normal(size=(20, 64))).astype("float32")
    layer = nn.RBF(64, 5).set_prototypes(x[:5])
    wanted = naive(x.astype(float), x[:5].astype(float), np.full(5, 1 / 128), "gaussian", False)
    np.testing.assert_allclose(layer(Tensor(x)).numpy(), wanted, rtol=1e-4)
    assert (np.diag(layer(Tensor(x[:5])).numpy()) == 1).all()


# ---- prototypes from data ----
def test_prototypes_are_different_examples():
    x = np.repeat(np.arange(6.0), 3).reshape(-1, 1).astype("float32")
    layer = nn.RBF(1, 6).init_from_examples(x, seed=0)
    assert sorted(layer.centers.numpy().ravel()) == list(range(6))
    assert np.array_equal(
        nn.RBF(1, 4).init_from_examples(x, 1).state_dict()["centers"],
        nn.RBF(1, 4).init_from_examples(x, 1).state_dict()["centers"],
    )


def test_betas_come_from_the_spread_of_the_clusters():
    x = np.array([[0.0], [2.0], [9.0], [15.0], [100.0]])  # mean distances from the centres 1, 12, 100: 1, 3, and none
    layer = nn.RBF(1, 3).init_from_kmeans(x, seed=0)
    order = layer.centers.numpy().ravel().argsort()
    np.testing.assert_allclose(layer.centers.numpy().ravel()[order], [1, 12, 100])
    np.testing.assert_allclose(layer.betas.numpy()[order], [1 / 2, 1 / 18, 1 / 8], rtol=1e-6)


def test_betas_stay_positive_and_float64_stays():
    layer = nn.RBF(2, 3).to("float64")
    optimizer = optim.SGD(layer.parameters(), lr=5.0)
    x = Tensor(normal(20, 2))
    for _ in range(20):
        optimizer.zero_grad()
        (-layer(x).mean()).backward()
        optimizer.step()
        assert (layer.betas.numpy() > 0).all() and layer.betas.dtype == "float64"


# ---- the network ----
def accuracy(net, x, y):
    with no_grad():
        return float((net(Tensor(x)).numpy().argmax(axis=1) == y).mean())


def test_digits_by_ten_prototypes_a_class():
    split = train_test_split(*load_digits(flat=True), test_size=500, stratify=load_digits().y)
    x, x_test, y, y_test = split
    for normalised in (False, True):
        net = nn.RBFNet(64, 100, 10, normalised=normalised).fit_prototypes(x, y, seed=0).fit_output(x, y)
        assert accuracy(net, x_test, y_test) >= 0.97  # 0.98 and more in five splits
        far = Tensor(np.full((1, 64), 10.0, "float32"))
        assert normalised or float(net.rbf(far).numpy().max()) < 1e-6


def test_digits_by_a_layer_trained_end_to_end():
    x, x_test, y, y_test = train_test_split(*load_digits(flat=True), test_size=500, stratify=load_digits().y)
    model = nn.Sequential(nn.RBF(64, 100).init_from_kmeans(x, seed=0), nn.Linear(100, 10))
    fit(model, x, y, optimizer=optim.Adam(model.parameters(), lr=1e-2), epochs=20, verbose=False)
    assert accuracy(model, x_test, y_test) >= 0.955


def test_iris_mean_of_ten_splits():
    found = []
    for seed in range(10):
        x, x_test, y, y_test = train_test_split(*load_iris(), test_size=50, stratify=load_iris().y, seed=seed)
        found.append(accuracy(nn.RBFNet(4, 9, 3).fit_prototypes(x, y, seed).fit_output(x, y), x_test, y_test))
    assert np.mean(found) >= 0.95


def test_every_class_has_prototypes_of_its_own():
    x = np.concatenate([normal(100, 2), normal(3, 2, seed=1) + 50, normal(100, 2, seed=2) - 50])
    y = np.repeat([0, 1, 2], [100, 3, 100])  # the second class is rare
    centers = nn.RBFNet(2, 8, 3).fit_prototypes(x, y, seed=0).rbf.centers.numpy()
    assert [int(k) for k in (np.abs(centers) > 25).sum(axis=1) * np.sign(centers[:, 0]) / 2] == [
        0,
        0,
        0,
        1,
        1,
        1,
        -1,
        -1,
    ]


def test_the_output_weights_are_the_ridge_solution():
    x, y = normal(30, 2), normal(30, 2, seed=1)
    net = nn.RBFNet(2, 6, 2).to("float64").fit_prototypes(x, y, seed=0).fit_output(x, y, ridge=0.5)
    prediction = net(Tensor(x))
    loss = ((prediction - Tensor(y)) ** 2).sum() + 0.5 * (net.linear.weight**2).sum()
    loss.backward()  # at the minimum
    for p in net.linear.parameters():
        assert np.abs(to_numpy(p.grad)).max() < 1e-9


def test_regression_of_a_sine_and_training_goes_on():
    x = np.linspace(0, 6, 80, dtype="float32")[:, None]
    y = np.sin(x[:, 0])
    net = nn.RBFNet(1, 10, 1, normalised=True).fit_prototypes(x, y, seed=0).fit_output(x, y)

    def error():
        with no_grad():
            return float(((net(Tensor(x)).numpy()[:, 0] - y) ** 2).mean())

    assert (before := error()) < 0.01  # the variance of y is 0.5
    net.rbf.requires_grad_(False)  # output weights alone
    state = net.state_dict()
    fit(net, x, y[:, None], loss="mse_loss", epochs=1, verbose=False)
    assert np.array_equal(net.state_dict()["rbf.centers"], state["rbf.centers"])
    net.load_state_dict(state)
    net.rbf.requires_grad_(True)
    adam = optim.Adam(net.parameters(), lr=1e-2)
    fit(net, x, y[:, None], loss="mse_loss", optimizer=adam, epochs=200, batch_size=80, verbose=False)
    assert error() < before / 10


# ---- bad input ----
X, C, B = Tensor([[1.0, 2.0]]), Tensor([[0.0, 0.0], [1.0, 1.0]]), Tensor([1.0, 2.0])
ROWS, LABELS = normal(6, 2), np.array([0, 0, 0, 1, 1, 1])
NET = nn.RBFNet(2, 4, 2)
BAD = {
    "features": (lambda: F.rbf(Tensor([[1.0]]), C, B), "expected axis 1 of x to be in_features=2, got shape"),
    "axes of x": (lambda: F.rbf(C[0], C, B), r"x must have shape \(N, D\), got \(2,\)"),
    "number of betas": (lambda: F.rbf(X, C, Tensor([1.0])), "expected axis 0 of betas to be num_prototypes=2"),
    "a beta of 0": (lambda: F.rbf(X, C, Tensor([1.0, 0.0])), "all betas must be finite and > 0"),
    "a beta that is NaN": (lambda: F.rbf(X, C, Tensor([1.0, np.nan])), "all betas must be finite and > 0"),
    "a beta that is infinite": (lambda: F.rbf(X, C, Tensor([1.0, np.inf])), "all betas must be finite and > 0"),
    "two dtypes": (lambda: F.rbf(X.to("float64"), C, B), "x and centers must have one dtype"),
    "no prototypes": (lambda: F.rbf(X, C[:0], B[:0]), "centers must hold at least one prototype"),
    "an unknown function": (lambda: nn.RBF(2, 2, radial="cubic"), "radial must be one of 'gaussian', .*'cubic'"),
    "a normalised thin plate": (lambda: nn.RBF(2, 2, radial="thin_plate", normalised=True), "that is positive"),
    "0 units": (lambda: nn.RBF(2, 0), "num_prototypes must be >= 1, got 0"),
    "a negative beta": (lambda: nn.RBF(2, 2, beta=-1), "beta must be > 0, got -1"),
    "a negative beta, later": (lambda: nn.RBF(2, 2).set_prototypes(C, [1.0, -1.0]), "betas must be finite and > 0"),
    "more prototypes than examples": (
        lambda: nn.RBF(2, 5).init_from_examples(ROWS[[0, 1, 1, 1, 2]]),
        "num_prototypes=5 is more than the 3 distinct rows of x",
    ),
    "more clusters than examples": (
        lambda: nn.RBF(2, 5).init_from_kmeans(ROWS[:4]),
        "n_clusters=5 is more than the 4 distinct rows of x",
    ),
    "examples of other features": (lambda: nn.RBF(3, 2).init_from_examples(ROWS), "axis 1 of x to be in_features=3"),
    "NaN as an example": (lambda: nn.RBF(2, 2).init_from_examples(ROWS * np.nan), "finite numbers"),
    "fewer prototypes than classes": (
        lambda: nn.RBFNet(2, 1, 2).fit_prototypes(ROWS, LABELS),
        "num_prototypes=1 leaves",
    ),
    "a class too small": (
        lambda: nn.RBFNet(2, 8, 2).fit_prototypes(ROWS, LABELS),
        "class 0 needs 4 prototypes and has 3 distinct rows",
    ),
    "a label out of range": (lambda: NET.fit_prototypes(ROWS, LABELS + 1), r"y must be in 0 \.\.\. 1, got 2"),
    "labels of another length": (
        lambda: NET.fit_output(ROWS, LABELS[:3]),
        "axis 0 of y to be the number of rows of x=6",
    ),
    "NaN as a target": (lambda: NET.fit_output(ROWS, ROWS * np.nan), "y must hold finite numbers"),
    "a ridge of 0": (lambda: NET.fit_output(ROWS, LABELS, ridge=0), "ridge must be > 0, got 0"),
    "no rows": (lambda: NET.fit_output(ROWS[:0], LABELS[:0]), r"x has no rows, got shape \(0, 2\)"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what):
    call, message = BAD[what]
    before = NET.state_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        call()
    assert all(np.array_equal(before[name], value) for name, value in NET.state_dict().items())


def test_the_same_seed_the_same_network():
    x, y = load_iris()
    nets = []
    for _ in range(2):
        minidl.manual_seed(3)
        nets.append(nn.RBFNet(4, 9, 3).fit_prototypes(x, y).fit_output(x, y).state_dict())
    assert all(np.array_equal(nets[0][name], nets[1][name]) for name in nets[0])
