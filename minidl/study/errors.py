r"""What is wrong, said so that a reader of the page's file can mend it."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path


class StudyError(ValueError):
    r"""There is no such page, or the file that it is made from lacks something; the message says what."""


@contextlib.contextmanager
def during(what: str, path: Path) -> Iterator[None]:
    r"""Whatever goes wrong in here, in code that a reader wrote, becomes a StudyError that names the file, the last of
    its lines that ran, and what did not work.

    >>> with during("illustrate(ax) fails", Path("mine.py")):
    ...     {}["colour"]
    Traceback (most recent call last):
        ...
    minidl.study.errors.StudyError: study: mine.py: illustrate(ax) fails: KeyError: 'colour'
    """
    try:
        yield
    except StudyError:
        raise
    except (Exception, SystemExit) as error:  # a script without a guard may leave Python
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename).name == path.name]
        where = f"{path.name}, line {lines[-1]}" if lines else path.name
        raise StudyError(f"study: {where}: {what}: {type(error).__name__}: {error}") from error
