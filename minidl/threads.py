r"""Threads: one pool, which shares a kernel's work out in shards.

A kernel that shares its work is a compiled function `kernel(shard, shards, *arrays)`: it does the part number `shard`
of `shards` parts, by itself, and writes where no other part writes.

    def square_cpu(shard, shards, x, y):
        for i in range(shard * len(x) // shards, (shard + 1) * len(x) // shards):
            y[i] = x[i] * x[i]

    share(square_cpu, shards_for(len(x)), x, y)

How many shards there are depends on the size of the work alone and never on the number of threads; where a sum runs
over several of them, the caller adds up their partial sums in the order of their numbers. So one thread and two give
the same bits. Work of less than about 100 us is one shard, and stays in the thread that has it: to wake another one
takes 30 us.

The threads are Python's; they run at the same time because a compiled kernel holds no lock of the interpreter. Any
number of threads may call `share` at once (their shards stand in one queue), and a forked child starts with no pool.

Try it:
1. Run a convolution, forward and backward, with `set_num_threads(1)`, 2 and 7: SHA-256 of output and gradients is the
   same three times.
2. Add up 100,000 random float32 numbers in as many shards as there are threads: 49957.223 with one, 49957.438 with
   two. With `shards_for(100_000)` it is 49957.438 both times.
3. Set `SHARD = 100`: a MaxPool2d of (2, 4, 16, 16) takes 35 us instead of 20, for it wakes threads for nothing.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from minidl import check

SHARD = 50_000  # nanoseconds of work that are worth a shard
MOST = 16  # shards, of whatever is large


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_n = _cores()
_pool: ThreadPoolExecutor | None = None


def get_num_threads() -> int:
    r"""How many threads a kernel may use, the one that calls it included.

    >>> get_num_threads() >= 1
    True
    """
    return _n


def set_num_threads(n: int) -> None:
    r"""Let kernels use up to n >= 1 threads; at the start it is the number of cores. No result depends on it.

    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _n
    _n = check.integer("set_num_threads", "n", n, low=1)
    _forget()


def shards_for(nanoseconds: float) -> int:
    r"""In how many parts to cut work that takes one core about so long.

    >>> shards_for(20_000), shards_for(200_000), shards_for(1e9)
    (1, 4, 16)
    """
    return 1 if nanoseconds < 2 * SHARD else min(MOST, int(nanoseconds / SHARD))


def share(kernel: Callable, shards: int, *args: Any) -> None:
    r"""kernel(shard, shards, *args) for every shard, in no certain order; returns when all are done.

    >>> done = []
    >>> share(lambda shard, shards: done.append(shard), 3)
    >>> sorted(done)
    [0, 1, 2]
    """
    global _pool
    if shards == 1:
        kernel(0, 1, *args)
        return
    threads = min(_n, shards)
    if threads == 1:
        for shard in range(shards):
            kernel(shard, shards, *args)
        return
    waiting = iter(range(shards))  # next() on it is one step of the interpreter: no two threads get the same shard

    def work() -> None:
        for shard in waiting:
            kernel(shard, shards, *args)

    pool = _pool
    if pool is None:
        pool = _pool = ThreadPoolExecutor(max(_n, 2) - 1, thread_name_prefix="minidl")
    others = []
    try:
        for _ in range(threads - 1):  # each in a copy of the caller's context, for what holds there: np.errstate, say
            others.append(pool.submit(copy_context().run, work))
    except RuntimeError as error:
        if "shutdown" not in str(error):
            raise
        # the program's main thread has ended, and all pools with it; this thread goes on, and does what is left
    try:
        work()
    finally:
        for other in others:
            if not other.cancel():  # else it never began: all shards were done before
                other.result()


def _forget() -> None:
    """Leave the pool; the next call makes a new one. (A forked child has its memory, but not its threads.)"""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
