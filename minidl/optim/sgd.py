r"""SGD: a step down the gradient, with momentum if wanted.

The gradient g points where the loss L grows fastest. A small step against it lowers the loss: to first order,
$L(w - \eta g) = L(w) - \eta \|g\|^2$. "Stochastic", because g comes from the few examples of a batch.

$$ \begin{split}
g &\leftarrow g + \lambda w \qquad \text{(weight decay: the gradient of } \tfrac{\lambda}{2} \|w\|^2\text{)} \\
v &\leftarrow \mu v + g \qquad \text{(momentum)} \\
w &\leftarrow w - \eta\,v \qquad \text{or, with Nesterov, } w \leftarrow w - \eta\,(g + \mu v)
\end{split} $$

Momentum. $v = \sum_s \mu^s g_{t-s}$: along a valley, where gradients agree, it grows to $g / (1 - \mu)$; across it,
where they change sign, it cancels. Nesterov's variant takes the gradient at the place where the momentum is about to
lead; in terms of the place that is looked at, that is the formula above (Sutskever et al. 2013, section 2, up to where
the learning rate stands).

The rate on a parabola $L = \frac{a}{2} w^2$, without momentum: $w \leftarrow (1 - \eta a)\,w$, so the distance shrinks
by $|1 - \eta a|$ a step, and grows for $\eta > 2 / a$.

Letters: w parameter, g gradient, η lr, μ momentum, λ weight_decay, v velocity.

Source: Robbins and Monro 1951, Annals of Mathematical Statistics 22. Polyak 1964 (momentum). Nesterov 1983.

Try it:
1. Start at w = 1 on $L = 7.5\,w^2$, that is a = 15, and take 20 steps without momentum. With `lr=0.05` w is 9e-13; with
   `lr=0.12` still 0.01, with another sign at every step; with `lr=0.14`, beyond 2 / 15, it is 6.7.
2. In the valley of the picture, count the steps until both weights stay below 0.01, with `lr=0.03`: 197 without
   momentum, 53 with 0.8, and 1177 with 0.99, which rolls through the minimum again and again, as far as 3.7 beyond it.
3. Add `nesterov=True` to momentum 0.9, `lr=0.03`: 82 steps instead of 114. With `lr=0.1` it diverges, and plain
   momentum does not: on a parabola its limit is $\eta a < 2\,(1 + \mu) / (1 + 2 \mu)$, that of momentum $2\,(1 + \mu)$.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.kernels.optim import sgd
from minidl.optim.checks import decay_rate, flag, not_negative
from minidl.optim.optimizer import Optimizer
from minidl.tensor import Tensor


class SGD(Optimizer):
    r"""Stochastic gradient descent, torch's formulas (without dampening). Nesterov needs momentum > 0 (ValueError).

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SGD` | the optimiser | `optim.SGD` | `SGD` |
    | `params` | parameters, or groups of them with options | `params` | none: those of the model |
    | `lr` | η | `lr` | `learning_rate`, 0.01 |
    | `momentum` | μ | `momentum` | `momentum`; η stands inside of v there |
    | `weight_decay` | λ | `weight_decay` | `weight_decay`; w shrinks by itself there, as in AdamW |
    | `nesterov` | the gradient of the place ahead | `nesterov` | `nesterov` |

    | cost | formula |
    |---|---|
    | bytes of state | $0$ |
    | bytes of state, with momentum | $4 P$ |

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


def illustrate(ax: Any) -> None:
    r"""30 steps in a valley that is 15 times as steep across as along, towards the minimum at the cross. A small
    learning rate creeps along it; a large one jumps from side to side. Momentum with the small one adds up what the
    gradients agree on: it overshoots a little, and is the first to be there."""
    a = np.array([1.0, 15.0])
    grid = np.meshgrid(np.linspace(-4.4, 1.0, 50), np.linspace(-1.25, 1.25, 40))
    loss = (a[0] * grid[0] ** 2 + a[1] * grid[1] ** 2) / 2
    paths = [("lr 0.03", 0.03, 0.0), ("lr 0.12", 0.12, 0.0), ("lr 0.03, momentum 0.8", 0.03, 0.8)]
    ax.axis("off")
    for i, (text, lr, momentum) in enumerate(paths):
        panel = ax.inset_axes([0, 0.7 - 0.35 * i, 1, 0.24])
        panel.contour(*grid, loss, levels=[0.3, 2, 5], colors="C4", linewidths=0.6)
        w = Tensor(np.array([-4.0, 1.0]), requires_grad=True)
        optimizer, path = SGD([w], lr=lr, momentum=momentum), [w.numpy()]
        for _ in range(30):
            optimizer.zero_grad()
            (Tensor(a / 2) * w * w).sum().backward()
            optimizer.step()
            path.append(w.numpy())
        panel.plot(*np.transpose(path), ".-", color=f"C{i}", linewidth=1)
        panel.plot(0, 0, "+", color="C3", markersize=12)
        panel.set_title(text, loc="right", fontsize="medium", pad=1)
        panel.set(xticks=[], ylabel="$w_1$", yticks=[-1, 0, 1])
    panel.set(xlabel="$w_0$", xticks=range(-4, 2))
