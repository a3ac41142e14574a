r"""minidl beside what it is measured against: torch, mygrad, MiniSom, neat-python (`pip install -e ".[bench]"`; those
that are missing are left out), and beside plain NumPy.

    python -m tests.benchmarks                  the first use, then all groups
    python -m tests.benchmarks conv             one group: conv, layers, recurrent, steps, rbf, som, evolution, first
    python -m tests.benchmarks --quick          fewer rounds
    python -m tests.benchmarks --json out.json  every figure, also as JSON
    python -m tests.benchmarks --threads 2      wall time of two threads; only a quiet machine can tell

One thread each and CPU time unless said otherwise; how that is done says harness.py, what the columns are table.py,
how to add a row row.py. FFT, wavelets, random walks and skip-grams have no layer here yet, and so no row.
"""

import argparse
import importlib
import importlib.metadata
import json
import sys

import minidl
from tests.benchmarks import harness, peak, table
from tests.benchmarks.row import measure

TABLE = ["conv", "layers", "recurrent", "rbf", "steps"]  # groups whose rows have torch beside them
GROUPS = ["first", *TABLE, "som", "evolution"]
ROUNDS, QUICK, TWO_THREADS = 15, 5, 30  # of two threads' turns some will not count
PEERS = ("numpy", "numba", "torch", "mygrad", "minisom", "neat-python")


def group(name):
    return importlib.import_module(f"tests.benchmarks.{name}")


def rows():
    """All rows of the table."""
    return [row for name in TABLE for row in group(name).ROWS]


def versions():
    installed = {
        d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions() if d.metadata["Name"]
    }
    return {name: installed.get(name) for name in PEERS}


def torch_if_installed():
    try:
        import torch  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    return torch


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("group", nargs="?", choices=GROUPS, help="one group only")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds instead of {ROUNDS}")
    parser.add_argument("--threads", type=int, default=1, choices=(1, 2))
    parser.add_argument("--json", metavar="PATH", help="write every figure there")
    options = parser.parse_args()
    minidl.manual_seed(0)
    harness.use_threads(options.threads, torch_if_installed())
    rounds = TWO_THREADS if options.threads > 1 else QUICK if options.quick else ROUNDS
    found = {"versions": versions(), "threads": options.threads, "rows": [], "wrong": []}
    found["peak flop/s"] = limit = peak.flops_per_second()
    print(", ".join(f"{name} {version}" for name, version in found["versions"].items() if version))
    for name in [options.group] if options.group else GROUPS:
        module = group(name)
        print(f"\n{name}" if not hasattr(module, "ROWS") else f"\n{name + table.HEADER[len(name) :]}")
        for row in getattr(module, "ROWS", ()):
            try:
                measured = measure(row, rounds, options.threads)
            except Exception as wrong:  # a row that does not work leaves the others alone, but is not passed over
                found["wrong"].append(f"{row.name}: {wrong!r}")
                print(f"{row.name:34}WRONG: {wrong!r}", flush=True)
                continue
            found["rows"].append(measured | {"group": name})
            print(table.line(measured, limit), flush=True)
        if hasattr(module, "more"):
            found[name] = module.more()
    if found["rows"]:
        found["means"] = table.print_means(found["rows"])
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
