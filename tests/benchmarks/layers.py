r"""`python -m tests.benchmarks layers`: pooling, batch norm, loss, dropout, Adam, embedding; forward and backward.

(The step of Adam has no backward: its gradients lie there.)
"""

import numpy as np

import minidl.functional as F
from minidl import Tensor, optim
from tests.benchmarks import peers, plain
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row

IMAGES = {"N": 64, "C": 64, "pixels": 32}
TINY = {"N": 2, "C": 3, "pixels": 6}


def max_pool(N, C, pixels, kernel, stride):
    out = (pixels - kernel) // stride + 1
    x, dy = normal(N, C, pixels, pixels), normal(N, C, out, out)
    sides = peers.layer(lambda nn: nn.MaxPool2d(kernel, stride), x, dy, images=True)
    sides["numpy"] = lambda: lambda: plain.max_pool(x, dy, kernel, stride)
    if (pixels - kernel) % stride == 0:  # mygrad wants windows that cover all
        sides["mygrad"] = lambda: peers.mygrad_pass(lambda mg, x: mg.nnet.max_pool(x, (kernel,) * 2, stride), [x], dy)
    return sides


def avg_pool(N, C, pixels, kernel):
    x, dy = normal(N, C, pixels, pixels), normal(N, C, pixels // kernel, pixels // kernel)
    sides = peers.layer(lambda nn: nn.AvgPool2d(kernel), x, dy, images=True)
    return sides | {"numpy": lambda: lambda: plain.avg_pool(x, dy, kernel)}


def batch_norm(N, C, pixels):
    x, dy = normal(N, C, pixels, pixels), normal(N, C, pixels, pixels, seed=1)
    gamma, beta = np.ones(C, "float32"), np.zeros(C, "float32")

    def mygrad(mg, x, gamma, beta):
        return mg.nnet.batchnorm(x, gamma=gamma, beta=beta, eps=1e-5)

    sides = peers.layer(lambda nn: nn.BatchNorm2d(C), x, dy, images=True)
    sides["numpy"] = lambda: lambda: plain.batch_norm(x, gamma, beta, dy)
    sides["mygrad"] = lambda: peers.mygrad_pass(mygrad, (x, gamma, beta), dy)
    return sides


def cross_entropy(N, K):
    x, target = normal(N, K), np.random.default_rng(0).integers(0, K, N)
    ours, theirs = Tensor(target), []

    def torch(torch, x):
        if not theirs:
            theirs.append(torch.tensor(target))
        return torch.nn.functional.cross_entropy(x, theirs[0])

    sides = peers.function(lambda x: F.cross_entropy(x, ours), torch, [x])
    sides["numpy"] = lambda: lambda: plain.cross_entropy(x, target)
    sides["mygrad"] = lambda: peers.mygrad_pass(lambda mg, x: mg.nnet.softmax_crossentropy(x, target), [x])
    return sides


def dropout(N, D):
    x, dy = normal(N, D), normal(N, D, seed=1)
    rng = np.random.default_rng(0)
    sides = peers.layer(lambda nn: nn.Dropout(0.5), x, dy)
    return sides | {"numpy": lambda: lambda: plain.dropout(x, dy, rng)}


def dropped(results, name):
    """Every side draws its own mask: half of the values are kept and doubled, and dx has the mask of y."""
    y, dx = results
    x, dy = normal(*y.shape), normal(*y.shape, seed=1)
    kept = y != 0
    assert abs(kept.mean() - 0.5) <= 5 * 0.5 / np.sqrt(y.size), f"dropout: {name} keeps {kept.mean():.4f}"
    assert (y == np.where(kept, 2 * x, 0)).all() and (dx == np.where(kept, 2 * dy, 0)).all(), f"dropout: {name}"


def adam(shapes):
    weights = [np.zeros(shape, "float32") for shape in shapes]  # so that a result is the steps alone
    gradients = [normal(*shape, seed=1) for shape in shapes]

    def ours():
        tensors = [Tensor(w, requires_grad=True) for w in weights]
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = gradient
        optimizer = optim.Adam(tensors)
        return lambda: optimizer.step() or tensors

    def theirs(**options):
        torch = peers.torch()
        tensors = [torch.tensor(w, requires_grad=True) for w in weights]
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = torch.tensor(gradient)
        optimizer = torch.optim.Adam(tensors, **options)
        return lambda: optimizer.step() or tensors

    def numpy():
        copies = [w.copy() for w in weights]
        optimizer = plain.Adam(copies)
        return lambda: optimizer.step(gradients) or copies

    return {
        "minidl": ours,
        "torch": theirs,
        "torch fused": lambda: theirs(fused=True),
        "torch foreach": lambda: theirs(foreach=True),
        "numpy": numpy,
    }


def embedding(V, D, N):
    ids, dy = np.random.default_rng(0).integers(0, V, N), normal(N, D)

    def make(nn, **options):
        return nn.Embedding(V, D, **options)

    w = peers.state(make)["weight"]
    sides = peers.layer(make, ids, dy)
    sides["torch sparse"] = lambda: peers.torch_pass(
        lambda nn: make(nn, **({"sparse": True} if nn.__name__ == "torch.nn" else {})), ids, dy
    )
    return sides | {"numpy": lambda: lambda: plain.embedding(ids, w, dy)}


MLP = [(256, 784), (256,), (10, 256), (10,)]

ROWS = [
    Row("max pool 2x2", max_pool, IMAGES | {"kernel": 2, "stride": 2}, TINY | {"kernel": 2, "stride": 2}, goal=0.35),
    Row("max pool 3x3 stride 2", max_pool, IMAGES | {"kernel": 3, "stride": 2}, TINY | {"kernel": 3, "stride": 2}),
    Row("avg pool 2x2", avg_pool, IMAGES | {"kernel": 2}, TINY | {"kernel": 2}),
    Row("batch norm", batch_norm, IMAGES, TINY, goal=0.50),
    Row("softmax-CE 64x10", cross_entropy, {"N": 64, "K": 10}, {"N": 3, "K": 4}, kind="small"),
    Row("softmax-CE 1024x1000", cross_entropy, {"N": 1024, "K": 1000}, {"N": 3, "K": 4}),
    Row("dropout 1M", dropout, {"N": 1024, "D": 1024}, {"N": 20, "D": 10}, goal=0.10, check=dropped),
    Row("Adam 204k", adam, {"shapes": MLP}, {"shapes": [(2, 3), (2,)]}, goal=0.25),
    Row("Adam 4.2M", adam, {"shapes": [(2048, 2048)]}, {"shapes": [(3, 3)]}),
    Row("embedding 20000x64, 3200 ids", embedding, {"V": 20000, "D": 64, "N": 3200}, {"V": 5, "D": 3, "N": 7}),
]
