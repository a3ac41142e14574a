r"""hyperneat_discrimination: 14,641 weights out of a dozen numbers, and then nine million

On a field of 11 x 11 pixels lie a small box and a large one, and a network shall be most active at the middle of the
large one. It has a second field for the answer and a weight from every cell of the first to every cell of the second.
HyperNEAT does not evolve these 14,641 weights but a CPPN: a small network that is asked for the weight between x1, y1
and x2, y2. A pattern such as "near cells are linked" is one node there, and the field may then be made as fine as
wanted: the same CPPN, which has never seen them, is asked for the weights of 33 x 33 and 55 x 55 cells.

The CPPN may be given the differences x1 - x2 and y1 - y2 as well (delta inputs), or has to find out by itself that they
matter. Fitness, boxes, population (300) and other settings are those of the authors' program, see
`minidl.evolution.discrimination`; a run ends when all of the 75 trials are answered exactly, or after 150 generations.
Goal: 95 % of the highest fitness (Stanley, D'Ambrosio and Gauci 2009). With `--runs 20` all 20 runs reach it with
delta inputs, after 26 generations on average, and 8 of 10 without, after 51.

What this does not show: that finer fields come for nothing. Evolution has seen 121 cells, and many a CPPN does between
them what nobody has asked of it: of those 20, 12 reach 95 % on the finest field too. Nor that HyperNEAT is needed here:
the task is a blur, any weight that falls with distance solves it, and a convolution has that built in.

To read first of what it prints (seed 0): `55 x 55, 9,150,625 links: 2 of 4 reach 95 %; mean distance from the truth
2.754 coarse cells, that of the best 0.144`.

Source: Stanley, D'Ambrosio and Gauci 2009, Artificial Life 15(2).

Picture: Six of the program's panels: one CPPN asked for the weights of 11 x 11, 33 x 33 and 55 x 55 cells. Above, the
weights from one cell to all others: a column and a spot around the cell are positive (purple), finer from left to
right. Below, how active all cells are in one trial: brightest where the large box is, with the right place (circle) and
the answer (cross) in one spot.

Try it:
1. Run `--quick`, one run of each kind for at most 60 generations: with delta inputs all trials are exact on 11 x 11
   cells, and on the finer fields, which evolution has not seen, the answers are 0.44 and 0.49 coarse cells off.
2. Add `population_size=50` to the preset, with `--quick`: after 60 generations neither run has reached 95 %. With 300
   both had, by generation 45 at the latest.
3. Look at another trial, `TRIAL` 5, with `--quick`: the large box lies at the right edge and the small one at the upper
   left. This champion links a row and not a column, and on the two finer fields the answer lies beside the circle.
"""

# %%
import functools

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from demos import common
from minidl import plot
from minidl.evolution import NEATConfig, Substrate, discrimination, evolve, express
from minidl.evolution.discrimination import MAXIMUM, SOLVED, distances, trials

GENERATIONS = 150
FIELDS = (11, 33, 55)
ARMS = {"with delta inputs": True, "without": False}
CELL, TRIAL = (3, 7), 40  # to look at: a source cell of the 11 x 11 field, one of the 75 trials
NAMES = ["x1", "y1", "x2", "y2", "x1 - x2", "y1 - y2", "weight"]


# %%
def score(nets, delta):
    return discrimination(nets, delta=delta)["fitness"]  # without "solved", which would end the run at 95 %


def solve(delta, seed, generations):
    config = NEATConfig.preset("hyperneat_2009", n_inputs=6 if delta else 4, n_outputs=1)
    fitness = functools.partial(score, delta=delta)
    return evolve(config, fitness_batch=fitness, until=MAXIMUM, generations=generations, seed=seed, verbose=False)


def best(run):
    return np.array(run.history.history["best"])


def table(arm, runs, delta):
    good = [run for run in runs if best(run).max() >= SOLVED]
    perfect = sum(run.solved for run in runs)
    when = np.array([np.argmax(best(run) >= SOLVED) for run in good])
    result = {"reached": len(good) / len(runs), "perfect": perfect / len(runs), "generations": when}
    print(f"{arm}: {len(good)} of {len(runs)} runs reach 95 %, {perfect} answer all trials exactly")
    if not good:
        return result
    champions = [run.champion for run in good]
    links = np.mean([len(champion.links) for champion in champions])
    print(f"    in generation {when.mean():.0f} on average, {when.max()} at the latest; {links:.0f} links in the CPPN")
    for n in FIELDS:
        d2 = distances(champions, n, delta)
        still = 10 + np.maximum(0, 30 - d2).sum(axis=1) >= SOLVED
        result[n] = {"distance": np.sqrt(d2).mean(axis=1), "reached": still.mean()}
        print(
            f"    {n} x {n}, {n**4:>9,} links: {still.sum()} of {len(good)} reach 95 %; mean distance from the truth "
            f"{result[n]['distance'].mean():.3f} coarse cells, that of the best {result[n]['distance'].min():.3f}"
        )
    return result


# %% the champion at work
def look(genome, delta, n):
    r"""A trial on a field of n x n cells: what is there, how active every cell of the answer is, and all weights."""
    [weights] = express(genome, Substrate.sandwich((n, n)), delta=delta)
    task = trials(n)
    small, large = task.pairs[TRIAL]
    field = np.zeros(n * n)
    field[task.small[small]] = field[task.large[large]] = 1
    return field, field @ weights, weights


def draw(found, run, path):
    figure = plt.figure(figsize=(19, 13), layout="constrained")
    upper, lower = figure.subfigures(2, 1)
    curves, graph = upper.subplots(1, 2)
    for (arm, runs), colour in zip(found.items(), ("#0072B2", "#D55E00"), strict=True):
        for k, one in enumerate(runs):
            curves.plot(best(one), color=colour, alpha=0.6, label=arm if k == 0 else None)
    curves.axhline(SOLVED, color="black", linestyle=":", label="95 % of the maximum")
    curves.set(xlabel="generation", ylabel="best fitness", title="a line a run; it ends where all trials are exact")
    curves.legend()
    plot.plot_genome(run.champion, names=NAMES, ax=graph)
    graph.set_title(f"the CPPN with delta inputs that is best on {FIELDS[-1]} x {FIELDS[-1]}")
    axes = lower.subplots(2, len(FIELDS) + 1)
    for k, n in enumerate(FIELDS):
        field, active, weights = look(run.champion, True, n)
        scale, middle = n // FIELDS[0], trials(n).middles[TRIAL]
        cell = [scale * place + scale // 2 for place in CELL]
        plot.plot_receptive(weights, (n, n), cells=[cell[0] * n + cell[1]], ax=axes[0, k])
        axes[0, k].set_title(f"weights from one of {n} x {n} cells", fontsize=11)
        axes[1, k].imshow(active.reshape(n, n), cmap="viridis")
        axes[1, k].plot(*middle[::-1], "o", markersize=17, markerfacecolor="none", color="black", label="what is right")
        axes[1, k].plot(*divmod(int(active.argmax()), n)[::-1], "w+", markersize=13, label="the answer")
        axes[1, k].set_title(f"one trial: how active the {n} x {n} cells are", fontsize=11)
        if k == 0:
            axes[1, -1].imshow(field.reshape(n, n), cmap="gray")
    axes[1, -1].set_title("that trial: what is on the field", fontsize=11)
    axes[1, -2].legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2, labelcolor="black", facecolor="0.7")
    for ax in axes[1]:
        ax.set(xticks=[], yticks=[])
    d = np.sqrt(distances([run.champion], FIELDS[-1]))[0]
    axes[0, -1].hist(d, np.linspace(0, max(1, d.max()), 21), color="#0072B2")
    axes[0, -1].set_title(f"75 trials on {FIELDS[-1]} x {FIELDS[-1]}", fontsize=11)
    axes[0, -1].set(xlabel="distance from what is right, in coarse cells", ylabel="trials")
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    more = {"type": common.positive, "help": "runs with delta inputs; half as many without"}
    args = common.options(__doc__.splitlines()[0], argv, runs=more)
    n_runs = args.runs or (1 if args.quick else 4)
    counts = {"with delta inputs": n_runs, "without": (n_runs + 1) // 2}
    found = {arm: [] for arm in ARMS}
    with tqdm(total=sum(counts.values()), desc="runs", ascii=True, leave=False) as bar:
        for arm, delta in ARMS.items():
            for seed in range(args.seed, args.seed + counts[arm]):
                found[arm].append(solve(delta, seed, 60 if args.quick else GENERATIONS))
                bar.update()
    result = {arm: table(arm, found[arm], delta) for arm, delta in ARMS.items()}
    finest = min(found["with delta inputs"], key=lambda run: distances([run.champion], FIELDS[-1]).mean())
    draw(found, finest, args.out / "hyperneat_discrimination.png")
    return result


if __name__ == "__main__":
    main()
