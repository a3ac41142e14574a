r"""Adagrad: every weight has a learning rate of its own, which shrinks as its gradients add up.

A word that comes up once in a thousand texts has a gradient once in a thousand steps, and should make the most of it.
So each weight's step is divided by the size of all the gradients that it has had:

$$ \begin{aligned}
g &\leftarrow g + \lambda w \\
s &\leftarrow s + g^2 \\
w &\leftarrow w - \eta\, \frac{g}{\sqrt s + \epsilon}
\end{aligned} $$

With gradients of one size, $s = t g^2$, and the step is $\eta / \sqrt t$ whatever that size is: the sum of steps grows
without end and the sum of their squares slowly, which is what convergence in a noisy world asks for. It also means that
a long run comes to a halt; RMSprop is the answer to that.

Duchi, Hazan and Singer 2011, Journal of Machine Learning Research 12.
Letters: w parameter, g gradient, η lr, λ weight_decay, ε eps, s the sum of squares; all element by element.
"""

from collections.abc import Iterable
from typing import Any

from minidl.backend import xp_of
from minidl.kernels.optim import adagrad
from minidl.optim.optimizer import Optimizer, not_negative


class Adagrad(Optimizer):
    r"""Adagrad, torch's formulas (without lr_decay). s starts at initial_accumulator_value.

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
