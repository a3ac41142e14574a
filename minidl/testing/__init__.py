r"""Gradient checks for minidl's own layers and for yours.

| name | what it does |
|---|---|
| `gradcheck(function, inputs)` | compares a backward with finite differences |
| `numerical_gradient(function, array)` | finite differences alone |
"""

from minidl.testing.gradcheck import GradientError, gradcheck, numerical_gradient

__all__ = ["GradientError", "gradcheck", "numerical_gradient"]
