"""The toy world from end to end: a policy, the frontier over beta, and what curation is worth.

    python benchmarks/toy/run.py                 all of it, with the frozen definition
    python benchmarks/toy/run.py --part frontier | curation
    python benchmarks/toy/run.py --quick         the same in small, to see that it runs

Everything is done by `curate` and `train` themselves, on rows without the truth. What is finished
is not done again, so a call that was interrupted goes on. The figures do not depend on the number
of workers: each is a process of one thread, started in the same way.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

from toy.curation import curation  # noqa: E402
from toy.definition import FROZEN, QUICK, SFT, Definition  # noqa: E402
from toy.folders import made, silent, written  # noqa: E402
from toy.frontier import frontier  # noqa: E402

SURROUNDINGS: Final = {
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    # glibc gives each tensor of some megabytes back to the system and asks for it again: the loss
    # of a batch takes 77 ms so, and 30 ms where memory is kept.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 27),
}
"""What each worker begins with, whatever is set outside."""

PARTS: Final[dict[str, Callable[[Executor, Path, Definition], Any]]] = {
    "frontier": frontier,
    "curation": curation,
}


def main() -> None:
    """Run what is asked for and write results.json beside the runs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("out/toy"))
    parser.add_argument("--part", choices=tuple(PARTS))
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    definition = QUICK if asked.quick else FROZEN
    root = (asked.folder / ("quick" if asked.quick else "frozen")).resolve()
    results: dict[str, Any] = {
        "definition": asdict(definition),
        "workers": asked.workers,
        "processor": processor(),
        "anew": not root.exists(),
    }
    root.mkdir(parents=True, exist_ok=True)
    os.environ |= {**SURROUNDINGS, "HF_DATASETS_CACHE": str(root / "cache")}
    spawned = multiprocessing.get_context("spawn")
    seconds = results["seconds"] = {}
    with ProcessPoolExecutor(asked.workers, spawned, _begin) as pool:
        began = time.monotonic()
        pool.submit(make_policy, root, definition).result()
        seconds["policy"] = round(time.monotonic() - began)
        for part, run in PARTS.items():
            if asked.part in (None, part):
                began = time.monotonic()
                results[part] = run(pool, root, definition)
                seconds[part] = round(time.monotonic() - began)
                print(f"{part}: {seconds[part]} s", file=sys.stderr)
    name = f"results-{asked.part}.json" if asked.part else "results.json"
    (root / name).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print((root / name).read_text() if asked.quick else f"written: {root / name}")


def _begin() -> None:
    """Make a worker ready: the libraries' chatter is off."""
    from train.quiet import quiet

    quiet()


def processor() -> str:
    """Return the name of the processor, as Linux tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def make_policy(root: Path, definition: Definition) -> None:
    """Make the policy that everything begins from: a tiny model that has learned to reply."""
    from toy import language, policy
    from train.run import train
    from train.settings import Settings

    target = root / "sft"
    if (target / "metrics.json").exists():
        return
    rng = random.Random(0)
    rows = []
    for _ in range(definition.sft_rows):
        prompt = language.make_prompt(rng)
        refuses = rng.random() < 0.02
        reply = rng.choice(language.REFUSALS) if refuses else language.make_reply(rng, prompt)
        rows.append({"prompt": prompt, "completion": reply, "label": True})
    policy.make_base(root / "base", seed=0)
    replies = made(written(rows, root / "sft-data.jsonl"), root / "sft-data")
    options = {**SFT, "max_steps": definition.sft_steps, "seed": 0}
    settings = Settings(
        "sft", replies, str(root / "base"), target, overwrite=target.exists(), options=options
    )
    metrics = train(settings, silent())
    print(f"policy: {metrics.seconds:.0f} s of training", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
