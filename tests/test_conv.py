"""Convolutions: the definition by loops, the ladder for every option, identities between layers, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.nn.conv2d import PADDING_MODES, Conv2dFunction
from minidl.nn.geometry import pads_of, windows_of
from minidl.testing import check_layer, gradcheck

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float64):
    return RNG.normal(size=shape).astype(dtype)


def pixels(x, pads):
    """x (N, C, H, W) with zeros around it."""
    return np.pad(x, ((0, 0), (0, 0), *pads))


def naive_conv2d(x, w, b, stride, pads, dilation, groups):
    x = pixels(x, pads)
    N, _, H, W = x.shape
    F, CG, KH, KW = w.shape
    OH, OW = ((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip((H, W), (KH, KW), stride, dilation, strict=True))
    y = np.zeros((N, F, OH, OW))
    for n, f, oh, ow in np.ndindex(y.shape):
        y[n, f, oh, ow] = 0 if b is None else b[f]
        for c, kh, kw in np.ndindex(CG, KH, KW):
            channel = f // (F // groups) * CG + c
            h, v = oh * stride[0] + kh * dilation[0], ow * stride[1] + kw * dilation[1]
            y[n, f, oh, ow] += w[f, c, kh, kw] * x[n, channel, h, v]
    return y


def naive_conv_transpose2d(x, w, b, stride, padding, output_padding, groups, dilation):
    (N, C, H, W), (_, FG, KH, KW) = x.shape, w.shape
    sizes = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip((H, W), stride, dilation, (KH, KW), strict=True)]
    whole = np.zeros((N, FG * groups, sizes[0] + output_padding[0], sizes[1] + output_padding[1]))
    for n, c, h, v, f, kh, kw in np.ndindex(N, C, H, W, FG, KH, KW):
        place = h * stride[0] + kh * dilation[0], v * stride[1] + kw * dilation[1]
        whole[n, c // (C // groups) * FG + f, *place] += x[n, c, h, v] * w[c, f, kh, kw]
    (PH, PW), (height, width) = padding, whole.shape[2:]
    y = whole[:, :, PH : height - PH, PW : width - PW]
    return y if b is None else y + b[:, None, None]


@st.composite
def convolutions(draw):
    """Arguments of conv2d that fit together, by construction."""
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = draw(pair), draw(pair), draw(pair)
    padding = draw(st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 3), st.integers(0, 3))))
    pads = (0, 0) if isinstance(padding, str) else padding
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [draw(st.integers(max(1, r - 2 * p), max(1, r - 2 * p) + 5)) for r, p in zip(reach, pads, strict=True)]
    G, N = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    C, F = G * draw(st.integers(1, 2)), G * draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x, w = rng.normal(size=(N, C, *size)).astype(dtype), rng.normal(size=(F, C // G, *kernel)).astype(dtype)
    b = rng.normal(size=F).astype(dtype) if draw(st.booleans()) else None
    return x, w, b, stride, padding, dilation, G


def tensors(*arrays):
    return [None if a is None else Tensor(a, requires_grad=True) for a in arrays]


def close(ours, wanted, dtype=np.float64):
    """Equal up to rounding, of one shape, and of the dtype that went in."""
    ours = ours.numpy() if isinstance(ours, Tensor) else ours
    assert ours.dtype == dtype
    assert ours.shape == wanted.shape
    scale = max(1.0, np.abs(wanted).max(initial=0))
    assert np.abs(ours - wanted).max(initial=0) <= (1e-12 if dtype == np.float64 else 1e-5) * scale


# ---- the definition ----
@given(convolutions())
def test_conv2d_is_its_definition(arguments):
    x, w, b, stride, padding, dilation, groups = arguments
    pads = pads_of(padding, x.shape[2:], w.shape[2:], stride, dilation)
    wanted = naive_conv2d(x.astype(np.float64), w, b, stride, pads, dilation, groups)
    close(nn.conv2d(*tensors(x, w, b), stride, padding, dilation, groups), wanted, x.dtype)


@given(convolutions())
def test_conv1d_is_its_definition(arguments):
    x, w, b, (s, _), padding, (d, _), groups = arguments
    x, w = x[..., 0], w[..., 0]
    padding = padding if isinstance(padding, str) else padding[:1]
    ((p, q),) = pads_of(padding, x.shape[2:], w.shape[2:], (s,), (d,))
    wanted = naive_conv2d(x[..., None].astype(np.float64), w[..., None], b, (s, 1), ((p, q), (0, 0)), (d, 1), groups)
    close(nn.conv1d(*tensors(x, w, b), s, padding, d, groups), wanted[..., 0], x.dtype)


@given(convolutions(), st.tuples(st.integers(0, 2), st.integers(0, 2)), st.data())
def test_conv_transpose2d_is_its_definition(arguments, padding, data):
    x, w, b, stride, _, dilation, groups = arguments
    x, w = x[:, :, :4, :4], np.resize(w, (x.shape[1], *w.shape[1:]))
    F = w.shape[1] * groups
    b = None if b is None else np.resize(b, F)
    limits = [max(s, d) - 1 for s, d in zip(stride, dilation, strict=True)]
    extra = tuple(data.draw(st.integers(0, limit)) for limit in limits)
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    padding = tuple(min(p, ((n - 1) * s + d * (k - 1)) // 2) for n, k, s, p, d in axes)  # something is left
    wanted = naive_conv_transpose2d(x.astype(np.float64), w, b, stride, padding, extra, groups, dilation)
    close(nn.conv_transpose2d(*tensors(x, w, b), stride, padding, extra, groups, dilation), wanted, x.dtype)


# ---- the ladder: gradients, dtypes, layouts, empty batches, for every option ----
CONV2D = {
    "plain": (dict(in_channels=2, out_channels=3, kernel_size=3), (2, 2, 5, 4)),
    "one pixel": (dict(in_channels=1, out_channels=1, kernel_size=1), (1, 1, 1, 1)),
    "1x1": (dict(in_channels=3, out_channels=2, kernel_size=1), (2, 3, 3, 2)),
    "1x1 without bias": (dict(in_channels=3, out_channels=2, kernel_size=1, bias=False), (2, 3, 3, 2)),
    "1x1 with stride": (dict(in_channels=2, out_channels=2, kernel_size=1, stride=2), (2, 2, 5, 4)),
    "1x1 with padding": (dict(in_channels=2, out_channels=2, kernel_size=1, padding=1), (2, 2, 3, 2)),
    "stride": (dict(in_channels=2, out_channels=3, kernel_size=(2, 3), stride=(1, 2)), (2, 2, 4, 7)),
    "stride above the kernel": (dict(in_channels=2, out_channels=2, kernel_size=2, stride=(3, 4)), (2, 2, 6, 7)),
    "padding": (dict(in_channels=2, out_channels=2, kernel_size=3, padding=(2, 1)), (2, 2, 3, 4)),
    "padding above the kernel": (dict(in_channels=1, out_channels=2, kernel_size=2, padding=3), (1, 1, 2, 3)),
    "same": (dict(in_channels=2, out_channels=2, kernel_size=(2, 3), padding="same"), (2, 2, 4, 5)),
    "same with stride": (
        dict(in_channels=2, out_channels=2, kernel_size=(4, 2), stride=2, padding="same"),
        (1, 2, 5, 6),
    ),
    "valid": (dict(in_channels=2, out_channels=2, kernel_size=2, padding="valid"), (1, 2, 3, 4)),
    "kernel as large as the padded input": (
        dict(in_channels=2, out_channels=2, kernel_size=(5, 4), padding=1),
        (1, 2, 3, 2),
    ),
    "dilation": (dict(in_channels=2, out_channels=2, kernel_size=(2, 3), dilation=(3, 2)), (1, 2, 5, 6)),
    "groups": (dict(in_channels=4, out_channels=6, kernel_size=2, groups=2), (2, 4, 3, 3)),
    "depthwise": (dict(in_channels=3, out_channels=3, kernel_size=2, groups=3), (2, 3, 3, 4)),
    "1x1 groups": (dict(in_channels=4, out_channels=2, kernel_size=1, groups=2), (2, 4, 2, 3)),
    "no bias": (dict(in_channels=2, out_channels=3, kernel_size=2, bias=False), (2, 2, 3, 3)),
    **{
        mode: (dict(in_channels=2, out_channels=2, kernel_size=3, padding=(2, 1), padding_mode=mode), (1, 2, 4, 3))
        for mode in PADDING_MODES
    },
    **{
        f"{mode} same": (
            dict(in_channels=1, out_channels=2, kernel_size=(2, 4), padding="same", padding_mode=mode),
            (1, 1, 4, 4),
        )
        for mode in PADDING_MODES
    },
}
CONV1D = {
    "plain": (dict(in_channels=2, out_channels=3, kernel_size=3), (2, 2, 5)),
    "one place": (dict(in_channels=3, out_channels=2, kernel_size=1), (2, 3, 1)),
    "all": (dict(in_channels=4, out_channels=2, kernel_size=2, stride=2, padding=1, dilation=3, groups=2), (2, 4, 6)),
    "same": (dict(in_channels=2, out_channels=2, kernel_size=4, padding="same", bias=False), (1, 2, 5)),
    "reflect": (dict(in_channels=1, out_channels=2, kernel_size=3, padding=2, padding_mode="reflect"), (2, 1, 4)),
    "circular": (
        dict(in_channels=1, out_channels=2, kernel_size=(3,), padding="same", padding_mode="circular"),
        (2, 1, 4),
    ),
}
TRANSPOSED = {
    "plain": (dict(in_channels=2, out_channels=3, kernel_size=3), (2, 2, 3, 4)),
    "one pixel": (dict(in_channels=1, out_channels=1, kernel_size=1), (1, 1, 1, 1)),
    "stride": (dict(in_channels=2, out_channels=2, kernel_size=(4, 2), stride=(2, 3)), (1, 2, 3, 2)),
    "padding": (dict(in_channels=2, out_channels=2, kernel_size=3, stride=2, padding=(1, 2)), (2, 2, 3, 3)),
    "output_padding": (
        dict(in_channels=2, out_channels=1, kernel_size=3, stride=(2, 3), output_padding=(1, 2)),
        (1, 2, 2, 3),
    ),
    "dilation": (
        dict(in_channels=1, out_channels=2, kernel_size=2, dilation=(2, 3), output_padding=(0, 2)),
        (1, 1, 3, 2),
    ),
    "groups": (dict(in_channels=4, out_channels=6, kernel_size=2, groups=2), (2, 4, 2, 3)),
    "depthwise": (dict(in_channels=3, out_channels=3, kernel_size=3, stride=2, groups=3), (1, 3, 2, 2)),
    "no bias": (dict(in_channels=2, out_channels=2, kernel_size=2, bias=False), (2, 2, 2, 2)),
}
LADDER = [(nn.Conv2d, *case) for case in CONV2D.items()]
LADDER += [(nn.Conv1d, *case) for case in CONV1D.items()]
LADDER += [(nn.ConvTranspose2d, *case) for case in TRANSPOSED.items()]


@pytest.mark.parametrize(
    ("layer", "case"), [(c, case) for c, _, case in LADDER], ids=[f"{c.__name__}-{n}" for c, n, _ in LADDER]
)
def test_every_promise_holds_for_every_option(layer, case):
    options, shape = case
    check_layer(lambda: layer(**options), shape, batch=True, empty=True, rank=True)


@settings(max_examples=30)
@given(convolutions())
def test_gradients_of_conv2d(arguments):
    x, w, b, stride, padding, dilation, groups = (
        a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in arguments
    )
    if len(x):
        gradcheck(
            lambda *t: nn.conv2d(*(t if b is not None else (*t, None)), stride, padding, dilation, groups),
            [a for a in (x, w, b) if a is not None],
        )


# ---- identities ----
@pytest.mark.parametrize("bias", [True, False])
def test_1x1_is_the_general_path_a_linear_per_pixel_and_an_einsum(bias):
    x, w, b = normal(2, 3, 4, 5), normal(6, 3, 1, 1), normal(6) if bias else None
    dy = normal(2, 6, 4, 5)
    own, general, linear = tensors(x, w, b), tensors(x, w, b), tensors(x, w, b)
    y = nn.conv2d(*own)
    y.backward(dy)
    windows = windows_of("conv2d", (4, 5), (1, 1), (1, 1), (0, 0), (1, 1))
    z = Conv2dFunction(windows, 1)(*general)
    z.backward(dy)
    rows = nn.linear(linear[0].permute(0, 2, 3, 1), linear[1].reshape(6, 3), linear[2]).permute(0, 3, 1, 2)
    rows.backward(dy)
    wanted = np.einsum("nchw,fc->nfhw", x, w[:, :, 0, 0]) + (0 if b is None else b[:, None, None])
    for result in (y, z, rows):
        close(result, wanted)
    for mine, *others in zip(own, general, linear, strict=True):
        for other in others if mine is not None else ():
            close(Tensor(mine.grad).numpy(), Tensor(other.grad).numpy())


def test_a_convolution_keeps_its_image_and_its_weights_and_nothing_else():
    x, w, b = tensors(normal(2, 4, 5, 5), normal(6, 4, 3, 3), normal(6))
    kept = nn.conv2d(x, w, b, padding=1)._node.saved
    assert len(kept) == 2 and kept[0] is x._data and kept[1] is w._data


def test_groups_are_convolutions_side_by_side():
    x, w = normal(2, 4, 5, 5), normal(6, 2, 3, 3)
    halves = [nn.conv2d(Tensor(x[:, 2 * g : 2 * g + 2]), Tensor(w[3 * g : 3 * g + 3])).numpy() for g in range(2)]
    close(nn.conv2d(Tensor(x), Tensor(w), groups=2), np.concatenate(halves, axis=1))


def test_depthwise_treats_every_channel_by_itself():
    x, w = normal(2, 3, 5, 4), normal(3, 1, 2, 3)
    each = [nn.conv2d(Tensor(x[:, c : c + 1]), Tensor(w[c : c + 1])).numpy() for c in range(3)]
    close(nn.conv2d(Tensor(x), Tensor(w), groups=3), np.concatenate(each, axis=1))


def test_dilation_is_a_kernel_with_zeros_between():
    x, w = normal(2, 2, 9, 8), normal(3, 2, 3, 2)
    stuffed = np.zeros((3, 2, 5, 4))
    stuffed[:, :, ::2, ::3] = w
    close(nn.conv2d(Tensor(x), Tensor(w), dilation=(2, 3)), nn.conv2d(Tensor(x), Tensor(stuffed)).numpy())


def test_a_kernel_as_large_as_the_image_is_a_linear_layer():
    x, w, b = normal(3, 2, 4, 5), normal(6, 2, 4, 5), normal(6)
    wanted = x.reshape(3, -1) @ w.reshape(6, -1).T + b
    close(nn.conv2d(*tensors(x, w, b)), wanted[:, :, None, None])


def test_conv1d_is_conv2d_of_height_1():
    x, w, b = normal(2, 3, 8), normal(4, 3, 3), normal(4)
    wide = nn.conv2d(*tensors(x[:, :, None], w[:, :, None], b), stride=(1, 2), padding=(0, 1)).numpy()
    close(nn.conv1d(*tensors(x, w, b), stride=2, padding=1), wide[:, :, 0])


@settings(max_examples=40)
@given(convolutions())
def test_conv_transpose2d_is_the_adjoint_of_conv2d(arguments):
    x, w, _, stride, padding, dilation, groups = (
        a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in arguments
    )
    padding = (0, 0) if isinstance(padding, str) else padding
    y = nn.conv2d(Tensor(x), Tensor(w), None, stride, padding, dilation, groups).numpy()
    c = RNG.normal(size=y.shape)
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    lost = [(n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in axes]  # rows that no window reached
    back = nn.conv_transpose2d(Tensor(c), Tensor(w), None, stride, padding, lost, groups, dilation).numpy()
    assert back.shape == x.shape
    assert (y * c).sum() == pytest.approx((x * back).sum(), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("mode", [mode for mode in PADDING_MODES if mode != "zeros"])
def test_padding_mode_is_what_numpy_pads(mode):
    x, layer = normal(2, 2, 5, 4), nn.Conv2d(2, 3, (3, 2), padding=(2, 1), padding_mode=mode).to("float64")
    numpy_mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (1, 1)), mode=numpy_mode)
    close(layer(Tensor(x)), nn.conv2d(Tensor(padded), layer.weight, layer.bias).numpy())


def test_circular_padding_commutes_with_shifts():
    layer = nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular").to("float64")
    x = normal(1, 1, 6, 5)
    shifted = np.roll(x, (2, 3), axis=(2, 3))
    close(layer(Tensor(shifted)), np.roll(layer(Tensor(x)).numpy(), (2, 3), axis=(2, 3)))


@pytest.mark.parametrize("n", [5, 6, 7, 8])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("d", [1, 2])
def test_same_keeps_a_pixel_for_every_step(n, k, s, d):
    w = windows_of("conv1d", (n,), (k,), (s,), "same", (d,))
    ((start, end),) = w.pads
    assert w.outputs == (-(-n // s),)
    assert end - start in (0, 1)  # the smaller half first


# ---- what a layer says of itself ----
def test_multiply_adds():
    assert nn.Conv2d(192, 32, 5, padding=2).multiply_adds((1, 192, 28, 28), (1, 32, 28, 28)) == 120_422_400
    assert nn.Conv2d(4, 8, 3, groups=2).multiply_adds((2, 4, 5, 5), (2, 8, 3, 3)) == 2 * 8 * 9 * (2 * 9)
    assert nn.Conv1d(4, 8, 3).multiply_adds((1, 4, 10), (1, 8, 8)) == 8 * 8 * 4 * 3
    assert nn.ConvTranspose2d(4, 8, 3, groups=2).multiply_adds((1, 4, 5, 5), (1, 8, 7, 7)) == 4 * 25 * 4 * 9


def test_names_and_layouts_of_weights_are_torchs():
    shapes = {
        nn.Conv1d(4, 6, 3, groups=2): (6, 2, 3),
        nn.Conv2d(4, 6, (3, 2), groups=2): (6, 2, 3, 2),
        nn.ConvTranspose2d(4, 6, (3, 2), groups=2): (4, 3, 3, 2),
    }
    for layer, shape in shapes.items():
        state = layer.state_dict()
        assert {name: value.shape for name, value in state.items()} == {"weight": shape, "bias": (6,)}
        bound = np.prod(shape[1:]) ** -0.5
        assert np.abs(state["weight"]).max() <= bound and np.abs(state["weight"]).max() > 0.5 * bound
        assert state["weight"].dtype == np.float32


def test_repr_shows_every_option():
    text = repr(nn.Conv2d(2, 4, 3, stride=2, padding="same", dilation=1, groups=2, bias=False, padding_mode="circular"))
    for part in ("2, 4", "kernel_size=(3, 3)", "stride=(2, 2)", "'same'", "groups=2", "bias=False", "'circular'"):
        assert part in text
    assert "output_padding=(1, 1)" in repr(nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1))


def test_frozen_weights_get_no_gradient_and_change_no_other():
    x, w, b = tensors(normal(2, 2, 4, 4), normal(3, 2, 2, 2), normal(3))
    dy = normal(2, 3, 3, 3)
    nn.conv2d(x, w, b).backward(dy)
    wanted, x.grad, frozen = Tensor(x.grad).numpy(), None, w.detach()
    nn.conv2d(x, frozen, b).backward(dy)
    close(Tensor(x.grad).numpy(), wanted)
    assert frozen.grad is None


# ---- bad input ----
X, W, B = np.zeros((2, 4, 5, 5), np.float32), np.zeros((6, 4, 3, 3), np.float32), np.zeros(6, np.float32)
BAD_CALLS = {
    "rank of x": (nn.conv2d, (X[0], W), {}, ValueError, r"conv2d: x .*\(N, C, H, W\).*\(4, 5, 5\)"),
    "rank of weight": (nn.conv2d, (X, W[0]), {}, ValueError, r"conv2d: weight .*\(4, 3, 3\)"),
    "channels": (nn.conv2d, (X[:, :3], W), {}, ValueError, r"conv2d: .*x .*in_channels=4.*\(2, 3, 5, 5\)"),
    "channels last": (
        nn.conv2d,
        (X.swapaxes(1, 3), W),
        {},
        ValueError,
        r"conv2d: .*channels come first: \(N, C, H, W\)",
    ),
    "integers": (nn.conv2d, (X.astype(int), W), {}, TypeError, "conv2d: x .*floats.*int64"),
    "two dtypes": (nn.conv2d, (X.astype(np.float64), W), {}, TypeError, "conv2d: x and weight .*float64 and float32"),
    "dtype of bias": (
        nn.conv2d,
        (X, W, B.astype(np.float64)),
        {},
        TypeError,
        "conv2d: x and bias .*float32 and float64",
    ),
    "integer weight": (nn.conv2d, (X, W.astype(int)), {}, TypeError, "conv2d: weight .*int64"),
    "length of bias": (nn.conv2d, (X, W, B[:5]), {}, ValueError, r"conv2d: .*bias .*out_channels=6.*\(5,\)"),
    "rank of bias": (nn.conv2d, (X, W, B[:, None]), {}, ValueError, r"conv2d: bias .*\(6, 1\)"),
    "no pixels": (nn.conv2d, (X[:, :, :0], W), {"padding": 2}, ValueError, r"conv2d: x .*pixel.*\(0, 5\)"),
    "no filters": (nn.conv2d, (X, W[:0]), {}, ValueError, r"conv2d: weight .*\(0, 4, 3, 3\)"),
    "kernel above the input": (nn.conv2d, (X[:, :, :2], W), {}, ValueError, r"conv2d: kernel_size 3 .*2 \+ 0"),
    "dilation above the input": (
        nn.conv2d,
        (X, W),
        {"dilation": 3},
        ValueError,
        r"kernel_size 3 with dilation 3.*5 \+ 0",
    ),
    "stride 0": (nn.conv2d, (X, W), {"stride": 0}, ValueError, "conv2d: stride .*0"),
    "stride -1": (nn.conv2d, (X, W), {"stride": (1, -1)}, ValueError, "conv2d: stride .*-1"),
    "stride 1.5": (nn.conv2d, (X, W), {"stride": 1.5}, TypeError, r"conv2d: stride .*1\.5"),
    "stride True": (nn.conv2d, (X, W), {"stride": True}, TypeError, "conv2d: stride .*True"),
    "stride for three axes": (nn.conv2d, (X, W), {"stride": (1, 1, 1)}, ValueError, r"conv2d: stride .*\(1, 1, 1\)"),
    "padding -1": (nn.conv2d, (X, W), {"padding": -1}, ValueError, "conv2d: padding .*-1"),
    "padding full": (nn.conv2d, (X, W), {"padding": "full"}, ValueError, "conv2d: padding .*'full'"),
    "padding 2**41": (nn.conv2d, (X, W), {"padding": 2**41}, ValueError, f"conv2d: padding .*{2**41}"),
    "a result that is too large": (nn.conv2d, (X, W), {"padding": 2**38}, ValueError, "window matrix .*elements"),
    "dilation 0": (nn.conv2d, (X, W), {"dilation": 0}, ValueError, "conv2d: dilation .*0"),
    "groups 0": (nn.conv2d, (X, W), {"groups": 0}, ValueError, "conv2d: groups .*0"),
    "groups 4 of 6": (nn.conv2d, (X, W), {"groups": 4}, ValueError, "conv2d: groups .*out_channels=6.*4"),
    "lines for images": (nn.conv1d, (X, W), {}, ValueError, r"conv1d: x .*\(N, C, L\).*\(2, 4, 5, 5\)"),
    "kernel above the line": (nn.conv1d, (X[..., 0, :2], W[..., 0]), {}, ValueError, r"conv1d: kernel_size 3 .*2 \+ 0"),
    "pair for a line": (
        nn.conv1d,
        (X[..., 0], W[..., 0]),
        {"stride": (1, 2)},
        ValueError,
        r"conv1d: stride .*\(1, 2\)",
    ),
    "transposed: channels": (
        nn.conv_transpose2d,
        (X, W),
        {},
        ValueError,
        r"conv_transpose2d: .*in_channels=6.*\(2, 4, 5, 5\)",
    ),
    "transposed: groups": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"groups": 3},
        ValueError,
        "conv_transpose2d: groups .*in_channels=4.*3",
    ),
    "transposed: no groups": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"groups": -2},
        ValueError,
        "conv_transpose2d: groups .*-2",
    ),
    "transposed: output_padding": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"stride": 2, "output_padding": 2},
        ValueError,
        "output_padding .*stride 2.*got 2",
    ),
    "transposed: same": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"padding": "same"},
        TypeError,
        "conv_transpose2d: padding .*'same'",
    ),
    "transposed: all cut off": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"padding": 4},
        ValueError,
        r"conv_transpose2d: padding \(4, 4\)",
    ),
    "transposed: bias": (nn.conv_transpose2d, (X, W[:4], B), {}, ValueError, r"bias .*out_channels=4.*\(6,\)"),
    "transposed: empty": (
        nn.conv_transpose2d,
        (X[..., :0], W[:4]),
        {},
        ValueError,
        r"conv_transpose2d: .*empty.*\(2, 4, 5, 0\)",
    ),
    "transposed: too large": (
        nn.conv_transpose2d,
        (X, W[:4]),
        {"stride": 2**35},
        ValueError,
        "conv_transpose2d: y .*elements",
    ),
}
BAD_LAYERS = {
    "no channels": (lambda: nn.Conv2d(0, 2, 3), ValueError, "Conv2d: in_channels .*0"),
    "channels 2.0": (lambda: nn.Conv2d(2, 2.0, 3), TypeError, r"Conv2d: out_channels .*2\.0"),
    "kernel 0": (lambda: nn.Conv2d(1, 1, 0), ValueError, "Conv2d: kernel_size .*0"),
    "kernel 2**40": (lambda: nn.Conv2d(1, 1, 2**40), ValueError, f"Conv2d: weight .*{2**40}"),
    "kernel 2**50": (lambda: nn.Conv2d(1, 1, 2**50), ValueError, f"Conv2d: kernel_size .*{2**50}"),
    "kernel as text": (lambda: nn.Conv2d(1, 1, "3"), TypeError, "Conv2d: kernel_size .*'3'"),
    "groups of channels": (lambda: nn.Conv2d(4, 6, 3, groups=4), ValueError, "Conv2d: groups .*out_channels=6.*4"),
    "padding_mode": (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), ValueError, "Conv2d: padding_mode .*'mirror'"),
    "padding": (lambda: nn.Conv2d(1, 1, 3, padding="SAME"), ValueError, "Conv2d: padding .*'SAME'"),
    "bias": (lambda: nn.Conv2d(1, 1, 3, bias="no"), ValueError, "Conv2d: bias .*'no'"),
    "Conv1d": (lambda: nn.Conv1d(1, 1, (3, 3)), ValueError, r"Conv1d: kernel_size .*\(3, 3\)"),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(2, 2, 3, output_padding=1),
        ValueError,
        "ConvTranspose2d: output_padding .*1",
    ),
    "rank with padding_mode": (
        lambda: nn.Conv2d(4, 1, 3, padding=1, padding_mode="reflect")(Tensor(X[0])),
        ValueError,
        r"Conv2d: x .*\(4, 5, 5\)",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_name_the_argument_and_the_value(name):
    function, arrays, options, kind, message = BAD_CALLS[name]
    with pytest.raises(kind, match=message):
        function(*map(Tensor, arrays), **options)


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_bad_layers_name_the_argument_and_the_value(name):
    make, kind, message = BAD_LAYERS[name]
    with pytest.raises(kind, match=message):
        make()
