r"""clip_grad_norm: gradients that are too long are shortened, all by one factor.

All gradients together are one long vector g with the norm $\|g\|_p = (\sum_i |g_i|^p)^{1/p}$ (for $p = \infty$ the
largest entry). Where the loss has a cliff one step along g would lead far away; shortened, it keeps its direction:

$$ g \leftarrow g \cdot \min\Big(1, \frac{c}{\|g\|_p + 10^{-6}}\Big) $$

Source: Pascanu, Mikolov and Bengio 2013, ICML, algorithm 1. The $10^{-6}$ is torch's.

Try it:
1. In the picture's code, lower the learning rate instead of clipping. With 0.001 w jumps to 0.83, where the slope is
   small, and comes within 0.005 of the minimum after 93 steps; clipped at 1, with 0.006, after 14.
2. Clip at 0.1: the minimum is found all the same, but after 132 steps. Clip at 20: after 4. Only too much is wrong.
3. Give a weight of two numbers the gradient (3, 4) and clip it at 1: (0.6, 0.8), and with `norm_type=1` (0.43, 0.57),
   which is the same direction. `np.clip(g, -1, 1)` makes (1, 1) of it: another direction.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import check
from minidl.optim.sgd import SGD
from minidl.tensor import Tensor


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> float:
    r"""Shorten the gradients of `parameters` to a common norm of at most max_norm; returns the norm before.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `clip_grad_norm` | the function | `nn.utils.clip_grad_norm_` | none: an option of the optimisers |
    | `parameters` | whose gradients | `parameters` | none: those of the model |
    | `max_norm` | c | `max_norm` | `global_clipnorm`; `clipnorm` is for each weight by itself |
    | `norm_type` | p > 0, or infinity | `norm_type` | none: 2 |

    Parameters without a gradient are skipped. A norm that is infinite or NaN is
    returned, and the gradients stay as they are (torch turns them into NaN and 0): look at it before the step.

    >>> w = Tensor([0.0, 0.0], requires_grad=True)
    >>> (w * Tensor([3.0, 4.0])).sum().backward()
    >>> clip_grad_norm([w], max_norm=1.0)
    5.0
    >>> w.grad.round(4)
    array([0.6, 0.8], dtype=float32)
    """
    who = "clip_grad_norm"
    max_norm = check.number(who, "max_norm", max_norm, low=0)
    p = math.inf if norm_type == math.inf else check.number(who, "norm_type", norm_type, above=0)
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise check.DTypeError(f"{who}: parameters must hold tensors, got {type(parameter).__name__}")
    parameters = [parameter for parameter in parameters if parameter.grad is not None]
    norm = _norm([_norm_of_array(parameter.grad, p) for parameter in parameters], p)
    factor = max_norm / (norm + 1e-6)
    if factor < 1 and math.isfinite(norm):
        for parameter in parameters:
            parameter.grad = parameter.grad * factor
    return norm


def _norm_of_array(g: Any, p: float) -> float:
    if g.size == 0:
        return 0.0
    largest = abs(g).max().item()
    if p == math.inf or largest == 0 or not math.isfinite(largest):
        return largest
    # relative to the largest, so that no power is too large or too small for a float
    return largest * ((abs(g).astype(np.float64) / largest) ** p).sum().item() ** (1 / p)


def _norm(norms: list[float], p: float) -> float:
    """The norm of a vector whose parts have these norms."""
    return _norm_of_array(np.array(norms), p)


def illustrate(ax: Any) -> None:
    r"""A signal 1 that is multiplied by w twenty times and should become 1/2: $L = (w^{20} - 1/2)^2$, as in a recurrent
    network. The loss has cliffs at $\pm 1$. From w = 1.05 one step of SGD (orange) leads onto the plain, where the
    gradient is 0, and that was it. With gradients clipped at 1 it walks down into the minimum (blue)."""
    x = np.linspace(-1.055, 1.055, 150)
    ax.plot(x, (x**20 - 0.5) ** 2, color="C4")
    for i, max_norm, text, place in ((1, None, "one step", (0.2, 1.1)), (0, 1.0, "clipped", (0.8, 2.5))):
        w = Tensor(np.array([1.05]), requires_grad=True)
        optimizer, path = SGD([w], lr=0.006), [w.item()]
        for _ in range(30):
            optimizer.zero_grad()
            ((w**20 - 0.5) ** 2).sum().backward()
            if max_norm:
                clip_grad_norm([w], max_norm)
            optimizer.step()
            path.append(w.item())
        path = np.array(path)
        ax.plot(path, (path**20 - 0.5) ** 2, "o-", color=f"C{i}", linewidth=1, markersize=4)
        ax.text(*place, text)
    ax.set(xlabel="w", ylabel="L")
