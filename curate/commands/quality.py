"""Commands that judge what a dataset is like, and mend it: shortcuts, balance, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.commands.app import (
    AsJson,
    Engine,
    Output,
    Overwrite,
    Resume,
    Seed,
    Way,
    Workers,
    app,
    run_on_folder,
)
from schemas.errors import UsageError


@app.command()
def shortcuts(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The dataset folder.")],
    weighted: Annotated[
        bool, typer.Option("--weighted", help="Count each pair by its weight (`curate balance`).")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show how well each signal alone tells which answer was preferred (AUC; 0.5: not at all).

    \b
    curate shortcuts out/clean
    """
    from curate.shortcuts import shortcuts as find
    from curate.views_quality import show_shortcuts
    from schemas.layout import open_folder

    show_shortcuts(find(open_folder(directory), weighted=weighted), as_json=json)


@app.command()
def balance(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The dataset folder.")],
    output: Output,
    on: Annotated[
        str,
        typer.Option(
            metavar="SIGNAL", help="A signal that both answers have: words, list_items, ..."
        ),
    ],
    how: Annotated[
        str,
        typer.Option(
            metavar="HOW", help="matching (alike differences), sampling (any) or weighting (none)."
        ),
    ] = "matching",
    seed: Seed = 0,
    workers: Workers = 1,
    engine: Engine = "local",
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Leave pairs out, or weigh them, until a signal no longer tells which answer was preferred.

    \b
    curate balance out/clean -o out/balanced --on words
    curate balance out/clean -o out/weighed --on words --how weighting
    """
    from curate.balance import BalanceHow
    from curate.shortcuts import shortcuts as find
    from curate.views_quality import show_balance, show_weights
    from schemas.layout import open_folder

    parts = {"balance": {"on": on, "how": how}, "seed": seed}
    run_on_folder(directory, parts, output, Way(engine, workers, resume, overwrite, json))
    if json:
        return
    made = open_folder(output)
    before = open_folder(directory)
    if before.manifest.signals:
        weighs = how == BalanceHow.WEIGHTING
        show_balance(on, find(before), find(made, weighted=weighs))
        if weighs:
            show_weights(made)


@app.command()
def restore(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The dataset folder.")],
    output: Output,
    reason: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REASON",
            help="A rule, its signal or a stage, whose records come back; repeatable.",
        ),
    ] = None,
    id: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="The id of a record that comes back; repeatable."),
    ] = None,
    workers: Workers = 1,
    engine: Engine = "local",
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Take records back that were dropped, by the reason or by their ids.

    \b
    curate restore out/clean -o out/more --reason 'length_ratio <= 3'
    curate restore out/clean -o out/more --id 3f2a9c01d4e5b678
    """
    if not reason and not id:
        raise UsageError("say what comes back, with --reason or --id (`curate explain` tells both)")
    parts = {"restore": {"reasons": reason or [], "ids": id or []}}
    run_on_folder(directory, parts, output, Way(engine, workers, resume, overwrite, json))
