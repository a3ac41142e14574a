r"""GRUCell: one time step of a gated recurrent unit.

An LSTM made simpler: one state h, and two gates, numbers from 0 to 1. z says for every unit how much of the old state
stays (the rest is the new value n), r how much of the old state n gets to see.

$$ a = x W^\top + b_{ih} = [\,a_r \; a_z \; a_n\,], \qquad p = h U^\top + b_{hh} = [\,p_r \; p_z \; p_n\,] $$
$$ r = \sigma(a_r + p_r), \qquad z = \sigma(a_z + p_z), \qquad h' = (1 - z) \odot n + z \odot h $$

with $\sigma(a) = 1 / (1 + e^{-a})$, and $\odot$ for the product element by element. There are two forms of n. In the
first one, r acts after the product with U (cuDNN, torch, Keras), and so on the bias $b_{hn}$ too; in the older one
before it, on h, and only the sum of the two biases counts:

$$ \text{reset\_after=True:} \quad n = \tanh(a_n + r \odot p_n) $$
$$ \text{reset\_after=False:} \quad n = \tanh(a_n + (r \odot h)\,U_n^\top + b_{hn}) $$

Backward, with dh' given. h' is a sum of products; h also stands in it directly, which gives the first part of dh:

$$ dn = dh' \odot (1 - z), \qquad dz = dh' \odot (h - n), \qquad dh = dh' \odot z + \dots $$

Through the tanh and the sigmoid of z, with $\tanh' = 1 - \tanh^2$ and $\sigma' = \sigma (1 - \sigma)$:

$$ da_n = dn \odot (1 - n \odot n), \qquad da_z = dz \odot z \odot (1 - z) $$

Then the two forms part. **reset_after=True**: in n stands the product of r and $p_n$,

$$ dr = da_n \odot p_n, \qquad dp_n = da_n \odot r, \qquad da_r = dr \odot r \odot (1 - r) $$

and what comes from x and what comes from h get different gradients, $da = [\,da_r \; da_z \; da_n\,]$ on the side of W
and $dp = [\,da_r \; da_z \; dp_n\,]$ on the side of U. As in linear.py:

$$ dh = dh' \odot z + dp\,U, \qquad dU = dp^\top h, \qquad db_{hh} = \text{column sums of } dp $$

**reset_after=False**: in n stands $(r \odot h)\,U_n^\top$. With e for the gradient of $r \odot h$,

$$ e = da_n U_n, \qquad dr = e \odot h, \qquad da_r = dr \odot r \odot (1 - r) $$

so that h is read in four places (h' itself, $r \odot h$ and the two gates), with the weights $U_{rz}$ of r and z:

$$ dh = dh' \odot z + e \odot r + [\,da_r \; da_z\,]\,U_{rz} $$
$$ dU_{rz} = [\,da_r \; da_z\,]^\top h, \qquad dU_n = da_n^\top (r \odot h), \qquad db_{hh} = db_{ih} $$

In both forms $dx = da\,W$, $dW = da^\top x$, and $db_{ih}$ is the column sums of da.

Through time. $dh' \odot z$ goes back without a matrix and without a slope: where z is near 1, the gradient arrives.

Shapes: x (N, D), h, y, r, z, n, e (N, H), a, p (N, 3H), w (3H, D), u (3H, H), b_ih, b_hh (3H,), the parameters
`weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, their rows in the order r, z, n.

Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8 (reset_after=False).

Try it:
1. In `backward`, leave out `dh_new * z +` under `reset_after`: the gradient check fails for h, where one is given, and
   for nothing else: a slip that only sequences of two steps and more can feel.
2. Some write $h' = z \odot n + (1 - z) \odot h$ (Chung et al. 2014, arXiv 1412.3555). Do so in `forward`, and give the
   rows of z in the weights and biases the other sign: h' is as before, up to 9e-8. With the same sign it is not.
3. Let a `GRUCell(1, 1)` with weights of 0, but $U_n = 3$, and r held at 1 (`bias_ih.writable()[0] = 30`), take 100
   steps with x = 0 from h = 0.01: it ends at 0.995, one of the outer two points of the picture. With $U_n = 0.5$ every
   state ends at 0: the unit can keep one bit in the one case, and none in the other.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.nn.cell import Cell, affine, check_step, sigma
from minidl.tensor import Function, Tensor


class GRUCellFunction(Function):
    def __init__(self, reset_after: bool):
        self.reset_after = reset_after

    def forward(self, x, h, w, u, b_ih=None, b_hh=None):
        xp, H = xp_of(x), h.shape[1]
        a = affine(x, w, b_ih)  # (N, D) @ (D, 3H) -> (N, 3H)
        if self.reset_after:
            p = affine(h, u, b_hh)  # (N, H) @ (H, 3H) -> (N, 3H)
            r, z = xp.split(sigma(a[:, : 2 * H] + p[:, : 2 * H]), 2, axis=1)
            n = xp.tanh(a[:, 2 * H :] + r * p[:, 2 * H :])
        else:
            a = a if b_hh is None else a + b_hh
            r, z = xp.split(sigma(a[:, : 2 * H] + h @ u[: 2 * H].T), 2, axis=1)
            p = None
            n = xp.tanh(a[:, 2 * H :] + (r * h) @ u[2 * H :].T)  # (N, H) @ (H, H) -> (N, H)
        self.save(x, h, w, u, r, z, n, p)
        return (1 - z) * n + z * h

    def backward(self, dh_new):
        x, h, w, u, r, z, n, p = self.saved
        xp, H = xp_of(x), h.shape[1]
        da_n = dh_new * (1 - z) * (1 - n * n)
        da_z = dh_new * (h - n) * z * (1 - z)
        if self.reset_after:
            da_r = da_n * p[:, 2 * H :] * r * (1 - r)
            dp = xp.concatenate([da_r, da_z, da_n * r], axis=1)  # (N, 3H)
            dh = dh_new * z + dp @ u  # (N, 3H) @ (3H, H) -> (N, H)
            du, db_hh = dp.T @ h, dp.sum(axis=0)
            da = xp.concatenate([da_r, da_z, da_n], axis=1)
        else:
            e = da_n @ u[2 * H :]  # (N, H) @ (H, H) -> (N, H)
            da_r = e * h * r * (1 - r)
            da = xp.concatenate([da_r, da_z, da_n], axis=1)
            dh = dh_new * z + e * r + da[:, : 2 * H] @ u[: 2 * H]
            du, db_hh = xp.concatenate([da[:, : 2 * H].T @ h, da_n.T @ (r * h)]), da.sum(axis=0)
        dx = da @ w if self.needs_grad[0] else None  # (N, 3H) @ (3H, D) -> (N, D)
        return dx, dh, da.T @ x, du, da.sum(axis=0), db_hh


def gru_cell(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    reset_after: bool = True,
) -> Tensor:
    r"""The state h' (N, H) after the input x (N, D) in state h (N, H). The rows of the weights are those of r, z, n in
    turn. ShapeError or DTypeError where sizes or dtypes do not fit.

    >>> w = Tensor([[0.0]] * 3)
    >>> gru_cell(Tensor([[0.0]]), Tensor([[5.0]]), w, w, bias_ih=Tensor([0.0, 100.0, 0.0])).numpy()  # all kept (z = 1)
    array([[5.]], dtype=float32)
    """
    check.option("gru_cell", "reset_after", reset_after, (True, False))
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    check_step("gru_cell", 3, x, {"h": h}, weights)
    return GRUCellFunction(reset_after)(x, h, *weights.values())


class GRUCell(Cell):
    r"""One step of a GRU: `h = cell(x, h)`. Without a state it starts at zeros.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `GRUCell` | the layer | `nn.GRUCell` | `GRUCell` (weights transposed, gates z, r, n) |
    | `reset_after` | whether r acts after the product with U (True), or before it | none: always after | the same |

    | cost | formula |
    |---|---|
    | parameters | $3 (H D + H H + 2 H)$ |
    | multiply-adds | $3 N H (D + H)$ |
    | bytes kept | $4 N (D + 7 H)$ |

    >>> from minidl import Tensor, nn
    >>> cell, h = nn.GRUCell(input_size=3, hidden_size=2), None
    >>> for t in range(5):
    ...     h = cell(Tensor([[1.0, 2.0, 3.0]]), h)
    >>> h.shape
    (1, 2)
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, reset_after: bool = True):
        self.reset_after = check.option("GRUCell", "reset_after", reset_after, (True, False))
        super().__init__(input_size, hidden_size, bias)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        h = self.one_state(state, x)
        return gru_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.reset_after)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, reset_after={self.reset_after}"


def illustrate(ax: Any) -> None:
    r"""The new state of one unit over its old one, with x = 0 and $U_n = 3$. Left, r = 1: with z = 0 the unit takes the
    candidate n, and the nearer z is to 1, the less it moves from where it is (the diagonal, dashed). Where a curve
    crosses it, h stays: n pulls towards the outer two. Right, z = 0: the reset gate r lets less and less of h into n,
    until, at r = 0, the unit has forgotten."""
    h = np.linspace(-1, 1, 101)[:, None]
    x, w, u = np.zeros((101, 1)), np.zeros((3, 1)), np.array([[0.0], [0.0], [3.0]])  # rows r, z, n
    ax.axis("off")
    panels = ("z", [(1, z) for z in (0, 0.5, 0.9)]), ("r", [(r, 0) for r in (1, 0.3, 0)])
    for left, (name, gates) in zip((0.08, 0.58), panels, strict=True):
        a = ax.inset_axes([left, 0.06, 0.38, 0.94])
        a.plot(h, h, "--", color="C4")
        for r, z in np.clip(gates, 1e-6, 1 - 1e-6):
            b = np.array([np.log(r / (1 - r)), np.log(z / (1 - z)), 0.0])
            y = gru_cell(*(Tensor(v) for v in (x, h, w, u, b))).numpy()
            a.plot(h, y, label=f"{name} = {z if name == 'z' else r:.1f}")
        a.legend(loc="lower right")
        a.set(xlabel="h", ylabel="h'")
