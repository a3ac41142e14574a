r"""SOM, the self-organising map: units on a grid learn to stand for the data so that neighbours stand for similar rows.

Every unit k has a place on the grid and weights $w_k$ in the space of the data. A row x comes; the unit nearest to it
wins; the winner and, less and less with their distance on the grid, the units around it move towards x:

$$ b = \text{arg min}_k \|x - w_k\|, \qquad w_k \leftarrow w_k + \eta\, h(b, k)\, (x - w_k) $$

While learning, the rate $\eta$ and the width $\sigma$ of the neighbourhood h shrink: first the whole map unfolds, then
its parts settle.

**Where the rule comes from.** Hold the winners b(n) fixed, and ask for weights with a small

$$ E = \tfrac12 \sum_n \sum_k h(b(n), k)\, \|x_n - w_k\|^2, \qquad
   - \frac{\partial E_n}{\partial w_k} = h(b(n), k)\, (x_n - w_k) $$

So a step of the rule is a step of stochastic gradient descent on $E_n$, with learning rate $\eta$. With the winners
fixed, E is smallest where its gradient is zero, at weighted means; to go there at once is **batch** training:

$$ w_k = \frac{\sum_n h(b(n), k)\, x_n}{\sum_n h(b(n), k)} $$

which for $\sigma \to 0$ (h is 1 at the winner, else 0) is k-means. But winners are not fixed: they depend on w. At a
row that is equally far from two units b jumps, and E, as a function of w, jumps with it where h of the two differ: what
happens there no gradient tells, and for data with a density there is no function at all whose gradient is the rule
(Erwin, Obermayer and Schulten 1992). There is one if the winner is the unit with the smallest
$\sum_j h(k, j) \|x - w_j\|^2$ instead (Heskes 1999), which costs more to find. So the rule is no back-propagation, and
the weights are a buffer.

With another distance the winner is the nearest by that one, and the rule stays as it is (Kohonen's dot-product maps
normalise rows and weights instead).

Shapes: x (N, D), y (N, R, C) for R rows and C columns of units, weights (R, C, D).

Source: Kohonen 1982, Biological Cybernetics 43, 59-69 (the rule); Kohonen 2001, "Self-Organizing Maps", section 3.6
(batch training).

Try it:
1. In the doctest below, set sigma and sigma_end to 0.01: the winner moves alone. The quantisation error is as small as
   before (0.41; 0.43), but the topographic error is 0.87 (0.0): neighbours stand for rows that have nothing in common.
2. Set sigma_end=4: the map stays stiff, its quantisation error is 0.93, and 93 % of the rows still get their class.
3. Train with mode="batch": after 1, 5 and 20 passes the quantisation error is 1.62, 0.47 and 0.41, with init="pca"
   1.30, 0.48 and 0.41. Twenty passes of single steps are 3000.
"""

from typing import Any

import numpy as np

from minidl import backend, check, random
from minidl.history import History
from minidl.nn import som_grid
from minidl.nn.module import Buffer
from minidl.nn.som_distance import DISTANCES, SOMDistanceFunction
from minidl.nn.som_init import INITS
from minidl.nn.som_learn import one_pass
from minidl.nn.som_measures import Measures
from minidl.progress import bar
from minidl.tensor import Tensor

MODES = ("online", "batch")


class SOM(Measures):
    r"""A self-organising map of rows x cols units, for rows of in_features numbers.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `SOM` | the map | none | none |
    | `rows`, `cols` | R, C: how many units | none | none |
    | `in_features` | D | none | none |
    | `topology`, `toroidal` | "rectangular" or "hexagonal"; opposite edges glued? (som_grid.py) | none | none |
    | `neighbourhood` | "gaussian", "bubble", "mexican_hat" or "triangle" | none | none |
    | `sigma`, `sigma_end` | its width, at first (None: half the longer side) and after the last step | none | none |
    | `learning_rate`, `learning_rate_end` | $\eta$ in (0, 1], as for sigma; not in a batch | none | none |
    | `decay` | how both fall: "exponential", "linear" or "inverse" | none | none |
    | `init` | where the weights start: "random", "sample" or "pca" (som_init.py) | none | none |
    | `distance` | "euclidean", "cosine" or "manhattan" (som_distance.py) | none | none |
    | `num_classes` | how many classes `fit_labels` and `predict` are about, if any | none | none |

    | cost | formula |
    |---|---|
    | parameters | $0$ |
    | multiply-adds | $N R C D$ |
    | bytes kept | $4 (N D + R C D + N R C)$ |

    The weights are NaN until the first training. Calling the map gives the distances (N, rows, cols) of a tensor x
    (N, in_features), with a gradient in x. Everything else that it can be asked stands in som_measures.py.

    >>> from minidl import manual_seed, nn
    >>> from minidl.datasets import load_iris
    >>> manual_seed(0)
    >>> data = load_iris()
    >>> x = (data.x - data.x.mean(axis=0)) / data.x.std(axis=0)
    >>> som = nn.SOM(8, 8, 4, num_classes=3)
    >>> history = som.fit(x, epochs=50, verbose=False)
    >>> som.quantization_error(x) < 0.5, som.topographic_error(x) < 0.1
    (True, True)
    >>> som.fit_labels(x, data.y)
    >>> bool((som.predict(x) == data.y).mean() > 0.9)
    True
    """

    def __init__(
        self,
        rows: int,
        cols: int,
        in_features: int,
        *,
        topology: str = "rectangular",
        toroidal: bool = False,
        neighbourhood: str = "gaussian",
        sigma: float | None = None,
        sigma_end: float = 1.0,
        learning_rate: float = 0.5,
        learning_rate_end: float = 0.01,
        decay: str = "exponential",
        init: str = "random",
        distance: str = "euclidean",
        num_classes: int | None = None,
    ):
        self.rows = check.size("SOM", "rows", rows)
        self.cols = check.size("SOM", "cols", cols)
        self.in_features = check.size("SOM", "in_features", in_features)
        self.topology = check.option("SOM", "topology", topology, som_grid.TOPOLOGIES)
        self.toroidal = check.option("SOM", "toroidal", toroidal, (True, False))
        if toroidal and topology == "hexagonal" and rows % 2:
            raise ValueError(f"SOM: a toroidal hexagonal map needs an even number of rows, got rows={rows}")
        self.neighbourhood = check.option("SOM", "neighbourhood", neighbourhood, som_grid.NEIGHBOURHOODS)
        sigma = max(rows, cols, 2) / 2 if sigma is None else sigma
        self.sigma = check.number("SOM", "sigma", sigma, *som_grid.WIDTHS)
        self.sigma_end = check.number("SOM", "sigma_end", sigma_end, *som_grid.WIDTHS)
        self.learning_rate = check.number("SOM", "learning_rate", learning_rate, above=0, high=1)
        self.learning_rate_end = check.number("SOM", "learning_rate_end", learning_rate_end, above=0, high=1)
        self.decay = check.option("SOM", "decay", decay, som_grid.DECAYS)
        self.init = check.option("SOM", "init", init, INITS)
        self.distance = check.option("SOM", "distance", distance, DISTANCES)
        self.num_classes = None if num_classes is None else check.size("SOM", "num_classes", num_classes)
        check.room("SOM", "weights (rows, cols, in_features)", (rows, cols, in_features))
        self.weights = Buffer(np.full((rows, cols, in_features), np.nan, np.float32))
        self.step = Buffer(np.int64(0))  # of the schedule
        self.label_counts = None
        if num_classes is not None:
            check.room("SOM", "counts (rows, cols, num_classes)", (rows, cols, num_classes))
            self.label_counts = Buffer(np.zeros((rows, cols, num_classes), np.int64))

    def forward(self, x: Tensor) -> Tensor:
        check.rank("SOM", "x", x, "(N, D)")
        check.axis_size("SOM", "x", x, 1, self.in_features, "in_features")
        check.one_dtype("SOM", x, weights=self.weights)
        self._fitted("forward")
        y = SOMDistanceFunction(self.distance)(x, self.weights.reshape(-1, self.in_features))
        return y.reshape(-1, self.rows, self.cols)

    # ---- training ----
    def fit(
        self, x: Any, epochs: int = 10, *, mode: str = "online", initial_epoch: int = 0, verbose: bool = True
    ) -> History:
        r"""Learn the rows x (N, D) from the beginning, going through all of them `epochs` times, in another order each
        time. Returns the `History` of the "quantization_error" after each epoch.

        mode: "online" moves the units after every row, N steps an epoch; "batch" after all of them, one step an epoch.
        initial_epoch: go on with a run of so many `epochs` that was stopped after this one and loaded again
        (`minidl.save_checkpoint` keeps the random numbers too): the result is, bit for bit, that of the whole run.
        verbose: a progress bar.

        Raises ValueError or TypeError for x that is no finite (N, in_features), and other arguments that do not fit;
        FloatingPointError where weights overflow (a mexican_hat with a large rate pushes units away for ever). The
        map is then as after the last good epoch.
        """
        rows = self._rows("fit", x)
        epochs = check.size("SOM.fit", "epochs", epochs)
        initial_epoch = check.integer("SOM.fit", "initial_epoch", initial_epoch, low=0, high=epochs)
        check.option("SOM.fit", "verbose", verbose, (True, False))
        steps = self._steps("fit", mode, rows)
        if initial_epoch:
            self._fitted("fit")
        else:
            self._start(rows)
        self.step.data = np.int64(initial_epoch * steps)
        history = History()
        with bar("SOM", epochs, verbose, done=initial_epoch) as line:
            for epoch in range(initial_epoch, epochs):
                one_pass(self, rows, steps, epochs * steps, mode)
                error = self.quantization_error(x)
                history.append(epoch, {"quantization_error": error})
                line.set_postfix_str(f"quantization error {error:.4f}", refresh=False)
                line.update()
        return history

    def partial_fit(self, x: Any, *, total_steps: int | None = None, mode: str = "online") -> "SOM":
        r"""Go once through the rows x (N, D), from where the map is; its first weights, if it has none, come from x.

        total_steps: how many steps the whole training is going to have (a row is one, or with mode="batch" a call):
        $\eta$ and $\sigma$ fall over them. None: they are at their last values, as for a map that is kept up to date.
        `fit(x, epochs=E)` is E times `partial_fit(x, total_steps=E * len(x))`.
        """
        rows = self._rows("partial_fit", x)
        if total_steps is not None:
            total_steps = check.size("SOM.partial_fit", "total_steps", total_steps)
        steps = self._steps("partial_fit", mode, rows)
        if np.isnan(self.weights.numpy()).any():
            self._start(rows)
        one_pass(self, rows, steps, total_steps, mode)
        return self

    def _steps(self, method: str, mode: str, rows: Any) -> int:
        """How many steps one pass is."""
        check.option(f"SOM.{method}", "mode", mode, MODES)
        if mode == "batch" and self.neighbourhood == "mexican_hat":
            raise ValueError(f"SOM.{method}: mode='batch' takes means, and a mexican_hat has negative weights")
        return len(rows) if mode == "online" else 1

    def _start(self, rows: Any) -> None:
        w = INITS[self.init](backend.to_numpy(rows).astype(np.float64), self.rows, self.cols)
        self.weights.data = w.astype(self.weights.dtype)
        self.step.data = np.int64(0)

    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        return check.elements("SOM", "x", input_shape) * self.rows * self.cols

    def extra_repr(self) -> str:
        kinds = (self.topology, self.neighbourhood, self.distance)
        return f"{self.rows}, {self.cols}, {self.in_features}, {', '.join(kinds)}" + ", toroidal" * self.toroidal


def illustrate(ax: Any) -> None:
    r"""A map of 10 x 10 units, drawn as a net through the weights of neighbours, learns rows (dots) of two clusters. It
    is first drawn together, by a neighbourhood as wide as the map, then lies along the data, then unfolds and covers
    both. Bottom right its U-matrix: how far each unit is from those around it. The bright ridge, of units that stand
    for nothing, parts the clusters."""
    ax.axis("off")
    before = random.get_state()
    random.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)) * 0.5 + np.where(rng.random((400, 1)) < 0.5, [[-1.2, -0.8]], [[1.2, 0.8]])
    som = SOM(10, 10, 2, sigma_end=0.7)
    for k, steps in enumerate((10, 190, 5800)):
        for start in range(0, steps, 400):
            som.partial_fit(x[: min(400, steps - start)], total_steps=6000)
        part = ax.inset_axes([0.53 * (k % 2), 0.53 - 0.53 * (k // 2), 0.47, 0.45])
        part.plot(*x[:60].T, ".", color="C1", markersize=3)
        for lines in (som.weights.numpy(), som.weights.numpy().swapaxes(0, 1)):
            part.plot(lines[..., 0].T, lines[..., 1].T, "C0", linewidth=0.7)
        part.set(xticks=[], yticks=[], xlabel=f"after {som.step.item()} rows")
    part = ax.inset_axes([0.53, 0.0, 0.35, 0.45])
    image = part.imshow(som.u_matrix(), interpolation="none", aspect="auto")
    part.set(xticks=[], yticks=[], xlabel="U-matrix")
    ax.figure.colorbar(image, cax=ax.inset_axes([0.9, 0.0, 0.02, 0.45]))
    random.set_state(before)
