"""Rows are drawn by their weights, where the folder has some and the call asks for it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from schemas.errors import DataError, UsageError
from schemas.layout import Folder, open_folder
from tests.train.conftest import pair
from train.data import WEIGHT, drawn
from train.machine import look_at_machine
from train.run import Prepared, prepare, train
from train.settings import Settings

WEIGHTS = [0.0, 0.5, 1.0, 2.5, None, 1.0]


def weigh(root: Path, weights: list[float | None]) -> Folder:
    """Give the train records of a folder weights, as `curate balance` leaves them."""
    folder = Folder(root)
    (path,) = folder.splits()["train"]
    folder.signals.mkdir()
    ids = pq.read_table(path, columns=["id"]).column("id")
    table = pa.table({"id": ids, WEIGHT: pa.array(weights, pa.float64())})
    pq.write_table(table, folder.signals / path.name)
    manifest = replace(folder.manifest, signals={WEIGHT: "1"})
    folder.manifest_path.write_text(manifest.to_json())
    return open_folder(root)


@pytest.fixture
def weighed(folder: Callable[..., Path]) -> Folder:
    return weigh(folder([pair(n) for n in range(len(WEIGHTS))]), WEIGHTS)


def prepared(folder: Folder, output: Path, *, weighted: bool) -> Prepared:
    settings = Settings(
        "dpo", folder.root, "scratch", output, weighted=weighted, options={"max_steps": 2}
    )
    return prepare(settings, look_at_machine(use_cpu=True))


def test_a_row_is_drawn_as_often_as_it_weighs_to_a_whole_row(weighed: Folder) -> None:
    for seed in range(20):
        rows = drawn(weighed, "train", seed)
        assert len(rows) == len(WEIGHTS)
        often = Counter(rows.tolist())
        for row, weight in enumerate(WEIGHTS):
            assert abs(often[row] - (1 if weight is None else weight)) < 1, (seed, row)


def test_over_many_seeds_the_mean_is_the_weight(weighed: Folder) -> None:
    seeds = 400
    often = Counter(row for seed in range(seeds) for row in drawn(weighed, "train", seed).tolist())
    assert [often[row] / seeds for row in range(6)] == pytest.approx(
        [0, 0.5, 1, 2.5, 1, 1], abs=0.1
    )


def test_the_same_seed_draws_the_same_rows(weighed: Folder) -> None:
    assert drawn(weighed, "train", 7).tolist() == drawn(weighed, "train", 7).tolist()


def test_training_sees_the_drawn_rows_and_says_how_many_differ(
    weighed: Folder, tmp_path: Path
) -> None:
    found = prepared(weighed, tmp_path / "out", weighted=True)
    seen = [row["prompt"][0]["content"] for row in found.train]
    assert seen == [
        pair(int(row))["prompt"][0]["content"] for row in drawn(weighed, "train", 42).tolist()
    ]
    assert found.splits[0].rows == len(WEIGHTS)
    (note,) = [note for note in found.notes if "drawn by their weights" in note]
    assert note.startswith(f"{len(set(seen))} different rows of {len(WEIGHTS)} are drawn")


def test_weights_that_are_not_asked_for_do_nothing_and_that_is_said(
    weighed: Folder, tmp_path: Path
) -> None:
    found = prepared(weighed, tmp_path / "out", weighted=False)
    assert len({row["prompt"][0]["content"] for row in found.train}) == len(WEIGHTS)
    assert any("has weights, which do nothing without --weighted" in one for one in found.notes)


@pytest.mark.slow
def test_what_a_row_weighs_is_what_a_model_learns(folder: Callable[..., Path]) -> None:
    """Two rows contradict each other; the model follows the one that weighs."""
    polite, rude = pair(0), pair(0, id="toy-turned")
    rude["chosen"], rude["rejected"] = rude["rejected"], rude["chosen"]
    root = folder([polite, rude] * 8)
    weigh(root, [0.0, 1.0] * 8)
    settings = Settings(
        "dpo",
        root,
        "scratch",
        root.parent / "out",
        weighted=True,
        options={"max_steps": 6, "learning_rate": 1e-3},
    )
    metrics = train(settings, Console(file=io.StringIO(), width=200))
    losses = [row["loss"] for row in metrics.log if "loss" in row]
    assert losses[-1] < 0.5  # with both rows it cannot fall below ln 2


def test_a_folder_without_weights_is_one_sentence(folder: Callable[..., Path]) -> None:
    root = folder([pair(0)])
    with pytest.raises(UsageError, match=r"--weighted needs weights, and .* has none; `curate bal"):
        drawn(open_folder(root), "train", 0)


def test_rows_that_all_weigh_nothing_are_one_sentence(folder: Callable[..., Path]) -> None:
    found = weigh(folder([pair(0), pair(1)]), [0.0, 0.0])
    with pytest.raises(DataError, match=r"all rows of the train split of .* have the weight 0"):
        drawn(found, "train", 0)
