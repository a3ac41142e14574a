"""The losses: against their definitions, finite differences and torch; weights, extremes and bad input."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, losses
from minidl.losses import LOSSES, REDUCTIONS
from minidl.testing import gradcheck

GOLDEN = np.load(Path(__file__).parent / "golden" / "losses.npz")
GOLDEN_CASES = json.loads(str(GOLDEN["cases"]))


# ---- the definitions, one number at a time; q, w and the like are for the place that the numbers stand in ----
def log(p):
    return math.log(p) if p > 0 else -math.inf


def huber(x, t, delta=1.0):
    return (x - t) ** 2 / 2 if abs(x - t) <= delta else delta * (abs(x - t) - delta / 2)


def smooth_l1(x, t, beta=1.0):
    return (x - t) ** 2 / 2 / beta if abs(x - t) < beta else abs(x - t) - beta / 2


def bce(p, t, weight=1.0):
    return -weight * (t * log(p) + (1 - t) * log(1 - p))


def bce_with_logits(x, t, weight=1.0, pos_weight=1.0):
    p = 1 / (1 + math.exp(-x))
    return -weight * (pos_weight * t * log(p) + (1 - t) * log(1 - p))


def kl(x, t, log_target=False):
    return math.exp(t) * (t - x) if log_target else (t * (log(t) - x) if t > 0 else 0.0)


ELEMENTWISE = {
    "mse_loss": lambda x, t: (x - t) ** 2,
    "l1_loss": lambda x, t: abs(x - t),
    "huber_loss": huber,
    "smooth_l1_loss": smooth_l1,
    "binary_cross_entropy": bce,
    "binary_cross_entropy_with_logits": bce_with_logits,
    "kl_div": kl,
    "hinge_loss": lambda x, t: max(0.0, 1 - t * x),
}


def softmax(row):
    return [math.exp(x) / sum(math.exp(other) for other in row) for x in row]


def cross_entropy(row, t, weight=None, ignore_index=-100, label_smoothing=0.0):
    K = len(row)
    q = list(t) if np.ndim(t) else [0.0 if t == ignore_index else float(k == t) for k in range(K)]
    if not np.ndim(t) and t == ignore_index:
        return 0.0, 0.0
    smoothed = [(1 - label_smoothing) * q[k] + label_smoothing / K for k in range(K)]
    w = [1.0] * K if weight is None else weight
    loss = -sum(w[k] * smoothed[k] * log(softmax(row)[k]) for k in range(K))
    return loss, 1.0 if np.ndim(t) else w[t]


def nll(row, t, weight=None, ignore_index=-100):
    w = 0.0 if t == ignore_index else (1.0 if weight is None else weight[t])
    return (0.0 if w == 0.0 else -w * row[t]), w


def definition(name, x, t, **options):
    """The losses and what each counts in the mean, as arrays."""
    if name in ELEMENTWISE:
        varying = {k: np.broadcast_to(v, x.shape) for k, v in options.items() if isinstance(v, np.ndarray)}
        fixed = {k: v for k, v in options.items() if k not in varying and k != "reduction"}
        out = np.empty(x.shape)
        for i in np.ndindex(x.shape):
            out[i] = ELEMENTWISE[name](float(x[i]), float(t[i]), **fixed, **{k: v[i] for k, v in varying.items()})
        return out, np.ones(x.shape)
    if name == "half_squared_error":
        errors = [sum((x[n][i] - t[n][i]) ** 2 for i in np.ndindex(x.shape[1:])) / 2 for n in range(len(x))]
        return np.array(errors), np.ones(len(x))
    one = {"cross_entropy": cross_entropy, "nll_loss": nll}[name]
    shape = x.shape[:1] + x.shape[2:]
    out, units = np.empty(shape), np.empty(shape)
    rows, targets = np.moveaxis(x, 1, -1), np.moveaxis(t, 1, -1) if t.ndim == x.ndim else t
    for i in np.ndindex(shape):
        out[i], units[i] = one(list(rows[i]), targets[i] if t.ndim == x.ndim else int(targets[i]), **options)
    return out, units


# ---- the cases: a loss, input and target of a shape (N, K, ...), and options ----
def make(name, kind, shape, rng):
    x, K, places = rng.normal(size=shape) * 2, shape[1], shape[:1] + shape[2:]
    if kind == "numbers":
        return x, rng.normal(size=shape)
    if kind == "signs":
        return x, rng.choice([-1, 1], size=shape)
    if kind == "classes":
        return x, rng.integers(0, K, size=places)
    if kind == "ignored":
        t = rng.integers(0, K, size=places)
        t.ravel()[1::3] = -100
        return x, t
    q = np.moveaxis(rng.dirichlet(np.ones(K), size=places), -1, 1)
    if name == "kl_div":
        q[0, 0] = 0.0  # 0 log 0
        x = np.log(np.moveaxis(rng.dirichlet(np.ones(K), size=places), -1, 1))
        return x, np.log(0.98 * q + 0.01) if kind == "logarithms" else q
    if name == "binary_cross_entropy":
        x = rng.uniform(0.05, 0.95, size=shape)
    return x, q


W = np.array([0.5, 2.0, 1.25])
CASES = [
    ("mse_loss", "numbers", {}),
    ("half_squared_error", "numbers", {}),
    ("l1_loss", "numbers", {}),
    ("huber_loss", "numbers", {}),
    ("huber_loss", "numbers", {"delta": 0.3}),
    ("smooth_l1_loss", "numbers", {}),
    ("smooth_l1_loss", "numbers", {"beta": 2.5}),
    ("smooth_l1_loss", "numbers", {"beta": 0.0}),
    ("hinge_loss", "signs", {}),
    ("kl_div", "probabilities", {}),
    ("kl_div", "logarithms", {"log_target": True}),
    ("binary_cross_entropy", "probabilities", {}),
    ("binary_cross_entropy", "probabilities", {"weight": W[:, None]}),
    ("binary_cross_entropy_with_logits", "probabilities", {}),
    ("binary_cross_entropy_with_logits", "probabilities", {"weight": W[:, None], "pos_weight": W[:2]}),
    ("nll_loss", "classes", {}),
    ("nll_loss", "ignored", {"weight": W}),
    ("nll_loss", "classes", {"ignore_index": 1}),
    ("cross_entropy", "classes", {}),
    ("cross_entropy", "ignored", {}),
    ("cross_entropy", "classes", {"weight": W, "label_smoothing": 0.2}),
    ("cross_entropy", "ignored", {"weight": W, "label_smoothing": 1.0}),
    ("cross_entropy", "classes", {"ignore_index": 2, "label_smoothing": 0.1}),
    ("cross_entropy", "probabilities", {}),
    ("cross_entropy", "probabilities", {"weight": W, "label_smoothing": 0.3}),
]
SHAPE = (5, 3, 2)  # K = 3 classes at two places
names = [f"{name}-{kind}-{'-'.join(options)}" for name, kind, options in CASES]
every_case = pytest.mark.parametrize("name, kind, options", CASES, ids=names)


def weights_for(shape, rng):
    return {"none": None, "examples": rng.random(shape[0]) + 0.1, "elements": rng.random(shape) + 0.1}


def test_every_loss_has_cases():
    assert {name for name, _, _ in CASES} == set(LOSSES) and all(LOSSES[n] is getattr(losses, n) for n in LOSSES)


@every_case
def test_definition_and_gradient(name, kind, options):
    rng = np.random.default_rng(3)
    x, t = make(name, kind, SHAPE, rng)
    expected, units = definition(name, x, t, **options)
    for reduction, weighting in itertools.product(REDUCTIONS, ("none", "examples", "elements")):
        weight = weights_for(expected.shape, rng)[weighting]
        s = np.ones(expected.shape) if weight is None else weight
        s = s.reshape(s.shape + (1,) * (expected.ndim - s.ndim)) * np.ones(expected.shape)
        wanted = {"none": s * expected, "sum": (s * expected).sum(), "mean": (s * expected).sum() / (s * units).sum()}

        def loss(x, reduction=reduction, weight=weight):
            return LOSSES[name](x, t, reduction=reduction, sample_weight=weight, **options)

        got = loss(Tensor(x)).numpy()
        assert got.shape == wanted[reduction].shape and got.dtype == np.float64
        np.testing.assert_allclose(got, wanted[reduction], rtol=1e-12, atol=1e-13)
        gradcheck(loss, [x])


@pytest.mark.parametrize("name", ["mse_loss", "half_squared_error", "l1_loss", "huber_loss", "smooth_l1_loss"])
def test_gradient_of_the_target(name):
    x, t = make(name, "numbers", SHAPE, np.random.default_rng(1))
    gradcheck(lambda x, t: LOSSES[name](x, t, sample_weight=np.arange(1.0, 6.0)), [x, t])


@pytest.mark.parametrize("i", range(len(GOLDEN_CASES)), ids=lambda i: "-".join(map(str, GOLDEN_CASES[i][:3])))
def test_torch(i):
    name, x, t, options = GOLDEN_CASES[i]
    options = {k: GOLDEN[v] if isinstance(v, str) and v in GOLDEN else v for k, v in options.items()}
    x = Tensor(GOLDEN[x], requires_grad=True)
    loss = LOSSES[name](x, GOLDEN[t], **options)
    loss.backward(GOLDEN[f"upstream_{i}"])
    np.testing.assert_allclose(loss.numpy(), GOLDEN[f"loss_{i}"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(Tensor(x.grad).numpy(), GOLDEN[f"grad_{i}"], rtol=1e-10, atol=1e-12)


@given(
    case=st.sampled_from([c for c in CASES if "weight" not in c[2]]),
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple),
    dtype=st.sampled_from(["float32", "float64"]),
    reduction=st.sampled_from(list(REDUCTIONS)),
    seed=st.integers(0, 999),
)
def test_any_shape_and_dtype(case, shape, dtype, reduction, seed):
    name, kind, options = case
    rng = np.random.default_rng(seed)
    x, t = make(name, kind, shape, rng)
    x = x.astype(dtype)
    if name == "hinge_loss":
        t = t.astype(rng.choice(["int64", "float64", "float32"]))
    before, t_before = x.copy(), t.copy()
    expected, units = definition(name, x.astype(np.float64), t, **options)
    if reduction == "mean" and units.sum() == 0:
        with pytest.raises(ValueError, match=f"{name}.*nothing"):
            LOSSES[name](Tensor(x), t, **options)
        return
    wanted = {"none": expected, "sum": expected.sum(), "mean": expected.sum() / max(units.sum(), 1e-300)}[reduction]
    tensor = Tensor(x, requires_grad=True)
    loss = LOSSES[name](tensor, t, reduction=reduction, **options)
    assert loss.dtype == dtype and loss.shape == np.shape(wanted)
    tolerance = 1e-12 if dtype == "float64" else 1e-5 * max(1.0, np.abs(expected).sum())
    np.testing.assert_allclose(loss.numpy(), wanted, rtol=tolerance, atol=tolerance)
    loss.backward(rng.normal(size=loss.shape))
    assert tensor.grad.dtype == dtype and tensor.grad.shape == shape
    assert np.array_equal(tensor.numpy(), before) and np.array_equal(t, t_before)


# ---- weights ----
@every_case
def test_a_weight_of_2_is_a_second_copy_and_0_is_none(name, kind, options):
    x, t = make(name, kind, SHAPE, np.random.default_rng(5))
    twice, rest = [0, 1, 1, 2, 4], {k: v for k, v in options.items()}
    weighted = LOSSES[name](Tensor(x), t, sample_weight=[1, 2, 1, 0, 1], **rest)
    copied = LOSSES[name](Tensor(x[twice]), t[twice], **rest)
    np.testing.assert_allclose(weighted.item(), copied.item(), rtol=1e-12)
    doubled = LOSSES[name](Tensor(x), t, sample_weight=[1e30, 2e30, 1e30, 0, 1e30], **rest)
    np.testing.assert_allclose(doubled.item(), copied.item(), rtol=1e-12)


def test_batchmean_counts_examples():
    x, t = make("kl_div", "probabilities", SHAPE, np.random.default_rng(2))
    per_example = (definition("kl_div", x, t)[0]).sum(axis=(1, 2))
    s = np.array([1.0, 2.0, 0.0, 0.5, 3.0])
    got = losses.kl_div(Tensor(x), t, reduction="batchmean", sample_weight=s).item()
    np.testing.assert_allclose(got, (s * per_example).sum() / s.sum(), rtol=1e-12)
    np.testing.assert_allclose(
        losses.kl_div(Tensor(x), t, reduction="batchmean").item(), per_example.mean(), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("ignored", [-100, 0, 7])
def test_ignored_targets_count_nothing(name, ignored):
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(6, 4)), np.array([1, ignored, 3, 2, ignored, 1])
    kept = t != ignored
    tensor = Tensor(x, requires_grad=True)
    loss = LOSSES[name](tensor, t, weight=[1.0, 2.0, 3.0, 0.5], ignore_index=ignored)
    alone = LOSSES[name](Tensor(x[kept]), t[kept], weight=[1.0, 2.0, 3.0, 0.5])
    np.testing.assert_allclose(loss.item(), alone.item(), rtol=1e-13)
    loss.backward()
    grad = Tensor(tensor.grad).numpy()
    assert (grad[~kept] == 0).all() and (grad[kept] != 0).any()
    with pytest.raises(ValueError, match=f"{name}: there is nothing"):
        LOSSES[name](Tensor(x), np.full(6, ignored), ignore_index=ignored)
    assert LOSSES[name](Tensor(x), np.full(6, ignored), ignore_index=ignored, reduction="sum").item() == 0


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_targets_may_change_before_backward(name):
    """A loader may fill the same tensor again: the gradient is that of the targets which were there."""
    x = Tensor(np.random.default_rng(0).normal(size=(3, 4)), requires_grad=True)
    LOSSES[name](x, [0, 1, 2]).backward()
    expected, x.grad = Tensor(x.grad).numpy(), None
    target = Tensor([0, 1, 2])
    loss = LOSSES[name](x, target)
    target[...] = 3
    loss.backward()
    np.testing.assert_array_equal(Tensor(x.grad).numpy(), expected)


# ---- what must be equal by theory ----
def test_softmax_minus_target():
    x = Tensor(np.random.default_rng(0).normal(size=(1, 4)), requires_grad=True)
    losses.cross_entropy(x, [2]).backward()
    np.testing.assert_allclose(Tensor(x.grad).numpy()[0], np.array(softmax(x.numpy()[0])) - np.eye(4)[2], atol=1e-15)


def test_one_hot_probabilities_are_class_numbers():
    rng = np.random.default_rng(0)
    x, t = Tensor(rng.normal(size=(5, 4))), rng.integers(0, 4, 5)
    for options in ({}, {"label_smoothing": 0.1}, {"weight": [1.0, 2.0, 3.0, 4.0], "reduction": "none"}):
        a, b = losses.cross_entropy(x, t, **options), losses.cross_entropy(x, np.eye(4)[t], **options)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-13)


def test_two_classes_are_binary():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=7) * 5, rng.integers(0, 2, 7)
    two = losses.cross_entropy(Tensor(np.stack([0 * x, x], axis=1)), t).item()
    assert losses.binary_cross_entropy_with_logits(Tensor(x), t).item() == pytest.approx(two, rel=1e-13)
    assert losses.binary_cross_entropy(Tensor(1 / (1 + np.exp(-x))), t).item() == pytest.approx(two, rel=1e-12)


def test_half_squared_error_is_a_scaled_mse():
    rng = np.random.default_rng(0)
    x, t = Tensor(rng.normal(size=(6, 5))), rng.normal(size=(6, 5))
    assert losses.half_squared_error(x, t).item() == pytest.approx(5 / 2 * losses.mse_loss(x, t).item(), rel=1e-13)


# ---- extremes: warnings are errors in this suite ----
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_cross_entropy_of_huge_logits(dtype, options):
    x = Tensor(np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, -1e4]], dtype), requires_grad=True)
    epsilon = options.get("label_smoothing", 0)
    loss = losses.cross_entropy(x, [0, 0, 1], reduction="none", **options)
    # the loss is 2e4 for the part of the target on the wrong class, 0 for the rest
    wanted = 2e4 * np.array([epsilon / 2, 1 - epsilon / 2, 1 - epsilon / 2])
    np.testing.assert_allclose(loss.numpy(), wanted, rtol=1e-6)
    loss.sum().backward()
    right, wrong = epsilon / 2, 1 - epsilon / 2
    wanted = [[right, -right], [-wrong, wrong], [wrong, -wrong]]
    np.testing.assert_allclose(Tensor(x.grad).numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_of_huge_logits(dtype):
    x = Tensor(np.array([1e4, -1e4, 1e4, -1e4, 0], dtype), requires_grad=True)
    loss = losses.binary_cross_entropy_with_logits(x, [1, 0, 0, 1, 1], reduction="none")
    np.testing.assert_allclose(loss.numpy(), [0, 0, 1e4, 1e4, math.log(2)], rtol=1e-6)
    loss.sum().backward()
    np.testing.assert_allclose(Tensor(x.grad).numpy(), [0, 0, 1, -1, -0.5], atol=1e-7)


def test_binary_cross_entropy_at_0_and_1_is_cut_off_at_100():
    p = Tensor(np.array([0.0, 1.0, 0.0, 1.0, 1e-300]), requires_grad=True)
    loss = losses.binary_cross_entropy(p, [0, 1, 1, 0, 1], reduction="none")
    np.testing.assert_allclose(loss.numpy(), [0, 0, 100, 100, 100])
    loss.sum().backward()
    assert np.isfinite(Tensor(p.grad).numpy()).all()


def test_impossible_classes_that_nobody_asked_for_cost_nothing():
    x = np.array([[0.0, -np.inf, 0.0]])
    for target in ([0], [[0.5, 0.0, 0.5]]):
        tensor = Tensor(x, requires_grad=True)
        loss = losses.cross_entropy(tensor, target)
        loss.backward()
        assert loss.item() == pytest.approx(math.log(2))
        assert np.isfinite(Tensor(tensor.grad).numpy()).all()
    assert losses.kl_div(Tensor([[0.0, -np.inf]]), [[1.0, 0.0]]).item() == 0
    assert losses.kl_div(Tensor([[0.0, -np.inf]]), [[0.0, -np.inf]], log_target=True).item() == 0


def test_huber_does_not_square_what_is_far():
    x = Tensor(np.array([1e30, -1e30], "float32"), requires_grad=True)
    for loss in (losses.huber_loss(x, [0.0, 0.0]), losses.smooth_l1_loss(x, [0.0, 0.0])):
        x.grad = None
        loss.backward()
        assert loss.item() == pytest.approx(1e30) and Tensor(x.grad).numpy().tolist() == [0.5, -0.5]


def test_gradients_beside_and_on_the_corners():
    x = Tensor(np.array([0.95, 1.0, 1.05]), requires_grad=True)
    losses.hinge_loss(x, [1, 1, 1], reduction="sum").backward()
    assert Tensor(x.grad).numpy().tolist() == [-1, 0, 0]
    x.grad = None
    losses.l1_loss(x, [1.0, 1.0, 1.0], reduction="sum").backward()
    assert Tensor(x.grad).numpy().tolist() == [-1, 0, 1]


# ---- bad input ----
X = Tensor(np.ones((3, 4), "float32"))
NTK = Tensor(np.zeros((2, 5, 3), "float32"))
V = Tensor(np.full(4, 0.5, "float32"))
WANTS = Tensor(np.full(4, 0.5), requires_grad=True)
NAN, INF = math.nan, math.inf
BAD = [
    ("mse_loss", (Tensor([1.0, 2.0]), [[1.0], [2.0]]), {}, ValueError, r"input \(2,\) and target \(2, 1\)"),
    ("mse_loss", (X, np.ones((1, 4))), {}, ValueError, r"target \(1, 4\)"),
    ("mse_loss", (V, 0.5), {}, ValueError, r"target \(\)"),
    ("mse_loss", (Tensor([1, 2]), [1.0, 2.0]), {}, TypeError, "input must hold floats, got dtype int64"),
    ("mse_loss", ([1.0], [1.0]), {}, TypeError, "input must be a Tensor, got list"),
    ("mse_loss", (V, ["a"] * 4), {}, TypeError, "dtype <U1"),
    ("mse_loss", (V, np.array([None] * 4)), {}, TypeError, "dtype object"),
    ("mse_loss", (V, V), {"reduction": "avg"}, ValueError, "reduction must be one of .*'avg'"),
    ("mse_loss", (V, V), {"reduction": None}, ValueError, "reduction must be one of .*None"),
    ("mse_loss", (V, V), {"reduction": "batchmean"}, ValueError, "'batchmean'"),
    ("mse_loss", (V, V), {"sample_weight": [1.0] * 3}, ValueError, r"sample_weight must have the shape .*\(3,\)"),
    ("mse_loss", (X, X), {"sample_weight": [1.0] * 4}, ValueError, r"sample_weight must have the shape .*\(4,\)"),
    ("mse_loss", (X, X), {"sample_weight": [[1.0]] * 3}, ValueError, r"sample_weight must have the shape .*\(3, 1\)"),
    ("mse_loss", (V, V), {"sample_weight": 2.0}, ValueError, r"sample_weight must have the shape .*\(\)"),
    ("mse_loss", (V, V), {"sample_weight": [1, 1, 1, -0.5]}, ValueError, "sample_weight must be in .*-0.5"),
    ("mse_loss", (V, V), {"sample_weight": [1, 1, NAN, 1]}, ValueError, "sample_weight must be in .*nan"),
    ("mse_loss", (V, V), {"sample_weight": [1, 1, INF, 1]}, ValueError, "sample_weight must be in .*inf"),
    ("mse_loss", (V, V), {"sample_weight": np.full(4, 1e300)}, ValueError, r"sample_weight must be in .*1e\+300"),
    ("mse_loss", (V, V), {"sample_weight": [0, 0, 0, 0]}, ValueError, "nothing to take the mean of"),
    ("mse_loss", (Tensor(np.ones((0, 4))), np.ones((0, 4))), {}, ValueError, "nothing to take the mean of: 0 losses"),
    ("half_squared_error", (Tensor(1.0), 1.0), {}, ValueError, r"shape \(N, ...\), got \(\)"),
    ("huber_loss", (V, V), {"delta": 0}, ValueError, "delta must be > 0, got 0"),
    ("huber_loss", (V, V), {"delta": NAN}, ValueError, "delta must be a finite number, got nan"),
    ("smooth_l1_loss", (V, V), {"beta": -1}, ValueError, "beta must be >= 0, got -1"),
    ("hinge_loss", (V, [0, 1, 1, 0]), {}, ValueError, "target must be -1 or [+]1, got 0"),
    ("hinge_loss", (V, [1, 1]), {}, ValueError, r"target \(2,\)"),
    ("hinge_loss", (V, WANTS), {}, ValueError, "target must not require a gradient"),
    ("kl_div", (V, [0.5, 0.5, 1.5, 0]), {}, ValueError, r"target must be in \[0, 1\], got 1.5"),
    ("kl_div", (V, [0.5, 0.5, NAN, 0]), {}, ValueError, r"target must be in \[0, 1\], got nan"),
    ("kl_div", (V, [0.5] * 4), {"log_target": True}, ValueError, "target must be in .*got 0.5"),
    ("kl_div", (V, [0.5] * 4), {"log_target": 1.0}, ValueError, "log_target must be one of"),
    ("kl_div", (Tensor(0.5), 0.5), {"reduction": "batchmean"}, ValueError, "batchmean"),
    ("binary_cross_entropy", (Tensor([1.5]), [1.0]), {}, ValueError, r"input must be in \[0, 1\], got 1.5"),
    ("binary_cross_entropy", (V, [0, 1, 2, 0]), {}, ValueError, r"target must be in \[0, 1\], got 2"),
    ("binary_cross_entropy", (V, [0.0] * 4), {"weight": [1.0] * 3}, ValueError, r"weight \(3,\) does not broadcast"),
    ("binary_cross_entropy", (V, [0.0] * 4), {"weight": np.ones((2, 4))}, ValueError, r"weight \(2, 4\) does not"),
    ("binary_cross_entropy", (V, [0.0] * 4), {"weight": [-1.0]}, ValueError, "weight must be in .*-1"),
    ("binary_cross_entropy_with_logits", (V, [0.0, 1.0, -0.1, 1.0]), {}, ValueError, "target must be in .*-0.1"),
    ("binary_cross_entropy_with_logits", (V, V), {"pos_weight": NAN}, ValueError, "pos_weight must be in .*nan"),
    ("binary_cross_entropy_with_logits", (V, WANTS), {}, ValueError, "target must not require a gradient"),
    ("nll_loss", (X, [0.0, 1.0, 2.0]), {}, TypeError, "target must hold class numbers"),
    ("nll_loss", (X, [0, 1, -1]), {}, ValueError, r"target must be in 0 \.\.\. 3, got -1"),
    ("nll_loss", (X, [0, 1, 2]), {"weight": [1.0, 1.0]}, ValueError, r"weight must have shape \(4,\)"),
    ("cross_entropy", (X, [0, 1, 4]), {}, ValueError, r"target must be in 0 \.\.\. 3, got 4"),
    ("cross_entropy", (X, [0, 1, 2**40]), {}, ValueError, "got 1099511627776"),
    ("cross_entropy", (X, [-100, 1, -99]), {}, ValueError, "got -99"),
    ("cross_entropy", (X, [0, 1, 2.0]), {}, TypeError, "class numbers .integers. .*float32"),
    ("cross_entropy", (X, [True, False, True]), {}, TypeError, "class numbers .integers. .*bool"),
    ("cross_entropy", (X, [0, 1]), {}, ValueError, r"target must have shape \(3,\).*got \(2,\)"),
    ("cross_entropy", (X, [[0], [1], [2]]), {}, ValueError, r"target must have shape \(3,\).*got \(3, 1\)"),
    ("cross_entropy", (X, np.eye(4, dtype=int)[:3]), {}, ValueError, "one-hot targets must be floats"),
    ("cross_entropy", (X, np.full((3, 4), -0.25)), {}, ValueError, r"target must be in \[0, 1\], got -0.25"),
    ("cross_entropy", (X, np.full((3, 4), 0.25)), {"ignore_index": 1}, ValueError, "ignore_index=1"),
    ("cross_entropy", (V, 1), {}, ValueError, r"input must have shape \(N, K\)"),
    ("cross_entropy", (Tensor(np.ones((3, 0))), [0, 0, 0]), {}, ValueError, r"got \(3, 0\)"),
    ("cross_entropy", (Tensor(np.ones((3, 4), int)), [0, 1, 2]), {}, TypeError, "input must hold floats"),
    ("cross_entropy", (X, [0, 1, 2]), {"weight": [1, 1, 1, -1]}, ValueError, "weight must be in .*-1"),
    ("cross_entropy", (X, [0, 1, 2]), {"weight": [1, 1, 1, NAN]}, ValueError, "weight must be in .*nan"),
    ("cross_entropy", (X, [0, 1, 2]), {"weight": [0, 0, 0, 1]}, ValueError, "nothing to take the mean of"),
    ("cross_entropy", (X, [0, 1, 2]), {"label_smoothing": 1.5}, ValueError, "label_smoothing must be <= 1, got 1.5"),
    ("cross_entropy", (X, [0, 1, 2]), {"label_smoothing": NAN}, ValueError, "label_smoothing must be a finite"),
    ("cross_entropy", (X, [0, 1, 2]), {"ignore_index": 1.5}, TypeError, "ignore_index must be an integer, got 1.5"),
    ("cross_entropy", (X, [0, 1, 2]), {"sample_weight": [1.0, 2.0]}, ValueError, "sample_weight"),
    ("cross_entropy", (NTK, np.zeros((2, 5), int)), {}, ValueError, r"\(2, 3\) .* \(2, 5, 3\), got .* class_axis=-1"),
    ("nll_loss", (NTK, np.zeros((2, 5), int)), {}, ValueError, "say class_axis=-1"),
    ("cross_entropy", (NTK, np.zeros((2, 5), int)), {"class_axis": 3}, ValueError, "class_axis must be <= 2, got 3"),
    ("cross_entropy", (NTK, np.zeros((2, 5), int)), {"class_axis": 0}, ValueError, "class_axis must not be axis 0"),
    ("cross_entropy", (NTK, np.zeros((2, 5), int)), {"class_axis": -3}, ValueError, "axis 0, the examples, got -3"),
    ("cross_entropy", (NTK, np.zeros((2, 5), int)), {"class_axis": "K"}, TypeError, "class_axis must be an integer"),
]


@pytest.mark.parametrize("name, arguments, options, error, message", BAD, ids=[f"{b[0]}-{b[4]}" for b in BAD])
def test_bad_input(name, arguments, options, error, message):
    with pytest.raises(error, match=message) as caught:
        LOSSES[name](*arguments, **options)
    assert name in str(caught.value) or "data must be" in str(caught.value)
