"""How alike the two answers are: a pair of which both say the same teaches nothing.

All are by words in lower case, white space aside (`curate.signals.kernels` says what a word is).
Null where a side is null, where neither has a word, and where one calls tools: its text is not
the whole answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from curate.signals import flag, signal
from curate.signals.view import View

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_PAIR = ("chosen", "rejected")

LONGEST: Final = 20_000
"""Words of an answer above which two are not compared step by step: 0.1 s a pair at the most."""


@flag(
    needs=_PAIR,
    yes="chosen and rejected are the same, word for word",
    no="chosen and rejected are not the same, word for word",
)
def sides_identical(view: View) -> pa.Array:
    """1 where chosen and rejected are the same word for word, whatever case and white space."""
    import numpy as np

    opening, chosen, rejected = _opening_and_counts(view)
    same = (opening == chosen) & (chosen == rejected)
    return view.array(same.astype(np.uint8), *_PAIR, null=_unlike(view))


@signal(
    unit="share, 0 to 1",
    needs=_PAIR,
    most=1,
    source="Jaccard similarity of word sets, as in Broder 1997",
    too_high="chosen and rejected share {percent} of their distinct words",
    too_low="chosen and rejected share only {percent} of their distinct words",
)
def sides_jaccard(view: View) -> pa.Array:
    """Share of the two answers' distinct words that both have (1: the same set of words)."""
    import numpy as np

    overlap = view.overlap()
    share = overlap.shared / np.maximum(overlap.union, 1)
    return view.array(share, *_PAIR, null=_unlike(view))


@signal(
    unit="share, 0 to 1",
    needs=_PAIR,
    most=1,
    too_high="the answers open with the same words for {percent} of the shorter one",
    too_low="the answers open with the same words for only {percent} of the shorter one",
)
def same_opening(view: View) -> pa.Array:
    """Share of the shorter answer's words that both open with (1: one begins with the other)."""
    import numpy as np

    opening, chosen, rejected = _opening_and_counts(view)
    share = opening / np.maximum(np.minimum(chosen, rejected), 1)
    return view.array(share, *_PAIR, null=_unlike(view))


@signal(
    unit="share, 0 to 1",
    needs=_PAIR,
    most=1,
    source="containment of word sets, as in Broder 1997",
    too_high="{percent} of one answer's distinct words are in the other",
    too_low="only {percent} of one answer's distinct words are in the other",
)
def sides_containment(view: View) -> pa.Array:
    """Share of the distinct words of the answer with fewer of them that the other has too."""
    import numpy as np

    overlap = view.overlap()
    share = overlap.shared / np.maximum(overlap.fewer, 1)
    return view.array(share, *_PAIR, null=_unlike(view) | (overlap.fewer == 0))


@signal(
    unit="share, 0 to 1",
    needs=_PAIR,
    most=1,
    on_demand=True,
    source="indel similarity by longest common subsequence: Hyyrö 2004 (bit-parallel)",
    too_high="the answers are alike by {percent}, word by word",
    too_low="the answers are alike by only {percent}, word by word",
)
def sides_alike(view: View) -> pa.Array:
    """Share of both answers' words that stays when one is edited into the other word by word.

    Twice their longest common subsequence over all their words (1: the same words in the same
    order). Null also where an answer has more than `LONGEST` words.
    """
    import numpy as np

    from curate.signals import text_kernels as kernels

    one, other = (view.words(side) for side in _PAIR)
    same = kernels.common_subsequence(one.starts, one.hashes, other.starts, other.hashes, LONGEST)
    both = view.word_counts("chosen") + view.word_counts("rejected")
    share = 2 * np.maximum(same, 0) / np.maximum(both, 1)
    return view.array(share, *_PAIR, null=_unlike(view) | (same < 0))


@flag(
    needs=_PAIR,
    on_demand=True,
    yes="the answers differ in their formatting only",
    no="the answers differ in more than their formatting",
)
def format_only(view: View) -> pa.Array:
    """1 where the answers differ only in markup, punctuation, case, list numbers or white space."""
    import numpy as np
    import pyarrow.compute as pc

    from curate.signals import text_kernels as kernels

    one, other = ((view.turns(side).starts, view.contents(side)) for side in _PAIR)
    same_text = pc.fill_null(pc.equal(view.text("chosen"), view.text("rejected")), False)
    only = kernels.same_bare(*one, *other) & ~same_text.to_numpy(zero_copy_only=False)
    return view.array(only.astype(np.uint8), *_PAIR, null=_unlike(view))


def _opening_and_counts(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return view.overlap().opening, view.word_counts("chosen"), view.word_counts("rejected")


def _unlike(view: View) -> np.ndarray:
    """Return a bool array of the rows whose answers cannot be compared by their words."""
    unlike: np.ndarray = view.calls_tools(*_PAIR) | (view.overlap().union == 0)
    return unlike
