"""The kernels of networks: reference == Numba bit for bit, and both against the definition in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import backend, scalar
from minidl.evolution.genes import LINK, NODE
from minidl.evolution.genome import Genome
from minidl.kernels import activation, network, phenotype
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS, CSR
from tests.gpu import standin
from tests.gpu.compile import COMPILER

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 1e-300, 1e9]


def random_genome(rng, n_inputs, n_outputs, bias, acyclic=True, activations=ACTIVATIONS, aggregations=AGGREGATIONS):
    """Some nodes have no link, some lead nowhere, some links are off; numbers of hidden nodes leave gaps."""
    first = n_inputs + (bias != 0)
    ends = [*range(first, first + n_outputs)]
    ends += sorted(rng.choice(np.arange(first + n_outputs, 60), rng.integers(0, 7), replace=False).tolist())
    order = [*range(first), *rng.permutation(ends).tolist()]
    share = rng.uniform(0.1, 0.9)
    edges = [
        (a, b, float(rng.normal(scale=1.5)), bool(rng.random() < 0.8))
        for i, a in enumerate(order)
        for b in (order[max(i + 1, first) :] if acyclic else ends)
        if rng.random() < share
    ]
    return Genome.from_edges(
        [edges[k] for k in rng.permutation(len(edges))],
        n_inputs,
        n_outputs,
        bias,
        **{
            what: {
                node: names[rng.integers(len(names))]
                for node in {*range(first, first + n_outputs)}
                | {end for edge in edges for end in edge[:2] if end >= first}
            }
            for what, names in (("activations", activations), ("aggregations", aggregations))
        },
    )


def packed(genomes, slack=0):
    """What `phenotypes` takes: rows of records, longer than they must be, with other things behind what counts."""
    arrays = [genome.to_arrays() for genome in genomes]
    nodes = np.full((len(genomes), max(len(n) for n, _ in arrays) + slack), 3, NODE)
    links = np.full((len(genomes), max(len(k) for _, k in arrays) + slack), 1, LINK)
    for p, (n, k) in enumerate(arrays):
        nodes[p, : len(n)], links[p, : len(k)] = n, k
    one = genomes[0]
    kinds = np.array([0] * one.n_inputs + [1] * (one.bias != 0) + [2] * one.n_outputs, np.int8)
    return nodes, links, [len(n) for n, _ in arrays], [len(k) for _, k in arrays], kinds


def compiled(genomes):
    return CSR(*phenotype.phenotypes(*packed(genomes)), genomes[0].n_inputs, float(genomes[0].bias))


@st.composite
def populations(draw, acyclic=None):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.sampled_from([0.0, 1.0, -0.5]))
    acyclic = draw(st.booleans()) if acyclic is None else acyclic
    return [random_genome(rng, *sizes, acyclic) for _ in range(draw(st.integers(1, 4)))]


@st.composite
def problems(draw):
    """net, x, steps: as `forward` takes them, with numbers that are none, and batches around the sizes of blocks"""
    steps = draw(st.integers(0, 4))
    genomes = draw(populations(acyclic=True if steps == 0 else None))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    B = draw(st.sampled_from([0, 1, 2, 7, 8, 9, 33, network.BLOCK - 1, network.BLOCK + 1, 2 * network.BLOCK + 9]))
    x = rng.normal(scale=2, size=(draw(st.sampled_from([1, len(genomes)])), B, genomes[0].n_inputs))
    if draw(st.booleans()):
        x = np.where(rng.random(x.shape) < 0.2, rng.choice(SPECIAL, x.shape), x)
    return compiled(genomes), x, steps


# ---- from genomes to networks ----
@given(populations(), st.integers(0, 3))
def test_phenotypes_are_those_of_the_reference(genomes, slack):
    arguments = packed(genomes, slack)
    for ours, wanted in zip(phenotype.phenotypes(*arguments), phenotype.phenotypes_ref(*arguments), strict=True):
        assert ours.dtype == wanted.dtype and ours.shape == wanted.shape
        np.testing.assert_array_equal(ours, wanted)


def has_cycle(genome):
    """Nodes without a source are taken away until there are none, or only others."""
    edges = {(link.source, link.target) for link in genome.links if link.enabled}
    nodes = {node.id for node in genome.nodes}
    while free := {n for n in nodes if not any(b == n for _, b in edges)}:
        nodes -= free
        edges = {(a, b) for a, b in edges if a not in free}
    return bool(nodes)


@given(populations())
def test_sources_come_first_unless_there_is_a_cycle(genomes):
    net = compiled(genomes)
    assert net.cyclic.tolist() == [has_cycle(genome) for genome in genomes]
    for p, genome in enumerate(genomes):
        first, last = net.first_node[p : p + 2]
        links = slice(net.first_link[first], net.first_link[last])
        target = np.repeat(np.arange(last - first), np.diff(net.first_link[first : last + 1]))
        assert sorted(net.weight[links]) == sorted(link.weight for link in genome.links if link.enabled)
        assert net.cyclic[p] or (net.source[links] < target).all()


@pytest.mark.parametrize("function", [phenotype.phenotypes, phenotype.phenotypes_ref])
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda nodes, links: nodes["kind"].__setitem__((1, 0), 2), "genome 1 must have its nodes in the order"),
        (lambda nodes, links: nodes["kind"].__setitem__((1, -1), 1), "genome 1 must have its nodes in the order"),
        (lambda nodes, links: links["source"].__setitem__((1, 0), 77), "genome 1 has a link from or to a node that it"),
        (lambda nodes, links: links["target"].__setitem__((1, 0), -1), "genome 1 has a link from or to a node that it"),
        (lambda nodes, links: links["target"].__setitem__((1, 0), 0), "genome 1 has a link into an input or the bias"),
        (lambda nodes, links: links["target"].__setitem__((1, 0), 1), "genome 1 has a link into an input or the bias"),
    ],
)
def test_a_genome_that_is_no_network(function, harm, words):
    genome = Genome.from_edges([(0, 2, 1.0), (0, 9, 1.0), (9, 2, 1.0)], 1, 1)
    nodes, links, *rest = packed([genome] * 2)
    harm(nodes, links)
    with pytest.raises(ValueError, match=words):
        function(nodes, links, *(np.array(n) for n in rest))


def test_too_few_nodes():
    nodes, links, n_nodes, n_links, kinds = packed([Genome.from_edges([], 1, 1)])
    for function in (phenotype.phenotypes, phenotype.phenotypes_ref):
        with pytest.raises(ValueError, match="in the order"):
            function(nodes, links, np.array([2]), np.array(n_links), kinds)


# ---- what they say ----
@given(problems())
def test_forward_is_that_of_the_reference(problem):
    net, x, steps = problem
    before = x.copy()
    wanted = network.forward_ref(np, net, x, steps)
    ours = network.forward(net, x, steps)
    assert ours.dtype == np.float64 and ours.shape == wanted.shape
    np.testing.assert_array_equal(ours, wanted)
    np.testing.assert_array_equal(x, before)


FORMULAS = {
    "sigmoid": lambda z: 1 / (1 + math.exp(-4.9 * z)),
    "tanh": math.tanh,
    "gaussian": lambda z: math.exp(-((2.5 * z) ** 2)),
    "sine": math.sin,
    "cosine": math.cos,
    "linear": lambda z: z,
    "absolute": abs,
    "relu": lambda z: max(z, 0.0),
    "step": lambda z: float(z > 0),
    "square": lambda z: z**2,
    "signed_sigmoid": lambda z: 2 / (1 + math.exp(-4.9 * z)) - 1,
    "signed_gaussian": lambda z: 2 * math.exp(-((2.5 * z) ** 2)) - 1,
}
SUMS = {
    "sum": math.fsum,
    "product": math.prod,
    "maximum": max,
    "minimum": min,
    "mean": lambda terms: math.fsum(terms) / len(terms),
}


def said(genome, x, steps):
    """What the outputs say to one row, by the definition: a function of a node and the time."""

    def value(node, t):
        if node.kind == 0:
            return x[node.id]
        if node.kind == 1:
            return genome.bias
        if t == 0:
            return 0.0
        by_id = {node.id: node for node in genome.nodes}
        links = [link for link in genome.links if link.enabled and link.target == node.id]
        terms = [link.weight * value(by_id[link.source], t - 1) for link in links]
        z = SUMS[AGGREGATIONS[node.aggregation]](terms) if terms else 0.0
        return FORMULAS[ACTIVATIONS[node.activation]](z)

    return [value(node, steps if steps else math.inf) for node in genome.nodes if node.kind == 2]


SMOOTH = [name for name in ACTIVATIONS if name not in ("step", "square")]  # which hide or enlarge a difference


@given(st.integers(0, 2**32), st.integers(0, 3), st.booleans())
def test_forward_is_its_definition(seed, steps, acyclic):
    rng = np.random.default_rng(seed)
    genome = random_genome(rng, 2, 2, 0.5, acyclic or not steps, SMOOTH)
    x = rng.normal(size=(3, 2))
    wanted = np.array([said(genome, row, steps) for row in x])
    ours = network.forward(compiled([genome]), x[None], steps)[0]
    np.testing.assert_allclose(ours, wanted, rtol=1e-7, atol=1e-7)  # a network can enlarge a rounding a lot


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(data=st.data())
def test_an_activation_is_its_formula(name, data):
    z = data.draw(st.floats(-3, 3))
    net = compiled([Genome.from_edges([(0, 1, 1.0)], 1, 1, 0, output_activation=name)])
    y = network.forward(net, np.full((1, 1, 1), z), 0)[0, 0, 0]
    # exp is 4e-14 off at most, the slope of 2 / (1 + e) is 1/2 at most; (2.5 z)^2 is rounded before it is a power of e
    assert y == pytest.approx(FORMULAS[name](z), rel=2e-13, abs=3e-14)


NAN, INF = np.nan, np.inf
LIMITS = {  # what an activation says to NaN, inf, -inf
    "sigmoid": (NAN, 1, 0),
    "tanh": (NAN, 1, -1),
    "gaussian": (NAN, 0, 0),
    "sine": (NAN, NAN, NAN),
    "cosine": (NAN, NAN, NAN),
    "linear": (NAN, INF, -INF),
    "absolute": (NAN, INF, INF),
    "relu": (NAN, INF, 0),
    "step": (0, 1, 0),
    "square": (NAN, INF, INF),
    "signed_sigmoid": (NAN, 1, -1),
    "signed_gaussian": (NAN, -1, -1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_no_number(name):
    net = compiled([Genome.from_edges([(0, 1, 1.0)], 1, 1, 0, output_activation=name)])
    x = np.array([[NAN], [INF], [-INF]])
    y = network.forward(net, x[None], 0)
    np.testing.assert_allclose(y[0, :, 0], LIMITS[name], rtol=0, atol=1e-27)
    v = np.zeros(2)
    with np.errstate(all="ignore"):  # where it is not compiled
        for row, wanted in zip(x, LIMITS[name], strict=True):
            network.step(net, 0, row, v, v)
            np.testing.assert_allclose(v[1], wanted, rtol=0, atol=1e-27)


@pytest.mark.parametrize("name", AGGREGATIONS)
@given(data=st.data())
def test_a_nan_among_the_inputs_of_a_node_wins(name, data):
    x = data.draw(st.permutations([NAN, 1.0, -2.0, INF]))
    genome = Genome.from_edges([(i, 4, 1.0) for i in range(4)], 4, 1, 0, None, {4: name}, "linear")
    assert np.isnan(network.forward(compiled([genome]), np.array(x).reshape(1, 1, 4), 0)).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_a_node_without_links_that_are_on_says_what_it_says_to_0(name):
    genome = Genome.from_edges([(0, 1, 5.0, False)], 1, 1, 0, None, {1: name}, "cosine")
    for steps in (0, 1):
        assert network.forward(compiled([genome]), np.ones((1, 1, 1)), steps)[0, 0, 0] == 1


# ---- one step, as other loops call it ----
@given(problems())
def test_steps_one_by_one(problem):
    net, x, steps = problem
    y = network.forward(net, x, steps)
    with np.errstate(all="ignore"):  # where it is not compiled
        for p in range(len(net.output)):
            size = net.first_node[p + 1] - net.first_node[p]
            for b in range(min(x.shape[1], 3)):
                old, new = np.zeros((2, size + 2))  # a longer one is fine
                for _ in range(steps):
                    network.step(net, p, x[p % len(x), b], old, new)
                    old, new = new, old
                if steps == 0:
                    network.step(net, p, x[p % len(x), b], old, old)
                np.testing.assert_array_equal(old[net.output[p]], y[p, b])


# ---- exp and sine ----
@given(st.floats(-64, 64))
def test_exp_has_the_error_that_it_states(x):
    assert float(scalar.exp(np.float64(x))) == pytest.approx(math.exp(x), rel=4e-14 + 2**-52, abs=0)


@given(st.floats(-1e8, 1e8) | st.floats(-7, 7))
def test_sine_has_the_error_that_it_states(x):
    assert abs(float(scalar.sine(np.float64(x))) - math.sin(x)) <= 2**-52 + 2**-53  # its own, and that of math.sin


@pytest.mark.parametrize("k", [*range(-50, 50), 10**6, 10**7 + 1])
def test_sine_near_its_zeros_is_right_to_the_last_places(k):
    x = k * math.pi
    assert float(scalar.sine(np.float64(x))) == pytest.approx(math.sin(x), rel=1e-9, abs=0)


def test_exp_and_sine_at_the_ends():
    f = np.float64
    assert scalar.exp(f(INF)) == scalar.exp(f(1e9)) == scalar.exp(f(64)) > 6e27
    assert scalar.exp(f(-INF)) == scalar.exp(f(-1e9)) == scalar.exp(f(-64)) < 2e-28
    assert scalar.exp(f(0)) == 1 and scalar.sine(f(0)) == 0
    with np.errstate(all="ignore"):
        assert np.isnan([scalar.exp(f(NAN)), scalar.sine(f(NAN)), scalar.sine(f(INF)), scalar.sine(f(-INF))]).all()
        assert all(abs(scalar.sine(f(x))) <= 1 for x in (1e16, -1e18, 1e100, 1e308))


@given(st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_the_references_of_exp_sine_and_tanh_have_their_bits(numbers):
    x = np.array(numbers)
    with np.errstate(all="ignore"):
        for name in ("exp", "sine", "tanh"):
            ours = [getattr(scalar, name)(number) for number in x]
            np.testing.assert_array_equal(getattr(activation, f"{name}_ref")(np, x), ours)


# ---- which of them runs ----
@pytest.mark.skipif(backend.REFERENCE, reason="MINIDL_KERNELS=reference: no kernel is compiled")
def test_the_compiled_kernels_are_used(monkeypatch):
    used = []
    net = compiled([Genome.from_edges([(0, 1, 1.0)], 1, 1, 0)])
    monkeypatch.setattr(network, "forward_cpu", lambda *a: used.append("forward"))
    monkeypatch.setattr(phenotype, "phenotypes_cpu", lambda *a: used.append("phenotypes") or (0, 0))
    network.forward(net, np.zeros((1, 1, 1)), 0)
    with np.errstate(all="ignore"):
        phenotype.phenotypes(*packed([Genome.from_edges([], 1, 1)]))
    assert used == ["forward", "phenotypes"]


@pytest.mark.skipif(backend.REFERENCE or COMPILER is None, reason="runs the body of the GPU kernel as C++")
@given(problems(), st.integers(1, 2000))
def test_a_gpu_takes_as_many_rows_as_have_room(problem, room):
    net, x, steps = problem
    with standin.installed() as cupy, pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "ROOM", room)
        y = cupy.asnumpy(network.forward(net, cupy.asarray(x), steps))
    np.testing.assert_array_equal(y, network.forward(net, x, steps))
