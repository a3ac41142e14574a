r"""summary: what happens to the shapes in a model, and where its parameters and its work are.

One input of zeros is sent through the model, with a hook on every layer that notes the shape that comes out. The model
is left as it was found.
"""

from typing import Any, NamedTuple

import numpy as np

from minidl import check, random
from minidl.nn.module import Buffer, Module, Parameter
from minidl.tensor import Tensor, no_grad

DTYPES = ("float32", "float64", "int64")


class Row(NamedTuple):
    r"""One call of one layer. A parameter counts where it is seen first; a second call of a layer has none left."""

    path: str
    kind: str
    output_shape: Any  # a tuple; a list of them for several outputs; None for a layer that is never called
    parameters: int
    multiply_adds: int
    formula: str = ""  # the layer's parameter_formula(), where all its parameters are seen first


class Summary(NamedTuple):
    r"""The table. Print it, or read its rows and totals. It has a column of formulas if a layer has one."""

    rows: list[Row]
    trainable: int  # parameters that require a gradient
    frozen: int  # and those that do not
    multiply_adds: int

    def __str__(self) -> str:
        head = ("layer", "type", "output shape", "parameters", "multiply-adds", "parameter formula")
        lines = [
            (
                row.path,
                row.kind,
                "not called" if row.output_shape is None else str(row.output_shape),
                f"{row.parameters:,}",
                f"{row.multiply_adds:,}",
                row.formula,
            )
            for row in self.rows
        ]
        columns = 6 if any(row.formula for row in self.rows) else 5
        lines = [line[:columns] for line in (head, *lines)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<<>><", widths, strict=False))
        lines = [form.format(*line).rstrip() for line in lines]
        rule = "-" * max(map(len, lines))
        total = (
            f"parameters {self.trainable + self.frozen:,} ({self.trainable:,} trainable, {self.frozen:,} frozen), "
            f"multiply-adds {self.multiply_adds:,}"
        )
        return "\n".join([lines[0], rule, *lines[1:], rule, total])

    __repr__ = __str__


def summary(model: Module, input_shape: tuple[int, ...], dtype: str = "float32") -> Summary:
    r"""The layers of `model` in the order in which an input of this shape (with its batch axis) meets them.

    dtype: of the input: "float32", "float64", or "int64" for a model that starts with an Embedding.
    The multiply-adds are those of the whole batch. Shared layers and parameters count once. The model runs in
    evaluation mode, and its mode, buffers, hooks and the random generator are afterwards as before, also if it fails.
    TypeError or ValueError for an input that it cannot have, and whatever the model raises.

    >>> from minidl import nn
    >>> lenet5 = nn.Sequential(
    ...     nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    ...     nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))
    >>> summary(lenet5, (1, 1, 32, 32))
    layer  type       output shape     parameters  multiply-adds
    ------------------------------------------------------------
    0      Conv2d     (1, 6, 28, 28)          156        117,600
    1      Tanh       (1, 6, 28, 28)            0              0
    2      AvgPool2d  (1, 6, 14, 14)            0              0
    3      Conv2d     (1, 16, 10, 10)       2,416        240,000
    4      Tanh       (1, 16, 10, 10)           0              0
    5      AvgPool2d  (1, 16, 5, 5)             0              0
    6      Flatten    (1, 400)                  0              0
    7      Linear     (1, 120)             48,120         48,000
    8      Tanh       (1, 120)                  0              0
    9      Linear     (1, 84)              10,164         10,080
    10     Tanh       (1, 84)                   0              0
    11     Linear     (1, 10)                 850            840
    ------------------------------------------------------------
    parameters 61,706 (61,706 trainable, 0 frozen), multiply-adds 416,520
    >>> summary(nn.Sequential(nn.LSTM(16, 32), nn.Linear(32, 2)), (1, 10, 16))
    layer  type    output shape  parameters  multiply-adds  parameter formula
    ---------------------------------------------------------------------------------------
    0      LSTM    (1, 32)            6,400         61,440  4 (H D + H H + 2 H), D=16, H=32
    1      Linear  (1, 2)                66             64
    ---------------------------------------------------------------------------------------
    parameters 6,466 (6,466 trainable, 0 frozen), multiply-adds 61,504
    """
    if not isinstance(model, Module):
        raise check.DTypeError(f"summary: model must be a module, got {type(model).__name__}")
    if not isinstance(input_shape, tuple | list):
        raise check.DTypeError(f"summary: input_shape must be a tuple, got {input_shape!r}")
    shape = check.ints("summary", "input_shape", input_shape, len(input_shape))
    check.elements("summary", "input_shape", shape)
    check.option("summary", "dtype", dtype, DTYPES)
    parameters = list(model.parameters())
    x = Tensor(np.zeros(shape, dtype))
    x = x.to(parameters[0].backend) if parameters else x

    rows: list[Row] = []
    counted: set[int] = set()  # ids of parameters that a row has
    layers = [(path, m) for path, m in model.named_modules() if _own(m) or not list(m.children())]

    def add_row(path: str, module: Module, output_shape: Any, multiply_adds: int) -> None:
        own = {id(p): p.size for p in _own(module)}
        fresh = {i: size for i, size in own.items() if i not in counted}
        counted.update(fresh)
        formula = module.parameter_formula() if fresh == own else ""  # a tied weight would make it a lie
        rows.append(Row(path, type(module).__name__, output_shape, sum(fresh.values()), multiply_adds, formula))

    def watch(path: str, module: Module) -> None:
        def hook(module: Module, inputs: tuple, output: Any) -> None:
            shapes = _shapes(output)
            work = module.multiply_adds(_first(_shapes(inputs)), _first(shapes))
            add_row(path, module, shapes, work)

        module.register_forward_hook(hook)

    # A module's state is what its attributes are, and the values of its buffers.
    attributes = [(module, dict(vars(module))) for module in model.modules()]
    buffers = [(b, b.numpy()) for module, own in attributes for b in own.values() if isinstance(b, Buffer)]
    generator = random.get_state()
    try:
        model.eval()
        model.reset_states()  # which may be those of a batch of another size
        for path, module in layers:
            watch(path, module)
        with no_grad():
            model(x)
    finally:
        for module, own in attributes:
            vars(module).clear()
            vars(module).update(own)
        for buffer, value in buffers:
            if not np.array_equal(buffer.numpy(), value, equal_nan=True):
                buffer.data = value
        random.set_state(generator)

    seen = {row.path for row in rows}
    for path, module in layers:
        if path not in seen:
            add_row(path, module, None, 0)
    trainable = sum(p.size for p in parameters if p.requires_grad)
    frozen = sum(p.size for p in parameters if not p.requires_grad)
    return Summary(rows, trainable, frozen, sum(row.multiply_adds for row in rows))


def _own(module: Module) -> list[Parameter]:
    """The parameters that are the module's own, not a part's."""
    return [p for p in vars(module).values() if isinstance(p, Parameter)]


def _shapes(value: Any) -> Any:
    """The shape of a tensor, or a list of those of several."""
    if isinstance(value, Tensor):
        return value.shape
    return [v.shape for v in value if isinstance(v, Tensor)] if isinstance(value, tuple | list) else []


def _first(shapes: Any) -> tuple[int, ...]:
    return shapes if isinstance(shapes, tuple) else shapes[0] if shapes else ()
