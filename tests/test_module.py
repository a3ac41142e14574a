"""Module: what belongs to it, weights in and out, modes, freezing, hooks, copies, dtypes, repr."""

import copy

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from minidl.backend import to_numpy


def normal(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2, bias=False))


class Mixed(nn.Module):
    r"""Parameters of its own, before, between and after its parts."""

    def __init__(self):
        self.first = nn.Parameter([1.0])
        self.part = nn.Linear(2, 1)
        self.none = None
        self.second = nn.Parameter([2.0, 3.0])
        self.note = nn.Buffer([4.0])
        self.constant = Tensor([5.0])
        self.inner = nn.Sequential(nn.Linear(1, 1, bias=False))
        self.number = 7

    def forward(self, x):
        return self.inner(self.part(x)) * self.first


class Tied(nn.Module):
    r"""One weight that two parts share, and one part that stands in two places."""

    def __init__(self):
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.again = self.a

    def forward(self, x):
        return self.again(self.b(self.a(x)))


# ---- what belongs to it ----
def test_parameters_come_in_the_order_of_definition():
    names = [name for name, _ in Mixed().named_parameters()]
    assert names == ["first", "second", "part.weight", "part.bias", "inner.0.weight"]  # its own first, as in torch
    assert [p.size for p in Mixed().parameters()] == [1, 2, 2, 1, 1]


def test_buffers_are_saved_and_not_trained_and_plain_tensors_neither():
    module = Mixed()
    assert list(module.state_dict()) == ["first", "second", "note", "part.weight", "part.bias", "inner.0.weight"]
    assert not module.note.requires_grad


def test_modules_and_children():
    module = Mixed()
    assert [name for name, _ in module.named_modules()] == ["", "part", "inner", "inner.0"]
    assert [name for name, _ in module.named_children()] == ["part", "inner"]
    assert list(module.modules())[0] is module and len(list(module.children())) == 2


def test_shared_parameters_come_once():
    module = Tied()
    assert [name for name, _ in module.named_parameters()] == ["a.weight", "a.bias", "b.bias"]
    assert [name for name, _ in module.named_modules()] == ["", "a", "b"]
    x = Tensor(normal(3, 2))
    module(x).backward(normal(3, 2, seed=1))
    assert module.a.weight.grad is module.b.weight.grad


def test_the_base_class_says_that_forward_is_missing():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(\)"):
        Empty()(1)


def test_torch_habits_do_no_harm():
    class Habit(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter([1.0])

    assert len(list(Habit().parameters())) == 1


# ---- weights in and out ----
def test_round_trip():
    a, b = small(), small()
    a(Tensor(normal(5, 3)))  # running statistics other than at the start
    state = a.state_dict()
    assert b.load_state_dict(state) == ([], [])
    for name, value in b.state_dict().items():
        assert value.dtype == state[name].dtype and np.array_equal(value, state[name])
    x = Tensor(normal(2, 3, seed=2))
    assert np.array_equal(a.eval()(x).numpy(), b.eval()(x).numpy())


def test_the_state_is_a_copy():
    model = nn.Linear(2, 2)
    state = model.state_dict()
    state["weight"][...] = 9
    assert not (model.weight.numpy() == 9).any()
    model.load_state_dict(state)
    state["weight"][...] = 8
    assert (model.weight.numpy() == 9).all()


def test_what_is_shared_is_listed_under_every_name():
    module = Tied()
    state = module.state_dict()
    assert list(state) == ["a.weight", "a.bias", "b.weight", "b.bias", "again.weight", "again.bias"]
    new = {name: np.full_like(value, 2.0) for name, value in state.items()}
    module.load_state_dict(new)
    assert (module.b.weight.numpy() == 2).all()
    other = {**new, "b.weight": new["b.weight"] + 1}
    with pytest.raises(ValueError, match="a.weight and b.weight are one tensor here, and came with different values"):
        module.load_state_dict(other)
    assert (module.b.weight.numpy() == 2).all()
    nan = {name: np.full_like(value, np.nan) for name, value in state.items()}
    module.load_state_dict(nan)  # equal, in the sense that counts here
    assert np.isnan(module.a.weight.numpy()).all()


def test_tensors_integers_and_other_float_types_are_taken():
    model = nn.Linear(2, 1)
    model.load_state_dict({"weight": Tensor([[1.0, 2.0]]), "bias": np.array([3])})
    assert model.weight.numpy().tolist() == [[1, 2]] and model.bias.numpy().tolist() == [3]
    model.load_state_dict({"weight": np.array([[0.1, 0.2]]), "bias": np.array([0.5], "float16")})
    assert model.weight.dtype == np.float32 and model.bias.numpy().tolist() == [0.5]
    assert np.array_equal(model.weight.numpy(), np.array([[0.1, 0.2]], "float32"))


def test_nan_and_infinity_are_values_like_others():
    model = nn.Linear(2, 1)
    model.load_state_dict({"weight": np.array([[np.nan, -np.inf]]), "bias": np.array([np.inf])})
    np.testing.assert_array_equal(model.weight.numpy(), [[np.nan, -np.inf]])


def test_strict_or_not():
    model = nn.Linear(2, 1)
    state = {"weight": np.ones((1, 2)), "extra": np.ones(3)}
    with pytest.raises(ValueError, match=r"missing keys \['bias'\], unexpected keys \['extra'\]; strict=False"):
        model.load_state_dict(state)
    result = model.load_state_dict(state, strict=False)
    assert result.missing_keys == ["bias"] and result.unexpected_keys == ["extra"]
    assert (model.weight.numpy() == 1).all()


def test_loading_is_noticed_by_a_graph_that_needs_the_old_weights():
    model = nn.Linear(2, 1)
    y = model(Tensor([[1.0, 2.0]], requires_grad=True)).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


BAD_STATE = {
    "missing": ({"weight": np.ones((1, 2))}, ValueError, r"Linear.load_state_dict: missing keys \['bias'\]"),
    "unexpected": (
        {"weight": np.ones((1, 2)), "bias": np.ones(1), "scale": np.ones(1)},
        ValueError,
        r"unexpected keys \['scale'\]",
    ),
    "shape": (
        {"weight": np.ones((2, 1)), "bias": np.ones(1)},
        ValueError,
        r"weight must have shape \(1, 2\), got \(2, 1\)",
    ),
    "0-d": ({"weight": np.ones((1, 2)), "bias": np.float32(1)}, ValueError, r"bias must have shape \(1,\), got \(\)"),
    "complex": (
        {"weight": np.ones((1, 2)), "bias": np.ones(1) + 1j},
        TypeError,
        "bias must fit into float32, got dtype complex128",
    ),
    "objects": (
        {"weight": np.ones((1, 2)), "bias": np.array([None])},
        TypeError,
        "bias must fit into float32, got dtype object",
    ),
    "text": ({"weight": np.ones((1, 2)), "bias": np.array(["a"])}, TypeError, "bias must fit into float32"),
    "a list": ({"weight": np.ones((1, 2)), "bias": [1.0]}, TypeError, "bias must be an array or a tensor, got list"),
    "None": ({"weight": np.ones((1, 2)), "bias": None}, TypeError, "bias must be an array or a tensor, got NoneType"),
    "too large": (
        {"weight": np.ones((1, 2)), "bias": np.array([1e300])},
        ValueError,
        "bias has values that are too large for float32",
    ),
    "no dict": ([("weight", 1)], TypeError, "state must be a dict of arrays, got list"),
    "a path": ("weights.safetensors", TypeError, "state must be a dict of arrays, got str"),
}


@pytest.mark.parametrize("case", BAD_STATE)
def test_a_state_that_does_not_fit_changes_nothing(case):
    state, kind, words = BAD_STATE[case]
    model = nn.Linear(2, 1)
    before = model.state_dict()
    with pytest.raises(kind, match=words):
        model.load_state_dict(state)
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())


def test_a_counter_takes_no_floats():
    layer = nn.BatchNorm1d(1)
    state = layer.state_dict() | {"num_batches_tracked": np.array(2.5)}
    with pytest.raises(TypeError, match="num_batches_tracked must fit into int64, got dtype float64"):
        layer.load_state_dict(state)


# ---- what is done to all of it ----
def test_train_and_eval_reach_every_part():
    model = nn.Sequential(small(), nn.Residual(nn.Dropout(0.5)))
    assert model.train(False) is model and not any(m.training for m in model.modules())
    assert all(m.training for m in model.train().modules())
    model[0].eval()
    assert model.training and not model[0][3].training and model[1].training
    with pytest.raises(ValueError, match="Sequential.train: mode must be one of True, False"):
        model.train("yes")


def test_freezing():
    model = small()
    model[0].requires_grad_(False)
    x = Tensor(normal(5, 3))
    model(x).sum().backward()
    assert model[0].weight.grad is None and model[4].weight.grad is not None
    model.requires_grad_()
    model(x).sum().backward()
    assert model[0].weight.grad is not None
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_to_float64_and_back():
    model = small()
    before = model.state_dict()
    weight = model[0].weight
    assert model.to("float64") is model and model[0].weight is weight
    assert {v.dtype.name for v in model.state_dict().values()} == {"float64", "int64"}  # the counter stays a counter
    assert model(Tensor(normal(5, 3, dtype="float64"))).dtype == np.float64
    model.load_state_dict(before)
    model.to("float32")
    assert all(np.array_equal(v, before[k]) and v.dtype == before[k].dtype for k, v in model.state_dict().items())


def test_to_moves_plain_tensors_and_gradients_along():
    module = Mixed()
    module(Tensor(normal(3, 2))).sum().backward()
    module.to("float64")
    assert module.constant.dtype == module.note.dtype == np.float64
    assert module.first.grad.dtype == np.float64


@pytest.mark.parametrize("where", ["float16", "cuda", "", None, np.float64])
def test_to_elsewhere_is_refused(where):
    with pytest.raises(ValueError, match="Linear.to: where must be one of 'numpy', 'cupy', 'float32', 'float64'"):
        nn.Linear(1, 1).to(where)


# ---- hooks ----
def test_forward_hooks_see_and_change_the_output():
    model = nn.Linear(2, 1)
    x = Tensor([[1.0, 2.0]])
    plain = model(x).numpy()
    seen = []
    remove = model.register_forward_hook(lambda module, inputs, output: seen.append((module, inputs, output)))
    double = model.register_forward_hook(lambda module, inputs, output: output * 2)
    y = model(x)
    assert seen[0][0] is model and seen[0][1] == (x,) and np.array_equal(seen[0][2].numpy(), plain)
    assert np.array_equal(y.numpy(), plain * 2)
    remove()
    model(x)
    assert len(seen) == 1
    double()
    double()  # once more does no harm
    assert np.array_equal(model(x).numpy(), plain)


def test_pre_hooks_see_and_change_the_input():
    model = nn.Identity()
    x = Tensor([1.0])
    first = model.register_forward_pre_hook(lambda module, inputs: inputs[0] * 2)
    second = model.register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
    assert model(x).item() == 3
    first()
    assert model(x).item() == 2
    second()
    assert model(x) is x


def test_the_same_hook_twice_is_taken_off_one_by_one():
    model, calls = nn.Identity(), []

    def hook(module, inputs, output):
        calls.append(1)

    first, second = model.register_forward_hook(hook), model.register_forward_hook(hook)
    model(Tensor([1.0]))
    first()
    model(Tensor([1.0]))
    second()
    model(Tensor([1.0]))
    assert len(calls) == 3


def test_hooks_of_one_module_are_not_those_of_another():
    a, b = nn.Identity(), nn.Identity()
    a.register_forward_hook(lambda module, inputs, output: output * 2)
    assert a(Tensor([1.0])).item() == 2 and b(Tensor([1.0])).item() == 1


def test_a_hook_must_be_a_function():
    with pytest.raises(TypeError, match="Identity: hook must be a function, got 3"):
        nn.Identity().register_forward_hook(3)


def test_options_of_forward_are_passed_on():
    assert nn.Dropout(1.0).eval()(Tensor([1.0]), training=True).item() == 0


# ---- copies ----
def test_a_deep_copy_shares_nothing():
    model = small()
    model(Tensor(normal(5, 3))).sum().backward()
    other = copy.deepcopy(model)
    assert type(other[0].weight) is nn.Parameter and type(other[1].running_mean) is nn.Buffer
    assert other[0].weight.requires_grad and other[0].bias is not model[0].bias
    before = other.state_dict()
    for p in model.parameters():
        p.data = p.numpy() + 1
    model[1].running_mean.data = np.ones(4)
    assert all(np.array_equal(v, before[k]) for k, v in other.state_dict().items())
    assert np.array_equal(to_numpy(other[4].weight.grad), to_numpy(model[4].weight.grad))
    other.zero_grad()
    assert model[4].weight.grad is not None
    other.eval()
    assert model.training


def test_a_deep_copy_computes_and_learns_the_same():
    model = small().eval()
    other = copy.deepcopy(model)
    x = Tensor(normal(5, 3))
    for m in (model, other):
        m(x).backward(normal(5, 2, seed=1))
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert np.array_equal(to_numpy(p.grad), to_numpy(q.grad))


def test_what_is_shared_stays_shared_in_a_copy():
    module = copy.deepcopy(Tied())
    assert module.b.weight is module.a.weight and module.again is module.a


def test_copies_of_parameters_and_buffers():
    p = nn.Parameter([1.0, 2.0], requires_grad=False)
    q = copy.deepcopy(p)
    assert type(q) is nn.Parameter and not q.requires_grad and q.numpy().tolist() == [1, 2]
    q.data = [3.0, 4.0]
    assert p.numpy().tolist() == [1, 2]
    assert type(copy.deepcopy(nn.Buffer([1.0]))) is nn.Buffer


# ---- what it says of itself ----
def test_repr():
    model = nn.Sequential(nn.Linear(3, 2), nn.Residual(nn.ReLU()))
    assert repr(model) == (
        "Sequential(\n  (0): Linear(3, 2, bias=True)\n  (1): Residual(\n    (branch): ReLU()\n  )\n)"
    )
    assert repr(nn.Concat(nn.Identity(), axis=-1)) == "Concat(axis=-1\n  (0): Identity()\n)"


@pytest.mark.parametrize(
    "layer, text",
    [
        (nn.BatchNorm1d(3), "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"),
        (nn.LayerNorm((2, 3), bias=False), "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)"),
        (nn.GroupNorm(2, 4), "GroupNorm(2, 4, eps=1e-05, affine=True)"),
        (nn.Dropout2d(0.3), "Dropout2d(p=0.3)"),
        (nn.GaussianNoise(0.1), "GaussianNoise(std=0.1)"),
        (nn.Embedding(5, 2, padding_idx=-1), "Embedding(5, 2, padding_idx=4)"),
        (nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)"),
        (nn.PReLU(3), "PReLU(num_parameters=3)"),
        (nn.ELU(2), "ELU(alpha=2.0)"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Softmax(1), "Softmax(axis=1)"),
        (nn.LogSoftmax(), "LogSoftmax(axis=-1)"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.SELU(), "SELU()"),
    ],
)
def test_repr_shows_the_options(layer, text):
    assert repr(layer) == text


def test_repr_of_a_parameter_tells_what_it_is():
    assert repr(nn.Parameter([1.0])) == "Parameter([1.], requires_grad=True)"
    assert repr(nn.Buffer([1.0])) == "Buffer([1.])"


def test_no_grad_reaches_into_modules():
    with minidl.no_grad():
        assert not nn.Linear(2, 1)(Tensor([[1.0, 2.0]])).requires_grad
