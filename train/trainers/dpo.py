"""What is particular to DPO: checks of its options, and the trainer itself.

DPO raises the log-probability of the chosen answer over the rejected one, both relative to the
model as it was before; `beta` says how dear it is to move away from that (arXiv:2305.18290).
"""

from __future__ import annotations

from typing import Any, Final

from schemas.errors import UsageError, did_you_mean
from train.settings import Lora
from train.trainers import Chosen, Parts, build_sharing, with_row_means

F_DIVERGENCES: Final = ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")
"""f-DPO (arXiv:2309.16240), as TRL names them; it looks at the name at the first step only."""

DIFFERENCE_LOSSES: Final = frozenset(
    ("sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft")
)
"""Losses of the difference of the two rewards: only these go with another f-divergence."""

SMOOTHED: Final = ("robust", "exo_pair")
"""Losses that `label_smoothing` has a meaning for in TRL."""


def check_options(options: dict[str, Any], lora: Lora | None) -> list[str]:
    """Refuse what DPOTrainer would refuse or stumble over later; return notes on the rest."""
    losses = options.get("loss_type", ["sigmoid"])
    beta = options.get("beta", 0.1)
    if beta <= 0:
        raise UsageError(
            f"--beta is {beta}; it must be above 0 (0.1 is usual, higher keeps the model closer "
            "to where it began)"
        )
    ld_alpha = options.get("ld_alpha")
    if ld_alpha is not None and not 0 <= ld_alpha <= 1:
        raise UsageError(f"--ld_alpha is {ld_alpha}; it must be from 0 to 1")
    divergence = options.get("f_divergence_type", "reverse_kl")
    if divergence not in F_DIVERGENCES:
        near = did_you_mean(divergence, F_DIVERGENCES)
        raise UsageError(
            f"--f_divergence_type is {divergence!r}; expected one of {', '.join(F_DIVERGENCES)}"
            f"{near}"
        )
    for loss in losses:
        if divergence != "reverse_kl" and loss not in DIFFERENCE_LOSSES:
            raise UsageError(f"--f_divergence_type {divergence} does not go with loss {loss!r}")
        if options.get("use_weighting") and loss in ("aot", "aot_unpaired"):
            raise UsageError(f"--use_weighting does not go with loss {loss!r}")
    if options.get("sync_ref_model") and lora:
        raise UsageError("--sync_ref_model does not go with --lora; leave one of them out")
    if options.get("sync_ref_model") and options.get("precompute_ref_log_probs"):
        raise UsageError(
            "--sync_ref_model moves the reference, and --precompute_ref_log_probs needs it fixed; "
            "leave one of them out"
        )
    return _check_smoothing(losses, options.get("label_smoothing", 0.0))


def _check_smoothing(losses: list[str], smoothing: float) -> list[str]:
    if "exo_pair" in losses and not 0 < smoothing < 1:
        raise UsageError(
            f"--label_smoothing is {smoothing}, and loss 'exo_pair' needs one above 0; its paper "
            "takes 0.001"
        )
    if "robust" in losses and not 0 <= smoothing < 0.5:
        raise UsageError(
            f"--label_smoothing is {smoothing}; for loss 'robust' it is the share of flipped "
            "labels, from 0 to below 0.5"
        )
    if smoothing and not set(losses) & set(SMOOTHED):
        return [
            f"--label_smoothing does nothing for loss {' and '.join(losses)}; "
            f"it is for {' and '.join(SMOOTHED)}"
        ]
    return []


def make(parts: Parts) -> Any:
    """Return the DPOTrainer. The reference is the model again, or the model without its adapter."""
    return build_sharing(with_row_means(parts.trainer, ("rewards/", "logps/")), parts)


def defaults(rows: int, rows_seen: int, options: dict[str, Any], *, has_images: bool) -> Chosen:
    """Choose to compute the reference's log-probabilities once, where that is less work.

    `rows` are those of the train split, `rows_seen` those of all steps. Each row seen costs a
    forward pass of the reference; once for all rows is less as soon as the split is seen whole.
    TRL cannot do it where images are in the data, nor with a reference that moves.
    """
    if has_images or options.get("sync_ref_model") or rows_seen < rows:
        return Chosen()
    return Chosen({"precompute_ref_log_probs": True})
