"""Near-duplicates: candidates from the bands, their exact similarity, clusters, and who stays.

Each step is a map over independent tasks with a small union between them:

1. `candidates`  one task for some bands: records that agree in one of them
2. `measure`     one task for some thousand candidates: their exact similarity, from the texts
3. `clusters`    the pairs that are near enough, put together
4. `settle`      one task for some clusters: every record that goes is near one that stays

What is held for all records at once is a few numbers each; of texts only a task's own. Files of
finished tasks are taken up again by a resumed run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from curate.dedup import kernels
from curate.dedup.sketch import band_columns, sketch_path, staged_records
from curate.dedup.views import ComparedBy
from curate.engines import Engine
from curate.tokens import Tokens, by_row, turns_of

TASK_BANDS: Final = 8
"""Bands whose keys one task looks through: a shard's sketches are opened once for all of them."""

PART_KEYS: Final = 50_000_000
"""Keys that one task holds, each with its row: 800 MB."""

TASK_PAIRS: Final = 20_000
"""Candidate pairs that one task compares: the texts of at most twice as many records."""

TASK_RECORDS: Final = 20_000
"""Records of clusters that one task settles, unless one cluster alone has more."""


@dataclass(frozen=True)
class Records:
    """The staged records of a run: where they lie, and how many each shard has."""

    work: str
    shard_rows: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(self.shard_rows)


@dataclass(frozen=True)
class BandTask:
    """Some bands of one comparison, or the part of their keys that `part` of `parts` is.

    `among` is a file with the rows (int64) that are compared.
    """

    records: Records
    columns: tuple[str, ...]
    among: str
    part: int
    parts: int
    out: str


@dataclass(frozen=True)
class MeasureTask:
    """Pairs `start` to `stop` of a file of candidates, to be compared exactly."""

    records: Records
    way: ComparedBy
    pairs: str
    start: int
    stop: int
    out: str


@dataclass(frozen=True)
class SettleTask:
    """Members `start` to `stop` of a file of clusters (`members`, `begins`), to be settled."""

    records: Records
    way: ComparedBy
    clusters: str
    first: int
    last: int
    threshold: float
    out: str


@dataclass(frozen=True)
class Clusters:
    """Records in groups: `members[begins[i]:begins[i + 1]]` are rows of the dataset.

    Each group has two members at least and is in the order in which its members survive.
    """

    members: np.ndarray
    begins: np.ndarray


@dataclass(frozen=True)
class Repeats:
    """For n rows of the dataset: `of` the row that each repeats (itself if it stays), how alike."""

    rows: np.ndarray
    of: np.ndarray
    similarity: np.ndarray


def column_of(records: Records, name: str) -> np.ndarray:
    """Return a column of the sketches of all records."""
    return columns_of(records, (name,))[0]


def columns_of(records: Records, names: Sequence[str]) -> list[np.ndarray]:
    """Return columns of the sketches of all records."""
    parts: list[list[pa.Array]] = [[] for _ in names]
    for index in range(len(records.shard_rows)):
        for batch in _sketches(records.work, index):
            for part, name in zip(parts, names, strict=True):
                part.append(batch.column(name))
    return [pa.chunked_array(part).to_numpy() if part else np.zeros(0, np.uint64) for part in parts]


def _sketches(work: str, index: int) -> Iterator[pa.RecordBatch]:
    """Yield a shard's sketches, of which only what is looked at is read."""
    with pa.memory_map(str(sketch_path(work, index))) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


# ---- candidates --------------------------------------------------------------------------------


def candidates(records: Records, way: ComparedBy, among: np.ndarray, engine: Engine) -> np.ndarray:
    """Return the pairs (m × 2 int64, sorted) of rows in `among` that agree in some band."""
    place = _place(records.work)
    listed = place / f"{way.name}.among.npy"
    save(listed, among)
    columns = band_columns(way)
    parts = max(1, -(-len(among) * TASK_BANDS // PART_KEYS))
    tasks = [
        BandTask(
            records,
            columns[band : band + TASK_BANDS],
            str(listed),
            part,
            parts,
            str(place / f"{way.name}.{band}-{part}.npy"),
        )
        for band in range(0, len(columns), TASK_BANDS)
        for part in range(parts)
    ]
    found = np.zeros((0, 2), np.int64)
    for path in engine.map(find_candidates, tasks):
        found = _united(found, np.load(path))
    return found


def find_candidates(task: BandTask) -> str:
    """Write the pairs of records that agree in some of the bands; return the file."""
    if not Path(task.out).exists():
        found = np.zeros((0, 2), np.int64)
        for rows, keys in _keys(task):
            found = _united(found, _agreeing(rows, keys))
        save(Path(task.out), found)
    return task.out


def _keys(task: BandTask) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the task's part of the keys in each of its bands: (rows, their keys)."""
    among = np.load(task.among, mmap_mode="r")
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in task.columns]
    first = 0
    for index in range(len(task.records.shard_rows)):
        for batch in _sketches(task.records.work, index):
            low, high = np.searchsorted(among, (first, first + len(batch)))
            rows = among[low:high]
            for parts, column in zip(found, task.columns, strict=True):
                keys = batch.column(column).to_numpy()[rows - first]
                mine = keys % np.uint64(task.parts) == np.uint64(task.part)
                parts.append((rows[mine], keys[mine]))
            first += len(batch)
    nothing = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    joined = (zip(*(parts or [nothing]), strict=True) for parts in found)
    return [(np.concatenate(rows), np.concatenate(keys)) for rows, keys in joined]


def _agreeing(rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the pairs of rows whose keys are equal."""
    shared = _with_repeated(keys)
    rows, keys = rows[shared], keys[shared]
    order = np.argsort(keys, kind="stable")
    return kernels.bucket_pairs(keys[order], rows[order])


def _with_repeated(keys: np.ndarray) -> np.ndarray:
    """Return the places of the keys that come more than once, in their order.

    Nearly all keys come once, and sorting them takes a tenth of the time of ordering them.
    """
    ordered = np.sort(keys)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(again):
        return np.zeros(0, np.int64)
    nearest = again[np.minimum(np.searchsorted(again, keys), len(again) - 1)]
    return np.flatnonzero(nearest == keys)


def _united(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return all pairs of both, each once, in order."""
    both = np.concatenate([one, other])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    new = np.ones(len(both), bool)
    new[1:] = (both[1:] != both[:-1]).any(axis=1)
    return both[new]


# ---- exact similarity --------------------------------------------------------------------------


def measured(records: Records, way: ComparedBy, pairs: np.ndarray, engine: Engine) -> np.ndarray:
    """Return the Jaccard similarity of each pair of rows (float64)."""
    place = _place(records.work)
    listed = place / f"{way.name}.pairs.npy"
    save(listed, pairs)
    tasks = [
        MeasureTask(
            records,
            way,
            str(listed),
            start,
            min(start + TASK_PAIRS, len(pairs)),
            str(place / f"{way.name}.{start}.similar.npy"),
        )
        for start in range(0, len(pairs), TASK_PAIRS)
    ]
    parts = [np.load(path) for path in engine.map(measure, tasks)]
    return np.concatenate([np.zeros(0), *parts])


def measure(task: MeasureTask) -> str:
    """Write the exact similarity of some pairs; return the file."""
    if not Path(task.out).exists():
        pairs = np.load(task.pairs)[task.start : task.stop]
        rows = np.unique(pairs)
        sets = gram_sets(task.records, task.way, rows)
        one, other = np.searchsorted(rows, pairs[:, 0]), np.searchsorted(rows, pairs[:, 1])
        save(Path(task.out), kernels.jaccard(sets, one, other))
    return task.out


def gram_sets(records: Records, way: ComparedBy, rows: np.ndarray) -> Tokens:
    """Return the n-gram sets of some rows of the dataset, which are in ascending order."""
    starts, members = [np.zeros(1, np.int64)], []
    total = 0
    for batch in records_at(records, rows, way.sides):
        turns = turns_of(batch, way.sides, chars=way.chars)
        texts = [by_row(batch, name, turns[name]) for name in way.sides]
        sets = kernels.gram_sets(texts, way.tags, way.size)
        starts.append(sets.starts[1:] + total)
        members.append(sets.hashes)
        total += len(sets.hashes)
    return Tokens(np.concatenate(starts), np.concatenate([np.zeros(0, np.uint64), *members]))


def records_at(
    records: Records, rows: np.ndarray, columns: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of the records at ascending `rows` of the dataset, in order."""
    first = 0
    for index, count in enumerate(records.shard_rows):
        low, high = np.searchsorted(rows, (first, first + count))
        if low < high:
            start = first
            for batch in staged_records(records.work, index, columns):
                at, end = np.searchsorted(rows, (start, start + len(batch)))
                if at < end:
                    yield batch.take(pa.array(rows[at:end] - start))
                start += len(batch)
        first += count


# ---- clusters ----------------------------------------------------------------------------------


def grouped(labels: np.ndarray, rows: np.ndarray, rank: np.ndarray) -> Clusters:
    """Return the groups of `rows` with equal `labels`, of two at least, by least `rank` first.

    All three have one value a row; groups come in the order of their labels.
    """
    order = np.lexsort((rank, labels))
    ordered = labels[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(ordered)]])) if len(ordered) else starts
    members = rows[order][np.repeat(sizes > 1, sizes)]
    return Clusters(members, np.concatenate([[0], np.cumsum(sizes[sizes > 1])]).astype(np.int64))


def settled(
    records: Records, way: ComparedBy, found: Clusters, threshold: float, engine: Engine
) -> Repeats:
    """Return for every member of the clusters which record it repeats."""
    place = _place(records.work)
    listed = place / f"{way.name}.clusters.npz"
    save(listed, found.members, found.begins)
    cuts = _cut(found.begins)
    tasks = [
        SettleTask(
            records,
            way,
            str(listed),
            first,
            last,
            threshold,
            str(place / f"{way.name}.{first}.settled.npz"),
        )
        for first, last in pairwise(cuts)
    ]
    nothing = np.zeros(0, np.int64)
    parts = [Repeats(nothing, nothing, np.zeros(0))]
    for path in engine.map(settle, tasks):
        with np.load(path) as saved:
            parts.append(Repeats(saved["arr_0"], saved["arr_1"], saved["arr_2"]))
    return Repeats(
        np.concatenate([one.rows for one in parts]),
        np.concatenate([one.of for one in parts]),
        np.concatenate([one.similarity for one in parts]),
    )


def _cut(begins: np.ndarray) -> list[int]:
    """Return where to cut clusters so that a task has about `TASK_RECORDS` members."""
    cuts = [0]
    for group in range(1, len(begins)):
        if begins[group] - begins[cuts[-1]] >= TASK_RECORDS or group == len(begins) - 1:
            cuts.append(group)
    return cuts


def settle(task: SettleTask) -> str:
    """Write which record each member of some clusters repeats; return the file."""
    if not Path(task.out).exists():
        with np.load(task.clusters) as saved:
            begins = saved["arr_1"][task.first : task.last + 1]
            members = saved["arr_0"][begins[0] : begins[-1]]
        rows = np.sort(members)
        sets = _in_order(gram_sets(task.records, task.way, rows), np.searchsorted(rows, members))
        repeats, similar = kernels.survivors(sets, begins - begins[0], task.threshold)
        save(Path(task.out), members, members[repeats], similar)
    return task.out


def _in_order(sets: Tokens, order: np.ndarray) -> Tokens:
    """Return the sets at `order`, in that order."""
    sizes = np.diff(sets.starts)[order]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = np.arange(starts[-1]) + np.repeat(sets.starts[:-1][order] - starts[:-1], sizes)
    return Tokens(starts, sets.hashes[places])


def _place(work: str) -> Path:
    place = Path(work) / "near"
    place.mkdir(exist_ok=True)
    return place


def save(path: Path, *arrays: Any) -> None:
    """Write arrays so that their file is there whole or not at all."""
    aside = path.with_name(f".{path.name}.aside")
    with aside.open("wb") as file:
        if path.suffix == ".npy":
            np.save(file, arrays[0], allow_pickle=False)
        else:
            np.savez(file, *arrays)
    aside.replace(path)
