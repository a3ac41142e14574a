r"""`python -m tests.benchmarks steps`: whole training steps (zero_grad, forward, loss, backward, optimiser).

XOR    2-3-1, tanh and sigmoid, squared error, the four rows as a batch, SGD
MLP    784-256-10, ReLU, cross-entropy, batch 64, Adam
LeNet  LeNet-5 (two convolutions, two poolings, three linear layers), ReLU, cross-entropy, batch 64, Adam

A pass returns the loss and the gradients, and leaves the weights changed: the losses of the next steps are compared
too.
"""

import numpy as np

import minidl
import minidl.functional as F
from minidl import Tensor, nn, optim
from tests.benchmarks import peers, plain
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row


def training(make, x, target, loss, optimizer):
    """Sides "minidl" and "torch" and torch's variants; loss: a name in functional, optimizer: a name in optim."""

    def ours():
        minidl.manual_seed(0)
        return step(make(nn), Tensor(x), Tensor(target), getattr(F, loss), getattr(optim, optimizer[0]), optimizer[1])

    def theirs(channels_last=False, **options):
        torch = peers.torch()
        model, images = make(torch.nn), torch.tensor(x)
        model.load_state_dict({name: torch.tensor(w) for name, w in peers.state(make).items()})
        if channels_last:
            model, images = (a.to(memory_format=torch.channels_last) for a in (model, images))
        kind, options = getattr(torch.optim, optimizer[0]), optimizer[1] | options
        return step(model, images, torch.tensor(target), getattr(torch.nn.functional, loss), kind, options)

    sides = {"minidl": ours, "torch": theirs, "torch fused": lambda: theirs(fused=True)}
    if x.ndim == 4:
        sides["torch fused, channels_last"] = lambda: theirs(channels_last=True, fused=True)
    return sides


def step(model, x, target, loss_of, kind, options):
    parameters = list(model.parameters())
    optimizer = kind(parameters, **options)

    def once():
        optimizer.zero_grad()
        loss = loss_of(model(x), target)
        loss.backward()
        optimizer.step()
        return [loss, *(p.grad for p in parameters)]

    return once


def copies(make):
    return [w.copy() for w in peers.state(make).values()]


# ---- XOR ----
def xor(H):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    target, lr = np.array([[0], [1], [1], [0]], "float32"), 0.5

    def make(nn):
        return nn.Sequential(nn.Linear(2, H), nn.Tanh(), nn.Linear(H, 1), nn.Sigmoid())

    def lean():  # no modules, no optimiser
        torch = peers.torch()
        weights = w1, b1, w2, b2 = [torch.tensor(w, requires_grad=True) for w in copies(make)]
        rows, wanted = torch.tensor(x), torch.tensor(target)

        def once():
            y = torch.sigmoid(torch.addmm(b2, torch.tanh(torch.addmm(b1, rows, w1.T)), w2.T))
            loss = ((y - wanted) ** 2).mean()
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for w, g in zip(weights, gradients, strict=True):
                    w.sub_(g, alpha=lr)
            return [loss, *gradients]

        return once

    def numpy():
        weights = copies(make)
        return lambda: plain.xor_step(x, target, weights, lr)

    def mygrad():
        mg = peers.mygrad()
        leaves = w1, b1, w2, b2 = [mg.tensor(w) for w in copies(make)]

        def once():
            y = mg.nnet.sigmoid(mg.tanh(x @ w1.T + b1) @ w2.T + b2)
            loss = ((y - target) ** 2).mean()
            loss.backward()
            gradients = [leaf.grad for leaf in leaves]
            for leaf, g in zip(leaves, gradients, strict=True):
                leaf.data -= lr * g
            return [loss, *gradients]

        return once

    sides = training(make, x, target, "mse_loss", ("SGD", {"lr": lr}))
    return sides | {"torch lean": lean, "numpy": numpy, "mygrad": mygrad}


# ---- MLP and LeNet ----
def classified(make, x, forward, plain_step):
    """Sides for a classifier with Adam. forward(mygrad, x, *weights) makes mygrad's logits."""
    target = np.random.default_rng(0).integers(0, 10, len(x))

    def numpy():
        weights = copies(make)
        adam = plain.Adam(weights)
        return lambda: plain_step(x, target, weights, adam)

    def mygrad():
        mg = peers.mygrad()
        leaves = [mg.tensor(w) for w in copies(make)]
        adam = plain.Adam([leaf.data for leaf in leaves])  # mygrad has no optimisers

        def once():
            loss = mg.nnet.softmax_crossentropy(forward(mg, x, *leaves), target)
            loss.backward()
            gradients = [leaf.grad for leaf in leaves]
            adam.step(gradients)
            return [loss, *gradients]

        return once

    sides = training(make, x, target, "cross_entropy", ("Adam", {"lr": 1e-3}))
    return sides | {"numpy": numpy, "mygrad": mygrad}


def mlp(N, D, H):
    def make(nn):
        return nn.Sequential(nn.Linear(D, H), nn.ReLU(), nn.Linear(H, 10))

    def forward(mg, x, w1, b1, w2, b2):
        return mg.nnet.relu(x @ w1.T + b1) @ w2.T + b2

    return classified(make, normal(N, D), forward, plain.mlp_step)


def lenet5(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),  # 28 x 28
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),  # 14 x 14 -> 10 x 10
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def lenet(N):
    def forward(mg, x, w1, b1, w2, b2, w3, b3, w4, b4, w5, b5):
        relu, conv, pool = mg.nnet.relu, mg.nnet.conv_nd, mg.nnet.max_pool
        h = pool(relu(conv(x, w1, stride=1, padding=2) + b1.reshape(1, 6, 1, 1)), (2, 2), 2)
        h = pool(relu(conv(h, w2, stride=1) + b2.reshape(1, 16, 1, 1)), (2, 2), 2).reshape(len(x), 400)
        return relu(relu(h @ w3.T + b3) @ w4.T + b4) @ w5.T + b5

    return classified(lenet5, normal(N, 1, 28, 28), forward, plain.lenet_step)


ROWS = [
    Row("XOR 2-3-1, SGD", xor, {"H": 3}, {"H": 3}, kind="small", goal=0.10),
    Row(
        "MLP 784-256-10 N64, Adam", mlp, {"N": 64, "D": 784, "H": 256}, {"N": 3, "D": 5, "H": 4}, goal=0.50, bound=1e-4
    ),
    Row("LeNet-5 N64, Adam", lenet, {"N": 64}, {"N": 2}, goal=0.55, bound=1e-4),
]
