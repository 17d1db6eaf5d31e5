"""Looking across records gives the same bytes, however the work was cut and whoever did it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import curate.plan
from curate.api import run
from curate.dedup import near
from curate.engines import open_engine
from curate.readers import plan
from tests.helpers import ROOT, assert_arithmetic, hashes, trl, write_jsonl
from tests.test_kill import changes_of, in_child

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "ru", "te") for b in ("na", "so", "vi", "pe")]


def rows() -> Iterator[dict[str, Any]]:
    """Records with copies, near copies, opposed pairs, many of a prompt, and questions in them."""
    draw = random.Random(3)
    for number in range(60):
        prompt, one, other = (" ".join(draw.choices(WORDS, k=12)) for _ in range(3))
        row = trl(number, prompt=prompt, chosen=one, rejected=other)
        yield row
        if number % 4 == 0:
            yield {**row, "chosen": f"{one} {draw.choice(WORDS)}"}
        if number % 5 == 0:
            yield {**row, "chosen": other, "rejected": one}
        if number % 6 == 0:
            yield row
        if number % 10 == 0:
            yield {**row, "prompt": "How can I improve my time management skills?"}


def recipe(source: Path) -> dict[str, Any]:
    return {
        "sources": [{"path": str(source)}],
        "dedup": {
            "exact": "pair",
            "near": 0.6,
            "over": ["pair", "prompt"],
            "conflicts": "by-votes",
            "per_prompt": 1,
        },
        "filter": {"preset": "none"},
        "decontaminate": {"mode": "gpt3-13", "benchmarks": ["vicuna-bench"]},
        "split": {"test": 0.2, "near": 0.5},
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("across") / "pairs.jsonl", rows())


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("across-whole") / "out"
    made = run(recipe(source), out)
    assert_arithmetic(out)
    rules = {rule.split(":")[0] for stage in made.manifest.stages for rule in stage.dropped}
    assert {"exact pair", "near pair < 0.6", "conflicts by-votes", "gpt3-13"} <= rules
    return hashes(out)


def test_other_shards_and_smaller_tasks(source, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(curate.plan, "plan", partial(plan, shard_bytes=1500))
    monkeypatch.setattr(near, "TASK_PAIRS", 5)
    monkeypatch.setattr(near, "TASK_RECORDS", 4)
    monkeypatch.setattr(near, "PART_KEYS", 240)
    run(recipe(source), tmp_path / "out")
    assert hashes(tmp_path / "out") == whole


@pytest.mark.parametrize("workers", [2, 4])
def test_more_workers(workers, source, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(curate.plan, "plan", partial(plan, shard_bytes=1500))
    run(recipe(source), tmp_path / "out", workers=workers)
    assert hashes(tmp_path / "out") == whole


def test_another_hash_seed(source, whole, tmp_path):
    code = f"import curate; curate.run({recipe(source)!r}, {str(tmp_path / 'out')!r})"
    env = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert hashes(tmp_path / "out") == whole


@pytest.mark.slow
def test_killed_at_some_moments_and_resumed(source, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(curate.plan, "plan", partial(plan, shard_bytes=12_000))
    total = changes_of(lambda: run(recipe(source), tmp_path / "c" / "out"), tmp_path / "count")
    for moment in range(5, total, total // 8):
        out = tmp_path / str(moment) / "out"
        ended = in_child(lambda out=out: run(recipe(source), out), die_at=moment)
        assert os.WIFSIGNALED(ended)
        assert os.WTERMSIG(ended) == signal.SIGKILL
        run(recipe(source), out, resume=True)
        assert hashes(out) == whole, moment


@pytest.mark.slow
def test_ray(source, whole, tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="ray is not installed: pip install 'pairwright[ray]'")
    monkeypatch.setattr(curate.plan, "plan", partial(plan, shard_bytes=3000))
    with open_engine("ray", 2):
        run(recipe(source), tmp_path / "out", workers=2, engine="ray")
    assert hashes(tmp_path / "out") == whole
