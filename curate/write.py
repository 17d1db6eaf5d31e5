"""The last pass: from staged records and decisions to the Parquet files of the folder.

Which rows a file and a row group hold depends on the records and their sizes alone, never on how
the reading was cut into shards; so the same records give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.decide import DROPPED, Decided, Overall
from curate.dedup.fates import CLUSTERS, Cluster
from curate.disk import digest_of, write_text_aside
from curate.judge import signal_schema
from curate.ledger import FATE, REFUSED, dropped_schema
from curate.stage import staged_paths
from schemas.layout import COMPRESSION, OutputFile
from schemas.records import SCHEMAS, Shape, empty_batch, narrow

if TYPE_CHECKING:
    from curate.contamination.verdict import Judged

FILE_BYTES: Final = 64 * 2**20
"""Text in one Parquet file: small enough to spread over workers, large enough to read well."""

GROUP_BYTES: Final = 16 * 2**20
"""Text in one row group: what a reader holds at a time."""

_CLUSTER_ROWS: Final = 65_536
"""Rows of a cluster file that are made at a time."""

_REPETITIVE: Final = {
    "source",
    "language",
    "chosen_model",
    "rejected_model",
    "model",
    "stage",
    "rule",
}
"""Columns of few values, which a Parquet dictionary shrinks; for texts it is lost effort."""


@dataclass(frozen=True)
class Segment:
    """Rows `start` to `stop` of a staged shard."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class WriteTask:
    """One Parquet file: `path` in the folder, made of the rows of some segments.

    `kind` is data, dropped or signals. Of the segments' rows those of `split` are meant, or the
    dropped ones where that is empty. Signals have a file for each file of records, with the same
    rows in the same row groups.
    """

    work: str
    root: str
    path: str
    kind: str
    shape: Shape
    segments: tuple[Segment, ...]
    split: str = ""
    used: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()


def plan_files(
    work: Path,
    root: Path,
    shape: Shape,
    decided: Decided,
    used: tuple[str, ...],
    signals: tuple[str, ...],
) -> list[WriteTask]:
    """Return the files to write: of each split and of what was dropped, with their signals."""
    tasks: list[WriteTask] = []
    for code, split in enumerate(decided.places):
        rows = np.flatnonzero(decided.place == code)
        if not len(rows) and split != "train":
            continue
        cuts = _cut(rows, decided.size)
        for part, (start, stop) in enumerate(cuts):
            name = f"{split or 'dropped'}-{part:05d}-of-{len(cuts):05d}.parquet"
            segments = tuple(_segments(decided.shard_rows, start, stop))
            kinds = ["dropped" if split == DROPPED else "data", *(["signals"] if signals else [])]
            tasks += [
                WriteTask(
                    str(work),
                    str(root),
                    f"{kind}/{name}",
                    kind,
                    shape,
                    segments,
                    split,
                    used,
                    signals,
                )
                for kind in kinds
            ]
    return tasks


def _cut(rows: np.ndarray, size: np.ndarray) -> list[tuple[int, int]]:
    """Return the ranges of dataset rows that files hold, of about equal and bounded size."""
    if not len(rows):
        return [(0, 0)]
    ends = np.cumsum(size[rows])
    count = max(1, -(-int(ends[-1]) // FILE_BYTES))
    marks = np.searchsorted(ends, np.arange(1, count) * (ends[-1] / count), side="left") + 1
    bounds = np.unique(np.concatenate([[0], marks, [len(rows)]]))
    return [(int(rows[a]), int(rows[b - 1]) + 1) for a, b in pairwise(bounds.tolist())]


def _segments(shard_rows: tuple[int, ...], start: int, stop: int) -> Iterator[Segment]:
    first = 0
    for shard, count in enumerate(shard_rows):
        low, high = max(start, first), min(stop, first + count)
        if low < high:
            yield Segment(shard, low - first, high - first)
        first += count


def write(task: WriteTask) -> tuple[str, OutputFile]:
    """Write one Parquet file; return its path in the folder and what it is."""
    path = Path(task.root) / task.path
    done = Path(task.work) / "written" / f"{path.name}.{task.kind}.json"
    if done.exists() and path.exists():
        return task.path, OutputFile(**json.loads(done.read_text(encoding="utf-8")))
    aside = path.with_name(f".{path.name}.aside")
    rows = _write_groups(aside, _ROWS[task.kind](task), _SCHEMAS[task.kind](task))
    written = OutputFile(digest_of(aside), rows, aside.stat().st_size)
    aside.replace(path)
    write_text_aside(done, json.dumps(asdict(written)))
    return task.path, written


def _write_groups(
    path: Path, batches: Iterator[tuple[pa.RecordBatch, np.ndarray]], schema: pa.Schema
) -> int:
    """Write batches, each with its rows' sizes, in row groups of `GROUP_BYTES`; return the rows."""
    repetitive = [name for name in schema.names if name in _REPETITIVE]
    rows = 0
    with pq.ParquetWriter(
        path, schema, compression=COMPRESSION, use_dictionary=repetitive
    ) as writer:
        held: list[pa.RecordBatch] = []
        room = GROUP_BYTES
        for batch, size in batches:
            start = 0
            while start < len(batch):
                ends = np.cumsum(size[start:])
                fits = int(np.searchsorted(ends, room, side="left")) + 1
                stop = min(start + fits, len(batch))
                held.append(batch.slice(start, stop - start))
                room -= int(ends[stop - start - 1])
                start = stop
                if room <= 0:
                    rows += _write_group(writer, held)
                    held, room = [], GROUP_BYTES
        if held:
            rows += _write_group(writer, held)
    return rows


def _write_group(writer: pq.ParquetWriter, held: list[pa.RecordBatch]) -> int:
    batch = pa.concat_batches(held)  # one piece, so that pages too are cut by content alone
    writer.write_batch(batch, row_group_size=max(1, len(batch)))
    return len(batch)


Sized = Iterator[tuple[pa.RecordBatch, np.ndarray]]


def _kept_rows(task: WriteTask) -> Sized:
    """Yield the records of a split."""
    for decisions, records in _staged(task, "records"):
        mine = _mine(task, decisions)
        plain = narrow(_with_ids(records, decisions), task.shape, task.used)
        yield _filter(plain, mine), _sizes(decisions, mine)


def _dropped_rows(task: WriteTask) -> Sized:
    """Yield the records that were dropped, each with its fate."""
    schema = dropped_schema(task.shape)
    for decisions, records in _staged(task, "records"):
        lost = _mine(task, decisions)
        fate = _filter(decisions, lost)
        chosen = _with_ids(_filter(records, lost), fate)
        columns = [
            fate.column(name) if name in FATE.names else chosen.column(name)
            for name in schema.names
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema), _sizes(decisions, lost)


def _signal_rows(task: WriteTask) -> Sized:
    """Yield the signals of the same records as `_kept_rows` or `_dropped_rows`."""
    for decisions, measures in _staged(task, "measures"):
        mine = _mine(task, decisions)
        columns = [
            decisions.column(name) if name in decisions.schema.names else measures.column(name)
            for name in ("id", *task.signals)
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=_signal_schema(task))
        yield _filter(batch, mine), _sizes(decisions, mine)


def _data_schema(task: WriteTask) -> pa.Schema:
    return narrow(empty_batch(SCHEMAS[task.shape]), task.shape, task.used).schema


def _signal_schema(task: WriteTask) -> pa.Schema:
    return signal_schema(task.shape, task.signals).insert(0, pa.field("id", pa.string()))


_ROWS: Final[dict[str, Any]] = {
    "data": _kept_rows,
    "dropped": _dropped_rows,
    "signals": _signal_rows,
}
_SCHEMAS: Final[dict[str, Any]] = {
    "data": _data_schema,
    "dropped": lambda task: dropped_schema(task.shape),
    "signals": _signal_schema,
}


def _staged(task: WriteTask, kind: str) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield decisions and staged batches of the task's segments, row by row the same.

    Batches outside a segment are skipped unread, so that a large shard costs no more than many.
    """
    for segment in task.segments:
        paths = staged_paths(task.work, segment.shard)
        counts = json.loads(paths["done"].read_text(encoding="utf-8"))["batches"]
        with pa.memory_map(str(paths[kind])) as file, pa.OSFile(str(paths["decisions"])) as other:
            reader, decisions = pa.ipc.open_file(file), pa.ipc.open_file(other)
            first = 0
            for number, count in enumerate(counts):
                low, high = max(segment.start, first), min(segment.stop, first + count)
                if low < high:
                    rows = slice(low - first, high - first)
                    yield (
                        decisions.get_batch(number)[rows],
                        reader.get_batch(number)[rows],
                    )
                first += count


def _mine(task: WriteTask, decisions: pa.RecordBatch) -> pa.BooleanArray:
    """Return which rows the task's file has."""
    if task.split == DROPPED:
        return decisions.column("stage").is_valid()
    return pc.fill_null(pc.equal(decisions.column("split"), task.split), False)


def _with_ids(records: pa.RecordBatch, decisions: pa.RecordBatch) -> pa.RecordBatch:
    place = records.schema.get_field_index("id")
    return records.set_column(place, records.schema.field(place), decisions.column("id"))


def _filter(batch: pa.RecordBatch, mask: pa.BooleanArray) -> pa.RecordBatch:
    return batch if pc.all(mask).as_py() else batch.filter(mask)


def _sizes(decisions: pa.RecordBatch, mask: pa.BooleanArray) -> np.ndarray:
    sizes: np.ndarray = _filter(decisions.select(["bytes"]), mask).column("bytes").to_numpy()
    return sizes


def write_refused(work: str | Path, root: str | Path, shards: int) -> dict[str, OutputFile]:
    """Write `refused/`, if any row was refused; return its files."""

    def rows() -> Sized:
        for index in range(shards):
            with pa.OSFile(str(staged_paths(work, index)["refused"])) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    batch = reader.get_batch(number)
                    size = pc.add(pc.fill_null(pc.binary_length(batch.column("raw")), 0), 64)
                    yield batch, size.to_numpy(zero_copy_only=False)

    first = next(rows(), None)
    if first is None:
        return {}
    path = Path(root) / "refused" / "refused-00000-of-00001.parquet"
    aside = path.with_name(f".{path.name}.aside")
    count = _write_groups(aside, rows(), REFUSED)
    written = OutputFile(digest_of(aside), count, aside.stat().st_size)
    aside.replace(path)
    return {f"refused/{path.name}": written}


def write_clusters(
    work: str | Path, root: str | Path, clusters: tuple[Cluster, ...], known: Overall
) -> dict[str, OutputFile]:
    """Write `clusters/`, if there are any; return its files.

    Rows are by kind, then by cluster and record in dataset order, some thousand at a time.
    """
    if not clusters:
        return {}
    path = Path(root) / "clusters" / "clusters-00000-of-00001.parquet"
    aside = path.with_name(f".{path.name}.aside")
    count = 0
    splits = final_splits(work, known)
    with pq.ParquetWriter(aside, CLUSTERS, compression=COMPRESSION) as writer:
        for one in clusters:
            order = np.lexsort((one.rows, one.cluster))
            for start in range(0, len(order), _CLUSTER_ROWS):
                some = order[start : start + _CLUSTER_ROWS]
                writer.write_batch(_cluster_rows(one, some, known, splits))
                count += len(some)
    written = OutputFile(digest_of(aside), count, aside.stat().st_size)
    aside.replace(path)
    return {f"clusters/{path.name}": written}


def _cluster_rows(
    one: Cluster, some: np.ndarray, known: Overall, splits: pa.Array
) -> pa.RecordBatch:
    rows, of, count = one.rows[some], one.of[some], len(some)
    columns = [
        pa.repeat(pa.scalar(one.kind), count),
        pa.repeat(pa.scalar(one.over), count),
        known.ids.take(pa.array(one.cluster[some])),
        known.ids.take(pa.array(rows)),
        splits.take(pa.array(rows)),
        pa.array(one.kept[some]),
        known.ids.take(pa.array(of, mask=of < 0)),
        pa.array(one.similarity[some], from_pandas=True),
        pa.array(one.size[some], pa.int32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=CLUSTERS)


def final_splits(work: str | Path, known: Overall) -> pa.Array:
    """Return the split that each record ended in, null where it went."""
    parts = []
    for index, rows in enumerate(known.shard_rows):
        if not rows:
            continue
        with pa.OSFile(str(staged_paths(work, index)["decisions"])) as file:
            reader = pa.ipc.open_file(file)
            numbers = range(reader.num_record_batches)
            parts += [reader.get_batch(number).column("split") for number in numbers]
    return pa.chunked_array(parts, pa.string()).combine_chunks()


def write_contamination(
    root: str | Path, judged: Judged | None, known: Overall
) -> dict[str, OutputFile]:
    """Write `contamination/`, if anything was found; return its files."""
    from curate.contamination.verdict import CONTAMINATION

    if judged is None or not len(judged.rows):
        return {}
    path = Path(root) / "contamination" / "contamination-00000-of-00001.parquet"
    aside = path.with_name(f".{path.name}.aside")
    with pq.ParquetWriter(aside, CONTAMINATION, compression=COMPRESSION) as writer:
        for start in range(0, len(judged.rows), _CLUSTER_ROWS):
            some = judged.table.slice(start, _CLUSTER_ROWS).combine_chunks()
            ids = known.ids.take(pa.array(judged.rows[start : start + _CLUSTER_ROWS]))
            writer.write_table(some.add_column(0, "id", ids).cast(CONTAMINATION))
    written = OutputFile(digest_of(aside), len(judged.rows), aside.stat().st_size)
    aside.replace(path)
    return {f"contamination/{path.name}": written}
