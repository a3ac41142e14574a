r"""A source file, taken apart for a study page: notes (docstrings and comments) beside the code that they belong to.

>>> doc, segments = split("'Twice.'\n\n\ndef twice(x):\n    '$2x$.'\n    # what else?\n    return 2 * x\n")
>>> doc
'Twice.'
>>> [(s.name, s.note, s.code, s.numbers) for s in segments]
[('twice', '$2x$.', 'def twice(x):', (4,)), ('', 'what else?', '    return 2 * x', (7,))]
"""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from minidl.study.page import Segment, Table

Definition = ast.FunctionDef | ast.ClassDef
LABELS = ("Shapes", "Source", "Picture", "Try it")  # what a paragraph of a module docstring may begin with


def read(path: Path) -> str:
    r"""The text of a Python file, in the encoding that it says, without a byte-order mark."""
    with tokenize.open(path) as file:
        return file.read()


def split(text: str) -> tuple[str, list[Segment]]:
    r"""The module docstring of a file, and all its other lines as segments: each function, class and comment that has
    lines of its own begins one."""
    tree, lines = ast.parse(text), text.splitlines()
    gone = {n for n in _docstring_lines(tree)}  # docstrings, which become notes
    starts = {}  # line -> (name, docstring) of the definition that begins there
    for name, node in definitions(tree):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        starts[first] = (name, ast.get_docstring(node) or "")
        if (docstring := _docstring(node)) is not None:
            gone |= set(range(docstring.lineno, docstring.end_lineno + 1))
    comments = _comments(text)

    segments, note, name, code = [], "", "", []

    def close() -> None:
        nonlocal note, name, code
        while code and not lines[code[-1] - 1].strip():
            code.pop()
        while code and not lines[code[0] - 1].strip():
            code.pop(0)
        # a blank line below a docstring that is gone
        code = [n for n in code if lines[n - 1].strip() or n - 1 not in gone]
        if note or code:
            segments.append(Segment(tuple(code), note, "\n".join(lines[n - 1] for n in code), name))
        note, name, code = "", "", []

    for n in range(1, len(lines) + 1):
        if n in comments:
            if code or name:
                close()
            note = f"{note}\n{comments[n]}" if note else comments[n]
        elif n in starts:
            if code or name:
                close()
            name, docstring = starts[n]
            note = "\n\n".join(part for part in (note, docstring) if part)
            code.append(n)
        elif n not in gone and (code or lines[n - 1].strip()):
            code.append(n)
        elif n not in gone and note and not code and not name:  # a comment with nothing under it
            close()
    close()
    return ast.get_docstring(tree) or "", segments


def docstring(text: str) -> Segment | None:
    r"""The module docstring of a file as it is written there.

    >>> docstring("'Twice.'\n\nx = 2").code
    "'Twice.'"
    """
    tree, lines = ast.parse(text), text.splitlines()
    numbers = tuple(_docstring_lines(tree))
    return Segment(numbers, "", "\n".join(lines[n - 1] for n in numbers)) if numbers else None


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    r"""The functions and classes of a file and the methods of its classes: (name, node)."""
    for node in tree.body:
        if isinstance(node, Definition):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{m.name}", m) for m in node.body if isinstance(m, Definition))


def _docstring(node: Definition | ast.Module) -> ast.Expr | None:
    return node.body[0] if node.body and ast.get_docstring(node) is not None else None


def _docstring_lines(tree: ast.Module) -> range:
    docstring = _docstring(tree)
    return range(docstring.lineno, docstring.end_lineno + 1) if docstring else range(0)


def _comments(text: str) -> dict[int, str]:
    """Line -> text of the comments that have a line of their own; remarks to the linter are code."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#"):
            words = token.string.lstrip("#").strip()
            if heading := re.fullmatch(r"-{2,} (.+?) -{2,}|%% ?(.*)", words):
                words = next(filter(None, heading.groups()), "")
                words = f"**{words}**" if words else ""
            if not words.startswith("ruff:"):
                found[token.start[0]] = words
    return found


def sections(doc: str) -> dict[str, str]:
    r"""A module docstring by its labels: "summary" (the first paragraph), "text", "Shapes", "Source", "Try it" ...

    >>> sections("Twice: all of it two times.\n\n$y = 2x$\n\nShapes: x (N,)\n\nSource: Euclid.")
    {'summary': 'Twice: all of it two times.', 'text': '$y = 2x$', 'Shapes': 'x (N,)', 'Source': 'Euclid.'}
    """
    summary, _, rest = doc.partition("\n\n")
    found = {"summary": " ".join(summary.split()), "text": ""}
    for paragraph in re.split(r"\n{2,}(?=\S)", rest):
        label, _, words = paragraph.partition(":")
        if label not in LABELS:
            label, words = "text", paragraph
        old = found.get(label, "")
        found[label] = f"{old}\n\n{words.strip()}" if old else words.strip("\n") if label == "text" else words.strip()
    return found


def items(text: str) -> list[str]:
    r"""The items of a numbered list.

    >>> items("1. Add\n   one.\n2. Look.")
    ['Add\none.', 'Look.']
    """
    parts = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    return [inspect.cleandoc(part).strip() for part in parts]


def cells(line: str) -> list[str]:
    r"""The cells of a row of a table. A bar within `code` or a $formula$ is none of the table's.

    >>> cells("| `a|b` | $|x|$ |")
    ['`a|b`', '$|x|$']
    """
    found, inside = [""], ""
    for letter in line.strip()[1:-1]:
        if letter in "`$" and inside in ("", letter):
            inside = "" if inside else letter
        if letter == "|" and not inside:
            found.append("")
        else:
            found[-1] += letter
    return [cell.strip() for cell in found]


def tables(doc: str, *heads: str) -> tuple[str, list[Table]]:
    r"""A docstring without those of its tables whose first heading is in `heads`; and these.

    >>> text, found = tables("A layer.\n\n| option | meaning |\n|---|---|\n| `a` | the slope |\n\nThe end.", "option")
    >>> text, found[0].rows
    ('A layer.\n\nThe end.', [['`a`', 'the slope']])
    """
    rest, found = [], []
    for paragraph in re.split(r"\n{2,}", doc):
        lines = paragraph.splitlines()
        if len(lines) > 2 and lines[0].lstrip().startswith("|") and cells(lines[0])[0] in heads:
            found.append(Table(cells(lines[0]), [cells(line) for line in lines[2:]]))
        else:
            rest.append(paragraph)
    return "\n\n".join(rest), found
