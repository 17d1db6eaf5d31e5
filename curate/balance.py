"""Balancing: leaving pairs out, or weighing them, until a signal no longer tells the label.

A model that learns from pairs in which the longer answer is nearly always chosen learns to be long
(Singhal et al. 2023, arXiv:2310.03716). After balancing, the signal is as often higher in rejected
as in chosen, so that by itself it predicts nothing: an AUC of 0.5.

Weighing keeps every pair and says how much it counts: by the inverse of how likely its side is to
be the longer one among pairs of a like difference (inverse propensity: Rosenbaum and Rubin 1983,
doi:10.1093/biomet/70.1.41).

Which pairs stay follows from their content and the seed, never from the order they are read in.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

STRATA: Final = 4
"""Bins of a doubling: pairs whose ratios differ by less than a fifth are alike."""

MOST: Final = 10.0
"""The most that a pair may count, so that a few rare ones do not decide alone what is learned."""


class BalanceHow(StrEnum):
    """How a signal is balanced: by leaving pairs out, or by weighing all."""

    MATCHING = "matching"
    SAMPLING = "sampling"
    WEIGHTING = "weighting"


def sides_of(name: str) -> tuple[str, str]:
    """Return the signals of chosen and rejected that a name means: `words`, or `chosen_words`.

    Raises UsageError for a name that is not a signal of both answers.
    """
    from curate.signals import registry

    known = registry()
    base = name.removeprefix("chosen_").removeprefix("rejected_")
    both = f"chosen_{base}", f"rejected_{base}"
    if not all(one in known for one in both):
        bases = [
            one.removeprefix("chosen_")
            for one in known
            if one.startswith("chosen_") and one.replace("chosen_", "rejected_") in known
        ]
        raise UsageError(
            f"{name!r} is not a signal that both answers have{did_you_mean(base, bases)}; there "
            f"are for example words, chars and list_items (`curate rules` lists all)"
        )
    return both


def surplus(
    chosen: np.ndarray, rejected: np.ndarray, order: np.ndarray, how: BalanceHow
) -> np.ndarray:
    """Return a bool array of the pairs to leave out, of n.

    `chosen` and `rejected` (float64, n) are the signal's values, NaN where it is not measured or
    the pair is not in question; `order` (uint64, n) says which pairs go first. Pairs without a
    difference stay.
    """
    import numpy as np

    higher, lower = chosen > rejected, chosen < rejected  # False for NaN
    out = np.zeros(len(chosen), bool)
    strata = np.zeros(len(chosen), np.int64)
    if how is BalanceHow.MATCHING:
        strata = _strata(chosen, rejected)
    for stratum in np.unique(strata[higher | lower]):
        here = strata == stratum
        sides = [np.flatnonzero(side & here) for side in (higher, lower)]
        fewer, more = sorted(sides, key=len)
        ranked = more[np.argsort(order[more], kind="stable")]
        out[ranked[: len(more) - len(fewer)]] = True
    return out


def weights(chosen: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """Return how much each of n pairs counts (float64, 0 to `MOST`), so that the AUC is 0.5.

    `chosen` and `rejected` (float64, n) are the signal's values, NaN where not measured. Among
    pairs of a like difference both sides weigh the same, and together as much as there are pairs,
    unless `MOST` forbids it. Where all of them favour one side they weigh nothing, for no pair
    makes up for them. A pair without a difference, or not measured, counts as one.
    """
    import numpy as np

    found = np.ones(len(chosen))
    higher, lower = chosen > rejected, chosen < rejected
    strata = _strata(chosen, rejected)
    for stratum in np.unique(strata[higher | lower]):
        here = strata == stratum
        fewer, more = sorted((side & here for side in (higher, lower)), key=np.count_nonzero)
        few, many = np.count_nonzero(fewer), np.count_nonzero(more)
        rare = min((few + many) / (2 * few), MOST) if few else 0.0
        found[fewer], found[more] = rare, rare * few / many
    return found


def _strata(chosen: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """Return the stratum of each pair: how large the difference is, whichever side it favours.

    By the logarithm of the ratio, one added to both values so that 0 has a ratio too.
    """
    import numpy as np

    with np.errstate(invalid="ignore"):
        ratio = np.abs(np.log2((chosen + 1) / (rejected + 1)))
    found: np.ndarray = np.nan_to_num(np.floor(ratio * STRATA), nan=0, posinf=0).astype(np.int64)
    return found
