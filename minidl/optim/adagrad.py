r"""Adagrad: every weight has a learning rate of its own, which shrinks as its gradients add up.

A word that comes up once in a thousand texts has a gradient once in a thousand steps, and should make the most of it.
So each weight's step is divided by the size of all the gradients that it has had:

$$ \begin{split}
g &\leftarrow g + \lambda w \\
s &\leftarrow s + g^2 \\
w &\leftarrow w - \eta\, \frac{g}{\sqrt s + \epsilon}
\end{split} $$

With gradients of one size, $s = t g^2$, and the step is $\eta / \sqrt t$ whatever that size is: the sum of steps grows
without end and the sum of their squares slowly, which is what convergence in a noisy world asks for. It also means that
a long run comes to a halt; RMSprop is the answer to that.

Letters: w parameter, g gradient, η lr, λ weight_decay, ε eps, s the sum of squares; all element by element.

Source: Duchi, Hazan and Singer 2011, Journal of Machine Learning Research 12.

Try it:
1. Give a weight the gradient 1 at every step, with `lr=0.1`. It has come 1.86 far after 100 steps and 3.86 after 400:
   four times the steps, twice the way. Gradients of 0.001 take it as far.
2. Do the same with gradients of 0.01 and `initial_accumulator_value=0.1`, which is what Keras has: after 100 steps it
   is only 0.31 far, since the sum of squares has grown from 0.1 to 0.11. Small gradients stay small then.
3. In the picture's code, let the rare weight have its gradients at every second step instead of every tenth (2 for 10,
   twice, and 1 for 9): its line stands higher than the other by $\sqrt 2$, not $\sqrt{10}$. The size of its gradients
   changes nothing.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import xp_of
from minidl.kernels.optim import adagrad
from minidl.optim.checks import not_negative
from minidl.optim.optimizer import Optimizer
from minidl.tensor import Tensor


class Adagrad(Optimizer):
    r"""Adagrad, torch's formulas (without lr_decay). s starts at initial_accumulator_value.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Adagrad` | the optimiser | `optim.Adagrad` | `Adagrad` |
    | `params` | parameters, or groups of them with options | `params` | none: those of the model |
    | `lr` | η | `lr` | `learning_rate`, 0.001 |
    | `weight_decay` | λ | `weight_decay` | `weight_decay`; w shrinks by itself there, as in AdamW |
    | `initial_accumulator_value` | the first s | `initial_accumulator_value` | `initial_accumulator_value`, 0.1 |
    | `eps` | ε | `eps` | `epsilon`, 1e-7; inside of the root there |

    | cost | formula |
    |---|---|
    | bytes of state | $4 P$ |

    >>> from minidl import Tensor
    >>> w = Tensor([3.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.item()  # the first step is lr * sign(g)
    2.5
    """

    checks = {
        "lr": not_negative,
        "weight_decay": not_negative,
        "initial_accumulator_value": not_negative,
        "eps": not_negative,
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        *,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ):
        options = {"weight_decay": weight_decay, "initial_accumulator_value": initial_accumulator_value, "eps": eps}
        super().__init__(params, lr=lr, **options)

    def start(self, w, group):
        return {"s": xp_of(w).full_like(w, group["initial_accumulator_value"])}

    def update(self, w, g, state, group):
        adagrad(w, g, state["s"], group["lr"], group["weight_decay"], group["eps"])


def illustrate(ax: Any) -> None:
    r"""The steps of two weights, with lr 0.1. One has a gradient of about 1 at every step; the other, like that of a
    rare word, one of about 0.01 at every tenth. The rare one's steps are larger: each has the size that belongs to
    the number of its gradients so far, not to their size. The dashed lines are $0.1 / \sqrt{n}$, n that number."""
    rng, t = np.random.default_rng(0), np.arange(200)
    g = rng.uniform(0.5, 1.5, (200, 2)) * (1, 0.01)
    g[t % 10 != 9, 1] = 0
    w = Tensor(np.zeros(2), requires_grad=True)
    optimizer, path = Adagrad([w], lr=0.1), [w.numpy()]
    for row in g:
        w.grad = row
        optimizer.step()
        path.append(w.numpy())
    steps = abs(np.diff(path, axis=0))
    for i, every, text, place in (
        (0, 1, "about 1, at every step", (1.5, 0.009)),
        (1, 10, "about 0.01, at every tenth", (30, 0.08)),
    ):
        had = g[:, i] != 0
        ax.plot(t[had] + 1, steps[had, i], "o", color=f"C{i}", markersize=3 + 3 * i)
        ax.plot(t[had] + 1, 0.1 / np.sqrt((t[had] + 1) / every), "--", color=f"C{i}", linewidth=1)
        ax.text(*place, text)
    ax.set(xscale="log", yscale="log", xlabel="step t", ylabel=r"length of the step, $|\Delta w|$")
