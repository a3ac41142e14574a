r"""Weights of recurrent layers that torch or Keras trained. (Those of most other layers are torch's by name and layout
already: `model.load_state_dict(minidl.load(path))`.)

torch has one module for a whole stack, and tells its levels k and directions by the names: `weight_ih_l0`,
`weight_ih_l1`, `weight_ih_l0_reverse`. Here each level is a layer of its own, so only names change.

Keras' arrays stand the other way round, without names. For G gates, D inputs and H units:

| Keras | shape | here |
|---|---|---|
| kernel | (D, GH) | `weight_ih_l0` (GH, D) |
| recurrent_kernel | (H, GH) | `weight_hh_l0` (GH, H) |
| bias; of a GRU with `reset_after` the first row | (GH,) | `bias_ih_l0` (GH,) |
| of a GRU with `reset_after` the second row, else nothing | (GH,) | `bias_hh_l0` (GH,), else zeros |

The gates of the LSTM come in one order everywhere, i f g o (Keras calls g "c"). Those of the GRU are z r h in Keras,
and r z n in torch and here: the first two blocks change places. Compared with Keras 3.15 and torch 2.13.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import check
from minidl.host import host
from minidl.nn import GRU, Bidirectional, Module
from minidl.nn.recurrent import Recurrent

NAMES = ("weight_hh", "weight_ih", "bias_ih", "bias_hh")  # hh first: its shape tells the kind of layer
KINDS = {1: "a SimpleRNN", 3: "a GRU", 4: "an LSTM"}  # by the number of gates


def load_torch_recurrent(model: Module, state: Mapping[str, Any]) -> None:
    r"""Take over the weights of a torch.nn.RNN, LSTM or GRU.

    model: a SimpleRNN, LSTM or GRU, a Bidirectional of one, or a model of several, one for each level of torch's stack;
    its other layers, such as the dropout between, are passed over. state: the module's state_dict, most often
    `minidl.load(path)` of a file that safetensors.torch.save_file wrote.

    Raises ValueError or TypeError, and changes nothing, where names or shapes do not fit, for a GRU with
    reset_after=False (torch has none) and for a torch.nn.LSTM with proj_size. What no file tells is left to you: our
    SimpleRNN is torch's nonlinearity="tanh".

    >>> import numpy as np
    >>> from minidl import nn
    >>> state = {  # as of torch.nn.RNN(2, 1, num_layers=2, bias=False)
    ...     "weight_ih_l0": np.array([[1.0, 2.0]]),
    ...     "weight_hh_l0": np.array([[3.0]]),
    ...     "weight_ih_l1": np.array([[4.0]]),
    ...     "weight_hh_l1": np.array([[5.0]]),
    ... }
    >>> model = nn.Sequential(
    ...     nn.SimpleRNN(2, 1, bias=False, return_sequences=True), nn.SimpleRNN(1, 1, bias=False, return_sequences=True)
    ... )
    >>> load_torch_recurrent(model, state)
    >>> {name: array.tolist() for name, array in model.state_dict().items()}["1.weight_hh_l0"]
    [[5.0]]
    """
    who = "load_torch_recurrent"
    if not isinstance(state, Mapping):
        raise check.DTypeError(f"{who}: state must be a dict of arrays, got {type(state).__name__}")
    if any("weight_hr" in str(key) for key in state):
        raise ValueError(f"{who}: state is of an LSTM with proj_size (it has weight_hr_l0); minidl's LSTM has none")
    places = {}  # torch's name -> the layer, and the name in the model
    for k, level in enumerate(_levels(who, model)):
        for (path, layer), end in zip(level, ("", "_reverse"), strict=False):
            if not getattr(layer, "reset_after", True):
                raise ValueError(f"{who}: torch's GRU has reset_after=True, got {layer!r}")
            for name in NAMES if layer.bias else NAMES[:2]:
                places[f"{name}_l{k}{end}"] = layer, f"{path}{name}_l0"
    missing, unexpected = [key for key in places if key not in state], [key for key in state if key not in places]
    if missing or unexpected:
        raise ValueError(
            f"{who}: missing keys {missing}, unexpected keys {unexpected}; each level _l0, _l1 ... takes a layer, one "
            "with keys ..._reverse a Bidirectional, one without biases a layer with bias=False; cut off the name of a "
            "module before the keys"
        )
    arrays = {}
    for key, (layer, name) in places.items():
        arrays[name] = host(who, key, state[key])
        _check_shape(who, key, arrays[name], getattr(layer, name.rpartition(".")[2]).shape, layer)
    model.load_state_dict(arrays, strict=False)


def load_keras_recurrent(model: Module, weights: list | tuple) -> None:
    r"""Take over the weights of a Keras SimpleRNN, LSTM, GRU or Bidirectional.

    model: a SimpleRNN, LSTM or GRU, a Bidirectional of one, or a model of several. weights: the list that Keras'
    `layer.get_weights()` gives: kernel, recurrent kernel and, unless use_bias=False, bias; of a Bidirectional the
    forward layer's three, then the backward one's; of a stack those of its layers one after the other.

    Raises ValueError or TypeError, and changes nothing, where number or shapes do not fit; a GRU's `reset_after` must
    be that of Keras' (True if its bias has two rows; without biases no array tells). Only weights are here, no options:
    Keras' `return_sequences`, `go_backwards`, `merge_mode` ... have the same names in minidl's constructors. Other
    activations than Keras' own choice, tanh and sigmoid, minidl does not have.

    >>> import numpy as np
    >>> from minidl import nn
    >>> gru = nn.GRU(1, 1, reset_after=False)
    >>> kernel, recurrent_kernel, bias = np.array([[1, 2, 3]]), np.array([[4, 5, 6]]), np.array([7, 8, 9])     # z r h
    >>> load_keras_recurrent(gru, [kernel, recurrent_kernel, bias])
    >>> gru.weight_ih_l0.numpy().ravel(), gru.bias_ih_l0.numpy(), gru.bias_hh_l0.numpy()                       # r z n
    (array([2., 1., 3.], dtype=float32), array([8., 7., 9.], dtype=float32), array([0., 0., 0.], dtype=float32))
    """
    who = "load_keras_recurrent"
    if not isinstance(weights, list | tuple):
        raise check.DTypeError(f"{who}: weights must be the list of get_weights(), got {type(weights).__name__}")
    layers = [place for level in _levels(who, model) for place in level]
    n = sum(3 if layer.bias else 2 for _, layer in layers)
    if len(weights) != n:
        raise ValueError(
            f"{who}: weights must be {n} arrays (3 for each layer and direction, 2 with bias=False), got {len(weights)}"
        )
    given = iter([host(who, f"weights[{i}]", array) for i, array in enumerate(weights)])
    arrays = {}
    for path, layer in layers:
        arrays |= _from_keras(who, path, layer, next(given), next(given), next(given) if layer.bias else None)
    model.load_state_dict(arrays, strict=False)


def _levels(who: str, model: Any) -> list[list[tuple[str, Recurrent]]]:
    """The recurrent layers of a model in their order, each with its path in it; the two of a Bidirectional together."""
    if not isinstance(model, Module):
        raise check.DTypeError(f"{who}: model must be a module, got {type(model).__name__}")

    def inside(module: Module, path: str) -> list[list[tuple[str, Recurrent]]]:
        if isinstance(module, Recurrent):
            return [[(path, module)]]
        levels = [level for name, child in module.named_children() for level in inside(child, f"{path}{name}.")]
        return [sum(levels, [])] if isinstance(module, Bidirectional) else levels

    levels = inside(model, "")
    if not levels:
        raise ValueError(f"{who}: model has no SimpleRNN, LSTM or GRU in it, got {type(model).__name__}")
    return levels


def _from_keras(who: str, path: str, layer: Recurrent, kernel: Any, recurrent: Any, bias: Any) -> dict[str, np.ndarray]:
    """Keras' arrays of one layer in our layouts, by their names in the model."""
    GH, H = layer.weight_hh_l0.shape
    _check_shape(who, f"{path}recurrent_kernel", recurrent, (H, GH), layer)
    _check_shape(who, f"{path}kernel", kernel, (layer.input_size, GH), layer)
    arrays = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent.T}
    gru = isinstance(layer, GRU)
    if bias is not None:
        shapes = {True: (2, GH), False: (GH,)}  # by reset_after
        rows = gru and layer.reset_after
        if gru and bias.shape == shapes[not rows]:
            raise check.ShapeError(
                f"{who}: {path}bias {bias.shape} is of a GRU with reset_after={not rows}, {layer!r} has {rows}"
            )
        _check_shape(who, f"{path}bias", bias, shapes[rows], layer)
        arrays["bias_ih_l0"], arrays["bias_hh_l0"] = bias if rows else (bias, np.zeros_like(bias))
    if gru:  # z r h -> r z n
        arrays = {name: np.concatenate([a[H : 2 * H], a[:H], a[2 * H :]]) for name, a in arrays.items()}
    return {path + name: a for name, a in arrays.items()}


def _check_shape(who: str, name: str, array: np.ndarray, wanted: tuple[int, ...], layer: Recurrent) -> None:
    """ShapeError unless the array has this shape; a recurrent kernel also says what layer it is of."""
    if array.shape == wanted:
        return
    of = ""
    if ("hh" in name or "recurrent" in name) and array.ndim == 2 and array.size:
        H, GH = sorted(array.shape)
        of = f", as in {KINDS[GH / H]} with hidden_size={H}" if GH / H in KINDS else ""
    raise check.ShapeError(f"{who}: {name} must have shape {wanted} for {layer!r}, got {array.shape}{of}")
