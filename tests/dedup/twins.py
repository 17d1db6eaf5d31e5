"""What the compiled loops of tokens, sketches and contamination do, in a few slow lines of Python.

Words stand for themselves here, not as hashes, wherever only equality counts.
"""

from __future__ import annotations

import unicodedata
from itertools import combinations

from curate.signals.kernels import ALONE_RANGES

MASK = (1 << 64) - 1
ROUND = 0x9E3779B97F4A7C15
SIDE = 0xC2B2AE3D27D4EB4F
ROLL = 0xD6E8FEB86659FD93


def words(text: str) -> list[str]:
    """The words of a text as duplicates and contamination see them."""
    found, word = [], ""
    for sign in unicodedata.normalize("NFKC", text):
        lower = sign.lower() if len(sign.lower()) == 1 else sign
        if unicodedata.category(sign)[0] not in "LNM":
            found, word = found + ([word] if word else []), ""
        elif any(first <= ord(sign) <= last for first, last in ALONE_RANGES):
            found, word = [*found, *([word] if word else []), lower], ""
        else:
            word += lower
    return found + ([word] if word else [])


def spread(value: int) -> int:
    value = ((value ^ (value >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    value = ((value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return value ^ (value >> 33)


def gram(hashes: list[int], tag: int = 0) -> int:
    """The hash of an n-gram of word hashes, of the side with a tag."""
    state = 0
    for one in hashes:
        state = (state * ROLL + one) & MASK
    return spread((state + tag * SIDE) & MASK)


def gram_set(sides: list[list[int]], tags: list[int], size: int) -> set[int]:
    """The set of n-grams of a record: a side with fewer words than `size` is one n-gram."""
    found = set()
    for hashes, tag in zip(sides, tags, strict=True):
        runs = [hashes[i : i + size] for i in range(max(len(hashes) - size + 1, 1))]
        found |= {gram(run, tag) for run in runs if run}
    return found


def sketch(members: set[int], bins: int) -> list[int]:
    """Fast Similarity Sketching: the value of each bin is (round, 32 bits of the least hash)."""
    values: list[int | None] = [None] * bins
    turn = 0
    while None in values:
        for one in members:
            drawn = spread((one + turn * ROUND) & MASK) if turn else one
            place = ((drawn >> 32) * bins) >> 32 if turn < bins else turn - bins
            value = (turn << 32) | (drawn & 0xFFFFFFFF)
            if values[place] is None or value < values[place]:
                values[place] = value
        turn += 1
    return values


def band_keys(values: list[int], bands: int, rows: int) -> list[int]:
    found = []
    for band in range(bands):
        key = band
        for value in values[band * rows : (band + 1) * rows]:
            key = ((key ^ value) * ROUND) & MASK
            key ^= key >> 32
        found.append(spread(key))
    return found


def jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def components(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """The least thing that each can reach."""
    least = list(range(count))
    for _ in range(count):
        for one, other in edges:
            least[one] = least[other] = min(least[one], least[other])
    return least


def survivors(sets: list[set[int]], threshold: float) -> list[tuple[int, float]]:
    """Of sets in the order in which they survive: what each repeats, and how alike they are."""
    kept: list[int] = []
    found = []
    for place, one in enumerate(sets):
        alike = [(jaccard(one, sets[other]), -other) for other in kept]
        most, other = max(alike, default=(0.0, 0))
        if most >= threshold:
            found.append((-other, most))
        else:
            kept.append(place)
            found.append((place, 1.0))
    return found


def bucket_pairs(keys: list[int], most: int) -> set[tuple[int, int]]:
    """The pairs of places with equal keys; of many, each with the first and with the next."""
    found = set()
    for key in set(keys):
        same = [place for place, one in enumerate(keys) if one == key]
        pairs = combinations(range(len(same)), 2)
        some = [p for p in pairs if len(same) <= most or p[0] == 0 or p[1] == p[0] + 1]
        found |= {(same[one], same[other]) for one, other in some}
    return found


def grams_that_are_keys(hashes: list[int], size: int, keys: list[int]) -> list[tuple[int, int]]:
    """(place, index of the key) of each n-gram of a text that is a key."""
    runs = [gram(hashes[i : i + size]) for i in range(len(hashes) - size + 1)]
    return [(place, keys.index(one)) for place, one in enumerate(runs) if one in keys]


def covered(spans: list[tuple[int, int, bool]]) -> int:
    """How many words the counted spans cover."""
    return len({word for start, stop, counted in spans if counted for word in range(start, stop)})
