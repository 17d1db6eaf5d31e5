"""C4's rules: Raffel et al. 2020, arXiv:1910.10683, section 2.2, as its code has them.

C4 takes lines away and then looks at what is left; here nothing is taken from an answer, and the
signals say what C4 would have found. The numbers (lines of 5 words, pages of 3 sentences, words of
1000 characters) and the phrases are those of `tensorflow_datasets`' c4_utils, with which C4 was
made. Sentences are counted by their end marks (. ? ! before white space or a line's end), where C4
has a trained splitter. Null where an answer is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import side_flag, side_signal
from curate.signals.view import Lines, View

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SOURCE: Final = "C4: Raffel et al. 2020, arXiv:1910.10683, section 2.2"

LINE_WORDS: Final = 5
"""Words that a line must have."""

WORD_CHARS: Final = 1000
"""Characters of a word with which its line goes."""

_NOTICES: Final = (
    r"(?i)javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|"
    r"use cookies"
)


@side_signal(
    unit="sentences",
    whole=True,
    on_demand=True,
    source=_SOURCE,
    too_high="{side} has {value} sentences in lines that C4 keeps",
    too_low="{side} has only {value} sentences in lines that C4 keeps",
)
def c4_sentences(view: View, side: str) -> pa.Array:
    """{side}: sentences in the lines that C4 keeps.

    Lines that end in a full stop, question, exclamation or quotation mark and not in an ellipsis,
    have `LINE_WORDS` words, none of `WORD_CHARS` characters, and no notice about JavaScript,
    cookies or terms of use.
    """
    import numpy as np

    lines = view.lines(side)
    found = lines.sums(lines.sizes.sentences * _kept(lines))
    return view.array(found.astype(np.int32), side)


@side_flag(
    on_demand=True,
    source=_SOURCE,
    yes="{side} has a curly bracket",
    no="{side} has no curly bracket",
)
def curly_bracket(view: View, side: str) -> pa.Array:
    """{side}: 1 where it has a curly bracket, by which C4 knows code."""
    return _has(view, side, "{")


@side_flag(
    on_demand=True,
    source=_SOURCE,
    yes="{side} has the placeholder text lorem ipsum",
    no="{side} has no lorem ipsum",
)
def lorem_ipsum(view: View, side: str) -> pa.Array:
    """{side}: 1 where it has the placeholder text "lorem ipsum"."""
    return _has(view, side, "lorem ipsum")


def _has(view: View, side: str, words: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.match_substring(view.text(side), words, ignore_case=words.isascii())
    return found.cast(pa.uint8())


def _kept(lines: Lines) -> np.ndarray:
    """Return a bool array of the lines that C4 keeps."""
    import pyarrow.compute as pc

    from curate.signals import text_kernels as kernels

    ended = (lines.kinds & (kernels.ENDED | kernels.ELLIPSIS)) == kernels.ENDED
    notice = pc.match_substring_regex(lines.text(), _NOTICES).to_numpy(zero_copy_only=False)
    long_enough = (lines.sizes.words >= LINE_WORDS) & (lines.sizes.longest <= WORD_CHARS)
    kept: np.ndarray = ended & long_enough & ~notice
    return kept
