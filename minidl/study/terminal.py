r"""A study page as text of at most 80 columns."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from pygments import format as paint
from pygments.formatters import TerminalFormatter
from pygments.lexers import PythonLexer

from minidl.study.formula import formula
from minidl.study.markup import ATOM
from minidl.study.page import Gradient, Page, Segment, Table
from minidl.study.source import cells

WIDTH = 80
CODE = WIDTH - 6  # beside the line numbers


def render(page: Page, colour: bool = False) -> str:
    r"""The page as text; `colour` puts the escape codes of terminals around Python's words.

    >>> from minidl.study.build import build
    >>> from minidl.study.find import find
    >>> text = render(build(find("Linear")))
    >>> text.splitlines()[0], max(map(len, text.splitlines())) <= 80
    ('Linear: every output is a weighted sum of every input.', True)
    """
    return "\n".join(_lines(page, colour)).rstrip()


def _lines(page: Page, colour: bool) -> Iterator[str]:
    yield from textwrap.wrap(f"{page.name}: {plain(page.summary)}", WIDTH)
    yield page.file
    yield from text(page.text)
    if page.caption:
        yield from heading("Picture (in the page that `minidl study` writes)")
        yield from text(page.caption)
    if page.shapes:
        yield from heading("Shapes")
        yield from text(page.shapes)
    if page.options:
        yield from heading("Options")
        for table in page.options:
            yield from options(table)
    if page.source:
        yield from heading(f"{page.file}, with notes")
        for segment in page.source:
            yield from source(segment, colour)
    if page.trace:
        yield from heading(f"Shape trace: {page.example}")
        yield from trace(page)
    if page.gradients:
        yield from heading("Gradient check: worst relative error against central differences")
        yield from gradients(page.gradients)
    for kernel in page.kernels:
        yield from heading(kernel.file)
        yield from text(kernel.text)
        for block in kernel.blocks:
            yield from ("", f"-- {block.title} --")
            for segment in block.segments:
                yield from source(segment, colour and block.title != "GPU")
    if page.costs:
        yield from heading("Costs" + (f": {', '.join(f'{k} = {v}' for k, v in page.letters.items())}"))
        for cost in page.costs:
            number = "" if cost.value is None else f" = {cost.value:,}"
            found = "" if cost.measured is None else f" (measured: {cost.measured:,})"
            yield from wrapped(f"{cost.name}: {plain(cost.formula)}{number}{found}")
    if page.peer or page.no_peer:
        yield from heading("Beside torch")
        if page.peer:
            gradient = "" if page.peer.gradient is None else f", of gradients {page.peer.gradient:.0e}"
            yield from wrapped(
                f"{page.peer.cases} cases of {page.peer.versions}, in float64: largest difference of outputs "
                f"{page.peer.output:.0e}{gradient}"
            )
        else:
            yield from wrapped(page.no_peer)
    if page.speed:
        yield from heading("Speed")
        kernel, reference = page.speed.kernel, page.speed.reference
        yield from wrapped(
            f"forward and backward, {page.speed.example}: {1e3 * kernel:.2f} ms by the kernels, "
            f"{1e3 * reference:.2f} ms by their reference"
        )
    if page.sources:
        yield from heading("Papers")
        for paper in page.sources:
            yield from wrapped(plain(paper))
    if page.tries:
        yield from heading("Try it")
        for k, item in enumerate(page.tries, 1):
            yield from wrapped(f"{k}. {plain(item)}", "   ")


# ---- words ----
def heading(words: str) -> Iterator[str]:
    yield ""
    yield from textwrap.wrap(words, WIDTH)
    yield "-" * min(WIDTH, len(words))


def wrapped(words: str, indent: str = "  ", first: str = "", width: int = WIDTH) -> list[str]:
    return textwrap.wrap(" ".join(words.split()), width, initial_indent=first, subsequent_indent=indent)


def text(markup: str, width: int = WIDTH) -> Iterator[str]:
    r"""Paragraphs, wrapped; what is indented, doctests and tables as they are, where they fit."""
    for paragraph in re.split(r"\n{2,}", markup.strip("\n")):
        yield ""
        first = paragraph.lstrip("\n")[:1]
        if first == " " or paragraph.startswith(">>>"):
            for line in paragraph.splitlines():
                yield from wrap_code(line, width)
        elif first == "|":
            yield from rows(paragraph, width)
        elif re.match(r"(-|\d+\.) ", paragraph):
            for item in re.split(r"\n(?=(?:-|\d+\.) )", paragraph):
                yield from wrapped(plain(item), "   ", width=width)
        else:
            for k, part in enumerate(re.split(r"\$\$(.+?)\$\$", paragraph, flags=re.DOTALL)):
                if k % 2:
                    for line in tex(part).splitlines():
                        yield from wrapped(line, "      ", "    ", width)
                elif part.strip():
                    yield from wrapped(plain(part), "", width=width)


def rows(table: str, width: int) -> Iterator[str]:
    for line in table.splitlines()[2:]:
        first, *rest = (plain(cell) for cell in cells(line))
        yield from wrapped(f"{first}: {'; '.join(rest)}", "    ", "  ", width)


def options(table: Table) -> Iterator[str]:
    r"""A paragraph for each row: what it is called here, what it means, what it is called elsewhere."""
    for first, meaning, *others in table.rows:
        yield from wrapped(f"{plain(first)}: {plain(meaning)}", "    ", "  ")
        for name, cell in zip(table.header[2:], others, strict=False):
            yield from wrapped(f"{name}: {plain(cell)}", "        ", "      ")


def plain(markup: str) -> str:
    r"""Markup without its marks; formulas as text.

    >>> plain("**x** is `one` of $\\frac{a}{b + c} \\sigma(x_t)$")
    'x is one of a/(b + c) σ(x_t)'
    """

    def atom(found: re.Match) -> str:
        return found["code"] or tex(found["display"] or found["inline"]).replace("\n", "; ")

    return re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"\1", ATOM.sub(atom, markup))


# ---- formulas ----
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover", "mfrac", "msqrt")
SPACED = set("=≈≤≥≠<>←→↦∈+−-⋅×⊙∝≪≫±∼") | {"+="}


def tex(formula_: str) -> str:
    r"""A LaTeX formula as a line of text, or a line for each row of a table in it.

    >>> tex(r"dW = \sum_t da_t^\top x_t, \qquad c \leftarrow f\,c")
    'dW = ∑_t da_t^⊤ x_t,  c ← f c'
    """
    found = _text(ElementTree.fromstring(formula(formula_)))
    for old, new in ((r"\+ +=", "+="), (r" {3,}", "  "), (r" +(?=[,.;)])", ""), (r"(?:(?<=[(,=] )|(?<=\())− ", "−")):
        found = re.sub(old, new, found)
    return "\n".join(line.strip() for line in found.split("\n"))


def _text(element: ElementTree.Element) -> str:
    parts = [_text(child) for child in element]
    tag = element.tag
    if tag in ("mi", "mn", "mtext", "ms"):
        return (element.text or "").replace("\xa0", " ")
    if tag == "mo":
        sign = (element.text or "").strip()
        return f" {sign} " if sign in SPACED else f"{sign} " if sign == "," else sign
    if tag == "mspace":
        width = re.match(r"[\d.]+", element.get("width", ""))  # none: a negative one, by its name
        return "" if width is None else "  " if float(width[0]) > 0.5 else " "
    if tag == "mfrac":
        return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
    if tag == "msqrt":
        return f"√{_grouped(''.join(parts))}"
    if tag in ("msub", "munder"):
        return f"{parts[0]}_{_grouped(parts[1])}"
    if tag in ("msup", "mover"):
        return f"{parts[0]}{parts[1]}" if tag == "mover" or parts[1] in "'′" else f"{parts[0]}^{_grouped(parts[1])}"
    if tag in ("msubsup", "munderover"):
        return f"{parts[0]}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if tag == "mtr":
        return " ".join(parts)
    if tag == "mtable":
        return "\n" + "\n".join(parts)
    return _joined(element, parts)


def _joined(element: ElementTree.Element, parts: list[str]) -> str:
    """Neighbours side by side; after an index, a power or a fraction with a space between."""
    out, before = "", ""
    for child, part in zip(element, parts, strict=True):
        space = before in SCRIPTS and part[:1].isalnum() and out[-1:] not in " "
        out += (" " if space else "") + part
        before = child.tag
    return out


def _grouped(part: str) -> str:
    part = part.strip()
    return part if re.fullmatch(r"[\w⊤⋆*′']*", part) else f"({part})"


# ---- code ----
def source(segment: Segment, colour: bool) -> Iterator[str]:
    r"""The note, indented behind a bar, and the code under it with its line numbers."""
    yield ""
    if segment.note:
        yield from (f"    | {line}" if line else "    |" for line in list(text(segment.note, WIDTH - 6))[1:])
    lines = segment.code.splitlines() if segment.code else []
    for number, line in zip(segment.numbers, lines, strict=True):
        for k, part in enumerate(wrap_code(line, CODE)):
            painted = paint(PythonLexer().get_tokens(part), TerminalFormatter()).rstrip("\n") if colour else part
            yield f"{number if k == 0 else '':4}  {painted}".rstrip()


def wrap_code(line: str, width: int = WIDTH) -> list[str]:
    r"""A line of code in pieces that fit, broken after a comma or a space where there is one."""
    pieces = []
    indent = len(line) - len(line.lstrip())
    while len(line) > width:
        place = max(line.rfind(", ", indent + 1, width - 1) + 1, line.rfind(" ", indent + 1, width - 1))
        place = place if place > indent + 8 else width
        pieces.append(line[:place].rstrip())
        line = " " * min(indent + 8, width // 2) + line[place:].lstrip()
    return [*pieces, line]


# ---- tables ----
def trace(page: Page) -> Iterator[str]:
    function = ""
    for row in page.trace:
        if (where := f"{row.phase}: {row.function} ({row.file})") != function:
            function = where
            yield from ("", where)
        shape = "(" + ", ".join(map(str, row.shape)) + ("," if len(row.shape) == 1 else "") + ")"
        yield f"  {row.line:4}  {row.name:16} {shape:24} {row.dtype}"[:WIDTH]


def gradients(found: Iterable[Gradient]) -> Iterator[str]:
    rows = list(found)
    worst = max(rows, key=lambda row: row.error)
    failed = sum(not row.passed for row in rows)
    yield f"{len(rows)} checks, {failed} failed; worst {worst.error:.0e}: {worst.tensor} of {worst.case}"[:WIDTH]
    case = ""
    for row in rows:
        if row.case != case:
            case = row.case
            yield from wrapped(case, "    ", "  ")
        yield f"      {row.tensor:28} {row.error:8.0e}  {'passed' if row.passed else 'FAILED'}"
