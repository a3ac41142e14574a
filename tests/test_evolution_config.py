"""Settings of an evolution: ranges, contradictions, presets, files, and the tables made from them."""

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.evolution.config import NEATConfig
from minidl.evolution.presets import PRESETS
from minidl.evolution.settings import LONGEST, described, shown
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS

FIELDS = {field.name: field for field in dataclasses.fields(NEATConfig)}
NUMBERS = {name: field for name, field in FIELDS.items() if "low" in field.metadata}
FLOATS = [name for name, field in NUMBERS.items() if field.type is float]
INTS = [name for name, field in NUMBERS.items() if field.type is int]
SWITCHES = [name for name, field in FIELDS.items() if field.type is bool]
NAMES = [name for name, field in FIELDS.items() if field.type is str]
SEVERAL = [name for name in FIELDS if name not in NUMBERS and name not in SWITCHES and name not in NAMES]

# what a value at the end of its range needs beside it
BESIDE = {
    "multipoint": {"single_point": 1.0},
    "recurrent_link": {"feed_forward": False},
    "initial_weight": {"weight_cap": 1e6},
    "weight_cap": {"initial_weight": 0.0},
    "mutate_activation": {"activations": ("sine", "tanh")},
    "mutate_aggregation": {"aggregations": ("sum", "mean")},
    "species_target": {"population_size": 2**24},
}


def config(**changes):
    return NEATConfig(**{"n_inputs": 2, "n_outputs": 1, **changes})


@st.composite
def configs(draw):
    values = {}
    for name, field in FIELDS.items():
        limits = field.metadata
        if name in INTS:
            values[name] = draw(st.integers(limits["low"], limits["high"]))
        elif name in FLOATS:
            values[name] = draw(st.floats(limits["low"], limits["high"]))
        elif name in SWITCHES:
            values[name] = draw(st.booleans())
        elif name in NAMES:
            values[name] = draw(st.sampled_from(limits["choices"]))
        else:
            values[name] = tuple(draw(st.lists(st.sampled_from(limits["choices"]), min_size=1, unique=True)))
    # settings that contradict each other are put right, not thrown away
    values["multipoint"] += not (values["multipoint"] or values["multipoint_average"] or values["single_point"])
    values["recurrent_link"] *= not values["feed_forward"]
    values["initial_weight"] = min(values["initial_weight"], values["weight_cap"])
    values["mutate_activation"] *= len(values["activations"]) > 1
    values["mutate_aggregation"] *= len(values["aggregations"]) > 1
    values["species_target"] = min(values["species_target"], values["population_size"])
    values["species_target"] *= values["threshold_step"] > 0
    return NEATConfig(**values)


# ---- ranges ----
def test_every_field_has_a_meaning_a_range_and_a_default():
    assert len(FIELDS) == len(NUMBERS) + len(SWITCHES) + len(NAMES) + len(SEVERAL) and SEVERAL
    for name, field in FIELDS.items():
        assert 8 <= len(field.metadata["doc"]) <= 90 or name == "population_size", name
        assert "\n" not in field.metadata["doc"] and "|" not in field.metadata["doc"]
        assert (field.default is dataclasses.MISSING) == (name in ("n_inputs", "n_outputs"))
        assert ("paper" in field.metadata) == (field.default is not dataclasses.MISSING)


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_are_in_and_what_is_beyond_is_out(name):
    field, beside = FIELDS[name], BESIDE.get(name, {})
    low, high = field.metadata["low"], field.metadata["high"]
    for end in (low, high):
        assert getattr(config(**{**beside, name: end}), name) == end
    below = low - 1 if field.type is int else math.nextafter(low, -math.inf)
    above = high + 1 if field.type is int else math.nextafter(high, math.inf)
    with pytest.raises(ValueError, match=f"NEATConfig: {name} must be >= "):
        config(**{**beside, name: below})
    with pytest.raises(ValueError, match=f"NEATConfig: {name} must be <= "):
        config(**{**beside, name: above})


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), 10**400], ids=str)
def test_only_finite_numbers(name, value):
    with pytest.raises(ValueError, match=f"NEATConfig: {name} must be a finite number"):
        config(**{name: value})


@pytest.mark.parametrize("name", INTS)
@pytest.mark.parametrize("value", [5.0, math.nan, "5", None, True, np.float64(5), [5]], ids=repr)
def test_integers_are_integers(name, value):
    with pytest.raises(TypeError, match=f"NEATConfig: {name} must be an integer, got"):
        config(**{name: value})


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", ["0.5", None, True, np.True_, [0.5], 1j], ids=repr)
def test_numbers_are_numbers(name, value):
    with pytest.raises(TypeError, match=f"NEATConfig: {name} must be a number, got"):
        config(**{name: value})


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, "True", None, np.int8(1)], ids=repr)
def test_switches_are_true_or_false(name, value):
    with pytest.raises(TypeError, match=f"NEATConfig: {name} must be True or False, got"):
        config(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["", "sigmoids", None, 0, ("sigmoid",)], ids=repr)
def test_names_are_among_the_choices(name, value):
    with pytest.raises(
        ValueError, match=f"NEATConfig: {name} must be one of '{FIELDS[name].metadata['choices'][0]}', "
    ):
        config(**{name: value})


@pytest.mark.parametrize("name", SEVERAL)
def test_several_names(name):
    choices = FIELDS[name].metadata["choices"]
    assert getattr(config(**{name: list(choices)}), name) == choices
    for value in ("sigmoid", (), None, 3, {"sum"}):
        with pytest.raises(TypeError, match=f"NEATConfig: {name} must be a tuple of names, got"):
            config(**{name: value})
    with pytest.raises(ValueError, match=f"NEATConfig: {name} must be one of .* got 'foo'"):
        config(**{name: (choices[0], "foo")})
    with pytest.raises(ValueError, match=f"NEATConfig: {name} must be one of .* got \\[\\]"):
        config(**{name: (choices[0], [])})
    with pytest.raises(ValueError, match=f"NEATConfig: {name} has a name twice"):
        config(**{name: (choices[0], choices[1], choices[0])})


def test_numbers_become_pythons_own():
    ours = config(
        **{"population_size": np.int16(20), "add_node": np.float32(0.25), "bias": 2, "feed_forward": np.False_},
        **{"survival": np.array(0.5), "elitism": np.uint8(3)},
    )
    assert ours == config(population_size=20, add_node=0.25, bias=2.0, feed_forward=False, survival=0.5, elitism=3)
    for name, field in FIELDS.items():
        assert type(getattr(ours, name)) is (tuple if name in SEVERAL else field.type), name


CONTRADICTIONS = {
    "no crossover": (
        {"multipoint": 0, "multipoint_average": 0, "single_point": 0},
        "multipoint, multipoint_average and single_point must not all be 0",
    ),
    "cycles": ({"recurrent_link": 0.1}, "recurrent_link=0.1 needs feed_forward=False"),
    "weights": ({"initial_weight": 2, "weight_cap": 1}, "initial_weight=2.0 must be <= weight_cap=1.0"),
    "one activation": ({"mutate_activation": 0.1}, "mutate_activation=0.1 needs two activations or more"),
    "one aggregation": ({"mutate_aggregation": 0.1}, "mutate_aggregation=0.1 needs two aggregations or more"),
    "more species than genomes": ({"species_target": 151}, "species_target=151 must be <= population_size=150"),
    "a fixed threshold": (
        {"species_target": 10, "threshold_step": 0},
        "species_target=10 needs threshold_step > 0",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions(name):
    changes, message = CONTRADICTIONS[name]
    with pytest.raises(ValueError) as caught:
        config(**changes)
    assert str(caught.value) == f"NEATConfig: {message}"
    with pytest.raises(ValueError, match="NEATConfig: "):
        dataclasses.replace(config(), **changes)


def test_frozen_and_usable_as_a_key():
    ours = config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        ours.add_node = 0.5
    assert {ours: 1}[config()] == 1 and pickle.loads(pickle.dumps(ours)) == ours
    changed = dataclasses.replace(ours, add_node=0.5)
    assert (changed.add_node, ours.add_node) == (0.5, 0.03)


# ---- presets: the numbers of the paper and of the parameter files ----
def preset(name):
    return NEATConfig.preset(name, 3, 1)


def test_small():
    ours = preset("paper_2002_small")
    assert ours == NEATConfig(3, 1)
    assert (ours.population_size, ours.c1, ours.c2, ours.c3, ours.compatibility_threshold) == (150, 1, 1, 0.4, 3)
    assert (ours.weight_mutation, ours.weight_replace, ours.disable_inherited, ours.mutate_only) == (
        0.8,
        0.1,
        0.75,
        0.25,
    )
    assert (ours.interspecies, ours.add_node, ours.add_link) == (0.001, 0.03, 0.05)
    assert (ours.stagnation, ours.stagnation_factor, ours.elitism) == (15, 0, 5)
    assert (ours.activations, ours.output_activation) == (("sigmoid",), "sigmoid")


def test_double_pole():
    ours = preset("paper_2002_double_pole")
    assert (ours.population_size, ours.c3, ours.compatibility_threshold, ours.add_link) == (1000, 3, 4, 0.3)
    assert (ours.c1, ours.c2, ours.add_node, ours.weight_mutation, ours.stagnation) == (1, 1, 0.03, 0.8, 15)
    assert (ours.weight_power, ours.survival, ours.recurrent_link, ours.toggle, ours.reenable) == (
        1.8,
        0.4,
        0.2,
        0.1,
        0.05,
    )
    assert not ours.feed_forward and ours.bias == 0.5
    program = preset("original_1_2_1")
    for name in ("weight_style", "exclusive", "distance_n", "representative", "equal_fitness", "delta_coding"):
        assert getattr(ours, name) == getattr(program, name)


def test_original():
    ours = preset("original_1_2_1")
    assert (ours.weight_style, ours.weight_mutation, ours.weight_power, ours.weight_cap) == ("original", 0.9, 2.5, 8)
    assert (ours.mate_only, ours.stagnation_factor, ours.delta_coding, ours.obliterate) == (0.2, 0.01, 20, 30)
    assert (ours.multipoint, ours.multipoint_average, ours.single_point, ours.survival) == (0.6, 0.4, 0, 0.2)
    assert (ours.distance_n, ours.equal_fitness, ours.representative) == ("one", "smaller", "champion")
    assert ours.exclusive and ours.innovation_scope == "generation" and ours.initial_weight == 1


def test_hyperneat():
    ours = preset("hyperneat_2009")
    assert (ours.population_size, ours.c1, ours.c2, ours.c3, ours.compatibility_threshold) == (300, 2, 2, 1, 6)
    assert (ours.species_target, ours.threshold_step, ours.stagnation, ours.survival) == (8, 0.3, 15, 0.2)
    assert (ours.add_node, ours.add_link, ours.weight_mutation, ours.mutate_only) == (0.03, 0.05, 0.8, 0.25)
    assert (ours.weight_power, ours.elitism, ours.bias, ours.output_activation) == (2.5, 5, 0.3, "signed_sigmoid")
    assert set(ours.activations) == {"signed_sigmoid", "sine", "signed_gaussian", "linear"} and ours.feed_forward


def test_names_of_presets():
    wanted = ["paper_2002_small", "paper_2002_double_pole", "original_1_2_1", "hyperneat_2009", "tuned"]
    assert list(PRESETS) == wanted
    assert all(preset(name) != preset("paper_2002_small") for name in wanted[1:4])


@given(name=st.sampled_from(list(PRESETS)), n_inputs=st.integers(1, 2**20), share=st.floats(0, 1))
def test_changes_to_a_preset(name, n_inputs, share):
    ours = NEATConfig.preset(name, n_inputs, 1, add_node=share)
    assert ours == dataclasses.replace(NEATConfig.preset(name, n_inputs, 1), add_node=share)
    assert (ours.n_inputs, ours.add_node) == (n_inputs, share)


# ---- files ----
@settings(max_examples=50)
@given(ours=configs())
def test_there_and_back(ours):
    for text, back in ((ours.to_json(), NEATConfig.from_json), (ours.to_toml(), NEATConfig.from_toml)):
        assert len(text) < LONGEST / 2
        assert back(text) == ours
    assert NEATConfig.from_dict(dataclasses.asdict(ours)) == ours
    assert NEATConfig.from_dict(json.loads(ours.to_json())) == ours


@given(ours=configs(), name=st.sampled_from(sorted(FIELDS)), cut=st.integers(0, 20), letter=st.sampled_from("xq_7"))
def test_a_misspelt_name_is_an_error_that_helps(ours, name, cut, letter):
    table = dataclasses.asdict(ours)
    wrong = name[: cut % len(name)] + letter + name[cut % len(name) :]
    table[wrong] = table.pop(name)
    with pytest.raises(ValueError) as caught:
        NEATConfig.from_dict(table)
    assert str(caught.value) == f"NEATConfig: there is no setting {wrong!r}; did you mean {name!r}?"


def test_what_is_left_out_has_its_default():
    assert NEATConfig.from_toml("n_inputs = 2\nn_outputs = 1") == NEATConfig(2, 1)
    assert NEATConfig.from_json('{"n_outputs": 1, "n_inputs": 2}') == NEATConfig(2, 1)
    assert NEATConfig.from_toml("n_inputs = 2\nn_outputs = 1\nbias = 0").bias == 0.0


START = '"n_inputs": 2, "n_outputs": 1'
FILES = {
    "JSON, no text": (NEATConfig.from_json, b"{}", "text must be a string of JSON, got bytes"),
    "TOML, no text": (NEATConfig.from_toml, None, "text must be a string of TOML, got NoneType"),
    "JSON, nothing": (NEATConfig.from_json, "", "this is not sound JSON"),
    "TOML, nothing": (NEATConfig.from_toml, "", "n_inputs is missing; it has no default"),
    "JSON, a list": (NEATConfig.from_json, "[1, 2]", "the JSON must be a table of settings, got list"),
    "JSON, cut off": (NEATConfig.from_json, "{" + START, "this is not sound JSON"),
    "TOML, cut off": (NEATConfig.from_toml, "n_inputs = ", "this is not sound TOML"),
    "JSON, half": (NEATConfig.from_json, '{"n_inputs": 2}', "n_outputs is missing; it has no default"),
    "JSON, twice": (NEATConfig.from_json, '{"n_inputs": 1, ' + START + "}", "'n_inputs' stands there twice"),
    "TOML, twice": (NEATConfig.from_toml, "n_inputs = 1\nn_inputs = 2", "this is not sound TOML"),
    "JSON, deep": (NEATConfig.from_json, "[" * 19_000, "this is not sound JSON"),
    "JSON, deep, closed": (
        NEATConfig.from_json,
        '{"bias": ' * 1_900 + "1" + "}" * 1_900,
        "not sound JSON|holds a table",
    ),
    "TOML, deep": (NEATConfig.from_toml, "bias = " + "[" * 19_000, "this is not sound TOML"),
    "TOML, dots": (NEATConfig.from_toml, "bias" + ".a" * 9_000 + " = 1", "'bias' holds a table"),
    "TOML, a section": (NEATConfig.from_toml, "[neat]\nn_inputs = 2", "'neat' holds a table"),
    "JSON, lists": (NEATConfig.from_json, "{" + START + ', "activations": [["sine"]]}', "'activations' holds"),
    "JSON, NaN": (NEATConfig.from_json, "{" + START + ', "bias": NaN}', "bias must be a finite number, got nan"),
    "TOML, inf": (NEATConfig.from_toml, "n_inputs = 2\nn_outputs = 1\nc3 = inf", "c3 must be a finite number, got inf"),
    "JSON, many digits": (NEATConfig.from_json, '{"n_inputs": ' + "9" * 19_000 + "}", "this is not sound JSON"),
    "TOML, many digits": (NEATConfig.from_toml, "n_inputs = " + "9" * 19_000, "this is not sound TOML"),
    "JSON, huge": (NEATConfig.from_json, " " * 10**7, "at most 20000 characters of JSON, got 10000000"),
    "TOML, huge": (NEATConfig.from_toml, "\n" * 10**7, "at most 20000 characters of TOML, got 10000000"),
    "TOML, a date": (NEATConfig.from_toml, "n_inputs = 2002-06-01\nn_outputs = 1", "n_inputs must be an integer"),
    "TOML, a number as text": (NEATConfig.from_toml, 'n_inputs = "2"\nn_outputs = 1', "n_inputs must be an integer"),
    "JSON, null": (NEATConfig.from_json, "{" + START + ', "bias": null}', "bias must be a number, got None"),
    "TOML, unknown": (
        NEATConfig.from_toml,
        "pop_size = 3",
        "there is no setting 'pop_size'; did you mean 'population_size'",
    ),
    "JSON, unknown": (
        NEATConfig.from_json,
        '{"zzz": 3}',
        "there is no setting 'zzz'; there are n_inputs, n_outputs, bias",
    ),
    "JSON, a long name": (
        NEATConfig.from_json,
        '{"%s": 3}' % ("z" * 19_000),
        "there is no setting 'z{100}'; there are",
    ),
    "dict, no dict": (NEATConfig.from_dict, [("n_inputs", 2)], "settings must be a dict by name, got list"),
    "dict, no name": (NEATConfig.from_dict, {3: 2}, "there is no setting '3'"),
    "dict, unlike names": (NEATConfig.from_dict, {("a",): 2}, "there is no setting "),
    "preset, unknown": (
        lambda name: NEATConfig.preset(name, 2, 1),
        "tuned2",
        "name must be one of 'paper_2002_small', ",
    ),
    "preset, no name": (
        lambda name: NEATConfig.preset(name, 2, 1),
        ["tuned"],
        "name must be one of 'paper_2002_small', ",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files(name):
    read, content, message = FILES[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        read(content)
    assert str(caught.value).startswith("NEATConfig") and len(str(caught.value)) < 2000


# ---- tables ----
def rows_of(table):
    lines = [line.strip() for line in table.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def test_help_lists_every_setting():
    assert described(NEATConfig).splitlines()[0] in NEATConfig.__doc__
    title, _, *rows = rows_of(NEATConfig.__doc__)
    assert title == ["setting", "default", "range", "paper", "meaning"]
    assert [row[0] for row in rows] == list(FIELDS)
    for name, default, span, paper, meaning in rows:
        field = FIELDS[name]
        assert meaning == field.metadata["doc"]
        assert paper == shown(field.metadata.get("paper"))
        assert default == ("none" if field.default is dataclasses.MISSING else shown(getattr(NEATConfig(2, 1), name)))
        if name in NUMBERS:
            assert [float(end) for end in span.split(" to ")] == [field.metadata["low"], field.metadata["high"]]
        elif name in SWITCHES:
            assert span == "True, False"
        else:
            choices = ", ".join(field.metadata["choices"])
            assert span == choices or (span == "below" and f"{name}: of {choices}\n" in NEATConfig.__doc__)
    assert ACTIVATIONS[-1] in NEATConfig.__doc__ and AGGREGATIONS[-1] in NEATConfig.__doc__


@given(ours=configs())
def test_differences_lists_what_is_not_the_papers(ours):
    title, _, *rows = rows_of(ours.differences())
    assert title == ["setting", "here", "paper", "meaning"]
    found = {row[0]: row[1:] for row in rows}
    for name, field in FIELDS.items():
        if name in ("n_inputs", "n_outputs"):
            assert name not in found
            continue
        here, paper = getattr(ours, name), field.metadata["paper"]
        assert (name in found) == (paper is None or here != paper), name
        if name in found:
            assert found[name] == [shown(here), "silent" if paper is None else shown(paper), field.metadata["doc"]]


def test_by_default_all_is_as_the_paper_says():
    table = {row[0]: row[1:3] for row in rows_of(NEATConfig(2, 1).differences())}
    assert not {name: row for name, row in table.items() if row[1] not in ("silent", "---", "paper")}
