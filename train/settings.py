"""What one training run is told to do, before anything is checked or loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SCRATCH: Final = "scratch"
"""The model name that means: make a tiny one from the dataset, to try the chain offline."""


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (arXiv:2106.09685) on every linear layer but the output head.

    `r` is their rank, `alpha / r` the factor of what they add. The defaults are those of TRL's
    own scripts (`trl.ModelConfig`). `four_bit` loads the weights below them in 4-bit NormalFloat,
    as QLoRA does (arXiv:2305.14314).
    """

    r: int = 16
    alpha: int = 32
    dropout: float = 0.05
    four_bit: bool = False


@dataclass(frozen=True)
class Settings:
    """One run: where from, where to, and the trainer's options that were given.

    `model` is a folder, a name on the Hub, or `SCRATCH`. `options` are fields of the method's
    TRL config, already of the right type; what is not in there gets a default in `check`.
    `kernels` asks for the Hub's GPU kernels in the model's layers. `push_to_hub` names the model
    repository that the finished run is uploaded to.
    `test_split` None means the split called test, where there is one. `weighted` draws the rows of
    the train split by their weights (`train.data.drawn`).
    """

    method: str
    dataset: Path
    model: str
    output: Path
    lora: Lora | None = None
    kernels: bool = False
    push_to_hub: str | None = None
    test_split: str | None = None
    chat_template_path: str | None = None
    weighted: bool = False
    resume: bool = False
    overwrite: bool = False
    options: dict[str, Any] = field(default_factory=dict)
