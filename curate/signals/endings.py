"""Answers that break off: no closing mark, a block of code or a bracket left open.

A model that ran out of tokens leaves such answers behind, and one that is trained on them learns
to stop anywhere. Ours. Null where an answer is null; `unended` also where it is too short to have
an ending, or ends in code, a table, a list or a heading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from curate.signals import side_flag
from curate.signals.view import View

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

SHORT: Final = 8
"""Words of the last line below which it may well end without a mark: "Paris", "About 40 km"."""

_CLOSED: Final = r"""(?:[.!?:;。！？．｡؟۔।॥…"'”’»」』】）)\]}>*_`~|]|\p{S}\x{FE0F}?|https?://\S+|#[\p{L}\p{N}_]+)\s*$"""
_TITLE: Final = r"^[^.!?]*(?:^|[\s(\"'])[^\s\p{Ll}]\S*\s*$"
"""A line without a sentence in it whose last word is a name or a number: a title, a motto."""
_BRACKETS: Final = (("(", ")"), ("[", "]"))


@side_flag(
    yes="{side} breaks off without a closing mark",
    no="{side} ends with a closing mark",
    on_demand=True,
    version=2,
)
def unended(view: View, side: str) -> pa.Array:
    """{side}: 1 where its last line is a sentence that breaks off without a closing mark.

    Null where the last line is shorter than `SHORT` words, is Markdown or in a block of code, or
    reads like a title. Hashtags close a line.
    """
    import numpy as np
    import pyarrow.compute as pc

    from curate.signals import text_kernels as kernels

    last = _last_lines(view, side)
    closed = pc.fill_null(pc.match_substring_regex(last.texts, _CLOSED), True)
    open_end = ~closed.to_numpy(zero_copy_only=False)
    markup = kernels.BLANK | kernels.MARKUP | kernels.CODE
    title = pc.fill_null(pc.match_substring_regex(last.texts, _TITLE), False)
    unjudged = ((last.kinds & markup) != 0) | (last.words < SHORT)
    unjudged |= title.to_numpy(zero_copy_only=False) & open_end
    return view.array(open_end.astype(np.uint8), side, null=unjudged)


@side_flag(
    on_demand=True,
    yes="{side} leaves a block of code open",
    no="{side} leaves no block of code open",
)
def open_fence(view: View, side: str) -> pa.Array:
    """{side}: 1 where a block of code is opened (```) and not closed."""
    import numpy as np

    from curate.signals import text_kernels as kernels

    odd = view.lines(side).of_kind(kernels.FENCE) % 2
    return view.array(odd.astype(np.uint8), side)


@side_flag(
    yes="{side} leaves a bracket open in its last paragraph",
    no="{side} leaves no bracket open in its last paragraph",
    on_demand=True,
)
def open_bracket(view: View, side: str) -> pa.Array:
    """{side}: 1 where its last line of prose opens more round or square brackets than it closes.

    Null where the last line is in a block of code.
    """
    import numpy as np
    import pyarrow.compute as pc

    from curate.signals import text_kernels as kernels

    last = _last_lines(view, side)
    more = np.zeros(len(view), bool)
    for opening, closing in _BRACKETS:
        counts = [
            pc.fill_null(pc.count_substring(last.texts, sign), 0) for sign in (opening, closing)
        ]
        opened, closed = (count.to_numpy(zero_copy_only=False) for count in counts)
        more |= opened > closed
    code = (last.kinds & (kernels.CODE | kernels.FENCE)) != 0
    return view.array(more.astype(np.uint8), side, null=code)


@dataclass(frozen=True)
class _LastLines:
    """The last line of each row that is not blank: its text (null for none), kind and words."""

    texts: pa.StringArray
    kinds: np.ndarray
    words: np.ndarray


def _last_lines(view: View, side: str) -> _LastLines:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from curate.signals import text_kernels as kernels
    from curate.signals.kernels import text_buffers

    def find() -> _LastLines:
        lines, last = view.lines(side), _last_written(view, side)
        none = last < 0
        kinds = np.append(lines.kinds, np.uint16(kernels.BLANK))[last]  # that of row -1: blank
        texts = lines.text().take(pa.array(last, mask=none))
        written = pc.fill_null(texts, "")
        begins, _ = text_buffers(written)
        words = kernels.measure_lines(begins[:-1].astype(np.int64), written)[1]
        return _LastLines(texts, kinds, words)

    return view.shared(f"last lines:{side}", find)


def _last_written(view: View, side: str) -> np.ndarray:
    """Return the index of each row's last line that is not blank, -1 where there is none."""
    import numpy as np

    from curate.signals import text_kernels as kernels

    lines = view.lines(side)
    filled = (lines.kinds & kernels.BLANK) == 0
    latest = np.maximum.accumulate(np.where(filled, np.arange(len(filled)), -1))
    last = np.full(len(view), -1, np.int64)
    some = lines.starts[1:] > lines.starts[:-1]
    last[some] = latest[lines.starts[1:][some] - 1]
    found: np.ndarray = np.where(last >= lines.starts[:-1], last, -1)
    return found
