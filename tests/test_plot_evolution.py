"""Pictures of an evolution: genomes, what a run has noted, substrates and tasks."""

import copy
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from PIL import Image

from minidl import Tensor, plot
from minidl.evolution.genes import Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.maze import FLOOR_PLANS
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.plot import layout
from minidl.train import History


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def genome(*edges, n_inputs=2, n_outputs=1, **options):
    return Genome.from_edges(edges, n_inputs=n_inputs, n_outputs=n_outputs, **options)


XOR = genome((0, 3, 2.0), (1, 3, -1.0, False), (1, 4, 3.0), (4, 3, -5.0), (0, 4, 1.0), (2, 4, -0.05))


@st.composite
def genomes(draw, hidden=8, cycles=True):
    n_inputs, n_outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    first = n_inputs + 1 + n_outputs
    ids = [*range(n_inputs + 1), *range(first, first + draw(st.integers(0, hidden))), *range(n_inputs + 1, first)]
    order = {node: place for place, node in enumerate(ids)}  # links to later places close no cycle
    targets = [node for node in ids if node > n_inputs]
    pairs = draw(st.sets(st.tuples(st.sampled_from(ids), st.sampled_from(targets)), max_size=25))
    if not cycles:
        pairs = {(a, b) for a, b in pairs if order[a] < order[b] and not n_inputs < a < first}
    weight = st.floats(-8, 8)
    links = [Link(k, a, b, draw(weight), draw(st.booleans())) for k, (a, b) in enumerate(sorted(pairs))]
    kinds = [layout.INPUT] * n_inputs + [layout.BIAS] + [layout.OUTPUT] * n_outputs
    kinds += [layout.HIDDEN] * (len(ids) - len(kinds))
    code = st.integers(0, len(ACTIVATIONS) - 1)
    nodes = [
        Node(id, kind, draw(code) if id > n_inputs else 0, draw(st.integers(0, 4))) for id, kind in enumerate(kinds)
    ]
    return Genome(nodes, links)


@st.composite
def runs(draw):
    """What a run notes: fitnesses, parents and species of up to 6 generations of up to 8 genomes."""
    P, G = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    run = SimpleNamespace(history=History(), fitnesses=[], parents=[], species_sizes=[])
    for g in range(G):
        fitness = rng.normal(size=P).round(2)
        levels = np.quantile(fitness, [0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
        rows = dict(zip(("q10", "q25", "median", "q75", "q90", "best"), levels, strict=True))
        sizes = dict(nodes=4 + g / 3, links=3 + g / 2, champion_nodes=4 + g // 2, champion_links=3 + g)
        run.history.append(g, rows | sizes)
        run.fitnesses.append(fitness)
        run.parents.append(rng.integers(0, P, (P, 2)).astype(np.int32) if g else np.full((P, 2), -1, np.int32))
        names, counts = np.unique(rng.integers(g, g + 3, P), return_counts=True)
        run.species_sizes.append(dict(zip(names.tolist(), counts.tolist(), strict=True)))
    if draw(st.booleans()):  # the next generation is bred, and not evaluated
        run.parents.append(rng.integers(0, P, (P, 2)).astype(np.int32))
    return run


RUN = SimpleNamespace(
    history=History(),
    fitnesses=[np.array([1.0, 3.0, 2.0]), np.array([2.0, 4.0, 1.0]), np.array([9.0, 4.0, 4.0])],
    parents=[np.full((3, 2), -1), np.array([[1, 1], [1, 2], [0, 1]]), np.array([[1, 0], [2, 2], [2, 0]])],
    species_sizes=[{0: 3}, {0: 1, 2: 2}, {2: 2, 5: 1}],
)
for _g in range(3):
    RUN.history.append(
        *(_g, {"best": 3.0 + _g, "median": 2.0 + _g, "q10": 0.5, "q25": 1.0, "q75": 2.5 + _g, "q90": 2.75 + _g}),
    )
PLAN = SimpleNamespace(walls=np.array([[0, 0, 4, 0], [4, 0, 4, 3], [1, 2, 4, 2]]), start=(1, 1), goal=(3, 2.5))
SIZES = {"nodes": [4, 4.5], "links": [3, 4.1], "champion_nodes": [4, 5], "champion_links": [3, 6]}
FUNCTIONS = {
    "plot_genome": lambda **options: plot.plot_genome(XOR, **options),
    "plot_fitness": lambda **options: plot.plot_fitness(RUN, **options),
    "plot_species": lambda **options: plot.plot_species(RUN, **options),
    "plot_complexity": lambda **options: plot.plot_complexity(SIZES, **options),
    "plot_lineage": lambda **options: plot.plot_lineage(RUN, **options),
    "plot_receptive": lambda **options: plot.plot_receptive(np.arange(36).reshape(6, 6), (2, 3), **options),
    "plot_double_pole": lambda **options: plot.plot_double_pole([0.1, 0, 0.2, 0, 0.3, 0], **options),
    "plot_maze": lambda **options: plot.plot_maze(PLAN, ends=[[1, 1], [2, 1]], generations=[0, 5], **options),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_figure_of_its_own_or_the_axes_given(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *arguments: pytest.fail("show() was called"))
    own = FUNCTIONS[name]()
    _, ax = plt.subplots()
    before = len(plt.get_fignums())
    assert FUNCTIONS[name](ax=ax) is ax
    assert len(plt.get_fignums()) == before and own is not ax
    assert own.get_title() and ax.get_title() == own.get_title()
    own.figure.canvas.draw()  # with warnings as errors: everything fits
    ax.figure.canvas.draw()


def test_data_are_not_changed():
    before = copy.deepcopy((RUN.fitnesses, RUN.parents, RUN.species_sizes, RUN.history.history, XOR, SIZES))
    for function in FUNCTIONS.values():
        function()
    after = (RUN.fitnesses, RUN.parents, RUN.species_sizes, RUN.history.history, XOR, SIZES)
    assert repr(after) == repr(before)


# ---- where nodes go ----
@given(ours=genomes(cycles=False))
def test_columns_are_longest_paths(ours):
    found = layout.columns(ours.nodes, ours.links)
    outputs = [node.id for node in ours.nodes if node.kind == layout.OUTPUT]

    def longest(node):
        if node in first:
            return 0
        return 1 + max((longest(link.source) for link in ours.links if link.target == node), default=0)

    first = [node.id for node in ours.nodes if node.kind in (layout.INPUT, layout.BIAS)]
    hidden = [node.id for node in ours.nodes if node.kind == layout.HIDDEN]
    assert all(found[node] == longest(node) for node in [*first, *hidden])
    assert {found[node] for node in outputs} == {1 + max([found[node] for node in hidden], default=0)}
    assert all(found[link.source] < found[link.target] for link in ours.links)


@pytest.mark.parametrize(
    ("edges", "wanted"),
    [
        ([(0, 6, 1.0), (5, 6, 1.0), (6, 5, 1.0)], {6: 1, 5: 2}),  # from where the inputs come in
        ([(0, 6, 1.0), (3, 6, 1.0), (0, 5, 1.0), (6, 5, 1.0)], {6: 1, 5: 2}),  # what comes from an output leads back
        ([(5, 5, 1.0), (5, 3, 1.0)], {5: 1}),
    ],
)
def test_columns_of_cycles(edges, wanted):
    ours = genome(*edges)
    found = layout.columns(ours.nodes, ours.links)
    assert {node: found[node] for node in wanted} == wanted
    assert found[3] == 1 + max(wanted.values())


@given(ours=genomes())
def test_nothing_stands_in_the_way(ours):
    places, ways = layout.arranged(ours.nodes, ours.links)
    points = np.array([places[node.id] for node in ours.nodes])
    gaps = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)) + 9 * np.eye(len(points))
    assert gaps.min() > 0.999
    assert len({x for (x, _), node in zip(points, ours.nodes, strict=True) if node.kind == layout.OUTPUT}) == 1
    for link, way in zip(ours.links, ways, strict=True):
        assert tuple(way[0]) == places[link.source] and tuple(way[-1]) == places[link.target]
        if len(way) > 2:  # around all nodes in between
            assert (np.diff(way[:, 0]) > 0).all()
            gaps = np.hypot(*(way[1:-1, None] - points).transpose(2, 0, 1))
            assert gaps.min() > 0.649
    inputs = [places[node.id][1] for node in ours.nodes if node.kind == layout.INPUT]
    assert inputs == sorted(inputs, reverse=True)  # the first at the top


def test_crossings_are_undone():
    # straight down, 5 <- 2 and 6 <- 0 would cross; so would their links to the outputs
    ours = genome((0, 6, 1.0), (2, 5, 1.0), (6, 3, 1.0), (5, 4, 1.0), n_inputs=3, n_outputs=2, bias=0)
    places, _ = layout.arranged(ours.nodes, ours.links)
    assert places[6][1] > places[5][1]


@given(seed=st.integers(0, 2**32), kinds=st.lists(st.booleans(), min_size=1, max_size=8))
def test_spread_is_the_nearest_way_to_have_room(seed, kinds):
    rng = np.random.default_rng(seed)
    row = [k if is_node else (k, 0) for k, is_node in enumerate(kinds)]
    half = np.where(kinds, layout.NODE, layout.WAYPOINT)
    room = (half[1:] + half[:-1]) if len(row) > 1 else np.zeros(0)
    wanted = np.sort(rng.normal(size=len(row)) * 2)
    y = layout.spread(row, wanted)
    assert (np.diff(y) >= room - 1e-9).all()
    assert y.mean() == pytest.approx(wanted.mean())
    apart = wanted * 100
    if (np.diff(apart) >= room).all():
        assert np.allclose(layout.spread(row, apart), apart)
    for _ in range(50):  # no other way that has room is nearer (the set of those is convex)
        other = np.cumsum(np.insert(room + rng.exponential(0.3, len(room)), 0, rng.normal() * 2 - len(row) / 2))
        assert ((other - wanted) ** 2).sum() >= ((y - wanted) ** 2).sum() - 1e-9
        between = y + 0.01 * (other - y)
        assert ((between - wanted) ** 2).sum() >= ((y - wanted) ** 2).sum() - 1e-9


def test_a_long_chain_needs_no_deep_stack():
    n = 1200
    nodes = [Node(0, layout.INPUT), Node(1, layout.OUTPUT), *(Node(k + 2, layout.HIDDEN) for k in range(n))]
    ids = [0, *range(2, n + 2), 1]
    found = layout.columns(nodes, [Link(k, ids[k], ids[k + 1], 1.0) for k in range(n + 1)])
    assert [found[id] for id in ids] == list(range(n + 2))


# ---- genomes ----
def test_links_are_weights():
    ax = plot.plot_genome(XOR, names=["x", "y", "xor"], alpha=0.5)
    links, heads, discs, zeros, curves = ax.collections
    assert np.array_equal(links.get_array(), [2, -1, 3, -5, 1, -0.05]) and links.get_clim() == (-5, 5)
    widths = np.array(links.get_linewidths())
    assert (np.argsort(widths) == np.argsort(abs(links.get_array()))).all()
    dashes = [pattern is not None for _, pattern in links.get_linestyles()]
    assert dashes == [False, True, False, False, False, False]
    assert links.get_alpha() == 0.5 and not heads.get_paths()
    assert len(discs.get_paths()) == 5 and len(curves.get_paths()) == len(zeros.get_paths()) == 2
    colours = [links.cmap(x) for x in (0.0, 1.0)]
    assert colours[0][0] > colours[0][2] and colours[1][2] > colours[1][1]  # orange, purple
    assert ax.figure.axes[1].get_ylabel() == "weight"
    assert sorted(text.get_text() for text in ax.texts) == sorted([*"01234", "x", "y", "bias", "xor", ""])
    assert ax.get_title() == "5 nodes, 1 hidden; 6 links, 1 of them off"
    assert len(plot.plot_genome(XOR, colorbar=False).figure.axes) == 1


def test_what_stands_on_the_ground_has_the_colour_of_text():
    with plt.rc_context({"text.color": "#ffeedd", "axes.facecolor": "none"}):
        texts = {text.get_text(): text for text in plot.plot_genome(XOR, names=["x", "y", "xor"]).texts}
        maze = plot.plot_maze(FLOOR_PLANS["hard"]).lines
        poles = plot.plot_double_pole([0.5, 0, 0.07, 0, -0.3, 0]).lines
    for name in ("x", "xor", "4"):
        assert texts[name].get_color() == "#ffeedd" and not texts[name].get_path_effects()
    assert texts["0"].get_color() == "black"  # in a light disc
    assert {line.get_color() for line in maze[:-2]} == {"#ffeedd"} == {poles[0].get_color()}


def test_links_start_and_end_at_their_nodes():
    ax = plot.plot_genome(XOR)
    places, _ = layout.arranged(XOR.nodes, XOR.links)
    for link, path in zip(XOR.links, ax.collections[0].get_paths(), strict=True):
        assert np.allclose(path.vertices[[0, -1]], [places[link.source], places[link.target]])
    discs = ax.collections[2].get_paths()
    for node, disc in zip(XOR.nodes, discs, strict=True):
        assert np.allclose(disc.get_extents().get_points().mean(axis=0), places[node.id])


def test_links_bend_smoothly_around_what_is_in_between():
    ours = genome((0, 5, 1.0), (5, 6, 1.0), (6, 3, 1.0), (1, 3, 1.0))
    path = plot.plot_genome(ours).collections[0].get_paths()[3]
    way = layout.arranged(ours.nodes, ours.links)[1][3]
    corners = path.vertices
    assert len(way) == 4 and np.allclose(corners[::3], way)
    before, after = corners[3:-1:3] - corners[2:-2:3], corners[4::3] - corners[3:-1:3]
    assert np.allclose(before, after) and (before[:, 0] > 0).all()


def test_links_that_lead_back_have_arrowheads():
    ours = genome((0, 4, 1.0), (4, 3, 1.0), (3, 4, 2.0), (4, 4, -3.0), (5, 4, 1.0), (4, 5, 1.0))
    places, ways = layout.arranged(ours.nodes, ours.links)
    back = [way[-1, 0] <= way[0, 0] for way in ways]
    assert sum(back) == 3 and back[2] and back[3]
    ax = plot.plot_genome(ours)
    links, heads = ax.collections[:2]
    tips = [path.vertices[0] for path in heads.get_paths()]
    paths = [path for path, leads_back in zip(links.get_paths(), back, strict=True) if leads_back]
    assert len(tips) == 3 and np.allclose(tips, [path.vertices[-1] for path in paths])
    targets = [places[link.target] for link, leads_back in zip(ours.links, back, strict=True) if leads_back]
    for tip, target in zip(tips, targets, strict=True):
        assert 0.2 < np.hypot(*(tip - target)) < 0.6  # at its rim
    corner, tip = paths[0].vertices[1:]
    assert np.hypot(*(corner - tip)) < np.hypot(*(corner - targets[0]))  # the near side
    assert [to_hex(c) for c in heads.get_facecolor()] == [
        to_hex(links.to_rgba(w)) for w, leads_back in zip(links.get_array(), back, strict=True) if leads_back
    ]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_glyphs_are_activations(name):
    ours = genome((0, 3, 1.0), output_activation=name)
    curve = plot.plot_genome(ours).collections[-1].get_paths()[0].vertices
    x, y = layout.arranged(ours.nodes, ours.links)[0][3]
    span = {"sine": np.pi, "cosine": np.pi, "tanh": 2.5}.get(name, 1.2)
    z = np.linspace(-span, span, len(curve))
    gaussian, sigmoid = np.exp(-((2.5 * z) ** 2)), 1 / (1 + np.exp(-4.9 * z))
    wanted = {
        **{"sigmoid": sigmoid, "tanh": np.tanh(z), "gaussian": gaussian, "sine": np.sin(z), "cosine": np.cos(z)},
        **{"linear": z, "absolute": abs(z), "relu": np.maximum(z, 0), "step": (z > 0) * 1.0, "square": z * z},
        **{"signed_sigmoid": 2 * sigmoid - 1, "signed_gaussian": 2 * gaussian - 1},
    }[name]
    assert np.allclose((curve[:, 1] - y) / 0.17, wanted / abs(wanted).max(), atol=1e-6)
    assert abs(curve - (x, y)).max() < 0.33  # inside


def test_an_aggregation_is_named_where_it_is_not_the_sum():
    ours = genome((0, 4, 1.0), (4, 3, 1.0), aggregations={4: "product"})
    assert {"4 product", "3"} <= {text.get_text() for text in plot.plot_genome(ours).texts}


@pytest.mark.parametrize(
    ("edges", "title"),
    [([], "4 nodes, 0 hidden; 0 links"), ([(0, 3, 0.0)], "4 nodes, 0 hidden; 1 link")],
)
def test_the_smallest(edges, title):
    ax = plot.plot_genome(genome(*edges))
    ax.figure.canvas.draw()
    assert ax.get_title() == title and len(ax.figure.axes) == 1 + bool(edges)


@settings(max_examples=8)
@given(ours=genomes(), seed=st.integers(0, 9))
def test_pictures_of_every_genome(ours, seed):
    try:
        names = [f"n{k}" for k in range(ours.n_inputs + ours.n_outputs)]
        ax = plot.plot_genome(ours, names=names)
        ax.figure.canvas.draw()
        texts = {text.get_text() for text in ax.texts}
        labels = {
            f"{n.id} {AGGREGATIONS[n.aggregation]}" if n.aggregation and n.kind > 1 else str(n.id) for n in ours.nodes
        }
        assert labels | set(names) <= texts
    finally:
        plt.close("all")


def test_links_around_a_node_are_in_sight():
    pairs = [(a, b) for a in range(3) for b in range(3, 7)]
    ours = genome(*((a, b, 1.0) for a, b in [(0, 7), (7, 3), *pairs]), n_inputs=3, n_outputs=4, bias=0)
    ax = plot.plot_genome(ours)
    ends = np.concatenate([path.vertices[::3] for path in ax.collections[0].get_paths()])
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    assert (low + 0.5 < ends).all() and (ends < high - 0.5).all()


def test_fifty_nodes_can_be_read():
    rng = np.random.default_rng(0)
    edges = {
        (int(rng.integers(0, 3)) if k < 5 else int(rng.integers(4, 4 + k)), 4 + k): rng.normal() for k in range(46)
    }
    edges |= {(4 + k, 3): 1.0 for k in range(0, 46, 3)}
    ax = plot.plot_genome(genome(*((a, b, w) for (a, b), w in edges.items())))
    ax.figure.canvas.draw()
    assert len(ax.collections[2].get_paths()) == 50 and max(ax.figure.get_size_inches()) < 14
    assert min(text.get_fontsize() for text in ax.texts if text.get_text()) >= 4


# ---- runs ----
def lines_of(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_fitness():
    ax = plot.plot_fitness(RUN, linewidth=3)
    lines = lines_of(ax)
    assert np.array_equal(lines["best"].get_xydata(), [[0, 3], [1, 4], [2, 5]])
    assert np.array_equal(lines["median"].get_ydata(), [2, 3, 4]) and lines["best"].get_linewidth() == 3
    wide, narrow = (band.get_paths()[0].get_extents() for band in ax.collections)
    assert (wide.y0, wide.y1, narrow.y0, narrow.y1) == (0.5, 4.75, 1.0, 4.5)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        *("80 % of the genomes", "50 % of the genomes", "best", "median")
    ]
    assert ax.get_title() == "best fitness 5" and ax.get_xlabel() == "generation"
    same = lines_of(plot.plot_fitness(RUN.history))["best"].get_xydata()
    assert np.array_equal(same, lines["best"].get_xydata())


def test_complexity():
    ax = plot.plot_complexity(SIZES)
    drawn = {name: line.get_ydata().tolist() for name, line in lines_of(ax).items()}
    assert drawn == {
        "nodes, mean": [4, 4.5],
        "links, mean": [3, 4.1],
        "nodes, champion": [4, 5],
        "links, champion": [3, 6],
    }
    assert ax.get_title() == "the champion has 5 nodes, 6 links"


def area(corners):
    x, y = corners.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


@settings(max_examples=30)
@given(run=runs())
def test_species_are_areas(run):
    try:
        ax = plot.plot_species(run)
        ids = sorted({s for sizes in run.species_sizes for s in sizes})
        P = len(run.fitnesses[0])
        for s, band in zip(ids, ax.collections, strict=True):
            assert sum(area(path.vertices) for path in band.get_paths()) == pytest.approx(
                sum(sizes.get(s, 0) for sizes in run.species_sizes)
            )
        assert ax.get_ylim() == (0, P) and ax.get_xlim() == (-0.5, len(run.species_sizes) - 0.5)
        for g, sizes in enumerate(run.species_sizes):  # one above the other, the oldest below
            low = 0
            for s, band in zip(ids, ax.collections, strict=True):
                if sizes.get(s):
                    middle = (g, low + sizes[s] / 2)
                    assert any(path.contains_point(middle) for path in band.get_paths())
                low += sizes.get(s, 0)
        at_once = max(len(sizes) for sizes in run.species_sizes)
        assert ax.get_title().startswith(f"{len(ids)} species in ") and ax.get_title().endswith(f" {at_once} at once")
    finally:
        plt.close("all")


def test_species_have_their_numbers():
    ax = plot.plot_species([{0: 30, 7: 1}] * 10 + [{9: 31}] * 10)
    assert [(text.get_text(), text.get_position()) for text in ax.texts] == [("0", (5, 15)), ("9", (15, 15.5))]


def ancestors_of(run, g, i):
    """(generation, genome) of all of them, and (parent, child) links; by recursion."""
    found, links = set(), set()
    for parent in run.parents[g][i].tolist() if g else ():
        found.add((g - 1, parent))
        links.add(((g - 1, parent), (g, i)))
        more = ancestors_of(run, g - 1, parent)
        found |= more[0]
        links |= more[1]
    return found, links


@settings(max_examples=40)
@given(run=runs())
def test_lineage(run):
    try:
        ax = plot.plot_lineage(run)
        best = max(fitness.max() for fitness in run.fitnesses)
        last = next(g for g, fitness in enumerate(run.fitnesses) if fitness.max() == best)
        champion = int(run.fitnesses[last].argmax())
        found, links = ancestors_of(run, last, champion)
        place = {(g, i): (g, run.fitnesses[g][i]) for g, i in [*found, (last, champion)]}
        everyone, lines, dots = ax.collections
        assert sorted(map(tuple, dots.get_offsets().tolist())) == sorted(place.values())
        assert len(everyone.get_offsets()) == sum(map(len, run.fitnesses[: last + 1]))
        drawn = sorted(tuple(map(tuple, path.vertices.tolist())) for path in lines.get_paths())
        assert drawn == sorted((place[a], place[b]) for a, b in links)
        trunk, at = [], champion
        for g in range(last, -1, -1):
            trunk.append((g, run.fitnesses[g][at]))
            at = run.parents[g][at, 0]
        curves = lines_of(ax)
        assert list(map(tuple, curves["first parents"].get_xydata().tolist())) == trunk
        assert curves["champion"].get_xydata().tolist() == [[last, best]]
        assert ax.get_title() == (
            f"genome {champion} of generation {last} and its {len(found)} ancestor{'s' * (len(found) != 1)}"
        )
    finally:
        plt.close("all")


@settings(max_examples=4)
@given(run=runs())
def test_pictures_of_every_run(run):
    try:
        for function in (plot.plot_fitness, plot.plot_complexity, plot.plot_species, plot.plot_lineage):
            ax = function(run)
            ax.figure.canvas.draw()
            assert ax.get_xlabel() == "generation" and ax.get_title()
            assert "nan" not in ax.get_title()
    finally:
        plt.close("all")


def test_a_real_run():
    from minidl.evolution import NEAT, NEATConfig  # noqa: PLC0415

    run = NEAT(NEATConfig(2, 1, population_size=20), seed=0)
    for _ in range(4):
        y = run.nets()(np.array([[0.0, 1.0], [1.0, 1.0]]))
        run.record(y[:, 0, 0] - y[:, 1, 0])
        run.breed()
    assert lines_of(plot.plot_fitness(run))["best"].get_ydata().tolist() == run.history.history["best"]
    assert len(plot.plot_species(run).collections) == len({s for sizes in run.species_sizes for s in sizes})
    assert f"{len(run.champion.nodes)} nodes" in plot.plot_complexity(run).get_title()
    assert lines_of(plot.plot_lineage(run))["champion"].get_ydata() == [run.champion.fitness]
    assert plot.plot_genome(run.champion).get_title().startswith(f"{len(run.champion.nodes)} nodes")


# ---- substrates and tasks ----
@settings(max_examples=25)
@given(S=st.integers(1, 12), H=st.integers(1, 4), W=st.integers(1, 4), seed=st.integers(0, 99))
def test_receptive(S, H, W, seed):
    try:
        weights = np.random.default_rng(seed).normal(size=(S, H * W))
        cells = np.random.default_rng(seed).integers(0, S, 3).tolist()
        ax = plot.plot_receptive(weights, (H, W), cells=cells)
        (image,) = ax.get_images()
        sheet = np.ma.filled(image.get_array().astype(float), np.nan)
        tiles = [weights[cell].reshape(H, W) for cell in cells]
        gap = max(1, round(max(H, W) / 12))
        head = max(gap, round(0.25 * H))
        for k, tile in enumerate(tiles):
            top, left = k // 2 * (H + head) + head, k % 2 * (W + gap) + gap
            assert np.allclose(sheet[top : top + H, left : left + W], tile)
            if S == H * W:
                dot = ax.get_lines()[k].get_xydata()[0]
                assert dot.tolist() == [left + cells[k] % W, top + cells[k] // W]
        assert len(ax.get_lines()) == (3 if S == H * W else 0)
        largest = abs(weights[cells]).max()
        assert image.get_clim() == (-largest, largest)
        assert ax.get_title() == f"weights from 3 of {S} nodes to {H} x {W}"
    finally:
        plt.close("all")


def test_receptive_shows_nine_of_many():
    ax = plot.plot_receptive(Tensor(np.ones((100, 4))), (2, 2), cmap="magma")
    assert [text.get_text() for text in ax.texts] == [f"node {k}" for k in (0, 12, 25, 37, 50, 62, 74, 87, 99)]
    assert ax.get_images()[0].get_cmap().name == "magma"
    assert len(plot.plot_receptive(np.zeros((4, 4)), (2, 2)).texts) == 4


@settings(max_examples=25)
@example(x=-2.5, long=-0.6, short=0.0)
@example(x=2.5, long=0.6, short=0.0)
@given(x=st.floats(-2.5, 2.5), long=st.floats(-0.6, 0.6), short=st.floats(-0.6, 0.6))
def test_double_pole_is_to_scale(x, long, short):
    try:
        ax = plot.plot_double_pole([x, 1, long, 2, short, 3, 99])
        for line, angle, length in zip(ax.get_lines()[1:3], (long, short), (1.0, 0.1), strict=True):
            foot, tip = line.get_xydata()
            assert foot[0] == x and np.hypot(*(tip - foot)) == pytest.approx(length)
            assert np.arctan2(*(tip - foot)) == pytest.approx(angle)  # from the upright, to the right
        assert all(ax.viewLim.contains(*end) for line in ax.get_lines()[1:3] for end in line.get_xydata())
        (cart,) = ax.patches[2:]
        assert cart.get_center()[0] == pytest.approx(x) and ax.get_aspect() == 1
    finally:
        plt.close("all")


def test_double_pole_moves(tmp_path):
    states = [np.array([x, 0, x / 4, 0, 0, 0]) for x in (-1, 0, 1)]
    path = tmp_path / "poles.gif"
    plot.animate_training(states, lambda ax, state: plot.plot_double_pole(state, ax=ax), path, fps=50)
    found = []
    with Image.open(path) as gif:
        assert gif.n_frames == 3
        for k in range(3):
            gif.seek(k)
            red, _, blue = np.moveaxis(np.asarray(gif.convert("RGB")).astype(int), 2, 0)
            found.append(np.nonzero(blue - red > 100)[1].mean())  # the long pole
    left, middle, right = found
    assert right - middle == pytest.approx(middle - left, rel=0.1) and middle > left + 50
    assert not plt.get_fignums()


@settings(max_examples=10)
@given(n=st.integers(1, 5), seed=st.integers(0, 99))
def test_maze(n, seed):
    try:
        rng = np.random.default_rng(seed)
        ends, generations, path = rng.random((n, 2)), rng.integers(0, 9, n), rng.random((4, 2))
        ax = plot.plot_maze(PLAN, ends=ends, generations=generations, path=path, s=30)
        (dots,) = ax.collections
        assert np.allclose(dots.get_offsets(), ends) and np.array_equal(dots.get_array(), generations)
        assert dots.get_sizes().tolist() == [30] and ax.figure.axes[1].get_ylabel() == "generation"
        way, *walls, start, goal = (line.get_xydata() for line in ax.get_lines())
        assert np.allclose(way, path) and np.array_equal(np.reshape(walls, (-1, 4)), PLAN.walls)
        assert start.tolist() == [[1, 1]] and goal.tolist() == [[3, 2.5]]
        assert ax.get_title() == f"where {n} robot{'s' * (n > 1)} ended"
        assert plot.plot_maze(PLAN).get_title() == "a maze"
    finally:
        plt.close("all")


# ---- bad input ----
def broken(**changes):
    return SimpleNamespace(**(vars(RUN) | changes))


def with_link(*link):
    return SimpleNamespace(nodes=XOR.nodes, links=[Link(0, *link)])


BAD = {
    "genome": (lambda: plot.plot_genome([1]), TypeError, "plot_genome: genome must be a Genome, got list"),
    "no nodes": (lambda: plot.plot_genome(Genome([], [])), ValueError, "plot_genome: genome has no nodes"),
    "names": (
        lambda: plot.plot_genome(XOR, names="ab"),
        ValueError,
        "plot_genome: names must have 3 entries, .* got 2",
    ),
    "weight": (
        lambda: plot.plot_genome(with_link(0, 3, np.nan)),
        ValueError,
        "plot_genome: link 0 -> 3 must have a finite weight, got nan",
    ),
    "end": (
        lambda: plot.plot_genome(with_link(0, 9, 1.0)),
        ValueError,
        "plot_genome: link 0 -> 9 has an end that is no",
    ),
    "run": (lambda: plot.plot_fitness([1.0]), TypeError, "plot_fitness: run must be a NEAT, .* got list"),
    "rows": (
        lambda: plot.plot_fitness({"best": [1.0]}),
        ValueError,
        "plot_fitness: the history has no 'median'; .* best",
    ),
    "no rows": (lambda: plot.plot_fitness(History()), ValueError, "plot_fitness: .* no 'best'; it has nothing yet"),
    "no sizes": (lambda: plot.plot_complexity(RUN), ValueError, "plot_complexity: the history has no 'nodes'"),
    "uneven": (
        lambda: plot.plot_complexity(SIZES | {"links": [1]}),
        ValueError,
        "plot_complexity: the history must have one number a generation for each name",
    ),
    "NaN": (
        lambda: plot.plot_complexity(SIZES | {"links": [1, np.nan]}),
        ValueError,
        "plot_complexity: links must hold",
    ),
    "species": (
        lambda: plot.plot_species(3),
        TypeError,
        "plot_species: run must be a NEAT or a list of dicts .* got int",
    ),
    "no species": (lambda: plot.plot_species([]), ValueError, "plot_species: run has no generations yet"),
    "empty": (lambda: plot.plot_species([{}, {}]), ValueError, "plot_species: no generation has a genome"),
    "negative": (
        lambda: plot.plot_species([{1: -3}]),
        ValueError,
        "plot_species: sizes of species must be integers >= 0, got -3",
    ),
    "halves": (lambda: plot.plot_species([{1: 0.5}]), ValueError, "plot_species: sizes .* integers >= 0, got 0.5"),
    "lineage": (lambda: plot.plot_lineage({}), TypeError, "plot_lineage: run must be a NEAT, .* got dict"),
    "no lineage": (
        lambda: plot.plot_lineage(broken(fitnesses=[])),
        ValueError,
        "plot_lineage: run has no generations yet",
    ),
    "orphans": (
        lambda: plot.plot_lineage(broken(parents=RUN.parents[:2])),
        ValueError,
        "plot_lineage: parents must have 3 generations, as fitnesses, got 2",
    ),
    "a third parent": (
        lambda: plot.plot_lineage(broken(parents=[RUN.parents[0], np.zeros((3, 3), int), RUN.parents[2]])),
        ValueError,
        r"plot_lineage: generation 1 must have fitnesses \(P,\) and parents \(P, 2\), got \(3,\) and \(3, 3\)",
    ),
    "nobody": (
        lambda: plot.plot_lineage(broken(parents=[RUN.parents[0], RUN.parents[1] + 2, RUN.parents[2]])),
        ValueError,
        r"plot_lineage: parents\[1\] must be in 0 ... 2, got 4",
    ),
    "no fitness": (
        lambda: plot.plot_lineage(broken(fitnesses=[*RUN.fitnesses[:2], np.full(3, np.nan)])),
        ValueError,
        r"plot_lineage: fitnesses\[2\] must hold finite numbers",
    ),
    "weights": (
        lambda: plot.plot_receptive(np.ones((3, 4)), (2, 3)),
        ValueError,
        r"plot_receptive: weights must have shape \(S, 6\) for shape \(2, 3\), got \(3, 4\)",
    ),
    "shape": (lambda: plot.plot_receptive(np.ones((3, 4)), (4,)), ValueError, "plot_receptive: shape must be"),
    "cell": (
        lambda: plot.plot_receptive(np.ones((3, 4)), (2, 2), cells=[3]),
        ValueError,
        "plot_receptive: a cell must be <= 2, got 3",
    ),
    "no cells": (
        lambda: plot.plot_receptive(np.ones((3, 4)), (2, 2), cells=[]),
        ValueError,
        "plot_receptive: cells must have at least one entry",
    ),
    "state": (
        lambda: plot.plot_double_pole([0, 0, 0, 0]),
        ValueError,
        r"plot_double_pole: state must have shape \(6,\), or more, got \(4,\)",
    ),
    "fallen": (
        lambda: plot.plot_double_pole([np.inf] * 6),
        ValueError,
        "plot_double_pole: state must hold finite numbers",
    ),
    "plan": (lambda: plot.plot_maze("hard"), TypeError, "plot_maze: plan must have walls, start and goal, got str"),
    "walls": (
        lambda: plot.plot_maze(SimpleNamespace(walls=[[1, 2, 3]], start=(0, 0), goal=(1, 1))),
        ValueError,
        r"plot_maze: walls must have shape \(N, 4\), got \(1, 3\)",
    ),
    "ends": (
        lambda: plot.plot_maze(PLAN, ends=[1, 2]),
        ValueError,
        r"plot_maze: ends must have shape \(N, 2\), got \(2,\)",
    ),
    "generations": (
        lambda: plot.plot_maze(PLAN, ends=[[1, 2]], generations=[1, 2]),
        ValueError,
        r"plot_maze: generations must have shape \(1,\), one number an end, got \(2,\)",
    ),
    "generations of nothing": (
        lambda: plot.plot_maze(PLAN, generations=[1]),
        ValueError,
        "plot_maze: generations must have ends beside it",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name):
    call, kind, message = BAD[name]
    figures = plt.get_fignums()
    with pytest.raises(kind, match=message):
        call()
    assert plt.get_fignums() == figures
