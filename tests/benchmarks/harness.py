r"""How one row is measured: who takes turns with whom, for how long, by which clock, and what is made of the times.

A **pass** is a function without arguments that does the work once and returns its results. Two sides on a shared
machine are compared by turns, so that whatever slows it down slows both:

    A A B B A A B B ...     (with three sides A B C C B A ...): every round begins with the side that ended the last

A turn is one call that does not count (it finds the caches full of the other side's data) and then as many calls as
fill 6 ms, on CPU time of one thread, which does not see how often others are let in between. What counts is the median
over the rounds, and the ratio of two medians, with the interval in which 95 % of the ratios lie that other rounds of
the same kind would have given (bootstrap: rounds drawn with replacement).

With two threads CPU time says nothing, and on a machine with other guests wall time says little. A turn counts then
only if nothing else ran when it began (/proc/loadavg) and nobody interrupted it (ru_nivcsw); with fewer than 8 such
turns of a side the row is not measurable.
"""

import gc
import math
import time
from collections.abc import Callable

import numpy as np
import threadpoolctl

import minidl

TURN = 0.006  # seconds that a turn takes at least
CLEAN = 8  # turns that must be clean where wall time counts
PAUSE = 0.03  # seconds between the sides of two threads each: waiting threads spin for a while


def order(names: list[str], turn: int) -> list[str]:
    """Who goes when in round number `turn`: forwards and backwards in turns."""
    return names[::-1] if turn % 2 else list(names)


def alone() -> bool:
    """Whether this process is all that runs on the machine now. (Linux only.)"""
    with open("/proc/loadavg") as file:
        return file.read().split()[3].partition("/")[0] == "1"


def interruptions() -> int:
    """How often somebody else was let in before this process was done."""
    import resource  # noqa: PLC0415  (not on Windows)

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def use_threads(n: int, torch=None) -> None:
    """Let everybody who is here use n threads, and see to it that they do. (NumPy's BLAS keeps to one, in minidl.)"""
    minidl.set_num_threads(n)
    if torch is not None:
        torch.set_num_threads(n)
        assert torch.get_num_threads() == n, torch.get_num_threads()
    most = {pool["filepath"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    assert all(threads <= n for threads in most.values()), f"{n} threads were asked for, but there are {most}"


def turns(passes: dict[str, Callable], rounds: int, threads: int = 1) -> dict[str, list[float]] | None:
    """Seconds of a pass of each side, one number a round; None where it cannot be measured (see above)."""
    clock = time.process_time if threads == 1 else time.perf_counter
    calls = {}
    for name, once in passes.items():
        once()
        start, n = clock(), 0
        while clock() - start < TURN:
            once()
            n += 1
        calls[name] = n
    found = {name: [] for name in passes}
    gc.collect()
    for turn in range(rounds):
        for name in order(list(passes), turn):
            once, n = passes[name], calls[name]
            once()
            if threads > 1:
                time.sleep(PAUSE)
            clean, before = (True, 0) if threads == 1 else (alone(), interruptions())
            start = clock()
            for _ in range(n):
                once()
            seconds = (clock() - start) / n
            if threads == 1 or (clean and interruptions() == before):
                found[name].append(seconds)
    return None if threads > 1 and min(map(len, found.values())) < CLEAN else found


# ---- what is made of the times ----
def summary(seconds: list[float]) -> dict[str, float]:
    p10, median, p90 = np.percentile(seconds, [10, 50, 90]).tolist()
    return {"median": median, "p10": p10, "p90": p90}


def ratio(ours: list[float], theirs: list[float], draws: int = 1000) -> dict[str, float]:
    """Ratio of the medians, its 95 % interval, and the ratio of the p10s (of the quiet moments)."""
    ours, theirs = np.array(ours), np.array(theirs)
    rng = np.random.default_rng(0)
    if len(ours) == len(theirs):  # a round is drawn as a whole
        picked = picked_too = rng.integers(len(ours), size=(draws, len(ours)))
    else:
        picked, picked_too = (rng.integers(len(a), size=(draws, len(a))) for a in (ours, theirs))
    drawn = np.median(ours[picked], axis=1) / np.median(theirs[picked_too], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    p10 = float(np.percentile(ours, 10) / np.percentile(theirs, 10))
    return {"ratio": float(np.median(ours) / np.median(theirs)), "low": low, "high": high, "p10": p10}


def geometric_mean(ratios: list[float]) -> float:
    """The mean for ratios: half as long here and twice as long there is 1."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def error(ours: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest difference of two results, relative to the largest number in the array; inf for other shapes."""
    worst = 0.0
    for a, b in zip(ours, wanted, strict=True):
        if a.shape != b.shape:
            return math.inf
        a, b = a.astype("float64"), b.astype("float64")
        apart = np.abs(a - b).max(initial=0) / max(np.abs(b).max(initial=0), 1e-30)
        worst = max(worst, float(apart) if np.isfinite(apart) else math.inf)
    return worst
