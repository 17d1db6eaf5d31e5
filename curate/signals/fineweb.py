"""FineWeb's rules, which come on top of C4's and Gopher's: Penedo et al. 2024, arXiv:2406.17557.

Section 3.4 finds three of some fifty candidates that help: lines that end in punctuation, short
lines, and characters in repeated lines (`dup_line_chars`, with the other repetition). Blank lines
do not count. Null where an answer is null or has no line that is not blank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import side_signal
from curate.signals.shares import line_share, share, written
from curate.signals.view import View

if TYPE_CHECKING:
    import pyarrow as pa

_SOURCE: Final = "FineWeb: Penedo et al. 2024, arXiv:2406.17557, section 3.4"

SHORT_LINE: Final = 30
"""Characters that a short line has at most."""


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    source=_SOURCE,
    too_high="{percent} of {side}'s lines end with punctuation",
    too_low="only {percent} of {side}'s lines end with punctuation",
)
def ended_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that end in a full stop, question, exclamation or quotation mark.

    In Chinese, Japanese, Arabic and Hindi too, which have marks of their own.
    """
    from curate.signals import text_kernels as kernels

    # Code counts as not ended, as it does for FineWeb, which does not know code from prose.
    return line_share(view, kernels.ENDED, side)


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    source=_SOURCE,
    too_high="{percent} of {side}'s lines are short",
    too_low="only {percent} of {side}'s lines are short",
)
def short_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that have 30 characters or fewer."""
    lines = view.lines(side)
    short = (lines.sizes.chars > 0) & (lines.sizes.chars <= SHORT_LINE)
    return share(view, lines.sums(short), written(view, side), side)
