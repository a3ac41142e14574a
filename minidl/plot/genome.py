r"""plot_genome: an evolved network as nodes and links, as NEAT has built it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.kernels.activation import ACTIVATIONS, activate_ref
from minidl.kernels.network import AGGREGATIONS
from minidl.plot.canvas import axes
from minidl.plot.layout import BIAS, HIDDEN, INPUT, OUTPUT, arranged

# orange and purple that can be seen on white and on black; 0 is grey, a link there is no less a link
WEIGHTS = ("#d06a10", "#8c8c8c", "#8a5fd0")
FACES = {INPUT: "#dcebf7", BIAS: "#eeeeee", OUTPUT: "#fdebd3", HIDDEN: "white"}
RADIUS = 0.33
# half the range of z that a glyph shows; 1.2 for others
SPAN = {"sine": np.pi, "cosine": np.pi, "tanh": 2.5}


def plot_genome(
    genome: Any, *, names: Sequence | None = None, colorbar: bool = True, ax: Any = None, **kwargs: Any
) -> Any:
    r"""The network of a `Genome`, from the inputs and the bias on the left to the outputs on the right.

    Links: orange is negative, purple positive, width the size of the weight; dotted ones are off. Those that lead back,
    to their own column or to the same node are arcs with an arrowhead. Nodes have their id, and in them the curve of
    their activation, over a line where it is 0; an aggregation other than the sum is named.

    names: of the inputs and then of the outputs, the bias not counted. colorbar: whether there is one, of the weights.
    kwargs: for the `PathCollection` of the links, such as `cmap=`, `clim=(-8, 8)`, `alpha=`. Raises TypeError for what
    has no nodes and links, and ValueError for another number of names, weights that are not finite, and links of nodes
    that are not there.

    >>> from minidl.evolution import Genome
    >>> genome = Genome.from_edges([(0, 3, 2.0), (1, 3, -1.0), (0, 4, 1.0), (4, 3, 0.5)], n_inputs=2, n_outputs=1)
    >>> plot_genome(genome, names=["x", "y", "answer"]).get_title()
    '5 nodes, 1 hidden; 4 links'
    """
    who = "plot_genome"
    nodes, links = checked(who, genome)
    named = [node for kind in (INPUT, OUTPUT) for node in nodes if node.kind == kind]
    names = [""] * len(named) if names is None else [str(name) for name in names]
    if len(names) != len(named):
        raise ValueError(f"{who}: names must have {len(named)} entries, for inputs and outputs, got {len(names)}")

    places, ways = arranged(nodes, links)
    centres = np.array([places[node.id] for node in nodes])
    everywhere = np.concatenate([centres, *ways])
    low, high = everywhere.min(axis=0) - 0.8, everywhere.max(axis=0) + 0.8
    wide, tall = high - low
    inch = min(0.75, 11 / wide, 8 / tall)
    ax = axes(ax, max(wide * inch, 3.0) + 1.0 + 1.2 * bool(links), max(tall * inch, 1.5) + 0.6)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    ax.set_axis_off()
    inch = min(ax.get_window_extent().size / ax.figure.dpi / (wide, tall))  # of the axes that there are
    if links:
        drawn = draw_links(ax, links, ways, inch, kwargs)
        if colorbar:
            ax.figure.colorbar(drawn, ax=ax, shrink=0.8, label="weight")
    draw_nodes(ax, nodes, centres, inch)
    size = min(10.0, max(4.0, 22 * inch))
    labels = dict(zip((node.id for node in named), names, strict=True))
    for node, (x, y) in zip(nodes, centres, strict=True):
        label, side = labels.get(node.id, "bias" if node.kind == BIAS else ""), -1 if node.kind != OUTPUT else 1
        ax.text(x + side * 0.45, y, label, ha="left" if side > 0 else "right", va="center", fontsize=size)
    hidden, off = sum(node.kind == HIDDEN for node in nodes), sum(not link.enabled for link in links)
    title = f"{len(nodes)} nodes, {hidden} hidden; {len(links)} link{'s' * (len(links) != 1)}"
    ax.set_title(title + f", {off} of them off" * bool(off))
    return ax


def checked(who: str, genome: Any) -> tuple[list, list]:
    r"""The nodes and links of a genome that can be drawn."""
    if not hasattr(genome, "nodes") or not hasattr(genome, "links"):
        raise check.DTypeError(f"{who}: genome must be a Genome, got {type(genome).__name__}")
    nodes, links = list(genome.nodes), list(genome.links)
    if not nodes:
        raise ValueError(f"{who}: genome has no nodes")
    known = {node.id for node in nodes}
    for link in links:
        if not {link.source, link.target} <= known:
            raise ValueError(f"{who}: link {link.source} -> {link.target} has an end that is no node of the genome")
        if not np.isfinite(link.weight):
            raise ValueError(f"{who}: link {link.source} -> {link.target} must have a finite weight, got {link.weight}")
    return nodes, links


def curve(way: np.ndarray) -> Any:
    r"""A path through the points (n, 2): straight between two, smooth where there are more (cubic Hermite)."""
    from matplotlib.path import Path  # noqa: PLC0415  (only who draws needs Matplotlib)

    slope = np.diff(way[:, 1]) / np.diff(way[:, 0])  # of every piece
    slope = np.concatenate([slope[:1], (slope[1:] + slope[:-1]) / 2, slope[-1:]])  # at every point
    handle = np.stack([np.ones(len(way)), slope], axis=1) * np.diff(way[:2, 0]) / 3
    corners = [way[:1]]
    for a, b, out, into in zip(way, way[1:], handle, handle[1:], strict=False):
        corners.append(np.stack([a + out, b - into, b]))
    return Path(np.concatenate(corners), [Path.MOVETO] + [Path.CURVE4] * 3 * (len(way) - 1))


def arc(way: np.ndarray) -> Any:
    r"""A path from the first point back to the last one, up and over: its middle corner is to the right of the straight
    line. Where both are one node it is a loop above it."""
    from matplotlib.path import Path  # noqa: PLC0415  (only who draws needs Matplotlib)

    start, end = way[0], way[-1]
    length = np.hypot(*(end - start))
    if length == 0:
        corners = start + np.array([[0.5, 0.6], [0.9, 2.4], [-0.9, 2.4], [-0.5, 0.6]]) * RADIUS * 1.25
        return Path(corners, [Path.MOVETO] + [Path.CURVE4] * 3)
    ahead = (end - start) / length
    corner = (start + end) / 2 + (0.6 + 0.3 * length) * np.array([ahead[1], -ahead[0]])
    tip = end + RADIUS * (corner - end) / np.hypot(*(corner - end))  # at the node's rim
    return Path([start, corner, tip], [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def draw_links(ax: Any, links: list, ways: list, inch: float, kwargs: dict) -> Any:
    r"""All links as one collection, which is returned, and arrowheads on those that lead back."""
    from matplotlib.collections import PathCollection, PolyCollection  # noqa: PLC0415
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    back = [k for k, way in enumerate(ways) if way[-1, 0] <= way[0, 0]]
    paths = [arc(way) if k in back else curve(way) for k, way in enumerate(ways)]
    weights = np.array([link.weight for link in links])
    largest = abs(weights).max() or 1.0
    widths = min(1.0, inch / 0.5) * (1.0 + 3.0 * abs(weights) / largest)
    styles = ["solid" if link.enabled else (0, (1, 2)) for link in links]
    options = {"array": weights, "clim": (-largest, largest), "linewidths": widths, "linestyles": styles, "zorder": 1}
    options["cmap"] = LinearSegmentedColormap.from_list("weights", WEIGHTS)
    drawn = ax.add_collection(PathCollection(paths, facecolors="none", **{**options, **kwargs}))
    heads = []
    for k in back:
        before, tip = paths[k].vertices[-2:]
        ahead = (tip - before) / np.hypot(*(tip - before)) * (0.14 + 0.02 * widths[k])
        across = np.array([-ahead[1], ahead[0]]) * 0.45
        heads.append([tip, tip - ahead + across, tip - ahead - across])
    colours = drawn.to_rgba(weights[back])
    ax.add_collection(PolyCollection(heads, facecolors=colours, edgecolors=colours, linewidths=0.5, zorder=2))
    return drawn


def draw_nodes(ax: Any, nodes: list, centres: np.ndarray, inch: float) -> None:
    r"""Circles with what is known of the nodes."""
    from matplotlib import patheffects  # noqa: PLC0415  (only who draws needs Matplotlib)
    from matplotlib.collections import LineCollection, PatchCollection  # noqa: PLC0415
    from matplotlib.patches import Circle  # noqa: PLC0415

    faces = [FACES[node.kind] for node in nodes]
    discs = [Circle(centre, RADIUS) for centre in centres]
    ax.add_collection(PatchCollection(discs, facecolors=faces, edgecolors="0.3", linewidths=0.8, zorder=3))
    z = np.linspace(-1, 1, 31)
    lines, zeros = [], []
    ground = ax.get_facecolor()
    halo = [patheffects.withStroke(linewidth=2, foreground=ground)] if ground[3] else None
    for node, (x, y) in zip(nodes, centres, strict=True):
        inside = node.kind in (INPUT, BIAS)
        if not inside:
            name = ACTIVATIONS[node.activation]
            f = activate_ref(np, name, z * SPAN.get(name, 1.2))
            lines.append(np.stack([x + 0.2 * z, y + 0.17 * f / abs(f).max()], axis=1))
            zeros.append([(x - 0.22, y), (x + 0.22, y)])
        text = str(node.id) if inside or not node.aggregation else f"{node.id} {AGGREGATIONS[node.aggregation]}"
        ax.text(
            *(x, y if inside else y - RADIUS - 0.03, text),
            **{"ha": "center", "va": "center" if inside else "top", "fontsize": min(8.0, max(3.0, 24 * inch))},
            **{"color": "black", "zorder": 5} if inside else {"path_effects": halo, "zorder": 5},
        )
    ax.add_collection(LineCollection(zeros, colors="0.75", linewidths=0.6, zorder=4))
    ax.add_collection(LineCollection(lines, colors="black", linewidths=min(1.2, 2 * inch), zorder=4))
