"""What earlier runs saw across the records, carried into the folders that are made of theirs.

Clusters and hits of benchmarks stay with their records, kept or dropped, however often these are
filtered and split. A run that looks itself writes what it finds instead: its look is at what the
earlier one left, and two looks would be counted as one. The folder before has the earlier one.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.contamination.verdict import CONTAMINATION
from curate.decide import Overall
from curate.dedup.fates import CLUSTERS
from curate.disk import digest_of
from curate.write import final_splits
from schemas.layout import COMPRESSION, Folder, OutputFile, undamaged


def carry_clusters(
    parents: tuple[Folder, ...], work: Path, root: Path, known: Overall
) -> dict[str, OutputFile]:
    """Write the parents' clusters with the splits that their records have now; return the file."""
    table = _of_parents(parents, "clusters", CLUSTERS, known)
    places = pc.index_in(table.column("id").combine_chunks(), known.ids)
    splits = final_splits(work, known).take(places)
    table = table.set_column(CLUSTERS.get_field_index("split"), CLUSTERS.field("split"), splits)
    return _written(table, root, "clusters")


def carry_contamination(
    parents: tuple[Folder, ...], root: Path, known: Overall
) -> dict[str, OutputFile]:
    """Write what was found of benchmarks in the parents' records; return the file."""
    return _written(
        _of_parents(parents, "contamination", CONTAMINATION, known), root, "contamination"
    )


def _of_parents(
    parents: tuple[Folder, ...], kind: str, schema: pa.Schema, known: Overall
) -> pa.Table:
    """Return the rows of the parents whose records are in this dataset, each row once."""
    tables = [schema.empty_table()]
    for path in (path for folder in parents for path in folder.parts(kind)):
        with undamaged(path):
            tables.append(pq.read_table(path, use_threads=False).select(schema.names).cast(schema))
    whole = pa.concat_tables(tables).combine_chunks()
    there = pc.is_in(whole.column("id"), known.ids)
    return _each_once(whole.filter(there)) if len(parents) > 1 else whole.filter(there)


def _each_once(table: pa.Table) -> pa.Table:
    """Return the rows without repeats: two parents may have one ancestor."""
    numbered = table.append_column("row", pa.array(range(len(table)), pa.int64()))
    first = numbered.group_by(table.column_names, use_threads=False).aggregate([("row", "min")])
    return table.take(first.column("row_min").sort())


def _written(table: pa.Table, root: Path, kind: str) -> dict[str, OutputFile]:
    if not len(table):
        return {}
    path = root / kind / f"{kind}-00000-of-00001.parquet"
    aside = path.with_name(f".{path.name}.aside")
    pq.write_table(table, aside, compression=COMPRESSION)
    written = OutputFile(digest_of(aside), len(table), aside.stat().st_size)
    aside.replace(path)
    return {f"{kind}/{path.name}": written}
