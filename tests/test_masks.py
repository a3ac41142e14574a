r"""How a mask of the real time steps goes through Sequential, Residual and Concat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.backend import to_numpy
from minidl.datasets import pad_sequences
from minidl.nn.mask import time_mask


class Spy(nn.Module):
    r"""Takes a mask, notes it, and passes x and mask on."""

    takes_mask = True

    def __init__(self):
        self.seen = []

    def forward(self, x, mask=None):
        self.seen.append(None if mask is None else to_numpy(time_mask("Spy", mask, x)).tolist())
        return x


class Mean(Spy):
    r"""The mean of the real steps: the time axis ends here, and the mask with it."""

    def forward(self, x, mask=None):
        super().forward(x, mask)
        if mask is None:
            return x.mean(axis=1)
        m = Tensor(to_numpy(time_mask("Mean", mask, x)).astype(to_numpy(x.data).dtype)).unsqueeze(-1)
        return (x * m).sum(axis=1) / m.sum(axis=1)

    def compute_mask(self, x, mask=None):
        return None


class Backwards(Spy):
    r"""Turns time round, and the mask with it."""

    def forward(self, x, mask=None):
        return super().forward(x, mask).flip(1)

    def compute_mask(self, x, mask=None):
        return None if mask is None else mask[:, ::-1]  # an array, whatever was given


class Deaf(nn.Module):
    r"""Takes no mask: being called with one would be a TypeError."""

    def forward(self, x):
        return x * 2


IDS = Tensor([[3, 1, 0], [2, 0, 0]])
MASK = [[True, True, False], [True, False, False]]
TURNED = [row[::-1] for row in MASK]
X = Tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], [[5.0, 6.0], [0.0, 0.0], [0.0, 0.0]]])


def embedding():
    return nn.Embedding(4, 2, mask_zero=True)


FIRST = {  # what makes the mask, and its input
    "an argument": (None, X, {"mask": np.array(MASK)}),
    "an argument, a list of 0 and 1": (None, X, {"mask": [[1, 1, 0], [1, 0, 0]]}),
    "an argument, a tensor": (None, X, {"mask": Tensor(np.array(MASK))}),
    "Embedding": (embedding, IDS, {}),
    "Masking": (nn.Masking, X, {}),
    "both": (nn.Masking, X, {"mask": np.array([[True, True, True], [True, True, False]])}),
}


@pytest.mark.parametrize("first", FIRST)
def test_it_reaches_every_layer_that_takes_one(first):
    make, x, options = FIRST[first]
    spies = Spy(), Spy(), Mean(), Spy()
    layers = [spies[0], Deaf(), nn.Linear(2, 2), nn.Dropout(0.5), spies[1], spies[2], spies[3]]
    nn.Sequential(*([make()] if make else []), *layers)(x, **options)
    assert [spy.seen for spy in spies] == [[MASK], [MASK], [MASK], [None]]


def wrap(depth, *layers):
    for _ in range(depth):
        layers = (nn.Sequential(*layers),)
    return layers


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("first", FIRST)
def test_nested_sequentials_hand_it_on(first, depth):
    make, x, options = FIRST[first]
    spies = Spy(), Backwards(), Spy(), Mean(), Spy()
    front = [*([make()] if make else []), Deaf(), spies[0], spies[1]]
    model = nn.Sequential(*wrap(depth, *front), spies[2], *wrap(depth, Deaf(), spies[3]), spies[4])
    model(x, **options)
    assert [spy.seen for spy in spies] == [[MASK], [MASK], [TURNED], [TURNED], [None]]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_mask_of_the_output_of_a_sequential(depth):
    make = lambda *layers: nn.Sequential(*wrap(depth, *layers))  # noqa: E731
    assert to_numpy(make(embedding(), Deaf()).compute_mask(IDS)).tolist() == MASK
    assert to_numpy(make(embedding(), Backwards()).compute_mask(IDS)).tolist() == TURNED
    assert make(embedding(), Mean()).compute_mask(IDS) is None
    assert make(Mean(), nn.RepeatVector(3)).compute_mask(X, np.array(MASK)) is None
    assert make(Deaf()).compute_mask(X) is None
    assert nn.Sequential().compute_mask(X, MASK) is MASK and nn.Sequential()(X, mask=MASK) is X


def test_no_mask_is_no_argument():
    spy = Spy()
    nn.Sequential(nn.Embedding(4, 2), spy)(IDS)
    assert spy.seen == [None]


def test_padding_does_not_change_the_answer_and_gets_no_gradient():
    table = nn.Embedding(6, 3, mask_zero=True).to("float64")
    model = nn.Sequential(table, nn.Linear(3, 3).to("float64"), nn.Tanh(), Mean(), nn.Linear(3, 2).to("float64"))
    sentences = [[1, 2, 3], [4], [5, 5]]
    padded = Tensor([s + [0] * (5 - len(s)) for s in sentences])
    y = model(padded)
    y.backward(np.random.default_rng(0).normal(size=y.shape))
    for row, s in zip(y.numpy(), sentences, strict=True):
        np.testing.assert_allclose(row, model(Tensor([s])).numpy()[0], rtol=0, atol=1e-12)
    assert not to_numpy(table.weight.grad)[0].any() and to_numpy(table.weight.grad)[1:].any(axis=1).all()


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("kind", [nn.SimpleRNN, nn.LSTM, nn.GRU])
def test_a_padded_batch_through_recurrent_layers_is_each_sequence_alone(kind, padding):
    layers = kind(3, 4, return_sequences=True), nn.Residual(kind(4, 4, return_sequences=True)), kind(4, 2)
    model = nn.Sequential(nn.Embedding(6, 3, mask_zero=True), nn.Sequential(*layers[:2]), layers[2]).to("float64")
    sentences = [[1, 2, 3, 2], [4], [5, 5]]
    y = model(Tensor(pad_sequences(sentences, 6, padding=padding)))
    g = np.random.default_rng(0).normal(size=y.shape)
    y.backward(g)
    grads = [to_numpy(p.grad) for p in model.parameters()]
    model.zero_grad()
    for n, s in enumerate(sentences):
        alone = model(Tensor([s]))
        alone.backward(g[n : n + 1])
        np.testing.assert_allclose(y.numpy()[n], alone.numpy()[0], rtol=0, atol=1e-12)
    for ours, p in zip(grads, model.parameters(), strict=True):
        np.testing.assert_allclose(ours, to_numpy(p.grad), rtol=0, atol=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_any_row_of_layers_hands_on_what_its_layers_say(turns, seed):
    mask = np.random.default_rng(seed).random((2, 3)) < 0.5
    spies = [Backwards() if turn else Spy() for turn in turns]
    model = nn.Sequential(*spies)
    model(X, mask=mask)
    for spy, turn in zip(spies, turns, strict=True):
        assert spy.seen == [mask.tolist()]
        mask = mask[:, ::-1] if turn else mask
    assert np.array_equal(model.compute_mask(X, mask), mask[:, ::-1] if sum(turns) % 2 else mask)


# ---- branches ----
def test_branches_get_the_mask_too():
    a, b, c, d, after = Spy(), Spy(), Spy(), Spy(), Spy()
    branches = nn.Residual(nn.Sequential(Deaf(), a), b), nn.Concat(c, nn.Sequential(nn.Linear(2, 1), d), axis=-1)
    nn.Sequential(nn.Masking(), *branches, after)(X)
    assert [spy.seen for spy in (a, b, c, d, after)] == [[MASK]] * 5


def test_a_branch_may_turn_or_drop_it():
    for make in (nn.Residual, nn.Concat):
        assert np.array_equal(make(Backwards()).compute_mask(X, np.array(MASK)), TURNED)
        assert make(Mean()).compute_mask(X, np.array(MASK)) is None


# ---- what is refused ----
NESTED = "makes a mask of its input, which a Sequential inside of another one has only for its first layer"
BAD = {
    "the wrong T": (
        lambda: nn.Sequential(Spy())(X, mask=[[1, 1]] * 2),
        ValueError,
        r"\(N, T\) = \(2, 3\), got \(2, 2\)",
    ),
    "for nobody": (lambda: nn.Sequential(Deaf())(X, mask=[[1, 1]] * 2), ValueError, "Sequential: mask must have shape"),
    "for a list": (
        lambda: nn.Sequential(Spy())([1], mask=[[1]]),
        TypeError,
        "Sequential: x must be a Tensor, got list",
    ),
    "after a layer that shortens": (
        lambda: nn.Sequential(nn.Sequential(nn.Flatten()), Spy())(X, mask=MASK),
        ValueError,
        r"Spy: mask must have shape \(N, T\) = \(2, 6\), got \(2, 3\)",
    ),
    "one row": (lambda: nn.Sequential(Spy())(X, mask=[1, 1, 0]), ValueError, r"= \(2, 3\), got \(3,\)"),
    "floats": (
        lambda: nn.Sequential(Spy())(X, mask=np.ones((2, 3))),
        TypeError,
        "must hold bools .* got dtype float64",
    ),
    "2": (lambda: nn.Sequential(Spy())(X, mask=[[1, 2, 0]] * 2), ValueError, r"mask must be in \[0, 1\], got 2"),
    "words": (lambda: nn.Sequential(Spy())(X, mask="yes"), TypeError, "got dtype <U3"),
    "Masking inside": (
        lambda: nn.Sequential(nn.Sequential(Deaf(), nn.Masking()), Spy())(X),
        ValueError,
        f"Masking: {NESTED}; put Masking first there",
    ),
    "Embedding inside": (
        lambda: nn.Sequential(nn.Sequential(nn.Identity(), embedding()), Spy())(IDS),
        ValueError,
        f"Embedding: {NESTED}",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_masks_are_clear_errors(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
