r"""What a graph has computed: every tensor in it, with its value and its gradient, read without changing anything.

A node holds neither its inputs nor its results (see `tensor.py`), only the way back and what its backward needs. So

- **values** are computed again: a copy of every Function runs `forward` once more on its inputs, oldest first. Leaves
  and constants must be as they were: still there, and not written to since. What a Function draws at random in its
  forward cannot be drawn again: its result is unknown, and so is what was computed from that.
- **gradients** come from the graph itself, as in `backward()`, noted at every node as they pass; no `.grad` is
  written, no hook of yours is called, and nothing is freed.

An unknown value is None, never a guess: the copy must also end up with the same saved arrays, bit by bit.

Source: Griewank and Walther 2008, *Evaluating Derivatives*, chapter 12: what was not kept is computed again.

Try it:
1. Let `_run_again` return what a Function drew anew: for `y = gaussian_noise(x, 1.0)` with y = (2.1, -0.4) the graph of
   `y.sum()` shows (0.6, 0.2), numbers that never were in it. As it is, it shows none.
2. Write `w += 1` under `no_grad()` after `y = w * w; z = y.exp()`: w and y are unknown, z is still there.
3. Take `(x + np.array([3.0, 4.0])).exp()`: nobody else holds that array, so it is gone, and the sum unknown. Add a
   tensor that you keep instead: both are known.
"""

import copy
import functools
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import backend, graph, random, writes
from minidl.tensor import Function, Tensor

FREED, CHANGED = "freed", "changed"  # why values and gradients are unknown: by backward(); written to since


@dataclass(eq=False)
class Variable:
    r"""A tensor of a graph, or a number in it. value and grad: arrays (or the number), None where they are unknown."""

    kind: str  # "leaf" (it wants a gradient), "constant" or "computed"
    key: Any  # see key_of
    shape: tuple | None  # None: unknown
    value: Any = None
    grad: Any = None


@dataclass(eq=False)
class Step:
    r"""A Function that ran."""

    function: Function
    inputs: list[Variable | None] = field(default_factory=list)  # None: an absent one
    outputs: dict[int, Variable] = field(default_factory=dict)  # those that the graph has, by their number


def key_of(tensor: Tensor) -> tuple:
    r"""What tells a tensor from all others, as long as it lives."""
    if tensor._node is not None:
        return id(tensor._node), tensor._index
    return (id(tensor), "leaf") if tensor.requires_grad else (id(tensor._data), "constant")


def replay(tensor: Tensor, others: tuple = ()) -> tuple[list[Variable], list[Step], str]:
    r"""All tensors of the graph of `tensor` (itself the last), the Functions between them, oldest first, and why values
    or gradients are unknown: FREED, CHANGED or "".

    Gradients are those of `tensor`, or of its sum. others: tensors that are still there; of those in the graph the
    values need not be computed again.

    >>> x = Tensor(3.0, requires_grad=True)
    >>> variables, steps, _ = replay((x * x + 1).tanh())
    >>> [type(step.function).__name__ for step in steps]
    ['Mul', 'Add', 'Tanh']
    >>> [float(v.value) for v in variables]
    [3.0, 9.0, 1.0, 10.0, 1.0]
    """
    variables, steps = structure(tensor)
    for known in (*others, tensor):
        variable, node = variables.get(key_of(known)), known._node
        if variable and node is not None and not writes.since(known._data, node._order):
            variable.value = known._data
    problem = _fill_values(steps)
    last = variables[key_of(tensor)]
    if tensor.requires_grad:
        last.grad = backend.xp_of(tensor._data).ones(tensor.shape, tensor.dtype)
        if not problem:
            _fill_gradients(tensor, last.grad, steps, variables)
    return [*(v for v in variables.values() if v is not last), last], steps, problem


def _steps(node: Any) -> list[Step]:
    """The nodes from this one back, oldest first."""
    found, waiting = {}, [] if node is None else [node]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting += [source for source, _, _, _ in node._edges if isinstance(source, Function)]
    return [Step(node) for node in sorted(found.values(), key=lambda node: node._order)]


def structure(tensor: Tensor) -> tuple[dict[tuple, Variable], list[Step]]:
    r"""The graph of `tensor`: every tensor once, by its key, and the steps between them, oldest first. Leaves and
    constants have the values that they have now; nothing is computed."""
    steps = _steps(tensor._node)
    variables: dict[tuple, Variable] = {}
    made = {id(step.function): step for step in steps}
    for step in steps:
        for number, (source, index, shape, dtype) in enumerate(step.function._edges):
            if source is None:
                value = index() if isinstance(index, weakref.ref) else index
                if index is None:
                    step.inputs.append(None)
                    continue
                key = (id(value), "constant") if hasattr(value, "shape") else (id(step), number)
                variable = Variable("constant", key, None if value is None else getattr(value, "shape", ()), value)
            elif isinstance(source, Function):
                variable = Variable("computed", (id(source), index), shape)
            else:
                same = source.shape == shape and source.dtype == dtype
                variable = Variable("leaf", key_of(source), shape, source._data if same else None)
            variable = variables.setdefault(variable.key, variable)
            if isinstance(source, Function):
                made[id(source)].outputs[index] = variable
            step.inputs.append(variable)
    key = key_of(tensor)
    if steps:
        variables[key] = steps[-1].outputs[key[1]] = Variable("computed", key, tensor.shape)
    else:
        variables[key] = Variable(key[1], key, tensor.shape, tensor._data)
    return variables, steps


def _fill_values(steps: list[Step]) -> str:
    """Compute values, oldest first, as far as they can be had; returns what else is the matter."""
    problem = ""
    for step in steps:
        node = step.function
        if not node._edges:
            problem = FREED
            continue
        read = [v for v in step.inputs if v is not None]
        for v in read:
            if v.kind != "computed" and _written(v.value, node):
                v.value, problem = None, problem or CHANGED
        if any(_written(array, node) for array in node.saved):
            problem = problem or CHANGED
        elif all(v.value is not None for v in read):
            results = _run_again(node, [None if v is None else v.value for v in step.inputs])
            for number, variable in step.outputs.items() if results else ():
                if variable.value is None:
                    variable.value = results[number]
    return problem


def _written(array: Any, node: Function) -> bool:
    return hasattr(array, "shape") and writes.since(array, node._order)


def _run_again(node: Function, arrays: list) -> tuple | None:
    """The results of the node for these inputs; None if they may not be those that it had."""
    twin, drawn = copy.copy(node), random.get_state()
    try:
        with np.errstate(all="ignore"):
            results = twin.forward(*arrays)
        if random.get_state() != drawn:
            return None
    finally:
        random.set_state(drawn)
    for ours, theirs in zip(twin.saved, node.saved, strict=True):
        if backend.is_array(ours) and not backend.xp_of(ours).array_equal(ours, theirs, equal_nan=True):
            return None
    results = results if type(results) is tuple else (results,)
    return tuple(np.asarray(y) if isinstance(y, np.generic) else y for y in results)


def _fill_gradients(tensor: Tensor, grad: Any, steps: list[Step], variables: dict[tuple, Variable]) -> None:
    """For as long as the walk takes, every node has hooks that note its gradients in place of its own."""
    hooks = [step.function._hooks for step in steps]
    try:
        for step in steps:
            step.function._hooks = tuple((i, functools.partial(setattr, v, "grad")) for i, v in step.outputs.items())
        leaves = graph.gradients(tensor, grad, retain_graph=True)
    finally:
        for step, before in zip(steps, hooks, strict=True):
            step.function._hooks = before
    for leaf, g in leaves:
        variables[key_of(leaf)].grad = g
