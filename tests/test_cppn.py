r"""CPPNs: pictures are samples of one function, with its symmetries; breeding by hand."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.evolution import CPPN, Breeder, Genome, NEATConfig
from minidl.evolution import cppn as module
from minidl.kernels.network import ACTIVATIONS
from tests.functions import Function


@st.composite
def genomes(draw, n_inputs=None, n_outputs=None):
    r"""Genomes of a few hidden nodes, without cycles."""
    I = draw(st.integers(2, 3)) if n_inputs is None else n_inputs
    O = draw(st.sampled_from([1, 3])) if n_outputs is None else n_outputs
    H = draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    first, edges = I + 1 + O, []
    for h in range(H):
        edges += [(s, first + h, rng.normal()) for s in [*range(I + 1), *range(first, first + h)] if rng.random() < 0.7]
    edges += [(s, I + 1 + o, rng.normal()) for o in range(O) for s in [*range(I + 1), *range(first, first + H)]]
    names = {first + h: str(rng.choice(ACTIVATIONS)) for h in range(H)}
    last = draw(st.sampled_from(["sigmoid", "tanh", "gaussian", "linear"]))
    names = {node: name for node, name in names.items() if any(node in edge[:2] for edge in edges)}
    return Genome.from_edges(edges, I, O, activations=names, output_activation=last)


SIGNED = ("tanh", "linear")


def pixel(genome, col, row, width, height, scale=1.0):
    r"""One pixel, by the formulas at the head of cppn.py."""
    x, y = scale * (2 * col + 1 - width) / width, scale * (2 * row + 1 - height) / height
    out = genome.network()([x, y, np.sqrt(x * x + y * y)][: genome.n_inputs])
    low = -1.0 if ACTIVATIONS[genome.nodes[genome.n_inputs + 1].activation] in SIGNED else 0.0
    return np.clip((out - low) / (1 - low), 0, 1)


@given(genomes(), st.integers(1, 7), st.integers(1, 7), st.sampled_from([1.0, 2.5]))
def test_a_picture_is_made_of_its_pixels(genome, width, height, scale):
    image = CPPN(genome).image(width, height, scale=scale)
    assert image.shape == (height, width, 3)[: 2 + (genome.n_outputs == 3)]
    assert image.dtype == np.float64 and image.min() >= 0 and image.max() <= 1
    for row in range(height):
        for col in range(width):
            wanted = pixel(genome, col, row, width, height, scale)
            np.testing.assert_allclose(np.atleast_1d(image[row, col]), wanted, rtol=0, atol=1e-12)


@given(genomes(), st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 5]))
def test_a_finer_picture_has_the_pixels_of_the_coarse_one(genome, width, height, times):
    cppn = CPPN(genome)
    fine = cppn.image(width * times, height * times)
    assert np.array_equal(fine[times // 2 :: times, times // 2 :: times], cppn.image(width, height))


@given(genomes(), st.sampled_from([1, 50]))
def test_strips_change_no_bit(genome, block):
    cppn, before = CPPN(genome), module.BLOCK
    places = np.random.default_rng(0).normal(size=(3, 40, genome.n_inputs))
    image, values = cppn.image(9, 31), cppn(places)
    module.BLOCK = block
    try:
        assert np.array_equal(cppn.image(9, 31), image) and np.array_equal(cppn(places), values)
    finally:
        module.BLOCK = before


@given(genomes())
def test_places_may_have_any_shape(genome):
    cppn, net = CPPN(genome), genome.network()
    places = np.random.default_rng(0).normal(size=(2, 5, 4, genome.n_inputs)).transpose(1, 0, 2, 3)
    values = cppn(places)
    assert values.shape == (5, 2, 4, genome.n_outputs)
    for index in np.ndindex(5, 2, 4):
        assert np.array_equal(values[index], net(places[index]))
    assert CPPN(net)(places[0, 0, 0]).shape == (genome.n_outputs,)


def through(activation, weight):
    r"""x goes through one node of this activation, y straight to the output."""
    edges = [(0, 5, weight), (5, 4, 1.0), (1, 4, 0.3)]
    return Genome.from_edges(edges, 3, 1, activations={5: activation}, output_activation="tanh")


@pytest.mark.parametrize("activation", ["gaussian", "absolute", "square", "cosine", "signed_gaussian"])
@given(weight=st.floats(-3, 3), size=st.integers(1, 9))
def test_what_sees_x_through_an_even_function_is_symmetric(activation, weight, size):
    image = CPPN(through(activation, weight)).image(size, size)
    np.testing.assert_allclose(image, image[:, ::-1], rtol=0, atol=1e-15 if activation == "cosine" else 0)
    if size > 1:
        assert not np.array_equal(image, image[::-1])  # y comes as it is


@pytest.mark.parametrize("activation", ["sine", "cosine"])
def test_what_sees_x_through_a_sine_repeats_itself(activation):
    image = CPPN(through(activation, 4 * np.pi)).image(32, 4)  # 4 periods, of 8 pixels each
    np.testing.assert_allclose(image[:, 8:], image[:, :-8], atol=1e-12)
    assert np.abs(image[:, 4:] - image[:, :-4]).max() > 0.3


def test_the_distance_from_the_centre_makes_circles():
    rings = CPPN(Genome.from_edges([(2, 4, 9.0)], 3, 1, output_activation="sine")).image(64, 64)
    for same in (rings.T, rings[::-1], rings[:, ::-1]):
        np.testing.assert_allclose(same, rings, atol=1e-12)


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20))
def test_hsv_is_that_of_colorsys(colours):
    wanted = [colorsys.hsv_to_rgb(*colour) for colour in colours]
    np.testing.assert_allclose(module.hsv_to_rgb(np.array(colours)), wanted, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_that_is_never_negative_begins_at_0(activation):
    cppn = CPPN(Genome.from_edges([(0, 2, 3.0)], 2, 1, bias=0, output_activation=activation))
    values = cppn([[x, 0.0] for x in (2 * np.arange(9) - 8) / 9])[:, 0]
    low = -1.0 if values.min() < 0 else 0.0
    np.testing.assert_allclose(cppn.image(9, 1)[0], np.clip((values - low) / (1 - low), 0, 1), atol=1e-12)


def test_colours_and_limits():
    ramp = Genome.from_edges([(0, 3, 1.0), (1, 4, 1.0), (2, 5, 0.6)], 2, 3, output_activation="linear")
    cppn = CPPN(ramp)
    image = cppn.image(4, 4)
    assert np.allclose(image[0, :, 0], [0.125, 0.375, 0.625, 0.875]) and np.allclose(image[..., 2], 0.8)
    assert np.allclose(cppn.image(4, 4, limits=(0, 0.5))[0, :, 0], [0, 0, 0.5, 1])
    hsv = cppn.image(4, 4, space="hsv")
    assert hsv.shape == (4, 4, 3) and np.allclose(hsv.max(axis=2), 0.8)
    np.testing.assert_allclose(hsv[0, 0], colorsys.hsv_to_rgb(*image[0, 0]))


def test_where_there_is_no_number_the_pixel_is_0():
    odd = Function.of(lambda x: np.where(x[:, 0] < 0, np.nan, np.inf), 2)
    assert CPPN(odd).image(2, 1, limits=(0, 1)).tolist() == [[0.0, 1.0]]
    steep = Function.of(lambda x: x[:, 0] * 1.6e308, 2)
    assert CPPN(steep).image(2, 1, limits=(0, 0.1)).tolist() == [[0.0, 1.0]]


# ---- breeding by hand ----
@st.composite
def breeders(draw):
    config = NEATConfig(
        3,
        draw(st.sampled_from([1, 3])),
        population_size=draw(st.integers(1, 6)),
        activations=("sine", "gaussian", "tanh"),
        add_node=0.4,
        add_link=0.3,
    )
    return lambda: Breeder(config, seed=7)


@settings(max_examples=30)
@given(breeders(), st.data())
def test_children_are_those_of_the_chosen(make, data):
    one, other = make(), make()
    assert (one.parents == -1).all() and one.generation == 0
    for generation in range(1, 4):
        chosen = data.draw(st.lists(st.integers(0, len(one) - 1), min_size=1, max_size=3, unique=True))
        size, before = len(one), [one[i] for i in range(len(one))]
        one.choose(chosen)
        other.choose(np.array(chosen))
        assert len(one) == size and one.generation == generation
        assert set(one.parents.ravel().tolist()) <= set(chosen)
        for child, parents in zip(one.pool, one.parents.tolist(), strict=True):
            marks = {k.innovation: (k.source, k.target) for p in parents for k in before[p].links}
            assert all(marks.get(k.innovation, (k.source, k.target)) == (k.source, k.target) for k in child.links)
            mother = {k.innovation for k in before[parents[0]].links} | {k.innovation for k in before[parents[1]].links}
            newest = max(max(k.innovation for k in genome.links) for genome in before)
            assert all(k.innovation in mother or k.innovation > newest for k in child.links)
        assert all(one[i] == other[i] for i in range(size))  # the same seed and choices
    images = one.images(6, space="hsv")
    assert images.shape[:3] == (len(one), 6, 6) and images.ndim == 3 + (one.config.n_outputs == 3)
    assert np.array_equal(images[-1], CPPN(one[len(one) - 1]).image(6, 6, space="hsv"))


def test_parents_are_equals():
    r"""Of two parents, each with a link of its own, a child has both links, as of parents that are alike fit."""
    one = Genome.from_edges([(0, 4, 1.0), (1, 4, 1.0), (2, 4, 1.0)], 3, 1)
    genomes = [one.copy(), one.copy()]
    del genomes[0].links[1], genomes[1].links[2]
    options = {"mutate_only": 0.0, "add_node": 0.0, "add_link": 0.0, "weight_mutation": 0.0}
    found = {}
    for seed in range(10):
        breeder = Breeder(NEATConfig(3, 1, population_size=2, **options), seed, genomes)
        breeder.choose([0, 1])
        for child, parents in zip(breeder.pool, breeder.parents.tolist(), strict=True):
            found.setdefault(tuple(parents), set()).update(k.innovation for k in child.links)
    assert found == {(0, 1): {0, 1, 2}, (1, 0): {0, 1, 2}, (0, 0): {0, 2}, (1, 1): {0, 1}}


def test_every_generation_draws_numbers_of_its_own():
    breeder = Breeder(NEATConfig(3, 1, population_size=1, add_node=0.0, add_link=0.0, weight_mutation=1.0), 0)
    weights = [[k.weight for k in breeder[0].links]]
    for _ in range(2):
        breeder.choose([0])
        weights.append([k.weight for k in breeder[0].links])
    first, second = np.diff(weights, axis=0)
    assert not np.allclose(first, second)


def test_it_may_start_from_genomes():
    genome = through("sine", 2.0)
    config = NEATConfig(3, 1, population_size=2, activations=("sine",), output_activation="tanh")
    breeder = Breeder(config, 0, [genome, genome])
    breeder.choose([1])
    assert breeder.parents.tolist() == [[1, 1], [1, 1]]
    assert {k.innovation for k in genome.links} <= {k.innovation for k in breeder[0].links}


SINE, FOUR = through("sine", 1.0), Genome.from_edges([], 4, 1)
TWO_OUTPUTS, CYCLE = Genome.from_edges([], 2, 2), Genome.from_edges([(0, 4, 1.0), (4, 4, 1.0)], 3, 1)
CONFIG = NEATConfig(3, 1, population_size=2)
BAD = [
    (lambda: CPPN("genome"), "wanted a Genome or its network, got str"),
    (lambda: CPPN(SINE)([[0.0, 1.0]]), "n_inputs=3"),
    (lambda: CPPN(SINE)(0.0), "n_inputs=3"),
    (lambda: CPPN(SINE)([0.0, np.nan, 0.0]), "coords must be finite, got nan"),
    (lambda: CPPN(SINE)([["a", "b", "c"]]), "coords must hold numbers"),
    (lambda: CPPN(CYCLE).image(4, 4), "cycle"),
    (lambda: CPPN(FOUR).image(4, 4), "2 inputs .x, y. or 3 .* got 4 and 1"),
    (lambda: CPPN(TWO_OUTPUTS).image(4, 4), "got 2 and 2"),
    (lambda: CPPN(SINE).image(0, 4), "width must be >= 1"),
    (lambda: CPPN(SINE).image(4, 2.5), "height must be an integer"),
    (lambda: CPPN(SINE).image(2**20, 2**21), "more than"),
    (lambda: CPPN(SINE).image(4, 4, scale=0), "scale must be > 0"),
    (lambda: CPPN(SINE).image(4, 4, limits=(1, 1)), "limits must rise"),
    (lambda: CPPN(SINE).image(4, 4, limits=(0, 1e-320)), "limits must rise, by 1e-100"),
    (lambda: CPPN(SINE).image(4, 4, limits=(-1e308, 1e308)), "limits must rise, by 1e-100 to 1e100"),
    (lambda: CPPN(SINE).image(4, 4, limits=3), "limits must be a pair"),
    (lambda: CPPN(SINE).image(4, 4, limits=(0, np.inf)), "a limit must be a finite number"),
    (lambda: CPPN(SINE).image(4, 4, space="cmyk"), "space must be one of 'rgb', 'hsv'"),
    (lambda: Breeder({"n_inputs": 3}), "config must be a NEATConfig"),
    (lambda: Breeder(NEATConfig(3, 1, feed_forward=False)), "feed_forward=True"),
    (lambda: Breeder(CONFIG, seed=-1), "seed must be >= 0"),
    (lambda: Breeder(CONFIG, 0, [SINE]), "population_size=2 genomes, got 1"),
    (lambda: Breeder(CONFIG, 0, [CYCLE, CYCLE]), "cycle"),
    (lambda: Breeder(CONFIG, 0, [FOUR, FOUR]), "inputs"),
    (lambda: Breeder(CONFIG, 0).choose([]), "one at least"),
    (lambda: Breeder(CONFIG, 0).choose([0, 0]), "different ones"),
    (lambda: Breeder(CONFIG, 0).choose([2]), "a parent must be <= 1"),
    (lambda: Breeder(CONFIG, 0).choose([-1]), "a parent must be >= 0"),
    (lambda: Breeder(CONFIG, 0).choose(1), "list of positions"),
    (lambda: Breeder(CONFIG, 0).choose([0.5]), "must be an integer"),
]


@pytest.mark.parametrize(("call", "words"), BAD)
def test_bad_input(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_a_bad_choice_changes_nothing():
    breeder = Breeder(CONFIG, 0)
    genomes = list(breeder.pool)
    with pytest.raises(ValueError):
        breeder.choose([0, 5])
    assert list(breeder.pool) == genomes and breeder.generation == 0
