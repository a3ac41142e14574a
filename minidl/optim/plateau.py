r"""ReduceLROnPlateau: a smaller learning rate whenever a metric has stopped getting better.

A loss that no longer falls says that the steps have become too long for the valley. So, for a metric a (mode "min"):

- a is better if $a < b - \theta |b|$, with b the best so far and $\theta$ the threshold: then b = a, and bad steps are
  counted from 0 again. ("max": $a > b + \theta |b|$. A NaN is never better.)
- At the first bad step after `patience` bad ones in a row, every learning rate above $\eta_{min}$ (min_lr) becomes
  $\max(\eta f, \eta_{min})$, and counting begins anew.
- In the `cooldown` steps after that bad ones do not count.

These are torch's rules with threshold_mode="rel"; torch's $b (1 - \theta)$ is the same for b > 0, and for b < 0 would
take a slightly worse a for a better one. Keras' callback of this name reduces one step sooner (at `patience` bad ones).

Source: Krizhevsky, Sutskever and Hinton 2012, NeurIPS, section 5, who did it by hand: a tenth of the learning rate
whenever the validation error had stopped falling.

Try it:
1. In the picture's code, put `patience=0`: every step that happens to be worse lowers the learning rate, and from step
   14 on nearly all of them do. In the end it is 4e-151, and the metric has stopped at 0.07, far from the 0.006 of the
   picture. A noisy metric wants patience; with 40 there is too much of it: 0.02 after as many steps.
2. Put `min_lr=0.05`: the second cut leads to 0.05, and the metric stays at 0.02, the floor of this learning rate.
3. Put `schedule.step(-losses[-1])`, a metric with the wrong sign: the learning rate is cut every 21 steps, 14 times,
   and the only sign of it is a metric that stops at 0.014. Look at the learning rate when you look at a loss.
"""

import math
from typing import Any

import numpy as np

from minidl import check
from minidl.optim.checks import decay_rate, not_negative
from minidl.optim.optimizer import Optimizer
from minidl.optim.schedule import Schedule
from minidl.optim.sgd import SGD
from minidl.tensor import Tensor

MODES = {"min": lambda a, b, theta: a < b - theta * abs(b), "max": lambda a, b, theta: a > b + theta * abs(b)}


class ReduceLROnPlateau(Schedule):
    r"""Watch a metric: "min" for a loss, "max" for an accuracy.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `ReduceLROnPlateau` | the schedule | `lr_scheduler.ReduceLROnPlateau` | `callbacks.ReduceLROnPlateau` |
    | `optimizer` | whose learning rates it writes | `optimizer` | none: that of the model |
    | `mode` | whether less is better, "min", or more, "max" | `mode` | `mode`, "auto": by the metric's name |
    | `factor` | f | `factor` | `factor` |
    | `patience` | how many bad steps are borne | `patience` | `patience`, one more for the same |
    | `threshold` | θ, in units of the best so far | `threshold` | `min_delta`, in the metric's own |
    | `cooldown` | for how many steps nothing counts | `cooldown` | `cooldown` |
    | `min_lr` | no learning rate falls below it | `min_lr` | `min_lr` |

    >>> from minidl import Tensor
    >>> from minidl.optim import SGD
    >>> optimizer = SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    ...     print(optimizer.param_groups[0]["lr"])
    1.0
    1.0
    1.0
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        who = "ReduceLROnPlateau"
        self.mode = check.option(who, "mode", mode, MODES)
        self.factor = decay_rate(who, "factor", factor)
        self.patience = check.integer(who, "patience", patience, low=0)
        self.threshold = not_negative(who, "threshold", threshold)
        self.cooldown = check.integer(who, "cooldown", cooldown, low=0)
        self.min_lr = not_negative(who, "min_lr", min_lr)
        self.best: float | None = None
        self.bad_steps = 0
        self.cooldown_left = 0
        super().__init__(optimizer)

    def write(self) -> None:
        r"""Nothing: the learning rates are changed where they stand."""

    def step(self, metric: Any) -> None:
        r"""Look at the metric (a number; NaN and infinity are never better)."""
        try:
            a = float(metric)
        except (TypeError, ValueError, OverflowError):
            raise check.DTypeError(f"{self.who}.step: metric must be a number, got {metric!r}") from None
        self.t += 1
        if math.isfinite(a) and (self.best is None or MODES[self.mode](a, self.best, self.threshold)):
            self.best, self.bad_steps = a, 0
        else:
            self.bad_steps += 1
        if self.cooldown_left:
            self.cooldown_left -= 1
            self.bad_steps = 0
        if self.bad_steps > self.patience:
            for group in self.optimizer.param_groups:
                group["lr"] = min(group["lr"], max(group["lr"] * self.factor, self.min_lr))
            self.cooldown_left, self.bad_steps = self.cooldown, 0

    def state_dict(self) -> dict[str, Any]:
        own = {"best": self.best, "bad_steps": self.bad_steps, "cooldown_left": self.cooldown_left}
        return {**super().state_dict(), **own}

    def checked(self, state_dict: Any) -> dict[str, Any]:
        who, state = f"{self.who}.load_state_dict", super().checked(state_dict)
        for name in ("bad_steps", "cooldown_left"):
            state[name] = check.integer(who, name, state[name], low=0)
        if state["best"] is not None:
            state["best"] = check.number(who, "best", state["best"])
        return state

    def take(self, state: dict[str, Any]) -> None:
        super().take(state)
        self.best, self.bad_steps, self.cooldown_left = state["best"], state["bad_steps"], state["cooldown_left"]


def illustrate(ax: Any) -> None:
    r"""SGD on 50 parabolas $L = w^2 / 2$, with noise of variance 1 in each gradient; the metric is the mean of $w^2$.
    It falls, and then goes up and down on a floor that depends on the learning rate. When it has not been better for 20
    steps, the learning rate is cut to 0.3 of itself (dashed lines), and a lower floor is in reach."""
    rng, w = np.random.default_rng(0), Tensor(np.full(50, 3.0), requires_grad=True)
    optimizer = SGD([w], lr=0.5)
    schedule = ReduceLROnPlateau(optimizer, factor=0.3, patience=20)
    losses, rates = [], []
    for _ in range(300):
        w.grad = w.numpy() + rng.normal(size=50)
        optimizer.step()
        losses.append((w.numpy() ** 2).mean())
        schedule.step(losses[-1])
        rates.append(optimizer.param_groups[0]["lr"])
    ax.plot(losses)
    for t in np.flatnonzero(np.diff(rates)) + 1:
        ax.axvline(t, color="C1", linestyle="--", linewidth=1)
        ax.text(t + 2, 4, f"{rates[t]:.2g}")
    ax.text(2, 4, "lr 0.5")
    ax.set(yscale="log", xlabel="step t", ylabel="metric: mean of $w^2$")
