r"""HyperNEAT: substrates, weights from a CPPN against a loop of single questions, the locality seed, the 2009 task."""

import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.evolution import (
    NEAT,
    Genome,
    NEATConfig,
    Nets,
    Pool,
    Substrate,
    SubstrateNetwork,
    discrimination,
    express,
    grid,
    hyperneat,
    leo_genomes,
    ring,
)
from minidl.evolution import substrate as substrate_module
from minidl.evolution.discrimination import distances
from tests.functions import Function
from tests.test_cppn import genomes

hyperneat_module = importlib.import_module("minidl.evolution.hyperneat")  # the package has a function of this name


# ---- substrates ----
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_grid_is_made_of_the_middles_of_its_cells(shape):
    places = grid(*shape)
    assert places.shape == (np.prod(shape), len(shape))
    for place, cell in zip(places, np.ndindex(*shape), strict=True):
        wanted = [(i + 0.5) / n * 2 - 1 for i, n in zip(cell, shape, strict=True)]
        np.testing.assert_allclose(place, wanted[::-1], atol=1e-15)


@given(st.integers(1, 40), st.sampled_from([3, 5, 7]))
def test_a_grid_three_times_as_fine_has_the_nodes_of_the_coarse_one(n, times):
    assert np.array_equal(grid(n * times)[times // 2 :: times], grid(n))
    assert np.array_equal(grid(n), -grid(n)[::-1])  # or patterns would not be symmetric to the bit


@given(st.integers(1, 9), st.floats(0.1, 3))
def test_a_ring_is_even(n, radius):
    places = ring(n, radius)
    np.testing.assert_allclose(np.hypot(*places.T), radius)
    steps = np.roll(places, -1, axis=0) - places
    np.testing.assert_allclose(np.hypot(*steps.T), 2 * radius * np.sin(np.pi / n), atol=1e-12)


@st.composite
def substrates(draw):
    kind = draw(st.sampled_from(["sandwich", "layered", "circular", "box", "own"]))
    sizes = st.integers(1, 3)
    if kind == "sandwich":
        return Substrate.sandwich(draw(st.tuples(sizes, sizes)), draw(st.tuples(sizes, sizes)))
    if kind == "layered":
        shape = draw(st.sampled_from([sizes, st.tuples(sizes, sizes)]))
        return Substrate.layered(draw(st.lists(shape, min_size=2, max_size=4)))
    if kind == "circular":
        return Substrate.circular(draw(st.lists(sizes, min_size=2, max_size=3)))
    if kind == "box":
        return Substrate.box(draw(st.integers(2, 3)), draw(sizes), draw(sizes))
    sheets = {"a": grid(2), "b": ring(3)[:, :1] + 0.1 * np.arange(3)[:, None], "c": [[9.0]], "d": grid(3)}
    return Substrate(sheets, [("a", "d"), ("a", "b"), ("b", "d"), ("c", "d")])


@given(substrates(), st.booleans(), st.sampled_from([1, 4, 2**16]))
def test_pairs_are_all_pairs_and_deltas_are_differences(substrate, delta, block):
    before = substrate_module.BLOCK
    substrate_module.BLOCK = block
    try:
        for c, (source, target) in enumerate(substrate.connections):
            blocks = list(substrate.pairs(c, delta=delta))
            assert all(places.shape[0] * places.shape[1] <= max(block, len(places)) for _, places in blocks)
            places = np.concatenate([places for _, places in blocks], axis=1)
            assert [i for t, _ in blocks for i in range(t.start, t.stop)] == list(range(places.shape[1]))
            assert places.shape[:2] == substrate.shapes[c]
            for s, one in enumerate(substrate.sheets[source]):
                for t, other in enumerate(substrate.sheets[target]):
                    assert np.array_equal(places[s, t], np.concatenate([one, other, one - other][: 2 + delta]))
    finally:
        substrate_module.BLOCK = before
    assert substrate.n_links == sum(s * t for s, t in substrate.shapes)


def test_the_usual_substrates():
    sandwich = Substrate.sandwich((11, 11))
    assert sandwich.n_links == 14641 and (sandwich.n_inputs, sandwich.n_outputs) == (121, 121)
    assert Substrate.sandwich((2, 3, 4)).dimensions == 3
    assert repr(Substrate.sandwich(np.array([11, 11]))) == repr(sandwich)
    layered = Substrate.layered([(2, 2), (3, 3), (1, 1)])
    assert [set(p[:, 2]) for p in layered.sheets.values()] == [{-1.0}, {0.0}, {1.0}]
    assert layered.shapes == ((4, 9), (9, 1))
    radii = [np.hypot(*p.T) for p in Substrate.circular([2, 3, 4]).sheets.values()]
    assert [r.round(6).tolist() for r in radii] == [[0.333333] * 2, [0.666667] * 3, [1.0] * 4]
    box = Substrate.box(3, 2, 2)
    assert np.array_equal(np.concatenate(list(box.sheets.values())), grid(3, 2, 2))
    assert [set(p[:, 2].round(6)) for p in box.sheets.values()] == [{-0.666667}, {0.0}, {0.666667}]


# ---- weights ----
def question(cppn, one, other, connection, threshold, max_weight, delta, leo):
    """The weight of one link, as the head of hyperneat.py has it."""
    place = np.concatenate([one, other, one - other][: 2 + delta])
    out = cppn(place[None])[0]
    groups = cppn.n_outputs // (1 + leo)
    o = out[connection if groups > 1 else 0]
    if leo:
        expressed, threshold = out[groups + (connection if groups > 1 else 0)] > 0, 0.0
    else:
        expressed = abs(o) > threshold
    return np.sign(o) * (min(abs(o), 1) - threshold) / (1 - threshold) * max_weight if expressed else 0.0


@st.composite
def expressions(draw):
    substrate = draw(substrates())
    options = {
        "threshold": draw(st.sampled_from([0.0, 0.2, 0.7])),
        "max_weight": draw(st.sampled_from([3.0, 0.5])),
        "delta": draw(st.booleans()),
        "leo": draw(st.booleans()),
    }
    own = draw(st.booleans())
    outputs = (1 + options["leo"]) * (len(substrate.connections) if own else 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return substrate, options, rng, lambda: Function(rng, (2 + options["delta"]) * substrate.dimensions, outputs)


@given(expressions())
def test_weights_are_those_of_a_loop_of_single_questions(problem):
    substrate, options, _, make = problem
    cppn = make()
    weights = express(cppn, substrate, **options)
    assert len(weights) == len(substrate.connections)
    for c, (source, target) in enumerate(substrate.connections):
        wanted = [
            [question(cppn, one, other, c, **options) for other in substrate.sheets[target]]
            for one in substrate.sheets[source]
        ]
        np.testing.assert_allclose(weights[c], wanted, rtol=1e-12, atol=1e-12)
        assert np.array_equal(weights[c] != 0, np.array(wanted) != 0)


@given(expressions(), st.sampled_from(["sigmoid", "tanh", "linear", "gaussian"]), st.integers(1, 3))
def test_a_population_at_once_is_one_genome_after_the_other(problem, activation, B):
    substrate, options, rng, make = problem
    nets = [make() for _ in range(2)]
    x = rng.normal(size=(B, substrate.n_inputs))
    y = hyperneat(nets, substrate, x, activation=activation, **options)
    assert y.shape == (2, B, substrate.n_outputs)
    for p, net in enumerate(nets):
        one = SubstrateNetwork(substrate, express(net, substrate, **options), activation=activation)
        np.testing.assert_allclose(y[p], one(x), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(one(x[0]), one(x)[0], rtol=1e-10, atol=1e-10)


@given(st.lists(genomes(n_inputs=6, n_outputs=1), min_size=1, max_size=4), st.sampled_from([1, 3, 8]))
def test_a_nets_is_its_networks_to_the_bit(genomes, group):
    nets, substrate = Nets(Pool.from_genomes(genomes)), Substrate.layered([(2, 2), (1, 3), (1, 1)])
    x = np.random.default_rng(0).normal(size=(3, 4))
    before = hyperneat_module.GROUP
    hyperneat_module.GROUP = group
    try:
        together, task = hyperneat(nets, substrate, x), discrimination(nets)
    finally:
        hyperneat_module.GROUP = before
    assert np.array_equal(together, hyperneat(genomes, substrate, x))
    assert np.array_equal(task["fitness"], discrimination([genome.network() for genome in genomes])["fitness"])


FUNCTIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-4.9 * z)),
    "tanh": np.tanh,
    "linear": lambda z: z,
    "gaussian": lambda z: np.exp(-((2.5 * z) ** 2)),
}


@given(substrates(), st.sampled_from(sorted(FUNCTIONS)), st.integers(0, 99))
def test_sheets_are_activated_one_after_the_other(substrate, activation, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) for shape in substrate.shapes]
    x = rng.normal(size=(4, substrate.n_inputs))
    values = {name: np.zeros((4, len(places))) for name, places in substrate.sheets.items()}
    first, *others = substrate.sheets
    values[first] = x
    for name in others:
        for (source, target), w in zip(substrate.connections, weights, strict=True):
            if target == name:
                values[name] = values[name] + values[source] @ w
        values[name] = FUNCTIONS[activation](values[name])
    y = SubstrateNetwork(substrate, weights, activation=activation)(x)
    np.testing.assert_allclose(y, values[name], rtol=1e-9, atol=1e-12)


def test_numbers_beyond_all_bounds_are_passed_on():
    line = Substrate.layered([1, 1, 1])
    for activation in ("linear", "square", "sine"):
        net = SubstrateNetwork(line, [[[1e200]], [[0.0]]], activation=activation)
        chain = Genome.from_edges(
            [(0, 2, 1e200), (2, 1, 0.0)], 1, 1, bias=0, activations={2: activation}, output_activation=activation
        )
        np.testing.assert_array_equal(net([1e200]), chain.network()([1e200]))
        assert not np.isfinite(net([1e200])).all()


@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([3, 5]))
def test_a_finer_substrate_samples_the_same_function(seed, delta, times):
    cppn = Function(np.random.default_rng(seed), 4 + 2 * delta, 1)
    n = 3
    [coarse] = express(cppn, Substrate.sandwich((n, n)), delta=delta)
    [fine] = express(cppn, Substrate.sandwich((n * times, n * times)), delta=delta)
    at = np.arange(n) * times + times // 2
    cells = (at[:, None] * n * times + at).ravel()
    assert np.array_equal(fine[np.ix_(cells, cells)], coarse)


@given(st.integers(0, 2**32))
def test_leo_decides_by_its_sign(seed):
    cppn = Function(np.random.default_rng(seed), 4, 2)
    substrate = Substrate.sandwich((3, 3))
    [w] = express(cppn, substrate, leo=True)
    [(_, places)] = substrate.pairs()
    out = cppn(places.reshape(-1, 4)).reshape(9, 9, 2)
    assert np.array_equal(w != 0, (out[..., 1] > 0) & (out[..., 0] != 0))


def test_an_expression_of_0_is_none():
    leo = Function.of(lambda x: x[:, 0], 2)
    leo.n_outputs, leo.value = 2, lambda x: np.stack([np.ones(len(x)), np.sign(x[:, 0])], axis=1)
    substrate = Substrate({"in": grid(3), "out": [[0.0]]})
    assert express(leo, substrate, leo=True)[0].ravel().tolist() == [0.0, 0.0, 3.0]


def test_where_the_cppn_gives_no_number_there_is_no_link():
    values = np.array([np.nan, np.inf, -np.inf, 0.1])
    substrate = Substrate({"in": grid(4), "out": [[0.0]]})
    odd = Function.of(lambda x: values[((x[:, 0] + 1) * 2).astype(int)], 2)
    assert express(odd, substrate)[0].ravel().tolist() == [0.0, 3.0, -3.0, 0.0]
    leo = Function.of(lambda x: x[:, 0], 2)
    leo.n_outputs = 2
    leo.value = lambda x: np.stack([values[((x[:, 0] + 1) * 2).astype(int)], np.ones(len(x))], axis=1)
    np.testing.assert_allclose(express(leo, substrate, leo=True)[0].ravel(), [0.0, 3.0, -3.0, 0.3])


# ---- the locality seed ----
@given(st.integers(1, 3), st.booleans(), st.integers(0, 99))
def test_the_seed_links_what_is_near_on_its_axes(D, delta, seed):
    config = NEATConfig((2 + delta) * D, 2, population_size=3, output_activation="signed_sigmoid", bias=0.3)
    axes = sorted({seed % D, 0})
    rng = np.random.default_rng(seed)
    one, other = rng.uniform(-1, 1, (2, 500, D))
    x = np.concatenate([one, other, one - other][: 2 + delta], axis=1)
    near = np.exp(-((2.5 * (one - other)[:, axes]) ** 2)).sum(axis=1) - (len(axes) - 0.5)
    genomes = leo_genomes(config, seed, delta=delta, axes=axes)
    assert len(genomes) == 3 and all(np.abs([k.weight for k in g.links[: config.n_inputs]]).max() <= 1 for g in genomes)
    for genome in genomes:
        y = genome.network()(x)
        assert np.array_equal(y[:, 1] > 0, near > 0)
    first, second = (g.network()(x)[:, 0] for g in genomes[:2])
    assert not np.array_equal(first, second)
    marks = [[(k.innovation, k.source, k.target) for k in g.links] for g in genomes]
    assert marks[0] == marks[1] == marks[2]
    assert genomes == leo_genomes(config, seed, delta=delta, axes=tuple(axes) if len(axes) > 1 else axes[0])
    assert list(NEAT(config, seed, genomes).pool) == genomes  # a run can start from them


# ---- the task of 2009 ----
def by_hand(weights, n):
    """Squared distances of the 75 trials from pictures of both boxes, drawn pixel by pixel."""
    times, found = n // 11, []
    for row in (1, 3, 5, 7, 9):
        for col in (1, 3, 5, 7, 9):
            for down, right in ((0, 5), (5, 0), (5, 5)):
                big_row, big_col = (min(max(i % 11, 1), 9) for i in (row + down, col + right))
                coarse = np.zeros((11, 11))
                coarse[row, col] = 1
                assert not coarse[big_row - 1 : big_row + 2, big_col - 1 : big_col + 2].any()  # they never meet
                coarse[big_row - 1 : big_row + 2, big_col - 1 : big_col + 2] = 1
                assert coarse.sum() == 10
                picture = np.kron(coarse, np.full((times, times), (11 / n) ** 2))
                answer = (picture.ravel() @ weights).reshape(n, n)
                r, c = np.unravel_index(answer.argmax(), answer.shape)
                middle = times * np.array([big_row, big_col]) + times // 2
                found.append((((np.array([r, c]) - middle) * 11 / n) ** 2).sum())
    return np.array(found)


@pytest.mark.parametrize(("resolution", "delta"), [(11, False), (11, True), (33, True)])
def test_the_task_is_what_pictures_of_it_say(resolution, delta):
    nets = [Function(np.random.default_rng(seed), 4 + 2 * delta, 1, 1.0) for seed in range(3)]
    d2 = distances(nets, resolution, delta)
    result = discrimination(nets, resolution, delta)
    assert d2.shape == (3, 75)
    for p, net in enumerate(nets):
        [weights] = express(net, Substrate.sandwich((resolution, resolution)), delta=delta)
        np.testing.assert_allclose(d2[p], by_hand(weights, resolution), atol=1e-9)
    assert result["fitness"] == pytest.approx(10 + np.maximum(0, 30 - d2).sum(axis=1))
    assert result["fitness"].shape == result["solved"].shape == (3,)


def test_95_percent_are_solved(monkeypatch):
    d2 = np.zeros((3, 75))
    d2[:, :3] = 31.0  # 3 * 30 are lost
    d2[:, 3] = 22.0, 23.0, 24.0
    monkeypatch.setattr(importlib.import_module("minidl.evolution.discrimination"), "distances", lambda *_, **__: d2)
    result = discrimination([])
    assert result["fitness"].tolist() == [2148, 2147, 2146] and 0.95 * 2260 == 2147
    assert result["solved"].tolist() == [True, True, False]


def near(width):
    """Links to near cells only, the nearer the stronger: the solution of the task."""
    return Function.of(lambda x: 0.2 + 0.8 * np.exp(-(x[:, 4] ** 2 + x[:, 5] ** 2) / width), 6)


@pytest.mark.parametrize("resolution", [11, 33, 55])
def test_a_solution_solves_it_at_every_resolution(resolution):
    result = discrimination([near(0.05)], resolution)
    assert result["solved"].all()
    if resolution == 11:
        assert result["fitness"] == 2260
    assert not discrimination([near(1e-9)], 11)["solved"].any()


@given(st.integers(0, 2**32), st.sampled_from([2**16, 121 * 7]))
def test_strips_and_company_change_no_bit(seed, block):
    nets = [Function(np.random.default_rng(seed + i), 6, 1, 1.0) for i in range(2)]
    whole = distances(nets)
    before = substrate_module.BLOCK
    substrate_module.BLOCK = block
    try:
        assert np.array_equal(np.concatenate([distances([net]) for net in nets]), whole)
        assert np.array_equal(discrimination(nets)["fitness"], 10 + np.maximum(0, 30 - whole).sum(axis=1))
    finally:
        substrate_module.BLOCK = before


# ---- bad input ----
PLANE = Substrate.sandwich((2, 2))
NET, NET6, NET42 = (Function(np.random.default_rng(0), *sizes) for sizes in ((4, 1), (6, 1), (4, 2)))
TWO = {"a": [[0.0]], "b": [[1.0]]}
CONFIG = NEATConfig(4, 2, output_activation="tanh")
BAD = [
    (lambda: grid(), "at least one axis"),
    (lambda: grid(0), "shape must be >= 1"),
    (lambda: grid(2**21, 2**21), "elements"),
    (lambda: ring(3, 0), "radius must be > 0"),
    (lambda: Substrate([[0.0]]), "sheets must be a dict"),
    (lambda: Substrate({"a": [[0.0]]}), "at least two"),
    (lambda: Substrate({"a": np.zeros((0, 2)), "b": [[0.0, 0.0]]}), "sheet 'a' must have shape"),
    (lambda: Substrate({"a": [[0.0], [0.0]], "b": [[0.0]]}), "two nodes at one place"),
    (lambda: Substrate({"a": [[0.0]], "b": [[0.0, 1.0]]}), "dimensions of the first sheet=1"),
    (lambda: Substrate({"a": [[0.0]], "b": [[np.inf]]}), "sheet 'b' must be finite"),
    (lambda: Substrate({1: [[0.0]], "1": [[1.0]]}), "names of sheets must be strings, got"),
    (lambda: Substrate(TWO, 3), "connections must be a list of pairs of names, got 3"),
    (lambda: Substrate({"a": [["x"]], "b": [[0.0]]}), "sheet 'a' must hold numbers"),
    (lambda: Substrate(TWO, [("b", "a")]), "must lead to a later sheet"),
    (lambda: Substrate(TWO, [("a", "a")]), "must lead to a later sheet"),
    (lambda: Substrate(TWO, [("a", "c")]), "must be one of 'a', 'b', got 'c'"),
    (lambda: Substrate(TWO, ["ab"]), "must be a pair of names"),
    (lambda: Substrate(TWO, [("a", "b"), ("a", "b")]), "name a pair twice"),
    (lambda: Substrate(TWO, []), "no connection leads to the outputs"),
    (lambda: Substrate.layered([3]), "list of at least two"),
    (lambda: Substrate.layered([3, (2, 2)]), "dimensions of the first sheet=2"),
    (lambda: Substrate.circular([3, 0]), "n must be >= 1"),
    (lambda: Substrate.box(1, 2, 2), "planes must be >= 2"),
    (lambda: Substrate.sandwich((2, "b")), "must be an integer"),
    (lambda: next(PLANE.pairs(1)), "connection must be <= 0"),
    (lambda: express(NET6, PLANE), "wanted a CPPN of 4 inputs, twice 2 coordinates, got 6"),
    (lambda: express(NET, PLANE, delta=True), "6 inputs, twice 2 coordinates and 2 differences, got 4"),
    (lambda: express(NET42, PLANE), "wanted a CPPN of 1 outputs with leo=False"),
    (lambda: express(NET, PLANE, leo=True), "wanted a CPPN of 2 outputs with leo=True"),
    (lambda: express("net", PLANE), "wanted a Genome or its network"),
    (lambda: express(NET, {"a": 1}), "substrate must be a Substrate"),
    (lambda: express(NET, PLANE, threshold=1.0), "threshold must be < 1"),
    (lambda: express(NET, PLANE, threshold=-0.1), "threshold must be >= 0"),
    (lambda: express(NET, PLANE, max_weight=0), "max_weight must be > 0"),
    (lambda: express(NET, PLANE, max_weight=1e308), "max_weight must be <= 1e.100"),
    (lambda: express(NET, PLANE, delta=1), "delta must be one of"),
    (lambda: express(NET, Substrate.sandwich((200, 200))), "1600000000 links would take 11.9 GiB, more than max_gib=4"),
    (lambda: hyperneat([NET], PLANE, np.zeros((1, 3))), "n_inputs=4"),
    (lambda: hyperneat([NET], PLANE, np.zeros(4)), r"x must have shape \(B, n_inputs\)"),
    (lambda: hyperneat([NET], PLANE, [[0.0, 0.0, 0.0, np.nan]]), "x must be finite"),
    (lambda: hyperneat([NET], PLANE, np.zeros((1, 4)), activation="softmax"), "activation must be one of"),
    (lambda: hyperneat([NET, NET6], PLANE, np.zeros((1, 4))), "got 6"),
    (lambda: SubstrateNetwork(PLANE, [np.zeros((4, 3))]), "weights must have shapes"),
    (lambda: SubstrateNetwork(PLANE, None), "weights must be a list of matrices, got NoneType"),
    (lambda: SubstrateNetwork(PLANE, [np.full((4, 4), np.nan)]), "weights must be finite"),
    (lambda: SubstrateNetwork(PLANE, [np.zeros((4, 4))])([1.0, 2.0]), "n_inputs=4"),
    (lambda: SubstrateNetwork(TWO, []), "substrate must be a Substrate"),
    (lambda: leo_genomes(NEATConfig(4, 1, output_activation="tanh"), 0), "must have 2 outputs"),
    (lambda: leo_genomes(NEATConfig(4, 2), 0), "config.output_activation must be one of"),
    (lambda: leo_genomes(NEATConfig(5, 2, output_activation="tanh"), 0), "multiple of 2"),
    (lambda: leo_genomes(CONFIG, 0, axes=[2]), "axes must be"),
    (lambda: leo_genomes(CONFIG, 0, axes=[]), "axes must be one at least"),
    (lambda: leo_genomes(CONFIG, -1), "seed must be >= 0"),
    (lambda: discrimination([NET6], 22), "odd multiple of 11, got 22"),
    (lambda: discrimination([NET6], 12), "odd multiple of 11, got 12"),
    (lambda: discrimination([NET6], 11 * 1000001), "elements|memory"),
    (lambda: discrimination([NET]), "wanted a CPPN of 6 inputs"),
]


@pytest.mark.parametrize(("call", "words"), BAD)
def test_bad_input(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()
