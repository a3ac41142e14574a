r"""GroupNorm: the channels of every image in groups, each with mean 0 and variance 1.

Between batch norm and layer norm: the C channels of an image are cut into G groups of C/G channels, and a group is
normalised over its channels and places. No other image is looked at, so a batch of one will do.

$$ \mu_{ng} = \frac1m \sum_{i \in g} x_{ni}, \qquad r_{ng} = \Big(\frac1m \sum_{i \in g} (x_{ni} - \mu_{ng})^2
   + \epsilon\Big)^{-1/2}, \qquad \hat x = (x - \mu)\, r, \qquad y_{ncl} = \gamma_c \hat x_{ncl} + \beta_c $$

where i runs over the m = C/G L values of group g. G = 1 is layer norm over (C, L); G = C is instance norm.

Backward. As derived in batch_norm.py, with sums over the group; $\gamma$ differs from channel to channel of a group and
stays inside of $d\hat x = \gamma\,dy$:

$$ dx = r \left( d\hat x - \frac1m \sum_{i \in g} d\hat x_i - \hat x\,\frac1m \sum_{i \in g} d\hat x_i\,\hat x_i
   \right), \qquad d\gamma_c = \sum_{n,l} dy\,\hat x, \qquad d\beta_c = \sum_{n,l} dy $$

Shapes: x and y (N, C, L), where L are all axes after C together; w and b (C,); r (N, G, 1); E numbers in x.

Source: Wu and He 2018, arXiv 1803.08494.

Try it:
1. For x (3, 6, 5, 5), compare GroupNorm(1, 6) with LayerNorm((6, 5, 5)): not a bit differs. And GroupNorm(6, 6) with
   BatchNorm2d(6), for one image alone: 0.0000002.
2. Normalise that image alone, and as one of the three: the same bits. BatchNorm2d gives up to about 0.5 more or less.
3. Set num_groups to the number of channels, for images of one pixel: y is 0, or $\beta$. A number that is compared with
   itself alone says nothing.
"""

import math
from typing import Any

import numpy as np

from minidl import check, init
from minidl.backend import xp_of
from minidl.nn.batch_norm import batch_norm
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class GroupNormFunction(Function):
    def __init__(self, groups: int, eps: float):
        self.groups, self.eps = groups, eps

    def forward(self, x, w, b):
        self.shape = x.shape
        N, C, *places = x.shape
        L = math.prod(places)
        xhat = x.reshape(N, self.groups, C // self.groups * L)
        xhat = xhat - xhat.mean(axis=2, keepdims=True)
        r = 1 / xp_of(x).sqrt((xhat * xhat).mean(axis=2, keepdims=True) + self.eps)  # (N, G, 1)
        xhat *= r
        xhat = xhat.reshape(N, C, L)
        self.save(xhat, r, w)
        y = xhat if w is None else xhat * w[:, None]
        y = y if b is None else y + b[:, None]
        return y.reshape(self.shape)

    def backward(self, dy):
        xhat, r, w = self.saved
        dy = dy.reshape(xhat.shape)
        dw = (dy * xhat).sum(axis=(0, 2))
        db = dy.sum(axis=(0, 2))
        groups = (*r.shape[:2], xhat.shape[1] // self.groups * xhat.shape[2])  # (N, G, m)
        dxhat = (dy if w is None else dy * w[:, None]).reshape(groups)
        xhat = xhat.reshape(groups)
        dx = dxhat - dxhat.mean(axis=2, keepdims=True) - xhat * (dxhat * xhat).mean(axis=2, keepdims=True)
        return (dx * r).reshape(self.shape), dw, db


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    r"""Group normalisation of x (N, C, ...). ValueError where num_groups does not divide C or sizes do not fit.

    >>> group_norm(Tensor([[1.0, 3.0, 10.0, 30.0]]), num_groups=2).numpy().round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """
    check.floats("group_norm", "x", x)
    if x.ndim < 2 or 0 in x.shape[1:]:
        raise check.ShapeError(f"group_norm: x must have shape (N, C, ...) with values in it, got {x.shape}")
    num_groups = check.size("group_norm", "num_groups", num_groups)
    eps = check.number("group_norm", "eps", eps, above=0)
    C = x.shape[1]
    if C % num_groups:
        raise ValueError(f"group_norm: num_groups must divide the number of channels {C}, got {num_groups}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            check.rank("group_norm", name, value, "(C,)")
            check.axis_size("group_norm", name, value, 0, C, "num_channels")
    check.one_dtype("group_norm", x, weight, bias)
    return GroupNormFunction(num_groups, eps)(x, weight, bias)


class GroupNorm(Module):
    r"""Group normalisation.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GroupNorm` | the layer | `nn.GroupNorm` | `GroupNormalization(axis=1)` |
    | `num_groups` | G, a divisor of `num_channels` | `num_groups` | `groups` (32 unless given; -1: C) |
    | `num_channels` | C | `num_channels` | from the first input |
    | `eps` | $\epsilon$, added to the variance | `eps` | `epsilon` (0.001 unless given) |
    | `affine` | whether there are $\gamma$ (`weight`, 1) and $\beta$ (`bias`, 0) | `affine` | `scale`, `center` |

    | cost | formula |
    |---|---|
    | parameters | $2 C$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E + 4 N G$ |

    >>> from minidl import Tensor, nn
    >>> nn.GroupNorm(1, 2)(Tensor([[[1.0], [3.0]]])).numpy().round(3).ravel()
    array([-1.,  1.], dtype=float32)
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True):
        self.num_groups = check.size("GroupNorm", "num_groups", num_groups)
        self.num_channels = check.size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups must divide num_channels={num_channels}, got {num_groups}")
        self.eps = check.number("GroupNorm", "eps", eps, above=0)
        self.affine = check.option("GroupNorm", "affine", affine, (True, False))
        self.weight = Parameter(init.ones(num_channels)) if affine else None
        self.bias = Parameter(init.zeros(num_channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        check.axis_size("GroupNorm", "x", x, 1, self.num_channels, "num_channels")
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


def illustrate(ax: Any) -> None:
    r"""Left: two images of six channels and eight places, as rows: the gradient of a single y with respect to all x,
    for three numbers of groups G. It looks at its own image, and there at C/G channels. Right: how much y of one image
    changes (standard deviation) with the others in its batch: with batch norm much in a small batch, with group norm
    not at all."""
    ax.axis("off")
    rng = np.random.default_rng(0)
    for k, groups in enumerate((1, 3, 6)):
        x = Tensor(rng.normal(size=(2, 6, 8)), requires_grad=True)
        group_norm(x, groups)[0, 3, 2].backward()
        seen = np.insert(x.grad.reshape(12, 8), 6, np.nan, axis=0)  # a gap between the images
        panel = ax.inset_axes([0.08 + 0.17 * k, 0, 0.14, 1])
        panel.imshow(seen, cmap="PuOr", vmin=-0.3, vmax=0.3, aspect="auto", interpolation="none")
        panel.set(title=f"G = {groups}", xlabel="place", yticks=[])
        if k == 0:
            panel.set_yticks((2.5, 9.5), ("image 0", "image 1"), rotation=90, va="center")
    image, sizes = rng.normal(size=(1, 6, 8)), (2, 4, 8, 16, 32)
    change = ax.inset_axes([0.7, 0, 0.3, 1])
    for name, norm in (
        ("batch norm", lambda x: batch_norm(x, None, None, training=True)),
        ("group norm", lambda x: group_norm(x, 3)),
    ):
        y = [
            [norm(Tensor(np.concatenate((image, rng.normal(size=(N - 1, 6, 8)))))).numpy()[0] for _ in range(20)]
            for N in sizes
        ]
        change.plot(sizes, np.std(y, axis=1).mean(axis=(1, 2)), "o-", label=name)
    change.set(xlabel="images in the batch", ylabel="change of y")
    change.legend()
