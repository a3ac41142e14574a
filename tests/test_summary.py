"""summary: rows and totals of known models, and a model that is left as it was."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from minidl.nn.summary import Row


def lenet5():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def test_lenet5():
    s = nn.summary(lenet5(), (1, 1, 32, 32))
    assert (s.trainable, s.frozen) == (61_706, 0)
    rows = {row.path: row for row in s.rows}
    assert list(rows) == [str(i) for i in range(12)]
    assert rows["0"] == Row("0", "Conv2d", (1, 6, 28, 28), 6 * (25 + 1), 28 * 28 * 6 * 25)
    assert rows["3"] == Row("3", "Conv2d", (1, 16, 10, 10), 16 * (6 * 25 + 1), 10 * 10 * 16 * 6 * 25)
    assert rows["7"] == Row("7", "Linear", (1, 120), 400 * 120 + 120, 400 * 120)
    assert rows["11"].output_shape == (1, 10)
    assert sum(row.parameters for row in s.rows) == 61_706
    assert s.multiply_adds == sum(row.multiply_adds for row in s.rows)


def test_the_work_grows_with_the_batch_and_the_parameters_do_not():
    one, many = nn.summary(lenet5(), (1, 1, 32, 32)), nn.summary(lenet5(), (7, 1, 32, 32))
    assert many.multiply_adds == 7 * one.multiply_adds and many.trainable == one.trainable
    assert many.rows[0].output_shape == (7, 6, 28, 28)


def test_frozen_parameters():
    model = lenet5()
    model[0].requires_grad_(False)
    s = nn.summary(model, (1, 1, 32, 32))
    assert (s.trainable, s.frozen) == (61_706 - 156, 156)


def test_printing():
    text = str(nn.summary(nn.Sequential(nn.Linear(3, 1000), nn.ReLU()), (2, 3)))
    assert text == repr(nn.summary(nn.Sequential(nn.Linear(3, 1000), nn.ReLU()), (2, 3)))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "type", "output", "shape", "parameters", "multiply-adds"]
    assert lines[2].split() == ["0", "Linear", "(2,", "1000)", "4,000", "6,000"]
    assert lines[-1] == "parameters 4,000 (4,000 trainable, 0 frozen), multiply-adds 6,000"
    assert len({len(line) for line in lines[:-1]}) == 1  # the columns are straight


class Cross(nn.Module):
    r"""A layer with F D D parameters, and a formula that says so. (What it computes does not matter here.)"""

    def __init__(self, D, F):
        self.weight = nn.Parameter(np.ones((F, D, D)))

    def forward(self, x):
        return x * self.weight.mean()

    def parameter_formula(self):
        F, D, _ = self.weight.shape
        return f"F D D, D={D}, F={F}"


def test_formulas_of_parameters_stand_beside_their_number():
    layer = Cross(3, 3)
    tied = Cross(3, 3)
    tied.weight = layer.weight
    s = nn.summary(nn.Sequential(layer, nn.ReLU(), layer, tied, Cross(3, 1)), (2, 3))
    assert [(row.parameters, row.formula) for row in s.rows] == [
        (27, "F D D, D=3, F=3"),
        (0, ""),
        (0, ""),  # counted already, and so is the tied one
        (0, ""),
        (9, "F D D, D=3, F=1"),
    ]
    lines = str(s).splitlines()
    assert lines[0].endswith("multiply-adds  parameter formula") and lines[2].endswith("  F D D, D=3, F=3")
    at = lines[0].index("parameter formula")
    assert [line[at:] for line in lines[2:7]] == [row.formula for row in s.rows]
    assert lines[1] == lines[-2] == "-" * max(map(len, lines[:-2])) and not any(line.endswith(" ") for line in lines)
    assert "formula" not in str(nn.summary(nn.Linear(2, 2), (1, 2))) and nn.Linear(2, 2).parameter_formula() == ""


@pytest.mark.parametrize(("layer", "gates"), [("SimpleRNN", ""), ("RNNCell", ""), ("GRUCell", "3 "), ("LSTM", "4 ")])
@pytest.mark.parametrize(("bias", "biases"), [(True, " + 2 H"), (False, "")])
def test_the_formula_of_recurrent_layers_and_cells_is_their_number(layer, gates, bias, biases):
    D, H = 3, 5
    layer = getattr(nn, layer)(D, H, bias=bias)
    assert layer.parameter_formula() == f"{gates}(H D + H H{biases}), D=3, H=5"
    number = int(gates or 1) * (H * D + H * H + 2 * H * bias)
    assert sum(p.size for p in layer.parameters()) == number


def test_shared_layers_and_parameters_count_once():
    layer = nn.Linear(3, 3)
    tied = nn.Linear(3, 3)
    tied.weight = layer.weight
    s = nn.summary(nn.Sequential(layer, nn.ReLU(), layer, tied), (1, 3))
    assert s.trainable == 9 + 3 + 3
    assert [(row.parameters, row.multiply_adds) for row in s.rows] == [(12, 9), (0, 0), (0, 9), (3, 9)]


def test_nested_models_and_parameters_of_the_model_itself():
    class Model(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter([1.0, 2.0])
            self.branch = nn.Residual(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
            self.unused = nn.Linear(5, 5)

        def forward(self, x):
            return self.branch(x) * self.scale

    s = nn.summary(Model(), (4, 2))
    assert [(row.path, row.kind, row.output_shape, row.parameters) for row in s.rows] == [
        ("branch.branch.0", "Linear", (4, 2), 6),
        ("branch.branch.1", "ReLU", (4, 2), 0),
        ("", "Model", (4, 2), 2),
        ("unused", "Linear", None, 30),
    ]
    assert s.trainable == 38 and "not called" in str(s)


def test_models_of_ids_and_of_several_outputs():
    class Two(nn.Module):
        def forward(self, x):
            return x, x.sum(axis=1)

    s = nn.summary(nn.Sequential(nn.Embedding(10, 3), Two()), (2, 5), dtype="int64")
    assert [row.output_shape for row in s.rows] == [(2, 5, 3), [(2, 5, 3), (2, 3)]]
    assert s.trainable == 30


def test_a_float64_model():
    assert nn.summary(nn.Linear(2, 2).to("float64"), (1, 2), dtype="float64").trainable == 6


def test_a_model_that_is_one_layer():
    s = nn.summary(nn.Linear(2, 3), (1, 2))
    assert s.rows == [Row("", "Linear", (1, 3), 9, 6)]


# ---- the model is left as it was ----
class Restless(nn.Module):
    r"""Changes everything that a forward pass can change, and fails if it is told to."""

    def __init__(self, fail):
        self.fail = fail
        self.calls = 0
        self.count = nn.Buffer([0.0, np.nan])
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        self.calls += 1
        self.extra = x
        self.count.data = self.count.numpy() + 1
        minidl.random.generator().random(3)
        x = self.drop(self.norm(x), training=True)
        if self.fail:
            raise ValueError("as asked")
        return x


@pytest.mark.parametrize("fail", [False, True])
def test_nothing_is_left_behind(fail):
    model = Restless(fail)
    model.drop.eval()
    model.norm.weight.requires_grad_(False)
    seen = []
    model.norm.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    before = [(m, dict(vars(m))) for m in model.modules()]
    state, generator = model.state_dict(), minidl.random.get_state()
    if fail:
        with pytest.raises(ValueError, match="as asked"):
            nn.summary(model, (4, 3))
    else:
        nn.summary(model, (4, 3))
    for module, attributes in before:
        assert vars(module) == attributes
        assert all(vars(module)[name] is value for name, value in attributes.items() if isinstance(value, Tensor))
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    assert minidl.random.get_state() == generator
    assert model.training and model.norm.training and not model.drop.training
    assert all(p.grad is None for p in model.parameters()) and not model.norm.weight.requires_grad
    assert minidl.grad_enabled()


def test_a_graph_that_waits_for_its_backward_is_not_disturbed():
    class Scaled(nn.Module):
        def __init__(self):
            self.linear, self.scale = nn.Linear(3, 3), nn.Buffer([2.0])

        def forward(self, x):
            return self.linear(x) * self.scale  # the product keeps the buffer: a write to it would be an error

    model = Scaled()
    y = model(Tensor(np.random.default_rng(0).normal(size=(4, 3)).astype("float32"))).sum()
    nn.summary(model, (4, 3))
    y.backward()
    assert model.linear.weight.grad is not None


def test_it_runs_in_evaluation_mode_and_records_nothing():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append((self.training, minidl.grad_enabled()))
            return x

    nn.summary(nn.Sequential(nn.BatchNorm1d(3), Spy()), (1, 3))  # one row: training would be refused by BatchNorm1d
    assert seen == [(False, False)]


BAD = {
    "no module": (lambda: nn.summary(nn.relu, (1, 2)), TypeError, "model must be a module, got function"),
    "a number": (lambda: nn.summary(nn.ReLU(), 3), TypeError, "input_shape must be a tuple, got 3"),
    "a size of 0": (lambda: nn.summary(nn.ReLU(), (0, 3)), ValueError, "input_shape must be >= 1, got 0"),
    "half a size": (lambda: nn.summary(nn.ReLU(), (1, 2.5)), TypeError, "input_shape must be an integer, got 2.5"),
    "None for the batch": (lambda: nn.summary(nn.ReLU(), (None, 3)), TypeError, "input_shape must be an integer"),
    "too large": (lambda: nn.summary(nn.ReLU(), (2**30, 2**30)), ValueError, "elements"),
    "dtype": (lambda: nn.summary(nn.ReLU(), (1, 3), dtype="float16"), ValueError, "dtype must be one of 'float32'"),
    "a shape that does not fit": (lambda: nn.summary(nn.Linear(3, 2), (1, 4)), ValueError, "in_features=3"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
