"""A dataset folder as `datasets.Dataset`s that hold what a trainer should see, and nothing else.

TRL reads meaning into columns (a `margin` feeds a loss) and decides the format of a whole set
from its first row, so it is given explicit prompts, conversations in every row, and no other
columns than these.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import DataError, UsageError
from schemas.layout import Folder, open_folder
from schemas.message import OPTIONAL_FIELDS
from schemas.records import Shape, sides
from train.methods import METHODS, Method

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

WEIGHT: str = "weight"
"""The signal that says how much a record counts."""

TEST: str = "test"
"""The split that is held out, unless another is named."""


def open_for(method: Method, path: Path) -> Folder:
    """Return the dataset folder, checked to hold the records that `method` trains on.

    Raises UsageError or DataError: not a dataset folder, another shape, nothing to train on.
    """
    folder = open_folder(path)
    shape = folder.manifest.shape
    if shape not in method.shapes:
        raise DataError(f"{path} holds {shape.value} records; {_other_way(method, shape)}")
    if not split_rows(folder, "train"):
        raise DataError(f"{path} has no rows in its train split, so there is nothing to train on")
    return folder


def _other_way(method: Method, shape: Shape) -> str:
    wants = f"`train {method.name}` takes {method.shapes[0].value} records"
    if shape is Shape.RANKED:
        return f"{wants}; make pairs of yours with `curate import --pairs best-worst`"
    fitting = [f"`train {other.name}`" for other in METHODS.values() if shape in other.shapes]
    return (
        f"{wants} (a chosen and a rejected answer to the same prompt), and yours go with "
        f"{' or '.join(fitting)}"
    )


def test_split(folder: Folder, wanted: str | None) -> str | None:
    """Return the name of the held-out split, None where there is none (or it has no rows).

    Raises UsageError where a split was named and is not there or is the one trained on.
    """
    have = folder.splits()
    if wanted is None:
        return TEST if split_rows(folder, TEST) else None
    if wanted == "train":
        raise UsageError("--test-split train is what is trained on; name another split")
    if wanted not in have:
        raise UsageError(
            f"{folder.root} has no split {wanted!r}; it has: {', '.join(have) or 'none'}"
        )
    if not split_rows(folder, wanted):
        raise DataError(f"split {wanted!r} of {folder.root} has no rows")
    return wanted


def split_rows(folder: Folder, split: str) -> int:
    """Return how many rows a split has, 0 for one that is not there."""
    return sum(pq.read_metadata(path).num_rows for path in folder.splits().get(split, []))


def read_ids(folder: Folder, split: str) -> list[str]:
    """Return the ids of a split in the order of `load`, for sentences about single rows."""
    columns = [pq.read_table(path, columns=["id"])["id"] for path in folder.splits()[split]]
    return [str(value) for column in columns for value in column.to_pylist()]


def has_weights(folder: Folder) -> bool:
    """Return whether `curate balance --how weighting` gave the folder's records weights."""
    return WEIGHT in folder.manifest.signals


def drawn(folder: Folder, split: str, seed: int) -> np.ndarray:
    """Return which rows of a split to train on (int64), as many as it has, drawn by their weights.

    By systematic resampling (Kitagawa 1996, doi:10.2307/1390750): a row that weighs w times as much
    as the mean is drawn w times, rounded up or down at random, so that the sample differs from the
    weights as little as whole rows allow. A row without a weight counts as 1; the same seed draws
    the same rows. Raises UsageError for a folder without weights, DataError where all are 0.
    """
    import numpy as np

    if not has_weights(folder):
        raise UsageError(
            f"--weighted needs weights, and {folder.root} has none; `curate balance {folder.root} "
            "-o DIR2 --on words --how weighting` makes a folder that has"
        )
    columns = [
        pq.read_table(folder.signals / path.name, columns=[WEIGHT]).column(0)
        for path in folder.splits()[split]
    ]
    weights = np.concatenate([pc.fill_null(one, 1.0).to_numpy() for one in columns])
    ends = np.cumsum(weights)
    if not ends[-1] > 0:
        raise DataError(f"all rows of the {split} split of {folder.root} have the weight 0")
    count = len(weights)
    marks = (np.random.default_rng(seed).random() + np.arange(count)) / count * ends[-1]
    found: np.ndarray = np.searchsorted(ends, marks, side="right").clip(max=count - 1)
    return found


def message_fields(folder: Folder) -> frozenset[str]:
    """Return which fields beyond role and content messages have here, and `tools` if there."""
    paths = [path for split in folder.splits().values() for path in split]
    schema = pq.read_schema(paths[0])
    fields = {
        field.name
        for column in sides(folder.manifest.shape)
        for field in schema.field(column).type.value_type
        if field.name in OPTIONAL_FIELDS
    }
    return frozenset(fields | ({"tools"} & set(schema.names)))


def load(folder: Folder, split: str, reasoning_key: str | None = None) -> Dataset:
    """Return a split as a Dataset: the conversations, `label`, `tools` and `images` if in use.

    Where messages have more than role and content, each is a JSON value with just its own keys:
    a struct would give every message a null for what others have, and chat templates ask
    whether a key is there. A message's reasoning goes under `reasoning_key`, the name by which
    the model's template asks for it, or is left out.
    """
    from datasets import Dataset, Image, Json, List

    paths = folder.splits()[split]
    schema = pq.read_schema(paths[0])
    conversations = sides(folder.manifest.shape)
    extra = [name for name in ("label", "tools", "images") if _in_use(paths, schema, name)]
    columns = [*conversations, *extra]
    data = Dataset.from_parquet([str(path) for path in paths], columns=columns)
    features = data.features.copy()
    if message_fields(folder) - {"tools"}:
        features.update({name: List(Json()) for name in conversations})
        names = {"columns": conversations, "reasoning_key": reasoning_key}
        data = data.map(_own_keys, features=features, fn_kwargs=names)
    if "images" in extra:
        data = data.cast_column("images", List(Image()))
    return data


def _in_use(paths: list[Path], schema: pa.Schema, name: str) -> bool:
    if name not in schema.names:
        return False
    return any(
        pc.count(batch.column(0)).as_py()
        for path in paths
        for batch in pq.ParquetFile(path).iter_batches(columns=[name])
    )


def _own_keys(
    row: dict[str, Any], columns: tuple[str, ...], reasoning_key: str | None
) -> dict[str, Any]:
    return {column: [_own(turn, reasoning_key) for turn in row[column]] for column in columns}


def _own(turn: dict[str, Any], reasoning_key: str | None) -> dict[str, Any]:
    """Leave out of a message the fields it does not have; `content` stays, even if null."""
    own = {key: value for key, value in turn.items() if value is not None or key == "content"}
    reasoning = own.pop("reasoning", None)
    if reasoning is not None and reasoning_key is not None:
        own[reasoning_key] = reasoning
    return own
