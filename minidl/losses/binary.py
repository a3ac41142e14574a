r"""Binary cross entropy: one yes or no for every number. From probabilities, or (better) from logits.

With the probability p of a yes and the target t, 0 or 1 or a probability in between:

$$ l = -\big(t \log p + (1 - t) \log(1 - p)\big), \qquad dp = \frac{p - t}{p\,(1 - p)}\,dl $$

This is as good as p is: at p = 0 or 1 a logarithm is infinite. As in torch, each is cut off at -100, and p (1 - p) in
the gradient at $10^{-12}$.

From logits, p = σ(x), nothing has to be cut off. $-\log \sigma(x) = \log(1 + e^{-x}) =: \zeta(-x)$ (softplus) and
$-\log(1 - \sigma(x)) = x + \zeta(-x)$, hence, with a weight $w_+$ for the positives (`pos_weight`, 1 by default),

$$ l = w_+ t\,\zeta(-x) + (1 - t)\,(x + \zeta(-x)) = (1 - t)\,x + \big(1 + (w_+ - 1)\,t\big)\,\zeta(-x) $$

where $\zeta(-x) = \max(-x, 0) + \log(1 + e^{-|x|})$ never overflows. Backward, with $\zeta'(-x) = -\sigma(-x)$:

$$ dx = \Big((1 - t) - \big(1 + (w_+ - 1)\,t\big)\,\sigma(-x)\Big)\,dl $$

which is $(\sigma(x) - t)\,dl$ for $w_+ = 1$.

`weight` multiplies the losses and, as in torch, leaves the divisor of the mean alone; `sample_weight` is divided by.

Shapes: x (or p) and t have one shape, any, with E numbers in all, and so have the losses l; weight and pos_weight are
broadcast to it (pos_weight (K,) for input (N, K): one for each answer).

Source: Good 1952, Journal of the Royal Statistical Society B 14 (logarithmic score).

Try it:
1. Be as wrong as can be: `binary_cross_entropy(sigmoid(x), t)` in float32 for t = 0 and x = 20 gives 100 (cut off) with
   the gradient 0, from which no training comes back. With logits it is 20, and the gradient 1.
2. Train one bias for 10 positives among 100 targets: it ends at -2.2, where $\sigma = 0.1$. With pos_weight=9 it ends
   at 0: a yes counts as much as all the noes together.
3. `binary_cross_entropy_with_logits(Tensor([0.0, 2.0]), [1.0, 0.0])` is 1.41. With weight=[2, 2] it is 2.82, with
   sample_weight=[2, 2] it is 1.41 again: only the second is divided by.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.kernels.logistic import logistic
from minidl.losses.arguments import fixed_target, weights_like
from minidl.losses.reduce import coefficients, reduce
from minidl.tensor import Function, Tensor


class BinaryCrossEntropyFunction(Function):
    def __init__(self, w: Any):
        self.w = w

    def forward(self, p, t):
        xp = xp_of(p)
        self.save(p, t)
        log_p = xp.where(p > 0, xp.log(xp.where(p > 0, p, 1)), -100)
        log_1p = xp.where(p < 1, xp.log1p(xp.where(p < 1, -p, 0)), -100)
        return -self.w * (t * xp.maximum(log_p, -100) + (1 - t) * xp.maximum(log_1p, -100))

    def backward(self, dl):
        p, t = self.saved
        return self.w * (p - t) / xp_of(p).maximum(p * (1 - p), 1e-12) * dl, None


class BinaryCrossEntropyWithLogitsFunction(Function):
    r"""The losses l times c, a number or an array that broadcasts to their shape; and of these the sum, if `total`."""

    def __init__(self, w_pos: Any, c: Any, total: bool):
        self.w_pos, self.c, self.total = w_pos, c, total

    def forward(self, x, t):
        xp = xp_of(x)
        self.save(x, t)
        zeta = xp.maximum(-x, 0) + xp.log1p(xp.exp(-abs(x)))
        l = self.c * ((1 - t) * x + (1 + (self.w_pos - 1) * t) * zeta)
        return l.sum() if self.total else l

    def backward(self, dl):
        x, t = self.saved
        return ((1 - t) - (1 + (self.w_pos - 1) * t) * logistic(-x)) * (self.c * dl), None


def binary_cross_entropy(
    input: Tensor, target: Any, weight: Any = None, *, reduction: str = "mean", sample_weight: Any = None
) -> Tensor:
    r"""$-(t \log p + (1 - t) \log(1 - p))$ for probabilities p.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `binary_cross_entropy` | the loss | `binary_cross_entropy` | `BinaryCrossentropy` (p cut off at 1e-7) |
    | `weight` | a factor >= 0 for every loss, which does not count in the mean | `weight` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 E$ |

    Raises ValueError for an input or target outside of [0, 1] and weights below 0, ShapeError for unequal shapes.

    >>> binary_cross_entropy(Tensor([0.5, 0.0]), [1.0, 0.0], reduction="none")
    Tensor([0.6931472, 0.       ])
    """
    who = "binary_cross_entropy"
    target = _checked(who, input, target)
    check.within(who, "input", input._data, 0, 1)
    weight = _factor(who, "weight", weight, input)
    return reduce(who, BinaryCrossEntropyFunction(weight)(input, target), reduction, sample_weight)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Any,
    weight: Any = None,
    *,
    pos_weight: Any = None,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Tensor:
    r"""The same for p = σ(x), exact for every x.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `binary_cross_entropy_with_logits` | the loss | the same name | `BinaryCrossentropy(from_logits=True)` |
    | `weight` | a factor >= 0 for every loss, which does not count in the mean | `weight` | none |
    | `pos_weight` | how much more a target of 1 counts than one of 0 | `pos_weight` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 E$ |

    >>> binary_cross_entropy_with_logits(Tensor([0.0, 1e4]), [1.0, 0.0], reduction="none")
    Tensor([6.931472e-01, 1.000000e+04])
    """
    who = "binary_cross_entropy_with_logits"
    target = _checked(who, input, target)
    weight = _factor(who, "weight", weight, input)
    pos_weight = _factor(who, "pos_weight", pos_weight, input)
    c = weight * coefficients(who, input, input.shape, reduction, sample_weight)
    return BinaryCrossEntropyWithLogitsFunction(pos_weight, c, reduction != "none")(input, target)


def _checked(who: str, input: Tensor, target: Any) -> Any:
    target = fixed_target(who, input, target)
    check.same_shape(who, "input", input, "target", target)
    check.within(who, "target", target, 0, 1)
    return target.astype(input.dtype)


def _factor(who: str, name: str, value: Any, input: Tensor) -> Any:
    """Numbers >= 0 in the input's dtype that broadcast to its shape; 1.0 for None."""
    if value is None:
        return 1.0
    factor = weights_like(who, name, input, value)
    try:
        fits = np.broadcast_shapes(factor.shape, input.shape) == input.shape
    except ValueError:
        fits = False
    if not fits:
        raise check.ShapeError(f"{who}: {name} {factor.shape} does not broadcast to the input's shape {input.shape}")
    return factor.astype(input.dtype)


def illustrate(ax: Any) -> None:
    r"""Left: the loss of a logit x, and dashed its slope $\sigma(x) - t$, which stays between -1 and 1: however wrong,
    the pull is bounded, and it is 0 where $\sigma(x)$ is the target (for t = 0.3 at x = -0.85). pos_weight=3 makes
    a missed 1 three times as dear. Right: from probabilities, for t = 1: loss and slope, $-1/p$, have no bound as p
    goes to 0, so a sigmoid and this loss, one after the other, multiply a huge number by a tiny one."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.55, 1.0]), ax.inset_axes([0.68, 0.0, 0.32, 1.0])
    z = np.linspace(-6, 6, 121)
    for color, t, w in (("C0", 1.0, 1.0), ("C1", 0.0, 1.0), ("C2", 0.3, 1.0), ("C4", 1.0, 3.0)):
        x = Tensor(z, requires_grad=True)
        l = binary_cross_entropy_with_logits(x, np.full(121, t), pos_weight=w, reduction="none")
        l.sum().backward()
        left.plot(z, l.numpy(), color, label=f"t = {t:g}" + f", pos_weight={w:g}" * (w != 1))
        left.plot(z, x.grad, color, linestyle="dashed")
    left.legend(loc="upper right", fontsize="small")
    left.set(xlabel="x", ylabel="l, and dashed: dx", ylim=(-3.2, 11))
    p = Tensor(np.linspace(0.02, 0.98, 97), requires_grad=True)
    l = binary_cross_entropy(p, np.ones(97), reduction="none")
    l.sum().backward()
    right.plot(p.numpy(), l.numpy(), "C0")
    right.plot(p.numpy(), p.grad, "C0", linestyle="dashed")
    right.set(xlabel="p", ylabel="l, and dashed: dp", ylim=(-22, 5))
