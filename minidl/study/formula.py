r"""LaTeX formulas as MathML. latex2mathml passes silently over what it does not know; here that is an error."""

import itertools
import re
from xml.etree import ElementTree

import latex2mathml.converter

# the elements of MathML that browsers draw (MathML Core)
MATHML = set(
    "math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle "
    "msub msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
ROWS = ("math", "mrow", "mtd", "mstyle", "msqrt")
FUNCTIONS = set("arccos arcsin arctan cos cosh cot coth csc deg det exp ln log sec sin sinh tan tanh".split())
BARS = set("|\u2016\u2225")
LIMITS = set("\u2211 \u220f max min lim sup inf".split())  # in a display what is below them stands below them
PRIMES = set("\u2032\u2033\u2034")
CLOSING = set(")]}|\u2016\u27e9\u2309\u230b\u2032!\u22a4")


class FormulaError(ValueError):
    r"""A formula that cannot be shown as it is meant."""


def formula(tex: str, display: bool = False) -> str:
    r"""MathML of a LaTeX formula; FormulaError where it would not be what the author meant.

    >>> formula("x < 1")
    '<math><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>'
    """
    braces = re.sub(r"\\.", "", tex)
    if braces.count("{") != braces.count("}"):
        raise FormulaError(f"${tex}$ is no formula: braces without a partner")
    try:
        made = latex2mathml.converter.convert(tex, display="block" if display else "inline")
    except Exception as error:  # of many classes, some without a message
        raise FormulaError(f"${tex}$ is no formula: {type(error).__name__} {error}".rstrip()) from error
    made = made.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(' display="inline"', "")
    made = made.replace(r"\_", "_")  # within \\text it is left as it came
    if unknown := re.search(r"\\(?:[a-zA-Z]+|.)?", made):
        raise FormulaError(f"${tex}$ is no formula: latex2mathml does not know {unknown[0]}")
    try:
        tree = ElementTree.fromstring(made)
    except ElementTree.ParseError as error:
        hint = "& outside of a table (aligned is not known; use split or align*), or < or & within \\text"
        raise FormulaError(f"${tex}$ is no formula: {hint}") from error
    for element in tree.iter():
        if element.tag not in MATHML or "href" in element.attrib:
            raise FormulaError(f"${tex}$ is no formula that browsers draw: <{element.tag}> {element.attrib or ''}")
        if element.get("linebreak") == "newline":
            raise FormulaError(rf"${tex}$ is no formula: \\ outside of a table; use split or align*")
        _limits(element)
        _prime(element)
        _merge(element)
        _power(element)
        if element.tag in ROWS:
            _space(element)
    return ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


def _limits(part: ElementTree.Element) -> None:
    r"""\sum_i within brackets comes with i at its side, also in a display; so does \max_i everywhere."""
    if part.tag in ("msub", "msup", "msubsup") and part[0].tag == "mo" and part[0].text in LIMITS:
        part.tag = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}[part.tag]
        part[0].set("movablelimits", "true")


def _prime(part: ElementTree.Element) -> None:
    r"""A prime stands high by itself: raised once more it would be tiny, and far above."""
    if part.tag == "msup" and part[1].text in PRIMES:
        part.tag = "mrow"
        part[1].tag = "mo"
        part[1].attrib |= {"lspace": "0", "rspace": "0"}


def _power(row: ElementTree.Element) -> None:
    r"""\Big)^2 is large only where the bracket is not the base itself but the end of it."""
    start = None
    for part in [*row]:
        if part.tag == "mo" and part.get("minsize"):
            start = part
        elif part.tag in ("msup", "msub", "msubsup") and part[0].get("minsize") and start is not None:
            first, last = [*row].index(start), [*row].index(part)
            base = ElementTree.Element("mrow")
            base.extend([*row[first:last], part[0]])
            del row[first:last]
            part[0] = base
            start = None


def _merge(row: ElementTree.Element) -> None:
    r"""Make one operator of \mathrel{+}=, of which the first part comes as an operator in a row in an operator."""
    for part, after in itertools.zip_longest([*row], [*row][1:]):
        if part.tag == "mo" and len(part):
            part.text = "".join(part.itertext())
            del part[:]
            if after is not None and after.tag == "mo":
                part.text += after.text or ""
                row.remove(after)


def _space(row: ElementTree.Element) -> None:
    r"""Space as TeX has it: a thin one beside the name of a function, none beside | and behind the sign of a number."""
    before = None
    for part in [*row]:
        operator = part.text if part.tag == "mo" else ""
        if operator in BARS:
            part.attrib |= {"lspace": "0", "rspace": "0"}
        elif operator in ("-", "\u2212", "+") and (before is None or before.tag == "mo" and before.text not in CLOSING):
            part.set("form", "prefix")
        words = [x for x in (before, part) if x is not None and x.tag not in ("mo", "mspace")]
        if len(words) == 2 and any(map(_function, words)):
            row.insert([*row].index(part), ElementTree.Element("mspace", width="0.167em"))
        before = part


def _function(part: ElementTree.Element) -> bool:
    base = part[0] if part.tag in ("msub", "msup", "msubsup") else part
    return base.tag == "mi" and base.text in FUNCTIONS
