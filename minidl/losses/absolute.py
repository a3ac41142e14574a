r"""Absolute errors, rounded off at 0 or not: l1_loss, huber_loss, smooth_l1_loss.

Squares make one wild target count more than everything else. With d = o - t:

- l1: $l = |d|$, $do = \mathrm{sign}(d)\,dl$
- huber: $l = \frac12 d^2$ where $|d| \le \delta$, else $\delta\,(|d| - \frac12 \delta)$;
  $do = \min(\max(d, -\delta), \delta)\,dl$
- smooth l1: huber with $\delta = \beta$, divided by $\beta$; so is do

Huber's loss is a parabola near 0 and goes on straight, with the slope it has at $\delta$: its derivative is d, cut
off. Both cases are one formula: with $a = \min(|d|, \delta)$, $l = a\,(|d| - \tfrac12 a)$, and a large d is never
squared. At the corner of |d| the gradient is 0, one of its subgradients.

smooth_l1_loss goes to l1_loss for $\beta \to 0$, and is that at 0; dt = -do.

Shapes: o and t have one shape, any, with E numbers in all, and so have d and the losses l.

Source: Huber 1964, Annals of Mathematical Statistics 35. Girshick 2015, ICCV ("Fast R-CNN"), equation 3.

Try it:
1. In `HuberFunction.backward`, return `self.scale * d * dl`, without the clip: the gradient check fails for every delta
   but 10, which no difference in its examples reaches (the largest is 3.2).
2. Let one number go downhill on the five targets 1, 2, 3, 4, 10 with huber_loss: it ends at 3, the median, for
   delta=1, at 3.25 for delta=3, and at 4, the mean, for delta=10. With 1000 in place of 10 the first two stay.
3. Bring one number from 1 to the target 0 in steps of 0.3: by l1_loss it goes 0.7, 0.4, 0.1, -0.2, 0.1, -0.2 ... for
   ever, since the slope never gets smaller. By smooth_l1_loss: 0.7, 0.49, 0.343, ... 0.014 after twelve steps.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.losses.arguments import pair
from minidl.losses.reduce import reduce
from minidl.tensor import Function, Tensor


class AbsoluteErrorFunction(Function):
    def forward(self, o, t):
        d = o - t.astype(o.dtype)
        self.save(d)
        return abs(d)

    def backward(self, dl):
        (d,) = self.saved
        do = xp_of(d).sign(d) * dl
        return do, -do


class HuberFunction(Function):
    def __init__(self, delta: float, scale: float):
        self.delta, self.scale = delta, scale

    def forward(self, o, t):
        d = o - t.astype(o.dtype)
        self.save(d)
        a = xp_of(d).minimum(abs(d), self.delta)
        return self.scale * a * (abs(d) - 0.5 * a)

    def backward(self, dl):
        (d,) = self.saved
        do = self.scale * d.clip(-self.delta, self.delta) * dl
        return do, -do


def l1_loss(input: Tensor, target: Any, *, reduction: str = "mean", sample_weight: Any = None) -> Tensor:
    r"""$|o - t|$.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `l1_loss` | the loss | `l1_loss` | `MeanAbsoluteError` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> l1_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
    1.0
    """
    target = pair("l1_loss", input, target)
    return reduce("l1_loss", AbsoluteErrorFunction()(input, target), reduction, sample_weight)


def huber_loss(
    input: Tensor, target: Any, *, delta: float = 1.0, reduction: str = "mean", sample_weight: Any = None
) -> Tensor:
    r"""Half the squared error up to a distance of delta > 0, straight from there on.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `huber_loss` | the loss | `huber_loss` | `Huber` |
    | `delta` | where the parabola ends | `delta` | `delta` |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> huber_loss(Tensor([0.5, 3.0]), [0.0, 0.0], reduction="none")
    Tensor([0.125, 2.5  ])
    """
    target = pair("huber_loss", input, target)
    delta = check.number("huber_loss", "delta", delta, above=0)
    return reduce("huber_loss", HuberFunction(delta, 1.0)(input, target), reduction, sample_weight)


def smooth_l1_loss(
    input: Tensor, target: Any, *, beta: float = 1.0, reduction: str = "mean", sample_weight: Any = None
) -> Tensor:
    r"""The absolute error, less $\beta / 2$, with a parabola in place of its corner; $\beta \ge 0$.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `smooth_l1_loss` | the loss | `smooth_l1_loss` | none: `Huber` divided by its delta |
    | `beta` | where the parabola ends | `beta` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> smooth_l1_loss(Tensor([0.5, 3.0]), [0.0, 0.0], beta=2.0, reduction="none")
    Tensor([0.0625, 2.    ])
    """
    target = pair("smooth_l1_loss", input, target)
    beta = check.number("smooth_l1_loss", "beta", beta, low=0)
    function = HuberFunction(beta, 1 / beta) if beta > 0 else AbsoluteErrorFunction()
    return reduce("smooth_l1_loss", function(input, target), reduction, sample_weight)


def illustrate(ax: Any) -> None:
    r"""Left: the losses for the target 0, and dashed their slopes, which have a limit: farther off pulls no harder.
    Huber's slope is that of a parabola until $\delta$. Right: one prediction o for the five targets (dots). The sum of
    the l1 losses is smallest at the median, 3, and would be there too if the wild target were at 1000; huber_loss
    lets a wild target pull as hard as delta allows, and is smallest between median and mean."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.45, 1.0]), ax.inset_axes([0.57, 0.0, 0.43, 1.0])
    o, t = np.linspace(-5, 5, 121), np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    place = np.linspace(0, 11, 111)
    many = Tensor(np.repeat(place[:, None], 5, axis=1))
    losses = (l1_loss, "C0", {}), (huber_loss, "C1", {"delta": 3}), (smooth_l1_loss, "C3", {"beta": 3})
    for loss, color, options in losses:
        x = Tensor(o, requires_grad=True)
        l = loss(x, 0 * o, reduction="none", **options)
        l.sum().backward()
        left.plot(o, l.numpy(), color, label=", ".join([loss.__name__, *(f"{k}={v}" for k, v in options.items())]))
        left.plot(o, x.grad, color, linestyle="dashed")
        if loss is not smooth_l1_loss:
            total = loss(many, np.tile(t, (111, 1)), reduction="none", **options).numpy().sum(axis=1)
            right.plot(place, total, color)
            right.plot(place[total.argmin()], total.min(), color + "o")
    left.legend(loc="lower right", fontsize="small")
    left.set(xlabel="o, for t = 0", ylabel="l, and dashed: do", ylim=(-7, 8))
    right.plot(t, 0 * t, "C2o", clip_on=False)
    right.set(xlabel="o", ylabel="sum of the losses", ylim=(0, 50))
