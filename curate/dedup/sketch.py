"""One task a shard, after it is staged: what is compared across the dataset, beside its records.

```
NNNNN.sketches.arrow   row by row with NNNNN.records.arrow: facts, and band keys of each comparison
NNNNN.hits.arrow       where its texts meet a benchmark's questions
```

Words are made once, for sketches and for benchmarks. A file that is there is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.contamination.match import HITS, Matching, hits, hits_path
from curate.dedup import kernels
from curate.dedup.views import ComparedBy, Over, Tool, compared_by
from curate.dedup.votes import votes_of
from curate.digest import combined, conversation_hashes
from curate.stage import staged_paths, staged_schema
from curate.tokens import Tokens, by_row, turns_of, whole
from schemas.records import Shape, empty_batch

FACTS: Final = ("chosen", "rejected", "gap", "votes", "agreeing", "strength")
"""What is known of each record beside its sketches: hashes of the answer that it says is better and
of the worse one (uint64), how far their scores are apart, how many votes were cast and how many of
these agree, its strength."""


@dataclass(frozen=True)
class SketchTask:
    """One staged shard: `ways` to compare its records, and the benchmarks to hold them against."""

    work: str
    index: int
    shape: Shape
    ways: tuple[ComparedBy, ...]
    matching: Matching | None = None


def sketch_path(work: str | Path, index: int) -> Path:
    """Return where a shard's sketches lie."""
    return Path(work) / "stage" / f"{index:05d}.sketches.arrow"


def sketch(task: SketchTask) -> int:
    """Sketch the records of a shard and match them with benchmarks; return how many there are."""
    paths = sketch_path(task.work, task.index), hits_path(task.work, task.index)
    if all(path.exists() for path in paths):
        return 0
    rows = 0
    asides = [path.with_name(f".{path.name}.aside") for path in paths]
    schema = sketch_schema(task.ways)
    with (
        pa.ipc.new_file(str(asides[0]), schema) as writer,
        pa.ipc.new_file(str(asides[1]), HITS) as hits_writer,
    ):
        for records in staged_records(task.work, task.index):
            turns = turns_of(records, _sides(task))
            columns = {**facts(records, task.shape), **sketches(records, turns, task.ways)}
            arrays = [columns[field.name].cast(field.type) for field in schema]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            if task.matching is not None:
                for found in hits(records, turns, task.matching, rows):
                    hits_writer.write_batch(found)
            rows += len(records)
    for path, aside in zip(paths, asides, strict=True):
        aside.replace(path)
    return rows


def prepare() -> None:
    """Load what every shard needs: the compiled loops, by sketching no records at all."""
    nothing = empty_batch(staged_schema(Shape.PAIR))
    way = compared_by(Over.PAIR, Shape.PAIR, Tool.DEFAULT, 1.0)
    sketches(nothing, turns_of(nothing, way.sides), (way,))
    facts(nothing, Shape.PAIR)


def _sides(task: SketchTask) -> tuple[str, ...]:
    """Return the sides whose words are needed."""
    compared = [side for way in task.ways if not way.chars for side in way.sides]
    matched = task.matching.sides if task.matching is not None else ()
    return tuple(dict.fromkeys([*compared, *matched]))


def sketch_schema(ways: tuple[ComparedBy, ...]) -> pa.Schema:
    """Return the columns of a shard's sketches."""
    types = {"gap": pa.float64(), "votes": pa.int32(), "agreeing": pa.int32()}
    types["strength"] = pa.float64()
    fields = [(name, types.get(name, pa.uint64())) for name in FACTS]
    for way in ways:
        fields += [(name, pa.uint64()) for name in (*whole_columns(way), *band_columns(way))]
    return pa.schema(fields)


def whole_columns(way: ComparedBy) -> tuple[str, str]:
    """Return the columns with the hash of all words of what is compared, 0 for no words."""
    return f"{way.name}:whole_0", f"{way.name}:whole_1"


def band_columns(way: ComparedBy) -> tuple[str, ...]:
    """Return the columns with a comparison's band keys."""
    return tuple(f"{way.name}:band_{band:03d}" for band in range(way.bands))


def staged_records(
    work: str | Path, index: int, columns: tuple[str, ...] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a shard's staged records, all or some of their columns."""
    with pa.memory_map(str(staged_paths(work, index)["records"])) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield batch if columns is None else batch.select(columns)


def facts(records: pa.RecordBatch, shape: Shape) -> dict[str, pa.Array]:
    """Return the columns of `FACTS`, null where a shape does not have one."""
    count = len(records)
    found: dict[str, pa.Array] = {name: pa.nulls(count) for name in FACTS}
    if shape is Shape.LABELLED:  # a good completion is better than none, a bad one worse
        said = pa.array(conversation_hashes(records.column("completion"))[:, 0].copy())
        label, none = records.column("label"), pa.scalar(0, pa.uint64())
        found["chosen"] = pc.if_else(label, said, none)
        found["rejected"] = pc.if_else(label, none, said)
    if shape is Shape.PAIR:
        for name in ("chosen", "rejected"):
            found[name] = pa.array(conversation_hashes(records.column(name))[:, 0].copy())
        scores = records.column("chosen_score"), records.column("rejected_score")
        found["gap"] = pc.subtract(*scores)
        found["strength"] = records.column("strength")
    if "votes" in records.schema.names:
        cast, agreeing = votes_of(records.column("votes").storage)
        found["votes"], found["agreeing"] = pa.array(cast), pa.array(agreeing)
    return found


def sketches(
    records: pa.RecordBatch, turns: dict[str, Tokens], ways: tuple[ComparedBy, ...]
) -> dict[str, pa.Array]:
    """Return the whole hashes and band keys of every comparison; `turns` has the sides' words."""
    columns: dict[str, Any] = {}
    for chars in (False, True):
        mine = [way for way in ways if way.chars is chars]
        names = tuple(dict.fromkeys(side for way in mine for side in way.sides))
        given = turns if not chars else turns_of(records, names, chars=True)
        texts = {name: by_row(records, name, given[name]) for name in names}
        wholes = {name: whole(texts[name]) for name in names}
        for way in mine:
            parts = [texts[name] for name in way.sides]
            keys = kernels.band_keys(parts, way.tags, way.size, way.bands, way.rows)
            both = together([wholes[name] for name in way.sides])
            columns |= zip(whole_columns(way), both.T, strict=True)
            columns |= zip(band_columns(way), keys.T, strict=True)
    return {name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()}


def together(wholes: list[np.ndarray]) -> np.ndarray:
    """Return one hash a row for the whole hashes of several sides (n × 2 each), 0 if all are."""
    if len(wholes) == 1:
        return wholes[0]
    found = combined(*wholes)
    found[~np.concatenate(wholes, axis=1).any(axis=1)] = 0
    return found
