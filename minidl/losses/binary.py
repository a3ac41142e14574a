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

Shapes: input and target of one shape, and so the losses; weight and pos_weight are broadcast to it (pos_weight (K,)
for input (N, K): one for each answer). Good 1952, Journal of the Royal Statistical Society B 14 (logarithmic score).
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
    r"""The same for p = σ(x), exact for every x. pos_weight: how much more a target of 1 counts than one of 0.

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
