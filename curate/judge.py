"""What is measured of each record while it passes: size, content hashes, invariants, signals.

Measures stand beside the staged records row by row. A record that breaks an invariant has its
fate here already; all the others meet theirs in `decide`, where the whole dataset is known.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.digest import digests
from curate.ledger import FATE
from curate.models.chosen import NONE, Models
from curate.signals import measure, registry
from schemas.invariants import broken
from schemas.records import SCHEMAS, Shape, empty_batch, flat, sides

DIGEST_COLUMNS: Final = ("prompt_0", "prompt_1", "pair_0", "pair_1")
"""The two halves of each content hash."""

_OVERHEAD_BYTES: Final = 64
"""What a row takes beside its text, for sizing files: ids, numbers, list offsets."""


def judge(
    records: pa.RecordBatch,
    shape: Shape,
    signals: tuple[str, ...],
    undecided: pa.StringArray | None = None,
    at: str = "pair",
    failed: Counter[str] | None = None,
    models: Models = NONE,
) -> pa.RecordBatch:
    """Return the measures of staged records.

    Their `id` and `split` (null for new ones), `bytes`, the digests, fate, and the named signals,
    of which dataset signals stay null until all records are known.
    `undecided` has the reason of each row that prefers neither answer and so became no record, or
    was dropped by people (`at` names the stage); null for all others. Signals are null for what has
    a fate already, and for rows that break them: these are counted in `failed`.
    """
    reason = broken(records, shape, is_text=True)
    stage = pc.if_else(reason.is_valid(), "check", pa.scalar(None, pa.string()))
    if undecided is not None:
        reason = pc.coalesce(undecided, reason)
        stage = pc.if_else(undecided.is_valid(), at, stage)
    fate = {"stage": stage, "rule": reason, "reason": reason}
    measured = _measured(records, signals, reason.is_null(), failed, models)
    return _assemble(records, shape, signals, fate, measured)


def _measured(
    records: pa.RecordBatch,
    signals: tuple[str, ...],
    sound: pa.BooleanArray,
    failed: Counter[str] | None,
    models: Models,
) -> dict[str, pa.Array]:
    """Return the signals of the sound records, null for the others, which no model is shown."""
    if not signals:
        return {}
    by_model = tuple(name for name in signals if registry()[name].model)
    measured = measure(records, [name for name in signals if name not in by_model], failed)
    none = pa.scalar(None)
    found = {
        name: pc.if_else(sound, column, none.cast(column.type))
        for name, column in zip(measured.schema.names, measured.columns, strict=True)
    }
    if by_model:
        some = measure(records.filter(sound), by_model, failed, models)
        place = pc.subtract(pc.cumulative_sum(sound.cast(pa.int64())), 1)
        rows = pc.if_else(sound, place, pa.scalar(None, pa.int64()))
        found |= {name: some.column(name).take(rows) for name in some.schema.names}
    return found


def with_fate(
    records: pa.RecordBatch,
    shape: Shape,
    signals: tuple[str, ...],
    stored: pa.RecordBatch | None,
    fate: pa.RecordBatch | None = None,
) -> pa.RecordBatch:
    """Return the measures of records of a dataset folder, with the fate they had there, if any.

    `stored` are the signals that lie beside them, None where nobody measured them.
    """
    known = {} if fate is None else dict(zip(FATE.names, fate.columns, strict=True))
    values = {} if stored is None else dict(zip(stored.schema.names, stored.columns, strict=True))
    return _assemble(records, shape, signals, known, values)


@cache
def measures_schema(shape: Shape, signals: tuple[str, ...]) -> pa.Schema:
    """Return the columns of measures, the same for every batch of a run."""
    first = [pa.field("id", pa.string()), pa.field("split", pa.string())]
    first += [pa.field("bytes", pa.int64())]
    first += [pa.field(name, pa.uint64()) for name in DIGEST_COLUMNS]
    return pa.schema([*first, *FATE, *signal_schema(shape, signals)])


@cache
def signal_schema(shape: Shape, signals: tuple[str, ...]) -> pa.Schema:
    """Return the columns that the named signals of such records have."""
    local = measure(empty_batch(SCHEMAS[shape]), signals).schema
    types = {
        name: pa.float64() for name in signals if registry()[name].learned or registry()[name].made
    }
    types |= {field.name: field.type for field in local}
    return pa.schema([(name, types.get(name, pa.int32())) for name in signals])


def _assemble(
    records: pa.RecordBatch,
    shape: Shape,
    signals: tuple[str, ...],
    fate: dict[str, pa.Array],
    values: dict[str, pa.Array],
) -> pa.RecordBatch:
    """Return the columns of `measures_schema`, null where nothing is known."""
    hashes = digests(records, shape)
    halves = [*hashes.prompt.T, *hashes.pair.T]
    columns: dict[str, pa.Array] = {
        "id": records.column("id"),
        "split": records.column("split"),
        "bytes": _text_bytes(records, shape),
        **fate,
        **values,
    }
    columns |= {
        name: pa.array(np.ascontiguousarray(half))
        for name, half in zip(DIGEST_COLUMNS, halves, strict=True)
    }
    schema = measures_schema(shape, signals)
    arrays = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(len(records), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text_bytes(records: pa.RecordBatch, shape: Shape) -> pa.Array:
    """Return about how many bytes each record takes: its texts in UTF-8 and a little more."""
    total = np.full(len(records), _OVERHEAD_BYTES, np.int64)
    for side in sides(shape):
        column = records.column(side)
        content = pc.struct_field(flat(column), "content")
        sizes = pc.fill_null(pc.binary_length(content), 0).to_numpy(zero_copy_only=False)
        total += _sum_by_row(sizes, column)
    for name in ("extra", "record", "responses"):
        if name in records.schema.names and pa.types.is_string(records.column(name).type):
            sizes = pc.fill_null(pc.binary_length(records.column(name)), 0)
            total += sizes.to_numpy(zero_copy_only=False)
    return pa.array(total)


def _sum_by_row(sizes: np.ndarray, column: pa.ListArray) -> np.ndarray:
    """Sum one number a turn to one a row."""
    running = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    ends = np.cumsum(pc.fill_null(pc.list_value_length(column), 0).to_numpy())
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    sums: np.ndarray = running[ends] - running[starts]
    return sums
