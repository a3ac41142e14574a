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

Source: Loshchilov and Hutter 2016, arXiv 1608.03983, equation 5 (cosine). Goyal et al. 2017, arXiv 1706.02677
(warm-up).

Try it:
1. In the picture's code, put `T_max=50`: after 50 steps the cosine goes up again, and with it $w^2$, from 0.036 at its
   lowest to 0.26 in the end, nearly where the constant learning rate has been all the time, 0.3.
2. Make a `StepLR` and a `CosineAnnealingLR` for one optimiser and step both: the learning rates are those of the one
   that steps last, as if the other were not there. `LinearWarmup(..., after=...)` is how one follows another.
3. Put `Harmonic` (in `Schedule`'s docstring) into the picture, with `lr=1`: each step then makes w the mean of the
   noise so far, and after 100 steps $w^2$ is 0.0101, lower than any other.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.optim.checks import not_negative
from minidl.optim.optimizer import Optimizer
from minidl.optim.sgd import SGD
from minidl.tensor import Tensor


class Schedule:
    r"""The base: counts steps, and keeps the first learning rates. A subclass gives `lr(base, t)`.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Schedule` | the base | `lr_scheduler.LRScheduler` | `LearningRateSchedule`; counts batches |
    | `optimizer` | whose learning rates it writes | `optimizer` | none: it is given to the optimiser |

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `StepLR` | the schedule | `lr_scheduler.StepLR` | `ExponentialDecay(staircase=True)` |
    | `optimizer` | whose learning rates it writes | `optimizer` | none: it is given to the optimiser |
    | `step_size` | S | `step_size` | `decay_steps` |
    | `gamma` | γ | `gamma` | `decay_rate` |

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `CosineAnnealingLR` | the schedule | `lr_scheduler.CosineAnnealingLR` | `CosineDecay`; stays down |
    | `optimizer` | whose learning rates it writes | `optimizer` | none: it is given to the optimiser |
    | `T_max` | T | `T_max` | `decay_steps` |
    | `eta_min` | the learning rate at its lowest | `eta_min` | `alpha`, as a part of the first one |

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `LinearWarmup` | the schedule | `lr_scheduler.LinearLR` from 1 / W | a part of `CosineDecay`, from any lr |
    | `optimizer` | whose learning rates it writes | `optimizer` | none: it is given to the optimiser |
    | `warmup_steps` | W | `total_iters`, W - 1 | `warmup_steps` |
    | `after` | the schedule that follows | the next one in `SequentialLR` | none: the cosine |

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


def illustrate(ax: Any) -> None:
    r"""SGD on 2000 parabolas $L = w^2 / 2$, with noise of variance 1 in each gradient. Above: the learning rate; below:
    the mean of $w^2$. With a constant learning rate it comes down at once and then stays where it is: noise carries w
    away as fast as the steps bring it back. The smaller the learning rate, the lower that floor."""
    ax.axis("off")
    upper, lower = ax.inset_axes([0, 0.58, 1, 0.42]), ax.inset_axes([0, 0, 1, 0.52])
    schedules = {
        "constant": lambda optimizer: StepLR(optimizer, 100),
        "StepLR": lambda optimizer: StepLR(optimizer, 30, gamma=0.3),
        "warm-up, then cosine": lambda optimizer: LinearWarmup(optimizer, 10, CosineAnnealingLR(optimizer, T_max=90)),
    }
    for name, make in schedules.items():
        rng, w, rates, losses = np.random.default_rng(0), Tensor(np.full(2000, 3.0), requires_grad=True), [], []
        optimizer = SGD([w], lr=0.5)
        schedule = make(optimizer)
        for _ in range(100):
            rates.append(optimizer.param_groups[0]["lr"])
            losses.append((w.numpy() ** 2).mean())
            w.grad = w.numpy() + rng.normal(size=2000)
            optimizer.step()
            schedule.step()
        upper.plot(rates, drawstyle="steps-post")
        lower.plot(losses, label=name)
    upper.set(xticks=[], ylabel="learning rate")
    lower.set(yscale="log", xlabel="step t", ylabel="mean of $w^2$")
    lower.legend(loc="upper right")
