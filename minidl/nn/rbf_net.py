r"""RBFNet: the radial basis function network, an RBF layer and a Linear one, trained in two stages without a gradient.

$$ y_n = W \varphi(x_n) + b $$

1. The prototypes are centres of k-means clusters; for a classifier of the rows of each class by themselves (so that a
   rare class has its own), the same number for every class. $\beta_k = 1 / (2 \sigma_k^2)$, where $\sigma_k$ is the
   mean distance of the cluster's rows from the centre.
2. With the prototypes fixed, y is linear in W and b: they are a least-squares problem with a closed solution. With the
   targets T (N, F; for a classifier 1 at the class and 0 elsewhere), centred activations $A = \Phi - \bar\varphi$, and
   a little of $\lambda \|W\|^2$ on top, so that there always is a solution,

$$ W^\top = (A^\top A + \lambda I)^{-1} A^\top (T - \bar t), \qquad b = \bar t - W \bar\varphi $$

   where a bar is the mean over the rows (the derivative for b is 0 there: b is not penalised).

As it is a Module, it can then be trained end to end, or with `net.rbf.requires_grad_(False)` the output weights alone.

Far from all prototypes the Gaussian activations vanish and y is b, whatever x: such a network shows that it has never
seen anything like it (`net.rbf(x)` is 0), where one of half-spaces is the surer the farther away x is.

Shapes: x (N, D), phi (N, K), W (F, K), b (F,), y (N, F).

Source: Broomhead and Lowe 1988, Complex Systems 2; Moody and Darken 1989, Neural Computation 1.

Try it:
1. Fit it to `make_moons(200, noise=0.1)` with 2, 4, 6, 12 and 24 prototypes: of 1000 new rows (seed=1) 0.79, 0.94,
   0.988, 0.998 and 0.99 come out right.
2. In the regression of the picture, make the bells three times as wide (`net.rbf.set_prototypes(centers, betas / 9)`)
   and call `fit_output` again: the distance from the sine (root of the mean square) falls from 0.32 to 0.08.
3. Go on with 500 steps of Adam (lr=0.01) on all weights: it falls to 0.04. Trained so from the narrow bells: to 0.05.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.cluster import KMeans, generator, spread
from minidl.host import host
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.rbf import RBF
from minidl.tensor import Tensor, no_grad

WHO = "RBFNet"


class RBFNet(Module):
    r"""`num_prototypes` RBF units (`rbf`) and `out_features` outputs (`linear`), which are the classes of a classifier.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `RBFNet` | the network | none | none |
    | `in_features` | D | none | none |
    | `num_prototypes` | K | none | none |
    | `out_features` | F, the outputs or classes | none | none |
    | `radial`, `normalised` | as in `RBF` | none | none |

    | cost | formula |
    |---|---|
    | parameters | those of its layers: K D + K + F K + F |
    | multiply-adds | those of its layers: N K D + N F K |
    | bytes kept | those of its layers: 4 (N D + 2 N K + K) |

    In few dimensions bells as wide as their clusters leave gaps between them, which normalised=True bridges: that is
    the better choice for a regression.

    >>> from minidl import nn, no_grad
    >>> from minidl.datasets import make_moons
    >>> x, y = make_moons(200, noise=0.1)
    >>> net = nn.RBFNet(2, 12, 2).fit_prototypes(x, y, seed=0).fit_output(x, y)
    >>> with no_grad():
    ...     bool((net(Tensor(x)).numpy().argmax(axis=1) == y).mean() > 0.98)
    True
    """

    def __init__(
        self,
        in_features: int,
        num_prototypes: int,
        out_features: int,
        *,
        radial: str = "gaussian",
        normalised: bool = False,
    ):
        self.in_features = check.size(WHO, "in_features", in_features)
        self.num_prototypes = check.size(WHO, "num_prototypes", num_prototypes)
        self.out_features = check.size(WHO, "out_features", out_features)
        self.radial, self.normalised = radial, normalised
        self.rbf = RBF(in_features, num_prototypes, radial=radial, normalised=normalised)
        self.linear = Linear(num_prototypes, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.rbf(x))

    def fit_prototypes(self, x: Any, y: Any, seed: Any = None) -> "RBFNet":
        r"""Stage 1: place the prototypes by k-means in x (N, D), class by class where y (N,) are integers; floats are
        the targets of a regression, and only counted. Returns itself; nothing changes where it raises.

        The prototypes stand in the order of the classes, the same number for each (the first classes have one more
        where they do not divide). seed: as in `KMeans`.

        ValueError for fewer prototypes than classes, a label out of range, and a class with fewer distinct rows than
        prototypes; TypeError or ShapeError for what are no rows and targets.
        """
        x, y = self._rows_and_targets(x, y)
        rng = generator(WHO, seed)
        K, F = self.num_prototypes, self.out_features
        if y.dtype.kind not in "iu":
            parts, sizes = [x], [K]
        else:
            if K < F:
                raise ValueError(f"{WHO}: num_prototypes={K} leaves some of the {F} classes without one")
            parts, sizes = [x[y == k] for k in range(F)], [K // F + (k < K % F) for k in range(F)]
            for k, (part, size) in enumerate(zip(parts, sizes, strict=True)):
                distinct = len(np.unique(part, axis=0))
                if distinct < size:
                    raise ValueError(f"{WHO}: class {k} needs {size} prototypes and has {distinct} distinct rows")
        found = [KMeans(size, seed=rng).fit(part) for part, size in zip(parts, sizes, strict=True)]
        centers = np.concatenate([k_means.cluster_centers_ for k_means in found])
        starts = np.cumsum([0, *sizes])
        labels = np.concatenate([k_means.labels_ + start for k_means, start in zip(found, starts, strict=False)])
        self.rbf.set_prototypes(centers, 0.5 / spread(np.concatenate(parts), labels, centers) ** 2)
        return self

    def fit_output(self, x: Any, y: Any, ridge: float = 1e-3) -> "RBFNet":
        r"""Stage 2: W and b by least squares, with $\lambda$ = `ridge` > 0. Returns itself.

        y: integer labels (N,), or floats (N,) or (N, F). Raises as `fit_prototypes`.
        """
        x, y = self._rows_and_targets(x, y)
        ridge = check.number(WHO, "ridge", ridge, above=0)
        targets = np.eye(self.out_features)[y] if y.dtype.kind in "iu" else y.astype(np.float64)
        with no_grad():
            weight = self.linear.weight
            phi = self.rbf(Tensor(x.astype(weight.dtype)).to(weight.backend)).numpy().astype(np.float64)
        phi_mean, target_mean = phi.mean(axis=0), targets.mean(axis=0)
        a = phi - phi_mean
        w = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ (targets - target_mean))  # (K, F)
        weight.data = w.T.astype(weight.dtype)
        self.linear.bias.data = (target_mean - phi_mean @ w).astype(weight.dtype)
        return self

    def _rows_and_targets(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """x (N, D), and labels (N,) or targets (N, F), on the host."""
        x, y = host(WHO, "x", x), host(WHO, "y", y)
        check.rank(WHO, "x", x, "(N, D)")
        check.axis_size(WHO, "x", x, 1, self.in_features, "in_features", hint="add Flatten()?")
        check.axis_size(WHO, "y", y, 0, len(x), "the number of rows of x")
        if len(x) == 0:
            raise check.ShapeError(f"{WHO}: x has no rows, got shape {x.shape}")
        if y.dtype.kind == "f":
            y = y[:, None] if y.ndim == 1 else y
            check.rank(WHO, "y", y, "(N, F)")
            check.axis_size(WHO, "y", y, 1, self.out_features, "out_features")
        else:
            check.rank(WHO, "y", y, "(N,)")
            check.indices(WHO, "y", y, self.out_features)
        for name, array in (("x", x), ("y", y)):
            if not np.isfinite(array).all():
                raise ValueError(f"{WHO}: {name} must hold finite numbers, got a NaN or an infinity")
        return x, y


def illustrate(ax: Any) -> None:
    r"""Left: a regression with eight units. Bells as wide as their clusters (orange) leave gaps between them, and go
    back to b beyond the data; normalised (blue), they bridge the gaps, and go on flat. Right: two moons with twelve
    prototypes (crosses), six a class. Colour: the difference of the two outputs; the line is where it is 0. Away from
    everything it is pale, that of the two b: the network has never seen anything like it."""
    ax.axis("off")
    left, right = ax.inset_axes([0.0, 0.0, 0.43, 1.0]), ax.inset_axes([0.56, 0.0, 0.44, 1.0])
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (80, 1)).astype("float32")
    y = np.sin(2 * x) + rng.normal(0, 0.1, x.shape)
    left.plot(x, y, "C2.", markersize=4)
    t = np.linspace(-4, 4, 161, dtype="float32")[:, None]
    for color, normalised in (("C1", False), ("C0", True)):
        net = RBFNet(1, 8, 1, normalised=normalised).fit_prototypes(x, y, seed=0).fit_output(x, y)
        left.plot(t, net(Tensor(t)).numpy(), color, label=f"{normalised=}", linewidth=1 + normalised)
    left.legend(loc="lower left", fontsize="small")
    left.set(xlabel="x", ylabel="y", ylim=(-2.2, 1.6))

    angle, label = rng.uniform(0, np.pi, 120), np.arange(120) % 2
    moons = np.c_[np.cos(angle), np.sin(angle)] * (1 - 2 * label[:, None]) + label[:, None] * [1.0, 0.5]
    moons += rng.normal(0, 0.1, moons.shape)
    net = RBFNet(2, 12, 2).fit_prototypes(moons, label, seed=0).fit_output(moons, label).to("float64")
    u, v = np.linspace(-2, 3, 61), np.linspace(-1.6, 2.1, 46)
    z = net(Tensor(np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2))).numpy() @ [-1, 1]
    z, box = z.reshape(46, 61), {"extent": (-2, 3, -1.6, 2.1), "origin": "lower"}
    right.imshow(z, cmap="PuOr", vmin=-1.5, vmax=1.5, interpolation="none", **box)
    right.contour(z, levels=[0], colors="#222222", **box)
    for color, c in (("#7f3b08", 0), ("#2d004b", 1)):
        right.plot(*moons[label == c].T, ".", color=color, markersize=4)
    right.plot(*net.rbf.centers.numpy().T, "X", color="#1a7a5e")
    right.set(xlabel="$x_0$", ylabel="$x_1$")
