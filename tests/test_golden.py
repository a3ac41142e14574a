"""Every layer that torch has too gives torch's numbers: outputs, all gradients and running statistics.

The numbers were made once (tests/golden/make_layers.py); torch is not needed here.
"""

import inspect

import numpy as np
import pytest

from minidl import nn
from minidl.study.golden import FOLDER, layer_case, load

GOLDEN = load(FOLDER / "layers.npz")
ROWS = GOLDEN["rows"]

OUTPUT = {"float32": 1e-5, "float64": 1e-9}  # |ours - torch's| / max(1, |torch's|)
GRADIENT = {"float32": 1e-5, "float64": 1e-8}

# layers that torch does not have
OWN = {"Concat", "GaussianNoise", "Masking", "ModuleList", "RepeatVector", "Residual", "Sequential", "TimeDistributed"}
OWN |= {"Bidirectional", "Seq2Seq"}  # tests/test_bidirectional.py has torch's numbers
OWN |= {"RBF", "RBFNet", "SOM"}


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
    for kind, name, ours, theirs in layer_case(GOLDEN, row, dtype):
        assert ours.shape == theirs.shape, name
        if name.startswith("output"):
            assert ours.dtype == dtype
        error = (np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))).max(initial=0)
        allowed = (OUTPUT if kind == "output" else GRADIENT)[dtype]
        assert error <= allowed, f"{name}: {error:.1e}, allowed {allowed:.0e}"
