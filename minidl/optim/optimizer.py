r"""Optimizer: what all optimisers share. It holds the parameters, and for each of them what the method remembers.

    optimizer = SGD(model.parameters(), lr=0.1)
    for x, y in batches:
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

A subclass gives its options (`checks`), what it starts to remember for a parameter (`start`) and how one parameter is
changed (`update`), on plain arrays and in place, so that float32 stays float32.

Parameter groups have options of their own: `SGD([{"params": body, "lr": 0.01}, {"params": head}], lr=0.1)`. The list
`param_groups` holds them as dicts; schedules write there, and so may you.

Source: the division of work is torch's, `torch.optim.Optimizer` (Paszke et al. 2019, NeurIPS).

Try it:
1. Call `backward` for the first half of a batch, then for the second one, and only then `step`: with losses that are
   sums, the step is the same as that for the whole batch at once. That is what adding up gradients is good for.
2. Take ten steps with `SignSGD` (below) on $w^2$ from w = 1 with `lr=0.3`: from the third on w jumps between 0.1 and
   -0.2. Steps that are all of one length never settle.
3. Give the weight of a layer a group of its own with `lr=0`: after any number of steps it is what it was, and the bias
   goes on learning.
"""

import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl import backend, check, writes
from minidl.optim.checks import not_negative
from minidl.tensor import Tensor

Array = Any  # numpy.ndarray or cupy.ndarray


class Optimizer:
    r"""The base of every optimiser.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Optimizer` | the base | `optim.Optimizer` | `Optimizer` |
    | `params` | parameters, or dicts {"params": ..., option: value, ...} | `params` | none: those of the model |
    | `defaults` | options of the groups that have none of their own | `defaults` | options; there are no groups |

    Raises TypeError or ValueError for anything that is no float leaf tensor, for no parameters at all, one that comes
    twice, an option that does not exist and a value that does not make sense.

    >>> class SignSGD(Optimizer):                      # one of your own
    ...     checks = {"lr": not_negative}
    ...     def update(self, w, g, state, group):
    ...         w -= group["lr"] * np.sign(g)
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SignSGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.numpy()
    array([0.5, 1.5], dtype=float32)
    """

    # option -> check(who, name, value), which returns the clean value
    checks: dict[str, Callable[[str, str, Any], Any]] = {}

    def __init__(self, params: Iterable[Any], **defaults: Any):
        self.who = type(self).__name__
        self.param_groups: list[dict[str, Any]] = []
        self._passed: dict[int, dict[str, Any]] = {}  # the groups as the last step found them
        if isinstance(params, Tensor):
            raise check.DTypeError(f"{self.who}: params must be a list of parameters, got a single tensor; [tensor]?")
        if not isinstance(params, Iterable):
            raise check.DTypeError(f"{self.who}: params must be an iterable of parameters, got {params!r}")
        params = list(params)
        if not params:
            raise ValueError(
                f"{self.who}: params is empty; layers in a plain list (use ModuleList), or a used-up iterator?"
            )
        if not any(isinstance(p, dict) for p in params):
            params = [{"params": params}]
        seen: set[int] = set()
        for group in params:
            if not isinstance(group, dict) or "params" not in group:
                raise check.DTypeError(f'{self.who}: a parameter group must be a dict with "params", got {group!r}')
            tensors = self._tensors(group["params"], seen)
            options = {name: value for name, value in group.items() if name != "params"}
            self.param_groups.append({"params": tensors, **self.check_options({**defaults, **options})})
        # what is remembered for each parameter, in the order of the groups; empty before its first step
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters()]

    def start(self, w: Array, group: dict[str, Any]) -> dict[str, Any]:
        r"""What to remember for a parameter before its first step: arrays of its shape, and integers."""
        return {}

    def update(self, w: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        r"""One step of one parameter w with gradient g: changes w and the state in place, and leaves g as it is."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def parameters(self) -> list[Tensor]:
        r"""The parameters of all groups."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        r"""Forget all gradients (`backward` adds to those that are there)."""
        for p in self.parameters():
            p.grad = None

    def step(self) -> None:
        r"""Change every parameter that has a gradient. Gradients that are NaN or infinite are not looked for.
        ShapeError, with nothing changed, for a gradient of another shape than its parameter."""
        states, work = iter(self.state), []
        for i, group in enumerate(self.param_groups):
            self._check_group(i, group)
            for p, state in zip(group["params"], states, strict=False):
                g = p.grad
                if g is not None:
                    w = p._data
                    if type(g) is not np.ndarray or g.shape != w.shape or g.dtype != w.dtype:
                        self._check_gradient(p, g)
                    work.append((w, g, state, group))
        writes.note(*[w for w, *_ in work])
        for w, g, state, group in work:
            if not state and (memory := self.start(w, group)):
                state.update(memory)
            self.update(w, g, state, group)

    # ---- for checkpoints ----
    def state_dict(self) -> dict[str, Any]:
        r"""Everything that a later run needs to go on: lists, numbers and NumPy arrays (copies).

        "state": for each parameter what is remembered; "param_groups": the options, and the numbers of the parameters.
        """
        groups = [
            {**{name: list(v) if isinstance(v, tuple) else v for name, v in group.items()}, "params": numbers}
            for group, numbers in zip(self.param_groups, self._numbers(), strict=True)
        ]
        states = [{name: _saved(value) for name, value in state.items()} for state in self.state]
        return {"state": states, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        r"""Go on from what `state_dict` returned: options and memory. Everything is checked before anything changes;
        ValueError or TypeError for a state that does not fit the parameters or the method."""
        who = f"{self.who}.load_state_dict"
        if not isinstance(state_dict, dict) or set(state_dict) != {"state", "param_groups"}:
            raise ValueError(f'{who}: state_dict must be a dict of "state" and "param_groups"')
        groups, states = state_dict["param_groups"], state_dict["state"]
        if not all(isinstance(part, list) and all(isinstance(d, dict) for d in part) for part in (groups, states)):
            raise ValueError(f'{who}: "state" and "param_groups" must be lists of dicts')
        if [group.get("params") for group in groups] != self._numbers() or len(states) != len(self.state):
            raise ValueError(f"{who}: expected groups of parameters {self._numbers()}, got a state made for others")
        new_options = [self.check_options({k: v for k, v in g.items() if k != "params"}, complete=True) for g in groups]
        pairs = [(p, o) for group, o in zip(self.param_groups, new_options, strict=True) for p in group["params"]]
        new_state = [
            _loaded(f"{who}: state {i}", state, self.start(p.data, options), p)
            for i, ((p, options), state) in enumerate(zip(pairs, states, strict=True))
        ]
        for group, options in zip(self.param_groups, new_options, strict=True):
            group.update(options)
        self.state = new_state

    def _numbers(self) -> list[list[int]]:
        """For each group, the numbers of its parameters in `state`."""
        counter = itertools.count()
        return [[next(counter) for _ in group["params"]] for group in self.param_groups]

    # ---- checks ----
    def check_options(self, options: dict[str, Any], complete: bool = False) -> dict[str, Any]:
        r"""The options of one group in their clean form (with complete, none may be missing)."""
        unknown = [name for name in options if name not in self.checks]
        missing = [name for name in self.checks if name not in options] if complete else []
        if unknown or missing:
            problem = f"no option {unknown[0]!r}" if unknown else f"option {missing[0]!r} is missing"
            raise ValueError(f"{self.who}: {problem}; the options are {', '.join(self.checks)}")
        return {name: self.checks[name](self.who, name, value) for name, value in options.items()}

    def _check_group(self, i: int, group: dict[str, Any]) -> None:
        """Bring the options of group i into their clean form. Values that passed are not looked at again."""
        passed = self._passed.get(i, {})
        if group.keys() != passed.keys() or not all(map(operator.is_, group.values(), passed.values())):
            options = {name: value for name, value in group.items() if name != "params"}
            group.update(self.check_options(options, complete=True))
            self._passed[i] = dict(group)

    def _check_gradient(self, p: Tensor, g: Any) -> None:
        if not backend.is_array(g) or g.dtype.kind not in "fiub":
            got = getattr(g, "dtype", "no array")
            raise check.DTypeError(f"{self.who}.step: a gradient must be an array of real numbers, got {got}")
        if g.shape != p.shape:
            raise check.ShapeError(f"{self.who}.step: the gradient of a parameter {p.shape} has shape {g.shape}")

    def _tensors(self, params: Any, seen: set[int]) -> list[Tensor]:
        """The parameters of one group; `seen` are the ids of those in earlier ones."""
        if not isinstance(params, Iterable):
            raise check.DTypeError(f"{self.who}: the params of a group must be parameters, got {params!r}")
        tensors = [params] if isinstance(params, Tensor) else list(params)
        if not tensors:
            raise ValueError(f"{self.who}: the params of a group are empty")
        for p in tensors:
            if not isinstance(p, Tensor):
                raise check.DTypeError(f"{self.who}: params must hold tensors, got {type(p).__name__}")
            check.floats(self.who, "params", p)
            if not p.is_leaf:
                raise ValueError(
                    f"{self.who}: params must hold leaf tensors, got the result of an operation, {p.shape}"
                )
            if id(p) in seen:
                raise ValueError(f"{self.who}: params holds a parameter of shape {p.shape} twice")
            seen.add(id(p))
        return tensors

    def __repr__(self) -> str:
        options = {name: [group[name] for group in self.param_groups] for name in self.checks}
        return f"{self.who}({', '.join(f'{k}={v[0] if len(set(v)) == 1 else v}' for k, v in options.items())})"


# ---- one entry of a state ----
def _saved(value: Any) -> Any:
    return np.array(backend.to_numpy(value)) if backend.is_array(value) else value


def _loaded(who: str, state: Any, start: dict[str, Any], p: Tensor) -> dict[str, Any]:
    """A saved state where its parameter lives and in its dtype, if it is of the form of `start` (or empty)."""
    if state and set(state) != set(start):
        raise ValueError(f"{who}: expected {sorted(start)}, got {sorted(state)}")
    loaded = {}
    for name, value in state.items():
        if not backend.is_array(start[name]):
            loaded[name] = check.integer(who, name, value, low=1)
            continue
        value = np.asarray(value)
        check.floats(who, name, value)
        if value.shape != p.shape:
            raise check.ShapeError(f"{who}: {name} must have shape {p.shape}, got {value.shape}")
        loaded[name] = backend.to_backend(np.array(value, dtype=p.dtype), p.backend)
    return loaded


def illustrate(ax: Any) -> None:
    r"""What `zero_grad` is for: steps of plain gradient descent on $L = w^2 / 2$, with lr 0.1. With it w comes to rest
    in the minimum. Without it every `backward` adds to the gradients of all steps before, and w swings like a weight on
    a spring, without end: the sum of gradients is a velocity that nothing slows down."""

    class Descent(Optimizer):
        checks = {"lr": not_negative}

        def update(self, w, g, state, group):
            w -= group["lr"] * g

    for text, forget, place in (("zero_grad", True, (4.5, 0.75)), ("no zero_grad", False, (22.5, 0.9))):
        w = Tensor(np.array([1.0]), requires_grad=True)
        optimizer, path = Descent([w], lr=0.1), [w.item()]
        for _ in range(60):
            if forget:
                optimizer.zero_grad()
            (w * w / 2).sum().backward()
            optimizer.step()
            path.append(w.item())
        ax.plot(path, ".-")
        ax.text(*place, text)
    ax.set(xlabel="step t", ylabel="w")
