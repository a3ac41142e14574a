r"""The same work in plain NumPy, as one would write it by hand: outputs and gradients, in the order of the other sides.

It judges where torch is not installed, and says how much faster than NumPy minidl is.
"""

import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.numpy_lenet import conv, conv_backward, relu_pool, relu_pool_backward


# ---- images ----
def conv2d(x, w, b, dy, padding=0, dilation=1, groups=1):
    """Windows as a matrix, and one product (im2col): y, dx, dw, db. Stride 1."""
    (N, C, H, W), (F, CG, K, _), G, P = x.shape, w.shape, groups, padding
    span = (K - 1) * dilation + 1
    padded = np.pad(x, ((0, 0), (0, 0), (P, P), (P, P)))
    windows = sliding_window_view(padded, (span, span), axis=(2, 3))[..., ::dilation, ::dilation]
    OH, OW = windows.shape[2:4]
    col = windows.reshape(N, G, CG, OH, OW, K, K).transpose(1, 0, 3, 4, 2, 5, 6).reshape(G, N * OH * OW, CG * K * K)
    rows = w.reshape(G, F // G, CG * K * K)
    y = (col @ rows.swapaxes(1, 2)).reshape(G, N, OH, OW, F // G).transpose(1, 0, 4, 2, 3).reshape(N, F, OH, OW)
    y += b[:, None, None]

    dy_rows = dy.reshape(N, G, F // G, OH, OW).transpose(1, 0, 3, 4, 2).reshape(G, N * OH * OW, F // G)
    dw = (dy_rows.swapaxes(1, 2) @ col).reshape(w.shape)
    dcol = (dy_rows @ rows).reshape(G, N, OH, OW, CG, K, K).transpose(1, 0, 4, 5, 6, 2, 3).reshape(N, C, K, K, OH, OW)
    dx = np.zeros_like(padded)
    for i, j in itertools.product(range(K), repeat=2):
        dx[:, :, i * dilation : i * dilation + OH, j * dilation : j * dilation + OW] += dcol[:, :, i, j]
    return [y, dx[:, :, P : P + H, P : P + W], dw, dy.sum(axis=(0, 2, 3))]


def max_pool(x, dy, kernel, stride):
    """y, dx; the first of equal values takes the gradient."""
    windows = sliding_window_view(x, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    OH, OW = windows.shape[2:4]
    windows = windows.reshape(*windows.shape[:4], kernel * kernel)
    best = windows.argmax(axis=4)
    y = np.take_along_axis(windows, best[..., None], axis=4)[..., 0]
    dx = np.zeros_like(x)
    for k in range(kernel * kernel):
        i, j = divmod(k, kernel)
        dx[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += dy * (best == k)
    return [y, dx]


def avg_pool(x, dy, k):
    """y, dx for windows that do not overlap."""
    N, C, H, W = x.shape
    y = x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))
    return [y, (dy / np.float32(k * k)).repeat(k, axis=2).repeat(k, axis=3)]


def batch_norm(x, gamma, beta, dy, eps=1e-5):
    """y, dx, dgamma, dbeta."""
    axes, wide = (0, 2, 3), (slice(None), None, None)
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    inv = 1 / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + np.float32(eps))
    x_hat = centred * inv
    y = gamma[wide] * x_hat + beta[wide]
    dgamma, dbeta = (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)
    n = np.float32(x.size / x.shape[1])
    dx = gamma[wide] * inv * (dy - (dbeta[wide] + x_hat * dgamma[wide]) / n)
    return [y, dx, dgamma, dbeta]


# ---- rows ----
def cross_entropy(x, target):
    """loss, dx: the mean over the rows."""
    shifted = x - x.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = (np.log(total[:, 0]) - shifted[rows, target]).mean()
    p /= total
    p[rows, target] -= 1
    p /= np.float32(len(x))
    return [loss, p]


def dropout(x, dy, rng, p=0.5):
    mask = (rng.random(x.shape, dtype=np.float32) >= p) * np.float32(1 / (1 - p))
    return [x * mask, dy * mask]


def embedding(ids, w, dy):
    dw = np.zeros_like(w)
    np.add.at(dw, ids, dy)
    return [w[ids], dw]


def rbf(x, c, beta, dy):
    """y, dx, dc, dbeta by all differences (N, K, D)."""
    apart = x[:, None] - c
    q = (apart**2).sum(axis=2)
    y = np.exp(-beta * q)
    ds = -y * dy
    dq = 2 * (ds * beta)[:, :, None] * apart
    return [y, dq.sum(axis=1), -dq.sum(axis=0), (ds * q).sum(axis=0)]


class Adam:
    def __init__(self, weights, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.weights, self.lr, self.eps, self.beta1, self.beta2, self.t = weights, lr, eps, beta1, beta2, 0
        self.m, self.v = ([np.zeros_like(w) for w in weights] for _ in range(2))

    def step(self, gradients):
        self.t += 1
        rate = self.lr / (1 - self.beta1**self.t)
        c2 = (1 - self.beta2**self.t) ** 0.5
        for w, g, m, v in zip(self.weights, gradients, self.m, self.v, strict=True):
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2
            v += (1 - self.beta2) * g * g
            w -= rate * m / (np.sqrt(v) / c2 + self.eps)


# ---- sequences ----
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(x, w, u, b_ih, b_hh, dy):
    """y, dx, dw, du, db_ih, db_hh; gates i, f, g, o."""
    (N, T, D), H = x.shape, u.shape[1]
    a = x @ w.T + (b_ih + b_hh)
    h, c = np.zeros((T + 1, N, H), x.dtype), np.zeros((T + 1, N, H), x.dtype)
    gates, q = np.empty((T, N, 4 * H), x.dtype), np.empty((T, N, H), x.dtype)
    for t in range(T):
        gates[t] = a[:, t] + h[t] @ u.T
        gates[t, :, : 2 * H] = sigmoid(gates[t, :, : 2 * H])
        gates[t, :, 2 * H : 3 * H] = np.tanh(gates[t, :, 2 * H : 3 * H])
        gates[t, :, 3 * H :] = sigmoid(gates[t, :, 3 * H :])
        i, f, g, o = np.split(gates[t], 4, axis=1)
        c[t + 1] = f * c[t] + i * g
        q[t] = np.tanh(c[t + 1])
        h[t + 1] = o * q[t]
    da, dh, dc = np.empty_like(gates), np.zeros((N, H), x.dtype), np.zeros((N, H), x.dtype)
    for t in reversed(range(T)):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        dh = dh + dy[:, t]
        dc = dc + dh * o * (1 - q[t] ** 2)
        parts = dc * g * i * (1 - i), dc * c[t] * f * (1 - f), dc * i * (1 - g**2), dh * q[t] * o * (1 - o)
        da[t] = np.concatenate(parts, axis=1)
        dc, dh = dc * f, da[t] @ u
    flat = da.reshape(T * N, 4 * H)
    db = flat.sum(axis=0)
    dw, du = flat.T @ x.swapaxes(0, 1).reshape(T * N, D), flat.T @ h[:T].reshape(T * N, H)
    return [h[1:].swapaxes(0, 1), (da @ w).swapaxes(0, 1), dw, du, db, db]


def gru(x, w, u, b_ih, b_hh, dy):
    """y, dx, dw, du, db_ih, db_hh; gates r, z, n, and r acts after the product with u."""
    (N, T, D), H = x.shape, u.shape[1]
    a = x @ w.T + b_ih
    h = np.zeros((T + 1, N, H), x.dtype)
    kept = []
    for t in range(T):
        p = h[t] @ u.T + b_hh
        rz = sigmoid(a[:, t, : 2 * H] + p[:, : 2 * H])
        r, z, q = rz[:, :H], rz[:, H:], p[:, 2 * H :]
        n = np.tanh(a[:, t, 2 * H :] + r * q)
        h[t + 1] = n + z * (h[t] - n)
        kept.append((r, z, n, q))
    da, dp, dh = np.empty((T, N, 3 * H), x.dtype), np.empty((T, N, 3 * H), x.dtype), np.zeros((N, H), x.dtype)
    for t in reversed(range(T)):
        r, z, n, q = kept[t]
        dh = dh + dy[:, t]
        dn = dh * (1 - z) * (1 - n**2)
        gates = dn * q * r * (1 - r), dh * (h[t] - n) * z * (1 - z)
        da[t], dp[t] = np.concatenate((*gates, dn), axis=1), np.concatenate((*gates, dn * r), axis=1)
        dh = dh * z + dp[t] @ u
    flat, flat_p = da.reshape(T * N, 3 * H), dp.reshape(T * N, 3 * H)
    dw, du = flat.T @ x.swapaxes(0, 1).reshape(T * N, D), flat_p.T @ h[:T].reshape(T * N, H)
    return [h[1:].swapaxes(0, 1), (da @ w).swapaxes(0, 1), dw, du, flat.sum(axis=0), flat_p.sum(axis=0)]


# ---- training steps: loss, then the gradients of the weights, and the step is taken ----
def xor_step(x, target, weights, lr):
    w1, b1, w2, b2 = weights
    h = np.tanh(x @ w1.T + b1)
    y = sigmoid(h @ w2.T + b2)
    apart = y - target
    loss = (apart**2).mean()
    da2 = 2 * apart / np.float32(apart.size) * y * (1 - y)
    da1 = da2 @ w2 * (1 - h**2)
    gradients = [da1.T @ x, da1.sum(axis=0), da2.T @ h, da2.sum(axis=0)]
    for w, g in zip(weights, gradients, strict=True):
        w -= lr * g
    return [loss, *gradients]


def mlp_step(x, target, weights, adam):
    w1, b1, w2, b2 = weights
    h = np.maximum(x @ w1.T + b1, 0)
    loss, dy = cross_entropy(h @ w2.T + b2, target)
    da = dy @ w2 * (h > 0)
    gradients = [da.T @ x, da.sum(axis=0), dy.T @ h, dy.sum(axis=0)]
    adam.step(gradients)
    return [loss, *gradients]


def lenet_step(x, target, weights, adam):
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = weights
    h1, conv1 = conv(x, w1, b1, 2)
    p1, pool1 = relu_pool(h1)
    h2, conv2 = conv(p1, w2, b2, 0)
    p2, pool2 = relu_pool(h2)
    flat = p2.reshape(len(x), -1)
    h3 = np.maximum(flat @ w3.T + b3, 0)
    h4 = np.maximum(h3 @ w4.T + b4, 0)
    loss, dy = cross_entropy(h4 @ w5.T + b5, target)
    da4 = dy @ w5 * (h4 > 0)
    da3 = da4 @ w4 * (h3 > 0)
    dh2 = relu_pool_backward((da3 @ w3).reshape(p2.shape), pool2)
    dp1, dw2, db2 = conv_backward(dh2, conv2, w2, 0, p1.shape)
    _, dw1, db1 = conv_backward(relu_pool_backward(dp1, pool1), conv1, w1, 2, None)
    gradients = [dw1, db1, dw2, db2, da3.T @ flat, da3.sum(axis=0), da4.T @ h3, da4.sum(axis=0)]
    gradients += [dy.T @ h4, dy.sum(axis=0)]
    adam.step(gradients)
    return [loss, *gradients]
