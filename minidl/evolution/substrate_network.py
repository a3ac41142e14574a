r"""SubstrateNetwork: a substrate with weights, as a function.

Sheet after sheet, in their order, a node takes what comes over all connections into its sheet:

$$ y_t = f\Big( \sum_{s \to t} y_s W_{st} \Big) $$

Source: Stanley, D'Ambrosio and Gauci 2009, Artificial Life 15, section 3.

Try it:
1. Double the light in the picture below: y doubles, it is linear. With `activation="sigmoid"` the even parts differ by
   little (0.51 and 0.53), the brink at the edge stands out (0.69); without any light all is 0.5.
2. With `activation="step"` every node is 1 but those from 22 to 29, the dark side of the edge.
3. Set weights below 0.02 to 0, as `express` does with what is weak: of 3,721 links 633 stay, and y moves by 0.04 at
   most.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.genome import Genome
from minidl.evolution.substrate import Substrate
from minidl.host import host
from minidl.kernels.network import ACTIVATIONS


class SubstrateNetwork:
    r"""The network that a substrate and its weights are, sheet after sheet.

    | option | meaning |
    |---|---|
    | `SubstrateNetwork` | call it with x (B, n_inputs) or (n_inputs,) |
    | `substrate` | a `Substrate` |
    | `weights` | a matrix (S, T) a connection, as `express` returns them |
    | `activation` | the f of all nodes but the inputs |

    There is no bias: give the first sheet one node more, and 1 as its input.

    Raises ValueError or TypeError for weights of other shapes or that are not finite, and another x.

    >>> net = SubstrateNetwork(Substrate.layered([2, 1, 1]), [[[1.0], [2.0]], [[-1.0]]], activation="linear")
    >>> net([[1.0, 1.0], [0.0, 0.5]])
    array([[-3.],
           [-1.]])
    """

    def __init__(self, substrate: Substrate, weights: Sequence[Any], *, activation: str = "sigmoid"):
        who = "SubstrateNetwork"
        if not isinstance(substrate, Substrate):
            raise check.DTypeError(f"{who}: substrate must be a Substrate, got {type(substrate).__name__}")
        self.substrate = substrate
        self.activation = check.option(who, "activation", activation, ACTIVATIONS)
        if not isinstance(weights, tuple | list | np.ndarray):
            raise check.DTypeError(f"{who}: weights must be a list of matrices, got {type(weights).__name__}")
        self.weights = [host(who, "weights", w).astype(np.float64) for w in weights]
        shapes = tuple(w.shape for w in self.weights)
        if shapes != substrate.shapes:
            raise check.ShapeError(f"{who}: weights must have shapes {substrate.shapes}, got {shapes}")
        if not all(np.isfinite(w).all() for w in self.weights):
            raise ValueError(f"{who}: weights must be finite")
        self.n_inputs, self.n_outputs = substrate.n_inputs, substrate.n_outputs

    def __call__(self, x: Any) -> np.ndarray:
        x = inputs("SubstrateNetwork", x, self.substrate)
        strips = [functools.partial(iter, [(0, slice(None), w)]) for w in self.weights]
        y = activate(self.substrate, x.reshape(1, -1, self.n_inputs), strips, self.activation)
        return y.reshape(*x.shape[:-1], self.n_outputs)

    def __repr__(self) -> str:
        return f"SubstrateNetwork({self.substrate!r}, activation={self.activation!r})"


def inputs(who: str, x: Any, substrate: Substrate) -> np.ndarray:
    x = host(who, "x", x).astype(np.float64, copy=False)
    check.axis_size(who, "x", x, -1, substrate.n_inputs, "n_inputs")
    if not np.isfinite(x).all():
        raise ValueError(f"{who}: x must be finite, got {x[~np.isfinite(x)][0]}")
    return x


def activate(substrate: Substrate, x: np.ndarray, strips: Sequence[Callable], activation: str) -> np.ndarray:
    """Sheet after sheet: x (P, B, inputs) -> (P, B, outputs). strips: for each connection (p, targets, weights)."""
    # a network of one link of weight 1 is its activation
    f = Genome.from_edges([(0, 1, 1.0)], n_inputs=1, n_outputs=1, bias=0, output_activation=activation).network()
    names = list(substrate.sheets)
    values = {names[0]: x}
    for name in names[1:]:
        total = np.zeros((*x.shape[:2], len(substrate.sheets[name])))
        for (source, target), blocks in zip(substrate.connections, strips, strict=True):
            if target == name:
                with np.errstate(over="ignore", invalid="ignore"):  # as in other networks: inf and NaN are passed on
                    for p, targets, w in blocks():
                        total[p, :, targets] += values[source][p] @ w  # (B, S) @ (S, T) -> (B, T)
        values[name] = f(total.reshape(-1, 1)).reshape(total.shape)
    return values[names[-1]]


def illustrate(ax: Any) -> None:
    r"""A network of 61 inputs and 61 outputs in a row, each output linked to inputs near it, positively to the nearest
    (the small picture: all weights of it, positive purple, negative orange). It leaves even light nearly dark, and
    overshoots at an edge on both sides, as retinas do. (At both ends inputs are missing.)"""
    sheet = Substrate.sandwich(61)
    x = sheet.sheets["inputs"][:, 0]
    apart = (x[:, None] - x) * 61 / 2  # in nodes
    weights = np.exp(-((apart / 2) ** 2)) / 3.5 - np.exp(-((apart / 5) ** 2)) / 9
    light = np.where(x < 0, 0.3, 1.0)
    y = SubstrateNetwork(sheet, [weights], activation="linear")(light)
    ax.step(x, light, where="mid")
    ax.text(0.5, 0.93, "x, the inputs", ha="center")
    ax.plot(x, y, "o-", markersize=3)
    ax.text(0.5, 0.1, "y, the outputs", ha="center")
    ax.set(xlabel="place of the node", ylabel="x and y")
    panel = ax.inset_axes([0.02, 0.5, 0.28, 0.5], xticks=[], yticks=[])
    panel.imshow(weights, cmap="PuOr", vmin=-0.3, vmax=0.3)
