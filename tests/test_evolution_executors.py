"""Evaluation elsewhere: in other processes, threads, on a cluster, in any order: the same run, bit for bit; and clear
errors where it does not come back."""

import multiprocessing
import random
import threading
import time
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.evolution import NEATConfig, evaluate, evolve
from tests.evolution import (
    WALK,
    batch_raises,
    deadly,
    dictionary,
    dictionary_batch,
    noisy,
    plain,
    raises,
    same,
    unlucky,
    xor,
)

CONFIG = NEATConfig(2, 1, population_size=70, add_node=0.3, add_link=0.3)  # 35 chunks of 2
FORMS = {
    "number": {"fitness": noisy},
    "dict": {"fitness": dictionary},
    "batch": {"fitness_batch": dictionary_batch},
    "some fail": {"fitness": unlucky, "on_error": "worst"},
}


def run(form, executor=None, **options):
    return evolve(CONFIG, **FORMS[form], executor=executor, generations=4, seed=5, verbose=False, **options)


@pytest.fixture(scope="module")
def alone():
    return {form: run(form) for form in FORMS}


@pytest.fixture(scope="module")
def nets():
    return run("number").nets()


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install minidl[dist]")
    quiet = {"dashboard_address": None, "n_workers": 2, "threads_per_worker": 1}
    with distributed.LocalCluster(**quiet) as cluster, distributed.Client(cluster) as client:
        yield client


# ---- the same run ----
@pytest.mark.parametrize("form", FORMS)
def test_processes(form, pool, alone):
    same(run(form, pool), alone[form])


@pytest.mark.parametrize("form", FORMS)
def test_threads(form, alone):
    with ThreadPoolExecutor(3) as executor:
        same(run(form, executor), alone[form])


@pytest.mark.parametrize("form", FORMS)
def test_a_dask_cluster(form, cluster, alone):
    same(run(form, cluster.get_executor()), alone[form])


def test_an_environment(pool):
    config = NEATConfig(1, 1, population_size=70)
    one, other = (
        evolve(config, rollout=WALK, executor=executor, generations=3, seed=5, verbose=False)
        for executor in (None, pool)
    )
    same(one, other)


class Later:
    """A fake: nothing happens until somebody waits, and then everything, in an order of its own; some of it fails."""

    def __init__(self, seed=0, wrong=(), error=None):
        self.random, self.wrong, self.error = random.Random(seed), wrong, error
        self.tasks, self.order = [], []

    def submit(self, function, *arguments):
        future = Future()
        wait, number = future.result, len(self.tasks)
        self.tasks.append((number, future, function, arguments))
        future.result = lambda: self.work() or wait()
        return future

    def work(self):
        self.random.shuffle(self.tasks)
        while self.tasks:
            number, future, function, arguments = self.tasks.pop()
            self.order.append(number)
            if number in self.wrong:
                future.cancel() if self.error is CancelledError else future.set_exception(self.error)
            else:
                future.set_result(function(*arguments))


@given(st.integers(0, 2**32), st.sampled_from(sorted(FORMS)))
def test_any_order(seed, form):
    executor = Later(seed)
    options = {**FORMS[form], "seed": 5, "generation": 2}
    scores = evaluate(NETS, **options, executor=executor)
    assert plain(scores) == plain(evaluate(NETS, **options)) and executor.order != sorted(executor.order)


NETS = run("number").nets()


class Slow:
    """A fake: a thread for everything, which sleeps before it works."""

    def submit(self, function, *arguments):
        future, seconds = Future(), random.random() / 50
        work = lambda: time.sleep(seconds) or future.set_result(function(*arguments))  # noqa: E731
        threading.Thread(target=work).start()
        return future


def test_any_delay(alone):
    same(run("number", Slow()), alone["number"])


# ---- what goes wrong ----
LOST = {
    "an error of its own": OSError("the network is down"),
    "too late": TimeoutError("an hour has passed"),
    "a dead worker": BrokenProcessPool("it was killed"),
    "cancelled": CancelledError,
}


@pytest.mark.parametrize("on_error", ["raise", "worst"])
@pytest.mark.parametrize("name", LOST)
def test_a_lost_chunk_is_an_error_and_the_run_goes_on_afterwards(name, on_error, alone):
    started = evolve(CONFIG, fitness=noisy, generations=2, seed=5, verbose=False)
    started.breed()
    before = plain(vars(started))
    with pytest.raises(RuntimeError, match="evaluate: the executor lost genomes 6 to 7: ") as caught:
        executor = Later(wrong=[3, 20], error=LOST[name])
        evolve(started, fitness=noisy, executor=executor, on_error=on_error, generations=2, verbose=False)
    kind = LOST[name] if isinstance(LOST[name], type) else type(LOST[name])
    assert type(caught.value.__cause__) is kind
    assert plain(vars(started)) == before
    same(evolve(started, fitness=noisy, executor=Later(1), generations=2, verbose=False), alone["number"])


def test_the_first_genome_that_fails_is_named_whoever_comes_first(nets):
    with pytest.raises(ValueError, match="no fitness") as wanted:
        evaluate(nets, fitness=unlucky, seed=5)
    for seed in range(5):
        with pytest.raises(ValueError, match="no fitness") as caught:
            evaluate(nets, fitness=unlucky, seed=5, executor=Later(seed))
        assert str(caught.value) == str(wanted.value).replace("OddError: ", "RuntimeError: OddError: ")


class Lazy:
    """A fake: a chunk is evaluated when somebody waits for it."""

    def __init__(self):
        self.futures, self.done = [], 0

    def submit(self, function, *arguments):
        future = Future()
        wait = future.result
        future.result = lambda: self.work(future, function, arguments) or wait()
        self.futures.append(future)
        return future

    def work(self, future, function, arguments):
        self.done += 1
        future.set_result(function(*arguments))


@pytest.mark.parametrize("bad", [{"fitness": raises}, {"fitness_batch": batch_raises, "on_error": "worst"}])
def test_nobody_works_on_once_it_has_failed(bad, nets):
    executor = Lazy()
    with pytest.raises(ValueError, match="OddError"):
        evaluate(nets, **bad, executor=executor)
    assert executor.done == 1 and len(executor.futures) == 35
    assert all(future.cancelled() for future in executor.futures[1:])


@pytest.mark.parametrize("bad", [{"fitness": raises}, {"fitness_batch": batch_raises}])
def test_an_exception_comes_back_from_another_process_with_its_traceback(bad, pool, nets):
    with pytest.raises(ValueError, match="OddError: number 1: reason") as caught:
        evaluate(nets, **bad, executor=pool)
    notes = "".join(caught.value.__cause__.__notes__)
    assert "in raises" in notes or "in batch_raises" in notes
    evaluate(nets, fitness=xor, executor=pool)  # and the pool is as good as before


def test_one_that_can_be_pickled_comes_back_itself(pool, nets):
    with pytest.raises(ValueError, match="genome 0") as caught:
        evaluate(nets, fitness=np.linalg.inv, executor=pool)
    assert type(caught.value.__cause__) is type(_raised(np.linalg.inv, nets[0]))


def _raised(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error


def test_a_function_that_cannot_be_sent(pool, nets):
    with pytest.raises(
        RuntimeError, match="evaluate: the executor lost genomes 0 to 1: .*[pP]ickle.*fitness defined at the top"
    ):
        evaluate(nets, fitness=lambda net: 1.0, executor=pool)
    assert evaluate(nets, fitness=xor, executor=pool).fitness.shape == (70,)


def test_an_executor_that_is_shut_down(nets):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="evaluate: the executor lost genomes 0 to 1: .*after shutdown"):
        evaluate(nets, fitness=xor, executor=executor)


def test_a_worker_that_dies(nets):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        with pytest.raises(RuntimeError, match="evaluate: the executor lost genomes 0 to 1: BrokenProcessPool"):
            evaluate(nets, fitness=deadly, executor=executor)
