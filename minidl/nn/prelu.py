r"""PReLU: a LeakyReLU that learns its slope, one for all channels or one for each.

$$ y_{ncl} = \begin{cases} x & x > 0 \\ a_c x & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ a_c\,dy & x \le 0 \end{cases}, \qquad
   da_c = \sum_{n, l:\ x_{ncl} \le 0} dy_{ncl}\, x_{ncl} $$

$a_c$ touches every y of channel c where x is not positive, with slope x, and its gradient adds up over them. At x = 0
the slope of x is taken to be a.

Shapes: x and y have any one shape, of E numbers; a (C,), with C = 1, or C channels along axis 1 of x.

Source: He, Zhang, Ren and Sun 2015, ICCV, equations 1 to 3.

Try it:
1. In `backward`, take da as the sum of `x * dy`, without asking where x is positive: the gradient check fails for
   `weight` in every row, and for x in none.
2. Train `PReLU()` on the target |x|, as in the picture, with `optim.SGD` at lr=0.5: a is -0.89 after 2 steps, and -1 to
   four digits after 10.
3. The same with weight_decay=1, at lr=0.1: a stays at -0.58. Weight decay pulls a towards 0, so towards a ReLU; the
   paper trains it without.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.backend import xp_of
from minidl.init import ones
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class PReLUFunction(Function):
    def forward(self, x, a):
        self.channel = 1 if len(a) > 1 else None
        a = a.reshape(-1, *[1] * (x.ndim - 2)) if self.channel else a.reshape(())  # (C, 1, ...), or one number
        self.save(x, a)
        return xp_of(x).where(x > 0, x, a * x)

    def backward(self, dy):
        x, a = self.saved
        xp = xp_of(x)
        da = xp.where(x > 0, 0, x) * dy
        da = da.sum(axis=tuple(i for i in range(x.ndim) if i != self.channel))
        return xp.where(x > 0, dy, a * dy), da.reshape(-1)


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    r"""x where it is positive, else weight * x; weight (1,), or (C,) along axis 1 of x. ShapeError for another.

    >>> prelu(Tensor([[-2.0, -2.0, 5.0]]), Tensor([1.0, 0.5, 0.0])).numpy()
    array([[-2., -1.,  5.]], dtype=float32)
    """
    check.one_dtype("prelu", x, weight, None)
    check.rank("prelu", "weight", weight, "(C,)")
    if weight.shape[0] != 1:
        check.axis_size("prelu", "x", x, 1, weight.shape[0], "num_parameters")
    return PReLUFunction()(x, weight)


class PReLU(Module):
    r"""x where it is positive, else a learned slope times x.

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `PReLU` | the layer | `nn.PReLU` | `PReLU` (a slope for every place of x, unless shared) |
    | `num_parameters` | C: 1, or the number of channels (axis 1) for a slope each | `num_parameters` | `shared_axes` |
    | `init` | the slope to start from | `init` | `alpha_initializer` (0 unless given, here and in torch 0.25) |

    | cost | formula |
    |---|---|
    | parameters | $C$ |
    | multiply-adds | $0$ |
    | bytes kept | $4 E$ |

    >>> from minidl import Tensor, nn
    >>> nn.PReLU()(Tensor([-1.0, 2.0])).numpy()
    array([-0.25,  2.  ], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25):
        self.num_parameters = check.size("PReLU", "num_parameters", num_parameters)
        self.init = check.number("PReLU", "init", init)
        self.weight = Parameter(ones(num_parameters) * self.init)

    def forward(self, x: Tensor) -> Tensor:
        return prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


def illustrate(ax: Any) -> None:
    r"""Three channels start from a = 0.25 (pale) and are to become |x|, x and a ReLU. Left: y after every step of
    gradient descent. Middle: the slope that `backward` gives, before and after. Right: a, which each channel has to
    itself, on its way to -1, 1 and 0."""
    ax.axis("off")
    outputs, slopes, course = (ax.inset_axes([left, 0, 0.25, 1]) for left in (0, 0.36, 0.75))
    x = Tensor(np.linspace(-2, 2, 41)[:, None].repeat(3, axis=1), requires_grad=True)
    wanted = Tensor(np.stack([f(x.numpy()[:, 0]) for f in (np.abs, np.copy, lambda v: np.maximum(v, 0))], axis=1))
    a, path = Tensor(np.full(3, 0.25), requires_grad=True), []
    for step in range(9):
        y, x.grad, a.grad = prelu(x, a), None, None
        y.sum().backward()
        for c in range(3):
            look = {"color": f"C{c}", "alpha": 0.2 + 0.1 * step}
            outputs.plot(x.numpy()[::20, c], y.numpy()[::20, c], **look)
            if step in (0, 8):
                slopes.plot(x.numpy()[:, c], x.grad[:, c], "--", **look)
        path.append(a.numpy())
        a.grad = None
        ((prelu(x, a) - wanted) ** 2).mean().backward()
        a.data = a.numpy() - a.grad
    course.plot(path, "o-", markersize=3)
    outputs.set(xlabel="x", ylabel="y")
    slopes.set(xlabel="x", ylabel="slope")
    course.set(xlabel="steps", ylabel="a")
