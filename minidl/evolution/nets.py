r"""Network and Nets: genomes as functions.

A genome says which links there are; its *phenotype* is the network that they make. Two ways lead from the inputs x to
the outputs. Feed-forward, every node once, after all of its sources:

$$ v_k = f_k\Big(\operatorname*{agg}_{c \to k} w_c \, v_{s(c)}\Big) $$

where c are the enabled links into node k, $s(c)$ is the source of c, agg is the sum (or product, maximum, minimum,
mean) and $f_k$ the activation of k. That needs a network without cycles. The other way is in steps: in each one all
nodes at once look at what their sources said in the step before,

$$ v_k(t + 1) = f_k\Big(\operatorname*{agg}_{c \to k} w_c \, v_{s(c)}(t)\Big), \qquad v_k(0) = 0 $$

with the inputs held at x. A cycle is memory then. What enters takes one step for every node on its way, so after as
many steps as the longest way has nodes (without inputs and bias) a network without cycles says the same in both.

| activation | $f(z)$ | | activation | $f(z)$ |
|---|---|---|---|---|
| sigmoid | $1 / (1 + e^{-4.9 z})$ | | absolute | $\lvert z \rvert$ |
| tanh | $\tanh z$ | | relu | $\max(z, 0)$ |
| gaussian | $e^{-(2.5 z)^2}$ | | step | 1 for z > 0, else 0 |
| sine, cosine | $\sin z$, $\cos z$ | | square | $z^2$ |
| linear | $z$ | | signed_sigmoid, signed_gaussian | twice the other minus 1 |

The loops are in `kernels/network.py`.

Source: Stanley and Miikkulainen 2002 (Evolutionary Computation 10) for NEAT and its sigmoid; Stanley 2007 (Genetic
Programming and Evolvable Machines 8) for networks of mixed activations.

Try it:
1. Ask the network of the picture below for the four cases, `steps=1`: 0.08, 0.92, 0.92, 1.00, an "or", as the hidden
   node has not been heard yet; with `steps=2` and more, as feed-forward, 0.08, 0.84, 0.84, 0.16.
2. Give a linear output a link to itself of weight 0.9, and `step` 1.0, 0.0, 0.0, ...: it says 1, 0.9, 0.81, 0.729, ...
3. Time `nets(X)` of 150 networks grown for 30 generations, X four rows: 31 microseconds (after 295 for compiling them);
   asked one by one, `nets[i](X)`, 5,100. The answers are the same, bit for bit.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import is_array
from minidl.evolution.csr import compiled, part, words
from minidl.evolution.genes import counted
from minidl.evolution.genome import Genome
from minidl.evolution.pool import Pool
from minidl.host import host
from minidl.kernels.network import CSR, forward, step
from minidl.plot.genome import plot_genome
from minidl.tensor import Tensor

_new = object.__new__


class Network:
    r"""The network of one genome; `genome.network()` is the same.

    | option | meaning | neat-python |
    |---|---|---|
    | `Network` | of a `genome` | `FeedForwardNetwork.create`, `RecurrentNetwork.create` |
    | `net(x)` | x (I,) or (B, I) | `activate`, one row at a time |
    | `net(x, steps=n)`, `net.step(x)` | n steps from rest, or one step on | `RecurrentNetwork.activate`: one step |

    `net(x)` with x (I,) or (B, I) returns (O,) or (B, O) in float64: feed-forward, or with `steps=n` what the outputs
    say after n steps from rest. `net.step(x)` goes one step on from where the last one led, `net.reset()` puts it back
    to rest. Numbers that are not finite go through the formulas as they are. `seed` is for a fitness function that
    needs random numbers of its own: `evolve` sets it to one that belongs to this genome in this generation. `csr` holds
    the arrays that compiled loops read (see `kernels/network.py`).

    ValueError for another number of inputs, and for a network with a cycle where no steps are given; TypeError for what
    are no numbers.

    >>> from minidl.evolution import Genome
    >>> edges = [(0, 3, 1.0), (1, 3, 1.0), (2, 3, -1.5)]                   # AND: more than 1.5 of the two inputs
    >>> net = Network(Genome.from_edges(edges, n_inputs=2, n_outputs=1, output_activation="step"))
    >>> net
    Network(2 inputs, bias 1, 1 output, 0 hidden nodes, 3 links)
    >>> net([[0, 0], [0, 1], [1, 0], [1, 1]]).ravel()
    array([0., 0., 0., 1.])
    """

    def __init__(self, genome: Genome):
        if not isinstance(genome, Genome):
            raise check.DTypeError(f"Network: genome must be a Genome, got {type(genome).__name__}")
        nodes, links = genome.to_arrays()
        sizes = [len(nodes)], [len(links)], genome.n_inputs, genome.n_outputs, genome.bias
        self._begin(compiled("Network", nodes[None], links[None], *sizes))

    def _begin(self, csr: CSR) -> "Network":
        self.csr, self.seed = csr, 0
        self.reset()
        return self

    @property
    def n_inputs(self) -> int:
        r"""I: the numbers in a row of x."""
        return self.csr.n_inputs

    @property
    def n_outputs(self) -> int:
        r"""O: the numbers in a row of the answer."""
        return self.csr.output.shape[1]

    @property
    def nets(self) -> "Nets":
        r"""A population of this one network.

        >>> Genome.from_edges([(0, 2, 1.0)], n_inputs=1, n_outputs=1).network().nets
        Nets(1 network, 1 input, 1 output, 1 link)
        """
        nets = _new(Nets)
        nets.csr = self.csr
        return nets

    def __call__(self, x: Any, steps: int | None = None) -> Any:
        x, steps = _numbers("Network", x), _steps("Network", self.csr, steps)
        if x.ndim not in (1, 2):
            raise check.ShapeError(f"Network: x must have shape (I,) or (B, I), got {x.shape}")
        check.axis_size("Network", "x", x, -1, self.n_inputs, "n_inputs")
        y = forward(self.csr, x.reshape(1, -1 if x.size else len(x), self.n_inputs), steps)[0]
        return y if x.ndim == 2 else y[0]

    def reset(self) -> None:
        r"""Back to rest: all nodes but the inputs and the bias say 0.

        >>> net = Genome.from_edges([(0, 1, 1.0), (1, 1, 1.0)], 1, 1, bias=0, output_activation="linear").network()
        >>> net.step([5.0]), net.step([5.0])
        (array([5.]), array([10.]))
        >>> net.reset()
        >>> net.step([5.0])
        array([5.])
        """
        self._old, self._new = np.zeros((2, len(self.csr.activation)))

    def step(self, x: Any) -> np.ndarray:
        r"""One step with x (I,) as inputs: what the outputs (O,) say then."""
        x = host("Network.step", "x", x).astype(np.float64, copy=False)
        check.rank("Network.step", "x", x, "(I,)")
        check.axis_size("Network.step", "x", x, 0, self.n_inputs, "n_inputs")
        with np.errstate(all="ignore"):  # where it is not compiled it would warn
            step(self.csr, 0, x, self._old, self._new)
        self._old, self._new = self._new, self._old
        return self._old[self.csr.output[0]]

    def __repr__(self) -> str:
        return f"Network({words(self.csr)}{', with a cycle' if self.csr.cyclic[0] else ''})"


class Nets:
    r"""The networks of a whole population, evaluated together: the fast way.

    `nets(X)` with X (B, I), the same rows for all, or (P, B, I), rows for each, returns (P, B, O) in float64;
    `steps=n` as in `Network`. X may be a CuPy array: then the work is done on the GPU, and the answer stays there.
    `nets[i]` is one `Network`, and says the same, bit for bit; `nets[a:b]` are the `Nets` of a part.

    ValueError and TypeError as for `Network`, and for another number of networks.

    >>> from minidl.evolution import Genome, Pool
    >>> genomes = [Genome.from_edges([(0, 1, w)], 1, 1, bias=0, output_activation="linear") for w in (1.0, 10.0)]
    >>> nets = Nets(Pool.from_genomes(genomes))
    >>> nets([[1.0], [2.0], [3.0]])[..., 0]
    array([[ 1.,  2.,  3.],
           [10., 20., 30.]])
    >>> len(nets), nets[1]([2.0])
    (2, array([20.]))
    """

    def __init__(self, pool: Pool):
        if not isinstance(pool, Pool):
            raise check.DTypeError(f"Nets: pool must be a Pool, got {type(pool).__name__}; see Pool.from_genomes")
        sizes = pool.n_nodes, pool.n_links, pool.n_inputs, pool.n_outputs, pool.bias
        self.csr = compiled("Nets", pool.nodes, pool.links, *sizes)

    @property
    def n_inputs(self) -> int:
        r"""I: the numbers in a row of X."""
        return self.csr.n_inputs

    @property
    def n_outputs(self) -> int:
        r"""O: the numbers in a row of the answer."""
        return self.csr.output.shape[1]

    def __call__(self, X: Any, steps: int | None = None) -> Any:
        X, steps = _numbers("Nets", X), _steps("Nets", self.csr, steps)
        if X.ndim not in (2, 3):
            raise check.ShapeError(f"Nets: X must have shape (B, I) or (P, B, I), got {X.shape}")
        check.axis_size("Nets", "X", X, -1, self.n_inputs, "n_inputs")
        if X.ndim == 3:
            check.axis_size("Nets", "X", X, 0, len(self), "the number of networks")
        return forward(self.csr, X if X.ndim == 3 else X[None], steps)

    def __len__(self) -> int:
        return len(self.csr.output)

    def __getitem__(self, i: int | slice) -> "Network | Nets":
        if isinstance(i, slice):
            first, last, step = i.indices(len(self))
            if step != 1 or last <= first:
                raise ValueError(f"Nets: a slice must be one network or more in a row, got {i} of {len(self)}")
            nets = _new(Nets)
            nets.csr = part(self.csr, first, last)
            return nets
        index = check.integer("Nets", "index", i)
        if not -len(self) <= index < len(self):
            raise check.IndexRangeError(f"Nets: index {index} of {len(self)} networks")
        p = index % len(self)
        return _new(Network)._begin(part(self.csr, p, p + 1))

    def __repr__(self) -> str:
        counts = [(self.n_inputs, "input"), (self.n_outputs, "output"), (len(self.csr.source), "link")]
        return f"Nets({', '.join(counted(*c) for c in [(len(self), 'network'), *counts])})"


def _numbers(who: str, x: Any) -> Any:
    """x as a float64 array, on the GPU if it is there."""
    x = x.data if isinstance(x, Tensor) else x
    x = x if is_array(x) else host(who, "x", x)
    if x.dtype.kind not in "biuf":
        raise check.DTypeError(f"{who}: x must hold numbers, got dtype {x.dtype}")
    return x.astype(np.float64, copy=False)


def _steps(who: str, csr: CSR, steps: int | None) -> int:
    if steps is not None:
        return check.integer(who, "steps", steps, low=1)
    if csr.cyclic.any():
        which = "the genome" if who == "Network" else f"genome {int(csr.cyclic.argmax())}"
        raise ValueError(
            f"{who}: {which} has a cycle, so not every node can come after its sources; "
            "say how many steps, as in net(x, steps=5)"
        )
    return 0


def illustrate(ax: Any) -> None:
    r"""A genome (left) and the function that it is (right): what its network says for every pair of inputs from -0.5 to
    1.5. At the four corners of the unit square (dots) that is exclusive or: more than 1/2, inside the line, where one
    input is 1 and the other 0. The hidden node is what bends the plane back down in the upper right corner."""
    edges = [(0, 4, 1.0), (1, 4, 1.0), (2, 4, -1.5), (4, 3, -2.0), (0, 3, 1.0), (1, 3, 1.0), (2, 3, -0.5)]
    genome = Genome.from_edges(edges, n_inputs=2, n_outputs=1)
    ax.axis("off")
    panel = ax.inset_axes([0, 0, 0.45, 1])
    plot_genome(genome, names=["a", "b", ""], ax=panel, colorbar=False).set_title("")
    side = np.linspace(-0.5, 1.5, 41)
    cases = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    y = genome.network()(cases).reshape(41, 41)
    plane = ax.inset_axes([0.55, 0.1, 0.42, 0.85], xlabel="a", ylabel="b", aspect="equal")
    image = plane.pcolormesh(side, side, y, rasterized=True, clim=(0, 1))
    plane.contour(side, side, y, levels=[0.5], colors="#f0f0f0")
    plane.plot([0, 0, 1, 1], [0, 1, 0, 1], "o", color="C1")
    ax.figure.colorbar(image, ax=ax, label="y", shrink=0.85)
