r"""ModuleList: modules in a list, whose parameters belong to whoever holds it.

A plain Python list would hide them: a module finds only what is its attribute. How the parts are used is up to the
forward of the holder. Part i is named "i", as in "blocks.0.weight".
"""

from collections.abc import Iterable, Iterator
from typing import Any

from minidl import check
from minidl.nn.module import Module


class ModuleList(Module):
    r"""A list of modules: indexing, slices, `len`, iteration, `append` and `extend`.

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
