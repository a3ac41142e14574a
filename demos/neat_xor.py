r"""neat_xor: networks that grow until they can tell exclusive or

No network without a hidden node computes XOR, and NEAT starts with networks that have none. So whoever solves it has
invented one: the smallest problem on which growth can be seen (Stanley and Miikkulainen 2002, section 4.1).

A hundred runs of 150 genomes in three settings: the paper's; those of the authors' own program, which differ (it lets
some children go unmutated, and much else that the paper does not mention); and ours. The paper reports for its hundred
runs: all solved, 4,755 networks evaluated on average (standard deviation 2,553), 2.35 hidden nodes, 22 of 100
solutions with the one hidden node that is needed. Fitness is the square of 4 minus the errors of the four cases added
up; solved is whoever has all four on the right side of 0.5.

With the paper's settings we need some 5,450 on average (of 300 runs; standard error 160), 15 % more than the paper, and
do not know why; in the other two 6,100 and 2,800 (of 100).

What this does not show: that evolution is a good way to learn XOR. Back-propagation needs 500 steps (demo `xor`).

To read first of what it prints (seed 0): `tuned 100 of 100 solved, evaluations 2848 (sd 1393, standard error 139, worst
9613), 2.29 hidden nodes, 25 with one`.

Source: Stanley and Miikkulainen 2002, Evolutionary Computation 10(2), section 4.1.

Picture: Two of six panels. Left, how many networks 100 runs evaluated until one solved it, in three settings: `tuned`
is at 2,500 mostly, the two others spread from 1,000 to 15,000, around the paper's mean (dotted, 4,755). Right, the
champion of the longest run: two hidden nodes, where one is enough, and one link that is switched off (dotted).

Try it:
1. Add `add_node=0.0` to `NEATConfig.preset(...)`, with `--runs 4`: 0 of 4 solved in all three settings, after 45,000
   evaluations each. Without a hidden node there is no XOR.
2. Put everybody into one species, `compatibility_threshold=1e9` in `NEATConfig.preset(...)`, with `--runs 20`: with the
   settings of the paper and its program nobody solves it in 300 generations, with ours 8 of 20. New structure needs
   time before it pays; here species are of use (in `neat_ablation` they are not).
3. Run `--quick`, ten runs of each: 5,241, 5,441 and 2,766 evaluations. The second of these is a tenth below what a
   hundred runs give, 6,119: the standard error of ten is near 700.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from demos import common
from minidl import plot
from minidl.evolution import NEATConfig, evolve

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])
SETTINGS = ("paper_2002_small", "original_1_2_1", "tuned")
PAPER = 4755


# %%
def xor(nets):
    outputs = nets(X)[:, :, 0]  # (genomes, 4)
    errors = np.abs(outputs - Y).sum(axis=1)
    return {"fitness": (4 - errors) ** 2, "solved": ((outputs > 0.5) == Y).all(axis=1)}


def solve(setting, seed):
    config = NEATConfig.preset(setting, n_inputs=2, n_outputs=1)
    return evolve(config, fitness_batch=xor, generations=300, seed=seed, verbose=False)


def hidden(run):
    return len(run.champion.nodes) - 4  # two inputs, the bias, the output


# %%
def table(setting, runs):
    evaluations = np.array([run.evaluations for run in runs])
    nodes = np.array([hidden(run) for run in runs])
    mean, deviation = evaluations.mean(), evaluations.std(ddof=1)
    print(
        f"{setting:17} {sum(run.solved for run in runs):3} of {len(runs)} solved, evaluations {mean:6.0f} "
        f"(sd {deviation:.0f}, standard error {deviation / len(runs) ** 0.5:.0f}, worst {evaluations.max()}), "
        f"{nodes.mean():.2f} hidden nodes, {(nodes == 1).sum()} with one"
    )
    return {
        "solved": sum(run.solved for run in runs) / len(runs),
        "evaluations": mean,
        "standard error": deviation / len(runs) ** 0.5,
        "hidden": nodes.mean(),
    }


def draw(found, run, path):
    figure, axes = plt.subplots(2, 3, figsize=(17, 10), layout="constrained")
    bins = np.linspace(0, 15000, 31)
    for setting, runs in found.items():
        counts = np.clip([r.evaluations for r in runs], 0, bins[-1])
        axes[0, 0].hist(counts, bins, histtype="step", linewidth=2, label=setting)
    axes[0, 0].axvline(PAPER, color="black", linestyle=":", label="the paper's mean")
    axes[0, 0].set(title="networks evaluated until one solves it", xlabel="evaluations", ylabel="runs")
    axes[0, 0].legend()
    plot.plot_genome(run.champion, ax=axes[0, 1], names=["a", "b", "a xor b"])
    axes[0, 1].set_title("the run below: its champion")
    grid = np.linspace(-0.25, 1.25, 121)
    a, b = np.meshgrid(grid, grid)
    surface = run.champion.network()(np.stack([a.ravel(), b.ravel()], axis=1)).reshape(a.shape)
    image = axes[0, 2].imshow(surface, extent=(-0.25, 1.25, -0.25, 1.25), origin="lower", cmap="RdBu", vmin=0, vmax=1)
    axes[0, 2].scatter(*X.T, c=Y, cmap="RdBu", edgecolors="black", s=120, vmin=0, vmax=1)
    axes[0, 2].set(title="what it says; dots: what is right", xlabel="a", ylabel="b")
    figure.colorbar(image, ax=axes[0, 2])
    plot.plot_fitness(run, ax=axes[1, 0])
    plot.plot_species(run, ax=axes[1, 1])
    plot.plot_complexity(run, ax=axes[1, 2])
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv, runs={"type": common.positive, "help": "runs of each setting"})
    n_runs = args.runs or (10 if args.quick else 100)
    found = {setting: [] for setting in SETTINGS}
    seeds = range(args.seed, args.seed + n_runs)
    with tqdm(total=n_runs * len(SETTINGS), desc="runs", ascii=True, leave=False) as bar:
        for setting in SETTINGS:
            for seed in seeds:
                found[setting].append(solve(setting, seed))
                bar.update()
    result = {setting: table(setting, runs) for setting, runs in found.items()}
    longest = max(found["paper_2002_small"], key=lambda run: run.generation)
    draw(found, longest, args.out / "neat_xor.png")
    return result


if __name__ == "__main__":
    main()
