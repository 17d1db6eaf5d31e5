"""The three records as Arrow schemas: pair, ranked, labelled.

`pair` is what trainers take, `ranked` what pairs are made of, `labelled` is KTO's shape. In
memory a batch always has all the columns of its schema; on disk a column that no row uses is
left out (`narrow`), and comes back as nulls when read (`widen`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import pyarrow as pa

from schemas.message import MESSAGE, MESSAGES, OPTIONAL_FIELDS, message_type

SCHEMA_VERSION: Final = 1
"""Raised whenever a column changes its name, type or meaning."""


class Shape(StrEnum):
    """Which of the three records a dataset holds."""

    PAIR = "pair"
    RANKED = "ranked"
    LABELLED = "labelled"


_ORIGIN = [
    pa.field("id", pa.string()),
    pa.field("source", pa.string()),
    pa.field("source_row", pa.int64()),
    pa.field("prompt", MESSAGES),
]
_CONTEXT = [
    pa.field("tools", pa.json_()),
    pa.field("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
    pa.field("language", pa.string()),
    pa.field("extra", pa.string()),
]

PAIR: Final = pa.schema(
    [
        *_ORIGIN,
        pa.field("chosen", MESSAGES),
        pa.field("rejected", MESSAGES),
        pa.field("chosen_score", pa.float64()),
        pa.field("rejected_score", pa.float64()),
        pa.field("chosen_model", pa.string()),
        pa.field("rejected_model", pa.string()),
        pa.field("strength", pa.float64()),
        pa.field("votes", pa.json_()),
        *_CONTEXT,
    ]
)
"""A prompt and two completions of it, one preferred.

`prompt`, `chosen`, `rejected` are conversations; prompt + chosen is the whole of one.
`source_row` is the 0-based position in the source, `strength` how clear the preference is in the
source's own unit, `votes` the judgements of several people or judges as they came (JSON),
`extra` the JSON of every source column that has no column here.
"""

RESPONSE: Final = pa.struct(
    [
        pa.field("content", MESSAGES),
        pa.field("score", pa.float64()),
        pa.field("rank", pa.float64()),
        pa.field("model", pa.string()),
        pa.field("ratings", pa.json_()),
        pa.field("votes", pa.list_(pa.float64())),
    ]
)
"""One answer of a ranked record. A higher `score` is better; the lowest `rank` is the best.

`ratings` is what was said of it aspect by aspect. Where several judges decided, `votes` is what
each of them gave it, scores or ranks as the record's own, null for a judge who gave none; the
judges stand in the same order in all of a record's answers.
"""

RANKED: Final = pa.schema(
    [
        *_ORIGIN,
        pa.field("responses", pa.list_(RESPONSE)),
        pa.field("votes", pa.json_()),
        *_CONTEXT,
    ]
)
"""A prompt with N responses, each with a score, a rank or both."""

LABELLED: Final = pa.schema(
    [
        *_ORIGIN,
        pa.field("completion", MESSAGES),
        pa.field("label", pa.bool_()),
        pa.field("score", pa.float64()),
        pa.field("model", pa.string()),
        *_CONTEXT,
    ]
)
"""A prompt and one completion that is good (`label` true) or not: the shape KTO trains on."""

SCHEMAS: Final[dict[Shape, pa.Schema]] = {
    Shape.PAIR: PAIR,
    Shape.RANKED: RANKED,
    Shape.LABELLED: LABELLED,
}

REQUIRED: Final[dict[Shape, tuple[str, ...]]] = {
    Shape.PAIR: ("id", "source", "source_row", "prompt", "chosen", "rejected"),
    Shape.RANKED: ("id", "source", "source_row", "prompt", "responses"),
    Shape.LABELLED: ("id", "source", "source_row", "prompt", "completion", "label"),
}
"""Columns that are always on disk; the others only where some row has a value."""


def sides(shape: Shape) -> tuple[str, ...]:
    """Return the columns of a record that hold plain conversations."""
    return {
        Shape.PAIR: ("prompt", "chosen", "rejected"),
        Shape.RANKED: ("prompt",),
        Shape.LABELLED: ("prompt", "completion"),
    }[shape]


def flat(column: pa.ListArray) -> pa.Array:
    """Return the values of all lists of a column, one after the other.

    As `column.flatten()`, which Arrow (25) refuses for lists of messages if a row is null or empty.
    """
    column = _settled(column)
    offsets = column.offsets
    start, stop = offsets[0].as_py(), offsets[-1].as_py()
    return column.values.slice(start, stop - start)


def parents(column: pa.ListArray) -> pa.Array:
    """Return for each value of `flat(column)` the row it belongs to."""
    import pyarrow.compute as pc

    return pc.list_parent_indices(_settled(column))


def _settled(column: pa.ListArray) -> pa.ListArray:
    """Return the column with nothing hidden below its nulls."""
    import pyarrow.compute as pc

    if not column.null_count:
        return column
    offsets = column.offsets
    extent = offsets[-1].as_py() - offsets[0].as_py()
    if extent == (pc.sum(pc.list_value_length(column)).as_py() or 0):
        return column
    return column.take(pa.array(range(len(column)), pa.int64()))


def used_fields(batch: pa.RecordBatch | pa.Table) -> frozenset[str]:
    """Return what a batch of records really uses of its schema.

    Optional columns by their name, optional message fields as `message.NAME`. The union over
    all batches of a dataset is what `narrow` needs.
    """
    import pyarrow.compute as pc

    used = {name for name in batch.schema.names if batch.column(name).null_count < len(batch)}
    for column in _conversations(batch):
        turns = flat(column)
        for field in OPTIONAL_FIELDS:
            if turns.type.get_field_index(field) >= 0:
                values = pc.struct_field(turns, field)
                if values.null_count < len(values):
                    used.add(f"message.{field}")
    return frozenset(used)


def narrow(batch: pa.RecordBatch, shape: Shape, used: Iterable[str]) -> pa.RecordBatch:
    """Drop the columns and message fields that the dataset as a whole does not use."""
    used = set(used)
    kept = message_type(frozenset(f for f in OPTIONAL_FIELDS if f"message.{f}" in used))
    names = [n for n in SCHEMAS[shape].names if n in REQUIRED[shape] or n in used]
    columns = [_with_messages(batch.column(name), kept) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def widen(batch: pa.RecordBatch, shape: Shape) -> pa.RecordBatch:
    """Bring records read from disk back to the full schema, absent columns as nulls."""
    return conform(batch, SCHEMAS[shape])


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return `batch` with exactly the columns of `schema`, message fields filled up with nulls."""
    names = set(batch.schema.names)
    columns = [
        _cast(batch.column(field.name), field.type)
        if field.name in names
        else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def from_rows(rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> pa.RecordBatch:
    """Make a batch of a schema from mappings, one a row; JSON columns are given as text.

    Arrow builds no extension types from Python values, so these are put on afterwards.
    """
    plain = pa.schema([field.with_type(_storage(field.type)) for field in schema])
    return conform(pa.RecordBatch.from_pylist(list(rows), schema=plain), schema)


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch of no rows."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)


def _storage(type_: pa.DataType) -> pa.DataType:
    """Return the type with every extension type in it replaced by what it is stored as."""
    if isinstance(type_, pa.BaseExtensionType):
        return type_.storage_type
    if pa.types.is_list(type_):
        return pa.list_(_storage(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_storage(field.type)) for field in type_])
    return type_


def _cast(column: pa.Array, target: pa.DataType) -> pa.Array:
    if column.type.equals(target):
        return column
    if pa.types.is_list(target) and pa.types.is_struct(target.value_type):
        column = _compact(column)
        values = _fill_struct(column.values, target.value_type)
        mask = column.is_null() if column.null_count else None
        return pa.ListArray.from_arrays(column.offsets, values, type=target, mask=mask)
    if isinstance(target, pa.BaseExtensionType):
        return target.wrap_array(column.cast(target.storage_type))
    return column.cast(target)


def _fill_struct(values: pa.StructArray, target: pa.StructType) -> pa.StructArray:
    arrays = [
        _cast(values.field(field.name), field.type)
        if values.type.get_field_index(field.name) >= 0
        else pa.nulls(len(values), field.type)
        for field in target
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(target))


def _with_messages(column: pa.Array, kept: pa.StructType) -> pa.Array:
    """Return a column whose messages, at whatever depth, have only the fields of `kept`."""
    target = _message_target(column.type, kept)
    return column if target.equals(column.type) else _cast(column, target)


def _message_target(type_: pa.DataType, kept: pa.StructType) -> pa.DataType:
    if type_.equals(MESSAGE):
        return kept
    if pa.types.is_list(type_):
        return pa.list_(_message_target(type_.value_type, kept))
    if pa.types.is_struct(type_):
        return pa.struct([f.with_type(_message_target(f.type, kept)) for f in type_])
    return type_


def _compact(column: pa.ListArray) -> pa.ListArray:
    """Return the list column with offsets that start at zero: a slice is copied."""
    return pa.concat_arrays([column, column.slice(0, 0)]) if column.offset else column


def _conversations(batch: pa.RecordBatch | pa.Table) -> list[pa.Array]:
    import pyarrow.compute as pc

    found = []
    for name in batch.schema.names:
        column = batch.column(name)
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        for chunk in chunks:
            type_ = chunk.type
            if pa.types.is_list(type_) and _is_message(type_.value_type):
                found.append(chunk)
            elif type_.equals(RANKED.field("responses").type):
                found.append(pc.struct_field(flat(chunk), "content"))
    return found


def _is_message(type_: pa.DataType) -> bool:
    return bool(pa.types.is_struct(type_) and type_.get_field_index("role") >= 0)
