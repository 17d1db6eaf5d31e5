"""Dataset folders of the toy world, made by `curate` of rows without the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toy.defects import Sampled


def made(source: Path, folder: Path, preset: str | None = None, rules: Sequence[str] = ()) -> Path:
    """Return the folder that `curate run` makes of a file or a folder; one that is there stays."""
    import curate

    if not (folder / "curation" / "manifest.json").exists():
        filters = {"preset": preset, "rules": list(rules)}
        curate.run({"sources": [{"path": str(source)}], "filter": filters}, folder)
    return folder


def written(rows: Sequence[dict[str, Any]], path: Path) -> Path:
    """Write rows to a JSON Lines file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pairs_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder as texts."""
    from schemas.layout import open_folder

    return [
        {side: row[side][0]["content"] for side in ("prompt", "chosen", "rejected")}
        for batch in open_folder(folder).batches("train")
        for row in batch.to_pylist()
    ]


def cached_pool(path: Path, sft: Path, count: int, seed: int) -> list[Sampled]:
    """Return a pool of the policy's replies, drawn once."""
    from toy import policy

    if path.exists():
        raw = json.loads(path.read_text(encoding="utf-8"))
        return [Sampled(one["prompt"], tuple(one["replies"]), tuple(one["rewards"])) for one in raw]
    pool = policy.make_pool(sft, count, 4, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".aside")
    aside.write_text(json.dumps([asdict(one) for one in pool]), encoding="utf-8")
    aside.replace(path)
    return pool


def silent() -> Any:
    """Return a console that says nothing."""
    import io

    from rich.console import Console

    return Console(file=io.StringIO())
