"""Genomes and pools: what goes in comes out again, and what is no genome is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.check import DTypeError
from minidl.evolution import Genome, Link, NEATConfig, Node, Pool
from minidl.evolution.genes import BIAS, HIDDEN, INPUT, KINDS, OUTPUT
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS


@st.composite
def edge_lists(draw):
    """(edges, what from_edges takes beside them)"""
    n_inputs, n_outputs, bias = (
        draw(st.integers(1, 3)),
        draw(st.integers(1, 3)),
        draw(st.sampled_from([0.0, 1.0, -0.3])),
    )
    sensors = n_inputs + (bias != 0)
    targets = [*range(sensors, sensors + n_outputs), *draw(st.sets(st.integers(10, 2**31 - 2), max_size=4))]
    pairs = st.tuples(st.sampled_from([*range(sensors), *targets]), st.sampled_from(targets))
    weights = st.floats(-1e300, 1e300)
    edges = [
        (*pair, draw(weights), *draw(st.sampled_from([(), (True,), (False,)])))
        for pair in draw(st.lists(pairs, max_size=8, unique=True))
    ]
    mentioned = {end for edge in edges for end in edge[:2]} & set(targets) | set(range(sensors, sensors + n_outputs))
    names = [
        draw(st.dictionaries(st.sampled_from(sorted(mentioned)), st.sampled_from(choices)))
        for choices in (ACTIVATIONS, AGGREGATIONS)
    ]
    return edges, dict(
        zip(
            ("n_inputs", "n_outputs", "bias", "activations", "aggregations"),
            (n_inputs, n_outputs, bias, *names),
            strict=True,
        )
    )


def made(drawn):
    edges, others = drawn
    return Genome.from_edges(edges, **others)


def reach(pairs, start):
    """Nodes at the end of one link or more from `start`."""
    found = set()
    while new := {b for a, b in pairs if a in found | {start}} - found:
        found |= new
    return found


@given(edge_lists())
def test_from_edges(drawn):
    edges, others = drawn
    genome = Genome.from_edges(edges, **others)
    I, O, bias = others["n_inputs"], others["n_outputs"], others["bias"]
    fixed = [INPUT] * I + [BIAS] * (bias != 0) + [OUTPUT] * O
    hidden = sorted({end for edge in edges for end in edge[:2]} - set(range(len(fixed))))
    assert [(n.id, n.kind) for n in genome.nodes] == [*enumerate(fixed), *((id, HIDDEN) for id in hidden)]
    assert (genome.n_inputs, genome.n_outputs, genome.bias, genome.fitness) == (I, O, bias, None)
    for node in genome.nodes:
        if node.kind in (OUTPUT, HIDDEN):
            assert ACTIVATIONS[node.activation] == others["activations"].get(node.id, "sigmoid")
            assert AGGREGATIONS[node.aggregation] == others["aggregations"].get(node.id, "sum")
    for n, (edge, link) in enumerate(zip(edges, genome.links, strict=True)):
        source, target, weight, *enabled = edge
        earlier = [e[:2] for e in edges[:n]]
        closes = source == target or source in reach(earlier, target)
        assert link == Link(n, source, target, weight, *(enabled or [True]), closes)


@given(edge_lists())
def test_ways_and_depth(drawn):
    genome = made(drawn)
    pairs = {(link.source, link.target) for link in genome.links}
    ids = [node.id for node in genome.nodes]
    for start in ids:
        assert {goal for goal in ids if genome.leads(start, goal)} == reach(pairs, start) | {start}
    assert genome.has_cycle() == any(id in reach(pairs, id) for id in ids)
    on = {(link.source, link.target) for link in genome.links if link.enabled}
    if any(id in reach(on, id) for id in ids):
        with pytest.raises(ValueError, match="its enabled links make a cycle"):
            _ = genome.depth
    else:

        def longest(node):
            return max((1 + longest(source) for source, target in on if target == node), default=0)

        assert genome.depth == max(longest(node.id) for node in genome.nodes if node.kind == OUTPUT)


@given(edge_lists(), st.none() | st.floats(-1e9, 1e9))
def test_round_trips(drawn, fitness):
    genome = made(drawn)
    genome.fitness = fitness
    again = Genome.from_json(genome.to_json())
    assert again == genome and again.fitness == fitness and repr(again) == repr(genome)
    assert [np.float64(a.weight).tobytes() for a in again.links] == [
        np.float64(b.weight).tobytes() for b in genome.links
    ]
    assert Genome.from_arrays(*genome.to_arrays(), genome.bias) == genome
    assert json.loads(genome.to_json())["nodes"][0]["kind"] == KINDS[INPUT]


@given(edge_lists(), st.data())
def test_a_copy_is_another_genome(drawn, data):
    genome = made(drawn)
    copy = genome.copy()
    assert copy == genome and copy is not genome
    changes = [lambda: copy.nodes.append(Node(2**31 - 2, HIDDEN)), lambda: setattr(copy, "bias", 7.5)]
    changes += [lambda link=link: setattr(link, "weight", link.weight + 1e301) for link in copy.links]
    changes += [lambda link=link: setattr(link, "enabled", not link.enabled) for link in copy.links]
    changes += [lambda node=node: setattr(node, "activation", node.activation + 1) for node in copy.nodes]
    data.draw(st.sampled_from(changes))()
    assert copy != genome and genome == made(drawn) and genome != "a genome"


def test_thousands_of_links_take_no_time():
    """A path search for every link and every node would take minutes."""
    n = 20_000
    chain = [(k, k + 1, 1.0) for k in range(n, 2, -1)]  # 3 -> 4 -> ..., the last link first
    genome = Genome.from_edges([*chain, (0, 3, 1.0), (n + 1, 2, 1.0)], 1, 1)
    assert genome.depth == n and not genome.has_cycle()
    assert not any(link.recurrent for link in genome.links)


def test_the_text():
    genome = Genome.from_edges(
        [(0, 3, 0.524), (1, 3, -1.2, False), (9, 9, 2), (9, 3, 1e5)], 1, 2, 0.5, {9: "tanh"}, {9: "product"}, "linear"
    )
    assert repr(genome).splitlines() == [
        "Genome: 1 input, bias 0.5, 2 outputs, 1 hidden node, 4 links",
        "  2 output   linear",
        "  3 output   linear",
        "  9 hidden   tanh of the product",
        "  0: 0 -> 3  +0.52",
        "  1: 1 -> 3  -1.20  off",
        "  2: 9 -> 9  +2.00  recurrent",
        "  3: 9 -> 3  +100000.00",
    ]
    assert repr(Genome.from_edges([], 2, 1, bias=0)).startswith("Genome: 2 inputs, 1 output, 0 hidden nodes, 0 links")


@given(edge_lists(), st.data())
def test_pools(drawn, data):
    edges, others = drawn
    others = {**others, "activations": {}, "aggregations": {}}
    genomes = [Genome.from_edges(some, **others) for some in (edges, edges[::2], [])]
    pool = Pool.from_genomes(genomes)
    assert len(pool) == 3 and [*pool] == genomes and pool[-1] == genomes[-1]
    assert (pool.n_inputs, pool.n_outputs, pool.bias) == (genomes[0].n_inputs, genomes[0].n_outputs, genomes[0].bias)
    assert pool.n_nodes.tolist() == [len(g.nodes) for g in genomes] and pool.n_nodes.dtype == np.int32
    assert pool.n_links.tolist() == [len(g.links) for g in genomes] and pool.n_links.dtype == np.int32
    indices = data.draw(st.lists(st.integers(-3, 2), max_size=5))
    assert [*pool.take(indices)] == [genomes[i] for i in indices]
    pool[0].nodes.clear()  # a copy
    assert pool[0] == genomes[0]
    for i in (3, -4):
        with pytest.raises(IndexError, match=f"there are 3 genomes, got index {i}"):
            pool[i]


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from([0.0, 0.5]), st.integers(0, 2**64 - 1))
def test_the_minimal_start(n_inputs, n_outputs, bias, seed):
    config = NEATConfig(n_inputs, n_outputs, bias, initial_weight=0.5, population_size=3, output_activation="tanh")
    pool = Pool.initial(config, seed)
    sensors, genomes = range(n_inputs + (bias != 0)), [*pool]
    wanted = {(i, len(sensors) + o) for i in sensors for o in range(n_outputs)}
    for genome in genomes:
        assert {(link.source, link.target) for link in genome.links} == wanted and len(genome.links) == len(wanted)
        assert all(link.enabled and not link.recurrent and abs(link.weight) <= 0.5 for link in genome.links)
        assert {ACTIVATIONS[n.activation] for n in genome.nodes if n.kind == OUTPUT} == {"tanh"}
        assert not genome.has_cycle() and genome.depth == 1
    assert genomes[0] != genomes[1] and [*Pool.initial(config, seed)] == genomes != [*Pool.initial(config, seed ^ 1)]


def test_first_weights_are_uniform():
    weights = Pool.initial(NEATConfig(3, 1, population_size=1000), 0).links["weight"][:, :4].ravel()
    # a gap of 0.01, 1/200 of the range, stays empty with probability (1 - 1/200)^4000 = 2e-9, any of 4,000 with 1e-5
    assert np.diff(np.sort([-1, 1, *weights])).max() < 0.01


# ---- bad input ----
BAD_EDGES = [
    (3, {}, "edges must be a list of .source, target, weight., got 3"),
    ([(0, 3)], {}, "edge 0 must be .source, target, weight."),
    ([(0, 3, 1.0, True, 5)], {}, "edge 0 must be"),
    ([3], {}, "edge 0 must be"),
    ([(0, 3, 1.0), (1, 0, 1.0)], {}, "link 1 -> 0 leads into an input"),
    ([(1, 2, 1.0)], {}, "link 1 -> 2 leads into an input"),  # the bias
    ([(0, 3, 1.0), (0, 3, 2.0)], {}, "link 0 -> 3 is there twice"),
    ([(-1, 3, 1.0)], {}, "edge 0: source must be >= 0, got -1"),
    ([(0, -3, 1.0)], {}, "edge 0: target must be >= 0"),
    ([(0, 2**31, 1.0)], {}, "edge 0: target must be <= 2147483646"),
    ([(0.5, 3, 1.0)], {}, "edge 0: source must be an integer, got 0.5"),
    ([(0, 3, float("nan"))], {}, "edge 0: weight must be a finite number, got nan"),
    ([(0, 3, float("inf"))], {}, "weight must be a finite number"),
    ([(0, 3, "1")], {}, "weight must be a number"),
    ([(0, 3, 1.0, 1)], {}, "enabled must be True or False, got 1"),
    ([], {"n_inputs": 0}, "n_inputs must be >= 1"),
    ([], {"n_outputs": 1.5}, "n_outputs must be an integer"),
    ([], {"bias": float("nan")}, "bias must be a finite number"),
    ([], {"output_activation": "sigmoyd"}, "output_activation must be one of 'sigmoid'"),
    ([], {"n_inputs": 10**9}, "n_inputs must be <= 1048576"),
    ([], {"activations": "tanh"}, "activations must be a dict, node -> name, got 'tanh'"),
    ([], {"activations": {7: "tanh"}}, "activations names node 7, which is neither an output nor a hidden node"),
    ([], {"activations": {0: "tanh"}}, "activations names node 0"),
    ([], {"aggregations": {3: "summ"}}, r"aggregations\[3\] must be one of 'sum'"),
]


@pytest.mark.parametrize(("edges", "others", "words"), BAD_EDGES)
def test_edges_that_are_none(edges, others, words):
    with pytest.raises((ValueError, TypeError), match=f"Genome.from_edges: .*{words}"):
        Genome.from_edges(edges, **{"n_inputs": 2, "n_outputs": 1, **others})


def changed(path, value):
    """The JSON of a genome with one value changed (or, for ..., left out)."""
    table = json.loads(Genome.from_edges([(0, 2, 0.5), (1, 2, 0.5), (0, 5, 1.0)], 1, 1).to_json())
    *way, last = path
    place = table
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(table)


BAD_JSON = [
    ("{", "this is not sound JSON"),
    ("[" * 100_000, "this is not sound JSON"),
    ("[]", "expected a table of bias, fitness, nodes, links"),
    ('{"bias": 1, "bias": 0}', "this is not sound JSON: 'bias' stands there twice"),
    (changed(["bias"], ...), "expected a table of bias"),
    (changed(["extra"], 1), "expected a table of bias"),
    (changed(["bias"], "x"), "bias must be a number"),
    (changed(["bias"], 0), "bias=0, but there are 1 bias nodes"),
    (changed(["fitness"], []), "fitness must be a number"),
    (changed(["nodes"], {}), "nodes and links must be lists"),
    (changed(["nodes", 0], 7), "expected a table of id, kind, activation, aggregation, got 7"),
    (changed(["nodes", 0, "kind"], ...), "expected a table of id"),
    (changed(["nodes", 0, "kind"], "hiden"), "kind must be one of"),
    (changed(["nodes", 0, "kind"], "output"), "nodes must be inputs 0"),
    (changed(["nodes", 0, "id"], 1), "nodes must be inputs 0"),
    (changed(["nodes", 2, "activation"], "none"), "activation must be one of"),
    (changed(["nodes", 2, "aggregation"], 3), "aggregation must be one of"),
    (changed(["nodes", 3, "id"], 2), "nodes must stand in the order of their numbers, got 2 after 2"),
    (changed(["nodes", 3], ...), "link 0 -> 5 mentions node 5, which there is not"),
    (changed(["links", 2], ...), "hidden node 5 has no link"),
    (changed(["links", 1, "innovation"], 0), "links must stand in the order of their numbers, got 0 after 0"),
    (changed(["links", 1, "source"], 0), "link 0 -> 2 is there twice"),
    (changed(["links", 1, "target"], 1), "link 1 -> 1 leads into an input"),
    (changed(["links", 1, "target"], 4), "link 1 -> 4 mentions node 4"),
    (changed(["links", 1, "weight"], float("nan")), "weight must be a finite number"),
    (changed(["links", 1, "weight"], None), "weight must be a number"),
    (changed(["links", 1, "enabled"], 1), "enabled must be True or False"),
    (changed(["links", 1, "recurrent"], ...), "expected a table of innovation"),
    (7, "text must be a string of JSON, got int"),
]


@pytest.mark.parametrize(("text", "words"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_json_that_is_no_genome(text, words):
    with pytest.raises((ValueError, TypeError), match=f"Genome.from_json: .*{words}"):
        Genome.from_json(text)


@given(edge_lists(), st.data())
def test_damaged_json_never_gives_another_error(drawn, data):
    text = made(drawn).to_json()
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 3)))
    damaged = text[:start] + data.draw(st.text('0123456789-.eE"{}[],:nulltrue', max_size=3)) + text[stop:]
    try:
        Genome.from_json(damaged)
    except (ValueError, TypeError) as error:
        assert str(error).startswith("Genome.from_json: ")


def test_genomes_that_make_no_pool():
    genome = Genome.from_edges([(0, 2, 1.0)], 1, 1)
    twice = Genome(genome.nodes, genome.links * 2)
    for genomes, kind, words in [
        ([], ValueError, "must be one genome at least"),
        (genome, DTypeError, "must be a list of them, got Genome"),
        ([genome, "genome"], DTypeError, "must be Genomes, got str at 1"),
        ([genome, twice], ValueError, "genome 1: links must stand in the order"),
        (
            [genome, Genome.from_edges([], 2, 1)],
            ValueError,
            r"genome 1 has .* \(2, 1, 1.0\), but genome 0 has \(1, 1, 1.0\)",
        ),
    ]:
        with pytest.raises(kind, match=f"Pool: .*{words}"):
            Pool.from_genomes(genomes)
    with pytest.raises(DTypeError, match="i must be an integer"):
        Pool.from_genomes([genome])[0:1]
