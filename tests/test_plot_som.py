"""Pictures of maps: cells where the units are, colours and areas that say what was asked; and moving pictures."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from minidl import Tensor, nn, plot
from minidl.nn import som_grid
from minidl.plot.cells import polygons

X = np.random.default_rng(0).random((40, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 40)
TOPOLOGIES = sorted(som_grid.TOPOLOGIES)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def learned(rows=4, cols=5, in_features=3, **options):
    som = nn.SOM(rows, cols, in_features, **options)
    return som.partial_fit(np.random.default_rng(0).random((40, in_features)), total_steps=40)


def gone(**options):
    """A map with given weights: the unit k stands for k, k, k."""
    som = nn.SOM(2, 3, 3, **options)
    som.load_state_dict(som.state_dict() | {"weights": np.arange(6.0).repeat(3).reshape(2, 3, 3).astype("float32")})
    return som


def areas(collection):
    corners = np.array([path.vertices[:-1] for path in collection.get_paths()])
    x, y = corners[..., 0], corners[..., 1]
    return abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2


FUNCTIONS = {
    "plot_units": lambda som, **options: plot.plot_units(som, np.arange(20).reshape(4, 5), **options),
    "plot_u_matrix": plot.plot_u_matrix,
    "plot_component_planes": plot.plot_component_planes,
    "plot_hits": lambda som, **options: plot.plot_hits(som, X, **options),
    "plot_labels_map": lambda som, **options: plot.plot_labels_map(som, X, Y, **options),
    "plot_prototypes": lambda som, **options: plot.plot_prototypes(som, (3, 1, 1), **options),
}


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_figure_of_its_own_or_the_axes_given(name, topology, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *arguments: pytest.fail("show() was called"))
    som = learned(topology=topology)
    weights = som.weights.numpy()
    own = FUNCTIONS[name](som)
    _, ax = plt.subplots()
    before = len(plt.get_fignums())
    assert FUNCTIONS[name](som, ax=ax) is ax
    assert len(plt.get_fignums()) == before and own is not ax
    assert own.get_title() and ax.get_title() == own.get_title()
    assert own.get_aspect() == 1
    own.figure.canvas.draw()  # with warnings as errors: everything fits
    assert np.array_equal(som.weights.numpy(), weights)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_torus_says_so(name):
    assert FUNCTIONS[name](learned(toroidal=True)).get_title().endswith("(a torus)")
    assert "torus" not in FUNCTIONS[name](learned()).get_title()


# ---- cells ----
@given(rows=st.integers(1, 5), cols=st.integers(1, 5), topology=st.sampled_from(TOPOLOGIES))
def test_cells_share_a_side_where_units_are_nearest_and_overlap_nowhere(rows, cols, topology):
    som = nn.SOM(rows, cols, 1, topology=topology)
    cells = polygons(som)
    assert np.allclose(cells.mean(axis=1), som.places().reshape(-1, 2))
    sides = np.linalg.norm(cells - np.roll(cells, 1, axis=1), axis=2)
    assert np.allclose(sides, sides[0, 0])  # regular
    gaps = np.linalg.norm(cells[:, None, :, None] - cells[:, None], axis=-1)  # (K, K, corners, corners)
    shared = (gaps < 1e-9).sum(axis=(2, 3))
    near = abs(som.grid_distances() - 1) < 1e-9
    assert (shared[near] == 2).all()
    apart = som.grid_distances() > 1.01
    assert (shared[apart] <= 1).all()
    if topology == "hexagonal":
        assert (shared[apart] == 0).all()
        assert np.array_equal(near, som_grid.neighbours(rows, cols, topology, False))
    (collection,) = plot.plot_units(som, np.zeros((rows, cols))).collections
    plt.close("all")
    one = 1 if topology == "rectangular" else math.sqrt(3) / 2  # the area that a unit of the grid has
    assert np.allclose(areas(collection), one)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_row_0_is_at_the_top_and_all_cells_are_in_sight(topology):
    ax = plot.plot_units(learned(topology=topology), np.zeros((4, 5)))
    corners = polygons(learned(topology=topology)).reshape(-1, 2)
    assert ax.yaxis_inverted() and not ax.xaxis_inverted()
    assert np.allclose(ax.get_xlim(), (corners[:, 0].min(), corners[:, 0].max()))
    assert np.allclose(ax.get_ylim()[::-1], (corners[:, 1].min(), corners[:, 1].max()))
    assert [text.get_text() for text in ax.get_yticklabels()] == list("0123")
    assert np.allclose(ax.get_yticks(), np.arange(4) * (1 if topology == "rectangular" else math.sqrt(0.75)))


def test_units_in_numbers_and_in_colours():
    som, numbers = learned(), np.arange(20.0).reshape(4, 5)
    for given_as in (numbers, Tensor(numbers), numbers.tolist()):
        (collection,) = plot.plot_units(som, given_as, cmap="magma", clim=(0, 40)).collections
        assert np.array_equal(collection.get_array(), numbers.ravel())
        assert collection.get_cmap().name == "magma" and collection.get_clim() == (0, 40)
    colours = np.random.default_rng(0).random((4, 5, 3))
    ax = plot.plot_units(som, colours, edgecolors="black")
    assert np.allclose(ax.collections[0].get_facecolor()[:, :3], colours.reshape(-1, 3))
    assert to_hex(ax.collections[0].get_edgecolor()[0]) == "#000000" and len(ax.figure.axes) == 1


# ---- the pictures ----
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_u_matrix(topology):
    som = learned(topology=topology)
    ax = plot.plot_u_matrix(som)
    assert np.array_equal(ax.collections[0].get_array(), som.u_matrix().ravel())
    assert ax.figure.axes[1].get_ylabel() == "mean distance to the units around"


def test_hits_are_areas():
    som = gone()
    x = np.repeat([[0, 0, 0], [2, 2, 2], [5, 5, 5]], (1, 4, 9), axis=0)
    ax = plot.plot_hits(som, x, facecolors="red")
    outlines, filled = ax.collections
    assert areas(outlines) == pytest.approx([1] * 6)
    assert areas(filled) == pytest.approx(0.81 * np.array([1, 4, 9]) / 9)
    centres = [path.vertices[:-1].mean(axis=0) for path in filled.get_paths()]
    assert np.allclose(centres, som.places().reshape(-1, 2)[[0, 2, 5]])
    assert to_hex(filled.get_facecolor()[0]) == "#ff0000"
    assert ax.get_title() == "14 rows; most on one unit: 9; units without: 3"


def test_labels_map():
    x = np.repeat([[0, 0, 0], [2, 2, 2], [5, 5, 5]], (2, 3, 1), axis=0)
    ax = plot.plot_labels_map(gone(), x, [1, 1, 0, 12, 12, 2], names=[f"class {k}" for k in range(13)])
    assert [(text.get_text(), text.get_position()) for text in ax.texts] == [
        ("1", (0, 0)),
        ("12", (2, 0)),
        ("2", (2, 1)),
    ]
    colours = [to_hex(colour) for colour in ax.collections[0].get_facecolor()]
    assert colours[1] == colours[3] == colours[4] == "#eeeeee"
    assert len({colours[0], colours[5], colours[1]}) == 3
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["1 class 1", "2 class 2", "12 class 12"]
    drawn = [to_hex(patch.get_facecolor()) for patch in legend.get_patches()]
    assert drawn == [colours[0], colours[5], colours[2]]
    assert plot.plot_labels_map(gone(), x, [1, 1, 0, 0, 0, 2]).get_legend() is None


def test_the_numbers_of_classes_can_be_read():
    som = nn.SOM(2, 5, 1)
    som.load_state_dict(som.state_dict() | {"weights": np.arange(10, dtype="float32").reshape(2, 5, 1)})
    ax = plot.plot_labels_map(som, np.arange(10.0)[:, None], np.arange(10))

    def luminance(colour):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for text, face in zip(ax.texts, ax.collections[0].get_facecolor(), strict=True):
        a, b = luminance(text.get_color()), luminance(face[:3])
        assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 4.5  # WCAG's contrast for text


@pytest.mark.parametrize("D", [1, 3, 5])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_component_planes(D, topology):
    som = learned(in_features=D, topology=topology)
    ax = plot.plot_component_planes(som, names=[f"f{d}" for d in range(D)])
    w = som.weights.numpy().reshape(20, D)
    low, high = w.min(axis=0), w.max(axis=0)
    (cells,) = ax.collections
    assert np.allclose(cells.get_array().reshape(D, 20), ((w - low) / (high - low)).T)
    assert [text.get_text() for text in ax.texts] == [f"f{d}\n{low[d]:.3g} to {high[d]:.3g}" for d in range(D)]
    boxes = np.array([path.vertices for path in cells.get_paths()]).reshape(D, -1, 2)
    for d, (left, top) in enumerate(text.get_position() for text in ax.texts):
        assert np.allclose(boxes[d].min(axis=0)[0], left) and top < boxes[d].min(axis=0)[1]  # its name is above it
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    for a in range(D):
        for b in range(a):
            assert (low[a] > high[b]).any() or (low[b] > high[a]).any()  # apart


def test_a_plane_of_equal_weights():
    ax = plot.plot_component_planes(nn.SOM(2, 2, 2).partial_fit([[0, 1], [1, 1]]))
    assert not ax.collections[0].get_array()[4:].any() and ax.texts[1].get_text() == "feature 1\n1 to 1"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_prototypes_stand_where_their_units_are(topology):
    som = learned(4, 5, 24, topology=topology)
    (image,) = plot.plot_prototypes(som, (4, 6), cmap="magma").get_images()
    sheet = np.ma.filled(image.get_array().astype(float), np.nan)
    for i, j in np.ndindex(4, 5):
        top, left = 5 * i + 1, 7 * j + 1 + (3 if topology == "hexagonal" and i % 2 else 0)
        assert np.allclose(sheet[top : top + 4, left : left + 6], som.weights.numpy()[i, j].reshape(4, 6))
    assert (~np.isnan(sheet)).sum() == 4 * 5 * 24
    assert image.get_cmap().name == "magma"


def test_prototypes_in_colour():
    som = learned(2, 3, 12)
    (image,) = plot.plot_prototypes(som, (3, 2, 2)).get_images()
    sheet = image.get_array()
    for i, j in np.ndindex(2, 3):
        wanted = som.weights.numpy()[i, j].reshape(3, 2, 2).transpose(1, 2, 0)
        assert np.allclose(sheet[3 * i + 1 :, 3 * j + 1 :][:2, :2], wanted, atol=1 / 255)


def test_one_channel_is_grey():
    som = learned(2, 3, 12)
    one, two = (plot.plot_prototypes(som, shape).get_images()[0].get_array() for shape in ((1, 3, 4), [3, 4]))
    assert np.ma.allequal(one, two)


@settings(max_examples=8)
@given(
    rows=st.integers(1, 6),
    cols=st.integers(1, 6),
    topology=st.sampled_from(TOPOLOGIES),
    distance=st.sampled_from(["euclidean", "manhattan"]),
    seed=st.integers(0, 99),
)
def test_pictures_of_every_map(rows, cols, topology, distance, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((9, 4)), rng.integers(0, 4, 9)
    som = nn.SOM(rows, cols, 4, topology=topology, distance=distance).partial_fit(x)
    try:
        for ax in (
            plot.plot_units(som, som.hit_map(x)),
            plot.plot_u_matrix(som),
            plot.plot_component_planes(som),
            plot.plot_prototypes(som, (2, 2)),
            plot.plot_hits(som, x),
            plot.plot_labels_map(som, x, y, names="abcd"),
        ):
            ax.figure.canvas.draw()
        assert len(ax.texts) == (som.hit_map(x) > 0).sum()
    finally:
        plt.close("all")


# ---- moving pictures ----
def frames(path):
    with Image.open(path) as gif:
        found = []
        for k in range(gif.n_frames):
            gif.seek(k)
            found.append((np.asarray(gif.convert("RGB")).astype(int), gif.info["duration"]))
        return found, gif.info.get("loop")


@settings(max_examples=3)
@given(n=st.integers(1, 3), fps=st.sampled_from([5, 20]))
def test_a_frame_an_epoch(n, fps, tmp_path_factory):
    path = tmp_path_factory.mktemp("gif") / "units.GIF"
    trained = []

    def epochs():
        for epoch in range(n):
            trained.append(epoch)
            yield epoch

    def draw(ax, epoch):
        assert trained[-1] == epoch  # drawn as soon as it is trained
        plot.plot_units(nn.SOM(1, 1, 1), np.full((1, 1, 3), (epoch + 1) / n), ax=ax)

    plot.animate_training(epochs(), draw, path, fps=fps)
    found, _ = frames(path)
    assert len(found) == n and not plt.get_fignums()
    for epoch, (frame, duration) in enumerate(found):
        middle = frame[frame.shape[0] // 2, frame.shape[1] // 2]
        assert abs(middle - 255 * (epoch + 1) / n).max() <= 3
        assert duration == 1000 // fps


def test_colour_bars_do_not_pile_up(tmp_path):
    som, seen = learned(), []

    def draw(ax, _):
        plot.plot_u_matrix(som, ax=ax)
        seen.append(len(ax.figure.axes))

    plot.animate_training(range(3), draw, tmp_path / "a.gif")
    assert seen == [2, 2, 2]


def test_what_fails_half_way_leaves_nothing_behind(tmp_path):
    def epochs():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plot.animate_training(epochs(), lambda ax, _: ax.plot([1, 2]), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir()) and not plt.get_fignums()


# ---- bad input ----
BAD = {
    "no map": (lambda: plot.plot_u_matrix(X), TypeError, "plot_u_matrix: som must be a minidl.nn.SOM, got ndarray"),
    "no map, units": (lambda: plot.plot_units(None, X), TypeError, "plot_units: som must be .* got NoneType"),
    "no map, planes": (
        lambda: plot.plot_component_planes(1),
        TypeError,
        "plot_component_planes: som must be .* got int",
    ),
    "no map, images": (lambda: plot.plot_prototypes(X, (1, 3)), TypeError, "plot_prototypes: som must be a minidl"),
    "no map, hits": (lambda: plot.plot_hits(X, X), TypeError, "plot_hits: som must be a minidl.nn.SOM"),
    "no map, labels": (lambda: plot.plot_labels_map(X, X, Y), TypeError, "plot_labels_map: som must be a minidl.nn"),
    "unfit, U-matrix": (
        lambda: plot.plot_u_matrix(nn.SOM(2, 2, 3)),
        ValueError,
        r"no weights yet; call fit\(x\) first",
    ),
    "unfit, planes": (
        lambda: plot.plot_component_planes(nn.SOM(2, 2, 3)),
        ValueError,
        r"plot_component_planes: the map has no weights yet; call fit\(x\) first",
    ),
    "unfit, images": (
        lambda: plot.plot_prototypes(nn.SOM(2, 2, 3), (1, 3)),
        ValueError,
        "plot_prototypes: the map has no weights yet",
    ),
    "unfit, hits": (lambda: plot.plot_hits(nn.SOM(2, 2, 3), X), ValueError, "no weights yet"),
    "features": (lambda: plot.plot_hits(gone(), X[:, :2]), ValueError, r"in_features=3, got shape \(40, 2\)"),
    "labels": (lambda: plot.plot_labels_map(gone(), X, Y[:9]), ValueError, r"y must have shape \(40,\)"),
    "names of classes": (
        lambda: plot.plot_labels_map(gone(), [[0.0] * 3], [2], names="ab"),
        ValueError,
        "plot_labels_map: names must have 3 entries or more, got 2",
    ),
    "names of features": (
        lambda: plot.plot_component_planes(gone(), names="ab"),
        ValueError,
        "plot_component_planes: names must have 3 entries, got 2",
    ),
    "values": (
        lambda: plot.plot_units(gone(), np.ones((3, 2))),
        ValueError,
        r"plot_units: values must have shape \(2, 3\) or \(2, 3, 3\), got \(3, 2\)",
    ),
    "values, NaN": (
        lambda: plot.plot_units(gone(), np.full((2, 3), np.nan)),
        ValueError,
        "plot_units: values .* finite",
    ),
    "colours": (lambda: plot.plot_units(gone(), np.full((2, 3, 3), 2)), ValueError, r"plot_units: .* \[0, 1\], got 2"),
    "shape": (
        lambda: plot.plot_prototypes(gone(), (2, 2)),
        ValueError,
        r"plot_prototypes: shape must be .* for in_features=3, got \(2, 2\)",
    ),
    "shape, channels": (
        lambda: plot.plot_prototypes(learned(2, 2, 8), (2, 2, 2)),
        ValueError,
        r"plot_prototypes: shape must be .* got \(2, 2, 2\)",
    ),
    "shape, one number": (lambda: plot.plot_prototypes(gone(), (3,)), ValueError, "plot_prototypes: shape must be"),
    "shape, text": (lambda: plot.plot_prototypes(gone(), "3x1"), TypeError, "plot_prototypes: shape must be"),
    "images": (
        lambda: plot.plot_prototypes(gone(), (3, 1, 1)),
        ValueError,
        r"plot_prototypes: the weights of som must be in \[0, 1\], got 2.0",
    ),
    "no GIF": (
        lambda: plot.animate_training([1], print, "a.png"),
        ValueError,
        "animate_training: path must end in .gif, got 'a.png'",
    ),
    "no frames": (
        lambda: plot.animate_training([], print, "a.gif"),
        ValueError,
        "animate_training: epochs must have at least one item, got none",
    ),
    "no function": (
        lambda: plot.animate_training([1], None, "a.gif"),
        TypeError,
        "animate_training: draw must be a function .* got NoneType",
    ),
    "no pace": (
        lambda: plot.animate_training([1], print, "a.gif", fps=0),
        ValueError,
        "animate_training: fps must be >= 1, got 0",
    ),
    "no folder": (
        lambda: plot.animate_training([1], print, "nowhere/a.gif"),
        OSError,
        "nowhere",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, kind, message = BAD[name]
    figures = plt.get_fignums()
    with pytest.raises(kind, match=message):
        call()
    assert plt.get_fignums() == figures and not list(tmp_path.iterdir())
