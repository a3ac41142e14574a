"""Study pages: every one of them is built, what it says is true, and what is missing is said."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import evolution, losses, nn, optim
from minidl.__main__ import main
from minidl.study import checks, costs, find, site, source, terminal
from minidl.study.build import build
from minidl.study.example import examples
from minidl.study.find import StudyError, catalogue
from minidl.testing import check_layer

ROOT = Path(__file__).parent.parent
TOPICS = catalogue()
PARTS = [slug for slug, topic in TOPICS.items() if topic.kind in ("layer", "loss", "optimiser")]
RUN = [slug for slug, topic in TOPICS.items() if topic.kind in ("layer", "loss")]


# ---- there is a page for everything ----
def test_every_public_thing_has_a_page():
    layers = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name))}
    layers = {name for name in layers if issubclass(getattr(nn, name), nn.Module)} - {"Module"}
    assert layers == {slug for slug, topic in TOPICS.items() if topic.kind == "layer"}
    assert set(losses.LOSSES) == {slug for slug, topic in TOPICS.items() if topic.kind == "loss"}
    own = {"clip_grad_norm", *optim.OPTIMIZERS, *optim.SCHEDULES}
    assert own == {slug for slug, topic in TOPICS.items() if topic.kind == "optimiser"}
    data = {name for name in evolution.__all__ if isinstance(getattr(evolution, name), dict)}
    for name in set(evolution.__all__) - data:
        topic = find.find(f"evolution.{name}")
        assert topic.kind == "evolution" and re.search(rf"^(def|class) {name}\b", topic.path.read_text(), re.MULTILINE)
    demos = {path.stem for path in (ROOT / "demos").glob("[!_]*.py")} - {"common"}
    assert demos == {topic.name for topic in TOPICS.values() if topic.kind == "demo"}
    assert find.find("tensor").path.name == "tensor.py"
    for slug, topic in TOPICS.items():
        assert find.find(slug) is topic


@pytest.mark.parametrize("slug", TOPICS)
def test_the_page(site, slug):
    folder, pages = site
    text = (folder / f"{slug}.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 400_000
    assert "http:" not in text and "https:" not in text and "<script" not in text
    page = pages[slug]
    assert page.summary and page.file and (page.source or page.kernels)
    assert (ROOT / page.file).samefile(TOPICS[slug].path)
    lines = terminal.render(page).splitlines()
    assert max(map(len, lines)) <= 80, max(lines, key=len)


@pytest.mark.parametrize("slug", PARTS)
def test_a_page_about_one_thing_has_all_its_parts(site, slug):
    page = site[1][slug]
    assert page.text and page.sources and page.picture.startswith("<svg") and page.caption
    assert len(page.tries) == 3
    assert page.peer or page.no_peer
    if any(s.name.endswith("Function.backward") for s in page.source):  # derived, or a formula such as dx = ...
        assert "Backward" in page.text or re.search(r"\$[^$]*\bd[a-z]\b[^$]*=", page.text)


@pytest.mark.parametrize("slug", [slug for slug, topic in TOPICS.items() if topic.kind == "demo"])
def test_the_page_of_a_demo_shows_its_picture(site, slug):
    page = site[1][slug]
    assert page.picture.startswith("<img") and page.caption and len(page.tries) == 3


@pytest.mark.parametrize("slug", PARTS)
def test_every_option_is_in_a_table_with_its_names_elsewhere(site, slug):
    page, function = site[1][slug], TOPICS[slug].object
    rows = [(table, row) for table in page.options for row in table.rows]
    named = {name for _, row in rows for name in re.findall(r"`\*{0,2}(\w+)`", row[0])}
    wanted = {name for name in inspect.signature(function).parameters}
    assert named >= wanted | {function.__name__}, f"no row for {sorted(wanted | {function.__name__} - named)}"
    for table, row in rows:
        assert table.header == ["option", "meaning", "torch", "Keras"] and len(row) == 4 and all(row), row


@pytest.mark.parametrize("slug", RUN)
def test_what_the_page_says_of_a_run_is_true(site, slug):
    page = site[1][slug]
    assert page.trace or slug in ("Identity", "ModuleList")
    assert not page.disagreements
    for cost in page.costs:
        assert cost.value is None or cost.measured in (None, cost.value), cost
    measured = {cost.name for cost in page.costs}
    assert measured >= {"parameters", "multiply-adds", "bytes kept"}
    if page.peer:
        assert page.peer.cases >= 3 and page.peer.output < 1e-9 and page.peer.gradient < 1e-8


@pytest.mark.parametrize("slug", RUN)
def test_every_gradient_row_passes(site, slug):
    page = site[1][slug]
    assert page.gradients
    failed = [row for row in page.gradients if not row.passed]
    assert not failed and max(row.error for row in page.gradients) <= checks.TOLERANCE
    cases = [example.label for example in examples(TOPICS[slug])]
    checked = {row.case for row in page.gradients}
    assert len(checked) >= len(cases) / 2 and checked <= set(cases)  # some options leave nothing to differentiate


def test_the_index_leads_to_every_page(site):
    folder, _ = site
    text = (folder / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'(?:href|src)="([^"#]+)"', text))
    assert {f"{slug}.html" for slug in TOPICS} <= links
    assert all((folder / link).exists() for link in links)
    assert len(text.encode()) < 400_000


def test_links_between_pages_lead_somewhere(site):
    folder, _ = site
    for path in folder.glob("*.html"):
        for link in re.findall(r'href="(?!data:)([^"#]+)[^"]*"', path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


# ---- parts ----
@pytest.mark.parametrize("path", sorted({topic.path for topic in TOPICS.values()}), ids=lambda path: path.stem)
def test_no_line_of_a_file_is_lost(path):
    text = path.read_text(encoding="utf-8")
    _, segments = source.split(text)
    shown = {n: line for s in segments for n, line in zip(s.numbers, s.code.splitlines(), strict=True)}
    lines = text.splitlines()
    assert all(lines[n - 1] == line for n, line in shown.items())
    hidden = [n for n, line in enumerate(lines, 1) if line.strip() and n not in shown]
    docstrings = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    assert all(n in docstrings or lines[n - 1].lstrip().startswith("#") for n in hidden)
    notes = " ".join(" ".join(s.note for s in segments).split())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and ast.get_docstring(node):
            assert " ".join(ast.get_docstring(node).split()) in notes


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=4), st.integers(1, 9))
def test_a_formula_is_its_python(terms, n):
    letters = {"N": n, "OH": n + 1, "C": 2}
    formula = " + ".join(rf"{a} N (C + {b}) \cdot OH^2" for a, b in terms)
    assert costs.evaluate(formula, letters) == sum(a * n * (2 + b) * (n + 1) ** 2 for a, b in terms)
    assert costs.evaluate(r"\frac{6 N C}{2} - NC", letters) == 4 * n


@pytest.mark.parametrize("formula", ["4 Q", "N +", r"\sqrt{N}", "N / 2", "__import__('os')", "N; N"])
def test_what_is_no_formula_is_an_error(formula):
    with pytest.raises(ValueError, match="formula|Shapes|integer"):
        costs.evaluate(formula, {"N": 3})


def test_a_wrong_shape_is_noticed():
    letters, wrong = costs.bind("x (N, D), w (4D, N)", {"x": [(2, 3)], "w": [(12, 5)]})
    assert letters == {"N": 2, "D": 3} and len(wrong) == 1 and "w (4D, N)" in wrong[0]


# ---- a newcomer's own layer ----
PEEPHOLE = Path(__file__).parent / "peephole.py"


def own(folder, *changes):
    """The reader's file with changes (old, new)."""
    text = PEEPHOLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "mine.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_peephole_lstm_of_ones_own(tmp_path, capsys):
    file = own(tmp_path)
    layer = find.find(f"{file}:PeepholeLSTM").object
    check_layer(lambda: layer(3, 4), (2, 5, 3), batch=True, empty=True, rank=True)
    assert main(["study", f"{file}:PeepholeLSTM", "--out", str(tmp_path / "out")]) == 0
    written = tmp_path / "out" / "PeepholeLSTM.html"
    assert capsys.readouterr().out.strip() == str(written) and 50_000 < written.stat().st_size < 400_000
    page = build(find.find(f"{file}:PeepholeLSTM"))
    assert page.gradients and all(row.passed for row in page.gradients)
    assert {row.tensor for row in page.gradients} >= {"x", *dict(layer(3, 4).named_parameters())}
    # the options that are True or False, and what all recurrent layers can be asked for
    assert {row.case for row in page.gradients} >= {
        f"PeepholeLSTM({o})" for o in ("bias=False", "mask='holes'", "N=65")
    }
    assert {row.name for row in page.trace} >= {"x", "h", "c"} and page.text and page.picture and page.tries
    assert main(["study", str(file), "--terminal"]) == 0  # the only layer in it
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


SMALL = '''
r"""Half: half of it.

$$ y = x / 2, \\qquad dx = dy / 2 $$
"""

from minidl import Tensor, nn


class Half(nn.Module):
    r"""Half.

    >>> Half()(Tensor([[1.0, 2.0]])).shape
    (1, 2)
    """

    def forward(self, x):
        return x / 2


class Double(nn.Module):
    r"""Twice, of rows of a table.

    >>> Double(5)(Tensor([[1, 2]])).shape
    (1, 2, 3)
    """

    def __init__(self, size: int, scale: bool = True):
        self.table, self.scale = nn.Embedding(size, 3), scale

    def forward(self, i):
        y = self.table(i)
        return 2 * y if self.scale else y


def illustrate(ax):
    r"""A line."""
    ax.plot([0, 1], Half()(Tensor([0.0, 1.0])).numpy())
'''


def small(folder, *changes):
    text = SMALL.lstrip()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "small.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_layers_without_functions_and_with_integers(tmp_path):
    file = small(tmp_path)
    half, double = (build(find.find(f"{file}:{name}")) for name in ("Half", "Double"))
    assert [row.tensor for row in half.gradients] == ["x"] and half.gradients[0].passed
    assert {row.tensor for row in double.gradients} == {"table.weight"}
    assert {row.case for row in double.gradients} == {"Double()", "Double(scale=False)"}
    with pytest.raises(StudyError, match="defines Half, Double; say which, as in small.py:Half"):
        find.find(str(file))


def test_a_wrong_backward_is_a_row_that_failed(tmp_path, capsys):
    wrong = """
class WrongFunction(Function):
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return 3 * dy


class Half("""
    file = small(tmp_path, ("class Half(", wrong), ("import Tensor", "import Function, Tensor"))
    file.write_text(file.read_text().replace("return x / 2", "return WrongFunction()(x)"))
    topic = find.find(f"{file}:Half")
    page = build(topic)
    assert [row.passed for row in page.gradients] == [False] and page.gradients[0].error > 0.1
    assert "FAILED" in terminal.render(page)
    assert main(["study", f"{file}:Half", "--out", str(tmp_path / "out")]) == 1
    assert "Half: 1 of 1 gradients are wrong; x of Half()" in capsys.readouterr().err


# ---- what is wrong is said ----
@pytest.mark.parametrize(
    "change, missing",
    {
        "illustration": (("def illustrate", "def draw"), ["an illustration"]),
        "file": (
            ('r"""Half: half of it.\n\n$$ y = x / 2, \\qquad dx = dy / 2 $$\n"""', ""),
            ["a docstring of the file"],
        ),
        "class": (
            ('    r"""Half.\n\n    >>> Half()(Tensor([[1.0, 2.0]])).shape\n    (1, 2)\n    """\n', ""),
            ["docstring of Half"],
        ),
    }.values(),
    ids=["illustration", "file", "class"],
)
def test_a_part_that_is_missing_is_named(tmp_path, change, missing):
    with pytest.raises(StudyError, match="small.py lacks") as error:
        build(find.find(f"{small(tmp_path, change)}:Half"))
    lines = [line for line in str(error.value).splitlines() if line.startswith("  - ")]
    assert len(lines) == 1 and all(words in lines[0] for words in missing)


def test_all_missing_parts_are_named_at_once(tmp_path):
    file = tmp_path / "bare.py"
    file.write_text("from minidl import nn\n\nclass Bare(nn.Module):\n    pass\n")
    with pytest.raises(StudyError, match="(?s)of the file.*of Bare.*illustration"):
        build(find.find(f"{file}:Bare"))


BAD_NAMES = {
    "LTSM": "nothing is called 'LTSM'; near it: 'LSTM'",
    "Conv2D ": "near it: 'Conv2d'",
    "qqqqqqqq": "study --list",
    "no/such/file.py:Layer": "no file 'no/such/file.py'",
    "": "nothing is called ''",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_nothing_has(name, capsys):
    with pytest.raises(StudyError, match=BAD_NAMES[name]):
        find.find(name)
    assert main(["study", name]) == 2
    assert re.search(BAD_NAMES[name], capsys.readouterr().err)


FILES = {
    "no layer": ("x = 1\n", "", "mine.py defines no minidl.nn.Module"),
    "another name": (SMALL.lstrip(), ":Hafl", "defines no Module 'Hafl'; near it: 'Half'"),
    "does not run": ("import nothing_that_there_is\n", "", "cannot be imported: ModuleNotFoundError"),
    "no Python": ("def f(:\n", "", "cannot be imported: SyntaxError"),
    "a doctest that calls nothing": (
        SMALL.lstrip().replace(">>> Half()(Tensor([[1.0, 2.0]])).shape", ">>> (1, 2)"),
        ":Half",
        "needs a doctest that makes a layer and calls it",
    ),
    "a doctest that fails": (
        SMALL.lstrip().replace("Half()(Tensor([[1.0, 2.0]]))", "Half(1)(Tensor([[1.0, 2.0]]))"),
        ":Half",
        "the doctest of Half fails: TypeError",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_has_no_layer_to_show(case, tmp_path):
    text, name, message = FILES[case]
    file = tmp_path / "mine.py"
    file.write_text(text)
    before = sys.path.copy()
    with pytest.raises(StudyError, match=message):
        build(find.find(f"{file}{name}"))
    assert sys.path == before


@pytest.mark.skipif(sys.platform == "win32", reason="folders are closed in another way there")
def test_a_folder_that_cannot_be_written_to(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for folder in [tmp_path / "file", tmp_path / "file" / "below", Path("/proc/minidl")]:
        assert main(["study", "ReLU", "--out", str(folder)]) == 2
        assert f"cannot write to the folder {str(folder)!r}" in capsys.readouterr().err
    if os.geteuid():  # root may write anywhere
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(StudyError, match="cannot write"):
            site.write_page("ReLU", closed)


def test_nothing_to_do_is_said(capsys):
    assert main(["study"]) == 2
    assert "minidl study LSTM" in capsys.readouterr().err


def test_the_list(capsys):
    assert main(["study", "--list"]) == 0
    assert {line.split()[1] for line in capsys.readouterr().out.splitlines()} == set(TOPICS)


@pytest.mark.parametrize("missing", ["pygments", "latex2mathml", "jinja2"])
def test_without_the_extra_it_says_what_to_install(missing):
    code = (
        f"import sys; sys.modules['{missing}'] = None; from minidl.__main__ import main; sys.exit(main(['study', 'x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(rf'minidl study needs {missing}\S*: pip install "minidl\[study\]"', done.stderr.strip())
