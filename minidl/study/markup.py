r"""The markup of minidl's docstrings, as HTML.

| written | becomes |
|---|---|
| a blank line | a new paragraph |
| `` `code` ``, `**bold**`, `*emphasis*` | the same, but `**kwargs` and `x**2` stay as they are |
| `$x^2$`, `$$x^2$$` | MathML, in the line or on a line of its own |
| lines that begin with `|` | a table; the line `|---|---|` stands below its header |
| `1. ` or `- ` | a list; what belongs to an item is indented below it |
| `term   what it is`, below each other | a list of terms; what follows is indented to where the text began |
| indented lines | as they are |
| `>>> ` | Python, highlighted and wrapped, up to the next blank line |

Everything else is text, and escaped. A formula that cannot be shown is a `FormulaError`.
"""

import html
import re
import textwrap
from collections.abc import Callable, Iterator

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import PythonConsoleLexer

from minidl.study.formula import FormulaError
from minidl.study.inline import ATOM, FOCUS, HOLE, LONG, atom, cut, inline, letters

__all__ = ["FormulaError", "cells", "highlighted", "inline", "table", "to_html"]

LINE = 40  # letters of code that a phone has room for
WIDE = 55  # and paper, on which nothing scrolls: a longer one is printed smaller
ITEM = re.compile(r"(-|\d{1,4}\.) +(?=\S)")
TERM = re.compile(r"\S(?:.{0,30}?\S)?(\s{2,})(?=\S)")
PLAIN = re.compile(r'<span class="(?:n|p|w|nn|nb|bp|o|err|gp1|esc|x)">([^<]*)</span>')  # tokens without a colour


def highlighted(code: str, lexer: Lexer) -> str:
    r"""Code with a span around each token that has a colour."""
    lexer.stripnl = lexer.ensurenl = False
    return PLAIN.sub(r"\1", highlight(code, lexer, HtmlFormatter(nowrap=True))).rstrip("\n")


def to_html(text: str) -> str:
    r"""HTML of a text, such as a docstring that `inspect.cleandoc` has been through.

    >>> print(to_html("One:\n- a\n- b > 1\n\nTwo.\n\n    as it is"))
    <p>One:</p>
    <ul><li>a</li><li>b &gt; 1</li></ul>
    <p>Two.</p>
    <pre>as it is</pre>
    """
    lines = text.replace(HOLE, "").expandtabs().splitlines()
    return "\n".join(_blocks([line.rstrip() for line in lines]))


def _blocks(lines: list[str]) -> Iterator[str]:
    while lines:
        first = lines[0]
        if not first:
            end = 1
        elif first[0] == " ":
            end = _while(lines, lambda line: line[:1] in ("", " "))
            yield _verbatim(textwrap.dedent("\n".join(lines[:end])).rstrip())
        elif first.startswith(">>>"):
            end = _while(lines, bool)
            yield _verbatim("\n".join(lines[:end]))
        elif first[0] == "|":
            end = _while(lines, lambda line: line[:1] == "|")
            yield _table(lines[:end])
        elif item := ITEM.match(first):
            end = _list_end(lines, item[1] == "-")
            yield _list(lines[:end], item[1])
        else:
            end = _while(lines, bool)
            if column := _column(lines[:end]):
                yield _terms(lines[:end], column)
            else:
                end = next((n for n in range(1, end) if _interrupts(lines[n - 1], lines[n])), end)
                yield from _paragraph("\n".join(lines[:end]))
        lines = lines[end:]


def _while(lines: list[str], fits: Callable[[str], bool]) -> int:
    return next((n for n, line in enumerate(lines) if not fits(line)), len(lines))


def _interrupts(before: str, line: str) -> bool:
    r"""Whether a line ends the paragraph above it without a blank line. (A minus or a | may begin one by chance.)"""
    return line.startswith(">>> ") or (before.endswith(":") and (line[0] == "|" or ITEM.match(line) is not None))


def _paragraph(text: str) -> Iterator[str]:
    last = 0
    for found in ATOM.finditer(text):
        if found["display"]:
            if before := text[last : found.start()].strip():
                yield f"<p>{inline(before)}</p>"
            made = atom(found)
            kind = "formula wide" if letters(made) > WIDE else "formula"
            yield f'<div class="{kind}"{FOCUS if letters(made) > LONG else ""}>{made}</div>'
            last = found.end()
    if rest := text[last:].strip():
        yield f"<p>{inline(rest)}</p>"


def _verbatim(text: str) -> str:
    if text.startswith(">>>"):
        return f'<pre class="doctest">{highlighted(text, PythonConsoleLexer())}</pre>'
    long = max(map(len, text.split("\n"))) > LINE
    return f"<pre{FOCUS if long else ''}>{html.escape(text, quote=False)}</pre>"


def _list_end(lines: list[str], dashes: bool) -> int:
    end = 0
    for n, line in enumerate(lines):
        item = ITEM.match(line)
        if line and line[0] != " " and not (item and (item[1] == "-") == dashes):
            break
        end = n + 1 if line else end
    return end


def _list(lines: list[str], marker: str) -> str:
    items: list[list[str]] = []
    for line in lines:
        if item := ITEM.match(line):
            items.append([line[item.end() :]])
            width = item.end()
        else:
            items[-1].append(line[width:] if line[:width].isspace() else line.lstrip())
    tag = "ul" if marker == "-" else "ol"
    start = "" if marker in ("-", "1.") else f' start="{int(marker[:-1])}"'
    return f"<{tag}{start}>{''.join(f'<li>{_within(item)}</li>' for item in items)}</{tag}>"


def _within(lines: list[str]) -> str:
    r"""What an item holds; the paragraph tags of a single one are left out."""
    blocks = list(_blocks(lines))
    return blocks[0][3:-4] if len(blocks) == 1 and blocks[0].startswith("<p>") else "\n".join(blocks)


def _column(lines: list[str]) -> int:
    r"""Where the text begins beside the terms, 0 if this is no list of terms."""
    first = TERM.match(lines[0])
    if not first or len(lines) < 2:
        return 0
    column = first.end()
    for line in lines[1:]:
        term = TERM.match(line)
        if not (line[:column].isspace() or (term and term.end() == column)):
            return 0
    return column


def _terms(lines: list[str], column: int) -> str:
    made: list[list[str]] = []
    for line in lines:
        if line[0] != " ":
            made.append([line[:column].strip()])
        made[-1].append(line[column:].strip())
    return (
        f"<dl>{''.join(f'<dt>{inline(term)}</dt><dd>{inline(chr(10).join(rest))}</dd>' for term, *rest in made)}</dl>"
    )


def cells(row: str) -> list[str]:
    r"""The cells of a table's row, still in markup. A | within code or a formula, or after a backslash, parts nothing.

    >>> cells(r"| $|x|$ | a \| b |")
    ['$|x|$', 'a | b']
    """
    rest, atoms = cut(row)
    made = iter(atoms)
    rest = rest.strip().removeprefix("|")
    parts = re.split(r"(?<!\\)\|", rest.removesuffix("|") if not rest.endswith(r"\|") else rest)
    return [re.sub(HOLE, lambda _: next(made)[0], part.strip().replace(r"\|", "|")) for part in parts]


def _table(lines: list[str]) -> str:
    rows = [cells(line) for line in lines]
    ruled = len(rows) > 1 and all(re.fullmatch(r":?-+:?", cell) for cell in rows[1])
    head, body = (rows[0], rows[2:]) if ruled else ([], rows)
    return table(head, body)


def table(head: list[str], body: list[list[str]], caption: str = "") -> str:
    r"""A table of cells in markup, in a box that scrolls where the page is narrow. The first cell of a row names it."""
    width = max(map(len, [head, *body]), default=0)
    made = f"<caption><span>{inline(caption)}</span></caption>" if caption else ""
    if head:
        names = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in _filled(head, width))
        made += f"<thead><tr>{names}</tr></thead>"
    made += "<tbody>"
    for name, *rest in (_filled(row, width) for row in body):
        made += f'<tr><th scope="row">{inline(name)}</th>{"".join(f"<td>{inline(cell)}</td>" for cell in rest)}</tr>'
    return f'<div class="scroll"{FOCUS}><table>{made}</tbody></table></div>'


def _filled(row: list[str], width: int) -> list[str]:
    return row + [""] * (width - len(row))
