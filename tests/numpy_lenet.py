r"""A small LeNet in plain NumPy: the usual im2col version, forward, backward and SGD by hand, without a framework.

It is what minidl is measured against: a training step of the same network must give the same numbers, and never be
slower (`python -m tests.numpy_lenet` prints the ratio). Windows come from `sliding_window_view`, pooling is a maximum
over a 6-d reshape.

    conv K x K -> ReLU -> max pool 2 -> conv K x K -> ReLU -> max pool 2 -> linear -> softmax cross entropy
"""

import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidl import Tensor, functional, nn, optim


class NumpyLeNet:
    """The network, from the weights of a `minidl_lenet`; step(x, y) trains it and returns the loss."""

    def __init__(self, state, padding, lr):
        self.w1, self.b1, self.w2, self.b2, self.w3, self.b3 = self.weights = [a.copy() for a in state.values()]
        self.padding, self.lr = padding, lr

    def step(self, x, y):
        h1, conv1 = conv(x, self.w1, self.b1, self.padding)
        p1, pool1 = relu_pool(h1)
        h2, conv2 = conv(p1, self.w2, self.b2, self.padding)
        p2, pool2 = relu_pool(h2)
        flat = p2.reshape(len(x), -1)
        logits = flat @ self.w3.T + self.b3

        shifted = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        rows = np.arange(len(x))
        loss = (np.log(total[:, 0]) - shifted[rows, y]).mean()

        p /= total
        p[rows, y] -= 1
        p /= len(x)
        dw3, db3 = p.T @ flat, p.sum(axis=0)
        dh2 = relu_pool_backward((p @ self.w3).reshape(p2.shape), pool2)
        dp1, dw2, db2 = conv_backward(dh2, conv2, self.w2, self.padding, p1.shape)
        dh1 = relu_pool_backward(dp1, pool1)
        _, dw1, db1 = conv_backward(dh1, conv1, self.w1, self.padding, None)
        for w, dw in zip(self.weights, (dw1, db1, dw2, db2, dw3, db3), strict=True):
            w -= self.lr * dw
        return loss


def conv(x, w, b, padding):
    F, C, K, _ = w.shape
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(x, (K, K), axis=(2, 3))  # (N, C, OH, OW, K, K)
    N, _, OH, OW = windows.shape[:4]
    col = windows.transpose(0, 2, 3, 1, 4, 5).reshape(N * OH * OW, C * K * K)
    y = col @ w.reshape(F, -1).T + b
    return y.reshape(N, OH, OW, F).transpose(0, 3, 1, 2), col


def conv_backward(dy, col, w, padding, x_shape):
    F, C, K, _ = w.shape
    N, _, OH, OW = dy.shape
    dy = dy.transpose(0, 2, 3, 1).reshape(-1, F)
    dw, db = (dy.T @ col).reshape(w.shape), dy.sum(axis=0)
    if x_shape is None:  # nobody asks for the gradient of the images
        return None, dw, db
    dcol = (dy @ w.reshape(F, -1)).reshape(N, OH, OW, C, K, K).transpose(0, 3, 4, 5, 1, 2)
    _, _, H, W = x_shape
    dx = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dy.dtype)
    for kh in range(K):
        for kw in range(K):
            dx[:, :, kh : kh + OH, kw : kw + OW] += dcol[:, :, kh, kw]
    return dx[:, :, padding : padding + H, padding : padding + W], dw, db


def relu_pool(x):
    N, C, H, W = x.shape
    x = np.maximum(x, 0)
    blocks = x.reshape(N, C, H // 2, 2, W // 2, 2)
    y = blocks.max(axis=(3, 5))
    return y, (blocks, y)


def relu_pool_backward(dy, saved):
    """(Where the largest value is the 0 of a ReLU there are several winners, but the ReLU's slope of 0 stops dy.)"""
    blocks, y = saved
    N, C, OH, _, OW, _ = blocks.shape
    wins = (blocks == y[:, :, :, None, :, None]) & (blocks > 0)
    return (wins * dy[:, :, :, None, :, None]).reshape(N, C, 2 * OH, 2 * OW)


def minidl_lenet(size, kernel, padding):
    """The same network in minidl, for images of size x size pixels and 10 classes."""
    after = ((size + 2 * padding - kernel + 1) // 2 + 2 * padding - kernel + 1) // 2
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * after * after, 10),
    )


SIZES = {28: (5, 2), 8: (3, 1)}  # pixels -> kernel and padding


def pair(size, lr=0.1, batch=64):
    """Two functions without arguments, a training step of minidl's network and of NumPy's, which return the loss; and
    two that return the weights."""
    kernel, padding = SIZES[size]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 1, size, size)).astype(np.float32)
    y = rng.integers(0, 10, batch)
    model = minidl_lenet(size, kernel, padding)
    plain = NumpyLeNet(model.state_dict(), padding, lr)
    sgd = optim.SGD(model.parameters(), lr=lr)
    images, labels = Tensor(x), Tensor(y)

    def step():
        loss = functional.cross_entropy(model(images), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        return loss.item()

    return step, lambda: plain.step(x, y), lambda: list(model.state_dict().values()), lambda: plain.weights


def cpu_times(steps, rounds=100):
    """Median CPU seconds of each function, called in turn."""
    times = [[] for _ in steps]
    for step in steps:
        step()
    for _ in range(rounds):
        for step, row in zip(steps, times, strict=True):
            start = time.process_time()
            step()
            row.append(time.process_time() - start)
    return [float(np.median(row)) for row in times]


def compare(size, rounds=100):
    """Median CPU seconds of a training step in minidl and in NumPy."""
    return cpu_times(pair(size)[:2], rounds)


if __name__ == "__main__":
    for size in SIZES:
        ours, plain = (1e3 * seconds for seconds in compare(size))
        print(f"{size} x {size}, batch 64: minidl {ours:.2f} ms, NumPy {plain:.2f} ms, ratio {ours / plain:.2f}")
