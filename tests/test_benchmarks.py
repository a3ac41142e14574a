r"""The benchmarks: every row can be built and gives the numbers of plain NumPy; the arithmetic of times is right."""

import math

import numpy as np
import pytest

from minidl import backend
from tests.benchmarks import harness, table
from tests.benchmarks.__main__ import rows
from tests.benchmarks.row import Row, check, measure
from tests.benchmarks.som import ROWS as SOM

pytestmark = pytest.mark.skipif(backend.current() != "numpy", reason="what is measured here is the CPU")
OURS = ("minidl", "minidl channels_last", "numpy")


@pytest.mark.parametrize("row", [*rows(), *SOM], ids=lambda row: row.name)
def test_rows(row):
    passes = {name: side() for name, side in row.sides(**row.tiny).items() if name in OURS}
    assert "minidl" in passes
    errors = check(row, passes)  # raises where they differ
    assert row.check or "numpy" not in passes or errors.keys() == passes.keys() - {"numpy"}
    assert set(row.size) == set(row.tiny)
    assert row.flops is None or row.flops(**row.size) > 1e6


def test_the_table_is_that_of_the_issue():
    names = [row.name for row in rows()]
    assert len(names) == len(set(names))
    kinds = [row.kind for row in rows()]
    assert (kinds.count(""), kinds.count("small")) == (25, 4)
    assert set(kinds) == {"", "small", "extra"}
    goals = {row.name: row.goal for row in rows() if row.goal != 1.15}
    assert goals == {
        **{"3x3 64->64 32x32 N32": 0.50, "LSTM N32 T50": 0.95, "GRU N32 T50": 0.60, "LeNet-5 N64, Adam": 0.55},
        **{"MLP 784-256-10 N64, Adam": 0.50, "XOR 2-3-1, SGD": 0.10, "max pool 2x2": 0.35, "batch norm": 0.50},
        **{"dropout 1M": 0.10, "Adam 204k": 0.25},
    }


# ---- turns ----
def test_sides_take_turns():
    assert [harness.order(["a", "b"], turn) for turn in range(4)] == [["a", "b"], ["b", "a"]] * 2
    log = []

    def side(name):
        def once():
            log.append(name)
            sum(range(20_000))  # takes a while

        return once

    times = harness.turns({"a": side("a"), "b": side("b")}, rounds=4)
    assert {name: len(t) for name, t in times.items()} == {"a": 4, "b": 4}
    blocks = [name for name, before in zip(log, [None, *log], strict=False) if name != before]
    assert "".join(blocks) == "ab" + "ababa"  # the calls are counted; then a bb aa bb a
    assert min(min(t) for t in times.values()) > 0


def test_two_threads_are_not_measured_beside_others(monkeypatch):
    monkeypatch.setattr(harness, "PAUSE", 0)
    monkeypatch.setattr(harness, "interruptions", lambda: 0)
    for alone in (True, False):
        monkeypatch.setattr(harness, "alone", lambda alone=alone: alone)
        times = harness.turns({"a": lambda: sum(range(1000))}, rounds=harness.CLEAN, threads=2)
        assert (times is not None) == alone


def test_threads_are_counted(monkeypatch):
    pools = [{"filepath": "libblas.so", "num_threads": 2}]
    monkeypatch.setattr(harness.threadpoolctl, "threadpool_info", lambda: pools)
    with pytest.raises(AssertionError, match="libblas"):
        harness.use_threads(1)


# ---- arithmetic ----
def test_summary():
    assert harness.summary([float(i) for i in range(11)]) == {"median": 5.0, "p10": 1.0, "p90": 9.0}


def test_geometric_mean():
    assert harness.geometric_mean([0.5, 2.0]) == pytest.approx(1)
    assert harness.geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10)
    assert math.isnan(harness.geometric_mean([]))


def test_ratio():
    assert harness.ratio([1.0] * 9, [4.0] * 9) == {"ratio": 0.25, "low": 0.25, "high": 0.25, "p10": 0.25}
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):  # the interval covers the true ratio about as often as it says
        r = harness.ratio(rng.normal(2, 0.2, 31).tolist(), rng.normal(4, 0.4, 31).tolist(), draws=200)
        assert r["low"] <= r["high"]
        covered += r["low"] <= 0.5 <= r["high"]
    assert 85 <= covered <= 100


def test_error():
    a = np.array([[1.0, -4.0]])
    assert harness.error([a, a], [a, a]) == 0
    assert harness.error([a + 0.2], [a]) == pytest.approx(0.05)
    assert harness.error([a[0]], [a]) == math.inf
    assert harness.error([a * np.nan], [a]) == math.inf
    assert harness.error([np.zeros(0)], [np.zeros(0)]) == 0


def test_wrong_numbers_are_an_error():
    x = np.ones(3)
    sides = {"minidl": lambda: lambda: [x * (1 + 1e-3)], "numpy": lambda: lambda: [x]}
    with pytest.raises(AssertionError, match="minidl differs from numpy by 1.0e-03"):
        measure(Row("a row", lambda: sides, {}, {}), rounds=1)


# ---- the table ----
def busy(n):
    return lambda: lambda: [np.float32(sum(range(n)) * 0)]


def missing():
    raise ModuleNotFoundError("no torch here")


def test_a_line_and_the_means():
    sides = {"minidl": busy(1000), "torch": busy(100_000), "torch fused": busy(50_000), "other": busy(300_000)}
    row = measure(Row("a row", lambda: sides, {}, {}, flops=lambda: 1e3), rounds=3)
    line = table.line(row, 1e9)
    for word in ("a row", "fused", "other", "0e+00", "%"):
        assert word in line
    means = {(mean["of"], mean["against"]): mean for mean in table.means([row])}
    assert row["ratios"]["torch"]["ratio"] < row["ratios"]["torch fused"]["ratio"] < 0.5
    assert means["all rows", "torch"]["mean"] == pytest.approx(row["ratios"]["torch"]["ratio"])
    assert means["all rows", "best torch"]["mean"] == pytest.approx(row["ratios"]["torch fused"]["ratio"])
    assert means["shared rows", "other"]["worst row"] == "a row"

    alone = measure(Row("alone", lambda: {"minidl": busy(1000), "torch": missing}, {}, {}, kind="small"), rounds=3)
    assert alone["missing"] == {"torch": "no torch here"}
    assert "alone" in table.line(alone, None)
    assert table.means([alone]) == []
