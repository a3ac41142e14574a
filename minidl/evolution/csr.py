r"""CSR: genomes made into the arrays that the compiled loops of `kernels/network.py` read."""

from typing import Any

import numpy as np

from minidl.evolution.genes import BIAS, INPUT, OUTPUT, counted
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS, CSR
from minidl.kernels.phenotype import phenotypes


def part(csr: CSR, p: int, q: int) -> CSR:
    r"""Networks p to q - 1."""
    first, last = csr.first_node[p], csr.first_node[q]
    first_link = csr.first_link[first : last + 1]
    links = slice(first_link[0], first_link[-1])
    return CSR(
        csr.first_node[p : q + 1] - first,
        csr.activation[first:last],
        csr.aggregation[first:last],
        first_link - first_link[0],
        csr.source[links],
        csr.weight[links],
        csr.output[p:q],
        csr.cyclic[p:q],
        csr.n_inputs,
        csr.bias,
    )


def words(csr: CSR) -> str:
    r"""What one network is made of.

    >>> from minidl.evolution import Genome
    >>> words(Genome.from_edges([(0, 2, 1.0)], n_inputs=1, n_outputs=1).network().csr)
    '1 input, bias 1, 1 output, 0 hidden nodes, 1 link'
    """
    O, bias = csr.output.shape[1], [f"bias {csr.bias:g}"] if csr.bias else []
    hidden = len(csr.activation) - csr.n_inputs - len(bias) - O
    counts = [(O, "output"), (hidden, "hidden node"), (len(csr.source), "link")]
    return ", ".join([counted(csr.n_inputs, "input"), *bias, *(counted(*c) for c in counts)])


def compiled(who: str, nodes: Any, links: Any, n_nodes: Any, n_links: Any, I: int, O: int, bias: float) -> CSR:
    r"""The networks of genomes, given as arrays of records. ValueError for what is no genome."""
    bias = float(bias)
    kinds = np.array([INPUT] * I + [BIAS] * (bias != 0) + [OUTPUT] * O, np.int8)
    try:
        csr = CSR(*phenotypes(nodes, links, n_nodes, n_links, kinds), I, bias)
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None
    for name, names in (("activation", ACTIVATIONS), ("aggregation", AGGREGATIONS)):
        codes = getattr(csr, name)
        if codes.size and codes.view(np.uint8).max() >= len(names):  # a negative one is large, too
            raise ValueError(f"{who}: a node has an {name} that is no position in {names}")
    return csr
