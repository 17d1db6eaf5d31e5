"""What is particular to each method: its options, the rows it sees, its trainer. One file each.

A file offers the functions that its entry in `train.methods` names: `check_options` refuses what
TRL would stumble over later, `rows` turns the folder's columns into those the trainer takes, and
`make` builds the trainer. Torch and TRL are imported inside functions only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Parts:
    """What a TRL trainer is built from.

    `trainer` is TRL's class, `model` the folder or name that it loads, `config` its TRL config,
    `adapter` a peft config or None, `quantization` a transformers config or None. `fits` says that
    no row is longer than `max_length`.
    """

    trainer: Any
    model: str
    config: Any
    train: Dataset
    test: Dataset | None
    processor: Any
    adapter: Any | None
    quantization: Any | None
    callbacks: list[Any]
    fits: bool = False


@dataclass(frozen=True)
class Chosen:
    """Options that the data suggest where none were given, and what is said about them."""

    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def build(trainer: Any, parts: Parts) -> Any:
    """Return a trainer of the class `trainer`: TRL's trainers share these arguments."""
    return trainer(
        model=parts.model,
        args=parts.config,
        train_dataset=parts.train,
        eval_dataset=parts.test,
        processing_class=parts.processor,
        quantization_config=parts.quantization,
        peft_config=parts.adapter,
        callbacks=parts.callbacks,
    )


def build_sharing(trainer: Any, parts: Parts) -> Any:
    """Return a trainer that shares its tokens and its reference with other runs on the same rows.

    TRL caches both by their fingerprint, but drops overlong rows by a function that holds all
    options, the output folder among them, so that behind it no two runs have the same one (TRL
    1.16). Where nothing is overlong it is kept from looking.
    """
    if not parts.fits:
        return build(trainer, parts)
    longest = parts.config.max_length
    parts.config.max_length = None
    made = build(trainer, parts)
    parts.config.max_length = longest
    return made


def make(parts: Parts) -> Any:
    """Return TRL's trainer as it is."""
    return build(parts.trainer, parts)


def as_they_are(data: Dataset, seed: int) -> Dataset:
    """Return the rows unchanged: the trainer takes prompt, chosen and rejected."""
    del seed
    return data


def row_mean(batch_means: list[float], rows: int, batch_size: int) -> float:
    """Return the mean over rows, given those of batches of which the last may be shorter."""
    full, last = divmod(rows, batch_size)
    sizes = [batch_size] * full + [last] * bool(last)
    if len(sizes) != len(batch_means):  # an evaluation of something else than the whole split
        return sum(batch_means) / len(batch_means)
    return sum(m * size for m, size in zip(batch_means, sizes, strict=True)) / rows


def with_row_means(trainer: Any, names: tuple[str, ...]) -> Any:
    """Return a trainer class whose held-out figures `names` are means over rows.

    TRL averages them over batches, so that rows of a short last batch count more. `names` are
    beginnings of names in its log.
    """

    class RowMeans(trainer):  # type: ignore[misc, unused-ignore]
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            if not self.model.training and self.accelerator.num_processes == 1:
                rows, size = len(self.eval_dataset), self.args.eval_batch_size
                means = self._metrics["eval"]
                for name in [n for n in means if n.startswith(names)]:
                    means[name] = [row_mean(means[name], rows, size)]
            super().log(logs, start_time)

    RowMeans.__name__ = f"RowMean{trainer.__name__}"
    return RowMeans
