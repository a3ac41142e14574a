"""The primitive operations: one table, and what every row of it must do."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from minidl import Tensor, ops
from minidl.testing import gradcheck
from tests.gpu import standin
from tests.gpu.compile import COMPILER


class Case(NamedTuple):
    name: str
    function: Callable  # on tensors
    oracle: Callable  # on NumPy arrays
    shapes: tuple
    draw: str = "normal"


def draw(kind: str, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    x = np.asarray(rng.normal(size=shape))
    if kind == "positive":
        return np.asarray(np.abs(x) + 0.5)
    if kind == "spread":  # no two closer than 0.1, none closer to a multiple of 0.5 than 0.05: no ties, no kinks
        steps = rng.permutation(x.size).reshape(shape) - x.size // 2
        return np.asarray(steps * 0.5 + 0.25 + rng.uniform(-0.1, 0.1, shape))
    return x


def case(name, function, oracle, *shapes, draw="normal"):
    return Case(name, function, oracle, shapes, draw)


def unary(name, oracle, draw="normal", label=None, **options):
    f = getattr(ops, name)
    shapes = [(3, 4), (), (0, 2), (2, 1, 3)]
    return [
        case(f"{label or name}{s}", lambda x: f(x, **options), lambda x: oracle(x, **options), s, draw=draw)
        for s in shapes
    ]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def reduction(name, oracle, draw="normal"):
    f = getattr(ops, name) if name != "norm" else lambda x, axis, keepdims: x.norm(2, axis, keepdims)
    rows = []
    for shape, axis in [
        ((3, 4), None),
        ((3, 4), 0),
        ((2, 3, 4), -2),
        ((2, 3, 4), (0, -1)),
        ((2, 1, 3), 1),
        ((3, 0), 1),
    ]:
        if (0 in shape and name != "sum") or (name in ("var", "std") and axis == 1):
            continue
        for keep in (False, True):
            rows.append(
                case(
                    f"{name}{shape} axis={axis} keepdims={keep}",
                    lambda x, a=axis, k=keep: f(x, a, k),
                    lambda x, a=axis, k=keep: np.asarray(oracle(x, axis=a, keepdims=k)),
                    shape,
                    draw=draw,
                )
            )
    return rows


def ddof1(f):
    return lambda x, axis, keepdims: f(x, axis=axis, keepdims=keepdims, ddof=1)


INDEX = np.array([[2, 0, 2], [1, 1, 0]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
INDICES = {
    "int": 1,
    "negative": -1,
    "slice": slice(1, None),
    "step": slice(None, None, -2),
    "ellipsis": (..., 1),
    "new axis": (slice(None), None, 2),
    "list": [0, 2, 0],
    "negative list": [-1, 0, -1],
    "two arrays": (np.array([0, 2, 2]), np.array([1, 3, 3])),
    "array of two axes": INDEX,
    "last axis": (..., np.array([3, 0, 3])),
    "apart from an ellipsis": (np.array([2, 0, 2]), ..., 1),
    "apart": (np.array([0, 1]), slice(None), np.array([2, 2])),
    "int and array": (1, [3, 3]),
    "array and new axis": (None, [2, 2], slice(0, 3)),
    "mask": MASK,
    "mask of one axis": np.array([True, False, True]),
    "slice and mask": (slice(1, None), np.array([True, False, True, True])),
    "everything": (...,),
    "nothing": [],
}

CASES = [
    *unary("exp", np.exp),
    *unary("log", np.log, "positive"),
    *unary("log1p", np.log1p, "positive"),
    *unary("sqrt", np.sqrt, "positive"),
    *unary("abs", np.abs, "spread"),
    *unary("sin", np.sin),
    *unary("cos", np.cos),
    *unary("tanh", np.tanh),
    *unary("sigmoid", sigmoid),
    *unary("neg", np.negative),
    *unary("relu", lambda x: np.maximum(x, 0), "spread"),
    *unary("clip", lambda x, min, max: np.clip(x, min, max), "spread", min=-1, max=0.5),
    case("clip below", lambda x: x.clip(max=0.0), lambda x: np.minimum(x, 0), (5,), draw="spread"),
    *[
        case(f"{name}{a}{b}", getattr(ops, name), oracle, a, b, draw=kind)
        for name, oracle, kind in [
            ("add", np.add, "normal"),
            ("sub", np.subtract, "normal"),
            ("mul", np.multiply, "normal"),
            ("div", np.divide, "positive"),
            ("pow", np.power, "positive"),
        ]
        for a, b in [((3, 4), (3, 4)), ((3, 1), (4,)), ((), (2, 3)), ((2, 1, 3), (4, 1)), ((0, 3), (1, 3))]
    ],
    case("x**2", lambda x: x**2, lambda x: x**2, (3, 2)),
    case("x**-1.5", lambda x: x**-1.5, lambda x: x**-1.5, (3, 2), draw="positive"),
    case("x**0", lambda x: x**0, lambda x: x**0, (3, 2)),
    case("2**x", lambda x: 2**x, lambda x: 2**x, (3, 2)),
    case("1 - x", lambda x: 1 - x, lambda x: 1 - x, (3, 2)),
    case("1 / x", lambda x: 1 / x, lambda x: 1 / x, (3, 2), draw="positive"),
    case("maximum", lambda x: ops.maximum(x, x.flip()), lambda x: np.maximum(x, np.flip(x)), (3, 4), draw="spread"),
    case("minimum", lambda x: ops.minimum(x, x.flip()), lambda x: np.minimum(x, np.flip(x)), (3, 4), draw="spread"),
    case("maximum with a number", lambda x: x.maximum(0.5), lambda x: np.maximum(x, 0.5), (3, 4), draw="spread"),
    case("where", lambda x, y: ops.where(Tensor(MASK), x, y), lambda x, y: np.where(MASK, x, y), (3, 4), (4,)),
    case(
        "where with a number", lambda x: ops.where(x > 0, x, 1), lambda x: np.where(x > 0, x, 1), (3, 4), draw="spread"
    ),
    *reduction("sum", np.sum),
    *reduction("mean", np.mean),
    *reduction("var", ddof1(np.var)),
    *reduction("std", ddof1(np.std)),
    *reduction("max", np.max, "spread"),
    *reduction("min", np.min, "spread"),
    *reduction("logsumexp", logsumexp),
    *reduction("norm", lambda x, axis, keepdims: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))),
    case("var correction=0", lambda x: x.var(1, correction=0), lambda x: np.var(x, 1), (3, 4)),
    case("norm 1", lambda x: x.norm(1, axis=-1), lambda x: np.abs(x).sum(-1), (3, 4), draw="spread"),
    case("norm inf", lambda x: x.norm(math.inf), lambda x: np.abs(x).max(), (3, 4), draw="positive"),
    case("cumsum 0", lambda x: x.cumsum(0), lambda x: np.cumsum(x, 0), (3, 4)),
    case("cumsum -1", lambda x: x.cumsum(-1), lambda x: np.cumsum(x, -1), (2, 3, 4)),
    case("reshape", lambda x: x.reshape(2, -1, 3), lambda x: x.reshape(2, -1, 3), (4, 3)),
    case("reshape to 0-d", lambda x: x.reshape(()), lambda x: x.reshape(()), (1, 1)),
    case("reshape of nothing", lambda x: x.reshape(3, -1), lambda x: x.reshape(3, 0), (0, 2)),
    case("flatten", lambda x: x.flatten(1), lambda x: x.reshape(2, 12), (2, 3, 4)),
    case("flatten the middle", lambda x: x.flatten(1, -2), lambda x: x.reshape(2, 6, 2), (2, 3, 2, 2)),
    case("flatten 0-d", lambda x: x.flatten(), lambda x: x.reshape(1), ()),
    case("transpose", lambda x: x.transpose(0, -1), lambda x: x.swapaxes(0, -1), (2, 3, 4)),
    case("permute", lambda x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
    case("T", lambda x: x.T, lambda x: x.T, (2, 3)),
    case("squeeze", lambda x: x.squeeze(), lambda x: x.squeeze(), (1, 3, 1)),
    case("squeeze an axis", lambda x: x.squeeze(-1), lambda x: x.squeeze(-1), (1, 3, 1)),
    case("unsqueeze", lambda x: x.unsqueeze(-1), lambda x: x[..., None], (2, 3)),
    case("expand", lambda x: x.expand(2, -1, 4), lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 1)),
    case("flip", lambda x: x.flip(1), lambda x: np.flip(x, 1), (2, 3)),
    case("flip all", lambda x: x.flip((0, -1)), lambda x: np.flip(x), (2, 3)),
    *[
        case(
            f"pad {mode}",
            lambda x, m=mode: x.pad((2, 1, 0, 2), m),
            lambda x, n=numpys: np.pad(x, ((0, 0), (0, 2), (2, 1)), n),
            (2, 3, 4),
        )
        for mode, numpys in [
            ("constant", "constant"),
            ("reflect", "reflect"),
            ("replicate", "edge"),
            ("circular", "wrap"),
        ]
    ],
    case("pad with a value", lambda x: x.pad((1, 1), value=3), lambda x: np.pad(x, 1, constant_values=3), (4,)),
    case("pad replicate far", lambda x: x.pad((5, 3), "replicate"), lambda x: np.pad(x, (5, 3), "edge"), (2,)),
    case("cat", lambda x, y: ops.cat([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1), (2, 3), (2, 1)),
    case("cat with nothing", lambda x, y: ops.cat([x, y], -2), lambda x, y: np.concatenate([x, y], 0), (2, 3), (0, 3)),
    case("stack", lambda x, y: ops.stack([x, y], -1), lambda x, y: np.stack([x, y], -1), (2, 3), (2, 3)),
    case("split", lambda x: x.split(2, 1), lambda x: (x[:, :2], x[:, 2:4], x[:, 4:]), (2, 5)),
    case("split by sizes", lambda x: x.split([1, 0, 3], -1), lambda x: (x[:, :1], x[:, 1:1], x[:, 1:]), (2, 4)),
    case("chunk", lambda x: x.chunk(4), lambda x: (x[:2], x[2:4], x[4:]), (5,)),
    *[
        case(f"x[{name}]", lambda x, i=index: x[i], lambda x, i=index: x[i], (3, 4, 3) if name == "apart" else (3, 4))
        for name, index in INDICES.items()
    ],
    case("gather", lambda x: x.gather(1, Tensor(INDEX)), lambda x: np.take_along_axis(x[:2], INDEX, 1), (3, 4)),
    case("gather 0", lambda x: x.gather(0, INDEX), lambda x: np.take_along_axis(x[:, :3], INDEX, 0), (3, 4)),
    case("index_select", lambda x: x.index_select(1, [2, 0, 2]), lambda x: x[:, [2, 0, 2]], (2, 3, 2)),
    *[
        case(f"matmul{a}{b}", ops.matmul, np.matmul, a, b)
        for a, b in [
            ((2, 3), (3, 4)),
            ((3,), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3,)),
            ((5, 2, 3), (3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((2, 3), (5, 3, 4)),
            ((2, 1, 2, 3), (4, 3, 2)),
            ((3,), (5, 3, 2)),
            ((5, 2, 3), (3,)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 2)),
        ]
    ],
    case("outer", ops.outer, np.outer, (3,), (4,)),
    *[
        case(f"einsum {eq}", lambda *x, e=eq: ops.einsum(e, *x), lambda *x, e=eq: np.einsum(e, *x), *shapes)
        for eq, shapes in {
            "nd,fd->nf": ((2, 3), (4, 3)),
            "ij,jk": ((2, 3), (3, 4)),
            "ba": ((2, 3),),
            "ij->": ((2, 3),),
            "ij,kl->k": ((2, 3), (4, 2)),
            "bhqd,bhkd->bhqk": ((2, 2, 3, 2), (2, 2, 4, 2)),
            "i,ij,j": ((2,), (2, 3), (3,)),
            ",i->i": ((), (3,)),
        }.items()
    ],
]
BY_NAME = pytest.mark.parametrize("c", CASES, ids=lambda c: c.name)


def inputs_of(c: Case, dtype=np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [draw(c.draw, shape, rng).astype(dtype) for shape in c.shapes]


def several(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


def run(function, tensors, upstream=None):
    """Outputs and gradients as NumPy arrays, for random gradients from above (the same for equal shapes)."""
    outputs = several(function(*tensors))
    rng = np.random.default_rng(3)
    loss = sum((y * Tensor(rng.normal(size=y.shape).astype(y.dtype))).sum() for y in outputs)
    loss.backward()
    return [y.numpy() for y in outputs]


def grads(tensors):
    return [Tensor(t.grad).numpy() for t in tensors]


@BY_NAME
def test_values_are_numpys(c):
    arrays = inputs_of(c)
    ours, wanted = several(c.function(*map(Tensor, arrays))), several(c.oracle(*arrays))
    for y, expected in zip(ours, wanted, strict=True):
        assert y.shape == np.shape(expected)
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-14)


@BY_NAME
def test_gradients_are_finite_differences(c):
    assert gradcheck(c.function, inputs_of(c)) <= 1e-6


@BY_NAME
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out_and_inputs_are_unchanged(c, dtype):
    arrays = inputs_of(c, dtype)
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    assert all(y.dtype == dtype for y in run(c.function, tensors))
    for t, a in zip(tensors, arrays, strict=True):
        assert t.grad.dtype == dtype and t.grad.shape == a.shape
        np.testing.assert_array_equal(t.numpy(), a)


@BY_NAME
def test_a_gradient_asked_for_alone_is_the_same(c):
    arrays = inputs_of(c)
    together = [Tensor(a, requires_grad=True) for a in arrays]
    run(c.function, together)
    for k, wanted in enumerate(grads(together)):
        alone = [Tensor(a, requires_grad=k == i) for i, a in enumerate(arrays)]
        run(c.function, alone)
        np.testing.assert_array_equal(Tensor(alone[k].grad).numpy(), wanted)
        assert all(t.grad is None for i, t in enumerate(alone) if i != k)


LAYOUTS = {
    "transposed": (lambda a: a.T, lambda t: t.T),
    "reversed": (np.flip, lambda t: t.flip()),
    "every other": (lambda a: np.repeat(a[..., None], 2, -1), lambda t: t[..., 0]),
    "read-only": (lambda a: a[None], lambda t: t.expand(1, *t.shape[1:])[0]),
}


@BY_NAME
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same(c, layout):
    arrays = inputs_of(c)
    plain = [Tensor(a, requires_grad=True) for a in arrays]
    base, view = LAYOUTS[layout]
    bases = [Tensor(base(a), requires_grad=True) for a in arrays]
    expected = run(c.function, plain)
    ours = run(lambda *t: c.function(*map(view, t)), bases)
    for y, e in zip(ours, expected, strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-12, atol=1e-14)
    for g, e in zip(grads(bases), grads(plain), strict=True):
        g = g[..., 0] if layout == "every other" else base(g) if layout != "read-only" else g[0]
        np.testing.assert_allclose(g, e, rtol=1e-12, atol=1e-14)


BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


@pytest.mark.parametrize("name", BINARY)
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0), seed=st.integers(0, 999))
def test_broadcasting(name, shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (draw("positive", s, rng) for s in shapes.input_shapes)
    f = getattr(ops, name)
    y = f(Tensor(a), Tensor(b))
    assert y.shape == shapes.result_shape
    np.testing.assert_allclose(y.numpy(), BINARY[name](a, b), rtol=1e-12)
    gradcheck(f, [a, b])


@given(shapes=mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seed=st.integers(0, 999))
def test_where_broadcasts(shapes, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(shapes.input_shapes[0]) > 0.5
    a, b = (draw("normal", s, rng) for s in shapes.input_shapes[1:])
    np.testing.assert_array_equal(ops.where(Tensor(mask), Tensor(a), Tensor(b)).numpy(), np.where(mask, a, b))
    gradcheck(lambda a, b: ops.where(Tensor(mask), a, b), [a, b])


@given(
    batches=mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3, min_side=0),
    m=st.integers(0, 3),
    k=st.integers(1, 3),
    n=st.integers(0, 3),
    seed=st.integers(0, 999),
)
def test_matmul_broadcasts_its_batch(batches, m, k, n, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(*batches.input_shapes[0], m, k))
    b = rng.normal(size=(*batches.input_shapes[1], k, n))
    np.testing.assert_allclose((Tensor(a) @ Tensor(b)).numpy(), a @ b, rtol=1e-12, atol=1e-14)
    gradcheck(ops.matmul, [a, b])


def test_matmul_is_a_sum_of_products():
    """The definition, spelled out (NumPy's own matmul is what the operation calls)."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5))
    expected = np.zeros((2, 3, 5))
    for s, i, j, k in np.ndindex(2, 3, 5, 4):
        expected[s, i, j] += a[s, i, k] * b[k, j]
    np.testing.assert_allclose((Tensor(a) @ Tensor(b)).numpy(), expected, rtol=1e-12, atol=1e-13)


@BY_NAME
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler (c++, g++, clang++)")
def test_the_other_backend_gives_the_same(c):
    """On CuPy's stand-in (on CuPy itself under --backend cupy, where this is one more run of the same)."""
    arrays = inputs_of(c)
    plain = [Tensor(a, requires_grad=True) for a in arrays]
    expected = run(c.function, plain)
    with standin.installed():
        theirs = [Tensor(a, requires_grad=True) for a in arrays]
        assert all(t.backend == "cupy" for t in theirs)
        ours = run(c.function, theirs)
        gradients = grads(theirs)
    for y, e in zip(ours + gradients, expected + grads(plain), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-12, atol=1e-14)
