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

Shapes: x (N, D), phi (N, K), W (F, K), b (F,), y (N, F). Broomhead and Lowe 1988, Complex Systems 2; Moody and Darken
1989, Neural Computation 1.
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

    radial, normalised: as in `RBF`. In few dimensions bells as wide as their clusters leave gaps between them, which
    normalised=True bridges: that is the better choice for a regression.

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
