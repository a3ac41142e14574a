r"""Schedules: how the learning rate changes while training goes on.

A schedule is made for an optimiser and writes `lr` into its parameter groups, at once (step 0) and at each `step()`.
With $\eta_0$ the learning rate that a group had when the schedule was made, and t the calls of `step()` since:

| schedule | learning rate |
|---|---|
| `StepLR` | $\eta_0\, \gamma^{\lfloor t / S \rfloor}$ |
| `CosineAnnealingLR` | $\eta_{min} + \tfrac12 (\eta_0 - \eta_{min}) (1 + \cos(\pi t / T))$ |
| `LinearWarmup` | $\eta_0\,(t + 1) / W$ for t < W, then as another schedule says |
| `ReduceLROnPlateau` | times a factor whenever a metric has stopped getting better |

Call `step()` after `optimizer.step()`: once an epoch or once a batch, as you count S, T and W. The first three write
formulas of t, not of what stands there; so two of them on one optimiser do not add up: LinearWarmup takes the other one
as `after`.

Loshchilov and Hutter 2016, arXiv 1608.03983, equation 5 (cosine). Goyal et al. 2017, arXiv 1706.02677 (warm-up).
"""

import math
from typing import Any

from minidl import check
from minidl.optim.optimizer import Optimizer, not_negative


class Schedule:
    r"""The base: counts steps, and keeps the first learning rates. A subclass gives `lr(base, t)`.

    >>> from minidl import Tensor
    >>> from minidl.optim import SGD
    >>> class Harmonic(Schedule):
    ...     def lr(self, base, t):
    ...         return base / (1 + t)
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> Harmonic(optimizer).step()
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Optimizer):
        self.who = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise check.DTypeError(f"{self.who}: optimizer must be an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.t = 0
        self.write()

    def lr(self, base: float, t: int) -> float:
        r"""The learning rate after t steps of a group that began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} has no lr()")

    def step(self) -> None:
        r"""One step further."""
        self.t += 1
        self.write()

    def write(self) -> None:
        r"""Put the learning rates of this step into the optimiser."""
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.lr(base, self.t)

    def state_dict(self) -> dict[str, Any]:
        r"""What a later run needs to go on, in numbers and lists; the options are not in it."""
        lrs = [group["lr"] for group in self.optimizer.param_groups]
        return {"t": self.t, "base_lrs": list(self.base_lrs), "lrs": lrs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        r"""Go on from what `state_dict` returned, learning rates of the optimiser included; ValueError or TypeError,
        with nothing changed, for a state that does not fit."""
        self.take(self.checked(state_dict))

    def checked(self, state_dict: Any) -> dict[str, Any]:
        r"""The state in its clean form, with nothing changed yet."""
        who, wanted = f"{self.who}.load_state_dict", self.state_dict()
        if not isinstance(state_dict, dict) or set(state_dict) != set(wanted):
            raise ValueError(f"{who}: state_dict must be a dict of {', '.join(wanted)}")
        state = {**state_dict, "t": check.integer(who, "t", state_dict["t"], low=0)}
        for name in ("base_lrs", "lrs"):
            if not isinstance(state[name], list | tuple) or len(state[name]) != len(self.base_lrs):
                raise ValueError(f"{who}: {name} must be a list of {len(self.base_lrs)} numbers, got {state[name]!r}")
            state[name] = [not_negative(who, name, lr) for lr in state[name]]
        return state

    def take(self, state: dict[str, Any]) -> None:
        r"""Take over a state that `checked` returned."""
        self.t, self.base_lrs = state["t"], state["base_lrs"]
        for group, lr in zip(self.optimizer.param_groups, state["lrs"], strict=True):
            group["lr"] = lr


class StepLR(Schedule):
    r"""The learning rate times gamma, every step_size steps. As in torch.

    >>> from minidl import Tensor
    >>> from minidl.optim import SGD
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     schedule.step()
    ...     print(optimizer.param_groups[0]["lr"])
    1.0
    0.5
    0.5
    0.25
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size = check.size("StepLR", "step_size", step_size)
        self.gamma = check.number("StepLR", "gamma", gamma, low=0)
        super().__init__(optimizer)

    def lr(self, base: float, t: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class CosineAnnealingLR(Schedule):
    r"""Half a cosine, from the first learning rate down to eta_min in T_max steps; after that, as in torch, the cosine
    goes up again.

    >>> from minidl import Tensor
    >>> from minidl.optim import SGD
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingLR(optimizer, T_max=2)
    >>> for epoch in range(2):
    ...     schedule.step()
    ...     print(round(optimizer.param_groups[0]["lr"], 6))
    0.5
    0.0
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max = check.size("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = not_negative("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def lr(self, base: float, t: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class LinearWarmup(Schedule):
    r"""In even parts up to the full learning rate, which the last of `warmup_steps` steps is the first to have; from
    there on it stays, or `after`, another schedule for the same optimiser, begins.

    The first steps of a network are the wildest: its gradients change fastest, and Adam has hardly an average yet.

    >>> from minidl import Tensor
    >>> from minidl.optim import SGD
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LinearWarmup(optimizer, 4, after=StepLR(optimizer, 1, gamma=0.5))
    >>> optimizer.param_groups[0]["lr"]
    0.25
    >>> for epoch in range(5):
    ...     schedule.step()
    ...     print(optimizer.param_groups[0]["lr"])
    0.5
    0.75
    1.0
    0.5
    0.25
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int, after: Schedule | None = None):
        self.warmup_steps = check.size("LinearWarmup", "warmup_steps", warmup_steps)
        if after is not None and (not isinstance(after, Schedule) or after.optimizer is not optimizer):
            raise ValueError(f"LinearWarmup: after must be a schedule for the same optimizer, got {after!r}")
        self.after = after
        super().__init__(optimizer)

    def lr(self, base: float, t: int) -> float:
        return base * min((t + 1) / self.warmup_steps, 1.0)

    def step(self, *metric: Any) -> None:
        r"""One step further; a metric is passed on to `after`."""
        if self.after is not None and self.t + 1 >= self.warmup_steps:
            self.after.step(*metric)
            self.t += 1
        else:
            super().step()

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        return state if self.after is None else {**state, "after": self.after.state_dict()}

    def checked(self, state_dict: Any) -> dict[str, Any]:
        state = super().checked(state_dict)
        return state if self.after is None else {**state, "after": self.after.checked(state["after"])}

    def take(self, state: dict[str, Any]) -> None:
        if self.after is not None:
            self.after.take(state["after"])
        super().take(state)
