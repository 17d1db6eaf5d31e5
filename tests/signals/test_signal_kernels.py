"""Each compiled loop says what its plain-Python twin says."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.signals import kernels

CJK_RANGES = "\u3005\u3007 \u3040\u30fa \u30fc\u30ff \u31f0\u31ff \u3400\u4dbf \u4e00\u9fff"
CJK_RANGES += " \uf900\ufaff \uff66\uff9f \U00020000\U0003ffff"


def is_alone(character: str) -> bool:
    return any(first <= character <= last for first, last in CJK_RANGES.split())


def is_break(character: str) -> bool:
    wide = (
        "\uff01\uff0f \uff1a\uff20 \uff3b\uff40 \uff5b\uff65 \u3001\u3004 \u3008\u303f \u30fb\u30fb"
    )
    in_wide = any(first <= character <= last for first, last in wide.split())
    return character.isspace() or in_wide


def lower(character: str) -> str:
    small = character.lower()
    return small if len(small) == 1 and small.isascii() == character.isascii() else character


def words_of(text: str) -> list[str]:
    """The twin of the tokeniser: the words of one turn, in lower case."""
    words, word = [], ""
    for character in text:
        if is_break(character) or is_alone(character):
            words += [word, character] if is_alone(character) else [word]
            word = ""
        else:
            word += lower(character)
    return [word for word in [*words, word] if word]


def overlap_of(one: list[str], other: list[str]) -> tuple[int, int, int, int]:
    """The twin of the comparison: words of both, of either, of the one with fewer, opening."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    mine, yours = set(one), set(other)
    return len(mine & yours), len(mine | yours), min(len(mine), len(yours)), len(list(same))


def tokenised(rows: list[list[str]]) -> tuple[list[list[int]], list[int]]:
    """Return (the hashes of each row's words, its characters) as the kernel has them."""
    flat = pa.array([turn for row in rows for turn in row], pa.string())
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int32)
    where, hashes, _, chars = kernels.tokenise(starts, flat)
    return [hashes[a:b].tolist() for a, b in itertools.pairwise(where)], chars.tolist()


COMPILES = settings(deadline=None)  # the first call may

NASTY = st.text(
    st.sampled_from(
        "abzAZ09\0.,'-\"@[`{"
        " \t\n\r\x0b\x1c\x1f\x20\x21\x85\xa0éßÉİK\u2028\u3000。你好かナ한글😀𠀀，・"
    )
    | st.characters(exclude_categories=["Cs"])
)
TURNS = st.lists(NASTY, max_size=4)


@COMPILES
@given(st.lists(TURNS, max_size=6))
@example([["sevenxx eightxxx nine_xxxx"], ["ABCDEFGH ABCDEFGHI"], [" " * 9 + "x"]])
@example([["Kelvin K abcdefgh你好abcdefgh"], ["abc\u3000abc abc"]])
def test_the_tokeniser_finds_the_words_and_characters_that_its_twin_finds(rows):
    hashes, chars = tokenised(rows)
    expected = [[word for turn in row for word in words_of(turn)] for row in rows]
    assert [len(row) for row in hashes] == [len(row) for row in expected]
    assert chars == [sum(map(len, row)) for row in rows]
    # Two hashes are equal exactly where the words are.
    pairs = set(zip(itertools.chain(*expected), itertools.chain(*hashes), strict=True))
    assert len(pairs) == len({word for word, _ in pairs}) == len({hash_ for _, hash_ in pairs})


@COMPILES
@given(st.lists(TURNS, max_size=6))
@example([["sevenxx eightxxx nine_xxxx"], ["ABCDEFGH ABCDEFGHI"], [" " * 9 + "x"], ["a" * 8, "b"]])
@example([["abcdefg 你好 abcdefghabcdefgh 好"], ["é" * 9 + "abcdefgh" + " " * 7 + "é"]])
def test_counting_alone_counts_what_its_twin_counts(rows):
    flat = pa.array([turn for row in rows for turn in row], pa.string())
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int32)
    words, chars = kernels.count(starts, flat)
    assert words.tolist() == [sum(len(words_of(turn)) for turn in row) for row in rows]
    assert chars.tolist() == [sum(map(len, row)) for row in rows]


@COMPILES
@given(st.lists(st.tuples(NASTY, NASTY), max_size=6))
@example([("a a a", "a a")])
def test_the_comparison_counts_what_its_twin_counts(pairs):
    sides = []
    for side in (0, 1):
        texts = pa.array([pair[side] for pair in pairs], pa.string())
        sides.append(kernels.tokenise(np.arange(len(pairs) + 1, dtype=np.int32), texts))
    found = kernels.overlap(*sides[0][:2], *sides[1][:2])
    expected = [overlap_of(words_of(one), words_of(other)) for one, other in pairs]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_the_comparison_of_long_answers_still_counts_right():
    one = " ".join(str(n) for n in range(5000))
    other = " ".join(str(n) for n in range(2500, 9000))
    starts = np.array([0, 1, 2], np.int32)
    left = kernels.tokenise(starts, pa.array([one, "x"]))
    right = kernels.tokenise(starts, pa.array([other, "x"]))
    found = [column.tolist() for column in kernels.overlap(*left[:2], *right[:2])]
    assert found == [[2500, 1], [9000, 1], [5000, 1], [0, 1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", 2),
        ("  two\twords\n", 2),
        ("no\xa0break", 2),
        ("", 0),
        (" \n\u3000", 0),
        ("你好。世界", 4),
        ("ひらがな と カタカナ", 9),
        ("안녕 세상", 2),
        ("use Python来写code", 5),
        ("l'été", 1),
    ],
)
def test_words_are_what_a_person_would_count(text, words):
    assert len(tokenised([[text]])[0][0]) == words


def test_case_does_not_make_another_word():
    (row,), _ = tokenised([["Straße STRASSE ÉTÉ été Abcdefghij ABCDEFGHIJ"]])
    assert row[2] == row[3]
    assert row[4] == row[5]
    assert row[0] != row[1]


def test_every_ascii_character_is_seen_as_python_sees_it():
    for code in range(128):
        hashes, _ = tokenised([[f"a{chr(code)}b"]])
        assert len(hashes[0]) == len(f"a{chr(code)}b".split()), code


def test_a_word_ends_where_its_turn_ends():
    hashes, _ = tokenised([["one", "two"], ["onetwo"]])
    assert [len(row) for row in hashes] == [2, 1]


@COMPILES
@given(st.lists(NASTY, min_size=3, max_size=8), st.integers(0, 3))
def test_a_slice_is_read_from_where_it_starts(texts, skipped):
    whole = pa.array(texts)
    part = whole.slice(skipped)
    starts = np.arange(len(part) + 1, dtype=np.int32)
    sliced = kernels.tokenise(starts, part)
    copied = kernels.tokenise(starts, pa.array(texts[skipped:], pa.string()))
    assert all((a == b).all() for a, b in zip(sliced, copied, strict=True))


def test_a_character_cut_off_at_the_end_is_not_read_past_it():
    for cut in (b"ab\xe4\xbd", b"ab\xf0\x9f\x98", b"\xc3", b"a\x80b", b"\xf7\xbf\xbf\xbf"):
        buffers = [None, pa.py_buffer(np.array([0, len(cut)], np.int32)), pa.py_buffer(cut)]
        broken = pa.Array.from_buffers(pa.string(), 1, buffers)
        where, hashes, _, chars = kernels.tokenise(np.array([0, 1], np.int32), broken)
        assert 0 < chars[0] <= len(cut)
        assert len(hashes) == where[-1] <= len(cut)


def test_an_empty_column_has_no_words():
    where, hashes, _, chars = kernels.tokenise(np.zeros(1, np.int32), pa.array([], pa.string()))
    assert (where.tolist(), len(hashes), len(chars)) == ([0], 0, 0)


@pytest.mark.parametrize("cut", [b"ab\xe4\xbd", b"ab\xf0\x9f\x98", b"ab\xc3"])
def test_a_character_cut_off_does_not_depend_on_what_follows_it(cut):
    found = []
    for following in (b"\x80\x80\x80", b"\xbf\xbf\xbf"):
        offsets = pa.py_buffer(np.array([0, len(cut)], np.int32))
        buffers = [None, offsets, pa.py_buffer(cut + following)]
        broken = pa.Array.from_buffers(pa.string(), 1, buffers)
        found.append(kernels.tokenise(np.array([0, 1], np.int32), broken)[1].tolist())
    assert found[0] == found[1]
