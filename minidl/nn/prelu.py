r"""PReLU: a LeakyReLU that learns its slope, one for all channels or one for each.

$$ y_{ncl} = \begin{cases} x & x > 0 \\ a_c x & x \le 0 \end{cases}, \qquad
   dx = \begin{cases} dy & x > 0 \\ a_c\,dy & x \le 0 \end{cases}, \qquad
   da_c = \sum_{n, l:\ x_{ncl} \le 0} dy_{ncl}\, x_{ncl} $$

$a_c$ touches every y of channel c where x is not positive, with slope x, and its gradient adds up over them. At x = 0
the slope of x is taken to be a.

Shapes: x, y (N, C, ...) and a (C,); or any x, and a (1,). He, Zhang, Ren and Sun 2015, ICCV, equations 1 and 8.
"""

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

    | option | meaning |
    |---|---|
    | `num_parameters` | 1, or the number of channels (axis 1) for a slope each |
    | `init` | the slope to start from |

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
