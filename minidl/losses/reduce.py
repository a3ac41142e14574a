r"""From one loss per element to one number: the part that all losses share.

With losses $l_i$, weights $s_i$ (`sample_weight`, 1 by default) and units $u_i$ (what a loss counts in the mean, 1 by
default):

| reduction | result |
|---|---|
| "mean" | $\sum_i s_i l_i \,/\, \sum_i s_i u_i$ |
| "sum" | $\sum_i s_i l_i$ |
| "none" | $s_i l_i$ for every i |

So a weighted mean is divided by the sum of the weights: all weights twice as large change nothing, and an example of
weight 2 counts like two copies of it. Losses bring units of their own where something else is counted: a target that is
ignored has u = 0, a class with a weight has that weight (as in torch), and where examples are counted instead of
numbers ("batchmean"), each number counts one over the numbers an example has. A sum of 0 has no mean: ValueError.

| option | meaning | torch | Keras |
|---|---|---|---|
| `input` | what the model says, a tensor | `input` | `y_pred`, the second argument |
| `target` | what was wanted | `target` | `y_true`, the first argument |
| `reduction` | "mean", "sum" or "none" | `reduction` | `reduction`: "mean_with_sample_weight", "sum", none |
| `sample_weight` | numbers >= 0, one a loss or one a row | `weight`, in some losses | `sample_weight`, in the call |

Keras calls this mean "mean_with_sample_weight"; its default, "sum_over_batch_size", divides by the number of losses
whatever their weights, and its "none" leaves one loss a row. torch's mse_loss, l1_loss and huber_loss have a weight of
the input's shape; by its sum the first two divide, and huber_loss by the number of losses. For the others take "none"
and multiply.

Backward. With $L = \sum_i c_i l_i$, where c is s or s / total: $dl_i = c_i\,dL$. Weights get no gradient.
"""

import math
from typing import Any

from minidl import backend, check
from minidl.losses.arguments import weights_like
from minidl.tensor import Function, Tensor

# reduction -> what it does
REDUCTIONS = {
    "mean": "the mean, weighted by sample_weight",
    "sum": "the sum, each times its weight",
    "none": "one loss for each element, times its weight",
}


class WeightedSumFunction(Function):
    def forward(self, losses, c):
        self.save(c)
        self.shape = losses.shape
        return (losses * c).sum()

    def backward(self, dL):
        (c,) = self.saved
        dlosses = backend.xp_of(dL).empty(self.shape, dL.dtype)
        dlosses[...] = dL * c
        return dlosses, None


def reduce(who: str, losses: Tensor, reduction: str, sample_weight: Any = None, units: Any = 1.0) -> Tensor:
    r"""The losses, weighted and reduced (see above), for the loss function named `who`.

    sample_weight: numbers >= 0, one an example (N,), or of more of the leading axes of the losses: (N, T), ...
        A mask of bools will do: the mean is then over what is True, and no other loss counts.
    units: a number, or an array of the losses' shape.
    Raises ValueError for weights that are negative, not finite or of another shape, and for a mean over nothing.

    >>> losses = Tensor([[1.0, 3.0], [10.0, 20.0]])
    >>> reduce("mse_loss", losses, "mean", sample_weight=[3, 1]).item()  # (3 (1 + 3) + 1 (10 + 20)) / (3 + 3 + 1 + 1)
    5.25
    """
    c = coefficients(who, losses, losses.shape, reduction, sample_weight, units)
    if reduction == "none":
        return losses if sample_weight is None else losses * c
    return WeightedSumFunction()(losses, c)


def coefficients(
    who: str, like: Tensor, shape: tuple[int, ...], reduction: str, sample_weight: Any = None, units: Any = 1.0
) -> Any:
    r"""The c of a loss: a number, or an array of `shape`, that of the losses, with dtype and backend of `like`.

    >>> coefficients("mse_loss", Tensor(0.0), (2, 5), "mean")
    0.1
    """
    check.option(who, "reduction", reduction, REDUCTIONS)
    weights = 1.0 if sample_weight is None else _weights(who, sample_weight, like, shape)
    if reduction == "mean":
        weights = weights / _total(who, shape, weights, units)
    if not backend.is_array(weights):
        return weights
    return backend.xp_of(weights).broadcast_to(weights.astype(like.dtype), shape)


def _weights(who: str, sample_weight: Any, like: Tensor, shape: tuple[int, ...]) -> Any:
    """The sample weights in float64, with an axis of size 1 for every axis of the losses that they lack."""
    weights = weights_like(who, "sample_weight", like, sample_weight)
    n = weights.ndim
    if n == 0 or weights.shape != shape[:n]:
        raise check.ShapeError(
            f"{who}: sample_weight must have the shape of the losses {shape} or of their first axes, "
            f"got {weights.shape}"
        )
    return weights.reshape(weights.shape + (1,) * (len(shape) - n))


def _total(who: str, shape: tuple[int, ...], weights: Any, units: Any) -> float:
    """The sum over all losses of weight times unit, in float64; ValueError if it is 0."""
    counted, n = weights * units, math.prod(shape)
    if backend.is_array(counted):
        each = n / max(counted.size, 1)  # how many losses share one entry
        total = float(counted.sum()) * each
    else:
        total = counted * n
    if total <= 0:
        raise ValueError(
            f"{who}: there is nothing to take the mean of: {n} losses with a total weight of 0 "
            "(no rows, every target ignored, or all weights 0)"
        )
    return total
