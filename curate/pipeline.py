"""One pass from sources to a dataset folder: what every command that writes a folder runs.

Three steps, each a map over independent tasks or a small decision between them:

1. `stage`   one task a shard: read, adapt, check, measure, set aside
2. `decide`  on the measures alone: rules, splits, ids; before it, where the recipe asks for it, a
   look across all records (`across`): benchmarks, duplicates, conflicts
3. `write`   one task a file: the Parquet files; then the card and, last, the manifest

A command is a recipe and where to write it; `curate import`, `filter`, `split` and `run` differ in
the recipe only.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from curate import direction
from curate import recipe as recipes
from curate import rules as rulebook
from curate.balance import sides_of
from curate.costs import judge_cost, without_asking
from curate.decide import Decided, Given, Overall, Wanted, decide, overall
from curate.disk import disk_sentences, write_text_aside
from curate.engines import ENGINES, Engine, WorkerLostError, open_engine
from curate.plan import Plan, make_plan, measured, restored
from curate.presets import preset_rules
from curate.recipe import Leaks, Recipe
from curate.rules import Rule, Tally
from curate.signals import registry
from curate.stage import Content, Staged, StageTask, stage
from curate.stage import prepare as stage_loops
from curate.whatif import in_force
from curate.work import Target, Workplace
from curate.write import plan_files, write, write_clusters, write_contamination, write_refused
from schemas.errors import DataError, UsageError, did_you_mean
from schemas.layout import Folder, InputFile, Manifest, OutputFile, Stage, open_folder
from schemas.records import REQUIRED, SCHEMA_VERSION, SCHEMAS, Shape

if TYPE_CHECKING:
    from curate.across import Looking, Seen
    from curate.annotate.review import Review


class Watcher(Protocol):
    """Someone who is told what goes on."""

    def say(self, text: str) -> None:
        """Take note of a sentence that a person should read."""

    def advance(self, step: str, done: int, total: int) -> None:
        """Take note that of a step's `total` units of work `done` are done."""


class Silent:
    """A watcher that keeps what was said and shows nothing."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep the sentence."""
        self.said.append(text)

    def advance(self, step: str, done: int, total: int) -> None:
        """Show nothing."""


@dataclass(frozen=True)
class How:
    """How to work: nothing of this changes the result."""

    engine: str = "local"
    workers: int = 1


@dataclass(frozen=True)
class Preview:
    """What a run would do: the counts of a `--dry-run`."""

    plan: Plan
    stages: tuple[Stage, ...]
    splits: dict[str, int]
    tally: Tally | None


def run(
    recipe: Recipe,
    target: Target,
    how: How | None = None,
    watcher: Watcher | None = None,
) -> Folder:
    """Do what a recipe says and return the finished folder.

    Raises UsageError or DataError with one sentence for whatever is wrong with the recipe, the
    sources, the output or the result.
    """
    how, watcher = how or How(), watcher or Silent()
    target.check()
    again = "make room and run the same command again with --resume"
    with disk_sentences(target.output.parent, again), _engine(how, recipe) as engine:
        plan = make_plan(recipe, engine, watcher.say, watcher.advance)
        rules, lookout = rules_of(recipe, plan), _lookout(recipe, plan.shape)
        plan = restored(measured(plan, recipe, rules), recipe)
        for remark in rulebook.idle(rules):
            watcher.say(remark)
        recipe, review = _reviewed(recipe, plan, watcher)
        for remark in judge_cost(plan, recipe):
            watcher.say(remark)
        job = _job(recipe, plan, lookout)
        if target.resume and target.finished and _is_done(job, target):
            Workplace(target, job).tidy()
            return open_folder(target.output)
        with Workplace(target, job) as place:
            staged = _stage(plan, place.work, engine, watcher, review)
            plan, wrong = _proven(plan, staged)
            if wrong:
                place.discard()
                raise DataError(wrong)
            stages, splits, files = _decide_and_write(
                recipe, plan, rules, lookout, place, staged, engine, watcher
            )
            if review is not None or any(one.parts("annotations") for one in plan.parents):
                from curate.annotate.results import write_annotations

                files |= write_annotations(review, plan.parents, place.root)
            _seal(plan, recipe, place, splits, stages, files, staged, versions(lookout, plan))
            place.finish()
    return open_folder(target.output)


def preview(recipe: Recipe, how: How | None = None, watcher: Watcher | None = None) -> Preview:
    """Do everything but write: return what a run would keep, and what each rule would take."""
    how, watcher = how or How(), watcher or Silent()
    with _scratch() as work, _engine(how, recipe) as engine:
        (work / "stage").mkdir()
        plan = make_plan(recipe, engine, watcher.say, watcher.advance)
        rules, lookout = rules_of(recipe, plan), _lookout(recipe, plan.shape)
        plan = restored(measured(plan, recipe, rules), recipe)
        for remark in rulebook.idle(rules):
            watcher.say(remark)
        recipe, review = _reviewed(recipe, plan, watcher)
        for remark in judge_cost(plan, recipe):
            watcher.say(remark)
        plan = without_asking(plan)
        staged = _stage(plan, work, engine, watcher, review)
        plan, wrong = _proven(plan, staged)
        if wrong:
            raise DataError(wrong)
        _, _, decided = _decide(recipe, plan, rules, lookout, work, engine, watcher)
        stages = _history(plan, staged, decided, recipe)
        return Preview(plan, tuple(stages), decided.splits, decided.tally)


def rules_of(recipe: Recipe, plan: Plan) -> tuple[Rule, ...]:
    """Return the rules of a recipe: the preset's, then its own.

    A rule of the recipe's own takes the place of the preset's rules on the same signal, and of
    those that the filters before had where what they dropped is judged again. Raises UsageError
    for a rule that the records of the plan cannot be judged by.
    """
    columns = SCHEMAS[plan.shape].names
    own = rulebook.parse_all(recipe.filter.rules)
    rulebook.check_applies(own, columns, plan.shape.value)
    named = {rule.signal for rule in own}
    preset = preset_rules(recipe.filter.preset, columns) if recipe.filter.preset else ()
    if recipe.filter.again:  # what is judged again is judged by the rules of before as well
        before = [rule for one in plan.parents for rule in in_force(one.manifest.stages)]
        preset = tuple(dict.fromkeys([*before, *preset]))
    return (*(rule for rule in preset if rule.signal not in named), *own)


def _lookout(recipe: Recipe, shape: Shape) -> Looking | None:
    """Return what the recipe wants to be looked for across the records, None for nothing.

    Raises UsageError for what cannot be found in this shape.
    """
    if not recipe.looks_across:
        return None
    from curate.across import looking

    return looking(recipe, shape)


def _wanted(recipe: Recipe, plan: Plan, rules: tuple[Rule, ...]) -> Wanted:
    test = recipe.split.test if recipe.split and recipe.split.test else None
    return Wanted(
        plan.shape,
        rules,
        plan.signals,
        test,
        recipe.seed,
        balance=None if recipe.balance.on is None else sides_of(recipe.balance.on),
        how=recipe.balance.how,
        given=Given(recipe.split.keep, recipe.split.leaks is Leaks.DROP),
        portions=plan.portions,
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder for what a preview needs on the way."""
    place = Path(tempfile.gettempdir())
    mend = "make room, or name another place for temporary files with TMPDIR"
    with (
        disk_sentences(place, mend),
        tempfile.TemporaryDirectory(prefix="pairwright-") as folder,
    ):
        yield Path(folder)


def _is_done(job: dict[str, Any], target: Target) -> bool:
    """Return whether this very run was completed before.

    Raises UsageError where another one was, and may not be replaced.
    """
    manifest = open_folder(target.output).manifest
    if job == _job_of(manifest):
        return True
    if not target.overwrite:
        raise UsageError(
            f"{target.output} is complete, but by another run (its recipe, options or input files "
            "differ); give another folder with -o, or --overwrite to replace it"
        )
    return False


def _said_recipe(recipe: Recipe) -> dict[str, Any]:
    plain = recipes.to_plain(recipe)
    plain.pop("output", None)
    return plain


def _job(recipe: Recipe, plan: Plan, lookout: Looking | None) -> dict[str, Any]:
    """Return what makes this run this run: a run may go on only where all of it is the same."""
    parents = [parent.manifest_hash for parent in plan.parents]
    return _identity(
        _said_recipe(recipe), plan.inputs, parents, versions(lookout, plan), SCHEMA_VERSION
    )


def _job_of(manifest: Manifest) -> dict[str, Any]:
    """Return what made the run that wrote a manifest that run."""
    return _identity(
        manifest.recipe,
        manifest.inputs,
        list(manifest.parents),
        manifest.versions,
        manifest.schema_version,
    )


def _identity(
    recipe: dict[str, Any],
    inputs: tuple[InputFile, ...],
    parents: list[str],
    versions: dict[str, str],
    schema: int,
) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "inputs": [one.sha256 for one in inputs],
        "parents": parents,
        "versions": versions,
        "schema": schema,
    }


def versions(lookout: Looking | None, plan: Plan) -> dict[str, str]:
    """Return the versions that the bytes of a folder depend on, those of models among them."""
    from importlib.metadata import version

    packages = {name: version(name) for name in ("pairwright", "pyarrow")}
    by_model = {
        f"signal {name}": made for name, made in plan.made_by.items() if registry()[name].model
    }
    return packages | by_model | (lookout.versions if lookout else {})


def _reviewed(recipe: Recipe, plan: Plan, watcher: Watcher) -> tuple[Recipe, Review | None]:
    """Fetch what people say of the records, and return it with the recipe that names it exactly.

    Raises UsageError where there are other sources than one dataset folder.
    """
    if not recipe.annotations.active:
        return recipe, None
    from curate.annotate.pull import reviewed

    if len(plan.parents) != 1 or any(task.content is Content.ROWS for task in plan.tasks):
        raise UsageError(
            "annotations belong to the records of one dataset folder; give that folder as the only "
            "source"
        )
    found, said = reviewed(plan.parents[0], recipe.annotations, watcher.say)
    return recipe.model_copy(update={"annotations": said}), found


def _stage(
    plan: Plan, work: Path, engine: Engine, watcher: Watcher, review: Review | None
) -> list[Staged]:
    tasks = [replace(task, work=str(work)) for task in plan.tasks]
    if review is not None:
        from curate.annotate.review import store

        place = work / "review.arrow"
        store(review, place)
        tasks = [replace(task, review=str(place)) for task in tasks]
    done, staged = 0, []
    total = plan.rows
    watcher.advance("read", 0, total)
    for result in engine.map(stage, tasks):
        done += result.rows
        staged.append(result)
        watcher.advance("read", min(done, total), total)
    watcher.advance("read", total, total)
    _told_mixture(plan, staged, watcher)
    taken_out = _sum(one.redacted for one in staged)
    if taken_out:
        said = ", ".join(f"{count:,} {kind}" for kind, count in taken_out.items())
        watcher.say(f"taken out of the texts: {said}")
    for signal, rows in _sum(one.unmeasured for one in staged).items():
        watcher.say(f"{rows:,} rows have no {signal}; no rule on it drops them")
    return staged


def _decide_and_write(
    recipe: Recipe,
    plan: Plan,
    rules: tuple[Rule, ...],
    lookout: Looking | None,
    place: Workplace,
    staged: list[Staged],
    engine: Engine,
    watcher: Watcher,
) -> tuple[tuple[Stage, ...], dict[str, int], dict[str, OutputFile]]:
    """Decide on all records and write them; return the stages, how many each split has, the files.

    What is held of every record is let go with that: the report needs memory of its own.
    """
    known, seen, decided = _decide(recipe, plan, rules, lookout, place.work, engine, watcher)
    stages = _history(plan, staged, decided, recipe)
    if not sum(decided.splits.values()):
        place.discard()
        raise DataError(nothing_left(plan, stages))
    files = _write(plan, place, staged, decided, engine, watcher)
    if seen is not None:
        files |= write_clusters(place.work, place.root, seen.clusters, known)
        files |= write_contamination(place.root, seen.contamination, known)
    files |= _carried(recipe, plan, place, known)
    return stages, decided.splits, files


def _decide(
    recipe: Recipe,
    plan: Plan,
    rules: tuple[Rule, ...],
    lookout: Looking | None,
    work: Path,
    engine: Engine,
    watcher: Watcher,
) -> tuple[Overall, Seen | None, Decided]:
    """Decide on all staged records, with a look across them where the recipe asks for one."""
    wanted = _wanted(recipe, plan, rules)
    known = overall(work, len(plan.tasks), wanted)
    if any(registry()[name].learned for name in plan.signals):
        from curate.learned import learned_signals

        learned = learned_signals(work, known, plan.signals, engine, watcher.advance)
        known = replace(known, signals={**known.signals, **learned})
    if lookout is None:
        return known, None, decide(work, known, wanted)
    from curate.across import look_across
    from curate.dedup.sketch import sketch

    tasks = lookout.sketching(work, len(plan.tasks))
    watcher.advance("compare", 0, len(tasks))
    for done, _ in enumerate(engine.map(sketch, tasks), 1):
        watcher.advance("compare", done, len(tasks))
    seen = look_across(lookout, work, known, wanted, engine)
    for split, count in seen.leaks.items():
        watcher.say(
            f"{plan.name}: {count:,} records of {split} have a prompt that is near one of train "
            f"({recipe.split.near:g} or more alike); `curate split --test` parts them anew"
        )
    return known, seen, decide(work, known, wanted, seen.across)


def _told_mixture(plan: Plan, staged: list[Staged], watcher: Watcher) -> None:
    """Say when rows of a source were read as other formats than its own."""
    for source in plan.sources:
        took: Counter[str] = Counter()
        for _, one in _of_source(plan, staged, source.name):
            took.update(one.formats)
        others = {name: n for name, n in took.items() if name not in (source.format, "none")}
        if others:
            said = ", ".join(f"{n:,} as {name}" for name, n in sorted(others.items()))
            watcher.say(f"{source.name}: not all rows are {source.format}; read {said}")


def _proven(plan: Plan, staged: list[Staged]) -> tuple[Plan, str | None]:
    """Return the plan with how often each source's scores bear out its label.

    And the sentence for a source in which they contradict it too often, None where none does.
    """
    sources, wrong = [], None
    for source in plan.sources:
        parts = list(_of_source(plan, staged, source.name))
        found = direction.total(one.scores for _, one in parts)
        sources.append(source if found is None else replace(source, scores=found))
        limit = parts[0][0].reading.max_disagreement if parts else None
        if wrong is None and found is not None and direction.is_contradicted(found, limit):
            example = next((one.contradiction for _, one in parts if one.contradiction), None)
            wrong = direction.stopped(source.name, found, limit, example)
    return replace(plan, sources=tuple(sources)), wrong


def _of_source(plan: Plan, staged: list[Staged], name: str) -> Iterator[tuple[StageTask, Staged]]:
    """Yield the shards of raw rows of a source, in their order, with what was counted in each."""
    for task, one in zip(plan.tasks, staged, strict=True):
        if task.content is Content.ROWS and task.reading.source == name:
            yield task, one


def _write(
    plan: Plan,
    place: Workplace,
    staged: list[Staged],
    decided: Decided,
    engine: Engine,
    watcher: Watcher,
) -> dict[str, OutputFile]:
    used = tuple(sorted({name for one in staged for name in one.used}))
    tasks = plan_files(place.work, place.root, plan.shape, decided, used, plan.signals)
    files: dict[str, OutputFile] = {}
    total = len(tasks)
    for path, file in engine.map(write, tasks):
        files[path] = file
        watcher.advance("write", len(files), total)
    files |= write_refused(place.work, place.root, len(staged))
    return files


def _carried(recipe: Recipe, plan: Plan, place: Workplace, known: Overall) -> dict[str, OutputFile]:
    """Write what earlier runs saw across the records, where this one does not look itself."""
    kinds = {path.parent.name for one in plan.parents for path in map(Path, one.manifest.files)}
    files: dict[str, OutputFile] = {}
    if "clusters" in kinds and not recipe.dedup.active:
        from curate.carry import carry_clusters

        files |= carry_clusters(plan.parents, place.work, place.root, known)
    # Redacted texts are others than those whose spans were found, and these may show what went.
    unredacted = not any(task.redact for task in plan.tasks)
    if "contamination" in kinds and recipe.decontaminate.mode is None and unredacted:
        from curate.carry import carry_contamination

        files |= carry_contamination(plan.parents, place.root, known)
    return files


def _history(
    plan: Plan, staged: list[Staged], decided: Decided, recipe: Recipe
) -> tuple[Stage, ...]:
    """Return what every stage did: those of the folders that were read, then this run's."""
    refused = _sum(one.refused for one in staged)
    undecided = _sum(one.undecided for one in staged)
    broken = _sum(one.broken for one in staged)
    read = [
        one for task, one in zip(plan.tasks, staged, strict=True) if task.content is Content.ROWS
    ]
    entered = sum(one.entered for one in staged)
    records = sum(one.records for one in staged)
    stages = list(plan.history)
    if read:
        made = sum(one.entered for one in read)
        rows, merged = sum(one.rows for one in read), sum(one.merged for one in read)
        stages.append(_balanced("import", rows, made, {}, refused, merged))
    if undecided or entered != records:
        stages.append(_balanced("pair", entered, records, undecided))
    if recipe.annotations.active:
        from curate.annotate.review import STAGE as ANNOTATE

        reviewed = _sum(one.reviewed for one in staged)
        left = records - sum(reviewed.values())
        stages.append(_balanced(ANNOTATE, records, left, reviewed))
        records = left
    if read or broken:
        stages.append(_balanced("check", records, records - sum(broken.values()), broken))
    back = _sum(one.restored for one in staged)
    if back:
        sound = records - sum(broken.values())
        stages.append(Stage("restore", sound, sound + sum(back.values()), restored=back))
    left = decided.entered
    if decided.leaked:
        came = left + sum(decided.leaked.values())
        stages.append(_balanced("split", came, left, decided.leaked))
    if recipe.measures:
        rules = () if decided.tally is None else tuple(map(str, decided.tally.rules))
        one = _balanced("filter", left, left - sum(decided.taken.values()), decided.taken)
        stages.append(replace(one, rules=rules))
        left = one.left
    asked = {
        "decontaminate": recipe.decontaminate.mode is not None,
        "dedup": recipe.dedup.active,
        "balance": recipe.balance.on is not None,
        "take": bool(plan.portions),
    }
    for name in (name for name, wanted in asked.items() if wanted):
        taken = decided.later.get(name, {})
        stages.append(_balanced(name, left, left - sum(taken.values()), taken))
        left = stages[-1].left
    return tuple(stages)


def _balanced(
    stage: str,
    entered: int,
    left: int,
    dropped: dict[str, int],
    refused: dict[str, int] | None = None,
    merged: int = 0,
) -> Stage:
    """Return a stage whose arithmetic is made explicit: entered + made = left + what is not."""
    refused = refused or {}
    lost = sum(dropped.values()) + sum(refused.values()) + merged
    return Stage(stage, entered, left, dropped, refused, left + lost - entered, merged)


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up counts by reason, the most frequent first."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def nothing_left(plan: Plan, stages: tuple[Stage, ...]) -> str:
    """Return the sentence for a run that kept no record: what took most, and what to do."""
    lost = [
        (count, one.stage, reason)
        for one in stages
        for reason, count in (*one.refused.items(), *one.dropped.items())
    ]
    if not lost:
        return f"{plan.name}: the sources hold no rows at all; nothing was written"
    count, at, reason = max(lost, key=lambda item: item[0])
    verb = "refused" if at == "import" else "dropped"
    mend = (
        "loosen the rule, or see what each takes with --dry-run"
        if at in ("filter", "decontaminate", "dedup")
        else "look at the rows with `curate detect SOURCE`"
    )
    return (
        f"{plan.name}: no record is left and nothing was written; the {at} stage {verb} {count:,} "
        f"for: {reason}; {mend}"
    )


def _seal(
    plan: Plan,
    recipe: Recipe,
    place: Workplace,
    splits: dict[str, int],
    stages: tuple[Stage, ...],
    files: dict[str, OutputFile],
    staged: list[Staged],
    made_with: dict[str, str],
) -> None:
    """Write the card, the report and, last of all, the manifest."""
    from curate.export.card import card
    from curate.report.page import report

    used = {name for one in staged for name in one.used}
    required = REQUIRED[plan.shape]
    manifest = Manifest(
        name=plan.name,
        shape=plan.shape,
        recipe=_said_recipe(recipe),
        sources=plan.sources,
        inputs=plan.inputs,
        stages=stages,
        splits={name: count for name, count in splits.items() if count},
        files=dict(sorted(files.items())),
        columns=tuple(n for n in SCHEMAS[plan.shape].names if n in used.union(required)),
        versions=made_with,
        parents=tuple(parent.manifest_hash for parent in plan.parents),
        signals=plan.made_by,
        unmeasured=_sum(one.unmeasured for one in staged),
        redacted=_sum(one.redacted for one in staged),
    )
    folder = Folder(place.root)
    write_text_aside(folder.card, card(manifest))
    write_text_aside(folder.report, report(folder, manifest))
    write_text_aside(folder.manifest_path, manifest.to_json())


def _prepare(across: bool) -> None:
    """Load what the tasks of a run need."""
    stage_loops()
    if across:
        from curate.dedup.sketch import prepare

        prepare()


@contextmanager
def _engine(how: How, recipe: Recipe) -> Iterator[Engine]:
    """Open an engine, with a sentence for one that there is not and for a worker that dies."""
    if how.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {how.workers}")
    try:
        context = open_engine(how.engine, how.workers, partial(_prepare, recipe.looks_across))
    except LookupError:
        raise UsageError(
            f"unknown engine {how.engine!r}{did_you_mean(how.engine, ENGINES)} "
            f"(there are: {', '.join(ENGINES)})"
        ) from None
    except ImportError:
        raise UsageError(
            f"the engine {how.engine!r} is not installed; "
            f"`pip install 'pairwright[{how.engine}]'` brings it"
        ) from None
    try:
        with context as engine:
            yield engine
    except WorkerLostError as error:
        raise DataError(
            f"{error}, most likely for lack of memory; run the same command again with --resume "
            "and fewer --workers"
        ) from error
