"""A batch of records as signals see it: the parts that several signals need, made once.

Everything here is columnar: a side (`prompt`, `chosen`, `rejected`, `completion`) is a list of
turns a row, and what is derived from it comes from Arrow's buffers without a Python loop. Slices
(offset other than 0), null rows and null contents are dealt with here, so that no signal needs to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from curate.models.chosen import NONE, Models

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

SEPARATOR: Final = "\n\n"
"""Between the turns of a side that has several, where a signal reads it as one text."""

SIDES: Final = ("prompt", "chosen", "rejected", "completion")
"""The columns of conversations that signals read, of all shapes of records."""

_COMPARED: Final = ("chosen", "rejected")

T = TypeVar("T")


@dataclass(frozen=True)
class Turns:
    """The turns of one side of n rows, flat: row i has those from `starts[i]` to `starts[i+1]`.

    `starts` is int32 of n + 1 values from 0; `missing` a bool array of the rows whose side is
    null, or None where there is none; `messages` has the turns at `indices`, or in its own order
    where that is None.
    """

    starts: np.ndarray
    missing: np.ndarray | None
    messages: pa.StructArray
    indices: np.ndarray | None

    def field(self, name: str) -> pa.Array | None:
        """Return a field of every turn (JSON as its text), None if the messages do not have it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.messages.type.get_field_index(name) < 0:
            return None
        values = pc.struct_field(self.messages, name)
        if isinstance(values, pa.ExtensionArray):
            values = values.storage
        return values if self.indices is None else values.take(pa.array(self.indices))

    def rows(self) -> np.ndarray:
        """Return the row that each turn belongs to (int64)."""
        import numpy as np

        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True)
class Words:
    """The words of one side of n rows, as hashes: row i has `starts[i]` to `starts[i+1]`.

    `starts` is int64 of n + 1 values, `hashes` uint64, `sizes` int32 (characters of each word),
    `chars` int32 (characters of each row, white space included). What a word is: `kernels`.
    """

    starts: np.ndarray
    hashes: np.ndarray
    sizes: np.ndarray
    chars: np.ndarray


@dataclass(frozen=True)
class LineSizes:
    """What is in lines, an entry for each: see `text_kernels.measure_lines`.

    `chars`, `words`, `longest` (word, in characters) and `sentences` (ends of them) are int32,
    `hashes` (of its words) uint64.
    """

    chars: np.ndarray
    words: np.ndarray
    longest: np.ndarray
    sentences: np.ndarray
    hashes: np.ndarray


@dataclass(frozen=True)
class Lines:
    """The lines of one side of n rows: row i has `starts[i]` to `starts[i+1]` (int64, n + 1).

    `kinds` are bits (uint16, `text_kernels`); `begins` (int64) are places in the bytes of the
    contents, whose lines `text` holds, white space and line ends included.
    """

    contents: pa.StringArray
    starts: np.ndarray
    begins: np.ndarray
    kinds: np.ndarray

    @cached_property
    def sizes(self) -> LineSizes:
        """What is in each line; most signals ask for its kind alone, which costs far less."""
        from curate.signals import text_kernels

        return LineSizes(*text_kernels.measure_lines(self.begins, self.contents))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of one number a line over the lines of each row (int64)."""
        import numpy as np

        running = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=running[1:])
        found: np.ndarray = running[self.starts[1:]] - running[self.starts[:-1]]
        return found

    def of_kind(self, bits: int) -> np.ndarray:
        """Return how many lines of each row have one of the bits (int64)."""
        return self.sums((self.kinds & bits) != 0)

    def text(self) -> pa.StringArray:
        """Return every line as text, without copying: they are parts of the contents."""
        import numpy as np
        import pyarrow as pa

        _, offsets, data = self.contents.buffers()
        if not len(self.begins):
            return pa.array([], pa.string())
        end = np.frombuffer(offsets, np.int32)[self.contents.offset + len(self.contents)]
        where = np.append(self.begins, end).astype(np.int32)
        return pa.StringArray.from_buffers(len(self.begins), pa.py_buffer(where), data)


@dataclass(frozen=True)
class Overlap:
    """How much chosen and rejected have in common, by words, for each of n rows (all int32).

    `shared` and `union` count distinct words that both, or either, have, `fewer` those of the
    answer that has fewer; `opening` the words that both begin with, in order.
    """

    shared: np.ndarray
    union: np.ndarray
    fewer: np.ndarray
    opening: np.ndarray


class View:
    """A batch of records with what is derived from it kept for the next signal.

    `models` are those that a person brought, for the signals that need one.
    """

    def __init__(self, batch: pa.RecordBatch, models: Models = NONE) -> None:
        self.batch = batch
        self.models = models
        self._kept: dict[str, object] = {}

    def __len__(self) -> int:
        return len(self.batch)

    def longer_than(self, limit: int) -> np.ndarray | None:
        """Return a bool array of the rows with a side of more than `limit` bytes, None for none."""
        import numpy as np
        import pyarrow.compute as pc

        long = np.zeros(len(self), bool)
        for side in SIDES:
            if side in self.batch.schema.names:
                sizes = pc.binary_length(self.contents(side)).to_numpy(zero_copy_only=False)
                running = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
                starts = self.turns(side).starts
                long |= running[starts[1:]] - running[starts[:-1]] > limit
        return long if long.any() else None

    def turns(self, side: str) -> Turns:
        """Return the side's turns, flat."""
        return self._once(f"turns:{side}", lambda: _turns(self.batch.column(side)))

    def contents(self, side: str) -> pa.StringArray:
        """Return the text of each of the side's turns, empty where it is null."""
        return self._once(f"contents:{side}", lambda: _contents(self.turns(side)))

    def text(self, side: str) -> pa.StringArray:
        """Return one text a row: the contents of the side's turns, joined by `SEPARATOR`.

        Null where the side is; empty where it has no turns.
        """
        return self._once(f"text:{side}", lambda: _joined(self.turns(side), self.contents(side)))

    def words(self, side: str) -> Words:
        """Return the side's words, tokenised once for all signals."""

        def tokenise() -> Words:
            from curate.signals import kernels

            return Words(*kernels.tokenise(self.turns(side).starts, self.contents(side)))

        return self._once(f"words:{side}", tokenise)

    def lengths(self, side: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of words and of characters of each row's side (int32).

        The two answers are compared word by word anyway, so theirs are had from their words.
        """
        import numpy as np

        def count() -> tuple[np.ndarray, np.ndarray]:
            from curate.signals import kernels

            if side not in _COMPARED:
                return kernels.count(self.turns(side).starts, self.contents(side))
            words = self.words(side)
            return np.diff(words.starts).astype(np.int32), words.chars

        return self._once(f"lengths:{side}", count)

    def word_counts(self, side: str) -> np.ndarray:
        """Return the number of words of each row's side (int32)."""
        return self.lengths(side)[0]

    def lettered(self, side: str) -> np.ndarray:
        """Return which of the side's words, in the order of `words`, have a letter (bool)."""

        def find() -> np.ndarray:
            from curate.signals import text_kernels

            return text_kernels.lettered(self.turns(side).starts, self.contents(side))

        return self._once(f"lettered:{side}", find)

    def lines(self, side: str) -> Lines:
        """Return the side's lines."""

        def find() -> Lines:
            from curate.signals import text_kernels

            contents = self.contents(side)
            found = text_kernels.find_lines(self.turns(side).starts, contents)
            return Lines(contents, *found)

        return self._once(f"lines:{side}", find)

    def characters(self, side: str) -> np.ndarray:
        """Return how many characters of each class each row has (int32, n × classes)."""

        def count() -> np.ndarray:
            from curate.signals import text_kernels

            return text_kernels.count_characters(self.turns(side).starts, self.contents(side))

        return self._once(f"characters:{side}", count)

    def overlap(self) -> Overlap:
        """Return what chosen and rejected have in common."""

        def compare() -> Overlap:
            from curate.signals import kernels

            one, other = self.words("chosen"), self.words("rejected")
            return Overlap(*kernels.overlap(one.starts, one.hashes, other.starts, other.hashes))

        return self._once("overlap", compare)

    def calls_tools(self, *sides: str) -> np.ndarray:
        """Return a bool array of the rows with a tool call on one of the sides.

        Their text is not the whole answer, so signals that compare answers by their text give
        null there.
        """
        import numpy as np

        found = np.zeros(len(self), bool)
        for side in sides:
            found |= self._once(f"calls:{side}", partial(_rows_with_calls, self.turns(side)))
        return found

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Return what `make` gives, made once for all signals that ask with this key."""
        return self._once(f"family:{key}", make)

    def array(self, values: np.ndarray, *sides: str, null: np.ndarray | None = None) -> pa.Array:
        """Return `values` as an Arrow column, null where one of `sides` or `null` (bool) says."""
        import pyarrow as pa

        masks = [self.turns(side).missing for side in sides] + [null]
        mask = None
        for one in masks:
            if one is not None:
                mask = one if mask is None else mask | one
        return pa.array(values, mask=mask)

    def _once(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])


def _turns(column: pa.ListArray) -> Turns:
    import numpy as np

    offsets = column.offsets.to_numpy()  # those of the slice, into the values of the whole
    if not column.null_count:
        messages = column.values.slice(offsets[0], offsets[-1] - offsets[0])
        return Turns(offsets - offsets[0], None, messages, None)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    lengths = np.where(missing, 0, np.diff(offsets))  # behind a null row there may be turns
    starts = np.zeros(len(column) + 1, np.int32)
    np.cumsum(lengths, out=starts[1:])
    indices = np.arange(starts[-1]) + np.repeat(offsets[:-1] - starts[:-1], lengths)
    return Turns(starts, missing, column.values, indices)


def _contents(turns: Turns) -> pa.StringArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    contents = turns.field("content")
    if contents is None:
        raise TypeError(f"messages of type {turns.messages.type} have no content")
    return pc.fill_null(contents.cast(pa.string()), "") if contents.null_count else contents


def _joined(turns: Turns, contents: pa.StringArray) -> pa.StringArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(contents) == len(turns.starts) - 1 and bool(
        (turns.starts[1:] > turns.starts[:-1]).all()
    ):
        return contents  # one turn a row, as nearly all answers are: nothing to join
    mask = None if turns.missing is None else pa.array(turns.missing)
    lists = pa.ListArray.from_arrays(pa.array(turns.starts), contents, mask=mask)
    return pc.binary_join(lists, SEPARATOR)


def _rows_with_calls(turns: Turns) -> np.ndarray:
    """Return a bool array of the rows of which some turn has tool calls."""
    import numpy as np

    found = np.zeros(len(turns.starts) - 1, bool)
    calls = turns.field("tool_calls")
    if calls is not None and calls.null_count < len(calls):
        found[turns.rows()[calls.is_valid().to_numpy(zero_copy_only=False)]] = True
    return found
