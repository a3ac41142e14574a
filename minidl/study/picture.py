r"""Pictures for a page: SVG that takes the colour of the text around it, so that it can be read on light and dark.

>>> svg = draw(lambda ax: ax.plot([0, 1]), "one")
>>> svg.startswith("<svg"), "currentColor" in svg, "http" in svg
(True, True, False)
"""

import base64
import io
import re
from collections.abc import Callable
from typing import Any

from minidl.testing.registry import seeded

INK = "#010203"  # stands for the colour of the text until the SVG is written
COLOURS = ("#2f8fd0", "#e07b1a", "#1fa37c", "#cc79a7", "#56b4e9", "#c9a227")  # near Okabe and Ito's, clear on both
SIZE = (6.0, 3.375)  # inches: across a phone of 390 pixels, text of 10 points has 9 pixels
STYLE = {
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "minidl",  # the same picture every time
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "path.simplify": True,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(
        ("legend.labelcolor", "hatch.color", "patch.edgecolor", "lines.color", "boxplot.boxprops.color"), INK
    ),
}


def draw(illustrate: Callable[[Any], Any], prefix: str, tight: bool = False) -> str:
    r"""What `illustrate(ax)` draws into Axes of 6 x 3.4 inches, as SVG to stand within HTML. Its ids begin with
    `prefix`, so that a page can hold several. tight: cut off the empty space around it. ValueError if it draws
    nothing."""
    import matplotlib  # noqa: PLC0415  (only who draws needs Matplotlib)
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    text = io.StringIO()
    with matplotlib.rc_context({**STYLE, "axes.prop_cycle": matplotlib.cycler(color=COLOURS)}):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        empty = len([*axes.get_children(), *figure.get_children()])
        seeded(lambda: illustrate(axes), 0)
        if len([*axes.get_children(), *figure.get_children()]) == empty:
            raise ValueError("nothing is drawn")
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=nothing, bbox_inches=_box(figure, axes, tight))
    return within_html(text.getvalue(), prefix)


def _box(figure: Any, axes: Any, tight: bool) -> Any:
    r"""What is drawn; if not tight, at least the width of the figure, so that pictures have text of one size."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415

    figure.draw_without_rendering()
    empty = () if axes.axison else (*axes.spines.values(), axes.xaxis, axes.yaxis, axes.patch)
    drawn = [*figure.axes[not axes.axison :], *(a for a in axes.get_children() if a not in empty)]
    boxes = [a.get_tightbbox() for a in drawn if a.get_visible()]
    box = Bbox.union([b for b in boxes if b is not None and b.width + b.height > 0])
    x0, y0, x1, y1 = box.padded(3).extents / figure.dpi
    return Bbox.from_extents(x0 if tight else min(x0, 0), y0, x1 if tight else max(x1, figure.bbox_inches.x1), y1)


def within_html(svg: str, prefix: str) -> str:
    r"""Matplotlib's SVG without what only a file needs, in the colour of the text, and with coordinates of two places.

    >>> within_html('<svg version="1.1"><use x="1.2345" href="#m"/><text>0.0125</text></svg>', "p")
    '<svg stroke-linejoin="round"><use x="1.23" href="#p-m"/><text>0.0125</text></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    head, rest = svg.split(">", 1)
    svg = re.sub(r' (width|height)="[^"]*"', "", head) + ' stroke-linejoin="round">' + rest
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(?<![\w#/+=-])(-?\d+\.\d{2})\d+", r"\1", tag[0]), svg)  # no text
    return re.sub(r"\n\s*", "\n", svg).replace(INK, "currentColor")


def standalone(svg: str) -> str:
    r"""The same SVG as a file of its own: dark ink where the reader's machine is light, and the other way round."""
    style = "<style>svg{color:#222}@media(prefers-color-scheme:dark){svg{color:#ddd}}</style>"
    start = svg.index(">") + 1
    return svg[: start - 1] + ' xmlns="http://www.w3.org/2000/svg">' + style + svg[start:]


def embedded(image: str) -> bytes:
    r"""The file in an <img src="data:...;base64,...">."""
    return base64.b64decode(image.partition("base64,")[2].partition('"')[0])
