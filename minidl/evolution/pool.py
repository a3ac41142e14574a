r"""Pool: the genomes of one generation as arrays of records, which compiled loops can read.

Row p of `nodes` holds the nodes of genome p, `n_nodes[p]` of them, and row p of `links` its links; what lies behind
them in a row is of no account. Rows are as long as the largest genome needs, rounded up to a power of two, so that a
population grows rarely. Nothing changes a pool once it is made: breeding makes a new one.

Shapes, for P genomes: nodes (P, Cn) of NODE, links (P, Cl) of LINK, n_nodes and n_links (P,) int32.

Source: our own layout; genomes and their start are those of Stanley and Miikkulainen 2002, Evolutionary Computation 10.

Try it:
1. `Pool.initial(NEATConfig(2, 1), seed=0)`: nodes and links are (150, 8), 48 kB in all. After 30 generations of
   exclusive or they are (150, 16) and (150, 32), 173 kB: it all stays in the processor's cache.
2. Change `pool[0].links[0].weight`: the pool's own does not change, as `pool[0]` is a copy.
3. Compare the standard deviation of `pool.links["weight"][:, :3]` at the start, 0.575, with that of numbers uniform in
   +-1, 0.577; columns behind the third hold nothing yet.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution import genes
from minidl.evolution.config import NEATConfig
from minidl.evolution.genes import BIAS, INPUT, OUTPUT, Link, Node
from minidl.evolution.genome import Genome
from minidl.evolution.stream import Stream
from minidl.kernels.network import ACTIVATIONS


class Pool:
    r"""P genomes with the same inputs, outputs and bias. `pool[i]` is genome i, a copy that may be changed.

    >>> pool = Pool.from_genomes([Genome.from_edges([(0, 2, 0.5)], n_inputs=1, n_outputs=1)] * 3)
    >>> len(pool), pool.links["weight"][:, 0], pool.n_links
    (3, array([0.5, 0.5, 0.5]), array([1, 1, 1], dtype=int32))
    >>> pool[2]
    Genome: 1 input, bias 1, 1 output, 0 hidden nodes, 1 link
      2 output   sigmoid
      0: 0 -> 2  +0.50
    """

    def __init__(
        self,
        nodes: np.ndarray,
        links: np.ndarray,
        n_nodes: np.ndarray,
        n_links: np.ndarray,
        n_inputs: int,
        n_outputs: int,
        bias: float,
    ):
        self.nodes, self.links = nodes, links
        self.n_nodes, self.n_links = n_nodes, n_links
        self.n_inputs, self.n_outputs, self.bias = n_inputs, n_outputs, bias

    @classmethod
    def from_genomes(cls, genomes: Iterable[Genome]) -> "Pool":
        r"""The pool of these genomes. ValueError if there are none, if one is not sound, or if they differ in inputs,
        outputs or bias.

        >>> one, two = (Genome.from_edges([], n_inputs=1, n_outputs=n) for n in (1, 2))
        >>> Pool.from_genomes([one, two])
        Traceback (most recent call last):
        ValueError: Pool: genome 1 has (inputs, outputs, bias) (1, 2, 1.0), but genome 0 has (1, 1, 1.0)
        """
        if not isinstance(genomes, Iterable):
            raise check.DTypeError(f"Pool: genomes must be a list of them, got {type(genomes).__name__}")
        genomes = list(genomes)
        if not genomes:
            raise ValueError("Pool: genomes must be one genome at least, got none")
        shapes = []
        for i, genome in enumerate(genomes):
            if not isinstance(genome, Genome):
                raise check.DTypeError(f"Pool: genomes must be Genomes, got {type(genome).__name__} at {i}")
            genes.sound(f"Pool: genome {i}", genome.nodes, genome.links, genome.bias)
            shapes.append((genome.n_inputs, genome.n_outputs, genome.bias))
            if shapes[i] != shapes[0]:
                raise ValueError(
                    f"Pool: genome {i} has (inputs, outputs, bias) {shapes[i]}, but genome 0 has {shapes[0]}"
                )
        return cls.packed(genomes)

    @classmethod
    def packed(cls, genomes: list[Genome]) -> "Pool":
        r"""The pool of genomes that are known to be sound."""
        arrays = [genome.to_arrays() for genome in genomes]
        (nodes, n_nodes), (links, n_links) = _padded([n for n, _ in arrays]), _padded([k for _, k in arrays])
        first = genomes[0]
        return cls(nodes, links, n_nodes, n_links, first.n_inputs, first.n_outputs, first.bias)

    @classmethod
    def initial(cls, config: NEATConfig, seed: int) -> "Pool":
        r"""The minimal start: no hidden nodes, every input (and the bias) linked to every output, weights uniform in
        $\pm$ `config.initial_weight`. Genome c draws from `Stream(seed, 0, c)`.

        >>> pool = Pool.initial(NEATConfig(2, 1, population_size=150), seed=0)
        >>> [(link.source, link.target) for link in pool[0].links], bool((abs(pool.links["weight"]) <= 1).all())
        ([(0, 3), (1, 3), (2, 3)], True)
        """
        kinds = [INPUT] * config.n_inputs + [BIAS] * (config.bias != 0) + [OUTPUT] * config.n_outputs
        codes = {OUTPUT: ACTIVATIONS.index(config.output_activation)}
        nodes = [Node(id, kind, codes.get(kind, 0)) for id, kind in enumerate(kinds)]
        sources, targets = range(kinds.index(OUTPUT)), range(kinds.index(OUTPUT), len(kinds))
        pairs = [(source, target) for source in sources for target in targets]
        genomes = []
        for child in range(config.population_size):
            stream = Stream(seed, 0, child)
            links = [Link(n, *pair, stream.uniform(config.initial_weight)) for n, pair in enumerate(pairs)]
            genomes.append(Genome(nodes, links, config.bias))
        return cls.packed(genomes)

    def take(self, indices: Any) -> "Pool":
        r"""The pool of the genomes at these indices.

        >>> len(Pool.initial(NEATConfig(2, 1, population_size=5), seed=0).take([4, 4]))
        2
        """
        k = np.asarray(indices, np.int64)
        rows = self.nodes[k], self.links[k], self.n_nodes[k], self.n_links[k]
        return Pool(*rows, self.n_inputs, self.n_outputs, self.bias)

    def __len__(self) -> int:
        return len(self.n_nodes)

    def __getitem__(self, i: int) -> Genome:
        i = check.integer("Pool", "i", i)
        if not -len(self) <= i < len(self):
            raise check.IndexRangeError(f"Pool: there are {len(self)} genomes, got index {i}")
        nodes, links = self.nodes[i, : self.n_nodes[i]], self.links[i, : self.n_links[i]]
        return Genome.from_arrays(nodes, links, self.bias)

    def __iter__(self) -> Iterator[Genome]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        counts = [(len(self), "genome"), (self.n_inputs, "input"), (self.n_outputs, "output")]
        return f"Pool({', '.join(genes.counted(*c) for c in counts)}, bias {self.bias:g})"


def no_cycle(who: str, pool: Pool, config: NEATConfig) -> None:
    r"""ValueError if a genome has a cycle where the config allows none."""
    if config.feed_forward:
        for i, genome in enumerate(pool):
            if genome.has_cycle():
                raise ValueError(f"{who}: genome {i} has a cycle, which config.feed_forward=True does not allow")


def _padded(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of records as one array, and how long each is."""
    sizes = np.array([len(row) for row in rows], np.int32)
    capacity = 8
    while capacity < sizes.max():
        capacity *= 2
    table = np.zeros((len(rows), capacity), rows[0].dtype)
    for row, records in zip(table, rows, strict=True):
        row[: len(records)] = records
    return table, sizes


def illustrate(ax: Any) -> None:
    r"""The weights of 40 genomes of different sizes, as a pool holds them: a row is a genome, a column a place in the
    array of its links; orange is negative, purple positive. Where a genome has no more links its row is empty. Rows are
    as long as the largest genome needs, rounded up to a power of two."""
    genomes = []
    for p in range(40):
        stream = Stream(0, p)
        n = 3 + stream.below(12)  # links; those behind the third lead to hidden nodes
        edges = [(i % 3, 3 if i < 3 else 1 + i, stream.uniform(2.0)) for i in range(n)]
        genomes.append(Genome.from_edges(edges, n_inputs=2, n_outputs=1))
    pool = Pool.from_genomes(genomes)
    there = np.arange(pool.links.shape[1]) < pool.n_links[:, None]
    weights = np.ma.array(pool.links["weight"], mask=~there)
    image = ax.imshow(weights, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
    ax.set(xlabel="links", ylabel="genomes")
    ax.figure.colorbar(image, label="weight")
