"""What is particular to KTO: single answers with a label, in an order that TRL needs.

KTO raises good answers and lowers bad ones, each against the mean of its batch, without pairs
(arXiv:2402.01306). TRL 1.16 estimates that mean from each batch's own answers put to other
prompts, which it prepares beforehand: so batches need two rows, and rows must lie in random order
already, since it reads them in sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.errors import UsageError
from train.settings import Lora
from train.trainers import Chosen, Parts, build_sharing

if TYPE_CHECKING:
    from datasets import Dataset

BALANCED: Final = (1.0, 4 / 3)
"""Where the good answers' weight in all, by that of the bad ones, should lie (KTO, equation 8)."""


def check_options(options: dict[str, Any], lora: Lora | None) -> list[str]:
    """Refuse what leaves KTO without its estimate of the KL divergence."""
    del lora
    estimates = options.get("loss_type", "kto") != "apo_zero_unpaired"
    for name in ("per_device_train_batch_size", "per_device_eval_batch_size"):
        if estimates and options.get(name) == 1:
            raise UsageError(
                f"--{name} is 1, and KTO compares the answers of a batch with each other; "
                "give at least 2"
            )
    if estimates and options.get("train_sampling_strategy", "sequential") != "sequential":
        raise UsageError(
            "--train_sampling_strategy must stay sequential for KTO, which prepares its batches "
            "beforehand; the rows are shuffled already"
        )
    return []


def make(parts: Parts) -> Any:
    """Return the KTOTrainer."""
    return build_sharing(parts.trainer, parts)


def rows(data: Dataset, seed: int) -> Dataset:
    """Return prompt, completion and label in the seed's order; a pair becomes two rows."""
    if "completion" in data.column_names:
        return data.shuffle(seed=seed)
    from datasets import concatenate_datasets

    sides = [
        data.remove_columns(other)
        .rename_column(side, "completion")
        .add_column("label", [good] * len(data))
        for side, other, good in (("chosen", "rejected", True), ("rejected", "chosen", False))
    ]
    return concatenate_datasets(sides).shuffle(seed=seed)


def weights(good: int, bad: int, options: dict[str, Any], *, paired: bool = False) -> Chosen:
    """Return class weights that make up for unequal numbers of good and bad answers.

    `paired` data were pairs before `rows`, which is said: they have as many of each. The rarer
    kind is weighed up until both count the same, as the paper advises (section 4.2). Weights that
    were given stay as they are.
    """
    if paired:
        return Chosen(notes=("each pair is split into a good answer and a bad one",))
    given = {"desirable_weight", "undesirable_weight"} & set(options)
    if given or not good or not bad or BALANCED[0] <= good / bad <= BALANCED[1]:
        return Chosen()
    name, weight = (
        ("desirable_weight", bad / good) if good < bad else ("undesirable_weight", good / bad)
    )
    weight = round(weight, 4)
    return Chosen(
        {name: weight},
        (f"{good} good answers and {bad} bad ones: {name} is {weight}, so that both count alike",),
    )
