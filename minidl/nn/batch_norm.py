r"""BatchNorm: every channel with mean 0 and variance 1, measured over the batch.

Channel c of x has n values: one for each image and place. With their mean and (biased) variance

$$ \mu_c = \frac1n \sum_{n,l} x_{ncl}, \qquad v_c = \frac1n \sum_{n,l} (x_{ncl} - \mu_c)^2, \qquad
   r_c = \frac{1}{\sqrt{v_c + \epsilon}} $$

$$ \hat x = (x - \mu)\, r, \qquad y = \gamma \hat x + \beta $$

so that a layer sees inputs of one size whatever the layers below it do; the learned $\gamma$ and $\beta$ can undo it.

Backward, for one channel. $\gamma$ and $\beta$ act as in Linear:

$$ d\gamma = \sum dy\,\hat x, \qquad d\beta = \sum dy, \qquad d\hat x = \gamma\,dy $$

x moves the loss in three ways: through its own $\hat x$, through r and through $\mu$. Because $\sum (x - \mu) = 0$,
$\partial v / \partial \mu = 0$, and

$$ dr = \sum d\hat x\,(x - \mu) = \frac1r \sum d\hat x\,\hat x, \qquad
   \frac{\partial r}{\partial v} = -\frac{r^3}{2}, \qquad \frac{\partial v}{\partial x} = \frac{2 (x - \mu)}{n}
   = \frac{2 \hat x}{n r}, \qquad d\mu = -r \sum d\hat x $$

$$ dx = r\,d\hat x + dr\,\frac{\partial r}{\partial v}\frac{\partial v}{\partial x} + \frac{d\mu}{n}
      = r \left( d\hat x - \hat x\,\frac1n \sum d\hat x\,\hat x - \frac1n \sum d\hat x \right)
      = \gamma r \left( dy - \hat x\,\frac{d\gamma}{n} - \frac{d\beta}{n} \right) $$

The gradient loses its mean and its part along $\hat x$: those are what the normalisation cancels in x.

Evaluation uses running averages of $\mu$ and v, which are constants: $dx = \gamma r\,dy$. In training they follow the
batch, with the unbiased variance $v n / (n - 1)$:

$$ \text{running} \leftarrow (1 - m)\,\text{running} + m\,\text{batch} $$

with momentum m = 0.1 as in torch (Keras counts the other way, and takes the biased variance: its 0.99 is this 0.01).

Shapes: x (N, C), or x (N, C, L), or x (N, C, H, W), with E numbers; y as x; w, b, mean, var and r (C,).

Source: Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1.

Try it:
1. In `backward`, write True for self.constant, as if $\mu$ and v were constants: the gradient check fails for x, in all
   rows but that of training=False, and for weight and bias in none.
2. Give BatchNorm1d(4) a batch of two rows: y is +1 and -1 in each column, whatever x was.
3. Train it on batches of 64 numbers of mean 5: after 10 of them running_mean is 3.3, and `eval()` makes 1.7 of a 5;
   after 50 it is 5.0, and makes 0.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.backend import xp_of
from minidl.kernels.batch_norm import normalised, normalised_grad
from minidl.nn.module import Buffer, Module, Parameter
from minidl.tensor import Function, Tensor


class BatchNormFunction(Function):
    def __init__(self, eps: float):
        self.eps = eps

    def forward(self, x, w, b, mean, var):
        self.constant = mean is not None  # running statistics are
        if self.constant:
            mean, var = mean.astype(x.dtype), var.astype(x.dtype)
        xp = xp_of(x)
        w = xp.ones(x.shape[1], x.dtype) if w is None else w
        b = xp.zeros(x.shape[1], x.dtype) if b is None else b
        y, self.mean, self.var, r = normalised(x, w, b, self.eps, mean, var)
        self.save(x, self.mean, r, w)
        return y

    def backward(self, dy):
        return *normalised_grad(dy, *self.saved, self.constant), None, None


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    r"""Batch normalisation of x (N, C, ...), with the statistics of the batch in training, else with the running ones.

    In training the running ones, where given, are updated in place. ValueError where sizes do not fit, and for a batch
    with less than two values per channel in training: their variance says nothing.

    >>> x = Tensor([[1.0], [3.0]])
    >>> batch_norm(x, None, None, training=True).numpy().round(3).ravel()
    array([-1.,  1.], dtype=float32)
    """
    check.floats("batch_norm", "x", x)
    check.option("batch_norm", "training", training, (True, False))
    if x.ndim < 2:
        raise check.ShapeError(f"batch_norm: x must have shape (N, C, ...), got {x.shape}")
    eps = check.number("batch_norm", "eps", eps, above=0)
    momentum = check.number("batch_norm", "momentum", momentum, low=0, high=1)
    C = x.shape[1]
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in given.items():
        if value is not None:
            check.rank("batch_norm", name, value, "(C,)")
            check.axis_size("batch_norm", name, value, 0, C, "num_features")
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: give both of running_mean and running_var, or neither")
    if not training:
        if running_mean is None:
            raise ValueError("batch_norm: running_mean and running_var are needed where training is False")
        check.one_dtype("batch_norm", x, weight, bias)
        return BatchNormFunction(eps)(x, weight, bias, running_mean, running_var)
    n = x.size // C if C else 0
    if n < 2:
        raise ValueError(f"batch_norm: expected more than 1 value per channel when training, got shape {x.shape}")
    check.one_dtype("batch_norm", x, weight, bias)
    function = BatchNormFunction(eps)
    y = function(x, weight, bias, None, None)
    if running_mean is not None:
        for running, batch in ((running_mean, function.mean), (running_var, function.var * (n / (n - 1)))):
            running.writable()[...] += momentum * (batch.astype(running.dtype) - running._data)
    return y


class _BatchNorm(Module):
    r"""What both have in common. $\gamma$ (`weight`) starts at 1, $\beta$ (`bias`) at 0.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `num_features` | C | `num_features` | from the first input |
    | `eps` | $\epsilon$, added to the variance | `eps` | `epsilon` (0.001 unless given) |
    | `momentum` | m, the weight of the newest batch; None: all have the same | `momentum` | 1 - `momentum` (0.01) |
    | `affine` | whether there are $\gamma$ and $\beta$ | `affine` | `scale`, `center` |
    | `track_running_stats` | False: evaluation looks at the batch too | `track_running_stats` | none |
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ):
        who = type(self).__name__
        self.num_features = check.size(who, "num_features", num_features)
        self.eps = check.number(who, "eps", eps, above=0)
        self.momentum = momentum if momentum is None else check.number(who, "momentum", momentum, low=0, high=1)
        self.affine = check.option(who, "affine", affine, (True, False))
        self.track_running_stats = check.option(who, "track_running_stats", track_running_stats, (True, False))
        self.weight = Parameter(init.ones(num_features)) if affine else None
        self.bias = Parameter(init.zeros(num_features)) if affine else None
        self.running_mean = Buffer(init.zeros(num_features)) if track_running_stats else None
        self.running_var = Buffer(init.ones(num_features)) if track_running_stats else None
        self.num_batches_tracked = Buffer(np.int64(0)) if track_running_stats else None

    def forward(self, x: Tensor) -> Tensor:
        check.tensor(type(self).__name__, "x", x)
        self._check_rank(x)
        check.axis_size(type(self).__name__, "x", x, 1, self.num_features, "num_features")
        update = self.training and self.track_running_stats
        momentum = self.momentum
        if momentum is None:  # the plain average of all batches so far
            momentum = 1 / (self.num_batches_tracked.item() + 1) if update else 0
        training = self.training or not self.track_running_stats
        y = batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training, momentum, self.eps)
        if update:
            self.num_batches_tracked.writable()[...] += 1
        return y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    r"""Batch normalisation of vectors (N, C) or sequences of channels (N, C, L).

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `BatchNorm1d` | the layer | `nn.BatchNorm1d` | `BatchNormalization(axis=1)` |

    | cost | formula |
    |---|---|
    | parameters | $2 C$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E + 12 C$ |

    Frozen by `eval()`: the running statistics then neither change nor get a gradient, also if the rest is training.

    >>> from minidl import Tensor, nn
    >>> layer = nn.BatchNorm1d(1)
    >>> layer(Tensor([[1.0], [3.0]])).numpy().round(3).ravel()
    array([-1.,  1.], dtype=float32)
    >>> layer.running_mean.item(), round(layer.running_var.item(), 3)      # 0.1 * 2, 0.9 * 1 + 0.1 * 2
    (0.20000000298023224, 1.1)
    """

    def _check_rank(self, x: Tensor) -> None:
        if x.ndim not in (2, 3):
            raise check.ShapeError(f"BatchNorm1d: x must have shape (N, C) or (N, C, L), got {x.shape}")


class BatchNorm2d(_BatchNorm):
    r"""Batch normalisation of images (N, C, H, W); options as in BatchNorm1d.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `BatchNorm2d` | the layer | `nn.BatchNorm2d` | `BatchNormalization(axis=1)` |

    | cost | formula |
    |---|---|
    | parameters | $2 C$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E + 12 C$ |

    >>> from minidl import nn
    >>> layer = nn.BatchNorm2d(6)
    >>> list(layer.state_dict())
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """

    def _check_rank(self, x: Tensor) -> None:
        check.rank("BatchNorm2d", "x", x, "(N, C, H, W)")


def illustrate(ax: Any) -> None:
    r"""Left: the gradient of a single y (row 3, channel 2) with respect to all x: it looks at its channel only, in all
    rows of the batch. Middle: three channels (solid) and what becomes of them (dashed): one size for all. Right: means
    of batches of 8 that drift (dots), and the running mean, which evaluation uses, after them."""
    ax.axis("off")
    seen, sizes, drift = (ax.inset_axes([left, 0, 0.24, 1]) for left in (0, 0.39, 0.75))
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(8, 5)), requires_grad=True)
    batch_norm(x, None, None, training=True)[3, 2].backward()
    seen.imshow(x.grad, cmap="PuOr", vmin=-1, vmax=1, aspect="auto", interpolation="none")
    x = Tensor(rng.normal(size=(2000, 3)) * [1, 0.4, 2] + [-2, 1, 5])
    for array, line in ((x, "-"), (batch_norm(x, None, None, training=True), "--")):
        sizes.hist(array.numpy(), np.linspace(-5, 11, 41), histtype="step", color=["C0", "C1", "C2"], linestyle=line)
    layer, batches = BatchNorm1d(1).to("float64"), rng.normal(size=(120, 8, 1))
    batches += 2 * np.sin(np.arange(120) / 20)[:, None, None]
    running = [(layer(Tensor(batch)), layer.running_mean.item())[1] for batch in batches]
    drift.plot(range(120), batches.mean(axis=(1, 2)), ".C4", range(120), running, "C1")
    for panel, x, y in ((seen, "channel", "row of the batch"), (sizes, "x, y", "rows"), (drift, "batch", "mean")):
        panel.set(xlabel=x, ylabel=y)
