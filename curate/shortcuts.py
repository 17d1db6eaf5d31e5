"""Shortcuts: how well each signal alone tells which answer was preferred.

The *AUC within pairs* of a signal is the share of pairs in which it is higher in the chosen answer,
ties counted as half: 0.5 says nothing, 1 that the higher one is always chosen, 0 that the lower one
is. For labelled records it is the usual AUC, of good completions against the others (Mann and
Whitney 1947). What is far from 0.5 is what a model will learn first, whatever the answers say:
length above all (Singhal et al. 2023, arXiv:2310.03716), lists and bold type (Zhang et al. 2024,
arXiv:2409.11704), refusals, the model that wrote the answer.

Intervals are of 95 %: Wilson's for pairs (1927; a little wide where many tie), Hanley and McNeil's
for labelled records (1982, doi:10.1148/radiology.143.1.7063747).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from curate.signals.weight import WEIGHT
from schemas.errors import UsageError
from schemas.records import Shape

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from schemas.layout import Folder, Manifest

    Column = Callable[[str], np.ndarray]
    """What gives a signal by its name: float64, NaN for what is not measured."""

_Z: Final = 1.959964
"""How many standard deviations an interval of 95 % reaches to each side."""

_ANSWERS: Final = ("chosen", "rejected", "completion")

MODEL: Final = "model"
"""What the shortcut is called that knows nothing but which model wrote which answer."""


@dataclass(frozen=True)
class Shortcut:
    """How well one signal tells the label: its AUC with an interval, over `pairs` measured pairs.

    `ties` are pairs in which both answers have the same value. For labelled records `pairs` counts
    records and `ties` is 0. Where pairs are weighed, `pairs` and `ties` still count each as one.
    """

    name: str
    auc: float
    low: float
    high: float
    pairs: int
    ties: int

    @property
    def strength(self) -> float:
        """How far from saying nothing it is: 0 to 0.5."""
        return abs(self.auc - 0.5)


def shortcuts(folder: Folder, *, weighted: bool = False) -> list[Shortcut]:
    """Return every measured signal of a folder's kept records as a shortcut, the strongest first.

    `weighted` counts each pair by the weight that balancing gave it.
    Raises UsageError for a folder without measures, or with records that prefer nothing, or without
    weights where these are to count.
    """
    shape = folder.manifest.shape
    if shape is Shape.RANKED:
        raise UsageError(
            f"{folder.root} has ranked records; make pairs of them first (--pairs best-worst)"
        )
    if not folder.manifest.signals:
        raise UsageError(
            f"{folder.root} has no measures; `curate filter {folder.root} -o DIR --preset none` "
            "makes a folder that has"
        )
    names = _names(folder.manifest)
    column = partial(numbers, _kept_signals(folder, names))
    return tell(folder, folder.manifest, names, column, kept_weights(folder) if weighted else None)


def kept_weights(folder: Folder) -> np.ndarray:
    """Return how much each kept record counts (float64), in the order of the records.

    Raises UsageError for a folder whose records have no weights.
    """
    import numpy as np

    if WEIGHT not in folder.manifest.signals:
        raise UsageError(
            f"{folder.root} has no weights; `curate balance {folder.root} -o DIR --on SIGNAL --how "
            "weighting` makes a folder that has"
        )
    weights = numbers(_kept_signals(folder, [WEIGHT]), WEIGHT)
    found: np.ndarray = np.nan_to_num(weights, nan=1.0)
    return found


def tell(
    folder: Folder,
    manifest: Manifest,
    names: Sequence[str],
    column: Column,
    weights: np.ndarray | None = None,
) -> list[Shortcut]:
    """Return the shortcuts that these signals of the kept records are, the strongest first.

    `column` gives those of a name in the order of the folder's data files, and is asked for one
    or two at a time; `manifest` is the folder's, which need not be written yet. `weights` say how
    much each pair counts; the shortcut of the models has none.
    """
    found: list[Shortcut] = []
    if manifest.shape is Shape.PAIR:
        found = list(_of_pairs(folder, manifest, names, column, weights))
    elif manifest.shape is Shape.LABELLED:
        found = list(_of_labels(folder, names, column))
    return sorted(found, key=lambda one: (-one.strength, one.name))


def within_pairs(
    name: str, chosen: np.ndarray, rejected: np.ndarray, weights: np.ndarray | None = None
) -> Shortcut | None:
    """Return the AUC within pairs of a signal (float64, n each), None where it is never measured.

    NaN in either means that the pair is not measured. `weights` (float64, n) say how much each pair
    counts; the interval is then that of as many pairs as they are worth (`worth`).
    """
    import numpy as np

    measured = ~(np.isnan(chosen) | np.isnan(rejected))
    pairs = int(measured.sum())
    if not pairs:
        return None
    higher = int(np.count_nonzero(chosen[measured] > rejected[measured]))
    ties = int(np.count_nonzero(chosen[measured] == rejected[measured]))
    auc = (higher + ties / 2) / pairs
    if weights is None:
        return Shortcut(name, auc, *_wilson(auc, pairs), pairs, ties)
    counts = weights[measured]
    if not counts.any():
        return None
    wins = np.sign(chosen[measured] - rejected[measured]) / 2 + 0.5
    auc = float(np.average(wins, weights=counts))
    return Shortcut(name, auc, *_wilson(auc, worth(counts)), pairs, ties)


def worth(weights: np.ndarray) -> float:
    """Return how many equal pairs weighed ones are worth: Kish's effective sample size (1965).

    The square of their sum by the sum of their squares; 0 where none weighs anything.
    """
    import numpy as np

    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def of_labels(name: str, values: np.ndarray, label: np.ndarray) -> Shortcut | None:
    """Return the AUC of a signal (float64, n; NaN: not measured) for a label (bool, n).

    None where one of the two labels has no measured record.
    """
    import numpy as np

    measured = ~np.isnan(values)
    values, label = values[measured], label[measured]
    good, bad = int(label.sum()), int((~label).sum())
    if not good or not bad:
        return None
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # of equal values the mean
    auc = (float(ranks[which][label].sum()) - good * (good + 1) / 2) / (good * bad)
    return Shortcut(name, auc, *_hanley_mcneil(auc, good, bad), good + bad, 0)


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of n."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _hanley_mcneil(auc: float, good: int, bad: int) -> tuple[float, float]:
    """Return Hanley and McNeil's interval of an AUC."""
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (good - 1) * (first - auc**2) + (bad - 1) * (second - auc**2)
    reach = _Z * math.sqrt(max(spread, 0) / (good * bad))
    return max(auc - reach, 0.0), min(auc + reach, 1.0)


def _names(manifest: Manifest) -> list[str]:
    """Return the signals that may be shortcuts: those of an answer."""
    return [name for name in manifest.signals if name.partition("_")[0] in _ANSWERS]


def _of_pairs(
    folder: Folder,
    manifest: Manifest,
    names: Sequence[str],
    column: Column,
    weights: np.ndarray | None,
) -> Iterator[Shortcut]:
    for name in names:
        base = name.removeprefix("chosen_")
        if name != base and f"rejected_{base}" in names:
            found = within_pairs(base, column(name), column(f"rejected_{base}"), weights)
            if found is not None:
                yield found
    by_model = _of_models(folder, manifest) if weights is None else None
    if by_model is not None:
        yield by_model


def _of_labels(folder: Folder, names: Sequence[str], column: Column) -> Iterator[Shortcut]:
    import numpy as np
    import pyarrow.parquet as pq

    from schemas.layout import undamaged

    parts = [np.zeros(0, bool)]
    for path in (path for paths in folder.splits().values() for path in paths):
        with undamaged(path):
            labels = pq.read_table(path, columns=["label"], use_threads=False).column(0)
        parts.append(labels.to_numpy().astype(bool))
    label = np.concatenate(parts)
    for name in names:
        base = name.removeprefix("completion_")
        if name != base:
            found = of_labels(base, column(name), label)
            if found is not None:
                yield found


def numbers(signals: pa.Table, name: str) -> np.ndarray:
    """Return a signal of a table as float64, NaN where it is null."""
    import numpy as np

    found: np.ndarray = signals.column(name).to_numpy().astype(np.float64, copy=False)
    return found


def _kept_signals(folder: Folder, names: list[str]) -> pa.Table:
    """Return signals of the kept records as they are stored, in the order of the records."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.layout import undamaged

    tables = []
    for path in folder.parts("signals"):
        if path.name.split("-")[0] != "dropped":
            with undamaged(path):
                tables.append(pq.read_table(path, columns=names, use_threads=False))
    return pa.concat_tables(tables)


def _of_models(folder: Folder, manifest: Manifest) -> Shortcut | None:
    """Return how well the names of the models alone tell the label, None where there are no two.

    Each model's share of wins is learned on one half of the pairs and told on the other, so that
    chance is no shortcut; halves go by the record's id.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = _models_of_pairs(folder, manifest)
    if whole is None:
        return None
    ids, chosen, rejected = whole.columns
    names, codes = _coded(pa.chunked_array([*chosen.chunks, *rejected.chunks]))
    if len(names) < 2:
        return None
    wins, losses = codes[: len(whole)], codes[len(whole) :]
    ends, end = _coded(pc.utf8_slice_codeunits(ids, -1))
    half = np.array([ord(sign) % 2 == 0 for sign in ends])[end]
    rate = np.empty((2, len(names)))
    for side, known in enumerate((half, ~half)):
        won, lost = (np.bincount(part[known], minlength=len(names)) for part in (wins, losses))
        rate[side] = (won + 1) / (won + lost + 2)
    other = half.astype(int)  # what is in the first half is told by the second
    return within_pairs(MODEL, rate[other, wins], rate[other, losses])


def _models_of_pairs(folder: Folder, manifest: Manifest) -> pa.Table | None:
    """Return id, model of chosen and model of rejected of the pairs of which both are known.

    None where there are none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ["id", "chosen_model", "rejected_model"]
    if not set(names) <= set(manifest.columns):
        return None
    paths = [path for paths in folder.splits().values() for path in paths]
    whole = pa.concat_tables(
        pq.read_table(path, columns=names, use_threads=False) for path in paths
    )
    both = pc.and_(whole.column(names[1]).is_valid(), whole.column(names[2]).is_valid())
    whole = whole.filter(both)
    return whole if len(whole) else None


def _coded(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """Return the different texts of a column (one at least), and for each row the number of its."""
    whole = column.combine_chunks().dictionary_encode()
    return whole.dictionary.to_pylist(), whole.indices.to_numpy()
