r"""ModuleList: modules in a list, whose parameters belong to whoever holds it.

A plain Python list would hide them: a module finds only what is its attribute. How the parts are used is up to the
forward of the holder. Part i is named "i", as in "blocks.0.weight".

Shapes: it has no forward, and so no x; each part has its own.

Source: the class of this name in torch.

Try it:
1. In the doctest below, write a plain list in place of `nn.ModuleList([...])`: forward still works, but the tower has
   no parameters, its state_dict is empty, and no optimiser would train it.
2. Call a ModuleList: a NotImplementedError, it has no forward. `nn.Sequential(*blocks)` is the one that has.
3. Append the same layer twice: it is found twice by iteration, and once by `parameters()`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl import check
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.tanh import Tanh
from minidl.tensor import Tensor


class ModuleList(Module):
    r"""A list of modules: indexing, slices, `len`, iteration, `append` and `extend`.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `ModuleList` | the list | `nn.ModuleList` | none: a plain list is searched for layers |
    | `modules` | what it holds at first | `modules` | none |

    | cost | formula |
    |---|---|
    | parameters | those of its modules |
    | multiply-adds | those of its modules |
    | bytes kept | those of its modules |

    >>> from minidl import nn
    >>> class Tower(nn.Module):
    ...     def __init__(self):
    ...         self.blocks = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ...     def forward(self, x):
    ...         for block in self.blocks:
    ...             x = block(x)
    ...         return x
    >>> list(Tower().state_dict())[:2]
    ['blocks.0.weight', 'blocks.0.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def append(self, module: Module) -> "ModuleList":
        r"""Add one module at the end. TypeError if it is none."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> "ModuleList":
        r"""Add modules at the end. TypeError, and nothing added, if one of them is none."""
        if isinstance(modules, Module) and not isinstance(modules, ModuleList) or not isinstance(modules, Iterable):
            raise check.DTypeError(f"{type(self).__name__}: modules must be a list, got {type(modules).__name__}")
        modules = list(modules)
        for i, module in enumerate(modules):
            check_module(type(self).__name__, f"module {i}", module)
        for i, module in enumerate(modules, start=len(self)):
            setattr(self, str(i), module)
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        return iter([value for value in vars(self).values() if isinstance(value, Module)])

    def __getitem__(self, index: int | slice) -> Any:
        modules = list(self)
        if isinstance(index, slice):
            return ModuleList(modules[index])
        index = check.integer(type(self).__name__, "index", index)
        if not -len(modules) <= index < len(modules):
            raise check.IndexRangeError(f"{type(self).__name__}: index {index} is outside of {len(modules)} modules")
        return modules[index]


def check_module(who: str, name: str, module: Any) -> Module:
    r"""`module`; TypeError if it is no Module (a class of them is none yet)."""
    if isinstance(module, type) and issubclass(module, Module):
        raise check.DTypeError(f"{who}: {name} must be a module, got the class; write {module.__name__}(...)")
    if not isinstance(module, Module):
        raise check.DTypeError(f"{who}: {name} must be a module, got {type(module).__name__}")
    return module


def illustrate(ax: Any) -> None:
    r"""What a Sequential cannot do: four networks side by side (thin lines), of which the holder takes the mean
    (thick). Trained from different starts on the same points, they agree where the points are and disagree beyond: the
    spread of such an ensemble tells how far to trust it."""
    rng = np.random.default_rng(0)
    nets = ModuleList(ModuleList([Linear(1, 12), Tanh(), Linear(12, 1)]) for _ in range(4)).to("float64")
    for p in nets.parameters():
        p.data = rng.normal(size=p.shape)

    def run(x: np.ndarray) -> list[Tensor]:
        outputs = []
        for net in nets:
            y = Tensor(x)
            for layer in net:
                y = layer(y)
            outputs.append(y)
        return outputs

    x = np.concatenate([rng.uniform(-2, -0.5, (20, 1)), rng.uniform(0.5, 1.5, (20, 1))])
    t = np.sin(3 * x) + rng.normal(0, 0.1, x.shape)
    for _ in range(100):
        nets.zero_grad()
        sum(((y - t) ** 2).mean() for y in run(x)).backward()
        for p in nets.parameters():
            p.data = p.data - 0.12 * p.grad
    line = np.linspace(-3, 3, 121)[:, None]
    curves = [y.numpy() for y in run(line)]
    for curve in curves:
        ax.plot(line, curve, "C0", linewidth=0.8)
    ax.plot(line, sum(curves) / 4, "C0", linewidth=3)
    ax.plot(x, t, "C1o", markersize=4)
    ax.set(xlabel="x", ylabel="y", ylim=(-2.5, 2.5))
