"""Sequential, ModuleList, Residual, Concat, Flatten, Identity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.backend import to_numpy
from minidl.testing import check_layer, strategies


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


LADDER = {
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (5, 3)),
    "Sequential of one": (lambda: nn.Sequential(nn.Linear(3, 2)), (1, 3)),
    "Sequential, one layer twice": (lambda: (lambda a: nn.Sequential(a, nn.Tanh(), a))(nn.Linear(3, 3)), (5, 3)),
    "Residual": (lambda: nn.Residual(nn.Linear(3, 3)), (5, 3)),
    "Residual, shortcut": (lambda: nn.Residual(nn.Linear(3, 2), nn.Linear(3, 2, bias=False)), (5, 3)),
    "Concat": (lambda: nn.Concat(nn.Linear(3, 2), nn.Identity(), nn.Linear(3, 1)), (5, 3)),
    "Concat of one": (lambda: nn.Concat(nn.Linear(3, 2)), (5, 3)),
    "Concat, last axis": (lambda: nn.Concat(nn.Linear(3, 2), nn.Identity(), axis=-1), (5, 2, 3)),
    "Flatten": (nn.Flatten, (2, 3, 4, 1)),
    "Flatten, some axes": (lambda: nn.Flatten(1, 2), (2, 3, 4, 2)),
    "Flatten, counted from the end": (lambda: nn.Flatten(-2, -1), (2, 3, 4, 2)),
    "Identity": (nn.Identity, (2, 3)),
}


@pytest.mark.parametrize("name", LADDER)
def test_ladder(name):
    make, shape = LADDER[name]
    assert check_layer(make, shape, batch=True, empty=True).passed


# ---- Sequential and ModuleList ----
def test_a_sequential_is_its_layers_one_after_the_other():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = Tensor(normal(5, 3).astype("float32"))
    y = x
    for layer in (model[0], model[1], model[2]):
        y = layer(y)
    assert np.array_equal(model(x).numpy(), y.numpy())


def test_an_empty_sequential_is_the_identity():
    x = Tensor([1.0, 2.0])
    assert nn.Sequential()(x) is x and len(nn.Sequential()) == 0 and repr(nn.Sequential()) == "Sequential()"


@pytest.mark.parametrize("kind", [nn.Sequential, lambda *layers: nn.ModuleList(layers)])
def test_indexing(kind):
    layers = [nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3), nn.Tanh()]
    box = kind(*layers)
    assert len(box) == 4 and list(box) == layers
    assert box[0] is layers[0] and box[-1] is layers[3] and box[np.int64(2)] is layers[2]
    for part in (slice(1, 3), slice(None, None, -1), slice(-2, None), slice(5, 9)):
        assert list(box[part]) == layers[part] and type(box[part]) is type(box)
    assert [name for name, _ in box.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [name for name, _ in box[2:].named_parameters()] == ["0.weight", "0.bias"]
    for bad in (4, -5):
        with pytest.raises(IndexError, match=rf"index {bad} is outside of 4 modules"):
            box[bad]
    for bad in ("0", 1.0, None, True):
        with pytest.raises(TypeError, match="index must be an integer"):
            box[bad]


def test_a_slice_shares_its_layers():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3))
    assert model[:1][0].weight is model[0].weight


def test_module_list_grows():
    box = nn.ModuleList()
    assert len(box) == 0
    box.append(nn.Linear(1, 1)).extend([nn.ReLU(), nn.Tanh()])
    box.extend(nn.Sequential(nn.Sigmoid()))
    assert [type(m).__name__ for m in box] == ["Linear", "ReLU", "Tanh", "Sigmoid"]
    assert [name for name, _ in box.named_children()] == ["0", "1", "2", "3"]
    with pytest.raises(NotImplementedError, match="ModuleList has no forward"):
        box(Tensor([1.0]))


def test_a_refused_extend_adds_nothing():
    box = nn.ModuleList([nn.ReLU()])
    with pytest.raises(TypeError, match="module 1 must be a module, got int"):
        box.extend([nn.Tanh(), 3])
    assert len(box) == 1


# ---- Residual and Concat ----
def test_a_branch_of_zeros_leaves_the_input_and_its_gradient():
    layer = nn.Residual(nn.Linear(3, 3))
    for p in layer.parameters():
        p.data = np.zeros(p.shape)
    x = Tensor(normal(4, 3).astype("float32"), requires_grad=True)
    g = normal(4, 3, seed=1).astype("float32")
    y = layer(x)
    y.backward(g)
    assert np.array_equal(y.numpy(), x.numpy()) and np.array_equal(to_numpy(x.grad), g)


def test_the_gradient_reaches_the_bottom_of_a_deep_residual_tower_and_not_of_a_plain_one():
    def slope(wrap):
        model = nn.Sequential(*(wrap(nn.Sequential(nn.Linear(8, 8), nn.Tanh())) for _ in range(60)))
        x = Tensor(normal(2, 8).astype("float32"), requires_grad=True)
        model(x).backward(normal(2, 8, seed=1).astype("float32"))
        return np.abs(to_numpy(x.grad)).max()

    assert slope(nn.Residual) > 0.1 > 1e-6 > slope(lambda branch: branch)


@given(st.integers(0, 2), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_concat_puts_the_outputs_side_by_side(axis, sizes):
    class Cut(nn.Module):
        def __init__(self, n):
            self.n = n

        def forward(self, x):
            return x[(slice(None),) * axis + (slice(0, self.n),)]

    x = normal(3, 3, 3)
    y = nn.Concat(*map(Cut, sizes), axis=axis)(Tensor(x)).numpy()
    assert np.array_equal(y, np.concatenate([x.take(range(n), axis) for n in sizes], axis))


def test_names_of_the_parts():
    names = list(nn.Residual(nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 2, bias=False)).state_dict())
    assert names == ["branch.0.weight", "branch.0.bias", "shortcut.weight"]
    assert list(nn.Concat(nn.Identity(), nn.Linear(1, 1)).state_dict()) == ["1.weight", "1.bias"]


@given(strategies.shapes(min_dims=1), st.data())
def test_flatten(shape, data):
    start = data.draw(st.integers(-len(shape), len(shape) - 1))
    end = data.draw(st.integers(start % len(shape), len(shape) - 1))
    x = data.draw(strategies.arrays(shape))
    first = start % len(shape)
    expected = x.reshape(*shape[:first], int(np.prod(shape[first : end + 1])), *shape[end + 1 :])
    assert np.array_equal(nn.Flatten(start, end)(Tensor(x)).numpy(), expected)


# ---- what is refused ----
BAD = {
    "a list": (lambda: nn.Sequential([nn.ReLU()]), TypeError, r"Sequential: got a list; .*\*layers"),
    "a class": (lambda: nn.Sequential(nn.ReLU), TypeError, r"module 0 must be a module, got the class; write ReLU\("),
    "a function": (
        lambda: nn.Sequential(nn.ReLU(), nn.relu),
        TypeError,
        "Sequential: module 1 must be a module, got function",
    ),
    "None": (lambda: nn.Sequential(None), TypeError, "module 0 must be a module, got NoneType"),
    "a module for a list": (
        lambda: nn.ModuleList(nn.ReLU()),
        TypeError,
        "ModuleList: modules must be a list, got ReLU",
    ),
    "a number for a list": (lambda: nn.ModuleList(3), TypeError, "ModuleList: modules must be a list, got int"),
    "append of a number": (lambda: nn.ModuleList().append(3), TypeError, "module 0 must be a module, got int"),
    "a branch that is none": (lambda: nn.Residual(lambda x: x), TypeError, "Residual: branch must be a module"),
    "a shortcut that is none": (lambda: nn.Residual(nn.ReLU(), 1), TypeError, "Residual: shortcut must be a module"),
    "shapes that differ": (
        lambda: nn.Residual(nn.Linear(3, 2))(Tensor(normal(4, 3)).to("float32")),
        ValueError,
        r"Residual: branch\(x\) has shape \(4, 2\), but the shortcut \(4, 3\); a 1x1",
    ),
    "shapes that would broadcast": (
        lambda: nn.Residual(nn.Linear(3, 1))(Tensor(normal(4, 3)).to("float32")),
        ValueError,
        r"\(4, 1\)",
    ),
    "a shortcut of another shape": (
        lambda: nn.Residual(nn.Identity(), nn.Linear(3, 1))(Tensor(normal(4, 3)).to("float32")),
        ValueError,
        r"but the shortcut \(4, 1\)",
    ),
    "no branch": (lambda: nn.Concat(), ValueError, "at least one branch"),
    "a branch that is a number": (lambda: nn.Concat(nn.ReLU(), 2), TypeError, "Concat: module 1 must be a module"),
    "axis a word": (lambda: nn.Concat(nn.ReLU(), axis="channels"), TypeError, "Concat: axis must be an integer"),
    "axis too large": (
        lambda: nn.Concat(nn.ReLU(), axis=2)(Tensor(normal(4, 3))),
        ValueError,
        "axis must be <= 1, got 2",
    ),
    "branches that do not fit": (
        lambda: nn.Concat(nn.Identity(), nn.Linear(3, 2), axis=0)(Tensor(normal(4, 3)).to("float32")),
        ValueError,
        r"Concat: branch 1 gives shape \(4, 2\), which does not fit \(4, 3\)",
    ),
    "branches of another rank": (
        lambda: nn.Concat(nn.Identity(), nn.Flatten())(Tensor(normal(4, 3, 1))),
        ValueError,
        "branch 1 gives shape",
    ),
    "flatten: a word": (lambda: nn.Flatten("all"), TypeError, "Flatten: start_dim must be an integer, got 'all'"),
    "flatten: no such axis": (lambda: nn.Flatten(3)(Tensor(normal(2, 2))), ValueError, "must be <= 1, got 3"),
    "flatten: backwards": (lambda: nn.Flatten(2, 1)(Tensor(normal(2, 2, 2))), ValueError, "must not come after"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
