"""The second question: what is curation worth on pairs with planted defects?"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toy import policy
from toy.defects import Sampled, clean_pairs, raw_rows
from toy.definition import ARMS, CURATION, DOUBT, RULES, Definition
from toy.folders import cached_pool, made, pairs_of, silent, written
from toy.frontier import tell


@dataclass(frozen=True)
class World:
    """The dataset folders of one seed, and which share of each is labelled wrongly, by arm."""

    raw: Path
    curated: Path
    filtered: Path
    oracle: Path
    test: Path
    wrong: dict[str, float]


def curation(pool: Executor, root: Path, definition: Definition) -> dict[str, Any]:
    """Return what each arm reaches over seeds, each with fresh rows, test pairs and prompts."""
    from train.prove import compare

    seeds = definition.curation_seeds
    many = len(seeds)
    done = list(pool.map(one_seed, [root] * many, [definition] * many, seeds))
    results = [result for proof, _ in done for result in proof.results]
    means, differences = compare(results, ARMS, seeds)
    return {
        "rows": {seed: proof.rows for seed, (proof, _) in zip(seeds, done, strict=True)},
        "arms": {arm: {n: asdict(one) for n, one in by.items()} for arm, by in means.items()},
        "differences": [asdict(one) for one in differences],
        "sentences": [one.sentence() for one in differences],
        "wrong": {seed: wrong for seed, (_, wrong) in zip(seeds, done, strict=True)},
    }


def one_seed(root: Path, definition: Definition, seed: int) -> tuple[Any, dict[str, float]]:
    """Return the proof of one world (`train.prove.Proof`), and the shares of its wrong labels."""
    from train.methods import METHODS
    from train.prove import Recipe, prove

    sft, here = root / "sft", root / "curation" / str(seed)
    pool = cached_pool(here / "pool.json", sft, definition.pool, seed)
    world = made_world(here, pool[definition.prompts :], definition, seed)
    recipe = Recipe(
        raw=world.raw,
        curated=world.curated,
        also={"filtered": world.filtered, "oracle": world.oracle},
        model=str(sft),
        method=METHODS["dpo"],
        steps=definition.curation_steps,
        test=world.test,
        test_split="train",
        seeds=(seed,),
    )
    prompts = [one.prompt for one in pool[: definition.prompts]]

    def measured(path: Path) -> dict[str, float]:
        figures = policy.measure(path, sft, prompts, seed)
        tell(path.name, figures.items())
        return figures

    out = here / "prove"
    proof = prove(recipe, out, dict(CURATION), silent(), measured, resume=out.exists())
    return proof, world.wrong


def made_world(here: Path, pool: Sequence[Sampled], definition: Definition, seed: int) -> World:
    """Return the folders that `curate` makes of a world's rows. It never sees the truth."""
    test = clean_pairs(iter(pool), random.Random(seed), definition.test_pairs)
    used = {row.prompt for row in test}
    unused = [one for one in pool if one.prompt not in used]
    rows = raw_rows(unused, test, definition.raw_rows, seed)
    source = written([row.without_truth() for row in rows], here / "raw.jsonl")
    raw = made(source, here / "raw")
    curated = made(source, here / "curated", "helpful", RULES)
    filtered = made(curated, here / "filtered", rules=DOUBT)
    truth = {(row.prompt, row.chosen, row.rejected): row.wrong for row in rows}
    right = [row for row in pairs_of(curated) if not truth[_key(row)]]
    oracle = made(written(right, here / "oracle.jsonl"), here / "oracle")
    held_out = written([row.without_truth() for row in test], here / "test.jsonl")
    wrong = {
        folder.name: _share(truth[_key(row)] for row in pairs_of(folder))
        for folder in (raw, curated, filtered, oracle)
    }
    return World(raw, curated, filtered, oracle, made(held_out, here / "test"), wrong)


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["prompt"], row["chosen"], row["rejected"]


def _share(wrong: Iterable[bool]) -> float:
    each = list(wrong)
    return round(sum(each) / len(each), 4)
