r"""kl_div: how far one distribution is from another.

The Kullback-Leibler divergence of the model's distribution q from the target distribution t,

$$ D(t \,\|\, q) = \sum_k t_k \,(\log t_k - \log q_k) $$

is the number of extra nats a message drawn from t costs when it is written in a code made for q: 0 for q = t, positive
otherwise. The input is $x = \log q$ (the output of log_softmax), as in torch; one loss for each element:

$$ l = t\,(\log t - x), \qquad dx = -t\,dl $$

with $0 \log 0 = 0$, the limit. With `log_target` the target is $\log t$ itself, which can hold probabilities too small
for a float: $l = e^{t} (t - x)$, $dx = -e^{t}\,dl$.

"mean" divides by the number of elements (weighted), as in torch; the divergence of the definition, averaged over
examples, is "batchmean".

Shapes: input and target of one shape (N, K, ...), and so the losses. Kullback and Leibler 1951, Annals of Mathematical
Statistics 22.
"""

import math
from typing import Any

from minidl import check
from minidl.backend import xp_of
from minidl.losses.arguments import fixed_target
from minidl.losses.reduce import REDUCTIONS, reduce
from minidl.tensor import Function, Tensor


class KLDivFunction(Function):
    def __init__(self, log_target: bool):
        self.log_target = log_target

    def forward(self, x, t):
        xp = xp_of(x)
        t = t.astype(x.dtype)
        if self.log_target:
            t, log_t = xp.exp(t), t
        else:
            log_t = xp.log(xp.where(t > 0, t, 1))
        self.save(t)
        seen = t > 0  # elsewhere the loss is 0, whatever x is (also -inf)
        return t * (xp.where(seen, log_t, 0) - xp.where(seen, x, 0))

    def backward(self, dl):
        (t,) = self.saved
        return -t * dl, None


def kl_div(
    input: Tensor, target: Any, *, log_target: bool = False, reduction: str = "mean", sample_weight: Any = None
) -> Tensor:
    r"""$t\,(\log t - x)$ for log-probabilities x and probabilities t (with log_target: their logarithms too).

    reduction: also "batchmean": the sum, divided by the number of examples (the sum of their weights).
    Raises ValueError for target probabilities outside of [0, 1], and for logarithms above 0.

    >>> kl_div(Tensor([[-0.6931472, -0.6931472]]), [[1.0, 0.0]], reduction="batchmean").item()  # log 2
    0.6931...
    """
    target = fixed_target("kl_div", input, target)
    check.same_shape("kl_div", "input", input, "target", target)
    check.option("kl_div", "reduction", reduction, (*REDUCTIONS, "batchmean"))
    check.option("kl_div", "log_target", log_target, (True, False))
    # a logarithm may be above 0 by rounding only: what is further off was no logarithm
    check.within("kl_div", "target", target, *((-math.inf, 1e-3) if log_target else (0, 1)))
    units = 1.0
    if reduction == "batchmean":
        if input.ndim == 0:
            raise check.ShapeError('kl_div: reduction="batchmean" needs an input of shape (N, ...), got ()')
        reduction, units = "mean", len(input) / max(input.size, 1)  # 1 / (numbers an example has)
    return reduce("kl_div", KLDivFunction(log_target)(input, target), reduction, sample_weight, units)
