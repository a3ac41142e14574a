r"""neat_ablation: NEAT without one of its parts at a time, and what that costs

NEAT has three parts: structure that grows from a minimal start, crossover by historical markings, and species. That
they need each other its authors show by double pole balancing with velocities (demo `neat_double_pole`), one part taken
away at a time (Stanley and Miikkulainen 2002):

no mating            all children have one parent
random start         one to ten hidden nodes, every link that closes no cycle there with probability 1/2
no growth            ten hidden nodes from the start, each linked to all inputs and the output, and never another
no species           everybody competes with everybody

The paper's last arm changes two things at once: it has no species *and* starts from random topologies. So here it comes
twice, once like that and once with NEAT's own minimal start.

`--runs 20 --generations 1000 --steps 30` gives up as late as the paper does (three minutes or so). Evaluations, and the
paper's; no run failed but those of no growth, which all did:

all of NEAT 3,200 (standard error 600; the paper: 3,600)    no growth none (30,239, of 20 % of the runs)
no mating 6,100 (1,800; 5,557)                              no species, random start 6,900 (800; 25,600)
random start 13,100 (3,400; 23,033)                         no species 1,800 (160)

The order of the first four is the paper's. The rest is not: what costs is the random start, not the lack of species.
Without species evolution is nearly twice as fast as with them from a minimal start, and no slower from a random one.
The paper's 25,600 is little more than its 23,033 for the random start with species, and says nothing about species.
Without them the best fifth of all genomes breed, and not the best fifth of every species: selection is harder.

A run is given up after `--generations`, or after `--steps` million simulated steps, when populations that nearly solve
the task take seconds for a generation. Means are of the runs that were solved, as in the paper; where many fail, that
flatters. By default it is 200 generations, after which some of the random starts are not done yet.

What this does not show: that species are of no use. Two poles whose speeds are seen can be balanced without any hidden
node, so here is little structure to protect; XOR, or the task without velocities, may well say otherwise. Nor does it
show that fixed networks cannot do it: these have 80 weights, and a mutation moves all of them.

To read first of what it prints (seed 0): `no species 1881 +- 286 0%`.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10(2), section 5.

Picture: A row for each arm: how many networks each of ten runs evaluated (dots; crosses were given up), with boxes, our
mean (diamond) and the paper's (star), on a logarithmic scale. From a minimal start without species is fastest, near
1,900; a random start takes 9,000; without growth all ten are given up.

Try it:
1. Run `--quick`, two runs of each arm: all of NEAT 7,446 evaluations (standard error 5,931), random start 2,678. The
   order is upside down, and means nothing: of two runs nothing can be said.
2. Put `SIZE = 40`, with `--quick`: small populations are quick or fail. Without species it takes 662 evaluations in
   place of 1,648; of no mating and of random start one run in two is given up now, and of no species with random start
   both.
3. Let the fixed networks start near 0, `rng.uniform(-0.1, 0.1, ...)` in `fixed`, with `--quick`: no growth solves
   neither of its two runs, as before.
"""

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from demos import common
from minidl.evolution import NEAT, Genome, NEATConfig, double_pole, evolve

STEPS = 100_000  # are a solution
SIZE = 150
INPUTS, OUTPUT, HIDDEN = range(7), 7, range(8, 18)  # nodes by number; the last input is the bias
SHAPE = {"n_inputs": 6, "n_outputs": 1, "bias": 0.5}


# %% where the arms start; links of the same ends have the same historical marking in all genomes
def fixed(rng):
    pairs = [(i, h) for h in HIDDEN for i in INPUTS] + [(h, OUTPUT) for h in HIDDEN]
    return [
        Genome.from_edges([(*pair, w) for pair, w in zip(pairs, weights, strict=True)], **SHAPE)
        for weights in rng.uniform(-1, 1, (SIZE, len(pairs)))
    ]


def random(rng):
    pairs = [(i, j) for j in (OUTPUT, *HIDDEN) for i in (*INPUTS, *HIDDEN) if i < j or j == OUTPUT]
    everything = Genome.from_edges([(*pair, 0.0) for pair in pairs], **SHAPE)
    genomes = []
    for _ in range(SIZE):
        absent = HIDDEN[rng.integers(1, len(HIDDEN) + 1) :]
        links = [
            replace(link, weight=rng.uniform(-1, 1))
            for link in everything.links
            if link.source not in absent and link.target not in absent and rng.random() < 0.5
        ]
        linked = {end for link in links for end in (link.source, link.target)}
        nodes = [node for node in everything.nodes if node.id not in HIDDEN or node.id in linked]
        genomes.append(Genome(nodes, links, everything.bias))
    return genomes


NO_SPECIES = {"compatibility_threshold": 1e9}
# arm: start, changes of the settings, and in the paper: evaluations, share of runs that failed
ARMS = {
    "all of NEAT": (None, {}, 3600, 0.0),
    "no mating": (None, {"mutate_only": 1.0}, 5557, 0.0),
    "random start": (random, {}, 23033, 0.05),
    "no growth": (fixed, {"add_node": 0.0, "add_link": 0.0}, 30239, 0.8),
    "no species, random start": (random, NO_SPECIES, 25600, 0.25),
    "no species": (None, NO_SPECIES, None, None),
}


# %%
def solve(arm, seed, generations, steps):
    start, changes, *_ = ARMS[arm]
    config = NEATConfig.preset("paper_2002_small", population_size=SIZE, **SHAPE, **changes)
    run = NEAT(config, seed, None if start is None else start(np.random.default_rng(seed)))
    simulated = 0
    while not run.solved and len(run.fitnesses) < generations and simulated < steps:
        evolve(run, rollout=double_pole(), generations=1, until=STEPS, verbose=False)
        simulated += run.fitness.sum()  # it is the number of steps
    return run


def table(arm, runs):
    *_, paper, paper_failed = ARMS[arm]
    evaluations = np.array([run.evaluations for run in runs if run.solved])
    failed = 1 - len(evaluations) / len(runs)
    result = {"failed": failed, "evaluations": evaluations.mean() if len(evaluations) else None}
    mean = f"{result['evaluations']:6.0f}" if len(evaluations) else "  none"
    if len(evaluations) > 1:
        mean += f" +- {evaluations.std(ddof=1) / len(evaluations) ** 0.5:5.0f}"
    published = f"{paper:6} {paper_failed:7.0%}" if paper else ""
    print(f"{arm:25}{mean:16} {failed:6.0%}      {published}")
    return result


def draw(found, path):
    figure, ax = plt.subplots(figsize=(12, 6), layout="constrained")
    for y, (arm, runs) in enumerate(found.items()):
        *_, paper, paper_failed = ARMS[arm]
        solved = [run.evaluations for run in runs if run.solved]
        failed = [run.evaluations for run in runs if not run.solved]
        ax.boxplot([solved], positions=[y], orientation="horizontal", widths=0.5, showfliers=False)
        if solved:
            ax.scatter(
                np.mean(solved), y + 0.36, marker="D", s=40, color="#0072B2", zorder=4, label="mean of the solved"
            )
        spread = np.linspace(-0.18, 0.18, len(runs))
        ax.scatter(solved, y + spread[: len(solved)], color="#0072B2", s=22, zorder=3, label="solved")
        ax.scatter(failed, y + spread[len(solved) :], color="#D55E00", marker="x", s=30, zorder=3, label="given up")
        text = f"{len(failed)} of {len(runs)} failed"
        if paper:
            ax.scatter(paper, y + 0.36, marker="*", s=130, color="black", zorder=4, label="the paper's mean")
            text += f" (paper {paper_failed:.0%})"
        ax.text(1.01, y, text, va="center", transform=ax.get_yaxis_transform())
    ticks = [1000, 3000, 10_000, 30_000, 100_000]
    ax.set(xscale="log", xlabel="networks evaluated", title="double pole with velocities")
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_yticks(range(len(found)), found)
    ax.invert_yaxis()
    once = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(once.values(), once, loc="lower center", bbox_to_anchor=(0.5, 1.06), ncols=len(once))
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    number = {"type": common.positive}
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        runs=number | {"help": "of each arm (default 10)"},
        generations=number | {"default": 200, "help": "until a run is given up (default 200)"},
        steps=number | {"default": 10, "help": "millions of simulated steps until a run is given up (default 10)"},
    )
    n_runs, steps = args.runs or (2 if args.quick else 10), 1e6 * min(args.steps, 1 if args.quick else args.steps)
    found = {arm: [] for arm in ARMS}
    with tqdm(total=n_runs * len(ARMS), desc="runs", ascii=True, leave=False) as bar:
        for arm, seed in ((arm, seed) for arm in ARMS for seed in range(args.seed, args.seed + n_runs)):
            found[arm].append(solve(arm, seed, args.generations, steps))
            bar.update()
    print(f"{'':24} evaluations      failed   the paper's")
    result = {arm: table(arm, runs) for arm, runs in found.items()}
    draw(found, args.out / "neat_ablation.png")
    return result


if __name__ == "__main__":
    main()
