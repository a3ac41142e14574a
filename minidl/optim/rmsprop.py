r"""RMSprop: every weight's step is divided by the size of its recent gradients.

Where Adagrad adds up squared gradients for ever, RMSprop takes their running average, which forgets:

$$ \begin{aligned}
g &\leftarrow g + \lambda w \\
s &\leftarrow \alpha s + (1 - \alpha)\, g^2 \\
m &\leftarrow \alpha m + (1 - \alpha)\, g & & \text{(centered)} \\
d &= g \,/\, (\sqrt{s} + \epsilon) & & \text{centered: } g \,/\, (\sqrt{s - m^2} + \epsilon) \\
v &\leftarrow \mu v + d & & \text{(momentum; otherwise } v = d\text{)} \\
w &\leftarrow w - \eta\,v
\end{aligned} $$

d is g in units of its own size (its root mean square, hence the name), so $\eta$ is about the length of a step. The
centered variant divides by the standard deviation instead: $\mathrm{Var}(g) = \mathrm{E}[g^2] - \mathrm{E}[g]^2$. As s
and m are averages with the same weights, $\alpha^i (1 - \alpha)$ with a sum of at most 1, $s \ge m^2$ (Cauchy-Schwarz);
where rounding breaks that, 0 is taken.

Tieleman and Hinton 2012, Coursera lecture 6.5. Centered: Graves 2013, arXiv 1308.0850, equations 38-45.
Letters: w parameter, g gradient, η lr, α alpha, μ momentum, λ weight_decay, ε eps; all element by element.
"""

from collections.abc import Iterable
from typing import Any

from minidl.backend import xp_of
from minidl.kernels.optim import rmsprop
from minidl.optim.optimizer import Optimizer, decay_rate, flag, not_negative


class RMSprop(Optimizer):
    r"""RMSprop, torch's formulas.

    >>> from minidl import Tensor
    >>> w = Tensor([3.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 4)  # 3 - 0.1 * 6 / sqrt(0.01 * 36)
    2.0
    """

    checks = {
        "lr": not_negative,
        "alpha": decay_rate,
        "eps": not_negative,
        "weight_decay": not_negative,
        "momentum": decay_rate,
        "centered": flag,
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ):
        options = {"weight_decay": weight_decay, "momentum": momentum, "centered": centered}
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, **options)

    def start(self, w, group):
        names = ["s"] + ["m"] * group["centered"] + ["v"] * (group["momentum"] > 0)
        return {name: xp_of(w).zeros_like(w) for name in names}

    def update(self, w, g, state, group):
        m = state["m"] if group["centered"] else None
        v = state["v"] if group["momentum"] else None
        options = (group[name] for name in ("lr", "alpha", "momentum", "weight_decay", "eps"))
        rmsprop(w, g, state["s"], m, v, *options)
