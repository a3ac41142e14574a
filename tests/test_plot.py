"""Pictures: what is drawn is what was given; nothing is shown, no backend is chosen, and bad data are refused."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from minidl import Tensor, plot
from minidl.train import History

FUNCTIONS = {
    "plot_curves": {"loss": [3.0, 2.0]},
    "plot_filters": np.random.default_rng(0).normal(size=(4, 1, 3, 3)),
    "plot_feature_maps": np.random.default_rng(0).random(size=(5, 6, 7)),
    "plot_confusion_matrix": np.array([[3, 1], [0, 2]]),
    "plot_images": np.random.default_rng(0).random(size=(5, 1, 6, 7)),
}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def tiles(ax):
    """The image that the Axes holds, with NaN between the tiles."""
    (image,) = ax.get_images()
    return np.ma.filled(image.get_array().astype(float), np.nan)


def cut(sheet, H, W, rows, columns, gap, head):
    """The tiles of a sheet, one by one."""
    return [sheet[r * (H + head) + head :, c * (W + gap) + gap :][:H, :W] for r in range(rows) for c in range(columns)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_figure_of_its_own_or_the_axes_given(name):
    function = getattr(plot, name)
    own = function(FUNCTIONS[name])
    _, ax = plt.subplots()
    before = len(plt.get_fignums())
    assert function(FUNCTIONS[name], ax=ax) is ax
    assert len(plt.get_fignums()) == before and own is not ax
    assert own.get_title() and ax.get_title() == own.get_title()
    own.figure.canvas.draw()  # with warnings as errors: everything fits


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_shown(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *arguments: pytest.fail("show() was called"))
    getattr(plot, name)(FUNCTIONS[name])


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "plot_curves"])
def test_tensors_and_lists_are_drawn_like_arrays(name):
    function, data = getattr(plot, name), FUNCTIONS[name]
    wanted = tiles(function(data))
    for other in (Tensor(data), data.tolist(), Tensor(data).data):
        assert np.allclose(tiles(function(other)), wanted, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_data_are_not_changed(name):
    if name != "plot_curves":
        data = FUNCTIONS[name].copy()
        data.flags.writeable = False
        getattr(plot, name)(data)


def test_import_does_not_choose_a_backend():
    code = "import minidl.plot, sys; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- curves ----
def test_curves():
    curves = {"loss": [3.0, 2.0], "accuracy": [0.5, 0.6], "val_loss": [4.0, 3.0], "val_accuracy": [0.4, 0.5]}
    ax = plot.plot_curves(curves)
    right = next(other for other in ax.figure.axes if other is not ax)
    drawn = {line.get_label(): line for line in [*ax.get_lines(), *right.get_lines()]}
    for name, values in curves.items():
        assert list(drawn[name].get_xdata()) == [1, 2] and list(drawn[name].get_ydata()) == values
        assert drawn[name].get_linestyle() == ("--" if "val" in name else "-")
        assert drawn[name].axes is (ax if "loss" in name else right)
    assert drawn["loss"].get_color() == drawn["val_loss"].get_color() != drawn["accuracy"].get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "loss",
        "val_loss",
        "accuracy",
        "val_accuracy",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel(), right.get_ylabel()) == ("epoch", "loss", "accuracy")


def test_curves_of_a_history_that_goes_on():
    history = History()
    for epoch in (7, 8, 9):
        history.append(epoch, {"loss": 1.0 / epoch})
    assert list(history.plot().get_lines()[0].get_xdata()) == [8, 9, 10]


def test_curves_of_metrics_alone_and_of_one_epoch():
    ax = plot.plot_curves({"accuracy": [0.5]}, linewidth=3)
    assert ax.get_ylabel() == "accuracy" and ax.get_lines()[0].get_linewidth() == 3
    assert ax.get_lines()[0].get_marker() == "o"


# ---- tiles ----
@pytest.mark.parametrize(("F", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (6, 2, 3), (10, 3, 4)])
def test_filters_of_one_channel_stand_in_a_grid(F, rows, columns):
    weights = np.random.default_rng(0).normal(size=(F, 1, 5, 4))
    found = cut(tiles(plot.plot_filters(weights)), 5, 4, rows, columns, 1, 1)
    for tile, filter in zip(found, weights[:, 0], strict=False):
        assert np.array_equal(tile, filter)
    for empty in found[F:]:
        assert np.isnan(empty).all()


def test_filters_of_many_channels_have_a_row_each():
    weights = np.random.default_rng(0).normal(size=(3, 4, 5, 5))
    ax = plot.plot_filters(weights)
    found = cut(tiles(ax), 5, 5, 3, 4, 1, 1)
    assert np.array_equal(np.array(found).reshape(weights.shape), weights)
    assert np.isnan(tiles(ax)[0]).all() and np.isnan(tiles(ax)[:, 5 + 1]).all()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input channel", "filter")


@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 3)])
def test_filters_without_the_channel_axis(shape):
    plot.plot_filters(np.ones(shape))


def test_zero_is_white_and_the_two_sides_are_mirrored():
    (image,) = plot.plot_filters(np.array([[-2.0, 0.0, 1.0]])).get_images()
    assert image.get_clim() == (-2, 2)
    assert min(image.to_rgba(0.0)[:3]) > 0.95
    negative, positive = image.to_rgba(-2.0), image.to_rgba(2.0)
    assert negative[0] > negative[2] and positive[2] > positive[0]  # orange and purple
    plot.plot_filters(np.zeros((2, 3, 3)))


def test_the_gap_is_no_colour_of_the_maps():
    ax = plot.plot_feature_maps(np.arange(18.0).reshape(2, 3, 3))
    gap = np.array(ax.get_facecolor())
    for name in ("viridis", "PuOr"):
        colours = plt.get_cmap(name)(np.linspace(0, 1, 256))
        assert abs(colours - gap).sum(axis=1).min() > 0.15
    assert tuple(gap) != to_rgba("white")


@pytest.mark.parametrize("leading", [(), (1,)])
def test_feature_maps(leading):
    maps = np.random.default_rng(0).random(size=(*leading, 6, 12, 24))
    ax = plot.plot_feature_maps(maps, cmap="magma")
    found = cut(tiles(ax), 12, 24, 2, 3, 2, 2)
    assert np.array_equal(np.array(found), maps.reshape(6, 12, 24))
    assert ax.get_images()[0].get_cmap().name == "magma"


def test_grey_images_with_titles():
    images = np.random.default_rng(0).random(size=(3, 1, 8, 8))
    ax = plot.plot_images(images, titles=[7, "two", 1])
    found = cut(tiles(ax), 8, 8, 1, 3, 1, 2)
    assert np.array_equal(np.array(found), images[:, 0])
    assert [text.get_text() for text in ax.texts] == ["7", "two", "1"]
    places = [text.get_position() for text in ax.texts]
    assert [x for x, _ in places] == [4.5, 13.5, 22.5]  # over the middle of each


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["float", "integer"])
def test_images_in_colour(kind, last):
    images = np.random.default_rng(0).integers(0, 256, size=(2, 3, 8, 8))
    given = images.transpose(0, 2, 3, 1) if last else images
    ax = plot.plot_images(given / 255 if kind == "float" else given.astype(np.uint8))
    found = cut(ax.get_images()[0].get_array(), 8, 8, 1, 2, 1, 1)
    assert np.allclose(np.array(found), images.transpose(0, 2, 3, 1) / 255, atol=1 / 255)


# ---- confusion matrix ----
def test_confusion_matrix():
    matrix = np.array([[8, 2, 0], [1, 1, 2], [0, 0, 0]])
    ax = plot.plot_confusion_matrix(matrix, classes=["a", "b", "c"])
    assert np.allclose(tiles(ax), [[0.8, 0.2, 0], [0.25, 0.25, 0.5], [0, 0, 0]])
    assert [text.get_text() for text in ax.texts] == [str(n) for n in matrix.ravel()]
    assert [text.get_position() for text in ax.texts] == [(j, i) for i in range(3) for j in range(3)]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_counts_can_be_read_on_every_colour():
    shares = np.arange(0, 101, 10)
    matrix = np.zeros((11, 11), int)
    matrix[:, 0], matrix[:, 1] = shares, 100 - shares
    ax = plot.plot_confusion_matrix(matrix)
    (image,) = ax.get_images()

    def luminance(colour):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgba(colour)[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for text in ax.texts:
        x, y = text.get_position()
        a, b = luminance(text.get_color()), luminance(image.to_rgba(tiles(ax)[y, x]))
        assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 4.5  # WCAG's contrast for text


BAD = {
    "curves: a list": (
        lambda: plot.plot_curves([1.0]),
        TypeError,
        "plot_curves: history must be a History .* got list",
    ),
    "curves: empty": (lambda: plot.plot_curves({}), ValueError, "plot_curves: history must have one number an epoch"),
    "curves: no epochs": (lambda: plot.plot_curves(History()), ValueError, "plot_curves: history must have one number"),
    "curves: unequal": (
        lambda: plot.plot_curves({"loss": [1.0], "val_loss": [1.0, 2.0]}),
        ValueError,
        "plot_curves: .* got lengths {'loss': 1, 'val_loss': 2}",
    ),
    "filters: rank": (lambda: plot.plot_filters(np.ones(3)), ValueError, r"plot_filters: weights .* got \(3,\)"),
    "filters: rank 5": (lambda: plot.plot_filters(np.ones((1,) * 5)), ValueError, "plot_filters: weights must have"),
    "filters: NaN": (lambda: plot.plot_filters(np.full((2, 2), np.nan)), ValueError, "plot_filters: .* finite"),
    "filters: none": (lambda: plot.plot_filters(np.ones((0, 1, 3, 3))), ValueError, "plot_filters: weights is empty"),
    "filters: text": (lambda: plot.plot_filters("w"), TypeError, "plot_filters: weights must hold numbers"),
    "filters: ragged": (
        lambda: plot.plot_filters([[1], [1, 2]]),
        ValueError,
        "plot_filters: weights must be a regular",
    ),
    "maps: a batch": (
        lambda: plot.plot_feature_maps(np.ones((2, 3, 4, 4))),
        ValueError,
        r"plot_feature_maps: maps must have shape \(C, H, W\), for one image, got \(2, 3, 4, 4\)",
    ),
    "images: channels": (
        lambda: plot.plot_images(np.ones((2, 4, 5, 5))),
        ValueError,
        r"plot_images: .* \(2, 4, 5, 5\)",
    ),
    "images: titles": (
        lambda: plot.plot_images(np.ones((2, 5, 5)), titles=["a"]),
        ValueError,
        "plot_images: titles must have 2 entries, got 1",
    ),
    "images: range": (
        lambda: plot.plot_images(np.full((1, 3, 2, 2), 1.5)),
        ValueError,
        "plot_images: images .* got 1.5",
    ),
    "matrix: shape": (
        lambda: plot.plot_confusion_matrix(np.ones((2, 3))),
        ValueError,
        r"plot_confusion_matrix: matrix must have shape \(K, K\), got \(2, 3\)",
    ),
    "matrix: negative": (
        lambda: plot.plot_confusion_matrix([[-1]]),
        ValueError,
        "matrix must hold counts >= 0, got -1",
    ),
    "matrix: classes": (
        lambda: plot.plot_confusion_matrix(np.eye(2), classes=["a"]),
        ValueError,
        "plot_confusion_matrix: classes must have 2 names, got 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name):
    call, kind, message = BAD[name]
    figures = plt.get_fignums()
    with pytest.raises(kind, match=message):
        call()
    assert plt.get_fignums() == figures
