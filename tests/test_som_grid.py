"""The grid of a map: tables worked out by hand, and distances against places."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.kernels import som as kernel
from minidl.nn import som_distance, som_grid, som_init
from minidl.nn.som_grid import (
    DECAYS,
    NEIGHBOURHOODS,
    TOPOLOGIES,
    neighbours,
    places,
    planned,
    squared_distances,
    tables,
)

E = math.exp
# h at d^2 = 0, 1, 2, 4
TABLE = {
    ("gaussian", 1.0): [1, E(-0.5), E(-1), E(-2)],
    ("gaussian", 2.0): [1, E(-1 / 8), E(-1 / 4), E(-1 / 2)],
    ("mexican_hat", 1.0): [1, 0, -E(-1), -3 * E(-2)],
    ("mexican_hat", 2.0): [1, 3 / 4 * E(-1 / 8), 1 / 2 * E(-1 / 4), 0],
    ("bubble", 1.0): [1, 1, 0, 0],
    ("bubble", 1.5): [1, 1, 1, 0],
    ("triangle", 1.0): [1, 0, 0, 0],
    ("triangle", 2.0): [1, 1 / 2, 1 - 2**-0.5, 0],
}
# value at p = 0, 1/2, 1, from 4 to 1
FALLING = {"linear": [4, 2.5, 1], "exponential": [4, 2, 1], "inverse": [4, 1.6, 1]}
S, D = 3**0.5, 7**0.5
# distances from the unit in the middle of 3 x 3, and from the one at the top left
FROM_MIDDLE = {
    "rectangular": [[2**0.5, 1, 2**0.5], [1, 0, 1], [2**0.5, 1, 2**0.5]],
    "hexagonal": [[S, 1, 1], [1, 0, 1], [S, 1, 1]],  # row 1 is moved to the right by one half
}
FROM_CORNER = {
    ("rectangular", False): [[0, 1, 2], [1, 2**0.5, 5**0.5], [2, 5**0.5, 8**0.5]],
    ("rectangular", True): [[0, 1, 1], [1, 2**0.5, 2**0.5], [1, 2**0.5, 2**0.5]],
    ("hexagonal", False): [[0, 1, 2], [1, S, D], [S, 2, D]],
}
# the units that touch (1, 1) and (2, 1) of a hexagonal 4 x 4: an odd and an even row
TOUCHING = {
    (1, 1): {(0, 1), (0, 2), (1, 0), (1, 2), (2, 1), (2, 2)},
    (2, 1): {(1, 0), (1, 1), (2, 0), (2, 2), (3, 0), (3, 1)},
}


@pytest.mark.parametrize("name, sigma", TABLE)
def test_neighbourhoods(name, sigma):
    np.testing.assert_allclose(NEIGHBOURHOODS[name](np.array([0.0, 1, 2, 4]), sigma), TABLE[name, sigma], atol=1e-15)


@pytest.mark.parametrize("name", DECAYS)
def test_decays(name):
    np.testing.assert_allclose(planned(name, 4.0, 1.0, np.array([0, 5, 10]), 10), FALLING[name], atol=1e-15)
    assert planned(name, 4.0, 1.0, 11, 10) == 1  # where it stays


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_distances_from_the_middle(topology):
    d = np.sqrt(squared_distances(3, 3, topology, toroidal=False))
    np.testing.assert_allclose(d[4].reshape(3, 3), FROM_MIDDLE[topology], atol=1e-15)


@pytest.mark.parametrize("topology, toroidal", FROM_CORNER)
def test_distances_from_a_corner(topology, toroidal):
    d = np.sqrt(squared_distances(3, 3, topology, toroidal))
    np.testing.assert_allclose(d[0].reshape(3, 3), FROM_CORNER[topology, toroidal], atol=1e-15)


def test_who_touches_on_a_hexagonal_grid():
    touch = neighbours(4, 4, "hexagonal", toroidal=False)
    for (i, j), wanted in TOUCHING.items():
        assert {divmod(int(k), 4) for k in np.flatnonzero(touch[4 * i + j])} == wanted
    assert touch.sum(axis=1).reshape(4, 4).tolist() == [[2, 4, 4, 3], [5, 6, 6, 3], [3, 6, 6, 5], [3, 4, 4, 2]]


@pytest.mark.parametrize("topology, n", [("rectangular", 8), ("hexagonal", 6)])
def test_on_a_torus_all_units_are_alike(topology, n):
    assert set(neighbours(4, 5, topology, toroidal=True).sum(axis=1)) == {n}
    d2 = np.sort(squared_distances(4, 5, topology, toroidal=True), axis=1)
    np.testing.assert_allclose(d2, np.broadcast_to(d2[0], d2.shape), atol=1e-12)


grids = st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([*TOPOLOGIES]), st.booleans()).filter(
    lambda grid: not (grid[2] == "hexagonal" and grid[3] and grid[0] % 2)
)


@given(grids)
def test_distances_are_those_of_the_places(grid):
    rows, cols, topology, toroidal = grid
    xy = places(rows, cols, topology).reshape(-1, 2)
    around = (-1, 0, 1) if toroidal else (0,)
    size = np.array([cols, rows * TOPOLOGIES[topology].height])
    copies = [xy + size * [a, b] for a in around for b in around]  # what the shortest way round may lead to
    wanted = np.min([((xy[:, None] - copy) ** 2).sum(axis=2) for copy in copies], axis=0)
    d2 = squared_distances(*grid)
    np.testing.assert_allclose(d2, wanted, atol=1e-12)
    touch = neighbours(*grid)
    assert not touch.diagonal().any() and (touch == touch.T).all()


@given(grid=grids, name=st.sampled_from([*NEIGHBOURHOODS]), sigma=st.floats(0.3, 3), seed=st.integers(0, 99))
def test_the_compiled_step_moves_units_by_the_table(grid, name, sigma, seed):
    rng = np.random.default_rng(seed)
    w, x, winner = rng.normal(size=(2, grid[0] * grid[1])), rng.normal(size=(1, 2)), rng.integers(grid[0] * grid[1])
    w[:, winner] = x[0] + 1e-9  # the nearest one
    h = NEIGHBOURHOODS[name](squared_distances(*grid)[winner], sigma)
    kinds = kernel.METRICS["euclidean"], kernel.NEIGHBOURHOODS[name]
    moved = kernel.online(x, w, np.array([0.3]), np.array([sigma]), *tables(*grid), *kinds)
    if name != "bubble" or not np.isclose(squared_distances(*grid)[winner], sigma**2).any():
        np.testing.assert_allclose(moved, w + 0.3 * h * (x.T - w), atol=1e-12)


def test_code_and_docstrings_know_the_same_names():
    assert NEIGHBOURHOODS.keys() == kernel.NEIGHBOURHOODS.keys()
    assert som_distance.DISTANCES.keys() == kernel.METRICS.keys()
    for module, *variants in (
        (som_grid, TOPOLOGIES, NEIGHBOURHOODS, DECAYS),
        (som_distance, som_distance.DISTANCES),
        (som_init, som_init.INITS),
    ):
        for name in [name for table in variants for name in table]:
            assert f"| `{name}` |" in module.__doc__, name
