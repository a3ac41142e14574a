r"""Markup within a line, as HTML: `code`, formulas, bold text, emphasis. What goes for whole lines: markup.py."""

import html
import re

from minidl.study.formula import formula

# code and formulas: nothing within them is markup. An inline formula neither begins nor ends with a space ("$5 or $6")
ATOM = re.compile(
    r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\$\$(?P<display>.+?)\$\$"
    r"|\$(?P<inline>(?=\S)(?:\\.|[^$\\])+(?<=\S))\$(?!\d)",
    re.DOTALL,
)
HOLE = "\0"  # where an atom was
STRONG = re.compile(r"(?<![\w*])\*\*(?=[^\s*])(.+?)(?<=[^\s*])\*\*(?![\w*])", re.DOTALL)
EMPHASIS = re.compile(r"(?<![\w*)\]])\*(?=[^\s*])([^*]+?)(?<=[^\s*(\[,])\*(?![\w*])")
LINK = re.compile(r"\[([^\]\[]+)\]\([\w./]+\.(?:py|md)\)")  # to a file of the repository: its name will do
FOCUS = ' tabindex="0"'  # of what may be too wide for a phone: the keyboard can scroll it, too
LONG = 20  # letters of a formula that it has room for


def inline(text: str) -> str:
    r"""HTML of a text within a line: a cell, a caption.

    >>> inline("`f(x)` is **not** $x$, for **kwargs < 2")
    '<code>f(x)</code> is <strong>not</strong> <math><mrow><mi>x</mi></mrow></math>, for **kwargs &lt; 2'
    """
    rest, atoms = cut(text)
    rest = LINK.sub(r"\1", html.escape(rest, quote=False))
    rest = STRONG.sub(r"<strong>\1</strong>", rest)
    rest = _outside_tags(rest)
    made = iter(atoms)
    return re.sub(HOLE, lambda _: atom(next(made)), rest)


def _outside_tags(text: str) -> str:
    r"""Emphasis, in what stands between the tags of bold text and in it, but never across one of them."""
    parts = re.split(r"(</?strong>)", text)
    return "".join(part if i % 2 else EMPHASIS.sub(r"<em>\1</em>", part) for i, part in enumerate(parts))


def cut(text: str) -> tuple[str, list[re.Match]]:
    r"""The text with a hole in place of every piece of code and every formula, and these."""
    text = text.replace(HOLE, "")
    return ATOM.sub(HOLE, text), list(ATOM.finditer(text))


def atom(found: re.Match) -> str:
    if found["code"]:
        return f"<code>{html.escape(' '.join(found['code'].split()), quote=False)}</code>"
    if found["display"]:
        return formula(found["display"], display=True)
    made = formula(found["inline"])
    return f'<span class="long"{FOCUS}>{made}</span>' if letters(made) > LONG else made


def letters(made: str) -> int:
    return len(html.unescape(re.sub(r"<[^>]*>", "", made)))
