"""Texts as other tools compare them: words without case and punctuation, as hashes.

Duplicates and contamination are found by runs of words (n-grams). **What a word is here:** the
text in Unicode's NFKC form, lower case; a word is a run of letters, digits and marks; a Han
character, Hiragana or Katakana is a word by itself, since those languages do not put spaces
between words; everything else breaks words. That is what published tools do (datatrove's
`simplify_text`, GPT-3's appendix C), in one pass over Arrow's buffers. Signals count words in
another way (`signals.kernels`): there, punctuation is part of the text that is judged.

The compiled loops have plain-Python twins in `tests/dedup/twins.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.signals.kernels import (
    ALL_BITS,
    ALONE,
    ALONE_RANGES,
    HIGH,
    MIX_1,
    MIX_2,
    ONES,
    code_point,
    compiled,
    eight_bytes,
    first_marked,
    inlined,
    lower_ascii,
    lowered,
    text_buffers,
)
from curate.signals.view import View

_CODE_POINTS: Final = 0x110000
_BEYOND: Final = 0x32000  # from here on there is no letter, digit or mark that text is made of

# Two odd multipliers of 64 bits: one folds a word's characters, one the words of an n-gram.
_FOLD: Final = np.uint64(0x9E3779B97F4A7C15)
_ROLL: Final = np.uint64(0xD6E8FEB86659FD93)
_OTHER_ROLL: Final = np.uint64(0xA0761D6478BD642F)


# Eight bytes at once in one uint64: the same value in each byte.
_SPACES: Final = np.uint64(0x20) * ONES
_LOWER_A: Final = np.uint64(ord("a")) * ONES
_AFTER_Z: Final = np.uint64(ord("z") + 1) * ONES
_ZERO: Final = np.uint64(ord("0")) * ONES
_AFTER_NINE: Final = np.uint64(ord("9") + 1) * ONES


@dataclass(frozen=True)
class Tokens:
    """The words of n texts as hashes: text i has `hashes[starts[i]:starts[i + 1]]`.

    `starts` is int64 of n + 1 values, `hashes` uint64.
    """

    starts: np.ndarray
    hashes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1


def normalised(texts: pa.StringArray) -> pa.StringArray:
    """Return texts in Unicode's NFKC form, where ligatures, widths and accents are spelt alike.

    Only texts that it may change are given to Arrow: its way through the others takes longer than
    all that is done with them.
    """
    offsets, data = text_buffers(texts)
    places = np.flatnonzero(_unsettled(offsets, data, settled_characters()))
    if not len(places):
        return texts
    changed = pc.utf8_normalize(texts.take(pa.array(places)), form="NFKC")
    order = np.arange(len(texts))
    order[places] = len(texts) + np.arange(len(places))
    return pa.concat_arrays([texts, changed]).take(pa.array(order))


@cache
def settled_characters() -> np.ndarray:
    """Return for each code point whether NFKC leaves it alone whatever stands before it."""
    signs = list(map(chr, range(_BEYOND)))
    settled = np.ones(_CODE_POINTS, np.bool_)
    settled[np.flatnonzero(list(map(unicodedata.combining, signs)))] = False
    for sign, parts in zip(signs, map(unicodedata.decomposition, signs), strict=True):
        if not parts:
            continue
        if not unicodedata.is_normalized("NFKC", sign):
            settled[ord(sign)] = False
        first, _, second = parts.partition(" ")
        if second and " " not in second and not first.startswith("<"):
            settled[int(second, 16)] = False  # may be drawn into the character before it
    settled[0x1160:0x1200] = False  # Hangul vowels and finals, which join what is before them
    settled.flags.writeable = False
    return settled


def turns_of(
    records: pa.RecordBatch, names: Iterable[str], *, chars: bool = False
) -> dict[str, Tokens]:
    """Return the words of every turn of the named sides, each side tokenised once."""
    view = View(records)
    return {name: tokenise(view.contents(name), chars=chars) for name in names}


def by_row(records: pa.RecordBatch, name: str, turns: Tokens) -> Tokens:
    """Return the words of a side by record: those of its turns, one behind the other."""
    return Tokens(turns.starts[View(records).turns(name).starts], turns.hashes)


def tokenise(texts: pa.StringArray, *, chars: bool = False) -> Tokens:
    """Return the words of texts without nulls; with `chars` every character is a word by itself."""
    offsets, data = text_buffers(normalised(texts))
    if chars:
        return Tokens(*_characters(offsets, data, lower_case()))
    starts, hashes, _ = _tokenise(offsets, data, character_table(), False)
    return Tokens(starts, hashes)


def words_in(texts: pa.StringArray) -> tuple[Tokens, np.ndarray]:
    """Return the words of normalised texts, and where each is: its first byte and its end.

    The places (m × 2 int64) count from the beginning of the word's own text.
    """
    offsets, data = text_buffers(texts)
    starts, hashes, places = _tokenise(offsets, data, character_table(), True)
    text = np.repeat(np.arange(len(texts)), np.diff(starts))
    return Tokens(starts, hashes), places - offsets[:-1].astype(np.int64)[text][:, None]


@cache
def character_table() -> np.ndarray:
    """Return for each code point 0 if it breaks words, else its lower case, maybe with `ALONE`."""
    table = np.zeros(_CODE_POINTS, np.uint32)
    kinds = "".join(map(unicodedata.category, map(chr, range(_BEYOND))))[::2]
    words = np.isin(np.frombuffer(kinds.encode(), np.uint8), np.frombuffer(b"LNM", np.uint8))
    table[:_BEYOND][words] = lower_case()[:_BEYOND][words]
    for first, last in ALONE_RANGES:
        part = table[first : last + 1]
        part[part > 0] |= np.uint32(ALONE)
    table.flags.writeable = False
    return table


@cache
def lower_case() -> np.ndarray:
    """Return for each code point its lower case, itself where that is not one character."""
    table = np.arange(_CODE_POINTS, dtype=np.uint32)
    table[:_BEYOND] = lowered(table[:_BEYOND])
    table.flags.writeable = False
    return table


def grams(tokens: Tokens, size: int) -> Tokens:
    """Return the n-grams of `size` words of each text, in order; none of a text with fewer."""
    starts, hashes = _grams(tokens.starts, tokens.hashes, size)
    return Tokens(starts, hashes)


def whole(tokens: Tokens) -> np.ndarray:
    """Return a hash of each text's words in their order (n × 2 uint64, zero for no words)."""
    found: np.ndarray = _whole(tokens.starts, tokens.hashes)
    return found


@inlined
def spread(value: Any) -> Any:
    """Spread a hash over all its bits (the finalizer of MurmurHash3)."""
    value = (value ^ (value >> np.uint64(33))) * MIX_1
    value = (value ^ (value >> np.uint64(33))) * MIX_2
    return value ^ (value >> np.uint64(33))


@inlined
def rolled(state: Any, word: Any) -> Any:
    """Return the hash of some words with one more behind them."""
    return state * _ROLL + word


@compiled
def power(size: Any) -> Any:
    """Return the weight of the first of `size` words in the hash of them all."""
    weight = np.uint64(1)
    for _ in range(size - 1):
        weight *= _ROLL
    return weight


@inlined
def _letters(eight: Any) -> Any:
    """Return how many of eight bytes, from the lowest on, are ASCII letters or digits."""
    top = (eight | _SPACES) | HIGH  # letters in lower case; subtracting borrows from no other byte
    found = (top - _LOWER_A) & ~(top - _AFTER_Z)
    top = eight | HIGH
    found |= (top - _ZERO) & ~(top - _AFTER_NINE)
    stops = (~found | eight) & HIGH
    if stops == 0:
        return 8
    return first_marked(stops)


@compiled
def _any_word(data: Any, at: Any, end: Any, table: Any) -> Any:
    """Read a word of any letters: return (where it ends, its hash)."""
    state = _OTHER_ROLL
    while at < end:
        code, width = code_point(data, at, end)
        entry = table[code]
        if entry == 0 or entry >= ALONE:
            break
        state = (state ^ np.uint64(entry)) * _FOLD
        at += width
    return at, spread(state)


@compiled
def _tokenise(offsets: Any, data: Any, table: Any, places: Any) -> Any:
    """Return (starts, words, where each word is: nowhere unless `places`)."""
    texts = len(offsets) - 1
    most = (np.int64(offsets[-1]) - np.int64(offsets[0]) + texts) // 2 + 1
    words = np.empty(most, np.uint64)  # a word and a break take two bytes
    where = np.empty((most if places else 0, 2), np.int64)
    starts = np.zeros(texts + 1, np.int64)
    found = 0
    for text in range(texts):
        at, end = np.int64(offsets[text]), np.int64(offsets[text + 1])
        while at < end:
            begin, state = at, np.uint64(0)
            while True:  # a word of ASCII letters, eight at a time
                eight = eight_bytes(data, at)
                count = min(_letters(eight), end - at)
                if count:
                    kept = lower_ascii(eight) & (ALL_BITS >> np.uint64(64 - 8 * count))
                    state = (state ^ kept) * _FOLD
                    state ^= state >> np.uint64(32)
                    at += count
                if count < 8:
                    break
            value, alone, after = spread(state + np.uint64(at - begin)), np.uint32(0), at + 1
            if at < end and data[at] >= 0x80:
                code, width = code_point(data, at, end)
                alone, after = table[code], at + width
                if 0 < alone < ALONE:  # the word goes on, in letters beyond ASCII
                    at, value = _any_word(data, begin, end, table)
                    alone, after = np.uint32(0), at
            if at > begin:
                if places:
                    where[found, 0], where[found, 1] = begin, at
                words[found] = value
                found += 1
            if alone:
                if places:
                    where[found, 0], where[found, 1] = at, after
                words[found] = spread(np.uint64(alone) * _FOLD)
                found += 1
            at = after  # past the sign that ended it
        starts[text + 1] = found
    return starts, words[:found], where[: found if places else 0]


@compiled
def _characters(offsets: Any, data: Any, table: Any) -> Any:
    texts = len(offsets) - 1
    words = np.empty(np.int64(offsets[-1]) - np.int64(offsets[0]), np.uint64)
    starts = np.zeros(texts + 1, np.int64)
    found = 0
    for text in range(texts):
        at, end = np.int64(offsets[text]), np.int64(offsets[text + 1])
        while at < end:
            code, width = code_point(data, at, end)
            words[found] = spread(np.uint64(table[code]) * _FOLD)
            found += 1
            at += width
        starts[text + 1] = found
    return starts, words[:found]


@compiled
def _unsettled(offsets: Any, data: Any, settled: Any) -> Any:
    """Return which texts hold a character that NFKC may change."""
    texts = len(offsets) - 1
    found = np.zeros(texts, np.bool_)
    for text in range(texts):
        at, end = np.int64(offsets[text]), np.int64(offsets[text + 1])
        while at < end:
            if at + 32 <= end:  # nearly all text is ASCII for long stretches
                some = eight_bytes(data, at) | eight_bytes(data, at + 8)
                some |= eight_bytes(data, at + 16) | eight_bytes(data, at + 24)
                if some & HIGH == 0:
                    at += 32
                    continue
            if at + 8 <= end and eight_bytes(data, at) & HIGH == 0:
                at += 8
                continue
            code, width = code_point(data, at, end)
            if not settled[code]:
                found[text] = True
                break
            at += width
    return found


@compiled
def _grams(starts: Any, hashes: Any, size: Any) -> Any:
    texts = len(starts) - 1
    total = 0
    for text in range(texts):
        total += max(0, starts[text + 1] - starts[text] - size + 1)
    found = np.empty(total, np.uint64)
    found_starts = np.zeros(texts + 1, np.int64)
    weight, at = power(size), 0
    for text in range(texts):
        begin, end = starts[text], starts[text + 1]
        if end - begin >= size:
            state = np.uint64(0)
            for place in range(begin, begin + size):
                state = rolled(state, hashes[place])
            found[at] = spread(state)
            at += 1
            for place in range(begin + size, end):
                state = rolled(state - hashes[place - size] * weight, hashes[place])
                found[at] = spread(state)
                at += 1
        found_starts[text + 1] = at
    return found_starts, found


@compiled
def _whole(starts: Any, hashes: Any) -> Any:
    texts = len(starts) - 1
    found = np.zeros((texts, 2), np.uint64)
    for text in range(texts):
        one, other = np.uint64(0), np.uint64(0)
        for place in range(starts[text], starts[text + 1]):
            one = rolled(one, hashes[place])
            other = (other ^ hashes[place]) * _OTHER_ROLL
        if starts[text + 1] > starts[text]:
            size = np.uint64(starts[text + 1] - starts[text])
            found[text, 0] = spread(one + size)
            found[text, 1] = spread(other + size)
    return found
