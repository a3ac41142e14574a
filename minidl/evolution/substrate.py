r"""Substrate: where the nodes of a network lie, and which groups of them are linked.

HyperNEAT evolves no weights. It evolves a function of places, a CPPN, and asks it for the weight of the link between
the node at $(x_1, y_1)$ and the node at $(x_2, y_2)$, for all links there can be. So the nodes need places, and what
the places look like is what evolution can make use of: neighbours, symmetry, repetition.

A substrate is a list of *sheets*, each an array (n, D) of the positions of its n nodes in D dimensions, most often in
[-1, 1], and a list of *connections*, pairs of sheets of which every node of one may be linked to every node of the
other. The first sheet takes the inputs, the last one has the outputs. Connections lead from a sheet to a later one.

Source: Stanley, D'Ambrosio and Gauci 2009, Artificial Life 15, sections 3 and 4.

Try it:
1. Count `Substrate.sandwich((n, n)).n_links` for n = 11, 33, 55: 14,641, then 1,185,921, then 9,150,625. All of them
   come from one CPPN, whose genome stays the same.
2. Make three sheets of the same places, `Substrate({"a": grid(3), "b": grid(3), "c": grid(3)})`, and `express` a CPPN
   of 2 inputs on it: both matrices are equal, whatever the CPPN. With `Substrate.layered([3, 3, 3])`, where a sheet's
   height is a coordinate, they differ.
3. Link back, `Substrate({"a": grid(2), "b": grid(2)}, [("b", "a")])`: it says that connections lead to later sheets, as
   sheets are computed once each, in their order.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.positions import grid, positions, ring

WHO = "Substrate"
BLOCK = 2**16  # pairs that are looked at together


class Substrate:
    r"""Sheets of nodes by name, and the connections between them.

    | option | meaning |
    |---|---|
    | `Substrate` | `.sandwich`, `.layered`, `.circular` and `.box` make the usual ones |
    | `sheets` | name -> positions (n, D), in the order in which they are computed |
    | `connections` | (source, target) names; None: each sheet to the next |

    `shapes` of the weights are those of `connections`: (nodes of the source, nodes of the target).

    Raises ValueError or TypeError for fewer than two sheets, a sheet without nodes, two nodes of one sheet at one
    place, positions that are not finite, sheets of different dimensions, and connections that repeat, lead back or to
    nowhere, or leave out the outputs.

    >>> Substrate({"in": grid(3), "out": [[0.0]]})
    Substrate(D=1, in: 3, out: 1; in -> out: 3 links)
    """

    def __init__(self, sheets: Mapping[str, Any], connections: Sequence[tuple[str, str]] | None = None):
        if not isinstance(sheets, Mapping):
            raise check.DTypeError(f"{WHO}: sheets must be a dict of positions by name, got {type(sheets).__name__}")
        if not all(isinstance(name, str) for name in sheets):
            raise check.DTypeError(f"{WHO}: names of sheets must be strings, got {list(sheets)}")
        if len(sheets) < 2:
            raise ValueError(f"{WHO}: sheets must be at least two, inputs and outputs, got {len(sheets)}")
        self.sheets = {name: positions(WHO, f"sheet {name!r}", places) for name, places in sheets.items()}
        self.dimensions = next(iter(self.sheets.values())).shape[1]
        for name, places in self.sheets.items():
            check.axis_size(WHO, f"sheet {name!r}", places, 1, self.dimensions, "the dimensions of the first sheet")
        names = list(self.sheets)
        pairs = list(zip(names, names[1:], strict=False)) if connections is None else connections
        if not isinstance(pairs, tuple | list):
            raise check.DTypeError(f"{WHO}: connections must be a list of pairs of names, got {pairs!r}")
        self.connections = tuple(self._connection(pair) for pair in pairs)
        if len(set(self.connections)) != len(self.connections):
            raise ValueError(f"{WHO}: connections name a pair twice: {self.connections}")
        if names[-1] not in {target for _, target in self.connections}:
            raise ValueError(f"{WHO}: no connection leads to the outputs, sheet {names[-1]!r}")

    @classmethod
    def sandwich(cls, inputs: int | Sequence[int], outputs: int | Sequence[int] | None = None) -> "Substrate":
        r"""Two grids over the same places: every input may be linked to every output. outputs None: as the inputs.

        >>> Substrate.sandwich((11, 11))
        Substrate(D=2, inputs: 121, outputs: 121; inputs -> outputs: 14641 links)
        """
        return cls({"inputs": grid(*_shape(inputs)), "outputs": grid(*_shape(inputs if outputs is None else outputs))})

    @classmethod
    def layered(cls, shapes: Sequence[int | Sequence[int]]) -> "Substrate":
        r"""Grids one above the other, each linked to the next. Their height, from -1 to 1, is one more coordinate:
        the last one, without which the CPPN could not tell the links of one layer from those of another.

        >>> substrate = Substrate.layered([2, 3, 1])
        >>> substrate
        Substrate(D=2, inputs: 2, hidden_1: 3, outputs: 1; inputs -> hidden_1: 6 links, hidden_1 -> outputs: 3 links)
        >>> substrate.sheets["inputs"]
        array([[-0.5, -1. ],
               [ 0.5, -1. ]])
        """
        layers = [grid(*_shape(shape)) for shape in _list("layered", "shapes", shapes)]
        height = np.linspace(-1, 1, len(layers))
        return cls._stack([np.insert(p, p.shape[1], z, axis=1) for p, z in zip(layers, height, strict=True)])

    @classmethod
    def circular(cls, sizes: Sequence[int]) -> "Substrate":
        r"""Rings around one centre, of so many nodes each, from the inputs at the innermost to the outputs at radius 1.

        >>> Substrate.circular([4, 8]).sheets["inputs"].round(6) + 0.0
        array([[ 0.5,  0. ],
               [ 0. ,  0.5],
               [-0.5,  0. ],
               [ 0. , -0.5]])
        """
        sizes = _list("circular", "sizes", sizes)
        return cls._stack([ring(n, (i + 1) / len(sizes)) for i, n in enumerate(sizes)])

    @classmethod
    def box(cls, planes: int, rows: int, cols: int) -> "Substrate":
        r"""A box of planes x rows x cols nodes in three dimensions (x, y, z): the first plane takes the inputs, each is
        linked to the next.

        >>> Substrate.box(2, 3, 3)
        Substrate(D=3, inputs: 9, outputs: 9; inputs -> outputs: 81 links)
        """
        planes = check.integer(f"{WHO}.box", "planes", planes, low=2)
        return cls._stack(np.split(grid(planes, rows, cols), planes))

    @classmethod
    def _stack(cls, layers: Sequence[np.ndarray]) -> "Substrate":
        names = ["inputs", *(f"hidden_{i}" for i in range(1, len(layers) - 1)), "outputs"]
        return cls(dict(zip(names, layers, strict=True)))

    def _connection(self, pair: Any) -> tuple[str, str]:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise check.DTypeError(f"{WHO}: a connection must be a pair of names of sheets, got {pair!r}")
        names = list(self.sheets)
        source, target = (check.option(WHO, "a name in connections", name, names) for name in pair)
        if names.index(source) >= names.index(target):
            raise ValueError(f"{WHO}: a connection must lead to a later sheet, got {source!r} -> {target!r}")
        return source, target

    @property
    def n_inputs(self) -> int:
        r"""The nodes of the first sheet."""
        return len(next(iter(self.sheets.values())))

    @property
    def n_outputs(self) -> int:
        r"""The nodes of the last sheet."""
        return len(list(self.sheets.values())[-1])

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        r"""The shape of the weights of each connection: (nodes of the source, nodes of the target)."""
        return tuple((len(self.sheets[source]), len(self.sheets[target])) for source, target in self.connections)

    @property
    def n_links(self) -> int:
        r"""How many links there can be."""
        return sum(math.prod(shape) for shape in self.shapes)

    def pairs(self, connection: int = 0, *, delta: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
        r"""The positions of all pairs of nodes that connection number `connection` may link, in blocks.

        Yields (targets, places): a slice of the nodes of the target sheet, and an array (S, T, 2 D) of the positions
        of all S nodes of the source sheet, each followed by that of one of these T targets. delta: followed by the D
        differences, source minus target. A block has about 2^16 pairs, but all of the sources.

        >>> [(targets, places)] = Substrate({"a": [[-1.0], [1.0]], "b": [[0.5]]}).pairs(delta=True)
        >>> places
        array([[[-1. ,  0.5, -1.5]],
        <BLANKLINE>
               [[ 1. ,  0.5,  0.5]]])
        """
        who = f"{WHO}.pairs"
        connection = check.integer(who, "connection", connection, low=0, high=len(self.connections) - 1)
        check.option(who, "delta", delta, (False, True))
        source, target = (self.sheets[name] for name in self.connections[connection])
        step = max(1, BLOCK // len(source))
        for first in range(0, len(target), step):
            targets = slice(first, min(first + step, len(target)))
            one, other = np.broadcast_arrays(source.T[:, :, None], target.T[:, None, targets])  # (D, S, T)
            places = np.concatenate([one, other, one - other] if delta else [one, other])
            yield targets, np.moveaxis(places, 0, -1)

    def __repr__(self) -> str:
        sheets = ", ".join(f"{name}: {len(places)}" for name, places in self.sheets.items())
        links = ", ".join(
            f"{source} -> {target}: {s * t} links"
            for (source, target), (s, t) in zip(self.connections, self.shapes, strict=True)
        )
        return f"{WHO}(D={self.dimensions}, {sheets}; {links})"


def _shape(value: Any) -> tuple:
    return tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value,)


def _list(method: str, name: str, values: Any) -> list:
    if not isinstance(values, tuple | list | np.ndarray) or len(values) < 2:
        raise ValueError(f"{WHO}.{method}: {name} must be a list of at least two, got {values!r}")
    return list(values)


def illustrate(ax: Any) -> None:
    r"""Substrates: `layered([3, 5, 2])`, with the height as a coordinate; `circular([4, 8])`, the inputs inside; and
    `box(2, 3, 3)`, two planes seen from the side. Blue dots are inputs, orange ones outputs, green ones between. The
    lines are all the links there can be: whether there is one, and its weight, the CPPN says from the places of its two
    ends."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415  (only who draws needs Matplotlib)

    ax.axis("off")
    made = Substrate.layered([3, 5, 2]), Substrate.circular([4, 8]), Substrate.box(2, 3, 3)
    for k, (name, substrate) in enumerate(zip(("layered", "circular", "box"), made, strict=True)):
        view = np.eye(2) if substrate.dimensions == 2 else np.array([[0.5, 0.04], [0.25, 0.16], [0.0, 0.6]])
        panel = ax.inset_axes([0.34 * k, 0.05, 0.32, 0.85], aspect="equal")
        panel.axis("off")
        panel.set_title(name)
        for connection in range(len(substrate.connections)):
            for _, places in substrate.pairs(connection):
                ends = places.reshape(-1, 2, substrate.dimensions) @ view  # (pairs, 2, 2)
                panel.add_collection(LineCollection(ends, colors="C4", linewidths=0.4))
        sheets = list(substrate.sheets.values())
        for i, places in enumerate(sheets):
            colour = "C0" if i == 0 else "C1" if i == len(sheets) - 1 else "C2"
            panel.plot(*(places @ view).T, "o", color=colour, markersize=5)
