r"""A kernel file, cut into its blocks: reference, CPU, GPU, and what layers call (see kernels/README.md)."""

import dataclasses
import re

from minidl.study.find import KERNELS
from minidl.study.page import Block, Kernel, Segment
from minidl.study.source import split

# a heading, and what it says after a colon
TITLE = re.compile(r"\*\*(reference|CPU|GPU|what [^*]* calls?)\b(?:[:;] )?([^*]*)\*\*\n*")


def kernel(name: str, called: list[str]) -> Kernel:
    r"""The kernel file of this name; `called` are the functions of it that somebody calls.

    >>> [block.title for block in kernel("gate", ["gate"]).blocks]
    ['reference', 'CPU', 'GPU', 'what layers call']
    """
    path = KERNELS / f"{name}.py"
    doc, segments = split(path.read_text(encoding="utf-8"))
    return Kernel(name, f"kernels/{path.name}", doc, cut(segments)[1], called)


def cut(segments: list[Segment]) -> tuple[list[Segment], list[Block]]:
    r"""The segments before the first heading in a comment, and the others by their headings."""
    before: list[Segment] = []
    blocks: list[Block] = []
    for segment in segments:
        if heading := TITLE.match(segment.note):
            title, remark = heading.groups()
            note = "\n\n".join(part for part in (remark, segment.note[heading.end() :]) if part)
            segment = dataclasses.replace(segment, note=note)
            if not blocks or blocks[-1].title != title:
                blocks.append(Block(title, []))
        (blocks[-1].segments if blocks else before).append(segment)
    return before, blocks
