r"""`minidl study`: pages in which a layer is explained beside its own source.

minidl study LSTM                        study/LSTM.html: one file, which needs no network
minidl study path/to/file.py:MyLayer     the same for a Module of your own
minidl study LSTM --terminal             the same as text
minidl study --all --out site            a page of everything, and an index
minidl study --list                      what has a page
"""

import argparse
import contextlib
import sys
import time
import webbrowser
from typing import Any

from tqdm import tqdm


def add_parser(commands: Any) -> None:
    r"""Add `study` to the subcommands of an argparse parser."""
    parser = commands.add_parser("study", help="write a page that explains a layer beside its source")
    parser.add_argument("names", nargs="*", metavar="NAME", help="LSTM, tensor, kernels/lstm, demos/xor, file.py:Layer")
    parser.add_argument("--all", action="store_true", help="pages of everything, and an index")
    parser.add_argument("--list", action="store_true", help="print all names")
    parser.add_argument("--terminal", action="store_true", help="print the page as text")
    parser.add_argument("--out", default="study", metavar="FOLDER", help="where pages go (default: study)")
    parser.add_argument("--open", action="store_true", help="show the page in the browser")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    r"""Do what the command line asks for; returns the exit status."""
    try:
        from minidl.study import find, site, terminal  # noqa: PLC0415  (they need the extra "study")
        from minidl.study.build import build  # noqa: PLC0415
        from minidl.study.errors import StudyError, during  # noqa: PLC0415
    except ModuleNotFoundError as error:
        print(f'minidl study needs {error.name}: pip install "minidl[study]"', file=sys.stderr)
        return 2
    if not (arguments.names or arguments.all or arguments.list):
        print("minidl study: say what, as in `minidl study LSTM`; or --all, or --list", file=sys.stderr)
        return 2
    status = 0
    try:
        if arguments.list:
            for topic in find.catalogue().values():
                others = [name for name in topic.names if name not in (topic.name, topic.slug)]
                print(f"{topic.kind:10} {topic.slug:34} {', '.join(others)}".rstrip())
        if arguments.all:
            everything(site, arguments)
        for name in arguments.names:
            if arguments.terminal:
                colour = sys.stdout.isatty()
                with contextlib.redirect_stdout(sys.stderr):  # what a layer prints is none of the page
                    topic = find.find(name)
                    page = build(topic)
                with during("a text cannot be shown", topic.path):
                    print(terminal.render(page, colour))
            else:
                with contextlib.redirect_stdout(sys.stderr):
                    file, page = site.written(name, arguments.out)
                print(file)
                if arguments.open:
                    webbrowser.open(file.resolve().as_uri())
            if failed := [row for row in page.gradients if not row.passed]:
                worst = max(failed, key=lambda row: row.error)
                print(
                    f"minidl study: {page.name}: {len(failed)} of {len(page.gradients)} gradients are wrong; "
                    f"{worst.tensor} of {worst.case} by {worst.error:.0e}",
                    file=sys.stderr,
                )
                status = 1
    except (StudyError, OSError) as error:
        print(f"minidl {error}", file=sys.stderr)
        return 2
    return status


def everything(site: Any, arguments: argparse.Namespace) -> None:
    r"""Write the whole site, with a bar, and say what there is."""
    start = time.perf_counter()
    pages = list(tqdm(site.write_site(arguments.out), total=len(site.catalogue()), desc="pages", ascii=True))
    print(f"{len(pages)} pages in {time.perf_counter() - start:.0f} s: {arguments.out}/index.html")
    if arguments.open:
        webbrowser.open((site.writable(arguments.out) / "index.html").resolve().as_uri())
