"""Commands that hand a dataset on: export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.commands.app import AsJson, app
from schemas.errors import UsageError

if TYPE_CHECKING:
    from curate.export.hub import Destination


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The dataset folder.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="ORG/NAME|PATH",
            help="A dataset of the Hub or, with --as, the new folder to write.",
            show_default=False,
        ),
    ],
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="TRAINER", help="Whose files to write: trl, llama-factory, openai, ..."
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the Hub's repository private.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="NAME", help="The branch of the repository to write to.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="NAME", help="A tag for what was uploaded.")
    ] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request instead of writing.")
    ] = False,
    allow_pii: Annotated[
        bool, typer.Option("--allow-pii", help="Upload personal data that signals found, too.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files there that no export wrote.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become public.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Upload the dataset to the Hub, or write the files that a trainer reads.

    \b
    curate export out/clean --to ORG/NAME --private
    curate export out/clean --to out/factory --as llama-factory
    """
    from curate.export.hub import Destination, destination

    if as_ is not None:
        _export_as(directory, Path(to), as_, json)
        return
    repo = destination(to)
    if repo is None:
        from curate.export.trainers import TARGETS

        raise UsageError(
            f"say whose files to write to {to} with --as: {', '.join(TARGETS)}; or give a dataset "
            "of the Hub with --to ORG/NAME"
        )
    _upload(
        directory,
        Destination(repo, private, revision, tag, create_pr, overwrite, allow_pii),
        dry_run,
        json,
    )


def _export_as(directory: Path, to: Path, as_: str, json: bool) -> None:
    from curate.export.trainers import TARGETS
    from curate.export.trainers import export as write
    from curate.signals.weight import WEIGHT
    from curate.views import show_export
    from schemas.layout import open_folder

    folder = open_folder(directory)
    made = write(folder, to, as_)
    show_export(TARGETS[as_], made, to, weighed=WEIGHT in folder.manifest.signals, as_json=json)


def _upload(directory: Path, to: Destination, dry_run: bool, json: bool) -> None:
    from curate.console import Bars
    from curate.export.hub import check, push
    from curate.export.public import survey
    from curate.views import show_public, show_pushed
    from schemas.layout import open_folder

    folder = open_folder(directory)
    public = survey(folder)
    show_public(public, to.repo, private=to.private, only=dry_run, as_json=json)
    check(public, to)
    if dry_run:
        return
    with Bars() as bars:
        pushed = push(folder, to, public, bars.say)
    show_pushed(pushed, as_json=json)
