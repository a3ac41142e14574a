r"""gradcheck: is a backward the derivative of its forward?

The derivative can always be had without any calculus, by central differences:

$$ \frac{\partial L}{\partial x_i} = \frac{L(x + h e_i) - L(x - h e_i)}{2h} + O(h^2) $$

That is slow (two forward passes an entry) and exact to about $10^{-9}$ in float64: the perfect judge of a fast formula
derived by hand. Two things keep the judge honest. L is $\sum_j g_j y_j$ with *random* numbers g as the gradient from
above; with ones, many wrong backwards look right. And every entry is compared, or, for large inputs, several random
directions u at once: $(L(x + hu) - L(x - hu)) / 2h = u \cdot dx$.

Source: Press, Teukolsky, Vetterling and Flannery 2007, *Numerical Recipes*, section 5.7 (which h is the best).

Try it:
1. Differentiate exp at 1 with `numerical_gradient(..., step=h)`: for h = 1e-2, 1e-4, 1e-6, 1e-8, 1e-10 the error is
   5e-5, 5e-9, 2e-10, 7e-9, 7e-7. First the curvature shrinks with $h^2$, then rounding grows with 1 / h.
2. Give Softmax a backward that returns zeros. With ones from above it is right: the outputs add up to 1 whatever x is.
   With random numbers `gradcheck` finds the error, 0.16.
3. Check `relu` at 0, where there is no slope: backward gives 0 and the differences something else. So tests stay away
   from kinks (`minidl.testing.values`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import check
from minidl.tensor import Tensor, no_grad

STEP = 1e-6  # h, relative to the size of x: halfway (in digits) between rounding and curvature
LARGE = 256  # inputs with more entries are compared along random directions
DIRECTIONS = 8


class GradientError(AssertionError):
    r"""A backward that is not the derivative of its forward; the message shows the worst entry."""


class Worst(NamedTuple):
    r"""The entry that fits least: its name, its two values, and their relative distance."""

    error: float
    where: str
    ours: float
    numerical: float


def numerical_gradient(function: Callable[[], float], array: np.ndarray, step: float = STEP) -> np.ndarray:
    r"""The gradient of function() with respect to every entry of `array`, which it reads, by central differences.

    >>> x = np.array([1.0, 2.0])
    >>> numerical_gradient(lambda: (x**2).sum(), x).round(6)
    array([2., 4.])
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        got = getattr(array, "dtype", type(array).__name__)
        raise check.DTypeError(f"numerical_gradient: array must be a float64 array, got {got}")
    gradient = np.empty(array.shape, array.dtype)
    for i in np.ndindex(array.shape):
        old = array[i]
        h = step * max(1.0, abs(old))
        array[i] = old + h
        high = function()
        array[i] = old - h
        low = function()
        array[i] = old
        gradient[i] = (high - low) / (2 * h)
    return gradient


def gradcheck(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    parameters: Iterable[Tensor] = (),
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    r"""Compare the gradients of `function(*inputs)` with central differences, for every float input and parameter.

    function: from tensors to a tensor (or a tuple of them); it must give the same result every time (ValueError).
    inputs: tensors or float64 arrays (integers and other options are passed on as they are); a tensor with
        requires_grad=False is not checked.
    parameters: further float64 tensors that the function reads, such as `layer.parameters()`.
    Returns the worst relative error $|a - b| / \max(1, |a|, |b|)$. Raises GradientError above `tolerance`, and
    TypeError for float32, whose rounding hides what is looked for.

    >>> from minidl import nn
    >>> layer = nn.Linear(3, 2).to("float64")
    >>> gradcheck(layer, [np.random.default_rng(0).normal(size=(4, 3))], layer.parameters()) < 1e-6
    True
    """
    tolerance = check.number("gradcheck", "tolerance", tolerance, above=0)
    worst = max(
        errors(function, inputs, parameters, seed=seed).values(), key=lambda w: np.nan_to_num(w.error, nan=np.inf)
    )
    if not worst.error <= tolerance:  # not (error > tolerance): a NaN must not pass
        raise GradientError(
            f"gradcheck: the gradient of {worst.where} is wrong: backward gives {worst.ours:.9g}, finite differences "
            f"give {worst.numerical:.9g}; relative error {worst.error:.2e}, allowed {tolerance:.0e}"
        )
    return float(worst.error)


def errors(
    function: Callable[..., Any], inputs: Sequence[Any], parameters: Iterable[Tensor] = (), *, seed: int = 0
) -> dict[str, Worst]:
    r"""What `gradcheck` finds, for each of the inputs and parameters that ask for a gradient: name -> its worst entry.

    >>> x = np.array([1.0, 2.0])
    >>> found = errors(lambda x, y: x * x * y, [x, 3 * x])
    >>> {name: bool(worst.error < 1e-6) for name, worst in found.items()}
    {'input 0': True, 'input 1': True}
    """
    if not callable(function):
        raise check.DTypeError(f"gradcheck: function must be a function or a layer, got {function!r}")
    if not isinstance(inputs, list | tuple):
        raise check.DTypeError(f"gradcheck: inputs must be a list of them, as in [x], got {type(inputs).__name__}")
    inputs = [_leaf(x) for x in inputs]
    parameters = list(parameters)
    for p in parameters:
        if not isinstance(p, Tensor):
            raise check.DTypeError(f"gradcheck: parameters must hold tensors, got {type(p).__name__}")
    seed = check.integer("gradcheck", "seed", seed, low=0)
    checked = [(f"input {i}", x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    checked += [(f"parameter {i} {p.shape}", p) for i, p in enumerate(parameters) if p.requires_grad]
    for name, tensor in checked:
        if tensor.dtype != np.float64:
            raise check.DTypeError(f"gradcheck: {name} must be float64, got {tensor.dtype}; use .to('float64')")
    if not checked:
        raise ValueError("gradcheck: nothing to check: no float input or parameter requires a gradient")
    rng = np.random.default_rng(seed)
    before = [tensor.numpy() for _, tensor in checked]

    with no_grad():
        first, second = _outputs(function(*inputs)), _outputs(function(*inputs))
    if not first:
        raise ValueError("gradcheck: the function returns no float tensor")
    if not all(np.array_equal(a.numpy(), b.numpy(), equal_nan=True) for a, b in zip(first, second, strict=True)):
        raise ValueError("gradcheck: the function gives another result every time; start its random numbers afresh")
    if not all(np.isfinite(y.numpy()).all() for y in first):
        raise ValueError("gradcheck: the result holds NaN or infinity, which have no slope; choose other inputs")
    upstream = [rng.normal(size=y.shape) for y in first]

    def loss() -> float:
        with no_grad():
            outputs = _outputs(function(*inputs))
        return sum(float((g * y.numpy()).sum()) for g, y in zip(upstream, outputs, strict=True))

    for _, tensor in checked:
        tensor.grad = None
    outputs = _outputs(function(*inputs))
    total = None
    for g, y in zip(upstream, outputs, strict=True):
        part = (y * Tensor(g).to(y.backend)).sum()
        total = part if total is None else total + part
    if total.requires_grad:  # else no gradient arrives anywhere, which counts as zeros below
        total.backward()

    for (name, tensor), old in zip(checked, before, strict=True):
        if not np.array_equal(tensor.numpy(), old):
            raise GradientError(f"gradcheck: the function changed its {name}")
        if tensor.grad is not None and tensor.grad.shape != tensor.shape:
            raise GradientError(f"gradcheck: the gradient of {name} has shape {tensor.grad.shape}, not {tensor.shape}")

    return {name: _compare(name, tensor, loss, rng) for name, tensor in checked}


def _leaf(x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return Tensor(x, requires_grad=True)
    return x


def _outputs(result: Any) -> list[Tensor]:
    results = result if isinstance(result, tuple | list) else [result]
    return [y for y in results if isinstance(y, Tensor) and y.dtype.kind == "f"]


def _compare(name: str, tensor: Tensor, loss: Callable[[], float], rng: np.random.Generator) -> Worst:
    x = tensor.numpy()
    ours = np.zeros(x.shape) if tensor.grad is None else Tensor(tensor.grad).numpy()

    def at(values: np.ndarray) -> float:
        tensor.data = values
        return loss()

    try:
        if x.size <= LARGE:
            numerical = numerical_gradient(lambda: at(x), x)
            places = [f"{name} at {list(i)}" for i in np.ndindex(x.shape)]
            pairs = zip(places, ours.ravel(), numerical.ravel(), strict=True)
        else:
            pairs = []
            for k in range(DIRECTIONS):
                u = rng.normal(size=x.shape)
                u /= np.linalg.norm(u)
                slope = (at(x + STEP * u) - at(x - STEP * u)) / (2 * STEP)
                pairs.append((f"{name} along random direction {k}", float((u * ours).sum()), slope))
    finally:
        tensor.data = x
    errors = [Worst(abs(a - b) / max(1.0, abs(a), abs(b)), where, a, b) for where, a, b in pairs]
    bad = [w for w in errors if not np.isfinite(w.error)]
    return bad[0] if bad else max(errors, key=lambda w: w.error, default=Worst(0.0, name, 0.0, 0.0))
