r"""Seq2Seq: its cells in loops judge teacher forcing, and teacher forcing judges free running; what it learns."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim
from minidl.backend import to_numpy
from minidl.nn.seq2seq import LAYERS
from minidl.testing import gradcheck
from tests.recurrent import close, masks, normal, step
from tests.recurrent import values_and_gradients as both

V, K, H, E = 5, 4, 3, 2  # source and target ids, hidden units, numbers in the vector of an id


def made(layer, seed=0, **options):
    r"""A model in float64 with random weights, so that arg max has no ties."""
    model = nn.Seq2Seq(V, K, H, **{"embedding_dim": E, "layer": layer, **options}).to("float64")
    for i, parameter in enumerate(model.parameters()):
        parameter.data = normal(*parameter.shape, seed=(seed, i))
    return model


def ids(*shape, high, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape)


def by_hand(model, source, target, mask=None):
    r"""The logits, one cell at a time: what the decoder reads stands one step before what it is to write."""

    def states_after(layer, x, states, real=None):
        new = step(layer, x, states)
        if real is None:
            return list(new)
        return [minidl.where(Tensor(real[:, None]), a, b) for a, b in zip(new, states, strict=True)]

    states = [Tensor(np.zeros((len(source), model.hidden_size))) for _ in range(model.encoder.states)]
    for t in range(source.shape[1]):
        x = model.source_embedding.weight[source[:, t]]
        states = states_after(model.encoder, x, states, None if mask is None else mask[:, t])
    logits, read = [], np.full(len(source), model.start)
    for t in range(target.shape[1]):
        states = states_after(model.decoder, model.target_embedding.weight[read], states)
        logits.append(states[0] @ model.head.weight.T + model.head.bias)
        read = target[:, t]
    return minidl.stack(logits, 1)


# ---- teacher forcing ----
@pytest.mark.parametrize("layer", LAYERS)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    pattern=st.sampled_from(["none", "right", "left", "holes", "one row"]),
    start=st.integers(0, K - 1),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_the_logits_are_those_of_the_cells_one_at_a_time(layer, sizes, pattern, start, seed):
    N, S, T = sizes
    model = made(layer, seed, start=start)
    source, target, m = ids(N, S, high=V, seed=seed), ids(N, T, high=K, seed=seed + 1), masks(pattern, N, S, seed)
    ours = both(lambda: model(Tensor(source), Tensor(target), mask=m), [], model)
    wanted = both(lambda: by_hand(model, source, target, m), [], model)
    assert ours[0][0].shape == (N, T, K)
    close(ours[0] + ours[1], wanted[0] + wanted[1])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("pattern", ["none", "right"])
def test_gradcheck(layer, pattern, record_property):
    model, source, target = made(layer), Tensor(ids(2, 3, high=V)), Tensor(ids(2, 3, high=K))
    m = masks(pattern, 2, 3)
    worst = gradcheck(lambda: model(source, target, mask=m), [], list(model.parameters()))
    record_property("worst_relative_error", worst)
    assert worst <= 1e-6


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("t", [0, 1, 3])
def test_a_target_shows_only_in_the_logits_after_it(layer, t):
    model, source, target = made(layer), Tensor(ids(2, 3, high=V)), ids(2, 4, high=K)
    other = target.copy()
    other[:, t] = (target[:, t] + 1) % K
    a, b = model(source, Tensor(target)).numpy(), model(source, Tensor(other)).numpy()
    assert ((a != b).any(axis=(0, 2)) == (np.arange(4) > t)).all()  # the last one shows nowhere


@pytest.mark.parametrize("layer", LAYERS)
def test_the_encoder_learns_through_the_state_and_only_through_it(layer):
    model, source, target = made(layer), Tensor(ids(3, 4, high=V)), Tensor(ids(3, 2, high=K))
    g = Tensor(normal(3, 2, K))
    encoding = {name: p for name, p in model.named_parameters() if name.startswith(("source", "encoder"))}
    (model(source, target) * g).sum().backward()
    whole = {name: to_numpy(p.grad) for name, p in encoding.items()}
    assert all(d.any() for d in whole.values())

    model.zero_grad()
    states = model.encode(source)
    cut = [Tensor(s.numpy(), requires_grad=True) for s in states]
    read = Tensor(np.concatenate([np.zeros((3, 1), "int64"), target.numpy()[:, :1]], 1))
    (model.decode(read, cut)[0] * g).sum().backward()
    assert all(p.grad is None for p in encoding.values())  # nothing goes around the state
    sum((s * Tensor(c.grad)).sum() for s, c in zip(states, cut, strict=True)).backward()
    close([to_numpy(p.grad) for p in encoding.values()], [*whole.values()])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_padded_batch_is_each_source_alone(layer, side):
    model, lengths = made(layer), [2, 4, 1]
    source, target, g = ids(3, 4, high=V), ids(3, 3, high=K), normal(3, 3, K)
    real = [slice(0, n) if side == "right" else slice(4 - n, 4) for n in lengths]
    m = np.zeros((3, 4), bool)
    for row, steps in zip(m, real, strict=True):
        row[steps] = True
    ys, grads = both(lambda: model(Tensor(source), Tensor(target), mask=m), [], model, [g])
    written, sums = model.generate(Tensor(source), 3, mask=m).numpy(), [np.zeros_like(d) for d in grads]
    for i, steps in enumerate(real):
        x, y = Tensor(source[i : i + 1, steps]), Tensor(target[i : i + 1])
        alone, own = both(lambda: model(x, y), [], model, [g[i : i + 1]])  # noqa: B023
        close([ys[0][i : i + 1]], alone)
        assert np.array_equal(model.generate(x, 3).numpy(), written[i : i + 1])
        sums = [total + d for total, d in zip(sums, own, strict=True)]
    close(grads, sums)


# ---- free running ----
@pytest.mark.parametrize("layer", LAYERS)
@given(
    sizes=st.tuples(*[st.integers(1, 4)] * 2),
    length=st.integers(1, 5),
    pattern=st.sampled_from(["none", "right"]),
    start=st.integers(0, K - 1),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_what_it_writes_is_what_it_would_write_after_itself(layer, sizes, length, pattern, start, seed):
    (N, S), model = sizes, made(layer, seed, start=start)
    source, m = Tensor(ids(N, S, high=V, seed=seed)), masks(pattern, N, S, seed)
    written = model.generate(source, length, mask=m)
    assert written.shape == (N, length) and written.dtype == "int64" and not written.requires_grad
    fed_back = ids(N, length, high=K, seed=seed)  # any ids: each is overwritten before it is read
    for t in range(length):
        fed_back[:, t] = model(source, Tensor(fed_back), mask=m).numpy()[:, t].argmax(axis=-1)
    assert np.array_equal(written.numpy(), fed_back)
    shorter = model.generate(source, max(1, length - 1), mask=m).numpy()
    assert np.array_equal(shorter, fed_back[:, : shorter.shape[1]])


def test_free_running_records_no_graph_and_changes_nothing():
    model, source, recorded = made("lstm"), Tensor(ids(2, 3, high=V)), []
    before = model.state_dict()
    for part in (model.encoder, model.decoder, model.head):
        part.register_forward_hook(
            lambda _, inputs, y: recorded.append((y[0] if type(y) is tuple else y).requires_grad)
        )
    first = model.generate(source, 4).numpy()
    assert recorded == [False] * 9
    assert np.array_equal(model.generate(source, 4).numpy(), first)
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())
    assert model(source, source.detach() * 0).requires_grad and recorded[-1]  # gradients are on again


@pytest.mark.parametrize("layer", LAYERS)
def test_it_learns_to_copy_sources_that_it_has_not_seen(layer):
    rows = np.random.default_rng(0).permutation(list(itertools.product(range(5), repeat=3)))
    new, known = Tensor(rows[:25]), Tensor(rows[25:])
    model = nn.Seq2Seq(5, 5, 32, embedding_dim=8, layer=layer)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        F.cross_entropy(model(known, known), known, class_axis=-1).backward()
        optimizer.step()
    assert (model.generate(known, 3).numpy() == known.numpy()).mean() > 0.99  # free running; by chance 0.2
    assert (model.generate(new, 3).numpy() == new.numpy()).mean() > 0.7


# ---- what it is made of, and takes ----
def test_parts_sizes_and_what_it_says_of_itself():
    for name, kind in {"rnn": nn.SimpleRNN, "lstm": nn.LSTM, "gru": nn.GRU}.items():
        model = nn.Seq2Seq(5, 7, 3, layer=name)
        assert type(model.encoder) is kind and type(model.decoder) is kind
        assert model.embedding_dim == 3 and model.source_embedding.weight.shape == (5, 3)
        assert model.target_embedding.weight.shape == (7, 3) and model.head.weight.shape == (7, 3)
    assert repr(model).startswith("Seq2Seq(5, 7, 3, embedding_dim=3, layer='gru', start=0\n  (source_embedding): ")
    assert model.takes_mask and model.compute_mask(Tensor([[1]]), [[True]]) is None
    assert model(Tensor([[1, 2]]), Tensor([[0, 6, 2]])).dtype == "float32"


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32", "uint64"])
def test_ids_of_any_integer_type_even_where_start_does_not_fit(kind):
    model = nn.Seq2Seq(5, 300, 3, start=299)
    source, target = ids(2, 3, high=5), ids(2, 4, high=100)
    a = model(Tensor(source.astype(kind)), Tensor(target.astype(kind))).numpy()
    assert np.array_equal(a, model(Tensor(source), Tensor(target)).numpy())
    assert np.array_equal(
        model.generate(Tensor(source.astype(kind)), 2).numpy(), model.generate(Tensor(source), 2).numpy()
    )


MODEL, X, Y = nn.Seq2Seq(V, K, H), Tensor([[0, 1], [2, 4]]), Tensor([[0, 1, 3], [2, 2, 2]])
BAD = {
    "no source ids": (lambda: nn.Seq2Seq(0, K, H), ValueError, "Seq2Seq: source_size must be >= 1, got 0"),
    "half a target id": (lambda: nn.Seq2Seq(V, 2.5, H), TypeError, "target_size must be an integer, got 2.5"),
    "no units": (lambda: nn.Seq2Seq(V, K, -1), ValueError, "hidden_size must be >= 1, got -1"),
    "no embedding": (lambda: nn.Seq2Seq(V, K, H, embedding_dim=0), ValueError, "embedding_dim must be >= 1"),
    "no such layer": (
        lambda: nn.Seq2Seq(V, K, H, layer="LSTM"),
        ValueError,
        "layer must be one of 'rnn', 'lstm', 'gru'",
    ),
    "a layer": (lambda: nn.Seq2Seq(V, K, H, layer=nn.LSTM(2, 2)), ValueError, "layer must be one of"),
    "start is no target": (lambda: nn.Seq2Seq(9, K, H, start=4), ValueError, "start must be <= 3, got 4"),
    "start below 0": (lambda: nn.Seq2Seq(V, K, H, start=-1), ValueError, "start must be >= 0"),
    "a list as source": (lambda: MODEL([[0, 1]], Y), TypeError, "Seq2Seq: source must be a Tensor, got list"),
    "a list as target": (lambda: MODEL(X, [[0, 1]]), TypeError, "Seq2Seq: target must be a Tensor, got list"),
    "no target": (lambda: MODEL(X, None), TypeError, "target must be a Tensor, got NoneType"),
    "one source": (lambda: MODEL(X[0], Y), ValueError, r"source must have shape \(N, S\), got \(2,\)"),
    "one target": (lambda: MODEL(X, Y[0]), ValueError, r"target must have shape \(N, T\)"),
    "one-hot targets": (lambda: MODEL(X, Tensor(np.zeros((2, 3, 4), "int64"))), ValueError, r"target must have shape"),
    "floats": (lambda: MODEL(X, Y * 1.0), TypeError, "target must hold integers"),
    "a source id too large": (lambda: MODEL(X + 1, Y), ValueError, r"source must be in 0 \.\.\. 4, got 5"),
    "a target id too large": (lambda: MODEL(X, Y + 1), ValueError, r"target must be in 0 \.\.\. 3, got 4"),
    "the last target id": (lambda: MODEL(X, Tensor([[0, 9], [0, 9]])), ValueError, "got 9"),  # which is never read
    "a negative id": (lambda: MODEL(X - 1, Y), ValueError, "got -1"),
    "other batches": (lambda: MODEL(X, Y[:1]), ValueError, "one batch size, got 2 and 1"),
    "no source steps": (lambda: MODEL(X[:, :0], Y), ValueError, "source must have at least one step"),
    "no target steps": (lambda: MODEL(X, Y[:, :0]), ValueError, "target must have at least one step"),
    "a mask of the target": (lambda: MODEL(X, Y, mask=Y > 0), ValueError, r"mask must have shape \(N, T\) = \(2, 2\)"),
    "no length": (lambda: MODEL.generate(X, 0), ValueError, "Seq2Seq.generate: length must be >= 1, got 0"),
    "half a length": (lambda: MODEL.generate(X, 1.5), TypeError, "length must be an integer"),
    "nothing to read": (lambda: MODEL.generate(X[:, :0], 2), ValueError, "source must have at least one step"),
    "an unknown id to read": (lambda: MODEL.generate(X + 1, 2), ValueError, "source must be in"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_said(name):
    function, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        function()
