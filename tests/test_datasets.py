r"""minidl.datasets: facts of the embedded sets, and every made-up point against its definition."""

import hashlib
import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import datasets as D
from minidl.datasets import embedded
from minidl.datasets.shapes import SHAPES

# ---- embedded: compared with what the papers and the repository say, not with our own output ----

LOADERS = (D.load_digits, D.load_iris, D.load_wine, D.load_karate_club)


@pytest.mark.parametrize("load", LOADERS)
def test_loader_returns_fresh_float32_and_int64(load):
    data = load()
    x, y = data
    assert x is data.x and y is data.y
    assert x.dtype == np.float32 and y.dtype == np.int64 and len(x) == len(y)
    assert x.flags.writeable and y.flags.writeable and np.isfinite(x).all()
    assert set(y.tolist()) == set(range(len(data.names)))
    assert len(data.features) == math.prod(x.shape[1:])
    assert data.source and data.licence in load.__doc__ and "Source:" in data.description
    assert "Source" in load.__doc__ and "Licence" in load.__doc__
    x[:] = -1
    assert (load().x >= 0).all(), "one caller's changes reach the next"
    with pytest.raises(AttributeError):
        data.x = None


def test_digits_facts():
    x, y = D.load_digits()
    assert x.shape == (1797, 1, 8, 8) and x.min() == 0 and x.max() == 1
    assert np.array_equal(x * 16, np.round(x * 16))
    # "class: number of examples in testing set", UCI
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    flat = D.load_digits(flat=True).x
    assert flat.shape == (1797, 64) and np.array_equal(flat, x.reshape(1797, 64))
    # a zero is empty in the middle, an eight is not; the left and right columns hold no ink to speak of
    assert x[y == 0, 0, 3:5, 3:5].mean() < 0.15 < 0.5 < x[y == 8, 0, 3:5, 3:5].mean()
    assert x[:, 0, :, 0].mean() < 0.01


def test_iris_facts():
    x, y = D.load_iris()
    assert np.bincount(y).tolist() == [50, 50, 50]
    means = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]
    for k in range(3):  # Fisher 1936, the table of means
        np.testing.assert_allclose(x[y == k].mean(axis=0, dtype=np.float64), means[k], atol=5e-7)
    np.testing.assert_array_equal(x[34], np.float32([4.9, 3.1, 1.5, 0.2]))
    np.testing.assert_array_equal(x[37], np.float32([4.9, 3.6, 1.4, 0.1]))


def test_wine_facts():
    wine = D.load_wine()
    assert wine.x.shape == (178, 13) and np.bincount(wine.y).tolist() == [59, 71, 48]
    # the summary table of the repository: smallest, largest, mean, to the digits printed there
    table = {"alcohol": (11.0, 14.8, 13.0), "malic_acid": (0.74, 5.80, 2.34), "ash": (1.36, 3.23, 2.36)}
    table |= {"magnesium": (70, 162, 99.7), "hue": (0.48, 1.71, 0.96), "proline": (278, 1680, 746)}
    for name, (low, high, mean) in table.items():
        column = wine.x[:, wine.features.index(name)]
        np.testing.assert_allclose([column.min(), column.max()], [low, high], atol=0.05)
        assert column.mean() == pytest.approx(mean, rel=0.005)


def test_karate_club_facts():
    x, y = D.load_karate_club()
    assert x.shape == (34, 34) and np.array_equal(x, x.T) and not x.diagonal().any() and set(np.unique(x)) == {0, 1}
    assert x.sum() == 2 * 78
    degrees = x.sum(axis=1)
    assert degrees[[33, 0, 32]].tolist() == [17, 16, 12] and degrees.argsort()[-3:].tolist() == [32, 0, 33]
    assert np.flatnonzero(degrees == 1).tolist() == [11]  # member 12 knows only Mr. Hi
    assert np.trace(x @ x @ x) == 6 * 45  # konect.cc: 45 triangles
    assert np.linalg.eigvalsh(x.astype(np.float64))[-1] == pytest.approx(6.72570, abs=5e-5)  # konect.cc: spectral norm
    assert np.bincount(y).tolist() == [17, 17] and y[0] == 0 and y[33] == 1
    with_mr_hi = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22]
    assert (np.flatnonzero(y == 0) + 1).tolist() == with_mr_hi


def test_every_embedded_file_has_its_digest():
    folder = resources.files("minidl.datasets") / "data"
    files = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir() if f.name.endswith(".npz")}
    assert files == embedded.SHA256
    assert D.verify() == tuple(embedded.SHA256)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:100] + bytes([b[100] ^ 1]) + b[101:], lambda b: b""])
def test_a_damaged_file_is_named(damage, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for name in embedded.SHA256:
        content = (resources.files("minidl.datasets") / "data" / name).read_bytes()
        (tmp_path / "data" / name).write_bytes(damage(content) if name == "wine.npz" else content)
    monkeypatch.setattr(embedded.resources, "files", lambda package: tmp_path)
    assert len(D.load_iris().x) == 150
    for call in (D.verify, D.load_wine):
        with pytest.raises(ValueError, match=r"wine\.npz is damaged"):
            call()


# ---- made up: every point against the definition ----

MAKERS = {
    "moons": lambda n, **k: D.make_moons(n, noise=0.1, **k),
    "circles": lambda n, **k: D.make_circles(n, noise=0.1, **k),
    "spirals": lambda n, **k: D.make_spirals(n, n_classes=3, noise=0.1, **k),
    "blobs": lambda n, **k: D.make_blobs(n, 4, centers=3, **k),
    "xor": lambda n, **k: D.make_xor(n, **k),
    "sines": lambda n, **k: D.make_sines(n, 7, noise=0.1, **k),
}
sizes = st.integers(1, 200)
seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_decides_everything(name):
    make = MAKERS[name]
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what must not move
    x, y = make(60, seed=7)
    again_x, again_y = make(60, seed=7)
    assert np.array_equal(x, again_x) and np.array_equal(y, again_y)
    assert not np.array_equal(x, make(60, seed=8)[0])
    assert np.array_equal(make(60)[0], make(60, seed=0)[0])
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "sines"])
@given(n=st.integers(3, 200), seed=seeds)
def test_classes_are_balanced_and_mixed(name, n, seed):
    x, y = MAKERS[name](n, seed=seed)
    assert x.dtype == np.float32 and y.dtype == np.int64 and x.shape[0] == n and y.shape == (n,)
    counts = np.bincount(y)
    assert counts.sum() == n and counts.max() - counts.min() <= 1
    if n >= 60:
        assert (np.diff(y) < 0).any(), "the rows come sorted by class"


@given(n=sizes, seed=seeds)
def test_moons_lie_on_their_half_circles(n, seed):
    x, y = D.make_moons(n, seed=seed)
    upper, lower = x[y == 0], x[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, atol=1e-6)
    assert (upper[:, 1] >= -1e-6).all() and (lower[:, 1] <= 0.5 + 1e-6).all()
    if n >= 4:  # the arcs reach from end to end
        assert np.ptp(upper[:, 0]) == pytest.approx(2) and np.ptp(lower[:, 0]) == pytest.approx(2)


@given(n=sizes, factor=st.floats(0, 0.99), seed=seeds)
def test_circles_have_their_radius_and_even_spacing(n, factor, seed):
    x, y = D.make_circles(n, factor=factor, seed=seed)
    radius = np.hypot(*x.T)
    np.testing.assert_allclose(radius[y == 0], 1, atol=1e-6)
    np.testing.assert_allclose(radius[y == 1], factor, atol=1e-6)
    angles = np.sort(np.arctan2(x[y == 0, 1], x[y == 0, 0]))
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi / len(angles), atol=1e-5)


@given(n=st.integers(4, 200), k=st.integers(2, 4), turns=st.floats(0.1, 4), seed=seeds)
def test_spirals_turn_with_their_radius(n, k, turns, seed):
    x, y = D.make_spirals(n, n_classes=k, turns=turns, seed=seed)
    r = np.hypot(*x.T.astype(np.float64))
    theta = 2 * np.pi * (turns * r + y / k)
    np.testing.assert_allclose(x, np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1), atol=1e-5)
    for arm in range(k):
        np.testing.assert_allclose(np.sort(r[y == arm])[[0, -1]], [1 / (y == arm).sum(), 1], rtol=1e-6)


def test_blobs_have_their_centres_and_spread():
    centers = [[0, 0, 0], [5, -5, 9], [100, 0, 3], [-7, 1, 1]]
    x, y = D.make_blobs(40_000, centers=centers, cluster_std=2.0)
    assert x.shape == (40_000, 3)
    for k, center in enumerate(centers):  # 10,000 rows: five standard errors of a mean and of a deviation
        np.testing.assert_allclose(x[y == k].mean(axis=0), center, atol=5 * 2 / 100)
        np.testing.assert_allclose(x[y == k].std(axis=0), 2, atol=5 * 2 / math.sqrt(2 * 10_000))
    exact, labels = D.make_blobs(10, centers=centers, cluster_std=0)
    assert np.array_equal(exact, np.float32(centers)[labels])
    drawn, _ = D.make_blobs(50, 6, centers=50, cluster_std=0, center_box=(3, 4))
    assert drawn.shape == (50, 6) and drawn.min() >= 3 and drawn.max() <= 4 and len(np.unique(drawn[:, 0])) == 50


@given(n=sizes, seed=seeds)
def test_xor_labels_its_quadrants(n, seed):
    x, y = D.make_xor(n, seed=seed)
    assert (x >= 0).all() and (x <= 1).all()
    right, top = (x >= 0.5).T
    assert np.array_equal(y, right ^ top)
    if n >= 4:
        assert len(np.unique(2 * right + top)) == 4


def test_xor_without_a_number_is_the_truth_table():
    x, y = D.make_xor()
    assert x.dtype == np.float32 and y.dtype == np.int64
    assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and y.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("make", [D.make_moons, D.make_circles, D.make_spirals, D.make_xor])
def test_noise_is_gaussian_with_the_deviation_asked_for(make):
    noisy, clean = make(20_000, noise=0.3)[0], make(20_000)[0]
    excess = np.sort(noisy, axis=0).var(axis=0, dtype=np.float64) - np.sort(clean, axis=0).var(axis=0, dtype=np.float64)
    np.testing.assert_allclose(excess, 0.09, atol=0.015)  # variances add up; about 4 standard errors


@given(n=st.integers(1, 20), n_steps=st.integers(4, 60), seed=seeds)
def test_sines_obey_their_recurrence(n, n_steps, seed):
    x, y = D.make_sines(n, n_steps, period=(8, 12), seed=seed)
    assert x.shape == y.shape == (n, n_steps, 1) and x.dtype == y.dtype == np.float32
    assert np.array_equal(x[:, 1:], y[:, :-1]) and not np.shares_memory(x, y)
    s = np.concatenate([x, y[:, -1:]], axis=1)[:, :, 0].astype(np.float64)
    middle, neighbours = s[:, 1:-1], s[:, 2:] + s[:, :-2]
    c = (neighbours * middle).sum(axis=1) / (middle**2).sum(axis=1)  # least squares for 2 cos(2 pi / period)
    np.testing.assert_allclose(neighbours, c[:, None] * middle, atol=2e-6)
    period = 2 * np.pi / np.arccos(c / 2)
    assert (period >= 8 - 1e-3).all() and (period <= 12 + 1e-3).all()


def test_sines_noise():
    noisy, clean = D.make_sines(100, 200, noise=0.5)[0], D.make_sines(100, 200)[0]
    assert (noisy - clean).std() == pytest.approx(0.5, rel=0.03)


# ---- shapes ----


@settings(max_examples=15)
@given(n=st.integers(1, 8), size=st.integers(16, 70), max_shapes=st.integers(1, 4), seed=seeds)
def test_shapes_are_what_the_targets_say(n, size, max_shapes, seed):
    images, targets = D.make_shapes(n, size, max_shapes=max_shapes, noise=0, seed=seed)
    assert images.shape == (n, 3, size, size) and images.dtype == np.float32 and len(targets) == n
    assert images.min() >= 0 and images.max() <= 1
    for image, target in zip(images, targets, strict=True):
        boxes, labels, masks = target["boxes"], target["labels"], target["masks"]
        assert boxes.dtype == np.float32 and labels.dtype == np.int64 and masks.dtype == bool
        m = len(labels)
        assert 1 <= m <= max_shapes and boxes.shape == (m, 4) and masks.shape == (m, size, size)
        assert masks.sum(axis=0).max() == 1, "a pixel belongs to two shapes"
        background = image[:, ~masks.any(axis=0)]
        assert (background == background[:, :1]).all()
        for box, mask in zip(boxes, masks, strict=True):
            colour = image[:, mask]
            assert (colour == colour[:, :1]).all() and (abs(colour[:, 0] - background[:, 0]) >= 0.25 - 1e-6).all()
            x1, y1, x2, y2 = box.astype(int)
            assert np.array_equal(box, [x1, y1, x2, y2]) and 0 <= x1 < x2 <= size and 0 <= y1 < y2 <= size
            inside = mask[y1:y2, x1:x2]
            assert inside.sum() == mask.sum(), "pixels outside the box"
            assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any(), "box too big"


def test_the_front_shape_is_whole_and_of_its_class():
    _, targets = D.make_shapes(300, 64, seed=1)
    filled = {name: [] for name in SHAPES}
    for target in targets:
        x1, y1, x2, y2 = target["boxes"][0].astype(int)
        inside = target["masks"][0][y1:y2, x1:x2]  # the first is in front: nothing hides it
        assert 11 <= x2 - x1 <= 27 and abs((x2 - x1) - (y2 - y1)) <= 2  # 2 r, r = 6.4 ... 12.8
        name = list(SHAPES)[target["labels"][0]]
        filled[name].append(inside.mean())
        if name == "triangle":  # widest at the bottom, and symmetric to a pixel
            rows = inside.sum(axis=1)
            assert (np.diff(rows) >= 0).all() and rows[-1] >= 0.8 * (x2 - x1) and rows[0] <= 2
    assert min(filled["square"]) == 1.0
    assert np.mean(filled["circle"]) == pytest.approx(math.pi / 4, abs=0.02)
    assert np.mean(filled["triangle"]) == pytest.approx(0.5, abs=0.04)


def test_shapes_overlap_but_mostly_show():
    _, targets = D.make_shapes(600, 64, seed=2)
    touching = 0
    for target in targets:
        for box, label, mask in zip(target["boxes"], target["labels"], target["masks"], strict=True):
            smallest = {0: 12.8**2, 1: math.pi * 6.4**2, 2: 12.8**2 / 2}[int(label)]
            assert mask.sum() >= 0.75 * smallest * 0.9  # 0.9: the pixel grid
            touching += bool(label == 0 and mask.sum() < (box[2] - box[0]) * (box[3] - box[1]))
    assert touching > 10, "no square is ever hidden in part: nothing overlaps"


def test_shapes_are_balanced_seeded_and_noisy():
    images, targets = D.make_shapes(200, 32, seed=3)
    counts = np.bincount(np.concatenate([t["labels"] for t in targets]), minlength=3)
    assert counts.max() - counts.min() <= 1
    assert set(map(len, (t["labels"] for t in targets))) == {1, 2, 3}
    again, targets_again = D.make_shapes(200, 32, seed=3)
    assert np.array_equal(images, again)
    assert all(np.array_equal(a[k], b[k]) for a, b in zip(targets, targets_again, strict=True) for k in a)
    assert not np.array_equal(images, D.make_shapes(200, 32, seed=4)[0])
    assert images.min() >= 0 and images.max() <= 1
    pixels = [image[c, mask] for image, t in zip(images, targets, strict=True) for mask in t["masks"] for c in range(3)]
    away_from_the_ends = [p.std() for p in pixels if 0.3 < np.median(p) < 0.7]  # where nothing is clipped
    assert np.mean(away_from_the_ends) == pytest.approx(0.05, rel=0.03)


# ---- bad input: the message names the function, the argument and the value ----

BAD = {
    "moons 0": (lambda: D.make_moons(0), ValueError, "make_moons: n_samples must be >= 1, got 0"),
    "moons 2.5": (lambda: D.make_moons(2.5), TypeError, "make_moons: n_samples must be an integer, got 2.5"),
    "moons True": (lambda: D.make_moons(True), TypeError, "n_samples must be an integer, got True"),
    "moons noise": (lambda: D.make_moons(noise=-0.1), ValueError, "make_moons: noise must be >= 0, got -0.1"),
    "moons noise nan": (lambda: D.make_moons(noise=math.nan), ValueError, "noise must be a finite number, got nan"),
    "moons seed": (lambda: D.make_moons(seed=-1), ValueError, "make_moons: seed must be >= 0, got -1"),
    "moons seed None": (lambda: D.make_moons(seed=None), TypeError, "seed must be an integer, got None"),
    "circles factor 1": (lambda: D.make_circles(factor=1), ValueError, "make_circles: factor must be < 1, got 1"),
    "circles factor -1": (lambda: D.make_circles(factor=-1), ValueError, "factor must be >= 0, got -1"),
    "circles -5": (lambda: D.make_circles(-5), ValueError, "make_circles: n_samples must be >= 1, got -5"),
    "spirals 1 class": (lambda: D.make_spirals(n_classes=1), ValueError, "n_classes must be >= 2, got 1"),
    "spirals many": (lambda: D.make_spirals(5, n_classes=2**60), ValueError, "n_classes must be <= 5, got 11529215"),
    "spirals turns": (lambda: D.make_spirals(turns=0), ValueError, "make_spirals: turns must be > 0, got 0"),
    "blobs centers 0": (lambda: D.make_blobs(centers=0), ValueError, "make_blobs: centers must be >= 1, got 0"),
    "blobs centers True": (lambda: D.make_blobs(centers=True), TypeError, "centers must be an integer, got True"),
    "blobs centers many": (lambda: D.make_blobs(9, centers=2**50), ValueError, "centers must be <= 9, got 11258999"),
    "blobs centers 1-d": (lambda: D.make_blobs(centers=[1, 2]), ValueError, r"shape \(K, D\), got \(2,\)"),
    "blobs centers none": (lambda: D.make_blobs(centers=np.ones((0, 2))), ValueError, r"at least one, got \[\]"),
    "blobs centers nan": (lambda: D.make_blobs(centers=[[0, math.nan]]), ValueError, r"finite.*got \[\[0.0, nan\]\]"),
    "blobs centers ragged": (lambda: D.make_blobs(centers=[[1], [1, 2]]), TypeError, r"got \[\[1\], \[1, 2\]\]"),
    "blobs centers word": (lambda: D.make_blobs(centers="two"), TypeError, "make_blobs: centers .* got 'two'"),
    "blobs std": (lambda: D.make_blobs(cluster_std=-1), ValueError, "cluster_std must be >= 0, got -1"),
    "blobs box order": (lambda: D.make_blobs(center_box=(1, 1)), ValueError, r"low < high, got \(1, 1\)"),
    "blobs box": (lambda: D.make_blobs(center_box=3), ValueError, r"center_box must be \(low, high\), got 3"),
    "blobs features": (lambda: D.make_blobs(10, 0), ValueError, "make_blobs: n_features must be >= 1, got 0"),
    "blobs size": (lambda: D.make_blobs(2**30, 2**30), ValueError, "make_blobs: .* would hold"),
    "xor 0": (lambda: D.make_xor(0), ValueError, "make_xor: n_samples must be >= 1, got 0"),
    "xor noise": (lambda: D.make_xor(noise=0.1), ValueError, "make_xor: .* noise=0.1; give n_samples"),
    "sines steps": (lambda: D.make_sines(3, 0), ValueError, "make_sines: n_steps must be >= 1, got 0"),
    "sines period": (lambda: D.make_sines(period=(1, 9)), ValueError, "make_sines: period must be >= 2, got 1"),
    "sines order": (lambda: D.make_sines(period=(9, 3)), ValueError, r"\(shortest, longest\), got \(9, 3\)"),
    "sines one period": (lambda: D.make_sines(period=9), ValueError, r"\(shortest, longest\), got 9"),
    "sines size": (lambda: D.make_sines(2**30, 2**30), ValueError, "make_sines: x .* would hold"),
    "shapes 0": (lambda: D.make_shapes(0), ValueError, "make_shapes: n_samples must be >= 1, got 0"),
    "shapes size": (lambda: D.make_shapes(size=8), ValueError, "make_shapes: size must be >= 16, got 8"),
    "shapes many": (lambda: D.make_shapes(max_shapes=9), ValueError, "max_shapes must be <= 4, got 9"),
    "shapes overflow": (lambda: D.make_shapes(1, 2**40), ValueError, "make_shapes: images .* would hold"),
    "shapes noise": (lambda: D.make_shapes(1, noise=math.inf), ValueError, "noise must be a finite number, got inf"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
