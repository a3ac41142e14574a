r"""Writes `layers.npz`: what torch computes for every layer that both have. Run by hand, from the root:

    python -m tests.golden.make_layers

It was run with torch 2.13.0 and NumPy 2.4.6 (the versions stand in the file too); neither minidl nor its tests need
torch. The rows are the registry's cases (minidl/testing/registered_*.py) and some random mixtures of their
options; what torch lacks is left out. Inputs and weights are numbers of float32, computed with in float64.

All numbers lie in one array, `numbers`; `rows` is a JSON list that says where: {"at": start, "shape": shape}.
"""

import functools
import inspect
import json
from pathlib import Path

import numpy as np

from minidl import nn
from minidl.testing.registered_recurrent import Stated
from minidl.testing.registry import PLACES, Case, cases

FILE = Path(__file__).parent / "layers.npz"
MIXTURES = {"Conv1d": 15, "Conv2d": 30, "ConvTranspose2d": 25, "MaxPool2d": 30, "AvgPool2d": 30, "Upsample": 10}
MIXTURES |= {"SimpleRNN": 20, "LSTM": 20, "GRU": 20}  # most of which have a mask, and torch none
RENAMED = {"axis": "dim"}  # option of ours -> torch's


def torch_layer(torch, name: str, options: dict):
    r"""torch's layer of this name, or its formula where it has none; None where it has neither."""
    F = torch.nn.functional
    if name == "GlobalAvgPool2d":
        return lambda x: x.mean((2, 3), keepdim=options["keepdims"])
    if name == "GlobalMaxPool2d":
        return lambda x: x.amax((2, 3), keepdim=options["keepdims"])
    if name in ("SumPool1d", "SumPool2d") and not options.pop("ceil_mode"):
        kernel = options.pop("kernel_size")
        options["stride"] = options["stride"] or kernel
        convolve = F.conv1d if name == "SumPool1d" else F.conv2d

        def sums(x):
            ones = torch.ones(x.shape[1], 1, *kernel, dtype=x.dtype)
            return convolve(x, ones, groups=x.shape[1], **options)

        return sums
    options.pop("mask_zero", None)  # which changes no number
    if not options.pop("reset_after", True):
        return None
    options.pop("unit_forget_bias", None)  # a first value, and torch is given ours
    if name in ("SimpleRNN", "LSTM", "GRU"):
        return torch_recurrent(torch, name.removeprefix("Simple"), options)
    layer = getattr(torch.nn, name, None)
    return layer and layer(**{RENAMED.get(k, k): v for k, v in options.items()})


def torch_recurrent(torch, name: str, options: dict):
    r"""torch's layer with the results that our options ask for."""
    other = {option: options.pop(option) for option in ("return_sequences", "return_state", "go_backwards")}

    class Layer(getattr(torch.nn, name)):
        def forward(self, x, state=None):
            x = x.flip(1) if other["go_backwards"] else x
            if state is not None:  # torch's have an axis for the layers of a stack
                state = tuple(s[None] for s in state) if isinstance(state, tuple) else state[None]
            y, last = super().forward(x, state)
            y = y if other["return_sequences"] else y[:, -1]
            last = last if isinstance(last, tuple) else (last,)
            return (y, *(s[0] for s in last)) if other["return_state"] else y

    sizes = {option: options[option] for option in ("input_size", "hidden_size", "bias")}
    return Layer(**sizes, batch_first=True)


def built(case: Case):
    r"""(module, inputs, the arguments of its constructor)"""
    original, signature, arguments = case.layer.__init__, inspect.signature(case.layer), {}

    @functools.wraps(original)  # the registry looks at its signature
    def spy(self, *args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments.update(bound.arguments)
        original(self, *args, **kwargs)

    if signature.parameters:
        case.layer.__init__ = spy
    try:
        return *case.build(), arguments
    finally:
        case.layer.__init__ = original


def mixture(layer, rng) -> Case:
    r"""All options of a layer drawn at once."""
    picked = {}

    def pick(name, *values):
        return picked.setdefault(name, values[rng.integers(len(values))])

    PLACES[layer].build(pick)
    return Case(layer, picked, seed=int(rng.integers(1000)))


class Numbers:
    r"""The one array, as it grows."""

    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, array) -> dict:
        array = np.asarray(array)
        self.parts.append(array.astype(np.float64).ravel())
        self.size += array.size
        return {"at": self.size - array.size, "shape": list(array.shape), "integer": array.dtype.kind in "iu"}


def row(torch, case: Case, numbers: Numbers, rng) -> dict | None:
    module, inputs, options = built(case)
    module = module.layer if isinstance(module, Stated) else module
    random = "Dropout" in case.layer.__name__ and module.training and module.p not in (0, 1)
    if type(module) is not case.layer or random:
        return None
    inputs = [x.astype(np.float32).astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    try:
        theirs = torch_layer(torch, case.layer.__name__, dict(options))
        if theirs is None:
            return None
        state = module.state_dict()
        if isinstance(theirs, torch.nn.Module):
            theirs.double().train(module.training)
            theirs.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()})
        leaves = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
        x, *states = leaves
        y = theirs(x, *([tuple(states)] if len(states) > 1 else states))
    except (ValueError, RuntimeError, TypeError) as error:  # an option, or a mixture of them, that torch does not have
        print(f"left out: {case}: {str(error).splitlines()[0]}")
        return None
    outputs = y if isinstance(y, tuple) else (y,)
    ups = [rng.normal(size=tuple(y.shape)).astype(np.float32) for y in outputs]
    if outputs[0].requires_grad:
        torch.autograd.backward(outputs, [torch.tensor(g.astype(np.float64)) for g in ups])
    named = dict(theirs.named_parameters()) if isinstance(theirs, torch.nn.Module) else {}
    after = theirs.state_dict() if isinstance(theirs, torch.nn.Module) else {}
    return {
        "layer": case.layer.__name__,
        "options": options,
        "training": module.training,
        "state": {k: numbers.add(v) for k, v in state.items()},
        "inputs": [numbers.add(x) for x in inputs],
        "ups": [numbers.add(g) for g in ups],
        "outputs": [numbers.add(y.detach().numpy()) for y in outputs],
        "dinputs": [None if x.grad is None else numbers.add(x.grad.numpy()) for x in leaves],
        "gradients": {k: numbers.add(p.grad.numpy()) for k, p in named.items()},
        "after": {k: numbers.add(v.numpy()) for k, v in after.items() if k not in named},
    }


def main() -> None:
    import torch  # noqa: PLC0415 - pytest imports this file to look for doctests, without torch

    rng, numbers, rows = np.random.default_rng(0), Numbers(), []
    for layer in [layer for layer in PLACES if getattr(nn, layer.__name__, None) is layer]:
        mixtures = [mixture(layer, rng) for _ in range(MIXTURES.get(layer.__name__, 3))]
        rows += [r for case in [*cases(layer), *mixtures] if (r := row(torch, case, numbers, rng))]
    np.savez_compressed(
        FILE,
        rows=json.dumps(rows),
        numbers=np.concatenate(numbers.parts),
        versions=f"torch {torch.__version__}, NumPy {np.__version__}",
    )
    print(f"{len(rows)} rows, {numbers.size} numbers, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
