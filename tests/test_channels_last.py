"""Images whose channels are last in memory: every layer and operation takes them for what they are, (N, C, H, W)."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, backend, nn, plot
from minidl.tensor import _wrap
from minidl.testing.layouts import LAYOUTS
from minidl.testing.registry import PLACES, cases
from minidl.testing.subject import Subject, close, distance, is_float

last = LAYOUTS["channels last"]


def images(*shape, dtype="float32"):
    return backend.array(np.random.default_rng(len(shape)).normal(size=shape).astype(dtype))


def takes_images(case):
    return any(np.ndim(x) == 4 and is_float(np.asarray(x)) for x in case.build()[1])


CASES = [case for layer in PLACES for case in cases(layer) if takes_images(case)]
# their sums over pixels run in the order of memory, or their matrix products are of other matrices
ROUNDED = {
    "AdaptiveAvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "GlobalAvgPool2d",
    "GroupNorm",
    "PReLU",
    "Upsample",
}
ROUNDING = {"float32": 1e-5, "float64": 1e-13}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer_gives_the_same_numbers(case, dtype):
    subject = Subject(lambda k: case.build(), 1e-6)
    rounding = ROUNDING[dtype] if case.layer.__name__ in ROUNDED else 0.0
    distance(subject.run(dtype, arrange=last), subject.run(dtype), rounding)


# ---- with as many channels as have loops of their own, and as a part of a network ----
LAYERS = {
    "max": (nn.MaxPool2d(3, 2, 1), True),
    "average": (nn.AvgPool2d(2), True),
    "sum": (nn.SumPool2d((2, 3), 1), True),
    "global max": (nn.GlobalMaxPool2d(keepdims=True), False),
    "global average": (nn.GlobalAvgPool2d(keepdims=True), False),
    "adaptive average": (nn.AdaptiveAvgPool2d(3), True),
    "adaptive average, 1": (nn.AdaptiveAvgPool2d(1), False),
    "nearest": (nn.Upsample(scale_factor=2), True),
    "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), True),
    "constant": (lambda x: minidl.pad(x, (1, 2, 0, 1), value=3), True),
    "reflect": (lambda x: minidl.pad(x, (1, 2, 0, 1), "reflect"), True),
    "ReLU": (nn.ReLU(), True),
    "Dropout": (nn.Dropout(0.0), True),
}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("name", LAYERS)
def test_many_channels(name, dtype):
    layer, keeps = LAYERS[name]
    x = images(2, 20, 6, 8, dtype=dtype)
    results = []
    for arrange in (lambda a: a, last):
        leaf = _wrap(arrange(x)).requires_grad_()
        y = layer(leaf)
        dy = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
        y.backward(arrange(backend.to_backend(dy, y.backend)))
        results.append((y, leaf.grad))
    (y, dx), (y_last, dx_last) = results
    close("y", y_last.numpy(), y.numpy(), ROUNDING[dtype])
    close("dx", backend.to_numpy(dx_last), backend.to_numpy(dx), ROUNDING[dtype])
    assert y_last.dtype == dtype and dx_last.dtype == dtype
    if y.backend == "numpy" and not backend.REFERENCE:
        assert not keeps or backend.channels_last(y_last._data), "the result lies in another order"
        assert backend.channels_last(dx_last), "the gradient lies in another order"


# ---- operations ----
N, C, H, W = 2, 3, 4, 5
OPERATIONS = {
    "reshape": lambda x: x.reshape(N, C * H, W),
    "flatten": lambda x: x.flatten(1),
    "Flatten": nn.Flatten(),
    "permute": lambda x: x.permute(3, 1, 0, 2),
    "transpose": lambda x: x.transpose(1, 3),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(2),
    "expand": lambda x: x[:1].expand(4, -1, -1, -1),
    "flip": lambda x: x.flip((1, 3)),
    "cat": lambda x: minidl.cat([x, x * 2], axis=1),
    "stack": lambda x: minidl.stack([x, x * 2], axis=2),
    "split": lambda x: minidl.split(x, [1, 2], axis=1)[1],
    "chunk": lambda x: minidl.chunk(x, 2, axis=3)[0],
    "a slice": lambda x: x[:, 1:, ::2, 1:-1],
    "a number": lambda x: x[0, 1],
    "a channel": lambda x: x[:, 1],
    "an array": lambda x: x[[0, 1, 1], [2, 0, 0]],
    "a mask": lambda x: x[x > 0],
    "gather": lambda x: minidl.gather(x, 1, np.array([[[[2, 0, 1, 1, 0]]]])),
    "index_select": lambda x: minidl.index_select(x, 2, [3, 0, 3]),
    "sum": lambda x: x.sum(axis=(0, 2, 3)),
    "mean": lambda x: x.mean(axis=1),
    "max": lambda x: x.max(axis=(1, 2)),
    "min of all": lambda x: x.min(),
    "cumsum": lambda x: x.cumsum(axis=1),
    "norm": lambda x: minidl.norm(x, axis=1),
    "arithmetic": lambda x: (x * 2 - 1) / (x * x + 1) + x[:, :1],
    "with another layout": lambda x: x * Tensor(np.arange(120.0).reshape(N, C, H, W).astype(x.dtype)),
    "where": lambda x: minidl.where(x > 0, x, x * 0.1),
    "clip": lambda x: x.clip(-0.5, 0.5),
    "matmul": lambda x: x @ x.transpose(2, 3),
    "einsum": lambda x: minidl.einsum("nchw,nchw->nhc", x, x),
    "circular": lambda x: minidl.pad(x, (2, 1), "circular"),
    "replicate": lambda x: minidl.pad(x, (0, 1, 2, 0, 1, 1, 0, 2), "replicate"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name):
    x = images(N, C, H, W, dtype="float64")
    results = []
    for arrange in (lambda a: a, last):
        leaf = _wrap(arrange(x)).requires_grad_()
        y = OPERATIONS[name](leaf)
        weights = np.random.default_rng(1).normal(size=y.shape)
        (y * Tensor(weights)).sum().backward()
        results.append((y.numpy(), backend.to_numpy(leaf.grad)))
    for ours, plain in zip(results[1], results[0], strict=True):
        close(name, ours, plain, 1e-13)


def test_writing_in_place():
    x = images(N, C, H, W)
    plain, ours = _wrap(x.copy()), _wrap(last(x))
    for t in (plain, ours):
        t[:, 1] = 7
        t += 1
        t *= Tensor(np.arange(W, dtype="float32"))
        t[t > 20] = 0
    assert np.array_equal(ours.numpy(), plain.numpy())


# ---- what leaves minidl ----
def test_numbers_that_leave():
    x = images(N, C, H, W)
    plain, ours = _wrap(x), _wrap(last(x))
    assert repr(ours) == repr(plain)
    assert np.array_equal(ours.numpy(), plain.numpy()) and ours.numpy().tobytes() == plain.numpy().tobytes()
    copy = Tensor(ours)
    assert copy._data.flags.c_contiguous and np.array_equal(copy.numpy(), plain.numpy())
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(ours, plain, strict=True))


def test_files(tmp_path):
    x = images(N, C, H, W)
    for name, array in (("plain", x), ("ours", last(x)), ("tensor", _wrap(last(x)))):
        minidl.save({"x": array}, tmp_path / name)
        assert np.array_equal(minidl.load(tmp_path / name)["x"], backend.to_numpy(x))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "plain").read_bytes() == (tmp_path / "tensor").read_bytes()


def test_weights_of_a_model(tmp_path):
    w = images(4, 3, 2, 2)
    models = [nn.Conv2d(3, 4, 2, bias=False) for _ in range(2)]
    for model, array in zip(models, (w, last(w)), strict=True):
        model.load_state_dict({"weight": array})
    x = Tensor(images(2, 3, 5, 5))
    assert np.array_equal(models[0](x).numpy(), models[1](x).numpy())
    minidl.save(models[1].state_dict(), tmp_path / "model")
    assert np.array_equal(minidl.load(tmp_path / "model")["weight"], backend.to_numpy(w))


@pytest.mark.parametrize(
    "draw, shape",
    [(plot.plot_images, (2, 3, 4, 5)), (plot.plot_feature_maps, (1, 3, 4, 5)), (plot.plot_filters, (2, 3, 4, 5))],
)
def test_pictures(draw, shape):
    x = abs(images(*shape))
    x = x / x.max()
    plain, ours = (draw(_wrap(array)).images[0].get_array() for array in (x, last(x)))
    assert np.array_equal(np.ma.filled(ours, -1), np.ma.filled(plain, -1))
