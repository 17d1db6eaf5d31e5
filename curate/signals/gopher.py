"""Gopher's rules of quality: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1 and table A1.

Made for web pages in English. What the paper leaves open is settled as datatrove's
`GopherQualityFilter` does it, but for what a word is: here a run between white space with its
punctuation (`curate.signals.kernels`), and a Chinese or Japanese character by itself. Null where
an answer is null or has no words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import side_signal
from curate.signals.shares import line_share, per_word, share
from curate.signals.view import View

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SOURCE: Final = "Gopher: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1"

STOP_WORDS: Final = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Eight English words of which a page should have at least two."""


@side_signal(
    unit="characters",
    on_demand=True,
    source=_SOURCE,
    too_high="{side}'s words have {value} characters on average",
    too_low="{side}'s words have only {value} characters on average",
)
def word_length(view: View, side: str) -> pa.Array:
    """{side}: characters of a word on average."""
    return per_word(view, _sums(view, side, view.words(side).sizes), side)


@side_signal(
    unit="share, 0 to 1",
    most=1,
    on_demand=True,
    source=_SOURCE,
    too_high="{percent} of {side}'s words have a letter in them",
    too_low="only {percent} of {side}'s words have a letter in them",
)
def alpha_words(view: View, side: str) -> pa.Array:
    """{side}: share of the words that have a letter in them."""
    return share(view, _sums(view, side, view.lettered(side)), view.word_counts(side), side)


@side_signal(
    unit="words",
    whole=True,
    on_demand=True,
    source=_SOURCE,
    too_high="{side} has {value} of the commonest English words",
    too_low="{side} has only {value} of the commonest English words",
)
def stop_words(view: View, side: str) -> pa.Array:
    """{side}: how often the, be, to, of, and, that, have and with come in it."""
    from curate.signals import text_kernels as kernels

    words = view.words(side)
    wanted = hashes_of(STOP_WORDS)
    return view.array(kernels.count_members(words.starts, words.hashes, wanted), side)


@side_signal(
    unit="for each word",
    on_demand=True,
    source=_SOURCE,
    too_high="{side} has {value} hash signs for each word",
    too_low="{side} has only {value} hash signs for each word",
)
def hash_signs(view: View, side: str) -> pa.Array:
    """{side}: hash signs (#) for each word."""
    return per_word(view, _count(view, side, "#"), side)


@side_signal(
    unit="for each word",
    on_demand=True,
    source=_SOURCE,
    too_high="{side} has {value} ellipses for each word",
    too_low="{side} has only {value} ellipses for each word",
)
def ellipses(view: View, side: str) -> pa.Array:
    """{side}: ellipses (… or ...) for each word."""
    return per_word(view, _count(view, side, "...") + _count(view, side, "…"), side)


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    source=_SOURCE,
    too_high="{percent} of {side}'s lines begin with a bullet",
    too_low="only {percent} of {side}'s lines begin with a bullet",
)
def bullet_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that begin with a bullet (•, -, *, +)."""
    from curate.signals import text_kernels as kernels

    return line_share(view, kernels.BULLET, side)


@side_signal(
    on_demand=True,
    unit="share, 0 to 1",
    most=1,
    source=_SOURCE,
    too_high="{percent} of {side}'s lines end with an ellipsis",
    too_low="only {percent} of {side}'s lines end with an ellipsis",
)
def ellipsis_lines(view: View, side: str) -> pa.Array:
    """{side}: share of the lines that end with an ellipsis (… or ...)."""
    from curate.signals import text_kernels as kernels

    return line_share(view, kernels.ELLIPSIS, side)


def hashes_of(words: tuple[str, ...]) -> np.ndarray:
    """Return the hashes that `View.words` has of some words (uint64)."""
    import numpy as np
    import pyarrow as pa

    from curate.signals import kernels

    texts = pa.array(words, pa.string())
    return kernels.tokenise(np.arange(len(words) + 1, dtype=np.int32), texts)[1]


def _sums(view: View, side: str, values: np.ndarray) -> np.ndarray:
    """Return the sum of one number a word over the words of each row (int64)."""
    import numpy as np

    starts = view.words(side).starts
    running = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=running[1:])
    found: np.ndarray = running[starts[1:]] - running[starts[:-1]]
    return found


def _count(view: View, side: str, sign: str) -> np.ndarray:
    import pyarrow.compute as pc

    counts = pc.fill_null(pc.count_substring(view.text(side), sign), 0)
    found: np.ndarray = counts.to_numpy(zero_copy_only=False)
    return found
