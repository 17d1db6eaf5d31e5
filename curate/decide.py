"""The decision: with all measures known, which records stay, under which id, in which split.

It reads only the small measures, shard by shard, and writes one row of decision for each staged
record (`NNNNN.decisions.arrow` beside it). What is held for the whole dataset are two hashes, an
id and a few bytes a record; with what sorting them takes on the way, a million records were
measured to add 190 MB to the process at most, and 60 MB from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate import mixing
from curate import rules as rulebook
from curate.balance import BalanceHow, surplus, weights
from curate.dedup.fates import FATES, Outcome
from curate.judge import DIGEST_COLUMNS
from curate.ledger import FATE
from curate.mixing import Portion, left_out, quotas
from curate.restoring import splits_of
from curate.rules import Rule, Tally, Verdicts
from curate.signals import Digests, measure_all
from curate.signals.weight import WEIGHT
from curate.split import TRAIN, held_out, in_test, scramble
from curate.stage import staged_paths
from schemas.records import Shape, empty_batch

DROPPED: Final = ""
"""The place of a record that is in no split."""


_OVERALL: Final = ("id", "split", "bytes", *DIGEST_COLUMNS, "stage")
"""The columns of the measures that are read of all records at once."""


@dataclass(frozen=True)
class Given:
    """What to do with the splits that sources give: `keep` them, and `drop` what leaks of them."""

    keep: bool = True
    drop: bool = True


@dataclass(frozen=True)
class Wanted:
    """What the recipe asks of the decision. `test` is None where no further split is made.

    `balance` are the signals of chosen and rejected that are to be balanced, in this way.
    """

    shape: Shape
    rules: tuple[Rule, ...]
    signals: tuple[str, ...]
    test: float | None
    seed: int
    balance: tuple[str, str] | None = None
    how: BalanceHow = BalanceHow.MATCHING
    given: Given = Given()
    portions: tuple[Portion, ...] = ()


@dataclass(frozen=True)
class Decided:
    """What was decided: counts, and for each record its place and size, in dataset order.

    `place` (uint8) indexes `places`, which are the splits and then `DROPPED`; `size` is in bytes;
    `shard_rows` says how many records each shard has. `entered` came to the rules; `leaked` were
    dropped before, for a prompt that a source holds out, by reason; `later` is what the steps after
    the rules dropped, by stage and rule.
    """

    places: tuple[str, ...]
    place: np.ndarray
    size: np.ndarray
    shard_rows: tuple[int, ...]
    entered: int
    tally: Tally | None
    later: dict[str, dict[str, int]]
    leaked: dict[str, int]

    @property
    def taken(self) -> dict[str, int]:
        """Records that each rule took, as the first in their order to do so."""
        if self.tally is None:
            return {}
        counts = zip(self.tally.rules, self.tally.first.tolist(), strict=True)
        return {str(rule): count for rule, count in counts if count}

    @property
    def splits(self) -> dict[str, int]:
        """Records by split."""
        counts = np.bincount(self.place, minlength=len(self.places))
        return {
            name: int(count)
            for name, count in zip(self.places, counts, strict=True)
            if name != DROPPED
        }


@dataclass(frozen=True)
class Overall:
    """What is known of each record only when all are known, in dataset order.

    `hashes` are the content hashes, `fated` (bool) says who meets no rule: its fate came while it
    was staged, or it is among `leaks`, whose prompt a source holds out in another split. `given` is
    the split that a record has (null for none), `held` (bool) whether a source holds its prompt
    out, `size` its bytes.
    """

    ids: pa.Array
    hashes: Digests
    fated: np.ndarray
    given: pa.Array
    size: np.ndarray
    shard_rows: tuple[int, ...]
    signals: dict[str, np.ndarray]
    leaks: pa.Table
    held: np.ndarray


@dataclass(frozen=True)
class Across:
    """What was found by looking across all records that the rules keep.

    `fates` has a row for each record that goes (`dedup.fates.FATES`), by record; `groups` (int64)
    names for each record the group that must not be split, None where every prompt is its own.
    """

    fates: pa.Table
    groups: np.ndarray | None = None


def overall(work: Path, shards: int, wanted: Wanted) -> Overall:
    """Read what is needed of all records at once: their hashes, and what follows from these."""
    words, fated, size = [np.zeros((0, 4), np.uint64)], [np.zeros(0, bool)], [np.zeros(0, np.int64)]
    ids: list[pa.Array] = []
    splits: list[pa.Array] = []
    shard_rows: list[int] = []
    for index in range(shards):
        count = 0
        for batch in _measures(work, index, list(_OVERALL)):
            words.append(np.stack([batch.column(name) for name in DIGEST_COLUMNS], axis=1))
            fated.append(batch.column("stage").is_valid().to_numpy(zero_copy_only=False))
            size.append(batch.column("bytes").to_numpy().copy())
            for name, parts in (("id", ids), ("split", splits)):
                column = batch.column(name)
                parts.append(pa.concat_arrays([column, column[:0]]))  # a copy: the file may go
            count += len(batch)
        shard_rows.append(count)
    whole, lost = np.concatenate(words), np.concatenate(fated)
    hashes = Digests(whole[:, :2], whole[:, 2:])
    known_ids, said = (pa.chunked_array(one, pa.string()).combine_chunks() for one in (ids, splits))
    given = _given_splits(said, known_ids, hashes, lost, wanted.given)
    leaks, held = _leaks(given, hashes, lost, wanted.given)
    lost[leaks.column("row").to_numpy()] = True
    return Overall(
        ids=make_ids(hashes.pair, known_ids),
        hashes=hashes,
        fated=lost,
        given=given,
        size=np.concatenate(size),
        shard_rows=tuple(shard_rows),
        signals=_shared_signals(hashes, ~lost, wanted.signals) if wanted.signals else {},
        leaks=leaks,
        held=held,
    )


def _given_splits(
    said: pa.Array, ids: pa.Array, hashes: Digests, lost: np.ndarray, given: Given
) -> pa.Array:
    """Return the split that each record has: the one it had, null for none.

    A record that comes back (it has an id already, and lives) goes to the split of its prompt.
    """
    if not given.keep:
        return pa.nulls(len(said), pa.string())
    back = pc.and_(pa.array(~lost), pc.and_(said.is_null(), ids.is_valid()))
    restored = np.flatnonzero(back.to_numpy(zero_copy_only=False))
    found = splits_of(hashes.prompt, said, restored)
    if not found:
        return said
    mask = np.zeros(len(said), bool)
    mask[list(found)] = True
    names = pa.array([found[place] for place in sorted(found)], pa.string())
    return pc.replace_with_mask(said, pa.array(mask), names)


def _leaks(
    given: pa.Array, hashes: Digests, lost: np.ndarray, what: Given
) -> tuple[pa.Table, np.ndarray]:
    """Return the fates of the records whose prompt a source holds out in another split than theirs.

    And for each record (bool) whether its prompt is held out.
    """
    names = tuple(sorted(set(pc.unique(given).to_pylist()) - {None, TRAIN}))
    places = pc.fill_null(pc.index_in(given, pa.array(names, pa.string())), -1)
    own = places.to_numpy(zero_copy_only=False).astype(np.int16)
    held = held_out(own, names, hashes.prompt)
    outcome = Outcome(~lost)
    rows = np.flatnonzero((held >= 0) & (held != own) & ~lost) if what.drop else np.zeros(0, int)
    words = [
        f"its prompt is held out in the {names[place]} split that a source gives"
        for place in held[rows].tolist()
    ]
    outcome.drop(rows, "split", "given split", pa.array(words, pa.string()))
    return outcome.table(), held >= 0


def alive_after_rules(work: Path, known: Overall, wanted: Wanted) -> np.ndarray:
    """Return which records (bool) have met no fate yet, after the rules too."""
    alive = ~known.fated
    if not wanted.rules:
        return alive
    start = 0
    for index in range(len(known.shard_rows)):
        for measures in _measures(work, index):
            rows = slice(start, start + len(measures))
            start = rows.stop
            candidates = np.flatnonzero(alive[rows])
            shared = {name: _column(values[rows]) for name, values in known.signals.items()}
            signals = _candidate_signals(measures, shared, candidates, wanted.rules)
            kept = rulebook.decide(wanted.rules, signals).kept()
            alive[rows.start + candidates[~kept]] = False
    return alive


def decide(work: Path, known: Overall, wanted: Wanted, across: Across | None = None) -> Decided:
    """Decide on all staged records; write each shard's decisions, return what was counted.

    Decisions have the columns `id`, `split` (null for a dropped record), `bytes`, the fate
    (`ledger.FATE`), and the dataset signals.
    """
    across = across or Across(FATES.empty_table())
    test = _in_test(known, wanted, across.groups)
    fates = _after(work, known, wanted, across.fates)
    if wanted.balance is not None and wanted.how is BalanceHow.WEIGHTING:
        known = _weighed(work, known, wanted, wanted.balance, fates)
    later, leaks = _Fates.of(fates), _Fates.of(known.leaks)
    places: list[str] = []
    tally: Tally | None = None
    place, size = [], []
    entered = start = 0
    for index in range(len(known.shard_rows)):
        with _Aside(staged_paths(work, index)["decisions"]) as out:
            for measures in _measures(work, index):
                rows = slice(start, start + len(measures))
                start = rows.stop
                decisions, counted = _decide_batch(
                    measures, known, test, leaks, later, rows, wanted
                )
                tally = counted if tally is None or counted is None else tally + counted
                out.write(decisions)
                entered += int((~known.fated[rows]).sum())
                place.append(_places(decisions.column("split"), places))
                size.append(decisions.column("bytes").to_numpy())
    names, codes = _in_order(places, np.concatenate([np.zeros(0, np.uint8), *place]))
    return Decided(
        places=names,
        place=codes,
        size=np.concatenate([np.zeros(0, np.int64), *size]),
        shard_rows=known.shard_rows,
        entered=entered,
        tally=tally,
        later=_counted(fates, "rule"),
        leaked=_counted(known.leaks, "reason").get("split", {}),
    )


def _in_test(known: Overall, wanted: Wanted, groups: np.ndarray | None) -> np.ndarray | None:
    """Return which records are for the test split; those of a group on one side."""
    if wanted.test is None:
        return None
    digests = known.hashes.prompt
    if groups is not None:  # the least hash of a group speaks for it, whatever their order
        least = np.full(len(digests), np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(least, groups, digests[:, 0])
        digests = least[groups][:, None]
    test: np.ndarray = in_test(digests, wanted.test, wanted.seed) & ~known.held
    return test


def _counted(fates: pa.Table, by: str) -> dict[str, dict[str, int]]:
    """Return how many records of each stage have each rule or reason, most first."""
    found: dict[str, dict[str, int]] = {}
    counts = fates.group_by(["stage", by]).aggregate([([], "count_all")]).to_pylist()
    for one in sorted(counts, key=lambda one: (-one["count_all"], one[by])):
        found.setdefault(one["stage"], {})[one[by]] = one["count_all"]
    return found


@dataclass(frozen=True)
class _Fates:
    """The fates that records met in steps beside the rules, by record."""

    rows: np.ndarray
    fates: pa.RecordBatch

    @classmethod
    def of(cls, fates: pa.Table) -> _Fates:
        batches = fates.combine_chunks().to_batches() or [empty_batch(FATES)]
        return cls(fates.column("row").to_numpy(), batches[0])

    def within(self, rows: slice) -> tuple[np.ndarray, pa.RecordBatch]:
        """Return the places (from the first of `rows`) and fates of the records in `rows`."""
        low, high = np.searchsorted(self.rows, (rows.start, rows.stop))
        return self.rows[low:high] - rows.start, self.fates.slice(low, high - low)


def _shared_signals(
    hashes: Digests, free: np.ndarray, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return the dataset signals of the `free` records (bool), -1 for those with a fate."""
    among = Digests(hashes.prompt[free], hashes.pair[free])
    signals = {}
    for name, values in measure_all(among, names).items():
        signals[name] = np.full(len(free), -1, np.int32)
        signals[name][free] = values
    return signals


def make_ids(pair: np.ndarray, given: pa.Array) -> pa.Array:
    """Return an id for each record: the one it has, or one made of its content.

    `pair` has the content hashes (n rows of two uint64), `given` the ids of records that come from
    a dataset folder, null for new ones. An id is the first half of the hash in hexadecimal; a
    later record of the same id gets `-2`, `-3` and so on behind it.
    """
    from curate.signals.duplicates import repeats

    fresh = given.is_null()
    half = pair[fresh.to_numpy(zero_copy_only=False), 0]
    again = repeats(np.stack([half, np.zeros_like(half)], axis=1))
    later = again > 0
    behind = pa.array(again[later] + 1).cast(pa.string())
    names = hexadecimal(half)
    numbered = pc.binary_join_element_wise(names.filter(pa.array(later)), behind, "-")
    names = pc.replace_with_mask(names, pa.array(later), numbered)
    ids = pc.replace_with_mask(given, fresh, names)
    if given.null_count < len(given) and len(ids.unique()) < len(ids):
        return pa.array(_numbered(ids.to_pylist()), pa.string())
    return ids


def hexadecimal(words: np.ndarray) -> pa.StringArray:
    """Return 64-bit words (uint64) as 16 hexadecimal digits each."""
    data = words.astype(">u8").view(np.uint8)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.empty((len(data), 2), np.uint8)
    text[:, 0], text[:, 1] = digits[data >> 4], digits[data & 15]
    offsets = np.arange(0, 16 * len(words) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(offsets), pa.py_buffer(text))


def _numbered(ids: list[str]) -> Iterator[str]:
    """Make ids from several folders unique: each that was there before gets a number."""
    seen: set[str] = set()
    for name in ids:
        number, unique = 1, name
        while unique in seen:
            number += 1
            unique = f"{name}-{number}"
        seen.add(unique)
        yield unique


def _after(work: Path, known: Overall, wanted: Wanted, across: pa.Table) -> pa.Table:
    """Return the fates met after the rules: `across` the records, then for balance and portions."""
    if wanted.balance is None and not wanted.portions:
        return across
    outcome = Outcome(alive_after_rules(work, known, wanted))
    outcome.alive[across.column("row").to_numpy()] = False
    if wanted.balance is not None and wanted.how is not BalanceHow.WEIGHTING:
        _drop_surplus(work, known, wanted, wanted.balance, outcome)
    _drop_beyond_portions(known, wanted, outcome)
    return pa.concat_tables([across, outcome.table()]).sort_by("row")


def _drop_surplus(
    work: Path, known: Overall, wanted: Wanted, on: tuple[str, str], outcome: Outcome
) -> None:
    """Leave records out, so that those that stay are balanced."""
    chosen, rejected = (
        np.where(outcome.alive, values, np.nan) for values in _both_sides(work, known, on)
    )
    drawn = scramble(known.hashes.pair[:, 0], wanted.seed)
    rows = np.flatnonzero(surplus(chosen, rejected, drawn, wanted.how))
    base = on[0].removeprefix("chosen_")
    outcome.drop(
        rows,
        "balance",
        f"balance {base} ({wanted.how})",
        f"one of the pairs left out so that {base} tells nothing of which answer is better",
        value=(chosen - rejected)[rows],
        threshold=0.0,
    )


def _weighed(
    work: Path, known: Overall, wanted: Wanted, on: tuple[str, str], fates: pa.Table
) -> Overall:
    """Return what is known with the weights of the records that stay, NaN for all others."""
    alive = alive_after_rules(work, known, wanted)
    alive[fates.column("row").to_numpy()] = False
    chosen, rejected = _both_sides(work, known, on)
    found = np.full(len(alive), np.nan)
    found[alive] = weights(chosen[alive], rejected[alive])
    return replace(known, signals={**known.signals, WEIGHT: found})


def _both_sides(work: Path, known: Overall, on: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Return two signals of all records (float64, NaN for null), in dataset order."""
    values: list[list[np.ndarray]] = [[np.zeros(0)], [np.zeros(0)]]
    for index in range(len(known.shard_rows)):
        for measures in _measures(work, index, list(on)):
            for side, found in zip(on, values, strict=True):
                column = measures.column(side).cast(pa.float64())
                found.append(column.to_numpy(zero_copy_only=False))
    chosen, rejected = (np.concatenate(found) for found in values)
    return chosen, rejected


def _drop_beyond_portions(known: Overall, wanted: Wanted, outcome: Outcome) -> None:
    """Leave out what the portions of the sources have no place for; held-out records stay."""
    train = pc.equal(pc.fill_null(known.given, TRAIN), TRAIN).to_numpy(zero_copy_only=False)
    there = outcome.alive & train
    ends = np.cumsum([0, *known.shard_rows])
    spans = [(ends[one.shards.start], ends[one.shards.stop]) for one in wanted.portions]
    rows = [np.flatnonzero(there[start:stop]) + start for start, stop in spans]
    allowed = quotas(wanted.portions, [len(one) for one in rows])
    for portion, candidates, quota in zip(wanted.portions, rows, allowed, strict=True):
        out = left_out(known.hashes.pair, candidates, quota, wanted.seed)
        outcome.drop(out, "take", *mixing.wanted(portion, quota))


def _measures(work: Path, index: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the measures of a shard, all or some columns, batch by batch."""
    with pa.memory_map(str(staged_paths(work, index)["measures"])) as file:
        fields = None
        if columns is not None:
            schema = pa.ipc.open_file(file).schema
            fields = [schema.get_field_index(name) for name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        reader = pa.ipc.open_file(file, options=options)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _decide_batch(
    measures: pa.RecordBatch,
    known: Overall,
    test: np.ndarray | None,
    leaks: _Fates,
    later: _Fates,
    rows: slice,
    wanted: Wanted,
) -> tuple[pa.RecordBatch, Tally | None]:
    """Return the decisions on some consecutive records (`rows` of the dataset) and their tally."""
    fated = known.fated[rows]
    fate = {field.name: measures.column(field.name) for field in FATE}
    fate = _with_fates(fate, known, leaks, rows)
    shared = {
        name: _or_stored(_column(values[rows], fated), measures, name)
        for name, values in known.signals.items()
    }
    counted = None
    if wanted.rules:
        candidates = np.flatnonzero(~fated)
        signals = _candidate_signals(measures, shared, candidates, wanted.rules)
        found = rulebook.decide(wanted.rules, signals)
        fate = _with_verdicts(fate, found, candidates)
        counted = rulebook.tally(found)
    fate = _with_fates(fate, known, later, rows)
    lost = fate["stage"].is_valid()
    split = _split_of(known, test, rows)
    columns = {
        "id": known.ids.slice(rows.start, len(measures)),
        "split": pc.if_else(lost, pa.scalar(None, pa.string()), split),
        "bytes": measures.column("bytes"),
        **fate,
        **shared,
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)), counted


def _with_fates(
    fate: dict[str, pa.Array], known: Overall, met: _Fates, rows: slice
) -> dict[str, pa.Array]:
    """Return the fate of some consecutive records with those that other steps gave them."""
    places, fates = met.within(rows)
    if not len(places):
        return fate
    new = {name: fates.column(name) for name in fate if name in fates.schema.names}
    new["duplicate_of"] = known.ids.take(fates.column("of"))
    return _replaced(fate, new, places)


def _column(values: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Return a dataset signal as a column, null where it is missing (bool) or no number."""
    null = np.isnan(values) if missing is None else missing | np.isnan(values)
    return pa.array(values, mask=null)


def _or_stored(values: pa.Array, measures: pa.RecordBatch, name: str) -> pa.Array:
    """Return a dataset signal, as it was for records that an earlier command dropped."""
    return pc.coalesce(values, measures.column(name))


def _candidate_signals(
    measures: pa.RecordBatch,
    shared: dict[str, pa.Array],
    candidates: np.ndarray,
    rules: tuple[Rule, ...],
) -> pa.RecordBatch:
    """Return the signals that the rules ask for, of the records that have no fate yet."""
    names = list(dict.fromkeys(rule.signal for rule in rules))
    rows = pa.array(candidates)
    columns = [
        (shared[name] if name in shared else measures.column(name)).take(rows) for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _with_verdicts(
    fate: dict[str, pa.Array], found: Verdicts, candidates: np.ndarray
) -> dict[str, pa.Array]:
    """Return the fate of all records after the rules; `found` is of the candidates among them."""
    hit = np.flatnonzero(found.first >= 0)
    if not len(hit):
        return fate
    rows = pa.array(hit)
    new = {
        "stage": pa.repeat(pa.scalar("filter"), len(hit)),
        "rule": found.rule_names().take(rows),
        "reason": found.reasons().take(rows),
        "value": pa.array(found.value[hit]),
        "threshold": pa.array(found.threshold[hit]),
        "also": _further_rules(found, hit),
    }
    return _replaced(fate, new, candidates[hit])


def _replaced(
    fate: dict[str, pa.Array], new: dict[str, pa.Array], places: np.ndarray
) -> dict[str, pa.Array]:
    """Return the fate of all records, at `places` the new one: null in columns it lacks."""
    before = len(fate["stage"])
    source = np.arange(before)  # where each record's fate is found among the old and the new ones
    source[places] = before + np.arange(len(places))
    order = pa.array(source)
    return {
        name: pa.concat_arrays([column, new.get(name, pa.nulls(len(places), column.type))]).take(
            order
        )
        for name, column in fate.items()
    }


def _further_rules(found: Verdicts, hit: np.ndarray) -> pa.Array:
    """Return, for each row that is hit, the rules it fails beside the first."""
    others = found.failed[hit].copy()
    others[np.arange(len(hit)), found.first[hit]] = False
    rows, rules = np.nonzero(others)
    names = pa.array([str(rule) for rule in found.rules], pa.string()).take(pa.array(rules))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(hit)))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names)


def _split_of(known: Overall, test: np.ndarray | None, rows: slice) -> pa.Array:
    """Return the split of each record, were it to stay: the one it has, or by its prompt."""
    split = pc.fill_null(known.given.slice(rows.start, rows.stop - rows.start), TRAIN)
    return split if test is None else pc.if_else(pa.array(test[rows]), "test", split)


def _places(split: pa.Array, names: list[str]) -> np.ndarray:
    """Return each record's place as a number, adding to `names` the splits not met before."""
    for name in pc.unique(pc.fill_null(split, DROPPED)).to_pylist():
        if name not in names:
            names.append(name)
    codes = pc.index_in(pc.fill_null(split, DROPPED), pa.array(names, pa.string()))
    places: np.ndarray = codes.to_numpy(zero_copy_only=False).astype(np.uint8)
    return places


def _in_order(names: list[str], codes: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the places in their order (train, the other splits, dropped) and codes for it."""

    def rank(name: str) -> tuple[bool, bool, str]:
        return (name == DROPPED, name != "train", name)

    ordered = tuple(sorted({*names, "train", DROPPED}, key=rank))
    turn = np.array([ordered.index(name) for name in names] or [0], np.uint8)
    return ordered, turn[codes]


class _Aside:
    """An Arrow file that is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.aside")
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._aside), batch.schema)
        self._writer.write_batch(batch)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._writer is not None:
            self._writer.close()
            if kind is None:
                self._aside.replace(self._path)
