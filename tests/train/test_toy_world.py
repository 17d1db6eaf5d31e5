"""The toy world: its arms come from `curate` alone, and its figures depend on no worker."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.layout import open_folder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from toy import defects, language  # noqa: E402
from toy.curation import World, made_world  # noqa: E402
from toy.definition import FROZEN, QUICK  # noqa: E402
from toy.folders import pairs_of  # noqa: E402


def written_pool(count: int) -> list[defects.Sampled]:
    """Prompts with four replies each, by the language itself: nothing has to be trained for it."""
    rng = random.Random(3)
    prompts = list(dict.fromkeys(language.make_prompt(rng) for _ in range(count)))
    asked = [(one, tuple(language.make_reply(rng, one) for _ in range(4))) for one in prompts]
    return [
        defects.Sampled(prompt, replies, tuple(language.reward(prompt, one) for one in replies))
        for prompt, replies in asked
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return made_world(tmp_path_factory.mktemp("world"), written_pool(2_000), QUICK, seed=3)


def test_curate_sees_the_rows_without_their_truth(world: World) -> None:
    rows = [json.loads(line) for line in (world.raw.parent / "raw.jsonl").open()]
    assert len(rows) == QUICK.raw_rows
    assert {key for row in rows for key in row} == {"prompt", "chosen", "rejected"}


def test_the_filtered_arm_is_the_curated_one_without_labels_that_curate_doubts(
    world: World,
) -> None:
    last = open_folder(world.filtered).manifest.stages[-1]
    assert set(last.dropped) == {"label_doubt <= 0.6"}
    kept, before = (
        {tuple(row.values()) for row in pairs_of(folder)}
        for folder in (world.filtered, world.curated)
    )
    assert kept < before


def test_the_oracle_alone_has_no_wrong_labels(world: World) -> None:
    assert world.wrong["oracle"] == 0
    assert min(world.wrong["raw"], world.wrong["curated"], world.wrong["filtered"]) > 0.1


def test_no_copy_empty_answer_or_identical_pair_is_left_in_the_curated_arm(world: World) -> None:
    rows = pairs_of(world.curated)
    assert len({row["prompt"] for row in rows}) == len(rows)
    assert all(row["chosen"] not in ("", row["rejected"]) for row in rows)


def test_the_frozen_seeds_are_eight_that_the_regime_was_not_chosen_on() -> None:
    assert len(FROZEN.curation_seeds) == 8
    assert min(FROZEN.curation_seeds) > 200


@pytest.mark.slow
def test_it_runs_in_small_and_a_lost_run_is_made_again_the_same_by_other_workers(
    tmp_path: Path,
) -> None:
    first = called(tmp_path, "--workers", "2")
    arms = ["raw", "random", "curated", "filtered", "oracle"]
    assert list(first["curation"]["arms"]) == arms
    assert {run["failed"] for run in first["frontier"][1:]} == {""}
    shutil.rmtree(tmp_path / "quick" / "frontier" / "runs" / "kto-0.3-0")
    again = called(tmp_path, "--workers", "1", "--part", "frontier")
    assert again["frontier"] == first["frontier"]
    assert (first["anew"], again["anew"]) == (True, False)


def called(folder: Path, *words: str) -> dict[str, Any]:
    """Run the toy world in small and return its results."""
    script = str(BENCHMARKS / "toy" / "run.py")
    command = [sys.executable, script, "--quick", "--folder", str(folder), *words]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return found
