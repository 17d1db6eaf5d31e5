"""How an answer is laid out: lines, lists, headings, tables, blocks of code.

A line is what a newline ends; blank ones do not count. Markdown as in CommonMark 0.31: headings
(#), bullets (- * + •), numbers (1. or 1)), quotes (>), tables (|), fenced blocks (``` or ~~~).
Of interest because people and judges prefer lists and bold type whatever they say: Li et al. 2024,
"Does style matter?" (style control of Chatbot Arena); Zhang et al. 2024, arXiv:2409.11704.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import side_signal
from curate.signals.shares import share, written
from curate.signals.view import View

if TYPE_CHECKING:
    import pyarrow as pa

_FORMAT_BIAS: Final = "format bias of preferences: Zhang et al. 2024, arXiv:2409.11704"
_BOLD: Final = r"\*\*[^*\n]{1,200}\*\*"


@side_signal(
    on_demand=True,
    unit="lines",
    whole=True,
    too_high="{side} has {value} lines",
    too_low="{side} has only {value} lines",
)
def lines(view: View, side: str) -> pa.Array:
    """{side}: lines that are not blank."""
    import numpy as np

    return view.array(written(view, side).astype(np.int32), side)


@side_signal(
    on_demand=True,
    unit="lines",
    whole=True,
    source=_FORMAT_BIAS,
    too_high="{side} has {value} list items",
    too_low="{side} has only {value} list items",
)
def list_items(view: View, side: str) -> pa.Array:
    """{side}: lines that are items of a list, with a bullet or a number."""
    import numpy as np

    from curate.signals import text_kernels as kernels

    found = view.lines(side).of_kind(kernels.BULLET | kernels.NUMBERED)
    return view.array(found.astype(np.int32), side)


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    source=_FORMAT_BIAS,
    too_high="{percent} of {side}'s lines are Markdown",
    too_low="only {percent} of {side}'s lines are Markdown",
)
def markdown_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that are headings, list items, quotes, tables or fences."""
    from curate.signals import text_kernels as kernels

    found = view.lines(side).of_kind(kernels.MARKUP)
    return share(view, found, written(view, side), side)


@side_signal(
    unit="phrases",
    whole=True,
    on_demand=True,
    source=_FORMAT_BIAS,
    too_high="{side} has {value} phrases in bold type",
    too_low="{side} has only {value} phrases in bold type",
)
def bold(view: View, side: str) -> pa.Array:
    """{side}: phrases in bold type (**so**)."""
    import pyarrow.compute as pc

    return pc.count_substring_regex(view.text(side), _BOLD)


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    too_high="{percent} of {side} is code",
    too_low="only {percent} of {side} is code",
)
def code_share(view: View, side: str) -> pa.Array:
    """{side}: share of the characters that stand in fenced blocks of code."""
    from curate.signals import text_kernels as kernels

    lines = view.lines(side)
    code = lines.sums(lines.sizes.chars * ((lines.kinds & kernels.CODE) != 0))
    return share(view, code, lines.sums(lines.sizes.chars), side)
