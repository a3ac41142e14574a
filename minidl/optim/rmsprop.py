r"""RMSprop: every weight's step is divided by the size of its recent gradients.

Where Adagrad adds up squared gradients for ever, RMSprop takes their running average, which forgets:

$$ \begin{split}
g &\leftarrow g + \lambda w \\
s &\leftarrow \alpha s + (1 - \alpha)\, g^2 \\
m &\leftarrow \alpha m + (1 - \alpha)\, g \qquad \text{(centered)} \\
d &= g \,/\, (\sqrt{s} + \epsilon) \qquad \text{centered: } g \,/\, (\sqrt{s - m^2} + \epsilon) \\
v &\leftarrow \mu v + d \qquad \text{(momentum; otherwise } v = d\text{)} \\
w &\leftarrow w - \eta\,v
\end{split} $$

d is g in units of its own size (its root mean square, hence the name), so $\eta$ is about the length of a step. The
centered variant divides by the standard deviation instead: $\mathrm{Var}(g) = \mathrm{E}[g^2] - \mathrm{E}[g]^2$. As s
and m are averages with the same weights, $\alpha^i (1 - \alpha)$ with a sum of at most 1, $s \ge m^2$ (Cauchy-Schwarz);
where rounding breaks that, 0 is taken.

Letters: w parameter, g gradient, η lr, α alpha, μ momentum, λ weight_decay, ε eps; all element by element.

Source: Tieleman and Hinton 2012, Coursera lecture 6.5. Centered: Graves 2013, arXiv 1308.0850, equations 38-45.

Try it:
1. Give a weight the gradient 1 at every step, with `lr=0.1`. As s starts at 0, the first step is
   $\eta / \sqrt{1 - \alpha}$: 1.0 long with `alpha=0.99`, and 0.32 with `alpha=0.9`. Then steps shrink towards $\eta$;
   after 100 the weight has come 20.3 far, or 10.9. (Adam's hats are made for this.)
2. The same with `centered=True`: the gradient has no variance, so the steps grow without bound, in float64 from 0.2 at
   the hundredth to 1.2 at the 500th and 15 at the thousandth. Centered needs noise.
3. Multiply the gradients in the picture's code by 1e-6. With `alpha=0.9` no step gets shorter by more than 17 %. By
   1e-8 they are half as long where the gradients are large, and a twentieth where they are small: eps, also 1e-8, is
   what they are divided by then.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.kernels.optim import rmsprop
from minidl.optim.checks import decay_rate, flag, not_negative
from minidl.optim.optimizer import Optimizer
from minidl.tensor import Tensor


class RMSprop(Optimizer):
    r"""RMSprop, torch's formulas.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `RMSprop` | the optimiser | `optim.RMSprop` | `RMSprop` |
    | `params` | parameters, or groups of them with options | `params` | none: those of the model |
    | `lr` | η | `lr` | `learning_rate`, 0.001 |
    | `alpha` | α: how much of the averages is kept | `alpha` | `rho`, 0.9 |
    | `eps` | ε | `eps` | `epsilon`, 1e-7; inside of the root there |
    | `weight_decay` | λ | `weight_decay` | `weight_decay`; w shrinks by itself there, as in AdamW |
    | `momentum` | μ | `momentum` | `momentum`; η stands inside of v there |
    | `centered` | divide by the standard deviation | `centered` | `centered` |

    | cost | formula |
    |---|---|
    | bytes of state | $4 P$ |
    | bytes of state, with momentum or centered | $8 P$ |
    | bytes of state, with both | $12 P$ |

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


def illustrate(ax: Any) -> None:
    r"""Above: gradients (orange) whose size jumps from 1 to 0.05 and back, and $\sqrt s$, which follows them in about
    $1 / (1 - \alpha)$ steps. Below: the step of the weight, with lr 0.1. Where gradients suddenly get small it is short
    for a while, where they get large it is long; then it is about 0.1 again, whatever their size."""
    size = np.repeat([1.0, 0.05, 1.0], 80)
    g = size * np.random.default_rng(0).normal(1, 0.2, 240)
    ax.axis("off")
    upper, lower = ax.inset_axes([0, 0.56, 1, 0.44]), ax.inset_axes([0, 0, 1, 0.5])
    upper.plot(g, color="C1", linewidth=0.8)
    for i, alpha in ((0, 0.9), (2, 0.97)):
        w = Tensor(np.zeros(1), requires_grad=True)
        optimizer, path, roots = RMSprop([w], lr=0.1, alpha=alpha), [0.0], []
        for value in g:
            w.grad = np.array([value])
            optimizer.step()
            path.append(w.item())
            roots.append(optimizer.state[0]["s"].item() ** 0.5)
        upper.plot(roots, color=f"C{i}", label=rf"$\sqrt{{s}}$, $\alpha$ = {alpha}")
        lower.plot(-np.diff(path), color=f"C{i}")
    upper.set(yscale="log", ylabel="gradient", xticks=[])
    upper.legend(loc="lower right")
    lower.set(yscale="log", xlabel="step t", ylabel="step")
