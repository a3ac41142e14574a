"""The optimisers' loops: the reference bit for bit, any number of threads, and what must not reach them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, get_num_threads, jit, set_num_threads
from minidl.kernels import optim as kernels
from minidl.optim import OPTIMIZERS, SGD, Adam, RMSprop

rates = st.sampled_from([0.0, 0.5, 0.99])
LARGE = 1_000_003  # several shards, of unequal sizes


@st.composite
def steps(draw):
    """(compiled loop, reference, number of arrays that it changes, options, which of them may be None)"""
    lr, decay, eps = draw(st.sampled_from([0.1, 1e-3])), draw(st.sampled_from([0.0, 0.01])), draw(st.just(1e-8))
    momentum, a, b = draw(rates), draw(rates), draw(rates)
    name = draw(st.sampled_from(["sgd", "adagrad", "rmsprop", "adam"]))
    if name == "sgd":
        return name, [momentum > 0], (lr, momentum, decay, draw(st.booleans()))
    if name == "adagrad":
        return name, [True], (lr, decay, eps)
    if name == "rmsprop":
        return name, [True, draw(st.booleans()), momentum > 0], (lr, a, 1 - a, momentum, decay, eps)
    t, keep = draw(st.integers(1, 5)), draw(st.sampled_from([1.0, 0.99]))
    return name, [True, True], (lr / (1 - a**t), (1 - b**t) ** -0.5, a, 1 - a, b, 1 - b, decay, keep, eps)


def arrays_of(shape, dtype, held, seed):
    """w, g and what is remembered: None where nothing is held, and never below 0 where a root is taken of it."""
    rng = np.random.default_rng(seed)
    w, g = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    return [w, g, *(rng.uniform(0.1, 1, shape).astype(dtype) if h else None for h in held)]


def apply(name, arrays, options, form):
    copies = [None if a is None else a.copy() for a in arrays]
    if form == "ref":
        getattr(kernels, f"{name}_ref")(*copies, *options)
    else:
        w, g, *memory = copies
        kernels._step(getattr(kernels, f"{name}_cpu"), getattr(kernels, f"{name}_ref"), w, g, memory, options)
    assert np.array_equal(copies[1], arrays[1], equal_nan=True)
    return copies


def assert_identical(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert (a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True))


@given(
    step=steps(),
    shape=st.lists(st.integers(0, 5), max_size=4).map(tuple) | st.sampled_from([(33,), (130, 7)]),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 99),
)
def test_reference_and_loop_agree_bit_for_bit(step, shape, dtype, seed):
    name, held, options = step
    arrays = arrays_of(shape, dtype, held, seed)
    assert_identical(apply(name, arrays, options, "cpu"), apply(name, arrays, options, "ref"))


@given(step=steps(), seed=st.integers(0, 99))
def test_nan_and_infinity_are_the_references(step, seed):
    name, held, options = step
    arrays = arrays_of((40,), "float32", held, seed)
    for k, value in enumerate((np.nan, np.inf, -np.inf, 0.0, 1e30)):
        arrays[0][k] = arrays[1][5 + k] = value
    with np.errstate(all="ignore"):
        assert_identical(apply(name, arrays, options, "cpu"), apply(name, arrays, options, "ref"))


@pytest.mark.skipif(not jit.COMPILES, reason="a million turns of a loop that is not compiled")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_thread_and_two_give_the_same_bits(name):
    rng, before = np.random.default_rng(0), get_num_threads()
    w, g = (rng.normal(size=LARGE).astype("float32") for _ in range(2))
    assert kernels.shards_for(0.5 * LARGE) > 1
    results = []
    try:
        for threads in (1, 2):
            set_num_threads(threads)
            parameter = Tensor(w, requires_grad=True)
            optimizer = OPTIMIZERS[name]([parameter], lr=0.1)
            for _ in range(2):
                parameter.grad = Tensor(g).data
                optimizer.step()
            results.append(parameter.numpy())
    finally:
        set_num_threads(before)
    assert np.array_equal(*results) and not (results[0] == w).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_that_is_no_row_in_memory(name):
    rng = np.random.default_rng(0)
    values, g = (rng.normal(size=(4, 3)) for _ in range(2))
    turned = Tensor(values.T).transpose(1, 0).detach().requires_grad_()
    plain = Tensor(values, requires_grad=True)
    for w in (turned, plain):
        optimizer = OPTIMIZERS[name]([w], lr=0.1, weight_decay=0.1)
        for _ in range(3):
            w.grad = Tensor(g).data
            optimizer.step()
    np.testing.assert_allclose(turned.numpy(), plain.numpy(), rtol=1e-15)


def test_memory_that_was_saved_in_another_order():
    g = np.random.default_rng(0).normal(size=(3, 4))
    ws = [Tensor(np.ones((3, 4)), requires_grad=True) for _ in range(2)]
    for order, w in zip("CF", ws, strict=True):
        optimizer = Adam([w])
        w.grad = Tensor(g).data
        optimizer.step()
        state = optimizer.state_dict()
        state["state"][0]["m"] = np.array(state["state"][0]["m"], order=order)
        optimizer.load_state_dict(state)
        optimizer.step()
        assert optimizer.state[0]["m"][0, 1].item() == pytest.approx(0.19 * g[0, 1])
    assert np.array_equal(ws[0].numpy(), ws[1].numpy())


def test_a_gradient_of_another_type_is_taken_as_it_is():
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.grad = Tensor(np.array([1.0, 1e-30])).data
    optimizer = SGD([w], lr=0.5)
    optimizer.step()
    w.grad = Tensor([1, 2]).data
    optimizer.step()
    assert w.numpy().tolist() == [0.0, 1.0] and w.dtype == "float32"


def test_memory_that_was_never_begun_is_an_error():
    for make in (SGD, RMSprop):
        w = Tensor(np.ones(100), requires_grad=True)
        optimizer = make([w], lr=0.1)
        w.grad = Tensor(np.ones(100)).data
        optimizer.step()
        optimizer.param_groups[0]["momentum"] = 0.9
        before = w.numpy()
        optimizer.state[0]["other"] = 1  # so that it counts as begun
        with pytest.raises(KeyError):
            optimizer.step()
        assert np.array_equal(w.numpy(), before)


def test_memory_of_another_size_never_reaches_the_loop():
    w, g = np.ones(4), np.ones(4)
    with pytest.raises(ValueError, match="broadcast"):
        kernels.adam(w, g, np.zeros(3), np.zeros(4), 1, 0.1, (0.9, 0.99), 0.0, 1.0, 1e-8)
    with pytest.raises(ValueError, match="broadcast"):
        kernels.sgd(w, np.ones(3), None, 0.1, 0.0, 0.0, False)
