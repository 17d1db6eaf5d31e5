"""How much a pair counts, where balancing weighs pairs instead of leaving some out.

No text says it: `curate.balance` makes it, and the folders that come of that one carry it along.
"""

from __future__ import annotations

from typing import Final

from curate.signals import made_signal

WEIGHT: Final = "weight"

made_signal(
    WEIGHT,
    "How much the pair counts, so that a balanced signal tells nothing (1: as one pair).",
    unit="pairs",
    needs=("chosen", "rejected"),
    made_by="balance",
    source="inverse propensity: Rosenbaum and Rubin 1983, doi:10.1093/biomet/70.1.41",
    too_high="the pair counts as {value} pairs",
    too_low="the pair counts as only {value} pairs",
)
