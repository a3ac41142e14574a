"""The picture of a computation: values and gradients of the forward pass that was, and nothing changed by looking."""

import gc
import math
import weakref

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import minidl
from minidl import Tensor, nn, plot, random
from minidl import functional as F
from minidl.backend import to_numpy
from minidl.replay import CHANGED, FREED, key_of, replay
from minidl.tensor import Function
from minidl.testing import registry, subject


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def leaf(value):
    return Tensor(value, requires_grad=True)


def words(ax):
    """What stands in each box: its lines, from the top."""
    texts, found = [*ax.texts], []
    for box in boxes(ax):
        inside = [t for t in texts if box.get_path().contains_point(t.get_position())]
        found.append("\n".join(t.get_text() for t in sorted(inside, key=lambda t: -t.get_position()[1])))
        texts = [t for t in texts if t not in inside]
    assert not texts
    return found


def of(tensor, root, *others):
    """Value and gradient found for `tensor` in the graph of `root`, on the host."""
    variables, _, _ = replay(root, others)
    (found,) = [v for v in variables if v.key == key_of(tensor)]
    return [None if x is None else to_numpy(x) for x in (found.value, found.grad)]


def boxes(ax):
    return [p for p in ax.patches if isinstance(p, FancyBboxPatch)]


def lines(ax):
    return [p._path_original.vertices for p in ax.patches if isinstance(p, FancyArrowPatch)]


# ---- what is written ----
def test_values_and_gradients_by_hand():
    w, x, b = leaf(-2.0), leaf(1.5), leaf(0.5)
    ax = plot.plot_graph((w * x + b).tanh(), names={"w": w, "x": x, "b": b})
    y = math.tanh(-2.5)
    slope = 1 - y * y
    assert sorted(words(ax)) == sorted(
        [
            *("\N{MULTIPLICATION SIGN}", "+", "Tanh"),
            f"w = -2\ngrad {1.5 * slope:.4g}",
            f"x = 1.5\ngrad {-2 * slope:.4g}",
            f"-3\ngrad {slope:.4g}",
            f"b = 0.5\ngrad {slope:.4g}",
            f"-2.5\ngrad {slope:.4g}",
            f"{y:.4g}\ngrad 1",
        ]
    )
    assert ax.get_title() == "6 tensors, 3 Functions"


def test_large_tensors_have_shapes_and_norms():
    x, w = leaf(np.arange(1.0, 7.0).reshape(2, 3)), Tensor(np.full((2, 3), 2.0))
    ax = plot.plot_graph(x * w, names={"x": x})
    assert f"x (2, 3)\n|grad| {2 * math.sqrt(6):.4g}" in words(ax)  # of the sum: 2 at six places
    assert "(2, 3)" in words(ax)  # a constant has no gradient
    assert ax.get_title().endswith("gradients of the result's sum")


def test_small_arrays_are_written_out_with_three_digits():
    x = leaf([[1.23456, -0.0]])
    assert "x = [[1.23, 0]]\ngrad [[1, 1]]" in words(plot.plot_graph(x * 1, names={"x": x}))


def test_names_of_parameters_and_of_computed_tensors():
    model = nn.Linear(2, 1)
    x, y = Tensor([[1.0, 2.0]]), None
    y = model(x)
    ax = plot.plot_graph(y.sum(), names={**dict(model.named_parameters()), "x": x, "y": y, "not in it": Tensor(0.0)})
    assert [t.split(" ")[0] for t in words(ax) if "=" in t] == ["x", "weight", "bias", "y"]
    assert words(plot.plot_graph(y.sum(), names=model.named_parameters()))


def test_a_leaf_a_constant_and_what_was_not_recorded():
    assert words(plot.plot_graph(leaf(2.0))) == ["2\ngrad 1"]
    with minidl.no_grad():
        ax = plot.plot_graph(leaf(2.0) * 3)
    assert words(ax) == ["6"] and "no operation was recorded" in ax.get_title()


# ---- the lines ----
def test_both_uses_of_a_shared_input_can_be_seen():
    x = leaf(3.0)
    ax = plot.plot_graph(x * x)
    a, b, _ = lines(ax)
    assert np.array_equal(a[0], b[0]) and a[-1][1] > b[-1][1] + 0.05  # inches


def test_operands_enter_from_the_top_in_their_order():
    a, b = leaf(5.0), leaf(3.0)
    for y in (a - b, b - a):
        ax = plot.plot_graph(y, names={"a": a, "b": b})
        first, second, _ = (way[0] for way in lines(ax))
        centre = {text.get_text()[0]: text.get_position()[1] for text in ax.texts}
        assert first[1] > second[1]
        assert (centre["a"] > centre["b"]) == (y.item() == 2)
    for y in (a * 1 - b, b - a * 1):  # a leaf beside what is computed
        ax = plot.plot_graph(y, names={"b": b})
        centre = {text.get_text()[0]: text.get_position()[1] for text in ax.texts}
        assert (centre["5"] > centre["b"]) == (y.item() == 2)


def test_only_outputs_in_use_are_drawn():
    p, q, _ = minidl.chunk(leaf([2.0, 3.0, 4.0]), 3)
    ax = plot.plot_graph(p * q)
    assert ax.get_title() == "4 tensors, 2 Functions"
    assert {"[2]\ngrad [3]", "[3]\ngrad [2]", "Split"} < {*words(ax)}


# ---- what cannot be known ----
def test_dropout_shows_what_was_dropped():
    x = leaf(np.arange(1.0, 41.0))
    y = F.dropout(x)
    z = y.exp()
    assert np.array_equal(of(y, z.sum())[0], y.numpy())
    assert np.array_equal(of(z, z.sum())[0], z.numpy())
    assert 0 < (y.numpy() == 0).sum() < 40


@pytest.mark.parametrize("draw", [lambda x: F.gaussian_noise(x, 1.0), F.dropout2d])
def test_random_numbers_of_a_forward_are_not_drawn_again(draw):
    x = leaf(np.ones((1, 8, 1, 1)))
    y = draw(x)
    loss = (y * y).sum()
    value, grad = of(y, loss)
    assert value is None
    assert np.array_equal(grad, 2 * y.numpy())  # from the graph itself
    assert np.array_equal(of(y, loss, y)[0], y.numpy())  # it is still there
    assert "2 of the values cannot be computed again" in plot.plot_graph(loss).get_title()


def test_a_function_with_dice_of_its_own():
    class Dice(Function):
        def forward(self, x):
            y = x * np.random.default_rng().random()
            self.save(y)
            return y

        def backward(self, dy):
            return dy

    y = Dice()(leaf([1.0, 2.0]))
    assert of(y, y.sum())[0] is None


def test_freed_by_backward():
    w, x = leaf(3.0), leaf(2.0)
    trunk = w * x
    first, second = trunk.exp(), trunk.sin()
    first.backward()
    ax = plot.plot_graph(second)  # its own part stands
    assert "freed by backward()" in ax.get_title() and "retain_graph=True" in ax.get_title()
    assert sorted(words(ax)) == sorted(["freed", "\N{MULTIPLICATION SIGN}", "()", "Sin", f"{math.sin(6):.4g}\ngrad 1"])
    assert "trunk = 6" in words(plot.plot_graph(second, names={"trunk": trunk}))  # it is still there
    assert replay(second)[2] == FREED


def test_before_and_after_a_backward_that_keeps_the_graph():
    w = leaf([1.0, 2.0])
    y = (w * w).sum()
    before = words(plot.plot_graph(y))
    y.backward(retain_graph=True)
    assert words(plot.plot_graph(y)) == before
    assert np.array_equal(to_numpy(w.grad), [2.0, 4.0])


def test_changed_since():
    w, x, c = leaf(3.0), leaf(2.0), Tensor(1.0)
    y = w + x + c
    for changed in (w, c):
        assert replay(y)[2] == ""
        with minidl.no_grad():
            changed += 1
        assert replay(y)[2] == CHANGED
        assert "written to after its use" in plot.plot_graph(y).get_title()
        assert of(y, y)[0] == 6  # it still is
        y = w + x + c
        y = w + x + c if changed is c else y - 1  # as before: 6
    z = w * x
    with minidl.no_grad():
        w += 1
    assert of(z, z.exp())[0] is None and of(w, z)[0] is None  # not what it is now


def test_a_constant_that_is_gone():
    y = leaf([1.0, 2.0]) + Tensor([3.0, 4.0])
    ax = plot.plot_graph(y.exp())
    assert "?" in words(ax) and "(2,)\ngrad [54.6, 403]" in words(ax)
    assert "2 of the values" in ax.get_title()


def test_an_absent_input_is_not_drawn():
    y = F.linear(leaf([[1.0]]), leaf([[2.0]]))
    assert plot.plot_graph(y).get_title().startswith("3 tensors, 1 Function")


# ---- nothing changes ----
def test_graphs_hold_no_array_longer_for_it():
    x = Tensor(np.ones(5))
    gone = weakref.ref(x._data)
    y = x + leaf(1.0)  # keeps neither
    del x
    assert gone() is None and y.requires_grad


def test_hooks_and_gradients_are_left_alone():
    calls = []
    w = leaf([1.0, 2.0])
    h = w * w
    h.register_hook(lambda g: calls.append(g) or 10 * g)
    w.register_hook(calls.append)
    h.retain_grad()
    y = h.sum()
    plot.plot_graph(y)
    assert not calls and w.grad is None and h.grad is None
    y.backward()
    assert len(calls) == 2
    assert np.array_equal(to_numpy(w.grad), [20.0, 40.0]) and np.array_equal(to_numpy(h.grad), [10.0, 10.0])


def held(steps):
    """All arrays that the nodes of a graph keep."""
    kept = [a for step in steps for a in (*step.function.saved, *vars(step.function).values())]
    return [to_numpy(a) for a in kept if hasattr(a, "shape")]


# what draws in its forward, and what hands a Function an array that nobody else holds: a target, a first state of zeros
GONE = nn.Dropout2d, nn.GaussianNoise, F.kl_div, F.hinge_loss, nn.Seq2Seq


@pytest.mark.parametrize("layer", registry.PLACES, ids=lambda layer: layer.__name__)
def test_every_layer_is_computed_again_to_the_bit(layer):
    computed = []
    for case in [*registry.cases(layer)][:4]:
        module, inputs = subject.Subject(case.build, 0.0).fresh()
        inputs = [subject.leaf(x, True) for x in inputs]
        y = next(t for t in subject.call(module, inputs) if isinstance(t, Tensor))
        if not y.requires_grad or not y.size:
            continue
        loss = (y * Tensor(np.random.default_rng(0).normal(size=y.shape)).to(y.dtype.name).to(y.backend)).sum()
        leaves = [x for x in (*inputs, *getattr(module, "parameters", list)()) if isinstance(x, Tensor)]
        steps = replay(loss)[1]
        before, state = [a.copy() for a in held(steps)], random.get_state()

        variables, steps, problem = replay(loss)
        assert problem == "" and random.get_state() == state
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(held(steps), before, strict=True))
        assert all(x.grad is None for x in leaves)
        found = {v.key: v for v in variables}
        value = found[key_of(y)].value
        if value is None:  # nowhere but after a forward that draws, and where a converted copy of a target is gone
            drawn = {type(s.function).__name__ for s in steps} & {"SharedDropoutFunction", "GaussianNoiseFunction"}
            assert drawn or any(v.kind == "constant" and v.value is None for v in variables)
        else:
            assert np.array_equal(to_numpy(value), y.numpy(), equal_nan=True)
            computed.append(case)
        loss.backward()
        for x in leaves:
            if x.grad is not None:
                assert np.array_equal(to_numpy(found[key_of(x)].grad), to_numpy(x.grad), equal_nan=True)

    assert computed or layer in GONE or not y.requires_grad


def test_no_cycle_is_left():
    x = leaf(2.0)
    y = (x * x).exp()
    node = weakref.ref(y)
    gc.disable()
    try:
        replay(y)
        del y
        assert node() is None
    finally:
        gc.enable()


# ---- on paper ----
def test_boxes_hold_their_text_and_keep_apart():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(-1)).to("float64")
    x = leaf(np.ones((2, 3)))
    y = model(x)
    loss = ((y - 1) ** 2).mean() + x.sum() * 0.01
    for ax in (None, plt.subplots(figsize=(6.4, 3.6))[1]):
        ax = plot.plot_graph(loss, names=model.named_parameters(), ax=ax)
        ax.figure.canvas.draw()
        frames = [box.get_window_extent() for box in boxes(ax)]
        for text in ax.texts:
            middle, extent = ax.transData.transform(text.get_position()), text.get_window_extent()
            (frame,) = [f for f in frames if f.contains(*middle)]
            assert frame.x0 < extent.x0 and extent.x1 < frame.x1 and frame.y0 < extent.y0 and extent.y1 < frame.y1
        for i, a in enumerate(frames):
            assert not any(a.overlaps(b) for b in frames[:i])
            assert ax.figure.bbox.x0 <= a.x0 and a.x1 <= ax.figure.bbox.x1
        assert all(way[0][0] < way[-1][0] for way in lines(ax))  # to the right


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_text_is_in_the_default_colour_on_translucent_boxes(style):
    with plt.style.context(style):
        ax = plot.plot_graph(leaf(1.0).exp())
        assert {text.get_color() for text in ax.texts} == {plt.rcParams["text.color"]}
    assert all(to_rgba(box.get_facecolor())[3] < 0.2 for box in boxes(ax))


def test_options_go_to_the_lines():
    ax = plot.plot_graph(leaf(1.0).exp(), color="C1", linestyle="--")
    assert {p.get_linestyle() for p in ax.patches if isinstance(p, FancyArrowPatch)} == {"--"}


# ---- bad input ----
def test_large_graphs_are_refused():
    y = leaf(1.0)
    for _ in range(30):
        y = y.exp().log()
    with pytest.raises(ValueError, match=r"61 tensors and 60 Functions, 121 boxes; .* max_nodes=60;"):
        plot.plot_graph(y)
    assert plot.plot_graph(y, max_nodes=121).get_title() == "61 tensors, 60 Functions"
    for _ in range(10_000):
        y = y + 1
    with pytest.raises(ValueError, match="10060 Functions"):
        plot.plot_graph(y)


@pytest.mark.parametrize("bad", [1.0, None, np.ones(2), "x"])
def test_only_tensors_have_graphs(bad):
    with pytest.raises(TypeError, match=f"plot_graph: tensor must be of class Tensor, got {type(bad).__name__}"):
        plot.plot_graph(bad)


@pytest.mark.parametrize("names", [{"x": 1.0}, 3, [1, 2], nn.Linear(1, 1), "x"])
def test_names_are_of_tensors(names):
    with pytest.raises(TypeError, match="plot_graph: names"):
        plot.plot_graph(leaf(1.0), names=names)


@pytest.mark.parametrize("most", [0, 1.5, True])
def test_max_nodes_is_a_size(most):
    with pytest.raises((ValueError, TypeError), match="plot_graph: max_nodes"):
        plot.plot_graph(leaf(1.0), max_nodes=most)


# ---- any expression ----
BINARY = {
    "+": (lambda a, b: a + b, lambda a, b: (1, 1)),
    "*": (lambda a, b: a * b, lambda a, b: (b, a)),
    "-": (lambda a, b: a - b, lambda a, b: (1, -1)),
}
UNARY = {"tanh": (math.tanh, lambda a: 1 - math.tanh(a) ** 2), "sin": (math.sin, math.cos)}


@given(st.data())
@settings(max_examples=40)
def test_any_expression(data):
    values = [data.draw(st.floats(-2, 2)) for _ in range(data.draw(st.integers(1, 3)))]
    tensors = [leaf(np.float64(v)) for v in values]
    inputs: list = [()] * len(values)  # (number of a tensor, slope)
    for _ in range(data.draw(st.integers(1, 6))):
        name = data.draw(st.sampled_from([*BINARY, *UNARY]))
        i, j = (data.draw(st.integers(0, len(values) - 1)) for _ in range(2))
        if name in BINARY:
            compute, slopes = BINARY[name]
            da, db = slopes(values[i], values[j])
            values.append(compute(values[i], values[j]))
            tensors.append(compute(tensors[i], tensors[j]))
            inputs.append(((i, da), (j, db)))
        else:
            compute, slope = UNARY[name]
            values.append(compute(values[i]))
            tensors.append(getattr(tensors[i], name)())
            inputs.append(((i, slope(values[i])),))
    grads: list = [None] * (len(values) - 1) + [1.0]
    for number in reversed(range(len(values))):
        for i, slope in inputs[number] if grads[number] is not None else ():
            grads[i] = (grads[i] or 0.0) + slope * grads[number]
    last, keys = tensors[-1], [key_of(t) for t in tensors]
    del tensors[:-1]
    found = {v.key: v for v in replay(last)[0]}
    used = [n for n, g in enumerate(grads) if g is not None]
    assert found.keys() == {keys[n] for n in used}
    for n in used:
        assert float(found[keys[n]].value) == pytest.approx(values[n], rel=1e-9, abs=1e-12)
        assert float(found[keys[n]].grad) == pytest.approx(grads[n], rel=1e-9, abs=1e-12)
    ax = plot.plot_graph(last)
    assert len(words(ax)) == len(boxes(ax)) == len(used) + sum(bool(inputs[n]) for n in used)
    assert len(lines(ax)) == sum(len(inputs[n]) + 1 for n in used if inputs[n])
    plt.close("all")
