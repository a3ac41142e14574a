"""`minidl study` of a reader's own file: whatever it is called and however its layer is called; and what is wrong in it
is said."""

import concurrent.futures
import re
import sys

import pytest

from minidl import backend
from minidl.__main__ import main
from minidl.study import checks, find, site, terminal
from minidl.study.build import build
from minidl.study.errors import StudyError
from minidl.study.example import examples

FILE = '''r"""Own: a layer.

$$ y = x / 2 $$
"""

import numpy as np
from minidl import Tensor, nn, no_grad


class Own(nn.Module):
    r"""Own.

    >>> x = Tensor([[1.0, 2.0]])
    >>> Own()(x).shape
    (1, 2)
    """

    def forward(self, x):
        return x / 2


def illustrate(ax):
    r"""A line."""
    ax.plot([0, 1])
'''


def write(path, *changes):
    """The file with changes (old, new)."""
    text = FILE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def page_of(path):
    return build(find.find(f"{path}:Own"))


# ---- how a layer is called ----
CALL = ">>> Own()(x).shape\n    (1, 2)"
# its arguments, its result, its doctest -> the inputs that have a gradient, as they are called
CALLS = {
    "two inputs": ("x, z", "x / 2 + z", ">>> y = Own()(x, x)", ["x", "z"]),
    "a number": ("x, scale", "x * scale", ">>> y = Own()(x, 2.0)", ["x"]),
    "options": ("x, *, m, scale=1.0", "x * m * scale", ">>> y = Own()(x, m=x, scale=2.0)", ["x", "m"]),
    "lists": ("xs, more", "xs[0] * xs[1] + more['w']", ">>> y = Own()([x, x], {'w': x})", ["xs_0", "xs_1", "more_w"]),
    "any number": ("*xs, k", "xs[0] * k + xs[1]", ">>> y = Own()(x, x, k=3)", ["xs_0", "xs_1"]),
    "an array": ("x, i", "x[i]", ">>> y = Own()(x, np.array([0]))", ["x"]),
    "no graph": ("x", "x / 2", ">>> with no_grad():\n    ...     y = Own()(x)", ["x"]),
    "an error shown": (
        "x",
        "x / 2",
        f">>> Own(1)\n    Traceback (most recent call last):\n    TypeError\n    {CALL}",
        ["x"],
    ),
    "a line to skip": ("x", "x / 2", f">>> nothing()  # doctest: +SKIP\n    {CALL}", ["x"]),
    "a tuple": ("x", "(x / 2, x * 3)", ">>> y = Own()(x)", ["x"]),
    "no slope": ("x", "x.argmax(axis=1)", ">>> y = Own()(x)", []),
}


@pytest.mark.parametrize("case", CALLS)
def test_any_call_in_a_doctest_will_do(case, tmp_path):
    arguments, result, doctest, names = CALLS[case]
    changes = ("(self, x):", f"(self, {arguments}):"), ("return x / 2", f"return {result}"), (CALL, doctest)
    topic = find.find(f"{write(tmp_path / 'own.py', *changes)}:Own")
    page = build(topic)
    assert [row.tensor for row in page.gradients] == names and all(row.passed for row in page.gradients)
    assert terminal.render(page)
    own = vars(topic.object)
    list(examples(topic))
    assert not {"__init__", "__call__"} & own.keys()  # watching the doctest has left nothing on the class


def test_a_parameter_that_is_frozen_has_no_row(tmp_path):
    init = """    def __init__(self, b: bool = False, a: bool = False):
        if b and not a:
            raise ValueError("b needs a")
        self.w, self.v = nn.Parameter(np.ones(2, "f4")), nn.Parameter(np.ones(2, "f4"))
        self.w.requires_grad_(False)

    def forward("""
    changes = ("    def forward(", init), ("return x / 2", "return x * self.w * self.v")
    page = page_of(write(tmp_path / "own.py", *changes))
    assert [(row.case, row.tensor) for row in page.gradients] == [
        *(("Own()", "x"), ("Own()", "v"), ("Own(a=True)", "x"), ("Own(a=True)", "v"))
    ]
    assert all(row.passed for row in page.gradients)


# ---- what a file is called ----
@pytest.mark.parametrize(
    "name", ["random", "types", "wave", "numpy", "minidl", "jinja2", "a-dash", "my.layer", "__main__", "Größe ✓/ö ï"]
)
def test_the_name_of_a_file_takes_nothing_from_others(name, tmp_path):
    file = write(tmp_path / f"{name}.py")
    before, path = dict(sys.modules), sys.path.copy()
    assert page_of(file).gradients[0].passed
    assert all(sys.modules[other] is module for other, module in before.items()) and sys.path == path
    assert name != "wave" or "wave" not in sys.modules  # Python's, which nobody has asked for yet


def test_two_files_of_one_name(tmp_path):
    files = [
        write(
            tmp_path / f"{n}" / "own.py",
            ("class Own", f"n = {n}\n\n\nclass Own"),
            ("x)\n".strip() + ".shape", "x * n).shape"),
        )
        for n in (2, 3)
    ]
    topics = [find.find(f"{file}:Own") for file in files]
    for topic, n in zip(topics, (2, 3), strict=True):
        assert topic.module.n == n and build(topic).gradients
        first = next(examples(topic))
        assert type(first.build(0)[0]) is topic.object


def test_a_file_in_a_package(tmp_path):
    package = tmp_path / "mypackage"
    file = write(package / "own.py", ("from minidl", "from . import half\nfrom minidl"), ("x / 2\n\n", "x * half\n\n"))
    (package / "__init__.py").write_text("half = 0.5\n")
    try:
        assert page_of(file).gradients[0].passed
        assert find.find(f"{file}:Own").object.__module__ == "mypackage.own"
    finally:
        for name in ("mypackage", "mypackage.own"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", ["mark", "latin-1", "windows"])
def test_how_a_file_is_written(kind, tmp_path):
    file = write(tmp_path / "own.py", ("Own: a layer.", "Own: für alle."))
    text = file.read_text(encoding="utf-8")
    if kind == "mark":
        file.write_bytes(text.encode("utf-8-sig"))
    elif kind == "latin-1":
        file.write_bytes(f"# -*- coding: latin-1 -*-\n{text}".encode("latin-1"))
    else:
        file.write_bytes(text.replace("\n", "\r\n").encode())
    page = page_of(file)
    assert page.summary == "für alle." and not any("\r" in s.code + s.note for s in page.source)


# ---- what is wrong is said, with the file ----
RETURN = "return x / 2"
WRONG = {
    "illustrate": (
        "ax.plot([0, 1])",
        "ax.plot({}['colour'])",
        r", line 24: illustrate\(ax\) fails: KeyError: 'colour'",
    ),
    "no picture": ("ax.plot([0, 1])", "pass", r": illustrate\(ax\) fails: ValueError: nothing is drawn"),
    "a formula": (
        "y = x / 2",
        r"y = \nosuch{x}",
        r": a text cannot be shown: .*\\nosuch\{x\}.* does not know \\nosuch",
    ),
    "a cost": (CALL, f"{CALL}\n\n    | cost | formula |\n    |---|---|\n    | parameters | $Q$ |", ": .*known for Q"),
    "a dict": (RETURN, "return {0: x}\n\n    shape = 0", ": the doctest of Own fails: AttributeError"),
    "a dict too": (
        f"{RETURN}\n",
        "return Both(x)\n\n\nclass Both(dict):\n    shape = 0\n",
        ": .*Own.*holds Both, not tensors",
    ),
    "float64": (
        RETURN,
        "if x.dtype != 'f8':\n            raise TypeError('f8!')\n        return x",
        ": .*: TypeError: f8!",
    ),
    "chance": (RETURN, "return x * float(np.random.default_rng().normal())", ": the gradient check of Own.*every time"),
    "no call": (CALL, ">>> 1\n    1", " needs a doctest that makes a layer and calls it"),
    "it leaves": (
        "import numpy",
        "import sys\nsys.exit(3)\nimport numpy",
        ", line 7: cannot be imported: SystemExit: 3",
    ),
    "doctest": (CALL, ">>> raise SystemExit(4)", ": the doctest of Own fails: SystemExit: 4"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_in_a_file_is_said(case, tmp_path, capsys):
    old, new, message = WRONG[case]
    file = write(tmp_path / "own.py", (old, new))
    for more in (["--terminal"], ["--out", str(tmp_path / "out")]):
        assert main(["study", f"{file}:Own", *more]) == 2
        out, error = capsys.readouterr()
        assert out == "" and error.startswith("minidl study: ") and re.search(f"own.py.*{message}|Own{message}", error)
    assert not list(tmp_path.glob("out/*"))


# ---- the rest ----
def test_what_a_layer_prints_is_none_of_the_page(tmp_path, capsys):
    file = write(tmp_path / "own.py", ("        return x / 2", "        print('noise')\n        return x / 2"))
    assert main(["study", f"{file}:Own", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'Own.html'}\n"
    assert main(["study", f"{file}:Own", "--terminal"]) == 0
    out, error = capsys.readouterr()
    assert out.startswith("Own: a layer.") and "noise\n" not in out and "noise\n" in error


def test_only_a_terminal_gets_colours(tmp_path, capsys, monkeypatch):
    file = write(tmp_path / "own.py")
    assert main(["study", f"{file}:Own", "--terminal"]) == 0
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["study", f"{file}:Own", "--terminal"]) == 0
    assert "\x1b[" in capsys.readouterr().out


def test_kernels_that_are_switched_off_have_no_speed(monkeypatch):
    example = next(examples(find.find("ReLU")))
    monkeypatch.setattr(backend, "REFERENCE", True)
    assert checks.speed(example) is None


def test_several_may_write_into_one_folder(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(site.writable, [tmp_path / "site"] * 2000)) == {tmp_path / "site"}
    assert not list((tmp_path / "site").iterdir())


def test_a_name_with_a_drive(monkeypatch):
    seen = []
    monkeypatch.setattr(find, "_in_file", lambda path, name: seen.append((str(path), name)))
    for name in (r"C:\own.py", r"C:\own.py:Own", "own.py:Own", "own.py", "own.py:"):
        find.find(name)
    assert seen == [(r"C:\own.py", ""), (r"C:\own.py", "Own"), ("own.py", "Own"), ("own.py", ""), ("own.py", "")]
    with pytest.raises(StudyError, match="nothing is called"):
        find.find("own.py.txt")
