r"""Latest: a folder of checkpoints, one for every generation, of which the last KEEP stay: so there is one to go back
to where the disk has damaged the newest.

Source: our own; the files are safetensors with a SHA-256 of their contents.

Try it:
1. `evolve(..., checkpoint="runs")` for six generations: the folder holds those of generations 3, 4 and 5.
2. Cut the last file off in the middle, or change one bit of it: `latest` says what is wrong with it in a warning, and
   returns that of generation 4, with which `NEAT.load("runs")` goes on.
3. Set KEEP to 1 and do it again: all checkpoints are damaged, a ValueError. Three cost little.
"""

import os
import re
import warnings

from minidl import io

NAME = "generation-{:06d}.safetensors"
PATTERN = re.compile(r"generation-(\d{6,})\.safetensors")
KEEP = 3


def latest(folder: str | os.PathLike) -> str:
    r"""The path of the newest checkpoint in a folder that is sound; a warning for every newer one that is damaged.

    | option | meaning | neat-python |
    |---|---|---|
    | `latest` | a path | none: a checkpoint is named to `restore_checkpoint` |
    | `folder` | where `NEAT.save_in` has saved | `filename_prefix` |

    FileNotFoundError if there is none, ValueError if all are damaged.

    >>> import tempfile
    >>> from minidl.evolution import NEAT, NEATConfig
    >>> from minidl.evolution.checkpoint import save_in
    >>> run = NEAT(NEATConfig(1, 1, population_size=2), seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_in(run, folder)
    ...     os.path.basename(latest(folder))
    'generation-000000.safetensors'
    """
    folder = io.path_of("latest", folder)
    files = checkpoints(folder)
    for path in reversed(files.values()):
        error = damage(path)
        if error is None:
            return path
        warnings.warn(f"latest: passed over a damaged checkpoint: {error}", stacklevel=2)
    if files:
        raise ValueError(f"latest: all checkpoints in {folder!r} are damaged")
    raise FileNotFoundError(f"latest: there is no checkpoint of an evolution in {folder!r}")


def checkpoints(folder: str) -> dict[int, str]:
    r"""Generation -> path of all checkpoints in a folder, the newest last.

    >>> checkpoints(".")
    {}
    """
    found = [(PATTERN.fullmatch(name), os.path.join(folder, name)) for name in os.listdir(folder)]
    return dict(sorted((int(match[1]), path) for match, path in found if match))


def damage(path: str) -> ValueError | None:
    r"""What is wrong with a file; None if it is sound."""
    try:
        io.read("latest", path)
    except ValueError as error:
        return error
    return None
