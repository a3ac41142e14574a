"""The optimisers: torch's paths, groups, states, clipping, and what they must refuse."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor
from minidl.optim import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, clip_grad_norm

GOLDEN = np.load(Path(__file__).parent / "golden" / "optim.npz")
CASES = json.loads(str(GOLDEN["cases"]))
NAN, INF = math.nan, math.inf


def leaf(values, dtype="float64"):
    return Tensor(np.array(values, dtype), requires_grad=True)


def golden_parameters(dtype="float64"):
    return [leaf(GOLDEN[f"start_{k}"], dtype) for k in (0, 1)]


def built(name, options, ws):
    options = dict(options)
    own = options.pop("groups", {})
    return OPTIMIZERS[name]([{"params": ws[:1]}, {"params": ws[1:], **own}], **options)


def give_gradients(ws, step):
    """Gradients by backward, so that they are arrays of the backend and accumulate if nobody forgets them."""
    for k, w in enumerate(ws):
        (w * Tensor(GOLDEN[f"gradients_{k}"][step].astype(w.dtype))).sum().backward()


every_case = pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{n}-{'-'.join(o)}" for n, o in CASES])


# ---- against torch ----
@every_case
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
def test_20_steps_of_torch(i, dtype, tolerance):
    ws = golden_parameters(dtype)
    optimizer = built(*CASES[i], ws)
    for step in range(20):
        optimizer.zero_grad()
        give_gradients(ws, step)
        before = [Tensor(w.grad).numpy() for w in ws]
        optimizer.step()
        for k, w in enumerate(ws):
            assert w.dtype == dtype and np.array_equal(Tensor(w.grad).numpy(), before[k])
            np.testing.assert_allclose(w.numpy(), GOLDEN[f"w{k}_{i}"][step], rtol=tolerance, atol=tolerance)


def test_every_optimiser_has_golden_cases():
    assert {name for name, _ in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_torchs(name):
    torchs = {
        "SGD": {"lr": 1e-3, "momentum": 0, "weight_decay": 0, "nesterov": False},
        "Adagrad": {"lr": 1e-2, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10},
        "RMSprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False},
        "Adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
        "AdamW": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2},
    }
    w = leaf([1.0])
    (group,) = OPTIMIZERS[name]([w]).param_groups
    assert group["params"][0] is w and {k: v for k, v in group.items() if k != "params"} == torchs[name]


# ---- what is known without torch ----
@given(
    curvature=st.floats(0.1, 10),
    lr=st.floats(0.001, 0.25),
    start=st.floats(-10, 10).filter(lambda w: abs(w) > 1e-3),
    steps=st.integers(1, 30),
)
def test_sgd_on_a_parabola_shrinks_at_the_known_rate(curvature, lr, start, steps):
    w = leaf([start])
    optimizer = SGD([w], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        (w * w * (curvature / 2)).sum().backward()
        optimizer.step()
    assert w.item() == pytest.approx(start * (1 - lr * curvature) ** steps, rel=1e-9, abs=1e-12)


def test_momentum_is_a_geometric_sum():
    w = leaf([0.0])
    optimizer = SGD([w], lr=1.0, momentum=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        (w * 1.0).sum().backward()
        optimizer.step()
    assert w.item() == -(1 + 1.5 + 1.75)


@pytest.mark.parametrize("make", [Adam, AdamW, Adagrad, RMSprop])
def test_the_size_of_gradients_does_not_matter(make):
    paths = []
    for scale in (1.0, 1e4):
        w = leaf([1.0, -2.0])
        optimizer = make([w], lr=0.1, eps=0.0)
        for step in range(5):
            optimizer.zero_grad()
            (w * Tensor(scale * np.array([step + 1.0, -2.0]))).sum().backward()
            optimizer.step()
        paths.append(w.numpy())
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-12)


def test_centered_rmsprop_of_a_constant_gradient_stays_finite():
    """Its variance is 0, and by rounding below that for some gradients: no root of a negative number."""
    w, g = leaf(np.zeros(1000), "float32"), np.random.default_rng(0).normal(size=1000).astype("float32")
    optimizer = RMSprop([w], lr=1e-6, alpha=0.5, centered=True)
    for _ in range(100):
        optimizer.zero_grad()
        (w * Tensor(g)).sum().backward()
        optimizer.step()
    assert np.isfinite(w.numpy()).all()


# ---- parameters and gradients ----
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_without_gradient_is_left_alone(name):
    used, unused, frozen = leaf([1.0]), leaf([2.0]), Tensor([3.0])
    optimizer = OPTIMIZERS[name]([used, unused, frozen], lr=0.1, weight_decay=0.1)
    (used * 2).sum().backward()
    optimizer.step()
    assert used.item() != 1 and unused.item() == 2 and frozen.item() == 3
    assert optimizer.state[1] == optimizer.state[2] == {}


def test_gradients_do_not_add_up_between_steps():
    w = leaf([1.0])
    optimizer = SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        assert w.grad is None
        (w * 3).sum().backward()
        assert w.grad.tolist() == [3.0]
        optimizer.step()
    assert w.item() == pytest.approx(1 - 3 * 0.3)


def test_a_step_is_noticed_by_a_backward_that_needs_the_old_values():
    w = leaf([2.0])
    y, z = (w * w).sum(), (w * w).sum()
    y.backward()
    SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


def test_a_step_records_nothing_and_keeps_the_memory():
    w = leaf([2.0])
    view = w.detach()
    (w * 1.0).sum().backward()
    Adam([w], lr=0.5).step()
    assert w.is_leaf and w.requires_grad and view.item() == w.item() == pytest.approx(1.5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_other_layouts(name):
    w = leaf(np.ones((3, 4)))
    optimizer = OPTIMIZERS[name]([w], lr=0.1)
    g = np.random.default_rng(0).normal(size=(4, 3))
    plain = leaf(np.ones((3, 4)))
    other = OPTIMIZERS[name]([plain], lr=0.1)
    w.grad = Tensor(g).data.T  # read-only and in the other order
    plain.grad = Tensor(g.T).data
    optimizer.step()
    other.step()
    assert np.array_equal(w.numpy(), plain.numpy())


def test_a_gradient_of_another_shape_changes_nothing():
    a, b = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    (a * 1.0).sum().backward()
    b.grad = Tensor([1.0]).data
    optimizer = SGD([a, b], lr=0.1)
    with pytest.raises(ValueError, match=r"SGD.step: .*\(2,\) has shape \(1,\)"):
        optimizer.step()
    assert a.numpy().tolist() == [1.0, 2.0]


def test_groups():
    a, b, c = leaf([1.0]), leaf([1.0]), leaf([1.0])
    optimizer = SGD([{"params": [a, b], "lr": 0.5}, {"params": c}], lr=0.1, momentum=0.9)
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1]
    assert [g["momentum"] for g in optimizer.param_groups] == [0.9, 0.9]
    (a + b + c).sum().backward()
    optimizer.param_groups[1]["lr"] = 0.25
    optimizer.step()
    assert [w.item() for w in (a, b, c)] == [0.5, 0.5, 0.75]
    assert "SGD(lr=[0.5, 0.25], momentum=0.9" in repr(optimizer)


# ---- states ----
@every_case
def test_resuming_is_bit_identical(i):
    ws = golden_parameters("float32")
    optimizer = built(*CASES[i], ws)
    through_json = None
    for step in range(20):
        if step == 10:
            through_json = json.loads(json.dumps(optimizer.state_dict(), default=np.ndarray.tolist))
            kept = [w.numpy() for w in ws]
        optimizer.zero_grad()
        give_gradients(ws, step)
        optimizer.step()
    for state in (through_json, {**through_json, "state": as_arrays(through_json["state"])}):
        again = [leaf(w, "float32") for w in kept]
        other = built(CASES[i][0], {"lr": 123.0}, again)
        other.load_state_dict(state)
        for step in range(10, 20):
            other.zero_grad()
            give_gradients(again, step)
            other.step()
        assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(ws, again, strict=True))
        assert_same_state(other.state_dict(), optimizer.state_dict())


def as_arrays(states):
    return [{k: np.array(v, "float32") if isinstance(v, list) else v for k, v in s.items()} for s in states]


def assert_same_state(a, b):
    assert a["param_groups"] == b["param_groups"]
    np.testing.assert_equal(a["state"], b["state"])


def test_a_state_is_plain_and_a_copy():
    ws = golden_parameters()
    optimizer = built("Adam", {"groups": {"lr": 0.5}}, ws)
    empty = optimizer.state_dict()
    assert empty["state"] == [{}, {}] and [g["params"] for g in empty["param_groups"]] == [[0], [1]]
    assert empty["param_groups"][0]["betas"] == [0.9, 0.999] and empty["param_groups"][1]["lr"] == 0.5
    give_gradients(ws, 0)
    optimizer.step()
    saved = optimizer.state_dict()
    frozen = copy.deepcopy(saved)
    assert {type(v) for v in saved["state"][0].values()} == {int, np.ndarray}
    optimizer.step()
    assert_same_state(saved, frozen)
    optimizer.load_state_dict(saved)
    optimizer.step()
    assert_same_state(saved, frozen)


def broken_states():
    def change(path, value):
        def apply(state):
            *way, last = path
            for key in way:
                state = state[key]
            if value is KeyError:
                del state[last]
            else:
                state[last] = value

        return apply

    small, ints = np.zeros(3), np.zeros((3, 4), int)
    return [
        (change(["state"], KeyError), ValueError, 'dict of "state" and "param_groups"'),
        (change(["more"], 1), ValueError, 'dict of "state" and "param_groups"'),
        (change(["state"], {}), ValueError, "lists of dicts"),
        (change(["state"], [None, {}]), ValueError, "lists of dicts"),
        (change(["param_groups"], [1, 2]), ValueError, "lists of dicts"),
        (change(["state"], [{}]), ValueError, r"parameters \[\[0\], \[1\]\]"),
        (change(["param_groups", 0, "params"], [0, 1]), ValueError, r"parameters \[\[0\], \[1\]\]"),
        (change(["param_groups", 0, "params"], KeyError), ValueError, r"parameters \[\[0\], \[1\]\]"),
        (change(["param_groups", 1, "lr"], NAN), ValueError, "lr must be a finite number, got nan"),
        (change(["param_groups", 1, "lr"], KeyError), ValueError, "option 'lr' is missing"),
        (change(["param_groups", 1, "rate"], 1), ValueError, "no option 'rate'"),
        (change(["param_groups", 1, "betas"], [0.9]), TypeError, "betas must be two numbers"),
        (change(["state", 0, "m"], small), ValueError, r"state 0: m must have shape \(3, 4\), got \(3,\)"),
        (change(["state", 0, "m"], ints), TypeError, "state 0: m must hold floats"),
        (change(["state", 1, "m"], "text"), TypeError, "state 1: m must hold floats"),
        (change(["state", 1, "v"], KeyError), ValueError, r"state 1: expected \['m', 't', 'v'\], got \['m', 't'\]"),
        (change(["state", 1, "t"], 0), ValueError, "state 1: t must be >= 1, got 0"),
        (change(["state", 1, "t"], 1.5), TypeError, "state 1: t must be an integer, got 1.5"),
    ]


@pytest.mark.parametrize("change, error, message", broken_states())
def test_a_broken_state_changes_nothing(change, error, message):
    ws = golden_parameters()
    optimizer = built("Adam", {}, ws)
    give_gradients(ws, 0)
    optimizer.step()
    before, values = optimizer.state_dict(), [w.numpy() for w in ws]
    state = built("Adam", {"lr": 0.5}, golden_parameters()).state_dict()
    state["state"] = copy.deepcopy(before["state"])
    change(state)
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert_same_state(optimizer.state_dict(), before)
    assert all(np.array_equal(w.numpy(), v) for w, v in zip(ws, values, strict=True))


def test_a_state_of_another_method():
    ws = golden_parameters()
    adam = built("Adam", {}, ws)
    with pytest.raises(ValueError, match="SGD: no option 'betas'"):
        built("SGD", {}, ws).load_state_dict(adam.state_dict())
    with pytest.raises(ValueError, match="dict of"):
        adam.load_state_dict(None)


# ---- bad input ----
W = [leaf([1.0])]
BAD = [
    (SGD, W, {"lr": NAN}, ValueError, "SGD: lr must be a finite number, got nan"),
    (SGD, W, {"lr": INF}, ValueError, "SGD: lr must be a finite number, got inf"),
    (SGD, W, {"lr": -0.1}, ValueError, "SGD: lr must be >= 0, got -0.1"),
    (SGD, W, {"lr": "0.1"}, TypeError, "SGD: lr must be a number, got '0.1'"),
    (SGD, W, {"lr": None}, TypeError, "SGD: lr must be a number, got None"),
    (SGD, W, {"momentum": -0.9}, ValueError, "SGD: momentum must be >= 0"),
    (SGD, W, {"momentum": 9}, ValueError, "SGD: momentum must be < 1, got 9"),
    (SGD, W, {"nesterov": True}, ValueError, "SGD: nesterov=True needs momentum > 0"),
    (SGD, W, {"nesterov": 1, "momentum": 0.9}, ValueError, "SGD: nesterov must be one of True, False, got 1"),
    (SGD, W, {"weight_decay": -1}, ValueError, "SGD: weight_decay must be >= 0"),
    (SGD, W, {"dampening": 0.1}, TypeError, "dampening"),
    (Adagrad, W, {"eps": -1e-9}, ValueError, "Adagrad: eps must be >= 0"),
    (Adagrad, W, {"initial_accumulator_value": -1}, ValueError, "Adagrad: initial_accumulator_value must be >= 0"),
    (RMSprop, W, {"alpha": 1}, ValueError, "RMSprop: alpha must be < 1, got 1"),
    (RMSprop, W, {"centered": None}, ValueError, "RMSprop: centered must be one of True, False, got None"),
    (Adam, W, {"betas": (0.9, 1.0)}, ValueError, r"Adam: betas\[1\] must be < 1, got 1.0"),
    (Adam, W, {"betas": (-0.1, 0.9)}, ValueError, r"Adam: betas\[0\] must be >= 0, got -0.1"),
    (Adam, W, {"betas": 0.9}, TypeError, "Adam: betas must be two numbers, got 0.9"),
    (AdamW, W, {"eps": NAN}, ValueError, "AdamW: eps must be a finite number, got nan"),
    (SGD, [], {}, ValueError, "SGD: params is empty"),
    (SGD, iter([]), {}, ValueError, "SGD: params is empty"),
    (SGD, W[0], {}, TypeError, "SGD: params must be a list of parameters, got a single tensor"),
    (SGD, None, {}, TypeError, "SGD: params must be an iterable of parameters, got None"),
    (SGD, [1.0], {}, TypeError, "SGD: params must hold tensors, got float"),
    (SGD, [("weight", W[0])], {}, TypeError, "SGD: params must hold tensors, got tuple"),
    (SGD, [*W, *W], {}, ValueError, r"SGD: params holds a parameter of shape \(1,\) twice"),
    (SGD, [{"params": W}, {"params": W}], {}, ValueError, r"SGD: params holds a parameter of shape \(1,\) twice"),
    (SGD, [W[0] * 2], {}, ValueError, "SGD: params must hold leaf tensors"),
    (SGD, [Tensor([1, 2])], {}, TypeError, "SGD: params must hold floats, got dtype int64"),
    (SGD, [{"params": []}], {}, ValueError, "SGD: the params of a group are empty"),
    (SGD, [{"params": 3}], {}, TypeError, "SGD: the params of a group must be parameters, got 3"),
    (SGD, [{"lr": 0.1}], {}, TypeError, 'SGD: a parameter group must be a dict with "params"'),
    (SGD, [{"params": W}, *W], {}, TypeError, 'SGD: a parameter group must be a dict with "params"'),
    (SGD, [{"params": W, "betas": (0.9, 0.9)}], {}, ValueError, "SGD: no option 'betas'; the options are lr, momentum"),
    (SGD, [{"params": W, "lr": NAN}], {}, ValueError, "SGD: lr must be a finite number, got nan"),
]


@pytest.mark.parametrize("make, params, options, error, message", BAD, ids=[b[4] for b in BAD])
def test_bad_input(make, params, options, error, message):
    with pytest.raises(error, match=message):
        make(params, **options)
    assert W[0].item() == 1 and W[0].grad is None


def test_the_base_class_has_no_update():
    w = leaf([1.0])
    (w * 1.0).sum().backward()
    with pytest.raises(NotImplementedError, match="Optimizer has no update"):
        Optimizer([w]).step()


# ---- clip_grad_norm ----
@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    p=st.sampled_from([1.0, 2.0, 3, 0.5, INF]),
    max_norm=st.just(0.0) | st.floats(0.01, 10),
    scale=st.sampled_from([1e-20, 1.0, 1e30]),
    seed=st.integers(0, 99),
)
def test_clip_keeps_the_direction(sizes, p, max_norm, scale, seed):
    rng = np.random.default_rng(seed)
    ws = [leaf(np.zeros(n), "float32") for n in sizes] + [leaf([0.0])]
    gs = [(scale * rng.normal(size=n)).astype("float32") for n in sizes]
    for w, g in zip(ws, gs, strict=False):
        w.grad = Tensor(g).data
    whole = np.concatenate(gs).astype("float64")
    wanted = np.linalg.norm(whole / scale, p) * scale if whole.size else 0.0
    norm = clip_grad_norm(iter(ws), max_norm, norm_type=p)
    assert isinstance(norm, float) and norm == pytest.approx(wanted, rel=1e-6)
    after = np.concatenate([Tensor(w.grad).numpy() for w in ws[:-1]])
    assert after.dtype == np.float32 and ws[-1].grad is None
    factor = min(1.0, max_norm / (wanted + 1e-6))
    np.testing.assert_allclose(after, whole * factor, rtol=1e-5, atol=1e-37)
    if factor == 1:
        assert np.array_equal(after, np.concatenate(gs))


@pytest.mark.parametrize("value", [NAN, INF])
def test_clip_leaves_what_has_no_finite_norm(value):
    w = leaf([0.0, 0.0])
    w.grad = Tensor(np.array([3.0, value])).data
    norm = clip_grad_norm(w, 1.0)
    assert norm == value or (math.isnan(value) and math.isnan(norm))
    np.testing.assert_equal(Tensor(w.grad).numpy(), [3.0, value])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (([leaf([1.0])], -1), ValueError, "clip_grad_norm: max_norm must be >= 0, got -1"),
        (([leaf([1.0])], NAN), ValueError, "clip_grad_norm: max_norm must be a finite number"),
        (([leaf([1.0])], 1, 0), ValueError, "clip_grad_norm: norm_type must be > 0, got 0"),
        (([leaf([1.0])], 1, "fro"), TypeError, "clip_grad_norm: norm_type must be a number, got 'fro'"),
        (([1.0], 1), TypeError, "clip_grad_norm: parameters must hold tensors, got float"),
    ],
)
def test_clip_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        clip_grad_norm(*arguments)


@pytest.mark.parametrize("grad", ["a", 1.0, [1.0, 2.0], np.array([1j, 2j]), np.array([None, 1]), Tensor([1.0, 2.0])])
def test_a_gradient_that_is_no_real_array_changes_nothing(grad):
    first, second = Tensor([3.0], requires_grad=True), Tensor([1.0, 2.0], requires_grad=True)
    first.grad, second.grad = Tensor([1.0]).data, grad
    optimizer = Adam([first, second])
    with pytest.raises(TypeError, match="Adam.step: a gradient must be an array of real numbers, got"):
        optimizer.step()
    assert first.item() == 3.0 and optimizer.state == [{}, {}]


@pytest.mark.parametrize("lr", ["a", None, -1.0, float("nan")])
def test_a_learning_rate_set_by_hand_is_checked_at_the_step(lr):
    w = Tensor([3.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.param_groups[0]["lr"] = lr
    with pytest.raises((ValueError, TypeError), match="SGD: lr must be"):
        optimizer.step()
    assert w.item() == 3.0


def test_options_are_checked_again_whenever_they_change():
    w = leaf([3.0])
    optimizer = Adam([w])
    w.grad = Tensor(np.array([1.0])).data
    optimizer.step()
    before = w.item()
    for name, value in (("lr", NAN), ("lr", -1.0), ("betas", (0.9, 1.0)), ("eps", "0")):
        good = optimizer.param_groups[0][name]
        optimizer.param_groups[0][name] = value
        for _ in range(2):
            with pytest.raises((ValueError, TypeError), match=f"Adam: {name}"):
                optimizer.step()
        optimizer.param_groups[0][name] = good
    assert w.item() == before
    optimizer.param_groups[0]["betas"] = [0.5, 0.5]
    optimizer.step()
    assert w.item() != before and optimizer.param_groups[0]["betas"] == (0.5, 0.5)


@pytest.mark.parametrize("shape", [(1,), (), (2, 1), (1, 2)])
def test_a_gradient_of_the_same_type_and_another_shape(shape):
    w = leaf([1.0, 2.0])
    w.grad = Tensor(np.ones(shape)).data
    with pytest.raises(ValueError, match=r"SGD.step: .*\(2,\) has shape"):
        SGD([w]).step()
    assert w.numpy().tolist() == [1.0, 2.0]
