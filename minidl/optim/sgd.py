r"""SGD: a step down the gradient, with momentum if wanted.

The gradient g points where the loss L grows fastest. A small step against it lowers the loss: to first order,
$L(w - \eta g) = L(w) - \eta \|g\|^2$. "Stochastic", because g comes from the few examples of a batch.

$$ \begin{aligned}
g &\leftarrow g + \lambda w & & \text{(weight decay: the gradient of } \tfrac{\lambda}{2} \|w\|^2\text{)} \\
v &\leftarrow \mu v + g & & \text{(momentum)} \\
w &\leftarrow w - \eta\,v & & \text{or, with Nesterov, } w \leftarrow w - \eta\,(g + \mu v)
\end{aligned} $$

Momentum. $v = \sum_s \mu^s g_{t-s}$: along a valley, where gradients agree, it grows to $g / (1 - \mu)$; across it,
where they change sign, it cancels. Nesterov's variant takes the gradient at the place where the momentum is about to
lead; in terms of the place that is looked at, that is the formula above (Sutskever et al. 2013, section 2, up to where
the learning rate stands).

The rate on a parabola $L = \frac{a}{2} w^2$, without momentum: $w \leftarrow (1 - \eta a)\,w$, so the distance shrinks
by $|1 - \eta a|$ a step, and grows for $\eta > 2 / a$.

Robbins and Monro 1951, Annals of Mathematical Statistics 22. Polyak 1964 (momentum). Nesterov 1983.
Letters: w parameter, g gradient, η lr, μ momentum, λ weight_decay, v velocity.
"""

from collections.abc import Iterable
from typing import Any

from minidl.backend import xp_of
from minidl.kernels.optim import sgd
from minidl.optim.optimizer import Optimizer, decay_rate, flag, not_negative


class SGD(Optimizer):
    r"""Stochastic gradient descent, torch's formulas (without dampening). Nesterov needs momentum > 0 (ValueError).

    >>> from minidl import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()  # 1 - 0.25 * 2
    0.5
    """

    checks = {"lr": not_negative, "momentum": decay_rate, "weight_decay": not_negative, "nesterov": flag}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check_options(self, options: dict[str, Any], complete: bool = False) -> dict[str, Any]:
        options = super().check_options(options, complete)
        if options["nesterov"] and options["momentum"] == 0:
            raise ValueError("SGD: nesterov=True needs momentum > 0, got momentum=0")
        return options

    def start(self, w, group):
        return {"v": xp_of(w).zeros_like(w)} if group["momentum"] else {}

    def update(self, w, g, state, group):
        v = state["v"] if group["momentum"] else None
        sgd(w, g, v, group["lr"], group["momentum"], group["weight_decay"], group["nesterov"])
