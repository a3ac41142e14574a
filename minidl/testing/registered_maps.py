r"""The place of the self-organising map in the registry (see registered_layers.py).

What is checked is the layer that it is once it has learned: the distances of a row from all units, and their gradient
in the row. Before that it has gone over some rows, in single steps and in a batch.
"""

from minidl import nn
from minidl.nn.som_distance import DISTANCES
from minidl.nn.som_grid import DECAYS, NEIGHBOURHOODS, TOPOLOGIES
from minidl.nn.som_init import INITS
from minidl.testing.registry import register
from minidl.testing.values import distinct, normal


@register(nn.SOM)
def _(pick):
    rows, cols, D = pick("rows", 2, 4), pick("cols", 3, 1), pick("in_features", 3, 1)
    som = nn.SOM(
        rows,
        cols,
        D,
        topology=pick("topology", *TOPOLOGIES),
        toroidal=pick("toroidal", False, True),
        neighbourhood=pick("neighbourhood", *NEIGHBOURHOODS),
        sigma=pick("sigma", None, 0.7),
        sigma_end=pick("sigma_end", 1.0, 0.5),
        learning_rate=pick("learning_rate", 0.5, 0.2),
        learning_rate_end=pick("learning_rate_end", 0.01, 0.1),
        decay=pick("decay", *DECAYS),
        init=pick("init", *INITS),
        distance=pick("distance", *DISTANCES),
        num_classes=pick("num_classes", None, 2),
    )
    som.partial_fit(normal(5, D), total_steps=10)
    if som.neighbourhood != "mexican_hat":
        som.partial_fit(normal(5, D), total_steps=10, mode="batch")
    return som, [distinct(4, D)]
