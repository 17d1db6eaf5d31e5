"""The command's app, the options that commands share, and how a recipe is run from a command."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from schemas.errors import UsageError

if TYPE_CHECKING:
    from curate.recipe import Recipe


class StoppedError(Exception):
    """Somebody pressed Ctrl-C; the text says how to go on."""


class ReaderGoneError(Exception):
    """Nobody reads the output any more, as in `curate formats | head`."""


FAMILIES = {
    "make": "Make a dataset",
    "duplicates": "Look across its records",
    "quality": "Mend one",
    "look": "Look at one, or at what there is",
    "annotate": "Ask people",
    "export": "Hand one on",
}
"""What `curate --help` says above the commands of each file in this folder, in this order."""


class _Commands(typer.core.TyperGroup):
    """The commands by family, with ends of our own for Ctrl-C and for a reader that went away."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the titles of their families."""
        for family, title in FAMILIES.items():
            rows = [
                (name, command.get_short_help_str(limit=200))
                for name, command in self.commands.items()
                if getattr(command.callback, "__module__", "").endswith(f".{family}")
            ]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise StoppedError("stopped") from None
        except BrokenPipeError:
            raise ReaderGoneError from None
        return result


app = typer.Typer(
    name="curate",
    cls=_Commands,
    help="Make one clean, explained, reproducible preference dataset of whatever there is.",
    epilog="Start with:\n\n\b\ncurate import FILE -o DIR\ncurate filter DIR --dry-run",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Commands stand behind the program's name, even where there is but one of them."""


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the app with the command that is asked for and no other, or with all if none is.

    Before it looks which command is meant, typer reads the options of all that it has: 60 ms.
    """
    name = arguments[0] if arguments else ""
    asked = [
        one
        for one in app.registered_commands
        if name == (one.name or getattr(one.callback, "__name__", ""))
    ]
    if not asked:
        return app
    narrowed = copy.copy(app)
    narrowed.registered_commands = asked
    return narrowed


Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="The dataset folder to write.", show_default=False
    ),
]
Directory = Annotated[str, typer.Argument(metavar="DIR", help="The dataset folder (or raw files).")]
MaybeOutput = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", help="The dataset folder to write.", show_default=False
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be taken.")]
Workers = Annotated[int, typer.Option(metavar="N", help="Processes to work with.", min=1)]
Engine = Annotated[str, typer.Option(metavar="NAME", help="Where to work: local or ray.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Seed = Annotated[int, typer.Option(metavar="N", help="What everything random starts from.", min=0)]


@dataclass(frozen=True)
class Way:
    """How a command was told to work: what changes nothing of the result."""

    engine: str
    workers: int
    resume: bool
    overwrite: bool
    json: bool = False


def run_on_folder(
    directory: str, parts: dict[str, Any], output: Path | None, way: Way, *, dry_run: bool = False
) -> None:
    """Run, or preview, a recipe with a folder for its source and these parts; it filters nothing.

    (But where `parts` have a filter.)
    """
    from curate import recipe as recipes

    source = {"sources": [{"path": directory}], "filter": {"preset": None}}
    recipe = recipes.from_plain(source | parts)
    if dry_run:
        preview_recipe(recipe, way.engine, way.workers, way.json)
        return
    if output is None:
        raise UsageError("there is no folder to write to; give one with -o, or --dry-run")
    run_recipe(recipe, output, way.engine, way.workers, way.resume, way.overwrite, way.json)


def run_recipe(
    recipe: Recipe,
    output: Path,
    engine: str,
    workers: int,
    resume: bool,
    overwrite: bool,
    json: bool = False,
) -> None:
    """Write the dataset folder that a recipe says, with progress, and show what became of it."""
    from curate.api import Dataset
    from curate.console import Bars
    from curate.lean import run_lean
    from curate.pipeline import How
    from curate.pipeline import run as run_pipeline
    from curate.views import show_dataset
    from curate.work import Target

    run_lean()
    target = Target(output, overwrite=overwrite, resume=resume)
    with Bars() as bars:
        try:
            folder = run_pipeline(recipe, target, How(engine, workers), bars)
        except KeyboardInterrupt:
            again = "stopped; the same command with --resume goes on from here"
            raise StoppedError(again) from None
    show_dataset(Dataset(folder), as_json=json)


def preview_recipe(recipe: Recipe, engine: str, workers: int, json: bool) -> None:
    """Show what a recipe would keep and drop. Exits with 1 where nothing would be left."""
    from curate.console import Bars
    from curate.lean import run_lean
    from curate.pipeline import How, preview
    from curate.views import show_preview

    run_lean()
    with Bars() as bars:
        found = preview(recipe, How(engine, workers), bars)
    show_preview(found, as_json=json)
    if not sum(found.splits.values()):
        raise typer.Exit(1)
