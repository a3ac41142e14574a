r"""The locality seed: an evolution with a link expression output (LEO) that starts with links between near nodes.

The second output of a CPPN says which links there are: those where it is positive. Left to itself, evolution would
have to find out that networks of separate modules are made of near links. The seed tells it so at the start, and
nothing holds it to it afterwards: one hidden Gaussian node an axis, $g(x_1 - x_2) = e^{-(2.5 (x_1 - x_2))^2}$, all of
which lead to that output, with a bias that only several near-1 Gaussians together can exceed:

$$ \mathrm{leo} = f\Big( \sum_{i \in \mathrm{axes}} g(x_{1i} - x_{2i}) - (|\mathrm{axes}| - \tfrac12) \Big) $$

So for one axis nodes are linked at first where $|x_1 - x_2| < \sqrt{\ln 2} / 2.5 = 0.33$. Verbancsics and Stanley
2011, GECCO.
"""

from collections.abc import Sequence

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genome import Genome
from minidl.evolution.stream import Stream

WHO = "leo_genomes"
SIGNED = ("tanh", "linear", "relu", "step", "signed_sigmoid")  # activations that are > 0 where their input is


def leo_genomes(
    config: NEATConfig, seed: int, *, delta: bool = False, axes: Sequence[int] | None = None
) -> list[Genome]:
    r"""`config.population_size` genomes with the seed, for `NEAT(config, genomes=...)`.

    config: of CPPNs with 2 D inputs (delta: 3 D) and 2 outputs. The first output is linked to all inputs
    and the bias with weights uniform in +- `config.initial_weight`; the second as above. axes: of the D, those on which
    nodes must be near; None: all.

    Raises ValueError or TypeError for a config without a bias, with other outputs, or with an output activation that is
    not positive exactly where its input is, and for axes that are none.

    >>> config = NEATConfig(4, 2, population_size=10, output_activation="tanh")
    >>> genomes = leo_genomes(config, seed=0, axes=[0])
    >>> net = genomes[0].network()
    >>> net([[0.5, 0.0, 0.4, 1.0], [0.5, 0.0, -0.5, 0.0]])[:, 1] > 0  # (x1, y1, x2, y2)
    array([ True, False])
    """
    if not isinstance(config, NEATConfig):
        raise check.DTypeError(f"{WHO}: config must be a NEATConfig, got {type(config).__name__}")
    check.integer(WHO, "seed", seed, low=0, high=2**64 - 1)
    D, rest = divmod(config.n_inputs, 2 + check.option(WHO, "delta", delta, (False, True)))
    if rest:
        raise ValueError(
            f"{WHO}: config.n_inputs must be a multiple of {2 + delta} with delta={delta}, got {config.n_inputs}"
        )
    if config.n_outputs != 2 or not config.bias:
        raise ValueError(
            f"{WHO}: config must have 2 outputs (weight and expression) and a bias that is not 0, "
            f"got {config.n_outputs} and {config.bias}"
        )
    check.option(WHO, "config.output_activation", config.output_activation, SIGNED)
    axes = check.axes(WHO, axes, D, "axes")
    if not axes:
        raise ValueError(f"{WHO}: axes must be one at least, got none")
    return [_genome(config, axes, D, Stream(seed, p)) for p in range(config.population_size)]


def _genome(config: NEATConfig, axes: Sequence[int], D: int, stream: Stream) -> Genome:
    I = config.n_inputs
    bias, weight, leo, first = I, I + 1, I + 2, I + 3  # the numbers of the nodes
    ends = [(source, weight, stream.uniform(config.initial_weight)) for source in range(I + 1)]
    for g, axis in enumerate(axes, start=first):
        ends += [(axis, g, 1.0), (D + axis, g, -1.0), (g, leo, 1.0)]
    ends.append((bias, leo, (0.5 - len(axes)) / config.bias))
    return Genome.from_edges(
        ends,
        config.n_inputs,
        config.n_outputs,
        config.bias,
        activations=dict.fromkeys(range(first, first + len(axes)), "gaussian"),
        output_activation=config.output_activation,
    )
