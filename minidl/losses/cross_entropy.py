r"""Cross entropy: the surprise of a model at the right answer. cross_entropy takes logits, nll_loss log-probabilities.

A row of logits x (K,) is read as probabilities $p_k = e^{x_k} / \sum_j e^{x_j}$, and the loss compares them with the
target distribution q:

$$ l = \sum_k q_k (-\log p_k), \qquad -\log p_k = \log \sum_j e^{x_j - m} - (x_k - m), \quad m = \max_j x_j $$

Taking out m changes nothing but the range: no exponential overflows, and the sum is at least 1, so its logarithm never
sees a 0. Softmax, logarithm and sum are one function here, since as three they would lose all of that.

Backward. $\partial \log p_k / \partial x_j = \delta_{kj} - p_j$, therefore

$$ dx_j = \sum_k q_k (p_j - \delta_{kj})\,dl = \Big(p_j \sum_k q_k - q_j\Big)\,dl $$

which for a class number t (q is 1 at t, else 0) is the famous "softmax minus target". With one weight $w_k$ a class,
$w_k q_k$ stands in place of $q_k$. Label smoothing takes $\varepsilon$ of the target away and spreads it over all
classes: $q_k \to (1 - \varepsilon)\,q_k + \varepsilon / K$.

nll_loss is the second half alone, for x that are log-probabilities already: $l = -w_t x_t$, $dx_t = -w_t\,dl$.

The mean is divided by the sum of the weights $w_t$ of the targets that count (and of the sample weights); for
probabilities as targets, as in torch, by the number of rows, whatever the class weights are.

Shapes: x (N, K), dx (N, K), class numbers t (N,), q and p (N, K), losses l (N,). With places, as in an image, x is
(N, K, d1, ...), t and l are (N, d1, ...), and N counts them all. A sequence of logits, as recurrent layers make them,
has its classes at the end: (N, T, K) with class_axis=-1.

Source: Bridle 1990, "Probabilistic interpretation of feedforward classification network outputs". Label smoothing:
Szegedy et al. 2016, CVPR, section 7.

Try it:
1. Take softmax, logarithm and sum apart: `-log(softmax(x, axis=1))[0, 0]` for the logits (0, v) gives v = 80 right,
   99.98 for 100, an infinity for 105, and NaN in both gradients. cross_entropy gives v each time, and (-1, 1).
2. Train ten free logits for the target 3 with label_smoothing=0.1 (5000 steps of 1): they stop at p = 0.91 and 0.01
   for each other class, 4.51 ahead. Without smoothing they are 10.8 ahead then, and go on for ever.
3. Make logits (2, 4, 4), right at every step by 20. With class_axis=-1 the loss is 0 (6e-9 in float64); without it
   anything from 1 to 13, as the targets are, and nothing complains, since T = K. Cut to three steps it is a ShapeError
   that says what to do.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.kernels.cross_entropy import losses
from minidl.losses.arguments import fixed_target
from minidl.losses.classes import class_input, class_numbers, class_weights, classes_second, rows, units, unrows
from minidl.losses.reduce import coefficients, reduce
from minidl.tensor import Function, Tensor

IGNORED = -100  # torch's number for "this target does not count"


class CrossEntropyFunction(Function):
    r"""For class numbers t (M,), -1 where a row does not count; weights w (K,) or (0,), which are all 1. The losses l
    times c, a number or an array of their shape; and of these the sum, if `total`."""

    def __init__(self, t: Any, w: Any, epsilon: float, c: Any, total: bool):
        self.t, self.w, self.epsilon, self.c, self.total = t, w, epsilon, c, total

    def forward(self, x):
        self.shape = x.shape
        l, dx = losses(rows(x), self.t, self.w, self.epsilon, self.c, self.needs_grad[0])
        self.save(dx)
        return l.sum() if self.total else l.reshape(self.shape[:1] + self.shape[2:])

    def backward(self, dl):
        (dx,) = self.saved  # for dl = 1
        if not self.total or float(dl) != 1:
            dx = dx * dl.reshape(-1, 1)
        return unrows(dx, self.shape)


class SoftCrossEntropyFunction(Function):
    r"""For probabilities q (M, K), weighted and smoothed already."""

    def forward(self, x, q):
        self.shape = x.shape
        surprise, p = surprises(rows(x))
        self.save(p, q)
        seen = xp_of(x).where(q > 0, surprise, 0)  # what is not asked for costs nothing, even if it is impossible
        return (q * seen).sum(axis=1).reshape(x.shape[:1] + x.shape[2:])

    def backward(self, dl):
        p, q = self.saved
        dx = (p * q.sum(axis=1, keepdims=True) - q) * dl.reshape(-1, 1)  # (M, K)
        return unrows(dx, self.shape), None


class NLLFunction(Function):
    def __init__(self, t: Any, counts: Any, w: Any):
        self.t, self.counts, self.w = t, counts, w

    def forward(self, x):
        self.shape = x.shape
        M, xp = len(self.t), xp_of(x)
        m = xp.arange(M)
        w_t = xp.ones(M, x.dtype) if self.w is None else self.w[self.t]
        self.save(w_t, m)
        return xp.where(self.counts, -w_t * rows(x)[m, self.t], 0).reshape(x.shape[:1] + x.shape[2:])

    def backward(self, dl):
        w_t, m = self.saved
        dx = xp_of(dl).zeros((len(self.t), self.shape[1]), dl.dtype)
        dx[m, self.t] = -w_t * dl.ravel() * self.counts
        return unrows(dx, self.shape)


def surprises(x: Any) -> tuple[Any, Any]:
    r"""-log p and p of rows of logits (M, K)."""
    xp = xp_of(x)
    x = x - x.max(axis=1, keepdims=True)
    e = xp.exp(x)
    s = e.sum(axis=1, keepdims=True)  # >= 1
    return xp.log(s) - x, e / s


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = IGNORED,
    label_smoothing: float = 0.0,
    class_axis: int = 1,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Tensor:
    r"""$-\log p_t$ for logits and class numbers t, or $-\sum_k q_k \log p_k$ for probabilities q.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `cross_entropy` | the loss | `cross_entropy` | `SparseCategoricalCrossentropy(from_logits=True)` |
    | `target` | integers (N, d1, ...), or probabilities | `target` | `y_true` (or in `CategoricalCrossentropy`) |
    | `weight` | one number >= 0 a class (K,) | `weight` | none (`class_weight` of `fit`) |
    | `ignore_index` | a class number that counts nothing | `ignore_index` | `ignore_class` |
    | `label_smoothing` | $\varepsilon$, from 0 to 1 | `label_smoothing` | the same, in `CategoricalCrossentropy` |
    | `class_axis` | where the input has its classes; -1 for (N, T, K) | none: always 1 | `axis`, -1 if not given |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 N K + 8 N$ |

    target: class numbers from 0 to K-1 or ignore_index, or floats of the input's shape.
    Without class_axis, T and K would be taken for each other in silence where T = K. sample_weight: also (N, T), such
    as a mask of the steps that count.

    Raises TypeError and ValueError for labels out of range, floats as labels, probabilities outside of [0, 1], shapes
    that do not fit, and a mean over targets that are all ignored.

    >>> cross_entropy(Tensor([[0.0, 0.0], [0.0, 100.0]]), [0, 1], reduction="none")
    Tensor([0.6931472, 0.       ])
    >>> logits = Tensor([[[0.0, 0.0], [0.0, 100.0], [50.0, 0.0]]])                         # (N, T, K) = (1, 3, 2)
    >>> mask = [[True, True, False]]                                                       # the last step is padding
    >>> cross_entropy(logits, [[0, 1, 0]], class_axis=-1, sample_weight=mask).item()       # (log 2 + 0) / 2
    0.346...
    """
    who = "cross_entropy"
    target = fixed_target(who, input, target)
    input, target = classes_second(who, input, target, class_axis)
    class_input(who, input)
    weight = class_weights(who, input, weight)
    ignore_index = check.integer(who, "ignore_index", ignore_index)
    epsilon = check.number(who, "label_smoothing", label_smoothing, low=0, high=1)
    if target.dtype.kind == "f" and target.shape == input.shape:
        check.within(who, "target", target, 0, 1)
        if ignore_index != IGNORED:
            raise ValueError(f"{who}: ignore_index={ignore_index} goes with class numbers, not with probabilities")
        q = rows(target.astype(input.dtype))
        q = (1 - epsilon) * q + epsilon / q.shape[1]
        q = q if weight is None else q * weight
        return reduce(who, SoftCrossEntropyFunction()(input, q), reduction, sample_weight)
    t, counts = class_numbers(who, input, target, ignore_index)
    places = input.shape[:1] + input.shape[2:]
    c = coefficients(who, input, places, reduction, sample_weight, units(t, counts, weight, input))
    t = t if counts is True else xp_of(t).where(counts, t, -1)
    w = t[:0].astype(input.dtype) if weight is None else weight
    return CrossEntropyFunction(t, w, epsilon, c, reduction != "none")(input)


def nll_loss(
    input: Tensor,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = IGNORED,
    class_axis: int = 1,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Tensor:
    r"""$-\log p_t$ for log-probabilities (what log_softmax returns) and class numbers t; errors as in cross_entropy.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `nll_loss` | the loss | `nll_loss` | none |
    | `target`, `weight`, `ignore_index`, `class_axis` | as in cross_entropy | the same, without `class_axis` | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $0$ |
    | bytes kept | $20 N$ |

    >>> nll_loss(Tensor([[-0.5, -1.0], [-2.0, -0.25]]), [0, 1]).item()
    0.375
    """
    target = fixed_target("nll_loss", input, target)
    input, target = classes_second("nll_loss", input, target, class_axis)
    class_input("nll_loss", input)
    weight = class_weights("nll_loss", input, weight)
    ignore_index = check.integer("nll_loss", "ignore_index", ignore_index)
    t, counts = class_numbers("nll_loss", input, target, ignore_index)
    l = NLLFunction(t, counts, weight)(input)
    return reduce("nll_loss", l, reduction, sample_weight, units(t, counts, weight, input))


def illustrate(ax: Any) -> None:
    r"""Left: two classes, the right one ahead of the other by z. Confidently wrong costs as much as z says, with a
    slope of -1 (dashed); confidently right costs nothing. With label_smoothing=0.1 too much confidence costs again:
    the loss is smallest (dot) at p = 0.95. Right: what backward gives for five logits x and the target 3: softmax minus
    target. The logits of the wrong classes are pushed down (by a step against it), each as far as it was believed."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.55, 1.0]), ax.inset_axes([0.68, 0.0, 0.32, 1.0])
    z = np.linspace(-6, 8, 141)
    for color, epsilon in (("C0", 0.0), ("C1", 0.1)):
        x = Tensor(np.stack([z, 0 * z], axis=1), requires_grad=True)  # (N, 2)
        l = cross_entropy(x, np.zeros(141, int), label_smoothing=epsilon, reduction="none")
        l.sum().backward()
        left.plot(z, l.numpy(), color, label=f"label_smoothing={epsilon:g}")
        left.plot(z, x.grad[:, 0], color, linestyle="dashed")
        if epsilon:
            left.plot(z[l.numpy().argmin()], l.numpy().min(), color + "o")
    left.legend()
    left.set(xlabel="$z = x_t - x_j$", ylabel="l, and dashed: $dx_t$")
    x = Tensor([[1.0, 2.0, 0.0, 1.5, -1.0]], requires_grad=True)
    cross_entropy(x, [3]).backward()
    right.bar(range(5), x.grad[0], color=["C0", "C0", "C0", "C2", "C0"])
    right.set(xlabel="class", ylabel="dx = p - q")
