r"""Adam and AdamW: momentum, divided by the size of recent gradients.

$$ \begin{aligned}
g &\leftarrow g + \lambda w & & \text{(Adam; AdamW: } w \leftarrow (1 - \eta \lambda)\, w\text{)} \\
m &\leftarrow \beta_1 m + (1 - \beta_1)\, g \\
v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \\
\hat m &= m / (1 - \beta_1^t), \qquad \hat v = v / (1 - \beta_2^t) \\
w &\leftarrow w - \eta\, \hat m \,/\, (\sqrt{\hat v} + \epsilon)
\end{aligned} $$

**Why the hats.** The averages start at 0 and are too small at first. Unrolled, $m_t = (1 - \beta_1) \sum_{i=1}^t
\beta_1^{t-i} g_i$. If gradients have one expectation, $\mathrm{E}[m_t] = \mathrm{E}[g]\,(1 - \beta_1) \sum_{i=1}^t
\beta_1^{t-i} = \mathrm{E}[g]\,(1 - \beta_1^t)$ by the geometric series: dividing by $1 - \beta_1^t$ takes the bias out,
and so for v. The first step is then $\eta\, g / |g|$: of length $\eta$ in every direction.

**Why AdamW.** $\lambda w$ in the gradient goes through the division: weights with large gradients hardly decay. AdamW
shrinks the weight itself, all at one rate.

Kingma and Ba 2014, arXiv 1412.6980, algorithm 1. AdamW: Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2.
Letters: w parameter, g gradient, t steps, η lr, β betas, λ weight_decay, ε eps; all element by element.
"""

from collections.abc import Iterable
from typing import Any

from minidl.backend import xp_of
from minidl.kernels.optim import adam
from minidl.optim.optimizer import Optimizer, decay_rates, not_negative


class Adam(Optimizer):
    r"""Adam, torch's formulas.

    >>> from minidl import Tensor
    >>> w = Tensor([3.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()
    2.5
    """

    checks = {"lr": not_negative, "betas": decay_rates, "eps": not_negative, "weight_decay": not_negative}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def start(self, w, group):
        xp = xp_of(w)
        return {"t": 0, "m": xp.zeros_like(w), "v": xp.zeros_like(w)}

    def update(self, w, g, state, group):
        state["t"] += 1
        m, v, decay = state["m"], state["v"], group["weight_decay"]
        adam(w, g, m, v, state["t"], group["lr"], group["betas"], decay, 1.0, group["eps"])


class AdamW(Adam):
    r"""Adam with decoupled weight decay, torch's formulas.

    >>> from minidl import Tensor
    >>> w = Tensor([2.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.5, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()  # 2 * (1 - 0.5 * 0.5) - 0.5
    1.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, w, g, state, group):
        state["t"] += 1
        m, v, keep = state["m"], state["v"], 1 - group["lr"] * group["weight_decay"]
        adam(w, g, m, v, state["t"], group["lr"], group["betas"], 0.0, keep, group["eps"])
