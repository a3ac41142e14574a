"""Memory of a step is used again by the next one."""

import os
import subprocess
import sys

import pytest

from minidl.memory import keep_memory

STEPS = """
import resource
import sys
import numpy as np
{keep}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.ones(n) for n in (300_000, 150_000, 600_000, 300_000)]
        arrays = [a * 2 for a in arrays]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(not keep_memory(), reason="not the C library of Linux")
def test_a_step_takes_no_pages_from_the_system_that_the_step_before_gave_back():
    def faults(keep):
        program = STEPS.format(keep=keep)
        mine = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}  # Dask sets one
        environment = mine | {"PYTHONPATH": os.getcwd()}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        return int(done.stdout)

    assert faults("import minidl.backend") < 1000 < faults("")  # of 20 steps, in each of them 10,000 pages
