"""The compiled loops of near-duplicates: sketches, sets of n-grams, their overlap, clusters.

**The sketch** is Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup, FOCS 2017,
arXiv:1704.04370): two sets agree in each of its values with a probability that is their Jaccard
similarity, as with MinHash by permutations, but a value costs about ln(k) hashes of the whole set's
n-grams together instead of one hash of every n-gram: n + k ln k for k values of n n-grams instead
of n times k. In round i every n-gram is thrown into one of the k bins with a value in it; a bin
keeps the least value of the first round that reached it; a second k rounds throw into one bin each,
so that no bin stays empty. Rounds end as soon as all bins are full.

Each loop has a plain-Python twin in `tests/dedup/twins.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from curate.signals.kernels import compiled
from curate.tokens import Tokens, power, rolled, spread

BUCKET: Final = 16
"""Records in a bucket of which all pairs are compared."""

_ROUND: Final = np.uint64(0x9E3779B97F4A7C15)
_SIDE: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_LOW: Final = np.uint64(0xFFFFFFFF)
_FULL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


def band_keys(
    sides: Sequence[Tokens], tags: Sequence[int], size: int, bands: int, rows: int
) -> np.ndarray:
    """Return the keys of n records (n × `bands` uint64): alike in a band where its values are.

    A record's set holds the n-grams of `size` words of all its `sides`, each with its side's tag
    (so the same words mean something else as the rejected answer than as the chosen one); a side
    with fewer words is one n-gram. Keys of a record without words are all 0.
    """
    starts, hashes = tuple(one.starts for one in sides), tuple(one.hashes for one in sides)
    found: np.ndarray = _band_keys(starts, hashes, np.array(tags, np.uint64), size, bands, rows)
    return found


def gram_sets(sides: Sequence[Tokens], tags: Sequence[int], size: int) -> Tokens:
    """Return the sets that `band_keys` sketches: each record's n-grams, sorted, each once."""
    starts, hashes = tuple(one.starts for one in sides), tuple(one.hashes for one in sides)
    set_starts, members = _gram_sets(starts, hashes, np.array(tags, np.uint64), size)
    return Tokens(set_starts, members)


def jaccard(sets: Tokens, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Jaccard similarity of the sets `one[i]` and `other[i]` (int64), as float64."""
    found: np.ndarray = _jaccard(sets.starts, sets.hashes, one, other)
    return found


def survivors(sets: Tokens, begins: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of n sets (the set that it repeats, their similarity).

    Sets are in groups, group g from `begins[g]` to `begins[g + 1]`, in the order in which they
    survive. A set repeats the most similar one that survived before it (the first of equals) if
    they are `threshold` alike at least; itself, with similarity 1, if there is none.
    """
    repeats, similar = _survivors(sets.starts, sets.hashes, begins, threshold)
    return repeats, similar


def bucket_pairs(keys: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the pairs (m × 2 int64) of `rows` whose sorted `keys` are equal.

    All pairs of up to `BUCKET` rows; of more, each with the first one and with the next one, so
    that a bucket's pairs do not grow with its square.
    """
    count, _ = _bucket_pairs(keys, rows, BUCKET, 0)
    _, pairs = _bucket_pairs(keys, rows, BUCKET, count)
    found: np.ndarray = pairs
    return found


def components(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return for each of `count` things the least one that edges `one[i]`-`other[i]` reach."""
    found: np.ndarray = _components(count, one, other)
    return found


@compiled
def _fill(scratch: Any, starts: Any, hashes: Any, tags: Any, row: Any, size: Any) -> Any:
    """Write a record's n-grams to `scratch`; return how many."""
    found = 0
    weight = power(size)
    for side in range(len(starts)):
        begin, end = starts[side][row], starts[side][row + 1]
        if end == begin:
            continue
        words = hashes[side]
        tag = tags[side] * _SIDE
        state = np.uint64(0)
        for place in range(begin, min(begin + size, end)):
            state = rolled(state, words[place])
        scratch[found] = spread(state + tag)
        found += 1
        for place in range(begin + size, end):
            state = rolled(state - words[place - size] * weight, words[place])
            scratch[found] = spread(state + tag)
            found += 1
    return found


@compiled
def _longest(starts: Any) -> Any:
    """Return room for the n-grams of the record with the most words."""
    most = 0
    for row in range(len(starts[0]) - 1):
        words = 0
        for side in range(len(starts)):
            words += starts[side][row + 1] - starts[side][row]
        most = max(most, words)
    return most + len(starts)


@compiled
def _sketch(values: Any, members: Any, count: Any) -> Any:
    """Write the sketch of `count` n-grams, at least one, to `values`: (round, 32 bits) each.

    The first round draws nothing: an n-gram's hash is as good.
    """
    bins = len(values)
    values[:] = _FULL
    empty = bins
    turn = 0
    while empty:
        base = np.uint64(turn) * _ROUND
        stamp = np.uint64(turn) << np.uint64(32)
        for i in range(count):
            drawn = members[i] if turn == 0 else spread(members[i] + base)
            if turn < bins:
                place = ((drawn >> np.uint64(32)) * np.uint64(bins)) >> np.uint64(32)
            else:
                place = np.uint64(turn - bins)
            value = stamp | (drawn & _LOW)
            before = values[place]
            if value < before:
                empty -= before == _FULL
                values[place] = value
        turn += 1


@compiled
def _band_keys(starts: Any, hashes: Any, tags: Any, size: Any, bands: Any, rows: Any) -> Any:
    records = len(starts[0]) - 1
    scratch = np.empty(_longest(starts), np.uint64)
    values = np.empty(bands * rows, np.uint64)
    keys = np.zeros((records, bands), np.uint64)
    for record in range(records):
        count = _fill(scratch, starts, hashes, tags, record, size)
        if count == 0:
            continue
        _sketch(values, scratch, count)
        for band in range(bands):
            key = np.uint64(band)
            for row in range(band * rows, (band + 1) * rows):
                key = (key ^ values[row]) * _ROUND
                key ^= key >> np.uint64(32)
            keys[record, band] = spread(key)
    return keys


@compiled
def _gram_sets(starts: Any, hashes: Any, tags: Any, size: Any) -> Any:
    records = len(starts[0]) - 1
    scratch = np.empty(_longest(starts), np.uint64)
    total = 0
    for side in range(len(starts)):
        total += starts[side][-1] - starts[side][0] + records
    found = np.empty(total, np.uint64)
    found_starts = np.zeros(records + 1, np.int64)
    at = 0
    for record in range(records):
        count = _fill(scratch, starts, hashes, tags, record, size)
        part = scratch[:count]
        part.sort()
        for i in range(count):
            if i == 0 or part[i] != part[i - 1]:
                found[at] = part[i]
                at += 1
        found_starts[record + 1] = at
    return found_starts, found[:at]


@compiled
def _alike(starts: Any, members: Any, one: Any, other: Any) -> Any:
    """Return the Jaccard similarity of two sets, 0 where one is empty."""
    i, end = starts[one], starts[one + 1]
    j, other_end = starts[other], starts[other + 1]
    if i == end or j == other_end:
        return 0.0
    both, shared = end - i + other_end - j, 0
    while i < end and j < other_end:
        if members[i] == members[j]:
            shared += 1
            i += 1
            j += 1
        elif members[i] < members[j]:
            i += 1
        else:
            j += 1
    return shared / (both - shared)


@compiled
def _jaccard(starts: Any, members: Any, one: Any, other: Any) -> Any:
    found = np.empty(len(one), np.float64)
    for i in range(len(one)):
        found[i] = _alike(starts, members, one[i], other[i])
    return found


@compiled
def _survivors(starts: Any, members: Any, begins: Any, threshold: Any) -> Any:
    count = len(starts) - 1
    repeats = np.arange(count)
    similar = np.ones(count, np.float64)
    kept = np.empty(count, np.int64)
    for group in range(len(begins) - 1):
        survived = 0
        for one in range(begins[group], begins[group + 1]):
            best, most = -1, 0.0
            for i in range(survived):
                found = _alike(starts, members, one, kept[i])
                if found > most:
                    best, most = kept[i], found
            if best >= 0 and most >= threshold:
                repeats[one], similar[one] = best, most
            else:
                kept[survived] = one
                survived += 1
    return repeats, similar


@compiled
def _components(count: Any, one: Any, other: Any) -> Any:
    parent = np.arange(count)
    for i in range(len(one)):
        a, b = one[i], other[i]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for i in range(count):
        parent[i] = parent[parent[i]]  # a parent comes before its children, and is settled
    return parent


@compiled
def _bucket_pairs(keys: Any, rows: Any, most: Any, count: Any) -> Any:
    """Return the pairs, or with `count` 0 (no room) only how many there are."""
    pairs = np.empty((count, 2), np.int64)
    found, begin = 0, 0
    while begin < len(keys):
        end = begin + 1
        while end < len(keys) and keys[end] == keys[begin]:
            end += 1
        for i in range(begin, end):
            for j in range(i + 1, end):
                if end - begin > most and i > begin and j > i + 1:
                    break
                if count:
                    pairs[found, 0], pairs[found, 1] = rows[i], rows[j]
                found += 1
        begin = end
    return found, pairs
