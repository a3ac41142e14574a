r"""Adam and AdamW: momentum, divided by the size of recent gradients.

$$ \begin{split}
g &\leftarrow g + \lambda w \qquad \text{(Adam; AdamW: } w \leftarrow (1 - \eta \lambda)\, w\text{)} \\
m &\leftarrow \beta_1 m + (1 - \beta_1)\, g \\
v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \\
\hat m &= m / (1 - \beta_1^t), \qquad \hat v = v / (1 - \beta_2^t) \\
w &\leftarrow w - \eta\, \hat m \,/\, (\sqrt{\hat v} + \epsilon)
\end{split} $$

**Why the hats.** The averages start at 0 and are too small at first. Unrolled, $m_t = (1 - \beta_1) \sum_{i=1}^t
\beta_1^{t-i} g_i$. If gradients have one expectation, $\mathrm{E}[m_t] = \mathrm{E}[g]\,(1 - \beta_1) \sum_{i=1}^t
\beta_1^{t-i} = \mathrm{E}[g]\,(1 - \beta_1^t)$ by the geometric series: dividing by $1 - \beta_1^t$ takes the bias out,
and so for v. The first step is then $\eta\, g / |g|$: of length $\eta$ in every direction.

**Why AdamW.** $\lambda w$ in the gradient goes through the division: weights with large gradients hardly decay. AdamW
shrinks the weight itself, all at one rate.

Letters: w parameter, g gradient, t steps, η lr, β betas, λ weight_decay, ε eps; all element by element.

Source: Kingma and Ba 2014, arXiv 1412.6980, algorithm 1. AdamW: Loshchilov and Hutter 2017, arXiv 1711.05101,
algorithm 2.

Try it:
1. Leave out the hats: in `minidl.kernels.optim.adam`, put `a, r = lr, 1.0`. With the gradient 1 at every step and
   `lr=0.1`, every step was 0.1 long. Now the first is 0.32, the twelfth 0.66, the hundredth still 0.32: v is more
   behind than m.
2. Give a weight the gradients 4, -1, -1 again and again, with `lr=0.01`. They add up to 2, so it should fall, and after
   600 steps of Adam it is at -1.64. With `betas=(0, 0.05)` it is at +1.45: after a 4 the large v is forgotten at once,
   so that each of the three steps has nearly the same length (Reddi, Kale and Kumar 2018).
3. In the picture's code, put `weight_decay=0`: both lines lie at 1, as noise adds up to nothing.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.kernels.optim import adam
from minidl.optim.checks import decay_rates, not_negative
from minidl.optim.optimizer import Optimizer
from minidl.tensor import Tensor


class Adam(Optimizer):
    r"""Adam, torch's formulas.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Adam` | the optimiser | `optim.Adam` | `Adam` |
    | `params` | parameters, or groups of them with options | `params` | none: those of the model |
    | `lr` | η | `lr` | `learning_rate` |
    | `betas` | $\beta_1, \beta_2$: how much of m and v is kept | `betas` | `beta_1`, `beta_2` |
    | `eps` | ε | `eps` | `epsilon`, 1e-7; added to $\sqrt v$ without its hat there |
    | `weight_decay` | λ | `weight_decay` | `weight_decay`; w shrinks by itself there, as in AdamW |

    | cost | formula |
    |---|---|
    | bytes of state | $8 P$ |

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

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `AdamW` | the optimiser | `optim.AdamW` | `AdamW` |
    | `params`, `lr`, `betas`, `eps` | as in `Adam` | the same | as in `Adam` |
    | `weight_decay` | λ, the part of w that is lost, in units of η | `weight_decay` | `weight_decay`, 0.004 |

    | cost | formula |
    |---|---|
    | bytes of state | $8 P$ |

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


def illustrate(ax: Any) -> None:
    r"""Left: 40 steps of Adam in three valleys, 1, 15 and 200 times as steep across as along (the lines of equal loss
    are those of 15). The three paths lie on each other: in each direction a step is measured by the gradients in that
    direction. Right: what 300 steps with $\lambda$ = 0.2 leave of a weight that began at 1, with gradients of pure
    noise. Adam's decay depends on the size of the noise, AdamW's does not."""
    ax.axis("off")
    left, right = ax.inset_axes([0, 0, 0.42, 1]), ax.inset_axes([0.58, 0, 0.42, 1])
    grid = np.meshgrid(np.linspace(-4.4, 1.4, 40), np.linspace(-1.1, 1.1, 40))
    left.contour(*grid, grid[0] ** 2 + 15 * grid[1] ** 2, levels=[0.6, 4, 10], colors="C4", linewidths=0.6)
    for i, a in enumerate(([1.0, 1.0], [1.0, 15.0], [1.0, 200.0])):
        w = Tensor(np.array([-4.0, 1.0]), requires_grad=True)
        optimizer, path = Adam([w], lr=0.3), [w.numpy()]
        for _ in range(40):
            optimizer.zero_grad()
            (Tensor(a) * w * w).sum().backward()
            optimizer.step()
            path.append(w.numpy())
        left.plot(*np.transpose(path), color=f"C{i}", linewidth=(9, 5, 1.5)[i])
    left.set(xlabel="$w_0$", ylabel="$w_1$")
    size = np.logspace(-2, 1, 10)
    for i, method in enumerate((Adam, AdamW)):
        rng, w = np.random.default_rng(0), Tensor(np.ones((400, 10)), requires_grad=True)
        optimizer = method([w], lr=0.01, weight_decay=0.2)
        for _ in range(300):
            w.grad = size * rng.normal(size=(400, 10))
            optimizer.step()
        right.plot(size, w.numpy().mean(axis=0), color=f"C{i}")
        right.text(size[1], w.numpy()[:, 3 * i].mean() + 0.03, method.__name__)
    right.set(xscale="log", ylim=(-0.05, 1.05), xlabel="size of the gradients", ylabel="what is left of w")
