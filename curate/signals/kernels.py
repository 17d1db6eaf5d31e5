"""The compiled loops: Arrow buffers in, numpy arrays out, no Python object in between.

Imported only where one is called, because numba takes half a second to import. Compiled once and
cached beside this file; they hold no global interpreter lock. Each has a plain-Python twin in
`tests/signals/test_signal_kernels.py`, which says the same in a few slow lines.

**What a word is.** A run of characters between breaks, where a break is white space (as
`str.isspace` has it) or punctuation of Chinese and Japanese; a Han character, Hiragana or
Katakana is a word by itself, since those languages do not put spaces between words. Hangul words
are separated by spaces and count as such. Words are compared in lower case (character by
character; the Kelvin sign stays itself). A turn's end ends a word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, ParamSpec, TypeVar

import numba
import numpy as np
import pyarrow as pa

P = ParamSpec("P")
R = TypeVar("R")

ALONE: Final = 1 << 31
"""Set in `character_table` for a character that is a word by itself."""

FNV_OFFSET: Final = np.uint64(0xCBF29CE484222325)
FNV_PRIME: Final = np.uint64(0x100000001B3)
CHUNK_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
MIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
MIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)

# Eight bytes at once in one uint64: the same value, or the same bit, in each byte.
ONES: Final = np.uint64(0x0101010101010101)
HIGH: Final = np.uint64(0x80) * ONES
_TAB: Final = np.uint64(0x09) * ONES  # 0x09 to 0x0D are white space
_AFTER_RETURN: Final = np.uint64(0x0E) * ONES
_SEPARATORS: Final = np.uint64(0x1C) * ONES  # 0x1C to 0x20 are white space
_AFTER_SPACE: Final = np.uint64(0x21) * ONES
_UPPER_A: Final = np.uint64(ord("A")) * ONES
_AFTER_Z: Final = np.uint64(ord("Z") + 1) * ONES
_BYTE_INDEX: Final = np.uint64(0x0001020304050607)  # times 1 << 8 * k has k in its highest byte
ALL_BITS: Final = np.uint64(0xFFFFFFFFFFFFFFFF)

_CODE_POINTS: Final = 0x110000
_BEYOND: Final = 0x20000  # from here on no character has a lower case
_LAST_SPACE: Final = 0x3000
_DOTTED_I: Final = 0x130
ALONE_RANGES: Final = (
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x20000, 0x3FFFF),  # Han extensions B and on
)
_BREAK_RANGES: Final = (
    (0x3000, 0x3004),  # ideographic space, comma, full stop
    (0x3008, 0x303F),  # brackets
    (0x30FB, 0x30FB),  # Katakana middle dot
    (0xFF01, 0xFF0F),  # full-width punctuation
    (0xFF1A, 0xFF20),
    (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65),
)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop without the interpreter lock, and keep the machine code for next time."""
    made: Callable[P, R] = numba.njit(nogil=True, cache=True)(function)
    return made


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a step of a loop into the loop itself: as a call it takes twice the time."""
    made: Callable[P, R] = numba.njit(nogil=True, cache=True, forceinline=True)(function)
    return made


@cache
def character_table() -> np.ndarray:
    """Return for each code point 0 if it breaks words, else its lower case, maybe with `ALONE`."""
    table = np.arange(_CODE_POINTS, dtype=np.uint32)
    codes = table[:_BEYOND]
    lower = lowered(codes)
    within = (codes < 0x80) == (lower < 0x80)
    codes[within] = lower[within]
    codes[[code for code in range(_LAST_SPACE + 1) if chr(code).isspace()]] = 0
    table[0] = _CODE_POINTS  # the NUL character breaks no word
    for first, last in ALONE_RANGES:
        table[first : last + 1] |= np.uint32(ALONE)
    for first, last in _BREAK_RANGES:
        table[first : last + 1] = 0
    table.flags.writeable = False
    return table


def lowered(codes: np.ndarray) -> np.ndarray:
    """Return the lower case of all code points from 0 on (uint32), themselves where it is two.

    All at once, for one by one takes a tenth of a second.
    """
    plain = codes.copy()
    plain[_DOTTED_I] = 0  # the one character whose lower case is two
    lower = _codes_of(_text_of(plain).lower()).copy()
    lower[_DOTTED_I] = _DOTTED_I
    return lower


def _text_of(codes: np.ndarray) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _codes_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def tokenise(
    starts: np.ndarray, contents: pa.StringArray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (starts of each row's words, their hashes, their sizes, characters of each row).

    Row i is the turns `starts[i]` to `starts[i+1]` (int32) of `contents`, which has no nulls.
    Types and lengths as in `view.Words`.
    """
    offsets, data = text_buffers(contents)
    found: tuple[np.ndarray, ...] = _tokenise(starts, offsets, data, character_table())
    starts_of_words, hashes, sizes, chars = found
    return starts_of_words, hashes, sizes, chars


def count(starts: np.ndarray, contents: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return (words, characters) of each row (int32): `tokenise` without the words themselves."""
    offsets, data = text_buffers(contents)
    words, chars = _count(starts, offsets, data, character_table())
    return words, chars


def overlap(
    one_starts: np.ndarray, one: np.ndarray, other_starts: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return how much two sides have in common, four numbers a row (int32).

    Distinct words that both have, that either has, and of the side with fewer of them; words that
    both open with.
    `one` and `other` are word hashes of the same n rows, as `tokenise` gives them.
    """
    shared, union, fewer, opening = _overlap(one_starts, one, other_starts, other)
    return shared, union, fewer, opening


def text_buffers(contents: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n + 1 offsets, bytes) of a string array; the offsets follow its slice."""
    _, offsets, data = contents.buffers()
    if len(contents) == 0 or offsets is None:
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    stop = contents.offset + len(contents) + 1
    where = np.frombuffer(offsets, np.int32)[contents.offset : stop]
    empty = data is None or data.size == 0
    return where, np.zeros(0, np.uint8) if empty else np.frombuffer(data, np.uint8)


@compiled
def code_point(data: Any, at: Any, end: Any) -> Any:
    """Return (code point, bytes it takes) of the UTF-8 character at `at`.

    A byte that starts no whole character is one by itself, so that nothing past `end` is read.
    """
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, 1
    if lead >= 0xF0 and at + 4 <= end:
        code = (lead & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        code |= (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F)
        return (code, 4) if code < _CODE_POINTS else (lead, 1)
    if 0xE0 <= lead < 0xF0 and at + 3 <= end:
        code = (lead & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6
        return code | (np.int64(data[at + 2]) & 0x3F), 3
    if 0xC0 <= lead < 0xE0 and at + 2 <= end:
        return (lead & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    return lead, 1


@inlined
def _mixed(value: Any) -> Any:
    """Spread a hash over all its bits (the finalizer of MurmurHash3)."""
    value = (value ^ (value >> np.uint64(33))) * MIX_1
    value = (value ^ (value >> np.uint64(33))) * MIX_2
    return value ^ (value >> np.uint64(33))


@inlined
def eight_bytes(data: Any, at: Any) -> Any:
    """Return the eight bytes from `at`, the first one lowest; zeros beyond the end of `data`."""
    found = np.uint64(0)
    if at + 8 <= len(data):
        i = np.uint64(at)  # unsigned, so that the eight reads compile to one
        found = np.uint64(data[i])
        found |= np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
        found |= np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
        found |= np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
        found |= np.uint64(data[i + np.uint64(4)]) << np.uint64(32)
        found |= np.uint64(data[i + np.uint64(5)]) << np.uint64(40)
        found |= np.uint64(data[i + np.uint64(6)]) << np.uint64(48)
        found |= np.uint64(data[i + np.uint64(7)]) << np.uint64(56)
        return found
    for k in range(len(data) - at):
        found |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return found


@inlined
def _white_space(eight: Any) -> Any:
    """Return eight bytes with the highest bit set where ASCII white space is (others undefined)."""
    top = eight | HIGH  # each byte now at least 0x80: subtracting borrows from no other byte
    found = (top - _TAB) & ~(top - _AFTER_RETURN)
    return found | ((top - _SEPARATORS) & ~(top - _AFTER_SPACE))


@inlined
def first_marked(marks: Any) -> Any:
    """Return which of eight bytes (0 to 7) is the first whose highest bit, and none other, is set.

    At least one is.
    """
    lowest = marks & (~marks + np.uint64(1))
    return np.int64(((lowest >> np.uint64(7)) * _BYTE_INDEX) >> np.uint64(56))


@inlined
def plain_bytes(eight: Any) -> Any:
    """Return how many of eight bytes, from the lowest on, are ASCII and not white space."""
    stops = (_white_space(eight) | eight) & HIGH
    if stops == 0:
        return 8
    return first_marked(stops)


@inlined
def lower_ascii(eight: Any) -> Any:
    """Return eight ASCII bytes in lower case."""
    top = eight | HIGH
    upper = (top - _UPPER_A) & ~(top - _AFTER_Z) & HIGH
    return eight | (upper >> np.uint64(2))


@inlined
def _absorbed(state: Any, eight: Any, count: Any) -> Any:
    """Return a word's hash so far with the lower case of its next `count` (1 to 8) bytes."""
    kept = lower_ascii(eight) & (ALL_BITS >> np.uint64(64 - 8 * count))
    state = (state ^ kept) * CHUNK_PRIME
    return state ^ (state >> np.uint64(32))


@compiled
def _ascii_hash(data: Any, at: Any, end: Any) -> Any:
    """Return the hash of the ASCII word from `at` to `end`."""
    state, size = FNV_OFFSET, end - at
    while at < end:
        count = min(8, end - at)
        state = _absorbed(state, eight_bytes(data, at), count)
        at += count
    return _mixed(state + np.uint64(size))


@compiled
def _any_word(data: Any, at: Any, end: Any, table: Any) -> Any:
    """Read a word of any characters: return (where it ends, its characters, its hash).

    It ends before a break or a character that is a word by itself, and may be empty.
    """
    begin, chars, ascii_only, value = at, 0, True, FNV_OFFSET
    while at < end:
        code, width = code_point(data, at, end)
        entry = table[code]
        if entry == 0 or entry >= ALONE:
            break
        ascii_only = ascii_only and code < 0x80
        value = (value ^ np.uint64(entry)) * FNV_PRIME
        at += width
        chars += 1
    if ascii_only:  # as the fast way has it
        return at, chars, _ascii_hash(data, begin, at)
    return at, chars, _mixed(value)


@inlined
def _plain_word(data: Any, at: Any, end: Any) -> Any:
    """Read an ASCII word, eight bytes at a time: return (where it stops, its hash).

    It stops before white space or a byte beyond ASCII (then it may be a longer word), and is
    empty if that stands at `at`.
    """
    begin, state = at, FNV_OFFSET
    eight = eight_bytes(data, at)
    count = plain_bytes(eight)
    while count == 8 and at + 8 <= end:
        state = _absorbed(state, eight, 8)
        at += 8
        eight = eight_bytes(data, at)
        count = plain_bytes(eight)
    count = min(count, end - at)
    if count > 0:
        state = _absorbed(state, eight, count)
    return at + count, _mixed(state + np.uint64(at + count - begin))


@compiled
def _tokenise(starts: Any, offsets: Any, data: Any, table: Any) -> Any:
    rows = len(starts) - 1
    size = np.int64(offsets[-1]) - np.int64(offsets[0])
    most = (size + len(offsets)) // 2 + 1  # a word and a break: two bytes
    words, sizes = np.empty(most, np.uint64), np.empty(most, np.int32)
    word_starts = np.zeros(rows + 1, np.int64)
    chars = np.zeros(rows, np.int32)
    found = 0
    for row in range(rows):
        total = 0
        for turn in range(starts[row], starts[row + 1]):
            at, end = np.int64(offsets[turn]), np.int64(offsets[turn + 1])
            while at < end:
                begin = at
                at, value = _plain_word(data, begin, end)
                plain = at == end or data[at] < 0x80
                if plain:
                    count = at - begin
                else:
                    at, count, value = _any_word(data, begin, end, table)
                total += count
                if count > 0:
                    words[found], sizes[found] = value, count
                    found += 1
                if at < end and plain:  # the white space that ended it
                    at += 1
                    total += 1
                elif at < end:
                    code, width = code_point(data, at, end)
                    at += width
                    total += 1
                    if table[code] != 0:  # a word by itself
                        words[found] = _mixed((FNV_OFFSET ^ np.uint64(code)) * FNV_PRIME)
                        sizes[found] = 1
                        found += 1
        word_starts[row + 1] = found
        chars[row] = total
    return word_starts, words[:found], sizes[:found], chars


@compiled
def _count(starts: Any, offsets: Any, data: Any, table: Any) -> Any:
    rows = len(starts) - 1
    words = np.zeros(rows, np.int32)
    chars = np.zeros(rows, np.int32)
    for row in range(rows):
        found, total = np.int64(0), 0
        for turn in range(starts[row], starts[row + 1]):
            at, end = np.int64(offsets[turn]), np.int64(offsets[turn + 1])
            inside = np.uint64(0)  # the lowest byte's highest bit: whether a word goes on
            while at < end:
                eight = eight_bytes(data, at) if at + 8 <= end else HIGH
                if eight & HIGH == 0:  # eight ASCII characters at once
                    word = ~_white_space(eight) & HIGH
                    begins = word & ~((word << np.uint64(8)) | inside)
                    found += np.int64(((begins >> np.uint64(7)) * ONES) >> np.uint64(56))
                    inside = word >> np.uint64(56)
                    at += 8
                    total += 8
                else:
                    code, width = code_point(data, at, end)
                    entry = table[code]
                    alone = entry >= ALONE
                    if alone or (entry != 0 and inside == 0):
                        found += 1
                    inside = np.uint64(0) if alone or entry == 0 else np.uint64(0x80)
                    at += width
                    total += 1
        words[row], chars[row] = found, total
    return words, chars


@compiled
def _overlap(one_starts: Any, one: Any, other_starts: Any, other: Any) -> Any:
    rows = len(one_starts) - 1
    shared = np.zeros(rows, np.int32)
    union = np.zeros(rows, np.int32)
    fewer = np.zeros(rows, np.int32)
    opening = np.zeros(rows, np.int32)
    most = 0
    for row in range(rows):
        both = one_starts[row + 1] - one_starts[row] + other_starts[row + 1] - other_starts[row]
        most = max(most, both)
    size = 16
    while size < 2 * most:
        size *= 2
    # An open hash table for all rows: a slot belongs to a row if its stamp is one of that row's,
    # 3 * row + 1 (word of the first side), + 2 (of the second alone), + 3 (of both).
    keys = np.zeros(size, np.uint64)
    stamps = np.zeros(size, np.int64)
    for row in range(rows):
        begin, end = one_starts[row], one_starts[row + 1]
        other_begin, other_end = other_starts[row], other_starts[row + 1]
        size = 16  # as small as the row allows: it stays in the processor's cache
        while size < 2 * (end - begin + other_end - other_begin):
            size *= 2
        mask = np.uint64(size - 1)
        stamp = 3 * row + 1
        for i in range(begin, end):
            slot = one[i] & mask
            while stamps[slot] >= stamp and keys[slot] != one[i]:
                slot = (slot + np.uint64(1)) & mask
            if stamps[slot] < stamp:
                stamps[slot], keys[slot] = stamp, one[i]
                union[row] += 1
        distinct = union[row]
        for i in range(other_begin, other_end):
            slot = other[i] & mask
            while stamps[slot] >= stamp and keys[slot] != other[i]:
                slot = (slot + np.uint64(1)) & mask
            if stamps[slot] < stamp:
                stamps[slot], keys[slot] = stamp + 1, other[i]
                union[row] += 1
            elif stamps[slot] == stamp:
                stamps[slot] = stamp + 2
                shared[row] += 1
        fewer[row] = min(distinct, shared[row] + union[row] - distinct)
        shorter = min(end - begin, other_end - other_begin)
        same = 0
        while same < shorter and one[begin + same] == other[other_begin + same]:
            same += 1
        opening[row] = same
    return shared, union, fewer, opening
