r"""What the losses over classes share: class numbers as targets, class weights, and the class axis moved to the end.

The input is (N, K) or, with places, (N, K, d1, ...) as in torch; formulas are written for M = N * d1 * ... rows of K.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.losses.arguments import weights_like
from minidl.tensor import Tensor


def rows(x: Any) -> Any:
    r"""(N, K, d1, ...) -> (N * d1 * ..., K).

    >>> rows(np.zeros((2, 3, 4, 5))).shape
    (40, 3)
    """
    return xp_of(x).moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def unrows(x: Any, shape: tuple[int, ...]) -> Any:
    r"""The way back, to `shape` (N, K, d1, ...)."""
    return xp_of(x).moveaxis(x.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def class_input(who: str, input: Tensor) -> None:
    r"""ShapeError unless input is (N, K) or (N, K, d1, ...) with K >= 1."""
    if input.ndim < 2 or input.shape[1] == 0:
        raise check.ShapeError(f"{who}: input must have shape (N, K) or (N, K, d1, ...), got {input.shape}")


def class_numbers(who: str, input: Tensor, target: Any, ignore_index: int) -> tuple[Any, Any]:
    r"""The target rows (M,) with 0 in place of ignored ones, and which of them count (M,).

    Raises TypeError for labels that are no integers, ShapeError for a shape other than (N, d1, ...), and ValueError for
    a label outside of 0 ... K-1 that is not ignore_index.
    """
    wanted = input.shape[:1] + input.shape[2:]
    if target.dtype.kind not in "iu":
        raise check.DTypeError(
            f"{who}: target must hold class numbers (integers) of shape {wanted}, got dtype {target.dtype} and shape "
            f"{target.shape}; probabilities have the shape of the input {input.shape}"
        )
    if target.shape != wanted:
        hint = "; one-hot targets must be floats" if target.shape == input.shape else ""
        raise check.ShapeError(
            f"{who}: target must have shape {wanted} for an input of shape {input.shape}, got {target.shape}{hint}"
        )
    counts = target.ravel() != ignore_index
    t = xp_of(target).where(counts, target.ravel(), 0)
    check.indices(who, "target", t, input.shape[1])
    return t, counts


def class_weights(who: str, input: Tensor, weight: Any) -> Any:
    r"""One weight >= 0 for each class (K,), in the input's dtype; None stays None."""
    if weight is None:
        return None
    weight = weights_like(who, "weight", input, weight)
    if weight.shape != input.shape[1:2]:
        raise check.ShapeError(f"{who}: weight must have shape {input.shape[1:2]}, one a class, got {weight.shape}")
    return weight.astype(input.dtype)


def units(t: Any, counts: Any, weight: Any, input: Tensor) -> Any:
    r"""What each target counts in the mean: the weight of its class, nothing if it is ignored; for `reduce`."""
    if weight is None and bool(counts.all()):
        return 1.0
    u = counts.astype(np.float64) if weight is None else counts * weight[t].astype(np.float64)
    return u.reshape(input.shape[:1] + input.shape[2:])
