"""What the benchmarks of the evolution need of neat-python 2.0.0: its settings, and networks of its own kind."""

import random
import tempfile
import warnings

from minidl.kernels.network import ACTIVATIONS

# our names -> its own; not the same functions, but of the same cost
NAMES = {"sigmoid": "sigmoid", "signed_sigmoid": "sigmoid", "gaussian": "gauss", "signed_gaussian": "gauss"}
NAMES |= {"sine": "sin", "tanh": "tanh", "linear": "identity"}

SETTINGS = """
[NEAT]
fitness_criterion = max
fitness_threshold = 3.9
no_fitness_termination = {endless}
pop_size = 150
reset_on_extinction = True

[DefaultGenome]
num_inputs = {inputs}
num_outputs = {outputs}
num_hidden = 0
feed_forward = True
initial_connection = full_direct
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.5
conn_delete_prob = 0.5
node_add_prob = 0.2
node_delete_prob = 0.2
enabled_default = True
enabled_mutate_rate = 0.01
activation_default = sigmoid
activation_mutate_rate = 0.0
activation_options = sigmoid sin gauss tanh identity
aggregation_default = sum
aggregation_mutate_rate = 0.0
aggregation_options = sum
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
response_init_mean = 1.0
response_init_stdev = 0.0
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.0
response_mutate_rate = 0.0
response_replace_rate = 0.0
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1

[DefaultSpeciesSet]
compatibility_threshold = 3.0

[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2

[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
"""


def config(inputs, outputs, endless=False):
    """The settings of its own XOR example; endless: it does not stop at the threshold."""
    import neat  # noqa: PLC0415  (not needed by the tests, which import all files)

    kinds = neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.write(SETTINGS.format(inputs=inputs, outputs=outputs, endless=endless))
        file.flush()
        return neat.Config(*kinds, file.name)


def genome_of(ours, settings):
    """The same links in its own kind of genome: inputs are -1, -2, ..., our bias the last of them, outputs 0, 1, ..."""
    import neat  # noqa: PLC0415

    first = ours.n_inputs + (ours.bias != 0)
    names = [-i - 1 for i in range(first)]
    names = dict(enumerate(names + list(range(len(ours.nodes) - first))))
    names = {node.id: names[k] for k, node in enumerate(ours.nodes)}
    theirs = neat.DefaultGenome(0)
    for node in ours.nodes[first:]:
        gene = theirs.create_node(settings.genome_config, names[node.id])
        gene.bias, gene.response = 0.0, 1.0
        gene.activation = NAMES[ACTIVATIONS[node.activation]]
        theirs.nodes[gene.key] = gene
    for link in ours.links:
        key = names[link.source], names[link.target]
        gene = theirs.create_connection(settings.genome_config, *key, link.innovation)
        gene.weight, gene.enabled = link.weight, link.enabled
        theirs.connections[key] = gene
    return theirs


def evolve_xor(generations, seed):
    """So many generations of its XOR example, reporters and all."""
    import neat  # noqa: PLC0415

    random.seed(seed)
    settings = config(2, 1, endless=True)
    population = neat.Population(settings)
    population.add_reporter(neat.StatisticsReporter())
    cases = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]

    def evaluate(genomes, settings):
        for _, genome in genomes:
            net = neat.nn.FeedForwardNetwork.create(genome, settings)
            genome.fitness = 4.0
            for x, wanted in cases:
                genome.fitness -= (net.activate(x)[0] - wanted) ** 2

    population.run(evaluate, generations)
