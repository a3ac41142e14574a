r"""ES-HyperNEAT: the pseudo-code of the paper (Risi and Stanley 2012), place by place, finds the same network."""

import importlib
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.evolution import Evolved, es_hyperneat
from minidl.evolution.quadtree import Trees, divide, extract
from tests.functions import Function

module = importlib.import_module("minidl.evolution.es_hyperneat")  # the package has a function of this name


# ---- the pseudo-code ----
class QuadPoint:
    def __init__(self, x, y, width, level):
        self.x, self.y, self.width, self.level = x, y, width, level
        self.w, self.children = None, []

    def leaves(self):
        return [w for child in self.children for w in child.leaves()] if self.children else [self.w]

    def variance(self):
        return float(np.var(self.leaves()))


class Pseudo:
    def __init__(self, cppn, division, variance, band, initial_depth, max_depth, max_weight):
        self.cppn, self.thresholds = cppn, (division, variance, band)
        self.initial_depth, self.max_depth, self.max_weight = initial_depth, max_depth, max_weight

    def query(self, a, b, x, y, outgoing):
        value = self.cppn(np.array([[a, b, x, y] if outgoing else [x, y, a, b]]))[0, 0]
        return 0.0 if np.isnan(value) else min(max(value, -1.0), 1.0)

    def division_and_initialization(self, a, b, outgoing):
        root = QuadPoint(0.0, 0.0, 1.0, 1)
        queue = deque([root])
        while queue:
            p = queue.popleft()
            h = p.width / 2
            p.children = [QuadPoint(p.x + dx, p.y + dy, h, p.level + 1) for dx in (-h, h) for dy in (-h, h)]
            for c in p.children:
                c.w = self.query(a, b, c.x, c.y, outgoing)
            if p.level < self.initial_depth or (p.level < self.max_depth and p.variance() > self.thresholds[0]):
                queue.extend(p.children)
        return root

    def pruning_and_extraction(self, a, b, connections, p, outgoing):
        for c in p.children:
            if c.variance() >= self.thresholds[1]:
                self.pruning_and_extraction(a, b, connections, c, outgoing)
                continue
            left, right, top, bottom = (
                abs(c.w - self.query(a, b, c.x + dx, c.y + dy, outgoing))
                for dx, dy in ((-p.width, 0), (p.width, 0), (0, -p.width), (0, p.width))
            )
            if max(min(top, bottom), min(left, right)) > self.thresholds[2]:
                ends = ((a, b), (c.x, c.y)) if outgoing else ((c.x, c.y), (a, b))
                connections[ends] = c.w * self.max_weight

    def run(self, inputs, outputs, iteration_level):
        """The links (kind and place of one end, of the other end) -> weight, before and after the removal."""
        links, hidden = {}, set()

        def explore(kind, place, outgoing):
            found = {}
            root = self.division_and_initialization(*place, outgoing)
            self.pruning_and_extraction(*place, found, root, outgoing)
            for (one, other), w in found.items():
                kinds = (kind, "hidden") if outgoing else ("hidden", kind)
                links[(kinds[0], one), (kinds[1], other)] = w
            return {other for _, other in found} if outgoing else set()

        for place in inputs:
            hidden |= explore("input", place, True)
        unexplored = set(hidden)
        for _ in range(iteration_level):
            for place in unexplored:
                hidden = hidden | explore("hidden", place, True)
            unexplored = hidden - unexplored
        for place in outputs:
            explore("output", place, False)
        forth, back = self.reach(links, "input"), self.reach({(t, s): w for (s, t), w in links.items()}, "output")
        return {(s, t): w for (s, t), w in links.items() if s in forth and t in back}

    @staticmethod
    def reach(links, kind):
        reached, size = {end for link in links for end in link if end[0] == kind}, -1
        while size != len(reached):
            size = len(reached)
            reached |= {t for s, t in links if s in reached}
        return reached


def found_links(found):
    names = [(kind, tuple(p)) for kind in ("inputs", "outputs", "hidden") for p in getattr(found, kind).tolist()]
    names = [(kind.rstrip("s"), place) for kind, place in names]
    links = {(names[s], names[t]): w for (s, t), w in zip(found.links, found.weights.tolist(), strict=True)}
    assert len(links) == len(found.links)
    return links, names


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    max_depth = draw(st.integers(1, 3))
    options = {
        "division_threshold": draw(st.sampled_from([0.5, 0.0301, 0.1234])),
        "variance_threshold": draw(st.sampled_from([0.0301, 0.2001])),
        "band_threshold": draw(st.sampled_from([0.3, 0.0511])),
        "initial_depth": draw(st.integers(1, max_depth)),
        "max_depth": max_depth,
        "max_weight": draw(st.sampled_from([3.0, 1.0])),
    }
    inputs = rng.uniform(-1, 1, (draw(st.integers(1, 2)), 2))
    outputs = rng.uniform(-1, 1, (draw(st.integers(1, 2)), 2))
    return Function(rng, 4, 1, draw(st.sampled_from([1.0, 3.0, 8.0]))), inputs, outputs, options


@settings(max_examples=30)  # the pseudo-code asks place by place
@given(problems(), st.integers(0, 2))
def test_it_finds_what_the_pseudo_code_finds(problem, iteration_level):
    cppn, inputs, outputs, options = problem
    found = es_hyperneat(cppn, inputs, outputs, iteration_level=iteration_level, **options)
    wanted = Pseudo(cppn, *options.values()).run(
        [tuple(p) for p in inputs.tolist()], [tuple(p) for p in outputs.tolist()], iteration_level
    )
    assert isinstance(found, Evolved)
    assert found_links(found)[0] == wanted


@settings(max_examples=30)  # the pseudo-code asks place by place
@given(problems(), st.integers(0, 2))
def test_hidden_nodes_are_middles_of_cells_on_ways_from_inputs_to_outputs(problem, iteration_level):
    cppn, inputs, outputs, options = problem
    found = es_hyperneat(cppn, inputs, outputs, iteration_level=iteration_level, **options)
    assert (np.abs(found.hidden) < 1).all()
    assert len(np.unique(found.hidden, axis=0)) == len(found.hidden)
    middles = [(2 * np.arange(2**d) + 1) / 2**d - 1 for d in range(1, options["max_depth"] + 1)]
    for place in found.hidden:
        assert any(np.isin(place, row).all() for row in middles)
    assert (np.abs(found.weights) <= options["max_weight"]).all()
    links, names = found_links(found)
    hidden = {name for name in names if name[0] == "hidden"}
    assert hidden <= {t for _, t in links} and hidden <= {s for s, _ in links}
    assert hidden <= Pseudo.reach(links, "input")
    assert hidden <= Pseudo.reach({(t, s): w for (s, t), w in links.items()}, "output")
    assert not any(t[0] == "input" or s[0] == "output" for s, t in links)


def stripes(anchor, places):
    r"""The middles of a cell's left parts are 1, those of its right parts -1, whatever the cell."""
    u = ((places[:, 0] + 1) * 2**8).astype(int)
    part = (u // (u & -u) - 1) // 2  # u is an odd number times a power of 2
    return (-1.0) ** part


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_uniform_picture_is_divided_to_the_initial_depth_and_a_rich_one_to_the_last(depth):
    trees = Trees(0.1, 0.01, 0.3, depth, 4)
    flat = divide(lambda anchor, places: np.zeros(len(places)), 2, trees)
    assert [len(level.anchor) for level in flat] == [2 * 4**i for i in range(depth)]
    rich = divide(stripes, 2, trees)
    assert [len(level.anchor) for level in rich] == [2 * 4**i for i in range(4)]
    too_plain = divide(stripes, 2, trees._replace(division_threshold=1.0))  # which is the variance of every cell
    assert len(too_plain) == depth


def test_a_part_is_looked_into_from_the_variance_threshold_on():
    levels = divide(stripes, 1, Trees(0.1, 1.0, 0.3, 1, 2))
    assert [len(anchor) for anchor, *_ in extract(levels, 1.0)] == [0, 16]
    assert [len(anchor) for anchor, *_ in extract(levels, 1.0 + 1e-9)] == [4, 0]


def test_a_band_gets_its_nodes_and_a_plain_none():
    r"""A stripe at x in (0, 0.5), seen from the input and from the output, at cells of 0.5: a column of four nodes."""
    trees = {"initial_depth": 2, "max_depth": 3, "iteration_level": 0}
    seen = Function.of(lambda x: _band(x[:, 2]) * (x[:, 1] == -1) + _band(x[:, 0]) * (x[:, 3] == 1), 4)
    found = es_hyperneat(seen, [[0.0, -1.0]], [[0.0, 1.0]], **trees)
    assert found.hidden.tolist() == [[0.25, -0.75], [0.25, -0.25], [0.25, 0.25], [0.25, 0.75]]
    assert found.links.tolist() == [[0, i] for i in (2, 3, 4, 5)] + [[i, 1] for i in (2, 3, 4, 5)]
    assert np.array_equal(found.weights, np.full(8, 3.0))
    from_input_only = Function.of(lambda x: _band(x[:, 2]) * (x[:, 1] == -1), 4)
    found = es_hyperneat(from_input_only, [[0.0, -1.0]], [[0.0, 1.0]], **trees)
    assert found.hidden.shape == (0, 2) and found.links.shape == (0, 2) and found.weights.shape == (0,)
    plain = Function.of(lambda x: np.ones(len(x)), 4)
    assert es_hyperneat(plain, [[0.0, -1.0]], [[0.0, 1.0]], **trees).links.shape == (0, 2)


@settings(max_examples=15)
@given(problems(), st.sampled_from([1, 64]))
def test_places_at_a_time_change_no_bit(problem, block):
    cppn, inputs, outputs, options = problem
    whole, before = es_hyperneat(cppn, inputs, outputs, **options), module.BLOCK
    module.BLOCK = block
    try:
        cut = es_hyperneat(cppn, inputs, outputs, **options)
    finally:
        module.BLOCK = before
    assert all(np.array_equal(one, other) for one, other in zip(whole, cut, strict=True))


def test_where_the_cppn_gives_no_number_it_counts_as_0():
    nan = Function.of(lambda x: np.where(_band(x[:, 2]) + _band(x[:, 0]) > 0, 1.0, np.nan), 4)
    zero = Function.of(lambda x: np.where(_band(x[:, 2]) + _band(x[:, 0]) > 0, 1.0, 0.0), 4)
    one, other = (found_links(es_hyperneat(f, [[0.0, -1.0]], [[0.0, 1.0]]))[0] for f in (nan, zero))
    assert one == other and one


def _band(x):
    return np.where((x > 0) & (x < 0.5), 1.0, 0.0)


@given(problems())
def test_the_network_runs(problem):
    cppn, inputs, outputs, options = problem
    found = es_hyperneat(cppn, inputs, outputs, **options)
    genome = found.genome(activation="tanh")
    net = genome.network()
    x = np.random.default_rng(0).uniform(-1, 1, (5, len(inputs)))
    y = net(x, steps=3)
    assert y.shape == (5, len(outputs))
    v = np.zeros((5, len(inputs) + len(outputs) + len(found.hidden)))
    v[:, : len(inputs)] = x
    W = np.zeros((v.shape[1],) * 2)
    W[tuple(found.links.T)] = found.weights
    for _ in range(3):
        v = np.tanh(v @ W)
        v[:, : len(inputs)] = x
    np.testing.assert_allclose(y, v[:, len(inputs) : len(inputs) + len(outputs)], rtol=1e-9, atol=1e-12)


NET = Function(np.random.default_rng(0), 4, 1)
BAD = [
    (dict(cppn=Function(np.random.default_rng(0), 6, 1)), "4 inputs"),
    (dict(cppn=Function(np.random.default_rng(0), 4, 2)), "1 output"),
    (dict(cppn=[1, 2]), "wanted a Genome or its network, got list"),
    (dict(inputs=[[0.0, 0.0, 0.0]]), "coordinates x and y"),
    (dict(inputs=[]), "inputs must have shape"),
    (dict(outputs=[[0.0, 1.0], [0.0, 1.0]]), "two nodes at one place"),
    (dict(outputs=[[0.0, np.nan]]), "outputs must be finite"),
    (dict(division_threshold=-1), "division_threshold must be > 0"),
    (dict(variance_threshold=0), "variance_threshold must be > 0"),
    (dict(band_threshold=np.inf), "band_threshold must be a finite number"),
    (dict(initial_depth=4, max_depth=3), "initial_depth must be <= 3"),
    (dict(initial_depth=0), "initial_depth must be >= 1"),
    (dict(max_depth=11), "max_depth must be <= 10"),
    (dict(iteration_level=-1), "iteration_level must be >= 0"),
    (dict(iteration_level=1.5), "iteration_level must be an integer"),
    (dict(max_weight=0), "max_weight must be > 0"),
]


@pytest.mark.parametrize(("change", "words"), BAD)
def test_bad_input(change, words):
    arguments = {"cppn": NET, "inputs": [[0.0, -1.0]], "outputs": [[0.0, 1.0]]} | change
    with pytest.raises((ValueError, TypeError), match=words):
        es_hyperneat(**arguments)
