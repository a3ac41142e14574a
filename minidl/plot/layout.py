r"""Where the nodes of an evolved network go on paper (Sugiyama, Tagawa and Toda 1981, IEEE Transactions on Systems, Man
and Cybernetics 11).

Columns: inputs and bias are the first, outputs the last; a hidden node stands right of all its sources, as far left as
that allows. A link that goes past a column gets a *waypoint* there, a place of its own among the nodes. Then the hidden
columns are gone through again and again, and each node and waypoint is drawn towards the mean height of its neighbours
left and right, which undoes most crossings.
"""

from typing import Any

import numpy as np

INPUT, BIAS, OUTPUT, HIDDEN = range(4)  # node.kind
SWEEPS = 20
NODE, WAYPOINT = 0.5, 0.15  # half the height that each takes


def columns(nodes: list, links: list) -> dict[int, int]:
    r"""The column of every node, by its id: the longest path from the inputs; what closes a cycle does not count.

    >>> from minidl.evolution import Genome
    >>> genome = Genome.from_edges([(0, 2, 1.0), (2, 1, 1.0), (0, 1, 1.0)], n_inputs=1, n_outputs=1, bias=0)
    >>> columns(genome.nodes, genome.links)
    {0: 0, 2: 1, 1: 2}
    """
    outputs = [node.id for node in nodes if node.kind == OUTPUT]
    sources: dict[int, set] = {node.id: set() for node in nodes if node.kind == HIDDEN}
    for link in links:
        if link.target in sources and link.source != link.target and link.source not in outputs:
            sources[link.target].add(link.source)
    found = {node.id: 0 for node in nodes if node.kind in (INPUT, BIAS)}
    while sources:  # next is a node of which all sources have their column; in a cycle one that lacks the fewest
        missing = {target: sum(s not in found for s in of) for target, of in sources.items()}
        node = min(sources, key=lambda n: (missing[n], missing[n] == len(sources[n]), n))
        found[node] = 1 + max((found[s] for s in sources.pop(node) if s in found), default=0)
    return found | dict.fromkeys(outputs, 1 + max(found.values(), default=0))


def arranged(
    nodes: list, links: list, column: dict[int, int] | None = None
) -> tuple[dict[int, tuple], list[np.ndarray]]:
    r"""The place (x, y) of every node, by its id, and of every link the points (n, 2) that it goes through.
    column: of every node, by its id; None: those of `columns`. link.port, if there is one: how much higher than the
    middle of its target a link likes to come."""
    column = columns(nodes, links) if column is None else column
    last = max(column.values())
    rows: list[list] = [[] for _ in range(last + 1)]
    for node in sorted(nodes, key=lambda node: -node.id):  # the first input is at the top
        rows[column[node.id]].append(node.id)
    ways = []
    # of nodes and waypoints (link, column): those next to it, and how much higher than they it likes to be
    beside: dict[Any, list] = {node.id: [] for node in nodes}
    for number, link in enumerate(links):
        start, end = column[link.source], column[link.target]
        way = [link.source, *((number, c) for c in range(start + 1, end)), link.target]
        ways.append(way)
        if start < end:
            for point in way[1:-1]:
                rows[point[1]].append(point)
                beside[point] = []
            for a, b in zip(way, way[1:], strict=False):
                port = getattr(link, "port", 0) if b is way[-1] else 0
                beside[a].append((b, port))
                beside[b].append((a, -port))

    y: dict[Any, float] = {}
    for row in rows:
        y |= dict(zip(row, spread(row, np.arange(len(row)) * 1e-9), strict=True))
    for sweep in range(SWEEPS):
        for row in rows[1:last] if sweep % 2 else rows[last - 1 : 0 : -1]:
            wanted = {item: float(np.mean([y[b] + up for b, up in beside[item] or [(item, 0)]])) for item in row}
            row.sort(key=wanted.get)
            y |= dict(zip(row, spread(row, np.array([wanted[item] for item in row])), strict=True))

    height = max(y.values()) - min(y.values())
    step = max(1.8, 0.18 * height)
    x = {item: c * step for c, row in enumerate(rows) for item in row}
    places = {node.id: (x[node.id], y[node.id]) for node in nodes}
    return places, [np.array([(x[item], y[item]) for item in way]) for way in ways]


def spread(row: list, wanted: np.ndarray) -> np.ndarray:
    r"""The heights nearest to those wanted (which rise) that leave every node and waypoint of a column its room.

    With room taken off, heights must only not fall: that is isotonic regression, by pooling neighbours that do
    (Barlow, Bartholomew, Bremner and Brunk 1972).

    >>> spread([3, 4, 5], np.array([0.0, 0.0, 5.0]))
    array([-0.5,  0.5,  5. ])
    """
    half = np.array([NODE if isinstance(item, int) else WAYPOINT for item in row])
    room = np.cumsum(2 * half) - half
    blocks: list[list[float]] = []  # mean, size
    for value in wanted - room:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            mean, size = blocks.pop()
            before, n = blocks[-1]
            blocks[-1] = [(before * n + mean * size) / (n + size), n + size]
    return room + np.repeat([mean for mean, _ in blocks], [size for _, size in blocks])
