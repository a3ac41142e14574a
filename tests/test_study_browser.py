r"""Study pages in a real browser (headless Chromium): wide and narrow, light and dark, and on paper."""

import shutil
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("jinja2", reason="the extra `study` is not installed")

from minidl.study import html, picture  # noqa: E402
from minidl.study.build import build  # noqa: E402
from minidl.study.find import catalogue, find  # noqa: E402
from minidl.study.page import Gradient, Page, Segment  # noqa: E402

AUDIT = (Path(__file__).parent / "study_audit.js").read_text(encoding="utf-8")
PAGES = ["LSTM", "Conv2d", "cross_entropy", "Adam", "crossover", "tensor", "kernels/lstm", "demos/xor"]
# a screen of each width in each scheme, and A4 paper without its margins, printed from a dark screen
VIEWS = [("screen", width, scheme) for width in (1280, 390) for scheme in ("light", "dark")] + [("print", 680, "dark")]
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, names)), own if Path(own).exists() else None)
        if not found:
            pytest.skip(f"no browser: none of {', '.join(names)}, and playwright has not installed its own")
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Some pages and their index, as files."""
    folder = tmp_path_factory.mktemp("site")
    known = {slug: topic.name for slug, topic in catalogue().items()}
    entries = []
    for name in PAGES:
        page = build(find(name))
        (folder / f"{page.slug}.html").write_text(html.render(page, known), encoding="utf-8")
        thumbnail = ""
        if page.picture.startswith("<svg"):
            thumbnail = f"{page.slug}.svg"
            (folder / thumbnail).write_text(picture.standalone(page.picture), encoding="utf-8")
        entries.append((page, thumbnail))
    (folder / "index.html").write_text(html.render_index(entries), encoding="utf-8")
    return folder, {page.name: page.slug for page, _ in entries}, known


def faults(browser, file: Path, views=VIEWS) -> list[str]:
    """What the audit finds in each view of a file, and what the file asked the network for."""
    found = []
    tab = browser.new_page()
    tab.on("request", lambda request: found.append(f"asks for {request.url[:80]}") if outside(request.url) else None)
    tab.on("pageerror", lambda error: found.append(f"error: {error}"))
    tab.goto(file.as_uri())
    for media, width, scheme in views:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(media=media, color_scheme=scheme)
        found += [f"{media} {width} {scheme}: {fault}" for fault in tab.evaluate(AUDIT)]
    tab.close()
    return found


def outside(url: str) -> bool:
    return not url.startswith(("file:", "data:", "about:"))


@pytest.mark.parametrize("name", [*PAGES, "index"])
def test_a_page_is_fit_to_read(browser, site, name):
    folder, _, known = site
    slug = "index" if name == "index" else find(name).slug
    file = folder / f"{slug}.html"
    assert faults(browser, file) == []
    tab = browser.new_page()
    tab.goto(file.as_uri())
    links = {a.get_attribute("href") for a in tab.locator("a[href]:not([href^='#'])").all()}
    tab.close()
    assert links <= {"index.html", *(f"{slug}.html" for slug in known)}


def test_the_keyboard_comes_to_the_text_first(browser, site):
    folder, *_ = site
    tab = browser.new_page()
    tab.goto((folder / "LSTM.html").as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"  # one sees where one is
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.close()


def sound() -> Page:
    """A small page with nothing wrong in it."""
    source = [Segment((1, 2), "A note: $x < 1$.\n\n$$ y = \\sum_i x_i $$", "def f(x):\n    return x.sum()", "f")]
    rows = [Gradient(f"f(n={n})", "x", (n, 3), 1e-9, True) for n in range(1, 20)]
    box = "M0 0H40V20H0Z"
    svg = f"""<svg viewBox="0 0 40 60"><defs><path id="box" d="{box}"/></defs>
<path d="{box}" fill="#204080"/><text y="14" fill="#ffffff">w</text>
<g transform="translate(0 30)"><use href="#box" y="10" fill="#202020"/><text y="24" fill="#f0f0f0">v</text></g></svg>"""
    page = Page("f", "layer", "f", "f: the sum.", "f.py", "Text.\n\n| a | b |\n|---|---|\n| c | $d$ |", source)
    page.picture, page.caption, page.gradients = svg, "What f does.", rows
    return page


GREY = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPo6OgAAAM0AZnBrMCxAAAAAElFTkSuQmCC"  # one pixel, #888888
)

BROKEN = {
    "wide": ("</main>", "<div style='width: 2000px'>wide</div></main>", "the page scrolls sideways: 20"),
    "out": ("</main>", "<p style='position: absolute; left: -300px'>out</p></main>", "sticks out of the page: <p> out"),
    "grey": ("</main>", "<p style='color: #888; background: #999'>grey</p></main>", "contrast 1.2"),
    "faint": ("</main>", "<p style='opacity: .3'>faint</p></main>", "contrast 1."),
    "see-through": ("</main>", "<p style='color: rgb(128 128 128 / .4)'>thin</p></main>", "contrast 1."),
    "gradient": ("</main>", "<p style='background: linear-gradient(red, blue)'>both</p></main>", "no single colour"),
    "svg cut off": ('<text y="14"', '<text y="4"', "is cut off by its picture"),
    "svg text": ('fill="#ffffff"', 'fill="#606060"', "contrast 1."),
    "svg on paper": ('fill="#204080"', 'fill="none"', "contrast 1."),
    "svg on a copy": ('fill="#202020"', 'fill="#707070"', "contrast 4."),
    "svg beside a copy": ('y="10"', 'y="-20"', "contrast 1."),
    "svg on image": (
        '<path d="M0 0H40V20H0Z" fill="#204080"/>',
        f'<image width="40" height="20" preserveAspectRatio="none" href="data:image/png;base64,{GREY}"/>',
        "contrast 3.5",
    ),
    "reference": ('fill="#204080"', 'fill="url(#nothing)"', "url(#nothing) leads nowhere"),
    "control": ("</main>", "<a href='#main'></a></main>", "a control without a name"),
    "main": ("</main>", "</main><main></main>", "not one main"),
    "formula": ("<mi>y</mi>", "<mi>\\foo</mi>", "LaTeX left in it"),
    "mathml": ("<mi>y</mi>", "<mfoo>y</mfoo>", "no MathML"),
    "size": ("<mi>y</mi>", "<mi style='display: none'>y</mi><mi style='font-size: 0'>z</mi>", "a formula without size"),
    "element": ("</main>", "<foo>bar</foo></main>", "no element of HTML"),
    "id": ("</main>", "<p id='source'>twice</p></main>", "the id of another element"),
    "link": ("</main>", "<a href='#nowhere'>go</a></main>", "a link that leads nowhere (#nowhere)"),
    "heading": ("</main>", "<h4>low</h4></main>", "a heading of level 4 below one of level 2"),
    "name": ('aria-labelledby="picture-caption"', "", "without a name: <svg>"),
    "role": ('role="img"', "", "no image to a screen reader"),
    "image": ("</main>", "<img src='gone.png' alt='gone'></main>", "an image that did not load"),
    "keyboard": (
        "</main>",
        "<div style='overflow: auto; width: 9em'><p style='width: 20em'>far</p></div></main>",
        "scrolls, but not with the keyboard",
    ),
    "cut off": ("</main>", "<div style='overflow: hidden; height: 1em'><p>a<p>b</div></main>", "is cut off below"),
    "address": ("</main>", "<a href='https://example.org'>out</a></main>", "an outside address"),
    "request": ("</main>", "<img src='//127.0.0.1:9/x.png' alt='x'></main>", "did not load"),
    "network": ("<style>", "<style>@import url('http://127.0.0.1:9/x.css');", "asks for http://127.0.0.1:9/x.css"),
    "scope": ('<th scope="row">', "<th>", "a heading cell of nothing in particular"),
    "language": ('lang="en"', "", "no language"),
    "section": ("</main>", "<section aria-label='s'><h2>s</h2></section></main>", "an empty section"),
}


@pytest.fixture(scope="module")
def whole():
    return html.render(sound(), {})


def test_a_sound_page_passes(browser, whole, tmp_path):
    (tmp_path / "page.html").write_text(whole, encoding="utf-8")
    assert faults(browser, tmp_path / "page.html") == []


@pytest.mark.parametrize("name", BROKEN)
def test_the_audit_sees(browser, whole, tmp_path, name):
    old, new, complaint = BROKEN[name]
    assert old in whole
    (tmp_path / "page.html").write_text(whole.replace(old, new), encoding="utf-8")
    found = faults(browser, tmp_path / "page.html", views=VIEWS[:1])
    assert any(complaint in fault for fault in found), found
