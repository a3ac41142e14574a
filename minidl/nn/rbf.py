r"""RBF: every unit has a prototype, and answers the more the nearer the input is to it.

$$ q_{nk} = \|x_n - c_k\|^2, \qquad s_{nk} = \beta_k\,q_{nk}, \qquad \varphi_{nk} = \varphi(s_{nk}) $$

with a radial function $\varphi$ (see radial.py), most often $e^{-s}$, a bell of width $\sigma$ for
$\beta = 1 / (2 \sigma^2)$. Where a unit of a Linear layer is on in a whole half-space, this one is on at a place: far
from all prototypes none is.

Backward. $d\varphi$ is given, so $ds_{nk} = d\varphi_{nk}\,\varphi'(s_{nk})$. $\beta_k$ touches column k with slope q,
and q touches s with slope $\beta$; $x_n$ touches row n of q, with $\partial q_{nk} / \partial x_n = 2 (x_n - c_k)$,
and $c_k$ column k, with the opposite slope:

$$ d\beta_k = \sum_n ds_{nk}\,q_{nk}, \qquad dq_{nk} = ds_{nk}\,\beta_k $$
$$ dx_n = 2 \sum_k dq_{nk} (x_n - c_k), \qquad dc_k = 2 \sum_n dq_{nk} (c_k - x_n) $$

Normalised, the units share out 1 among themselves: $p_{nk} = \varphi_{nk} / \sum_j \varphi_{nj}$. It is the softmax of
$l = \ln \varphi(s)$, and computed so it does not become 0/0 where all bells have vanished. Softmax's backward, then:

$$ dl_{nk} = p_{nk} \Big( dp_{nk} - \sum_j dp_{nj}\,p_{nj} \Big), \qquad ds_{nk} = dl_{nk}\,(\ln \varphi)'(s_{nk}) $$

Distances and the sums of differences are in kernels/distance.py.

Shapes: x (N, D), c (K, D), beta (K,), s, phi and p (N, K), y (N, K).

Source: Broomhead and Lowe 1988, Complex Systems 2; Moody and Darken 1989, Neural Computation 1 (also normalised).

Try it:
1. Ask a new `RBF(2, 3)` about (30, 30): all answers are 0. With normalised=True one of them is 1. Compute p as phi
   divided by its sum, without the logarithm, and all are NaN: 0 / 0.
2. Train `Sequential(RBF(2, 12, beta=b), Linear(12, 2))` on `make_moons(200, noise=0.1)`, from `init_from_examples`, 100
   steps of Adam with lr=0.03: b = 0.01 gives an accuracy of 0.88 (all units answer alike), None 0.995 or 1, 30 gives
   1 and a loss of about 0.015. With 1000 it is 0.08 to 0.19: at first 88 % of the rows are seen by no unit.
3. Start from `init_from_kmeans`, which sets the betas too: the loss is 0.016 to 0.018 after the 100 steps, by seed, and
   0.02 to 0.06 from the N(0, 1) of a new layer.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.backend import xp_of
from minidl.cluster import KMeans, generator, spread
from minidl.host import host
from minidl.kernels.distance import squared_distances, squared_distances_grad
from minidl.nn.module import Module, Parameter
from minidl.nn.radial import Radial, radial_of
from minidl.ops import exp
from minidl.tensor import Function, Tensor


class RBFFunction(Function):
    def __init__(self, radial: Radial):
        self.radial = radial

    def forward(self, x, c, beta):
        s = squared_distances(x, c, beta)
        phi = self.radial.value(s)
        self.save(x, c, beta, s, phi)
        return phi

    def backward(self, dphi):
        x, c, beta, s, phi = self.saved
        ds = self.radial.slope(s, phi)
        ds *= dphi  # in place: every (N, K) that is not made is time saved
        return squared_distances_grad(ds, s, x, c, beta)


class NormalisedRBFFunction(Function):
    def __init__(self, radial: Radial):
        self.radial = radial

    def forward(self, x, c, beta):
        s = squared_distances(x, c, beta)
        l = self.radial.log(s)
        p = xp_of(l).exp(l - l.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        self.save(x, c, beta, s, p)
        return p

    def backward(self, dp):
        x, c, beta, s, p = self.saved
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        ds *= self.radial.log_slope(s)
        return squared_distances_grad(ds, s, x, c, beta)


def rbf(x: Tensor, centers: Tensor, betas: Tensor, radial: str = "gaussian", normalised: bool = False) -> Tensor:
    r"""The answers (N, K) of K units with prototypes `centers` (K, D) and `betas` (K,) > 0 to x (N, D).

    ShapeError where the sizes do not fit, ValueError for another word, a beta that is not finite and > 0, and
    normalised=True for a radial function that has no logarithm.

    >>> x, centers = Tensor([[0.0, 0.0], [3.0, 4.0]]), Tensor([[0.0, 0.0], [0.0, 1.0]])
    >>> rbf(x, centers, Tensor([1.0, 1.0])).numpy().round(3)
    array([[1.   , 0.368],
           [0.   , 0.   ]], dtype=float32)
    >>> rbf(x, centers, Tensor([1.0, 1.0]), normalised=True).numpy().round(3)
    array([[0.731, 0.269],
           [0.001, 0.999]], dtype=float32)
    """
    functions = radial_of("rbf", radial, normalised)
    check.rank("rbf", "x", x, "(N, D)")
    check.rank("rbf", "centers", centers, "(K, D)")
    check.rank("rbf", "betas", betas, "(K,)")
    check.axis_size("rbf", "x", x, 1, centers.shape[1], "in_features", hint="add Flatten()?")
    check.axis_size("rbf", "betas", betas, 0, centers.shape[0], "num_prototypes")
    check.one_dtype("rbf", x, centers=centers, betas=betas)
    if centers.shape[0] == 0:
        raise check.ShapeError(f"rbf: centers must hold at least one prototype, got shape {tuple(centers.shape)}")
    values = betas._data if isinstance(betas, Tensor) else betas
    if not ((values > 0) & (values < np.inf)).all():
        raise ValueError("rbf: all betas must be finite and > 0 (did training drive one out? try a smaller lr)")
    return (NormalisedRBFFunction if normalised else RBFFunction)(functions)(x, centers, betas)


class RBF(Module):
    r"""K units, each with a prototype and a width of its own: parameters `centers` (K, D) and `log_betas` (K,).

    The logarithm is what is trained, so that $\beta_k = e^{b_k}$ stays positive; `betas` holds them.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `RBF` | the layer | none | none |
    | `in_features` | D | none | none |
    | `num_prototypes` | K | none | none |
    | `radial` | $\varphi$: "gaussian", "multiquadric", "inverse_multiquadric", "thin_plate" (radial.py) | none | none |
    | `normalised` | divide by the sum of all units (not for "thin_plate", which has both signs) | none | none |
    | `beta` | where all betas start; None: 1 / (2 D), so that s is about 1 for x and c from N(0, 1) | none | none |

    | cost | formula |
    |---|---|
    | parameters | $K D + K$ |
    | multiply-adds | $N K D$ |
    | bytes kept | $4 (N D + 2 N K + K)$ |

    The centres start as N(0, 1), for standardised inputs. Better ones come from the data: see `init_from_examples` and
    `init_from_kmeans`.

    >>> from minidl import Tensor, nn
    >>> layer = nn.RBF(2, 3)
    >>> layer(Tensor([[0.5, 1.0], [100.0, 100.0]])).numpy()[1]
    array([0., 0., 0.], dtype=float32)
    """

    def __init__(
        self,
        in_features: int,
        num_prototypes: int,
        *,
        radial: str = "gaussian",
        normalised: bool = False,
        beta: float | None = None,
    ):
        self.in_features = check.size("RBF", "in_features", in_features)
        self.num_prototypes = check.size("RBF", "num_prototypes", num_prototypes)
        self.radial, self.normalised = radial, normalised
        radial_of("RBF", radial, normalised)
        largest = float(np.finfo("float32").max) / 64
        self.beta = None if beta is None else check.number("RBF", "beta", beta, above=0, low=1 / largest, high=largest)
        self.centers = Parameter(init.normal((num_prototypes, in_features)))
        first = 1 / (2 * in_features) if beta is None else self.beta
        self.log_betas = Parameter(np.full(num_prototypes, np.log(first), "float32"))

    @property
    def betas(self) -> Tensor:
        r"""$\beta_k$ (K,), all positive."""
        return exp(self.log_betas)

    def forward(self, x: Tensor) -> Tensor:
        return rbf(x, self.centers, self.betas, self.radial, self.normalised)

    def init_from_examples(self, x: Any, seed: Any = None) -> "RBF":
        r"""Make K different rows of x (N, D) the prototypes; returns itself. The betas stay as they are.

        seed: as in `KMeans`. ValueError if x has fewer distinct rows.
        """
        rows = host("RBF", "x", x)
        check.rank("RBF", "x", rows, "(N, D)")
        check.axis_size("RBF", "x", rows, 1, self.in_features, "in_features")
        rng = generator("RBF", seed)
        rows = np.unique(rows, axis=0)
        if len(rows) < self.num_prototypes:
            raise ValueError(
                f"RBF: num_prototypes={self.num_prototypes} is more than the {len(rows)} distinct rows of x"
            )
        return self.set_prototypes(rng.choice(rows, self.num_prototypes, replace=False))

    def init_from_kmeans(self, x: Any, seed: Any = None) -> "RBF":
        r"""Make the centres of K clusters of x (N, D) the prototypes, with $\beta_k = 1 / (2 \sigma_k^2)$, where
        $\sigma_k$ is the mean distance of the cluster's rows from their centre; returns itself.

        Raises as `KMeans` does. seed: as there.
        """
        rows = host("RBF", "x", x)
        check.axis_size("RBF", "x", rows, -1, self.in_features, "in_features")
        k_means = KMeans(self.num_prototypes, seed=seed).fit(rows)
        return self.set_prototypes(
            k_means.cluster_centers_, spread(rows, k_means.labels_, k_means.cluster_centers_) ** -2 / 2
        )

    def set_prototypes(self, centers: Any, betas: Any = None) -> "RBF":
        r"""Take these centres (K, D), and betas (K,) > 0 unless they are None; returns itself."""
        centers = host("RBF", "centers", centers)
        check.rank("RBF", "centers", centers, "(K, D)")
        check.axis_size("RBF", "centers", centers, 0, self.num_prototypes, "num_prototypes")
        check.axis_size("RBF", "centers", centers, 1, self.in_features, "in_features")
        if not np.isfinite(centers).all():
            raise ValueError("RBF: centers must hold finite numbers, got a NaN or an infinity")
        if betas is not None:
            betas = host("RBF", "betas", betas)
            check.rank("RBF", "betas", betas, "(K,)")
            check.axis_size("RBF", "betas", betas, 0, self.num_prototypes, "num_prototypes")
            if not ((betas > 0) & np.isfinite(betas)).all():
                raise ValueError("RBF: betas must be finite and > 0")
            self.log_betas.data = np.log(betas).astype(self.log_betas.dtype)
        self.centers.data = centers.astype(self.centers.dtype)
        return self

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        return check.elements("RBF", "x", input_shape) * self.num_prototypes

    def extra_repr(self) -> str:
        options = f", radial={self.radial!r}" + (", normalised=True" if self.normalised else "")
        return f"{self.in_features}, {self.num_prototypes}{options}"


def illustrate(ax: Any) -> None:
    r"""Left: four units over a line, each with its prototype (dot) and its own width. Plain (above), all are silent far
    away; normalised (below), they share out 1, so that somebody always answers, and a wide unit (pink) shows up
    beyond a narrow one. Right: three units over a plane, their answers added up: a unit is on at a place (prototypes:
    crosses), where one of a Linear layer is on in a half-plane."""
    ax.axis("off")
    x = np.linspace(-4, 6, 121, dtype="float32")[:, None]
    line = RBF(1, 4).set_prototypes([[-2.0], [0.0], [1.5], [3.0]], [1.0, 1.0, 2.0, 0.3])
    for line.normalised, bottom, name in ((False, 0.55, r"$\varphi_k(x)$"), (True, 0.0, "$p_k(x)$")):
        part = ax.inset_axes([0.0, bottom, 0.47, 0.43])
        part.plot(x, line(Tensor(x)).numpy())
        part.scatter(line.centers.numpy(), np.zeros(4), c=["C0", "C1", "C2", "C3"], clip_on=False, zorder=3)
        part.set(xlabel="x" if line.normalised else "", ylabel=name, ylim=(0, 1.05))
    plane = RBF(2, 3).set_prototypes([[-1.2, -0.8], [1.2, -1.0], [0.2, 1.2]], [1.5, 1.5, 0.5])
    side = np.linspace(-3, 3, 41)
    y = plane(Tensor(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype("float32"))).numpy().sum(axis=1)
    part, scale = ax.inset_axes([0.59, 0.0, 0.33, 1.0]), ax.inset_axes([0.95, 0.2, 0.02, 0.6])
    image = part.imshow(y.reshape(41, 41), extent=(-3, 3, -3, 3), origin="lower", interpolation="none")
    part.plot(*plane.centers.numpy().T, "X", color="#222222")  # on a fill that is light there
    part.set(xlabel="$x_0$", ylabel="$x_1$")
    ax.figure.colorbar(image, cax=scale, label=r"$\sum_k \varphi_k$", ticks=[0, 0.5, 1])
