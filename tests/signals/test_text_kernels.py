"""Each compiled loop over characters, lines and words says what its plain-Python twin says."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.signals import kernels
from curate.signals import text_kernels as text
from curate.signals.view import Lines
from tests.signals.test_signal_kernels import words_of

COMPILES = settings(deadline=None, max_examples=60)  # the first call may take seconds
NASTY = st.text(
    st.sampled_from("ab A.!?…'\")#-*+•1 2.\n\r\t`~|>\0éß你好。。！か한😀\u3000")
    | st.characters(codec="utf-8")
)
ROWS = st.lists(st.lists(NASTY | st.lists(NASTY).map("".join), max_size=3), max_size=5)
WORDS = st.lists(st.lists(st.integers(0, 4), max_size=40), max_size=4)


def flat(rows):
    """Return (starts, contents) of rows of turns."""
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int32)
    return starts, pa.array([turn for row in rows for turn in row], pa.string())


def numbered(rows):
    """Return (starts, hashes, lengths) of rows of words, which are small numbers."""
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    words = [word for row in rows for word in row]
    return starts, np.array(words, np.uint64) + 7, np.array(words, np.uint32) + 1


# characters


def class_of(character):
    category = unicodedata.category(character)
    if character.isspace():
        return text.SPACE
    if category == "Lu":
        return text.UPPER
    if category[0] in "LM":
        return text.LETTER
    return text.DIGIT if category[0] == "N" else text.SYMBOL


@COMPILES
@given(ROWS)
def test_characters_are_counted_by_class_as_the_twin_counts_them(rows):
    rows = [[re.sub("[\U00020000-\U0010ffff]", "", turn) for turn in row] for row in rows]
    found = text.count_characters(*flat(rows))
    for row, counts in zip(rows, found.tolist(), strict=True):
        expected = Counter(class_of(character) for turn in row for character in turn)
        assert counts == [expected[kind] for kind in range(text.CLASSES)]


# lines


BULLETS, ENDS = "•‣◦▪●○■–—·", ".!?\"'。！？．｡؟۔।॥…”’»」』】）"


def opening(line):
    for pattern, kind in (
        (r"`{3,}|~{3,}", text.FENCE),
        (r"#{1,6}( |$)", text.HEADING),
        (r"[>|]", text.QUOTE_OR_TABLE),
        (rf"[-*+] |[{BULLETS}]", text.BULLET),
        (r"[0-9]{1,3}[.)] ", text.NUMBERED),
    ):
        if re.match(pattern, line):
            return kind
    return 0


def lines_of(turn):
    """The twin of the lines: (kind, characters, words, longest word, sentences) of each line."""
    found, fence = [], ""
    for raw in turn.split("\n"):
        line = raw.strip()
        kind = opening(line) | (text.ENDED if line[-1:] and line[-1] in ENDS else 0) if line else 1
        kind |= text.ELLIPSIS if line.endswith(("...", "…")) else 0
        if kind & text.FENCE and not fence:
            fence = line[0]
        elif kind & text.FENCE and fence == line[0]:
            fence = ""
        elif fence:
            kind = (kind & text.BLANK) | text.CODE
        words = line.split()
        sentences = sum(bool(re.search(r"""[.!?]["')]*$""", word)) for word in words)
        sentences += sum(map(line.count, "。！？"))
        found.append((kind, len(line), len(words), max(map(len, words), default=0), sentences))
    return found


EVERY_BYTE = "".join(map(chr, range(128)))


@COMPILES
@given(ROWS)
@example([[EVERY_BYTE, EVERY_BYTE.replace("\n", "") * 3 + "\nab"]])
def test_lines_are_what_the_twin_finds(rows):
    row_starts, contents = flat(rows)
    starts, begins, kinds = text.find_lines(row_starts, contents)
    *columns, hashes = text.measure_lines(begins, contents)
    found = list(zip(*(column.tolist() for column in (kinds, *columns)), strict=True))
    expected = [[line for turn in row for line in lines_of(turn)] for row in rows]
    assert [found[a:b] for a, b in pairwise(starts)] == expected
    written = [" ".join(line.split()) for row in rows for turn in row for line in turn.split("\n")]
    pairs = set(zip(written, hashes.tolist(), strict=True))
    assert len(pairs) == len({line for line, _ in pairs}) == len({value for _, value in pairs})


@COMPILES
@given(ROWS)
def test_the_text_of_the_lines_is_the_text(rows):
    starts, contents = flat(rows)
    found = Lines(contents, *text.find_lines(starts, contents)).text().to_pylist()
    assert "".join(found) == "".join(turn for row in rows for turn in row)


# words


@COMPILES
@given(ROWS)
def test_words_have_the_sizes_and_letters_that_the_twin_finds(rows):
    starts, contents = flat(rows)
    words = [word for row in rows for turn in row for word in words_of(turn)]
    assert kernels.tokenise(starts, contents)[2].tolist() == list(map(len, words))
    found = text.lettered(starts, contents).tolist()
    known = [word for word in words if max(word) < "\U00020000" and word.lower() == word]
    letters = {word: any(class_of(c) <= text.UPPER for c in word) for word in known}
    for word, lettered in zip(words, found, strict=True):
        if word in letters and len(word) > 1:
            assert lettered == letters[word], word


@COMPILES
@given(WORDS)
def test_repeated_items_are_those_that_came_before(rows):
    starts, hashes, sizes = numbered(rows)
    counts, total = text.repeated(starts, hashes, sizes.astype(np.int32))
    for row, count, size in zip(rows, counts, total, strict=True):
        again = [word for place, word in enumerate(row) if word in row[:place]]
        assert (count, size) == (len(again), sum(word + 1 for word in again))


@COMPILES
@given(WORDS)
def test_wanted_words_are_counted(rows):
    starts, hashes, _ = numbered(rows)
    found = text.count_members(starts, hashes, np.array([7, 9], np.uint64))
    assert found.tolist() == [sum(word in (0, 2) for word in row) for row in rows]


def ngram_twin(row, n):
    """Return (what the most frequent n-gram covers, what lies in n-grams that came before)."""
    grams = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    size = max((sum(w + 1 for w in g) for g, c in counts.items() if c == most), default=0)
    covered = {i + k for i, gram in enumerate(grams) if gram in grams[:i] for k in range(n)}
    return (most * size if most > 1 else 0), sum(row[i] + 1 for i in covered)


@COMPILES
@given(WORDS)
def test_repeated_ngrams_cover_what_the_twin_says(rows):
    top, again = text.repeated_ngrams(*numbered(rows))
    for index, row in enumerate(rows):
        assert top[index].tolist() == [ngram_twin(row, n)[0] for n in (2, 3, 4)]
        assert again[index].tolist() == [ngram_twin(row, n)[1] for n in range(5, 11)]


@COMPILES
@given(WORDS, WORDS, st.integers(1, 4))
def test_copied_words_lie_in_runs_that_the_prompt_has(prompts, answers, size):
    count = min(len(prompts), len(answers))
    prompts, answers = prompts[:count], answers[:count]
    found = text.copied(*numbered(prompts)[:2], *numbered(answers)[:2], size)
    for prompt, answer, copied in zip(prompts, answers, found.tolist(), strict=True):
        runs = {tuple(prompt[i : i + size]) for i in range(len(prompt) - size + 1)}
        covered = {
            i + k
            for i in range(len(answer) - size + 1)
            if tuple(answer[i : i + size]) in runs
            for k in range(size)
        }
        assert copied == len(covered)


def longest_common_subsequence(one, other):
    row = [0] * (len(other) + 1)
    for a in one:
        new = [0]
        for place, b in enumerate(other):
            new.append(row[place] + 1 if a == b else max(row[place + 1], new[-1]))
        row = new
    return row[-1]


LONG = st.lists(st.lists(st.integers(0, 6), max_size=150), max_size=3)


@COMPILES
@given(LONG, LONG)
def test_the_longest_common_subsequence_is_the_twins(ones, others):
    count = min(len(ones), len(others))
    ones, others = ones[:count], others[:count]
    found = text.common_subsequence(*numbered(ones)[:2], *numbered(others)[:2], 1000)
    assert found.tolist() == list(map(longest_common_subsequence, ones, others))


def test_sides_that_are_too_long_are_not_compared():
    one, other = numbered([[1] * 11, [1] * 3]), numbered([[1] * 3, [1] * 2])
    assert text.common_subsequence(*one[:2], *other[:2], 10).tolist() == [-1, 2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("**Yes**, it is!", "yes it IS", True),
        ("1. Bread\n2. Cheese", "- Bread\n- Cheese", True),
        ("# Title\n\ntext", "Title: text", True),
        ("It is 3.5 km.", "It is 35 km.", True),
        ("It is 3.5 km.", "It is 4.5 km.", False),
        ("3.5 km", "4.5 km", False),
        ("你好。", "你好", True),
        ("bread", "broad", False),
    ],
)
def test_bare_texts_are_letters_and_digits_in_order(one, other, same):
    assert text.same_bare(*flat([[one]]), *flat([[other]])).tolist() == [same]


def bare(row):
    """The twin of `same_bare`: the letters and digits of a row's turns, without list numbers."""
    found = ""
    for turn in row:
        for line in turn.split("\n"):
            plain = re.sub(r"^(\s*)[0-9]+([.)] )", r"\1\2", line)
            found += "".join(c.lower() if len(c.lower()) == 1 else c for c in plain if kept(c))
    return found


def kept(character):
    return class_of(character) in (text.LETTER, text.UPPER, text.DIGIT)


PLAIN = st.lists(st.text("aAb 1.)\n*é。", max_size=12), max_size=3)


@COMPILES
@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=4))
def test_sides_are_bare_alike_where_the_twin_says(pairs):
    ones, others = [one for one, _ in pairs], [other for _, other in pairs]
    found = text.same_bare(*flat(ones), *flat(others))
    assert found.tolist() == [bare(one) == bare(other) for one, other in pairs]
