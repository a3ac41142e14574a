"""The operators of NEAT: the compiled loop has the bits of the reference, and both do what they are said to do."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.evolution import NEAT, NEATConfig, distance, genes
from minidl.evolution.breeding import Plan, breed, breed_compiled, breed_reference, checked
from minidl.evolution.crossover import crossover
from minidl.evolution.genes import BIAS, HIDDEN, INPUT, OUTPUT, Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.innovation import LINK_BETWEEN, NODE_IN, Innovations
from minidl.evolution.mutation import add_link, add_node, mutate, mutate_function, mutate_weights, reenable, toggle
from minidl.evolution.pool import Pool
from minidl.evolution.stream import Stream
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS


# ---- what is drawn ----
def names(choices):
    return st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def configs(draw, **fixed):
    """Any config of breeding; probabilities are often 0 or 1."""
    share = st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1)
    feed_forward = fixed.get("feed_forward", draw(st.booleans()))
    kinds = draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=3).filter(any))
    shares = ["weight_mutation", "weight_replace", "add_node", "add_link", "toggle", "reenable"]
    shares += ["mutate_only", "mate_only", "interspecies", "disable_inherited"]
    activations, aggregations = fixed.get("activations", draw(names(ACTIVATIONS))), draw(names(AGGREGATIONS))
    return NEATConfig(
        **{
            "n_inputs": draw(st.integers(1, 3)),
            "n_outputs": draw(st.integers(1, 3)),
            "bias": draw(st.sampled_from([0.0, 1.0, 0.3])),
            "feed_forward": feed_forward,
            "recurrent_link": 0.0 if feed_forward else draw(share),
            "activations": activations,
            "aggregations": aggregations,
            "mutate_activation": draw(share) if len(activations) > 1 else 0.0,
            "mutate_aggregation": draw(share) if len(aggregations) > 1 else 0.0,
            "output_activation": draw(st.sampled_from(ACTIVATIONS)),
            "initial_weight": draw(st.sampled_from([0.0, 1.0])),
            "weight_power": draw(st.sampled_from([0.0, 2.5])),
            "weight_cap": draw(st.sampled_from([1.0, 8.0])),
            "weight_style": draw(st.sampled_from(["paper", "original"])),
            "exclusive": draw(st.booleans()),
            "innovation_scope": draw(st.sampled_from(["generation", "run"])),
            "equal_fitness": draw(st.sampled_from(["smaller", "both"])),
            "population_size": draw(st.integers(1, 9)),
            **dict(zip(("multipoint", "multipoint_average", "single_point"), kinds, strict=True)),
            **{name: draw(share) for name in shares},
            **fixed,
        }
    )


@st.composite
def genomes(draw, config, size):
    """Genomes whose links are drawn from one list of inventions, so that equal numbers mean equal links; some have no
    link at all, and hidden nodes have any numbers."""
    sensors = config.n_inputs + (config.bias != 0)
    fixed = sensors + config.n_outputs
    hidden = [fixed + k for k in draw(st.sets(st.integers(0, 9), max_size=4))]
    ends = [*range(sensors), *draw(st.permutations([*range(sensors, fixed), *hidden]))]  # an order without cycles
    places = range(len(ends))
    pairs = [(ends[i], ends[j]) for i in places for j in places if j >= sensors and (i < j or not config.feed_forward)]
    book = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = [INPUT] * config.n_inputs + [BIAS] * (config.bias != 0) + [OUTPUT] * config.n_outputs
    result = []
    for _ in range(size):
        kept = rng.random(len(book)) < rng.choice([0.0, 0.5, 1.0])
        links = [
            Link(3 * n, *pair, rng.choice([0.0, 1.0, rng.normal()]).item(), bool(rng.random() < 0.7))
            for n, pair in enumerate(book)
            if kept[n]
        ]
        mentioned = {end for link in links for end in (link.source, link.target)}
        nodes = [Node(id, kind, 0, 0) for id, kind in enumerate(kinds)]
        codes = len(ACTIVATIONS), len(AGGREGATIONS)
        nodes += [Node(id, HIDDEN, *rng.integers(codes).tolist()) for id in sorted(mentioned & set(hidden))]
        result.append(Genome(nodes, links, config.bias))
    return result


def pools(config, size):
    drawn = genomes(config, size).map(Pool.from_genomes)
    return drawn | st.just(Pool.initial(dataclasses.replace(config, population_size=size), 0))


def plans(rng, P, children):
    """Any plan: genomes are in species at random, some have none, and fitnesses are often equal."""
    fitness = rng.integers(0, 3, P) * 0.5
    species = rng.integers(0, rng.integers(1, 5), P)
    members, first = [], [0]
    for s in range(species.max() + 1):
        own = np.flatnonzero(species == s)
        members += own[np.argsort(-fitness[own], kind="stable")][: rng.integers(1, P + 1)].tolist()
        first.append(len(members))
    offspring = np.zeros(len(first) - 1, int)
    np.add.at(offspring, rng.choice(np.flatnonzero(np.diff(first)), children), 1)
    return checked(Plan(members, first, offspring, rng.random(len(offspring)) < 0.5, fitness), P)


def bits(pool):
    """All genes of a pool, its weights as bits."""
    return [
        [
            [(*row, np.float64(row[3] if array.dtype == genes.LINK else 0).tobytes()) for row in array.tolist()]
            for array in genome.to_arrays()
        ]
        for genome in pool
    ]


def closed(genome):
    """Pairs of nodes such that links, on or off, lead from one to the other: the powers of the adjacency matrix."""
    ids = [node.id for node in genome.nodes]
    ways = np.zeros((len(ids), len(ids)), int)
    for link in genome.links:
        ways[ids.index(link.source), ids.index(link.target)] = 1
    for _ in ids:
        ways = np.minimum(ways + ways @ ways, 1)
    return {(ids[i], ids[j]) for i, j in zip(*ways.nonzero(), strict=True)}


def pairs_of(genome):
    return {(link.source, link.target) for link in genome.links}


# ---- the compiled loop is the reference ----
@settings(max_examples=max(150, settings.default.max_examples))  # more in the deep profile
@given(data=st.data())
def test_the_kernel_is_the_reference(data):
    config = data.draw(configs())
    pool = data.draw(pools(config, data.draw(st.integers(1, 6))))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    seed = data.draw(st.sampled_from([0, 7, 2**64 - 1]))
    books = Innovations.after(pool), Innovations.after(pool)
    meaning, kind_of = {}, {}
    for generation in range(data.draw(st.integers(1, 5))):
        plan = plans(rng, len(pool), config.population_size)
        if config.innovation_scope == "generation":
            for book in books:
                book.forget()
        before = bits(pool)
        children, parents = breed_compiled(pool, plan, config, books[0], seed, generation)
        wanted, wanted_parents = breed_reference(pool, plan, config, books[1], seed, generation)
        assert bits(children) == bits(wanted)
        assert bits(pool) == before
        assert parents.dtype == np.int32 and np.array_equal(parents, wanted_parents)
        ours, theirs = books
        assert np.array_equal(ours.book, theirs.book) and ours.book.dtype == theirs.book.dtype == np.int32
        assert (ours.next_link, ours.next_node) == (theirs.next_link, theirs.next_node)
        assert len(children) == config.population_size
        for child in children:
            genes.sound("child", child.nodes, child.links, child.bias)
            assert not (config.feed_forward and any(a == b for a, b in closed(child)))
            for link in child.links:
                assert link.innovation < ours.next_link
                # one number, one link, for the whole run; and with a book that is never emptied one link, one number
                assert meaning.setdefault(link.innovation, (link.source, link.target)) == (link.source, link.target)
                if config.innovation_scope == "run":
                    assert kind_of.setdefault((link.source, link.target), link.innovation) == link.innovation
            assert all(node.id < ours.next_node for node in child.nodes)
        pool = children


@given(data=st.data())
def test_rows_of_any_length_give_the_same_children(data):
    config = data.draw(configs(population_size=6, add_node=0.5, add_link=0.5))
    pool = data.draw(pools(config, 4))
    rest = pool.n_nodes, pool.n_links, pool.n_inputs, pool.n_outputs, pool.bias
    tight = Pool(pool.nodes[:, : pool.n_nodes.max()], pool.links[:, : max(1, pool.n_links.max())], *rest)
    plan = plans(np.random.default_rng(data.draw(st.integers(0, 2**32))), 4, 6)
    books = Innovations.after(pool), Innovations.after(pool)
    (wide, _), (narrow, _) = (breed(p, plan, config, book, 0, 0) for p, book in zip((pool, tight), books, strict=True))
    assert bits(wide) == bits(narrow) and np.array_equal(books[0].book, books[1].book)


def test_a_pool_of_one_slot_grows():
    config = NEATConfig(1, 1, bias=0, population_size=40, add_node=1.0, add_link=0.0, mutate_only=1.0)
    pool = Pool.from_genomes([Genome.from_edges([(0, 1, 1.0)], 1, 1, bias=0)])
    pool = Pool(pool.nodes[:, :2], pool.links[:, :1], pool.n_nodes, pool.n_links, 1, 1, 0.0)
    book = Innovations.after(pool)
    for generation in range(8):
        P = len(pool)
        pool, _ = breed(pool, Plan(np.arange(P), [0, P], [40], [False], np.zeros(P)), config, book, 0, generation)
    assert pool.n_links.tolist() == [17] * 40 and pool.n_nodes.tolist() == [10] * 40


def test_genomes_of_a_hundred_outputs():
    config = NEATConfig(40, 30, population_size=5, add_link=0.5, add_node=0.5, interspecies=0.0)
    pool = Pool.initial(config, 1)
    plan = checked(Plan(np.arange(5), [0, 5], [5], [True], np.arange(5.0)[::-1]), 5)
    books = Innovations.after(pool), Innovations.after(pool)
    ours, theirs = (
        f(pool, plan, config, b, 3, 0)[0] for f, b in zip((breed_compiled, breed_reference), books, strict=True)
    )
    assert bits(ours) == bits(theirs) and ours.n_links.min() >= 41 * 30


def test_a_pair_of_nodes_with_two_numbers_keeps_the_first():
    """As in genomes of a run whose book was emptied between two generations."""
    one = Genome.from_edges([(0, 2, 1.0), (1, 2, 1.0)], 1, 1)
    two, none = one.copy(), Genome.from_edges([], 1, 1)
    two.links = [two.links[1], dataclasses.replace(two.links[0], innovation=5)]
    pool = Pool.from_genomes([one, two, none])
    config = NEATConfig(1, 1, population_size=9, add_link=1.0, innovation_scope="run", mutate_only=1.0)
    plan = checked(Plan([2], [0, 1], [9], [False], np.zeros(3)), 3)
    ours, theirs = (f(pool, plan, config, Innovations.after(pool), 0, 0)[0] for f in (breed_compiled, breed_reference))
    assert bits(ours) == bits(theirs)
    assert 0 in ours.links["innovation"][:, 0] and 5 not in ours.links["innovation"]


def test_a_long_run_has_one_number_for_one_invention():
    config = NEATConfig(2, 2, population_size=20, add_node=0.3, add_link=0.6, toggle=0.3, reenable=0.3, mutate_only=0.3)
    config = dataclasses.replace(config, innovation_scope="run", compatibility_threshold=1e9, single_point=0.5)
    run, meaning, number, rng = NEAT(config, seed=1), {}, {}, np.random.default_rng(0)
    for _ in range(200):
        run.record(rng.normal(size=20))
        run.breed()
        for row in np.concatenate([row[:n] for row, n in zip(run.pool.links, run.pool.n_links, strict=True)]).tolist():
            link, ends = row[0], row[1:3]
            assert meaning.setdefault(link, ends) == ends and number.setdefault(ends, link) == link
    assert not any(genome.has_cycle() for genome in run.pool)
    book = run.innovations.book
    for kind in (LINK_BETWEEN, NODE_IN):
        rows = book[book[:, 0] == kind]
        assert len(rows) > 20 and len(np.unique(rows[:, 3])) == len(np.unique(rows[:, 1:3], axis=0)) == len(rows)


# ---- who breeds ----
@given(data=st.data())
def test_children_come_from_whom_the_plan_says(data):
    config = data.draw(configs(interspecies=data.draw(st.sampled_from([0.0, 1.0])), population_size=12))
    pool = data.draw(pools(config, 7))
    plan = plans(np.random.default_rng(data.draw(st.integers(0, 2**32))), 7, 12)
    children, parents = breed(pool, plan, config, Innovations.after(pool), 5, 2)
    assert len(children) == len(parents) == plan.offspring.sum() == 12
    groups = [plan.members[a:b].tolist() for a, b in zip(plan.first, plan.first[1:], strict=False)]
    child = 0
    for s, n in enumerate(plan.offspring):
        strangers = [group[0] for t, group in enumerate(groups) if t != s and group]
        for k in range(n):
            mother, father = parents[child].tolist()
            if k == 0 and plan.elite[s]:
                assert mother == father == groups[s][0] and children[child] == pool[mother]
            else:
                assert mother in groups[s]
                fathers = strangers if config.interspecies and strangers else groups[s]
                assert father in fathers or father == mother
                assert father == mother or config.mutate_only < 1
            child += 1


def test_a_child_can_be_bred_by_hand():
    """Its numbers are those of Stream(seed, generation of the child, child)."""
    config = NEATConfig(2, 1, population_size=6, mutate_only=1.0, add_node=0.5, add_link=0.5)
    pool = Pool.initial(config, 3)
    plan = Plan(np.arange(6), [0, 6], [6], [False], np.zeros(6))
    book, ours = Innovations.after(pool), Innovations.after(pool)
    children, parents = breed(pool, plan, config, book, 3, 4)
    ours.forget()
    for c, (child, (mother, _)) in enumerate(zip(children, parents.tolist(), strict=True)):
        stream = Stream(3, 5, c)
        assert stream.below(6) == mother
        assert stream.random() < config.mutate_only
        wanted = pool[mother]
        mutate(wanted, config, ours, stream)
        assert child == wanted


def test_an_elite_has_one_copy():
    config = NEATConfig(2, 1, population_size=30, weight_mutation=1.0, mutate_only=1.0)
    pool = Pool.initial(config, 0)
    for elite in (False, True):
        plan = Plan(np.arange(9, 12), [0, 2, 3], [20, 10], [elite, elite], np.zeros(30))
        children, _ = breed(pool, plan, config, Innovations.after(pool), 0, 0)
        same = [c for c, child in enumerate(children) if child in (pool[9], pool[10], pool[11])]
        assert same == ([0, 20] if elite else [])


# ---- crossover ----
@given(data=st.data())
def test_a_child_of_two_has_only_genes_of_theirs(data):
    config = data.draw(configs())
    mother, father = data.draw(genomes(config, 2))
    fitness = data.draw(st.tuples(st.integers(0, 1), st.integers(0, 1)).map(lambda pair: tuple(map(float, pair))))
    before = mother.copy(), father.copy()
    child = crossover(mother, father, fitness, config, Stream(data.draw(st.integers(0, 2**64 - 1))))
    assert (mother, father) == before
    genes.sound("child", child.nodes, child.links, child.bias)
    ours, theirs = ({link.innovation: link for link in g.links} for g in (mother, father))
    mixed = config.multipoint + config.multipoint_average > 0
    for link in child.links:
        parents = [links[link.innovation] for links in (ours, theirs) if link.innovation in links]
        weights = [parent.weight for parent in parents]
        if len(parents) == 2 and config.multipoint_average:
            mean = sum(weights) / 2
            weights = [mean, *weights] if config.multipoint or config.single_point else [mean]
        assert link.weight in weights
        assert link.enabled or not all(parent.enabled for parent in parents)
        if config.disable_inherited in (0, 1):
            on = config.disable_inherited == 0 or all(parent.enabled for parent in parents)
            assert link.enabled == on
    if mixed and not config.single_point:
        numbers = {link.innovation for link in child.links}
        if fitness[0] == fitness[1] and config.equal_fitness == "both":
            assert numbers <= set(ours | theirs) and set(ours) & set(theirs) <= numbers
            if not config.feed_forward:
                assert numbers == set(ours | theirs)
        else:
            key = {0: (-fitness[0], len(ours)), 1: (-fitness[1], len(theirs))}
            assert numbers == set((ours, theirs)[key[1] < key[0]])
    hidden = {node.id for node in child.nodes if node.kind == HIDDEN}
    fixed = {node.id for node in mother.nodes if node.kind != HIDDEN}
    assert hidden == {end for pair in pairs_of(child) for end in pair} - fixed
    assert all(node in mother.nodes + father.nodes for node in child.nodes)


def line(numbers, weight, off=()):
    """A genome with links of these numbers, all out of input 0, to output 2 or hidden node 3 + number."""
    links = [Link(n, 0, 2 if n == 0 else n + 3, weight, n not in off) for n in numbers]
    nodes = [Node(0, INPUT), Node(1, BIAS), Node(2, OUTPUT), *(Node(n + 3, HIDDEN) for n in numbers if n)]
    return Genome(nodes, links)


def kind(**shares):
    others = {"multipoint": 0.0, "multipoint_average": 0.0, "single_point": 0.0, "equal_fitness": "smaller"}
    return NEATConfig(1, 1, **{**others, **shares})


@pytest.mark.parametrize("shares", [{"multipoint": 1.0}, {"multipoint_average": 1.0}])
def test_the_child_has_the_structure_of_the_fitter_parent(shares):
    small, large = line([0, 2], 1.0), line([0, 1, 3], 1.0)
    cases = [((1.0, 0.0), [0, 2]), ((0.0, 1.0), [0, 1, 3]), ((1.0, 1.0), [0, 2])]
    for fitness, wanted in cases:
        for parents, values in (((small, large), fitness), ((large, small), fitness[::-1])):
            child = crossover(*parents, values, kind(**shares), Stream(0))
            assert [link.innovation for link in child.links] == wanted
            both = dataclasses.replace(kind(**shares), equal_fitness="both")
            child = crossover(*parents, values, both, Stream(0))
            assert [link.innovation for link in child.links] == (wanted if fitness != (1.0, 1.0) else [0, 1, 2, 3])


def test_single_point_takes_the_left_of_the_shorter_and_the_right_of_the_longer():
    shorter, longer = line([0, 2, 4], 1.0), line([0, 1, 2, 3, 5], 2.0)
    right = [(n, 2.0) for n in (0, 1, 2, 3, 5)]
    wanted = {p: [(n, 1.0) for n in (0, 2, 4) if n <= p] + [(n, w) for n, w in right if n > p] for p in (0, 2, 4)}
    seen = set()
    for seed in range(40):
        parents = [(shorter, longer), (longer, shorter)][seed % 2]
        child = crossover(*parents, (seed % 3, 1.0), kind(single_point=1.0), Stream(seed))
        found = [(link.innovation, link.weight) for link in child.links]
        assert found in wanted.values()
        seen.add(str(found))
    assert len(seen) == 3


def share_of(hits, n, p):
    """Whether hits of n draws are what a probability p gives, within five standard deviations (wrong in one of 1.7
    million cases)."""
    return abs(hits - n * p) <= 5 * math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("off", [((0, 1), ()), ((), (0, 1)), ((0, 1), (0, 1))])
@pytest.mark.parametrize("shares", [{"multipoint": 1.0}, {"multipoint_average": 1.0}, {"single_point": 1.0}])
def test_three_in_four_links_that_are_off_stay_off(off, shares):
    mother, father = line([0, 1, 2], 1.0, off[0]), line([0, 1, 2], 2.0, off[1])
    links = [crossover(mother, father, (1.0, 0.0), kind(**shares), Stream(seed)).links for seed in range(2000)]
    assert share_of(sum(not link.enabled for row in links for link in row[:2]), 4000, 0.75)
    assert all(row[2].enabled for row in links)


def test_matching_links_come_from_either_parent_alike():
    mother, father = line([0, 1], 1.0), line([0, 1], 2.0)
    links = [crossover(mother, father, (1.0, 0.0), kind(multipoint=1.0), Stream(seed)).links for seed in range(2000)]
    assert share_of(sum(link.weight == 1 for row in links for link in row), 4000, 0.5)


def test_a_cycle_of_two_parents_is_left_out():
    edges = [(0, 3, 1.0), (0, 4, 1.0)]
    one, two = (Genome.from_edges([*edges, pair], 1, 2, bias=0) for pair in ((1, 2, 1.0), (2, 1, 1.0)))
    two.links[2].innovation = 3
    both = dataclasses.replace(kind(multipoint=1.0), equal_fitness="both", n_outputs=2, bias=0.0)
    child = crossover(one, two, (1.0, 1.0), both, Stream(0))
    assert [link.innovation for link in child.links] == [0, 1, 2]
    child = crossover(one, two, (1.0, 1.0), dataclasses.replace(both, feed_forward=False), Stream(0))
    assert [link.innovation for link in child.links] == [0, 1, 2, 3]


def test_a_link_that_was_invented_twice_is_inherited_once():
    one, two = (Genome.from_edges([(0, 1, weight)], 1, 1, bias=0) for weight in (1.0, 2.0))
    two.links[0].innovation = 7  # the same pair, in another generation
    both = dataclasses.replace(kind(multipoint=1.0), equal_fitness="both", bias=0.0)
    assert crossover(one, two, (1.0, 1.0), both, Stream(0)) == one
    config = dataclasses.replace(both, mutate_only=0.0, mate_only=1.0)
    pool = Pool.from_genomes([one, two])
    plan = checked(Plan([0, 1], [0, 2], [20], [False], [1.0, 1.0]), 2)
    for way in (breed_compiled, breed_reference):
        children, parents = way(pool, plan, config, Innovations.after(pool), 0, 0)
        crossed = [child for child, pair in zip(children, parents, strict=True) if pair[0] != pair[1]]
        assert crossed and all(child == one for child in crossed)


# ---- mutation ----
@given(data=st.data())
def test_mutation_adds_what_it_says(data):
    config = data.draw(configs())
    genome = data.draw(genomes(config, 1))[0]
    old, reached = genome.copy(), closed(genome)
    book = Innovations.after(Pool.from_genomes([genome]))
    start = book.next_link, book.next_node
    operator = data.draw(st.sampled_from([add_node, add_link]))
    operator(genome, config, book, Stream(data.draw(st.integers(0, 2**64 - 1))))
    genes.sound("mutant", genome.nodes, genome.links, genome.bias)
    new = [link for link in genome.links if link.innovation >= start[0]]
    numbers = {link.innovation for link in new}
    if operator is add_link:
        assert genome.nodes == old.nodes and [link for link in genome.links if link not in new] == old.links
        assert len(new) <= 1
        for link in new:
            closes = (link.target, link.source) in reached or link.source == link.target
            assert closes == link.recurrent and not (closes and config.feed_forward)
            assert abs(link.weight) <= min(config.initial_weight, config.weight_cap)
    elif new:
        assert numbers == {start[0], start[0] + 1}
        node = next(node for node in genome.nodes if node.id == start[1])
        assert (
            ACTIVATIONS[node.activation] in config.activations and AGGREGATIONS[node.aggregation] in config.aggregations
        )
        assert [n for n in genome.nodes if n is not node] == old.nodes
        (split,) = (a for a, b in zip(old.links, genome.links, strict=False) if a != b)
        assert split.enabled and split.source != (config.n_inputs if config.bias else None)
        into, out = new
        assert (into.source, into.target, into.weight) == (split.source, node.id, 1.0)
        assert (out.source, out.target, out.weight) == (node.id, split.target, split.weight)
        assert sum(link.enabled for link in genome.links) == sum(link.enabled for link in old.links) + 1
    else:
        assert genome == old


def test_a_link_that_leaves_the_bias_is_never_split():
    for seed in range(40):
        genome = Genome.from_edges([(0, 2, 1.0), (1, 2, 1.0)], 1, 1)
        add_node(genome, NEATConfig(1, 1), Innovations(2, 3), Stream(seed))
        assert [link.enabled for link in genome.links] == [False, True, True, True]


def test_of_a_recurrent_link_that_is_split_the_second_half_is_recurrent():
    genome = Genome.from_edges([(1, 1, 1.0)], 1, 1, bias=0)
    add_node(genome, NEATConfig(1, 1, bias=0, feed_forward=False), Innovations(1, 2), Stream(0))
    assert [(link.source, link.target, link.recurrent) for link in genome.links] == [
        (1, 1, True),
        (1, 2, False),
        (2, 1, True),
    ]


@given(data=st.data())
def test_a_new_linear_node_changes_nothing(data):
    config = data.draw(configs(feed_forward=True, activations=("linear",), bias=1.0))
    genome = data.draw(genomes(config, 1))[0]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for link in genome.links:
        link.weight = float(rng.integers(-3, 4))  # with whole numbers no sum is rounded

    def value(genome, node, x):
        if node < len(x):
            return x[node]
        return sum(k.weight * value(genome, k.source, x) for k in genome.links if k.enabled and k.target == node)

    x = [*rng.integers(-9, 9, config.n_inputs).tolist(), 1]
    outputs = range(len(x), len(x) + config.n_outputs)
    before = [value(genome, node, x) for node in outputs]
    add_node(genome, config, Innovations.after(Pool.from_genomes([genome])), Stream(data.draw(st.integers(0, 99))))
    assert [value(genome, node, x) for node in outputs] == before


@given(data=st.data())
def test_switches(data):
    config = data.draw(configs())
    genome = data.draw(genomes(config, 1))[0]
    on = [link.enabled for link in genome.links]
    ways_out = {link.source for link in genome.links if link.enabled}
    toggle(genome, Stream(data.draw(st.integers(0, 2**64 - 1))))
    assert {link.source for link in genome.links if link.enabled} >= ways_out
    assert sum(a != b.enabled for a, b in zip(on, genome.links, strict=True)) <= 1
    on = [link.enabled for link in genome.links]
    reenable(genome)
    if False in on:
        on[on.index(False)] = True
    assert [link.enabled for link in genome.links] == on


def test_toggle_switches_both_ways():
    edges = [(0, 3, 1.0), (0, 4, 1.0), (1, 3, 1.0, False)]
    results = set()
    for seed in range(40):
        genome = Genome.from_edges(edges, 2, 2, bias=0)
        toggle(genome, Stream(seed))
        results.add(tuple(link.enabled for link in genome.links))
    assert results == {(False, True, False), (True, False, False), (True, True, True)}


@given(data=st.data())
def test_functions_of_hidden_nodes_change(data):
    config = data.draw(configs())
    genome = data.draw(genomes(config, 1))[0]
    old, codes = genome.copy(), [ACTIVATIONS.index(name) for name in config.activations]
    mutate_function(genome, "activation", codes, Stream(data.draw(st.integers(0, 2**64 - 1))))
    changed = [(a, b) for a, b in zip(old.nodes, genome.nodes, strict=True) if a != b]
    possible = [n for n in old.nodes if n.kind == HIDDEN and set(codes) - {n.activation}]
    hidden = [n for n in old.nodes if n.kind == HIDDEN]
    assert len(changed) <= 1 and (changed or len(possible) < len(hidden) or not hidden)
    assert all(a.kind == HIDDEN and b.activation in codes and a.aggregation == b.aggregation for a, b in changed)


def test_weights_move_by_the_table():
    n, links = 4000, 20
    config = NEATConfig(links, 1, bias=0, weight_cap=1e6)
    for style in ("paper", "original"):
        new = np.empty((n, links))
        for seed in range(n):
            genome = Genome.from_edges([(k, links, 1000.0) for k in range(links)], links, 1, bias=0)
            mutate_weights(genome, dataclasses.replace(config, weight_style=style), Stream(seed))
            new[seed] = [link.weight for link in genome.links]
        kept, replaced = new == 1000, abs(new) <= 2.5
        assert (kept | replaced | (abs(new - 1000) <= 2.5)).all()
        assert 2.4 < new[replaced].max() <= 2.5 and -2.5 <= new[replaced].min() < -2.4
        if style == "paper":
            assert not kept.any() and share_of(replaced.sum(), n * links, 0.1)
        else:  # half of the genomes severely
            old, newest = 0, links - 1
            assert share_of(kept[:, old].sum(), n, 0.5 * 0.1) and share_of(kept[:, newest].sum(), n, 0.5 * (0.1 + 0.3))
            assert share_of(replaced[:, old].sum(), n, 0.5 * 0.2) and share_of(replaced[:, newest].sum(), n, 0.2)
            assert share_of(kept[:, 15].sum(), n, 0.05) and share_of(kept[:, 16].sum(), n, 0.2)
            assert share_of(kept[:, :16].any(axis=1).sum(), n, 0.5 * (1 - 0.9**16))


@given(data=st.data())
def test_no_weight_is_above_the_cap(data):
    config = data.draw(configs(weight_mutation=1.0, exclusive=False))
    genome = data.draw(genomes(config, 1))[0]
    mutate(genome, config, Innovations.after(Pool.from_genomes([genome])), Stream(data.draw(st.integers(0, 99))))
    assert all(abs(link.weight) <= config.weight_cap for link in genome.links)


def test_exclusive_is_a_node_or_else_a_link_or_else_the_rest():
    def sizes(exclusive):
        genome = Genome.from_edges([(0, 2, 5.0), (1, 3, 5.0)], 2, 2, bias=0)
        config = NEATConfig(2, 2, bias=0, add_node=0.4, add_link=0.5, weight_mutation=1.0, exclusive=exclusive)
        for seed in range(1000):
            child = genome.copy()
            mutate(child, config, Innovations(2, 4), Stream(seed))
            yield len(child.nodes) > 4, len(child.links) in (3, 5), [k.weight for k in child.links][:2] != [5.0, 5.0]

    nodes, links, weights = map(list, zip(*sizes(True), strict=True))
    assert [sum(row) for row in zip(nodes, links, weights, strict=True)] == [1] * 1000
    assert share_of(sum(nodes), 1000, 0.4) and share_of(sum(links), 1000, 0.6 * 0.5)
    nodes, links, weights = map(list, zip(*sizes(False), strict=True))
    assert share_of(sum(nodes), 1000, 0.4) and share_of(sum(links), 1000, 0.5) and all(weights)
    assert share_of(sum(a and b for a, b in zip(nodes, links, strict=True)), 1000, 0.2)


# ---- inventions ----
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_the_book_tells_inventions_by_what_they_are(asked):
    book, links, nodes = Innovations(5, 9), {}, {}
    for is_link, a, b in asked:
        if is_link:
            assert book.link(a, b) == links.setdefault((a, b), 5 + len(links))
        else:
            assert book.node(a, b) == nodes.setdefault((a, b), 9 + len(nodes))
    assert (book.next_link, book.next_node, len(book.book)) == (5 + len(links), 9 + len(nodes), len(links) + len(nodes))
    book.forget()
    assert book.link(0, 0) == 5 + len(links)


def test_the_scope_decides_whether_an_invention_comes_up_twice():
    for scope in ("generation", "run"):
        config = NEATConfig(1, 1, bias=0, population_size=4, add_node=1.0, add_link=0.0, mutate_only=1.0)
        config = dataclasses.replace(config, innovation_scope=scope)
        pool = Pool.from_genomes([Genome.from_edges([(0, 1, 1.0)], 1, 1, bias=0)] * 4)
        plan, book = Plan(np.arange(4), [0, 4], [4], [False], np.zeros(4)), Innovations.after(pool)
        first, second = (breed(pool, plan, config, book, 0, generation)[0] for generation in (0, 1))
        numbers = [{genome.nodes[-1].id for genome in pool} for pool in (first, second)]
        assert numbers == [{2}, {2} if scope == "run" else {3}]


def test_a_link_that_is_split_again_gets_another_node():
    config, book = NEATConfig(1, 1, bias=0, innovation_scope="run"), Innovations(1, 2)
    genome = Genome.from_edges([(0, 1, 1.0)], 1, 1, bias=0)
    add_node(genome, config, book, Stream(0))
    for link in genome.links:
        link.enabled = link.innovation == 0
    add_node(genome, config, book, Stream(0))
    assert [node.id for node in genome.nodes] == [0, 1, 2, 3]
    assert [row.tolist() for row in book.book if row[0] == NODE_IN] == [[NODE_IN, 0, 0, 2], [NODE_IN, 0, 1, 3]]


# ---- bad input ----
GOOD = {
    "members": [0, 1, 2],
    "first": [0, 2, 3],
    "offspring": [2, 1],
    "elite": [True, False],
    "fitness": [1.0, 0.0, 2.0],
}
BAD_PLANS = {
    "members must be in 0 ... 2": {"members": [0, 1, 3]},
    "plan.members must be in": {"members": [-1, 1, 2]},
    "first must rise": {"first": [0, 3, 2]},
    "to the 3 members": {"first": [0, 1, 2]},
    "first must": {"first": [1, 2, 3]},
    r"first \(3,\)": {"first": [0, 3]},
    r"elite \(2,\)": {"elite": [True]},
    r"fitness \(3,\)": {"fitness": [1.0]},
    "counts of children": {"offspring": [-1, 4]},
    "not all 0": {"offspring": [0, 0]},
    "without members has no children": {"first": [0, 3, 3]},
    "finite": {"fitness": [1.0, np.nan, 0.0]},
}


@pytest.mark.parametrize("words", BAD_PLANS)
def test_a_plan_that_does_not_fit(words):
    pool = Pool.initial(NEATConfig(1, 1, population_size=3), 0)
    with pytest.raises(ValueError, match=words):
        breed(pool, Plan(**{**GOOD, **BAD_PLANS[words]}), NEATConfig(1, 1), Innovations.after(pool), 0, 0)
    breed(pool, Plan(**GOOD), NEATConfig(1, 1), Innovations.after(pool), 0, 0)


@pytest.mark.parametrize(("seed", "generation"), [(-1, 0), (2**64, 0), (0, -1), (0.5, 0)])
def test_a_seed_that_is_none(seed, generation):
    pool = Pool.initial(NEATConfig(1, 1, population_size=3), 0)
    with pytest.raises((ValueError, TypeError), match="breed: (seed|generation) must be"):
        breed(pool, Plan(**GOOD), NEATConfig(1, 1), Innovations.after(pool), seed, generation)


def test_a_number_with_two_meanings():
    one, two = (Genome.from_edges([(0, 2 + k, 1.0)], 1, 2) for k in range(2))
    with pytest.raises(ValueError, match="number 0 must mean one link, got 0 -> 2 in a genome and 0 -> 3 in another"):
        Innovations.after(Pool.from_genomes([one, two]))


def test_numbers_that_are_used_up():
    last = genes.LARGEST
    edges = [(0, 2, 1.0), (0, last - 1, 1.0), (last - 1, 2, 1.0)]
    pool = Pool.from_genomes([Genome.from_edges(edges, 1, 1)])
    config, plan = NEATConfig(1, 1, add_node=1.0, mutate_only=1.0), Plan([0], [0, 1], [2], [False], np.zeros(1))
    for book, words in ((Innovations.after(pool), f"nodes .*{last}$"), (Innovations(last, 9), f"links .*{last}$")):
        with pytest.raises(ValueError, match=f"breed: {words}"):
            breed(pool, plan, config, book, 0, 0)
    assert breed(pool, plan._replace(offspring=np.array([1])), config, Innovations(3, last - 1), 0, 0)


ONE = Genome.from_edges([(0, 2, 1.0)], 1, 1)
ALIKE, BOOK, CONFIG = (1.0, 1.0), Innovations(1, 3), NEATConfig(1, 1)
PLAN = Plan([0], [0, 1], [1], [False], np.zeros(1))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mutate(None, CONFIG, BOOK, Stream(0)), "mutate: genome must be of class Genome, got NoneType"),
        (lambda: mutate(ONE, {}, BOOK, Stream(0)), "mutate: config must be of class NEATConfig, got dict"),
        (lambda: mutate(ONE, CONFIG, Stream(0), BOOK), "mutate: innovations must be of class Innovations, got Stream"),
        (lambda: mutate(ONE, CONFIG, BOOK, 0), "mutate: stream must be of class Stream, got int"),
        (lambda: crossover(3, ONE, ALIKE, CONFIG, Stream(0)), "crossover: mother must be of class Genome, got int"),
        (lambda: crossover(ONE, 3, ALIKE, CONFIG, Stream(0)), "crossover: father must be of class Genome, got int"),
        (lambda: crossover(ONE, ONE, 1.0, CONFIG, Stream(0)), "crossover: fitness must be of class tuple, got float"),
        (lambda: crossover(ONE, ONE, ALIKE, None, Stream(0)), "crossover: config must be of class NEATConfig"),
        (lambda: crossover(ONE, ONE, ALIKE, CONFIG, 7), "crossover: stream must be of class Stream, got int"),
        (lambda: distance("a", ONE, CONFIG), "distance: a must be of class Genome, got str"),
        (lambda: distance(ONE, [], CONFIG), "distance: b must be of class Genome, got list"),
        (lambda: distance(ONE, ONE, 3.0), "distance: config must be of class NEATConfig, got float"),
        (lambda: breed([ONE], PLAN, CONFIG, BOOK, 0, 0), "breed: pool must be of class Pool, got list"),
        (lambda: breed(Pool.from_genomes([ONE]), None, CONFIG, BOOK, 0, 0), "breed: plan must be of class Plan"),
        (lambda: breed(Pool.from_genomes([ONE]), PLAN, CONFIG, 3, 0, 0), "breed: innovations must be of class"),
        (lambda: Stream("seed"), "Stream: a word must be an integer, got 'seed'"),
        (lambda: Stream(0, -1), "Stream: a word must be >= 0, got -1"),
        (lambda: Stream(2**64), "Stream: a word must be <= 18446744073709551615"),
    ],
)
def test_arguments_of_another_kind(call, words):
    before = ONE.copy()
    with pytest.raises((ValueError, TypeError), match=words):
        call()
    assert before == ONE and len(BOOK.book) == 0
