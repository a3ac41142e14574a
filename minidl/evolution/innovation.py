r"""Innovations: the book of historical markings, in which every invention has its number.

Two genomes that get the same new link must not call it by two names, or they would not be lined up any more: the
*competing conventions* that markings are there to prevent. So inventions are told by what they are:

    a link     by (source, target)
    a node     by (innovation of the link that it split, how many nodes of this genome have split that link before)

and what is already in the book keeps its number. The two links of a new node are inventions like any other.

How far back the book goes is a matter of taste (`config.innovation_scope`). "generation": it is empty at the start of
every generation, as in the paper; the same link that comes up again 40 generations later is another invention. "run":
it is never emptied, and a pair of nodes has one number for ever.

Children are numbered in their order, so numbers depend on nothing else. The book is one array of integers, rows (kind,
a, b, number), which can be saved, and which the compiled loop (`kernels/breed.py`) goes on writing.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10, section 3.2.

Try it:
1. Give two copies of a genome of 4 links the same new node, `add_node` with `Stream(1)` and one book for both: their
   `distance` is 0, and a child by `crossover` has 6 links. Call `book.forget()` in between: distance 4, and the child
   of two equal networks has the node twice, 8 links: it is competing conventions that the book prevents.
2. The exclusive or of `demos/neat_xor.py`, 100 seeds: `innovation_scope="run"` needs a quarter of the numbers (113 and
   not 439 at the end of a run), 14 species and not 18, and 4,870 evaluations and not 5,480 (standard errors 280).
3. Ask `Innovations(3, 4)` for `node(0, 0)` twice, `forget`, and ask again: 4, 4, 5. A number is never used anew.
"""

from typing import Any

import numpy as np

from minidl.evolution.pool import Pool

LINK_BETWEEN, NODE_IN = 0, 1  # kinds of inventions


class Innovations:
    r"""The next free numbers of a link and a node, and `book` (N, 4) int32, the inventions so far in their order.

    | option | meaning | neat-python |
    |---|---|---|
    | `Innovations` | the book | `InnovationTracker`: links only, emptied every generation |
    | `next_link`, `next_node` | the first numbers that are free | `start_number`; `node_indexer` of the config |
    | `book` | to go on with; None: empty | none |

    >>> book = Innovations(next_link=3, next_node=4)
    >>> book.link(0, 4), book.link(1, 4), book.link(0, 4)
    (3, 4, 3)
    >>> book.node(0, 0), book.node(0, 1), book.node(0, 0)
    (4, 5, 4)
    >>> book
    Innovations(next_link=5, next_node=6, 4 in the book)
    """

    def __init__(self, next_link: int, next_node: int, book: np.ndarray | None = None):
        self.next_link, self.next_node = next_link, next_node
        self.book = np.zeros((0, 4), np.int32) if book is None else book

    @classmethod
    def after(cls, pool: Pool) -> "Innovations":
        r"""The book of a run that starts with these genomes: their links are in it, the next numbers are free.

        ValueError if one number means two links.

        >>> from minidl.evolution import NEATConfig
        >>> book = Innovations.after(Pool.initial(NEATConfig(2, 1), seed=0))
        >>> book.next_link, book.next_node, book.link(0, 3)
        (3, 4, 0)
        """
        links = np.concatenate([row[:n] for row, n in zip(pool.links, pool.n_links, strict=True)])
        rows = np.stack([np.zeros_like(links["source"]), links["source"], links["target"], links["innovation"]], axis=1)
        rows = np.unique(rows, axis=0)
        rows = rows[np.argsort(rows[:, 3], kind="stable")]
        for one, other in zip(rows, rows[1:], strict=False):
            if one[3] == other[3]:
                raise ValueError(
                    f"Innovations: number {one[3]} must mean one link, "
                    f"got {one[1]} -> {one[2]} in a genome and {other[1]} -> {other[2]} in another"
                )
        last_link = rows[-1, 3] if len(rows) else -1
        last_node = max(row["id"][n - 1] for row, n in zip(pool.nodes, pool.n_nodes, strict=True))
        return cls(int(last_link) + 1, int(last_node) + 1, rows)

    def link(self, source: int, target: int) -> int:
        r"""The innovation number of the link from `source` to `target`."""
        number = self._find(LINK_BETWEEN, source, target)
        if number is None:
            number, self.next_link = self.next_link, self.next_link + 1
            self._note(LINK_BETWEEN, source, target, number)
        return number

    def node(self, link: int, times: int) -> int:
        r"""The number of the node that splits the link with innovation `link`, after `times` others."""
        number = self._find(NODE_IN, link, times)
        if number is None:
            number, self.next_node = self.next_node, self.next_node + 1
            self._note(NODE_IN, link, times, number)
        return number

    def forget(self) -> None:
        r"""Empty the book. Numbers go on."""
        self.book = self.book[:0]

    def __repr__(self) -> str:
        return f"Innovations(next_link={self.next_link}, next_node={self.next_node}, {len(self.book)} in the book)"

    def _find(self, kind: int, a: int, b: int) -> int | None:
        found = np.flatnonzero((self.book[:, :3] == (kind, a, b)).all(axis=1))
        return int(self.book[found[0], 3]) if found.size else None

    def _note(self, kind: int, a: int, b: int, number: int) -> None:
        self.book = np.concatenate([self.book, np.array([(kind, a, b, number)], np.int32)])


def illustrate(ax: Any) -> None:
    r"""Links that come up one after the other, each between a random one of 6 nodes and one of 4, and the numbers that
    the book gives them. A book that is never emptied (blue) knows all 24 links in the end, and gives no new number any
    more. One that is emptied after every 40 (orange, dashed lines) calls the same links by new numbers then."""
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.integers(6, size=160), rng.integers(6, 10, size=160)], axis=1)
    for scope, marker in (("run", "o"), ("generation", "x")):
        book, numbers = Innovations(next_link=0, next_node=10), []
        for k, (source, target) in enumerate(pairs):
            if scope == "generation" and k % 40 == 0:
                book.forget()
                ax.axvline(k, linestyle="dashed", linewidth=0.8, color="C1")
            numbers.append(book.link(int(source), int(target)))
        ax.plot(numbers, marker, markersize=4)
        ax.annotate(f'"{scope}"', (len(numbers), numbers[-1]), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set(xlabel="links that came up", ylabel="innovation number")
