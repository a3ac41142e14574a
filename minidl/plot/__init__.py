r"""Pictures. A function is `plot_x(data, *, ax=None, **kwargs) -> Axes`: it draws into `ax`, or into a new figure
of its own, and returns the Axes; showing or saving (`ax.figure.savefig("x.png")`) is yours. Further options go to
Matplotlib's own function underneath. Data may be NumPy or CuPy arrays or tensors.

| function | shows |
|---|---|
| `plot_graph(tensor)` | how a tensor was computed: all values and gradients |
| `plot_curves(history)` | loss and metrics over the epochs |
| `plot_filters(weights)` | the kernels of a convolution, or the rows of a Linear layer as images |
| `plot_feature_maps(maps)` | what a layer makes of one image |
| `plot_confusion_matrix(matrix)` | which classes are taken for which |
| `plot_images(images)` | images in a grid, with titles |
| `plot_u_matrix(som)` | where a self-organising map has borders between clusters |
| `plot_component_planes(som)` | the weights of a map, one feature after the other |
| `plot_prototypes(som, shape)` | the weights of a map, each unit's as an image |
| `plot_hits(som, x)` | how many rows each unit of a map wins |
| `plot_labels_map(som, x, y)` | the class that each unit of a map stands for |
| `plot_units(som, values)` | any number or colour of each unit of a map |
| `plot_genome(genome)` | an evolved network: nodes, links and their weights |
| `plot_fitness(run)` | an evolution's best and median fitness, and how it is spread |
| `plot_species(run)` | how its population falls into species |
| `plot_complexity(run)` | how its genomes grow |
| `plot_lineage(run)` | the ancestors of its champion |
| `plot_receptive(weights, shape)` | the weights between two sheets of a substrate, seen from single nodes |
| `plot_double_pole(state)` | two poles on a cart |
| `plot_maze(plan)` | a maze, where robots ended, and the way of one |

`animate_training(epochs, draw, path)` writes a GIF: a frame of any of them after each epoch.

Colours can be told apart with any colour vision: viridis for amounts, PuOr (orange negative, white 0, purple positive)
for weights, blue and orange lines. Matplotlib is imported when the first picture is drawn, not before.
"""

from minidl.plot.animation import animate_training
from minidl.plot.confusion import plot_confusion_matrix
from minidl.plot.curves import plot_curves
from minidl.plot.evolution import plot_complexity, plot_fitness, plot_lineage, plot_species
from minidl.plot.genome import plot_genome
from minidl.plot.graph import plot_graph
from minidl.plot.grid import plot_feature_maps, plot_filters, plot_images
from minidl.plot.receptive import plot_receptive
from minidl.plot.som import plot_hits, plot_labels_map, plot_u_matrix, plot_units
from minidl.plot.som_weights import plot_component_planes, plot_prototypes
from minidl.plot.tasks import plot_double_pole, plot_maze

__all__ = [
    "animate_training",
    "plot_complexity",
    "plot_component_planes",
    "plot_confusion_matrix",
    "plot_curves",
    "plot_double_pole",
    "plot_feature_maps",
    "plot_filters",
    "plot_fitness",
    "plot_genome",
    "plot_graph",
    "plot_hits",
    "plot_images",
    "plot_labels_map",
    "plot_lineage",
    "plot_maze",
    "plot_prototypes",
    "plot_receptive",
    "plot_species",
    "plot_u_matrix",
    "plot_units",
]
