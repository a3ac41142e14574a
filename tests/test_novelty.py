r"""Archive: novelty by its definition, the rule of what is kept, state that can be saved, bad input."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.evolution import NEAT, Archive, NEATConfig, evaluate, evolve
from minidl.evolution import novelty as module


def by_definition(rows, kept, k):
    scores = []
    for p, b in enumerate(rows):
        others = [r for q, r in enumerate(rows) if q != p] + list(kept)
        nearest = sorted(np.sqrt(((b - other) ** 2).sum()) for other in others)[:k]
        scores.append(np.mean(nearest) if nearest else 0.0)
    return np.array(scores)


@st.composite
def generations(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    D = draw(st.integers(1, 20))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    return [rng.integers(0, 4, (n, D)) * 0.5 if draw(st.booleans()) else rng.normal(size=(n, D)) for n in sizes]


@given(generations(), st.integers(1, 5), st.booleans())
def test_novelty_is_the_mean_distance_to_the_nearest(generations, k, adaptive):
    archive = Archive(k, threshold=1.0, adaptive=adaptive)
    for rows in generations:
        kept, threshold = archive.behaviours.copy(), archive.threshold
        wanted = by_definition(rows, kept, k)
        scores = archive.update(rows)
        np.testing.assert_allclose(scores, wanted, rtol=1e-12, atol=1e-12)
        new = scores > threshold
        if not len(kept):
            new[scores.argmax()] = True
        assert np.array_equal(archive.behaviours[len(kept) :], rows[new])
        assert archive.behaviours[: len(kept)].tolist() == kept.tolist()
        assert archive.threshold == (threshold * 1.2 if adaptive and new.sum() > 4 else threshold)


@given(generations(), st.integers(1, 20))
def test_in_strips_it_is_the_same_to_the_bit(generations, strip):
    whole, cut = Archive(3), Archive(3)
    before = module.BLOCK
    for rows in generations:
        scores = whole.update(rows)
        module.BLOCK = strip
        try:
            assert np.array_equal(cut.update(rows), scores)
        finally:
            module.BLOCK = before


@given(generations(), st.integers(0, 3))
def test_a_saved_state_goes_on_as_the_archive_would_have(generations, at):
    one, folder = Archive(2), {}
    for rows in generations[:at]:
        one.update(rows)
    folder = one.state_dict()
    other = Archive(2)
    other.load_state_dict(folder)
    for rows in generations[at:]:
        assert np.array_equal(one.update(rows), other.update(rows))
    assert np.array_equal(one.behaviours, other.behaviours) and one.threshold == other.threshold
    assert one.waited == other.waited


def test_the_state_survives_a_file(tmp_path):
    archive = Archive(2)
    archive.update(np.arange(12.0).reshape(6, 2) ** 2)
    minidl.save(archive.state_dict(), tmp_path / "archive.safetensors")
    again = Archive(2)
    again.load_state_dict(minidl.load(tmp_path / "archive.safetensors"))
    assert np.array_equal(again.novelty([[1.0, 2.0]]), archive.novelty([[1.0, 2.0]]))


class Search:
    r"""A search for novelty whose archive is saved beside the run's checkpoints, as the head of novelty.py has it."""

    def __init__(self, folder):
        self.archive, self.folder = Archive(3, threshold=0.1), folder

    def novelty(self, nets):
        return self.archive.update(nets([[0.0, 1.0], [1.0, 1.0], [0.5, -1.0]])[..., 0])

    def path(self, run):
        return self.folder / f"archive-{run.generation}.safetensors"

    def go_on(self, run, generations, seed=None):
        save = [lambda run: minidl.save(self.archive.state_dict(), self.path(run))]
        options = {"checkpoint": self.folder / "runs", "callbacks": save, "generations": generations}
        return evolve(run, fitness_batch=self.novelty, seed=seed, verbose=False, **options)


def test_a_search_goes_on_from_its_checkpoint(tmp_path):
    config = NEATConfig(2, 1, population_size=12)
    whole, cut, rest = Search(tmp_path / "whole"), Search(tmp_path / "cut"), Search(tmp_path / "cut")
    for folder in ("whole", "cut"):
        (tmp_path / folder).mkdir()
    wanted = whole.go_on(config, 7, seed=3)
    cut.go_on(config, 3, seed=3)
    run = NEAT.load(tmp_path / "cut" / "runs")
    rest.archive.load_state_dict(minidl.load(rest.path(run)))
    found = rest.go_on(run, 4)
    assert found.history.history == wanted.history.history and list(found.pool) == list(wanted.pool)
    assert np.array_equal(rest.archive.behaviours, whole.archive.behaviours) and len(whole.archive) > len(cut.archive)


def test_behaviours_may_come_from_workers():
    def said(net):
        return {"fitness": 0.0, "behaviour": net([[0.0, 1.0], [1.0, 1.0]])[:, 0]}

    nets = NEAT(NEATConfig(2, 1, population_size=30), seed=0).nets()
    with ThreadPoolExecutor(2) as executor:
        behaviour = evaluate(nets, fitness=said, executor=executor).behaviour
    scores = Archive(3).update(behaviour)
    assert np.array_equal(scores, Archive(3).update(nets([[0.0, 1.0], [1.0, 1.0]])[..., 0])) and scores.max() > 0


def test_the_threshold_falls_after_2500_evaluations_without_anything_new():
    archive = Archive(1, threshold=1.0)
    archive.update(np.zeros((1, 2)))
    for _ in range(4):
        archive.update(np.zeros((500, 2)))
    assert archive.threshold == 1.0
    archive.update(np.zeros((500, 2)))
    assert archive.threshold == 0.95 and archive.waited == 0
    archive.update(np.zeros((2000, 2)))
    archive.update(np.array([[0.0, 0.0], [9.0, 9.0]]))  # new: the count begins again
    archive.update(np.zeros((2000, 2)))
    assert archive.threshold == 0.95 and archive.waited == 2000 and len(archive) == 2
    fixed = Archive(1, threshold=1.0, adaptive=False)
    fixed.update(np.zeros((3000, 2)))
    fixed.update(np.zeros((3000, 2)))
    assert fixed.threshold == 1.0


def test_the_first_behaviour_there_is_gets_in():
    archive = Archive(threshold=1e9)
    assert archive.update([[1.0, 2.0]]).tolist() == [0.0]
    assert archive.behaviours.tolist() == [[1.0, 2.0]]


def filled():
    archive = Archive(2, threshold=0.1)
    archive.update([[0.0, 1.0], [5.0, 5.0]])
    return archive


GOOD = filled().state_dict()
BAD = [
    (lambda: Archive(k=0), "k must be >= 1"),
    (lambda: Archive(k=2.5), "k must be an integer"),
    (lambda: Archive(threshold=0), "threshold must be > 0"),
    (lambda: Archive(threshold=float("nan")), "threshold must be a finite number"),
    (lambda: Archive(adaptive="yes"), "adaptive must be one of"),
    (lambda: filled().update([[0.0, 1.0, 2.0]]), "the D of those kept=2"),
    (lambda: filled().novelty([1.0, 2.0]), r"behaviours must have shape \(P, D\)"),
    (lambda: filled().update(np.zeros((0, 2))), "P, D >= 1"),
    (lambda: filled().update([[0.0, np.inf]]), "behaviours must be in .*, got inf"),
    (lambda: filled().update("far"), "behaviours must hold numbers"),
    (lambda: filled().update([[1.0], [1.0, 2.0]]), "behaviours must be a regular array"),
    (lambda: filled().load_state_dict({"behaviours": np.zeros((1, 1))}), "wanted behaviours, threshold, waited"),
    (lambda: filled().load_state_dict(GOOD | {"threshold": np.array(-1.0)}), "threshold must be > 0"),
    (lambda: filled().load_state_dict(GOOD | {"behaviours": np.array([[np.nan]])}), "must be in .*, got nan"),
    (lambda: filled().load_state_dict(GOOD | {"waited": np.array(0.5)}), "waited must be an integer"),
]


@pytest.mark.parametrize(("call", "words"), BAD)
def test_bad_input(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("change", [{"threshold": np.array(-1.0)}, {"waited": np.array(-1)}, {"behaviours": "x"}])
def test_a_bad_state_changes_nothing(change):
    archive = filled()
    with pytest.raises((ValueError, TypeError)):
        archive.load_state_dict(GOOD | {"behaviours": np.ones((3, 3))} | change)
    assert np.array_equal(archive.behaviours, GOOD["behaviours"]) and archive.threshold == float(GOOD["threshold"])
