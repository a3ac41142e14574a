r"""minidl.datasets: facts of the embedded sets, definitions of the made-up ones, hostile files, no row lost."""

import gzip
import hashlib
import io
import itertools
import math
import struct
import tracemalloc
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minidl import datasets as D
from minidl.datasets import embedded, idx
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
    pixels = [image[c, mask] for image, t in zip(images, targets, strict=True) for mask in t["masks"] for c in range(3)]
    away_from_the_ends = [p.std() for p in pixels if 0.3 < np.median(p) < 0.7]  # where nothing is clipped
    assert np.mean(away_from_the_ends) == pytest.approx(0.05, rel=0.03)


# ---- IDX ----


def idx_bytes(array: np.ndarray, code: int) -> bytes:
    return (
        bytes([0, 0, code, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


CODES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(
    code=st.sampled_from(list(CODES)),
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    seed=seeds,
    zipped=st.booleans(),
)
def test_idx_reads_what_was_written(code, shape, seed, zipped, folder):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(CODES[code])
    array = np.frombuffer(rng.bytes(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)  # any bits, NaN too
    path = folder / ("a.gz" if zipped else "a.idx")
    content = idx_bytes(array, code)
    path.write_bytes(gzip.compress(content) if zipped else content)
    got = D.read_idx(path)
    assert got.dtype == dtype and got.dtype.isnative and got.shape == array.shape and got.flags.writeable
    assert got.tobytes() == array.tobytes()


def test_idx_by_hand(tmp_path):
    path = tmp_path / "short"
    path.write_bytes(bytes([0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0x01, 0x02, 0xFF, 0xFE]))
    assert D.read_idx(str(path)).tolist() == [[258], [-2]]


def test_idx_tells_gzip_by_content(tmp_path):
    content = idx_bytes(np.arange(5, dtype=np.uint8), 8)
    (tmp_path / "a.gz").write_bytes(content)  # a browser unpacked it and kept the name
    (tmp_path / "b.idx").write_bytes(gzip.compress(content))
    assert D.read_idx(tmp_path / "a.gz").tolist() == D.read_idx(tmp_path / "b.idx").tolist() == [0, 1, 2, 3, 4]


GOOD = idx_bytes(np.arange(12, dtype=np.int32).reshape(3, 4), 0x0C)
HUGE = 2**32 - 1


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


HOSTILE = {  # name: (content, what the message says)
    "empty": (b"", r"got b''"),
    "three bytes": (b"\0\0\x08", r"got b'\\x00\\x00\\x08'"),
    "not IDX": (b"PK\x03\x04" + bytes(20), r"two zero bytes.*PK"),
    "pickle": (b"\x80\x04\x95" + bytes(20), r"two zero bytes"),
    "unknown type": (header(0x0A, 1) + b"\0", r"unknown type 0x0A"),
    "type zero": (bytes(16), r"unknown type 0x00"),
    "no dimensions": (bytes([0, 0, 8, 0, 5]), r"in 1 \.\.\. 32, got 0"),
    "255 dimensions": (header(8, *[1] * 255) + b"\0", r"in 1 \.\.\. 32, got 255"),
    "33 dimensions": (header(8, *[1] * 33) + b"\0", r"got 33"),
    "header cut": (header(8, 2, 3)[:-1], r"2 sizes take 8 bytes, the file ends after 7"),
    "one byte short": (GOOD[:-1], r"declare 48 bytes of data, the file holds 47"),
    "one byte long": (GOOD + b"\0", r"declare 48 bytes of data, the file holds (49|more)"),
    "no data": (header(0x0E, 7), r"declare 56 bytes of data, the file holds 0"),
    "empty with data": (header(8, 0) + b"1", r"declare 0 bytes of data, the file holds (1|more)"),
    "16 GB": (header(8, 2**17, 2**17), r"declare 17179869184 bytes"),
    "wraps to 0 in 64 bits": (header(8, 2**31, 2**31, 4), r"more than any memory"),
    "wraps to 1 in 32 bits": (header(8, 65537, 65537) + b"1", r"declare 4295098369"),
    "all sizes at the top": (header(0x0E, *[HUGE] * 32), r"more than any memory"),
    "zero times too much": (header(8, 0, HUGE, HUGE, HUGE), r"more than any memory"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_idx_hostile_files(name, zipped, tmp_path):
    content, message = HOSTILE[name]
    path = tmp_path / "hostile file.idx"
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as caught:
        D.read_idx(path)
    assert str(path) in str(caught.value) and str(caught.value).startswith("read_idx: ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_idx_every_truncation_and_every_flip_of_gzip(tmp_path):
    content = gzip.compress(GOOD, mtime=0)
    path = tmp_path / "a"
    for n in range(len(content)):
        path.write_bytes(content[:n])
        with pytest.raises(ValueError, match="read_idx"):
            D.read_idx(path)
    for n, bit in itertools.product(range(len(content)), range(8)):
        path.write_bytes(content[:n] + bytes([content[n] ^ 1 << bit]) + content[n + 1 :])
        try:  # some bits of a gzip header (time, system) mean nothing; no other may give other numbers
            assert D.read_idx(path).tolist() == np.arange(12).reshape(3, 4).tolist()
        except ValueError as error:
            assert "read_idx" in str(error)


@given(content=st.binary(max_size=40), prefix=st.sampled_from([b"", b"\0\0", b"\0\0\x08\x01", b"\x1f\x8b\x08\0"]))
@example(content=bytes([8, 1, 0, 0, 0, 1, 5]), prefix=b"\0\0")
def test_idx_random_bytes_give_an_array_or_a_value_error(content, prefix, folder):
    path = folder / "random"
    path.write_bytes(prefix + content)
    try:
        array = D.read_idx(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert array.nbytes + 4 + 4 * array.ndim == len(prefix + content)


@pytest.mark.parametrize("declared", [10, 2**40])
def test_idx_gzip_bomb_costs_no_memory(declared, tmp_path):
    content = header(8, declared) if declared < 2**32 else header(8, 2**20, 2**20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(content + bytes(30_000_000)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"declare {declared} bytes of data, the file holds (more|30000000)"):
        D.read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_idx_file_that_shrinks_while_it_is_read():
    class Shrinking(io.BytesIO):
        def readinto(self, buffer):
            return super().readinto(memoryview(buffer)[:-1])

    with pytest.raises(ValueError, match="cut short"):
        idx._read(Shrinking(GOOD), False, "name")


def test_idx_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        D.read_idx(tmp_path / "nothing")
    with pytest.raises(OSError):
        D.read_idx(tmp_path)


# ---- splits and batches ----


class DeviceArray:
    r"""Like an array on a GPU: rows can be picked and copied to the host with get(); NumPy may not touch it."""

    def __init__(self, array):
        self.inner, self.shape = array, array.shape

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, rows):
        assert isinstance(rows, slice) or (isinstance(rows, np.ndarray) and rows.dtype == np.int64)
        return DeviceArray(self.inner[rows])

    def __array__(self, *args, **kwargs):
        raise TypeError("implicit conversion to NumPy")

    def get(self):
        return self.inner


def rows_of(n):
    r"""x (n, 2) and y (n,) that tell from every row which one it was."""
    return np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n)


def test_split_of_the_digits_has_the_sizes_of_the_main_job():
    x, y = D.load_digits()
    x_train, x_test, y_train, y_test = D.train_test_split(x, y, test_size=500, stratify=y, seed=3)
    assert x_train.shape == (1297, 1, 8, 8) and x_test.shape == (500, 1, 8, 8)
    assert x_train.dtype == np.float32 and y_test.dtype == np.int64
    quotas = [Fraction(int(c) * 500, 1797) for c in np.bincount(y)]
    assert all(abs(int(c) - q) < 1 for c, q in zip(np.bincount(y_test), quotas, strict=True))


@pytest.mark.parametrize(
    ("n", "test_size", "n_test"),
    [(10, 0.25, 3), (8, 0.25, 2), (100, 0.001, 1), (3, 0.5, 2), (1797, 500, 500), (2, 1, 1), (5, np.int32(4), 4)],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_test_size_counts_or_is_rounded_up(n, test_size, n_test, shuffle):
    train, test = D.train_test_split(np.arange(n), test_size=test_size, shuffle=shuffle)
    assert (len(train), len(test)) == (n - n_test, n_test)


@given(n=st.integers(2, 60), data=st.data(), seed=seeds)
def test_split_keeps_every_row_once_and_together(n, data, seed):
    x, y = rows_of(n)
    n_test = data.draw(st.integers(1, n - 1))
    x_train, x_test, y_train, y_test = D.train_test_split(x, y, test_size=n_test, seed=seed)
    assert len(y_test) == n_test and sorted([*y_train, *y_test]) == list(range(n))
    assert np.array_equal(x_train, x[y_train]) and np.array_equal(x_test, x[y_test])
    assert np.array_equal(y_test, D.train_test_split(y, test_size=n_test, seed=seed)[1])


def test_split_mixes_and_the_seed_decides():
    y = np.arange(100)
    train, test = D.train_test_split(y)
    assert len(test) == 25 and not np.array_equal(np.sort(train), train)
    assert not np.array_equal(test, D.train_test_split(y, seed=1)[1])
    train, test = D.train_test_split(y, shuffle=False)
    assert np.array_equal(train, y[:75]) and np.array_equal(test, y[75:])


@given(counts=st.lists(st.integers(2, 30), min_size=1, max_size=6), data=st.data(), seed=seeds)
def test_stratified_shares_are_the_largest_remainder(counts, data, seed):
    n, k = sum(counts), len(counts)
    n_test = data.draw(st.integers(k, n - k))
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(k), counts))
    rows = np.arange(n)
    train, test, y_train, y_test = D.train_test_split(rows, labels, test_size=n_test, stratify=labels, seed=seed)
    assert sorted([*train, *test]) == list(range(n)) and np.array_equal(y_test, labels[test])

    quotas = [Fraction(c * n_test, n) for c in counts]  # the definition, in fractions
    shares = [math.floor(q) for q in quotas]
    for c in sorted(range(k), key=lambda c: shares[c] - quotas[c])[: n_test - sum(shares)]:
        shares[c] += 1
    assert np.bincount(y_test, minlength=k).tolist() == shares
    assert np.array_equal(test, D.train_test_split(rows, test_size=n_test, stratify=labels, seed=seed)[1])


def test_stratified_rows_are_mixed_and_labels_may_be_words():
    labels = np.repeat(["cat", "dog"], 100)
    train, test = D.train_test_split(labels, test_size=0.5, stratify=labels)
    for part in (train, test):
        assert sorted(part) == ["cat"] * 50 + ["dog"] * 50 and (part[:-1] > part[1:]).sum() > 5


def test_splits_and_batches_of_device_arrays():
    x, y = rows_of(10)
    labels = DeviceArray(y % 2)
    for options in ({}, {"shuffle": False}, {"stratify": labels}):
        x_train, x_test, y_train, y_test = D.train_test_split(DeviceArray(x), DeviceArray(y), test_size=4, **options)
        assert isinstance(x_test, DeviceArray) and np.array_equal(x_test.inner, x[y_test.inner])
        assert sorted([*y_train.inner, *y_test.inner]) == list(range(10))
    for options in ({}, {"shuffle": True, "seed": 0}):
        got = list(D.batches(DeviceArray(x), DeviceArray(y), batch_size=4, **options))
        assert sorted(np.concatenate([yb.inner for _, yb in got])) == list(range(10))


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60), shuffle=st.booleans(), drop=st.booleans(), seed=seeds)
def test_batches_hold_every_row_once_and_together(n, batch_size, shuffle, drop, seed):
    x, y = rows_of(n)
    if drop and n < batch_size:
        with pytest.raises(ValueError, match="drop_last leaves nothing"):
            D.batches(x, y, batch_size=batch_size, drop_last=True)
        return
    got = list(D.batches(x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, drop_last=drop))
    lengths = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0 and not drop)
    assert [len(yb) for _, yb in got] == lengths
    seen = np.concatenate([yb for _, yb in got])
    assert len(set(seen)) == len(seen) == sum(lengths)
    if not shuffle:
        assert np.array_equal(seen, y[: sum(lengths)])
    assert all(isinstance(batch, tuple) and np.array_equal(batch[0], x[batch[1]]) for batch in got)


def test_batches_seed_repeats_and_a_generator_moves_on():
    y = np.arange(100)

    def epoch(seed):
        return np.concatenate([yb for (yb,) in D.batches(y, batch_size=7, shuffle=True, seed=seed)])

    assert np.array_equal(epoch(5), epoch(5)) and not np.array_equal(epoch(5), epoch(6))
    assert not np.array_equal(epoch(5), y)
    rng = np.random.default_rng(0)
    first, second = epoch(rng), epoch(rng)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, epoch(np.random.default_rng(0)))


# ---- bad input: the message names the function, the argument and the value, at the call ----

x5, y5 = rows_of(5)
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
    "idx path": (lambda: D.read_idx(0), TypeError, "read_idx: path must be a string or a path, got 0"),
    "split nothing": (lambda: D.train_test_split(), TypeError, "train_test_split: expected at least one array"),
    "split list": (lambda: D.train_test_split([1, 2]), TypeError, "argument 0 must be an array, got list"),
    "split 0-d": (lambda: D.train_test_split(np.array(1)), ValueError, "argument 0 must have rows, got a 0-d"),
    "split unequal": (lambda: D.train_test_split(x5, y5[:4]), ValueError, r"same number of rows, got \[5, 4\]"),
    "split no rows": (lambda: D.train_test_split(x5[:0]), ValueError, r"no rows, got shape \(0, 2\)"),
    "split one row": (lambda: D.train_test_split(x5[:1]), ValueError, "at least 2 rows to divide, got 1"),
    "split 0": (lambda: D.train_test_split(x5, test_size=0), ValueError, "test_size must be >= 1, got 0"),
    "split 5 of 5": (lambda: D.train_test_split(x5, test_size=5), ValueError, "test_size must be <= 4, got 5"),
    "split 1.0": (lambda: D.train_test_split(x5, test_size=1.0), ValueError, r"in \(0, 1\) or an integer, got 1.0"),
    "split nan": (lambda: D.train_test_split(x5, test_size=math.nan), ValueError, "test_size .* got nan"),
    "split 0.9": (lambda: D.train_test_split(x5, test_size=0.9), ValueError, "test_size=0.9 of 5 rows leaves none"),
    "split None": (lambda: D.train_test_split(x5, test_size=None), TypeError, "test_size must be an integer, got None"),
    "split seed": (
        lambda: D.train_test_split(x5, shuffle=False, seed="a"),
        TypeError,
        "seed must be an integer, got 'a'",
    ),
    "stratify order": (
        lambda: D.train_test_split(x5, stratify=y5, shuffle=False),
        ValueError,
        "stratify needs shuffle=True, got shuffle=False",
    ),
    "stratify shape": (lambda: D.train_test_split(x5, stratify=y5[:4]), ValueError, r"shape \(5,\), got \(4,\)"),
    "stratify rank": (lambda: D.train_test_split(x5, stratify=x5), ValueError, r"shape \(5,\), got \(5, 2\)"),
    "stratify object": (lambda: D.train_test_split(x5, stratify=[1, 1, None, 2, 2]), TypeError, "got dtype object"),
    "stratify lonely": (lambda: D.train_test_split(x5, stratify=[0, 0, 0, 7, 0]), ValueError, "class 7 has 1"),
    "stratify few": (
        lambda: D.train_test_split(x5, test_size=1, stratify=[0, 0, 0, 1, 1]),
        ValueError,
        r"4 \+ 1 rows cannot both hold each of 2 classes",
    ),
    "batches nothing": (lambda: D.batches(batch_size=2), TypeError, "batches: expected at least one array"),
    "batches unequal": (lambda: D.batches(x5, y5[1:], batch_size=2), ValueError, r"rows, got \[5, 4\]"),
    "batches no rows": (lambda: D.batches(x5[:0], batch_size=2), ValueError, "batches: the arrays have no rows"),
    "batches None": (lambda: D.batches(x5, None, batch_size=2), TypeError, "argument 1 must be an array, got NoneType"),
    "batches 0": (lambda: D.batches(x5, batch_size=0), ValueError, "batches: batch_size must be >= 1, got 0"),
    "batches 1.5": (lambda: D.batches(x5, batch_size=1.5), TypeError, "batch_size must be an integer, got 1.5"),
    "batches no seed": (lambda: D.batches(x5, batch_size=2, shuffle=True), ValueError, "shuffle=True needs seed="),
    "batches seed": (
        lambda: D.batches(x5, batch_size=2, shuffle=True, seed=-3),
        ValueError,
        "seed must be >= 0, got -3",
    ),
    "batches drop": (
        lambda: D.batches(x5, batch_size=6, drop_last=True),
        ValueError,
        "drop_last leaves nothing of 5 rows with batch_size=6",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
