r"""pad: a border around a tensor.

| mode | what the border of (a b c) holds, 2 on each side |
|---|---|
| constant | v v a b c v v, a given value |
| reflect | c b a b c b a, mirrored without repeating the edge |
| replicate | a a a b c c c, the edge |
| circular | b c a b c a b, wrapped around |

Every y of a border (but a constant's) is some x, $y_i = x_{s(i)}$ along each padded axis, so $dx_j$ is the sum of the
$dy_i$ with s(i) = j: the scatter-add of kernels/scatter.py, one axis after the other. A constant takes no gradient.

Try it:
1. Pad (1, 2, 3) by 2 on each side in all four modes, sum up and call backward: the gradients are (1, 1, 1), (2, 3, 2),
   (3, 1, 3), (2, 3, 2), how often each number stands in y.
2. Reflect two numbers by 2: ValueError. There is nothing behind the second one to mirror.
3. Convolve a constant image of ones with `padding="same"`, and then padded with `replicate` instead: along the border
   the first one drops, the second stays as it is inside.
"""

from collections.abc import Callable, Iterable

import numpy as np

from minidl import check
from minidl.backend import channels_last, xp_of
from minidl.kernels.scatter import scatter_add
from minidl.ops.shape import permute
from minidl.tensor import Function, Tensor

# mode -> s(i), the place in an axis of size n that the place i, counted from the first element, is a copy of
SOURCES: dict[str, Callable] = {
    "constant": lambda i, n: i,
    "reflect": lambda i, n: n - 1 - np.abs(n - 1 - np.abs(i)),
    "replicate": lambda i, n: np.clip(i, 0, n - 1),
    "circular": lambda i, n: i % n,
}


class Pad(Function):
    def __init__(self, widths: list[tuple[int, int]], mode: str, value: float):
        self.widths, self.mode, self.value = widths, mode, value  # widths: (before, after) for every axis

    def forward(self, x):
        xp, self.shape = xp_of(x), x.shape
        if self.mode == "constant":
            return xp.pad(x, self.widths, constant_values=self.value)
        for axis, source in self.sources(xp):
            x = x.take(source, axis=axis)
        return x

    def backward(self, dy):
        xp = xp_of(dy)
        if self.mode == "constant":
            return dy[tuple(slice(p, p + n) for (p, _), n in zip(self.widths, self.shape, strict=True))]
        for axis, source in self.sources(xp):
            n, before, behind = self.shape[axis], dy.shape[:axis], dy.shape[axis + 1 :]
            M, D = (check.elements("pad", "x", part) for part in (before, behind))
            if D == 1:  # whole rows along the other axes, rather than single numbers
                dy = scatter_add(source, dy.reshape(M, source.size).T, n).T.reshape(*before, n, *behind)
                continue
            positions = (xp.arange(M)[:, None] * n + source).reshape(-1)  # in x as (M n, D)
            dy = scatter_add(positions, dy.reshape(positions.size, D), M * n).reshape(*before, n, *behind)
        return dy

    def sources(self, xp):
        """For each padded axis, where every place of the result was copied from."""
        for axis, ((before, after), n) in enumerate(zip(self.widths, self.shape, strict=True)):
            if before or after:
                yield axis, xp.asarray(SOURCES[self.mode](np.arange(-before, n + after), n))


def pad(x: Tensor, pads: Iterable[int], mode: str = "constant", value: float = 0) -> Tensor:
    r"""x with a border. pads: how many elements before and after, for the last axis first, as in torch:
    (left, right, top, bottom, ...). reflect needs pads below the size of the axis, circular at most that size, and
    replicate at least one element.

    >>> pad(Tensor([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
    Tensor([3., 2., 1., 2., 3., 2.])
    """
    check.tensor("pad", "x", x)
    check.option("pad", "mode", mode, SOURCES)
    pads = tuple(pads) if isinstance(pads, Iterable) else (pads,)
    if len(pads) % 2 or len(pads) > 2 * x.ndim:
        raise check.ShapeError(f"pad: pads must be pairs for at most {x.ndim} axes of x, got {pads}")
    pads = check.ints("pad", "pads", pads, len(pads), low=0)
    value = (check.number if x.dtype.kind == "f" else check.integer)("pad", "value", value)
    widths = [(0, 0)] * (x.ndim - len(pads) // 2) + [pads[i : i + 2] for i in range(0, len(pads), 2)][::-1]
    for n, width in zip(x.shape, widths, strict=True):
        most = {"constant": check.LIMIT, "reflect": n - 1, "circular": n, "replicate": check.LIMIT if n else 0}[mode]
        if max(width) > max(most, 0):
            raise check.ShapeError(
                f"pad: mode {mode!r} cannot pad an axis of size {n} by {width}; got x of shape {x.shape}"
            )
    check.elements("pad", "the padded x", (n + sum(width) for n, width in zip(x.shape, widths, strict=True)))
    if x.ndim == 4 and channels_last(x._data):  # in the order of its memory, so that the result lies in it as x does
        y = Pad([widths[axis] for axis in (0, 2, 3, 1)], mode, value)(permute(x, 0, 2, 3, 1))
        return permute(y, 0, 3, 1, 2)
    return Pad(widths, mode, value)(x)
