r"""Pictures of an evolution, generation by generation: fitness, species, sizes, and where the champion comes from."""

from typing import Any

import numpy as np

from minidl import check
from minidl.host import host
from minidl.plot.canvas import axes, finite
from minidl.plot.curves import LOSS, METRICS

BANDS = (("q10", "q90", 0.15), ("q25", "q75", 0.3))  # from, to, opacity
GREY = "#b4b4b480"  # light on white, dark on black
# Okabe and Ito's palette, lightened so that black can be read on it
FILLS = ("#7fb8d8", "#eaae7f", "#7fcfb9", "#e5bcd3", "#aad9f4", "#f2cf7f", "#f7f2a0", "#c4c4c4")


def plot_fitness(run: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""The fitness of a population over the generations: best, median, and the bands in which 50 % and 80 % of it lie.

    run: what `evolve` returns, its `History`, or a dict of lists with best, median, q10, q25, q75, q90. kwargs: for
    `Axes.plot`. Raises TypeError for something else and ValueError for one without generations or some of the names.

    >>> run = {"best": [1.0, 3.0], "median": [0.5, 1.0], "q10": [0, 0], "q25": [0, 0], "q75": [0.6, 2], "q90": [0.9, 2]}
    >>> [line.get_label() for line in plot_fitness(run).get_lines()]
    ['best', 'median']
    """
    names = ("best", "median", *(name for low, high, _ in BANDS for name in (low, high)))
    x, rows = history("plot_fitness", run, names)
    ax = by_generation(ax, x, "fitness", f"best fitness {rows['best'].max():.4g}")
    for low, high, alpha in BANDS:
        share = int(high[1:]) - int(low[1:])
        band = rows[low], rows[high]
        wide = x if len(x) > 1 else x + (-0.02, 0.02)  # of one generation there is a bar
        ax.fill_between(wide, *band, color=LOSS, alpha=alpha, linewidth=0, label=f"{share} % of the genomes")
    for name, colour in (("best", METRICS[0]), ("median", LOSS)):
        ax.plot(x, rows[name], **{"color": colour, "label": name, **marker(x), **kwargs})
    return keyed(ax)


def plot_complexity(run: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""How genomes grow: nodes and links, the mean of the population (lines) and the champion's (dashed).

    run: as for `plot_fitness`, with nodes, links, champion_nodes, champion_links. kwargs: for `Axes.plot`.
    Raises TypeError for something else and ValueError for one without generations or some of the names.

    >>> run = {"nodes": [4, 4.5], "links": [3, 4.1], "champion_nodes": [4, 5], "champion_links": [3, 5]}
    >>> plot_complexity(run).get_title()
    'the champion has 5 nodes, 5 links'
    """
    names = ("nodes", "links", "champion_nodes", "champion_links")
    x, rows = history("plot_complexity", run, names)
    nodes, links = (int(rows[name][-1]) for name in names[2:])
    ax = by_generation(ax, x, "number", f"the champion has {nodes} nodes, {links} links")
    for name in names:
        what = name.removeprefix("champion_")
        style = {"color": LOSS if what == "nodes" else METRICS[0], "linestyle": "-" if name == what else "--"}
        label = f"{what}, mean" if name == what else f"{what}, champion"
        ax.plot(x, rows[name], **{**style, "label": label, **marker(x), **kwargs})
    return keyed(ax)


def plot_species(run: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""How the population falls into species: the height of a band is the number of genomes, the oldest are below.

    A band that ends is a species that has died out; its number is written where there is room. After figure 7 of
    Stanley and Miikkulainen 2002.
    run: what `evolve` returns, or a list with {species id: number of genomes} for every generation. kwargs: for
    `Axes.fill_between`. Raises TypeError for something else, ValueError for no generations and sizes that are none.

    >>> plot_species([{0: 10}, {0: 7, 1: 3}, {1: 10}]).get_title()
    '2 species in 3 generations, at most 2 at once'
    """
    who = "plot_species"
    ids, sizes = species_sizes(who, getattr(run, "species_sizes", run))
    x = np.arange(len(sizes))
    edges = (x[:, None] + (-0.5, 0.5)).ravel()  # a generation is a step, from half before to half after
    tops = np.cumsum(np.insert(sizes, 0, 0, axis=1), axis=1)  # (G, S + 1)
    at_once = (sizes > 0).sum(axis=1).max()
    title = f"{len(ids)} species in {len(x)} generation{'s' * (len(x) > 1)}, at most {at_once} at once"
    ax = by_generation(ax, x, "genomes", title)
    for s, name in enumerate(ids):
        alive = np.flatnonzero(sizes[:, s])
        span = slice(2 * alive[0], 2 * alive[-1] + 2)
        style = {"facecolor": FILLS[s % len(FILLS)], "edgecolor": "white", "linewidth": 0.5}
        low, high = (np.repeat(tops[:, k], 2)[span] for k in (s, s + 1))
        ax.fill_between(edges[span], low, high, **{**style, **kwargs})
        style = {"color": "black", "ha": "center", "va": "center", "fontsize": 8, "clip_on": True}
        largest = np.flatnonzero(sizes[:, s] >= 0.8 * sizes[:, s].max())
        g = largest[len(largest) // 2]
        if sizes[g, s] >= 0.06 * tops.max() and len(alive) >= 0.05 * len(x):
            ax.text(g, (tops[g, s] + tops[g, s + 1]) / 2, str(name), **style)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, tops.max()))
    return ax


def plot_lineage(run: Any, *, ax: Any = None, **kwargs: Any) -> Any:
    r"""Where the champion comes from: all its ancestors by generation and fitness, linked to their parents.

    The champion is the best genome of all generations. The thick line leads back from it by first parents. Dots in
    light grey are all other genomes: with crossover the ancestors of one soon are most of a population.

    run: what `evolve` returns: `.fitnesses`, a list of (P,) a generation, and `.parents`, of (P, 2), positions in the
    generation before, the same twice for a child of one parent. kwargs: for the `LineCollection` of all links.
    Raises TypeError for something else, ValueError for no generations, parents that are none, NaN or infinities.

    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(fitnesses=[[1.0, 2.0], [3.0, 2.0]], parents=[[[-1, -1], [-1, -1]], [[1, 0], [1, 1]]])
    >>> plot_lineage(run).get_title()
    'genome 0 of generation 1 and its 2 ancestors'
    """
    from matplotlib.collections import LineCollection  # noqa: PLC0415  (only who draws needs Matplotlib)

    who = "plot_lineage"
    fitnesses, parents = lineage(who, run)
    last = int(np.argmax([fitness.max() for fitness in fitnesses]))  # the first generation that reached it
    champion = int(fitnesses[last].argmax())
    ancestors = [np.array([champion])]  # from the champion back
    trunk, lines = [champion], [np.zeros((0, 2, 2))]
    for g in range(last, 0, -1):
        children, of = ancestors[-1], parents[g][ancestors[-1]]
        links = np.unique(np.stack([of.ravel(), children.repeat(2)], axis=1), axis=0)  # (n, 2): parent, child
        heights = np.stack([fitnesses[g - 1][links[:, 0]], fitnesses[g][links[:, 1]]], axis=1)
        lines.append(np.stack(np.broadcast_arrays([g - 1, g], heights), axis=2))  # (n, 2, 2): from (x, y) to (x, y)
        trunk.append(parents[g][trunk[-1], 0])
        ancestors.append(np.unique(of))
    lines = np.concatenate(lines)
    number = sum(map(len, ancestors)) - 1
    title = f"genome {champion} of generation {last} and its {number} ancestor{'s' * (number != 1)}"
    ax = by_generation(ax, np.arange(last + 1), "fitness", title)
    style = {"linewidths": 0, "clip_on": False}
    everyone = [np.arange(len(fitness)) for fitness in fitnesses[last::-1]]
    ax.scatter(*dots(everyone, fitnesses), s=6, color=GREY, label="others", zorder=1, **style)
    opacity = float(np.clip(4 * last / max(len(lines), 1), 0.1, 0.6))  # of many lines over each other
    options = {"colors": LOSS, "linewidths": 0.8, "alpha": opacity, "zorder": 2}
    ax.add_collection(LineCollection(lines, **{**options, **kwargs}))
    ax.scatter(*dots(ancestors, fitnesses), s=9, color=LOSS, label="ancestors", zorder=3, **style)
    ax.plot(*dots([[i] for i in trunk], fitnesses), color=METRICS[0], linewidth=2, label="first parents", zorder=4)
    star = {"color": METRICS[0], "markersize": 13, "linestyle": "none"}
    ax.plot(last, fitnesses[last][champion], "*", label="champion", zorder=5, **star)
    return keyed(ax)


def dots(genomes: list, fitnesses: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    r"""Generation and fitness of genomes, listed by generation from the last one back."""
    last = len(genomes) - 1
    x = np.repeat(np.arange(last, -1, -1), [len(of) for of in genomes])
    return x, np.concatenate([fitnesses[last - back][of] for back, of in enumerate(genomes)])


# ---- what these share ----
def history(who: str, run: Any, names: tuple[str, ...]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    r"""The generations, and what a run has noted of them under these names."""
    rows = getattr(run, "history", run)
    generations = getattr(rows, "epoch", None)
    rows = getattr(rows, "history", rows)
    if not isinstance(rows, dict):
        raise check.DTypeError(f"{who}: run must be a NEAT, a History or a dict of lists, got {type(run).__name__}")
    missing = [name for name in names if name not in rows]
    if missing:
        raise ValueError(f"{who}: the history has no {missing[0]!r}; it has {', '.join(rows) or 'nothing yet'}")
    arrays = {name: finite(who, name, rows[name]) for name in names}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or arrays[names[0]].ndim != 1:
        raise check.ShapeError(f"{who}: the history must have one number a generation for each name, got {shapes}")
    x = np.arange(len(arrays[names[0]])) if generations is None else np.array(generations)
    return x, arrays


def species_sizes(who: str, table: Any) -> tuple[list, np.ndarray]:
    r"""The species in the order of their numbers, and their sizes (G, S)."""
    if not isinstance(table, list | tuple) or not all(isinstance(row, dict) for row in table):
        raise check.DTypeError(
            f"{who}: run must be a NEAT or a list of dicts {{species: size}}, got {type(table).__name__}"
        )
    if not table:
        raise ValueError(f"{who}: run has no generations yet")
    ids = sorted({s for row in table for s, n in row.items() if n})
    if not ids:
        raise ValueError(f"{who}: no generation has a genome")
    sizes = host(who, "sizes", [[row.get(s, 0) for s in ids] for row in table])
    if sizes.dtype.kind not in "iu" or sizes.min() < 0:
        raise ValueError(f"{who}: sizes of species must be integers >= 0, got {sizes.min()}")
    return ids, sizes


def lineage(who: str, run: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    r"""Fitnesses (P,) and parents (P, 2) of every generation."""
    if not hasattr(run, "fitnesses") or not hasattr(run, "parents"):
        raise check.DTypeError(f"{who}: run must be a NEAT, with fitnesses and parents, got {type(run).__name__}")
    fitnesses = [finite(who, f"fitnesses[{g}]", fitness) for g, fitness in enumerate(run.fitnesses)]
    if not fitnesses:
        raise ValueError(f"{who}: run has no generations yet")
    parents = [host(who, f"parents[{g}]", of, kinds="i") for g, of in enumerate(run.parents)]
    if len(parents) < len(fitnesses):
        raise ValueError(f"{who}: parents must have {len(fitnesses)} generations, as fitnesses, got {len(parents)}")
    for g, (fitness, of) in enumerate(zip(fitnesses, parents, strict=False)):
        if fitness.ndim != 1 or of.shape != (len(fitness), 2):
            shapes = f"{fitness.shape} and {of.shape}"
            raise check.ShapeError(f"{who}: generation {g} must have fitnesses (P,) and parents (P, 2), got {shapes}")
        if g:
            check.indices(who, f"parents[{g}]", of, len(fitnesses[g - 1]))
    return fitnesses, parents


def by_generation(ax: Any, x: np.ndarray, label: str, title: str) -> Any:
    ax = axes(ax)
    ax.set(xlabel="generation", ylabel=label, title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(x) == 1:
        ax.set_xticks(x)
    return ax


def marker(x: np.ndarray) -> dict:
    return {"marker": "o" if len(x) == 1 else None}  # a line through one point is invisible


def keyed(ax: Any) -> Any:
    n = len(ax.get_legend_handles_labels()[0])
    options = {"handlelength": 1.5, "columnspacing": 1.2, "frameon": False}
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=n, **options)
    return ax
