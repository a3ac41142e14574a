r"""Module: a layer, or a model made of layers. It holds parameters and says how they turn an input into an output.

Whatever a module has as an attribute belongs to it, in the order in which it was set: a `Parameter` is trained, a
`Buffer` is saved but not trained, a `Module` is a part with parameters of its own. Names of parameters are the path to
them, as in "0.weight".

>>> from minidl import nn
>>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
>>> [name for name, _ in model.named_parameters()]
['0.weight', '0.bias', '2.weight', '2.bias']

How to write one (the smallest is `Scale` below, a real one is in linear.py):
1. In `__init__`, set its options, parameters, buffers and parts as attributes. `super().__init__()` need not be called.
2. In `forward`, compute with them. As long as every operation is one of minidl's, backward comes by itself; an
   operation of your own is a `Function` with a forward and a backward (tensor.py).
3. What differs between training and evaluation asks `self.training`; random numbers come from `minidl.generator()`.
4. Check it: `minidl.testing.check_layer(lambda: Scale(), (4, 1))` compares backward with finite differences, and more.
5. If it has options, name them in `extra_repr`; if it multiplies matrices, count that in `multiply_adds`.

Try it:
1. In `Scale` below, write `Tensor([2.0])` for `nn.Parameter([2.0])`: forward gives the same 6.0, but there are no
   parameters, the state_dict is empty, and nothing would train it.
2. Give every module of `model.modules()` the hook `lambda m, x, y: print(type(m).__name__, y.shape)`, with
   `register_forward_hook`, and call the model on five rows: it prints Linear (5, 3), ReLU (5, 3), Linear (5, 2),
   Sequential (5, 2).
3. Call `model[0].requires_grad_(False)`, then backward: the first layer's weight has no gradient, the last one's has,
   and `nn.summary(model, (1, 4))` counts 8 trainable parameters and 15 frozen ones.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl import backend, check
from minidl.nn.state import Mismatch, take_over
from minidl.tensor import Tensor


class Parameter(Tensor):
    r"""A tensor that is trained.

    >>> Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data, requires_grad)


class Buffer(Tensor):
    r"""A tensor that belongs to a module's state and is not trained, such as a running mean.

    >>> from minidl import nn
    >>> list(nn.BatchNorm1d(3, affine=False).state_dict())
    ['running_mean', 'running_var', 'num_batches_tracked']
    """

    __slots__ = ()


class Module:
    r"""The base of every layer. A subclass sets its parameters in `__init__` and computes in `forward`.

    >>> from minidl import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(Tensor([3.0])).item()
    6.0
    """

    training = True
    takes_mask = False  # whether forward has an argument mask, the real time steps (see mask.py)
    _forward_hooks: tuple = ()
    _forward_pre_hooks: tuple = ()

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        for hook in self._forward_pre_hooks:
            changed = hook(self, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*inputs, **options)
        for hook in self._forward_hooks:
            changed = hook(self, inputs, output)
            output = output if changed is None else changed
        return output

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        r"""The mask (N, T) of this layer's output for an input x with this mask; the same one, for most layers."""
        return mask

    # ---- what belongs to it ----
    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        r"""Its direct parts."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        r"""Itself and all parts, parts of parts ..., each with its path; a part that is used twice comes once."""
        seen: set[int] = set()
        waiting = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            children = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
            waiting.extend(reversed(children))

    def modules(self) -> Iterator["Module"]:
        r"""Itself and all its parts."""
        return (module for _, module in self.named_modules())

    def children(self) -> Iterator["Module"]:
        r"""Its direct parts."""
        return (value for value in vars(self).values() if isinstance(value, Module))

    def _named_tensors(self, kind: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Every tensor of this kind under every name that it has: its own first, then those of the parts."""
        for name, value in vars(self).items():
            if isinstance(value, kind):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._named_tensors(kind, f"{prefix}{name}.")

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        r"""Every parameter with its name, in the order of definition; a shared one comes once."""
        seen: set[int] = set()
        for name, parameter in self._named_tensors(Parameter):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> Iterator[Parameter]:
        r"""Every parameter."""
        return (parameter for _, parameter in self.named_parameters())

    # ---- what is done to all of it ----
    def train(self, mode: bool = True) -> "Module":
        r"""Switch to training (dropout drops, batch norm looks at the batch) or, with False, to evaluation."""
        check.option(f"{type(self).__name__}.train", "mode", mode, (True, False))
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        r"""Switch to evaluation: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, flag: bool = True) -> "Module":
        r"""Freeze (False) or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(flag)
        return self

    def reset_states(self) -> None:
        r"""Let every stateful recurrent layer in it start from 0 again."""
        for child in self.children():
            child.reset_states()

    def zero_grad(self) -> None:
        r"""Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, where: str) -> "Module":
        r"""Move all parameters and buffers to "numpy" or "cupy", or turn their floats into "float32" or "float64"."""
        check.option(f"{type(self).__name__}.to", "where", where, (*backend.BACKENDS, "float32", "float64"))
        for _, tensor in self._named_tensors(Tensor):
            tensor.to_(where)
        return self

    def register_forward_hook(self, hook: Callable) -> Callable[[], None]:
        r"""Call `hook(module, inputs, output)` after each forward; what it returns, if anything, is the output.
        Returns a function that takes the hook off again."""
        return self._register("_forward_hooks", hook)

    def register_forward_pre_hook(self, hook: Callable) -> Callable[[], None]:
        r"""Call `hook(module, inputs)` before each forward; what it returns, if anything, is the input.
        Returns a function that takes the hook off again."""
        return self._register("_forward_pre_hooks", hook)

    def _register(self, kind: str, hook: Callable) -> Callable[[], None]:
        if not callable(hook):
            raise check.DTypeError(f"{type(self).__name__}: hook must be a function, got {hook!r}")
        entry = lambda *arguments: hook(*arguments)  # noqa: E731  (its own object, so that it can be found again)
        setattr(self, kind, (*getattr(self, kind), entry))

        def remove() -> None:
            setattr(self, kind, tuple(h for h in getattr(self, kind) if h is not entry))

        return remove

    # ---- weights ----
    def state_dict(self) -> dict[str, np.ndarray]:
        r"""Copies of all parameters and buffers by name, as NumPy arrays; names and layouts are torch's. What is shared
        by two parts is listed under both names."""
        return {name: tensor.numpy() for name, tensor in self._named_tensors(Parameter | Buffer)}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Mismatch:
        r"""Take over all values of `state`, a dict of arrays or tensors, and keep the dtype of this module.

        With strict, a missing or unexpected name is a ValueError; with strict=False both are returned. A shape or dtype
        that does not fit always is a ValueError or TypeError. Everything is checked before the first value is changed.
        """
        own = dict(self._named_tensors(Parameter | Buffer))
        return take_over(f"{type(self).__name__}.load_state_dict", own, state, strict)

    # ---- what it says of itself ----
    def multiply_adds(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        r"""Multiplications (each with an addition) of one forward pass from these shapes; 0 for layers without."""
        return 0

    def parameter_formula(self) -> str:
        r"""How the number of its own parameters comes about, for `summary`; "" where that needs no explanation."""
        return ""

    def extra_repr(self) -> str:
        r"""The options shown between the brackets of its repr."""
        return ""

    def __repr__(self) -> str:
        parts = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not parts:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}({self.extra_repr()}\n  " + "\n  ".join(parts) + "\n)"
