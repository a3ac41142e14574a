"""The pool: every shard once; one result on any number of threads; errors, forks, and callers beside each other."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import threads
from minidl.jit import njit


@pytest.fixture(autouse=True)
def as_before():
    before = minidl.get_num_threads()
    yield
    minidl.set_num_threads(before)


@njit
def fill_cpu(shard, shards, y, sums):
    n = len(y)
    for i in range(shard * n // shards, (shard + 1) * n // shards):
        y[i] += np.sin(i)
        sums[shard] += y[i]


@given(st.integers(0, 200), st.integers(1, 20), st.integers(1, 5))
def test_every_shard_is_done_once(n, shards, n_threads):
    minidl.set_num_threads(n_threads)
    assert minidl.get_num_threads() == n_threads
    y, sums = np.zeros(n), np.zeros(shards)
    threads.share(fill_cpu, shards, y, sums)
    np.testing.assert_array_equal(y, np.sin(np.arange(n)))
    np.testing.assert_allclose(sums.sum(), y.sum(), atol=1e-12)


@given(st.floats(0, 1e12))
def test_the_number_of_shards(nanoseconds):
    """It says nothing of threads, never falls as the work grows, and small work stays whole."""
    counts = []
    for n in (1, 2, 8):
        minidl.set_num_threads(n)
        counts.append(threads.shards_for(nanoseconds))
    assert len(set(counts)) == 1 and 1 <= counts[0] <= threads.shards_for(nanoseconds * 2)
    assert (counts[0] == 1) == (nanoseconds < 100_000)


def test_two_threads_do_work_at_the_same_time():
    """Two shards that wait for each other come back; one after the other they never would."""
    minidl.set_num_threads(2)
    both = threading.Barrier(2)
    threads.share(lambda shard, shards: both.wait(timeout=20), 2)


def test_every_shard_sees_the_settings_of_its_caller():
    minidl.set_num_threads(2)
    both, found = threading.Barrier(2), []

    def look(shard, shards):
        both.wait(timeout=20)
        found.append(np.geterr()["over"])

    for setting in ("ignore", "raise"):
        with np.errstate(over=setting):
            threads.share(look, 2)
    assert found == ["ignore", "ignore", "raise", "raise"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_error_in_a_shard_reaches_the_caller_and_the_pool_lives_on(n):
    minidl.set_num_threads(n)

    def fails(shard, shards):
        if shard == 2:
            raise ZeroDivisionError("shard 2")

    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="shard 2"):
            threads.share(fails, 4)
    done = []
    threads.share(lambda shard, shards: done.append(shard), 5)
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_many_callers_at_once_and_the_number_changed_meanwhile():
    minidl.set_num_threads(3)
    wrong = []

    def caller(k):
        for i in range(30):
            y, sums = np.zeros(50 + k), np.zeros(4)
            threads.share(fill_cpu, 4, y, sums)
            if not (y == np.sin(np.arange(50 + k))).all():
                wrong.append((k, i))
            if k == 0:
                minidl.set_num_threads(1 + i % 3)

    callers = [threading.Thread(target=caller, args=(k,)) for k in range(6)]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    assert wrong == []


def test_a_kernel_may_share_its_work_inside_a_shard():
    minidl.set_num_threads(2)
    done = []
    threads.share(lambda shard, shards: threads.share(lambda s, n: done.append((shard, s)), 3), 4)
    assert sorted(done) == [(shard, s) for shard in range(4) for s in range(3)]


FORK = """
import multiprocessing, os, sys
import numpy as np
import minidl
from minidl import threads
from tests.test_threads import fill_cpu

def work(n):
    y, sums = np.zeros(1000), np.zeros(8)
    threads.share(fill_cpu, 8, y, sums)
    return y.sum()

minidl.set_num_threads(3)
expected = work(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(work, range(8)) == [expected] * 8
assert work(0) == expected
print("same")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_pool_of_its_own():
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["same"], done.stderr


AFTER_MAIN = """
import atexit, threading
import numpy as np
import minidl
from minidl import threads
from tests.test_threads import fill_cpu

def work(name):
    y, sums = np.zeros(1000), np.zeros(8)
    threads.share(fill_cpu, 8, y, sums)
    print(name, (y == np.sin(np.arange(1000))).all(), flush=True)

def late():
    threading.main_thread().join()
    work("thread")

minidl.set_num_threads(2)
if POOL:
    work("main")
atexit.register(work, "atexit")
threading.Thread(target=late).start()
"""


@pytest.mark.parametrize("pool", [True, False])
def test_threads_that_outlive_the_main_one_go_on_alone(pool):
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    program = AFTER_MAIN.replace("POOL", str(pool))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["main", "True"] * pool + ["thread", "True", "atexit", "True"], done.stderr


def test_the_machine_sets_the_number_at_the_start():
    program = "import minidl, os; print(minidl.get_num_threads())"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == cores


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None, True, np.nan])
def test_bad_numbers_change_nothing(n):
    before = minidl.get_num_threads()
    with pytest.raises((ValueError, TypeError), match="set_num_threads: n"):
        minidl.set_num_threads(n)
    assert minidl.get_num_threads() == before
