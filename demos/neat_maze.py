r"""neat_maze: who looks for the goal does not find it; who looks for what is new does

A robot with six rangefinders and a compass for the goal has 400 steps to reach it. Networks are bred in two ways, by
the same NEAT with the same settings (Lehman and Stanley 2011, Evolutionary Computation 19):

objective   fitness is how near to the goal the robot ends
novelty     fitness is how far from the ends of other robots it ends: the mean distance to the 15 nearest, of those of
            its generation and an archive of what was new. Where the goal is plays no part; that it is reached ends it.

In the medium maze the way is a slalom, and to end nearer to the goal is mostly progress. In the hard one the goal lies
right behind a wall: the nearest place this side of it is a dead end, at which the objective's population gathers and
stays, since whoever sets out on the way around ends farther off and has fewer children. Novelty has no reason to stay:
what is known is worth nothing. Dots are where robots ended, by generation, of the first run; the line is the champion's
way.

`--runs 20` (150 generations, 22,500 networks at most): the hard maze is solved by 3 runs with the objective and by 14
with novelty, the medium one by 19 and by 20, after 2,100 and 1,600 networks on average.

What this does not show: that novelty is the better search. In the medium maze it hardly is, and in the hard one it
fails in 6 of 20 runs. It works as an end is but two numbers in a box, and as it takes skill to end elsewhere; among
behaviours without such bounds there is always something new that leads nowhere. The mazes are not those of the paper,
and neither are the figures.

To read first of what it prints (seed 0): `hard novelty 5 of 8 solved, by evaluations 3642 (median 2864)`.

Source: Lehman and Stanley 2011, Evolutionary Computation 19(2).

Picture: Two of six panels, the hard maze; dots are where robots ended, coloured by generation, the line is the
champion's way, the star the goal. Left, with the objective: the dots fill the room of the start, most of them along the
walls next to the goal, and the champion stands at the wall behind which it lies. Right, with novelty: in a fifth of the
generations as many places are reached, and the champion goes around to the goal.

Try it:
1. Run `--quick`, two runs of each: the hard maze is solved by none with the objective and by both with novelty, the
   medium one by all four.
2. Put `k=1` in the `Archive`, with `--quick`: what counts is the one nearest end now, and novelty solves the hard maze
   in 0 of 2 runs, where it was 2, and the medium one in 1. Two robots that end at one place make each other worthless,
   wherever it is.
3. Put `NEAR = 40.0`, with `--quick`: to end within 40 of the goal is enough, and still no run with the objective solves
   the hard maze. Its dead end is 43 away.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from demos import common
from minidl import plot
from minidl.evolution import FLOOR_PLANS, Archive, NEATConfig, evolve, maze, play, rollout

NEAR = 5.0  # to the goal: solved
ARMS = {"objective": "#D55E00", "novelty": "#0072B2"}


# %%
def search(plan, arm, seed, generations):
    env, goal = maze(plan), np.array(FLOOR_PLANS[plan].goal)
    archive, ends = Archive(k=15, threshold=6.0), []

    def fitness(nets):
        episode = rollout(nets, env)
        ends.append(episode["state"][:, :2])
        score = archive.update(ends[-1]) if arm == "novelty" else episode["fitness"]
        return {"fitness": score, "solved": distances(ends[-1], goal) < NEAR}

    config = NEATConfig.preset("paper_2002_small", n_inputs=10, n_outputs=2)
    run = evolve(config, fitness_batch=fitness, generations=generations, seed=seed, verbose=False)
    return {"run": run, "ends": ends, "nearest": np.minimum.accumulate([distances(e, goal).min() for e in ends])}


def distances(ends, goal):
    return np.hypot(*(ends - goal).T)


# %%
def draw_ends(plan, arm, one, ax):
    generations = np.repeat(np.arange(len(one["ends"])), [len(e) for e in one["ends"]])
    way = play(one["run"].champion.network(), maze(plan))["states"][:, :2]
    plot.plot_maze(
        FLOOR_PLANS[plan], ends=np.concatenate(one["ends"]), generations=generations, path=way, ax=ax, s=5, alpha=0.6
    )
    solved = f"solved by genome {one['run'].evaluations}" if one["run"].solved else "not solved"
    ax.set_title(f"{plan} maze, {arm}: {solved}")


def draw_nearest(plan, found, ax):
    for arm, runs in found.items():
        for k, one in enumerate(runs):
            evaluations = one["run"].history.history["evaluations"]
            label = f"{arm}: {sum(r['run'].solved for r in runs)} of {len(runs)}" if k == 0 else None
            ax.plot(evaluations, one["nearest"], color=ARMS[arm], alpha=0.6, linewidth=1, label=label)
            if one["run"].solved:
                ax.plot(evaluations[-1], one["nearest"][-1], "o", color=ARMS[arm], markersize=4)
    ax.axhline(NEAR, color="black", linestyle=":")
    ax.set(
        title=f"{plan} maze, all runs; dots: solved",
        xlabel="networks evaluated",
        ylabel="nearest end to the goal so far",
    )
    ax.set(ylim=(0, None))
    ax.legend()


def draw(found, path):
    figure, axes = plt.subplots(2, 3, figsize=(19, 11), height_ratios=[3, 2], layout="constrained")
    for row, (plan, arms) in zip(axes, found.items(), strict=True):
        for ax, (arm, runs) in zip(row, arms.items(), strict=False):
            draw_ends(plan, arm, runs[0], ax)
        draw_nearest(plan, arms, row[2])
    common.save(figure, path)
    plt.close(figure)


def table(plan, arm, runs):
    evaluations = [one["run"].evaluations for one in runs if one["run"].solved]
    line = f"{plan:7} {arm:10} {len(evaluations):3} of {len(runs)} solved"
    line += f", by evaluations {np.mean(evaluations):6.0f} (median {np.median(evaluations):.0f})" if evaluations else ""
    print(line)
    return {"solved": len(evaluations) / len(runs), "nearest": [one["nearest"][-1] for one in runs]}


def main(argv=None):
    number = {"type": common.positive}
    args = common.options(
        __doc__.splitlines()[0],
        argv,
        runs=number | {"help": "of each maze and search (default 8)"},
        generations=number | {"help": "of 150 networks, until a run is given up (default 150)"},
    )
    n_runs, generations = args.runs or (2 if args.quick else 8), args.generations or (50 if args.quick else 150)
    found = {plan: {arm: [] for arm in ARMS} for plan in ("hard", "medium")}
    with tqdm(total=n_runs * len(ARMS) * len(found), desc="runs", ascii=True, leave=False) as bar:
        for plan, arm, seed in ((p, a, s) for p in found for a in ARMS for s in range(args.seed, args.seed + n_runs)):
            found[plan][arm].append(search(plan, arm, seed, generations))
            bar.update()
    result = {plan: {arm: table(plan, arm, runs) for arm, runs in arms.items()} for plan, arms in found.items()}
    draw(found, args.out / "neat_maze.png")
    return result


if __name__ == "__main__":
    main()
