r"""The usual sides of a row: a training pass of a layer, in minidl, torch and mygrad, on the same numbers.

torch and mygrad are imported where they are asked for, so that everything here works without them.
"""

import functools

import numpy as np

import minidl
from minidl import Tensor, nn


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


@functools.cache
def torch():
    import torch  # noqa: PLC0415

    torch.set_num_threads(minidl.get_num_threads())
    return torch


@functools.cache
def mygrad():
    import mygrad  # noqa: PLC0415
    import mygrad.nnet  # noqa: PLC0415

    mygrad.turn_memory_guarding_off()  # as its documentation advises where time matters
    return mygrad


def channels_last(array: np.ndarray) -> Tensor:
    """An image (N, C, H, W) whose memory has the order N, H, W, C, as convolutions hand it on."""
    return Tensor(array.transpose(0, 2, 3, 1)).permute(0, 3, 1, 2).detach()


def state(make) -> dict[str, np.ndarray]:
    """The weights that all sides begin with: those of minidl's module, seed 0."""
    minidl.manual_seed(0)
    return make(nn).state_dict()


def layer(make, x, dy, images=False) -> dict:
    """Sides for a layer: make(nn) makes it, with minidl's nn or torch's. images: both memory orders.

    Results: y, dx (for real x), and the gradients of the parameters."""
    sides = {
        "minidl": lambda: minidl_pass(make, Tensor(x), Tensor(dy)),
        "torch": lambda: torch_pass(make, x, dy),
    }
    if images:
        sides["minidl channels_last"] = lambda: minidl_pass(make, channels_last(x), channels_last(dy))
        sides["torch channels_last"] = lambda: torch_pass(make, x, dy, channels_last=True)
    return sides


def minidl_pass(make, x: Tensor, dy: Tensor):
    minidl.manual_seed(0)
    module = make(nn)
    x.requires_grad_(x.dtype.kind == "f")
    leaves = [x, *module.parameters()][0 if x.requires_grad else 1 :]

    def once():
        for leaf in leaves:
            leaf.grad = None
        y = module(x)
        y.backward(dy)
        return [y, *(leaf.grad for leaf in leaves)]

    return once


def torch_pass(make, x, dy, channels_last=False):
    torch_ = torch()
    module = make(torch_.nn)
    weights = {name: torch_.tensor(weight) for name, weight in state(make).items()}
    module.load_state_dict(weights)
    x, dy = torch_.tensor(x), torch_.tensor(dy)
    if channels_last:
        x, dy, module = (a.to(memory_format=torch_.channels_last) for a in (x, dy, module))
    x.requires_grad_(x.is_floating_point())
    leaves = [x, *module.parameters()][0 if x.requires_grad else 1 :]

    def once():
        for leaf in leaves:
            leaf.grad = None
        y = module(x)
        y = y[0] if isinstance(y, tuple) else y  # a recurrent layer also returns its state
        y.backward(dy)
        return [y, *(leaf.grad for leaf in leaves)]

    return once


def function(ours, theirs, arrays, dy=None) -> dict:
    """Sides "minidl" and "torch" for functions of float arrays: ours(*tensors), theirs(torch, *tensors)."""
    return {
        "minidl": lambda: function_pass(ours, [Tensor(a) for a in arrays], None if dy is None else Tensor(dy)),
        "torch": lambda: torch_function(theirs, arrays, dy),
    }


def torch_function(theirs, arrays, dy=None):
    torch_ = torch()
    dy = None if dy is None else torch_.tensor(dy)
    return function_pass(functools.partial(theirs, torch_), [torch_.tensor(a) for a in arrays], dy)


def function_pass(f, leaves, dy):
    """Works on tensors of minidl and of torch. Results: y, then the gradients of all arrays."""
    for leaf in leaves:
        leaf.requires_grad_()

    def once():
        for leaf in leaves:
            leaf.grad = None
        y = f(*leaves)
        y.backward(dy)
        return [y, *(leaf.grad for leaf in leaves)]

    return once


def mygrad_pass(f, arrays, dy=None):
    """f(mygrad, *tensors). Results: y, then the gradients of all arrays. (mygrad forgets gradients by itself.)"""
    mg = mygrad()
    leaves = [mg.tensor(a) for a in arrays]

    def once():
        y = f(mg, *leaves)
        y.backward(dy)
        return [y, *(leaf.grad for leaf in leaves)]

    return once
