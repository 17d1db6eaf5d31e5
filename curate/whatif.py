"""What if a threshold were another one: counted from the measures of a folder, nothing recomputed.

`length_ratio <= 2..5` is a rule with a range for a threshold. For each threshold in it the records
are counted that would be kept: those that are kept now or that a filter dropped, which meet the
rule so and all other rules that the folder's filters had. Rules of before on the same signal give
way. What other stages dropped stays dropped. `curate filter DIR -o DIR2 --again --rule ...` does
what is counted here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from curate import rules as rulebook
from curate.rules import Rule
from schemas.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

    from schemas.layout import Folder, Stage

_RANGE: Final = re.compile(r"(?P<from>[^\s<>=!,]+?)\.\.(?P<to>[^\s<>=!,]+)")
_LIST: Final = re.compile(r"(?P<list>[^\s<>=!,]+(?:\s*,\s*[^\s<>=!,]+)+)")
_STEPS: Final = 10
"""Parts that a range is cut into where whole steps would be more than twice as many."""


@dataclass(frozen=True)
class Trial:
    """How many records each rule of a range would keep.

    `now` are kept as it is; `candidates` are these and those that only rules on the same signal
    took. `others` are the rules that stay in force.
    """

    rules: tuple[Rule, ...]
    kept: tuple[int, ...]
    now: int
    candidates: int
    others: tuple[Rule, ...]


def thresholds(text: str) -> tuple[Rule, ...]:
    """Read 'length_ratio <= 2..5' or 'length_ratio <= 2, 3, 5': one rule for each threshold.

    A range goes in steps of one, or in ten steps where that would be too many or too few. Raises
    UsageError, in one sentence, for what is no rule with a range.
    """
    found = _RANGE.search(text) or _LIST.search(text)
    if found is None:
        raise UsageError(
            f"{text!r} has no range; write it like 'length_ratio <= 2..5' or "
            "'length_ratio <= 2, 3, 5'"
        )
    if "list" in found.groupdict():
        values = [part.strip() for part in found["list"].split(",")]
    else:
        values = _between(found["from"], found["to"], text)
    rules: list[Rule] = []
    for value in values:
        one = rulebook.parse(text[: found.start()] + value + text[found.end() :])
        if len(one) != 1:
            raise UsageError(f"{text!r} has two thresholds; give the range to one of them")
        rules += one
    return tuple(rules)


def _between(first: str, last: str, text: str) -> list[str]:
    percent = "%" if last.endswith("%") else ""
    try:
        low, high = (float(end.rstrip("%")) for end in (first, last))
    except ValueError:
        raise UsageError(
            f"{first}..{last} in {text!r} is no range of numbers; write it like "
            "'length_ratio <= 2..5'"
        ) from None
    if not low < high < float("inf"):
        raise UsageError(f"{first}..{last} in {text!r} is empty; give the smaller number first")
    whole = low == int(low) and high == int(high)
    if whole and 1 < high - low <= 2 * _STEPS:
        values = [low + step for step in range(int(high - low) + 1)]
    else:
        values = [low + (high - low) * step / _STEPS for step in range(_STEPS + 1)]
    return [f"{rulebook.number(round(value, 10))}{percent}" for value in values]


def in_force(stages: tuple[Stage, ...]) -> tuple[Rule, ...]:
    """Return the rules that the filters of a folder's history had, in order, each once."""
    found = (rule for stage in stages for text in stage.rules for rule in rulebook.parse(text))
    return tuple(dict.fromkeys(found))


def try_out(folder: Folder, text: str) -> Trial:
    """Count what a folder would keep along a range.

    Raises UsageError where the range cannot be read, or its signal was not measured there.
    """
    import numpy as np

    rules = thresholds(text)
    signal = rules[0].signal
    _check_measured(folder, signal)
    measured = folder.manifest.signals
    others = tuple(
        rule
        for rule in in_force(folder.manifest.stages)
        if rule.signal != signal and rule.signal in measured
    )
    kept = _read(folder, [signal], dropped=False)[signal]
    lost = _read(folder, [signal, *(rule.signal for rule in others)], dropped=True)
    back = np.ones(len(lost[signal]), bool)
    for rule in others:
        back &= rulebook.meeting(rule, lost[rule.signal])
    values = np.concatenate([kept, lost[signal][back]])
    counts = [int(np.count_nonzero(rulebook.meeting(rule, values))) for rule in rules]
    return Trial(rules, tuple(counts), len(kept), len(values), others)


def _check_measured(folder: Folder, signal: str) -> None:
    if signal in folder.manifest.signals:
        return
    raise UsageError(
        f"{folder.root} has no measure of {signal}; `curate filter {folder.root} -o DIR --preset "
        f"none --signal {signal}` makes a folder that has"
    )


def _read(folder: Folder, columns: list[str], *, dropped: bool) -> dict[str, np.ndarray]:
    """Return signals of the kept records, or of those that a filter dropped (NaN for null)."""
    import numpy as np

    names = list(dict.fromkeys(columns))
    parts: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in names}
    for path in folder.parts("signals"):
        if (path.name.split("-")[0] == "dropped") != dropped:
            continue
        table = _columns(path, names)
        rows = _filtered(folder.dropped / path.name) if dropped else slice(None)
        for name in names:
            parts[name].append(table.column(name).to_numpy().astype(np.float64, copy=False)[rows])
    return {name: np.concatenate(found) for name, found in parts.items()}


def _filtered(path: Path) -> np.ndarray:
    """Return which records of a file of dropped ones a filter dropped, as a bool array.

    Stages are read as numbers of a dictionary: a million texts would take longer than all the rest.
    """
    import numpy as np

    parts = [np.zeros(0, bool)]
    for chunk in _columns(path, ["stage"], dictionary=True).column("stage").chunks:
        by_filter = np.array([name == "filter" for name in chunk.dictionary.to_pylist()], bool)
        parts.append(by_filter[chunk.indices.to_numpy()])
    return np.concatenate(parts)


def _columns(path: Path, names: list[str], *, dictionary: bool = False) -> pa.Table:
    import pyarrow.parquet as pq

    from schemas.layout import undamaged

    coded = names if dictionary else None
    with undamaged(path), pq.ParquetFile(path, read_dictionary=coded) as file:
        return file.read(names, use_threads=False)
