"""What of a record is compared with others, and how its sketch is cut into bands.

Records whose sketches agree in all rows of one band are candidates: with similarity s they are
found with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, chapter 3). Candidates are then compared exactly, so bands decide what is missed, never
what is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.errors import UsageError
from schemas.records import Shape, sides


class Over(StrEnum):
    """What of a record is compared."""

    PROMPT = "prompt"
    ANSWERS = "answers"
    PAIR = "pair"


class Tool(StrEnum):
    """Whose n-grams, bands and rows near-duplicates are looked for with."""

    DEFAULT = "default"
    DATATROVE = "datatrove"
    NEMO = "nemo"
    TEXT_DEDUP = "text-dedup"
    DATASKETCH = "datasketch"


TAGS: Final = {"prompt": 1, "chosen": 2, "rejected": 3, "completion": 2}
"""What tells the n-grams of one side from the same words on another."""

RECALL: Final = 0.995
"""The share of the pairs just at the threshold that the default bands find."""

MOST_VALUES: Final = 128
"""The most values of a sketch that the default bands may ask for."""


@dataclass(frozen=True)
class Preset:
    """How a published tool looks for near-duplicates.

    `size` is the n of its n-grams, of words or (`chars`) of characters. `bands` and `rows` are
    None where they follow from the threshold. `source` says where the figures are from.
    """

    size: int
    bands: int | None
    rows: int | None
    source: str
    chars: bool = False


PRESETS: Final = {
    Tool.DEFAULT: Preset(
        5,
        None,
        None,
        "Pairwright: n-grams as in Lee et al. 2021 (arXiv:2107.06499), of three words in prompts, "
        "which are short; as many rows as find 99.5 % at the threshold with 128 values",
    ),
    Tool.DATATROVE: Preset(5, 14, 8, "huggingface/datatrove, MinhashConfig, as for FineWeb"),
    Tool.NEMO: Preset(24, 20, 13, "NVIDIA NeMo Curator, fuzzy deduplication", chars=True),
    Tool.TEXT_DEDUP: Preset(5, 25, 10, "ChenghaoMou/text-dedup, minhash, 250 permutations"),
    Tool.DATASKETCH: Preset(
        5,
        None,
        None,
        "ekzhu/datasketch, MinHashLSH with 128 permutations: misses and false candidates weigh "
        "alike",
    ),
}

_DATASKETCH_VALUES: Final = 128

_PROMPT_SIZE: Final = 3
"""The n of the default n-grams in prompts: half of those of UltraFeedback have under 30 words."""


@dataclass(frozen=True)
class ComparedBy:
    """One way to compare the records of a run.

    The n-grams of `size` words (or characters) of the record's `sides`; sketches of `bands` times
    `rows` values.
    """

    over: Over
    sides: tuple[str, ...]
    size: int
    chars: bool
    bands: int
    rows: int

    @property
    def name(self) -> str:
        """What its columns and files are called by."""
        return f"{self.over}-{self.size}{'c' if self.chars else 'w'}-{self.bands}x{self.rows}"

    @property
    def tags(self) -> tuple[int, ...]:
        """What tells the n-grams of the sides apart."""
        return tuple(TAGS[side] for side in self.sides)


def compared_by(over: Over, shape: Shape, tool: Tool, threshold: float) -> ComparedBy:
    """Return how records of a shape are compared. Raises UsageError for what they do not have."""
    compared = compared_sides(over, shape)
    preset = PRESETS[tool]
    size = _PROMPT_SIZE if tool is Tool.DEFAULT and over is Over.PROMPT else preset.size
    bands, rows = preset.bands, preset.rows
    if bands is None or rows is None:
        by_errors = tool is Tool.DATASKETCH
        chosen = least_wrong(threshold, _DATASKETCH_VALUES) if by_errors else thorough(threshold)
        bands, rows = chosen
    return ComparedBy(over, compared, size, preset.chars, bands, rows)


def compared_sides(over: Over, shape: Shape) -> tuple[str, ...]:
    """Return the sides of records that are compared. Raises UsageError for what they lack."""
    answers = tuple(side for side in sides(shape) if side != "prompt")
    if over is not Over.PROMPT and not answers:
        raise UsageError(
            f"{shape.value} records have no two answers to compare; compare their prompts (over: "
            "prompt), or make pairs of them first (--pairs)"
        )
    names = {Over.PROMPT: ("prompt",), Over.ANSWERS: answers, Over.PAIR: ("prompt", *answers)}
    return names[over]


def found_share(similarity: float, bands: int, rows: int) -> float:
    """Return with which probability records of this similarity become candidates."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def thorough(threshold: float) -> tuple[int, int]:
    """Return (bands, rows): the most rows that find `RECALL` of what is at the threshold.

    More rows make fewer false candidates; with one row, `MOST_VALUES` bands at most.
    """
    best = (MOST_VALUES, 1)
    if threshold >= 1:
        return 1, 16
    for rows in range(1, MOST_VALUES):
        bands = math.ceil(math.log(1 - RECALL) / math.log1p(-(threshold**rows)))
        if bands * rows > MOST_VALUES:
            break
        best = (bands, rows)
    return best


def least_wrong(threshold: float, values: int) -> tuple[int, int]:
    """Return (bands, rows) of at most `values` values that err least around a threshold.

    The sum of the areas of false candidates below it and of misses above it is the least, as
    datasketch's MinHashLSH chooses with its default weights; of equals, the fewest bands.
    """
    steps = 200
    below = [threshold * (i + 0.5) / steps for i in range(steps)]
    above = [threshold + (1 - threshold) * (i + 0.5) / steps for i in range(steps)]
    best, least = (1, 1), math.inf
    for bands in range(1, values + 1):
        for rows in range(1, values // bands + 1):
            wrong = threshold * sum(found_share(s, bands, rows) for s in below)
            missed = (1 - threshold) * sum(1 - found_share(s, bands, rows) for s in above)
            if wrong + missed < least - 1e-9:
                best, least = (bands, rows), wrong + missed
    return best
