r"""What recurrent layers start with: first values, numbers of parameters, and what repr and summary tell of them."""

import numpy as np
import pytest

from minidl import Tensor, nn
from tests.recurrent import KINDS, NAMES, made


@pytest.mark.parametrize("kind", NAMES)
def test_first_values(kind):
    cls, own = KINDS[kind]
    layer = cls(16, 32, **own)
    G, D, H = cls.gates, 16, 32
    assert {k: v.shape for k, v in layer.state_dict().items()} == {
        "weight_ih_l0": (G * H, D),
        "weight_hh_l0": (G * H, H),
        "bias_ih_l0": (G * H,),
        "bias_hh_l0": (G * H,),
    }
    u = layer.weight_hh_l0.numpy().astype("float64")
    np.testing.assert_allclose(u.T @ u, np.eye(H), atol=1e-6)
    limit = np.sqrt(6 / (G * H + D))
    assert 0.97 * limit < abs(layer.weight_ih_l0.numpy()).max() <= limit
    wanted = np.zeros(G * H)
    if kind == "LSTM":
        wanted[H : 2 * H] = 1  # i, f, g, o
    np.testing.assert_array_equal(layer.bias_ih_l0.numpy(), wanted)
    np.testing.assert_array_equal(layer.bias_hh_l0.numpy(), np.zeros(G * H))
    assert cls(16, 32, bias=False, **own).bias_ih_l0 is None


def test_unit_forget_bias_false_starts_all_biases_at_zero():
    assert not nn.LSTM(3, 4, unit_forget_bias=False).bias_ih_l0.numpy().any()


@pytest.mark.parametrize("kind", NAMES)
def test_numbers_of_parameters(kind):
    cls, own = KINDS[kind]
    G = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[kind.split()[0]]
    for bias, biases in ((True, 2), (False, 0)):
        n = sum(p.size for p in cls(16, 32, bias=bias, **own).parameters())
        assert n == G * (16 * 32 + 32 * 32 + biases * 32)  # LSTM 6,400 (with one bias 6,272), GRU 4,800
    assert repr(cls(16, 32, bias=False, **own)).startswith(f"{cls.__name__}(16, 32, bias=False")
    twin = type(layer := made(kind, go_backwards=True, dropout=0.25))(**layer.options())
    assert twin.options() == layer.options()


@pytest.mark.parametrize("kind", NAMES)
def test_summary_knows_them_and_leaves_them_as_they_were(kind):
    cls, own = KINDS[kind]
    G, N, T = cls.gates, 2, 5
    first, second = cls(3, 4, return_sequences=True, stateful=True, **own), cls(4, 6, return_state=True, **own)
    model = nn.Sequential(first, second)
    model(Tensor(np.ones((4, T, 3), "float32")))
    kept = first._kept
    found = nn.summary(model, (N, T, 3))
    assert [row.output_shape for row in found.rows] == [(N, T, 4), [(N, 6)] * (1 + cls.states)]
    assert [row.parameters for row in found.rows] == [G * (4 * 3 + 4 * 4 + 8), G * (6 * 4 + 6 * 6 + 12)]
    assert [row.multiply_adds for row in found.rows] == [N * T * G * 4 * (3 + 4), N * T * G * 6 * (4 + 6)]
    assert first._kept is kept
    assert model.training
