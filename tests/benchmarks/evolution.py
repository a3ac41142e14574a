"""`python -m tests.benchmarks evolution`: evolution beside neat-python 2.0.0 (which it needs), one thread, CPU time.

Both take turns (harness.py), and the ratio of the medians counts. Everything that either does is included, reporters
too.

xor generation    150 genomes: networks, fitness, species, children, statistics (mean of the first 50 generations)
build + forward   a network with 2 inputs, 10 hidden nodes, 1 output and 32 links, made from its genome and asked
double pole       a control step: the network, and Runge-Kutta twice; neat-python beside physics in plain Python
hyperneat         a genome of the 11 x 11 task: 14,641 links queried, 75 trials; neat-python answers the queries only
cppn image        256 x 256 pixels, a network with 10 hidden nodes
"""

import importlib.util
import math
import statistics

import numpy as np

from minidl.evolution import CPPN, Genome, NEATConfig, Nets, Pool, discrimination, double_pole, evolve, rollout
from tests.benchmarks import harness, neat_python

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])


def beside(name, unit, asked, ours, theirs, n_ours=1, n_theirs=1, rounds=7):
    """Both in turns; n: how many units of work a call does. Prints the medians of a unit and their ratio."""
    times = harness.turns({"minidl": ours, "neat-python": theirs}, rounds)
    a, b = (statistics.median(t) / n * 1e6 for t, n in zip(times.values(), (n_ours, n_theirs), strict=True))
    print(f"{name:28} {a:10.2f} us   neat-python {b:11.1f} us {unit:10} {b / a:6.0f} x   (asked: {asked})", flush=True)
    return {"name": name, "minidl us": a, "neat-python us": b, "times faster": b / a}


def random_genome(rng, n_inputs, n_hidden, n_links, activations=("sigmoid",)):
    """A genome without cycles: every hidden node has a way in and a way out, the other links are drawn."""
    first = n_inputs + 1 + 1  # bias, output
    order = [*range(n_inputs + 1), *range(first, first + n_hidden), n_inputs + 1]  # links lead to the right only
    edges = set()
    for k in range(n_inputs + 1, len(order) - 1):
        edges |= {(order[rng.integers(k)], order[k]), (order[k], order[rng.integers(k + 1, len(order))])}
    while len(edges) < n_links:
        a, b = sorted(rng.choice(len(order), 2, replace=False))
        if b > n_inputs:
            edges.add((order[a], order[b]))
    chosen = {node: activations[rng.integers(len(activations))] for node in range(first, first + n_hidden)}
    links = [(a, b, float(rng.uniform(-3, 3))) for a, b in sorted(edges)]
    return Genome.from_edges(links, n_inputs=n_inputs, n_outputs=1, activations=chosen)


def xor_generation():
    config = NEATConfig(2, 1)
    generations, seeds = 50, iter(range(1000))

    def fitness(nets):
        return 4 - ((nets(X)[:, :, 0] - Y) ** 2).sum(axis=1)

    return beside(
        "xor generation",
        "",
        "15",
        lambda: evolve(config, fitness_batch=fitness, generations=generations, seed=next(seeds), verbose=False),
        lambda: neat_python.evolve_xor(generations, next(seeds)),
        generations,
        generations,
    )


def build_and_forward(batch, asked, P=150):
    import neat  # noqa: PLC0415

    rng = np.random.default_rng(0)
    ours = [random_genome(rng, 2, 10, 32) for _ in range(P)]
    settings = neat_python.config(3, 1)
    theirs = [neat_python.genome_of(genome, settings) for genome in ours[:10]]
    pool = Pool.from_genomes(ours)
    x = rng.uniform(-1, 1, (batch, 2))
    rows = [(*row, 1.0) for row in x.tolist()]

    def ask():
        nets = [neat.nn.FeedForwardNetwork.create(genome, settings) for genome in theirs]
        return [[net.activate(row)[0] for row in rows] for net in nets]

    return beside(f"build + forward, batch {batch}", "a genome", asked, lambda: Nets(pool)(x), ask, P, len(theirs))


def plain_double_pole(net, max_steps):
    """Wieland's equations and a network, in plain Python: steps survived."""
    x, v, a, da, b, db = 0.0, 0.0, 0.07, 0.0, 0.0, 0.0

    def slopes(x, v, a, da, b, db, force):
        sin_a, cos_a, sin_b, cos_b = math.sin(a), math.cos(a), math.sin(b), math.cos(b)
        q_a, q_b = 2e-6 * da / 0.05, 2e-6 * db / 0.0005
        f_a = 0.05 * da * da * sin_a + 0.075 * cos_a * (q_a - 9.8 * sin_a)
        f_b = 0.0005 * db * db * sin_b + 0.0075 * cos_b * (q_b - 9.8 * sin_b)
        mass = 1.0 + 0.1 * (1 - 0.75 * cos_a * cos_a) + 0.01 * (1 - 0.75 * cos_b * cos_b)
        acc = (force + f_a + f_b) / mass
        dda = -0.75 * (acc * cos_a - 9.8 * sin_a + q_a) / 0.5
        ddb = -0.75 * (acc * cos_b - 9.8 * sin_b + q_b) / 0.05
        return v, acc, da, dda, db, ddb

    h = 0.01
    for t in range(max_steps):
        out = net.activate((x / 4.8, v / 2, a / 0.52, da / 2, b / 0.52, db / 2, 0.5))[0]
        force = (out - 0.5) * 20
        for _ in range(2):
            s = (x, v, a, da, b, db)
            k1 = slopes(*s, force)
            k2 = slopes(*(p + h / 2 * k for p, k in zip(s, k1, strict=True)), force)
            k3 = slopes(*(p + h / 2 * k for p, k in zip(s, k2, strict=True)), force)
            k4 = slopes(*(p + h * k for p, k in zip(s, k3, strict=True)), force)
            x, v, a, da, b, db = (
                p + h / 6 * (p1 + 2 * p2 + 2 * p3 + p4) for p, p1, p2, p3, p4 in zip(s, k1, k2, k3, k4, strict=True)
            )
        if abs(x) > 2.4 or abs(a) > 0.628329 or abs(b) > 0.628329:
            return t + 1
    return max_steps


def balancing(asked, P=150, max_steps=1000):
    """Everybody is the same network, one that balances the poles, so every control step counts the same."""
    import neat  # noqa: PLC0415

    env = double_pole()
    champion = evolve(NEATConfig(6, 1, bias=0.5), rollout=env, until=max_steps, seed=0, verbose=False).champion
    pool = Pool.from_genomes([champion] * P)
    settings = neat_python.config(7, 1)
    theirs = neat_python.genome_of(champion, settings)
    steps = int(rollout(Nets(pool), env, max_steps=max_steps)["steps"].sum())

    def plain():
        net = neat.nn.FeedForwardNetwork.create(theirs, settings)
        return plain_double_pole(net, max_steps)

    return beside(
        "double pole", "a step", asked, lambda: rollout(Nets(pool), env, max_steps=max_steps), plain, steps, plain()
    )


def substrate(asked, P=50):
    import neat  # noqa: PLC0415

    rng = np.random.default_rng(0)
    kinds = ("signed_sigmoid", "sine", "signed_gaussian", "linear")
    ours = [random_genome(rng, 6, 5, 16, kinds) for _ in range(P)]
    settings = neat_python.config(7, 1)
    theirs = neat_python.genome_of(ours[0], settings)
    axis = np.linspace(-1, 1, 11).tolist()
    pairs = [(a, b, c, d, a - c, b - d, 1.0) for b in axis for a in axis for d in axis for c in axis]

    def queries():
        net = neat.nn.FeedForwardNetwork.create(theirs, settings)
        return [net.activate(pair)[0] for pair in pairs]

    pool = Pool.from_genomes(ours)
    return beside("hyperneat", "a genome", asked, lambda: discrimination(Nets(pool)), queries, P, 1, rounds=5)


def image(asked):
    import neat  # noqa: PLC0415

    rng = np.random.default_rng(0)
    ours = random_genome(rng, 3, 10, 32, ("sigmoid", "sine", "gaussian", "linear", "tanh"))
    settings = neat_python.config(4, 1)
    theirs = neat_python.genome_of(ours, settings)
    axis = np.linspace(-1, 1, 256).tolist()
    pixels = [(x, y, math.hypot(x, y), 1.0) for y in axis for x in axis]

    def plain():
        net = neat.nn.FeedForwardNetwork.create(theirs, settings)
        return [net.activate(pixel)[0] for pixel in pixels]

    return beside("cppn image", "an image", asked, lambda: CPPN(ours).image(256, 256), plain, rounds=5)


def more():
    if not importlib.util.find_spec("neat"):
        print("neat-python is not installed")
        return []
    found = [xor_generation(), build_and_forward(4, asked="60"), build_and_forward(500, asked="100")]
    return [*found, balancing(asked="25"), substrate(asked="150"), image(asked="80")]
