r"""The markup of docstrings as HTML."""

import html.parser
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("latex2mathml", reason="the extra `study` is not installed")

from minidl.study.formula import MATHML, FormulaError, formula  # noqa: E402
from minidl.study.markup import cells, inline, to_html  # noqa: E402

OURS = set("p ul ol li dl dt dd pre code strong em div span table caption thead tbody tr th td".split()) | MATHML


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One\ntwo.\n\nThree.", "<p>One\ntwo.</p>\n<p>Three.</p>"),
        ("a < b & c > d", "<p>a &lt; b &amp; c &gt; d</p>"),
        ("`a < b` and ``a ` b``", "<p><code>a &lt; b</code> and <code>a ` b</code></p>"),
        (
            "**bold**, *not so*, **a *b* c**",
            "<p><strong>bold</strong>, <em>not so</em>, <strong>a <em>b</em> c</strong></p>",
        ),
        ("`x` is `y`, `` ` `` is not", "<p><code>x</code> is <code>y</code>, <code>`</code> is not</p>"),
        ("**kwargs, x**2 and y**3, 2 * x * y, *args", "<p>**kwargs, x**2 and y**3, 2 * x * y, *args</p>"),
        ("f(*args, **kwargs) takes **kwargs", "<p>f(*args, **kwargs) takes **kwargs</p>"),
        ("snake_case_name, __init__, _x_", "<p>snake_case_name, __init__, _x_</p>"),
        ("`**x**` and `$x$`", "<p><code>**x**</code> and <code>$x$</code></p>"),
        ("It costs $5 or $6.", "<p>It costs $5 or $6.</p>"),
        ("(N, D) @ (D, F) -> (N, F)", "<p>(N, D) @ (D, F) -&gt; (N, F)</p>"),
        ("[conv.py](conv.py) and x[i](j)", "<p>conv.py and x[i](j)</p>"),
        ("- a\n- b\n  goes on\n\nc", "<ul><li>a</li><li>b\ngoes on</li></ul>\n<p>c</p>"),
        ("1. a\n\n   more\n2. b", "<ol><li><p>a</p>\n<p>more</p></li><li>b</li></ol>"),
        ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
        ("- a\n  - b", "<ul><li>a\n- b</li></ul>"),
        ("With:\n- a", "<p>With:</p>\n<ul><li>a</li></ul>"),
        ("three\n- two is one", "<p>three\n- two is one</p>"),
        (
            "copy    ten of\n        them\nsort    few",
            "<dl><dt>copy</dt><dd>ten of\nthem</dd><dt>sort</dt><dd>few</dd></dl>",
        ),
        ("    a <\n      **b**\n\n    c", "<pre>a &lt;\n  **b**\n\nc</pre>"),
    ],
)
def test_each_kind_of_markup(text, wanted):
    assert to_html(text) == wanted


def test_doctests_are_highlighted_and_end_at_a_blank_line():
    made = to_html("Text:\n>>> f('<a>')  # why\n[1, 2]\n\nMore.")
    assert made.startswith('<p>Text:</p>\n<pre class="doctest">')
    assert made.endswith("</pre>\n<p>More.</p>")
    assert '<span class="gp">&gt;&gt;&gt; </span>' in made and '<span class="c1"># why</span>' in made
    assert re.sub(r"<[^>]*>", "", made) == "Text:\n&gt;&gt;&gt; f('&lt;a&gt;')  # why\n[1, 2]\nMore."


def test_tables():
    made = to_html("| `a|b` | $|x| + \\|y\\|$ | c \\| d |\n|---|---|\n| 1 |\n| `x` | y | z |")
    head, body = made.split("</thead>")
    assert head.count('<th scope="col">') == 3 and "<code>a|b</code>" in head and ">c | d</th>" in head
    assert body.count("<tr>") == 2 and body.count('<th scope="row">') == 2 and body.count("<td>") == 4
    assert "<td></td><td></td>" in body  # a short row is filled up
    assert to_html("| a | b |").count('<th scope="row">') == 1  # nothing ruled off: no header


def test_cells_are_still_markup():
    assert cells("| `a|b` | $|x|$ and $\\|x\\|$ | **c** \\| |") == ["`a|b`", "$|x|$ and $\\|x\\|$", "**c** |"]


def test_display_formulas_stand_alone():
    made = to_html("Before $x$\n\n$$ x^2 $$\n$$ y $$\nafter, `$$z$$`.")
    kinds = re.findall(r"<(p|div)\b", made)
    assert kinds == ["p", "div", "div", "p"]
    assert made.count('<math display="block">') == 2 and "<code>$$z$$</code>" in made
    assert "http" not in made and "xmlns" not in made


@pytest.mark.parametrize(
    ("tex", "complaint"),
    [
        (r"\foo x", r"does not know \foo"),
        (r"\text{a\%b}", r"does not know \%"),
        (r"\begin{aligned} a &= b \end{aligned}", "& outside of a table"),
        (r"a & b", "& outside of a table"),
        (r"a \\ b", "outside of a table"),
        (r"\text{a < b}", "within"),
        (r"\href{https://example.org}{x}", "no formula that browsers draw"),
        (r"\frac{a", "braces"),
        (r"\left( a", "no formula"),
        (r"{", "braces"),
        (r"\arg\max", r"does not know \arg"),
    ],
)
def test_a_formula_that_cannot_be_shown_is_an_error_that_names_it(tex, complaint):
    with pytest.raises(FormulaError, match=re.escape(f"${tex}$")) as error:
        to_html(f"Here ${tex}$ is.")
    assert complaint in str(error.value)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize("environment", ["split", "align*", "cases", "matrix", "pmatrix"])
def test_tables_of_formulas(environment):
    made = formula(rf"\begin{{{environment}}} a & b \\ c & d \end{{{environment}}}", display=True)
    assert made.count("<mtr>") == 2 and "&" not in made and "newline" not in made


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"dh \mathrel{+}= dy", "<mo>+=</mo>"),
        (r"a = -b", '<mo>=</mo><mo form="prefix">\u2212</mo>'),
        (r"(a) - b", "</mo><mo>\u2212</mo>"),
        (r"2 \log x", '<mn>2</mn><mspace width="0.167em"></mspace><mi>log</mi><mspace width="0.167em"></mspace><mi>x'),
        (r"\tanh(x)", '<mi>tanh</mi><mo stretchy="false">('),
        (r"a / |x|", 'lspace="0" rspace="0">|</mo><mi>x'),
        (r"f'(x)", '<mrow><mi>f</mi><mo lspace="0" rspace="0">\u2032</mo></mrow>'),
        (r"\left(\sum_i x\right)", '<munder><mo movablelimits="true">\u2211</mo><mi>i</mi></munder>'),
        (r"\max_i x", "<munder>"),
        (r"a\Big(b\Big)^2", '<mi>a</mi><msup><mrow><mo minsize="1.623em" maxsize="1.623em">(</mo><mi>b</mi>'),
        (r"\text{a\_b}", "<mtext>a_b</mtext>"),
    ],
)
def test_operators_are_spaced_as_in_tex(tex, part):
    assert part in formula(tex)


def test_a_long_formula_in_a_line_has_a_box_to_scroll_in():
    long = "$" + " + ".join("abcdefghijklmnop") + "$"
    assert inline(long).startswith('<span class="long" tabindex="0"><math>')
    assert inline("$a + b$").startswith("<math>")


class Balanced(html.parser.HTMLParser):
    """Fails at a tag that is not ours, or that is not closed in its turn."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        assert tag in OURS, tag
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        raise AssertionError(f"<{tag}/>")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


PIECES = st.sampled_from(
    [
        "`",
        "``",
        "$",
        "$$",
        "*",
        "**",
        "|",
        "\\|",
        "|---|---|",
        "- ",
        "1. ",
        "12. ",
        ">>> ",
        "... ",
        "    ",
        "\n",
        "\n\n",
    ]
    + [
        "x",
        "a b",
        "f(x)",
        "<b>",
        "</p>",
        "<script>",
        "&",
        "&amp;",
        "\\",
        "{",
        "}",
        "\\frac",
        "\\text{",
        "\\\\",
        "_",
        "^",
    ]
    + ["term   text", "[a](b.py)", "\t", "\0", "\u2028", ":", "é", "'", '"']
)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join)))
@example("\0")
@example("<")
@example("- \n- a\n\n      b")
@example("| `a\n| b` |")
@example(">>> '\n\n'")
@example("*a **b* c**")
def test_any_text_becomes_html_whose_tags_are_ours_and_balanced(text):
    for turn in (to_html, inline):
        try:
            made = turn(text)
        except FormulaError:
            continue
        parser = Balanced()
        parser.feed(made)
        parser.close()
        assert not parser.open
        assert "\0" not in made


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="`$*|[\0\r"), max_size=40))
def test_prose_keeps_every_letter(text):
    words = " ".join(text.split())
    made = inline(words)
    assert html.unescape(re.sub(r"<[^>]*>", "", made)) == words
