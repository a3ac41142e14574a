r"""Report: a run as tables in CSV files, for spreadsheets and other programs. Every number is written with all its
digits, so that reading it gives the same number.

Source: Shafranovich 2005, RFC 4180, for CSV.

Try it:
1. Write a run of 34 generations: `history_to_csv` gives 34 rows of 16 columns, `species_to_csv` 951 rows, 7 kB each.
   Read "best" back: it is `run.history.history["best"]`, to the last bit.
2. Add up "size" by generation: 150 in each, no genome is lost or counted twice.
3. Write to a folder that is not there: a FileNotFoundError that names it, and nothing is written.
"""

import csv
import io as text
import os
from collections.abc import Iterable
from typing import Any

from minidl import check, io
from minidl.evolution.population import NEAT


def history_to_csv(run: NEAT, path: str | os.PathLike) -> None:
    r"""Write `run.history`: one row a generation, the first row says what the columns are.

    | option | meaning | neat-python |
    |---|---|---|
    | `history_to_csv` | | `StatisticsReporter.save_genome_fitness` |
    | `run` | a `NEAT` | |
    | `path` | of the file, in a folder that is there | `filename` |

    Raises TypeError for a run that is none, OSError where the disk refuses; the file is written whole or not at all.

    >>> import tempfile
    >>> from minidl.evolution import NEATConfig
    >>> run = NEAT(NEATConfig(1, 1, population_size=2), seed=0)
    >>> run.record([1.0, 3.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     history_to_csv(run, f"{folder}/run.csv")
    ...     with open(f"{folder}/run.csv", newline="") as file:
    ...         (row,) = csv.DictReader(file)
    >>> row["generation"], row["worst"], row["best"]
    ('0', '1.0', '3.0')
    """
    who = "history_to_csv"
    history = _checked(who, run).history
    names = ["generation", *history.history]
    _write(who, path, names, zip(history.epoch, *history.history.values(), strict=True))


def species_to_csv(run: NEAT, path: str | os.PathLike) -> None:
    r"""Write `run.species_sizes`: one row for every species of every generation, how many genomes it has.

    | option | meaning | neat-python |
    |---|---|---|
    | `species_to_csv` | | `StatisticsReporter.save_species_count` |
    | `run`, `path` | as above | |

    Raises as `history_to_csv` does.

    >>> import tempfile
    >>> from minidl.evolution import NEATConfig
    >>> run = NEAT(NEATConfig(1, 1, population_size=2), seed=0)
    >>> run.record([1.0, 3.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     species_to_csv(run, f"{folder}/species.csv")
    ...     with open(f"{folder}/species.csv", newline="") as file:
    ...         list(csv.reader(file))
    [['generation', 'species', 'size'], ['0', '0', '2']]
    """
    who = "species_to_csv"
    sizes = _checked(who, run).species_sizes
    rows = ((generation, *pair) for generation, by_id in enumerate(sizes) for pair in by_id.items())
    _write(who, path, ["generation", "species", "size"], rows)


def _checked(who: str, run: Any) -> NEAT:
    if not isinstance(run, NEAT):
        raise check.DTypeError(f"{who}: run must be a NEAT, got {type(run).__name__}")
    return run


def _write(who: str, path: Any, names: list[str], rows: Iterable[Iterable]) -> None:
    path = os.path.realpath(io.path_of(who, path))
    io.need_folder(who, path)
    table = text.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)  # csv writes a float as `repr` does: all digits
    io.replace(path, table.getvalue().encode())
