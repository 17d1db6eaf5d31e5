"""The first pass over the data: one shard read, adapted, checked, measured and set aside.

`stage(task)` does a shard's whole chain by itself, in chunks, so that its memory does not grow
with the shard. It writes three Arrow files into the work folder and, last, a small JSON file that
says that they are complete:

```
NNNNN.records.arrow   the records, full schema, in the order of the source
NNNNN.measures.arrow  for each of them: size, content hashes, signals, and its fate if it has one
NNNNN.refused.arrow   the rows no record could be made of
NNNNN.json            what was counted
```

Nothing here knows of other shards: duplicates, rules and splits are decided later (`decide`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import direction, restoring
from curate.digest import row_id
from curate.direction import Contradiction
from curate.disk import write_text_aside
from curate.formats import Options, registry
from curate.judge import judge, measures_schema, with_fate
from curate.ledger import FATE, REFUSED, dropped_schema
from curate.models.chosen import NONE, Models
from curate.pairing import Pairing, make_labelled, make_pairs
from curate.restoring import NOTHING, Wish
from curate.rows import Chunk, Refusal, Shard, row_json
from curate.signals import by_default, measure
from schemas.layout import Agreement, undamaged
from schemas.records import SCHEMAS, Shape, conform, empty_batch, used_fields, widen

if TYPE_CHECKING:
    from curate.adapting.detect import Part
    from curate.formats import Format

_CHUNK_ROWS: Final = 8192
"""Records in memory at a time: some 25 MB of typical pairs."""


class Content(StrEnum):
    """What a task's shard holds."""

    ROWS = "rows"  # source rows of some format
    RECORDS = "records"  # records of a dataset folder
    DROPPED = "dropped"  # what an earlier command dropped, carried along
    REFUSED = "refused"  # what an earlier command refused, carried along


@dataclass(frozen=True)
class Reading:
    """How a source's rows are to be understood. `format` is None where any may come.

    `only` allows no other format than `format` or `map`; `map` is the person's own mapping, field
    and column, instead of a format. `renamed` has, old name and new, the sources of a dataset
    folder that are called otherwise here because another source has their name.
    `max_disagreement` is the share of pairs in which scores may contradict the label, None for the
    default.
    """

    source: str
    format: str | None = None
    only: bool = False
    map: tuple[tuple[str, str], ...] = ()
    prompt: str | None = None
    pairing: Pairing = field(default_factory=Pairing)
    renamed: tuple[tuple[str, str], ...] = ()
    max_disagreement: float | None = None


@dataclass(frozen=True)
class StageTask:
    """One shard's work. `first_row` is the `source_row` of its file's first row.

    `further` are more shards, each with the `first_row` of its file: all others of a source whose
    format makes records of several rows, wherever in the source they stand.
    Of the `signals` that the records are to have, the `reused` ones are taken over from the dataset
    folder that the shard is of. Of what that folder dropped, what `back` names comes back. The
    kinds of personal data in `redact` are taken out of everything.
    `split` is the split that the records have already: in their dataset folder, or by their file.
    `models` are those that signals need which are measured by a model.
    `review` is the file with what people say of the records (`annotate.review.store`), if they do.
    """

    index: int
    work: str
    content: Content
    shape: Shape
    shard: Shard
    reading: Reading
    first_row: int = 0
    split: str | None = None
    signals: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    back: Wish = NOTHING
    redact: tuple[str, ...] = ()
    review: str | None = None
    further: tuple[tuple[Shard, int], ...] = ()
    models: Models = NONE


@dataclass
class Staged:
    """What was counted. `rows` were read, `carried` were there from an earlier command.

    `entered` records (ranked ones, or pairs, or rows that prefer neither answer) gave `records`
    of the dataset's shape and left `undecided` ones behind; of these people dropped the `reviewed`
    ones; `merged` rows went into the record of another row; `formats` says how many rows each
    format took, `used` which columns and message fields have a value (`records.used_fields`),
    `batches` how many records each batch of the staged files has, `scores` how often the source's
    scores bear out its label, `contradiction` the first pair in which they do not. `unmeasured`
    says of how many rows a signal could not be had, and why. `restored` counts the dropped records
    that come back, by the stage and rule that had taken them, `redacted` the places that were taken
    out, by kind.
    """

    index: int
    rows: int = 0
    carried: int = 0
    entered: int = 0
    records: int = 0
    merged: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    undecided: dict[str, int] = field(default_factory=dict)
    reviewed: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    unmeasured: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
    scores: Agreement = field(default_factory=Agreement)
    contradiction: Contradiction | None = None

    @classmethod
    def from_json(cls, text: str) -> Staged:
        """Read the counts of a shard that is done."""
        raw = json.loads(text)
        found = raw.pop("contradiction")
        contradiction = None if found is None else Contradiction(**found)
        return cls(**{**raw, "scores": Agreement(**raw["scores"]), "contradiction": contradiction})


@dataclass(frozen=True)
class _Batch:
    """Staged records, their measures row by row, and the refused rows between them."""

    records: pa.RecordBatch
    measures: pa.RecordBatch
    refused: pa.RecordBatch


def staged_paths(work: str | Path, index: int) -> dict[str, Path]:
    """Return where a shard's staged files lie."""
    stem = Path(work) / "stage" / f"{index:05d}"
    names = {n: f".{n}.arrow" for n in ("records", "measures", "refused", "decisions")}
    return {name: stem.with_name(stem.name + end) for name, end in names.items()} | {
        "done": stem.with_name(stem.name + ".json")
    }


def staged_schema(shape: Shape) -> pa.Schema:
    """Return the schema of staged records: the full record, `record` and `split` beside it.

    `record` is the source row (JSON) of a row that prefers neither answer; `split` the split that
    a record has already, in the dataset folder that it comes from or by its file.
    """
    beside = [pa.field("record", pa.string()), pa.field("split", pa.string())]
    return pa.schema([*SCHEMAS[shape], *beside])


def prepare() -> None:
    """Load what every shard needs: the formats, and compiled loops by judging no records at all."""
    registry()
    judge(empty_batch(staged_schema(Shape.PAIR)), Shape.PAIR, by_default(SCHEMAS[Shape.PAIR].names))


def stage(task: StageTask) -> Staged:
    """Do a shard's whole chain; return what was counted. What is done is not done again."""
    paths = staged_paths(task.work, task.index)
    if paths["done"].exists():
        return Staged.from_json(paths["done"].read_text(encoding="utf-8"))
    counted = Staged(task.index)
    used: frozenset[str] = frozenset()
    with _Writers(paths) as writers:
        for batch in chain([_nothing(task)], _CHAINS[task.content](task, counted)):
            writers.write(batch)
            if len(batch.records):
                counted.batches.append(len(batch.records))
                used |= used_fields(batch.records)
    counted.used = sorted(used)
    write_text_aside(paths["done"], json.dumps(asdict(counted)))
    return counted


def _nothing(task: StageTask) -> _Batch:
    """Return no records: what a shard begins with, so that one without rows has its files too."""
    measures = empty_batch(measures_schema(task.shape, task.signals))
    return _Batch(empty_batch(staged_schema(task.shape)), measures, empty_batch(REFUSED))


class _Writers:
    """The three Arrow files of a shard, each opened with its first batch."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths
        self._open: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._open.values():
            writer.close()

    def write(self, batch: _Batch) -> None:
        parts = {
            "records": batch.records,
            "measures": batch.measures,
            "refused": batch.refused,
        }
        for name, part in parts.items():
            if name not in self._open:
                self._open[name] = pa.ipc.new_file(str(self._paths[name]), part.schema)
            if len(part):
                self._open[name].write_batch(part)


# ------------------------------------------------------------------- from source rows


@dataclass(frozen=True)
class _Read:
    """Some consecutive rows of a shard, and what each group of them was adapted to."""

    task: StageTask
    chunk: Chunk
    parts: list[Part]


def _from_rows(task: StageTask, counted: Staged) -> Iterator[_Batch]:
    """Read source rows, adapt them to records, and judge these."""
    from curate.adapting.detect import format_for

    primary = format_for(task.reading.format, task.reading.map)
    found = _adapted(task, primary)
    if primary is not None and primary.gather is not None:
        found = _gathered(primary, found, counted)
    for one in found:
        counted.rows += one.chunk.read
        for part in one.parts:
            _count(counted.formats, part.format.name if part.format else "none", len(part.rows))
        refused = _refused(one, counted)
        made = [_records(one.task, part, counted) for part in one.parts]
        records, undecided = _in_order(made, task)
        records = _set(records, split=pa.repeat(pa.scalar(task.split, pa.string()), len(records)))
        records = _without_personal_data(task, records, counted)
        refused = _without_personal_data(task, refused, counted)
        yield _judged(task, records, counted, undecided=undecided, refused=refused)


def _adapted(task: StageTask, primary: Format | None) -> Iterator[_Read]:
    """Read the rows of all shards of a task; what becomes of each group of rows is told by it."""
    from curate.adapting.detect import adapt
    from curate.readers import read

    reading = task.reading
    for shard, first in ((task.shard, task.first_row), *task.further):
        piece = replace(task, shard=shard, first_row=first, further=())
        options = Options(reading.prompt, Path(shard.path).name, reading.pairing.judges)
        for chunk in read(shard, rows=_CHUNK_ROWS):
            adapted = [adapt(rows, primary, options, only=reading.only) for rows in chunk.rows]
            yield _Read(piece, chunk, list(chain.from_iterable(adapted)))


def _gathered(primary: Format, found: Iterator[_Read], counted: Staged) -> Iterator[_Read]:
    """Put the records of single rows together, once all rows of the source are there."""
    from curate.adapting.gather import gather

    held = list(found)
    parts = [part for one in held for part in one.parts]
    first = [one.task.first_row for one in held for _ in one.parts]
    made = gather(primary, parts, first)
    for part in made:
        if part.format is primary:
            adapted = part.adapted
            fates = (adapted.records, adapted.undecided, adapted.refused)
            counted.merged += len(part.rows) - sum(map(len, fates))
    rest = iter(made)
    for one in held:
        yield replace(one, parts=[next(rest) for _ in one.parts])


def _records(task: StageTask, part: Part, counted: Staged) -> pa.RecordBatch:
    """Return what an adapted group gave: its records, then a stub for each undecided row.

    The staged columns, and `undecided`: the reason why a stub is no record.
    """
    adapted = part.adapted
    made, origin = adapted.records, adapted.records.column("source_row")
    undecided = [(setback.index, setback.reason) for setback in adapted.undecided]
    counted.entered += len(made) + len(undecided)
    _compare_scores(task, part, counted)
    if _is_ranked(made) and task.shape is not Shape.RANKED:
        make = make_pairs if task.shape is Shape.PAIR else make_labelled
        places = _places(task, part, origin)
        paired = make(_set(made, source_row=places), task.reading.pairing)
        rows = origin.to_pylist()
        undecided = sorted(undecided + [(rows[index], why) for index, why in paired.undecided])
        made, origin = paired.records, origin.take(paired.records.column("source_row"))
    for _, reason in undecided:
        _count(counted.undecided, countable(reason))
    counted.records += len(made)
    source = pa.repeat(pa.scalar(task.reading.source), len(made))
    made = _set(made, source_row=_places(task, part, origin), source=source)
    flight = _flight_schema(task.shape)
    return _concat([conform(made, flight), _stubs(task, part, undecided, flight)])


def _compare_scores(task: StageTask, part: Part, counted: Staged) -> None:
    """Count how often the scores of a group bear out its label."""
    records = part.adapted.records
    found = direction.compare(records, part.format)
    counted.scores += found.counts
    if not found.counts.disagree:
        return
    row = part.rows.position[records.column("source_row")[found.place].as_py()].as_py()
    line = row + 1 if _has_lines(task) else None
    name = Path(task.shard.path).name
    here = Contradiction(name, row, line, found.chosen, found.rejected)
    counted.contradiction = direction.first(counted.contradiction, here)


def _has_lines(task: StageTask) -> bool:
    return task.shard.container == "jsonl"


def _is_ranked(records: pa.RecordBatch) -> bool:
    return "responses" in records.schema.names


def _places(task: StageTask, part: Part, rows: pa.Array) -> pa.Array:
    """Return the `source_row` of rows of a group."""
    return pc.add(part.rows.position.take(rows), task.first_row)


def _flight_schema(shape: Shape) -> pa.Schema:
    return staged_schema(shape).append(pa.field("undecided", pa.string()))


def _stubs(
    task: StageTask, part: Part, undecided: list[tuple[int, str]], schema: pa.Schema
) -> pa.RecordBatch:
    """Return records that hold nothing but the source row: of rows that prefer neither answer."""
    name = task.reading.source
    places = _places(task, part, pa.array([i for i, _ in undecided], pa.int64())).to_pylist()
    rows = [
        {
            "id": row_id(name, place),
            "source": name,
            "source_row": place,
            "record": row_json(part.rows, index),
            "undecided": reason,
        }
        for place, (index, reason) in zip(places, undecided, strict=True)
    ]
    given = pa.schema(
        [schema.field(n) for n in ("id", "source", "source_row", "record", "undecided")]
    )
    return conform(pa.RecordBatch.from_pylist(rows, schema=given), schema)


def _in_order(
    batches: list[pa.RecordBatch], task: StageTask
) -> tuple[pa.RecordBatch, pa.StringArray]:
    """Bring the groups of a chunk back into the order of the source, stubs taken apart."""
    whole = _concat(batches) if batches else empty_batch(_flight_schema(task.shape))
    rows = whole.column("source_row").to_numpy()
    if np.any(rows[1:] < rows[:-1]):
        whole = whole.take(pa.array(np.argsort(rows, kind="stable")))
    return whole.drop_columns(["undecided"]), whole.column("undecided")


def _refused(found: _Read, counted: Staged) -> pa.RecordBatch:
    """Return the chunk's refused rows, those of the reader and those of the formats, in order."""
    task = found.task
    refusals = list(found.chunk.refused)
    for part in found.parts:
        positions = part.rows.position
        refusals += [
            Refusal(
                positions[setback.index].as_py(),
                setback.reason,
                row_json(part.rows, setback.index),
            )
            for setback in part.adapted.refused
        ]
    refusals.sort(key=lambda refusal: refusal.position)
    for refusal in refusals:
        _count(counted.refused, countable(refusal.reason))
    rows = [
        {
            "source": task.reading.source,
            "file": Path(task.shard.path).name,
            "source_row": task.first_row + refusal.position,
            "line": refusal.position + 1 if _has_lines(task) else None,
            "reason": refusal.reason,
            "raw": refusal.raw,
        }
        for refusal in refusals
    ]
    return pa.RecordBatch.from_pylist(rows, schema=REFUSED)


# ---------------------------------------------------------------- from a dataset folder


def _from_records(task: StageTask, counted: Staged) -> Iterator[_Batch]:
    """Take up the records of a dataset folder as they are, or as people see them."""
    from curate.annotate import review

    for raw, signals in _row_group(task):
        counted.rows += len(raw)
        counted.entered += len(raw)
        counted.records += len(raw)
        whole = _without_personal_data(task, widen(raw, task.shape), counted)
        records = conform(whole, staged_schema(task.shape))
        records = _set(records, split=pa.repeat(pa.scalar(task.split), len(raw)))
        if task.review is not None:  # a label that is turned round turns its signals round too
            records, reasons = review.apply(records, task.review)
            for reason in reasons.drop_null().to_pylist():
                _count(counted.reviewed, reason)
            yield _judged(task, records, counted, undecided=reasons, at=review.STAGE)
        elif signals is None:
            yield _judged(task, records, counted)
        else:  # whoever measured them has checked them too
            known = _completed(task, records, signals, counted)
            measures = with_fate(records, task.shape, task.signals, known)
            yield _Batch(records, measures, empty_batch(REFUSED))


def _from_dropped(task: StageTask, counted: Staged) -> Iterator[_Batch]:
    """Carry along what an earlier command dropped, with the fate it had."""
    for raw, stored in _row_group(task):
        batch = conform(raw, dropped_schema(task.shape))
        batch = _without_personal_data(task, batch, counted)
        counted.carried += len(batch)
        records = conform(batch, staged_schema(task.shape))
        fate = batch.select(FATE.names)
        known = stored
        if task.back:
            back = restoring.chosen(batch, task.back)
            _add_counts(counted.restored, restoring.counted(batch, back))
            fate = _cleared(fate, back)
            if back.any() and task.signals:
                known = records.select([]) if stored is None else stored
                known = _completed(task, records, known, counted)
        measures = with_fate(records, task.shape, task.signals, known, fate)
        yield _Batch(records, measures, empty_batch(REFUSED))


def _cleared(fate: pa.RecordBatch, back: np.ndarray) -> pa.RecordBatch:
    """Return the fate without that of the records that come back."""
    places = pa.array(np.arange(len(fate)), mask=back)
    return fate.take(places)


def _from_refused(task: StageTask, counted: Staged) -> Iterator[_Batch]:
    """Carry along what an earlier command refused."""
    records = empty_batch(staged_schema(task.shape))
    measures = judge(records, task.shape, task.signals)
    for raw, _ in _row_group(task):
        counted.carried += len(raw)
        refused = _without_personal_data(task, conform(raw, REFUSED), counted)
        yield _Batch(records, measures, refused)


_CHAINS: Final = {
    Content.ROWS: _from_rows,
    Content.RECORDS: _from_records,
    Content.DROPPED: _from_dropped,
    Content.REFUSED: _from_refused,
}


def _row_group(task: StageTask) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch | None]]:
    """Yield a row group's records with the signals that are taken over for them, if any are."""
    shard = task.shard
    signals = _stored_signals(task)
    first = 0
    with undamaged(Path(shard.path)), pq.ParquetFile(shard.path) as file:
        for batch in file.iter_batches(_CHUNK_ROWS, row_groups=[shard.part], use_threads=False):
            yield (
                _renamed(batch, task.reading),
                None if signals is None else signals.slice(first, len(batch)),
            )
            first += len(batch)


def _renamed(batch: pa.RecordBatch, reading: Reading) -> pa.RecordBatch:
    """Return the records with the names that their sources have in this dataset."""
    if not reading.renamed:
        return batch
    old, new = zip(*reading.renamed, strict=True)
    source = batch.column("source")
    found = pc.index_in(source, pa.array(old, source.type))
    return _set(batch, source=pc.coalesce(pa.array(new, source.type).take(found), source))


def _stored_signals(task: StageTask) -> pa.RecordBatch | None:
    """Return the reused signals of a row group: those of the same row group of the same name."""
    data = Path(task.shard.path)
    path = data.parent.parent / "signals" / data.name
    if not task.reused or not path.exists():
        return None
    with undamaged(path), pq.ParquetFile(path) as file:
        names = [name for name in task.reused if name in file.schema_arrow.names]
        table = file.read_row_group(task.shard.part, names, use_threads=False).combine_chunks()
    batch = table.to_batches()
    return batch[0] if batch else None


def _completed(
    task: StageTask, records: pa.RecordBatch, stored: pa.RecordBatch, counted: Staged
) -> pa.RecordBatch:
    """Return the signals that were stored, and beside them those that are measured only now."""
    lacking = [name for name in task.signals if name not in stored.schema.names]
    if not lacking:
        return stored
    failed: Counter[str] = Counter()
    measured = measure(records, lacking, failed, task.models)
    _add_counts(counted.unmeasured, failed)
    columns = [*stored.columns, *measured.columns]
    names = [*stored.schema.names, *measured.schema.names]
    return pa.RecordBatch.from_arrays(columns, names=names)


# ------------------------------------------------------------------------------- shared


def _without_personal_data(
    task: StageTask, batch: pa.RecordBatch, counted: Staged
) -> pa.RecordBatch:
    """Return the batch without what the task is to take out, which is counted."""
    if not task.redact or not len(batch):
        return batch
    from curate.redact import redacted

    found: Counter[str] = Counter()
    mended = redacted(batch, task.redact, found)
    _add_counts(counted.redacted, found)
    return mended


def _judged(
    task: StageTask,
    records: pa.RecordBatch,
    counted: Staged,
    *,
    undecided: pa.StringArray | None = None,
    at: str = "pair",
    refused: pa.RecordBatch | None = None,
) -> _Batch:
    failed: Counter[str] = Counter()
    measures = judge(records, task.shape, task.signals, undecided, at, failed, task.models)
    _add_counts(counted.unmeasured, failed)
    broken = measures.filter(pc.equal(measures.column("stage"), "check")).column("reason")
    for reason in broken.to_pylist():
        _count(counted.broken, countable(reason))
    return _Batch(records, measures, empty_batch(REFUSED) if refused is None else refused)


def countable(reason: str) -> str:
    """Return the part of a reason that is the same for all rows of its kind."""
    return reason.split(": ", 1)[0]


def _count(counter: dict[str, int], key: str, times: int = 1) -> None:
    counter[key] = counter.get(key, 0) + times


def _add_counts(counter: dict[str, int], more: Counter[str]) -> None:
    for key, times in more.items():
        _count(counter, key, times)


def _concat(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    filled = [batch for batch in batches if len(batch)] or [batches[0]]
    return filled[0] if len(filled) == 1 else pa.concat_batches(filled)


def _set(batch: pa.RecordBatch, **columns: pa.Array) -> pa.RecordBatch:
    """Return the batch with some columns replaced."""
    for name, column in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), column)
    return batch
