r"""Gradient checks and property tests for minidl's own layers and for yours.

| name | what it does |
|---|---|
| `gradcheck(function, inputs)` | compares a backward with finite differences |
| `numerical_gradient(function, array)` | finite differences alone |
| `check_layer(factory, *shapes)` | every promise that a layer makes, in one line, with a report |
| `registry`, `registered_*` | the one list of layers and losses that the tests iterate |
| `values` | inputs without ties and kinks |
| `strategies` | arrays, geometries and layers for hypothesis (needs `pip install "minidl[test]"`) |
"""

from minidl.testing import (
    registered_layers,
    registered_losses,
    registered_maps,
    registered_recurrent,
    registered_windows,
)
from minidl.testing.gradcheck import GradientError, gradcheck, numerical_gradient
from minidl.testing.layer import Report, check_layer

__all__ = [
    "GradientError",
    "Report",
    "check_layer",
    "gradcheck",
    "numerical_gradient",
    "registered_layers",
    "registered_losses",
    "registered_maps",
    "registered_recurrent",
    "registered_windows",
]
