"""From a recipe to work: which files there are, what format they have, which shards to do.

Nothing is written here. A plan is complete before the first row is adapted, so whatever is wrong
with paths, formats or options is said at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from curate.adapting.detect import detect, format_for
from curate.adapting.own import check_columns, remarks
from curate.balance import BalanceHow, sides_of
from curate.direction import allowed
from curate.disk import digest_of
from curate.engines import Engine
from curate.formats import Format
from curate.mixing import Portion
from curate.models.chosen import Judge, Models
from curate.models.judging import CRITERIA
from curate.pairing import Pairing
from curate.readers import FilePlan, plan, sample
from curate.recipe import Recipe, SourceSpec
from curate.remote.address import without_secrets
from curate.restoring import Wish
from curate.restoring import check as check_wish
from curate.rows import Rows, Shard
from curate.rules import Rule
from curate.signals import by_default, named, registry, signals_for
from curate.signals.weight import WEIGHT
from curate.sources import Advance, SourceFile, find, name_of, unwatched
from curate.stage import Content, Reading, StageTask
from schemas.errors import DataError, UsageError
from schemas.layout import (
    Folder,
    InputFile,
    Manifest,
    SourceInfo,
    Stage,
    undamaged,
)
from schemas.records import SCHEMAS, Shape

SAMPLED_FILES = 5
"""Files of a source that its format is found out from: the first, the last, and between."""

Say = Callable[[str], None]
"""Where sentences go that a person should read while the work goes on."""


@dataclass(frozen=True)
class Plan:
    """All the work of a run. `tasks` lack the folder to work in (`work`), which comes later.

    `signals` is what the records will be measured by and `made_by` what makes each (`measured`):
    nothing at first.
    """

    name: str
    shape: Shape
    tasks: tuple[StageTask, ...]
    inputs: tuple[InputFile, ...]
    sources: tuple[SourceInfo, ...]
    parents: tuple[Folder, ...]
    history: tuple[Stage, ...]
    signals: tuple[str, ...] = ()
    made_by: dict[str, str] = field(default_factory=dict)
    portions: tuple[Portion, ...] = ()

    @property
    def rows(self) -> int:
        """Positions to read: what progress is counted in."""
        return sum(one.rows for one in self.inputs) + sum(p.manifest.kept for p in self.parents)


@dataclass
class _Draft:
    """A plan in the making."""

    tasks: list[StageTask] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    sources: list[SourceInfo] = field(default_factory=list)
    parents: list[Folder] = field(default_factory=list)
    history: list[Stage] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    portions: list[Portion] = field(default_factory=list)


def make_plan(recipe: Recipe, engine: Engine, say: Say, advance: Advance = unwatched) -> Plan:
    """Find the files of every source, their formats and their shards.

    `advance` is told how far the fetching of sources is that do not lie here. Raises UsageError or
    DataError for what cannot be read, recognised or put together.
    """
    draft = _Draft()
    shapes: dict[str, Shape] = {}
    for spec in recipe.sources:
        first = len(draft.tasks)
        found = find(spec, say, advance)
        _check_folders(spec, found.folders)
        for folder in found.folders:
            shapes[folder.manifest.name] = _add_folder(draft, folder, engine)
        files = {file.path: file for file in found.files}
        paths = [file.path for file in found.files]
        plans = engine.map(plan, paths)  # workers begin with them while we look at their formats
        parts = understand(spec, paths) if paths else []
        laid = dict(zip(paths, plans, strict=True))
        licence = spec.license or found.license
        for part in parts:
            name = _unique(spec.name or name_of(spec, found, part.files), draft.names)
            here = [(files[path], laid[path]) for path in part.files]
            shapes[name] = _add_files(draft, name, spec, part, here, licence, recipe, say)
        if spec.take or spec.weight:
            shards = range(first, len(draft.tasks))
            draft.portions.append(Portion(_written(spec), shards, spec.take, spec.weight))
    shape = _one_shape(shapes)
    tasks = tuple(replace(task, index=index, shape=shape) for index, task in enumerate(draft.tasks))
    return Plan(
        name=recipe.name or next(iter(shapes)),
        shape=shape,
        tasks=tasks,
        inputs=tuple(draft.inputs),
        sources=tuple(draft.sources),
        parents=tuple(draft.parents),
        history=tuple(draft.history),
        portions=tuple(draft.portions),
    )


def measured(plan: Plan, recipe: Recipe, rules: Iterable[Rule]) -> Plan:
    """Return the plan with what its records are measured by, and what of it is there already.

    What the recipe asks for: the signals of its rules, those it names, and those that are measured
    by default, unless it measures nothing. Beside it what every source is a dataset folder with
    already. Of each folder those measures are taken over that were made by the same version.
    Raises UsageError for a signal that needs a package which is not installed.
    """
    columns = SCHEMAS[plan.shape].names
    asked = {rule.signal for rule in rules} | set(named(recipe.filter.signals, columns))
    carried = _carried(plan, recipe)
    weighs = recipe.balance.on is not None and recipe.balance.how is BalanceHow.WEIGHTING
    _check_made(asked, set() if weighs else carried)
    asked |= carried | ({WEIGHT} if weighs else set())
    if recipe.balance.on is not None:
        asked |= _balanced_signals(recipe.balance.on, columns, plan.shape.value)
    if recipe.measures or asked:
        asked |= set(by_default(columns))
    stored = [folder.manifest.signals for folder in plan.parents]
    signals = tuple(name for name in signals_for(columns) if name in asked)
    models = _models(recipe)
    made_by = _made_by(signals, models, stored)
    redact: tuple[str, ...] = ()
    if recipe.redact:
        from curate.redact import kinds_of

        redact = kinds_of(recipe.redact)
    made_anew = {WEIGHT} if weighs else set()
    if redact:  # other texts, other measures
        made_anew |= {name for name in signals if not registry()[name].made}
    reused = {
        str(folder.root): tuple(
            name for name in signals if kept.get(name) == made_by[name] and name not in made_anew
        )
        for folder, kept in zip(plan.parents, stored, strict=True)
    }
    tasks = tuple(
        replace(
            task,
            signals=signals,
            reused=reused.get(str(Path(task.shard.path).parent.parent), ()),
            redact=redact,
            models=models,
        )
        for task in plan.tasks
    )
    return replace(plan, tasks=tasks, signals=signals, made_by=made_by)


def _carried(plan: Plan, recipe: Recipe) -> set[str]:
    """Return the signals that every source is a dataset folder with.

    Not what a run made of the labels where people may turn these round.
    """
    if not plan.parents or any(task.content is Content.ROWS for task in plan.tasks):
        return set()
    both = set.intersection(*(set(folder.manifest.signals) for folder in plan.parents))
    return {name for name in both if not (recipe.annotations.active and registry()[name].made)}


def _check_made(asked: set[str], there: set[str]) -> None:
    """Raise UsageError for a signal that some step of a run makes, and no folder has yet."""
    for name in sorted(asked - there):
        if registry()[name].made:
            raise UsageError(
                f"{name} is made by no text: `curate balance DIR -o DIR2 --on SIGNAL --how "
                f"weighting` makes a folder that has it, and only such folders can be judged by it"
            )


def _models(recipe: Recipe) -> Models:
    """Return the models that the recipe brings for its signals."""
    said = recipe.judge
    judge = None
    if said.url is not None and said.model is not None:
        criteria = said.criteria or CRITERIA
        judge = Judge(
            said.url, said.model, criteria, said.key, said.at_once, said.timeout, said.place
        )
    return Models(**recipe.models.placed(), judge=judge)


def _made_by(
    signals: tuple[str, ...], models: Models, stored: list[dict[str, str]]
) -> dict[str, str]:
    """Return what each signal is made by; one whose model is not here must be stored already."""
    known = registry()
    made_by: dict[str, str] = {}
    for name in signals:
        before = {one.get(name) for one in stored}
        carried = len(before) == 1 and before != {None}
        if known[name].model and not models.has(known[name].model) and carried:
            made_by[name] = str(before.pop())
        else:
            made_by[name] = known[name].made_by(models)
    return made_by


def _balanced_signals(on: str, columns: list[str], what: str) -> set[str]:
    """Return the signals of chosen and rejected that are balanced."""
    both = sides_of(on)
    if not set(both) <= set(signals_for(columns)):
        raise UsageError(f"balancing needs chosen and rejected, which {what} records do not have")
    return set(both)


def restored(plan: Plan, recipe: Recipe) -> Plan:
    """Return the plan with the dropped records that the recipe brings back.

    Raises UsageError for a reason or an id by which nothing was dropped that can come back.
    """
    wish = Wish(recipe.restore.reasons, recipe.restore.ids)
    check_wish(plan.parents, wish)
    if recipe.filter.again:
        wish = replace(wish, reasons=(*wish.reasons, "filter"))
    if not wish:
        return plan
    tasks = [
        replace(task, back=wish) if task.content is Content.DROPPED else task for task in plan.tasks
    ]
    return replace(plan, tasks=tuple(tasks))


@dataclass(frozen=True)
class Understood:
    """Files of one format. `sure` is None where a person said what they are.

    `remarks` are what a person should hear of these files, beside the format's own notes.
    """

    files: tuple[str, ...]
    format: Format
    sure: float | None
    remarks: tuple[str, ...] = ()


def understand(spec: SourceSpec, files: list[str]) -> list[Understood]:
    """Return the format of a source's files: the one that was said, or the one they show.

    Files that show different formats, each by itself, are taken apart by format. Raises DataError
    with the nearest formats and a mapping to try where it is not sure, UsageError for a mapping
    that does not fit the files.
    """
    given = format_for(spec.format, tuple(spec.map.items()))
    samples = {path: sampled(path) for path in spread(files)}
    everything = [rows for part in samples.values() for rows in part]
    if given is not None:
        said: tuple[str, ...] = ()
        if spec.map:
            check_columns(given, everything)
            said = tuple(remarks(given, everything))
        return [Understood(tuple(files), given, None, said)]
    found = detect(everything)
    if found.format is not None:
        return [Understood(tuple(files), found.format, found.sure)]
    apart = _by_format(files, samples) if len(files) > 1 else []
    if not apart:
        raise DataError(f"{_written(spec)}: {found.sentence}")
    return apart


def _by_format(files: list[str], samples: dict[str, list[Rows]]) -> list[Understood]:
    """Return the files by the format that each shows by itself, nothing if one shows none."""
    groups: dict[str, tuple[Format, list[str], float]] = {}
    for path in files:
        found = detect(samples.get(path) or sampled(path))
        if found.format is None:
            return []
        name = found.format.name
        _, members, sure = groups.get(name, (found.format, [], 1.0))
        groups[name] = (found.format, [*members, path], min(sure, found.sure))
    return [Understood(tuple(paths), one, sure) for one, paths, sure in groups.values()]


def sampled(path: str) -> list[Rows]:
    """Return rows from all over a file, to know its format by."""
    return list(sample(path))


def spread(files: list[str]) -> list[str]:
    """Return a few of the files, from the first to the last."""
    if len(files) <= SAMPLED_FILES:
        return files
    step = (len(files) - 1) / (SAMPLED_FILES - 1)
    return [files[round(step * index)] for index in range(SAMPLED_FILES)]


def _check_folders(spec: SourceSpec, folders: tuple[Folder, ...]) -> None:
    """Raise UsageError for what can be said of raw files only."""
    said = [key for key in ("format", "map", "prompt", "pairs", "split") if getattr(spec, key)]
    if folders and said:
        raise UsageError(
            f"{folders[0].root} is a dataset folder: its records need no --format, --map or "
            "--prompt, nor pairs or a split of their own"
        )


def _add_folder(draft: _Draft, folder: Folder, engine: Engine) -> Shape:
    """Take up a dataset folder: its records, and what it dropped and refused before."""
    import pyarrow.parquet as pq

    manifest: Manifest = folder.manifest
    _check_files(folder, engine)
    names = {source.name: _unique(source.name, draft.names) for source in manifest.sources}
    renamed = tuple((old, new) for old, new in names.items() if old != new)
    reading = Reading(manifest.name, renamed=renamed)

    def add(content: Content, path: Path, split: str | None = None) -> None:
        with undamaged(path):
            groups = pq.read_metadata(path).num_row_groups
        for part in range(groups):
            shard = Shard(str(path), "parquet", part=part)
            draft.tasks.append(
                StageTask(0, "", content, manifest.shape, shard, reading, split=split)
            )

    for content in (Content.DROPPED, Content.REFUSED):
        for path in folder.parts(content.value):
            add(content, path)
    for split, paths in folder.splits().items():
        for path in paths:
            add(Content.RECORDS, path, split)
    draft.parents.append(folder)
    draft.inputs += [replace(one, source=names[one.source]) for one in manifest.inputs]
    draft.sources += [replace(one, name=names[one.name]) for one in manifest.sources]
    draft.history += manifest.stages
    return manifest.shape


def _check_files(folder: Folder, engine: Engine) -> None:
    """Raise DataError for a file of a folder that is not as it was written."""
    files = folder.manifest.files
    paths = [folder.root / name for name in files]
    for path, one, found in zip(paths, files.values(), engine.map(digest_of, paths), strict=True):
        if found != one.xxh3:
            raise DataError(
                f"{path} is not what {folder.manifest_path} says was written; the folder is "
                "damaged, make it again"
            )


def _add_files(
    draft: _Draft,
    name: str,
    spec: SourceSpec,
    part: Understood,
    files: list[tuple[SourceFile, FilePlan]],
    licence: str | None,
    recipe: Recipe,
    say: Say,
) -> Shape:
    """Take up raw files of one format as one source."""
    found = part.format
    shape = found.shape
    pairing = recipe.pairing if spec.pairs is None else Pairing(spec.pairs, recipe.seed)
    if shape is Shape.RANKED:
        shape = pairing.shape
    reading = Reading(
        source=name,
        format=None if spec.map else found.name,
        only=spec.format is not None or bool(spec.map),
        map=tuple(spec.map.items()),
        prompt=spec.prompt,
        pairing=pairing,
        max_disagreement=allowed(spec.max_disagreement, found),
    )
    shards: list[_Piece] = []
    first = 0
    for file, one in files:
        shards += [_Piece(shard, first, file.split) for shard in one.shards]
        draft.inputs.append(
            InputFile(
                name, file.address, one.sha256, one.bytes, one.container, first, one.rows, one.blank
            )
        )
        first += one.rows
    draft.tasks += _tasks(shards, shape, reading, whole=found.gather is not None)
    for note in (*found.notes, *part.remarks):
        say(f"{name}: {note}")
    sure = None if part.sure is None else round(part.sure, 3)
    about = SourceInfo(name, _written(spec), found.name, sure, licence, found.notes)
    draft.sources.append(about)
    return shape


@dataclass(frozen=True)
class _Piece:
    """A shard, the `source_row` of its file's first row, and the split that its file is of."""

    shard: Shard
    first: int
    split: str | None


def _tasks(pieces: list[_Piece], shape: Shape, reading: Reading, *, whole: bool) -> list[StageTask]:
    """Return a task for each shard; where a source is taken `whole`, one for each of its splits."""
    groups = [[piece] for piece in pieces]
    if whole:
        splits = dict.fromkeys(piece.split for piece in pieces)
        groups = [[piece for piece in pieces if piece.split == split] for split in splits]
    return [
        StageTask(
            0,
            "",
            Content.ROWS,
            shape,
            first.shard,
            reading,
            first.first,
            first.split,
            further=tuple((piece.shard, piece.first) for piece in others),
        )
        for first, *others in groups
    ]


def _written(spec: SourceSpec) -> str:
    return ", ".join(without_secrets(path) for path in spec.paths)


def _unique(name: str, taken: set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique


def _one_shape(shapes: dict[str, Shape]) -> Shape:
    if len(set(shapes.values())) > 1:
        said = ", ".join(f"{name} has {shape.value} records" for name, shape in shapes.items())
        raise UsageError(f"one dataset holds one shape of record, but {said}; import them apart")
    if not shapes:
        raise UsageError("there is no source to read")
    return next(iter(shapes.values()))
