r"""Masks: which time steps of a batch of sequences are real.

Sequences of different lengths become one array by padding. A mask (N, T) says which steps are real: True counts, False
is padding. Masks are arguments, nothing hidden: a layer that heeds one has `takes_mask = True` and is called as
`layer(x, mask=mask)`; `layer.compute_mask(x, mask)` is the mask that belongs to its output (None where the output has
no time steps, or where all are real). `Sequential` asks each layer in turn, and hands on the answer.
"""

from typing import Any

from minidl import backend, check
from minidl.tensor import Tensor


def time_mask(who: str, mask: Any, x: Any) -> Any:
    r"""`mask` (a tensor, array or list of bools, or of 0 and 1) as a bool array (N, T) where x (N, T, ...) lives.

    >>> time_mask("LSTM", [[1, 0]], Tensor([[[1.0], [2.0]]]))
    array([[ True, False]])
    >>> time_mask("LSTM", [[1, 0, 0]], Tensor([[[1.0], [2.0]]]))
    Traceback (most recent call last):
    ...
    minidl.check.ShapeError: LSTM: mask must have shape (N, T) = (1, 2), got (1, 3)
    """
    check.tensor(who, "x", x)
    try:
        array = mask._data if isinstance(mask, Tensor) else backend.array(mask)
    except (ValueError, TypeError) as error:  # ragged lists, strings
        raise type(error)(f"{who}: mask: {error}") from None
    if array.dtype.kind == "f":
        raise check.DTypeError(
            f"{who}: mask must hold bools (True: a real step), got dtype {array.dtype}; mask != 0 makes bools, and a "
            "state is given as initial_state="
        )
    if array.shape != tuple(x.shape[:2]):
        raise check.ShapeError(f"{who}: mask must have shape (N, T) = {tuple(x.shape[:2])}, got {array.shape}")
    if array.dtype.kind != "b":
        check.within(who, "mask", array, 0, 1)
    return backend.to_backend(array, x.backend if isinstance(x, Tensor) else backend.current()).astype(bool)


def with_mask(layer: Any, x: Any, mask: Any) -> Any:
    r"""layer(x); with the mask, if there is one and the layer takes it."""
    return layer(x) if mask is None or not layer.takes_mask else layer(x, mask=mask)


def input_known(who: str, x: Any) -> Any:
    r"""x; ValueError if it is None, which is what a layer that makes a mask is shown inside of a nested Sequential."""
    if x is None:
        raise ValueError(
            f"{who}: makes a mask of its input, which a Sequential inside of another one has only for its first layer; "
            f"put {who} first there, or all layers into one Sequential"
        )
    return x


def both(who: str, made: Any, mask: Any, x: Any) -> Any:
    r"""Which steps are real by the mask that layer `who` made (N, T), and by the mask that its input x has, if any."""
    return made if mask is None else made & time_mask(who, mask, x)
