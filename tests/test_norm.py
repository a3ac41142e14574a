"""BatchNorm1d, BatchNorm2d, LayerNorm, GroupNorm: their definitions, gradients, statistics and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.backend import to_numpy
from minidl.testing import check_layer, gradcheck, strategies


def normal(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def standardised(x, eps):
    """Every row of x (rows, values) with mean 0 and variance 1, in float64, one row at a time."""
    out = []
    for row in np.asarray(x, "float64"):
        mean = sum(row) / len(row)
        var = sum((v - mean) ** 2 for v in row) / len(row)
        out.append([(v - mean) / (var + eps) ** 0.5 for v in row])
    return np.array(out)


def batch_norm_by_definition(x, w, b, eps):
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    y = standardised(rows, eps) * w[:, None] + b[:, None]
    return np.moveaxis(y.reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)


def group_norm_by_definition(x, groups, w, b, eps):
    y = standardised(x.reshape(x.shape[0] * groups, -1), eps).reshape(*x.shape[:2], -1)
    return (y * w[:, None] + b[:, None]).reshape(x.shape)


def randomised(layer, seed=3):
    """The layer with random weights and, where it has them, random running statistics."""
    rng = np.random.default_rng(seed)
    state = layer.state_dict()
    new = {name: rng.uniform(0.5, 2.0, v.shape).astype(v.dtype) for name, v in state.items() if v.dtype.kind == "f"}
    layer.load_state_dict({**state, **new})
    return layer


LADDER = {
    "1d": (lambda: nn.BatchNorm1d(3), (4, 3), {}),
    "1d of sequences": (lambda: nn.BatchNorm1d(3), (4, 3, 2), {}),
    "1d of one sequence": (lambda: nn.BatchNorm1d(3), (1, 3, 5), {}),
    "1d, one channel": (lambda: nn.BatchNorm1d(1), (4, 1), {}),
    "2d": (lambda: nn.BatchNorm2d(2), (3, 2, 2, 3), {"rank": True}),
    "2d, eps": (lambda: nn.BatchNorm2d(2, eps=0.1), (3, 2, 2, 3), {}),
    "2d, momentum": (lambda: nn.BatchNorm2d(2, momentum=0.9), (3, 2, 2, 3), {}),
    "2d, plain average": (lambda: nn.BatchNorm2d(2, momentum=None), (3, 2, 2, 3), {}),
    "2d, not affine": (lambda: nn.BatchNorm2d(2, affine=False), (3, 2, 2, 3), {}),
    "2d, no statistics": (lambda: nn.BatchNorm2d(2, track_running_stats=False), (3, 2, 2, 3), {}),
    "1d, evaluation": (lambda: randomised(nn.BatchNorm1d(3)).eval(), (4, 3), {"batch": True, "empty": True}),
    "2d, evaluation": (lambda: randomised(nn.BatchNorm2d(2)).eval(), (3, 2, 2, 3), {"batch": True, "empty": True}),
    "2d, evaluation, not affine": (lambda: nn.BatchNorm2d(2, affine=False).eval(), (3, 2, 2, 3), {"batch": True}),
    "layer": (lambda: nn.LayerNorm(3), (4, 3), {"batch": True, "empty": True}),
    "layer, no batch": (lambda: nn.LayerNorm(3), (3,), {}),
    "layer, two axes": (lambda: nn.LayerNorm((2, 3)), (4, 5, 2, 3), {"batch": True, "empty": True}),
    "layer, size 1": (lambda: nn.LayerNorm((2, 1)), (1, 2, 1), {"batch": True, "empty": True}),
    "layer, eps": (lambda: nn.LayerNorm(3, eps=0.1), (4, 3), {}),
    "layer, no bias": (lambda: nn.LayerNorm(3, bias=False), (4, 3), {}),
    "layer, not affine": (lambda: nn.LayerNorm(3, elementwise_affine=False), (4, 3), {}),
    "group": (lambda: nn.GroupNorm(2, 4), (3, 4, 2, 2), {"batch": True, "empty": True}),
    "group of vectors": (lambda: nn.GroupNorm(2, 6), (3, 6), {"batch": True, "empty": True}),
    "group, all": (lambda: nn.GroupNorm(1, 3), (2, 3, 2), {"batch": True}),
    "group, each": (lambda: nn.GroupNorm(3, 3), (1, 3, 4), {"batch": True}),
    "group, eps": (lambda: nn.GroupNorm(2, 4, eps=0.1), (3, 4, 2), {}),
    "group, not affine": (lambda: nn.GroupNorm(2, 4, affine=False), (3, 4, 2), {}),
}


@pytest.mark.parametrize("name", LADDER)
def test_ladder(name):
    make, shape, rungs = LADDER[name]

    def factory():
        layer = make()
        return randomised(layer) if layer.state_dict() and layer.training else layer

    assert check_layer(factory, normal(*shape), **rungs).passed


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)).filter(
        lambda s: s[0] * s[2] * s[3] > 1
    ),
    st.data(),
    st.sampled_from([1e-5, 0.1, 3.0]),
)
@settings(max_examples=40)
def test_batch_norm_is_its_definition(shape, data, eps):
    x = data.draw(strategies.arrays(shape))
    layer = randomised(nn.BatchNorm2d(shape[1], eps=eps)).to(x.dtype.name)
    y = layer(Tensor(x)).numpy()
    w, b = layer.weight.numpy(), layer.bias.numpy()
    assert y.dtype == x.dtype
    # two float32 values close together are told apart by few digits: their difference is divided by sqrt(eps) at worst
    bound = 1e-12 if x.dtype == np.float64 else 1e-6 * 10 / eps**0.5
    np.testing.assert_allclose(y, batch_norm_by_definition(x, w, b, eps), rtol=0, atol=bound)


@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.data())
@settings(max_examples=40)
def test_group_norm_is_its_definition(N, groups, per_group, L, data):
    x = data.draw(strategies.arrays((N, groups * per_group, L), dtype="float64"))
    layer = randomised(nn.GroupNorm(groups, groups * per_group, eps=0.01)).to("float64")
    w, b = layer.weight.numpy(), layer.bias.numpy()
    expected = group_norm_by_definition(x, groups, w, b, 0.01) if N else x
    np.testing.assert_allclose(layer(Tensor(x)).numpy(), expected, rtol=0, atol=1e-12)


@given(st.lists(st.integers(1, 3), max_size=2), st.lists(st.integers(1, 3), min_size=1, max_size=2), st.data())
@settings(max_examples=40)
def test_layer_norm_is_its_definition(leading, last, data):
    x = data.draw(strategies.arrays((*leading, *last), dtype="float64"))
    layer = randomised(nn.LayerNorm(last, eps=0.01)).to("float64")
    y = standardised(x.reshape(-1, int(np.prod(last))), 0.01).reshape(x.shape)
    expected = y * layer.weight.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(layer(Tensor(x)).numpy(), expected, rtol=0, atol=1e-12)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 4), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_gradients_of_any_shape(N, C, L, training, seed):
    x = normal(N, C, L, seed=seed)
    for layer in (nn.BatchNorm1d(C, eps=0.1), nn.LayerNorm((C, L), eps=0.1), nn.GroupNorm(C, C, eps=0.1)):
        layer = randomised(layer.to("float64").train(training))
        gradcheck(layer, [x], layer.parameters())


# ---- running statistics ----
@pytest.mark.parametrize("momentum", [0.1, 0.7, 0.0, 1.0, None])
def test_running_statistics_follow_the_batches(momentum):
    layer = nn.BatchNorm2d(3, momentum=momentum).to("float64")
    mean, var = np.zeros(3), np.ones(3)
    for k in range(1, 6):
        x = normal(2, 3, 2, 4, seed=k) * k + k
        layer(Tensor(x))
        m = 1 / k if momentum is None else momentum
        for c in range(3):
            values = x[:, c].ravel()
            mean[c] = (1 - m) * mean[c] + m * values.mean()
            var[c] = (1 - m) * var[c] + m * ((values - values.mean()) ** 2).sum() / (values.size - 1)
        np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-12)
        assert layer.num_batches_tracked.item() == k
    assert layer.num_batches_tracked.dtype == np.int64 and layer.num_batches_tracked.shape == ()


def test_evaluation_uses_the_running_statistics_and_leaves_them():
    layer = randomised(nn.BatchNorm1d(3)).to("float64").eval()
    before = layer.state_dict()
    x = Tensor(normal(4, 3), requires_grad=True)
    y = layer(x)
    y.backward(normal(4, 3, seed=1))
    s = before
    expected = (x.numpy() - s["running_mean"]) / np.sqrt(s["running_var"] + 1e-5) * s["weight"] + s["bias"]
    np.testing.assert_allclose(y.numpy(), expected, rtol=0, atol=1e-13)
    for name, value in layer.state_dict().items():
        assert np.array_equal(value, before[name])
    assert layer.running_mean.grad is None and layer.running_var.grad is None


def test_frozen_inside_of_a_model_that_trains():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    model[1].eval()
    before = model[1].state_dict()
    model(Tensor(normal(4, 2, dtype="float32"))).sum().backward()
    assert model.training and all(np.array_equal(v, before[k]) for k, v in model[1].state_dict().items())
    assert model[0].weight.grad is not None and model[1].weight.grad is not None


def test_without_statistics_evaluation_looks_at_the_batch():
    layer = nn.BatchNorm1d(3, track_running_stats=False)
    x = Tensor(normal(4, 3, dtype="float32"))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert np.array_equal(layer(x).numpy(), layer.eval()(x).numpy())


def test_statistics_are_updated_without_a_graph_too_and_never_reached_by_one():
    layer = nn.BatchNorm1d(2)
    y = layer(Tensor([[1.0, 2.0], [3.0, 5.0]]))
    layer(Tensor([[1.0, 2.0], [3.0, 5.0]]))  # writes the statistics again; y's graph must not care
    y.sum().backward()
    assert layer.num_batches_tracked.item() == 2


def test_names_of_the_state():
    affine, statistics = ["weight", "bias"], ["running_mean", "running_var", "num_batches_tracked"]
    for layer, names in (
        (nn.BatchNorm2d(3), affine + statistics),
        (nn.BatchNorm1d(3, affine=False), statistics),
        (nn.BatchNorm1d(3, affine=False, track_running_stats=False), []),
        (nn.LayerNorm(3), affine),
        (nn.LayerNorm(3, bias=False), ["weight"]),
        (nn.LayerNorm(3, elementwise_affine=False), []),
        (nn.GroupNorm(1, 3), affine),
        (nn.GroupNorm(1, 3, affine=False), []),
    ):
        assert list(layer.state_dict()) == names


# ---- a behaviour of their own ----
def test_the_gradient_of_batch_norm_has_no_mean_and_no_part_along_xhat():
    layer = nn.BatchNorm1d(3, eps=1e-12).to("float64")
    x = Tensor(normal(8, 3), requires_grad=True)
    y = layer(x)
    y.backward(normal(8, 3, seed=1))
    dx, xhat = to_numpy(x.grad), y.numpy()
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((dx * xhat).sum(axis=0), 0, atol=1e-9)
    assert np.abs(dx).max() > 0.01


def test_scale_and_shift_of_a_channel_do_not_matter():
    x = normal(8, 3)
    layer = nn.BatchNorm1d(3, eps=1e-12).to("float64")
    y = layer(Tensor(x)).numpy()
    z = layer(Tensor(x * [2.0, 30.0, 0.5] + [1.0, -7.0, 100.0])).numpy()
    np.testing.assert_allclose(y, z, atol=1e-9)


def test_layer_norm_does_not_see_the_scale_of_a_row_and_batch_norm_does():
    x = normal(4, 6)
    scaled = x * np.array([[1.0], [2.0], [30.0], [0.5]])
    layer, batch = nn.LayerNorm(6, eps=1e-12).to("float64"), nn.BatchNorm1d(6, eps=1e-12).to("float64")
    np.testing.assert_allclose(layer(Tensor(x)).numpy(), layer(Tensor(scaled)).numpy(), atol=1e-9)
    assert np.abs(batch(Tensor(x)).numpy() - batch(Tensor(scaled)).numpy()).max() > 0.1


def test_group_norm_between_layer_norm_and_instance_norm():
    x = normal(2, 6, 5)
    plain = {"eps": 1e-5, "affine": False}
    layer = nn.LayerNorm((6, 5), elementwise_affine=False)
    np.testing.assert_allclose(nn.GroupNorm(1, 6, **plain)(Tensor(x)).numpy(), layer(Tensor(x)).numpy(), atol=1e-13)
    each = nn.GroupNorm(6, 6, **plain)(Tensor(x)).numpy()
    for n in range(2):  # a batch of one image is all that batch norm sees
        alone = nn.BatchNorm1d(6, affine=False).to("float64")(Tensor(x[n : n + 1])).numpy()
        np.testing.assert_allclose(each[n : n + 1], alone, atol=1e-13)


def test_a_sequence_is_an_image_of_one_row():
    x = normal(2, 3, 5, dtype="float32")
    one, two = randomised(nn.BatchNorm1d(3)), randomised(nn.BatchNorm2d(3))
    assert np.array_equal(one(Tensor(x)).numpy(), two(Tensor(x[:, :, None])).numpy()[:, :, 0])
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert np.array_equal(a, b)


def test_a_large_mean_costs_no_digits_that_the_input_has():
    # 1e4 has a float32 spacing of 0.001; the mean of the squares minus the square of the mean would be off by 8
    x = (normal(64, 64) + 1e4).astype("float32")
    for make in (lambda: nn.BatchNorm1d(64), lambda: nn.LayerNorm(64), lambda: nn.GroupNorm(1, 64)):
        y, exact = make()(Tensor(x)).numpy(), make().to("float64")(Tensor(x.astype("float64"))).numpy()
        np.testing.assert_allclose(y, exact, rtol=0, atol=2 * float(np.spacing(np.float32(1e4))))


def test_equal_values_become_the_bias():
    for layer in (nn.BatchNorm1d(2), nn.LayerNorm(2), nn.GroupNorm(1, 2)):
        layer.bias.data = np.array([3.0, -1.0])
        y = layer(Tensor(np.full((4, 2), 7.0, "float32"))).numpy()
        np.testing.assert_allclose(y, np.tile([3.0, -1.0], (4, 1)), atol=1e-6)


def test_functional_forms_are_what_the_modules_call():
    x = Tensor(normal(3, 4, 2))
    w, b = Tensor(normal(4, seed=1)), Tensor(normal(4, seed=2))
    mean, var = Tensor(normal(4, seed=3)), Tensor(normal(4, seed=4) ** 2)
    layer = nn.BatchNorm1d(4).to("float64")
    layer.load_state_dict(
        {"weight": w, "bias": b, "running_mean": mean, "running_var": var, "num_batches_tracked": np.int64(7)}
    )
    assert np.array_equal(nn.batch_norm(x, mean, var, w, b).numpy(), layer.eval()(x).numpy())
    assert np.array_equal(nn.batch_norm(x, mean, var, w, b, training=True).numpy(), layer.train()(x).numpy())
    assert np.array_equal(mean.numpy(), layer.running_mean.numpy()) and layer.num_batches_tracked.item() == 8
    group = nn.GroupNorm(2, 4).to("float64")
    assert np.array_equal(nn.group_norm(x, 2).numpy(), group(x).numpy())
    assert np.array_equal(nn.layer_norm(x, 2).numpy(), nn.LayerNorm(2).to("float64")(x).numpy())


# ---- what is refused ----
BAD = {
    "one value a channel": (lambda: nn.BatchNorm1d(3)(Tensor(normal(1, 3))), ValueError, r"\(1, 3\)"),
    "one pixel": (lambda: nn.BatchNorm2d(3)(Tensor(normal(1, 3, 1, 1))), ValueError, "more than 1 value"),
    "no values": (lambda: nn.BatchNorm1d(3)(Tensor(normal(0, 3))), ValueError, "more than 1 value"),
    "rank 1": (lambda: nn.BatchNorm1d(3)(Tensor(normal(3))), ValueError, r"BatchNorm1d: x .*\(N, C\)"),
    "rank 4 in 1d": (lambda: nn.BatchNorm1d(3)(Tensor(normal(2, 3, 1, 1))), ValueError, "BatchNorm1d: x"),
    "rank 3 in 2d": (lambda: nn.BatchNorm2d(3)(Tensor(normal(2, 3, 4))), ValueError, "BatchNorm2d: x"),
    "channels": (lambda: nn.BatchNorm2d(3)(Tensor(normal(2, 4, 1, 1))), ValueError, "num_features=3"),
    "integers": (lambda: nn.BatchNorm1d(2)(Tensor([[1, 2], [3, 4]])), TypeError, "floats"),
    "a list": (lambda: nn.batch_norm([[1.0]], None, None, training=True), TypeError, "list"),
    "num_features 0": (lambda: nn.BatchNorm1d(0), ValueError, "num_features must be >= 1, got 0"),
    "num_features 2.5": (lambda: nn.BatchNorm1d(2.5), TypeError, "num_features must be an integer, got 2.5"),
    "eps 0": (lambda: nn.BatchNorm1d(2, eps=0), ValueError, "eps must be > 0"),
    "eps nan": (lambda: nn.LayerNorm(2, eps=float("nan")), ValueError, "eps must be a finite number, got nan"),
    "momentum": (lambda: nn.BatchNorm2d(2, momentum=1.5), ValueError, "momentum must be <= 1, got 1.5"),
    "half of the statistics": (
        lambda: nn.batch_norm(Tensor(normal(2, 3)), Tensor(normal(3)), None),
        ValueError,
        "running_mean and running_var",
    ),
    "no statistics": (lambda: nn.batch_norm(Tensor(normal(2, 3)), None, None), ValueError, "running_mean"),
    "a weight too long": (
        lambda: nn.batch_norm(Tensor(normal(2, 3)), None, None, Tensor(normal(4)), training=True),
        ValueError,
        "weight",
    ),
    "layer: last axis": (lambda: nn.LayerNorm(3)(Tensor(normal(3, 4))), ValueError, r"normalized_shape=\(3,\)"),
    "layer: too few axes": (lambda: nn.LayerNorm((3, 4))(Tensor(normal(4))), ValueError, r"\(3, 4\)"),
    "layer: nothing": (lambda: nn.LayerNorm(()), ValueError, "at least one axis"),
    "layer: size 0": (lambda: nn.LayerNorm((3, 0)), ValueError, "normalized_shape must be >= 1"),
    "layer: word": (lambda: nn.LayerNorm("3"), TypeError, "normalized_shape must be an integer"),
    "layer: weight": (
        lambda: nn.layer_norm(Tensor(normal(2, 3)), 3, Tensor(normal(2))),
        ValueError,
        r"weight must have shape normalized_shape=\(3,\)",
    ),
    "group: not a divisor": (lambda: nn.GroupNorm(3, 4), ValueError, "num_groups must divide num_channels=4, got 3"),
    "group: functional": (lambda: nn.group_norm(Tensor(normal(2, 4)), 3), ValueError, "num_groups must divide"),
    "group: 0": (lambda: nn.GroupNorm(0, 4), ValueError, "num_groups must be >= 1"),
    "group: channels": (lambda: nn.GroupNorm(2, 4)(Tensor(normal(2, 6))), ValueError, "num_channels=4"),
    "group: rank": (lambda: nn.GroupNorm(2, 4)(Tensor(normal(4))), ValueError, "num_channels=4"),
    "group: no places": (lambda: nn.GroupNorm(2, 4)(Tensor(normal(2, 4, 0))), ValueError, r"\(2, 4, 0\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()


def test_a_refused_batch_changes_no_statistics():
    layer = nn.BatchNorm1d(3)
    before = layer.state_dict()
    for x in (normal(1, 3), normal(2, 4), normal(3)):
        with pytest.raises(ValueError):
            layer(Tensor(x))
    assert all(np.array_equal(v, before[k]) for k, v in layer.state_dict().items())
