"""How results look in a terminal, and as JSON for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from curate import direction
from curate.api import Dataset
from curate.console import err, out, safe
from schemas.layout import Stage

if TYPE_CHECKING:
    from curate.detection import Look
    from curate.explain import Difference, Story
    from curate.export.hub import Pushed
    from curate.export.public import Public
    from curate.export.snippets import Exported
    from curate.export.trainers import Target
    from curate.pipeline import Preview

_TURN_CHARS = 400
_ROW_CHARS = 160


def show_dataset(data: Dataset, *, as_json: bool = False) -> None:
    """Show what a run made: where every row went, and what to do next."""
    manifest = data.manifest
    if as_json:
        _print_json(
            {
                "path": str(data.path),
                "name": manifest.name,
                "shape": manifest.shape.value,
                "splits": manifest.splits,
                "sources": [asdict(one) for one in manifest.sources],
                "stages": [asdict(one) for one in manifest.stages],
                "manifest": data.folder.manifest_hash,
            }
        )
        return
    console = out()
    for source in manifest.sources:
        sure = "" if source.sure is None else f" ({source.sure:.0%} sure)"
        console.print(safe(f"{source.name}: {source.format}{sure}  {source.path}"))
        if source.scores is not None:
            console.print(f"  {direction.said(source.scores)}", style="dim")
    console.print(_stage_table(manifest.stages))
    kept = ", ".join(f"{count:,} {split}" for split, count in manifest.splits.items())
    console.print(Text.assemble(("kept ", "bold green"), f"{kept}   ", safe(str(data.path))))
    if manifest.dropped or manifest.refused:
        name = _an_id(data)
        console.print(
            Text.assemble(
                f"{manifest.dropped:,} dropped, {manifest.refused:,} refused: each with its reason",
                safe(f"; for one of them: curate explain {data.path} {name}") if name else "",
            ),
            style="dim",
        )


def show_report(
    told: dict[str, Any], stages: tuple[Stage, ...], page: Path, *, as_json: bool = False
) -> None:
    """Show the facts of a report as tables, and where its page is."""
    if as_json:
        _print_json({**told, "page": str(page)})
        return
    console = out()
    numbers = ("rows", "refused", "dropped", "kept")
    sources = _table("source", "format", "licence", right=numbers)
    for one in told["sources"]:
        names = [safe(one["name"]), safe(one["format"]), safe(one["license"] or "not said")]
        counts = [f"{one[key]:,}" for key in numbers]
        sources.add_row(*names, *counts)
    console.print(sources)
    console.print(_stage_table(stages))
    measures = _table("measure", "side", right=("median", "not measurable"), last="kept where")
    for chart in told["charts"]:
        rules = ", ".join(rule["text"] for rule in chart["rules"])
        for bar in chart["bars"]:
            median = "" if bar["median"] is None else f"{bar['median']:,g}"
            row = (chart["title"], bar["side"] or "all", median, f"{bar['missing']:,}", rules)
            measures.add_row(*row)
    if told["charts"]:
        console.print(measures)
    _show_across(told, console)
    console.print(safe(f"the same with pictures, and rows to read: {page}"))


_STRONGEST = 5
"""Shortcuts that the terminal shows; the page shows all."""


def _show_across(told: dict[str, Any], console: Console) -> None:
    """Show the shortcuts, the duplicates and the benchmarks of a report."""
    if told["shortcuts"]:
        shortcuts = _table("shortcut", right=("AUC", "95 %"))
        for one in told["shortcuts"][:_STRONGEST]:
            interval = f"{one['low']:.3f} to {one['high']:.3f}"
            shortcuts.add_row(safe(one["name"]), f"{one['auc']:.3f}", interval)
        console.print(shortcuts)
    if told["clusters"]:
        clusters = _table("repeats and conflicts", right=("clusters", "records", "went"))
        for one in told["clusters"]:
            counts = [f"{one[key]:,}" for key in ("clusters", "records", "gone")]
            clusters.add_row(safe(f"{one['kind']}, by {one['over']}"), *counts)
        console.print(clusters)
    if told["contamination"] and told["contamination"]["benchmarks"]:
        benchmarks = _table("benchmark", right=("questions", "records"), last="where")
        for one in told["contamination"]["benchmarks"]:
            where = ", ".join(f"{rows:,} in {side}" for side, rows in one["sides"].items())
            counts = [f"{one[key]:,}" for key in ("questions", "records")]
            benchmarks.add_row(safe(one["benchmark"]), *counts, safe(where))
        console.print(benchmarks)


def show_export(
    target: Target, made: Exported, to: Path, *, weighed: bool, as_json: bool = False
) -> None:
    """Show what an export wrote, what it leaves out, and the file that says how to go on.

    `weighed` records have weights, which no trainer of these reads row by row.
    """
    files = [*made.files.values(), *made.snippets]
    left_out = ", ".join(filter(None, [target.leaves_out, "the pairs' weights" if weighed else ""]))
    if as_json:
        _print_json({"path": str(to), "files": files, "leaves_out": left_out or None})
        return
    console = out()
    console.print(safe(f"{target.title}: {to}"))
    for name in files:
        console.print(safe(f"  {name}"))
    if left_out:
        console.print(safe(f"left out, for want of a place: {left_out}"), style="dim")


_CONFIGS = {"data": "default"}


def show_public(
    public: Public, repo: str, *, private: bool, only: bool = False, as_json: bool = False
) -> None:
    """Show what an upload makes public: on stdout where that is all (`only`), else on stderr."""
    if only and as_json:
        _print_json({"repo": repo, "private": private, **asdict(public)})
        return
    console = out() if only else err()
    who = "whoever may read the private" if private else "everybody who reads"
    console.print(safe(f"{who} {repo} will see:"))
    for kind, count in public.rows.items():
        console.print(safe(f"  {_CONFIGS.get(kind, kind)}: {count:,} rows"))
    console.print(safe(f"  {len(public.files):,} files, {decimal(public.bytes)}"))
    console.print(safe(f"  the paths of the sources, such as {public.path}"))
    if public.personal is None:
        console.print("  nobody looked for personal data and secrets: there are no such signals")
    else:
        found = [f"{name} in {n:,} records" for name, n in public.personal.items() if n]
        console.print(safe(f"  personal data and secrets: {', '.join(found) or 'none found'}"))
    for name, licence in public.licences.items():
        console.print(safe(f"  licence of {name}: {licence or 'not said'}"))
    console.print(safe(f"  licence of the whole: {public.licence or 'none'} ({public.why})"))


def show_pushed(pushed: Pushed, *, as_json: bool = False) -> None:
    """Show what an upload did, and how to read it back."""
    if as_json:
        _print_json({name: value for name, value in asdict(pushed).items() if name != "public"})
        return
    console = out()
    if not pushed.uploaded and not pushed.removed:
        console.print(safe(f"{pushed.repo} has all of it already"))
    else:
        gone = f", {len(pushed.removed):,} of an earlier export removed" if pushed.removed else ""
        console.print(safe(f"{pushed.repo}: {len(pushed.uploaded):,} files uploaded{gone}"))
    console.print(safe(f"  {pushed.url}"))
    console.print(safe(f"read it back with: curate import hub:{pushed.repo} -o DIR"), style="dim")


def _an_id(data: Dataset) -> str:
    """Return the id of the record that was dropped last, or the place of a refused row."""
    from itertools import chain

    import pyarrow.parquet as pq

    ends = (data.folder.parts("dropped")[-1:], data.folder.parts("refused")[-1:])
    for path in chain(*ends):
        with pq.ParquetFile(path) as file:
            dropped = "id" in file.schema_arrow.names
            columns = ["id"] if dropped else ["source", "source_row"]
            if file.num_row_groups:
                last = file.read_row_group(file.num_row_groups - 1, columns)
                row = last.slice(len(last) - 1).to_pylist()[0]
                return str(row["id"]) if dropped else f"{row['source']}:{row['source_row']}"
    return ""


def _table(*left: str, right: tuple[str, ...] = (), last: str = "") -> Table:
    """Return an empty table: columns of words, then of numbers, then one of words again."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in left:
        table.add_column(name, header_style="bold")
    for name in right:
        table.add_column(name, justify="right", header_style="bold")
    if last:
        table.add_column(last, header_style="bold")
    return table


def _stage_table(stages: tuple[Stage, ...]) -> Table:
    table = _table("stage", right=("in", "taken"), last="reason")
    table.add_column("out", justify="right", header_style="bold")
    for one in stages:
        taken = [*one.refused.items(), *one.dropped.items()]
        back = sum(one.restored.values())
        more = [f"{one.made:+,} made"] if one.made else []
        more += [f"{-one.merged:+,} merged into others"] if one.merged else []
        more += [f"{back:+,} restored"] if back else []
        table.add_row(one.stage, f"{one.entered:,}", "", ", ".join(more), f"{one.left:,}")
        fails = "fails " if one.stage == "filter" else ""
        for reason, count in taken:
            table.add_row("", "", f"{count:,}", safe(fails + reason, _ROW_CHARS), "")
    return table


def show_preview(found: Preview, *, as_json: bool = False) -> None:
    """Show what each rule would take: alone, first in order, and nobody else."""
    tally = found.tally
    if as_json:
        rules = (
            []
            if tally is None
            else [
                {"rule": str(rule), "alone": a, "first": f, "only": o, "not_measurable": n}
                for rule, a, f, o, n in zip(
                    tally.rules,
                    tally.alone.tolist(),
                    tally.first.tolist(),
                    tally.only.tolist(),
                    tally.nulls.tolist(),
                    strict=True,
                )
            ]
        )
        stages = [asdict(stage) for stage in found.stages]
        _print_json({"splits": found.splits, "stages": stages, "rules": rules})
        return
    console = out()
    console.print(_stage_table(tuple(s for s in found.stages if s.stage != "filter")))
    if tally is not None:
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("rule: kept where", header_style="bold")
        for name in ("takes alone", "takes in order", "nobody else takes", "not measurable"):
            table.add_column(name, justify="right", header_style="bold")
        for index, rule in enumerate(tally.rules):
            counts = (tally.alone, tally.first, tally.only, tally.nulls)
            table.add_row(str(rule), *(f"{int(count[index]):,}" for count in counts))
        table.add_row("all together", "", f"{tally.dropped:,}", "", "", style="bold")
        console.print(table)
    kept = sum(found.splits.values())
    console.print(f"{kept:,} records would stay; nothing was written", style="bold")


def show_formats(*, as_json: bool = False) -> None:
    """List the formats."""
    from curate.formats import registry

    known = registry()
    if as_json:
        _print_json(
            [
                {
                    "name": one.name,
                    "title": one.title,
                    "shape": one.shape.value,
                    "columns": sorted(one.columns),
                    "optional": sorted(one.optional),
                    "direction": one.direction,
                }
                for one in known.values()
            ]
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("format", "what", "shape", "columns", "which answer is better"):
        table.add_column(name, header_style="bold")
    for one in known.values():
        table.add_row(one.name, one.title, one.shape.value, ", ".join(one.columns), one.direction)
    out().print(table)


def show_rules(*, as_json: bool = False) -> None:
    """List the signals and the presets."""
    from curate.presets import PRESETS
    from curate.signals import described, registry

    known = registry()
    if as_json:
        _print_json(
            {
                "signals": [
                    {
                        "name": s.name,
                        "about": s.about,
                        "unit": s.unit,
                        "needs": list(s.needs),
                        "source": s.source,
                        "family": s.family,
                        "on_demand": s.on_demand,
                    }
                    for s in known.values()
                ],
                "presets": [
                    {"name": p.name, "about": p.about, "rules": [str(r) for r in p.rules]}
                    for p in PRESETS.values()
                ],
            }
        )
        return
    console = out()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("signal", "what it says", "unit", "family", "measured", "source"):
        table.add_column(name, header_style="bold")
    for group in described():
        s = group.one
        measured = "on demand" if s.on_demand else "always"
        names = "\n".join(group.names)
        table.add_row(names, group.about, s.unit, s.family, measured, s.source)
    console.print(table)
    for p in PRESETS.values():
        console.print(f"\n[bold]--preset {p.name}[/]: {p.about}")
        for rule in p.rules:
            console.print(f"  {rule}")


def show_detection(found: Look, *, as_json: bool = False) -> None:
    """Show the format of a source, how sure it is, and the first records."""
    detection, scores = found.detection, found.scores
    if as_json:
        _print_json(
            {
                "source": found.source,
                "files": len(found.files),
                "format": found.format.name if found.format else None,
                "sure": round(detection.sure, 3),
                "nearest": [match.format.name for match in detection.nearest],
                "map": dict(detection.proposed_map),
                "command": found.command,
                "scores": scores and {**asdict(scores), "share": round(scores.share, 4)},
                "rows": list(found.rows),
            }
        )
        return
    console = out()
    if found.format is None:
        console.print(safe(f"{found.source}: {detection.sentence}"))
        _show_proposal(console, found)
        return
    console.print(
        Text.assemble(
            safe(f"{found.source}: "), (found.format.name, "bold"), f" ({detection.sure:.0%} sure)"
        )
    )
    console.print(safe(f"{found.format.title}; {found.format.direction}"), style="dim")
    if scores is not None:
        console.print(f"in the sample, {direction.said(scores)}")
    _show_rows(console, found)


def _show_proposal(console: Console, found: Look) -> None:
    """Show the command to try on a source that was not recognised, and what it would give."""
    if found.command is None:
        return
    # Printed as it is, for a person to copy: a line that the terminal breaks is still one.
    console.print(safe(found.command), style="bold", soft_wrap=True)
    if not found.rows:
        console.print("what it should say for COLUMN and VALUE, only you can know", style="dim")
        return
    console.print(f"it reads {found.read:,} of the {found.sampled:,} sampled rows", style="dim")
    if found.scores is not None:
        console.print(f"in the sample, {direction.said(found.scores)}")
    _show_rows(console, found)


def _show_rows(console: Console, found: Look) -> None:
    for number, row in enumerate(found.rows):
        console.print(f"\nrow {number + 1}", style="bold")
        _show_record(console, row)


def show_story(story: Story, *, as_json: bool = False) -> None:
    """Show one row's story."""
    if as_json:
        _print_json(asdict(story))
        return
    console = out()
    origin = story.origin
    place = f"row {origin.row_in_file if origin.row_in_file is not None else origin.row}"
    line = f", line {origin.line}" if origin.line else ""
    name = story.id or f"{origin.source}:{origin.row}"
    console.print(
        safe(f"{name}  from {origin.file or origin.source}, {place}{line}"),
        style="bold",
    )
    if origin.format:
        console.print(safe(f"read as {origin.format}, source {origin.source}"))
    if story.where.startswith("data/"):
        console.print(Text.assemble(("kept", "bold green"), f" in {story.where}"))
    else:
        verb = "refused" if story.where == "refused" else "dropped"
        console.print(
            Text.assemble(
                (verb, "bold red"),
                f" at {story.fate.get('stage')}: ",
                safe(str(story.fate.get("reason"))),
            )
        )
        for name in ("rule", "value", "threshold", "also", "duplicate_of"):
            if story.fate.get(name) not in (None, []):
                console.print(safe(f"  {name}: {_short(story.fate[name])}"))
        if story.same_as:
            console.print(f"  the same as {story.same_as}")
    if story.asked:
        old, new = story.asked.get("old"), story.asked.get("new", "nothing agreed on")
        console.print(safe(f"people were asked: {story.asked['verdict']} (was {old}, now {new})"))
        console.print(safe(f"  votes: {story.asked.get('votes', 'none')}", _ROW_CHARS))
    telling = {name: value for name, value in story.signals.items() if value}
    if telling:
        said = "  ".join(f"{name} {_short(value)}" for name, value in telling.items())
        console.print(safe(f"signals (all others are 0): {said}"), style="dim")
    if isinstance(story.record, str):
        console.print(safe(story.record, 4 * _TURN_CHARS))
    else:
        _show_record(console, story.record)


def show_difference(found: Difference, *, as_json: bool = False) -> None:
    """Show how two folders differ."""
    if as_json:
        _print_json(asdict(found))
        return
    console = out()
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("records", justify="right", header_style="bold")
    table.add_column("what", header_style="bold")
    table.add_column("for example", header_style="bold")
    table.add_row(f"{found.same:,}", "the same in both", "")
    for reason, count in found.gone.items():
        table.add_row(f"{count:,}", safe(f"gone ({reason})"), _examples(found, f"gone: {reason}"))
    for way, count in found.moved.items():
        table.add_row(f"{count:,}", safe(f"moved {way}"), _examples(found, "moved"))
    if found.new:
        table.add_row(f"{found.new:,}", "new", _examples(found, "new"))
    console.print(table)


def _examples(found: Difference, kind: str) -> Text:
    return safe(", ".join(found.examples.get(kind, ())[:2]))


def _show_record(console: Console, record: dict[str, Any]) -> None:
    for name, value in record.items():
        if value is None or name in ("id", "source", "source_row"):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
            for turn in value:
                console.print(
                    Text.assemble((f"  {name} ", "cyan"), (f"{safe(turn['role'] or '')}: ", "dim")),
                    safe(turn["content"] or "", _TURN_CHARS),
                    sep="",
                )
        else:
            console.print(Text(f"  {name} ", "cyan"), safe(_short(value), _ROW_CHARS), sep="")


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=True, default=str))
