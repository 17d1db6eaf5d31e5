"""The compiled loops over characters, lines and words that the quality signals are made of.

As in `kernels`: Arrow buffers in, numpy arrays out, no lock held, machine code cached. Each has a
plain-Python twin in `tests/signals/test_text_kernels.py`. A side of n rows comes as `starts`
(int32, n + 1: where each row's turns begin among all) and the turns' `contents`, without nulls.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from curate.signals.kernels import (
    ALL_BITS,
    ALONE,
    CHUNK_PRIME,
    FNV_OFFSET,
    HIGH,
    ONES,
    character_table,
    code_point,
    compiled,
    eight_bytes,
    first_marked,
    inlined,
    plain_bytes,
    text_buffers,
)

# What a character is, for `count_characters`.
LETTER: Final = 0
UPPER: Final = 1  # a letter too
DIGIT: Final = 2
SPACE: Final = 3
SYMBOL: Final = 4  # all others: punctuation, signs, emoji
CLASSES: Final = 5

_CODE_POINTS: Final = 0x110000
_EMOJI_END: Final = 0x20000
_IDEOGRAPHS_END: Final = 0x40000

# What a line is, for `find_lines`: bits of one number.
BLANK: Final = 1
BULLET: Final = 2
NUMBERED: Final = 4
HEADING: Final = 8
QUOTE_OR_TABLE: Final = 16
FENCE: Final = 32  # opens or closes a block of code
CODE: Final = 64  # within such a block
ENDED: Final = 128  # ends in a full stop, question mark, exclamation mark or quotation mark
ELLIPSIS: Final = 256
MARKUP: Final = BULLET | NUMBERED | HEADING | QUOTE_OR_TABLE | FENCE

_BULLETS: Final = "•‣◦▪●○■–—·"  # and - * +, which ASCII has
_ENDS: Final = "。！？．｡؟۔।॥…”’»」』】）"
_NEWLINE: Final = 0x0A
_NEWLINES: Final = np.uint64(_NEWLINE) * ONES
_STOP: Final = 1  # ends a sentence
_AFTER_STOP: Final = 2  # may stand between that and white space
_MARKS: Final = np.zeros(256, np.uint8)
_MARKS[list(b".!?")] = _STOP
_MARKS[list(b"\"')")] = _AFTER_STOP
_WIDE_STOPS: Final = tuple(map(ord, "。！？"))
_FENCES: Final = tuple(b"`~")
_QUOTES_AND_TABLES: Final = tuple(b">|")
_PLAIN_BULLETS: Final = tuple(b"-*+")
_PLAIN_ENDS: Final = tuple(b".!?\"'")
_AFTER_NUMBER: Final = tuple(b".)")
_ABSENT: Final = -1


@cache
def class_table() -> np.ndarray:
    """Return the class of each code point (uint8), by its Unicode general category."""
    table = np.full(_CODE_POINTS, SYMBOL, np.uint8)
    table[_EMOJI_END:_IDEOGRAPHS_END] = LETTER
    signs = list(map(chr, range(_EMOJI_END)))
    names = "".join(map(unicodedata.category, signs)).encode()
    first, second = np.frombuffer(names, np.uint8).reshape(-1, 2).T
    known = table[:_EMOJI_END]
    known[np.isin(first, list(b"LM"))] = LETTER  # marks are parts of letters
    known[(first == ord("L")) & (second == ord("u"))] = UPPER
    known[first == ord("N")] = DIGIT
    known[list(map(str.isspace, signs))] = SPACE
    table.flags.writeable = False
    return table


@cache
def _code_points(text: str) -> np.ndarray:
    return np.array(sorted(map(ord, text)), np.int64)


def count_characters(starts: np.ndarray, contents: pa.StringArray) -> np.ndarray:
    """Return how many characters of each class each row has: int32 of n × `CLASSES`.

    Upper-case letters are counted as `UPPER` only.
    """
    offsets, data = text_buffers(contents)
    counts: np.ndarray = _count_characters(starts, offsets, data, class_table())
    return counts


def find_lines(
    starts: np.ndarray, contents: pa.StringArray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut each row into lines; return where they are and of what kind.

    Where each row's lines begin (int64, n + 1), where each line begins in the bytes of `contents`
    (int64), and its kind (uint16, the bits above).
    A newline ends a line, and so does the end of a turn. Blocks of code are fenced as in Markdown.
    """
    offsets, data = text_buffers(contents)
    found: tuple[np.ndarray, ...] = _find_lines(
        starts, offsets, data, class_table(), _code_points(_BULLETS), _code_points(_ENDS)
    )
    row_starts, begins, kinds = found
    return row_starts, begins, kinds


def measure_lines(begins: np.ndarray, contents: pa.StringArray) -> tuple[np.ndarray, ...]:
    """Return five arrays with an entry for each line that begins at a byte of `contents`.

    Its characters without white space at its ends, its words (runs between white space), the
    characters of its longest word, its ends of sentences (all int32), and a hash of its words
    (uint64). A line goes on to the next one's beginning.
    """
    offsets, data = text_buffers(contents)
    bounds = np.append(begins, np.int64(offsets[-1]))
    found: tuple[np.ndarray, ...] = _measure_lines(bounds, data, class_table())
    return found


def lettered(starts: np.ndarray, contents: pa.StringArray) -> np.ndarray:
    """Return which words have a letter (bool); those of `kernels.tokenise`, in the same order."""
    offsets, data = text_buffers(contents)
    found: np.ndarray = _lettered(starts, offsets, data, character_table(), class_table())
    return found


def count_members(starts: np.ndarray, hashes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return how many of each row's words (their hashes) are among a few wanted ones (int32)."""
    counts: np.ndarray = _count_members(starts, hashes, wanted)
    return counts


def repeated(
    starts: np.ndarray, hashes: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many items of each row are as an earlier one of it, and the sum of their sizes.

    Both int64, n; `hashes` is uint64 and `sizes` int32, one for each item (a line, a paragraph).
    """
    counts, total = _repeated(starts, hashes, sizes)
    return counts, total


def paragraphs(
    starts: np.ndarray, kinds: np.ndarray, hashes: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join lines that no blank line parts; return starts, hashes and sizes of the paragraphs."""
    where, joined, total = _paragraphs(starts, kinds, hashes, sizes)
    return where, joined, total


def repeated_ngrams(
    starts: np.ndarray, hashes: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the repetition of n-grams of words: int64 of n × 3 and n × 6, in characters.

    The first, for n of 2, 3 and 4, is what the most frequent n-gram covers: how often it comes
    times its length, of equally frequent ones the longest; 0 where none comes twice. The second,
    for n from 5 to 10, is what lies in n-grams that came before, each character counted once.
    `sizes` are the words' characters (int32): white space does not count.
    """
    top, again = _repeated_ngrams(starts, hashes, sizes)
    return top, again


def copied(
    prompt_starts: np.ndarray,
    prompt: np.ndarray,
    starts: np.ndarray,
    hashes: np.ndarray,
    size: int,
) -> np.ndarray:
    """Return how many words of each row lie in runs of `size` words that its prompt has (int32)."""
    counts: np.ndarray = _copied(prompt_starts, prompt, starts, hashes, size)
    return counts


def common_subsequence(
    one_starts: np.ndarray,
    one: np.ndarray,
    other_starts: np.ndarray,
    other: np.ndarray,
    longest: int,
) -> np.ndarray:
    """Return the words of the longest common subsequence of two sides, by row (int32).

    -1 where a side has more than `longest` words: the work grows with the product of both. Sixty-
    four steps at once, by the bits of a word: Hyyrö 2004, "Bit-parallel LCS-length computation".
    """
    found: np.ndarray = _common_subsequence(one_starts, one, other_starts, other, longest)
    return found


def same_bare(
    one_starts: np.ndarray,
    one: pa.StringArray,
    other_starts: np.ndarray,
    other: pa.StringArray,
) -> np.ndarray:
    """Return in which rows two sides have the same letters and digits, in lower case (bool).

    Left out are white space, punctuation, symbols, and numbers that begin a line of a list.
    """
    offsets, data = text_buffers(one)
    other_offsets, other_data = text_buffers(other)
    sides = (one_starts, offsets, data), (other_starts, other_offsets, other_data)
    found: np.ndarray = _same_bare(*sides, character_table(), class_table())
    return found


# ------------------------------------------------------------------------------- the loops


@compiled
def _count_characters(starts: Any, offsets: Any, data: Any, classes: Any) -> Any:
    rows = len(starts) - 1
    counts = np.zeros((rows, CLASSES), np.int32)
    for row in range(rows):
        at, end = np.int64(offsets[starts[row]]), np.int64(offsets[starts[row + 1]])
        while at < end:
            if data[at] < 0x80:
                counts[row, classes[data[at]]] += 1
                at += 1
            else:
                code, width = code_point(data, at, end)
                counts[row, classes[code]] += 1
                at += width
    return counts


@compiled
def _is_in(code: Any, sorted_codes: Any) -> Any:
    found = False
    for one in sorted_codes:  # a dozen at most
        found |= one == code
    return found


@compiled
def _is_space(data: Any, at: Any, end: Any, classes: Any) -> Any:
    """Return (whether white space begins at `at`, the bytes of that character)."""
    if data[at] < 0x80:
        return classes[data[at]] == SPACE, 1
    code, width = code_point(data, at, end)
    return classes[code] == SPACE, width


@compiled
def _last_character(data: Any, begin: Any, end: Any) -> Any:
    """Return (the last character of a text that is not empty, where it begins)."""
    at = end - 1
    while at > begin and data[at] & 0xC0 == 0x80:
        at -= 1
    code, _ = code_point(data, at, end)
    return code, at


@compiled
def _opening(data: Any, at: Any, end: Any, classes: Any, bullets: Any) -> Any:
    """Return what a trimmed line that is not empty begins with, as bits of its kind."""
    first = data[at]
    begin = at
    if first in _FENCES:
        while at < end and data[at] == first:
            at += 1
        return FENCE if at - begin >= 3 else 0
    if first == 0x23:  # #
        while at < end and data[at] == 0x23:
            at += 1
        return HEADING if at - begin <= 6 and (at == end or data[at] == 0x20) else 0
    if first in _QUOTES_AND_TABLES:
        return QUOTE_OR_TABLE
    if first in _PLAIN_BULLETS:
        return BULLET if at + 1 < end and data[at + 1] == 0x20 else 0
    if 0x30 <= first <= 0x39:
        while at < end and 0x30 <= data[at] <= 0x39:
            at += 1
        dotted = at + 1 < end and data[at] in _AFTER_NUMBER
        return NUMBERED if dotted and at - begin <= 3 and data[at + 1] == 0x20 else 0
    if first >= 0x80:
        code, _ = code_point(data, at, end)
        return BULLET if _is_in(code, bullets) else 0
    return 0


@compiled
def _ending(data: Any, begin: Any, end: Any, ends: Any) -> Any:
    """Return what a trimmed line that is not empty ends with, as bits of its kind."""
    last = data[end - 1]
    dots = end - begin >= 3 and last == 0x2E and data[end - 2] == 0x2E and data[end - 3] == 0x2E
    kind = 0
    if dots:
        kind |= ELLIPSIS
    if last in _PLAIN_ENDS:
        kind |= ENDED
    elif last >= 0x80:
        code, _ = _last_character(data, begin, end)
        if code == 0x2026:
            kind |= ELLIPSIS
        if _is_in(code, ends):
            kind |= ENDED
    return kind


@inlined
def _line_end(data: Any, at: Any, stop: Any) -> Any:
    """Return where the next newline is, or `stop`; eight bytes at a time."""
    while at + 8 <= stop:
        others = eight_bytes(data, at) ^ _NEWLINES
        marks = (others - ONES) & ~others & HIGH  # the first one is a byte that is zero
        if marks != 0:
            return at + first_marked(marks)
        at += 8
    while at < stop and data[at] != _NEWLINE:
        at += 1
    return at


@compiled
def _trimmed(data: Any, begin: Any, end: Any, classes: Any) -> Any:
    """Return where a line's text begins and ends, without white space; both `end` if it is all."""
    while begin < end:
        blank, width = _is_space(data, begin, end, classes)
        if not blank:
            break
        begin += width
    while begin < end:
        code, at = _last_character(data, begin, end)
        if classes[code] != SPACE:
            break
        end = at
    return begin, end


@compiled
def _count_newlines(data: Any, begin: Any, end: Any) -> Any:
    found = 0
    for at in range(begin, end):
        found += data[at] == _NEWLINE
    return found


@compiled
def _find_lines(starts: Any, offsets: Any, data: Any, classes: Any, bullets: Any, ends: Any) -> Any:
    rows, turns = len(starts) - 1, len(offsets) - 1
    total = turns + _count_newlines(data, np.int64(offsets[0]), np.int64(offsets[turns]))
    row_starts = np.zeros(rows + 1, np.int64)
    begins, kinds = np.empty(total, np.int64), np.empty(total, np.uint16)
    found = 0
    for row in range(rows):
        for turn in range(starts[row], starts[row + 1]):
            at, stop = np.int64(offsets[turn]), np.int64(offsets[turn + 1])
            fence = np.int64(0)  # the first byte of the line that opened a block of code
            more = True
            while more:
                begins[found] = at
                begin, at = at, _line_end(data, at, stop)
                first, last = _trimmed(data, begin, at, classes)
                kind = BLANK
                if first < last:
                    kind = _opening(data, first, last, classes, bullets)
                    kind |= _ending(data, first, last, ends)
                mark = np.int64(data[first]) if kind & FENCE else np.int64(0)
                if mark != 0 and fence == 0:
                    fence = mark
                elif mark != 0 and fence == mark:
                    fence = np.int64(0)
                elif fence != 0:  # within a block nothing but its end means anything
                    kind = (kind & BLANK) | CODE
                kinds[found] = kind
                found += 1
                more = at < stop
                at += 1
        row_starts[row + 1] = found
    return row_starts, begins, kinds


@compiled
def _ends_sentence(data: Any, begin: Any, end: Any) -> Any:
    """Return whether a word ends in a full stop, so that 3.14 and e.g. do not count twice."""
    at = end - 1
    while at > begin and _MARKS[data[at]] == _AFTER_STOP:
        at -= 1
    return _MARKS[data[at]] == _STOP


@compiled
def _measure_lines(bounds: Any, data: Any, classes: Any) -> Any:
    count = len(bounds) - 1
    chars, words = np.zeros(count, np.int32), np.zeros(count, np.int32)
    longest, sentences = np.zeros(count, np.int32), np.zeros(count, np.int32)
    hashes = np.empty(count, np.uint64)
    for line in range(count):
        at, stop = bounds[line], bounds[line + 1]
        value = FNV_OFFSET
        since = 0  # white space since the last word
        while at < stop:
            begin, size = at, 0
            while at < stop:
                eight = eight_bytes(data, at)
                plain = min(plain_bytes(eight), stop - at)
                if plain > 0:
                    kept = eight & (ALL_BITS >> np.uint64(64 - 8 * plain))
                    value = (value ^ kept) * CHUNK_PRIME
                    value ^= value >> np.uint64(32)
                    at, size = at + plain, size + plain
                if plain == 8 or at == stop:
                    continue
                if data[at] < 0x80:
                    break
                code, width = code_point(data, at, stop)
                if classes[code] == SPACE:
                    break
                sentences[line] += code in _WIDE_STOPS
                value = (value ^ np.uint64(code)) * CHUNK_PRIME
                at, size = at + width, size + 1
            if at > begin:
                value = (value ^ np.uint64(at - begin)) * CHUNK_PRIME
                chars[line] += size + (since if words[line] > 0 else 0)
                words[line] += 1
                longest[line] = max(longest[line], size)
                sentences[line] += _ends_sentence(data, begin, at)
                since = 0
            if at < stop:
                _, width = _is_space(data, at, stop, classes)
                at += width
                since += 1
        hashes[line] = value
    return chars, words, longest, sentences, hashes


@compiled
def _lettered(starts: Any, offsets: Any, data: Any, table: Any, classes: Any) -> Any:
    turns = len(offsets) - 1
    size = np.int64(offsets[turns]) - np.int64(offsets[0])
    letters = np.empty((size + turns + 1) // 2 + 1, np.bool_)
    found = 0
    for turn in range(starts[0], starts[-1]):
        at, end = np.int64(offsets[turn]), np.int64(offsets[turn + 1])
        inside, mark = False, False
        while at < end:
            code, width = np.int64(data[at]), 1
            if code >= 0x80:
                code, width = code_point(data, at, end)
            entry = table[code]
            if entry == 0 or entry >= ALONE:
                if inside:
                    letters[found] = mark
                    found += 1
                inside, mark = False, False
                if entry != 0:
                    letters[found] = True
                    found += 1
            else:
                inside = True
                mark = mark or classes[code] <= UPPER
            at += width
        if inside:
            letters[found] = mark
            found += 1
    return letters[:found]


@compiled
def _count_members(starts: Any, hashes: Any, wanted: Any) -> Any:
    rows = len(starts) - 1
    counts = np.zeros(rows, np.int32)
    for row in range(rows):
        for i in range(starts[row], starts[row + 1]):
            for one in wanted:
                if hashes[i] == one:
                    counts[row] += 1
    return counts


@compiled
def _table_size(items: Any) -> Any:
    size = 16
    while size < 2 * items:
        size *= 2
    return size


@compiled
def _most(starts: Any) -> Any:
    most = 0
    for row in range(len(starts) - 1):
        most = max(most, starts[row + 1] - starts[row])
    return most


@compiled
def _slot_of(value: Any, keys: Any, stamps: Any, stamp: Any, mask: Any) -> Any:
    """Return the slot of a value: where it is, or where it would go (its stamp is another)."""
    mixed = (value ^ (value >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    slot = (mixed ^ (mixed >> np.uint64(29))) & mask
    while stamps[slot] == stamp and keys[slot] != value:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _repeated(starts: Any, hashes: Any, sizes: Any) -> Any:
    rows = len(starts) - 1
    counts, total = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    largest = _table_size(_most(starts))
    keys, stamps = np.zeros(largest, np.uint64), np.zeros(largest, np.int64)
    for row in range(rows):
        mask = np.uint64(_table_size(starts[row + 1] - starts[row]) - 1)
        for i in range(starts[row], starts[row + 1]):
            slot = _slot_of(hashes[i], keys, stamps, row + 1, mask)
            if stamps[slot] == row + 1:
                counts[row] += 1
                total[row] += sizes[i]
            else:
                stamps[slot], keys[slot] = row + 1, hashes[i]
    return counts, total


@compiled
def _paragraphs(starts: Any, kinds: Any, hashes: Any, sizes: Any) -> Any:
    rows = len(starts) - 1
    where = np.zeros(rows + 1, np.int64)
    joined = np.empty(len(hashes), np.uint64)
    total = np.zeros(len(hashes), np.int32)
    found = 0
    for row in range(rows):
        inside = False
        for i in range(starts[row], starts[row + 1]):
            if kinds[i] & BLANK:
                inside = False
            elif inside:
                joined[found - 1] = (joined[found - 1] * np.uint64(0x9E3779B97F4A7C15)) ^ hashes[i]
                total[found - 1] += sizes[i]
            else:
                joined[found], total[found] = hashes[i], sizes[i]
                inside = True
                found += 1
        where[row + 1] = found
    return where, joined[:found], total[:found]


@compiled
def _keep(places: Any, count: Any, wanted: Any) -> Any:
    """Move the wanted ones of the first `count` places to the front; return how many they are."""
    kept = 0
    for at in range(count):
        if wanted[places[at]]:
            places[kept] = places[at]
            kept += 1
    return kept


@compiled
def _repeated_ngrams(starts: Any, hashes: Any, sizes: Any) -> Any:
    """Only where an n-gram comes twice can one of a word more: soon, few places are left."""
    rows = len(starts) - 1
    top, again = np.zeros((rows, 3), np.int64), np.zeros((rows, 6), np.int64)
    most = _most(starts)
    largest = _table_size(most)
    keys, stamps = np.zeros(largest, np.uint64), np.zeros(largest, np.int64)
    counts, firsts = np.zeros(largest, np.int32), np.zeros(largest, np.int64)
    prime = np.uint64(0x9E3779B97F4A7C15)
    running = np.zeros(most + 1, np.uint64)  # hashes of what is before each word
    before = np.zeros(most + 1, np.int64)  # characters of it
    places = np.empty(most, np.int64)  # where n-grams begin that may come twice
    twice = np.zeros(most, np.bool_)
    for row in range(rows):
        begin, size = starts[row], starts[row + 1] - starts[row]
        for i in range(size):
            running[i + 1] = running[i] * prime + hashes[begin + i]
            before[i + 1] = before[i] + sizes[begin + i]
            places[i] = i
        left = size
        power = prime
        for n in range(2, 11):
            power *= prime
            stamp = row * 11 + n
            mask = np.uint64(_table_size(left) - 1)
            frequent = covered = wide = 0
            reached = 0  # words before it are counted already
            for at in range(left):
                i = places[at]
                twice[i] = False
                if i + n > size:
                    continue
                value = running[i + n] - running[i] * power
                slot = _slot_of(value, keys, stamps, stamp, mask)
                if stamps[slot] != stamp:
                    stamps[slot], keys[slot], counts[slot] = stamp, value, 1
                    firsts[slot] = i
                    continue
                twice[i] = twice[firsts[slot]] = True
                counts[slot] += 1
                chars = before[i + n] - before[i]
                if counts[slot] > frequent or (counts[slot] == frequent and chars > wide):
                    frequent, wide = counts[slot], chars
                first = max(i, reached)
                covered += before[i + n] - before[first]
                reached = i + n
            if frequent == 0:
                break
            if n <= 4:
                top[row, n - 2] = frequent * wide
            else:
                again[row, n - 5] = covered
            left = _keep(places, left, twice)
    return top, again


@compiled
def _copied(prompt_starts: Any, prompt: Any, starts: Any, hashes: Any, size: Any) -> Any:
    rows = len(starts) - 1
    counts = np.zeros(rows, np.int32)
    largest = _table_size(_most(prompt_starts))
    keys, stamps = np.zeros(largest, np.uint64), np.zeros(largest, np.int64)
    prime = np.uint64(0x9E3779B97F4A7C15)
    for row in range(rows):
        mask = np.uint64(_table_size(prompt_starts[row + 1] - prompt_starts[row]) - 1)
        for i in range(prompt_starts[row], prompt_starts[row + 1] - size + 1):
            value = np.uint64(0)
            for k in range(size):
                value = value * prime + prompt[i + k]
            slot = _slot_of(value, keys, stamps, row + 1, mask)
            stamps[slot], keys[slot] = row + 1, value
        reached = starts[row]
        for i in range(starts[row], starts[row + 1] - size + 1):
            value = np.uint64(0)
            for k in range(size):
                value = value * prime + hashes[i + k]
            slot = _slot_of(value, keys, stamps, row + 1, mask)
            if stamps[slot] == row + 1:
                counts[row] += i + size - max(i, reached)
                reached = i + size
    return counts


@compiled
def _common_subsequence(
    one_starts: Any, one: Any, other_starts: Any, other: Any, longest: Any
) -> Any:
    rows = len(one_starts) - 1
    found = np.zeros(rows, np.int32)
    most = min(_most(one_starts), longest)
    largest = _table_size(most)
    keys, stamps = np.zeros(largest, np.uint64), np.zeros(largest, np.int64)
    numbers = np.zeros(largest, np.int64)
    for row in range(rows):
        begin, size = one_starts[row], one_starts[row + 1] - one_starts[row]
        other_size = other_starts[row + 1] - other_starts[row]
        if size > longest or other_size > longest:
            found[row] = _ABSENT
            continue
        mask = np.uint64(_table_size(size) - 1)
        distinct = 0
        for i in range(begin, begin + size):
            slot = _slot_of(one[i], keys, stamps, row + 1, mask)
            if stamps[slot] != row + 1:
                stamps[slot], keys[slot], numbers[slot] = row + 1, one[i], distinct
                distinct += 1
        blocks = (size + 63) // 64
        places = np.zeros((distinct, blocks), np.uint64)  # where each word stands, as bits
        for i in range(size):
            slot = _slot_of(one[begin + i], keys, stamps, row + 1, mask)
            places[numbers[slot], i // 64] |= np.uint64(1) << np.uint64(i % 64)
        state = np.full(blocks, np.uint64(0xFFFFFFFFFFFFFFFF))
        for i in range(other_starts[row], other_starts[row + 1]):
            slot = _slot_of(other[i], keys, stamps, row + 1, mask)
            if stamps[slot] != row + 1:
                continue
            carry = np.uint64(0)
            for block in range(blocks):
                now = state[block]
                hits = now & places[numbers[slot], block]
                total = now + hits
                carried = np.uint64(1) if total < now else np.uint64(0)
                total += carry
                if total < carry:
                    carried = np.uint64(1)
                state[block] = total | (now & ~hits)
                carry = carried
        same: Any = 0
        for i in range(size):
            same += np.int64(1 - ((state[i // 64] >> np.uint64(i % 64)) & np.uint64(1)))
        found[row] = same
    return found


@compiled
def _next_bare(
    data: Any, offsets: Any, turn: Any, last: Any, at: Any, fresh: Any, table: Any, classes: Any
) -> Any:
    """Return (the next letter or digit in lower case, turn, where, whether its line was empty).

    `_ABSENT` for the letter where there is none before turn `last`.
    """
    while turn < last:
        end = np.int64(offsets[turn + 1])
        while at < end:
            if fresh and 0x30 <= data[at] <= 0x39:
                after = at
                while after < end and 0x30 <= data[after] <= 0x39:
                    after += 1
                dotted = after + 1 < end and data[after] in _AFTER_NUMBER
                if dotted and data[after + 1] == 0x20:
                    at = after
            code, width = code_point(data, at, end)
            kind = classes[code]
            fresh = code == _NEWLINE or (fresh and kind == SPACE)
            at += width
            if kind <= DIGIT:
                return np.int64(table[code] & np.uint32(ALONE - 1)), turn, at, fresh
        turn += 1
        if turn < last:
            at = np.int64(offsets[turn])
        fresh = True
    return _ABSENT, turn, at, fresh


@compiled
def _same_bare(one: Any, other: Any, table: Any, classes: Any) -> Any:
    """Read both sides letter by letter, up to the first that differs: soon, in nearly all rows."""
    starts, offsets, data = one
    other_starts, other_offsets, other_data = other
    rows = len(starts) - 1
    same = np.empty(rows, np.bool_)
    for row in range(rows):
        turn, last = np.int64(starts[row]), starts[row + 1]
        other_turn, other_last = np.int64(other_starts[row]), other_starts[row + 1]
        at, other_at = np.int64(offsets[turn]), np.int64(other_offsets[other_turn])
        fresh = other_fresh = True
        letter = other_letter = np.int64(0)
        while letter == other_letter and letter != _ABSENT:
            letter, turn, at, fresh = _next_bare(
                data, offsets, turn, last, at, fresh, table, classes
            )
            other_letter, other_turn, other_at, other_fresh = _next_bare(
                other_data,
                other_offsets,
                other_turn,
                other_last,
                other_at,
                other_fresh,
                table,
                classes,
            )
        same[row] = letter == other_letter
    return same
