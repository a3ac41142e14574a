r"""Absolute errors, rounded off at 0 or not: l1_loss, huber_loss, smooth_l1_loss.

Squares make one wild target count more than everything else. With d = o - t:

$$ \begin{aligned}
\text{l1} &: & l &= |d|, & do &= \mathrm{sign}(d)\,dl \\
\text{huber} &: & l &= \tfrac12 d^2 \text{ where } |d| \le \delta, \text{ else } \delta\,(|d| - \tfrac12 \delta), &
do &= \min(\max(d, -\delta), \delta)\,dl \\
\text{smooth l1} &: & l &= \mathrm{huber}_\beta(d) / \beta & &
\end{aligned} $$

Huber's loss is a parabola near 0 and goes on straight, with the slope it has at $\delta$: its derivative is d, cut
off. Both cases are one formula: with $a = \min(|d|, \delta)$, $l = a\,(|d| - \tfrac12 a)$, and a large d is never
squared. At the corner of |d| the gradient is 0, one of its subgradients.

smooth_l1_loss goes to l1_loss for $\beta \to 0$, and is that at 0; dt = -do.

Shapes: input and target of one shape, and so the losses.
Huber 1964, Annals of Mathematical Statistics 35. Girshick 2015, ICCV ("Fast R-CNN"), equation 3.
"""

from typing import Any

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

    >>> l1_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
    1.0
    """
    target = pair("l1_loss", input, target)
    return reduce("l1_loss", AbsoluteErrorFunction()(input, target), reduction, sample_weight)


def huber_loss(
    input: Tensor, target: Any, *, delta: float = 1.0, reduction: str = "mean", sample_weight: Any = None
) -> Tensor:
    r"""Half the squared error up to a distance of delta > 0, straight from there on.

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

    >>> smooth_l1_loss(Tensor([0.5, 3.0]), [0.0, 0.0], beta=2.0, reduction="none")
    Tensor([0.0625, 2.    ])
    """
    target = pair("smooth_l1_loss", input, target)
    beta = check.number("smooth_l1_loss", "beta", beta, low=0)
    function = HuberFunction(beta, 1 / beta) if beta > 0 else AbsoluteErrorFunction()
    return reduce("smooth_l1_loss", function(input, target), reduction, sample_weight)
