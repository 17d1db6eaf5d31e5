"""Answers that repeat themselves: Gopher's thirteen fractions, and one number made of them.

Rae et al. 2021, arXiv:2112.11446, table A1. What the paper leaves open is settled so:

- Characters are those of words: white space does not count.
- A line, a paragraph or an n-gram is a duplicate if it comes again: the first does not count.
- The most frequent n-gram counts if it comes twice; in a short answer any n-gram would be frequent.
- Overlapping n-grams count each character once, and no share is above 1.

Null where an answer is null or has no words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import side_signal
from curate.signals.shares import share, written
from curate.signals.view import View

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SOURCE: Final = "Gopher: Rae et al. 2021, arXiv:2112.11446, table A1"
_SHARE: Final = "share, 0 to 1"

TOP: Final = {2: 0.20, 3: 0.18, 4: 0.16}
"""What share of an answer its most frequent n-gram may be, by n."""

DUPLICATE: Final = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
"""What share of an answer may lie in n-grams that came before, by n."""

SHORT: Final = 50
"""Words outside code below which `repetition` is not measured: Gopher's rules are for pages of 50
words and more, and of three short lines two may well be alike."""


@side_signal(
    unit=_SHARE,
    most=1,
    on_demand=True,
    source=_SOURCE,
    too_high="{percent} of {side}'s lines came before in it",
    too_low="only {percent} of {side}'s lines came before in it",
)
def dup_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that repeat an earlier one."""
    return share(view, _lines(view, side)[0], written(view, side), side)


@side_signal(
    unit=_SHARE,
    most=1,
    on_demand=True,
    source=f"{_SOURCE}; FineWeb: Penedo et al. 2024, arXiv:2406.17557",
    too_high="{percent} of {side} is in lines that came before in it",
    too_low="only {percent} of {side} is in lines that came before in it",
)
def dup_line_chars(view: View, side: str) -> pa.Array:
    """{side}: share of the characters in lines that repeat an earlier one."""
    lines = view.lines(side)
    return share(view, _lines(view, side)[1], lines.sums(lines.sizes.chars), side)


@side_signal(
    unit=_SHARE,
    most=1,
    on_demand=True,
    source=_SOURCE,
    too_high="{percent} of {side}'s paragraphs came before in it",
    too_low="only {percent} of {side}'s paragraphs came before in it",
)
def dup_paragraphs(view: View, side: str) -> pa.Array:
    """{side}: share of the paragraphs that repeat an earlier one."""
    count, _, paragraphs = _paragraphs(view, side)
    return share(view, count, paragraphs, side)


@side_signal(
    unit=_SHARE,
    most=1,
    on_demand=True,
    source=_SOURCE,
    too_high="{percent} of {side} is in paragraphs that came before in it",
    too_low="only {percent} of {side} is in paragraphs that came before in it",
)
def dup_paragraph_chars(view: View, side: str) -> pa.Array:
    """{side}: share of the characters in paragraphs that repeat an earlier one."""
    lines = view.lines(side)
    return share(view, _paragraphs(view, side)[1], lines.sums(lines.sizes.chars), side)


def _top(n: int) -> None:
    """Register the share of the most frequent n-gram."""

    def measure(view: View, side: str) -> pa.Array:
        top, _, chars = _ngrams(view, side)
        return share(view, top[:, n - 2], chars, side)

    measure.__name__ = f"top_{n}gram"
    measure.__doc__ = f"{{side}}: share that its most frequent run of {n} words takes up."
    side_signal(
        unit=_SHARE,
        most=1,
        on_demand=True,
        source=_SOURCE,
        too_high=f"one run of {n} words is {{percent}} of {{side}}",
        too_low=f"its most frequent run of {n} words is only {{percent}} of {{side}}",
    )(measure)


def _duplicate(n: int) -> None:
    """Register the share of n-grams that came before."""

    def measure(view: View, side: str) -> pa.Array:
        _, again, chars = _ngrams(view, side)
        return share(view, again[:, n - 5], chars, side)

    measure.__name__ = f"dup_{n}gram"
    measure.__doc__ = f"{{side}}: share in runs of {n} words that came before in it."
    side_signal(
        unit=_SHARE,
        most=1,
        on_demand=True,
        source=_SOURCE,
        too_high=f"{{percent}} of {{side}} is in runs of {n} words that came before in it",
        too_low=f"only {{percent}} of {{side}} is in runs of {n} words that came before in it",
    )(measure)


for _n in TOP:
    _top(_n)
for _n in DUPLICATE:
    _duplicate(_n)


@side_signal(
    unit="times what Gopher allows",
    on_demand=True,
    source=f"{_SOURCE}, put together by Pairwright",
    too_high="{side} repeats itself {value} times as much as Gopher's rules allow",
    too_low="{side} repeats itself only {value} times as much as Gopher's rules allow",
)
def repetition(view: View, side: str) -> pa.Array:
    """{side}: how much it repeats itself, in runs of words, against what Gopher allows (1).

    The largest of Gopher's nine n-gram fractions over its threshold, counted outside blocks of
    code. Null where there are fewer than `SHORT` words outside these.
    """
    import numpy as np

    prose = _prose(view, side)
    top, again, chars = _ngrams(prose, side)
    whole = np.maximum(chars, 1)
    allowed = np.array([*TOP.values(), *DUPLICATE.values()])
    fractions = np.concatenate([top, again], axis=1) / whole[:, None]
    worst = (np.minimum(fractions, 1.0) / allowed).max(axis=1, initial=0.0)
    return view.array(worst, side, null=prose.word_counts(side) < SHORT)


def _lines(view: View, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (lines that came before, characters in them) of each row."""
    from curate.signals import text_kernels as kernels

    def find() -> tuple[np.ndarray, np.ndarray]:
        lines = view.lines(side)
        filled = (lines.kinds & kernels.BLANK) == 0
        starts = _starts(lines.sums(filled))
        return kernels.repeated(starts, lines.sizes.hashes[filled], lines.sizes.chars[filled])

    return view.shared(f"repeated lines:{side}", find)


def _paragraphs(view: View, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (paragraphs that came before, characters in them, all paragraphs) of each row."""
    import numpy as np

    from curate.signals import text_kernels as kernels

    def find() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lines = view.lines(side)
        parts = kernels.paragraphs(lines.starts, lines.kinds, lines.sizes.hashes, lines.sizes.chars)
        return (*kernels.repeated(*parts), np.diff(parts[0]))

    return view.shared(f"repeated paragraphs:{side}", find)


def _ngrams(view: View, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (n × 3 top n-grams, n × 6 duplicate ones, n: all), in characters of words."""
    import numpy as np

    from curate.signals import text_kernels as kernels

    def find() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        words = view.words(side)
        top, again = kernels.repeated_ngrams(words.starts, words.hashes, words.sizes)
        running = np.zeros(len(words.sizes) + 1, np.int64)
        np.cumsum(words.sizes, out=running[1:])
        return top, again, running[words.starts[1:]] - running[words.starts[:-1]]

    return view.shared(f"n-grams:{side}", find)


def _prose(view: View, side: str) -> View:
    """Return a view of one side without its blocks of code: itself where there are none."""
    from curate.signals import text_kernels as kernels

    lines = view.lines(side)
    code = (lines.kinds & (kernels.CODE | kernels.FENCE)) != 0
    if not code.any():
        return view
    return view.shared(f"prose:{side}", lambda: _without(view, side, code))


def _without(view: View, side: str, dropped: np.ndarray) -> View:
    """Return a view of one side without some of its lines: each row a turn of all the others."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from schemas.message import single_turns

    lines = view.lines(side)
    kept = lines.text().filter(pa.array(~dropped))
    counts = lines.sums(~dropped)
    offsets = pa.array(_starts(counts).astype(np.int32))
    texts = pc.binary_join(pa.ListArray.from_arrays(offsets, kept), "")
    turns = single_turns("assistant", texts)
    return View(pa.RecordBatch.from_arrays([turns], names=[side]))


def _starts(counts: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
