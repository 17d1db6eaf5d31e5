"""What is run: sizes, seeds, steps and options. FROZEN is what the figures in README.md are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Definition:
    """Sizes, seeds and steps: rows and prompts in numbers, steps of 64 (policy) or 32 pairs."""

    sft_rows: int = 16_000
    sft_steps: int = 1_300
    pool: int = 4_600
    pairs: int = 2_400
    test_pairs: int = 400
    raw_rows: int = 3_400
    prompts: int = 512
    frontier_betas: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    frontier_seeds: tuple[int, ...] = (0, 1)
    frontier_steps: int = 160
    curation_seeds: tuple[int, ...] = (201, 202, 203, 204, 205, 206, 207, 208)
    curation_steps: int = 150


FROZEN: Final = Definition()
QUICK: Final = Definition(
    sft_rows=3_000,
    sft_steps=150,
    pool=1_500,
    pairs=400,
    test_pairs=100,
    raw_rows=800,
    prompts=64,
    frontier_betas=(0.3, 3.0),
    frontier_seeds=(0,),
    frontier_steps=20,
    curation_seeds=(1, 2),
    curation_steps=20,
)

SFT: Final[dict[str, Any]] = {
    "per_device_train_batch_size": 64,
    "learning_rate": 8e-3,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 30,
    "max_length": 96,
    "completion_only_loss": False,
    "save_strategy": "no",
}
_PREFERENCES: Final[dict[str, Any]] = {
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 128,
    "lr_scheduler_type": "linear",
    "warmup_steps": 10,
    "max_length": 96,
    "precompute_ref_log_probs": True,
    "precompute_ref_batch_size": 256,
    "save_strategy": "no",
}
FRONTIER: Final = {**_PREFERENCES, "learning_rate": 1e-3}
CURATION: Final = {**_PREFERENCES, "learning_rate": 7e-4, "beta": 1.0}

ARMS: Final = ("raw", "random", "curated", "filtered", "oracle")

RULES: Final = ("prompt_repeat == 0", "sides_jaccard <= 0.9")
"""What the curated arm asks for beside the preset `helpful`: one pair a prompt, other words."""

DOUBT: Final = ("label_doubt <= 0.6",)
"""What the filtered arm asks for of the curated rows, in a second run of `curate`."""
