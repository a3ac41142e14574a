r"""Pages on disk: one, or all of them with an index."""

import concurrent.futures
import multiprocessing
import tempfile
from collections.abc import Iterator
from pathlib import Path

from minidl.study import html, picture
from minidl.study.build import build
from minidl.study.errors import StudyError, during
from minidl.study.find import Topic, catalogue, find
from minidl.study.page import Page

THUMBNAILS = "thumbnails"


def write_page(name: str, folder: str | Path) -> Path:
    r"""Write the page of this name (see `find`) into a folder, which is made if need be; returns its file.

    StudyError for a name that nothing has, a file that lacks a part, and a folder that cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page("relu", folder).name
    'ReLU.html'
    """
    return written(name, folder)[0]


def written(name: str, folder: str | Path) -> tuple[Path, Page]:
    r"""What `write_page` does; returns the file and the page."""
    topic = find(name)
    file = writable(folder) / f"{topic.slug}.html"
    page, text = _made(topic, {})
    file.write_text(text, encoding="utf-8")
    return file, page


def _made(topic: Topic, known: dict[str, str]) -> tuple[Page, str]:
    """A page, and its HTML."""
    page = build(topic)
    with during("a text cannot be shown", topic.path):
        return page, html.render(page, known)


def writable(folder: str | Path) -> Path:
    r"""The folder, made if it was not there. StudyError if nothing can be written to it."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StudyError(f"study: cannot write to the folder {str(folder)!r}: {error.strerror}") from error
    return folder


def write_site(folder: str | Path, processes: int | None = None) -> Iterator[Page]:
    r"""Write every page and `index.html` into a folder. Yields each page when it is there.

    processes: how many work at it; as many as there are cores where it is not given. What runs is where the pages are
    read one by one: `list(write_site("site"))`.
    """
    folder = writable(folder)
    writable(folder / THUMBNAILS)
    topics = catalogue()
    done: dict[str, tuple[Page, str]] = {}
    # spawn: a forked process would inherit locks of threads that it does not have
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = [pool.submit(_one_of_many, slug, folder) for slug in topics]
        try:
            for future in concurrent.futures.as_completed(waiting):
                page, thumbnail = future.result()
                done[page.slug] = page, thumbnail
                yield page
        finally:
            for future in waiting:
                future.cancel()
    pages = [done[slug] for slug in topics]
    (folder / "index.html").write_text(html.render_index(pages), encoding="utf-8")


def _one_of_many(slug: str, folder: Path) -> tuple[Page, str]:
    """Write one page of the site, and its thumbnail."""
    topics = catalogue()
    page, text = _made(topics[slug], {slug: topic.name for slug, topic in topics.items()})
    (folder / f"{slug}.html").write_text(text, encoding="utf-8")
    thumbnail = ""
    if page.picture.startswith("<svg"):
        thumbnail = f"{THUMBNAILS}/{slug}.svg"
        (folder / thumbnail).write_text(picture.standalone(page.picture), encoding="utf-8")
    elif page.picture:
        thumbnail = f"{THUMBNAILS}/{slug}.png"
        (folder / thumbnail).write_bytes(picture.embedded(page.picture))
    return page, thumbnail
