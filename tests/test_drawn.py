r"""Properties of the public names that no other test draws: each against NumPy or a loop in plain Python.

What an operation that only moves elements does is read off its result on 0, 1, 2 ...: these are the places that the
elements came from, and a gradient must go back to them.
"""

import contextlib
import math
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import minidl
from minidl import Tensor, datasets, init, nn, ops, optim, plot, testing, train
from minidl.testing import gradcheck
from minidl.testing.strategies import arrays, layers, shapes

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=15)


def random(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def close(ours, theirs):
    r"""To rounding in the dtype of ours."""
    ours = ours.numpy() if isinstance(ours, Tensor) else ours
    tolerance = 1e-5 if ours.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# ---- operations ----
UNARY = {
    ops.neg: np.negative,
    ops.exp: np.exp,
    ops.log: np.log,
    ops.log1p: np.log1p,
    ops.sqrt: np.sqrt,
    ops.abs: np.abs,
    ops.sin: np.sin,
    ops.cos: np.cos,
    ops.tanh: np.tanh,
    ops.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    ops.relu: lambda x: x * (x > 0),
}


@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
@few
@given(x=arrays(shapes(max_dims=3, max_side=3)))
def test_of_one_number(function, x):
    x = abs(x) + x.dtype.type(0.1) if function in (ops.log, ops.log1p, ops.sqrt) else x
    y = function(Tensor(x))
    assert y.dtype == x.dtype
    close(y, UNARY[function](x))
    away = np.asarray(np.where(abs(x) < 0.05, 0.1, x), "float64")  # from the kinks of abs and relu
    gradcheck(function, [away])


@given(x=arrays(), low=st.none() | st.floats(-1, 0), high=st.none() | st.floats(0, 1))
def test_clip(x, low, high):
    bounds = [None if b is None else float(np.float32(b)) for b in (low, high)]
    y = ops.clip(Tensor(x), *bounds)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y.numpy(), np.clip(x, *bounds) if bounds != [None, None] else x)


COMPARISONS = {getattr(ops, name): getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}


@pytest.mark.parametrize("function", COMPARISONS, ids=lambda f: f.__name__)
@few
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), seed=SEEDS)
def test_comparisons(function, shapes, seed):
    a, b = (np.random.default_rng(seed + k).integers(0, 3, s) * 0.5 for k, s in enumerate(shapes.input_shapes))
    y = function(Tensor(a), Tensor(b))
    assert y.dtype == bool and not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), COMPARISONS[function](a, b))


@given(a=arrays((3,), "float64"), b=arrays((4,), "float64"))
def test_outer(a, b):
    close(ops.outer(Tensor(a), Tensor(b)), np.outer(a, b))
    gradcheck(ops.outer, [a, b])


def _norm(x, axis, keepdims):
    return np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))


REDUCTIONS = {
    ops.sum: np.sum,
    ops.mean: np.mean,
    ops.max: np.max,
    ops.min: np.min,
    ops.var: lambda x, axis, keepdims: np.var(x, axis=axis, keepdims=keepdims, ddof=1),
    ops.std: lambda x, axis, keepdims: np.std(x, axis=axis, keepdims=keepdims, ddof=1),
    ops.logsumexp: lambda x, axis, keepdims: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)),
    ops.norm: _norm,
}
ONE_AXIS = {ops.argmax: np.argmax, ops.argmin: np.argmin}


@pytest.mark.parametrize("function", {**REDUCTIONS, **ONE_AXIS}, ids=lambda f: f.__name__)
@few
@given(data=st.data())
def test_reductions(function, data):
    x = data.draw(arrays(shapes(1, 3, min_side=2, max_side=4)))
    axes = st.none() | st.integers(-x.ndim, x.ndim - 1)
    if function in REDUCTIONS:
        axes |= st.permutations(range(x.ndim)).flatmap(lambda p: st.integers(1, len(p)).map(lambda n: tuple(p[:n])))
    axis, keepdims = data.draw(axes), data.draw(st.booleans())
    y = function(Tensor(x), axis=axis, keepdims=keepdims)
    close(y, {**REDUCTIONS, **ONE_AXIS}[function](x, axis=axis, keepdims=keepdims))
    if function in REDUCTIONS:
        assert y.dtype == x.dtype
        gradcheck(lambda x: function(x, axis=axis, keepdims=keepdims), [x.astype("float64")])


@given(data=st.data())
def test_cumsum(data):
    x = data.draw(arrays(shapes(1, 3, min_side=1, max_side=4), "float64"))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    close(ops.cumsum(Tensor(x), axis), np.cumsum(x, axis))
    gradcheck(lambda x: ops.cumsum(x, axis), [x])


def axis_of(draw, x):
    return draw(st.integers(-x.ndim, x.ndim - 1))


def _reshape(draw, x):
    sizes = draw(st.permutations([n for n in x.shape if n != 1] + [1] * draw(st.integers(0, 2))))
    return lambda t: ops.reshape(t, *sizes), x.reshape(sizes)


def _flatten(draw, x):
    first = draw(st.integers(0, x.ndim - 1))
    last = draw(st.integers(first, x.ndim - 1))
    return lambda t: ops.flatten(t, first, last), x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


def _permute(draw, x):
    order = draw(st.permutations(range(x.ndim)))
    return lambda t: ops.permute(t, order), x.transpose(order)


def _transpose(draw, x):
    a, b = axis_of(draw, x), axis_of(draw, x)
    return lambda t: ops.transpose(t, a, b), x.swapaxes(a, b)


def _squeeze(draw, x):
    ones = [axis for axis, n in enumerate(x.shape) if n == 1]
    axis = draw(st.sampled_from([None, *ones]))
    return lambda t: ops.squeeze(t, axis), x.squeeze(axis)


def _unsqueeze(draw, x):
    axis = draw(st.integers(-x.ndim - 1, x.ndim))
    return lambda t: ops.unsqueeze(t, axis), np.expand_dims(x, axis)


def _expand(draw, x):
    sizes = [*draw(shapes(max_dims=1, min_side=1)), *(draw(st.integers(1, 3)) if n == 1 else n for n in x.shape)]
    return lambda t: ops.expand(t, *sizes), np.broadcast_to(x, sizes)


def _flip(draw, x):
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    return lambda t: ops.flip(t, axis), np.flip(x, axis)


def _pad(draw, x):
    before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    modes = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    mode = draw(st.sampled_from(sorted(modes)))
    most = x.shape[-1] - (mode == "reflect")
    widths = [(0, 0)] * (x.ndim - 1) + [(min(before, most), min(after, most))]
    return lambda t: ops.pad(t, widths[-1], mode), np.pad(x, widths, mode=modes[mode])


def _split(draw, x):
    axis = axis_of(draw, x)
    first = draw(st.integers(0, x.shape[axis]))
    k = draw(st.integers(0, 1))
    return lambda t: ops.split(t, [first, x.shape[axis] - first], axis)[k], np.split(x, [first], axis)[k]


def _chunk(draw, x):
    axis, n = axis_of(draw, x), draw(st.integers(1, 4))
    size = -(-x.shape[axis] // n)
    parts = np.split(x, range(size, x.shape[axis], size), axis)
    k = draw(st.integers(0, len(parts) - 1))
    return lambda t: ops.chunk(t, n, axis)[k], parts[k]


def _gather(draw, x):
    axis = axis_of(draw, x)
    sizes = [draw(st.integers(1, n)) for n in x.shape]
    index = np.random.default_rng(draw(SEEDS)).integers(0, x.shape[axis], sizes)
    places = list(np.indices(sizes))
    places[axis] = index
    return lambda t: ops.gather(t, axis, index), x[tuple(places)]


def _index_select(draw, x):
    axis = axis_of(draw, x)
    index = draw(st.lists(st.integers(0, x.shape[axis] - 1), min_size=1, max_size=5))
    return lambda t: ops.index_select(t, axis, index), x.take(index, axis)


def _cat(draw, x):
    axis, n = axis_of(draw, x), draw(st.integers(1, 3))
    return lambda t: ops.cat([t] * n, axis), np.concatenate([x] * n, axis)


def _stack(draw, x):
    axis, n = draw(st.integers(-x.ndim - 1, x.ndim)), draw(st.integers(1, 3))
    return lambda t: ops.stack([t] * n, axis), np.stack([x] * n, axis)


MOVES = {
    ops.reshape: _reshape,
    ops.flatten: _flatten,
    ops.permute: _permute,
    ops.transpose: _transpose,
    ops.squeeze: _squeeze,
    ops.unsqueeze: _unsqueeze,
    ops.expand: _expand,
    ops.flip: _flip,
    ops.pad: _pad,
    ops.split: _split,
    ops.chunk: _chunk,
    ops.gather: _gather,
    ops.index_select: _index_select,
    ops.cat: _cat,
    ops.stack: _stack,
}


@pytest.mark.parametrize("function", MOVES, ids=lambda f: f.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_moves(function, data):
    sizes = data.draw(shapes(1, 3, min_side=1, max_side=4))
    places = np.arange(math.prod(sizes)).reshape(sizes)
    move, sources = MOVES[function](data.draw, places)  # where every element of the result came from
    x = data.draw(arrays(tuple(sizes)))
    t = Tensor(x, requires_grad=True)
    y = move(t)
    assert y.dtype == x.dtype and y.shape == sources.shape
    np.testing.assert_array_equal(y.numpy(), x.ravel()[sources])
    dy = random(*sources.shape, seed=data.draw(SEEDS)).astype(x.dtype)
    if y.size:
        y.backward(dy)
        dx = np.zeros(x.size)
        np.add.at(dx, sources.ravel(), dy.ravel())
        close(Tensor(t.grad), dx.reshape(x.shape))


@given(letters=st.permutations("abcd"), seed=SEEDS, data=st.data())
def test_einsum(letters, seed, data):
    sizes = dict(zip("abcd", (1, 2, 3, 2), strict=True))
    left, right = letters[: data.draw(st.integers(1, 3))], letters[data.draw(st.integers(0, 2)) :]
    out = [c for c in letters if c in {*left, *right} and data.draw(st.booleans())]
    equation = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
    a, b = (random(*(sizes[c] for c in term), seed=seed) for term in (left, right))
    close(ops.einsum(equation, Tensor(a), Tensor(b)), np.einsum(equation, a, b))
    gradcheck(lambda a, b: ops.einsum(equation, a, b), [a, b])


@given(x=arrays(), dtype=st.sampled_from(["float32", "float64"]))
def test_to(x, dtype):
    t = Tensor(x)
    moved = ops.to(t, dtype)
    assert moved.dtype == dtype and t.dtype == x.dtype
    np.testing.assert_array_equal(moved.numpy(), x.astype(dtype))
    ops.to_(t, dtype)
    assert t.dtype == dtype


# ---- the engine ----
@given(coefficients=st.lists(st.floats(-2, 2), min_size=1, max_size=5), x=arrays(shapes(max_dims=2), "float64"))
def test_a_function_of_your_own(coefficients, x):
    class Polynomial(minidl.Function):
        def forward(self, x):
            self.save(x)
            return sum(c * x**k for k, c in enumerate(coefficients)) + 0 * x

        def backward(self, dy):
            (x,) = self.saved
            return dy * (sum(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k) + 0 * x)

    close(Polynomial()(Tensor(x)), np.polyval(coefficients[::-1], x))
    gradcheck(lambda t: Polynomial()(t), [x])


@given(st.lists(st.booleans(), max_size=5))
def test_blocks_without_gradients_nest(quiet):
    x = Tensor([1.0], requires_grad=True)
    with contextlib.ExitStack() as stack:
        for k, block in enumerate(quiet):
            stack.enter_context(minidl.no_grad() if block else contextlib.nullcontext())
            assert minidl.grad_enabled() == (x * 2).requires_grad == (not any(quiet[: k + 1]))
    assert minidl.grad_enabled()


@given(x=arrays((4,)), place=st.none() | st.integers(0, 3), bad=st.sampled_from([0.0, -1.0]))
def test_an_anomaly_is_found(x, place, bad):
    x = abs(x) + 1
    if place is not None:
        x[place] = bad
    expected = contextlib.nullcontext() if place is None else pytest.raises(FloatingPointError, match="Log")
    with np.errstate(all="ignore"), minidl.detect_anomaly(), expected:
        ops.log(Tensor(x))


@given(name=st.text("abcnumpy ", max_size=8).filter(lambda name: name not in minidl.backend.BACKENDS))
def test_a_backend_of_another_name(name):
    before = minidl.current()
    with pytest.raises(ValueError, match="backend"):
        minidl.use(name)
    minidl.use(before)
    assert minidl.current() == before


@given(seed=SEEDS, n=st.integers(0, 9))
def test_a_seed_starts_the_same_numbers(seed, n):
    drawn = []
    for _ in range(2):
        minidl.manual_seed(seed)
        drawn.append(minidl.generator().random(n).tolist())
    assert drawn[0] == drawn[1] == np.random.Generator(np.random.PCG64(seed)).random(n).tolist()


@given(n=st.integers(1, 5), shape=shapes(1, 3, min_side=1), axis=st.integers(4, 9))
def test_the_three_errors(n, shape, axis):
    with pytest.raises(minidl.ShapeError, match="cat"):
        ops.cat([Tensor(np.zeros(shape)), Tensor(np.zeros((*shape, n)))])
    with pytest.raises(minidl.DTypeError, match="requires_grad"):
        Tensor(np.zeros(shape, int), requires_grad=True)
    with pytest.raises(minidl.IndexRangeError):
        Tensor(np.zeros(shape))[shape[0] + n]
    assert issubclass(minidl.ShapeError, ValueError) and issubclass(minidl.DTypeError, TypeError)
    assert issubclass(minidl.IndexRangeError, IndexError)


# ---- modules ----
@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=4), N=st.integers(1, 3), bias=st.booleans())
def test_summary(sizes, N, bias):
    model = nn.Sequential(*(nn.Linear(a, b, bias=bias) for a, b in zip(sizes, sizes[1:], strict=False)))
    model[0].weight.requires_grad_(False)
    found = nn.summary(model, (N, sizes[0]))
    pairs = list(zip(sizes, sizes[1:], strict=False))
    assert [row.parameters for row in found.rows] == [a * b + bias * b for a, b in pairs]
    assert found.frozen == sizes[0] * sizes[1]
    assert found.trainable + found.frozen == sum(p.size for p in model.parameters())
    assert found.multiply_adds == N * sum(a * b for a, b in pairs)


@given(case=layers(nn.BatchNorm2d), seed=SEEDS)
def test_a_buffer_is_saved_and_not_trained(case, seed):
    layer, inputs = case.build(seed % 99)
    layer.offset = nn.Buffer(random(3, seed=seed))
    assert all(p is not layer.offset for p in layer.parameters()) and not layer.offset.requires_grad
    np.testing.assert_array_equal(layer.state_dict()["offset"], random(3, seed=seed))


# ---- optimisers and schedules: the formulas of their papers, one number at a time ----
def _sgd(w, g, s, *, lr, momentum, nesterov, weight_decay):
    g += weight_decay * w
    s["v"] = momentum * s["v"] + g if "v" in s else g
    return w - lr * (g + momentum * s["v"] if nesterov else s["v"])


def _adagrad(w, g, s, *, lr, weight_decay, eps):
    g += weight_decay * w
    s["s"] = s.get("s", 0) + g * g
    return w - lr * g / (math.sqrt(s["s"]) + eps)


def _rmsprop(w, g, s, *, lr, alpha, eps, momentum, weight_decay, centered):
    g += weight_decay * w
    s["s"] = alpha * s.get("s", 0) + (1 - alpha) * g * g
    s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
    d = g / (math.sqrt(s["s"] - centered * s["m"] ** 2) + eps)
    s["v"] = momentum * s.get("v", 0) + d
    return w - lr * s["v"]


def _adam(w, g, s, *, lr, betas, eps, weight_decay):
    g += weight_decay * w
    s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g * g
    m, v = s["m"] / (1 - betas[0] ** s["t"]), s["v"] / (1 - betas[1] ** s["t"])
    return w - lr * m / (math.sqrt(v) + eps)


def _adamw(w, g, s, *, lr, weight_decay, **options):
    return _adam(w - lr * weight_decay * w, g, s, lr=lr, weight_decay=0, **options)


rate, decay, eps = st.floats(0.001, 0.5), st.floats(0, 0.5), st.floats(1e-8, 1e-2)
average = st.sampled_from([0.0, 0.5, 0.9])
OPTIMISERS = {
    optim.SGD: (_sgd, {"lr": rate, "momentum": st.just(0.9), "nesterov": st.booleans(), "weight_decay": decay}),
    optim.Adagrad: (_adagrad, {"lr": rate, "weight_decay": decay, "eps": eps}),
    optim.RMSprop: (
        _rmsprop,
        {
            "lr": rate,
            "alpha": average,
            "eps": eps,
            "momentum": average,
            "weight_decay": decay,
            "centered": st.just(False),
        },
    ),
    optim.Adam: (_adam, {"lr": rate, "betas": st.tuples(average, average), "eps": eps, "weight_decay": decay}),
    optim.AdamW: (_adamw, {"lr": rate, "betas": st.tuples(average, average), "eps": eps, "weight_decay": decay}),
}


@pytest.mark.parametrize("kind", OPTIMISERS, ids=lambda kind: kind.__name__)
@given(data=st.data(), steps=st.integers(1, 6), seed=SEEDS)
def test_optimisers(kind, data, steps, seed):
    assert issubclass(kind, optim.Optimizer) and kind in optim.OPTIMIZERS.values()
    formula, strategies = OPTIMISERS[kind]
    options = {name: data.draw(s) for name, s in strategies.items()}
    start, *gradients = random(steps + 1, 3, seed=seed)
    w = Tensor(start, requires_grad=True)
    optimizer = kind([w], **options)
    wanted, states = list(start), [{}, {}, {}]
    for g in gradients:
        w.grad = Tensor(g).data
        optimizer.step()
        wanted = [formula(float(v), float(d), s, **options) for v, d, s in zip(wanted, g, states, strict=True)]
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-10, atol=1e-10)


def sgd(lr):
    return optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)


@given(
    lr=rate,
    size=st.integers(1, 5),
    gamma=st.floats(0.1, 1),
    T=st.integers(1, 9),
    low=st.floats(0, 0.1),
    W=st.integers(1, 5),
)
def test_schedules(lr, size, gamma, T, low, W):
    def warm(t):
        return lr * min((t + 1) / W, 1) if t < W else lr * gamma ** ((t - W + 1) // size)

    after = sgd(lr)
    for schedule, formula in [
        (optim.StepLR(sgd(lr), size, gamma), lambda t: lr * gamma ** (t // size)),
        (optim.CosineAnnealingLR(sgd(lr), T, low), lambda t: low + (lr - low) * (1 + math.cos(math.pi * t / T)) / 2),
        (optim.LinearWarmup(after, W, after=optim.StepLR(after, size, gamma)), warm),
    ]:
        assert isinstance(schedule, optim.Schedule) and type(schedule) in optim.SCHEDULES.values()
        for t in range(12):
            assert schedule.optimizer.param_groups[0]["lr"] == pytest.approx(formula(t), rel=1e-12)
            schedule.step()


@given(metrics=st.lists(st.sampled_from([1.0, 2.0, 3.0, math.nan]), max_size=25), patience=st.integers(0, 3))
def test_plateau(metrics, patience):
    optimizer = sgd(1.0)
    schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
    best, bad, lr = math.inf, 0, 1.0
    for a in metrics:
        schedule.step(a)
        if a < best * (1 - 1e-4):
            best, bad = a, 0
        else:
            bad += 1
        if bad > patience:
            lr, bad = lr / 2, 0
        assert optimizer.param_groups[0]["lr"] == lr


# ---- training ----
def rows(data, D=3, K=3):
    n, seed = data.draw(st.integers(1, 12)), data.draw(SEEDS)
    x = random(n, D, seed=seed).astype("float32")
    return x, np.random.default_rng(seed).integers(0, K, n)


@few
@given(data=st.data(), batch_size=st.integers(1, 15), epochs=st.integers(1, 3))
def test_fit_evaluate_predict(data, batch_size, epochs):
    x, y = rows(data)
    model = nn.Linear(3, 3)
    history = train.fit(model, x, y, epochs=epochs, batch_size=batch_size, metrics=["accuracy"], verbose=False)
    assert isinstance(history, train.History) and len(history) == epochs == len(history.history["accuracy"])
    scores = model(Tensor(x)).numpy()
    np.testing.assert_allclose(train.predict(model, x, batch_size=batch_size), scores, rtol=1e-6, atol=1e-6)
    found = train.evaluate(model, x, y, batch_size=batch_size, metrics=["accuracy"])
    logs = scores.astype("float64") - np.log(np.exp(scores.astype("float64")).sum(axis=1, keepdims=True))
    assert found["loss"] == pytest.approx(-logs[np.arange(len(y)), y].mean(), rel=1e-5)
    assert found["accuracy"] == np.mean(scores.argmax(axis=1) == y)


@few
@given(data=st.data(), step=st.integers(0, 99))
def test_a_checkpoint_comes_back(tmp_path_factory, data, step):
    path = tmp_path_factory.mktemp("run") / "run.safetensors"
    x, y = rows(data)
    model = nn.Linear(3, 3)
    optimizer = optim.Adam(model.parameters())
    keep = train.Checkpoint(path)
    history = train.fit(model, x, y, optimizer=optimizer, epochs=2, callbacks=[keep], verbose=False)
    other = nn.Linear(3, 3)
    back = train.load_checkpoint(path, model=other, optimizer=optim.Adam(other.parameters()))
    assert back["epoch"] == 2 and back["history"].history == history.history
    train.save_checkpoint(path, model=model, optimizer=optimizer, step=step)
    again = optim.Adam(other.parameters())
    assert train.load_checkpoint(path, model=other, optimizer=again)["step"] == step
    for (_, a), (_, b) in zip(model.state_dict().items(), other.state_dict().items(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(optimizer.state_dict()["state"], again.state_dict()["state"], strict=True):
        assert a["t"] == b["t"] and all(np.array_equal(a[k], b[k]) for k in a)


class Recorded(train.Callback):
    r"""Writes down, and plays losses of the test's choice to the callbacks behind it."""

    def __init__(self, losses):
        self.losses, self.epochs = losses, []

    def on_epoch_end(self, epoch, logs):
        self.epochs.append(epoch)
        logs["loss"] = self.losses[epoch]


@few
@given(losses=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=8), patience=st.integers(1, 3))
def test_callbacks(tmp_path_factory, losses, patience):
    folder = tmp_path_factory.mktemp("callbacks")
    x, y = np.zeros((2, 1), "float32"), [0, 1]
    recorded, stop = Recorded(losses), train.EarlyStopping("loss", patience=patience)
    best = train.ModelCheckpoint(folder / "best-{epoch}.safetensors", monitor="loss", save_best_only=True)
    model = nn.Linear(1, 2)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    halve = train.Schedule(optim.StepLR(optimizer, 1, gamma=0.5))
    callbacks = [recorded, stop, best, train.CSVLogger(folder / "log.csv"), halve]
    train.fit(model, x, y, optimizer=optimizer, epochs=len(losses), callbacks=callbacks, verbose=False)
    new_best = [k for k, loss in enumerate(losses) if loss < min([math.inf, *losses[:k]])]
    ran = len(losses)
    for k in range(len(losses)):
        if k > 0 and k - max(b for b in new_best if b <= k) >= patience:
            ran = k + 1
            break
    assert recorded.epochs == list(range(ran))
    assert {path.name for path in folder.glob("best-*")} == {f"best-{k + 1}.safetensors" for k in new_best if k < ran}
    written = (folder / "log.csv").read_text().splitlines()
    assert written == ["epoch,loss", *(f"{k},{losses[k]}" for k in range(ran))]
    assert optimizer.param_groups[0]["lr"] == 0.5**ran


# ---- data, first weights, checks ----
LOADERS = [datasets.load_digits, datasets.load_iris, datasets.load_wine, datasets.load_karate_club]


@few
@given(load=st.sampled_from(LOADERS), batch_size=st.integers(1, 200), seed=SEEDS)
def test_batches_of_the_embedded_sets_hold_every_row_once(load, batch_size, seed):
    data = load()
    assert isinstance(data, datasets.Dataset) and any(load.__name__[5:] in name for name in datasets.verify())
    numbers = np.arange(len(data.y))
    seen = []
    for x, y, n in datasets.batches(data.x, data.y, numbers, batch_size=batch_size, shuffle=True, seed=seed):
        assert np.array_equal(x, data.x[n]) and np.array_equal(y, data.y[n])
        seen += n.tolist()
    assert sorted(seen) == numbers.tolist()


@given(F=st.integers(1, 9), C=st.integers(1, 9), kernel=shapes(max_dims=2, min_side=1))
def test_fans_count_connections(F, C, kernel):
    pixels = len(list(np.ndindex(*kernel)))
    assert init.fans("w", (F, C, *kernel)) == (C * pixels, F * pixels)


@given(x=arrays(shapes(max_dims=2), "float64", "plain"), scale=st.sampled_from([1.0, 1e8]), seed=SEEDS)
def test_the_numerical_gradient_of_a_parabola_is_its_slope(x, scale, seed):
    # of one size all: a small number beside large ones has a slope that is lost in the rounding of the sum
    a, x = random(*x.shape, seed=seed), np.asarray(scale * (1 + abs(x) % 1))
    slope = testing.numerical_gradient(lambda: float((a * x**2).sum()), x)
    np.testing.assert_allclose(slope, 2 * a * x, rtol=1e-6, atol=1e-7 * scale)


@given(factor=st.floats(0, 0.9) | st.floats(1.1, 9), x=arrays((3,), "float64", "plain"))
def test_a_wrong_backward_is_found(factor, x):
    class Wrong(minidl.Function):
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return 2 * factor * dy

    with pytest.raises(testing.GradientError):
        gradcheck(lambda t: Wrong()(t), [x])
    assert testing.check_layer(ops.exp, (2,)).passed and isinstance(testing.check_layer(ops.exp, (2,)), testing.Report)


# ---- recurrent layers as functions ----
UNROLLED = {nn.rnn: (1, 1, nn.rnn_cell), nn.lstm: (4, 2, nn.lstm_cell), nn.gru: (3, 1, nn.gru_cell)}


@pytest.mark.parametrize("function", UNROLLED, ids=lambda f: f.__name__)
@few
@given(
    sizes=st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
    biases=st.tuples(st.booleans(), st.booleans()),
    start=st.booleans(),
    masked=st.booleans(),
    seed=SEEDS,
)
def test_a_recurrent_function_is_its_cell_at_every_step(function, sizes, biases, start, masked, seed):
    (N, T, D, H), (gates, states, cell) = sizes, UNROLLED[function]
    x, GH = Tensor(random(N, T, D, seed=seed)), gates * H
    weights = [Tensor(random(GH, D, seed=seed)), Tensor(random(GH, H, seed=seed + 1))]
    weights += [Tensor(random(GH, seed=seed + 2 + k)) if there else None for k, there in enumerate(biases)]
    state = [Tensor(random(N, H, seed=seed + 4 + k) * start) for k in range(states)]
    m = random(N, T, seed=seed) < (0.3 if masked else np.inf)
    y, *last = function(x, *weights, *(state if start else ()), mask=m if masked else None)
    for t in range(T):
        new = cell(x[:, t], *state, *weights)
        new = new if isinstance(new, tuple) else (new,)
        state = [minidl.where(Tensor(m[:, t, None]), a, b) for a, b in zip(new, state, strict=True)]
        close(y[:, t], state[0].numpy())
    for ours, theirs in zip(last, state, strict=True):
        close(ours, theirs.numpy())


# ---- pictures ----
small = st.integers(1, 5)


@settings(max_examples=6)
@given(seed=SEEDS, F=small, C=small, H=small, W=small)
def test_pictures_of_every_shape(seed, F, C, H, W):
    from matplotlib import pyplot  # noqa: PLC0415

    try:
        for ax, title in [
            (plot.plot_filters(random(F, C, H, W, seed=seed)), f"{F} filters of {H} x {W}"),
            (plot.plot_feature_maps(random(C, H, W, seed=seed)), f"{C} feature maps of {H} x {W}"),
            (plot.plot_images(random(F, H, W, seed=seed)), f"{F} images of {H} x {W}"),
        ]:
            ax.figure.canvas.draw()
            assert title.split()[0] in ax.get_title() and f"{H} x {W}" in ax.get_title()
        counts = np.random.default_rng(seed).integers(0, 99, (F, F))
        ax = plot.plot_confusion_matrix(counts)
        assert [int(text.get_text()) for text in ax.texts] == counts.ravel().tolist()
        losses = np.random.default_rng(seed).random(H).tolist()
        (line,) = plot.plot_curves({"loss": losses}).get_lines()
        assert line.get_xdata().tolist() == list(range(1, H + 1)) and line.get_ydata().tolist() == losses
    finally:
        pyplot.close("all")
