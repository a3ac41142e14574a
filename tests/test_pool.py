"""Poolings and Upsample: the definition by loops, the ladder for every option, what they are known for, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Tensor, nn
from minidl.testing import check_layer, gradcheck
from minidl.testing.values import distinct

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float64):
    return RNG.normal(size=shape).astype(dtype)


def close(ours, wanted, dtype=np.float64):
    """Equal up to rounding (NaN and infinities in the same places), of one shape, and of the dtype that went in."""
    ours = ours.numpy() if isinstance(ours, Tensor) else ours
    assert ours.dtype == dtype
    assert ours.shape == wanted.shape
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5)


def places(n, k, s, padding, d=1, ceil_mode=False):
    """The windows of one axis: the pixels that each holds, with those of the padding (negative, or n and more)."""
    if padding == "same":
        total = max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0)
        before, after = total // 2, total - total // 2
    else:
        before = after = 0 if padding == "valid" else padding
    windows, start = [], -before
    while True:
        window = [start + i * d for i in range(k)]
        overhangs = window[-1] >= n + after
        if overhangs and not (ceil_mode and start < n and (not windows or windows[-1][-1] < n + after - 1)):
            return windows, (before, after)
        windows.append(window)
        start += s


def naive_pool(x, reduce, kernel, stride, padding, dilation=(1, 1), ceil_mode=False):
    """reduce(values of the pixels, pixels with padding) of every window of x (N, C, H, W)."""
    paddings = padding if isinstance(padding, tuple) else (padding, padding)
    axes = [places(*axis, ceil_mode) for axis in zip(x.shape[2:], kernel, stride, paddings, dilation, strict=True)]
    (rows, (_, bottom)), (columns, (_, right)) = axes
    N, C, H, W = x.shape
    y = np.empty((N, C, len(rows), len(columns)))
    for n, c, oh, ow in np.ndindex(y.shape):
        values = [x[n, c, h, w] for h in rows[oh] for w in columns[ow] if 0 <= h < H and 0 <= w < W]
        padded = sum(h < H + bottom and w < W + right for h in rows[oh] for w in columns[ow])
        y[n, c, oh, ow] = reduce(values, padded)
    return y


@st.composite
def poolings(draw):
    """x and (kernel, stride, padding, dilation, ceil_mode) that fit together, by construction."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    if draw(st.booleans()):
        padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
        pads = padding
    else:
        padding, pads = draw(st.sampled_from(["same", "valid"])), (0, 0)
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, pads, strict=True)]
    shape = draw(st.integers(0, 2)), draw(st.integers(1, 2)), *(draw(st.integers(n, n + 5)) for n in least)
    x = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape) - 3  # mostly negative
    return (
        x.astype(draw(st.sampled_from([np.float32, np.float64]))),
        kernel,
        stride,
        padding,
        dilation,
        draw(st.booleans()),
    )


# ---- the definition ----
@given(poolings())
def test_max_pool_is_its_definition(arguments):
    x, *options = arguments
    wanted = naive_pool(x, lambda values, _: max(values, default=-np.inf), *options)
    close(nn.max_pool2d(Tensor(x), *options), wanted, x.dtype)


@given(poolings())
def test_sum_pool_is_its_definition(arguments):
    x, kernel, stride, padding, _, ceil_mode = arguments
    wanted = naive_pool(x, lambda values, _: sum(values), kernel, stride, padding, ceil_mode=ceil_mode)
    close(nn.sum_pool2d(Tensor(x), kernel, stride, padding, ceil_mode), wanted, x.dtype)


@given(poolings(), st.booleans(), st.one_of(st.none(), st.integers(1, 5)))
def test_avg_pool_is_its_definition(arguments, include_pad, divisor):
    x, kernel, stride, padding, _, ceil_mode = arguments

    def mean(values, padded):
        pixels = padded if include_pad and padding != "same" else len(values)
        return sum(values) / (divisor or pixels)

    wanted = naive_pool(x, mean, kernel, stride, padding, ceil_mode=ceil_mode)
    close(nn.avg_pool2d(Tensor(x), kernel, stride, padding, ceil_mode, include_pad, divisor), wanted, x.dtype)


@given(poolings(), st.booleans())
def test_pools_of_lines_are_those_of_images_of_height_1(arguments, include_pad):
    x, (k, _), (s, _), padding, (d, _), ceil_mode = arguments
    line, image = Tensor(x[..., 0]), Tensor(x[:, :, None, :, 0])
    padding, wide = (padding, padding) if isinstance(padding, str) else (padding[0], (0, padding[0]))
    for one, two, options in (
        (nn.max_pool1d, nn.max_pool2d, (d, ceil_mode)),
        (nn.sum_pool1d, nn.sum_pool2d, (ceil_mode,)),
        (nn.avg_pool1d, nn.avg_pool2d, (ceil_mode, include_pad)),
    ):
        wide_options = ((1, d), ceil_mode) if one is nn.max_pool1d else options
        wanted = two(image, (1, k), (1, s), wide, *wide_options).numpy()
        close(one(line, k, s, padding, *options), wanted[:, :, 0], x.dtype)


@pytest.mark.parametrize("outputs", [(1, 1), (2, 3), (5, 4), (7, 9)])
@pytest.mark.parametrize("size", [(5, 4), (1, 1), (8, 3)])
def test_adaptive_avg_pool_is_its_definition(size, outputs):
    x = normal(2, 3, *size)
    wanted = np.empty((2, 3, *outputs))
    for oh, ow in np.ndindex(outputs):
        rows, columns = (
            slice(math.floor(o * n / O), math.ceil((o + 1) * n / O))
            for o, n, O in zip((oh, ow), size, outputs, strict=True)
        )
        wanted[:, :, oh, ow] = x[:, :, rows, columns].mean(axis=(2, 3))
    close(nn.adaptive_avg_pool2d(Tensor(x), outputs), wanted)


def naive_bilinear(x, outputs, align_corners):
    N, C, H, W = x.shape
    y = np.empty((N, C, *outputs))
    for oh, ow in np.ndindex(outputs):
        value, corners = 0, []
        for o, n, O in zip((oh, ow), (H, W), outputs, strict=True):
            if align_corners:
                u = o * (n - 1) / (O - 1) if O > 1 else 0
            else:
                u = min(max((o + 0.5) * n / O - 0.5, 0), n - 1)
            corners.append([(int(u), 1 - (u - int(u))), (min(int(u) + 1, n - 1), u - int(u))])
        for h, a in corners[0]:
            for w, b in corners[1]:
                value = value + a * b * x[:, :, h, w]
        y[:, :, oh, ow] = value
    return y


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("outputs", [(1, 1), (3, 4), (5, 2), (7, 8)])
@pytest.mark.parametrize("size", [(3, 4), (1, 5), (6, 1)])
def test_bilinear_is_its_definition(size, outputs, align_corners):
    x = normal(2, 2, *size)
    ours = nn.interpolate(Tensor(x), size=outputs, mode="bilinear", align_corners=align_corners)
    close(ours, naive_bilinear(x, outputs, align_corners))


@pytest.mark.parametrize("outputs", [(1, 1), (3, 4), (5, 2), (7, 12)])
@pytest.mark.parametrize("size", [(3, 4), (1, 5), (6, 1)])
def test_nearest_repeats_pixels(size, outputs):
    x = normal(2, 2, *size)
    rows, columns = ([o * n // O for o in range(O)] for n, O in zip(size, outputs, strict=True))
    close(nn.interpolate(Tensor(x), size=outputs), x[:, :, rows][..., columns])


# ---- the ladder: gradients, dtypes, layouts, empty batches, for every option ----
IMAGE, LINE = (2, 2, 5, 6), (2, 3, 7)
WINDOWS = {
    "side by side": dict(kernel_size=2),
    "overlapping": dict(kernel_size=3, stride=(1, 2)),
    "stride above the kernel": dict(kernel_size=(1, 2), stride=(2, 3)),
    "padding": dict(kernel_size=(2, 3), stride=1, padding=1),
    "ceil_mode": dict(kernel_size=(2, 3), stride=(3, 2), padding=1, ceil_mode=True),
    "same": dict(kernel_size=(3, 2), stride=2, padding="same"),
    "valid": dict(kernel_size=2, stride=1, padding="valid"),
    "one window": dict(kernel_size=(5, 6)),
    "one pixel": dict(kernel_size=1),
}
LADDER = {}
for name, options in WINDOWS.items():
    for layer in (nn.MaxPool2d, nn.AvgPool2d, nn.SumPool2d):
        LADDER[f"{layer.__name__} {name}"] = layer, options, IMAGE
    last = {key: value[1] if isinstance(value, tuple) else value for key, value in options.items()}
    for layer in (nn.MaxPool1d, nn.AvgPool1d, nn.SumPool1d):
        LADDER[f"{layer.__name__} {name}"] = layer, last, LINE
LADDER |= {
    "MaxPool2d dilation": (nn.MaxPool2d, dict(kernel_size=2, stride=1, padding=1, dilation=(2, 3)), IMAGE),
    "MaxPool1d dilation": (nn.MaxPool1d, dict(kernel_size=3, stride=2, dilation=2), LINE),
    "AvgPool2d pixels": (nn.AvgPool2d, dict(kernel_size=3, stride=2, padding=1, count_include_pad=False), IMAGE),
    "AvgPool1d pixels": (nn.AvgPool1d, dict(kernel_size=3, padding=1, ceil_mode=True, count_include_pad=False), LINE),
    "AvgPool2d divisor": (nn.AvgPool2d, dict(kernel_size=2, padding=1, divisor_override=3), IMAGE),
    "GlobalAvgPool2d": (nn.GlobalAvgPool2d, {}, IMAGE),
    "GlobalAvgPool2d keepdims": (nn.GlobalAvgPool2d, dict(keepdims=True), IMAGE),
    "GlobalMaxPool2d": (nn.GlobalMaxPool2d, {}, IMAGE),
    "GlobalMaxPool2d keepdims": (nn.GlobalMaxPool2d, dict(keepdims=True), IMAGE),
    "GlobalMaxPool2d pixel": (nn.GlobalMaxPool2d, {}, (1, 2, 1, 1)),
    "AdaptiveAvgPool2d smaller": (nn.AdaptiveAvgPool2d, dict(output_size=(2, 4)), IMAGE),
    "AdaptiveAvgPool2d larger": (nn.AdaptiveAvgPool2d, dict(output_size=7), IMAGE),
    "AdaptiveAvgPool2d one axis": (nn.AdaptiveAvgPool2d, dict(output_size=(None, 2)), IMAGE),
    "Upsample nearest size": (nn.Upsample, dict(size=(7, 4)), IMAGE),
    "Upsample nearest scale": (nn.Upsample, dict(scale_factor=(2, 0.5)), IMAGE),
    "Upsample bilinear size": (nn.Upsample, dict(size=(7, 4), mode="bilinear"), IMAGE),
    "Upsample bilinear scale": (nn.Upsample, dict(scale_factor=1.5, mode="bilinear", align_corners=False), IMAGE),
    "Upsample bilinear corners": (nn.Upsample, dict(size=(8, 1), mode="bilinear", align_corners=True), IMAGE),
}


@pytest.mark.parametrize("case", LADDER)
def test_every_promise_holds_for_every_option(case):
    layer, options, shape = LADDER[case]
    check_layer(lambda: layer(**options), shape, batch=True, empty=True, rank=True)


@given(poolings())
def test_gradients_of_any_windows(arguments):
    x, kernel, stride, padding, dilation, ceil_mode = arguments
    if not len(x):
        return
    x = distinct(*x.shape) - 2  # no ties, mostly negative
    gradcheck(lambda t: nn.max_pool2d(t, kernel, stride, padding, dilation=1, ceil_mode=ceil_mode), [x])
    gradcheck(lambda t: nn.avg_pool2d(t, kernel, stride, padding, ceil_mode, count_include_pad=False), [x])


# ---- what each is known for ----
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_padding_is_minus_infinity(dtype):
    x = Tensor(np.full((1, 1, 2, 2), -5, dtype), requires_grad=True)
    y = nn.max_pool2d(x, 3, stride=1, padding=1)
    close(y, np.full((1, 1, 2, 2), -5), dtype)
    y.backward(np.ones(y.shape))
    assert Tensor(x.grad).numpy().sum() == 4  # and no gradient is lost in the padding


def test_nan_is_the_largest():
    x = np.array([[[[1.0, np.nan, 3.0, 4.0], [np.nan, 0.0, np.inf, 2.0]]]])
    for layer in (nn.MaxPool2d(2), nn.GlobalMaxPool2d()):
        t = Tensor(x, requires_grad=True)
        y = layer(t)
        assert np.isnan(y.numpy().ravel()[0])
        y.backward(np.full(y.shape, 2.0))
        assert Tensor(t.grad).numpy()[0, 0, 0, 1] == 2  # the first NaN has the gradient
    close(nn.MaxPool2d(2)(Tensor(x)), np.array([[[[np.nan, np.inf]]]]))


def test_ties_give_the_gradient_to_the_first_in_window_order():
    x = Tensor(np.full((1, 1, 3, 3), 7.0), requires_grad=True)
    nn.max_pool2d(x, 2, stride=1).backward([[[[1.0, 2.0], [3.0, 4.0]]]])
    close(Tensor(x.grad).numpy()[0, 0], np.array([[1.0, 2, 0], [3, 4, 0], [0, 0, 0]]))
    x.grad = None
    nn.global_max_pool2d(x).backward([[5.0]])
    close(Tensor(x.grad).numpy()[0, 0], np.array([[5.0, 0, 0], [0, 0, 0], [0, 0, 0]]))


def test_infinite_upstream_stays_where_it_belongs():
    x = Tensor(np.arange(4.0).reshape(1, 1, 2, 2), requires_grad=True)
    nn.max_pool2d(x, 1).backward([[[[np.inf, 1.0], [np.nan, 2.0]]]])
    close(Tensor(x.grad).numpy()[0, 0], np.array([[np.inf, 1], [np.nan, 2]]))
    x.grad = None
    nn.global_max_pool2d(x).backward([[np.inf]])
    close(Tensor(x.grad).numpy()[0, 0], np.array([[0, 0], [0, np.inf]]))


def test_what_the_edge_counts():
    x = Tensor(np.ones((1, 1, 1, 6)))
    options = dict(kernel_size=(1, 3), stride=(1, 2), padding=(0, 1), ceil_mode=True)
    third, half = 1 / 3, 1 / 2  # the last window: one pixel, one of the padding, and one beyond
    close(nn.avg_pool2d(x, **options).numpy().ravel(), np.array([2 * third, 1, 1, half]))
    close(nn.avg_pool2d(x, **options, count_include_pad=False).numpy().ravel(), np.ones(4))
    close(nn.avg_pool2d(x, **options, divisor_override=1).numpy().ravel(), np.array([2.0, 3, 3, 1]))
    close(nn.avg_pool2d(x, (1, 3), 1, "same").numpy().ravel(), np.ones(6))
    assert third != half


@pytest.mark.parametrize(
    ("n", "k", "s", "p", "outputs"),
    [(4, 2, 3, 1, 2), (6, 3, 2, 1, 4), (5, 2, 2, 0, 3), (2, 3, 2, 0, 1), (3, 3, 2, 1, 2)],
)
def test_ceil_mode_drops_a_window_in_the_padding(n, k, s, p, outputs):
    assert nn.max_pool1d(Tensor(np.zeros((1, 1, n))), k, s, p, ceil_mode=True).shape == (1, 1, outputs)


def test_sum_is_average_times_count():
    x = normal(2, 3, 6, 6)
    close(nn.sum_pool2d(Tensor(x), 3, 2), 9 * nn.avg_pool2d(Tensor(x), 3, 2).numpy())


def test_pooling_a_map_to_one_number_three_ways():
    x = Tensor(normal(2, 3, 4, 5))
    mean = nn.global_avg_pool2d(x, keepdims=True).numpy()
    close(nn.adaptive_avg_pool2d(x, 1), mean)
    close(nn.avg_pool2d(x, (4, 5)), mean)
    assert nn.global_avg_pool2d(x).shape == nn.global_max_pool2d(x).shape == (2, 3)
    close(nn.max_pool2d(x, (4, 5)), nn.global_max_pool2d(x, keepdims=True).numpy())


def test_the_image_itself():
    x = normal(2, 2, 4, 5)
    for layer in (
        nn.AdaptiveAvgPool2d((4, 5)),
        nn.AdaptiveAvgPool2d((None, None)),
        nn.Upsample(scale_factor=1),
        nn.MaxPool2d(1),
    ):
        close(layer(Tensor(x)), x)
    for align_corners in (False, True):
        close(nn.interpolate(Tensor(x), (4, 5), mode="bilinear", align_corners=align_corners), x)


def test_upsampling_keeps_a_constant_and_a_ramp():
    constant = Tensor(np.full((1, 1, 3, 3), 2.5))
    close(nn.interpolate(constant, 7, mode="bilinear"), np.full((1, 1, 7, 7), 2.5))
    ramp = Tensor(np.arange(5.0).reshape(1, 1, 1, 5))
    ours = nn.interpolate(ramp, (1, 9), mode="bilinear", align_corners=True)
    close(ours.numpy().ravel(), np.arange(9) / 2)


def test_nearest_takes_infinities_without_a_warning():
    x = np.array([[[[-np.inf, 1.0]]]])
    close(nn.interpolate(Tensor(x), (1, 4)), np.array([[[[-np.inf, -np.inf, 1, 1]]]]))


def test_gradient_of_nearest_adds_up_the_copies():
    x = Tensor(np.zeros((1, 1, 1, 2)), requires_grad=True)
    nn.interpolate(x, (1, 5)).backward([[[[1.0, 2, 4, 8, 16]]]])
    assert Tensor(x.grad).numpy().ravel().tolist() == [7, 24]


def test_repr_shows_every_option():
    assert "stride=(2, 2)" in repr(nn.MaxPool2d(2)) and "dilation=(1, 1)" in repr(nn.MaxPool2d(2))
    assert "dilation" not in repr(nn.SumPool1d(2)) and "padding='same'" in repr(nn.SumPool1d(2, padding="same"))
    assert "count_include_pad=False" in repr(nn.AvgPool2d(2, count_include_pad=False))
    assert "keepdims=True" in repr(nn.GlobalMaxPool2d(keepdims=True))
    assert "output_size=(None, 2)" in repr(nn.AdaptiveAvgPool2d((None, 2)))
    assert "scale_factor=2" in repr(nn.Upsample(scale_factor=2)) and "size=4" in repr(nn.Upsample(4))


# ---- bad input ----
X = np.zeros((2, 3, 5, 5), np.float32)
BAD = {
    "rank": (nn.max_pool2d, (X[0], 2), {}, ValueError, r"max_pool2d: x .*\(N, C, H, W\).*\(3, 5, 5\)"),
    "rank of a line": (nn.avg_pool1d, (X, 2), {}, ValueError, r"avg_pool1d: x .*\(N, C, L\).*\(2, 3, 5, 5\)"),
    "integers": (nn.max_pool2d, (X.astype(int), 2), {}, TypeError, "max_pool2d: x .*floats.*int64"),
    "bools": (nn.sum_pool2d, (X > 0, 2), {}, TypeError, "sum_pool2d: x .*floats.*bool"),
    "no pixels": (nn.max_pool2d, (X[:, :, :0], 2), {"padding": 1}, ValueError, r"max_pool2d: x .*pixel.*\(0, 5\)"),
    "kernel above the input": (nn.max_pool2d, (X, 6), {}, ValueError, r"max_pool2d: kernel_size 6 .*5 \+ 0"),
    "dilated kernel": (nn.max_pool2d, (X, 3), {"dilation": 3}, ValueError, "kernel_size 3 with dilation 3 covers 7"),
    "kernel 0": (nn.max_pool2d, (X, 0), {}, ValueError, "max_pool2d: kernel_size .*0"),
    "kernel 2.0": (nn.max_pool2d, (X, 2.0), {}, TypeError, r"max_pool2d: kernel_size .*2\.0"),
    "kernel of three": (nn.avg_pool2d, (X, (1, 2, 3)), {}, ValueError, r"avg_pool2d: kernel_size .*\(1, 2, 3\)"),
    "kernel 2**40": (nn.max_pool2d, (X, 2**40), {}, ValueError, f"max_pool2d: kernel_size {2**40}"),
    "kernel 2**40, padded": (
        nn.sum_pool2d,
        (X, 2**40),
        {"padding": 2**39},
        ValueError,
        "sum_pool2d: all windows .*elements",
    ),
    "kernel 2**50": (nn.max_pool2d, (X, 2**50), {}, ValueError, f"max_pool2d: kernel_size .*{2**50}"),
    "stride 0": (nn.max_pool2d, (X, 2), {"stride": 0}, ValueError, "max_pool2d: stride .*0"),
    "stride -2": (nn.avg_pool2d, (X, 2), {"stride": (-2, 1)}, ValueError, "avg_pool2d: stride .*-2"),
    "stride False": (nn.avg_pool2d, (X, 2), {"stride": False}, TypeError, "avg_pool2d: stride .*False"),
    "padding above half": (nn.max_pool2d, (X, 3), {"padding": 2}, ValueError, "max_pool2d: padding .*half.*3.*got 2"),
    "padding -1": (nn.sum_pool1d, (X[0], 3), {"padding": -1}, ValueError, "sum_pool1d: padding .*-1"),
    "padding full": (nn.max_pool2d, (X, 3), {"padding": "full"}, ValueError, "max_pool2d: padding .*'full'"),
    "dilation 0": (nn.max_pool1d, (X[0], 3), {"dilation": 0}, ValueError, "max_pool1d: dilation .*0"),
    "ceil_mode": (nn.max_pool2d, (X, 2), {"ceil_mode": "no"}, ValueError, "max_pool2d: ceil_mode .*'no'"),
    "count_include_pad": (
        nn.avg_pool2d,
        (X, 2),
        {"count_include_pad": 2},
        ValueError,
        "avg_pool2d: count_include_pad .*2",
    ),
    "divisor 0": (nn.avg_pool2d, (X, 2), {"divisor_override": 0}, ValueError, "avg_pool2d: divisor_override .*0"),
    "divisor 0.5": (
        nn.avg_pool2d,
        (X, 2),
        {"divisor_override": 0.5},
        TypeError,
        r"avg_pool2d: divisor_override .*0\.5",
    ),
    "global: rank": (nn.global_avg_pool2d, (X[0],), {}, ValueError, r"global_avg_pool2d: x .*\(3, 5, 5\)"),
    "global: no pixels": (
        nn.global_max_pool2d,
        (X[..., :0],),
        {},
        ValueError,
        r"global_max_pool2d: x .*pixel.*\(5, 0\)",
    ),
    "global: keepdims": (nn.global_max_pool2d, (X,), {"keepdims": 1}, ValueError, "global_max_pool2d: keepdims .*1"),
    "global: integers": (nn.global_max_pool2d, (X.astype(int),), {}, TypeError, "global_max_pool2d: x .*int64"),
    "adaptive: 0": (nn.adaptive_avg_pool2d, (X, 0), {}, ValueError, "adaptive_avg_pool2d: output_size .*0"),
    "adaptive: triple": (
        nn.adaptive_avg_pool2d,
        (X, (1, 2, 3)),
        {},
        ValueError,
        r"adaptive_avg_pool2d: output_size .*3",
    ),
    "adaptive: too large": (nn.adaptive_avg_pool2d, (X, 2**30), {}, ValueError, "adaptive_avg_pool2d: y .*elements"),
    "adaptive: no pixels": (
        nn.adaptive_avg_pool2d,
        (X[:, :, :0], 2),
        {},
        ValueError,
        r"adaptive_avg_pool2d: x .*\(0, 5\)",
    ),
    "upsample: mode": (nn.interpolate, (X, 2), {"mode": "cubic"}, ValueError, "interpolate: mode .*'cubic'"),
    "upsample: neither": (nn.interpolate, (X,), {}, ValueError, "interpolate: .*size=None, scale_factor=None"),
    "upsample: both": (nn.interpolate, (X, 4, 2), {}, ValueError, "interpolate: .*size=4, scale_factor=2"),
    "upsample: size 0": (nn.interpolate, (X, 0), {}, ValueError, "interpolate: size .*0"),
    "upsample: scale -1": (nn.interpolate, (X,), {"scale_factor": -1}, ValueError, "interpolate: scale_factor .*-1"),
    "upsample: scale nan": (
        nn.interpolate,
        (X,),
        {"scale_factor": math.nan},
        ValueError,
        "interpolate: scale_factor .*nan",
    ),
    "upsample: scale text": (nn.interpolate, (X,), {"scale_factor": "2"}, TypeError, "interpolate: scale_factor .*'2'"),
    "upsample: nothing left": (
        nn.interpolate,
        (X,),
        {"scale_factor": 0.1},
        ValueError,
        r"interpolate: scale_factor \(0\.1",
    ),
    "upsample: corners": (
        nn.interpolate,
        (X, 4),
        {"align_corners": True},
        ValueError,
        "interpolate: align_corners .*True",
    ),
    "upsample: too large": (nn.interpolate, (X,), {"scale_factor": 1e9}, ValueError, "interpolate: y .*elements"),
    "upsample: rank": (nn.interpolate, (X[0], 4), {}, ValueError, r"interpolate: x .*\(3, 5, 5\)"),
}
BAD_LAYERS = {
    "kernel": (lambda: nn.MaxPool2d(-1), ValueError, "MaxPool2d: kernel_size .*-1"),
    "padding": (lambda: nn.AvgPool1d(3, padding=2), ValueError, "AvgPool1d: padding .*half.*got 2"),
    "stride": (lambda: nn.SumPool2d(2, stride="2"), TypeError, "SumPool2d: stride .*'2'"),
    "dilation": (lambda: nn.MaxPool1d(2, dilation=1.0), TypeError, r"MaxPool1d: dilation .*1\.0"),
    "divisor": (lambda: nn.AvgPool2d(2, divisor_override=-1), ValueError, "AvgPool2d: divisor_override .*-1"),
    "keepdims": (lambda: nn.GlobalAvgPool2d(keepdims="yes"), ValueError, "GlobalAvgPool2d: keepdims .*'yes'"),
    "output_size": (lambda: nn.AdaptiveAvgPool2d(-3), ValueError, "AdaptiveAvgPool2d: output_size .*-3"),
    "upsample": (lambda: nn.Upsample(), ValueError, "Upsample: .*size=None"),
    "upsample, triple": (
        lambda: nn.Upsample(scale_factor=(1, 2, 3)),
        ValueError,
        r"Upsample: scale_factor .*\(1, 2, 3\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls_name_the_argument_and_the_value(name):
    function, (x, *arguments), options, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        function(Tensor(x), *arguments, **options)


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_bad_layers_name_the_argument_and_the_value(name):
    make, kind, message = BAD_LAYERS[name]
    with pytest.raises(kind, match=message):
        make()


def test_multiply_adds_are_those_of_the_two_matrix_products():
    adaptive, bilinear = nn.AdaptiveAvgPool2d(2), nn.Upsample(size=(4, 6), mode="bilinear")
    # A (2, 5) @ x (5, 7), then (2, 7) @ B.T (7, 2), for 3 maps; and A (4, 2) @ x (2, 3), (4, 3) @ B.T (3, 6), for 2
    assert adaptive.multiply_adds((1, 3, 5, 7), (1, 3, 2, 2)) == 3 * (2 * 5 * 7 + 2 * 7 * 2)
    assert bilinear.multiply_adds((2, 1, 2, 3), (2, 1, 4, 6)) == 2 * (4 * 2 * 3 + 4 * 3 * 6)
    assert nn.AdaptiveAvgPool2d(1).multiply_adds((1, 3, 5, 7), (1, 3, 1, 1)) == 0
    assert nn.Upsample(size=(4, 6)).multiply_adds((2, 1, 2, 3), (2, 1, 4, 6)) == 0
