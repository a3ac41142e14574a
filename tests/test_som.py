"""The self-organising map: its rule, its training, what it can be asked, and what it must show on data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import Tensor, datasets, nn
from minidl.nn import som_grid
from minidl.nn.som_grid import DECAYS, NEIGHBOURHOODS, TOPOLOGIES
from minidl.nn.som_init import INITS
from tests.test_promises import run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")


def with_weights(w, **options):
    """A map that has learned these weights (rows, cols, D)."""
    w = np.asarray(w, "float32")
    som = nn.SOM(*w.shape, **options)
    som.weights.data = w
    return som


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return all(np.array_equal(a[k], b[k]) for k in a)


def nearest(x, w):
    """By a loop in float64: the nearest and the second nearest unit of every row, the first of equals."""
    w = np.asarray(w, float).reshape(-1, np.shape(w)[-1])
    return np.array(
        [np.argsort([np.sqrt(((a - b) ** 2).sum()) for b in w], kind="stable")[:2] for a in np.asarray(x, float)]
    )


# ---- the winner ----
def test_the_winner_is_the_nearest_unit_and_not_the_farthest():
    som = with_weights([[[0.0, 0], [1, 0], [9, 9]]])
    assert som.winner([[0.9, 0.1], [8.0, 8]]).tolist() == [[0, 1], [0, 2]]
    assert som.transform([[1.0, 0]])[0, 0].tolist() == pytest.approx([1, 0, 145**0.5])


def test_of_equally_near_units_the_first_wins():
    som = with_weights([[[2.0], [1]], [[-1], [1]]])
    assert som.winner([[1.0], [0.0]]).tolist() == [[0, 1], [0, 1]]


# ---- the rule ----
def test_a_step_goes_down_the_gradient_while_the_winners_stay():
    som = nn.SOM(3, 4, 3, sigma=1.5, learning_rate=0.1).to("float64")
    som.weights.data = w = RNG.normal(size=(3, 4, 3))
    x = RNG.normal(size=(1, 3))
    h = NEIGHBOURHOODS["gaussian"](som.grid_distances()[nearest(x, w)[0, 0]] ** 2, 1.5).reshape(3, 4)

    def energy(weights):
        return 0.5 * (h * ((x[0] - weights) ** 2).sum(axis=2)).sum()

    slope = np.zeros_like(w)
    for place in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[place] = 1e-6
        slope[place] = (energy(w + step) - energy(w - step)) / 2e-6
    som.partial_fit(x, total_steps=10)
    np.testing.assert_allclose(som.weights.numpy(), w - 0.1 * slope, atol=1e-8)


def test_a_row_at_the_edge_of_a_torus_moves_the_other_edge():
    w = np.arange(5.0).reshape(1, 5, 1)
    for toroidal, moved in ((False, 4.0), (True, 2.0)):
        som = with_weights(w, toroidal=toroidal, neighbourhood="bubble", sigma=1.0)
        som.partial_fit([[0.0]], total_steps=1)
        assert som.weights.numpy()[0, 4, 0] == moved


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("neighbourhood", ["gaussian", "bubble", "triangle"])
@pytest.mark.parametrize("x", [X, X[:1]], ids=["rows", "one row"])  # which most units are too far from
def test_a_batch_step_is_the_weighted_mean(topology, neighbourhood, x):
    som = nn.SOM(4, 3, 3, topology=topology, neighbourhood=neighbourhood, sigma=1.2).to("float64")
    som.weights.data = w = RNG.normal(size=(4, 3, 3))
    won = nearest(x, w)[:, 0]
    d2, wanted = som.grid_distances() ** 2, w.reshape(-1, 3).copy()
    for k in range(12):
        h = np.array([NEIGHBOURHOODS[neighbourhood](d2[b, k], 1.2) for b in won])
        if h.sum():
            wanted[k] = (h[:, None] * x).sum(axis=0) / h.sum()
    som.partial_fit(x, total_steps=5, mode="batch")
    np.testing.assert_allclose(som.weights.numpy().reshape(-1, 3), wanted, rtol=1e-9)


def test_a_batch_step_without_neighbours_is_one_of_k_means():
    w = X[:6].reshape(2, 3, 3)
    som = with_weights(w, neighbourhood="bubble", sigma=0.5)
    won = nearest(X, w)[:, 0]
    som.partial_fit(X, total_steps=5, mode="batch")
    np.testing.assert_allclose(
        som.weights.numpy().reshape(-1, 3), [X[won == k].mean(axis=0) for k in range(6)], rtol=1e-5, atol=1e-6
    )


# ---- training ----
@pytest.mark.parametrize("mode", ["online", "batch"])
def test_the_same_seed_gives_the_same_map(mode):
    maps = []
    for seed in (3, 3, 4):
        minidl.manual_seed(seed)
        maps.append(nn.SOM(3, 4, 3))
        history = maps[-1].fit(X, epochs=5, mode=mode, verbose=False)
        assert history.epoch == [0, 1, 2, 3, 4]
        assert history.history["quantization_error"][-1] == maps[-1].quantization_error(X)
    assert same(*maps[:2]) and not same(*maps[1:])


THREADS = """
import hashlib
import minidl
from minidl import datasets, nn
minidl.use({backend!r})
minidl.manual_seed(7)
x = datasets.load_digits(flat=True).x
som = nn.SOM(12, 12, 64)
som.fit(x, epochs=3, verbose=False)
som.fit(x, epochs=3, mode="batch", initial_epoch=1, verbose=False)
print(hashlib.sha256(som.weights.numpy().tobytes()).hexdigest())
"""


@pytest.mark.skipif("minidl.current() != 'numpy'", reason="threads are those of the CPU")
def test_the_same_map_with_one_and_two_threads():
    variables = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    one, two = (run(THREADS, **dict.fromkeys(variables, n)) for n in "12")
    assert len(one) == 64 and one == two


def test_every_pass_takes_the_rows_in_another_order():
    som = nn.SOM(1, 1, 3, learning_rate=1.0, learning_rate_end=1.0)  # the unit stands on the last row
    ends = {tuple(som.partial_fit(X).weights.numpy().ravel().round(3)) for _ in range(10)}
    assert len(ends) > 3 and ends <= {tuple(row) for row in X.round(3)}


@pytest.mark.parametrize("decay", DECAYS)
def test_fit_is_a_loop_of_partial_fit(decay):
    whole, parts = nn.SOM(3, 4, 3, decay=decay), nn.SOM(3, 4, 3, decay=decay)
    minidl.manual_seed(1)
    whole.fit(X, epochs=4, verbose=False)
    minidl.manual_seed(1)
    for _ in range(4):
        parts.partial_fit(X, total_steps=4 * len(X))
    assert same(whole, parts) and parts.step.item() == 160
    parts.fit(X, epochs=6, initial_epoch=5, verbose=False)  # the last of six, wherever the map has been
    assert parts.step.item() == 240


@pytest.mark.parametrize("mode", ["online", "batch"])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(mode, tmp_path):
    def fresh():
        return nn.SOM(3, 4, 3, num_classes=2)

    steps = 10 * (len(X) if mode == "online" else 1)
    minidl.manual_seed(1)
    whole = fresh()
    wanted = whole.fit(X, epochs=10, mode=mode, verbose=False).history["quantization_error"]
    minidl.manual_seed(1)
    stopped = fresh()
    for _ in range(4):
        stopped.partial_fit(X, total_steps=steps, mode=mode)
    minidl.save_checkpoint(tmp_path / "map.safetensors", model=stopped, epoch=4)
    minidl.manual_seed(2)
    resumed = fresh()
    epoch = minidl.load_checkpoint(tmp_path / "map.safetensors", model=resumed)["epoch"]
    history = resumed.fit(X, epochs=10, initial_epoch=epoch, mode=mode, verbose=False)
    assert same(whole, resumed) and history.history["quantization_error"] == wanted[4:]
    assert history.epoch == [4, 5, 6, 7, 8, 9]


def test_save_and_load(tmp_path):
    som = nn.SOM(3, 4, 3, num_classes=2).partial_fit(X)
    som.fit_labels(X, np.arange(40) % 2)
    minidl.save(som.state_dict(), tmp_path / "map.safetensors")
    other = nn.SOM(3, 4, 3, num_classes=2)
    other.load_state_dict(minidl.load(tmp_path / "map.safetensors"))
    assert list(som.state_dict()) == ["weights", "step", "label_counts"] and same(som, other)
    assert (som.predict(X) == other.predict(X)).all()


def test_fit_starts_from_the_beginning():
    som = nn.SOM(3, 4, 3, init="pca").partial_fit(X)
    minidl.manual_seed(5)
    som.fit(X + 100, epochs=2, verbose=False)
    other = nn.SOM(3, 4, 3, init="pca")
    minidl.manual_seed(5)
    other.fit(X + 100, epochs=2, verbose=False)
    assert same(som, other)


def test_without_a_plan_rate_and_width_are_the_last_ones():
    x = X[:1]
    som = nn.SOM(1, 2, 3, sigma=9.0, sigma_end=0.5, learning_rate=0.9, learning_rate_end=0.25).partial_fit(x)
    som.weights.data = w = np.stack([x, x + 1], axis=1)
    som.partial_fit(x)
    h = NEIGHBOURHOODS["gaussian"](1.0, 0.5)
    np.testing.assert_allclose(som.weights.numpy()[0, 1], w[0, 1] + 0.25 * h * (x[0] - w[0, 1]), rtol=1e-5)


def test_first_weights():
    x = RNG.normal(size=(50, 4)) * [9, 1, 3, 0.1] + 5
    random, sample, plane = (INITS[name](x, 3, 5) for name in ("random", "sample", "pca"))
    assert random.shape == sample.shape == plane.shape == (3, 5, 4)
    assert (x.min(axis=0) <= random).all() and (random <= x.max(axis=0)).all()
    rows = {tuple(row) for row in sample.reshape(-1, 4)}
    assert len(rows) == 15 and rows <= {tuple(row) for row in x}
    assert INITS["sample"](x[:2], 3, 5).shape == (3, 5, 4)
    flat = (plane - x.mean(axis=0)).reshape(-1, 4)
    assert np.linalg.matrix_rank(flat, tol=1e-9) == 2
    along = np.cov(x.T, bias=True)  # the longer side lies along the direction of the largest variance, +-2 deviations
    variance, direction = np.linalg.eigh(along)
    side = plane[1, 4] - plane[1, 0]
    assert np.linalg.norm(side) == pytest.approx(4 * variance[-1] ** 0.5)
    assert abs(side @ direction[:, -1]) == pytest.approx(np.linalg.norm(side))
    np.testing.assert_allclose(
        INITS["pca"](x[:, :1], 1, 3)[0, :, 0] - x[:, 0].mean(), x[:, 0].std() * np.array([-2, 0, 2])
    )
    assert (INITS["pca"](x[:1], 2, 2) == x[0]).all()  # one row: all units stand on it


def test_float64_lists_tensors_and_one_feature():
    som = nn.SOM(2, 2, 1).to("float64").partial_fit([[1.0], [2.0], [4.0]], total_steps=3)
    assert som.weights.dtype == "float64" and som.transform(Tensor([[1.0]])).dtype == "float64"
    y = nn.SOM(2, 3, 3).partial_fit(Tensor(X))(Tensor(X))
    assert y.shape == (40, 2, 3) and y.dtype == "float32"


def test_the_data_stay_as_they_are():
    x = X.copy()
    x.flags.writeable = False
    nn.SOM(2, 2, 3).fit(x, epochs=2, verbose=False)
    nn.SOM(2, 2, 3).fit(x, epochs=2, mode="batch", verbose=False)


def test_progress_is_shown_unless_it_is_not_wanted(capsys):
    nn.SOM(2, 2, 3).fit(X, epochs=3)
    assert "3/3" in (shown := capsys.readouterr().err) and "quantization error" in shown
    nn.SOM(2, 2, 3).fit(X, epochs=3, verbose=False)
    assert capsys.readouterr().err == ""


# ---- what it can be asked ----
@given(st.data())
def test_measures_are_their_definitions(data):
    topology, seed = data.draw(st.sampled_from([*TOPOLOGIES])), data.draw(st.integers(0, 999))
    rows, cols = 2 * data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3))
    toroidal = data.draw(st.booleans())
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=(rows, cols, 2)).astype("float32"), rng.normal(size=(9, 2)).astype("float32")
    som = with_weights(w, topology=topology, toroidal=toroidal)
    y = rng.integers(0, 3, 9)
    flat, both = w.reshape(-1, 2).astype(float), nearest(x, w)
    touch = som_grid.neighbours(rows, cols, topology, toroidal)
    scores = [np.linalg.norm(a - flat[k]) for a, (k, _) in zip(x, both, strict=True)]
    np.testing.assert_allclose(som.outlier_scores(x), scores, rtol=1e-5)
    assert som.quantization_error(x) == pytest.approx(np.mean(scores), rel=1e-5)
    assert som.topographic_error(x) == pytest.approx(np.mean([not touch[a, b] for a, b in both]))
    assert som.winner(x).tolist() == [list(divmod(k, cols)) for k in both[:, 0]]
    hits, labels, u_matrix = som.hit_map(x).ravel(), som.labels_map(x, y).ravel(), som.u_matrix().ravel()
    for k in range(rows * cols):
        own = y[both[:, 0] == k].tolist()
        assert hits[k] == len(own)
        assert labels[k] == (min(set(own), key=lambda c: (-own.count(c), c)) if own else -1)
        around = [np.linalg.norm(flat[k] - flat[j]) for j in np.flatnonzero(touch[k])]
        assert u_matrix[k] == pytest.approx(np.mean(around), rel=1e-5)


def test_touching_depends_on_the_topology():
    w = [[[0.0], [8.0]], [[9.0], [1.0]]]  # the two nearest to 0.4 are (0, 0) and (1, 1): a diagonal
    assert with_weights(w).topographic_error([[0.4]]) == 0
    assert with_weights(w, topology="hexagonal").topographic_error([[0.4]]) == 1


def test_a_map_of_one_unit():
    som = nn.SOM(1, 1, 3, learning_rate=1.0).partial_fit(X[:1], total_steps=1)
    np.testing.assert_allclose(som.weights.numpy()[0, 0], X[0], rtol=1e-5)
    assert som.u_matrix().tolist() == [[0]] and som.winner(X[:2]).tolist() == [[0, 0], [0, 0]]


def test_averaging_gives_a_class_to_units_that_have_won_nothing():
    som = with_weights(np.arange(5.0).reshape(1, 5, 1), num_classes=3)
    som.fit_labels([[0.0], [0.1], [1.0], [3.0], [4.0], [4.2]], [1, 1, 2, 0, 2, 0])
    counts = [[0, 2, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 0, 1]]
    assert som.label_counts.numpy()[0].tolist() == counts
    x = np.arange(5.0)[:, None]
    assert som.predict(x, sigma=0).tolist() == [1, 2, -1, 0, 0]  # none; and a tie, which goes to the first class
    g = np.exp(-((x - x.T) ** 2) / (2 * 0.8**2))
    assert som.predict(x).tolist() == (g @ counts).argmax(axis=1).tolist()
    assert som.predict(x, sigma=1e-3).tolist() == som.predict(x, sigma=0).tolist()


# ---- what it must show ----
@pytest.fixture(scope="module")
def digits():
    minidl.manual_seed(0)
    x = datasets.load_digits(flat=True).x
    som = nn.SOM(12, 12, 64)
    som.fit(x, epochs=11, verbose=False)
    return som, x


def correlation(som, order=slice(None)):
    """Spearman's, of the distances of all pairs of units: on the grid, and of their weights in this order."""
    w = som.weights.numpy().reshape(-1, som.in_features)[order]
    pairs = np.triu_indices(len(w), 1)
    ranks = []
    for d in (np.sqrt(((w[:, None] - w) ** 2).sum(axis=2))[pairs], som.grid_distances()[pairs]):
        values = np.sort(d)
        ranks.append((np.searchsorted(values, d, "left") + np.searchsorted(values, d, "right")) / 2)  # ties: their mean
    return np.corrcoef(*ranks)[0, 1]


def test_digits_that_are_alike_lie_side_by_side(digits):
    som, x = digits
    assert correlation(som) >= 0.7
    assert abs(correlation(som, np.random.default_rng(0).permutation(144))) < 0.1  # the same units without their grid
    assert som.topographic_error(x) <= 0.05
    assert som.quantization_error(x) < 1.4


def test_what_is_no_digit_stands_out(digits):
    som, x = digits
    noise = np.random.default_rng(0).random((50, 64))
    assert som.outlier_scores(noise).min() > np.quantile(som.outlier_scores(x), 0.95)


def test_averaging_beats_the_vote_on_iris():
    data = datasets.load_iris()
    votes, averages = [], []
    for seed in range(10):
        x, x_test, y, y_test = datasets.train_test_split(data.x, data.y, test_size=50, stratify=data.y, seed=seed)
        mean, std = x.mean(axis=0), x.std(axis=0)
        minidl.manual_seed(seed)
        som = nn.SOM(8, 8, 4, num_classes=3)
        som.fit((x - mean) / std, epochs=100, verbose=False)
        som.fit_labels((x - mean) / std, y)
        for found, sigma in ((votes, 0), (averages, 0.8)):
            found.append((som.predict((x_test - mean) / std, sigma=sigma) == y_test).mean())
    assert np.mean(averages) >= np.mean(votes) + 0.03
    assert np.mean(averages) > 0.9


def basins(u, touch, level):
    """How many connected parts the units below this level form, of more than two units."""
    low, parts = set(np.flatnonzero(u.ravel() < level)), 0
    while low:
        part, waiting = set(), [low.pop()]
        while waiting:
            k = waiting.pop()
            part.add(k)
            near = {j for j in np.flatnonzero(touch[k]) if j in low}
            low -= near
            waiting += near
        parts += len(part) > 2
    return parts


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_u_matrix_of_three_blobs_has_three_basins(topology):
    x, _ = datasets.make_blobs(300, centers=[[0, 0], [9, 0], [4, 8]], cluster_std=0.7)
    found = []
    for seed in range(3):
        minidl.manual_seed(seed)
        som = nn.SOM(12, 12, 2, topology=topology)
        som.fit(x, epochs=20, verbose=False)
        u = som.u_matrix()
        found.append(basins(u, som_grid.neighbours(12, 12, topology, False), np.median(u)))
    assert found == [3, 3, 3]
