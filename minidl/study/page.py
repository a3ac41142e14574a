r"""A study page as data: what `build.py` finds out, and `html.py` and `terminal.py` put on paper.

Texts (`str` fields called note, caption, text ...) are in the markup of minidl's docstrings, see `markup.py`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Segment:
    r"""Some lines of a source file, and the note that belongs beside them."""

    numbers: tuple[int, ...]  # of each line of `code` in its file; a docstring between them is gone, and leaves a gap
    note: str  # a docstring or a comment in markup, "" where there is none
    code: str
    name: str = ""  # of the class or function that begins here, such as "LSTMFunction.forward"


@dataclass(frozen=True)
class Traced:
    r"""An array that got a name, or another array under its name, while the example ran."""

    function: str  # "LSTMFunction.forward"
    file: str
    line: int  # the line that made it
    name: str
    shape: tuple[int, ...]
    dtype: str
    phase: str  # "forward" or "backward"


@dataclass(frozen=True)
class Gradient:
    r"""One row of the gradient check: one input or parameter under one choice of the options."""

    case: str  # "LSTM(go_backwards=True)"
    tensor: str  # "x", "weight_ih_l0"
    shape: tuple[int, ...]
    error: float  # worst relative error against central differences
    passed: bool


@dataclass(frozen=True)
class Block:
    r"""A kernel's reference, CPU or GPU part, or what layers call."""

    title: str  # "reference", "CPU", "GPU", "what layers call"
    segments: list[Segment]


@dataclass(frozen=True)
class Kernel:
    r"""A file of kernels/, cut into its blocks."""

    name: str  # "lstm"
    file: str  # "kernels/lstm.py"
    text: str  # its docstring
    blocks: list[Block]
    called: list[str]  # the functions of it that this page's layer calls; [] on the kernel's own page


@dataclass(frozen=True)
class Cost:
    r"""A line of the cost table: a formula, and what it comes to for the example."""

    name: str  # "parameters"
    formula: str  # markup
    value: int | None  # None where the formula is in words
    measured: int | None  # None where it cannot be measured


@dataclass(frozen=True)
class Table:
    r"""A table of a docstring, such as that of the options; cells are markup."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Peer:
    r"""How far our numbers are from torch's, over all golden cases."""

    cases: int
    output: float  # largest |ours - torch's| / max(1, |torch's|)
    gradient: float | None  # None where there is none to compare
    versions: str  # "torch 2.13.0, NumPy 2.4.6"


@dataclass(frozen=True)
class Speed:
    r"""Forward and backward with the compiled kernels, beside the reference formulas."""

    example: str
    kernel: float  # seconds
    reference: float


@dataclass
class Page:
    r"""Everything that a page holds. A section whose field is empty or None is left out."""

    name: str  # "LSTM"; "lstm.py" for a kernel or a file
    kind: str  # "layer", "loss", "optimiser", "evolution", "engine", "kernel" or "demo"
    slug: str  # the name of its file, without .html: "LSTM", "kernel-lstm", "demo-xor"
    summary: str  # the first sentence of its docstring
    file: str  # "minidl/nn/lstm.py", or as the reader gave it
    text: str  # the module docstring from its second paragraph on, without what has fields of its own below
    source: list[Segment]  # the file, without its module docstring
    docstring: Segment | None = None  # that of the file, as it is written
    picture: str = ""  # SVG or <img ...>
    caption: str = ""
    options: list[Table] = field(default_factory=list)
    shapes: str = ""  # the paragraph of the docstring
    example: str = ""  # "LSTM(3, 4) on x (2, 5, 3)"
    letters: dict[str, int] = field(default_factory=dict)  # {"N": 2, "T": 5, ...}
    disagreements: list[str] = field(default_factory=list)  # shapes that are not those that `shapes` says
    trace: list[Traced] = field(default_factory=list)
    graph: str = ""  # SVG
    gradients: list[Gradient] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    peer: Peer | None = None
    no_peer: str = ""  # why there is none: "torch has no such layer"
    speed: Speed | None = None
    sources: list[str] = field(default_factory=list)  # the papers
    tries: list[str] = field(default_factory=list)  # three things to try
    related: list[tuple[str, str]] = field(default_factory=list)  # (slug, name) of pages that go with this one
