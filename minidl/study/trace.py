r"""What happens in a layer on a small input: every array that gets a name, every kernel that is called, and what is
kept for the backward.

Python tells a *trace function* about every line that it is about to run (`sys.settrace`). Here it looks at the local
variables of the functions of one file: a name that stands for another array than a line ago was given it by that line.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from minidl import kernels
from minidl.nn.module import Module
from minidl.study.page import Traced
from minidl.tensor import Function, Tensor
from minidl.testing.subject import Subject, call, leaves

KERNELS = Path(kernels.__path__[0]).resolve()


@dataclass
class Run:
    r"""One forward and backward of a layer in float32."""

    layer: Any
    inputs: list[np.ndarray]
    outputs: list[Tensor] = field(default_factory=list)
    trace: list[Traced] = field(default_factory=list)
    called: dict[str, list[str]] = field(default_factory=dict)  # "lstm" -> ["lstm", "lstm_grad"], files of kernels/
    handed: dict[str, dict[str, list[str]]] = field(
        default_factory=dict
    )  # "conv" -> {"direct": ["forward"]}: what it has others do
    kept: int = 0  # bytes that live until the backward, without the parameters
    multiply_adds: int = 0  # of the forward, by the layer and all layers in it


def run(subject: Subject, file: Path) -> Run:
    r"""Run the layer forward and backward, watching the functions of `file` and of the kernels that it calls."""
    layer, inputs = subject.fresh("float32")
    found = Run(layer, inputs)
    watch = Watch(found, file.resolve())
    for part in layer.modules() if isinstance(layer, Module) else ():
        part.register_forward_hook(lambda part, xs, y: _count(found, part, xs, y))
    xs = [x.requires_grad_(x.dtype.kind == "f") for x in leaves(inputs)]
    with watch("forward"):
        found.outputs = call(layer, xs)
    found.kept = kept(found.outputs, layer.parameters() if hasattr(layer, "parameters") else ())
    loss = None
    rng = np.random.default_rng(0)
    for y in found.outputs:
        if y.requires_grad:
            part = (y * Tensor(rng.normal(size=y.shape).astype(y.dtype))).sum()
            loss = part if loss is None else loss + part
    if loss is not None:
        with watch("backward"):
            loss.backward()
    return found


def _count(found: Run, part: Module, xs: Any, y: Any) -> None:
    """Add the multiply-adds of one call of a layer."""
    several = [vs if isinstance(vs, tuple | list) else [vs] for vs in (xs, y)]
    first = [next((v.shape for v in vs if isinstance(v, Tensor)), ()) for vs in several]
    found.multiply_adds += int(part.multiply_adds(*first))


class Watch:
    r"""`with watch("forward"):` writes down the arrays of the functions that run in there."""

    def __init__(self, found: Run, file: Path):
        self.found, self.file, self.phase = found, file, ""
        self.seen: set = set()
        self.paths: dict[str, Path] = {}

    def __call__(self, phase: str) -> "Watch":
        self.phase = phase
        return self

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self.call)

    def __exit__(self, *error: Any) -> None:
        sys.settrace(self.before)

    def path(self, frame: FrameType) -> Path:
        name = frame.f_code.co_filename
        if name not in self.paths:
            self.paths[name] = Path(name).resolve()
        return self.paths[name]

    def call(self, frame: FrameType, event: str, argument: Any) -> Callable | None:
        path = self.path(frame)
        kernel = path.parent == KERNELS
        if kernel:
            caller, name = self.path(frame.f_back), frame.f_code.co_name
            if caller == path or name.startswith("<"):
                return None  # a kernel's own helper
            if caller.parent == KERNELS:
                return self.returns(caller.stem, path.stem, name)
            if name not in self.found.called.setdefault(path.stem, []):
                self.found.called[path.stem].append(name)
        if not kernel and path != self.file or frame.f_code.co_name.startswith("<"):
            return None
        self.look(frame, {}, frame.f_lineno)
        return self.follow(frame)

    def returns(self, caller: str, file: str, name: str) -> Callable:
        r"""The trace function of a kernel's function that another kernel calls: does it do anything but answer yes or
        no?"""

        def step(frame: FrameType, event: str, argument: Any) -> Callable:
            if event == "return" and not isinstance(argument, bool):
                names = self.found.handed.setdefault(caller, {}).setdefault(file, [])
                names += [name] * (name not in names)
            return step

        return step

    def follow(self, frame: FrameType) -> Callable:
        r"""The trace function of one frame: it knows what its variables were, and which line ran last."""
        old, line = self.arrays(frame), frame.f_lineno

        def step(frame: FrameType, event: str, argument: Any) -> Callable:
            nonlocal old, line
            self.look(frame, old, line)
            old, line = self.arrays(frame), frame.f_lineno
            return step

        return step

    def arrays(self, frame: FrameType) -> dict[str, Any]:
        return {name: x for name, x in frame.f_locals.items() if isinstance(x, np.ndarray | Tensor)}

    def look(self, frame: FrameType, old: dict, line: int) -> None:
        for name, x in self.arrays(frame).items():
            if old.get(name) is not x:
                path = self.path(frame)
                file = f"kernels/{path.name}" if path.parent == KERNELS else path.name
                row = (frame.f_code.co_qualname, file, line, name, tuple(x.shape), str(x.dtype), self.phase)
                if row[:2] + row[3:] not in self.seen:  # once, however often a loop comes by
                    self.seen.add(row[:2] + row[3:])
                    self.found.trace.append(Traced(*row))


def nodes(outputs: list[Tensor]) -> Iterator[Function]:
    r"""All Functions of the graph that ends in these tensors."""
    waiting = [y._node for y in outputs if y._node is not None]
    seen = set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += [edge[0] for edge in node._edges if edge is not None and isinstance(edge[0], Function)]


def kept(outputs: list[Tensor], parameters: Any) -> int:
    r"""Bytes of memory that the graph keeps for the backward, every piece once, the parameters left out."""
    own = {id(_root(p._data)) for p in parameters}
    spans: dict[int, list[int]] = {}
    for node in nodes(outputs):
        for x in [*(node.saved or ()), *vars(node).values()]:
            if isinstance(x, np.ndarray) and x.size and id(_root(x)) not in own:
                low, high = np.lib.array_utils.byte_bounds(x)
                span = spans.setdefault(id(_root(x)), [low, high])
                span[:] = min(span[0], low), max(span[1], high)
    return sum(high - low for low, high in spans.values())


def _root(x: np.ndarray) -> Any:
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x
