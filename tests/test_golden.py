"""Every layer that torch has too gives torch's numbers: outputs, all gradients and running statistics.

The numbers were made once (tests/golden/make_layers.py); torch is not needed here.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, nn
from minidl.testing.registered_recurrent import with_state

with np.load(Path(__file__).parent / "golden" / "layers.npz") as _file:
    NUMBERS, ROWS = _file["numbers"], json.loads(str(_file["rows"]))

OUTPUT = {"float32": 1e-5, "float64": 1e-9}  # |ours - torch's| / max(1, |torch's|)
GRADIENT = {"float32": 1e-5, "float64": 1e-8}

# layers that torch does not have
OWN = {"Concat", "GaussianNoise", "Masking", "ModuleList", "RepeatVector", "Residual", "Sequential", "TimeDistributed"}
OWN |= {"Bidirectional", "Seq2Seq"}  # tests/test_bidirectional.py has torch's numbers
OWN |= {"RBF", "RBFNet", "SOM"}


def stored(place):
    n = int(np.prod(place["shape"], dtype=int))
    array = NUMBERS[place["at"] : place["at"] + n].reshape(place["shape"])
    return array.astype(np.int64) if place["integer"] else array


def close(name, ours, place, tolerance):
    theirs = stored(place)
    assert ours.shape == theirs.shape, name
    error = np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))
    assert error.max(initial=0) <= tolerance, f"{name}: {error.max():.1e}, allowed {tolerance:.0e}"


def tuples(value):
    return tuple(value) if isinstance(value, list) else value


def label(row):
    return (
        f"{row['layer']}-{'-'.join(str(v) for v in row['options'].values())}-{'train' if row['training'] else 'eval'}"
    )


def test_every_layer_that_torch_has_is_here():
    layers = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    layers = {name for name in layers if issubclass(getattr(nn, name), nn.Module)} - {"Module"}
    assert {row["layer"] for row in ROWS} == layers - OWN


@pytest.mark.parametrize("dtype", OUTPUT)
@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_numbers_of_torch(row, dtype):
    layer = getattr(nn, row["layer"])(**{name: tuples(value) for name, value in row["options"].items()})
    layer.load_state_dict({name: stored(place) for name, place in row["state"].items()})
    layer.train(row["training"]).to(dtype)
    inputs = [stored(place) for place in row["inputs"]]
    leaves = [Tensor(x.astype(dtype), True) if x.dtype.kind == "f" else Tensor(x) for x in inputs]
    y = with_state(layer, *leaves)
    outputs = y if isinstance(y, tuple) else (y,)
    for k, (y, place) in enumerate(zip(outputs, row["outputs"], strict=True)):
        assert y.dtype == dtype
        close(f"output {k}", y.numpy(), place, OUTPUT[dtype])
    if outputs[0].requires_grad:
        ups = [Tensor(stored(place).astype(dtype)) for place in row["ups"]]
        sum((y * g).sum() for y, g in zip(outputs, ups, strict=True)).backward()
    for k, (x, place) in enumerate(zip(leaves, row["dinputs"], strict=True)):
        if place:
            close(f"gradient of input {k}", Tensor(x.grad).numpy(), place, GRADIENT[dtype])
    parameters = dict(layer.named_parameters())
    assert sorted(parameters) == sorted(row["gradients"])
    for name, place in row["gradients"].items():
        close(f"gradient of {name}", Tensor(parameters[name].grad).numpy(), place, GRADIENT[dtype])
    for name, place in row["after"].items():
        close(name, layer.state_dict()[name], place, OUTPUT[dtype])
