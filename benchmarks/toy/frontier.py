"""The first question: what do DPO, IPO and KTO reach, at which distance from where they began?"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toy import policy
from toy.defects import clean_pairs
from toy.definition import FRONTIER, Definition
from toy.folders import cached_pool, made, silent, written

SEED = 5
"""Of the prompts, the replies and the pairs that all runs share."""


@dataclass(frozen=True)
class Run:
    """One training of the frontier: `loss` is sigmoid, ipo or kto."""

    root: Path
    definition: Definition
    loss: str
    beta: float
    seed: int


def frontier(pool: Executor, root: Path, definition: Definition) -> list[dict[str, Any]]:
    """Return labels and figures of every run, the policy's own first; draw the pictures."""
    from schemas.layout import open_folder
    from train.figures import draw_sweep
    from train.sweep import Sweep

    start = pool.submit(prepared, root, definition).result()
    runs = [
        Run(root, definition, loss, beta, seed)
        for loss in ("sigmoid", "ipo", "kto")
        for seed in definition.frontier_seeds
        for beta in definition.frontier_betas
    ]
    results = tuple(pool.map(trained, runs))
    here = root / "frontier"
    shown = open_folder(here / "train").manifest_hash
    draw_sweep(Sweep("toy world", shown, "sft", "reward", results), here)
    return [{"labels": {"loss": "none"}, "figures": start}, *map(asdict, results)]


def prepared(root: Path, definition: Definition) -> dict[str, float]:
    """Make the pairs that all runs train on and are tested on; return what the policy is worth."""
    here = root / "frontier"
    pool = cached_pool(here / "pool.json", root / "sft", definition.pool, SEED)
    rows = clean_pairs(
        iter(pool[definition.prompts :]),
        random.Random(SEED),
        definition.pairs + definition.test_pairs,
    )
    plain = [row.without_truth() for row in rows]
    made(written(plain[: definition.pairs], here / "train.jsonl"), here / "train")
    made(written(plain[definition.pairs :], here / "test.jsonl"), here / "test")
    return policy.measure(root / "sft", root / "sft", _prompts(root, definition), seed=1)


def _prompts(root: Path, definition: Definition) -> list[str]:
    pool = cached_pool(root / "frontier" / "pool.json", root / "sft", definition.pool, SEED)
    return [one.prompt for one in pool[: definition.prompts]]


def trained(run: Run) -> Any:
    """Train one, unless it is done, and return its result (`train.runs.Result`)."""
    from schemas.layout import open_folder
    from train.evaluate import Plan
    from train.runs import run_once
    from train.settings import Settings

    here = run.root / "frontier"
    options = {**FRONTIER, "beta": run.beta, "seed": run.seed}
    options["max_steps"] = run.definition.frontier_steps
    if run.loss == "kto":
        options["per_device_train_batch_size"] = 64  # as many answers as a batch of 32 pairs
    else:
        options["loss_type"] = [run.loss]
    sft, prompts = run.root / "sft", _prompts(run.root, run.definition)
    result = run_once(
        Settings(
            "kto" if run.loss == "kto" else "dpo",
            here / "train",
            str(sft),
            here / "runs" / f"{run.loss}-{run.beta}-{run.seed}",
            options=options,
        ),
        {"loss": "dpo" if run.loss == "sigmoid" else run.loss, "beta": run.beta, "seed": run.seed},
        (open_folder(here / "test"), "train"),
        Plan(beta=run.beta, samples=0, batch=256),
        silent(),
        lambda path: policy.measure(path, sft, prompts, seed=1),
    )
    tell(result.name, result.figures.items())
    return result


def tell(name: str, figures: Iterable[tuple[str, float]]) -> None:
    """Show the line of a run that is done."""
    print(f"{name}: {', '.join(f'{n} {v:.3f}' for n, v in figures)}", file=sys.stderr, flush=True)
