r"""Formulas of a docstring as numbers: the letters of its Shapes line, bound by the shapes that a run really had.

>>> letters, wrong = bind("x (N, T, D), w (4H, D), y (N, T+1, H)", {"x": [(2, 5, 3)], "w": [(16, 3)], "y": [(2, 6, 4)]})
>>> letters, wrong
({'N': 2, 'T': 5, 'D': 3, 'H': 4}, [])
>>> evaluate(r"4 H (D + H + 2)", letters)
144
"""

import re
from collections.abc import Iterable
from fractions import Fraction

TOKEN = re.compile(r"\s*(\d+|[A-Za-z]+|[()+\-*/^])")


def evaluate(formula: str, letters: dict[str, int]) -> int:
    r"""The value of a formula in LaTeX: numbers, letters, + - * / ^ and brackets; side by side means times.

    Raises ValueError for a letter that is not bound, for anything else, and where the result is no integer.

    >>> evaluate(r"\frac{N (C + 1)}{2} \cdot 2^3", {"N": 2, "C": 3})
    32
    """
    text = formula
    while (plain := re.sub(r"\\frac\s*{([^{}]*)}\s*{([^{}]*)}", r"((\1)/(\2))", text)) != text:
        text = plain
    for old, new in ((r"\cdot", "*"), (r"\times", "*"), (r"\,", " "), (r"\;", " "), ("{", "("), ("}", ")")):
        text = text.replace(old, new)
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            raise ValueError(f"{formula!r} is no formula that can be evaluated: {text[place:]!r}")
        tokens += _letters(match[1], letters, formula)
        place = match.end()
    code = ""
    for before, token in zip(["", *tokens], tokens, strict=False):
        if before and before not in "(+-*/^" and token not in ")+-*/^":
            code += "*"
        code += f"F({token})" if token.isdigit() else "**" if token == "^" else token
    try:
        value = eval(code, {"__builtins__": {}, "F": Fraction})  # noqa: S307  (numbers, brackets and + - * / ** alone)
    except SyntaxError as error:
        raise ValueError(f"{formula!r} is no formula that can be evaluated") from error
    if value != int(value):
        raise ValueError(f"{formula!r} comes to {value}, which is no integer")
    return int(value)


def _letters(token: str, letters: dict[str, int], formula: str) -> list[str]:
    """A token as numbers; several letters without a space are a product, unless they are one name such as OH."""
    if not token.isalpha():
        return [token]
    if token in letters:
        return [str(letters[token])]
    if len(token) > 1 and all(letter in letters for letter in token):
        return [str(letters[letter]) for letter in token]
    raise ValueError(f"{formula!r}: no number is known for {token}; the Shapes line of the docstring has to bind it")


def bind(shapes: str, found: dict[str, Iterable[tuple[int, ...]]]) -> tuple[dict[str, int], list[str]]:
    r"""The numbers that letters stand for, and what does not fit.

    shapes: a Shapes line, "x (N, T, D), w (4H, D), h and c (N, H); more words"; found: the shapes that variables of
    these names had.
    """
    letters: dict[str, int] = {}
    wrong: list[str] = []
    facts = []
    for names, axes in re.findall(r"((?:\b[A-Za-z_]\w*(?:, | and )?)+) \(([^()]*)\)", shapes):
        axes = [axis.strip() for axis in axes.split(",") if axis.strip()]
        for name in re.split(r", | and ", names):
            facts += [(name, axes, shape) for shape in found.get(name, ()) if len(shape) == len(axes)]
    for _ in range(3):  # a letter may be bound by a later fact
        for _name, axes, shape in facts:
            for axis, size in zip(axes, shape, strict=True):
                _solve(axis, size, letters)
    for name, axes, shape in facts:
        for axis, size in zip(axes, shape, strict=True):
            try:
                if evaluate(axis, letters) != size:
                    wrong.append(f"{name} ({', '.join(axes)}) has shape {shape}, where {letters}")
                    break
            except ValueError:
                pass
    return letters, wrong


def _solve(axis: str, size: int, letters: dict[str, int]) -> None:
    r"""Bind the letter of "T", "4H" or "T+1", if it is the only one without a number."""
    unknown = [word for word in re.findall(r"[A-Za-z]+", axis) if word not in letters]
    if len(unknown) != 1:
        return
    for value in range(size + 2) if size <= 4096 else (size,):
        try:
            if evaluate(axis, {**letters, unknown[0]: value}) == size:
                letters[unknown[0]] = value
                return
        except (ValueError, ZeroDivisionError):
            pass
