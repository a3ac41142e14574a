r"""NEATConfig: all settings of an evolution, each with its range, what it means, and what the paper says.

The defaults are the paper's for a population of 150, and, where it is silent, what the authors' own program (NEAT C++
1.2.1) does. `PRESETS` (presets.py) names other sets. `help(NEATConfig)` ends with a table of all settings;
`config.differences()` is one of those that are not the paper's. For who comes from neat-python:

| setting | neat-python |
|---|---|
| `n_inputs`, `n_outputs`, `population_size` | `num_inputs`, `num_outputs`, `pop_size` |
| `activations`, `output_activation` | `activation_options`; none: outputs are like hidden nodes |
| `bias`, `initial_weight` | `bias_...` of every node; `weight_init_mean`, `weight_init_stdev` |
| `weight_mutation`, `weight_power`, `weight_replace` | `weight_mutate_rate`, `..._power`, `weight_replace_rate` |
| `weight_cap` | `weight_max_value`, `weight_min_value` |
| `add_node`, `add_link`, `exclusive` | `node_add_prob`, `conn_add_prob`, `single_structural_mutation` |
| `c1`, `c2`, `c3` | `compatibility_disjoint_coefficient` for both, `compatibility_weight_coefficient` |
| `survival`, `elitism`, `stagnation` | `survival_threshold`, `elitism` (how many), `max_stagnation` |

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 4.1.

Try it:
1. `NEATConfig(2, 1, add_node=3)`: "add_node must be <= 1, got 3". `recurrent_link=0.2`: "needs feed_forward=False". A
   name that is none, by `from_dict`, gets the one that is near. Nothing is silently left out.
2. Print `NEATConfig.preset("original_1_2_1", 2, 1).differences()`: 20 rows, 8 of them of what the paper does not say.
3. Write `to_toml()` to a file: 45 settings, each with its meaning. Change one, read it with `from_toml`, and go on with
   it, `NEAT.load("runs", config=...)`: the run's `changes` has the generation, the name, the old value and the new.
"""

import dataclasses
import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from minidl import check
from minidl.evolution.genes import WIDEST
from minidl.evolution.presets import PRESETS
from minidl.evolution.settings import checked, choice, described, number, parsed, share, shown, size, switch
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS

WHO = "NEATConfig"


@dataclass(frozen=True)
class NEATConfig:
    r"""The settings of a run; a frozen dataclass, so `dataclasses.replace(config, add_node=0.1)` makes a changed copy.

    Settings whose meaning begins with "genomes" or "children" are probabilities for each of them; the three shares of
    crossovers count relative to their sum.
    ValueError or TypeError for values out of range, of the wrong kind, or that contradict each other.

    >>> config = NEATConfig(n_inputs=2, n_outputs=1)
    >>> config.population_size, config.add_node
    (150, 0.03)
    >>> NEATConfig.preset("paper_2002_double_pole", n_inputs=3, n_outputs=1).population_size
    1000
    """

    # the networks
    n_inputs: int = size(1, WIDEST, "input nodes, the bias not counted")
    n_outputs: int = size(1, WIDEST, "output nodes")
    bias: float = number(1.0, -1e6, 1e6, "value of the bias node, an input that never changes; 0: no such node", 1.0)
    feed_forward: bool = switch(True, "no link ever closes a cycle; False: recurrent_link says how many do", True)
    activations: tuple[str, ...] = choice(("sigmoid",), ACTIVATIONS, "what hidden nodes may have", ("sigmoid",))
    output_activation: str = choice("sigmoid", ACTIVATIONS, "what output nodes have", "sigmoid")
    aggregations: tuple[str, ...] = choice(("sum",), AGGREGATIONS, "what hidden nodes may have", ("sum",))
    initial_weight: float = number(1.0, 0.0, 1e6, "first weights, and those of new links: uniform in +- this")

    # mutation
    weight_mutation: float = share(0.8, "genomes whose weights mutate", 0.8)
    weight_style: str = choice(
        "paper", ("paper", "original"), "paper: all weights alike; original: half of the genomes severely", "paper"
    )
    weight_replace: float = share(0.1, "weights drawn afresh, not perturbed (weight_style paper)", 0.1)
    weight_power: float = number(2.5, 0.0, 1e6, "perturbations, and weights drawn afresh: uniform in +- this")
    weight_cap: float = number(8.0, 0.0, 1e6, "no weight is larger")
    add_node: float = share(0.03, "genomes in which a node splits a link", 0.03)
    add_link: float = share(0.05, "genomes that get a new link", 0.05)
    recurrent_link: float = share(0.0, "new links that must close a cycle (where cycles are allowed)")
    exclusive: bool = switch(False, "a genome gets a node, else a link, else new weights; False: each by itself", False)
    toggle: float = share(0.0, "genomes in which one link is switched on or off")
    reenable: float = share(0.0, "genomes in which the first link that is off is switched on")
    mutate_activation: float = share(0.0, "genomes in which one hidden node gets another activation", 0.0)
    mutate_aggregation: float = share(0.0, "genomes in which one hidden node gets another aggregation", 0.0)
    innovation_scope: str = choice(
        "generation",
        ("generation", "run"),
        "how long an invention that comes up again gets its old number",
        "generation",
    )

    # crossover
    mutate_only: float = share(0.25, "children with one parent", 0.25)
    mate_only: float = share(0.0, "children of two parents that are not mutated afterwards", 0.0)
    interspecies: float = share(0.001, "second parents from another species", 0.001)
    multipoint: float = number(1.0, 0.0, 1e6, "share of crossovers: every matching link from either parent", 1.0)
    multipoint_average: float = number(0.0, 0.0, 1e6, "share of crossovers: matching links are averaged", 0.0)
    single_point: float = number(0.0, 0.0, 1e6, "share of crossovers: left of a point from one, then the other", 0.0)
    equal_fitness: str = choice(
        "both", ("smaller", "both"), "parents alike fit: the smaller one is the fitter, or links of both", "both"
    )
    disable_inherited: float = share(0.75, "links off in either parent that are off in the child", 0.75)

    # species
    c1: float = number(1.0, 0.0, 1e6, "compatibility distance: weight of excess links", 1.0)
    c2: float = number(1.0, 0.0, 1e6, "compatibility distance: weight of disjoint links", 1.0)
    c3: float = number(0.4, 0.0, 1e6, "compatibility distance: weight of the mean difference of weights", 0.4)
    distance_n: str = choice(
        "size", ("one", "size"), "N: always 1, or the links of the larger genome where it has 20 or more", "size"
    )
    compatibility_threshold: float = number(3.0, 0.0, 1e9, "genomes nearer than this are one species", 3.0)
    species_target: int = number(0, 0, 2**20, "move the threshold towards so many species; 0: it stays", 0)
    threshold_step: float = number(0.3, 0.0, 1e6, "by so much a generation; nor does it fall below this")
    representative: str = choice(
        "random",
        ("champion", "random"),
        "whom newcomers are compared with: a member of the last generation",
        "random",
    )

    # reproduction
    population_size: int = number(150, 1, 2**24, "genomes", 150)
    survival: float = share(0.2, "the best of a species that breed: floor(survival n) + 1")
    elitism: int = number(5, 0, 2**24, "the champion of a species with more members is copied", 5)
    stagnation: int = number(15, 1, 2**24, "generations without a better champion until a species is stagnant", 15)
    stagnation_factor: float = share(0.0, "fitness of stagnant species times this; 0: they do not breed", 0.0)
    delta_coding: int = number(0, 0, 2**24, "generations without a record until only two species breed; 0: never", 0)
    obliterate: int = number(0, 0, 2**24, "every so many generations the worst species older than 20 goes; 0: never", 0)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(WHO, field, getattr(self, field.name)))
        for complaint in self._contradictions():
            raise ValueError(f"{WHO}: {complaint}")

    def _contradictions(self) -> Iterator[str]:
        if not (self.multipoint or self.multipoint_average or self.single_point):
            yield "multipoint, multipoint_average and single_point must not all be 0"
        if self.feed_forward and self.recurrent_link:
            yield f"recurrent_link={self.recurrent_link} needs feed_forward=False"
        if self.initial_weight > self.weight_cap:
            yield f"initial_weight={self.initial_weight} must be <= weight_cap={self.weight_cap}"
        if self.mutate_activation and len(self.activations) == 1:
            yield f"mutate_activation={self.mutate_activation} needs two activations or more"
        if self.mutate_aggregation and len(self.aggregations) == 1:
            yield f"mutate_aggregation={self.mutate_aggregation} needs two aggregations or more"
        if self.species_target > self.population_size:
            yield f"species_target={self.species_target} must be <= population_size={self.population_size}"
        if self.species_target and not self.threshold_step:
            yield f"species_target={self.species_target} needs threshold_step > 0"

    @classmethod
    def preset(cls, name: str, n_inputs: int, n_outputs: int, **changes: Any) -> "NEATConfig":
        r"""The settings of `PRESETS[name]`, with changes.

        >>> NEATConfig.preset("tuned", 2, 1, population_size=50).population_size
        50
        """
        check.option(f"{WHO}.preset", "name", name, PRESETS)
        return cls.from_dict({**PRESETS[name], "n_inputs": n_inputs, "n_outputs": n_outputs, **changes})

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "NEATConfig":
        r"""The config with these settings by name. ValueError for a name that is none, with the one that is near.

        >>> NEATConfig.from_dict({"n_inputs": 2, "n_outputs": 1, "ad_node": 0.1})
        Traceback (most recent call last):
        ValueError: NEATConfig: there is no setting 'ad_node'; did you mean 'add_node'?
        """
        if not isinstance(settings, Mapping):
            raise check.DTypeError(f"{WHO}: settings must be a dict by name, got {type(settings).__name__}")
        names = [field.name for field in dataclasses.fields(cls)]
        for name in settings:
            if name not in names:
                near = difflib.get_close_matches(str(name), names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
                raise ValueError(f"{WHO}: there is no setting {str(name)[:100]!r}{hint}")
        missing = [name for name in ("n_inputs", "n_outputs") if name not in settings]
        if missing:
            raise ValueError(f"{WHO}: {missing[0]} is missing; it has no default")
        return cls(**settings)

    def to_json(self) -> str:
        r"""All settings as JSON.

        >>> NEATConfig.from_json(NEATConfig(2, 1).to_json()) == NEATConfig(2, 1)
        True
        """
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "NEATConfig":
        r"""The config that a JSON text describes; settings that it leaves out have their defaults.

        >>> NEATConfig.from_json('{"n_inputs": 2, "n_outputs": 1, "activations": ["sine", "gaussian"]}').activations
        ('sine', 'gaussian')
        """
        return cls.from_dict(parsed(WHO, text, "JSON"))

    def to_toml(self) -> str:
        r"""All settings as TOML, each with its meaning as a comment.

        >>> print(NEATConfig(2, 1).to_toml().splitlines()[0])
        n_inputs = 2  # input nodes, the bias not counted
        """
        lines = [
            f"{field.name} = {json.dumps(getattr(self, field.name))}  # {field.metadata['doc']}"
            for field in dataclasses.fields(self)
        ]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> "NEATConfig":
        r"""The config that a TOML text describes; settings that it leaves out have their defaults.

        >>> NEATConfig.from_toml("n_inputs = 2\nn_outputs = 1\nadd_node = 0.1").add_node
        0.1
        """
        return cls.from_dict(parsed(WHO, text, "TOML"))

    def differences(self) -> str:
        r"""A table of the settings that are not the paper's, for a population of 150: name, here, paper, meaning.

        >>> for row in NEATConfig(2, 1, add_node=0.1).differences().splitlines():
        ...     if "add_node" in row:
        ...         print(row)
        | add_node | 0.1 | 0.03 | genomes in which a node splits a link |
        """
        rows = [("setting", "here", "paper", "meaning"), ("---",) * 4]
        for field in dataclasses.fields(self):
            here = getattr(self, field.name)
            if "paper" in field.metadata and here != field.metadata["paper"]:
                rows.append((field.name, shown(here), shown(field.metadata["paper"]), field.metadata["doc"]))
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if NEATConfig.__doc__:  # which python -OO takes away
    NEATConfig.__doc__ += "\n" + textwrap.indent(described(NEATConfig), "    ") + "\n"
