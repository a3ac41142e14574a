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

Shapes: x and t have one shape, (N, K, ...), with E numbers in all, and so have the losses l.

Source: Kullback and Leibler 1951, Annals of Mathematical Statistics 22.

Try it:
1. For t = (0.7, 0.2, 0.1) and the logits (1, 0, 0), kl_div of log_softmax by "batchmean" is 0.0496, and cross_entropy
   0.8514: they differ by the entropy of t, 0.8018, so their gradients are equal, but for the last digits.
2. In `forward`, return `t * (log_t - x)`: an outcome with t = 0 that the model calls impossible (x is minus infinity)
   gives NaN, and the loss of the whole batch with it. With `seen` it gives 0.
3. Give probabilities where logarithms are wanted, the usual slip: for input = target = (0.7, 0.2, 0.1) the loss by
   "batchmean" is -1.34. A divergence cannot be below 0: such a number says that one of the two is no distribution.
"""

import math
from typing import Any

import numpy as np

from minidl import check, ops
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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `kl_div` | the loss | `kl_div` | `KLDivergence` (of probabilities q; cut off at 1e-7) |
    | `log_target` | whether the target holds logarithms | `log_target` | none |
    | `reduction` | also "batchmean" | `reduction` | `reduction`: its means are "batchmean" |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    "batchmean" is the sum, divided by the number of examples (the sum of their weights).
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


def illustrate(ax: Any) -> None:
    r"""Left: two outcomes, t of the first is 0.3, and the model says q. The divergence and its slope (dashed) are 0
    where q = t, and grows without end where something that does happen is called impossible. Right: it is not
    symmetric. Of all bells q the nearest to a t with two humps by $D(t \| q)$ covers both, since to leave one out
    would cost most; by $D(q \| t)$, the other way round, it takes one hump and leaves the other."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.4, 1.0]), ax.inset_axes([0.53, 0.0, 0.47, 1.0])
    q = Tensor(np.linspace(0.01, 0.99, 99)[:, None], requires_grad=True)
    l = kl_div(ops.log(ops.cat([q, 1 - q], 1)), np.tile([0.3, 0.7], (99, 1)), reduction="none").sum(axis=1)
    l.sum().backward()
    left.plot(q.numpy(), l.numpy(), "C0")
    left.plot(q.numpy(), q.grad, "C0", linestyle="dashed")
    left.set(xlabel="q", ylabel=r"$D(t \| q)$, and dashed: its slope", ylim=(-3, 3))

    k = np.linspace(-4, 4, 65)
    bell = lambda m, s: np.exp(-((k - m) ** 2) / (2 * s**2))  # noqa: E731
    t = bell(-1.8, 0.5) + 0.6 * bell(1.8, 0.5) + 1e-9
    bells = np.array([bell(m, s) + 1e-9 for m in np.linspace(-3, 3, 31) for s in np.linspace(0.3, 3, 19)])
    t, bells = t / t.sum(), bells / bells.sum(axis=1, keepdims=True)  # (65,), (589, 65)
    t = np.broadcast_to(t, bells.shape)
    right.fill_between(k, t[0], color="C0", alpha=0.35, linewidth=0, label="t")
    for color, model, target, name in (("C1", bells, t, r"$D(t \| q)$"), ("C2", t, bells, r"$D(q \| t)$")):
        l = kl_div(Tensor(np.log(model)), target, reduction="none").numpy().sum(axis=1)
        right.plot(k, bells[l.argmin()], color, label=f"q by {name}")
    right.legend()
    right.set(xlabel="outcome k", ylabel="probability")
