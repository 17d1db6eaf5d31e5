"""What a report tells of a dataset folder, as plain values for JSON.

Everything comes from the folder: the manifest has the counts, `signals/` the measures,
`dropped/` and `refused/` the rows that were not kept. Nothing is measured again.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.report.clusters import cluster_facts
from curate.report.contaminated import contamination_facts
from curate.report.picks import dropped_picks, kept_picks, refused_picks
from curate.rules import Rule
from curate.shortcuts import numbers, tell
from curate.signals import Signal, registry
from curate.whatif import in_force
from schemas.layout import Folder, Manifest, undamaged

SAMPLE: Final = 3_000
"""Records whose measures go into the page, so that thresholds can be moved there."""

BINS: Final = 36
"""Bars of a distribution."""

TAIL: Final = 0.5
"""Percent of the values at each end that share the first and the last bar."""

SKEWED: Final = 12.0
"""How many times the median the largest value must be for an axis to count in powers."""

UNMEASURED: Final = ("pair", "annotate", "check")
"""Stages that come before the measures: what they dropped has none."""

LABELS: Final = 12
"""Values of a column of names that are told apart; the rest are counted together."""


def facts(folder: Folder, manifest: Manifest) -> dict[str, Any]:
    """Return what a report tells; `manifest` need not be written yet.

    Raises DataError where a file of the folder cannot be read.
    """
    rules = in_force(manifest.stages)
    measures = _measures(folder)
    charts = _charts(measures, rules)
    return {
        "name": manifest.name,
        "shape": manifest.shape.value,
        "rows": sum(one.rows - one.blank for one in manifest.inputs),
        "kept": manifest.kept,
        "dropped": manifest.dropped,
        "refused": manifest.refused,
        "splits": manifest.splits,
        "sources": _sources(folder, manifest),
        "stages": [_stage(one) for one in manifest.stages],
        "rules": [_rule(one) for one in rules],
        "sample": _sample(measures, rules),
        "charts": charts,
        "constant": _constant(measures, charts),
        "shortcuts": _shortcuts(folder, manifest, measures),
        "clusters": cluster_facts(folder),
        "contamination": contamination_facts(folder),
        "people": _people(folder),
        "columns": _columns(folder, manifest),
        "reasons": [*refused_picks(folder), *dropped_picks(folder)],
        "examples": kept_picks(folder),
        "versions": manifest.versions,
    }


def _people(folder: Folder) -> dict[str, Any] | None:
    """Return what the pull that made the folder found of the annotators, None for no pull."""
    path = folder.root / "curation" / "agreement.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _stage(stage: Any) -> dict[str, Any]:
    taken = [
        {"kind": kind, "reason": reason, "rows": rows}
        for kind, counts in (("refused", stage.refused), ("dropped", stage.dropped))
        for reason, rows in counts.items()
    ]
    return {
        "stage": stage.stage,
        "entered": stage.entered,
        "made": stage.made,
        "left": stage.left,
        "taken": taken,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "text": str(rule),
        "signal": rule.signal,
        "op": rule.op.value,
        "threshold": rule.threshold,
    }


# --- where the rows came from --------------------------------------------------------------------


def _sources(folder: Folder, manifest: Manifest) -> list[dict[str, Any]]:
    """Return each source with what was read of it and what became of that."""
    rows: Counter[str] = Counter()
    for one in manifest.inputs:
        rows[one.source] += one.rows - one.blank
    kept = _counted([path for paths in folder.splits().values() for path in paths], "source")
    dropped = _counted(folder.parts("dropped"), "source")
    refused = _counted(folder.parts("refused"), "source")
    return [
        {
            **asdict(one),
            "rows": rows[one.name],
            "kept": kept[one.name],
            "dropped": dropped[one.name],
            "refused": refused[one.name],
        }
        for one in manifest.sources
    ]


def _columns(folder: Folder, manifest: Manifest) -> list[dict[str, Any]]:
    """Return how often each language and model occurs among the kept records."""
    paths = [path for paths in folder.splits().values() for path in paths]
    found = []
    for name in ("language", "chosen_model", "rejected_model", "model"):
        if name in manifest.columns:
            counts = _counted(paths, name)
            shown = counts.most_common(LABELS)
            rest = counts.total() - sum(rows for _, rows in shown)
            found.append({"name": name, "values": shown, "rest": rest})
    return found


def _counted(paths: list[Any], column: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in paths:
        with undamaged(path):
            values = pq.read_table(path, columns=[column], use_threads=False).column(0)
        for pair in pc.value_counts(values).to_pylist():
            if pair["values"] is not None:
                counts[pair["values"]] += pair["counts"]
    return counts


# --- measures ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measures:
    """The signals of all n records that were measured, and which of the n were kept (bool).

    They stay as they are stored; one is made numbers when it is asked for. As numbers all at once,
    those of a million records are 170 MB with the default preset and 500 MB with `chat`.
    """

    table: pa.Table
    kept: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """Return a signal of all n records (float64, NaN where it is null)."""
        return numbers(self.table, name)

    def of_kept(self, name: str) -> np.ndarray:
        """Return a signal of the records that were kept (float64, NaN where it is null)."""
        found: np.ndarray = self.column(name)[self.kept]
        return found


def _measures(folder: Folder) -> Measures:
    """Return the signals of every record that was measured, in the dataset's order of parts."""
    tables, kept = [], [np.zeros(0, bool)]
    for path in folder.parts("signals"):
        with undamaged(path), pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name != "id"]
            table = file.read(names, use_threads=False)
        if path.name.startswith("dropped-"):
            fate = folder.dropped / path.name
            with undamaged(fate):
                stage = pq.read_table(fate, columns=["stage"], use_threads=False).column(0)
            table = table.filter(pc.invert(pc.is_in(stage, value_set=pa.array(UNMEASURED))))
            kept.append(np.zeros(len(table), bool))
        else:
            kept.append(np.ones(len(table), bool))
        tables.append(table)
    whole = pa.concat_tables(tables) if tables else pa.table({})
    return Measures(whole, np.concatenate(kept))


def _sample(measures: Measures, rules: tuple[Rule, ...]) -> dict[str, Any]:
    """Return the measures that the rules read, of all records or of every so-manieth."""
    of = len(measures.kept)
    rows = np.unique(np.linspace(0, of - 1, min(of, SAMPLE)).round().astype(int))
    there = measures.table.column_names
    names = dict.fromkeys(rule.signal for rule in rules if rule.signal in there)
    return {
        "of": of,
        "rows": len(rows),
        "values": {name: [_number(one) for one in measures.column(name)[rows]] for name in names},
    }


def _shortcuts(folder: Folder, manifest: Manifest, measures: Measures) -> list[dict[str, Any]]:
    """Return how well each signal of the kept records tells the label, the strongest first."""
    return [
        {
            **asdict(one),
            **{name: float(f"{getattr(one, name):.4g}") for name in ("auc", "low", "high")},
            "about": _about_shortcut(one.name),
        }
        for one in tell(folder, manifest, measures.table.column_names, measures.of_kept)
        if one.ties < one.pairs
    ]


def _about_shortcut(name: str) -> str:
    for side in ("chosen", "completion"):
        one = registry().get(f"{side}_{name}")
        if one is not None:
            about = one.about.partition(": ")[2] or one.about
            about = about.replace(f"the {side} answer", "the answer").replace(side, "the answer")
            return about[:1].upper() + about[1:]
    return "Which model wrote the answer"


def _charts(measures: Measures, rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    """Return a distribution for each signal; both sides of a pair share one."""
    charts = []
    for title, names in _grouped(measures.table.column_names).items():
        known = [registry()[name] for name in names.values() if name in registry()]
        values = {name: measures.column(name) for name in names.values()}
        if known and any(map(_varies, values.values())):
            charts.append(_chart(title, names, known[0], values, measures.kept, rules))
    return charts


def _constant(measures: Measures, charts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the signals without a chart: those with one value in all records, or with none."""
    charted = {bar["signal"] for chart in charts for bar in chart["bars"]}
    return [
        {"signal": name, "about": registry()[name].about, "value": _only(measures.column(name))}
        for name in measures.table.column_names
        if name not in charted and name in registry()
    ]


def _varies(column: np.ndarray) -> bool:
    present = column[~np.isnan(column)]
    return len(present) > 0 and bool((present != present[0]).any())


def _only(column: np.ndarray) -> float | None:
    present = column[~np.isnan(column)]
    return _number(float(present[0])) if len(present) else None


def _grouped(names: list[str]) -> dict[str, dict[str, str]]:
    """Return the charts by title: each the signals it shows, by side."""
    charts: dict[str, dict[str, str]] = {}
    for name in names:
        side, _, stem = name.partition("_")
        both = side in ("chosen", "rejected") and {f"chosen_{stem}", f"rejected_{stem}"} <= {*names}
        charts.setdefault(stem if both else name, {})[side if both else ""] = name
    return charts


def _chart(
    title: str,
    names: dict[str, str],
    signal: Signal,
    values: dict[str, np.ndarray],
    kept: np.ndarray,
    rules: tuple[Rule, ...],
) -> dict[str, Any]:
    present = {side: ~np.isnan(values[name]) for side, name in names.items()}
    finite = np.concatenate([values[name][present[side]] for side, name in names.items()])
    edges, powers = _edges(finite[np.isfinite(finite)], signal)
    bars = [
        {
            "side": side,
            "signal": name,
            "kept": _counts(values[name][present[side] & kept], edges),
            "dropped": _counts(values[name][present[side] & ~kept], edges),
            "median": _number(float(np.median(values[name][present[side]])))
            if present[side].any()
            else None,
            "missing": int((~present[side]).sum()),
        }
        for side, name in names.items()
    ]
    marks = [_rule(rule) for rule in rules if rule.signal in names.values()]
    return {
        "title": title,
        "about": signal.about.replace("the chosen answer", "the answer"),
        "unit": signal.unit,
        "whole": bool(signal.whole and not powers and edges[1] - edges[0] == 1),
        "powers": powers,
        "edges": [_number(edge) for edge in edges],
        "bars": bars,
        "rules": marks,
    }


def _edges(values: np.ndarray, signal: Signal) -> tuple[np.ndarray, bool]:
    """Return the edges of the bars, and whether they are spaced in powers.

    Whole numbers get whole edges: or bars of one value would stand beside bars of two or of none.
    """
    if not len(values):
        return np.array([0.0, 1.0]), False
    if signal.whole and values.max() - values.min() < BINS:
        return np.arange(values.min(), values.max() + 2), False
    low, median, high = np.percentile(values, [TAIL, 50, 100 - TAIL])
    if low == high:
        return np.array([low, low + 1]), False
    if low >= 0 and high > SKEWED * max(median, 1):
        edges = np.expm1(np.linspace(np.log1p(low), np.log1p(high), BINS + 1))
        return (np.unique(edges.round()) if signal.whole else edges), True
    if signal.whole:
        low, step = np.floor(low), np.ceil((high - low) / BINS)
        return np.arange(low, high + step, step), False
    return np.linspace(low, high, BINS + 1), False


def _counts(values: np.ndarray, edges: np.ndarray) -> list[int]:
    """Return how many values fall into each bar; those beyond the ends into the end bars."""
    bars = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [int(count) for count in np.bincount(bars, minlength=len(edges) - 1)]


def _number(value: float) -> float | None:
    """Return a number with four significant digits; None for one that JSON has no word for."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
