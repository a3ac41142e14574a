"""Single rules of the primitive operations: ties, NaN and infinity, operand types, comparisons, writing in place."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, check, no_grad, ops


def leaf(data, dtype=np.float32):
    return Tensor(np.asarray(data, dtype), requires_grad=True)


def gradient(function, *tensors, upstream=None):
    y = function(*tensors)
    y.backward(upstream)
    return [Tensor(t.grad).numpy().tolist() for t in tensors]


# ---- ties ----
@pytest.mark.parametrize("name, places", [("max", [0.0, 3.0, 0.0, 0.0]), ("min", [3.0, 0.0, 0.0, 0.0])])
def test_the_first_of_equal_elements_gets_the_gradient(name, places):
    x = leaf([1, 5, 5, 1])
    assert gradient(lambda x: getattr(ops, name)(x), x, upstream=3.0) == [places]


def test_the_first_in_reading_order_over_two_axes():
    x = leaf([[[2, 1], [2, 0]], [[0, 0], [0, 7]]])
    (g,) = gradient(lambda x: x.max((0, 2)), x, upstream=[3.0, 4.0])
    assert g == [[[3, 0], [0, 0]], [[0, 0], [0, 4]]]
    x = leaf([[1, 7], [7, 1]])  # the order of the axes that are named does not matter
    assert gradient(lambda x: x.max((1, 0)), x, upstream=2.0) == [[[0, 2], [0, 0]]]


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_of_two_equal_numbers_the_first_gets_the_gradient(name):
    a, b = leaf([1, 2]), leaf([1, 2])
    assert gradient(getattr(ops, name), a, b, upstream=[3.0, 4.0]) == [[3, 4], [0, 0]]


@pytest.mark.parametrize(
    "function, x, wanted",
    [
        (ops.abs, [-2, 0, 2], [-5, 0, 5]),
        (ops.relu, [-2, 0, 2], [0, 0, 5]),
        (lambda x: ops.clip(x, -1, 1), [-2, -1, 0, 1, 2], [0, 5, 5, 5, 0]),
        (ops.norm, [0, 0], [0, 0]),
        (lambda x: ops.std(x), [3, 3, 3], [0, 0, 0]),
        (lambda x: x**2, [0, 1], [0, 10]),
        (lambda x: x**0, [0, 1], [0, 0]),
    ],
    ids=["abs", "relu", "clip", "norm", "std", "square", "power 0"],
)
def test_at_a_kink(function, x, wanted):
    x = leaf(x)
    y = function(x)
    y.backward(np.full(y.shape, 5.0))
    np.testing.assert_allclose(Tensor(x.grad).numpy(), wanted, rtol=1e-6)


def test_powers_of_zero():
    a, b = leaf([0, 0, 2]), leaf([0, 2, 3])
    da, db = gradient(ops.pow, a, b, upstream=[1.0, 1.0, 1.0])
    assert da == [0, 0, 12]
    np.testing.assert_allclose(db, [0, 0, 8 * math.log(2)], rtol=1e-6)


# ---- NaN and infinity ----
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_extremes_never_lose_a_nan(name, place):
    data = np.array([1.0, 2.0, 3.0])
    data[place] = np.nan
    x = leaf(data)
    y = getattr(x, name)()
    assert math.isnan(y.item())
    y.backward(2.0)
    assert np.flatnonzero(Tensor(x.grad).numpy()).tolist() == [place]


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_nan_wins_on_either_side(name):
    a, b = leaf([np.nan, 1, np.nan]), leaf([1, np.nan, np.nan])
    y = getattr(ops, name)(a, b)
    assert np.isnan(y.numpy()).all()
    y.backward([2.0, 3.0, 4.0])
    assert Tensor(a.grad).numpy().tolist() == [2, 0, 4]
    assert Tensor(b.grad).numpy().tolist() == [0, 3, 0]


@pytest.mark.parametrize("function", [ops.relu, ops.abs, ops.sigmoid, ops.tanh, lambda x: x.clip(0, 1)])
def test_nan_stays_nan(function):
    assert math.isnan(function(Tensor([np.nan])).item())


def test_sigmoid_does_not_overflow():
    x = leaf([-1e30, -80, -20, 0, 20, 100, 1e30])
    y = ops.sigmoid(x)
    wanted = [0, math.exp(-80), math.exp(-20) / (1 + math.exp(-20)), 0.5, 1 / (1 + math.exp(-20)), 1, 1]
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-6)
    y.backward(np.ones(7))
    assert np.isfinite(Tensor(x.grad).numpy()).all()


def test_logsumexp_at_the_ends():
    inf = np.inf
    x = leaf([[1000, 1000], [-inf, -inf], [-inf, 2], [inf, 3], [-1000, -1000]])
    y = ops.logsumexp(x, axis=1)
    np.testing.assert_allclose(y.numpy(), [1000 + math.log(2), -inf, 2, inf, -1000 + math.log(2)], rtol=1e-6)
    y.backward([2.0, 2.0, 2.0, 2.0, 2.0])
    np.testing.assert_allclose(Tensor(x.grad).numpy(), [[1, 1], [0, 0], [0, 2], [2, 0], [1, 1]], rtol=1e-6)
    assert math.isnan(ops.logsumexp(Tensor([np.nan, 1.0])).item())


# ---- operand types ----
FLOAT32, FLOAT64, INT = leaf([1, 2]), leaf([1, 2], np.float64), Tensor([1, 2])
PAIRS = [
    *[(FLOAT32, n, "float32") for n in (2, 0.1, True, np.float64(0.1), np.float32(0.1), np.int64(2), np.bool_(True))],
    *[(FLOAT64, n, "float64") for n in (2, 0.1, np.float32(0.1))],
    (FLOAT32, INT, "float32"),
    (FLOAT64, INT, "float64"),
    (FLOAT32, Tensor([True, False]), "float32"),
    (FLOAT32, FLOAT64, "float64"),
    (INT, 0.5, "float32"),
    (INT, 2, "int64"),
    (INT, np.float64(0.5), "float32"),
]


@pytest.mark.parametrize("symbol", "+-*")
@pytest.mark.parametrize("a, b, wanted", PAIRS, ids=str)
def test_the_dtype_of_a_result(symbol, a, b, wanted):
    f = {"+": operator.add, "-": operator.sub, "*": operator.mul}[symbol]
    for y in (f(a, b), f(b, a)):
        assert y.dtype.name == wanted


@pytest.mark.parametrize("f", [ops.maximum, ops.minimum, lambda a, b: ops.where(a > 0, a, b), ops.pow])
@pytest.mark.parametrize("a, b, wanted", PAIRS[:14], ids=str)
def test_the_dtype_of_a_choice(f, a, b, wanted):
    assert f(a, b).dtype.name == wanted


def test_integers_become_float32_where_they_must():
    x = Tensor([1, 2])
    for y in (x / x, x / 2, 1 / x, x.exp(), x.mean(), x.var(), x.norm(), x.sigmoid(), x.logsumexp(), x**0.5):
        assert y.dtype == np.float32
    for y in (x + x, x.sum(), x.cumsum(0), x.max(), x.abs(), x.relu(), x.clip(0, 1), x @ x, x.flip(0)):
        assert y.dtype == np.int64
    np.testing.assert_array_equal((Tensor([3, 4]) / 2).numpy(), [1.5, 2.0])
    assert ops.cat([x, Tensor([0.5])]).dtype == np.float32
    assert ops.einsum("i,i", x, Tensor([0.5, 1.0])).dtype == np.float32
    assert ops.where(x > 1, 1.0, 0.0).dtype == np.float32


def test_arrays_are_constants_and_are_copied():
    x, a = leaf([1, 2]), Tensor([3.0, 4.0])._data.copy()
    y = a * x + x * a
    a[...] = 0
    y.backward([1.0, 1.0])
    assert Tensor(x.grad).numpy().tolist() == [6, 8]


def test_operators_with_numpy_arrays_on_the_left_stay_tensors():
    x = leaf([2, 4])
    a = Tensor([1.0, 2.0])._data
    for y, wanted in [(a - x, [-1, -2]), (a / x, [0.5, 0.5]), (a**x, [1, 16]), (a @ x, 10), (a < x, [True, True])]:
        assert isinstance(y, Tensor)
        assert y.numpy().tolist() == wanted


def test_to_and_to_():
    x = leaf([1, 2])
    assert x.to("float32") is x and x.to(x.backend) is x
    y = x.to("float64")
    assert y.dtype == np.float64
    y.backward([3.0, 4.0])
    assert x.grad.dtype == np.float32 and Tensor(x.grad).numpy().tolist() == [3, 4]
    assert x.to_("float64") is x and x.dtype == x.grad.dtype == np.float64
    assert Tensor([1]).to_("float64").dtype == np.int64
    assert Tensor([1]).to("float64").dtype == np.float64
    with pytest.raises(RuntimeError, match="to_: this tensor is the result"):
        (x * 2).to_("float32")


# ---- without gradient ----
@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons(name):
    a, b = np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 2.0, 1.0, np.nan])
    compare = getattr(operator, name)
    y = compare(leaf(a), leaf(b))
    assert y.dtype == np.bool_ and not y.requires_grad
    assert y.numpy().tolist() == compare(a, b).tolist()
    assert compare(Tensor([1, 2]), 2).numpy().tolist() == compare(np.array([1, 2]), 2).tolist()
    assert compare(2, Tensor([1, 2])).numpy().tolist() == compare(2, np.array([1, 2])).tolist()


def test_a_tensor_is_not_equal_to_none():
    x = Tensor([1.0])
    assert (x == None) is False and (x != "a") is True  # noqa: E711
    assert len({x, x, Tensor([1.0])}) == 2  # hashed by identity


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_arg(name, axis, keepdims):
    x = np.array([[1.0, 5.0, 5.0], [0.0, 0.0, 7.0]])
    y = getattr(leaf(x), name)(axis, keepdims)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), getattr(np, name)(x, axis=axis, keepdims=keepdims))


# ---- in place ----
def test_writing():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    x[0] = 7
    x[:, 1] += 1
    x[x > 7] = Tensor([0.0])
    x[[1, 0], [0, 0]] = [5.0, 7.0]
    assert x.numpy().tolist() == [[7, 0], [5, 5]]
    y, before = x, id(x)
    y += 1
    y -= Tensor([1.0, 0.0])
    y *= 2.0
    y /= np.float64(4)
    assert id(y) == before and x.numpy().tolist() == [[3.5, 0.5], [2.5, 3]] and x.dtype == np.float32
    v = Tensor([1.0, 2.0, 3.0])
    v[0] += 1  # one element: read, added to, and written back
    assert v.numpy().tolist() == [2, 2, 3]


def test_adding_to_a_computed_tensor_is_recorded():
    x = leaf([1, 2])
    y = x * 3
    z = y
    y += x
    y *= 2
    assert z.numpy().tolist() == [3, 6]
    y.backward([1.0, 10.0])
    assert Tensor(x.grad).numpy().tolist() == [8, 80]
    total = 0
    total += x.sum()
    total.backward()
    assert Tensor(x.grad).numpy().tolist() == [9, 81]


def test_writing_where_a_gradient_should_flow_is_an_error():
    x, c = leaf([1, 2]), Tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"x \+= v: writing into a tensor is not recorded"):
        x += 1
    with pytest.raises(RuntimeError, match=r"x\[\.\.\.\] = v: writing"):
        x[0] = 1
    with pytest.raises(RuntimeError, match=r"x\[\.\.\.\] = v: writing"):
        c[0] = x.sum()
    with pytest.raises(RuntimeError, match=r"x \*= v: writing"):
        c *= x
    with no_grad():
        x[0] = 5
        x -= 1
        c *= x
    assert x.numpy().tolist() == [4, 1] and c.numpy().tolist() == [4, 2]


# ---- indices ----
@given(st.data())
def test_indices_pick_and_add_up(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    index, has_array = [], False
    n = data.draw(st.integers(0, 5))
    for size in shape[: data.draw(st.integers(1, len(shape)))]:
        kind = data.draw(st.sampled_from(["int", "slice", "array", "mask", "new"]))
        if kind == "new":
            index.append(None)
        if kind == "int":
            index.append(data.draw(st.integers(-size, size - 1)))
        elif kind == "mask" and not has_array:
            index.append(np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))))
            has_array = True
        elif kind == "array":
            index.append(np.array(data.draw(st.lists(st.integers(-size, size - 1), min_size=n, max_size=n)), int))
        else:
            index.append(
                slice(
                    *data.draw(st.tuples(*[st.none() | st.integers(-4, 4)] * 2)),
                    data.draw(st.sampled_from([None, 2, -1])),
                )
            )
    index = tuple(index)
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    try:
        expected = x[index]
    except IndexError:  # arrays and masks whose lengths do not broadcast
        with pytest.raises(ValueError):
            Tensor(x)[index]
        return
    t = Tensor(x, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.numpy(), expected)
    g = rng.normal(size=expected.shape)
    y.backward(g)
    dx = np.zeros(shape)
    np.add.at(dx, index, g)
    np.testing.assert_allclose(Tensor(t.grad).numpy(), dx, rtol=1e-12, atol=1e-14)


def test_repeated_indices_add_up_in_their_order():
    """float32 sums depend on the order; ours is the order of the indices."""
    rng = np.random.default_rng(0)
    ids, g = (
        rng.integers(0, 3, 1000),
        (rng.normal(size=(1000, 2)) * 10.0 ** rng.integers(-3, 4, (1000, 1))).astype("f4"),
    )
    expected = np.zeros((3, 2), np.float32)
    for m, v in enumerate(ids):
        expected[v] += g[m]
    table = leaf(np.zeros((3, 2)))
    table[Tensor(ids)].backward(g)
    np.testing.assert_array_equal(Tensor(table.grad).numpy(), expected)
    table.grad = None
    table.index_select(0, ids).backward(g)
    np.testing.assert_array_equal(Tensor(table.grad).numpy(), expected)


def test_basic_indexing_is_a_view():
    x = Tensor([1.0, 2.0, 3.0])
    y, z = x[0], x[1:]
    x[...] = 9
    assert y.item() == 9 and z.numpy().tolist() == [9, 9]


# ---- bad calls ----
X = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
I = Tensor([[0, 1, 2]])
BAD = {
    "bad axis": (lambda: X.sum(2), r"sum: axis must be <= 1, got 2"),
    "bad negative axis": (lambda: X.mean(-3), r"mean: axis must be >= -2, got -3"),
    "axis of a 0-d tensor": (lambda: Tensor(1.0).max(0), r"max: axis 0 was given for a 0-d array"),
    "axis twice": (lambda: X.sum((0, -2)), r"sum: axis names an axis twice: \(0, -2\)"),
    "axis no integer": (lambda: X.sum(0.5), r"sum: axis must be an integer, got 0.5"),
    "axis a bool": (lambda: X.cumsum(True), r"cumsum: axis must be an integer, got True"),
    "max of nothing": (lambda: X[:0].max(0), r"max: there is nothing along axis \(0,\) of x of shape \(0, 3\)"),
    "mean of nothing": (lambda: X[:0].mean(), r"mean: there is nothing"),
    "argmax of nothing": (lambda: X[:0].argmax(), r"argmax: there is nothing"),
    "logsumexp of nothing": (lambda: X[:0].logsumexp(0), r"logsumexp: there is nothing"),
    "var of one": (lambda: X[:1].var(0), r"var: needs more than correction=1 elements along axis \(0,\)"),
    "std of one": (lambda: X[:1].std(0), r"std: needs more than correction=1"),
    "negative correction": (lambda: X.var(correction=-1), r"var: correction must be >= 0, got -1"),
    "norm 3": (lambda: X.norm(3), r"norm: p must be 1, 2 or inf, got 3"),
    "shapes that do not broadcast": (lambda: X + Tensor([1.0, 2.0]), r"Add: .*\(2, 3\), \(2,\)"),
    "list operand": (lambda: X + [1.0, 2.0, 3.0], r"Add: operands must be tensors, arrays or numbers, got list"),
    "string operand": (lambda: X * "a", r"Mul: operands must be .* got str"),
    "complex operand": (lambda: X * 1j, r"Mul: operands must be .* got complex"),
    "complex array": (lambda: X * np.array([1j, 1, 1]), r"Mul: operands must be .* got an array of dtype complex128"),
    "two numbers": (lambda: ops.add(1, 2.0), r"Add: needs at least one tensor or array, got 1, 2.0"),
    "comparison with a string": (lambda: X < "a", r"Compare: operands must be"),
    "bool minus bool": (lambda: (X > 0) - (X > 0), r"Sub: "),
    "uint8 and 300": (lambda: Tensor(np.uint8([1])) + 300, r"Add: .*300"),
    "integer to a negative power": (lambda: Tensor([2]) ** -1, r"Pow: .*negative integer powers"),
    "reshape that does not fit": (lambda: X.reshape(4, 2), r"reshape: shape \(4, 2\) does not fit the 6 elements"),
    "reshape with two unknowns": (lambda: X.reshape(-1, -1), r"reshape: shape \(-1, -1\) does not fit"),
    "reshape that leaves a rest": (lambda: X.reshape(4, -1), r"reshape: shape \(4, -1\) does not fit"),
    "reshape to -2": (lambda: X.reshape(-2, 3), r"reshape: shape must be >= -1, got -2"),
    "reshape that overflows": (lambda: X[:0].reshape(2**35, 2**35, 0, 1.5), r"reshape: shape must be an integer"),
    "expand that overflows": (lambda: Tensor(1.0).expand(2**32, 2**32), r"expand: shape of shape .* would hold"),
    "expand an axis of 3": (
        lambda: X.expand(2, 4),
        r"expand: x of shape \(2, 3\) cannot be repeated to shape \(2, 4\)",
    ),
    "expand to fewer axes": (lambda: X.expand(3), r"expand: x of shape \(2, 3\) cannot"),
    "expand with a new -1": (lambda: X.expand(-1, 2, 3), r"expand: x of shape \(2, 3\) cannot"),
    "permute not all": (lambda: X.permute(0), r"permute: axes must name every axis"),
    "permute twice": (lambda: X.permute(0, 0), r"permute: axes names an axis twice"),
    "squeeze an axis of 3": (lambda: X.squeeze(1), r"squeeze: expected axis 1 of x to be size=1, got shape \(2, 3\)"),
    "flatten backwards": (lambda: X.flatten(1, 0), r"flatten: start_axis must not come after end_axis, got 1 and 0"),
    "clip the wrong way": (lambda: X.clip(2, 1), r"clip: min must be <= max, got min=2.0 and max=1.0"),
    "clip at nan": (lambda: X.clip(math.nan), r"clip: min must be a finite number, got nan"),
    "clip integers at 0.5": (lambda: I.clip(0.5), r"clip: min must be an integer, got 0.5"),
    "where on floats": (lambda: ops.where(X, X, 0), r"where: condition must be .* bools, got float32"),
    "where on a bool": (lambda: ops.where(True, X, 0), r"where: condition must be .* bools, got bool"),
    "pad mode": (lambda: X.pad((1, 1), "mirror"), r"pad: mode must be one of 'constant', .* got 'mirror'"),
    "pad odd": (lambda: X.pad((1, 1, 1)), r"pad: pads must be pairs for at most 2 axes of x, got \(1, 1, 1\)"),
    "pad too many": (lambda: X.pad((1,) * 6), r"pad: pads must be pairs"),
    "pad negative": (lambda: X.pad((-1, 0)), r"pad: pads must be >= 0, got -1"),
    "pad reflect too far": (lambda: X.pad((3, 0), "reflect"), r"pad: mode 'reflect' cannot pad an axis of size 3"),
    "pad circular too far": (lambda: X.pad((0, 4), "circular"), r"pad: mode 'circular' cannot pad an axis of size 3"),
    "pad nothing by its edge": (lambda: X[:, :0].pad((1, 0), "replicate"), r"pad: mode 'replicate' cannot pad"),
    "pad too large": (lambda: X.pad((2**40, 2**40)), r"pad: the padded x"),
    "cat of unequal shapes": (
        lambda: ops.cat([X, X.T]),
        r"cat: tensors must agree on all axes but axis 0, got \(2, 3\)",
    ),
    "cat of unequal ranks": (lambda: ops.cat([X, X[0]]), r"cat: tensors must agree"),
    "cat of a tensor": (lambda: ops.cat(X), r"cat: tensors must be a list or tuple of tensors, got Tensor"),
    "cat of nothing": (lambda: ops.cat([]), r"cat: tensors must not be empty"),
    "cat of numbers": (lambda: ops.cat([X, 1.0]), r"cat: tensors must hold tensors, got float"),
    "cat of 0-d": (lambda: ops.cat([Tensor(1.0)]), r"cat: axis 0 was given for a 0-d array"),
    "stack of unequal shapes": (lambda: ops.stack([X, X.T]), r"stack: .* must have the same shape"),
    "split that does not fit": (lambda: X.split([1, 1], 1), r"split: sizes \[1, 1\] must add up to 3, axis 1"),
    "split by 0": (lambda: X.split(0), r"split: sizes must be >= 1, got 0"),
    "split by a negative size": (lambda: X.split([4, -1], 1), r"split: sizes must be >= 0, got -1"),
    "chunk 0": (lambda: X.chunk(0), r"chunk: chunks must be >= 1, got 0"),
    "index out of range": (lambda: X[2], r"x\[\.\.\.\]: index 2 is out of range for axis 0 of size 2"),
    "list out of range": (lambda: X[:, [0, 3]], r"index 3 is out of range for axis 1 of size 3"),
    "negative index out of range": (lambda: X[Tensor([-3, 0])], r"index -3 is out of range for axis 0 of size 2"),
    "index after an ellipsis": (lambda: X[..., 3], r"index 3 is out of range for axis 1 of size 3"),
    "too many indices": (lambda: X[0, 0, 0], r"an index of 3 axes is too much for x of shape \(2, 3\)"),
    "two ellipses": (lambda: X[..., ...], r"can have only one '\.\.\.', got 2"),
    "mask that does not fit": (
        lambda: X[Tensor([True, False, True])],
        r"a mask of shape \(3,\) does not fit axes \(2,\)",
    ),
    "float index": (lambda: X[0.5], r"an index must be an int, .* got 0.5"),
    "float array as index": (lambda: X[Tensor([0.0])], r"an index must be"),
    "a bool as index": (lambda: X[True], r"an index must be"),
    "a string as index": (lambda: X["a"], r"an index must be .* got 'a'"),
    "index arrays that do not broadcast": (lambda: X[[0, 1], [0, 1, 2]], r"GetItem: "),
    "step 0": (lambda: X[::0], r"x\[...\]: slice step cannot be zero"),
    "gather out of range": (lambda: X.gather(1, [[3]]), r"gather: index must be in 0 \.\.\. 2, got 3"),
    "gather a negative": (lambda: X.gather(1, [[-1]]), r"gather: index must be in 0 \.\.\. 2, got -1"),
    "gather with floats": (lambda: X.gather(1, [[0.0]]), r"gather: index must hold integers, got dtype float"),
    "gather of another rank": (lambda: X.gather(1, [0]), r"gather: index of shape \(1,\) must have the axes of x"),
    "gather that is too long": (lambda: X.gather(1, [[0], [0], [0]]), r"gather: index of shape \(3, 1\)"),
    "index_select out of range": (lambda: X.index_select(0, [2]), r"index_select: index must be in 0 \.\.\. 1, got 2"),
    "index_select by a matrix": (lambda: X.index_select(0, I * 0), r"index_select: index must have shape \(M\)"),
    "write what does not fit": (lambda: X.__setitem__(0, [1.0, 2.0]), r"v of shape \(2,\) does not fit shape \(3,\)"),
    "write floats into integers": (lambda: I.__setitem__(0, 0.5), r"cannot write 0.5 into a tensor of dtype int64"),
    "write a string": (lambda: X.__setitem__(0, "a"), r"cannot write"),
    "write out of range": (lambda: X.__setitem__(5, 0.0), r"x\[\.\.\.\] = v: index 5 is out of range"),
    "add what makes it larger": (
        lambda: X[0].__iadd__(X),
        r"x \+= v: v of shape \(2, 3\) does not fit shape \(3,\)",
    ),
    "add what does not broadcast": (lambda: X.__iadd__(X.T), r"x \+= v: v of shape \(3, 2\) does not fit"),
    "divide integers in place": (lambda: I.__itruediv__(2), r"x /= v: "),
    "a slice of words": (lambda: X.__setitem__(slice("a", None), 0.0), r"x\[...\] = v: slice indices .* slice\('a'"),
    "an index of many axes": (lambda: X[(None,) * 70], r"x\[...\]: an index can have at most 32 parts, got 70"),
    "an index of unequal lists": (lambda: X[[[0], [1, 0]]], r"an index must be a regular array"),
    "matmul that does not fit": (lambda: X @ X, r"matmul: the last axis of a \(2, 3\) .* b \(2, 3\)"),
    "matmul with a 0-d": (lambda: X @ Tensor(1.0), r"matmul: b must be a vector"),
    "matmul with a number": (lambda: X @ 2.0, r"matmul: b must be a Tensor, got float"),
    "outer of a matrix": (lambda: ops.outer(X, X[0]), r"outer: a must have shape \(M\), got \(2, 3\)"),
    "einsum no equation": (lambda: ops.einsum("i->j->k", X), r"einsum: equation must look like"),
    "einsum ellipsis": (lambda: ops.einsum("...i->i", X), r"einsum: equation must look like"),
    "einsum diagonal": (lambda: ops.einsum("ii->i", X @ X.T), r"einsum: a letter stands twice in 'ii'"),
    "einsum unknown output": (lambda: ops.einsum("ij->k", X), r"einsum: the output .* has letters"),
    "einsum count": (lambda: ops.einsum("ij,jk", X), r"einsum: 'ij,jk' is for 2 operands, got 1"),
    "einsum rank": (lambda: ops.einsum("ijk->i", X), r"einsum: operand 0 must have the axes 'ijk', got shape \(2, 3\)"),
    "einsum sizes": (lambda: ops.einsum("ij,jk", X, X), r"einsum: 'j' is 3 in one operand and 2 in operand 1"),
    "einsum of a list": (lambda: ops.einsum("i->", [1.0]), r"einsum: operand 0 must be a tensor or array, got list"),
    "to where": (lambda: X.to("cuda"), r"to: where must be one of 'numpy', 'cupy', 'float32', 'float64', got 'cuda'"),
    "to_ where": (lambda: X.to_("int8"), r"to_: where must be one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls_say_what_is_wrong(name):
    call, message = BAD[name]
    before = X.numpy(), I.numpy()
    with pytest.raises((ValueError, TypeError), match=message):
        call()
    np.testing.assert_array_equal(X.numpy(), before[0])
    np.testing.assert_array_equal(I.numpy(), before[1])


def test_an_index_out_of_range_is_an_index_error_too():
    with pytest.raises(check.IndexRangeError):
        X[7]
    with pytest.raises(IndexError):
        X.gather(0, [[7, 0, 0]])
