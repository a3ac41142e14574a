r"""The locality seed: an evolution with a link expression output (LEO) that starts with links between near nodes.

The second output of a CPPN says which links there are: those where it is positive. Left to itself, evolution would
have to find out that networks of separate modules are made of near links. The seed tells it so at the start, and
nothing holds it to it afterwards: one hidden Gaussian node an axis, $g(x_1 - x_2) = e^{-(2.5 (x_1 - x_2))^2}$, all of
which lead to that output, with a bias that only several near-1 Gaussians together can exceed:

$$ \mathrm{leo} = f\Big( \sum_{i \in \mathrm{axes}} g(x_{1i} - x_{2i}) - (|\mathrm{axes}| - \tfrac12) \Big) $$

So for one axis nodes are linked at first where $|x_1 - x_2| < \sqrt{\ln 2} / 2.5 = 0.33$.

Source: Verbancsics and Stanley 2011, GECCO.

Try it:
1. Count the links that 50 such genomes `express` on `Substrate.sandwich((11, 11))` with `leo=True`: 961 of 14,641, each
   of them; with `axes=[0]` 3,751, as all nodes of near columns are linked. Their weights are all different.
2. Count them for `NEAT(config, seed=0).pool`, without the seed: from 44 to 14,435, 7,973 on average, which is half.
3. Mutate each of the 50 twenty times, and count again: 18 have no link any more, 11 have all; where nobody selects,
   the seed is soon gone.
"""

from collections.abc import Sequence
from typing import Any

from minidl import check
from minidl.evolution.config import NEATConfig
from minidl.evolution.genome import Genome
from minidl.evolution.hyperneat import express
from minidl.evolution.innovation import Innovations
from minidl.evolution.mutation import mutate
from minidl.evolution.pool import Pool
from minidl.evolution.stream import Stream
from minidl.evolution.substrate import Substrate

WHO = "leo_genomes"
SIGNED = ("tanh", "linear", "relu", "step", "signed_sigmoid")  # activations that are > 0 where their input is


def leo_genomes(
    config: NEATConfig, seed: int, *, delta: bool = False, axes: Sequence[int] | None = None
) -> list[Genome]:
    r"""`config.population_size` genomes with the seed, for `NEAT(config, genomes=...)`.

    | option | meaning |
    |---|---|
    | `leo_genomes` | the first output is linked to all inputs and the bias at random, the second as above |
    | `config` | of CPPNs with 2 D inputs (delta: 3 D) and 2 outputs; `initial_weight` for those at random |
    | `seed` | an integer >= 0 |
    | `delta` | whether inputs are followed by D differences |
    | `axes` | of the D, those on which nodes must be near; None: all |

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


def illustrate(ax: Any) -> None:
    r"""The links that a CPPN asks for, of 41 nodes on a line to 41 others: orange negative, purple positive, white
    none. Left: as evolution starts with the seed, a band of links between near nodes; their weights are random. Middle:
    that genome after 12 mutations. Right: as evolution starts without the seed, any region may be linked."""
    config = NEATConfig(2, 2, output_activation="tanh", population_size=1)
    seeded = leo_genomes(config, seed=1)[0]
    changed, stream = seeded.copy(), Stream(11)
    for _ in range(12):
        mutate(changed, config, Innovations(next_link=9, next_node=6), stream)
    unseeded = Pool.initial(config, seed=4)[0]
    ax.axis("off")
    for k, genome in enumerate((seeded, changed, unseeded)):
        (weights,) = express(genome, Substrate.sandwich(41), leo=True)
        panel = ax.inset_axes([0.33 * k + 0.03, 0.1, 0.28, 0.8], xticks=[], yticks=[])
        image = panel.imshow(weights, cmap="PuOr", vmin=-3, vmax=3)
        panel.set(xlabel="to", ylabel="from", title=("seed", "mutated", "no seed")[k])
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.6)
