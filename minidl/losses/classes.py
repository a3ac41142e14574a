r"""What the losses over classes share: class numbers as targets, class weights, and the class axis moved to the end.

The input is (N, K) or, with places, (N, K, d1, ...) as in torch; formulas are written for M = N * d1 * ... rows of K.
Where another axis has the classes (a sequence of logits is (N, T, K)), `class_axis` names it, and it is moved first.
"""

from typing import Any

import numpy as np

from minidl import check, ops
from minidl.backend import xp_of
from minidl.losses.arguments import weights_like
from minidl.tensor import Tensor


def rows(x: Any) -> Any:
    r"""(N, K, d1, ...) -> (N * d1 * ..., K).

    >>> rows(np.zeros((2, 3, 4, 5))).shape
    (40, 3)
    """
    return x if x.ndim == 2 else xp_of(x).moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def unrows(x: Any, shape: tuple[int, ...]) -> Any:
    r"""The way back, to `shape` (N, K, d1, ...)."""
    return x if len(shape) == 2 else xp_of(x).moveaxis(x.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def classes_second(who: str, input: Tensor, target: Any, class_axis: int) -> tuple[Tensor, Any]:
    r"""Input, and a target of its shape, with the classes as axis 1; ValueError for a class_axis that is not there.

    >>> x, t = Tensor(np.zeros((2, 5, 3))), np.zeros((2, 5), int)
    >>> [a.shape for a in classes_second("cross_entropy", x, t, -1)]
    [(2, 3, 5), (2, 5)]
    """
    class_axis = check.integer(who, "class_axis", class_axis)
    if class_axis == 1:
        return input, target
    axis = check.axis(who, class_axis, input.ndim, "class_axis")
    if axis == 0:
        raise ValueError(f"{who}: class_axis must not be axis 0, the examples, got {class_axis} for {input.shape}")
    order = [0, axis, *(i for i in range(1, input.ndim) if i != axis)]
    return ops.permute(input, order), target.transpose(order) if target.shape == input.shape else target


def class_input(who: str, input: Tensor) -> None:
    r"""ShapeError unless input is (N, K) or (N, K, d1, ...) with K >= 1."""
    if input.ndim < 2 or input.shape[1] == 0:
        raise check.ShapeError(f"{who}: input must have shape (N, K) or (N, K, d1, ...), got {input.shape}")


def class_numbers(who: str, input: Tensor, target: Any, ignore_index: int) -> tuple[Any, Any]:
    r"""The target rows (M,) as int64 with 0 in place of ignored ones, and which of them count (M,), or True for all.

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
        if target.shape == input.shape[:-1]:
            hint = "; if the last axis of the input holds the classes, as in (N, T, K), say class_axis=-1"
        raise check.ShapeError(
            f"{who}: target must have shape {wanted} for an input of shape {input.shape}, got {target.shape}{hint}"
        )
    t, K = target.ravel(), input.shape[1]
    # the usual case in one look: read without a sign, a negative number is huge
    if t.size and not 0 <= ignore_index < K and t.astype(np.uint64).max() < K:
        return t.astype(np.int64), True  # a copy: the targets may change before backward
    counts = t != ignore_index
    t = xp_of(t).where(counts, t, 0)
    check.indices(who, "target", t, K)
    return t.astype(np.int64), counts


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
    if weight is None and (counts is True or bool(counts.all())):
        return 1.0
    u = counts.astype(np.float64) if weight is None else counts * weight[t].astype(np.float64)
    return u.reshape(input.shape[:1] + input.shape[2:])
