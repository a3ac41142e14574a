r"""The graph of Functions, walked backwards: from a result to all that it was computed from (see `tensor.py`).

A Function must not run before all gradients of its outputs have arrived. Functions are numbered as they are made, and
an input is always older than a result; so taking the youngest waiting one first is enough (a heap, no recursion: a
chain of 100,000 operations is as good as one of ten).

Source: Griewank and Walther 2008, *Evaluating Derivatives*, chapter 3: the reverse mode.

Try it:
1. Take the oldest node first (no minus signs around the heap): for `a = x * x; c = a * a.exp()` the walk comes to
   `x * x` before `exp` has sent its share, and again afterwards; by then that node is freed, which is an error.
2. Let the last gradient win, `so_far[index] = g`: `x * x` at x = 3 has the gradient 3. Both uses of x count: 6.
3. Call `y.backward()` twice for `y = x * x` at x = 3: the second call is an error. With `retain_graph=True` in the
   first one `x.grad` is 12 in the end, since gradients add up until `zero_grad()`.
"""

import sys
import weakref
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minidl import backend, diagnose, writes
from minidl.check import DTypeError
from minidl.modes import state

Array = Any  # numpy.ndarray or cupy.ndarray


def gradients(start: Any, grad: Array, retain_graph: bool) -> list[list]:
    r"""Walk the graph of the tensor `start`, whose gradient is `grad`. Returns [leaf, its gradient] for every leaf;
    gradients that came together are added up."""
    if start._node is None:
        return [[start, grad]]
    leaves: dict[int, list] = {}  # id -> [leaf tensor, its gradient so far]
    node, anomaly = start._node, state.anomaly
    grads: list = [None] * node._n_outputs
    grads[start._index] = grad
    waiting = {node._order: (node, grads)}  # order of a node -> (node, gradients of its outputs so far)
    heap = [-node._order]  # minus the orders of those that wait: the youngest comes first
    while heap:
        order = -heappop(heap)
        node, grads = waiting.pop(order)
        edges = node._edges
        if not edges or order < writes.last:
            _check_usable(node)
        if node._outputs:
            grads = [o[2].zeros(o[0], o[1]) if g is None else g for g, o in zip(grads, node._outputs, strict=True)]
        if node._hooks:
            for index, hook in node._hooks:
                if type(hook) is not weakref.ref:
                    grads[index] = _hooked(grads[index], (hook,))
                elif (tensor := hook()) is not None:
                    leaves[id(tensor)] = [tensor, grads[index]]
        results = node.backward(*grads)
        if type(results) is not tuple:
            results = (results,)
        if len(results) != len(edges):
            raise RuntimeError(
                f"{diagnose.name(node)}.backward returned {len(results)} gradients for {len(edges)} inputs"
            )
        if anomaly:
            diagnose.watch_backward(node, grads, results)
        for edge, g in zip(edges, results):  # noqa: B905  (of one length, as checked; strict= costs time)
            target, index, shape, dtype = edge
            if target is None or g is None:
                continue
            if type(g) is not np.ndarray or g.shape != shape or g.dtype is not dtype:
                g = _fitted(g, shape, dtype, node)
            if index is None:
                so_far, index = leaves.setdefault(id(target), [target, None]), 1
            else:
                number = target._order
                if number not in waiting:
                    waiting[number] = target, [None] * target._n_outputs
                    heappush(heap, -number)
                so_far = waiting[number][1]
            so_far[index] = g if so_far[index] is None else so_far[index] + g
        if not retain_graph:
            node._edges = ()
            node.saved = ()
    return list(leaves.values())


def _check_usable(node: Any) -> None:
    if not node._edges:
        raise RuntimeError(
            f"backward: the graph behind {diagnose.name(node)} was freed by an earlier backward(); "
            "pass retain_graph=True to that one, or compute the result again"
        )
    for array in node.saved:
        if hasattr(array, "shape") and writes.since(array, node._order):
            raise RuntimeError(
                f"backward: an array of shape {array.shape} that {diagnose.name(node)} kept for its gradient "
                "was changed in place after the forward pass; compute the result again"
            )


def _fitted(g: Any, shape: tuple[int, ...], dtype: Any, node: Any) -> Array:
    """g as the gradient of an input: in its dtype, and summed over the axes along which it was repeated."""
    if not (backend.is_array(g) or isinstance(g, np.generic)) or g.dtype.kind not in "fiub":
        got = getattr(g, "dtype", type(g).__name__)
        raise DTypeError(f"{diagnose.name(node)}.backward must return arrays of real numbers, got {got}")
    if g.shape == shape:
        return (np.asarray(g) if isinstance(g, np.generic) else g).astype(dtype, copy=False)
    extra = g.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[extra:], strict=True)):
        raise RuntimeError(
            f"{diagnose.name(node)}.backward returned a gradient of shape {g.shape} for an input of shape {shape}"
        )
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=axes).reshape(shape).astype(dtype, copy=False)


def _hooked(g: Array, hooks: tuple) -> Array:
    for hook in hooks:
        changed = hook(backend.xp_of(g).array(g))  # a copy: others may hold g
        if changed is None:
            continue
        if not backend.is_array(changed) or changed.shape != g.shape or changed.dtype.kind not in "fiub":
            got = f"{changed.dtype} {changed.shape}" if hasattr(changed, "dtype") else type(changed).__name__
            raise DTypeError(f"register_hook: the hook must return None or an array of shape {g.shape}, got {got}")
        g = changed.astype(g.dtype, copy=False)
    return g


# how many references Python counts to what only an entry holds, asked as in total(): that depends on its version
_ALONE = (lambda entry: sys.getrefcount(entry[1]))([None, np.empty(1)])


def total(entry: list) -> Array:
    r"""What `.grad` of a leaf becomes, from [leaf, gradient]; in memory that nobody else holds: a backward may return
    an array that it was given, or a view of one."""
    leaf = entry[0]
    # a whole array to which only the entry refers needs no copy
    if leaf.grad is None and not leaf._hooks and type(entry[1]) is np.ndarray and sys.getrefcount(entry[1]) == _ALONE:
        if entry[1].flags.owndata and entry[1].flags.writeable:
            return entry[1]
    g = _hooked(entry[1], leaf._hooks)
    xp = backend.xp_of(g)
    return xp.array(g) if leaf.grad is None else xp.asarray(leaf.grad + g)
